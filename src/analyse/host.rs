//! Facts about the host in two snapshots.
//!
//! Comes in: two snapshots. Goes out: changes. A fact that one side does not report is no change;
//! what changes all the time (clock, current counts) is not compared.

use crate::analyse::diff::{Change, ChangeKind, Diff, Subject};
use crate::model::fact::HostFacts;
use crate::model::snapshot::{Snapshot, View};
use crate::model::text::HostText;

type Text = HostText<'static>;

/// Reads one fact.
type Read = fn(&HostFacts) -> Option<&Text>;

/// Facts that are plain text, by the path of their field in the host record.
const TEXTS: &[(&str, Read)] = &[
    ("hostname", |facts| facts.hostname.as_ref()),
    ("machine_id", |facts| facts.machine_id.as_ref()),
    ("os.arch", |facts| facts.architecture.as_ref()),
    ("os.id", |facts| facts.os_id.as_ref()),
    ("os.kernel", |facts| facts.kernel_name.as_ref()),
    ("os.kernel_release", |facts| facts.kernel_release.as_ref()),
    ("os.name", |facts| facts.os_name.as_ref()),
    ("os.version", |facts| facts.os_version.as_ref()),
];

/// Compares the facts.
pub(crate) fn compare(from: &Snapshot, to: &Snapshot, diff: &mut Diff) {
    let (Some(from), Some(to)) = (&from.records.host, &to.records.host) else { return };
    let (was, is) = (&from.record, &to.record);
    let shown = |text: Option<&Text>| text.map(|text| text.escaped().into_owned());
    for (name, fact) in TEXTS {
        add(diff, ChangeKind::Fact, *name, (shown(fact(was)), shown(fact(is))));
    }
    let boots = (shown(was.boot_id.as_ref()), shown(is.boot_id.as_ref()));
    add(diff, ChangeKind::Rebooted, "boot_id", boots);
    let range = |facts: &HostFacts| facts.ephemeral.map(|(first, last)| format!("{first}-{last}"));
    add(diff, ChangeKind::Fact, "ephemeral", (range(was), range(is)));
    if was.ephemeral.is_some() && is.ephemeral.is_some() {
        let reserved = (Some(reserved(was)), Some(reserved(is)));
        add(diff, ChangeKind::Fact, "ephemeral.reserved", reserved);
    }
    compare_limits(was, is, diff);
}

/// Ports taken out of the ephemeral range; `none` without any.
fn reserved(facts: &HostFacts) -> String {
    let ranges = facts.reserved_ports.iter().map(|(first, last)| format!("{first}-{last}"));
    let ranges: Vec<_> = ranges.collect();
    if ranges.is_empty() { "none".to_owned() } else { ranges.join(", ") }
}

/// Limits by name. What counts something (`nf_conntrack_count`, `fs.file-nr`) is a reading, not a limit.
fn compare_limits(was: &HostFacts, is: &HostFacts, diff: &mut Diff) {
    for (name, before) in &was.limits {
        let after = is.limits.iter().find(|(other, _)| other == name).map(|(_, value)| *value);
        if !name.bytes().ends_with(b"_count") && name.bytes() != b"fs.file-nr" {
            let sides = (Some(before.to_string()), after.map(|value| value.to_string()));
            add(diff, ChangeKind::Fact, name.clone(), sides);
        }
    }
}

fn add(
    diff: &mut Diff,
    kind: ChangeKind,
    name: impl Into<HostText<'static>>,
    sides: (Option<String>, Option<String>),
) {
    let (Some(before), Some(after)) = sides else { return };
    if before != after {
        let subject = Subject::Fact(name.into());
        let (before, after) = (Some(before), Some(after));
        diff.changes.push(Change { view: View::Host, subject, kind, before, after });
    }
}
