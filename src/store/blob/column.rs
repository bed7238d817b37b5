//! Columns: tables of numbers written column by column, with dictionaries for texts and addresses.
//!
//! [`super::writer`] takes rows and gives a page of bytes, [`super::reader`] is the way back. Neither
//! knows what a number means.
//!
//! # Format, version 1
//! ```text
//! page    = version(1 byte) part(1 byte) noise-length texts v4 v6 table* noise
//! texts   = count, count lengths, the bytes of all texts
//! v4, v6  = count, mask, a plane for each byte of an address, first byte first
//! table   = rows, columns, column*           (a table without rows has no columns)
//! column  = tag [length] ...                 length only if tag has bit 0x80: not one cell per row
//!   0x00   value                             every cell has this value
//!   0x10+w least mask w planes               value = least + number of w bytes, lowest first
//!   0x20+w first mask w planes               value = value before + zigzag number of w bytes
//!   0x30   least bits                        value = least + number of so many bits, in the noise
//! plane   = one byte per cell; in the noise if its bit in mask is set, otherwise here
//! ```
//! A text is 0 for the next new one of the dictionary, else its place plus one; an address is 0 or 1
//! for the next new one of IPv4 or IPv6, else twice its place plus 2 or 3; "or nothing" takes 0 and
//! moves the rest up by one. Counts, lengths, `value`, `least`, `first` and `bits` are LEB128 numbers; numbers of bits are
//! packed lowest bit first. Planes rather than varints: the compressor sees bytes of one kind side
//! by side. *Noise* is what no compressor can shorten (ephemeral ports, inodes, timers). It stands
//! apart and is stored as it is, because the compressor has one code for all literals of a block,
//! and noise among them would lengthen the rest by half.
//!
//! A table of more than [`CONSTANT_ROWS_MAX`] rows has no `0x00` columns, so a page can never claim
//! many more rows than it has bits.

/// First byte of every page.
pub(super) const VERSION: u8 = 1;

/// Longest table whose columns may be written as one value.
pub(super) const CONSTANT_ROWS_MAX: usize = 4096;

/// Tag of a column that has one value in every row.
pub(super) const CONSTANT: u8 = 0x00;
/// Tag of a column of differences to the least value, less the width.
pub(super) const PLAIN: u8 = 0x10;
/// Tag of a column of differences to the row before, less the width.
pub(super) const DELTA: u8 = 0x20;
/// Tag of a column of packed bits.
pub(super) const PACKED: u8 = 0x30;
/// Bit of a tag: the column has not one cell per row, its length follows.
pub(super) const SHORT: u8 = 0x80;

/// Why a page cannot be read: a fragment that says what was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Malformed(pub(crate) &'static str);

/// Maps small numbers of either sign to small numbers.
pub(super) const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

/// The way back from [`zigzag`].
pub(super) const fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

/// A length as it is written.
pub(super) fn length(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}
