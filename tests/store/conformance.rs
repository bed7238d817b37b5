//! What every backend must do. [`suite!`] makes one test of each check for one backend.

use std::time::Duration;

use fleetstat::model::digest::Sha256;
use fleetstat::model::fault::{Fault, FaultKind};
use fleetstat::model::id::{Label, Pass};
use fleetstat::model::query::{HostOutcome, Listening, OutcomeCounts, Peering};
use fleetstat::model::snapshot::{Outcome, SectionStatus, View};
use fleetstat::model::socket::{Direction, Scope, State, Transport};
use fleetstat::model::text::HostText;
use fleetstat::store::{Error, ListenerQuery, Partner, PeerQuery, RunEnd, SnapshotKey, Store};

use crate::order::lines;
use crate::scene::{self, host, listens, night, run, run_start, section, talks, visit, whole};
pub(crate) use crate::times::{
    a_change_has_its_snapshots_on_both_sides, a_failed_section_changes_nothing_between_two_times,
    good_snapshots_are_told_from_the_latest_on, hosts_are_known_as_the_inventory_had_them_then,
    who_answered_whole_is_known_at_a_time,
};

/// Makes the module `$name` with one test per check, on stores that `$fresh` makes.
macro_rules! suite {
    ($name:ident, $fresh:path) => {
        mod $name {
            $crate::conformance::tests!($fresh;
                a_new_store_is_empty,
                runs_are_listed_with_their_outcomes,
                a_run_begun_or_ended_otherwise_is_refused,
                what_belongs_to_no_run_is_refused_and_nothing_is_kept,
                taking_in_a_snapshot_again_writes_no_row,
                a_key_taken_by_other_evidence_is_a_conflict,
                a_second_pass_is_kept,
                names_of_users_are_kept_beside_processes_without_any,
                a_snapshot_is_found_by_time,
                the_last_good_section_answers,
                a_listener_that_stays_is_one_interval,
                a_listener_that_goes_and_comes_back_is_two_intervals,
                a_failed_section_ends_nothing,
                a_partial_section_ends_nothing_but_shows_what_is_new,
                one_failed_section_does_not_keep_the_others_facts_open,
                a_replaced_section_hands_over_to_its_fallback,
                listeners_are_found_by_port_address_host_and_role,
                listeners_are_known_as_of_a_time,
                peers_are_found_by_address_network_and_time,
                half_closed_and_half_open_sockets_are_counted_not_kept_as_facts,
                hosts_without_a_snapshot_have_an_outcome,
                a_snapshot_takes_precedence_over_an_outcome,
                a_change_has_its_snapshots_on_both_sides,
                a_failed_section_changes_nothing_between_two_times,
                who_answered_whole_is_known_at_a_time,
                hosts_are_known_as_the_inventory_had_them_then,
                good_snapshots_are_told_from_the_latest_on,
            );
        }
    };
}
pub(crate) use suite;

macro_rules! tests {
    ($fresh:path; $($check:ident),* $(,)?) => {$(
        #[test]
        fn $check() {
            let mut fresh = $fresh();
            $crate::conformance::$check(fresh.store.as_mut());
        }
    )*};
}
pub(crate) use tests;

pub(crate) fn begin(store: &mut dyn Store, nights: u32) {
    for number in 0..nights {
        store.begin_run(&run_start(number)).unwrap();
    }
}

fn port(number: u16) -> ListenerQuery {
    ListenerQuery { port: Some(number), ..ListenerQuery::default() }
}

fn ever(number: u16) -> ListenerQuery {
    ListenerQuery { include_closed: true, ..port(number) }
}

fn address(text: &str) -> Partner {
    Partner::Address(text.parse().unwrap())
}

fn peers_of(partner: Partner) -> PeerQuery {
    PeerQuery { partner, since: None, until: None, hosts: None, at: None }
}

/// First sighting, last sighting in nights, and whether it is open.
fn spans(found: &[Listening]) -> Vec<(u32, u32, bool)> {
    let number = |at: fleetstat::model::time::Utc| {
        u32::try_from(at.micros_since(scene::start()) / 86_400_000_000).unwrap()
    };
    found.iter().map(|l| (number(l.first_seen), number(l.last_seen), l.open)).collect()
}

