//! That every question goes through an index, as SQLite itself explains it.

use std::path::Path;

use rusqlite::Connection;

use crate::store::Mode;
use crate::store::sqlite::{found, history, open, seen, spans, visits};

fn store(folder: &Path) -> Connection {
    open::open(&folder.join("fleet.db"), Mode::Write).unwrap()
}

/// The steps of a query's plan, in order.
fn plan(connection: &Connection, query: &str) -> Vec<String> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
    let count = statement.parameter_count();
    let params = vec![rusqlite::types::Null; count];
    let rows = statement.query_map(rusqlite::params_from_iter(params), |row| row.get("detail"));
    rows.unwrap().map(Result::unwrap).collect()
}

#[test]
fn who_listens_on_a_port_starts_at_its_shapes_and_reads_open_facts_only() {
    let folder = tempfile::tempdir().unwrap();
    let steps = plan(&store(folder.path()), found::OPEN_BY_PORT);
    assert_eq!(steps[0], "SEARCH s USING INDEX shape_key (port=? AND kind=?)");
    assert_eq!(steps[1], "SEARCH f USING INDEX fact_shape (shape=? AND last=?)");
    assert!(steps.iter().all(|step| !step.starts_with("SCAN")), "{steps:?}");
}

#[test]
fn the_partial_index_of_peers_is_used_without_repeating_its_condition() {
    let folder = tempfile::tempdir().unwrap();
    let steps = plan(&store(folder.path()), found::BY_PEER);
    assert!(steps[0].contains("(address>? AND address<?)"), "{steps:?}");
    assert_eq!(steps[1], "SEARCH f USING INDEX fact_peer (peer=?)");
    assert!(steps.iter().all(|step| !step.starts_with("SCAN")), "{steps:?}");
}

#[test]
fn one_hosts_facts_are_found_by_host() {
    let folder = tempfile::tempdir().unwrap();
    let connection = store(folder.path());
    let steps = plan(&connection, found::BY_HOST);
    assert_eq!(steps[1], "SEARCH f USING INDEX fact_host (host=?)");
    let open = plan(&connection, history::OPEN);
    assert_eq!(open, ["SEARCH fact USING INDEX fact_host (host=? AND last=?)"]);
}

#[test]
fn a_snapshot_is_found_by_host_and_time_from_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let steps = plan(&store(folder.path()), crate::store::sqlite::read::LATEST);
    let wanted = "SEARCH s USING INDEX snapshot_host (host=? AND started<?)";
    assert!(steps.iter().any(|step| step == wanted), "{steps:?}");
}

#[test]
fn what_began_or_ended_is_read_by_host_and_by_the_snapshots_of_the_time() {
    let folder = tempfile::tempdir().unwrap();
    let connection = store(folder.path());
    let begun = plan(&connection, found::BEGUN);
    assert_eq!(begun[1], "SEARCH f USING INDEX fact_host (host=? AND last=?)", "{begun:?}");
    let ended = plan(&connection, found::ENDED);
    assert_eq!(ended[1], "SEARCH f USING INDEX fact_host (host=? AND last=?)", "{ended:?}");
    for query in [found::BEGUN, found::ENDED, visits::BETWEEN, seen::LAST_GOOD, seen::GOOD] {
        let steps = plan(&connection, query);
        assert!(steps.iter().all(|step| !step.starts_with("SCAN")), "{steps:?}");
    }
    let before = plan(&connection, spans::WHOLE_BEFORE);
    assert_eq!(before, ["SEARCH snapshot USING INDEX snapshot_host (host=? AND started<?)"]);
}

#[test]
fn commits_are_synced_and_references_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let connection = store(folder.path());
    let pragma = |name: &str| -> String {
        connection
            .pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0))
            .map(|value| format!("{value:?}"))
            .unwrap()
    };
    assert_eq!(pragma("journal_mode"), "Text(\"wal\")");
    assert_eq!(pragma("synchronous"), "Integer(2)");
    assert_eq!(pragma("foreign_keys"), "Integer(1)");
    assert_eq!(pragma("page_size"), "Integer(16384)");
    assert_eq!(pragma("busy_timeout"), "Integer(30000)");
}

#[test]
fn every_table_is_strict() {
    let folder = tempfile::tempdir().unwrap();
    let query = "SELECT count(*) FROM pragma_table_list
        WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite%' AND strict = 0";
    let loose: i64 = store(folder.path()).query_row(query, [], |row| row.get(0)).unwrap();
    assert_eq!(loose, 0);
}
