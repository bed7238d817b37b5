//! What ssh-agent holds, and which of it is ours to offer: what is named, and nothing else.
//!
//! In: the agent's socket, a fingerprint. Out: one key or certificate. Secrets never leave the
//! agent; signing is in `signer`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::ssh_key::{Certificate, HashAlg, PublicKey};
use tokio::time::timeout;

use super::identity::IdentityError;

/// Time for ssh-agent to list its keys; it does so in less than a millisecond.
const AGENT_TIME: Duration = Duration::from_secs(5);

/// What ssh-agent holds, and its socket.
pub(super) async fn held(
    socket: Option<&Path>,
) -> Result<(PathBuf, Vec<AgentIdentity>), IdentityError> {
    let socket = socket.ok_or(IdentityError::NoAgent)?;
    let silent = |reason: String| IdentityError::AgentSilent { socket: socket.to_owned(), reason };
    let asked = timeout(AGENT_TIME, async {
        AgentClient::connect_uds(socket).await?.request_identities().await
    });
    let held = asked
        .await
        .map_err(|_| silent(format!("nothing came in {} s", AGENT_TIME.as_secs())))?
        .map_err(|error| silent(error.to_string()))?;
    Ok((socket.to_owned(), held))
}

/// The certificate for the key named. An agent that holds two for one key would make us guess.
pub(super) fn choose_certificate(
    held: Vec<AgentIdentity>,
    wanted: &str,
) -> Result<Certificate, IdentityError> {
    let found = held.into_iter().filter_map(|identity| match identity {
        AgentIdentity::Certificate { certificate, .. } => {
            let key = certificate.public_key().fingerprint(HashAlg::Sha256).to_string();
            (key == wanted).then_some(certificate)
        }
        AgentIdentity::PublicKey { .. } => None,
    });
    let mut found: Vec<Certificate> = found.collect();
    match (found.pop(), found.is_empty()) {
        (Some(certificate), true) => Ok(certificate),
        (None, _) => {
            Err(IdentityError::NotInAgent { wanted: format!("a certificate for the key {wanted}") })
        }
        (Some(_), false) => Err(IdentityError::NotInAgent {
            wanted: format!(
                "exactly one certificate for the key {wanted} (but {}): remove the old ones",
                found.len() + 1
            ),
        }),
    }
}

/// The key named, or the only one: offering several would look like guessing and can lock an
/// account out.
pub(super) fn choose_key(
    held: Vec<AgentIdentity>,
    wanted: Option<&str>,
) -> Result<PublicKey, IdentityError> {
    let mut keys = held.into_iter().filter_map(|identity| match identity {
        AgentIdentity::PublicKey { key, .. } => Some(key),
        AgentIdentity::Certificate { .. } => None,
    });
    let not_there = |wanted: &str| IdentityError::NotInAgent { wanted: wanted.to_owned() };
    match wanted {
        Some(wanted) => keys
            .find(|key| key.fingerprint(HashAlg::Sha256).to_string() == wanted)
            .ok_or_else(|| not_there(wanted)),
        None => match <[PublicKey; 1]>::try_from(keys.collect::<Vec<_>>()) {
            Ok([key]) => Ok(key),
            Err(keys) => Err(not_there(&format!(
                "exactly one key (but {}): name one by its fingerprint",
                keys.len()
            ))),
        },
    }
}
