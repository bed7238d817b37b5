//! IPv6 addresses as text, and the IPv4 ones among them; hardware addresses.
//!
//! In: an address. Out: the address, in the form records keep.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::text::HostText;
use crate::probe::cursor::Cursor;

/// Reads a whole text as an IPv6 address (RFC 4291, 2.2), the last 32 bits possibly in dotted
/// form.
#[inline]
pub(super) fn ipv6(text: &[u8]) -> Option<Ipv6Addr> {
    let mut cursor = Cursor::new(text);
    // Groups before and after `::`, and how many of each.
    let (mut head, mut head_groups) = (0_u128, 0_u32);
    let (mut tail, mut tail_groups, mut gap) = (0_u128, 0_u32, false);
    if cursor.eat(b"::") {
        gap = true;
    }
    while !cursor.rest.is_empty() {
        let before = cursor;
        let group = cursor.hexadecimal()?;
        let (bits, groups) = if cursor.rest.first() == Some(&b'.') {
            cursor = before;
            (u128::from(cursor.ipv4()?.to_bits()), 2)
        } else {
            // A group has at most four digits, whatever their value.
            if before.rest.len() - cursor.rest.len() > 4 {
                return None;
            }
            (u128::from(group), 1)
        };
        let (value, count) =
            if gap { (&mut tail, &mut tail_groups) } else { (&mut head, &mut head_groups) };
        *value = *value << (16 * groups) | bits;
        *count += groups;
        if head_groups + tail_groups > 8 {
            return None;
        }
        if cursor.rest.is_empty() {
            break;
        }
        if groups == 2 || !cursor.eat(b":") {
            return None;
        }
        if cursor.eat(b":") {
            if gap {
                return None;
            }
            gap = true;
        } else if cursor.rest.is_empty() {
            return None;
        }
    }
    match (gap, head_groups + tail_groups) {
        (false, 8) => Some(Ipv6Addr::from(head)),
        (true, 0..=7) => {
            let high = head.checked_shl(16 * (8 - head_groups)).unwrap_or(0);
            Some(Ipv6Addr::from(high | tail))
        }
        _ => None,
    }
}

/// Turns v4-mapped ends of a socket into IPv4 ones, and with them an unspecified other end. True
/// when it did.
#[inline]
pub(crate) fn unmap(here: &mut IpAddr, there: &mut IpAddr) -> bool {
    let mapped = |end: &IpAddr| match end {
        IpAddr::V6(address) => address.to_ipv4_mapped(),
        IpAddr::V4(_) => None,
    };
    if mapped(here).is_none() && mapped(there).is_none() {
        return false;
    }
    for end in [here, there] {
        if let Some(v4) = mapped(end) {
            *end = v4.into();
        } else if end.is_unspecified() {
            *end = Ipv4Addr::UNSPECIFIED.into();
        }
    }
    true
}

/// Bytes of a hardware address: 6 of Ethernet to 20 of InfiniBand.
const HARDWARE_BYTES: std::ops::RangeInclusive<usize> = 6..=20;

/// Reads a hardware address in any of its spellings (`a.c6.24.39.41.3`, `0:0:5e:0:53:1`,
/// `00-00-5E-00-53-10`). Gives it in the one form of records, so that the same address in two answers
/// is the same text: two digits for each byte, lower case, colons between.
pub(super) fn hardware_address(word: &[u8]) -> Option<HostText<'static>> {
    let mark = *word.iter().find(|&&byte| matches!(byte, b':' | b'.' | b'-'))?;
    let mut out = Vec::with_capacity(word.len() + 6);
    let mut count = 0;
    for group in word.split(|&byte| byte == mark) {
        if !matches!(group.len(), 1 | 2) || !group.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        if count > 0 {
            out.push(b':');
        }
        if group.len() == 1 {
            out.push(b'0');
        }
        out.extend(group.iter().map(u8::to_ascii_lowercase));
        count += 1;
    }
    HARDWARE_BYTES.contains(&count).then(|| HostText::owned(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hardware_address_has_one_form_however_it_is_printed() {
        let read = |word: &str| hardware_address(word.as_bytes());
        let some = |text: &'static str| Some(HostText::from(text));
        assert_eq!(read("a.c6.24.39.41.3"), some("0a:c6:24:39:41:03"));
        assert_eq!(read("0:0:5E:0:1:5c"), some("00:00:5e:00:01:5c"));
        assert_eq!(read("00-00-5E-00-53-10"), some("00:00:5e:00:53:10"));
        for word in ["", "192.0.2.1", "1:2:3:4:5", "1:2:3:4:5:g", "1:2.3:4:5:6", "111:2:3:4:5:6"] {
            assert_eq!(read(word), None, "{word}");
        }
    }
    use proptest::prelude::*;

    fn std_ipv6(text: &str) -> Option<Ipv6Addr> {
        text.parse().ok()
    }

    #[test]
    fn odd_ipv6_texts_are_judged_as_the_standard_library_judges_them() {
        for text in [
            "",
            ":",
            "::",
            ":::",
            "::1",
            "1::",
            "1:::2",
            "1::2::3",
            "1:2:3:4:5:6:7:8",
            "1:2:3:4:5:6:7",
            "1:2:3:4:5:6:7:8:9",
            "1:2:3:4:5:6:7::",
            "::2:3:4:5:6:7:8",
            "1:2:3:4:5:6:7:8::",
            "::ffff:10.0.0.1",
            "::10.0.0.1:5",
            "1:2:3:4:5:6:1.2.3.4",
            "1:2:3:4:5:6:7:1.2.3.4",
            "12345::",
            "::1:",
            ":1::2",
            "::g",
            "::1.2.3",
            "::256.1.1.1",
        ] {
            assert_eq!(ipv6(text.as_bytes()), std_ipv6(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn addresses_read_as_the_standard_library_prints_them(v4: u32, v6: u128, keep: u128) {
            let v4 = Ipv4Addr::from(v4);
            let text = v4.to_string();
            prop_assert_eq!(Cursor::new(text.as_bytes()).ipv4(), Some(v4));
            // `keep` clears bits so that runs of zeros are common.
            for bits in [v6, v6 & keep & (keep << 7), v6 >> 96 | 0xffff << 32] {
                let v6 = Ipv6Addr::from(bits);
                prop_assert_eq!(ipv6(v6.to_string().as_bytes()), Some(v6));
            }
        }

        #[test]
        fn any_text_is_judged_as_the_standard_library_judges_it(text in "[0-9a-f:.]{0,24}") {
            prop_assert_eq!(ipv6(text.as_bytes()), std_ipv6(&text));
        }
    }
}
