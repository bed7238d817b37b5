//! From lines to rows: knows sections, hands each row out at once, and puts together those that a
//! newline in a process name had parted.
//!
//! In: lines. Out: sockets, headers, issues; each line with text in exactly one of them. Holds
//! nothing between lines but a row that is not finished.

use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::socket::Family;
use crate::probe::bsd::sockets::Setup;
use crate::probe::bsd::sockets::header::{self, Tail};
use crate::probe::bsd::sockets::row::{self, Layout, Reading};
use crate::probe::bsd::sockets::tail::NAME_MAX;
use crate::probe::lines::{LineParser, Lines, rejoin};

const TITLE: &str = "expected a row of netstat, a title or a header";
const COLUMNS: &str = "columns that are not known: what stands in them is not read";
const QUARANTINE: &str =
    "a socket where UNIX-domain sockets are listed: perhaps part of a path, so it is not believed";
const CUT: &str = "an address is as long as what addresses are cut to: run netstat with -l (macOS), \
                   -W (FreeBSD) or -v";

/// See [`crate::probe::bsd::sockets::reader`].
pub(super) fn reader(setup: Setup) -> Box<dyn Reader> {
    let layout = Layout::new(setup);
    Box::new(Lines::new(Netstat { layout, section: Section::Internet, unix: false, held: None }))
}

/// What a title announced.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Internet,
    Sctp,
    /// Sockets that are not in the schema.
    Other,
}

struct Netstat {
    layout: Layout,
    section: Section,
    /// A UNIX section has begun. No internet socket follows it, on any of the systems.
    unix: bool,
    /// A row without its end.
    held: Option<Held>,
}

struct Held {
    bytes: Vec<u8>,
    span: Span,
    lines: usize,
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
        if line.trim_ascii().is_empty() {
            return;
        }
        if self.section == Section::Other {
            return self.other(span, line, sink);
        }
        let (remark, text) = after_remark(line);
        if remark && text.trim_ascii().is_empty() {
            return sink.header(span);
        }
        let mut row = None;
        match row::read(text, &mut self.layout, &mut row) {
            Reading::Socket { doubtful } => emit(row, (span, text), doubtful, sink),
            Reading::Open if self.layout.names_processes() => {
                let mut bytes = Vec::new();
                rejoin(&mut bytes, span, text);
                self.held = Some(Held { bytes, span, lines: 1 });
            }
            Reading::Known | Reading::Elsewhere => sink.header(span),
            Reading::Unix => {
                (self.unix, self.section) = (true, Section::Other);
                sink.header(span);
            }
            Reading::Nothing if !remark && self.title(line) => {
                sink.header(span);
                self.note_columns(span, line, sink);
            }
            Reading::Nothing if self.section == Section::Sctp => {
                let expected = "a further address of an association: its row has the first one";
                sink.issue(Issue::unparsed(span, expected, line));
            }
            Reading::Open | Reading::Nothing => {
                sink.issue(Issue::unparsed(span, TITLE, line));
            }
            Reading::Bad(expected) => sink.issue(Issue::unparsed(span, expected, line)),
        }
    }

    /// Says once, at the header, that columns are not known: what stands in them is not read.
    #[cold]
    fn note_columns(&self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        let tail = self.layout.columns.as_ref().map(|columns| &columns.tail);
        if matches!(tail, Some(Tail::Any(_, false))) && header::read(line).is_some() {
            sink.issue(Issue::note(span, COLUMNS, line));
        }
    }

    /// Reads a line of a section that is not in the schema.
    fn other(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if self.title(line) {
            return sink.header(span);
        }
        let first = line.split(|&byte| byte == b' ').next().unwrap_or_default();
        let forged = matches!(
            first,
            b"tcp4" | b"tcp6" | b"tcp46" | b"tcp" | b"udp" | b"udp4" | b"udp6" | b"udp46"
        );
        if forged {
            return sink.issue(Issue::unparsed(span, QUARANTINE, line));
        }
        sink.header(span);
    }

    /// True for a title, a header or a known remark.
    #[cold]
    fn title(&mut self, line: &[u8]) -> bool {
        let starts = |word: &[u8]| line.starts_with(word);
        if starts(b"Active ") || starts(b"Registered ") || starts(b"Current listen queue sizes") {
            let internet = starts(b"Active Internet") || starts(b"Current ");
            self.unix |= starts(b"Active UNIX") || starts(b"Active LOCAL");
            self.section = if internet && !self.unix {
                Section::Internet
            } else if starts(b"Active SCTP") && !self.unix {
                Section::Sctp
            } else {
                Section::Other
            };
            self.layout.title = starts(b"Active Internet6").then_some(Family::Ipv6);
            return true;
        }
        if self.section != Section::Other
            && let Some(columns) = header::read(line)
        {
            self.layout.columns = Some(columns);
            return true;
        }
        // What netstat of macOS says of a kernel that knows more than it does.
        (starts(b"unexpected kind ") || starts(b"got ")) && line.len() < 40
    }

    /// Adds a line to the held row, because no whole row can stand inside a name; gives up where
    /// the name would be longer than names are.
    fn resume(&mut self, mut held: Held, span: Span, line: &[u8], sink: &mut dyn Sink) {
        let kept = (held.bytes.len(), held.span.end);
        held.bytes.push(b'\n');
        rejoin(&mut held.bytes, span, line);
        held.span.end = span.end;
        held.lines += 1;
        let mut row = None;
        let joined = row::read(&held.bytes, &mut self.layout, &mut row);
        if let Reading::Socket { doubtful } = &joined {
            return emit(row, (held.span, &held.bytes), *doubtful, sink);
        }
        drop(row);
        if matches!(joined, Reading::Open) && held.lines <= NAME_MAX {
            self.held = Some(held);
            return;
        }
        held.bytes.truncate(kept.0);
        held.span.end = kept.1;
        give_up(&held, sink);
        self.fresh(span, line, sink);
    }
}

/// Whether a line begins with what netstat says of sockets that came and went, and what follows it.
/// macOS ends one of these remarks without a newline.
fn after_remark(line: &[u8]) -> (bool, &[u8]) {
    let said = line.strip_prefix(b"Some ").and_then(|rest| {
        let middle = b" sockets may have been ";
        let at = memchr::memmem::find(rest, middle).filter(|at| *at < 16)?;
        let rest = rest.get(at + middle.len()..)?;
        let words = [b"created or deleted".as_slice(), b"created", b"deleted"];
        let rest = words.iter().find_map(|word| rest.strip_prefix(*word))?;
        Some(rest.strip_prefix(b".").unwrap_or(rest))
    });
    said.map_or((false, line), |rest| (true, rest))
}

fn give_up(held: &Held, sink: &mut dyn Sink) {
    let expected = "expected `process:pid` and every column behind it";
    sink.issue(Issue::unparsed(held.span, expected, &held.bytes));
}

/// Hands out a row, with what was found only after it was read.
#[inline]
fn emit(
    mut row: Option<Row<'_>>,
    (span, line): (Span, &[u8]),
    doubtful: bool,
    sink: &mut dyn Sink,
) {
    if let Some(Row::Socket(socket)) = &mut row {
        socket.flags.truncated = doubtful;
    }
    if let Some(row) = row {
        sink.row(span, row);
    }
    if doubtful {
        sink.issue(Issue::note(span, CUT, line));
    }
}
