//! Who holds which socket: `find` over `/proc/PID/fd`, the owner map for hosts without `ss`.
//!
//! In: `+TARGET/proc/PID/fd/FD`, each ended by NUL, for every descriptor open for reading and
//! writing; without `+` alone no more than its path when the target could not be read. Out: a
//! [`Holder`] for each socket. It must not know which sockets there are.
//!
//! ```text
//! +socket:[87150]/proc/312/fd/3␀+/dev/null/proc/312/fd/0␀+anon_inode:[eventpoll]/proc/312/fd/4␀
//! ```
//!
//! `%l` is the text of the link and `-print0` the path and a NUL, find(1). A file's name may hold
//! any byte but NUL, so a name that imitates an entry stays inside its own; and the kernel prints
//! an absolute path for a file, so no name can begin with `socket:[` (proc(5), `/proc/PID/fd`).
//! Reading a link does not touch the file behind it: a dead NFS server blocks nothing here.
//!
//! `-perm 700` leaves out what is not open for both reading and writing, which a socket always is;
//! `-prune` keeps find out of every folder of a process but `fd`.

use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::process::Holder;
use crate::probe::command::{Arguments, arguments};
use crate::probe::cursor::Cursor;

/// The words after `find`.
pub const ARGUMENTS: Arguments = arguments(&[
    "/proc",
    "-mindepth",
    "2",
    "-maxdepth",
    "3",
    "-type",
    "d",
    "-not",
    "-name",
    "fd",
    "-prune",
    "-o",
    "-type",
    "l",
    "-perm",
    "700",
    "-printf",
    "+%l",
    "-print0",
]);

/// Longest entry that is kept: a path of 4096 bytes, its mark and `/proc/PID/fd/FD`.
const ENTRY_BYTES_MAX: usize = 4096 + 64;

/// A reader of the answer.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    Box::new(Owners::default())
}

#[derive(Default)]
struct Owners {
    /// Start of an entry whose end has not come, at most one byte more than may be.
    carry: Vec<u8>,
    /// Bytes of the unfinished entry, kept or not.
    pending: u64,
    entry: u64,
    start: u64,
}

impl Reader for Owners {
    fn push(&mut self, chunk: &[u8], sink: &mut dyn Sink) {
        let mut rest = chunk;
        while let Some(at) = memchr::memchr(0, rest) {
            let (entry, tail) = rest.split_at(at);
            self.hold(entry);
            let kept = std::mem::take(&mut self.carry);
            self.complete(&kept, 1, sink);
            self.carry = kept;
            self.carry.clear();
            rest = tail.get(1..).unwrap_or_default();
        }
        self.hold(rest);
    }

    fn finish(&mut self, sink: &mut dyn Sink) {
        if self.pending > 0 {
            let kept = std::mem::take(&mut self.carry);
            let span =
                Span { line: self.entry + 1, start: self.start, end: self.start + self.pending };
            sink.issue(Issue::unparsed(span, "the last entry has no end", &kept));
        }
    }
}

impl Owners {
    fn hold(&mut self, bytes: &[u8]) {
        let room = (ENTRY_BYTES_MAX + 1).saturating_sub(self.carry.len());
        self.carry.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        self.pending += bytes.len() as u64;
    }

    fn complete(&mut self, entry: &[u8], end_bytes: u64, sink: &mut dyn Sink) {
        self.entry += 1;
        let end = self.start + self.pending + end_bytes;
        let span = Span { line: self.entry, start: self.start, end };
        (self.start, self.pending) = (end, 0);
        match holder(entry) {
            Some(Entry::Holder(holder)) => sink.row(span, Row::Holder(holder)),
            // Files, pipes and the like: known, and of no interest.
            Some(Entry::Other) => sink.header(span),
            None => sink.issue(Issue::unparsed(span, "expected a link and a descriptor", entry)),
        }
    }
}

enum Entry {
    Holder(Holder),
    Other,
}

fn holder(entry: &[u8]) -> Option<Entry> {
    let rest = entry.strip_prefix(b"+")?;
    let mut cursor = Cursor::new(rest);
    if cursor.eat(b"socket:[") {
        let inode = cursor.decimal()?;
        let (pid, fd) = descriptor(cursor.after(b"]")?)?;
        return Some(Entry::Holder(Holder { inode: Some(inode), pid, fd }));
    }
    if let Some((pid, fd)) = descriptor(&mut cursor) {
        return Some(Entry::Holder(Holder { inode: None, pid, fd }));
    }
    let at = memchr::memmem::rfind(rest, b"/proc/")?;
    descriptor(&mut Cursor::new(rest.get(at..)?)).map(|_| Entry::Other)
}

/// `/proc/PID/fd/FD` and the end.
fn descriptor(cursor: &mut Cursor<'_>) -> Option<(u32, u32)> {
    let pid = cursor.after(b"/proc/")?.number()?;
    let fd = cursor.after(b"/fd/")?.number()?;
    cursor.rest.is_empty().then_some((pid, fd))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{read, rows};

    fn held(inode: Option<u64>, pid: u32, fd: u32) -> Row<'static> {
        Row::Holder(Holder { inode, pid, fd })
    }

    #[test]
    fn sockets_are_holders_and_other_descriptors_are_known() {
        let text = b"+socket:[87150]/proc/312/fd/3\0+/dev/null/proc/312/fd/0\0\
            +anon_inode:[eventpoll]/proc/312/fd/4\0+/proc/1/fd/5\0";
        let seen = read(reader(), text);
        assert_eq!(rows(&seen), [held(Some(87_150), 312, 3), held(None, 1, 5)]);
        assert_eq!(seen.issues, []);
    }

    #[test]
    fn a_file_whose_name_imitates_an_entry_claims_no_socket() {
        let text = b"+/tmp/a\n+socket:[7]/proc/1/fd/3/proc/666/fd/9\0\
            +/tmp/+socket:[7]/proc/1/fd/3/proc/666/fd/10\0+socket:[8]/proc/2/fd/1\0";
        let seen = read(reader(), text);
        assert_eq!(rows(&seen), [held(Some(8), 2, 1)]);
        assert_eq!(seen.issues, []);
    }

    #[test]
    fn what_is_cut_or_no_entry_is_an_issue() {
        let seen = read(
            reader(),
            b"socket:[1]/proc/1/fd/1\0+socket:[1]/proc/1/fd/1x\0+socket:[1]/proc/1/fd/1",
        );
        assert_eq!(rows(&seen), []);
        assert_eq!(seen.issues.len(), 3);
    }
}
