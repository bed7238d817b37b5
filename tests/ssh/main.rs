//! SSH against real servers (OpenSSH, dropbear) and, where they cannot show it, a hostile one.
//!
//! Findings 1 to 9 of the safety design are each held by a test here; the comment above a test
//! names the finding.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::format_push_string,
    reason = "a test fails by panicking, prints its figures, measures time and starts real programs"
)]

#[path = "../lab/mod.rs"]
mod lab;

mod bench;
mod certificates;
mod channels;
mod commands;
mod faults;
mod fido;
mod hostile;
mod hostile_run;
mod hostile_server;
mod identities;
mod jump;
mod legacy;
mod known_hosts;
mod local;
mod matrix;
mod overload;
mod passwords;
mod user_certificates;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use fleetstat::evidence::spool::{Spool, SpoolSettings};
use fleetstat::inventory::host::Host;
use fleetstat::model::capture::End;
use fleetstat::model::deadline::Deadlines;
use fleetstat::model::fault::{Fault, FaultKind};
use fleetstat::probe::command::Invocation;
use fleetstat::secret::surroundings::Surroundings;
use fleetstat::transport::clock::Clock;
use fleetstat::transport::ssh::known_hosts::KnownHosts;
use fleetstat::transport::ssh::{Settings, Ssh};
use fleetstat::transport::{Answer, CommandLimits, Session, Transport as _};

/// A transport that trusts these lines, with no agent and nobody to ask.
fn ssh(known: &str) -> Ssh {
    Ssh::new(settings(known))
}

fn settings(known: &str) -> Settings {
    let mut hosts = KnownHosts::default();
    hosts.add(std::path::Path::new("known_hosts"), known.as_bytes());
    assert_eq!(hosts.faults(), []);
    Settings {
        known_hosts: Arc::new(hosts),
        surroundings: Surroundings::default(),
        ask: Arc::new(|question| panic!("nobody is there to answer `{question}`")),
        clock: Clock::system(),
    }
}

/// Deadlines short enough for a test, and long enough for a busy machine.
fn deadlines() -> Deadlines {
    let seconds = Duration::from_secs;
    Deadlines {
        connect: seconds(1),
        banner: seconds(1),
        key_exchange: seconds(3),
        authenticate: seconds(3),
        channel: seconds(3),
        ..Deadlines::default()
    }
}

fn limits(seconds: u64) -> CommandLimits {
    let limit = Duration::from_secs(seconds);
    CommandLimits { first_byte: limit, idle: limit, total: limit }
}

fn spool() -> SpoolSettings {
    SpoolSettings::new(std::env::temp_dir(), 1 << 20)
}

async fn open(ssh: &Ssh, host: &Host) -> Box<dyn Session> {
    ssh.connect(host, &deadlines()).await.unwrap_or_else(|fault| panic!("{fault}"))
}

async fn refused(ssh: &Ssh, host: &Host) -> Fault {
    match ssh.connect(host, &deadlines()).await {
        Ok(_) => panic!("the connection was made"),
        Err(fault) => fault,
    }
}

/// Connects, runs one command with ten seconds, and leaves.
async fn visit(ssh: &Ssh, host: &Host, command: &Invocation) -> Answer {
    let mut session = open(ssh, host).await;
    let answer = session.run(command, limits(10), &spool()).await;
    session.close().await;
    answer
}

fn text(spool: &mut Spool) -> String {
    let mut bytes = Vec::new();
    spool.copy_to(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// The fault of an answer that is not whole.
fn incomplete(answer: &Answer) -> &Fault {
    match &answer.end {
        End::Incomplete(fault) => fault,
        end => panic!("{end:?}"),
    }
}

fn kind(answer: &Answer) -> FaultKind {
    incomplete(answer).kind
}

/// Connections of this process that are open to a port.
fn open_connections(port: u16) -> usize {
    let suffix = format!(":{port:04X}");
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let inodes: Vec<&str> = table
        .lines()
        .filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.get(2)?.ends_with(&suffix).then(|| words.get(9).copied())?
        })
        .collect();
    let held = |link: PathBuf| {
        let target = std::fs::read_link(link).unwrap_or_default();
        inodes.iter().any(|inode| target.to_str() == Some(&format!("socket:[{inode}]")))
    };
    std::fs::read_dir("/proc/self/fd").unwrap().flatten().filter(|fd| held(fd.path())).count()
}
