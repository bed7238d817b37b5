//! Every listing in every format: programs read them back, and all formats agree.

use crate::support::{Place, csv, json, ndjson};

/// Two runs, so that there is something to list and to compare; and the last one's id.
fn collected() -> Place {
    let place = Place::new();
    place.collect();
    place.collect();
    place
}

/// Asks in every format, compares the numbers of rows and what identifies them, and returns the
/// number.
#[track_caller]
fn agree(place: &Place, line: &str, column: &str) -> usize {
    let in_format = |format: &str| place.line(&format!("{line} --format {format}")).clean();
    let (array, lines) = (json(&in_format("json")), ndjson(&in_format("ndjson")));
    assert_eq!(array, lines, "{line}");
    let table = csv(&in_format("csv"));
    let in_json = |row: &serde_json::Value| {
        let value = column.split('.').fold(row, |row, key| &row[key]);
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    };
    let cells: Vec<_> = table.iter().map(|row| row[column].clone()).collect();
    assert_eq!(cells, array.iter().map(in_json).collect::<Vec<_>>(), "{line}");
    array.len()
}

/// Rows of a table: all lines but the first.
#[track_caller]
fn rows(place: &Place, line: &str) -> usize {
    place.line(line).clean().lines().count() - 1
}

#[test]
fn hosts_and_their_values_are_the_same_in_every_format() {
    let place = Place::new();
    let fleet = "-i inventories/example-fleet.yaml";
    assert_eq!(agree(&place, &format!("hosts {fleet}"), "host_id"), 7);
    assert_eq!(rows(&place, &format!("hosts {fleet}")), 7);
    assert_eq!(agree(&place, &format!("hosts {fleet} -l role=web"), "address"), 4);
    let explained = agree(&place, &format!("hosts {fleet} --explain web-02"), "key");
    assert_eq!(rows(&place, &format!("hosts {fleet} --explain web-02")), explained);
}

#[test]
fn an_explanation_names_file_line_and_level_of_every_value() {
    let place = Place::new();
    let line = "hosts -i inventories/example-fleet.yaml --explain web-02 --format json";
    let rows = json(&place.line(line).clean());
    let of = |key: &str| {
        let row = rows.iter().find(|row| row["key"] == key).unwrap();
        (row["value"].as_str().unwrap().to_owned(), row["origin"].as_str().unwrap().to_owned())
    };
    let file = std::fs::read_to_string(crate::support::package("inventories/example-fleet.yaml"));
    let file = file.unwrap();
    let line_of = |text: &str| 1 + file[..file.find(text).unwrap()].matches('\n').count();
    for (key, value, stands, level) in [
        ("address", "192.0.2.12", "address: \"192.0.2.[11-14]\"", "host"),
        ("segment", "dmz", "segment: dmz", "web"),
        ("site", "fra-1", "site: fra-1", "frankfurt"),
        ("owner", "Team Linux", "owner: Team Linux", "all"),
    ] {
        let (found, origin) = of(key);
        assert_eq!(found, value, "{key}");
        let place = format!("inventories/example-fleet.yaml:{}", line_of(stands));
        assert!(origin.contains(&place) && origin.contains(level), "{key}: {origin}");
    }
}

#[test]
fn a_plan_is_the_same_in_every_format() {
    let place = Place::new();
    place.write(".ssh/fleetstat_ed25519", "");
    let line = "plan playbooks/nightly-snapshot.yaml -i inventories/example-fleet.yaml";
    assert!(agree(&place, line, "sent") > 100 || agree(&place, line, "host_id") > 100);
}

#[test]
fn answers_of_the_store_are_the_same_in_every_format() {
    let place = collected();
    assert_eq!(agree(&place, "runs", "run_id"), 2);
    assert_eq!(rows(&place, "runs"), 2);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    place.collect();
    let line = format!("query listeners --port {port}");
    assert_eq!(agree(&place, &line, "host_id"), 1);
    assert_eq!(rows(&place, &line), 1);
    assert!(agree(&place, "query listeners", "host_id") >= 1);
    assert_eq!(agree(&place, "query listeners --address 192.0.2.250", "host_id"), 0);
    assert!(agree(&place, "query peers --address 127.0.0.1", "host_id") >= 1);
    assert!(agree(&place, "query peers --address 127.0.0.1 --since 1d", "host_id") >= 1);
    assert_eq!(agree(&place, "query peers --address 192.0.2.250", "host_id"), 0);
    drop(client);
    let runs = json(&place.line("runs --format json").clean());
    let started: Vec<_> = runs.iter().map(|run| run["started"].as_str().unwrap()).collect();
    let mut started = started;
    started.sort_unstable();
    // The second run begins after the first one's snapshot.
    let from = started[1];
    let line = format!("diff localhost --from {from}");
    let ended = place.line(&line);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let changes = json(&place.line(&format!("{line} --format json -q")).clean());
    let about = changes.iter().filter(|change| change.to_string().contains(&port.to_string()));
    assert!(about.count() >= 1, "{changes:?}");
    assert_eq!(agree(&place, &format!("{line} -q"), "change"), changes.len());
}

#[test]
fn every_kind_of_record_is_the_same_in_every_format() {
    let place = collected();
    let mut sum = 0;
    for kind in fleetstat::model::record::RecordKind::WORDS {
        sum += agree(&place, &format!("show localhost --kind {kind}"), "kind");
    }
    let all = json(&place.line("show localhost --format json").clean());
    assert_eq!(all.len(), sum);
    assert_eq!(ndjson(&place.line("show localhost --format ndjson").clean()), all);
    let sockets = all.iter().filter(|row| row["kind"] == "socket").count();
    assert_eq!(csv(&place.line("show localhost --format csv").clean()).len(), sockets);
}

#[test]
fn words_of_the_log_are_as_many_as_v_asks_for_and_never_on_standard_output() {
    let place = Place::new();
    let hosts = "hosts -i inventories/example-fleet.yaml -l role=wbe --format json";
    let run = "run playbooks/nightly-snapshot.yaml -i inventories/localhost.yaml";
    for (more, least) in [("", "WARN"), ("-v", "WARN"), ("-vv", "WARN"), ("-vvv", "WARN")] {
        let ended = place.line(&format!("{hosts} {more}"));
        assert_eq!((ended.code, ended.out.as_str()), (0, "[]\n"), "{more}");
        assert!(ended.err.contains(least), "{more}: {}", ended.err);
    }
    let said = |more: &str| {
        let ended = place.line(&format!("{run} {more}"));
        assert_eq!(ended.code, 0, "{more}: {}", ended.err);
        (ended.out.lines().count(), ended.err.lines().count())
    };
    let (quiet, plain) = (said("-q"), said(""));
    assert_eq!(quiet, (0, 0));
    assert!(plain.0 > 10 && plain.1 == 0, "{plain:?}");
    let (v, vv) = (said("-v"), said("-vv"));
    // The visit's begin, its end and its record; then two lines for each command.
    assert_eq!(v, (plain.0, 3));
    assert!(vv.0 == plain.0 && vv.1 > 30, "{vv:?}");
}
