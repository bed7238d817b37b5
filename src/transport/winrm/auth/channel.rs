//! Channel bindings of Kerberos over TLS (RFC 4121, section 4.1.1.2).
//!
//! In: an AP-REQ without bindings, the session key that it was made with, and the hash of the server's
//! certificate. Out: the same AP-REQ with the bindings in its authenticator.
//!
//! sspi would set them itself, and with them an authorization element of two bytes where four are
//! due (picky-krb 0.13.1, `KERB_AP_OPTIONS_CBT`), for which MIT's acceptor refuses the whole. The
//! element only says that the client knows of bindings; what is compared is their hash. So sspi is
//! given none, and the hash is put in afterwards: the authenticator is opened with the session key, 16
//! bytes of its checksum are replaced, and it is sealed again. Everything keeps its length.

use md5::{Digest as _, Md5};
use picky_krb::crypto::CipherSuite;

use crate::transport::winrm::der;

/// Key usage of the authenticator of an AP-REQ. Source: RFC 4120, section 7.5.1.
const AUTHENTICATOR: i32 = 11;

/// The head of the checksum field: the length of the bindings, 16, and bindings of zeros.
const UNBOUND: &[u8] = &[16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// The cipher of a session key. Two are used, both of AES (RFC 3962). `None`: another.
pub(super) const fn cipher(key: &[u8]) -> Option<CipherSuite> {
    match key.len() {
        32 => Some(CipherSuite::Aes256CtsHmacSha196),
        16 => Some(CipherSuite::Aes128CtsHmacSha196),
        _ => None,
    }
}

/// Puts the bindings into the AP-REQ of `token`. `None`: it has another form, or is sealed with another
/// key; nothing was changed.
pub(super) fn bind(token: &mut [u8], key: &[u8], hash: &[u8]) -> Option<()> {
    let sealed = authenticator(token)?;
    let at = token.len().checked_sub(sealed.len())?;
    // It is the last of the token.
    let tail = token.get(at..)?;
    if tail != sealed {
        return None;
    }
    let cipher = cipher(key)?.cipher();
    let mut plain = cipher.decrypt(key, AUTHENTICATOR, tail).ok()?;
    let mut found = memchr::memmem::find_iter(&plain, UNBOUND);
    let (place, None) = (found.next()?, found.next()) else { return None };
    plain.get_mut(place + 4..place + UNBOUND.len())?.copy_from_slice(&bindings(hash));
    let sealed = cipher.encrypt(key, AUTHENTICATOR, &plain).ok()?;
    let tail = token.get_mut(at..)?;
    if sealed.len() != tail.len() {
        return None;
    }
    tail.copy_from_slice(&sealed);
    Some(())
}

/// MD5 of addresses that are not given and `tls-server-end-point:` with the hash.
fn bindings(hash: &[u8]) -> [u8; 16] {
    let data = [b"tls-server-end-point:", hash].concat();
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes();
    let digest = Md5::new().chain_update([0; 16]).chain_update(length).chain_update(&data);
    digest.finalize().into()
}

/// The sealed authenticator of an AP-REQ (RFC 4120, 5.5.1) in its frame (RFC 4121, 4.1).
fn authenticator(token: &[u8]) -> Option<&[u8]> {
    let frame = der::only(token, 0x60)?;
    let (0x06, _, rest) = der::element(frame)? else { return None };
    let request = rest.strip_prefix(&[1, 0])?;
    let request = der::only(der::only(request, 0x6e)?, 0x30)?;
    let data = der::only(der::find(request, 0xa4)?, 0x30)?;
    der::only(der::find(data, 0xa2)?, 0x04)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x82], &length[..], content].concat()
    }

    fn token(key: &[u8], plain: &[u8]) -> Vec<u8> {
        let sealed = cipher(key).unwrap().cipher().encrypt(key, AUTHENTICATOR, plain).unwrap();
        let data = der(0x30, &[der(0xa0, &[2, 1, 18]), der(0xa2, &der(4, &sealed))].concat());
        let request = der(0x6e, &der(0x30, &[der(0xa3, b"ticket"), der(0xa4, &data)].concat()));
        let oid = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 1, 2, 2];
        der(0x60, &[&oid[..], &[1, 0], &request].concat())
    }

    #[test]
    fn the_hash_goes_into_the_sealed_authenticator_and_nothing_else_changes() {
        for key in [&[7_u8; 32][..], &[7; 16]] {
            let plain = [b"before", UNBOUND, b"\x3e\0\0\0 after"].concat();
            let mut token = token(key, &plain);
            let head = token.len() - authenticator(&token).unwrap().len();
            let (length, begin) = (token.len(), token[..head].to_vec());
            bind(&mut token, key, &[9; 32]).unwrap();
            assert_eq!((token.len(), &token[..head]), (length, &begin[..]));
            let sealed = authenticator(&token).unwrap();
            let opened = cipher(key).unwrap().cipher().decrypt(key, AUTHENTICATOR, sealed).unwrap();
            let bound = [&16_u32.to_le_bytes()[..], &bindings(&[9; 32])].concat();
            assert_eq!(opened, [b"before", &bound[..], b"\x3e\0\0\0 after"].concat());
        }
    }

    #[test]
    fn what_has_another_form_or_key_is_left_alone() {
        let key = [7; 32];
        let twice = [UNBOUND, UNBOUND].concat();
        for plain in [&b"no checksum at all, but of some length"[..], &twice] {
            let mut token = token(&key, plain);
            let before = token.clone();
            assert_eq!(bind(&mut token, &key, &[9; 32]), None);
            assert_eq!(token, before);
        }
        let mut whole = token(&key, UNBOUND);
        assert_eq!(bind(&mut whole, &[8; 32], &[9; 32]), None);
        assert_eq!(bind(&mut whole, &[7; 24], &[9; 32]), None);
        for cut in 0..whole.len() {
            assert_eq!(bind(&mut whole[..cut].to_vec(), &key, &[9; 32]), None);
        }
    }

    #[test]
    fn the_bindings_are_those_of_rfc_5929() {
        // Computed with Python: md5(bytes(16) + (53).to_bytes(4, "little") + b"tls-server-end-point:" + bytes(range(32))).
        let hash: Vec<u8> = (0..32).collect();
        let expected = [
            0x8f, 0x12, 0x14, 0xc9, 0xc9, 0xca, 0xb8, 0xdc, 0x3b, 0xf8, 0x66, 0xda, 0x9a, 0xba,
            0x57, 0xa7,
        ];
        assert_eq!(bindings(&hash), expected);
    }
}
