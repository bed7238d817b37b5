//! The way into one host: where it is, as whom, and what keeps accounts from being locked.

use std::sync::Arc;

use tokio::time::sleep;

use crate::model::deadline::Deadlines;
use crate::model::fault::{Fault, FaultKind};
use crate::model::id::HostName;
use crate::transport::lockout::{self, Lockout, Turn};
use crate::transport::ssh::identity::Unlocked;
use crate::transport::winrm::line::BUSY;
use crate::transport::winrm::shell::QUOTA_PAUSES;
use crate::transport::winrm::wire::{self, Connection, Place};

/// What every connection to one host needs.
pub(super) struct Door {
    /// The host, as records name it.
    pub(super) host: HostName,
    pub(super) place: Place,
    pub(super) user: String,
    /// The account's password.
    pub(super) credential: Arc<Unlocked>,
    pub(super) lockout: Arc<Lockout>,
    pub(super) deadlines: Deadlines,
}

/// The right to show the account's password to one host, taken when it is about to be shown and not
/// before: a host that is silent until then keeps no other from its turn.
pub(super) struct Showing<'a> {
    door: &'a Door,
    place: lockout::Place,
    turn: Option<Turn>,
}

impl Showing<'_> {
    /// Waits until the password may be shown. What shows that we know it is sent only after this.
    pub(super) async fn begin(&mut self) -> Result<(), Fault> {
        let Door { lockout, user, credential, .. } = self.door;
        self.turn = Some(lockout.turn(&self.place, user, credential).await?);
        Ok(())
    }
}

/// A login that the host has agreed to and not yet proved: anybody can answer 200, but only who knows
/// the password (or its hash) can seal an answer. Until then no other host is shown it; dropped, it is
/// a doubt.
pub(super) struct Unproven(Turn);

impl Unproven {
    /// The host knows the password.
    pub(super) fn prove(self) {
        self.0.taken();
    }
}

impl Door {
    /// Connects and logs in, once.
    pub(super) async fn enter(&self) -> Result<Connection, Fault> {
        let place = (self.place.address.to_ascii_lowercase(), self.place.port);
        let (user, credential) = (&self.user, &self.credential);
        self.lockout.admit(&place, user, vec![Arc::clone(credential)])?;
        let password = credential.password().ok_or_else(|| {
            Fault::new(FaultKind::Internal, "the account has no password, and winrm needs one")
        })?;
        let mut pauses = QUOTA_PAUSES.iter();
        loop {
            let reached = wire::reach(&self.place, &self.deadlines).await?;
            let mut showing = Showing { door: self, place: place.clone(), turn: None };
            let limit = self.deadlines.authenticate;
            let result = reached.log_in(user, password, (limit, &mut showing)).await;
            match (result, showing.turn) {
                (Ok(mut connection), turn) => {
                    if let Some(turn) = turn {
                        connection.hold(Unproven(turn));
                    }
                    return Ok(connection);
                }
                (Err(fault), Some(turn)) => {
                    // Whether a login that broke off counts, only the host knows.
                    self.lockout.refuse(&place, user, credential);
                    match fault.kind {
                        FaultKind::AuthRefused => turn.stop("refused it"),
                        // Nothing that the password shows in was sent.
                        FaultKind::Policy | FaultKind::Internal => turn.unseen(),
                        _ => turn.doubt(),
                    }
                    return Err(fault);
                }
                // It was shown nothing, so it may be asked again where it only was full.
                (Err(fault), None) => match pauses.next().filter(|_| is_busy(&fault)) {
                    Some(pause) => sleep(*pause).await,
                    None => return Err(fault),
                },
            }
        }
    }
}

/// Whether the service only took no more requests.
fn is_busy(fault: &Fault) -> bool {
    fault.kind == FaultKind::Quota
        && fault.codes.as_ref().is_some_and(|codes| codes.http_status == Some(BUSY))
}
