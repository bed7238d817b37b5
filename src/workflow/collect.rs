//! Collect: runs a plan, keeps evidence first, then makes records of it and stores them.
//!
//! ```text
//! dispatch ─reports─> recorders ─snapshots─> one store thread
//!                     write, commit, read back   batches, one transaction each
//! ```
//! Both channels are bounded: a slow disk or store slows the visits, and memory stays flat.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc};

use crate::dispatch::event::{Observer, RunEvent};
use crate::dispatch::run::Dispatch;
use crate::dispatch::stop::{Stage, Stop};
use crate::dispatch::visit::VisitReport;
use crate::enrich::near::Near;
use crate::evidence::commit::Committer;
use crate::evidence::folder::{FolderError, RunFolder};
use crate::evidence::manifest::{Manifest, VERSION};
use crate::evidence::write::WriteError;
use crate::model::capture::Mandate;
use crate::model::digest::Sha256;
use crate::model::fault::FaultKind;
use crate::model::id::{HostName, ProbeId, RunId};
use crate::model::query::HostOutcome;
use crate::model::snapshot::Limitation;
use crate::model::time::Utc;
use crate::plan::{Plan, Reason};
use crate::store::{Error as StoreError, RunEnd, RunStart, Store};
use crate::transport::Roads;
use crate::transport::clock::Clock;
use crate::workflow::attach;
use crate::workflow::draft::RunFacts;
use crate::workflow::keep::{self, Item, Kept};
use crate::workflow::record::{Recorded, Recorder};

/// Reports on their way to the recorders. Each may hold 256 KiB of output per stream.
const REPORTS_WAITING: usize = 16;

/// Reports recorded at once. More than the disk can sync one by one, so that a commit has a batch.
const RECORDERS: usize = 32;

/// Snapshots on their way to the store.
const SNAPSHOTS_WAITING: usize = 128;

/// What a collection needs.
pub struct Collection {
    /// What to do.
    pub plan: Plan,
    /// Digest of the inventory as it was loaded.
    pub inventory: Sha256,
    /// Folder that holds the folders of all runs.
    pub evidence: PathBuf,
    /// The store, open for writing.
    pub store: Box<dyn Store>,
    /// Roads to hosts.
    pub roads: Arc<Roads>,
    /// Takes the events.
    pub observer: Arc<dyn Observer>,
    /// Asks the run to stop.
    pub stop: Stop,
    /// The run's clock.
    pub clock: Clock,
    /// Tells two runs of one second apart.
    pub salt: u32,
    /// How long before a visit a change may have ended and still be noted in its evidence.
    pub look_back: Duration,
}

/// What came of a collection.
#[derive(Debug)]
pub struct Collected {
    /// The run.
    pub run: RunId,
    /// When it began.
    pub started: Utc,
    /// When the last host was done.
    pub ended: Utc,
    /// Folder of its evidence.
    pub folder: PathBuf,
    /// Digest of its manifest.
    pub manifest: Sha256,
    /// Every host of the inventory, sorted by name.
    pub outcomes: Vec<HostOutcome>,
    /// Hosts that the plan left out because nobody asked for them, or for what they can answer;
    /// they are among the outcomes. A host whose data does not fit a site probe is not here: it was
    /// asked for, and it is missing.
    pub left_out: BTreeSet<HostName>,
    /// Why and for whom.
    pub mandate: Mandate,
    /// What was found.
    pub found: Found,
    /// Evidence that could not be written, by host.
    pub unwritten: Vec<String>,
    /// What kept snapshots from the store. Their evidence is safe; `rebuild` reads it.
    pub store_fault: Option<StoreError>,
}

