//! `ifconfig -a` of AIX: flags and addresses of the interfaces.
//!
//! ```text
//! en0: flags=1e080863,480<UP,BROADCAST,RUNNING,CHECKSUM_OFFLOAD(ACTIVE),CHAIN> metric 1
//!         inet 192.0.2.58 netmask 0xffffc000 broadcast 192.0.63.255
//!         inet6 fe80::5/64
//!          tcp_sendspace 262144 tcp_recvspace 262144 rfc1323 1
//! ```
//! HP-UX, whose `ifconfig` wants the name of an interface, prints the mask without `0x`; that is
//! read too. An interface from point to point has `--> ADDRESS` behind
//! its own. Sources: IBM, AIX commands, `ifconfig`; HP-UX ifconfig(1M).
//!
//! Decisions: an IPv4 address without `netmask` has no prefix that could be told, so it is an
//! issue. AIX gives `::1` the prefix 0 on many releases: it is kept as it is printed. A zone is
//! left out.

use std::net::IpAddr;

use crate::model::link::{Interface, InterfaceAddress};
use crate::model::parsed::{Reader, Row};
use crate::model::socket::Family;
use crate::model::text::HostText;
use crate::probe::bsd::endpoint::address;
use crate::probe::bsd::plain_words::{decimal, mask_length, owned, words};
use crate::probe::cursor::Cursor;
use crate::probe::whole::{self, Reading};

/// A reader of the answer: a part of an interface for each line with flags or an address.
pub(in crate::probe) fn reader() -> Box<dyn Reader> {
    let mut current = None;
    whole::reader(move |line| read(line, &mut current))
}

fn read<'a>(line: &'a [u8], current: &mut Option<HostText<'static>>) -> Reading<'a> {
    if !line.starts_with(b" ") && !line.starts_with(b"\t") {
        *current = None;
        let interface = titled(line).ok_or("expected NAME: flags=HEX<WORDS>")?;
        *current = Some(interface.name.clone());
        return Ok(Some(Row::Interface(interface)));
    }
    let mut rest = words(line);
    let family = match rest.next() {
        Some(b"inet") => Family::Ipv4,
        Some(b"inet6") => Family::Ipv6,
        // Sizes of buffers and options of TCP.
        Some(word) if word.starts_with(b"tcp_") || word.starts_with(b"rfc1323") => return Ok(None),
        _ => return Err("expected an address, or options of TCP"),
    };
    let name = current.clone().ok_or("expected an interface in front of its address")?;
    let mut interface = Interface::named(name);
    let found = addressed(rest, family).ok_or("expected an address with its mask or prefix")?;
    interface.addresses.push(found);
    Ok(Some(Row::Interface(interface)))
}

fn titled(line: &[u8]) -> Option<Interface> {
    let (name, rest) = line.split_at_checked(memchr::memmem::find(line, b": flags=")?)?;
    let (_, rest) = rest.split_at_checked(memchr::memchr(b'<', rest)?)?;
    let (flags, _) = rest.split_at_checked(memchr::memchr(b'>', rest)?)?;
    let plain = !name.is_empty() && words(name).next() == Some(name);
    let mut interface = Interface::named(owned(name));
    let flags = flags.get(1..)?.split(|&byte| byte == b',');
    interface.flags = flags.filter(|flag| !flag.is_empty()).map(owned).collect();
    interface.flags.sort_unstable();
    if interface.flags.iter().any(|flag| flag.bytes() == b"LOOPBACK") {
        interface.kind = Some(HostText::new(b"loopback"));
    }
    plain.then_some(interface)
}

