//! Fifty hosts of real sshd, then three that fail each in its own way, then two hundred at once.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::ground::{
    Fleet, Said, alone, at, came, everywhere, finish, listening_pid, names, signal,
};
use crate::lab;

const ALL_VIEWS: &str = "views: [listeners, sessions, interfaces, routes, counters, host]";

/// `node-01` and so on, on one sshd for every address.
fn add_nodes(fleet: &mut Fleet, count: u8, port: u16) -> Vec<String> {
    let name = |number: u8| format!("node-{number:03}");
    (1..=count).for_each(|n| fleet.host(&name(n), at(1, n, port), ", role: web", "host"));
    (1..=count).map(name).collect()
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

fn clean(said: &Said) {
    assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
}

#[test]
fn fifty_hosts_are_all_complete_and_their_evidence_is_whole() {
    alone(|| {
        let mut fleet = Fleet::new();
        let server = everywhere(&fleet.lab, 2222, "");
        let nodes = add_nodes(&mut fleet, 50, server.port());
        fleet.host("spare-1", at(9, 1, 2222), ", role: spare", "");
        let begun = Instant::now();
        let said = fleet.run(ALL_VIEWS, &["-l", "role=web"]);
        println!("50 hosts, 16 commands each: {:?}", begun.elapsed());
        clean(&said);
        assert!(said.out.contains("51 in"), "{}", said.out);
        let mut expected: BTreeMap<_, _> =
            nodes.iter().map(|name| (name.clone(), came("complete", &[], 1))).collect();
        expected.insert("spare-1".to_owned(), came("skipped", &["skipped"], 0));
        assert_eq!(fleet.outcomes(), expected);
        files_are_named_and_guarded(&fleet, &nodes);
        folders_verify(&fleet);
        let runs = fleet.ask(&["runs"]);
        let counts = serde_json::json!({"complete": 50, "failed": 0, "partial": 0, "skipped": 1});
        assert_eq!(runs[0]["hosts"], counts);
        let rows = fleet.ask(&["query", "listeners", "--port", "2222"]);
        let (unseen, listeners): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|row| row["kind"] == "unseen");
        assert_eq!(unseen.len(), 1, "{unseen:?}");
        assert_eq!(unseen[0]["host_id"], "spare-1");
        let hosts: Vec<_> = listeners.iter().map(|row| row["host_id"].as_str().unwrap()).collect();
        assert_eq!(hosts, nodes);
        assert!(listeners.iter().all(|row| row["process"]["name"] == "sshd"));
    });
}

fn files_are_named_and_guarded(fleet: &Fleet, nodes: &[String]) {
    let folder = &fleet.folders()[0];
    assert_eq!(mode(folder), 0o750);
    assert_eq!(mode(&fleet.data().join("evidence")), 0o750);
    let mut files = names(folder);
    files.retain(|name| !name.starts_with("manifest."));
    assert_eq!(files.len(), nodes.len());
    for (file, node) in files.iter().zip(nodes) {
        let stamp = file.strip_prefix(&format!("{node}-web-")).unwrap();
        let stamp = stamp.strip_suffix("-netstat.txt").unwrap();
        let shape: String =
            stamp.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
        assert_eq!(shape, "99999999T999999Z", "{file}");
        assert_eq!(mode(&folder.join(file)), 0o640, "{file}");
    }
}

fn folders_verify(fleet: &Fleet) {
    let folder = &fleet.folders()[0];
    let run = folder.file_name().unwrap().to_str().unwrap();
    let said = fleet.say(&["verify", run]);
    clean(&said);
    assert!(said.out.contains("checked against the store's digest"), "{}", said.out);
    assert!(said.out.ends_with("intact\n"), "{}", said.out);
    let copy = fleet.lab.path("copy");
    let copied = Command::new("cp").arg("-r").arg(folder).arg(&copy).status().unwrap();
    assert!(copied.success());
    let said = fleet.say(&["verify", copy.to_str().unwrap()]);
    clean(&said);
    assert!(said.out.contains("checked against the store's digest"), "{}", said.out);
    assert!(said.out.ends_with("intact\n"), "{}", said.out);
    let sums = Command::new("sha256sum")
        .args(["--strict", "--quiet", "-c", "manifest.sha256"])
        .current_dir(&copy)
        .output()
        .unwrap();
    assert!(sums.status.success(), "{}", String::from_utf8_lossy(&sums.stdout));
}

/// A shell function for a program on a host: the sshd of this session.
pub(crate) const KILL_SSHD: &str = "p=$PPID
    until grep -q '^sshd' /proc/$p/comm; do
        p=$(sed -n 's/^PPid:[[:space:]]*//p' /proc/$p/status); done
    kill -9 $p";

