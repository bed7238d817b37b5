//! Replay: old evidence through today's readers, beside what the store has of it.
//!
//! The same road as a live run and `rebuild` ([`crate::workflow::reread`]), but nothing is written.
//! Records are compared as they are told to others, field by field, so that a difference is one that
//! a consumer would see. A record is known by its kind and where it stands in the evidence.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use crate::evidence::read::EvidenceReader;
use crate::model::id::HostName;
use crate::model::record::RecordKind;
use crate::model::seen::ReplayChange;
use crate::model::snapshot::{EvidenceFile, Outcome, Snapshot};
use crate::report::records::write_records;
use crate::report::replayed::{Difference, Replayed};
use crate::report::rows::{Format, Layout};
use crate::store::{Error, SnapshotKey, Store};
use crate::workflow::rebuild::{self, RebuildError, Rebuilt};
use crate::workflow::reread::{RereadError, TEXT, Unknown, of_file};

/// Why evidence cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// It cannot be read.
    #[error(transparent)]
    Reread(#[from] RereadError),
    /// Its streams are not what its sections say.
    #[error("evidence file `{0}` was changed: {1}")]
    Changed(String, String),
    /// The store was made from another file of this name.
    #[error(
        "evidence file `{0}` is not the one the store was made from: its digest is {1}, the \
         store's {2}"
    )]
    Other(String, String, String),
    /// The store.
    #[error(transparent)]
    Store(#[from] Error),
}

/// The evidence files of a run's folder, sorted by name, and what could not be listed.
///
/// # Errors
/// When the folder cannot be read.
pub fn files(folder: &Path) -> Result<(Vec<EvidenceFile>, Vec<String>), RebuildError> {
    let mut unreadable = Rebuilt::default();
    let manifest = match rebuild::manifest(folder) {
        Ok(manifest) => manifest,
        Err(reason) => {
            unreadable.unreadable.push(format!("{}: {reason}", folder.display()));
            None
        }
    };
    let manifest = manifest.as_ref().map(|(manifest, _)| manifest);
    let files = rebuild::evidence_files(folder, manifest, &mut unreadable)?;
    Ok((files, unreadable.unreadable))
}

/// One file, replayed: what came of it, and every difference.
///
/// # Errors
/// When it cannot be read, was changed, or is not what the store was made from.
pub fn replay(
    folder: &Path,
    evidence: &EvidenceFile,
    store: Option<&dyn Store>,
) -> Result<(Replayed, Vec<Difference>), ReplayError> {
    let path = folder.join(&evidence.name);
    let file = EvidenceReader::open(&path).map_err(RereadError::from)?;
    let changed = |reason: String| ReplayError::Changed(evidence.name.clone(), reason);
    file.check_streams().map_err(|error| changed(error.to_string()))?;
    let now = of_file(&file, evidence, Unknown::KeepAsText)?;
    let header = &now.header;
    let key =
        SnapshotKey { run: header.run.clone(), host: header.asset.name.clone(), pass: header.pass };
    let then = store.map(|store| store.taken(&key)).transpose()?.flatten();
    if let Some(then) = then.as_ref().filter(|then| then.evidence.sha256 != evidence.sha256) {
        let digests = (evidence.sha256.to_string(), then.evidence.sha256.to_string());
        return Err(ReplayError::Other(evidence.name.clone(), digests.0, digests.1));
    }
    let differences = match &then {
        Some(then) => compare(then, &now),
        None => Vec::new(),
    };
    let count = |change| {
        let of = differences.iter().filter(|one| one.change == change).count();
        u64::try_from(of).unwrap_or(u64::MAX)
    };
    let replayed = Replayed {
        host: key.host,
        run: key.run,
        file: evidence.name.clone(),
        compared: then.is_some(),
        outcomes: (then.as_ref().map(|then| then.outcome), now.outcome),
        records: (then.as_ref().map(size), size(&now)),
        issues: (then.as_ref().map(issues), issues(&now)),
        unparsed_bytes: (then.as_ref().map(unparsed), unparsed(&now)),
        added: count(ReplayChange::Added),
        removed: count(ReplayChange::Removed),
        changed: count(ReplayChange::Changed),
        remarks: remarks(&file),
    };
    Ok((replayed, differences))
}