pub(crate) fn a_new_store_is_empty(store: &mut dyn Store) {
    assert_eq!(store.runs().unwrap(), []);
    assert_eq!(store.hosts().unwrap(), []);
    assert_eq!(store.snapshot(&host("web-1"), None).unwrap(), None);
    assert_eq!(store.listeners(&ListenerQuery::default()).unwrap(), []);
    assert_eq!(store.peers(&peers_of(address("192.0.2.1"))).unwrap(), []);
    assert_eq!(lines(store), [""; 0]);
}

pub(crate) fn runs_are_listed_with_their_outcomes(store: &mut dyn Store) {
    begin(store, 2);
    let mut partial = whole("web-2", 1);
    partial.outcome = Outcome::Partial;
    store.ingest(&[whole("web-1", 1), partial]).unwrap();
    let manifest = Some(Sha256::of(b"manifest"));
    let ended = night(1).plus(Duration::from_mins(1));
    let end = RunEnd { run: run(1), ended, manifest };
    store.end_run(&end).unwrap();
    store.end_run(&end).unwrap();
    let runs = store.runs().unwrap();
    let names: Vec<_> = runs.iter().map(|summary| summary.run.clone()).collect();
    assert_eq!(names, [run(1), run(0)]);
    assert_eq!(runs[0].counts, OutcomeCounts { complete: 1, partial: 1, failed: 0, skipped: 0 });
    assert_eq!((runs[0].ended, runs[0].manifest), (Some(ended), manifest));
    assert_eq!((runs[1].ended, runs[1].counts), (None, OutcomeCounts::default()));
}

pub(crate) fn a_run_begun_or_ended_otherwise_is_refused(store: &mut dyn Store) {
    begin(store, 1);
    store.begin_run(&run_start(0)).unwrap();
    let mut other = run_start(0);
    other.operator = "someone else".into();
    let error = store.begin_run(&other).unwrap_err();
    assert!(matches!(error, Error::RunDiffers { field: "operator", .. }), "{error}");
    store.end_run(&RunEnd { run: run(0), ended: night(1), manifest: None }).unwrap();
    let again = store.end_run(&RunEnd { run: run(0), ended: night(2), manifest: None });
    assert!(matches!(again, Err(Error::RunDiffers { field: "end", .. })));
    assert_eq!(store.runs().unwrap()[0].operator, "noc");
}

pub(crate) fn what_belongs_to_no_run_is_refused_and_nothing_is_kept(store: &mut dyn Store) {
    begin(store, 1);
    let batch = [whole("web-1", 0), whole("web-1", 5)];
    let error = store.ingest(&batch).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("run {} is not in the store; begin it first, or use `fleetstat rebuild`", run(5))
    );
    assert_eq!(store.hosts().unwrap(), []);
    assert_eq!(store.ingest(&batch[..1]).unwrap().added, 1);
}

pub(crate) fn taking_in_a_snapshot_again_writes_no_row(store: &mut dyn Store) {
    begin(store, 1);
    let mut snapshot = whole("web-1", 0);
    listens(&mut snapshot, 1, 22, "sshd");
    talks(&mut snapshot, 1, "198.51.100.7", 443, State::Established);
    let first = store.ingest(std::slice::from_ref(&snapshot)).unwrap();
    assert_eq!((first.added, first.observations, first.facts_opened), (1, 2, 2));
    let before = lines(store);
    let again = store.ingest(&[snapshot.clone(), snapshot]).unwrap();
    assert_eq!((again.added, again.known, again.rows_written), (0, 2, 0));
    assert_eq!(lines(store), before);
}

pub(crate) fn a_key_taken_by_other_evidence_is_a_conflict(store: &mut dyn Store) {
    begin(store, 1);
    let snapshot = whole("web-1", 0);
    let mut other = snapshot.clone();
    other.evidence.sha256 = Sha256::of(b"other");
    store.ingest(std::slice::from_ref(&snapshot)).unwrap();
    let report = store.ingest(&[other]).unwrap();
    let key = SnapshotKey { run: run(0), host: host("web-1"), pass: Pass::FIRST };
    assert_eq!((report.conflicts, report.rows_written), (vec![key], 0));
    assert_eq!(store.snapshot(&host("web-1"), None).unwrap(), Some(snapshot));
}

