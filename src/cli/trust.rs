//! Whom to trust: the files of host keys that the options name, read, with what is odd in them said.

use std::path::PathBuf;

use crate::cli::problem::Problem;
use crate::cli::setting::Setting;
use crate::transport::ssh::known_hosts::KnownHosts;

/// Reads these files of trusted keys, and the revoked ones that the options name.
///
/// # Errors
/// When one cannot be read, or may revoke something and cannot be understood.
pub(super) fn read(setting: &Setting, files: &[PathBuf]) -> Result<KnownHosts, Problem> {
    let refused = |error: crate::transport::ssh::known_hosts::FileError| {
        Problem::new("FS-CFG-002", error.to_string())
    };
    let mut known = KnownHosts::read(files).map_err(refused)?;
    let revoked = setting.settings.revoked_host_keys.as_ref();
    for file in revoked.into_iter().flat_map(|chosen| &chosen.value) {
        known.read_revoked(file).map_err(refused)?;
    }
    for warning in known.warnings() {
        tracing::warn!("known_hosts: {warning}");
    }
    for fault in known.faults() {
        tracing::warn!("known_hosts {}: {}: the line is not used", fault.place, fault.reason);
    }
    Ok(known)
}
