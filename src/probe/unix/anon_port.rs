//! `ndd`: the ephemeral range of HP-UX and of Solaris 10.
//!
//! ```text
//! 49152
//! ```
//! `ndd -get /dev/tcp NAME` of HP-UX prints one number; the name stands in the question alone. One
//! question asks for one name, so each answer is one end, and `normalize` joins them. On Solaris `ndd /dev/tcp A B`
//! prints both, with a blank line between, which gives the range. Source: ndd(1M).

use crate::model::fact::Fact;
use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::probe::cursor::Cursor;
use crate::probe::lines::{LineParser, Lines};
use crate::probe::whole::{self, Reading};

/// A reader of `tcp_smallest_anon_port`.
#[must_use]
pub fn smallest_reader() -> Box<dyn Reader> {
    whole::reader(|line| one(line, Fact::EphemeralFirst))
}

/// A reader of `tcp_largest_anon_port`.
#[must_use]
pub fn largest_reader() -> Box<dyn Reader> {
    whole::reader(|line| one(line, Fact::EphemeralLast))
}

/// A reader of Solaris' answer to the smallest and the largest port, in this order.
#[must_use]
pub fn both_reader() -> Box<dyn Reader> {
    Box::new(Lines::new(Both { smallest: None, complete: false }))
}

const EXPECTED: &str = "expected a port";

fn one<'a>(line: &[u8], fact: fn(u16) -> Fact) -> Reading<'a> {
    let port = port(line).ok_or(EXPECTED)?;
    Ok(Some(Row::Fact(fact(port))))
}

struct Both {
    smallest: Option<u16>,
    complete: bool,
}

impl LineParser for Both {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if line.trim_ascii().is_empty() {
            return;
        }
        match (port(line), self.smallest) {
            (Some(largest), Some(smallest)) if smallest <= largest && !self.complete => {
                self.complete = true;
                sink.row(span, Row::Fact(Fact::EphemeralRange(smallest, largest)));
            }
            (Some(smallest), None) => {
                self.smallest = Some(smallest);
                sink.header(span);
            }
            _ => sink.issue(Issue::unparsed(span, EXPECTED, line)),
        }
    }

    fn end(&mut self, _: &mut dyn Sink) {}
}

fn port(line: &[u8]) -> Option<u16> {
    let mut cursor = Cursor::new(line.trim_ascii());
    cursor.number().filter(|_| cursor.rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{facts, read};

    #[test]
    fn one_number_is_an_end_and_two_are_the_range() {
        assert_eq!(facts(&read(smallest_reader(), b"49152\n")), [Fact::EphemeralFirst(49152)]);
        assert_eq!(facts(&read(largest_reader(), b"65535\n")), [Fact::EphemeralLast(65535)]);
        let both = read(both_reader(), b"32768\n\n65535\n");
        assert_eq!(facts(&both), [Fact::EphemeralRange(32768, 65535)]);
        for text in ["65535\n\n32768\n", "ndd: not found\n"] {
            let seen = read(both_reader(), text.as_bytes());
            assert_eq!((seen.rows.len(), seen.issues.len()), (0, 1), "{text}");
        }
    }
}
