//! Buckets as a recomputation from every sample has them.

use super::*;

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

pub(super) fn near(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-7 * a.abs().max(b.abs()).max(1.0),
        (a, b) => a.is_none() && b.is_none(),
    }
}

/// Whether rows are the recomputation, and the buckets without anything in it say so.
pub(super) fn compare(
    question: &Question,
    line: &Line,
    rows: &[Row],
    samples: &[StoredSample],
) -> Result<(), TestCaseError> {
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
