//! The lengths of time for which tallies are kept.

/// A rollup's resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// UTC minutes.
    Minute,
    /// UTC hours.
    Hour,
    /// Days that begin at midnight of the configured offset from UTC (`store.day_offset_minutes`).
    Day,
}

impl Tier {
    /// Every tier, the finest first.
    pub const ALL: [Tier; 3] = [Tier::Minute, Tier::Hour, Tier::Day];

    /// The word in answers.
    pub fn word(self) -> &'static str {
        match self {
            Tier::Minute => "minute",
            Tier::Hour => "hour",
            Tier::Day => "day",
        }
    }

    /// Length of its buckets, in microseconds.
    pub fn micros(self) -> i64 {
        match self {
            Tier::Minute => 60_000_000,
            Tier::Hour => 3_600_000_000,
            Tier::Day => 86_400_000_000,
        }
    }

    /// Where a bucket begins, in microseconds since 1970, modulo its length: `day_offset` is that of the day tier's
    /// midnight, east of UTC.
    pub(super) fn offset(self, day_offset: i64) -> i64 {
        match self {
            Tier::Minute | Tier::Hour => 0,
            Tier::Day => -day_offset,
        }
    }
}
