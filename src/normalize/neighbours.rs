//! Makes one neighbour of what two tables tell of it: BSD's netstat(1) lists among its routes what
//! arp(8) and ndp(8) list too.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::model::record::Sourced;
use crate::model::route::Neighbour;
use crate::model::text::HostText;

/// Adds the neighbours of one more section. One is known by its address and interface; two link
/// addresses for it are two records, because that is what an attack looks like.
pub(super) fn join(known: &mut Vec<Sourced<Neighbour>>, more: Vec<Sourced<Neighbour>>) {
    // Rows of one section stay apart: only what another section told before is joined.
    let mut places: HashMap<Key, Vec<usize>> = HashMap::new();
    for (at, neighbour) in known.iter().enumerate() {
        places.entry(key(&neighbour.record)).or_default().push(at);
    }
    for neighbour in more {
        let mut found = places.get(&key(&neighbour.record)).into_iter().flatten().copied();
        let same =
            found.find(|at| known.get(*at).is_some_and(|k| agree(&k.record, &neighbour.record)));
        match same.and_then(|at| known.get_mut(at)) {
            Some(first) => add(first, neighbour),
            None => known.push(neighbour),
        }
    }
}

type Key = (IpAddr, Option<HostText<'static>>);

fn key(neighbour: &Neighbour) -> Key {
    (neighbour.address, neighbour.device.clone())
}

fn agree(one: &Neighbour, other: &Neighbour) -> bool {
    one.mac.is_none() || other.mac.is_none() || one.mac == other.mac
}

fn add(first: &mut Sourced<Neighbour>, other: Sourced<Neighbour>) {
    let (record, more) = (&mut first.record, other.record);
    record.mac = record.mac.take().or(more.mac);
    record.router = record.router.or(more.router);
    record.states.extend(more.states);
    record.states.sort();
    record.states.dedup();
    first.sources.extend(other.sources);
    first.sources.sort_unstable();
    first.sources.dedup();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::Source;

    fn neighbour(
        section: u16,
        mac: Option<&'static str>,
        state: &'static str,
    ) -> Sourced<Neighbour> {
        let record = Neighbour {
            address: "192.0.2.1".parse().unwrap(),
            device: Some(HostText::new(b"en0")),
            mac: mac.map(|mac| HostText::new(mac.as_bytes())),
            states: vec![HostText::new(state.as_bytes())],
            router: None,
        };
        Sourced::one(record, Source { section, start: 0, end: 9 })
    }

    #[test]
    fn two_tables_tell_of_one_neighbour_and_two_link_addresses_stay_two() {
        let mut known = Vec::new();
        join(&mut known, vec![neighbour(1, None, "reachable")]);
        join(&mut known, vec![neighbour(2, Some("02:00:00:00:00:01"), "permanent")]);
        join(&mut known, vec![neighbour(3, Some("02:00:00:00:00:66"), "reachable")]);
        let shown: Vec<_> = known
            .iter()
            .map(|n| (n.record.mac.clone(), n.record.states.len(), n.sources.len()))
            .collect();
        let mac = |text: &'static str| Some(HostText::new(text.as_bytes()));
        assert_eq!(shown, [(mac("02:00:00:00:00:01"), 2, 2), (mac("02:00:00:00:00:66"), 1, 1)]);
    }
}
