//! History: every sample ever taken, dead letters, and the counters that the ledger needs.
//!
//! One of a closed set of stores, chosen by the configuration, answering the same questions. Whoever asks for a long
//! range takes [`Tally`]s, whoever needs each value takes the samples.

mod config;
pub mod embedded;
mod error;
pub mod influx;
mod range;
mod retention;
mod sample;
mod tally;
mod tier;

use std::collections::BTreeMap;
use std::path::Path;

pub use config::{Config, Kind};
pub use embedded::{
    Damage, Day, DeadLetter, DeadLetterFilter, DeadLetterPage, DeadLetterTotals, Earlier, Settling, Status, Then,
};
pub use error::StoreError;
pub use range::Range;
pub use retention::{KeptSince, Retention, Spans};
pub use sample::StoredSample;
pub use tally::{Tally, advance};
pub use tier::Tier;

use crate::model::{Catalogue, ChannelId, Entry, Seq, SourceId, Timestamp};

use embedded::Embedded;
use influx::Influx;

/// History. One thread applies; any number read meanwhile. All calls may block.
pub enum Store {
    /// In the data directory, over fjall.
    Embedded(Box<Embedded>),
    /// Samples in InfluxDB 2, the rest in the data directory.
    Influx(Box<Influx>),
}

impl Store {
    /// Opens the store in a directory, or makes one. The caller then applies the journal after [`Store::checkpoint`].
    pub fn open(directory: &Path, config: &Config) -> Result<Self, StoreError> {
        match config.kind {
            Kind::Embedded => Embedded::open(directory, config).map(Box::new).map(Store::Embedded),
            Kind::Influx => Influx::open(directory, config).map(Box::new).map(Store::Influx),
        }
    }

    /// Tells the names of channels as the registry has them. To be called after opening, before anything is applied;
    /// later changes come with the journal.
    pub fn install(&self, catalogue: &Catalogue) {
        match self {
            Store::Embedded(_) => {}
            Store::Influx(store) => store.install(catalogue),
        }
    }

    /// Whether to start the service means to wait until everything is applied: not where a server may be down.
    pub fn is_caught_up_at_start(&self) -> bool {
        matches!(self, Store::Embedded(_))
    }

    /// Whoever tells duplicates need not remember entries up to here: [`Store::contains`] answers for them, or nobody
    /// can, and to take them again does no harm.
    pub fn remembers_through(&self) -> Seq {
        match self {
            Store::Embedded(store) => store.applied(),
            Store::Influx(_) => Seq(u64::MAX),
        }
    }

    /// Every entry up to and including this one is durable: the journal may let go of them.
    pub fn checkpoint(&self) -> Seq {
        match self {
            Store::Embedded(store) => store.checkpoint(),
            Store::Influx(store) => store.checkpoint(),
        }
    }

    /// The last entry applied, durable or not.
    pub fn applied(&self) -> Seq {
        match self {
            Store::Embedded(store) => store.applied(),
            Store::Influx(store) => store.applied(),
        }
    }

    /// Every entry up to and including this one can be read back by [`Store::range`].
    pub fn readable_through(&self) -> Seq {
        match self {
            Store::Embedded(store) => store.applied(),
            // What is on its way to a server is not in its answers yet.
            Store::Influx(store) => store.checkpoint(),
        }
    }

    /// Takes durable entries, in the order of the journal; those already taken are ignored. After an error the same
    /// entries may be offered again, or the store opened anew.
    pub fn apply(&self, entries: &[Entry]) -> Result<(), StoreError> {
        match self {
            Store::Embedded(store) => store.apply(entries),
            Store::Influx(store) => store.apply(entries),
        }
    }

    /// Makes durable what is in memory, if anything is: before a planned stop.
    pub fn flush(&self) -> Result<(), StoreError> {
        match self {
            Store::Embedded(store) => store.flush(),
            Store::Influx(store) => store.flush(),
        }
    }

    /// Makes days that have rested small, up to about so many samples, when nothing else is to be done. Changes no
    /// answer.
    pub fn settle(&self, samples: usize) -> Result<Settling, StoreError> {
        match self {
            Store::Embedded(store) => store.settle(samples),
            // InfluxDB compacts by itself.
            Store::Influx(_) => Ok(Settling::Done),
        }
    }

    /// One channel's samples with `from <= time < to`, ascending, one per time, as of now.
    pub fn range(&self, channel: ChannelId, from: Timestamp, to: Timestamp) -> Range {
        match self {
            Store::Embedded(store) => Range::embedded(store.range(channel, from, to)),
            Store::Influx(store) => Range::influx(store.range(channel, from, to)),
        }
    }

    /// Whether tallies are kept, or made from the samples whenever they are asked for.
    pub fn keeps_tallies(&self) -> bool {
        matches!(self, Store::Embedded(_))
    }

