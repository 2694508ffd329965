//! Answers against a recomputation that shares nothing with them: each sample is put into its bucket by its civil
//! time alone, and what reaches over edges is cut at edges that are found by bisection of the civil date.

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

struct Oracle {
    zone: TimeZone,
    every: Every,
}

impl Oracle {
    fn date(&self, at: Timestamp) -> Date {
        self.zone.to_datetime(at.to_jiff()).date()
    }

    /// By bisection: the first instant, to the second, whose civil date is not before `date`.
    fn start(&self, date: Date) -> Timestamp {
        let noon = date.at(12, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap().timestamp().as_second();
        let (mut low, mut high) = (noon - 2 * 86_400, noon + 2 * 86_400);
        while high - low > 1 {
            let middle = (low + high) / 2;
            if self.date(Timestamp::from_seconds(middle)) < date { low = middle } else { high = middle }
        }
        Timestamp::from_seconds(high)
    }

    fn key(&self, at: Timestamp) -> Key {
        let date = self.date(at);
        let count = i64::from(self.every.count());
        let of_month = |months: i64| {
            let passed = (i64::from(date.year()) * 12 + i64::from(date.month()) - 1) / months * months;
            Date::new((passed / 12) as i16, (passed % 12 + 1) as i8, 1).unwrap()
        };
        match self.every.unit() {
            CalendarUnit::Minute | CalendarUnit::Hour => {
                let seconds = if self.every.unit() == CalendarUnit::Hour { 3_600 } else { 60 } * count;
                (date, (at.micros() - self.start(date).micros()) / 1_000_000 / seconds)
            }
            CalendarUnit::Day => {
                let passed = date.duration_since(jiff::civil::date(1970, 1, 1)).as_hours() / 24;
                (date.saturating_sub(jiff::Span::new().days(passed % count)), 0)
            }
            CalendarUnit::Week => {
                let since_monday = i64::from(date.weekday().since(Weekday::Monday));
                (date.saturating_sub(jiff::Span::new().days(since_monday)), 0)
            }
            CalendarUnit::Month => (of_month(count), 0),
            CalendarUnit::Quarter => (of_month(3 * count), 0),
            CalendarUnit::Year => (of_month(12 * count), 0),
        }
    }

    /// Every bucket's first second inside the question, found by walking through it.
    fn edges(&self, question: &Question) -> Vec<Timestamp> {
        let step = 60;
        let mut edges = vec![question.from];
        let mut second = question.from.micros() / 1_000_000;
        let end = question.to.micros() / 1_000_000;
        while second < end {
            let next = (second - second.rem_euclid(step) + step).min(end);
            if next < end && self.key(Timestamp::from_seconds(next)) != self.key(Timestamp::from_seconds(second)) {
                edges.push(Timestamp::from_seconds(next));
            }
            second = next;
        }
        edges.push(question.to);
        edges
    }
}

/// What the samples, ascending and one per time, come to.
fn recomputed(
    question: &Question,
    line: &Line,
    samples: &[StoredSample],
) -> BTreeMap<Key, (Vec<Option<f64>>, u64, u64)> {
    let oracle = Oracle { zone: question.zone.clone(), every: question.every };
    let counts = |sample: &StoredSample| question.quality == QualityRule::All || sample.quality == Quality::GOOD;
    let inside = |sample: &StoredSample| question.from <= sample.observed_at && sample.observed_at < question.to;
    let mut buckets: BTreeMap<Key, (Vec<f64>, u64, f64, f64, bool)> = BTreeMap::new();
    let mut before: Option<StoredSample> = None;
    for sample in samples {
        let bucket = inside(sample).then(|| buckets.entry(oracle.key(sample.observed_at)).or_default());
        match bucket {
            Some(bucket) if counts(sample) => {
                bucket.0.push(sample.value);
                bucket.2 += before.map_or(0.0, |before| line.counter.advance(&before, sample));
            }
            Some(bucket) => bucket.1 += 1,
            None => {}
        }
        before = if counts(sample) { Some(*sample) } else { before };
    }
    if let Some(limit) = question.limit {
        let edges = oracle.edges(question);
        for (place, sample) in samples.iter().enumerate().filter(|(_, sample)| counts(sample)) {
            let next = samples.get(place + 1).map_or(Timestamp::from_micros(i64::MAX), |next| next.observed_at);
            let end = next.min(sample.observed_at + line.interval).min(question.now);
            for edge in edges.windows(2) {
                let (low, high) = (sample.observed_at.max(edge[0]), end.min(edge[1]));
                if low < high {
                    let bucket = buckets.entry(oracle.key(edge[0])).or_default();
                    let exceeds = match limit {
                        Limit::Above(limit) => sample.value > limit,
                        Limit::Below(limit) => sample.value < limit,
                    };
                    bucket.3 += if exceeds { (high.micros() - low.micros()) as f64 / 3.6e9 } else { 0.0 };
                    bucket.4 = true;
                }
            }
        }
    }
    buckets.into_iter().map(|(key, bucket)| (key, functions(question, bucket))).collect()
}

fn functions(
    question: &Question,
    (values, left_out, counted, exceeded, held): (Vec<f64>, u64, f64, f64, bool),
) -> (Vec<Option<f64>>, u64, u64) {
    let n = values.len();
    let mean = values.iter().sum::<f64>() / n as f64;
    let mut sorted = values.clone();
    sorted.sort_by(|a, b| a.partial_cmp(b).unwrap());
    let quantile = |share: f64| {
        let place = share * (n as f64 - 1.0);
        let below = place as usize;
        let part = place - below as f64;
        sorted[below] * (1.0 - part) + sorted[(below + 1).min(n - 1)] * part
    };
    let value = |function: &Function| match function {
        Function::Count => Some(n as f64),
        Function::ExceedanceHours => (n > 0 || held).then_some(exceeded),
        _ if n == 0 => None,
        Function::Mean => Some(mean),
        Function::Min => Some(sorted[0]),
        Function::Max => Some(sorted[n - 1]),
        Function::Sum => Some(mean * n as f64),
        Function::First => Some(values[0]),
        Function::Last => Some(values[n - 1]),
        Function::P05 => Some(quantile(0.05)),
        Function::P50 => Some(quantile(0.5)),
        Function::P95 => Some(quantile(0.95)),
        Function::Stddev if n < 2 => None,
        Function::Stddev => {
            Some((values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n as f64 - 1.0)).sqrt())
        }
        Function::Delta => Some(counted),
    };
    (question.functions.iter().map(value).collect(), n as u64, left_out)
}

