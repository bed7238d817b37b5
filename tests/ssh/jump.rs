//! Through jump hosts: real sshd on the way and at the end, and what goes wrong is said of the one
//! it belongs to.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fleetstat::inventory::host::{Account, Host, Jump, Road};
use fleetstat::model::capture::End;
use fleetstat::model::deadline::Deadlines;
use fleetstat::model::fault::FaultKind;
use fleetstat::model::id::HostName;
use fleetstat::probe::command::Wrap;
use fleetstat::transport::{Session, Transport as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::hostile_server::{Hostile, Manners};
use crate::lab::{self, Lab, Server};
use crate::{deadlines, incomplete, limits, open, refused, spool, ssh, text, visit};

/// A jump host of the laboratory.
pub(crate) fn jump(name: &str, port: u16, account: &Arc<Account>) -> Arc<Jump> {
    Arc::new(Jump {
        name: HostName::new(name).unwrap(),
        address: "127.0.0.1".to_owned(),
        port,
        account: account.clone(),
        host_key_alias: None,
        legacy: None,
    })
}

/// The host behind these jump hosts.
pub(crate) fn behind(host: Host, road: impl IntoIterator<Item = Arc<Jump>>) -> Host {
    Host { road: road.into_iter().collect::<Road>(), ..host }
}

fn known(lab: &Lab, servers: &[&Server]) -> String {
    servers.iter().map(|server| server.known_line(lab, "host")).collect()
}

#[tokio::test]
async fn a_host_is_reached_through_one_two_and_three_jump_hosts() {
    let lab = Lab::new();
    let [first, second, third, end] = [0; 4].map(|_| lab::sshd(&lab, &[]));
    let account = lab::account("root", &lab.path("user"));
    let ssh = ssh(&known(&lab, &[&first, &second, &third, &end]));
    let jumps = [
        jump("bastion-1", first.port(), &account),
        jump("bastion-2", second.port(), &account),
        jump("bastion-3", third.port(), &account),
    ];
    let command = lab::invocation(&["/bin/echo", "hello"], Wrap::default());
    for depth in 1..=3 {
        let host = lab::host("web-1", "127.0.0.1", end.port(), account.clone());
        let host = behind(host, jumps[..depth].iter().cloned());
        let mut session = open(&ssh, &host).await;
        let mut answer = session.run(&command, limits(10), &spool()).await;
        assert_eq!(answer.end, End::Exit(0));
        assert_eq!(text(&mut answer.stdout), "hello\n");
        let negotiated = session.negotiated().unwrap();
        let names: Vec<_> = negotiated.jumps.iter().map(|hop| hop.name.as_str()).collect();
        assert_eq!(names, ["bastion-1", "bastion-2", "bastion-3"][..depth]);
        for hop in &negotiated.jumps {
            assert!(hop.negotiated.strict_kex, "{hop:?}");
            assert_eq!(hop.negotiated.host_key_algorithm, "ssh-ed25519");
            assert_eq!(hop.account, "root");
        }
        session.close().await;
    }
    // One session of each jump host served all.
    assert_eq!(first.log().matches("Accepted publickey").count(), 1, "{}", first.log());
    ssh.finish().await;
    first.wait_for("Disconnected from user root");
}

/// One hop's host key is wrong: it is said of the hop, and no login is tried there or behind it.
#[tokio::test]
async fn a_wrong_host_key_of_a_jump_host_is_the_jump_hosts() {
    let lab = Lab::new();
    lab.keygen("former", &[]);
    let (bastion, end) = (lab::sshd(&lab, &[]), lab::sshd(&lab, &[]));
    let account = lab::account("root", &lab.path("user"));
    for (known, expected) in [
        (end.known_line(&lab, "host"), FaultKind::HostKeyUnknown),
        (
            bastion.known_line(&lab, "former") + &end.known_line(&lab, "host"),
            FaultKind::HostKeyChanged,
        ),
    ] {
        let host = lab::host("web-1", "127.0.0.1", end.port(), account.clone());
        let host = behind(host, [jump("bastion-1", bastion.port(), &account)]);
        let fault = refused(&ssh(&known), &host).await;
        assert_eq!(fault.kind, expected, "{fault}");
        let begin = format!("via bastion-1: {expected}: `[127.0.0.1]:{}`", bastion.port());
        assert!(fault.detail.starts_with(&begin), "{fault}");
    }
    assert!(!bastion.log().contains("user root"), "{}", bastion.log());
    assert!(!end.log().contains("Connection from"), "{}", end.log());
}

/// Each connection of the road has its own account; the jump host's never meets the host.
#[tokio::test]
async fn every_hop_has_its_own_account_and_a_refusal_is_tried_once() {
    let lab = Lab::new();
    lab.keygen("bastion-key", &[]);
    lab.keygen("stranger", &[]);
    let keys = format!("AuthorizedKeysFile {}", lab.path("bastion-key.pub").display());
    let bastion = lab::sshd(&lab, &[&keys]);
    let end = lab::sshd(&lab, &[]);
    let known = known(&lab, &[&bastion, &end]);
    let account = lab::account("root", &lab.path("user"));
    let host = lab::host("web-1", "127.0.0.1", end.port(), account);
    let own = lab::account(lab::READER, &lab.path("bastion-key"));
    let right = behind(host.clone(), [jump("bastion-1", bastion.port(), &own)]);
    let session = open(&ssh(&known), &right).await;
    let negotiated = session.negotiated().unwrap();
    assert_ne!(negotiated.identity, negotiated.jumps[0].negotiated.identity);
    session.close().await;
    let stranger = lab::account("root", &lab.path("stranger"));
    let wrong = behind(host, [jump("bastion-1", bastion.port(), &stranger)]);
    let ssh = ssh(&known);
    for _ in 0..3 {
        let fault = refused(&ssh, &wrong).await;
        assert_eq!(fault.kind, FaultKind::JumpRefused, "{fault}");
        assert!(fault.detail.starts_with("via bastion-1: auth_refused: `root` with"), "{fault}");
    }
    bastion.wait_for("Failed publickey for root");
    assert_eq!(bastion.log().matches("Failed publickey").count(), 1, "{}", bastion.log());
}

#[tokio::test]
async fn what_a_jump_host_cannot_or_may_not_reach_has_its_own_class() {
    let lab = Lab::new();
    let bastion = lab::sshd(&lab, &[]);
    let ssh = ssh(&known(&lab, &[&bastion]));
    let account = lab::account("root", &lab.path("user"));
    let road = || [jump("bastion-1", bastion.port(), &account)];
    let closed = lab::free_port(Ipv4Addr::LOCALHOST);
    for (address, port, expected) in
        [("127.0.0.1", closed, FaultKind::Refused), ("no-such-host.invalid", 22, FaultKind::Dns)]
    {
        let host = behind(lab::host("web-1", address, port, account.clone()), road());
        let fault = refused(&ssh, &host).await;
        assert_eq!(fault.kind, expected, "{fault}");
        assert!(fault.detail.starts_with(&format!("bastion-1 cannot reach {address}")), "{fault}");
    }
    for (line, expected) in [
        ("AllowTcpForwarding no", FaultKind::JumpRefused),
        ("PermitOpen 192.0.2.1:22", FaultKind::JumpRefused),
    ] {
        let strict = lab::sshd(&lab, &[line]);
        let ssh = crate::ssh(&known(&lab, &[&strict]));
        let host = lab::host("web-1", "127.0.0.1", closed, account.clone());
        let host = behind(host, [jump("strict", strict.port(), &account)]);
        let fault = refused(&ssh, &host).await;
        assert_eq!(fault.kind, expected, "{line}: {fault}");
        assert!(fault.detail.starts_with("via strict: it does not forward to"), "{fault}");
    }
}

/// A dead jump host is tried three times in a row, and then left alone: the hosts behind it fail
/// at once, with its fault.
#[tokio::test]
async fn a_dead_jump_host_is_not_dialled_for_every_host() {
    let lab = Lab::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let dialled = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = Arc::clone(&dialled);
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            held.push(stream);
        }
    });
    let account = lab::account("root", &lab.path("user"));
    let ssh = ssh("");
    let deadlines = Deadlines { banner: Duration::from_millis(200), ..deadlines() };
    let begun = Instant::now();
    let visits = (0..500).map(|number| {
        let name = format!("web-{number}");
        let host = lab::host(&name, "127.0.0.1", 22, account.clone());
        let host = behind(host, [jump("bastion-1", port, &account)]);
        let (ssh, deadlines) = (&ssh, &deadlines);
        async move { ssh.connect(&host, deadlines).await.err().unwrap() }
    });
    for fault in futures::future::join_all(visits).await {
        assert_eq!(fault.kind, FaultKind::JumpLost, "{fault}");
        assert!(fault.detail.starts_with("via bastion-1: banner_timeout:"), "{fault}");
    }
    assert_eq!(dialled.load(std::sync::atomic::Ordering::SeqCst), 3);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

