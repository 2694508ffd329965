//! Answers against a recomputation over the raw samples, which looks at all of them for every instant.

use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::model::{Body, Entry, Message, Quality, Sample, Seq, SourceId, TimeClass};

const INTERVAL_S: u64 = 10;
const PRESENT_S: u64 = 25;
const EPOCH_S: i64 = 1_795_000_000;

type Arrived = (i64, f64, bool);

fn at(seconds: f64) -> Timestamp {
    Timestamp::from_micros(EPOCH_S * 1_000_000 + (seconds * 1e6) as i64)
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::of(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())))
}

struct Case {
    _folder: TempDir,
    store: Store,
    series: Vec<Series>,
    given_up: AtomicBool,
    samples_max: u64,
}

impl Case {
    /// `m{station="0"}`, `m{station="1"}`, … with samples by second; the last is not good.
    fn of(series: &[Vec<Arrived>]) -> Case {
        let folder = TempDir::new().unwrap();
        let config = crate::store::Config { flush_samples: 53, ..Default::default() };
        let store = Store::open(folder.path(), &config).unwrap();
        let mut seq = 0;
        for (number, samples) in series.iter().enumerate() {
            let sample = |(second, value, is_good): &Arrived| Sample {
                channel: ChannelId(number as u32),
                observed_at: at(*second as f64),
                value: *value,
                quality: if *is_good { Quality::GOOD } else { Quality::SPIKE },
                time_class: TimeClass::Live,
            };
            for piece in samples.chunks(40) {
                seq += 1;
                let message = Message {
                    source: SourceId(0),
                    received: piece.len() as u32,
                    duplicates: 0,
                    samples: piece.iter().map(sample).collect(),
                    rejections: Vec::new(),
                    raw: None,
                    unknown: Vec::new(),
                    again: None,
                };
                store.apply(&[Entry { seq: Seq(seq), received_at: at(0.0), body: Body::Message(message) }]).unwrap();
            }
        }
        let of_number = |number: usize| Series {
            channel: ChannelId(number as u32),
            labels: labels(&[(NAME, "m"), ("station", &number.to_string()), ("kind", ["a", "b"][number % 2])]),
            interval: Duration::from_secs(INTERVAL_S),
            present_for: Duration::from_secs(PRESENT_S),
        };
        let series = (0..series.len()).map(of_number).collect();
        Case { _folder: folder, store, series, given_up: AtomicBool::new(false), samples_max: 10_000_000 }
    }

    fn ask(&self, query: &str, instants: Instants) -> Result<Answer, PromqlError> {
        let limits = Limits { samples_max: self.samples_max };
        let world = World { store: &self.store, series: &self.series, limits, given_up: &self.given_up };
        evaluate(&world, &read(query)?, instants)
    }

    fn lines(&self, query: &str, instants: Instants) -> Vec<Line> {
        match self.ask(query, instants) {
            Ok(Answer::Vector(lines)) => lines,
            other => panic!("{query}: {other:?}"),
        }
    }

    /// At one instant: labels but the name, and the value.
    fn now(&self, query: &str, second: f64) -> Vec<(String, f64)> {
        let told = |line: Line| {
            let labels: Vec<String> = line
                .labels
                .iter()
                .filter(|(name, _)| *name != NAME)
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            (labels.join(","), line.values[0].unwrap())
        };
        self.lines(query, Instants::one(at(second))).into_iter().map(told).collect()
    }
}

fn near(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => {
            (a.is_nan() && b.is_nan()) || a == b || (a - b).abs() <= 1e-7 * a.abs().max(b.abs()).max(1.0)
        }
        (a, b) => a == b,
    }
}

