//! Hosts that lack a tool, and accounts that lack a right.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::ground::{Fleet, alone, at, came, everywhere};

const VIEWS: &str = "views: [listeners, sessions, interfaces, host]";

fn text(evidence: Vec<u8>) -> String {
    String::from_utf8(evidence).unwrap()
}

/// The sockets of a host that listen on a port.
fn listeners(fleet: &Fleet, host: &str, port: u16) -> Vec<Value> {
    let mut rows = fleet.records(host, "socket");
    rows.retain(|row| row["direction"] == "listener" && row["local"]["port"] == port);
    rows
}

#[test]
fn a_host_without_ss_or_timeout_or_ip_is_read_another_way() {
    alone(|| {
        let mut fleet = Fleet::new();
        let _servers = [
            everywhere(&fleet.lab, 2222, "hide ss"),
            everywhere(&fleet.lab, 2223, "hide timeout"),
            everywhere(&fleet.lab, 2224, "hide ip"),
        ];
        fleet.host("no-ss-1", at(5, 1, 2222), "", "host");
        fleet.host("no-timeout-1", at(5, 2, 2223), "", "host");
        fleet.host("no-ip-1", at(5, 3, 2224), "", "host");
        let said = fleet.run(VIEWS, &[]);
        let expected = BTreeMap::from([
            ("no-ss-1".to_owned(), came("complete", &[], 1)),
            ("no-timeout-1".to_owned(), came("complete", &[], 1)),
            // The tables of /proc/net have no IPv4 addresses.
            ("no-ip-1".to_owned(), came("partial", &[], 1)),
        ]);
        assert_eq!(fleet.outcomes(), expected, "{}", text(fleet.evidence("no-ip-1")));
        assert_eq!(said.code, 20, "{}", said.err);
        assert!(fleet.say(&["show", "no-ip-1"]).out.contains("tool_gap"));
        without_ss(&fleet);
        let evidence = text(fleet.evidence("no-timeout-1"));
        assert_eq!(evidence.matches("end: exit 127").count(), 1, "{evidence}");
        assert_eq!(evidence.matches("\"/usr/bin/timeout\",\"-k\"").count(), 1, "{evidence}");
        let interfaces = fleet.records("no-ip-1", "interface");
        let names: Vec<&Value> = interfaces.iter().map(|row| &row["name"]).collect();
        assert!(names.contains(&&Value::from("lo")), "{interfaces:?}");
        assert_eq!(listeners(&fleet, "no-ip-1", 2224).len(), 1);
    });
}

/// What `timeout` says on RHEL 6 (coreutils 8.4) and on Debian 10 (busybox 1.30) to `-k`.
const OLD_TIMEOUTS: [(u16, &str); 2] = [
    (125, "$0: invalid option -- 'k'\nTry \\`$0 --help' for more information."),
    (
        1,
        "timeout: invalid option -- 'k'\nBusyBox v1.30.1 (Debian 1:1.30.1-4) multi-call binary.\n\n\
         Usage: timeout [-s SIG] SECS PROG ARGS",
    ),
];

#[test]
fn a_host_whose_timeout_is_old_costs_one_command_and_no_answer() {
    alone(|| {
        let mut fleet = Fleet::new();
        let mut servers = Vec::new();
        for (number, (status, text)) in (1..).zip(OLD_TIMEOUTS) {
            let script = format!(
                "#!/bin/sh\nfor w; do [ \"$w\" != -k ] || {{ echo \"{text}\" >&2; exit {status}; }}; \
                 done\nshift; exec \"$@\"\n"
            );
            let path = fleet.lab.write_mode(&format!("timeout-{number}"), &script, 0o755);
            let put = format!("mount --bind {} /usr/bin/timeout", path.display());
            servers.push(everywhere(&fleet.lab, 2221 + u16::from(number), &put));
            fleet.host(
                &format!("old-{number}"),
                at(5, number, 2221 + u16::from(number)),
                "",
                "host",
            );
        }
        let said = fleet.run(VIEWS, &[]);
        for number in 1..=2 {
            let host = format!("old-{number}");
            let evidence = text(fleet.evidence(&host));
            assert_eq!(fleet.outcomes()[&host], came("complete", &[], 1), "{evidence}");
            assert_eq!(evidence.matches("\"/usr/bin/timeout\",\"-k\"").count(), 1, "{evidence}");
            assert!(evidence.contains("timeout takes no -k"), "{evidence}");
            assert_eq!(listeners(&fleet, &host, 2221 + number).len(), 1);
        }
        assert_eq!(said.code, 0, "{}", said.err);
    });
}

