//! Kept tallies are those of the samples; whatever is done to their bytes is told.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::model::ChannelId;
use crate::store::embedded::key::{DAY_MICROS, Table};

const GRAINS: [Grain; 3] = [Grain::Minute, Grain::Hour, Grain::Part(17 * 3_600_000_000)];

fn key() -> DayKey {
    DayKey::new(Table::Hours, ChannelId(7), Day::of(Timestamp::parse("2026-08-21T00:00:00Z").unwrap()))
}

fn near(a: f64, b: f64, scale: f64) -> bool {
    (a - b).abs() <= 1e-9 * scale.max(a.abs()).max(b.abs())
}

/// Encodes, decodes and returns the bytes.
fn check(grain: Grain, samples: &[StoredSample]) -> Vec<u8> {
    let bytes = encode(key(), grain, samples);
    let mut expected: BTreeMap<i64, Tally> = BTreeMap::new();
    for sample in samples {
        expected.entry(grain.bucket(Day::offset(sample.observed_at))).or_default().add(sample);
    }
    let mut found = Vec::new();
    decode(key(), grain, &bytes, &mut Vec::new(), |at, tally| found.push((at, tally))).unwrap();
    assert_eq!(found.len(), expected.len());
    for ((at, found), (bucket, expected)) in found.into_iter().zip(expected) {
        assert_eq!(at, key().day.at(grain.begin(bucket)).unwrap());
        let blurred = |tally: &Tally| Tally { sum: 0.0, squares: 0.0, increase: 0.0, ..*tally };
        assert_eq!(blurred(&found), blurred(&expected));
        let size = expected.count as f64 * expected.max.abs().max(expected.min.abs());
        assert!(near(found.sum, expected.sum, size), "{found:?} {expected:?}");
        assert!(near(found.squares, expected.squares, size * size), "{found:?} {expected:?}");
        assert!(near(found.increase, expected.increase, size), "{found:?} {expected:?}");
    }
    bytes
}

fn samples(values: impl IntoIterator<Item = f64>, interval_micros: i64) -> Vec<StoredSample> {
    let sample = |(place, value)| StoredSample {
        observed_at: key().day.at(place as i64 * interval_micros).unwrap(),
        value,
        quality: Quality::GOOD,
    };
    values.into_iter().enumerate().map(sample).collect()
}

proptest! {
    #[test]
    fn any_day_returns(
        times in prop::collection::btree_set(0..DAY_MICROS, 1..200),
        values in prop::collection::vec(prop_oneof![
            9 => (-9_000i64..9_000).prop_map(|tenths| tenths as f64 / 10.0),
            1 => -1e6f64..1e6,
        ], 200),
        qualities in prop::collection::vec(prop_oneof![5 => Just(0u16), 1 => 0u16..8], 200),
        decimals in any::<bool>(),
    ) {
        let value = |value: f64| if decimals { value.trunc() / 10.0 } else { value };
        let samples: Vec<_> = times.iter().zip(values).zip(qualities).map(|((offset, any), quality)| StoredSample {
            observed_at: key().day.at(*offset).unwrap(),
            value: value(any),
            quality: Quality(quality),
        }).collect();
        for grain in GRAINS {
            check(grain, &samples);
        }
    }

    #[test]
    fn altered_bodies_are_an_answer(place in any::<prop::sample::Index>(), byte in any::<u8>(), grain in 0usize..3) {
        let bytes = encode(key(), GRAINS[grain], &samples((0..300).map(|place| f64::from(place % 7) / 10.0), 100_000_000));
        let mut body = bytes[..bytes.len() - CRC_BYTES].to_vec();
        let place = place.index(body.len());
        body[place] = byte;
        let _ = decode(key(), GRAINS[grain], &seal(key(), body), &mut Vec::new(), |_, _| {});
    }
}

#[test]
fn every_truncation_and_every_flipped_bit_is_told() {
    let bytes = check(Grain::Hour, &samples([21.4, 21.5, -3.0, 1e300, 21.4], 3_000_000_000));
    let told = |bytes: &[u8]| {
        decode(key(), Grain::Hour, bytes, &mut Vec::new(), |_, _| panic!("nothing is handed out")).is_err()
    };
    assert!((0..bytes.len()).all(|length| told(&bytes[..length])));
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(told(&flipped), "bit {bit}");
    }
}

#[test]
fn values_far_apart_are_kept_as_doubles() {
    check(Grain::Hour, &samples([0.0, 4e15, -4e15, 1.0], 60_000_000));
    check(Grain::Hour, &samples([f64::MAX / 1e200, -0.0, f64::MIN_POSITIVE], 60_000_000));
}

#[test]
fn an_ordinary_day_is_small() {
    let noise = |place: i32| f64::from(place.wrapping_mul(1_103_515_245).wrapping_add(12_345) >> 16 & 63);
    let day = samples((0..1_440).map(|place| (214.0 + noise(place)).round() / 10.0), 60_000_000);
    assert!(check(Grain::Hour, &day).len() < 260);
    assert!(check(Grain::Part(17 * 3_600_000_000), &day).len() < 70);
}

#[test]
fn tallies_say_that_their_samples_are_gone() {
    let bytes = encode(key(), Grain::Hour, &samples([1.0, 2.0], 60_000_000));
    let gone = without_raw(key(), &bytes).unwrap();
    assert_eq!((raw(&bytes), raw(&gone)), (Raw::Here, Raw::Gone));
    let read = |bytes: &[u8]| {
        let mut tallies = Vec::new();
        decode(key(), Grain::Hour, bytes, &mut Vec::new(), |_, tally| tallies.push(tally)).unwrap();
        tallies
    };
    assert_eq!(read(&bytes), read(&gone));
    assert!(without_raw(key(), &bytes[1..]).is_err());
}
