//! From a visit's report to what an evidence file is made of.
//!
//! The header's lines on OS and clock are read from the answers in memory, because they stand
//! before the answers in the file; they are for people. Records are made from the synced file
//! alone (docs/decisions/0005).

use std::sync::Arc;
use std::time::Duration;

use crate::dispatch::visit::{Captured, VisitReport};
use crate::enrich::near::Near;
use crate::evidence::spool::Spool;
use crate::evidence::write::SectionDraft;
use crate::inventory::host::Host;
use crate::model::attribute::Surroundings;
use crate::model::capture::{ClockOffset, ControllerClock, End, Header, Mandate};
use crate::model::fact::Fact;
use crate::model::id::{HostName, Pass, RunId};
use crate::model::parsed::{Issue, Row, Sink, Span};
use crate::model::snapshot::View;
use crate::model::text::HostText;
use crate::model::time::Utc;
use crate::normalize::clock_reading;

/// Bytes of an answer that are looked at for the header: an os-release file is under 1 KiB.
const ANSWER_HEAD: usize = 16 << 10;

/// What all headers of a run have in common.
#[derive(Clone, Debug)]
pub struct RunFacts {
    /// The run.
    pub run: RunId,
    /// Why and for whom.
    pub mandate: Mandate,
    /// Views that were asked for.
    pub views: Vec<View>,
    /// The controller's own clock.
    pub controller_clock: ControllerClock,
    /// Changes and attributes of all hosts.
    pub near: Arc<Near>,
    /// How long before a visit a change may have ended and still be near it.
    pub look_back: Duration,
}

impl RunFacts {
    /// What was known around a host that was visited at this time.
    fn surroundings(&self, host: &HostName, started: Utc, ended: Utc) -> Surroundings {
        self.near.surroundings(host, started.minus(self.look_back), ended)
    }
}

/// Makes header and sections of a report. The spools move into the drafts.
#[must_use]
pub fn draft(facts: &RunFacts, report: VisitReport) -> (Header, Vec<SectionDraft>) {
    let mut report = report;
    let glimpse = Glimpse::of(&mut report.captured);
    let host = &report.visit.host;
    let surroundings = facts.surroundings(&host.asset.name, report.started, report.ended);
    let header = Header {
        run: facts.run.clone(),
        pass: Pass::FIRST,
        asset: host.asset.clone(),
        peer: report.peer,
        account: account(host),
        os: glimpse.os(),
        mandate: facts.mandate.clone(),
        views: facts.views.clone(),
        started: report.started,
        ended: report.ended,
        clock: glimpse.clock,
        controller_clock: facts.controller_clock,
        negotiated: report.negotiated,
        faults: report.faults,
        surroundings,
    };
    (header, report.captured.into_iter().map(section).collect())
}

/// The login name on the host; the operator's own account for `local`.
fn account(host: &Host) -> String {
    match &host.account {
        Some(account) => account.user.clone(),
        None => "(local)".to_owned(),
    }
}

fn section(captured: Captured) -> SectionDraft {
    let Captured { order, invocation, fallback_of, answer, .. } = captured;
    SectionDraft {
        probe: order.probe.clone(),
        digest: order.digest,
        reader: order.reader.clone().into_owned(),
        views: order.views.clone(),
        argv: invocation.argv().to_vec(),
        sent: invocation.line(),
        fallback_of,
        started: answer.started,
        ended: answer.ended,
        elapsed_us: u64::try_from(answer.elapsed.as_micros()).unwrap_or(u64::MAX),
        end: answer.end,
        faults: answer.faults,
        stdout: answer.stdout,
        stderr: answer.stderr,
    }
}

/// The few facts that the header shows.
#[derive(Debug, Default)]
struct Glimpse {
    os_name: Option<HostText<'static>>,
    kernel: Option<HostText<'static>>,
    clock: Option<ClockOffset>,
}

impl Glimpse {
    fn of(captured: &mut [Captured]) -> Self {
        let mut glimpse = Self::default();
        for one in captured.iter_mut().filter(|one| one.answer.end == End::Exit(0)) {
            glimpse.look(one);
        }
        glimpse
    }

    fn look(&mut self, captured: &mut Captured) {
        let name = captured.order.probe.as_str();
        let tells = ["/clock", "/host", "/kernel", "/rich-host"];
        if !tells.iter().any(|end| name.ends_with(end)) {
            return;
        }
        let facts = facts(&captured.order.reader, &mut captured.answer.stdout);
        for fact in facts {
            match fact {
                Fact::OsName(text) => drop(self.os_name.get_or_insert(text)),
                Fact::KernelRelease(text) => drop(self.kernel.get_or_insert(text)),
                Fact::Clock { remote, resolution_us } => {
                    let (started, elapsed) = (captured.answer.started, captured.answer.elapsed);
                    let elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
                    let reading = clock_reading(started, elapsed_us, remote, resolution_us);
                    self.clock.get_or_insert(ClockOffset {
                        offset_us: reading.offset_us,
                        error_us: reading.error_us,
                    });
                }
                _ => {}
            }
        }
    }

    /// `Debian GNU/Linux 12 (bookworm), kernel 6.1.0`.
    fn os(&self) -> Option<String> {
        let shown = |text: &HostText<'_>| text.escaped().into_owned();
        match (&self.os_name, &self.kernel) {
            (Some(name), Some(kernel)) => {
                Some(format!("{}, kernel {}", shown(name), shown(kernel)))
            }
            (Some(only), None) => Some(shown(only)),
            (None, Some(kernel)) => Some(format!("kernel {}", shown(kernel))),
            (None, None) => None,
        }
    }
}

/// Facts in the first bytes of an answer. What cannot be read there is simply not shown.
fn facts(reader: &str, stdout: &mut Spool) -> Vec<Fact> {
    let Some(mut reader) = crate::probe::reader_for(reader) else { return Vec::new() };
    let head = stdout.head(ANSWER_HEAD).unwrap_or_default();
    let mut sink = Facts(Vec::new());
    reader.push(&head, &mut sink);
    reader.finish(&mut sink);
    sink.0
}

/// Keeps facts and nothing else.
struct Facts(Vec<Fact>);

impl Sink for Facts {
    fn row(&mut self, _: Span, row: Row<'_>) {
        if let Row::Fact(fact) = row {
            self.0.push(fact);
        }
    }

    fn header(&mut self, _: Span) {}

    fn issue(&mut self, _: Issue) {}
}
