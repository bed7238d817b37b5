//! Change requests and attributes, through the real binary: in, around a capture, out again, and
//! what is wrong with a file.

use std::fs;

use crate::support::{Ended, Place, csv, json, ndjson};

/// Changes at work now, later, and canceled; with what a spreadsheet would run.
fn changes(title: &str) -> String {
    format!(
        "number,short_description,type,state,start_date,end_date,cmdb_ci\r\n\
         CHG0030001,{title},normal,-1,{now},{soon},LOCALHOST\r\n\
         CHG0030002,Later,normal,-2,2036-01-01 08:00:00,2036-01-01 09:00:00,db1.example\r\n\
         CHG0030003,Not done,normal,4,{now},{soon},localhost\r\n",
        now = "2020-01-01 00:00:00",
        soon = "2099-12-31 23:59:59",
    )
}

const ASSETS: &str = "Host;Owner;Cost centre\nlocalhost;Team Blue;4711\nweb9;Team Red;\n";

#[track_caller]
fn refused(ended: &Ended, code: i32, err: &str) {
    assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (code, "", err));
}

/// Everything that the store of a place exports.
fn export(place: &Place, name: &str) -> String {
    let (into, file) = (place.path(&format!("{name}.sqlite")), place.path(name));
    let words = ["rebuild", "--into", into.to_str().unwrap(), "--export", file.to_str().unwrap()];
    place.run(words).clean();
    fs::read_to_string(file).unwrap()
}

#[test]
fn changes_and_attributes_go_in_and_stand_around_a_capture() {
    let place = Place::new();
    let file = place.write("chg.csv", changes("=1+1\u{1b}[31m"));
    let words = ["changes", "import", &file];
    let said = place.run(words).clean();
    assert_eq!(
        said,
        "chg.csv: 3 rows: 3 changes new, 0 changed, 0 as known\n\
         2 names mean no known host yet: db1.example, localhost\n"
    );
    let again = place.run(words).clean();
    assert!(again.starts_with("chg.csv: nothing new in 3 rows: 3 changes known as they are\n"));
    let assets = place.write("assets.csv", ASSETS);
    place.run(["assets", "import", &assets]).clean();
    assert_eq!(place.listed("data/imports").len(), 4, "a file that brings nothing is not kept");
    let run = place.collect();
    let evidence = fs::read_to_string(place.evidence(&run)).unwrap();
    let line = |key: &str| evidence.lines().find(|line| line.starts_with(key)).unwrap().to_owned();
    assert!(line("changes: ").contains("\"number\":\"CHG0030001\""), "{}", line("changes: "));
    assert!(!line("changes: ").contains("CHG0030003"), "a canceled change explains nothing");
    assert_eq!(
        line("attributes: "),
        "attributes: [{\"key\":\"cost_centre\",\"value\":\"4711\"},\
         {\"key\":\"owner\",\"value\":\"Team Blue\"}]"
    );
    // The host is known now, so what was imported before counts.
    let known = place.run(words).clean();
    assert!(known.ends_with("1 name means no known host yet: db1.example\n"), "{known}");
    let page = place.line("show localhost").clean();
    assert!(page.contains("\nChanges near this capture (1)\n"), "{page}");
    assert!(page.contains("at the capture  =1+1\\x1b[31m\n"), "{page}");
    assert!(page.contains("\nAttributes (2)\n"), "{page}");
    assert!(page.chars().all(|letter| letter == '\n' || !letter.is_control()));
    place.line("verify imports").clean();
    place.line(&format!("verify {run}")).clean();
}

#[test]
fn what_is_imported_after_a_capture_shows_as_later_and_leaves_the_evidence_alone() {
    let place = Place::new();
    let run = place.collect();
    let before = fs::read(place.evidence(&run)).unwrap();
    let page = place.line("show localhost").clean();
    assert!(!page.contains("Changes near"), "{page}");
    let file = place.write("chg.csv", changes("Patch"));
    place.run(["changes", "import", &file]).clean();
    let assets = place.write("assets.csv", ASSETS);
    place.run(["assets", "import", &assets]).clean();
    let page = place.line("show localhost").clean();
    assert!(page.contains("imported later  Patch\n"), "{page}");
    assert!(page.contains("owner        Team Blue  imported later  -\n"), "{page}");
    assert_eq!(fs::read(place.evidence(&run)).unwrap(), before);
    place.line(&format!("verify {run}")).clean();
}

