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

fn attributes<W: Write>(page: &mut Page<W>, around: &Around<'_>) -> io::Result<()> {
    let recorded = &around.recorded.attributes;
    let of = |list: &'_ [Attribute], wanted: &Attribute| -> Option<String> {
        let found = list.iter().find(|attribute| attribute.key == wanted.key);
        found.map(|attribute| attribute.value.clone())
    };
    let later = around.attributes.iter().filter(|now| of(recorded, now).is_none());
    let count = recorded.len() + later.clone().count();
    if count == 0 {
        return Ok(());
    }
    page.heading(&format!("Attributes ({count})"))?;
    for attribute in recorded {
        let mut text = attribute.value.clone();
        match of(around.attributes, attribute) {
            None => text.push_str(" (taken away since)"),
            Some(now) if !is_same(&attribute.value, &now) => {
                text = format!("{text} (now {now})");
            }
            Some(_) => {}
        }
        pair(page, around.asset, attribute, text)?;
    }
    for attribute in later {
        pair(page, around.asset, attribute, format!("{} (imported later)", attribute.value))?;
    }
    Ok(())
}

/// The evidence has the first characters of a long value.
fn is_same(recorded: &str, now: &str) -> bool {
    recorded == now || recorded.strip_suffix('…').is_some_and(|start| now.starts_with(start))
}

fn pair<W: Write>(
    page: &mut Page<W>,
    asset: &Asset,
    attribute: &Attribute,
    text: String,
) -> io::Result<()> {
    let key = attribute.key.as_str();
    let text = match contradicts(asset, key, &attribute.value) {
        Some(own) => format!("{text}; the inventory says {own}, which counts"),
        None => text,
    };
    page.pair(&format!("{key} "), text)
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
