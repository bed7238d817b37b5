//! Interfaces, addresses, routes, rules and neighbours of every kind, as `ip -j` tells them and as
//! every tool that stands in for it does: equal but for what that tool cannot say.

use std::path::Path;
use std::process::Command;

use fleetstat::model::link::{Interface, LinkCounters};
use fleetstat::model::parsed::{Issue, Row, Severity, Sink, Span};
use fleetstat::model::route::{Neighbour, Route, RouteKind, Rule};
use fleetstat::model::text::HostText;
use fleetstat::probe::by_id;
use fleetstat::probe::gap::Gap;

/// Everything that a reader handed out.
#[derive(Default)]
struct Rows {
    interfaces: Vec<Interface>,
    routes: Vec<Route>,
    rules: Vec<Rule>,
    neighbours: Vec<Neighbour>,
    unparsed: usize,
}

impl Sink for Rows {
    fn row(&mut self, _: Span, row: Row<'_>) {
        match row {
            Row::Interface(row) => self.interfaces.push(row),
            Row::Route(row) => self.routes.push(row),
            Row::Rule(row) => self.rules.push(row),
            Row::Neighbour(row) => self.neighbours.push(row),
            other => panic!("{other:?}"),
        }
    }

    fn header(&mut self, _: Span) {}

    fn issue(&mut self, issue: Issue) {
        self.unparsed += usize::from(issue.severity == Severity::Unparsed);
    }
}

/// Runs `network.sh` in a network namespace of its own; returns the folder it filled.
#[expect(clippy::disallowed_methods, reason = "the test needs real programs")]
fn capture() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/records/network.sh");
    let status = Command::new("unshare")
        .args(["-n", "sh", script])
        .arg(folder.path())
        .status()
        .expect("needs `unshare` of util-linux");
    assert!(status.success(), "network.sh failed: needs root, iproute2 and busybox");
    folder
}

/// What the probe's reader makes of a file, and what the probe cannot say.
fn read(folder: &Path, id: &str, file: &str) -> (Rows, &'static [Gap]) {
    let probe = by_id(id).expect("a probe");
    let text = std::fs::read(folder.join(file)).unwrap();
    let (mut reader, mut rows) = ((probe.reader)(), Rows::default());
    reader.push(&text, &mut rows);
    reader.finish(&mut rows);
    (rows, probe.cannot_say)
}

fn assert_same<T: std::fmt::Debug>(name: &str, actual: &[T], expected: &[T]) {
    let sorted = |rows: &[T]| {
        let mut lines: Vec<_> = rows.iter().map(|row| format!("{row:?}")).collect();
        lines.sort();
        lines
    };
    let (actual, expected) = (sorted(actual), sorted(expected));
    let only = |one: &[String], other: &[String]| -> Vec<String> {
        one.iter().filter(|line| !other.contains(line)).cloned().collect()
    };
    let (more, less) = (only(&actual, &expected), only(&expected, &actual));
    assert!(more.is_empty() && less.is_empty(), "{name}: got {more:#?}\nexpected {less:#?}");
    assert_eq!(actual, expected, "{name}");
}

/// Parts of one interface become one, as `normalize` makes them.
fn joined(parts: Vec<Interface>) -> Vec<Interface> {
    let mut whole: Vec<Interface> = Vec::new();
    for part in parts {
        match whole.iter_mut().find(|known| known.name == part.name) {
            Some(known) => known.addresses.extend(part.addresses),
            None => whole.push(part),
        }
    }
    for interface in &mut whole {
        interface.addresses.sort();
    }
    whole
}

fn interfaces(gaps: &[Gap], whole: &[Interface]) -> Vec<Interface> {
    let mut left = whole.to_vec();
    for gap in gaps {
        for interface in &mut left {
            forget_of_interface(*gap, interface);
        }
    }
    left.retain(|interface| !gaps.contains(&Gap::BareLinks) || !interface.addresses.is_empty());
    left
}

fn forget_of_interface(gap: Gap, interface: &mut Interface) {
    match gap {
        Gap::LinkIndex => interface.index = None,
        Gap::LinkDetails => {
            (interface.mac, interface.mtu, interface.oper_state) = (None, None, None);
            (interface.kind, interface.master) = (None, None);
            interface.flags.clear();
        }
        Gap::LinkErrorKinds => {
            (interface.rx.overruns, interface.carrier_errors) = (None, None);
        }
        Gap::CounterWidth => interface.counter_width = None,
        Gap::Ipv4Addresses => interface.addresses.retain(|one| one.address.is_ipv6()),
        Gap::AddressPeer => interface.addresses.iter_mut().for_each(|one| one.peer = None),
        Gap::AddressPrefix => interface.addresses.iter_mut().for_each(|one| one.prefix = None),
        Gap::BareLinks => {}
        other => panic!("{other} is not about interfaces"),
    }
}

fn routes(gaps: &[Gap], whole: &[Route]) -> Vec<Route> {
    let mut left = whole.to_vec();
    for gap in gaps {
        left = left.into_iter().flat_map(|route| forget_of_route(*gap, route)).collect();
    }
    left
}