#[test]
fn a_diff_says_within_which_change_each_difference_is() {
    let place = Place::new();
    place.collect();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = u64::from(listener.local_addr().unwrap().port());
    place.collect();
    drop(listener);
    let runs = json(&place.line("runs --format json").clean());
    let at = |place: usize| runs[place]["started"].as_str().unwrap().to_owned();
    // A run's first command is sent after its start.
    let (from, to) = (at(0), "0s".to_owned());
    let words = |format: &str| {
        let words = ["diff", "localhost", "--from", &from, "--to", &to, "--format", format];
        words.map(str::to_owned)
    };
    let row = |rows: Vec<serde_json::Value>| {
        let mine = |row: &serde_json::Value| row["port"] == port && row["change"] == "listener_new";
        rows.into_iter().find(mine).expect("the listener is a difference")
    };
    let first = row(ndjson(&place.run(words("ndjson")).clean()));
    assert_eq!(first["during"], serde_json::Value::Null, "nobody imported changes");
    let only_later = changes("Patch").replace("LOCALHOST", "elsewhere");
    let file = place.write("chg.csv", only_later);
    place.run(["changes", "import", &file]).clean();
    let second = row(ndjson(&place.run(words("ndjson")).clean()));
    assert_eq!(second["during"], "no change recorded");
    assert_eq!(second["change_requests"], serde_json::json!([]));
    let table = place.run(words("table")).clean();
    assert!(table.starts_with("No change recorded between "), "{table}");
    let file = place.write("chg.csv", changes("Patch"));
    place.run(["changes", "import", &file]).clean();
    let third = row(ndjson(&place.run(words("ndjson")).clean()));
    assert_eq!(third["during"], "within change CHG0030001");
    assert_eq!(third["change_requests"], serde_json::json!(["CHG0030001"]));
    let table = place.run(words("table")).clean();
    assert!(table.starts_with("1 change recorded between "), "{table}");
    let line = "\n  CHG0030001 2020-01-01T00:00:00Z to 2099-12-31T23:59:59Z \
                (implement, imported later): Patch\n";
    assert!(table.contains(line), "{table}");
    assert!(table.contains("within change CHG0030001\n"), "{table}");
}

#[test]
fn changes_are_listed_and_shown_with_what_was_known_before() {
    let place = Place::new();
    place.collect();
    let file = place.write("chg.csv", changes("=1+1"));
    place.run(["changes", "import", &file]).clean();
    let known = json(&place.line("changes list --format json").clean());
    let at = known[0]["imported_at"].as_str().unwrap().to_owned();
    let file = place.write("chg.csv", changes("Patch"));
    place.run(["changes", "import", &file]).clean();
    let numbers = |line: &str| -> Vec<String> {
        let rows = ndjson(&place.line(&format!("{line} --format ndjson")).clean());
        rows.iter().map(|row| format!("{} {}", row["number"], row["title"])).collect()
    };
    let three =
        ["\"CHG0030001\" \"Patch\"", "\"CHG0030003\" \"Not done\"", "\"CHG0030002\" \"Later\""];
    assert_eq!(numbers("changes list"), three);
    assert_eq!(numbers("changes list --host Localhost"), three[..2]);
    assert_eq!(numbers("changes list -l role=controller"), three[..2]);
    assert_eq!(numbers("changes list --until 1d"), three[..2]);
    assert_eq!(numbers("changes list --since 2100-01-01T00:00:00Z"), [""; 0]);
    let then = numbers(&format!("changes list --known-at {at}"));
    assert_eq!(then[0], "\"CHG0030001\" \"=1+1\"");
    let versions = csv(&place.line("changes show chg0030001 --format csv").clean());
    let cells = |cell: &str| versions.iter().map(|row| row[cell].as_str()).collect::<Vec<_>>();
    assert_eq!(cells("title"), ["Patch", "'=1+1"], "no formula leaves");
    assert_eq!(cells("hosts"), ["[\"localhost\"]", "[\"localhost\"]"]);
    assert_eq!(cells("replaced_at")[0], "");
    assert_ne!(cells("replaced_at")[1], "");
    refused(
        &place.line("changes show CHG9"),
        2,
        "error[FS-USE-009]: the store knows no change `CHG9`\n  help: see `fleetstat changes \
         list`\n",
    );
}

