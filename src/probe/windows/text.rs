//! Text of Windows programs, whatever its encoding, in lines.
//!
//! In: standard output in chunks cut anywhere. Out: lines, with the place of each in the bytes as
//! they came. Knows nothing of any program.
//!
//! A program prints in the code page of its console (437, 850, 866, 932, 936, 1252 or another), in
//! UTF-8, or, where PowerShell or WMIC wrote a file, in UTF-16, mostly with the low byte first:
//!
//! ```text
//! 0D 0A 41 63 74 69            any code page, UTF-8
//! EF BB BF 0D 0A 41            UTF-8 with its mark
//! FF FE 0D 00 0A 00 41 00      UTF-16 with its mark
//! 0D 00 0A 00 41 00            UTF-16 without: the second byte is zero, which no text has
//! FE FF 00 0D 00 0A 00 41      UTF-16 with the high byte first, with its mark or without
//! ```
//! Decisions:
//! - Bytes of a code page are handed on as they are: digits, dots, colons and quotes are ASCII in all
//!   of them, and no reader here depends on a word that is not.
//! - UTF-16 is handed on as UTF-8; half a pair becomes U+FFFD.
//! - A mark alone on a line, and blank lines of UTF-16, are known lines without a row: their bytes are
//!   not blank.

use crate::model::parsed::{Issue, LINE_BYTES_MAX, Reader, Sink, Span};
use crate::probe::lines::{LineParser, Lines, tell_unterminated};

/// One line, without its end.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    /// Its place in the bytes as they came, its end included.
    pub(super) span: Span,
    /// What stands in it.
    pub(super) bytes: &'a [u8],
}

/// A parser that works line by line.
pub(super) trait TextParser {
    /// Takes one line. Blank ones come too; nothing is to be said of them.
    fn line(&mut self, line: Line<'_>, sink: &mut dyn Sink);
    /// The text has ended.
    fn end(&mut self, sink: &mut dyn Sink);
}

/// A reader in front of a parser.
pub(super) fn reader(parser: impl TextParser + 'static) -> Box<dyn Reader> {
    Box::new(Text { parser: Some(parser), head: Vec::new(), form: Form::NotKnown })
}

/// True for a line with nothing in it.
pub(super) fn is_blank(bytes: &[u8]) -> bool {
    bytes.trim_ascii().is_empty()
}

struct Text<P> {
    /// The parser, until the form is known.
    parser: Option<P>,
    /// The first two bytes, until they are there.
    head: Vec<u8>,
    form: Form<P>,
}

enum Form<P> {
    NotKnown,
    Bytes(Lines<Bytes<P>>),
    Wide(Wide<P>),
}

impl<P: TextParser> Text<P> {
    /// Decides by the first two bytes, and hands them on.
    fn decide(&mut self, sink: &mut dyn Sink) {
        let Some(parser) = self.parser.take() else { return };
        let head = std::mem::take(&mut self.head);
        let wide: Option<Unit> = match head.as_slice() {
            [0xff, 0xfe] => Some(u16::from_le_bytes),
            [0xfe, 0xff] => Some(u16::from_be_bytes),
            [first, 0] if *first != 0 => Some(u16::from_le_bytes),
            [0, second] if *second != 0 => Some(u16::from_be_bytes),
            _ => None,
        };
        self.form = match wide {
            Some(unit) => Form::Wide(Wide::new(parser, unit)),
            None => Form::Bytes(Lines::new(Bytes(parser))),
        };
        self.push(&head, sink);
    }
}

impl<P: TextParser> Reader for Text<P> {
    fn push(&mut self, chunk: &[u8], sink: &mut dyn Sink) {
        match &mut self.form {
            Form::Bytes(lines) => return lines.push(chunk, sink),
            Form::Wide(wide) => return wide.push(chunk, sink),
            Form::NotKnown => {}
        }
        let missing = 2_usize.saturating_sub(self.head.len());
        let (head, rest) = chunk.split_at(missing.min(chunk.len()));
        self.head.extend_from_slice(head);
        if self.head.len() == 2 {
            self.decide(sink);
            self.push(rest, sink);
        }
    }

