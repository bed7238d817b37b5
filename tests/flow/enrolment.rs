//! Enrolment: fingerprints are shown, a person or a list confirms them, and nothing else trusts.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::ground::{Fleet, Said, alone, at, everywhere};

/// The fingerprint of a key of the laboratory, as `ssh-keygen -l` prints it.
fn fingerprint(fleet: &Fleet, key: &str) -> String {
    let file = fleet.lab.path(&format!("{key}.pub"));
    let output = Command::new("ssh-keygen").arg("-lf").arg(file).output().unwrap();
    let line = String::from_utf8(output.stdout).unwrap();
    line.split(' ').nth(1).unwrap().to_owned()
}

/// `enroll` into a file of its own, with more words.
fn enroll(fleet: &Fleet, more: &[&str]) -> Said {
    let (file, hosts) = (fleet.lab.path("enrolled"), fleet.lab.path("fleet.yaml"));
    let words = ["enroll", "-i", hosts.to_str().unwrap(), "--known-hosts", file.to_str().unwrap()];
    fleet.say(&[&words, more].concat())
}

fn enrolled(fleet: &Fleet) -> String {
    std::fs::read_to_string(fleet.lab.path("enrolled")).unwrap_or_default()
}

/// Two hosts whose keys nobody has confirmed.
fn two_hosts() -> (Fleet, crate::lab::Server) {
    let mut fleet = Fleet::new();
    let server = everywhere(&fleet.lab, 2222, "");
    fleet.host("a-1", at(6, 1, 2222), "", "");
    fleet.host("b-1", at(6, 2, 2222), "", "");
    (fleet, server)
}

#[test]
fn without_a_terminal_or_a_list_nothing_is_fetched_and_nothing_trusted() {
    alone(|| {
        let (fleet, _server) = two_hosts();
        let said = enroll(&fleet, &[]);
        assert_eq!(said.code, 2, "{}", said.err);
        assert!(said.err.starts_with("error[FS-USE-008]"), "{}", said.err);
        assert!(said.err.contains("--fingerprints FILE"), "{}", said.err);
        assert_eq!(enrolled(&fleet), "");
    });
}

#[test]
fn a_list_trusts_the_hosts_whose_fingerprint_is_right_and_no_other() {
    alone(|| {
        let (fleet, _server) = two_hosts();
        let right = fingerprint(&fleet, "host");
        let wrong = fingerprint(&fleet, "user");
        let list = format!("# host,fingerprint\na-1, {right}\nb-1,{wrong}\n");
        let list = fleet.lab.write("list.csv", &list);
        let said = enroll(&fleet, &["--fingerprints", list.to_str().unwrap()]);
        let file = fleet.lab.path("enrolled");
        assert_eq!(
            said.out,
            format!(
                "a-1: {right} (ssh-ed25519) is now trusted\n\
                 b-1: {right} (ssh-ed25519): the list says {wrong}: NOT trusted\n\
                 1 trusted, 0 already known, 1 left, 0 not reached; trusted keys are in {}\n",
                file.display()
            )
        );
        assert_eq!(said.code, 20);
        let lines: Vec<String> = enrolled(&fleet).lines().map(str::to_owned).collect();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with("[127.0.6.1]:2222 ssh-ed25519 "), "{lines:?}");

        let said = fleet.run("views: [host]", &["--known-hosts", file.to_str().unwrap()]);
        assert_eq!(said.code, 20, "{}", said.err);
        let outcomes = fleet.outcomes();
        assert_eq!(outcomes["a-1"].0, "complete");
        assert_eq!(outcomes["b-1"].1, ["host_key_unknown"]);

        let said = enroll(&fleet, &["-l", "a-1", "--fingerprints", list.to_str().unwrap()]);
        assert_eq!(said.code, 0, "{}", said.err);
        assert!(said.out.starts_with(&format!("a-1: {right} (ssh-ed25519) is known\n")));
        assert_eq!(enrolled(&fleet).lines().count(), 1);
        // A list that says otherwise of a key that is known, and one with a name that nobody has.
        let list = fleet.lab.write("list.csv", &format!("a-1,{wrong}\na-2,{wrong}\n"));
        let said = enroll(&fleet, &["-l", "a-1", "--fingerprints", list.to_str().unwrap()]);
        assert_eq!(said.code, 20, "{}", said.err);
        let told = format!("a-1: {right} (ssh-ed25519) is known, and the list says {wrong}\n");
        assert!(said.out.starts_with(&told), "{}", said.out);
        assert!(said.err.contains("the list has `a-2`, and no host"), "{}", said.err);
        assert_eq!(enrolled(&fleet).lines().count(), 1);
    });
}

