//! What imports bring: versions, what was known when, and the names of hosts.

use std::time::Duration;

use fleetstat::model::attribute::{
    Attribute, AttributeKey, AttributeStatement, AttributeVersion, Surroundings,
};
use fleetstat::model::change::{
    ChangeField, ChangeNote, ChangeNumber, ChangeRequest, ChangeStatement, ChangeVersion, Fields,
    ItemName, Window,
};
use fleetstat::model::digest::Sha256;
use fleetstat::model::import::{
    Identity, Import, ImportFormat, ImportKind, ImportOptions, Imported,
};
use fleetstat::model::time::Utc;
use fleetstat::store::imports::{ChangeQuery, Versions};
use fleetstat::store::{Mode, Store, open};

use crate::order::lines;
use crate::scene;
use crate::sqlite;

fn item(name: &str) -> ItemName {
    ItemName::new(name).unwrap()
}

fn hour(hours: u64) -> Utc {
    scene::start().plus(Duration::from_hours(hours))
}

fn import(kind: ImportKind, at: Utc) -> Import {
    Import {
        options: ImportOptions {
            kind,
            format: ImportFormat::Csv,
            timezone: "UTC".into(),
            columns: vec![("host".into(), "ci".into())],
            skip_bad: false,
        },
        at,
        by: "noc".into(),
        file: "changes.csv".into(),
        sha256: Sha256::of(at.to_string().as_bytes()),
        bytes: 4_096,
    }
}

/// A change that is planned for the hours, and says only these fields.
fn statement(number: &str, hours: (u64, u64), items: &[&str]) -> ChangeStatement {
    let mut request = ChangeRequest::new(ChangeNumber::new(number).unwrap());
    request.title = Some(format!("work {number}"));
    request.planned.start = Some(hour(hours.0));
    request.planned.end = Some(hour(hours.1));
    request.items = items.iter().map(|name| item(name)).collect();
    let mut says = Fields::default();
    for field in [
        ChangeField::Number,
        ChangeField::Title,
        ChangeField::PlannedStart,
        ChangeField::PlannedEnd,
        ChangeField::Host,
        ChangeField::Updated,
    ] {
        says.add(field);
    }
    ChangeStatement { request, says }
}

fn counts(added: u64, replaced: u64, unchanged: u64, stale: u64) -> Imported {
    Imported { added, replaced, unchanged, stale }
}

fn take(store: &mut dyn Store, at: Utc, statements: &[ChangeStatement]) -> Imported {
    let weighed = store.weigh_changes(statements).unwrap();
    let imported = store.import_changes(&import(ImportKind::Changes, at), statements).unwrap();
    assert_eq!(weighed, imported, "what was weighed is what is done");
    imported
}

fn numbers(store: &dyn Store, query: &ChangeQuery) -> Vec<String> {
    let found = store.changes(query).unwrap();
    found.iter().map(|version| version.request.number.to_string()).collect()
}

#[test]
fn an_import_adds_versions_and_what_was_known_when_stays() {
    let mut fresh = sqlite();
    let store = fresh.store.as_mut();
    let first = statement("CHG1", (1, 2), &["web-1"]);
    let mut second = statement("CHG1", (3, 4), &["web-1", "web-2"]);
    second.request.updated = Some(hour(9));
    let other = statement("CHG2", (1, 9), &["db-1"]);
    assert_eq!(take(store, hour(10), &[first.clone(), other.clone()]), counts(2, 0, 0, 0));
    assert_eq!(take(store, hour(11), &[second.clone(), other.clone()]), counts(0, 1, 1, 0));
    let mut older = first.clone();
    older.request.updated = Some(hour(8));
    assert_eq!(take(store, hour(12), &[older]), counts(0, 0, 0, 1));
    let version = |request: &ChangeRequest, at, replaced| ChangeVersion {
        request: request.clone(),
        imported: at,
        by: "noc".into(),
        file: "changes.csv".into(),
        replaced,
    };
    let query = ChangeQuery {
        number: Some(ChangeNumber::new("chg1").unwrap()),
        versions: Versions::All,
        ..ChangeQuery::default()
    };
    assert_eq!(
        store.changes(&query).unwrap(),
        [
            version(&first.request, hour(10), Some(hour(11))),
            version(&second.request, hour(11), None),
        ]
    );
    let known_at = |at| {
        let query = ChangeQuery { versions: Versions::KnownAt(at), ..ChangeQuery::default() };
        store.changes(&query).unwrap()
    };
    assert_eq!(known_at(hour(9)), []);
    let two = [
        version(&first.request, hour(10), Some(hour(11))),
        version(&other.request, hour(10), None),
    ];
    assert_eq!(known_at(hour(10)), two);
    assert_eq!(
        known_at(hour(11)),
        [version(&other.request, hour(10), None), version(&second.request, hour(11), None)]
    );
    let imports = store.imports().unwrap();
    let expected = [10, 11, 12].map(|at| import(ImportKind::Changes, hour(at)));
    assert_eq!(imports, expected);
}

