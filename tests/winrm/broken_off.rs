//! Visits that are broken off, by a deadline or by a person: what they leave is deleted, and what
//! cannot be deleted is in the host's record.

use std::io::{BufRead as _, Read as _};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::fleet::{manifest, prepare, program, run};
use crate::lab::Service;

/// Two hosts; the second lets nobody delete a shell.
fn service(step: &str, fault: &str) -> (Service, Vec<String>) {
    let service = Service::start("127.0.7.1-127.0.7.2", &[]);
    service.faults(&json!([
        {"action": step, "do": fault, "secs": 120},
        {"host": "127.0.7.2", "action": "Delete", "do": "fault", "name": "access_denied"},
    ]));
    let port = service.https();
    let hosts = (1..=2).map(|n| format!("win-{n}: {{address: 127.0.7.{n}, port: {port}}}"));
    let hosts = hosts.collect();
    (service, hosts)
}

/// The record of each host holds this fault, and what is left there: nothing on the first one, where the
/// login was proved.
fn assert_recorded(service: &Service, broken_off: &str, proved: bool, said: &str) {
    let (_, manifest) = manifest(service);
    let kinds = |host: &Value| -> Vec<String> {
        let faults = host["faults"].as_array().unwrap().iter();
        faults.map(|fault| fault["kind"].as_str().unwrap().to_owned()).collect()
    };
    let hosts = manifest["hosts"].as_array().unwrap();
    let mut first = vec![broken_off];
    first.extend((!proved).then_some("leaked_shell"));
    assert_eq!(kinds(&hosts[0]), first, "{manifest}\n{said}");
    assert_eq!(kinds(&hosts[1]), [broken_off, "leaked_shell"], "{manifest}\n{said}");
    if !proved {
        assert_eq!((service.shells("127.0.7.1"), service.total("auth_ok")), (1, 2));
        return;
    }
    let codes =
        json!({"stage": "cleanup", "http_status": 500, "wsman_code": 5, "subcode": "AccessDenied"});
    assert_eq!(hosts[1]["faults"][1]["codes"], codes);
    assert_eq!((service.shells("127.0.7.1"), service.shells("127.0.7.2")), (0, 1));
}

#[test]
fn the_hosts_deadline_in_the_middle_of_a_creation_shows_no_unproven_password_again() {
    let (service, hosts) = service("Create", "hang_after");
    let playbook =
        "views: [listeners]\ndeadlines: {first_byte: 5s, idle: 5s, command: 10s, host: 10s}";
    let said = run(&service, playbook, &service.password, &hosts);
    assert!(service.path("data/evidence").exists(), "{}", said.err);
    assert_recorded(&service, "deadline", false, &said.err);
    let (_, manifest) = manifest(&service);
    assert_eq!(manifest["hosts"][0]["faults"][0]["codes"], json!({"stage": "create"}));
}

#[test]
fn an_interrupt_in_the_middle_of_a_command_leaves_no_shell_in_silence() {
    let (service, hosts) = service("Receive", "hang");
    let (fleet, night) = prepare(&service, "views: [listeners]", &service.password, &hosts);
    let mut child = program(&service, &["run", &night, "-i", &fleet])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    service.wait_for("op_Receive", 2);
    let pid = rustix::process::Pid::from_child(&child);
    let interrupt = || {
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    };
    interrupt();
    let mut lines = std::io::BufReader::new(child.stderr.as_mut().unwrap());
    let mut said = String::new();
    while !said.contains("interrupt again to drop them") {
        assert!(lines.read_line(&mut said).unwrap() > 0, "{said}");
    }
    interrupt();
    lines.read_to_string(&mut said).unwrap();
    child.wait().unwrap();
    assert_recorded(&service, "skipped", true, &said);
}