    fn finish(&mut self, sink: &mut dyn Sink) {
        self.decide(sink);
        match &mut self.form {
            Form::Bytes(lines) => lines.finish(sink),
            Form::Wide(wide) => wide.finish(sink),
            Form::NotKnown => {}
        }
    }
}

/// Lines of bytes, the mark of UTF-8 taken off.
struct Bytes<P>(P);

impl<P: TextParser> LineParser for Bytes<P> {
    #[inline]
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        let mut bytes = line;
        if span.start == 0
            && let Some(rest) = line.strip_prefix(b"\xef\xbb\xbf")
        {
            bytes = rest;
            if is_blank(bytes) {
                sink.header(span);
            }
        }
        self.0.line(Line { span, bytes }, sink);
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        self.0.end(sink);
    }
}

const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;

/// Makes a unit of two bytes, in their order.
type Unit = fn([u8; 2]) -> u16;

/// Lines of UTF-16.
struct Wide<P> {
    parser: P,
    /// The order of the bytes.
    order: Unit,
    /// The line so far, as UTF-8, one byte more than the cap at most so that excess shows.
    line: Vec<u8>,
    /// First byte of a unit whose second has not come.
    half: Option<u8>,
    /// First unit of a pair whose second has not come.
    high: Option<u16>,
    number: u64,
    start: u64,
    /// Bytes taken so far.
    at: u64,
}

impl<P: TextParser> Wide<P> {
    const fn new(parser: P, order: Unit) -> Self {
        let line = Vec::new();
        Self { parser, order, line, half: None, high: None, number: 1, start: 0, at: 0 }
    }

    fn add(&mut self, character: char) {
        if self.line.len() <= LINE_BYTES_MAX {
            let mut buffer = [0; 4];
            self.line.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
        }
    }

    fn unit(&mut self, unit: u16, sink: &mut dyn Sink) {
        if let Some(high) = self.high.take() {
            if let Some(Ok(character)) = char::decode_utf16([high, unit]).next() {
                return self.add(character);
            }
            self.add(REPLACEMENT);
        }
        match unit {
            0xfeff if self.at == 2 => {}
            0x000a => self.complete(sink),
            0xd800..=0xdbff => self.high = Some(unit),
            _ => self.add(char::from_u32(unit.into()).unwrap_or(REPLACEMENT)),
        }
    }

    fn complete(&mut self, sink: &mut dyn Sink) {
        let span = Span { line: self.number, start: self.start, end: self.at };
        self.number += 1;
        self.start = self.at;
        let line = std::mem::take(&mut self.line);
        if line.len() > LINE_BYTES_MAX {
            sink.issue(Issue::unparsed(span, "line is longer than 64 KiB", &line));
        } else {
            let bytes = line.strip_suffix(b"\r").unwrap_or(&line);
            if is_blank(bytes) {
                sink.header(span);
            }
            self.parser.line(Line { span, bytes }, sink);
        }
        self.line = line;
        self.line.clear();
    }

    fn push(&mut self, chunk: &[u8], sink: &mut dyn Sink) {
        for &byte in chunk {
            self.at += 1;
            match self.half.take() {
                None => self.half = Some(byte),
                Some(first) => self.unit((self.order)([first, byte]), sink),
            }
        }
    }

