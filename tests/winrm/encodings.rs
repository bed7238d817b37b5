//! Answers in every code page and in UTF-16, in German, long, and cut inside characters: the records are
//! right, and the evidence is what was sent, byte for byte.

use serde_json::{Value, json};

use crate::ground::{
    addresses, assert_evidence_is_what_was_sent, evidence, issues, outcome, records, run,
};
use crate::lab::{Service, canned};
use crate::profile::ALL;

/// One socket: protocol, ends, state and process id.
type Row = (String, String, String, String, u64);

/// German words for states, and those of the schema.
const GERMAN: [(&str, &str); 7] = [
    ("ABHÖREN", "listen"),
    ("HERGESTELLT", "established"),
    ("SCHLIESSEN_WARTEN", "close_wait"),
    ("SYN_GESENDET", "syn_sent"),
    ("WARTEND", "time_wait"),
    ("FIN_WARTEN_2", "fin_wait_2"),
    ("LETZTE_BESTÄTIGUNG", "last_ack"),
];

const ENGLISH: [(&str, &str); 7] = [
    ("LISTENING", "listen"),
    ("ESTABLISHED", "established"),
    ("CLOSE_WAIT", "close_wait"),
    ("SYN_SENT", "syn_sent"),
    ("TIME_WAIT", "time_wait"),
    ("FIN_WAIT_2", "fin_wait_2"),
    ("LAST_ACK", "last_ack"),
];

/// The rows of a text of netstat, read here in the simplest way.
fn printed(text: &str, states: &[(&str, &str)]) -> Vec<Row> {
    let rows = text.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (state, pid) = match words.as_slice() {
            ["TCP", _, _, state, pid] => (*state, pid),
            ["UDP", _, _, pid] => ("", pid),
            _ => return None,
        };
        let known = states.iter().find(|(word, _)| *word == state).map(|(_, state)| *state);
        let state = if words[0] == "UDP" { "unconnected" } else { known.unwrap_or("unknown") };
        let remote = if words[2].ends_with(":0") || words[2] == "*:*" { "" } else { words[2] };
        let text = |word: &str| word.to_owned();
        Some((text(words[0]), text(words[1]), text(remote), text(state), pid.parse().unwrap()))
    });
    let mut rows: Vec<Row> = rows.collect();
    rows.sort();
    rows
}

/// The same of records.
fn recorded(sockets: &[Value]) -> Vec<Row> {
    let end = |end: &Value| {
        let Some(address) = end["address"].as_str() else { return String::new() };
        let zone = end["zone"].as_str().map(|zone| format!("%{zone}")).unwrap_or_default();
        let port = &end["port"];
        if address.contains(':') {
            format!("[{address}{zone}]:{port}")
        } else {
            format!("{address}:{port}")
        }
    };
    let row = |socket: &Value| {
        let transport = socket["network"]["transport"].as_str().unwrap().to_uppercase();
        let state = socket["network"]["connection"]["state"].as_str().unwrap().to_owned();
        let pid = socket["processes"][0]["pid"].as_u64().unwrap_or(0);
        (transport, end(&socket["local"]), end(&socket["remote"]), state, pid)
    };
    let mut rows: Vec<Row> = sockets.iter().map(row).collect();
    rows.sort();
    rows
}

const ENCODINGS: [&str; 9] = [
    "utf-8",
    "utf-8-sig",
    "cp437",
    "cp850",
    "cp1252",
    "utf-16le",
    "utf-16-bom",
    "utf-16be",
    "utf-16be-bom",
];

#[test]
fn german_netstat_in_every_encoding_gives_the_same_records() {
    let service = Service::start("127.0.10.1-127.0.10.9", &[]);
    let all = addresses(10, ENCODINGS.len());
    let mut answers = Vec::new();
    for (address, encoding) in all.iter().zip(ENCODINGS) {
        let netstat = r"^netstat(\.exe)? -a -n -o$";
        // An odd size cuts characters of two bytes and of two units.
        answers.push(json!({"host": address, "match": netstat, "stdout": "netstat_ano_de.txt", "encoding": encoding, "chunk": 97}));
        let names = "tasklist_svc.csv";
        answers.push(json!({"host": address, "match": r"^tasklist(\.exe)? /svc", "stdout": names, "encoding": encoding, "chunk": 41}));
    }
    service.answers(&json!(answers));
    let said = run(&service, ALL, &all);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    service.assert_clean();
    let text = String::from_utf8(canned("netstat_ano_de.txt")).unwrap();
    let expected = printed(&text, &GERMAN);
    assert_eq!(expected.len(), 32);
    let names: Vec<Value> = records(&service, "win-1", "process").iter().map(named).collect();
    assert!(names.contains(&json!([3120, "sqlservr.exe", "MSSQLSERVER"])), "{names:?}");
    for ((number, address), encoding) in (1..).zip(&all).zip(ENCODINGS) {
        let host = format!("win-{number}");
        assert_eq!(outcome(&service, &host), ("complete".to_owned(), vec![]), "{encoding}");
        assert_evidence_is_what_was_sent(&service, address, &host);
        let sockets = records(&service, &host, "socket");
        assert_eq!(recorded(&sockets), expected, "{encoding}");
        let found: Vec<Value> = records(&service, &host, "process").iter().map(named).collect();
        assert_eq!(found, names, "{encoding}");
        let own = "note the host calls itself by another name than the inventory's: WINLAB01";
        assert_eq!(issues(&service, &host), [own], "{encoding}");
    }
    let bytes = &evidence(&service, "win-9")["windows/netstat-tcp-udp"].stdout;
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert!(*bytes == [b"\xfe\xff".as_slice(), &wide].concat(), "the lab sent what it says");
}

