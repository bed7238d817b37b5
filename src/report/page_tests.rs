//! Golden pages: what `show` prints of a snapshot and what closes a run.

use std::collections::{BTreeMap, BTreeSet};

use crate::analyse::sample::{cut_snapshot, snapshot};
use crate::model::digest::Sha256;
use crate::model::fault::{Fault, FaultKind};
use crate::model::id::{HostName, Pass, ProbeId, RunId};
use crate::model::query::{HostOutcome, OutcomeCounts, RunSummary};
use crate::model::snapshot::{Limitation, Outcome, Snapshot};
use crate::model::time::Utc;
use crate::report::show::show;
use crate::report::summary::{Summary, summary};

fn page(snapshot: &Snapshot, width: Option<usize>) -> String {
    let mut out = Vec::new();
    show(snapshot, width, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_whole_snapshot_on_one_page() {
    let expected = include_str!("testdata/show--whole.txt");
    compare("show--whole.txt", &page(&snapshot(), None), expected);
}

#[test]
fn a_cut_snapshot_says_so_beside_every_view_it_touches() {
    let expected = include_str!("testdata/show--cut-80-columns.txt");
    let page = page(&cut_snapshot(), Some(80));
    compare("show--cut-80-columns.txt", &page, expected);
}

fn outcome(host: &str, attempt: u16, outcome: Outcome, fault: Option<Fault>) -> HostOutcome {
    HostOutcome {
        run: RunId::parse("20261124T014200Z-abcdef").unwrap(),
        host: HostName::new(host).unwrap(),
        pass: Pass { pass: 1, attempt },
        at: Utc::parse("2026-11-24T01:43:00Z").unwrap(),
        outcome,
        faults: fault.into_iter().collect(),
        evidence: None,
    }
}

fn run(counts: OutcomeCounts) -> RunSummary {
    RunSummary {
        run: RunId::parse("20261124T014200Z-abcdef").unwrap(),
        playbook: "nightly-snapshot".to_owned(),
        purpose: "routine".to_owned(),
        operator: "alice".to_owned(),
        change: Some("CHG-1".to_owned()),
        started: Utc::parse("2026-11-24T01:42:00Z").unwrap(),
        ended: Utc::parse("2026-11-24T01:43:12.5Z").ok(),
        counts,
        folder: "evidence/20261124T014200Z-abcdef".to_owned(),
        manifest: Some(Sha256::of(b"manifest")),
    }
}

fn closing(summary_of: &Summary<'_>) -> String {
    let mut out = Vec::new();
    summary(summary_of, None, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_run_closes_with_what_failed_and_what_to_do() {
    let fault = |kind, detail: &str| Some(Fault::new(kind, detail));
    let timeout = || fault(FaultKind::ConnectTimeout, "no answer from 10.0.0.8 port 22 in 5 s");
    let outcomes = [
        outcome("web-1", 1, Outcome::Failed, timeout()),
        outcome("web-1", 2, Outcome::Complete, None),
        outcome("web-2", 1, Outcome::Failed, timeout()),
        outcome("web-3", 1, Outcome::Failed, timeout()),
        outcome("web-4", 1, Outcome::Failed, timeout()),
        outcome(
            "db-1",
            1,
            Outcome::Failed,
            fault(FaultKind::HostKeyChanged, "known: SHA256:a\x1b"),
        ),
        outcome("db-2", 1, Outcome::Partial, fault(FaultKind::ToolMissing, "no ip(8)")),
        outcome("db-3", 1, Outcome::Skipped, None),
    ];
    let run = run(OutcomeCounts { complete: 1, partial: 1, failed: 4, skipped: 1 });
    let next = ["fleetstat query listeners --port 4444".to_owned()];
    let old = "ssh-rsa, hmac-sha1 until 2027-03-31 (firmware, NET-812)".to_owned();
    let legacy = BTreeMap::from([(old, BTreeSet::from([HostName::new("sw-1").unwrap()]))]);
    let replaced = BTreeMap::from([
        ((FaultKind::Denied, ProbeId::builtin("linux/ss-inet4")), 2),
        ((FaultKind::ToolMissing, ProbeId::builtin("linux/ip-addr")), 1),
    ]);
    let text = closing(&Summary {
        run: &run,
        outcomes: &outcomes,
        sockets: 9_400,
        listeners: 412,
        replaced: &replaced,
        limitations: &[(Limitation::NoOwner, 2), (Limitation::NoV6, 0)],
        legacy: &legacy,
        next: &next,
        examples: 2,
    });
    compare("summary--faults.txt", &text, include_str!("testdata/summary--faults.txt"));
}

#[test]
fn a_clean_run_says_that_nothing_is_missing() {
    let run = run(OutcomeCounts { complete: 1, ..OutcomeCounts::default() });
    let text = closing(&Summary {
        run: &run,
        outcomes: &[outcome("web-1", 1, Outcome::Complete, None)],
        sockets: 42,
        listeners: 7,
        replaced: &BTreeMap::new(),
        limitations: &[],
        legacy: &BTreeMap::new(),
        next: &[],
        examples: 3,
    });
    compare("summary--clean.txt", &text, include_str!("testdata/summary--clean.txt"));
}

/// `UPDATE_REFERENCE=1 cargo test --lib report::page_tests` writes the pages anew; read them
/// before they are committed.
fn compare(name: &str, text: &str, expected: &str) {
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/report/testdata/");
        std::fs::write(format!("{folder}{name}"), text).unwrap();
        return;
    }
    assert_eq!(text, expected);
}
