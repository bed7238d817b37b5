//! Every operating system through the whole product: a real sshd stands for each, and answers each
//! command of the standard with the sample that the probe's reader is tested with. What comes out
//! is one schema.
//!
//! It shows that the commands, the evidence, the records and the store fit together for every
//! system. It does not show that a system answers so: that is what each probe's `verified` says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fleetstat::model::host::Platform;
use fleetstat::model::snapshot::View;
use fleetstat::probe::{Probe, by_id, probes_for};
use serde_json::Value;

use crate::ground::{Fleet, alone, at, came};
use crate::lab::{self, Server};

const VIEWS: &str = "views: [listeners, sessions, interfaces, routes, counters, host]";

/// The sample of a probe: the first by name, without what its name says of a special case.
pub(crate) fn sample(probe: &Probe) -> Option<PathBuf> {
    let (system, case) = probe.id.as_str().split_once('/')?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join(format!("src/probe/{system}/testdata"));
    let ends = [format!("--{case}.txt"), format!("--{case}.json")];
    let entries = std::fs::read_dir(folder).ok()?;
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| ends.iter().any(|end| path.to_string_lossy().ends_with(end.as_str())))
        .collect();
    found.sort();
    found.into_iter().next()
}

/// A server that stands for a system: it answers the planned commands, and has nothing else.
fn play(fleet: &mut Fleet, platform: Platform, port: u16) -> Server {
    play_without(fleet, platform, port, &[])
}

/// The same, but for some programs, of which the shell of Windows says in German that it has none.
fn play_without(fleet: &mut Fleet, platform: Platform, port: u16, missing: &[&str]) -> Server {
    let mut script = "case \"$SSH_ORIGINAL_COMMAND\" in\n".to_owned();
    let stands_in = by_id("windows/netstat-routes").filter(|_| !missing.is_empty());
    for probe in probes_for(platform, View::ALL).into_iter().chain(stands_in) {
        // Both print the same.
        let same = || sample(by_id("windows/route-print")?);
        let sample = sample(probe).or_else(same).unwrap();
        let words = probe.command().words().join(" ");
        let program = probe.command().words()[0].clone();
        if missing.iter().any(|end| program.ends_with(end)) {
            script += &format!(
                "*'{words}') printf '%s\\n' 'Der Befehl \"{program}\" ist entweder falsch geschrieben' >&2; \
                 exit 1;;\n"
            );
            continue;
        }
        script += &format!("*'{words}') exec cat '{}';;\n", sample.display());
    }
    script += "esac\nexit 127\n";
    let path = fleet.lab.write(&format!("answers-{platform}"), &script);
    let force = format!("ForceCommand /bin/sh {}", path.display());
    let address = at(5, 1, port);
    let server = lab::sshd_of(&fleet.lab, address, "", &[&force]);
    let name = format!("{platform}-1");
    fleet.host(&name, address, &format!(", platform: {platform}, role: any"), "host");
    server
}

fn systems() -> Vec<Platform> {
    let others = Platform::ALL.iter().copied().filter(|platform| *platform != Platform::Linux);
    others.collect()
}

/// Names of the members of an object, and of the objects inside it.
fn members(value: &Value, prefix: &str, into: &mut BTreeSet<String>) {
    let Value::Object(object) = value else { return };
    for (name, inner) in object {
        let name = format!("{prefix}{name}");
        members(inner, &format!("{name}."), into);
        into.insert(name);
    }
}

#[test]
fn every_system_speaks_one_schema() {
    alone(|| {
        let mut fleet = Fleet::new();
        let systems = systems();
        let _servers: Vec<Server> = (2300..)
            .zip(&systems)
            .map(|(port, platform)| play(&mut fleet, *platform, port))
            .collect();
        let said = fleet.run(VIEWS, &[]);
        assert!([0, 20].contains(&said.code), "{}\n{}", said.out, said.err);
        let mut schema: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for platform in systems {
            let host = format!("{platform}-1");
            check_sections(&fleet, platform, &host);
            for kind in ["socket", "interface", "route", "host"] {
                let rows = fleet.records(&host, kind);
                assert!(!rows.is_empty(), "{host} has no {kind}");
                let mut found = BTreeSet::new();
                for row in &rows {
                    members(row, "", &mut found);
                }
                let names = schema.entry(kind).or_insert_with(|| found.clone());
                assert_eq!(&found, names, "{host}: another schema");
            }
            check_host(&fleet, &host);
            check_sockets(&fleet, &host);
        }
    });
}