/// By the definitions, with nothing shared.
fn recomputed(name: &str, samples: &[(f64, f64)], from: f64, to: f64, number: f64) -> Option<f64> {
    let values: Vec<f64> = samples.iter().map(|sample| sample.1).collect();
    let (first, last) = (*samples.first()?, *samples.last()?);
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / n;
    let mut sorted = values.clone();
    sorted.sort_by(f64::total_cmp);
    let slope = || {
        let mean_t = samples.iter().map(|sample| sample.0).sum::<f64>() / n;
        let over: f64 = samples.iter().map(|(t, v)| (t - mean_t) * (v - mean)).sum();
        let under: f64 = samples.iter().map(|(t, _)| (t - mean_t) * (t - mean_t)).sum();
        (over / under, mean, mean_t)
    };
    match name {
        "avg_over_time" => Some(mean),
        "min_over_time" => sorted.first().copied(),
        "max_over_time" => sorted.last().copied(),
        "sum_over_time" => Some(values.iter().sum()),
        "count_over_time" => Some(n),
        "first_over_time" => Some(first.1),
        "last_over_time" => Some(last.1),
        "stddev_over_time" => Some(variance.sqrt()),
        "stdvar_over_time" => Some(variance),
        "quantile_over_time" => {
            let place = number * (n - 1.0);
            let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
            Some(low * (1.0 - place.fract()) + high * place.fract())
        }
        "changes" => Some(values.windows(2).filter(|pair| pair[0] != pair[1]).count() as f64),
        "resets" => Some(values.windows(2).filter(|pair| pair[1] < pair[0]).count() as f64),
        _ if samples.len() < 2 => None,
        "deriv" => Some(slope().0),
        "predict_linear" => {
            let (slope, mean, mean_t) = slope();
            Some(mean + slope * (to + number - mean_t))
        }
        "idelta" => Some(last.1 - values[values.len() - 2]),
        "irate" => {
            let (before, after) = (samples[samples.len() - 2], last);
            let advance = if after.1 < before.1 { after.1 } else { after.1 - before.1 };
            Some(advance / (after.0 - before.0))
        }
        "delta" | "increase" | "rate" => {
            let step = |pair: &[f64]| if name != "delta" && pair[1] < pair[0] { pair[1] } else { pair[1] - pair[0] };
            let advance: f64 = values.windows(2).map(step).sum();
            let (sampled, mean_gap) = (last.0 - first.0, (last.0 - first.0) / (n - 1.0));
            let end = |gap: f64| if gap >= 1.1 * mean_gap { mean_gap / 2.0 } else { gap };
            let mut head = end(first.0 - from);
            if name != "delta" && advance > 0.0 && first.1 >= 0.0 {
                head = head.min(sampled * first.1 / advance);
            }
            let whole = advance * (sampled + head + end(to - last.0)) / sampled;
            Some(if name == "rate" { whole / (to - from) } else { whole })
        }
        other => panic!("{other}"),
    }
}

const OF_RANGES: [&str; 20] = [
    "avg_over_time",
    "min_over_time",
    "max_over_time",
    "sum_over_time",
    "count_over_time",
    "first_over_time",
    "last_over_time",
    "stddev_over_time",
    "stdvar_over_time",
    "quantile_over_time",
    "changes",
    "resets",
    "deriv",
    "predict_linear",
    "idelta",
    "irate",
    "delta",
    "increase",
    "rate",
    "m",
];

