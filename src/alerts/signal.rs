//! From samples to how many levels hold: what a condition makes of one or several channels.
//!
//! A *verdict* is made at a good sample in time of any channel that the condition reads, at that sample's own time (for
//! several channels: the newest of their times). It says how many levels are on; the machine does the rest, the same for
//! every kind of condition. Without a verdict it is as if no sample had come: holds wait on, and an open alert becomes
//! unknown after its patience.
//!
//! | condition | verdict | none while |
//! |---|---|---|
//! | level | the sample against the levels | never |
//! | window, rate | what the window makes of its samples | the window is not complete (*) |
//! | N of M | a level is on while N of the last M samples are beyond it (raised: beyond its clear level); what was before a silence of the channel does not count | never |
//! | difference | the sample less the other station's newest value | the other one is silent or under maintenance |
//! | all of | on while every part holds | a part is silent and none is known not to hold |
//! | any of | on while a part holds | every part is silent, or one is that held before |
//! | count | the number of stations that hold | an open alert would be taken back because stations fell silent while they held |
//!
//! (*) A sum of what is never negative (the channel's plausible range begins at zero or above) is at least what there is
//! of it: incomplete, it may raise and keep raised what lies below that, and take nothing back.
//!
//! `all of` watches stations that have every channel, `any of` those that have at least one, and reads what there is.
//!
//! A part *holds* beyond its threshold, and once its alert is raised until its clear level (a counted station: always).
//! A channel is silent here when its newest good sample is older than five intervals and the link's grace.

use std::collections::BTreeMap;

use super::rules::{Direction, Join, Levels, Limit, Of, Reduce, Times};
use super::tally::Tally;
use super::window::{Number, Ring};
use super::{Ear, NEVER, World};
use crate::model::{Channel, ChannelId, Freshness, Timestamp, fresh_for, freshness};

/// What samples left behind.
#[derive(Clone, Copy)]
pub(super) struct Memory<'a> {
    pub ears: &'a [Ear],
    pub rings: &'a BTreeMap<ChannelId, Ring>,
}

/// What is made of one channel's samples, its other station found.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reading {
    pub of: Of,
    /// The channel whose value is taken away.
    pub less: Option<ChannelId>,
}

/// Levels of one channel that are not judged by its last sample alone.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Single {
    /// Place in the watches' levels.
    pub levels: u32,
    pub reading: Reading,
    pub times: Option<Times>,
}

/// Several channels of one station.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Joined {
    /// The channel of the first part that there is, which the alert is about.
    pub lead: ChannelId,
    pub join: Join,
    pub parts: Vec<JoinedPart>,
}

/// One of them, its limit in the channel's unit.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct JoinedPart {
    /// Its place in the rule.
    pub place: u8,
    pub channel: ChannelId,
    pub reading: Reading,
    pub limit: Limit,
}

/// A channel that is counted for an area.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Member {
    /// Place of the area in the catalogue.
    pub area: u32,
    pub reading: Reading,
    pub limit: Limit,
}

/// What a condition says at an instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Verdict {
    /// What was compared.
    pub value: Option<f64>,
    /// Levels that hold.
    pub on: usize,
    /// Bit n: part n holds, or has since the alert was raised.
    pub armed: u8,
}

/// How a machine stands, as far as a verdict depends on it.
#[derive(Clone, Copy, Default)]
pub(super) struct Standing {
    pub on: usize,
    pub raised: usize,
    pub armed: u8,
}

