//! A run that is broken off: once to let hosts in flight finish, twice to drop them.

use std::process::Child;

use crate::ground::{Fleet, alone, at, everywhere, finish, signal, until};
use crate::lab::Server;

/// A fleet of six hosts, two at a time, whose `ss` says that it began and waits for a file.
fn waiting() -> (Fleet, Server) {
    let mut fleet = Fleet::new();
    let lab = &fleet.lab;
    std::fs::copy("/usr/bin/ss", lab.path("real-ss")).unwrap();
    std::fs::create_dir(lab.path("begun")).unwrap();
    let script = format!(
        "#!/bin/sh\ntouch {folder}/begun/$$\nwhile [ ! -e {folder}/go ]; do sleep 0.05; done\n\
         exec {folder}/real-ss \"$@\"\n",
        folder = lab.path("").display()
    );
    lab.write_mode("slow-ss", &script, 0o755);
    let server = everywhere(lab, 2222, "replace /usr/bin/ss slow-ss");
    for n in 1..=6 {
        fleet.host(&format!("node-{n}"), at(11, n, 2222), "", "host");
    }
    (fleet, server)
}

/// Starts a run and waits until two hosts are in the middle of it.
fn begun(fleet: &Fleet) -> Child {
    let child = fleet.start("views: [listeners]\nlimits: {width: 2}", &[]);
    until("two hosts in flight", || {
        (crate::ground::names(&fleet.lab.path("begun")).len() == 2).then_some(())
    });
    child
}

fn pid(child: &Child) -> i32 {
    i32::try_from(child.id()).unwrap()
}

/// How many hosts came out how, and whether the evidence verifies.
fn counts(fleet: &Fleet) -> Vec<(String, usize)> {
    let mut counts = std::collections::BTreeMap::new();
    let outcomes = fleet.outcomes();
    assert_eq!(outcomes.len(), 6);
    for (outcome, _, files) in outcomes.values() {
        *counts.entry(format!("{outcome} {files}")).or_insert(0) += 1;
    }
    let folder = &fleet.folders()[0];
    let verified = fleet.say(&["verify", folder.file_name().unwrap().to_str().unwrap()]);
    assert_eq!(verified.code, 0, "{}", verified.out);
    counts.into_iter().collect()
}

fn drains(name: &str, code: i32) {
    let (fleet, _server) = waiting();
    let child = begun(&fleet);
    signal(name, pid(&child));
    // The signal is seen when the program says so; only then do the hosts go on.
    let mut child = child;
    let errors = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut lines = std::io::BufRead::lines(errors);
    let told =
        lines.find(|line| line.as_ref().unwrap().contains("waiting for the hosts in flight"));
    assert!(told.is_some());
    std::thread::spawn(move || lines.for_each(drop));
    fleet.lab.write("go", "");
    let (said, _) = finish(child);
    assert_eq!(said.code, code);
    assert_eq!(counts(&fleet), [("complete 1".to_owned(), 2), ("skipped 0".to_owned(), 4)]);
    assert!(said.out.contains("the run was interrupted"), "{}", said.out);
}

#[test]
fn an_interrupt_lets_hosts_in_flight_finish_and_writes_the_manifest() {
    alone(|| drains("-INT", 130));
}

#[test]
fn a_termination_does_the_same_with_its_own_exit_code() {
    alone(|| drains("-TERM", 75));
}

#[test]
fn a_second_interrupt_drops_the_hosts_in_flight() {
    alone(|| {
        let (fleet, _server) = waiting();
        let mut child = begun(&fleet);
        signal("-INT", pid(&child));
        let errors = std::io::BufReader::new(child.stderr.take().unwrap());
        let mut lines = std::io::BufRead::lines(errors);
        let told = lines.find(|line| line.as_ref().unwrap().contains("waiting for the hosts"));
        assert!(told.is_some());
        std::thread::spawn(move || lines.for_each(drop));
        let begun = std::time::Instant::now();
        signal("-INT", pid(&child));
        let (said, _) = finish(child);
        assert_eq!(said.code, 130);
        assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
        assert_eq!(counts(&fleet), [("skipped 0".to_owned(), 6)]);
    });
}
