//! Questions to a store over several hosts and nights: whole outputs, and what was not seen.

use std::time::Duration;

use fleetstat::model::fact::HostFacts;
use fleetstat::model::id::{Label, ProbeId};
use fleetstat::model::link::{Interface, InterfaceAddress};
use fleetstat::model::parsed::Coverage;
use fleetstat::model::record::{Source, Sourced};
use fleetstat::model::route::{NextHop, Route, RouteKind};
use fleetstat::model::snapshot::{SectionResult, SectionStatus, Snapshot, View};
use fleetstat::model::socket::{Family, Scope, State};
use fleetstat::model::text::HostText;
use fleetstat::store::{Mode, open};

use crate::reference::same;
use crate::scene::{listens, night, run_start, section, talks, visit};
use crate::support::{Place, csv, json, ndjson};

fn text(text: &str) -> HostText<'static> {
    HostText::owned(text.as_bytes().to_vec())
}

fn source(section: u16, start: u64) -> Source {
    Source { section, start, end: start + 50 }
}

/// A section of something else than sockets.
fn other(number: u16, probe: &str, view: View, status: SectionStatus) -> SectionResult {
    SectionResult {
        number,
        probe: ProbeId::parse(probe).unwrap(),
        views: vec![view],
        status,
        coverage: Coverage::default(),
        limitations: vec![],
        faults: vec![],
    }
}

/// A night of one host: a gateway for its default route, its own address, bytes received so far.
fn snapshot(host: &str, number: u32, gateway: &str, bytes: u64) -> Snapshot {
    let whole = SectionStatus::Complete;
    let sections = vec![
        section(1, whole),
        section(2, whole),
        other(4, "linux/ip-link", View::Interfaces, whole),
        other(5, "linux/ip-route4", View::Routes, whole),
        other(6, "linux/limits", View::Host, whole),
    ];
    let mut snapshot = visit(host, number, sections);
    let role = host.split('-').next().unwrap();
    snapshot.header.asset.role = Some(Label::new("role", role).unwrap());
    let mut link = Interface::named(text("eth0"));
    link.oper_state = Some(text("up"));
    link.mtu = Some(1_500);
    link.addresses = vec![InterfaceAddress {
        address: "192.0.2.1".parse().unwrap(),
        prefix: Some(24),
        scope: None,
        peer: None,
    }];
    link.rx.bytes = Some(bytes);
    link.counter_width = Some(64);
    snapshot.records.interfaces.push(Sourced::one(link, source(4, 0)));
    for (destination, prefix, via) in [("0.0.0.0", 0, Some(gateway)), ("192.0.2.0", 24, None)] {
        let via = via.map(|via| via.parse().unwrap());
        let route = Route {
            family: Family::Ipv4,
            table: text("main"),
            destination: destination.parse().unwrap(),
            prefix,
            kind: RouteKind::Unicast,
            next_hops: vec![NextHop { via, device: Some(text("eth0")), weight: None }],
            source: None,
            metric: None,
            protocol: None,
            scope: None,
            mtu: None,
            flags: vec![],
            expires_seconds: None,
        };
        snapshot.records.routes.push(Sourced::one(route, source(5, u64::from(prefix))));
    }
    let facts = HostFacts {
        boot_id: Some(text("boot-1")),
        ephemeral: Some((32_768, 32_777)),
        ..HostFacts::default()
    };
    snapshot.records.host = Some(Sourced::one(facts, source(6, 0)));
    listens(&mut snapshot, 1, 22, "sshd");
    snapshot
}