/// Forty hosts, two sessions of the jump host: a session takes 32 tenants.
#[tokio::test]
async fn tenants_of_a_session_are_bounded_and_all_are_served() {
    let lab = Lab::new();
    let bastion = lab::sshd(&lab, &[]);
    let end = lab::sshd_on(&lab, Ipv4Addr::UNSPECIFIED, lab::free_port(Ipv4Addr::LOCALHOST), &[]);
    let account = lab::account("root", &lab.path("user"));
    let address = |number: usize| format!("127.0.1.{}", number + 1);
    let mut known = known(&lab, &[&bastion]);
    for number in 0..40 {
        known += &end.known_line_for(&lab, "host", &address(number));
    }
    let ssh = ssh(&known);
    let begun = Instant::now();
    let sessions = (0..40).map(|number| {
        let host = lab::host("web-1", &address(number), end.port(), account.clone());
        let host = behind(host, [jump("bastion-1", bastion.port(), &account)]);
        let ssh = &ssh;
        async move { open(ssh, &host).await }
    });
    let mut sessions = futures::future::join_all(sessions).await;
    println!("40 hosts through one jump host: {:?}", begun.elapsed());
    let command = lab::invocation(&["/bin/cat", "/proc/net/tcp"], Wrap::default());
    let answers = sessions.iter_mut().map(|session| {
        let command = &command;
        async move { session.run(command, limits(10), &spool()).await.end }
    });
    let ends = futures::future::join_all(answers).await;
    println!("and a command each: {:?}", begun.elapsed());
    assert_eq!(ends, vec![End::Exit(0); 40]);
    assert_eq!(bastion.log().matches("Accepted publickey").count(), 2, "{}", bastion.log());
    futures::future::join_all(sessions.into_iter().map(Session::close)).await;
    // All places are free again: no third session.
    let host = lab::host("web-1", &address(0), end.port(), account.clone());
    let host = behind(host, [jump("bastion-1", bastion.port(), &account)]);
    open(&ssh, &host).await.close().await;
    assert_eq!(bastion.log().matches("Accepted publickey").count(), 2, "{}", bastion.log());
}

