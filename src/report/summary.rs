//! The closing summary of a run: what was found, what went wrong and what to do about it, and what
//! was **not** seen.
//!
//! Comes in: the run, what came of each host, and a few numbers the caller counted. Goes out: a
//! page.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use crate::model::fault::FaultKind;
use crate::model::id::{HostName, ProbeId};
use crate::model::query::{HostOutcome, RunSummary};
use crate::model::snapshot::{Limitation, Outcome};
use crate::report::page::{Page, counted};
use crate::report::show::took;

/// What the summary is made from.
#[derive(Clone, Copy, Debug)]
pub struct Summary<'a> {
    /// The run.
    pub run: &'a RunSummary,
    /// What came of each host, in any order; of several attempts the last one counts.
    pub outcomes: &'a [HostOutcome],
    /// Sockets found on all hosts. Unit: records.
    pub sockets: u64,
    /// Listeners among them.
    pub listeners: u64,
    /// What answers could not show, with the number of hosts.
    pub limitations: &'a [(Limitation, u64)],
    /// Probes in whose place others were asked, with what kept them from answering, and the number
    /// of hosts.
    pub replaced: &'a BTreeMap<(FaultKind, ProbeId), u64>,
    /// Old algorithms in use, with what allowed them, and the hosts that used them.
    pub legacy: &'a BTreeMap<String, BTreeSet<HostName>>,
    /// Commands to try next, as one would type them.
    pub next: &'a [String],
    /// Most host names per kind of fault.
    pub examples: usize,
}

/// Writes the summary. `width`: cells of the terminal; `None`: not a terminal.
///
/// # Errors
/// When the writer fails.
pub fn summary(summary: &Summary<'_>, width: Option<usize>, out: impl Write) -> io::Result<()> {
    let mut page = Page::new(out, width);
    let last = last_attempts(summary.outcomes);
    head(&mut page, summary)?;
    faults(&mut page, &last, summary.examples)?;
    not_seen(&mut page, summary)?;
    replaced(&mut page, summary)?;
    legacy(&mut page, summary)?;
    page.heading("Evidence")?;
    page.pair("folder", summary.run.folder.clone())?;
    page.pair("manifest", summary.run.manifest.map(|digest| format!("sha256 {digest}")))?;
    if !summary.next.is_empty() {
        page.heading("Next")?;
        summary.next.iter().try_for_each(|command| page.note(command))?;
    }
    page.finish()
}

/// The last attempt of each host and pass.
fn last_attempts(outcomes: &[HostOutcome]) -> Vec<&HostOutcome> {
    let mut last: BTreeMap<(&HostName, u16), &HostOutcome> = BTreeMap::new();
    for outcome in outcomes {
        let slot = last.entry((&outcome.host, outcome.pass.pass)).or_insert(outcome);
        if outcome.pass.attempt >= slot.pass.attempt {
            *slot = outcome;
        }
    }
    last.into_values().collect()
}

fn head<W: Write>(page: &mut Page<W>, summary: &Summary<'_>) -> io::Result<()> {
    let RunSummary { run, playbook, purpose, operator, change, counts, .. } = summary.run;
    page.title(&format!("Run {run}: {playbook} ({purpose})"))?;
    let change = change.as_ref().map(|change| format!(", change {change}")).unwrap_or_default();
    page.pair("operator", format!("{operator}{change}"))?;
    let total = counts.complete + counts.partial + counts.failed + counts.skipped;
    let time = summary.run.ended.map(|ended| format!(" in {}", took(summary.run.started, ended)));
    page.pair(
        "hosts",
        format!(
            "{total}{}: {} complete, {} partial, {} failed, {} skipped",
            time.unwrap_or_else(|| ", not ended".to_owned()),
            counts.complete,
            counts.partial,
            counts.failed,
            counts.skipped
        ),
    )?;
    let number =
        |count: u64, one, many| counted(usize::try_from(count).unwrap_or(usize::MAX), one, many);
    let found = [
        number(summary.sockets, "socket", "sockets"),
        number(summary.listeners, "listener", "listeners"),
    ]
    .join(", ");
    page.pair("found", found)
}

/// Hosts that share a kind of fault.
#[derive(Default)]
struct Group<'a> {
    hosts: BTreeSet<&'a HostName>,
    /// One of them in its own words.
    detail: Option<&'a str>,
}

