//! A disk that is full: of evidence, or of the store.

use std::process::Command;

use crate::ground::{Fleet, alone, at, everywhere, names};

/// A disk of its own at a folder.
fn mount(folder: &std::path::Path, size: &str) {
    std::fs::create_dir_all(folder).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", &format!("size={size},mode=0750"), "tmpfs"])
        .arg(folder)
        .status()
        .unwrap();
    assert!(mounted.success());
}

/// Fills a disk but for some bytes.
fn fill(file: &std::path::Path, left: u64) {
    let disk = rustix::fs::statvfs(file.parent().unwrap()).unwrap();
    let bytes = disk.f_bavail * disk.f_frsize - left;
    std::fs::write(file, vec![0; usize::try_from(bytes).unwrap()]).unwrap();
}

const ALL_VIEWS: &str = "views: [listeners, sessions, interfaces, routes, counters, host]
limits: {width: 2}";

#[test]
fn a_full_evidence_disk_stops_the_run_and_spoils_nothing_that_was_written() {
    alone(|| {
        let mut fleet = Fleet::new();
        let server = everywhere(&fleet.lab, 2222, "");
        let nodes: Vec<_> = (1..=40).map(|n| format!("node-{n:02}")).collect();
        for (n, name) in (1..).zip(&nodes) {
            fleet.host(name, at(8, n, server.port()), "", "host");
        }
        mount(&fleet.data().join("evidence"), "1m");
        let said = fleet.run(ALL_VIEWS, &[]);
        assert_eq!(said.code, 41, "{}\n{}", said.out, said.err);
        assert!(said.err.contains("No space left on device"), "{}", said.err);
        assert!(said.err.contains("free space or inodes"), "{}", said.err);
        let folder = &fleet.folders()[0];
        let files = names(folder);
        let evidence: Vec<_> = files.iter().filter(|f| f.ends_with("-netstat.txt")).collect();
        assert!((4..30).contains(&evidence.len()), "{files:?}");
        let other: Vec<_> = files.iter().filter(|f| !f.ends_with("-netstat.txt")).collect();
        assert_eq!(other, ["manifest.json", "manifest.sha256"], "something half-written is left");
        let outcomes = fleet.outcomes();
        assert_eq!(outcomes.keys().cloned().collect::<Vec<_>>(), nodes);
        let count = |word: &str| outcomes.values().filter(|came| came.0 == word).count();
        assert_eq!(count("complete"), evidence.len());
        assert!((1..=4).contains(&count("failed")), "{outcomes:?}");
        assert_eq!(count("skipped"), 40 - count("complete") - count("failed"));
        let run = folder.file_name().unwrap().to_str().unwrap();
        let verified = fleet.say(&["verify", run]);
        assert_eq!(verified.code, 0, "{}", verified.out);
        let runs = fleet.ask(&["runs"]);
        assert_eq!(runs[0]["hosts"]["complete"], evidence.len());
    });
}

#[test]
fn a_full_store_disk_leaves_the_evidence_whole_and_rebuild_mends_it() {
    alone(|| {
        let mut fleet = Fleet::new();
        let server = everywhere(&fleet.lab, 2222, "");
        for n in 1..=30 {
            fleet.host(&format!("node-{n:02}"), at(8, n, server.port()), "", "host");
        }
        mount(&fleet.data(), "4m");
        mount(&fleet.data().join("evidence"), "20m");
        assert_eq!(fleet.run(ALL_VIEWS, &["-l", "node-01"]).code, 0);
        // What is left is enough to begin a run, and less than thirty hosts need.
        let filler = fleet.data().join("filler");
        fill(&filler, 128 << 10);
        let said = fleet.run(ALL_VIEWS, &[]);
        assert_eq!(said.code, 40, "{}\n{}", said.out, said.err);
        assert!(said.err.contains("fleetstat rebuild"), "{}", said.err);
        let outcomes = fleet.outcomes();
        assert_eq!(outcomes.len(), 30);
        assert!(outcomes.values().all(|came| came.0 == "complete" && came.2 == 1), "{outcomes:?}");
        let folder = fleet.folders()[0].clone();
        let verified = fleet.say(&["verify", folder.to_str().unwrap()]);
        assert_eq!(verified.code, 0, "{}", verified.out);
        std::fs::remove_file(&filler).unwrap();
        let resized = Command::new("mount")
            .args(["-o", "remount,size=20m"])
            .arg(fleet.data())
            .status()
            .unwrap();
        assert!(resized.success());
        let rebuilt = fleet.say(&["rebuild"]);
        assert_eq!(rebuilt.code, 0, "{}", rebuilt.err);
        assert!(rebuilt.out.starts_with("2 runs, 31 snapshots, 0 not readable"), "{}", rebuilt.out);
        assert_eq!(fleet.ask(&["query", "listeners", "--port", "2222"]).len(), 30);
    });
}
