//! From lines to rows: hands each row out at once, and puts together those that a newline in a
//! process name had parted.
//!
//! In: lines. Out: sockets, headers, issues; each line with text in exactly one of them. Holds
//! nothing between lines but a row that is not finished, and lines that the name of a unix socket above
//! may reach.

use crate::model::parsed::{Issue, LINE_BYTES_MAX, Reader, Row, Sink, Span};
use crate::model::socket::Family;
use crate::probe::lines::{LineParser, Lines, rejoin, tell_overlong};
use crate::probe::linux::ss::owners::{self, COMM_BYTES_MAX};
use crate::probe::linux::ss::row::{self, Layout, Reading};
use crate::probe::linux::ss::unix::{self, Reach};

/// See [`crate::probe::linux::ss::reader`].
pub(super) fn reader(family: Option<Family>) -> Box<dyn Reader> {
    let layout = Layout::new(family);
    Box::new(Lines::new(Ss { layout, held: None, after_row: false, reach: None }))
}

struct Ss {
    layout: Layout,
    /// A row that may go on in the next line.
    held: Option<Held>,
    /// The last line was a row, or belonged to one: a TAB-led line explains it.
    after_row: bool,
    /// Lines below the row of a unix socket, as far as its name may reach.
    reach: Option<Reach>,
}

/// A row whose owner list was broken by a newline in a name, or might have been.
struct Held {
    bytes: Vec<u8>,
    span: Span,
    /// Length and place of the first line.
    first: (usize, Span),
    /// The first line is whole as it stands, but a name could have been made to look so.
    whole: bool,
    /// Start of the owner that is not complete.
    entry: usize,
    /// Lines added since that owner began. A name has at most [`COMM_BYTES_MAX`] newlines.
    lines: usize,
}

/// Longest owner entry that is still waited for: a name, three numbers and two security contexts.
const ENTRY_BYTES_MAX: usize = 1024;

/// What the row alone does not show.
#[derive(Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "independent doubts")]
struct Flags {
    /// A newline in a name had parted the row.
    joined: bool,
    /// An owner could not be read and is left out.
    short: bool,
    /// The owner list breaks off.
    torn: bool,
    /// The line is too long, and its end is not read.
    cut: bool,
}

impl Flags {
    const fn of(short: bool) -> Self {
        Self { joined: false, short, torn: false, cut: false }
    }
}

impl LineParser for Ss {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        match self.reach.take() {
            None => self.take(span, line, sink),
            Some(reach) => self.below_unix(reach, span, line, sink),
        }
    }

    /// An owner list can be as long as it likes: who duplicates a descriptor must not hide a socket.
    fn overlong(&mut self, span: Span, head: &[u8], sink: &mut dyn Sink) {
        if self.reach.as_ref().is_some_and(|reach| reach.holds(span)) {
            return tell_overlong(span, head, sink);
        }
        while let Some(reach) = self.reach.take() {
            self.settle(reach, false, sink);
        }
        if let Some(held) = self.held.take() {
            self.give_up(&held, sink);
        }
        self.after_row = false;
        let mut out = None;
        match row::read_head(head, &mut self.layout, &mut out) {
            Reading::Socket { .. } => {
                self.after_row = true;
                emit(out, (span, head), Flags { cut: true, ..Flags::of(true) }, sink);
                self.note_family(span, head, sink);
            }
            _ => tell_overlong(span, head, sink),
        }
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        while let Some(reach) = self.reach.take() {
            self.settle(reach, false, sink);
        }
        if let Some(held) = self.held.take() {
            self.give_up(&held, sink);
        }
    }
}

const NO_END: &str = "expected inode, peer and its inode at the end of a unix socket's row";
const PART_OF_NAME: &str = "this may be a part of the name of the unix socket above";

impl Ss {
    fn take(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        match self.held.take() {
            None => self.fresh(span, line, sink),
            Some(held) => self.resume(held, span, line, sink),
        }
    }

