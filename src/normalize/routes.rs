//! Makes one route of what two tables tell of it: on Windows `route print` and `PowerShell` list the same
//! routes.
//!
//! Interfaces have their names by now, or an address that means one (see `devices`). Where one table's
//! interface is still a number or an address, nothing else speaks against it being the other's. What the
//! first table prints stands, so that a route does not change with the profile.

use std::net::IpAddr;

use crate::model::record::Sourced;
use crate::model::route::{Route, RouteKind};
use crate::model::text::HostText;
use crate::normalize::devices::Devices;
use crate::normalize::pairs::Pairs;

type Text = HostText<'static>;

/// Everything that tells a route from others but its interface.
type Way = (Text, IpAddr, u8, RouteKind, Option<IpAddr>);

#[derive(PartialEq, Eq, Hash)]
enum Key {
    /// Through the interface of this name.
    Through(Way, Option<Text>),
    /// Through one that is only known as it was printed.
    Unsure(Way),
    /// Through whatever interface.
    Any(Way),
}

/// Adds the routes of one more section. Rows of one section stay apart.
pub(super) fn join(known: &mut Vec<Sourced<Route>>, more: Vec<Sourced<Route>>, devices: &Devices) {
    let mut pairs = Pairs::new();
    for (at, route) in known.iter().enumerate().filter(|_| !more.is_empty()) {
        let Some((way, device)) = key(&route.record, devices) else { continue };
        if !is_name(device.as_ref()) {
            pairs.add(Key::Unsure(way.clone()), at);
        }
        pairs.add(Key::Any(way.clone()), at);
        pairs.add(Key::Through(way, device), at);
    }
    for route in more {
        let same = key(&route.record, devices).and_then(|(way, device)| {
            let named = is_name(device.as_ref());
            let exact = pairs.take(&Key::Through(way.clone(), device));
            let other = if named { Key::Unsure(way) } else { Key::Any(way) };
            exact.or_else(|| pairs.take(&other))
        });
        match same.and_then(|at| known.get_mut(at)) {
            Some(first) => add(first, route),
            None => known.push(route),
        }
    }
}

/// `None` for one of several ways out: such are not told of twice.
fn key(route: &Route, devices: &Devices) -> Option<(Way, Option<Text>)> {
    let [hop] = route.next_hops.as_slice() else { return None };
    let way = (route.table.clone(), route.destination, route.prefix, route.kind, hop.via);
    Some((way, devices.meant(hop.device.as_ref())))
}

/// False for what was printed in the place of a name.
fn is_name(device: Option<&Text>) -> bool {
    device.is_some_and(|device| {
        let text = std::str::from_utf8(device.bytes()).unwrap_or_default();
        let number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        !number && text.parse::<IpAddr>().is_err()
    })
}

fn add(first: &mut Sourced<Route>, other: Sourced<Route>) {
    let (record, more) = (&mut first.record, other.record);
    record.source = record.source.or(more.source);
    record.metric = record.metric.or(more.metric);
    record.protocol = record.protocol.take().or(more.protocol);
    record.scope = record.scope.take().or(more.scope);
    record.mtu = record.mtu.or(more.mtu);
    record.expires_seconds = record.expires_seconds.or(more.expires_seconds);
    if record.flags.is_empty() {
        record.flags = more.flags;
    }
    first.sources.extend(other.sources);
    first.sources.sort_unstable();
    first.sources.dedup();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::{Records, Source};
    use crate::model::route::NextHop;
    use crate::model::socket::Family;
    use crate::normalize::links::Aliases;

    fn route(section: u16, destination: &str, device: &'static str) -> Sourced<Route> {
        let record = Route {
            family: Family::Ipv4,
            table: HostText::new(b"main"),
            destination: destination.parse().unwrap(),
            prefix: 24,
            kind: RouteKind::Unicast,
            next_hops: vec![NextHop { via: None, device: Some(device.into()), weight: None }],
            source: None,
            metric: None,
            protocol: (section == 2).then(|| HostText::new(b"local")),
            scope: None,
            mtu: None,
            flags: Vec::new(),
            expires_seconds: None,
        };
        Sourced::one(record, Source { section, start: 0, end: 9 })
    }

    #[test]
    fn a_route_that_two_tables_list_is_one_and_others_stay_apart() {
        let devices = Devices::of(&Records::default(), Aliases::new());
        let mut known = Vec::new();
        join(
            &mut known,
            vec![
                route(1, "192.0.2.0", "Ethernet"),
                route(1, "198.51.100.0", "192.0.2.7"),
                route(1, "203.0.113.0", "7"),
                route(1, "203.0.113.0", "7"),
            ],
            &devices,
        );
        join(
            &mut known,
            vec![
                route(2, "192.0.2.0", "Ethernet"),
                route(2, "192.0.2.0", "Wi-Fi"),
                route(2, "198.51.100.0", "Ethernet"),
                route(2, "203.0.113.0", "Wi-Fi"),
            ],
            &devices,
        );
        let shown: Vec<_> = known
            .iter()
            .map(|route| {
                let device = route.record.next_hops[0].device.clone().unwrap();
                let told = route.record.protocol.is_some();
                (
                    route.record.destination.to_string(),
                    device.escaped().into_owned(),
                    told,
                    route.sources.len(),
                )
            })
            .collect();
        let expected = |destination: &str, device: &str, told, sources| {
            (destination.to_owned(), device.to_owned(), told, sources)
        };
        assert_eq!(
            shown,
            [
                expected("192.0.2.0", "Ethernet", true, 2),
                expected("198.51.100.0", "192.0.2.7", true, 2),
                expected("203.0.113.0", "7", true, 2),
                expected("203.0.113.0", "7", false, 1),
                expected("192.0.2.0", "Wi-Fi", true, 1),
            ]
        );
    }
}
