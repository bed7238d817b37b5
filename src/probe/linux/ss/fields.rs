//! What follows the two ends of a row: `-o`, `-e`, `-p`, `-m` and `-i` in any mixture.
//!
//! In: the rest of a row. Out: the fields that a socket record keeps; the others are known and
//! skipped. A word with a quote that belongs to none is no field: it would be the remains of a
//! process name.

use crate::model::socket::{Timer, TimerKind};
use crate::probe::cursor::Cursor;
use crate::probe::linux::ss::owners::{self, Found, List};

/// The fields of one row.
#[derive(Default)]
pub(super) struct Fields<'a> {
    /// `users:`.
    pub(super) list: Option<List<'a>>,
    /// `timer:`.
    pub(super) timer: Option<Timer>,
    /// `uid:`, left out for 0.
    pub(super) uid: Option<u32>,
    /// `ino:`.
    pub(super) inode: Option<u64>,
    /// `sk:`.
    pub(super) cookie: Option<u64>,
    /// `cgroup:`. `None` also for `unreachable:`, which is no path.
    pub(super) cgroup: Option<&'a [u8]>,
    /// `v6only:`.
    pub(super) v6only: Option<bool>,
}

/// Why fields could not be read.
pub(super) enum Trouble {
    /// The owner list has no end; bytes of the rest before the incomplete entry. The owners before it
    /// are among the fields.
    Open(usize),
    /// What stands for owners is no list of them, so what follows it may be part of a name.
    Owners,
    /// A word that is no field.
    Unknown,
}

impl Fields<'_> {
    /// Keeps what can be trusted of a row that was cut anywhere. `read`: how reading what is there
    /// went. What stands before a list without an end is whole; else any field may be cut.
    #[cold]
    pub(super) fn cut(&mut self, read: &Result<(), Trouble>) {
        let mut list = self.list.take().unwrap_or_else(List::unreadable);
        // What follows an owner tells whether it is one, and nothing follows the last.
        list.owners.pop();
        (list.short, list.doubtful) = (true, None);
        if !matches!(read, Err(Trouble::Open(_))) {
            *self = Self::default();
        }
        self.list = Some(list);
    }
}

/// Reads the rest of a row into `fields`. `old_form`: the command may be as old as RHEL 6.
#[inline]
pub(super) fn read<'a>(
    rest: &'a [u8],
    old_form: bool,
    fields: &mut Fields<'a>,
) -> Result<(), Trouble> {
    let mut cursor = Cursor::new(rest);
    let mut seen_path = false;
    loop {
        cursor.blanks();
        if cursor.rest.is_empty() {
            return Ok(());
        }
        if cursor.eat(b"users:(") {
            let before = rest.len() - cursor.rest.len();
            match owners::read(&mut cursor, old_form).ok_or(Trouble::Owners)? {
                Found::List(mut list) => {
                    list.doubtful = list.doubtful.map(|entry| before + entry);
                    fields.list = Some(list);
                }
                Found::Open(entry, list) => {
                    fields.list = Some(list);
                    return Err(Trouble::Open(before + entry));
                }
            }
        } else if cursor.eat(b"ino:") || cursor.eat(b"ino=") {
            fields.inode = Some(word(&mut cursor, Cursor::decimal)?);
        } else if cursor.eat(b"sk:") || cursor.eat(b"sk=") {
            fields.cookie = Some(word(&mut cursor, Cursor::hexadecimal)?);
        } else if cursor.eat(b"uid:") || cursor.eat(b"uid=") {
            fields.uid = Some(word(&mut cursor, Cursor::number)?);
        } else if cursor.eat(b"timer:(") {
            fields.timer = Some(timer(&mut cursor).ok_or(Trouble::Unknown)?);
        } else if !seen_path && cursor.eat(b"cgroup:") {
            // Once only: finding the end of a path may take the whole row.
            seen_path = true;
            let path = cgroup(&mut cursor);
            fields.cgroup = (!path.starts_with(b"unreachable:")).then_some(path);
        } else if cursor.eat(b"v6only:") {
            fields.v6only = Some(word(&mut cursor, Cursor::decimal)? != 0);
        } else if !cursor.eat(b"<->") {
            other(&mut cursor)?;
        }
    }
}

/// One value that fills its word.
#[inline]
fn word<'a, T>(
    cursor: &mut Cursor<'a>,
    value: impl Fn(&mut Cursor<'a>) -> Option<T>,
) -> Result<T, Trouble> {
    value(cursor).filter(|_| cursor.at_word_end()).ok_or(Trouble::Unknown)
}

/// Skips a word of `-i`, `-m`, or of a version to come.
fn other(cursor: &mut Cursor<'_>) -> Result<(), Trouble> {
    // The only field with quotes: options of a raw or UDP socket read from /proc.
    let quoted = cursor.rest.starts_with(b"opt:\"");
    let word = cursor.token();
    // Nor is a peer that stands for none: it would be the end of a unix socket's row.
    if word == b"*" || (!quoted && memchr::memchr(b'"', word).is_some()) {
        return Err(Trouble::Unknown);
    }
    Ok(())
}

