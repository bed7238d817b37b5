//! OpenSSH's key revocation lists: from bytes to what is revoked.
//!
//! In: a file as `ssh-keygen -k` makes it. Out: a [`RevocationList`]. The format is that of
//! PROTOCOL.krl. A signature in the list is not looked at, as OpenSSH does not either: who can
//! write the file can also put another in its place.

use std::collections::HashSet;

use russh::keys::ssh_key::Certificate;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::line::string;

/// The first bytes of a list. Source: `KRL_MAGIC`.
const MAGIC: &[u8] = b"SSHKRL\n\0";

/// What a list revokes.
#[derive(Debug, Default)]
pub(super) struct RevocationList {
    /// Encoded keys.
    keys: HashSet<Box<[u8]>>,
    sha1: HashSet<Box<[u8]>>,
    sha256: HashSet<Box<[u8]>>,
    certificates: Vec<Certificates>,
}

/// Certificates of one authority.
#[derive(Debug, Default)]
struct Certificates {
    /// The authority's encoded key; empty for any authority.
    authority: Box<[u8]>,
    /// Serial numbers, first and last.
    serials: Vec<(u64, u64)>,
    /// Serial number of the lowest bit, and bits as a big-endian number.
    bitmaps: Vec<(u64, Box<[u8]>)>,
    key_ids: HashSet<Box<[u8]>>,
}

/// True when a file is such a list and not one of text.
pub(super) fn is_krl(content: &[u8]) -> bool {
    content.starts_with(MAGIC)
}

/// Reads a list.
///
/// # Errors
/// What is wrong: a list that is understood by half would leave something trusted.
pub(super) fn parse(content: &[u8]) -> Result<RevocationList, String> {
    let mut rest = Bytes(content.strip_prefix(MAGIC).ok_or("is no key revocation list")?);
    let version = rest.number::<4>()?;
    if version != 1 {
        return Err(format!("is a key revocation list of version {version}, not 1"));
    }
    // Version of the content, date, flags, a reserved string and a comment.
    rest.take(3 * 8)?;
    rest.string()?;
    rest.string()?;
    let mut list = RevocationList::default();
    while !rest.0.is_empty() {
        let kind = rest.number::<1>()?;
        let section = Bytes(rest.string()?);
        match kind {
            1 => list.certificates.push(certificates(section)?),
            2 => list.keys.extend(section.strings()?),
            3 => list.sha1.extend(section.strings()?),
            // Signatures come last, and their content is the rest.
            4 => break,
            5 => list.sha256.extend(section.strings()?),
            255 => extension(section)?,
            _ => return Err(format!("has a section of kind {kind}, which is not known")),
        }
    }
    Ok(list)
}

fn certificates(mut section: Bytes<'_>) -> Result<Certificates, String> {
    let mut found = Certificates { authority: section.string()?.into(), ..Certificates::default() };
    section.string()?;
    while !section.0.is_empty() {
        let kind = section.number::<1>()?;
        let mut part = Bytes(section.string()?);
        match kind {
            0x20 => {
                while !part.0.is_empty() {
                    let serial = part.number::<8>()?;
                    found.serials.push((serial, serial));
                }
            }
            0x21 => found.serials.push((part.number::<8>()?, part.number::<8>()?)),
            0x22 => found.bitmaps.push((part.number::<8>()?, part.string()?.into())),
            0x23 => found.key_ids.extend(part.strings()?),
            0x39 => extension(part)?,
            _ => return Err(format!("has a list of certificates of kind {kind:#x}, not known")),
        }
    }
    Ok(found)
}

/// Passes over an extension, unless it says that it must be understood.
fn extension(mut section: Bytes<'_>) -> Result<(), String> {
    section.string()?;
    match section.number::<1>()? {
        0 => Ok(()),
        _ => Err("has a critical extension, which is not known".to_owned()),
    }
}

impl RevocationList {
    /// True when the key, encoded, is revoked.
    pub(super) fn has_key(&self, key: &[u8]) -> bool {
        self.keys.contains(key)
            || self.sha1.contains(&*Sha1::digest(key))
            || self.sha256.contains(&*Sha256::digest(key))
    }

