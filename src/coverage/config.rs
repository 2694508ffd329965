//! The section `[coverage]`: what counts as watching, and what was promised.

use std::str::FromStr;

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
    /// What part of the forest is to be watched: each `YEAR PERCENT`, by the end of the year; years ascending.
    pub forest_targets: Vec<String>,
    /// What part of the communes is to have smart services, likewise.
    pub services_targets: Vec<String>,
}

/// What is to be reached by the end of a year.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// By the end of it; 2000 to 2200.
    pub year: i64,
    /// Of the whole; 0 to 1.
    pub share: f64,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let read = match words.as_slice() {
            [year, percent] => year.parse::<i64>().ok().zip(percent.parse::<f64>().ok()),
            _ => None,
        };
        match read {
            Some((year, percent)) if (2_000..=2_200).contains(&year) && (0.0..=100.0).contains(&percent) => {
                Ok(Target { year, share: percent / 100.0 })
            }
            _ => Err("must be a year from 2000 to 2200 and a percentage, such as \"2030 100\"".to_owned()),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let targets = |targets: [&str; 2]| targets.map(str::to_owned).to_vec();
        Self {
            watching: ["smoke", "camera_fire_score", "acoustic_score"].map(Property::new).to_vec(),
            completeness_percent: 75,
            kinds_min: 2,
            forest_targets: targets(["2025 70", "2030 100"]),
            services_targets: targets(["2025 40", "2030 100"]),
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
        let is_name =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        for (place, property) in self.watching.iter().enumerate().filter(|(_, property)| !is_name(property.as_str())) {
            found.push((format!("watching[{place}]"), format!("{property:?} is not a property's name such as smoke")));
        }
        for (key, targets) in [("forest_targets", &self.forest_targets), ("services_targets", &self.services_targets)] {
            let read: Vec<Result<Target, String>> = targets.iter().map(|text| text.parse()).collect();
            for (place, target) in read.iter().enumerate() {
                let before = place.checked_sub(1).and_then(|before| read[before].as_ref().ok());
                match target {
                    Err(message) => found.push((format!("{key}[{place}]"), message.clone())),
                    Ok(target) if before.is_some_and(|before| before.year >= target.year) => {
                        found.push((format!("{key}[{place}]"), "must be later than the one before it".to_owned()));
                    }
                    Ok(_) => {}
                }
            }
        }
        found
    }

    /// The forest's targets, ascending by year; what is mistaken is left out.
    pub fn forest_targets(&self) -> Vec<Target> {
        self.forest_targets.iter().filter_map(|text| text.parse().ok()).collect()
    }

    /// Those of smart services.
    pub fn services_targets(&self) -> Vec<Target> {
        self.services_targets.iter().filter_map(|text| text.parse().ok()).collect()
    }
}
