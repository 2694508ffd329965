//! Derived channels: indices computed from what the store holds, as samples of a source of their own.
//!
//! - The store's follower tells which inputs changed ([`Touches`]), after the store has them. Whoever has the [`Deriver`]
//!   lets it compute what follows, once a second, on a thread of its own: nothing here is in the way of a reading.
//! - Values of hours and days are computed when their time has come, and the configured grace; those of samples at once.
//! - What is computed is compared with what the store has. A time without a value gets one; a value that other inputs
//!   changed is corrected; one that its inputs no longer support is corrected to bad; what a person judged stays. So it does
//!   no harm to compute anything again, and a start computes everything of the last days: what was missed is caught up.
//! - An input in time that comes after its value was made (a humidity after its temperature, a sample after the grace of its
//!   hour) corrects the value, and a correction raises no alert: the next value does. Devices send what belongs together
//!   in one message, and the grace is for those that do not.
//! - What late, corrected or imported inputs make is at best late: it dispatches nobody.
//!
//! Left out on purpose: inputs older than the configured look-back, and indices of indices.

mod air;
mod days;
mod gauges;
mod past;
mod plan;
#[cfg(test)]
mod tests;
mod touch;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::TimeZone;

pub use past::{Past, Stretch, Trust};
pub use plan::{Plan, Work};
pub use touch::{Touched, Touches};

use crate::indices::config::Config;
use crate::indices::quantity::Month;
use crate::model::{Catalogue, ChannelId, DerivedValue, Quality, Seq, TimeClass, Timestamp, Unit};
use crate::store::StoreError;

const HOUR_MICROS: i64 = 3_600_000_000;
const MINUTE_MICROS: i64 = 60_000_000;
const TICK: Duration = Duration::from_micros(1);
/// Before every time.
const EVER: Timestamp = Timestamp::from_micros(i64::MIN);
/// Works that are caught up in one round.
const SLICE: usize = 100;
/// Values handed over at a time.
const BATCH: usize = 2_000;

/// When an index has values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cadence {
    /// At the end of every hour.
    Hourly,
    /// Every day at a time of day.
    Daily(Time),
    /// With the samples of its first input.
    Samples,
}

/// A time that an index has a value for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instant {
    /// The time.
    pub at: Timestamp,
    /// The month there and then.
    pub month: Month,
}

/// What was computed for a channel and a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    /// The channel.
    pub channel: ChannelId,
    /// The time.
    pub at: Timestamp,
    /// `None`: too little is known.
    pub made: Option<Made>,
}

/// A value with what made it.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// In the channel's unit.
    pub value: f64,
    /// How far it can be trusted.
    pub trust: Trust,
    /// What it was made from.
    pub ingredients: Vec<Ingredient>,
}

/// Something that a value was made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Ingredient {
    /// What it is.
    pub name: &'static str,
    /// How much.
    pub value: f64,
    /// Of what.
    pub unit: Unit,
    /// The index that it has by itself, where it has one.
    pub index: Option<f64>,
}

impl Ingredient {
    fn new(name: &'static str, value: f64, unit: Unit) -> Ingredient {
        Ingredient { name, value, unit, index: None }
    }
}

/// What is to be taken in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Offer {
    /// Values for times that had none.
    pub new: Vec<DerivedValue>,
    /// Values in the place of others.
    pub again: Vec<DerivedValue>,
}

/// Why a round ended early.
#[derive(Debug, thiserror::Error)]
pub enum DeriveError {
    /// Inputs could not be read.
    #[error("an index could not read its inputs")]
    Store(#[from] StoreError),
    /// Nothing is taken in any more.
    #[error("nothing is taken in any more")]
    Stopped,
}

/// Computes what follows from changed inputs and from the passing of time.
pub struct Deriver {
    config: Arc<Config>,
    touches: Arc<Touches>,
    catalogue: Arc<Catalogue>,
    plan: Plan,
    /// Up to here hours and days are computed.
    done: Timestamp,
    /// What could not be computed yet.
    left: Touched,
    /// Inputs of works that are to be caught up, and when that was known.
    behind: VecDeque<(Timestamp, Vec<ChannelId>)>,
}

impl Deriver {
    /// Begins with nothing to do; [`Deriver::adopt`] tells of stations.
    pub fn new(config: Arc<Config>, touches: Arc<Touches>) -> Deriver {
        let (catalogue, plan) = (Arc::new(Catalogue::default()), Plan::default());
        let (done, left, behind) = (Timestamp::EPOCH, Touched::default(), VecDeque::new());
        Deriver { config, touches, catalogue, plan, done, left, behind }
    }

