//! Words of the tables that AIX and HP-UX print: numbers, networks, flags.
//!
//! In: one word. Out: its value, or `None` where the word is something else.
//!
//! ```text
//! 10.1/16   127/8   198.51.100.0/255.255.255.0   UGHS
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::route::{NextHop, Route, RouteKind};
use crate::model::socket::Family;
use crate::model::text::HostText;
use crate::probe::bsd::endpoint;
use crate::probe::cursor::{Cursor, is_blank};

/// The words of a line, without the blanks between them.
pub(in crate::probe) fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    line.split(|&byte| is_blank(byte)).filter(|word| !word.is_empty())
}

/// A word that is a decimal number as a whole.
pub(in crate::probe) fn decimal(word: &[u8]) -> Option<u64> {
    let mut cursor = Cursor::new(word);
    let value = cursor.decimal()?;
    cursor.rest.is_empty().then_some(value)
}

/// A copy of what a host sent.
pub(in crate::probe) fn owned(bytes: &[u8]) -> HostText<'static> {
    HostText::owned(bytes.to_vec())
}

/// True for a word of hexadecimal digits alone, at most 16: the kernel's address of something.
pub(in crate::probe) fn is_kernel_address(word: &[u8]) -> bool {
    (1..=16).contains(&word.len()) && word.iter().all(u8::is_ascii_hexdigit)
}

/// Reads an IPv4 network of which octets at the end may be left out: `10.1` is `10.1.0.0`.
pub(in crate::probe) fn short_ipv4(text: &[u8]) -> Option<Ipv4Addr> {
    let mut octets = [0_u8; 4];
    let mut slots = octets.iter_mut();
    for part in text.split(|&byte| byte == b'.') {
        *slots.next()? = u8::try_from(decimal(part).filter(|_| part.len() <= 3)?).ok()?;
    }
    Some(Ipv4Addr::from(octets))
}

/// A destination: network and length of its prefix.
pub(in crate::probe) type Destination = (IpAddr, u8);

/// What was expected where a destination cannot be told.
pub(in crate::probe) const NO_PREFIX: &str = "expected the length of the destination's prefix";

/// Reads a destination: `default`, an address, or either with `/` and a length or a dotted mask.
/// `host` says that it is one address where neither stands there. A zone is left out.
pub(in crate::probe) fn destination(
    word: &[u8],
    family: Family,
    host: bool,
) -> Result<Destination, &'static str> {
    const EXPECTED: &str = "expected a destination in numbers: run netstat with -n";
    let (text, mask) = match memchr::memchr(b'/', word) {
        Some(at) => (word.get(..at).unwrap_or_default(), word.get(at + 1..)),
        None => (word, None),
    };
    let any = text == b"default";
    let (address, bits): (IpAddr, u8) = match family {
        Family::Ipv4 if any => (Ipv4Addr::UNSPECIFIED.into(), 32),
        Family::Ipv6 if any => (Ipv6Addr::UNSPECIFIED.into(), 128),
        Family::Ipv4 => (short_ipv4(text).ok_or(EXPECTED)?.into(), 32),
        Family::Ipv6 => (endpoint::address(text, family).ok_or(EXPECTED)?.0, 128),
    };
    let prefix = match mask {
        Some(mask) => prefix(mask).filter(|&prefix| prefix <= bits).ok_or(NO_PREFIX)?,
        None if any => 0,
        None if host => bits,
        None => return Err(NO_PREFIX),
    };
    Ok((address, prefix))
}

/// Reads the length of a prefix, as a number or as a dotted mask without holes.
fn prefix(mask: &[u8]) -> Option<u8> {
    if !mask.contains(&b'.') {
        return u8::try_from(decimal(mask)?).ok();
    }
    let mut cursor = Cursor::new(mask);
    let bits = cursor.ipv4()?.to_bits();
    cursor.rest.is_empty().then(|| mask_length(bits))?
}

/// Length of a mask without holes.
pub(in crate::probe) fn mask_length(mask: u32) -> Option<u8> {
    let ones = mask.leading_ones();
    let whole = mask.checked_shl(ones).unwrap_or(0) == 0;
    whole.then(|| u8::try_from(ones).ok())?
}

/// A route of the table main through one way out.
pub(in crate::probe) fn route(
    family: Family,
    (destination, prefix): Destination,
    hop: NextHop,
    flags: &[u8],
) -> Route {
    let mut letters: Vec<u8> = flags.to_vec();
    letters.sort_unstable();
    letters.dedup();
    Route {
        family,
        table: HostText::new(b"main"),
        destination,
        prefix,
        kind: RouteKind::Unicast,
        next_hops: vec![hop],
        source: None,
        metric: None,
        protocol: None,
        scope: None,
        mtu: None,
        flags: letters.chunks(1).map(owned).collect(),
        expires_seconds: None,
    }
}

/// True for a word of flags: letters and the digits of protocol flags.
pub(in crate::probe) fn are_flags(word: &[u8]) -> bool {
    word.len() <= 16 && word.iter().all(u8::is_ascii_alphanumeric) && word.contains(&b'U')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_read_with_any_kind_of_prefix() {
        let read = |word: &str, family, host| destination(word.as_bytes(), family, host);
        let ok = |address: &str, prefix| Ok((address.parse().unwrap(), prefix));
        let (v4, v6) = (Family::Ipv4, Family::Ipv6);
        assert_eq!(read("default", v4, false), ok("0.0.0.0", 0));
        assert_eq!(read("default/0.0.0.0", v4, false), ok("0.0.0.0", 0));
        assert_eq!(read("10.1/16", v4, false), ok("10.1.0.0", 16));
        assert_eq!(read("127/8", v4, false), ok("127.0.0.0", 8));
        assert_eq!(read("192.0.2.0/255.255.255.128", v4, false), ok("192.0.2.0", 25));
        assert_eq!(read("192.0.2.1", v4, true), ok("192.0.2.1", 32));
        assert_eq!(read("::1%1", v6, true), ok("::1", 128));
        assert_eq!(read("default", v6, false), ok("::", 0));
        assert_eq!(read("2001:db8::/32", v6, false), ok("2001:db8::", 32));
        assert_eq!(read("192.0.2.1", v4, false), Err(NO_PREFIX));
        assert_eq!(read("192.0.2.0/255.0.255.0", v4, false), Err(NO_PREFIX));
        assert_eq!(read("192.0.2.0/33", v4, false), Err(NO_PREFIX));
        for word in ["web-1", "1.2.3.4.5", "1..2", "256/8", "", "0001.2/8"] {
            assert!(read(word, v4, true).is_err(), "{word}");
        }
    }
}
