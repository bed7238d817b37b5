//! `harden`: the pages are what the systems' own programs take.

use std::io::Write as _;
use std::process::{Command, Stdio};

use fleetstat::model::host::Platform;
use fleetstat::probe::{Privilege, platform_probes};

use crate::support::{Place, json, ndjson};

/// What visudo(8) says of a file of sudoers.
fn visudo(page: &str) -> (bool, String) {
    let mut child = Command::new("/usr/sbin/visudo")
        .args(["-c", "-s", "-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("visudo of the package sudo");
    child.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn every_page_of_a_unix_is_a_file_of_sudoers_that_visudo_takes() {
    let place = Place::new();
    let unix = Platform::ALL.iter().filter(|platform| **platform != Platform::Windows);
    for platform in unix {
        let page = place.line(&format!("harden --platform {platform} --account reader")).clean();
        let (fine, said) = visudo(&page);
        assert!(fine, "{platform}: {said}\n{page}");
        let rules = page.lines().filter(|line| line.starts_with("reader ALL="));
        let paths: usize = platform_probes(*platform)
            .filter(|probe| probe.needs == Privilege::Owners)
            .map(|probe| probe.tool.paths().len())
            .sum();
        assert_eq!(rules.count(), paths, "{platform}: a rule for each path and no other");
    }
    let (fine, said) = visudo("reader ALL=(root) NOPASSWD: /usr/bin/ss -t, -u\n");
    assert!(!fine, "visudo took what is no rule: {said}");
}

#[test]
fn rows_and_page_say_the_same() {
    let place = Place::new();
    for platform in Platform::WORDS {
        let rich = if *platform == "windows" { " --rich" } else { "" };
        let line = format!("harden --platform {platform}{rich}");
        let page = place.line(&line).clean();
        let rows = json(&place.line(&format!("{line} --format json")).clean());
        assert_eq!(ndjson(&place.line(&format!("{line} --format ndjson")).clean()), rows);
        for row in &rows {
            let text = row["text"].as_str().unwrap();
            let whole = row["step"] == "command" && text.len() > 1_000;
            // Control characters are escaped in a row.
            let shown = text.replace("\\x0a", "\n").replace("\\\\", "\\");
            assert!(whole || page.contains(&shown), "{platform}: {text}");
        }
        assert_eq!(rows.iter().any(|row| row["step"] == "script"), *platform == "windows");
    }
}

#[test]
fn names_that_could_mean_something_to_sudo_or_powershell_are_refused() {
    let place = Place::new();
    for (option, word) in [
        ("--account", "ALL,reader"),
        ("--account", "%wheel"),
        ("--account", "#0"),
        ("--group", "a'; iex b"),
        ("--group", ""),
        ("--from", "*"),
        ("--from", "192.0.2.1/129"),
        ("--from", "10.0.0.1\" ssh"),
    ] {
        let ended = place.run(["harden", "--platform", "linux", option, word]);
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{option} {word}");
        assert!(ended.err.contains("error[FS-USE-001]"), "{}", ended.err);
    }
    let file = place.write("key.pub", "command=\"sh\" ssh-ed25519 AAAA\n");
    let ended = place.run(["harden", "--platform", "linux", "--key", &file]);
    assert_eq!(ended.code, 2, "{}", ended.out);
    assert_eq!(place.run(["harden"]).code, 2);
    assert_eq!(place.line("harden --platform linux --rich").code, 2);
}

#[test]
fn a_check_of_this_machine_says_that_root_is_too_much_and_sends_only_what_its_plan_shows() {
    let place = Place::new();
    let line = "check -i inventories/localhost.yaml --format json";
    let ended = place.line(line);
    let rows = json(&ended.out);
    let root = rustix::process::geteuid().is_root();
    assert_eq!(ended.code, if root { 20 } else { 0 }, "{}", ended.err);
    assert_eq!(rows.iter().any(|row| row["what"] == "the account is root (uid 0)"), root);
    assert!(!place.path("data").exists(), "a check keeps nothing");
    let planned = json(&place.line(&format!("{line} --plan")).clean());
    let sent: Vec<_> = planned
        .iter()
        .filter(|row| row["action"] == "send")
        .map(|row| row["probe"].as_str().unwrap())
        .collect();
    assert_eq!(sent, ["linux/status", "linux/account", "linux/sudo-rules", "linux/tools"]);
}
