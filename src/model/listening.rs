//! Who could be heard when: the part of silence that is no channel's fault.
//!
//! Two kinds of pause stop a channel's timers. While its device sleeps (a [`Rhythm`]) nothing is expected of it: its
//! freshness and the alerts on its absence stand still. While Saola itself could not hear (an [`Outage`] of the
//! process or of the source that the channel was last heard by) alerts on absence stand still, but freshness does not:
//! a value on the map is as old as it is, whoever is to blame. The timer that runs out after a pause does so one interval
//! and the link's grace after its end at the earliest, so nobody is late the moment a pause ends. A channel that was
//! never heard waits for every source.
//!
//! A device's death certificate silences its channels until their next sample in time.
//!
//! Invariants: outages of one source are ascending and do not overlap, the last one may be open; changed only by what
//! the journal says. Bounded: [`OUTAGES_MAX`] outages of each source, the oldest give way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    Catalogue, Channel, ChannelId, Deaf, DeviceReport, Outage, Policy, Quality, Rhythm, Said, Sample, SourceId,
};
use super::{TimeClass, Timestamp};

/// A longer time between two ticks means that Saola was not listening.
pub const TICK_GAP: Duration = Duration::from_secs(5 * 60);
/// Outages remembered of one source: more than a month of one an hour.
const OUTAGES_MAX: usize = 1_000;
/// Pauses that one timer is led through: longer ago, a channel is silent whatever was.
const PAUSES_MAX: usize = 2_000;
/// Before every instant.
const NEVER: Timestamp = Timestamp::from_micros(i64::MIN);
/// After every instant.
const FOR_EVER: Timestamp = Timestamp::from_micros(i64::MAX);

/// A time in which a timer stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Its first instant.
    pub from: Timestamp,
    /// The first instant after it; the greatest there is while it lasts.
    pub to: Timestamp,
}

/// What is known of one channel's voice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Voice {
    /// Own time of the newest sample that was not that of a faulty device.
    valid_at: Timestamp,
    /// When a death certificate silenced it; [`NEVER`] when none has, or a sample has come since.
    silenced_at: Timestamp,
    /// The source of the last sample in time.
    source: Option<SourceId>,
}

const UNHEARD: Voice = Voice { valid_at: NEVER, silenced_at: NEVER, source: None };

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Listening {
    /// By channel.
    voices: Vec<Voice>,
    outages: BTreeMap<Deaf, Vec<Pause>>,
    /// By channel; made anew from catalogue and policy.
    #[serde(skip)]
    rhythms: Vec<Option<Arc<Rhythm>>>,
}

impl Listening {
    /// Notes that a sample came, whatever its place among the others: only one in time is a sign of life. Whether it
    /// ends a silence.
    #[inline]
    pub fn hear(&mut self, sample: &Sample, source: SourceId) -> bool {
        let Some(voice) = self.voices.get_mut(sample.channel.index()) else { return false };
        if sample.time_class != TimeClass::Live {
            return false;
        }
        voice.source = Some(source);
        std::mem::replace(&mut voice.silenced_at, NEVER) != NEVER
    }

    /// Notes the newest sample of its channel.
    #[inline]
    pub fn see(&mut self, sample: &Sample) {
        if let Some(voice) = self.voices.get_mut(sample.channel.index())
            && !sample.quality.has(Quality::FAULT)
        {
            voice.valid_at = sample.observed_at;
        }
    }

    /// Notes what devices said of themselves at `at`; names the channels that fell silent.
    pub fn note(&mut self, catalogue: &Catalogue, report: &DeviceReport, at: Timestamp) -> Vec<ChannelId> {
        let mut silenced = Vec::new();
        for fact in report.facts.iter().filter(|fact| fact.said == Said::Silent) {
            let Some(station) = fact.station.and_then(|no| catalogue.station(no)) else { continue };
            for channel in &station.channels {
                // Another source that brings channels of the same station is not this device.
                if let Some(voice) = self.voices.get_mut(channel.index())
                    && voice.source.is_none_or(|source| source == report.source)
                {
                    voice.silenced_at = at;
                    silenced.push(*channel);
                }
            }
        }
        silenced
    }

