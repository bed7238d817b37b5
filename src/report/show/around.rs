//! What was known around a host: changes near the capture and attributes, as the evidence has them
//! and as they were imported since.

use std::io::{self, Write};

use crate::model::attribute::{Attribute, Surroundings};
use crate::model::change::ChangeNote;
use crate::model::host::Asset;
use crate::model::time::Utc;
use crate::report::attribute::contradicts;
use crate::report::grid::{Grid, Head};
use crate::report::page::{Page, counted};
use crate::report::table::seconds;
use crate::report::text::shown;

/// What stands in the evidence, and what is known now.
#[derive(Clone, Debug)]
pub struct Around<'a> {
    /// As it stands in the evidence.
    pub recorded: &'a Surroundings,
    /// Changes near the capture as they are known now, by start.
    pub changes: Vec<&'a ChangeNote>,
    /// Attributes as they are known now, by key.
    pub attributes: &'a [Attribute],
    /// The host as the inventory had it at the capture.
    pub asset: &'a Asset,
}

/// Writes the two sections; nothing when nothing is known.
///
/// # Errors
/// When the writer fails.
pub fn around(around: &Around<'_>, width: Option<usize>, out: impl Write) -> io::Result<()> {
    let mut page = Page::new(out, width);
    changes(&mut page, around)?;
    attributes(&mut page, around)?;
    page.finish()
}

const HEADS: [Head; 7] = [
    Head::whole("NUMBER"),
    Head::text("STATE"),
    Head::text("TYPE"),
    Head::whole("START"),
    Head::whole("END"),
    Head::whole("KNOWN"),
    Head::text("TITLE"),
];

fn changes<W: Write>(page: &mut Page<W>, around: &Around<'_>) -> io::Result<()> {
    let recorded = &around.recorded.changes;
    let mut rows: Vec<(&ChangeNote, &str)> =
        recorded.iter().map(|note| (note, "at the capture")).collect();
    let later = around.changes.iter().filter(|note| !recorded.contains(note));
    rows.extend(later.map(|note| (*note, "imported later")));
    if rows.is_empty() {
        return Ok(());
    }
    rows.sort_by(|(a, _), (b, _)| {
        (a.window.start, &a.number, a.imported).cmp(&(b.window.start, &b.number, b.imported))
    });
    let mut grid = Grid::new(&HEADS);
    for (note, known) in &rows {
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        grid.push([
            note.number.to_string(),
            text(&note.state),
            text(&note.kind),
            seconds(note.window.start),
            seconds(note.window.end),
            (*known).to_owned(),
            text(&note.title),
        ]);
    }
    page.heading(&format!("Changes near this capture ({})", rows.len()))?;
    page.grid(&grid)?;
    match around.recorded.changes_left_out {
        0 => Ok(()),
        more => page.note(&format!("and {more} more at the capture, left out of the evidence")),
    }
}

const ATTRIBUTE_HEADS: [Head; 4] = [
    Head::whole("ATTRIBUTE"),
    Head::text("VALUE"),
    Head::whole("KNOWN"),
    // What the inventory says instead; it is what counts.
    Head::text("INVENTORY"),
];

fn attributes<W: Write>(page: &mut Page<W>, around: &Around<'_>) -> io::Result<()> {
    let recorded = &around.recorded.attributes;
    let mut rows: Vec<(&Attribute, &str)> =
        recorded.iter().map(|attribute| (attribute, "at the capture")).collect();
    for (row, known) in &mut rows {
        if around.attributes.iter().all(|now| now.key != row.key) {
            *known = "taken away since";
        }
    }
    let is_new = |now: &&Attribute| {
        recorded.iter().all(|old| old.key != now.key || !is_same(&old.value, &now.value))
    };
    rows.extend(around.attributes.iter().filter(is_new).map(|now| (now, "imported later")));
    if rows.is_empty() {
        return Ok(());
    }
    // Of one key what stands in the evidence comes first.
    rows.sort_by(|(a, _), (b, _)| a.key.cmp(&b.key));
    let mut grid = Grid::new(&ATTRIBUTE_HEADS);
    for (attribute, known) in &rows {
        let (key, value) = (attribute.key.to_string(), attribute.value.clone());
        let own = contradicts(around.asset, &key, &value).unwrap_or_else(|| "-".to_owned());
        grid.push([key, value, (*known).to_owned(), own]);
    }
    page.heading(&format!("Attributes ({})", rows.len()))?;
    page.grid(&grid)?;
    match around.recorded.attributes_left_out {
        0 => Ok(()),
        more => page.note(&format!("and {more} more at the capture, left out of the evidence")),
    }
}

/// The evidence has the first characters of a long value.
fn is_same(recorded: &str, now: &str) -> bool {
    recorded == now || recorded.strip_suffix('…').is_some_and(|start| now.starts_with(start))
}

/// Lines before a diff: the changes at work between the two snapshots.
///
/// # Errors
/// When the writer fails.
pub fn interval(
    notes: &[ChangeNote],
    (from, to): (Utc, Utc),
    out: &mut impl Write,
) -> io::Result<()> {
    let time = format!("between {} and {}", seconds(from), seconds(to));
    if notes.is_empty() {
        return writeln!(out, "No change recorded {time}.\n");
    }
    writeln!(out, "{} recorded {time}:", counted(notes.len(), "change", "changes"))?;
    for note in notes {
        let ChangeNote { number, window, .. } = note;
        let (start, end) = (seconds(window.start), seconds(window.end));
        let state = note.state.as_deref().unwrap_or("state not known");
        let title = note.title.as_deref().unwrap_or("no title");
        let later = if note.imported > to { ", imported later" } else { "" };
        writeln!(out, "  {number} {start} to {end} ({}{later}): {}", shown(state), shown(title))?;
    }
    writeln!(out)
}
