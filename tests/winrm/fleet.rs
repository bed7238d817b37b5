//! The product end to end: the real program, an inventory, and the default probes of Windows.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::{Value, json};

use crate::lab::{Service, USER, canned};

const ALL: &str = "views: [listeners, sessions, interfaces, routes, counters]";

pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The program, with the service's folder as its own.
pub(crate) fn program(service: &Service, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fleetstat"));
    command
        .args(words)
        .arg("--data")
        .arg(service.path("data"))
        .env_clear()
        .env("HOME", service.path("home"))
        .env("SSL_CERT_FILE", service.authority());
    command
}

pub(crate) fn say(service: &Service, words: &[&str]) -> Said {
    let output = program(service, words).output().unwrap();
    Said {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs a playbook on hosts; each is a line of the inventory.
pub(crate) fn run(service: &Service, playbook: &str, password: &str, hosts: &[String]) -> Said {
    let (fleet, night) = prepare(service, playbook, password, hosts);
    say(service, &["run", &night, "-i", &fleet])
}

/// Writes inventory and playbook.
pub(crate) fn prepare(
    service: &Service,
    playbook: &str,
    password: &str,
    hosts: &[String],
) -> (String, String) {
    let secret = service.path("password");
    std::fs::write(&secret, format!("{password}\n")).unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut text = format!(
        "accounts:\n  reader: {{user: 'LAB\\{USER}', password: {{file: {}}}}}\n\
         all: {{account: reader, transport: winrm}}\nhosts:\n",
        secret.display()
    );
    for host in hosts {
        text.push_str(&format!("  {host}\n"));
    }
    let (fleet, night) = (service.path("fleet.yaml"), service.path("night.yaml"));
    std::fs::write(&fleet, text).unwrap();
    std::fs::write(&night, format!("name: night\npurpose: routine\n{playbook}\n")).unwrap();
    let text = |path: std::path::PathBuf| path.to_str().unwrap().to_owned();
    (text(fleet), text(night))
}

pub(crate) fn manifest(service: &Service) -> (std::path::PathBuf, Value) {
    let folder = std::fs::read_dir(service.path("data/evidence")).unwrap().next().unwrap();
    let folder = folder.unwrap().path();
    let bytes = std::fs::read(folder.join("manifest.json")).unwrap();
    (folder, serde_json::from_slice(&bytes).unwrap())
}

fn over(service: &Service, https: bool) {
    let host = if https {
        format!("win-1: {{address: 127.0.1.1, port: {}}}", service.https())
    } else {
        format!("win-1: {{address: 127.0.1.1, port: {}, tls: false}}", service.http())
    };
    let said = run(service, ALL, &service.password, &[host]);
    assert_eq!(said.code, 0, "{}\n{}\n{}", said.out, said.err, service.totals());
    service.assert_clean();
    assert_eq!((service.total("auth_ok"), service.total("auth_fail")), (1, 0));
    assert_eq!(service.total("connections"), 1, "one connection is the whole visit");
    assert_eq!((service.total("shells_created"), service.total("shells_deleted")), (1, 1));
    let (folder, manifest) = manifest(service);
    let host = &manifest["hosts"][0];
    assert_eq!(host["outcome"], "complete", "{manifest}");
    let file = &host["files"][0];
    let evidence = std::fs::read(folder.join(file["name"].as_str().unwrap())).unwrap();
    let mut kept = std::collections::BTreeMap::new();
    for section in file["sections"].as_array().unwrap() {
        let at = |key: &str| usize::try_from(section["stdout"][key].as_u64().unwrap()).unwrap();
        let bytes = evidence[at("offset")..at("offset") + at("bytes")].to_vec();
        kept.insert(section["probe"].as_str().unwrap().to_owned(), bytes);
    }
    for (probe, answer) in [
        ("windows/netstat-tcp-udp", "netstat_ano.txt"),
        ("windows/tasklist-services", "tasklist_svc_nonadmin.csv"),
        ("windows/netstat-counters", "netstat_s.txt"),
        ("windows/netstat-interfaces", "netstat_e.txt"),
        ("windows/route-print", "netstat_r.txt"),
    ] {
        let found = kept.get(probe).unwrap_or_else(|| panic!("{probe}: {:?}", kept.keys()));
        assert!(*found == canned(answer), "{probe} is not byte for byte what the host sent");
    }
    let netstat = String::from_utf8(canned("netstat_ano.txt")).unwrap();
    let listening = netstat.lines().filter(|line| line.contains("LISTENING")).count();
    let rows = say(service, &["show", "win-1", "--kind", "socket", "--format", "ndjson"]);
    let rows: Vec<Value> = rows.out.lines().map(|row| serde_json::from_str(row).unwrap()).collect();
    let listeners = rows
        .iter()
        .filter(|row| row["direction"] == "listener" && row["network"]["transport"] == "tcp")
        .count();
    assert_eq!(listeners, listening, "{:?}", rows.first());
    assert!(rows.iter().any(|row| row.to_string().contains("svchost")), "{:?}", rows.first());
}

#[test]
fn one_visit_over_https_is_one_login_one_shell_and_evidence_byte_for_byte() {
    over(&Service::start("127.0.1.1", &[]), true);
}

#[test]
fn one_visit_over_http_is_sealed_from_the_first_message_on() {
    let service = Service::start("127.0.1.1", &[]);
    over(&service, false);
    assert_eq!(service.total("soap_encrypted"), service.total("http_requests") - 2);
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused_before_the_login() {
    let service = Service::start("127.0.1.1", &[]);
    let host = format!(
        "win-1: {{address: 127.0.1.1, port: {}, tls_name: other.example.net}}",
        service.https()
    );
    let said = run(&service, ALL, &service.password, &[host]);
    let (_, manifest) = manifest(&service);
    assert_eq!(manifest["hosts"][0]["faults"][0]["kind"], "tls_untrusted", "{manifest}");
    assert_eq!(service.total("http_requests"), 0, "{}", said.err);
}

#[test]
fn a_wrong_password_is_tried_once_in_the_whole_run() {
    let service = Service::start("127.0.1.1-127.0.1.5", &[]);
    let port = service.http();
    let hosts: Vec<String> = (1..=5)
        .map(|n| format!("win-{n}: {{address: 127.0.1.{n}, port: {port}, tls: false}}"))
        .collect();
    let said = run(&service, ALL, "not the password", &hosts);
    assert_ne!(said.code, 0);
    assert_eq!(service.total("auth_fail"), 1, "{}\n{}", service.totals(), said.out);
    let (_, manifest) = manifest(&service);
    let hosts = manifest["hosts"].as_array().unwrap();
    let mut kinds: Vec<&str> =
        hosts.iter().map(|host| host["faults"][0]["kind"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["auth_refused", "skipped", "skipped", "skipped", "skipped"]);
}

#[test]
fn a_shell_that_cannot_be_deleted_stands_in_the_hosts_record() {
    let service = Service::start("127.0.1.1", &[]);
    service.faults(&json!([{"action": "Delete", "do": "drop"}]));
    let host = format!("win-1: {{address: 127.0.1.1, port: {}}}", service.https());
    let said = run(&service, "views: [listeners]", &service.password, &[host]);
    let (_, manifest) = manifest(&service);
    let fault = &manifest["hosts"][0]["faults"][0];
    assert_eq!(fault["kind"], "leaked_shell", "{manifest}\n{}", said.err);
    assert_eq!(service.shells("127.0.1.1"), 1);
}
