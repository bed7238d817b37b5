//! The files on this controller that a visit needs.

use std::path::Path;

use crate::inventory::host::{Account, Host, Identity, SecretSource};
use crate::inventory::login::Mechanism;
use crate::model::host::TransportKind;

/// The files that a visit of this host reads, each with the inventory's key for it.
#[must_use]
pub fn of(host: &Host) -> Vec<(&Path, &'static str)> {
    let mut files = Vec::new();
    let winrm = host.asset.transport == TransportKind::Winrm;
    if let Some(account) = host.account.as_deref() {
        let by_certificate = winrm && host.mechanism() == Mechanism::Certificate;
        of_account(account, (winrm, by_certificate), &mut files);
    }
    for jump in host.road.iter() {
        of_account(&jump.account, (false, false), &mut files);
    }
    if let Some(path) = host.login.as_ref().and_then(|login| login.tls_ca.as_deref())
        && winrm
        && host.tls
    {
        files.push((path, "tls_ca"));
    }
    files
}

fn of_account<'a>(
    account: &'a Account,
    (winrm, by_certificate): (bool, bool),
    files: &mut Vec<(&'a Path, &'static str)>,
) {
    let mut secret = |source: &'a SecretSource, what| {
        if let SecretSource::File(path) = source {
            files.push((path, what));
        }
    };
    for identity in &account.identities {
        match identity {
            Identity::Password(source) if !by_certificate => secret(source, "password"),
            Identity::File { passphrase: Some(source), .. } if !winrm => {
                secret(source, "passphrase");
            }
            Identity::TlsCertificate { passphrase: Some(source), .. } if by_certificate => {
                secret(source, "passphrase");
            }
            _ => {}
        }
    }
    for identity in &account.identities {
        match identity {
            Identity::File { path, certificate, .. } if !winrm => {
                files.push((path, "identity"));
                files.extend(certificate.as_deref().map(|path| (path, "certificate")));
            }
            Identity::Agent { certificate: Some(path), .. } if !winrm => {
                files.push((path, "certificate"));
            }
            Identity::TlsCertificate { certificate, key, .. } if by_certificate => {
                files.push((certificate, "tls_certificate"));
                files.push((key, "tls_certificate"));
            }
            _ => {}
        }
    }
}
