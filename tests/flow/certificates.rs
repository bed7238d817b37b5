//! User certificates through the whole program: what is warned about before the run, and what is
//! recorded.

use std::process::Command;

use crate::ground::{Fleet, alone, at, came, everywhere};

/// Signs the laboratory's user key for a time.
fn sign(fleet: &Fleet, principal: &str, validity: &str) {
    let lab = &fleet.lab;
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-s"]).arg(lab.path("ca")).args(["-I", "night", "-z", "42"]);
    command.args(["-n", principal, "-V", validity]).arg(lab.path("user.pub"));
    assert!(command.status().unwrap().success());
}

/// A host that takes certificates, and an account that has one.
fn fleet() -> Fleet {
    let mut fleet = Fleet::new();
    fleet.lab.keygen("ca", &[]);
    let key = fleet.lab.path("user");
    let key = key.display();
    fleet.account("signed", &format!("user: root, identity: {key}, certificate: {key}-cert.pub"));
    fleet.host("signed-1", at(16, 1, 2222), ", account: signed", "host");
    fleet
}

#[test]
fn a_certificate_that_may_end_before_the_run_is_warned_about_and_recorded() {
    alone(|| {
        let fleet = fleet();
        sign(&fleet, "root", "-1m:+2m");
        let ca = format!("TrustedUserCAKeys {}", fleet.lab.path("ca.pub").display());
        let address = at(16, 1, 2222);
        let lines = [ca.as_str(), "AuthorizedKeysFile none"];
        let _server = crate::lab::sshd_of(&fleet.lab, address, "", &lines);
        let said = fleet.run("views: [host]", &[]);
        assert_eq!(said.code, 0, "{}", said.err);
        assert_eq!(fleet.outcomes()["signed-1"], came("complete", &[], 1));
        let warning = "hosts visited later would fail; have the key signed for longer";
        assert_eq!(said.err.matches(warning).count(), 1, "{}", said.err);
        let header = String::from_utf8(fleet.evidence("signed-1")).unwrap();
        let identity = header.lines().find(|line| line.contains("ssh-ed25519-cert-v01 SHA256:"));
        let identity = identity.unwrap_or_else(|| panic!("{header}"));
        assert!(identity.contains(r#"certificate \"night\", serial 42, until 20"#), "{identity}");
        // Long enough now, but for somebody else.
        sign(&fleet, "nightly", "-1m:+1d");
        let said = fleet.run("views: [host]", &[]);
        assert_eq!(fleet.outcomes()["signed-1"], came("failed", &["auth_refused"], 0));
        let warning = "`root` is not among its principals (nightly)";
        assert_eq!(said.err.matches(warning).count(), 1, "{}", said.err);
        assert!(!said.err.contains("have the key signed for longer"), "{}", said.err);
    });
}

#[test]
fn an_expired_certificate_stops_before_the_first_host() {
    alone(|| {
        let fleet = fleet();
        sign(&fleet, "root", "-2m:-1m");
        let server = everywhere(&fleet.lab, 2222, "");
        let said = fleet.run("views: [host]", &[]);
        assert_eq!(said.code, 31, "{}", said.err);
        assert!(said.err.contains("\"night\") expired at 20"), "{}", said.err);
        assert!(!server.log().contains("Connection from"), "{}", server.log());
    });
}
