//! `fleetstat parse`: text alone to records, streamed, equal to those of a run.

use std::io::{Read as _, Write as _};
use std::process::Stdio;

use fleetstat::evidence::read::{EvidenceReader, Output};
use serde_json::Value;

use crate::generate;
use crate::support::{FLEETSTAT, Place, csv, json, ndjson, package};

/// What a run knows and a text alone does not.
const OF_A_RUN: &[&str] = &[
    "attempt",
    "collected_at",
    "host_id",
    "pass",
    "run_id",
    "probes",
    "source",
    "direction",
    "attribution",
];

/// A record without what only a run knows; its place in the text is kept.
fn bare(record: &Value) -> (Value, Value) {
    let mut record = record.as_object().unwrap().clone();
    let source = record["source"][0].clone();
    for key in OF_A_RUN {
        record.remove(*key);
    }
    (serde_json::json!([source["start"], source["end"]]), Value::Object(record))
}

fn sorted(records: impl IntoIterator<Item = Value>) -> Vec<(String, Value)> {
    let keyed = records.into_iter().map(|record| {
        let (place, record) = bare(&record);
        (format!("{place} {record}"), record)
    });
    let mut list: Vec<_> = keyed.collect();
    list.sort_by(|a, b| a.0.cmp(&b.0));
    list
}

#[test]
fn records_of_a_text_equal_those_of_the_run_that_it_comes_from() {
    let place = Place::new();
    let listener = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let run = place.collect();
    drop(listener);
    let file = EvidenceReader::open(&place.evidence(&run)).unwrap();
    let records = json(&place.line("show localhost --format json").clean());
    let mut compared = 0;
    for section in file.sections() {
        let mut text = Vec::new();
        let mut stream = file.stream(section.number, Output::Stdout).unwrap();
        stream.read_to_end(&mut text).unwrap();
        let words = format!("parse --probe {} --format ndjson", section.reader);
        let parsed = ndjson(&place.fed(&words, &text).clean());
        // What was asked about processes is joined with other answers.
        let joined = ["linux/namespace-sockets", "linux/processes", "linux/owners"];
        if joined.contains(&section.probe.as_str()) {
            continue;
        }
        // Facts add up to one record, interfaces are put together from two texts.
        let apart = |kind: &Value| kind != "fact" && kind != "interface" && kind != "process";
        // A host may have no socket of a family, and its answer is the header alone.
        if parsed.first().is_none_or(|row| !apart(&row["kind"])) {
            continue;
        }
        let of_run = records.iter().filter(|record| {
            let source = record["source"].as_array().unwrap();
            apart(&record["kind"]) && source.len() == 1 && source[0]["section"] == section.number
        });
        let expected = sorted(of_run.cloned());
        assert_eq!(sorted(parsed), expected, "{}", section.probe);
        compared += expected.len();
    }
    assert!(compared > 100, "{compared}");
}

#[test]
fn tables_of_the_kernel_are_told_apart_by_their_text() {
    let place = Place::new();
    let held = std::net::TcpListener::bind("[::1]:0").unwrap();
    let port = held.local_addr().unwrap().port();
    let datagrams = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        let text = std::fs::read(format!("/proc/net/{table}")).unwrap();
        let auto = place.fed("parse --probe linux/proc-net --format ndjson", &text);
        let named =
            place.fed(&format!("parse --probe linux/proc-net-{table} --format ndjson"), &text);
        // What the text leaves open is a note beside the rows.
        let sockets = |rows: Vec<Value>| -> Vec<Value> {
            rows.into_iter().filter(|row| row["kind"] == "socket").collect()
        };
        let (auto, named) = (sockets(ndjson(&auto.clean())), sockets(ndjson(&named.clean())));
        assert_eq!(auto.len(), text.split(|b| *b == b'\n').count() - 2, "{table}");
        let without = |rows: &[Value]| {
            let strip = |row: &Value| {
                let mut row = row.clone();
                row.as_object_mut().unwrap().remove("probes");
                row
            };
            rows.iter().map(strip).collect::<Vec<_>>()
        };
        assert_eq!(without(&auto), without(&named), "{table}");
        if table == "tcp6" {
            let row = auto.iter().find(|row| row["local"]["port"] == port).unwrap();
            assert_eq!(row["bind"]["scope"], "loopback");
            assert_eq!(row["direction"], "listener");
        }
    }
    drop(datagrams);
}

