//! The kept tallies of a day, and answers from them.
//!
//! A settled day has its tallies beside its samples: hours, the parts of the UTC day before and after local midnight
//! (two neighbours' parts make a local day), and minutes where that saves work. A flush marks each day of a channel that
//! it writes dirty in the same batch; tallies of a dirty day are stale and are not used. So an answer is always that
//! of the samples: for clean days from the kept tallies, for dirty ones and for what is in memory from the samples.
//!
//! The minute tier is kept where a day has at least [`MINUTES_FROM`] samples. With fewer (up to 16 a minute) the
//! samples themselves are its shortest and fastest form; with about one a minute they are the tier.
//!
//! A day whose samples were deleted for their age is never dirty: its kept tallies are all there is.

use fjall::{OwnedWriteBatch, Readable, Snapshot};

use crate::model::{ChannelId, Timestamp};
use crate::store::{Tally, Tier};

use super::StoredSample;
use super::kept::{self, Grain, Raw};
use super::key::{DAY_MICROS, Day, DayKey, Table};
use super::range::Range;
use super::tables::Tables;
use super::{StoreError, dirty, sealed};

/// Samples of a day from which on its minutes are kept.
const MINUTES_FROM: usize = 16 * 1_440;

/// Which tallies a day is given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rollups {
    /// Of the day tier, in microseconds east of UTC.
    pub(super) day_offset: i64,
    /// Samples of a day from which on its minutes are kept.
    pub(super) minutes_from: usize,
}

impl Rollups {
    pub(super) fn new(day_offset: i64) -> Self {
        Self { day_offset, minutes_from: MINUTES_FROM }
    }

    /// Where the local day of the day tier begins within the UTC day, in microseconds.
    fn split(self) -> i64 {
        (-self.day_offset).rem_euclid(DAY_MICROS)
    }

    /// What a table keeps.
    pub(super) fn grain(self, table: Table) -> Grain {
        match table {
            Table::Minutes => Grain::Minute,
            Table::Hours => Grain::Hour,
            _ => Grain::Part(self.split()),
        }
    }

    /// Adds all tallies of a day to the batch, in place of those that were there.
    pub(super) fn put(
        self,
        tables: &Tables,
        batch: &mut OwnedWriteBatch,
        (channel, day): (ChannelId, Day),
        samples: &[StoredSample],
    ) {
        let mut kept = vec![Table::Hours, Table::Days];
        let minutes = DayKey::new(Table::Minutes, channel, day).to_bytes();
        if samples.len() >= self.minutes_from {
            kept.push(Table::Minutes);
        } else if tables.history.contains_key(minutes).unwrap_or(true) {
            batch.remove(&tables.history, minutes);
        }
        for table in kept {
            let key = DayKey::new(table, channel, day);
            batch.insert(&tables.history, key.to_bytes(), kept::encode(key, self.grain(table), samples));
        }
    }
}

const OFFSET_KEY: &[u8] = &[Table::Notes as u8, 2];

/// Holds the day tier to the offset, in minutes, that it began with: kept parts of days cannot be cut anew.
pub(super) fn agree(tables: &Tables, day_offset_minutes: i32) -> Result<(), StoreError> {
    match tables.note::<i32>(OFFSET_KEY, ["the day tier's offset", "day tier's offset"])? {
        None => {
            let note = sealed::seal(OFFSET_KEY, &day_offset_minutes);
            tables.history.insert(OFFSET_KEY, note).map_err(|source| StoreError::Settle { source })
        }
        Some(kept) if kept == day_offset_minutes => Ok(()),
        Some(kept) => Err(StoreError::DayOffset { kept, configured: day_offset_minutes }),
    }
}

/// Buckets for which room is made beforehand.
const BUCKETS_AT_ONCE: usize = 4_096;

/// What is asked for: the samples of a channel with `from <= time < to`, whole buckets of a tier.
pub(super) struct Question {
    pub(super) channel: ChannelId,
    pub(super) tier: Tier,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) rollups: Rollups,
}

impl Question {
    /// Makes one of buckets that begin in `from..to`.
    pub(super) fn new(channel: ChannelId, tier: Tier, from: Timestamp, to: Timestamp, rollups: Rollups) -> Self {
        let mut question = Self { channel, tier, from, to, rollups };
        let first_from = |at: Timestamp| {
            let before = Timestamp::from_micros(at.micros().saturating_sub(1));
            Timestamp::from_micros(question.bucket(before).micros().saturating_add(tier.micros()))
        };
        (question.from, question.to) = (first_from(from), first_from(to));
        question
    }

    /// The beginning of the bucket that holds an instant; of the first one of all, the first instant there is.
    fn bucket(&self, at: Timestamp) -> Timestamp {
        let (length, offset) = (self.tier.micros(), self.tier.offset(self.rollups.day_offset));
        let since = at.micros().saturating_sub(offset);
        Timestamp::from_micros(since.saturating_sub(since.rem_euclid(length)).saturating_add(offset))
    }

    fn table(&self) -> Table {
        match self.tier {
            Tier::Minute => Table::Minutes,
            Tier::Hour => Table::Hours,
            Tier::Day => Table::Days,
        }
    }

    fn days(&self) -> (Day, Day) {
        (Day::of(self.from), Day::of(Timestamp::from_micros(self.to.micros().saturating_sub(1))))
    }
}

