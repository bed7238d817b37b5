//! A probe that claims to be `recorded` names the real answer that its reader read.
//!
//! `recorded.tsv`: probe, sample. Every probe that makes the claim stands in it once, and no other
//! one does.

use std::collections::BTreeMap;
use std::path::Path;

use fleetstat::model::parsed::Row;
use fleetstat::model::socket::Family;
use fleetstat::probe::PROBES;
use fleetstat::probe::table::Verified;

use crate::tables::{formed, rows, text};
use crate::{contract, sorted};

/// Checks every claim; `forms` says how a reader gets a sample.
pub(crate) fn check(corpus: &Path, forms: &BTreeMap<String, String>, faults: &mut Vec<String>) {
    let table = text("recorded.tsv");
    let mut named: BTreeMap<&str, &str> = BTreeMap::new();
    for (columns, place) in rows("recorded.tsv", &table) {
        match columns.as_slice() {
            [probe, sample] if named.insert(probe, sample).is_none() => {}
            _ => faults.push(format!("{place}: expected a probe, once, and a sample")),
        }
    }
    for probe in PROBES.into_iter().flatten() {
        let (id, claims) = (probe.id.as_str(), probe.verified == Verified::Recorded);
        match named.remove(id) {
            Some(_) if !claims => faults.push(format!("{id} does not claim to be recorded")),
            None if claims => faults.push(format!("{id} claims to be recorded: by which sample?")),
            Some(sample) => match forms.get(sample) {
                Some(form) => {
                    let bytes = std::fs::read(corpus.join(sample)).expect("a sample can be read");
                    let bytes = formed(bytes, form);
                    let (read, _) = sorted(contract::read((probe.reader)(), &bytes, bytes.len()));
                    if !read.iter().any(|row| is_of(id, row)) {
                        faults.push(format!("{id}: its reader reads nothing of {sample}"));
                    }
                    if !sample.starts_with(probe.platform.as_str()) {
                        faults.push(format!("{id}: {sample} is of another system"));
                    }
                }
                None => faults.push(format!("{id}: no sample is named {sample}")),
            },
            None => {}
        }
    }
    faults.extend(named.keys().map(|id| format!("recorded.tsv: no probe is named {id}")));
}

/// True for a row of the family that the probe asks for.
fn is_of(id: &str, row: &Row<'_>) -> bool {
    let family = match id.as_bytes().last() {
        Some(b'4') => Family::Ipv4,
        Some(b'6') => Family::Ipv6,
        _ => return true,
    };
    match row {
        Row::Socket(socket) => socket.family == family,
        Row::Route(route) => route.family == family,
        _ => false,
    }
}
