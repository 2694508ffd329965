//! Answers against a recomputation that shares nothing with them: each sample is put into its bucket by its civil
//! time alone, and what reaches over edges is cut at edges that are found by bisection of the civil date.

mod oracle;
mod several;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::model::{
    Body, Catalogue, ChannelId, Entry, LinkClass, LocalName, Message, Position, Property, Quality, Range, Sample, Seq,
    SourceId, Station, StationId, StationKind, StationNo, TimeClass, Unit,
};
use crate::store::{KeptSince, StoredSample, Tier};
use oracle::{compare, near};

const CHANNEL: ChannelId = ChannelId(3);
const ZONES: [&str; 7] = [
    "Asia/Ho_Chi_Minh",
    "Europe/London",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "America/Sao_Paulo",
    "Asia/Beirut",
];
/// Around changes of clock of these zones, and an ordinary day.
const TIMES: [&str; 8] = [
    "2026-11-20T03:00:00Z",
    "2026-03-28T12:00:00Z",
    "2026-10-24T12:00:00Z",
    "2026-10-31T12:00:00Z",
    "2026-04-04T00:00:00Z",
    "2018-11-03T12:00:00Z",
    "2018-02-17T00:00:00Z",
    "2023-12-30T00:00:00Z",
];

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

type Arrived = (Timestamp, f64, Quality);

/// A store with samples applied in the given order.
fn store(samples: &[Arrived]) -> (TempDir, Arc<Store>) {
    store_of(&[(CHANNEL, samples)])
}

/// The same of several channels, one after the other.
fn store_of(series: &[(ChannelId, &[Arrived])]) -> (TempDir, Arc<Store>) {
    let folder = TempDir::new().unwrap();
    let config = crate::store::Config { flush_samples: 97, ..Default::default() };
    let store = Store::open(folder.path(), &config).unwrap();
    store.apply(&entries_of(series, 1)).unwrap();
    (folder, Arc::new(store))
}

/// Entries from a number on.
fn entries_of(series: &[(ChannelId, &[Arrived])], first: u64) -> Vec<Entry> {
    let pieces = series.iter().flat_map(|(channel, samples)| samples.chunks(40).map(|piece| (*channel, piece)));
    let entry = |(place, (channel, samples)): (usize, (ChannelId, &[Arrived]))| {
        let sample = |(observed_at, value, quality): &Arrived| Sample {
            channel,
            observed_at: *observed_at,
            value: *value,
            quality: *quality,
            time_class: TimeClass::Live,
        };
        let received_at = samples.last().map_or(Timestamp::EPOCH, |(at, ..)| *at);
        let samples: Vec<Sample> = samples.iter().map(sample).collect();
        let received = u32::try_from(samples.len()).unwrap();
        let message = Message {
            source: SourceId(0),
            received,
            duplicates: 0,
            samples,
            rejections: Vec::new(),
            raw: None,
            unknown: Vec::new(),
            again: None,
        };
        Entry { seq: Seq(place as u64 + first), received_at, body: Body::Message(message) }
    };
    pieces.enumerate().map(entry).collect()
}

/// Channels of a meter.
fn meters() -> Entry {
    let channels: Vec<Channel> = (0..=CHANNEL.0)
        .map(|channel| Channel {
            id: ChannelId(channel),
            station: StationNo(0),
            property: Property::new(&format!("energy_{channel}")),
            unit: Unit::One,
            interval: Duration::from_secs(600),
            plausible: Range { min: 0.0, max: 1e9 },
            link: LinkClass::Wired,
            retired: false,
        })
        .collect();
    let station = Station {
        no: StationNo(0),
        id: StationId::new("M"),
        kind: StationKind::Meter,
        name: LocalName { vi: "M".to_owned(), en: "M".to_owned() },
        position: Position { lon: 103.4, lat: 22.3 },
        area: None,
        maintenance: false,
        retired: false,
        channels: channels.iter().map(|channel| channel.id).collect(),
    };
    let catalogue = Catalogue::new(vec!["edge".to_owned()], vec![], vec![station], channels).unwrap();
    Entry { seq: Seq(1), received_at: Timestamp::EPOCH, body: Body::Catalogue(Box::new(catalogue)) }
}

fn history(store: &Arc<Store>) -> History {
    History::new(Arc::clone(store), Config::default(), 420)
}

