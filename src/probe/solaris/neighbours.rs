//! `netstat -p -n`, or `arp -a -n`: the ARP and neighbour-discovery tables of Solaris and illumos.
//!
//! ```text
//! Net to Media Table: IPv4
//! Device   IP Address               Mask      Flags      Phys Addr
//! ------ -------------------- --------------- -------- ---------------
//! net0   192.0.2.1            255.255.255.255 o        02:00:00:00:00:01
//! net0   192.0.2.10           255.255.255.255 SPLA     02:00:00:00:00:0a
//!
//! Net to Media Table: IPv6
//!  If   Physical Address    Type      State      Destination/Mask
//! ----- -----------------  ------- ------------ ---------------------------
//! net0  02:00:00:00:00:01  dynamic REACHABLE    fe80::ff:fe00:1
//! ```
//! Flags and address of the link layer may be blank. Source: netstat(1M) of Solaris 10, arp(8) and
//! netstat(8) of Solaris 11.4 and illumos, illumos `netstat.c`.
//!
//! Decisions: every entry is a record, as on other systems, whose tables hold such entries too; its
//! states tell what it is. Words for the flags: S `permanent`, P `published` (the host answers for the
//! address: its own, or by proxy), L and type `local` `local` (its own), M and addresses of groups
//! `multicast`, U `incomplete`, D `dying`, d `unverified`, o `stale`, y `delay`; `A`, that the entry is
//! not taken over by another's claim, is left out. Whether a neighbour is a router is not told.

use std::net::IpAddr;

use crate::model::parsed::{Reader, Row};
use crate::model::route::Neighbour;
use crate::model::socket::Family;
use crate::model::text::HostText;
use crate::probe::address::{hardware_address, ipv6};
use crate::probe::cursor::Cursor;
use crate::probe::solaris::words::{owned, words};
use crate::probe::whole;

/// A reader of the output.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    let mut family = Family::Ipv4;
    whole::reader(move |line| {
        let text = line.trim_ascii();
        match text {
            b"Net to Media Table: IPv4" | b"Net to Media Table" => family = Family::Ipv4,
            b"Net to Media Table: IPv6" => family = Family::Ipv6,
            _ if text.starts_with(b"Device ") && text.ends_with(b"Phys Addr") => {}
            _ if text.starts_with(b"If ") && text.ends_with(b"Destination/Mask") => {}
            _ if text.starts_with(b"----- ") || text.starts_with(b"------ ") => {}
            _ => {
                let read = if family == Family::Ipv4 { ipv4(line) } else { inet6(line) };
                let neighbour = read.ok_or("expected a row of netstat -p; run it with -n")?;
                return Ok(Some(Row::Neighbour(neighbour)));
            }
        }
        Ok(None)
    })
}

/// `Device Address Mask [Flags] [Phys]`.
fn ipv4(line: &[u8]) -> Option<Neighbour> {
    let mut words = words(line);
    let device = words.next()?;
    let dotted = |word: &[u8]| {
        let mut cursor = Cursor::new(word);
        cursor.ipv4().filter(|_| cursor.rest.is_empty())
    };
    let address = dotted(words.next()?)?;
    dotted(words.next()?)?;
    let (flags, mac) = match (words.next(), words.next(), words.next()) {
        (None, ..) => (b"".as_slice(), None),
        (Some(word), None, _) if word.contains(&b':') => (b"".as_slice(), Some(word)),
        (Some(word), mac, None) => (word, mac),
        _ => return None,
    };
    let mut states = Vec::new();
    for flag in flags {
        let word: &[u8] = match flag {
            b'S' => b"permanent",
            b'U' => b"incomplete",
            b'D' => b"dying",
            b'd' => b"unverified",
            b'o' => b"stale",
            b'y' => b"delay",
            b'P' => b"published",
            b'L' => b"local",
            b'M' => b"multicast",
            b'A' => continue,
            _ => return None,
        };
        states.push(HostText::new(word));
    }
    Some(entry(Neighbour {
        address: address.into(),
        device: Some(owned(device)),
        mac: mac.filter(|_| !flags.contains(&b'U')).map(physical),
        states,
        router: None,
    }))
}

/// An entry with its states in order, of a group with the word for it.
fn entry(mut neighbour: Neighbour) -> Neighbour {
    if neighbour.address.is_multicast() {
        neighbour.states.push(HostText::new(b"multicast"));
    }
    neighbour.states.sort_unstable();
    neighbour.states.dedup();
    neighbour
}

