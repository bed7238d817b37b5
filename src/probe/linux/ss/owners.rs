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
//!
//! An owner that cannot be, with a process id over [`PID_MAX`] or a name longer than a name can be,
//! is left out, and so is what stands behind the last whole entry of a list without an end:
//! [`List::short`] says so, and the row keeps the owners that can be read.

use smallvec::SmallVec;

use crate::model::socket::Owner;
use crate::model::text::HostText;
use crate::probe::cursor::{Cursor, is_blank};
use crate::probe::linux::process::PID_MAX;

/// Longest name of a process: Linux `TASK_COMM_LEN` without its NUL, proc(5).
pub(super) const COMM_BYTES_MAX: usize = 15;

/// A list that was read.
#[derive(Default)]
pub(super) struct List<'a> {
    /// The owners, in order.
    pub(super) owners: SmallVec<[Owner<'a>; 1]>,
    /// A name could have been made to look like the list's end; start of the last entry.
    pub(super) doubtful: Option<usize>,
    /// Owners of the old form stand so close that a name could imitate two.
    pub(super) ambiguous: bool,
    /// An owner is left out: what is printed of it cannot be one.
    pub(super) short: bool,
}

/// What a list is.
pub(super) enum Found<'a> {
    /// A list; the cursor stands behind it.
    List(List<'a>),
    /// The text ends inside the entry that starts this many bytes in; the owners before it.
    Open(usize, List<'a>),
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
    let mut list = List::default();
    let modern = scan(cursor, Form::Modern, |owner| list.add(owner));
    let Err(open) = modern else {
        let entry = modern.unwrap_or(0);
        let nameless = list.owners.last().is_some_and(|owner| owner.name.bytes().is_empty());
        list.doubtful = (nameless && cursor.rest.is_empty()).then_some(entry);
        return Some(Found::List(list));
    };
    if !old_form {
        return Some(Found::Open(open, list.without_end()));
    }
    let mut old = List::default();
    *cursor = start;
    match scan(cursor, Form::Old, |owner| old.add(owner)) {
        Ok(entry) => {
            old.doubtful = cursor.rest.is_empty().then_some(entry);
            old.ambiguous = close_pair(&old.owners);
            Some(Found::List(old))
        }
        Err(_) => Some(Found::Open(open, list.without_end())),
    }
}

impl<'a> List<'a> {
    /// A list of which nothing can be read.
    pub(super) fn unreadable() -> Self {
        Self { short: true, ..Self::default() }
    }

    #[inline]
    fn add(&mut self, owner: Option<Owner<'a>>) {
        match owner {
            Some(owner) => self.owners.push(owner),
            None => self.short = true,
        }
    }

    /// What stands before an entry without an end. A name of 15 bytes can imitate the end of an
    /// entry and the beginning of the next, and only what follows gives it away: then it stands as
    /// an owner without a name.
    fn without_end(mut self) -> Self {
        self.owners.retain(|owner| !owner.name.bytes().is_empty());
        self.short = true;
        self
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
    mut found: impl FnMut(Option<Owner<'a>>),
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
        let Some(numbers) = numbers(&mut end, form) else { continue };
        let next = text.len() - end.rest.len();
        let more = end.rest.starts_with(b",(\"") && !is_name(&end, next - name_start);
        if more || ends_list(end.rest) {
            let name = text.get(name_start..quote).unwrap_or_default();
            if name.len() > COMM_BYTES_MAX {
                found(None);
                found(last_of(name).and_then(|name| owner(name, &numbers)));
            } else {
                found(owner(name, &numbers));
            }
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

/// What an entry without its name says.
struct Numbers {
    pid: u64,
    tid: Option<u64>,
    fd: u64,
}

/// An owner that can be. `None`: the process id is over [`PID_MAX`] or 0, or the descriptor over what
/// the kernel gives out.
#[inline]
fn owner<'a>(name: &'a [u8], numbers: &Numbers) -> Option<Owner<'a>> {
    let id =
        |number: u64| u32::try_from(number).ok().filter(|&number| number != 0 && number <= PID_MAX);
    let pid = id(numbers.pid)?;
    let tid = match numbers.tid {
        Some(tid) => Some(id(tid)?),
        None => None,
    };
    let fd = u32::try_from(i32::try_from(numbers.fd).ok()?).ok()?;
    Some(Owner { pid, fd: Some(fd), tid, name: HostText::new(name) })
}

/// The name of the last of several entries that were taken for one, because those before it do not
/// end as an entry does. `None` when that is no name either.
#[cold]
fn last_of(text: &[u8]) -> Option<&[u8]> {
    let at = memchr::memmem::rfind(text, b",(\"")?;
    text.get(at + 3..).filter(|name| name.len() <= COMM_BYTES_MAX)
}

/// The end of an entry behind its quote, with the `)`.
#[inline]
fn numbers(cursor: &mut Cursor<'_>, form: Form) -> Option<Numbers> {
    if form == Form::Old {
        let pid = number(cursor.after(b",")?)?;
        let fd = number(cursor.after(b",")?)?;
        return cursor.eat(b")").then_some(Numbers { pid, tid: None, fd });
    }
    if !cursor.eat(b",pid=") {
        return None;
    }
    let pid = number(cursor)?;
    let tid = if cursor.eat(b",tid=") { Some(number(cursor)?) } else { None };
    if cursor.eat(b",proc_ctx=") {
        context(cursor, b",fd=")?;
    }
    if !cursor.eat(b",fd=") {
        return None;
    }
    let fd = number(cursor)?;
    if cursor.eat(b",sock_ctx=") {
        context(cursor, b")")?;
    }
    cursor.eat(b")").then_some(Numbers { pid, tid, fd })
}

/// A decimal number; the highest there is for one that does not fit.
#[inline]
fn number(cursor: &mut Cursor<'_>) -> Option<u64> {
    cursor.decimal().or_else(|| {
        let digits = cursor.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        cursor.rest = cursor.rest.get(digits..)?;
        (digits > 0).then_some(u64::MAX)
    })
}

/// Skips a security context, which holds commas but no quote, up to `end`.
#[cold]
fn context(cursor: &mut Cursor<'_>, end: &[u8]) -> Option<()> {
    let limit = memchr::memchr(b'"', cursor.rest).unwrap_or(cursor.rest.len());
    let at = memchr::memmem::find(cursor.rest.get(..limit)?, end)?;
    cursor.rest = cursor.rest.get(at..)?;
    Some(())
}
