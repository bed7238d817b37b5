//! `ip -o -s -s -d link`, and the same with fewer options or without `-o`: interfaces with kind, state
//! and counters.
//!
//! ```text
//! 3: v0@v1: <BROADCAST,UP> mtu 1500 qdisc noqueue master br0 state UP qlen 1000\    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff\    veth addrgenmode eui64\    RX: bytes packets errors dropped missed mcast\    840 8 0 0 0 0\    TX: bytes packets errors dropped carrier collsns\    516 6 0 0 0 0
//! ```
//! Index, name (behind `@` the other end), flags, then words; the link type and address; the kind,
//! with `-d`; and counters, each line of numbers below a line of their names, which change with the
//! version. Below `RX errors:` stands `overrun` where it does not stand below `RX:`.
//!
//! Without `-o` a new line stands in place of each backslash.
//!
//! A name may hold `@` too: what follows the last one is taken for the other end. A name and an
//! alias may hold a backslash, so a segment is known by its first word.

use crate::model::link::{Interface, LinkCounters};
use crate::model::parsed::{Reader, Row};
use crate::probe::cursor::Cursor;
use crate::probe::linux::ip_text::objects;
use crate::probe::linux::ip_text::words::{Words, lower, number, owned};

/// A reader of interfaces.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    objects::reader(|text, _| match interface(text) {
        Some(row) => Ok(Some(Row::Interface(row))),
        None => Err(expected(text)),
    })
}

/// What a text should have been that is no interface.
pub(super) fn expected(text: &[u8]) -> &'static str {
    // RHEL 5 and 6 write it among the rows where a buffer was too small.
    if text == b"Message truncated" {
        "`ip` says that it left something out: interfaces may be missing"
    } else {
        "expected an interface as `3: eth0: <UP> mtu 1500`"
    }
}

/// Lines that may follow that of the link and do not tell the kind.
const NO_KINDS: [&[u8]; 7] =
    [b"alias", b"altname", b"vf", b"inet", b"inet6", b"valid_lft", b"permaddr"];

/// One interface in the form of `-o`.
pub(super) fn interface(line: &[u8]) -> Option<Interface> {
    let (mut interface, rest) = front(line)?;
    let mut segments = rest.split(|&byte| byte == b'\\');
    describe(segments.next()?, &mut interface);
    let mut names: Option<(bool, &[u8])> = None;
    let mut after_link = false;
    for segment in segments {
        if let Some((receives, names)) = names.take() {
            count(receives, names, segment, &mut interface);
            continue;
        }
        let mut words = Words::new(segment);
        match words.next() {
            Some(b"RX:") => names = Some((true, after(segment, b"RX:"))),
            Some(b"TX:") => names = Some((false, after(segment, b"TX:"))),
            Some(b"RX") => names = Some((true, after(segment, b"RX errors:"))),
            Some(b"TX") => names = Some((false, after(segment, b"TX errors:"))),
            Some(word) if word.starts_with(b"link/") => {
                link_type(word, words.next(), &mut interface);
                after_link = true;
                continue;
            }
            // The kind stands behind the link's line, and the kind of its master behind that.
            Some(word)
                if after_link
                    && !NO_KINDS.contains(&word)
                    && !word.ends_with(b"_slave")
                    && memchr::memchr(b'/', word).is_none() =>
            {
                interface.kind = Some(owned(word));
            }
            _ => {}
        }
        after_link = false;
    }
    Some(interface)
}

/// `3: v0@v1: <BROADCAST,UP> `, and what follows.
fn front(line: &[u8]) -> Option<(Interface, &[u8])> {
    let mut cursor = Cursor::new(line);
    let index = cursor.number()?;
    cursor.after(b": ")?;
    // A name holds no colon and no blank.
    let end = memchr::memmem::find(cursor.rest, b": <")?;
    let (name, rest) = cursor.rest.split_at(end);
    let name = match memchr::memrchr(b'@', name) {
        Some(at) if at > 0 => name.get(..at)?,
        _ => name,
    };
    let plain = !name.is_empty() && !name.iter().any(|byte| matches!(byte, b' ' | b':' | b'/'));
    let rest = rest.get(3..)?;
    let close = memchr::memchr(b'>', rest)?;
    let (flags, rest) = rest.split_at(close);
    let mut interface = Interface::named(owned(name));
    interface.index = Some(index);
    let words = flags.split(|&byte| byte == b',').filter(|word| !word.is_empty());
    interface.flags = words.map(owned).collect();
    interface.flags.sort_unstable();
    plain.then_some((interface, rest.get(1..)?))
}

