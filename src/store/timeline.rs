//! Intervals of facts on one host, from its visits in order of time.
//!
//! A fact is *open* from the first visit that shows it. It ends at the first visit that was whole
//! and does not show it; its last sighting is then the whole visit before. What is whole is told by
//! *sources of confirmation*: each probe, and each view that all of its sections answered. A failed
//! or partial section ends nothing; what it does show begins, because what is there is right, and
//! one unreadable line must not hide a new listener.
//!
//! Numbers stand for facts, visits and sources; the backend gives them out. The result depends on
//! the visits alone, not on the order in which they came to be known.

use std::collections::HashSet;

use crate::model::id::{Pass, RunId};
use crate::model::time::Utc;
use crate::store::hash::Map;

/// Place of a visit in time. Two visits never share one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Order {
    pub(crate) started: Utc,
    pub(crate) run: RunId,
    pub(crate) pass: Pass,
}

/// A snapshot and its place in time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    pub(crate) order: Order,
    pub(crate) snapshot: i64,
}

/// Shape and peer.
pub(crate) type Key = (i64, Option<i64>);

/// A fact as one visit shows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) key: Key,
    pub(crate) count: i64,
    /// The probe that showed it.
    pub(crate) probe: Option<i64>,
    /// The view that shows such facts, as a source of confirmation.
    pub(crate) view: i64,
    pub(crate) service: Option<i64>,
}

/// One visit.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub(crate) moment: Moment,
    /// Sources that were whole.
    pub(crate) whole: Vec<i64>,
    pub(crate) seen: Vec<Seen>,
}

/// An interval.
#[derive(Clone, Debug)]
pub(crate) struct Interval {
    /// Row in the store. `None`: not yet there.
    pub(crate) row: Option<i64>,
    pub(crate) first: i64,
    pub(crate) count: i64,
    pub(crate) probe: Option<i64>,
    pub(crate) view: i64,
    pub(crate) service: Option<i64>,
    /// The row in the store is out of date.
    pub(crate) changed: bool,
    /// The snapshot added last that showed it.
    pub(crate) shown: Option<i64>,
}

/// An interval that has ended.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) key: Key,
    pub(crate) interval: Interval,
    /// The last whole visit before the end. `None`: there was none. The last sighting is this or
    /// `first`, whichever is later.
    pub(crate) confirmed: Option<Moment>,
}

/// The open intervals of a host, and what its visits confirmed last.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    pub(crate) open: Map<Key, Interval>,
    pub(crate) confirmed: Map<i64, Moment>,
    /// Intervals ended since the timeline was loaded.
    pub(crate) ended: Vec<Ended>,
    /// Sources confirmed since the timeline was loaded.
    pub(crate) touched: HashSet<i64>,
}

impl Timeline {
    /// Adds the next visit. It must be later than all before.
    pub(crate) fn add(&mut self, visit: &Visit) {
        let snapshot = visit.moment.snapshot;
        for seen in &visit.seen {
            self.see(seen, snapshot);
        }
        let whole = |source: i64| visit.whole.contains(&source);
        let gone = self.open.extract_if(|_, interval| {
            interval.shown != Some(snapshot)
                && (whole(interval.view) || interval.probe.is_some_and(whole))
        });
        for (key, interval) in gone {
            let by_probe = interval.probe.and_then(|probe| self.confirmed.get(&probe));
            let confirmed = by_probe.max(self.confirmed.get(&interval.view)).cloned();
            self.ended.push(Ended { key, interval, confirmed });
        }
        for source in &visit.whole {
            self.confirmed.insert(*source, visit.moment.clone());
            self.touched.insert(*source);
        }
    }

    fn see(&mut self, seen: &Seen, snapshot: i64) {
        let Some(known) = self.open.get_mut(&seen.key) else {
            let Seen { key, count, probe, view, service } = *seen;
            let (row, first, changed, shown) = (None, snapshot, true, Some(snapshot));
            let interval = Interval { row, first, count, probe, view, service, changed, shown };
            self.open.insert(key, interval);
            return;
        };
        known.shown = Some(snapshot);
        if seen.count > known.count {
            known.count = seen.count;
            known.changed = true;
        }
        if seen.service.is_some() && seen.service != known.service {
            known.service = seen.service;
            known.changed = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: i64 = 1;
    const PROBE: i64 = 2;

    fn visit(number: i64, whole: &[i64], keys: &[i64]) -> Visit {
        let order = Order {
            started: Utc::from_seconds(number).unwrap(),
            run: RunId::new(Utc::EPOCH, 0),
            pass: Pass::FIRST,
        };
        let seen = |key: &i64| Seen {
            key: (*key, None),
            count: 1,
            probe: Some(PROBE),
            view: VIEW,
            service: None,
        };
        Visit {
            moment: Moment { order, snapshot: number },
            whole: whole.to_vec(),
            seen: keys.iter().map(seen).collect(),
        }
    }

    /// Key, first and last confirmed snapshot of what has ended.
    fn ended(visits: &[Visit]) -> Vec<(i64, i64, Option<i64>)> {
        let mut timeline = Timeline::default();
        for visit in visits {
            timeline.add(visit);
        }
        let mut out: Vec<_> = timeline
            .ended
            .iter()
            .map(|e| (e.key.0, e.interval.first, e.confirmed.as_ref().map(|m| m.snapshot)))
            .collect();
        out.sort_unstable();
        out
    }

    #[test]
    fn a_fact_ends_at_the_first_whole_visit_without_it() {
        let both = &[VIEW, PROBE];
        let visits = [visit(1, both, &[7]), visit(2, both, &[7]), visit(3, both, &[])];
        assert_eq!(ended(&visits), [(7, 1, Some(2))]);
    }

    #[test]
    fn a_visit_that_was_not_whole_ends_nothing() {
        let visits = [visit(1, &[VIEW, PROBE], &[7]), visit(2, &[], &[])];
        assert_eq!(ended(&visits), []);
    }

    #[test]
    fn a_whole_probe_ends_its_facts_though_the_view_is_not_whole() {
        let visits = [visit(1, &[PROBE], &[7]), visit(2, &[PROBE], &[])];
        assert_eq!(ended(&visits), [(7, 1, Some(1))]);
    }

    #[test]
    fn a_fact_that_no_whole_visit_showed_was_last_seen_when_it_was_first_seen() {
        let visits = [visit(1, &[VIEW], &[]), visit(2, &[], &[7]), visit(3, &[VIEW], &[])];
        assert_eq!(ended(&visits), [(7, 2, Some(1))]);
    }
}
