//! `sudo -n -l`: what the account may run as somebody else.
//!
//! ```text
//! Matching Defaults entries for reader on web-1:
//!     env_reset, !requiretty
//!
//! User reader may run the following commands on web-1:
//!     (root) NOSETENV: NOPASSWD: /usr/bin/ss -4 -n -a, /usr/bin/id
//!     (ALL : ALL) ALL
//! ```
//! A line of a rule: as whom, in parentheses; tags, each with a colon; commands with commas between
//! them, where `\` stands before a comma, colon or equals sign of a command (sudoers(5)). Tags hold
//! for the commands that follow. What is not known of a rule (`CWD=`, `TIMEOUT=`) stays in front of its
//! command, which then is another command than ours. Source: sudo(8), `-l`; sudo 1.9.13.
//!
//! Nothing comes, with status 1, where the account may run nothing without a password.

use crate::model::fact::{Fact, SudoRule};
use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::text::HostText;
use crate::probe::lines::{LineParser, Lines};

/// Commands of one line that are kept: 1,024.
const COMMANDS_MAX: usize = 1_024;

const EXPECTED: &str = "expected (USER) TAG: COMMAND";

/// Tags of sudoers(5).
const TAGS: &[&[u8]] = &[
    b"EXEC",
    b"NOEXEC",
    b"FOLLOW",
    b"NOFOLLOW",
    b"INTERCEPT",
    b"NOINTERCEPT",
    b"LOG_INPUT",
    b"NOLOG_INPUT",
    b"LOG_OUTPUT",
    b"NOLOG_OUTPUT",
    b"MAIL",
    b"NOMAIL",
    b"PASSWD",
    b"NOPASSWD",
    b"SETENV",
    b"NOSETENV",
];

/// A reader of the list.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    Box::new(Lines::new(List { rules: false }))
}

struct List {
    /// The lines that follow are rules, and not settings.
    rules: bool,
}

impl LineParser for List {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        let text = line.trim_ascii();
        if text.is_empty() {
            return;
        }
        if !line.starts_with(b" ") {
            self.rules = text.starts_with(b"User ") && text.ends_with(b":");
            return if is_title(text) {
                sink.header(span);
            } else {
                sink.issue(Issue::unparsed(span, "expected a title of sudo -l", line));
            };
        }
        if !self.rules {
            return sink.header(span);
        }
        match rules(text) {
            Some(rules) => sink.row(span, Row::Fact(Fact::SudoRules(rules))),
            None => sink.issue(Issue::unparsed(span, EXPECTED, line)),
        }
    }

    fn end(&mut self, _: &mut dyn Sink) {}
}

fn is_title(text: &[u8]) -> bool {
    const STARTS: &[&[u8]] = &[
        b"Matching Defaults entries for ",
        b"Runas and Command-specific defaults for ",
        b"User ",
        b"Sorry, user ",
    ];
    STARTS.iter().any(|start| text.starts_with(start))
}

fn rules(text: &[u8]) -> Option<Vec<SudoRule>> {
    let inner = text.strip_prefix(b"(")?;
    let (runas, rest) = inner.split_at_checked(memchr::memchr(b')', inner)?)?;
    let runas = HostText::owned(runas.trim_ascii().to_vec());
    let mut password = true;
    let mut found = Vec::new();
    for mut command in commands(rest.get(1..)?) {
        while let Some((tag, after)) = tag(command) {
            match tag {
                b"NOPASSWD" => password = false,
                b"PASSWD" => password = true,
                _ => {}
            }
            command = after;
        }
        if command.is_empty() || found.len() == COMMANDS_MAX {
            return None;
        }
        let command = HostText::owned(command.to_vec());
        found.push(SudoRule { runas: runas.clone(), password, command });
    }
    (!found.is_empty()).then_some(found)
}

/// The tag that a text begins with, and what follows it.
fn tag(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (word, rest) = text.split_at_checked(memchr::memchr(b':', text)?)?;
    TAGS.contains(&word).then(|| (word, rest.get(1..).unwrap_or_default().trim_ascii_start()))
}

/// The commands of a line, cut at each comma without a backslash before it.
fn commands(text: &[u8]) -> Vec<&[u8]> {
    let mut commands = Vec::new();
    let (mut begin, mut escaped) = (0, false);
    for (at, byte) in text.iter().enumerate() {
        if *byte == b',' && !escaped {
            commands.push(text.get(begin..at).unwrap_or_default().trim_ascii());
            begin = at + 1;
        }
        escaped = *byte == b'\\' && !escaped;
    }
    commands.push(text.get(begin..).unwrap_or_default().trim_ascii());
    commands
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{facts, read};

    fn rule(runas: &str, password: bool, command: &str) -> SudoRule {
        let text = |text: &str| HostText::owned(text.as_bytes().to_vec());
        SudoRule { runas: text(runas), password, command: text(command) }
    }

    #[test]
    fn every_command_of_a_line_is_a_rule_with_the_tags_before_it() {
        let text =
            b"Matching Defaults entries for reader on web-1:\n    env_reset, !requiretty\n\n\
            User reader may run the following commands on web-1:\n    \
            (root) NOSETENV: NOPASSWD: /a +%l\\,b\\:c, /b, PASSWD: /c, NOEXEC: CWD=/x /d\n    \
            (ALL : ALL) ALL\n";
        let seen = read(reader(), text);
        assert_eq!(
            facts(&seen),
            [
                Fact::SudoRules(vec![
                    rule("root", false, "/a +%l\\,b\\:c"),
                    rule("root", false, "/b"),
                    rule("root", true, "/c"),
                    rule("root", true, "CWD=/x /d"),
                ]),
                Fact::SudoRules(vec![rule("ALL : ALL", true, "ALL")]),
            ]
        );
        assert_eq!((seen.headers.len(), seen.issues.len()), (3, 0));
    }

    #[test]
    fn what_is_no_rule_is_an_issue_and_a_refusal_is_known() {
        let head = "User r may run the following commands on h:\n";
        for line in
            ["    ss\n", "    (root\n", "    (root) /a,\n", "    (root) NOPASSWD:\n", "what\n"]
        {
            let seen = read(reader(), [head, line].concat().as_bytes());
            assert_eq!((seen.rows.len(), seen.issues.len()), (0, 1), "{line}");
        }
        // It may be cut, which is told: an answer that broke off is not compared.
        let cut = read(reader(), [head, "    (root) /usr/bin/ss"].concat().as_bytes());
        assert_eq!((cut.rows.len(), cut.unterminated), (1, true));
        let refused = read(reader(), b"User r is not allowed to run sudo on h.\n");
        assert_eq!((refused.headers.len(), refused.issues.len()), (1, 0));
    }
}
