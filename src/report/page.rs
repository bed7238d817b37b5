//! Pages for people: headings, labelled lines, notes and tables.
//!
//! Comes in: text and tables. Goes out: lines to a writer, every one through the last belt of
//! [`crate::report::text`].

use std::io::{self, Write};

use crate::report::grid::{Frame, Grid};
use crate::report::text::{columns, shown};

/// Cells of the labels' column: the longest label and two spaces.
const LABEL: usize = 14;

/// A page under construction.
pub struct Page<W: Write> {
    out: W,
    width: Option<usize>,
}

impl<W: Write> Page<W> {
    /// Starts a page. `width`: cells of the terminal; `None`: not a terminal, nothing is cut.
    pub const fn new(out: W, width: Option<usize>) -> Self {
        Self { out, width }
    }

    /// The first line, or a heading after an empty line.
    ///
    /// # Errors
    /// As all of these: when the writer fails.
    pub fn title(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{}", shown(text))
    }

    /// A heading, after an empty line.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn heading(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "\n{}", shown(text))
    }

    /// A label and its text, wrapped at blanks to the terminal; nothing when there is no text.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn pair(&mut self, label: &str, text: impl Into<Option<String>>) -> io::Result<()> {
        let Some(text) = text.into() else { return Ok(()) };
        let text = shown(&text);
        let room = self.width.map_or(usize::MAX, |width| width.saturating_sub(LABEL + 2));
        let mut label = label;
        for line in wrapped(&text, room) {
            writeln!(self.out, "  {label:LABEL$}{line}")?;
            label = "";
        }
        Ok(())
    }

    /// An indented line.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn note(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "  {}", shown(text))
    }

    /// A table, indented.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn grid(&mut self, grid: &Grid<'_>) -> io::Result<()> {
        grid.write(Frame { width: self.width, indent: 2 }, &mut self.out)
    }

    /// Ends the page.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// `1 host`, `2 hosts`.
#[must_use]
pub fn counted(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

/// The text in lines of at most `room` columns, cut at blanks. A longer word has a line to itself.
fn wrapped(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(word);
        } else if columns(line) + 1 + columns(word) <= room {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn text_is_wrapped_at_blanks_and_a_long_word_stays_whole() {
        assert_eq!(wrapped("a=1, bb=22, c=3", 8), ["a=1,", "bb=22,", "c=3"]);
        assert_eq!(wrapped("a verylongword b", 5), ["a", "verylongword", "b"]);
        assert_eq!(wrapped("a  b", 80), ["a  b"]);
        assert_eq!(wrapped("", 80), [""]);
    }
}
