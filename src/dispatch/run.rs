//! Runs all visits of a plan: bounded width, even start rate, one report per host.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};

use crate::dispatch::event::{Observer, RunEvent};
use crate::dispatch::guard::CredentialGuard;
use crate::dispatch::rate::StartRate;
use crate::dispatch::stop::{Stage, Stop};
use crate::dispatch::visit::{VisitContext, VisitReport, visit};
use crate::inventory::host::Host;
use crate::model::deadline::Deadlines;
use crate::model::fault::{Fault, FaultKind};
use crate::plan::order::Visit;
use crate::transport::Roads;
use crate::transport::SpoolSettings;
use crate::transport::clock::Clock;

/// What a run needs beside its visits.
pub struct Dispatch {
    /// Most visits at once.
    pub width: usize,
    /// Most visits begun per second.
    pub starts_per_second: NonZeroU32,
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

/// Runs the visits and sends exactly one report per visit to `reports`.
///
/// The channel is bounded by the caller; a visit counts against the width until its report is
/// taken. Returns when every report was sent, or the receiver is gone.
pub async fn run(
    dispatch: Arc<Dispatch>,
    visits: impl IntoIterator<Item = Arc<Visit>>,
    reports: mpsc::Sender<VisitReport>,
) {
    let rate = StartRate::new(dispatch.starts_per_second);
    let guard = Arc::new(CredentialGuard::default());
    let mut flight = Flight { tasks: JoinSet::new(), visits: HashMap::new() };
    for visit in visits {
        while flight.tasks.len() >= dispatch.width {
            flight.land(&dispatch, &reports).await;
        }
        if let Err(fault) = admit(&dispatch, &rate, &guard, &visit.host).await {
            let report = skipped(&dispatch, visit, fault);
            if reports.send(report).await.is_err() {
                break;
            }
            continue;
        }
        flight.start(&dispatch, &guard, visit, &reports);
    }
    while !flight.tasks.is_empty() {
        flight.land(&dispatch, &reports).await;
    }
    dispatch.roads.ssh.finish().await;
    dispatch.roads.local.finish().await;
    dispatch.roads.winrm.finish().await;
}

/// Waits for the start rate and asks the guards.
async fn admit(
    dispatch: &Dispatch,
    rate: &StartRate,
    guard: &CredentialGuard,
    host: &Host,
) -> Result<(), Fault> {
    tokio::select! {
        biased;
        () = dispatch.stop.reached(Stage::Drain) => {
            let detail = format!("not started: {}", dispatch.stop.reason());
            return Err(Fault::new(FaultKind::Skipped, detail));
        }
        () = rate.wait() => {}
    }
    guard.admit(host)
}

fn skipped(dispatch: &Dispatch, visit: Arc<Visit>, fault: Fault) -> VisitReport {
    dispatch
        .observer
        .event(&RunEvent::VisitSkipped { host: &visit.host.asset.name, fault: &fault });
    VisitReport::without_answer(visit, dispatch.clock.utc(), fault)
}

/// The visits in flight.
struct Flight {
    tasks: JoinSet<()>,
    visits: HashMap<Id, Arc<Visit>>,
}

impl Flight {
    fn start(
        &mut self,
        dispatch: &Arc<Dispatch>,
        guard: &Arc<CredentialGuard>,
        visit: Arc<Visit>,
        reports: &mpsc::Sender<VisitReport>,
    ) {
        let task = one(dispatch.clone(), guard.clone(), visit.clone(), reports.clone());
        let id = self.tasks.spawn(task).id();
        self.visits.insert(id, visit);
    }

    /// Waits for one task. A panic in it is the fault of one host, not the end of the run.
    async fn land(&mut self, dispatch: &Dispatch, reports: &mpsc::Sender<VisitReport>) {
        match self.tasks.join_next_with_id().await {
            None => {}
            Some(Ok((id, ()))) => {
                self.visits.remove(&id);
            }
            Some(Err(error)) => {
                let Some(visit) = self.visits.remove(&error.id()) else { return };
                let fault = Fault::new(FaultKind::Internal, panic_text(error));
                let report = VisitReport::without_answer(visit, dispatch.clock.utc(), fault);
                // The receiver is gone only when the run has already failed as a whole.
                let _ = reports.send(report).await;
            }
        }
    }
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
) {
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
    // The receiver is gone only when the run has already failed as a whole.
    let _ = reports.send(report).await;
}