#[test]
fn every_format_of_a_parsed_text_agrees_and_reads_back() {
    let place = Place::new();
    let file = package("tests/records/testdata/ss-6.1--inet4.txt");
    let file = file.to_str().unwrap();
    let out = |format: &str| {
        place.run(["parse", "--probe", "linux/ss", file, "--format", format]).clean()
    };
    let rows = json(&out("json"));
    assert_eq!(rows, ndjson(&out("ndjson")));
    assert_eq!(csv(&out("csv")).len(), rows.len());
    assert_eq!(out("table").lines().count(), rows.len() + 1);
    assert!(rows.len() > 20 && rows.iter().all(|row| row["kind"] == "socket"));
}

#[test]
fn a_text_that_gives_no_record_is_told_what_it_may_be() {
    let place = Place::new();
    let said = |probe: &str, file: &str, text: &[u8]| {
        std::fs::write(place.path(file), text).unwrap();
        let file = place.path(file);
        let said = place.run(["parse", "--probe", probe, file.to_str().unwrap()]);
        (said.code, said.err)
    };
    let (code, err) = said("linux/ss", "empty", b"");
    assert_eq!(code, 0);
    assert!(err.contains("empty: the text is empty"), "{err}");
    let windows =
        b"  TCP    0.0.0.0:135            0.0.0.0:0              LISTENING       1234\r\n";
    let (code, err) = said("macos/netstat", "w", windows);
    assert_eq!(code, 20);
    assert!(err.contains("another probe's answer? `windows/netstat`"), "{err}");
    // Where there are records, nothing is guessed.
    let (_, err) = said("windows/netstat", "w", windows);
    assert_eq!(err, "");
}

#[test]
fn scope_is_known_from_the_socket_alone_and_direction_only_of_listeners() {
    let place = Place::new();
    let text = "tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\n\
                tcp LISTEN 0 128 127.0.0.1:25 0.0.0.0:*\n\
                tcp LISTEN 0 128 10.0.0.1:80 0.0.0.0:*\n\
                udp UNCONN 0 0 0.0.0.0:68 0.0.0.0:*\n\
                tcp ESTAB 0 0 10.0.0.1:80 10.0.0.9:4711\n";
    let out = place.fed("parse --probe linux/ss --format ndjson", text.as_bytes()).clean();
    let told: Vec<_> = ndjson(&out)
        .iter()
        .map(|row| format!("{} {}", row["bind"]["scope"], row["direction"]).replace('"', ""))
        .collect();
    assert_eq!(
        told,
        [
            "wildcard listener",
            "loopback listener",
            "specific listener",
            "wildcard unknown",
            "specific unknown"
        ]
    );
}

const GARBAGE: &str = "tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\nhello world\n\
                       tcp LISTEN 0 128 \x1b[31m:22 0.0.0.0:*\n\
                       tcp LISTEN 0 128 0.0.0.0:80 0.0.0.0:*\n";

#[test]
fn lines_that_are_not_understood_are_issues_with_their_number_and_the_exit_code_is_20() {
    let place = Place::new();
    let fed = |format: &str| {
        place.fed(&format!("parse --probe linux/ss --format {format}"), GARBAGE.as_bytes())
    };
    let told = |rows: &[Value]| {
        let kind = |row: &Value| format!("{} {}", row["kind"], row["line"]).replace('"', "");
        rows.iter().map(kind).collect::<Vec<_>>()
    };
    let expected = ["socket null", "issue 2", "issue 3", "socket null"];
    for ended in [fed("json"), fed("ndjson")] {
        assert_eq!(ended.code, 20);
        assert!(ended.err.contains("WARN 2 lines were not understood, 48 of "), "{}", ended.err);
        let rows = if ended.out.starts_with('[') { json(&ended.out) } else { ndjson(&ended.out) };
        assert_eq!(told(&rows), expected);
        assert_eq!(rows[1]["text"], "hello world");
    }
    let table = fed("table");
    assert_eq!(table.code, 20);
    assert!(table.out.contains("hello world") && table.out.contains("\\x1b[31m"), "{}", table.out);
    // CSV has the columns of sockets only: the issues are told beside it.
    let cells = fed("csv");
    assert_eq!((cells.code, csv(&cells.out).len()), (20, 2));
    assert!(cells.err.contains("-:2: ") && cells.err.contains(": hello world\n"), "{}", cells.err);
    assert!(!cells.err.contains('\x1b'), "{}", cells.err);
}

