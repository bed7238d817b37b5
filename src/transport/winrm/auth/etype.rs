//! Which key of an account a KDC wants: its cipher, and what is mixed into the password.
//!
//! In: the error with which a KDC asks for pre-authentication. Out: what makes the key (ETYPE-INFO2, RFC
//! 4120, section 5.2.7.5). sspi makes one of AES with 256 bits whatever is wanted; a KDC would call a
//! right password wrong, so other keys are made here.

use picky_krb::crypto::CipherSuite;
use zeroize::Zeroizing;

use crate::transport::winrm::der;

/// The pre-authentication data that tells.
const ETYPE_INFO2: &[u8] = &[19];

/// Rounds of the making of a key, as both AES ciphers have them unless a KDC says otherwise (RFC 3962,
/// section 4).
const ROUNDS: &[u8] = &[0, 0, 0x10, 0];

/// What makes a key of a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    cipher: CipherSuite,
    /// `None`: the realm and the name.
    salt: Option<Vec<u8>>,
    /// sspi would make the same.
    pub(super) is_usual: bool,
}

impl Key {
    /// Its cipher.
    pub(super) fn cipher(&self) -> CipherSuite {
        self.cipher.clone()
    }

    /// The key. `None`: it cannot be made.
    pub(super) fn of(&self, password: &str, realm: &str, name: &str) -> Option<Zeroizing<Vec<u8>>> {
        let usual = || [realm, name].concat().into_bytes();
        let salt = self.salt.clone().unwrap_or_else(usual);
        let key = self.cipher.cipher().generate_key_from_password(password.as_bytes(), &salt);
        key.ok().map(Zeroizing::new)
    }
}

/// The first key that a KDC takes and that we can make.
///
/// # Errors
/// Why there is none: then nothing may be sent that is made of the password.
pub(super) fn read(message: &[u8]) -> Result<Key, &'static str> {
    let entries = entries(message).ok_or("the KDC does not say what makes it")?;
    let (mut rest, mut place) = (entries, 0);
    let mut other_rounds = false;
    while let Some((tag, entry, more)) = der::element(rest) {
        let key = (tag == 0x30).then(|| one(entry)).flatten();
        match key {
            Some((cipher, salt, rounds)) if rounds.is_none_or(|rounds| rounds == ROUNDS) => {
                let is_usual = place == 0 && cipher == CipherSuite::Aes256CtsHmacSha196;
                return Ok(Key { cipher, salt: salt.map(<[u8]>::to_vec), is_usual });
            }
            Some(_) => other_rounds = true,
            None => {}
        }
        (rest, place) = (more, place + 1);
    }
    Err(if other_rounds { "it is made in another number of rounds" } else { "it has none of AES" })
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

type Entry<'a> = (CipherSuite, Option<&'a [u8]>, Option<&'a [u8]>);

/// Cipher, salt and rounds of an entry. `None`: it is not of AES.
fn one(entry: &[u8]) -> Option<Entry<'_>> {
    let cipher = match der::only(der::find(entry, 0xa0)?, 0x02)? {
        [18] => CipherSuite::Aes256CtsHmacSha196,
        [17] => CipherSuite::Aes128CtsHmacSha196,
        _ => return None,
    };
    let salt = match der::find(entry, 0xa1) {
        Some(salt) => Some(der::only(salt, 0x1b)?),
        None => None,
    };
    let rounds = match der::find(entry, 0xa2) {
        Some(rounds) => Some(der::only(rounds, 0x04)?),
        None => None,
    };
    Some((cipher, salt, rounds))
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
    fn the_first_key_of_aes_is_made_as_the_kdc_says_and_no_other() {
        let (aes256, aes128) = (CipherSuite::Aes256CtsHmacSha196, CipherSuite::Aes128CtsHmacSha196);
        let key = |cipher: &CipherSuite, salt: Option<&[u8]>, is_usual| {
            Ok(Key { cipher: cipher.clone(), salt: salt.map(<[u8]>::to_vec), is_usual })
        };
        let none = "it has none of AES";
        let rounds = "it is made in another number of rounds";
        for (entries, expected) in [
            (vec![entry(18, Some(b"s"), None)], key(&aes256, Some(b"s"), true)),
            (vec![entry(18, None, Some(ROUNDS))], key(&aes256, None, true)),
            (vec![entry(17, Some(b""), None)], key(&aes128, Some(b""), false)),
            (
                vec![entry(23, None, None), entry(18, Some(b"s"), None)],
                key(&aes256, Some(b"s"), false),
            ),
            (
                vec![entry(17, Some(b"a"), None), entry(18, Some(b"b"), None)],
                key(&aes128, Some(b"a"), false),
            ),
            (
                vec![entry(18, None, Some(&[0, 0, 0x20, 0])), entry(17, None, None)],
                key(&aes128, None, false),
            ),
            (vec![entry(18, None, Some(&[0, 0, 0x20, 0]))], Err(rounds)),
            (vec![entry(23, None, None)], Err(none)),
            (vec![], Err(none)),
        ] {
            assert_eq!(read(&required(&entries)), expected, "{entries:?}");
        }
        assert_eq!(read(&[0x7e, 0]), Err("the KDC does not say what makes it"));
        let one = read(&required(&[entry(17, None, None)])).unwrap();
        assert_eq!(one.of("x", "LAB.TEST", "svc").map(|key| key.len()), Some(16));
    }
}
