//! Old algorithms that a host is allowed by name, and hosts that must be post-quantum.

use std::sync::Arc;

use fleetstat::inventory::host::{Host, Legacy, LegacyAlgorithm};
use fleetstat::model::capture::LegacyUse;
use fleetstat::model::fault::FaultKind;
use fleetstat::model::time::Utc;
use fleetstat::transport::clock::Clock;
use fleetstat::transport::ssh::{Settings, Ssh};

use crate::hostile_server::{Hostile, Manners};
use crate::jump::{behind, jump};
use crate::lab::{self, Lab, Server};
use crate::{open, refused, settings, ssh};

/// An exception for these words, until the end of 2027.
pub(crate) fn legacy(words: &[&str]) -> Arc<Legacy> {
    let mut algorithms: Vec<_> =
        words.iter().map(|word| LegacyAlgorithm::parse(word).unwrap()).collect();
    algorithms.sort_unstable();
    let (reason, expires) = ("firmware, NET-812".to_owned(), "2027-12-31".parse().unwrap());
    Arc::new(Legacy { algorithms, reason, expires })
}

/// What the oldest servers that are still about have.
pub(crate) const OLD: &[&str] =
    &["ssh-rsa", "diffie-hellman-group14-sha1", "aes128-cbc", "hmac-sha1"];

/// A server that has nothing else.
pub(crate) fn old_server(lab: &Lab) -> Server {
    lab.keygen("host-rsa", &["-t", "rsa"]);
    let key = format!("HostKey {}", lab.path("host-rsa").display());
    let lines = [
        key.as_str(),
        "HostKeyAlgorithms ssh-rsa",
        "KexAlgorithms diffie-hellman-group14-sha1",
        "Ciphers aes128-cbc",
        "MACs hmac-sha1",
    ];
    lab::sshd(lab, &lines)
}

fn web(lab: &Lab, port: u16) -> Host {
    lab::host("web-1", "127.0.0.1", port, lab::account("root", &lab.path("user")))
}

fn at(known: &str, time: &str) -> Ssh {
    Ssh::new(Settings { clock: Clock::at(Utc::parse(time).unwrap()), ..settings(known) })
}

const BEFORE: &str = "2027-12-31T23:59:59Z";
const AFTER: &str = "2028-01-01T00:00:00Z";

#[tokio::test]
async fn an_old_server_is_refused_unless_it_is_allowed_by_name_and_the_use_is_recorded() {
    let lab = Lab::new();
    let server = old_server(&lab);
    let known = server.known_line(&lab, "host-rsa");
    let fault = refused(&ssh(&known), &web(&lab, server.port())).await;
    assert_eq!(fault.kind, FaultKind::KexNoCommon, "{fault}");
    let allowed = Host { legacy: Some(legacy(OLD)), ..web(&lab, server.port()) };
    let session = open(&at(&known, BEFORE), &allowed).await;
    let expected = LegacyUse {
        algorithms: OLD.iter().map(ToString::to_string).collect(),
        reason: "firmware, NET-812".to_owned(),
        expires: "2027-12-31".to_owned(),
    };
    assert_eq!(session.negotiated().unwrap().legacy, Some(expected));
    session.close().await;
    // A word that is missing is not made up for by the others.
    for missing in OLD {
        let words: Vec<&str> = OLD.iter().filter(|word| *word != missing).copied().collect();
        let host = Host { legacy: Some(legacy(&words)), ..web(&lab, server.port()) };
        let fault = refused(&at(&known, BEFORE), &host).await;
        assert_eq!(fault.kind, FaultKind::KexNoCommon, "without {missing}: {fault}");
    }
}

#[tokio::test]
async fn every_old_algorithm_is_spoken_where_it_is_allowed() {
    let lab = Lab::new();
    for (keyword, word) in [
        ("KexAlgorithms", "diffie-hellman-group14-sha1"),
        ("KexAlgorithms", "diffie-hellman-group1-sha1"),
        ("KexAlgorithms", "diffie-hellman-group-exchange-sha1"),
        ("Ciphers", "aes128-cbc"),
        ("Ciphers", "aes192-cbc"),
        ("Ciphers", "aes256-cbc"),
    ] {
        let line = format!("{keyword} {word}");
        let server = lab::sshd(&lab, &[&line]);
        let known = server.known_line(&lab, "host");
        let host = Host { legacy: Some(legacy(&[word])), ..web(&lab, server.port()) };
        let session = open(&at(&known, BEFORE), &host).await;
        assert_eq!(session.negotiated().unwrap().legacy.unwrap().algorithms, [word]);
        session.close().await;
    }
    for word in ["hmac-sha1", "hmac-sha1-etm@openssh.com"] {
        let line = format!("MACs {word}");
        let server = lab::sshd(&lab, &["Ciphers aes128-ctr", &line]);
        let known = server.known_line(&lab, "host");
        let host = Host { legacy: Some(legacy(&[word])), ..web(&lab, server.port()) };
        let session = open(&at(&known, BEFORE), &host).await;
        assert_eq!(session.negotiated().unwrap().legacy.unwrap().algorithms, [word]);
        session.close().await;
    }
}

