//! The store thread of a collection: takes what recorders made, stores it in batches, and keeps
//! what the manifest and the summary need.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, timeout_at};

use crate::evidence::manifest::HostEntry;
use crate::model::fault::{Fault, FaultKind};
use crate::model::id::{HostName, Pass, RunId};
use crate::model::query::HostOutcome;
use crate::model::snapshot::{Outcome, SectionStatus, Snapshot};
use crate::model::socket::Direction;
use crate::model::time::Utc;
use crate::store::{Error as StoreError, Store};
use crate::workflow::collect::Found;

/// Most snapshots in one transaction. A transaction is one sync of the store's log.
const BATCH: usize = 64;

/// How long a batch waits for company.
const LINGER: Duration = Duration::from_millis(100);

/// One host's way into manifest and store.
#[derive(Debug)]
pub struct Item {
    /// For the manifest.
    pub entry: HostEntry,
    /// For the summary, and for the store where there is no snapshot.
    pub outcome: HostOutcome,
    /// For the store.
    pub snapshot: Option<Box<Snapshot>>,
    /// Room for its records, given back when the item is stored.
    pub room: Option<OwnedSemaphorePermit>,
}

impl Item {
    /// A host without evidence: it gave no answer, or its answer could not be kept.
    #[must_use]
    pub fn without_evidence(run: &RunId, host: &HostName, at: Utc, faults: Vec<Fault>) -> Self {
        let skipped = faults.iter().all(|fault| fault.kind == FaultKind::Skipped);
        let outcome = if skipped { Outcome::Skipped } else { Outcome::Failed };
        let entry = HostEntry {
            name: host.clone(),
            at,
            outcome,
            faults: faults.clone(),
            reason: None,
            files: Vec::new(),
        };
        let outcome = HostOutcome {
            run: run.clone(),
            host: host.clone(),
            pass: Pass::FIRST,
            at,
            outcome,
            faults,
            evidence: None,
        };
        Self { entry, outcome, snapshot: None, room: None }
    }

    /// A host that the plan left out.
    #[must_use]
    pub fn left_out(run: &RunId, host: &HostName, at: Utc, reason: String) -> Self {
        let fault = Fault::new(FaultKind::Skipped, reason.clone());
        let mut item = Self::without_evidence(run, host, at, vec![fault]);
        item.entry.reason = Some(reason);
        item
    }
}

/// What a collection leaves behind.
pub struct Kept {
    /// The store.
    pub store: Box<dyn Store>,
    /// Every host, sorted by name.
    pub entries: Vec<HostEntry>,
    /// Every host, sorted by name.
    pub outcomes: Vec<HostOutcome>,
    /// Records found.
    pub found: Found,
    /// The first thing that kept snapshots from the store.
    pub fault: Option<StoreError>,
}

/// Takes items until there are no more. Blocks; runs on a thread of its own, inside the runtime.
#[must_use]
pub fn keep(store: Box<dyn Store>, first: Vec<Item>, mut items: mpsc::Receiver<Item>) -> Kept {
    let mut kept = Kept {
        store,
        entries: Vec::new(),
        outcomes: Vec::new(),
        found: Found::default(),
        fault: None,
    };
    kept.take(first);
    let runtime = tokio::runtime::Handle::current();
    loop {
        let batch = runtime.block_on(next_batch(&mut items));
        if batch.is_empty() {
            break;
        }
        kept.take(batch);
    }
    kept.entries.sort_by(|a, b| a.name.cmp(&b.name));
    kept.outcomes.sort_by(|a, b| a.host.cmp(&b.host));
    kept
}

/// The next items: as many as come within [`LINGER`] of the first, since each transaction costs a
/// sync. Empty when there are no more.
async fn next_batch(items: &mut mpsc::Receiver<Item>) -> Vec<Item> {
    let mut batch = Vec::with_capacity(BATCH);
    batch.extend(items.recv().await);
    let end = Instant::now() + LINGER;
    while !batch.is_empty() && batch.len() < BATCH {
        let room = BATCH - batch.len();
        // Nothing: the time is over, or the last recorder is gone.
        match timeout_at(end, items.recv_many(&mut batch, room)).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => break,
        }
    }
    batch
}

impl Kept {
    fn take(&mut self, items: Vec<Item>) {
        let mut snapshots = Vec::new();
        let mut outcomes = Vec::new();
        let mut rooms = Vec::new();
        for item in items {
            match item.snapshot {
                Some(snapshot) => {
                    self.found.add(&snapshot);
                    snapshots.push(*snapshot);
                }
                None => outcomes.push(item.outcome.clone()),
            }
            rooms.push(item.room);
            self.entries.push(item.entry);
            self.outcomes.push(item.outcome);
        }
        // After a first failure nothing more is tried: the evidence is safe, and a store with
        // holes in the middle is harder to explain than one that ends.
        if self.fault.is_none() {
            self.fault = self.put(&snapshots, &outcomes).err();
        }
        drop(snapshots);
        drop(rooms);
    }

    fn put(&mut self, snapshots: &[Snapshot], outcomes: &[HostOutcome]) -> Result<(), StoreError> {
        if !snapshots.is_empty() {
            self.store.ingest(snapshots)?;
        }
        if !outcomes.is_empty() {
            self.store.record_outcomes(outcomes)?;
        }
        Ok(())
    }
}

impl Found {
    fn add(&mut self, snapshot: &Snapshot) {
        let records = &snapshot.records;
        let all = records.sockets.len() as u64;
        let waits = |socket: &&crate::model::record::Sourced<_>| is_listener(&socket.record);
        let listeners = records.sockets.iter().filter(waits).count() as u64;
        self.listeners += listeners;
        self.sessions += all - listeners;
        self.interfaces += records.interfaces.len() as u64;
        self.routes += records.routes.len() as u64;
        let limitations: BTreeSet<_> =
            snapshot.sections.iter().flat_map(|section| &section.limitations).copied().collect();
        for limitation in limitations {
            *self.limitations.entry(limitation).or_default() += 1;
        }
        let replaced = snapshot.sections.iter().filter(|s| s.status == SectionStatus::Replaced);
        let replaced: BTreeSet<_> = replaced
            .filter_map(|section| Some((section.faults.first()?.kind, section.probe.clone())))
            .collect();
        for reason in replaced {
            *self.replaced.entry(reason).or_default() += 1;
        }
        if let Some(negotiated) = &snapshot.header.negotiated {
            let host = (&snapshot.header.asset.name, negotiated);
            let hops = negotiated.jumps.iter().map(|hop| (&hop.name, &hop.negotiated));
            for (name, agreed) in hops.chain([host]) {
                if let Some(legacy) = &agreed.legacy {
                    self.legacy.entry(legacy.to_string()).or_default().insert(name.clone());
                }
            }
        }
        self.unparsed +=
            snapshot.sections.iter().map(|section| section.coverage.unparsed).sum::<u64>();
    }
}

fn is_listener(socket: &crate::model::socket::Socket<'_>) -> bool {
    socket.direction == Direction::Listener
}
