//! The rich profile over WinRM: what it adds, and that it never takes anything away.

use std::collections::BTreeMap;

use fleetstat::model::capture::End;
use serde_json::{Value, json};

use crate::ground::{
    addresses, assert_evidence_is_what_was_sent, evidence, files, issues, outcome, records, run,
    say,
};
use crate::lab::{Service, canned};

pub(crate) const ALL: &str = "views: [listeners, sessions, interfaces, routes, counters, host]";
const RICH: &str =
    "views: [listeners, sessions, interfaces, routes, counters, host]\nprofile: rich";

const KINDS: [&str; 6] = ["socket", "interface", "route", "neighbour", "counter", "process"];

/// The records of a host without what differs from host to host and run to run.
pub(crate) fn plain(service: &Service, host: &str) -> BTreeMap<&'static str, Vec<Value>> {
    let of = |kind: &'static str| {
        let mut rows = records(service, host, kind);
        for row in &mut rows {
            let row = row.as_object_mut().unwrap();
            for key in ["host_id", "collected_at", "run_id", "source"] {
                row.remove(key);
            }
        }
        (kind, rows)
    };
    KINDS.into_iter().map(of).collect()
}

/// How many rows of a kind came from these probes.
fn told_by(service: &Service, host: &str, kind: &str) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for row in records(service, host, kind) {
        let probes = row["probes"].as_array().unwrap().iter();
        let names: Vec<&str> =
            probes.map(|probe| probe.as_str().unwrap().trim_start_matches("windows/")).collect();
        *found.entry(names.join("+")).or_default() += 1;
    }
    found
}

fn counts(of: &[(&str, usize)]) -> BTreeMap<String, usize> {
    of.iter().map(|(probes, count)| ((*probes).to_owned(), *count)).collect()
}

#[test]
fn both_answers_are_one_record_with_two_sources_and_the_rich_one_adds() {
    let service = Service::start("127.0.5.1", &[]);
    let said = run(&service, RICH, &addresses(5, 1));
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    service.assert_clean();
    assert_eq!((service.total("auth_ok"), service.total("shells_created")), (1, 1));
    assert_eq!(outcome(&service, "win-1"), ("complete".to_owned(), vec![]));
    assert_evidence_is_what_was_sent(&service, "127.0.5.1", "win-1");
    let told = |kind| told_by(&service, "win-1", kind);
    assert_eq!(
        told("socket"),
        counts(&[("netstat-tcp-udp+rich-sockets", 32), ("rich-sockets", 1)])
    );
    assert_eq!(told("route"), counts(&[("route-print", 1), ("route-print+rich-routes", 20)]));
    assert_eq!(told("interface"), counts(&[("route-print+rich-interfaces", 3)]));
    assert_eq!(told("neighbour"), counts(&[("arp+rich-routes", 3), ("rich-routes", 1)]));
    let sql = records(&service, "win-1", "process").into_iter().find(|row| row["pid"] == 3120);
    let sql = sql.unwrap();
    assert_eq!(
        (&sql["name"], &sql["service"], &sql["user"]["name"]),
        (&json!("sqlservr.exe"), &json!("MSSQLSERVER"), &json!("LocalSystem"))
    );
    let host = &records(&service, "win-1", "host")[0];
    assert_eq!(host["os"]["version"], "10.0.20348.2762", "the first word stands");
    assert_eq!(
        issues(&service, "win-1"),
        [
            "note the host calls itself by another name than the inventory's: WINLAB01",
            "note no process is listed with a service: the account may not ask for services: ",
        ]
    );
    let before = plain(&service, "win-1");
    assert_eq!(say(&service, &["rebuild"]).code, 0);
    assert_eq!(plain(&service, "win-1"), before, "evidence gives the same records again");
}