fn addressed<'a>(
    mut words: impl Iterator<Item = &'a [u8]>,
    family: Family,
) -> Option<InterfaceAddress> {
    let plain = |word: &[u8]| address(word, family).map(|(address, _)| address);
    let first = words.next()?;
    let (own, mut prefix) = match family {
        Family::Ipv4 => (plain(first)?, None),
        Family::Ipv6 => {
            let (text, length) = first.split_at_checked(memchr::memchr(b'/', first)?)?;
            let length = u8::try_from(decimal(length.get(1..)?)?).ok();
            (plain(text)?, Some(length.filter(|&length| length <= 128)?))
        }
    };
    let mut peer = None;
    while let Some(word) = words.next() {
        match word {
            b"netmask" => prefix = Some(mask(words.next()?)?),
            b"prefix" | b"prefixlen" => prefix = u8::try_from(decimal(words.next()?)?).ok(),
            b"-->" => peer = Some(plain(words.next()?)?),
            _ => {}
        }
    }
    Some(InterfaceAddress { address: specified(own)?, prefix: Some(prefix?), scope: None, peer })
}

fn specified(address: IpAddr) -> Option<IpAddr> {
    (!address.is_unspecified()).then_some(address)
}

/// `0xffffc000` or `ffffc000`.
fn mask(word: &[u8]) -> Option<u8> {
    let digits = word.strip_prefix(b"0x").unwrap_or(word);
    let mut cursor = Cursor::new(digits);
    let mask = cursor.hexadecimal()?;
    cursor.rest.is_empty().then(|| mask_length(u32::try_from(mask).ok()?))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{read, rows};

    fn with(name: &str, address: &str, prefix: u8, peer: Option<&str>) -> Row<'static> {
        let mut interface = Interface::named(owned(name.as_bytes()));
        let peer = peer.map(|peer| peer.parse().unwrap());
        let address = address.parse().unwrap();
        interface.addresses =
            vec![InterfaceAddress { address, prefix: Some(prefix), scope: None, peer }];
        Row::Interface(interface)
    }

    #[test]
    fn flags_and_addresses_of_both_systems_are_read() {
        let text = b"en0: flags=1e080863,480<UP,CHECKSUM_OFFLOAD(ACTIVE),CHAIN> metric 1\n\
            \tinet 192.0.2.58 netmask 0xffffc000 broadcast 192.0.63.255\n\
            \tinet6 fe80::5%2/64\n         tcp_sendspace 262144 rfc1323 1\n\
            lo0: flags=849<UP,LOOPBACK>\n\tinet 127.0.0.1 netmask ff000000\n\
            \tinet 192.0.2.1 --> 192.0.2.2 netmask ffffffff\n";
        let seen = read(reader(), text);
        let mut en0 = Interface::named(HostText::new(b"en0"));
        en0.flags = ["CHAIN", "CHECKSUM_OFFLOAD(ACTIVE)", "UP"].map(HostText::from).to_vec();
        let mut lo0 = Interface::named(HostText::new(b"lo0"));
        lo0.flags = ["LOOPBACK", "UP"].map(HostText::from).to_vec();
        lo0.kind = Some(HostText::new(b"loopback"));
        assert_eq!(
            rows(&seen),
            [
                Row::Interface(en0),
                with("en0", "192.0.2.58", 18, None),
                with("en0", "fe80::5", 64, None),
                Row::Interface(lo0),
                with("lo0", "127.0.0.1", 8, None),
                with("lo0", "192.0.2.1", 32, Some("192.0.2.2")),
            ]
        );
        assert_eq!((seen.headers.len(), seen.issues.len()), (1, 0));
    }

    #[test]
    fn an_address_without_mask_or_interface_is_an_issue() {
        let text = b"\tinet 192.0.2.1 netmask 0xff000000\nen0: flags=1<UP>\n\
            \tinet 192.0.2.59 broadcast 192.0.63.255\n\tinet 192.0.2.1 netmask 0xff00ff00\n\
            \tinet6 ::2\n\tsomething else\nen1 flags\n\tinet 192.0.2.1 netmask 0xff000000\n";
        let seen = read(reader(), text);
        assert_eq!((seen.rows.len(), seen.issues.len()), (1, 7));
    }
}
