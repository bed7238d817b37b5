//! What a host that is reached by WinRM needs, and may not have.

use crate::inventory::host::{Host, Identity};
use crate::inventory::report::{At, Report};
use crate::inventory::table::code;
use crate::model::host::{Platform, TransportKind};

/// The port of a host that names none. WinRM's: 5986 with TLS, 5985 without. Source: Microsoft,
/// Installation and configuration for Windows Remote Management.
pub(super) const fn port(transport: TransportKind, tls: bool) -> u16 {
    match (transport, tls) {
        (TransportKind::Ssh | TransportKind::Local, _) => 22,
        (TransportKind::Winrm, true) => 5986,
        (TransportKind::Winrm, false) => 5985,
    }
}

/// Refuses what WinRM cannot do, before anything is tried.
pub(super) fn check(host: &Host, (at, report): (At, &mut Report<'_>)) {
    if host.asset.transport != TransportKind::Winrm {
        return;
    }
    let (name, platform) = (&host.asset.name, host.asset.platform);
    if platform != Platform::Windows {
        let message = format!("host `{name}` is reached by winrm and is no Windows: {platform}");
        let help = "write `platform: windows`, or leave it out".to_owned();
        report.there(code::BAD_VALUE, at, message, Some(help));
    }
    let Some(account) = &host.account else { return };
    if !account.identities.iter().any(|identity| matches!(identity, Identity::Password(_))) {
        let account = &account.name;
        let message = format!(
            "host `{name}` is reached by winrm, and its account `{account}` has no password"
        );
        let help = "add `password` with a source to the account, such as `password: {file: PATH}`";
        report.there(code::IDENTITY, at, message, Some(help.to_owned()));
    }
}
