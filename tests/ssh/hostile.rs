//! Against the hostile server: what it may not do, and how what it says is shown.

use std::time::{Duration, Instant};

use fleetstat::evidence::spool::SpoolSettings;
use fleetstat::inventory::host::Host;
use fleetstat::model::capture::End;
use fleetstat::model::fault::FaultKind;
use fleetstat::probe::command::Wrap;
use fleetstat::transport::Answer;
use russh::cipher;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::hostile_server::{Hostile, Manners};
use crate::lab::{self, Lab};
use crate::{incomplete, kind, limits, open, refused, spool, ssh, text, visit};

fn target(lab: &Lab, port: u16) -> Host {
    lab::host("web-1", "127.0.0.1", port, lab::account("root", &lab.path("user")))
}

/// Runs `/bin/WORD` against a fresh hostile server.
async fn answer(word: &str) -> (Answer, Hostile) {
    let lab = Lab::new();
    let server = Hostile::start(Manners::default()).await;
    let command = lab::invocation(&[&format!("/bin/{word}")], Wrap::default());
    let answer = visit(&ssh(&server.known_line), &target(&lab, server.port), &command).await;
    (answer, server)
}

/// Finding 6. The eighth kind, an unknown name, is refused before our handler is asked.
#[tokio::test]
async fn every_channel_that_a_server_opens_is_refused() {
    let (mut answer, _) = answer("open").await;
    assert_eq!(answer.end, End::Exit(0));
    let expected = "session agent x11 direct-tcpip forwarded-tcpip \
                    direct-streamlocal forwarded-streamlocal";
    assert_eq!(text(&mut answer.stdout), expected);
}

/// Finding 5.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_tiny_packets_blocks_nobody_and_is_cut() {
    let lab = Lab::new();
    let server = Hostile::start(Manners::default()).await;
    let ssh = ssh(&server.known_line);
    let host = target(&lab, server.port);
    let mut flooded = open(&ssh, &host).await;
    let mut calm = open(&ssh, &host).await;
    let ok = lab::invocation(&["/bin/ok"], Wrap::default());
    let flood = lab::invocation(&["/bin/tiny-flood"], Wrap::default());
    let cap = SpoolSettings::new(std::env::temp_dir(), 100_000);
    let other = async {
        let mut slowest = Duration::ZERO;
        for _ in 0..10 {
            let begun = Instant::now();
            assert_eq!(calm.run(&ok, limits(10), &spool()).await.end, End::Exit(0));
            slowest = slowest.max(begun.elapsed());
        }
        slowest
    };
    let (answer, slowest) = tokio::join!(flooded.run(&flood, limits(20), &cap), other);
    assert_eq!(kind(&answer), FaultKind::Truncated);
    assert_eq!(answer.stdout.bytes(), 100_000);
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    // The same connection can run the next command.
    if answer.session_usable {
        assert_eq!(flooded.run(&ok, limits(10), &spool()).await.end, End::Exit(0));
    }
    let begun = Instant::now();
    flooded.close().await;
    calm.close().await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

/// Finding 4: TERM and KILL are sent in this order.
#[tokio::test]
async fn a_command_that_hangs_is_signalled_and_its_channel_closed() {
    let lab = Lab::new();
    let server = Hostile::start(Manners::default()).await;
    let ssh = ssh(&server.known_line);
    let mut session = open(&ssh, &target(&lab, server.port)).await;
    let hang = lab::invocation(&["/bin/hang"], Wrap::default());
    let answer = session.run(&hang, limits(1), &spool()).await;
    assert_eq!(kind(&answer), FaultKind::FirstByteTimeout);
    assert_eq!(*server.counts.signals.lock().unwrap(), ["TERM", "KILL"]);
    assert!(answer.elapsed < Duration::from_secs(5), "{:?}", answer.elapsed);
    session.close().await;
}

