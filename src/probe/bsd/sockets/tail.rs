//! What follows the state on macOS: counters, process, flags.
//!
//! In: the rest of a row, and the columns it should have. Out: owner and attribution, or why not.

use crate::model::socket::{Attribution, Owner, Socket};
use crate::model::text::HostText;
use crate::probe::bsd::network::{number, words};
use crate::probe::bsd::sockets::header::{Field, Tail};

/// Most bytes of a process name: 32. The kernel keeps 16 of the command's name, or 32 of the longer
/// one (xnu `MAXCOMLEN`, `2 * MAXCOMLEN`).
pub(super) const NAME_MAX: usize = 32;

/// `SS_NOFDREF` of xnu: no descriptor refers to the socket.
const NO_DESCRIPTOR: u64 = 0x1;

/// Form C and D without a header, from the socket's state on.
const BEHIND: [Field; 8] = [
    Field::State,
    Field::Hex(8),
    Field::Hex(16),
    Field::Hex(8),
    Field::Hex(8),
    Field::Number,
    Field::Number,
    Field::Hex(6),
];
/// `rhiwat shiwat pid epid`.
const PROCESS: [Field; 4] = [Field::Number, Field::Number, Field::Pid, Field::Number];
/// Two or four counters.
const COUNTERS: [Field; 4] = [Field::Number; 4];

/// Why the rest could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The end is missing behind the start of a name: a newline in it may have parted the row.
    Open,
    /// What was expected.
    Bad(&'static str),
}

/// Reads the rest of a row into the socket.
#[inline]
pub(super) fn read<'a>(
    rest: &'a [u8],
    tail: &Tail,
    socket: &mut Socket<'a>,
) -> Result<(), Trouble> {
    match tail {
        Tail::Any(most, _) if words(rest).nth(*most).is_none() => Ok(()),
        Tail::Any(..) => Err(Trouble::Bad("expected no more words than the header has columns")),
        Tail::Empty if rest.trim_ascii().is_empty() => Ok(()),
        Tail::Empty => Err(Trouble::Bad("expected no more columns than the header names")),
        Tail::Counted(fields) => {
            let seen = counted(rest, fields);
            seen.map(|seen| seen.tell(socket, HostText::default()))
                .ok_or(Trouble::Bad("expected the numbers that the header names"))
        }
        Tail::Named(before, behind) => named(rest, before, behind, socket),
    }
}

/// Reads the rest of a row that no header explains.
#[cold]
pub(super) fn guess<'a>(rest: &'a [u8], socket: &mut Socket<'a>) -> Result<(), Trouble> {
    if named(rest, &COUNTERS, &BEHIND, socket).is_ok() {
        return Ok(());
    }
    let two = COUNTERS.get(..2).unwrap_or_default();
    let short = BEHIND.get(..2).unwrap_or_default();
    let forms: [&[&[Field]]; 8] = [
        &[],
        &[two],
        &[&PROCESS],
        &[&PROCESS, short],
        &[&PROCESS, &BEHIND],
        &[two, &PROCESS],
        &[two, &PROCESS, short],
        &[two, &PROCESS, &BEHIND],
    ];
    let seen = forms.iter().find_map(|form| counted(rest, &form.concat()));
    let seen = seen.ok_or(Trouble::Bad("expected a row of netstat with its header"))?;
    seen.tell(socket, HostText::default());
    Ok(())
}

/// What the numbers say.
#[derive(Clone, Copy, Default)]
struct Seen {
    pid: Option<u32>,
    state: Option<u64>,
}

impl Seen {
    /// Takes one column. `None`: it is not of its kind.
    #[inline]
    fn take(&mut self, field: Field, word: &[u8]) -> Option<()> {
        match field {
            // Counts of references may be negative.
            Field::Number => {
                let digits = word.strip_prefix(b"-").unwrap_or(word);
                (!digits.is_empty() && digits.iter().all(u8::is_ascii_digit)).then_some(())
            }
            Field::Pid => {
                self.pid = Some(number(word)?);
                Some(())
            }
            Field::State => {
                self.state = Some(hex(word, 4)?);
                Some(())
            }
            Field::Hex(digits) => hex(word, digits).map(|_| ()),
        }
    }

