//! What binds a login to a TLS channel: the hash of the server's certificate (RFC 5929, section 4),
//! and what went wrong where there is no channel.

use sha2::{Digest as _, Sha256, Sha384, Sha512};

use crate::model::fault::{Fault, FaultKind};

/// The hash of a certificate as `tls-server-end-point` demands it: by the hash of its signature, or
/// SHA-256 where that is MD5 or SHA-1. `None`: its signature has no hash of its own (EdDSA), or one
/// that is not known.
pub(super) fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    match signature_oid(certificate)? {
        // RSA and ECDSA with SHA-256; with MD5 or SHA-1.
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b | 0x04 | 0x05]
        | [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]
        | [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01] => Some(Sha256::digest(certificate).to_vec()),
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c]
        | [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03] => {
            Some(Sha384::digest(certificate).to_vec())
        }
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d]
        | [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04] => {
            Some(Sha512::digest(certificate).to_vec())
        }
        _ => None,
    }
}

/// The object identifier of a certificate's signature: the certificate is a sequence of what is
/// signed, the algorithm, and the signature (RFC 5280, 4.1).
fn signature_oid(certificate: &[u8]) -> Option<&[u8]> {
    let (0x30, inside, _) = element(certificate)? else { return None };
    let (0x30, _, rest) = element(inside)? else { return None };
    let (0x30, algorithm, _) = element(rest)? else { return None };
    let (0x06, oid, _) = element(algorithm)? else { return None };
    Some(oid)
}

/// The first element of DER: its tag, its content, and what follows.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
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

/// The fault of a TLS handshake that failed.
pub(super) fn tls_fault(error: &std::io::Error) -> Fault {
    use tokio_rustls::rustls::{AlertDescription, Error};
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let kind = match inner {
        Some(Error::InvalidCertificate(_) | Error::NoCertificatesPresented) => {
            FaultKind::TlsUntrusted
        }
        Some(
            Error::PeerIncompatible(_)
            | Error::AlertReceived(
                AlertDescription::HandshakeFailure
                | AlertDescription::ProtocolVersion
                | AlertDescription::InsufficientSecurity,
            ),
        ) => FaultKind::TlsNoCommon,
        _ => FaultKind::Lost,
    };
    Fault::new(kind, format!("TLS: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(oid: &[u8]) -> Vec<u8> {
        let der = |tag: u8, content: &[u8]| {
            let length = u8::try_from(content.len()).unwrap();
            [&[tag, length], content].concat()
        };
        let algorithm = der(0x30, &der(0x06, oid));
        der(0x30, &[der(0x30, b"what is signed"), algorithm, der(0x03, b"\0signature")].concat())
    }

    #[test]
    fn the_hash_is_that_of_the_signature_and_never_a_weak_one() {
        let rsa = |last: u8| certificate(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, last]);
        let lengths = |last| end_point(&rsa(last)).map(|hash| hash.len());
        assert_eq!([5, 11, 12, 13].map(lengths), [Some(32), Some(32), Some(48), Some(64)]);
        assert_eq!(end_point(&certificate(&[0x2b, 0x65, 0x70])), None, "Ed25519 has no hash");
        let whole = rsa(11);
        for cut in 0..whole.len() {
            assert_eq!(end_point(&whole[..cut]), None);
        }
    }
}
