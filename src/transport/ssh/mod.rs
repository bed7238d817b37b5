//! SSH: one connection per host, one channel per command, and no trust that was not given before.
//!
//! In: a host of the inventory, keys, `known_hosts`. Out: a [`Session`]. The steps are in the
//! order of the files: `enter` (one connection, again when the server is at its limit: `gate`), `jump`
//! (sessions that others go through), `dial` (TCP), `wire` (the stream), `handshake` (who is the server, with
//! `client`, `policy` and `known_hosts`), `login` (who are we, with `identity`), `session`
//! and `follow` (commands). No credential is in reach before the handshake has ended well.

pub mod known_hosts;
pub mod identity;
mod agent;
mod certificate;
pub mod host_key;
mod client;
mod enter;
mod faults;
mod gate;
mod handshake;
mod interactive;
mod jump;
mod login;
mod policy;
mod session;
mod short_scalar;
mod signer;
mod follow;
mod wire;

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::time::timeout;

use self::enter::Door;
use self::gate::Gates;
use self::identity::{Ask, IdentityError, Keyring, Unlocked};
use self::jump::{Jumps, Slot};
use self::known_hosts::KnownHosts;
use self::login::Offer;
use self::policy::Policies;
use self::session::SshSession;
use crate::inventory::host::{Account, Host};
use crate::model::capture::Negotiated;
use crate::model::deadline::Deadlines;
use crate::model::fault::{Fault, FaultKind};
use crate::secret::surroundings::Surroundings;
use crate::transport::clock::Clock;
use crate::transport::lockout::Lockout;
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
    keyring: Arc<Keyring>,
    clock: Clock,
    policies: Policies,
    gates: Gates,
    jumps: Jumps,
    lockout: Arc<Lockout>,
}

impl Ssh {
    /// The transport for one run.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            known_hosts: settings.known_hosts,
            keyring: Arc::new(Keyring::new(settings.surroundings, settings.ask, settings.clock)),
            clock: settings.clock,
            policies: Policies::default(),
            gates: Gates::default(),
            jumps: Jumps::default(),
            lockout: Arc::default(),
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

    /// Loads the client certificates of an account, before a host of WinRM needs them.
    ///
    /// # Errors
    /// When one cannot be used.
    pub async fn unlock_certificates(
        &self,
        account: &Account,
    ) -> Result<Vec<Arc<Unlocked>>, IdentityError> {
        self.keyring.certificates(account).await
    }

    /// What other roads share: passwords that were asked for, and what was refused.
    pub(in crate::transport) fn logins(&self) -> (Arc<Keyring>, Arc<Lockout>) {
        (Arc::clone(&self.keyring), Arc::clone(&self.lockout))
    }

    /// What may be offered for an account at an address, behind the last jump host of its road.
    /// Errors of our own side come here, before the first packet.
    async fn offer<'a>(
        &'a self,
        account: &'a Account,
        (address, port): (&str, u16),
        road: Option<String>,
    ) -> Result<Offer<'a>, Fault> {
        let credentials = self
            .unlock(account)
            .await
            .map_err(|error| Fault::new(FaultKind::Config, error.to_string()))?;
        let mut address = address.to_ascii_lowercase();
        if let Some(road) = road {
            // Behind another jump host the same address is another machine.
            address = format!("{address} through {road}");
        }
        let (place, user) = ((address, port), account.user.as_str());
        let credentials = self.lockout.admit(&place, user, credentials)?;
        Ok(Offer { place, user, credentials, lockout: &self.lockout, clock: self.clock })
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
