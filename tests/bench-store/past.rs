//! Saola's answers, made by what the HTTP interface asks: `History` for buckets and areas, `Store` for samples.
//!
//! A question about all stations is put as four requests at a time, as it is to the servers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use jiff::tz::TimeZone;
use saola::history::{self, AreaRow, Counter, Duty, Function, History, Line, QualityRule, Row};
use saola::model::Timestamp;
use saola::store::{KeptSince, Store, StoredSample};
use serde::Serialize;
use serde_json::{Value, json};

use crate::answer::{Answer, BEST, Question};
use crate::data::{self, AREAS, BEGIN, Extent, PROPERTIES, RANKED};
use crate::saola::channel;

/// The past of all stations.
pub struct Past {
    store: Arc<Store>,
    history: History,
    extent: Extent,
}

/// Some of the properties or stations, one thread each.
fn at_a_time<P: Send, T: Send>(
    parts: Vec<P>,
    answer: impl Fn(P) -> anyhow::Result<T> + Sync,
) -> anyhow::Result<Vec<T>> {
    std::thread::scope(|scope| {
        let answer = &answer;
        let threads: Vec<_> = parts.into_iter().map(|part| scope.spawn(move || answer(part))).collect();
        threads.into_iter().map(|thread| thread.join().expect("it does not panic")).collect()
    })
}

fn second(at: Timestamp) -> i64 {
    at.micros() / 1_000_000
}

fn line(station: u32, property: usize) -> Line {
    Line {
        channel: channel(station, property),
        interval: Duration::from_secs(60),
        counter: Counter::default(),
        kept: KeptSince::default(),
    }
}

/// What is said about a question: the time until the figures are in memory, until they are text, and the figures.
fn said<T, S: Serialize>(
    compute: impl FnOnce() -> anyhow::Result<T>,
    as_served: impl FnOnce(&T) -> S,
    rows: impl FnOnce(&T) -> Answer,
) -> anyhow::Result<Value> {
    let begun = Instant::now();
    let found = compute()?;
    let took = begun.elapsed();
    let text = serde_json::to_string(&as_served(&found))?;
    let as_text = begun.elapsed();
    std::hint::black_box(text);
    let rows: Vec<([i64; 3], Vec<f64>)> = rows(&found).into_iter().collect();
    Ok(json!({"took": took.as_secs_f64(), "as_text": as_text.as_secs_f64(), "rows": rows}))
}

impl Past {
    pub fn new(store: &Arc<Store>, config: &saola::store::Config, extent: Extent) -> Past {
        // Ten times the days are more than a single question may ask by default.
        let limits = history::Config { samples_max: u64::MAX, buckets_max: u64::MAX, ..history::Config::default() };
        let history = History::new(Arc::clone(store), limits, config.day_offset_minutes);
        Past { store: Arc::clone(store), history, extent }
    }

    pub fn answer(&self, question: &str, station: u32) -> anyhow::Result<Value> {
        match question {
            "counts" => self.counts(),
            "raw" => self.raw(station),
            "hourly" => self.hourly(station),
            "areas" => self.areas(),
            "latest" => self.latest(),
            "best" => self.best(),
            other => bail!("cannot do {other}"),
        }
    }

    fn stations(&self) -> std::ops::Range<u32> {
        0..self.extent.stations
    }

    /// The whole time in buckets.
    fn question(&self, every: &str, functions: &[Function]) -> anyhow::Result<Arc<history::Question>> {
        let (from, to) = (Timestamp::from_seconds(BEGIN), Timestamp::from_seconds(self.extent.end()));
        Ok(Arc::new(history::Question {
            from,
            to,
            every: every.parse()?,
            zone: TimeZone::get("Asia/Ho_Chi_Minh")?,
            functions: functions.to_vec(),
            quality: QualityRule::Good,
            limit: None,
            now: to,
        }))
    }

    /// The buckets of channels, one list for each.
    fn buckets(&self, question: &Arc<history::Question>, lines: &[Line]) -> anyhow::Result<Vec<Vec<Row>>> {
        let permit = self.history.permit(question, lines)?;
        let buckets = lines.iter().zip(permit.plans).map(|(line, plan)| {
            let mut walk = self.history.walk(question, line, plan, question.from);
            let mut rows = Vec::new();
            while walk.step(&self.store, &mut rows)? {}
            Ok(rows)
        });
        buckets.collect()
    }

    fn counts(&self) -> anyhow::Result<Value> {
        let (from, to) = (Timestamp::from_seconds(BEGIN), Timestamp::from_seconds(self.extent.end()));
        let mut counts = Answer::new();
        for (station, property) in self.stations().flat_map(|station| (0..PROPERTIES.len()).map(move |p| (station, p)))
        {
            let mut count = 0.0;
            for sample in self.store.range(channel(station, property), from, to) {
                sample?;
                count += 1.0;
            }
            counts.insert([station.into(), property as i64, 0], vec![count]);
        }
        said(|| Ok(()), |()| (), |()| counts)
    }

    fn raw(&self, station: u32) -> anyhow::Result<Value> {
        let from = Timestamp::from_seconds(Question::raw_since(self.extent));
        let to = Timestamp::from_seconds(self.extent.end());
        let compute = || {
            let channels = (0..PROPERTIES.len()).map(|property| channel(station, property));
            Ok(channels.map(|channel| self.store.range(channel, from, to).collect()).collect::<Result<Vec<_>, _>>()?)
        };
        let as_served = |found: &Vec<Vec<StoredSample>>| -> Vec<Vec<(i64, f64)>> {
            let pairs =
                |samples: &Vec<StoredSample>| samples.iter().map(|s| (second(s.observed_at), s.value)).collect();
            found.iter().map(pairs).collect()
        };
        said(compute, as_served, |found| {
            let rows = found.iter().enumerate().flat_map(|(property, samples)| {
                samples.iter().map(move |s| ([property as i64, second(s.observed_at), 0], vec![s.value]))
            });
            rows.collect()
        })
    }

