//! The way into one host: where it is, as whom, and what keeps accounts from being locked.

use std::sync::Arc;

use crate::model::deadline::Deadlines;
use crate::model::fault::{Fault, FaultKind};
use crate::transport::lockout::Lockout;
use crate::transport::ssh::identity::Unlocked;
use crate::transport::winrm::wire::{self, Connection, Place};

/// What every connection to one host needs.
pub(super) struct Door {
    pub(super) place: Place,
    pub(super) user: String,
    /// The account's password.
    pub(super) credential: Arc<Unlocked>,
    pub(super) lockout: Arc<Lockout>,
    pub(super) deadlines: Deadlines,
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
            Ok(connection) => {
                turn.taken();
                Ok(connection)
            }
            Err(fault) => {
                // Whether a login that broke off counts, only the host knows.
                self.lockout.refuse(&place, user, credential);
                if fault.kind == FaultKind::AuthRefused {
                    turn.stop(&place, "refused it");
                }
                Err(fault)
            }
        }
    }
}