#[test]
fn a_killed_a_hung_and_a_changed_host_leave_the_other_47_alone() {
    alone(|| {
        let mut fleet = Fleet::new();
        fleet.lab.keygen("other", &[]);
        let lab = &fleet.lab;
        std::fs::copy("/usr/bin/ss", lab.path("real-ss")).unwrap();
        let (real, switch) = (lab.path("real-ss"), lab.path("kill"));
        // What it printed is on its way before the connection breaks.
        let script = format!(
            "#!/bin/sh\n[ -e {switch} ] || exec {real} \"$@\"\n{real} \"$@\" | head -n 2\n\
             sleep 0.3\n{KILL_SSHD}\nsleep 5\n",
            switch = switch.display(),
            real = real.display()
        );
        lab.write_mode("fake-ss", &script, 0o755);
        let healthy = everywhere(lab, 2222, "");
        let killed = everywhere(lab, 2223, "replace /usr/bin/ss fake-ss");
        let hung = everywhere(lab, 2224, "");
        let changed = lab::sshd_of(
            lab,
            at(2, 3, 2225),
            "",
            &[&format!("HostKey {}", lab.path("other").display())],
        );
        let nodes = add_nodes(&mut fleet, 47, healthy.port());
        fleet.host("killed-1", at(2, 1, killed.port()), "", "host");
        fleet.host("hung-1", at(2, 2, hung.port()), "", "host");
        fleet.host("changed-1", changed.address, "", "other");
        let begun = Instant::now();
        clean(&fleet.run(ALL_VIEWS, &[]));
        let fault_free = begun.elapsed();

        fleet.lab.write("kill", "");
        signal("-STOP", listening_pid(&hung));
        fleet.forget();
        (1..=47).for_each(|n| fleet.trust(at(1, n, 2222), "host"));
        fleet.trust(at(2, 1, 2223), "host");
        fleet.trust(at(2, 2, 2224), "host");
        fleet.trust(changed.address, "host");
        let begun = Instant::now();
        let said = fleet.run(ALL_VIEWS, &[]);
        let faulty = begun.elapsed();
        println!("50 hosts: {fault_free:?} without faults, {faulty:?} with three");
        assert_eq!(said.code, 20, "{}", said.err);
        let mut expected: BTreeMap<_, _> =
            nodes.iter().map(|name| (name.clone(), came("complete", &[], 1))).collect();
        expected.insert("killed-1".to_owned(), came("partial", &["lost"], 1));
        expected.insert("hung-1".to_owned(), came("failed", &["banner_timeout"], 0));
        expected.insert("changed-1".to_owned(), came("failed", &["host_key_changed"], 0));
        assert_eq!(fleet.outcomes(), expected);
        let banner = std::time::Duration::from_secs(5);
        // Twice, because other tests run beside this one: what is shown is that nobody waits for three.
        assert!(faulty <= fault_free * 2 + banner, "{faulty:?} after {fault_free:?}");
        for word in ["lost", "banner_timeout", "host_key_changed", "fleetstat enroll"] {
            assert!(said.out.contains(word), "no {word} in {}", said.out);
        }
        partial_evidence_claims_nothing(&fleet);
    });
}

fn partial_evidence_claims_nothing(fleet: &Fleet) {
    let evidence = fleet.evidence("killed-1");
    let text = String::from_utf8(evidence).unwrap();
    assert!(text.contains("end: incomplete"), "{text}");
    assert_eq!(text.matches("\nNetid ").count(), 1, "{text}");
    let first = fleet.folders()[1].file_name().unwrap().to_str().unwrap().to_owned();
    let runs = fleet.ask(&["runs"]);
    let began = runs.iter().find(|run| run["run_id"] == *first).unwrap()["ended"].clone();
    let from = began.as_str().unwrap();
    let changes = fleet.ask(&["diff", "killed-1", "--from", from]);
    let claims: Vec<_> =
        changes.iter().filter(|row| row["change"].as_str().unwrap().ends_with("_gone")).collect();
    assert_eq!(claims, Vec::<&serde_json::Value>::new());
    let mut gone = fleet.ask(&["query", "listeners", "-l", "killed-1"]);
    gone.retain(|row| row["kind"] == "listener");
    assert!(gone.iter().all(|row| row["open"] == true), "{gone:?}");
    assert!(gone.len() >= 4, "{gone:?}");
}

#[test]
fn two_hundred_hosts_at_width_fifty_stay_in_little_memory() {
    alone(|| {
        let mut fleet = Fleet::new();
        let server = everywhere(&fleet.lab, 2222, "");
        let nodes = add_nodes(&mut fleet, 200, server.port());
        let begun = Instant::now();
        let playbook = "views: [listeners]\nlimits: {width: 50, starts_per_second: 1000}";
        let (said, peak) = finish(fleet.start(playbook, &[]));
        println!("200 hosts, width 50: {:?}, peak {peak} KiB", begun.elapsed());
        clean(&said);
        let expected: BTreeMap<_, _> =
            nodes.iter().map(|name| (name.clone(), came("complete", &[], 1))).collect();
        assert_eq!(fleet.outcomes(), expected);
        assert!(peak > 0 && peak < 100 << 10, "{peak} KiB");
    });
}
