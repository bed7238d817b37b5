//! Which route a host would take, as far as its tables tell.
//!
//! Comes in: routes and policy rules of one host, and a destination. Goes out: the decision, with
//! what was considered. Rules are asked in the order of their priority. A rule that asks for more
//! than the destination (source, mark, interface, protocol, user) is left out and named: nobody can
//! tell whether a packet would match. Without rules the tables are local, main, default, as Linux
//! has them. In a table the longest prefix wins, then the lowest metric. Source: ip-rule(8),
//! ip-route(8).

use std::net::IpAddr;

use crate::model::id::HostName;
use crate::model::route::{NextHop, Route, RouteKind, Rule};
use crate::model::socket::Family;
use crate::model::text::HostText;
use crate::model::time::Utc;

/// A destination: an address in it, and the prefix length in bits.
pub type Network = (IpAddr, u8);

/// What a host would do with packets to a destination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision<'a> {
    /// Routes that share the traffic: one, or several of the same prefix and metric. Empty: no
    /// route, or a rule that refuses.
    pub routes: Vec<&'a Route>,
    /// Priority of the rule that led there. `None`: the host told no rules, or nothing was found.
    pub rule: Option<u64>,
    /// What the rule itself does, where it leads to no table: `blackhole`, `unreachable` …
    pub refused: Option<String>,
    /// Priorities of rules with conditions that were not considered, up to the deciding one.
    pub passed_over: Vec<u64>,
    /// Routes of the deciding table that are inside the destination and more specific: parts of it
    /// take another way.
    pub more_specific: u64,
}

/// Reads `10.0.0.1` or `10.0.0.0/8`. `None`: it is neither. Bits after the prefix are dropped.
#[must_use]
pub fn network(text: &str) -> Option<Network> {
    let (address, prefix) = text.split_once('/').unwrap_or((text, ""));
    let address: IpAddr = address.parse().ok()?;
    let most = width(address);
    let prefix =
        if prefix.is_empty() && !text.contains('/') { most } else { prefix.parse().ok()? };
    (prefix <= most).then_some((address, prefix))
}

const fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// True when all of `inner` is in `outer`.
#[must_use]
pub fn covers(outer: Network, inner: Network) -> bool {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    };
    let mask = u128::MAX.checked_shl(128 - u32::from(outer.1)).unwrap_or(0);
    outer.0.is_ipv4() == inner.0.is_ipv4()
        && outer.1 <= inner.1
        && bits(outer.0) & mask == bits(inner.0) & mask
}

/// What a host would do with packets to a destination.
#[must_use]
pub fn decide<'a>(routes: &'a [Route], rules: &[Rule], to: Network) -> Decision<'a> {
    let family = if to.0.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
    let mut rules: Vec<&Rule> = rules.iter().filter(|rule| rule.family == family).collect();
    rules.sort_by_key(|rule| rule.priority);
    let mut decision = Decision::default();
    if rules.is_empty() {
        let tables = ["local", "main", "default"].into_iter();
        let found = tables.map(|table| lookup(routes, table, to)).find(|found| !found.is_empty());
        decision.routes = found.unwrap_or_default();
    }
    for rule in rules {
        match step(rule, to) {
            Step::Other => {}
            Step::Conditional => decision.passed_over.push(rule.priority),
            Step::Refuse(action) => {
                (decision.rule, decision.refused) = (Some(rule.priority), Some(action));
                break;
            }
            Step::Table { name, suppress } => {
                let found = lookup(routes, &name, to);
                let suppressed = |route: &&Route| suppress.is_some_and(|most| route.prefix <= most);
                if found.is_empty() || found.iter().any(suppressed) {
                    continue;
                }
                (decision.rule, decision.routes) = (Some(rule.priority), found);
                break;
            }
        }
    }
    if let Some(route) = decision.routes.first() {
        let inside = |other: &&Route| {
            let network = (other.destination, other.prefix);
            other.table == route.table && other.prefix > to.1 && covers(to, network)
        };
        decision.more_specific =
            u64::try_from(routes.iter().filter(inside).count()).unwrap_or(u64::MAX);
    }
    decision
}

/// What a rule means for a destination.
enum Step {
    /// It is about other destinations.
    Other,
    /// It asks for more than the destination.
    Conditional,
    /// It refuses.
    Refuse(String),
    /// It leads to a table; routes with a prefix up to `suppress` do not count.
    Table { name: String, suppress: Option<u8> },
}

