//! A run: samples of one channel within one UTC day, sorted by time, compressed by column.
//!
//! ```text
//! u8        2 = coded quickly, 3 = coded thoroughly (settled); the layout is the same
//! varint    number of samples n, 1..=1,048,576
//! times     varint  unit in microseconds: the greatest step that divides every interval; at least 1
//!           varint  the first time, in microseconds from the day's start
//!           column  n-1 intervals in units, each at least 1
//! values    drawn in `values.rs`
//! qualities varint  number of stretches; for each varint flags and, for all but the last, varint length
//! u32 LE    CRC-32 of the run's key and of everything before this field
//! ```
//!
//! Columns are drawn in `packed.rs`. Every finite value returns bit for bit. The key is in the checksum, so a run
//! that stands at another's place is found out. Bytes that are no run are [`Damage`], never a panic.

use crate::model::{Quality, Timestamp};

use super::StoredSample;
use super::column::{Damage, Effort, Reader, put_varint};
use super::key::{Day, Key, Table};
use super::{packed, values};

/// The most samples in one run: bounds what a damaged count can make a reader allocate.
pub(super) const RUN_SAMPLES_MAX: usize = 1 << 20;

const QUICK: u8 = 2;
const THOROUGH: u8 = 3;
const CRC_BYTES: usize = 4;

/// Encodes samples of the key's day, strictly ascending in time.
pub(super) fn encode(key: Key, samples: &[StoredSample], effort: Effort) -> Vec<u8> {
    assert!((1..=RUN_SAMPLES_MAX).contains(&samples.len()), "a run of {} samples", samples.len());
    assert!(samples.windows(2).all(|pair| pair[0].observed_at < pair[1].observed_at), "a run is sorted by time");
    assert!(
        Day::of(samples[0].observed_at) == key.day && Day::of(samples[samples.len() - 1].observed_at) == key.day,
        "a run lies within its day"
    );
    let mut out = Vec::with_capacity(24 + samples.len() * 2);
    out.push(match effort {
        Effort::Quick => QUICK,
        Effort::Thorough => THOROUGH,
    });
    put_varint(samples.len() as u64, &mut out);
    let mut integers = Vec::with_capacity(samples.len());
    put_times(samples, effort, &mut integers, &mut out);
    values::put(samples, effort, &mut integers, &mut out);
    put_qualities(samples, &mut out);
    let crc = checksum(key, &out);
    out.extend_from_slice(&crc.to_le_bytes());
    out
}

/// How many samples a run says it has, unchecked but for its bounds: for deciding what to merge.
pub(super) fn count(bytes: &[u8]) -> Result<usize, Damage> {
    let mut reader = Reader::new(bytes);
    if !matches!(reader.u8()?, QUICK | THOROUGH) {
        return Err(Damage("the version is not known"));
    }
    let count = usize::try_from(reader.varint()?).unwrap_or(usize::MAX);
    if !(1..=RUN_SAMPLES_MAX).contains(&count) {
        return Err(Damage("the number of samples is out of bounds"));
    }
    Ok(count)
}

/// Whether a run says that it was coded thoroughly, unchecked.
pub(super) fn is_settled(bytes: &[u8]) -> bool {
    bytes.first() == Some(&THOROUGH)
}

/// Whether a run may hold samples between two times of its day, both included: by its times alone, which cost less to
/// decode than its values. One that is damaged may.
pub(super) fn may_hold(key: Key, bytes: &[u8], first: Timestamp, last: Timestamp) -> bool {
    extent(key.day, bytes).map_or(true, |(begin, end)| begin <= last && first <= end)
}

/// The first and the last time of a run, unchecked.
pub(super) fn extent(day: Day, bytes: &[u8]) -> Result<(Timestamp, Timestamp), Damage> {
    const OUTSIDE: Damage = Damage("a time is outside the day");
    let count = count(bytes)?;
    let mut reader = Reader::new(bytes);
    reader.u8()?;
    reader.varint()?;
    let mut number = || i64::try_from(reader.varint()?).map_err(|_| OUTSIDE);
    let (unit, offset) = (number()?, number()?);
    let mut intervals = Vec::with_capacity(count);
    packed::take(&mut reader, count - 1, 0, &mut intervals)?;
    let steps = intervals.iter().try_fold(0i64, |sum, interval| sum.checked_add(*interval));
    let end = steps.and_then(|steps| offset.checked_add(steps.checked_mul(unit)?)).ok_or(OUTSIDE)?;
    Ok((day.at(offset).ok_or(OUTSIDE)?, day.at(end).ok_or(OUTSIDE)?))
}

