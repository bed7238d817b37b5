//! Learns the key of a host without logging in, for a person to compare.

use russh::keys::ssh_key::{Certificate, HashAlg, PublicKey};

use super::Ssh;
use super::client::{Purpose, Seen, server_text};
use super::handshake::handshake;
use super::known_hosts::{KnownHosts, LookupName, Shown, Verdict};
use super::policy::{Demands, Policies};
use super::wire::Carrier;
use crate::inventory::host::Host;
use crate::model::deadline::Deadlines;
use crate::model::fault::Fault;
use crate::model::time::Utc;
use crate::transport::dial::dial;

/// The key that a server showed, and proved to hold. Not trusted by that.
#[derive(Clone, Debug)]
pub struct ServerKey {
    /// The name under which it would stand in `known_hosts`.
    pub name: LookupName,
    /// Address that was connected to. `None`: a jump host did it.
    pub peer: Option<std::net::SocketAddr>,
    /// The key.
    pub key: PublicKey,
    /// The certificate that the key came in. `None`: none was asked for, or there is none.
    pub certificate: Option<Certificate>,
}

impl ServerKey {
    /// `SHA256:...`, as `ssh-keygen -l` prints it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.key.fingerprint(HashAlg::Sha256).to_string()
    }

    /// What is to be thought of it, at this time.
    ///
    /// # Errors
    /// When a key cannot be encoded: a fragment.
    pub fn judge(&self, known: &KnownHosts, now: Utc) -> Result<Verdict, String> {
        let shown = match &self.certificate {
            Some(certificate) => Shown::certificate(certificate)?,
            None => Shown::key(&self.key.to_bytes().map_err(|error| error.to_string())?),
        };
        Ok(known.judge(&self.name, &shown, now))
    }

    /// The key's type, e.g. `ssh-ed25519`, escaped.
    #[must_use]
    pub fn algorithm(&self) -> String {
        server_text(self.key.algorithm().as_str().as_bytes())
    }
}

/// Connects, runs one key exchange and leaves. No user name and no credential is sent. A certificate
/// is asked for where `known` could judge one.
///
/// # Errors
/// The fault when the host cannot be reached or shows no key.
pub async fn fetch_host_key(
    host: &Host,
    known: &KnownHosts,
    deadlines: &Deadlines,
) -> Result<ServerKey, Fault> {
    let tcp = dial(&host.asset.address, host.asset.port, deadlines.connect).await?;
    let peer = tcp
        .peer_addr()
        .map_err(|error| Fault::new(crate::model::fault::FaultKind::Lost, error.to_string()))?;
    learn((Carrier::Tcp(tcp), Some(peer)), host, known, deadlines).await
}

/// The same through the host's jump hosts. Those are entered as for a visit, so their keys must be
/// trusted already; the host itself is sent no user name and no credential.
///
/// # Errors
/// The fault when a jump host cannot be entered, or the host shows no key.
pub async fn fetch_host_key_behind(
    ssh: &Ssh,
    host: &Host,
    deadlines: &Deadlines,
) -> Result<ServerKey, Fault> {
    let slot = ssh.jumps.lease(ssh, &host.road, host.require_pq, deadlines).await?;
    let known = &ssh.known_hosts;
    let Some(slot) = slot else { return fetch_host_key(host, known, deadlines).await };
    let channel = slot.dial(&host.asset.address, host.asset.port, deadlines.connect).await?;
    learn((Carrier::Channel(channel), None), host, known, deadlines).await
}

async fn learn(
    (carrier, peer): (Carrier, Option<std::net::SocketAddr>),
    host: &Host,
    known: &KnownHosts,
    deadlines: &Deadlines,
) -> Result<ServerKey, Fault> {
    let legacy = host.legacy.as_ref().map(|legacy| legacy.algorithms.clone());
    let name = LookupName::of(host);
    let demands = Demands {
        legacy: legacy.unwrap_or_default(),
        post_quantum: host.require_pq,
        certificates: known.wants_certificate(&name),
    };
    let config = Policies::default().config(&[], &demands, deadlines)?;
    let seen = Seen::default();
    let result = handshake(carrier, config, Purpose::LearnKey, seen.clone(), deadlines).await;
    let (key, certificate) = {
        let mut notes = seen.notes();
        (notes.host_key.take(), notes.shown_certificate.take())
    };
    match (key, result) {
        (Some(key), _) => Ok(ServerKey { name, peer, key, certificate }),
        (None, Err(fault)) => Err(fault),
        (None, Ok(_)) => Err(Fault::new(
            crate::model::fault::FaultKind::KexNoCommon,
            "the server showed no host key",
        )),
    }
}
