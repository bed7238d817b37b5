//! A site's questions, filled in from what the inventory knows of a host.

use std::borrow::Cow;
use std::sync::Arc;

use crate::inventory::host::{Host, Variable};
use crate::model::deadline::CommandLimits;
use crate::plan::order::{Fallback, Order, When};
use crate::plan::{Reason, Request};
use crate::probe::command::Wrap;
use crate::probe::parameter::Value;
use crate::probe::site::{SiteProbe, SiteReader, ValueOrigin};

/// The orders of all site probes for a host of their platform.
///
/// # Errors
/// When a parameter has no fitting value: the host is then left out as a whole, so that a typing
/// mistake in its data shows before anything is sent.
pub(super) fn orders(
    host: &Host,
    request: &Request,
    around: impl Fn(&SiteProbe) -> (CommandLimits, Wrap),
) -> Result<Vec<Arc<Order>>, Reason> {
    let of_platform = request.site_probes.iter().filter(|p| p.platform == host.asset.platform);
    let orders = of_platform.map(|probe| {
        let mut order = order(probe, host, around(probe))?;
        order.views.retain(|view| request.views.contains(view));
        Ok(Arc::new(with_plain_fallback(order)))
    });
    orders.collect()
}

fn order(
    probe: &SiteProbe,
    host: &Host,
    (limits, wrap): (CommandLimits, Wrap),
) -> Result<Order, Reason> {
    let command = probe
        .render(|origin| value(origin, host))
        .map_err(|faults| Reason::Parameter(faults.join("; ")))?;
    let elsewhere = probe.tool.paths().iter().filter_map(|path| command.at(probe.tool, path));
    let elsewhere: Vec<_> = elsewhere.filter(|other| *other != command).collect();
    Ok(Order {
        probe: probe.id.clone(),
        digest: probe.digest(),
        reader: match probe.reader {
            SiteReader::Standard(name) => Cow::Borrowed(name),
            SiteReader::Text => Cow::Borrowed("text"),
        },
        views: probe.views.clone(),
        candidates: std::iter::once(command).chain(elsewhere).collect(),
        after: &[],
        each: None,
        optional: false,
        rich: false,
        covered_by: &[],
        wrap,
        usable_exit: &[0],
        expects_output: false,
        limits,
        fallbacks: Vec::new(),
    })
}

/// What sudo refuses is asked again without it.
fn with_plain_fallback(order: Order) -> Order {
    if order.wrap.sudo.is_none() {
        return order;
    }
    let plain = Order { wrap: Wrap { sudo: None, ..order.wrap }, ..order.clone() };
    Order {
        fallbacks: vec![Fallback {
            when: When::SudoRefused,
            cut: false,
            orders: vec![Arc::new(plain)],
        }],
        ..order
    }
}

fn value<'a>(origin: &ValueOrigin, host: &'a Host) -> Option<Value<'a>> {
    match origin {
        ValueOrigin::Address => Some(Value::Text(&host.asset.address)),
        ValueOrigin::Port => Some(Value::Number(i64::from(host.asset.port))),
        ValueOrigin::Variable(name) => match host.variables.get(name)? {
            Variable::Number(number) => Some(Value::Number(*number)),
            Variable::Text(text) => Some(Value::Text(text)),
            Variable::Bool(_) | Variable::List(_) => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use crate::model::snapshot::View;
    use crate::plan::order::When;
    use crate::plan::testing::plan;

    const SITE: &str = "\
probes:
  - id: site/of-port
    platform: linux
    views: [listeners, sessions]
    argv: [/usr/bin/ss, -4, -n, -p, sport, \":{port}\"]
    parameters: {port: {type: port, from: vars.p}}
    reader: linux/ss
    needs: sudo
  - id: site/ssh
    platform: linux
    argv: [/usr/bin/ss, -4, -n, sport, \":{port}\"]
    parameters: {port: {type: port, from: port}}
";

    const FLEET: &str = "\
accounts:
  a: {user: reader, identity: key, escalation: sudo}
all: {account: a}
hosts:
  fits: {vars: {p: 22}, port: 2222}
  text: {vars: {p: \"23\"}}
  flag: {vars: {p: true}}
  list: {vars: {p: [22]}}
  large: {vars: {p: 70000}}
  none: {}
";

    #[test]
    fn parameters_come_from_the_inventory_and_unfit_ones_leave_the_host_out() {
        let plan = plan(FLEET, &[View::Listeners], SITE);
        let sent: Vec<Vec<String>> = plan
            .visits
            .iter()
            .map(|visit| {
                let own = visit.orders.iter().filter(|o| o.probe.as_str().starts_with("site/"));
                own.map(|order| order.candidates[0].words().join(" ")).collect()
            })
            .collect();
        let line = |options: &str, port: u16| format!("/usr/bin/ss {options} sport :{port}");
        assert_eq!(
            sent,
            [
                [line("-4 -n -p", 22), line("-4 -n", 2222)],
                [line("-4 -n -p", 23), line("-4 -n", 22)]
            ]
        );
        let left: Vec<_> = plan
            .left_out
            .iter()
            .map(|out| format!("{}: {}", out.host.asset.name, out.reason))
            .collect();
        let missing = "site/of-port: parameter `port` has no value for this host";
        assert_eq!(
            left,
            [
                format!("flag: {missing}"),
                "large: site/of-port: parameter `port`: `70000` is no port from 1 to 65535"
                    .to_owned(),
                format!("list: {missing}"),
                format!("none: {missing}"),
            ]
        );
    }

    #[test]
    fn a_site_probe_serves_the_views_that_were_asked_for_and_falls_back_without_sudo() {
        let plan = plan(FLEET, &[View::Listeners], SITE);
        let orders = &plan.visits[0].orders;
        let own = orders.iter().find(|order| order.probe.as_str() == "site/of-port").unwrap();
        assert_eq!(own.views, [View::Listeners]);
        assert!(own.wrap.sudo.is_some());
        assert_eq!(own.fallbacks[0].when, When::SudoRefused);
        assert_eq!(own.fallbacks[0].orders[0].views, [View::Listeners]);
        assert!(own.fallbacks[0].orders[0].wrap.sudo.is_none());
        let other = orders.iter().find(|order| order.probe.as_str() == "site/ssh").unwrap();
        assert!(other.wrap.sudo.is_none() && other.views.is_empty() && other.fallbacks.is_empty());
        assert_eq!(other.reader, "text");
        // Every path where the tool may be, the one of the file first.
        assert_eq!(other.path(0), Some("/usr/bin/ss"));
        assert!(other.candidates.len() > 1);
    }
}
