//! Whether sspi makes the key of an account that its KDC wants.
//!
//! In: the error with which a KDC asks for pre-authentication, and in it ETYPE-INFO2 (RFC 4120, section
//! 5.2.7.5). sspi (0.23.1) makes a key of AES with 256 bits and 4,096 rounds, with the salt of the first
//! entry, whatever is wanted; and after an answer under a key of 128 bits it cannot read a ticket with a
//! session key of 256. A KDC would call a right password wrong. So other accounts are told, before
//! anything that is made of the password leaves.

use crate::transport::winrm::der;

/// The pre-authentication data that tells.
const ETYPE_INFO2: &[u8] = &[19];

/// Rounds of the making of a key, as both AES ciphers have them unless a KDC says otherwise (RFC 3962,
/// section 4).
const ROUNDS: &[u8] = &[0, 0, 0x10, 0];

/// Whether the key that a KDC wants first is one that sspi makes.
///
/// # Errors
/// What is wanted.
pub(super) fn check(message: &[u8]) -> Result<(), &'static str> {
    let entries = entries(message).ok_or("the KDC does not say which")?;
    let (cipher, rounds) = der::element(entries)
        .and_then(|(tag, entry, _)| (tag == 0x30).then(|| first(entry)).flatten())
        .ok_or("the KDC has none")?;
    match (cipher, rounds) {
        ([18], None) => Ok(()),
        ([18], Some(rounds)) if rounds == ROUNDS => Ok(()),
        ([18], Some(_)) => Err("the KDC wants one that is made in another number of rounds"),
        ([17], _) => Err("the KDC wants one of AES with 128 bits"),
        _ => Err("the KDC wants one that is not of AES"),
    }
}

/// The entries of ETYPE-INFO2 in the data of an error.
fn entries(message: &[u8]) -> Option<&[u8]> {
    let fields = der::only(der::only(message, 0x7e)?, 0x30)?;
    let mut all = der::only(der::only(der::find(fields, 0xac)?, 0x04)?, 0x30)?;
    while let Some((0x30, data, rest)) = der::element(all) {
        if der::only(der::find(data, 0xa1)?, 0x02)? == ETYPE_INFO2 {
            return der::only(der::only(der::find(data, 0xa2)?, 0x04)?, 0x30);
        }
        all = rest;
    }
    None
}

/// The cipher of an entry and the rounds of its key.
fn first(entry: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let cipher = der::only(der::find(entry, 0xa0)?, 0x02)?;
    let rounds = match der::find(entry, 0xa2) {
        Some(rounds) => Some(der::only(rounds, 0x04)?),
        None => None,
    };
    Some((cipher, rounds))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, u8::try_from(content.len()).unwrap()], content].concat()
    }

    /// One entry of ETYPE-INFO2.
    pub(in super::super) fn entry(
        etype: u8,
        salt: Option<&[u8]>,
        rounds: Option<&[u8]>,
    ) -> Vec<u8> {
        let mut fields = der(0xa0, &der(2, &[etype]));
        fields.extend(salt.map(|salt| der(0xa1, &der(0x1b, salt))).unwrap_or_default());
        fields.extend(rounds.map(|rounds| der(0xa2, &der(4, rounds))).unwrap_or_default());
        der(0x30, &fields)
    }

    /// The error with which a KDC asks for pre-authentication.
    pub(in super::super) fn required(entries: &[Vec<u8>]) -> Vec<u8> {
        let data = |kind, value: &[u8]| {
            der(0x30, &[der(0xa1, &der(2, &[kind])), der(0xa2, &der(4, value))].concat())
        };
        let all = [data(2, &[]), data(19, &der(0x30, &entries.concat()))].concat();
        let fields = [der(0xa6, &der(2, &[25])), der(0xac, &der(4, &der(0x30, &all)))];
        der(0x7e, &der(0x30, &fields.concat()))
    }

    #[test]
    fn a_key_that_sspi_would_make_otherwise_is_told_before_it_is_made() {
        let usual = entry(18, Some(b"salt"), None);
        let small = entry(17, Some(b"salt"), None);
        let (bits, rounds) = (
            Err("the KDC wants one of AES with 128 bits"),
            Err("the KDC wants one that is made in another number of rounds"),
        );
        for (entries, expected) in [
            (vec![usual.clone()], Ok(())),
            (vec![entry(18, None, Some(ROUNDS)), small.clone()], Ok(())),
            (vec![small.clone()], bits),
            (vec![small, usual], bits),
            (vec![entry(18, None, Some(&[0, 0, 0x20, 0]))], rounds),
            (vec![entry(23, None, None)], Err("the KDC wants one that is not of AES")),
            (vec![], Err("the KDC has none")),
        ] {
            assert_eq!(check(&required(&entries)), expected, "{entries:?}");
        }
        assert_eq!(check(&[0x7e, 0]), Err("the KDC does not say which"));
    }
}
