//! User certificates: from a file or an agent to one that is worth offering.
//!
//! In: the certificate, the key it stands for, the time. Out: the certificate with its label and
//! what the operator should know of it, or why it cannot be used. Whether the issuer is trusted is
//! the server's decision; what would only be refused there is refused here, before the first
//! packet. Source: PROTOCOL.certkeys of OpenSSH.

use std::path::Path;

use russh::keys::ssh_key::certificate::CertType;
use russh::keys::ssh_key::public::KeyData;
use russh::keys::ssh_key::{Certificate, HashAlg};

use super::identity::IdentityError;
use crate::model::text::escape;
use crate::model::time::Utc;
use crate::secret;

/// A user certificate that is in force and belongs to the key.
#[derive(Clone, Debug)]
pub(super) struct Certified {
    pub(super) certificate: Certificate,
    /// For messages: `certificate "id", serial 7, until 2026-11-24T09:00:00Z`.
    pub(super) label: String,
    /// When it ends. `None`: never.
    pub(super) until: Option<Utc>,
    /// What will not work as one might think, whoever logs in with it.
    pub(super) warnings: Vec<String>,
}

/// Reads the certificate of a file.
pub(super) fn read(path: &Path) -> Result<Certificate, IdentityError> {
    let not_one = |reason: String| IdentityError::NotACertificate { path: path.to_owned(), reason };
    let content = secret::public_file(path)?;
    let text = std::str::from_utf8(&content).map_err(|error| not_one(error.to_string()))?;
    if text.contains("PRIVATE KEY") {
        return Err(not_one("it is a private key".to_owned()));
    }
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    match (lines.next(), lines.next()) {
        (Some(line), None) => {
            Certificate::from_openssh(line).map_err(|error| not_one(error.to_string()))
        }
        _ => Err(not_one("it must hold one line".to_owned())),
    }
}

/// Checks a certificate against its key and the time. The text says where it is.
pub(super) fn check(
    (certificate, place): (Certificate, String),
    key: &KeyData,
    now: Utc,
) -> Result<Certified, IdentityError> {
    let id = escape(certificate.key_id().as_bytes());
    let unusable = |reason: String| {
        let certificate = format!("{place}, \"{id}\"");
        Err(IdentityError::UnusableCertificate { certificate, reason })
    };
    if certificate.cert_type() != CertType::User {
        return unusable("is for a host, not for a user; sign the key without `-h`".to_owned());
    }
    if certificate.public_key() != key {
        let (its, ours) = (
            certificate.public_key().fingerprint(HashAlg::Sha256),
            key.fingerprint(HashAlg::Sha256),
        );
        return unusable(format!("is for the key {its}, not for {ours}; name the pair"));
    }
    if certificate.verify_signature().is_err() {
        return unusable("has a signature that is wrong; have the key signed again".to_owned());
    }
    let (from, until) = (time(certificate.valid_after()), time(certificate.valid_before()));
    if from.is_some_and(|from| now < from) {
        let from = from.unwrap_or(now);
        return unusable(format!("is not valid before {from}; check this controller's clock"));
    }
    if let Some(until) = until.filter(|until| *until <= now) {
        return unusable(format!("expired at {until}; have the key signed again"));
    }
    let serial = certificate.serial();
    let until_text = until.map_or("without end".to_owned(), |until| format!("until {until}"));
    let label = format!("certificate \"{id}\", serial {serial}, {until_text}");
    let warnings = warnings(&certificate, &label);
    Ok(Certified { certificate, label, until, warnings })
}

/// Seconds as they stand in a certificate. `None`: past the end of the calendar; all bits set
/// stand for never.
fn time(seconds: u64) -> Option<Utc> {
    Utc::from_seconds(i64::try_from(seconds).ok()?)
}

/// What the certificate's critical options do to a run.
fn warnings(certificate: &Certificate, label: &str) -> Vec<String> {
    let mut warnings = Vec::new();
    for (name, value) in certificate.critical_options().iter() {
        let value = escape(value.as_bytes());
        warnings.push(match name.as_str() {
            "force-command" => format!(
                "{label}: the host runs `{value}` in place of every command, so answers are right \
                 only if that is a gate which passes them on"
            ),
            "source-address" => {
                format!("{label}: it is taken only from {value}; check that we connect from there")
            }
            name => {
                let name = escape(name.as_bytes());
                format!("{label}: servers that do not know its critical option `{name}` refuse it")
            }
        });
    }
    warnings
}

impl Certified {
    /// What the operator should know when this user logs in with it.
    pub(super) fn warning_for(&self, user: &str) -> Option<String> {
        let principals = self.certificate.valid_principals();
        if principals.iter().any(|principal| principal == user) {
            return None;
        }
        let user = escape(user.as_bytes());
        let label = &self.label;
        if principals.is_empty() {
            return Some(format!(
                "{label}: it names no principal, and OpenSSH takes it for `{user}` only with an \
                 AuthorizedPrincipalsFile"
            ));
        }
        let named = escape(principals.join(", ").as_bytes());
        Some(format!(
            "{label}: `{user}` is not among its principals ({named}), so a host takes it only if \
             its AuthorizedPrincipalsFile maps them"
        ))
    }

    /// Whether it has ended by now.
    pub(super) fn has_ended(&self, now: Utc) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}
