//! `netstat -s` of AIX and HP-UX: counters in prose.
//!
//! ```text
//! tcp:
//!     1001 packets sent
//!         800 data packets (123456 bytes)
//! icmp:
//!     Output histogram:
//!         destination unreachable: 3
//! ```
//! A title names the protocol. Lines are indented by TABs: a line is a number and words; a deeper line is a part of what the
//! line above it counts. Below a histogram the words stand in front of the number. Sources: IBM,
//! AIX commands, `netstat`; HP-UX netstat(1).
//!
//! Names of counters: the words, behind those of the lines that the line is a part of, with a
//! colon and a blank between: `packets sent: data packets`. A number in parentheses is a counter of
//! its own: `packets sent: data packets: bytes` for `800 data packets (123456 bytes)`. Parentheses
//! without exactly one number belong to the words.

use smallvec::SmallVec;

use crate::model::counter::Counter;
use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::text::HostText;
use crate::probe::bsd::plain_words::{decimal, owned, words};
use crate::probe::lines::{LineParser, Lines};

/// A reader of the answer.
pub(in crate::probe) fn reader() -> Box<dyn Reader> {
    Box::new(Lines::new(Prose { protocol: None, above: Vec::new(), histogram: None }))
}

struct Prose {
    protocol: Option<HostText<'static>>,
    /// Lines that deeper ones are parts of: indentation and words.
    above: Vec<(usize, Vec<u8>)>,
    /// Indentation and words of the histogram that is being read.
    histogram: Option<(usize, Vec<u8>)>,
}

/// Lines that are parts of each other: three deep at most in any known answer.
const DEPTH_MAX: usize = 8;
/// Longest name of a counter: no known one has 200 bytes.
const NAME_BYTES_MAX: usize = 512;

/// Name and value.
type Found = SmallVec<[(Vec<u8>, i128); 2]>;

impl LineParser for Prose {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        let text = line.trim_ascii();
        if text.is_empty() {
            return;
        }
        let indent = line.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        if let Some(title) = text.strip_suffix(b":") {
            self.title(indent, title);
            return sink.header(span);
        }
        let Some(protocol) = self.protocol.clone() else {
            return sink.issue(Issue::unparsed(span, "expected the title of a protocol", line));
        };
        let Some(found) = self.found(indent, text) else {
            return sink.issue(Issue::unparsed(span, "expected a number and words", line));
        };
        for (name, value) in found {
            let counter =
                Counter { protocol: protocol.clone(), name: HostText::owned(name), value };
            sink.row(span, Row::Counter(counter));
        }
    }

    fn end(&mut self, _: &mut dyn Sink) {}
}

impl Prose {
    /// A line that ends in a colon: a protocol, or a histogram of one.
    fn title(&mut self, indent: usize, title: &[u8]) {
        self.histogram = None;
        if indent == 0 {
            self.above.clear();
            self.protocol = Some(owned(title));
        } else {
            self.above.retain(|(depth, _)| *depth < indent);
            self.histogram = Some((indent, title.to_vec()));
        }
    }

    fn found(&mut self, indent: usize, text: &[u8]) -> Option<Found> {
        if let Some((value, rest)) = numbered(text) {
            self.histogram = None;
            self.above.retain(|(depth, _)| *depth < indent);
            let (own, part) = taken_apart(rest)?;
            let name = self.named(&own)?;
            if self.above.len() < DEPTH_MAX {
                self.above.push((indent, own));
            }
            let mut found = Found::new();
            if let Some((words, value)) = part {
                found.push((join(&name, &words)?, value));
            }
            found.insert(0, (name, value));
            return Some(found);
        }
        // `destination unreachable: 3`
        let (depth, title) = self.histogram.as_ref()?;
        let colon = memchr::memrchr(b':', text)?;
        let value = decimal(text.get(colon + 1..)?.trim_ascii())?;
        let name = text.get(..colon).filter(|name| !name.is_empty() && indent >= *depth)?;
        let name = join(&self.named(title)?, name)?;
        Some(Found::from_iter([(name, value.into())]))
    }

    /// The words behind those of the lines above.
    fn named(&self, own: &[u8]) -> Option<Vec<u8>> {
        let above = self.above.iter().map(|(_, words)| words.as_slice());
        let mut parts: SmallVec<[&[u8]; DEPTH_MAX]> = above.collect();
        parts.push(own);
        let name = parts.join(b": ".as_slice());
        (name.len() <= NAME_BYTES_MAX).then_some(name)
    }
}

