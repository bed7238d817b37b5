//! `ps -A -o pid= -o ppid= -o uid= -o comm=`: every process with its parent, user and name.
//!
//! ```text
//!     1     0     0 /sbin/launchd
//!   812     1     0 sshd
//!  4711     1    70 my server
//! ```
//! Process id, parent's, effective user (its number, or with `-o user=` its name), command; no
//! titles. The first three are right-aligned numbers or padded words, so the command begins behind
//! the blanks after the third and goes to the end of the line. Source: POSIX, ps(1) of each system.
//!
//! Decisions:
//! - The name is what stands behind the last `/`. macOS, Solaris and AIX print `argv[0]`, which the
//!   process itself chose and which is often a path: it is not taken for the path of the binary.
//!   FreeBSD and OpenBSD print the kernel's name of the command, NetBSD does with `ucomm`.
//! - A process without a command (`<defunct>` or nothing) has no name.
//! - The numbers of accounts below zero (`-2`, nobody) are what 32 bits without a sign make of them.
//! - A line that does not begin with these columns is an issue. The BSDs and macOS escape control
//!   characters of a command, so that it cannot make lines.

use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::process::ProcessFact;
use crate::model::text::HostText;
use crate::probe::cursor::Cursor;
use crate::probe::lines::{LineParser, Lines};

/// What the third column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// The number of the user.
    Number,
    /// Its name, or the number where it has none.
    Name,
}

/// A reader of the answer.
#[must_use]
pub fn reader(account: Account) -> Box<dyn Reader> {
    Box::new(Lines::new(Ps { account }))
}

/// A reader of the answer with numbers of users.
#[must_use]
pub fn uid_reader() -> Box<dyn Reader> {
    reader(Account::Number)
}

/// A reader of the answer with names of users.
#[must_use]
pub fn user_reader() -> Box<dyn Reader> {
    reader(Account::Name)
}

struct Ps {
    account: Account,
}

impl LineParser for Ps {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if line.trim_ascii().is_empty() {
            return;
        }
        let Some((pid, facts)) = self.process(line) else {
            return sink.issue(Issue::unparsed(span, "expected PID PPID USER COMMAND", line));
        };
        for fact in facts.into_iter().flatten() {
            sink.row(span, Row::Process(pid, fact));
        }
    }

    fn end(&mut self, _: &mut dyn Sink) {}
}

impl Ps {
    fn process(&self, line: &[u8]) -> Option<(u32, [Option<ProcessFact>; 3])> {
        let mut rest = Cursor::new(line);
        rest.blanks();
        let pid = word_number(&mut rest)?;
        rest.blanks();
        let parent = word_number(&mut rest)?;
        rest.blanks();
        let word = rest.token();
        let user = match (self.account, user_number(word)) {
            (_, Some(number)) => ProcessFact::Uid(number),
            (Account::Number, None) => return None,
            (Account::Name, None) if word.is_empty() => return None,
            (Account::Name, None) => ProcessFact::User(HostText::owned(word.to_vec())),
        };
        let command = rest.rest.trim_ascii();
        let name = command.rsplit(|byte| *byte == b'/').next().unwrap_or(command);
        let name = if name.is_empty() { command } else { name };
        let named = !name.is_empty() && name != b"<defunct>";
        let name = named.then(|| ProcessFact::Name(HostText::owned(name.to_vec())));
        Some((pid, [Some(ProcessFact::Parent(parent)), Some(user), name]))
    }
}

/// A number that ends at a blank.
fn word_number(rest: &mut Cursor<'_>) -> Option<u32> {
    let mut word = Cursor::new(rest.token());
    word.number().filter(|_| word.rest.is_empty())
}

fn user_number(word: &[u8]) -> Option<u32> {
    let digits = word.strip_prefix(b"-").unwrap_or(word);
    let mut cursor = Cursor::new(digits);
    let number: u32 = cursor.number().filter(|_| cursor.rest.is_empty())?;
    Some(if digits.len() < word.len() { number.wrapping_neg() } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{read, rows};

    fn named(pid: u32, parent: u32, user: ProcessFact, name: &str) -> Vec<Row<'static>> {
        let name = ProcessFact::Name(HostText::owned(name.as_bytes().to_vec()));
        [ProcessFact::Parent(parent), user, name].map(|fact| Row::Process(pid, fact)).to_vec()
    }

    #[test]
    fn a_name_is_the_last_part_of_a_path_and_may_hold_blanks() {
        let text = b"    1     0     0 /sbin/launchd\n  501     1   501 /Applications/My App.app/My App  \n\
            77 1 -2 -zsh\n88 1 0 server: /run/x: idle\n";
        let expected = [
            named(1, 0, ProcessFact::Uid(0), "launchd"),
            named(501, 1, ProcessFact::Uid(501), "My App"),
            named(77, 1, ProcessFact::Uid(4_294_967_294), "-zsh"),
            named(88, 1, ProcessFact::Uid(0), "x: idle"),
        ];
        assert_eq!(rows(&read(uid_reader(), text)), expected.concat());
    }

    #[test]
    fn names_of_users_are_read_where_they_are_asked_for() {
        let user = ProcessFact::User(HostText::new(b"collector"));
        let text = b"  812     1 collector sshd\n";
        assert_eq!(rows(&read(user_reader(), text)), named(812, 1, user, "sshd"));
        let seen = read(uid_reader(), text);
        assert_eq!((seen.rows.len(), seen.issues.len()), (0, 1));
    }

    #[test]
    fn a_process_without_a_command_has_no_name() {
        for text in ["9 1 0 <defunct>\n", "9 1 0\n", "9 1 0   \n"] {
            let seen = read(uid_reader(), text.as_bytes());
            let facts = [ProcessFact::Parent(1), ProcessFact::Uid(0)];
            assert_eq!(rows(&seen), facts.map(|fact| Row::Process(9, fact)), "{text}");
        }
    }

    #[test]
    fn lines_without_the_columns_are_issues() {
        for text in ["PID PPID UID COMMAND\n", "1 0\n", "x 1 0 a\n", "-1 0 0 a\n"] {
            let seen = read(uid_reader(), text.as_bytes());
            assert_eq!((seen.rows.len(), seen.issues.len()), (0, 1), "{text}");
        }
    }
}
