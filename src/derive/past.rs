//! What was observed, as indices take it: in their units, good samples first.
//!
//! Samples that a device or a person disowned (calibrating, fault, maintenance, bad), spikes and values that stand still
//! are not there. Of the others the good ones are taken; when they are too few, the suspicious and the estimated ones with
//! them, and what is made of those says that it is estimated. When that is too little, too, there is no value.

use std::time::Duration;

use crate::indices::vn_aqi::Completeness;
use crate::model::{Channel, ChannelId, Quality, Timestamp, Unit};
use crate::store::{Store, StoreError, StoredSample};

const TICK: Duration = Duration::from_micros(1);
/// Not taken at all.
const UNUSABLE: Quality = Quality(
    Quality::BAD.0
        | Quality::FAULT.0
        | Quality::MAINTENANCE.0
        | Quality::CALIBRATING.0
        | Quality::SPIKE.0
        | Quality::STUCK.0,
);

/// Where samples come from: the store, or a table in tests.
pub trait Past {
    /// One channel's samples with `from <= time < to`, ascending, one for each time.
    fn samples(&self, channel: ChannelId, from: Timestamp, to: Timestamp) -> Result<Vec<StoredSample>, StoreError>;
}

impl Past for Store {
    fn samples(&self, channel: ChannelId, from: Timestamp, to: Timestamp) -> Result<Vec<StoredSample>, StoreError> {
        self.range(channel, from, to).collect()
    }
}

/// Instants from one to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The first.
    pub from: Timestamp,
    /// The last.
    pub to: Timestamp,
}

impl Stretch {
    /// The least that holds both.
    #[must_use]
    pub fn with(self, other: Stretch) -> Stretch {
        Stretch { from: self.from.min(other.from), to: self.to.max(other.to) }
    }

    /// Whether there is anything in it.
    pub fn is_empty(self) -> bool {
        self.from > self.to
    }
}

/// A channel that an index is made from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Source {
    /// Which.
    pub channel: ChannelId,
    /// What it is kept in.
    unit: Unit,
    /// What the index takes.
    wanted: Unit,
    /// Expected time between samples.
    pub interval: Duration,
}

impl Source {
    /// A channel in a unit; `None` when it measures something else, or was taken out of service.
    pub fn new(channel: &Channel, wanted: Unit) -> Option<Source> {
        channel.unit.convert(1.0, wanted)?;
        let (id, unit, interval) = (channel.id, channel.unit, channel.interval);
        (!channel.retired).then_some(Source { channel: id, unit, wanted, interval })
    }

    /// What is usable later than `after`, up to and with `to`.
    pub fn readings(&self, past: &dyn Past, after: Timestamp, to: Timestamp) -> Result<Readings, StoreError> {
        let samples = past.samples(self.channel, after + TICK, to + TICK)?;
        let usable = samples.into_iter().filter(|sample| !sample.quality.has_any(UNUSABLE));
        let read = usable.filter_map(|sample| {
            let value = self.unit.convert(sample.value, self.wanted)?;
            Some(Reading { at: sample.observed_at, value, trust: Trust::of(sample.quality) })
        });
        Ok(Readings { all: read.collect() })
    }
}

/// How far a value can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trust {
    /// Wholly.
    Good,
    /// It is made of suspicious or estimated ones.
    Estimated,
}

impl Trust {
    /// A sample's.
    pub fn of(quality: Quality) -> Trust {
        if quality.is_good() { Trust::Good } else { Trust::Estimated }
    }

    /// As a flag.
    pub fn quality(self) -> Quality {
        match self {
            Trust::Good => Quality::GOOD,
            Trust::Estimated => Quality::ESTIMATED,
        }
    }
}

/// A usable sample in the index's unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// When.
    pub at: Timestamp,
    /// What.
    pub value: f64,
    /// How good.
    pub trust: Trust,
}

/// Usable samples of one channel, ascending.
#[derive(Clone, Debug, Default)]
pub struct Readings {
    /// All of them.
    pub all: Vec<Reading>,
}

impl Readings {
    /// Those later than `after`, up to and with `to`.
    pub fn within(&self, after: Timestamp, to: Timestamp) -> &[Reading] {
        let first = self.all.partition_point(|reading| reading.at <= after);
        let end = self.all.partition_point(|reading| reading.at <= to);
        self.all.get(first..end).unwrap_or(&[])
    }

    /// When the last sample before a window was.
    fn before(&self, after: Timestamp, trust: Trust) -> Option<Timestamp> {
        let first = self.all.partition_point(|reading| reading.at <= after);
        let earlier = self.all.get(..first)?;
        earlier.iter().rev().find(|reading| reading.trust <= trust).map(|reading| reading.at)
    }

    /// The newest good one later than `after`, up to `to`; of suspicious ones when there is none.
    pub fn newest(&self, after: Timestamp, to: Timestamp) -> Option<Reading> {
        let window = self.within(after, to);
        window.iter().rev().find(|reading| reading.trust == Trust::Good).or(window.last()).copied()
    }

    /// The mean of a window in which a sample is expected every `interval`, when so much of it is covered: a sample covers
    /// the time since the one before it, the interval at most.
    pub fn mean(
        &self,
        (after, to): (Timestamp, Timestamp),
        interval: Duration,
        least: Completeness,
    ) -> Option<(f64, Trust)> {
        let window = self.within(after, to);
        let length = to.since(after);
        let mean = |trust: Trust| {
            let (mut count, mut sum, mut covered) = (0_u32, 0.0, Duration::ZERO);
            let mut before = self.before(after, trust);
            for reading in window.iter().filter(|reading| reading.trust <= trust) {
                covered += before.map_or(interval, |before| reading.at.since(before).min(interval));
                (count, sum, before) = (count + 1, sum + reading.value, Some(reading.at));
            }
            // A sample that is a little early must not lose its hour.
            let is_enough = count > 0 && covered.as_secs_f64() + 1.0 >= least.0 * length.as_secs_f64();
            is_enough.then(|| (sum / f64::from(count), trust))
        };
        mean(Trust::Good).or_else(|| mean(Trust::Estimated))
    }
}
