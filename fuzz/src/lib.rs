//! Fuzzing of the readers: one target for each family of grammars, all held to one contract.
//!
//! The first byte of an input chooses the reader of the family, the second the size of the
//! chunks; the rest is the text.

mod contract;
mod family;

use fleetstat::probe::{reader_for, reader_names};

/// Every family, each with a fuzz target of its name.
#[must_use]
pub fn families() -> [&'static str; 12] {
    family::FAMILIES
}

/// The readers of a family, in order.
#[must_use]
pub fn readers(family: &str) -> Vec<&'static str> {
    reader_names().into_iter().filter(|name| family::family(name) == family).collect()
}

/// Runs one input.
///
/// # Panics
/// When a reader breaks the contract: the fuzzer keeps such an input.
pub fn run(family: &str, input: &[u8]) {
    let &[which, chunk, ref text @ ..] = input else { return };
    let readers = readers_once(family);
    let Some(name) = readers.get(usize::from(which) % readers.len().max(1)) else { return };
    let make = || reader_for(name).expect("a listed reader is there");
    if let Err(broken) = contract::keep(&make, text, usize::from(chunk) + 1) {
        panic!("{name}: {broken}");
    }
}

/// The readers of the one family that a process fuzzes.
fn readers_once(family: &str) -> &'static [&'static str] {
    static READERS: std::sync::OnceLock<Vec<&'static str>> = std::sync::OnceLock::new();
    READERS.get_or_init(|| readers(family))
}
