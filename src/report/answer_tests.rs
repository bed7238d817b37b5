//! Tests of the answers' field lists: exact lines, reading back, hostile text.

use proptest::prelude::*;

use crate::analyse::diff::diff;
use crate::analyse::sample::{cut_snapshot, listener, snapshot, sourced, text};
use crate::model::fault::{Fault, FaultKind};
use crate::model::id::{HostName, Label, Pass, RunId};
use crate::model::query::{HostOutcome, Listening, OutcomeCounts, Peering, RunSummary};
use crate::model::snapshot::Outcome;
use crate::model::socket::{Direction, Scope, Transport};
use crate::model::time::Utc;
use crate::report::answer::{Listeners, Outcomes, Peers, Runs};
use crate::report::change::{Changes, rows};
use crate::report::envelope::Recorded;
use crate::report::field::Kind;
use crate::report::format_tests::{check_reading_back, hostile, hostile_bytes, is_clean, written};
use crate::report::rows::{Format, Layout, write_answers};

fn at(text: &str) -> Utc {
    Utc::parse(text).unwrap()
}

fn run() -> RunSummary {
    RunSummary {
        run: RunId::parse("20261124T014200Z-abcdef").unwrap(),
        playbook: "nightly-snapshot".to_owned(),
        purpose: "routine".to_owned(),
        operator: "=alice".to_owned(),
        change: None,
        started: at("2026-11-24T01:42:00Z"),
        ended: None,
        counts: OutcomeCounts { complete: 2, failed: 1, ..OutcomeCounts::default() },
        folder: "evidence/a, b".to_owned(),
        manifest: None,
    }
}

fn outcome() -> HostOutcome {
    HostOutcome {
        run: run().run,
        host: HostName::new("web-1").unwrap(),
        pass: Pass::FIRST,
        at: at("2026-11-24T01:43:00Z"),
        outcome: Outcome::Failed,
        faults: vec![Fault::new(FaultKind::Refused, "port 22 refused")],
        evidence: None,
    }
}

fn listening() -> Listening {
    Listening {
        namespace: None,
        host: HostName::new("web-1").unwrap(),
        role: Some(Label::new("role", "web").unwrap()),
        transport: Transport::Tcp,
        address: "::".parse().unwrap(),
        port: 443,
        scope: Scope::WildcardDual,
        process: Some(text("ng\x1binx")),
        uid: None,
        service: None,
        first_seen: at("2026-11-01T01:42:00.75Z"),
        last_seen: at("2026-11-24T01:42:00Z"),
        open: true,
        count: 4,
    }
}

fn peering() -> Peering {
    Peering {
        host: HostName::new("web-1").unwrap(),
        role: None,
        direction: Direction::Outbound,
        transport: Transport::Tcp,
        service_port: 5432,
        peer: "10.0.0.7".parse().unwrap(),
        process: None,
        uid: Some(33),
        first_seen: at("2026-11-01T01:42:00Z"),
        last_seen: at("2026-11-24T01:42:00Z"),
        open: false,
        count: 1,
    }
}

fn check<K: Kind>(kind: K, answer: &K::Body<'_>) {
    check_reading_back(kind, &[Recorded::answer(answer)]);
}

#[test]
fn answers_read_back_as_their_field_lists_say() {
    check(Runs, &run());
    check(Outcomes, &outcome());
    check(Listeners, &listening());
    check(Peers, &peering());
    let (from, to) = (snapshot(), cut_snapshot());
    let diff = diff(&from, &to);
    for row in &rows(&diff, &from, &to) {
        check(Changes, row);
    }
}

#[test]
fn a_listener_is_one_line_of_a_table() {
    let mut out = Vec::new();
    let layout = Layout { format: Format::Table, width: None };
    let count = write_answers(&mut out, layout, Listeners, &[listening()]).unwrap();
    let expected = "\
HOST   ROLE  PROTO  ADDRESS  PORT  SCOPE          PROCESS    SERVICE  NAMESPACE  UID  \
FIRST-SEEN            LAST-SEEN             OPEN
web-1  web   tcp    ::        443  wildcard_dual  ng\\x1binx  -        -            -  \
2026-11-01T01:42:00Z  2026-11-24T01:42:00Z  yes
";
    assert_eq!((count, String::from_utf8(out).unwrap().as_str()), (1, expected));
}

#[test]
fn a_diff_tells_gaps_before_changes() {
    let (from, mut to) = (snapshot(), cut_snapshot());
    let socket = listener("0.0.0.0", 4444, Scope::Wildcard, ("nc", 4321));
    to.records.sockets.push(sourced(1, socket));
    let diff = diff(&from, &to);
    let mut out = Vec::new();
    let layout = Layout { format: Format::Ndjson, width: None };
    write_answers(&mut out, layout, Changes, &rows(&diff, &from, &to)).unwrap();
    let text = String::from_utf8(out).unwrap();
    let told: Vec<(String, String)> = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|row| (row["view"].as_str().unwrap().into(), row["change"].as_str().unwrap().into()))
        .collect();
    let row = |view: &str, change: &str| (view.to_owned(), change.to_owned());
    let expected = [
        row("listeners", "incomparable"),
        row("sessions", "incomparable"),
        row("sessions", "incomparable"),
        row("listeners", "listener_new"),
    ];
    assert_eq!(told, expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_control_character_reaches_the_changes(bytes in hostile_bytes()) {
        let (from, to) = (snapshot(), hostile(&bytes));
        let diff = diff(&from, &to);
        let rows = rows(&diff, &from, &to);
        let told = || rows.iter().map(Recorded::answer);
        for format in [Format::Table, Format::Json, Format::Ndjson] {
            prop_assert!(is_clean(&written(format, Changes, told()), "\n"));
        }
        prop_assert!(is_clean(&written(Format::Csv, Changes, told()), "\r\n"));
    }
}
