//! Tools whose answer has one row on each line, such as the tables of `/proc/net`.

use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::probe::lines::{LineParser, Lines};

/// A row, `None` for a title or a line that explains another, or what was expected.
pub(super) type Reading<'a> = Result<Option<Row<'a>>, &'static str>;

/// A reader that turns each line into at most one row.
pub(super) fn reader<F: FnMut(&[u8]) -> Reading<'_> + 'static>(read: F) -> Box<dyn Reader> {
    Box::new(Lines::new(Whole(read)))
}

struct Whole<F>(F);

impl<F: FnMut(&[u8]) -> Reading<'_>> LineParser for Whole<F> {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if line.trim_ascii().is_empty() {
            return;
        }
        match (self.0)(line) {
            Ok(Some(row)) => sink.row(span, row),
            Ok(None) => sink.header(span),
            Err(expected) => sink.issue(Issue::unparsed(span, expected, line)),
        }
    }

    fn end(&mut self, _: &mut dyn Sink) {}
}
