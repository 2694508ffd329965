//! What devices said of themselves, counted: messages that are missing by their own numbering.
//!
//! Bounded: a row for each station, and [`UNPLACED_MAX`] for devices that are no station of ours.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{DeviceReport, Said, SourceId, StationNo, Timestamp};

/// Devices without a station that have a row of their own; the others are counted together.
const UNPLACED_MAX: usize = 10_000;

/// Gaps in the numbering of one device's messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// How often numbers were skipped.
    pub gaps: u64,
    /// How many numbers were skipped.
    pub messages: u64,
    /// When the last gap was noticed.
    pub last_at: Option<Timestamp>,
}

impl Missing {
    fn add(&mut self, messages: u64, at: Timestamp) {
        self.gaps += 1;
        self.messages = self.messages.saturating_add(messages);
        self.last_at = Some(at);
    }
}

/// Gaps by device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Devices {
    by_station: BTreeMap<StationNo, Missing>,
    unplaced: BTreeMap<(SourceId, String), Missing>,
    others: Missing,
}

impl Devices {
    /// What is missing of a station's messages.
    pub fn missing_of(&self, station: StationNo) -> Missing {
        self.by_station.get(&station).copied().unwrap_or_default()
    }

    /// Devices that are no station of ours (an edge node, a gateway), by source and their sender's name.
    pub fn unplaced(&self) -> impl Iterator<Item = (SourceId, &str, Missing)> {
        self.unplaced.iter().map(|((source, device), missing)| (*source, device.as_str(), *missing))
    }

    /// Everything together.
    pub fn messages_missing(&self) -> u64 {
        let rows = self.by_station.values().chain(self.unplaced.values()).chain([&self.others]);
        rows.fold(0, |sum, missing| sum.saturating_add(missing.messages))
    }

    pub(super) fn count(&mut self, report: &DeviceReport, at: Timestamp) {
        for fact in &report.facts {
            let Said::Missed(messages) = fact.said else { continue };
            let key = || (report.source, fact.device.clone());
            let row = match fact.station {
                Some(station) => self.by_station.entry(station).or_default(),
                None if self.unplaced.len() < UNPLACED_MAX || self.unplaced.contains_key(&key()) => {
                    self.unplaced.entry(key()).or_default()
                }
                None => &mut self.others,
            };
            row.add(messages, at);
        }
    }
}
