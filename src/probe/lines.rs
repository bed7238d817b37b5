//! Splits pushed chunks into lines for line-based parsers.
//!
//! Lines come out without their end (`\n` or `\r\n`), with line number and byte range. A line over
//! [`LINE_BYTES_MAX`] becomes one issue; nothing of it is held beyond the cap.

use crate::model::parsed::{Issue, LINE_BYTES_MAX, Reader, Sink, Span};

/// A parser that works line by line.
pub trait LineParser {
    /// Takes one line, without its end. `span` includes the end.
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink);
    /// The stream has ended.
    fn end(&mut self, sink: &mut dyn Sink);
}

/// True when a line came without its end. A tool or the kernel ends every row: without the end it
/// was cut, perhaps inside a number.
#[must_use]
pub const fn is_cut(span: Span, line: &[u8]) -> bool {
    span.end - span.start == line.len() as u64
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
        if self.pending > 0 {
            let carried = std::mem::take(&mut self.carry);
            let end = self.start + self.pending;
            self.pending = 0;
            self.complete(&carried, end, sink);
        }
        self.parser.end(sink);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::parsed::Row;
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
        let expected = [(1, 0, 3, "a"), (2, 3, 4, ""), (3, 4, 6, "bc")];
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
