//! Range, rate of change, persistence and the device's clock: the real-time checks that WMO asks of automatic stations
//! (Guide to Instruments, WMO-No. 8: plausible value, time consistency, persistence), one channel at a time.
//!
//! - **Range**: outside what is to be expected, though not impossible.
//! - **Rate**: further from the sample before than `max(by, per_hour * hours)`. The sample is flagged at once, and the
//!   next one decides: back where it was before, the flagged one was a *spike* and is corrected to say so; near the
//!   flagged one, or further on in the same direction, the change was real, and this sample is good. So a flood
//!   wave costs one sample's delay, never its alert. A rise that goes on being steeper than the limit has every second
//!   sample flagged: each of them is confirmed by the next.
//! - **Stuck**: no further than `tolerance` from the first of a run of values that lasts `after`.
//! - **Clock**: the device's time is ahead of ours.
//!
//! A sample is judged against the past alone. A second value for the newest time is judged by the last one that was not
//! in doubt, and a person's correction of it is what the next sample is compared with. One that is older than the newest of its channel (late, out of order) is
//! judged by its range only, and not remembered; so is history that a person brings in. After a gap of more than five
//! intervals the count begins anew. Samples of a calibrating or faulty device or from maintenance are apart: neither
//! judged for change nor remembered.
//!
//! Cost: one line of 56 bytes of a table by channel, no look-up by name, no allocation.

use std::time::Duration;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::model::{
    Catalogue, Channel, ChannelId, Limits, Policy, Quality, Range, Sample, Step, Stuck, TimeClass, Timestamp,
    clock_was_set_back,
};

/// Channels without any check.
const UNCHECKED: u32 = 0;
/// A run of the same values is at least so many intervals long before it is suspicious.
const STUCK_INTERVALS_MIN: u32 = 4;
/// After so many intervals without a sample nothing is compared.
const GAP_INTERVALS: u32 = 5;
const MICROS_PER_HOUR: f64 = 3_600e6;
const NEVER: Timestamp = Timestamp::from_micros(i64::MIN);

/// What is to be said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// Of the sample.
    pub flags: Quality,
    /// The one before it, as it is to be corrected: it was a spike.
    pub spike: Option<Sample>,
}

/// One channel's past.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Past {
    /// The newest sample.
    at: Timestamp,
    value: f64,
    /// The first of a run of the same values.
    since: Timestamp,
    base: f64,
    /// The last sample that was not in doubt; the newest one is in doubt when this is an older one.
    sure_at: Timestamp,
    sure: f64,
    quality: Quality,
}

const NOTHING: Past =
    Past { at: NEVER, value: 0.0, since: NEVER, base: 0.0, sure_at: NEVER, sure: 0.0, quality: Quality::GOOD };

impl Past {
    /// A correction by the device: what it says now is what it said. One that is in doubt does not take the place of a
    /// value that is not.
    fn take_again(&mut self, sample: &Sample) {
        let is_doubtful = sample.quality.has(Quality::RATE);
        if is_doubtful && self.sure_at == self.at {
            return;
        }
        (self.value, self.quality) = (sample.value, sample.quality);
        if !is_doubtful {
            (self.sure_at, self.sure) = (self.at, sample.value);
        }
    }
}

/// Which limits hold for a channel, and from when on two samples are too far apart to be compared.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    limits: u32,
    gap: Duration,
}

/// The checks, and the past of every channel.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Checks {
    /// By channel.
    pasts: Vec<Past>,
    /// By channel; with the following made anew from catalogue and policy.
    #[serde(skip)]
    places: Vec<Place>,
    /// In the units of channels; few, so they stay in the processor's cache. The first is without any check.
    #[serde(skip)]
    limits: Vec<Limits>,
    #[serde(skip)]
    clock_ahead: Duration,
}

impl PartialEq for Checks {
    /// By what is remembered: the rest is made from catalogue and policy.
    fn eq(&self, other: &Self) -> bool {
        self.pasts == other.pasts
    }
}

