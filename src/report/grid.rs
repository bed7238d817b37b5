//! Text in aligned columns, for people.
//!
//! Comes in: cells. Goes out: lines, two spaces between columns, no colour, no trailing spaces. On
//! a terminal the widest columns give way and are cut with `…`; what is not cut is a number or a
//! time, because a cut one would read as another.

use std::io::{self, Write};

use crate::report::text::{columns, cut, shown};

/// Narrowest a column becomes, in cells, unless its title is wider: room for a port or a short word.
const NARROWEST: usize = 8;

/// One column.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// Its title.
    pub title: &'static str,
    /// Numbers stand right.
    pub right: bool,
    /// Whether it may be cut to fit the width.
    pub may_cut: bool,
}

impl Head {
    /// A column of text.
    #[must_use]
    pub const fn text(title: &'static str) -> Self {
        Self { title, right: false, may_cut: true }
    }

    /// A column of numbers.
    #[must_use]
    pub const fn number(title: &'static str) -> Self {
        Self { title, right: true, may_cut: false }
    }

    /// A column of text that is never cut.
    #[must_use]
    pub const fn whole(title: &'static str) -> Self {
        Self { title, right: false, may_cut: false }
    }
}

/// Where and how wide lines are written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Frame {
    /// Cells of the terminal. `None`: not a terminal, nothing is cut.
    pub width: Option<usize>,
    /// Spaces before each line.
    pub indent: usize,
}

/// The columns' widths, worked out from the first rows.
#[derive(Clone, Debug)]
pub struct Widths {
    columns: Vec<(Head, usize)>,
    frame: Frame,
}

impl Widths {
    /// Widths that hold these rows, or fit the frame.
    #[must_use]
    pub fn of(heads: &[Head], rows: &[Vec<String>], frame: Frame) -> Self {
        let mut widths: Vec<(Head, usize)> =
            heads.iter().map(|head| (*head, columns(head.title))).collect();
        for row in rows {
            for ((_, width), cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(columns(&shown(cell)));
            }
        }
        if let Some(limit) = frame.width {
            let gaps = 2 * widths.len().saturating_sub(1) + frame.indent;
            shrink(&mut widths, limit.saturating_sub(gaps));
        }
        Self { columns: widths, frame }
    }

    /// Adds the line of titles.
    pub fn push_titles(&self, out: &mut Vec<u8>) {
        self.push_cells(self.columns.iter().map(|(head, _)| head.title), out);
    }

    /// Adds one line.
    pub fn push_row(&self, row: &[String], out: &mut Vec<u8>) {
        self.push_cells(row.iter().map(String::as_str), out);
    }

    fn push_cells<'c>(&self, cells: impl Iterator<Item = &'c str>, out: &mut Vec<u8>) {
        let mut pending = self.frame.indent;
        for ((head, width), cell) in self.columns.iter().zip(cells) {
            let cell = shown(cell);
            let may_cut = head.may_cut && self.frame.width.is_some();
            let cell = if may_cut { cut(&cell, *width) } else { cell };
            let room = width.saturating_sub(columns(&cell));
            let (before, after) = if head.right { (room, 0) } else { (0, room) };
            // Spaces are held back until text follows, so that no line ends in them.
            if cell.is_empty() {
                pending += room + 2;
            } else {
                out.extend(std::iter::repeat_n(b' ', pending + before));
                out.extend_from_slice(cell.as_bytes());
                pending = after + 2;
            }
        }
        out.push(b'\n');
    }
}

/// Takes cells from the widest column that may be cut until the rest fits.
fn shrink(widths: &mut [(Head, usize)], limit: usize) {
    let mut excess = widths.iter().map(|(_, width)| width).sum::<usize>().saturating_sub(limit);
    while excess > 0 {
        let widest = widths
            .iter_mut()
            .filter(|(head, width)| head.may_cut && *width > NARROWEST.max(columns(head.title)))
            .max_by_key(|(_, width)| *width);
        let Some((_, width)) = widest else { return };
        *width -= 1;
        excess -= 1;
    }
}

/// A whole table.
#[derive(Clone, Debug)]
pub struct Grid<'h> {
    heads: &'h [Head],
    rows: Vec<Vec<String>>,
}

impl<'h> Grid<'h> {
    /// A table without rows.
    #[must_use]
    pub const fn new(heads: &'h [Head]) -> Self {
        Self { heads, rows: Vec::new() }
    }

    /// Adds a row, one cell per column.
    pub fn push<const N: usize>(&mut self, row: [String; N]) {
        self.rows.push(row.into());
    }

    /// Writes titles and rows; nothing when there are no rows.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn write(&self, frame: Frame, out: &mut impl Write) -> io::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let widths = Widths::of(self.heads, &self.rows, frame);
        let mut text = Vec::new();
        widths.push_titles(&mut text);
        self.rows.iter().for_each(|row| widths.push_row(row, &mut text));
        out.write_all(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(width: Option<usize>) -> String {
        let heads = [Head::text("NAME"), Head::number("PORT"), Head::text("OWNER")];
        let mut grid = Grid::new(&heads);
        grid.push(["a".into(), "22".into(), String::new()]);
        grid.push(["long-name-of-a-host.example".into(), "65535".into(), "sshd\x1b".into()]);
        let mut out = Vec::new();
        grid.write(Frame { width, indent: 2 }, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_align_and_lines_end_in_text() {
        assert_eq!(
            grid(None),
            "  NAME                          PORT  OWNER\n  \
               a                               22\n  \
               long-name-of-a-host.example  65535  sshd\\x1b\n"
        );
    }

    #[test]
    fn the_widest_text_gives_way_and_numbers_never() {
        assert_eq!(
            grid(Some(30)),
            "  NAME          PORT  OWNER\n  a               22\n  long-name-…  65535  sshd\\x1b\n"
        );
    }
}