    /// Takes a line that the name of a unix socket above may reach.
    #[cold]
    fn below_unix(&mut self, mut reach: Reach, span: Span, line: &[u8], sink: &mut dyn Sink) {
        // Lines that explain a row make no record, whoever wrote them; below a torn one they explain
        // nothing.
        if reach.is_empty() && self.after_row && is_explanation(line) {
            self.reach = Some(reach);
            return self.take(span, line, sink);
        }
        let inside = reach.holds(span);
        let ended = inside && unix::has_tail(line);
        if inside && !ended {
            reach.keep(span, line);
            self.reach = Some(reach);
            return;
        }
        self.settle(reach, ended, sink);
        if ended && !unix::begins(line) {
            // One of the lines that were kept may have been the row of another unix socket.
            while let Some(nested) = self.reach.take() {
                self.settle(nested, true, sink);
            }
            // Nor does a row that was kept go on below it.
            if let Some(held) = self.held.take() {
                self.give_up(&held, sink);
            }
            // The end of the name; but it may look like the end only.
            sink.issue(Issue::unparsed(span, PART_OF_NAME, line));
            self.reach = Some(Reach::below(span, false));
            return;
        }
        self.line(span, line, sink);
    }

    /// Reads the lines that were kept, or tells that they are parts of a name. `ended`: a line follows
    /// that ends as the row of a unix socket does.
    fn settle(&mut self, reach: Reach, ended: bool, sink: &mut dyn Sink) {
        let (lines, torn) = reach.into_lines();
        let parts = torn || (ended && lines.iter().any(|(_, line)| row::begins(line)));
        for (span, line) in lines {
            if !parts {
                self.line(span, &line, sink);
            } else if !line.trim_ascii().is_empty() {
                sink.issue(Issue::unparsed(span, PART_OF_NAME, &line));
            }
        }
    }

    /// Reads a line that starts something.
    fn fresh(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        match line {
            [] => return,
            _ if self.after_row && is_explanation(line) => return sink.header(span),
            [b' ' | b'\t', ..] if line.trim_ascii().is_empty() => return,
            _ => {}
        }
        let hold = |whole: bool, entry| {
            let first = (line.len(), span);
            let mut held = Held { bytes: Vec::new(), span, first, whole, entry, lines: 0 };
            rejoin(&mut held.bytes, span, line);
            held
        };
        let mut row = None;
        match row::read(line, &mut self.layout, &mut row) {
            Reading::Socket { doubtful: Some(entry), .. } => self.held = Some(hold(true, entry)),
            Reading::Socket { doubtful: None, short } => {
                self.after_row = true;
                emit(row, (span, line), Flags::of(short), sink);
                self.note_family(span, line, sink);
            }
            Reading::Open(entry) => self.held = Some(hold(false, entry)),
            Reading::Other => {
                self.after_row = true;
                sink.header(span);
            }
            Reading::Unix { whole } => {
                self.after_row = whole;
                self.reach = Some(Reach::below(span, !whole));
                if whole {
                    sink.header(span);
                } else {
                    sink.issue(Issue::unparsed(span, NO_END, line));
                }
            }
            Reading::Header => {
                self.after_row = false;
                sink.header(span);
            }
            Reading::Bad(expected) => {
                self.after_row = false;
                sink.issue(Issue::unparsed(span, expected, line));
            }
        }
    }

    /// Decides whether a line continues the held row.
    fn resume(&mut self, mut held: Held, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if self.starts_something(&held, line) {
            self.give_up(&held, sink);
            return self.fresh(span, line, sink);
        }
        held.bytes.push(b'\n');
        rejoin(&mut held.bytes, span, line);
        held.span.end = span.end;
        held.lines += 1;
        match owners::look(held.bytes.get(held.entry..).unwrap_or_default()) {
            owners::Look::Whole => self.join(&held, sink),
            owners::Look::Open(progress) => {
                if progress > 0 {
                    held.entry += progress;
                    held.lines = 0;
                }
                let hopeless = held.lines > COMM_BYTES_MAX
                    || held.bytes.len() - held.entry > ENTRY_BYTES_MAX
                    || held.bytes.len() > LINE_BYTES_MAX;
                if hopeless {
                    self.give_up(&held, sink);
                } else {
                    self.held = Some(held);
                }
            }
        }
    }

