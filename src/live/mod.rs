//! The current picture: the newest sample of every channel, and how fresh each one was when that was last looked at.
//!
//! Invariants:
//! - The newest sample is the one with the newest `observed_at`: a late or backfilled one never replaces a newer one;
//!   one of the same time replaces it (a correction). The single exception heals a clock: a stored time that lies
//!   further ahead of a receipt than validation allows was taken while Saola's own clock stood wrong, and gives way
//!   to the next sample in time ([`model::clock_was_set_back`]).
//! - [`Listening::freshness`] alone judges freshness. What is kept here is only what was noticed last and until when that
//!   holds, so that a tick looks at the channels whose time has come: the others cost one comparison.
//! - [`Live::accept`] neither allocates nor hashes.
//!
//! Left out on purpose: history (the store's), aggregates, and any wait: the change feed is in [`feed`].

pub mod feed;

use serde::{Deserialize, Serialize};

use crate::model::{
    self, Catalogue, Channel, ChannelId, DeviceReport, Freshness, Listening, Outage, Policy, Quality, Sample, SourceId,
    Station, StationNo, TimeClass, Timestamp,
};

pub use feed::{Change, Feed, Since};

/// The newest sample of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latest {
    /// In the channel's unit; finite.
    pub value: f64,
    /// Phenomenon time.
    pub observed_at: Timestamp,
    /// When Saola received it.
    pub received_at: Timestamp,
    /// Flags.
    pub quality: Quality,
    /// Age class at arrival.
    pub time_class: TimeClass,
}

/// The newest sample per channel, by channel number.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Live {
    slots: Vec<Slot>,
    /// Per channel: the last instant at which its `noticed` freshness holds. Apart from the slots because every tick
    /// reads all of it.
    holds_until: Vec<Timestamp>,
    /// Who could be heard when. A snapshot has it behind everything else, so that one made before it was there can be
    /// read.
    #[serde(skip)]
    listening: Listening,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Slot {
    latest: Option<Latest>,
    station: StationNo,
    noticed: Freshness,
}

/// Judged at the next tick.
const AT_NEXT_TICK: Timestamp = Timestamp::from_micros(i64::MIN);
/// Not ended by the passing of time.
const FOR_EVER: Timestamp = Timestamp::from_micros(i64::MAX);

impl Live {
    /// The newest sample of a channel.
    pub fn latest(&self, channel: ChannelId) -> Option<&Latest> {
        self.slots.get(channel.index())?.latest.as_ref()
    }

    /// A channel's freshness at `now`.
    pub fn freshness(&self, catalogue: &Catalogue, channel: &Channel, now: Timestamp) -> Freshness {
        if catalogue.station(channel.station).is_some_and(|station| station.maintenance) {
            return Freshness::Maintenance;
        }
        self.listening.freshness(channel, now)
    }

    /// A station's freshness at `now`: that of its worst channel in service; `Silent` for a station without any.
    pub fn station_freshness(&self, catalogue: &Catalogue, station: &Station, now: Timestamp) -> Freshness {
        if station.maintenance {
            return Freshness::Maintenance;
        }
        let channels = station.channels.iter().filter_map(|id| catalogue.channel(*id));
        // What is computed from the others comes once an hour or a day, and says nothing of the station.
        let in_service = channels.filter(|channel| !channel.retired && !catalogue.is_derived(channel.id));
        in_service.map(|channel| self.freshness(catalogue, channel, now)).max().unwrap_or(Freshness::Silent)
    }

    /// Who could be heard when.
    pub fn listening(&self) -> &Listening {
        &self.listening
    }

    /// Notes what devices said of themselves; names the stations whose picture it changes.
    pub(crate) fn note_devices(
        &mut self,
        catalogue: &Catalogue,
        report: &DeviceReport,
        at: Timestamp,
        mut changed: impl FnMut(StationNo),
    ) {
        for channel in self.listening.note(catalogue, report, at) {
            self.holds_until[channel.index()] = AT_NEXT_TICK;
            changed(self.slots[channel.index()].station);
        }
    }

    /// Takes an outage, or its end.
    pub(crate) fn pause(&mut self, outage: &Outage) {
        self.listening.pause(outage);
    }

    /// Takes new sleep schedules: every channel is judged again.
    pub(crate) fn adopt_policy(&mut self, catalogue: &Catalogue, policy: &Policy) {
        self.listening.link(catalogue, policy);
        self.holds_until.fill(AT_NEXT_TICK);
    }

