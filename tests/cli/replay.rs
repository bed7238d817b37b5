//! Old evidence through today's readers: the same, other, tampered with.

use fleetstat::model::snapshot::Snapshot;
use fleetstat::store::{Mode, RunStart, open};

use crate::support::{Place, json};

/// Puts a store of one snapshot, changed by `change`, in the place of the present one: what an older
/// reader could have left.
fn older_store(place: &Place, change: impl FnOnce(&mut Snapshot)) {
    let file = place.path("data/store.sqlite");
    let store = open(&file, Mode::Read).unwrap();
    let host = store.hosts().unwrap().remove(0);
    let mut snapshot = store.snapshot(&host, None).unwrap().unwrap();
    let run = store.runs().unwrap().remove(0);
    drop(store);
    change(&mut snapshot);
    std::fs::remove_file(&file).unwrap();
    let mut store = open(&file, Mode::Write).unwrap();
    let start = RunStart {
        run: run.run,
        playbook: run.playbook,
        purpose: run.purpose,
        operator: run.operator,
        change: run.change,
        started: run.started,
        folder: run.folder,
    };
    store.begin_run(&start).unwrap();
    store.ingest(&[snapshot]).unwrap();
}

#[test]
fn evidence_that_is_read_as_then_has_no_difference() {
    let place = Place::new();
    let run = place.collect();
    let rows = json(&place.line(&format!("replay {run} --format json")).clean());
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["compared"], true);
    assert_eq!(rows[0]["records"]["before"], rows[0]["records"]["after"]);
    assert_eq!(place.line(&format!("replay {run} --diff --format json")).clean(), "[]\n");
    let file = place.evidence(&run);
    assert_eq!(
        json(&place.line(&format!("replay {} --format json", file.display())).clean()),
        rows
    );
}

#[test]
fn what_todays_readers_read_otherwise_is_listed_and_nothing_is_written() {
    let place = Place::new();
    let run = place.collect();
    older_store(&place, |snapshot| {
        let records = &mut snapshot.records;
        records.counters.remove(0);
        records.interfaces[0].record.mtu = Some(1);
        let twice = records.routes[0].clone();
        records.routes.push(twice);
    });
    let before = std::fs::read(place.path("data/store.sqlite")).unwrap();
    let ended = place.line(&format!("replay {run} --diff --format json"));
    assert_eq!(ended.code, 20, "{}", ended.err);
    assert!(ended.err.contains("`fleetstat rebuild`"), "{}", ended.err);
    let rows = json(&ended.out);
    let told: Vec<_> = rows
        .iter()
        .map(|row| (row["record"].as_str().unwrap(), row["change"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("interface", "changed"), ("route", "removed"), ("counter", "added")]);
    let fields = rows[0]["fields"].as_array().unwrap();
    assert_eq!(fields.len(), 1);
    assert!(fields[0].as_str().unwrap().starts_with("mtu: 1 -> "), "{fields:?}");
    let summary = json(&place.line(&format!("replay {run} --format json")).out);
    let counts = ["added", "removed", "changed"].map(|key| summary[0][key].as_u64());
    assert_eq!(counts, [Some(1), Some(1), Some(1)]);
    assert_eq!(std::fs::read(place.path("data/store.sqlite")).unwrap(), before);
}

#[test]
fn evidence_without_a_store_is_read_and_said_to_be_compared_with_nothing() {
    let place = Place::new();
    let run = place.collect();
    std::fs::remove_file(place.path("data/store.sqlite")).unwrap();
    let folder = place.path(&format!("data/evidence/{run}"));
    let ended = place.line(&format!("replay {} --format json", folder.display()));
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.err.contains("nothing to compare with"), "{}", ended.err);
    let rows = json(&ended.out);
    assert_eq!((&rows[0]["compared"], &rows[0]["records"]["before"]), (&false.into(), &().into()));
}

#[test]
fn tampered_evidence_is_refused() {
    let place = Place::new();
    let run = place.collect();
    let file = place.evidence(&run);
    let mut bytes = std::fs::read(&file).unwrap();
    let at = bytes.windows(6).position(|six| six == b"LISTEN").unwrap();
    bytes[at] = b'l';
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, bytes).unwrap();
    for what in [run.clone(), file.display().to_string()] {
        let ended = place.line(&format!("replay {what}"));
        assert_eq!((ended.code, ended.out.as_str()), (50, ""), "{}", ended.err);
        assert!(ended.err.starts_with("error[FS-EVI-002]"), "{}", ended.err);
    }
    // Alone, without a manifest: the digests inside the file are enough.
    let alone = place.write("alone-netstat.txt", std::fs::read(&file).unwrap());
    let ended = place.line(&format!("replay {alone}"));
    assert_eq!(ended.code, 50, "{}", ended.err);
}

#[test]
fn verify_rebuild_and_run_answer_in_every_format() {
    let place = Place::new();
    let line = "run playbooks/nightly-snapshot.yaml -i inventories/localhost.yaml --format json";
    let outcomes = json(&place.line(line).clean());
    assert_eq!((outcomes.len(), &outcomes[0]["outcome"]), (1, &"complete".into()));
    let run = place.runs().pop().unwrap();
    let verified = json(&place.line(&format!("verify {run} --format json")).clean());
    assert_eq!(
        (&verified[0]["verdict"], &verified[0]["anchored"]),
        (&"intact".into(), &true.into())
    );
    let rebuilt = json(&place.line("rebuild --format json").clean());
    assert_eq!((&rebuilt[0]["runs"], &rebuilt[0]["snapshots"]), (&1.into(), &1.into()));
    std::fs::remove_file(place.evidence(&run)).unwrap();
    let changed = place.line(&format!("verify {run} --format ndjson"));
    assert_eq!(changed.code, 50);
    let rows = crate::support::ndjson(&changed.out);
    let kinds: Vec<_> = rows.iter().map(|row| row["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["verified", "evidence_finding"]);
    assert_eq!(rows[1]["finding"], "missing");
}
