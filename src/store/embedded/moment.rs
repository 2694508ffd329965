//! Every channel at a past moment: its newest sample at or before it.
//!
//! Most cost no reading. A channel that has not spoken since has its latest sample in memory, and so has one that is looked
//! at in the time that is not written yet; before a channel's first sample there is nothing to look for (`first.rs`). Of
//! the others the runs of one day are read, from the last one back: days that have runs are marked or have tallies
//! (`settle.rs`), both by channel, so that a day is found without looking for it in the spans.

use fjall::{Readable, Snapshot};

use crate::model::{ChannelId, Quality, Timestamp};
use crate::store::{StoreError, StoredSample};

use super::head::Head;
use super::key::{Day, DayKey, Key, Span, Table};
use super::run;
use super::tables::{Tables, next_span, run_of};
use super::{Heads, Parts};

/// Channels looked at under one lock.
const CHANNELS_PER_LOCK: usize = 512;
/// Days tried for one channel: those that have tallies or a mark, and no sample before the moment, are few.
const DAYS_TRIED: usize = 8;
/// Days in which a valid sample is looked for before one of a faulty device: longer ago, a channel is silent whatever was.
const DAYS_VALID: i64 = 32;

/// What is known of a channel at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Then {
    /// Its newest sample at or before it.
    pub newest: Option<StoredSample>,
    /// The time of the newest that was not of a faulty device.
    pub valid_at: Option<Timestamp>,
}

/// What memory knows of a channel.
struct Held {
    /// Its latest sample on disk, whenever.
    written: Option<StoredSample>,
    /// A sample at or before the moment may be on disk.
    may_precede: bool,
    /// Its newest one at or before the moment that is not written yet.
    unwritten: Option<StoredSample>,
}

impl Parts {
    /// As [`crate::store::Store::moment`].
    pub fn moment(&self, channels: &[ChannelId], at: Timestamp) -> Vec<Result<Then, StoreError>> {
        let mut found = Vec::with_capacity(channels.len());
        for channels in channels.chunks(CHANNELS_PER_LOCK) {
            let (snapshot, held) =
                self.view(|heads| channels.iter().map(|no| hold(heads, *no, at)).collect::<Vec<_>>());
            let has_runs = next_span(&self.tables.history, &snapshot, Span::MIN, Span::of(Day::of(at))).is_some();
            for (channel, held) in channels.iter().zip(held) {
                found.push(self.then(&snapshot, *channel, at, held, has_runs));
            }
        }
        found
    }

    /// As [`crate::store::Store::newest_arrival_by`].
    pub fn newest_arrival_by(&self, at: Timestamp) -> crate::model::Seq {
        self.heads.read().arrivals.newest_by(at)
    }

    /// As [`crate::store::Store::first_ever_at`].
    pub fn first_ever_at(&self) -> Option<Timestamp> {
        let heads = self.heads.read();
        if heads.firsts.is_partial() {
            return None;
        }
        heads.firsts.earliest().into_iter().chain(heads.unwritten().filter_map(Head::first_at)).min()
    }

    /// As [`crate::store::Store::begins_at`].
    pub fn begins_at(&self) -> Option<Timestamp> {
        let of_heads = |heads: &Heads| (heads.firsts.earliest(), heads.unwritten().filter_map(Head::first_at).min());
        let (snapshot, (earliest, unwritten)) = self.view(of_heads);
        let span = next_span(&self.tables.history, &snapshot, Span::MIN, Span::MAX);
        // Where days were deleted since, what is left begins later than the first sample.
        let on_disk = span.map(|span| span.first_day().first()).map(|begin| earliest.map_or(begin, |at| at.max(begin)));
        on_disk.into_iter().chain(unwritten).min()
    }

    fn then(
        &self,
        snapshot: &Snapshot,
        channel: ChannelId,
        at: Timestamp,
        Held { written, may_precede, unwritten }: Held,
        has_runs: bool,
    ) -> Result<Then, StoreError> {
        let on_disk = match written {
            Some(latest) if latest.observed_at <= at => Some(latest),
            Some(_) if may_precede && has_runs => newest_on_disk(&self.tables, snapshot, channel, at)?,
            _ => None,
        };
        // At equal times what is not written yet is the later word.
        let newest = on_disk.into_iter().chain(unwritten).max_by_key(|sample| sample.observed_at);
        let valid_at = match newest {
            Some(newest) if newest.quality.has(Quality::FAULT) => self.valid_before(channel, newest.observed_at)?,
            newest => newest.map(|newest| newest.observed_at),
        };
        Ok(Then { newest, valid_at })
    }