/// Four nights of web-1, web-2, web-3 and db-1. On night 2 all webs get port 9100, web-2 also 4444
/// for that night alone; web-1 binds 80 to one address, then to all; db-1 is routed otherwise and
/// talks to another. web-3 fails on the last night; new-1 is first seen then.
fn fleet() -> Place {
    let place = Place::new();
    std::fs::create_dir_all(place.path("data")).unwrap();
    let mut store = open(&place.path("data/store.sqlite"), Mode::Write).unwrap();
    for number in 0..4 {
        store.begin_run(&run_start(number)).unwrap();
        let mut all = Vec::new();
        for host in ["web-1", "web-2", "web-3", "db-1", "new-1"] {
            if host == "new-1" && number < 3 {
                continue;
            }
            let rerouted = host == "db-1" && number >= 2;
            let gateway = if rerouted { "192.0.2.253" } else { "192.0.2.254" };
            let bytes = 86_400 * 10 * u64::from(number);
            let mut one = snapshot(host, number, gateway, bytes);
            if host.starts_with("web") && number >= 2 {
                listens(&mut one, 1, 9_100, "node_exporter");
            }
            match (host, number) {
                ("web-1", _) => {
                    listens(&mut one, 1, 80, "nginx");
                    if number < 2 {
                        let socket = &mut one.records.sockets.last_mut().unwrap().record;
                        socket.local.address = "192.0.2.1".parse().unwrap();
                        socket.bind_scope = Scope::Specific;
                    }
                    talks(&mut one, 1, "198.51.100.7", 5_432, State::TimeWait);
                    talks(&mut one, 1, "198.51.100.7", 5_432, State::TimeWait);
                    talks(&mut one, 1, "198.51.100.7", 5_432, State::CloseWait);
                }
                ("web-2", 2) => listens(&mut one, 1, 4_444, "nc"),
                ("web-3", 3) => {
                    for section in &mut one.sections {
                        section.status = SectionStatus::Failed;
                    }
                }
                ("db-1", _) => {
                    let peer = if number < 2 { "203.0.113.1" } else { "203.0.113.2" };
                    talks(&mut one, 1, peer, 443, State::Established);
                }
                _ => {}
            }
            all.push(one);
        }
        store.ingest(&all).unwrap();
    }
    place
}

/// An hour after a night's run.
fn after(number: u32) -> String {
    night(number).plus(Duration::from_hours(1)).to_string()
}

#[test]
fn changes_are_folded_over_hosts_and_say_what_was_not_seen() {
    let place = fleet();
    let line = format!("query changed --since {} --at {}", after(1), after(3));
    same("tests/cli/testdata/changed.txt", &place.line(&line).clean());
    let of_role = place.line(&format!("{line} --role db --what routes,peers --format csv"));
    assert_eq!(of_role.code, 0);
    let rows = csv(&of_role.out);
    let told: Vec<_> = rows.iter().map(|row| (row["change"].as_str(), &*row["subject"])).collect();
    assert_eq!(
        told,
        [
            ("vanished", "outbound 203.0.113.1, tcp port 443"),
            ("appeared", "outbound 203.0.113.2, tcp port 443"),
            ("rerouted", "0.0.0.0/0 in table main"),
        ]
    );
}

#[test]
fn a_change_of_one_host_names_the_snapshots_that_prove_it() {
    let place = fleet();
    let line = format!(
        "query changed --since {} --at {} -l web-2 --what listeners --no-fold --format json",
        after(0),
        after(3)
    );
    let rows = json(&place.line(&line).clean());
    let proofs: Vec<_> = rows
        .iter()
        .map(|row| {
            let at = |side: &str| row[side][0]["at"].as_str().map(|at| at[..10].to_owned());
            (row["port"].as_u64(), row["change"].as_str(), at("proof_before"), at("proof_after"))
        })
        .collect();
    let day = |day: &str| Some(format!("2026-11-{day}"));
    assert_eq!(
        proofs,
        [
            (Some(4_444), Some("came_and_went"), day("03"), day("04")),
            (Some(9_100), Some("appeared"), day("02"), day("03")),
        ]
    );
}

#[test]
fn prevalence_tells_the_rarest_first_of_hosts_that_answered() {
    let place = fleet();
    let line = format!("query prevalence --at {}", after(2));
    same("tests/cli/testdata/prevalence.txt", &place.line(&line).clean());
    let rare = ndjson(&place.line(&format!("{line} --rarer-than 50% --format ndjson")).clean());
    let ports: Vec<_> = rare.iter().map(|row| row["local"]["port"].as_u64()).collect();
    // The last row is what was not seen.
    assert_eq!(ports, [Some(80), Some(4_444), None]);
    assert_eq!(rare[0]["hosts"], serde_json::json!(["web-1"]));
    assert_eq!(rare[0]["share_percent"], serde_json::json!(25));
    let two = json(&place.line(&format!("{line} --max-hosts 3 --role web --format json")).clean());
    assert_eq!(two.len(), 4);
    assert!(two.iter().all(|row| row["of_hosts"] == 3), "{two:?}");
}

