//! The section `[coverage]`: what counts as watching, and what was promised.

use serde::{Deserialize, Serialize};

use crate::model::Property;

/// What counts, and the targets. Every key may be left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Properties by which a station watches the forest: it works while one of its channels of these does.
    pub watching: Vec<Property>,
    /// Of a month or year a station counts that handed in at least this part of its expected samples, per cent; 1 to
    /// 100. Default 75.
    pub completeness_percent: u32,
    /// Sorts of stations that must work in a commune for it to count as served by smart services; 1 to 7. Default 2.
    pub kinds_min: usize,
    /// What part of the forest is to be watched.
    #[serde(rename = "forest_target")]
    pub forest_targets: Vec<Target>,
    /// What part of the communes is to have smart services.
    #[serde(rename = "services_target")]
    pub services_targets: Vec<Target>,
}

/// What is to be reached by the end of a year.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Target {
    /// By the end of it; 2000 to 2200.
    pub year: i64,
    /// Of the whole, per cent; 0 to 100.
    pub percent: i64,
}

impl Default for Config {
    fn default() -> Self {
        let targets = |pairs: [(i64, i64); 2]| pairs.map(|(year, percent)| Target { year, percent }).to_vec();
        Self {
            watching: ["smoke", "camera_fire_score", "acoustic_score"].map(Property::new).to_vec(),
            completeness_percent: 75,
            kinds_min: 2,
            forest_targets: targets([(2025, 70), (2030, 100)]),
            services_targets: targets([(2025, 40), (2030, 100)]),
        }
    }
}

impl Config {
    /// Every mistake as key and sentence.
    pub fn mistakes(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        if self.watching.is_empty() {
            found.push(("watching".to_owned(), "must name a property: without one nothing watches".to_owned()));
        }
        for (key, targets) in [("forest_target", &self.forest_targets), ("services_target", &self.services_targets)] {
            let is_unordered = |pair: &[Target]| pair[0].year >= pair[1].year;
            if let Some(place) = targets.windows(2).position(is_unordered) {
                found.push((format!("{key}[{}].year", place + 1), "must be later than the year before it".to_owned()));
            }
        }
        found
    }
}
