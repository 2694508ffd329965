//! Waiting between attempts: full jitter, growing while attempts fail, forgiven after a connection that lasted.

use std::time::Duration;

use rand::Rng;
use tokio::time::Instant;

/// A connection that lasted this long was a good one; a client id that two programs fight over never gets there.
const LASTED: Duration = Duration::from_secs(60);

pub(super) struct Backoff {
    min: Duration,
    max: Duration,
    ceiling: Duration,
    succeeded_at: Option<Instant>,
}

impl Backoff {
    pub(super) fn new(min: Duration, max: Duration) -> Self {
        Self { min, max: max.max(min), ceiling: min, succeeded_at: None }
    }

    /// The broker accepted us at `now`.
    pub(super) fn succeeded(&mut self, now: Instant) {
        self.succeeded_at.get_or_insert(now);
    }

    /// How long to wait after a failure at `now`: between half the ceiling and the ceiling, which doubles.
    pub(super) fn next(&mut self, now: Instant) -> Duration {
        if self.succeeded_at.take().is_some_and(|since| now.duration_since(since) >= LASTED) {
            self.ceiling = self.min;
        }
        let wait = rand::rng().random_range(self.ceiling / 2..=self.ceiling);
        self.ceiling = (self.ceiling * 2).min(self.max);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_maximum_and_are_forgiven_after_a_lasting_connection() {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(30));
        let start = Instant::now();
        let waits: Vec<Duration> = (0..12).map(|_| backoff.next(start)).collect();
        assert!(waits[0] <= Duration::from_millis(200));
        assert!(waits[11] >= Duration::from_secs(15) && waits[11] <= Duration::from_secs(30));
        backoff.succeeded(start);
        assert!(backoff.next(start + Duration::from_secs(1)) >= Duration::from_secs(15), "it did not last");
        backoff.succeeded(start);
        assert!(backoff.next(start + LASTED) <= Duration::from_millis(200));
    }
}
