//! `fleetstat check` on Windows hosts: what an account lacks and what it has too much of.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::{Value, json};

use crate::lab::{Service, USER};

/// The exit code, and the rows.
fn check(service: &Service, more: &[&str]) -> (i32, Vec<Value>, String) {
    let secret = service.path("secret");
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    let text = format!(
        "accounts:\n  reader: {{user: 'LAB\\{USER}', password: {{file: {}}}}}\n\
         all: {{account: reader, transport: winrm}}\nhosts:\n  \
         win-1: {{address: 127.0.3.1, port: {}}}\n",
        secret.display(),
        service.https()
    );
    let fleet = service.path("fleet.yaml");
    std::fs::write(&fleet, text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_fleetstat"))
        .args(["check", "--format", "json", "-i"])
        .arg(&fleet)
        .arg("--data")
        .arg(service.path("data"))
        .args(more)
        .env_clear()
        .env("HOME", service.path("home"))
        .env("SSL_CERT_FILE", service.authority())
        .output()
        .unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let rows = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"));
    assert!(!service.path("data").exists(), "a check keeps nothing");
    (output.status.code().unwrap(), rows, String::from_utf8(output.stderr).unwrap())
}

/// Verdict, what was found, and the grant.
fn said(rows: &[Value]) -> Vec<Value> {
    rows.iter().map(|row| json!([row["verdict"], row["what"], row["grant"]])).collect()
}

#[test]
fn an_account_without_rights_is_told_what_its_records_leave_out() {
    let service = Service::start("127.0.3.1", &[]);
    let (code, rows, errors) = check(&service, &[]);
    assert_eq!(
        said(&rows),
        [json!(["reduced", "no process has the name of a service", "services"])],
        "{errors}"
    );
    assert_eq!(code, 0, "{errors}");
    assert_eq!(rows[0]["probes"], json!(["windows/tasklist-services"]));
    assert_eq!(rows[0]["account"], "web-1\\\\collector");
    service.assert_clean();
    assert_eq!((service.total("auth_ok"), service.total("shells_created")), (1, 1));
}

#[test]
fn an_administrator_has_too_much_by_names_of_no_language() {
    let service = Service::start_as("127.0.3.1", &[], true, true);
    let (code, rows, errors) = check(&service, &[]);
    let too_much: Vec<&str> = rows
        .iter()
        .filter(|row| row["verdict"] == "too_much")
        .map(|row| row["what"].as_str().unwrap().split(':').next().unwrap())
        .collect();
    assert_eq!(
        too_much,
        [
            "group S-1-5-32-544 BUILTIN\\\\Administrators",
            "group S-1-16-12288 Mandatory Label\\\\High Mandatory Level",
            "privilege SeDebugPrivilege",
            "privilege SeSecurityPrivilege",
        ],
        "{errors}"
    );
    assert_eq!(code, 20);
    service.assert_clean();
}

#[test]
fn an_account_that_may_make_no_shell_is_told_the_grant() {
    let service = Service::start_as("127.0.3.1", &[], false, false);
    let (code, rows, errors) = check(&service, &[]);
    assert_eq!(rows.len(), 1, "{rows:?}\n{errors}");
    assert_eq!((&rows[0]["verdict"], &rows[0]["grant"]), (&json!("fault"), &json!("shell")));
    let remedy = "see section `shell` of `fleetstat harden --platform windows`";
    assert_eq!(rows[0]["remedy"], remedy, "{rows:?}");
    assert_eq!(code, 21);
}

#[test]
fn what_a_check_would_send_is_shown_and_nothing_is_sent() {
    let service = Service::start("127.0.3.1", &[]);
    let (code, rows, errors) = check(&service, &["--plan"]);
    let sent: Vec<&str> = rows
        .iter()
        .filter(|row| row["action"] == "send")
        .map(|row| row["probe"].as_str().unwrap())
        .collect();
    assert_eq!(
        sent,
        [
            "windows/clock",
            "windows/tasklist-services",
            "windows/tasklist-users",
            "windows/account",
            "windows/groups",
            "windows/privileges",
            "windows/system",
        ]
    );
    assert_eq!((code, service.total("http_requests")), (0, 0), "{errors}");
}
