//! The store is a projection of the evidence: made again, it is the same to the byte.

use std::path::Path;

use fleetstat::store::{ExportKind, Mode};

use crate::ground::{Fleet, alone, at, everywhere};

/// What the store in use knows, in the form of `rebuild --export`.
fn export(store: &Path) -> String {
    let store = fleetstat::store::open(store, Mode::Read).unwrap();
    let mut text = String::new();
    for kind in ExportKind::ALL {
        let mut line = |row: &str| text.extend([kind.to_string().as_str(), " ", row, "\n"]);
        store.export(*kind, &mut line).unwrap();
    }
    text
}

#[test]
fn a_store_made_again_from_evidence_is_the_same_to_the_byte() {
    alone(|| {
        let mut fleet = Fleet::new();
        let _servers = [
            everywhere(&fleet.lab, 2222, ""),
            everywhere(&fleet.lab, 2223, "hide ss"),
            everywhere(&fleet.lab, 2224, "hide ip"),
        ];
        for n in 1..=3 {
            fleet.host(&format!("node-{n}"), at(9, n, 2222), ", role: web", "host");
        }
        fleet.host("no-ss-1", at(9, 11, 2223), ", tags: [old, lab], owner: Team X", "host");
        fleet.host("no-ip-1", at(9, 12, 2224), ", account: reader", "host");
        fleet.host("closed-1", at(9, 13, 2299), "", "host");
        fleet.host("unknown-1", at(9, 14, 2222), "", "");
        let views = "views: [listeners, sessions, interfaces, routes, counters, host]";
        for round in 1..=3 {
            // Some listener of its own in each round.
            let _listener = std::net::TcpListener::bind(at(9, 99, 7000 + round)).unwrap();
            let more: &[&str] = if round == 2 { &["-l", "!no-ss-1"] } else { &[] };
            assert_eq!(fleet.run(views, more).code, 20);
            let live = export(&fleet.data().join("store.sqlite"));
            let (into, file) = (fleet.lab.path("again.sqlite"), fleet.lab.path("again.txt"));
            let words = ["rebuild", "--into", into.to_str().unwrap(), "--export"];
            let said = fleet.say(&[words.as_slice(), &[file.to_str().unwrap()]].concat());
            assert_eq!(said.code, 0, "{}", said.err);
            let again = std::fs::read_to_string(file).unwrap();
            let lines = live.lines().count();
            println!("round {round}: {lines} lines, {} bytes", live.len());
            assert!(lines > 20, "{live}");
            let differs = live.lines().zip(again.lines()).find(|(a, b)| a != b);
            assert_eq!(differs, None, "round {round}");
            assert!(live == again, "round {round}: one has more lines");
        }
        // The folders of runs come in another order.
        let (evidence, moved) = (fleet.data().join("evidence"), fleet.lab.path("moved"));
        let live = export(&fleet.data().join("store.sqlite"));
        std::fs::rename(&evidence, &moved).unwrap();
        std::fs::create_dir(&evidence).unwrap();
        let mut folders = crate::ground::names(&moved);
        folders.reverse();
        for folder in &folders {
            std::fs::rename(moved.join(folder), evidence.join(folder)).unwrap();
        }
        let said = fleet.say(&["rebuild"]);
        assert_eq!(said.code, 0, "{}", said.err);
        assert!(export(&fleet.data().join("store.sqlite")) == live);
    });
}

#[test]
fn a_rebuild_waits_for_no_run_and_a_run_for_no_rebuild() {
    alone(|| {
        let mut fleet = Fleet::new();
        fleet.lab.write_mode("slow-id", "#!/bin/sh\nexec sleep 5\n", 0o755);
        let _server = everywhere(&fleet.lab, 2222, "replace /usr/bin/id slow-id");
        fleet.host("slow-1", at(9, 1, 2222), "", "host");
        let run = fleet.start("views: [host]", &["-q"]);
        crate::ground::until("the run's folder", || {
            let evidence = std::fs::read_dir(fleet.data().join("evidence"));
            evidence.ok().and_then(|mut entries| entries.next()).map(drop)
        });
        let said = fleet.say(&["rebuild"]);
        assert_eq!(said.code, 40, "{}", said.out);
        assert!(said.err.contains("a run is writing to the store"), "{}", said.err);
        let ended = run.wait_with_output().unwrap();
        assert!(ended.status.code().is_some());
        assert_eq!(fleet.ask(&["runs"]).len(), 1);
        assert_eq!(fleet.say(&["rebuild"]).code, 0);
        assert_eq!(fleet.ask(&["runs"]).len(), 1);
    });
}