/// A link-layer address; of a link that is not Ethernet's kind, as it is printed.
fn physical(word: &[u8]) -> HostText<'static> {
    hardware_address(word).unwrap_or_else(|| owned(word))
}

/// `If [Phys] Type State Destination`.
fn inet6(line: &[u8]) -> Option<Neighbour> {
    let mut words = words(line);
    let address = ipv6(words.next_back()?)?;
    let (state, kind) = (words.next_back()?, words.next_back()?);
    let (device, mac) = (words.next()?, words.next());
    let known = matches!(kind, b"other" | b"dynamic" | b"static" | b"local");
    (known && words.next().is_none() && state.iter().all(u8::is_ascii_uppercase)).then_some(())?;
    let mut states = vec![owned(&state.to_ascii_lowercase())];
    match kind {
        b"static" => states.push(HostText::new(b"permanent")),
        b"local" => states.push(HostText::new(b"local")),
        _ => {}
    }
    Some(entry(Neighbour {
        address: IpAddr::V6(address),
        device: Some(owned(device)),
        mac: mac.map(physical),
        states,
        router: None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{read, rows};

    fn neighbour(address: &str, device: &str, mac: Option<&str>, states: &[&str]) -> Row<'static> {
        let text = |text: &str| owned(text.as_bytes());
        Row::Neighbour(Neighbour {
            address: address.parse().unwrap(),
            device: Some(text(device)),
            mac: mac.map(text),
            states: states.iter().map(|word| text(word)).collect(),
            router: None,
        })
    }

    #[test]
    fn blank_columns_move_nothing_and_own_and_multicast_entries_say_what_they_are() {
        let text = b"Net to Media Table: IPv4\n\
            e1000g0 192.0.2.1            255.255.255.255          02:00:00:00:00:01\n\
            net0   192.0.2.2            255.255.255.255 U        \n\
            net0   192.0.2.3            255.255.255.255 So       02:00:00:00:00:03\n\
            net0   192.0.2.10           255.255.255.255 SPLA     02:00:00:00:00:0a\n\
            net0   224.0.0.0            240.0.0.0       SM       01:00:5e:00:00:00\n\
            \n\
            Net to Media Table: IPv6\n\
            net0  33:33:00:00:00:01  other   REACHABLE    ff02::1\n\
            net0                     dynamic INCOMPLETE   fe80::2\n\
            net0  02:00:00:00:00:05  static  REACHABLE    2001:db8::5\n\
            net0  02:00:00:00:00:0a  local   REACHABLE    fe80::a\n";
        let seen = read(reader(), text);
        assert_eq!(
            rows(&seen),
            [
                neighbour("192.0.2.1", "e1000g0", Some("02:00:00:00:00:01"), &[]),
                neighbour("192.0.2.2", "net0", None, &["incomplete"]),
                neighbour("192.0.2.3", "net0", Some("02:00:00:00:00:03"), &["permanent", "stale"]),
                neighbour(
                    "192.0.2.10",
                    "net0",
                    Some("02:00:00:00:00:0a"),
                    &["local", "permanent", "published"]
                ),
                neighbour(
                    "224.0.0.0",
                    "net0",
                    Some("01:00:5e:00:00:00"),
                    &["multicast", "permanent"]
                ),
                neighbour(
                    "ff02::1",
                    "net0",
                    Some("33:33:00:00:00:01"),
                    &["multicast", "reachable"]
                ),
                neighbour("fe80::2", "net0", None, &["incomplete"]),
                neighbour(
                    "2001:db8::5",
                    "net0",
                    Some("02:00:00:00:00:05"),
                    &["permanent", "reachable"]
                ),
                neighbour("fe80::a", "net0", Some("02:00:00:00:00:0a"), &["local", "reachable"]),
            ]
        );
        assert_eq!((seen.headers.len(), seen.issues.len()), (2, 0));
    }

    #[test]
    fn names_and_unknown_flags_are_issues() {
        let text = b"net0 web-1 255.255.255.255 SP 02:00:00:00:00:01\n\
            net0 192.0.2.1 255.255.255.255 SX 02:00:00:00:00:01\n\
            net0 192.0.2.1 255.255.255.255 S 02:00:00:00:00:01 more\n";
        let seen = read(reader(), text);
        assert_eq!((seen.rows.len(), seen.issues.len()), (0, 3));
    }
}
