//! Objects of one or of several lines: `ip -o` puts each on one line, with a backslash where a line
//! would end; without `-o` the further lines begin with blanks.
//!
//! In: lines. Out: each object as one line of the form of `-o`, to a function that reads it. Holds the
//! current object, at most [`LINE_BYTES_MAX`] of it.

use crate::model::parsed::{Issue, LINE_BYTES_MAX, Reader, Sink, Span};
use crate::probe::lines::{LineParser, Lines};
use crate::probe::whole::Reading;

/// A reader that hands each object to `read`, and whether it stood on several lines.
pub(super) fn reader(read: fn(&[u8], bool) -> Reading<'static>) -> Box<dyn Reader> {
    Box::new(Lines::new(Objects { read, held: None }))
}

struct Objects {
    read: fn(&[u8], bool) -> Reading<'static>,
    held: Option<Held>,
}

struct Held {
    span: Span,
    text: Vec<u8>,
    several: bool,
}

impl LineParser for Objects {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if line.trim_ascii().is_empty() {
            return;
        }
        let further = matches!(line, [b' ' | b'\t', ..]);
        if !further {
            self.end(sink);
            self.held = Some(Held { span, text: line.to_vec(), several: false });
            return;
        }
        match &mut self.held {
            Some(held)
                if held.span.end == span.start && held.text.len() + line.len() < LINE_BYTES_MAX =>
            {
                held.text.push(b'\\');
                held.text.extend_from_slice(line);
                held.span.end = span.end;
                held.several = true;
            }
            Some(_) | None => {
                let expected = "expected an object, as `3: eth0`, before its further lines";
                sink.issue(Issue::unparsed(span, expected, line));
            }
        }
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        let Some(Held { span, text, several }) = self.held.take() else { return };
        match (self.read)(&text, several) {
            Ok(Some(row)) => sink.row(span, row),
            Ok(None) => sink.header(span),
            Err(expected) => sink.issue(Issue::unparsed(span, expected, &text)),
        }
    }
}
