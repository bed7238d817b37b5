//! One run over both roads: `inventories/mixed.yaml` as it is shipped, led to servers of the test.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::fleet::{manifest, say};
use crate::lab::{Service, USER};
use crate::ssh_lab::{Lab, READER, sshd_on};

/// Replaces each word of the shipped inventory; none may be missing there.
fn led(text: &str, words: &[(&str, String)]) -> String {
    words.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from} is not in inventories/mixed.yaml");
        text.replace(from, to)
    })
}

#[test]
fn linux_by_ssh_and_windows_by_winrm_are_one_run_one_store_and_one_report() {
    let service = Service::start("127.0.4.1-127.0.4.3", &[]);
    let lab = Lab::new();
    let port = crate::ssh_lab::free_port(Ipv4Addr::new(127, 0, 4, 11));
    let servers = [11, 12].map(|last| sshd_on(&lab, Ipv4Addr::new(127, 0, 4, last), port, &[]));
    let known: String = servers.iter().map(|server| server.known_line(&lab, "host")).collect();
    let known = lab.write("known_hosts", &known);
    std::fs::rename(service.path("secret"), service.path("fleetstat-windows")).unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("inventories/mixed.yaml");
    let https = service.https();
    let text = led(
        &std::fs::read_to_string(shipped).unwrap(),
        &[
            ("user: fleetstat, identity: ~/.ssh/fleetstat_ed25519", {
                format!("user: {READER}, identity: {}", lab.path("user").display())
            }),
            (r"EXAMPLE\fleetstat", format!(r"LAB\{USER}")),
            ("\"192.0.2.[1-2]\"", format!("\"127.0.4.1[1-2]\", port: {port}")),
            ("print-1.example.net", format!("127.0.4.1, port: {https}")),
            ("198.51.100.1, tls_name: files-1.example.net", {
                format!("127.0.4.2, port: {https}, tls_name: winlab.test")
            }),
            ("198.51.100.2", format!("127.0.4.3, port: {}", service.http())),
        ],
    );
    let inventory = lab.write("mixed.yaml", &text);
    let playbook =
        lab.write("night.yaml", "name: night\npurpose: routine\nviews: [listeners, routes]\n");
    let output = Command::new(env!("CARGO_BIN_EXE_fleetstat"))
        .arg("run")
        .arg(&playbook)
        .arg("-i")
        .arg(&inventory)
        .arg("--known-hosts")
        .arg(&known)
        .arg("--data")
        .arg(service.path("data"))
        .env_clear()
        .env("HOME", service.path("home"))
        .env("SSL_CERT_FILE", service.authority())
        .env("CREDENTIALS_DIRECTORY", service.path(""))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}\n{}", service.totals());
    let (_, manifest) = manifest(&service);
    let hosts = manifest["hosts"].as_array().unwrap().iter();
    let mut came: Vec<(&str, &str)> = hosts
        .map(|host| (host["name"].as_str().unwrap(), host["outcome"].as_str().unwrap()))
        .collect();
    came.sort_unstable();
    let expected = ["files-1", "old-1", "print-1", "web-1", "web-2"];
    assert_eq!(came, expected.map(|name| (name, "complete")), "{manifest}");
    assert_eq!(service.total("auth_ok"), 3);
    service.assert_clean();
    // One question to the store answers for both.
    let asked = say(&service, &["query", "listeners", "--format", "ndjson"]);
    let mut hosts: Vec<String> = asked
        .out
        .lines()
        .map(|row| serde_json::from_str::<Value>(row).unwrap())
        .map(|row| row["host_id"].as_str().unwrap().to_owned())
        .collect();
    hosts.sort_unstable();
    hosts.dedup();
    assert_eq!(hosts, expected, "{}", asked.err);
}
