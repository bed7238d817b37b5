//! Runs and what came of each host in them.

use rusqlite::{Row, named_params};

use crate::model::id::RunId;
use crate::model::query::{HostOutcome, OutcomeCounts, RunSummary};
use crate::model::snapshot::Outcome;
use crate::store::sqlite::Writing;
use crate::store::sqlite::conversion::{self, column, faults_json};
use crate::store::sqlite::ingest::note;
use crate::store::sqlite::statements::Statements;
use crate::store::{Error, RunEnd, RunStart};

/// Makes a run known.
pub(super) fn begin(writing: &mut Writing<'_>, run: &RunStart) -> Result<(), Error> {
    const ADD: &str = "INSERT INTO run (name, playbook, purpose, operator, change, started, folder)
        VALUES (:name, :playbook, :purpose, :operator, :change, :started, :folder)";
    if let Some(known) = find(&mut writing.sql, &run.run)? {
        return same(run, &known);
    }
    let params = named_params! {
        ":name": run.run.as_str(), ":playbook": run.playbook, ":purpose": run.purpose,
        ":operator": run.operator, ":change": run.change, ":started": run.started.micros(),
        ":folder": run.folder,
    };
    writing.sql.insert(ADD, params)?;
    note(writing, run.started, "begin", &run.run, &format!("operator={}", run.operator))
}

fn same(run: &RunStart, known: &RunSummary) -> Result<(), Error> {
    let differs = [
        (run.playbook != known.playbook, "playbook"),
        (run.purpose != known.purpose, "purpose"),
        (run.operator != known.operator, "operator"),
        (run.change != known.change, "change reference"),
        (run.started != known.started, "start"),
        (run.folder != known.folder, "folder"),
    ];
    match differs.into_iter().find(|(differs, _)| *differs) {
        Some((_, field)) => Err(Error::RunDiffers { run: run.run.clone(), field }),
        None => Ok(()),
    }
}

/// Notes the end of a run.
pub(super) fn end(writing: &mut Writing<'_>, end: &RunEnd) -> Result<(), Error> {
    const SET: &str = "UPDATE run SET ended = ?2, manifest = ?3 WHERE name = ?1";
    let known = find(&mut writing.sql, &end.run)?
        .ok_or_else(|| Error::UnknownRun { run: end.run.clone() })?;
    match known.ended {
        Some(ended) if ended == end.ended && known.manifest == end.manifest => return Ok(()),
        Some(_) => return Err(Error::RunDiffers { run: end.run.clone(), field: "end" }),
        None => {}
    }
    let manifest = end.manifest.map(|digest| digest.0);
    writing.sql.execute(SET, (end.run.as_str(), end.ended.micros(), manifest))?;
    let manifest = end.manifest.map_or_else(|| "none".into(), |digest| digest.to_string());
    note(writing, end.ended, "end", &end.run, &format!("manifest={manifest}"))
}

/// Notes what came of hosts without a snapshot.
pub(super) fn record_outcomes(
    writing: &mut Writing<'_>,
    outcomes: &[HostOutcome],
) -> Result<u64, Error> {
    const ADD: &str = "INSERT INTO visit (run, host, pass, attempt, outcome, at, evidence, faults)
        VALUES (:run, :host, :pass, :attempt, :outcome, :at, :evidence, :faults)
        ON CONFLICT (run, host, pass, attempt) DO NOTHING";
    let mut new = 0;
    for outcome in outcomes {
        let params = named_params! {
            ":run": writing.names.run(&mut writing.sql, &outcome.run)?,
            ":host": writing.names.host(&mut writing.sql, &outcome.host)?,
            ":pass": outcome.pass.pass, ":attempt": outcome.pass.attempt,
            ":outcome": outcome.outcome.as_str(), ":at": outcome.at.micros(),
            ":evidence": outcome.evidence, ":faults": faults_json(&outcome.faults),
        };
        new += u64::try_from(writing.sql.execute(ADD, params)?).unwrap_or(0);
    }
    Ok(new)
}

/// All runs, the latest first.
pub(super) fn list(sql: &mut Statements<'_>) -> Result<Vec<RunSummary>, Error> {
    // A bare column beside max() is of the row with the maximum (SQLite, "Quirks": bare columns).
    const COUNTS: &str = "SELECT run, outcome, count(*) AS hosts FROM
        (SELECT run, host, outcome, max(pass * 65536 + attempt) FROM visit GROUP BY run, host)
        GROUP BY run, outcome";
    let mut runs = sql.all("SELECT * FROM run ORDER BY started DESC, name DESC", [], |row| {
        Ok((column::<i64>(row, "id")?, summary(row)?))
    })?;
    let mut counts = std::collections::HashMap::<i64, OutcomeCounts>::new();
    sql.each(COUNTS, [], |row| {
        let hosts = column::<i64>(row, "hosts")?.cast_unsigned();
        let counts = counts.entry(column(row, "run")?).or_default();
        match conversion::parsed(row, "outcome", Outcome::parse)? {
            Outcome::Complete => counts.complete = hosts,
            Outcome::Partial => counts.partial = hosts,
            Outcome::Failed => counts.failed = hosts,
            Outcome::Skipped => counts.skipped = hosts,
        }
        Ok(())
    })?;
    for (id, run) in &mut runs {
        run.counts = counts.remove(id).unwrap_or_default();
    }
    Ok(runs.into_iter().map(|(_, run)| run).collect())
}

/// A run, without its counts.
fn find(sql: &mut Statements<'_>, run: &RunId) -> Result<Option<RunSummary>, Error> {
    Ok(sql.all("SELECT * FROM run WHERE name = ?1", [run.as_str()], summary)?.pop())
}

fn summary(row: &Row<'_>) -> Result<RunSummary, Error> {
    Ok(RunSummary {
        run: conversion::run(row, "name")?,
        playbook: column(row, "playbook")?,
        purpose: column(row, "purpose")?,
        operator: column(row, "operator")?,
        change: column(row, "change")?,
        started: conversion::time(row, "started")?,
        ended: conversion::optional_time(row, "ended")?,
        counts: OutcomeCounts::default(),
        folder: column(row, "folder")?,
        manifest: conversion::digest(row, "manifest")?,
    })
}

/// What came of each host in a run.
pub(super) fn outcomes(sql: &mut Statements<'_>, run: &RunId) -> Result<Vec<HostOutcome>, Error> {
    const ALL: &str = "SELECT h.name AS host, r.name AS run, v.pass, v.attempt, v.outcome,
        coalesce(s.ended, v.at) AS at, v.faults, coalesce(s.evidence_name, v.evidence) AS evidence
        FROM run r JOIN visit v ON v.run = r.id JOIN host h ON h.id = v.host
        LEFT JOIN snapshot s ON s.id = v.snapshot
        WHERE r.name = ?1 ORDER BY h.name, v.pass, v.attempt";
    if find(sql, run)?.is_none() {
        return Err(Error::UnknownRun { run: run.clone() });
    }
    sql.all(ALL, [run.as_str()], |row| {
        Ok(HostOutcome {
            run: conversion::run(row, "run")?,
            host: conversion::host(row, "host")?,
            pass: conversion::pass(row)?,
            at: conversion::time(row, "at")?,
            outcome: conversion::parsed(row, "outcome", Outcome::parse)?,
            faults: conversion::faults(row, "faults")?,
            evidence: column(row, "evidence")?,
        })
    })
}
