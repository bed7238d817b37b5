//! The one clock: UTC that follows tokio's monotonic time.
//!
//! The system clock is read once. After that time moves with tokio's `Instant`, so a step of the
//! system clock in the middle of a run changes neither order nor durations, and a paused runtime
//! gives deterministic times.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::time::Utc;

/// A clock for one run.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    utc: Utc,
    instant: Instant,
}

impl Clock {
    /// A clock that starts at the system's time.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system clock")]
    pub fn system() -> Self {
        let since_epoch = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        let micros = i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX);
        Self::at(Utc::from_micros(micros).unwrap_or(Utc::EPOCH))
    }

    /// A clock that starts at a given time, for tests and replays.
    #[must_use]
    pub fn at(utc: Utc) -> Self {
        Self { utc, instant: Instant::now() }
    }

    /// Now, UTC.
    #[must_use]
    pub fn utc(&self) -> Utc {
        self.utc.plus(self.instant.elapsed())
    }

    /// Now, for durations.
    #[must_use]
    pub fn instant(&self) -> Instant {
        Instant::now()
    }
}
