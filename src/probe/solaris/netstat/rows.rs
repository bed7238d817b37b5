//! From lines to rows: puts together rows of several lines, and owners of one socket.
//!
//! In: lines. Out: sockets, users of processes, headers, issues; each line with text in exactly one
//! of them. Holds a row that is not finished, at most [`HELD_LINES_MAX`] lines, and for illumos the
//! last socket, because the next row may name one more owner of it.

use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::process::ProcessFact;
use crate::model::socket::{Family, Socket, Transport};
use crate::probe::lines::{LineParser, Lines, rejoin};
use crate::probe::solaris::netstat::row::{self, Reading};
use crate::probe::solaris::netstat::section::{Layout, Section};
use crate::probe::solaris::netstat::tail::Named;
use crate::probe::solaris::netstat::{Dialect, Part};
use crate::probe::solaris::words::owned;

/// Most lines of one row: a name has at most 15 bytes, each could be a newline.
const HELD_LINES_MAX: usize = 17;
/// Longest row that is still waited for: two ends of 45 characters and 200 of all else, with room.
const HELD_BYTES_MAX: usize = 1024;
/// Most owners that are added to one socket.
const OWNERS_MAX: usize = 4096;
/// `User` has 8 characters and is cut to them: a name as long may be a longer one.
const USER_WIDTH: usize = 8;

const EXPECTED_WHOLE: &str = "expected a whole row: ends, numbers and a state in their columns";

/// See [`crate::probe::solaris::netstat::reader`].
pub(super) fn reader(dialect: Dialect, part: Part) -> Box<dyn Reader> {
    let (layout, told) = (Layout::new(), None);
    let rows = Rows { dialect, part, layout, held: None, pending: None, told };
    Box::new(Lines::new(rows))
}

struct Rows {
    dialect: Dialect,
    part: Part,
    layout: Layout,
    /// Lines of a row that is not finished.
    held: Option<Held>,
    /// The last socket of illumos.
    pending: Option<Pending>,
    /// The process whose user was told last.
    told: Option<u32>,
}

struct Held {
    lines: Vec<(Span, Vec<u8>)>,
    /// The lines joined.
    bytes: Vec<u8>,
    /// The first line reads as a row, but its columns stand too far left.
    misplaced: bool,
}

struct Pending {
    span: Span,
    socket: Socket<'static>,
    users: Vec<(u32, ProcessFact)>,
}

impl LineParser for Rows {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        match self.held.take() {
            None => self.fresh(span, line, sink),
            Some(held) => self.resume(held, span, line, sink),
        }
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        while let Some(held) = self.held.take() {
            self.give_up(held, sink);
        }
        self.flush(sink);
    }
}

impl Rows {
    /// Reads a line that starts something.
    fn fresh(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if line.trim_ascii().is_empty() {
            return;
        }
        let known = self.layout.section == Section::Unix || self.layout.take(line);
        if known {
            self.flush(sink);
            return sink.header(span);
        }
        let misplaced = match row::read(line, &self.layout) {
            Reading::Row { socket, named, genuine: true } => {
                return self.give(span, *socket, named, sink);
            }
            Reading::Row { .. } => true,
            Reading::Open => false,
            Reading::Extra => {
                self.flush(sink);
                return sink.header(span);
            }
            Reading::Bad(expected) => {
                self.flush(sink);
                return sink.issue(Issue::unparsed(span, expected, line));
            }
        };
        let mut bytes = Vec::new();
        rejoin(&mut bytes, span, line);
        self.held = Some(Held { lines: vec![(span, bytes.clone())], bytes, misplaced });
    }

    /// Decides whether a line goes on with the held row.
    fn resume(&mut self, mut held: Held, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if self.stops(&held, line) {
            self.give_up_for(held, span, line, sink);
            return;
        }
        // Only a newline in a name is data.
        held.bytes.push(if self.layout.owners { b'\n' } else { b' ' });
        rejoin(&mut held.bytes, span, line);
        let mut kept = Vec::new();
        rejoin(&mut kept, span, line);
        held.lines.push((span, kept));
        let open = match row::read(&held.bytes, &self.layout) {
            Reading::Row { mut socket, named, genuine: true } => {
                socket.flags.name_has_control |= self.layout.owners;
                let start = held.lines.first().map_or(span, |(first, _)| *first);
                let whole = Span { end: span.end, ..start };
                return self.give(whole, *socket, named, sink);
            }
            Reading::Row { .. } | Reading::Open => true,
            Reading::Extra | Reading::Bad(_) => false,
        };
        match open {
            false => self.give_up(held, sink),
            true if self.is_hopeless(&held) => self.drop_all(held, sink),
            true => self.held = Some(held),
        }
    }

    fn is_hopeless(&self, held: &Held) -> bool {
        let lines = if self.layout.owners { HELD_LINES_MAX } else { 3 };
        held.lines.len() > lines || held.bytes.len() > HELD_BYTES_MAX
    }