#[test]
fn a_store_is_not_replaced_by_a_poorer_one() {
    alone(|| {
        let mut fleet = Fleet::new();
        let server = everywhere(&fleet.lab, 2222, "");
        fleet.host("a-1", at(9, 1, server.port()), "", "host");
        fleet.host("b-1", at(9, 2, server.port()), "", "host");
        assert_eq!(fleet.run("views: [host]", &["-q"]).code, 0);
        let folder = fleet.folders()[0].clone();
        let mut names = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path());
        let file = names.find(|path| path.to_string_lossy().contains("a-1-")).unwrap();
        let whole = std::fs::read(&file).unwrap();
        std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
        let said = fleet.say(&["rebuild"]);
        assert_eq!(said.code, 51, "{}", said.out);
        assert!(said.err.contains("the store stays as it is"), "{}", said.err);
        assert_eq!(fleet.ask(&["runs"])[0]["hosts"]["complete"], 2);
        std::fs::write(&file, &whole).unwrap();
        assert_eq!(fleet.say(&["rebuild"]).code, 0);
        assert_eq!(fleet.ask(&["runs"])[0]["hosts"]["complete"], 2);
    });
}

#[test]
fn what_failed_is_told_after_the_run_and_the_age_of_what_is_shown_too() {
    alone(|| {
        let mut fleet = Fleet::new();
        let server = everywhere(&fleet.lab, 2222, "");
        fleet.host("a-1", at(9, 1, server.port()), "", "host");
        fleet.host("down-1", at(9, 2, 2299), "", "host");
        assert_eq!(fleet.run("views: [host]", &["-q"]).code, 22);
        let run = fleet.ask(&["runs"])[0]["run_id"].as_str().unwrap().to_owned();
        let hosts = fleet.ask(&["runs", &run]);
        let told: Vec<_> = hosts
            .iter()
            .map(|row| (row["host_id"].as_str().unwrap(), row["outcome"].as_str().unwrap()))
            .collect();
        assert_eq!(told, [("a-1", "complete"), ("down-1", "failed")]);
        assert_eq!(hosts[1]["faults"][0]["kind"], "refused");
        let said = fleet.say(&["show", "down-1"]);
        assert_eq!(said.code, 2);
        assert!(said.err.contains(&format!("tried in vain in run {run}")), "{}", said.err);
        assert!(said.err.contains("refused: "), "{}", said.err);

        drop(server);
        assert_eq!(fleet.run("views: [host]", &["-q"]).code, 21);
        let said = fleet.say(&["show", "a-1"]);
        assert_eq!(said.code, 0, "{}", said.err);
        assert!(said.out.starts_with("Last tried in vain in run "), "{}", said.out);
        assert!(said.out.contains(" old.\n"), "{}", said.out);
    });
}

#[test]
fn the_header_says_of_os_and_clock_what_the_records_say() {
    alone(|| {
        let mut fleet = Fleet::new();
        let server = everywhere(&fleet.lab, 2222, "");
        fleet.host("a-1", at(9, 1, server.port()), "", "host");
        assert_eq!(fleet.run("views: [host]", &["-q"]).code, 0);
        let text = String::from_utf8(fleet.evidence("a-1")).unwrap();
        let line = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        let clock: serde_json::Value = serde_json::from_str(line("clock: ")).unwrap();
        let host = &fleet.records("a-1", "host")[0];
        assert_eq!(host["clock"]["offset_us"], clock["offset_us"]);
        assert_eq!(host["clock"]["error_us"], clock["error_us"]);
        let (name, kernel) = (&host["os"]["name"], &host["os"]["kernel_release"]);
        let expected = format!("{}, kernel {}", name.as_str().unwrap(), kernel.as_str().unwrap());
        assert_eq!(line("os: "), expected);
    });
}
