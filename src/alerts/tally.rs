//! The stations of one area that hold, for rules that count them.
//!
//! A station holds from its threshold to its clear level. One from which nothing good comes any more while it holds is
//! *doubtful*: it is not counted any more, but as long as its count would make a difference, an open alert is not taken back by its silence.
//! Doubt comes with ticks (asleep is not silent) and goes with the station's next good sample.
//!
//! Invariant: `doubtful` is how many of `holders` are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::rules::Limit;
use crate::model::ChannelId;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Tally {
    holders: BTreeMap<ChannelId, Doubt>,
    doubtful: u32,
}

/// Whether a holder still says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Doubt {
    /// Its newest sample counts.
    Sure,
    /// It has fallen silent.
    Silent,
}

impl Tally {
    /// How many hold for sure, and how many if the silent ones still do.
    #[expect(clippy::cast_precision_loss, reason = "there are fewer stations than a float can count")]
    pub(super) fn counts(&self) -> (f64, f64) {
        let possible = self.holders.len();
        let sure = possible.saturating_sub(self.doubtful as usize);
        (sure as f64, possible as f64)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.holders.is_empty()
    }

    pub(super) fn holds(&self, channel: ChannelId) -> bool {
        self.holders.contains_key(&channel)
    }

    /// Takes a channel's value in.
    pub(super) fn hear(&mut self, channel: ChannelId, limit: Limit, value: f64) {
        let held = self.holders.get(&channel).copied();
        if held == Some(Doubt::Silent) {
            self.doubtful -= 1;
        }
        if limit.begins(value) || held.is_some() && limit.goes_on(value) {
            self.holders.insert(channel, Doubt::Sure);
        } else {
            self.holders.remove(&channel);
        }
    }

    /// The same of a correction: whoever was in doubt stays so while it holds, and who holds no known value is.
    pub(super) fn correct(&mut self, channel: ChannelId, limit: Limit, value: Option<f64>) {
        let was_silent = self.holders.get(&channel) == Some(&Doubt::Silent);
        if let Some(value) = value {
            self.hear(channel, limit, value);
        }
        if let Some(doubt @ Doubt::Sure) = self.holders.get_mut(&channel)
            && (was_silent || value.is_none())
        {
            *doubt = Doubt::Silent;
            self.doubtful += 1;
        }
    }

    /// Puts those in doubt that `is_silent`; a silence that is over is noticed by the next sample.
    pub(super) fn doubt(&mut self, is_silent: impl Fn(ChannelId) -> bool) {
        for (channel, doubt) in &mut self.holders {
            if *doubt == Doubt::Sure && is_silent(*channel) {
                *doubt = Doubt::Silent;
                self.doubtful += 1;
            }
        }
    }

    /// A holder as it was before rules or stations changed.
    pub(super) fn take_over(&mut self, channel: ChannelId, doubt: Doubt) {
        if self.holders.insert(channel, doubt).is_none() {
            self.doubtful += u32::from(doubt == Doubt::Silent);
        }
    }

    /// Every holder.
    pub(super) fn holders(&self) -> impl Iterator<Item = (ChannelId, Doubt)> {
        self.holders.iter().map(|(channel, doubt)| (*channel, *doubt))
    }

    /// Whether the parts fit each other, and every holder is a channel: checked after a restore.
    pub(super) fn fits(&self, channels_count: usize) -> bool {
        let doubtful = self.holders.values().filter(|doubt| **doubt == Doubt::Silent).count();
        doubtful == self.doubtful as usize && self.holders.keys().all(|channel| channel.index() < channels_count)
    }
}
