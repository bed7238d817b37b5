//! Words of a line, from either side.
//!
//! In: bytes of one line. Out: words between blanks, and plain numbers. Only spaces and TABs are
//! blanks: a newline belongs to a name.

use crate::model::text::HostText;
use crate::probe::cursor::{Cursor, is_blank};

/// The words of a line, in order.
pub(super) fn words(line: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    line.split(|&byte| is_blank(byte)).filter(|word| !word.is_empty())
}

/// The last word, and what stands before it.
pub(super) fn last_word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().rposition(|&byte| !is_blank(byte))? + 1;
    let text = text.get(..end)?;
    let start = text.iter().rposition(|&byte| is_blank(byte)).map_or(0, |at| at + 1);
    text.split_at_checked(start)
}

/// A word that is a decimal number and nothing else.
pub(super) fn number(word: &[u8]) -> Option<u64> {
    let mut cursor = Cursor::new(word);
    cursor.decimal().filter(|_| cursor.rest.is_empty())
}

/// A word that is a hexadecimal number and nothing else.
pub(super) fn hexadecimal(word: &[u8]) -> Option<u64> {
    let mut cursor = Cursor::new(word);
    cursor.hexadecimal().filter(|_| cursor.rest.is_empty())
}

/// Without spaces and TABs at the end.
pub(super) fn trim_end(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|&byte| !is_blank(byte)).map_or(0, |at| at + 1);
    text.get(..end).unwrap_or(text)
}

/// A copy of bytes from the host.
pub(super) fn owned(bytes: &[u8]) -> HostText<'static> {
    HostText::owned(bytes.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_from_both_sides() {
        assert_eq!(words(b"  a\tb  ").collect::<Vec<_>>(), [b"a", b"b"]);
        assert_eq!(last_word(b" a b  "), Some((b" a ".as_slice(), b"b".as_slice())));
        assert_eq!(last_word(b"ab"), Some((b"".as_slice(), b"ab".as_slice())));
        assert_eq!(last_word(b"  "), None);
        assert_eq!(
            (number(b"12"), number(b"1x"), hexadecimal(b"0aF")),
            (Some(12), None, Some(175))
        );
        assert_eq!(trim_end(b" a\n \t"), b" a\n");
    }
}
