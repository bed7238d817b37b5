//! One end of a socket as `ss` spells it: `host[%device]:port`.
//!
//! In: the front of a line. Out: what is written there; which family a `*` means is decided by
//! the row.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::probe::address::ipv6;
use crate::probe::cursor::{Cursor, is_blank};

/// The address part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// `*`.
    Any,
    /// Dotted.
    V4(Ipv4Addr),
    /// `[v6]`, since iproute2 4.14, or bare before.
    V6 {
        /// The address.
        address: Ipv6Addr,
        /// In brackets.
        bracketed: bool,
    },
}

/// An end as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spelled<'a> {
    /// The address part.
    pub(super) host: Host,
    /// What follows `%`.
    pub(super) device: Option<&'a [u8]>,
    /// The port; `None` for `*`. For raw sockets the number of the protocol.
    pub(super) port: Option<u16>,
}

impl Spelled<'_> {
    /// The address, with `any` for `*`.
    pub(super) fn address(&self, any: IpAddr) -> IpAddr {
        match self.host {
            Host::Any => any,
            Host::V4(address) => address.into(),
            Host::V6 { address, .. } => address.into(),
        }
    }
}

/// Takes one end and checks that a word ends there.
#[inline]
pub(super) fn read<'a>(cursor: &mut Cursor<'a>) -> Option<Spelled<'a>> {
    cursor.blanks();
    let start = *cursor;
    let host = match cursor.rest.first()? {
        b'*' => {
            cursor.eat(b"*");
            Host::Any
        }
        b'[' => bracketed(cursor)?,
        _ => match cursor.ipv4() {
            // An old v6 address can begin like a v4 one only up to its first colon.
            Some(address) => Host::V4(address),
            None => return bare(start, cursor),
        },
    };
    let device = if cursor.eat(b"%") { Some(device(cursor)?) } else { None };
    if !cursor.eat(b":") {
        return None;
    }
    let Port(port) = port(cursor)?;
    Some(Spelled { host, device, port })
}

fn bracketed(cursor: &mut Cursor<'_>) -> Option<Host> {
    // The longest address has 45 characters.
    let text = cursor.rest.get(1..)?;
    let end = text.iter().take(46).position(|&byte| byte == b']')?;
    let (address, tail) = text.split_at(end);
    cursor.rest = tail.get(1..)?;
    Some(Host::V6 { address: ipv6(address)?, bracketed: true })
}

/// A device name has no `:`, so it ends at the first one.
fn device<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let end = cursor.rest.iter().position(|&byte| byte == b':' || is_blank(byte))?;
    let (name, tail) = cursor.rest.split_at(end);
    cursor.rest = tail;
    (!name.is_empty()).then_some(name)
}

/// A port; `None` inside for `*`.
struct Port(Option<u16>);

fn port(cursor: &mut Cursor<'_>) -> Option<Port> {
    let port = if cursor.eat(b"*") { None } else { Some(cursor.number()?) };
    cursor.at_word_end().then_some(Port(port))
}

/// An address without brackets, as before iproute2 4.14: the last colon is the port's.
#[cold]
fn bare<'a>(start: Cursor<'a>, cursor: &mut Cursor<'a>) -> Option<Spelled<'a>> {
    *cursor = start;
    let word = cursor.token();
    let colon = memchr::memrchr(b':', word)?;
    let (host, port_text) = word.split_at(colon);
    let (address, device) = match memchr::memchr(b'%', host) {
        Some(at) => (host.get(..at)?, Some(host.get(at + 1..)?)),
        None => (host, None),
    };
    if device.is_some_and(<[u8]>::is_empty) {
        return None;
    }
    let Port(port) = port(&mut Cursor::new(port_text.get(1..)?))?;
    let address = ipv6(address)?;
    Some(Spelled { host: Host::V6 { address, bracketed: false }, device, port })
}

/// What was expected: where the line has no letter behind its state, no name can be what is wrong.
#[cold]
pub(super) fn expected(line: &[u8]) -> &'static str {
    let ends = line.split(|byte| *byte == b' ').filter(|word| word.contains(&b':')).take(2);
    let named = |word: &[u8]| {
        !word.contains(&b'[') && word.iter().any(|byte| matches!(byte, b'g'..=b'z' | b'G'..=b'Z'))
    };
    if ends.into_iter().any(named) {
        "expected two ends as address:port; run ss with -n"
    } else {
        "expected two ends, each an address and a port up to 65535"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Option<Spelled<'_>> {
        read(&mut Cursor::new(text.as_bytes()))
    }

    fn v6(address: &str, bracketed: bool) -> Host {
        Host::V6 { address: address.parse().unwrap(), bracketed }
    }

    #[test]
    fn every_spelling_of_an_end_is_read() {
        let v4 = Host::V4(Ipv4Addr::new(10, 0, 0, 1));
        let zero = Host::V4(Ipv4Addr::UNSPECIFIED);
        for (text, host, device, port) in [
            ("10.0.0.1:22", v4, None, Some(22)),
            ("0.0.0.0%eth0:68 ", zero, Some("eth0"), Some(68)),
            ("  *:*", Host::Any, None, None),
            ("*%eth0:58", Host::Any, Some("eth0"), Some(58)),
            ("[::]:22", v6("::", true), None, Some(22)),
            ("[fe80::1]%eth0.5:546", v6("fe80::1", true), Some("eth0.5"), Some(546)),
            ("[::ffff:10.0.0.1]:5", v6("::ffff:10.0.0.1", true), None, Some(5)),
            (":::22", v6("::", false), None, Some(22)),
            (":::*", v6("::", false), None, None),
            ("::ffff:10.0.0.1:22", v6("::ffff:10.0.0.1", false), None, Some(22)),
            ("fe80::1%eth0:546", v6("fe80::1", false), Some("eth0"), Some(546)),
            ("2001:db8::1:65535", v6("2001:db8::1", false), None, Some(65535)),
        ] {
            let device = device.map(str::as_bytes);
            assert_eq!(whole(text), Some(Spelled { host, device, port }), "{text}");
        }
    }

    #[test]
    fn what_is_no_end_is_refused() {
        for text in [
            "",
            "*",
            "*:",
            "*:x",
            "10.0.0.1",
            "10.0.0.1:",
            "10.0.0.1:65536",
            "10.0.0:1",
            "10.0.0.256:1",
            "[::1]",
            "[::1:22",
            "[::1]22",
            "0.0.0.0%:68",
            "10.0.0.1:22x",
            ":22",
            "localhost:ssh",
            "::1%:22",
            "1.2.3.4.5:6",
        ] {
            assert_eq!(whole(text), None, "{text}");
        }
    }
}
