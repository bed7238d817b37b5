//! Finding 10: a server at its limit is never mistaken for a dead host, and is not pressed.
//!
//! Many hosts on one server: 127.0.0.0/8 are all this machine, so one sshd on 0.0.0.0 is as many
//! hosts as it is called by.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fleetstat::inventory::host::Host;
use fleetstat::model::deadline::Deadlines;
use fleetstat::model::fault::{Fault, FaultKind};
use fleetstat::transport::Transport as _;
use fleetstat::transport::ssh::Ssh;

use crate::jump::{behind, jump};
use crate::lab::{self, Lab, Server};
use crate::{deadlines, refused, ssh};

fn address(number: usize) -> String {
    format!("127.0.{}.{}", 2 + number / 200, 1 + number % 200)
}

fn hosts(lab: &Lab, server: &Server, count: usize) -> (Vec<Host>, String) {
    let account = lab::account("root", &lab.path("user"));
    let host = |number| {
        let name = format!("web-{number}");
        lab::host(&name, &address(number), server.port(), account.clone())
    };
    let known = (0..count).map(|number| server.known_line_for(lab, "host", &address(number)));
    ((0..count).map(host).collect(), known.collect())
}

/// Logs in to all at once and leaves. The faults.
async fn enter_all(ssh: &Ssh, hosts: &[Host]) -> Vec<Fault> {
    // As a run has them: the listen queue of sshd holds 128, and the kernel asks again after a second.
    let deadlines = Deadlines {
        connect: Duration::from_secs(5),
        banner: Duration::from_secs(5),
        ..deadlines()
    };
    let visits = hosts.iter().map(|host| {
        let deadlines = &deadlines;
        async move {
            match ssh.connect(host, deadlines).await {
                Ok(session) => {
                    session.close().await;
                    None
                }
                Err(fault) => Some(fault),
            }
        }
    });
    futures::future::join_all(visits).await.into_iter().flatten().collect()
}

fn everywhere(lab: &Lab, line: &str) -> Server {
    let port = lab::free_port(Ipv4Addr::LOCALHOST);
    lab::sshd_on(lab, Ipv4Addr::UNSPECIFIED, port, &[line])
}

async fn all_are_entered(line: &str) -> Duration {
    let lab = Lab::new();
    let server = everywhere(&lab, line);
    let (hosts, known) = hosts(&lab, &server, 150);
    let begun = Instant::now();
    let faults = enter_all(&ssh(&known), &hosts).await;
    assert_eq!(faults, []);
    begun.elapsed()
}

#[tokio::test]
async fn a_default_server_is_entered_by_150_hosts_at_once() {
    let took = all_are_entered("MaxStartups 10:30:100").await;
    println!("150 hosts at once, MaxStartups 10:30:100: {took:?}");
}

#[tokio::test]
async fn a_narrow_server_is_entered_by_150_hosts_at_once() {
    let took = all_are_entered("MaxStartups 3:50:6").await;
    println!("150 hosts at once, MaxStartups 3:50:6: {took:?}");
}

/// The limit is the jump host's own: it is entered twice for 40 hosts. The hosts behind it are one
/// narrow server.
#[tokio::test]
async fn a_narrow_server_behind_a_narrow_jump_host_is_entered_by_all() {
    let lab = Lab::new();
    let bastion = lab::sshd(&lab, &["MaxStartups 2:50:4"]);
    let server = everywhere(&lab, "MaxStartups 3:50:6");
    let (hosts, mut known) = hosts(&lab, &server, 60);
    known += &bastion.known_line(&lab, "host");
    let account = lab::account("root", &lab.path("user"));
    let road = jump("bastion-1", bastion.port(), &account);
    let hosts: Vec<Host> =
        hosts.into_iter().map(|host| behind(host, [Arc::clone(&road)])).collect();
    let begun = Instant::now();
    let faults = enter_all(&ssh(&known), &hosts).await;
    println!("60 hosts behind a jump host: {:?}, {} failed", begun.elapsed(), faults.len());
    assert_eq!(faults, []);
}

/// dropbear takes five connections of one address that have not logged in.
#[tokio::test]
async fn dropbear_is_entered_by_forty_visits_at_once() {
    let lab = Lab::new();
    let server = lab::dropbear(&lab);
    let known = server.known_line(&lab, "dropbear");
    let account = lab::account("root", &lab.path("user"));
    let host = lab::host("router", "127.0.0.1", server.port(), account);
    let faults = enter_all(&ssh(&known), &vec![host; 40]).await;
    assert_eq!(faults, []);
}

/// One that never lets anybody in is still no dead host, and one that is dead still fails at once.
#[tokio::test]
async fn full_and_dead_are_told_apart() {
    let lab = Lab::new();
    let server = lab::sshd(&lab, &["MaxStartups 1:100:1", "LoginGraceTime 60"]);
    let waiting = std::net::TcpStream::connect(server.address).unwrap();
    server.wait_for("Connection from");
    let known = server.known_line(&lab, "host");
    let account = lab::account("root", &lab.path("user"));
    let host = lab::host("web-1", "127.0.0.1", server.port(), account.clone());
    let ssh = ssh(&known);
    let deadlines = Deadlines { host: Duration::from_secs(5), ..deadlines() };
    let begun = Instant::now();
    let fault = ssh.connect(&host, &deadlines).await.err().unwrap();
    assert_eq!(fault.kind, FaultKind::Quota, "{fault}");
    assert!(!fault.kind.unreachable());
    // Some attempts, in half of the host's time.
    assert!(begun.elapsed() > Duration::from_millis(500), "{:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_millis(2_700), "{:?}", begun.elapsed());
    let begun = Instant::now();
    let closed = lab::free_port(Ipv4Addr::LOCALHOST);
    let dead = lab::host("web-2", "127.0.0.1", closed, account);
    let fault = refused(&ssh, &dead).await;
    assert_eq!(fault.kind, FaultKind::Refused, "{fault}");
    assert!(begun.elapsed() < Duration::from_millis(200), "{:?}", begun.elapsed());
    drop(waiting);
}