fn join(name: &[u8], part: &[u8]) -> Option<Vec<u8>> {
    let name = [name, part].join(b": ".as_slice());
    (name.len() <= NAME_BYTES_MAX).then_some(name)
}

/// `NUMBER WORDS`.
fn numbered(text: &[u8]) -> Option<(i128, &[u8])> {
    let (number, rest) = text.split_at_checked(memchr::memchr(b' ', text)?)?;
    let (negative, digits) = match number.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, number),
    };
    let value = i128::from(decimal(digits)?);
    Some((if negative { -value } else { value }, rest.trim_ascii_start()))
}

/// Words, and what the parentheses among them count: name and value.
type Apart = (Vec<u8>, Option<(Vec<u8>, i128)>);

/// Takes parentheses with exactly one number out of the words. `None`: nothing is left.
fn taken_apart(text: &[u8]) -> Option<Apart> {
    let whole = || Some((text.to_vec(), None)).filter(|_| !text.is_empty());
    let Some(open) = memchr::memchr(b'(', text) else { return whole() };
    let length = memchr::memchr(b')', text.get(open..)?);
    let Some(close) = length.map(|length| open + length) else { return whole() };
    let inside = text.get(open + 1..close)?;
    let mut numbers = words(inside).filter_map(decimal);
    let (Some(value), None) = (numbers.next(), numbers.next()) else { return whole() };
    let rest: Vec<&[u8]> = words(inside).filter(|word| decimal(word).is_none()).collect();
    let around = [text.get(..open)?.trim_ascii(), text.get(close + 1..)?.trim_ascii()];
    let around: Vec<&[u8]> = around.into_iter().filter(|part| !part.is_empty()).collect();
    if rest.is_empty() || around.is_empty() {
        return whole();
    }
    Some((around.join(b" ".as_slice()), Some((rest.join(b" ".as_slice()), value.into()))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{read, rows};

    fn row(protocol: &'static str, name: &'static str, value: i128) -> Row<'static> {
        Row::Counter(Counter { protocol: protocol.into(), name: name.into(), value })
    }

    #[test]
    fn parts_are_named_after_what_they_are_parts_of() {
        let text = b"tcp:\n\t1001 packets sent\n\t\t800 data packets (123456 bytes)\n\
            \t\t303 data packets (9876 bytes) retransmitted\n\t2002 packets received\n\
            \t\t0 window update packets\n\t600 connections established (including accepts)\n\
            \t1 connections closed (including 10 drops)\n";
        let seen = read(reader(), text);
        assert_eq!(
            rows(&seen),
            [
                row("tcp", "packets sent", 1001),
                row("tcp", "packets sent: data packets", 800),
                row("tcp", "packets sent: data packets: bytes", 123_456),
                row("tcp", "packets sent: data packets retransmitted", 303),
                row("tcp", "packets sent: data packets retransmitted: bytes", 9876),
                row("tcp", "packets received", 2002),
                row("tcp", "packets received: window update packets", 0),
                row("tcp", "connections established (including accepts)", 600),
                row("tcp", "connections closed", 1),
                row("tcp", "connections closed: including drops", 10),
            ]
        );
        assert_eq!((seen.headers.len(), seen.issues.len()), (1, 0));
    }

    #[test]
    fn histograms_are_read_however_deep_they_stand() {
        let text =
            b"icmp:\n\tOutput histogram:\n\t\techo reply: 5\n\t7 messages < minimum length\n\
            ipv6:\n\tInput histogram:\n\tICMP v6: 25000\n\t11 with illegal source\n";
        let seen = read(reader(), text);
        assert_eq!(
            rows(&seen),
            [
                row("icmp", "Output histogram: echo reply", 5),
                row("icmp", "messages < minimum length", 7),
                row("ipv6", "Input histogram: ICMP v6", 25000),
                row("ipv6", "with illegal source", 11),
            ]
        );
        assert_eq!((seen.headers.len(), seen.issues.len()), (4, 0));
    }

    #[test]
    fn anything_else_is_an_issue() {
        let seen = read(reader(), b"\t5 packets\ntcp:\n\techo reply: 5\n\tpackets\n\t5\n\t6");
        assert_eq!((seen.rows.len(), seen.headers.len(), seen.issues.len()), (0, 1, 5));
    }
}
