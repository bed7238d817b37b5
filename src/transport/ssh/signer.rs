//! Signing: with a key in our memory, or with one that only ssh-agent knows.
//!
//! In: the bytes that a server wants signed. Out: the same bytes with the signature behind them, as
//! russh sends them on.

use std::sync::Arc;

use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::signature::Signer as _;
use russh::keys::ssh_encoding::Encode as _;
use russh::keys::ssh_key::private::KeypairData;
use russh::keys::ssh_key::{HashAlg, PrivateKey, PublicKey, Signature};

/// Why there is no signature.
#[derive(Debug)]
pub(super) enum Unsigned {
    /// The connection to the server has ended.
    Gone,
    /// The key or the agent did not sign. One line, not escaped.
    Refused(String),
}

impl From<russh::SendError> for Unsigned {
    fn from(_: russh::SendError) -> Self {
        Self::Gone
    }
}

/// Signs certificates' requests with a key in our memory. russh would do it by itself, but would
/// call an RSA certificate by its SHA-1 name, which OpenSSH refuses since 8.2.
pub(super) struct FileSigner(pub(super) Arc<PrivateKey>);

impl russh::Signer for FileSigner {
    type Error = Unsigned;

    async fn auth_sign(
        &mut self,
        _: &AgentIdentity,
        hash: Option<HashAlg>,
        mut to_sign: Vec<u8>,
    ) -> Result<Vec<u8>, Unsigned> {
        let refused = |error: &dyn std::fmt::Display| Unsigned::Refused(error.to_string());
        let signature: Signature = match (self.0.key_data(), hash) {
            (KeypairData::Rsa(key), Some(_)) => (key, hash).try_sign(&to_sign),
            (key, _) => key.try_sign(&to_sign),
        }
        .map_err(|error| refused(&error))?;
        signature.encode_prefixed(&mut to_sign).map_err(|error| refused(&error))?;
        Ok(to_sign)
    }
}

/// Signs with a key of ssh-agent.
pub(super) struct AgentSigner {
    pub(super) agent: AgentClient<tokio::net::UnixStream>,
    /// Set when the agent holds the key but not the certificate that is offered.
    pub(super) plain: Option<PublicKey>,
}

impl russh::Signer for AgentSigner {
    type Error = Unsigned;

    async fn auth_sign(
        &mut self,
        key: &AgentIdentity,
        hash: Option<HashAlg>,
        to_sign: Vec<u8>,
    ) -> Result<Vec<u8>, Unsigned> {
        let plain = self.plain.clone().map(AgentIdentity::from);
        let key = plain.as_ref().unwrap_or(key);
        self.agent
            .sign_request(key, hash, to_sign)
            .await
            .map_err(|error| Unsigned::Refused(error.to_string()))
    }
}
