//! Reading a stretch of one channel, day by day.
//!
//! The iterator holds a snapshot of the engine and the channel's samples in memory, both taken at one moment, so a
//! flush meanwhile neither hides a sample nor shows it twice. It holds at most one decoded day, and what of the
//! channel was not flushed yet.

use std::iter::Peekable;
use std::vec::IntoIter;

use fjall::{Readable, Snapshot};

use crate::model::{ChannelId, Timestamp};

use super::StoreError;
use super::key::{Day, Key};
use super::run::StoredSample;
use super::tables::{DayRuns, Tables, run_of};

/// Samples of one channel with `from <= observed_at < to`, ascending, one per time.
///
/// Hold it no longer than needed: while it lives, the engine keeps what is replaced meanwhile.
///
/// A part that cannot be read is an `Err` in its place (before the rest of its day); the iterator goes on after it.
pub struct Range {
    channel: ChannelId,
    from: Timestamp,
    to: Timestamp,
    runs: Option<fjall::Iter>,
    /// The first run of the day after the one at hand.
    ahead: Option<(Key, fjall::Slice)>,
    damages: IntoIter<StoreError>,
    day: Peekable<IntoIter<StoredSample>>,
    in_memory: Peekable<IntoIter<StoredSample>>,
}

impl Range {
    pub(super) fn new(
        tables: &Tables,
        snapshot: &Snapshot,
        channel: ChannelId,
        (from, to): (Timestamp, Timestamp),
        in_memory: Vec<StoredSample>,
    ) -> Self {
        let runs = (from < to).then(|| {
            let [first, last] = Key::days(channel, Day::of(from), Day::of(Timestamp::from_micros(to.micros() - 1)));
            snapshot.range(&tables.runs, first..=last)
        });
        Self {
            channel,
            from,
            to,
            runs,
            ahead: None,
            damages: Vec::new().into_iter(),
            day: Vec::new().into_iter().peekable(),
            in_memory: in_memory.into_iter().peekable(),
        }
    }

    /// Decodes the next day; false when there is none.
    fn next_day(&mut self) -> bool {
        let Some(runs) = &mut self.runs else {
            return false;
        };
        let mut decoded = DayRuns::default();
        let mut day = None;
        loop {
            let found = match self.ahead.take() {
                Some(found) => Ok(found),
                None => match runs.next() {
                    Some(guard) => run_of(self.channel, guard),
                    None => {
                        self.runs = None;
                        break;
                    }
                },
            };
            match found {
                Ok((key, bytes)) if day.is_none_or(|day| day == key.day) => {
                    day = Some(key.day);
                    decoded.add(key, &bytes);
                }
                Ok(found) => {
                    self.ahead = Some(found);
                    break;
                }
                Err(error) => {
                    // The engine may fail at every further step: one error ends the disk's part.
                    decoded.damages.push(error);
                    self.runs = None;
                    break;
                }
            }
        }
        let (mut samples, damages) = decoded.finish();
        samples.truncate(samples.partition_point(|sample| sample.observed_at < self.to));
        samples.drain(..samples.partition_point(|sample| sample.observed_at < self.from));
        self.day = samples.into_iter().peekable();
        self.damages = damages.into_iter();
        true
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