/// A condition where it watches.
#[derive(Clone, Copy)]
pub(super) enum Signal<'a> {
    /// A value against levels.
    Plain(&'a Levels, f64),
    /// One channel.
    Single(&'a Single, &'a Levels, &'a Channel),
    /// Several of a station.
    Joined(&'a Joined),
    /// An area's stations.
    Count(&'a Levels, &'a Tally),
}

impl Signal<'_> {
    /// What it says at `at` of a machine that stands so; `None` when nothing can be said.
    pub(super) fn verdict(
        &self,
        memory: Memory<'_>,
        world: World<'_>,
        at: Timestamp,
        standing: Standing,
    ) -> Option<Verdict> {
        let one = |value, on| Some(Verdict { value: Some(value), on, armed: 0 });
        match *self {
            Signal::Plain(levels, value) => one(value, levels.holding(standing.raised, value)),
            Signal::Single(single, levels, channel) => {
                let number = single.reading.of(memory, world, channel, at)?;
                single.verdict(levels, memory.rings.get(&channel.id), channel, number, standing)
            }
            Signal::Joined(joined) => joined.verdict(memory, world, at, standing),
            Signal::Count(levels, tally) => {
                let (sure, possible) = tally.counts();
                let on = levels.holding(standing.raised, sure);
                let is_certain = on >= standing.raised || on == levels.holding(standing.raised, possible);
                if is_certain { one(sure, on) } else { None }
            }
        }
    }
}

impl Reading {
    /// The number to compare at `at`; `None` when there is none that counts.
    pub(super) fn of(&self, memory: Memory<'_>, world: World<'_>, channel: &Channel, at: Timestamp) -> Option<Number> {
        let value = current(memory, channel, at)?;
        match (&self.of, self.less) {
            (Of::Difference { .. }, None) => None,
            (Of::Difference { .. }, Some(less)) => {
                let less = world.catalogue.channel(less)?;
                if less.retired || world.catalogue.station(less.station)?.maintenance {
                    return None;
                }
                Some(Number::Exact(value - less.unit.convert(current(memory, less, at)?, channel.unit)?))
            }
            _ => self.of_own(memory.rings.get(&channel.id), channel, value),
        }
    }

    /// The same where only the channel's own samples are known.
    pub(super) fn of_own(&self, ring: Option<&Ring>, channel: &Channel, value: f64) -> Option<Number> {
        match self.of {
            Of::Sample => Some(Number::Exact(value)),
            Of::Window { reduce, over, completeness } => {
                let ring = ring?;
                let whole = ring.reduce(reduce, over, completeness, channel.interval).map(Number::Exact);
                let only_grows = reduce == Reduce::Sum && channel.plausible.min >= 0.0;
                let part = || only_grows.then(|| ring.sum_so_far(over)).flatten().map(Number::AtLeast);
                whole.or_else(part)
            }
            Of::Rate { over, completeness } => ring?.rate(over, completeness).map(Number::Exact),
            Of::Difference { .. } => None,
        }
    }
}

impl Single {
    /// What a number says; `None` when it is not known to be as far as what is on or raised already.
    pub(super) fn verdict(
        &self,
        levels: &Levels,
        ring: Option<&Ring>,
        channel: &Channel,
        number: Number,
        standing: Standing,
    ) -> Option<Verdict> {
        let value = number.value();
        let on = self.holding(levels, ring, channel, value, standing.raised);
        let is_certain = match number {
            Number::Exact(_) => true,
            Number::AtLeast(_) => {
                levels.direction() == Direction::Above && on > 0 && on >= standing.on.max(standing.raised)
            }
        };
        is_certain.then_some(Verdict { value: Some(value), on, armed: 0 })
    }

    /// How many levels hold.
    fn holding(&self, levels: &Levels, ring: Option<&Ring>, channel: &Channel, value: f64, raised: usize) -> usize {
        let Some((times, ring)) = self.times.zip(ring) else { return levels.holding(raised, value) };
        let silence = fresh_for(channel, Freshness::Stale).unwrap_or(std::time::Duration::MAX);
        let beyond = |limit: f64| ring.passing(times.of, silence, |value| levels.direction().beyond(value, limit));
        levels.holding_by(raised, |limit| beyond(limit) >= times.n)
    }
}

impl Joined {
    fn verdict(&self, memory: Memory<'_>, world: World<'_>, at: Timestamp, standing: Standing) -> Option<Verdict> {
        // What held before the last alert is of no concern to the next one.
        let mut armed = if standing.raised == 0 { 0 } else { standing.armed };
        let mut first = None;
        let (mut holding, mut not_holding, mut in_doubt) = (0, 0, 0);
        for part in &self.parts {
            let bit = 1u8 << part.place;
            let channel = world.catalogue.channel(part.channel);
            let number = channel.and_then(|channel| part.reading.of(memory, world, channel, at));
            let Some(value) = number.and_then(|number| number.against(part.limit, armed & bit != 0)) else {
                in_doubt += usize::from(armed & bit != 0);
                continue;
            };
            if part.channel == self.lead {
                first = first.or(Some(value));
            }
            if part.limit.begins(value) {
                armed |= bit;
            }
            if armed & bit != 0 && part.limit.goes_on(value) {
                holding += 1;
            } else {
                not_holding += 1;
            }
        }
        let on = match self.join {
            Join::All if not_holding > 0 => 0,
            Join::All if holding == self.parts.len() => 1,
            Join::Any if holding > 0 => 1,
            Join::Any if in_doubt == 0 && not_holding > 0 => 0,
            Join::All | Join::Any => return None,
        };
        Some(Verdict { value: first, on, armed })
    }
}

/// A channel's newest good value, unless it is silent at `at`.
fn current(memory: Memory<'_>, channel: &Channel, at: Timestamp) -> Option<f64> {
    let ear = memory.ears.get(channel.id.index())?;
    let heard_at = Some(ear.good_at).filter(|heard_at| *heard_at != NEVER);
    ear.value.filter(|_| freshness(channel, heard_at, at) != Freshness::Silent)
}
