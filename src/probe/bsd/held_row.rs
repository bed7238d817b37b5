//! What sockstat and fstat have in common: a row begins with user, command and process id, and the
//! command may hold anything.
//!
//! In: lines. Out: the first columns of a row, and lines that a newline inside a command had cut
//! put together again.

use crate::model::parsed::{Issue, Sink, Span};
use crate::model::process::ProcessFact;
use crate::model::socket::{Attribution, Owner, Socket};
use crate::model::text::HostText;
use crate::probe::cursor::Cursor;
use crate::probe::lines::{LineParser, rejoin};

/// Longest start of a row that is held back: a user name of 32 bytes, blanks, a command.
const HELD_BYTES_MAX: usize = 96;

/// The parser of one tool's rows.
pub(in crate::probe) trait RowParser {
    /// What a line should have been.
    const EXPECTED: &'static str;
    /// True for the line of titles.
    fn is_title(&self, line: &[u8]) -> bool;
    /// Hands out what a row says. False: it is no row.
    fn row(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) -> bool;
}

/// Rows of which a command with a newline may make several lines.
pub(in crate::probe) struct HeldRows<P> {
    parser: P,
    /// Lines that are no row by themselves, and where they stand.
    held: Option<(Span, Vec<u8>)>,
}

impl<P: RowParser> HeldRows<P> {
    pub(in crate::probe) const fn new(parser: P) -> Self {
        Self { parser, held: None }
    }

    fn give_up(&mut self, sink: &mut dyn Sink) {
        if let Some((span, held)) = self.held.take() {
            sink.issue(Issue::unparsed(span, P::EXPECTED, &held));
        }
    }
}

impl<P: RowParser> LineParser for HeldRows<P> {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if let Some((first, held)) = &mut self.held {
            let (before, start) = (held.len(), *first);
            held.push(b'\n');
            rejoin(held, span, line);
            let joined = Span { end: span.end, ..start };
            if self.parser.row(joined, held, sink) {
                self.held = None;
                return;
            }
            held.truncate(before);
            if held.len() + line.len() < HELD_BYTES_MAX {
                // Perhaps one more newline of the same command; a row of its own is found below.
                if !starts_row(&mut self.parser, line) {
                    held.push(b'\n');
                    rejoin(held, span, line);
                    first.end = span.end;
                    return;
                }
            }
            self.give_up(sink);
        }
        if line.trim_ascii().is_empty() {
            return;
        }
        if self.parser.is_title(line) {
            return sink.header(span);
        }
        if self.parser.row(span, line, sink) {
            return;
        }
        if line.len() < HELD_BYTES_MAX {
            let mut held = Vec::new();
            rejoin(&mut held, span, line);
            self.held = Some((span, held));
        } else {
            sink.issue(Issue::unparsed(span, P::EXPECTED, line));
        }
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        self.give_up(sink);
    }
}

/// True when a line is a row, without handing it out.
fn starts_row<P: RowParser>(parser: &mut P, line: &[u8]) -> bool {
    struct Nowhere;
    impl Sink for Nowhere {
        fn row(&mut self, _: Span, _: crate::model::parsed::Row<'_>) {}
        fn header(&mut self, _: Span) {}
        fn issue(&mut self, _: Issue) {}
    }
    parser.is_title(line) || parser.row(Span::default(), line, &mut Nowhere)
}

/// The first columns of a row.
pub(in crate::probe) struct Prefix<'a> {
    /// Name of the user, or its number where it has none.
    pub(in crate::probe) user: &'a [u8],
    /// Command, as it is printed, without blanks around it.
    pub(in crate::probe) name: &'a [u8],
    /// Process id. `None`: `?`.
    pub(in crate::probe) pid: Option<u32>,
}

/// Splits off the first columns. `name_bytes` is the longest command. `columns` reads what follows
/// the process id, or says that it cannot: then the command goes on.
pub(in crate::probe) fn split<'a, T>(
    line: &'a [u8],
    name_bytes: usize,
    columns: impl Fn(&mut Cursor<'a>) -> Option<T>,
) -> Option<(Prefix<'a>, T)> {
    let mut rest = Cursor::new(line);
    let user = rest.token();
    if user.is_empty() {
        return None;
    }
    rest.blanks();
    let names = rest.rest;
    // A command begins with what is no blank, and the process id stands behind a blank.
    for at in 1..names.len().min(name_bytes + 1) {
        let (name, tail) = names.split_at_checked(at)?;
        if !tail.first().is_some_and(|byte| matches!(byte, b' ' | b'\t')) {
            continue;
        }
        let mut rest = Cursor::new(tail);
        rest.blanks();
        let pid = match rest.token() {
            b"?" | b"??" => None,
            word => match number(word) {
                Some(pid) => Some(pid),
                None => continue,
            },
        };
        if let Some(found) = columns(&mut rest) {
            return Some((Prefix { user, name: without_padding(name), pid }, found));
        }
    }
    None
}

/// Splits off the first columns where two of them stand without a blank between them, because the
/// user is longer than its column of `user_bytes`: the user and the command, which then cannot be
/// told apart (both are empty), or a command of all its `name_bytes` and the process id.
pub(in crate::probe) fn split_run_together<'a, T>(
    line: &'a [u8],
    (user_bytes, name_bytes): (usize, usize),
    columns: impl Fn(&mut Cursor<'a>) -> Option<T>,
) -> Option<(Prefix<'a>, T)> {
    let mut rest = Cursor::new(line);
    let user = rest.token();
    if user.len() <= user_bytes {
        return None;
    }
    rest.blanks();
    let mut alone = rest;
    if let Some(pid) = number(alone.token())
        && let Some(found) = columns(&mut alone)
    {
        return Some((Prefix { user: b"", name: b"", pid: Some(pid) }, found));
    }
    let (name, tail) = rest.rest.split_at_checked(name_bytes)?;
    let mut rest = Cursor::new(tail);
    let pid = Some(number(rest.token())?);
    let found = columns(&mut rest)?;
    Some((Prefix { user, name: without_padding(name), pid }, found))
}

/// A command without the blanks that fill its column. A newline at its end is its own.
fn without_padding(name: &[u8]) -> &[u8] {
    let end = name.iter().rposition(|byte| *byte != b' ').map_or(0, |at| at + 1);
    name.get(..end).unwrap_or(name)
}

/// A number that is the whole word.
pub(in crate::probe) fn number(word: &[u8]) -> Option<u32> {
    let mut cursor = Cursor::new(word);
    cursor.number().filter(|_| cursor.rest.is_empty())
}

/// Makes the owner the socket's. `name` is the command as it was printed.
pub(in crate::probe) fn own<'a>(socket: &mut Socket<'a>, owner: Owner<'a>, name: &[u8]) {
    socket.flags.name_has_control = HostText::new(name).has_control();
    socket.owners.push(owner);
    socket.attribution = Attribution::Owned;
}

/// What the column of the user says: a name, or a number that has none.
pub(in crate::probe) fn user(word: &[u8]) -> ProcessFact {
    match number(word) {
        Some(uid) => ProcessFact::Uid(uid),
        None => ProcessFact::User(HostText::owned(word.to_vec())),
    }
}
