//! SSH: one connection per host, one channel per command, and no trust that was not given before.
//!
//! In: a host of the inventory, keys, `known_hosts`. Out: a [`Session`]. The steps are in the
//! order of the files: `enter` (one connection, again when the server is at its limit: `gate`), `jump`
//! (sessions that others go through), `dial` (TCP), `wire` (the stream), `handshake` (who is the server, with
//! `client`, `policy` and `known_hosts`), `login` (who are we, with `identity`), `session`
//! and `follow` (commands). No credential is in reach before the handshake has ended well.

pub mod known_hosts;
pub mod identity;
pub mod host_key;
mod client;
mod dial;
mod enter;
mod faults;
mod gate;
mod handshake;
mod jump;
mod login;
mod policy;
mod session;
mod follow;
mod wire;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::time::timeout;

use self::enter::Door;
use self::gate::Gates;
use self::identity::{Ask, IdentityError, Keyring, Unlocked};
use self::jump::{Jumps, Slot};
use self::known_hosts::KnownHosts;
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
    gates: Gates,
    jumps: Jumps,
    refused: Mutex<HashSet<Offer>>,
}

/// A credential and the host it was offered to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Offer {
    /// The last jump host before it.
    road: Option<String>,
    address: String,
    port: u16,
    user: String,
    fingerprint: String,
}

impl Offer {
    /// The server's address as its gate knows it.
    fn place(&self) -> String {
        format!("{} {}", self.road.as_deref().unwrap_or_default(), self.address)
    }
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
            gates: Gates::default(),
            jumps: Jumps::default(),
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

    /// Goes the whole road, within the host's deadline.
    async fn open(&self, host: &Host, deadlines: &Deadlines) -> Result<SshSession, Fault> {
        let account = host.account.as_deref().ok_or_else(|| {
            Fault::new(FaultKind::Internal, "the host has no account, and ssh needs one")
        })?;
        let way = async {
            self.jumps.sweep().await;
            let slot = self.jumps.lease(self, &host.road, host.require_pq, deadlines).await?;
            let door = Door::of_host(host, account);
            let entered = self.enter(&door, slot.as_ref(), deadlines).await?;
            Ok((entered, slot))
        };
        let (entered, slot) = timeout(deadlines.host, way.boxed()).await.unwrap_or_else(|_| {
            let seconds = deadlines.host.as_secs_f64();
            let detail = format!("the host was not entered in {seconds} s");
            Err(Fault::new(FaultKind::Deadline, detail))
        })?;
        let jumps = slot.as_ref().map(Slot::hops).unwrap_or_default();
        Ok(SshSession {
            negotiated: Negotiated { jumps, ..entered.negotiated },
            link: entered.link,
            peer: entered.peer,
            slot,
            clock: self.clock,
            channel_limit: deadlines.channel,
            commands: 0,
            sent: (self.clock.utc(), self.clock.instant()),
        })
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

    fn finish(&self) -> BoxFuture<'_, ()> {
        self.jumps.close().boxed()
    }
}
