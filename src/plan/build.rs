//! Makes the plan: who is visited, what each is asked, who is left out and why.

use std::borrow::Cow;
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::inventory::host::{Escalation, Host};
use crate::model::deadline::{CommandLimits, Deadlines};
use crate::model::edge::EdgeLimit;
use crate::model::host::{Platform, TransportKind};
use crate::model::snapshot::View;
use crate::plan::order::{Fallback, Order, Visit, When};
use crate::plan::site;
use crate::plan::{LeftOut, Plan, Reason, Request};
use crate::plan::{edge, wave};
use crate::probe::command::{Wrap, sudo_path};
use crate::probe::fallback::Condition;
use crate::probe::site::SiteProbe;
use crate::probe::{Privilege, Probe, Usage};

/// What `timeout` on the host leaves to the controller's own deadline: the host ends a command
/// this much earlier, so that the answer still says how it ended.
const HOST_ENDS_EARLIER: Duration = Duration::from_secs(5);

/// Hosts that are asked the same share their orders: one entry per key, not per host.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Kind {
    platform: Platform,
    sudo: bool,
    fragile: bool,
}

impl Kind {
    fn of(host: &Host) -> Self {
        let escalation = host.account.as_ref().map(|account| account.escalation);
        Self {
            platform: host.asset.platform,
            sudo: escalation == Some(Escalation::Sudo),
            fragile: host.fragile,
        }
    }
}

/// Which probes a host of a platform is asked.
type Asked = fn(Platform, &Request) -> Vec<&'static Probe>;

/// Makes the plan of a request. Every host of the inventory is either visited or left out.
#[must_use]
pub fn plan(request: Request, hosts: &[Arc<Host>], selected: impl Fn(&Host) -> bool) -> Plan {
    made(request, hosts, selected, |platform, request| {
        let mut probes = crate::probe::probes_of(request.profile, platform, &request.views);
        probes.retain(|probe| request.containers || !probe.containers);
        probes
    })
}

/// Makes the plan of looking at accounts: only what tells who an account is and what it may do.
#[must_use]
pub fn check(request: Request, hosts: &[Arc<Host>], selected: impl Fn(&Host) -> bool) -> Plan {
    made(request, hosts, selected, |platform, _| crate::probe::check_probes(platform))
}

fn made(
    request: Request,
    hosts: &[Arc<Host>],
    selected: impl Fn(&Host) -> bool,
    asked: Asked,
) -> Plan {
    let mut shared: HashMap<Kind, Shared> = HashMap::new();
    let mut visits = Vec::new();
    let mut left_out = Vec::new();
    for host in hosts {
        let visit = admit(host, &selected).and_then(|()| {
            let kind = Kind::of(host);
            let shared = shared.entry(kind).or_insert_with(|| Shared::of(kind, &request, asked));
            shared.visit(host, &request, kind)
        });
        match visit {
            Ok(visit) => visits.push(visit),
            Err(reason) => left_out.push(LeftOut { host: host.clone(), reason }),
        }
    }
    let width = u32::try_from(request.width).ok().and_then(NonZeroU32::new);
    let starts_per_second = Some(request.starts_per_second);
    let run = EdgeLimit { width, starts_per_second, adapts: false };
    let edges = edge::edges(&visits, run, &request.edges);
    let waves = wave::of_visits(request.waves.as_ref(), &visits);
    Plan { request, visits, edges, waves, left_out }
}

fn admit(host: &Host, selected: &impl Fn(&Host) -> bool) -> Result<(), Reason> {
    if !selected(host) {
        return Err(Reason::NotSelected);
    }
    let needs_account = host.asset.transport != TransportKind::Local;
    if needs_account && host.account.is_none() { Err(Reason::NoAccount) } else { Ok(()) }
}

/// What all hosts of one kind are asked.
struct Shared {
    orders: Arc<[Arc<Order>]>,
    tools: Option<Arc<Order>>,
}

impl Shared {
    fn of(kind: Kind, request: &Request, asked: Asked) -> Self {
        let maker = OrderMaker { kind, deadlines: &request.deadlines, views: &request.views };
        let probes = asked(kind.platform, request);
        let tools = crate::probe::tools_probe(kind.platform);
        Self {
            orders: probes.into_iter().map(|probe| maker.order(probe)).collect(),
            tools: tools.map(|probe| maker.order(probe)),
        }
    }

