//! How a question is read: every sample, or the tallies of a tier; and what that costs.
//!
//! A tier serves when the functions asked and the rule of quality allow it; among those the one with the fewest reads
//! is taken. Buckets of whole tier buckets are read from it, what is around them from samples: the outcome is the same
//! but for rounding. Costs are estimated from the channel's interval, never measured: a question is refused before
//! anything is read.

use super::fold::PERCENTILE_SAMPLES_MAX;
use super::question::{Line, QualityRule, Question};
use crate::model::Timestamp;
use crate::store::Tier;

/// Where a channel's answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// From every sample.
    Samples,
    /// From tallies, and samples around them.
    Tallies(Tier),
}

impl Reading {
    /// The word in answers.
    pub fn word(self) -> &'static str {
        match self {
            Reading::Samples => "raw",
            Reading::Tallies(tier) => tier.word(),
        }
    }
}

/// Where the buckets of the tiers begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiers {
    /// Of the day tier's midnight, in microseconds east of UTC.
    pub day_offset_micros: i64,
    /// Whether tallies are kept; where they are made from samples each time, samples are read at once.
    pub are_kept: bool,
}

impl Tiers {
    fn floor(self, tier: Tier, at: Timestamp) -> i64 {
        let offset = if tier == Tier::Day { self.day_offset_micros } else { 0 };
        (at.micros() + offset).div_euclid(tier.micros()) * tier.micros() - offset
    }

    /// The latest beginning of a tier's bucket that is not after a time.
    pub fn at_or_before(self, tier: Tier, at: Timestamp) -> Timestamp {
        Timestamp::from_micros(self.floor(tier, at))
    }

    /// The earliest beginning of a tier's bucket that is not before a time.
    pub fn at_or_after(self, tier: Tier, at: Timestamp) -> Timestamp {
        let floor = self.floor(tier, at);
        Timestamp::from_micros(if floor == at.micros() { floor } else { floor + tier.micros() })
    }
}

/// What is known of a question's buckets before anything is read.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    /// How many.
    pub buckets: u64,
    /// Of [`Tier::ALL`]: whether every bucket begins where one of the tier does, the question's ends aside.
    coincides: [bool; 3],
}

impl Grid {
    /// Goes through the buckets; whoever calls has made sure that they are not too many.
    pub fn of(question: &Question, tiers: Tiers) -> Self {
        let mut coincides = [true; 3];
        let mut buckets = 0;
        for bucket in question.buckets() {
            if buckets > 0 {
                for (coincides, tier) in coincides.iter_mut().zip(Tier::ALL) {
                    *coincides &= tiers.at_or_before(tier, bucket.begin) == bucket.begin;
                }
            }
            buckets += 1;
        }
        Self { buckets, coincides }
    }
}

/// About how many buckets a question makes.
pub fn about_buckets(question: &Question) -> u64 {
    let micros = question.to.micros().saturating_sub(question.from.micros());
    u64::try_from(micros / question.every.usual_micros()).unwrap_or(0).saturating_add(1)
}

/// How a channel is read, and about how many samples and tallies that takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// From where.
    pub reading: Reading,
    /// Samples and tallies.
    pub reads: u64,
    /// What lies before this was deleted for its age, as far as this reading needs it; `None` when nothing asked was.
    pub whole_since: Option<Timestamp>,
}

impl Plan {
    /// The one that gives the most of what is asked, and of those the cheapest. Nothing is there before `since`.
    pub fn of(question: &Question, line: &Line, grid: &Grid, tiers: Tiers, since: Timestamp) -> Self {
        let (from, to) = (question.from.max(since), question.to.min(question.now));
        let plan = |reading, reads, whole: Option<Timestamp>| Plan {
            reading,
            reads,
            whole_since: whole.filter(|whole| *whole > question.from),
        };
        let mut best = plan(Reading::Samples, line.expected(from, to), line.kept.samples);
        let needs_samples = question.functions.iter().any(|function| function.needs_samples(&line.counter));
        if needs_samples || question.quality == QualityRule::All || !tiers.are_kept {
            return best;
        }
        for (tier, coincides) in Tier::ALL.into_iter().zip(grid.coincides) {
            let length = tier.micros();
            let tallies = to.micros().saturating_sub(from.micros()).max(0) / length;
            let ends = line.expected(from, tiers.at_or_after(tier, from).min(to))
                + line.expected(tiers.at_or_before(tier, question.to).max(from), to);
            // Around each edge between buckets a whole one of the tier is read as samples, in two parts.
            let in_one = u64::try_from(i128::from(length) / micros(line)).unwrap_or(u64::MAX);
            let inner = if coincides { 0 } else { in_one.saturating_mul(grid.buckets.saturating_sub(1)) };
            let reads = u64::try_from(tallies).unwrap_or(0).saturating_add(ends).saturating_add(inner);
            let other = plan(Reading::Tallies(tier), reads, whole_since(question, line, tiers, (tier, coincides)));
            let order = (other.whole_since, reads).cmp(&(best.whole_since, best.reads));
            // At the same cost tallies, which may outlive the samples; but minutes are mostly made from them.
            if order.is_lt() || order.is_eq() && tier != Tier::Minute {
                best = other;
            }
        }
        best
    }
}

/// From when on the tallies of a tier, and the samples around them, are whole.
fn whole_since(question: &Question, line: &Line, tiers: Tiers, (tier, coincides): (Tier, bool)) -> Option<Timestamp> {
    let tallies = line.kept.tier(tier).map(|since| tiers.at_or_after(tier, since));
    let samples = line.kept.samples.filter(|since| *since > question.from);
    // Of buckets that coincide with the tier's, only parts of the first and the last are read as samples.
    let (first, last) = (tiers.at_or_after(tier, question.from), tiers.at_or_before(tier, question.to));
    let around = samples.and_then(|since| match since {
        since if !coincides => Some(since),
        since if last < question.to && last < since => Some(since.min(question.to)),
        since if question.from < first => Some(since.min(first)),
        _ => None,
    });
    tallies.max(around)
}

/// Whether a bucket would hold too many samples for percentiles.
pub fn is_too_long_for_percentiles(question: &Question, line: &Line) -> bool {
    let has_percentiles = question.functions.iter().any(|function| function.share().is_some());
    let length = question.every.usual_micros().min(question.to.micros().saturating_sub(question.from.micros()));
    has_percentiles && i128::from(length) / micros(line) > PERCENTILE_SAMPLES_MAX as i128
}

fn micros(line: &Line) -> i128 {
    i128::try_from(line.interval.as_micros()).unwrap_or(i128::MAX).max(1)
}