pub(crate) fn a_second_pass_is_kept(store: &mut dyn Store) {
    begin(store, 1);
    let first = whole("web-1", 0);
    let mut second = whole("web-1", 0);
    second.header.pass = Pass { pass: 2, attempt: 1 };
    second.header.started = first.header.started.plus(Duration::from_secs(30));
    second.evidence.sha256 = Sha256::of(b"second");
    second.outcome = Outcome::Partial;
    assert_eq!(store.ingest(&[first.clone(), second.clone()]).unwrap().added, 2);
    let between = first.header.started.plus(Duration::from_secs(9));
    assert_eq!(store.snapshot(&host("web-1"), Some(between)).unwrap(), Some(first));
    assert_eq!(store.snapshot(&host("web-1"), None).unwrap(), Some(second));
    assert_eq!(store.outcomes(&run(0)).unwrap().len(), 2);
    let counts = store.runs().unwrap()[0].counts;
    assert_eq!(counts, OutcomeCounts { partial: 1, ..OutcomeCounts::default() });
}

pub(crate) fn names_of_users_are_kept_beside_processes_without_any(store: &mut dyn Store) {
    begin(store, 2);
    let mut snapshots = [whole("web-1", 0), whole("web-1", 1)];
    for snapshot in &mut snapshots {
        listens(snapshot, 1, 22, "sshd");
        listens(snapshot, 1, 80, "nginx");
    }
    // The second night's processes differ from the first's in nothing but the user.
    let processes = &mut snapshots[1].records.processes;
    processes[1].record.user = Some(HostText::owned(b"NT AUTHORITY\\SYSTEM".to_vec()));
    store.ingest(&snapshots).unwrap();
    for snapshot in snapshots {
        let at = Some(snapshot.header.started);
        assert_eq!(store.snapshot(&host("web-1"), at).unwrap(), Some(snapshot));
    }
}

pub(crate) fn a_snapshot_is_found_by_time(store: &mut dyn Store) {
    begin(store, 3);
    let snapshots = [whole("web-1", 0), whole("web-1", 1), whole("web-1", 2)];
    store.ingest(&snapshots).unwrap();
    let name = host("web-1");
    assert_eq!(store.snapshot(&name, Some(night(0))).unwrap(), None);
    let exactly = snapshots[1].header.started;
    assert_eq!(store.snapshot(&name, Some(exactly)).unwrap(), Some(snapshots[1].clone()));
    assert_eq!(store.snapshot(&name, Some(night(2))).unwrap(), Some(snapshots[1].clone()));
    assert_eq!(store.snapshot(&name, None).unwrap(), Some(snapshots[2].clone()));
    assert_eq!(store.snapshot(&host("web-2"), None).unwrap(), None);
    assert_eq!(store.hosts().unwrap(), [name]);
}

pub(crate) fn the_last_good_section_answers(store: &mut dyn Store) {
    begin(store, 3);
    let good = whole("web-1", 0);
    let failed = |number| {
        let sections = vec![section(1, SectionStatus::Complete), section(2, SectionStatus::Failed)];
        visit("web-1", number, sections)
    };
    store.ingest(&[good.clone(), failed(1), failed(2)]).unwrap();
    let name = host("web-1");
    assert_eq!(store.last_good(&name, View::Listeners, None).unwrap(), Some(good));
    assert_eq!(store.last_good(&name, View::Listeners, Some(night(0))).unwrap(), None);
    assert_eq!(store.last_good(&name, View::Routes, None).unwrap(), None);
}

pub(crate) fn a_listener_that_stays_is_one_interval(store: &mut dyn Store) {
    begin(store, 3);
    for number in 0..3 {
        let mut snapshot = whole("web-1", number);
        for _ in 0..=number % 2 {
            listens(&mut snapshot, 1, 22, "sshd");
        }
        store.ingest(&[snapshot]).unwrap();
    }
    let second = Duration::from_secs(1);
    let expected = Listening {
        namespace: None,
        host: host("web-1"),
        role: Some(Label::new("role", "db").unwrap()),
        transport: Transport::Tcp,
        address: "0.0.0.0".parse().unwrap(),
        port: 22,
        scope: Scope::Wildcard,
        process: Some(HostText::new(b"sshd")),
        uid: Some(0),
        service: Some(HostText::new(b"sshd.service")),
        first_seen: night(0).plus(second),
        last_seen: night(2).plus(second),
        open: true,
        count: 2,
    };
    assert_eq!(store.listeners(&ever(22)).unwrap(), [expected]);
}