fn near(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-7 * a.abs().max(b.abs()).max(1.0),
        (a, b) => a.is_none() && b.is_none(),
    }
}

/// Whether rows are the recomputation, and the buckets without anything in it say so.
fn compare(question: &Question, line: &Line, rows: &[Row], samples: &[StoredSample]) -> Result<(), TestCaseError> {
    let oracle = Oracle { zone: question.zone.clone(), every: question.every };
    let mut expected = recomputed(question, line, samples);
    for row in rows {
        let key = oracle.key(row.bucket.begin);
        prop_assert_eq!(key, oracle.key(Timestamp::from_micros(row.bucket.end.micros() - 1)));
        let nothing = || functions(question, Default::default());
        let (values, count, left_out) = expected.remove(&key).unwrap_or_else(nothing);
        prop_assert_eq!((row.count, row.left_out), (count, left_out), "{}", row.bucket.begin);
        for ((function, found), expected) in question.functions.iter().zip(&row.values).zip(&values) {
            prop_assert!(near(*found, *expected), "{} {function:?}: {found:?}, not {expected:?}", row.bucket.begin);
        }
    }
    prop_assert!(expected.is_empty(), "buckets are missing: {:?}", expected.keys());
    Ok(())
}

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

#[test]
fn periods_of_different_length_stand_side_by_side() {
    let (_folder, store) = store(&minutes(60 * 24 * 30));
    let history = history(&store);
    let november = days(&[Function::Delta], "1d", "Asia/Ho_Chi_Minh");
    let february = november.about(at("2026-11-03T00:00:00+07:00"), at("2026-11-30T12:00:00+07:00"));
    let [asked, compared] = [february, november].map(Arc::new);
    let plan = Plan { reading: Reading::Tallies(Tier::Day), reads: 0, whole_since: None };
    let walk = |question: &Arc<Question>| history.walk(question, &line(60), plan, question.from);
    let mut walk = PairWalk::new(walk(&asked), walk(&compared));
    let mut pairs = Vec::new();
    while walk.step(history.store(), &mut pairs).unwrap() {}
    assert_eq!(pairs.len(), 30);
    let differences: Vec<_> = pairs.iter().flat_map(Pair::differences).collect();
    assert_eq!((differences[0], differences[1], differences[27]), (Some(1.0), Some(0.0), Some(-720.0)));
    assert_eq!((differences[28], pairs[29].asked.is_none()), (None, true));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn an_area_is_made_of_its_stations_one_by_one(
        all_steps in prop::collection::vec((series(), any::<bool>()), 1..5),
        every in prop::sample::select(vec!["15m", "1h", "1d"]),
    ) {
        let begin = at("2026-10-31T12:00:00Z");
        let arrived: Vec<Vec<Arrived>> = all_steps.iter().map(|(steps, _)| arrived(begin, steps)).collect();
        let channels: Vec<ChannelId> = (0..4).map(ChannelId).collect();
        let pairs: Vec<(ChannelId, &[Arrived])> =
            channels.iter().copied().zip(arrived.iter().map(Vec::as_slice)).collect();
        let (_folder, store) = store_of(&pairs);
        let history = history(&store);
        let functions = AREA_FUNCTIONS.to_vec();
        let question = Arc::new(Question {
            from: begin,
            to: begin + Duration::from_secs(260_000),
            functions,
            ..days(&[], every, "America/New_York")
        });
        let line = |channel| Line { channel, interval: Duration::from_secs(300), counter: Counter::default(), kept: KeptSince::default() };
        let lines: Vec<(Line, Plan, Duty)> = pairs
            .iter()
            .zip(&all_steps)
            .map(|((channel, _), (_, retired))| {
                let duty = if *retired { Duty::Retired } else { Duty::Standing };
                (line(*channel), Plan { reading: Reading::Samples, reads: 0, whole_since: None }, duty)
            })
            .collect();
        let mut walk = history.area_walk(&question, &lines, question.from);
        let mut rows = Vec::new();
        while walk.step(history.store(), &mut rows).unwrap() {}

        let alone: Vec<Vec<Row>> = lines.iter().map(|(line, ..)| all(&history, &question, line, Reading::Samples)).collect();
        prop_assert_eq!(rows.len(), alone[0].len());
        for (place, row) in rows.iter().enumerate() {
            prop_assert_eq!(row.bucket, alone[0][place].bucket);
            let spoke: Vec<&Row> = alone.iter().map(|rows| &rows[place]).filter(|row| row.count > 0).collect();
            let values = |function: usize| spoke.iter().filter_map(move |row| row.values[function]);
            let some = |value: f64| (!spoke.is_empty()).then_some(value);
            let expected = [
                some(values(0).sum::<f64>() / spoke.len() as f64),
                some(values(1).fold(f64::INFINITY, f64::min)),
                some(values(2).fold(f64::NEG_INFINITY, f64::max)),
                some(values(3).sum()),
                some(values(4).sum()),
                some(values(5).sum()),
            ];
            for (found, expected) in row.values.iter().zip(expected) {
                prop_assert!(near(*found, expected), "{}: {found:?}, not {expected:?}", row.bucket.begin);
            }
            let standing = lines.iter().zip(&alone).filter(|((_, _, duty), rows)| *duty == Duty::Standing || rows[place].count > 0);
            let expected: u64 = standing.clone().map(|(_, rows)| rows[place].expected).sum();
            prop_assert_eq!((row.stations, row.stations_expected), (spoke.len() as u64, standing.count() as u64));
            prop_assert_eq!((row.count, row.expected), (spoke.iter().map(|row| row.count).sum(), expected));
        }
    }
}
