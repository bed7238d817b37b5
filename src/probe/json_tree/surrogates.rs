//! Halves of surrogate pairs that stand alone in a JSON text.
//!
//! ```text
//! "a\ud83db"
//! ```
//! In: the text of a value. Out: the same, with each such escape as the three bytes that WTF-8 has
//! for it. JSON has no character for one, so the whole value would be refused, yet a name on Windows
//! may hold it: a process could hide behind its name.

use std::borrow::Cow;

use memchr::{memchr, memmem};

use crate::probe::json_tree::encoding::lone;

/// Bytes of one escape: `\ud83d`.
const ESCAPE: usize = 6;

/// Replaces lone halves. Borrowed when there is none that could be one.
pub(super) fn mend(text: &[u8]) -> Cow<'_, [u8]> {
    if memmem::find(text, b"\\ud").or_else(|| memmem::find(text, b"\\uD")).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr(b'\\', rest) {
        let (before, tail) = rest.split_at(at);
        out.extend_from_slice(before);
        let next = tail.get(ESCAPE..).and_then(escape);
        let (kept, taken) = match (escape(tail), next) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (true, 2 * ESCAPE),
            (Some(half @ 0xd800..=0xdfff), _) => {
                out.extend_from_slice(&lone(half));
                (false, ESCAPE)
            }
            // Any other escape: a backslash and what it escapes.
            _ => (true, 2),
        };
        let (taken, behind) = tail.split_at(taken.min(tail.len()));
        if kept {
            out.extend_from_slice(taken);
        }
        rest = behind;
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

/// The number of `\uXXXX` at the front.
fn escape(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    let plain = digits.iter().all(u8::is_ascii_hexdigit);
    plain.then(|| u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lone_halves_become_bytes_and_pairs_and_other_escapes_stay() {
        let mended = |text: &str| mend(text.as_bytes()).into_owned();
        assert_eq!(mended(r#""\ud83d\ude00""#), br#""\ud83d\ude00""#);
        assert_eq!(mended(r#""a\uD83Db\n""#), b"\"a\xed\xa0\xbdb\\n\"");
        assert_eq!(mended(r#""\ude00\ud83d""#), b"\"\xed\xb8\x80\xed\xa0\xbd\"");
        assert_eq!(mended(r#""\\ud83d""#), br#""\\ud83d""#);
        assert_eq!(mended(r"\ud83"), br"\ud83");
        assert_eq!(mended("\\ud83d\\"), b"\xed\xa0\xbd\\");
    }
}
