//! Hexadecimal addresses and numbers of `/proc/net`.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::model::text::HostText;
use crate::probe::cursor::Cursor;

/// The next word, between blanks.
pub(super) fn word<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    cursor.blanks();
    let word = cursor.token();
    (!word.is_empty()).then_some(word)
}

/// The next word as a decimal number.
pub(super) fn decimal(cursor: &mut Cursor<'_>) -> Option<u64> {
    cursor.blanks();
    cursor.decimal().filter(|_| cursor.at_word_end())
}

/// The next word as a hexadecimal number.
pub(super) fn number(cursor: &mut Cursor<'_>) -> Option<u64> {
    cursor.blanks();
    cursor.hexadecimal().filter(|_| cursor.at_word_end())
}

/// The next word as an IPv4 address: one number of the host's byte order, here little-endian.
pub(super) fn ipv4(cursor: &mut Cursor<'_>) -> Option<Ipv4Addr> {
    cursor.blanks();
    let bits = cursor.hex_digits::<8>().filter(|_| cursor.at_word_end())?;
    Some(Ipv4Addr::from(bits.to_le_bytes()))
}

/// The next word as an IPv6 address: 32 digits in network order.
pub(super) fn ipv6(cursor: &mut Cursor<'_>) -> Option<Ipv6Addr> {
    cursor.blanks();
    let mut bits = 0_u128;
    for _ in 0..4 {
        bits = bits << 32 | u128::from(cursor.hex_digits::<8>()?);
    }
    cursor.at_word_end().then(|| Ipv6Addr::from(bits))
}

/// A copy that borrows nothing.
pub(super) fn owned(word: &[u8]) -> HostText<'static> {
    HostText::owned(word.to_vec())
}
