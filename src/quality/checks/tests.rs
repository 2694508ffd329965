use std::collections::BTreeMap;

use super::*;
use crate::model::{LinkClass, LocalName, Position, Property, Station, StationId, StationKind, StationNo, Unit};

const TEMPERATURE: ChannelId = ChannelId(0);
const RAIN: ChannelId = ChannelId(1);

fn catalogue() -> Catalogue {
    let channel = |id: u32, property: &str, unit| Channel {
        id: ChannelId(id),
        station: StationNo(0),
        property: Property::new(property),
        unit,
        interval: Duration::from_secs(60),
        plausible: Range { min: -1e6, max: 1e6 },
        link: LinkClass::Wired,
        retired: false,
    };
    let channels = vec![channel(0, "air_temperature", Unit::Celsius), channel(1, "rainfall", Unit::Millimetre)];
    let station = Station {
        no: StationNo(0),
        id: StationId::new("A"),
        kind: StationKind::Weather,
        name: LocalName { vi: "A".into(), en: "A".into() },
        position: Position { lon: 103.4, lat: 22.4 },
        area: None,
        maintenance: false,
        retired: false,
        channels: vec![TEMPERATURE, RAIN],
    };
    Catalogue::new(vec![], vec![], vec![station], channels).unwrap()
}

fn policy() -> Policy {
    let temperature = Limits {
        unit: Unit::Celsius,
        range: Some(Range { min: -8.0, max: 45.0 }),
        step: Some(Step { by: 3.0, per_hour: 15.0 }),
        stuck: Some(Stuck { after: Duration::from_secs(600), tolerance: 0.05, except: vec![] }),
    };
    let rain = Limits {
        unit: Unit::Millimetre,
        range: None,
        step: None,
        stuck: Some(Stuck { after: Duration::from_secs(600), tolerance: 0.0, except: vec![0.0] }),
    };
    let properties = BTreeMap::from([("air_temperature".into(), temperature), ("rainfall".into(), rain)]);
    Policy { properties, ..Policy::default() }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + seconds)
}

/// A series in, and what was said of each sample and of the ones before them.
struct Bench {
    checks: Checks,
    channel: ChannelId,
    corrected: Vec<(Timestamp, f64, Quality)>,
}

impl Bench {
    fn new(channel: ChannelId) -> Bench {
        let mut checks = Checks::default();
        checks.adopt(&Catalogue::default(), &catalogue(), &policy());
        Bench { checks, channel, corrected: Vec::new() }
    }

    fn hear(&mut self, seconds: i64, value: f64) -> Quality {
        self.hear_as(seconds, value, TimeClass::Live, Quality::GOOD)
    }

    fn hear_as(&mut self, seconds: i64, value: f64, time_class: TimeClass, quality: Quality) -> Quality {
        let sample = Sample { channel: self.channel, observed_at: at(seconds), value, quality, time_class };
        let found = self.checks.judge(&sample, at(seconds));
        self.corrected.extend(found.spike.map(|spike| (spike.observed_at, spike.value, spike.quality)));
        self.checks.remember(&Sample { quality: quality.with(found.flags), ..sample }, at(seconds));
        found.flags
    }

    /// A sample a minute.
    fn series(&mut self, values: &[f64]) -> Vec<Quality> {
        values.iter().zip(0i64..).map(|(value, minute)| self.hear(60 * minute, *value)).collect()
    }
}

const GOOD: Quality = Quality::GOOD;
const RATE: Quality = Quality::RATE;

fn check(values: &[f64], expected: &[Quality], spikes: &[i64]) {
    let mut bench = Bench::new(TEMPERATURE);
    assert_eq!(bench.series(values), expected, "{values:?}");
    let found: Vec<i64> = bench.corrected.iter().map(|(time, ..)| time.since(at(0)).as_secs() as i64 / 60).collect();
    assert_eq!(found, spikes, "{values:?}");
}

