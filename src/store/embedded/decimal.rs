//! Values as integers: decimals where they are decimals, ordered bits where they are not.
//!
//! Sensors report decimals of few places. As integers times a power of ten they are small, and dividing back gives the
//! very bits of the double that the text stood for (both are correctly rounded). Everything else keeps its bits.

use super::StoredSample;

/// More decimals than this are not looked for.
pub(super) const DECIMALS_MAX: usize = 12;

const SIGN: u64 = 1 << 63;
const POWERS: [f64; DECIMALS_MAX + 1] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12];
/// Integers up to here are exact as doubles.
const EXACT_MAX: f64 = (1u64 << 53) as f64;
/// Samples looked at for a first guess.
const GUESSED_FROM: usize = 8;

/// The integer that is the value times `10^decimals`, when dividing it back returns the very bits.
#[inline]
pub(super) fn exact(value: f64, decimals: usize) -> Option<i64> {
    let scaled = value * POWERS[decimals];
    if scaled.abs() > EXACT_MAX {
        return None;
    }
    let integer = (scaled + 0.5f64.copysign(scaled)) as i64;
    (from_decimal(integer, decimals).to_bits() == value.to_bits()).then_some(integer)
}

/// Correctly rounded, so it is the double that the decimal's text stands for.
#[inline]
pub(super) fn from_decimal(integer: i64, decimals: usize) -> f64 {
    integer as f64 / POWERS[decimals]
}

/// The integers of all values, when they are decimals of the same few places: found in one pass, or not at all.
/// Returns the number of decimals.
pub(super) fn all_exact(samples: &[StoredSample], integers: &mut Vec<i64>) -> Option<usize> {
    let decimals = guess(samples)?;
    integers.clear();
    integers.reserve(samples.len());
    for sample in samples {
        integers.push(exact(sample.value, decimals)?);
    }
    Some(decimals)
}

/// The places that a few samples, spread over all, have at the most.
fn guess(samples: &[StoredSample]) -> Option<usize> {
    let stride = samples.len().div_ceil(GUESSED_FROM).max(1);
    let mut most = 0;
    for sample in samples.iter().step_by(stride) {
        most = (most..=DECIMALS_MAX).find(|decimals| exact(sample.value, *decimals).is_some())?;
    }
    Some(most)
}

/// The number of decimals that codes the values shortest, a value with more of them being a patch; `None` when more
/// than `patches_max` values have more than any that we code.
pub(super) fn cheapest(samples: &[StoredSample], patches_max: usize) -> Option<usize> {
    let mut values_with = [0usize; DECIMALS_MAX + 1];
    let mut without = 0;
    for sample in samples {
        match (0..=DECIMALS_MAX).find(|decimals| exact(sample.value, *decimals).is_some()) {
            Some(decimals) => values_with[decimals] += 1,
            None => without += 1,
        }
        if without > patches_max {
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

/// A value's bits as an integer: the magnitude's bits shifted right, and their complement when the sign is set.
pub(super) fn ordered(value: f64, shift: u32) -> i64 {
    let magnitude = (value.abs().to_bits() >> shift) as i64;
    if value.is_sign_negative() { !magnitude } else { magnitude }
}

/// The inverse of [`ordered`].
pub(super) fn from_ordered(integer: i64, shift: u32) -> f64 {
    let (magnitude, sign) = if integer < 0 { (!integer, SIGN) } else { (integer, 0) };
    f64::from_bits(((magnitude as u64) << shift) & !SIGN | sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_any_sign_keep_their_order_as_integers() {
        let values = [f64::MIN, -1.5, -1.0, -0.0, 0.0, f64::MIN_POSITIVE, 1.0, 1.5, f64::MAX];
        let integers: Vec<i64> = values.iter().map(|value| ordered(*value, 0)).collect();
        assert!(integers.is_sorted());
        for (value, integer) in values.iter().zip(integers) {
            assert_eq!(from_ordered(integer, 0).to_bits(), value.to_bits());
        }
    }

    #[test]
    fn decimals_are_their_texts() {
        let check = |value: f64, decimals, expected| assert_eq!(exact(value, decimals), expected, "{value} {decimals}");
        check(21.4, 1, Some(214));
        check(21.4, 2, Some(2_140));
        check(21.4, 0, None);
        check(-0.07, 2, Some(-7));
        check(-0.0, 1, None);
        check(0.1 + 0.2, 12, None);
        check(1e300, 0, None);
    }
}