    /// True when a line cannot belong to the held row. Rows of other kinds are not asked: their
    /// first words are short enough for a name.
    fn starts_something(&mut self, held: &Held, line: &[u8]) -> bool {
        let info = held.whole
            && line.starts_with(b"\t")
            && memchr::memmem::find(line, b"\",pid=").is_none();
        info || (!self.layout.is_bare()
            && matches!(
                row::read(line, &mut self.layout, &mut None),
                Reading::Socket { .. } | Reading::Open(_) | Reading::Header
            ))
    }

    /// Hands out a row put together from several lines, if it is one.
    fn join(&mut self, held: &Held, sink: &mut dyn Sink) {
        let mut out = None;
        let reading = row::read(&held.bytes, &mut self.layout, &mut out);
        if matches!(reading, Reading::Socket { short: false, .. }) {
            self.after_row = true;
            let flags = Flags { joined: true, ..Flags::of(false) };
            emit(out, (held.span, &held.bytes), flags, sink);
            self.note_family(held.span, &held.bytes, sink);
        } else {
            self.give_up(held, sink);
        }
    }

    /// Hands out what is held: the row of the first line, with the owners that can be read, and what
    /// could not be read. What stands before the owners is the kernel's, whatever a name holds.
    fn give_up(&mut self, held: &Held, sink: &mut dyn Sink) {
        let (kept, span) = held.first;
        let (row, tail) = held.bytes.split_at_checked(kept).unwrap_or_default();
        self.after_row = false;
        let mut out = None;
        let reading = if held.whole {
            row::read(row, &mut self.layout, &mut out)
        } else {
            row::read_torn(row, &mut self.layout, &mut out)
        };
        let Reading::Socket { short, .. } = reading else {
            let expected = "owner list of `ss` has no end";
            return sink.issue(Issue::unparsed(held.span, expected, &held.bytes));
        };
        self.after_row = true;
        let flags = Flags { torn: !held.whole, ..Flags::of(short) };
        emit(out, (span, row), flags, sink);
        self.note_family(span, row, sink);
        if !tail.trim_ascii().is_empty() {
            self.after_row = false;
            let span = Span { line: span.line + 1, start: span.end, end: held.span.end };
            let tail = tail.get(1..).unwrap_or_default();
            sink.issue(Issue::unparsed(span, "expected a row of `ss`", tail));
        }
    }

    fn note_family(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if self.layout.take_note() {
            let remark = "`*` could be IPv4 or both families, or the protocol is not printed; \
                          run ss with -4 or -6, and with both -t and -u";
            sink.issue(Issue::note(span, remark, line));
        }
    }
}

/// True for a line that explains the row above: TAB-led, or the arrow that iproute2 4.x prints on a
/// line of its own below a unix socket.
fn is_explanation(line: &[u8]) -> bool {
    line.starts_with(b"\t")
        || (line.starts_with(b" ")
            && matches!(line.trim_ascii(), b"<->" | b"-->" | b"<--" | b"---"))
}

/// Hands out a row, with what was found only after it was read.
#[inline]
fn emit(mut row: Option<Row<'_>>, (span, line): (Span, &[u8]), flags: Flags, sink: &mut dyn Sink) {
    if let Some(Row::Socket(socket)) = &mut row {
        socket.flags.truncated = flags.torn || flags.cut;
        socket.flags.name_has_control |= flags.joined;
    }
    if let Some(row) = row {
        sink.row(span, row);
    }
    if flags.cut {
        let remark = "row is longer than 64 KiB: owners and what follows them may be missing";
        sink.issue(Issue::note(span, remark, line));
    } else if flags.torn {
        let remark = "owner list has no end: owners may be missing";
        sink.issue(Issue::note(span, remark, line));
    } else if flags.short {
        let remark = "an owner cannot be read and is left out: expected `\"name\",pid=N,fd=N`, \
                      with a process id of at most 4194304";
        sink.issue(Issue::note(span, remark, line));
    }
}
