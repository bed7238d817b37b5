//! `ndp -a -n`: IPv6 neighbours.
//!
//! ```text
//! Neighbor                             Linklayer Address  Netif Expire    S Flags
//! 2001:db8::1                          0:0:5e:0:53:1        en0 23h59m58s S R
//! fe80::5%en0                          0:0:5e:0:53:5        en0 permanent R
//! 2001:db8::9                          (incomplete)         em0 1s        I   2
//! ```
//! Columns: address with its zone; link-layer address; interface; time left; state as a letter: N none, W wait
//! to be deleted, I incomplete, R reachable, S stale, D delay, P probe; flags, of which R is a router and p is
//! published; probes sent. Source: ndp(8) of each system.

use crate::model::parsed::{Reader, Row};
use crate::model::route::Neighbour;
use crate::model::text::HostText;
use crate::probe::bsd::arp::mac;
use crate::probe::bsd::network::{address, owned, words};
use crate::probe::whole;

/// A reader of the table.
#[must_use]
pub(in crate::probe) fn reader() -> Box<dyn Reader> {
    whole::reader(|line| {
        if line.starts_with(b"Neighbor ") {
            return Ok(None);
        }
        let expected = "expected an IPv6 address, a link-address and an interface: run ndp with -n";
        neighbour(line).map(|row| Some(Row::Neighbour(row))).ok_or(expected)
    })
}

fn neighbour(line: &[u8]) -> Option<Neighbour> {
    let mut words = words(line);
    let address = address(words.next()?).filter(std::net::IpAddr::is_ipv6)?;
    let mac = mac(words.next()?)?;
    let device = owned(words.next()?);
    let expiry = words.next()?;
    let mut states = Vec::new();
    match expiry {
        b"permanent" => states.push("permanent"),
        b"expired" => states.push("expired"),
        _ => {}
    }
    let state = words.next().map(|letter| match letter {
        b"R" => Some("reachable"),
        b"S" => Some("stale"),
        b"D" => Some("delay"),
        b"P" => Some("probe"),
        b"I" => Some("incomplete"),
        b"W" => Some("wait_delete"),
        b"N" => Some("none"),
        _ => None,
    });
    states.extend(state.flatten());
    let flags = words.next().filter(|word| word.iter().all(u8::is_ascii_alphabetic));
    if flags.is_some_and(|flags| flags.contains(&b'p')) {
        states.push("published");
    }
    states.sort_unstable();
    let states = states.into_iter().map(HostText::from).collect();
    // Without a state the flags could be any word.
    let router = state.flatten().map(|_| flags.is_some_and(|flags| flags.contains(&b'R')));
    Some(Neighbour { address, device: Some(device), mac, states, router })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{read, rows};

    #[test]
    fn states_and_flags_are_words() {
        let seen = read(
            reader(),
            b"Neighbor                             Linklayer Address  Netif Expire    S Flags\n\
            2001:db8::1                          0:0:5e:0:53:1        en0 23h59m58s S R    \n\
            fe80::5%en0                          0:0:5e:0:53:5        en0 permanent R      \n\
            2001:db8::9                          (incomplete)         em0 1s        I    2 \n\
            web-1                                0:0:5e:0:53:5        en0 permanent R      \n",
        );
        let expect = |address: &str, mac: Option<&str>, device: &str, states: &[&str], router| {
            Row::Neighbour(Neighbour {
                address: address.parse().unwrap(),
                device: Some(owned(device.as_bytes())),
                mac: mac.map(|mac| owned(mac.as_bytes())),
                states: states.iter().map(|state| owned(state.as_bytes())).collect(),
                router: Some(router),
            })
        };
        assert_eq!(
            rows(&seen),
            [
                expect("2001:db8::1", Some("00:00:5e:00:53:01"), "en0", &["stale"], true),
                expect(
                    "fe80::5",
                    Some("00:00:5e:00:53:05"),
                    "en0",
                    &["permanent", "reachable"],
                    false
                ),
                expect("2001:db8::9", None, "em0", &["incomplete"], false),
            ]
        );
        assert_eq!((seen.headers.len(), seen.issues.len()), (1, 1));
    }
}
