//! Where a run stands: channel, UTC day, run number, in an order that bytes keep.
//!
//! ```text
//! 0  u32 BE  channel
//! 4  u32 BE  UTC day: days since 1970-01-01, with the sign bit flipped so that days before 1970 sort first
//! 8  u32 BE  run number within the day
//! ```
//!
//! Every `i64` of microseconds lies in a day that an `i32` holds.

use std::fmt;

use crate::model::{ChannelId, Timestamp};

/// Microseconds in a UTC day (no leap seconds, as `Timestamp` has it).
pub(super) const DAY_MICROS: i64 = 86_400_000_000;

pub(super) const KEY_BYTES: usize = 12;

/// A UTC day: days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i32);

impl Day {
    pub(super) fn of(at: Timestamp) -> Self {
        Self(at.micros().div_euclid(DAY_MICROS) as i32)
    }

    pub(super) fn number(self) -> i64 {
        i64::from(self.0)
    }

    pub(super) fn of_number(number: i64) -> Option<Self> {
        i32::try_from(number).ok().map(Self)
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
        bytes[..4].copy_from_slice(&self.channel.0.to_be_bytes());
        bytes[4..8].copy_from_slice(&(self.day.0 as u32 ^ (1 << 31)).to_be_bytes());
        bytes[8..].copy_from_slice(&self.number.to_be_bytes());
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (channel, rest) = bytes.split_first_chunk()?;
        let (day, rest) = rest.split_first_chunk()?;
        let number = u32::from_be_bytes(rest.try_into().ok()?);
        let day = Day((u32::from_be_bytes(*day) ^ (1 << 31)) as i32);
        Some(Self { channel: ChannelId(u32::from_be_bytes(*channel)), day, number })
    }

    /// The least and greatest keys from one day of a channel to another.
    pub(super) fn days(channel: ChannelId, first: Day, last: Day) -> [[u8; KEY_BYTES]; 2] {
        [Key { channel, day: first, number: 0 }.to_bytes(), Key { channel, day: last, number: u32::MAX }.to_bytes()]
    }
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