fn samples() -> impl Strategy<Value = Vec<Arrived>> {
    let gap = prop_oneof![4 => 8i64..13, 1 => 30i64..200];
    let one = (gap, prop_oneof![Just(0.0), -5.0f64..50.0, (0u8..4).prop_map(f64::from)], prop::bool::weighted(0.9));
    prop::collection::vec(one, 0..60).prop_map(|gaps| {
        let mut second = 0;
        gaps.into_iter()
            .map(|(gap, value, is_good)| {
                second += gap;
                (second, value, is_good)
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn functions_over_ranges_equal_a_recomputation(
        series in prop::collection::vec(samples(), 1..3),
        (first, step, count) in (-50i64..600, prop_oneof![1u64..30, 100u64..400], 1usize..40),
        (range, back, pinned) in (1u64..300, -40i64..90, prop::option::of(0i64..600)),
        share in 0.0f64..=1.0,
        all in any::<bool>(),
    ) {
        let case = Case::of(&series);
        let last = at(first as f64) + Duration::from_secs(step * (count as u64 - 1));
        let instants = Instants::range(at(first as f64), last, Duration::from_secs(step)).unwrap();
        prop_assert_eq!(instants.count(), count);
        let quality = if all { "{__quality__=\"all\"}" } else { "" };
        let pin = pinned.map_or(String::new(), |second| format!(" @ {}", EPOCH_S + second));
        let offset = if back < 0 { format!("offset -{}s", -back) } else { format!("offset {back}s") };
        for name in OF_RANGES {
            let (selector, length) = match name {
                "m" => (format!("m{quality} {offset}{pin}"), PRESENT_S),
                _ => (format!("m{quality}[{range}s] {offset}{pin}"), range),
            };
            let query = match name {
                "m" => selector,
                "quantile_over_time" => format!("{name}({share}, {selector})"),
                "predict_linear" => format!("{name}({selector}, 77)"),
                _ => format!("{name}({selector})"),
            };
            let lines = case.lines(&query, instants);
            for (number, samples) in series.iter().enumerate() {
                let expected: Vec<Option<f64>> = (0..count).map(|place| {
                    let now = pinned.unwrap_or(first + (step * place as u64) as i64) - back;
                    let (from, to) = (now - length as i64, now);
                    let inside: Vec<(f64, f64)> = samples.iter()
                        .filter(|(second, _, is_good)| *second > from && *second <= to && (all || *is_good))
                        .map(|(second, value, _)| (*second as f64, *value)).collect();
                    let number = if name == "quantile_over_time" { share } else { 77.0 };
                    let name = if name == "m" { "last_over_time" } else { name };
                    recomputed(name, &inside, from as f64, to as f64, number)
                }).collect();
                let station = number.to_string();
                let found = lines.iter().find(|line| line.labels.get("station") == station);
                prop_assert_eq!(found.is_some(), expected.iter().any(Option::is_some), "{}", query);
                for (found, expected) in found.iter().flat_map(|line| line.values.iter().zip(&expected)) {
                    prop_assert!(near(*found, *expected), "{}: {:?} {:?}", query, found, expected);
                }
            }
        }
    }

    #[test]
    fn no_text_panics_or_hangs(words in prop::collection::vec(prop::sample::select(vec![
        "m", "rate", "sum", "by", "without", "(", ")", "[", "]", "5m", "{", "}", "=", "=~", "!=", "\"a\"", "\"(\"", ",",
        "+", "-", "*", "/", "^", "%", ">", "bool", "on", "group_left", "and", "or", "unless", "offset", "@", "1e400",
        "99999999999y", "start()", "topk", "quantile", "-1", "NaN", "absent", "clamp", "ệ", "time()", ":", "start", "'",
        "m[5m]", "sum(m)", "m{station=\"0\"}", "rate(m[1m])", "vector(1)", ".5", ".", "5", "1.5.2", "0x", "1e", "scalar(m)", "predict_linear(m[1m],m)",
    ]), 0..14)) {
        let case = Case::of(&[vec![(0, 1.0, true), (10, 2.0, true)]]);
        let _ = case.ask(&words.join(" "), Instants::one(at(10.0)));
        let _ = read_selector(&words.concat());
    }
}

#[test]
fn rates_are_those_of_prometheus() {
    // As in Prometheus's own tests: ten more every five minutes.
    let counter: Vec<Arrived> = (0..=10).map(|step| (step * 300, step as f64 * 10.0, true)).collect();
    let case = Case::of(&[counter]);
    let value = |query: &str| case.now(query, 3_000.0)[0].1;
    assert!((value("rate(m[50m])") - 100.0 / 3_000.0).abs() < 1e-12);
    assert!((value("increase(m[50m])") - 100.0).abs() < 1e-9);
    assert!((value("delta(m[20m])") - 40.0).abs() < 1e-9);
}

#[test]
fn operators_aggregations_and_functions() {
    let constant = |value: f64| (0..10).map(|step| (step * 10, value, true)).collect::<Vec<Arrived>>();
    let case = Case::of(&[constant(1.0), constant(2.0), constant(-4.5), vec![]]);
    let of = |value: f64| vec![(String::new(), value)];
    let each = |values: [f64; 3]| {
        let kinds = ["a", "b", "a"];
        (0..3).map(|n| (format!("kind={},station={n}", kinds[n]), values[n])).collect::<Vec<_>>()
    };
    let by_kind = |a: f64, b: f64| vec![("kind=a".to_owned(), a), ("kind=b".to_owned(), b)];
    for (query, expected) in [
        ("m", {
            let mut all = each([1.0, 2.0, -4.5]);
            all.sort_by(|a, b| a.0.cmp(&b.0));
            all
        }),
        ("m{station=\"1\"}", vec![each([1.0, 2.0, 0.0])[1].clone()]),
        ("m{station=~\"0|1\", kind!=\"a\"}", vec![each([1.0, 2.0, 0.0])[1].clone()]),
        ("{station!~\"1|2\", kind=~\".+\"}", vec![each([1.0, 2.0, 0.0])[0].clone()]),
        ("sum(m)", of(-1.5)),
        ("avg(m)", of(-0.5)),
        ("count(m)", of(3.0)),
        ("max by (kind) (m)", by_kind(1.0, 2.0)),
        ("min without (station) (m)", by_kind(-4.5, 2.0)),
        ("stdvar(m{kind=\"a\"})", of(2.75 * 2.75)),
        ("quantile(0.5, m)", of(1.0)),
        ("topk(1, m)", vec![each([1.0, 2.0, 0.0])[1].clone()]),
        ("bottomk by (kind) (1, m{kind=\"a\"})", vec![each([0.0, 0.0, -4.5])[2].clone()]),
        ("sum(m) * 2 + 1", of(-2.0)),
        ("-sum(m) ^ 2", of(-2.25)),
        ("m > 1", vec![each([0.0, 2.0, 0.0])[1].clone()]),
        ("sum(m > bool 0)", of(2.0)),
        ("1 < sum(m) + 3", of(1.5)),
        ("sum(m{kind=\"b\"}) / sum(m{kind=\"a\"})", of(2.0 / -3.5)),
        ("sum by (kind) (m) - on (kind) max by (kind) (m)", by_kind(-4.5, 0.0)),
        ("count(m and m > 0)", of(2.0)),
        ("count(m unless m > 0)", of(1.0)),
        ("count(m > 1 or m < 0)", of(2.0)),
        ("absent(m)", vec![]),
        ("absent(nothing)", of(1.0)),
        ("vector(scalar(m{station=\"0\"}) + 1)", of(2.0)),
        ("sum(clamp(m, 0, 1.5))", of(2.5)),
        ("sum(round(m))", of(-1.0)),
        ("sum(abs(ceil(m)))", of(7.0)),
        ("sum(m offset 1h)", vec![]),
        ("time() - vector(0) > bool 1", of(1.0)),
    ] {
        let second = 90.0;
        let found = case.now(query, second);
        assert_eq!(found.len(), expected.len(), "{query}: {found:?}");
        for (found, expected) in found.iter().zip(&expected) {
            assert!(found.0 == expected.0 && near(Some(found.1), Some(expected.1)), "{query}: {found:?} {expected:?}");
        }
    }
    let ordered: Vec<f64> = case.now("sort_desc(m)", 90.0).into_iter().map(|(_, value)| value).collect();
    assert_eq!(ordered, [2.0, 1.0, -4.5]);
    assert_eq!(case.now("m", 90.0 + PRESENT_S as f64), [], "what is silent is not shown as if it were present");
}

#[test]
fn texts_are_read_as_prometheus_reads_them() {
    let case = Case::of(&[(0..10).map(|step| (step * 10, 1.0, true)).collect(), vec![(90, 2.0, true)]]);
    for (query, expected) in [
        ("1 + 2 * 3 ^ 2 ^ 0.5 - 4 % 3", 1.0 + 2.0 * 3f64.powf(2f64.sqrt()) - 1.0),
        ("-2 ^ 2", -4.0),
        ("(1 + 2) * 3 # nine", 9.0),
        ("0x10 + 1e2 + .5 + 1m", 176.5),
        ("2 - 3 - 4", -5.0),
        ("1 < bool 2 == bool 1", 1.0),
        ("-Inf < bool 0", 1.0),
    ] {
        let Ok(Answer::Scalar(values)) = case.ask(query, Instants::one(at(0.0))) else { panic!("{query}") };
        assert!(near(Some(values[0]), Some(expected)), "{query}: {values:?}");
    }
    assert_eq!(case.ask("'a\\u00e9' ", Instants::one(at(0.0))).unwrap(), Answer::Text("aé".to_owned()));
    assert_eq!(case.now("{\"m\", 'station'=\"1\"}", 90.0).len(), 1, "names may stand in quotes");
}

#[test]
fn what_is_not_answered_is_refused_with_a_sentence() {
    let mut case = Case::of(&[vec![(0, 1.0, true)], vec![(0, 2.0, true)]]);
    let one = Instants::one(at(5.0));
    for (query, kind, mentions) in [
        ("", "bad_data", "read"),
        ("m{", "bad_data", "read"),
        ("m[5m][1h:1m]", "bad_data", "subquery"),
        ("rate(m)", "bad_data", "range"),
        ("1 > 0", "bad_data", "bool"),
        ("m + bool m", "bad_data", "bool"),
        ("m[0s]", "bad_data", "length"),
        ("m[300y]", "bad_data", "length"),
        ("{station=~\".*\"}", "bad_data", "selector"),
        ("{station=~\"(\"}", "bad_data", "pattern"),
        ("{station=~\"(a{1000}){1000}\"}", "bad_data", "pattern"),
        ("clamp(m, 1)", "bad_data", "numbers"),
        ("sum(m, m)", "bad_data", "number"),
        ("m 1", "bad_data", "nothing was expected"),
        ("m offset", "bad_data", "length"),
        ("1 and 2", "bad_data", "two vectors"),
        ("max_over_time(m[1h:5m])", "bad_data", "subquery"),
        ("m * on (kind) group_left m", "bad_data", "group_left"),
        ("m + on (missing) m", "execution", "same labels"),
        ("count_values(\"x\", m)", "bad_data", "count_values"),
        ("histogram_quantile(0.9, m)", "bad_data", "histogram_quantile"),
        ("hour(m)", "bad_data", "hour"),
        ("m{__quality__=~\".*\"}", "bad_data", "__quality__"),
    ] {
        match case.ask(query, one) {
            Err(error) => {
                assert_eq!(error.kind(), kind, "{query}: {error}");
                assert!(error.to_string().contains(mentions), "{query}: {error}");
            }
            Ok(answer) => panic!("{query}: {answer:?}"),
        }
    }
    for query in ["(".repeat(400) + "m", "1".to_owned() + &"+1".repeat(400), "-".repeat(300) + "m", "abs(".repeat(99)] {
        assert!(case.ask(&query, one).unwrap_err().to_string().contains("nests"), "{query}");
    }
    assert!(case.ask(&"m".repeat(QUERY_BYTES_MAX + 1), one).unwrap_err().to_string().contains("longer"));
    let own = std::mem::replace(&mut case.series[1].labels, labels(&[(NAME, "n"), ("station", "0"), ("kind", "a")]));
    let error = case.ask("abs({station=\"0\"})", one).unwrap_err();
    assert!(error.kind() == "execution" && error.to_string().contains("same labels"), "{error}");
    case.series[1].labels = own;
    let days = Instants::range(at(0.0), at(86_400.0 * 30.0), Duration::from_secs(3_600)).unwrap();
    case.samples_max = 10_000;
    let error = case.ask("avg_over_time(m[1h])", days).unwrap_err();
    assert!(error.kind() == "execution" && error.to_string().contains("fewer series"), "{error}");
    assert!(case.ask("m", days).is_ok() || case.samples_max < 2 * 720 * 34, "instants far apart cost what is in them");
    let far = Instants::range(at(0.0), at(1e9), Duration::from_secs(1));
    assert!(far.unwrap_err().to_string().contains("longer `step`"));
    case.given_up.store(true, Ordering::Relaxed);
    assert_eq!(case.ask("m", one).unwrap_err().kind(), "canceled");
}

#[test]
fn samples_of_a_range_are_given_as_they_are() {
    let case = Case::of(&[vec![(0, 1.0, true), (10, 2.0, false), (20, 3.0, true), (30, 4.0, true)]]);
    let Answer::Samples(series) = case.ask("m[30s]", Instants::one(at(30.0))).unwrap() else { panic!() };
    let points: Vec<f64> = series[0].1.iter().map(|point| point.value).collect();
    assert_eq!(points, [3.0, 4.0], "the open beginning and what is not good are left out");
}
