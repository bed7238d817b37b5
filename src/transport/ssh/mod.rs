//! SSH: one connection per host, one channel per command, and no trust that was not given before.
//!
//! In: a host of the inventory, keys, `known_hosts`. Out: a [`Session`]. The steps are in the
//! order of the files: `dial` (TCP), `wire` (the stream), `handshake` (who is the server, with
//! `client`, `policy` and `known_hosts`), `login` (who are we, with `identity`), `session`
//! and `follow` (commands). No credential is in reach before the handshake has ended well.

pub mod known_hosts;
pub mod identity;
mod agent;
mod certificate;
pub mod host_key;
mod client;
mod dial;
mod faults;
mod handshake;
mod interactive;
mod lockout;
mod login;
mod policy;
mod session;
mod signer;
mod follow;
mod wire;

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use russh::keys::ssh_key::HashAlg;

use self::client::{Purpose, Seen, server_text};
use self::handshake::Link;
use self::identity::{Ask, IdentityError, Keyring, Unlocked};
use self::known_hosts::{KnownHosts, LookupName};
use self::lockout::Lockout;
use self::login::Offer;
use self::policy::Policies;
use self::session::SshSession;
use crate::inventory::host::{Account, Host};
use crate::model::capture::Negotiated;
use crate::model::deadline::Deadlines;
use crate::model::fault::{Fault, FaultKind};
use crate::secret::surroundings::Surroundings;
use crate::transport::clock::Clock;
use crate::transport::{Session, Transport};

/// What the transport needs from outside.
#[derive(Clone)]
pub struct Settings {
    /// Trusted host keys.
    pub known_hosts: Arc<KnownHosts>,
    /// Where agent, home and credentials are.
    pub surroundings: Surroundings,
    /// Asks for a passphrase, e.g. [`crate::secret::ask`].
    pub ask: Ask,
    /// The run's clock.
    pub clock: Clock,
}

/// The SSH transport of one run.
#[derive(Debug)]
pub struct Ssh {
    known_hosts: Arc<KnownHosts>,
    keyring: Keyring,
    clock: Clock,
    policies: Policies,
    lockout: Lockout,
}

impl Ssh {
    /// The transport for one run.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            known_hosts: settings.known_hosts,
            keyring: Keyring::new(settings.surroundings, settings.ask, settings.clock),
            clock: settings.clock,
            policies: Policies::default(),
            lockout: Lockout::default(),
        }
    }

    /// Makes an account's identities ready: reads keys, certificates and passwords, asks for what is
    /// to be asked for, and keeps all for the run. They come in the account's order. To be called once per account before the run, so that an operator sees a
    /// mistake at once and not once per host.
    ///
    /// # Errors
    /// When one of them cannot be used. The same error comes again for every host.
    pub async fn unlock(&self, account: &Account) -> Result<Vec<Arc<Unlocked>>, IdentityError> {
        self.keyring.unlock(account).await
    }

    /// What may be offered to a place for an account. Errors of our own side come here, before the
    /// first packet.
    async fn offer<'a>(
        &'a self,
        account: &'a Account,
        (address, port): (&str, u16),
    ) -> Result<Offer<'a>, Fault> {
        let credentials = self
            .unlock(account)
            .await
            .map_err(|error| Fault::new(FaultKind::Internal, error.to_string()))?;
        let (place, user) = ((address.to_ascii_lowercase(), port), account.user.as_str());
        let credentials = self.lockout.admit(&place, user, credentials)?;
        Ok(Offer { place, user, credentials, lockout: &self.lockout, clock: self.clock })
    }

    async fn open(&self, host: &Host, deadlines: &Deadlines) -> Result<SshSession, Fault> {
        let account = host.account.as_deref().ok_or_else(|| {
            Fault::new(FaultKind::Internal, "the host has no account, and ssh needs one")
        })?;
        let offer = self.offer(account, (&host.asset.address, host.asset.port)).await?;
        let (mut link, peer) = self.reach(host, deadlines).await?;
        let identity = match login::login(&mut link, &offer, deadlines.authenticate).boxed().await {
            Ok(identity) => identity,
            Err(fault) => {
                link.leave().await;
                return Err(fault);
            }
        };
        Ok(SshSession {
            negotiated: negotiated(&link, identity),
            link,
            peer,
            clock: self.clock,
            channel_limit: deadlines.channel,
            commands: 0,
            sent: (self.clock.utc(), self.clock.instant()),
        })
    }

    /// A connection to the host, its key trusted, nobody logged in.
    async fn reach(
        &self,
        host: &Host,
        deadlines: &Deadlines,
    ) -> Result<(Link, std::net::IpAddr), Fault> {
        let name = LookupName::of(host);
        let known = &self.known_hosts;
        let certificates = known.wants_certificate(&name);
        let config = self.policies.config(&known.key_types(&name), certificates, deadlines)?;
        let tcp = dial::dial(&host.asset.address, host.asset.port, deadlines.connect).await?;
        let peer = tcp
            .peer_addr()
            .map_err(|error| Fault::new(FaultKind::Lost, format!("after connecting: {error}")))?
            .ip();
        let purpose = Purpose::Visit { known: Arc::clone(known), name, clock: self.clock };
        let link = handshake::handshake(tcp, config, purpose, Seen::default(), deadlines).await?;
        Ok((link, peer))
    }
}

impl Transport for Ssh {
    fn connect<'a>(
        &'a self,
        host: &'a Host,
        deadlines: &'a Deadlines,
    ) -> BoxFuture<'a, Result<Box<dyn Session>, Fault>> {
        let open = self.open(host, deadlines);
        open.map(|result| result.map(|session| Box::new(session) as Box<dyn Session>)).boxed()
    }
}

/// The record of what was agreed on.
fn negotiated(link: &Link, identity: String) -> Negotiated {
    let notes = link.seen.notes();
    let key = notes.host_key.as_ref();
    let agreed = notes.agreed.as_ref();
    let text = |pick: fn(&client::Agreed) -> &str| agreed.map(pick).unwrap_or_default().to_owned();
    let cipher = text(|agreed| &agreed.cipher);
    let mac = if policy::is_aead(&cipher) { String::new() } else { text(|agreed| &agreed.mac) };
    Negotiated {
        server: server_text(&link.observed.last_line()),
        host_key: key.map(|key| key.fingerprint(HashAlg::Sha256).to_string()).unwrap_or_default(),
        host_key_algorithm: text(|agreed| agreed.host_key_algorithm.as_str()),
        kex: text(|agreed| &agreed.kex),
        cipher,
        mac,
        strict_kex: agreed.is_some_and(|agreed| agreed.strict_kex),
        identity,
        host_certificate: notes.host_certificate.clone(),
    }
}
