//! What was applied and is not flushed yet: samples by channel, dead letters, counters.
//!
//! Bounded by its owner, who flushes when [`Head::is_due`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::HashMap;

use crate::model::{Body, ChannelId, Entry, Message, Reason, Sample, Seq, SourceId, Timestamp};

use super::StoredSample;
use super::earlier::{self, Brought};
use super::latest::Latest;
use super::letters;
use super::retention::Classes;
use super::series::Series;

/// Dead letters in memory: when they reach this many bytes, the head is flushed.
const LETTERS_BYTES_MAX: usize = 8 << 20;

/// When a head is written.
pub(super) struct Limits {
    pub(super) samples: usize,
    /// Judged by the times of entries.
    pub(super) age: Duration,
    /// A head younger than this by our own clock is not written for its age: whoever catches up on an old journal
    /// passes hours in a second, and small flushes are dear.
    pub(super) pause: Duration,
    /// A head of so many samples is written while the next one fills.
    pub(super) aside: usize,
}

/// What of an entry is kept here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Keeps {
    /// Everything.
    #[default]
    Samples,
    /// Everything but the samples, which are counted and kept elsewhere.
    Books,
}

/// The memory of a head that was written, without its samples.
pub(super) type Emptied = HashMap<ChannelId, Series>;

/// What came before a head's samples.
pub(super) struct Before<'a> {
    /// What is written of each channel.
    pub(super) written: &'a Latest,
    /// The head that is being written.
    pub(super) flushing: Option<&'a Head>,
}

impl Before<'_> {
    /// The latest time of a channel.
    fn floor(&self, channel: ChannelId) -> Option<Timestamp> {
        let written = self.written.get(&channel).copied();
        let flushing = self.flushing.and_then(|head| head.series(channel)?.last());
        [written, flushing].into_iter().flatten().map(|last| last.observed_at).max()
    }
}

/// Entries between two flushes.
#[derive(Default)]
pub(super) struct Head {
    keeps: Keeps,
    series: HashMap<ChannelId, Series>,
    /// Ascending. Sealed when they arrive, so that their size is known.
    letters: Vec<(Seq, Arc<[u8]>)>,
    /// Dead letters that were handed in again: they are no more, wherever they are.
    gone: Vec<Seq>,
    letters_bytes: usize,
    /// What was replaced here, and by what.
    replaced: Vec<(Brought, StoredSample)>,
    /// Samples that may replace what is written.
    suspects: Vec<Brought>,
    /// Of the newest catalogue.
    classes: Option<Classes>,
    stored: BTreeMap<SourceId, u64>,
    refused: BTreeMap<SourceId, u64>,
    samples: usize,
    /// The earliest time of a sample.
    first_at: Option<Timestamp>,
    through: Seq,
    /// When the last entry was received.
    newest: Option<Timestamp>,
    since: Option<Timestamp>,
    began: Option<Instant>,
}

impl Head {
    /// An empty head that follows the entry `through`, received at `newest`.
    pub(super) fn after(through: Seq, newest: Option<Timestamp>, keeps: Keeps) -> Self {
        Self { through, newest, keeps, ..Self::default() }
    }

    /// An empty head that keeps the same, after this one's last entry, with the memory of an earlier one.
    pub(super) fn next(&self, memory: Emptied) -> Self {
        Self { series: memory, ..Self::after(self.through, self.newest, self.keeps) }
    }

    /// What can be used again. Channels that had no samples are let go.
    pub(super) fn emptied(mut self) -> Emptied {
        self.series.retain(|_, series| series.last().is_some());
        self.series.values_mut().for_each(Series::empty);
        self.series
    }

    /// Nothing more will be taken.
    pub(super) fn close(&mut self) {
        self.series.values_mut().for_each(Series::close);
    }

    /// Takes an entry.
    pub(super) fn take(&mut self, entry: &Entry, before: &Before<'_>) {
        self.through = entry.seq;
        self.newest = Some(entry.received_at);
        // A clock that was set back must not make the head wait for the old time to come again.
        self.since = Some(self.since.map_or(entry.received_at, |since| since.min(entry.received_at)));
        self.began.get_or_insert_with(Instant::now);
        match &entry.body {
            Body::Message(message) => self.take_message(entry, message, before),
            Body::Catalogue(catalogue) => self.classes = Some(Classes::of(catalogue)),
            // In the place of what it corrects; no source brought it, so it is in no source's count.
            Body::Corrections(corrections) => self.take_samples(entry, &corrections.samples, before),
            Body::Tick
            | Body::Rules(_)
            | Body::Policy(_)
            | Body::Devices(_)
            | Body::Outage(_)
            | Body::Maintenance(_)
            | Body::Canary { .. }
            | Body::Command(_)
            | Body::Alert(_)
            | Body::Escalation(_)
            | Body::DeliveryFailed(_)
            | Body::Grouping(_) => {}
        }
    }

