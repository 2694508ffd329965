//! Which (channel, time) pairs were taken already.
//!
//! Per channel the newest few are kept in a short sorted ring, with the promise that everything newer than `floor`
//! that was ever taken is in it. What lies at or below the floor is asked of the store. A sample leaves the ring only
//! when the store has it; one that came late, below the floor, waits in `late` until then. So the answer is exact,
//! whatever the order of arrival, with a few hundred bytes a channel.

use std::collections::VecDeque;
use std::time::Duration;

use hashbrown::HashMap;

use crate::model::{ChannelId, Sample, Seq, Timestamp};

/// Times kept per channel once the store has them: redeliveries mostly find theirs here.
const RING_LENGTH: usize = 8;

/// What a sample is to what was taken before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Nothing at this channel and time yet.
    New,
    /// The same value at the same time: a redelivery.
    Duplicate,
    /// Another value at the same time: it replaces the former one.
    Correction,
}

#[derive(Debug)]
struct Recent {
    floor: Timestamp,
    ring: VecDeque<(Timestamp, f64, Seq)>,
}

/// The memory of one pipeline.
#[derive(Debug, Default)]
pub struct Seen {
    channels: Vec<Recent>,
    /// Below their channel's floor, and maybe not in the store yet.
    late: HashMap<(ChannelId, Timestamp), (f64, Seq)>,
    late_cleaned_at: usize,
    /// Samples that rings hold beyond their length because the store has not got there.
    overdue: usize,
    forgotten_through: Seq,
}

impl Recent {
    /// Lets go of what the store has, down to the ring's length.
    fn shrink(&mut self, stored_through: Seq) {
        while self.ring.len() > RING_LENGTH
            && let Some((time, _, seq)) = self.ring.front()
            && *seq <= stored_through
        {
            self.floor = *time;
            self.ring.pop_front();
        }
    }

    /// How many it holds beyond its length.
    fn overdue(&self) -> usize {
        self.ring.len().saturating_sub(RING_LENGTH)
    }
}

impl Seen {
    /// Makes room for `channels` channels. `newest(channel)` is the newest time ever taken of it: everything up to
    /// there must be findable in the store.
    pub fn grow(&mut self, channels: usize, newest: impl Fn(ChannelId) -> Option<Timestamp>) {
        for index in self.channels.len()..channels {
            let floor = newest(ChannelId(index as u32)).unwrap_or(Timestamp::from_micros(i64::MIN));
            self.channels.push(Recent { floor, ring: VecDeque::new() });
        }
    }

    /// Judges a sample against everything taken before. `stored` looks a value up in the store; it is asked only
    /// about times at or below the floor.
    pub fn judge(&self, sample: &Sample, stored: impl FnOnce(ChannelId, Timestamp) -> Option<f64>) -> Judgement {
        let key = (sample.channel, sample.observed_at);
        let recent = &self.channels[sample.channel.index()];
        let former = if recent.ring.back().is_some_and(|(newest, ..)| sample.observed_at > *newest) {
            None
        } else if sample.observed_at > recent.floor {
            let place = recent.ring.binary_search_by_key(&sample.observed_at, |(time, ..)| *time);
            place.ok().map(|place| recent.ring[place].1)
        } else {
            self.late.get(&key).map(|(value, _)| *value).or_else(|| stored(key.0, key.1))
        };
        match former {
            None => Judgement::New,
            Some(value) if value.to_bits() == sample.value.to_bits() => Judgement::Duplicate,
            Some(_) => Judgement::Correction,
        }
    }

    /// Remembers a sample that went into entry `seq`. Entries up to `stored_through` are in the store.
    pub fn remember(&mut self, sample: &Sample, seq: Seq, stored_through: Seq) {
        let recent = &mut self.channels[sample.channel.index()];
        let kept = (sample.observed_at, sample.value, seq);
        if sample.observed_at <= recent.floor {
            self.late.insert((sample.channel, sample.observed_at), (sample.value, seq));
            // Whenever the table has doubled: cleaning costs a walk over it.
            const WORTH_CLEANING: usize = 4096;
            if self.late.len() >= WORTH_CLEANING.max(2 * self.late_cleaned_at) {
                self.forget_late(stored_through);
            }
            return;
        }
        let before = recent.overdue();
        match recent.ring.binary_search_by_key(&sample.observed_at, |(time, ..)| *time) {
            Ok(place) => recent.ring[place] = kept,
            Err(place) => recent.ring.insert(place, kept),
        }
        recent.shrink(stored_through);
        self.overdue = self.overdue + recent.overdue() - before;
    }

