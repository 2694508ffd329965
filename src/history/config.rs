//! The section `[history]`: what one question may cost, and what is declared of counters.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::counter::{Counter, Replaced};

/// Limits of questions, and counters. Every key may be left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Samples and tallies that one question for buckets may read, as estimated; 1,000 to 10,000,000,000. Default
    /// 20,000,000. Raw samples are sent as they are read and have no limit.
    pub samples_max: u64,
    /// Buckets that one question may make, all channels together; 100 to 100,000,000. Default 1,000,000.
    pub buckets_max: u64,
    /// Counters with something to declare.
    #[serde(rename = "counter")]
    pub counters: Vec<CounterConfig>,
}

/// What is declared of one counter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CounterConfig {
    /// STATION/PROPERTY.
    pub channel: String,
    /// Where the register goes back to zero, in the channel's unit; 0: nowhere. Up to 1,000,000,000,000,000.
    pub wraps_at: u64,
    /// Replacements of the meter, each `TIME OLD_FINAL NEW_FIRST`.
    pub replaced: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self { samples_max: 20_000_000, buckets_max: 1_000_000, counters: Vec::new() }
    }
}

impl Config {
    /// Every mistake as key and sentence.
    pub fn mistakes(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let mut names: HashMap<&str, usize> = HashMap::new();
        for (place, counter) in self.counters.iter().enumerate() {
            let name = &counter.channel;
            if name.split('/').filter(|part| !part.is_empty()).count() != 2 {
                found.push((format!("counter[{place}].channel"), "must name a channel as STATION/PROPERTY".to_owned()));
            } else if let Some(first) = names.insert(name, place) {
                found.push((format!("counter[{place}].channel"), format!("{name} is counter[{first}] already")));
            }
            if let Some(message) = counter.replaced.iter().find_map(|text| text.parse::<Replaced>().err()) {
                found.push((format!("counter[{place}].replaced"), message));
            }
        }
        found
    }

    /// The declarations by the channel's name; what is mistaken is left out.
    pub fn declared(&self) -> HashMap<String, Counter> {
        let declared = self.counters.iter().map(|counter| {
            let mut replaced: Vec<Replaced> = counter.replaced.iter().filter_map(|text| text.parse().ok()).collect();
            replaced.sort_by_key(|replaced| replaced.at);
            let wraps_at = (counter.wraps_at > 0).then_some(counter.wraps_at as f64);
            (counter.channel.clone(), Counter { wraps_at, replaced })
        });
        declared.collect()
    }
}