impl Checks {
    /// Judges a sample that is new at its time.
    #[inline]
    pub(super) fn judge(&self, sample: &Sample, received_at: Timestamp) -> Found {
        let mut found = Found { flags: Quality::GOOD, spike: None };
        if sample.observed_at > received_at + self.clock_ahead {
            found.flags = Quality::CLOCK_SKEW;
        }
        let index = sample.channel.index();
        let (Some(place), Some(past)) = (self.places.get(index), self.pasts.get(index)) else { return found };
        if place.limits == UNCHECKED {
            return found;
        }
        let limits = &self.limits[place.limits as usize];
        if limits.range.is_some_and(|range| !range.contains(sample.value)) {
            found.flags = found.flags.with(Quality::RANGE);
        }
        let is_apart = sample.quality.has_any(Quality::APART) || sample.time_class == TimeClass::Imported;
        if is_apart || sample.observed_at < past.at || sample.observed_at.since(past.at) > place.gap {
            return found;
        }
        if sample.observed_at == past.at {
            if limits.step.as_ref().is_some_and(|step| !is_near_sure(step, past, sample)) {
                found.flags = found.flags.with(Quality::RATE);
            }
            return found;
        }
        if let Some(step) = &limits.step {
            judge_step(step, past, sample, &mut found);
        }
        if let Some(stuck) = &limits.stuck
            && is_stuck(stuck, past, sample)
        {
            found.flags = found.flags.with(Quality::STUCK);
        }
        found
    }

    /// Remembers a sample that was taken.
    #[inline]
    pub(super) fn remember(&mut self, sample: &Sample, received_at: Timestamp) {
        let index = sample.channel.index();
        let Some(past) = self.pasts.get_mut(index) else { return };
        if sample.quality.has_any(Quality::APART) || sample.time_class == TimeClass::Imported {
            return;
        }
        if sample.observed_at <= past.at {
            if sample.observed_at == past.at {
                past.take_again(sample);
                return;
            }
            if sample.time_class != TimeClass::Live || !clock_was_set_back(past.at, received_at) {
                return;
            }
            *past = NOTHING;
        }
        let (at, value, quality) = (sample.observed_at, sample.value, sample.quality);
        let (tolerance, gap) = match self.places.get(index) {
            Some(place) => (self.limits[place.limits as usize].stuck.as_ref().map_or(0.0, |s| s.tolerance), place.gap),
            None => (0.0, Duration::ZERO),
        };
        let is_follow_up = past.at != NEVER && at.since(past.at) <= gap;
        if !is_follow_up || (value - past.base).abs() > tolerance {
            (past.since, past.base) = (at, value);
        }
        if !is_follow_up || !quality.has(Quality::RATE) {
            (past.sure_at, past.sure) = (at, value);
        }
        (past.at, past.value, past.quality) = (at, value, quality);
    }

    /// Takes what a person says of a sample: of the newest one, it is what the next is compared with. One that is bad
    /// is not to be trusted.
    pub(super) fn correct(&mut self, sample: &Sample) {
        let Some(past) = self.pasts.get_mut(sample.channel.index()) else { return };
        if sample.observed_at != past.at {
            return;
        }
        (past.value, past.quality) = (sample.value, sample.quality);
        if !sample.quality.has(Quality::BAD) {
            (past.sure_at, past.sure) = (past.at, sample.value);
        }
        if past.since == past.at {
            past.base = sample.value;
        }
    }

    /// Takes a new catalogue: the past stays with its channel, unless that now measures something else.
    pub(super) fn adopt(&mut self, old: &Catalogue, new: &Catalogue, policy: &Policy) {
        let past = |channel: &Channel| {
            let same = |before: &&Channel| {
                (before.station, &before.property, before.unit) == (channel.station, &channel.property, channel.unit)
            };
            let kept = old.channel(channel.id).filter(same).and_then(|_| self.pasts.get(channel.id.index()));
            kept.copied().unwrap_or(NOTHING)
        };
        self.pasts = new.channels().iter().map(past).collect();
        self.link(new, policy);
    }

