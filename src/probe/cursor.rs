//! Reads numbers, dotted addresses and words from the front of a line, without copying.
//!
//! In: bytes of one line. Out: values, or `None` where the bytes are something else. Knows nothing
//! of any tool. Written by hand because a general parser would take most of the time of a row.

use std::net::Ipv4Addr;

/// What is left of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    /// The bytes not yet read.
    pub(super) rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// Starts at the front of `line`.
    pub(super) const fn new(line: &'a [u8]) -> Self {
        Self { rest: line }
    }

    /// Skips spaces and TABs. Padded lines hold hundreds, so eight at a time first.
    #[inline]
    pub(super) fn blanks(&mut self) {
        while let Some((b"        ", tail)) = self.rest.split_first_chunk::<8>() {
            self.rest = tail;
        }
        while let [b' ' | b'\t', tail @ ..] = self.rest {
            self.rest = tail;
        }
    }

    /// Takes everything up to the next blank or the end.
    #[inline]
    pub(super) fn token(&mut self) -> &'a [u8] {
        let end = self.rest.iter().position(|&byte| is_blank(byte)).unwrap_or(self.rest.len());
        let (token, tail) = self.rest.split_at(end);
        self.rest = tail;
        token
    }

    /// Takes `prefix` if it stands next.
    #[inline]
    pub(super) fn eat(&mut self, prefix: &[u8]) -> bool {
        match self.rest.strip_prefix(prefix) {
            Some(tail) => {
                self.rest = tail;
                true
            }
            None => false,
        }
    }

    /// Takes `prefix`, which must stand next.
    #[inline]
    pub(super) fn after(&mut self, prefix: &[u8]) -> Option<&mut Self> {
        if self.eat(prefix) { Some(self) } else { None }
    }

    /// True at a blank or at the end of the line: a word ends here.
    #[inline]
    pub(super) fn at_word_end(&self) -> bool {
        self.rest.first().is_none_or(|&byte| is_blank(byte))
    }

    /// Takes a decimal number of at least one digit. `None` when it does not fit.
    #[inline]
    pub(super) fn decimal(&mut self) -> Option<u64> {
        let mut rest = self.rest;
        let mut value = 0_u64;
        while let [digit @ b'0'..=b'9', tail @ ..] = rest {
            value = value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
            rest = tail;
        }
        if rest.len() == self.rest.len() {
            return None;
        }
        self.rest = rest;
        Some(value)
    }

    /// Takes a decimal number that fits `T`.
    #[inline]
    pub(super) fn number<T: TryFrom<u64>>(&mut self) -> Option<T> {
        T::try_from(self.decimal()?).ok()
    }

    /// Takes hexadecimal digits, at least one. `None` when they do not fit.
    #[inline]
    pub(super) fn hexadecimal(&mut self) -> Option<u64> {
        let mut rest = self.rest;
        let mut value = 0_u64;
        while let [digit, tail @ ..] = rest
            && let Some(nibble) = nibble(*digit)
        {
            if value >> 60 != 0 {
                return None;
            }
            value = value << 4 | u64::from(nibble);
            rest = tail;
        }
        if rest.len() == self.rest.len() {
            return None;
        }
        self.rest = rest;
        Some(value)
    }

    /// Takes exactly `N` hexadecimal digits, at most eight.
    #[inline]
    pub(super) fn hex_digits<const N: usize>(&mut self) -> Option<u32> {
        let (digits, tail) = self.rest.split_first_chunk::<N>()?;
        let mut value = 0_u32;
        let mut seen = 0_u8;
        for &digit in digits {
            let nibble = NIBBLES.get(usize::from(digit)).copied().unwrap_or(NOT_HEX);
            seen |= nibble;
            value = value << 4 | u32::from(nibble & 0xf);
        }
        if seen & NOT_HEX != 0 {
            return None;
        }
        self.rest = tail;
        Some(value)
    }

    /// Takes an IPv4 address in dotted form.
    #[inline]
    pub(super) fn ipv4(&mut self) -> Option<Ipv4Addr> {
        let mut rest = self.rest;
        let mut octets = [0_u8; 4];
        for (place, octet) in octets.iter_mut().enumerate() {
            if place > 0 {
                rest = rest.strip_prefix(b".")?;
            }
            let mut value = 0_u32;
            let mut digits = 0;
            while let [digit @ b'0'..=b'9', tail @ ..] = rest
                && digits < 3
            {
                value = value * 10 + u32::from(digit - b'0');
                digits += 1;
                rest = tail;
            }
            if digits == 0 {
                return None;
            }
            *octet = u8::try_from(value).ok()?;
        }
        self.rest = rest;
        Some(Ipv4Addr::from(octets))
    }
}

/// A blank inside a line.
pub(super) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

const NOT_HEX: u8 = 0x80;

/// Value of each byte as a hexadecimal digit; [`NOT_HEX`] for others.
const NIBBLES: [u8; 256] = nibbles();

#[expect(clippy::indexing_slicing, reason = "runs at build time: a panic is the build error")]
const fn nibbles() -> [u8; 256] {
    let mut table = [NOT_HEX; 256];
    let mut value = 0;
    while value < 16_u8 {
        table[b"0123456789abcdef"[value as usize] as usize] = value;
        table[b"0123456789ABCDEF"[value as usize] as usize] = value;
        value += 1;
    }
    table
}

#[inline]
fn nibble(digit: u8) -> Option<u8> {
    NIBBLES.get(usize::from(digit)).copied().filter(|&value| value != NOT_HEX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_do_not_fit_are_refused() {
        assert_eq!(Cursor::new(b"18446744073709551615 ").decimal(), Some(u64::MAX));
        assert_eq!(Cursor::new(b"18446744073709551616").decimal(), None);
        assert_eq!(Cursor::new(b"ffffffffffffffff").hexadecimal(), Some(u64::MAX));
        assert_eq!(Cursor::new(b"1ffffffffffffffff").hexadecimal(), None);
        assert_eq!(Cursor::new(b"65536").number::<u16>(), None);
        assert_eq!(Cursor::new(b"00fG").hex_digits::<4>(), None);
        assert_eq!(Cursor::new(b"00fF9").hex_digits::<4>(), Some(255));
    }
}
