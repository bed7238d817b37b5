//! Makes one interface of its parts: `ip link` knows counters, `ip addr` addresses.
//!
//! Windows has two names for an interface: `route print` describes the device, `PowerShell` tells the name
//! of the connection. The number is the same in both; the first name stays, with either profile.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use crate::model::link::{Interface, InterfaceAddress, LinkCounters};
use crate::model::record::{Records, Sourced};
use crate::model::text::HostText;
use crate::normalize::section::ReadSection;

/// Other names of interfaces, and the name that each has in the records.
pub(super) type Aliases = HashMap<HostText<'static>, HostText<'static>>;

/// Merges the interfaces of all sections by name, in the order in which they were first named; where
/// `by_index`, as on Windows, those of two sections by number too.
pub(super) fn collect(
    sections: &mut [ReadSection],
    by_index: bool,
    records: &mut Records,
) -> Aliases {
    let mut places: HashMap<HostText<'static>, usize> = HashMap::new();
    // By number: the interface, and the section that told of it first.
    let mut numbered: HashMap<u32, (usize, u16)> = HashMap::new();
    let mut aliases = Aliases::new();
    for section in sections {
        let number = section.section.number;
        let parts = section.rows.as_mut().map(|rows| std::mem::take(&mut rows.interfaces));
        for part in parts.unwrap_or_default() {
            let name = part.record.name.clone();
            let known = places.get(&name).copied();
            if let Some(first) = known.and_then(|at| records.interfaces.get_mut(at))
                && same_index(&first.record, &part.record)
            {
                join(first, part);
                continue;
            }
            let index = part.record.index.filter(|_| by_index);
            let same = index.and_then(|index| numbered.get(&index)).copied();
            let same = same.filter(|(_, told)| *told != number);
            if let Some((at, _)) = same
                && let Some(first) = records.interfaces.get_mut(at)
                && same_mac(&first.record, &part.record)
            {
                aliases.insert(name.clone(), first.record.name.clone());
                places.insert(name, at);
                join(first, part);
                continue;
            }
            let at = records.interfaces.len();
            places.insert(name, at);
            if let Some(index) = index {
                numbered.entry(index).or_insert((at, number));
            }
            records.interfaces.push(part);
        }
    }
    for interface in &mut records.interfaces {
        settle(&mut interface.record.addresses);
    }
    aliases
}

fn same_mac(one: &Interface, other: &Interface) -> bool {
    one.mac.is_none() || other.mac.is_none() || one.mac == other.mac
}

/// Sorts, and leaves out repetitions: an address without prefix that stands there with one too.
fn settle(addresses: &mut Vec<InterfaceAddress>) {
    addresses.sort_unstable();
    addresses.dedup();
    let told: HashSet<IpAddr> =
        addresses.iter().filter(|one| one.prefix.is_some()).map(|one| one.address).collect();
    addresses.retain(|one| one.prefix.is_some() || !told.contains(&one.address));
}

/// A name that went to another device between two commands is another interface.
fn same_index(one: &Interface, other: &Interface) -> bool {
    one.index.is_none() || other.index.is_none() || one.index == other.index
}

fn join(first: &mut Sourced<Interface>, other: Sourced<Interface>) {
    let (record, more) = (&mut first.record, other.record);
    record.index = record.index.or(more.index);
    record.mac = record.mac.take().or(more.mac);
    record.mtu = record.mtu.or(more.mtu);
    record.oper_state = record.oper_state.take().or(more.oper_state);
    record.kind = record.kind.take().or(more.kind);
    if record.flags.is_empty() {
        record.flags = more.flags;
    }
    record.speed_bps = record.speed_bps.or(more.speed_bps);
    record.master = record.master.take().or(more.master);
    record.addresses.extend(more.addresses);
    join_counters(&mut record.rx, &more.rx);
    join_counters(&mut record.tx, &more.tx);
    record.collisions = record.collisions.or(more.collisions);
    record.carrier_errors = record.carrier_errors.or(more.carrier_errors);
    record.fifo_errors = record.fifo_errors.or(more.fifo_errors);
    record.counter_width = record.counter_width.or(more.counter_width);
    first.sources.extend(other.sources);
    first.sources.sort_unstable();
    first.sources.dedup();
}

/// Counters of one moment belong together: those of the first part that has any stay as they are.
fn join_counters(first: &mut LinkCounters, other: &LinkCounters) {
    if *first == LinkCounters::default() {
        *first = *other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_prefix_gives_way_to_the_same_with_one() {
        let of = |address: &str, prefix| InterfaceAddress {
            address: address.parse().unwrap(),
            prefix,
            scope: None,
            peer: None,
        };
        let mut addresses = vec![
            of("192.0.2.9", None),
            of("192.0.2.1", Some(24)),
            of("192.0.2.1", None),
            of("192.0.2.9", None),
        ];
        settle(&mut addresses);
        assert_eq!(addresses, [of("192.0.2.1", Some(24)), of("192.0.2.9", None)]);
    }
}
