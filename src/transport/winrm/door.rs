//! The way into one host: where it is, as whom, and what keeps accounts from being locked.

use std::sync::Arc;

use crate::model::deadline::Deadlines;
use crate::model::fault::{Fault, FaultKind};
use crate::model::id::HostName;
use crate::transport::lockout::{self, Lockout, Turn};
use crate::transport::ssh::identity::Unlocked;
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

/// A login that the host has agreed to and not yet proved: anybody can answer 200, but only who knows
/// the password (or its hash) can seal an answer. Until then no other host is shown it.
pub(super) struct Unproven {
    turn: Turn,
    place: lockout::Place,
    proved: bool,
}

impl Unproven {
    /// The host knows the password.
    pub(super) fn prove(mut self) {
        self.turn.taken();
        self.proved = true;
    }
}

impl Drop for Unproven {
    fn drop(&mut self) {
        if !self.proved {
            self.turn.doubt(&self.place);
        }
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
        let reached = wire::reach(&self.place, &self.deadlines).await?;
        // Only now: an address that is silent keeps no other host from its turn.
        let turn = self.lockout.turn(user, credential).await?;
        match reached.log_in(user, password, self.deadlines.authenticate).await {
            Ok(mut connection) => {
                connection.hold(Unproven { turn, place, proved: false });
                Ok(connection)
            }
            Err(fault) => {
                // Whether a login that broke off counts, only the host knows.
                self.lockout.refuse(&place, user, credential);
                match fault.kind {
                    FaultKind::AuthRefused => turn.stop(&place, "refused it"),
                    // Nothing that the password shows in was sent.
                    FaultKind::Policy | FaultKind::Internal => {}
                    _ => turn.doubt(&place),
                }
                Err(fault)
            }
        }
    }
}