#[tokio::test]
async fn a_server_that_has_safe_algorithms_uses_them_though_old_ones_are_allowed() {
    let lab = Lab::new();
    let all: Vec<&str> = LegacyAlgorithm::WORDS.to_vec();
    let kex = "KexAlgorithms +diffie-hellman-group1-sha1,diffie-hellman-group14-sha1";
    let server = lab::sshd(&lab, &[kex, "Ciphers +aes128-cbc", "HostKeyAlgorithms +ssh-rsa"]);
    let known = server.known_line(&lab, "host");
    let allowed = Host { legacy: Some(legacy(&all)), ..web(&lab, server.port()) };
    let plain = open(&ssh(&known), &web(&lab, server.port())).await;
    let session = open(&at(&known, BEFORE), &allowed).await;
    assert_eq!(session.negotiated(), plain.negotiated());
    session.close().await;
    plain.close().await;
}

#[tokio::test]
async fn after_its_last_day_the_host_is_refused_before_the_first_packet() {
    let lab = Lab::new();
    let server = old_server(&lab);
    let known = server.known_line(&lab, "host-rsa");
    let host = Host { legacy: Some(legacy(OLD)), ..web(&lab, server.port()) };
    let fault = refused(&at(&known, AFTER), &host).await;
    assert_eq!(fault.kind, FaultKind::Policy, "{fault}");
    let expected = "its old algorithms were allowed until 2027-12-31 (firmware, NET-812)";
    assert_eq!(fault.detail, expected);
    assert!(!server.log().contains("Connection from"), "{}", server.log());
}

/// A jump host's exception is its own: the host behind it gets none of it.
#[tokio::test]
async fn an_old_jump_host_is_allowed_apart_from_the_host_behind_it() {
    let lab = Lab::new();
    let (old, end) = (old_server(&lab), lab::sshd(&lab, &[]));
    let known = old.known_line(&lab, "host-rsa") + &end.known_line(&lab, "host");
    let account = lab::account("root", &lab.path("user"));
    let mut bastion = jump("bastion-1", old.port(), &account);
    let fault =
        refused(&at(&known, BEFORE), &behind(web(&lab, end.port()), [bastion.clone()])).await;
    assert_eq!(fault.kind, FaultKind::KexNoCommon, "{fault}");
    assert!(fault.detail.starts_with("via bastion-1: kex_no_common: no kex in common"), "{fault}");
    Arc::make_mut(&mut bastion).legacy = Some(legacy(OLD));
    let session = open(&at(&known, BEFORE), &behind(web(&lab, end.port()), [bastion])).await;
    let negotiated = session.negotiated().unwrap();
    assert_eq!(negotiated.legacy, None);
    assert_eq!(negotiated.jumps[0].negotiated.legacy.as_ref().unwrap().algorithms, OLD);
    session.close().await;
}

#[tokio::test]
async fn a_segment_that_demands_post_quantum_takes_nothing_else() {
    let lab = Lab::new();
    let hostile = Hostile::start(Manners::default()).await;
    let host = Host { require_pq: true, ..web(&lab, hostile.port) };
    let session = open(&ssh(&hostile.known_line), &host).await;
    let negotiated = session.negotiated().unwrap();
    assert_eq!(negotiated.kex, "mlkem768x25519-sha256");
    assert!(negotiated.is_post_quantum() && negotiated.strict_kex, "{negotiated:?}");
    session.close().await;
    // OpenSSH 9.2 has no mlkem.
    let server = lab::sshd(&lab, &[]);
    let known = server.known_line(&lab, "host");
    let host = Host { require_pq: true, ..web(&lab, server.port()) };
    let fault = refused(&ssh(&known), &host).await;
    assert_eq!(fault.kind, FaultKind::Policy, "{fault}");
    assert!(fault.detail.ends_with("demands a post-quantum key exchange"), "{fault}");
    assert!(!server.log().contains("user root"), "{}", server.log());
    // The whole road must be.
    let known = known + &hostile.known_line;
    let account = lab::account("root", &lab.path("user"));
    let host = Host { require_pq: true, ..web(&lab, hostile.port) };
    let host = behind(host, [jump("bastion-1", server.port(), &account)]);
    let fault = refused(&ssh(&known), &host).await;
    assert_eq!(fault.kind, FaultKind::Policy, "{fault}");
    assert!(fault.detail.starts_with("via bastion-1: policy: no kex in common"), "{fault}");
}
