//! Two periods side by side: the n-th bucket of the one with the n-th of the other.
//!
//! Months and years differ in length, so that one period may have more buckets: the other is empty there. The
//! difference is the period asked about minus the one compared with, and absent where either is.

use std::collections::VecDeque;

use super::error::HistoryError;
use super::fold::{Row, Values};
use super::walk::Walk;
use crate::store::Store;

/// One place in both periods; at least one of them has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// Of the period asked about.
    pub asked: Option<Row>,
    /// Of the one compared with.
    pub compared: Option<Row>,
}

impl Pair {
    /// By function asked.
    pub fn differences(&self) -> impl Iterator<Item = Option<f64>> {
        let values = |row: &Option<Row>| row.as_ref().map_or(Values::new(), |row| row.values.clone());
        let (asked, compared) = (values(&self.asked), values(&self.compared));
        let count = asked.len().max(compared.len());
        (0..count).map(move |place| Some(asked.get(place).copied()?? - compared.get(place).copied()??))
    }
}

/// Two walks side by side.
pub struct PairWalk {
    walks: [Walk; 2],
    waiting: [VecDeque<Row>; 2],
    goes_on: [bool; 2],
}

impl PairWalk {
    /// The period asked about, and the one compared with.
    pub fn new(asked: Walk, compared: Walk) -> Self {
        Self { walks: [asked, compared], waiting: Default::default(), goes_on: [true; 2] }
    }

    /// Reads on and appends the pairs that are whole; `false` at the end.
    pub fn step(&mut self, store: &Store, pairs: &mut Vec<Pair>) -> Result<bool, HistoryError> {
        let mut rows = Vec::new();
        // The one that is behind reads, so that what waits stays within a window.
        let behind = match self.goes_on {
            [true, true] => usize::from(self.waiting[1].len() < self.waiting[0].len()),
            [true, false] => 0,
            [false, true] => 1,
            [false, false] => return Ok(false),
        };
        self.goes_on[behind] = self.walks[behind].step(store, &mut rows)?;
        self.waiting[behind].extend(rows);
        loop {
            let [asked, compared] = &self.waiting;
            let is_whole = match (asked.is_empty(), compared.is_empty()) {
                (true, true) => break,
                (false, false) => true,
                (false, true) => !self.goes_on[1],
                (true, false) => !self.goes_on[0],
            };
            if !is_whole {
                break;
            }
            let [asked, compared] = &mut self.waiting;
            pairs.push(Pair { asked: asked.pop_front(), compared: compared.pop_front() });
        }
        Ok(true)
    }
}
