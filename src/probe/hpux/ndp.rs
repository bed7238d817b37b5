//! `ndp -an` of HP-UX.
//!
//! ```text
//! Destination                   Physical Address   Interface  State       Flags
//! fe80::202:fdff:fe36:8720      0:2:fd:36:87:20    lan1       REACHABLE   P
//! 2001:db8::9                                      lan1       INCOMPLETE
//! ```
//! Without an answer of the neighbour its physical address is blank or `(incomplete)`. Flags:
//! `D` deprecated, `L` of an interface of this host, `P` published, `T` temporary, `A` made by
//! autoconfiguration, `a` anycast. Source: HP-UX ndp(1M), 11i v1 to v3.

use smallvec::SmallVec;

use crate::model::parsed::{Reader, Row};
use crate::model::route::Neighbour;
use crate::model::socket::Family;
use crate::model::text::HostText;
use crate::probe::address::hardware_address;
use crate::probe::bsd::endpoint::address;
use crate::probe::bsd::plain_words::{owned, words};
use crate::probe::whole::{self, Reading};

/// A reader of the answer: a neighbour for each row.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    whole::reader(read)
}

fn read(line: &[u8]) -> Reading<'_> {
    if line.starts_with(b"Destination ") {
        return Ok(None);
    }
    match neighbour(line) {
        Some(neighbour) => Ok(Some(Row::Neighbour(neighbour))),
        None => Err("expected ADDRESS PHYSICAL-ADDRESS INTERFACE STATE FLAGS"),
    }
}

fn neighbour(line: &[u8]) -> Option<Neighbour> {
    let words: SmallVec<[&[u8]; 8]> = words(line).take(8).collect();
    let at = words.iter().position(|word| is_state(word))?;
    let (front, [state, flags @ ..]) = words.split_at_checked(at)? else { return None };
    let (host, mac, device) = match front {
        [host, device] | [host, b"(incomplete)", device] => (host, None, device),
        [host, mac, device] => (host, Some(hardware_address(mac)?), device),
        _ => return None,
    };
    let (address, _) = address(host, Family::Ipv6).filter(|(ip, _)| !ip.is_unspecified())?;
    let mut states = vec![HostText::owned(state.to_ascii_lowercase())];
    for flag in flags.iter().flat_map(|word| word.iter()) {
        states.push(HostText::new(match flag {
            b'D' => b"deprecated",
            b'L' => b"local",
            b'P' => b"published",
            b'T' => b"temporary",
            b'A' => b"auto",
            b'a' => b"anycast",
            b',' => continue,
            _ => return None,
        }));
    }
    states.sort_unstable();
    states.dedup();
    Some(Neighbour { address, device: Some(owned(device)), mac, states, router: None })
}

fn is_state(word: &[u8]) -> bool {
    matches!(word, b"INCOMPLETE" | b"REACHABLE" | b"STALE" | b"DELAY" | b"PROBE")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{read, rows};

    #[test]
    fn neighbours_are_read_with_state_and_flags() {
        let text =
            b"Destination                   Physical Address   Interface  State       Flags\n\
            fe80::202:fdff:fe36:8720      0:2:fd:36:87:20    lan1       REACHABLE   PL\n\
            2001:db8::9                                      lan1       INCOMPLETE\n\
            2001:db8::a  (incomplete)  lan2  STALE  D,a\n";
        let seen = read(reader(), text);
        let row = |address: &str,
                   mac: Option<&'static str>,
                   device: &'static str,
                   states: &[&'static str]| {
            Row::Neighbour(Neighbour {
                address: address.parse().unwrap(),
                device: Some(device.into()),
                mac: mac.map(HostText::from),
                states: states.iter().map(|state| HostText::from(*state)).collect(),
                router: None,
            })
        };
        assert_eq!(
            rows(&seen),
            [
                row(
                    "fe80::202:fdff:fe36:8720",
                    Some("00:02:fd:36:87:20"),
                    "lan1",
                    &["local", "published", "reachable"]
                ),
                row("2001:db8::9", None, "lan1", &["incomplete"]),
                row("2001:db8::a", None, "lan2", &["anycast", "deprecated", "stale"]),
            ]
        );
        assert_eq!((seen.headers.len(), seen.issues.len()), (1, 0));
    }

    #[test]
    fn anything_else_is_an_issue() {
        for text in [
            "fe80::1 0:2:fd:36:87:20 lan1 UNKNOWN\n",
            "web-1 0:2:fd:36:87:20 lan1 STALE\n",
            "fe80::1 0:2:fd lan1 STALE\n",
            "fe80::1 0:2:fd:36:87:20 lan1 STALE x\n",
            "fe80::1 0:2:fd:36:87:20 lan1 STA",
        ] {
            let seen = read(reader(), text.as_bytes());
            assert_eq!((seen.rows.len(), seen.issues.len()), (0, 1), "{text}");
        }
    }
}