pub(crate) fn a_listener_that_goes_and_comes_back_is_two_intervals(store: &mut dyn Store) {
    begin(store, 6);
    for number in 0..6 {
        let mut snapshot = whole("web-1", number);
        if number != 2 && number != 3 {
            listens(&mut snapshot, 1, 22, "sshd");
        }
        store.ingest(&[snapshot]).unwrap();
    }
    assert_eq!(spans(&store.listeners(&port(22)).unwrap()), [(4, 5, true)]);
    assert_eq!(spans(&store.listeners(&ever(22)).unwrap()), [(0, 1, false), (4, 5, true)]);
}

pub(crate) fn a_failed_section_ends_nothing(store: &mut dyn Store) {
    begin(store, 3);
    let mut first = whole("web-1", 0);
    listens(&mut first, 1, 22, "sshd");
    let failed = vec![section(1, SectionStatus::Failed), section(2, SectionStatus::Failed)];
    store.ingest(&[first, visit("web-1", 1, failed)]).unwrap();
    assert_eq!(spans(&store.listeners(&port(22)).unwrap()), [(0, 0, true)]);
    store.ingest(&[whole("web-1", 2)]).unwrap();
    assert_eq!(spans(&store.listeners(&ever(22)).unwrap()), [(0, 0, false)]);
}

pub(crate) fn a_partial_section_ends_nothing_but_shows_what_is_new(store: &mut dyn Store) {
    begin(store, 3);
    let mut first = whole("web-1", 0);
    listens(&mut first, 1, 22, "sshd");
    let partial = || vec![section(1, SectionStatus::Partial), section(2, SectionStatus::Partial)];
    let mut second = visit("web-1", 1, partial());
    listens(&mut second, 1, 4444, "nc");
    store.ingest(&[first, second]).unwrap();
    assert_eq!(spans(&store.listeners(&port(22)).unwrap()), [(0, 0, true)]);
    assert_eq!(spans(&store.listeners(&port(4444)).unwrap()), [(1, 1, true)]);
    store.ingest(&[whole("web-1", 2)]).unwrap();
    assert_eq!(spans(&store.listeners(&ever(4444)).unwrap()), [(1, 1, false)]);
}

pub(crate) fn one_failed_section_does_not_keep_the_others_facts_open(store: &mut dyn Store) {
    begin(store, 3);
    let mut first = whole("web-1", 0);
    listens(&mut first, 1, 22, "sshd");
    listens(&mut first, 2, 80, "nginx");
    let sections = || vec![section(1, SectionStatus::Complete), section(2, SectionStatus::Failed)];
    let mut second = visit("web-1", 1, sections());
    listens(&mut second, 1, 22, "sshd");
    store.ingest(&[first, second, visit("web-1", 2, sections())]).unwrap();
    assert_eq!(spans(&store.listeners(&ever(22)).unwrap()), [(0, 1, false)]);
    assert_eq!(spans(&store.listeners(&ever(80)).unwrap()), [(0, 0, true)]);
}

pub(crate) fn a_replaced_section_hands_over_to_its_fallback(store: &mut dyn Store) {
    begin(store, 2);
    let mut first = whole("web-1", 0);
    listens(&mut first, 1, 22, "sshd");
    listens(&mut first, 2, 80, "nginx");
    let sections = vec![
        section(1, SectionStatus::Replaced),
        section(2, SectionStatus::Replaced),
        section(3, SectionStatus::Complete),
    ];
    let mut second = visit("web-1", 1, sections);
    listens(&mut second, 3, 22, "sshd");
    store.ingest(&[first, second]).unwrap();
    assert_eq!(spans(&store.listeners(&ever(22)).unwrap()), [(0, 1, true)]);
    assert_eq!(spans(&store.listeners(&ever(80)).unwrap()), [(0, 0, false)]);
}