#[test]
fn states_interfaces_and_routes_answer_as_of_a_time() {
    let place = fleet();
    for (question, file) in [
        ("states", "states"),
        ("states --by state", "states-by-state"),
        ("interfaces", "interfaces"),
        ("routes", "routes"),
        ("routes --to 198.51.100.7", "routes-to"),
    ] {
        let line = format!("query {question} --at {}", after(3));
        same(&format!("tests/cli/testdata/{file}.txt"), &place.line(&line).clean());
    }
}

#[test]
fn every_question_refuses_a_time_before_any_data() {
    let place = fleet();
    for question in [
        "listeners",
        "peers --address 192.0.2.1",
        "changed",
        "prevalence",
        "states",
        "interfaces",
        "routes",
    ] {
        let ended = place.line(&format!("query {question} --at 2026-10-01T00:00:00Z"));
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{question}");
        assert_eq!(
            ended.err,
            "error[FS-USE-009]: no snapshot at or before 2026-10-01T00:00:00.000000Z\n  help: the \
             first snapshot of all was taken at 2026-11-01T00:00:01.000000Z\n",
            "{question}"
        );
    }
}

#[test]
fn every_question_is_the_same_in_json_and_ndjson_and_csv_leaves_the_unseen_to_the_log() {
    let place = fleet();
    for question in [
        "listeners",
        "peers --address 198.51.100.7 --since 300d",
        "prevalence",
        "states",
        "states --by state",
        "interfaces",
        "routes",
        "routes --to 10.0.0.1",
        "changed --since 2026-11-02T12:00:00Z",
    ] {
        let line = format!("query {question} --at {} --format", after(3));
        let array = json(&place.line(&format!("{line} json")).clean());
        assert_eq!(array, ndjson(&place.line(&format!("{line} ndjson")).clean()), "{question}");
        let unseen = array.iter().filter(|row| row["kind"] == "unseen").count();
        assert!(unseen > 0, "{question}");
        let table = place.line(&format!("{line} csv"));
        assert_eq!(csv(&table.out).len(), array.len() - unseen, "{question}");
        assert!(table.err.contains("not seen: 1 host"), "{question}: {}", table.err);
    }
}

#[test]
fn an_answer_is_saved_whole_private_and_never_over_another() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = fleet();
    let file = place.path("answer.ndjson");
    let line = format!("query states --at {} --format ndjson", after(3));
    let saving = format!("{line} --out {}", file.display());
    assert_eq!(place.line(&saving).clean(), "");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), place.line(&line).clean());
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o640);
    std::fs::write(&file, "kept").unwrap();
    let refused = place.line(&saving);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("is there already"), "{}", refused.err);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "kept");
    assert_eq!(place.line(&format!("{saving} --force")).clean(), "");
    assert_ne!(std::fs::read_to_string(&file).unwrap(), "kept");
    let nowhere = place.line(&format!("{line} --out {}/none/x", place.path("").display()));
    assert_eq!(nowhere.code, 2);
    assert!(nowhere.err.starts_with("error[FS-OUT-001]"), "{}", nowhere.err);
    let left: Vec<_> = place.listed("").into_iter().filter(|name| name.contains("part")).collect();
    assert_eq!(left, [""; 0]);
}

#[test]
fn hosts_of_an_inventory_that_were_never_seen_are_told() {
    let place = fleet();
    let inventory = place
        .write("fleet.yaml", "hosts:\n  web-1: {transport: local}\n  ghost: {transport: local}\n");
    let line = format!("query prevalence -i {inventory} --at {} --format ndjson", after(3));
    let rows = ndjson(&place.line(&line).clean());
    let last = rows.last().unwrap();
    assert_eq!((&last["host_id"], &last["reason"]), (&"ghost".into(), &"no_snapshot".into()));
    assert!(rows[0]["of_hosts"] == 1, "{rows:?}");
}
