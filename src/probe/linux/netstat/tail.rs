//! What stands behind the state: user, inode, program, timer.
//!
//! In: the rest of a row, and which columns the header names. Out: the fields, or why not.

use crate::model::socket::{Attribution, Owner, Socket, State, Timer, TimerKind, Transport};
use crate::model::text::HostText;
use crate::probe::cursor::Cursor;
use crate::probe::linux::netstat::words::{self, Timing};
use crate::probe::linux::process::PID_MAX;

/// Columns behind the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each option of the command adds one column")]
pub(super) struct Columns {
    /// `User`, with `-e`.
    pub(super) user: bool,
    /// `Inode`, with `-e`.
    pub(super) inode: bool,
    /// `PID/Program name`, with `-p`.
    pub(super) program: bool,
    /// `Security Context`, with `-Z`.
    pub(super) context: bool,
    /// `Timer`, with `-o`.
    pub(super) timer: bool,
}

/// Why the rest could not be read.
pub(super) enum Trouble {
    /// The timer is missing behind a program: a newline in its name parted the row.
    Open,
    /// The column of programs holds no process that can be; all else is read.
    Program,
    /// What was expected.
    Bad(&'static str),
}

impl Columns {
    /// The columns that a header names. `None`: in a language that is not known.
    pub(super) fn of(header: &[u8]) -> Option<Self> {
        let at = memchr::memmem::find(header, b" State")? + b" State".len();
        let mut cursor = Cursor::new(header.get(at..)?);
        let mut has = |name: &[u8]| {
            cursor.blanks();
            cursor.eat(name)
        };
        let columns = Self {
            user: has(b"User"),
            inode: has(b"Inode"),
            program: has(b"PID/Program name"),
            context: has(b"Security Context"),
            timer: has(b"Timer"),
        };
        cursor.rest.trim_ascii().is_empty().then_some(columns)
    }

    /// The columns that a row without a header seems to have.
    #[cold]
    pub(super) fn guess(tail: &[u8]) -> Self {
        let mut cursor = Cursor::new(tail);
        let mut number = || {
            cursor.blanks();
            cursor.decimal().is_some() && cursor.at_word_end()
        };
        let numbers = number() && number();
        let rest = if numbers { cursor.rest } else { tail };
        let rest = rest.trim_ascii();
        let (before, timer) = match split_timer(rest) {
            Some((before, _)) => (before.trim_ascii(), true),
            None => (rest, false),
        };
        let program = !before.is_empty();
        Self { user: numbers, inode: numbers, program, context: false, timer }
    }
}

/// Reads the rest of a row into the socket.
#[inline]
pub(super) fn read<'a>(
    tail: &'a [u8],
    columns: Columns,
    socket: &mut Socket<'a>,
) -> Result<(), Trouble> {
    let mut cursor = Cursor::new(tail);
    if columns.user {
        cursor.blanks();
        // The kernel prints user 0 for a socket that has lost its user.
        socket.uid = user(cursor.token()).filter(|_| socket.state != State::TimeWait);
    }
    if columns.inode {
        cursor.blanks();
        let inode = cursor.decimal().filter(|_| cursor.at_word_end());
        socket.inode = Some(inode.ok_or(Trouble::Bad("expected a user and an inode"))?);
        if (socket.uid, socket.inode) == (Some(0), Some(0)) {
            socket.uid = None;
        }
    }
    let mut rest = cursor.rest;
    // There is a blank where SCTP has its timer.
    if columns.timer && (socket.transport != Transport::Sctp || rest.ends_with(b")")) {
        let Some((before, timer)) = split_timer(rest) else {
            let open = columns.program && matches!(program(rest), Some(Program::Owner(_)));
            return Err(if open { Trouble::Open } else { Trouble::Bad("expected a timer") });
        };
        socket.timer = timer;
        rest = before;
    }
    if columns.context {
        // A context holds no blank; `-` where there is none.
        rest = rest.trim_ascii_end();
        let at = memchr::memrchr(b' ', rest).ok_or(Trouble::Bad("expected a security context"))?;
        rest = rest.get(..at).unwrap_or_default();
    }
    if columns.program {
        let Some(program) = program(rest) else {
            if socket.attribution == Attribution::Unsupported {
                socket.attribution = Attribution::Ambiguous;
            }
            return Err(Trouble::Program);
        };
        if let Program::Owner(owner) = program {
            let plain = owner.name.bytes().iter().all(|byte| matches!(byte, b' '..=b'~'));
            socket.flags.name_has_control = !plain && owner.name.has_control();
            socket.owners.push(owner);
            socket.attribution = Attribution::Ambiguous;
        }
    } else if !rest.trim_ascii().is_empty() {
        return Err(Trouble::Bad("expected no more columns than the header names"));
    }
    Ok(())
}

