//! Rows in any format, streamed.
//!
//! Comes in: rows of one kind, one at a time. Goes out: bytes to a writer, in pieces of some ten
//! kilobytes. Nothing is held but the current row (a table holds its first thousand).

use std::io::{self, Write};

use crate::model::host::words;
use crate::report::csv::Csv;
use crate::report::envelope::Recorded;
use crate::report::field::Kind;
use crate::report::grid::Frame;
use crate::report::json::Plan;
use crate::report::table::Table;

words! {
    /// A format of rows.
    Format {
        /// Aligned columns for people: a chosen part of the fields.
        Table = "table",
        /// One array of objects.
        Json = "json",
        /// One object per line.
        Ndjson = "ndjson",
        /// RFC 4180, every field.
        Csv = "csv",
    }
}

/// Format, and the width that tables must fit.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// The format.
    pub format: Format,
    /// Cells of the terminal. `None`: not a terminal, nothing is cut. Only tables heed it.
    pub width: Option<usize>,
}

/// Bytes gathered before they are handed on: large enough that a system call costs little.
const PIECE: usize = 64 << 10;

/// Takes rows of one kind and writes them.
pub struct Rows<K: Kind, W: Write> {
    out: W,
    buffer: Vec<u8>,
    count: u64,
    body: Body<K>,
}

enum Body<K: Kind> {
    Table(Table<K>),
    Json(Plan<K>),
    Ndjson(Plan<K>),
    Csv(Csv<K>),
}

impl<K: Kind, W: Write> Rows<K, W> {
    /// Starts writing to `out`.
    pub fn new(out: W, layout: Layout, _: K) -> Self {
        let mut buffer = Vec::with_capacity(PIECE + (4 << 10));
        let body = match layout.format {
            Format::Table => Body::Table(Table::new(Frame { width: layout.width, indent: 0 })),
            Format::Json => Body::Json(Plan::new()),
            Format::Ndjson => Body::Ndjson(Plan::new()),
            Format::Csv => Body::Csv(Csv::start(&mut buffer)),
        };
        Self { out, buffer, count: 0, body }
    }

    /// Writes one row.
    ///
    /// # Errors
    /// When the writer fails, for instance because the reader of a pipe went away.
    pub fn push(&mut self, row: Recorded<'_, K::Body<'_>>) -> io::Result<()> {
        match &mut self.body {
            Body::Table(table) => table.push(row, &mut self.buffer),
            Body::Json(plan) => {
                self.buffer.extend_from_slice(if self.count == 0 { b"[\n" } else { b",\n" });
                plan.write(row, &mut self.buffer);
            }
            Body::Ndjson(plan) => {
                plan.write(row, &mut self.buffer);
                self.buffer.push(b'\n');
            }
            Body::Csv(csv) => csv.write(row, &mut self.buffer),
        }
        self.count += 1;
        if self.buffer.len() >= PIECE {
            self.out.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }

    /// Writes what is left and returns the number of rows.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn finish(mut self) -> io::Result<u64> {
        match &mut self.body {
            Body::Table(table) => table.release(&mut self.buffer),
            Body::Json(_) if self.count == 0 => self.buffer.extend_from_slice(b"[]\n"),
            Body::Json(_) => self.buffer.extend_from_slice(b"\n]\n"),
            Body::Ndjson(_) | Body::Csv(_) => {}
        }
        self.out.write_all(&self.buffer)?;
        self.out.flush()?;
        Ok(self.count)
    }
}

/// Writes rows of one kind and returns their number.
///
/// # Errors
/// When the writer fails.
pub fn write_rows<'r, 'x, K: Kind>(
    out: impl Write,
    layout: Layout,
    kind: K,
    rows: impl IntoIterator<Item = Recorded<'r, K::Body<'x>>>,
) -> io::Result<u64>
where
    K::Body<'x>: 'r,
{
    let mut writer = Rows::new(out, layout, kind);
    for row in rows {
        writer.push(row)?;
    }
    writer.finish()
}

/// Writes answers of one kind and returns their number.
///
/// # Errors
/// When the writer fails.
pub fn write_answers<'r, 'x, K: Kind>(
    out: impl Write,
    layout: Layout,
    kind: K,
    answers: impl IntoIterator<Item = &'r K::Body<'x>>,
) -> io::Result<u64>
where
    K::Body<'x>: 'r,
{
    write_rows(out, layout, kind, answers.into_iter().map(Recorded::answer))
}