#[test]
fn a_value_that_is_unusual_is_flagged_whatever_was_before() {
    check(&[-8.0], &[GOOD], &[]);
    check(&[-8.1], &[Quality::RANGE], &[]);
    check(&[45.1], &[Quality::RANGE], &[]);
}

#[test]
fn a_single_point_up_and_back_is_a_spike_and_what_follows_is_good() {
    check(&[20.0, 20.1, 35.0, 20.2, 20.3], &[GOOD, GOOD, RATE, GOOD, GOOD], &[2]);
    check(&[20.0, 5.0, 20.0], &[GOOD, RATE, GOOD], &[1]);
    let mut bench = Bench::new(TEMPERATURE);
    bench.series(&[20.0, 35.0, 20.0]);
    assert_eq!(bench.corrected, [(at(60), 35.0, RATE.with(Quality::SPIKE))], "the value stays as it was");
}

#[test]
fn a_real_change_costs_one_sample_and_no_more() {
    check(&[20.0, 10.0, 10.1, 10.0], &[GOOD, RATE, GOOD, GOOD], &[]);
    // Further and further in one direction: a front, a flood.
    check(&[20.0, 25.0, 30.0, 35.0, 40.0], &[GOOD, RATE, GOOD, RATE, GOOD], &[]);
    // Wild: neither back nor on.
    check(&[20.0, 35.0, 5.0, 36.0], &[GOOD, RATE, RATE, RATE], &[]);
}

#[test]
fn the_allowed_change_grows_with_the_time_between_and_ends_with_a_gap() {
    let check = |seconds, change, expected| {
        let mut bench = Bench::new(TEMPERATURE);
        bench.hear(0, 10.0);
        assert_eq!(bench.hear(seconds, 10.0 + change), expected, "{change} in {seconds} s");
    };
    check(60, 3.0, GOOD);
    check(60, 3.1, RATE);
    check(300, 3.1, RATE);
    // More than five intervals later nothing is compared.
    check(301, 30.0, GOOD);
}

#[test]
fn what_comes_late_is_not_judged_against_the_future_and_changes_nothing() {
    let mut bench = Bench::new(TEMPERATURE);
    bench.hear(0, 20.0);
    bench.hear(120, 20.0);
    assert_eq!(bench.hear_as(60, 35.0, TimeClass::Late, GOOD), GOOD);
    assert_eq!(bench.hear_as(60, 50.0, TimeClass::Late, GOOD), Quality::RANGE, "its range needs no memory");
    assert_eq!(bench.hear(180, 20.2), GOOD);
    assert_eq!(bench.hear_as(240, 40.0, TimeClass::Imported, GOOD), GOOD, "history is not compared");
    // A backlog that comes in its own order is.
    let mut bench = Bench::new(TEMPERATURE);
    bench.hear_as(0, 20.0, TimeClass::Backfill, GOOD);
    assert_eq!(bench.hear_as(60, 35.0, TimeClass::Backfill, GOOD), RATE);
}

#[test]
fn calibration_and_maintenance_are_apart() {
    let mut bench = Bench::new(TEMPERATURE);
    bench.hear(0, 20.0);
    assert_eq!(bench.hear_as(60, 0.0, TimeClass::Live, Quality::CALIBRATING), GOOD);
    assert_eq!(bench.hear_as(120, 40.0, TimeClass::Live, Quality::MAINTENANCE), GOOD);
    assert_eq!(bench.hear(180, 20.1), GOOD, "compared with the sample before the work");
}

