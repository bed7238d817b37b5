//! Words of a line of `ip`, and the values that stand in them.
//!
//! In: bytes of one line. Out: words between blanks, addresses, prefixes. Knows no object of `ip`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::socket::Family;
use crate::model::text::HostText;
use crate::probe::address::ipv6;
use crate::probe::cursor::Cursor;

/// The words of a line, one after the other.
pub(super) struct Words<'a>(Cursor<'a>);

impl<'a> Words<'a> {
    /// Starts at the front of `text`.
    pub(super) const fn new(text: &'a [u8]) -> Self {
        Self(Cursor::new(text))
    }

    /// The next word, left where it is.
    pub(super) fn peek(&self) -> Option<&'a [u8]> {
        Words(self.0).next()
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.0.blanks();
        let word = self.0.token();
        (!word.is_empty()).then_some(word)
    }
}

/// A copy that borrows nothing.
pub(super) fn owned(word: &[u8]) -> HostText<'static> {
    HostText::owned(word.to_vec())
}

/// A copy in lower case.
pub(super) fn lower(word: &[u8]) -> HostText<'static> {
    HostText::owned(word.to_ascii_lowercase())
}

/// A number that is the whole word.
pub(super) fn number<T: TryFrom<u64>>(word: &[u8]) -> Option<T> {
    let mut cursor = Cursor::new(word);
    cursor.number().filter(|_| cursor.rest.is_empty())
}

/// An address that is the whole word.
pub(super) fn address(word: &[u8]) -> Option<IpAddr> {
    let mut cursor = Cursor::new(word);
    match cursor.ipv4() {
        Some(address) if cursor.rest.is_empty() => Some(address.into()),
        _ => ipv6(word).map(IpAddr::V6),
    }
}

/// `address/prefix`, or an address alone.
pub(super) fn network(word: &[u8]) -> Option<(IpAddr, u8)> {
    let (text, prefix) = match memchr::memchr(b'/', word) {
        Some(at) => {
            let (text, prefix) = word.split_at(at);
            (text, Some(number(prefix.get(1..)?)?))
        }
        None => (word, None),
    };
    let address = address(text)?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let prefix = prefix.unwrap_or(bits);
    (prefix <= bits).then_some((address, prefix))
}

/// Any address of the family.
pub(super) const fn any(family: Family) -> IpAddr {
    match family {
        Family::Ipv4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Family::Ipv6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}
