//! `whoami.exe /user /fo csv /nh` and `/groups /fo csv /nh`: the account and its groups.
//!
//! ```text
//! "web-1\collector","S-1-5-21-1004336348-1177238915-682003330-1001"
//! "BUILTIN\Administrators","Alias","S-1-5-32-544","Mandatory group, Enabled by default, Enabled group"
//! "Mandatory Label\High Mandatory Level","Label","S-1-16-12288",""
//! ```
//! Quoted fields with commas between them: name and security identifier; of a group name, kind,
//! identifier and attributes. Names, kinds and attributes are in the language of the system, the
//! identifiers are not. `/nh` leaves out the titles. Source: Microsoft, whoami; "Security
//! identifiers".
//!
//! Decisions:
//! - A group goes out as its identifier, a blank and its name: `S-1-5-32-544 BUILTIN\Administrators`
//!   is found in any language. All of them are one fact, on the line of the last.
//! - The integrity label is one of them: `S-1-16-12288` (high) or `S-1-16-16384` (system) says that
//!   the account's rights are raised. That a group only denies is told in words alone, so it is not
//!   read; an account whose rights are not raised shows it by the label.

use crate::model::fact::Fact;
use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::text::HostText;
use crate::probe::lines::{LineParser, Lines};

/// Most groups of one account that are kept: 1,024. A token of Windows holds 1,015.
const GROUPS_MAX: usize = 1_024;

/// A reader of `/user`.
#[must_use]
pub fn user_reader() -> Box<dyn Reader> {
    Box::new(Lines::new(User))
}

/// A reader of `/groups`.
#[must_use]
pub fn groups_reader() -> Box<dyn Reader> {
    Box::new(Lines::new(Groups { names: Vec::new(), last: None }))
}

struct User;

impl LineParser for User {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if line.trim_ascii().is_empty() {
            return;
        }
        match fields(line).as_deref() {
            Some([name, identifier]) if is_identifier(identifier) && !name.is_empty() => {
                sink.row(span, Row::Fact(Fact::AccountName(HostText::owned(name.clone()))));
            }
            _ => sink.issue(Issue::unparsed(span, "expected \"NAME\",\"S-1-...\"", line)),
        }
    }

    fn end(&mut self, _: &mut dyn Sink) {}
}

struct Groups {
    names: Vec<HostText<'static>>,
    last: Option<Span>,
}

impl LineParser for Groups {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if line.trim_ascii().is_empty() {
            return;
        }
        let fields = fields(line);
        let Some([name, _, identifier, ..]) = fields.as_deref() else {
            return sink.issue(Issue::unparsed(span, EXPECTED, line));
        };
        if !is_identifier(identifier) || self.names.len() == GROUPS_MAX {
            return sink.issue(Issue::unparsed(span, EXPECTED, line));
        }
        let group = [identifier.as_slice(), name].join(&b' ');
        self.names.push(HostText::owned(group.trim_ascii_end().to_vec()));
        if let Some(before) = self.last.replace(span) {
            sink.header(before);
        }
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        if let Some(span) = self.last.take() {
            sink.row(span, Row::Fact(Fact::AccountGroups(std::mem::take(&mut self.names))));
        }
    }
}

const EXPECTED: &str = "expected \"NAME\",\"KIND\",\"S-1-...\",\"ATTRIBUTES\"";

/// `S-1-5-32-544`.
fn is_identifier(text: &[u8]) -> bool {
    let rest = text.strip_prefix(b"S-1-");
    rest.is_some_and(|rest| rest.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-'))
}

/// Fields in quotes with commas between them; a quote inside is doubled.
pub(super) fn fields(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut fields = Vec::new();
    let mut rest = line.trim_ascii();
    loop {
        rest = rest.strip_prefix(b"\"")?;
        let mut field = Vec::new();
        loop {
            let quote = memchr::memchr(b'"', rest)?;
            field.extend_from_slice(rest.get(..quote)?);
            rest = rest.get(quote + 1..)?;
            match rest.strip_prefix(b"\"") {
                Some(after) => {
                    field.push(b'"');
                    rest = after;
                }
                None => break,
            }
        }
        fields.push(field);
        match rest.strip_prefix(b",") {
            Some(after) => rest = after,
            None => return rest.is_empty().then_some(fields),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{facts, read};

    #[test]
    fn groups_are_known_by_their_identifier_in_any_language() {
        let text = b"\"Jeder\",\"Bekannte Gruppe\",\"S-1-1-0\",\"Verbindliche Gruppe, Standardm\x84\xe1ig aktiviert\"\r\n\
            \"VORDEFINIERT\\Administratoren\",\"Alias\",\"S-1-5-32-544\",\"\"\r\n\
            \"X \"\"Y\"\"\",\"Bezeichnung\",\"S-1-16-12288\",\"\"\r\nnothing\r\n";
        let seen = read(groups_reader(), text);
        let groups = [
            b"S-1-1-0 Jeder".as_slice(),
            b"S-1-5-32-544 VORDEFINIERT\\Administratoren",
            b"S-1-16-12288 X \"Y\"",
        ];
        let groups = groups.map(HostText::new).to_vec();
        assert_eq!(facts(&seen), [Fact::AccountGroups(groups)]);
        assert_eq!((seen.headers.len(), seen.issues.len()), (2, 1));
    }

    #[test]
    fn the_account_has_a_name_and_an_identifier() {
        let seen = read(user_reader(), b"\"web-1\\collector\",\"S-1-5-21-1-2-3-1001\"\r\n");
        assert_eq!(facts(&seen), [Fact::AccountName(HostText::new(b"web-1\\collector"))]);
        for text in
            ["\"a\",\"b\"\r\n", "a,S-1-5\r\n", "\"a\",\"S-1-5", "\"a\r\n", "\"\",\"S-1-5\"\r\n"]
        {
            let seen = read(user_reader(), text.as_bytes());
            assert_eq!((seen.rows.len(), seen.issues.len()), (0, 1), "{text}");
        }
    }
}
