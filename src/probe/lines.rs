//! Splits pushed chunks into lines for line-based parsers.
//!
//! Lines come out without their end (`\n` or `\r\n`), with line number and byte range. Of a line over
//! [`LINE_BYTES_MAX`] nothing is held beyond the cap. Where only blanks stand there, the line is read
//! without them: `ss` pads every row to the width of its widest. Else the parser gets the head of
//! the line, and unless it can use that, the line becomes one issue.
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
    /// Takes the first [`LINE_BYTES_MAX`] bytes of a line that goes on behind them. `span` is that of
    /// the whole line.
    fn overlong(&mut self, span: Span, head: &[u8], sink: &mut dyn Sink) {
        tell_overlong(span, head, sink);
    }
    /// The stream has ended.
    fn end(&mut self, sink: &mut dyn Sink);
}

/// Says of a line that it is too long to be read.
#[cold]
pub(crate) fn tell_overlong(span: Span, head: &[u8], sink: &mut dyn Sink) {
    sink.issue(Issue::unparsed(span, "line is longer than 64 KiB", head));
}

/// Adds a line as it came to what is held of a row: [`Lines`] takes `\r\n` for a line's end, but
/// inside a name both are data. A line as long as the cap has lost blanks, and no `\r`.
pub fn rejoin(held: &mut Vec<u8>, span: Span, line: &[u8]) {
    held.extend_from_slice(line);
    if span.end - span.start > line.len() as u64 + 1 && line.len() < LINE_BYTES_MAX {
        held.push(b'\r');
    }
}

/// Turns a [`LineParser`] into a [`Reader`].
#[derive(Debug)]
pub struct Lines<P> {
    parser: P,
    /// Start of a line whose end has not come yet, at most the cap.
    carry: Vec<u8>,
    /// Something other than a blank stands behind the cap.
    excess: bool,
    /// Bytes of the unfinished line so far, kept or not.
    pending: u64,
    line: u64,
    start: u64,
}

impl<P: LineParser> Lines<P> {
    /// A reader in front of `parser`.
    pub const fn new(parser: P) -> Self {
        Self { parser, carry: Vec::new(), excess: false, pending: 0, line: 1, start: 0 }
    }

    /// Hands out a line of which `head` is what is kept. `excess`: more than blanks follows it.
    fn complete(&mut self, head: &[u8], excess: bool, end: u64, sink: &mut dyn Sink) {
        let span = Span { line: self.line, start: self.start, end };
        self.line += 1;
        self.start = end;
        if excess {
            return self.parser.overlong(span, head, sink);
        }
        // What ends at the cap has its `\r`, if any, among what is not kept.
        let line = head.strip_suffix(b"\r").filter(|_| head.len() as u64 + 1 == end - span.start);
        self.parser.line(span, line.unwrap_or(head), sink);
    }

    /// Keeps the head of an unfinished line.
    fn hold(&mut self, bytes: &[u8]) {
        let (head, excess) = cut(bytes, LINE_BYTES_MAX.saturating_sub(self.carry.len()));
        self.carry.extend_from_slice(head);
        self.excess |= excess;
        self.pending += bytes.len() as u64;
    }
}

/// What fits into `room`, and whether anything but blanks follows it.
#[inline]
fn cut(bytes: &[u8], room: usize) -> (&[u8], bool) {
    match bytes.split_at_checked(room) {
        None => (bytes, false),
        Some((head, rest)) => (head, rest.iter().any(|&byte| byte != b' ')),
    }
}

impl<P: LineParser> Reader for Lines<P> {
    fn push(&mut self, chunk: &[u8], sink: &mut dyn Sink) {
        let mut rest = chunk;
        while let Some(at) = memchr::memchr(b'\n', rest) {
            let (line, tail) = rest.split_at(at);
            let end = self.start + self.pending + at as u64 + 1;
            if self.pending == 0 {
                let (head, excess) = cut(line, LINE_BYTES_MAX);
                self.complete(head, excess, end, sink);
            } else {
                self.hold(line);
                let carried = std::mem::take(&mut self.carry);
                self.pending = 0;
                let excess = std::mem::take(&mut self.excess);
                self.complete(&carried, excess, end, sink);
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
        let excess = std::mem::take(&mut self.excess);
        let mut within = Within { end, sink };
        // As if its end had come, so that no reader can take it for another line than that.
        self.complete(&carried, excess, end + 1, &mut within);
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

    #[test]
    fn blanks_behind_the_cap_count_nothing_and_their_line_is_read() {
        let row = vec![b'x'; LINE_BYTES_MAX - 9];
        let text =
            [&b"a"[..], &vec![b' '; 3 * LINE_BYTES_MAX], b"\n", &row, &[b' '; 20], b"\n", &row]
                .concat();
        for cut in [7, 4096, LINE_BYTES_MAX, text.len()] {
            let mut reader = Lines::new(Seen::default());
            let mut sink = Nothing(0);
            for chunk in text.chunks(cut) {
                reader.push(chunk, &mut sink);
                assert!(reader.carry.len() <= LINE_BYTES_MAX);
            }
            reader.finish(&mut sink);
            // That the last line has no end.
            assert_eq!(sink.0, 1);
            let seen: Vec<_> = reader
                .parser
                .0
                .iter()
                .map(|(span, line)| (span.end, line.len(), line.trim_ascii_end().len()))
                .collect();
            let first = 3 * LINE_BYTES_MAX as u64 + 2;
            let second = first + row.len() as u64 + 21;
            let third = second + row.len() as u64 + 1;
            assert_eq!(
                seen,
                [
                    (first, LINE_BYTES_MAX, 1),
                    (second, LINE_BYTES_MAX, row.len()),
                    (third, row.len(), row.len()),
                ]
            );
        }
    }

    #[test]
    fn a_row_put_together_gets_its_carriage_return_and_nothing_for_lost_blanks() {
        let mut held = Vec::new();
        rejoin(&mut held, Span { line: 1, start: 0, end: 3 }, b"a");
        assert_eq!(held, b"a\r");
        held.clear();
        let line = vec![b' '; LINE_BYTES_MAX];
        rejoin(&mut held, Span { line: 1, start: 0, end: LINE_BYTES_MAX as u64 + 2 }, &line);
        assert_eq!(held.len(), LINE_BYTES_MAX);
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
