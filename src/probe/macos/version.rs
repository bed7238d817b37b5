//! `sw_vers`: name and version of macOS.
//!
//! ```text
//! ProductName:            macOS
//! ProductVersion:         15.1
//! ProductVersionExtra:    (a)
//! BuildVersion:           24B83
//! ```
//! A name, a colon, TABs, a value. `ProductName` was `Mac OS X` up to 10.15 and `Mac OS X Server` on
//! servers; the third line is there with a rapid security response only. Source: `sw_vers(1)`.

use crate::model::fact::Fact;
use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::text::HostText;
use crate::probe::lines::{LineParser, Lines};

/// A reader of the answer.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    Box::new(Lines::new(Version))
}

struct Version;

impl LineParser for Version {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if line.trim_ascii().is_empty() {
            return;
        }
        let colon = memchr::memchr(b':', line).and_then(|at| line.split_at_checked(at));
        let (name, value) = colon.unwrap_or((b"", b""));
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if value.is_empty() {
            return sink.issue(Issue::unparsed(span, "expected NAME: VALUE", line));
        }
        let text = || HostText::owned(value.to_vec());
        match name {
            b"ProductName" => {
                // Only this system has sw_vers.
                sink.row(span, Row::Fact(Fact::OsId(HostText::new(b"macos"))));
                sink.row(span, Row::Fact(Fact::OsName(text())));
            }
            b"ProductVersion" => sink.row(span, Row::Fact(Fact::OsVersion(text()))),
            b"ProductVersionExtra" | b"BuildVersion" => sink.header(span),
            _ => sink.issue(Issue::unparsed(span, "expected a line of sw_vers", line)),
        }
    }

    fn end(&mut self, _: &mut dyn Sink) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{facts, read};

    #[test]
    fn old_and_new_names_are_read_and_other_lines_are_issues() {
        let text = |text: &'static str| HostText::new(text.as_bytes());
        let old = read(
            reader(),
            b"ProductName:\tMac OS X\nProductVersion:\t10.14.6\nBuildVersion:\t18G\n",
        );
        let expected = [
            Fact::OsId(text("macos")),
            Fact::OsName(text("Mac OS X")),
            Fact::OsVersion(text("10.14.6")),
        ];
        assert_eq!(facts(&old), expected);
        assert_eq!(old.headers.len(), 1);
        let odd = read(reader(), b"Product: x\nProductVersion:\nnothing\nProductVer");
        assert_eq!((odd.rows.len(), odd.issues.len()), (0, 4));
    }
}
