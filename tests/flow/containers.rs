//! Sockets in other network namespaces, over real sshd, with and without rights.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::ground::{Fleet, alone, at, came, everywhere};

const VIEWS: &str = "views: [listeners, sessions, host]";

/// Two processes, each in a network namespace of its own, that wait on the same port; ready when
/// both have said so.
const TWO: &str = r#"
wait_on='import socket,sys,time
s=socket.socket(); s.bind(("0.0.0.0",8080)); s.listen(9)
open(sys.argv[1],"w").close(); time.sleep(600)'
for n in 1 2; do unshare --net python3 -c "$wait_on" /run/ready$n & done
until [ -e /run/ready1 ] && [ -e /run/ready2 ]; do sleep 0.05; done
"#;

/// Records of listeners on port 8080.
fn waiting(fleet: &Fleet, host: &str) -> Vec<Value> {
    let mut rows = fleet.records(host, "socket");
    rows.retain(|row| row["direction"] == "listener" && row["local"]["port"] == 8080);
    rows
}

#[test]
fn an_account_without_rights_sees_the_listeners_of_every_namespace() {
    alone(|| {
        let mut fleet = Fleet::new();
        let _server = everywhere(&fleet.lab, 2222, TWO);
        fleet.host("plain-1", at(5, 1, 2222), ", account: reader", "host");
        let said = fleet.run(VIEWS, &[]);
        assert_eq!(fleet.outcomes()["plain-1"], came("complete", &[], 1), "{}", said.out);
        let rows = waiting(&fleet, "plain-1");
        let names: BTreeSet<&str> =
            rows.iter().map(|row| row["netns"]["name"].as_str().unwrap()).collect();
        assert_eq!((rows.len(), names.len()), (2, 2), "{rows:?}");
        assert!(rows.iter().all(|row| row["attribution"] == "denied"), "{rows:?}");
        // One look at who is where, and one at each of the two.
        let evidence = String::from_utf8(fleet.evidence("plain-1")).unwrap();
        let asked = |probe: &str| evidence.matches(&format!("reader: {probe}\n")).count();
        assert_eq!(asked("linux/network-namespaces"), 1, "{evidence}");
        assert_eq!(asked("linux/namespace-sockets"), 2, "{evidence}");
        let page = fleet.say(&["show", "plain-1"]).out;
        assert!(!page.contains("host_netns_only"), "{page}");
        assert!(names.iter().all(|name| page.contains(name)), "{page}");
        let known = fleet.ask(&["query", "listeners", "--port", "8080"]);
        let known: BTreeSet<&str> =
            known.iter().map(|row| row["namespace"].as_str().unwrap()).collect();
        assert_eq!(known, names);
    });
}

#[test]
fn root_sees_their_owners_and_a_playbook_can_leave_them_out() {
    alone(|| {
        let mut fleet = Fleet::new();
        let _server = everywhere(&fleet.lab, 2222, TWO);
        fleet.host("root-1", at(5, 1, 2222), "", "host");
        let said = fleet.run(VIEWS, &[]);
        assert_eq!(fleet.outcomes()["root-1"], came("complete", &[], 1), "{}", said.out);
        let rows = waiting(&fleet, "root-1");
        assert_eq!(rows.len(), 2);
        for row in &rows {
            assert_eq!(row["attribution"], "owned", "{row}");
            assert_eq!(row["processes"][0]["name"], "python3", "{row}");
        }
        let said = fleet.run(&format!("{VIEWS}\ncontainers: false"), &[]);
        assert_eq!(said.code, 0, "{}", said.err);
        assert_eq!(waiting(&fleet, "root-1"), Vec::<Value>::new());
        let page = fleet.say(&["show", "root-1"]).out;
        assert!(page.contains("host_netns_only"), "{page}");
        // What was not looked into has not gone.
        let known = fleet.ask(&["query", "listeners", "--port", "8080"]);
        assert_eq!(known.len(), 2, "{known:?}");
        let diff = fleet.say(&["diff", "root-1"]);
        assert!(!diff.out.contains("listener_gone"), "{}", diff.out);
    });
}

#[test]
fn processes_that_proc_hides_are_a_limitation_and_no_absence() {
    alone(|| {
        let mut fleet = Fleet::new();
        let hidden = format!("{TWO}\nmount -o remount,hidepid=2 /proc");
        let _server = everywhere(&fleet.lab, 2222, &hidden);
        fleet.host("hidden-1", at(5, 1, 2222), ", account: reader", "host");
        let said = fleet.run(VIEWS, &[]);
        assert_eq!(fleet.outcomes()["hidden-1"], came("complete", &[], 1), "{}", said.out);
        assert_eq!(waiting(&fleet, "hidden-1"), Vec::<Value>::new());
        let page = fleet.say(&["show", "hidden-1"]).out;
        assert!(page.contains("host_netns_only"), "{page}");
        assert!(page.contains("hidepid"), "{page}");
    });
}

#[test]
fn rows_with_namespaces_are_the_same_after_a_rebuild() {
    alone(|| {
        let mut fleet = Fleet::new();
        let _server = everywhere(&fleet.lab, 2222, &format!("hide ss\n{TWO}"));
        fleet.host("plain-1", at(5, 1, 2222), "", "host");
        let said = fleet.run(VIEWS, &[]);
        assert_eq!(said.code, 0, "{}", said.err);
        let sorted = |mut rows: Vec<Value>| {
            rows.sort_by_key(ToString::to_string);
            rows
        };
        let before = sorted(fleet.records("plain-1", "socket"));
        assert_eq!(before.iter().filter(|row| !row["netns"]["name"].is_null()).count(), 2);
        let run = fleet.manifest()["run"].as_str().unwrap().to_owned();
        let verified = fleet.say(&["verify", &run]);
        assert_eq!(verified.code, 0, "{}", verified.err);
        std::fs::remove_file(fleet.data().join("store.sqlite")).unwrap();
        let rebuilt = fleet.say(&["rebuild"]);
        assert_eq!(rebuilt.code, 0, "{}", rebuilt.err);
        assert_eq!(sorted(fleet.records("plain-1", "socket")), before);
    });
}
