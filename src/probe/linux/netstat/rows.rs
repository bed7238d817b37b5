//! From lines to rows: hands each row out at once, and puts together those that a newline in a
//! program's name had parted.
//!
//! In: lines. Out: sockets, headers, issues; each line with text in exactly one of them. Holds
//! nothing between lines but a row that is not finished.

use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::probe::lines::{LineParser, Lines, rejoin};
use crate::probe::linux::netstat::Width;
use crate::probe::linux::netstat::row::{self, Dialect, Layout, Reading};

/// Most lines that one name can make of a row: pid and name share 19 characters.
const NAME_LINES_MAX: usize = 18;
/// Longest row that is still waited for: two addresses of 51 characters and 150 of all else, with
/// room for blanks.
const ROW_BYTES_MAX: usize = 1024;

/// See [`crate::probe::linux::netstat::reader`].
pub(super) fn reader(dialect: Dialect, width: Width) -> Box<dyn Reader> {
    Box::new(Lines::new(Netstat { layout: Layout::new(dialect, width), held: None }))
}

struct Netstat {
    layout: Layout,
    /// A row without its timer.
    held: Option<Held>,
}

struct Held {
    bytes: Vec<u8>,
    span: Span,
    lines: usize,
}

impl Held {
    /// Adds a line.
    fn take(&mut self, span: Span, line: &[u8]) {
        rejoin(&mut self.bytes, span, line);
        self.span.end = span.end;
        self.lines += 1;
    }
}

/// What the row alone does not show.
#[derive(Clone, Copy)]
struct Doubts {
    /// A newline in a name had parted the row.
    joined: bool,
    /// An address fills its column.
    full: bool,
    /// The column of programs holds none that can be.
    odd: bool,
}

impl LineParser for Netstat {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        match self.held.take() {
            None => self.fresh(span, line, sink),
            Some(held) => self.resume(held, span, line, sink),
        }
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        if let Some(held) = self.held.take() {
            give_up(&held, sink);
        }
    }
}

impl Netstat {
    /// Reads a line that starts something.
    fn fresh(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        let mut row = None;
        match row::read(line, &mut self.layout, &mut row) {
            Reading::Socket { doubtful, odd } => {
                let doubts = Doubts { joined: false, full: doubtful, odd };
                emit(row, (span, line), doubts, sink);
            }
            Reading::Open => {
                let mut held = Held { bytes: Vec::new(), span, lines: 0 };
                held.take(span, line);
                self.held = Some(held);
            }
            Reading::Header => sink.header(span),
            Reading::Bad(_) if line.trim_ascii().is_empty() => {}
            Reading::Bad(expected) => sink.issue(Issue::unparsed(span, expected, line)),
        }
    }

    /// Decides whether a line continues the held row. A name is too short to hold a row, but not
    /// the first word of a title.
    fn resume(&mut self, mut held: Held, span: Span, line: &[u8], sink: &mut dyn Sink) {
        let alone = row::read(line, &mut self.layout, &mut None);
        if matches!(alone, Reading::Socket { .. } | Reading::Open) {
            give_up(&held, sink);
            return self.fresh(span, line, sink);
        }
        let kept = (held.bytes.len(), held.span.end);
        held.bytes.push(b'\n');
        held.take(span, line);
        let mut row = None;
        let joined = row::read(&held.bytes, &mut self.layout, &mut row);
        if let Reading::Socket { doubtful, odd } = joined {
            let doubts = Doubts { joined: true, full: doubtful, odd };
            return emit(row, (held.span, &held.bytes), doubts, sink);
        }
        drop(row);
        if matches!(alone, Reading::Header) {
            held.bytes.truncate(kept.0);
            held.span.end = kept.1;
            give_up(&held, sink);
            return self.fresh(span, line, sink);
        }
        let hopeless = held.lines > NAME_LINES_MAX || held.bytes.len() > ROW_BYTES_MAX;
        if hopeless || !matches!(joined, Reading::Open) {
            return give_up(&held, sink);
        }
        self.held = Some(held);
    }
}

fn give_up(held: &Held, sink: &mut dyn Sink) {
    sink.issue(Issue::unparsed(held.span, "expected a timer at the end of a row", &held.bytes));
}

/// Hands out a row, with what was found only after it was read.
#[inline]
fn emit(
    mut row: Option<Row<'_>>,
    (span, line): (Span, &[u8]),
    doubts: Doubts,
    sink: &mut dyn Sink,
) {
    if let Some(Row::Socket(socket)) = &mut row {
        socket.flags.truncated = doubts.full;
        socket.flags.name_has_control |= doubts.joined;
    }
    if let Some(row) = row {
        sink.row(span, row);
    }
    if doubts.odd {
        let remark = "owner is left out: expected `pid/name` or `-`, with a process id of at most \
                      4194304";
        sink.issue(Issue::note(span, remark, line));
    }
    if doubts.full {
        let remark = "an address fills its column and may be cut: run netstat with -W";
        sink.issue(Issue::note(span, remark, line));
    }
}
