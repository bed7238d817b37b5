//! Text as it may be shown: the last belt before any output, and how wide it is on a screen.
//!
//! Text from a host arrives escaped ([`HostText::escaped`]); names and references from an inventory
//! or playbook arrive as people wrote them. Every format passes both through here, so that nothing
//! a terminal would obey can get out even where a caller forgot.
//!
//! [`HostText::escaped`]: crate::model::text::HostText::escaped

use std::borrow::Cow;

use crate::model::text::escape;

/// True when every byte is printable ASCII: the common case, which needs no further look.
#[must_use]
pub fn is_printable_ascii(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// True for a character that never leaves as itself: controls, and what is invisible or changes
/// direction.
#[must_use]
pub fn is_hidden(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_control();
    }
    let mut buffer = [0; 4];
    let encoded = character.encode_utf8(&mut buffer);
    escape(encoded.as_bytes()) != *encoded
}

/// The text with each hidden character as `\xHH` bytes. A backslash stays: text from a host is
/// escaped already.
#[must_use]
pub fn shown(text: &str) -> Cow<'_, str> {
    if is_printable_ascii(text) || !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    let mut buffer = [0; 4];
    for character in text.chars() {
        if is_hidden(character) {
            out.push_str(&escape(character.encode_utf8(&mut buffer).as_bytes()));
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

/// Cells that a character takes on a terminal: 2 for the wide blocks of East Asian scripts and
/// emoji, 0 for combining marks, 1 otherwise. Source: Unicode Annex 11, by block; a terminal may
/// differ for rare characters, which shifts a line and harms nothing.
const fn cells(character: char) -> usize {
    match character {
        '\u{300}'..='\u{36f}'
        | '\u{1ab0}'..='\u{1aff}'
        | '\u{20d0}'..='\u{20ff}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{fe20}'..='\u{fe2f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

/// Cells that a text takes on a terminal.
#[must_use]
pub fn columns(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().map(cells).sum() }
}

/// The text in at most `width` cells, the cut marked by `…`.
#[must_use]
pub fn cut(text: &str, width: usize) -> Cow<'_, str> {
    if columns(text) <= width {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    let mut left = width.saturating_sub(1);
    for character in text.chars() {
        let Some(rest) = left.checked_sub(cells(character)) else { break };
        left = rest;
        out.push(character);
    }
    if width > 0 {
        out.push('…');
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_shown_as_bytes_and_escapes_stay() {
        assert_eq!(shown("plain"), "plain");
        assert_eq!(shown(r"a\x1b"), r"a\x1b");
        assert_eq!(shown("a\x1b[2J\u{202e}é"), r"a\x1b[2J\xe2\x80\xaeé");
    }

    #[test]
    fn a_cut_never_exceeds_the_width() {
        assert_eq!(cut("nginx", 5), "nginx");
        assert_eq!(cut("nginx-master", 5), "ngin…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut("x", 0), "");
    }
}
