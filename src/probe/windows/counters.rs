//! `netstat -s`: protocol counters since the system started, read by position.
//!
//! ```text
//! IPv4-Statistik
//!
//!   Empfangene Pakete                     = 9147172
//!   Empfangene Vorspannfehler             = 0
//!
//! ICMPv4-Statistik
//!
//!                             Empfangen   Gesendet
//!   Meldungen                 340         368
//! ```
//! Sections in the order IP, ICMP, TCP, UDP, of IPv4 and of IPv6 where the system has both. Their titles
//! name the protocol in every language: `IPv4`, `ICMPv6`, `TCP … IPv6`, `UDP … IPv4`; Windows 2000 names
//! no version. Rows are one number behind `=`, or of ICMP received and sent. Source: netstat (Windows
//! commands reference).
//!
//! Decisions:
//! - Words are the system's language's, so a row is known by its place among as many rows as one of the
//!   known versions prints (`layouts`). A section of any other number of rows is issues, all of it.
//! - Where the words are English they must be those of their places: a section in another order is
//!   issues too.
//! - Groups are called as Windows' own performance counters call them (`IPv4`, `TCPv6`), because Linux's
//!   `Tcp` counts both families; counters as in their MIBs (RFC 2011 to 2013, 2465 and 2466), as
//!   Linux calls them.
//! - A type of ICMP message that has no name is printed by its number, in a row that others do not
//!   count.

mod layouts;

use crate::model::counter::Counter;
use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::text::HostText;
use crate::probe::windows::counters::layouts::{Group, Layout};
use crate::probe::windows::text::{self, Line, TextParser, is_blank};
use crate::probe::windows::words::{decimal, words};

/// Most rows of a section that are held: 17 with names, and types by number.
const ROWS_MAX: usize = 64;

const NO_SECTION: &str = "expected the title of a section of netstat -s";
const NOT_KNOWN: &str = "expected a section with the rows of a Windows that is known";

/// A reader of the output.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    text::reader(Statistics { group: None, rows: Vec::new() })
}

struct Statistics {
    /// What the section counts.
    group: Option<Group>,
    rows: Vec<Held>,
}

/// A row of the section.
struct Held {
    span: Span,
    bytes: Vec<u8>,
    numbers: Numbers,
}

/// Numbers at the end of a row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Numbers {
    /// Behind `=`.
    One(u64),
    /// Received and sent.
    Two(u64, u64),
    /// Received and sent of a type of message.
    Typed(u8, u64, u64),
}

impl TextParser for Statistics {
    fn line(&mut self, line: Line<'_>, sink: &mut dyn Sink) {
        if is_blank(line.bytes) {
            return;
        }
        if let Some(numbers) = numbers(line.bytes) {
            if self.group.is_none() {
                return sink.issue(Issue::unparsed(line.span, NO_SECTION, line.bytes));
            }
            if self.rows.len() == ROWS_MAX {
                return sink.issue(Issue::unparsed(line.span, NOT_KNOWN, line.bytes));
            }
            return self.rows.push(Held { span: line.span, bytes: line.bytes.to_vec(), numbers });
        }
        if let Some(group) = Group::of_title(line.bytes) {
            self.section(sink);
            self.group = Some(group);
            return sink.header(line.span);
        }
        let digit = line.bytes.iter().any(u8::is_ascii_digit);
        if self.group.is_some_and(Group::is_icmp) && self.rows.is_empty() && !digit {
            return sink.header(line.span);
        }
        sink.issue(Issue::unparsed(line.span, NO_SECTION, line.bytes));
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        self.section(sink);
    }
}

impl Statistics {
    /// Tells a section that has ended.
    fn section(&mut self, sink: &mut dyn Sink) {
        let rows = std::mem::take(&mut self.rows);
        let Some(group) = self.group.take() else { return };
        let typed = |row: &&Held| matches!(row.numbers, Numbers::Typed(..));
        let named: Vec<&Held> = rows.iter().filter(|row| !typed(row)).collect();
        let fits = |layout: &&Layout| {
            (group.is_icmp() || named.len() == rows.len())
                && layout.rows.len() == named.len()
                && layout
                    .rows
                    .iter()
                    .zip(&named)
                    .all(|(place, row)| place.can_be(&label(&row.bytes)))
                && named
                    .iter()
                    .all(|row| matches!(row.numbers, Numbers::Two(..)) == group.is_icmp())
        };
        let Some(layout) = layouts::of(group).iter().find(fits) else {
            return rows
                .iter()
                .for_each(|row| sink.issue(Issue::unparsed(row.span, NOT_KNOWN, &row.bytes)));
        };
        let mut places = layout.rows.iter().map(|place| place.name);
        for row in &rows {
            match row.numbers {
                Numbers::Typed(kind, received, sent) => {
                    let name = format!("Type{kind}");
                    counter(group, row.span, &format!("In{name}"), received, sink);
                    counter(group, row.span, &format!("Out{name}"), sent, sink);
                }
                Numbers::One(value) => {
                    counter(group, row.span, places.next().unwrap_or_default(), value, sink);
                }
                Numbers::Two(received, sent) => {
                    let name = places.next().unwrap_or_default();
                    counter(group, row.span, &format!("In{name}"), received, sink);
                    counter(group, row.span, &format!("Out{name}"), sent, sink);
                }
            }
        }
    }
}

fn counter(group: Group, span: Span, name: &str, value: u64, sink: &mut dyn Sink) {
    let counter = Counter {
        protocol: HostText::new(group.name().as_bytes()),
        name: HostText::owned(name.as_bytes().to_vec()),
        value: value.into(),
    };
    sink.row(span, Row::Counter(counter));
}

/// The numbers that make a line a row.
fn numbers(line: &[u8]) -> Option<Numbers> {
    if let Some(at) = memchr::memrchr(b'=', line) {
        return Some(Numbers::One(decimal(line.get(at + 1..)?.trim_ascii())?));
    }
    let mut last = words(line).rev();
    let sent = decimal(last.next()?)?;
    let received = decimal(last.next()?)?;
    let word = last.next()?;
    Some(match decimal(word) {
        Some(kind) => Numbers::Typed(kind, received, sent),
        None => Numbers::Two(received, sent),
    })
}

/// The words of a row.
fn label(line: &[u8]) -> Vec<u8> {
    let end = memchr::memrchr(b'=', line).unwrap_or(line.len());
    let text = line.get(..end).unwrap_or_default();
    let text: Vec<&[u8]> = words(text).filter(|word| decimal::<u64>(word).is_none()).collect();
    text.join(&b' ')
}

#[cfg(test)]
mod tests;
