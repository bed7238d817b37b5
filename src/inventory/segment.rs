//! The `segments` section: what a network segment demands of the connections into it.

use std::collections::{BTreeMap, HashSet};

use crate::inventory::build::Tree;
use crate::inventory::host::Host;
use crate::inventory::report::{At, Report};
use crate::inventory::table::code;
use crate::yaml::defect::quoted;
use crate::yaml::node::Node;

/// Marks the hosts of segments that demand a post-quantum key exchange. Hosts and jump hosts that
/// are allowed old algorithms contradict it.
pub(super) fn apply(trees: &[Tree], hosts: &mut [Host], report: &mut Report<'_>) {
    let demanding = demanding(trees, report);
    if demanding.is_empty() {
        return;
    }
    let mut told = HashSet::new();
    for host in hosts {
        let Some(segment) = host.asset.segment.as_ref() else { continue };
        let Some(at) = demanding.get(segment.as_str()) else { continue };
        host.require_pq = true;
        let jump = host.road.iter().find(|jump| jump.legacy.is_some());
        let (name, what) = match (&host.legacy, jump) {
            (Some(_), _) => (&host.asset.name, "host"),
            (None, Some(jump)) => (&jump.name, "jump host"),
            (None, None) => continue,
        };
        if told.insert(name.clone()) {
            let message = format!(
                "segment `{segment}` demands post-quantum key exchanges, and {what} `{name}` is \
                 allowed old algorithms"
            );
            let help = "remove `legacy`, or move the host to another segment".to_owned();
            report.there(code::POLICY, *at, message, Some(help));
        }
    }
}

/// The segments with `require_pq`, and where they say so.
fn demanding<'a>(trees: &'a [Tree], report: &mut Report<'_>) -> BTreeMap<&'a str, At> {
    let mut seen: BTreeMap<&str, At> = BTreeMap::new();
    let mut demanding = BTreeMap::new();
    for (file, tree) in trees {
        for entry in tree.get("segments").map(Node::entries).unwrap_or_default() {
            let at = At { file: *file, place: entry.place };
            if let Some(first) = seen.get(&*entry.key) {
                let first = report.line(*first);
                let message = format!("segment {} is in {first} too", quoted(&entry.key));
                report.there(code::TWICE, at, message, Some("keep one of the two".to_owned()));
                continue;
            }
            seen.insert(&entry.key, at);
            if entry.value.get("require_pq").and_then(Node::flag) == Some(true) {
                demanding.insert(&*entry.key, at);
            }
        }
    }
    demanding
}