#[test]
fn a_windows_host_without_wmic_and_route_is_read_another_way() {
    alone(|| {
        let mut fleet = Fleet::new();
        let missing = ["WMIC.exe", "route.exe"];
        let _server = play_without(&mut fleet, Platform::Windows, 2300, &missing);
        let said = fleet.run(VIEWS, &[]);
        let evidence = String::from_utf8_lossy(&fleet.evidence("windows-1")).into_owned();
        let replaced = r#""condition":"exit 127","section":"#;
        assert_eq!(evidence.matches(replaced).count(), 1, "{evidence}");
        assert!(evidence.contains(": windows/netstat-routes\ndigest"), "{evidence}");
        assert!(!fleet.records("windows-1", "route").is_empty(), "{}\n{}", said.out, said.err);
        // What WMIC alone tells is not known, and gives context only: the host has answered whole.
        let expected = BTreeMap::from([("windows-1".to_owned(), came("complete", &[], 1))]);
        assert_eq!(fleet.outcomes(), expected);
        let facts = &fleet.records("windows-1", "host")[0];
        assert!(facts["clock"]["offset_us"].is_null(), "{facts}");
    });
}

/// Every planned command was answered, and every line of the answer understood.
fn check_sections(fleet: &Fleet, platform: Platform, host: &str) {
    let issues = fleet.records(host, "issue");
    let unread = |issue: &&Value| issue["severity"] == "unparsed";
    assert_eq!(issues.iter().filter(unread).collect::<Vec<_>>(), Vec::<&Value>::new(), "{host}");
    let evidence = String::from_utf8_lossy(&fleet.evidence(host)).into_owned();
    for probe in probes_for(platform, View::ALL) {
        let words = probe.command().words().join(" ");
        let answered = evidence.contains(&format!(": {}\ndigest", probe.id));
        assert!(answered || !probe.after.is_empty(), "{host} was not asked `{words}`");
    }
    let section = |line: &&str| line.starts_with("end: ") && !line.contains("exit 0");
    let ended: Vec<_> = evidence.lines().filter(section).collect();
    assert_eq!(ended, Vec::<&str>::new(), "{host}");
}

/// Who the host is and what time it has.
fn check_host(fleet: &Fleet, host: &str) {
    let rows = fleet.records(host, "host");
    let facts = &rows[0];
    assert!(facts["clock"]["offset_us"].is_i64(), "{host}: no clock: {facts}");
    let told = |name: &str| facts["os"][name].is_string();
    assert!(told("name") || told("version") || told("kernel"), "{host}: no OS: {facts}");
    assert!(facts["hostname"].is_string(), "{host} has no name of its own: {facts}");
}

/// Both families, both protocols, listeners and connections; states in the words of the schema.
fn check_sockets(fleet: &Fleet, host: &str) {
    let rows = fleet.records(host, "socket");
    let has = |what: &dyn Fn(&Value) -> bool| rows.iter().any(what);
    for transport in ["tcp", "udp"] {
        for family in ["ipv4", "ipv6"] {
            let is = |row: &Value| {
                row["network"]["transport"] == transport && row["network"]["type"] == family
            };
            assert!(has(&is), "{host} has no {transport} over {family}");
        }
    }
    let state = |row: &Value| row["network"]["connection"]["state"].clone();
    assert!(has(&|row| state(row) == "listen"), "{host} has no listener");
    assert!(has(&|row| state(row) == "established"), "{host} has no connection");
}
