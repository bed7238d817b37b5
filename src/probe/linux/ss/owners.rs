//! The owner list: `users:(("name",pid=N,fd=N),("name",pid=N,fd=N))`.
//!
//! In: text from the first entry on. Out: owners, and where the list ends.
//!
//! A process chooses its name, up to 15 bytes, any byte but NUL. Each entry is found by its *end*,
//! `",pid=N[,tid=N][,proc_ctx=C],fd=N[,sock_ctx=C])` followed by `,("` or by `)` and the end of
//! the field. A name that imitates the shortest end, `",pid=1,fd=2)`, spends 13 bytes and has two
//! left: `,("` needs three, or `,(` and the quote that follows the name, behind which the true
//! numbers give it away. With `))` and a blank it spends all 15, and then the true end follows
//! at once, beginning with `"`: so a list never ends before ` "`. With `))` and a newline the row
//! looks whole with an empty last name and nothing after it: [`List::doubtful`] tells the caller
//! to look at the next line first.
//!
//! RHEL 6 prints `("name",N,N)`, which a name can imitate in six bytes. That form counts only when
//! the whole list has no modern end and nothing else in the output is modern, and is doubtful when
//! nothing follows.

use smallvec::SmallVec;

use crate::model::socket::Owner;
use crate::model::text::HostText;
use crate::probe::cursor::{Cursor, is_blank};

/// Longest name of a process: Linux `TASK_COMM_LEN` without its NUL, proc(5).
pub(super) const COMM_BYTES_MAX: usize = 15;

/// A list that was read.
pub(super) struct List<'a> {
    /// The owners, in order.
    pub(super) owners: SmallVec<[Owner<'a>; 1]>,
    /// A name could have been made to look like the list's end; start of the last entry.
    pub(super) doubtful: Option<usize>,
    /// Owners of the old form stand so close that a name could imitate two.
    pub(super) ambiguous: bool,
}

/// What a list is.
pub(super) enum Found<'a> {
    /// A list; the cursor stands behind it.
    List(List<'a>),
    /// The text ends inside the entry that starts this many bytes in.
    Open(usize),
}

/// What the rest of a broken list is.
pub(super) enum Look {
    /// It has its end.
    Whole,
    /// It ends inside the entry that starts this many bytes in.
    Open(usize),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Modern,
    Old,
}

/// Reads a list; the cursor stands at its first `("`. `None` when it does not start like one.
/// `old_form`: the command may be as old as RHEL 6.
#[inline]
pub(super) fn read<'a>(cursor: &mut Cursor<'a>, old_form: bool) -> Option<Found<'a>> {
    if !cursor.rest.starts_with(b"(\"") && !b"(\"".starts_with(cursor.rest) {
        return None;
    }
    let start = *cursor;
    let mut list = List { owners: SmallVec::new(), doubtful: None, ambiguous: false };
    let modern = scan(cursor, Form::Modern, |owner| list.owners.push(owner));
    let Err(open) = modern else {
        let entry = modern.unwrap_or(0);
        let nameless = list.owners.last().is_some_and(|owner| owner.name.bytes().is_empty());
        list.doubtful = (nameless && cursor.rest.is_empty()).then_some(entry);
        return Some(Found::List(list));
    };
    if !old_form {
        return Some(Found::Open(open));
    }
    *cursor = start;
    list.owners.clear();
    match scan(cursor, Form::Old, |owner| list.owners.push(owner)) {
        Ok(entry) => {
            list.doubtful = cursor.rest.is_empty().then_some(entry);
            list.ambiguous = close_pair(&list.owners);
            Some(Found::List(list))
        }
        Err(_) => Some(Found::Open(open)),
    }
}

