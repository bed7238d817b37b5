//! Reading whole snapshots back, and the list of hosts.

use crate::model::digest::Sha256;
use crate::model::id::HostName;
use crate::model::snapshot::{EvidenceFile, Outcome, Snapshot, View};
use crate::model::time::Utc;
use crate::store::blob::{self, Frame, Part};
use crate::store::sqlite::conversion::{self, column, damaged};
use crate::store::sqlite::ingest::view_bit;
use crate::store::sqlite::statements::Statements;
use crate::store::{Error, SnapshotKey};

/// All hosts, sorted.
pub(super) fn hosts(sql: &mut Statements<'_>) -> Result<Vec<HostName>, Error> {
    let names = "SELECT name FROM host ORDER BY name";
    sql.all(names, [], |row| conversion::host(row, "name"))
}

/// The latest snapshot of a host at or before a time, with these views whole.
pub(super) const LATEST: &str = "SELECT s.id FROM host h JOIN snapshot s ON s.host = h.id
    JOIN run r ON r.id = s.run
    WHERE h.name = ?1 AND s.started <= ?2 AND s.complete & ?3 = ?3
    ORDER BY s.started DESC, r.name DESC, s.pass DESC, s.attempt DESC LIMIT 1";

/// The latest snapshot of a host at or before a time, whole in one view if one is given.
pub(super) fn latest(
    sql: &mut Statements<'_>,
    host: &HostName,
    view: Option<View>,
    at: Option<Utc>,
) -> Result<Option<Snapshot>, Error> {
    let bits = view.map_or(0, view_bit);
    let at = at.map_or(i64::MAX, Utc::micros);
    let id = sql.first(LATEST, (host.as_str(), at, bits), |row| row.get(0))?;
    id.map(|id| snapshot(sql, id)).transpose()
}

/// The snapshot with this key.
pub(super) fn taken(
    sql: &mut Statements<'_>,
    key: &SnapshotKey,
) -> Result<Option<Snapshot>, Error> {
    let id = number(sql, key)?;
    id.map(|id| snapshot(sql, id)).transpose()
}

/// The number of the snapshot with this key.
pub(super) fn number(sql: &mut Statements<'_>, key: &SnapshotKey) -> Result<Option<i64>, Error> {
    const FIND: &str = "SELECT v.snapshot FROM run r JOIN host h JOIN visit v
        ON v.run = r.id AND v.host = h.id WHERE r.name = ?1 AND h.name = ?2
        AND v.pass = ?3 AND v.attempt = ?4 AND v.snapshot IS NOT NULL";
    let params = (key.run.as_str(), key.host.as_str(), key.pass.pass, key.pass.attempt);
    sql.first(FIND, params, |row| row.get(0))
}

/// The snapshot with this number.
pub(super) fn snapshot(sql: &mut Statements<'_>, id: i64) -> Result<Snapshot, Error> {
    const FIND: &str = "SELECT s.*, r.name AS run_name, v.outcome FROM snapshot s
        JOIN run r ON r.id = s.run JOIN visit v ON v.run = s.run AND v.host = s.host
        AND v.pass = s.pass AND v.attempt = s.attempt WHERE s.id = ?1";
    let found = sql.all(FIND, [id], |row| Ok((frame(row)?, part_ids(row)?)))?.pop();
    let Some((frame, ids)) = found else {
        return Err(damaged("snapshot", id));
    };
    let mut pages = Vec::with_capacity(ids.len());
    for (part, blob) in ids {
        pages.push((part, page(sql, part, blob)?));
    }
    pages.push((Part::Moment, moment(sql, id)?));
    blob::join(frame, &pages).map_err(|(part, fault)| Error::Damaged {
        what: format!("part `{}` of snapshot {id}", part.as_str()),
        reason: fault.to_string(),
    })
}

fn frame(row: &rusqlite::Row<'_>) -> Result<Frame, Error> {
    let sha256: Option<Sha256> = conversion::digest(row, "evidence_sha256")?;
    Ok(Frame {
        run: conversion::run(row, "run_name")?,
        pass: conversion::pass(row)?,
        started: conversion::time(row, "started")?,
        ended: conversion::time(row, "ended")?,
        outcome: conversion::parsed(row, "outcome", Outcome::parse)?,
        evidence: EvidenceFile {
            name: column(row, "evidence_name")?,
            sha256: sha256.ok_or_else(|| damaged("evidence_sha256", "NULL"))?,
            bytes: column::<i64>(row, "evidence_bytes")?.cast_unsigned(),
        },
    })
}

/// The shared parts that a snapshot has, with the numbers of their blobs.
pub(super) fn part_ids(row: &rusqlite::Row<'_>) -> Result<Vec<(Part, i64)>, Error> {
    let mut ids = Vec::new();
    for part in Part::SHARED {
        let id: Option<i64> = column(row, part.as_str())?;
        ids.extend(id.map(|id| (*part, id)));
    }
    Ok(ids)
}

/// A shared page, checked against its digest.
pub(super) fn page(sql: &mut Statements<'_>, part: Part, blob: i64) -> Result<Vec<u8>, Error> {
    const FIND: &str = "SELECT hash, bytes, body FROM blob WHERE id = ?1";
    unpacked(sql, (FIND, blob), &format!("blob {blob} ({})", part.as_str()))
}

/// The moment of a snapshot, checked against its digest.
fn moment(sql: &mut Statements<'_>, snapshot: i64) -> Result<Vec<u8>, Error> {
    const FIND: &str = "SELECT hash, bytes, body FROM moment WHERE snapshot = ?1";
    unpacked(sql, (FIND, snapshot), &format!("moment of snapshot {snapshot}"))
}

fn unpacked(
    sql: &mut Statements<'_>,
    (query, id): (&'static str, i64),
    what: &str,
) -> Result<Vec<u8>, Error> {
    let damaged = |reason: String| Error::Damaged { what: what.into(), reason };
    let found = sql.first(query, [id], |row| {
        let (hash, body): (Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(2)?);
        Ok((hash, row.get::<_, i64>(1)?, body))
    })?;
    let (hash, bytes, body) = found.ok_or_else(|| damaged("it is missing".into()))?;
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    blob::unpack(&body, bytes, &hash).map_err(|fault| damaged(fault.to_string()))
}
