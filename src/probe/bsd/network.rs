//! Networks, link-layer addresses and words as netstat(1), arp(8) and ndp(8) of the BSDs write them.
//!
//! ```text
//! 127   10/8   169.254   192.168.1/24   192.0.2.0/25   ::/96   fe80::%en0/64   1:0:5e:0:0:fb   link#4
//! ```
//! In: one word. Out: what it says, or `None`.
//!
//! Decisions:
//! - Octets of an IPv4 network that are left out are 0. A network without a prefix length has that of
//!   its class (macOS `netname`, which leaves `/8`, `/16` and `/24` out where the class says so); a
//!   host has 32. Where neither can be, because bits behind the class are set, it is no network.
//! - IPv6 networks always tell their length with `-n`; without, it is not known.
//! - KAME kernels keep the index of the interface in the second group of a link-local address, and
//!   tools that print the kernel's bytes show it there: `fe80:4::1` is `fe80::1`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::socket::Family;
use crate::model::text::HostText;
use crate::probe::address::ipv6;
use crate::probe::cursor::{Cursor, is_blank};

/// A network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::probe) struct Network {
    /// Its address, as written.
    pub(in crate::probe) address: IpAddr,
    /// Length of its prefix, in bits.
    pub(in crate::probe) prefix: u8,
}

/// Words of a line, without the blanks between them.
pub(in crate::probe) fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&byte| is_blank(byte)).filter(|word| !word.is_empty())
}

/// Bytes that borrow nothing.
pub(in crate::probe) fn owned(bytes: &[u8]) -> HostText<'static> {
    HostText::owned(bytes.to_vec())
}

/// A number that is the whole word.
pub(in crate::probe) fn number<T: TryFrom<u64>>(word: &[u8]) -> Option<T> {
    let mut cursor = Cursor::new(word);
    cursor.number().filter(|_| cursor.rest.is_empty())
}

/// Reads a network of a family. `host`: the entry is for one address.
pub(in crate::probe) fn network(word: &[u8], family: Family, host: bool) -> Option<Network> {
    let (text, prefix) = match memchr::memrchr(b'/', word) {
        Some(at) => (word.get(..at)?, Some(number::<u8>(word.get(at + 1..)?)?)),
        None => (word, None),
    };
    match family {
        Family::Ipv4 => {
            let address = ipv4(text)?;
            let prefix = match prefix {
                Some(prefix) => prefix,
                None if host => 32,
                None => class(address)?,
            };
            (prefix <= 32).then_some(Network { address: address.into(), prefix })
        }
        Family::Ipv6 => {
            let address = ipv6_of(text)?.into();
            let prefix = prefix.or(host.then_some(128))?;
            (prefix <= 128).then_some(Network { address, prefix })
        }
    }
}

/// One to four octets.
fn ipv4(text: &[u8]) -> Option<Ipv4Addr> {
    let mut octets = [0_u8; 4];
    let mut parts = text.split(|&byte| byte == b'.');
    for octet in &mut octets {
        match parts.next() {
            Some(part) if part.len() <= 3 => *octet = number(part)?,
            Some(_) => return None,
            None => break,
        }
    }
    parts.next().is_none().then_some(Ipv4Addr::from(octets))
}

/// Prefix length of the class that a network is in.
fn class(address: Ipv4Addr) -> Option<u8> {
    let [first, ..] = address.octets();
    let prefix = match first {
        0..=127 => 8,
        128..=191 => 16,
        192..=255 => 24,
    };
    (address.to_bits() << prefix == 0).then_some(prefix)
}

/// An address of either family in full, with or without a zone, which is left out.
pub(in crate::probe) fn address(text: &[u8]) -> Option<IpAddr> {
    let mut cursor = Cursor::new(text);
    match cursor.ipv4() {
        Some(address) if cursor.rest.is_empty() => Some(address.into()),
        _ => Some(ipv6_of(text)?.into()),
    }
}

fn ipv6_of(text: &[u8]) -> Option<Ipv6Addr> {
    let end = memchr::memchr(b'%', text).unwrap_or(text.len());
    ipv6(text.get(..end)?).map(without_index)
}