    /// Takes the stations in force. What is derived of other channels than before is to be caught up, as everything is at
    /// the start: a slice of it with each round, so that what is new does not wait for it.
    pub fn adopt(&mut self, catalogue: &Arc<Catalogue>, now: Timestamp) {
        if Arc::ptr_eq(catalogue, &self.catalogue) {
            return;
        }
        let before = std::mem::replace(&mut self.catalogue, Arc::clone(catalogue));
        self.plan = Plan::new(catalogue, &self.config);
        let works = &self.plan.works;
        self.touches.watch(works.iter().flat_map(Work::inputs), works.iter().flat_map(Work::chained));
        let is_other = |channel: &ChannelId| before.derived_from(*channel) != catalogue.derived_from(*channel);
        let others = works.iter().filter(|work| work.outputs().iter().any(is_other));
        self.behind.extend(others.map(|work| (now, work.inputs())));
        if self.done == Timestamp::EPOCH {
            self.done = self.due(now);
        }
    }

    /// Up to when hours and days are due, in whole minutes: no index has values between them, and most rounds have nothing
    /// to look for.
    fn due(&self, now: Timestamp) -> Timestamp {
        let due = (now - self.config.grace).micros();
        Timestamp::from_micros(due - due.rem_euclid(MINUTE_MICROS))
    }

    /// Whether anything is derived at all.
    pub fn is_idle(&self) -> bool {
        self.plan.works.is_empty()
    }

    /// Takes what changed: what the store must have before the next round.
    pub fn gather(&mut self) -> Seq {
        let touched = self.touches.take();
        for (mine, theirs) in [(&mut self.left.live, touched.live), (&mut self.left.late, touched.late)] {
            for (channel, stretch) in theirs {
                mine.entry(channel).and_modify(|known| *known = known.with(stretch)).or_insert(stretch);
            }
        }
        let slice = self.behind.len().min(SLICE);
        for (now, inputs) in self.behind.drain(..slice) {
            // By their age: what was missed for a moment is still in time.
            let all = Stretch { from: EVER, to: now };
            for input in inputs {
                self.left.live.entry(input).and_modify(|known| *known = known.with(all)).or_insert(all);
            }
        }
        touched.through
    }

    /// Computes everything that is due; `take` is given what is to be taken in, and may wait.
    ///
    /// # Errors
    /// When inputs cannot be read, or nothing is taken in any more: then the same is due in the next round.
    pub fn round(
        &mut self,
        now: Timestamp,
        past: &dyn Past,
        take: &mut dyn FnMut(Offer) -> Result<(), DeriveError>,
    ) -> Result<(), DeriveError> {
        let due = self.due(now);
        let when = When { floor: now - self.config.look_back, done: self.done, due, now };
        let is_behind = |work: &Work| {
            let live = |input: &ChannelId| self.left.live.get(input);
            work.inputs().iter().filter_map(live).any(|stretch| stretch.from == EVER)
        };
        let (late, in_time): (Vec<&Work>, Vec<&Work>) = self.plan.works.iter().partition(|work| is_behind(work));
        for work in in_time {
            for job in jobs(work, &self.left, when) {
                self.compute(work, &job, past, take)?;
            }
        }
        for work in late {
            let when = When { floor: work.resumes_at(past, when.floor)?, ..when };
            for job in jobs(work, &self.left, when) {
                self.compute(work, &job, past, take)?;
            }
        }
        self.left = Touched::default();
        self.done = self.done.max(due);
        Ok(())
    }

    fn compute(
        &self,
        work: &Work,
        job: &Job,
        past: &dyn Past,
        take: &mut dyn FnMut(Offer) -> Result<(), DeriveError>,
    ) -> Result<(), DeriveError> {
        let (cadence, stretch) = (work.cadence(), job.stretch);
        let instants = instants(cadence, stretch, &self.config.zone);
        if cadence != Cadence::Samples && instants.is_empty() {
            return Ok(());
        }
        let slots = work.compute(past, stretch, &instants)?;
        let mut by_channel: BTreeMap<ChannelId, BTreeMap<Timestamp, Option<Made>>> = BTreeMap::new();
        for slot in slots {
            by_channel.entry(slot.channel).or_default().insert(slot.at, slot.made);
        }
        for channel in work.outputs() {
            let mut computed = by_channel.remove(&channel).unwrap_or_default();
            let mut offer = Offer::default();
            for stored in past.samples(channel, stretch.from, stretch.to + TICK)? {
                let (at, made) = (stored.observed_at, computed.remove(&stored.observed_at));
                // What a person judged stays. A time that is no time of this index (any more) is left alone.
                if stored.quality.has(Quality::EDITED) || (made.is_none() && cadence != Cadence::Samples) {
                    continue;
                }
                let unsupported = (stored.value, Quality::BAD);
                let (value, quality) = made.flatten().map_or(unsupported, |made| (made.value, made.trust.quality()));
                if (value.to_bits(), quality) != (stored.value.to_bits(), stored.quality) {
                    offer.again.push(DerivedValue { channel, at, value, quality, class: TimeClass::Late });
                }
            }
            for (at, made) in computed {
                let Some(made) = made else { continue };
                let (value, quality) = (made.value, made.trust.quality());
                offer.new.push(DerivedValue { channel, at, value, quality, class: job.class(at) });
            }
            hand_over(&offer, take)?;
        }
        Ok(())
    }

