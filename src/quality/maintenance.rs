//! Maintenance windows: who works where and when.
//!
//! Bounded: [`WINDOWS_MAX`] windows; those that ended long ago are forgotten at ticks, and their samples keep the flag.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{MaintenanceCommand, Seq, StationNo, Timestamp, Window};

/// Windows known at once; whoever makes more is refused.
pub const WINDOWS_MAX: usize = 10_000;
/// How long a window is known after its end: a late sample of that time still gets its flag.
const KNOWN_AFTER: Duration = Duration::from_secs(90 * 86_400);

/// Windows by their number.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Maintenance {
    windows: BTreeMap<Seq, Window>,
    /// The same by station.
    by_station: BTreeMap<StationNo, BTreeSet<Seq>>,
}

impl Maintenance {
    /// Whether an instant lies in a window of a station.
    #[inline]
    pub fn covers(&self, station: StationNo, at: Timestamp) -> bool {
        !self.windows.is_empty() && self.of(station).any(|(_, window)| window.from <= at && at < window.to)
    }

    /// A station's windows, in the order in which they were made.
    pub fn of(&self, station: StationNo) -> impl Iterator<Item = (Seq, &Window)> {
        let numbers = self.by_station.get(&station).into_iter().flatten();
        numbers.filter_map(|seq| Some((*seq, self.windows.get(seq)?)))
    }

    /// One window.
    pub fn get(&self, seq: Seq) -> Option<&Window> {
        self.windows.get(&seq)
    }

    /// How many are known.
    pub fn count(&self) -> usize {
        self.windows.len()
    }

    /// Every station with a window around `at`.
    pub fn stations_at(&self, at: Timestamp) -> BTreeSet<StationNo> {
        let around = |window: &&Window| window.from <= at && at < window.to;
        self.windows.values().filter(around).map(|window| window.station).collect()
    }

    pub(super) fn apply(&mut self, seq: Seq, command: &MaintenanceCommand, at: Timestamp) {
        match command {
            MaintenanceCommand::Plan(window) => {
                if self.windows.len() < WINDOWS_MAX && window.from < window.to {
                    self.by_station.entry(window.station).or_default().insert(seq);
                    self.windows.insert(seq, window.clone());
                }
            }
            MaintenanceCommand::Withdraw { window: number, .. } => {
                let Some(window) = self.windows.get_mut(number) else { return };
                if window.from < at {
                    // What was observed in it was observed in it.
                    window.to = window.to.min(at);
                } else {
                    self.remove(*number);
                }
            }
        }
    }

    pub(super) fn forget(&mut self, now: Timestamp) {
        if self.windows.is_empty() {
            return;
        }
        let old = |(seq, window): (&Seq, &Window)| (window.to + KNOWN_AFTER < now).then_some(*seq);
        let gone: Vec<Seq> = self.windows.iter().filter_map(old).collect();
        gone.into_iter().for_each(|seq| self.remove(seq));
    }

    fn remove(&mut self, seq: Seq) {
        let Some(window) = self.windows.remove(&seq) else { return };
        if let Some(of_station) = self.by_station.get_mut(&window.station) {
            of_station.remove(&seq);
            if of_station.is_empty() {
                self.by_station.remove(&window.station);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn plan(station: u32, from: i64, to: i64) -> MaintenanceCommand {
        let (reason, author) = ("new sensor".to_owned(), "an".to_owned());
        MaintenanceCommand::Plan(Window { station: StationNo(station), from: at(from), to: at(to), reason, author })
    }

    fn withdraw(window: u64) -> MaintenanceCommand {
        MaintenanceCommand::Withdraw { window: Seq(window), author: "an".to_owned() }
    }

    #[test]
    fn a_window_covers_its_station_from_its_first_instant_to_before_its_end() {
        let mut maintenance = Maintenance::default();
        maintenance.apply(Seq(7), &plan(1, 100, 200), at(50));
        for (station, seconds, expected) in
            [(1, 99, false), (1, 100, true), (1, 199, true), (1, 200, false), (2, 150, false)]
        {
            assert_eq!(maintenance.covers(StationNo(station), at(seconds)), expected, "{station} at {seconds}");
        }
        assert_eq!(maintenance.stations_at(at(150)), BTreeSet::from([StationNo(1)]));
        maintenance.apply(Seq(8), &plan(1, 200, 200), at(50));
        assert_eq!(maintenance.count(), 1, "a window without length is none");
    }

    #[test]
    fn a_withdrawn_window_ends_or_never_was() {
        let mut maintenance = Maintenance::default();
        maintenance.apply(Seq(7), &plan(1, 100, 200), at(50));
        maintenance.apply(Seq(8), &plan(2, 100, 200), at(50));
        maintenance.apply(Seq(9), &withdraw(7), at(60));
        maintenance.apply(Seq(10), &withdraw(8), at(150));
        assert_eq!((maintenance.get(Seq(7)), maintenance.get(Seq(8)).map(|window| window.to)), (None, Some(at(150))));
        assert!(maintenance.covers(StationNo(2), at(120)) && !maintenance.covers(StationNo(2), at(160)));
        maintenance.forget(at(150) + KNOWN_AFTER);
        assert_eq!(maintenance.count(), 1);
        maintenance.forget(at(151) + KNOWN_AFTER);
        assert_eq!((maintenance.count(), maintenance.by_station.len()), (0, 0));
    }
}
