//! Deleting what is too old: whole UTC days of a channel, some at a time.
//!
//! A day's samples go when their span is over and the day is settled; its tallies stay and say that the samples are
//! gone. From then on the day takes no sample: one that comes late would be counted again each time it came. Samples,
//! what they replaced, and the note on the tallies change in one atomic batch. Tallies go when their own span is over,
//! the tallies of days last, so the note is there for as long as anything is. Where minutes are kept for longer than
//! samples, they are made from the samples before these go.
//!
//! Ages are judged as `retention.rs` says. Channels are gone
//! through once for each day by which the judging time moves, and after days were settled.

use fjall::{OwnedWriteBatch, Readable, Snapshot};

use crate::model::{ChannelId, Seq, Timestamp};
use crate::store::{Retention, Spans};

use super::StoreError;
use super::kept::{self, Raw};
use super::key::{self, DAY_MICROS, Day, DayKey, Key, Span, Table};
use super::retention::{Classes, horizon};
use super::rollup::Rollups;
use super::tables::{self, Tables};

/// Channels looked at in one slice.
const CHANNELS_MAX: usize = 256;
/// Places looked at for them in one slice, about: one a channel and span.
const SEEKS_MAX: usize = 16_384;
/// Keys deleted in one slice, about.
const KEYS_MAX: usize = 20_000;

/// Samples whose minutes cost as much time to make as a key to delete, about.
const SAMPLES_PER_KEY: usize = 16;

/// What a run of a settled day takes, about.
const RUN_BYTES: usize = 1_000;

/// Where deleting goes on.
#[derive(Default)]
pub(super) struct Cursor {
    /// The next channel; 0 at the beginning of a sweep.
    channel: u32,
    /// The day of the judging time at which the last sweep ended.
    swept: Option<Day>,
}

impl Cursor {
    /// Lets the next slice begin a sweep, whatever the last one found.
    pub(super) fn begin_again(&mut self) {
        *self = Self::default();
    }
}

/// What a slice did.
#[derive(Default)]
pub(super) struct Slice {
    /// Days whose samples went.
    pub(super) days: Vec<(ChannelId, Day)>,
    /// Bytes of their runs, about.
    pub(super) run_bytes: usize,
    /// Tallies that went.
    pub(super) tallies: usize,
    /// Nothing is left that is too old.
    pub(super) swept: bool,
}

/// What a slice goes by.
pub(super) struct Order<'a> {
    pub(super) at: Timestamp,
    pub(super) retention: &'a Retention,
    pub(super) classes: &'a Classes,
    pub(super) rollups: Rollups,
}

/// Deletes some of what is too old.
pub(super) fn slice(tables: &Tables, cursor: &mut Cursor, order: &Order<'_>) -> Result<Slice, StoreError> {
    let today = Day::of(order.at);
    if cursor.channel == 0 && cursor.swept == Some(today) {
        return Ok(Slice { swept: true, ..Slice::default() });
    }
    let snapshot = tables.database.snapshot();
    let mut retire = Retire {
        tables,
        snapshot: &snapshot,
        batch: tables.database.batch(),
        rollups: order.rollups,
        keys: 0,
        done: Slice::default(),
        spans: tables::spans(&tables.history, &snapshot, Span::MIN, Span::of(today)).collect(),
    };
    let mut channels = order.classes.from(cursor.channel);
    let mut looked_at = 0;
    let next = loop {
        let Some((channel, kind)) = channels.next() else {
            break None;
        };
        if looked_at == CHANNELS_MAX || looked_at * retire.spans.len() > SEEKS_MAX || retire.keys >= KEYS_MAX {
            break Some(channel.0);
        }
        looked_at += 1;
        if let Err(error) = retire.channel(channel, order.at, order.retention.of(kind)) {
            tracing::error!(%channel, %error, "what is too old of a channel cannot be read; it stays");
        }
    };
    let Retire { batch, keys, mut done, .. } = retire;
    if keys > 0 {
        batch.commit().map_err(|source| StoreError::Settle { source })?;
    }
    // A channel with more than a slice's worth is looked at again.
    let again = keys >= KEYS_MAX;
    done.swept = next.is_none() && !again;
    cursor.channel = if again { cursor.channel } else { next.unwrap_or(0) };
    if done.swept {
        cursor.swept = Some(today);
    }
    Ok(done)
}

struct Retire<'a> {
    tables: &'a Tables,
    snapshot: &'a Snapshot,
    batch: OwnedWriteBatch,
    rollups: Rollups,
    keys: usize,
    done: Slice,
    /// Those with runs, up to today.
    spans: Vec<Span>,
}