#[test]
fn changes_are_found_by_window_and_by_what_they_touch() {
    let mut fresh = sqlite();
    let store = fresh.store.as_mut();
    let mut open_end = statement("CHG4", (20, 20), &["web-1"]);
    open_end.request.planned.end = None;
    let mut none = statement("CHG5", (0, 0), &["web-1"]);
    none.request.planned = fleetstat::model::change::Period::default();
    take(
        store,
        hour(40),
        &[
            statement("CHG1", (1, 2), &["web-1"]),
            statement("CHG2", (2, 30), &["web-1", "db-1.example"]),
            statement("CHG3", (5, 6), &["db-1.example"]),
            open_end,
            none,
        ],
    );
    let between = |from: Option<u64>, to: Option<u64>, items: Option<&[&str]>| {
        let items = items.map(|items| items.iter().map(|name| item(name)).collect());
        let (from, to) = (from.map(hour), to.map(hour));
        numbers(store, &ChangeQuery { from, to, items, ..ChangeQuery::default() })
    };
    assert_eq!(between(None, None, None), ["CHG5", "CHG1", "CHG2", "CHG3", "CHG4"]);
    assert_eq!(between(Some(2), Some(4), None), ["CHG1", "CHG2"]);
    assert_eq!(between(Some(20), None, None), ["CHG2", "CHG4"]);
    assert_eq!(between(Some(21), None, None), ["CHG2"]);
    assert_eq!(between(None, None, Some(&["web-1"])), ["CHG5", "CHG1", "CHG2", "CHG4"]);
    assert_eq!(between(Some(3), Some(9), Some(&["web-1", "db-1.example"])), ["CHG2", "CHG3"]);
    assert_eq!(between(None, None, Some(&["nobody"])), [""; 0]);
    let names = |keys: &[&str]| {
        let keys: Vec<_> = keys.iter().map(|key| item(key)).collect();
        store.items(Some(&keys)).unwrap()
    };
    assert_eq!(names(&["db-1"]), [item("db-1.example")]);
    assert_eq!(names(&["web-1", "db-1.example"]), [item("db-1.example"), item("web-1")]);
    assert_eq!(store.items(None).unwrap(), [item("db-1.example"), item("web-1")]);
}

#[test]
fn an_attribute_can_change_and_be_taken_away() {
    let mut fresh = sqlite();
    let store = fresh.store.as_mut();
    let said = |name: &str, key: &str, value: Option<&str>| AttributeStatement {
        item: item(name),
        key: AttributeKey::new(key).unwrap(),
        value: value.map(str::to_owned),
    };
    let first = [said("web-1", "owner", Some("Blue")), said("web-1", "tier", Some("1"))];
    let second = [said("web-1", "owner", Some("Red")), said("web-1", "tier", None)];
    let third = [said("web-1", "site", None), said("db-1", "owner", Some("Red"))];
    let mut take = |at: u64, statements: &[AttributeStatement]| {
        let weighed = store.weigh_attributes(statements).unwrap();
        let import = import(ImportKind::Assets, hour(at));
        assert_eq!(store.import_attributes(&import, statements).unwrap(), weighed);
        weighed
    };
    assert_eq!(take(1, &first), counts(2, 0, 0, 0));
    assert_eq!(take(2, &first), counts(0, 0, 2, 0));
    assert_eq!(take(3, &second), counts(0, 2, 0, 0));
    assert_eq!(take(4, &third), counts(1, 0, 1, 0));
    let version = |said: &AttributeStatement, at| AttributeVersion {
        said: said.clone(),
        imported: hour(at),
        by: "noc".into(),
        file: "changes.csv".into(),
    };
    let web = [item("web-1")];
    assert_eq!(
        store.attributes(Some(&web), Versions::Present).unwrap(),
        [version(&second[0], 3), version(&second[1], 3)]
    );
    assert_eq!(
        store.attributes(None, Versions::KnownAt(hour(2))).unwrap(),
        [version(&first[0], 1), version(&first[1], 1)]
    );
    let all = store.attributes(None, Versions::All).unwrap();
    assert_eq!(all.len(), 5);
    assert_eq!(all[0], version(&third[1], 4));
}

#[test]
fn the_same_imports_give_the_same_lines() {
    let fill = |store: &mut dyn Store| {
        take(store, hour(1), &[statement("CHG1", (1, 2), &["web-1"])]);
        take(store, hour(2), &[statement("CHG1", (1, 3), &["web-1", "web-2"])]);
    };
    let (mut one, mut other) = (sqlite(), sqlite());
    fill(one.store.as_mut());
    other.store.begin_run(&scene::run_start(0)).unwrap();
    other.store.ingest(&[scene::whole("web-1", 0)]).unwrap();
    one.store.begin_run(&scene::run_start(0)).unwrap();
    one.store.ingest(&[scene::whole("web-1", 0)]).unwrap();
    fill(other.store.as_mut());
    let lines_of_one = lines(one.store.as_ref());
    assert_eq!(lines(other.store.as_ref()), lines_of_one);
    let imported = lines_of_one
        .iter()
        .filter(|line| line.starts_with("imports ") || line.starts_with("change_requests "));
    assert_eq!(imported.count(), 4);
}

