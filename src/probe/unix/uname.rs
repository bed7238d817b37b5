//! `uname -s -n -r -m`: kernel name, node name, kernel release, machine.
//!
//! ```text
//! Linux web-1 6.1.0-18-amd64 x86_64
//! ```
//! In this order whatever the order of the options, on one line. A node name may hold blanks
//! (sethostname(2) takes any bytes), so it is what stands between the first word and the last two.

use crate::model::fact::Fact;
use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::text::HostText;
use crate::probe::lines::{LineParser, Lines};

/// A reader of the answer: four facts from one line.
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
        let Some([kernel, node, release, machine]) = split(line) else {
            return sink.issue(Issue::unparsed(span, "expected KERNEL NODE RELEASE MACHINE", line));
        };
        let text = |bytes: &[u8]| HostText::owned(bytes.to_vec());
        sink.row(span, Row::Fact(Fact::KernelName(text(kernel))));
        sink.row(span, Row::Fact(Fact::Hostname(text(node))));
        sink.row(span, Row::Fact(Fact::KernelRelease(text(release))));
        sink.row(span, Row::Fact(Fact::Architecture(text(machine))));
    }

    fn end(&mut self, _: &mut dyn Sink) {}
}

fn split(line: &[u8]) -> Option<[&[u8]; 4]> {
    let (kernel, rest) = cut(line, memchr::memchr(b' ', line)?)?;
    let (rest, machine) = cut(rest, memchr::memrchr(b' ', rest)?)?;
    let (node, release) = cut(rest, memchr::memrchr(b' ', rest)?)?;
    let words = [kernel, node, release, machine];
    words.iter().all(|word| !word.trim_ascii().is_empty()).then_some(words)
}

/// What stands before and after one byte.
fn cut(text: &[u8], at: usize) -> Option<(&[u8], &[u8])> {
    Some((text.get(..at)?, text.get(at + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{read, rows};

    #[test]
    fn a_node_name_may_hold_blanks() {
        let text = |text: &'static str| HostText::new(text.as_bytes());
        let seen = read(reader(), b"Linux my web 1 6.1.0-18-amd64 x86_64\n");
        let expected = [
            Row::Fact(Fact::KernelName(text("Linux"))),
            Row::Fact(Fact::Hostname(text("my web 1"))),
            Row::Fact(Fact::KernelRelease(text("6.1.0-18-amd64"))),
            Row::Fact(Fact::Architecture(text("x86_64"))),
        ];
        assert_eq!(rows(&seen), expected);
        assert_eq!(read(reader(), b"Linux x86_64\n").issues.len(), 1);
    }
}
