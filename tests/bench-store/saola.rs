//! Saola's embedded store, in a child process of this program, so that its memory is its own.
//!
//! The child makes the messages itself, a few thousand entries at a time, and only `Store::apply` and `Store::flush`
//! run against the clock. Answers are timed until every figure is in memory, and once more as JSON text, since that is
//! what the servers hand over.

use std::io::{BufRead as _, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use saola::model::{Body, ChannelId, Entry, Quality, Sample, Seq, SourceId, TimeClass, Timestamp};
use saola::store::{Config, Store, StoreError, StoredSample, Tally, Tier};
use serde::Serialize;
use serde_json::{Value, json};

use crate::answer::{Answer, BEST, Question};
use crate::data::{self, AREAS, BEGIN, DAY_SECONDS, Extent, Message, PROPERTIES};
use crate::engine::{Asked, Engine, Worker, seconds};

/// Entries handed to the store at a time, as the journal's follower does.
const ENTRIES: usize = 4_096;
/// Batches that are made, then applied against the clock.
const BATCHES: usize = 4;
/// The argument that makes this program the child.
pub const CHILD: &str = "--saola";

pub struct Saola(Worker);

impl Engine for Saola {
    const NAME: &'static str = "Saola";

    async fn open(folder: &Path, extent: Extent) -> anyhow::Result<(Self, Duration)> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(CHILD).arg(folder).args([extent.stations.to_string(), extent.minutes.to_string()]);
        let mut worker = Worker::spawn(&mut command)?;
        let opened = worker.tell(&json!({"do": "open"}), &[])?;
        let took = seconds(&opened, "took")?;
        Ok((Saola(worker), took))
    }

    async fn ingest(&mut self) -> anyhow::Result<Duration> {
        seconds(&self.0.tell(&json!({"do": "ingest"}), &[])?, "took")
    }

    async fn settle(&mut self) -> anyhow::Result<()> {
        self.0.tell(&json!({"do": "settle"}), &[]).map(drop)
    }

    async fn ask(&mut self, question: Question) -> anyhow::Result<Asked> {
        let (what, station) = match question {
            Question::Counts => ("counts", 0),
            Question::Raw(station) => ("raw", station),
            Question::Hourly(station) => ("hourly", station),
            Question::Areas => ("areas", 0),
            Question::Latest => ("latest", 0),
            Question::Best => ("best", 0),
        };
        let said = self.0.tell(&json!({"do": what, "station": station}), &[])?;
        let rows: Vec<([i64; 3], Vec<f64>)> = serde_json::from_value(said["rows"].clone())?;
        Ok(Asked {
            took: seconds(&said, "took")?,
            as_text: Some(seconds(&said, "as_text")?),
            answer: rows.into_iter().collect(),
        })
    }

    fn peak_bytes(&self) -> anyhow::Result<u64> {
        self.0.peak_bytes()
    }

    async fn stop(self) -> anyhow::Result<()> {
        self.0.stop()
    }
}

/// The child: does what it is told until nobody tells it any more.
pub fn serve(arguments: &[String]) -> anyhow::Result<()> {
    let [folder, stations, minutes] = arguments else { bail!("{CHILD} FOLDER STATIONS MINUTES") };
    let extent = Extent { stations: stations.parse()?, minutes: minutes.parse()? };
    let begun = Instant::now();
    let store = Store::open(Path::new(folder), &Config::default())?;
    store.last(channel(0, 0))?;
    let opened = begun.elapsed();
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let told: Value = serde_json::from_str(&line?)?;
        let station = told["station"].as_u64().unwrap_or_default() as u32;
        let said = match told["do"].as_str().context("nothing to do")? {
            "open" => json!({"took": opened.as_secs_f64()}),
            "ingest" => json!({"took": ingest(&store, extent)?.as_secs_f64()}),
            "settle" => {
                store.flush()?;
                json!({})
            }
            "counts" => counts(&store, extent)?,
            "raw" => raw(&store, extent, station)?,
            "hourly" => hourly(&store, extent, station)?,
            "areas" => areas(&store, extent)?,
            "latest" => latest(&store, extent)?,
            "best" => best(&store, extent)?,
            other => bail!("cannot do {other}"),
        };
        writeln!(out, "{said}")?;
        out.flush()?;
    }
    Ok(store.flush()?)
}

