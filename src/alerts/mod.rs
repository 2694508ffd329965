//! The alert engine (being built).

mod book;
pub mod rules;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{
    Alert, AlertId, Catalogue, Mistake, RuleFile, Sample, Severity, Span, StationNo, Timestamp, Transition,
};

pub use book::{Filter, MOMENTS_MAX};
pub use rules::Rules;

/// How long closed alerts are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// After their end, by the time of ticks. Default 90 d.
    pub keep_closed: Span,
    /// At most so many, the oldest dropped first. Default 100,000.
    pub keep_closed_count: usize,
}

impl Default for Retention {
    fn default() -> Self {
        Self { keep_closed: Span::from_days(90), keep_closed_count: 100_000 }
    }
}

/// Rules in force and every alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alerts {
    rules: Rules,
    refused: Vec<Mistake>,
    book: book::Book,
    retention: Retention,
}

impl Alerts {
    pub(crate) fn new(retention: Retention) -> Alerts {
        Alerts { rules: Rules::default(), refused: Vec::new(), book: book::Book::default(), retention }
    }

    /// Alerts that somebody may still have to act upon, by station.
    pub fn open(&self) -> impl Iterator<Item = &Arc<Alert>> {
        self.book.open()
    }

    /// Open alerts of a station.
    pub fn open_of(&self, station: StationNo) -> impl Iterator<Item = &Arc<Alert>> {
        self.book.open_of(station)
    }

    /// The worst severity open at a station.
    pub fn worst_open(&self, station: StationNo) -> Option<Severity> {
        self.open_of(station).map(|alert| alert.severity).max()
    }

    /// One alert.
    pub fn get(&self, id: &AlertId) -> Option<&Arc<Alert>> {
        self.book.get(id)
    }

    /// Alerts that a filter takes, the newest change first.
    pub fn all(&self, filter: &Filter) -> Vec<Arc<Alert>> {
        self.book.all(filter)
    }

    /// How many are open and how many closed ones are kept.
    pub fn count(&self) -> (usize, usize) {
        self.book.count()
    }

    /// Closed alerts that were dropped because of their age or number.
    pub fn forgotten(&self) -> u64 {
        self.book.forgotten()
    }

    /// The rules in force.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What was wrong with the newest rules, when they were refused and older ones are in force.
    pub fn refused(&self) -> &[Mistake] {
        &self.refused
    }

    pub(crate) fn hear(&mut self, _: &Catalogue, _: &Sample, _: Timestamp, _: &mut Vec<Transition>) {}
    pub(crate) fn tick(&mut self, _: &Catalogue, _: Timestamp, now: Timestamp, _: &mut Vec<Transition>) {
        let keep: Duration = self.retention.keep_closed.into();
        self.book.forget(keep, self.retention.keep_closed_count, now);
    }
    pub(crate) fn adopt_catalogue(&mut self, _: &Catalogue, _: &Catalogue, _: Timestamp, _: &mut Vec<Transition>) {}
    pub(crate) fn adopt_rules(
        &mut self,
        _: &[RuleFile],
        _: &Catalogue,
        _: Timestamp,
        _: &mut Vec<Transition>,
    ) -> Result<(), Vec<Mistake>> {
        Ok(())
    }
    pub(crate) fn set_retention(&mut self, retention: Retention) {
        self.retention = retention;
    }
    pub(crate) fn link(&mut self, _: &Catalogue) -> Result<(), &'static str> {
        self.book.index();
        Ok(())
    }
}
