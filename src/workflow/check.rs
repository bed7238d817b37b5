//! Check: logs in to the hosts of a plan, asks who the account is and what it may do, and says what it
//! lacks and what it has too much of. Keeps nothing: no evidence, no store.
//!
//! The same dispatch as a run: width, start rate, deadlines, lock-out guard.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::dispatch::event::{Observer, RunEvent};
use crate::dispatch::run::Dispatch;
use crate::dispatch::stop::Stop;
use crate::dispatch::visit::{Captured, VisitReport};
use crate::evidence::spool::MEMORY_BYTES_MAX;
use crate::model::capture::End;
use crate::model::fact::Fact;
use crate::model::fault::{Fault, FaultKind};
use crate::model::id::HostName;
use crate::model::parsed::{Issue, Row, Sink, Span};
use crate::model::privilege::{AccountFinding, Verdict};
use crate::model::process::ProcessFact;
use crate::model::snapshot::Outcome;
use crate::plan::{Plan, Reason};
use crate::privilege::judge::{Ended, Looked, fault, judge};
use crate::probe::fallback::{Condition, STDERR_HEAD, fallback_condition, windows_program_missing};
use crate::transport::clock::Clock;
use crate::transport::{Roads, SpoolSettings};

/// Reports that wait to be read. Each may hold 256 KiB of output per stream.
const REPORTS_WAITING: usize = 16;

/// What a check needs.
pub struct Check {
    /// What to do, as [`crate::plan::build::check`] makes it.
    pub plan: Plan,
    /// Roads to hosts.
    pub roads: Arc<Roads>,
    /// Takes the events.
    pub observer: Arc<dyn Observer>,
    /// Asks the check to stop.
    pub stop: Stop,
    /// The clock.
    pub clock: Clock,
}

/// What came of a check.
#[derive(Debug)]
pub struct Checked {
    /// Findings, sorted by host; of a host those that matter most first. Every host that was asked
    /// for has at least one.
    pub findings: Vec<AccountFinding>,
    /// Hosts that were not reached at all.
    pub unreachable: BTreeSet<HostName>,
}

/// Looks at the accounts of a plan.
pub async fn check(check: Check) -> Checked {
    let Check { plan, roads, observer, stop, clock } = check;
    let mut checked = Checked { findings: Vec::new(), unreachable: BTreeSet::new() };
    for left_out in &plan.left_out {
        if left_out.reason != Reason::NotSelected {
            let reason = Fault::new(FaultKind::Skipped, left_out.reason.to_string());
            checked.findings.push(fault(&left_out.host, &reason));
        }
    }
    let request = &plan.request;
    let dispatch = Arc::new(Dispatch {
        edges: plan.edges.clone(),
        waves: plan.waves.clone(),
        max_fail_percentage: plan.max_fail_percentage(),
        deadlines: request.deadlines.clone(),
        // What is kept of an answer stays in memory, so that nothing is written at all.
        spool: SpoolSettings::new(
            std::path::PathBuf::new(),
            request.output_bytes.min(MEMORY_BYTES_MAX as u64),
        ),
        clock,
        roads,
        observer: observer.clone(),
        stop,
    });
    let (reports, mut waiting) = mpsc::channel::<VisitReport>(REPORTS_WAITING);
    let reading = async {
        while let Some(report) = waiting.recv().await {
            let host = report.visit.host.asset.name.clone();
            let found = of_report(report, &mut checked.unreachable);
            let failed = found.iter().any(|finding| finding.verdict == Verdict::Fault);
            let outcome = if failed { Outcome::Failed } else { Outcome::Complete };
            observer.event(&RunEvent::Recorded { host: &host, outcome });
            checked.findings.extend(found);
        }
    };
    let visits = plan.visits.clone();
    tokio::join!(crate::dispatch::run::run(dispatch, visits, reports), reading);
    checked.findings.sort_by(|one, other| one.host.cmp(&other.host));
    checked
}

