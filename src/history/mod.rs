//! Questions about the past: buckets of the calendar, functions over them, two periods side by side, areas.
//!
//! A question is checked and its cost estimated before anything is read; then walks go through the buckets step by
//! step, in bounded memory. Whether samples or tallies are read changes what an answer costs and nothing else but
//! rounding. Left out on purpose: how answers are written, and who may ask.

mod areas;
mod calendar;
mod compare;
mod config;
mod counter;
mod error;
mod every;
mod fold;
mod function;
mod plan;
mod pool;
mod question;
mod walk;

use std::collections::HashMap;
use std::sync::Arc;

pub use areas::{AREA_FUNCTIONS, AreaRow, AreaWalk, Duty};
pub use calendar::{Bucket, Buckets, EARLIEST, LATEST};
pub use compare::{Pair, PairWalk};
pub use config::{Config, CounterConfig};
pub use counter::{Counter, Replaced};
pub use error::HistoryError;
pub use every::{CalendarUnit, Every, NotEvery};
pub use fold::Row;
pub use function::{Function, Limit, percentile};
pub use plan::{Plan, Reading};
pub use question::{Line, QualityRule, Question};
pub use walk::Walk;

use crate::model::{Channel, Timestamp};
use crate::store::{Store, StoreError, Tier};

use plan::{Grid, Tiers};
use pool::Pool;

/// Rows of a walk's window: it holds about so many while it reads.
const WINDOW_BUCKETS: usize = 512;

/// The same for each of the channels of an area, which wait for each other.
const AREA_WINDOW_BUCKETS: usize = 64;

/// Samples that all who ask for percentiles hold together, at most: two of the largest buckets.
const POOLED_SAMPLES_MAX: usize = 2 * fold::PERCENTILE_SAMPLES_MAX.next_multiple_of(pool::PIECE);

/// The past, ready to be asked.
pub struct History {
    store: Arc<Store>,
    config: Config,
    counters: HashMap<String, Counter>,
    tiers: Tiers,
    pool: Arc<Pool>,
}

/// A question that may be read: how each of its channels is.
#[derive(Clone, Debug)]
pub struct Permit {
    /// By channel, in the asked order.
    pub plans: Vec<Plan>,
}

impl History {
    /// Over a store whose day tier begins `day_offset_minutes` east of UTC.
    pub fn new(store: Arc<Store>, config: Config, day_offset_minutes: i32) -> Self {
        let counters = config.declared();
        let tiers =
            Tiers { day_offset_micros: i64::from(day_offset_minutes) * 60_000_000, are_kept: store.keeps_tallies() };
        Self { store, config, counters, tiers, pool: Pool::of(POOLED_SAMPLES_MAX) }
    }

    /// The store that answers.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Samples that one question may read.
    pub fn samples_max(&self) -> u64 {
        self.config.samples_max
    }

    /// A channel as questions need it; `name` is STATION/PROPERTY.
    pub fn line(&self, name: &str, channel: &Channel) -> Line {
        let counter = self.counters.get(name).cloned().unwrap_or_default();
        Line { channel: channel.id, interval: channel.interval, counter, kept: self.store.kept_since(channel.id) }
    }

    /// Looks at what a question costs, before it is read. It may look for the beginning of channels.
    pub fn permit(&self, question: &Question, lines: &[Line]) -> Result<Permit, HistoryError> {
        question.check()?;
        let buckets = plan::about_buckets(question).saturating_mul(lines.len().max(1) as u64);
        if buckets > self.config.buckets_max {
            let narrow = "ask for longer buckets (`every`), a shorter range or fewer channels".to_owned();
            return Err(HistoryError::TooManyBuckets { buckets, max: self.config.buckets_max, narrow });
        }
        if lines.iter().any(|line| plan::is_too_long_for_percentiles(question, line)) {
            return Err(HistoryError::TooManyInBucket { max: fold::PERCENTILE_SAMPLES_MAX });
        }
        let grid = Grid::of(question, self.tiers);
        let mut plans: Vec<Plan> =
            lines.iter().map(|line| Plan::of(question, line, &grid, self.tiers, EARLIEST)).collect();
        if reads(&plans) > self.config.samples_max {
            for (line, plan) in lines.iter().zip(&mut plans) {
                let since = self.first(line, question)?.unwrap_or(question.to);
                *plan = Plan::of(question, line, &grid, self.tiers, since);
            }
        }
        let reads = reads(&plans);
        if reads <= self.config.samples_max {
            return Ok(Permit { plans });
        }
        Err(HistoryError::TooCostly {
            reads,
            max: self.config.samples_max,
            narrow: self.narrow(question, lines, &grid),
        })
    }