#[test]
fn a_value_that_does_not_move_is_stuck_and_a_dry_gauge_is_not() {
    let flags = |channel, value: f64| {
        let values: Vec<f64> = (0..13).map(|minute| value + if minute % 2 == 0 { 0.0 } else { 0.02 }).collect();
        let values = if channel == RAIN { vec![value; 13] } else { values };
        Bench::new(channel).series(&values)
    };
    let stuck_after_ten: Vec<Quality> = (0..13).map(|m| if m >= 10 { Quality::STUCK } else { GOOD }).collect();
    assert_eq!(flags(TEMPERATURE, 20.0), stuck_after_ten, "within its tolerance");
    assert_eq!(flags(RAIN, 0.2), stuck_after_ten);
    assert_eq!(flags(RAIN, 0.0), vec![GOOD; 13]);
    let mut bench = Bench::new(RAIN);
    bench.series(&[0.2; 13]);
    assert_eq!(bench.hear(780, 0.4), GOOD, "it moved");
    assert_eq!(bench.hear(840, 0.4), GOOD);
}

#[test]
fn a_second_value_at_the_same_time_is_judged_by_what_was_sure() {
    let mut bench = Bench::new(TEMPERATURE);
    bench.series(&[20.0, 20.1]);
    assert_eq!(bench.hear(60, 35.0), RATE);
    assert_eq!(bench.hear(120, 20.2), GOOD, "what is in doubt did not become the base");
    assert_eq!(bench.hear(120, 20.3), GOOD);
    // Of a sample in doubt, too: by the one before it.
    assert_eq!(bench.hear(180, 40.0), RATE);
    assert_eq!(bench.hear(180, 41.0), RATE);
    assert_eq!(bench.hear(180, 20.4), GOOD);
    assert_eq!(bench.hear(240, 20.5), GOOD);
    assert_eq!(bench.corrected, []);
}

#[test]
fn what_a_person_says_of_the_newest_sample_stands() {
    let check = |value: f64, quality: Quality, next: f64, expected: Quality| {
        let mut bench = Bench::new(TEMPERATURE);
        bench.series(&[20.0, 35.0]);
        let (channel, time_class) = (TEMPERATURE, TimeClass::Backfill);
        bench.checks.correct(&Sample { channel, observed_at: at(60), value, quality, time_class });
        assert_eq!(bench.hear(120, next), expected, "{next} after {value}");
        assert_eq!(bench.corrected, [], "{next} after {value}");
    };
    check(20.3, Quality::EDITED, 20.2, GOOD);
    check(35.0, Quality::EDITED, 20.2, RATE);
    check(35.0, Quality::EDITED, 35.2, GOOD);
    check(35.0, Quality::EDITED.with(Quality::BAD).with(RATE), 20.2, GOOD);
}

#[test]
fn a_clock_that_is_ahead_is_told() {
    let bench = Bench::new(TEMPERATURE);
    let sample = |ahead| Sample {
        channel: TEMPERATURE,
        observed_at: at(ahead),
        value: 20.0,
        quality: GOOD,
        time_class: TimeClass::Live,
    };
    assert_eq!(bench.checks.judge(&sample(10), at(0)).flags, GOOD);
    let flags = bench.checks.judge(&sample(11), at(0)).flags;
    assert_eq!((flags, flags.is_good()), (Quality::CLOCK_SKEW, true));
}

#[test]
fn a_time_from_a_wrong_clock_does_not_end_the_checks() {
    let mut bench = Bench::new(TEMPERATURE);
    bench.hear(10 * 365 * 86_400, 20.0);
    bench.hear(0, 20.0);
    assert_eq!(bench.hear(60, 30.0), RATE);
}

#[test]
fn limits_are_converted_to_the_channels_unit() {
    let limits = &policy().properties[&Property::new("air_temperature")];
    let kelvin = Unit::ALL.iter().find(|unit| unit.code() == "K").unwrap();
    let converted = limits.converted(*kelvin).unwrap();
    assert_eq!(converted.range, Some(Range { min: -8.0 + 273.15, max: 45.0 + 273.15 }));
    assert_eq!(converted.step.map(|step| (step.by.round(), step.per_hour.round())), Some((3.0, 15.0)));
    assert_eq!(limits.converted(Unit::Millimetre), None);
}
