//! What is asked of the store. Everything here takes the heads' lock for a moment at most, and blocks on files alone.

use std::collections::BTreeMap;

use fjall::{Readable, Snapshot};
use hashbrown::HashSet;

use crate::model::{ChannelId, Seq, SourceId, Timestamp};
use crate::store::{KeptSince, StoreError, StoredSample, Tally, Tier};

use super::days::Known;
use super::earlier::{self, Earlier, Gathered};
use super::head::Head;
use super::kept::Raw;
use super::key::Day;
use super::letters::{self, DeadLetter, DeadLetterFilter, DeadLetterPage, DeadLetterTotals};
use super::range::Range;
use super::rollup::{self, Question};
use super::series::merge;
use super::{Heads, Parts, Status};

impl Parts {
    /// One channel's samples with `from <= time < to`, ascending, one per time, as of now.
    pub fn range(&self, channel: ChannelId, from: Timestamp, to: Timestamp) -> Range {
        let (snapshot, in_memory) = self.view(|heads| in_memory(heads, channel, from, to));
        Range::new(&self.tables, snapshot, channel, (from, to), in_memory)
    }

    /// One channel's tallies of the buckets of a tier that begin in `from..to`, ascending, without the empty ones.
    pub fn tallies(
        &self,
        channel: ChannelId,
        tier: Tier,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<(Timestamp, Tally)>, StoreError> {
        let question = Question::new(channel, tier, from, to, self.rollups);
        let (snapshot, in_memory) = self.view(|heads| in_memory(heads, channel, question.from, question.to));
        rollup::answer(&self.tables, &snapshot, &question, &in_memory)
    }

    /// The channel's latest sample by time, from memory; it outlives the deletion of its day for age.
    pub fn last(&self, channel: ChannelId) -> Result<Option<StoredSample>, StoreError> {
        let heads = self.heads.read();
        let unwritten = heads.unwritten().filter_map(|head| head.series(channel)?.last());
        // At equal times the last one is the newest.
        Ok(heads.latest.get(&channel).copied().into_iter().chain(unwritten).max_by_key(|sample| sample.observed_at))
    }

    /// From when on a channel's history is whole.
    pub fn kept_since(&self, channel: ChannelId) -> KeptSince {
        let heads = self.heads.read();
        let kind = heads.classes.kind(channel);
        kind.map_or_else(KeptSince::default, |kind| KeptSince::new(heads.horizons.of(kind)))
    }

    /// Whether the samples of a time's day were deleted for their age, or would be at once.
    pub fn is_deleted(&self, channel: ChannelId, at: Timestamp) -> bool {
        let kept = self.kept_since(channel);
        let is_before = |since: Option<Timestamp>| since.is_some_and(|since| at < since);
        // The coarsest tallies take their mark with them when they go.
        is_before(kept.tier(Tier::Day)) || is_before(kept.samples) && self.tables.raw(channel, Day::of(at)) == Raw::Gone
    }

    /// What corrections of one channel replaced, of times in `from..to`, ascending by time and then by entry.
    pub fn earlier(&self, channel: ChannelId, from: Timestamp, to: Timestamp) -> Result<Vec<Earlier>, StoreError> {
        let gather = |heads: &Heads| -> Vec<Gathered> {
            let older = [None, heads.flushing.as_deref()];
            let heads = [heads.flushing.as_deref(), Some(&heads.active)].into_iter().zip(older);
            heads.filter_map(|(head, older)| Some(Gathered::of(head?, older, channel, (from, to)))).collect()
        };
        let (snapshot, gathered) = self.view(gather);
        earlier::between(&self.tables, &snapshot, gathered.iter(), channel, (from, to))
    }

    /// The value at exactly that time, if there is one. Cheap for many look-ups in the same days.
    pub fn contains(&self, channel: ChannelId, at: Timestamp) -> Result<Option<f64>, StoreError> {
        let in_memory = {
            let heads = self.heads.read();
            let mut newest_first = [Some(&heads.active), heads.flushing.as_deref()].into_iter().flatten();
            newest_first.find_map(|head| head.series(channel)?.at(at).map(|sample| sample.value))
        };
        if in_memory.is_some() {
            return Ok(in_memory);
        }
        // The generation comes before the snapshot, see `Days`.
        let generation = match self.days.lock().look(channel, at) {
            Known::Answer(answer) => return Ok(answer),
            Known::Nothing(generation) => generation,
        };
        let day = Day::of(at);
        let (samples, damages) = self.tables.day(&self.tables.database.snapshot(), channel, day);
        let place = samples.binary_search_by_key(&at, |sample| sample.observed_at);
        if damages.is_empty() {
            self.days.lock().keep(generation, channel, day, &samples);
        }
        match (place, damages.into_iter().next()) {
            (Ok(place), _) => Ok(Some(samples[place].value)),
            (Err(_), Some(damage)) => Err(damage),
            (Err(_), None) => Ok(None),
        }
    }

    /// Samples taken since the store began, by source; a correction at the same time counts as one more.
    pub fn stored_counts(&self) -> BTreeMap<SourceId, u64> {
        let heads = self.heads.read();
        let mut counts = heads.bookmark.stored.clone();
        for (source, samples) in heads.unwritten().flat_map(Head::stored) {
            *counts.entry(*source).or_default() += samples;
        }
        counts
    }

    /// Samples that were refused after they were journaled ([`crate::model::Reason::RefusedByStore`]), by source.
    pub(in crate::store) fn refused_counts(&self) -> BTreeMap<SourceId, u64> {
        let heads = self.heads.read();
        let mut counts = heads.bookmark.refused.clone();
        for (source, samples) in heads.unwritten().flat_map(Head::refused) {
            *counts.entry(*source).or_default() += samples;
        }
        counts
    }

    /// Dead letters before a number (`None`: from the newest on), newest first. Follow [`DeadLetterPage::before`].
    /// An error only when none can be read at all.
    pub fn dead_letters(
        &self,
        before: Option<Seq>,
        limit: usize,
        filter: &DeadLetterFilter,
    ) -> Result<DeadLetterPage, StoreError> {
        let (snapshot, unwritten) = self.view(|heads| {
            let gone = gone(heads);
            let letters = heads.unwritten().flat_map(Head::letters).filter(|(id, _)| !gone.contains(id));
            letters::Unwritten { letters: letters.cloned().collect(), gone }
        });
        letters::page(&self.tables, &snapshot, &unwritten, before, limit, filter)
    }

    /// One dead letter; `None` when there is none of that number, or it was dropped.
    pub fn dead_letter(&self, id: Seq) -> Result<Option<DeadLetter>, StoreError> {
        let (snapshot, (in_memory, is_gone)) = self.view(|heads| {
            let mut letters = heads.unwritten().flat_map(Head::letters);
            let found = letters.find(|(found, _)| *found == id).map(|(_, letter)| letter.clone());
            (found, heads.unwritten().any(|head| head.gone().contains(&id)))
        });
        match in_memory {
            _ if is_gone => Ok(None),
            Some(letter) => letters::unseal(id, &letter).map(Some),
            None => letters::find(&self.tables, &snapshot, id),
        }
    }

    /// How many dead letters are kept, and were dropped. The cap is applied when they are written.
    pub fn dead_letter_totals(&self) -> DeadLetterTotals {
        let (snapshot, (mut totals, gone)) = self.view(|heads| {
            let (mut totals, gone) = (heads.bookmark.letters, gone(heads));
            let letters = heads.unwritten().flat_map(Head::letters).filter(|(id, _)| !gone.contains(id));
            letters.for_each(|(_, letter)| totals.add(letter));
            (totals, gone)
        });
        for id in gone {
            if let Ok(Some(letter)) = snapshot.get(&self.tables.history, super::key::letter(id)) {
                totals.take_away(&letter);
            }
        }
        totals
    }

    /// Where the store stands.
    pub fn status(&self) -> Status {
        let table_bytes = self.tables.bytes();
        let heads = self.heads.read();
        Status {
            checkpoint: heads.bookmark.through,
            applied: heads.active.through(),
            unwritten_samples: heads.unwritten().map(Head::samples).sum(),
            table_bytes,
            stopped: heads.stopped,
        }
    }

    /// What is in memory and what is on disk, of one moment: a sample that is being written is in one at the least.
    pub(super) fn view<T>(&self, take: impl FnOnce(&Heads) -> T) -> (Snapshot, T) {
        let heads = self.heads.read();
        (self.tables.database.snapshot(), take(&heads))
    }
}

/// Dead letters that were handed in again, as far as that is not written yet.
fn gone(heads: &Heads) -> HashSet<Seq> {
    heads.unwritten().flat_map(Head::gone).copied().collect()
}

/// What of a channel is not written yet.
fn in_memory(heads: &Heads, channel: ChannelId, from: Timestamp, to: Timestamp) -> Vec<StoredSample> {
    let series = heads.unwritten().filter_map(|head| head.series(channel));
    series.fold(Vec::new(), |older, series| merge(&older, series.between(from, to)))
}