/// The jump host dies in the middle: its tenants say so and keep what had come; the next visit
/// opens a new session.
#[tokio::test]
async fn a_lost_jump_host_is_named_and_what_had_come_is_kept() {
    let lab = Lab::new();
    let [first, second, end] = [0; 3].map(|_| lab::sshd(&lab, &[]));
    let known = known(&lab, &[&first, &second, &end]);
    let account = lab::account("root", &lab.path("user"));
    let road = [jump("first", first.port(), &account), jump("second", second.port(), &account)];
    let host = lab::host("web-1", "127.0.0.1", end.port(), account.clone());
    let host = behind(host, road);
    let ssh = ssh(&known);
    let mut session = open(&ssh, &host).await;
    let flag = lab.path("begun");
    let slow =
        lab.script("slow", &format!("echo half; sleep 0.3; touch {}; sleep 60", flag.display()));
    let (answer, ()) =
        tokio::join!(async { session.run(&slow, limits(20), &spool()).await }, async {
            while !flag.exists() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            // The session of the outer jump host alone: its sshd goes on listening.
            end_session(&first);
        });
    let mut answer = answer;
    assert_eq!(incomplete(&answer).kind, FaultKind::JumpLost, "{:?}", answer.end);
    assert!(incomplete(&answer).detail.starts_with("via first: "), "{:?}", answer.end);
    assert_eq!(text(&mut answer.stdout), "half\n");
    assert!(!answer.session_usable);
    session.close().await;
    let again = visit(&ssh, &host, &lab::invocation(&["/bin/true"], Wrap::default())).await;
    assert_eq!(again.end, End::Exit(0));
}

/// Ends the processes of a server that serve connections, not the one that listens.
fn end_session(server: &Server) {
    let script = "for p in $(ps -o pid= --ppid $(ps -o pid= --ppid \"$1\")); do kill -9 $p; done";
    let status = std::process::Command::new("sh")
        .args(["-c", script, "end"])
        .arg(server.pid().to_string())
        .status()
        .unwrap();
    assert!(status.success());
}