    /// An instant shortly after `at` that is free as far as the ring knows: after the newest when that is near, as in
    /// a burst of readings without a time; otherwise the next microsecond, to be judged again.
    pub fn free_after(&self, channel: ChannelId, at: Timestamp) -> Timestamp {
        const NEAR: Duration = Duration::from_secs(1);
        const NEXT: Duration = Duration::from_micros(1);
        let newest = self.channels[channel.index()].ring.back().map(|(time, ..)| *time);
        newest.filter(|newest| *newest >= at && newest.since(at) < NEAR).unwrap_or(at) + NEXT
    }

    /// Drops what the store has by now; nothing when it has not moved since the last time.
    pub fn forget_stored(&mut self, stored_through: Seq) {
        let is_new = stored_through != std::mem::replace(&mut self.forgotten_through, stored_through);
        // The greatest number does not move, and still something new may be below it.
        if !is_new && stored_through < Seq(u64::MAX) {
            return;
        }
        self.forget_late(stored_through);
        self.channels.iter_mut().for_each(|recent| recent.shrink(stored_through));
        self.overdue = self.channels.iter().map(Recent::overdue).sum();
    }

    fn forget_late(&mut self, stored_through: Seq) {
        self.late.retain(|_, (_, seq)| *seq > stored_through);
        self.late_cleaned_at = self.late.len();
    }

    /// How many samples are kept for no other reason than that the store may not have them; the pipeline bounds it.
    pub fn unstored(&self) -> usize {
        self.late.len() + self.overdue
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::model::{Quality, TimeClass};

    fn sample(channel: u32, seconds: i64, value: f64) -> Sample {
        Sample {
            channel: ChannelId(channel),
            observed_at: Timestamp::from_seconds(seconds),
            value,
            quality: Quality::GOOD,
            time_class: TimeClass::Live,
        }
    }

    proptest! {
        /// The store lags behind by `lag` entries; whatever the order of arrival, the judgement is that of a table
        /// of everything.
        #[test]
        fn judges_like_a_table_of_everything(
            arrivals in prop::collection::vec((0_u32..2, 0_i64..60, 0_u8..2), 1..400),
            lag in 0_usize..40,
            known in prop::collection::vec((0_u32..2, 0_i64..30), 0..10),
        ) {
            let mut everything = BTreeMap::new();
            let mut store = BTreeMap::new();
            for (channel, seconds) in known {
                everything.insert((channel, seconds), 9.0);
                store.insert((channel, seconds), 9.0);
            }
            let newest = |channel: ChannelId| store.keys().filter(|(known, _)| *known == channel.0)
                .map(|(_, seconds)| Timestamp::from_seconds(*seconds)).max();
            let mut seen = Seen::default();
            seen.grow(2, newest);
            let mut log = Vec::new();
            for (place, (channel, seconds, value)) in arrivals.into_iter().enumerate() {
                let taken = sample(channel, seconds, f64::from(value));
                let expected = match everything.get(&(channel, seconds)) {
                    None => Judgement::New,
                    Some(former) if *former == f64::from(value) => Judgement::Duplicate,
                    Some(_) => Judgement::Correction,
                };
                let judged = seen.judge(&taken, |channel, at| store.get(&(channel.0, at.micros() / 1_000_000)).copied());
                prop_assert_eq!(judged, expected);
                if judged != Judgement::Duplicate {
                    everything.insert((channel, seconds), f64::from(value));
                    let stored_through = place.saturating_sub(lag);
                    seen.remember(&taken, Seq(place as u64 + 1), Seq(stored_through as u64));
                }
                log.push(((channel, seconds), f64::from(value), judged != Judgement::Duplicate));
                for (key, value, is_taken) in log.iter().take(place.saturating_sub(lag)) {
                    if *is_taken { store.insert(*key, *value); }
                }
            }
        }
    }
}
