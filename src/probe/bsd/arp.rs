//! `arp -a -n`: IPv4 neighbours.
//!
//! ```text
//! ? (192.0.2.1) at 00:00:5e:00:53:01 on em0 expires in 942 seconds [ethernet]
//! ? (192.0.2.9) at (incomplete) on en0 ifscope [ethernet]
//! Host                                 Ethernet Address    Netif Expire    Flags
//! 192.0.2.1                            00:00:5e:00:53:01    vio0 19m57s
//! ```
//! The first form is that of 4.3BSD, with a name in front where one is known; the second that of OpenBSD
//! since 5.9. macOS prints no leading zeros of a group. `permanent`, `published` and the like may follow in
//! any order; `ifscope` and the kind of link say nothing of the entry. Source: arp(8) of each system.
//! An entry that has expired, or that is not resolved, is said to be so.

use crate::model::parsed::{Reader, Row};
use crate::model::route::Neighbour;
use crate::model::text::HostText;
use crate::probe::address::hardware_address;
use crate::probe::bsd::network::{address, owned, words};
use crate::probe::whole;

const ROW: &str = "expected `host (address) at link-address on interface`";

/// A reader of the table.
#[must_use]
pub(in crate::probe) fn reader() -> Box<dyn Reader> {
    whole::reader(|line| {
        if is_title(line) {
            return Ok(None);
        }
        neighbour(line).or_else(|| row(line)).map(|row| Some(Row::Neighbour(row))).ok_or(ROW)
    })
}

/// The header of OpenBSD, and what AIX says below its table.
fn is_title(line: &[u8]) -> bool {
    let starts = |word: &[u8]| line.trim_ascii_start().starts_with(word);
    let ends = |word: &[u8]| line.trim_ascii_end().ends_with(word);
    (starts(b"Host ") && memchr::memmem::find(line, b"Ethernet Address").is_some())
        || (starts(b"bucket:") && ends(b"entries"))
        || (starts(b"There are ") && ends(b"in the arp table."))
}

/// `host (address) at link-address ...`
fn neighbour(line: &[u8]) -> Option<Neighbour> {
    let (head, rest) = line.split_at_checked(memchr::memmem::find(line, b") at ")?)?;
    let open = memchr::memmem::rfind(head, b" (")?;
    let address = address(head.get(open + 2..)?)?;
    let mut words = words(rest.strip_prefix(b") at ")?);
    let mac = mac(words.next()?)?;
    let mut device = None;
    let mut states = Vec::new();
    while let Some(word) = words.next() {
        match word {
            b"on" => device = words.next().map(owned),
            b"permanent" | b"static" | b"PERM" => states.push(HostText::new(b"permanent")),
            b"published" | b"PUB" => states.push(HostText::new(b"published")),
            b"expired" => states.push(HostText::new(b"expired")),
            _ => {}
        }
    }
    Some(entry(address, device, mac, states))
}

/// `address link-address interface expiry flags`
fn row(line: &[u8]) -> Option<Neighbour> {
    let mut words = words(line);
    let address = address(words.next()?).filter(std::net::IpAddr::is_ipv4)?;
    let mac = mac(words.next()?)?;
    let device = owned(words.next()?);
    let states = match words.next() {
        Some(b"permanent" | b"static") => vec![HostText::new(b"permanent")],
        Some(b"expired") => vec![HostText::new(b"expired")],
        _ => Vec::new(),
    };
    Some(entry(address, Some(device), mac, states))
}

/// A link-layer address; the inner `None` where it is not known. The outer one: neither.
#[expect(clippy::option_option, reason = "not resolved is another thing than not readable")]
pub(super) fn mac(word: &[u8]) -> Option<Option<HostText<'static>>> {
    match word {
        b"(incomplete)" | b"<incomplete>" | b"incomplete" | b"(none)" => Some(None),
        _ => hardware_address(word).map(Some),
    }
}

fn entry(
    address: std::net::IpAddr,
    device: Option<HostText<'static>>,
    mac: Option<HostText<'static>>,
    mut states: Vec<HostText<'static>>,
) -> Neighbour {
    if mac.is_none() {
        states.push(HostText::new(b"incomplete"));
    }
    states.sort_unstable();
    states.dedup();
    Neighbour { address, device, mac, states, router: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{read, rows};

    fn expect(
        address: &str,
        device: Option<&str>,
        mac: Option<&str>,
        states: &[&str],
    ) -> Row<'static> {
        let text = |text: &str| owned(text.as_bytes());
        Row::Neighbour(Neighbour {
            address: address.parse().unwrap(),
            device: device.map(text),
            mac: mac.map(text),
            states: states.iter().map(|state| text(state)).collect(),
            router: None,
        })
    }

    #[test]
    fn both_forms_are_read() {
        let seen = read(
            reader(),
            b"? (192.0.2.5) at 00:00:5e:00:53:05 on em0 permanent [ethernet]\n\
            ? (192.0.2.1) at 0:0:5e:0:53:1 on en0 expires in 942 seconds [ethernet]\n\
            web-1.example (odd) (192.0.2.2) at 0:0:5e:0:53:2 on en0 ifscope [ethernet]\n\
            web-2.example (192.0.2.3) at 0:0:5e:0:53:3 on en0 published (proxy only) [ethernet]\n\
            ? (192.0.2.9) at (incomplete) on en0 expired [ethernet]\n\
            \x20 ? (192.0.2.8) at 0:0:5e:0:53:8 [ethernet] permanent published stored in bucket 93\n\
            bucket:    0     contains:    0 entries\n\
            Host                                 Ethernet Address    Netif Expire    Flags\n\
            192.0.2.1                            00:00:5e:00:53:01    vio0 19m57s\n\
            192.0.2.5                            00:00:5e:00:53:05    vio0 permanent l\n",
        );
        assert_eq!(
            rows(&seen),
            [
                expect("192.0.2.5", Some("em0"), Some("00:00:5e:00:53:05"), &["permanent"]),
                expect("192.0.2.1", Some("en0"), Some("00:00:5e:00:53:01"), &[]),
                expect("192.0.2.2", Some("en0"), Some("00:00:5e:00:53:02"), &[]),
                expect("192.0.2.3", Some("en0"), Some("00:00:5e:00:53:03"), &["published"]),
                expect("192.0.2.9", Some("en0"), None, &["expired", "incomplete"]),
                expect("192.0.2.8", None, Some("00:00:5e:00:53:08"), &["permanent", "published"]),
                expect("192.0.2.1", Some("vio0"), Some("00:00:5e:00:53:01"), &[]),
                expect("192.0.2.5", Some("vio0"), Some("00:00:5e:00:53:05"), &["permanent"]),
            ]
        );
        assert_eq!((seen.headers.len(), seen.issues.len()), (2, 0));
    }
}
