//! Kept tallies: those of one channel's day at one grain, compressed by column.
//!
//! ```text
//! u8      version, 1
//! u8      0 = the samples are here too; 1 = they were deleted for their age, and no more are taken
//! varint  number of buckets n, 1..=1,440
//! u8      0..=12: decimals d, and values are integers / 10^d; 64: values are ordered bits of doubles
//! varint  unit of the times in microseconds
//! varint  one bit for each column below, lowest first: whether it is there; otherwise it is all zeros
//! columns n integers each; n <= 4: zigzag varints, each the difference from the one before; otherwise `column.rs`
//!    0  buckets left out before this one               1  flags | flags of the first << 16 | of the last << 32
//!    2  good samples c (0: columns 3 to 12 are 0 but for 3)   3  samples that are not good
//!    4  first time from the bucket's beginning          5  last time, likewise
//!    6  first value f             7  last value - f     8  f - min            9  max - f
//!   decimals, m = floor((min + max) / 2), a = the mean rounded to an integer:
//!   10  sum - c m                11  sum of (value - a)^2                    12  increase - (last - first)
//!   doubles: 7 last, 8 min, 9 max, 10 sum, 11 squares, 12 increase, as they are
//! u32 LE  CRC-32 of the key and of everything before this field
//! ```
//!
//! With decimals the sums are exact, whatever the order in which they were added; a [`Tally`] made from them is the
//! tally of the samples but for the rounding of its `sum`, `squares` and `increase`.
//!
//! Left out on purpose: percentiles and times above a limit, which need the samples.

use crate::model::{Quality, Timestamp};
use crate::store::Tally;

use super::StoredSample;
use super::column::{self, Damage, Effort, Reader, put_varint, unzigzag, zigzag};
use super::decimal;
use super::key::{Day, DayKey};

const VERSION: u8 = 1;
const FLOATS: u8 = 64;
const COLUMNS: usize = 13;
const BUCKETS_MAX: usize = 1_440;
/// Fewer buckets than this are not worth a block's head.
const FEW: usize = 4;
/// Values further apart would overflow a sum of squares.
const SPREAD_MAX: i64 = 1 << 40;
const CRC_BYTES: usize = 4;
const NOT_KEPT: Damage = Damage("the tallies are not in their form");

/// What a bucket of a UTC day is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grain {
    Minute,
    Hour,
    /// The parts of a UTC day before and after local midnight, which is at this offset in microseconds.
    Part(i64),
}

impl Grain {
    fn bucket(self, offset: i64) -> i64 {
        match self {
            Grain::Minute => offset / 60_000_000,
            Grain::Hour => offset / 3_600_000_000,
            Grain::Part(split) => i64::from(offset >= split),
        }
    }

    /// Where a bucket begins, in microseconds from the day's start.
    fn begin(self, bucket: i64) -> i64 {
        match self {
            Grain::Minute => bucket * 60_000_000,
            Grain::Hour => bucket * 3_600_000_000,
            Grain::Part(split) => bucket * split,
        }
    }

    fn buckets_max(self) -> i64 {
        match self {
            Grain::Minute => 1_440,
            Grain::Hour => 24,
            Grain::Part(_) => 2,
        }
    }
}

/// Whether the samples behind tallies are still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raw {
    Here,
    Gone,
}