pub(crate) fn listeners_are_found_by_port_address_host_and_role(store: &mut dyn Store) {
    begin(store, 1);
    let mut web = whole("web-1", 0);
    listens(&mut web, 1, 22, "sshd");
    listens(&mut web, 1, 443, "nginx");
    let mut bare = whole("bare-1", 0);
    bare.header.asset.role = None;
    listens(&mut bare, 1, 22, "sshd");
    store.ingest(&[web, bare]).unwrap();
    let found = |query: &ListenerQuery| {
        let found = store.listeners(query).unwrap();
        found.iter().map(|l| format!("{}:{}", l.host, l.port)).collect::<Vec<_>>()
    };
    let all = ListenerQuery::default();
    assert_eq!(found(&all), ["bare-1:22", "web-1:22", "web-1:443"]);
    assert_eq!(found(&port(22)), ["bare-1:22", "web-1:22"]);
    let hosts = Some(vec![host("web-1"), host("none")]);
    assert_eq!(found(&ListenerQuery { hosts: hosts.clone(), ..all.clone() }).len(), 2);
    assert_eq!(found(&ListenerQuery { hosts, ..port(22) }), ["web-1:22"]);
    let role = Some(Label::new("role", "db").unwrap());
    assert_eq!(found(&ListenerQuery { role, ..port(22) }), ["web-1:22"]);
    let bound = |text: &str| ListenerQuery { address: text.parse().ok(), ..all.clone() };
    assert_eq!(found(&bound("::ffff:0.0.0.0")).len(), 3);
    assert_eq!(found(&bound("127.0.0.1")), [""; 0]);
}

pub(crate) fn listeners_are_known_as_of_a_time(store: &mut dyn Store) {
    begin(store, 5);
    for number in 0..5 {
        let sections = match number {
            2 => vec![section(1, SectionStatus::Complete), section(2, SectionStatus::Failed)],
            3 => vec![section(1, SectionStatus::Failed)],
            _ => whole("web-1", number).sections,
        };
        let mut snapshot = visit("web-1", number, sections);
        if number < 2 {
            listens(&mut snapshot, 1, 22, "sshd");
            listens(&mut snapshot, 2, 80, "nginx");
        }
        store.ingest(&[snapshot]).unwrap();
    }
    let at = |number, query: ListenerQuery| {
        let at = Some(night(number).plus(Duration::from_hours(1)));
        spans(&store.listeners(&ListenerQuery { at, ..query }).unwrap())
    };
    let before = Some(night(0));
    assert_eq!(store.listeners(&ListenerQuery { at: before, ..ever(22) }).unwrap(), []);
    assert_eq!(at(0, port(22)), [(0, 0, true)]);
    assert_eq!(at(1, port(22)), [(0, 1, true)]);
    assert_eq!(at(2, port(22)), []);
    assert_eq!(at(2, ever(22)), [(0, 1, false)]);
    assert_eq!(at(2, port(80)), [(0, 1, true)]);
    assert_eq!(at(3, port(80)), [(0, 1, true)]);
    assert_eq!(at(4, port(80)), []);
}

pub(crate) fn peers_are_found_by_address_network_and_time(store: &mut dyn Store) {
    begin(store, 4);
    for number in 0..4 {
        let mut snapshot = whole("web-1", number);
        talks(&mut snapshot, 1, "198.51.100.7", 443, State::Established);
        talks(&mut snapshot, 1, "198.51.100.7", 443, State::Established);
        if number == 0 {
            talks(&mut snapshot, 1, "198.51.100.99", 25, State::TimeWait);
        }
        store.ingest(&[snapshot]).unwrap();
    }
    let second = Duration::from_secs(1);
    let steady = Peering {
        host: host("web-1"),
        role: Some(Label::new("role", "db").unwrap()),
        direction: Direction::Outbound,
        transport: Transport::Tcp,
        service_port: 443,
        peer: "198.51.100.7".parse().unwrap(),
        process: Some(HostText::new(b"client")),
        uid: Some(0),
        first_seen: night(0).plus(second),
        last_seen: night(3).plus(second),
        open: true,
        count: 2,
    };
    assert_eq!(
        store.peers(&peers_of(address("198.51.100.7"))).unwrap(),
        std::slice::from_ref(&steady)
    );
    assert_eq!(store.peers(&peers_of(address("::ffff:198.51.100.7"))).unwrap(), [steady]);
    let network = Partner::Network("198.51.100.0".parse().unwrap(), 24);
    let found = store.peers(&peers_of(network)).unwrap();
    let peers: Vec<_> = found.iter().map(|p| (p.service_port, p.open)).collect();
    assert_eq!(peers, [(443, true), (25, false)]);
    let since = PeerQuery { since: Some(night(1)), ..peers_of(network) };
    assert_eq!(store.peers(&since).unwrap().len(), 1);
    let until = PeerQuery { until: Some(night(0)), ..peers_of(network) };
    assert_eq!(store.peers(&until).unwrap(), []);
    let elsewhere = PeerQuery { hosts: Some(vec![host("web-2")]), ..peers_of(network) };
    assert_eq!(store.peers(&elsewhere).unwrap(), []);
}