    /// What a channel's value at a time is made from; `None` when nothing makes it.
    ///
    /// # Errors
    /// What the store says.
    pub fn explain(
        (plan, config): (&Plan, &Config),
        channel: ChannelId,
        at: Timestamp,
        past: &dyn Past,
    ) -> Result<Option<Made>, StoreError> {
        let Some(work) = plan.of(channel) else { return Ok(None) };
        let stretch = Stretch { from: at, to: at };
        let slots = work.compute(past, stretch, &instants(work.cadence(), stretch, &config.zone))?;
        Ok(slots.into_iter().find(|slot| slot.channel == channel && slot.at == at).and_then(|slot| slot.made))
    }
}

fn hand_over(offer: &Offer, take: &mut dyn FnMut(Offer) -> Result<(), DeriveError>) -> Result<(), DeriveError> {
    for new in offer.new.chunks(BATCH) {
        take(Offer { new: new.to_vec(), again: Vec::new() })?;
    }
    for again in offer.again.chunks(BATCH) {
        take(Offer { new: Vec::new(), again: again.to_vec() })?;
    }
    Ok(())
}

/// The times that a round goes by.
#[derive(Clone, Copy, Debug)]
struct When {
    /// Nothing before is computed any more.
    floor: Timestamp,
    /// Up to here hours and days were computed.
    done: Timestamp,
    /// Up to here they are due.
    due: Timestamp,
    now: Timestamp,
}

/// A stretch in which values are to be computed.
#[derive(Clone, Debug, PartialEq)]
struct Job {
    stretch: Stretch,
    /// Where in it new values may be acted upon, if their age allows it: what else is new there was made by late inputs.
    live: Vec<Stretch>,
}

impl Job {
    fn class(&self, at: Timestamp) -> TimeClass {
        let is_live = self.live.iter().any(|live| live.from <= at && at <= live.to);
        if is_live { TimeClass::Live } else { TimeClass::Late }
    }
}

/// What is to be computed of a work.
fn jobs(work: &Work, touched: &Touched, when: When) -> Vec<Job> {
    let inputs = [work.inputs(), work.chained()].concat();
    let is_scheduled = work.cadence() != Cadence::Samples;
    let changed = |stretches: &hashbrown::HashMap<ChannelId, Stretch>| {
        let of = inputs.iter().filter_map(|input| stretches.get(input)).copied().reduce(Stretch::with)?;
        // What is not due yet is computed when it is; a device's clock may be a little ahead.
        let end = if is_scheduled { when.done } else { when.now.max(of.to) };
        let to = work.reach().map_or(end, |reach| (of.to + reach).min(end));
        let changed = Stretch { from: of.from.max(when.floor), to };
        (!changed.is_empty()).then_some(changed)
    };
    let (live, late) = (changed(&touched.live), changed(&touched.late));
    let scheduled = Stretch { from: when.done + TICK, to: when.due };
    let scheduled = (is_scheduled && !scheduled.is_empty()).then_some(scheduled);
    let in_time: Vec<Stretch> = live.into_iter().chain(scheduled).collect();
    let all = in_time.iter().copied().chain(late);
    if work.cadence() == Cadence::Hourly || in_time.is_empty() {
        // Hours do not follow from each other, so what is due may be far from what changed.
        return all.map(|stretch| Job { stretch, live: in_time.clone() }).collect();
    }
    // A day, a stage and a sum go on from what is before them: one stretch out of several.
    all.reduce(Stretch::with).map(|stretch| Job { stretch, live: in_time }).into_iter().collect()
}

/// The times of values in a stretch; none for those with samples.
fn instants(cadence: Cadence, stretch: Stretch, zone: &TimeZone) -> Vec<Instant> {
    let instant = |at: Timestamp| {
        let month = at.to_jiff().to_zoned(zone.clone()).month();
        Some(Instant { at, month: Month::new(u8::try_from(month).ok()?)? })
    };
    match cadence {
        Cadence::Samples => Vec::new(),
        Cadence::Hourly => {
            // Hours of the zone, which need not be those of UTC.
            let offset = stretch.from.to_jiff().to_zoned(zone.clone()).offset().seconds();
            let shift = (i64::from(offset) * 1_000_000).rem_euclid(HOUR_MICROS);
            let (from, to) = (stretch.from.micros() + shift, stretch.to.micros() + shift);
            let first = from.div_euclid(HOUR_MICROS) + i64::from(from.rem_euclid(HOUR_MICROS) > 0);
            let last = to.div_euclid(HOUR_MICROS);
            (first..=last).filter_map(|hour| instant(Timestamp::from_micros(hour * HOUR_MICROS - shift))).collect()
        }
        Cadence::Daily(time) => {
            let mut day = stretch.from.to_jiff().to_zoned(zone.clone()).date();
            let mut found = Vec::new();
            loop {
                let Ok(here) = day.to_datetime(time).to_zoned(zone.clone()) else { return found };
                let at = Timestamp::from_micros(here.timestamp().as_microsecond());
                if at > stretch.to {
                    return found;
                }
                if at >= stretch.from {
                    found.extend(instant(at));
                }
                let Ok(next) = day.tomorrow() else { return found };
                day = next;
            }
        }
    }
}
