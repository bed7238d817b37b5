//! Hosts that cannot be reached or must not be trusted: every class exact, and nothing left open.

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use fleetstat::model::fault::FaultKind;
use fleetstat::transport::Transport as _;
use fleetstat::transport::ssh::host_key::fetch_host_key;
use fleetstat::transport::ssh::known_hosts::KnownHosts;
use tokio::io::AsyncWriteExt as _;

use crate::lab::{self, Lab};
use crate::{deadlines, open, open_connections, refused, ssh};

/// Returns when this process has no connection to the port; fails after two seconds.
pub(crate) async fn until_no_connection(port: u16) {
    let begun = Instant::now();
    while open_connections(port) > 0 {
        assert!(begun.elapsed() < Duration::from_secs(2), "{} left", open_connections(port));
        tokio::task::yield_now().await;
    }
}

/// A server that accepts, says `greeting`, and then nothing.
async fn mute(greeting: &'static str) -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(greeting.as_bytes()).await;
            held.push(stream);
        }
    });
    port
}

async fn fifty_fail(port: u16, expected: FaultKind) {
    let lab = Lab::new();
    let ssh = ssh("");
    let host = lab::host("web-1", "127.0.0.1", port, lab::account("root", &lab.path("user")));
    let limits = fleetstat::model::deadline::Deadlines {
        banner: Duration::from_millis(500),
        key_exchange: Duration::from_millis(500),
        ..deadlines()
    };
    let all = (0..50).map(|_| ssh.connect(&host, &limits));
    for result in futures::future::join_all(all).await {
        assert_eq!(result.err().unwrap().kind, expected);
    }
    until_no_connection(port).await;
}

/// Finding 2.
#[tokio::test]
async fn fifty_banner_only_servers_time_out_and_leave_no_socket() {
    fifty_fail(mute("SSH-2.0-banner_only\r\n").await, FaultKind::KexTimeout).await;
}

/// Finding 2.
#[tokio::test]
async fn fifty_silent_servers_time_out_and_leave_no_socket() {
    fifty_fail(mute("").await, FaultKind::BannerTimeout).await;
}

/// Finding 2: the caller gives up before any deadline.
#[tokio::test]
async fn a_dropped_connect_leaves_no_socket() {
    let port = mute("SSH-2.0-banner_only\r\n").await;
    let lab = Lab::new();
    let ssh = ssh("");
    let host = lab::host("web-1", "127.0.0.1", port, lab::account("root", &lab.path("user")));
    let limits = deadlines();
    let connecting = ssh.connect(&host, &limits);
    assert!(tokio::time::timeout(Duration::from_millis(300), connecting).await.is_err());
    until_no_connection(port).await;
}

#[tokio::test]
async fn a_closed_port_is_refused_and_a_full_backlog_is_a_connect_timeout() {
    let lab = Lab::new();
    let account = lab::account("root", &lab.path("user"));
    let closed =
        lab::host("web-1", "127.0.0.1", lab::free_port(Ipv4Addr::LOCALHOST), account.clone());
    let fault = refused(&ssh(""), &closed).await;
    assert_eq!(fault.kind, FaultKind::Refused, "{fault}");

    // A listener that accepts nobody: when its backlog is full the kernel drops each SYN.
    let listener = rustix::net::socket(
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::STREAM,
        None,
    )
    .unwrap();
    let any = std::net::SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    rustix::net::bind(&listener, &any).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let listener = TcpListener::from(listener);
    let address = listener.local_addr().unwrap();
    let fill: Vec<_> = (0..3)
        .filter_map(|_| {
            std::net::TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok()
        })
        .collect();
    assert!(!fill.is_empty());
    let host = lab::host("web-1", "127.0.0.1", address.port(), account);
    let begun = Instant::now();
    let fault = refused(&ssh(""), &host).await;
    assert_eq!(fault.kind, FaultKind::ConnectTimeout, "{fault}");
    assert!(begun.elapsed() < Duration::from_millis(1500), "{:?}", begun.elapsed());
}

/// Set in the process that runs in a network namespace of its own.
const INSIDE: &str = "FLEETSTAT_TEST_NAMESPACE";