/// Finding 5: a host that floods tiny packets does not stall its neighbours behind the same jump
/// session. Worst case printed: a visit beside the flood against one without.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_tiny_packets_does_not_stall_neighbours() {
    let lab = Lab::new();
    let bastion = lab::sshd(&lab, &[]);
    let end = lab::sshd(&lab, &[]);
    let hostile = Hostile::start(Manners::default()).await;
    let ssh = ssh(&(known(&lab, &[&bastion, &end]) + &hostile.known_line));
    let account = lab::account("root", &lab.path("user"));
    let road = [jump("bastion-1", bastion.port(), &account)];
    let near = lab::host("web-1", "127.0.0.1", end.port(), account.clone());
    let near = behind(near, road.clone());
    let flood = behind(lab::host("evil", "127.0.0.1", hostile.port, account.clone()), road);
    let command = lab::invocation(&["/bin/cat", "/proc/net/tcp"], Wrap::default());
    let round = || async {
        let mut worst = Duration::ZERO;
        for _ in 0..10 {
            let begun = Instant::now();
            assert_eq!(visit(&ssh, &near, &command).await.end, End::Exit(0));
            worst = worst.max(begun.elapsed());
        }
        worst
    };
    let calm = round().await;
    let tiny = lab::invocation(&["/bin/echo", "tiny-flood"], Wrap::default());
    let mut session = open(&ssh, &flood).await;
    let spool = spool();
    let flooding = session.run(&tiny, limits(60), &spool);
    let beside = tokio::select! {
        answer = flooding => panic!("the flood ended: {:?}", answer.end),
        beside = round() => beside,
    };
    println!("a visit: {calm:?} at worst, beside a flood {beside:?}");
    assert!(beside < Duration::from_secs(2), "{beside:?}");
}

/// A jump host that never says whether it has connected holds a visit no longer than the deadline,
/// and one that says so late leaves nothing open.
#[tokio::test]
async fn a_jump_host_that_does_not_answer_is_a_timeout_of_the_host_behind_it() {
    let lab = Lab::new();
    let bastion = lab::sshd(&lab, &[]);
    // It accepts nobody: when its backlog is full the bastion waits, and so do we.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let fill: Vec<_> = (0..3)
        .filter_map(|_| {
            std::net::TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok()
        })
        .collect();
    let account = lab::account("root", &lab.path("user"));
    let ssh = ssh(&known(&lab, &[&bastion]));
    let host = lab::host("web-1", "127.0.0.1", address.port(), account.clone());
    let host = behind(host, [jump("bastion-1", bastion.port(), &account)]);
    let begun = Instant::now();
    let fault = refused(&ssh, &host).await;
    assert_eq!(fault.kind, FaultKind::ConnectTimeout, "{fault}");
    assert!(fault.detail.starts_with("bastion-1 got no answer from 127.0.0.1:"), "{fault}");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    // The jump session is still good for others.
    let end = lab::sshd(&lab, &[]);
    drop(fill);
    let ssh_two = crate::ssh(&known(&lab, &[&bastion, &end]));
    let other = lab::host("web-2", "127.0.0.1", end.port(), account.clone());
    let other = behind(other, [jump("bastion-1", bastion.port(), &account)]);
    open(&ssh_two, &other).await.close().await;
    ssh.finish().await;
    ssh_two.finish().await;
}

/// Dropping a visit in the middle of its handshake behind a jump host frees the channel.
#[tokio::test]
async fn a_dropped_connect_behind_a_jump_host_leaves_no_channel() {
    let lab = Lab::new();
    let bastion = lab::sshd(&lab, &["LogLevel DEBUG1"]);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let account = lab::account("root", &lab.path("user"));
    let ssh = ssh(&known(&lab, &[&bastion]));
    let host = lab::host("web-1", "127.0.0.1", port, account.clone());
    let host = behind(host, [jump("bastion-1", bastion.port(), &account)]);
    let limits = deadlines();
    let mut connecting = ssh.connect(&host, &limits);
    let mut server = tokio::select! {
        accepted = listener.accept() => accepted.unwrap().0,
        result = &mut connecting => panic!("{:?}", result.err()),
    };
    server.write_all(b"SSH-2.0-banner_only\r\n").await.unwrap();
    let held = tokio::time::timeout(Duration::from_millis(300), &mut connecting).await;
    assert!(held.is_err());
    drop(connecting);
    // The bastion closes its end when the channel is closed.
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(2), server.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "the channel is still open");
    ssh.finish().await;
}
