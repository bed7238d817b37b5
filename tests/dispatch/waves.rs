//! A few hosts first: the rest starts only when those were well.

use std::time::Duration;

use fleetstat::dispatch::stop::Stop;
use fleetstat::model::fault::{Fault, FaultKind};
use fleetstat::model::snapshot::View;
use fleetstat::plan::wave::Waves;

use crate::hosts::{Limits, Script, dispatch};

/// Twenty hosts of two roles.
const FLEET: &str = "accounts:\n  a: {user: reader, identity: /k}\nall: {account: a}\nhosts:\n  \
    \"a[01-10]\": {address: \"10.0.1.[1-10]\", role: db}\n  \
    \"b[01-10]\": {address: \"10.0.2.[1-10]\", role: web}\n";

fn limits(max_fail_percentage: u8) -> Limits {
    let waves = Waves { canary: 1, shares: vec![25], max_fail_percentage };
    Limits { width: 100, starts_per_second: 1_000, waves: Some(waves) }
}

fn slow() -> Script {
    Script { command: Duration::from_secs(10), ..Script::default() }
}

fn dead() -> Script {
    let fault = Fault::new(FaultKind::ConnectTimeout, "nobody is there");
    Script { connect: Err(fault), ..Script::default() }
}

#[tokio::test(start_paused = true)]
async fn each_wave_starts_when_the_one_before_has_ended() {
    let names: Vec<String> =
        (1..=10).flat_map(|n| [format!("a{n:02}"), format!("b{n:02}")]).collect();
    let scripts: Vec<_> = names.iter().map(|name| (name.as_str(), slow())).collect();
    let (reports, seen) =
        dispatch(FLEET, &[View::Routes], &limits(0), &scripts, Stop::default()).await;
    assert!(reports.iter().all(|report| report.faults.is_empty()));
    let seen = seen.lock().unwrap();
    let mut waves: Vec<(u64, Vec<&str>)> = Vec::new();
    for (name, at) in &seen.opened {
        match waves.last_mut() {
            Some((begun, wave)) if at.as_secs() == *begun => wave.push(name),
            _ => waves.push((at.as_secs(), vec![name])),
        }
    }
    let sizes: Vec<usize> = waves.iter().map(|(_, wave)| wave.len()).collect();
    assert_eq!(sizes, [2, 5, 13], "{waves:?}");
    assert_eq!(waves[0].1, ["a01", "b01"]);
    let begun: Vec<u64> = waves.iter().map(|(begun, _)| *begun).collect();
    assert!(begun[1] >= 10 && begun[2] >= 2 * begun[1], "{begun:?}");
}

#[tokio::test(start_paused = true)]
async fn a_wave_of_which_too_many_failed_is_the_last() {
    // A canary that is not there: half of the first wave.
    for (most, visited) in [(49, 2), (50, 20)] {
        let scripts = [("a01", dead())];
        let (reports, seen) =
            dispatch(FLEET, &[View::Routes], &limits(most), &scripts, Stop::default()).await;
        assert_eq!(reports.len(), 20, "each host has a report");
        assert_eq!(seen.lock().unwrap().opened.len(), visited, "{most} %");
        let skipped = reports.iter().filter(|report| {
            report.faults.iter().any(|fault| {
                fault.to_string()
                    == "skipped: not started: 1 of 2 hosts of wave 1 failed, and 49 % may"
            })
        });
        assert_eq!(skipped.count(), 20 - visited, "{most} %");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_stopped_between_waves_leaves_the_rest_out() {
    let stop = Stop::default();
    let asking = stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        asking.ask(fleetstat::dispatch::stop::Stage::Drain, "the run was interrupted");
    });
    let scripts = [("a01", slow()), ("b01", slow())];
    let (reports, seen) = dispatch(FLEET, &[View::Routes], &limits(0), &scripts, stop).await;
    assert_eq!((reports.len(), seen.lock().unwrap().opened.len()), (20, 2));
    let done = reports.iter().filter(|report| report.faults.is_empty());
    assert_eq!(done.count(), 2);
}
