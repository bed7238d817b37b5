//! Which visit may start next, when each goes over several edges and every edge has limits.
//!
//! In: what each visit goes over, the time, and how visits ended. Out: the visit to start, or when to
//! ask again. Pure: the time is an argument, so that a test drives years of it in a moment. Visits over
//! the same edges wait in one line; of all lines whose edges have room the one goes first whose head is
//! first in the plan, so a full segment holds up nobody who is not in it.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use smallvec::SmallVec;

use crate::model::edge::EdgeLimit;

/// Edges of one visit, as numbers of a plan's edges.
pub type Way = SmallVec<[u32; 6]>;

/// Visits that must end well before an edge that was overloaded takes one more at once.
const GOOD_FOR_ONE_MORE: u32 = 20;

/// How a visit ended, as far as the edges it went over are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was answered.
    Well,
    /// Something on the way had too much to do.
    Overloaded,
    /// Anything else: it says nothing about the load.
    Otherwise,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// This visit may start: [`Schedule::start`] or [`Schedule::pass`] it.
    May(usize),
    /// Nothing may before this time, since the schedule began, unless a visit ends before.
    At(Duration),
    /// Nothing may until a visit ends.
    Full,
    /// The wave is over, and the next one is not opened: [`Schedule::open_next`] opens it.
    Gate,
    /// Every visit was started or passed.
    Done,
}

/// One edge.
#[derive(Debug)]
struct State {
    limit: EdgeLimit,
    running: u32,
    /// Most at once now: less than the limit while the edge is overloaded.
    room: u32,
    good: u32,
    /// When the next may start.
    next: Duration,
}

impl State {
    fn interval(&self) -> Duration {
        self.limit
            .starts_per_second
            .map_or(Duration::ZERO, |rate| Duration::from_secs(1) / rate.get())
    }

    fn ended(&mut self, ended: Ended) {
        self.running = self.running.saturating_sub(1);
        let Some(width) = self.limit.width.filter(|_| self.limit.adapts) else { return };
        match ended {
            Ended::Overloaded => {
                // What was started before it was halved may fail of the same overload: from what runs.
                self.room = (self.room.min(self.running + 1) / 2).max(1);
                self.good = 0;
            }
            Ended::Well if self.room < width.get() => {
                self.good += 1;
                if self.good >= GOOD_FOR_ONE_MORE {
                    self.good = 0;
                    self.room += 1;
                }
            }
            Ended::Well | Ended::Otherwise => {}
        }
    }
}

/// Visits over the same edges.
#[derive(Debug)]
struct Line {
    wave: u32,
    way: Way,
    waiting: VecDeque<usize>,
}

/// The visits of a run that are not started yet, and the edges.
#[derive(Debug)]
pub struct Schedule {
    edges: Vec<State>,
    lines: Vec<Line>,
    running: HashMap<usize, usize>,
    /// The last wave whose visits may start.
    open: u32,
}

impl Schedule {
    /// A schedule of visits, in their order; `ways` has one entry for each, and so has `waves`: what
    /// is missing there is of the first wave, which is open.
    #[must_use]
    pub fn new(limits: &[EdgeLimit], ways: &[Way], waves: &[u32]) -> Self {
        let state = |limit: &EdgeLimit| State {
            limit: *limit,
            running: 0,
            room: limit.width.map_or(u32::MAX, std::num::NonZeroU32::get),
            good: 0,
            next: Duration::ZERO,
        };
        let mut known: HashMap<(u32, &Way), usize> = HashMap::new();
        let mut lines: Vec<Line> = Vec::new();
        for (visit, way) in ways.iter().enumerate() {
            let next = lines.len();
            let wave = waves.get(visit).copied().unwrap_or(0);
            let line = *known.entry((wave, way)).or_insert(next);
            if line == next {
                lines.push(Line { wave, way: way.clone(), waiting: VecDeque::new() });
            }
            lines.get_mut(line).into_iter().for_each(|line| line.waiting.push_back(visit));
        }
        let edges = limits.iter().map(state).collect();
        Self { edges, lines, running: HashMap::new(), open: 0 }
    }

