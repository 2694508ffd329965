//! Runs return bit for bit; whatever is done to their bytes is told.

use proptest::prelude::*;

use super::*;
use crate::model::{ChannelId, Timestamp};
use crate::store::embedded::decimal;
use crate::store::embedded::key::DAY_MICROS;

fn key() -> Key {
    Key { channel: ChannelId(7), day: Day::of(Timestamp::parse("2026-08-21T00:00:00Z").unwrap()), number: 3 }
}

fn same(a: &[StoredSample], b: &[StoredSample]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| {
            a.observed_at == b.observed_at && a.value.to_bits() == b.value.to_bits() && a.quality == b.quality
        })
}

/// Encodes, decodes and returns the bytes of a thorough search.
fn check(key: Key, samples: &[StoredSample]) -> Vec<u8> {
    let [_, thorough] = [Effort::Quick, Effort::Thorough].map(|effort| {
        let bytes = encode(key, samples, effort);
        assert_eq!(count(&bytes), Ok(samples.len()));
        assert_eq!(is_settled(&bytes), effort == Effort::Thorough);
        let mut back = Vec::new();
        decode(key, &bytes, &mut back).unwrap();
        assert!(same(samples, &back), "{samples:?} came back as {back:?}");
        bytes
    });
    thorough
}

fn samples(values: impl IntoIterator<Item = f64>, interval_micros: i64) -> Vec<StoredSample> {
    let sample = |(place, value)| StoredSample {
        observed_at: key().day.at(place as i64 * interval_micros).unwrap(),
        value,
        quality: Quality::GOOD,
    };
    values.into_iter().enumerate().map(sample).collect()
}

fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-100_000i64..100_000, 0usize..5).prop_map(|(integer, decimals)| decimal::from_decimal(integer, decimals)),
        2 => any::<f64>().prop_filter("finite", |value| value.is_finite()),
        1 => any::<f32>().prop_filter("finite", |value| value.is_finite()).prop_map(f64::from),
        1 => prop_oneof![Just(0.0), Just(-0.0), Just(f64::MIN_POSITIVE / 3.0), Just(f64::MAX), Just(f64::MIN)],
    ]
}

fn any_samples() -> impl Strategy<Value = (Key, Vec<StoredSample>)> {
    let times = prop_oneof![
        prop::collection::btree_set(0..DAY_MICROS, 1..300),
        (1i64..200_000_000, prop::collection::btree_set(0i64..400, 1..300))
            .prop_map(|(unit, places)| places.into_iter().map(|place| place * unit).collect()),
    ];
    let days = prop_oneof![Just(0i64), -800_000i64..800_000, Just(-106_751_990), Just(106_751_990)];
    (days, times).prop_flat_map(|(day, times)| {
        let count = times.len();
        let values = prop_oneof![
            prop::collection::vec(any_value(), count),
            prop::collection::vec((150i64..300).prop_map(|tenths| tenths as f64 / 10.0), count),
        ];
        (values, prop::collection::vec(prop_oneof![9 => Just(0u16), 1 => any::<u16>()], count)).prop_map(
            move |(values, qualities)| {
                let day = Day::of(Timestamp::from_micros(day * DAY_MICROS));
                let stored = times.iter().zip(values).zip(qualities).map(|((offset, value), quality)| StoredSample {
                    observed_at: day.at(*offset).unwrap(),
                    value,
                    quality: Quality(quality),
                });
                (Key { channel: ChannelId(1), day, number: 0 }, stored.collect())
            },
        )
    })
}

proptest! {
    #[test]
    fn any_samples_return((key, samples) in any_samples()) {
        check(key, &samples);
    }

    #[test]
    fn any_bytes_are_an_answer(mut bytes in prop::collection::vec(any::<u8>(), 1..300)) {
        bytes[0] = QUICK;
        let mut out = Vec::new();
        let _ = decode_body(key().day, &bytes, &mut out);
    }

    #[test]
    fn altered_bodies_are_an_answer(
        (key, samples) in any_samples(), effort in prop_oneof![Just(Effort::Quick), Just(Effort::Thorough)],
        place in any::<prop::sample::Index>(), byte in any::<u8>()
    ) {
        let mut bytes = encode(key, &samples, effort);
        let place = place.index(bytes.len());
        bytes[place] = byte;
        let body = &bytes[..bytes.len() - CRC_BYTES];
        let _ = decode_body(key.day, body, &mut Vec::new());
    }
}

#[test]
fn every_truncation_and_every_flipped_bit_is_told() {
    let mut some = samples([21.4, 21.5, -0.0, 0.1 + 0.2, 63.0, 21.4, 21.4, 21.4, 1e300], 60_000_000);
    some[4].quality = Quality::FAULT;
    let bytes = check(key(), &some);
    let mut out = Vec::new();
    for length in 0..bytes.len() {
        assert!(decode(key(), &bytes[..length], &mut out).is_err(), "{length} of {} bytes", bytes.len());
    }
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(decode(key(), &flipped, &mut out).is_err(), "bit {bit}");
    }
    assert!(out.is_empty());
}

#[test]
fn a_run_at_anothers_place_is_told() {
    let bytes = check(key(), &samples([1.0, 2.0], 1_000_000));
    let elsewhere = Key { channel: ChannelId(8), ..key() };
    assert_eq!(decode(elsewhere, &bytes, &mut Vec::new()), Err(Damage("the checksum does not match")));
}

#[test]
fn ordinary_series_are_small() {
    let day = 86_400 / 60;
    let length = |values: Vec<f64>| check(key(), &samples(values, 60_000_000)).len() as f64 / f64::from(day);
    let noise = |place: i32| (place.wrapping_mul(1_103_515_245).wrapping_add(12_345) >> 16 & 7) as f64 / 10.0;
    assert!(length((0..day).map(|_| 63.0).collect()) < 0.1);
    assert!(length((0..day).map(|place| 21.4 + noise(place)).map(|v| (v * 10.0).round() / 10.0).collect()) < 0.5);
    let odd = |place: i32| if place == 700 { 0.1 + 0.2 } else { (214.0 + noise(place) * 10.0) / 10.0 };
    assert!(length((0..day).map(odd).collect()) < 0.5, "one value that is no decimal is a patch");
    let long = |place: i32| if place == 700 { 21.123_456_789 } else { (214.0 + noise(place) * 10.0) / 10.0 };
    assert!(length((0..day).map(long).collect()) < 0.5, "one value with many decimals is a patch");
}

#[test]
fn a_runs_times_say_what_it_may_hold() {
    let minutes = samples((0..10).map(f64::from), 60_000_000);
    let bytes = encode(key(), &minutes, Effort::Quick);
    let check = |first: i64, last: i64, expected: bool| {
        let [first, last] = [first, last].map(|seconds| key().day.at(seconds * 1_000_000).unwrap());
        assert_eq!(may_hold(key(), &bytes, first, last), expected, "{first} {last}");
    };
    check(0, 0, true);
    check(540, 600, true);
    check(541, 600, false);
    check(61, 62, true);
    let later = encode(key(), &minutes[5..], Effort::Quick);
    assert!(!may_hold(key(), &later, minutes[0].observed_at, minutes[4].observed_at));
    assert!(may_hold(key(), &later[..4], minutes[0].observed_at, minutes[4].observed_at), "damage may hide anything");
}
