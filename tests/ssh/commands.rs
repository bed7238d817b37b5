//! Commands against real sshd and dropbear: how they end, and what is left when they do not.

use std::process::Command as Process;
use std::time::{Duration, Instant};

use fleetstat::evidence::spool::SpoolSettings;
use fleetstat::model::capture::End;
use fleetstat::model::fault::FaultKind;
use fleetstat::probe::command::Wrap;
use fleetstat::transport::{CommandLimits, Transport as _};

use crate::lab::{self, Lab, READER};
use crate::{deadlines, incomplete, kind, limits, open, spool, ssh, text, visit};

#[tokio::test]
async fn output_error_output_and_exit_status_of_sshd_and_dropbear_are_exact() {
    let lab = Lab::new();
    let servers = [(lab::sshd(&lab, &[]), "host"), (lab::dropbear(&lab), "dropbear")];
    let command = lab.script("both", "printf out; printf err >&2; exit 3");
    for (server, key) in &servers {
        let ssh = ssh(&server.known_line(&lab, key));
        let account = lab::account("root", &lab.path("user"));
        let host = lab::host("web-1", "127.0.0.1", server.port(), account);
        let mut answer = visit(&ssh, &host, &command).await;
        assert_eq!(answer.end, End::Exit(3), "{}", server.log());
        assert_eq!(
            (text(&mut answer.stdout), text(&mut answer.stderr)),
            ("out".into(), "err".into())
        );
        assert_eq!(answer.faults, []);
        assert!(answer.session_usable);
        assert!(answer.started < answer.ended);
    }
}

/// Finding 7, and what the record says of the connection.
#[tokio::test]
async fn strict_key_exchange_is_negotiated_and_recorded() {
    let lab = Lab::new();
    let server = lab::sshd(&lab, &[]);
    let ssh = ssh(&server.known_line(&lab, "host"));
    let host =
        lab::host("web-1", "127.0.0.1", server.port(), lab::account("root", &lab.path("user")));
    let session = open(&ssh, &host).await;
    let negotiated = session.negotiated().unwrap();
    assert!(negotiated.strict_kex);
    assert!(negotiated.server.starts_with("SSH-2.0-OpenSSH_"), "{}", negotiated.server);
    assert_eq!(negotiated.cipher, "aes256-gcm@openssh.com");
    assert_eq!(negotiated.mac, "");
    assert_eq!(negotiated.host_key_algorithm, "ssh-ed25519");
    assert!(negotiated.host_key.starts_with("SHA256:"));
    assert!(negotiated.identity.starts_with("ssh-ed25519 SHA256:"), "{}", negotiated.identity);
    assert!(negotiated.identity.ends_with(" (file)"), "{}", negotiated.identity);
    assert_eq!(session.peer(), Some("127.0.0.1".parse().unwrap()));
    session.close().await;
}

#[tokio::test]
async fn many_commands_share_one_connection() {
    let lab = Lab::new();
    let server = lab::sshd(&lab, &["MaxSessions 1"]);
    let ssh = ssh(&server.known_line(&lab, "host"));
    let account = lab::account("root", &lab.path("user"));
    let host = lab::host("web-1", "127.0.0.1", server.port(), account);
    let mut session = open(&ssh, &host).await;
    let command = lab::invocation(&["/bin/echo", "hello"], Wrap::default());
    for _ in 0..20 {
        let mut answer = session.run(&command, limits(10), &spool()).await;
        assert_eq!(answer.end, End::Exit(0), "{}", server.log());
        assert_eq!(text(&mut answer.stdout), "hello\n");
    }
    session.close().await;
    server.wait_for("Received disconnect from");
    assert_eq!(server.log().matches("Accepted publickey").count(), 1);
}

#[tokio::test]
async fn a_missing_command_is_exit_127() {
    let lab = Lab::new();
    let server = lab::sshd(&lab, &[]);
    let ssh = ssh(&server.known_line(&lab, "host"));
    let account = lab::account("root", &lab.path("user"));
    let host = lab::host("web-1", "127.0.0.1", server.port(), account);
    let command = lab::invocation(&["/no/such/tool"], Wrap::default());
    let answer = visit(&ssh, &host, &command).await;
    assert_eq!(answer.end, End::Exit(127));
}

#[tokio::test]
async fn a_command_that_reads_its_input_sees_the_end_at_once() {
    let lab = Lab::new();
    let server = lab::sshd(&lab, &[]);
    let ssh = ssh(&server.known_line(&lab, "host"));
    let account = lab::account("root", &lab.path("user"));
    let host = lab::host("web-1", "127.0.0.1", server.port(), account);
    let answer = visit(&ssh, &host, &lab::invocation(&["/bin/cat"], Wrap::default())).await;
    assert_eq!(answer.end, End::Exit(0));
}

