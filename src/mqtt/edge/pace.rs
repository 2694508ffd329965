//! How fast one connection may send: a bucket that holds a second's worth and may go into debt for one read.

use tokio::time::{Duration, Instant};

/// One connection's bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    per_second: f64,
    left: f64,
    at: Instant,
}

impl Pace {
    pub fn new(per_second: u32, now: Instant) -> Self {
        let per_second = f64::from(per_second);
        Pace { per_second, left: per_second, at: now }
    }

    /// Takes `count` packets out. `Some`: the bucket is in debt until then, and the connection is not to be read.
    pub fn spend(&mut self, count: usize, now: Instant) -> Option<Instant> {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = now;
        self.left = (self.left + passed * self.per_second).min(self.per_second) - count as f64;
        (self.left < 0.0).then(|| now + Duration::from_secs_f64(-self.left / self.per_second))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_may_be_spent_at_once_and_no_more() {
        let start = Instant::now();
        let mut pace = Pace::new(100, start);
        assert_eq!(pace.spend(100, start), None);
        assert_eq!(pace.spend(50, start), Some(start + Duration::from_millis(500)));
        assert_eq!(pace.spend(0, start + Duration::from_millis(500)), None);
        assert_eq!(pace.spend(100, start + Duration::from_secs(60)), None);
        assert!(pace.spend(1, start + Duration::from_secs(60)).is_some());
    }
}
