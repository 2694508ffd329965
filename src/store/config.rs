//! The section `[store]`: every key with its unit and default.

use serde::{Deserialize, Serialize};

use super::influx;

const MIB: u64 = 1 << 20;

/// Where history is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", try_from = "String")]
pub enum Kind {
    /// In the data directory.
    #[default]
    Embedded,
    /// Samples in InfluxDB 2; dead letters and counters in the data directory.
    Influx,
}

impl TryFrom<String> for Kind {
    type Error = &'static str;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        match word.as_str() {
            "embedded" => Ok(Kind::Embedded),
            "influx" => Ok(Kind::Influx),
            _ => Err("must be \"embedded\" or \"influx\""),
        }
    }
}

/// How the store keeps history. Every key may be left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where: `embedded` or `influx`. Default `embedded`.
    pub kind: Kind,
    /// Samples held in memory before they are written; 1 to 10,000,000. Default 1,000,000 (about 40 MiB).
    pub flush_samples: usize,
    /// Seconds that an entry stays in memory before it is written, judged by the times of later entries; until then
    /// the journal keeps it. 1 to 86,400. Default 900.
    pub flush_after_s: u64,
    /// Bytes of dead letters kept; beyond them the oldest are dropped and counted. Default 1 GiB.
    pub dead_letters_bytes: u64,
    /// Bytes of disk blocks cached for reading. Default 16 MiB.
    pub block_cache_bytes: u64,
    /// Bytes of decoded days cached for looking up single instants. Default 8 MiB.
    pub day_cache_bytes: usize,
    /// Bytes written before they are sorted into tables; at least 1 MiB. Default 16 MiB.
    pub write_buffer_bytes: u64,
    /// Bytes of the engine's own write-ahead files; at least 64 MiB. Default 64 MiB.
    pub write_ahead_bytes: u64,
    /// Minutes east of UTC at which the days of the day tier begin; -840 to 840. Queries in a zone of another offset
    /// are answered from hours. Default 420 (Viet Nam).
    pub day_offset_minutes: i32,
    /// Which InfluxDB, when `kind` is `influx`.
    pub influx: influx::Config,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            kind: Kind::Embedded,
            flush_samples: 1_000_000,
            flush_after_s: 900,
            dead_letters_bytes: 1 << 30,
            block_cache_bytes: 16 * MIB,
            day_cache_bytes: 8 << 20,
            write_buffer_bytes: 16 * MIB,
            write_ahead_bytes: 64 * MIB,
            day_offset_minutes: 420,
            influx: influx::Config::default(),
        }
    }
}

impl Config {
    /// Every value that cannot be used: the key and what is wrong with it.
    pub fn mistakes(&self) -> Vec<(&'static str, &'static str)> {
        let checks = [
            ((1..=10_000_000).contains(&self.flush_samples), "flush_samples", "must be 1 to 10000000"),
            ((1..=86_400).contains(&self.flush_after_s), "flush_after_s", "must be 1 to 86400"),
            (self.write_buffer_bytes >= MIB, "write_buffer_bytes", "must be at least 1048576"),
            (self.write_ahead_bytes >= 64 * MIB, "write_ahead_bytes", "must be at least 67108864"),
        ];
        let own = checks.into_iter().filter(|(right, ..)| !right).map(|(_, key, wrong)| (key, wrong));
        let influx = if self.kind == Kind::Influx { self.influx.mistakes() } else { Vec::new() };
        own.chain(influx).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_may_be_left_out_and_none_is_invented() {
        assert_eq!(toml::from_str::<Config>("").unwrap(), Config::default());
        assert_eq!(toml::from_str::<Config>("flush_after_s = 60").unwrap().flush_after_s, 60);
        assert!(toml::from_str::<Config>("flush_after = 60").is_err());
    }

    #[test]
    fn mistakes_name_their_key() {
        assert_eq!(Config::default().mistakes(), []);
        let wrong = Config { flush_samples: 0, flush_after_s: 0, write_ahead_bytes: 1, ..Config::default() };
        let keys: Vec<_> = wrong.mistakes().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["flush_samples", "flush_after_s", "write_ahead_bytes"]);
    }
}
