//! `kill -9` in the middle of an ingest: what was acknowledged is there, what was not is whole or
//! absent.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use fleetstat::model::snapshot::Snapshot;
use fleetstat::model::socket::State;
use fleetstat::store::{Mode, open};

use crate::scene;

/// Tells the child where the store is. Only the test sets it.
const STORE: &str = "FLEETSTAT_CRASH_TEST_STORE";

const KILLS: u32 = 20;
const BATCHES: u32 = 400;

fn batch(number: u32) -> Vec<Snapshot> {
    let visit = |host: u32| {
        let mut snapshot = scene::whole(&format!("host-{host}"), number);
        for port in 0..40 {
            scene::listens(&mut snapshot, 1, 1_000 + port, "daemon");
            let peer = format!("198.51.{}.{}", number % 250, host);
            scene::talks(&mut snapshot, 1, &peer, 1_000 + port, State::Established);
        }
        snapshot
    };
    (0..5).map(visit).collect()
}

/// Not a test of its own: the process that is killed. Without the variable it does nothing.
#[test]
fn child_that_ingests_until_it_is_killed() {
    let Ok(path) = std::env::var(STORE) else { return };
    let mut store = open(Path::new(&path), Mode::Write).unwrap();
    for number in 0..BATCHES {
        store.begin_run(&scene::run_start(number)).unwrap();
        store.ingest(&batch(number)).unwrap();
        writeln!(std::io::stdout(), "acknowledged {number}").unwrap();
        std::io::stdout().flush().unwrap();
    }
}

/// Starts the child, kills it after so many acknowledgements; gives the last one it wrote.
fn kill_after(path: &Path, acknowledgements: u32) -> u32 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child_that_ingests_until_it_is_killed", "--nocapture"])
        .env(STORE, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut last = None;
    let mut acknowledged = |line: &str| {
        let (_, number) = line.split_once("acknowledged ")?;
        last = number.parse().ok();
        last
    };
    while let Some(Ok(line)) = lines.next() {
        if acknowledged(&line).is_some_and(|number: u32| number + 1 >= acknowledgements) {
            break;
        }
    }
    child.kill().unwrap();
    // What it still wrote before it died counts as well.
    while let Some(Ok(line)) = lines.next() {
        acknowledged(&line);
    }
    child.wait().unwrap();
    last.unwrap()
}

#[test]
fn what_was_acknowledged_survives_kill_9_and_nothing_is_half_there() {
    for round in 0..KILLS {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fleet.db");
        let last = kill_after(&path, 1 + round % 7);
        let mut store = open(&path, Mode::Write).unwrap();
        let runs = store.runs().unwrap();
        for run in &runs {
            assert!(matches!(run.counts.complete, 0 | 5), "{run:?}");
        }
        for number in 0..=last {
            for snapshot in batch(number) {
                let at = Some(snapshot.header.started);
                let found = store.snapshot(&snapshot.header.asset.name, at).unwrap();
                assert_eq!(found, Some(snapshot));
            }
            assert_eq!(store.ingest(&batch(number)).unwrap().rows_written, 0);
        }
    }
}
