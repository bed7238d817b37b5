//! What a parser hands out, and the contract it keeps.
//!
//! Parsers are push parsers: bytes in chunks, rows and issues out to a [`Sink`], nothing held but
//! the current row. A parser never fails as a whole and never loses a line: each non-blank line
//! becomes a row, a known header, or an issue with its line number and text.

use crate::model::counter::Counter;
use crate::model::fact::Fact;
use crate::model::link::Interface;
use crate::model::process::{Holder, NamespaceMember, ProcessFact};
use crate::model::route::{Neighbour, Route, Rule};
use crate::model::socket::Socket;
use crate::model::text::HostText;

/// Longest line kept by a parser: 64 KiB, blanks at its end not counted. Of a longer one only the head
/// is read, where a parser can use it; else it becomes an issue.
pub const LINE_BYTES_MAX: usize = 64 << 10;

/// Where in a stream something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// First line, from 1. 0 where the format has no lines.
    pub line: u64,
    /// First byte, from 0.
    pub start: u64,
    /// Byte after the last, the line's end included.
    pub end: u64,
}

/// One thing a parser read, in canonical types but not yet set in context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row<'a> {
    /// A socket.
    Socket(Socket<'a>),
    /// An interface, or a part of one (addresses without counters).
    Interface(Interface),
    /// A route.
    Route(Route),
    /// A policy-routing rule.
    Rule(Rule),
    /// A neighbour.
    Neighbour(Neighbour),
    /// A protocol counter.
    Counter(Counter),
    /// A statement about the host.
    Fact(Fact),
    /// A file descriptor that holds a socket.
    Holder(Holder),
    /// A process and its network namespace.
    Member(NamespaceMember),
    /// A process id and a statement about that process.
    Process(u32, ProcessFact),
}

/// How bad an issue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something worth knowing; no data was lost.
    Note,
    /// A line could not be read: its facts are missing from the records.
    Unparsed,
}

/// What a parser could not read, or read with a doubt.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Issue {
    /// Where it stands in the stream.
    pub span: Span,
    /// How bad it is.
    pub severity: Severity,
    /// What was expected: one fragment, no text from the host.
    pub message: String,
    /// The text, cut to [`ISSUE_TEXT_MAX`] bytes.
    pub text: HostText<'static>,
}

/// Bytes of text kept in an issue: 256. The whole is in the evidence.
pub const ISSUE_TEXT_MAX: usize = 256;

impl Issue {
    /// A line that could not be read.
    #[must_use]
    pub fn unparsed(span: Span, message: impl Into<String>, text: &[u8]) -> Self {
        Self::with(Severity::Unparsed, span, message.into(), text)
    }

    /// A remark about a line.
    #[must_use]
    pub fn note(span: Span, message: impl Into<String>, text: &[u8]) -> Self {
        Self::with(Severity::Note, span, message.into(), text)
    }

    fn with(severity: Severity, span: Span, message: String, text: &[u8]) -> Self {
        let kept = text.get(..ISSUE_TEXT_MAX).unwrap_or(text);
        Self { span, severity, message, text: HostText::owned(kept.to_vec()) }
    }
}

/// Where a parser's output goes.
pub trait Sink {
    /// A row and where it stands.
    fn row(&mut self, span: Span, row: Row<'_>);
    /// A known line that carries no row of its own: a header, a title, a separator.
    fn header(&mut self, span: Span);
    /// A line that could not be read, or a remark.
    fn issue(&mut self, issue: Issue);
}

/// A push parser for one probe's output.
pub trait Reader {
    /// Takes the next bytes. Chunks may be cut anywhere.
    fn push(&mut self, chunk: &[u8], sink: &mut dyn Sink);
    /// Says that the stream has ended: what was held back is handed out.
    fn finish(&mut self, sink: &mut dyn Sink);
}

/// How much of a stream was understood. Unit: bytes, line ends included; blank lines count nowhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Coverage {
    /// Bytes of rows.
    pub row_bytes: u64,
    /// Bytes of known headers.
    pub header_bytes: u64,
    /// Bytes of lines that could not be read.
    pub unparsed_bytes: u64,
    /// Number of rows.
    pub rows: u64,
    /// Number of issues of severity `Unparsed`.
    pub unparsed: u64,
}

impl Coverage {
    /// True when every line was understood.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.unparsed == 0
    }
}

/// A sink that counts what passes through to another.
pub struct Counting<'a> {
    inner: &'a mut dyn Sink,
    /// The count so far.
    pub coverage: Coverage,
    last_row: Option<Span>,
}

impl<'a> Counting<'a> {
    /// Counts in front of `inner`.
    pub fn new(inner: &'a mut dyn Sink) -> Self {
        Self { inner, coverage: Coverage::default(), last_row: None }
    }
}

impl Sink for Counting<'_> {
    fn row(&mut self, span: Span, row: Row<'_>) {
        self.coverage.rows += 1;
        // Several rows may stand on one line; its bytes count once.
        if self.last_row != Some(span) {
            self.coverage.row_bytes += span.end.saturating_sub(span.start);
            self.last_row = Some(span);
        }
        self.inner.row(span, row);
    }

    fn header(&mut self, span: Span) {
        self.coverage.header_bytes += span.end.saturating_sub(span.start);
        self.inner.header(span);
    }

    fn issue(&mut self, issue: Issue) {
        if issue.severity == Severity::Unparsed {
            self.coverage.unparsed += 1;
            self.coverage.unparsed_bytes += issue.span.end.saturating_sub(issue.span.start);
        }
        self.inner.issue(issue);
    }
}
