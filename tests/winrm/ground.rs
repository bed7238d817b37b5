//! Runs of the real program against the service, and what they left: records, sections, outcomes.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use fleetstat::evidence::read::{EvidenceReader, Output};
use fleetstat::model::capture::End;
use serde_json::Value;

use crate::lab::{Service, USER};

/// What a command said.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Calls the program with the service's folder for its data.
pub(crate) fn say(service: &Service, words: &[&str]) -> Said {
    let output = Command::new(env!("CARGO_BIN_EXE_fleetstat"))
        .args(words)
        .arg("--data")
        .arg(service.path("data"))
        .env_clear()
        .env("HOME", service.path("home"))
        .env("SSL_CERT_FILE", service.authority())
        .output()
        .unwrap();
    Said {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Files of a run: the playbook, and an inventory with one host for each address, called `win-N`.
pub(crate) fn files(service: &Service, playbook: &str, addresses: &[String]) -> (String, String) {
    let secret = service.path("password");
    std::fs::write(&secret, format!("{}\n", service.password)).unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut text = format!(
        "accounts:\n  reader: {{user: 'LAB\\{USER}', password: {{file: {}}}}}\n\
         all: {{account: reader, transport: winrm, tls: false, port: {}}}\nhosts:\n",
        secret.display(),
        service.http(),
    );
    for (number, address) in (1..).zip(addresses) {
        text.push_str(&format!("  win-{number}: {{address: {address}}}\n"));
    }
    let (fleet, night) = (service.path("fleet.yaml"), service.path("night.yaml"));
    std::fs::write(&fleet, text).unwrap();
    std::fs::write(&night, format!("name: night\npurpose: routine\n{playbook}\n")).unwrap();
    (night.to_str().unwrap().to_owned(), fleet.to_str().unwrap().to_owned())
}

/// Runs a playbook on the hosts at these addresses.
pub(crate) fn run(service: &Service, playbook: &str, addresses: &[String]) -> Said {
    let (night, fleet) = files(service, playbook, addresses);
    say(service, &["run", &night, "-i", &fleet])
}

/// Addresses 127.0.N.1 and on.
pub(crate) fn addresses(net: u8, count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("127.0.{net}.{number}")).collect()
}

/// One section of a host's evidence.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) sent: String,
    pub(crate) views: usize,
    pub(crate) end: End,
    pub(crate) replaces: Option<(u16, String)>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

/// The manifest's entry of each host.
pub(crate) fn outcomes(service: &Service) -> BTreeMap<String, Value> {
    let bytes = std::fs::read(folder(service).join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&bytes).unwrap();
    let hosts = manifest["hosts"].as_array().unwrap().iter();
    hosts.map(|host| (host["name"].as_str().unwrap().to_owned(), host.clone())).collect()
}

/// Outcome and kinds of faults of a host.
pub(crate) fn outcome(service: &Service, host: &str) -> (String, Vec<String>) {
    let entry = &outcomes(service)[host];
    let faults = entry["faults"].as_array().cloned().unwrap_or_default();
    let kinds = faults.iter().map(|fault| fault["kind"].as_str().unwrap().to_owned());
    (entry["outcome"].as_str().unwrap().to_owned(), kinds.collect())
}

/// The folder of the last run.
fn folder(service: &Service) -> std::path::PathBuf {
    let folders = std::fs::read_dir(service.path("data/evidence")).unwrap();
    let written = |folder: &std::path::PathBuf| {
        std::fs::metadata(folder.join("manifest.json")).unwrap().modified().unwrap()
    };
    folders.map(|entry| entry.unwrap().path()).max_by_key(written).unwrap()
}

/// The sections of a host's evidence, by probe.
pub(crate) fn evidence(service: &Service, host: &str) -> BTreeMap<String, Section> {
    let entry = &outcomes(service)[host];
    let name = entry["files"][0]["name"].as_str().unwrap();
    let file = EvidenceReader::open(&folder(service).join(name)).unwrap();
    let mut found = BTreeMap::new();
    for section in file.sections() {
        let stream = |output| {
            let mut bytes = Vec::new();
            file.stream(section.number, output).unwrap().read_to_end(&mut bytes).unwrap();
            bytes
        };
        let read = Section {
            sent: section.sent.clone(),
            views: section.views.len(),
            end: section.end.clone(),
            replaces: section.fallback_of.clone().map(|of| (of.section, of.condition)),
            stdout: stream(Output::Stdout),
            stderr: stream(Output::Stderr),
        };
        found.insert(section.probe.as_str().to_owned(), read);
    }
    found
}

/// Records of one kind.
pub(crate) fn records(service: &Service, host: &str, kind: &str) -> Vec<Value> {
    let said = say(service, &["show", host, "--kind", kind, "--format", "ndjson"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    said.out.lines().map(|row| serde_json::from_str(row).unwrap()).collect()
}

/// What is said of a host's answers, as `severity message: text`.
pub(crate) fn issues(service: &Service, host: &str) -> Vec<String> {
    let word = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let say = |row: Value| {
        format!("{} {}: {}", word(&row, "severity"), word(&row, "message"), word(&row, "text"))
    };
    records(service, host, "issue").into_iter().map(say).collect()
}

/// The bytes that the service sent for each command, by its line.
pub(crate) fn assert_evidence_is_what_was_sent(service: &Service, address: &str, host: &str) {
    let sent = service.sent(address);
    let evidence = evidence(service, host);
    for (probe, section) in &evidence {
        let Some((_, out, err)) = sent.iter().find(|(line, ..)| *line == section.sent) else {
            let nothing = matches!(section.end, End::Incomplete(_)) && section.stdout.is_empty();
            assert!(nothing, "{probe}: {section:?} was not sent");
            continue;
        };
        assert!(section.stdout == *out, "{probe} of {host} is not byte for byte what it sent");
        assert!(section.stderr == *err, "{probe} of {host}: standard error");
    }
}