#[test]
fn attributes_that_contradict_the_inventory_are_shown_and_do_not_count() {
    let place = Place::new();
    let inventory =
        place.write("i.yaml", "hosts:\n  localhost: {transport: local, role: web, owner: Ops}\n");
    let file = place
        .write("a.json", "[{\"host\": \"LOCALHOST\", \"owner\": \"Blue\", \"role\": \"web\"}]");
    place.run(["assets", "import", &file]).clean();
    let words = ["run", "playbooks/nightly-snapshot.yaml", "-i", &inventory, "-q"];
    place.run(words).clean();
    let rows = json(&place.line("assets show localhost --format json").clean());
    let cells = |key: &str| rows.iter().map(|row| row[key].clone()).collect::<Vec<_>>();
    assert_eq!(cells("key"), ["owner", "role"]);
    assert_eq!(cells("inventory"), [serde_json::json!("Ops"), serde_json::Value::Null]);
    let page = place.line("show localhost").clean();
    assert!(page.contains("owner Ops"), "the inventory is what counts: {page}");
    assert!(page.contains("owner      Blue   at the capture  Ops\n"), "{page}");
}

#[test]
fn a_file_with_a_wrong_row_is_refused_whole_unless_such_rows_are_to_be_left_out() {
    let place = Place::new();
    let text = "number,start,host\nCHG1,2026-11-24 01:00,web1\nCHG2,yesterday,web2\n,,web3\n";
    let file = place.write("chg.csv", text);
    let fault = format!(
        "error[FS-IMP-001]: {file}:3: start: `yesterday` is not a time: expected 2026-11-24 \
         01:42:00, 24.11.2026 01:42 or 2026-11-24T01:42:00+01:00\n  help: mend them, or add \
         `--skip-bad` to leave them out\nerror[FS-IMP-001]: {file}:4: change number `` is empty\n  \
         help: mend them, or add `--skip-bad` to leave them out\n2 faults in all\n"
    );
    refused(&place.run(["changes", "import", &file]), 30, &fault);
    assert!(!place.path("data").exists(), "nothing was begun");
    let skipped = place.run(["changes", "import", &file, "--skip-bad"]);
    assert_eq!(skipped.code, 20);
    assert_eq!(
        skipped.out,
        "chg.csv: 3 rows: 1 changes new, 0 changed, 0 as known\nleft out, see above: lines 3, 4\n\
         1 name means no known host yet: web1\n"
    );
    assert!(skipped.err.contains("chg.csv:3: start: `yesterday`"), "{}", skipped.err);
    // Made again from the kept file, the same rows are left out.
    let text = export(&place, "again.txt");
    assert_eq!(text.matches("change_requests ").count(), 1, "{text}");
}

