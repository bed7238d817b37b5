//! The page that `fleetstat show HOST` prints: one snapshot, for people.
//!
//! Comes in: a snapshot. Goes out: a page. What a view could not show stands beside the view, so
//! that an empty table is never taken for "there is nothing".

mod around;
mod header;
mod network;
mod sockets;
mod trouble;

use std::io::{self, Write};

use crate::model::snapshot::{SectionStatus, Snapshot, View};
use crate::model::text::HostText;
use crate::report::page::Page;

pub use around::{Around, around, interval};
pub(crate) use header::took;

/// Rows of one table on the page; what is beyond is counted. `--format` gives all of them.
const ROWS_MAX: usize = 40;

/// Writes the page. `width`: cells of the terminal; `None`: not a terminal, nothing is cut.
///
/// # Errors
/// When the writer fails.
pub fn show(snapshot: &Snapshot, width: Option<usize>, out: impl Write) -> io::Result<()> {
    let mut page = Page::new(out, width);
    header::header(&mut page, snapshot)?;
    header::views(&mut page, snapshot)?;
    sockets::listeners(&mut page, snapshot)?;
    sockets::sessions(&mut page, snapshot)?;
    network::interfaces(&mut page, snapshot)?;
    network::routes(&mut page, snapshot)?;
    network::rules(&mut page, snapshot)?;
    network::neighbours(&mut page, snapshot)?;
    header::facts(&mut page, snapshot)?;
    trouble::issues(&mut page, snapshot)?;
    trouble::faults(&mut page, snapshot)?;
    page.finish()
}

/// Writes only what answers one view. `width` as in [`show`].
///
/// # Errors
/// When the writer fails.
pub fn view(
    snapshot: &Snapshot,
    view: View,
    width: Option<usize>,
    out: impl Write,
) -> io::Result<()> {
    let mut page = Page::new(out, width);
    match view {
        View::Listeners => sockets::listeners(&mut page, snapshot)?,
        View::Sessions => sockets::sessions(&mut page, snapshot)?,
        View::Interfaces => network::interfaces(&mut page, snapshot)?,
        View::Routes => {
            network::routes(&mut page, snapshot)?;
            network::rules(&mut page, snapshot)?;
            network::neighbours(&mut page, snapshot)?;
        }
        // Counters are for programs: the page never shows them.
        View::Counters => {}
        View::Host => header::facts(&mut page, snapshot)?,
    }
    page.finish()
}

/// The heading of a table: its name, the number of rows, and a doubt about the view.
fn heading<W: Write>(
    page: &mut Page<W>,
    name: &str,
    count: usize,
    status: Option<SectionStatus>,
) -> io::Result<()> {
    page.heading(&match status {
        Some(SectionStatus::Complete | SectionStatus::Replaced) => format!("{name} ({count})"),
        Some(SectionStatus::Partial) => format!("{name} ({count}; partial: there may be more)"),
        Some(SectionStatus::Failed) if count == 0 => format!("{name}: no usable answer"),
        Some(SectionStatus::Failed) => format!("{name} ({count}; a command failed: more exist)"),
        None => format!("{name}: not collected"),
    })
}

/// A view's heading, and whether there is anything to show below it.
fn view_heading<W: Write>(
    page: &mut Page<W>,
    (name, view): (&str, View),
    count: usize,
    snapshot: &Snapshot,
) -> io::Result<()> {
    heading(page, name, count, snapshot.view_status(view))
}

/// Says how many rows were left out.
fn more<W: Write>(page: &mut Page<W>, count: usize) -> io::Result<()> {
    match count.checked_sub(ROWS_MAX) {
        None | Some(0) => Ok(()),
        Some(rest) => page.note(&format!("and {rest} more; `--format ndjson` has all of them")),
    }
}

/// Text from a host, or `-`.
fn or_dash(text: Option<&HostText<'_>>) -> String {
    text.map_or_else(|| "-".to_owned(), |text| text.escaped().into_owned())
}

/// A number, or `-`.
fn number_or_dash(number: Option<impl ToString>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| number.to_string())
}

/// Texts joined by commas, or `-`.
fn joined(texts: impl IntoIterator<Item = String>) -> String {
    let texts: Vec<_> = texts.into_iter().collect();
    if texts.is_empty() { "-".to_owned() } else { texts.join(",") }
}