/// Takes the interface's index out of a link-local address.
pub(in crate::probe) fn without_index(address: Ipv6Addr) -> Ipv6Addr {
    let [first, second, rest @ ..] = address.segments();
    let local = first & 0xffc0 == 0xfe80 || matches!(first, 0xff01 | 0xff02);
    if !local || second == 0 {
        return address;
    }
    let [c, d, e, f, g, h] = rest;
    Ipv6Addr::new(first, 0, c, d, e, f, g, h)
}

/// True for a link-layer address: groups of one or two hexadecimal digits between colons or points,
/// six of them or more.
pub(in crate::probe) fn is_link_address(word: &[u8]) -> bool {
    let groups = |separator: u8| {
        let mut count = 0;
        for group in word.split(|&byte| byte == separator) {
            if !matches!(group.len(), 1 | 2) || !group.iter().all(u8::is_ascii_hexdigit) {
                return 0;
            }
            count += 1;
        }
        count
    };
    groups(b':') >= 6 || groups(b'.') >= 6
}

/// True for the six groups of an Ethernet address. A whole IPv6 address never looks like that.
pub(in crate::probe) fn is_ethernet(word: &[u8]) -> bool {
    is_link_address(word) && word.iter().filter(|&&byte| matches!(byte, b':' | b'.')).count() == 5
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(word: &str, family: Family, host: bool) -> Option<String> {
        network(word.as_bytes(), family, host)
            .map(|network| format!("{}/{}", network.address, network.prefix))
    }

    #[test]
    fn short_networks_are_filled_up_and_classes_apply_where_no_length_is_told() {
        let v4 = |word, host| read(word, Family::Ipv4, host);
        for (word, expected) in [
            ("127", "127.0.0.0/8"),
            ("10/8", "10.0.0.0/8"),
            ("0/1", "0.0.0.0/1"),
            ("128.0/1", "128.0.0.0/1"),
            ("169.254", "169.254.0.0/16"),
            ("172.16.0/24", "172.16.0.0/24"),
            ("192.168.1", "192.168.1.0/24"),
            ("224.0.0/4", "224.0.0.0/4"),
            ("192.0.2.128/25", "192.0.2.128/25"),
            ("192.0.2.1/32", "192.0.2.1/32"),
        ] {
            assert_eq!(v4(word, false).as_deref(), Some(expected), "{word}");
        }
        assert_eq!(v4("192.0.2.1", true).as_deref(), Some("192.0.2.1/32"));
        for word in ["", "10.", "10.1", "192.0.2.1", "10/33", "10/", "web-1", "1.2.3.4.5", "256/8"]
        {
            assert_eq!(v4(word, false), None, "{word}");
        }
        assert_eq!(v4("10.&0xff00ff00", false), None, "a mask with holes");
    }

    #[test]
    fn ipv6_networks_lose_zone_and_index_and_need_a_length() {
        let v6 = |word, host| read(word, Family::Ipv6, host);
        assert_eq!(v6("fe80::%en0/64", false).as_deref(), Some("fe80::/64"));
        assert_eq!(v6("fe80:4::1/64", false).as_deref(), Some("fe80::1/64"));
        assert_eq!(v6("ff02:2::1%en0/32", false).as_deref(), Some("ff02::1/32"));
        assert_eq!(v6("2001:db8::1", true).as_deref(), Some("2001:db8::1/128"));
        for word in ["2001:db8::1", "::/129", "fe80::%en0", "2001:db8:1:2/64"] {
            assert_eq!(v6(word, false), None, "{word}");
        }
    }

    #[test]
    fn link_addresses_are_told_from_other_words() {
        for word in
            ["0:4:ed:de:41:bf", "00:00:5e:00:53:01", "a4:b1:97:ff:fe:b9:3a:d4", "0.4.a.b.c.d"]
        {
            assert!(is_link_address(word.as_bytes()), "{word}");
        }
        for word in ["lo0", "link#4", "192.0.2.1", "fe80::1", "2001:db8:1:2:3:4:5:6", "1:2:3"] {
            assert!(!is_link_address(word.as_bytes()), "{word}");
        }
        assert!(is_ethernet(b"0:4:ed:de:41:bf"));
        assert!(!is_ethernet(b"1:2:3:4:5:6:7:8"));
    }
}