fn step(rule: &Rule, to: Network) -> Step {
    let text = rule.text.escaped();
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    let mut table = rule.table.as_ref().map(|table| table.escaped().into_owned());
    let (mut suppress, mut refuse, mut about, mut inverted) = (None, None, true, false);
    while let Some(key) = words.next() {
        match key {
            "not" => inverted = true,
            "src" | "from" => match words.next() {
                Some("all" | "0.0.0.0/0" | "::/0") => {}
                _ => return Step::Conditional,
            },
            "dst" | "to" => match words.next().and_then(network) {
                Some(wanted) if covers(wanted, to) => {}
                // Parts of the destination would match: that is no one answer.
                Some(wanted) if covers(to, wanted) => return Step::Conditional,
                Some(_) => about = false,
                None => return Step::Conditional,
            },
            "table" | "lookup" => table = words.next().map(str::to_owned),
            "suppress_prefixlen" | "suppress_prefixlength" => {
                suppress = words.next().and_then(|word| word.parse().ok());
            }
            "action" => refuse = words.next().map(str::to_owned),
            "blackhole" | "unreachable" | "prohibit" => refuse = Some(key.to_owned()),
            // Who installed the rule.
            "protocol" | "proto" => drop(words.next()),
            _ => return Step::Conditional,
        }
    }
    if about == inverted {
        return Step::Other;
    }
    match (refuse, table) {
        (Some(action), None)
            if matches!(action.as_str(), "blackhole" | "unreachable" | "prohibit") =>
        {
            Step::Refuse(action)
        }
        (_, Some(name)) => Step::Table { name, suppress },
        (_, None) => Step::Conditional,
    }
}

/// The best routes of a table to a destination. A `throw` route ends the table without an answer.
fn lookup<'a>(routes: &'a [Route], table: &str, to: Network) -> Vec<&'a Route> {
    let fits = |route: &&Route| {
        name(&route.table.escaped()) == name(table) && covers((route.destination, route.prefix), to)
    };
    // Without a source the kernel passes over routes that hold for some sources only.
    let order = |route: &Route| {
        (route.is_of_some_sources(), std::cmp::Reverse(route.prefix), metric(route))
    };
    let Some(best) = routes.iter().filter(fits).map(order).min() else { return Vec::new() };
    let best: Vec<_> = routes.iter().filter(fits).filter(|route| order(route) == best).collect();
    if best.iter().any(|route| route.kind == RouteKind::Throw) { Vec::new() } else { best }
}

/// A route without a metric has 0 in IPv4 and 1024 in IPv6. Source: ip-route(8), `metric`.
fn metric(route: &Route) -> u64 {
    let default = if route.family == Family::Ipv4 { 0 } else { 1_024 };
    route.metric.unwrap_or(default)
}

/// Tables that have a number and a name. Source: `/etc/iproute2/rt_tables`.
fn name(table: &str) -> &str {
    match table {
        "255" => "local",
        "254" => "main",
        "253" => "default",
        other => other,
    }
}

/// One answer about a route, without the host it is from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Way {
    /// Table. `None`: no route, or a rule that refuses.
    pub table: Option<HostText<'static>>,
    /// Destination of the route.
    pub destination: Option<Network>,
    /// What happens. `None`: there is no route.
    pub kind: Option<RouteKind>,
    /// Ways out, sorted.
    pub next_hops: Vec<NextHop>,
    /// Lower wins.
    pub metric: Option<u64>,
    /// Who installed it.
    pub protocol: Option<HostText<'static>>,
    /// Priority of the rule that led there.
    pub rule: Option<u64>,
    /// What the rule itself does where it leads to no table.
    pub refused: Option<String>,
    /// Rules with conditions that were not considered.
    pub passed_over: Vec<u64>,
    /// Routes inside the destination that are more specific.
    pub more_specific: u64,
}

/// Hosts that give the same answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routed {
    /// The answer.
    pub way: Way,
    /// Hosts with the time of their last whole answer, sorted.
    pub hosts: Vec<(HostName, Utc)>,
}

impl Way {
    /// A route as it stands in a table.
    #[must_use]
    pub fn of(route: &Route) -> Self {
        let mut next_hops = route.next_hops.clone();
        next_hops.sort();
        Self {
            table: Some(route.table.clone()),
            destination: Some((route.destination, route.prefix)),
            kind: Some(route.kind),
            next_hops,
            metric: route.metric,
            protocol: route.protocol.clone(),
            rule: None,
            refused: None,
            passed_over: Vec::new(),
            more_specific: 0,
        }
    }