/// Encodes the tallies of one day's samples (ascending, at least one).
pub(super) fn encode(key: DayKey, grain: Grain, samples: &[StoredSample]) -> Vec<u8> {
    assert!(!samples.is_empty(), "a day without samples has no tallies");
    let good: Vec<StoredSample> = samples.iter().filter(|sample| sample.quality.is_good()).copied().collect();
    let mut integers = Vec::new();
    let decimals = decimal::common(&good, &mut integers);
    let bucket = |sample: &StoredSample| grain.bucket(Day::offset(sample.observed_at));
    let buckets: Vec<&[StoredSample]> = samples.chunk_by(|a, b| bucket(a) == bucket(b)).collect();
    let mut columns: [Vec<i64>; COLUMNS] = std::array::from_fn(|_| Vec::with_capacity(buckets.len()));
    let mut next = 0;
    for samples in &buckets {
        let number = bucket(&samples[0]);
        put_common(samples, grain.begin(number), number - next, &mut columns);
        next = number + 1;
    }
    let unit = columns[4].iter().chain(&columns[5]).fold(0, |unit, offset| gcd(*offset, unit)).max(1);
    for place in [4, 5] {
        columns[place].iter_mut().for_each(|offset| *offset /= unit);
    }
    let coding = decimals.filter(|_| put_decimals(&columns[2].clone(), &integers, &mut columns).is_some());
    if coding.is_none() {
        put_floats(&buckets, &mut columns);
    }
    let mut out = vec![VERSION, 0];
    put_varint(buckets.len() as u64, &mut out);
    out.push(coding.map_or(FLOATS, |decimals| decimals as u8));
    put_varint(unit as u64, &mut out);
    let there = |column: &Vec<i64>| column.iter().any(|integer| *integer != 0);
    let bits = columns.iter().enumerate().map(|(place, column)| u64::from(there(column)) << place).sum();
    put_varint(bits, &mut out);
    for column in columns.iter().filter(|column| there(column)) {
        put_column(column, &mut out);
    }
    seal(key, out)
}

/// The columns that do not depend on the coding of values.
fn put_common(samples: &[StoredSample], begin: i64, left_out: i64, columns: &mut [Vec<i64>; COLUMNS]) {
    let mut good = samples.iter().filter(|sample| sample.quality.is_good());
    let (first, last) = (good.clone().next(), good.clone().next_back());
    let quality = |sample: Option<&StoredSample>| sample.map_or(0, |sample| i64::from(sample.quality.0));
    let offset = |sample: Option<&StoredSample>| sample.map_or(0, |sample| Day::offset(sample.observed_at) - begin);
    let flags = samples.iter().fold(Quality::GOOD, |flags, sample| flags.with(sample.quality));
    let count = good.by_ref().count() as i64;
    let common = [
        left_out,
        i64::from(flags.0) | quality(first) << 16 | quality(last) << 32,
        count,
        samples.len() as i64 - count,
        offset(first),
        offset(last),
    ];
    for (column, integer) in columns.iter_mut().zip(common) {
        column.push(integer);
    }
}

/// The columns of values as integers, those of all buckets one after the other; `None` when one does not fit.
fn put_decimals(counts: &[i64], integers: &[i64], columns: &mut [Vec<i64>; COLUMNS]) -> Option<()> {
    let mut rest = integers;
    let mut rows = Vec::with_capacity(counts.len());
    for count in counts {
        let (these, after) = rest.split_at(*count as usize);
        rest = after;
        let (Some(first), Some(last)) = (these.first(), these.last()) else {
            rows.push([0; 7]);
            continue;
        };
        let (min, max) = these.iter().fold((*first, *first), |(min, max), v| (min.min(*v), max.max(*v)));
        if max - min > SPREAD_MAX {
            return None;
        }
        let sum: i128 = these.iter().map(|v| i128::from(*v)).sum();
        let mean = rounded_mean(sum, *count);
        let squares: i128 = these.iter().map(|v| (i128::from(*v) - mean).pow(2)).sum();
        let steps = these.windows(2).map(|pair| if pair[1] >= pair[0] { pair[1] - pair[0] } else { pair[1] });
        let increase: i128 = steps.map(i128::from).sum();
        let middle = i128::from((min + max) >> 1) * i128::from(*count);
        let integer = |value: i128| i64::try_from(value).ok();
        rows.push([
            *first,
            last - first,
            first - min,
            max - first,
            integer(sum - middle)?,
            integer(squares)?,
            integer(increase - i128::from(last - first))?,
        ]);
    }
    for row in rows {
        columns[6..].iter_mut().zip(row).for_each(|(column, integer)| column.push(integer));
    }
    Some(())
}