/// Findings of one host, its faults first.
fn of_report(report: VisitReport, unreachable: &mut BTreeSet<HostName>) -> Vec<AccountFinding> {
    let VisitReport { visit, captured, faults, .. } = report;
    if captured.is_empty() && faults.first().is_some_and(|fault| fault.kind.unreachable()) {
        unreachable.insert(visit.host.asset.name.clone());
    }
    let mut looked: Vec<Looked> = Vec::new();
    for one in captured.into_iter().filter_map(look) {
        // Asked again at another path or without `timeout`: only the last word counts.
        looked.retain(|earlier| earlier.probe.id != one.probe.id);
        looked.push(one);
    }
    // A program that is missing is told with what it costs, below.
    let told = |one: &&Fault| looked.is_empty() || one.kind != FaultKind::ToolMissing;
    let faults: Vec<_> = faults.iter().filter(told).collect();
    let mut found: Vec<_> = faults.iter().map(|one| fault(&visit.host, one)).collect();
    if !looked.is_empty() {
        let judged = judge(&visit.host, &looked);
        // A visit that broke off does not fit, whatever was seen before.
        found.extend(
            judged.into_iter().filter(|one| faults.is_empty() || one.verdict != Verdict::Fits),
        );
    }
    found
}

/// What came of one command. `None`: it is none of the standard's.
fn look(captured: Captured) -> Option<Looked> {
    let Captured { order, invocation, mut answer, .. } = captured;
    let probe = crate::probe::by_id(order.probe.as_str())?;
    let said = answer.stderr.head(STDERR_HEAD).unwrap_or_default();
    let program = invocation.argv().first().map_or("", String::as_str);
    let ended = match &answer.end {
        End::Exit(status) if probe.accepts(*status) => Ended::Answered,
        End::Exit(status) => {
            let missing = fallback_condition(*status, &said) == Some(Condition::ToolMissing)
                || windows_program_missing(program, *status, &said);
            if missing { Ended::ToolMissing } else { Ended::Failed(exited(*status, &said)) }
        }
        End::Incomplete(fault) if fault.kind == FaultKind::ToolMissing => Ended::ToolMissing,
        End::Incomplete(fault) => Ended::Failed(fault.to_string()),
        End::Signal(signal) => Ended::Failed(format!("ended by signal {signal}")),
    };
    let mut seen = Seen::default();
    let mut reader = (probe.reader)();
    // Cannot fail: a spool of this size has no file.
    let head = answer.stdout.head(MEMORY_BYTES_MAX).unwrap_or_default();
    reader.push(&head, &mut seen);
    reader.finish(&mut seen);
    let Seen { facts, rows, services, users } = seen;
    Some(Looked { probe, ended, facts, rows, services, users })
}

/// Most bytes of an error message that are shown.
const MESSAGE_BYTES: usize = 160;

/// `exit 1: ERROR: Access denied`.
fn exited(status: u32, said: &[u8]) -> String {
    let first = said.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).find(|l| !l.is_empty());
    match first {
        None => format!("exit {status}"),
        Some(line) => {
            let line = line.get(..MESSAGE_BYTES).unwrap_or(line);
            format!("exit {status}: {}", crate::model::text::escape(line))
        }
    }
}

/// Keeps facts and what else counts.
#[derive(Default)]
struct Seen {
    facts: Vec<Fact>,
    rows: usize,
    services: bool,
    users: bool,
}

impl Sink for Seen {
    fn row(&mut self, _: Span, row: Row<'_>) {
        self.rows += 1;
        match row {
            Row::Fact(fact) => self.facts.push(fact),
            Row::Process(_, ProcessFact::Service(_)) => self.services = true,
            Row::Process(_, ProcessFact::User(_)) => self.users = true,
            Row::Process(..)
            | Row::Socket(_)
            | Row::Interface(_)
            | Row::Route(_)
            | Row::Rule(_)
            | Row::Neighbour(_)
            | Row::Counter(_)
            | Row::Holder(_)
            | Row::Member(_) => {}
        }
    }

    fn header(&mut self, _: Span) {}

    fn issue(&mut self, _: Issue) {}
}
