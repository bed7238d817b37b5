//! The global start rate.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

/// Tokio's time as the limiter sees it, so that paused time drives the limiter too.
#[derive(Clone, Debug)]
struct TokioClock {
    start: Instant,
}

impl Clock for TokioClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

/// Lets visits start at an even rate: one every `1 / starts_per_second`, no burst.
#[derive(Debug)]
pub struct StartRate {
    limiter: RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Duration>>,
    clock: TokioClock,
}

impl StartRate {
    /// A limit of `per_second` starts per second.
    #[must_use]
    pub fn new(per_second: NonZeroU32) -> Self {
        let clock = TokioClock { start: Instant::now() };
        let quota = Quota::per_second(per_second).allow_burst(NonZeroU32::MIN);
        Self { limiter: RateLimiter::direct_with_clock(quota, clock.clone()), clock }
    }

    /// Waits until the next visit may start.
    pub async fn wait(&self) {
        while let Err(not_until) = self.limiter.check() {
            tokio::time::sleep(not_until.wait_time_from(self.clock.now())).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn starts_are_even_and_never_faster_than_the_limit() {
        let rate = StartRate::new(NonZeroU32::new(10).unwrap());
        let begin = Instant::now();
        let mut starts = Vec::new();
        for _ in 0..21 {
            rate.wait().await;
            starts.push(begin.elapsed());
        }
        assert!(starts[0] < Duration::from_millis(2));
        let longest = starts.windows(2).map(|w| w[1].checked_sub(w[0]).unwrap()).max().unwrap();
        let shortest = starts.windows(2).map(|w| w[1].checked_sub(w[0]).unwrap()).min().unwrap();
        assert!(shortest >= Duration::from_millis(98), "{shortest:?}");
        assert!(longest <= Duration::from_millis(102), "{longest:?}");
    }
}
