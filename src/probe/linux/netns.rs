//! Which process is in which network namespace: `find` over `/proc/PID/net/tcp`, as any account.
//!
//! In: `+INODE/proc/PID/net/tcp` a line, `self` for the asking process. Out: a [`NamespaceMember`]
//! for each. Every account may read the inode of that file, while `/proc/PID/ns/net` needs
//! `CAP_SYS_PTRACE`. The kernel makes one such file for each namespace when the namespace is made
//! (`proc_create_net` in `net/ipv4/tcp_ipv4.c`), so processes of one namespace show one inode, and
//! no two namespaces share one while both are there.
//!
//! ```text
//! +4026531910/proc/self/net/tcp
//! +4026531910/proc/1/net/tcp
//! +4026532202/proc/2077/net/tcp
//! ```

use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::process::NamespaceMember;
use crate::probe::command::{Arguments, arguments};
use crate::probe::cursor::Cursor;
use crate::probe::lines::{LineParser, Lines};

/// The words after `find`. `/proc/self/` ends in `/`, or find would not follow the link. From
/// there the file is two levels down, from `/proc` three.
pub const ARGUMENTS: Arguments = arguments(&[
    "/proc/self/",
    "/proc",
    "-mindepth",
    "2",
    "-maxdepth",
    "3",
    "-type",
    "d",
    "-not",
    "-name",
    "net",
    "-prune",
    "-o",
    "-name",
    "tcp",
    "-printf",
    "+%i",
    "-print",
]);

/// A reader of the answer.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    Box::new(Lines::new(Members))
}

struct Members;

impl LineParser for Members {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if line.trim_ascii().is_empty() {
            return;
        }
        match member(line) {
            Some(member) => sink.row(span, Row::Member(member)),
            None => sink.issue(Issue::unparsed(span, "expected an inode and a path", line)),
        }
    }

    fn end(&mut self, _: &mut dyn Sink) {}
}

fn member(line: &[u8]) -> Option<NamespaceMember> {
    let mut cursor = Cursor::new(line);
    let namespace = cursor.after(b"+")?.decimal()?;
    cursor.after(b"/proc/")?;
    let pid = if cursor.eat(b"self") { None } else { Some(cursor.number()?) };
    (cursor.rest == b"/net/tcp").then_some(NamespaceMember { namespace, pid })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{read, rows};

    #[test]
    fn every_process_is_in_one_namespace() {
        let text = b"+4026531910/proc/self/net/tcp\n+4026532202/proc/2077/net/tcp\n\
            +4026532202/proc/x/net/tcp\n+1/proc/2/net/tcp6\n";
        let seen = read(reader(), text);
        let member = |namespace, pid| Row::Member(NamespaceMember { namespace, pid });
        assert_eq!(rows(&seen), [member(4_026_531_910, None), member(4_026_532_202, Some(2077))]);
        assert_eq!(seen.issues.len(), 2);
    }
}
