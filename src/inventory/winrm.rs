//! What a host that is reached by WinRM needs, and may not have.

use std::net::IpAddr;
use std::path::PathBuf;

use crate::inventory::attribute::Value;
use crate::inventory::host::{Account, Host, Identity};
use crate::inventory::login::{Login, Mechanism, Pin, principal};
use crate::inventory::report::{At, Report};
use crate::inventory::table::{Key, code};
use crate::model::host::{Platform, TransportKind};
use crate::yaml::defect::quoted;
use crate::yaml::node::Place;

/// The port of a host that names none. WinRM's: 5986 with TLS, 5985 without. Source: Microsoft,
/// Installation and configuration for Windows Remote Management.
pub(super) const fn port(transport: TransportKind, tls: bool) -> u16 {
    match (transport, tls) {
        (TransportKind::Ssh | TransportKind::Local, _) => 22,
        (TransportKind::Winrm, true) => 5986,
        (TransportKind::Winrm, false) => 5985,
    }
}

/// Checks one of the texts of a login. `None`: it was refused, and is reported.
pub(super) fn value(
    key: Key,
    (text, place): (&str, Place),
    owner: &dyn Fn() -> String,
    report: &mut Report<'_>,
) -> Option<Value> {
    let (found, help) = match key {
        Key::TlsPin => (
            Pin::parse(text).map(Value::Pin),
            "write what `openssl s_client -connect HOST:5986 </dev/null | openssl x509 -noout -fingerprint \
             -sha256` prints, or `SHA256:` and its 64 digits or 43 characters of base64",
        ),
        Key::Spn => (
            is_service(text).then(|| Value::Text(text.into())),
            "write class and name, such as `HTTP/win-1.example.net`, without a realm",
        ),
        _ => (
            is_path(text).then(|| Value::Text(text.into())),
            "name a PEM file, such as `/etc/fleetstat/windows-ca.pem`",
        ),
    };
    if found.is_none() {
        let message = format!("`{key}` of {} is {}", owner(), quoted(text));
        report.at(code::BAD_VALUE, place, message, Some(help.to_owned()));
    }
    found
}

fn is_service(text: &str) -> bool {
    text.split_once('/').is_some_and(|(class, name)| {
        (1..=32).contains(&class.len())
            && class.chars().all(|c| c.is_ascii_alphabetic())
            && (1..=255).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || ".:_-".contains(c))
    })
}

fn is_path(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control) && !text.contains("-----BEGIN")
}

/// What a host's levels say of its login. `None`: nothing.
pub(super) fn login<'v>(value: &mut dyn FnMut(Key) -> Option<&'v Value>) -> Option<Box<Login>> {
    let mechanism = match value(Key::Auth) {
        Some(Value::Mechanism(mechanism)) => Some(*mechanism),
        _ => None,
    };
    let tls_pin = match value(Key::TlsPin) {
        Some(Value::Pin(pin)) => Some(*pin),
        _ => None,
    };
    let mut text = |key| match value(key) {
        Some(Value::Text(text)) => Some(text.to_string()),
        _ => None,
    };
    let (spn, tls_ca) = (text(Key::Spn), text(Key::TlsCa).map(PathBuf::from));
    let login = Login { mechanism, spn, tls_ca, tls_pin, kdcs: Vec::new() };
    (login != Login::default()).then(|| Box::new(login))
}

/// Refuses what cannot be done, before anything is tried.
pub(super) fn check(host: &Host, (at, report): (At, &mut Report<'_>)) {
    if host.asset.transport == TransportKind::Ssh {
        return not_by_ssh(host, (at, report));
    }
    if host.asset.transport != TransportKind::Winrm {
        return;
    }
    let (name, platform) = (&host.asset.name, host.asset.platform);
    if platform != Platform::Windows {
        let message = format!("host `{name}` is reached by winrm and is no Windows: {platform}");
        let help = "write `platform: windows`, or leave it out".to_owned();
        report.there(code::BAD_VALUE, at, message, Some(help));
    }
    let mechanism = host.mechanism();
    if !host.tls && matches!(mechanism, Mechanism::Basic | Mechanism::Certificate) {
        let message = format!("host `{name}` has `auth: {mechanism}` and `tls: false`");
        let help = "it needs verified HTTPS: remove `tls: false`, or write `auth: ntlm`".to_owned();
        report.there(code::POLICY, at, message, Some(help));
    }
    if let Some(account) = &host.account {
        identity(host, account, (at, report));
        if mechanism == Mechanism::Kerberos {
            kerberos(host, account, (at, report));
        }
    }
}

/// The account's identity must be one that the mechanism uses.
fn identity(host: &Host, account: &Account, (at, report): (At, &mut Report<'_>)) {
    let certificate = host.mechanism() == Mechanism::Certificate;
    let fits = |identity: &Identity| match identity {
        Identity::Password(_) => !certificate,
        Identity::TlsCertificate { .. } => certificate,
        Identity::File { .. } | Identity::Agent { .. } | Identity::AgentCertificate { .. } => false,
    };
    if account.identities.iter().any(fits) {
        return;
    }
    let (name, account) = (&host.asset.name, &account.name);
    let (lacks, help) = if certificate {
        (
            "`tls_certificate`",
            "add `tls_certificate: {certificate: PATH, key: PATH}` to the account",
        )
    } else {
        (
            "password",
            "add `password` with a source to the account, such as `password: {file: PATH}`",
        )
    };
    let message =
        format!("host `{name}` is reached by winrm, and its account `{account}` has no {lacks}");
    report.there(code::IDENTITY, at, message, Some(help.to_owned()));
}

/// Kerberos needs a realm to ask, and a name to ask for.
fn kerberos(host: &Host, account: &Account, (at, report): (At, &mut Report<'_>)) {
    let name = &host.asset.name;
    if principal(&account.user).is_none() {
        let message = format!(
            "host `{name}` has `auth: kerberos`, and the user {} of its account `{}` has no realm",
            quoted(&account.user),
            account.name
        );
        let help = r"write `user: 'CORP.EXAMPLE\svc'` or `user: svc@CORP.EXAMPLE`".to_owned();
        report.there(code::IDENTITY, at, message, Some(help));
    }
    let named = host.login.as_ref().is_some_and(|login| login.spn.is_some());
    if !named && host.service_name().parse::<IpAddr>().is_ok() {
        let message =
            format!("host `{name}` has `auth: kerberos`, and no name: a KDC knows no addresses");
        let help = "add `tls_name: NAME` or `spn: HTTP/NAME` to the host".to_owned();
        report.there(code::BAD_VALUE, at, message, Some(help));
    }
}

/// Whether an account has an identity for SSH, which has no use for a client certificate.
pub(super) fn fits_ssh(account: &Account) -> bool {
    !account.identities.iter().all(|one| matches!(one, Identity::TlsCertificate { .. }))
}

fn not_by_ssh(host: &Host, (at, report): (At, &mut Report<'_>)) {
    let Some(account) = &host.account else { return };
    if !fits_ssh(account) {
        let (name, account) = (&host.asset.name, &account.name);
        let message = format!(
            "host `{name}` is reached by ssh, and its account `{account}` has only a `tls_certificate`"
        );
        let help = "add `identity`, `agent` or `password` to the account".to_owned();
        report.there(code::IDENTITY, at, message, Some(help));
    }
}
