//! Every kind of fault at every step of a visit: it has a class, no shell stays unless it is said, and
//! nothing goes out in the clear.

use std::sync::Arc;
use std::time::Duration;

use fleetstat::model::capture::End;
use fleetstat::model::deadline::Deadlines;
use fleetstat::model::fault::{Fault, FaultKind};
use fleetstat::transport::Transport as _;
use serde_json::{Value, json};

use crate::endings::{NETSTAT, ask, command, host, winrm};
use crate::lab::Service;

const STEPS: [&str; 5] = ["Create", "Command", "Receive", "Signal", "Delete"];

/// Once at each step, and what the fault is where it is seen.
fn kinds() -> Vec<(Value, &'static [FaultKind])> {
    use FaultKind::{Denied, IdleTimeout, Killed, Lost, Quota};
    vec![
        (json!({"do": "drop"}), &[Lost]),
        (json!({"do": "drop_mid"}), &[Lost]),
        (json!({"do": "hang", "secs": 60}), &[IdleTimeout, FaultKind::FirstByteTimeout]),
        (json!({"do": "http_status", "status": 403}), &[Denied]),
        (json!({"do": "http_status", "status": 503}), &[Quota]),
        (json!({"do": "http_status", "status": 418}), &[Lost]),
        (json!({"do": "fault", "name": "access_denied"}), &[Denied]),
        (json!({"do": "fault", "name": "quota_ops"}), &[Quota]),
        (json!({"do": "fault", "name": "internal"}), &[Lost]),
        (json!({"do": "fault", "name": "aborted"}), &[Killed]),
        (json!({"do": "garbage"}), &[Lost]),
        (json!({"do": "bad_xml"}), &[Lost]),
        (json!({"do": "bad_mac"}), &[Lost]),
        (json!({"do": "plaintext_reply"}), &[Lost]),
        (json!({"do": "expire_auth"}), &[Lost]),
    ]
}

/// What a visit came to: the fault of its entry or command, and of its end.
async fn visit(service: &Service, address: &str) -> (Option<Fault>, Option<Fault>) {
    let winrm = winrm();
    let host = host(service, address);
    let mut session = match winrm.connect(&host, &Deadlines::default()).await {
        Ok(session) => session,
        Err(fault) => {
            winrm.finish().await;
            return (Some(fault), None);
        }
    };
    let answer = ask(&mut session, &command(NETSTAT), 1_500).await;
    let fault = match answer.end {
        End::Incomplete(fault) => Some(fault),
        End::Exit(_) | End::Signal(_) => None,
    };
    let leaked = session.close().await;
    winrm.finish().await;
    (fault, leaked)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_at_every_step_has_its_class_and_leaves_no_shell() {
    let service = Arc::new(Service::start("127.0.3.1-127.0.3.100", &[]));
    let mut rules = Vec::new();
    let mut cells = Vec::new();
    for (fault, expected) in kinds() {
        for step in STEPS {
            let address = format!("127.0.3.{}", cells.len() + 1);
            let mut rule = fault.clone();
            rule["host"] = json!(address);
            rule["action"] = json!(step);
            rule["times"] = json!(1);
            rules.push(rule);
            cells.push((address, step, fault.to_string(), expected));
        }
    }
    service.faults(&json!(rules));
    let running = cells.into_iter().map(|(address, step, fault, expected)| {
        let service = Arc::clone(&service);
        tokio::spawn(async move {
            let limit = Duration::from_secs(45);
            let came = tokio::time::timeout(limit, visit(&service, &address)).await;
            (address, step, fault, expected, came.expect("a visit has an end"))
        })
    });
    for cell in futures::future::join_all(running).await {
        let (address, step, fault, expected, (seen, leaked)) = cell.unwrap();
        let place = format!("{step} {fault}: {seen:?}, {leaked:?}");
        match step {
            // It passed by itself: the second question was answered.
            "Create" if fault.contains("quota") => assert_eq!(seen, None, "{place}"),
            "Create" | "Command" | "Receive" => {
                let kind = seen.as_ref().map(|fault| fault.kind);
                assert!(kind.is_some_and(|kind| expected.contains(&kind)), "{place}");
            }
            // The answer is whole; only the clean-up was troubled.
            _ => assert_eq!(seen, None, "{place}"),
        }
        let shells = service.shells(&address);
        let told = leaked.is_some_and(|fault| fault.kind == FaultKind::LeakedShell);
        assert!(shells == 0 || told, "{place}: {shells} shells");
    }
    let totals = service.totals();
    for counter in ["plaintext_rejected", "soap_plain_http", "conformance_issues", "auth_fail"] {
        assert_eq!(totals[counter].as_u64().unwrap_or(0), 0, "{counter}: {totals}");
    }
}