fn all(history: &History, question: &Question, line: &Line, reading: Reading) -> Vec<Row> {
    let question = Arc::new(question.clone());
    let mut walk = history.walk_by(&question, line, Plan { reading, reads: 0, whole_since: None }, question.from, 5);
    let mut rows = Vec::new();
    while walk.step(history.store(), &mut rows).unwrap() {}
    rows
}

/// A bucket by its civil name: the date it begins with, and how many of its lengths of time have passed since then.
type Key = (Date, i64);

/// A series with gaps, and the order and the repetitions in which it arrives.
fn series() -> impl Strategy<Value = Vec<(i64, f64, u8)>> {
    // Steps of whole seconds: short ones, gaps of hours, and steps back.
    let step = prop_oneof![8 => 1i64..900, 2 => 900i64..30_000, 2 => -20_000i64..0];
    prop::collection::vec((step, -50.0f64..50.0, 0u8..12), 0..220)
}

fn arrived(begin: Timestamp, steps: &[(i64, f64, u8)]) -> Vec<(Timestamp, f64, Quality)> {
    let mut second = begin.micros() / 1_000_000;
    let arrived = steps.iter().map(|(step, value, kind)| {
        second += step;
        let quality = match kind {
            0 => Quality::FAULT,
            1 => Quality::CALIBRATING,
            _ => Quality::GOOD,
        };
        // Whole seconds often meet an earlier sample's time: then the later arrival stands.
        (Timestamp::from_seconds(second - second.rem_euclid(20)), (value * 8.0).round() / 8.0, quality)
    });
    arrived.collect()
}

