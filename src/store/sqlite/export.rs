//! All rows of a kind as sorted JSON lines, for the comparison of two stores.
//!
//! Lines name things, never rows: two stores that took in the same evidence, in any order, print the
//! same bytes.

use rusqlite::Row;
use serde_json::{Value, json};

use crate::model::digest::Sha256;
use crate::model::time::Utc;
use crate::store::blob::Part;
use crate::store::sqlite::conversion::{self, column};
use crate::store::sqlite::imported;
use crate::store::sqlite::read::part_ids;
use crate::store::sqlite::statements::Statements;
use crate::store::{Error, ExportKind};

const OUTCOMES: &str = "SELECT r.name AS run, h.name AS host, v.pass, v.attempt, v.outcome,
    coalesce(s.ended, v.at) AS at, v.faults, coalesce(s.evidence_name, v.evidence) AS evidence,
    v.snapshot IS NOT NULL AS snapshot
    FROM visit v JOIN run r ON r.id = v.run JOIN host h ON h.id = v.host
    LEFT JOIN snapshot s ON s.id = v.snapshot
    ORDER BY r.name, h.name, v.pass, v.attempt";

const SNAPSHOTS: &str = "SELECT r.name AS run_name, h.name AS host_name, o.name AS role_name,
    v.outcome, m.hash AS moment, s.* FROM snapshot s JOIN moment m ON m.snapshot = s.id
    JOIN run r ON r.id = s.run JOIN host h ON h.id = s.host
    LEFT JOIN role o ON o.id = s.role
    JOIN visit v ON v.run = s.run AND v.host = s.host AND v.pass = s.pass AND v.attempt = s.attempt
    ORDER BY r.name, h.name, s.pass, s.attempt";

const FACTS: &str = "SELECT h.name AS host, s.kind, s.transport, s.scope, s.port, s.uid,
    b.address AS address, e.address AS peer, n.name AS process, u.name AS service,
    w.name AS namespace,
    x.name AS probe, f.max_count, i.started AS first, j.started AS last,
    ri.name AS first_run, i.pass, i.attempt, rj.name AS last_run
    FROM fact f JOIN host h ON h.id = f.host JOIN shape s ON s.id = f.shape
    JOIN snapshot i ON i.id = f.first JOIN run ri ON ri.id = i.run
    LEFT JOIN snapshot j ON j.id = f.last LEFT JOIN run rj ON rj.id = j.run
    LEFT JOIN endpoint b ON b.id = s.address LEFT JOIN endpoint e ON e.id = f.peer
    LEFT JOIN process n ON n.id = s.process LEFT JOIN service u ON u.id = f.service
    LEFT JOIN source x ON x.id = f.probe LEFT JOIN service w ON w.id = s.namespace
    ORDER BY h.name, s.kind, s.transport, s.port, b.address, s.scope, e.address, n.name, s.uid,
    w.name, i.started, ri.name, i.pass, i.attempt";

const TALLIES: &str = "SELECT r.name AS run, h.name AS host, s.pass, s.attempt, t.half_closed,
    n.name AS process, t.sockets FROM state_tally t JOIN snapshot s ON s.id = t.snapshot
    JOIN run r ON r.id = s.run JOIN host h ON h.id = s.host
    LEFT JOIN process n ON n.id = t.process
    ORDER BY r.name, h.name, s.pass, s.attempt, t.half_closed, n.name";

/// Prints all rows of a kind.
pub(super) fn export(
    sql: &mut Statements<'_>,
    kind: ExportKind,
    line: &mut dyn FnMut(&str),
) -> Result<(), Error> {
    let mut print = |value: Value| line(&value.to_string());
    match kind {
        ExportKind::Runs => sql.each("SELECT * FROM run ORDER BY name", [], |row| {
            print(run(row)?);
            Ok(())
        }),
        ExportKind::Outcomes => sql.each(OUTCOMES, [], |row| {
            print(outcome(row)?);
            Ok(())
        }),
        ExportKind::Snapshots => snapshots(sql, &mut print),
        ExportKind::Facts => sql.each(FACTS, [], |row| {
            print(fact(row)?);
            Ok(())
        }),
        ExportKind::Imports => imported::export_imports(sql, &mut print),
        ExportKind::ChangeRequests => imported::export_changes(sql, &mut print),
        ExportKind::Attributes => imported::export_attributes(sql, &mut print),
        ExportKind::Tallies => sql.each(TALLIES, [], |row| {
            print(tally(row)?);
            Ok(())
        }),
    }
}

