//! Puts the sections together.

use std::collections::HashSet;

use crate::model::capture::Header;
use crate::model::fault::FaultKind;
use crate::model::parsed::{Issue, Span};
use crate::model::record::{Records, SectionIssue};
use crate::model::snapshot::{EvidenceFile, Outcome, SectionResult, SectionStatus, Snapshot, View};
use crate::normalize::section::ReadSection;
use crate::normalize::sockets::{Context, Visibility};
use crate::normalize::{host, links, merge, processes, sockets};

/// Makes the snapshot of one evidence file.
///
/// `sections` in the order of the file; `planned` are the views the plan asked this host for. The
/// result depends on nothing else, so evidence read again gives the same snapshot.
#[must_use]
pub fn snapshot(
    header: Header,
    evidence: EvidenceFile,
    mut sections: Vec<ReadSection>,
    planned: &[View],
) -> Snapshot {
    for section in &mut sections {
        if !section.is_whole()
            && let Some(rows) = &mut section.rows
        {
            rows.drop_cut_rows();
        }
    }
    let mut records = Records::default();
    let replaced: HashSet<u16> = sections
        .iter()
        .filter_map(|section| section.section.fallback_of.as_ref())
        .map(|fallback| fallback.section)
        .collect();
    links::collect(&mut sections, &mut records);
    host::collect(&header, &mut sections, &mut records);
    let hidden = collect_sockets(&mut sections, &replaced, &mut records);
    for section in &mut sections {
        let Some(rows) = &mut section.rows else { continue };
        records.routes.append(&mut rows.routes);
        records.rules.append(&mut rows.rules);
        records.neighbours.append(&mut rows.neighbours);
        records.counters.append(&mut rows.counters);
        records.issues.append(&mut rows.issues);
    }
    records.processes = processes::of(&records.sockets);
    let results: Vec<SectionResult> = sections
        .iter()
        .map(|section| {
            let number = section.section.number;
            section.result(replaced.contains(&number), hidden.contains(&number))
        })
        .collect();
    let outcome = outcome(&header, &results, planned);
    Snapshot { header, evidence, outcome, sections: results, records }
}

/// Sets every socket in context. Returns the sections in which an owner could not be seen.
fn collect_sockets(
    sections: &mut [ReadSection],
    replaced: &HashSet<u16>,
    records: &mut Records,
) -> HashSet<u16> {
    let account = records.host.as_ref().map(|host| &host.record.account);
    let sees_all = account.and_then(|account| account.sees_all_owners);
    let mut hidden = HashSet::new();
    let mut found = Vec::new();
    let mut all_read = true;
    let mut unknown_account = false;
    for section in sections {
        let number = section.section.number;
        let sees_all = if section.through_sudo() { Some(true) } else { sees_all };
        let visibility = match (section.asks_owners(), sees_all) {
            (false, _) => Visibility::NotAsked,
            (true, Some(true)) => Visibility::All,
            (true, Some(false) | None) => Visibility::Own,
        };
        if section.views.contains(&View::Listeners) && !replaced.contains(&number) {
            let whole = section.result(false, false).status == SectionStatus::Complete;
            all_read &= whole;
        }
        let Some(rows) = &mut section.rows else { continue };
        for socket in &mut rows.sockets {
            if sockets::attribute(&mut socket.record, visibility) {
                hidden.insert(number);
                unknown_account |= visibility == Visibility::Own && sees_all.is_none();
            }
        }
        found.push(std::mem::take(&mut rows.sockets));
    }
    if unknown_account {
        let message = "the account's rights on the host are not known: a socket without a visible \
                       owner is recorded as denied, not as the kernel's";
        let issue = Issue::note(Span::default(), message, b"");
        records.issues.push(SectionIssue { section: 0, issue });
    }
    records.sockets = merge::sockets(found);
    let addresses = records.host.as_ref().map(|host| host.record.addresses.as_slice());
    let context = Context::new(&records.sockets, addresses.unwrap_or_default(), all_read);
    for socket in &mut records.sockets {
        let (scope, direction) = context.place(&socket.record);
        socket.record.bind_scope = scope;
        socket.record.direction = direction;
    }
    hidden
}

/// How much of the plan was answered. A view that no section serves is missing, not empty.
fn outcome(header: &Header, sections: &[SectionResult], planned: &[View]) -> Outcome {
    if sections.is_empty() && header.faults.iter().any(|f| f.kind == FaultKind::Skipped) {
        return Outcome::Skipped;
    }
    let serves = |view: &View| {
        sections
            .iter()
            .filter(|s| s.views.contains(view) && s.status != SectionStatus::Replaced)
            .map(|s| s.status)
            .max()
    };
    // A site's question counts even where it serves no view.
    let site = |s: &&SectionResult| s.probe.as_str().starts_with("site/");
    let asked = sections.iter().filter(site).filter(|s| s.status != SectionStatus::Replaced);
    let site_whole = asked.clone().all(|s| s.status == SectionStatus::Complete);
    let whole =
        site_whole && planned.iter().all(|view| serves(view) == Some(SectionStatus::Complete));
    if whole && header.faults.is_empty() && !sections.is_empty() {
        return Outcome::Complete;
    }
    let usable = |s: &SectionResult| {
        matches!(s.status, SectionStatus::Complete | SectionStatus::Partial)
            && (site(&s) || s.views.iter().any(|view| planned.contains(view)))
    };
    if sections.iter().any(usable) { Outcome::Partial } else { Outcome::Failed }
}
