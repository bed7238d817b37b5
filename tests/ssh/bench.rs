//! One visit at a time against real sshd, in interleaved pairs with ssh of OpenSSH.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fleetstat::model::capture::End;
use fleetstat::probe::command::Wrap;
use futures::StreamExt as _;

use crate::lab::{self, Lab};
use crate::{ssh, visit};

const PAIRS: usize = 11;

const VISITS: u32 = 100;

/// CPU time of all threads of this process that still run.
fn cpu() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let nanos = tasks.filter_map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

/// Meaningful when it runs alone and optimized: `CARGO_PROFILE_DEV_OPT_LEVEL=2`.
#[tokio::test]
async fn visits_in_flight_cost_little_cpu() {
    let lab = Lab::new();
    let server = lab::sshd(&lab, &["KexAlgorithms curve25519-sha256"]);
    let ssh = ssh(&server.known_line(&lab, "host"));
    let account = lab::account("root", &lab.path("user"));
    let host = lab::host("web-1", "127.0.0.1", server.port(), account);
    let command = lab::invocation(&["/bin/cat", "/proc/net/tcp"], Wrap::default());
    let (begun, before) = (Instant::now(), cpu());
    futures::stream::iter(0..VISITS)
        .for_each_concurrent(20, |_| async {
            assert_eq!(visit(&ssh, &host, &command).await.end, End::Exit(0));
        })
        .await;
    let (wall, used) = (begun.elapsed() / VISITS, cpu().saturating_sub(before) / VISITS);
    println!("one visit of {VISITS}, 20 in flight: {used:?} of CPU, {wall:?} of time");
    // Other tests of this process run at the same time: only a gross fault shows here.
    assert!(used < Duration::from_millis(100), "{used:?}");
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// The figure is printed; what is asserted is the ratio, which a busy machine does not change.
#[tokio::test]
async fn a_visit_takes_less_time_than_ssh() {
    let lab = Lab::new();
    let server = lab::sshd(&lab, &["KexAlgorithms curve25519-sha256"]);
    let known = lab.write("known", &server.known_line(&lab, "host"));
    let ssh = ssh(&server.known_line(&lab, "host"));
    let account = lab::account("root", &lab.path("user"));
    let host = lab::host("web-1", "127.0.0.1", server.port(), account);
    let command = lab::invocation(&["/bin/cat", "/proc/net/tcp"], Wrap::default());
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        let begun = Instant::now();
        assert_eq!(visit(&ssh, &host, &command).await.end, End::Exit(0));
        ours.push(begun.elapsed());
        let begun = Instant::now();
        let status = Command::new("ssh")
            .args(["-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-p"])
            .arg(server.port().to_string())
            .arg("-i")
            .arg(lab.path("user"))
            .arg("-o")
            .arg(format!("UserKnownHostsFile={}", known.display()))
            .args(["root@127.0.0.1", "/bin/cat", "/proc/net/tcp"])
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
        theirs.push(begun.elapsed());
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!("median visit: {ours:?}, ssh {theirs:?}");
    assert!(ours < theirs, "{ours:?} against {theirs:?}");
}

/// Resident memory of this process.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Meaningful when it runs alone.
#[tokio::test]
async fn an_open_connection_takes_little_memory() {
    let lab = Lab::new();
    let server = lab::sshd(&lab, &["KexAlgorithms curve25519-sha256"]);
    let ssh = ssh(&server.known_line(&lab, "host"));
    let account = lab::account("root", &lab.path("user"));
    let host = lab::host("web-1", "127.0.0.1", server.port(), account);
    let mut held = vec![crate::open(&ssh, &host).await];
    let before = resident_kib();
    for _ in 0..50 {
        held.push(crate::open(&ssh, &host).await);
    }
    let each = resident_kib().saturating_sub(before) / 50;
    println!("one open connection: {each} KiB");
    for session in held {
        session.close().await;
    }
    // Other tests of this process allocate at the same time: only a gross fault shows here.
    assert!(each < 2048, "{each} KiB");
}