    /// Since when a channel is silenced by its device's death; `None` when it is not.
    pub fn silenced_at(&self, channel: ChannelId) -> Option<Timestamp> {
        self.voices.get(channel.index()).map(|voice| voice.silenced_at).filter(|at| *at != NEVER)
    }

    /// Own time of the newest valid sample; `None` before the first.
    pub fn valid_at(&self, channel: ChannelId) -> Option<Timestamp> {
        self.voices.get(channel.index()).map(|voice| voice.valid_at).filter(|at| *at != NEVER)
    }

    /// Whether a channel's device sleeps at `now`.
    pub fn sleeps(&self, channel: ChannelId, now: Timestamp) -> bool {
        self.rhythm(channel).is_some_and(|rhythm| rhythm.sleeps_at(now))
    }

    /// Takes an outage, or the end of one.
    pub fn pause(&mut self, outage: &Outage) {
        let Outage { of, from, to } = *outage;
        let pauses = self.outages.entry(of).or_default();
        let open = pauses.pop_if(|last| last.to == FOR_EVER);
        let from = open.map_or(from, |open| open.from.min(from));
        let to = to.unwrap_or(FOR_EVER);
        // One that begins in the one before it goes on with it.
        let joined = pauses.pop_if(|last| last.to >= from);
        let pause = match joined {
            Some(before) => Pause { from: before.from.min(from), to: before.to.max(to) },
            None => Pause { from, to },
        };
        if pause.from < pause.to {
            pauses.push(pause);
        }
        if pauses.len() > OUTAGES_MAX {
            pauses.remove(0);
        }
    }

    /// Outages that last, and since when.
    pub fn open_outages(&self) -> impl Iterator<Item = (Deaf, Timestamp)> {
        let last = |(of, pauses): (&Deaf, &Vec<Pause>)| Some((*of, *pauses.last()?));
        self.outages.iter().filter_map(last).filter(|(_, pause)| pause.to == FOR_EVER).map(|(of, last)| (of, last.from))
    }

    /// How much of `from..to` the whole process was down.
    pub fn down_between(&self, from: Timestamp, to: Timestamp) -> Duration {
        let pauses = self.outages.get(&Deaf::Everything).map_or(&[][..], Vec::as_slice);
        pauses.iter().map(|pause| pause.to.min(to).since(pause.from.max(from))).sum()
    }

    /// Whether between two ticks lies more than [`TICK_GAP`] that no known outage explains: the clock was set, or nobody
    /// listened.
    pub fn has_gap(&self, before: Timestamp, now: Timestamp) -> bool {
        let gap = now.since(before).max(before.since(now));
        gap.saturating_sub(self.down_between(before, now)) > TICK_GAP
    }

    /// When a timer that began at `since` has run for `limit`, asleep or not listened to not counted.
    pub fn due(&self, channel: &Channel, since: Timestamp, limit: Duration) -> Timestamp {
        let source = self.voices.get(channel.id.index()).and_then(|voice| voice.source);
        let of = |deaf: Deaf| self.outages.get(&deaf).map_or(&[][..], Vec::as_slice);
        let rhythm = self.rhythm(channel.id);
        match source {
            Some(source) => lead(channel, since, limit, rhythm, &[of(Deaf::Everything), of(Deaf::Source(source))]),
            // Never heard: it could be any of them that would bring it.
            None => {
                let all: Vec<_> = self.outages.values().map(Vec::as_slice).collect();
                lead(channel, since, limit, rhythm, &all)
            }
        }
    }

    /// The same for freshness: only sleep stops it.
    pub fn due_awake(&self, channel: &Channel, since: Timestamp, limit: Duration) -> Timestamp {
        match self.rhythm(channel.id) {
            None => since + limit,
            Some(rhythm) => lead(channel, since, limit, Some(rhythm), &[]),
        }
    }

