//! The column of a run's values.
//!
//! ```text
//! u8        0..=12: decimals d; 64..=127: floats, 64 + shift s
//! decimals  varint p, p times { varint places since the last patch, 8 bytes LE }: values that are no decimals
//!           varint zigzag of the first integer; column of n-1 integers; value = integer / 10^d
//! floats    varint zigzag of the first integer; column of n-1 integers; the bits of the value's magnitude
//!           shifted right by s, complemented when its sign is set: integers in the order of the values
//! ```

use super::StoredSample;
use super::column::{Damage, Effort, Reader, put_varint, unzigzag, zigzag};
use super::decimal::{self, DECIMALS_MAX};
use super::packed;

const FLOATS: u8 = 64;

pub(super) fn put(samples: &[StoredSample], effort: Effort, integers: &mut Vec<i64>, out: &mut Vec<u8>) {
    if effort == Effort::Quick
        && let Some(decimals) = decimal::all_exact(samples, integers)
    {
        out.push(decimals as u8);
        put_varint(0, out);
        return put_column(integers, effort, out);
    }
    if let Some(decimals) = decimal::cheapest(samples, patches_max(samples.len())) {
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
            return put_column(integers, effort, out);
        }
    }
    let shift = samples.iter().fold(63, |shift, sample| shift.min(sample.value.to_bits().trailing_zeros()));
    integers.clear();
    integers.extend(samples.iter().map(|sample| decimal::ordered(sample.value, shift)));
    out.push(FLOATS + shift as u8);
    put_column(integers, effort, out);
}

fn put_column(integers: &[i64], effort: Effort, out: &mut Vec<u8>) {
    put_varint(zigzag(integers[0]), out);
    packed::put(&integers[1..], integers[0], effort, out);
}

/// More values than this that are no decimals make the run a run of floats.
fn patches_max(samples: usize) -> usize {
    samples / 8
}

fn as_decimals(samples: &[StoredSample], decimals: usize, integers: &mut Vec<i64>, patches: &mut Vec<usize>) {
    integers.clear();
    let mut last = 0;
    for (place, sample) in samples.iter().enumerate() {
        match decimal::exact(sample.value, decimals) {
            Some(integer) => last = integer,
            None => patches.push(place),
        }
        integers.push(last);
    }
}

pub(super) fn take(
    reader: &mut Reader<'_>,
    integers: &mut Vec<i64>,
    samples: &mut [StoredSample],
) -> Result<(), Damage> {
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
    packed::take(reader, samples.len() - 1, first, integers)?;
    if usize::from(coding) <= DECIMALS_MAX {
        for (sample, integer) in samples.iter_mut().zip(integers.iter()) {
            sample.value = decimal::from_decimal(*integer, usize::from(coding));
        }
        for (place, value) in patches {
            samples[place].value = value;
        }
    } else {
        for (sample, integer) in samples.iter_mut().zip(integers.iter()) {
            sample.value = decimal::from_ordered(*integer, u32::from(coding - FLOATS));
        }
    }
    Ok(())
}