/// Records in all snapshots of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Sockets that wait for peers.
    pub listeners: u64,
    /// Other sockets.
    pub sessions: u64,
    /// Interfaces.
    pub interfaces: u64,
    /// Routes.
    pub routes: u64,
    /// Lines that were not understood.
    pub unparsed: u64,
    /// What answers could not show, with the number of hosts.
    pub limitations: BTreeMap<Limitation, u64>,
    /// Probes in whose place others were asked, with what kept them from answering, and the number
    /// of hosts.
    pub replaced: BTreeMap<(FaultKind, ProbeId), u64>,
    /// Old algorithms in use, with what allowed them, and the hosts and jump hosts that used them.
    pub legacy: BTreeMap<String, BTreeSet<HostName>>,
}

/// Why a run could not begin or be closed.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// The run's folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The manifest.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A thread could not be started, or ended in a panic.
    #[error("the controller ran out of threads: {0}")]
    Threads(std::io::Error),
}

/// Runs a plan to its end.
///
/// # Errors
/// When the run cannot begin (folder, store) or its manifest cannot be written. What single hosts
/// do, and evidence of single hosts that cannot be written, is in the result.
pub async fn collect(collection: Collection) -> Result<Collected, CollectError> {
    let Collection {
        plan,
        inventory,
        evidence,
        mut store,
        roads,
        observer,
        stop,
        clock,
        salt,
        look_back,
    } = collection;
    let started = clock.utc();
    let run = RunId::new(started, salt);
    let folder = Arc::new(RunFolder::create(&evidence, &run)?);
    let mandate = mandate(&plan);
    let room = folder.keep_room(manifest_room(&plan))?;
    store.begin_run(&run_start(&run, &mandate, started, &folder))?;
    let near = Arc::new(attach::for_run(&*store, &plan, started.minus(look_back))?);
    let facts = facts(&run, &mandate, &plan, (near, look_back));
    let recorder = Recorder::new(facts, folder.clone(), start_committer()?);
    let stage = RecordStage {
        recorder: Arc::new(recorder),
        observer: observer.clone(),
        stop: stop.clone(),
    };
    let dispatch = Arc::new(Dispatch {
        edges: plan.edges.clone(),
        waves: plan.waves.clone(),
        max_fail_percentage: plan.max_fail_percentage(),
        deadlines: plan.request.deadlines.clone(),
        spool: folder.spool(plan.request.output_bytes),
        clock,
        roads,
        observer,
        stop,
    });
    let left_out = left_out(&plan, &run, started);
    let (kept, unwritten) = flow(dispatch, stage, &plan, store, left_out).await?;
    let ended = clock.utc();
    let manifest = Manifest {
        version: VERSION,
        run: run.clone(),
        mandate: mandate.clone(),
        inventory,
        catalogue: crate::probe::standard::digest(),
        started,
        ended,
        controller_clock: crate::evidence::clock::controller_clock(),
        hosts: kept.entries,
    };
    drop(room);
    let manifest = crate::evidence::manifest::seal(&folder, manifest)?;
    let mut store = kept.store;
    let closed = store.end_run(&RunEnd { run: run.clone(), ended, manifest: Some(manifest) });
    Ok(Collected {
        run,
        started,
        ended,
        folder: folder.path().to_owned(),
        manifest,
        outcomes: kept.outcomes,
        left_out: by_choice(&plan),
        mandate,
        found: kept.found,
        unwritten,
        store_fault: kept.fault.or(closed.err()),
    })
}

fn facts(
    run: &RunId,
    mandate: &Mandate,
    plan: &Plan,
    (near, look_back): (Arc<Near>, Duration),
) -> RunFacts {
    RunFacts {
        run: run.clone(),
        mandate: mandate.clone(),
        views: plan.request.views.clone(),
        controller_clock: crate::evidence::clock::controller_clock(),
        near,
        look_back,
    }
}

fn run_start(run: &RunId, mandate: &Mandate, started: Utc, folder: &RunFolder) -> RunStart {
    RunStart {
        run: run.clone(),
        playbook: mandate.playbook.clone(),
        purpose: mandate.purpose.clone(),
        operator: mandate.operator.clone(),
        change: mandate.change.clone(),
        started,
        folder: super::rebuild::absolute(folder.path()),
    }
}

