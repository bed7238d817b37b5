//! How many handshakes may be open at once: to one address, through one jump host, and in all.
//!
//! A server counts connections that have not logged in yet and turns the next ones away
//! (`MaxStartups`, `PerSourcePenalties`, dropbear's limit per address). So a place is taken before
//! the first packet and given back after the login. Being turned away halves the places at once;
//! handshakes that succeed bring them back one by one.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Open handshakes to one address. Source: `MaxStartups` drops from the tenth on by default
/// (`sshd_config`(5)), and another controller may be at work.
const TO_ADDRESS: usize = 8;

/// Open handshakes through one jump host: as many as tenants of one session.
const THROUGH_JUMP: usize = 32;

/// Open handshakes in all. More gain nothing: a handshake costs some 5 ms of CPU here.
const IN_ALL: usize = 256;

/// Handshakes that succeed for one more place.
const SUCCESSES_PER_PLACE: u32 = 4;

/// Least time between two cuts: those that are turned away together count once.
const CUT_PAUSE: Duration = Duration::from_millis(250);

/// Outcomes that the gate for all looks back on.
const LOOK_BACK: usize = 32;

/// Of these, as many must have been turned away for a cut. One sick host does not slow the run.
const LOOK_BACK_TURNED_AWAY: usize = 8;

/// One limit.
#[derive(Debug)]
pub(super) struct Gate {
    places: Arc<Semaphore>,
    most: usize,
    /// Whether single outcomes count, or only many within the last ones.
    alone: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    limit: usize,
    /// Places that are taken out of the semaphore when they come back.
    debt: usize,
    successes: u32,
    cut: Option<Instant>,
    /// True: turned away. Only of the gate for all.
    recent: VecDeque<bool>,
}

impl Gate {
    fn new(most: usize, alone: bool) -> Arc<Self> {
        let state =
            State { limit: most, debt: 0, successes: 0, cut: None, recent: VecDeque::new() };
        let places = Arc::new(Semaphore::new(most));
        Arc::new(Self { places, most, alone, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn pass(self: &Arc<Self>) -> Place {
        // The semaphore is never closed; without a permit the place counts for nothing.
        let permit = Arc::clone(&self.places).acquire_owned().await.ok();
        Place { gate: Arc::clone(self), permit }
    }

    fn succeeded(&self) {
        let mut state = self.state();
        state.remember(false);
        if state.limit >= self.most {
            return;
        }
        state.successes += 1;
        if state.successes < SUCCESSES_PER_PLACE {
            return;
        }
        state.successes = 0;
        state.limit += 1;
        if state.debt > 0 {
            state.debt -= 1;
        } else {
            self.places.add_permits(1);
        }
    }

    fn turned_away(&self) {
        let mut state = self.state();
        state.remember(true);
        let many = state.recent.iter().filter(|away| **away).count() >= LOOK_BACK_TURNED_AWAY;
        let lately = state.cut.is_some_and(|cut| cut.elapsed() < CUT_PAUSE);
        if lately || !(self.alone || many) {
            return;
        }
        state.cut = Some(Instant::now());
        state.successes = 0;
        // Half of what is open, not of what is allowed: the limit may never have been reached.
        let free = self.places.available_permits();
        let open = state.limit.saturating_sub(free).max(1);
        let limit = (open / 2).max(1);
        let mut owed = state.limit - limit.min(state.limit);
        state.limit -= owed;
        owed -= self.places.forget_permits(owed);
        state.debt += owed;
    }
}

impl State {
    fn remember(&mut self, turned_away: bool) {
        self.recent.push_back(turned_away);
        if self.recent.len() > LOOK_BACK {
            self.recent.pop_front();
        }
    }
}

/// A place that was taken at one gate; given back when it is dropped.
#[derive(Debug)]
struct Place {
    gate: Arc<Gate>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.gate.state();
        if state.debt > 0
            && let Some(permit) = self.permit.take()
        {
            state.debt -= 1;
            permit.forget();
        }
    }
}

/// One handshake that may go on.
#[derive(Debug)]
pub(super) struct Passage(Vec<Place>);

impl Passage {
    /// The login has ended, well or not: the server did not turn us away.
    pub(super) fn succeeded(self) {
        for place in &self.0 {
            place.gate.succeeded();
        }
    }

    /// The server closed the connection before the login.
    pub(super) fn turned_away(self) {
        for place in &self.0 {
            place.gate.turned_away();
        }
    }
}

/// All gates of a run.
#[derive(Debug)]
pub(super) struct Gates {
    all: Arc<Gate>,
    to_address: Mutex<HashMap<String, Arc<Gate>>>,
}

impl Default for Gates {
    fn default() -> Self {
        Self { all: Gate::new(IN_ALL, false), to_address: Mutex::default() }
    }
}

impl Gates {
    /// The gate of one jump host's tenants.
    pub(super) fn through_jump() -> Arc<Gate> {
        Gate::new(THROUGH_JUMP, true)
    }

    /// Waits for a place at every gate of a handshake. `place` names the server's address, as seen
    /// from the jump host `jump` is the gate of.
    pub(super) async fn pass(&self, place: &str, jump: Option<&Arc<Gate>>) -> Passage {
        let address = {
            let mut gates = self.to_address.lock().unwrap_or_else(PoisonError::into_inner);
            let gate = gates.entry(place.to_owned()).or_insert_with(|| Gate::new(TO_ADDRESS, true));
            Arc::clone(gate)
        };
        // The narrowest first: who waits for one host takes no place from others.
        let mut places = vec![address.pass().await];
        if let Some(jump) = jump {
            places.push(jump.pass().await);
        }
        places.push(self.all.pass().await);
        Passage(places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Places that can be taken at once.
    async fn width(gate: &Arc<Gate>) -> usize {
        let mut places = Vec::new();
        while let Ok(place) = tokio::time::timeout(Duration::from_millis(1), gate.pass()).await {
            places.push(place);
        }
        places.len()
    }

    #[tokio::test(start_paused = true)]
    async fn being_turned_away_halves_what_is_open_and_success_brings_it_back() {
        let gate = Gate::new(8, true);
        let mut open = Vec::new();
        for _ in 0..6 {
            open.push(gate.pass().await);
        }
        gate.turned_away();
        gate.turned_away();
        drop(open);
        assert_eq!(width(&gate).await, 3);
        tokio::time::advance(CUT_PAUSE).await;
        for _ in 0..8 {
            gate.turned_away();
            tokio::time::advance(CUT_PAUSE).await;
        }
        assert_eq!(width(&gate).await, 1);
        for _ in 0..SUCCESSES_PER_PLACE * 20 {
            gate.succeeded();
        }
        assert_eq!(width(&gate).await, 8);
    }

    #[tokio::test(start_paused = true)]
    async fn one_sick_host_does_not_slow_the_others() {
        let gates = Gates::default();
        for round in 0..100 {
            gates.pass(&format!("well-{round}"), None).await.succeeded();
            if round % 5 == 0 {
                gates.pass("sick", None).await.turned_away();
            }
            tokio::time::advance(CUT_PAUSE).await;
        }
        assert_eq!(width(&gates.all).await, IN_ALL);
    }
}
