//! Exports as people hand them over, read whole; and each kind of fault.

use crate::enrich::changes::{Read, recognize};
use crate::enrich::record::Records;
use crate::enrich::{assets, changes, text};
use crate::model::attribute::AttributeStatement;
use crate::model::change::{ChangeField, ChangeRequest, ChangeStatement};
use crate::model::import::{ImportFormat, ImportKind, ImportOptions};

fn options(kind: ImportKind, format: ImportFormat) -> ImportOptions {
    ImportOptions { kind, format, timezone: "UTC".into(), columns: vec![], skip_bad: false }
}

fn read(text: &str) -> Read<ChangeStatement> {
    changes::read(text, &options(ImportKind::Changes, recognize(text))).unwrap()
}

/// The change as one JSON object: every field at once.
fn json(request: &ChangeRequest) -> String {
    serde_json::to_string(request).unwrap()
}

fn one(text: &str) -> String {
    let read = read(text);
    assert_eq!(read.faults, []);
    assert_eq!(read.statements.len(), 1, "{read:?}");
    json(&read.statements[0].request)
}

fn faults(text: &str) -> Vec<String> {
    read(text).faults.iter().map(|fault| format!("{}: {}", fault.line, fault.message)).collect()
}

const WHOLE: &str = "{\"number\":\"CHG0030001\",\"title\":\"Patch OpenSSL\",\"kind\":\"normal\",\
    \"state\":\"implement\",\"requested_by\":\"Ann Example\",\"assigned_to\":\"Bob\",\
    \"planned\":{\"start\":\"2026-11-24T01:00:00.000000Z\",\"end\":\"2026-11-24T03:30:00.000000Z\"},\
    \"actual\":{\"start\":\"2026-11-24T01:05:00.000000Z\",\"end\":null},\
    \"items\":[\"web1.example.org\"],\"affected\":[],\
    \"updated\":\"2026-11-23T12:00:00.000000Z\"}";

#[test]
fn servicenow_gives_the_same_change_in_every_form_it_exports() {
    let csv = "\u{feff}number,short_description,type,state,requested_by,assigned_to,start_date,\
        end_date,work_start,work_end,cmdb_ci,sys_updated_on,sys_id,u_risk\r\n\
        CHG0030001,\"Patch\nOpenSSL\",normal,-1,Ann Example,Bob,2026-11-24 01:00:00,\
        2026-11-24 03:30:00,2026-11-24 01:05:00,,WEB1.example.org,2026-11-23 12:00:00,0f,3\r\n";
    assert_eq!(recognize(csv), ImportFormat::Servicenow);
    let csv = text::decode(csv.as_bytes()).unwrap();
    assert_eq!(one(&csv), WHOLE);
    assert_eq!(read(&csv).unused, [""; 0]);
    let plain = r#"{"result": [{"number": "CHG0030001", "short_description": "Patch OpenSSL",
        "type": "normal", "state": "-1", "requested_by": {"display_value": "Ann Example",
        "link": "https://example.service-now.com/api/now/table/sys_user/1"},
        "assigned_to": {"display_value": "Bob", "link": "https://x/2"},
        "start_date": "2026-11-24 01:00:00", "end_date": "2026-11-24 03:30:00",
        "work_start": "2026-11-24 01:05:00", "work_end": "", "sys_id": "0f",
        "cmdb_ci": {"display_value": "web1.example.org", "link": "https://x/3"},
        "sys_updated_on": "2026-11-23 12:00:00"}]}"#;
    assert_eq!(one(plain), WHOLE);
    // With `sysparm_display_value=all` the value is UTC, whatever the user's time zone shows.
    let all = r#"{"records": [{"number": {"display_value": "CHG0030001", "value": "CHG0030001"},
        "short_description": {"display_value": "Patch OpenSSL", "value": "Patch OpenSSL"},
        "type": {"display_value": "Normal", "value": "normal"},
        "state": {"display_value": "Implement", "value": "-1"},
        "requested_by": {"display_value": "Ann Example", "value": "1"},
        "assigned_to": {"display_value": "Bob", "value": "2"},
        "start_date": {"display_value": "2026-11-24 02:00:00", "value": "2026-11-24 01:00:00"},
        "end_date": {"display_value": "2026-11-24 04:30:00", "value": "2026-11-24 03:30:00"},
        "work_start": {"display_value": "2026-11-24 02:05:00", "value": "2026-11-24 01:05:00"},
        "work_end": {"display_value": "", "value": ""},
        "cmdb_ci": {"display_value": "web1.example.org", "value": "3"},
        "sys_updated_on": {"display_value": "2026-11-23 13:00:00", "value": "2026-11-23 12:00:00"}
        }]}"#;
    assert_eq!(one(all), WHOLE.replace("\"kind\":\"normal\"", "\"kind\":\"Normal\""));
}