/// A firewall that says no, one that drops, and one that drops in the middle of a session.
#[test]
fn firewalls_are_told_apart_and_a_black_hole_ends_a_command() {
    let name = "faults::firewalls_are_told_apart_and_a_black_hole_ends_a_command";
    if std::env::var(INSIDE).is_ok() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(behind_firewalls());
    }
    let rules = "ip link set lo up && nft add table inet f &&
        nft 'add chain inet f in { type filter hook input priority 0; }' &&
        nft add rule inet f in tcp dport 7001 drop &&
        nft add rule inet f in tcp dport 7002 reject with icmpx type admin-prohibited &&
        ip route add prohibit 192.0.2.1 && ip route add unreachable 192.0.2.2 &&
        ip route add blackhole 192.0.2.3 &&
        exec \"$0\" --exact \"$1\"";
    let output = std::process::Command::new("unshare")
        .args(["--net", "sh", "-c", rules])
        .arg(std::env::current_exe().unwrap())
        .arg(name)
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && shown.contains("1 passed"), "{shown}");
}

async fn behind_firewalls() {
    let lab = Lab::new();
    for (port, expected) in [(7001, FaultKind::ConnectTimeout), (7002, FaultKind::NoRoute)] {
        let account = lab::account("root", &lab.path("user"));
        let host = lab::host("web-1", "127.0.0.1", port, account);
        let fault = refused(&ssh(""), &host).await;
        assert_eq!(fault.kind, expected, "{fault}");
    }
    for (address, expected) in [
        ("192.0.2.1", FaultKind::Filtered),
        ("192.0.2.2", FaultKind::NoRoute),
        ("192.0.2.3", FaultKind::NoRoute),
        ("198.51.100.1", FaultKind::NoRoute),
    ] {
        let account = lab::account("root", &lab.path("user"));
        let fault = refused(&ssh(""), &lab::host("web-1", address, 22, account)).await;
        assert_eq!(fault.kind, expected, "{fault}");
    }
    let server = lab::sshd(&lab, &[]);
    let ssh = ssh(&server.known_line(&lab, "host"));
    let account = lab::account("root", &lab.path("user"));
    let host = lab::host("web-1", "127.0.0.1", server.port(), account);
    let mut session = open(&ssh, &host).await;
    let rule = format!("nft add rule inet f in tcp sport {} drop", server.port());
    let slow =
        lab.script("slow", &format!("printf begun; sleep 0.3; {rule}; printf more; sleep 60"));
    let mut answer = session.run(&slow, crate::limits(2), &crate::spool()).await;
    assert_eq!(crate::kind(&answer), FaultKind::Deadline);
    assert_eq!(crate::text(&mut answer.stdout), "begun");
    assert!(!answer.session_usable);
    let begun = Instant::now();
    session.close().await;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    until_no_connection(server.port()).await;
}

#[tokio::test]
async fn a_name_without_address_is_dns() {
    let lab = Lab::new();
    let account = lab::account("root", &lab.path("user"));
    let host = lab::host("web-1", "no-such-host.invalid", 22, account);
    assert_eq!(refused(&ssh(""), &host).await.kind, FaultKind::Dns);
}

#[tokio::test]
async fn something_else_than_ssh_is_named_with_its_text_escaped() {
    let lab = Lab::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all("HTTP/1.1 400 \u{1b}[31mBad\r\n".repeat(30).as_bytes()).unwrap();
    });
    let host = lab::host("web-1", "127.0.0.1", port, lab::account("root", &lab.path("user")));
    let fault = refused(&ssh(""), &host).await;
    server.join().unwrap();
    assert_eq!(fault.kind, FaultKind::KexNoCommon, "{fault}");
    assert!(fault.detail.contains(r"HTTP/1.1 400 \x1b[31mBad"), "{fault}");
}

#[tokio::test]
async fn only_old_algorithms_are_no_common_ground() {
    let lab = Lab::new();
    let server = lab::sshd(&lab, &["KexAlgorithms diffie-hellman-group14-sha1"]);
    let ssh = ssh(&server.known_line(&lab, "host"));
    let account = lab::account("root", &lab.path("user"));
    let host = lab::host("web-1", "127.0.0.1", server.port(), account);
    let fault = refused(&ssh, &host).await;
    assert_eq!(fault.kind, FaultKind::KexNoCommon, "{fault}");
    assert!(fault.detail.contains("diffie-hellman-group14-sha1"), "{fault}");
}

