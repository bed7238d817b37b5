//! `fleetstat check` against real sshd and sudo: what an account lacks and what it has too much of.

use serde_json::{Value, json};

use crate::ground::{Fleet, alone, at, everywhere};
use crate::lab::READER;

/// A fleet with an account that goes through sudo.
fn fleet() -> Fleet {
    let mut fleet = Fleet::new();
    let key = fleet.lab.path("user");
    let account = format!("user: {READER}, identity: {}, escalation: sudo", key.display());
    fleet.account("raised", &account);
    fleet
}

/// The exit code, and verdict and what was found of each host.
fn check(fleet: &Fleet) -> (i32, Vec<Value>, String) {
    let inventory = fleet.lab.path("fleet.yaml");
    let words = ["check", "--format", "ndjson", "-i", inventory.to_str().unwrap()];
    let said = fleet.say(&words);
    let rows = said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(!fleet.data().exists(), "a check keeps nothing");
    (said.code, rows, said.err)
}

fn of(rows: &[Value], host: &str) -> Vec<Value> {
    let rows = rows.iter().filter(|row| row["host_id"] == host);
    rows.map(|row| json!([row["verdict"], row["what"], row["grant"]])).collect()
}

const FITS: &str =
    "it can read what the default profile asks, and nothing was found that it should not have";

#[test]
fn what_harden_prints_is_what_check_finds_enough_and_not_too_much() {
    alone(|| {
        let mut fleet = fleet();
        let page = fleet.say(&["harden", "--platform", "linux", "--account", READER]).out;
        fleet.lab.write_mode("sudoers", &page, 0o440);
        let all = format!("{READER} ALL=(ALL:ALL) NOPASSWD: ALL\n");
        fleet.lab.write_mode("all", &all, 0o440);
        fleet.lab.write_mode("nobody", "root ALL=(ALL) ALL\n", 0o440);
        let groups = format!("root:x:0:\ndocker:x:998:{READER}\n{READER}:x:45001:\n");
        fleet.lab.write_mode("group", &groups, 0o644);
        let _servers = [
            everywhere(&fleet.lab, 2222, "replace /etc/sudoers sudoers"),
            everywhere(&fleet.lab, 2223, "replace /etc/sudoers all; replace /etc/group group"),
            everywhere(&fleet.lab, 2224, "replace /etc/sudoers nobody"),
        ];
        fleet.host("fits-1", at(5, 1, 2222), ", account: raised", "host");
        fleet.host("more-1", at(5, 2, 2223), ", account: raised", "host");
        fleet.host("less-1", at(5, 3, 2224), ", account: raised", "host");
        fleet.host("root-1", at(5, 4, 2222), "", "host");
        fleet.host("plain-1", at(5, 5, 2222), ", account: reader", "host");
        let (code, rows, errors) = check(&fleet);
        assert_eq!(code, 20, "{errors}");
        assert_eq!(of(&rows, "fits-1"), [json!(["fits", FITS, null])], "{errors}");
        assert_eq!(
            of(&rows, "more-1"),
            [
                json!([
                    "too_much",
                    "group docker: its members start containers that are root on the host",
                    null
                ]),
                json!([
                    "too_much",
                    "a rule of sudo that is none of the standard's: (ALL : ALL) NOPASSWD: ALL",
                    null
                ]),
            ]
        );
        let refused =
            |words: &str| format!("sudo does not allow, without a password: /usr/bin/{words}");
        let less = of(&rows, "less-1");
        assert_eq!(less.len(), 3, "{less:?}");
        for (row, family) in less.iter().zip(["-4", "-6"]) {
            let what = refused(&format!("ss {family} -n -a -t -u -w -e -o -p"));
            assert_eq!(*row, json!(["lacks", what, "sudo"]));
        }
        assert_eq!(less[2][0], "reduced", "{less:?}");
        assert_eq!(of(&rows, "root-1"), [json!(["too_much", "the account is root (uid 0)", null])]);
        let plain = of(&rows, "plain-1");
        assert_eq!(
            (plain.len(), &plain[0][0], &plain[0][2]),
            (1, &json!("reduced"), &json!("sudo"))
        );
    });
}

#[test]
fn hosts_that_are_not_reached_count_as_in_a_run() {
    alone(|| {
        let mut fleet = fleet();
        fleet.host("dead-1", at(5, 9, 2222), ", account: raised", "host");
        let (code, rows, _) = check(&fleet);
        assert_eq!((code, &rows[0]["verdict"]), (21, &json!("fault")), "{rows:?}");
        let page = fleet.say(&["harden", "--platform", "linux", "--account", READER]).out;
        fleet.lab.write_mode("sudoers", &page, 0o440);
        let _servers = [
            everywhere(&fleet.lab, 2223, "replace /etc/sudoers sudoers; hide ss"),
            everywhere(&fleet.lab, 2224, "replace /etc/sudoers sudoers; hide timeout"),
        ];
        fleet.host("fits-1", at(5, 1, 2223), ", account: raised", "host");
        fleet.host("fits-2", at(5, 2, 2224), ", account: raised", "host");
        let _bare = everywhere(&fleet.lab, 2225, "hide sudo");
        fleet.host("bare-1", at(5, 3, 2225), ", account: reader", "host");
        let (code, rows, errors) = check(&fleet);
        assert_eq!(code, 22, "{rows:?}\n{errors}");
        let stand_in = "ss is not on the host: linux/proc-net-tcp stands in";
        let bare = of(&rows, "bare-1");
        assert_eq!((bare.len(), &bare[0][0]), (1, &json!("reduced")), "{bare:?}");
        assert_eq!(of(&rows, "fits-2"), [json!(["fits", FITS, null])], "{errors}");
        assert!(of(&rows, "fits-1").contains(&json!(["reduced", stand_in, null])), "{rows:?}");
    });
}

#[test]
fn the_key_line_of_harden_lets_in_from_the_controller_and_from_nowhere_else() {
    alone(|| {
        let mut fleet = Fleet::new();
        let key = fleet.lab.path("user.pub");
        let line = |from: &str| {
            let words = ["harden", "--platform", "linux", "--from", from, "--key"];
            let words = [words.as_slice(), &[key.to_str().unwrap(), "--format", "ndjson"]].concat();
            let rows = fleet.say(&words).rows();
            let row = rows.iter().find(|row| row["step"] == "key").unwrap();
            row["text"].as_str().unwrap().to_owned()
        };
        let (here, elsewhere) = (line("127.0.0.0/8"), line("192.0.2.10"));
        assert!(here.starts_with("restrict,from=\"127.0.0.0/8\" ssh-ed25519 "), "{here}");
        fleet.lab.write_mode(".ssh/authorized_keys", &here, 0o644);
        let server = everywhere(&fleet.lab, 2222, "");
        fleet.host("h-1", at(5, 1, server.port()), ", account: reader", "host");
        assert_eq!(fleet.run("views: [listeners, sessions, routes]", &[]).code, 0);
        fleet.lab.write_mode(".ssh/authorized_keys", &elsewhere, 0o644);
        fleet.run("views: [listeners]", &[]);
        assert_eq!(fleet.outcomes()["h-1"].1, ["auth_refused"]);
    });
}
