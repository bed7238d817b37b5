//! Limits of segments, subnets and realms, as the dispatcher holds them.

use std::time::Duration;

use fleetstat::dispatch::stop::Stop;
use fleetstat::model::fault::{Fault, FaultKind};
use fleetstat::model::snapshot::View;

use crate::hosts::{Limits, Script, dispatch};

const WIDE: Limits = Limits { width: 100, starts_per_second: 1_000, waves: None };

/// Two segments of ten hosts, with limits in the inventory.
fn fleet(limits: &str) -> String {
    format!(
        "accounts:\n  a: {{user: reader, identity: /k}}\nall: {{account: a}}\n{limits}\nhosts:\n  \
         \"a[01-10]\": {{address: \"10.0.1.[1-10]\", segment: cde}}\n  \
         \"b[01-10]\": {{address: \"10.0.2.[1-10]\", segment: dmz}}\n"
    )
}

fn scripts(script: &Script) -> Vec<(String, Script)> {
    let names = (1..=10).flat_map(|n| [format!("a{n:02}"), format!("b{n:02}")]);
    names.map(|name| (name, script.clone())).collect()
}

/// When each host ended, in seconds since the first began.
async fn ends(inventory: &str, script: &Script) -> Vec<(String, u64)> {
    let scripts = scripts(script);
    let scripts: Vec<_> = scripts.iter().map(|(name, s)| (name.as_str(), s.clone())).collect();
    let begun = tokio::time::Instant::now();
    let (reports, seen) =
        dispatch(inventory, &[View::Routes], &WIDE, &scripts, Stop::default()).await;
    assert_eq!(reports.len(), 20);
    assert!(reports.iter().all(|report| report.faults.is_empty()));
    assert!(begun.elapsed() < Duration::from_mins(10));
    let seen = seen.lock().unwrap();
    seen.opened.iter().map(|(name, at)| (name.clone(), at.as_secs())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_is_limited_holds_up_its_own_hosts_alone() {
    let slow = Script { command: Duration::from_secs(10), ..Script::default() };
    let free = ends(&fleet(""), &slow).await;
    assert!(free.iter().all(|(_, at)| *at == 0), "{free:?}");
    let opened = ends(&fleet("limits: {segment: {cde: {width: 2}}}"), &slow).await;
    let of = |letter: char| -> Vec<u64> {
        let of = opened.iter().filter(|(name, _)| name.starts_with(letter));
        of.map(|(_, at)| *at).collect()
    };
    assert_eq!(of('b'), [0; 10]);
    let each = of('a')[2];
    assert!(each >= 10, "{opened:?}");
    let expected: Vec<u64> = (0..10).map(|n| n / 2 * each).collect();
    assert_eq!(of('a'), expected);
}

#[tokio::test(start_paused = true)]
async fn a_subnet_and_a_realm_have_start_rates_of_their_own() {
    let limits = "limits: {subnet: {10.0.2.0/24: {starts_per_second: 1}}}";
    let opened = ends(&fleet(limits), &Script::default()).await;
    let of_subnet = opened.iter().filter(|(name, _)| name.starts_with('b'));
    let times: Vec<u64> = of_subnet.map(|(_, at)| *at).collect();
    assert_eq!(times, (0..10).collect::<Vec<u64>>());
    assert!(opened.iter().filter(|(name, _)| name.starts_with('a')).all(|(_, at)| *at == 0));
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_is_overloaded_is_still_asked_to_its_last_host() {
    let full = Fault::new(FaultKind::Quota, "no more places");
    let busy = Script { connect: Err(full), ..Script::default() };
    let names: Vec<String> = (1..=10).map(|n| format!("a{n:02}")).collect();
    let scripts: Vec<_> = names.iter().map(|name| (name.as_str(), busy.clone())).collect();
    let inventory = fleet("limits: {segment: {cde: {width: 4}}}");
    let (reports, _) =
        dispatch(&inventory, &[View::Routes], &WIDE, &scripts, Stop::default()).await;
    let faults = |letter: char| {
        let of = reports.iter().filter(|r| r.visit.host.asset.name.as_str().starts_with(letter));
        of.filter(|report| !report.faults.is_empty()).count()
    };
    // Each is still asked, and told: an overload is no reason to leave a host out.
    assert_eq!((faults('a'), faults('b')), (10, 0));
}
