//! By what road: carries one [`Invocation`] to a host and its answer back.
//!
//! A transport knows nothing of operating systems and probes. A host's failure is a [`Fault`],
//! never an error of the run.

pub mod clock;
pub mod local;
pub mod ssh;
pub mod winrm;
mod client_certificate;
mod dial;
mod lockout;
mod output;

use std::net::IpAddr;
use std::time::Duration;

use futures::future::BoxFuture;

use crate::evidence::spool::Spool;
pub use crate::evidence::spool::SpoolSettings;
use crate::inventory::host::Host;
use crate::model::capture::{End, Negotiated};
pub use crate::model::deadline::CommandLimits;
use crate::model::deadline::Deadlines;
use crate::model::fault::Fault;
use crate::model::host::TransportKind;
use crate::model::time::Utc;
use crate::probe::command::Invocation;

/// What came of one command.
#[derive(Debug)]
pub struct Answer {
    /// Just before the command was sent.
    pub started: Utc,
    /// Just after its end was seen.
    pub ended: Utc,
    /// Time between the two by the monotonic clock.
    pub elapsed: Duration,
    /// How it ended. `Exit` only when the exit status **and** the end of output were seen.
    pub end: End,
    /// Standard output.
    pub stdout: Spool,
    /// Standard error.
    pub stderr: Spool,
    /// Doubts that leave the answer usable: output cut at the cap, output held open by a child.
    pub faults: Vec<Fault>,
    /// False when the session is of no more use.
    pub session_usable: bool,
}

/// An open road to one host.
pub trait Session: Send {
    /// Runs one command to its end. Never fails as such: what went wrong is in the answer.
    fn run<'a>(
        &'a mut self,
        invocation: &'a Invocation,
        limits: CommandLimits,
        spool: &'a SpoolSettings,
    ) -> BoxFuture<'a, Answer>;

    /// What the two ends agreed on. `None` for `local` and `winrm`.
    fn negotiated(&self) -> Option<Negotiated>;

    /// What made the session useless after a command that itself ended well. `None`: nothing did, or
    /// it is not known.
    fn broken_by(&self) -> Option<Fault> {
        None
    }

    /// The address that was connected to. `None` for `local`.
    fn peer(&self) -> Option<IpAddr>;

    /// Says goodbye and frees everything, whatever the host does: within a second over SSH, within 15
    /// over WinRM, which deletes what it made on the host. The fault when something may be left there.
    fn close(self: Box<Self>) -> BoxFuture<'static, Option<Fault>>;
}

/// A way to open sessions.
pub trait Transport: Send + Sync {
    /// Opens a session. Dropping the future frees socket and tasks.
    fn connect<'a>(
        &'a self,
        host: &'a Host,
        deadlines: &'a Deadlines,
    ) -> BoxFuture<'a, Result<Box<dyn Session>, Fault>>;

    /// Waits until what visits left on a host without closing their session is gone: where the
    /// session could not be opened to its end, and where the visit was broken off. The faults of what
    /// stays there, each once. Within 15 seconds, whatever the host does.
    fn left_behind<'a>(&'a self, host: &'a Host) -> BoxFuture<'a, Vec<Fault>> {
        let _ = host;
        Box::pin(std::future::ready(Vec::new()))
    }

    /// Closes what several sessions share. Called once, after the last visit of a run.
    fn finish(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// Every road of a run.
pub struct Roads {
    /// SSH.
    pub ssh: std::sync::Arc<dyn Transport>,
    /// This machine.
    pub local: std::sync::Arc<dyn Transport>,
    /// WinRM.
    pub winrm: std::sync::Arc<dyn Transport>,
}

impl Roads {
    /// The road of a kind. A new transport is an arm here.
    #[must_use]
    pub fn for_kind(&self, kind: TransportKind) -> &dyn Transport {
        match kind {
            TransportKind::Ssh => &*self.ssh,
            TransportKind::Local => &*self.local,
            TransportKind::Winrm => &*self.winrm,
        }
    }
}
