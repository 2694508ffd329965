//! Reading a stretch of one channel, day by day; the engine is asked span by span.
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
use super::key::{Day, Key, Span};
use super::tables::{DayRuns, Tables, first_readable, next_span, run_of};

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
    /// The rest of the runs of a span; `None` when nothing is left.
    runs: Option<(Span, fjall::Iter)>,
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

    /// The runs from a day on, up to the end of its span.
    fn runs_from(&self, day: i64) -> Option<(Span, fjall::Iter)> {
        let (first, last) = (Day::of_number(day)?, Day::of_number(self.last_day)?);
        if first > last {
            return None;
        }
        let span = Span::of(first);
        let [first, last] = Key::days(self.channel, first, last.min(span.last_day()));
        Some((span, self.snapshot.range(&self.keyspace, first..=last)))
    }

    /// The next run, of this span or of one of the next; `day` is what an error names.
    fn next_run(&mut self, day: Option<Day>) -> Option<Result<(Key, fjall::Slice), StoreError>> {
        loop {
            let day = day.unwrap_or(self.expected_day());
            let (span, runs) = self.runs.as_mut()?;
            if let Some(guard) = runs.next() {
                return Some(run_of(self.channel, day, guard));
            }
            let (after, last) = (span.next()?, Span::of(Day::of_number(self.last_day)?));
            let next = next_span(&self.keyspace, &self.snapshot, after, last).map(|span| span.first_day().number());
            self.next_day = next.unwrap_or(self.next_day).max(self.next_day);
            self.runs = next.and_then(|day| self.runs_from(day));
        }
    }

    /// Decodes the next day; false when there is none.
    fn next_day(&mut self) -> bool {
        let mut decoded = DayRuns::default();
        let mut day = None;
        loop {
            let Some(found) = self.ahead.take().map(Ok).or_else(|| self.next_run(day)) else {
                break;
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
            let first = self.runs_from(day).and_then(|(_, mut runs)| runs.next());
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
