//! Every kind of fault at every step of a visit, over both roads: it has its class, no shell stays
//! unless the host's record says so, nothing goes out in the clear, and there is one login but where
//! the fault broke the connection.

use std::sync::Arc;
use std::time::Duration;

use fleetstat::inventory::host::Host;
use fleetstat::inventory::login::Mechanism;
use fleetstat::model::capture::End;
use fleetstat::model::deadline::Deadlines;
use fleetstat::model::fault::FaultKind;
use fleetstat::model::id::HostName;
use fleetstat::transport::Transport as _;
use fleetstat::transport::winrm::Winrm;
use serde_json::{Value, json};

use crate::endings::{NETSTAT, ask, command, host, winrm};
use crate::fleet::{manifest, run, say};
use crate::lab::Service;
use crate::login;

const STEPS: [&str; 5] = ["Create", "Command", "Receive", "Signal", "Delete"];

/// What comes of a fault on one road.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comes {
    /// The connection is of no more use.
    Breaks(FaultKind),
    /// It is an answer.
    Refuses(FaultKind),
    /// It passes: what was asked is answered, at once or when asked again.
    Passes,
}

/// A fault, once; and what comes of it over plain HTTP and over HTTPS.
fn kinds() -> Vec<(Value, Comes, Comes)> {
    use Comes::{Breaks, Passes, Refuses};
    use FaultKind::{Denied, IdleTimeout, Killed, Lost, Quota};
    let both = |fault: Value, comes| (fault, comes, comes);
    vec![
        both(json!({"do": "drop"}), Breaks(Lost)),
        both(json!({"do": "drop_mid"}), Breaks(Lost)),
        both(json!({"do": "hang", "secs": 60}), Breaks(IdleTimeout)),
        both(json!({"do": "http_status", "status": 403}), Breaks(Denied)),
        // Over TLS no seals are out of step.
        (json!({"do": "http_status", "status": 503}), Breaks(Quota), Passes),
        both(json!({"do": "http_status", "status": 418}), Breaks(Lost)),
        both(json!({"do": "http_status", "status": 302}), Breaks(Lost)),
        both(json!({"do": "fault", "name": "access_denied"}), Refuses(Denied)),
        both(json!({"do": "fault", "name": "quota_ops"}), Refuses(Quota)),
        both(json!({"do": "fault", "name": "internal"}), Refuses(Lost)),
        both(json!({"do": "fault", "name": "aborted"}), Refuses(Killed)),
        both(json!({"do": "garbage"}), Breaks(Lost)),
        both(json!({"do": "bad_xml"}), Breaks(Lost)),
        (json!({"do": "bad_mac"}), Breaks(Lost), Passes),
        (json!({"do": "plaintext_reply"}), Breaks(Lost), Passes),
        both(json!({"do": "expire_auth"}), Breaks(Lost)),
        both(json!({"do": "answer_of", "action_name": "Other"}), Breaks(Lost)),
    ]
}

/// One fault at one step of one host's visit.
struct Cell {
    address: String,
    step: &'static str,
    fault: Value,
    comes: Comes,
}

impl Cell {
    fn all(net: u8, https: bool) -> Vec<Self> {
        let mut cells = Vec::new();
        for (fault, http, tls) in kinds() {
            for step in STEPS {
                let address = format!("127.0.{net}.{}", cells.len() + 1);
                let comes = if https { tls } else { http };
                cells.push(Self { address, step, fault: fault.clone(), comes });
            }
        }
        cells
    }

    fn rule(&self) -> Value {
        let mut rule = self.fault.clone();
        rule["host"] = json!(self.address);
        rule["action"] = json!(self.step);
        rule["times"] = json!(1);
        if matches!(self.step, "Command" | "Receive" | "Signal") {
            // What a view needs: a program that is refused is else no fault of the host.
            rule["command"] = json!("netstat.exe -a -n -o$");
        }
        rule
    }

    fn place(&self) -> String {
        format!("{} {}", self.step, self.fault)
    }

    /// The class that entry or command must have. `None`: none.
    fn class(&self) -> Option<FaultKind> {
        match (self.step, self.comes) {
            // A full quota is waited out.
            ("Create", Comes::Refuses(FaultKind::Quota)) => None,
            // The limit of the command, of which our own question is a part.
            ("Command" | "Receive", Comes::Breaks(FaultKind::IdleTimeout)) => {
                Some(FaultKind::FirstByteTimeout)
            }
            ("Create" | "Command" | "Receive", Comes::Breaks(kind) | Comes::Refuses(kind)) => {
                Some(kind)
            }
            // The answer is whole; only the clean-up was troubled.
            _ => None,
        }
    }