/// What is left of the route; several where each of its ways out becomes a route.
fn forget_of_route(gap: Gap, mut route: Route) -> Vec<Route> {
    let text = |word: &'static str| HostText::new(word.as_bytes());
    match gap {
        Gap::OtherTables if route.table != text("main") => return vec![],
        Gap::ForeignGateways if is_foreign(&route) => return vec![],
        Gap::OtherHops => {
            route.next_hops.truncate(1);
            route.next_hops.iter_mut().for_each(|hop| hop.weight = None);
        }
        Gap::JoinedHops if route.next_hops.len() > 1 => {
            let alone = |hop| Route { next_hops: vec![hop], ..route.clone() };
            let hops = route.next_hops.iter().cloned();
            let hops = hops.map(|hop| fleetstat::model::route::NextHop { weight: None, ..hop });
            return hops.map(alone).collect();
        }
        Gap::OtherTables | Gap::ForeignGateways | Gap::JoinedHops => {}
        Gap::RouteTable => {
            let told = matches!(route.kind, RouteKind::Local | RouteKind::Anycast);
            route.table = text(if told { "local" } else { "unspec" });
        }
        Gap::DiscardKind => {
            if matches!(
                route.kind,
                RouteKind::Blackhole
                    | RouteKind::Unreachable
                    | RouteKind::Prohibit
                    | RouteKind::Throw
            ) {
                route.kind = RouteKind::Unknown;
            }
        }
        Gap::RouteDetails => {
            (route.source, route.protocol, route.scope) = (None, None, None);
            (route.mtu, route.expires_seconds) = (None, None);
            route.flags.clear();
        }
        other => panic!("{other} is not about routes"),
    }
    vec![route]
}

fn is_foreign(route: &Route) -> bool {
    let v4 = route.destination.is_ipv4();
    route.next_hops.iter().any(|hop| hop.via.is_some_and(|via| via.is_ipv4() != v4))
}

fn neighbours(gaps: &[Gap], whole: &[Neighbour]) -> Vec<Neighbour> {
    let mut left = whole.to_vec();
    for gap in gaps {
        match gap {
            Gap::Ipv6Neighbours => left.retain(|one| one.address.is_ipv4()),
            Gap::NeighbourState => {
                for neighbour in &mut left {
                    neighbour.states.retain(|state| state.bytes() == b"permanent");
                }
            }
            other => panic!("{other} is not about neighbours"),
        }
    }
    left
}

#[test]
fn interfaces_and_addresses_are_the_same_from_every_tool_but_for_what_it_cannot_say() {
    let folder = capture();
    let folder = folder.path();
    let (links, _) = read(folder, "linux/ip-link", "ip-link");
    assert!(links.interfaces.len() >= 7 && links.unparsed == 0);
    // What is not told is not zero.
    assert!(links.interfaces.iter().any(|one| one.rx != LinkCounters::default()));
    for (id, file) in
        [("linux/ip-link-text", "ip-link-text"), ("linux/proc-net-dev", "proc-net-dev")]
    {
        let (rows, gaps) = read(folder, id, file);
        assert_same(id, &rows.interfaces, &interfaces(gaps, &links.interfaces));
        assert_eq!(rows.unparsed, 0, "{id}");
    }
    let (addresses, _) = read(folder, "linux/ip-addr", "ip-addr");
    for (id, file) in [
        ("linux/ip-address-text", "ip-address-text"),
        ("linux/ip-address-text", "busybox-address"),
        ("linux/proc-net-if-inet6", "proc-net-if_inet6"),
    ] {
        let (rows, gaps) = read(folder, id, file);
        let expected = interfaces(gaps, &addresses.interfaces);
        assert_same(id, &joined(rows.interfaces), &expected);
        assert_eq!(rows.unparsed, 0, "{id}");
    }
}

#[test]
fn routes_rules_and_neighbours_are_the_same_from_every_tool_but_for_what_it_cannot_say() {
    let folder = capture();
    let folder = folder.path();
    for (family, table) in [(4, "route"), (6, "ipv6_route")] {
        let (json, _) =
            read(folder, &format!("linux/ip-route{family}"), &format!("ip-route{family}"));
        assert!(json.routes.len() >= 15 && json.unparsed == 0);
        let text = format!("linux/ip-route{family}-text");
        let kernel = format!("linux/proc-net-{}", table.replace('_', "-"));
        for (id, file) in [
            (&text, format!("ip-route{family}-text")),
            (&text, format!("ip-route{family}-lines")),
            (&kernel, format!("proc-net-{table}")),
        ] {
            let (mut rows, gaps) = read(folder, id, &file);
            let mut whole = json.routes.clone();
            // The commands ran one after the other.
            for route in whole.iter_mut().chain(&mut rows.routes) {
                route.expires_seconds = route.expires_seconds.map(|left| left.div_ceil(10));
            }
            let foreign = whole.iter().filter(|route| is_foreign(route)).count();
            let foreign = if gaps.contains(&Gap::ForeignGateways) { foreign } else { 0 };
            assert_same(&file, &rows.routes, &routes(gaps, &whole));
            assert_eq!(rows.unparsed, foreign, "{file}");
        }
        let (json, _) =
            read(folder, &format!("linux/ip-rule{family}"), &format!("ip-rule{family}"));
        let id = format!("linux/ip-rule{family}-text");
        let (rows, gaps) = read(folder, &id, &format!("ip-rule{family}-text"));
        assert_eq!(gaps, [], "{id}");
        assert_same(&id, &rows.rules, &json.rules);
    }
    let (json, _) = read(folder, "linux/ip-neigh", "ip-neigh");
    assert!(json.neighbours.len() >= 6 && json.unparsed == 0);
    for (id, file) in [
        ("linux/ip-neigh-text", "ip-neigh-text"),
        ("linux/ip-neigh-text", "busybox-neigh"),
        ("linux/proc-net-arp", "proc-net-arp"),
    ] {
        let (rows, gaps) = read(folder, id, file);
        assert_same(file, &rows.neighbours, &neighbours(gaps, &json.neighbours));
        assert_eq!(rows.unparsed, 0, "{file}");
    }
}
