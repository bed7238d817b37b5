//! One end of a socket as `ADDRESS.PORT`.
//!
//! ```text
//! 192.0.2.1.22   *.22   *.*   fe80::1%lo0.123   ::1.25   2001:db8::1.443
//! ```
//! The port stands behind the last dot, `*` is any. An IPv4 address may be printed short of octets
//! only in tables of routes, never here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::socket::{Endpoint, Family};
use crate::model::text::HostText;
use crate::probe::address::ipv6;
use crate::probe::cursor::Cursor;

/// Reads one end. `family` is that of the row; it decides what `*` means and which addresses are
/// taken. `None` for anything else, such as a name or a cut address.
#[inline]
pub(in crate::probe) fn endpoint(word: &[u8], family: Family) -> Option<Endpoint<'_>> {
    let dot = memchr::memrchr(b'.', word)?;
    let (host, port) = (word.get(..dot)?, word.get(dot + 1..)?);
    let (address, zone) = address(host, family)?;
    Some(Endpoint { address, port: self::port(port)?, zone })
}

/// Reads a port: a number, or `*` for any.
#[inline]
#[expect(clippy::option_option, reason = "no port at all is another thing than any port")]
pub(in crate::probe) fn port(word: &[u8]) -> Option<Option<u16>> {
    if word == b"*" {
        return Some(None);
    }
    let mut cursor = Cursor::new(word);
    let port = cursor.number::<u16>()?;
    cursor.rest.is_empty().then_some(Some(port))
}

/// Reads an address with its zone, or `*`.
#[inline]
pub(in crate::probe) fn address(
    host: &[u8],
    family: Family,
) -> Option<(IpAddr, Option<HostText<'_>>)> {
    match (host, family) {
        (b"*", Family::Ipv4) => Some((Ipv4Addr::UNSPECIFIED.into(), None)),
        (b"*", Family::Ipv6) => Some((Ipv6Addr::UNSPECIFIED.into(), None)),
        (_, Family::Ipv4) => {
            let mut cursor = Cursor::new(host);
            let address = cursor.ipv4()?;
            cursor.rest.is_empty().then_some((address.into(), None))
        }
        (_, Family::Ipv6) => {
            let (address, zone) = match memchr::memchr(b'%', host) {
                Some(at) => (host.get(..at)?, host.get(at + 1..)),
                None => (host, None),
            };
            let zone = zone.filter(|zone| !zone.is_empty()).map(HostText::new);
            Some((ipv6(address)?.into(), zone))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(word: &str, family: Family) -> Option<(String, Option<u16>, Option<String>)> {
        let end = endpoint(word.as_bytes(), family)?;
        let zone = end.zone.map(|zone| zone.escaped().into_owned());
        Some((end.address.to_string(), end.port, zone))
    }

    #[test]
    fn ends_are_split_at_the_last_dot() {
        let some = |address: &str, port, zone: Option<&str>| {
            Some((address.to_owned(), port, zone.map(str::to_owned)))
        };
        let (v4, v6) = (Family::Ipv4, Family::Ipv6);
        assert_eq!(read("192.0.2.1.22", v4), some("192.0.2.1", Some(22), None));
        assert_eq!(read("*.22", v4), some("0.0.0.0", Some(22), None));
        assert_eq!(read("*.*", v6), some("::", None, None));
        assert_eq!(read("fe80::1%lo0.123", v6), some("fe80::1", Some(123), Some("lo0")));
        assert_eq!(read("::1.25", v6), some("::1", Some(25), None));
        assert_eq!(read("::ffff:192.0.2.1.25", v6), some("::ffff:192.0.2.1", Some(25), None));
        for word in ["192.0.2.1", "192.0.2.1.", "192.0.2.1.65536", "web-1.22", "*", "2001:db8.22"] {
            assert_eq!(read(word, v4), None, "{word}");
            assert_eq!(read(word, v6), None, "{word}");
        }
    }
}