    /// True when a line cannot be a part of the held row.
    fn stops(&self, held: &Held, line: &[u8]) -> bool {
        let mut layout = self.layout;
        let header = layout.take(line);
        if !self.layout.owners {
            return header || line.trim_ascii().is_empty() || self.is_row(line);
        }
        // A title is short enough to be part of a name; a header and its dashes are not.
        if header && line.len() > HELD_LINES_MAX {
            return true;
        }
        match row::read(line, &self.layout) {
            Reading::Row { genuine, .. } => genuine || held.misplaced,
            // The name is the last of an open row: before it stand two columns for ends.
            Reading::Open => self.layout.command_width.is_some_and(|width| line.len() > 2 * width),
            _ => false,
        }
    }

    fn is_row(&self, line: &[u8]) -> bool {
        matches!(row::read(line, &self.layout), Reading::Row { .. })
    }

    /// The first line held is no row; those behind it are read anew.
    fn give_up(&mut self, held: Held, sink: &mut dyn Sink) {
        self.flush(sink);
        let mut lines = held.lines.into_iter();
        if let Some((span, line)) = lines.next() {
            sink.issue(Issue::unparsed(span, EXPECTED_WHOLE, &line));
        }
        for (span, line) in lines {
            self.line(span, &line, sink);
        }
    }

    /// Nothing held became a row; what is a title is one.
    fn drop_all(&mut self, held: Held, sink: &mut dyn Sink) {
        self.flush(sink);
        for (span, line) in held.lines {
            if self.layout.take(&line) {
                sink.header(span);
            } else if !line.trim_ascii().is_empty() {
                sink.issue(Issue::unparsed(span, EXPECTED_WHOLE, &line));
            }
        }
    }

    fn give_up_for(&mut self, held: Held, span: Span, line: &[u8], sink: &mut dyn Sink) {
        self.give_up(held, sink);
        self.line(span, line, sink);
    }

    /// Hands out a row, or holds it for one more owner.
    fn give(
        &mut self,
        span: Span,
        socket: Socket<'_>,
        named: Option<Named<'_>>,
        sink: &mut dyn Sink,
    ) {
        let elsewhere = socket.transport == Transport::Sctp
            && match self.part {
                Part::All => false,
                Part::Ipv4 => socket.family == Family::Ipv6,
                Part::Ipv6 => socket.family == Family::Ipv4,
            };
        if elsewhere {
            self.flush(sink);
            return sink.header(span);
        }
        let user = named.and_then(|named| Some((named.pid, user(named.user)?)));
        if self.dialect == Dialect::Illumos {
            self.hold(span, socket.into_owned(), user, sink);
        } else {
            sink.row(span, Row::Socket(socket));
            self.tell(span, user, sink);
        }
    }

    /// Adds an owner to the last socket, or hands that out and holds this one.
    fn hold(
        &mut self,
        span: Span,
        socket: Socket<'static>,
        user: Option<(u32, ProcessFact)>,
        sink: &mut dyn Sink,
    ) {
        if let Some(pending) = &mut self.pending
            && pending.is_of(span, &socket)
        {
            pending.span.end = span.end;
            pending.socket.flags.truncated |= socket.flags.truncated;
            pending.socket.flags.name_has_control |= socket.flags.name_has_control;
            pending.socket.owners.extend(socket.owners);
            pending.users.extend(user);
            return;
        }
        self.flush(sink);
        self.pending = Some(Pending { span, socket, users: user.into_iter().collect() });
    }

    fn flush(&mut self, sink: &mut dyn Sink) {
        if let Some(Pending { span, socket, users }) = self.pending.take() {
            sink.row(span, Row::Socket(socket));
            self.tell(span, users, sink);
        }
    }

    /// Tells the users of processes, each once for rows of one process that follow one another.
    fn tell(
        &mut self,
        span: Span,
        users: impl IntoIterator<Item = (u32, ProcessFact)>,
        sink: &mut dyn Sink,
    ) {
        for (pid, fact) in users {
            if self.told != Some(pid) {
                self.told = Some(pid);
                sink.row(span, Row::Process(pid, fact));
            }
        }
    }
}

impl Pending {
    /// True when a row is the same socket with one more owner.
    fn is_of(&self, span: Span, other: &Socket<'_>) -> bool {
        let one = &self.socket;
        let [first] = other.owners.as_slice() else { return false };
        self.span.end == span.start
            && one.local.port.is_some()
            && one.owners.len() < OWNERS_MAX
            && !one.owners.is_empty()
            && one.owners.iter().all(|owner| owner.pid != first.pid)
            && one.transport == other.transport
            && one.local == other.local
            && one.remote == other.remote
            && (one.state, &one.state_raw) == (other.state, &other.state_raw)
            && one.bind_device == other.bind_device
            && (one.recv_queue_bytes, one.send_queue_bytes)
                == (other.recv_queue_bytes, other.send_queue_bytes)
    }
}

/// What the column says of the user. `None` where it may be cut.
fn user(word: &[u8]) -> Option<ProcessFact> {
    if let Some(uid) = row::user_id(word) {
        return Some(ProcessFact::Uid(uid));
    }
    let plain = !word.is_empty() && word.len() < USER_WIDTH && !word.starts_with(b"(");
    plain.then(|| ProcessFact::User(owned(word)))
}