#[test]
fn every_kind_of_unreadable_file_says_what_it_is() {
    let place = Place::new();
    for (name, bytes, place_and_fault) in [
        ("latin.csv", &b"number,title\nCHG1,sch\xf6n\n"[..], ":2: byte 0xf6 is not UTF-8"),
        ("cut.csv", b"number,title\nCHG1,\"cut", ":2: a quote is opened in this row and never"),
        ("cut.json", b"[{\"number\": \"CHG1\"},\n{", ":2: not JSON: EOF while parsing"),
        ("words.json", b"[\"CHG1\"]", ":1: a row is not an object"),
        ("empty.csv", b" \r\n", ": the file is empty: did the export fail?"),
        ("zero.csv", b"n\0u\0", ":1: a zero byte"),
        ("twice.csv", b"number,Number\nCHG1,CHG1\n", ":1: two columns are called `number`"),
    ] {
        let file = place.write(name, bytes);
        let ended = place.run(["changes", "import", &file]);
        assert_eq!(ended.code, 30, "{name}: {}", ended.err);
        assert!(ended.err.contains(&format!("{file}{place_and_fault}")), "{name}: {}", ended.err);
    }
    let ended = place.line("changes import nowhere.csv");
    assert_eq!(ended.code, 2);
    let file = place.write("ok.csv", "number\nCHG1\n");
    let zone = place.run(["changes", "import", &file, "--timezone", "Mars/Olympus"]);
    refused(
        &zone,
        2,
        "error[FS-USE-001]: no time zone `Mars/Olympus`: expected an IANA name such as \
         Europe/Berlin\n  help: see `fleetstat help`\n",
    );
}

#[test]
fn a_store_made_again_has_every_import_and_version() {
    let place = Place::new();
    let file = place.write("chg.csv", changes("First"));
    place.run(["changes", "import", &file]).clean();
    place.collect();
    let file = place.write("chg.csv", changes("Second"));
    place.run(["changes", "import", &file]).clean();
    let assets = place.write("assets.csv", ASSETS);
    place.run(["assets", "import", &assets]).clean();
    let before = place.line("changes show CHG0030001 --format json").clean();
    let first = export(&place, "one.txt");
    place.line("rebuild").clean();
    assert_eq!(export(&place, "two.txt"), first);
    assert_eq!(place.line("changes show CHG0030001 --format json").clean(), before);
    let counted = |kind: &str| first.lines().filter(|line| line.starts_with(kind)).count();
    let counts = ["imports ", "change_requests ", "attributes "].map(counted);
    assert_eq!(counts, [3, 4, 3]);
}

#[test]
fn verify_and_rebuild_see_when_a_kept_file_was_changed_or_is_gone() {
    let place = Place::new();
    let file = place.write("chg.csv", changes("First"));
    place.run(["changes", "import", &file]).clean();
    let names = place.listed("data/imports");
    let kept = place.path("data/imports").join(&names[0]);
    let bytes = fs::read(&kept).unwrap();
    let mut changed = bytes.clone();
    changed[90] ^= 1;
    fs::write(&kept, &changed).unwrap();
    let ended = place.line("verify imports");
    assert_eq!(ended.code, 50, "{}", ended.err);
    assert!(ended.out.starts_with(&format!("{}: changed: does not have", names[0])));
    assert_eq!(place.line("rebuild").code, 50);
    fs::remove_file(&kept).unwrap();
    let ended = place.line("verify imports");
    assert_eq!(ended.code, 50);
    assert!(ended.out.starts_with(&format!("{}: missing: ", names[0])), "{}", ended.out);
    // With its record gone as well nothing in the folder shows it, but the store knows.
    fs::remove_file(place.path("data/imports").join(&names[1])).unwrap();
    assert_eq!(place.line("verify imports").code, 50);
    let ended = place.line("rebuild");
    assert_eq!(ended.code, 51, "{}", ended.err);
    assert!(ended.err.contains("the store stays as it is"), "{}", ended.err);
    assert_eq!(json(&place.line("changes list --format json").clean()).len(), 3);
}

#[test]
fn an_import_that_was_cut_off_after_its_file_was_kept_is_taken_in_by_the_next() {
    let place = Place::new();
    let file = place.write("chg.csv", changes("First"));
    place.run(["changes", "import", &file]).clean();
    let whole = export(&place, "one.txt");
    // As after a crash between keeping the file and the store's transaction.
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(place.path(&format!("data/store.sqlite{end}")));
    }
    let said = place.run(["changes", "import", &file]).clean();
    assert!(said.starts_with("chg.csv: nothing new in 3 rows"), "{said}");
    assert_eq!(export(&place, "two.txt"), whole);
    place.line("verify imports").clean();
}