#[test]
fn a_german_spreadsheet_and_rows_for_each_host_are_one_change() {
    let text = "Number;Titel;Planned Start Date;Planned End Date;Host\r\n\
        chg7;Umbau;24.11.2026 02:00;24.11.2026 04:00;web1\r\n\
        CHG7;;;;WEB2, web3\r\n";
    assert_eq!(recognize(text), ImportFormat::Csv);
    let mut options = options(ImportKind::Changes, ImportFormat::Csv);
    options.timezone = "Europe/Berlin".into();
    options.columns = vec![("title".into(), "Titel".into())];
    let read = changes::read(text, &options).unwrap();
    assert_eq!((read.faults.len(), read.rows, read.unused.len()), (0, 2, 0));
    let [statement] = read.statements.as_slice() else { panic!("{read:?}") };
    assert_eq!(
        json(&statement.request),
        "{\"number\":\"CHG7\",\"title\":\"Umbau\",\"kind\":null,\"state\":null,\
         \"requested_by\":null,\"assigned_to\":null,\"planned\":{\
         \"start\":\"2026-11-24T01:00:00.000000Z\",\"end\":\"2026-11-24T03:00:00.000000Z\"},\
         \"actual\":{\"start\":null,\"end\":null},\"items\":[\"web1\",\"web2\",\"web3\"],\
         \"affected\":[],\"updated\":null}"
    );
    let says = |field| statement.says.has(field);
    assert!(says(ChangeField::Host) && says(ChangeField::Title));
    assert!(!says(ChangeField::State) && !says(ChangeField::Affected));
}

#[test]
fn affected_things_come_from_a_list_of_their_own() {
    let text = "task,ci_item\nCHG1,web1\nCHG1,web2\nCHG2,db1\n";
    let read = read(text);
    let touched = |statement: &ChangeStatement| {
        (statement.request.number.to_string(), json(&statement.request).contains("\"items\":[]"))
    };
    assert_eq!(read.faults, []);
    assert_eq!(
        read.statements.iter().map(touched).collect::<Vec<_>>(),
        [("CHG1".into(), true), ("CHG2".into(), true)]
    );
    let affected: Vec<String> =
        read.statements[0].request.affected.iter().map(ToString::to_string).collect();
    assert_eq!(affected, ["web1", "web2"]);
}

#[test]
fn every_fault_of_a_file_is_told_at_once() {
    let long = "x".repeat(5_000);
    let text = format!(
        "number,title,planned_start,planned_end,host\n\
         CHG1,a,2026-11-24 03:00,2026-11-24 02:00,web1\n\
         ,b,,,\n\
         CHG 3,c,,,\n\
         CHG4,d,11/24/2026,,\n\
         CHG5,{long},,,\n\
         CHG6,e,,2026-11-24 02:00,\n\
         CHG7,f,,,\"web\u{1}\"\n\
         CHG8,g,,,web1\n\
         CHG8,h,,,web2\n\
         CHG9,i,,\n"
    );
    assert_eq!(
        faults(&text),
        [
            "2: planned end 2026-11-24T02:00:00.000000Z is before the start \
             2026-11-24T03:00:00.000000Z",
            "3: change number `` is empty",
            "4: change number `CHG 3` has a blank or a character that is not ASCII",
            "5: planned_start: `11/24/2026` is not a time: expected 2026-11-24 01:42:00, \
             24.11.2026 01:42 or 2026-11-24T01:42:00+01:00",
            "6: `title` has 5000 bytes, at most 4096 are taken",
            "7: planned end without a start",
            "8: host: name `web\\x01` has a control character",
            "10: CHG8 has another title than in line 9",
            "11: 4 cells, the first line has 5",
        ]
    );
    assert_eq!(
        faults("id2,title\n1,a\n2,b\n"),
        ["2: no column with the change's number: name it, e.g. `--columns number=ID`"]
    );
    let mut named = options(ImportKind::Changes, ImportFormat::Csv);
    named.columns = vec![("host".into(), "machine".into())];
    let read = changes::read("number\nCHG1\n", &named).unwrap();
    assert_eq!(read.faults[0].message, "no column `machine`, which `--columns` names");
}

