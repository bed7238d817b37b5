//! Width, start rate, deadline, panics, lock-out.

use std::time::Duration;

use fleetstat::dispatch::stop::Stop;
use fleetstat::model::fault::{Fault, FaultKind};
use fleetstat::model::snapshot::View;

use crate::hosts::{Limits, Script, dispatch, fleet};

#[tokio::test(start_paused = true)]
async fn the_width_is_reached_and_never_exceeded() {
    let slow = Script { command: Duration::from_secs(1), ..Script::default() };
    let names: Vec<String> = (1..=60).map(|n| format!("h{n:03}")).collect();
    let scripts: Vec<_> = names.iter().map(|name| (name.as_str(), slow.clone())).collect();
    let limits = Limits { width: 7, starts_per_second: 1_000, waves: None };
    let (reports, seen) =
        dispatch(&fleet(60), &[View::Routes], &limits, &scripts, Stop::default()).await;
    assert_eq!(reports.len(), 60);
    assert!(reports.iter().all(|report| report.faults.is_empty()));
    assert_eq!(seen.lock().unwrap().most_open, 7);
}

#[tokio::test(start_paused = true)]
async fn no_window_of_a_second_has_more_starts_than_the_limit() {
    let limits = Limits { width: 500, starts_per_second: 20, waves: None };
    let (_, seen) = dispatch(&fleet(100), &[View::Host], &limits, &[], Stop::default()).await;
    let starts = seen.lock().unwrap().starts.clone();
    assert_eq!(starts.len(), 100);
    for window in starts.windows(21) {
        // A limiter that counts in nanoseconds lets a start be a rounding error early.
        assert!(
            window[20].checked_sub(window[0]).unwrap() >= Duration::from_millis(999),
            "{window:?}"
        );
    }
    assert!(starts[99] < Duration::from_millis(5_100), "the rate is used: {:?}", starts[99]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_one_visit_is_that_hosts_fault_alone() {
    let panics = Script { panics: true, ..Script::default() };
    let limits = Limits { width: 3, starts_per_second: 1_000, waves: None };
    let (reports, _) =
        dispatch(&fleet(10), &[View::Host], &limits, &[("h004", panics)], Stop::default()).await;
    assert_eq!(reports.len(), 10);
    let faulty: Vec<_> = reports.iter().filter(|report| !report.faults.is_empty()).collect();
    assert_eq!(faulty.len(), 1);
    assert_eq!(faulty[0].visit.host.asset.name.as_str(), "h004");
    assert_eq!(
        faulty[0].faults,
        [Fault::new(FaultKind::Internal, "the visit panicked: a scripted panic")]
    );
}

#[tokio::test(start_paused = true)]
async fn a_host_that_takes_too_long_is_given_up_at_its_deadline_and_keeps_its_answers() {
    let slow = Script { command: Duration::from_secs(70), ..Script::default() };
    let limits = Limits { width: 3, starts_per_second: 1_000, waves: None };
    let (reports, _) =
        dispatch(&fleet(1), View::ALL, &limits, &[("h001", slow)], Stop::default()).await;
    // 180 s in all: three commands of 70 s begin before 179 s are over.
    assert_eq!(reports[0].captured.len(), 3);
    assert_eq!(
        reports[0].faults,
        [Fault::new(FaultKind::Deadline, "the visit reached the host deadline of 180 s")]
    );
}

#[tokio::test(start_paused = true)]
async fn two_refusals_stop_a_credential_for_the_hosts_that_follow() {
    let refused =
        Script { connect: Err(Fault::new(FaultKind::AuthRefused, "no")), ..Script::default() };
    let scripts = [("h002", refused.clone()), ("h005", refused)];
    let limits = Limits { width: 1, starts_per_second: 1_000, waves: None };
    let (reports, seen) =
        dispatch(&fleet(8), &[View::Host], &limits, &scripts, Stop::default()).await;
    let kinds: Vec<_> =
        reports.iter().map(|report| report.faults.first().map(|fault| fault.kind)).collect();
    let (refused, skipped) = (Some(FaultKind::AuthRefused), Some(FaultKind::Skipped));
    assert_eq!(kinds, [None, refused, None, None, refused, skipped, skipped, skipped]);
    assert_eq!(
        reports[7].faults[0].detail,
        "account `reader` was refused by 2 hosts: not tried again in this run"
    );
    assert_eq!(seen.lock().unwrap().connects.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_refused_credential_is_not_tried_again_on_the_same_address() {
    let inventory = "accounts:\n  a: {user: reader, identity: /k}\nall: {account: a}\n\
                     hosts:\n  one: {address: 10.0.0.1}\n  two: {address: 10.0.0.1}\n";
    let refused =
        Script { connect: Err(Fault::new(FaultKind::AuthRefused, "no")), ..Script::default() };
    let limits = Limits { width: 1, starts_per_second: 1_000, waves: None };
    let (reports, seen) =
        dispatch(inventory, &[View::Host], &limits, &[("one", refused)], Stop::default()).await;
    assert_eq!(reports[1].faults[0].kind, FaultKind::Skipped);
    assert_eq!(seen.lock().unwrap().connects.len(), 1);
}