/// Bytes that manifest and sums of a run may need. An entry with all of a host's sections and its
/// line of the sums takes under 6 KiB (measured), one without evidence under 1 KiB.
fn manifest_room(plan: &Plan) -> u64 {
    let (visits, left_out) = (plan.visits.len() as u64, plan.left_out.len() as u64);
    (16 << 10) + visits * (8 << 10) + left_out * (1 << 10)
}

fn start_committer() -> Result<Committer, CollectError> {
    Committer::start().map_err(CollectError::Threads)
}

fn mandate(plan: &Plan) -> Mandate {
    let request = &plan.request;
    Mandate {
        playbook: request.playbook.clone(),
        purpose: request.purpose.clone(),
        operator: request.operator.clone(),
        change: request.change.clone(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

fn by_choice(plan: &Plan) -> BTreeSet<HostName> {
    let chosen = plan.left_out.iter().filter(|out| !matches!(out.reason, Reason::Parameter(_)));
    chosen.map(|out| out.host.asset.name.clone()).collect()
}

/// The hosts that the plan leaves out, as outcomes.
fn left_out(plan: &Plan, run: &RunId, at: Utc) -> Vec<Item> {
    let item = |left_out: &crate::plan::LeftOut| {
        let reason = left_out.reason.to_string();
        Item::left_out(run, &left_out.host.asset.name, at, reason)
    };
    plan.left_out.iter().map(item).collect()
}

/// What each recorder needs.
#[derive(Clone)]
struct RecordStage {
    recorder: Arc<Recorder>,
    observer: Arc<dyn Observer>,
    stop: Stop,
}

/// Lets reports flow from dispatch through the recorders into the store.
async fn flow(
    dispatch: Arc<Dispatch>,
    stage: RecordStage,
    plan: &Plan,
    store: Box<dyn Store>,
    left_out: Vec<Item>,
) -> Result<(Kept, Vec<String>), CollectError> {
    let (reports, waiting) = mpsc::channel(REPORTS_WAITING);
    let (items, taken) = mpsc::channel(SNAPSHOTS_WAITING);
    let keeper = tokio::task::spawn_blocking(move || keep::keep(store, left_out, taken));
    let waiting = Arc::new(Mutex::new(waiting));
    let mut recorders = tokio::task::JoinSet::new();
    for _ in 0..RECORDERS {
        recorders.spawn(serve(stage.clone(), waiting.clone(), items.clone()));
    }
    drop(items);
    crate::dispatch::run::run(dispatch, plan.visits.clone(), reports).await;
    let mut unwritten = Vec::new();
    while let Some(joined) = recorders.join_next().await {
        unwritten.extend(joined.map_err(panicked)?);
    }
    unwritten.sort();
    Ok((keeper.await.map_err(panicked)?, unwritten))
}

#[expect(clippy::needless_pass_by_value, reason = "used with map_err")]
fn panicked(error: tokio::task::JoinError) -> CollectError {
    CollectError::Threads(std::io::Error::other(error.to_string()))
}

/// One recorder: takes reports until there are no more. Returns what could not be written.
async fn serve(
    stage: RecordStage,
    waiting: Arc<Mutex<mpsc::Receiver<VisitReport>>>,
    items: mpsc::Sender<Item>,
) -> Vec<String> {
    let mut unwritten = Vec::new();
    loop {
        let report = waiting.lock().await.recv().await;
        let Some(report) = report else { return unwritten };
        let Recorded { item, fault } = stage.recorder.record(report).await;
        if let Some(fault) = fault {
            // A disk that refuses one file refuses the next: start no more hosts.
            stage.stop.ask(Stage::Drain, &fault);
            unwritten.push(format!("{}: {fault}", item.entry.name));
        }
        let event = RunEvent::Recorded { host: &item.entry.name, outcome: item.entry.outcome };
        stage.observer.event(&event);
        if items.send(item).await.is_err() {
            return unwritten;
        }
    }
}