    /// Opens the next wave that has visits. False when there is none.
    pub fn open_next(&mut self) -> bool {
        let waiting = self.lines.iter().filter(|line| !line.waiting.is_empty());
        let next = waiting.map(|line| line.wave).filter(|wave| *wave > self.open).min();
        self.open = next.unwrap_or(self.open);
        next.is_some()
    }

    /// The last wave whose visits may start, from 0.
    #[must_use]
    pub const fn open(&self) -> u32 {
        self.open
    }

    /// What may start at this time since the schedule began.
    #[must_use]
    pub fn next(&self, now: Duration) -> Next {
        let mut may: Option<usize> = None;
        let mut at: Option<Duration> = None;
        let (mut waits, mut closed) = (false, false);
        for line in &self.lines {
            let Some(head) = line.waiting.front() else { continue };
            if line.wave > self.open {
                closed = true;
                continue;
            }
            waits = true;
            if may.is_some_and(|may| may < *head) {
                continue;
            }
            match self.opens(line) {
                Some(open) if open <= now => may = Some(*head),
                Some(open) => at = Some(at.map_or(open, |at| at.min(open))),
                None => {}
            }
        }
        match (may, at) {
            (Some(visit), _) => Next::May(visit),
            (None, Some(at)) => Next::At(at),
            // A wave is over when the last of its visits is.
            (None, None) if waits || (closed && !self.running.is_empty()) => Next::Full,
            (None, None) if closed => Next::Gate,
            (None, None) => Next::Done,
        }
    }

    /// When the edges of a line let one start. `None`: one of them is full.
    fn opens(&self, line: &Line) -> Option<Duration> {
        let mut open = Duration::ZERO;
        for edge in self.over(&line.way) {
            if edge.running >= edge.room {
                return None;
            }
            open = open.max(edge.next);
        }
        Some(open)
    }

    fn over<'a>(&'a self, way: &'a Way) -> impl Iterator<Item = &'a State> {
        way.iter().filter_map(|edge| self.edges.get(*edge as usize))
    }

    /// Takes a visit out of its line. `None`: it is not the head of one.
    fn take(&mut self, visit: usize) -> Option<usize> {
        let found = |line: &Line| line.waiting.front() == Some(&visit);
        let number = self.lines.iter().position(found)?;
        self.lines.get_mut(number)?.waiting.pop_front();
        Some(number)
    }

    /// Starts the visit that [`Schedule::next`] named at this time.
    pub fn start(&mut self, visit: usize, now: Duration) {
        let Some(number) = self.take(visit) else { return };
        let Some(line) = self.lines.get(number) else { return };
        for edge in &line.way {
            let Some(edge) = self.edges.get_mut(*edge as usize) else { continue };
            edge.running += 1;
            edge.next = edge.next.max(now) + edge.interval();
        }
        self.running.insert(visit, number);
    }

    /// Passes a visit over that will not be made: it costs no edge anything.
    pub fn pass(&mut self, visit: usize) {
        self.take(visit);
    }

    /// Takes out all visits that were not started, in their order.
    pub fn rest(&mut self) -> Vec<usize> {
        let lines = self.lines.iter_mut();
        let mut rest: Vec<usize> = lines.flat_map(|line| line.waiting.drain(..)).collect();
        rest.sort_unstable();
        rest
    }

    /// A visit ended.
    pub fn ended(&mut self, visit: usize, ended: Ended) {
        let Some(number) = self.running.remove(&visit) else { return };
        let Some(line) = self.lines.get(number) else { return };
        for edge in &line.way {
            self.edges.get_mut(*edge as usize).into_iter().for_each(|edge| edge.ended(ended));
        }
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
