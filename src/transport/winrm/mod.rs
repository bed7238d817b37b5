//! The road over WinRM: WS-Management shells of Windows ([MS-WSMV]), over HTTP with sealed bodies or
//! over HTTPS.
//!
//! In: a host of the inventory and the account's password. Out: a [`Session`]. The steps are in the
//! order of the files: `door` (who may try which account), `wire` (TCP, TLS and login of one
//! connection, with `tls`, `binding` and `auth`), `line` (one question and its answer, with `soap`,
//! `reply` and `seal`), `shell` and `session` (commands), `cleanup` (shells are deleted, whatever
//! became of the visit). One connection is one security context and has one request in flight.

mod auth;
mod binding;
mod cleanup;
mod door;
mod line;
mod reply;
mod seal;
mod session;
mod shell;
mod soap;
mod tls;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::time::timeout;

use self::cleanup::Cleanup;
use self::door::Door;
use self::session::WinrmSession;
use self::shell::Shell;
use self::tls::Trust;
use self::wire::Place;
use crate::inventory::host::Host;
use crate::model::deadline::Deadlines;
use crate::model::fault::{Fault, FaultKind, Stage};
use crate::transport::clock::Clock;
use crate::transport::lockout::Lockout;
use crate::transport::ssh::Ssh;
use crate::transport::ssh::identity::Keyring;
use crate::transport::{Session, Transport};

/// The WinRM transport of one run.
pub struct Winrm {
    keyring: Arc<Keyring>,
    lockout: Arc<Lockout>,
    clock: Clock,
    trust: Trust,
    cleanup: Arc<Cleanup>,
}

impl Winrm {
    /// The transport for one run. Passwords, and what is known of refused ones, are those of SSH: one
    /// account is asked for once, and stopped on both roads.
    #[must_use]
    pub fn new(ssh: &Ssh, clock: Clock) -> Self {
        let (keyring, lockout) = ssh.logins();
        Self { keyring, lockout, clock, trust: Trust::default(), cleanup: Arc::default() }
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
        let unlocked =
            self.keyring.unlock(account).await.map_err(|error| ours(error.to_string()))?;
        let credential = unlocked
            .into_iter()
            .find(|credential| credential.is_password())
            .ok_or_else(|| ours("the account has no password, and winrm needs one".to_owned()))?;
        let asset = &host.asset;
        let place = Place {
            address: asset.address.clone(),
            port: asset.port,
            name: host.tls_name.clone().unwrap_or_else(|| asset.address.clone()),
            tls: if host.tls { Some(self.trust.config().await?) } else { None },
        };
        Ok(Door {
            host: asset.name.clone(),
            place,
            user: account.user.clone(),
            credential,
            lockout: Arc::clone(&self.lockout),
            deadlines: deadlines.clone(),
        })
    }

    /// Goes the whole road, within the host's deadline.
    async fn open(&self, host: &Host, deadlines: &Deadlines) -> Result<WinrmSession, Fault> {
        let creating = AtomicBool::new(false);
        let way = async {
            let door = Arc::new(self.door(host, deadlines).await?);
            let connection = door.enter().await.map_err(|fault| fault.at(Stage::Auth))?;
            creating.store(true, Ordering::Relaxed);
            let shell = Shell::create(connection, door, Arc::clone(&self.cleanup)).await?;
            Ok(WinrmSession { shell, clock: self.clock })
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
