//! The one place that reads the clock. Everything else takes `now` as an argument.

use jiff::Timestamp;

/// Now.
#[expect(clippy::disallowed_methods, reason = "the one reader of the clock")]
pub fn now() -> Timestamp {
    Timestamp::now()
}