    /// Resolves the policy for every channel.
    pub(super) fn link(&mut self, catalogue: &Catalogue, policy: &Policy) {
        self.pasts.resize(catalogue.channels().len(), NOTHING);
        self.clock_ahead = policy.clock_ahead;
        let unit = crate::model::Unit::ALL[0];
        self.limits = vec![Limits { unit, range: None, step: None, stuck: None }];
        let mut known: HashMap<(*const Limits, crate::model::Unit, Duration), u32> = HashMap::new();
        let mut place = |channel: &Channel| {
            let gap = channel.interval.saturating_mul(GAP_INTERVALS);
            let station = catalogue.station(channel.station)?;
            let limits = policy.limits(&station.id, &channel.property)?;
            // Limits of several channels are one and the same: told apart by where they stand in the policy.
            let key = (std::ptr::from_ref(limits), channel.unit, channel.interval);
            if let Some(limits) = known.get(&key) {
                return Some(Place { limits: *limits, gap });
            }
            let mut converted = limits.converted(channel.unit)?;
            if let Some(stuck) = &mut converted.stuck {
                stuck.after = stuck.after.max(channel.interval.saturating_mul(STUCK_INTERVALS_MIN));
            }
            let number = u32::try_from(self.limits.len()).ok()?;
            self.limits.push(converted);
            known.insert(key, number);
            Some(Place { limits: number, gap })
        };
        let unchecked =
            |channel: &Channel| Place { limits: UNCHECKED, gap: channel.interval.saturating_mul(GAP_INTERVALS) };
        self.places =
            catalogue.channels().iter().map(|channel| place(channel).unwrap_or_else(|| unchecked(channel))).collect();
    }

    /// The range that is expected of a channel, in its unit.
    pub fn range(&self, channel: ChannelId) -> Option<Range> {
        let place = self.places.get(channel.index())?;
        self.limits.get(place.limits as usize)?.range
    }
}

/// How far a value may be from one at `since`.
fn allowed(step: &Step, since: Timestamp, at: Timestamp) -> f64 {
    let hours = at.since(since).as_micros() as f64 / MICROS_PER_HOUR;
    step.by.max(step.per_hour * hours)
}

/// Whether a value is one that may follow the last that was not in doubt.
fn is_near_sure(step: &Step, past: &Past, sample: &Sample) -> bool {
    (sample.value - past.sure).abs() <= allowed(step, past.sure_at, sample.observed_at)
}

fn judge_step(step: &Step, past: &Past, sample: &Sample, found: &mut Found) {
    let change = sample.value - past.value;
    let is_near = change.abs() <= allowed(step, past.at, sample.observed_at);
    let was_in_doubt = past.sure_at != past.at;
    if !was_in_doubt {
        if !is_near {
            found.flags = found.flags.with(Quality::RATE);
        }
        return;
    }
    let jump = past.value - past.sure;
    if is_near_sure(step, past, sample) {
        // A person's verdict stands.
        found.spike = (!past.quality.has(Quality::EDITED)).then(|| Sample {
            observed_at: past.at,
            value: past.value,
            quality: past.quality.with(Quality::SPIKE),
            ..*sample
        });
    } else if !is_near && (change > 0.0) != (jump > 0.0) {
        found.flags = found.flags.with(Quality::RATE);
    }
}

fn is_stuck(stuck: &Stuck, past: &Past, sample: &Sample) -> bool {
    let same = |a: f64, b: f64| (a - b).abs() <= stuck.tolerance;
    same(sample.value, past.base)
        && sample.observed_at.since(past.since) >= stuck.after
        && !stuck.except.iter().any(|value| same(*value, sample.value))
}

#[cfg(test)]
mod tests;