#[test]
fn a_person_is_asked_for_each_host_and_only_yes_is_yes() {
    alone(|| {
        let (fleet, _server) = two_hosts();
        // Written by the first command of the fleet.
        fleet.command(&["runs"]);
        let line = format!(
            "{} enroll -i {} --known-hosts {}",
            env!("CARGO_BIN_EXE_fleetstat"),
            fleet.lab.path("fleet.yaml").display(),
            fleet.lab.path("enrolled").display()
        );
        let mut terminal = Command::new("script")
            .args(["-qefc", &line, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        terminal.stdin.take().unwrap().write_all(b"y\nno\nyes\n").unwrap();
        let output = terminal.wait_with_output().unwrap();
        let shown = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(20), "{shown}");
        let right = fingerprint(&fleet, "host");
        assert_eq!(shown.matches(&format!("ssh-ed25519 {right}")).count(), 2, "{shown}");
        assert!(shown.contains("a-1 (127.0.6.1:2222, reached at 127.0.6.1:2222) shows"), "{shown}");
        assert!(shown.contains(&format!("a-1: {right} (ssh-ed25519): not trusted")), "{shown}");
        assert!(shown.contains("Please type yes, no or the fingerprint"), "{shown}");
        assert!(shown.contains(&format!("b-1: {right} (ssh-ed25519) is now trusted")), "{shown}");
        assert!(enrolled(&fleet).starts_with("[127.0.6.2]:2222 ssh-ed25519 "));
    });
}

#[test]
fn a_changed_key_is_never_replaced() {
    alone(|| {
        let (fleet, _server) = two_hosts();
        let old = format!("[127.0.6.1]:2222 {}\n", fleet.lab.public("user"));
        fleet.lab.write("enrolled", &old);
        let list = format!("a-1,{}\n", fingerprint(&fleet, "host"));
        let list = fleet.lab.write("list.csv", &list);
        let said = enroll(&fleet, &["-l", "a-1", "--fingerprints", list.to_str().unwrap()]);
        assert_eq!(said.code, 20);
        assert!(said.out.contains("is NOT the key that is known"), "{}", said.out);
        assert_eq!(enrolled(&fleet), old);
    });
}

#[test]
fn a_host_that_is_down_and_a_line_that_is_no_fingerprint_are_named() {
    alone(|| {
        let mut fleet = Fleet::new();
        fleet.host("down-1", at(6, 9, 2299), "", "");
        let list = fleet.lab.write("list.csv", "down-1,SHA256:x\nnonsense\n");
        let said = enroll(&fleet, &["--fingerprints", list.to_str().unwrap()]);
        assert_eq!(said.code, 2);
        let short = "list.csv:1: `down-1,SHA256:x` has no whole fingerprint of SHA-256";
        assert!(said.err.contains(short), "{}", said.err);
        assert!(said.err.contains("list.csv:2: `nonsense` is not host,SHA256:..."), "{}", said.err);
        let whole = format!("down-1,SHA256:{}\n", "A".repeat(43));
        let list = fleet.lab.write("list.csv", &whole);
        let said = enroll(&fleet, &["--fingerprints", list.to_str().unwrap()]);
        assert_eq!(said.code, 20);
        assert!(said.out.starts_with("down-1: refused: "), "{}", said.out);
        assert!(said.out.contains("0 trusted, 0 already known, 0 left, 1 not reached"));
    });
}
