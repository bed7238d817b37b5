//! Choosing how one column is written: numbers come in, bytes go to the quiet and the noisy part of
//! a page. Only whole numbers are used in the choice, so every machine makes the same one and pages
//! have the same digest everywhere.

use crate::store::blob::column::{
    CONSTANT, CONSTANT_ROWS_MAX, DELTA, PACKED, PLAIN, SHORT, length, zigzag,
};

/// Shortest column whose statistics mean anything; shorter ones are quiet.
const SAMPLE_MIN: usize = 32;

/// What it costs to describe the code of one more byte value, in sixteenths of a bit: 5 bits.
const SYMBOL_COST: u64 = 80;

/// Where bytes go.
#[derive(Default)]
pub(super) struct Streams {
    /// What the compressor gets.
    pub(super) quiet: Vec<u8>,
    /// What is stored as it is.
    pub(super) noise: Vec<u8>,
}

impl Streams {
    /// A LEB128 number among the quiet bytes.
    pub(super) fn number(&mut self, value: u64) {
        push_number(&mut self.quiet, value);
    }

    /// Addresses as planes, with their count and mask.
    pub(super) fn octets<const N: usize>(&mut self, addresses: &[[u8; N]]) {
        self.number(length(addresses.len()));
        let planes: Vec<Vec<u8>> = (0..N)
            .map(|plane| addresses.iter().filter_map(|a| a.get(plane).copied()).collect())
            .collect();
        self.planes(&planes);
    }

    fn planes(&mut self, planes: &[Vec<u8>]) {
        let noisy: Vec<bool> = planes.iter().map(|plane| cost(plane) >= raw_cost(plane)).collect();
        let bits = noisy.iter().enumerate().map(|(place, noisy)| u64::from(*noisy) << place);
        self.number(bits.sum());
        for (plane, noisy) in planes.iter().zip(noisy) {
            let stream = if noisy { &mut self.noise } else { &mut self.quiet };
            stream.extend_from_slice(plane);
        }
    }

    /// One column of a table of so many rows.
    pub(super) fn column(&mut self, column: &[u64], rows: usize) {
        let short = if column.len() == rows { 0 } else { SHORT };
        let tag = |this: &mut Self, tag: u8| {
            this.quiet.push(tag | short);
            if short != 0 {
                this.number(length(column.len()));
            }
        };
        let span = Span::of(column);
        if span.least == span.most && column.len() <= CONSTANT_ROWS_MAX {
            tag(self, CONSTANT);
            return self.number(span.least);
        }
        match choose(column, &span) {
            Encoding::Plain(planes) => {
                tag(self, PLAIN + width(planes.len()));
                self.number(span.least);
                self.planes(&planes);
            }
            Encoding::Delta(planes) => {
                tag(self, DELTA + width(planes.len()));
                self.number(span.first);
                self.planes(&planes);
            }
            Encoding::Packed(bits) => {
                tag(self, PACKED);
                self.number(span.least);
                self.number(u64::from(bits));
                pack(&mut self.noise, column.iter().map(|value| value - span.least), bits);
            }
        }
    }
}

fn width(planes: usize) -> u8 {
    u8::try_from(planes).unwrap_or(8)
}

enum Encoding {
    Plain(Vec<Vec<u8>>),
    Delta(Vec<Vec<u8>>),
    Packed(u32),
}

struct Span {
    first: u64,
    least: u64,
    most: u64,
    /// All steps from cell to cell, zigzag, joined by or.
    steps: u64,
}

impl Span {
    fn of(column: &[u64]) -> Self {
        let first = column.first().copied().unwrap_or(0);
        let mut span = Self { first, least: first, most: first, steps: 0 };
        let mut before = first;
        for &value in column {
            span.least = span.least.min(value);
            span.most = span.most.max(value);
            span.steps |= step(before, value);
            before = value;
        }
        span
    }
}

fn step(before: u64, value: u64) -> u64 {
    zigzag(value.wrapping_sub(before).cast_signed())
}

fn choose(column: &[u64], span: &Span) -> Encoding {
    let bits = bits_of(span.most - span.least);
    let plain = planes(&column.iter().map(|value| value - span.least), bits);
    let delta_bits = bits_of(span.steps);
    let befores = std::iter::once(&span.first).chain(column);
    let steps = || befores.clone().zip(column).map(|(before, value)| step(*before, *value));
    let narrower = delta_bits.div_ceil(8) < bits.div_ceil(8);
    if column.len() < SAMPLE_MIN {
        return if narrower {
            Encoding::Delta(planes(&steps(), delta_bits))
        } else {
            Encoding::Plain(plain)
        };
    }
    let packed_cost = length(column.len()) * u64::from(bits) * 16;
    let plain_cost: u64 = plain.iter().map(|plane| cost(plane)).sum();
    // Below a bit per cell there is nothing left to gain.
    let dear = plain_cost > length(column.len()) * 16;
    if dear && delta_bits.div_ceil(8) <= bits.div_ceil(8) {
        let delta = planes(&steps(), delta_bits);
        if delta.iter().map(|plane| cost(plane)).sum::<u64>() < plain_cost.min(packed_cost) {
            return Encoding::Delta(delta);
        }
    }
    if packed_cost < plain_cost { Encoding::Packed(bits) } else { Encoding::Plain(plain) }
}

/// Bits that hold this number, at least 1.
fn bits_of(value: u64) -> u32 {
    (u64::BITS - value.leading_zeros()).max(1)
}

fn planes(values: &(impl Iterator<Item = u64> + Clone), bits: u32) -> Vec<Vec<u8>> {
    let plane = |place: u32| {
        let byte = |value: u64| low_byte(value >> (8 * place));
        values.clone().map(byte).collect()
    };
    (0..bits.div_ceil(8)).map(plane).collect()
}

fn pack(out: &mut Vec<u8>, values: impl Iterator<Item = u64>, bits: u32) {
    let (mut held, mut count) = (0_u128, 0);
    for value in values {
        held |= u128::from(value) << count;
        count += bits;
        while count >= 8 {
            let [byte, ..] = held.to_le_bytes();
            out.push(byte);
            held >>= 8;
            count -= 8;
        }
    }
    if count > 0 {
        let [byte, ..] = held.to_le_bytes();
        out.push(byte);
    }
}

/// What a plane takes as it is, in sixteenths of a bit.
fn raw_cost(plane: &[u8]) -> u64 {
    length(plane.len()) * 128
}

/// About what a plane takes after compression, in sixteenths of a bit: its entropy and the
/// description of the code, at most what it takes as it is.
fn cost(plane: &[u8]) -> u64 {
    if plane.len() < SAMPLE_MIN {
        return 0;
    }
    let mut counts = [0_u32; 256];
    for byte in plane {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let all = log2(length(plane.len()));
    let of = |count: u64| count * (all - log2(count)) + SYMBOL_COST;
    let used = counts.iter().filter(|count| **count > 0);
    used.map(|count| of(u64::from(*count))).sum::<u64>().min(raw_cost(plane))
}

/// Binary logarithm in sixteenths, straight between powers of two.
fn log2(value: u64) -> u64 {
    let whole = u64::from(value.max(1).ilog2());
    16 * whole + ((value << 4 >> whole) & 15)
}

fn low_byte(value: u64) -> u8 {
    let [byte, ..] = value.to_le_bytes();
    byte
}

/// A LEB128 number.
pub(super) fn push_number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(low_byte(value) | 0x80);
        value >>= 7;
    }
    out.push(low_byte(value));
}
