//! Where things stand in the one keyspace, in an order that bytes keep. The first byte says what it is.
//!
//! ```text
//! 0 notes    u8 which: 0 the bookmark, 1 the channels' classes, 2 the day tier's offset, 3 how far deleting went
//! 1 runs     u32 channel, u32 day, u32 run number within the day
//! 2 dirty    u32 channel, u32 day                                    written since it was settled
//! 3 minutes  u32 channel, u32 day                                    kept tallies
//! 4 hours    u32 channel, u32 day
//! 5 days     u32 channel, u32 day                                    its parts before and after local midnight
//! 6 latest   u32 channel
//! 7 earlier  u32 channel, u64 time, u64 entry number, u32 place      values that were replaced
//! 8 letters  u64 entry number
//! ```
//!
//! Numbers are big-endian. A day is a UTC day: days since 1970-01-01 with the sign bit flipped, so that days before
//! 1970 sort first; a time likewise. Every `i64` of microseconds lies in a day that an `i32` holds.
//!
//! One keyspace, since the engine makes tables and cuts its log for each keyspace by itself: when the log's tail is
//! lost, a keyspace goes back to an earlier moment, and of two of them one may go back further. In one, samples,
//! bookmark and everything else are of the same moment, always.

use std::fmt;

use crate::model::{ChannelId, Seq, Timestamp};

/// Microseconds in a UTC day (no leap seconds, as `Timestamp` has it).
pub(super) const DAY_MICROS: i64 = 86_400_000_000;

pub(super) const KEY_BYTES: usize = 13;
pub(super) const LATEST_BYTES: usize = 5;
pub(super) const EARLIER_BYTES: usize = 25;

/// What a key addresses: its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Table {
    Notes = 0,
    Runs = 1,
    Dirty = 2,
    Minutes = 3,
    Hours = 4,
    Days = 5,
    Latest = 6,
    Earlier = 7,
    Letters = 8,
}

impl Table {
    /// Its first byte, which every key of it begins with.
    pub(super) fn prefix(self) -> [u8; 1] {
        [self as u8]
    }
}

/// A UTC day: days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i32);

impl Day {
    /// The first day that a number can name.
    pub(super) const MIN: Day = Day(i32::MIN);

    pub(super) fn of(at: Timestamp) -> Self {
        Self(at.micros().div_euclid(DAY_MICROS) as i32)
    }

    pub(super) fn number(self) -> i64 {
        i64::from(self.0)
    }

    pub(super) fn of_number(number: i64) -> Option<Self> {
        i32::try_from(number).ok().map(Self)
    }

    /// The first instant of the day; of the first day of all, the first instant there is.
    pub(super) fn first(self) -> Timestamp {
        Timestamp::from_micros(self.number().saturating_mul(DAY_MICROS))
    }

    /// Microseconds from the day's start: `0..DAY_MICROS`.
    pub(super) fn offset(at: Timestamp) -> i64 {
        at.micros().rem_euclid(DAY_MICROS)
    }

    /// The instant at an offset; `None` outside the day or the range of instants (whose first day is cut short).
    pub(super) fn at(self, offset: i64) -> Option<Timestamp> {
        if !(0..DAY_MICROS).contains(&offset) {
            return None;
        }
        let micros = i128::from(self.0) * i128::from(DAY_MICROS) + i128::from(offset);
        i64::try_from(micros).ok().map(Timestamp::from_micros)
    }
}

/// `2026-08-21`.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = i64::from(self.0).saturating_mul(DAY_MICROS);
        Timestamp::from_micros(micros).to_jiff().strftime("%Y-%m-%d").fmt(f)
    }
}

/// A run's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) channel: ChannelId,
    pub(super) day: Day,
    pub(super) number: u32,
}

impl Key {
    pub(super) fn to_bytes(self) -> [u8; KEY_BYTES] {
        let mut bytes = [0; KEY_BYTES];
        bytes[..DayKey::BYTES].copy_from_slice(&DayKey::new(Table::Runs, self.channel, self.day).to_bytes());
        bytes[DayKey::BYTES..].copy_from_slice(&self.number.to_be_bytes());
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (day, number) = bytes.split_first_chunk::<{ DayKey::BYTES }>()?;
        let DayKey { channel, day, .. } = DayKey::from_bytes(Table::Runs, day)?;
        Some(Self { channel, day, number: u32::from_be_bytes(number.try_into().ok()?) })
    }

    /// What every run of a channel begins with.
    pub(super) fn channel_prefix(channel: ChannelId) -> [u8; 5] {
        let mut bytes = [Table::Runs as u8; 5];
        bytes[1..].copy_from_slice(&channel.0.to_be_bytes());
        bytes
    }

