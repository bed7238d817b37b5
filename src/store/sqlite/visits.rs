//! The visits of one host in order of time, and what each of them could have shown.
//!
//! A visit confirms a fact when it read the fact's view or its probe whole: only such a visit proves
//! that something was not there.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rusqlite::Row;

use crate::model::seen::{Presence, Taken};
use crate::model::snapshot::View;
use crate::model::socket::Direction;
use crate::model::time::Utc;
use crate::store::Error;
use crate::store::sqlite::conversion::{self, column, time};
use crate::store::sqlite::found::Found;
use crate::store::sqlite::ingest::view_bit;
use crate::store::sqlite::past::probes_in;
use crate::store::sqlite::statements::Statements;

/// The columns that name a snapshot, `s` being it and `r` its run.
macro_rules! naming {
    () => {
        "s.id, s.started, s.complete, s.sections, s.pass, s.attempt, s.evidence_name, s.role,
        r.name AS run_name"
    };
}
pub(super) use naming;

/// Visits of a host (`?1`) between two times, both inclusive.
pub(super) const BETWEEN: &str = concat!(
    "SELECT ",
    naming!(),
    " FROM snapshot s JOIN run r ON r.id = s.run
    WHERE s.host = ?1 AND s.started BETWEEN ?2 AND ?3
    ORDER BY s.started, r.name, s.pass, s.attempt"
);

/// One visit.
pub(super) struct Visit {
    pub(super) id: i64,
    pub(super) taken: Taken,
    pub(super) role: Option<i64>,
    /// Bits of the views that were read whole.
    pub(super) complete: i64,
    sections: Option<i64>,
}

/// Reads a row of [`naming`].
pub(super) fn visit(row: &Row<'_>) -> Result<Visit, Error> {
    let taken = Taken {
        at: time(row, "started")?,
        run: conversion::run(row, "run_name")?,
        pass: conversion::pass(row)?,
        evidence: column(row, "evidence_name")?,
    };
    let (complete, sections) = (column(row, "complete")?, column(row, "sections")?);
    Ok(Visit { id: column(row, "id")?, taken, role: column(row, "role")?, complete, sections })
}

/// Numbers of the whole probes in blobs of section results, remembered for a question.
#[derive(Default)]
pub(super) struct WholeProbes(HashMap<i64, Vec<i64>>);

impl WholeProbes {
    fn of(&mut self, sql: &mut Statements<'_>, sections: i64) -> Result<&[i64], Error> {
        match self.0.entry(sections) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(place) => Ok(place.insert(probes_in(sql, sections)?)),
        }
    }
}

/// The visits of one host in order, with what they could have shown.
pub(super) struct Visits {
    all: Vec<Visit>,
    /// Whole probes of each visit, in the same order.
    probes: Vec<Vec<i64>>,
}

impl Visits {
    /// Reads them, both times inclusive.
    pub(super) fn read(
        sql: &mut Statements<'_>,
        whole: &mut WholeProbes,
        host: i64,
        (from, to): (i64, i64),
    ) -> Result<Self, Error> {
        let all = sql.all(BETWEEN, (host, from, to), visit)?;
        let mut probes = Vec::with_capacity(all.len());
        let sockets = view_bit(View::Listeners) | view_bit(View::Sessions);
        for visit in &all {
            // With both views whole the probes say nothing more.
            probes.push(match visit.sections {
                Some(sections) if visit.complete & sockets != sockets => {
                    whole.of(sql, sections)?.to_vec()
                }
                _ => Vec::new(),
            });
        }
        Ok(Self { all, probes })
    }

    /// Place of the snapshot with this number. `None`: it is before the first or after the last.
    pub(super) fn place(&self, id: i64) -> Option<usize> {
        self.all.iter().position(|visit| visit.id == id)
    }

    /// Number of visits at or before a time.
    pub(super) fn until(&self, at: Utc) -> usize {
        self.all.partition_point(|visit| visit.taken.at <= at)
    }

    /// The name of the visit at a place.
    pub(super) fn taken(&self, place: usize) -> Option<Taken> {
        self.all.get(place).map(|visit| visit.taken.clone())
    }

    /// The first visit from a place on that could have shown the fact.
    pub(super) fn confirming(&self, fact: &Found, from: usize) -> Option<usize> {
        (from..self.all.len()).find(|place| self.confirms(fact, *place))
    }

    /// The last visit before a place that could have shown the fact.
    pub(super) fn confirming_before(&self, fact: &Found, place: usize) -> Option<usize> {
        (0..place.min(self.all.len())).rev().find(|place| self.confirms(fact, *place))
    }

    fn confirms(&self, fact: &Found, place: usize) -> bool {
        let bit = match fact.kind {
            Direction::Listener => view_bit(View::Listeners),
            _ => view_bit(View::Sessions),
        };
        let by_view = self.all.get(place).is_some_and(|visit| visit.complete & bit != 0);
        let by_probe = || {
            let (probes, probe) = (self.probes.get(place), fact.probe);
            probes.zip(probe).is_some_and(|(probes, probe)| probes.contains(&probe))
        };
        by_view || by_probe()
    }

    /// Whether a fact was there after the first `count` visits. `first`: the place of its first
    /// sighting; `ended`: the place of the visit that ended it, if any.
    pub(super) fn presence(
        &self,
        fact: &Found,
        (first, ended): (usize, Option<usize>),
        count: usize,
    ) -> Presence {
        if first < count {
            let over = ended.is_some_and(|ended| ended < count);
            return if over { Presence::Absent } else { Presence::Present };
        }
        match self.confirming_before(fact, count) {
            Some(_) => Presence::Absent,
            None => Presence::Unknown,
        }
    }
}
