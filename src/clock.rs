//! The only place that reads the clock. Everything else is given `now`.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::model::Timestamp;

/// Where the time comes from.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's wall clock.
    System,
    /// Set by hand, for tests.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `at` until it is set.
    pub fn manual(at: Timestamp) -> Clock {
        Clock::Manual(Arc::new(AtomicI64::new(at.micros())))
    }

    /// Moves a manual clock; nothing happens to the machine's.
    pub fn set(&self, at: Timestamp) {
        if let Clock::Manual(micros) = self {
            micros.store(at.micros(), Ordering::Release);
        }
    }

    /// Now.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn now(&self) -> Timestamp {
        match self {
            Clock::System => {
                let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
                    Ok(after) => i64::try_from(after.as_micros()).unwrap_or(i64::MAX),
                    Err(before) => -i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX),
                };
                Timestamp::from_micros(micros)
            }
            Clock::Manual(micros) => Timestamp::from_micros(micros.load(Ordering::Acquire)),
        }
    }
}