fn channel(station: u32, property: usize) -> ChannelId {
    ChannelId(station * PROPERTIES.len() as u32 + property as u32)
}

fn channels(extent: Extent) -> impl Iterator<Item = (u32, usize)> {
    (0..extent.stations).flat_map(|station| (0..PROPERTIES.len()).map(move |property| (station, property)))
}

fn instants(extent: Extent) -> (Timestamp, Timestamp) {
    (Timestamp::from_seconds(BEGIN), Timestamp::from_seconds(extent.end()))
}

fn entry(seq: u64, message: &Message) -> Entry {
    let samples = (0..PROPERTIES.len()).map(|property| Sample {
        channel: channel(message.station, property),
        observed_at: Timestamp::from_seconds(message.at),
        value: message.value(property),
        quality: Quality::GOOD,
        time_class: TimeClass::Live,
    });
    let message_body = saola::model::Message {
        source: SourceId(0),
        received: PROPERTIES.len() as u32,
        duplicates: 0,
        samples: samples.collect(),
        rejections: Vec::new(),
        raw: None,
    };
    Entry { seq: Seq(seq), received_at: Timestamp::from_seconds(message.arrives), body: Body::Message(message_body) }
}

fn ingest(store: &Store, extent: Extent) -> Result<Duration, StoreError> {
    let mut entries = (store.applied().0 + 1..).zip(extent.messages()).map(|(seq, message)| entry(seq, &message));
    let mut fed = Duration::ZERO;
    loop {
        let batches: Vec<Vec<Entry>> = (0..BATCHES).map(|_| entries.by_ref().take(ENTRIES).collect()).collect();
        let begun = Instant::now();
        for batch in &batches {
            store.apply(batch)?;
        }
        if batches.iter().all(Vec::is_empty) {
            store.flush()?;
            return Ok(fed + begun.elapsed());
        }
        fed += begun.elapsed();
    }
}

