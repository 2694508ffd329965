//! What a flush writes of some channels: runs, the runs that they absorb, what samples replace, latest samples.
//!
//! Coding is most of a flush's work and channels have nothing to do with each other, so several threads draft at once,
//! each with its own channels; the flush puts the drafts into one batch. A draft only reads.

use fjall::{Readable, Slice, Snapshot};

use crate::model::{ChannelId, Timestamp};

use super::StoredSample;
use super::column::Effort;
use super::earlier::{self, Brought};
use super::head::Head;
use super::kept::Raw;
use super::key::{Day, Key};
use super::latest;
use super::run::{self, RUN_SAMPLES_MAX};
use super::series::merge;
use super::tables::{DayRuns, Tables, run_of};
use super::tails::Tails;

/// A run shorter than this many times the new one is absorbed by it...
const ABSORB_RATIO: usize = 2;
/// ...unless it has this many samples, a block of a column: then absorbing it would save little.
const ABSORB_MAX: usize = 128;

/// What drafts are made from.
#[derive(Clone, Copy)]
pub(super) struct From<'a> {
    pub(super) tables: &'a Tables,
    pub(super) snapshot: &'a Snapshot,
    pub(super) head: &'a Head,
    pub(super) tails: &'a Tails,
    /// The number of new runs: greater than any earlier run's, so that they win.
    pub(super) base: u32,
    /// By channel and time.
    pub(super) suspects: &'a [Brought],
}

/// What one thread's channels come to.
#[derive(Default)]
pub(super) struct Draft {
    /// Keys with what is to stand there, or not to.
    pub(super) changes: Vec<(Slice, Option<Slice>)>,
    /// Every day of a channel that changes, with the length of its new run.
    pub(super) days: Vec<(ChannelId, Day, usize)>,
    /// The latest samples that are new.
    pub(super) latest: Vec<(ChannelId, StoredSample)>,
    /// The first channel for which the budget did not suffice.
    pub(super) left_out: Option<ChannelId>,
    /// The most runs written for one day.
    pub(super) runs_of_a_day: u32,
    /// Samples of earlier runs that are written again.
    pub(super) rewritten: usize,
}

impl Draft {
    /// Of these channels, in their order; `budget` samples of earlier runs may be written again.
    pub(super) fn of(from: From<'_>, channels: &[ChannelId], budget: usize) -> Self {
        let mut drafting = Drafting { from, budget, draft: Draft { runs_of_a_day: 1, ..Draft::default() } };
        channels.iter().for_each(|channel| drafting.put_channel(*channel));
        drafting.draft
    }
}

struct Drafting<'a> {
    from: From<'a>,
    budget: usize,
    draft: Draft,
}

