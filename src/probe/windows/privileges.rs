//! `whoami.exe /priv /fo csv /nh`: the privileges that the account's token holds.
//!
//! ```text
//! "SeChangeNotifyPrivilege","Bypass traverse checking","Enabled"
//! "SeDebugPrivilege","Debug programs","Disabled"
//! ```
//! Quoted fields with commas between them: name, description and state. The name is a constant of the
//! system; description and state are in its language. `/nh` leaves out the titles. Source: Microsoft,
//! whoami; "Privilege Constants (Authorization)".
//!
//! A privilege that is disabled counts: whoever holds it can enable it. All of them are one fact, on
//! the line of the last.

use crate::model::fact::Fact;
use crate::model::host::Platform;
use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::privilege::Grant;
use crate::model::text::HostText;
use crate::probe::command::windows_arguments;
use crate::probe::lines::{LineParser, Lines};
use crate::probe::table::{Probe, Usage};
use crate::probe::windows::host::WHOAMI;
use crate::probe::windows::whoami::fields;

/// Most privileges of one account that are kept: 256. Windows knows 36.
const PRIVILEGES_MAX: usize = 256;

const EXPECTED: &str = "expected \"Se...Privilege\",\"DESCRIPTION\",\"STATE\"";

/// The privileges.
pub(in crate::probe) const PRIVILEGES: Probe = Probe::of(
    Platform::Windows,
    "windows/privileges",
    &WHOAMI,
    windows_arguments(&["/priv", "/fo", "csv", "/nh"]),
    reader,
)
.reads("The privileges of the account.", "Microsoft, whoami")
.granted(&[Grant::Shell])
.only(Usage::Check);

/// A reader of the answer.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    Box::new(Lines::new(Privileges { names: Vec::new(), last: None }))
}

struct Privileges {
    names: Vec<HostText<'static>>,
    last: Option<Span>,
}

impl LineParser for Privileges {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if line.trim_ascii().is_empty() {
            return;
        }
        let fields = fields(line);
        let name = match fields.as_deref() {
            Some([name, _, _]) if is_privilege(name) => name,
            _ => return sink.issue(Issue::unparsed(span, EXPECTED, line)),
        };
        if self.names.len() == PRIVILEGES_MAX {
            return sink.issue(Issue::unparsed(span, EXPECTED, line));
        }
        self.names.push(HostText::owned(name.clone()));
        if let Some(before) = self.last.replace(span) {
            sink.header(before);
        }
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        if let Some(span) = self.last.take() {
            let names = std::mem::take(&mut self.names);
            sink.row(span, Row::Fact(Fact::AccountPrivileges(names)));
        }
    }
}

/// `SeDebugPrivilege`.
fn is_privilege(name: &[u8]) -> bool {
    name.starts_with(b"Se")
        && name.ends_with(b"Privilege")
        && name.iter().all(u8::is_ascii_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{facts, read};

    #[test]
    fn privileges_are_known_by_their_names_in_any_language() {
        let text = b"\"SeChangeNotifyPrivilege\",\"Auslassen der durchsuchenden \x9aberpr\x81fung\",\"Aktiviert\"\r\n\
            \"SeDebugPrivilege\",\"Debuggen von Programmen\",\"Deaktiviert\"\r\n";
        let names = ["SeChangeNotifyPrivilege", "SeDebugPrivilege"];
        let names = names.map(|name| HostText::new(name.as_bytes()).into_owned());
        assert_eq!(facts(&read(reader(), text)), [Fact::AccountPrivileges(names.to_vec())]);
        let odd = read(reader(), b"ERROR: Access is denied.\r\n\"SeX\",\"\",\"\"\r\n");
        assert_eq!((odd.rows.len(), odd.issues.len()), (0, 2));
    }
}
