//! Draining and aborting a run: every planned host has exactly one report.

use std::time::Duration;

use fleetstat::dispatch::stop::{Stage, Stop};
use fleetstat::model::fault::FaultKind;
use fleetstat::model::snapshot::View;

use crate::hosts::{Limits, Script, dispatch, fleet};

fn slow() -> Script {
    Script { command: Duration::from_secs(2), ..Script::default() }
}

async fn stopped(stages: &'static [(u64, Stage)]) -> Vec<Option<FaultKind>> {
    let stop = Stop::default();
    let asking = stop.clone();
    tokio::spawn(async move {
        for (seconds, stage) in stages {
            tokio::time::sleep(Duration::from_secs(*seconds)).await;
            asking.ask(*stage, "the run was interrupted");
        }
    });
    let names: Vec<String> = (1..=9).map(|n| format!("h{n:03}")).collect();
    let scripts: Vec<_> = names.iter().map(|name| (name.as_str(), slow())).collect();
    let limits = Limits { width: 3, starts_per_second: 1_000, waves: None };
    let (reports, _) = dispatch(&fleet(9), &[View::Routes], &limits, &scripts, stop).await;
    assert_eq!(reports.len(), 9);
    reports.iter().map(|report| report.faults.first().map(|fault| fault.kind)).collect()
}

#[tokio::test(start_paused = true)]
async fn draining_lets_hosts_in_flight_finish_and_starts_no_more() {
    let kinds = stopped(&[(1, Stage::Drain)]).await;
    let (done, skipped) = (None, Some(FaultKind::Skipped));
    assert_eq!(kinds, [done, done, done, skipped, skipped, skipped, skipped, skipped, skipped]);
}

#[tokio::test(start_paused = true)]
async fn aborting_drops_hosts_in_flight_too() {
    let kinds = stopped(&[(1, Stage::Drain), (1, Stage::Abort)]).await;
    assert_eq!(kinds, [Some(FaultKind::Skipped); 9]);
}

#[test]
fn a_stage_never_falls_and_the_first_reason_stays() {
    let stop = Stop::default();
    stop.ask(Stage::Abort, "first");
    stop.ask(Stage::Drain, "second");
    assert_eq!((stop.stage(), stop.reason()), (Stage::Abort, "first"));
}
