//! Authentication: one identity, offered once, on a connection whose host key is trusted.

use std::sync::Arc;

use russh::client::AuthResult;
use russh::keys::PrivateKeyWithHashAlg;
use russh::keys::agent::client::AgentClient;
use russh::keys::ssh_key::HashAlg;

use super::handshake::Link;
use super::identity::{Signer, Unlocked};
use crate::model::fault::{Fault, FaultKind};
use crate::model::text::escape;

/// Why a login failed.
#[derive(Debug)]
pub(super) struct LoginFault {
    pub(super) fault: Fault,
    /// The credential was offered: it must not be offered to this host again.
    pub(super) offered: bool,
}

fn not_offered(kind: FaultKind, detail: impl Into<String>) -> LoginFault {
    LoginFault { fault: Fault::new(kind, detail), offered: false }
}

/// Logs in. The caller sets the deadline.
pub(super) async fn login(
    link: &mut Link,
    user: &str,
    identity: &Unlocked,
) -> Result<(), LoginFault> {
    let result = match &identity.signer {
        Signer::File(key) => {
            let hash = rsa_hash(link, key.algorithm().is_rsa()).await?;
            let key = PrivateKeyWithHashAlg::new(Arc::clone(key), hash);
            link.handle.authenticate_publickey(user, key).await.map_err(|error| error.to_string())
        }
        Signer::Agent { socket, key } => {
            let hash = rsa_hash(link, key.algorithm().is_rsa()).await?;
            let mut agent = AgentClient::connect_uds(socket).await.map_err(|error| {
                not_offered(FaultKind::AuthRefused, format!("ssh-agent does not answer: {error}"))
            })?;
            if let Some(binding) = link.handle.agent_session_binding() {
                // Agents before OpenSSH 8.9 do not know this; keys bound to hosts then refuse to
                // sign, all others are not affected.
                let _ = agent.bind_session(binding, false).await;
            }
            link.handle
                .authenticate_publickey_with(user, key.clone(), hash, &mut agent)
                .await
                .map_err(|error| format!("ssh-agent did not sign: {error}"))
        }
    };
    match result {
        Ok(AuthResult::Success) => Ok(()),
        Ok(AuthResult::Failure { partial_success, .. }) => {
            Err(refused(link, user, identity, partial_success).await)
        }
        Err(reason) => {
            let detail = format!("`{}`: {}", escape(user.as_bytes()), escape(reason.as_bytes()));
            Err(LoginFault { fault: Fault::new(FaultKind::AuthRefused, detail), offered: true })
        }
    }
}

/// A failure is a refusal, or the connection has ended in the middle.
async fn refused(link: &mut Link, user: &str, identity: &Unlocked, partial: bool) -> LoginFault {
    let user = escape(user.as_bytes());
    let label = &identity.label;
    let mut detail = if partial {
        format!("`{user}` with {label}: accepted, but the server wants a second factor")
    } else {
        format!("`{user}` with {label} was refused")
    };
    let mut kind = FaultKind::AuthRefused;
    if link.handle.is_closed() {
        let ending = link.ending().await;
        if ending.by_message {
            detail = format!("{detail}: {}", ending.reason);
        } else if !ending.reason.contains("No authentication method") {
            kind = FaultKind::Lost;
            detail = format!("during the login of `{user}`, {}", ending.reason);
        }
    }
    if let Some(banner) = link.seen.notes().banner.as_deref().filter(|text| !text.is_empty()) {
        detail = format!("{detail} (banner: {banner})");
    }
    LoginFault { fault: Fault::new(kind, detail), offered: true }
}

/// The hash for an RSA signature: never SHA-1. A server that announces nothing is tried with
/// SHA-512, which OpenSSH knows since 7.2. Asking waits up to a second, so only for RSA.
async fn rsa_hash(link: &Link, is_rsa: bool) -> Result<Option<HashAlg>, LoginFault> {
    if !is_rsa {
        return Ok(None);
    }
    match link.handle.best_supported_rsa_hash().await {
        Ok(Some(Some(hash))) => Ok(Some(hash)),
        Ok(None) => Ok(Some(HashAlg::Sha512)),
        Ok(Some(None)) => Err(not_offered(
            FaultKind::AuthRefused,
            "the server takes RSA keys with SHA-1 only; use an ed25519 key",
        )),
        Err(error) => Err(not_offered(
            FaultKind::Lost,
            format!("before the login: {}", escape(error.to_string().as_bytes())),
        )),
    }
}