fn named(process: &Value) -> Value {
    json!([process["pid"], process["name"], process["service"]])
}

#[test]
fn twenty_thousand_rows_are_all_there_in_pieces_of_any_size() {
    let service = Service::start("127.0.11.1-127.0.11.3", &[]);
    let all = addresses(11, 3);
    let rows = |host: &str, encoding: &str, chunk: u32| json!({"host": host, "match": r"^netstat(\.exe)? -a -n -o$", "generate_rows": 20_000, "encoding": encoding, "chunk": chunk});
    service.answers(&json!([
        rows(&all[0], "utf-8", 16_384),
        rows(&all[1], "cp437", 3_583),
        rows(&all[2], "utf-16le", 4_095),
    ]));
    let said = run(&service, "views: [listeners, sessions]", &all);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    service.assert_clean();
    for (number, address) in (1..).zip(&all) {
        let host = format!("win-{number}");
        assert_eq!(outcome(&service, &host), ("complete".to_owned(), vec![]), "{host}");
        assert_evidence_is_what_was_sent(&service, address, &host);
        let bytes = &evidence(&service, &host)["windows/netstat-tcp-udp"].stdout;
        let text = match number {
            3 => {
                let units = bytes.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
                String::from_utf16(&units.collect::<Vec<_>>()).unwrap()
            }
            _ => String::from_utf8(bytes.clone()).unwrap(),
        };
        let expected = printed(&text, &ENGLISH);
        assert_eq!(expected.len(), 20_000);
        assert!(recorded(&records(&service, &host, "socket")) == expected, "{host}: other rows");
    }
}

#[test]
fn what_powershell_wraps_its_errors_in_is_told_as_their_text_and_progress_is_not_told() {
    let service = Service::start("127.0.12.1-127.0.12.4", &[]);
    let all = addresses(12, 4);
    let error = "Get-NetAdapter : Zugriff <verweigert> f\u{fc}r & alle\nIn Zeile:6 Zeichen:1";
    let script = r"\$h\['adapters'\]";
    service.answers(&json!([
        {"host": all[0], "match_ps": script, "stdout": "ps_rich_interfaces.json", "stderr_progress": true},
        {"host": all[1], "match_ps": script, "stdout": "ps_rich_interfaces.json",
         "stderr_progress": true, "stderr_clixml_error": error, "split_clixml": true},
        {"host": all[2], "match_ps": script, "stderr_progress": true, "stderr_clixml_error": error, "exit": 1},
    ]));
    // Answers of 61 bytes cut every element of a document, and characters of two bytes.
    service.configure(&json!({"receive_bytes": 61}));
    let said = run(&service, "views: [interfaces]\nprofile: rich", &all);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let text = "Get-NetAdapter : Zugriff <verweigert> für & alle In Zeile:6 Zeichen:1";
    for ((number, address), expected) in (1..).zip(&all).zip([
        vec![],
        vec![format!("note the program answered, and said on standard error: {text}")],
        vec![format!("note not answered (exit status 1): what it would tell is missing: {text}")],
        vec![],
    ]) {
        let host = format!("win-{number}");
        assert_eq!(outcome(&service, &host), ("complete".to_owned(), vec![]), "{host}");
        assert_evidence_is_what_was_sent(&service, address, &host);
        assert_eq!(issues(&service, &host), expected, "{host}");
        let stderr = &evidence(&service, &host)["windows/rich-interfaces"].stderr;
        assert_eq!(stderr.is_empty(), number == 4, "{host}");
    }
    let plain: Vec<Value> = records(&service, "win-4", "interface");
    let bytes =
        |rows: &[Value]| rows.iter().map(|row| row["rx"]["bytes"].clone()).collect::<Vec<_>>();
    assert_eq!(bytes(&plain), [json!(9_000_000_000_u64), json!(0), Value::Null]);
    assert_eq!(bytes(&records(&service, "win-2", "interface")), bytes(&plain));
}