fn identities(store: &dyn Store, keys: &[&str]) -> Vec<(String, Vec<String>)> {
    let keys: Vec<_> = keys.iter().map(|key| item(key)).collect();
    let plain = |identity: Identity| {
        let aliases = identity.aliases.iter().map(ToString::to_string).collect();
        (identity.host.to_string(), aliases)
    };
    store.identities(Some(&keys)).unwrap().into_iter().map(plain).collect()
}

#[test]
fn a_host_is_found_by_its_latest_address_in_whatever_order_snapshots_come() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut fresh = sqlite();
        for night in 0..3 {
            fresh.store.begin_run(&scene::run_start(night)).unwrap();
        }
        for night in order {
            let mut snapshot = scene::whole("Web-1.example", night);
            snapshot.header.asset.address = format!("192.0.2.{night}");
            fresh.store.ingest(&[snapshot]).unwrap();
        }
        let found = vec![("Web-1.example".to_owned(), vec!["192.0.2.2".to_owned()])];
        for key in ["web-1", "WEB-1.example", "192.0.2.2"] {
            assert_eq!(identities(fresh.store.as_ref(), &[key]), found, "{key} {order:?}");
        }
        assert_eq!(identities(fresh.store.as_ref(), &["192.0.2.1"]), []);
    }
}

#[test]
fn surroundings_come_back_with_their_snapshot_and_cost_nothing_without() {
    let mut fresh = sqlite();
    fresh.store.begin_run(&scene::run_start(0)).unwrap();
    let mut snapshot = scene::whole("web-1", 0);
    snapshot.header.surroundings = Surroundings {
        changes: vec![ChangeNote {
            number: ChangeNumber::new("CHG1").unwrap(),
            title: Some("a \"b\"\u{1b}[31m".into()),
            kind: None,
            state: Some("closed".into()),
            window: Window { start: hour(1), end: hour(2) },
            item: item("web-1"),
            imported: hour(0),
        }],
        changes_left_out: 2,
        attributes: vec![Attribute {
            key: AttributeKey::new("owner").unwrap(),
            value: "Blue".into(),
        }],
        attributes_left_out: 0,
    };
    let bare = scene::whole("web-2", 0);
    fresh.store.ingest(&[snapshot.clone(), bare.clone()]).unwrap();
    let host = |name| fresh.store.snapshot(&scene::host(name), None).unwrap();
    assert_eq!(host("web-1"), Some(snapshot));
    assert_eq!(host("web-2"), Some(bare));
    let lines = lines(fresh.store.as_ref());
    let with: Vec<bool> = lines
        .iter()
        .filter(|line| line.starts_with("snapshots "))
        .map(|line| line.contains("\"surroundings\":"))
        .collect();
    assert_eq!(with, [true, false]);
}

#[test]
fn a_store_of_the_first_schema_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fleet.db");
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.execute_batch(include_str!("../../src/store/sqlite/migrations/V1__initial.sql")).unwrap();
    raw.execute("INSERT INTO host (name) VALUES ('Web-1.example')", []).unwrap();
    raw.pragma_update(None, "application_id", 0x464c_5354).unwrap();
    raw.pragma_update(None, "user_version", 1).unwrap();
    drop(raw);
    let mut store = open(&path, Mode::Write).unwrap();
    assert_eq!(identities(store.as_ref(), &["web-1"]), [("Web-1.example".into(), vec![])]);
    take(store.as_mut(), hour(1), &[statement("CHG1", (1, 2), &["web-1"])]);
    assert_eq!(numbers(store.as_ref(), &ChangeQuery::default()), ["CHG1"]);
}

#[test]
fn questions_by_name_and_window_use_an_index() {
    let fresh = sqlite();
    let path = fresh.folder.path().join("fleet.db");
    let raw = rusqlite::Connection::open(&path).unwrap();
    let plan = |query: &str| {
        let mut statement = raw.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(3)).unwrap();
        rows.map(Result::unwrap).collect::<Vec<_>>().join("; ")
    };
    for (query, index) in [
        ("SELECT id FROM change_request WHERE ends >= 1 AND begins <= 2", "change_window"),
        ("SELECT id FROM change_request WHERE number = 'A' AND replaced IS NULL", "change_number"),
        ("SELECT name FROM item WHERE short = 'a'", "item_short"),
        ("SELECT name FROM host WHERE lower(name) = 'a'", "host_lower"),
        ("SELECT name FROM host WHERE address = 'a'", "host_address"),
        (
            "SELECT name FROM host WHERE lower(substr(name, 1, instr(name || '.', '.') - 1)) = 'a'",
            "host_short",
        ),
        ("SELECT change_request FROM change_item WHERE item = 7", "PRIMARY KEY"),
    ] {
        assert!(plan(query).contains(index), "{query}: {}", plan(query));
    }
}
