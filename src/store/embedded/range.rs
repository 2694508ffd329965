//! Reading a stretch of one channel, day by day.
//!
//! The iterator holds a snapshot of the engine and the channel's samples in memory, both taken at one moment, so a
//! flush meanwhile neither hides a sample nor shows it twice. It holds at most one decoded day, and what of the
//! channel was not flushed yet.

use std::iter::Peekable;
use std::vec::IntoIter;

use fjall::{Keyspace, Readable, Snapshot};

use crate::model::{ChannelId, Timestamp};

use super::StoreError;
use super::StoredSample;
use super::key::{Day, Key};
use super::tables::{DayRuns, Tables, first_readable, run_of};

/// Samples of one channel with `from <= observed_at < to`, ascending, one per time.
///
/// Hold it no longer than needed: while it lives, the engine keeps what is replaced meanwhile.
///
/// A part that cannot be read is an `Err` in its place (before the rest of its day); the iterator goes on after it.
pub struct Range {
    channel: ChannelId,
    from: Timestamp,
    to: Timestamp,
    keyspace: Keyspace,
    snapshot: Snapshot,
    runs: Option<fjall::Iter>,
    /// The day after the last one begun, as a number.
    next_day: i64,
    last_day: i64,
    /// The first run of the day after the one at hand.
    ahead: Option<(Key, fjall::Slice)>,
    damages: IntoIter<StoreError>,
    day: Peekable<IntoIter<StoredSample>>,
    in_memory: Peekable<IntoIter<StoredSample>>,
}

impl Range {
    pub(super) fn new(
        tables: &Tables,
        snapshot: Snapshot,
        channel: ChannelId,
        (from, to): (Timestamp, Timestamp),
        in_memory: Vec<StoredSample>,
    ) -> Self {
        let last_day = Day::of(Timestamp::from_micros(to.micros().saturating_sub(1))).number();
        let mut range = Self {
            channel,
            from,
            to,
            keyspace: tables.history.clone(),
            snapshot,
            runs: None,
            next_day: Day::of(from).number(),
            last_day,
            ahead: None,
            damages: Vec::new().into_iter(),
            day: Vec::new().into_iter().peekable(),
            in_memory: in_memory.into_iter().peekable(),
        };
        if from < to {
            range.runs = range.runs_from(range.next_day);
        }
        range
    }

    /// The runs from a day on.
    fn runs_from(&self, day: i64) -> Option<fjall::Iter> {
        let (first, last) = (Day::of_number(day)?, Day::of_number(self.last_day)?);
        let [first, last] = Key::days(self.channel, first, last);
        Some(self.snapshot.range(&self.keyspace, first..=last))
    }

    /// Decodes the next day; false when there is none.
    fn next_day(&mut self) -> bool {
        let mut decoded = DayRuns::default();
        let mut day = None;
        loop {
            let found = match self.ahead.take() {
                Some(found) => Ok(found),
                None => {
                    let Some(guard) = self.runs.as_mut().and_then(Iterator::next) else {
                        self.runs = None;
                        break;
                    };
                    run_of(self.channel, day.unwrap_or(self.expected_day()), guard)
                }
            };
            match found {
                Ok((key, bytes)) if day.is_none_or(|day| day == key.day) => {
                    day = Some(key.day);
                    self.next_day = key.day.number() + 1;
                    decoded.add(key, &bytes);
                }
                Ok(found) => {
                    self.ahead = Some(found);
                    break;
                }
                Err(error) => {
                    decoded.damages.push(error);
                    self.skip_unreadable();
                    break;
                }
            }
        }
        let (mut samples, damages) = decoded.finish();
        samples.truncate(samples.partition_point(|sample| sample.observed_at < self.to));
        samples.drain(..samples.partition_point(|sample| sample.observed_at < self.from));
        let any = day.is_some() || !damages.is_empty();
        self.day = samples.into_iter().peekable();
        self.damages = damages.into_iter();
        any
    }

    fn expected_day(&self) -> Day {
        Day::of_number(self.next_day).unwrap_or(Day::of(self.to))
    }

    /// Goes on with the first day from which the engine can read; an iterator that has failed is of no more use.
    fn skip_unreadable(&mut self) {
        let readable = |day| {
            let first = self.runs_from(day).and_then(|mut runs| runs.next());
            first.is_none_or(|guard| guard.key().is_ok())
        };
        let day = first_readable(self.next_day, self.last_day, readable);
        self.runs = day.and_then(|day| self.runs_from(day));
    }
}

impl Iterator for Range {
    type Item = Result<StoredSample, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(damage) = self.damages.next() {
                return Some(Err(damage));
            }
            if self.day.peek().is_some() || !self.next_day() {
                break;
            }
        }
        let (Some(stored), Some(newer)) = (self.day.peek(), self.in_memory.peek()) else {
            return self.day.next().or_else(|| self.in_memory.next()).map(Ok);
        };
        if stored.observed_at < newer.observed_at {
            return self.day.next().map(Ok);
        }
        if stored.observed_at == newer.observed_at {
            self.day.next();
        }
        self.in_memory.next().map(Ok)
    }
}
