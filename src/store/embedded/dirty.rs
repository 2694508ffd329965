//! Marks on the days of channels that were written since they were settled.
//!
//! A mark says when the day was last written, by the entries' times and to the hour: that is when its waiting begins.

use fjall::{Readable, Snapshot};
use hashbrown::HashMap;

use crate::model::{ChannelId, Timestamp};

use super::column::Damage;
use super::key::{Day, DayKey, Table};
use super::tables::Tables;
use super::{StoreError, sealed};

/// A mark younger than this is not made again: most days are written every few minutes.
const FRESH_MICROS: i64 = 3_600_000_000;

/// The marks made last, one for each channel.
#[derive(Default)]
pub(super) struct Marks {
    made: HashMap<ChannelId, (Day, Timestamp)>,
}

impl Marks {
    /// Adds a mark to the batch, unless there is a fresh one.
    pub(super) fn put(
        &mut self,
        tables: &Tables,
        batch: &mut fjall::OwnedWriteBatch,
        (channel, day): (ChannelId, Day),
        at: Timestamp,
    ) {
        let fresh = |(marked, when): &&(Day, Timestamp)| {
            *marked == day && (0..FRESH_MICROS).contains(&at.micros().saturating_sub(when.micros()))
        };
        if self.made.get(&channel).filter(fresh).is_some() {
            return;
        }
        self.made.insert(channel, (day, at));
        let key = DayKey::new(Table::Dirty, channel, day).to_bytes();
        batch.insert(&tables.history, key, sealed::seal(&key, &at));
    }

    /// The day's mark goes.
    pub(super) fn forget(&mut self, channel: ChannelId, day: Day) {
        if self.made.get(&channel).is_some_and(|(marked, _)| *marked == day) {
            self.made.remove(&channel);
        }
    }
}

/// When a marked day was last written.
pub(super) fn written_at(key: DayKey, mark: &[u8]) -> Result<Timestamp, Damage> {
    sealed::unseal(&key.to_bytes(), mark)
}

/// The marked days of a channel, ascending.
pub(super) fn between(
    tables: &Tables,
    snapshot: &Snapshot,
    channel: ChannelId,
    first: Day,
    last: Day,
) -> Result<Vec<Day>, StoreError> {
    let [least, greatest] = DayKey::days(Table::Dirty, channel, first, last);
    let mut days = Vec::new();
    for guard in snapshot.range(&tables.history, least..=greatest) {
        let unreadable = |source| StoreError::UnreadableDay { channel, day: first, source };
        let key = guard.key().map_err(unreadable)?;
        let key = DayKey::from_bytes(Table::Dirty, &key).ok_or(StoreError::DamagedKey { channel })?;
        days.push(key.day);
    }
    Ok(days)
}
