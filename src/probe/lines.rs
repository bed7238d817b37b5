//! Splits pushed chunks into lines for line-based parsers.
//!
//! Lines come out without their end (`\n` or `\r\n`), with line number and byte range. A line over
//! [`LINE_BYTES_MAX`] becomes one issue; nothing of it is held beyond the cap.
//!
//! A last line without its end is read like any other, by every reader: a text that lost its last
//! newline on the way (pasted, stripped, sent by a program that ends no line) says the same as one
//! that has it. [`UNTERMINATED`] is told, because nothing in a text shows whether such a line lost
//! its last digits too. Whoever knows that the output broke off (`normalize`, by how the command
//! ended) leaves the rows of that line out.

use crate::model::parsed::{Issue, LINE_BYTES_MAX, Reader, Row, Sink, Span};

/// What is said of a last line that has no end.
pub const UNTERMINATED: &str = "the last line has no end: it is read as it stands, and may be cut";

/// A parser that works line by line.
pub trait LineParser {
    /// Takes one line, without its end. `span` includes the end.
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink);
    /// The stream has ended.
    fn end(&mut self, sink: &mut dyn Sink);
}

/// Adds a line as it came to what is held of a row: [`Lines`] takes `\r\n` for a line's end, but
/// inside a name both are data.
pub fn rejoin(held: &mut Vec<u8>, span: Span, line: &[u8]) {
    held.extend_from_slice(line);
    if span.end - span.start > line.len() as u64 + 1 {
        held.push(b'\r');
    }
}

/// Turns a [`LineParser`] into a [`Reader`].
#[derive(Debug)]
pub struct Lines<P> {
    parser: P,
    /// Start of a line whose end has not come yet, at most the cap.
    carry: Vec<u8>,
    /// Bytes of the unfinished line so far, kept or not.
    pending: u64,
    line: u64,
    start: u64,
}

impl<P: LineParser> Lines<P> {
    /// A reader in front of `parser`.
    pub const fn new(parser: P) -> Self {
        Self { parser, carry: Vec::new(), pending: 0, line: 1, start: 0 }
    }

    fn complete(&mut self, line: &[u8], end: u64, sink: &mut dyn Sink) {
        let span = Span { line: self.line, start: self.start, end };
        self.line += 1;
        self.start = end;
        if line.len() > LINE_BYTES_MAX {
            sink.issue(Issue::unparsed(span, "line is longer than 64 KiB", line));
            return;
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        self.parser.line(span, line, sink);
    }

    /// Keeps the head of an unfinished line, one byte more than the cap so that excess shows.
    fn hold(&mut self, bytes: &[u8]) {
        let room = (LINE_BYTES_MAX + 1).saturating_sub(self.carry.len());
        self.carry.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        self.pending += bytes.len() as u64;
    }
}

impl<P: LineParser> Reader for Lines<P> {
    fn push(&mut self, chunk: &[u8], sink: &mut dyn Sink) {
        let mut rest = chunk;
        while let Some(at) = memchr::memchr(b'\n', rest) {
            let (line, tail) = rest.split_at(at);
            let end = self.start + self.pending + at as u64 + 1;
            if self.pending == 0 {
                self.complete(line, end, sink);
            } else {
                self.hold(line);
                let carried = std::mem::take(&mut self.carry);
                self.pending = 0;
                self.complete(&carried, end, sink);
                self.carry = carried;
                self.carry.clear();
            }
            rest = tail.get(1..).unwrap_or_default();
        }
        if !rest.is_empty() {
            self.hold(rest);
        }
    }

    fn finish(&mut self, sink: &mut dyn Sink) {
        if self.pending == 0 {
            return self.parser.end(sink);
        }
        let carried = std::mem::take(&mut self.carry);
        let end = self.start + self.pending;
        let span = Span { line: self.line, start: self.start, end };
        self.pending = 0;
        let mut within = Within { end, sink };
        // As if its end had come, so that no reader can take it for another line than that.
        self.complete(&carried, end + 1, &mut within);
        self.parser.end(&mut within);
        tell_unterminated(span, &carried, sink);
    }
}

/// Says of a last line that it has no end. Blanks alone, and the second byte of a newline of UTF-16,
/// lose nothing.
pub(crate) fn tell_unterminated(span: Span, line: &[u8], sink: &mut dyn Sink) {
    if !line.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0) {
        sink.issue(Issue::note(span, UNTERMINATED, line));
    }
}

/// Hands everything on, with no place behind the end of the text.
struct Within<'a> {
    end: u64,
    sink: &'a mut dyn Sink,
}

impl Within<'_> {
    fn place(&self, span: Span) -> Span {
        Span { end: span.end.min(self.end), ..span }
    }
}

impl Sink for Within<'_> {
    fn row(&mut self, span: Span, row: Row<'_>) {
        self.sink.row(self.place(span), row);
    }

    fn header(&mut self, span: Span) {
        self.sink.header(self.place(span));
    }

    fn issue(&mut self, issue: Issue) {
        self.sink.issue(Issue { span: self.place(issue.span), ..issue });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Default)]
    struct Seen(Vec<(Span, Vec<u8>)>);

    struct Nothing(usize);

    impl LineParser for Seen {
        fn line(&mut self, span: Span, line: &[u8], _: &mut dyn Sink) {
            self.0.push((span, line.to_vec()));
        }
        fn end(&mut self, _: &mut dyn Sink) {}
    }

    impl Sink for Nothing {
        fn row(&mut self, _: Span, _: Row<'_>) {}
        fn header(&mut self, _: Span) {}
        fn issue(&mut self, _: Issue) {
            self.0 += 1;
        }
    }

    fn split(text: &[u8], cut: usize) -> Vec<(Span, Vec<u8>)> {
        let mut reader = Lines::new(Seen::default());
        for chunk in text.chunks(cut) {
            reader.push(chunk, &mut Nothing(0));
        }
        reader.finish(&mut Nothing(0));
        reader.parser.0
    }

    #[test]
    fn ends_and_ranges_are_right() {
        let seen = split(b"a\r\n\nbc", 100);
        // The last line has no end: it is handed out as if it had.
        let expected = [(1, 0, 3, "a"), (2, 3, 4, ""), (3, 4, 7, "bc")];
        let expected: Vec<_> = expected
            .iter()
            .map(|&(line, start, end, text)| (Span { line, start, end }, text.as_bytes().to_vec()))
            .collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn an_overlong_line_is_one_issue_and_the_next_line_is_read() {
        let mut text = vec![b'x'; LINE_BYTES_MAX + 10];
        text.extend_from_slice(b"\nnext\n");
        for cut in [7, 4096, text.len()] {
            let mut reader = Lines::new(Seen::default());
            let mut sink = Nothing(0);
            text.chunks(cut).for_each(|chunk| reader.push(chunk, &mut sink));
            reader.finish(&mut sink);
            assert_eq!(sink.0, 1);
            assert_eq!(reader.parser.0.len(), 1);
            assert_eq!(reader.parser.0[0].1, b"next");
            assert_eq!(reader.parser.0[0].0.end, text.len() as u64);
        }
    }

    proptest! {
        #[test]
        fn where_chunks_are_cut_makes_no_difference(
            text in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..200),
            cut in 1_usize..20,
        ) {
            prop_assert_eq!(split(&text, cut), split(&text, 1000));
        }
    }
}
