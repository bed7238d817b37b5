//! Lines that must be whole: the tables of `/proc/net` and the text of `ip` end every line, so a
//! last line without its end was cut, perhaps inside a number, and would be a wrong row.

use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::probe::lines::{LineParser, Lines};

/// A row, `None` for a title or a line that explains another, or what was expected.
pub(super) type Reading<'a> = Result<Option<Row<'a>>, &'static str>;

/// A reader that turns each whole line into at most one row.
pub(super) fn reader<F: FnMut(&[u8]) -> Reading<'_> + 'static>(read: F) -> Box<dyn Reader> {
    Box::new(Lines::new(Whole(read)))
}

struct Whole<F>(F);

impl<F: FnMut(&[u8]) -> Reading<'_>> LineParser for Whole<F> {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if line.trim_ascii().is_empty() || !is_whole(span, line, sink) {
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

/// True when the line has its end; otherwise says that it has not.
pub(super) fn is_whole(span: Span, line: &[u8], sink: &mut dyn Sink) -> bool {
    let whole = span.end - span.start > line.len() as u64;
    if !whole {
        let expected = "expected the end of the last line: it may be cut";
        sink.issue(Issue::unparsed(span, expected, line));
    }
    whole
}
