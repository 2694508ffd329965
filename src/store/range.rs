//! Samples of one channel in a stretch of time, whatever store they come from.

use super::embedded::Range as Embedded;
use super::influx::Pages;
use super::{StoreError, StoredSample};

/// Samples with `from <= observed_at < to`, ascending, one per time.
///
/// Hold it no longer than needed: while it lives, an embedded store keeps what is replaced meanwhile. A part that
/// cannot be read is an `Err` in its place; whether anything comes after it is the store's affair.
pub struct Range(Source);

enum Source {
    Embedded(Box<Embedded>),
    Influx(Box<Pages>),
}

impl Range {
    pub(super) fn embedded(range: Embedded) -> Self {
        Self(Source::Embedded(Box::new(range)))
    }

    pub(super) fn influx(pages: Pages) -> Self {
        Self(Source::Influx(Box::new(pages)))
    }
}

impl Iterator for Range {
    type Item = Result<StoredSample, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Source::Embedded(range) => range.next(),
            Source::Influx(pages) => pages.next(),
        }
    }
}
