//! Questions to the store that need more than one of its answers.

use crate::inventory::host::Host;
use crate::model::id::HostName;
use crate::model::query::{HostOutcome, RunSummary};
use crate::model::snapshot::{Outcome, SectionStatus, Snapshot, View};
use crate::model::time::Utc;
use crate::store::{Error, Store};

/// What the store knows of its hosts, as the inventory had them at the last snapshot. Accounts,
/// groups and variables are not kept with a snapshot, so these are empty.
///
/// # Errors
/// When the store cannot be read.
pub fn stored_hosts(store: &dyn Store) -> Result<Vec<Host>, Error> {
    Ok(store.assets(None)?.into_iter().map(Host::of).collect())
}

/// Runs that are looked through for a host's last attempt: two months of nights.
const RUNS_BACK: usize = 64;

/// What came of the host in the latest run that was to visit it and began after `after` and not
/// after `at`, when it left no snapshot there. `None`: nothing was tried in vain.
///
/// # Errors
/// When the store cannot be read.
pub fn tried_in_vain(
    store: &dyn Store,
    host: &HostName,
    after: Option<Utc>,
    at: Option<Utc>,
) -> Result<Option<HostOutcome>, Error> {
    let newer = |run: &RunSummary| {
        after.is_none_or(|after| run.started > after) && at.is_none_or(|at| run.started <= at)
    };
    for run in store.runs()?.into_iter().filter(newer).take(RUNS_BACK) {
        let outcomes = store.outcomes(&run.run)?;
        let tried = outcomes.into_iter().find(|outcome| {
            outcome.host == *host
                && outcome.evidence.is_none()
                && outcome.outcome == Outcome::Failed
        });
        if tried.is_some() {
            return Ok(tried);
        }
    }
    Ok(None)
}

/// A host at one time, and older good answers where the latest are not whole.
pub struct HostAt {
    /// The latest snapshot.
    pub latest: Snapshot,
    /// For each view that the latest does not answer whole: the last snapshot that did.
    pub older: Vec<(View, Option<Snapshot>)>,
    /// A later run that got no answer.
    pub tried: Option<HostOutcome>,
}

/// The host as it was at `at`: the latest snapshot, and for views that it does not answer whole
/// the last that did. `None`: nothing is known of the host.
///
/// # Errors
/// When the store cannot be read.
pub fn host_at(
    store: &dyn Store,
    host: &HostName,
    at: Option<Utc>,
) -> Result<Option<HostAt>, Error> {
    let Some(latest) = store.snapshot(host, at)? else { return Ok(None) };
    let mut older = Vec::new();
    for view in latest.header.views.clone() {
        if latest.view_status(view) != Some(SectionStatus::Complete) {
            older.push((view, store.last_good(host, view, at)?));
        }
    }
    let tried = tried_in_vain(store, host, Some(latest.header.ended), at)?;
    Ok(Some(HostAt { latest, older, tried }))
}