    /// A decision.
    #[must_use]
    pub fn decided(decision: &Decision<'_>) -> Self {
        let first = decision.routes.first();
        let mut way = first.map_or_else(Self::nowhere, |route| Self::of(route));
        for route in decision.routes.iter().skip(1) {
            way.next_hops.extend(route.next_hops.iter().cloned());
        }
        way.next_hops.sort();
        way.rule = decision.rule;
        way.refused.clone_from(&decision.refused);
        way.passed_over.clone_from(&decision.passed_over);
        way.more_specific = decision.more_specific;
        way
    }

    const fn nowhere() -> Self {
        Self {
            table: None,
            destination: None,
            kind: None,
            next_hops: Vec::new(),
            metric: None,
            protocol: None,
            rule: None,
            refused: None,
            passed_over: Vec::new(),
            more_specific: 0,
        }
    }
}

/// Which routes are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The decision for this destination instead of the tables.
    pub to: Option<Network>,
    /// Only by this gateway.
    pub via: Option<IpAddr>,
    /// Only default routes.
    pub default: bool,
}

/// The answers of one host, sorted, each once. The `local` table is left out of a listing: the
/// kernel derives it from the addresses of the interfaces.
#[must_use]
pub fn ways(routes: &[Route], rules: &[Rule], wanted: Wanted) -> Vec<Way> {
    let shown = |route: &&Route| {
        name(&route.table.escaped()) != "local" && (!wanted.default || route.prefix == 0)
    };
    let mut out: Vec<Way> = match wanted.to {
        Some(to) => vec![Way::decided(&decide(routes, rules, to))],
        None => routes.iter().filter(shown).map(Way::of).collect(),
    };
    if let Some(via) = wanted.via {
        out.retain(|way| way.next_hops.iter().any(|hop| hop.via == Some(via)));
    }
    out.sort();
    out.dedup();
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyse::sample::{route, text};

    fn rule(priority: u64, words: &str) -> Rule {
        let table = words.split("table ").nth(1).map(text);
        Rule { family: Family::Ipv4, priority, text: text(words), table }
    }

    fn to(text: &str) -> Network {
        network(text).unwrap()
    }

    #[test]
    fn the_longest_prefix_wins_then_the_lowest_metric() {
        let mut slow = route("10.1.0.0", 16, Some("10.0.0.2"));
        slow.metric = Some(200);
        let mut fast = route("10.1.0.0", 16, Some("10.0.0.3"));
        fast.metric = Some(100);
        let routes = [route("0.0.0.0", 0, Some("10.0.0.1")), slow, fast.clone()];
        assert_eq!(decide(&routes, &[], to("10.1.2.3")).routes, [&fast]);
        assert_eq!(decide(&routes, &[], to("10.2.2.3")).routes, [&routes[0]]);
        assert_eq!(decide(&routes, &[], to("2001:db8::1")).routes, [&routes[0]; 0]);
        assert_eq!(decide(&routes, &[], to("10.0.0.0/8")).more_specific, 2);
    }

    #[test]
    fn rules_lead_through_the_tables_and_conditions_are_named() {
        let mut other = route("10.9.0.0", 16, Some("10.0.0.9"));
        other.table = text("200");
        let routes = [route("0.0.0.0", 0, Some("10.0.0.1")), other];
        let rules = [
            rule(32_766, "src all table main"),
            rule(1_000, "src 10.1.0.0/24 fwmark 0x1 table 100"),
            rule(1_001, "src all dst 10.9.0.0/16 table 200"),
            rule(1_002, "src all dst 10.66.0.0/16 action blackhole"),
        ];
        let found = decide(&routes, &rules, to("10.9.1.1"));
        assert_eq!((found.rule, found.routes), (Some(1_001), vec![&routes[1]]));
        assert_eq!(found.passed_over, [1_000]);
        let refused = decide(&routes, &rules, to("10.66.0.1"));
        assert_eq!((refused.rule, refused.refused), (Some(1_002), Some("blackhole".into())));
        assert_eq!(decide(&routes, &rules, to("10.0.0.0/8")).passed_over, [1_000, 1_001, 1_002]);
        assert_eq!(decide(&routes, &rules, to("192.0.2.1")).rule, Some(32_766));
    }

    #[test]
    fn a_throw_route_goes_on_with_the_next_rule() {
        let mut throw = route("10.0.0.0", 8, None);
        (throw.table, throw.kind) = (text("100"), RouteKind::Throw);
        let routes = [throw, route("0.0.0.0", 0, Some("10.0.0.1"))];
        let rules = [rule(1, "src all table 100"), rule(2, "src all table main")];
        assert_eq!(decide(&routes, &rules, to("10.1.1.1")).rule, Some(2));
    }
}