impl Drafting<'_> {
    fn put_channel(&mut self, channel: ChannelId) {
        let Some(series) = self.from.head.series(channel) else {
            return;
        };
        let samples = series.all();
        for day in samples.chunk_by(|a, b| Day::of(a.observed_at) == Day::of(b.observed_at)) {
            self.put_day(channel, day, series.floor());
        }
        // A correction of the latest sample is a new one.
        if let Some(last) = samples.last().filter(|last| Some(last.observed_at) >= series.floor()) {
            self.put(latest::note(channel, last));
            self.draft.latest.push((channel, *last));
        }
    }

    fn put(&mut self, (key, value): (impl Into<Slice>, impl Into<Slice>)) {
        self.draft.changes.push((key.into(), Some(value.into())));
    }

    /// Adds one day's new samples of a channel, with the runs that they absorb.
    /// `written` is the time of the latest sample written before.
    fn put_day(&mut self, channel: ChannelId, new: &[StoredSample], written: Option<Timestamp>) {
        let day = Day::of(new[0].observed_at);
        let tail = self.from.tails.samples(channel, day);
        // A day later than anything written cannot have been deleted for its age, nor one that was written and is
        // remembered; any other may have been, also with samples later than its last one.
        let is_here = tail.is_some() || written.is_some_and(|written| Day::of(written) < day);
        if !is_here && self.from.tables.raw(channel, day) == Raw::Gone {
            metrics::counter!("store_expired_samples_total").increment(new.len() as u64);
            return;
        }
        self.put_earlier(channel, new);
        let (merged, absorbed) = match tail {
            Some(tail) if is_long(tail, new.len()) => (None, Vec::new()),
            _ => self.absorb(channel, day, new),
        };
        let samples = merged.as_deref().unwrap_or(new);
        self.draft.days.push((channel, day, samples.len()));
        // All runs from the first absorbed one on are in the new run, so it may take the least of their numbers.
        let number = absorbed.last().map_or(self.from.base, |key| key.number);
        let mut written = 0;
        for samples in samples.chunks(RUN_SAMPLES_MAX) {
            let key = Key { channel, day, number: number + written };
            self.put((key.to_bytes(), run::encode(key, samples, Effort::Quick)));
            written += 1;
        }
        self.draft.runs_of_a_day = self.draft.runs_of_a_day.max(written);
        for key in absorbed.iter().filter(|key| key.number >= number + written) {
            self.draft.changes.push((key.to_bytes().into(), None));
        }
    }

    /// Adds what one day's new samples replace. Only samples not later than all that is written can.
    fn put_earlier(&mut self, channel: ChannelId, new: &[StoredSample]) {
        let (first, last) = (new[0].observed_at, new[new.len() - 1].observed_at);
        let at = |brought: &Brought| (brought.channel, brought.sample.observed_at);
        let from = self.from.suspects.partition_point(|brought| at(brought) < (channel, first));
        let to = self.from.suspects.partition_point(|brought| at(brought) <= (channel, last));
        let suspects = &self.from.suspects[from..to];
        let [Some(first), Some(last)] = [suspects.first(), suspects.last()] else {
            return;
        };
        let (day, written) =
            (Day::of(first.sample.observed_at), [first, last].map(|brought| brought.sample.observed_at));
        for (by, replaced) in earlier::replacing(suspects, &self.written(channel, day, written)) {
            self.put(earlier::note(&by, &replaced));
        }
    }

    /// At the least the written samples of a day between two times, both included.
    fn written(&self, channel: ChannelId, day: Day, [first, last]: [Timestamp; 2]) -> Vec<StoredSample> {
        let mut decoded = DayRuns::default();
        let [least, greatest] = Key::days(channel, day, day);
        for guard in self.from.snapshot.range(&self.from.tables.history, least..=greatest) {
            match run_of(channel, day, guard) {
                Ok((key, bytes)) if run::may_hold(key, &bytes, first, last) => decoded.add(key, &bytes),
                Ok(_) => {}
                Err(error) => decoded.damages.push(error),
            }
        }
        let (samples, damages) = decoded.finish();
        for damage in damages {
            tracing::warn!(error = %damage, "what new samples may have replaced is not known");
        }
        samples
    }

    /// Merges `new` samples into the day's latest runs: the outcome, if there are any, and their keys, latest first.
    fn absorb(&mut self, channel: ChannelId, day: Day, new: &[StoredSample]) -> (Option<Vec<StoredSample>>, Vec<Key>) {
        let mut merged: Option<Vec<StoredSample>> = None;
        let [first, last] = Key::days(channel, day, day);
        let mut absorbed = Vec::new();
        for guard in self.from.snapshot.range(&self.from.tables.history, first..=last).rev() {
            let (key, bytes) = match run_of(channel, day, guard) {
                Ok(found) => found,
                Err(error) => {
                    tracing::error!(%error, "stored samples cannot be read; new ones are written beside them");
                    break;
                }
            };
            let Ok(count) = run::count(&bytes) else {
                break;
            };
            if is_long(count, merged.as_ref().map_or(new.len(), Vec::len)) {
                break;
            }
            if count > self.budget {
                self.draft.left_out.get_or_insert(channel);
                break;
            }
            let mut older = Vec::new();
            if let Err(damage) = run::decode(key, &bytes, &mut older) {
                tracing::error!(%channel, %day, run = key.number, %damage, "a run is damaged; it is left as it is");
                break;
            }
            self.budget -= count;
            self.draft.rewritten += count;
            merged = Some(merge(&older, merged.unwrap_or_else(|| new.to_vec())));
            absorbed.push(key);
        }
        (merged, absorbed)
    }
}

/// Whether a run of so many samples stays beside a new one of so many.
fn is_long(run: usize, new: usize) -> bool {
    run >= ABSORB_MAX.min(ABSORB_RATIO * new)
}