/// Finding 7.
#[tokio::test]
async fn chacha20_without_strict_key_exchange_is_refused_before_any_login() {
    let lab = Lab::new();
    let manners =
        Manners { without_strict_kex: Some(cipher::CHACHA20_POLY1305), ..Manners::default() };
    let server = Hostile::start(manners).await;
    let fault = refused(&ssh(&server.known_line), &target(&lab, server.port)).await;
    assert_eq!(fault.kind, FaultKind::KexNoCommon, "{fault}");
    assert!(fault.detail.contains("CVE-2023-48795"), "{fault}");
    assert_eq!(server.logins(), 0);

    let manners = Manners { without_strict_kex: Some(cipher::AES_256_GCM), ..Manners::default() };
    let server = Hostile::start(manners).await;
    let session = open(&ssh(&server.known_line), &target(&lab, server.port)).await;
    assert!(!session.negotiated().unwrap().strict_kex);
    session.close().await;
}

/// A server in the middle with another key sees no login, in many tries.
#[tokio::test]
async fn a_server_in_the_middle_sees_no_login() {
    let lab = Lab::new();
    lab.keygen("real", &[]);
    let server = Hostile::start(Manners::default()).await;
    let known = format!("[127.0.0.1]:{} {}\n", server.port, lab.public("real"));
    let ssh = ssh(&known);
    let host = target(&lab, server.port);
    for _ in 0..100 {
        assert_eq!(refused(&ssh, &host).await.kind, FaultKind::HostKeyChanged);
    }
    assert_eq!(server.logins(), 0);
}

/// Finding 8: what is offered, as it stands on the wire.
#[tokio::test]
async fn neither_sha_1_nor_cbc_nor_compression_is_offered() {
    let lab = Lab::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let capture = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"SSH-2.0-capture\r\n").await.unwrap();
        let mut bytes = Vec::new();
        let mut chunk = [0; 4096];
        loop {
            let count = stream.read(&mut chunk).await.unwrap();
            bytes.extend_from_slice(&chunk[..count]);
            if let Some(lists) = name_lists(&bytes) {
                return lists;
            }
        }
    };
    let (ssh, host) = (ssh(""), target(&lab, port));
    let (lists, _) = tokio::join!(capture, refused(&ssh, &host));
    assert_eq!(
        lists[..8],
        [
            "mlkem768x25519-sha256,curve25519-sha256,curve25519-sha256@libssh.org,\
             ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,\
             diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512,\
             diffie-hellman-group18-sha512,diffie-hellman-group14-sha256,\
             ext-info-c,kex-strict-c-v00@openssh.com",
            "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,\
             rsa-sha2-512,rsa-sha2-256",
            CIPHERS,
            CIPHERS,
            MACS,
            MACS,
            "none",
            "none",
        ]
    );
}

const CIPHERS: &str = "aes256-gcm@openssh.com,aes128-gcm@openssh.com,\
                       chacha20-poly1305@openssh.com,aes256-ctr,aes192-ctr,aes128-ctr";
const MACS: &str = "hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com,\
                    hmac-sha2-512,hmac-sha2-256";

/// The ten name lists of the first packet after the identification line (RFC 4253, 7.1).
fn name_lists(bytes: &[u8]) -> Option<Vec<String>> {
    let line = bytes.windows(2).position(|pair| pair == b"\r\n")? + 2;
    let packet = bytes.get(line..)?;
    let length = usize::try_from(u32::from_be_bytes(packet.first_chunk::<4>().copied()?)).unwrap();
    let body = packet.get(4..4 + length)?;
    let mut rest = body.get(1 + 1 + 16..)?;
    let mut lists = Vec::new();
    for _ in 0..10 {
        let (size, tail) = rest.split_first_chunk::<4>()?;
        let (list, tail) = tail.split_at(usize::try_from(u32::from_be_bytes(*size)).unwrap());
        lists.push(String::from_utf8(list.to_vec()).unwrap());
        rest = tail;
    }
    Some(lists)
}