fn rounded_mean(sum: i128, count: i64) -> i128 {
    sum.wrapping_mul(2).wrapping_add(count.into()).div_euclid(2 * i128::from(count))
}

fn put_floats(buckets: &[&[StoredSample]], columns: &mut [Vec<i64>; COLUMNS]) {
    for samples in buckets {
        let tally = Tally::of(*samples);
        let row = match (tally.first, tally.last) {
            (Some(first), Some(last)) => {
                [first.value, last.value, tally.min, tally.max, tally.sum, tally.squares, tally.increase]
            }
            _ => [0.0; 7],
        };
        columns[6..].iter_mut().zip(row).for_each(|(column, value)| column.push(decimal::ordered(value, 0)));
    }
}

fn put_column(integers: &[i64], out: &mut Vec<u8>) {
    if integers.len() > FEW {
        return column::put(integers, 0, Effort::Thorough, out);
    }
    let mut before = 0i64;
    for integer in integers {
        put_varint(zigzag(integer.wrapping_sub(before)), out);
        before = *integer;
    }
}

fn take_column(reader: &mut Reader<'_>, count: usize, out: &mut Vec<i64>) -> Result<(), Damage> {
    if count > FEW {
        return column::take(reader, count, 0, out);
    }
    let mut before = 0i64;
    for _ in 0..count {
        before = before.wrapping_add(unzigzag(reader.varint()?));
        out.push(before);
    }
    Ok(())
}

fn gcd(mut a: i64, mut b: i64) -> i64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn seal(key: DayKey, mut body: Vec<u8>) -> Vec<u8> {
    let crc = checksum(key, &body);
    body.extend_from_slice(&crc.to_le_bytes());
    body
}

fn unseal(key: DayKey, bytes: &[u8]) -> Result<&[u8], Damage> {
    let (body, crc) = bytes.split_last_chunk::<CRC_BYTES>().ok_or(Damage("the bytes end early"))?;
    if checksum(key, body) != u32::from_le_bytes(*crc) {
        return Err(Damage("the checksum does not match"));
    }
    Ok(body)
}

fn checksum(key: DayKey, body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&key.to_bytes());
    hasher.update(body);
    hasher.finalize()
}

/// Whether tallies say that their samples are gone, unchecked.
pub(super) fn raw(bytes: &[u8]) -> Raw {
    if bytes.get(1) == Some(&1) { Raw::Gone } else { Raw::Here }
}

/// The same tallies, saying that their samples are gone.
pub(super) fn without_raw(key: DayKey, bytes: &[u8]) -> Result<Vec<u8>, Damage> {
    let mut body = unseal(key, bytes)?.to_vec();
    *body.get_mut(1).ok_or(NOT_KEPT)? = 1;
    Ok(seal(key, body))
}

/// Hands out each bucket's beginning and tally, ascending; `columns` is room for work.
/// Nothing is handed out before the checksum is seen to match.
pub(super) fn decode(
    key: DayKey,
    grain: Grain,
    bytes: &[u8],
    columns: &mut Vec<i64>,
    mut each: impl FnMut(Timestamp, Tally),
) -> Result<(), Damage> {
    let mut reader = Reader::new(unseal(key, bytes)?);
    if reader.u8()? != VERSION {
        return Err(Damage("the version is not known"));
    }
    reader.u8()?;
    let count = usize::try_from(reader.varint()?).unwrap_or(usize::MAX);
    if !(1..=BUCKETS_MAX).contains(&count) {
        return Err(NOT_KEPT);
    }
    let coding = usize::from(reader.u8()?);
    if coding > decimal::DECIMALS_MAX && coding != usize::from(FLOATS) {
        return Err(NOT_KEPT);
    }
    let unit = i64::try_from(reader.varint()?).map_err(|_| NOT_KEPT)?;
    let there = reader.varint()?;
    // All columns one after the other, the absent ones as zeros.
    columns.clear();
    columns.reserve(COLUMNS * count);
    for place in 0..COLUMNS {
        if there >> place & 1 == 1 {
            take_column(&mut reader, count, columns)?;
        } else {
            columns.resize(columns.len() + count, 0);
        }
    }
    if !reader.is_empty() {
        return Err(Damage("there are bytes after the end"));
    }
    let mut bucket = 0i64;
    for place in 0..count {
        let row: [i64; COLUMNS] = std::array::from_fn(|column| columns[column * count + place]);
        bucket =
            bucket.checked_add(row[0]).filter(|bucket| (0..grain.buckets_max()).contains(bucket)).ok_or(NOT_KEPT)?;
        let begin = grain.begin(bucket);
        each(key.day.at(begin).unwrap_or(key.day.first()), tally(key.day, begin, unit, coding, &row)?);
        bucket += 1;
    }
    Ok(())
}