#[test]
fn nothing_in_is_nothing_out_but_still_json() {
    let place = Place::new();
    for (format, out) in [("json", "[]\n"), ("ndjson", "")] {
        let said = place.fed(&format!("parse --probe linux/ss --format {format}"), b"");
        assert_eq!((said.code, said.out.as_str()), (0, out));
        assert!(
            said.err.ends_with("WARN -: the text is empty: a command that fails prints nothing\n")
        );
    }
}

/// Peak resident memory of a process that runs. Unit: KiB.
fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn two_hundred_thousand_sockets_stream_through_less_than_64_mb() {
    const SOCKETS: u64 = 200_000;
    let mut command = std::process::Command::new(FLEETSTAT);
    command.args(["parse", "--probe", "linux/ss", "--format", "ndjson"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let counting = std::thread::spawn(move || {
        let (mut chunk, mut lines) = (vec![0; 1 << 20], 0_u64);
        loop {
            let read = stdout.read(&mut chunk).unwrap();
            if read == 0 {
                return lines;
            }
            lines += chunk[..read].iter().filter(|byte| **byte == b'\n').count() as u64;
        }
    });
    let mut random = generate::Random(7);
    let mut text = generate::SS_HEADER.to_vec();
    for index in 0..SOCKETS {
        generate::ss_row(&mut text, &mut random, index);
        if text.len() > 1 << 20 {
            stdin.write_all(&text).unwrap();
            text.clear();
        }
    }
    stdin.write_all(&text).unwrap();
    stdin.flush().unwrap();
    // All but what is in the pipe was read: the process still waits for the end.
    let peak = peak(child.id());
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(counting.join().unwrap(), SOCKETS);
    assert!(peak < 64 << 10, "{peak} KiB");
}

#[test]
fn a_host_that_is_named_stands_in_every_record_and_a_wrong_name_is_refused() {
    let place = Place::new();
    let text = b"tcp LISTEN 0 5 1.2.3.4:22 0.0.0.0:*\nnonsense\n";
    let named = place.fed("parse --probe linux/ss --host web-1 --format ndjson", text);
    let hosts: Vec<Value> =
        ndjson(&named.out).into_iter().map(|row| row["host_id"].clone()).collect();
    assert_eq!(hosts, ["web-1", "web-1"]);
    let alone = place.fed("parse --probe linux/ss --format ndjson", text);
    assert!(ndjson(&alone.out).iter().all(|row| row["host_id"].is_null()));
    let wrong = place.fed("parse --probe linux/ss --host ../x --format ndjson", text);
    assert_eq!((wrong.code, wrong.out.as_str()), (2, ""), "{}", wrong.err);
}

#[test]
fn probes_are_rows_in_every_format_but_the_pages_for_people() {
    let place = Place::new();
    let rows = json(&place.line("probes --platform linux --format json").clean());
    let ss = rows.iter().find(|row| row["id"] == "linux/ss-inet4").unwrap();
    assert_eq!(ss["command"].as_array().unwrap().last().unwrap(), "-p");
    assert_eq!((&ss["kind"], &ss["usage"]), (&"probe".into(), &"planned".into()));
    assert!(rows.iter().all(|row| row["platform"] == "linux"));
    let all = ndjson(&place.line("probes --format ndjson").clean());
    assert!(all.len() > rows.len());
    assert!(place.line("probes --platform linux").clean().starts_with("# Command standard: linux"));
}