    /// One channel's tallies of the buckets of a tier that begin in `from..to`, ascending, without the empty ones.
    pub fn tallies(
        &self,
        channel: ChannelId,
        tier: Tier,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<(Timestamp, Tally)>, StoreError> {
        match self {
            Store::Embedded(store) => store.tallies(channel, tier, from, to),
            Store::Influx(store) => store.tallies(channel, tier, from, to),
        }
    }

    /// From when on a channel's history is whole.
    pub fn kept_since(&self, channel: ChannelId) -> KeptSince {
        match self {
            Store::Embedded(store) => store.kept_since(channel),
            // What a server deletes for its age is not known here.
            Store::Influx(_) => KeptSince::default(),
        }
    }

    /// Whether the samples of a time's day were deleted for their age: the day takes no more.
    pub fn is_deleted(&self, channel: ChannelId, at: Timestamp) -> bool {
        match self {
            Store::Embedded(store) => store.is_deleted(channel, at),
            Store::Influx(_) => false,
        }
    }

    /// Whether what a correction replaces is kept. Only then may people correct, or what the device said were lost.
    pub fn keeps_earlier(&self) -> bool {
        matches!(self, Store::Embedded(_))
    }

    /// What corrections of one channel replaced, of times in `from..to`, ascending by time and then by entry.
    pub fn earlier(&self, channel: ChannelId, from: Timestamp, to: Timestamp) -> Result<Vec<Earlier>, StoreError> {
        match self {
            Store::Embedded(store) => store.earlier(channel, from, to),
            // InfluxDB keeps the last value of a time alone.
            Store::Influx(_) => Ok(Vec::new()),
        }
    }

    /// The channel's latest sample by time; it outlives the deletion of its day for age.
    pub fn last(&self, channel: ChannelId) -> Result<Option<StoredSample>, StoreError> {
        match self {
            Store::Embedded(store) => store.last(channel),
            Store::Influx(store) => store.last(channel),
        }
    }

    /// Whether [`Store::moment`] is answered: where every channel's newest sample at a moment can be had at once.
    pub fn keeps_moments(&self) -> bool {
        // Of InfluxDB it is not known what it deleted for its age or took from others, and that would look like silence.
        matches!(self, Store::Embedded(_))
    }

    /// What is known of channels at a past moment, in their order; of one whose day is damaged the damage. Nothing where
    /// [`Store::keeps_moments`] says so.
    pub fn moment(&self, channels: &[ChannelId], at: Timestamp) -> Vec<Result<Then, StoreError>> {
        match self {
            Store::Embedded(store) => store.moment(channels, at),
            Store::Influx(_) => channels.iter().map(|_| Ok(Then::default())).collect(),
        }
    }

    /// An instant before which nothing of any channel is stored: that of the first sample, or at most eight days before it
    /// where samples were deleted for their age or written by a version that did not note it. `None` when nothing is
    /// stored, or that cannot be told.
    pub fn begins_at(&self) -> Option<Timestamp> {
        match self {
            Store::Embedded(store) => store.begins_at(),
            Store::Influx(_) => None,
        }
    }

    /// The instant of the first sample that was ever stored, of any channel, also where it was deleted for its age since:
    /// none was before it. `None` when nothing is stored, or that cannot be told.
    pub fn first_ever_at(&self) -> Option<Timestamp> {
        match self {
            Store::Embedded(store) => store.first_ever_at(),
            Store::Influx(_) => None,
        }
    }

    /// The newest entry, of those taken since the store was opened, that brought or corrected a sample of a time at or
    /// before an instant: while it is the same, so is what [`Store::moment`] answers. May name a newer one than there is
    /// any, by up to a minute of samples' times.
    pub fn newest_arrival_by(&self, at: Timestamp) -> Seq {
        match self {
            Store::Embedded(store) => store.newest_arrival_by(at),
            Store::Influx(_) => Seq::default(),
        }
    }

    /// The value at exactly that time, if there is one. Cheap for many look-ups in the same days.
    pub fn contains(&self, channel: ChannelId, at: Timestamp) -> Result<Option<f64>, StoreError> {
        match self {
            Store::Embedded(store) => store.contains(channel, at),
            Store::Influx(store) => store.contains(channel, at),
        }
    }

    /// Samples taken since the store began, by source; a correction at the same time counts as one more.
    pub fn stored_counts(&self) -> BTreeMap<SourceId, u64> {
        match self {
            Store::Embedded(store) => store.stored_counts(),
            Store::Influx(store) => store.stored_counts(),
        }
    }

    /// Samples taken into the journal and refused by the store for good, by source; each is a dead letter.
    pub fn refused_counts(&self) -> BTreeMap<SourceId, u64> {
        match self {
            Store::Embedded(_) => BTreeMap::new(),
            Store::Influx(store) => store.refused_counts(),
        }
    }

    /// Dead letters before a number (`None`: from the newest on), newest first. Follow [`DeadLetterPage::before`].
    /// An error only when none can be read at all.
    pub fn dead_letters(
        &self,
        before: Option<Seq>,
        limit: usize,
        filter: &DeadLetterFilter,
    ) -> Result<DeadLetterPage, StoreError> {
        match self {
            Store::Embedded(store) => store.dead_letters(before, limit, filter),
            Store::Influx(store) => store.dead_letters(before, limit, filter),
        }
    }

    /// One dead letter; `None` when there is none of that number, or it was dropped.
    pub fn dead_letter(&self, id: Seq) -> Result<Option<DeadLetter>, StoreError> {
        match self {
            Store::Embedded(store) => store.dead_letter(id),
            Store::Influx(store) => store.dead_letter(id),
        }
    }

    /// How many dead letters are kept, and were dropped.
    pub fn dead_letter_totals(&self) -> DeadLetterTotals {
        match self {
            Store::Embedded(store) => store.dead_letter_totals(),
            Store::Influx(store) => store.dead_letter_totals(),
        }
    }

    /// Where the store stands.
    pub fn status(&self) -> Status {
        match self {
            Store::Embedded(store) => store.status(),
            Store::Influx(store) => store.status(),
        }
    }
}