    /// True when the certificate of this authority is revoked by its number or name. Its keys are
    /// asked for with [`has_key`](Self::has_key).
    pub(super) fn has_certificate(&self, certificate: &Certificate, authority: &[u8]) -> bool {
        let of_authority =
            |list: &&Certificates| list.authority.is_empty() || *list.authority == *authority;
        self.certificates.iter().filter(of_authority).any(|list| {
            list.key_ids.contains(certificate.key_id().as_bytes())
                || list.has_serial(certificate.serial())
        })
    }
}

impl Certificates {
    fn has_serial(&self, serial: u64) -> bool {
        // Authorities that do not count give all certificates the number 0.
        let within = |(first, last): &(u64, u64)| (*first..=*last).contains(&serial);
        let set = |(offset, bits): &(u64, Box<[u8]>)| {
            serial.checked_sub(*offset).is_some_and(|bit| has_bit(bits, bit))
        };
        serial != 0 && (self.serials.iter().any(within) || self.bitmaps.iter().any(set))
    }
}

/// A bit of a big-endian number.
fn has_bit(number: &[u8], bit: u64) -> bool {
    let from_end = usize::try_from(bit / 8).ok();
    let byte = from_end.and_then(|from_end| number.iter().rev().nth(from_end));
    byte.is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
}

/// Bytes that are read from the front.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(CUT)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A big-endian number of some bytes.
    fn number<const SIZE: usize>(&mut self) -> Result<u64, String> {
        let bytes = self.take(SIZE)?;
        Ok(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn string(&mut self) -> Result<&'a [u8], String> {
        let (text, rest) = string(self.0).ok_or(CUT)?;
        self.0 = rest;
        Ok(text)
    }

    /// All strings to the end.
    fn strings(mut self) -> Result<Vec<Box<[u8]>>, String> {
        let mut strings = Vec::new();
        while !self.0.is_empty() {
            strings.push(self.string()?.into());
        }
        Ok(strings)
    }
}

const CUT: &str = "is cut or damaged";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_is_cut_anywhere_or_of_another_version_is_refused() {
        let mut content = MAGIC.to_vec();
        content.extend(1_u32.to_be_bytes());
        content.extend([0; 3 * 8]);
        content.extend([0; 8]);
        content.extend([5, 0, 0, 0, 36, 0, 0, 0, 32]);
        content.extend([7; 32]);
        assert!(parse(&content).unwrap().sha256.contains(&[7; 32][..]));
        // Cut before the section, the list is whole.
        let head = content.len() - 41;
        for end in (0..content.len()).filter(|end| *end != head) {
            assert!(parse(&content[..end]).is_err(), "{end}");
        }
        content[11] = 2;
        assert!(parse(&content).unwrap_err().contains("version 2"));
    }

    #[test]
    fn unknown_sections_and_critical_extensions_are_refused() {
        let list = |kind: u8, section: &[u8]| {
            let mut content = MAGIC.to_vec();
            content.extend(1_u32.to_be_bytes());
            content.extend([0; 3 * 8 + 8]);
            content.push(kind);
            content.extend(u32::try_from(section.len()).unwrap().to_be_bytes());
            content.extend(section);
            parse(&content).map(|_| ())
        };
        assert_eq!(list(255, &[0, 0, 0, 1, b'x', 0]), Ok(()));
        assert!(list(255, &[0, 0, 0, 1, b'x', 1]).unwrap_err().contains("critical"));
        assert!(list(9, &[]).unwrap_err().contains("kind 9"));
    }

    #[test]
    fn serials_are_found_in_lists_ranges_and_bitmaps_and_zero_never() {
        let list = Certificates {
            serials: vec![(0, 3), (10, 10)],
            bitmaps: vec![(100, [0b1000_0000, 0b0000_0001].into())],
            ..Certificates::default()
        };
        let found: Vec<u64> = (0..200).filter(|serial| list.has_serial(*serial)).collect();
        assert_eq!(found, [1, 2, 3, 10, 100, 115]);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            rest in proptest::collection::vec(
                proptest::prop_oneof![0_u8..4, 0x20_u8..0x24, proptest::prelude::any::<u8>()],
                0..200,
            )
        ) {
            let mut content = MAGIC.to_vec();
            content.extend(1_u32.to_be_bytes());
            content.extend([0; 3 * 8 + 8]);
            content.extend(rest);
            if let Ok(list) = parse(&content) {
                list.has_key(b"key");
                list.certificates.iter().for_each(|list| { list.has_serial(7); });
            }
        }
    }
}
