//! Runs all visits of a plan within the limits of their edges: one report per host.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use crate::dispatch::event::{Observer, RunEvent};
use crate::dispatch::guard::CredentialGuard;
use crate::dispatch::schedule::{Ended, Next, Schedule};
use crate::dispatch::stop::{Stage, Stop};
use crate::dispatch::visit::{VisitContext, VisitReport, visit};
use crate::model::deadline::Deadlines;
use crate::model::edge::EdgeLimit;
use crate::model::fault::{Fault, FaultKind};
use crate::plan::edge::Edges;
use crate::plan::order::Visit;
use crate::plan::wave::is_too_bad;
use crate::transport::Roads;
use crate::transport::SpoolSettings;
use crate::transport::clock::Clock;

/// What a run needs beside its visits.
pub struct Dispatch {
    /// What the visits go over, and the limits of each.
    pub edges: Edges,
    /// The wave of each visit, from 0; those that are missing here are of the first.
    pub waves: Vec<u32>,
    /// No further wave starts when more than this share of one failed, in percent.
    pub max_fail_percentage: u8,
    /// Deadlines.
    pub deadlines: Deadlines,
    /// Where output goes that outgrows memory.
    pub spool: SpoolSettings,
    /// The run's clock.
    pub clock: Clock,
    /// Roads to hosts.
    pub roads: Arc<Roads>,
    /// Takes the events.
    pub observer: Arc<dyn Observer>,
    /// Asks the run to stop.
    pub stop: Stop,
}

/// Runs the visits and sends exactly one report per visit to `reports`. The edges are those of these
/// visits, in their order.
///
/// The channel is bounded by the caller; a visit counts against the width until its report is
/// taken. Returns when every report was sent, or the receiver is gone.
pub async fn run(
    dispatch: Arc<Dispatch>,
    visits: Vec<Arc<Visit>>,
    reports: mpsc::Sender<VisitReport>,
) {
    let limits: Vec<EdgeLimit> = dispatch.edges.all.iter().map(|edge| edge.limit).collect();
    let mut round = Round {
        schedule: Schedule::new(&limits, &dispatch.edges.ways, &dispatch.waves),
        wave: Tally::default(),
        guard: Arc::default(),
        flight: Flight { tasks: JoinSet::new(), visits: HashMap::new() },
        begun: Instant::now(),
        dispatch: dispatch.clone(),
        reports,
    };
    // The receiver is gone only when the run has already failed as a whole.
    let _ = round.start_all(&visits).await;
    while let Some(landed) = round.flight.tasks.join_next_with_id().await {
        round.land(landed).await;
    }
    dispatch.roads.ssh.finish().await;
    dispatch.roads.local.finish().await;
    dispatch.roads.winrm.finish().await;
}

/// Nobody takes the reports.
struct Gone;

/// What came of the wave that is open.
#[derive(Default)]
struct Tally {
    hosts: usize,
    failed: usize,
}

/// A run under way.
struct Round {
    dispatch: Arc<Dispatch>,
    schedule: Schedule,
    wave: Tally,
    guard: Arc<CredentialGuard>,
    flight: Flight,
    begun: Instant,
    reports: mpsc::Sender<VisitReport>,
}

impl Round {
    /// Starts every visit as soon as its edges have room, until all are started or the run stops.
    async fn start_all(&mut self, visits: &[Arc<Visit>]) -> Result<(), Gone> {
        loop {
            let next = self.schedule.next(self.begun.elapsed());
            if self.dispatch.stop.stage() >= Stage::Drain {
                let reason = self.dispatch.stop.reason().to_owned();
                return self.leave_out(visits, &reason).await;
            }
            let stop = self.dispatch.stop.clone();
            // Only what may be broken off at any point is waited for beside others.
            let landed = match next {
                Next::May(number) => {
                    let Some(visit) = visits.get(number) else {
                        self.schedule.pass(number);
                        continue;
                    };
                    // Asked as late as can be: what is in flight may be refused meanwhile.
                    self.wave.hosts += 1;
                    if let Err(fault) = self.guard.admit(&visit.host) {
                        self.wave.failed += 1;
                        self.schedule.pass(number);
                        self.skip(visit, fault).await?;
                        continue;
                    }
                    self.schedule.start(number, self.begun.elapsed());
                    self.start(number, visit);
                    continue;
                }
                Next::At(at) => tokio::select! {
                    biased;
                    () = stop.reached(Stage::Drain) => None,
                    Some(landed) = self.flight.tasks.join_next_with_id() => Some(landed),
                    () = sleep_until(self.begun + at) => None,
                },
                // Something is in flight, or no edge would be full.
                Next::Full => tokio::select! {
                    biased;
                    () = stop.reached(Stage::Drain) => None,
                    landed = self.flight.tasks.join_next_with_id() => landed,
                },
                Next::Gate => {
                    if let Some(reason) = self.closed() {
                        return self.leave_out(visits, &reason).await;
                    }
                    self.wave = Tally::default();
                    self.schedule.open_next();
                    continue;
                }
                Next::Done => return Ok(()),
            };
            if let Some(landed) = landed {
                self.land(landed).await;
            }
        }
    }

