//! Keeps a run from locking accounts out.
//!
//! The same account is never tried twice on one host in a run, and refusals on two different hosts
//! stop it for all hosts that follow. An account was refused when all of its identities were. What
//! happens to a single one is known only where it is offered, so the stricter rule for passwords,
//! that one refusal stops them, is kept by the transport.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use crate::inventory::host::Host;
use crate::model::fault::{Fault, FaultKind};

/// Refusals on this many different hosts stop a credential.
const REFUSALS_MAX: usize = 2;

/// What opens hosts: the login name and its identities.
type Credential = String;

/// A place a credential was tried: address and port, so that two names of one host count once.
type Place = (String, u16);

#[derive(Debug, Default)]
struct State {
    refused: HashMap<Credential, HashSet<Place>>,
}

/// What is known of refused credentials in one run.
#[derive(Debug, Default)]
pub struct CredentialGuard(Mutex<State>);

fn credential(host: &Host) -> Option<Credential> {
    let account = host.account.as_ref()?;
    Some(format!("{}@{:?}", account.user, account.identities))
}

fn place(host: &Host) -> Place {
    (host.asset.address.clone(), host.asset.port)
}

impl CredentialGuard {
    /// Asks before a host is visited.
    ///
    /// # Errors
    /// The fault to record when the host's credential must not be tried.
    pub fn admit(&self, host: &Host) -> Result<(), Fault> {
        let Some(credential) = credential(host) else { return Ok(()) };
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(refused) = state.refused.get(&credential) else { return Ok(()) };
        let user = host.account.as_ref().map_or("", |account| account.user.as_str());
        if refused.contains(&place(host)) {
            let detail = format!("account `{user}` was refused by this address under another name");
            return Err(Fault::new(FaultKind::Skipped, detail));
        }
        if refused.len() >= REFUSALS_MAX {
            let count = refused.len();
            let detail = format!(
                "account `{user}` was refused by {count} hosts: not tried again in this run"
            );
            return Err(Fault::new(FaultKind::Skipped, detail));
        }
        Ok(())
    }

    /// Notes the end of a visit's connection.
    pub fn note(&self, host: &Host, fault: Option<&Fault>) {
        let refused = fault
            .is_some_and(|f| matches!(f.kind, FaultKind::AuthRefused | FaultKind::PasswordExpired));
        let Some(credential) = credential(host).filter(|_| refused) else { return };
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.refused.entry(credential).or_default().insert(place(host));
    }
}