#[test]
fn a_night_without_the_rich_answer_changes_nothing_on_the_host() {
    let service = Service::start("127.0.5.1", &[]);
    let taken = |playbook: &str| {
        run(&service, playbook, &addresses(5, 1));
        records(&service, "win-1", "host")[0]["collected_at"].as_str().unwrap().to_owned()
    };
    let (default, rich) = (taken(ALL), taken(RICH));
    service.answers(&json!([{"match_ps": "Get-", "stderr_text": "Access is denied.", "exit": 1}]));
    let refused = taken(RICH);
    let routes = String::from_utf8(canned("netstat_r.txt")).unwrap();
    let others: Vec<&str> = routes.lines().filter(|line| !line.contains("172.16.40.0")).collect();
    service.answers(&json!([
        {"match_ps": "Get-", "stderr_text": "Access is denied.", "exit": 1},
        {"match": "^route", "stdout_text": others.join("\r\n") + "\r\n"},
    ]));
    let fewer = taken(RICH);
    let changes = |from: &str, to: &str| {
        let words = ["diff", "win-1", "--from", from, "--to", to, "--format", "ndjson"];
        say(&service, &words).out
    };
    for (from, to) in [(&default, &rich), (&rich, &refused), (&default, &refused)] {
        assert_eq!(changes(from, to), "");
    }
    assert!(changes(&refused, &fewer).contains("172.16.40.0"), "a route that went is told");
}

#[test]
fn the_plan_shows_each_script_to_the_byte_and_only_where_it_was_asked_for() {
    let service = Service::start("127.0.5.1", &[]);
    let page = |playbook| {
        let (night, fleet) = files(&service, playbook, &addresses(5, 1));
        say(&service, &["plan", &night, "-i", &fleet]).out
    };
    let (default, rich) = (page(ALL), page(RICH));
    assert!(default.contains("\nProfile:   default\n") && !default.contains("powershell"));
    assert!(rich.contains("\nProfile:   rich\n"), "{rich}");
    run(&service, RICH, &addresses(5, 1));
    let sections = evidence(&service, "win-1");
    let mut scripts = 0;
    for (probe, section) in sections {
        assert!(rich.lines().any(|line| line.trim() == section.sent), "{probe}: {}", section.sent);
        if probe.starts_with("windows/rich-") {
            let start = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe -NoProfile -NonInteractive -EncodedCommand ";
            assert!(section.sent.starts_with(start), "{}", section.sent);
            scripts += 1;
        }
    }
    assert_eq!(scripts, 5);
    let (night, fleet) = files(&service, &format!("{ALL}\nprofile: richer"), &addresses(5, 1));
    let said = say(&service, &["plan", &night, "-i", &fleet]);
    assert!(said.err.contains("FS-PLAY-005") && said.err.contains("rich"), "{}", said.err);
}

/// Ways in which the rich profile is refused or breaks, each on a host of its own: what the host does,
/// whether by its answers or by faults of its service; and the faults of the host's entry.
fn refusals() -> Vec<(Value, Value, &'static [&'static str], &'static str)> {
    let denied = "Get-NetRoute : Access denied \nAt line:6 char:1";
    let errors = r#"{"v":1,"errors":["PermissionDenied HRESULT 0x80070005,Get-NetRoute: Zugriff verweigert"]}"#;
    let script = "powershell";
    vec![
        (
            json!({"match_ps": "Get-", "stderr_clixml_error": denied, "split_clixml": true,
                   "stderr_progress": true, "exit": 1}),
            json!(null),
            &[],
            "note the account may not ask this (exit status 1): Get-NetRoute : Access denied At line:6 char:1",
        ),
        (
            json!({"match_ps": "Get-", "stdout_text": errors}),
            json!(null),
            &[],
            "note the account may not ask what a command of the script asks: \
             PermissionDenied HRESULT 0x80070005,Get-NetRoute: Zugriff verweigert",
        ),
        (
            json!({"match_ps": "Get-", "stderr_text": "Cannot invoke method. Method invocation is supported only \
                   on core types in this language mode.\r\n", "exit": 1}),
            json!(null),
            &[],
            "note not answered (exit status 1): what it would tell is missing: Cannot invoke method. Method \
             invocation is supported only on core types in this language mode.",
        ),
        (
            json!({"match_ps": "Get-", "stdout_text": "Windows PowerShell\r\nCopyright\r\n"}),
            json!(null),
            &[],
            "unparsed ",
        ),
        (
            json!(null),
            json!({"action": "Command", "command": script, "do": "fault", "name": "not_found"}),
            &[],
            "note not answered (tool_missing): what it would tell is missing: command: WS-Management \
             2147942402 (InternalError): The system cannot find the file specified.",
        ),
        (
            json!(null),
            json!({"action": "Receive", "command": script, "do": "fault", "name": "not_found"}),
            &[],
            "note not answered (tool_missing): what it would tell is missing: receive: WS-Management \
             2147942402 (InternalError): The system cannot find the file specified.",
        ),
        (
            json!(null),
            json!({"action": "Command", "command": script, "do": "fault", "name": "access_denied"}),
            &[],
            "note not answered (denied): what it would tell is missing: command: WS-Management 5 \
             (AccessDenied): Access is denied.",
        ),
        (
            json!(null),
            json!({"action": "Receive", "command": script, "do": "drop"}),
            &["skipped", "lost"],
            "",
        ),
    ]
}

