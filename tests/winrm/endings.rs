//! How commands end, at the level of the transport: silence, deadlines, callers that go away.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use fleetstat::evidence::spool::{Spool, SpoolSettings};
use fleetstat::inventory::host::{Account, Escalation, Host, Identity, SecretSource};
use fleetstat::model::capture::End;
use fleetstat::model::deadline::Deadlines;
use fleetstat::model::fault::FaultKind;
use fleetstat::model::host::{Asset, TransportKind};
use fleetstat::model::id::{HostName, Label};
use fleetstat::probe::command::{Command, Invocation, Wrap, checked};
use fleetstat::secret::surroundings::Surroundings;
use fleetstat::transport::clock::Clock;
use fleetstat::transport::ssh::known_hosts::KnownHosts;
use fleetstat::transport::ssh::{Settings, Ssh};
use fleetstat::transport::winrm::Winrm;
use fleetstat::transport::{Answer, CommandLimits, Session, Transport as _};
use serde_json::json;

use crate::lab::{Service, USER, canned};

pub(crate) fn winrm() -> Winrm {
    let ssh = Ssh::new(Settings {
        known_hosts: Arc::new(KnownHosts::default()),
        surroundings: Surroundings::default(),
        ask: Arc::new(|question| panic!("nobody is there to answer `{question}`")),
        clock: Clock::system(),
    });
    Winrm::new(&ssh, Clock::system())
}

/// A host of the service over plain HTTP.
pub(crate) fn host(service: &Service, address: &str) -> Host {
    let secret = service.path("secret");
    let account = Account {
        name: Label::new("account", "reader").unwrap(),
        user: format!("LAB\\{USER}"),
        identities: vec![Identity::Password(SecretSource::File(secret))],
        escalation: Escalation::None,
    };
    let name = HostName::new("win-1").unwrap();
    let asset = Asset {
        transport: TransportKind::Winrm,
        ..Asset::new(name, address.to_owned(), service.http())
    };
    Host { account: Some(Arc::new(account)), tls: false, ..Host::of(asset) }
}

pub(crate) fn command(words: &'static [&'static str]) -> Invocation {
    Command::fixed(checked(words)).invoke(Wrap::default())
}

fn limits(milliseconds: u64) -> CommandLimits {
    let limit = Duration::from_millis(milliseconds);
    CommandLimits { first_byte: limit, idle: limit, total: limit }
}

pub(crate) async fn ask(
    session: &mut Box<dyn Session>,
    command: &Invocation,
    limit: u64,
) -> Answer {
    let spool = SpoolSettings::new(PathBuf::from("/tmp"), 8 << 20);
    session.run(command, limits(limit), &spool).await
}

pub(crate) fn bytes(spool: &mut Spool) -> Vec<u8> {
    let mut bytes = Vec::new();
    spool.copy_to(&mut bytes).unwrap();
    bytes
}

fn kind(answer: &Answer) -> Option<FaultKind> {
    match &answer.end {
        End::Incomplete(fault) => Some(fault.kind),
        End::Exit(_) | End::Signal(_) => None,
    }
}

pub(crate) const NETSTAT: &[&str] = &["C:\\Windows\\System32\\netstat.exe", "-a", "-n", "-o"];
const NEVER: &[&str] = &["C:\\lab-never"];

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_has_nothing_yet_is_asked_again() {
    let service = Service::start("127.0.2.1", &[]);
    service.faults(&json!([{"action": "Receive", "do": "fault", "name": "timeout", "times": 3}]));
    let (winrm, host) = (winrm(), host(&service, "127.0.2.1"));
    let mut session = winrm.connect(&host, &Deadlines::default()).await.unwrap();
    let mut answer = ask(&mut session, &command(NETSTAT), 20_000).await;
    assert_eq!(answer.end, End::Exit(0));
    assert_eq!(bytes(&mut answer.stdout), canned("netstat_ano.txt"));
    assert_eq!(session.close().await, None);
    assert_eq!(service.total("fault_timeout"), 3, "{}", service.totals());
    service.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_ends_the_command_and_the_next_one_runs_in_the_same_shell() {
    let service = Service::start("127.0.2.1", &[]);
    let (winrm, host) = (winrm(), host(&service, "127.0.2.1"));
    let mut session = winrm.connect(&host, &Deadlines::default()).await.unwrap();
    let answer = ask(&mut session, &command(NEVER), 700).await;
    let late = [FaultKind::FirstByteTimeout, FaultKind::IdleTimeout, FaultKind::Deadline];
    assert!(kind(&answer).is_some_and(|kind| late.contains(&kind)), "{:?}", answer.end);
    assert!(answer.session_usable);
    assert_eq!(service.total("terminated_running"), 1, "{}", service.totals());
    let answer = ask(&mut session, &command(NETSTAT), 20_000).await;
    assert_eq!(answer.end, End::Exit(0));
    assert_eq!(session.close().await, None);
    service.assert_clean();
    assert_eq!((service.total("auth_ok"), service.total("shells_created")), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_leaves_no_shell() {
    let service = Service::start("127.0.2.1", &[]);
    let (winrm, host) = (winrm(), host(&service, "127.0.2.1"));
    let mut session = winrm.connect(&host, &Deadlines::default()).await.unwrap();
    let service = Arc::new(service);
    let waiting = Arc::clone(&service);
    let started = tokio::task::spawn_blocking(move || waiting.wait_for("op_Receive", 1));
    let never = command(NEVER);
    tokio::select! {
        answer = ask(&mut session, &never, 60_000) => panic!("it has an end: {:?}", answer.end),
        started = started => started.unwrap(),
    }
    assert_eq!(service.shells("127.0.2.1"), 1);
    drop(session);
    winrm.finish().await;
    service.assert_clean();
    assert_eq!(service.total("deleted_with_running_command"), 1, "{}", service.totals());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_not_there_is_a_missing_tool() {
    let service = Service::start("127.0.2.1", &[]);
    let (winrm, host) = (winrm(), host(&service, "127.0.2.1"));
    let mut session = winrm.connect(&host, &Deadlines::default()).await.unwrap();
    let answer = ask(&mut session, &command(&["C:\\nothing.exe"]), 20_000).await;
    assert_eq!(kind(&answer), Some(FaultKind::ToolMissing), "{:?}", answer.end);
    assert!(answer.session_usable);
    assert_eq!(session.close().await, None);
    service.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_quota_is_waited_out_on_the_same_connection_and_not_for_ever() {
    let service = Service::start("127.0.2.1", &[]);
    service
        .faults(&json!([{"action": "Create", "do": "fault", "name": "quota_shells", "times": 2}]));
    let (winrm, host) = (winrm(), host(&service, "127.0.2.1"));
    let session = winrm.connect(&host, &Deadlines::default()).await.unwrap();
    assert_eq!(session.close().await, None);
    assert_eq!((service.total("auth_ok"), service.total("fault_quota_shells")), (1, 2));
    service.faults(&json!([{"action": "Create", "do": "fault", "name": "quota_shells"}]));
    let fault = winrm.connect(&host, &Deadlines::default()).await.err().unwrap();
    assert_eq!(fault.kind, FaultKind::Quota, "{fault}");
    assert!(fault.detail.starts_with("create: WS-Management 2150859173 (QuotaLimit): "), "{fault}");
    assert_eq!(service.total("fault_quota_shells"), 6);
    service.assert_clean();
}