    fn take_samples(&mut self, entry: &Entry, samples: &[Sample], before: &Before<'_>) {
        let kept = if self.keeps == Keeps::Samples { samples } else { &[] };
        for (place, sample) in kept.iter().enumerate() {
            let channel = sample.channel;
            let series = self.series.entry(channel).or_default();
            if series.last().is_none() {
                series.begin_after(before.floor(channel));
            }
            let (at, value, quality) = (sample.observed_at, sample.value, sample.quality);
            self.first_at = Some(self.first_at.map_or(at, |first| first.min(at)));
            let sample = StoredSample { observed_at: at, value, quality };
            let place = place as u32;
            let brought = Brought { channel, sample, by: entry.seq, place, at: entry.received_at };
            if let Some(before) = series.put(sample).filter(|before| earlier::differ(before, &sample)) {
                self.replaced.push((brought, before));
            }
            if series.floor() >= Some(at) {
                self.suspects.push(brought);
            }
        }
        self.samples += samples.len();
    }

    fn take_message(&mut self, entry: &Entry, message: &Message, before: &Before<'_>) {
        self.take_samples(entry, &message.samples, before);
        if !message.samples.is_empty() {
            *self.stored.entry(message.source).or_default() += message.samples.len() as u64;
        }
        let refused = message.rejections.iter().filter(|rejection| rejection.reason == Reason::RefusedByStore).count();
        if refused > 0 {
            *self.refused.entry(message.source).or_default() += refused as u64;
        }
        if let Some(again) = message.again {
            // It is stored now, or a dead letter of another number.
            self.gone.push(again.of);
            if let Ok(place) = self.letters.binary_search_by_key(&again.of, |(id, _)| *id) {
                let (_, letter) = self.letters.remove(place);
                self.letters_bytes -= letter.len();
            }
        }
        if !message.rejections.is_empty() {
            let first_at = message.again.map_or(entry.received_at, |again| again.first_at);
            let letter = letters::seal(entry.seq, first_at, message);
            self.letters_bytes += letter.len();
            self.letters.push((entry.seq, letter.into()));
        }
    }

    /// Whether it is to be written, `at` being the time of the newest entry.
    pub(super) fn is_due(&self, limits: &Limits, at: Timestamp) -> bool {
        self.samples >= limits.samples
            || self.letters_bytes >= LETTERS_BYTES_MAX
            || self.since.is_some_and(|since| at.since(since) >= limits.age)
                && self.began.is_some_and(|began| began.elapsed() >= limits.pause)
    }

    /// When the last entry was received.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        self.newest
    }

    /// Samples replaced by later ones of this head, and those.
    pub(super) fn replaced(&self) -> &[(Brought, StoredSample)] {
        &self.replaced
    }

    /// Samples not later than all that is written of their channel, in the order of entries.
    pub(super) fn suspects(&self) -> &[Brought] {
        &self.suspects
    }

    /// The channels' classes, when a catalogue was taken.
    pub(super) fn classes(&self) -> Option<&Classes> {
        self.classes.as_ref()
    }

    /// The last entry taken.
    pub(super) fn through(&self) -> Seq {
        self.through
    }

    /// Samples taken, those that replaced others included.
    pub(super) fn samples(&self) -> usize {
        self.samples
    }

    /// The earliest time of a sample.
    pub(super) fn first_at(&self) -> Option<Timestamp> {
        self.first_at
    }

    /// Each channel's own.
    pub(super) fn firsts(&self) -> impl Iterator<Item = (ChannelId, Timestamp)> {
        self.series.iter().filter_map(|(channel, series)| Some((*channel, series.first_at()?)))
    }

    /// Samples taken, by source.
    pub(super) fn stored(&self) -> &BTreeMap<SourceId, u64> {
        &self.stored
    }

    /// Samples refused after they were journaled, by source.
    pub(super) fn refused(&self) -> &BTreeMap<SourceId, u64> {
        &self.refused
    }

    /// Sealed dead letters, oldest first.
    pub(super) fn letters(&self) -> &[(Seq, Arc<[u8]>)] {
        &self.letters
    }

    /// Dead letters that are no more.
    pub(super) fn gone(&self) -> &[Seq] {
        &self.gone
    }

    /// The channels that have samples, ascending.
    pub(super) fn channels(&self) -> Vec<ChannelId> {
        let filled = self.series.iter().filter(|(_, series)| series.last().is_some());
        let mut channels: Vec<_> = filled.map(|(channel, _)| *channel).collect();
        channels.sort_unstable();
        channels
    }

    pub(super) fn series(&self, channel: ChannelId) -> Option<&Series> {
        self.series.get(&channel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn a_clock_set_back_does_not_keep_the_head_waiting() {
        let limits = Limits { samples: 10, age: Duration::from_secs(900), pause: Duration::ZERO, aside: 0 };
        let at = Timestamp::from_seconds;
        let mut head = Head::after(Seq(0), None, Keeps::Samples);
        assert!(!head.is_due(&limits, at(0)));
        let before = Before { written: &Latest::new(), flushing: None };
        head.take(&Entry { seq: Seq(1), received_at: at(1_000_000), body: Body::Tick }, &before);
        head.take(&Entry { seq: Seq(2), received_at: at(1_000), body: Body::Tick }, &before);
        assert!(!head.is_due(&limits, at(1_000)));
        head.take(&Entry { seq: Seq(3), received_at: at(1_900), body: Body::Tick }, &before);
        assert!(head.is_due(&limits, at(1_900)));
    }
}
