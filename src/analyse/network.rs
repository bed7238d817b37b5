//! Interfaces, routes and rules of two snapshots.
//!
//! Comes in: two snapshots and how whole they are. Goes out: changes. Counters are not compared.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::analyse::diff::{Change, ChangeKind, Diff, Subject, Wholeness, one_sided};
use crate::model::host::Platform;
use crate::model::link::Interface;
use crate::model::route::{NextHop, Route, RouteKind, Rule};
use crate::model::snapshot::{Snapshot, View};
use crate::model::socket::Family;
use crate::model::text::HostText;

type Name = HostText<'static>;

/// Compares the interfaces by name.
pub(crate) fn compare_interfaces(
    from: &Snapshot,
    to: &Snapshot,
    whole: Wholeness,
    diff: &mut Diff,
) {
    let addresses = whole.both() && tells_addresses(from) && tells_addresses(to);
    let (from, to) = (interfaces(from), interfaces(to));
    let kinds = (View::Interfaces, ChangeKind::InterfaceNew, ChangeKind::InterfaceGone);
    let sides = (&texts(&from), &texts(&to));
    one_sided(sides, whole, kinds, |name| Subject::Interface(name.clone()), diff);
    for (name, was) in &from {
        if let Some(is) = to.get(name) {
            compare_interface(was, is, addresses, diff);
        }
    }
}

/// False where no address is known of a host of Windows: only the rich profile tells them, and a host that
/// refuses it has not lost them.
fn tells_addresses(snapshot: &Snapshot) -> bool {
    let mut interfaces = snapshot.records.interfaces.iter();
    snapshot.header.asset.platform != Platform::Windows
        || interfaces.any(|interface| !interface.record.addresses.is_empty())
}

fn interfaces(snapshot: &Snapshot) -> BTreeMap<Name, &Interface> {
    let found = snapshot.records.interfaces.iter().map(|interface| &interface.record);
    found.map(|interface| (interface.name.clone(), interface)).collect()
}

fn texts(interfaces: &BTreeMap<Name, &Interface>) -> BTreeMap<Name, String> {
    interfaces.iter().map(|(name, interface)| (name.clone(), addresses(interface))).collect()
}

/// Addresses with prefix, sorted; `no address` without any.
fn addresses(interface: &Interface) -> String {
    let mut list: Vec<_> = interface.addresses.iter().collect();
    list.sort_unstable_by_key(|item| (item.address, item.prefix));
    list.dedup_by_key(|item| (item.address, item.prefix));
    let list: Vec<_> = list.into_iter().map(ToString::to_string).collect();
    if list.is_empty() { "no address".to_owned() } else { list.join(", ") }
}

/// What only one side reports is no change. `told`: both sides tell addresses.
fn compare_interface(was: &Interface, is: &Interface, told: bool, diff: &mut Diff) {
    let mut add = |kind, before: Option<String>, after: Option<String>| {
        if before.is_some() && after.is_some() && before != after {
            let subject = Subject::Interface(was.name.clone());
            diff.changes.push(Change { view: View::Interfaces, subject, kind, before, after });
        }
    };
    let shown = |text: &Option<Name>| text.as_ref().map(|text| text.escaped().into_owned());
    let number = |number: Option<u64>| number.map(|number| number.to_string());
    add(ChangeKind::InterfaceState, shown(&was.oper_state), shown(&is.oper_state));
    add(ChangeKind::InterfaceMtu, number(was.mtu), number(is.mtu));
    add(ChangeKind::InterfaceMac, shown(&was.mac), shown(&is.mac));
    if told {
        add(ChangeKind::InterfaceAddresses, Some(addresses(was)), Some(addresses(is)));
    }
}

/// What makes two routes the same: everything but the way out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct RouteKey {
    family: Family,
    table: Name,
    destination: IpAddr,
    prefix: u8,
    kind: RouteKind,
    metric: Option<u64>,
}

/// Compares the routes. The `local` table is left out: the kernel derives it from the interface
/// addresses, whose changes are reported as such.
pub(crate) fn compare_routes(from: &Snapshot, to: &Snapshot, whole: Wholeness, diff: &mut Diff) {
    let of =
        |snapshot: &Snapshot| routes(snapshot.records.routes.iter().map(|route| &route.record));
    compare_tables((&of(from), &of(to)), whole, diff);
}

