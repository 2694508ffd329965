//! A run: samples of one channel within one UTC day, sorted by time, compressed by column.
//!
//! ```text
//! u8        version, 1
//! varint    number of samples n, 1..=1,048,576
//! times     varint  unit in microseconds: the greatest step that divides every interval; at least 1
//!           varint  the first time, in microseconds from the day's start
//!           column  n-1 intervals in units, each at least 1
//! values    u8      0..=12: decimals d; 64..=127: floats, 64 + shift s
//!   decimals        varint p, p times { varint places since the last patch, 8 bytes LE }: values that are no decimals
//!                   varint zigzag of the first integer; column of n-1 integers; value = integer / 10^d
//!   floats          varint zigzag of the first integer; column of n-1 integers; the bits of the value's magnitude
//!                   shifted right by s, complemented when its sign is set: integers in the order of the values
//! qualities varint  number of stretches; for each varint flags and, for all but the last, varint length
//! u32 LE    CRC-32 of the run's key and of everything before this field
//! ```
//!
//! Columns are drawn in `column.rs`. Every finite value returns bit for bit. The key is in the checksum, so a run
//! that stands at another's place is found out. Bytes that are no run are [`Damage`], never a panic.

use crate::model::Quality;

use super::StoredSample;
use super::column::{self, Damage, Reader, put_varint, unzigzag, zigzag};
use super::key::{Day, Key};

/// The most samples in one run: bounds what a damaged count can make a reader allocate.
pub(super) const RUN_SAMPLES_MAX: usize = 1 << 20;

const VERSION: u8 = 1;
const DECIMALS_MAX: usize = 12;
const FLOATS: u8 = 64;
const SIGN: u64 = 1 << 63;
const CRC_BYTES: usize = 4;
const POWERS: [f64; DECIMALS_MAX + 1] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12];
/// Integers up to here are exact as doubles.
const EXACT_MAX: f64 = (1u64 << 53) as f64;

/// Encodes samples of the key's day, strictly ascending in time.
pub(super) fn encode(key: Key, samples: &[StoredSample]) -> Vec<u8> {
    assert!((1..=RUN_SAMPLES_MAX).contains(&samples.len()), "a run of {} samples", samples.len());
    assert!(samples.windows(2).all(|pair| pair[0].observed_at < pair[1].observed_at), "a run is sorted by time");
    assert!(
        Day::of(samples[0].observed_at) == key.day && Day::of(samples[samples.len() - 1].observed_at) == key.day,
        "a run lies within its day"
    );
    let mut out = Vec::with_capacity(24 + samples.len() * 2);
    out.push(VERSION);
    put_varint(samples.len() as u64, &mut out);
    let mut integers = Vec::with_capacity(samples.len());
    put_times(samples, &mut integers, &mut out);
    put_values(samples, &mut integers, &mut out);
    put_qualities(samples, &mut out);
    let crc = checksum(key, &out);
    out.extend_from_slice(&crc.to_le_bytes());
    out
}

/// How many samples a run says it has, unchecked but for its bounds: for deciding what to merge.
pub(super) fn count(bytes: &[u8]) -> Result<usize, Damage> {
    let mut reader = Reader::new(bytes);
    if reader.u8()? != VERSION {
        return Err(Damage("the version is not known"));
    }
    let count = usize::try_from(reader.varint()?).unwrap_or(usize::MAX);
    if !(1..=RUN_SAMPLES_MAX).contains(&count) {
        return Err(Damage("the number of samples is out of bounds"));
    }
    Ok(count)
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
    take_values(&mut reader, &mut integers, samples)?;
    take_qualities(&mut reader, samples)?;
    if reader.is_empty() { Ok(()) } else { Err(Damage("there are bytes after the end")) }
}

fn checksum(key: Key, body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&key.to_bytes());
    hasher.update(body);
    hasher.finalize()
}

