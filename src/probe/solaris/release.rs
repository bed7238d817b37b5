//! `/etc/release`: name and version of Solaris and of illumos distributions.
//!
//! ```text
//!                             Oracle Solaris 11.4 X86
//!   Copyright (c) 1983, 2018, Oracle and/or its affiliates.  All rights reserved.
//!                             Assembled 16 August 2018
//! ```
//! The first line is the name (`Oracle Solaris 10 1/13 s10s_u11wos_24a SPARC`, `OmniOS v11 r151050`,
//! `OpenIndiana Hipster 2024.10 (powered by illumos)`, `SmartOS 20240101T000000Z`), centred; what
//! follows is about copyright and assembly, and a note says where something else does. A name begins
//! with a letter. The version is the first word behind its first that begins with a digit, on `OmniOS`
//! the one after `v11`. Source: the file of these systems; no manual page describes it.

use crate::model::fact::Fact;
use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::text::HostText;
use crate::probe::lines::{LineParser, Lines};

/// A reader of the file.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    Box::new(Lines::new(Release { named: false, noted: false }))
}

struct Release {
    named: bool,
    noted: bool,
}

const EXPECTED: &str = "expected the name of the system and its version";

/// Words of the lines below the name.
const BELOW: &[&[u8]] = &[
    b"opyright",
    b"(C)",
    b"ights reserved",
    b"ights Reserved",
    b"Use is subject",
    b"ssembled",
    b"license",
    b"licence",
];

impl LineParser for Release {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        let name = line.trim_ascii();
        if name.is_empty() {
            return;
        }
        if self.named {
            sink.header(span);
            let known = BELOW.iter().any(|word| memchr::memmem::find(name, word).is_some());
            if !known && !self.noted {
                self.noted = true;
                let remark = "a line below the name is not of copyright or assembly, and not read";
                sink.issue(Issue::note(span, remark, line));
            }
            return;
        }
        if !name.first().is_some_and(u8::is_ascii_alphabetic) {
            return sink.issue(Issue::unparsed(span, EXPECTED, line));
        }
        self.named = true;
        sink.row(span, Row::Fact(Fact::OsName(HostText::owned(name.to_vec()))));
        // Behind the first word, which is of the name.
        let mut words = name.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).skip(1);
        if let Some(version) = words.find(|word| is_version(word)) {
            sink.row(span, Row::Fact(Fact::OsVersion(HostText::owned(version.to_vec()))));
        }
    }

    fn end(&mut self, _: &mut dyn Sink) {}
}

/// `11.4`, `2024.10`, `r151050`.
fn is_version(word: &[u8]) -> bool {
    let digits = word.strip_prefix(b"r").unwrap_or(word);
    digits.first().is_some_and(u8::is_ascii_digit)
        && (digits.len() == word.len() || digits.len() > 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{facts, read};

    #[test]
    fn what_begins_with_no_letter_is_no_name() {
        for text in ["9\n", "%%\n", "[11.4]\n"] {
            let seen = read(reader(), text.as_bytes());
            assert_eq!((facts(&seen), seen.issues.len()), (Vec::new(), 1), "{text}");
        }
    }

    #[test]
    fn other_lines_are_noted_once() {
        let seen = read(reader(), b"SmartOS x\n Copyright 2020 Joyent\n[\n {}\n");
        let lines: Vec<u64> = seen.issues.iter().map(|issue| issue.span.line).collect();
        assert_eq!((seen.headers.len(), lines), (3, vec![3]));
    }

    #[test]
    fn the_first_line_names_system_and_version() {
        for (line, version) in [
            ("        Oracle Solaris 11.4 X86\n", Some("11.4")),
            ("   Oracle Solaris 10 1/13 s10s_u11wos_24a SPARC\n", Some("10")),
            ("  OmniOS v11 r151050\n", Some("r151050")),
            ("   SmartOS joyent\n", None),
        ] {
            let text = format!("\n{line}  Copyright 2024\n");
            let seen = read(reader(), text.as_bytes());
            let name = Fact::OsName(HostText::owned(line.trim().as_bytes().to_vec()));
            let version = version.map(|version| Fact::OsVersion(HostText::new(version.as_bytes())));
            let expected: Vec<Fact> = [Some(name), version].into_iter().flatten().collect();
            assert_eq!((facts(&seen), seen.headers.len()), (expected, 1), "{line}");
        }
    }
}