fn describe(segment: &[u8], interface: &mut Interface) {
    let mut words = Words::new(segment);
    while let Some(word) = words.next() {
        match word {
            b"mtu" => interface.mtu = words.next().and_then(number),
            b"master" => interface.master = words.next().map(owned),
            b"state" => interface.oper_state = words.next().map(lower),
            _ => {}
        }
    }
}

/// `link/ether` and an address. Tunnels have addresses with dots, `link/none` has none.
fn link_type(word: &[u8], next: Option<&[u8]>, interface: &mut Interface) {
    interface.kind = word.strip_prefix(b"link/").map(owned);
    let is_address = |word: &&[u8]| word.iter().any(|byte| matches!(byte, b':' | b'.'));
    interface.mac = next.filter(is_address).map(owned);
}

fn after<'a>(segment: &'a [u8], title: &[u8]) -> &'a [u8] {
    let at = memchr::memmem::find(segment, title).map_or(segment.len(), |at| at + title.len());
    segment.get(at..).unwrap_or_default()
}

/// Takes the numbers below their names.
fn count(receives: bool, names: &[u8], numbers: &[u8], interface: &mut Interface) {
    for (name, word) in Words::new(names).zip(Words::new(numbers)) {
        let value = number(word);
        let counters: &mut LinkCounters =
            if receives { &mut interface.rx } else { &mut interface.tx };
        match name {
            b"bytes" => counters.bytes = value,
            b"packets" => counters.packets = value,
            b"errors" => counters.errors = value,
            b"dropped" => counters.dropped = value,
            b"overrun" if receives => counters.overruns = value,
            b"carrier" if !receives => interface.carrier_errors = value,
            b"fifo" if !receives => interface.fifo_errors = value,
            b"mcast" if receives => counters.multicast = value,
            b"collsns" if !receives => interface.collisions = value,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::text::HostText;
    use crate::probe::testing::{read, rows};

    #[test]
    fn an_old_vlan_with_overruns_in_the_first_line_and_a_tunnel_are_read() {
        let text = b"7: eth0.10@eth0: <UP,BROADCAST> mtu 1500 qdisc noop state DOWN \\    link/ether \
            02:00:00:00:00:07 brd ff:ff:ff:ff:ff:ff\\    vlan id 10 <REORDER_HDR>\\    alias RX: x\\    \
            RX: bytes  packets  errors  dropped overrun mcast   \\    9  8  7  6  5  4 \\    \
            TX: bytes  packets  errors  dropped carrier collsns \\    1  2  3  4  5  6 \n\
            8: tun0: <POINTOPOINT> mtu 1400 qdisc noop state UNKNOWN\\    link/none \n\
            9: a@b@if4: <> mtu 1 \\    link/sit 0.0.0.0 brd 0.0.0.0\nvalid\n";
        let seen = read(reader(), text);
        let mut vlan = Interface::named(HostText::new(b"eth0.10"));
        vlan.index = Some(7);
        vlan.flags = vec![HostText::new(b"BROADCAST"), HostText::new(b"UP")];
        vlan.mtu = Some(1500);
        vlan.oper_state = Some(HostText::new(b"down"));
        vlan.kind = Some(HostText::new(b"vlan"));
        vlan.mac = Some(HostText::new(b"02:00:00:00:00:07"));
        let six = |bytes, packets, errors, dropped, overruns, multicast| LinkCounters {
            bytes: Some(bytes),
            packets: Some(packets),
            errors: Some(errors),
            dropped: Some(dropped),
            overruns: Some(overruns),
            multicast,
        };
        vlan.rx = six(9, 8, 7, 6, 5, Some(4));
        vlan.tx = LinkCounters { overruns: None, ..six(1, 2, 3, 4, 0, None) };
        (vlan.carrier_errors, vlan.collisions) = (Some(5), Some(6));
        let mut tunnel = Interface::named(HostText::new(b"tun0"));
        tunnel.index = Some(8);
        tunnel.flags = vec![HostText::new(b"POINTOPOINT")];
        tunnel.mtu = Some(1400);
        tunnel.oper_state = Some(HostText::new(b"unknown"));
        tunnel.kind = Some(HostText::new(b"none"));
        let mut odd = Interface::named(HostText::new(b"a@b"));
        odd.index = Some(9);
        odd.mtu = Some(1);
        odd.kind = Some(HostText::new(b"sit"));
        odd.mac = Some(HostText::new(b"0.0.0.0"));
        let expected = [vlan, tunnel, odd].map(Row::Interface);
        assert_eq!(rows(&seen), expected);
        assert_eq!(seen.issues.len(), 1);
    }

    #[test]
    fn one_line_or_several_are_the_same_interface_whatever_follows() {
        let lines = [
            "2: eth0: <BROADCAST,UP> mtu 1500 qdisc mq state UP mode DEFAULT group default qlen 1000",
            "    link/ether 02:00:00:00:00:02 brd ff:ff:ff:ff:ff:ff promiscuity 0 parentbus pci",
            "    vf 0     link/ether 02:00:00:00:00:99 brd ff:ff:ff:ff:ff:ff, spoof checking on",
            "    RX:  bytes packets errors dropped  missed   mcast",
            "          9234       8      7       6       0       4",
            "    RX errors:  length    crc   frame    fifo overrun",
            "                     0      0       0       0       5",
            "    TX:  bytes packets errors dropped carrier collsns",
            "             1       2      3       4       5       6",
            "    altname enp2s1",
            "    prog/xdp id 11",
        ];
        let mut expected = Interface::named(HostText::new(b"eth0"));
        expected.index = Some(2);
        expected.flags = vec![HostText::new(b"BROADCAST"), HostText::new(b"UP")];
        expected.mtu = Some(1500);
        expected.oper_state = Some(HostText::new(b"up"));
        expected.kind = Some(HostText::new(b"ether"));
        expected.mac = Some(HostText::new(b"02:00:00:00:00:02"));
        let counters = |bytes, packets, errors, dropped, overruns, multicast| LinkCounters {
            bytes: Some(bytes),
            packets: Some(packets),
            errors: Some(errors),
            dropped: Some(dropped),
            overruns,
            multicast,
        };
        expected.rx = counters(9234, 8, 7, 6, Some(5), Some(4));
        expected.tx = counters(1, 2, 3, 4, None, None);
        (expected.carrier_errors, expected.collisions) = (Some(5), Some(6));
        for text in [lines.join("\\"), lines.join("\n")] {
            let seen = read(reader(), format!("{text}\n").as_bytes());
            assert_eq!(rows(&seen), [Row::Interface(expected.clone())]);
            assert_eq!(seen.issues, []);
            assert_eq!(seen.rows[0].0.end, text.len() as u64 + 1);
        }
    }

    #[test]
    fn a_last_line_without_its_end_is_read() {
        let text =
            b"1: lo: <UP> mtu 65536\n    link/loopback 00:00:00:00:00:00\n    RX: bytes packets\n    12";
        let seen = read(reader(), text);
        let mut expected = Interface::named(HostText::new(b"lo"));
        expected.index = Some(1);
        expected.flags = vec![HostText::new(b"UP")];
        expected.mtu = Some(65536);
        expected.kind = Some(HostText::new(b"loopback"));
        expected.mac = Some(HostText::new(b"00:00:00:00:00:00"));
        expected.rx.bytes = Some(12);
        assert_eq!(rows(&seen), [Row::Interface(expected)]);
        assert!(seen.issues.is_empty() && seen.unterminated);
        let alone = read(reader(), b"    RX: bytes\nMessage truncated\n");
        assert_eq!((alone.rows.len(), alone.issues.len()), (0, 2));
    }
}