/// Records of all kinds but issues.
fn size(snapshot: &Snapshot) -> u64 {
    let records = &snapshot.records;
    let count = records.sockets.len()
        + records.interfaces.len()
        + records.routes.len()
        + records.rules.len()
        + records.neighbours.len()
        + records.counters.len()
        + records.processes.len()
        + usize::from(records.host.is_some());
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn issues(snapshot: &Snapshot) -> u64 {
    u64::try_from(snapshot.records.issues.len()).unwrap_or(u64::MAX)
}

fn unparsed(snapshot: &Snapshot) -> u64 {
    snapshot.sections.iter().map(|section| section.coverage.unparsed_bytes).sum()
}

/// What today's command standard says of the sections: readers and commands that are not those of
/// then.
fn remarks(file: &EvidenceReader) -> Vec<String> {
    let mut remarks = Vec::new();
    for section in file.sections().iter().filter(|section| section.reader != TEXT) {
        let (number, probe) = (section.number, &section.probe);
        if crate::probe::reader_for(&section.reader).is_none() {
            let reader = crate::model::text::escape(section.reader.as_bytes());
            remarks.push(format!(
                "section {number}: no reader `{reader}` today: kept as text, without records"
            ));
        }
        match crate::probe::by_id(probe.as_str()) {
            Some(today) if today.digest() != section.digest => remarks.push(format!(
                "section {number}: `{probe}` asks otherwise today (digest {} then)",
                section.digest
            )),
            Some(_) => {}
            None => remarks.push(format!("section {number}: no probe `{probe}` today")),
        }
    }
    remarks
}

fn compare(then: &Snapshot, now: &Snapshot) -> Vec<Difference> {
    let mut out = Vec::new();
    for kind in RecordKind::ALL {
        let sides = (records(then, *kind), records(now, *kind));
        differences(now, kind.as_str(), &sides, &mut out);
    }
    differences(now, "section", &(sections(then), sections(now)), &mut out);
    let outcome = |outcome: Outcome| {
        Found::from([(Place::default(), vec![json!({ "outcome": outcome.as_str() })])])
    };
    differences(now, "snapshot", &(outcome(then.outcome), outcome(now.outcome)), &mut out);
    out
}

/// Where records stand: section and first byte. Several may stand on one line.
type Place = (u64, u64);

type Found = BTreeMap<Place, Vec<Value>>;

fn records(snapshot: &Snapshot, kind: RecordKind) -> Found {
    let layout = Layout { format: Format::Ndjson, width: None };
    let mut lines = Vec::new();
    // Writing to memory cannot fail, and what it writes is JSON.
    let _ = write_records(&mut lines, layout, snapshot, kind);
    let mut found = Found::new();
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let record: Value = serde_json::from_slice(line).unwrap_or(Value::Null);
        let number = |key: &str| {
            let source = record.get("source").and_then(|sources| sources.get(0));
            source.and_then(|source| source.get(key)).and_then(Value::as_u64).unwrap_or(0)
        };
        let place = (number("section"), number("start"));
        found.entry(place).or_default().push(record);
    }
    found
}

fn sections(snapshot: &Snapshot) -> Found {
    let one = |section: &crate::model::snapshot::SectionResult| {
        let limitations: Vec<_> = section.limitations.iter().map(|one| one.as_str()).collect();
        let faults: Vec<_> = section.faults.iter().map(ToString::to_string).collect();
        let value = json!({
            "probe": section.probe.as_str(),
            "status": section.status.as_str(),
            "coverage": section.coverage,
            "limitations": limitations,
            "faults": faults,
        });
        ((u64::from(section.number), 0), vec![value])
    };
    snapshot.sections.iter().map(one).collect()
}

fn differences(
    now: &Snapshot,
    kind: &str,
    (then, today): &(Found, Found),
    out: &mut Vec<Difference>,
) {
    let places: BTreeSet<&Place> = then.keys().chain(today.keys()).collect();
    for place in places {
        let side = |found: &Found| found.get(place).cloned().unwrap_or_default();
        let (mut before, mut after) = (side(then), side(today));
        // What is equal on both sides goes first, so that a record that is missing on a line does
        // not make all that follow it look changed.
        before.retain(|record| match after.iter().position(|other| other == record) {
            Some(same) => {
                after.remove(same);
                false
            }
            None => true,
        });
        let pairs = before.len().max(after.len());
        let (mut before, mut after) = (before.into_iter(), after.into_iter());
        for _ in 0..pairs {
            out.push(difference(now, (kind, *place), (before.next(), after.next())));
        }
    }
}

fn difference(
    now: &Snapshot,
    (kind, place): (&str, Place),
    (before, after): (Option<Value>, Option<Value>),
) -> Difference {
    let change = match (&before, &after) {
        (Some(_), Some(_)) => ReplayChange::Changed,
        (Some(_), None) => ReplayChange::Removed,
        (None, _) => ReplayChange::Added,
    };
    let mut fields = Vec::new();
    if let (Some(before), Some(after)) = (&before, &after) {
        changed_fields("", before, after, &mut fields);
    }
    Difference {
        host: now.header.asset.name.clone(),
        file: now.evidence.name.clone(),
        kind: kind.to_owned(),
        change,
        section: (place.0 > 0).then_some(place.0),
        start: (place.0 > 0).then_some(place.1),
        fields,
        before: before.map(|record| record.to_string()),
        after: after.map(|record| record.to_string()),
    }
}

/// `path: before -> after` of every leaf that differs.
fn changed_fields(path: &str, before: &Value, after: &Value, out: &mut Vec<String>) {
    if before == after {
        return;
    }
    let (Value::Object(was), Value::Object(is)) = (before, after) else {
        out.push(format!("{path}: {before} -> {after}"));
        return;
    };
    let keys: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    for key in keys {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let side =
            |of: &serde_json::Map<String, Value>| of.get(key).cloned().unwrap_or(Value::Null);
        changed_fields(&path, &side(was), &side(is), out);
    }
}

/// Hosts of files, without opening their streams: enough to select by.
///
/// # Errors
/// When a file is damaged.
pub fn host_of(folder: &Path, evidence: &EvidenceFile) -> Result<HostName, RereadError> {
    Ok(EvidenceReader::open(&folder.join(&evidence.name))?.header().asset.name.clone())
}