    /// Logins: a second one only where the first connection is of no use for the Delete, and not where
    /// the creation was refused with the login.
    fn logins(&self) -> u64 {
        let refused = self.step == "Create" && self.fault["do"] == "expire_auth";
        if matches!(self.comes, Comes::Breaks(_)) && !refused { 2 } else { 1 }
    }

    /// Whether the shell stays: a Delete that is refused is asked again only where the service had no
    /// room for it.
    fn leaks(&self) -> bool {
        let refused = |kind: FaultKind| kind != FaultKind::Quota;
        self.step == "Delete" && matches!(self.comes, Comes::Refuses(kind) if refused(kind))
    }

    /// Holds what is left on the host against what must be.
    fn check(&self, service: &Service, leaked: usize) {
        let (address, place) = (&self.address, self.place());
        let expected = usize::from(self.leaks());
        assert_eq!((service.shells(address), leaked), (expected, expected), "{place}");
        assert_eq!(service.count(address, "auth_ok"), self.logins(), "{place}");
    }
}

fn rules(cells: &[Cell]) -> Value {
    cells.iter().map(Cell::rule).collect()
}

fn assert_nothing_in_the_clear(service: &Service) {
    let totals = service.totals();
    for counter in ["plaintext_rejected", "soap_plain_http", "conformance_issues", "auth_fail"] {
        assert_eq!(totals[counter].as_u64().unwrap_or(0), 0, "{counter}: {totals}");
    }
}

