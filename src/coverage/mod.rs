//! How much of the forest is watched: the union of working stations' footprints within the forest, by its area.
//!
//! Invariants:
//! - Areas are those on the ellipsoid ([`projection`]); ground that several stations watch counts once.
//! - What a set of stations watches is measured once and kept by the set: a request looks it up. One measurement runs at a
//!   time, so that many questions cost no more than one.
//! - What was asked for last is kept longest, and what is asked for waits in a line of its own ([`Coverage::turns`]): it
//!   holds up nobody who reads history.
//! - Nothing here knows which station works; who asks says it. Nothing here reads a clock.
//!
//! Left out on purpose: the lie of the land. A footprint is what somebody said of a station; a ridge in the way is to be
//! drawn into it.

mod config;
mod forest;
mod measure;
mod outline;
mod projection;

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::civil::Date;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

pub use config::{Config, Target};
pub use forest::{Forest, Unit};
pub use measure::{Measured, Watcher};
pub use outline::outline;
pub use projection::Projection;

use crate::registry::Areas;

/// Forests kept: of today and of a few dates of the past.
const FORESTS_MAX: usize = 4;
/// Numbers kept of all measurements together (8 bytes each).
const NUMBERS_MAX: usize = 4_000_000;
/// Measurements kept: a few years of months.
const MEASURED_MAX: usize = 256;

/// Questions that are worked on at a time.
const TURNS: usize = 2;

/// Forests and measurements that were made already.
#[derive(Debug)]
pub struct Coverage {
    config: Config,
    kept: Mutex<Kept>,
    turn: Mutex<()>,
    turns: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Kept {
    /// The areas that they are made from are kept with them, so that their address stands for them.
    forests: VecDeque<(Arc<Areas>, Vec<usize>, Arc<Forest>)>,
    measured: VecDeque<(Arc<Forest>, Vec<Watcher>, Arc<Measured>)>,
}

impl Coverage {
    /// With what counts and what was promised.
    pub fn new(config: Config) -> Coverage {
        let turns = Arc::new(Semaphore::new(TURNS));
        Coverage { config, kept: Mutex::default(), turn: Mutex::default(), turns }
    }

    /// The line in which questions are worked on.
    pub fn turns(&self) -> &Arc<Semaphore> {
        &self.turns
    }

    /// What counts and what was promised.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The forest on a date. The first time it takes long: call it where that holds nobody up.
    pub fn forest(&self, areas: &Arc<Areas>, date: Date) -> Arc<Forest> {
        let in_force =
            |shape: &&crate::registry::AreaShape| shape.area.level.is_forest() && shape.facts.validity.holds_on(date);
        // Dates on which the same units are in force have the same forest.
        let all = areas.all().iter();
        let units: Vec<usize> = all.enumerate().filter(|(_, shape)| in_force(shape)).map(|(place, _)| place).collect();
        let known = |kept: &mut Kept| {
            let is_it =
                |(of, places, _): &(Arc<Areas>, Vec<usize>, Arc<Forest>)| Arc::ptr_eq(of, areas) && *places == units;
            used(&mut kept.forests, is_it).map(|(_, _, forest)| Arc::clone(forest))
        };
        if let Some(forest) = known(&mut self.kept.lock()) {
            return forest;
        }
        let _turn = self.turn.lock();
        if let Some(forest) = known(&mut self.kept.lock()) {
            return forest;
        }
        let forest = Arc::new(Forest::of(areas, date));
        let mut kept = self.kept.lock();
        kept.forests.push_back((Arc::clone(areas), units, Arc::clone(&forest)));
        if kept.forests.len() > FORESTS_MAX {
            kept.forests.pop_front();
        }
        let forests: Vec<Arc<Forest>> = kept.forests.iter().map(|(_, _, forest)| Arc::clone(forest)).collect();
        kept.measured.retain(|(of, _, _)| forests.iter().any(|forest| Arc::ptr_eq(of, forest)));
        forest
    }

    /// What a set of stations watches of a forest. The first time it takes long.
    pub fn measure(&self, forest: &Arc<Forest>, watchers: &[Watcher]) -> Arc<Measured> {
        let known = |kept: &mut Kept| {
            let is_it =
                |(of, set, _): &(Arc<Forest>, Vec<Watcher>, Arc<Measured>)| Arc::ptr_eq(of, forest) && set == watchers;
            used(&mut kept.measured, is_it).map(|(_, _, measured)| Arc::clone(measured))
        };
        if let Some(measured) = known(&mut self.kept.lock()) {
            return measured;
        }
        let _turn = self.turn.lock();
        if let Some(measured) = known(&mut self.kept.lock()) {
            return measured;
        }
        let measured = Arc::new(Measured::of(forest, watchers));
        let mut kept = self.kept.lock();
        kept.measured.push_back((Arc::clone(forest), watchers.to_vec(), Arc::clone(&measured)));
        let most = (NUMBERS_MAX / forest.units.len().max(1)).clamp(4, MEASURED_MAX);
        while kept.measured.len() > most {
            kept.measured.pop_front();
        }
        measured
    }
}

/// What is wanted of what is kept; it goes to the end, where what is new goes: the first is let go first.
fn used<T>(kept: &mut VecDeque<T>, is_it: impl Fn(&T) -> bool) -> Option<&T> {
    let found = kept.remove(kept.iter().position(is_it)?)?;
    kept.push_back(found);
    kept.back()
}

#[cfg(test)]
mod tests;