fn faults<W: Write>(
    page: &mut Page<W>,
    outcomes: &[&HostOutcome],
    examples: usize,
) -> io::Result<()> {
    // Skipped hosts are told apart by their reason: each wants another remedy.
    let mut groups: BTreeMap<(Option<FaultKind>, &str), Group<'_>> = BTreeMap::new();
    for outcome in outcomes {
        for fault in &outcome.faults {
            let reason = if fault.kind == FaultKind::Skipped { fault.detail.as_str() } else { "" };
            let group = groups.entry((Some(fault.kind), reason)).or_default();
            group.hosts.insert(&outcome.host);
            group.detail.get_or_insert(&fault.detail);
        }
        if outcome.faults.is_empty() && outcome.outcome != Outcome::Complete {
            let skipped = outcome.outcome == Outcome::Skipped;
            let kind = skipped.then_some(FaultKind::Skipped);
            groups.entry((kind, "")).or_default().hosts.insert(&outcome.host);
        }
    }
    if groups.is_empty() {
        return page.heading("Faults: none");
    }
    page.heading("Faults")?;
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, group)| Reverse(group.hosts.len()));
    for ((kind, _), group) in groups {
        let word = kind.map_or("not whole", FaultKind::as_str);
        let hosts = counted(group.hosts.len(), "host", "hosts");
        page.note(&format!("{word}: {hosts}: {}", names(&group.hosts, examples)))?;
        if let Some(detail) = group.detail {
            page.note(&format!("  for instance: {detail}"))?;
        }
        let remedy = kind.map_or(NOT_WHOLE, FaultKind::remedy);
        page.note(&format!("  remedy: {remedy}"))?;
    }
    Ok(())
}

/// For hosts whose commands all ended well, and whose answers were not understood as a whole.
const NOT_WHOLE: &str = "`fleetstat show HOST` says which view is not whole and why: lines that were not understood, or \
     a tool that does not list everything";

/// Some names, and how many more there are.
fn names(hosts: &BTreeSet<&HostName>, examples: usize) -> String {
    let shown: Vec<_> = hosts.iter().take(examples).map(|host| host.as_str()).collect();
    let rest = hosts.len().saturating_sub(shown.len());
    match (shown.is_empty(), rest) {
        (_, 0) => shown.join(", "),
        (true, rest) => format!("{rest} names not shown"),
        (false, rest) => format!("{} and {rest} more", shown.join(", ")),
    }
}

fn not_seen<W: Write>(page: &mut Page<W>, summary: &Summary<'_>) -> io::Result<()> {
    let counts = summary.run.counts;
    let hosts = |count: u64| counted(usize::try_from(count).unwrap_or(usize::MAX), "host", "hosts");
    let outcomes = [
        (counts.failed, "nothing is known of them: no usable answer"),
        (counts.skipped, "nothing is known of them: not visited"),
        (counts.partial, "some views are missing or partial: absence proves nothing there"),
    ];
    let outcomes = outcomes.into_iter().filter(|(count, _)| *count > 0);
    let limits = summary.limitations.iter().filter(|(_, count)| *count > 0);
    let limits = limits.map(|(limitation, count)| (*count, meaning(*limitation)));
    let lines: Vec<_> = outcomes.chain(limits).collect();
    if lines.is_empty() {
        return page.heading("Not seen: nothing of what was planned");
    }
    page.heading("Not seen")?;
    lines.into_iter().try_for_each(|(count, text)| page.note(&format!("{}: {text}", hosts(count))))
}

/// Which probes did not answer themselves, so that others stood in: their records may tell less.
fn replaced<W: Write>(page: &mut Page<W>, summary: &Summary<'_>) -> io::Result<()> {
    if summary.replaced.is_empty() {
        return Ok(());
    }
    page.heading("Answered in another way")?;
    for ((kind, probe), hosts) in summary.replaced {
        let hosts = counted(usize::try_from(*hosts).unwrap_or(usize::MAX), "host", "hosts");
        let why = match kind {
            FaultKind::Denied => "sudo refused it, so it was asked without: owners may be hidden",
            FaultKind::Truncated => "its output was over the cap, so its fallback was asked",
            _ => "its tool is missing or too old, so its fallback was asked",
        };
        page.note(&format!("{hosts}: {probe}: {why}"))?;
    }
    Ok(())
}

/// Exceptions that were used: a finding of every run until they are gone.
fn legacy<W: Write>(page: &mut Page<W>, summary: &Summary<'_>) -> io::Result<()> {
    if summary.legacy.is_empty() {
        return Ok(());
    }
    page.heading("Old algorithms in use")?;
    for (what, hosts) in summary.legacy {
        let hosts: BTreeSet<&HostName> = hosts.iter().collect();
        let count = counted(hosts.len(), "host", "hosts");
        page.note(&format!("{count}: {}: {what}", names(&hosts, summary.examples)))?;
    }
    Ok(())
}

/// What a limitation means for who reads the records.
#[must_use]
pub const fn meaning(limitation: Limitation) -> &'static str {
    match limitation {
        Limitation::Truncated => "output or fields were cut; what was cut is missing",
        Limitation::NoOwner => {
            "owners of some sockets: the account may not see them (`fleetstat probes` lists what it \
             needs), or the tool that answered does not tell them"
        }
        Limitation::HostNetnsOnly => "network namespaces other than the host's own (containers)",
        Limitation::NoV6 => "IPv6",
        Limitation::NoUdp => "UDP",
        Limitation::LocaleSuspect => "the output may be translated; some words may be misread",
        Limitation::Unparsed => "lines that were not understood; they are kept as issues",
        Limitation::ToolGap => {
            "rows that the tool which answered does not list; see what its probe cannot say"
        }
    }
}
