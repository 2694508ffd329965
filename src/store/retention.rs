//! The section `[store.retention]`: how long history is kept, by class of station.

use serde::{Deserialize, Serialize};

use super::Tier;
use crate::model::{StationKind, Timestamp};

/// How long one class is kept, in days after the day in question; 0 keeps for ever. A coarser tier is kept at least as
/// long as a finer one: raw samples <= minutes <= hours <= days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Spans {
    /// Each sample, and what corrections replaced. 0 to 36,500. Default 0, for ever.
    pub raw_days: u32,
    /// Tallies of minutes. 0 to 36,500. Default 0, for ever.
    pub minute_days: u32,
    /// Tallies of hours. 0 to 36,500. Default 0, for ever.
    pub hour_days: u32,
    /// Tallies of days. 0 to 36,500. Default 0, for ever.
    pub day_days: u32,
}

impl Spans {
    /// The most days that can be asked for.
    pub const DAYS_MAX: u32 = 36_500;

    /// From the finest to the coarsest; `None` is for ever.
    pub fn tiers(&self) -> [Option<u32>; 4] {
        [self.raw_days, self.minute_days, self.hour_days, self.day_days].map(|days| Some(days).filter(|days| *days > 0))
    }

    fn is_usable(&self) -> bool {
        let days = self.tiers().map(|days| days.unwrap_or(u32::MAX));
        days.is_sorted() && self.tiers().into_iter().flatten().all(|days| days <= Self::DAYS_MAX)
    }
}

/// Spans by class. Channels of no class (their station is in no catalogue) are kept for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Road traffic detectors.
    pub traffic: Spans,
    /// Air quality.
    pub air: Spans,
    /// Weather.
    pub weather: Spans,
    /// River stage or flow.
    pub river: Spans,
    /// Rain gauges.
    pub rain: Spans,
    /// Forest watching.
    pub forest: Spans,
    /// Meters.
    pub meter: Spans,
}

impl Retention {
    /// The spans of a class.
    pub fn of(&self, kind: StationKind) -> &Spans {
        match kind {
            StationKind::Traffic => &self.traffic,
            StationKind::Air => &self.air,
            StationKind::Weather => &self.weather,
            StationKind::River => &self.river,
            StationKind::Rain => &self.rain,
            StationKind::Forest => &self.forest,
            StationKind::Meter => &self.meter,
        }
    }

    /// Whether anything is ever deleted for its age.
    pub fn is_finite(&self) -> bool {
        StationKind::ALL.iter().any(|kind| self.of(*kind).tiers().iter().any(Option::is_some))
    }

    /// Whether every class can be used as it is.
    pub(super) fn is_usable(&self) -> bool {
        StationKind::ALL.iter().all(|kind| self.of(*kind).is_usable())
    }
}

/// From when on a channel's history is whole, in each of its forms: what is older was deleted for its age, or is about
/// to be. `None`: from its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeptSince {
    /// Each sample.
    pub samples: Option<Timestamp>,
    tallies: [Option<Timestamp>; 3],
}

impl KeptSince {
    /// From the finest to the coarsest form: samples, minutes, hours, days.
    pub fn new([samples, minutes, hours, days]: [Option<Timestamp>; 4]) -> Self {
        Self { samples, tallies: [minutes, hours, days] }
    }

    /// The tallies of a tier.
    pub fn tier(&self, tier: Tier) -> Option<Timestamp> {
        let [minutes, hours, days] = self.tallies;
        match tier {
            Tier::Minute => minutes,
            Tier::Hour => hours,
            Tier::Day => days,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coarser_tier_is_kept_at_least_as_long() {
        let check = |raw_days, minute_days, hour_days, day_days, expected| {
            let spans = Spans { raw_days, minute_days, hour_days, day_days };
            assert_eq!(spans.is_usable(), expected, "{spans:?}");
        };
        check(0, 0, 0, 0, true);
        check(30, 30, 365, 0, true);
        check(30, 0, 0, 0, true);
        check(0, 30, 0, 0, false);
        check(30, 20, 0, 0, false);
        check(1, 1, 1, 36_501, false);
    }
}
