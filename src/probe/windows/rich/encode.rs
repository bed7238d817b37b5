//! A script as the word behind `-EncodedCommand`: UTF-16LE in base64 (RFC 4648, 4), made when
//! fleetstat is compiled.
//!
//! In: an ASCII script. Out: the word. Knows nothing of what a script says.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Length of the word: four characters for each three bytes, of which each character takes two.
pub(super) const fn length(script: &str) -> usize {
    (script.len() * 2).div_ceil(3) * 4
}

/// The word. `N` is what [`length`] gives.
#[expect(clippy::indexing_slicing, reason = "runs at build time: a panic is the build error")]
pub(super) const fn bytes<const N: usize>(script: &str) -> [u8; N] {
    let script = script.as_bytes();
    let mut out = [b'='; N];
    let mut at = 0;
    while at < N / 4 {
        let mut group = 0;
        let mut told = 0;
        while told < 3 {
            group = group << 8 | wide(script, at * 3 + told) as usize;
            told += 1;
        }
        let left = script.len() * 2 - at * 3;
        let mut place = 0;
        while place < 4 {
            // One byte fills two characters, two fill three; the rest stays `=`.
            if place <= left {
                out[at * 4 + place] = ALPHABET[group >> (18 - 6 * place) & 63];
            }
            place += 1;
        }
        at += 1;
    }
    out
}

/// Byte `at` of the UTF-16LE form; 0 behind the end.
#[expect(clippy::indexing_slicing, reason = "runs at build time: a panic is the build error")]
const fn wide(script: &[u8], at: usize) -> u8 {
    if at.is_multiple_of(2) && at / 2 < script.len() {
        let byte = script[at / 2];
        assert!(byte.is_ascii(), "a script holds ASCII alone");
        byte
    } else {
        0
    }
}

/// The word as text.
///
/// # Panics
/// Never: base64 is ASCII.
#[expect(clippy::panic, reason = "runs at build time: a panic is the build error")]
pub(super) const fn text(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => panic!("base64 is ASCII"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_gives_the_right_padding() {
        assert_eq!(text(&bytes::<{ length("") }>("")), "");
        assert_eq!(text(&bytes::<{ length("a") }>("a")), "YQA=");
        assert_eq!(text(&bytes::<{ length("ab") }>("ab")), "YQBiAA==");
        assert_eq!(text(&bytes::<{ length("abc") }>("abc")), "YQBiAGMA");
        assert_eq!(text(&bytes::<{ length("~|~|") }>("~|~|")), "fgB8AH4AfAA=");
    }
}
