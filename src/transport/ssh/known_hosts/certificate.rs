//! Whether a host certificate proves what it says, apart from who signed it.
//!
//! In: a certificate, the name that was meant, the time. Out: nothing, or the objection. That its
//! authority is trusted for the name is the business of the lines of `known_hosts`. The rules are
//! those of `sshkey_cert_check_host` of OpenSSH, in its order; stricter in one point: a
//! certificate without principals is for no host (as OpenSSH 10.3 has it; 9.2 took it for all).

use russh::keys::ssh_key::certificate::CertType;
use russh::keys::ssh_key::{Algorithm, Certificate, HashAlg, PublicKey};

use super::line::{RSA_BITS_MIN, rsa_bits};
use crate::model::capture::HostCertificate;
use crate::model::text::escape;
use crate::model::time::Utc;

/// Most bytes of a certificate's text that are kept for a message.
const TEXT_BYTES_MAX: usize = 128;

/// Objects to a certificate that may not be believed for this name at this time.
///
/// # Errors
/// The objection, a fragment that goes on from "the certificate".
pub(super) fn check(certificate: &Certificate, principal: &str, now: Utc) -> Result<(), String> {
    if certificate.cert_type() != CertType::Host {
        return Err("is a user's, not a host's".to_owned());
    }
    check_time(certificate, now)?;
    check_principal(certificate, principal)?;
    if let Some((name, _)) = certificate.critical_options().iter().next() {
        return Err(format!("has the critical option `{}`, which is not known", shown(name)));
    }
    check_authority(certificate)
}

/// `valid after <= now < valid before`, in whole seconds. Source: PROTOCOL.certkeys.
fn check_time(certificate: &Certificate, now: Utc) -> Result<(), String> {
    // A clock before 1970 makes every certificate one of the future.
    let seconds = u64::try_from(now.micros().div_euclid(1_000_000)).unwrap_or(0);
    if seconds < certificate.valid_after() {
        return Err(format!("is valid only from {} on", time(certificate.valid_after())));
    }
    if seconds >= certificate.valid_before() {
        return Err(format!(
            "has expired: it was valid until {}",
            time(certificate.valid_before())
        ));
    }
    Ok(())
}

fn time(seconds: u64) -> String {
    let utc = i64::try_from(seconds).ok().and_then(Utc::from_seconds);
    // Certificates know whole seconds.
    let text = utc.map(|utc| utc.to_string().replace(".000000Z", "Z"));
    text.unwrap_or_else(|| format!("second {seconds} since 1970"))
}

fn check_principal(certificate: &Certificate, principal: &str) -> Result<(), String> {
    let listed = certificate.valid_principals();
    if listed.is_empty() {
        return Err("names no host at all; have it signed again with `ssh-keygen -n NAME`".into());
    }
    if listed.iter().any(|name| name == principal) {
        return Ok(());
    }
    let first: Vec<String> =
        listed.iter().take(3).map(|name| format!("`{}`", shown(name))).collect();
    let more = if listed.len() > 3 { " and others" } else { "" };
    let wanted = shown(principal);
    Err(format!("is for {}{more}, not for `{wanted}`", first.join(", ")))
}

/// The signature: by no broken algorithm, and right.
fn check_authority(certificate: &Certificate) -> Result<(), String> {
    let algorithm = certificate.signature().algorithm();
    match algorithm {
        Algorithm::Rsa { hash: None } => {
            return Err("is signed with SHA-1 (`ssh-rsa`); have it signed with rsa-sha2-512".into());
        }
        Algorithm::Ed25519
        | Algorithm::Ecdsa { .. }
        | Algorithm::Rsa { .. }
        | Algorithm::SkEd25519
        | Algorithm::SkEcdsaSha2NistP256 => {}
        _ => return Err(format!("is signed with `{}`", shown(algorithm.as_str()))),
    }
    let key = authority_key(certificate)?;
    if rsa_bits(&key).is_some_and(|bits| bits < RSA_BITS_MIN) {
        return Err(format!("is signed by an RSA key of fewer than {RSA_BITS_MIN} bits"));
    }
    certificate.verify_signature().map_err(|_| "has a signature that is not right".to_owned())
}

/// The authority's key, encoded.
///
/// # Errors
/// When it is no plain key.
pub(super) fn authority_key(certificate: &Certificate) -> Result<Vec<u8>, String> {
    encode(PublicKey::new(certificate.signature_key().clone(), ""))
}

/// The host's key in the certificate, encoded.
///
/// # Errors
/// When it cannot be encoded.
pub(super) fn contained_key(certificate: &Certificate) -> Result<Vec<u8>, String> {
    encode(PublicKey::new(certificate.public_key().clone(), ""))
}

#[expect(clippy::needless_pass_by_value, reason = "made for this call")]
fn encode(key: PublicKey) -> Result<Vec<u8>, String> {
    key.to_bytes().map_err(|_| "holds a key that cannot be encoded".to_owned())
}

/// What the record keeps of a certificate that was believed.
pub(super) fn record(certificate: &Certificate) -> HostCertificate {
    let until = certificate.valid_before();
    HostCertificate {
        authority: fingerprint(certificate),
        key_id: shown(certificate.key_id()),
        serial: certificate.serial(),
        valid_until: i64::try_from(until).ok().and_then(Utc::from_seconds),
    }
}

/// The authority's fingerprint, `SHA256:...`.
pub(super) fn fingerprint(certificate: &Certificate) -> String {
    certificate.signature_key().fingerprint(HashAlg::Sha256).to_string()
}

/// Text of a certificate for one line: cut and escaped.
fn shown(text: &str) -> String {
    let bytes = text.as_bytes();
    match bytes.get(..TEXT_BYTES_MAX) {
        Some(head) if bytes.len() > TEXT_BYTES_MAX => format!("{} [cut]", escape(head)),
        _ => escape(bytes),
    }
}
