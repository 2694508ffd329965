//! What is too old to be kept: the classes of channels, and the time by which age is judged.
//!
//! Age is never judged by one clock alone. It takes two witnesses: the entry last applied, timed by the service's
//! clock, and the devices: the time that a tenth of all channels have reached with samples of their own time. The
//! earlier one counts. So a service clock that jumps ahead deletes nothing (the devices do not follow), and neither do
//! devices whose clocks run ahead, unless a tenth of all do and the service's clock too. Where no device tells its own
//! time, nothing is deleted for its age.

use fjall::OwnedWriteBatch;
use serde::{Deserialize, Serialize};

use crate::model::{Catalogue, ChannelId, Quality, StationKind, Timestamp};
use crate::store::Retention;

use super::key::{DAY_MICROS, Day, Table};
use super::latest::Latest;
use super::tables::Tables;
use super::{StoreError, sealed};

const KEY: &[u8] = &[Table::Notes as u8, 1];
const HORIZONS_KEY: &[u8] = &[Table::Notes as u8, 3];
/// One channel in so many must have reached a time.
const WITNESSES: usize = 10;

/// The class of each channel, from the newest catalogue applied. Kept on disk: catalogues are seldom.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Classes(Vec<Option<StationKind>>);

impl Classes {
    pub(super) fn of(catalogue: &Catalogue) -> Self {
        let kind = |channel: &crate::model::Channel| catalogue.station(channel.station).map(|station| station.kind);
        Self(catalogue.channels().iter().map(kind).collect())
    }

    /// Those on disk; none when there are none.
    pub(super) fn read(tables: &Tables) -> Result<Self, StoreError> {
        let named = ["the channels' classes", "channels' classes"];
        Ok(tables.note(KEY, named)?.unwrap_or_default())
    }

    pub(super) fn put(&self, tables: &Tables, batch: &mut OwnedWriteBatch) {
        batch.insert(&tables.history, KEY, sealed::seal(KEY, self));
    }

    /// How many channels there are; 0 when no catalogue was seen.
    pub(super) fn channels(&self) -> u32 {
        self.0.len() as u32
    }

    /// The class of a channel.
    pub(super) fn kind(&self, channel: ChannelId) -> Option<StationKind> {
        self.0.get(channel.0 as usize).copied().flatten()
    }

    /// Channels of a class, from one on, ascending.
    pub(super) fn from(&self, channel: u32) -> impl Iterator<Item = (ChannelId, StationKind)> {
        let numbered = (0u32..).zip(&self.0).skip(channel as usize);
        numbered.filter_map(|(channel, kind)| kind.map(|kind| (ChannelId(channel), kind)))
    }
}

/// How far deleting has gone: from when on each form of a class is whole. It only moves on, so that what was deleted
/// stays known when the rules are changed to keep more.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Horizons(Vec<(StationKind, [Option<Timestamp>; 4])>);

impl Horizons {
    /// Those on disk; none when nothing was ever deleted.
    pub(super) fn read(tables: &Tables) -> Result<Self, StoreError> {
        let named = ["how far deleting went", "reach of deletion"];
        Ok(tables.note(HORIZONS_KEY, named)?.unwrap_or_default())
    }

    pub(super) fn put(&self, tables: &Tables) -> Result<(), StoreError> {
        let note = sealed::seal(HORIZONS_KEY, self);
        tables.history.insert(HORIZONS_KEY, note).map_err(|source| StoreError::Settle { source })
    }

    /// What is about to be deleted at a time.
    #[must_use]
    pub(super) fn moved(&self, at: Timestamp, retention: &Retention) -> Self {
        let moved = |kind: &StationKind| {
            let before = self.of(*kind);
            let mut since = retention.of(*kind).tiers().map(|days| days.map(|days| horizon(at, days).first()));
            since.iter_mut().zip(before).for_each(|(since, before)| *since = (*since).max(before));
            (*kind, since)
        };
        Self(StationKind::ALL.iter().map(moved).collect())
    }

    /// From the finest to the coarsest form.
    pub(super) fn of(&self, kind: StationKind) -> [Option<Timestamp>; 4] {
        self.0.iter().find(|(of, _)| *of == kind).map_or([None; 4], |(_, since)| *since)
    }
}

/// The time by which age is judged, `entries` being that of the entry last applied.
pub(super) fn judged_at(entries: Option<Timestamp>, latest: &Latest) -> Option<Timestamp> {
    let own = latest.values().filter(|sample| !sample.quality.has(Quality::RECEIVED_TIME));
    let mut reached: Vec<Timestamp> = own.map(|sample| sample.observed_at).collect();
    let place = reached.len() - reached.len().div_ceil(WITNESSES);
    if reached.is_empty() {
        return None;
    }
    let (_, devices, _) = reached.select_nth_unstable(place);
    Some((*devices).min(entries?))
}

/// The first day that is kept, when days are kept for so many days after their end.
pub(super) fn horizon(at: Timestamp, kept_days: u32) -> Day {
    Day::of(Timestamp::from_micros(at.micros().saturating_sub(i64::from(kept_days).saturating_mul(DAY_MICROS))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoredSample;

    fn latest(times: impl IntoIterator<Item = (i64, Quality)>) -> Latest {
        let sample = |(channel, (seconds, quality))| {
            let observed_at = Timestamp::from_seconds(seconds);
            (ChannelId(channel), StoredSample { observed_at, value: 0.0, quality })
        };
        (0u32..).zip(times).map(sample).collect()
    }

    #[test]
    fn no_clock_alone_makes_history_old() {
        let check = |entries: i64, latest: Latest, expected: Option<i64>| {
            let judged = judged_at(Some(Timestamp::from_seconds(entries)), &latest);
            assert_eq!(judged, expected.map(Timestamp::from_seconds));
        };
        let good = |seconds| (seconds, Quality::GOOD);
        check(1_000, latest([]), None);
        check(9_999_999, latest((0..40).map(|_| good(900))), Some(900));
        check(1_000, latest((0..40).map(|_| good(9_999_999))), Some(1_000));
        check(9_999_999, latest((0..40).map(|channel| good(if channel < 3 { 9_999_999 } else { 900 }))), Some(900));
        check(9_999_999, latest((0..40).map(|_| (9_999_999, Quality::RECEIVED_TIME))), None);
    }

    #[test]
    fn a_day_is_kept_for_so_many_days_after_its_end() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let check = |now: &str, days, expected: &str| assert_eq!(horizon(at(now), days).to_string(), expected);
        check("2026-08-21T00:00:00Z", 1, "2026-08-20");
        check("2026-08-21T23:59:59Z", 1, "2026-08-20");
        check("2026-08-22T00:00:00Z", 1, "2026-08-21");
    }
}
