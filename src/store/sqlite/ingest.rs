//! Taking in snapshots: what is new is cut into parts, stored, and turned into facts, tallies and an
//! audit entry, all in the caller's transaction.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{ToSql, named_params};

use crate::model::id::RunId;
use crate::model::snapshot::{SectionStatus, Snapshot, View};
use crate::model::time::Utc;
use crate::store::blob::{self, PAGE_BYTES_MAX, Page, Part};
use crate::store::fact;
use crate::store::sqlite::conversion::faults_json;
use crate::store::sqlite::statements::Statements;
use crate::store::sqlite::{Writing, history, identity};
use crate::store::timeline::{Moment, Order};
use crate::store::{Error, IngestReport, SnapshotKey};

/// Takes in a batch.
pub(super) fn ingest(
    writing: &mut Writing<'_>,
    snapshots: &[Snapshot],
) -> Result<IngestReport, Error> {
    let mut report = IngestReport::default();
    let mut late = BTreeSet::new();
    let mut audit: BTreeMap<RunId, Audit> = BTreeMap::new();
    let mut ordered: Vec<(Order, &Snapshot)> =
        snapshots.iter().map(|snapshot| (order(snapshot), snapshot)).collect();
    ordered.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (order, snapshot) in ordered {
        match known(writing, snapshot)? {
            Some(digest) if digest == snapshot.evidence.sha256.0 => report.known += 1,
            Some(_) => report.conflicts.push(key(snapshot)),
            None => {
                let moment = add(writing, snapshot, order)?;
                report.added += 1;
                let sockets = u64::try_from(snapshot.records.sockets.len()).unwrap_or(u64::MAX);
                report.observations += sockets;
                audit.entry(snapshot.header.run.clone()).or_default().count(snapshot, sockets);
                let host = writing.names.host(&mut writing.sql, &snapshot.header.asset.name)?;
                if late.contains(&host) || is_late(writing, host, &moment)? {
                    late.insert(host);
                } else {
                    let (opened, closed) = history::append(writing, host, moment, snapshot)?;
                    report.facts_opened += opened;
                    report.facts_closed += closed;
                }
            }
        }
    }
    for host in late {
        history::rebuild(writing, host)?;
        report.hosts_rebuilt += 1;
    }
    for (run, audit) in audit {
        audit.write(writing, &run)?;
    }
    Ok(report)
}

fn key(snapshot: &Snapshot) -> SnapshotKey {
    let header = &snapshot.header;
    SnapshotKey { run: header.run.clone(), host: header.asset.name.clone(), pass: header.pass }
}

fn order(snapshot: &Snapshot) -> Order {
    let header = &snapshot.header;
    Order { started: header.started, run: header.run.clone(), pass: header.pass }
}

#[derive(Default)]
struct Audit {
    latest: Option<Utc>,
    snapshots: u64,
    sockets: u64,
}

impl Audit {
    fn count(&mut self, snapshot: &Snapshot, sockets: u64) {
        self.latest = self.latest.max(Some(snapshot.header.ended));
        self.snapshots += 1;
        self.sockets += sockets;
    }

    fn write(&self, writing: &mut Writing<'_>, run: &RunId) -> Result<(), Error> {
        let detail = format!("snapshots={} sockets={}", self.snapshots, self.sockets);
        let at = self.latest.unwrap_or(Utc::EPOCH);
        note(writing, at, "ingest", run, &detail)
    }
}

/// Writes an entry of the audit.
pub(super) fn note(
    writing: &mut Writing<'_>,
    at: Utc,
    action: &str,
    run: &RunId,
    detail: &str,
) -> Result<(), Error> {
    const ADD: &str = "INSERT INTO audit (at, action, run, detail) VALUES (?1, ?2, ?3, ?4)";
    let run = writing.names.run(&mut writing.sql, run)?;
    writing.sql.insert(ADD, (at.micros(), action, run, detail))?;
    Ok(())
}