/// `kind,time,retransmits)` behind `timer:(`.
fn timer(cursor: &mut Cursor<'_>) -> Option<Timer> {
    let end = cursor.rest.iter().take(64).position(|&byte| byte == b')')?;
    let (text, tail) = cursor.rest.split_at(end);
    cursor.rest = tail.get(1..)?;
    let mut parts = text.split(|&byte| byte == b',');
    let kind = match parts.next()? {
        b"on" => TimerKind::On,
        b"keepalive" => TimerKind::Keepalive,
        b"timewait" => TimerKind::TimeWait,
        b"persist" => TimerKind::Persist,
        _ => TimerKind::Unknown,
    };
    let expires_ms = Some(milliseconds(parts.next()?)?);
    let mut count = Cursor::new(parts.next()?);
    let retransmits = Some(count.number()?);
    (count.rest.is_empty() && parts.next().is_none() && cursor.at_word_end()).then_some(Timer {
        kind,
        expires_ms,
        retransmits,
    })
}

/// `12min`, `9min34sec`, `27sec`, `200ms`, empty for zero, and `1.204ms`, which means 1 s and
/// 204 ms: `ss` leaves the unit of the seconds out.
fn milliseconds(text: &[u8]) -> Option<u64> {
    let mut cursor = Cursor::new(text);
    let mut total = 0_u64;
    while !cursor.rest.is_empty() {
        let value = cursor.decimal()?;
        let unit = if cursor.eat(b"min") {
            60_000
        } else if cursor.eat(b"sec") || cursor.eat(b".") {
            1_000
        } else if cursor.eat(b"ms") {
            1
        } else {
            return None;
        };
        total = total.checked_add(value.checked_mul(unit)?)?;
    }
    Some(total)
}

/// A control group's path. It can hold blanks and be chosen by a user, so a path that is more than
/// one word is read from the end of the row: it runs to the last `v6only:` and arrow.
fn cgroup<'a>(cursor: &mut Cursor<'a>) -> &'a [u8] {
    let text = cursor.rest;
    let first = cursor.token();
    if is_tail(cursor.rest.trim_ascii_end()) {
        return first;
    }
    let trimmed = text.trim_ascii_end();
    let mut path = trimmed;
    if let Some(head) = strip_arrow(trimmed) {
        path = head.strip_suffix(b" v6only:0").or(head.strip_suffix(b" v6only:1")).unwrap_or(head);
    } else {
        // `-m` or `-i` follows on the same line; the default command asks for neither.
        for mark in [&b" v6only:"[..], b" <->", b" -->", b" <--", b" ---", b" skmem:("] {
            let end = memchr::memmem::find(path, mark).unwrap_or(path.len());
            path = path.get(..end).unwrap_or(path);
        }
    }
    cursor.rest = text.get(path.len()..).unwrap_or_default();
    path
}

/// True for what may follow a path: nothing, or `v6only:` and an arrow.
fn is_tail(rest: &[u8]) -> bool {
    if rest.is_empty() || rest == b" <->" {
        return true;
    }
    let Some(head) = strip_arrow(rest) else { return false };
    matches!(head, b"" | b" v6only:0" | b" v6only:1")
}

fn strip_arrow(text: &[u8]) -> Option<&[u8]> {
    [&b" <->"[..], b" -->", b" <--", b" ---"].iter().find_map(|arrow| text.strip_suffix(*arrow))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_a_timer_are_read_as_ss_prints_them() {
        for (text, expected) in [
            ("12min", Some(720_000)),
            ("9min34sec", Some(574_000)),
            ("27sec", Some(27_000)),
            ("1.204ms", Some(1_204)),
            ("200ms", Some(200)),
            ("", Some(0)),
            ("5", None),
            ("sec", None),
            ("99999999999999999999min", None),
        ] {
            assert_eq!(milliseconds(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn a_control_group_with_a_hostile_path_is_only_a_path() {
        for (row, path) in [
            ("cgroup:/a.slice/b.service v6only:1 <->", "/a.slice/b.service"),
            ("cgroup:/a <->   ", "/a"),
            ("cgroup:/a b  v6only:0 <--", "/a b "),
            (
                "cgroup:/x v6only:0 <-> users:((\"sshd\",pid=1,fd=3)) <->",
                "/x v6only:0 <-> users:((\"sshd\",pid=1,fd=3))",
            ),
            ("cgroup:/a b <-> skmem:(r0,rb1,t0,tb2,f0,w0,o0,bl0,d0) cubic", "/a b"),
        ] {
            let mut fields = Fields::default();
            assert!(read(row.as_bytes(), false, &mut fields).is_ok());
            assert_eq!(fields.cgroup, Some(path.as_bytes()), "{row}");
            assert!(fields.list.is_none(), "{row}");
        }
    }
}
