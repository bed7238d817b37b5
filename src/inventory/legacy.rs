//! The `legacy` key: algorithms that are no longer safe, allowed for one host or group, with a
//! reason and an end.
//!
//! Without both it is refused, so that no exception outlives the memory of why it was made.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use crate::inventory::host::{Host, Legacy, LegacyAlgorithm};
use crate::inventory::report::Report;
use crate::inventory::table::code;
use crate::model::id::HostName;
use crate::model::time::Utc;
use crate::yaml::defect::quoted;
use crate::yaml::node::{Node, Place};

/// Reads the key's value. `None`: it was refused, and at least one defect says why.
pub(super) fn read(
    node: &Node,
    owner: &dyn Fn() -> String,
    report: &mut Report<'_>,
) -> Option<Legacy> {
    let mut algorithms = Vec::new();
    for item in node.get("algorithms").map(Node::items).unwrap_or_default() {
        // A word that is none was reported by the table's check.
        algorithms.push(item.text().and_then(LegacyAlgorithm::parse)?);
    }
    algorithms.sort_unstable();
    algorithms.dedup();
    let reason = node.get("reason").and_then(|node| Some((node.text()?, node.place)));
    let expires = node.get("expires").and_then(|node| Some((node.text()?, node.place)));
    let mut refuse = |place: Place, message: String, help: &str| {
        report.at(code::BAD_VALUE, place, message, Some(help.to_owned()));
        None
    };
    let reason = match reason? {
        (text, _) if printable(text) => text.to_owned(),
        (text, place) => {
            let message = format!("`reason` of `legacy` of {} is {}", owner(), quoted(text));
            return refuse(place, message, "write why, and who agreed, in one line");
        }
    };
    let (text, place) = expires?;
    let Some(expires) = day(text) else {
        let message = format!("`expires` of `legacy` of {} is {}", owner(), quoted(text));
        return refuse(place, message, "write the last day as YYYY-MM-DD, e.g. 2027-03-31");
    };
    Some(Legacy { algorithms, reason, expires })
}

/// Days before the last one from which on each run warns.
const WARNING_DAYS: i64 = 30;

/// What is to be said of old algorithms that have ended or are about to: one line for each
/// exception, with the hosts and jump hosts it is for. One that has ended says that the host is
/// refused.
#[must_use]
pub fn ending<'a>(hosts: impl IntoIterator<Item = &'a Host>, now: Utc) -> Vec<String> {
    let mut found: BTreeMap<(bool, String), BTreeSet<&HostName>> = BTreeMap::new();
    for host in hosts {
        let own = host.legacy.as_deref().map(|legacy| (&host.asset.name, legacy));
        let jumps = host.road.iter().filter_map(|jump| Some((&jump.name, jump.legacy.as_deref()?)));
        for (name, legacy) in own.into_iter().chain(jumps) {
            let left = legacy.days_left(now);
            if left <= WARNING_DAYS {
                found.entry((left >= 0, legacy.to_string())).or_default().insert(name);
            }
        }
    }
    let line = |((valid, legacy), names): ((bool, String), BTreeSet<&HostName>)| {
        let shown: Vec<&str> = names.iter().take(3).map(|name| name.as_str()).collect();
        let more = names.len().saturating_sub(shown.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let verdict = if valid { "end soon" } else { "have ended: refused until renewed" };
        format!("{}{more}: old algorithms {verdict}: {legacy}", shown.join(", "))
    };
    found.into_iter().map(line).collect()
}

fn printable(text: &str) -> bool {
    let plain = text.replace('\\', "/");
    crate::model::text::escape(plain.as_bytes()) == plain
        && (1..=256).contains(&text.chars().count())
        && text.trim() == text
}

/// A day of the civil calendar, written in full: no other form is taken.
fn day(text: &str) -> Option<Date> {
    let form = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if form { text.parse().ok() } else { None }
}