/// Why a link of the chain replaced another, as the evidence says it.
const MISSING: [&str; 2] =
    [r#""condition":"exit 127","section":2}"#, r#""condition":"usage error","section":4}"#];

#[test]
fn each_link_of_the_chain_takes_over_where_the_one_before_it_is_missing() {
    alone(|| {
        let mut fleet = Fleet::new();
        // What is hidden, the probe that answers, and why each replaced another.
        let links = [
            ("ss cat", 2222, "linux/netstat-wide", &MISSING[..1]),
            // This busybox was built without `-p` and `-W`.
            ("ss cat netstat", 2223, "linux/busybox-netstat", &MISSING[..]),
            ("ss cat netstat busybox", 2224, "linux/lsof", &MISSING[..1]),
        ];
        let _servers = links
            .map(|(hidden, port, _, _)| everywhere(&fleet.lab, port, &format!("hide {hidden}")));
        for (number, (_, port, _, _)) in (1..).zip(links) {
            fleet.host(&format!("link-{number}"), at(5, number, port), "", "host");
        }
        let said = fleet.run("views: [listeners, sessions]", &[]);
        assert!([0, 20].contains(&said.code), "{}\n{}", said.out, said.err);
        for (number, (_, port, probe, conditions)) in (1..).zip(links) {
            let host = format!("link-{number}");
            let rows = listeners(&fleet, &host, port);
            assert_eq!(rows.len(), 1, "{host}: {}", text(fleet.evidence(&host)));
            assert_eq!(rows[0]["probes"][0], probe, "{}", rows[0]);
            let evidence = text(fleet.evidence(&host));
            // The host told its tools after the first exit 127, so nothing was tried in vain.
            assert!(evidence.contains(&format!(": {probe}\n")), "{evidence}");
            let taken: Vec<&str> =
                evidence.lines().filter_map(|line| line.strip_prefix("fallback_of: {")).collect();
            assert_eq!(taken, conditions);
        }
        for host in ["link-1", "link-2"] {
            assert_eq!(
                fleet.outcomes()[host],
                came("complete", &[], 1),
                "{:?}",
                fleet.details(host)
            );
        }
        // lsof sees only what has an owner: never whole.
        let last = &fleet.outcomes()["link-3"];
        assert_eq!(*last, came("partial", &[], 1), "{:?}", fleet.details("link-3"));
        assert!(fleet.say(&["show", "link-3"]).out.contains("tool_gap"));
    });
}

fn without_ss(fleet: &Fleet) {
    let evidence = text(fleet.evidence("no-ss-1"));
    let fallbacks = evidence.matches("\nfallback_of: {\"condition\":").count();
    // The tables of both families: TCP, UDP, raw and UDP-Lite.
    assert_eq!(fallbacks, 8, "{evidence}");
    let rows = listeners(fleet, "no-ss-1", 2222);
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["attribution"], "owned");
    assert_eq!(rows[0]["processes"][0]["name"], "sshd");
    let page = fleet.say(&["show", "no-ss-1"]).out;
    assert!(page.contains("linux/ss-inet4 (another took its place): tool_missing"), "{page}");
    let probes = ["linux/proc-net-tcp", "linux/owners", "linux/processes"];
    assert_eq!(rows[0]["probes"], serde_json::json!(probes));
    let processes = fleet.records("no-ss-1", "process");
    let pid = &rows[0]["processes"][0]["pid"];
    let server = processes.iter().find(|process| process["pid"] == *pid);
    let server = server.unwrap();
    assert_eq!(server["user"]["id"], 0, "{server}");
    assert_eq!(server["parent_pid"], 0, "the first of its PID namespace: {server}");
}