    #[inline]
    fn tell<'a>(self, socket: &mut Socket<'a>, name: HostText<'a>) {
        let Some(pid) = self.pid else { return };
        if pid == 0 || self.state.is_some_and(|state| state & NO_DESCRIPTOR != 0) {
            socket.attribution = Attribution::Kernel;
            return;
        }
        let plain = name.bytes().iter().all(|byte| matches!(byte, b' '..=b'~'));
        socket.flags.name_has_control = !plain && name.has_control();
        socket.owners.push(Owner { pid, fd: None, tid: None, name });
        socket.attribution = Attribution::Owned;
    }
}

/// At least so many hexadecimal digits, perhaps behind `0x`.
#[inline]
fn hex(word: &[u8], least: usize) -> Option<u64> {
    let digits = word.strip_prefix(b"0x").unwrap_or(word);
    if digits.len() < least {
        return None;
    }
    let mut cursor = crate::probe::cursor::Cursor::new(digits);
    cursor.hexadecimal().filter(|_| cursor.rest.is_empty())
}

/// Exactly these columns.
#[inline]
fn counted(rest: &[u8], fields: &[Field]) -> Option<Seen> {
    let mut seen = Seen::default();
    let mut words = words(rest);
    for field in fields {
        seen.take(*field, words.next()?)?;
    }
    words.next().is_none().then_some(seen)
}

/// Columns, `process:pid`, columns: the last ones are read from the end, because the name may hold
/// anything.
#[inline]
fn named<'a>(
    rest: &'a [u8],
    before: &[Field],
    behind: &[Field],
    socket: &mut Socket<'a>,
) -> Result<(), Trouble> {
    let mut seen = Seen::default();
    let mut text = rest;
    for field in before {
        let start = text.iter().position(|&byte| byte != b' ').unwrap_or(text.len());
        let word = text.get(start..).unwrap_or_default();
        let end = memchr::memchr(b' ', word).unwrap_or(word.len());
        let (word, after) = word.split_at(end);
        seen.take(*field, word).ok_or(Trouble::Bad("expected counters in front of the process"))?;
        text = after;
    }
    let padding = text.iter().position(|&byte| byte != b' ').unwrap_or(text.len());
    let text = text.get(padding..).unwrap_or_default();
    // What is too long for a name is torn, whatever follows.
    let trouble = || match text.len() {
        0..=NAME_MAX => Trouble::Open,
        _ => Trouble::Bad("expected `process:pid` and every column behind it"),
    };
    let head = behind_process(text, behind, &mut seen).ok_or_else(trouble)?;
    let colon = memchr::memrchr(b':', head).ok_or_else(trouble)?;
    let (name, pid) = head.split_at(colon);
    seen.pid = Some(pid.get(1..).and_then(number).ok_or_else(trouble)?);
    if name.len() > NAME_MAX {
        return Err(Trouble::Bad("expected a name of a process, which is no longer than 32 bytes"));
    }
    seen.tell(socket, HostText::new(name));
    Ok(())
}

/// Takes the columns behind the process off, the last first.
#[inline]
fn behind_process<'a>(text: &'a [u8], fields: &[Field], seen: &mut Seen) -> Option<&'a [u8]> {
    let trim = |text: &'a [u8]| {
        let blanks = text.iter().rev().take_while(|&&byte| byte == b' ').count();
        text.get(..text.len() - blanks).unwrap_or_default()
    };
    let mut head = trim(text);
    for field in fields.iter().rev() {
        let at = memchr::memrchr(b' ', head)?;
        let (before, word) = head.split_at(at);
        seen.take(*field, word.get(1..)?)?;
        head = trim(before);
    }
    Some(head)
}