    /// Why the next wave does not start.
    fn closed(&self) -> Option<String> {
        let Tally { hosts, failed } = self.wave;
        let most = self.dispatch.max_fail_percentage;
        let wave = self.schedule.open() + 1;
        is_too_bad(failed, hosts, most)
            .then(|| format!("{failed} of {hosts} hosts of wave {wave} failed, and {most} % may"))
    }

    /// Reports the visits that are not started any more.
    async fn leave_out(&mut self, visits: &[Arc<Visit>], reason: &str) -> Result<(), Gone> {
        let detail = format!("not started: {reason}");
        for number in self.schedule.rest() {
            let Some(visit) = visits.get(number) else { continue };
            self.skip(visit, Fault::new(FaultKind::Skipped, detail.clone())).await?;
        }
        Ok(())
    }

    async fn skip(&self, visit: &Arc<Visit>, fault: Fault) -> Result<(), Gone> {
        let dispatch = &self.dispatch;
        let host = &visit.host.asset.name;
        dispatch.observer.event(&RunEvent::VisitSkipped { host, fault: &fault });
        let report = VisitReport::without_answer(visit.clone(), dispatch.clock.utc(), fault);
        self.reports.send(report).await.map_err(|_| Gone)
    }

    fn start(&mut self, number: usize, visit: &Arc<Visit>) {
        let (dispatch, guard) = (self.dispatch.clone(), self.guard.clone());
        let task = one(dispatch, guard, visit.clone(), self.reports.clone());
        let id = self.flight.tasks.spawn(task).id();
        self.flight.visits.insert(id, (number, visit.clone()));
    }

    /// Takes a task that ended. A panic in it is the fault of one host, not the end of the run.
    async fn land(&mut self, landed: Landed) {
        let (id, ended) = match landed {
            Ok((id, ended)) => (id, Ok(ended)),
            Err(error) => (error.id(), Err(error)),
        };
        let Some((number, visit)) = self.flight.visits.remove(&id) else { return };
        let (load, failed) = *ended.as_ref().unwrap_or(&(Ended::Otherwise, true));
        self.schedule.ended(number, load);
        self.wave.failed += usize::from(failed);
        if let Err(error) = ended {
            let fault = Fault::new(FaultKind::Internal, panic_text(error));
            let at = self.dispatch.clock.utc();
            let _ = self.reports.send(VisitReport::without_answer(visit, at, fault)).await;
        }
    }
}

/// How a visit ended for its edges, and whether it failed.
type Came = (Ended, bool);

/// A task that ended.
type Landed = Result<(Id, Came), JoinError>;

/// The visits in flight, with their numbers.
struct Flight {
    tasks: JoinSet<Came>,
    visits: HashMap<Id, (usize, Arc<Visit>)>,
}

fn panic_text(error: JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else { return "the visit was cancelled".to_owned() };
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    format!("the visit panicked: {}", crate::model::text::escape(text.as_bytes()))
}

/// One visit from start to report.
async fn one(
    dispatch: Arc<Dispatch>,
    guard: Arc<CredentialGuard>,
    planned: Arc<Visit>,
    reports: mpsc::Sender<VisitReport>,
) -> Came {
    let context = VisitContext {
        deadlines: &dispatch.deadlines,
        spool: &dispatch.spool,
        clock: &dispatch.clock,
        observer: dispatch.observer.as_ref(),
    };
    let transport = dispatch.roads.for_kind(planned.host.asset.transport);
    let mut report = tokio::select! {
        report = visit(planned.clone(), transport, &context) => report,
        () = dispatch.stop.reached(Stage::Abort) => {
            let detail = format!("broken off: {}", dispatch.stop.reason());
            let fault = Fault::new(FaultKind::Skipped, detail);
            VisitReport::without_answer(planned.clone(), dispatch.clock.utc(), fault)
        }
    };
    guard.note(&planned.host, report.faults.first());
    report.faults.extend(transport.left_behind(&planned.host).await);
    let event =
        RunEvent::VisitEnded { host: &planned.host.asset.name, fault: report.worst_fault() };
    dispatch.observer.event(&event);
    let ended = match report.worst_fault().map(|fault| fault.kind) {
        None => Ended::Well,
        Some(FaultKind::Quota) => Ended::Overloaded,
        Some(_) => Ended::Otherwise,
    };
    let failed = has_failed(&report);
    // The receiver is gone only when the run has already failed as a whole.
    let _ = reports.send(report).await;
    (ended, failed)
}

/// Whether a host counts against the next wave: it gave no answer, or something on the way or on the
/// host broke. A tool that is missing, or a right, harms nobody.
fn has_failed(report: &VisitReport) -> bool {
    let harmless = |kind: FaultKind| {
        matches!(kind, FaultKind::ToolMissing | FaultKind::Denied | FaultKind::LeakedShell)
    };
    report.captured.is_empty() || report.worst_fault().is_some_and(|fault| !harmless(fault.kind))
}