/// A user id, printed signed (`finish_this_one`). `None`: without `-n` it is a name.
#[inline]
fn user(word: &[u8]) -> Option<u32> {
    let mut cursor = Cursor::new(word);
    if cursor.eat(b"-") {
        return cursor.number().filter(|_| cursor.rest.is_empty()).map(u32::wrapping_neg);
    }
    cursor.number().filter(|_| cursor.rest.is_empty())
}

/// What stands in the column of programs.
enum Program<'a> {
    /// `-`: none, or none that may be seen.
    Nobody,
    /// `pid/name`.
    Owner(Owner<'a>),
}

/// `pid/name` or `-`, padded with spaces. `None`: neither.
#[inline]
fn program(text: &[u8]) -> Option<Program<'_>> {
    let mut cursor = Cursor::new(text);
    cursor.blanks();
    if cursor.eat(b"-") {
        return cursor.rest.iter().all(|&byte| byte == b' ').then_some(Program::Nobody);
    }
    let pid = cursor.number().filter(|&pid| pid != 0 && pid <= PID_MAX)?;
    if !cursor.eat(b"/") {
        return None;
    }
    let blanks = cursor.rest.iter().rev().take_while(|&&byte| byte == b' ').count();
    let name = cursor.rest.get(..cursor.rest.len() - blanks)?;
    Some(Program::Owner(Owner { pid, fd: None, tid: None, name: HostText::new(name) }))
}

/// What stands before `word (seconds/retransmissions/probes)` at the end, and the timer. `None`:
/// the text does not end so. The inner `None` is `off`.
#[inline]
fn split_timer(text: &[u8]) -> Option<(&[u8], Option<Timer>)> {
    let text = text.trim_ascii_end();
    let inside = text.strip_suffix(b")")?;
    let open = memchr::memrchr(b'(', inside)?;
    let (head, numbers) = inside.split_at(open);
    // Estonian has two parentheses behind `off`.
    let head = head.strip_suffix(b"(").unwrap_or(head).strip_suffix(b" ")?;
    let word_at = memchr::memrchr(b' ', head).map_or(0, |at| at + 1);
    let (before, word) = head.split_at(word_at);
    let mut cursor = Cursor::new(numbers.get(1..)?);
    let seconds = cursor.decimal()?;
    cursor.after(b".")?;
    let hundredths = cursor.decimal()?;
    let retransmits = cursor.after(b"/")?.decimal()?;
    let probes = cursor.after(b"/")?.decimal()?;
    cursor.rest.is_empty().then_some(())?;
    let expires_ms = Some(seconds.saturating_mul(1000).saturating_add(hundredths.min(99) * 10));
    let counted = |kind, count: u64| {
        let retransmits = Some(u32::try_from(count).unwrap_or(u32::MAX));
        Timer { kind, expires_ms, retransmits }
    };
    let timer = match words::timer(word)? {
        Timing::Off => None,
        Timing::On(kind @ (TimerKind::Keepalive | TimerKind::Persist)) => {
            Some(counted(kind, probes))
        }
        Timing::On(kind) => Some(counted(kind, retransmits)),
    };
    Some((before, timer))
}
