//! SSH: one connection per host, one channel per command, and no trust that was not given before.
//!
//! In: a host of the inventory, keys, `known_hosts`. Out: a [`Session`]. The steps are in the
//! order of the files: `dial` (TCP), `wire` (the stream), `handshake` (who is the server, with
//! `client`, `policy` and `known_hosts`), `login` (who are we, with `identity`), `session`
//! and `follow` (commands). No credential is in reach before the handshake has ended well.

pub mod known_hosts;
pub mod identity;
pub mod host_key;
mod client;
mod dial;
mod faults;
mod handshake;
mod login;
mod policy;
mod session;
mod follow;
mod wire;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use russh::keys::ssh_key::HashAlg;
use tokio::time::timeout;

use self::client::{Purpose, Seen, server_text};
use self::handshake::Link;
use self::identity::{Ask, IdentityError, Keyring, Unlocked};
use self::known_hosts::{KnownHosts, LookupName};
use self::login::LoginFault;
use self::policy::Policies;
use self::session::SshSession;
use crate::inventory::host::{Account, Host};
use crate::model::capture::Negotiated;
use crate::model::deadline::Deadlines;
use crate::model::fault::{Fault, FaultKind};
use crate::model::text::escape;
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
    refused: Mutex<HashSet<Offer>>,
}

/// A credential and the host it was offered to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Offer {
    address: String,
    port: u16,
    user: String,
    fingerprint: String,
}

impl Ssh {
    /// The transport for one run.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            known_hosts: settings.known_hosts,
            keyring: Keyring::new(settings.surroundings, settings.ask),
            clock: settings.clock,
            policies: Policies::default(),
            refused: Mutex::default(),
        }
    }

    /// Makes an account's key ready: reads it, asks for its passphrase if need be, and keeps it
    /// for the run. To be called once per account before the run, so that an operator sees a
    /// mistake at once and not once per host.
    ///
    /// # Errors
    /// When there is no usable key. The same error comes again for every host.
    pub async fn unlock(&self, account: &Account) -> Result<Arc<Unlocked>, IdentityError> {
        self.keyring.unlock(&account.identity).await
    }

    async fn open(&self, host: &Host, deadlines: &Deadlines) -> Result<SshSession, Fault> {
        let account = host.account.as_deref().ok_or_else(|| {
            Fault::new(FaultKind::Internal, "the host has no account, and ssh needs one")
        })?;
        // Errors of our own side come before the first packet.
        let identity = self
            .unlock(account)
            .await
            .map_err(|error| Fault::new(FaultKind::AuthRefused, error.to_string()))?;
        let offer = Offer {
            address: host.asset.address.to_ascii_lowercase(),
            port: host.asset.port,
            user: account.user.clone(),
            fingerprint: identity.fingerprint.clone(),
        };
        self.check_not_refused(&offer, &identity)?;
        let (mut link, peer) = self.reach(host, deadlines).await?;
        let login = login::login(&mut link, &account.user, &identity).boxed();
        let result = timeout(deadlines.authenticate, login).await.unwrap_or_else(|_| {
            let seconds = deadlines.authenticate.as_secs_f64();
            let user = escape(account.user.as_bytes());
            let detail = format!("no answer to the login of `{user}` in {seconds} s");
            Err(LoginFault { fault: Fault::new(FaultKind::Deadline, detail), offered: true })
        });
        if let Err(failed) = result {
            if failed.offered {
                self.refused().insert(offer);
            }
            link.leave().await;
            return Err(failed.fault);
        }
        Ok(SshSession {
            negotiated: negotiated(&link, &identity),
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

    /// The same credential is never offered twice to a host that did not take it.
    fn check_not_refused(&self, offer: &Offer, identity: &Unlocked) -> Result<(), Fault> {
        if !self.refused().contains(offer) {
            return Ok(());
        }
        let user = escape(offer.user.as_bytes());
        let detail = format!(
            "`{user}` with {} was not accepted earlier in this run and is not tried again",
            identity.label
        );
        Err(Fault::new(FaultKind::AuthRefused, detail))
    }

    fn refused(&self) -> std::sync::MutexGuard<'_, HashSet<Offer>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
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
fn negotiated(link: &Link, identity: &Unlocked) -> Negotiated {
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
        identity: identity.label.clone(),
        host_certificate: notes.host_certificate.clone(),
    }
}