    /// The visit of one host: what its kind is asked, and the site's questions filled in for it.
    fn visit(&self, host: &Arc<Host>, request: &Request, kind: Kind) -> Result<Arc<Visit>, Reason> {
        let mut orders = self.orders.clone();
        let site = site::orders(host, request, |probe| wrap_for(probe, request, kind))?;
        if !site.is_empty() {
            // What the rich profile adds stays behind all others.
            let rich = orders.iter().position(|order| order.rich).unwrap_or(orders.len());
            let (planned, rich) = orders.split_at_checked(rich).unwrap_or((&orders, &[]));
            orders = planned.iter().cloned().chain(site).chain(rich.iter().cloned()).collect();
        }
        Ok(Arc::new(Visit { host: host.clone(), orders, tools: self.tools.clone() }))
    }
}

/// Makes orders for one kind of host.
struct OrderMaker<'a> {
    kind: Kind,
    deadlines: &'a Deadlines,
    views: &'a [View],
}

impl OrderMaker<'_> {
    fn order(&self, probe: &Probe) -> Arc<Order> {
        let sudo = self.kind.sudo && probe.needs == Privilege::Owners;
        let mut order = self.one(probe, sudo, |next| self.order(next));
        if sudo {
            // What sudo refuses is asked again without it: owners of others stay unknown.
            let plain = vec![self.plain(probe)];
            let fallback = Fallback { when: When::SudoRefused, cut: false, orders: plain };
            order.fallbacks.insert(0, fallback);
        }
        Arc::new(order)
    }

    /// The order without sudo, and so are those that replace it: the host has shown that it refuses,
    /// and a chain in which each link tried again would double with every link.
    fn plain(&self, probe: &Probe) -> Arc<Order> {
        Arc::new(self.one(probe, false, |next| self.plain(next)))
    }

    fn one(&self, probe: &Probe, sudo: bool, next: impl Fn(&Probe) -> Arc<Order>) -> Order {
        let limits = limits(probe.first_byte, probe.total, self.deadlines);
        let paths = probe.tool.paths().iter();
        Order {
            probe: probe.id.clone(),
            digest: probe.digest(),
            reader: Cow::Owned(probe.id.as_str().to_owned()),
            views: served(probe.views, self.views),
            candidates: paths.filter_map(|path| probe.command_at(path)).collect(),
            after: probe.after,
            each: probe.each,
            optional: probe.optional,
            rich: probe.usage == Usage::Rich,
            covered_by: probe.covered_by,
            wrap: wrap(limits, self.kind, sudo),
            usable_exit: probe.usable_exits,
            expects_output: probe.expects_output,
            limits,
            fallbacks: fallbacks(probe, next),
        }
    }
}

fn fallbacks(probe: &Probe, next: impl Fn(&Probe) -> Arc<Order>) -> Vec<Fallback> {
    let Some(fallback) = &probe.fallback else { return Vec::new() };
    // The table was checked when it was compiled, so every id is there.
    let probes = fallback.probes.iter().filter_map(|id| crate::probe::by_id(id));
    let cut = fallback.on.contains(&Condition::OutputCut);
    vec![Fallback { when: When::ToolUnusable, cut, orders: probes.map(next).collect() }]
}

/// Limits and wrap of a site's question.
fn wrap_for(probe: &SiteProbe, request: &Request, kind: Kind) -> (CommandLimits, Wrap) {
    let limits = limits(None, None, &request.deadlines);
    let sudo = kind.sudo && probe.needs == Privilege::Owners;
    (limits, wrap(limits, kind, sudo))
}

fn served(answers: &[View], wanted: &[View]) -> Vec<View> {
    answers.iter().copied().filter(|view| wanted.contains(view)).collect()
}

fn wrap(limits: CommandLimits, kind: Kind, sudo: bool) -> Wrap {
    let seconds = limits.total.saturating_sub(HOST_ENDS_EARLIER).as_secs().max(1);
    let timeout_seconds = Some(u32::try_from(seconds).unwrap_or(u32::MAX));
    let sudo = sudo.then(|| sudo_path(kind.platform));
    Wrap { timeout_seconds, nice: kind.fragile, sudo }
}

