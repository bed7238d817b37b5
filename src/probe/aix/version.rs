//! `oslevel -s`: version of AIX.
//!
//! ```text
//! 7200-05-03-2148
//! ```
//! Version, release, modification and fix as four digits, technology level, service pack, and year
//! and week of it. `Could not determine Service Pack` or `7200-05-00-0000` stand where the host does
//! not know the last two. Source: oslevel(1).

use crate::model::fact::Fact;
use crate::model::parsed::{Reader, Row};
use crate::model::text::HostText;
use crate::probe::whole::{self, Reading};

/// A reader of the answer.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    whole::reader(line)
}

fn line(line: &[u8]) -> Reading<'_> {
    let text = line.trim_ascii();
    let digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    if text.len() > 20 || !text.split(|byte| *byte == b'-').all(digits) {
        return Err("expected VVRR-TL-SP-YYWW");
    }
    Ok(Some(Row::Fact(Fact::OsVersion(HostText::owned(text.to_vec())))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{facts, read};

    #[test]
    fn a_level_is_a_version_and_a_sentence_is_none() {
        let seen = read(reader(), b"7200-05-03-2148\n");
        assert_eq!(facts(&seen), [Fact::OsVersion(HostText::new(b"7200-05-03-2148"))]);
        for text in ["Could not determine Service Pack.\n", "7200--03\n", "7200-"] {
            assert_eq!(read(reader(), text.as_bytes()).issues.len(), 1, "{text}");
        }
    }
}
