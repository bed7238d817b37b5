//! Hosts that cannot be reached, must not be trusted, or say no: each with its exact class, and no
//! account locked out.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::TcpListener;

use crate::ground::{Fleet, alone, at, came, everywhere};

const SHORT: &str = "views: [listeners]\ndeadlines: {banner: 1s, key_exchange: 2s}";

/// Accepts, says a banner, and then nothing.
fn banner_only(listener: TcpListener) {
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for mut stream in listener.incoming().flatten() {
            stream.write_all(b"SSH-2.0-banner_only\r\n").unwrap();
            held.push(stream);
        }
    });
}

#[test]
fn every_refusal_has_its_class_and_its_remedy() {
    alone(|| {
        let mut fleet = Fleet::new();
        fleet.lab.keygen("stranger", &[]);
        let key = fleet.lab.path("stranger");
        fleet.account("stranger", &format!("user: root, identity: {}", key.display()));
        let _server = everywhere(&fleet.lab, 2222, "");
        let silent = TcpListener::bind(at(3, 3, 2300)).unwrap();
        banner_only(TcpListener::bind(at(3, 4, 2300)).unwrap());
        fleet.host("fine-1", at(3, 9, 2222), "", "host");
        fleet.host("closed-1", at(3, 1, 2299), "", "host");
        fleet.host("unknown-1", at(3, 2, 2222), "", "");
        fleet.host("silent-1", silent.local_addr().unwrap(), "", "host");
        fleet.host("banner-1", at(3, 4, 2300), "", "host");
        fleet.host("denied-1", at(3, 5, 2222), ", account: stranger", "host");
        let said = fleet.run(SHORT, &[]);
        assert_eq!(said.code, 20, "{}", said.err);
        let failed = |kind| came("failed", &[kind], 0);
        let expected = BTreeMap::from([
            ("fine-1", came("complete", &[], 1)),
            ("closed-1", failed("refused")),
            ("unknown-1", failed("host_key_unknown")),
            ("silent-1", failed("banner_timeout")),
            ("banner-1", failed("kex_timeout")),
            ("denied-1", failed("auth_refused")),
        ]);
        let expected: BTreeMap<_, _> =
            expected.into_iter().map(|(name, came)| (name.to_owned(), came)).collect();
        assert_eq!(fleet.outcomes(), expected);
        for remedy in [
            "check that sshd or WinRM runs on the host and `port` is right",
            "then run `fleetstat enroll`",
            "the port is open but silent",
            "the server stopped during the key exchange",
            "check the account on the host: over SSH its key in authorized_keys",
        ] {
            assert!(said.out.contains(remedy), "no `{remedy}` in {}", said.out);
        }
        assert!(!fleet.lab.path("known_hosts.new").exists());
        let known = std::fs::read_to_string(fleet.lab.path("known_hosts")).unwrap();
        assert!(!known.contains("127.0.3.2"), "a key was accepted by itself");
    });
}

#[test]
fn a_fleet_that_is_only_unreachable_has_an_exit_code_of_its_own() {
    alone(|| {
        let mut fleet = Fleet::new();
        let server = everywhere(&fleet.lab, 2222, "");
        fleet.host("fine-1", at(3, 9, server.port()), "", "host");
        fleet.host("closed-1", at(3, 1, 2299), "", "host");
        assert_eq!(fleet.run(SHORT, &[]).code, 22);
        assert_eq!(fleet.run(SHORT, &["-l", "closed-1"]).code, 21);
        assert_eq!(fleet.run(SHORT, &["-l", "fine-1"]).code, 0);
    });
}

#[test]
fn two_refusals_stop_a_credential_and_no_host_sees_a_second_attempt() {
    alone(|| {
        let mut fleet = Fleet::new();
        fleet.lab.keygen("stranger", &[]);
        let key = fleet.lab.path("stranger");
        fleet.account("stranger", &format!("user: root, identity: {}", key.display()));
        let server = everywhere(&fleet.lab, 2222, "");
        let stranger = ", account: stranger";
        fleet.host("a-1", at(4, 1, 2222), stranger, "host");
        // The same machine under another name.
        fleet.host("a-2", at(4, 1, 2222), stranger, "host");
        fleet.host("b-1", at(4, 2, 2222), stranger, "host");
        (3..=5).for_each(|n| fleet.host(&format!("c-{n}"), at(4, n, 2222), stranger, "host"));
        fleet.host("fine-1", at(4, 9, 2222), "", "host");
        let said = fleet.run("views: [listeners]\nlimits: {width: 1}", &[]);
        assert_eq!(said.code, 20, "{}", said.err);
        let refused = came("failed", &["auth_refused"], 0);
        let skipped = came("skipped", &["skipped"], 0);
        let expected = [
            ("a-1", refused.clone()),
            ("a-2", skipped.clone()),
            ("b-1", refused),
            ("c-3", skipped.clone()),
            ("c-4", skipped.clone()),
            ("c-5", skipped),
            ("fine-1", came("complete", &[], 1)),
        ];
        let expected: BTreeMap<_, _> =
            expected.into_iter().map(|(name, came)| (name.to_owned(), came)).collect();
        assert_eq!(fleet.outcomes(), expected);
        let again = "account `root` was refused by this address under another name";
        assert_eq!(fleet.details("a-2"), [again]);
        let stopped = "account `root` was refused by 2 hosts: not tried again in this run";
        assert_eq!(fleet.details("c-5"), [stopped]);
        assert!(said.out.contains("not tried again in this run") || said.out.contains(again));
        server.wait_for("on 127.0.4.9 port 2222");
        let log = server.log();
        let connections = |n: u8| log.matches(&format!("on 127.0.4.{n} port 2222")).count();
        assert_eq!([1, 2, 3, 4, 5, 9].map(connections), [1, 1, 0, 0, 0, 1], "{log}");
        assert_eq!(log.matches("Accepted publickey").count(), 1, "{log}");
    });
}
