//! What is known of the runs written last, so that a flush need not look for them: in memory, one for each channel.
//!
//! Only a hint. What it says of a run's length decides whether the run is worth absorbing, never what is stored.

use hashbrown::HashMap;

use crate::model::ChannelId;

use super::key::Day;

/// The latest day of each channel that this process has written, and how long the day's latest run was then.
#[derive(Default)]
pub(super) struct Tails(HashMap<ChannelId, Tail>);

#[derive(Clone, Copy)]
struct Tail {
    day: Day,
    samples: usize,
}

impl Tails {
    /// How long the day's latest run was; `None` when this process has not written one, or a later day since.
    pub(super) fn samples(&self, channel: ChannelId, day: Day) -> Option<usize> {
        self.0.get(&channel).filter(|tail| tail.day == day).map(|tail| tail.samples)
    }

    /// A run of so many samples was written.
    pub(super) fn wrote(&mut self, channel: ChannelId, day: Day, samples: usize) {
        let tail = self.0.entry(channel).or_insert(Tail { day, samples });
        if tail.day <= day {
            *tail = Tail { day, samples };
        }
    }

    /// The day's samples were deleted.
    pub(super) fn forget(&mut self, channel: ChannelId, day: Day) {
        if self.samples(channel, day).is_some() {
            self.0.remove(&channel);
        }
    }
}