impl Retire<'_> {
    fn channel(&mut self, channel: ChannelId, at: Timestamp, spans: &Spans) -> Result<(), StoreError> {
        let [raw, minutes, hours, days] = spans.tiers();
        if let Some(span) = raw {
            // Minutes that outlive the samples are made from them.
            let keeps_minutes = minutes.is_none_or(|minutes| minutes > span);
            self.raw(channel, horizon(at, span), keeps_minutes.then_some(self.rollups))?;
        }
        for (table, span) in [(Table::Minutes, minutes), (Table::Hours, hours), (Table::Days, days)] {
            if let Some(span) = span {
                self.tallies(table, channel, horizon(at, span))?;
            }
        }
        Ok(())
    }

    fn raw(&mut self, channel: ChannelId, kept_from: Day, minutes: Option<Rollups>) -> Result<(), StoreError> {
        let runs = self.runs(channel, kept_from)?;
        for runs in runs.chunk_by(|a, b| a.day == b.day) {
            if self.keys >= KEYS_MAX {
                break;
            }
            self.day(channel, runs, minutes)?;
        }
        Ok(())
    }

    /// A channel's runs before a day, ascending: those of whole days, about as many as a slice deletes.
    fn runs(&self, channel: ChannelId, kept_from: Day) -> Result<Vec<Key>, StoreError> {
        let mut runs: Vec<Key> = Vec::new();
        for span in self.spans.iter().take_while(|span| span.first_day() < kept_from) {
            let [first, last] = span.of_channel(channel);
            for guard in self.snapshot.range(&self.tables.history, first..=last) {
                let key = guard.key().map_err(|source| StoreError::Read { what: "what is too old", source })?;
                let key = Key::from_bytes(&key).ok_or(StoreError::DamagedKey { channel })?;
                let is_enough =
                    self.keys + runs.len() >= KEYS_MAX && runs.last().is_some_and(|last| last.day != key.day);
                if is_enough || key.day >= kept_from {
                    return Ok(runs);
                }
                runs.push(key);
            }
        }
        Ok(runs)
    }

    /// The samples of a settled day.
    fn day(&mut self, channel: ChannelId, runs: &[Key], minutes: Option<Rollups>) -> Result<(), StoreError> {
        let day = runs[0].day;
        let history = &self.tables.history;
        let get = |table| {
            let found = self.snapshot.get(history, DayKey::new(table, channel, day).to_bytes());
            found.map_err(|source| StoreError::UnreadableDay { channel, day, source })
        };
        // A day that is not settled, or not wholly, waits.
        if get(Table::Dirty)?.is_some() || get(Table::Days)?.is_none() {
            return Ok(());
        }
        let mut marked = Vec::new();
        for table in [Table::Minutes, Table::Hours, Table::Days] {
            let key = DayKey::new(table, channel, day);
            let bytes = match (get(table)?, minutes) {
                (None, Some(rollups)) if table == Table::Minutes => {
                    let (samples, damages) = self.tables.day(self.snapshot, channel, day);
                    if !damages.is_empty() || samples.is_empty() {
                        return Ok(());
                    }
                    self.keys += samples.len() / SAMPLES_PER_KEY;
                    kept::encode(key, rollups.grain(table), &samples)
                }
                (None, _) => continue,
                (Some(bytes), _) => bytes.to_vec(),
            };
            let Ok(bytes) = kept::without_raw(key, &bytes) else {
                tracing::error!(%channel, %day, "tallies are damaged; the samples that they can be made from stay");
                return Ok(());
            };
            marked.push((key, bytes));
        }
        for (key, bytes) in marked {
            assert_eq!(kept::raw(&bytes), Raw::Gone);
            self.batch.insert(history, key.to_bytes(), bytes);
        }
        for key in runs {
            self.batch.remove(history, key.to_bytes());
        }
        self.done.days.push((channel, day));
        let [from, to] = [day.first(), Timestamp::from_micros(day.first().micros().saturating_add(DAY_MICROS))];
        let [least, end] = [from, to].map(|at| key::earlier(channel, at, Seq(0), 0));
        for guard in self.snapshot.range(history, least..end) {
            let key = guard.key().map_err(|source| StoreError::Read { what: "replaced values", source })?;
            self.batch.remove(history, key);
            self.keys += 1;
        }
        self.keys += runs.len();
        self.done.run_bytes += runs.len() * RUN_BYTES;
        Ok(())
    }

    fn tallies(&mut self, table: Table, channel: ChannelId, kept_from: Day) -> Result<(), StoreError> {
        let Some(last) = Day::of_number(kept_from.number() - 1) else {
            return Ok(());
        };
        let [first, last] = DayKey::days(table, channel, Day::MIN, last);
        for guard in self.snapshot.range(&self.tables.history, first..=last) {
            if self.keys >= KEYS_MAX {
                break;
            }
            let (key, bytes) =
                guard.into_inner().map_err(|source| StoreError::Read { what: "what is too old", source })?;
            let kept = DayKey::from_bytes(table, &key).ok_or(StoreError::DamagedKey { channel })?;
            // Beside samples that wait to be settled, tallies stay; in this very batch they may have gone.
            if kept::raw(&bytes) == Raw::Here && !self.done.days.contains(&(channel, kept.day)) {
                continue;
            }
            self.batch.remove(&self.tables.history, key);
            self.keys += 1;
            self.done.tallies += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "retire_tests.rs"]
mod tests;
