//! How many hosts may have seen a password without a verdict: in all, and lately.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::text::escape;
use crate::transport::lockout::Place;

/// How long the first host has an untried password for itself. A host that answers at all does so in
/// a tenth of it; one that waits for its domain controller may still be the one to prove it.
pub(super) const SHARE: Duration = Duration::from_secs(5);

/// Hosts that may have seen a password in the last [`SHARE`] and given no verdict, after so many
/// successes. In all it is twice as many.
pub(super) const fn room(successes: u32) -> usize {
    // More than hosts are visited at a time.
    let doublings = if successes < DOUBLINGS_MAX { successes } else { DOUBLINGS_MAX };
    1 << doublings
}

/// 65,536 at once.
const DOUBLINGS_MAX: u32 = 16;

/// A host that has seen a password and may yet answer.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) ticket: u64,
    pub(super) place: Place,
    pub(super) since: Instant,
}

/// Who has seen a password and given no verdict.
#[derive(Debug, Default)]
pub(super) struct Unresolved {
    pub(super) shown: Vec<Open>,
    /// Hosts that have seen it and broke off.
    pub(super) doubted: Vec<Place>,
}

/// Whether one more host may see a password.
pub(super) enum Room {
    Free,
    /// Not before a verdict, or until then.
    Wait(Option<Instant>),
    /// As many have broken off as may.
    Full,
}

impl Unresolved {
    pub(super) fn room(&self, room: usize, place: &Place, now: Instant) -> Room {
        if self.is_full(room) {
            return Room::Full;
        }
        if self.shown.len() + self.doubted.len() >= 2 * room
            || self.shown.iter().any(|open| open.place == *place)
        {
            return Room::Wait(None);
        }
        let mut fresh: Vec<Instant> =
            self.shown.iter().map(|open| open.since + SHARE).filter(|free| *free > now).collect();
        if fresh.len() < room {
            return Room::Free;
        }
        // The earliest of those of which one must go.
        fresh.sort_unstable();
        Room::Wait(fresh.get(fresh.len() - room).copied())
    }

    /// A host at most counts once.
    pub(super) fn doubt(&mut self, place: &Place) {
        if !self.doubted.contains(place) {
            self.doubted.push(place.clone());
        }
    }

    pub(super) fn is_full(&self, room: usize) -> bool {
        self.doubted.len() >= 2 * room
    }

    /// What the hosts that broke off did.
    pub(super) fn told(&self) -> String {
        let mut last = self.doubted.iter().rev().map(shown);
        let (by, before) = (last.next().unwrap_or_default(), last.next().unwrap_or_default());
        format!("{by} broke off the login, as {before} had done")
    }
}

/// A place as a fault names it.
pub(super) fn shown(place: &Place) -> String {
    format!("{} port {}", escape(place.0.as_bytes()), place.1)
}
