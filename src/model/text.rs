//! Text that a host sent: untrusted bytes, shown only in escaped form.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Bytes from a host. They can hold terminal escapes, newlines, bidi overrides or invalid UTF-8,
/// so there is no `Display`: the only text form is [`HostText::escaped`], which is printable,
/// one line, and can be turned back into the same bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct HostText<'a>(Cow<'a, [u8]>);

impl<'a> HostText<'a> {
    /// Borrows the bytes as they came.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(Cow::Borrowed(bytes))
    }

    /// Takes the bytes as they came.
    #[must_use]
    pub fn owned(bytes: Vec<u8>) -> HostText<'static> {
        HostText(Cow::Owned(bytes))
    }

    /// The bytes as they came. For comparison and parsing only, never for display.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// A copy that borrows nothing.
    #[must_use]
    pub fn into_owned(self) -> HostText<'static> {
        HostText(Cow::Owned(self.0.into_owned()))
    }

    /// True when the text holds a control character or invalid UTF-8.
    #[must_use]
    pub fn has_control(&self) -> bool {
        match std::str::from_utf8(&self.0) {
            Ok(text) => text.chars().any(char::is_control),
            Err(_) => true,
        }
    }

    /// The printable form: `\\` for a backslash, `\xHH` for each byte that is a control character,
    /// invisible, direction-changing or not UTF-8. Borrowed when nothing needs escaping.
    #[must_use]
    pub fn escaped(&self) -> Cow<'_, str> {
        match std::str::from_utf8(&self.0) {
            Ok(text) if !text.chars().any(needs_escape) => Cow::Borrowed(text),
            _ => Cow::Owned(escape(&self.0)),
        }
    }

    /// The reverse of [`HostText::escaped`]. `None` when the text is not such a form.
    #[must_use]
    pub fn from_escaped(text: &str) -> Option<HostText<'static>> {
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text.as_bytes();
        while let Some((&byte, tail)) = rest.split_first() {
            if byte != b'\\' {
                bytes.push(byte);
                rest = tail;
                continue;
            }
            match tail {
                [b'\\', tail @ ..] => {
                    bytes.push(b'\\');
                    rest = tail;
                }
                [b'x', high, low, tail @ ..] => {
                    bytes.push(hex(*high)? << 4 | hex(*low)?);
                    rest = tail;
                }
                _ => return None,
            }
        }
        Some(HostText::owned(bytes))
    }
}

/// Escapes any bytes a host sent for one line of output. See [`HostText::escaped`].
#[must_use]
pub fn escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character == '\\' {
                out.push_str("\\\\");
            } else if needs_escape(character) {
                let mut buffer = [0; 4];
                push_hex(&mut out, character.encode_utf8(&mut buffer).as_bytes());
            } else {
                out.push(character);
            }
        }
        push_hex(&mut out, chunk.invalid());
    }
    out
}

fn push_hex(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(out, "\\x{byte:02x}");
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Control characters (C0, DEL, C1), the backslash, and what changes direction or cannot be seen:
/// soft hyphen, zero-width and bidi characters, line and paragraph separators, the byte-order
/// mark, interlinear and tag characters.
fn needs_escape(character: char) -> bool {
    match character {
        '\\' => true,
        ' '..='~' => false,
        _ => {
            character.is_control()
                || matches!(
                    character,
                    '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
                    | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
                    | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
                )
        }
    }
}

/// Shows the escaped form, in quotes.
impl std::fmt::Debug for HostText<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.escaped())
    }
}

/// Serializes as the escaped form.
impl serde::Serialize for HostText<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.escaped())
    }
}

impl<'de> serde::Deserialize<'de> for HostText<'static> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        HostText::from_escaped(&text).ok_or_else(|| serde::de::Error::custom("bad escape"))
    }
}

impl<'a> From<&'a str> for HostText<'a> {
    fn from(text: &'a str) -> Self {
        Self::new(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_are_visible_and_one_line() {
        let text = HostText::new(b"a\nb\x1b[31m\\\xff\xe2\x80\xae");
        assert_eq!(text.escaped(), r"a\x0ab\x1b[31m\\\xff\xe2\x80\xae");
        assert!(text.has_control());
        assert_eq!(HostText::new("schön".as_bytes()).escaped(), "schön");
    }

    proptest! {
        #[test]
        fn escaping_loses_nothing_and_prints_no_control(
            bytes in proptest::collection::vec(any::<u8>(), 0..64)
        ) {
            let text = HostText::new(&bytes);
            let shown = text.escaped().into_owned();
            prop_assert!(shown.chars().all(|c| !c.is_control()));
            let back = HostText::from_escaped(&shown).unwrap();
            prop_assert_eq!(back.bytes(), &bytes[..]);
        }
    }
}
