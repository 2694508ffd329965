//! Readings to samples: registry look-up, plausible range, time classes, duplicates.
//!
//! [`check`] is a pure function of the reading, the catalogue and the received time. [`Seen`] remembers what was
//! taken, so that a redelivery is counted as a duplicate instead of stored again.

mod check;
mod rows;
mod seen;

pub use check::{Config, check, classify};
pub use rows::{CheckedRows, check_rows};
pub use seen::{Judgement, Seen};
