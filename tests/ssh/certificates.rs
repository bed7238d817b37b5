//! Host certificates of real sshd: what is believed, what is recorded, and every reason against one.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use fleetstat::inventory::host::Host;
use fleetstat::model::capture::{End, HostCertificate};
use fleetstat::model::fault::FaultKind;
use fleetstat::model::time::Utc;
use fleetstat::probe::command::Wrap;
use fleetstat::transport::clock::Clock;
use fleetstat::transport::ssh::Ssh;
use fleetstat::transport::ssh::known_hosts::KnownHosts;

use crate::lab::{self, Lab, Server};
use crate::{limits, open, refused, settings, spool, ssh};

/// Signs a key of the laboratory; the certificate is `KEY-cert.pub`.
fn certify(lab: &Lab, key: &str, authority: &str, arguments: &[&str]) {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-h", "-I", "web-1 of 2026", "-z", "7"]).args(arguments);
    command.arg("-s").arg(lab.path(authority)).arg(lab.path(&format!("{key}.pub")));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// sshd that shows the certificate of a key.
fn sshd(lab: &Lab, key: &str) -> Server {
    let private = format!("HostKey {}", lab.path(key).display());
    let certificate = format!("HostCertificate {}", lab.path(&format!("{key}-cert.pub")).display());
    lab::sshd(lab, &[&private, &certificate])
}

/// A laboratory with an authority, `ca`, and a certificate for the key `host`.
fn certified(arguments: &[&str]) -> (Lab, Server) {
    let lab = Lab::new();
    lab.keygen("ca", &[]);
    certify(&lab, "host", "ca", arguments);
    let server = sshd(&lab, "host");
    (lab, server)
}

fn target(lab: &Lab, server: &Server) -> Host {
    lab::host("web-1", "127.0.0.1", server.port(), lab::account("root", &lab.path("user")))
}

fn authority(lab: &Lab, names: &str) -> String {
    format!("@cert-authority {names} {}\n", lab.public("ca"))
}

fn fingerprint(lab: &Lab, key: &str) -> String {
    let output =
        Command::new("ssh-keygen").arg("-lf").arg(lab.path(&format!("{key}.pub"))).output();
    let line = String::from_utf8(output.unwrap().stdout).unwrap();
    line.split(' ').nth(1).unwrap().to_owned()
}

/// A transport at a point in time.
fn ssh_at(known: &str, time: &str) -> Ssh {
    let clock = Clock::at(Utc::parse(time).unwrap());
    Ssh::new(fleetstat::transport::ssh::Settings { clock, ..settings(known) })
}

const FOR_127: &[&str] = &["-n", "127.0.0.1,web-1", "-V", "20260101000000Z:20270101000000Z"];

#[tokio::test]
async fn a_certificate_is_believed_and_recorded_whatever_its_keys_are() {
    let lab = Lab::new();
    lab.keygen("ca-ed25519", &[]);
    lab.keygen("ca-ecdsa", &["-t", "ecdsa", "-b", "521"]);
    lab.keygen("ca-rsa", &["-t", "rsa", "-b", "3072"]);
    lab.keygen("key-ecdsa", &["-t", "ecdsa", "-b", "384"]);
    lab.keygen("key-rsa", &["-t", "rsa", "-b", "3072"]);
    for (key, ca, algorithm) in [
        ("host", "ca-rsa", "ssh-ed25519"),
        ("key-ecdsa", "ca-ed25519", "ecdsa-sha2-nistp384"),
        ("key-rsa", "ca-ecdsa", "rsa-sha2-512"),
    ] {
        certify(&lab, key, ca, FOR_127);
        let server = sshd(&lab, key);
        let known = format!("@cert-authority 127.0.0.* {}\n", lab.public(ca));
        let mut session =
            open(&ssh_at(&known, "2026-11-24T00:00:00Z"), &target(&lab, &server)).await;
        let negotiated = session.negotiated().unwrap();
        let expected = HostCertificate {
            authority: fingerprint(&lab, ca),
            key_id: "web-1 of 2026".to_owned(),
            serial: 7,
            valid_until: Some(Utc::parse("2027-01-01T00:00:00Z").unwrap()),
        };
        assert_eq!(negotiated.host_certificate, Some(expected));
        assert_eq!(negotiated.host_key, fingerprint(&lab, key));
        assert_eq!(negotiated.host_key_algorithm, algorithm);
        let command = lab::invocation(&["/bin/true"], Wrap::default());
        assert_eq!(session.run(&command, limits(10), &spool()).await.end, End::Exit(0));
        session.close().await;
    }
}

#[tokio::test]
async fn a_certificate_holds_from_its_first_second_to_before_its_last() {
    let (lab, server) = certified(FOR_127);
    let (known, host) = (authority(&lab, "*"), target(&lab, &server));
    for (time, reason) in [
        ("2025-12-31T23:59:50Z", Some("is valid only from 2026-01-01T00:00:00Z on")),
        ("2026-01-01T00:00:00Z", None),
        ("2026-12-31T23:59:30Z", None),
        ("2027-01-01T00:00:00Z", Some("has expired: it was valid until 2027-01-01T00:00:00Z")),
    ] {
        let ssh = ssh_at(&known, time);
        match reason {
            None => drop(open(&ssh, &host).await.close().await),
            Some(reason) => {
                let fault = refused(&ssh, &host).await;
                assert_eq!(fault.kind, FaultKind::HostKeyUnknown, "{fault}");
                assert!(fault.detail.contains(reason), "{fault}");
            }
        }
    }
}

#[tokio::test]
async fn every_reason_against_a_certificate_is_said() {
    for (arguments, reason) in [
        (&["-n", "web-2,web-3"][..], "is for `web-2`, `web-3`, not for `127.0.0.1`"),
        (&["-n", "a,b,c,d"], "is for `a`, `b`, `c` and others, not for `127.0.0.1`"),
        (&[], "names no host at all; have it signed again with `ssh-keygen -n NAME`"),
        (&["-n", "127.0.0.1", "-O", "critical:x=y"], "has the critical option `x`"),
        (&["-n", "\u{1b}[2J\u{202e}"], r"is for `\x1b[2J\xe2\x80\xae`, not for"),
    ] {
        let (lab, server) = certified(arguments);
        let fault = refused(&ssh(&authority(&lab, "*")), &target(&lab, &server)).await;
        assert_eq!(fault.kind, FaultKind::HostKeyUnknown, "{fault}");
        assert!(fault.detail.contains(&format!("in a certificate that {reason}")), "{fault}");
        assert!(fault.detail.chars().all(|c| !c.is_control()), "{fault}");
    }
}

#[tokio::test]
async fn an_authority_of_other_names_or_another_authority_vouches_for_nobody() {
    let (lab, server) = certified(FOR_127);
    lab.keygen("ca2", &[]);
    let host = target(&lab, &server);
    let other = format!("@cert-authority * {}\n", lab.public("ca2"));
    let signed = format!("is signed by {}", fingerprint(&lab, "ca"));
    let fault = refused(&ssh(&other), &host).await;
    assert_eq!(fault.kind, FaultKind::HostKeyUnknown);
    assert!(fault.detail.contains(&signed), "{fault}");
    // Nothing is asked for, so it shows its key alone.
    let fault = refused(&ssh(&authority(&lab, "*.test,!127.0.0.1")), &host).await;
    assert_eq!(fault.kind, FaultKind::HostKeyUnknown);
    assert!(!fault.detail.contains("certificate"), "{fault}");
    // An authority's key is no host's key.
    let fault = refused(&ssh(&format!("* {}\n", lab.public("ca"))), &host).await;
    assert_eq!(fault.kind, FaultKind::HostKeyChanged, "{fault}");
}

#[tokio::test]
async fn an_alias_is_the_name_that_a_certificate_must_list() {
    let (lab, server) = certified(FOR_127);
    let mut host = target(&lab, &server);
    for (alias, good) in [("web-1", true), ("WEB-1", true), ("web-2", false)] {
        host.host_key_alias = Some(alias.to_owned());
        let ssh = ssh(&authority(&lab, "web-*"));
        if good {
            open(&ssh, &host).await.close().await;
        } else {
            let fault = refused(&ssh, &host).await;
            assert!(fault.detail.contains("not for `web-2`"), "{fault}");
        }
    }
}

/// As ssh does: the key is trusted for itself.
#[tokio::test]
async fn a_bad_certificate_is_no_obstacle_to_a_known_key() {
    let (lab, server) = certified(&["-n", "web-2"]);
    let known = authority(&lab, "*") + &server.known_line(&lab, "host");
    let session = open(&ssh(&known), &target(&lab, &server)).await;
    assert_eq!(session.negotiated().unwrap().host_certificate, None);
    session.close().await;
}

#[tokio::test]
async fn what_is_revoked_is_refused_authority_key_or_certificate() {
    let (lab, server) = certified(FOR_127);
    let host = target(&lab, &server);
    let known = authority(&lab, "*") + &server.known_line(&lab, "host");
    for key in ["ca", "host", "host-cert"] {
        let revoked = format!("{known}@revoked * {}\n", lab.public(key));
        let fault = refused(&ssh(&revoked), &host).await;
        assert_eq!(fault.kind, FaultKind::HostKeyChanged, "{key}: {fault}");
        assert!(fault.detail.contains("revoked at known_hosts:3"), "{key}: {fault}");
    }
    // A revoked authority counts where no line names it as one.
    let revoked = format!("{}@revoked * {}\n", server.known_line(&lab, "host"), lab.public("ca"));
    let fault = refused(&ssh(&revoked), &host).await;
    assert!(fault.detail.contains("revoked at known_hosts:2"), "{fault}");

    let serial = lab.write("serial", "serial: 7\n");
    let list = lab.path("list");
    let mut making = Command::new("ssh-keygen");
    making.args(["-q", "-k", "-f"]).arg(&list).arg("-s").arg(lab.path("ca.pub")).arg(&serial);
    let made = making.output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let keys = lab.write("keys", &format!("# lost\n{}\n", lab.public("ca")));
    for (file, place) in [
        (list.clone(), list.display().to_string()),
        (keys.clone(), format!("{}:2", keys.display())),
    ] {
        let fault = refused(&revoking(&known, &file), &host).await;
        assert_eq!(fault.kind, FaultKind::HostKeyChanged, "{fault}");
        assert!(fault.detail.ends_with(&format!("revoked at {place}")), "{fault}");
    }
}

/// A transport with a file of revoked keys.
fn revoking(known: &str, file: &Path) -> Ssh {
    let mut hosts = KnownHosts::default();
    hosts.add(Path::new("known_hosts"), known.as_bytes());
    hosts.read_revoked(file).unwrap();
    let settings = settings(known);
    Ssh::new(fleetstat::transport::ssh::Settings { known_hosts: Arc::new(hosts), ..settings })
}
