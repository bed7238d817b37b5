//! `fleetstat plan` shows what `run` sends, to the byte, and sends nothing itself.

use std::collections::BTreeSet;
use std::process::Command;

use fleetstat::evidence::read::EvidenceReader;

use crate::support::{Ended, FLEETSTAT, Place, json};

const NIGHTLY: &str = "playbooks/nightly-snapshot.yaml";

/// System calls that reach out, and files that are opened for writing or made, while the binary
/// runs.
fn traced(place: &Place, words: &[&str]) -> (Ended, Vec<String>) {
    let trace = place.path("trace");
    let mut command = Command::new("strace");
    command
        .args([
            "-f",
            "-qq",
            "-e",
            "trace=network,openat,open,creat,mkdir,mkdirat,unlink,rename,execve",
        ])
        .arg("-o")
        .arg(&trace)
        .arg(FLEETSTAT)
        .args(words);
    place.surround(&mut command);
    let ended = command.output().expect("strace").into();
    let text = std::fs::read_to_string(&trace).unwrap();
    std::fs::remove_file(trace).unwrap();
    let opens = |line: &&str| line.contains(" open");
    let writes =
        |line: &str| ["O_WRONLY", "O_RDWR", "O_CREAT"].iter().any(|flag| line.contains(flag));
    let quiet = |line: &&str| line.contains("execve(") && line.contains(FLEETSTAT);
    let calls = text.lines().filter(|line| !line.contains("+++") && !line.contains("--- SIG"));
    let kept = calls.filter(|line| !quiet(line) && (!opens(line) || writes(line)));
    (ended, kept.map(str::to_owned).collect())
}

#[test]
fn a_plan_opens_no_socket_starts_no_program_and_writes_no_file() {
    let place = Place::new();
    let host = place.write(
        "fleet.yaml",
        "accounts:\n  a: {user: reader, identity: ~/.ssh/id_ed25519, escalation: sudo}\n\
         all: {account: a}\nhosts:\n  \"web-[1-3]\": {address: \"web[1-3].example.org\"}\n  \
         here: {transport: local}\n",
    );
    place.write(".ssh/id_ed25519", "");
    let before = place.listed("");
    for format in ["table", "json", "ndjson", "csv"] {
        let words = ["plan", NIGHTLY, "-i", &host, "--format", format];
        let (ended, calls) = traced(&place, &words);
        assert!(!ended.clean().is_empty());
        assert_eq!(calls, Vec::<String>::new(), "{format}");
    }
    assert_eq!(place.listed(""), before);
}

#[test]
fn the_trace_would_show_what_a_run_does() {
    let place = Place::new();
    let (ended, calls) =
        traced(&place, &["run", NIGHTLY, "-i", "inventories/localhost.yaml", "-q"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    for call in ["execve(", "O_CREAT", "mkdir"] {
        assert!(calls.iter().any(|line| line.contains(call)), "{call}");
    }
}

/// The exact bytes that evidence says were sent.
fn sent(place: &Place) -> Vec<String> {
    let run = place.collect();
    let file = EvidenceReader::open(&place.evidence(&run)).unwrap();
    file.sections().iter().map(|section| section.sent.clone()).collect()
}

/// A line as the plan shows it: files of processes once, with `{pid}` for the number.
fn template(line: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in line.split(' ') {
        let rest = word.strip_prefix("/proc/").and_then(|rest| rest.split_once('/'));
        let shown = match rest {
            Some((pid, file)) if pid.bytes().all(|byte| byte.is_ascii_digit()) => {
                format!("/proc/{{pid}}/{file}")
            }
            _ => word.to_owned(),
        };
        if !(shown.contains("{pid}") && words.contains(&shown)) {
            words.push(shown);
        }
    }
    words.join(" ")
}

#[test]
fn what_a_run_sends_is_what_the_plan_shows() {
    let place = Place::new();
    let words = format!("plan {NIGHTLY} -i inventories/localhost.yaml");
    let rows = json(&place.line(&format!("{words} --format json")).clean());
    let shown = |action: &str| -> Vec<&str> {
        rows.iter().filter(|r| r["action"] == action).filter_map(|r| r["sent"].as_str()).collect()
    };
    let all: BTreeSet<&str> = rows.iter().filter_map(|row| row["sent"].as_str()).collect();
    let page = place.line(&words).clean();
    let lines: BTreeSet<&str> = page.lines().map(str::trim).collect();
    let sent: Vec<String> = sent(&place).iter().map(|line| template(line)).collect();
    for line in &sent {
        assert!(all.contains(line.as_str()), "sent but not planned: {line}");
    }
    // A host with all its tools is asked each question once, at the first path, in this order.
    if sent == shown("send") {
        assert!(sent.iter().all(|line| lines.contains(line.as_str())), "{page}");
    } else {
        let planned: BTreeSet<_> = shown("send").into_iter().collect();
        let first = sent.first().unwrap();
        assert!(planned.contains(first.as_str()), "{first}");
        let others: BTreeSet<_> = sent.iter().map(String::as_str).collect();
        assert!(others.difference(&planned).all(|line| all.contains(line)));
    }
}

#[test]
fn a_plan_is_the_same_each_time() {
    let place = Place::new();
    place.write(".ssh/fleetstat_ed25519", "");
    for format in ["table", "json"] {
        let words = format!("plan {NIGHTLY} -i inventories/example-fleet.yaml --format {format}");
        assert_eq!(place.line(&words).clean(), place.line(&words).clean());
    }
}

#[test]
fn nobody_to_visit_is_said_with_the_reasons() {
    let place = Place::new();
    let ended =
        place.line(&format!("plan {NIGHTLY} -i inventories/localhost.yaml -l role=none -q"));
    assert_eq!((ended.code, ended.out.as_str()), (2, ""));
    assert_eq!(
        ended.err,
        "error[FS-USE-005]: no host to visit (localhost: not selected)\n  \
         help: see `fleetstat hosts -i FILE` for what there is\n"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_told_by_plan_and_is_no_defect_of_ours() {
    let place = Place::new();
    let text = "accounts:\n  paper: {user: a, tls_certificate: {certificate: no-cert.pem, key: no-key.pem}}\n\
        all: {account: paper, transport: winrm, auth: certificate, tls_ca: ~/no-ca.pem}\n\
        hosts:\n  \"h[1-2]\": {address: \"127.0.0.[1-2]\", port: 9}\n";
    let file = place.write("fleet.yaml", text);
    let playbook = "playbooks/nightly-snapshot.yaml";
    let ended = place.run(["plan", playbook, "-i", &file]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    for said in [
        format!(
            "`tls_ca` of 2 hosts: {} cannot be read: No such",
            place.path("no-ca.pem").display()
        ),
        format!(
            "`tls_certificate` of 2 hosts: {}",
            crate::support::package("no-cert.pem").display()
        ),
        "no-key.pem cannot be read".to_owned(),
    ] {
        assert!(ended.err.contains(&said), "{said}: {}", ended.err);
    }
    let ended = place.run(["run", playbook, "-i", &file, "--change", "C"]);
    assert_eq!(ended.code, 31, "{}", ended.err);
    assert!(ended.err.contains("error[FS-CFG-003]"), "{}", ended.err);
    assert!(ended.err.contains("no-cert.pem"), "{}", ended.err);
    assert!(!ended.err.contains("defect"), "{}", ended.err);
}