/// Digest of the evidence of the snapshot that holds this key.
fn known(writing: &mut Writing<'_>, snapshot: &Snapshot) -> Result<Option<[u8; 32]>, Error> {
    const FIND: &str = "SELECT s.evidence_sha256 FROM visit v JOIN snapshot s ON s.id = v.snapshot
        WHERE v.run = ?1 AND v.host = ?2 AND v.pass = ?3 AND v.attempt = ?4";
    let header = &snapshot.header;
    let run = writing.names.run(&mut writing.sql, &header.run)?;
    let Some(host) = writing.names.known_host(&mut writing.sql, &header.asset.name)? else {
        return Ok(None);
    };
    let params = (run, host, header.pass.pass, header.pass.attempt);
    writing.sql.first(FIND, params, |row| row.get(0))
}

/// Stores everything of a snapshot but its facts.
fn add(writing: &mut Writing<'_>, snapshot: &Snapshot, order: Order) -> Result<Moment, Error> {
    let mut parts = [None; Part::SHARED.len()];
    let (shared, moment) = blob::split(snapshot);
    for (part, page) in &shared {
        let id = share_page(writing, snapshot, *part, page)?;
        if let Some(place) = part.place().and_then(|place| parts.get_mut(place)) {
            *place = Some(id);
        }
    }
    let id = add_row(writing, snapshot, &parts)?;
    identity::note_address(writing, snapshot)?;
    let (bytes, body) = packed(writing, snapshot, Part::Moment, &moment)?;
    writing.sql.insert(ADD_MOMENT, (id, moment.digest().0, bytes, body))?;
    add_visit(writing, snapshot, id)?;
    for ((half_closed, process), sockets) in fact::tallies(&snapshot.records) {
        let process = process.map(|name| writing.names.process(&mut writing.sql, name));
        let params = (id, half_closed, process.transpose()?.unwrap_or(0), sockets.cast_signed());
        writing.sql.insert(ADD_TALLY, params)?;
    }
    Ok(Moment { order, snapshot: id })
}

const ADD_MOMENT: &str = "INSERT INTO moment (snapshot, hash, bytes, body) VALUES (?1, ?2, ?3, ?4)";

const ADD_TALLY: &str =
    "INSERT INTO state_tally (snapshot, half_closed, process, sockets) VALUES (?1, ?2, ?3, ?4)";

/// The number of a page that snapshots share; it is stored if it is new.
fn share_page(
    writing: &mut Writing<'_>,
    snapshot: &Snapshot,
    part: Part,
    page: &Page,
) -> Result<i64, Error> {
    const FIND: &str = "SELECT id FROM blob WHERE hash = ?1";
    const ADD: &str = "INSERT INTO blob (hash, bytes, body) VALUES (?1, ?2, ?3)";
    let hash = page.digest().0;
    if let Some(id) = writing.sql.first(FIND, [hash], |row| row.get(0))? {
        return Ok(id);
    }
    let (bytes, body) = packed(writing, snapshot, part, page)?;
    writing.sql.insert(ADD, (hash, bytes, body))
}

/// Size of a page, and its compressed body.
fn packed(
    writing: &mut Writing<'_>,
    snapshot: &Snapshot,
    part: Part,
    page: &Page,
) -> Result<(i64, Vec<u8>), Error> {
    if page.bytes.len() > PAGE_BYTES_MAX {
        return Err(Error::TooLarge {
            evidence: snapshot.evidence.name.clone(),
            part: part.as_str().into(),
            bytes: page.bytes.len(),
            limit: PAGE_BYTES_MAX,
        });
    }
    let body = writing
        .packer
        .pack(page)
        .map_err(|source| Error::Engine { doing: "compress a page", source: Box::new(source) })?;
    Ok((i64::try_from(page.bytes.len()).unwrap_or(i64::MAX), body))
}

