//! Files that are no store, no longer a store, or not yet one.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use fleetstat::model::snapshot::View;
use fleetstat::store::{Error, ExportKind, Mode, open};

use crate::scene::{self, host, whole};
use crate::sqlite;

fn message(result: Result<Box<dyn fleetstat::store::Store>, Error>) -> String {
    result.err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn reading_where_there_is_no_store_says_how_to_get_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.db");
    let error = message(open(&path, Mode::Read));
    let expected = format!(
        "there is no store at `{}`; collect with `fleetstat run`, or name it with `--data`",
        path.display()
    );
    assert_eq!(error, expected);
    assert!(!path.exists());
}

#[test]
fn a_file_of_another_kind_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    let text = "buy milk\n".repeat(200);
    fs::write(&path, &text).unwrap();
    for mode in [Mode::Write, Mode::Read] {
        let error = message(open(&path, mode));
        assert!(error.contains("not a fleetstat store (it is no SQLite database)"), "{error}");
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_database_of_another_program_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE customer (name TEXT)").unwrap();
    drop(other);
    let before = fs::read(&path).unwrap();
    for mode in [Mode::Write, Mode::Read] {
        let error = message(open(&path, mode));
        assert!(error.contains("(it is a SQLite database of another program)"), "{error}");
    }
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_store_of_a_later_version_is_refused() {
    let fresh = sqlite();
    let path = fresh.folder.path().join("fleet.db");
    drop(fresh.store);
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.pragma_update(None, "user_version", 99).unwrap();
    drop(raw);
    for mode in [Mode::Write, Mode::Read] {
        let error = message(open(&path, mode));
        assert!(error.contains("has schema 99, this version knows up to "), "{error}");
    }
}

#[test]
fn a_store_whose_pages_are_overwritten_is_an_error_that_says_rebuild() {
    let mut fresh = sqlite();
    fresh.store.begin_run(&scene::run_start(0)).unwrap();
    fresh.store.ingest(&[whole("web-1", 0)]).unwrap();
    let path = fresh.folder.path().join("fleet.db");
    drop(fresh.store);
    let mut bytes = fs::read(&path).unwrap();
    let start = bytes.len() / 8;
    bytes[start..].fill(0x5a);
    fs::write(&path, bytes).unwrap();
    let outcome = open(&path, Mode::Read).and_then(|store| {
        store.hosts()?;
        store.snapshot(&host("web-1"), None)
    });
    let error = outcome.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.contains("the store is damaged"), "{error}");
    assert!(error.contains("`fleetstat rebuild`"), "{error}");
}

#[test]
fn a_damaged_blob_is_named() {
    let mut fresh = sqlite();
    fresh.store.begin_run(&scene::run_start(0)).unwrap();
    fresh.store.ingest(&[whole("web-1", 0)]).unwrap();
    let raw = rusqlite::Connection::open(fresh.folder.path().join("fleet.db")).unwrap();
    let message = || fresh.store.snapshot(&host("web-1"), None).unwrap_err().to_string();
    let expected = |what: &str| {
        format!(
            "the store is damaged: {what}: its content does not match its digest; \
             rebuild it with `fleetstat rebuild`"
        )
    };
    raw.execute("UPDATE moment SET hash = zeroblob(32)", []).unwrap();
    assert_eq!(message(), expected("moment of snapshot 1"));
    let asset = "SELECT asset FROM snapshot";
    let id: i64 = raw.query_row(asset, [], |row| row.get(0)).unwrap();
    raw.execute("UPDATE blob SET hash = zeroblob(32) WHERE id = ?1", [id]).unwrap();
    assert_eq!(message(), expected(&format!("blob {id} (asset)")));
}

#[test]
fn a_new_store_is_readable_by_owner_and_group_only() {
    let fresh = sqlite();
    let path = fresh.folder.path().join("fleet.db");
    let mode = fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777 & !0o640, 0, "{mode:o}");
}

#[test]
fn readers_see_what_the_writer_has_committed() {
    let mut fresh = sqlite();
    let path = fresh.folder.path().join("fleet.db");
    let mut reader = open(&path, Mode::Read).unwrap();
    fresh.store.begin_run(&scene::run_start(0)).unwrap();
    assert_eq!(reader.hosts().unwrap(), []);
    fresh.store.ingest(&[whole("web-1", 0)]).unwrap();
    assert_eq!(reader.hosts().unwrap(), [host("web-1")]);
    let good = reader.last_good(&host("web-1"), View::Sessions, None).unwrap();
    assert_eq!(good, Some(whole("web-1", 0)));
    let error = reader.begin_run(&scene::run_start(1)).unwrap_err().to_string();
    assert!(error.contains("readonly"), "{error}");
}

#[test]
fn a_question_sees_one_state_though_a_writer_commits_meanwhile() {
    let mut fresh = sqlite();
    for number in 0..3 {
        fresh.store.begin_run(&scene::run_start(number)).unwrap();
    }
    let path = fresh.folder.path().join("fleet.db");
    let reader = open(&path, Mode::Read).unwrap();
    let mut lines = 0;
    let mut add = |_: &str| {
        lines += 1;
        fresh.store.begin_run(&scene::run_start(10 + lines)).unwrap();
        assert_eq!(reader.runs().unwrap().len(), 3);
    };
    reader.export(ExportKind::Runs, &mut add).unwrap();
    assert_eq!(lines, 3);
    assert_eq!(reader.runs().unwrap().len(), 6);
}

#[test]
fn a_store_is_found_again_by_a_second_process() {
    let mut fresh = sqlite();
    fresh.store.begin_run(&scene::run_start(0)).unwrap();
    let path = fresh.folder.path().join("fleet.db");
    let mut other = open(&path, Mode::Write).unwrap();
    other.ingest(&[whole("web-1", 0)]).unwrap();
    let report = fresh.store.ingest(&[whole("web-1", 0), whole("web-2", 0)]).unwrap();
    assert_eq!((report.added, report.known), (1, 1));
}
