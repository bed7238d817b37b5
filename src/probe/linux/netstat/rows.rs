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
/// Longest `pid/name` that is printed: the column has 20 characters, and the last one is a blank.
const PROGRAM_BYTES_MAX: usize = 19;
/// Longest row that is still waited for: two addresses of 51 characters and 150 of all else, with
/// room for blanks.
const ROW_BYTES_MAX: usize = 1024;

/// See [`crate::probe::linux::netstat::reader`].
pub(super) fn reader(dialect: Dialect, width: Width) -> Box<dyn Reader> {
    Box::new(Lines::new(Netstat { layout: Layout::new(dialect, width), held: None }))
}

struct Netstat {
    layout: Layout,
    /// A row without its timer, or one that ends where a name may go on.
    held: Option<Held>,
}

struct Held {
    bytes: Vec<u8>,
    span: Span,
    lines: usize,
    /// It is a row as it stands.
    whole: bool,
}

impl Held {
    fn new(span: Span, line: &[u8], whole: bool) -> Self {
        let mut held = Self { bytes: Vec::new(), span, lines: 0, whole };
        held.take(span, line);
        held
    }

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
            Some(held) if held.whole => self.resume_whole(held, span, line, sink),
            Some(held) => self.resume(held, span, line, sink),
        }
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        match self.held.take() {
            Some(held) if held.whole => self.emit_held(&held, sink),
            Some(held) => give_up(&held, sink),
            None => {}
        }
    }
}

impl Netstat {
    /// Reads a line that starts something.
    fn fresh(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        let mut row = None;
        match row::read(line, &mut self.layout, &mut row) {
            Reading::Socket { .. } if may_go_on(line, row.as_ref()) => {
                self.held = Some(Held::new(span, line, true));
            }
            Reading::Socket { doubtful, odd } => {
                let doubts = Doubts { joined: false, full: doubtful, odd };
                emit(row, (span, line), doubts, sink);
            }
            Reading::Open => {
                self.held = Some(Held::new(span, line, false));
            }
            Reading::Header => sink.header(span),
            Reading::Bad(_) if line.trim_ascii().is_empty() => {}
            Reading::Bad(expected) => sink.issue(Issue::unparsed(span, expected, line)),
        }
    }

    /// Decides whether a line continues a row that is whole without it: it does when it is nothing by
    /// itself and short enough for the rest of a name.
    #[cold]
    fn resume_whole(&mut self, mut held: Held, span: Span, line: &[u8], sink: &mut dyn Sink) {
        let mut longer = held.bytes.clone();
        longer.push(b'\n');
        rejoin(&mut longer, span, line);
        let mut row = None;
        let joined = match row::read(&longer, &mut self.layout, &mut row) {
            Reading::Socket { .. } => program_length(row.as_ref()) <= PROGRAM_BYTES_MAX,
            _ => false,
        };
        let goes_on = may_go_on(&longer, row.as_ref());
        drop(row);
        if !joined || line.trim_ascii().is_empty() || !self.is_nothing(line) {
            self.emit_held(&held, sink);
            return self.fresh(span, line, sink);
        }
        (held.bytes, held.span.end, held.lines) = (longer, span.end, held.lines + 1);
        if goes_on {
            self.held = Some(held);
        } else {
            self.emit_held(&held, sink);
        }
    }

    /// True for a line that is no row, title or header.
    fn is_nothing(&self, line: &[u8]) -> bool {
        let mut layout = self.layout.clone();
        matches!(row::read(line, &mut layout, &mut None), Reading::Bad(_))
    }

    /// Hands out a held row that is whole.
    fn emit_held(&mut self, held: &Held, sink: &mut dyn Sink) {
        let mut row = None;
        match row::read(&held.bytes, &mut self.layout, &mut row) {
            Reading::Socket { doubtful, odd } => {
                let doubts = Doubts { joined: held.lines > 1, full: doubtful, odd };
                emit(row, (held.span, &held.bytes), doubts, sink);
            }
            _ => give_up(held, sink),
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

/// True for a row without a timer that ends with its program's name: the column is padded with blanks,
/// so the name goes on in the next line, unless it fills the column or the blanks were lost.
#[inline]
fn may_go_on(line: &[u8], row: Option<&Row<'_>>) -> bool {
    let Some(Row::Socket(socket)) = row else { return false };
    let name = socket.owners.first().map(|owner| owner.name.bytes());
    name.is_some_and(|name| line.ends_with(name)) && program_length(row) < PROGRAM_BYTES_MAX
}

/// Length of `pid/name`.
fn program_length(row: Option<&Row<'_>>) -> usize {
    let Some(Row::Socket(socket)) = row else { return 0 };
    let Some(owner) = socket.owners.first() else { return 0 };
    let digits = owner.pid.checked_ilog10().map_or(1, |log| log as usize + 1);
    digits + 1 + owner.name.bytes().len()
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
