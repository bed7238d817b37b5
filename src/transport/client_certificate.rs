//! A client certificate and its key, from PEM files.
//!
//! In: two files and, where the key is encrypted, how its passphrase is had. Out: what TLS signs
//! with, or why there is none. The files are read once in a run.

use std::path::Path;
use std::sync::Arc;

use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::SecretDocument;
use secrecy::{ExposeSecret as _, SecretString};
use tokio_rustls::rustls::crypto::ring::sign::any_supported_type;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;

use crate::secret::{self, SecretError};
use crate::transport::ssh::identity::IdentityError;

/// The label of an encrypted PKCS #8 key (RFC 7468, section 11).
const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";

/// Reads both files. `passphrase` may block.
pub(super) fn read(
    certificate: &Path,
    key: &Path,
    passphrase: Option<Box<dyn FnOnce() -> Result<SecretString, SecretError> + Send>>,
) -> Result<Arc<CertifiedKey>, IdentityError> {
    let bad =
        |path: &Path, reason: String| IdentityError::NotForTls { path: path.to_owned(), reason };
    let text = secret::public_file(certificate)?;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|error| bad(certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(bad(certificate, "it has no certificate in PEM".to_owned()));
    }
    let text = secret::private_file(key)?;
    let encrypted =
        std::str::from_utf8(&text).ok().and_then(|text| Some(&text[text.find(ENCRYPTED)?..]));
    let private = match (encrypted, passphrase) {
        (None, _) => {
            PrivateKeyDer::from_pem_slice(&text).map_err(|error| bad(key, error.to_string()))?
        }
        (Some(_), None) => {
            let reason = "it is encrypted; add `passphrase` beside `key`".to_owned();
            return Err(bad(key, reason));
        }
        (Some(pem), Some(fetch)) => {
            let (_, sealed) =
                SecretDocument::from_pem(pem).map_err(|error| bad(key, error.to_string()))?;
            let sealed = EncryptedPrivateKeyInfoRef::try_from(sealed.as_bytes())
                .map_err(|error| bad(key, error.to_string()))?;
            let open = sealed
                .decrypt(fetch()?.expose_secret())
                .map_err(|_| IdentityError::WrongPassphrase { path: key.to_owned() })?;
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(open.as_bytes().to_vec()))
        }
    };
    let signer = any_supported_type(&private).map_err(|error| bad(key, error.to_string()))?;
    let certified = CertifiedKey::new(chain, signer);
    certified
        .keys_match()
        .map_err(|_| bad(key, format!("it is not the key of {}", certificate.display())))?;
    Ok(Arc::new(certified))
}
