//! A whole run against a server that writes to terminals wherever it is heard: nothing that the
//! program prints, and no line of its evidence's header, has a control character in it.

use std::process::Output;

use russh::keys::PrivateKey;
use russh::keys::ssh_key::Certificate;

use crate::hostile_server::{Hostile, Manners};
use crate::lab::Lab;

/// Clears a screen, sets a title, rings, turns the reading order round, and begins a line anew.
const EVIL: &str = "evil\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}\rroot# ";

fn certificate(lab: &Lab) -> (PrivateKey, Certificate) {
    lab.keygen("ca", &[]);
    let mut command = std::process::Command::new("ssh-keygen");
    command.args(["-q", "-h", "-I", EVIL, "-z", "7", "-n", &format!("127.0.0.1,{EVIL}"), "-s"]);
    let output = command.arg(lab.path("ca")).arg(lab.path("host.pub")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let key = std::fs::read_to_string(lab.path("host")).unwrap();
    let certificate = Certificate::from_openssh(&lab.public("host-cert")).unwrap();
    (PrivateKey::from_openssh(key).unwrap(), certificate)
}

/// No control character but the end of a line, and nothing that turns text round.
fn printable(what: &str, text: &str) {
    let bad = text.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
    assert_eq!(bad, None, "{what}: {text:?}");
}

async fn say(lab: &Lab, words: &[&str]) -> Output {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_fleetstat"));
    command.args(words).arg("--data").arg(lab.path("data"));
    command.arg("--known-hosts").arg(lab.path("known_hosts"));
    command.env_clear().env("HOME", lab.path(""));
    let output = command.stdin(std::process::Stdio::null()).output().await.unwrap();
    printable("standard output", &String::from_utf8_lossy(&output.stdout));
    printable("standard error", &String::from_utf8_lossy(&output.stderr));
    output
}

/// Writes inventory and playbook; the words of a run.
fn fleet(lab: &Lab, port: u16, known: &str) -> [String; 4] {
    let key = lab.path("user");
    let inventory = format!(
        "accounts:\n  root: {{user: root, identity: {}}}\nall: {{account: root}}\nhosts:\n  \
         web-1: {{address: 127.0.0.1, port: {port}}}\n",
        key.display()
    );
    lab.write("known_hosts", known);
    let inventory = lab.write("fleet.yaml", &inventory);
    let playbook = lab.write("night.yaml", "name: night\npurpose: routine\nviews: [listeners]\n");
    let path = |path: std::path::PathBuf| path.to_str().unwrap().to_owned();
    ["run".to_owned(), path(playbook), "-i".to_owned(), path(inventory)]
}

#[tokio::test]
async fn a_run_against_a_server_that_writes_to_terminals_prints_nothing_of_it_raw() {
    let lab = Lab::new();
    let server = Hostile::start(Manners {
        banner: Some(EVIL.to_owned()),
        software: Some("evil\u{1b}[2J\u{202e}".to_owned()),
        certificate: Some(certificate(&lab)),
        one_channel: true,
        answer: Some(EVIL.repeat(3).into_bytes()),
        ..Manners::default()
    })
    .await;
    let known = format!("@cert-authority * {}\n", lab.public("ca"));
    let words = fleet(&lab, server.port, &known);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    for verbosity in ["-q", "-v", "-vvv"] {
        let output = say(&lab, &[words.as_slice(), &[verbosity]].concat()).await;
        assert!(output.status.code().is_some());
    }
    for run in std::fs::read_dir(lab.path("data/evidence")).unwrap() {
        for file in std::fs::read_dir(run.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "txt") {
                let evidence = std::fs::read(&path).unwrap();
                let head = String::from_utf8_lossy(&evidence).into_owned();
                let head = head.split("\n\n").next().unwrap().to_owned();
                printable("header", &head);
                assert!(head.contains("\"host_certificate\":{\"authority\":\"SHA256:"), "{head}");
                assert!(head.contains("evil\\\\x1b[2J"), "{head}");
            } else {
                printable("manifest", &String::from_utf8_lossy(&std::fs::read(&path).unwrap()));
            }
        }
    }
    for words in [&["show", "web-1"][..], &["runs"], &["show", "web-1", "--format", "json"]] {
        let output = say(&lab, words).await;
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let page = String::from_utf8(say(&lab, &["show", "web-1"]).await.stdout).unwrap();
    let line = page.lines().find(|line| line.contains("host certificate")).unwrap();
    assert!(line.contains(r"evil\x1b[2J") && line.contains("(serial 7), for ever"), "{line}");
}

/// The same server, refused, asked for its key, and saying goodbye.
#[tokio::test]
async fn refusals_and_enrolment_print_nothing_of_it_raw() {
    let lab = Lab::new();
    let server = Hostile::start(Manners {
        banner_and_refusal: Some(EVIL.to_owned()),
        software: Some("evil\u{1b}[2J".to_owned()),
        certificate: Some(certificate(&lab)),
        ..Manners::default()
    })
    .await;
    lab.keygen("ca2", &[]);
    let list = lab.write("list.csv", &format!("web-2,SHA256:{}\n", "A".repeat(43)));
    for known in [
        String::new(),
        format!("@cert-authority * {}\n", lab.public("ca")),
        format!("@cert-authority * {}\n", lab.public("ca2")),
        format!("* {}\n", lab.public("ca2")),
    ] {
        let words = fleet(&lab, server.port, &known);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let output = say(&lab, &[words.as_slice(), &["-vvv"]].concat()).await;
        assert_eq!(output.status.code(), Some(21), "{}", String::from_utf8_lossy(&output.stderr));
        let enroll = ["enroll", "-i", words[3], "--fingerprints", list.to_str().unwrap(), "-vvv"];
        let output = say(&lab, &enroll).await;
        let text = String::from_utf8(output.stdout).unwrap();
        let vouched = known.contains(&lab.public("ca")) && !known.contains(&lab.public("ca2"));
        assert_eq!(text.contains("is vouched for by its certificate `evil"), vouched, "{text}");
    }
}

#[tokio::test]
async fn a_goodbye_is_kept_as_a_fault_and_printed_escaped() {
    let lab = Lab::new();
    let goodbye = Some(EVIL.to_owned());
    let server = Hostile::start(Manners { goodbye, ..Manners::default() }).await;
    let words = fleet(&lab, server.port, &server.known_line);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let output = say(&lab, &[words.as_slice(), &["-vvv"]].concat()).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(r"said goodbye: evil\x1b[2J"), "{said}");
    let output = say(&lab, &["runs", "--format", "json"]).await;
    assert_eq!(output.status.code(), Some(0));
}