/// The sum of integers, and of their squared distances from the mean, from columns 10 and 11.
fn sums(count: i64, middle: i64, sum: i64, squares: i64) -> (f64, f64) {
    const SMALL: i64 = 1 << 30;
    if count < SMALL && [middle, sum, squares / count.max(1)].iter().all(|part| part.unsigned_abs() < SMALL as u64) {
        // The distance of the mean from its rounding depends on the sum's distance from a whole number of counts.
        let off = (2 * sum + count).rem_euclid(2 * count) - count;
        let off = off as f64 / 2.0;
        return ((middle * count + sum) as f64, squares as f64 - off * off / count as f64);
    }
    let (count, squares) = (i128::from(count), i128::from(squares));
    let sum = i128::from(middle).wrapping_mul(count).wrapping_add(sum.into());
    let off = sum.wrapping_sub(rounded_mean(sum, count as i64).wrapping_mul(count));
    let squares = squares.wrapping_mul(count).wrapping_sub(off.wrapping_mul(off));
    (sum as f64, squares as f64 / count as f64)
}

fn tally(day: Day, begin: i64, unit: i64, coding: usize, row: &[i64; COLUMNS]) -> Result<Tally, Damage> {
    let count = row[2];
    let (Ok(good), Ok(flagged)) = (u64::try_from(count), u64::try_from(row[3])) else {
        return Err(NOT_KEPT);
    };
    let mut tally = Tally { flagged, flags: Quality(row[1] as u16), ..Tally::default() };
    if good == 0 {
        return Ok(tally);
    }
    tally.count = good;
    let [first, last] = if coding == usize::from(FLOATS) {
        let value = |place: usize| decimal::from_ordered(row[place], 0);
        (tally.min, tally.max) = (value(8), value(9));
        (tally.sum, tally.squares, tally.increase) = (value(10), value(11), value(12));
        [value(6), value(7)]
    } else {
        let value = |integer: i64| decimal::from_decimal(integer, coding);
        let first = row[6];
        let (min, max) = (first.wrapping_sub(row[8]), first.wrapping_add(row[9]));
        (tally.min, tally.max) = (value(min), value(max));
        let (sum, squares) = sums(count, min.wrapping_add(max) >> 1, row[10], row[11]);
        let ten = decimal::power(coding);
        tally.sum = sum / ten;
        tally.squares = squares / (ten * ten);
        tally.increase = row[12].wrapping_add(row[7]) as f64 / ten;
        [value(first), value(first.wrapping_add(row[7]))]
    };
    let sample = |offset: i64, value: f64, quality: i64| {
        let offset = offset.checked_mul(unit).and_then(|offset| offset.checked_add(begin)).ok_or(NOT_KEPT)?;
        let observed_at = day.at(offset).ok_or(NOT_KEPT)?;
        Ok(StoredSample { observed_at, value, quality: Quality(quality as u16) })
    };
    tally.first = Some(sample(row[4], first, row[1] >> 16)?);
    tally.last = Some(sample(row[5], last, row[1] >> 32)?);
    Ok(tally)
}

#[cfg(test)]
#[path = "kept_tests.rs"]
mod tests;