/// A probe may ask for more time than the playbook's defaults, never for more than the host's
/// deadline allows.
fn limits(
    first_byte: Option<Duration>,
    total: Option<Duration>,
    deadlines: &Deadlines,
) -> CommandLimits {
    let total = total.map_or(deadlines.command, |total| total.max(deadlines.command));
    let first_byte =
        first_byte.map_or(deadlines.first_byte, |first| first.max(deadlines.first_byte));
    let total = total.min(deadlines.host);
    CommandLimits { first_byte: first_byte.min(total), idle: deadlines.idle.min(total), total }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::{hosts, plan, request};

    const FLEET: &str = "\
accounts:
  plain: {user: reader, identity: key}
  raised: {user: reader, identity: key, escalation: sudo}
all: {account: plain}
hosts:
  a-1: {}
  a-2: {}
  b-1: {account: raised}
  c-1: {fragile: true}
  w-1: {platform: windows}
";

    #[test]
    fn every_host_is_visited_or_left_out_with_a_reason() {
        let hosts = hosts(FLEET);
        let plan = super::plan(request(&[View::Listeners], Vec::new()), &hosts, |host| {
            host.asset.name.as_str() != "a-2"
        });
        let visited: Vec<_> = plan.visits.iter().map(|v| v.host.asset.name.as_str()).collect();
        assert_eq!(visited, ["a-1", "b-1", "c-1", "w-1"]);
        let left: Vec<_> = plan
            .left_out
            .iter()
            .map(|out| format!("{}: {}", out.host.asset.name, out.reason))
            .collect();
        assert_eq!(left, ["a-2: not selected"]);
    }

    #[test]
    fn hosts_of_one_kind_share_their_orders() {
        let plan = plan(FLEET, &[View::Listeners], "");
        let [first, second, raised, fragile, windows] = plan.visits.as_slice() else {
            panic!("five visits: {plan:?}")
        };
        assert!(Arc::ptr_eq(&first.orders, &second.orders));
        assert!(!Arc::ptr_eq(&first.orders, &raised.orders));
        assert!(!Arc::ptr_eq(&first.orders, &fragile.orders));
        let of_windows = |order: &Arc<Order>| order.probe.as_str().starts_with("windows/");
        assert!(windows.orders.iter().all(of_windows));
        assert!(!first.orders.iter().any(of_windows));
    }

    #[test]
    fn only_questions_for_owners_are_raised_and_what_sudo_refuses_is_asked_plainly() {
        let plan = plan(FLEET, &[View::Listeners], "");
        let raised: Vec<_> =
            plan.visits[2].orders.iter().filter(|order| order.wrap.sudo.is_some()).collect();
        let ids: Vec<_> = raised.iter().map(|order| order.probe.as_str()).collect();
        assert_eq!(ids, ["linux/ss-inet4", "linux/ss-inet6", "linux/owners"]);
        for order in raised {
            let line = order.invocation(0, true, true).unwrap().line();
            assert!(line.contains("/usr/bin/sudo -n "), "{line}");
            let first = &order.fallbacks[0];
            assert_eq!(first.when, When::SudoRefused);
            assert_eq!(first.orders[0].probe, order.probe);
            assert!(first.orders[0].wrap.sudo.is_none());
        }
        assert!(plan.visits[0].orders.iter().all(|order| order.wrap.sudo.is_none()));
    }

    #[test]
    fn a_fragile_host_is_asked_at_the_lowest_priority() {
        let plan = plan(FLEET, &[View::Host], "");
        let lines = |visit: usize| -> Vec<String> {
            let orders = plan.visits[visit].orders.iter();
            orders.map(|order| order.invocation(0, true, true).unwrap().line()).collect()
        };
        assert!(lines(3).iter().all(|line| line.contains("nice -n 19")), "{:?}", lines(3));
        assert!(lines(0).iter().all(|line| !line.contains("nice")), "{:?}", lines(0));
    }

    #[test]
    fn a_probe_may_take_longer_than_the_playbook_says_but_not_longer_than_the_host() {
        let seconds = Duration::from_secs;
        let deadlines = Deadlines::default();
        assert_eq!(
            limits(Some(seconds(90)), Some(seconds(120)), &deadlines),
            CommandLimits { first_byte: seconds(90), idle: seconds(30), total: seconds(120) }
        );
        assert_eq!(
            limits(Some(seconds(5)), None, &deadlines),
            CommandLimits { first_byte: seconds(30), idle: seconds(30), total: seconds(60) }
        );
        let short = Deadlines { host: seconds(20), ..deadlines };
        assert_eq!(
            limits(Some(seconds(90)), Some(seconds(120)), &short),
            CommandLimits { first_byte: seconds(20), idle: seconds(20), total: seconds(20) }
        );
    }

    #[test]
    fn views_of_an_order_are_those_that_were_asked_for() {
        let plan = plan(FLEET, &[View::Listeners], "");
        let asked = plan.visits[0].orders.iter().flat_map(|order| order.views.iter().copied());
        assert!(asked.clone().all(|view| view == View::Listeners));
        assert!(asked.count() >= 2);
    }
}
