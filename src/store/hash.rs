//! A quick hash for maps that live only in memory.
//!
//! Half a dozen map look-ups per socket made the standard hash an eighth of the cost of an ingest. This one folds a 64-bit product per word, with a seed that is drawn per process, so that
//! a host cannot choose names that collide. It is never stored.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;

/// A map with the quick hash.
pub(crate) type Map<K, V> = HashMap<K, V, Quick>;

/// An odd number without structure: the fraction of the golden ratio.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0_u8));

/// Makes the hashers of a map.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quick(u64);

impl Default for Quick {
    fn default() -> Self {
        Self(*SEED)
    }
}

impl BuildHasher for Quick {
    type Hasher = Folding;

    fn build_hasher(&self) -> Folding {
        Folding(self.0)
    }
}

/// The hash of one key under construction.
pub(crate) struct Folding(u64);

impl Hasher for Folding {
    fn finish(&self) -> u64 {
        fold(self.0 ^ FACTOR)
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        for (slot, byte) in last.iter_mut().zip(rest) {
            *slot = *byte;
        }
        self.write_u64(u64::from_le_bytes(last));
        self.write_usize(bytes.len());
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    fn write_u16(&mut self, value: u16) {
        self.write_u64(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = fold(self.0 ^ value).wrapping_add(value.rotate_left(32));
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(u64::try_from(value).unwrap_or(u64::MAX));
    }
}

fn fold(value: u64) -> u64 {
    let product = u128::from(value) * u128::from(FACTOR);
    let [low, high] = [product, product >> 64].map(|half| half & u128::from(u64::MAX));
    u64::try_from(low ^ high).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_that_differ_in_one_bit_or_in_length_spread_over_all_slots() {
        let quick = Quick::default();
        let numbers: HashSet<u64> = (0..64).map(|bit| quick.hash_one(1_u64 << bit) >> 48).collect();
        assert!(numbers.len() > 56, "{}", numbers.len());
        let texts: HashSet<u64> =
            (0..64).map(|length| quick.hash_one("a".repeat(length).as_bytes()) >> 48).collect();
        assert!(texts.len() > 56, "{}", texts.len());
    }
}