#[tokio::test]
async fn approved_curves_and_group_exchange_are_spoken() {
    let lab = Lab::new();
    for (kex, cipher) in [
        ("ecdh-sha2-nistp256", "aes128-gcm@openssh.com"),
        ("diffie-hellman-group-exchange-sha256", "aes256-ctr"),
        ("diffie-hellman-group14-sha256", "chacha20-poly1305@openssh.com"),
    ] {
        let lines = [format!("KexAlgorithms {kex}"), format!("Ciphers {cipher}")];
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let server = lab::sshd(&lab, &lines);
        let ssh = ssh(&server.known_line(&lab, "host"));
        let account = lab::account("root", &lab.path("user"));
        let host = lab::host("web-1", "127.0.0.1", server.port(), account);
        let session = open(&ssh, &host).await;
        let negotiated = session.negotiated().unwrap();
        assert_eq!((negotiated.kex.as_str(), negotiated.cipher.as_str()), (kex, cipher));
        session.close().await;
    }
}

/// Finding 1, end to end: which key is trusted, and that no login is tried otherwise.
#[tokio::test]
async fn unknown_changed_and_revoked_keys_end_the_connection_before_any_login() {
    let lab = Lab::new();
    lab.keygen("former", &[]);
    let server = lab::sshd(&lab, &[]);
    let right = server.known_line(&lab, "host");
    let former = server.known_line(&lab, "former");
    for (known, expected) in [
        (String::new(), FaultKind::HostKeyUnknown),
        (former.clone(), FaultKind::HostKeyChanged),
        // Finding 9: revoked, and listed plain as well.
        (format!("{right}@revoked {right}"), FaultKind::HostKeyChanged),
        (format!("@revoked * {}\n{right}", lab.public("host")), FaultKind::HostKeyChanged),
        // Finding 9: an authority is not a host.
        (format!("@cert-authority {right}"), FaultKind::HostKeyUnknown),
    ] {
        let account = lab::account("root", &lab.path("user"));
        let host = lab::host("web-1", "127.0.0.1", server.port(), account);
        let fault = refused(&ssh(&known), &host).await;
        assert_eq!(fault.kind, expected, "{known}: {fault}");
        assert!(fault.detail.contains("SHA256:"), "{fault}");
    }
    // Rotation: one of two keys is right.
    let ssh = ssh(&format!("{former}{right}"));
    let account = lab::account("root", &lab.path("user"));
    let host = lab::host("web-1", "127.0.0.1", server.port(), account);
    open(&ssh, &host).await.close().await;
    server.wait_for("Accepted publickey");
    assert_eq!(server.log().matches("Accepted publickey").count(), 1, "{}", server.log());
    assert_eq!(server.log().matches("Postponed publickey").count(), 1, "{}", server.log());
}

#[tokio::test]
async fn a_host_known_by_an_rsa_key_is_asked_for_that_key() {
    let lab = Lab::new();
    lab.keygen("host-rsa", &["-t", "rsa"]);
    let both = [
        format!("HostKey {}", lab.path("host").display()),
        format!("HostKey {}", lab.path("host-rsa").display()),
    ];
    let both: Vec<&str> = both.iter().map(String::as_str).collect();
    let server = lab::sshd(&lab, &both);
    let ssh = ssh(&server.known_line(&lab, "host-rsa"));
    let account = lab::account("root", &lab.path("user"));
    let host = lab::host("web-1", "127.0.0.1", server.port(), account);
    let session = open(&ssh, &host).await;
    assert_eq!(session.negotiated().unwrap().host_key_algorithm, "rsa-sha2-512");
    session.close().await;
}

#[tokio::test]
async fn the_host_key_is_fetched_without_a_login() {
    let lab = Lab::new();
    let server = lab::sshd(&lab, &[]);
    let account = lab::account("root", &lab.path("user"));
    let host = lab::host("web-1", "127.0.0.1", server.port(), account);
    let shown = fetch_host_key(&host, &KnownHosts::default(), &deadlines()).await.unwrap();
    let printed = std::process::Command::new("ssh-keygen")
        .args(["-l", "-f"])
        .arg(lab.path("host.pub"))
        .output()
        .unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    assert!(printed.contains(&shown.fingerprint()), "{printed}");
    assert_eq!(shown.algorithm(), "ssh-ed25519");
    assert_eq!(shown.name.as_str(), format!("[127.0.0.1]:{}", server.port()));
    server.wait_for("Connection closed by");
    assert!(!server.log().contains("user root"), "{}", server.log());
}