/// What is said about a question: the time until the figures are in memory, until they are text, and the figures.
fn said<T, S: Serialize>(
    compute: impl FnOnce() -> Result<T, StoreError>,
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

fn second(at: Timestamp) -> i64 {
    at.micros() / 1_000_000
}

fn counts(store: &Store, extent: Extent) -> anyhow::Result<Value> {
    let (from, to) = instants(extent);
    let compute = || {
        let counted = channels(extent).map(|(station, property)| {
            let samples = store.range(channel(station, property), from, to);
            Ok(samples.collect::<Result<Vec<StoredSample>, _>>()?.len() as u64)
        });
        counted.collect::<Result<Vec<u64>, StoreError>>()
    };
    said(compute, Vec::clone, |counts| {
        let rows = channels(extent).zip(counts);
        rows.map(|((station, property), count)| ([station.into(), property as i64, 0], vec![*count as f64])).collect()
    })
}

fn raw(store: &Store, extent: Extent, station: u32) -> anyhow::Result<Value> {
    let from = Timestamp::from_seconds(Question::raw_since(extent));
    let compute = || {
        let channels = (0..PROPERTIES.len()).map(|property| channel(station, property));
        channels.map(|channel| store.range(channel, from, instants(extent).1).collect()).collect()
    };
    let as_served = |found: &Vec<Vec<StoredSample>>| -> Vec<Vec<(i64, f64)>> {
        let pairs = |samples: &Vec<StoredSample>| samples.iter().map(|s| (second(s.observed_at), s.value)).collect();
        found.iter().map(pairs).collect()
    };
    said(compute, as_served, |found| {
        let rows = found.iter().enumerate().flat_map(|(property, samples)| {
            samples.iter().map(move |s| ([property as i64, second(s.observed_at), 0], vec![s.value]))
        });
        rows.collect()
    })
}

/// One channel's tallies over the whole time.
fn tallies(store: &Store, extent: Extent, of: ChannelId, tier: Tier) -> Result<Vec<(Timestamp, Tally)>, StoreError> {
    let (from, to) = instants(extent);
    store.tallies(of, tier, from, to)
}

fn hourly(store: &Store, extent: Extent, station: u32) -> anyhow::Result<Value> {
    let compute = || {
        let channels = (0..PROPERTIES.len()).map(|property| channel(station, property));
        channels.map(|channel| tallies(store, extent, channel, Tier::Hour)).collect()
    };
    let as_served = |found: &Vec<Vec<(Timestamp, Tally)>>| -> Vec<Vec<(i64, Option<f64>)>> {
        let means =
            |hours: &Vec<(Timestamp, Tally)>| hours.iter().map(|(at, tally)| (second(*at), tally.mean())).collect();
        found.iter().map(means).collect()
    };
    said(compute, as_served, |found| {
        let hours =
            found.iter().enumerate().flat_map(|(property, hours)| hours.iter().map(move |hour| (property, hour)));
        let rows =
            hours.filter_map(|(property, (at, tally))| Some(([property as i64, second(*at), 0], vec![tally.mean()?])));
        rows.collect()
    })
}

fn areas(store: &Store, extent: Extent) -> anyhow::Result<Value> {
    let hours = extent.buckets(data::HOUR_SECONDS).count();
    let compute = || {
        let mut areas = vec![Tally::default(); AREAS as usize * PROPERTIES.len() * hours];
        for (station, property) in channels(extent) {
            let series = (data::area_of(station) as usize * PROPERTIES.len() + property) * hours;
            for (at, tally) in tallies(store, extent, channel(station, property), Tier::Hour)? {
                areas[series + ((second(at) - BEGIN) / data::HOUR_SECONDS) as usize].merge(&tally);
            }
        }
        Ok(areas)
    };
    let as_served = |areas: &Vec<Tally>| areas.iter().map(|tally| (tally.mean(), tally.max)).collect::<Vec<_>>();
    said(compute, as_served, |areas| {
        let rows = areas.iter().enumerate().filter_map(|(place, tally)| {
            let (series, hour) = (place / hours, BEGIN + (place % hours) as i64 * data::HOUR_SECONDS);
            let (area, property) = (series / PROPERTIES.len(), series % PROPERTIES.len());
            Some(([area as i64, property as i64, hour], vec![tally.mean()?, tally.max]))
        });
        rows.collect()
    })
}

fn latest(store: &Store, extent: Extent) -> anyhow::Result<Value> {
    let compute = || channels(extent).map(|(station, property)| store.last(channel(station, property))).collect();
    let as_served = |found: &Vec<Option<StoredSample>>| -> Vec<Option<(i64, f64)>> {
        found.iter().map(|sample| sample.map(|sample| (second(sample.observed_at), sample.value))).collect()
    };
    said(compute, as_served, |found| {
        let rows = channels(extent).zip(found).filter_map(|((station, property), sample)| {
            let sample = (*sample)?;
            Some(([station.into(), property as i64, 0], vec![second(sample.observed_at) as f64, sample.value]))
        });
        rows.collect()
    })
}

fn best(store: &Store, extent: Extent) -> anyhow::Result<Value> {
    let days = extent.buckets(DAY_SECONDS).count();
    let compute = || {
        let mut ranking: Vec<Vec<(f64, u32)>> = vec![Vec::new(); days];
        for station in 0..extent.stations {
            for (at, tally) in tallies(store, extent, channel(station, data::RANKED), Tier::Day)? {
                let day = ((second(at) - BEGIN) / DAY_SECONDS) as usize;
                ranking[day].extend(tally.mean().map(|mean| (mean, station)));
            }
        }
        for day in &mut ranking {
            day.sort_unstable_by(|one, other| other.0.total_cmp(&one.0));
            day.truncate(BEST);
        }
        Ok(ranking)
    };
    said(compute, Vec::clone, |ranking| {
        let days = ranking.iter().zip(extent.buckets(DAY_SECONDS));
        let rows = days
            .flat_map(|(best, day)| best.iter().map(move |(mean, station)| ([day, (*station).into(), 0], vec![*mean])));
        rows.collect()
    })
}