/// The login shell may have replaced itself by the command or not; whichever sshd started dies.
const KILL_SHELL: &str = "if [ \"$(cat /proc/$PPID/comm)\" = sshd ]
    then kill -SEGV $$; else kill -SEGV $PPID; fi";

#[tokio::test]
async fn a_command_killed_by_a_signal_is_told_apart() {
    let lab = Lab::new();
    let server = lab::sshd(&lab, &[]);
    let ssh = ssh(&server.known_line(&lab, "host"));
    let account = lab::account("root", &lab.path("user"));
    let host = lab::host("web-1", "127.0.0.1", server.port(), account);
    let answer = visit(&ssh, &host, &lab.script("die", KILL_SHELL)).await;
    assert_eq!(answer.end, End::Signal("SEGV".into()));
}

/// Finding 3.
#[tokio::test]
async fn a_killed_server_gives_incomplete_lost_with_what_came_before() {
    let lab = Lab::new();
    let server = lab::sshd(&lab, &[]);
    let ssh = ssh(&server.known_line(&lab, "host"));
    let account = lab::account("root", &lab.path("user"));
    let host = lab::host("web-1", "127.0.0.1", server.port(), account);
    let command = lab.script(
        "kill-sshd",
        "printf partial; sleep 0.3; p=$PPID
         while [ \"$(cat /proc/$p/comm)\" != sshd ]; do
             p=$(sed -n 's/^PPid:[[:space:]]*//p' /proc/$p/status); done
         kill -9 $p; sleep 5",
    );
    let mut session = open(&ssh, &host).await;
    let mut answer = session.run(&command, limits(10), &spool()).await;
    let fault = incomplete(&answer).clone();
    assert_eq!(fault.kind, FaultKind::Lost);
    assert_eq!(fault.detail, "the server closed the connection");
    assert_eq!(text(&mut answer.stdout), "partial");
    assert!(!answer.session_usable);
    session.close().await;
}

/// Processes on this machine whose command line holds a text.
fn running(text: &str) -> usize {
    let found = Process::new("pgrep").args(["-f", "-c", text]).output().unwrap();
    String::from_utf8(found.stdout).unwrap().trim().parse().unwrap()
}

/// Finding 4: by signal, for an account that sshd may signal.
#[tokio::test]
async fn a_timeout_leaves_no_remote_process_where_signals_work() {
    let lab = Lab::new();
    let server = lab::sshd(&lab, &[]);
    let ssh = ssh(&server.known_line(&lab, "host"));
    let account = lab::account(READER, &lab.path("user"));
    let host = lab::host("web-1", "127.0.0.1", server.port(), account);
    let mut session = open(&ssh, &host).await;
    let command = lab::invocation(&["/bin/sleep", "98701"], Wrap::default());
    let answer = session.run(&command, limits(1), &spool()).await;
    assert_eq!(kind(&answer), FaultKind::FirstByteTimeout);
    assert!(answer.session_usable);
    assert_eq!(running("^/bin/sleep 98701"), 0);
    let next = lab::invocation(&["/bin/true"], Wrap::default());
    assert_eq!(session.run(&next, limits(5), &spool()).await.end, End::Exit(0));
    session.close().await;
}

/// Finding 4: by `timeout` in the command, under a forced command, where signals are refused.
#[tokio::test]
async fn a_timeout_leaves_no_remote_process_where_the_host_has_timeout() {
    let lab = Lab::new();
    lab.keygen("forced", &[]);
    let gate = lab.write_mode("gate", "#!/bin/sh\nexec $SSH_ORIGINAL_COMMAND\n", 0o755);
    lab.authorize("forced", &format!("restrict,command=\"{}\"", gate.display()));
    let server = lab::sshd(&lab, &[]);
    let ssh = ssh(&server.known_line(&lab, "host"));
    let account = lab::account("root", &lab.path("forced"));
    let host = lab::host("web-1", "127.0.0.1", server.port(), account);
    let mut session = open(&ssh, &host).await;
    let wrap = Wrap { timeout_seconds: Some(1), ..Wrap::default() };
    let command = lab::invocation(&["/bin/sleep", "98702"], wrap);
    let limits = CommandLimits { first_byte: Duration::from_millis(600), ..limits(5) };
    let answer = session.run(&command, limits, &spool()).await;
    assert_eq!(kind(&answer), FaultKind::FirstByteTimeout);
    session.close().await;
    assert_eq!(running("^/bin/sleep 98702"), 0);
}

#[tokio::test]
async fn silence_in_the_middle_and_slow_drips_have_their_own_faults() {
    let lab = Lab::new();
    let server = lab::sshd(&lab, &[]);
    let ssh = ssh(&server.known_line(&lab, "host"));
    let account = lab::account(READER, &lab.path("user"));
    let host = lab::host("web-1", "127.0.0.1", server.port(), account);
    let mut session = open(&ssh, &host).await;
    let millis = Duration::from_millis;
    let limits = CommandLimits { first_byte: millis(900), idle: millis(500), total: millis(1500) };
    let silent = lab.script("silent", "printf begun; sleep 30");
    let mut answer = session.run(&silent, limits, &spool()).await;
    assert_eq!(kind(&answer), FaultKind::IdleTimeout);
    assert_eq!(text(&mut answer.stdout), "begun");
    let drip = lab.script("drip", "while :; do printf x; sleep 0.1; done");
    let answer = session.run(&drip, limits, &spool()).await;
    assert_eq!(kind(&answer), FaultKind::Deadline);
    assert!(answer.stdout.bytes() >= 5);
    session.close().await;
}

#[tokio::test]
async fn output_held_open_by_a_child_is_let_go_with_a_note() {
    let lab = Lab::new();
    let server = lab::sshd(&lab, &[]);
    let ssh = ssh(&server.known_line(&lab, "host"));
    let account = lab::account("root", &lab.path("user"));
    let host = lab::host("web-1", "127.0.0.1", server.port(), account);
    let begun = Instant::now();
    let mut answer =
        visit(&ssh, &host, &lab.script("held", "sleep 30 & printf done; exit 4")).await;
    assert_eq!(answer.end, End::Exit(4));
    assert_eq!(text(&mut answer.stdout), "done");
    assert_eq!(answer.faults.len(), 1);
    assert!(answer.faults[0].detail.contains("held its output open"), "{}", answer.faults[0]);
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn endless_output_is_cut_at_the_cap_with_flat_memory() {
    let lab = Lab::new();
    let server = lab::sshd(&lab, &[]);
    let ssh = ssh(&server.known_line(&lab, "host"));
    let account = lab::account(READER, &lab.path("user"));
    let host = lab::host("web-1", "127.0.0.1", server.port(), account);
    let mut session = open(&ssh, &host).await;
    let before = resident_kib();
    let cap = SpoolSettings::new(std::env::temp_dir(), 64 << 20);
    let endless = lab::invocation(&["/usr/bin/yes"], Wrap::default());
    let answer = session.run(&endless, limits(30), &cap).await;
    assert_eq!(kind(&answer), FaultKind::Truncated);
    assert_eq!(answer.stdout.bytes(), 64 << 20);
    assert!(answer.stdout.dropped() > 0);
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < 24 << 10, "{grown} KiB more");
    assert!(answer.session_usable);
    session.close().await;
    assert_eq!(running("^/usr/bin/yes$"), 0);
}

#[tokio::test]
async fn a_full_disk_is_said_in_clear_text_and_ends_the_session() {
    let lab = Lab::new();
    let server = lab::sshd(&lab, &[]);
    let ssh = ssh(&server.known_line(&lab, "host"));
    let account = lab::account(READER, &lab.path("user"));
    let host = lab::host("web-1", "127.0.0.1", server.port(), account);
    let small = lab.path("small");
    std::fs::create_dir(&small).unwrap();
    let mounted = Process::new("mount")
        .args(["-t", "tmpfs", "-o", "size=512k", "tmpfs"])
        .arg(&small)
        .status()
        .unwrap();
    assert!(mounted.success());
    let mut session = open(&ssh, &host).await;
    let endless = lab::invocation(&["/usr/bin/yes"], Wrap::default());
    let full = SpoolSettings::new(small.clone(), 64 << 20);
    let answer = session.run(&endless, limits(30), &full).await;
    let fault = incomplete(&answer).clone();
    assert!(!answer.session_usable);
    drop(answer);
    session.close().await;
    assert!(Process::new("umount").arg(&small).status().unwrap().success());
    assert_eq!(fault.kind, FaultKind::Internal);
    assert!(fault.detail.contains("No space left on device"), "{fault}");
    assert!(fault.detail.contains("free space in the run's folder"), "{fault}");
}

#[tokio::test]
async fn a_session_too_many_is_quota() {
    let lab = Lab::new();
    let server = lab::sshd(&lab, &["MaxSessions 0"]);
    let ssh = ssh(&server.known_line(&lab, "host"));
    let account = lab::account("root", &lab.path("user"));
    let host = lab::host("web-1", "127.0.0.1", server.port(), account);
    let answer = visit(&ssh, &host, &lab::invocation(&["/bin/true"], Wrap::default())).await;
    assert_eq!(kind(&answer), FaultKind::Quota);
    assert!(!answer.session_usable);
}

#[tokio::test]
async fn dropping_a_session_frees_its_socket() {
    let lab = Lab::new();
    let server = lab::sshd(&lab, &[]);
    let ssh = ssh(&server.known_line(&lab, "host"));
    let account = lab::account("root", &lab.path("user"));
    let host = lab::host("web-1", "127.0.0.1", server.port(), account);
    let limits = deadlines();
    let session = ssh.connect(&host, &limits).await.unwrap();
    assert_eq!(crate::open_connections(server.port()), 1);
    drop(session);
    crate::faults::until_no_connection(server.port()).await;
}
