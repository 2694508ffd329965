//! When the next request may go out after one that failed: twice as long each time, with jitter, and never before the
//! time that InfluxDB named.

use std::time::{Duration, Instant};

/// Whoever asks us to come back later than this is asked again then.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);

pub(super) struct Backoff {
    min: Duration,
    max: Duration,
    failures: u32,
    not_before: Option<Instant>,
}

impl Backoff {
    pub(super) fn new(min: Duration, max: Duration) -> Self {
        Self { min, max, failures: 0, not_before: None }
    }

    /// Whether a request may go out.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.not_before.is_none_or(|not_before| now >= not_before)
    }

    /// A request went well.
    pub(super) fn reset(&mut self) {
        (self.failures, self.not_before) = (0, None);
    }

    /// A request failed: how long the next one waits. `dice` is uniform in 0..1.
    pub(super) fn fail(&mut self, now: Instant, told: Option<Duration>, dice: f64) -> Duration {
        let step = self.min.saturating_mul(1 << self.failures.min(20)).min(self.max);
        self.failures = self.failures.saturating_add(1);
        // Several of us must not come back at one moment; but nobody before the time that was named.
        let own = step.mul_f64(0.5 + dice.clamp(0.0, 1.0) / 2.0);
        let told = told.map(|told| told.min(RETRY_AFTER_MAX));
        let wait = told.map_or(own, |told| (told + step.mul_f64(dice.clamp(0.0, 1.0) / 10.0)).max(own));
        self.not_before = Some(now + wait);
        wait
    }
}

/// What `Retry-After` says: seconds, or a date against the answer's own `Date`.
pub(super) fn retry_after(header: &str, date: Option<&str>) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let parse = |text: &str| jiff::fmt::rfc2822::parse(text.trim()).ok().map(|at| at.timestamp());
    let (then, now) = (parse(header)?, parse(date?)?);
    u64::try_from(then.as_second().saturating_sub(now.as_second())).ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_longest_and_never_end_before_the_time_named() {
        let ms = Duration::from_millis;
        let now = Instant::now();
        let mut backoff = Backoff::new(ms(100), ms(1_000));
        let waits: Vec<_> = (0..6).map(|_| backoff.fail(now, None, 1.0)).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1_000, 1_000].map(ms));
        assert_eq!(backoff.fail(now, None, 0.0), ms(500));
        assert!(!backoff.is_over(now + ms(499)) && backoff.is_over(now + ms(500)));
        assert_eq!(backoff.fail(now, Some(ms(7_000)), 0.0), ms(7_000));
        assert_eq!(backoff.fail(now, Some(Duration::MAX), 0.0), RETRY_AFTER_MAX);
        backoff.reset();
        assert!(backoff.is_over(now));
        assert_eq!(backoff.fail(now, Some(Duration::ZERO), 0.0), ms(50), "asked to come at once, still not at once");
    }

    #[test]
    fn a_time_named_is_seconds_or_a_date() {
        let check = |header, date, expected: Option<u64>| {
            assert_eq!(retry_after(header, date), expected.map(Duration::from_secs), "{header}");
        };
        check("30", None, Some(30));
        check(" 0 ", None, Some(0));
        check("Fri, 21 Aug 2026 00:00:30 GMT", Some("Fri, 21 Aug 2026 00:00:00 GMT"), Some(30));
        check("Fri, 21 Aug 2026 00:00:00 GMT", Some("Fri, 21 Aug 2026 00:00:30 GMT"), None);
        check("Fri, 21 Aug 2026 00:00:30 GMT", None, None);
        check("soon", Some("now"), None);
        check("-3", None, None);
    }
}