#[test]
fn an_option_that_names_nothing_is_no_fault_of_the_file() {
    let mut wrong = options(ImportKind::Changes, ImportFormat::Csv);
    wrong.timezone = "Europe/Atlantis".into();
    let error = changes::read("number\n", &wrong).unwrap_err();
    assert_eq!(
        error,
        "no time zone `Europe/Atlantis`: expected an IANA name such as Europe/Berlin"
    );
    wrong.timezone = "UTC".into();
    wrong.columns = vec![("colour".into(), "x".into())];
    let error = changes::read("number\n", &wrong).unwrap_err();
    assert!(error.starts_with("`colour` is no field: expected number, title, type"), "{error}");
}

proptest::proptest! {
    /// Whatever a file holds, reading it ends, and every line is a row, a part of one, or a fault.
    #[test]
    fn no_file_breaks_the_readers(
        text in "(number|host|[\\[{}\\]:,;\"\n\r\t a1\u{fc}\\\\]|result|CHG1|null|display_value){0,60}"
    ) {
        for format in [ImportFormat::Csv, ImportFormat::Json, ImportFormat::Servicenow] {
            let options = options(ImportKind::Changes, format);
            let read = changes::read(&text, &options).unwrap();
            proptest::prop_assert!(read.statements.len() <= read.rows);
            let lines = u64::try_from(text.lines().count()).unwrap() + 1;
            proptest::prop_assert!(read.faults.iter().all(|fault| fault.line <= lines));
            assets::read(&text, &options).unwrap();
        }
    }

    /// What is valid JSON gives its objects, each once, with the line on which it begins.
    #[test]
    fn every_object_of_an_array_is_a_row(
        values in proptest::collection::vec(("[a-z\\[\\]{}\",\\\\\n]{0,6}", 0_usize..3), 0..8)
    ) {
        let mut text = String::from("[");
        let mut expected = Vec::new();
        for (place, (value, breaks)) in values.iter().enumerate() {
            text.push_str(if place > 0 { "," } else { "" });
            text.push_str(&"\n".repeat(*breaks));
            let line = text.matches('\n').count() as u64 + 1;
            let words = value.split_whitespace().collect::<Vec<_>>().join(" ");
            expected.push((line, words));
            text.push_str(&serde_json::json!({ "x": value, "y": [] }).to_string());
        }
        text.push(']');
        let (rows, faults) = Records::all(|records| crate::enrich::json::read(&text, records));
        proptest::prop_assert_eq!(faults, []);
        let found: Vec<_> = rows.iter().map(|row| (row.line, row.cells[0].1.line())).collect();
        proptest::prop_assert_eq!(found, expected);
    }
}

/// Item, key, value.
type Said = (String, String, Option<String>);

fn said(text: &str) -> (Vec<Said>, Vec<String>) {
    let read = assets::read(text, &options(ImportKind::Assets, recognize(text))).unwrap();
    let plain =
        |said: AttributeStatement| (said.item.to_string(), said.key.to_string(), said.value);
    let faults = read.faults.iter().map(|fault| format!("{}: {}", fault.line, fault.message));
    (read.statements.into_iter().map(plain).collect(), faults.collect())
}

#[test]
fn attributes_come_from_csv_and_json_alike() {
    let row = |key: &str, value: Option<&str>| {
        ("web1".to_owned(), key.to_owned(), value.map(str::to_owned))
    };
    let expected = vec![row("cost_centre", None), row("customer_facing", Some("true"))];
    let csv = "Cost centre,HOST,Customer facing\n,Web1.,true\n";
    assert_eq!(said(csv), (expected.clone(), vec![]));
    let json = r#"[{"Cost centre": null, "host": "WEB1", "customer-facing": true}]"#;
    assert_eq!(said(json), (expected, vec![]));
}

#[test]
fn faults_of_attributes_are_told_at_once() {
    let (_, faults) = said("host,owner\nweb1,a\n,b\nWEB1,c\n");
    assert_eq!(
        faults,
        ["3: the host's name `` is empty", "4: web1 has another owner than in line 2"]
    );
    let (_, faults) = said("owner\na\n");
    let message = "2: no column that names the host: name it, e.g. `--columns host=NAME`";
    assert_eq!(faults, [message]);
}
