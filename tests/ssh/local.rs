//! The local transport: the same answers as over SSH, without a server.

use std::sync::Arc;

use std::time::{Duration, Instant};

use fleetstat::evidence::spool::SpoolSettings;
use fleetstat::model::capture::End;
use fleetstat::model::fault::FaultKind;
use fleetstat::model::host::TransportKind;
use fleetstat::probe::command::{Invocation, Wrap};
use fleetstat::transport::clock::Clock;
use fleetstat::transport::local::Local;
use fleetstat::transport::winrm::Winrm;
use fleetstat::transport::{Answer, CommandLimits, Roads};

use crate::lab::{self, Lab};
use crate::{deadlines, kind, limits, spool, ssh, text};

async fn run(command: &Invocation, limits: CommandLimits, spool: &SpoolSettings) -> Answer {
    let ssh = Arc::new(ssh(""));
    let winrm = Arc::new(Winrm::new(&ssh, Clock::system()));
    let roads = Roads { ssh, local: Arc::new(Local::new(Clock::system())), winrm };
    let mut host = lab::host("here", "localhost", 22, lab::account("root", "unused".as_ref()));
    host.account = None;
    let road = roads.for_kind(TransportKind::Local);
    let mut session = road.connect(&host, &deadlines()).await.unwrap();
    assert_eq!((session.negotiated(), session.peer()), (None, None));
    let answer = session.run(command, limits, spool).await;
    session.close().await;
    answer
}

#[tokio::test]
async fn both_streams_and_the_status_are_exact() {
    let lab = Lab::new();
    let command = lab.script("both", "printf out; printf err >&2; exit 3");
    let mut answer = run(&command, limits(10), &spool()).await;
    assert_eq!(answer.end, End::Exit(3));
    assert_eq!((text(&mut answer.stdout), text(&mut answer.stderr)), ("out".into(), "err".into()));
}

#[tokio::test]
async fn a_missing_tool_is_127_and_a_signal_has_its_name() {
    let lab = Lab::new();
    let missing = lab::invocation(&["/no/such/tool"], Wrap::default());
    assert_eq!(run(&missing, limits(10), &spool()).await.end, End::Exit(127));
    let dies = lab.script("die", "kill -SEGV $$");
    assert_eq!(run(&dies, limits(10), &spool()).await.end, End::Signal("SEGV".into()));
}

#[tokio::test]
async fn a_timeout_kills_the_whole_process_group() {
    let lab = Lab::new();
    // The leader ends at TERM, one child does not.
    let stubborn = "(trap '' TERM; exec sleep 98703) & sleep 98703";
    let command = lab.script("group", stubborn);
    let answer = run(&command, limits(1), &spool()).await;
    assert_eq!(kind(&answer), FaultKind::FirstByteTimeout);
    let found = std::process::Command::new("pgrep").args(["-f", "-c", "^sleep 98703"]).output();
    assert_eq!(found.unwrap().stdout, b"0\n");
}

#[tokio::test]
async fn endless_output_is_cut_and_a_held_pipe_is_let_go() {
    let lab = Lab::new();
    let cap = SpoolSettings::new(std::env::temp_dir(), 1 << 20);
    let endless = lab::invocation(&["/usr/bin/yes"], Wrap::default());
    let answer = run(&endless, limits(10), &cap).await;
    assert_eq!((kind(&answer), answer.stdout.bytes()), (FaultKind::Truncated, 1 << 20));
    let begun = Instant::now();
    let held = lab.script("held", "sleep 5 & printf done; exit 4");
    let mut answer = run(&held, limits(10), &spool()).await;
    assert_eq!((answer.end.clone(), text(&mut answer.stdout)), (End::Exit(4), "done".into()));
    assert_eq!(answer.faults.len(), 1);
    assert!(begun.elapsed() < Duration::from_secs(4));
}