#[test]
fn a_name_that_could_be_two_hosts_is_said_and_counts_for_none() {
    let place = Place::new();
    let inventory = place.write(
        "i.yaml",
        "hosts:\n  db1.a.example: {transport: local}\n  db1.b.example: {transport: local}\n  \
         web1: {transport: local}\n",
    );
    let text = "number,start,host\nCHG1,2026-11-24 01:00,\"db1,web1.example,DB1.A.example,mx1\"\n";
    let file = place.write("chg.csv", text);
    let said = place.run(["changes", "import", &file, "-i", &inventory]).clean();
    assert_eq!(
        said,
        "chg.csv: 1 row: 1 changes new, 0 changed, 0 as known\n\
         1 name means no known host yet: mx1\n\
         1 name could mean several hosts, so it counts for none: \
         db1 (db1.a.example or db1.b.example)\n"
    );
    let words = ["changes", "list", "-i", &inventory, "--format", "json"];
    let row = json(&place.run(words).clean()).remove(0);
    assert_eq!(row["hosts"], serde_json::json!(["db1.a.example", "web1"]));
    assert_eq!(row["unknown"], serde_json::json!(["mx1"]));
    assert_eq!(row["ambiguous"], serde_json::json!(["db1"]));
}

#[test]
fn an_export_can_come_through_a_pipe_and_in_any_form() {
    let place = Place::new();
    let rows = [
        "{\"number\": \"CHG1\", \"start\": \"2026-11-24 02:00\", \"hosts\": [\"web1\"]}\n"
            .to_owned(),
        "[{\"number\": \"CHG1\", \"start\": \"2026-11-24 02:00\", \"hosts\": \"web1\"}]".to_owned(),
        "number;start;hosts\r\nCHG1;24.11.2026 02:00;web1\r\n".to_owned(),
    ];
    for (count, text) in rows.iter().enumerate() {
        let line = "changes import - --timezone Europe/Berlin --format json";
        let said = json(&place.fed(line, text.as_bytes()).clean()).remove(0);
        let (added, unchanged) = (said["added"].clone(), said["unchanged"].clone());
        let first = u64::from(count == 0);
        assert_eq!((added, unchanged), (first.into(), (1 - first).into()), "{text}");
        assert_eq!(said["timezone"], "Europe/Berlin");
    }
    let known = json(&place.line("changes list --format json").clean()).remove(0);
    assert_eq!(known["window"]["start"], "2026-11-24T01:00:00.000000Z");
    let utf16: Vec<u8> = [0xff_u8, 0xfe]
        .into_iter()
        .chain("number;title\r\nCHG1;schön\r\n".encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    let file = place.write("utf16.csv", utf16);
    place.run(["changes", "import", &file]).clean();
    let known = json(&place.line("changes list --format json").clean()).remove(0);
    assert_eq!(known["title"], "schön");
    assert_eq!(known["window"]["start"], "2026-11-24T01:00:00.000000Z", "no column, no word");
}

#[test]
fn a_file_that_names_no_host_or_no_time_is_warned_of_and_its_titles_can_be_given() {
    let place = Place::new();
    let file = place.write("chg.csv", "Number;Short description;Server name;From;To\nCHG1;Patch;web-1;2026-11-24 01:00;2026-11-24 02:00\n");
    let said = place.run(["changes", "import", &file]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("no row names a host or has a start"), "{}", said.err);
    assert!(said.err.contains("columns that are not used: From, Server name, To"), "{}", said.err);
    let columns = "host=Server name,start=From,end=To";
    let said = place.run(["changes", "import", &file, "--columns", columns]);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{}", said.out);
    let listed = json(&place.line("changes list --format json").clean());
    assert_eq!(listed[0]["planned"]["start"], "2026-11-24T01:00:00.000000Z", "{}", listed[0]);
}

#[test]
fn a_file_without_rows_is_taken_and_said_to_be_empty() {
    let place = Place::new();
    let file = place.write("none.csv", "number,short_description,cmdb_ci\n");
    let ended = place.run(["changes", "import", &file]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.err.contains("none.csv: there is no row in it"), "{}", ended.err);
}
