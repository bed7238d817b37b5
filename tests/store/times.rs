//! What every backend must tell of two times: the checks of the suite that compare them.

use std::time::Duration;

use fleetstat::model::fault::{Fault, FaultKind};
use fleetstat::model::id::{Label, Pass};
use fleetstat::model::query::HostOutcome;
use fleetstat::model::seen::{Presence, Taken};
use fleetstat::model::snapshot::{Outcome, SectionStatus, View};
use fleetstat::model::socket::State;
use fleetstat::store::{AnsweredQuery, SnapshotKey, SpanQuery, Store};

use crate::conformance::begin;
use crate::scene::{host, listens, night, run, section, talks, visit, whole};

fn nights(since: u32, until: u32) -> SpanQuery {
    let second = Duration::from_secs(1);
    SpanQuery {
        since: night(since).plus(second),
        until: night(until).plus(second),
        hosts: None,
        listeners: true,
        peers: true,
    }
}

fn taken(name: &str, number: u32) -> Taken {
    let snapshot = whole(name, number);
    let header = &snapshot.header;
    Taken {
        at: header.started,
        run: header.run.clone(),
        pass: header.pass,
        evidence: snapshot.evidence.name.clone(),
    }
}

pub(crate) fn a_change_has_its_snapshots_on_both_sides(store: &mut dyn Store) {
    begin(store, 4);
    for number in 0..4 {
        let mut snapshot = whole("web-1", number);
        if number < 2 {
            listens(&mut snapshot, 1, 22, "sshd");
        }
        if number > 0 {
            talks(&mut snapshot, 1, "198.51.100.7", 443, State::Established);
        }
        store.ingest(&[snapshot]).unwrap();
    }
    let spans = store.spans(&nights(0, 3)).unwrap();
    let found: Vec<_> = spans
        .iter()
        .map(|s| (s.sight.port, s.absent.clone(), s.first.clone(), s.last.clone(), s.ended.clone()))
        .collect();
    let on = |number| taken("web-1", number);
    assert_eq!(
        found,
        [(22, None, on(0), on(1), Some(on(2))), (443, Some(on(0)), on(1), on(3), None)]
    );
    let seen: Vec<_> = spans.iter().map(|span| (span.before, span.after)).collect();
    let (present, absent) = (Presence::Present, Presence::Absent);
    assert_eq!(seen, [(present, absent), (absent, present)]);
    assert_eq!(store.spans(&nights(2, 3)).unwrap(), []);
    assert_eq!(store.spans(&SpanQuery { peers: false, ..nights(0, 1) }).unwrap(), []);
}

pub(crate) fn a_failed_section_changes_nothing_between_two_times(store: &mut dyn Store) {
    begin(store, 3);
    let mut first = whole("web-1", 0);
    listens(&mut first, 1, 22, "sshd");
    let failed = vec![section(1, SectionStatus::Failed), section(2, SectionStatus::Partial)];
    let mut second = visit("web-1", 1, failed.clone());
    listens(&mut second, 2, 4444, "nc");
    store.ingest(&[first, second, visit("web-1", 2, failed)]).unwrap();
    let spans = store.spans(&nights(0, 2)).unwrap();
    let ports: Vec<_> =
        spans.iter().map(|span| (span.sight.port, span.before, span.after)).collect();
    // What a partial answer shows is right, and the whole answer before did not show it.
    assert_eq!(ports, [(4444, Presence::Absent, Presence::Present)]);
}

pub(crate) fn who_answered_whole_is_known_at_a_time(store: &mut dyn Store) {
    begin(store, 3);
    let failed = vec![section(1, SectionStatus::Failed), section(2, SectionStatus::Failed)];
    store.ingest(&[whole("web-1", 0), visit("web-1", 1, failed), whole("web-2", 2)]).unwrap();
    let fault = Fault::new(FaultKind::Refused, "connection refused");
    let vain = HostOutcome {
        run: run(2),
        host: host("web-1"),
        pass: Pass::FIRST,
        at: night(2),
        outcome: Outcome::Failed,
        faults: vec![fault.clone()],
        evidence: None,
    };
    store.record_outcomes(&[vain]).unwrap();
    let at = |number: u32| AnsweredQuery {
        view: View::Listeners,
        hosts: None,
        at: Some(night(number).plus(Duration::from_secs(1))),
    };
    let found = store.answered(&at(2)).unwrap();
    let one = &found[0];
    assert_eq!(one.host, host("web-1"));
    assert_eq!(one.good, Some(taken("web-1", 0)));
    assert_eq!(one.latest, Some(taken("web-1", 1)));
    assert_eq!(one.tried, Some((night(2), fault.to_string())));
    assert_eq!(found[1].good, Some(taken("web-2", 2)));
    let earlier = store.answered(&at(1)).unwrap();
    assert_eq!((&earlier[0].tried, &earlier[1].latest), (&None, &None));
    assert_eq!(store.begins().unwrap(), Some(night(0).plus(Duration::from_secs(1))));
}

pub(crate) fn hosts_are_known_as_the_inventory_had_them_then(store: &mut dyn Store) {
    begin(store, 2);
    let mut moved = whole("web-1", 1);
    moved.header.asset.role = Some(Label::new("role", "web").unwrap());
    store.ingest(&[whole("web-1", 0), moved.clone()]).unwrap();
    let asset = |at| store.assets(at).unwrap();
    assert_eq!(asset(None), [moved.header.asset]);
    assert_eq!(asset(Some(night(1))), [whole("web-1", 0).header.asset]);
    assert_eq!(asset(Some(night(0))), []);
}

pub(crate) fn good_snapshots_are_told_from_the_latest_on(store: &mut dyn Store) {
    begin(store, 4);
    let failed = vec![section(1, SectionStatus::Failed), section(2, SectionStatus::Failed)];
    let snapshots =
        [whole("web-1", 0), visit("web-1", 1, failed), whole("web-1", 2), whole("web-1", 3)];
    store.ingest(&snapshots).unwrap();
    let mut found = Vec::new();
    let until = Some(night(3));
    store
        .each_good(&host("web-1"), View::Sessions, until, &mut |taken| {
            found.push(taken);
            true
        })
        .unwrap();
    assert_eq!(found, [taken("web-1", 2), taken("web-1", 0)]);
    let key = SnapshotKey { run: run(2), host: host("web-1"), pass: Pass::FIRST };
    assert_eq!(store.taken(&key).unwrap(), Some(snapshots[2].clone()));
    let none = SnapshotKey { host: host("web-2"), ..key };
    assert_eq!(store.taken(&none).unwrap(), None);
    assert_eq!(store.route_tables(&[none]).unwrap().len(), 1);
}