fn run(row: &Row<'_>) -> Result<Value, Error> {
    Ok(json!({
        "run": column::<String>(row, "name")?,
        "playbook": column::<String>(row, "playbook")?,
        "purpose": column::<String>(row, "purpose")?,
        "operator": column::<String>(row, "operator")?,
        "change": column::<Option<String>>(row, "change")?,
        "started": conversion::time(row, "started")?,
        "folder": column::<String>(row, "folder")?,
        "ended": conversion::optional_time(row, "ended")?,
        "manifest": conversion::digest(row, "manifest")?,
    }))
}

fn outcome(row: &Row<'_>) -> Result<Value, Error> {
    Ok(json!({
        "run": column::<String>(row, "run")?,
        "host": column::<String>(row, "host")?,
        "pass": conversion::pass(row)?,
        "outcome": column::<String>(row, "outcome")?,
        "at": conversion::time(row, "at")?,
        "faults": conversion::faults(row, "faults")?,
        "evidence": column::<Option<String>>(row, "evidence")?,
        "snapshot": column::<bool>(row, "snapshot")?,
    }))
}

fn snapshots(sql: &mut Statements<'_>, print: &mut dyn FnMut(Value)) -> Result<(), Error> {
    const HASHES: &str = "SELECT id, hash FROM blob";
    let mut hashes = std::collections::HashMap::new();
    sql.each(HASHES, [], |row| {
        hashes.insert(column::<i64>(row, "id")?, conversion::digest(row, "hash")?);
        Ok(())
    })?;
    sql.each(SNAPSHOTS, [], |row| {
        let parts = part_ids(row)?.into_iter().map(|(part, blob): (Part, i64)| {
            let hash: Option<Sha256> = hashes.get(&blob).copied().flatten();
            (part.as_str().to_owned(), json!(hash))
        });
        print(json!({
            "run": column::<String>(row, "run_name")?,
            "host": column::<String>(row, "host_name")?,
            "role": column::<Option<String>>(row, "role_name")?,
            "pass": conversion::pass(row)?,
            "outcome": column::<String>(row, "outcome")?,
            "started": conversion::time(row, "started")?,
            "ended": conversion::time(row, "ended")?,
            "complete": column::<i64>(row, "complete")?,
            "evidence": column::<String>(row, "evidence_name")?,
            "sha256": conversion::digest(row, "evidence_sha256")?,
            "bytes": column::<i64>(row, "evidence_bytes")?.cast_unsigned(),
            "moment": conversion::digest(row, "moment")?,
            "parts": parts.collect::<serde_json::Map<_, _>>(),
        }));
        Ok(())
    })
}

fn fact(row: &Row<'_>) -> Result<Value, Error> {
    let last: Option<Utc> = conversion::optional_time(row, "last")?;
    Ok(json!({
        "host": column::<String>(row, "host")?,
        "kind": column::<String>(row, "kind")?,
        "transport": column::<String>(row, "transport")?,
        "scope": column::<String>(row, "scope")?,
        "port": column::<u16>(row, "port")?,
        "address": conversion::address(row, "address")?,
        "peer": conversion::address(row, "peer")?,
        "process": column::<Option<String>>(row, "process")?,
        "uid": column::<Option<u32>>(row, "uid")?,
        "service": column::<Option<String>>(row, "service")?,
        "namespace": column::<Option<String>>(row, "namespace")?,
        "probe": column::<Option<String>>(row, "probe")?,
        "count": column::<i64>(row, "max_count")?,
        "first": conversion::time(row, "first")?,
        "first_run": column::<String>(row, "first_run")?,
        "last": last,
        "last_run": column::<Option<String>>(row, "last_run")?,
    }))
}

fn tally(row: &Row<'_>) -> Result<Value, Error> {
    Ok(json!({
        "run": column::<String>(row, "run")?,
        "host": column::<String>(row, "host")?,
        "pass": conversion::pass(row)?,
        "half_closed": column::<bool>(row, "half_closed")?,
        "process": column::<Option<String>>(row, "process")?,
        "sockets": column::<i64>(row, "sockets")?,
    }))
}