#[tokio::test]
async fn escape_sequences_in_banner_and_goodbye_come_out_escaped_and_cut() {
    let lab = Lab::new();
    let banner = Some("Welcome \u{1b}]0;owned\u{7}\u{202e}".to_owned());
    let server = Hostile::start(Manners { banner_and_refusal: banner, ..Manners::default() }).await;
    let fault = refused(&ssh(&server.known_line), &target(&lab, server.port)).await;
    assert_eq!(fault.kind, FaultKind::AuthRefused);
    assert!(fault.detail.contains(r"Welcome \x1b]0;owned\x07\xe2\x80\xae"), "{fault}");
    assert!(fault.detail.chars().all(|c| !c.is_control()), "{fault}");

    let (mut answer, _) = answer("goodbye").await;
    let fault = incomplete(&answer).clone();
    assert_eq!(fault.kind, FaultKind::Lost);
    assert!(fault.detail.contains(r"said goodbye: bye \x1b[2J\x0d\x0axxx"), "{fault}");
    assert!(fault.detail.ends_with("x [cut]"), "{fault}");
    assert!(fault.detail.len() < 700, "{}", fault.detail.len());
    assert_eq!(text(&mut answer.stdout), "half");

    let (answer, _) = crate::hostile::answer("evil-signal").await;
    assert_eq!(answer.end, End::Signal(r"EV\x1bIL".into()));
}

#[tokio::test]
async fn an_end_that_is_half_is_no_end() {
    for (word, detail) in [
        ("no-eof", "exit status 0, but the end of the output did not come"),
        ("no-status", "the channel was closed without an exit status"),
    ] {
        let (mut answer, _) = answer(word).await;
        let fault = incomplete(&answer).clone();
        assert_eq!((fault.kind, fault.detail.as_str()), (FaultKind::Lost, detail));
        assert_eq!(text(&mut answer.stdout), "half");
    }
}

#[tokio::test]
async fn an_expired_password_and_a_refused_command_have_their_own_faults() {
    let (answer, _) = answer("expired").await;
    assert_eq!(kind(&answer), FaultKind::PasswordExpired);
    let (answer, _) = crate::hostile::answer("refuse").await;
    assert_eq!(kind(&answer), FaultKind::Denied);
}

/// Finding 8, the other way: names of algorithms are text of the server, too.
#[tokio::test]
async fn names_of_algorithms_are_escaped_in_the_fault() {
    let lab = Lab::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let evil = "evil\u{1b}[2J\u{7}\u{202e}";
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"SSH-2.0-\x1b]0;owned\x07\r\n").await.unwrap();
        stream.write_all(&kexinit(evil)).await.unwrap();
        // Until the client leaves.
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
    };
    let (ssh, host) = (ssh(""), target(&lab, port));
    let ((), fault) = tokio::join!(serve, refused(&ssh, &host));
    assert!(fault.detail.chars().all(|c| !c.is_control() && c != '\u{202e}'), "{fault:?}");
    assert!([FaultKind::KexNoCommon, FaultKind::Lost].contains(&fault.kind), "{fault}");
}

/// A first packet whose ten name lists all hold one name (RFC 4253, 7.1).
fn kexinit(name: &str) -> Vec<u8> {
    let mut body = vec![20];
    body.extend([0; 16]);
    for _ in 0..10 {
        body.extend(u32::try_from(name.len()).unwrap().to_be_bytes());
        body.extend(name.as_bytes());
    }
    body.extend([0; 5]);
    let padding = 4 + (8 - (5 + body.len() + 4) % 8) % 8;
    let length = 1 + body.len() + padding;
    let mut packet = u32::try_from(length).unwrap().to_be_bytes().to_vec();
    packet.push(u8::try_from(padding).unwrap());
    packet.extend(body);
    packet.resize(packet.len() + padding, 0);
    packet
}

/// A byte now and then is no identification: the deadline is for the whole line.
#[tokio::test]
async fn an_identification_that_drips_meets_its_deadline() {
    let lab = Lab::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let drip = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut ticks = tokio::time::interval(Duration::from_millis(50));
        while stream.write_all(b"x").await.is_ok() {
            ticks.tick().await;
        }
    };
    let (ssh, host) = (ssh(""), target(&lab, port));
    let begun = Instant::now();
    let ((), fault) = tokio::join!(drip, refused(&ssh, &host));
    assert_eq!(fault.kind, FaultKind::BannerTimeout, "{fault}");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}
