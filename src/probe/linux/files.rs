//! `grep -H PATTERN FILE...`: lines of many files from one command, each with the file's name.
//!
//! ```text
//! /etc/machine-id:3d1219c7c4c5404aaa1f6d2a48adfda4
//! /proc/sys/net/ipv4/ip_local_port_range:32768    60999
//! ```
//! The path up to the first colon (no path that is asked for holds one), then the line as it is.
//! An empty line does not match and is not printed. A file that is not there is named on standard
//! error, and the exit status is 2 though the other files were read.

use crate::model::fact::Fact;
use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::probe::lines::{LineParser, Lines};

/// What one line of one file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Facts.
    Facts(Vec<Fact>),
    /// A line that is known and kept in the evidence alone.
    Known,
    /// Not what this file should hold: what was expected, as a fragment.
    Odd(&'static str),
}

impl Said {
    /// One fact, or what was expected instead.
    pub(in crate::probe::linux) fn fact(fact: Option<Fact>, expected: &'static str) -> Self {
        fact.map_or(Self::Odd(expected), |fact| Self::Facts(vec![fact]))
    }
}

/// A reader that asks `say` about each line: the path, then the rest without surrounding blanks.
#[must_use]
pub fn reader(say: fn(path: &[u8], text: &[u8]) -> Said) -> Box<dyn Reader> {
    Box::new(Lines::new(Files { say }))
}

struct Files {
    say: fn(&[u8], &[u8]) -> Said,
}

/// Path and rest of a line. `None` when the line has no path.
#[must_use]
pub fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr::memchr(b':', line)?;
    let (path, rest) = line.split_at_checked(colon)?;
    path.starts_with(b"/").then_some((path, rest.get(1..)?))
}

/// What an unprefixed line should have been.
pub(in crate::probe::linux) const EXPECTED_PATH: &str = "expected FILE:LINE";

impl LineParser for Files {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if line.trim_ascii().is_empty() {
            return;
        }
        let said = match split(line) {
            Some((path, text)) => (self.say)(path, text.trim_ascii()),
            None => Said::Odd(EXPECTED_PATH),
        };
        match said {
            Said::Known => sink.header(span),
            Said::Odd(expected) => sink.issue(Issue::unparsed(span, expected, line)),
            Said::Facts(facts) if facts.is_empty() => sink.header(span),
            Said::Facts(facts) => {
                for fact in facts {
                    sink.row(span, Row::Fact(fact));
                }
            }
        }
    }

    fn end(&mut self, _: &mut dyn Sink) {}
}

/// A whole number in decimal.
#[must_use]
pub fn number<N: std::str::FromStr>(text: &[u8]) -> Option<N> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
