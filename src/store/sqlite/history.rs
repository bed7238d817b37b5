//! Facts in the database: loading the timeline of a host, adding a visit, writing what changed.

use std::collections::HashMap;

use rusqlite::named_params;

use crate::model::snapshot::{Limitation, SectionResult, SectionStatus, Snapshot, View};
use crate::store::Error;
use crate::store::fact;
use crate::store::sqlite::conversion::column;
use crate::store::sqlite::ingest::moments;
use crate::store::sqlite::{Writing, read};
use crate::store::timeline::{Ended, Interval, Key, Moment, Seen, Timeline, Visit};

/// Adds the latest snapshot of a host to its facts. Gives how many began and how many ended.
pub(super) fn append(
    writing: &mut Writing<'_>,
    host: i64,
    moment: Moment,
    snapshot: &Snapshot,
) -> Result<(u64, u64), Error> {
    let mut timeline = load(writing, host)?;
    let visit = visit(writing, moment, snapshot)?;
    timeline.add(&visit);
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let opened = timeline.open.values().filter(|interval| interval.row.is_none()).count();
    let counts = (count(opened), count(timeline.ended.len()));
    save(writing, host, timeline)?;
    Ok(counts)
}

/// Computes the facts of a host anew from all its snapshots.
pub(super) fn rebuild(writing: &mut Writing<'_>, host: i64) -> Result<(), Error> {
    const ALL: &str = "SELECT id, run, pass, attempt, started FROM snapshot WHERE host = ?1";
    writing.sql.execute("DELETE FROM fact WHERE host = ?1", [host])?;
    writing.sql.execute("DELETE FROM confirmed WHERE host = ?1", [host])?;
    let mut all = moments(&mut writing.sql, writing.names, ALL, [host])?;
    all.sort();
    let mut timeline = Timeline::default();
    for moment in all {
        let snapshot = read::snapshot(&mut writing.sql, moment.snapshot)?;
        timeline.add(&visit(writing, moment, &snapshot)?);
    }
    save(writing, host, timeline)
}

/// A snapshot in the numbers of this database.
fn visit(writing: &mut Writing<'_>, moment: Moment, snapshot: &Snapshot) -> Result<Visit, Error> {
    let (sql, names) = (&mut writing.sql, &mut *writing.names);
    let mut probes = HashMap::new();
    for section in &snapshot.sections {
        probes.insert(section.number, names.source(sql, section.probe.as_str())?);
    }
    let mut whole = Vec::new();
    for name in whole_sources(snapshot) {
        whole.push(names.source(sql, &name)?);
    }
    let listeners = names.source(sql, &view_source(View::Listeners))?;
    let sessions = names.source(sql, &view_source(View::Sessions))?;
    let namespaces = names.source(sql, NAMESPACES)?;
    let sightings = fact::sightings(&snapshot.records, &snapshot.sections);
    let mut seen = Vec::with_capacity(sightings.len());
    for sighting in &sightings {
        let peer = sighting.peer.map(|peer| names.endpoint(sql, peer)).transpose()?;
        let service = sighting.service.map(|service| names.service(sql, service)).transpose()?;
        seen.push(Seen {
            key: (names.shape(sql, &sighting.shape)?, peer),
            count: sighting.count.cast_signed(),
            probe: match sighting.shape.namespace {
                Some(_) => Some(namespaces),
                None => probes.get(&sighting.section).copied(),
            },
            view: match sighting.shape.view() {
                _ if sighting.shape.namespace.is_some() => namespaces,
                View::Listeners => listeners,
                _ => sessions,
            },
            service,
        });
    }
    Ok(Visit { moment, whole, seen })
}

/// The source of confirmation of everything in other network namespaces: whole when every one of
/// them was looked into. No probe and no view is: a container that was not looked into has not gone.
pub(super) const NAMESPACES: &str = "namespaces";

/// Name of a view among the sources of confirmation.
pub(super) fn view_source(view: View) -> String {
    format!("view:{view}")
}

/// Probes and views of sockets that were whole in a snapshot.
fn whole_sources(snapshot: &Snapshot) -> Vec<String> {
    let views = [View::Listeners, View::Sessions].into_iter();
    let whole = |view: &View| snapshot.view_status(*view) == Some(SectionStatus::Complete);
    let mut out: Vec<String> = views.filter(whole).map(view_source).collect();
    out.extend(whole_probes(&snapshot.sections));
    out
}

/// Probes of sockets all of whose sections are complete, and [`NAMESPACES`].
pub(super) fn whole_probes(sections: &[SectionResult]) -> Vec<String> {
    let of_sockets = |section: &&SectionResult| {
        section.status != SectionStatus::Replaced
            && section.views.iter().any(|view| matches!(view, View::Listeners | View::Sessions))
    };
    let mut worst: HashMap<&str, SectionStatus> = HashMap::new();
    for section in sections.iter().filter(of_sockets) {
        let status = worst.entry(section.probe.as_str()).or_insert(section.status);
        *status = (*status).max(section.status);
    }
    let complete = worst.iter().filter(|(_, status)| **status == SectionStatus::Complete);
    let mut out: Vec<String> = complete.map(|(probe, _)| (*probe).to_owned()).collect();
    let only_own = |section: &SectionResult| {
        section.limitations.contains(&Limitation::HostNetnsOnly)
            || section.status != SectionStatus::Complete
    };
    if !worst.is_empty() && !sections.iter().filter(of_sockets).any(only_own) {
        out.push(NAMESPACES.to_owned());
    }
    out
}

