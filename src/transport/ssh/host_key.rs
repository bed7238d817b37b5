//! Learns the key of a host without logging in, for a person to compare.

use std::sync::Arc;

use russh::keys::ssh_key::{HashAlg, PublicKey};

use super::client::{Purpose, Seen, server_text};
use super::dial::dial;
use super::handshake::handshake;
use super::known_hosts::LookupName;
use super::policy::Policies;
use crate::inventory::host::Host;
use crate::model::deadline::Deadlines;
use crate::model::fault::Fault;

/// The key that a server showed, and proved to hold. Not trusted by that.
#[derive(Clone, Debug)]
pub struct ServerKey {
    /// The name under which it would stand in `known_hosts`.
    pub name: LookupName,
    /// Address that was connected to.
    pub peer: std::net::SocketAddr,
    /// The key.
    pub key: PublicKey,
}

impl ServerKey {
    /// `SHA256:...`, as `ssh-keygen -l` prints it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.key.fingerprint(HashAlg::Sha256).to_string()
    }

    /// The key's type, e.g. `ssh-ed25519`, escaped.
    #[must_use]
    pub fn algorithm(&self) -> String {
        server_text(self.key.algorithm().as_str().as_bytes())
    }
}

/// Connects, runs one key exchange and leaves. No user name and no credential is sent.
///
/// # Errors
/// The fault when the host cannot be reached or shows no key.
pub async fn fetch_host_key(host: &Host, deadlines: &Deadlines) -> Result<ServerKey, Fault> {
    let tcp = dial(&host.asset.address, host.asset.port, deadlines.connect).await?;
    let peer = tcp
        .peer_addr()
        .map_err(|error| Fault::new(crate::model::fault::FaultKind::Lost, error.to_string()))?;
    let config = Policies::default().config(&[], false, deadlines)?;
    let seen = Seen::default();
    let result = handshake(tcp, Arc::clone(&config), Purpose::LearnKey, seen.clone(), deadlines);
    let result = result.await;
    let key = seen.notes().host_key.take();
    match (key, result) {
        (Some(key), _) => Ok(ServerKey { name: LookupName::of(host), peer, key }),
        (None, Err(fault)) => Err(fault),
        (None, Ok(_)) => Err(Fault::new(
            crate::model::fault::FaultKind::KexNoCommon,
            "the server showed no host key",
        )),
    }
}