fn put_times(samples: &[StoredSample], intervals: &mut Vec<i64>, out: &mut Vec<u8>) {
    intervals.clear();
    intervals.extend(samples.windows(2).map(|pair| pair[1].observed_at.micros() - pair[0].observed_at.micros()));
    let unit = intervals.iter().fold(0, |unit, interval| gcd(*interval, unit)).max(1);
    for interval in intervals.iter_mut() {
        *interval /= unit;
    }
    put_varint(unit as u64, out);
    put_varint(Day::offset(samples[0].observed_at) as u64, out);
    column::put(intervals, 0, out);
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
    column::take(reader, count - 1, 0, intervals)?;
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

fn put_values(samples: &[StoredSample], integers: &mut Vec<i64>, out: &mut Vec<u8>) {
    if let Some(decimals) = decimals(samples) {
        let mut patches = Vec::new();
        as_decimals(samples, decimals, integers, &mut patches);
        if patches.len() <= patches_max(samples.len()) {
            out.push(decimals as u8);
            put_varint(patches.len() as u64, out);
            let mut free_from = 0;
            for place in patches {
                put_varint((place - free_from) as u64, out);
                out.extend_from_slice(&samples[place].value.to_le_bytes());
                free_from = place + 1;
            }
            return put_column(integers, out);
        }
    }
    let shift = samples.iter().fold(63, |shift, sample| shift.min(sample.value.to_bits().trailing_zeros()));
    integers.clear();
    integers.extend(samples.iter().map(|sample| ordered(sample.value, shift)));
    out.push(FLOATS + shift as u8);
    put_column(integers, out);
}

fn put_column(integers: &[i64], out: &mut Vec<u8>) {
    put_varint(zigzag(integers[0]), out);
    column::put(&integers[1..], integers[0], out);
}

/// More values than this that are no decimals make the run a run of floats.
fn patches_max(samples: usize) -> usize {
    samples / 8
}

/// The number of decimals that codes the values shortest, a value with more of them being a patch; `None` when too
/// many values have more than any that we code.
fn decimals(samples: &[StoredSample]) -> Option<usize> {
    let mut values_with = [0usize; DECIMALS_MAX + 1];
    let mut without = 0;
    for sample in samples {
        match (0..=DECIMALS_MAX).find(|decimals| exact(sample.value, *decimals).is_some()) {
            Some(decimals) => values_with[decimals] += 1,
            None => without += 1,
        }
        if without > patches_max(samples.len()) {
            return None;
        }
    }
    // In tenths of a bit: a decimal more costs every sample 3.3 bits, a patch 9 bytes.
    let cost = |decimals: usize| {
        let patches: usize = values_with[decimals + 1..].iter().sum();
        decimals * samples.len() * 33 + patches * 720
    };
    (0..=DECIMALS_MAX).min_by_key(|decimals| cost(*decimals))
}

/// The integer that is the value times `10^decimals`, when dividing it back returns the very bits.
fn exact(value: f64, decimals: usize) -> Option<i64> {
    let scaled = value * POWERS[decimals];
    if scaled.abs() > EXACT_MAX {
        return None;
    }
    let integer = (scaled + 0.5f64.copysign(scaled)) as i64;
    (from_decimal(integer, decimals).to_bits() == value.to_bits()).then_some(integer)
}

/// Correctly rounded, so it is the double that the decimal's text stands for.
fn from_decimal(integer: i64, decimals: usize) -> f64 {
    integer as f64 / POWERS[decimals]
}

fn as_decimals(samples: &[StoredSample], decimals: usize, integers: &mut Vec<i64>, patches: &mut Vec<usize>) {
    integers.clear();
    let mut last = 0;
    for (place, sample) in samples.iter().enumerate() {
        match exact(sample.value, decimals) {
            Some(integer) => last = integer,
            None => patches.push(place),
        }
        integers.push(last);
    }
}

/// A value's bits as an integer: the magnitude's bits shifted right, and their complement when the sign is set.
fn ordered(value: f64, shift: u32) -> i64 {
    let magnitude = (value.abs().to_bits() >> shift) as i64;
    if value.is_sign_negative() { !magnitude } else { magnitude }
}

fn from_ordered(integer: i64, shift: u32) -> f64 {
    let (magnitude, sign) = if integer < 0 { (!integer, SIGN) } else { (integer, 0) };
    f64::from_bits(((magnitude as u64) << shift) & !SIGN | sign)
}

fn take_values(reader: &mut Reader<'_>, integers: &mut Vec<i64>, samples: &mut [StoredSample]) -> Result<(), Damage> {
    let coding = reader.u8()?;
    let mut patches = Vec::new();
    if usize::from(coding) <= DECIMALS_MAX {
        let count = usize::try_from(reader.varint()?).unwrap_or(usize::MAX);
        let mut free_from = 0usize;
        for _ in 0..count {
            let gap = usize::try_from(reader.varint()?).unwrap_or(usize::MAX);
            let place = free_from.checked_add(gap).filter(|place| *place < samples.len());
            let place = place.ok_or(Damage("a value is out of place"))?;
            patches.push((place, f64::from_le_bytes(reader.array()?)));
            free_from = place + 1;
        }
    } else if !(FLOATS..FLOATS + 64).contains(&coding) {
        return Err(Damage("the coding of values is not known"));
    }
    let first = unzigzag(reader.varint()?);
    integers.clear();
    integers.push(first);
    column::take(reader, samples.len() - 1, first, integers)?;
    if usize::from(coding) <= DECIMALS_MAX {
        for (sample, integer) in samples.iter_mut().zip(integers.iter()) {
            sample.value = from_decimal(*integer, usize::from(coding));
        }
        for (place, value) in patches {
            samples[place].value = value;
        }
    } else {
        for (sample, integer) in samples.iter_mut().zip(integers.iter()) {
            sample.value = from_ordered(*integer, u32::from(coding - FLOATS));
        }
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