    /// The same for two periods side by side, which cost what both do.
    pub fn permit_both(&self, questions: [&Question; 2], lines: &[Line]) -> Result<[Permit; 2], HistoryError> {
        let [asked, compared] = questions;
        let permits = [self.permit(asked, lines)?, self.permit(compared, lines)?];
        let reads = permits.iter().map(|permit| reads(&permit.plans)).fold(0, u64::saturating_add);
        if reads > self.config.samples_max {
            let narrow = "ask for shorter periods, longer buckets (`every`) or fewer channels".to_owned();
            return Err(HistoryError::TooCostly { reads, max: self.config.samples_max, narrow });
        }
        Ok(permits)
    }

    /// When a channel begins inside the question. Its days may outlive its samples.
    fn first(&self, line: &Line, question: &Question) -> Result<Option<Timestamp>, StoreError> {
        let first = self.store.range(line.channel, question.from, question.to).next().transpose()?;
        let first = first.map(|sample| sample.observed_at);
        if !self.tiers.are_kept {
            return Ok(first);
        }
        let days = self.store.tallies(line.channel, Tier::Day, question.from, first.unwrap_or(question.to))?;
        Ok(days.first().map(|(day, _)| (*day).max(question.from)).or(first))
    }

    /// Through the buckets from the one on that holds `from`.
    pub fn walk(&self, question: &Arc<Question>, line: &Line, plan: Plan, from: Timestamp) -> Walk {
        self.walk_by(question, line, plan, from, WINDOW_BUCKETS)
    }

    /// The same for the channels of an area.
    pub fn area_walk(&self, question: &Arc<Question>, lines: &[(Line, Plan, Duty)], from: Timestamp) -> AreaWalk {
        let walk = |(line, plan, duty): &(Line, Plan, Duty)| {
            (self.walk_by(question, line, *plan, from, AREA_WINDOW_BUCKETS), *duty)
        };
        AreaWalk::new(Arc::clone(question), lines.iter().map(walk).collect())
    }

    fn walk_by(&self, question: &Arc<Question>, line: &Line, plan: Plan, from: Timestamp, window: usize) -> Walk {
        Walk::new(Arc::clone(question), line.clone(), plan, (self.tiers, Arc::clone(&self.pool)), from, window)
    }

    /// How to ask for less.
    fn narrow(&self, question: &Question, lines: &[Line], grid: &Grid) -> String {
        let mut ways = Vec::new();
        let of_tallies = |function: &Function| !function.needs_samples(&Counter::default());
        let plain: Vec<Function> = question.functions.iter().copied().filter(of_tallies).collect();
        if plain.len() < question.functions.len() || question.quality == QualityRule::All {
            let plain = Question { functions: plain, quality: QualityRule::Good, ..question.clone() };
            let plans: Vec<Plan> =
                lines.iter().map(|line| Plan::of(&plain, line, grid, self.tiers, EARLIEST)).collect();
            ways.push(format!(
                "percentiles, exceedance_hours and quality=all need every sample, without them about {} are read",
                reads(&plans)
            ));
        } else {
            ways.push("ask for longer buckets (`every`)".to_owned());
        }
        if lines.len() > 1 {
            ways.push("ask for fewer channels".to_owned());
        }
        ways.push("ask for a shorter range, or take the raw samples, which have no limit (`saola export`)".to_owned());
        ways.join("; ")
    }
}

fn reads(plans: &[Plan]) -> u64 {
    plans.iter().map(|plan| plan.reads).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests;
