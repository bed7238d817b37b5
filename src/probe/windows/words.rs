//! Words that several programs of Windows print alike.
//!
//! In: bytes of a line. Out: values, or `None` where they are something else.

use crate::model::text::HostText;
use crate::probe::cursor::Cursor;

/// The words of a line.
pub(super) fn words(line: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// True for an IPv4 address.
pub(super) fn is_ipv4(word: &[u8]) -> bool {
    let mut cursor = Cursor::new(word);
    cursor.ipv4().is_some() && cursor.rest.is_empty()
}

/// A decimal number that fits.
pub(super) fn decimal<T: TryFrom<u64>>(word: &[u8]) -> Option<T> {
    let mut cursor = Cursor::new(word);
    cursor.number().filter(|_| cursor.rest.is_empty())
}

/// `0xb`.
pub(super) fn prefixed_hexadecimal(word: &[u8]) -> Option<u32> {
    let mut cursor = Cursor::new(word.strip_prefix(b"0x")?);
    let number = cursor.hexadecimal().filter(|_| cursor.rest.is_empty())?;
    u32::try_from(number).ok()
}

/// A link-layer address: pairs of digits with `between` between them, as pairs with colons. Ethernet
/// has six; tunnels and other links have up to 32.
pub(super) fn mac(text: &[u8], between: u8) -> Option<HostText<'static>> {
    let pairs: Vec<&[u8]> = text.split(|byte| *byte == between).collect();
    let sound = |pair: &&[u8]| pair.len() == 2 && pair.iter().all(u8::is_ascii_hexdigit);
    let known = (6..=32).contains(&pairs.len()) && pairs.iter().all(sound);
    known.then(|| HostText::owned(pairs.join(&b':').to_ascii_lowercase()))
}