    /// The least and greatest addresses of runs from a channel on.
    pub(super) fn channels_from(channel: ChannelId) -> std::ops::RangeInclusive<[u8; KEY_BYTES]> {
        let mut greatest = [u8::MAX; KEY_BYTES];
        greatest[0] = Table::Runs as u8;
        Key { channel, day: Day(i32::MIN), number: 0 }.to_bytes()..=greatest
    }

    /// The least and greatest keys from one day of a channel to another.
    pub(super) fn days(channel: ChannelId, first: Day, last: Day) -> [[u8; KEY_BYTES]; 2] {
        [Key { channel, day: first, number: 0 }.to_bytes(), Key { channel, day: last, number: u32::MAX }.to_bytes()]
    }
}

/// A channel's day in one of the tables that are addressed so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DayKey {
    pub(super) table: Table,
    pub(super) channel: ChannelId,
    pub(super) day: Day,
}

impl DayKey {
    pub(super) const BYTES: usize = 9;

    pub(super) fn new(table: Table, channel: ChannelId, day: Day) -> Self {
        Self { table, channel, day }
    }

    pub(super) fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [self.table as u8; Self::BYTES];
        bytes[1..5].copy_from_slice(&self.channel.0.to_be_bytes());
        bytes[5..].copy_from_slice(&(self.day.0 as u32 ^ (1 << 31)).to_be_bytes());
        bytes
    }

    pub(super) fn from_bytes(table: Table, bytes: &[u8]) -> Option<Self> {
        let (first, rest) = bytes.split_first()?;
        let (channel, day) = rest.split_first_chunk()?;
        let day = u32::from_be_bytes(day.try_into().ok()?) ^ (1 << 31);
        (*first == table as u8).then_some(())?;
        Some(Self { table, channel: ChannelId(u32::from_be_bytes(*channel)), day: Day(day as i32) })
    }

    /// The least and greatest keys of a table from one day of a channel to another.
    pub(super) fn days(table: Table, channel: ChannelId, first: Day, last: Day) -> [[u8; Self::BYTES]; 2] {
        [Self::new(table, channel, first).to_bytes(), Self::new(table, channel, last).to_bytes()]
    }
}

/// Of the latest sample of a channel.
pub(super) fn latest(channel: ChannelId) -> [u8; LATEST_BYTES] {
    let mut bytes = [Table::Latest as u8; LATEST_BYTES];
    bytes[1..].copy_from_slice(&channel.0.to_be_bytes());
    bytes
}

/// Of a dead letter.
pub(super) fn letter(id: Seq) -> [u8; 9] {
    let mut bytes = [Table::Letters as u8; 9];
    bytes[1..].copy_from_slice(&id.0.to_be_bytes());
    bytes
}

/// Of a value that the sample at a place of an entry replaced.
pub(super) fn earlier(channel: ChannelId, at: Timestamp, by: Seq, place: u32) -> [u8; EARLIER_BYTES] {
    let mut bytes = [Table::Earlier as u8; EARLIER_BYTES];
    bytes[1..5].copy_from_slice(&channel.0.to_be_bytes());
    bytes[5..13].copy_from_slice(&(at.micros() as u64 ^ (1 << 63)).to_be_bytes());
    bytes[13..21].copy_from_slice(&by.0.to_be_bytes());
    bytes[21..].copy_from_slice(&place.to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes_keep_the_order_and_return(a in any::<(u32, i32, u32)>(), b in any::<(u32, i32, u32)>()) {
            let key = |(channel, day, number)| Key { channel: ChannelId(channel), day: Day(day), number };
            let (a, b) = (key(a), key(b));
            prop_assert_eq!(Key::from_bytes(&a.to_bytes()), Some(a));
            let day = DayKey::new(Table::Hours, a.channel, a.day);
            prop_assert_eq!(DayKey::from_bytes(Table::Hours, &day.to_bytes()), Some(day));
            prop_assert_eq!(DayKey::from_bytes(Table::Days, &day.to_bytes()), None);
            prop_assert_eq!(a.to_bytes().cmp(&b.to_bytes()), a.cmp(&b));
        }

        #[test]
        fn an_instant_is_its_day_and_offset(micros in any::<i64>()) {
            let at = Timestamp::from_micros(micros);
            prop_assert_eq!(Day::of(at).at(Day::offset(at)), Some(at));
        }
    }

    #[test]
    fn days_are_written_as_dates() {
        let day = |text: &str| Day::of(Timestamp::parse(text).unwrap()).to_string();
        assert_eq!(day("2026-08-21T23:59:59.999999Z"), "2026-08-21");
        assert_eq!(day("1969-12-31T23:59:59Z"), "1969-12-31");
        assert_eq!(Day(i32::MAX).to_string().len(), "9999-12-31".len());
    }

    #[test]
    fn offsets_outside_the_day_are_none() {
        assert_eq!(Day(0).at(-1), None);
        assert_eq!(Day(0).at(DAY_MICROS), None);
        assert_eq!(Day(i32::MAX).at(0), None);
    }
}