    /// Makes room for a catalogue's channels, and their schedules. A number that now stands for another channel is
    /// unheard.
    pub fn adopt(&mut self, old: &Catalogue, new: &Catalogue, policy: &Policy) {
        let same = |channel: &&Channel| {
            new.channel(channel.id).is_some_and(|now| {
                now.station == channel.station
                    && now.property == channel.property
                    && channel.unit.convert(0.0, now.unit).is_some()
            })
        };
        let voice = |channel: &Channel| {
            let kept = old.channel(channel.id).filter(same).and_then(|_| self.voices.get(channel.id.index()));
            kept.copied().unwrap_or(UNHEARD)
        };
        self.voices = new.channels().iter().map(voice).collect();
        self.link(new, policy);
    }

    /// Makes the schedules of channels anew: after a restore, or with a new policy.
    pub fn link(&mut self, catalogue: &Catalogue, policy: &Policy) {
        self.voices.resize(catalogue.channels().len(), UNHEARD);
        let rhythm = |channel: &Channel| {
            let station = catalogue.station(channel.station)?;
            let awake = policy.awake(&station.id, &channel.property)?;
            Rhythm::new(awake, station.position).map(Arc::new)
        };
        self.rhythms = catalogue.channels().iter().map(rhythm).collect();
    }

    /// A channel whose newest sample is known from elsewhere: a picture made before this was kept.
    pub fn recall(&mut self, channel: ChannelId, observed_at: Timestamp) {
        if let Some(voice) = self.voices.get_mut(channel.index()) {
            voice.valid_at = voice.valid_at.max(observed_at);
        }
    }

    fn rhythm(&self, channel: ChannelId) -> Option<&Rhythm> {
        self.rhythms.get(channel.index())?.as_deref()
    }
}

/// Leads a timer through its pauses. What is left of it is carried from one stretch to the next. In the stretch in which
/// it runs out it gets at least one interval and the grace, by the clock: whoever is to speak daily and sleeps at night
/// has a day, not a day of daylight. Only outages stop that again.
fn lead(
    channel: &Channel,
    since: Timestamp,
    limit: Duration,
    rhythm: Option<&Rhythm>,
    outages: &[&[Pause]],
) -> Timestamp {
    let once = channel.interval.saturating_add(channel.link.grace());
    match run_out(since, limit, rhythm, outages) {
        Led::Due { resumed_at: None, due } => due,
        Led::Due { resumed_at: Some(at), due } => match run_out(at, once, None, outages) {
            Led::Due { due: reprieved, .. } => due.max(reprieved),
            Led::Never => FOR_EVER,
        },
        Led::Never => FOR_EVER,
    }
}

/// Where a timer ends.
enum Led {
    /// It runs out; with it the end of the last pause before.
    Due { resumed_at: Option<Timestamp>, due: Timestamp },
    /// A pause has no end yet.
    Never,
}

/// When a timer runs out that stands still in every pause.
fn run_out(since: Timestamp, limit: Duration, rhythm: Option<&Rhythm>, outages: &[&[Pause]]) -> Led {
    let (mut at, mut left, mut resumed_at) = (since, limit, None);
    for _ in 0..PAUSES_MAX {
        let of_outages = outages.iter().filter_map(|pauses| {
            let next = pauses.partition_point(|pause| pause.to <= at);
            pauses.get(next).copied()
        });
        let sleep = rhythm.and_then(|rhythm| rhythm.sleep_at_or_after(at));
        let next = of_outages.chain(sleep).min_by_key(|pause| pause.from);
        let Some(pause) = next.filter(|pause| pause.from.since(at) < left) else {
            return Led::Due { resumed_at, due: at + left };
        };
        if pause.to == FOR_EVER {
            return Led::Never;
        }
        left -= pause.from.since(at);
        (at, resumed_at) = (pause.to, Some(pause.to));
    }
    Led::Due { resumed_at: None, due: at }
}

#[cfg(test)]
mod tests;
