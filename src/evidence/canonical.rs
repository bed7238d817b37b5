//! Canonical JSON: one form per value, so that a digest over it means the same everywhere.
//!
//! Keys sorted by bytes, no spaces, no line breaks. Characters that cannot be seen or that change
//! direction are written as `\uXXXX`, so the text is safe to show.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::Formatter;

use crate::model::text::HostText;

/// Writes a value. It is held as a tree in between: meant for one entry, not for a whole manifest.
///
/// # Errors
/// When writing fails, or the value has no JSON form (a map whose keys are no strings).
pub fn write(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    // serde_json's map is sorted: a test below would notice if a feature changed that.
    let tree = serde_json::to_value(value)?;
    let mut serializer = serde_json::Serializer::with_formatter(out, Printable);
    Ok(tree.serialize(&mut serializer)?)
}

/// The value as one line of text.
///
/// # Errors
/// When the value has no JSON form.
pub fn to_line(value: &impl Serialize) -> io::Result<String> {
    let mut line = Vec::new();
    write(&mut line, value)?;
    String::from_utf8(line).map_err(io::Error::other)
}

struct Printable;

impl Formatter for Printable {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        text: &str,
    ) -> io::Result<()> {
        if matches!(HostText::from(text).escaped(), Cow::Borrowed(_)) {
            return out.write_all(text.as_bytes());
        }
        let mut buffer = [0; 4];
        for character in text.chars() {
            let shown: &str = character.encode_utf8(&mut buffer);
            if matches!(HostText::from(shown).escaped(), Cow::Borrowed(_)) {
                out.write_all(shown.as_bytes())?;
                continue;
            }
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

/// Compares what is written to it with what `reader` holds, keeping nothing.
pub(super) struct Comparison<R> {
    reader: R,
    at: u64,
}

impl<R: io::Read> Comparison<R> {
    pub(super) const fn new(reader: R) -> Self {
        Self { reader, at: 0 }
    }

    /// Offset of the first byte that is not as written, if there is one; call when all is written.
    pub(super) fn end(mut self) -> io::Result<Option<u64>> {
        Ok((self.reader.read(&mut [0])? > 0).then_some(self.at))
    }
}

impl<R: io::Read> Write for Comparison<R> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut there = vec![0; bytes.len()];
        let mut read = 0;
        while let Some(part) = there.get_mut(read..).filter(|part| !part.is_empty()) {
            match self.reader.read(part)? {
                0 => break,
                more => read += more,
            }
        }
        let there = there.get(..read).unwrap_or_default();
        let same = there.iter().zip(bytes).take_while(|(a, b)| a == b).count();
        self.at += same as u64;
        if same < bytes.len() {
            return Err(io::Error::other(Difference(self.at)));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Byte offset at which a comparison failed.
#[derive(Debug, thiserror::Error)]
#[error("not the canonical form at byte {0}")]
pub(super) struct Difference(pub(super) u64);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::capture::Stream;
    use crate::model::digest::Sha256;

    #[test]
    fn keys_are_sorted_and_nothing_invisible_is_written() {
        let stream = Stream { offset: 2, bytes: 1, sha256: Sha256([0; 32]), dropped: 3 };
        let zeros = "0".repeat(64);
        assert_eq!(
            to_line(&stream).unwrap(),
            format!(r#"{{"bytes":1,"dropped":3,"offset":2,"sha256":"{zeros}"}}"#)
        );
        assert_eq!(
            to_line(&"a\"\\\n\u{202e}\u{e0001}\u{7f}ö").unwrap(),
            r#""a\"\\\n\u202e\udb40\udc01\u007fö""#
        );
    }

    #[test]
    fn a_comparison_finds_the_first_difference() {
        let compare = |there: &[u8], written: &[u8]| {
            let mut comparison = Comparison::new(there);
            let result = comparison.write_all(written);
            (result.is_ok(), comparison.at, comparison.end().unwrap())
        };
        assert_eq!(compare(b"abc", b"abc"), (true, 3, None));
        assert_eq!(compare(b"abcd", b"abc"), (true, 3, Some(3)));
        assert!(matches!(compare(b"abX", b"abc"), (false, 2, _)));
        assert!(matches!(compare(b"ab", b"abc"), (false, 2, _)));
    }
}