/// Appends a run's samples to `out`; on damage `out` is as it was.
pub(super) fn decode(key: Key, bytes: &[u8], out: &mut Vec<StoredSample>) -> Result<(), Damage> {
    let (body, crc) = bytes.split_last_chunk::<CRC_BYTES>().ok_or(Damage("the bytes end early"))?;
    if checksum(key, body) != u32::from_le_bytes(*crc) {
        return Err(Damage("the checksum does not match"));
    }
    let start = out.len();
    let decoded = decode_body(key.day, body, out);
    if decoded.is_err() {
        out.truncate(start);
    }
    decoded
}

fn decode_body(day: Day, body: &[u8], out: &mut Vec<StoredSample>) -> Result<(), Damage> {
    let count = count(body)?;
    let mut reader = Reader::new(body);
    reader.u8()?;
    reader.varint()?;
    let start = out.len();
    let mut integers = Vec::with_capacity(count);
    take_times(&mut reader, day, count, &mut integers, out)?;
    let samples = &mut out[start..];
    values::take(&mut reader, &mut integers, samples)?;
    take_qualities(&mut reader, samples)?;
    if reader.is_empty() { Ok(()) } else { Err(Damage("there are bytes after the end")) }
}

fn checksum(key: Key, body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[Table::Runs as u8]);
    hasher.update(&key.address());
    hasher.update(body);
    hasher.finalize()
}

fn put_times(samples: &[StoredSample], effort: Effort, intervals: &mut Vec<i64>, out: &mut Vec<u8>) {
    intervals.clear();
    intervals.extend(samples.windows(2).map(|pair| pair[1].observed_at.micros() - pair[0].observed_at.micros()));
    let unit = intervals.iter().fold(0, |unit, interval| if *interval == unit { unit } else { gcd(*interval, unit) });
    let unit = unit.max(1);
    for interval in intervals.iter_mut().filter(|_| unit > 1) {
        *interval = if *interval == unit { 1 } else { *interval / unit };
    }
    put_varint(unit as u64, out);
    put_varint(Day::offset(samples[0].observed_at) as u64, out);
    packed::put(intervals, 0, effort, out);
}

fn gcd(mut a: i64, mut b: i64) -> i64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn take_times(
    reader: &mut Reader<'_>,
    day: Day,
    count: usize,
    intervals: &mut Vec<i64>,
    out: &mut Vec<StoredSample>,
) -> Result<(), Damage> {
    const OUTSIDE: Damage = Damage("a time is outside the day");
    let unit = i64::try_from(reader.varint()?).map_err(|_| OUTSIDE)?;
    let mut offset = i64::try_from(reader.varint()?).map_err(|_| OUTSIDE)?;
    packed::take(reader, count - 1, 0, intervals)?;
    let sample = |offset: i64| {
        let observed_at = day.at(offset).ok_or(OUTSIDE)?;
        Ok(StoredSample { observed_at, value: 0.0, quality: Quality::GOOD })
    };
    out.reserve(count);
    out.push(sample(offset)?);
    for interval in intervals.iter() {
        let step = interval.checked_mul(unit).filter(|step| *step > 0).ok_or(Damage("times do not ascend"))?;
        offset = offset.checked_add(step).ok_or(OUTSIDE)?;
        out.push(sample(offset)?);
    }
    Ok(())
}

fn put_qualities(samples: &[StoredSample], out: &mut Vec<u8>) {
    let stretches = samples.chunk_by(|a, b| a.quality == b.quality);
    let last = stretches.clone().count() - 1;
    put_varint(last as u64 + 1, out);
    for (place, stretch) in stretches.enumerate() {
        put_varint(u64::from(stretch[0].quality.0), out);
        if place < last {
            put_varint(stretch.len() as u64, out);
        }
    }
}

fn take_qualities(reader: &mut Reader<'_>, samples: &mut [StoredSample]) -> Result<(), Damage> {
    const WRONG: Damage = Damage("the qualities do not fit the samples");
    let stretches = reader.varint()?;
    let mut rest = samples;
    for stretch in 1..=stretches {
        let quality = Quality(u16::try_from(reader.varint()?).map_err(|_| WRONG)?);
        let length = if stretch < stretches {
            usize::try_from(reader.varint()?).ok().filter(|length| *length > 0).ok_or(WRONG)?
        } else {
            rest.len()
        };
        let (these, after) = std::mem::take(&mut rest).split_at_mut_checked(length).ok_or(WRONG)?;
        these.iter_mut().for_each(|sample| sample.quality = quality);
        rest = after;
    }
    if rest.is_empty() { Ok(()) } else { Err(WRONG) }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