/// What a listener is, without what only one of two readings can tell: owners, timers, queues and
/// the options that `/proc/net` does not have.
fn essence(rows: &[Value]) -> BTreeMap<String, Value> {
    let told = |row: &Value| {
        serde_json::json!([
            row["socket"]["inode"],
            row["socket"]["uid"],
            row["direction"],
            row["bind"]["scope"],
        ])
    };
    let ends = |row: &Value| format!("{} {} {}", row["network"], row["local"], row["remote"]);
    let listens = rows.iter().filter(|row| row["direction"] == "listener");
    listens.map(|row| (ends(row), told(row))).collect()
}

#[test]
fn the_same_listeners_come_through_ss_and_through_proc() {
    alone(|| {
        let mut fleet = Fleet::new();
        // Two addresses of one machine, of which the second has no ss: the program is hidden by a
        // mount that only its sessions see.
        let _servers = [everywhere(&fleet.lab, 2222, ""), everywhere(&fleet.lab, 2223, "hide ss")];
        fleet.host("ss-1", at(5, 1, 2222), "", "host");
        fleet.host("proc-1", at(5, 2, 2223), "", "host");
        let said = fleet.run(VIEWS, &[]);
        assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
        let (ss, proc) = (fleet.records("ss-1", "socket"), fleet.records("proc-1", "socket"));
        assert_eq!(essence(&ss), essence(&proc));
        // Each host has a PID namespace of its own and sees the owners of its own server only.
        for (host, port) in [("ss-1", 2222), ("proc-1", 2223)] {
            let rows = listeners(&fleet, host, port);
            assert_eq!(rows[0]["attribution"], "owned", "{host}");
            assert_eq!(rows[0]["processes"][0]["name"], "sshd", "{host}");
        }
    });
}

#[test]
fn an_account_without_rights_sees_sockets_and_claims_no_owner() {
    alone(|| {
        let mut fleet = Fleet::new();
        let server = everywhere(&fleet.lab, 2222, "");
        fleet.host("plain-1", at(5, 1, server.port()), ", account: reader", "host");
        let said = fleet.run("views: [listeners, sessions]", &[]);
        assert_eq!(said.code, 0, "{}", said.err);
        assert!(said.out.contains("owners of some sockets"), "{}", said.out);
        let rows = listeners(&fleet, "plain-1", 2222);
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0]["attribution"], "denied");
        let sockets = fleet.records("plain-1", "socket");
        let claims = sockets.iter().filter(|row| row["attribution"] == "kernel");
        assert!(
            claims.clone().all(|row| row["network"]["connection"]["state"] == "time_wait"),
            "{:?}",
            claims.collect::<Vec<_>>()
        );
        let page = fleet.say(&["show", "plain-1"]);
        assert!(page.out.contains("no_owner"), "{}", page.out);
    });
}

#[test]
fn the_printed_sudoers_lines_show_owners_and_a_refusal_costs_only_the_owners() {
    alone(|| {
        let mut fleet = Fleet::new();
        assert!(std::path::Path::new("/usr/bin/sudo").exists(), "install the package sudo");
        let key = fleet.lab.path("user");
        let account = format!("user: reader, identity: {}, escalation: sudo", key.display());
        fleet.account("raised", &account);
        let page = fleet.say(&["probes", "--platform", "linux"]).out;
        let rules: String = page
            .lines()
            .filter(|line| line.starts_with("ACCOUNT ALL="))
            .map(|line| line.replacen("ACCOUNT", "reader", 1) + "\n")
            .collect();
        assert!(rules.lines().count() >= 2, "{page}");
        fleet.lab.write_mode("sudoers", &rules, 0o440);
        fleet.lab.write_mode("nobody", "root ALL=(ALL) ALL\n", 0o440);
        let _servers = [
            everywhere(&fleet.lab, 2222, "replace /etc/sudoers sudoers"),
            everywhere(&fleet.lab, 2223, "replace /etc/sudoers nobody"),
            everywhere(&fleet.lab, 2224, "hide sudo"),
        ];
        fleet.host("raised-1", at(5, 1, 2222), ", account: raised", "host");
        fleet.host("refused-1", at(5, 2, 2223), ", account: raised", "host");
        fleet.host("bare-1", at(5, 3, 2224), ", account: raised", "host");
        let said = fleet.run("views: [listeners, sessions]", &[]);
        let outcomes = fleet.outcomes();
        assert_eq!(outcomes["raised-1"], came("complete", &[], 1), "{}", said.out);
        assert_eq!(outcomes["refused-1"], came("complete", &[], 1), "{}", said.out);
        assert_eq!(outcomes["bare-1"], came("complete", &[], 1), "{}", said.out);
        assert_eq!(said.code, 0, "{}", said.err);
        let raised = listeners(&fleet, "raised-1", 2222);
        assert_eq!(raised[0]["attribution"], "owned");
        assert_eq!(raised[0]["processes"][0]["name"], "sshd");
        let page = fleet.say(&["show", "raised-1"]).out;
        assert!(page.contains("saw the owner of every socket through sudo"), "{page}");
        for (host, port) in [("refused-1", 2223), ("bare-1", 2224)] {
            let rows = listeners(&fleet, host, port);
            assert_eq!(rows[0]["attribution"], "denied", "{host}");
        }
        let evidence = text(fleet.evidence("refused-1"));
        assert_eq!(evidence.matches("\"condition\":\"sudo refuses\"").count(), 2, "{evidence}");
    });
}