fn add_row(
    writing: &mut Writing<'_>,
    snapshot: &Snapshot,
    parts: &[Option<i64>; Part::SHARED.len()],
) -> Result<i64, Error> {
    const ADD: &str = "INSERT INTO snapshot (run, host, pass, attempt, started, ended, role,
        complete, evidence_name, evidence_sha256, evidence_bytes, asset, mandate, connection,
        sections, listeners, unconnected, interfaces, routes, neighbours, counters, programs,
        host_facts, surroundings) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,
        ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24)";
    let (header, evidence) = (&snapshot.header, &snapshot.evidence);
    let run = writing.names.run(&mut writing.sql, &header.run)?;
    let host = writing.names.host(&mut writing.sql, &header.asset.name)?;
    let role = header.asset.role.as_ref().map(crate::model::id::Label::as_str);
    let role = role.map(|role| writing.names.role(&mut writing.sql, role)).transpose()?;
    let (started, ended) = (header.started.micros(), header.ended.micros());
    let complete = complete_views(snapshot);
    let bytes = evidence.bytes.cast_signed();
    let columns: [&dyn ToSql; 11] = [
        &run,
        &host,
        &header.pass.pass,
        &header.pass.attempt,
        &started,
        &ended,
        &role,
        &complete,
        &evidence.name,
        &evidence.sha256.0,
        &bytes,
    ];
    let parts = parts.iter().map(|part| part as &dyn ToSql);
    let columns: Vec<&dyn ToSql> = columns.into_iter().chain(parts).collect();
    writing.sql.insert(ADD, columns.as_slice())
}

/// One bit per view that was read whole.
fn complete_views(snapshot: &Snapshot) -> i64 {
    let whole = |view: &&View| snapshot.view_status(**view) == Some(SectionStatus::Complete);
    View::ALL.iter().filter(whole).map(|view| view_bit(*view)).sum()
}

/// The bit of a view in `snapshot.complete`.
pub(super) const fn view_bit(view: View) -> i64 {
    1 << view as u8
}

fn add_visit(writing: &mut Writing<'_>, snapshot: &Snapshot, id: i64) -> Result<(), Error> {
    const ADD: &str = "INSERT INTO visit (run, host, pass, attempt, outcome, snapshot, faults)
        VALUES (:run, :host, :pass, :attempt, :outcome, :snapshot, :faults)
        ON CONFLICT (run, host, pass, attempt) DO UPDATE SET outcome = excluded.outcome,
        snapshot = excluded.snapshot, faults = excluded.faults, at = NULL, evidence = NULL";
    let header = &snapshot.header;
    let faults = snapshot.faults();
    let params = named_params! {
        ":run": writing.names.run(&mut writing.sql, &header.run)?,
        ":host": writing.names.host(&mut writing.sql, &header.asset.name)?,
        ":pass": header.pass.pass, ":attempt": header.pass.attempt,
        ":outcome": snapshot.outcome.as_str(), ":snapshot": id, ":faults": faults_json(&faults),
    };
    writing.sql.execute(ADD, params)?;
    Ok(())
}

/// Whether the host has a later snapshot already.
fn is_late(writing: &mut Writing<'_>, host: i64, moment: &Moment) -> Result<bool, Error> {
    const LATER: &str = "SELECT id, run, pass, attempt, started FROM snapshot
        WHERE host = ?1 AND started >= ?2 AND id <> ?3";
    let params = (host, moment.order.started.micros(), moment.snapshot);
    let later = moments(&mut writing.sql, writing.names, LATER, params)?;
    Ok(later.iter().any(|other| other.order > moment.order))
}

/// Snapshots with their places in time.
pub(super) fn moments(
    sql: &mut Statements<'_>,
    names: &mut crate::store::sqlite::names::Names,
    query: &'static str,
    params: impl rusqlite::Params,
) -> Result<Vec<Moment>, Error> {
    use crate::store::sqlite::conversion::{column, pass, time};
    let rows = sql.all(query, params, |row| {
        let run: i64 = column(row, "run")?;
        let id: i64 = column(row, "id")?;
        Ok((id, run, pass(row)?, time(row, "started")?))
    })?;
    rows.into_iter()
        .map(|(snapshot, run, pass, started)| {
            let run = names.run_id(sql, run)?;
            Ok(Moment { order: Order { started, run, pass }, snapshot })
        })
        .collect()
}
