//! `ip neigh show`, of iproute2 or busybox: the ARP and neighbour-discovery tables.
//!
//! ```text
//! 10.1.0.2 dev v0 lladdr 02:00:00:00:00:02 PERMANENT
//! 10.1.0.3 dev v0  FAILED
//! 2001:db8:1::2 dev v0 lladdr 02:00:00:00:00:02 router STALE
//! ```
//! busybox adds `ref 1 used 0/0/0 probes 0` before the state.

use crate::model::parsed::{Reader, Row};
use crate::model::route::Neighbour;
use crate::probe::linux::ip_text::words::{Words, address, lower, owned};
use crate::probe::whole;

/// A reader of both tables.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    whole::reader(|line| match neighbour(line) {
        Some(row) => Ok(Some(Row::Neighbour(row))),
        None => Err("expected a neighbour as `10.0.0.1 dev eth0 lladdr MAC REACHABLE`"),
    })
}

/// Words that stand with a value behind them.
const PAIRS: &[&[u8]] = &[b"dev", b"lladdr", b"ref", b"used", b"probes", b"proto", b"vlan"];

fn neighbour(line: &[u8]) -> Option<Neighbour> {
    let mut words = Words::new(line);
    let address = address(words.next()?)?;
    let (mut device, mut mac, mut states, mut router) = (None, None, Vec::new(), false);
    while let Some(word) = words.next() {
        match word {
            b"dev" => device = Some(owned(words.next()?)),
            b"lladdr" => mac = Some(owned(words.next()?)),
            b"router" => router = true,
            _ if PAIRS.contains(&word) => drop(words.next()),
            _ if word.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_') => {
                states.push(lower(word));
            }
            _ => {}
        }
    }
    states.sort_unstable();
    // ARP knows no routers, so there the absence of the word says nothing.
    let router = address.is_ipv6().then_some(router);
    // Asked for one device, `ip` does not print it.
    let told = device.is_some() || mac.is_some() || !states.is_empty();
    told.then_some(Neighbour { address, device, mac, states, router })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::text::HostText;
    use crate::probe::testing::{read, rows};

    #[test]
    fn a_neighbour_of_the_device_that_was_asked_for_has_none() {
        let seen = read(reader(), b"192.0.2.18 FAILED\n192.0.2.19\n192.0.2.20 dev\n192.0.2\n");
        let expected = Neighbour {
            address: "192.0.2.18".parse().unwrap(),
            device: None,
            mac: None,
            states: vec![HostText::new(b"failed")],
            router: None,
        };
        assert_eq!(rows(&seen), [Row::Neighbour(expected)]);
        assert_eq!(seen.issues.len(), 3);
    }
}