fn kept(arrived: &[(Timestamp, f64, Quality)]) -> Vec<StoredSample> {
    let last: BTreeMap<Timestamp, (f64, Quality)> =
        arrived.iter().map(|(at, value, quality)| (*at, (*value, *quality))).collect();
    last.into_iter().map(|(observed_at, (value, quality))| StoredSample { observed_at, value, quality }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn buckets_are_what_a_recomputation_gives(
        zone in prop::sample::select(ZONES.to_vec()),
        time in prop::sample::select(TIMES.to_vec()),
        every in prop::sample::select(vec!["15m", "1h", "3h", "5h", "1d", "2d", "1w", "1mo", "2mo", "1q", "1y"]),
        steps in series(),
        (lead, length) in (-3_000i64..40_000, 0i64..300_000),
        rule in prop::sample::select(vec![QualityRule::Good, QualityRule::All]),
        interval in prop::sample::select(vec![60u64, 300, 3_600]),
        limit in prop_oneof![(-40.0f64..40.0).prop_map(Limit::Above), (-40.0f64..40.0).prop_map(Limit::Below)],
        now in 0i64..400_000,
    ) {
        let begin = at(time);
        let arrived = arrived(begin, &steps);
        let samples = kept(&arrived);
        let (_folder, store) = store(&arrived);
        let history = history(&store);
        let from = Timestamp::from_micros(begin.micros() + lead * 1_000_000);
        let question = Question {
            from,
            to: from + Duration::from_secs(length.unsigned_abs()),
            every: every.parse().unwrap(),
            zone: TimeZone::get(zone).unwrap(),
            functions: Function::ALL.to_vec(),
            quality: rule,
            limit: Some(limit),
            now: begin + Duration::from_secs(now.unsigned_abs()),
        };
        let line = Line { channel: CHANNEL, interval: Duration::from_secs(interval), counter: Counter::default(), kept: KeptSince::default() };
        let rows = all(&history, &question, &line, Reading::Samples);
        compare(&question, &line, &rows, &samples)?;

        // What tallies can give is the same from each tier.
        let plain: Vec<Function> = Function::ALL.into_iter().filter(|f| !f.needs_samples(&line.counter)).collect();
        prop_assert_eq!(plain.len(), 9);
        let question = Question { functions: plain, quality: QualityRule::Good, limit: None, ..question };
        for tier in Tier::ALL {
            let rows = all(&history, &question, &line, Reading::Tallies(tier));
            compare(&question, &line, &rows, &samples)?;
            let from_samples = all(&history, &question, &line, Reading::Samples);
            prop_assert!(rows.iter().zip(&from_samples).all(|(a, b)| (a.flags, a.is_partial, a.expected) == (b.flags, b.is_partial, b.expected)));
        }
    }

    #[test]
    fn consecutive_questions_add_up(steps in series(), cuts in prop::collection::vec(0i64..200_000, 2..6)) {
        let begin = at("2026-11-20T00:00:00+07:00");
        let arrived = arrived(begin, &steps);
        let (_folder, store) = store(&arrived);
        let history = history(&store);
        let mut cuts: Vec<Timestamp> = cuts.into_iter().map(|cut| begin + Duration::from_secs(cut.unsigned_abs())).collect();
        cuts.sort();
        let question = |from, to| Question {
            from,
            to,
            every: "1h".parse().unwrap(),
            zone: TimeZone::get("Asia/Ho_Chi_Minh").unwrap(),
            functions: vec![Function::Delta, Function::ExceedanceHours],
            quality: QualityRule::Good,
            limit: Some(Limit::Above(0.0)),
            now: at("2027-01-01T00:00:00Z"),
        };
        let line = Line { channel: CHANNEL, interval: Duration::from_secs(300), counter: Counter::default(), kept: KeptSince::default() };
        let total = |from, to| {
            let rows = all(&history, &question(from, to), &line, Reading::Samples);
            [0, 1].map(|place| rows.iter().filter_map(|row| row.values[place]).sum::<f64>())
        };
        let whole = total(cuts[0], cuts[cuts.len() - 1]);
        let parts = cuts.windows(2).map(|cut| total(cut[0], cut[1]));
        let parts = parts.fold([0.0, 0.0], |sum, part| [sum[0] + part[0], sum[1] + part[1]]);
        prop_assert!(near(Some(whole[0]), Some(parts[0])) && near(Some(whole[1]), Some(parts[1])), "{whole:?} {parts:?}");
    }
}

fn minutes(count: i64) -> Vec<(Timestamp, f64, Quality)> {
    let begin = at("2026-11-01T00:00:00+07:00");
    (0..count)
        .map(|minute| (begin + Duration::from_secs(60 * minute.unsigned_abs()), minute as f64, Quality::GOOD))
        .collect()
}

fn days(functions: &[Function], every: &str, zone: &str) -> Question {
    Question {
        from: at("2026-11-01T00:00:00+07:00"),
        to: at("2026-12-01T00:00:00+07:00"),
        every: every.parse().unwrap(),
        zone: TimeZone::get(zone).unwrap(),
        functions: functions.to_vec(),
        quality: QualityRule::Good,
        limit: None,
        now: at("2026-12-02T00:00:00+07:00"),
    }
}

fn line(seconds: u64) -> Line {
    Line {
        channel: CHANNEL,
        interval: Duration::from_secs(seconds),
        counter: Counter::default(),
        kept: KeptSince::default(),
    }
}

#[test]
fn the_cheapest_tier_is_taken_that_gives_what_is_asked() {
    let (_folder, store) = store(&[]);
    let history = history(&store);
    let check = |question: &Question, line: &Line, expected: &str| {
        let permit = history.permit(question, std::slice::from_ref(line)).unwrap();
        assert_eq!(permit.plans[0].reading.word(), expected, "{question:?}");
    };
    let whole = days(&[Function::Mean], "1d", "Asia/Ho_Chi_Minh");
    check(&whole, &line(1), "day");
    check(&whole, &line(60), "day");
    // Half an hour at each end is cheaper from hours than half a day.
    let cut = Question { from: at("2026-11-01T12:30:00+07:00"), to: at("2026-11-30T12:30:00+07:00"), ..whole.clone() };
    check(&cut, &line(60), "hour");
    check(&Question { now: at("2026-11-30T12:30:00+07:00"), ..whole.clone() }, &line(60), "day");
    check(&Question { zone: TimeZone::get("Asia/Tokyo").unwrap(), ..whole.clone() }, &line(60), "hour");
    check(&days(&[Function::Mean], "1h", "Asia/Ho_Chi_Minh"), &line(60), "hour");
    check(&days(&[Function::Mean], "1d", "Asia/Kathmandu"), &line(10), "hour");
    check(&days(&[Function::Mean], "15m", "Asia/Ho_Chi_Minh"), &line(1), "minute");
    check(&days(&[Function::Mean], "15m", "Asia/Ho_Chi_Minh"), &line(60), "raw");
    check(&days(&[Function::Mean, Function::P95], "1d", "Asia/Ho_Chi_Minh"), &line(60), "raw");
    check(&days(&[Function::ExceedanceHours], "1d", "Asia/Ho_Chi_Minh"), &line(60), "raw");
    check(&Question { quality: QualityRule::All, ..days(&[Function::Mean], "1d", "UTC") }, &line(60), "raw");
    let declared = Counter { wraps_at: Some(1_000.0), ..Default::default() };
    check(&days(&[Function::Delta], "1d", "Asia/Ho_Chi_Minh"), &Line { counter: declared, ..line(60) }, "raw");
    let year = Question { from: at("2020-01-01T00:00:00+07:00"), ..days(&[Function::Mean], "1mo", "Asia/Ho_Chi_Minh") };
    check(&year, &line(300), "day");
}

#[test]
fn what_was_deleted_for_its_age_is_read_from_tallies_or_told() {
    let (_folder, store) = store(&[]);
    let history = history(&store);
    let [samples, hours] = ["2026-11-20T00:00:00+07:00", "2026-11-10T00:00:00+07:00"].map(at);
    let kept = KeptSince::new([Some(samples), Some(samples), Some(hours), None]);
    let check = |question: &Question, expected: &str, since: Option<&str>| {
        let permit = history.permit(question, &[Line { kept, ..line(3_600) }]).unwrap();
        let Plan { reading, whole_since, .. } = permit.plans[0];
        assert_eq!((reading.word(), whole_since), (expected, since.map(at)), "{question:?}");
    };
    // Hours are as many as samples here, and cost the same; but they are still there.
    let november = days(&[Function::Mean], "1d", "Asia/Ho_Chi_Minh");
    let part = |from: &str| Question { from: at(from), ..days(&[Function::Mean], "1h", "Asia/Ho_Chi_Minh") };
    check(&november, "day", None);
    check(&part("2026-11-12T00:00:00+07:00"), "hour", None);
    check(&part("2026-11-12T00:30:00+07:00"), "hour", Some("2026-11-12T01:00:00+07:00"));
    check(&part("2026-11-05T00:00:00+07:00"), "hour", Some("2026-11-10T00:00:00+07:00"));
    check(&part("2026-11-20T00:30:00+07:00"), "hour", None);
    // Half a day at the end: days would read it as samples.
    let noon =
        Question { to: at("2026-11-19T12:00:00+07:00"), now: at("2026-11-19T12:00:00+07:00"), ..november.clone() };
    check(&Question { from: at("2026-11-12T00:00:00+07:00"), ..noon }, "hour", None);
    check(&Question { functions: vec![Function::P95], ..november.clone() }, "raw", Some("2026-11-20T00:00:00+07:00"));
    check(&Question { quality: QualityRule::All, ..november.clone() }, "raw", Some("2026-11-20T00:00:00+07:00"));
    // Midnight in Kathmandu is no full hour of UTC.
    let elsewhere = days(&[Function::Mean], "1d", "Asia/Kathmandu");
    check(&Question { from: at("2026-11-13T00:00:00+05:45"), ..elsewhere }, "raw", Some("2026-11-20T00:00:00+07:00"));
}

#[test]
fn two_periods_cost_what_both_do() {
    let (_folder, store) = store(&minutes(3_000));
    let config = Config { samples_max: 60_000, ..Config::default() };
    let history = History::new(Arc::clone(&store), config, 420);
    let asked = days(&[Function::P95], "1d", "UTC");
    assert!(history.permit(&asked, &[line(60)]).is_ok());
    let refused = history.permit_both([&asked, &asked], &[line(60)]);
    assert!(matches!(refused, Err(HistoryError::TooCostly { reads, .. }) if reads > 60_000), "{refused:?}");
}

#[test]
fn a_counter_that_was_silent_for_long_goes_on_from_its_last_reading() {
    let mut arrived = minutes(10);
    let after = arrived[9].0 + Duration::from_secs(400 * 86_400);
    arrived.push((after, 100.0, Quality::GOOD));
    let (_folder, store) = store(&arrived);
    let history = history(&store);
    for quality in QualityRule::ALL {
        let day = Question {
            from: after,
            to: after + Duration::from_secs(60),
            quality,
            now: after + Duration::from_secs(60),
            ..days(&[Function::Delta], "1d", "UTC")
        };
        let rows = all(&history, &day, &line(60), Reading::Samples);
        assert_eq!(rows[0].values.as_slice(), [Some(100.0 - arrived[9].1)], "{quality:?}");
    }
}

#[test]
fn delta_goes_on_from_tallies_where_the_samples_are_gone() {
    let begin = at("2026-11-01T00:00:00+07:00");
    let arrived: Vec<Arrived> = (0..6 * 144)
        .map(|place| (begin + Duration::from_secs(600 * place), (place * 3) as f64, Quality::GOOD))
        .collect();
    let mut config = crate::store::Config { settle_after_s: 0, ..Default::default() };
    config.retention.meter.raw_days = 1;
    let folder = TempDir::new().unwrap();
    let store = Arc::new(Store::open(folder.path(), &config).unwrap());
    store.apply(&[meters()]).unwrap();
    store.apply(&entries_of(&[(CHANNEL, &arrived)], 2)).unwrap();
    store.flush().unwrap();
    while store.settle(10_000).unwrap() == crate::store::Settling::More {}
    let noon = begin + Duration::from_secs(12 * 3_600);
    assert!(store.is_deleted(CHANNEL, noon));
    let history = history(&store);
    let line = Line { kept: store.kept_since(CHANNEL), ..line(600) };
    let part = Question { from: noon, to: noon + Duration::from_secs(7_200), ..days(&[Function::Delta], "1h", "UTC") };
    let rows = all(&history, &part, &line, Reading::Tallies(Tier::Hour));
    assert_eq!(rows.iter().map(|row| row.values[0]).collect::<Vec<_>>(), [Some(18.0), Some(18.0)]);
}

#[test]
fn what_would_hurt_is_refused_with_a_way_out() {
    let (_folder, store) = store(&minutes(3_000));
    let config = Config { samples_max: 50_000, buckets_max: 10_000, ..Config::default() };
    let history = History::new(Arc::clone(&store), config, 420);
    let long = |functions: &[Function], every: &str| Question {
        from: at("2020-01-01T00:00:00Z"),
        ..days(functions, every, "UTC")
    };
    let refusal = |question: &Question, lines: &[Line]| history.permit(question, lines).unwrap_err().to_string();
    let other = Line { channel: ChannelId(9), ..line(1) };
    // The channel begins in November 2026: the years before cost nothing.
    assert!(history.permit(&long(&[Function::P95], "1d"), &[line(60)]).is_ok());
    assert!(history.permit(&long(&[Function::P95], "1d"), std::slice::from_ref(&other)).is_ok());
    let text = refusal(&long(&[Function::P95], "1d"), &[line(1), line(60)]);
    assert!(text.contains("50000 can be at once: percentiles, exceedance_hours"), "{text}");
    assert!(text.contains("fewer channels") && text.contains("saola export"), "{text}");
    let text = refusal(&long(&[Function::Mean], "1m"), &[line(60)]);
    assert!(text.contains("buckets, and 10000 can be asked for at once: ask for longer buckets"), "{text}");
    let far = Question { from: at("0100-01-01T00:00:00Z"), ..days(&[Function::Mean], "1y", "UTC") };
    assert!(refusal(&far, &[line(60)]).contains("is not a range between the years"));
}

#[test]
fn a_walk_goes_on_where_another_stood() {
    let (_folder, store) = store(&minutes(4_000));
    let history = history(&store);
    let question =
        Arc::new(days(&[Function::Delta, Function::ExceedanceHours, Function::Mean], "3h", "Asia/Kathmandu"));
    let question = Arc::new(Question { limit: Some(Limit::Above(100.0)), ..(*question).clone() });
    let rows = all(&history, &question, &line(60), Reading::Samples);
    for place in [0, 1, 7, rows.len() - 1] {
        let plan = Plan { reading: Reading::Samples, reads: 0, whole_since: None };
        let mut walk = history.walk(&question, &line(60), plan, rows[place].bucket.begin);
        let mut rest = Vec::new();
        while walk.step(history.store(), &mut rest).unwrap() {}
        assert_eq!(rest, rows[place..]);
    }
}

#[test]
fn expected_samples_end_with_now() {
    let (_folder, store) = store(&minutes(100));
    let history = history(&store);
    let question =
        Question { now: at("2026-11-01T01:30:00+07:00"), ..days(&[Function::Mean], "1h", "Asia/Ho_Chi_Minh") };
    let rows = all(&history, &question, &line(60), Reading::Samples);
    let shown: Vec<_> =
        rows[..3].iter().map(|row| (row.count, row.expected, row.completeness(), row.is_partial)).collect();
    assert_eq!(shown, [(60, 60, Some(1.0), false), (40, 30, Some(1.0), true), (0, 0, None, true)]);
    let sparse = all(&history, &question, &line(7_200), Reading::Samples);
    assert_eq!((sparse[0].expected, sparse[0].completeness()), (0, None));
}