    /// The newest time of a sample before `end` that is not of a faulty device, day by day back.
    fn valid_before(&self, channel: ChannelId, end: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let last = Day::of(end).number();
        for day in (last - DAYS_VALID..=last).rev().filter_map(Day::of_number) {
            let next = Day::of_number(day.number() + 1).map_or(end, Day::first);
            let mut valid_at = None;
            for sample in self.range(channel, day.first(), next.min(end)) {
                let sample = sample?;
                if !sample.quality.has(Quality::FAULT) {
                    valid_at = Some(sample.observed_at);
                }
            }
            if valid_at.is_some() {
                return Ok(valid_at);
            }
        }
        Ok(None)
    }
}

fn hold(heads: &Heads, channel: ChannelId, at: Timestamp) -> Held {
    let of_head = |head: &Head| head.series(channel)?.newest_by(at);
    // At equal times the last one is the newest.
    let unwritten = heads.unwritten().filter_map(of_head).max_by_key(|sample| sample.observed_at);
    let may_precede = heads.firsts.may_precede(channel, at);
    Held { written: heads.latest.get(&channel).copied(), may_precede, unwritten }
}

fn newest_on_disk(
    tables: &Tables,
    snapshot: &Snapshot,
    channel: ChannelId,
    at: Timestamp,
) -> Result<Option<StoredSample>, StoreError> {
    let mut day = Day::of(at);
    for _ in 0..DAYS_TRIED {
        let newest = newest_of_day(tables, snapshot, channel, day, at)?;
        if newest.is_some() {
            return Ok(newest);
        }
        let Some(before) = day_before(tables, snapshot, channel, day)? else { break };
        day = before;
    }
    Ok(None)
}

/// Runs may overlap, and of equal times the later run's is the sample: so each is asked for its own newest, from the last
/// one back, and those that end before what was found are passed over.
fn newest_of_day(
    tables: &Tables,
    snapshot: &Snapshot,
    channel: ChannelId,
    day: Day,
    at: Timestamp,
) -> Result<Option<StoredSample>, StoreError> {
    let [first, last] = Key::days(channel, day, day);
    let mut newest: Option<StoredSample> = None;
    let mut samples = Vec::new();
    for guard in snapshot.range(&tables.history, first..=last).rev() {
        let (key, bytes) = run_of(channel, day, guard)?;
        if let Some(newest) = newest
            && run::extent(day, &bytes).is_ok_and(|(_, end)| end <= newest.observed_at)
        {
            continue;
        }
        samples.clear();
        run::decode(key, &bytes, &mut samples).map_err(|damage| {
            metrics::counter!("store_damaged_runs_read_total").increment(1);
            StoreError::DamagedRun { channel, day, run: key.number, damage }
        })?;
        let place = samples.partition_point(|sample| sample.observed_at <= at).checked_sub(1);
        let own = place.and_then(|place| samples.get(place)).copied();
        newest = own.filter(|own| newest.is_none_or(|newest| own.observed_at > newest.observed_at)).or(newest);
    }
    Ok(newest)
}

/// The last day before one that has, or had, samples of a channel.
fn day_before(tables: &Tables, snapshot: &Snapshot, channel: ChannelId, day: Day) -> Result<Option<Day>, StoreError> {
    let Some(last) = Day::of_number(day.number() - 1) else { return Ok(None) };
    let mut before = None;
    for table in [Table::Dirty, Table::Days] {
        let [first, last] = DayKey::days(table, channel, Day::MIN, last);
        if let Some(guard) = snapshot.range(&tables.history, first..=last).next_back() {
            let key = guard.key().map_err(|source| StoreError::UnreadableDay { channel, day, source })?;
            let key = DayKey::from_bytes(table, &key).ok_or(StoreError::DamagedKey { channel })?;
            before = before.max(Some(key.day));
        }
    }
    Ok(before)
}
