//! Tests of the formats over whole rows: exact lines, reading back, and hostile text.

use proptest::prelude::*;

use crate::analyse::sample::{listener, snapshot, sourced, text};
use crate::model::id::ProbeId;
use crate::model::record::{RecordKind, Source};
use crate::model::snapshot::Snapshot;
use crate::model::socket::{Endpoint, Owner, Scope, Socket, State, Timer, TimerKind, Transport};
use crate::model::text::HostText;
use crate::report::counter::Counters;
use crate::report::envelope::{Context, Recorded};
use crate::report::field::Kind;
use crate::report::host::Hosts;
use crate::report::issue::{IssueRow, Issues};
use crate::report::link::Interfaces;
use crate::report::process::Processes;
use crate::report::records::{rows, write_records};
use crate::report::route::{Neighbours, Routes, Rules};
use crate::report::rows::{Format, Layout, write_rows};
use crate::report::socket::Sockets;
use crate::report::value::{Type, Value};

pub(crate) fn written<'r, 'x, K: Kind>(
    format: Format,
    kind: K,
    rows: impl IntoIterator<Item = Recorded<'r, K::Body<'x>>>,
) -> String
where
    K::Body<'x>: 'r,
{
    let mut out = Vec::new();
    write_rows(&mut out, Layout { format, width: Some(100) }, kind, rows).unwrap();
    String::from_utf8(out).unwrap()
}