/// The answer: each bucket that has samples, ascending.
pub(super) fn answer(
    tables: &Tables,
    snapshot: &Snapshot,
    question: &Question,
    in_memory: &[StoredSample],
) -> Result<Vec<(Timestamp, Tally)>, StoreError> {
    let mut answer = Answer { question, buckets: Vec::new() };
    if question.from >= question.to {
        return Ok(answer.buckets);
    }
    let most = question.to.micros().saturating_sub(question.from.micros()) / question.tier.micros();
    answer.buckets.reserve(usize::try_from(most).unwrap_or(usize::MAX).min(BUCKETS_AT_ONCE));
    let (first, last) = question.days();
    let mut stale = dirty::between(tables, snapshot, question.channel, first, last)?;
    for samples in in_memory.chunk_by(|a, b| Day::of(a.observed_at) == Day::of(b.observed_at)) {
        stale.push(Day::of(samples[0].observed_at));
    }
    let mut columns = Vec::new();
    let table = question.table();
    let mut raw_from = first.number();
    let [least, greatest] = DayKey::days(table, question.channel, first, last);
    for guard in snapshot.range(&tables.history, least..=greatest) {
        let expected = Day::of_number(raw_from).unwrap_or(last);
        let unreadable = |source| StoreError::UnreadableDay { channel: question.channel, day: expected, source };
        let (key, bytes) = guard.into_inner().map_err(unreadable)?;
        let channel = question.channel;
        let key = DayKey::from_bytes(table, &key).ok_or(StoreError::DamagedKey { channel })?;
        if stale.contains(&key.day) && kept::raw(&bytes) == Raw::Here {
            continue;
        }
        answer.add_raw(tables, snapshot, raw_from..key.day.number(), &stale, in_memory)?;
        raw_from = key.day.number() + 1;
        let mut any = false;
        let take = |at, tally| {
            any = true;
            answer.add(at, &tally);
        };
        if let Err(damage) = kept::decode(key, question.rollups.grain(table), &bytes, &mut columns, take) {
            metrics::counter!("store_damaged_tallies_read_total").increment(1);
            let told = StoreError::DamagedTallies { channel, day: key.day, damage };
            if kept::raw(&bytes) == Raw::Gone || any {
                return Err(told);
            }
            tracing::warn!(error = %told, "tallies cannot be read; they are made from the samples");
            stale.push(key.day);
            raw_from = key.day.number();
        }
    }
    answer.add_raw(tables, snapshot, raw_from..last.number() + 1, &stale, in_memory)?;
    Ok(answer.buckets)
}

struct Answer<'a> {
    question: &'a Question,
    buckets: Vec<(Timestamp, Tally)>,
}

impl Answer<'_> {
    /// Adds the tally of what follows, which begins at an instant of its bucket.
    fn add(&mut self, at: Timestamp, tally: &Tally) {
        let bucket = self.question.bucket(at);
        match self.buckets.last_mut() {
            Some((last, kept)) if *last == bucket => kept.merge(tally),
            _ if self.question.from <= bucket && bucket < self.question.to => self.buckets.push((bucket, *tally)),
            _ => {}
        }
    }

    /// Adds days whose tallies are not kept. A day that is neither stale nor kept has no samples, except in the tier of
    /// minutes.
    fn add_raw(
        &mut self,
        tables: &Tables,
        snapshot: &Snapshot,
        days: std::ops::Range<i64>,
        stale: &[Day],
        in_memory: &[StoredSample],
    ) -> Result<(), StoreError> {
        if self.question.tier == Tier::Minute {
            return self.add_samples(tables, snapshot, days, in_memory);
        }
        let mut stale: Vec<i64> = stale.iter().map(|day| day.number()).filter(|day| days.contains(day)).collect();
        stale.sort_unstable();
        stale.dedup();
        for days in stale.chunk_by(|a, b| a + 1 == *b) {
            self.add_samples(tables, snapshot, days[0]..days[days.len() - 1] + 1, in_memory)?;
        }
        Ok(())
    }

    fn add_samples(
        &mut self,
        tables: &Tables,
        snapshot: &Snapshot,
        days: std::ops::Range<i64>,
        in_memory: &[StoredSample],
    ) -> Result<(), StoreError> {
        let instant = |day: i64| Timestamp::from_micros(day.saturating_mul(DAY_MICROS));
        let (from, to) = (instant(days.start).max(self.question.from), instant(days.end).min(self.question.to));
        if from >= to {
            return Ok(());
        }
        let place = |at| in_memory.partition_point(|sample| sample.observed_at < at);
        let in_memory = in_memory[place(from)..place(to)].to_vec();
        let mut tally = Tally::default();
        let mut bucket: Option<Timestamp> = None;
        let mut bucket_end = Timestamp::from_micros(i64::MIN);
        for sample in Range::new(tables, snapshot.clone(), self.question.channel, (from, to), in_memory) {
            let sample = sample?;
            if bucket.is_none() || sample.observed_at >= bucket_end {
                if let Some(bucket) = bucket {
                    self.add(bucket, &std::mem::take(&mut tally));
                }
                let begin = self.question.bucket(sample.observed_at);
                bucket = Some(begin);
                bucket_end = Timestamp::from_micros(begin.micros().saturating_add(self.question.tier.micros()));
            }
            tally.add(&sample);
        }
        if let Some(bucket) = bucket {
            self.add(bucket, &tally);
        }
        Ok(())
    }
}