#[test]
fn a_fragile_host_is_asked_at_the_lowest_priority() {
    alone(|| {
        let mut fleet = Fleet::new();
        let server = everywhere(&fleet.lab, 2222, "");
        fleet.host("old-1", at(5, 1, server.port()), ", fragile: true", "host");
        let said = fleet.run("views: [listeners]", &[]);
        assert_eq!(said.code, 0, "{}", said.err);
        let evidence = text(fleet.evidence("old-1"));
        let sent: Vec<_> = evidence.lines().filter(|line| line.starts_with("sent: ")).collect();
        assert!(sent.len() > 5);
        let start = "sent: /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C LANG=C \
                     TZ=UTC /usr/bin/nice -n 19 /usr/bin/timeout -k 2 ";
        assert!(sent.iter().all(|line| line.starts_with(start)), "{sent:?}");
    });
}

#[test]
fn a_fragile_host_without_nice_is_still_asked() {
    alone(|| {
        let mut fleet = Fleet::new();
        let _server = everywhere(&fleet.lab, 2222, "hide nice");
        fleet.host("old-1", at(5, 1, 2222), ", fragile: true", "host");
        let said = fleet.run("views: [listeners]", &[]);
        assert_eq!(fleet.outcomes()["old-1"], came("complete", &[], 1), "{}", said.out);
        let evidence = text(fleet.evidence("old-1"));
        assert_eq!(evidence.matches("\"/usr/bin/nice\",\"-n\"").count(), 1, "{evidence}");
        assert_eq!(evidence.matches("end: exit 127").count(), 1, "{evidence}");
    });
}

/// A machine whose only programs are busybox and its names.
const BUSYBOX: &str = "mkdir -p /run/bb/bin /run/bb/sbin
cp /usr/bin/busybox /run/bb/bin/
for name in $(busybox --list); do ln -sf busybox /run/bb/bin/$name; done
cp /usr/sbin/sshd /run/bb/sbin/
mount --bind /run/bb/sbin /usr/sbin
mount --bind /run/bb/bin /usr/bin";

#[test]
fn a_host_with_nothing_but_busybox_answers_and_claims_no_owner() {
    alone(|| {
        let mut fleet = Fleet::new();
        let _server = everywhere(&fleet.lab, 2222, BUSYBOX);
        fleet.host("small-1", at(5, 1, 2222), "", "host");
        let said = fleet.run("views: [listeners, sessions, host]", &[]);
        assert_eq!(fleet.outcomes()["small-1"], came("complete", &[], 1), "{}", said.out);
        let rows = listeners(&fleet, "small-1", 2222);
        assert_eq!(rows.len(), 1);
        // Its find prints neither links nor inodes.
        assert_eq!(rows[0]["attribution"], "unsupported");
        let page = fleet.say(&["show", "small-1"]).out;
        assert!(page.contains("host_netns_only") && page.contains("no_owner"), "{page}");
    });
}