/// What a visit came to: the class of its entry or command, and how many shells it says are left.
async fn visit(winrm: &Winrm, host: &Host) -> (Option<FaultKind>, usize) {
    let (mut fault, mut leaked) = (None, Vec::new());
    match winrm.connect(host, &Deadlines::default()).await {
        Err(entry) => fault = Some(entry.kind),
        Ok(mut session) => {
            let answer = ask(&mut session, &command(NETSTAT), 1_500).await;
            if let End::Incomplete(end) = answer.end {
                fault = Some(end.kind);
            }
            leaked.extend(session.close().await);
        }
    }
    leaked.extend(winrm.left_behind(host).await);
    assert!(leaked.iter().all(|fault| fault.kind == FaultKind::LeakedShell), "{leaked:?}");
    (fault, leaked.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_at_every_step_over_http_has_its_class_and_leaves_no_shell_in_silence() {
    let service = Arc::new(Service::start("127.0.3.1-127.0.3.100", &[]));
    let cells = Cell::all(3, false);
    service.faults(&rules(&cells));
    // The password is proved first: one that is not is shown to no place twice.
    let winrm = Arc::new(winrm());
    assert_eq!(visit(&winrm, &host(&service, "127.0.3.100")).await, (None, 0));
    let running = cells.into_iter().map(|cell| {
        let (service, winrm) = (Arc::clone(&service), Arc::clone(&winrm));
        tokio::spawn(async move {
            let limit = Duration::from_mins(1);
            let mut host = host(&service, &cell.address);
            host.asset.name = HostName::new(&cell.address).unwrap();
            let came = tokio::time::timeout(limit, visit(&winrm, &host)).await;
            (cell, came.expect("a visit has an end"))
        })
    });
    for cell in futures::future::join_all(running).await {
        let (cell, (class, leaked)) = cell.unwrap();
        assert_eq!(class, cell.class(), "{}", cell.place());
        cell.check(&service, leaked);
    }
    assert_nothing_in_the_clear(&service);
}

/// Over HTTPS, where each request says who asks. A 401 then is a refusal of the login, wherever it comes.
async fn each_request_says_who_asks(mechanism: Mechanism, net: u8) {
    let service = Arc::new(Service::start(&format!("127.0.{net}.1-127.0.{net}.100"), &[]));
    let cells = Cell::all(net, true);
    service.faults(&rules(&cells));
    let running = cells.into_iter().map(|cell| {
        let service = Arc::clone(&service);
        tokio::spawn(async move {
            let account = login::of(&service, mechanism).0;
            let login = login::login(&service, mechanism);
            let host = |address: &str| {
                let mut host = login::host(&service, address, &account, (true, login.clone()));
                host.asset.name = HostName::new(address).unwrap();
                host
            };
            // One run each: a 401 to one host would stop the password for all others.
            let winrm = winrm();
            let proof = host(&format!("127.0.{net}.100"));
            assert_eq!(visit(&winrm, &proof).await, (None, 0));
            let limit = Duration::from_mins(1);
            let came = tokio::time::timeout(limit, visit(&winrm, &host(&cell.address))).await;
            (cell, came.unwrap())
        })
    });
    for cell in futures::future::join_all(running).await {
        let (cell, (class, leaked)) = cell.unwrap();
        // Before the first answer the login is not proved on this connection, and not repeated.
        let expected = match (cell.step, &cell.fault["do"], &cell.fault["status"]) {
            ("Create", word, _) if word == "expire_auth" => Some(FaultKind::AuthRefused),
            ("Create", _, status) if *status == 503 => Some(FaultKind::Quota),
            _ => cell.class(),
        };
        assert_eq!(class, expected, "{}", cell.place());
        let shells = service.shells(&cell.address);
        assert!(shells == leaked || leaked == 1, "{}: {shells} {leaked}", cell.place());
    }
    assert_nothing_in_the_clear(&service);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_at_every_step_has_its_class_by_basic_too() {
    each_request_says_who_asks(Mechanism::Basic, 6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_at_every_step_has_its_class_by_client_certificate_too() {
    each_request_says_who_asks(Mechanism::Certificate, 7).await;
}

#[test]
fn every_fault_at_every_step_over_https_is_in_the_record_with_its_class_and_step() {
    let service = Service::start("127.0.5.1-127.0.5.100", &[]);
    let cells = Cell::all(5, true);
    service.faults(&rules(&cells));
    let port = service.https();
    // By a host over HTTP the password is proved first: one that is not is shown to no place twice.
    let proof = format!("a-proof: {{address: 127.0.5.100, port: {}, tls: false}}", service.http());
    let cell_hosts = cells
        .iter()
        .enumerate()
        .map(|(at, cell)| format!("win-{at:03}: {{address: {}, port: {port}}}", cell.address));
    let hosts: Vec<String> = std::iter::once(proof).chain(cell_hosts).collect();
    let playbook = "views: [listeners]\nlimits: {width: 100, starts_per_second: 1000}\n\
                    deadlines: {first_byte: 2s, idle: 2s, command: 10s, host: 60s}";
    let said = run(&service, playbook, &service.password, &hosts);
    assert!(service.path("data/evidence").exists(), "{}", said.err);
    let (_, manifest) = manifest(&service);
    for (cell, host) in cells.iter().zip(manifest["hosts"].as_array().unwrap().iter().skip(1)) {
        let place = format!("{}: {host}\n{}", cell.place(), said.err);
        // A tool of the plan is on none of these hosts.
        let all = host["faults"].as_array().unwrap().iter();
        let faults: Vec<_> = all.filter(|fault| fault["kind"] != "tool_missing").collect();
        let leaked = faults.iter().filter(|fault| fault["kind"] == "leaked_shell").count();
        let stage = match cell.step {
            "Signal" | "Delete" => "cleanup".to_owned(),
            step => step.to_lowercase(),
        };
        let class = cell.class().map(|kind| (kind.as_str(), stage.as_str()));
        let first = faults.first().filter(|fault| fault["kind"] != "leaked_shell");
        let came = first.map(|fault| {
            (fault["kind"].as_str().unwrap(), fault["codes"]["stage"].as_str().unwrap_or("none"))
        });
        match (cell.step, cell.comes) {
            // The output was whole; the next command was not sent, and it is said why.
            ("Signal", Comes::Breaks(kind)) => {
                assert_eq!(came, Some((kind.as_str(), "cleanup")), "{place}");
            }
            _ => assert_eq!(came, class, "{place}"),
        }
        let status = &cell.fault["status"];
        if class.is_some() && status.is_number() {
            assert_eq!(faults[0]["codes"]["http_status"], *status, "{place}");
        }
        cell.check(&service, leaked);
    }
    assert_nothing_in_the_clear(&service);
    // Evidence and manifest hold all of it: the store is made again from them.
    let name = manifest["run"].as_str().unwrap();
    let outcomes = || say(&service, &["runs", name, "--format", "ndjson"]).out;
    let before = outcomes();
    assert!(before.contains("\"wsman_code\":2150859174"), "{before}");
    let rebuilt = say(&service, &["rebuild"]);
    assert_eq!(rebuilt.code, 0, "{}", rebuilt.err);
    assert!(outcomes() == before);
}
