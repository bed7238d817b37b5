//! How commands end, at the level of the transport: silence, deadlines, callers that go away.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use fleetstat::evidence::spool::{Spool, SpoolSettings};
use fleetstat::inventory::host::{Account, Escalation, Host, Identity, SecretSource};
use fleetstat::model::capture::End;
use fleetstat::model::deadline::Deadlines;
use fleetstat::model::fault::{Codes, FaultKind, Stage};
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

#[tokio::test(flavor = "multi_thread")]
async fn the_names_that_a_service_gives_to_shell_and_commands_are_followed_to_the_end() {
    let service = Service::start("127.0.2.1", &["--own-ids"]);
    let (winrm, host) = (winrm(), host(&service, "127.0.2.1"));
    let mut session = winrm.connect(&host, &Deadlines::default()).await.unwrap();
    for _ in 0..2 {
        let mut answer = ask(&mut session, &command(NETSTAT), 20_000).await;
        assert_eq!(answer.end, End::Exit(0));
        assert_eq!(bytes(&mut answer.stdout), canned("netstat_ano.txt"));
    }
    let answer = ask(&mut session, &command(NEVER), 700).await;
    assert!(answer.session_usable, "{:?}", answer.end);
    assert_eq!(service.total("signal_terminate"), 3, "{}", service.totals());
    assert_eq!(session.close().await, None);
    service.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_whose_creation_is_said_to_have_failed_is_deleted_where_it_is_there() {
    for (name, kind) in [("internal", FaultKind::Lost), ("aborted", FaultKind::Killed)] {
        let service = Service::start("127.0.2.1", &[]);
        service.faults(&json!([{"action": "Create", "do": "fault_after", "name": name}]));
        let (winrm, host) = (winrm(), host(&service, "127.0.2.1"));
        let fault = winrm.connect(&host, &Deadlines::default()).await.err().unwrap();
        assert_eq!(fault.kind, kind, "{fault}");
        assert_eq!(winrm.left_behind(&host).await, []);
        assert_eq!((service.total("shells_created"), service.total("shells_deleted")), (1, 1));
        service.assert_clean();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_the_service_has_no_time_or_room_for_is_asked_for_again() {
    for name in ["timeout", "quota_ops"] {
        let service = Service::start("127.0.2.1", &[]);
        service.faults(&json!([{"action": "Delete", "do": "fault", "name": name, "times": 1}]));
        let (winrm, host) = (winrm(), host(&service, "127.0.2.1"));
        let session = winrm.connect(&host, &Deadlines::default()).await.unwrap();
        assert_eq!(session.close().await, None, "{name}");
        assert_eq!((service.total("auth_ok"), service.total("shells_deleted")), (1, 1));
        service.assert_clean();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_whose_creation_is_said_to_have_taken_too_long_is_deleted() {
    let service = Service::start("127.0.2.1", &[]);
    service.faults(&json!([{"action": "Create", "do": "fault_after", "name": "timeout"}]));
    let (winrm, host) = (winrm(), host(&service, "127.0.2.1"));
    let fault = winrm.connect(&host, &Deadlines::default()).await.err().unwrap();
    assert_eq!(fault.kind, FaultKind::IdleTimeout, "{fault}");
    let codes = Codes {
        http_status: Some(500),
        wsman_code: Some(2_150_858_793),
        subcode: Some("TimedOut".to_owned()),
        ..Codes::at(Stage::Create)
    };
    assert_eq!(fault.codes.as_deref(), Some(&codes));
    assert_eq!(winrm.left_behind(&host).await, []);
    assert_eq!((service.total("shells_created"), service.total("shells_deleted")), (1, 1));
    service.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_left_by_a_creation_without_an_answer_is_reported_for_its_host_and_once() {
    let service = Service::start("127.0.2.1", &[]);
    service.faults(&json!([
        {"action": "Create", "do": "drop_mid"},
        {"action": "Delete", "do": "fault", "name": "access_denied"},
    ]));
    let (winrm, host) = (winrm(), host(&service, "127.0.2.1"));
    let fault = winrm.connect(&host, &Deadlines::default()).await.err().unwrap();
    assert_eq!(fault.kind, FaultKind::Lost, "{fault}");
    let left = winrm.left_behind(&host).await;
    let [leaked] = left.as_slice() else { panic!("{left:?}") };
    assert_eq!(leaked.kind, FaultKind::LeakedShell, "{leaked}");
    // The host has not proved to take the password, so it is not shown it once more.
    let codes = Codes::at(Stage::Cleanup);
    assert_eq!((service.total("auth_ok"), service.total("op_Delete")), (1, 0));
    assert_eq!(leaked.codes.as_deref(), Some(&codes));
    assert_eq!(winrm.left_behind(&host).await, []);
    assert_eq!(service.shells("127.0.2.1"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_another_kind_of_question_ends_the_visit_and_leaves_no_shell() {
    let service = Service::start("127.0.2.1", &[]);
    let (winrm, host) = (winrm(), host(&service, "127.0.2.1"));
    for (step, other) in
        [("Create", "Delete"), ("Command", "Receive"), ("Receive", "Send"), ("Signal", "Receive")]
    {
        service.faults(
            &json!([{"action": step, "do": "answer_of", "action_name": other, "times": 1}]),
        );
        let fault = match winrm.connect(&host, &Deadlines::default()).await {
            Err(fault) => Some(fault),
            Ok(mut session) => {
                let answer = ask(&mut session, &command(NETSTAT), 20_000).await;
                assert!(!answer.session_usable, "{step}");
                assert_eq!(session.close().await, None, "{step}");
                match answer.end {
                    End::Incomplete(fault) => Some(fault),
                    End::Exit(_) | End::Signal(_) => None,
                }
            }
        };
        let said = fault.as_ref().map(|fault| (fault.kind, fault.detail.clone()));
        let text = format!("{}: an answer to another kind of question came", step.to_lowercase());
        // The output is whole by then.
        let expected = (step != "Signal").then_some((FaultKind::Lost, text));
        assert_eq!(said, expected, "{step}");
        assert_eq!(winrm.left_behind(&host).await, [], "{step}");
    }
    service.faults(&json!([{"action": "Delete", "do": "answer_of", "action_name": "Create"}]));
    let session = winrm.connect(&host, &Deadlines::default()).await.unwrap();
    // Asked again over a new connection: it is gone.
    assert_eq!(session.close().await, None);
    service.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_shell_is_gone_no_further_command_is_tried() {
    let service = Service::start("127.0.2.1", &[]);
    let (winrm, host) = (winrm(), host(&service, "127.0.2.1"));
    for (step, commands) in [("Command", 1), ("Receive", 1)] {
        let before = service.total("op_Command");
        service.faults(&json!([{"action": step, "do": "kill_shells", "times": 1}]));
        let mut session = winrm.connect(&host, &Deadlines::default()).await.unwrap();
        let first = ask(&mut session, &command(NETSTAT), 20_000).await;
        assert_eq!(kind(&first), Some(FaultKind::Killed), "{step}: {:?}", first.end);
        assert!(!first.session_usable, "{step}");
        let second = ask(&mut session, &command(NETSTAT), 20_000).await;
        assert_eq!((&second.end, second.session_usable), (&first.end, false), "{step}");
        assert_eq!(service.total("op_Command") - before, commands, "{step}");
        assert_eq!(session.close().await, None, "it is gone, so it is not left");
    }
    service.assert_clean();
}
