//! A plan as rows for programs: every command that may be sent, and every host left out.

use crate::inventory::host::Host;
use crate::model::query::{PlannedAction, PlannedCommand};
use crate::plan::Plan;
use crate::plan::order::{Order, Visit};

/// All rows, host by host, in the order in which they would be sent.
#[must_use]
pub fn rows(plan: &Plan) -> Vec<PlannedCommand> {
    let mut rows = Vec::new();
    for visit in &plan.visits {
        of_visit(visit, &mut rows);
    }
    for left_out in &plan.left_out {
        let reason = Some(left_out.reason.to_string());
        rows.push(PlannedCommand {
            condition: reason,
            ..blank(&left_out.host, PlannedAction::LeftOut)
        });
    }
    rows
}

fn of_visit(visit: &Visit, rows: &mut Vec<PlannedCommand>) {
    for order in visit.orders.iter() {
        let after = order.after.join(", ");
        let after = (!after.is_empty()).then(|| format!("after an answer of {after}"));
        let each = order.each.map(|each| {
            let (pick, commands) = (each.pick.words(), each.commands);
            format!("about {pick}, at most {commands} commands")
        });
        let condition = after.into_iter().chain(each).reduce(|one, other| one + "; " + &other);
        of_order(&visit.host, order, PlannedAction::Send, condition.as_deref(), rows);
    }
    if let Some(tools) = &visit.tools {
        let condition = Some("after a first exit 127");
        of_order(&visit.host, tools, PlannedAction::FindTools, condition, rows);
    }
}

/// The order at each path its tool may have, with and without `timeout`, then its fallbacks.
fn of_order(
    host: &Host,
    order: &Order,
    action: PlannedAction,
    condition: Option<&str>,
    rows: &mut Vec<PlannedCommand>,
) {
    let millis = |duration: std::time::Duration| u64::try_from(duration.as_millis()).ok();
    for (index, has_timeout) in (0..order.candidates.len()).flat_map(|i| [(i, true), (i, false)]) {
        let first = index == 0 && has_timeout;
        let elsewhere = match (first, has_timeout) {
            (true, _) => condition.map(str::to_owned),
            (false, true) => Some("the tool is at this path".to_owned()),
            (false, false) => Some("the host has no /usr/bin/timeout".to_owned()),
        };
        rows.push(PlannedCommand {
            condition: elsewhere,
            probe: Some(order.probe.clone()),
            sent: order.shown(index, has_timeout),
            privileged: order.wrap.sudo.is_some(),
            first_byte_ms: millis(order.limits.first_byte),
            total_ms: millis(order.limits.total),
            ..blank(host, if first { action } else { PlannedAction::Fallback })
        });
    }
    for fallback in &order.fallbacks {
        for next in &fallback.orders {
            let condition = Some(fallback.words());
            of_order(host, next, PlannedAction::Fallback, condition, rows);
        }
    }
}

fn blank(host: &Host, action: PlannedAction) -> PlannedCommand {
    PlannedCommand {
        host: host.asset.name.clone(),
        address: host.asset.address.clone(),
        port: host.asset.port,
        account: host.account.as_ref().map(|account| account.user.clone()),
        via: host.via(),
        action,
        condition: None,
        probe: None,
        sent: None,
        privileged: false,
        first_byte_ms: None,
        total_ms: None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::snapshot::View;
    use crate::plan::testing::plan;

    const FLEET: &str = "\
accounts:
  a: {user: reader, identity: key, escalation: sudo}
all: {account: a}
hosts:
  web-1: {address: 192.0.2.1, port: 2222}
  out-1: {}
";

    #[test]
    fn rows_name_every_command_that_may_be_sent_and_every_host_left_out() {
        let plan = plan(FLEET, View::ALL, "");
        let rows = rows(&plan);
        let sent: Vec<_> =
            rows.iter().filter(|row| row.action == PlannedAction::Send).map(|r| &r.probe).collect();
        let orders: Vec<_> = plan.visits[0].orders.iter().map(|o| Some(o.probe.clone())).collect();
        assert_eq!(sent, orders.iter().collect::<Vec<_>>());
        for row in &rows {
            let is_command = row.action != PlannedAction::LeftOut;
            assert_eq!(row.sent.is_some(), is_command, "{row:?}");
            let order = plan.visits[0].orders.iter().find(|o| Some(&o.probe) == row.probe.as_ref());
            let always = order.is_some_and(|o| o.after.is_empty() && o.each.is_none());
            let sent = row.action == PlannedAction::Send;
            assert_eq!(row.condition.is_none(), sent && always, "{row:?}");
        }
        let last = rows.last().unwrap();
        assert_eq!(last.host.as_str(), "out-1");
        assert_eq!(last.condition.as_deref(), Some("not selected"));
        assert_eq!((rows[0].address.as_str(), rows[0].port), ("192.0.2.1", 2222));
        assert_eq!(rows[0].account.as_deref(), Some("reader"));
    }

    #[test]
    fn no_command_is_shown_twice_under_one_condition() {
        let rows = rows(&plan(FLEET, View::ALL, ""));
        let keys: BTreeSet<_> =
            rows.iter().map(|row| (&row.probe, &row.sent, &row.condition)).collect();
        // A fallback stands under each order that it can replace: in a chain of six, with and
        // without sudo, six times at most.
        assert!(keys.len() * 6 > rows.len(), "{} of {}", keys.len(), rows.len());
        assert!(rows.iter().any(|row| row.privileged));
    }
}