#[test]
fn a_rich_profile_that_is_refused_leaves_what_the_default_one_gives() {
    let refusals = refusals();
    let all = addresses(6, refusals.len() + 1);
    let service = Service::start(&format!("127.0.6.1-127.0.6.{}", all.len()), &[]);
    let (mut answers, mut faults) = (Vec::new(), Vec::new());
    for (address, (answer, fault, ..)) in all.iter().skip(1).zip(&refusals) {
        for (list, rule) in [(&mut answers, answer), (&mut faults, fault)] {
            if let Value::Object(rule) = rule {
                let mut rule = rule.clone();
                rule.insert("host".to_owned(), json!(address));
                list.push(Value::Object(rule));
            }
        }
    }
    run(&service, ALL, &all[..1]);
    let default = plain(&service, "win-1");
    assert!(default["socket"].len() == 32 && default["route"].len() == 21);
    service.answers(&json!(answers));
    service.faults(&json!(faults));
    let said = run(&service, RICH, &all);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    for (number, (answer, fault, kinds, issue)) in (2..).zip(&refusals) {
        let host = format!("win-{number}");
        let place = format!("{host}: {answer}{fault}");
        let (outcome, faults) = outcome(&service, &host);
        assert_eq!((outcome.as_str(), faults), ("complete", strings(kinds)), "{place}");
        let found = plain(&service, &host);
        for kind in KINDS {
            assert_eq!(found[kind], default[kind], "{place}");
        }
        let issues = issues(&service, &host);
        let told = issue.is_empty() || issues.iter().any(|told| told.starts_with(issue));
        assert!(told, "{place}: {issues:#?}");
        assert_evidence_is_what_was_sent(&service, &all[number - 1], &host);
    }
    assert_eq!(service.total("open_shells"), 0, "{}", service.totals());
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn a_rich_profile_that_takes_too_long_is_broken_off_and_said_to_be() {
    let service = Service::start("127.0.5.1", &[]);
    service.answers(&json!([{"match_ps": "Get-", "never_done": true}]));
    let short = format!("{RICH}\ndeadlines: {{command: 10s, host: 10s}}");
    run(&service, &short, &addresses(5, 1));
    let (outcome, faults) = outcome(&service, "win-1");
    assert_eq!(
        (outcome.as_str(), faults),
        ("complete", strings(&["skipped", "first_byte_timeout"]))
    );
    assert_eq!(records(&service, "win-1", "socket").len(), 32);
    service.assert_clean();
}

#[test]
fn a_rich_answer_stands_in_for_a_program_that_is_refused() {
    let service = Service::start("127.0.5.1", &[]);
    service.answers(&json!([
        {"match": "^(netstat|route)(.exe)? ", "stderr_text": "Access is denied.\r\n", "exit": 1},
    ]));
    let views = "views: [listeners, sessions, routes]\nprofile: rich";
    let said = run(&service, views, &addresses(5, 1));
    let (outcome, faults) = outcome(&service, "win-1");
    assert_eq!((outcome.as_str(), faults), ("complete", strings(&["denied"])), "{}", said.out);
    assert_eq!(told_by(&service, "win-1", "socket"), counts(&[("rich-sockets", 33)]));
    assert_eq!(told_by(&service, "win-1", "route"), counts(&[("rich-routes", 20)]));
    let listener = records(&service, "win-1", "socket");
    assert!(listener.iter().any(|row| row["direction"] == "outbound"), "the list is whole");
}

#[test]
fn what_an_old_netstat_and_wmic_do_not_tell_comes_from_the_rich_answer() {
    let service = Service::start("127.0.5.1", &[]);
    service.faults(&json!([
        {"action": "Command", "command": NO_WMIC, "do": "fault", "name": "not_found"},
    ]));
    service.answers(&json!([
        {"match": "^netstat(.exe)? -a -n -o$", "stderr_text": "NETSTAT [-a] [-b]\r\n", "exit": 1},
    ]));
    run(&service, RICH, &addresses(5, 1));
    assert_eq!(outcome(&service, "win-1"), ("complete".to_owned(), vec![]));
    assert_eq!(
        told_by(&service, "win-1", "socket"),
        counts(&[("netstat-without-owners+rich-sockets", 32), ("rich-sockets", 1)])
    );
    let sockets = records(&service, "win-1", "socket");
    let sql = sockets.iter().find(|row| row["local"]["port"] == 1433).unwrap();
    assert_eq!((&sql["attribution"], &sql["processes"][0]["pid"]), (&json!("owned"), &json!(3120)));
    let host = &records(&service, "win-1", "host")[0];
    assert_eq!(host["boot_time"], "2026-11-20T06:00:00.500000Z");
    assert_eq!(host["clock"]["remote_time"], "2026-11-24T13:05:38.123456Z");
    assert_eq!(host["os"]["name"], "Microsoft Windows Server 2022 Standard");
}

/// Ways in which names of processes are refused: what the host answers to tasklist, and the reason.
fn nameless() -> Vec<(Value, Value, &'static str)> {
    let tasklist = |text: &str, encoding: &str| json!({"match": "^tasklist", "stderr_text": text, "encoding": encoding, "exit": 1});
    vec![
        (
            tasklist("ERROR: Access denied\r\n", "cp437"),
            json!(null),
            "note the account may not ask this (exit status 1): ERROR: Access denied",
        ),
        (
            tasklist("FEHLER: Zugriff verweigert f\u{fc}r alle\r\n", "cp850"),
            json!(null),
            "note the account may not ask this (exit status 1): FEHLER: Zugriff verweigert f\\x81r alle",
        ),
        (
            tasklist("ERREUR\u{a0}: non\r\n", "utf-16-bom"),
            json!(null),
            "note not answered (exit status 1): what it would tell is missing: ERREUR\u{a0}: non",
        ),
        (
            json!(null),
            json!({"action": "Command", "command": "tasklist", "do": "fault", "name": "not_found"}),
            "note not answered (tool_missing): what it would tell is missing: command: WS-Management \
             2147942402 (InternalError): The system cannot find the file specified.",
        ),
    ]
}

#[test]
fn names_of_processes_that_are_refused_leave_ids_and_the_reason() {
    let nameless = nameless();
    let all = addresses(7, nameless.len() + 1);
    let service = Service::start(&format!("127.0.7.1-127.0.7.{}", all.len()), &[]);
    let (mut answers, mut faults) = (Vec::new(), Vec::new());
    for (address, (answer, fault, _)) in all.iter().skip(1).zip(&nameless) {
        for (list, rule) in [(&mut answers, answer), (&mut faults, fault)] {
            if let Value::Object(rule) = rule {
                let mut rule = rule.clone();
                rule.insert("host".to_owned(), json!(address));
                list.push(Value::Object(rule));
            }
        }
    }
    service.answers(&json!(answers));
    service.faults(&json!(faults));
    let said = run(&service, ALL, &all);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let by = |host: &str| {
        let mut found: BTreeMap<String, usize> = BTreeMap::new();
        for row in records(&service, host, "socket") {
            *found.entry(row["attribution"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        found
    };
    // The services are hidden from this account, and the processes are not.
    assert_eq!(by("win-1"), counts(&[("kernel", 10), ("owned", 22)]));
    for (number, (answer, _, reason)) in (2..).zip(&nameless) {
        let host = format!("win-{number}");
        assert_eq!(outcome(&service, &host), ("complete".to_owned(), vec![]), "{answer}");
        assert_eq!(by(&host), counts(&[("denied", 22), ("kernel", 10)]), "{answer}");
        let sockets = records(&service, &host, "socket");
        let sql = sockets.iter().find(|row| row["local"]["port"] == 1433).unwrap();
        let process = &sql["processes"][0];
        assert_eq!((&process["pid"], &process["name"]), (&json!(3120), &Value::Null), "{sql}");
        let issues = issues(&service, &host);
        assert!(issues.contains(&(*reason).to_owned()), "{answer}: {issues:#?}");
    }
}

const NO_ROUTE: &str = "route\\.exe";
const NO_WMIC: &str = "WMIC\\.exe";

#[test]
fn a_program_that_is_not_there_is_replaced_or_told_less_and_the_host_is_whole() {
    let all = addresses(8, 5);
    let service = Service::start("127.0.8.1-127.0.8.5", &[]);
    let missing = |host: &str, action: &str, command: &str| json!({"host": host, "action": action, "command": command, "do": "fault", "name": "not_found"});
    service.faults(&json!([
        missing(&all[1], "Command", NO_WMIC),
        missing(&all[2], "Command", NO_ROUTE),
        missing(&all[3], "Receive", NO_ROUTE),
        missing(&all[3], "Receive", NO_WMIC),
    ]));
    service.answers(&json!([{
        "host": all[4], "match": "^netstat(.exe)? -a -n -o$", "exit": 1,
        "stderr_text": "\r\nZeigt Protokollstatistiken an.\r\n\r\nNETSTAT [-a] [-b] [-e] [-f] [-n] [-o]\r\n",
    }]));
    let said = run(&service, ALL, &all);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    service.assert_clean();
    let whole = ("complete".to_owned(), vec![]);
    for host in ["win-1", "win-2", "win-3", "win-4", "win-5"] {
        assert_eq!(outcome(&service, host), whole, "{host}");
    }
    let default = plain(&service, "win-1");
    let boot = |host: &str| records(&service, host, "host")[0]["boot_time"].clone();
    assert!(boot("win-1").is_string() && boot("win-2").is_null());
    for (host, replaced) in [("win-3", true), ("win-4", true), ("win-2", false)] {
        let sections = evidence(&service, host);
        let instead = sections.get("windows/netstat-routes");
        assert_eq!(instead.is_some(), replaced, "{host}");
        if let Some(instead) = instead {
            let (_, condition) = instead.replaces.clone().unwrap();
            assert_eq!((condition.as_str(), instead.views), ("no such program", 2));
            assert!(sections["windows/route-print"].end.is_tool_missing());
        }
        let routes = records(&service, host, "route").len();
        assert_eq!(routes, default["route"].len(), "{host}");
    }
    let without = &evidence(&service, "win-5")["windows/netstat-without-owners"];
    assert_eq!(without.replaces.as_ref().unwrap().1, "usage error");
    assert_eq!(without.end, End::Exit(0));
    assert!(!records(&service, "win-5", "socket").is_empty());
}

#[test]
fn a_command_that_is_late_or_lost_says_nothing_about_its_program() {
    let all = addresses(9, 4);
    let service = Service::start("127.0.9.1-127.0.9.4", &[]);
    let rule = |host: &str, rule: Value| {
        let mut rule = rule;
        (rule["host"], rule["command"]) = (json!(host), json!(NO_ROUTE));
        rule
    };
    service.faults(&json!([
        rule(&all[0], json!({"action": "Receive", "do": "drop"})),
        rule(&all[1], json!({"action": "Command", "do": "fault", "name": "access_denied"})),
        rule(&all[2], json!({"action": "Receive", "do": "fault", "name": "aborted"})),
    ]));
    service.answers(&json!([{"host": all[3], "match": "^route", "never_done": true}]));
    run(&service, "views: [routes]\ndeadlines: {command: 10s, first_byte: 1s, idle: 1s}", &all);
    for (host, kind) in [
        ("win-1", "lost"),
        ("win-2", "denied"),
        ("win-3", "killed"),
        ("win-4", "first_byte_timeout"),
    ] {
        let (outcome, faults) = outcome(&service, host);
        assert_eq!((outcome.as_str(), faults[0].as_str()), ("partial", kind), "{host}");
        assert!(!evidence(&service, host).contains_key("windows/netstat-routes"), "{host}");
    }
}