/// True when two neighbours fit together into one name: `a",1,2),("b` has at most 15 bytes.
fn close_pair(owners: &[Owner<'_>]) -> bool {
    let digits = |number: u32| number.checked_ilog10().map_or(1, |log| log as usize + 1);
    owners.iter().zip(owners.iter().skip(1)).any(|(one, other)| {
        let numbers = digits(one.pid) + digits(one.fd.unwrap_or(0));
        one.name.bytes().len() + numbers + b"\",,),(\"".len() + other.name.bytes().len()
            <= COMM_BYTES_MAX
    })
}

/// Looks at the rest of a broken list without keeping anything.
pub(super) fn look(text: &[u8]) -> Look {
    match scan(&mut Cursor::new(text), Form::Modern, |_| {}) {
        Ok(_) => Look::Whole,
        Err(entry) => Look::Open(entry),
    }
}

/// Walks over the entries of a list in one pass. `Ok`: the cursor stands behind the list's `)`;
/// the value is the start of the last entry. `Err`: the text ended in the entry at that place.
#[inline]
fn scan<'a>(
    cursor: &mut Cursor<'a>,
    form: Form,
    mut found: impl FnMut(Owner<'a>),
) -> Result<usize, usize> {
    let text = cursor.rest;
    let mut entry = 0;
    // Where the name of the entry starts, and where to look for its end.
    let (mut name_start, mut from) = (2, 2);
    loop {
        let quote = match text.get(from..).and_then(|rest| memchr::memchr(b'"', rest)) {
            Some(at) => from + at,
            None => return Err(entry),
        };
        from = quote + 1;
        let mut end = Cursor::new(text.get(from..).unwrap_or_default());
        let Some((pid, tid, fd)) = numbers(&mut end, form) else { continue };
        let next = text.len() - end.rest.len();
        let more = end.rest.starts_with(b",(\"") && !is_name(&end, next - name_start);
        if more || ends_list(end.rest) {
            let name = HostText::new(text.get(name_start..quote).unwrap_or_default());
            found(Owner { pid, fd: Some(fd), tid, name });
            if !more {
                cursor.rest = text.get(next + 1..).unwrap_or_default();
                return Ok(entry);
            }
            entry = next + 1;
            (name_start, from) = (next + 3, next + 3);
        }
    }
}

/// True when an entry's end of this length, followed by `,("`, is a whole name that imitates one:
/// its last two bytes are `,(`, the quote is the true one, and the true numbers follow.
fn is_name(end: &Cursor<'_>, length: usize) -> bool {
    let mut after = Cursor::new(end.rest.get(3..).unwrap_or_default());
    length + 2 == COMM_BYTES_MAX
        && numbers(&mut after, Form::Modern).is_some()
        && (after.rest.starts_with(b",(\"") || ends_list(after.rest))
}

/// True when `)` closes the list here: nothing or a blank follows, and then no quote.
fn ends_list(rest: &[u8]) -> bool {
    match rest {
        [b')'] => true,
        [b')', blank, tail @ ..] => is_blank(*blank) && tail.first() != Some(&b'"'),
        _ => false,
    }
}

/// The end of an entry behind its quote, with the `)`.
#[inline]
fn numbers(cursor: &mut Cursor<'_>, form: Form) -> Option<(u32, Option<u32>, u32)> {
    if form == Form::Old {
        let pid = cursor.after(b",")?.number()?;
        let fd = cursor.after(b",")?.number()?;
        return cursor.eat(b")").then_some((pid, None, fd));
    }
    if !cursor.eat(b",pid=") {
        return None;
    }
    let pid = cursor.number()?;
    let tid = if cursor.eat(b",tid=") { Some(cursor.number()?) } else { None };
    if cursor.eat(b",proc_ctx=") {
        context(cursor, b",fd=")?;
    }
    if !cursor.eat(b",fd=") {
        return None;
    }
    let fd = cursor.number()?;
    if cursor.eat(b",sock_ctx=") {
        context(cursor, b")")?;
    }
    cursor.eat(b")").then_some((pid, tid, fd))
}

/// Skips a security context, which holds commas but no quote, up to `end`.
#[cold]
fn context(cursor: &mut Cursor<'_>, end: &[u8]) -> Option<()> {
    let limit = memchr::memchr(b'"', cursor.rest).unwrap_or(cursor.rest.len());
    let at = memchr::memmem::find(cursor.rest.get(..limit)?, end)?;
    cursor.rest = cursor.rest.get(at..)?;
    Some(())
}
