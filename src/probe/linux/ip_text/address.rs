//! `ip -o addr show`, of iproute2 or busybox: one address a line; and without `-o`, one interface with
//! all its addresses on several lines.
//!
//! ```text
//! 3: v0    inet 10.1.0.1/24 brd 10.1.0.255 scope global v0\       valid_lft forever preferred_lft forever
//! 6: d0    inet 10.2.0.1 peer 10.2.0.2/32 scope global d0\       valid_lft forever preferred_lft forever
//! 6: d0    inet6 fe80::3c4a:7aff:fe0c:bfef/64 scope link \       valid_lft forever preferred_lft forever
//! ```
//! Each line gives a part of an interface: index, name and one address. Interfaces without an
//! address have no line. The prefix of a point-to-point address stands behind its peer.
//!
//! ```text
//! 3: v0@v1: <BROADCAST,UP> mtu 1500 qdisc noqueue state UP qlen 1000
//!     link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff
//!     inet 10.1.0.1/24 brd 10.1.0.255 scope global v0
//!        valid_lft forever preferred_lft forever
//! ```
//! Here each interface is one row, as `ip link` gives it, with its addresses.

use crate::model::link::{Interface, InterfaceAddress};
use crate::model::parsed::{Reader, Row};
use crate::probe::cursor::Cursor;
use crate::probe::linux::ip_text::link::{expected, interface};
use crate::probe::linux::ip_text::objects;
use crate::probe::linux::ip_text::words::{Words, network, owned};

/// A reader of addresses.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    objects::reader(|text, several| match if several { whole(text) } else { part(text) } {
        Some(part) => Ok(Some(Row::Interface(part))),
        None if several => Err("expected an interface and addresses as `inet 10.0.0.1/24`"),
        // busybox and some versions print the interface itself on a line of its own.
        None if is_link(text) => Ok(None),
        None if text == b"Message truncated" => Err(expected(text)),
        None => Err("expected an address as `3: eth0 inet 10.0.0.1/24`"),
    })
}

/// An interface with all its addresses.
fn whole(text: &[u8]) -> Option<Interface> {
    let mut interface = interface(text)?;
    for segment in text.split(|&byte| byte == b'\\').skip(1) {
        let mut words = Words::new(segment);
        if matches!(words.peek(), Some(b"inet" | b"inet6")) {
            interface.addresses.push(address(&mut words)?);
        }
    }
    interface.addresses.sort();
    Some(interface)
}

fn is_link(line: &[u8]) -> bool {
    let mut cursor = Cursor::new(line);
    cursor.decimal().is_some()
        && cursor.eat(b": ")
        && memchr::memmem::find(cursor.rest, b": <").is_some()
}

fn part(line: &[u8]) -> Option<Interface> {
    let mut cursor = Cursor::new(line);
    let index = cursor.number()?;
    cursor.after(b": ")?;
    let line = cursor.rest.split(|&byte| byte == b'\\').next()?;
    let mut words = Words::new(line);
    let name = words.next()?;
    let mut interface = Interface::named(owned(name));
    interface.index = Some(index);
    interface.addresses = vec![address(&mut words)?];
    Some(interface)
}

/// `inet 10.1.0.1/24` and what follows.
fn address(words: &mut Words<'_>) -> Option<InterfaceAddress> {
    let v4 = match words.next()? {
        b"inet" => true,
        b"inet6" => false,
        _ => return None,
    };
    let (address, mut prefix) = network(words.next()?)?;
    let (mut peer, mut scope) = (None, None);
    while let Some(word) = words.next() {
        match word {
            b"peer" => {
                let (far, bits) = network(words.next()?)?;
                peer = Some(far);
                prefix = bits;
            }
            b"scope" => scope = words.next().map(owned),
            _ => {}
        }
    }
    (address.is_ipv4() == v4).then_some(InterfaceAddress {
        address,
        prefix: Some(prefix),
        scope,
        peer,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::text::HostText;
    use crate::probe::testing::{read, rows};

    #[test]
    fn interfaces_on_several_lines_have_all_their_addresses() {
        let text = b"1: lo: <LOOPBACK,UP> mtu 65536 qdisc noqueue state UNKNOWN qlen 1000\n    \
            link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n    \
            inet6 ::1/128 scope host \n       valid_lft forever preferred_lft forever\n    \
            inet 127.0.0.1/8 scope host lo\n       valid_lft forever preferred_lft forever\n\
            4: tun0: <NOARP> mtu 1480 state DOWN\n    link/[65534]\n    \
            inet 192.0.2.1 peer 192.0.2.2/32 scope global tun0\n\
            5: eth1: <UP> mtu 1500 state DOWN\n    link/ether 02:00:00:00:00:05 brd ff:ff:ff:ff:ff:ff\n\
            6: eth2: <UP> mtu 1500\n    inet 192.0.2.300/24\n";
        let seen = read(reader(), text);
        let named = |name: &'static str, index, mtu, state: &'static str, kind: &'static str| {
            let word = |word: &'static str| HostText::new(word.as_bytes());
            let mut interface = Interface::named(word(name));
            interface.index = Some(index);
            interface.mtu = Some(mtu);
            interface.oper_state = Some(word(state));
            interface.kind = Some(word(kind));
            interface
        };
        let words = |words: &[&'static str]| -> Vec<HostText<'static>> {
            words.iter().map(|word| HostText::new(word.as_bytes())).collect()
        };
        let at =
            |address: &str, prefix, scope: &'static str, peer: Option<&str>| InterfaceAddress {
                address: address.parse().unwrap(),
                prefix: Some(prefix),
                scope: Some(HostText::new(scope.as_bytes())),
                peer: peer.map(|peer| peer.parse().unwrap()),
            };
        let mut lo = named("lo", 1, 65536, "unknown", "loopback");
        lo.flags = words(&["LOOPBACK", "UP"]);
        lo.mac = Some(HostText::new(b"00:00:00:00:00:00"));
        lo.addresses = vec![at("127.0.0.1", 8, "host", None), at("::1", 128, "host", None)];
        let mut tunnel = named("tun0", 4, 1480, "down", "[65534]");
        tunnel.flags = words(&["NOARP"]);
        tunnel.addresses = vec![at("192.0.2.1", 32, "global", Some("192.0.2.2"))];
        let mut bare = named("eth1", 5, 1500, "down", "ether");
        bare.flags = words(&["UP"]);
        bare.mac = Some(HostText::new(b"02:00:00:00:00:05"));
        assert_eq!(rows(&seen), [lo, tunnel, bare].map(Row::Interface));
        let issues: Vec<_> = seen.issues.iter().map(|issue| issue.span.line).collect();
        assert_eq!(issues, [12]);
    }
}
