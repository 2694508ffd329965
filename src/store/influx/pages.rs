//! Reading samples page by page.
//!
//! A page is bounded in rows, and so in bytes and in memory, whatever the range. Values and flags come as two tables of
//! equal length when we wrote them; where a point has no flags, somebody else wrote it, and it counts as good. Of the
//! page only what both tables cover is handed out; the next page begins right after it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::answer::{self, Tables};
use super::error::InfluxError;
use super::flux;
use super::names::Series;
use super::transport::{Failure, Transport};
use super::{StoreError, StoredSample, Tally};
use crate::model::{Quality, Timestamp};

/// Rows of each table in a page that somebody may take only the beginning of.
pub(super) const PAGE_ROWS: usize = 4_096;
/// Rows of each table in a page that is wanted whole: two tables of these fit in an answer.
const LONG_PAGE_ROWS: usize = 8_192;
const MICROSECOND: Duration = Duration::from_micros(1);

/// Where a channel's samples are.
pub(super) struct Place {
    pub(super) transport: Arc<Transport>,
    pub(super) url: Arc<str>,
    pub(super) series: Series,
}

impl Place {
    fn ask(&self, text: String) -> Result<Tables, StoreError> {
        let answered = self.transport.ask(text).map_err(|failure| self.error(question(failure)))?;
        answer::read(&answered, &self.series).map_err(|mistake| self.error(mistake.into()))
    }

    fn error(&self, source: InfluxError) -> StoreError {
        StoreError::Influx { url: self.url.to_string(), source }
    }

    /// The page's samples, ascending, and where the next page begins; `None` after the last.
    fn page(
        &self,
        from: Timestamp,
        to: Timestamp,
        rows: usize,
    ) -> Result<(Vec<StoredSample>, Option<Timestamp>), StoreError> {
        let tables = self.ask(flux::page(self.transport.bucket(), &self.series, from, to, rows))?;
        let is_inside = |at: &Timestamp| (from..to).contains(at);
        let times = tables.values.iter().map(|(at, _)| at).chain(tables.qualities.iter().map(|(at, _)| at));
        if !times.into_iter().all(is_inside) || tables.values.len().max(tables.qualities.len()) > rows {
            return Err(self.error(InfluxError::Question("it answers another one".to_owned())));
        }
        let last_of_values = tables.values.iter().map(|(at, _)| *at).max().filter(|_| tables.values.len() == rows);
        let last_of_flags = tables.qualities.iter().map(|(at, _)| *at).max().filter(|_| tables.qualities.len() == rows);
        // Past the end of a table that was cut short, the other one says nothing for certain.
        let end = [last_of_values, last_of_flags].into_iter().flatten().min();
        let mut samples = joined(tables);
        if let Some(end) = end {
            samples.retain(|sample| sample.observed_at <= end);
        }
        Ok((samples, end.map(|end| end + MICROSECOND).filter(|next| *next < to)))
    }
}

/// Values with their flags, ascending, one per time.
fn joined(tables: Tables) -> Vec<StoredSample> {
    let flags: HashMap<Timestamp, Quality> = tables.qualities.into_iter().collect();
    let quality = |at| flags.get(&at).copied().unwrap_or(Quality::GOOD);
    let samples = tables.values.into_iter().map(|(at, value)| (at, quality(at), value));
    let mut samples: Vec<StoredSample> =
        samples.map(|(observed_at, quality, value)| StoredSample { observed_at, value, quality }).collect();
    samples.sort_by_key(|sample| sample.observed_at);
    // Others may write nanoseconds: of those within one of our microseconds the last is kept.
    samples.reverse();
    samples.dedup_by_key(|sample| sample.observed_at);
    samples.reverse();
    samples
}

fn question(failure: Failure) -> InfluxError {
    if failure.status == 400 { InfluxError::Question(failure.text) } else { failure.error(Duration::ZERO) }
}

/// Samples of one channel, fetched as they are taken.
pub struct Pages {
    place: Option<Place>,
    failed: Option<StoreError>,
    /// The range still to be asked for; `None` at the end.
    left: Option<(Timestamp, Timestamp)>,
    rows: usize,
    page: std::vec::IntoIter<StoredSample>,
}

impl Pages {
    pub(super) fn new(place: Result<Place, StoreError>, from: Timestamp, to: Timestamp, rows: usize) -> Self {
        let (from, to) = (from.max(flux::FIRST), to.min(flux::LAST));
        let (place, failed) = match place {
            Ok(place) => (Some(place), None),
            Err(error) => (None, Some(error)),
        };
        Self { place, failed, left: (from < to).then_some((from, to)), rows, page: Vec::new().into_iter() }
    }
}

impl Iterator for Pages {
    type Item = Result<StoredSample, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(error) = self.failed.take() {
                self.left = None;
                return Some(Err(error));
            }
            if let Some(sample) = self.page.next() {
                return Some(Ok(sample));
            }
            let ((from, to), place) = (self.left.take()?, self.place.as_ref()?);
            match place.page(from, to, self.rows) {
                Ok((samples, next)) => {
                    self.page = samples.into_iter();
                    self.left = next.map(|next| (next, to));
                }
                Err(error) => self.failed = Some(error),
            }
        }
    }
}

/// Tallies of the buckets that begin in `from..to`; a bucket's length and where one begins, both in microseconds.
pub(super) fn tallies(
    place: Result<Place, StoreError>,
    (length, offset): (i64, i64),
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<(Timestamp, Tally)>, StoreError> {
    let begin = |micros: i64| (micros - offset).div_euclid(length) * length + offset;
    // The first beginning of a bucket at or after an instant; far from the ends of an i64 by the clamping.
    let first_at_or_after =
        |at: Timestamp| Timestamp::from_micros(begin(at.clamp(flux::FIRST, flux::LAST).micros() - 1) + length);
    let mut buckets: Vec<(Timestamp, Tally)> = Vec::new();
    for sample in Pages::new(place, first_at_or_after(from), first_at_or_after(to), LONG_PAGE_ROWS) {
        let sample = sample?;
        let bucket = Timestamp::from_micros(begin(sample.observed_at.micros()));
        if buckets.last().is_none_or(|(last, _)| *last != bucket) {
            buckets.push((bucket, Tally::default()));
        }
        if let Some((_, tally)) = buckets.last_mut() {
            tally.add(&sample);
        }
    }
    Ok(buckets)
}

/// The latest sample by time.
pub(super) fn last(place: Result<Place, StoreError>) -> Result<Option<StoredSample>, StoreError> {
    let place = place?;
    let tables = place.ask(flux::latest(place.transport.bucket(), &place.series))?;
    let newest = tables.values.iter().map(|(at, _)| *at).max();
    let Some(newest) = newest else { return Ok(None) };
    if tables.qualities.iter().any(|(at, _)| *at > newest) {
        // Flags without a value are nobody's sample, but they hide those of the latest value.
        return Pages::new(Ok(place), newest, newest + MICROSECOND, 1).next().transpose();
    }
    Ok(joined(tables).pop())
}
