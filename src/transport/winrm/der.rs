//! The few elements of DER that are looked at: tag, length, content (X.690, 8.1 and 10.1).

/// The first element: its tag, its content, and what follows. `None`: the bytes are no element, or one
/// with a tag or length of more bytes than anything here has.
pub(super) fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = digits.iter().fold(0_usize, |sum, digit| sum << 8 | usize::from(*digit));
            (length, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// The content of the first element with a tag among those of a sequence.
pub(super) fn find(mut sequence: &[u8], wanted: u8) -> Option<&[u8]> {
    while !sequence.is_empty() {
        let (tag, content, rest) = element(sequence)?;
        if tag == wanted {
            return Some(content);
        }
        sequence = rest;
    }
    None
}

/// The content of the only element of `bytes`, which must have this tag.
pub(super) fn only(bytes: &[u8], wanted: u8) -> Option<&[u8]> {
    let (tag, content, rest) = element(bytes)?;
    (tag == wanted && rest.is_empty()).then_some(content)
}

/// An object identifier as people write it.
pub(super) fn dotted(oid: &[u8]) -> String {
    let mut parts: Vec<u64> = Vec::new();
    let mut part = 0_u64;
    for byte in oid {
        part = part.wrapping_shl(7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            if parts.is_empty() {
                // The first two share one number (X.690, 8.19.4).
                let first = (part / 40).min(2);
                parts.extend([first, part - first * 40]);
            } else {
                parts.push(part);
            }
            part = 0;
        }
    }
    parts.iter().map(ToString::to_string).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_has_a_tag_a_content_and_what_follows() {
        assert_eq!(element(&[4, 1, 9, 5]), Some((4, &[9][..], &[5][..])));
        assert_eq!(element(&[4, 0x81, 1, 9]), Some((4, &[9][..], &[][..])));
        for short in
            [&[][..], &[4], &[4, 2, 9], &[4, 0x81], &[4, 0x80, 0, 0], &[4, 0x85, 0, 0, 0, 0, 1]]
        {
            assert_eq!(element(short), None, "{short:?}");
        }
        assert_eq!(find(&[4, 1, 9, 5, 1, 8], 5), Some(&[8][..]));
        assert_eq!(only(&[4, 1, 9, 5], 4), None);
        assert_eq!(
            dotted(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10]),
            "1.2.840.113549.1.1.10"
        );
        assert_eq!(dotted(&[0x2b, 0x65, 0x70]), "1.3.101.112");
    }
}