    fn finish(&mut self, sink: &mut dyn Sink) {
        if self.half.take().is_some() || self.high.take().is_some() {
            self.add(REPLACEMENT);
        }
        let span = Span { line: self.number, start: self.start, end: self.at };
        let last = self.line.clone();
        if self.at > self.start {
            self.complete(sink);
        }
        self.parser.end(sink);
        // The rule of [`Lines`].
        tell_unterminated(span, &last, sink);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::Seen;
    use proptest::prelude::*;

    /// Says each line as an issue, so that place and text can be compared.
    struct Echo;

    impl TextParser for Echo {
        fn line(&mut self, line: Line<'_>, sink: &mut dyn Sink) {
            if !is_blank(line.bytes) {
                sink.issue(Issue::unparsed(line.span, "a line", line.bytes));
            }
        }
        fn end(&mut self, _: &mut dyn Sink) {}
    }

    fn read(text: &[u8], cut: usize) -> Seen {
        let mut seen = Seen::default();
        let mut reader = reader(Echo);
        text.chunks(cut).for_each(|chunk| reader.push(chunk, &mut seen));
        reader.finish(&mut seen);
        seen
    }

    fn told(text: &[u8]) -> Vec<(u64, u64, String, Vec<u8>)> {
        let issues = read(text, 1000).issues.into_iter();
        issues
            .map(|issue| {
                let text = issue.text.bytes().to_vec();
                (issue.span.start, issue.span.end, issue.message, text)
            })
            .collect()
    }

    fn wide(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn every_encoding_gives_the_same_lines_at_their_own_places() {
        let line = |start, end, message: &str, text: &str| {
            (start, end, message.to_owned(), text.as_bytes().to_vec())
        };
        let lines = |[first, last]: [(u64, u64); 2]| {
            [line(first.0, first.1, "a line", "ABHÖREN 1"), line(last.0, last.1, "a line", "x")]
        };
        let text = "\r\nABHÖREN 1\r\nx";
        assert_eq!(told(text.as_bytes()), lines([(2, 14), (14, 15)]));
        let marked = [b"\xef\xbb\xbf".as_slice(), text.as_bytes()].concat();
        assert_eq!(told(&marked), lines([(5, 17), (17, 18)]));
        assert_eq!(read(&marked, 100).headers, [Span { line: 1, start: 0, end: 5 }]);
        let plain = lines([(4, 26), (26, 28)]);
        assert_eq!(told(&wide(text)), plain);
        let marked = [b"\xff\xfe".as_slice(), &wide(text)].concat();
        assert_eq!(told(&marked), lines([(6, 28), (28, 30)]));
        assert_eq!(read(&marked, 100).headers, [Span { line: 1, start: 0, end: 6 }]);
        assert!(read(&marked, 100).unterminated);
        // With the high byte first.
        let swapped = |text: &[u8]| -> Vec<u8> {
            text.chunks(2).flat_map(|pair| pair.iter().rev().copied()).collect()
        };
        assert_eq!(told(&swapped(&wide(text))), plain);
        assert_eq!(told(&swapped(&marked)), told(&marked));
    }

    #[test]
    fn half_a_unit_and_half_a_pair_are_told_as_such() {
        let mut text = wide("\r\n😀");
        assert_eq!(told(&text)[0].3, "😀".as_bytes());
        text.pop();
        assert_eq!(told(&text)[0].3, "\u{fffd}".as_bytes());
        assert_eq!(told(&text)[0].1, 7);
        let lone = [wide("a"), vec![0x3d, 0xd8], wide("b\n")].concat();
        assert_eq!(told(&lone)[0].3, "a\u{fffd}b".as_bytes());
    }

    #[test]
    fn an_overlong_line_of_utf_16_is_one_issue_and_the_next_line_is_read() {
        let text = wide(&format!("{}\nb\n", "x".repeat(LINE_BYTES_MAX + 10)));
        let told = told(&text);
        assert_eq!(told.len(), 2);
        assert_eq!(
            (told[0].2.as_str(), told[1].3.as_slice()),
            ("line is longer than 64 KiB", &b"b"[..])
        );
    }

    proptest! {
        #[test]
        fn where_chunks_are_cut_makes_no_difference(
            text in proptest::collection::vec(
                prop_oneof![Just(b'\n'), Just(0), Just(0xff), Just(0xfe), Just(0xd8), any::<u8>()], 0..60),
            cut in 1_usize..20,
        ) {
            prop_assert_eq!(read(&text, cut), read(&text, 1000));
        }
    }
}
