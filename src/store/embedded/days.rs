//! The last day looked into, per channel, decoded: what makes ascending look-ups of single instants cheap.
//!
//! Bounded in bytes; the channel not used for longest goes first. An entry is true only as long as no flush has
//! changed its day: flushes call [`Days::forget`] after their commit and before their samples leave memory, and a day
//! that was read across a `forget` is not kept (its reader cannot know which side of the commit it saw).

use std::collections::BTreeMap;

use hashbrown::HashMap;

use crate::model::{ChannelId, Timestamp};

use super::StoredSample;
use super::key::Day;

/// What an entry costs beside its samples, about.
const ENTRY_BYTES: usize = 128;
const SAMPLE_BYTES: usize = 16;

pub(super) struct Days {
    bytes_max: usize,
    bytes: usize,
    entries: HashMap<ChannelId, Kept>,
    /// Channels by when they were used last.
    used: BTreeMap<u64, ChannelId>,
    uses: u64,
    generation: u64,
}

struct Kept {
    day: Day,
    used: u64,
    times: Vec<Timestamp>,
    values: Vec<f64>,
}

impl Kept {
    fn bytes(&self) -> usize {
        ENTRY_BYTES + self.times.len() * SAMPLE_BYTES
    }
}

/// What is known without reading.
pub(super) enum Known {
    /// The value at that time, if there is one.
    Answer(Option<f64>),
    /// Nothing: read the day and offer it with this generation.
    Nothing(u64),
}

impl Days {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, bytes: 0, entries: HashMap::new(), used: BTreeMap::new(), uses: 0, generation: 0 }
    }

    pub(super) fn look(&mut self, channel: ChannelId, at: Timestamp) -> Known {
        let Some(kept) = self.entries.get_mut(&channel).filter(|kept| kept.day == Day::of(at)) else {
            return Known::Nothing(self.generation);
        };
        self.used.remove(&kept.used);
        self.uses += 1;
        kept.used = self.uses;
        self.used.insert(self.uses, channel);
        let place = kept.times.binary_search(&at);
        Known::Answer(place.ok().map(|place| kept.values[place]))
    }

    /// Keeps a day that was read after `generation` was handed out.
    pub(super) fn keep(&mut self, generation: u64, channel: ChannelId, day: Day, samples: &[StoredSample]) {
        if generation != self.generation || ENTRY_BYTES + samples.len() * SAMPLE_BYTES > self.bytes_max {
            return;
        }
        self.remove(channel);
        self.uses += 1;
        let kept = Kept {
            day,
            used: self.uses,
            times: samples.iter().map(|sample| sample.observed_at).collect(),
            values: samples.iter().map(|sample| sample.value).collect(),
        };
        self.bytes += kept.bytes();
        self.used.insert(kept.used, channel);
        self.entries.insert(channel, kept);
        while self.bytes > self.bytes_max {
            let Some((_, oldest)) = self.used.pop_first() else {
                break;
            };
            self.remove(oldest);
        }
    }

    /// These days have changed on disk.
    pub(super) fn forget(&mut self, days: &[(ChannelId, Day)]) {
        self.generation += 1;
        for (channel, day) in days {
            if self.entries.get(channel).is_some_and(|kept| kept.day == *day) {
                self.remove(*channel);
            }
        }
    }

    fn remove(&mut self, channel: ChannelId) {
        if let Some(kept) = self.entries.remove(&channel) {
            self.bytes -= kept.bytes();
            self.used.remove(&kept.used);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Quality;

    fn day(seconds: i64) -> (Day, Vec<StoredSample>) {
        let observed_at = Timestamp::from_seconds(seconds);
        (Day::of(observed_at), vec![StoredSample { observed_at, value: seconds as f64, quality: Quality::GOOD }])
    }

    fn check(days: &mut Days, channel: u32, seconds: i64, expected: Option<Option<f64>>) {
        let answer = match days.look(ChannelId(channel), Timestamp::from_seconds(seconds)) {
            Known::Answer(answer) => Some(answer),
            Known::Nothing(_) => None,
        };
        assert_eq!(answer, expected);
    }

    fn keep(days: &mut Days, generation: u64, channel: u32, seconds: i64) {
        let (day, samples) = day(seconds);
        days.keep(generation, ChannelId(channel), day, &samples);
    }

    #[test]
    fn the_channel_not_used_for_longest_goes_first() {
        let mut days = Days::new(2 * (ENTRY_BYTES + SAMPLE_BYTES));
        for channel in 1..=2 {
            keep(&mut days, 0, channel, 60);
        }
        check(&mut days, 1, 60, Some(Some(60.0)));
        check(&mut days, 1, 61, Some(None));
        keep(&mut days, 0, 3, 60);
        check(&mut days, 2, 60, None);
        check(&mut days, 1, 60, Some(Some(60.0)));
        check(&mut days, 3, 60, Some(Some(60.0)));
        check(&mut days, 1, 86_400, None);
        assert_eq!((days.entries.len(), days.used.len()), (2, 2));
    }

    #[test]
    fn a_changed_day_is_forgotten_and_one_read_across_the_change_is_not_kept() {
        let mut days = Days::new(1 << 20);
        keep(&mut days, 0, 1, 60);
        keep(&mut days, 0, 2, 60);
        days.forget(&[(ChannelId(1), day(60).0), (ChannelId(2), day(86_460).0)]);
        check(&mut days, 1, 60, None);
        check(&mut days, 2, 60, Some(Some(60.0)));
        keep(&mut days, 0, 1, 60);
        check(&mut days, 1, 60, None);
        keep(&mut days, 1, 1, 60);
        check(&mut days, 1, 60, Some(Some(60.0)));
    }
}
