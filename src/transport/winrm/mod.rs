//! The road over WinRM: WS-Management shells of Windows ([MS-WSMV]), over HTTP with sealed bodies or
//! over HTTPS.
//!
//! In: a host of the inventory and the account's password. Out: a [`Session`]. The steps are in the
//! order of the files: `door` (who may try which account), `wire` (TCP, TLS and login of one
//! connection, with `tls`, `secure`, `binding` and `auth`), `line` (one question and its answer, with `soap`,
//! `reply` and `seal`), `shell` and `session` (commands), `cleanup` (shells are deleted, whatever
//! became of the visit). One connection is one security context and has one request in flight.

mod auth;
mod binding;
mod cleanup;
mod der;
mod door;
mod line;
mod reply;
mod secure;
mod seal;
mod session;
mod shell;
mod soap;
mod tls;
mod wire;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use self::cleanup::Cleanup;
use self::door::{Door, TICKETS_MAX};
use self::secure::Tls;
use self::session::WinrmSession;
use self::shell::Shell;
use self::tls::{Anchor, Trust};
use self::wire::Place;
use crate::inventory::host::{Host, Identity};
use crate::inventory::login::Mechanism;
use crate::model::deadline::Deadlines;
use crate::model::fault::{Fault, FaultKind, Stage};
use crate::transport::clock::Clock;
use crate::transport::lockout::Lockout;
use crate::transport::ssh::Ssh;
use crate::transport::ssh::identity::{IdentityError, Keyring, Unlocked};
use crate::transport::{Session, Transport};

/// The WinRM transport of one run.
pub struct Winrm {
    keyring: Arc<Keyring>,
    lockout: Arc<Lockout>,
    clock: Clock,
    trust: Trust,
    cleanup: Arc<Cleanup>,
    tickets: Arc<Semaphore>,
}

impl Winrm {
    /// The transport for one run. Passwords, and what is known of refused ones, are those of SSH: one
    /// account is asked for once, and stopped on both roads.
    #[must_use]
    pub fn new(ssh: &Ssh, clock: Clock) -> Self {
        let (keyring, lockout) = ssh.logins();
        let tickets = Arc::new(Semaphore::new(TICKETS_MAX));
        let (trust, cleanup) = (Trust::default(), Arc::default());
        Self { keyring, lockout, clock, trust, cleanup, tickets }
    }

    /// The way into a host. Errors of our own side come here, before the first packet.
    async fn door(&self, host: &Host, deadlines: &Deadlines) -> Result<Door, Fault> {
        let ours = |detail: String| Fault::new(FaultKind::Internal, detail);
        if host.require_pq {
            let detail = "the segment demands a post-quantum key exchange, and winrm has none";
            return Err(Fault::new(FaultKind::Policy, detail));
        }
        let account = host
            .account
            .as_deref()
            .ok_or_else(|| ours("the host has no account, and winrm needs one".to_owned()))?;
        let mechanism = host.mechanism();
        let fits = |identity: &&Identity| match identity {
            Identity::Password(_) => mechanism != Mechanism::Certificate,
            Identity::TlsCertificate { .. } => mechanism == Mechanism::Certificate,
            _ => false,
        };
        let identity =
            account.identities.iter().find(fits).ok_or_else(|| {
                ours(format!("the account has no identity for `auth: {mechanism}`"))
            })?;
        let credential = self.keyring.one(account, identity).await;
        let unusable = |error: IdentityError| Fault::new(FaultKind::Config, error.to_string());
        let credential = credential.map_err(unusable)?;
        let asset = &host.asset;
        let place = Place {
            address: asset.address.clone(),
            port: asset.port,
            name: host.service_name().to_owned(),
            tls: if host.tls { Some(self.tls(host, &credential).await?) } else { None },
        };
        let service = host.login.as_ref().and_then(|login| login.spn.clone());
        let kdcs = host.login.as_ref().map(|login| login.kdcs.clone());
        Ok(Door {
            host: asset.name.clone(),
            place,
            user: account.user.clone(),
            credential,
            mechanism,
            service: service.unwrap_or_else(|| format!("HTTP/{}", host.service_name())),
            kdcs: kdcs.unwrap_or_default(),
            tickets: Arc::clone(&self.tickets),
            lockout: Arc::clone(&self.lockout),
            deadlines: deadlines.clone(),
        })
    }

    /// How the host is verified, and what it is shown.
    async fn tls(&self, host: &Host, credential: &Unlocked) -> Result<Tls, Fault> {
        let anchor = self.anchor(host)?;
        let config = self.trust.config(&anchor).await?;
        let binds = matches!(host.mechanism(), Mechanism::Ntlm | Mechanism::Kerberos);
        let identity = credential.client_certificate().cloned();
        Ok(Tls { config, anchor, identity, binds })
    }

    /// Whom the host's certificate must please.
    fn anchor(&self, host: &Host) -> Result<Anchor, Fault> {
        let Some(login) = host.login.as_deref() else { return Ok(Anchor::default()) };
        let expand = |path: &PathBuf| {
            let whole = self.keyring.expand(path);
            whole.map_err(|error| Fault::new(FaultKind::Config, error.to_string()))
        };
        let authorities = login.tls_ca.as_ref().map(expand).transpose()?;
        Ok(Anchor { authorities, pin: login.tls_pin })
    }

    /// Goes the whole road, within the host's deadline.
    async fn open(&self, host: &Host, deadlines: &Deadlines) -> Result<WinrmSession, Fault> {
        let creating = AtomicBool::new(false);
        let way = async {
            let door = Arc::new(self.door(host, deadlines).await?);
            let connection = door.enter().await.map_err(|fault| fault.at(Stage::Auth))?;
            let negotiated = door.negotiated(&connection);
            creating.store(true, Ordering::Relaxed);
            let shell = Shell::create(connection, door, Arc::clone(&self.cleanup)).await?;
            Ok(WinrmSession { shell, clock: self.clock, negotiated })
        };
        timeout(deadlines.host, way.boxed()).await.unwrap_or_else(|_| {
            let seconds = deadlines.host.as_secs_f64();
            let detail = format!("the host was not entered in {seconds} s");
            let fault = Fault::new(FaultKind::Deadline, detail);
            Err(if creating.load(Ordering::Relaxed) { fault.at(Stage::Create) } else { fault })
        })
    }
}

impl Transport for Winrm {
    fn connect<'a>(
        &'a self,
        host: &'a Host,
        deadlines: &'a Deadlines,
    ) -> BoxFuture<'a, Result<Box<dyn Session>, Fault>> {
        let open = self.open(host, deadlines);
        open.map(|result| result.map(|session| Box::new(session) as Box<dyn Session>)).boxed()
    }

    fn left_behind<'a>(&'a self, host: &'a Host) -> BoxFuture<'a, Vec<Fault>> {
        self.cleanup.left_behind(&host.asset.name).boxed()
    }

    fn finish(&self) -> BoxFuture<'_, ()> {
        self.cleanup.finish().boxed()
    }
}
