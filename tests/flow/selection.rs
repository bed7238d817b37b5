//! Which hosts, by which road and with which key.

use std::collections::BTreeMap;

use crate::ground::{Fleet, alone, at, came, everywhere};
use crate::lab::Agent;

#[test]
fn keys_from_agent_and_passphrase_file_two_names_of_one_host_and_the_local_road() {
    alone(|| {
        let mut fleet = Fleet::new();
        let lab = &fleet.lab;
        let passphrase = lab.write("passphrase", "correct horse\n");
        let locked = lab.keygen("locked", &["-N", "correct horse"]);
        lab.authorize("locked", "");
        lab.keygen("agents", &[]);
        lab.authorize("agents", "");
        let agent = Agent::start(lab, &["agents"]);
        std::fs::remove_file(lab.path("agents")).unwrap();
        let server = everywhere(lab, 2222, "");
        let source = format!("{{file: {}}}", passphrase.display());
        let account = format!("user: root, identity: {}, passphrase: {source}", locked.display());
        fleet.account("locked", &account);
        fleet.account("agent", "user: root, agent: true");
        fleet.set("SSH_AUTH_SOCK", &agent.socket);
        fleet.host("plain-1", at(12, 1, 2222), ", role: web, tags: [one]", "host");
        fleet.host("locked-1", at(12, 2, 2222), ", account: locked, role: web", "host");
        fleet.host("agent-1", at(12, 3, 2222), ", account: agent, role: web", "host");
        fleet.host("alias-1", at(12, 1, 2222), ", role: web", "host");
        fleet.line("here-1: {transport: local, role: web}");
        fleet.host("db-1", at(12, 9, 2222), ", role: db", "host");
        fleet.host("lab-1", at(12, 10, 2222), ", role: web, tags: [lab]", "host");
        let said = fleet.run("views: [listeners]", &["-l", "role=web & !tag=lab"]);
        assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
        let complete = came("complete", &[], 1);
        let mut expected: BTreeMap<_, _> = ["plain-1", "locked-1", "agent-1", "alias-1", "here-1"]
            .map(|n| (n.to_owned(), complete.clone()))
            .into();
        for name in ["db-1", "lab-1"] {
            expected.insert(name.to_owned(), came("skipped", &["skipped"], 0));
        }
        assert_eq!(fleet.outcomes(), expected);
        assert_eq!(fleet.details("db-1"), ["not selected"]);
        let log = server.log();
        let lines = log.matches("Accepted publickey").count();
        assert_eq!(lines, 4, "{log}");
        for host in ["plain-1", "alias-1", "here-1"] {
            let rows = fleet.ask(&["query", "listeners", "--port", "2222", "-l", host]);
            assert_eq!(rows.len(), 1, "{host}");
        }
        let web = fleet.ask(&["query", "listeners", "--port", "2222", "-l", "role=web & tag=one"]);
        assert_eq!(web.len(), 1);
        let none = fleet.run("views: [listeners]", &["-l", "role=mail"]);
        assert_eq!(none.code, 2, "{}", none.err);
        assert!(none.err.contains("no host to visit"), "{}", none.err);
    });
}

#[test]
fn a_wrong_passphrase_stops_before_the_first_host() {
    alone(|| {
        let mut fleet = Fleet::new();
        let passphrase = fleet.lab.write("passphrase", "wrong\n");
        let locked = fleet.lab.keygen("locked", &["-N", "correct horse"]);
        let server = everywhere(&fleet.lab, 2222, "");
        let source = format!("{{file: {}}}", passphrase.display());
        let account = format!("user: root, identity: {}, passphrase: {source}", locked.display());
        fleet.account("locked", &account);
        fleet.host("locked-1", at(12, 2, 2222), ", account: locked", "host");
        let said = fleet.run("views: [listeners]", &[]);
        assert_eq!(said.code, 31, "{}", said.err);
        assert!(said.err.contains("account `locked`"), "{}", said.err);
        assert!(!said.err.contains("wrong\n"), "{}", said.err);
        assert!(!server.log().contains("Connection from"), "{}", server.log());
    });
}