/// Compares two lists of routes and rules, both whole, the older first.
#[must_use]
pub fn compare_whole(from: (&[Route], &[Rule]), to: (&[Route], &[Rule])) -> Diff {
    let (whole, mut diff) = (Wholeness { from: true, to: true }, Diff::default());
    compare_tables((&routes(from.0), &routes(to.0)), whole, &mut diff);
    compare_rule_lists((&rules(from.1), &rules(to.1)), whole, &mut diff);
    diff.changes.sort();
    diff
}

fn compare_tables((from, to): (&Ways, &Ways), whole: Wholeness, diff: &mut Diff) {
    let kinds = (View::Routes, ChangeKind::RouteNew, ChangeKind::RouteGone);
    one_sided((from, to), whole, kinds, route_subject, diff);
    if !whole.both() {
        return;
    }
    for (key, before) in from {
        if let Some(after) = to.get(key).filter(|after| *after != before) {
            diff.changes.push(Change {
                view: View::Routes,
                subject: route_subject(key),
                kind: ChangeKind::RouteChanged,
                before: Some(before.clone()),
                after: Some(after.clone()),
            });
        }
    }
}

fn route_subject(key: &RouteKey) -> Subject {
    let RouteKey { destination, prefix, .. } = *key;
    Subject::Route { table: key.table.clone(), destination, prefix }
}

/// Routes by what makes them the same, with their ways out in words.
type Ways = BTreeMap<RouteKey, String>;

fn routes<'a>(all: impl IntoIterator<Item = &'a Route>) -> Ways {
    let mut ways: BTreeMap<RouteKey, Vec<String>> = BTreeMap::new();
    for route in all {
        if matches!(route.table.bytes(), b"local" | b"255") {
            continue;
        }
        let key = RouteKey {
            family: route.family,
            table: route.table.clone(),
            destination: route.destination,
            prefix: route.prefix,
            kind: route.kind,
            metric: route.metric,
        };
        ways.entry(key).or_default().push(describe_route(route));
    }
    let joined = |mut ways: Vec<String>| {
        ways.sort();
        ways.dedup();
        ways.join("; ")
    };
    ways.into_iter().map(|(key, ways)| (key, joined(ways))).collect()
}

/// `via 10.0.0.1 dev eth0, metric 100`, or the kind of a route without a way out.
pub(crate) fn describe_route(route: &Route) -> String {
    let mut hops: Vec<_> = route.next_hops.iter().collect();
    hops.sort_unstable();
    let hops: Vec<_> = hops.into_iter().map(describe_hop).collect();
    let way = if hops.is_empty() { route.kind.to_string() } else { hops.join(" + ") };
    let source = route.source.map(|source| format!(", source {source}")).unwrap_or_default();
    let metric = route.metric.map(|metric| format!(", metric {metric}")).unwrap_or_default();
    format!("{way}{source}{metric}")
}

fn describe_hop(hop: &NextHop) -> String {
    let via = hop.via.map(|via| format!("via {via}"));
    let device = hop.device.as_ref().map(|device| format!("dev {}", device.escaped()));
    let weight = hop.weight.map(|weight| format!("weight {weight}"));
    let parts: Vec<_> = [via, device, weight].into_iter().flatten().collect();
    if parts.is_empty() { "no way out given".to_owned() } else { parts.join(" ") }
}

/// Compares the policy rules.
pub(crate) fn compare_rules(from: &Snapshot, to: &Snapshot, whole: Wholeness, diff: &mut Diff) {
    let of = |snapshot: &Snapshot| rules(snapshot.records.rules.iter().map(|rule| &rule.record));
    compare_rule_lists((&of(from), &of(to)), whole, diff);
}

type Rules = BTreeMap<(Family, u64, Name), String>;

fn compare_rule_lists((from, to): (&Rules, &Rules), whole: Wholeness, diff: &mut Diff) {
    let kinds = (View::Routes, ChangeKind::RuleNew, ChangeKind::RuleGone);
    let subject = |(_, priority, text): &(Family, u64, Name)| Subject::Rule {
        priority: *priority,
        text: text.clone(),
    };
    one_sided((from, to), whole, kinds, subject, diff);
}

fn rules<'a>(all: impl IntoIterator<Item = &'a Rule>) -> Rules {
    let text = |rule: &Rule| {
        let table = rule.table.as_ref().map(|table| format!(", table {}", table.escaped()));
        format!("{}: {}{}", rule.family, rule.text.escaped(), table.unwrap_or_default())
    };
    let all = all.into_iter();
    all.map(|rule| ((rule.family, rule.priority, rule.text.clone()), text(rule))).collect()
}
