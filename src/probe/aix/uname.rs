//! `uname -s -n -r -v -m` of AIX: as `uname -a`.
//!
//! ```text
//! AIX db-1 3 7 00F6A5B14C00
//! ```
//! In this order whatever the order of the options: system, node, release, version, number of the
//! machine. AIX 7.3 is version 7 and release 3. The last word is no architecture but an id of the
//! hardware, which partitions of one machine may share, so nothing is made of it. A node name may
//! hold blanks: it is what stands between the first word and the last three. Source: IBM, AIX
//! commands, `uname`.

use crate::model::fact::Fact;
use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::text::HostText;
use crate::probe::bsd::plain_words::{decimal, owned};
use crate::probe::lines::{LineParser, Lines};

/// A reader of the answer: name and release of the kernel, and the node's name.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    Box::new(Lines::new(Uname))
}

struct Uname;

impl LineParser for Uname {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if line.trim_ascii().is_empty() {
            return;
        }
        let Some((system, node, release)) = split(line.trim_ascii()) else {
            let expected = "expected SYSTEM NODE RELEASE VERSION MACHINE";
            return sink.issue(Issue::unparsed(span, expected, line));
        };
        sink.row(span, Row::Fact(Fact::KernelName(owned(system))));
        sink.row(span, Row::Fact(Fact::Hostname(owned(node))));
        sink.row(span, Row::Fact(Fact::KernelRelease(release)));
    }

    fn end(&mut self, _: &mut dyn Sink) {}
}

type Split<'a> = (&'a [u8], &'a [u8], HostText<'static>);

fn split(line: &[u8]) -> Option<Split<'_>> {
    let (system, rest) = line.split_at_checked(memchr::memchr(b' ', line)?)?;
    let (rest, _) = last(rest)?;
    let (rest, version) = last(rest)?;
    let (node, release) = last(rest)?;
    let release = format!("{}.{}", decimal(version)?, decimal(release)?);
    let node = node.trim_ascii();
    let whole = !system.is_empty() && !node.is_empty();
    whole.then(|| (system, node, HostText::owned(release.into_bytes())))
}

/// What stands before the last word, and that word.
fn last(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, word) = text.split_at_checked(memchr::memrchr(b' ', text)?)?;
    Some((head, word.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{facts, read};

    #[test]
    fn version_and_release_make_the_release() {
        let text = |text: &'static str| HostText::new(text.as_bytes());
        let seen = read(reader(), b"AIX my db 3 7 00F6A5B14C00\n");
        let expected = [
            Fact::KernelName(text("AIX")),
            Fact::Hostname(text("my db")),
            Fact::KernelRelease(text("7.3")),
        ];
        assert_eq!(facts(&seen), expected);
        for text in ["AIX db 3 00F6A5B14C00\n", "AIX 3 7 00F6A5B14C00\n", "AIX db x 7 0\n", "AIX\n"]
        {
            let seen = read(reader(), text.as_bytes());
            assert_eq!((seen.rows.len(), seen.issues.len()), (0, 1), "{text}");
        }
    }
}
