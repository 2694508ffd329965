//! What a correction replaced: history keeps the last value of a time, and here stand those before it.
//!
//! ```text
//! key    channel, time, number of the entry that replaced it, place of the sample in that entry
//! value  sealed: value, quality, when that entry was received
//! ```
//!
//! A different value or quality at the same channel and time counts; the same again keeps nothing. To find what is
//! replaced, a flush looks only at samples that are not later than all that is written of their channel: live data in
//! order costs nothing. Written in the batch of the sample that replaces; after a crash the same entries give the same
//! keys. Deleted with the day's samples.

use std::collections::BTreeMap;

use fjall::{Readable, Snapshot};

use crate::model::{ChannelId, Quality, Seq, Timestamp};

use super::StoredSample;
use super::bookmark::Bookmark;
use super::head::Head;
use super::key::{self, Day};
use super::tables::Tables;
use super::{StoreError, sealed};

/// A value that another one replaced.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Earlier {
    /// Phenomenon time, the same for both.
    pub observed_at: Timestamp,
    /// What was stored before.
    pub value: f64,
    /// Its flags.
    pub quality: Quality,
    /// The entry that replaced it.
    pub replaced_by: Seq,
    /// When that entry was received.
    pub replaced_at: Timestamp,
}

/// A sample, and the entry that brought it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Brought {
    pub(super) channel: ChannelId,
    pub(super) sample: StoredSample,
    pub(super) by: Seq,
    /// Its place in the entry.
    pub(super) place: u32,
    pub(super) at: Timestamp,
}

impl Brought {
    fn earlier(&self, before: &StoredSample) -> Earlier {
        Earlier {
            observed_at: before.observed_at,
            value: before.value,
            quality: before.quality,
            replaced_by: self.by,
            replaced_at: self.at,
        }
    }
}

/// Whether the second replaces the first with something else.
pub(super) fn differ(a: &StoredSample, b: &StoredSample) -> bool {
    a.value.to_bits() != b.value.to_bits() || a.quality != b.quality
}

/// The first sample brought for each channel and time, in their order: what is written meets that one.
pub(super) fn first_brought(brought: &[Brought]) -> Vec<Brought> {
    let mut first = brought.to_vec();
    first.sort_by_key(|brought| (brought.channel, brought.sample.observed_at, brought.by, brought.place));
    first.dedup_by_key(|brought| (brought.channel, brought.sample.observed_at));
    first
}

/// Of the samples brought for one day of a channel (one for each time), those that replace a different one, and what
/// they replace.
pub(super) fn replacing(brought: &[Brought], day: &[StoredSample]) -> Vec<(Brought, StoredSample)> {
    let written = |brought: &Brought| {
        let place = day.binary_search_by_key(&brought.sample.observed_at, |sample| sample.observed_at);
        place.ok().map(|place| (*brought, day[place]))
    };
    brought.iter().filter_map(written).filter(|(brought, before)| differ(&brought.sample, before)).collect()
}

/// A replaced sample, as it is written.
pub(super) fn note(by: &Brought, before: &StoredSample) -> ([u8; key::EARLIER_BYTES], Vec<u8>) {
    let key = key::earlier(by.channel, before.observed_at, by.by, by.place);
    (key, sealed::seal(&key, &(before.value, before.quality, by.at)))
}

/// What was replaced of a channel in `from..to`: written and, of these heads, about to be.
pub(super) fn between<'a>(
    tables: &Tables,
    snapshot: &Snapshot,
    heads: impl Iterator<Item = &'a Gathered>,
    channel: ChannelId,
    (from, to): (Timestamp, Timestamp),
) -> Result<Vec<Earlier>, StoreError> {
    if from >= to {
        return Ok(Vec::new());
    }
    let mut found = BTreeMap::new();
    let [least, end] = [from, to].map(|at| key::earlier(channel, at, Seq(0), 0));
    for guard in snapshot.range(&tables.history, least..end) {
        let (key, value) = guard.into_inner().map_err(|source| StoreError::Read { what: "replaced values", source })?;
        let earlier = decode(&key, &value).ok_or(StoreError::DamagedEarlier { channel })?;
        found.insert(key.to_vec(), earlier);
    }
    let written = Bookmark::of(tables, snapshot)?.through;
    for head in heads.filter(|head| head.through > written) {
        for (by, before) in &head.replaced {
            found.insert(key::earlier(channel, before.observed_at, by.by, by.place).to_vec(), by.earlier(before));
        }
        for brought in head.suspects.chunk_by(|a, b| Day::of(a.sample.observed_at) == Day::of(b.sample.observed_at)) {
            let (day, damages) = tables.day(snapshot, channel, Day::of(brought[0].sample.observed_at));
            if let Some(damage) = damages.into_iter().next() {
                return Err(damage);
            }
            for (by, before) in replacing(brought, &day) {
                found.insert(key::earlier(channel, before.observed_at, by.by, by.place).to_vec(), by.earlier(&before));
            }
        }
    }
    Ok(found.into_values().collect())
}

/// What a head knows of one channel's replaced values.
pub(super) struct Gathered {
    through: Seq,
    replaced: Vec<(Brought, StoredSample)>,
    suspects: Vec<Brought>,
}

impl Gathered {
    /// `older` is the head before it, when that is not written either.
    pub(super) fn of(
        head: &Head,
        older: Option<&Head>,
        channel: ChannelId,
        (from, to): (Timestamp, Timestamp),
    ) -> Self {
        let wanted = |brought: &Brought| {
            brought.channel == channel && from <= brought.sample.observed_at && brought.sample.observed_at < to
        };
        let suspects: Vec<Brought> = head.suspects().iter().filter(|brought| wanted(brought)).copied().collect();
        let mut suspects = first_brought(&suspects);
        let mut replaced: Vec<_> = head.replaced().iter().filter(|(by, _)| wanted(by)).copied().collect();
        // What the older head holds is what they meet, whatever was written before it.
        let older = older.and_then(|older| older.series(channel));
        suspects.retain(|brought| match older.and_then(|older| older.at(brought.sample.observed_at)) {
            Some(before) => {
                replaced.extend(differ(before, &brought.sample).then_some((*brought, *before)));
                false
            }
            None => true,
        });
        Self { through: head.through(), replaced, suspects }
    }
}

fn decode(key: &[u8], value: &[u8]) -> Option<Earlier> {
    let (value, quality, replaced_at): (f64, Quality, Timestamp) = sealed::unseal(key, value).ok()?;
    let (at, rest) = key.get(5..)?.split_first_chunk()?;
    let (by, _) = rest.split_first_chunk()?;
    let observed_at = Timestamp::from_micros((u64::from_be_bytes(*at) ^ (1 << 63)) as i64);
    Some(Earlier { observed_at, value, quality, replaced_by: Seq(u64::from_be_bytes(*by)), replaced_at })
}
