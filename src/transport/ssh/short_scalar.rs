//! ECDSA keys whose secret number is short.
//!
//! OpenSSH writes the number without leading zeros (RFC 4251, `mpint`), so one P-256 key in 256
//! has fewer than 32 bytes of it. The key library refuses those as of the wrong length; here they
//! are written anew with their zeros, which it takes.

use base64ct::{Base64, Encoding as _};
use russh::keys::ssh_key::{Cipher, Error, PrivateKey};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
const END: &str = "-----END OPENSSH PRIVATE KEY-----";
/// PROTOCOL.key of OpenSSH, section 1.
const MAGIC: &[u8] = b"openssh-key-v1\0";
/// Bytes of a secret number of P-256. The library takes short numbers of the longer curves.
const P256_BYTES: usize = 32;

/// Whether a key was refused for what is mended here. A wrong passphrase is told otherwise.
pub(super) const fn may_be(error: &Error) -> bool {
    matches!(error, Error::Encoding(_))
}

/// The key, if it is an ECDSA key of P-256 with a short number; `passphrase` if it is encrypted.
pub(super) fn read(text: &str, passphrase: Option<&SecretString>) -> Option<PrivateKey> {
    let file = decode_body(text)?;
    let mut fields = Fields(file.strip_prefix(MAGIC)?);
    let (cipher, _, _) = (fields.string()?, fields.string()?, fields.string()?);
    let _one: [u8; 4] = fields.array()?;
    let (public, private) = (fields.string()?, fields.string()?);
    let mut private = Zeroizing::new(private.to_vec());
    if cipher != b"none" {
        decrypt(text, passphrase?, fields.0, &mut private)?;
    }
    let widened = widen(&private)?;
    PrivateKey::from_bytes(&plain_file(public, &widened)?).ok()
}

/// The bytes of a key file.
fn decode_body(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let body = text.split_once(BEGIN)?.1.split_once(END)?.0;
    let mut letters = Zeroizing::new(Vec::with_capacity(body.len()));
    letters.extend(body.bytes().filter(|byte| !byte.is_ascii_whitespace()));
    let letters = std::str::from_utf8(&letters).ok()?;
    let mut bytes = Zeroizing::new(vec![0; letters.len()]);
    let length = Base64::decode(letters, &mut bytes).ok()?.len();
    bytes.truncate(length);
    Some(bytes)
}

/// Decrypts the private part in place; `tag` is what follows it in the file.
fn decrypt(text: &str, passphrase: &SecretString, tag: &[u8], private: &mut [u8]) -> Option<()> {
    let key = PrivateKey::from_openssh(text).ok()?;
    let cipher: Cipher = key.cipher();
    let (secret, iv) = key.kdf().derive_key_and_iv(cipher, passphrase.expose_secret()).ok()?;
    let tag = if tag.is_empty() { None } else { Some(tag.try_into().ok()?) };
    cipher.decrypt(&secret, &iv, private, tag).ok()
}

/// The private part with its number at full width.
fn widen(private: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut fields = Fields(private);
    let (first, second): ([u8; 4], [u8; 4]) = (fields.array()?, fields.array()?);
    let (kind, curve, point) = (fields.string()?, fields.string()?, fields.string()?);
    let (number, comment) = (fields.string()?, fields.string()?);
    if first != second || kind != b"ecdsa-sha2-nistp256" || number.len() >= P256_BYTES {
        return None;
    }
    let mut wide = [0; P256_BYTES];
    let zeros = P256_BYTES - number.len();
    wide.get_mut(zeros..)?.copy_from_slice(number);
    let wide = Zeroizing::new(wide);
    let mut out = Zeroizing::new(Vec::with_capacity(private.len() + P256_BYTES + 8));
    out.extend_from_slice(&first);
    out.extend_from_slice(&second);
    for field in [kind, curve, point, wide.as_slice(), comment] {
        put_string(&mut out, field)?;
    }
    // Padded to blocks of eight with 1, 2, 3 and so on.
    let padding = out.len().next_multiple_of(8) - out.len();
    out.extend((1_u8..).take(padding));
    Some(out)
}

/// A file that is not encrypted, of one key.
fn plain_file(public: &[u8], private: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let capacity = MAGIC.len() + public.len() + private.len() + 64;
    let mut out = Zeroizing::new(Vec::with_capacity(capacity));
    out.extend_from_slice(MAGIC);
    for field in [b"none".as_slice(), b"none", b""] {
        put_string(&mut out, field)?;
    }
    out.extend_from_slice(&1_u32.to_be_bytes());
    put_string(&mut out, public)?;
    put_string(&mut out, private)?;
    Some(out)
}

fn put_string(out: &mut Vec<u8>, bytes: &[u8]) -> Option<()> {
    out.extend_from_slice(&u32::try_from(bytes.len()).ok()?.to_be_bytes());
    out.extend_from_slice(bytes);
    Some(())
}

/// The fields of RFC 4251, section 5, in what is left.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn array(&mut self) -> Option<[u8; 4]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(u32::from_be_bytes(self.array()?)).ok()?;
        let (field, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(field)
    }
}