/// Open facts of a host.
pub(super) const OPEN: &str = "SELECT id, shape, peer, first, max_count, probe, service FROM fact
    WHERE host = ?1 AND last IS NULL";

fn load(writing: &mut Writing<'_>, host: i64) -> Result<Timeline, Error> {
    const CONFIRMED: &str = "SELECT c.source, s.id, s.run, s.pass, s.attempt, s.started
        FROM confirmed c JOIN snapshot s ON s.id = c.snapshot WHERE c.host = ?1 ORDER BY c.source";
    let names = &mut *writing.names;
    let listeners = names.source(&mut writing.sql, &view_source(View::Listeners))?;
    let sessions = names.source(&mut writing.sql, &view_source(View::Sessions))?;
    let namespaces = names.source(&mut writing.sql, NAMESPACES)?;
    let mut timeline = Timeline::default();
    writing.sql.each(OPEN, [host], |row| {
        let get = || {
            let peer: Option<i64> = row.get(2)?;
            let interval = Interval {
                row: Some(row.get(0)?),
                first: row.get(3)?,
                count: row.get(4)?,
                probe: row.get(5)?,
                view: match peer {
                    _ if row.get::<_, Option<i64>>(5)? == Some(namespaces) => namespaces,
                    None => listeners,
                    Some(_) => sessions,
                },
                service: row.get(6)?,
                changed: false,
                shown: None,
            };
            Ok(((row.get(1)?, peer), interval))
        };
        let (key, interval) = get().map_err(crate::store::sqlite::engine("read a fact"))?;
        timeline.open.insert(key, interval);
        Ok(())
    })?;
    let sources = writing.sql.all(CONFIRMED, [host], |row| column::<i64>(row, "source"))?;
    let confirmed = moments(&mut writing.sql, names, CONFIRMED, [host])?;
    timeline.confirmed = sources.into_iter().zip(confirmed).collect();
    Ok(timeline)
}

fn save(writing: &mut Writing<'_>, host: i64, timeline: Timeline) -> Result<(), Error> {
    const CONFIRM: &str = "INSERT INTO confirmed (host, source, snapshot, started, role)
        SELECT ?1, ?2, id, started, role FROM snapshot WHERE id = ?3
        ON CONFLICT (host, source) DO UPDATE SET snapshot = excluded.snapshot,
        started = excluded.started, role = excluded.role";
    for ended in timeline.ended {
        let last = last_sighting(writing, &ended)?;
        write_fact(writing, host, ended.key, &ended.interval, Some(last))?;
    }
    let mut open: Vec<_> =
        timeline.open.into_iter().filter(|(_, interval)| interval.changed).collect();
    // Neighbours in the index are written one after the other.
    open.sort_unstable_by_key(|(key, _)| *key);
    for (key, interval) in open {
        write_fact(writing, host, key, &interval, None)?;
    }
    for source in timeline.touched {
        if let Some(moment) = timeline.confirmed.get(&source) {
            writing.sql.execute(CONFIRM, (host, source, moment.snapshot))?;
        }
    }
    Ok(())
}

/// The last whole visit before the end, or the first sighting when that came after it.
fn last_sighting(writing: &mut Writing<'_>, ended: &Ended) -> Result<i64, Error> {
    const ONE: &str = "SELECT id, run, pass, attempt, started FROM snapshot WHERE id = ?1";
    let first = ended.interval.first;
    let Some(confirmed) = &ended.confirmed else { return Ok(first) };
    let firsts = moments(&mut writing.sql, writing.names, ONE, [first])?;
    let later = firsts.iter().any(|moment| moment.order > confirmed.order);
    Ok(if later { first } else { confirmed.snapshot })
}

fn write_fact(
    writing: &mut Writing<'_>,
    host: i64,
    key: Key,
    interval: &Interval,
    last: Option<i64>,
) -> Result<(), Error> {
    const ADD: &str = "INSERT INTO fact (host, shape, peer, first, last, max_count, probe, service)
        VALUES (:host, :shape, :peer, :first, :last, :count, :probe, :service)";
    const END: &str = "UPDATE fact SET last = ?2 WHERE id = ?1";
    const CHANGE: &str = "UPDATE fact SET max_count = ?2, service = ?3 WHERE id = ?1";
    let (shape, peer) = key;
    if let Some(row) = interval.row {
        // Two statements: the first moves index entries, the second does not.
        if last.is_some() {
            writing.sql.execute(END, (row, last))?;
        }
        if interval.changed {
            writing.sql.execute(CHANGE, (row, interval.count, interval.service))?;
        }
    } else {
        let params = named_params! {
            ":host": host, ":shape": shape, ":peer": peer, ":first": interval.first,
            ":last": last, ":count": interval.count, ":probe": interval.probe,
            ":service": interval.service,
        };
        writing.sql.insert(ADD, params)?;
    }
    Ok(())
}