    fn hourly(&self, station: u32) -> anyhow::Result<Value> {
        let question = self.question("1h", &[Function::Mean])?;
        let lines: Vec<Line> = (0..PROPERTIES.len()).map(|property| line(station, property)).collect();
        let as_served = |found: &Vec<Vec<Row>>| -> Vec<Vec<(i64, Option<f64>, u64)>> {
            let hours =
                |rows: &Vec<Row>| rows.iter().map(|row| (second(row.bucket.begin), row.values[0], row.count)).collect();
            found.iter().map(hours).collect()
        };
        said(
            || self.buckets(&question, &lines),
            as_served,
            |found| {
                let hours =
                    found.iter().enumerate().flat_map(|(property, rows)| rows.iter().map(move |row| (property, row)));
                let hours = hours.filter_map(|(property, row)| {
                    Some(([property as i64, second(row.bucket.begin), 0], vec![row.values[0]?]))
                });
                hours.collect()
            },
        )
    }

    /// One property of every area.
    fn areas_of(&self, question: &Arc<history::Question>, property: usize) -> anyhow::Result<Vec<Vec<AreaRow>>> {
        let lines: Vec<Line> = self.stations().map(|station| line(station, property)).collect();
        let plans = self.history.permit(question, &lines)?.plans;
        let mut areas = vec![Vec::new(); AREAS as usize];
        for (station, (line, plan)) in self.stations().zip(lines.into_iter().zip(plans)) {
            areas[data::area_of(station) as usize].push((line, plan, Duty::Standing));
        }
        let areas = areas.iter().map(|lines| {
            let mut walk = self.history.area_walk(question, lines, question.from);
            let mut rows = Vec::new();
            while walk.step(&self.store, &mut rows)? {}
            Ok(rows)
        });
        areas.collect()
    }

    fn areas(&self) -> anyhow::Result<Value> {
        let question = self.question("1h", &[Function::Mean, Function::Max])?;
        let compute = || at_a_time((0..PROPERTIES.len()).collect(), |property| self.areas_of(&question, property));
        let as_served = |found: &Vec<Vec<Vec<AreaRow>>>| -> Vec<(i64, Vec<Option<f64>>, u64, u64)> {
            let rows = found.iter().flatten().flatten();
            rows.map(|row| (second(row.bucket.begin), row.values.clone(), row.count, row.stations)).collect()
        };
        said(compute, as_served, |found| {
            let mut answer = Answer::new();
            for (property, areas) in found.iter().enumerate() {
                for (area, row) in
                    areas.iter().enumerate().flat_map(|(area, rows)| rows.iter().map(move |row| (area, row)))
                {
                    let figures: Option<Vec<f64>> = row.values.iter().copied().collect();
                    let key = [area as i64, property as i64, second(row.bucket.begin)];
                    answer.extend(figures.map(|figures| (key, figures)));
                }
            }
            answer
        })
    }

    fn latest(&self) -> anyhow::Result<Value> {
        let of = |property| {
            let latest = self.stations().map(|station| self.store.last(channel(station, property)));
            Ok(latest.collect::<Result<Vec<_>, _>>()?)
        };
        let compute = || at_a_time((0..PROPERTIES.len()).collect(), of);
        let as_served = |found: &Vec<Vec<Option<StoredSample>>>| -> Vec<Option<(i64, f64)>> {
            let samples = found.iter().flatten();
            samples.map(|sample| sample.map(|sample| (second(sample.observed_at), sample.value))).collect()
        };
        said(compute, as_served, |found| {
            let rows = found.iter().enumerate().flat_map(|(property, samples)| {
                samples.iter().enumerate().filter_map(move |(station, sample)| {
                    let sample = (*sample)?;
                    let figures = vec![second(sample.observed_at) as f64, sample.value];
                    Some(([station as i64, property as i64, 0], figures))
                })
            });
            rows.collect()
        })
    }

    fn best(&self) -> anyhow::Result<Value> {
        let question = self.question("1d", &[Function::Mean])?;
        let days = self.extent.buckets(data::DAY_SECONDS).count();
        let stations: Vec<u32> = self.stations().collect();
        let quarter = stations.len().div_ceil(PROPERTIES.len());
        let compute = || {
            let rows = at_a_time(stations.chunks(quarter).collect(), |stations| {
                let lines: Vec<Line> = stations.iter().map(|station| line(*station, RANKED)).collect();
                self.buckets(&question, &lines)
            })?;
            let mut ranking: Vec<Vec<(f64, u32)>> = vec![Vec::new(); days];
            for (station, rows) in self.stations().zip(rows.iter().flatten()) {
                for (day, row) in rows.iter().enumerate() {
                    ranking[day].extend(row.values[0].map(|mean| (mean, station)));
                }
            }
            for day in &mut ranking {
                day.sort_unstable_by(|one, other| other.0.total_cmp(&one.0));
                day.truncate(BEST);
            }
            Ok(ranking)
        };
        said(compute, Vec::clone, |ranking| {
            let days = ranking.iter().zip(self.extent.buckets(data::DAY_SECONDS));
            let rows = days.flat_map(|(best, day)| {
                best.iter().map(move |(mean, station)| ([day, (*station).into(), 0], vec![*mean]))
            });
            rows.collect()
        })
    }
}
