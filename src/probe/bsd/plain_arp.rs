//! `arp -an` of AIX and HP-UX, and `ndp -an` of AIX, which has the same form.
//!
//! ```text
//!   ? (192.0.2.1) at 6e:87:70:0:40:3 [ethernet] permanent published stored in bucket 16
//!   ? (192.0.2.9) at (incomplete)
//!  (192.0.2.254) at 0:60:6d:21:aa:aa ether
//! bucket:    0     contains:    0 entries
//! There are 2 entries in the arp table.
//! ? (fe80::1) at link#2 0:20:af:db:b8:cf
//! ```
//! A name (`?` with `-n`; HP-UX prints none), the address, the hardware address, its kind, then
//! words. `ndp` puts the index of the interface in front of the hardware address: that is kept as
//! the device, as it is printed. AIX sums up its hash table at the end. Sources: IBM, AIX commands,
//! `arp` and `ndp`; HP-UX arp(1M).

use crate::model::parsed::{Reader, Row};
use crate::model::route::Neighbour;
use crate::model::socket::Family;
use crate::model::text::HostText;
use crate::probe::address::hardware_address;
use crate::probe::bsd::endpoint::address;
use crate::probe::bsd::plain_words::{decimal, owned, words};
use crate::probe::whole::{self, Reading};

/// A reader of the answer: a neighbour for each row.
pub(in crate::probe) fn reader(family: Family) -> Box<dyn Reader> {
    whole::reader(move |line| read(line, family))
}

fn read(line: &[u8], family: Family) -> Reading<'_> {
    if is_summary(line) {
        return Ok(None);
    }
    match neighbour(line, family) {
        Some(neighbour) => Ok(Some(Row::Neighbour(neighbour))),
        None => Err("expected NAME (ADDRESS) at HARDWARE-ADDRESS"),
    }
}

/// `bucket: N contains: N entries` and `There are N entries in the arp table.`
fn is_summary(line: &[u8]) -> bool {
    let mut words = words(line);
    let mut word = || words.next().unwrap_or_default();
    match [word(), word(), word(), word(), word()] {
        [b"bucket:", at, b"contains:", count, b"entries"] => {
            decimal(at).and(decimal(count)).is_some()
        }
        [b"There", b"are" | b"is", count, b"entries" | b"entry", b"in"] => decimal(count).is_some(),
        _ => false,
    }
}

fn neighbour(line: &[u8], family: Family) -> Option<Neighbour> {
    // A name of a directory service may hold anything, so the address is looked for.
    let at = memchr::memmem::find(line, b") at ")?;
    let (head, tail) = line.split_at_checked(at)?;
    let open = memchr::memrchr(b'(', head)?;
    let (address, _) = address(head.get(open + 1..)?, family)?;
    if address.is_unspecified() {
        return None;
    }
    let mut neighbour =
        Neighbour { address, device: None, mac: None, states: Vec::new(), router: None };
    let mut rest = words(tail.get(5..)?);
    let mut first = rest.next()?;
    if first.starts_with(b"link#") {
        neighbour.device = Some(owned(first));
        first = rest.next()?;
    }
    if first == b"(incomplete)" {
        neighbour.states.push(HostText::new(b"incomplete"));
    } else {
        neighbour.mac = Some(hardware_address(first)?);
    }
    let mut inside = false;
    while let Some(word) = rest.next() {
        // The kind of the address, such as `[token ring]`.
        if inside || word.starts_with(b"[") {
            inside = !word.ends_with(b"]");
            continue;
        }
        match word {
            b"permanent" | b"published" | b"trailers" | b"static" | b"proxy" => {
                neighbour.states.push(owned(word));
            }
            b"ether" | b"ieee8023" | b"snap" | b"token" | b"fddi" | b"ring" => {}
            b"stored" if rest.next() == Some(b"in") && rest.next() == Some(b"bucket") => {
                decimal(rest.next()?)?;
            }
            _ => return None,
        }
    }
    neighbour.states.sort_unstable();
    (!inside).then_some(neighbour)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{Seen, rows};

    fn read(text: &str, family: Family) -> Seen {
        crate::probe::testing::read(reader(family), text.as_bytes())
    }

    fn row(
        address: &str,
        mac: Option<&str>,
        states: &[&str],
        device: Option<&str>,
    ) -> Row<'static> {
        let text = |text: &str| owned(text.as_bytes());
        Row::Neighbour(Neighbour {
            address: address.parse().unwrap(),
            device: device.map(text),
            mac: mac.map(text),
            states: states.iter().map(|word| text(word)).collect(),
            router: None,
        })
    }

    #[test]
    fn entries_of_both_systems_are_read_and_sums_are_known() {
        let text = "  ? (192.0.2.1) at 6e:87:70:0:40:3 [ethernet] stored in bucket 16\n\n\
            \x20 a (b) (192.0.2.2) at 0:0:0:0:0:1 [token ring] permanent published stored in bucket 1\n\
            \x20 ? (192.0.2.9) at (incomplete)\n (192.0.2.254) at 0:60:6D:21:aa:aa ether\n\
            bucket:    0     contains:    0 entries\nThere are 3 entries in the arp table.\n";
        let seen = read(text, Family::Ipv4);
        assert_eq!(
            rows(&seen),
            [
                row("192.0.2.1", Some("6e:87:70:00:40:03"), &[], None),
                row("192.0.2.2", Some("00:00:00:00:00:01"), &["permanent", "published"], None),
                row("192.0.2.9", None, &["incomplete"], None),
                row("192.0.2.254", Some("00:60:6d:21:aa:aa"), &[], None),
            ]
        );
        assert_eq!((seen.headers.len(), seen.issues.len()), (2, 0));
    }

    #[test]
    fn a_neighbour_of_ndp_has_the_index_of_its_interface() {
        let seen = read("? (fe80::5%2) at link#2 0:20:af:db:b8:cf\n", Family::Ipv6);
        assert_eq!(rows(&seen), [row("fe80::5", Some("00:20:af:db:b8:cf"), &[], Some("link#2"))]);
    }

    #[test]
    fn anything_else_is_an_issue() {
        for text in [
            "? (192.0.2.1) at 6e:87:70:0:40 [ethernet]\n",
            "? (192.0.2.1) at 6e:87:70:0:40:3 [ethernet\n",
            "? (192.0.2.1) at 6e:87:70:0:40:3 unheard of\n",
            "? (web-1) at 6e:87:70:0:40:3\n",
            "There are few entries in the arp table.\n",
        ] {
            let seen = read(text, Family::Ipv4);
            assert_eq!((seen.rows.len(), seen.issues.len()), (0, 1), "{text}");
        }
    }
}