pub(crate) fn half_closed_and_half_open_sockets_are_counted_not_kept_as_facts(
    store: &mut dyn Store,
) {
    begin(store, 1);
    let mut snapshot = whole("web-1", 0);
    talks(&mut snapshot, 1, "198.51.100.7", 443, State::CloseWait);
    talks(&mut snapshot, 1, "198.51.100.7", 443, State::CloseWait);
    talks(&mut snapshot, 1, "198.51.100.7", 443, State::SynSent);
    let report = store.ingest(&[snapshot]).unwrap();
    assert_eq!(report.facts_opened, 0);
    let tallies: Vec<_> =
        lines(store).into_iter().filter(|line| line.starts_with("tallies ")).collect();
    let line = |sockets: u32, half_closed: bool| {
        format!(
            "tallies {{\"half_closed\":{half_closed},\"host\":\"web-1\",\
             \"pass\":{{\"attempt\":1,\"pass\":1}},\"process\":\"client\",\"run\":\"{}\",\
             \"sockets\":{sockets}}}",
            run(0)
        )
    };
    assert_eq!(tallies, [line(1, false), line(2, true)]);
}

fn unreachable(name: &str) -> HostOutcome {
    HostOutcome {
        run: run(0),
        host: host(name),
        pass: Pass::FIRST,
        at: night(0).plus(Duration::from_secs(5)),
        outcome: Outcome::Failed,
        faults: vec![Fault::new(FaultKind::Refused, "connection refused")],
        evidence: None,
    }
}

pub(crate) fn hosts_without_a_snapshot_have_an_outcome(store: &mut dyn Store) {
    begin(store, 1);
    let mut seen = whole("web-1", 0);
    seen.header.faults.push(Fault::new(FaultKind::Lost, "visit"));
    seen.sections[1].faults.push(Fault::new(FaultKind::Truncated, "section"));
    let expected = HostOutcome {
        at: seen.header.ended,
        outcome: Outcome::Complete,
        faults: vec![
            Fault::new(FaultKind::Lost, "visit"),
            Fault::new(FaultKind::Truncated, "section"),
        ],
        evidence: Some(seen.evidence.name.clone()),
        ..unreachable("web-1")
    };
    store.ingest(&[seen]).unwrap();
    assert_eq!(store.record_outcomes(&[unreachable("gone-1")]).unwrap(), 1);
    assert_eq!(store.record_outcomes(&[unreachable("gone-1")]).unwrap(), 0);
    assert_eq!(store.outcomes(&run(0)).unwrap(), [unreachable("gone-1"), expected]);
    assert!(matches!(store.outcomes(&run(9)), Err(Error::UnknownRun { .. })));
    let counts = store.runs().unwrap()[0].counts;
    assert_eq!(counts, OutcomeCounts { complete: 1, failed: 1, ..OutcomeCounts::default() });
}

pub(crate) fn a_snapshot_takes_precedence_over_an_outcome(store: &mut dyn Store) {
    begin(store, 1);
    store.record_outcomes(&[unreachable("web-1")]).unwrap();
    store.ingest(&[whole("web-1", 0)]).unwrap();
    let first = store.outcomes(&run(0)).unwrap();
    assert_eq!(first[0].outcome, Outcome::Complete);
    assert_eq!(first[0].faults, []);
    assert_eq!(store.record_outcomes(&[unreachable("web-1")]).unwrap(), 0);
    assert_eq!(store.outcomes(&run(0)).unwrap(), first);
}
