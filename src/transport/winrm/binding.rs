//! What binds a login to a TLS channel: the hash of the server's certificate (RFC 5929, section 4),
//! and what went wrong where there is no channel.

use sha2::{Digest as _, Sha256, Sha384, Sha512};

use crate::model::fault::{Fault, FaultKind};
use crate::model::text::escape;
use crate::transport::winrm::der;

/// `1.2.840.113549.1.1`: the algorithms of PKCS #1.
const PKCS1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];

/// `2.16.840.1.101.3.4.2`: the hashes of NIST.
const NIST_HASHES: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];

/// `1.2.840.10045.4`: ECDSA.
const ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04];

/// The hash of a certificate as `tls-server-end-point` demands it: by the hash of its signature, or
/// SHA-256 where that is MD5 or SHA-1.
///
/// # Errors
/// The fault when its signature has no hash of its own (EdDSA), or one that is not known: the login
/// cannot be bound, and is not tried.
pub(super) fn end_point(certificate: &[u8]) -> Result<Vec<u8>, Fault> {
    let refused = |what: String| {
        let remedy = "give the host a certificate that is signed by RSA or ECDSA with SHA-2; \
                      `tls: false` seals every message without one";
        let detail = format!("the login cannot be bound to the certificate: {what}; {remedy}");
        Fault::new(FaultKind::TlsUntrusted, detail)
    };
    let (oid, parameters) =
        signature(certificate).ok_or_else(|| refused("it has no signature".to_owned()))?;
    let hash = match (oid.strip_prefix(PKCS1), oid.strip_prefix(ECDSA)) {
        // MD5 and SHA-1 count as SHA-256.
        (Some([0x04 | 0x05 | 0x0b]), _) | (_, Some([0x01] | [0x03, 0x02])) => Some(Hash::Sha256),
        (Some([0x0c]), _) | (_, Some([0x03, 0x03])) => Some(Hash::Sha384),
        (Some([0x0d]), _) | (_, Some([0x03, 0x04])) => Some(Hash::Sha512),
        (Some([0x0a]), _) => pss(parameters),
        _ => None,
    };
    match hash {
        Some(Hash::Sha256) => Ok(Sha256::digest(certificate).to_vec()),
        Some(Hash::Sha384) => Ok(Sha384::digest(certificate).to_vec()),
        Some(Hash::Sha512) => Ok(Sha512::digest(certificate).to_vec()),
        None => {
            Err(refused(format!("nobody knows the hash of its signature, {}", der::dotted(oid))))
        }
    }
}

enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// The hash of RSASSA-PSS stands in its parameters, under the tag 0; SHA-1 where there is none (RFC
/// 4055, 3.1).
fn pss(parameters: &[u8]) -> Option<Hash> {
    let parameters = match parameters {
        [] | [0x05, 0x00] => &[],
        more => der::only(more, 0x30)?,
    };
    let Some(algorithm) = der::find(parameters, 0xa0) else { return Some(Hash::Sha256) };
    let (0x06, oid, _) = der::element(der::only(algorithm, 0x30)?)? else { return None };
    // SHA-1: 1.3.14.3.2.26.
    if oid == [0x2b, 0x0e, 0x03, 0x02, 0x1a] {
        return Some(Hash::Sha256);
    }
    match oid.strip_prefix(NIST_HASHES)? {
        [0x01] => Some(Hash::Sha256),
        [0x02] => Some(Hash::Sha384),
        [0x03] => Some(Hash::Sha512),
        _ => None,
    }
}

/// The object identifier of a certificate's signature, and what follows it: the certificate is a
/// sequence of what is signed, the algorithm, and the signature (RFC 5280, 4.1).
fn signature(certificate: &[u8]) -> Option<(&[u8], &[u8])> {
    let (0x30, inside, _) = der::element(certificate)? else { return None };
    let (0x30, _, rest) = der::element(inside)? else { return None };
    let (0x30, algorithm, _) = der::element(rest)? else { return None };
    let (0x06, oid, parameters) = der::element(algorithm)? else { return None };
    Some((oid, parameters))
}

