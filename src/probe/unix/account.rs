//! `id`: the account as the host sees it.
//!
//! ```text
//! uid=1000(collector) gid=1000(collector) groups=1000(collector),4(adm),1017(domain users)
//! ```
//! `euid=`, `egid=` appear where they differ, `context=` on hosts with
//! mandatory access control. A number without a name
//! stands alone. A directory service may give group names with blanks and parentheses, so a name
//! ends at a `)` that is followed by `,`, a blank or the end. The BSDs write `, ` between groups; on
//! Solaris `-a` is needed for them, elsewhere it is the default (POSIX). HP-UX prints accounts below
//! zero with their sign: `uid=-2(nobody)`.

use crate::model::fact::Fact;
use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::text::HostText;
use crate::probe::lines::{LineParser, Lines};

/// A reader of the answer: effective uid, name, groups.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    Box::new(Lines::new(Id))
}

struct Id;

impl LineParser for Id {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if line.trim_ascii().is_empty() {
            return;
        }
        let Some(account) = account(line.trim_ascii()) else {
            return sink.issue(Issue::unparsed(span, "expected uid=N(NAME) gid=N(NAME) ...", line));
        };
        sink.row(span, Row::Fact(Fact::EffectiveUid(account.uid)));
        if let Some(name) = account.name {
            sink.row(span, Row::Fact(Fact::AccountName(name)));
        }
        sink.row(span, Row::Fact(Fact::AccountGroups(account.groups)));
    }

    fn end(&mut self, _: &mut dyn Sink) {}
}

struct Account {
    uid: u32,
    name: Option<HostText<'static>>,
    groups: Vec<HostText<'static>>,
}

/// A number and its name, if it has one.
type Entry = (u32, Option<HostText<'static>>);

fn account(line: &[u8]) -> Option<Account> {
    let (real, mut rest) = entry(line.strip_prefix(b"uid=")?)?;
    let mut account = Account { uid: real.0, name: real.1, groups: Vec::new() };
    let mut primary = None;
    let mut listed = false;
    while let Some(field) = rest.strip_prefix(b" ") {
        if let Some(text) = field.strip_prefix(b"euid=") {
            let (effective, after) = entry(text)?;
            (account.uid, account.name, rest) = (effective.0, effective.1, after);
        } else if let Some(text) = field.strip_prefix(b"groups=") {
            listed = true;
            rest = groups(text, &mut account.groups)?;
        } else if field.starts_with(b"context=") {
            rest = b"";
        } else {
            let text = field.strip_prefix(b"gid=").or_else(|| field.strip_prefix(b"egid="))?;
            let (group, after) = entry(text)?;
            (primary, rest) = (Some(group), after);
        }
    }
    // Every id(1) tells the group: without it the answer broke off, perhaps inside the number.
    let primary = primary?;
    if !listed {
        account.groups.push(name_or_number(primary));
    }
    rest.is_empty().then_some(account)
}

fn groups<'a>(text: &'a [u8], into: &mut Vec<HostText<'static>>) -> Option<&'a [u8]> {
    let (first, mut rest) = entry(text)?;
    into.push(name_or_number(first));
    while let Some(more) = rest.strip_prefix(b",") {
        let (group, after) = entry(more.strip_prefix(b" ").unwrap_or(more))?;
        into.push(name_or_number(group));
        rest = after;
    }
    Some(rest)
}

fn name_or_number((number, name): Entry) -> HostText<'static> {
    name.unwrap_or_else(|| HostText::owned(number.to_string().into_bytes()))
}

/// Reads `N` or `N(NAME)`; gives what follows.
fn entry(text: &[u8]) -> Option<(Entry, &[u8])> {
    let positive = text.strip_prefix(b"-").unwrap_or(text);
    let digits = positive.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = positive.split_at_checked(digits)?;
    let number: u32 = std::str::from_utf8(number).ok()?.parse().ok()?;
    let number = if positive.len() < text.len() { number.wrapping_neg() } else { number };
    let Some(name) = rest.strip_prefix(b"(") else { return Some(((number, None), rest)) };
    let ends = |at: &usize| matches!(name.get(at + 1), None | Some(b',' | b' '));
    let end = memchr::memchr_iter(b')', name).find(ends)?;
    let (name, rest) = name.split_at_checked(end)?;
    Some(((number, Some(HostText::owned(name.to_vec()))), rest.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{read, rows};

    fn facts(uid: u32, name: Option<&str>, groups: &[&str]) -> Vec<Row<'static>> {
        let text = |text: &str| HostText::owned(text.as_bytes().to_vec());
        let mut out = vec![Row::Fact(Fact::EffectiveUid(uid))];
        out.extend(name.map(|name| Row::Fact(Fact::AccountName(text(name)))));
        out.push(Row::Fact(Fact::AccountGroups(groups.iter().map(|group| text(group)).collect())));
        out
    }

    #[test]
    fn every_form_of_id_is_read() {
        let cases: [(&str, Vec<Row<'_>>); 8] = [
            ("uid=0(root) gid=0(root) groups=0(root)", facts(0, Some("root"), &["root"])),
            (
                "uid=1000(c) gid=1(c) groups=1(c),1017(domain users),9(a)b),7 context=u:r:t:s0",
                facts(1000, Some("c"), &["c", "domain users", "a)b", "7"]),
            ),
            ("uid=5 gid=6 euid=0(root) egid=0(root)", facts(0, Some("root"), &["root"])),
            ("uid=0(root) gid=0(root)", facts(0, Some("root"), &["root"])),
            ("uid=7 gid=8", facts(7, None, &["8"])),
            (
                "uid=1000(c) gid=1000(c) groups=1000(c), 0(wheel), 5(operator)",
                facts(1000, Some("c"), &["c", "wheel", "operator"]),
            ),
            (
                "uid=204(c) gid=1(staff) groups=7(security),3(sys)",
                facts(204, Some("c"), &["security", "sys"]),
            ),
            ("uid=-2(nobody) gid=-2(nogroup)", facts(4_294_967_294, Some("nobody"), &["nogroup"])),
        ];
        for (text, expected) in cases {
            let line = [text, "\n"].concat();
            assert_eq!(rows(&read(reader(), line.as_bytes())), expected, "{text}");
        }
    }

    #[test]
    fn an_answer_that_breaks_off_gives_no_other_uid() {
        let whole = b"uid=1000(c) gid=1000(c) groups=1000(c),1017(users)\n";
        for cut in 1..whole.len() {
            let seen = read(reader(), &whole[..cut]);
            assert!(seen.unterminated, "{cut}");
            let uid = rows(&seen).into_iter().next();
            let right = matches!(uid, None | Some(Row::Fact(Fact::EffectiveUid(1000))));
            assert!(right, "{cut}: {seen:?}");
        }
    }

    #[test]
    fn anything_else_is_an_issue() {
        for text in ["id: cannot find name", "uid=x", "uid=0(root", "uid=0(root) what=1"] {
            let seen = read(reader(), [text, "\n"].concat().as_bytes());
            assert_eq!((seen.rows.len(), seen.issues.len()), (0, 1), "{text}");
        }
    }
}
