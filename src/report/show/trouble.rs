//! What could not be read, and what went wrong, with what can be done about it.

use std::io::{self, Write};

use crate::model::fault::Fault;
use crate::model::snapshot::{SectionStatus, Snapshot};
use crate::report::grid::{Grid, Head};
use crate::report::issue::severity_word;
use crate::report::page::Page;
use crate::report::show::{ROWS_MAX, more, number_or_dash};

const ISSUES: &[Head] = &[
    Head::whole("SEVERITY"),
    Head::number("SECTION"),
    Head::number("LINE"),
    Head::text("EXPECTED"),
    Head::text("TEXT"),
];

pub(super) fn issues<W: Write>(page: &mut Page<W>, snapshot: &Snapshot) -> io::Result<()> {
    let found = &snapshot.records.issues;
    if found.is_empty() {
        return page.heading("Issues: none");
    }
    page.heading(&format!("Issues ({}); the whole text is in the evidence", found.len()))?;
    let mut grid = Grid::new(ISSUES);
    for issue in found.iter().take(ROWS_MAX) {
        let above_zero = |number: u64| number_or_dash((number > 0).then_some(number));
        grid.push([
            severity_word(issue.issue.severity).to_owned(),
            above_zero(issue.section.into()),
            above_zero(issue.issue.span.line),
            issue.issue.message.clone(),
            issue.issue.text.escaped().into_owned(),
        ]);
    }
    page.grid(&grid)?;
    more(page, found.len())
}

/// Faults of the visit, then of each section.
pub(super) fn faults<W: Write>(page: &mut Page<W>, snapshot: &Snapshot) -> io::Result<()> {
    let visit = snapshot.header.faults.iter().map(|fault| ("visit".to_owned(), fault));
    let sections = snapshot.sections.iter().flat_map(|section| {
        let replaced = section.status == SectionStatus::Replaced;
        let remark = if replaced { " (another took its place)" } else { "" };
        section.faults.iter().map(move |fault| (format!("{}{remark}", section.probe), fault))
    });
    let found: Vec<(String, &Fault)> = visit.chain(sections).collect();
    if found.is_empty() {
        return page.heading("Faults: none");
    }
    page.heading(&format!("Faults ({})", found.len()))?;
    for (place, fault) in found {
        page.note(&format!("{place}: {fault}"))?;
        page.note(&format!("  remedy: {}", fault.kind.remedy()))?;
    }
    Ok(())
}