/// Every record kind of a snapshot in one format.
fn all(snapshot: &Snapshot, format: Format) -> String {
    let mut out = Vec::new();
    for kind in RecordKind::ALL {
        write_records(&mut out, Layout { format, width: Some(100) }, snapshot, *kind).unwrap();
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn a_socket_is_one_line_with_sorted_keys() {
    let snapshot = snapshot();
    let context = Context::of(&snapshot);
    let line = written(Format::Ndjson, Sockets, rows(&context, &snapshot.records.sockets[..1]));
    let expected = concat!(
        r#"{"attempt":1,"attribution":"owned","backlog":{"current":0,"max":511},"#,
        r#""bind":{"device":null,"dual_stack":null,"scope":"wildcard"},"#,
        r#""collected_at":"2026-11-24T01:42:00.250000Z","container":{"id":null,"runtime":null},"direction":"listener","drops":null,"#,
        r#""flags":{"duplicate":false,"name_has_control":false,"truncated":false,"v4_mapped":false},"#,
        r#""host_id":"web-1","kind":"socket","local":{"address":"0.0.0.0","port":22,"zone":null},"#,
        r#""netns":{"inode":null,"name":null},"network":{"connection":{"state":"listen"},"protocol_number":null,"transport":"tcp","type":"ipv4"},"#,
        r#""pass":1,"probes":["linux/ss-inet4"],"#,
        r#""processes":[{"fd":6,"name":"sshd","pid":612,"tid":null}],"#,
        r#""queue":{"recv_bytes":null,"send_bytes":null},"#,
        r#""remote":{"address":null,"port":null,"zone":null},"run_id":"20261124T014200Z-abcdef","#,
        r#""schema":"fleetstat.record/1","#,
        r#""socket":{"cgroup":null,"cookie":"1a","inode":20022,"uid":0},"#,
        r#""source":[{"end":240,"file":"web-1-web-20261124T014200Z-netstat.txt","section":1,"start":120}],"#,
        r#""state_raw":null,"timer":{"expires_ms":null,"kind":null,"retransmits":null}}"#,
        "\n"
    );
    assert_eq!(line, expected);
}

#[test]
fn a_text_read_alone_belongs_to_no_run() {
    let probe = ProbeId::builtin("linux/ss-inet4");
    let context = Context::of_text("-", &probe, None);
    // Borrowed from the text, as a parser hands it out.
    let name = b"ssh d".to_vec();
    let local = Endpoint { address: "10.0.0.1".parse().unwrap(), port: Some(22), zone: None };
    let mut socket = Socket::new(Transport::Tcp, local, None, State::Listen);
    socket.owners.push(Owner { pid: 1, fd: None, tid: None, name: HostText::new(&name) });
    let source = [Source { section: 1, start: 0, end: 9 }];
    let row = Recorded { context: &context, record: &socket, sources: &source };
    let line = written(Format::Ndjson, Sockets, [row]);
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(value["run_id"], serde_json::Value::Null);
    assert_eq!(value["probes"], serde_json::json!(["linux/ss-inet4"]));
    assert_eq!(value["processes"][0]["name"], "ssh d");
}

#[test]
fn json_is_one_array_also_when_empty() {
    let snapshot = snapshot();
    let context = Context::of(&snapshot);
    let text = written(Format::Json, Sockets, rows(&context, &snapshot.records.sockets));
    let array: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let lines = written(Format::Ndjson, Sockets, rows(&context, &snapshot.records.sockets));
    let objects: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(array, objects);
    assert_eq!(written(Format::Json, Sockets, []), "[]\n");
    assert_eq!(written(Format::Ndjson, Sockets, []), "");
}

#[test]
fn a_table_shows_the_chosen_columns() {
    let snapshot = snapshot();
    let context = Context::of(&snapshot);
    let text = written(Format::Table, Sockets, rows(&context, &snapshot.records.sockets));
    let expected = "\
PROTO  STATE        LOCAL           REMOTE          SCOPE     UID  OWNER
tcp    listen       0.0.0.0:22      -               wildcard    0  sshd/612
tcp    listen       127.0.0.1:8080  -               loopback    0  nginx/812
tcp    listen       [::1]:6010      -               loopback    0  a\\x0a\\x1b[2J/999
udp    unconnected  0.0.0.0:68      -               wildcard    -  (denied)
tcp    established  10.0.0.5:22     10.0.0.9:51514  specific    -  (denied)
tcp    close_wait   10.0.0.5:22     10.0.0.9:51515  specific    -  (denied)
tcp    established  10.0.0.5:40022  10.0.0.7:5432   specific    -  (denied)
";
    assert_eq!(text, expected);
}

#[test]
fn a_long_table_streams_with_the_widths_of_its_first_rows() {
    let snapshot = snapshot();
    let context = Context::of(&snapshot);
    let many: Vec<_> = (0..2_500)
        .map(|n| sourced(1, listener("10.0.0.1", n, Scope::Specific, ("d", 1))))
        .collect();
    let text = written(Format::Table, Sockets, rows(&context, &many));
    assert_eq!(text.lines().count(), 2_501);
}

#[test]
fn negative_numbers_stay_numbers_in_csv_and_formulas_do_not() {
    let snapshot = snapshot();
    let context = Context::of(&snapshot);
    let text = written(Format::Csv, Counters, rows(&context, &snapshot.records.counters));
    assert!(text.ends_with(",Tcp,MaxConn,-1\r\n"), "{text}");
    let issue = IssueRow::of(&snapshot.records.issues[0]);
    let text = written(Format::Csv, Issues, [issue.recorded(&context)]);
    assert!(text.ends_with(",\"'=HYPERLINK(\"\"x\"\")\\x07\"\r\n"), "{text}");
}

/// Reads CSV as RFC 4180 has it.
fn read_csv(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut chars) = (false, text.chars().peekable());
    while let Some(c) = chars.next() {
        match (quoted, c) {
            (true, '"') if chars.peek() == Some(&'"') => {
                cell.push('"');
                chars.next();
            }
            (_, '"') => quoted = !quoted,
            (false, ',') => row.push(std::mem::take(&mut cell)),
            (false, '\r') => {
                assert_eq!(chars.next(), Some('\n'));
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            (_, c) => cell.push(c),
        }
    }
    assert!(row.is_empty() && cell.is_empty() && !quoted);
    rows
}

/// What a value looks like to a reader of JSON.
fn as_json(value: &Value<'_>, of: Type) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::U64(number) => (*number).into(),
        Value::I64(number) => (*number).into(),
        Value::Thousandths(number) => crate::report::json::decimal(*number).parse().unwrap(),
        Value::Hex(number) => format!("{number:x}").into(),
        Value::Word(word) => (*word).into(),
        Value::Text(text) => text.as_ref().into(),
        Value::Address(address) => address.to_string().into(),
        Value::Time(time) => time.to_string().into(),
        Value::List(values) => values.iter().map(|value| as_json(value, of)).collect(),
        Value::Objects(values) => {
            let Type::Objects(members) = of else { panic!("objects without members") };
            assert_eq!(values.len() % members.len(), 0);
            let object = |chunk: &[Value<'_>]| -> serde_json::Value {
                let pairs = members.iter().zip(chunk);
                pairs.map(|(m, value)| (m.name.to_owned(), as_json(value, m.of))).collect()
            };
            values.chunks(members.len()).map(object).collect()
        }
    }
}

/// Every row read back from JSON and CSV holds what the field list says it holds.
pub(crate) fn check_reading_back<K: Kind>(kind: K, rows: &[Recorded<'_, K::Body<'_>>]) {
    let json: Vec<serde_json::Value> =
        serde_json::from_str(&written(Format::Json, kind, rows.iter().copied())).unwrap();
    let csv = read_csv(&written(Format::Csv, kind, rows.iter().copied()));
    let names: Vec<_> = K::FIELDS.iter().map(|field| field.path).collect();
    assert_eq!(csv[0], names);
    assert_eq!((json.len(), csv.len()), (rows.len(), rows.len() + 1));
    for ((row, object), cells) in rows.iter().zip(&json).zip(&csv[1..]) {
        for (field, cell) in K::FIELDS.iter().zip(cells) {
            let value = (field.get)(*row);
            assert!(field.nullable || value != Value::Null, "{} is null", field.path);
            let expected = as_json(&value, field.of);
            let path = format!("/{}", field.path.replace('.', "/"));
            assert_eq!(object.pointer(&path), Some(&expected), "{}", field.path);
            let expected = match (&value, expected) {
                (_, serde_json::Value::Null) => String::new(),
                (Value::Text(text), _) if text.starts_with(['=', '+', '-', '@']) => {
                    format!("'{text}")
                }
                (_, serde_json::Value::String(text)) => text,
                (_, other) => {
                    assert_eq!(serde_json::from_str::<serde_json::Value>(cell).unwrap(), other);
                    cell.clone()
                }
            };
            assert_eq!(*cell, expected, "{}", field.path);
        }
    }
}

pub(crate) fn hostile_bytes() -> impl Strategy<Value = Vec<u8>> {
    let known = prop_oneof![
        Just(b"\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"\x1b]0;x\x07".to_vec()),
        Just(b"=cmd|' /C calc'!A0".to_vec()),
        Just(b"users:((\"a\",pid=1".to_vec()),
        Just(b"\"},{\"kind\":\"socket\"".to_vec()),
        Just("\u{202e}\u{85}\u{feff}".as_bytes().to_vec()),
        Just(b"-@+\t".to_vec()),
    ];
    let part = prop_oneof![known, proptest::collection::vec(any::<u8>(), 0..6)];
    proptest::collection::vec(part, 0..5).prop_map(|parts| parts.concat())
}

/// The sample with the same hostile text wherever a host can put one.
pub(crate) fn hostile(bytes: &[u8]) -> Snapshot {
    let mut snapshot = snapshot();
    let evil = || HostText::owned(bytes.to_vec());
    let r = &mut snapshot.records;
    for socket in r.sockets.iter_mut().map(|socket| &mut socket.record) {
        socket.bind_device = Some(evil());
        socket.state_raw = Some(evil());
        socket.cgroup = Some(evil());
        socket.timer = Some(Timer { kind: TimerKind::On, expires_ms: None, retransmits: Some(1) });
        let zone = Some(evil());
        socket.local = Endpoint { address: "fe80::1".parse().unwrap(), port: None, zone };
        socket.owners.iter_mut().for_each(|owner| owner.name = evil());
    }
    for interface in r.interfaces.iter_mut().map(|interface| &mut interface.record) {
        interface.name = evil();
        interface.flags = vec![evil(), evil()];
        interface.addresses[0].scope = Some(evil());
    }
    r.routes[0].record.table = evil();
    r.routes[0].record.next_hops[0].device = Some(evil());
    r.rules[0].record.text = evil();
    r.neighbours[0].record.states = vec![evil()];
    r.counters[0].record.name = evil();
    r.processes[0].record.command_line = Some(evil());
    r.issues[0].issue.text = evil();
    let facts = &mut r.host.as_mut().unwrap().record;
    facts.hostname = Some(evil());
    facts.os_name = Some(evil());
    facts.limits = vec![(evil(), -1)];
    // Text of the inventory is not a host's, but must not reach a terminal raw either.
    snapshot.header.asset.owner = Some(String::from_utf8_lossy(bytes).into_owned());
    snapshot.header.mandate.operator = String::from_utf8_lossy(bytes).into_owned();
    snapshot
}

pub(crate) fn is_clean(text: &str, line_end: &str) -> bool {
    text.split(line_end).all(|line| !line.chars().any(crate::report::text::is_hidden))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_control_character_reaches_any_output(bytes in hostile_bytes()) {
        let snapshot = hostile(&bytes);
        for format in [Format::Table, Format::Json, Format::Ndjson] {
            prop_assert!(is_clean(&all(&snapshot, format), "\n"));
        }
        prop_assert!(is_clean(&all(&snapshot, Format::Csv), "\r\n"));
        let mut page = Vec::new();
        crate::report::show::show(&snapshot, Some(80), &mut page).unwrap();
        prop_assert!(is_clean(&String::from_utf8(page).unwrap(), "\n"));
    }

    #[test]
    fn json_and_csv_read_back_as_the_field_list_says(bytes in hostile_bytes()) {
        let mut snapshot = hostile(&bytes);
        // The belt of CSV shows raw controls of inventory text as bytes: not comparable cell by
        // cell, and checked above.
        snapshot.header.asset.owner = None;
        snapshot.header.mandate.operator = "alice".to_owned();
        let context = &Context::of(&snapshot);
        let r = &snapshot.records;
        check_reading_back(Sockets, &rows(context, &r.sockets).collect::<Vec<_>>());
        check_reading_back(Interfaces, &rows(context, &r.interfaces).collect::<Vec<_>>());
        check_reading_back(Routes, &rows(context, &r.routes).collect::<Vec<_>>());
        check_reading_back(Rules, &rows(context, &r.rules).collect::<Vec<_>>());
        check_reading_back(Neighbours, &rows(context, &r.neighbours).collect::<Vec<_>>());
        check_reading_back(Counters, &rows(context, &r.counters).collect::<Vec<_>>());
        check_reading_back(Processes, &rows(context, &r.processes).collect::<Vec<_>>());
        let hosts: Vec<_> = r.host.iter().map(|host| Recorded::new(context, host)).collect();
        check_reading_back(Hosts, &hosts);
        let issue = IssueRow::of(&r.issues[0]);
        check_reading_back(Issues, &[issue.recorded(context)]);
    }
}

#[test]
fn the_text_of_a_host_can_be_turned_back_into_its_bytes() {
    let bytes = b"a\n\x1b\\\xff".to_vec();
    let snapshot = hostile(&bytes);
    let context = Context::of(&snapshot);
    let line = written(Format::Ndjson, Counters, rows(&context, &snapshot.records.counters));
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    let back = HostText::from_escaped(value["name"].as_str().unwrap()).unwrap();
    assert_eq!(back, HostText::owned(bytes));
    assert_eq!(text("x").escaped(), "x");
}