    /// Takes what a snapshot had behind the rest; `None` for one made before that.
    pub(crate) fn restore(&mut self, listening: Option<Listening>, catalogue: &Catalogue, policy: &Policy) {
        let is_older = listening.is_none();
        self.listening = listening.unwrap_or_default();
        self.listening.link(catalogue, policy);
        for (slot, channel) in self.slots.iter().zip(catalogue.channels()).filter(|_| is_older) {
            if let Some(latest) = &slot.latest {
                self.listening.recall(channel.id, latest.observed_at);
            }
        }
    }

    /// A person or the checks gave the shown sample another value or quality; the station whose picture it changes.
    pub(crate) fn correct(&mut self, sample: &Sample) -> Option<StationNo> {
        let slot = self.slots.get_mut(sample.channel.index())?;
        let latest = slot.latest.as_mut().filter(|latest| latest.observed_at == sample.observed_at)?;
        (latest.value, latest.quality) = (sample.value, sample.quality);
        Some(slot.station)
    }

    /// How many channels have room here: as many as the catalogue.
    pub(crate) fn channels(&self) -> usize {
        self.slots.len()
    }

    /// Takes a sample in; the station whose picture it changes. `None` for one that is older than what is shown and
    /// for a channel that the catalogue does not have.
    pub(crate) fn accept(&mut self, sample: &Sample, received_at: Timestamp, source: SourceId) -> Option<StationNo> {
        let index = sample.channel.index();
        let slot = self.slots.get_mut(index)?;
        if self.listening.hear(sample, source) {
            self.holds_until[index] = AT_NEXT_TICK;
        }
        if let Some(shown) = &slot.latest
            && sample.observed_at < shown.observed_at
            && !(sample.time_class == TimeClass::Live && model::clock_was_set_back(shown.observed_at, received_at))
        {
            return None;
        }
        slot.latest = Some(Latest {
            value: sample.value,
            observed_at: sample.observed_at,
            received_at,
            quality: sample.quality,
            time_class: sample.time_class,
        });
        if slot.noticed != Freshness::Live {
            self.holds_until[index] = AT_NEXT_TICK;
        }
        self.listening.see(sample);
        Some(slot.station)
    }

    /// Notices at `now` whose freshness has changed since it was last looked at, and names their stations.
    /// `before` is the tick before this one: when time went back, every channel is judged again.
    pub(crate) fn tick(
        &mut self,
        catalogue: &Catalogue,
        before: Timestamp,
        now: Timestamp,
        mut changed: impl FnMut(StationNo),
    ) {
        if now < before {
            self.holds_until.fill(AT_NEXT_TICK);
        }
        let slots = self.slots.iter_mut().zip(catalogue.channels());
        for (holds_until, (slot, channel)) in self.holds_until.iter_mut().zip(slots) {
            if now <= *holds_until {
                continue;
            }
            let maintained = catalogue.station(channel.station).is_some_and(|station| station.maintenance);
            let found = if maintained { Freshness::Maintenance } else { self.listening.freshness(channel, now) };
            *holds_until = self.listening.fresh_until(channel, found).unwrap_or(FOR_EVER);
            if found != slot.noticed {
                slot.noticed = found;
                changed(slot.station);
            }
        }
    }

    /// Takes a new catalogue: values stay with their channel's number, are converted when its unit was corrected, and
    /// go when the number now stands for something else.
    pub(crate) fn adopt(&mut self, old: &Catalogue, new: &Catalogue, policy: &Policy) {
        let slot_of = |channel: &Channel| {
            let kept = self.slots.get(channel.id.index()).zip(old.channel(channel.id));
            let latest = kept.and_then(|(slot, before)| {
                let latest =
                    slot.latest.filter(|_| before.property == channel.property && before.station == channel.station)?;
                Some(Latest { value: before.unit.convert(latest.value, channel.unit)?, ..latest })
            });
            let noticed = kept.map_or(Freshness::Silent, |(slot, _)| slot.noticed);
            Slot { latest, station: channel.station, noticed }
        };
        self.slots = new.channels().iter().map(slot_of).collect();
        self.holds_until = vec![AT_NEXT_TICK; self.slots.len()];
        self.listening.adopt(old, new, policy);
    }
}

#[cfg(test)]
mod tests;
