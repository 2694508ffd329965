//! What is asked of one or several channels.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::calendar::{Buckets, EARLIEST, LATEST};
use super::counter::Counter;
use super::error::HistoryError;
use super::every::Every;
use super::function::{Function, Limit};
use crate::model::{ChannelId, Timestamp};
use crate::store::KeptSince;

/// Which samples count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QualityRule {
    /// Good ones; the others are told by their number.
    Good,
    /// Every one.
    All,
}

impl QualityRule {
    /// Both.
    pub const ALL: [QualityRule; 2] = [QualityRule::Good, QualityRule::All];

    /// The word in queries and answers.
    pub fn word(self) -> &'static str {
        match self {
            QualityRule::Good => "good",
            QualityRule::All => "all",
        }
    }
}

/// A question for buckets.
#[derive(Clone, Debug)]
pub struct Question {
    /// From this time on.
    pub from: Timestamp,
    /// Up to and without this one.
    pub to: Timestamp,
    /// Length of the buckets.
    pub every: Every,
    /// The zone of their midnights.
    pub zone: TimeZone,
    /// What is computed, in the order of the answer.
    pub functions: Vec<Function>,
    /// Which samples count.
    pub quality: QualityRule,
    /// For [`Function::ExceedanceHours`]; without it nothing exceeds.
    pub limit: Option<Limit>,
    /// When it is asked: nothing is expected after it.
    pub now: Timestamp,
}

impl Question {
    /// Whether the range can be cut into buckets.
    pub fn check(&self) -> Result<(), HistoryError> {
        let (from, to) = (self.from, self.to);
        if from > to || from < EARLIEST || to > LATEST { Err(HistoryError::Range { from, to }) } else { Ok(()) }
    }

    /// The buckets, ascending.
    pub fn buckets(&self) -> Buckets {
        Buckets::new(self.every, self.zone.clone(), self.from, self.to)
    }

    /// The same question about another range.
    #[must_use]
    pub fn about(&self, from: Timestamp, to: Timestamp) -> Question {
        Question { from, to, ..self.clone() }
    }
}

/// A channel as the question needs it.
#[derive(Clone, Debug)]
pub struct Line {
    /// Which.
    pub channel: ChannelId,
    /// Expected time between samples.
    pub interval: Duration,
    /// How it counts, if it does.
    pub counter: Counter,
    /// From when on its history is whole.
    pub kept: KeptSince,
}

impl Line {
    /// How many samples are expected in a stretch: the whole intervals that fit.
    pub fn expected(&self, from: Timestamp, to: Timestamp) -> u64 {
        let interval = self.interval.as_micros().max(1);
        u64::try_from(to.since(from).as_micros() / interval).unwrap_or(u64::MAX)
    }
}