/// The fault of a TLS handshake that failed.
pub(super) fn tls_fault(error: &std::io::Error) -> Fault {
    use tokio_rustls::rustls::{AlertDescription, CertificateError, Error};
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    if let Some(Error::InvalidCertificate(CertificateError::Other(other))) = inner {
        return Fault::new(FaultKind::TlsUntrusted, told(&other.0));
    }
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
    let hint = match inner {
        Some(Error::InvalidMessage(_)) => {
            "; it does not speak TLS: check `port` (5986 is HTTPS, 5985 HTTP) and `tls` of the host"
        }
        _ => "",
    };
    Fault::new(kind, format!("{}{hint}", told(error)))
}

/// Characters of an error that are kept: it may repeat all names of a certificate, raw.
const TOLD_MAX: usize = 300;

fn told(error: &dyn std::fmt::Display) -> String {
    let text = escape(error.to_string().as_bytes());
    let mut kept: String = text.chars().take(TOLD_MAX).collect();
    if kept.len() < text.len() {
        kept.push_str("...");
    }
    format!("TLS: {kept}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).unwrap();
        [&[tag, length], content].concat()
    }

    fn certificate(oid: &[u8], parameters: &[u8]) -> Vec<u8> {
        let algorithm = der(0x30, &[der(0x06, oid), parameters.to_vec()].concat());
        der(0x30, &[der(0x30, b"what is signed"), algorithm, der(0x03, b"\0signature")].concat())
    }

    fn length(oid: &[u8], parameters: &[u8]) -> Option<usize> {
        end_point(&certificate(oid, parameters)).ok().map(|hash| hash.len())
    }

    #[test]
    fn the_hash_is_that_of_the_signature_and_never_a_weak_one() {
        let rsa = |last: u8| length(&[PKCS1, &[last]].concat(), &[5, 0]);
        assert_eq!([4, 5, 11, 12, 13].map(rsa), [Some(32), Some(32), Some(32), Some(48), Some(64)]);
        let ecdsa = |last: &[u8]| length(&[ECDSA, last].concat(), &[]);
        assert_eq!(
            [&[1][..], &[3, 2], &[3, 3], &[3, 4]].map(ecdsa),
            [Some(32), Some(32), Some(48), Some(64)]
        );
        let whole = certificate(&[PKCS1, &[11]].concat(), &[]);
        for cut in 0..whole.len() {
            assert!(end_point(&whole[..cut]).is_err());
        }
    }

    #[test]
    fn the_hash_of_pss_stands_in_its_parameters() {
        let pss = |hash: &[u8]| {
            let algorithm = der(0x30, &[der(0x06, hash), vec![5, 0]].concat());
            let mask = der(0xa1, &der(0x30, b"mask"));
            der(0x30, &[der(0xa0, &algorithm), mask].concat())
        };
        let of = |parameters: &[u8]| length(&[PKCS1, &[10]].concat(), parameters);
        let nist = |last: u8| of(&pss(&[NIST_HASHES, &[last]].concat()));
        assert_eq!([1, 2, 3].map(nist), [Some(32), Some(48), Some(64)]);
        assert_eq!(of(&pss(&[0x2b, 0x0e, 0x03, 0x02, 0x1a])), Some(32), "SHA-1");
        assert_eq!(of(&der(0x30, &[])), Some(32), "nothing said is SHA-1");
        assert_eq!(nist(8), None, "SHA3-256");
        assert_eq!(of(b"rubbish"), None);
    }

    #[test]
    fn names_of_a_certificate_are_escaped_and_not_told_without_end() {
        use tokio_rustls::rustls::pki_types::ServerName;
        use tokio_rustls::rustls::{CertificateError, Error};
        let fault = |presented: Vec<String>| {
            let expected = ServerName::try_from("win-1").unwrap();
            let error = CertificateError::NotValidForNameContext { expected, presented };
            tls_fault(&std::io::Error::other(Error::InvalidCertificate(error)))
        };
        let said = fault(vec!["\u{1b}[31m\r\nall hosts ok".to_owned()]).detail;
        assert!(said.ends_with("only valid for \\x1b[31m\\x0d\\x0aall hosts ok"), "{said}");
        let said = fault((0..9_000).map(|at| format!("n{at}")).collect()).detail;
        assert_eq!((said.len(), said.ends_with("...")), (TOLD_MAX + 8, true));
    }

    #[test]
    fn a_signature_that_is_not_known_is_named_with_what_to_do() {
        let fault = end_point(&certificate(&[0x2b, 0x65, 0x70], &[])).unwrap_err();
        assert_eq!(fault.kind, FaultKind::TlsUntrusted);
        assert!(fault.detail.contains("1.3.101.112; give the host a certificate"), "{fault}");
    }
}
