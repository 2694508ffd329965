//! Where things stand in the one keyspace, in an order that bytes keep. The first byte says what it is.
//!
//! ```text
//! 0 notes    u8 which: 0 the bookmark, 1 the channels' classes, 2 the day tier's offset, 3 how far deleting went,
//!            4 through which entry the firsts hold
//! 1 runs     u32 span, u32 channel, u32 day, u32 run number within the day
//! 2 dirty    u32 channel, u32 day                                    written since it was settled
//! 3 minutes  u32 channel, u32 day                                    kept tallies
//! 4 hours    u32 channel, u32 day
//! 5 days     u32 channel, u32 day                                    its parts before and after local midnight
//! 6 latest   u32 channel
//! 7 earlier  u32 channel, u64 time, u64 entry number, u32 place      values that were replaced
//! 8 letters  u64 entry number
//! 9 firsts   u32 channel
//! ```
//!
//! Numbers are big-endian. A day is a UTC day: days since 1970-01-01 with the sign bit flipped, so that days before
//! 1970 sort first; a time likewise. Every `i64` of microseconds lies in a day that an `i32` holds.
//!
//! A span is eight days. Runs stand span by span, and what comes in is mostly of the span at hand: the engine merges it
//! with that alone, and what is older it only moves. By channel first it wrote all of the history again at each of its
//! levels (7.0 bytes a value for 400 million of them, 2.6 for 40 million). Whoever reads a long stretch of a channel
//! seeks once for each span.
//!
//! One keyspace, since the engine makes tables and cuts its log for each keyspace by itself: when the log's tail is
//! lost, a keyspace goes back to an earlier moment, and of two of them one may go back further. In one, samples,
//! bookmark and everything else are of the same moment, always.

use std::fmt;

use crate::model::{ChannelId, Seq, Timestamp};

/// Microseconds in a UTC day (no leap seconds, as `Timestamp` has it).
pub(super) const DAY_MICROS: i64 = 86_400_000_000;

pub(super) const KEY_BYTES: usize = 17;
/// What the keys of a span begin with.
pub(super) const SPAN_BYTES: usize = 5;
/// The binary logarithm of the days in a span.
const SPAN_SHIFT: u32 = 3;
/// Of a key that is a channel's.
pub(super) const CHANNEL_BYTES: usize = 5;
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
    Firsts = 9,
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

/// Eight days, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span(i32);

impl Span {
    /// The first and the last span that a day can lie in.
    pub(super) const MIN: Span = Span(i32::MIN >> SPAN_SHIFT);
    pub(super) const MAX: Span = Span(i32::MAX >> SPAN_SHIFT);

    pub(super) fn of(day: Day) -> Self {
        Self(day.0 >> SPAN_SHIFT)
    }

    pub(super) fn of_number(number: i64) -> Option<Self> {
        i32::try_from(number).ok().map(Self).filter(|span| (Span::MIN..=Span::MAX).contains(span))
    }

    pub(super) fn number(self) -> i64 {
        i64::from(self.0)
    }

    /// The one after it; `None` behind the last.
    pub(super) fn next(self) -> Option<Self> {
        Span::of_number(self.number() + 1)
    }

    pub(super) fn first_day(self) -> Day {
        Day(self.0 << SPAN_SHIFT)
    }

    pub(super) fn last_day(self) -> Day {
        Day((self.0 << SPAN_SHIFT) | ((1 << SPAN_SHIFT) - 1))
    }

    /// What its runs begin with.
    pub(super) fn to_bytes(self) -> [u8; SPAN_BYTES] {
        let mut bytes = [Table::Runs as u8; SPAN_BYTES];
        bytes[1..].copy_from_slice(&ordered(self.0));
        bytes
    }

    /// That of a run's key.
    pub(super) fn of_key(key: &[u8]) -> Option<Self> {
        Key::from_bytes(key).map(|key| Span::of(key.day))
    }

    /// The least and the greatest run of a channel in it.
    pub(super) fn of_channel(self, channel: ChannelId) -> [[u8; KEY_BYTES]; 2] {
        Key::days(channel, self.first_day(), self.last_day())
    }
}

/// Big-endian with the sign bit flipped: sorts as the number does.
fn ordered(number: i32) -> [u8; 4] {
    (number as u32 ^ (1 << 31)).to_be_bytes()
}

/// A run's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) channel: ChannelId,
    pub(super) day: Day,
    pub(super) number: u32,
}

impl Key {
    pub(super) fn to_bytes(self) -> [u8; KEY_BYTES] {
        let mut bytes = [0; KEY_BYTES];
        let (span, rest) = bytes.split_at_mut(SPAN_BYTES);
        span.copy_from_slice(&Span::of(self.day).to_bytes());
        rest.copy_from_slice(&self.address());
        bytes
    }

    /// What of the key says which run it is, and is in the run's checksum: channel, day, number.
    pub(super) fn address(self) -> [u8; KEY_BYTES - SPAN_BYTES] {
        let mut bytes = [0; KEY_BYTES - SPAN_BYTES];
        bytes[..4].copy_from_slice(&self.channel.0.to_be_bytes());
        bytes[4..8].copy_from_slice(&ordered(self.day.0));
        bytes[8..].copy_from_slice(&self.number.to_be_bytes());
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (span, address) = bytes.split_first_chunk::<SPAN_BYTES>()?;
        let key = Self::of_address(address)?;
        (*span == Span::of(key.day).to_bytes()).then_some(key)
    }

    /// From [`Key::address`].
    pub(super) fn of_address(bytes: &[u8]) -> Option<Self> {
        let (channel, rest) = bytes.split_first_chunk()?;
        let (day, number) = rest.split_first_chunk()?;
        let day = (u32::from_be_bytes(*day) ^ (1 << 31)) as i32;
        let (channel, number) = (u32::from_be_bytes(*channel), u32::from_be_bytes(number.try_into().ok()?));
        Some(Self { channel: ChannelId(channel), day: Day(day), number })
    }

    /// The least and greatest keys from one day of a channel to another of the same span.
    pub(super) fn days(channel: ChannelId, first: Day, last: Day) -> [[u8; KEY_BYTES]; 2] {
        assert_eq!(Span::of(first), Span::of(last), "runs of two spans do not stand together");
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
        bytes[5..].copy_from_slice(&ordered(self.day.0));
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
pub(super) fn latest(channel: ChannelId) -> [u8; CHANNEL_BYTES] {
    of_channel(Table::Latest, channel)
}

/// Of the time of a channel's first sample.
pub(super) fn first(channel: ChannelId) -> [u8; CHANNEL_BYTES] {
    of_channel(Table::Firsts, channel)
}

fn of_channel(table: Table, channel: ChannelId) -> [u8; CHANNEL_BYTES] {
    let mut bytes = [table as u8; CHANNEL_BYTES];
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
            let order = |key: Key| (key.day.0 >> 3, key.channel.0, key.day.0, key.number);
            prop_assert_eq!(a.to_bytes().cmp(&b.to_bytes()), order(a).cmp(&order(b)));
            let span = Span::of(a.day);
            prop_assert!(span.first_day() <= a.day && a.day <= span.last_day());
            prop_assert_eq!(Span::of_key(&a.to_bytes()), Some(span));
            prop_assert_eq!(span.next().map(|next| next.first_day().number()), {
                let next = span.last_day().number() + 1;
                Day::of_number(next).map(Day::number)
            });
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
