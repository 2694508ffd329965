//! Saola's embedded store, in a child process of this program, so that its memory is its own.
//!
//! The child makes the messages itself, a few thousand entries at a time, and only `Store::apply` and `Store::flush`
//! run against the clock. Answers are timed until every figure is in memory, and once more as JSON text, since that is
//! what the servers hand over.
//!
//! Entries are received when they are made, as under such a load. `SAOLA_BENCH_RECEIVED=then` lets them be received
//! when their message arrives, a minute's messages a minute after the other's: the store then writes as often as in
//! years of such a load, every `store.flush_after_s`, and has more to settle.

use std::io::{BufRead as _, Write as _};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use saola::clock::Clock;
use saola::model::{Body, ChannelId, Entry, Quality, Sample, Seq, SourceId, TimeClass, Timestamp};
use saola::store::{Config, Settling, Store};
use serde_json::{Value, json};

use crate::answer::Question;
use crate::data::{Extent, Message, PROPERTIES};
use crate::engine::{Asked, Engine, Process, Worker, seconds};
use crate::past::Past;

/// Entries handed to the store at a time, as the journal's follower does.
const ENTRIES: usize = 4_096;
/// Batches that are made, then applied against the clock: about as many messages as in a piece for a server.
const BATCHES: usize = 78;
/// Samples settled at a time, as by the journal's follower.
const SETTLED_AT_A_TIME: usize = 100_000;
/// More than any message is late.
const LATE: Duration = Duration::from_secs(4 * 86_400);
/// The argument that makes this program the child.
pub const CHILD: &str = "--saola";

pub struct Saola {
    worker: Worker,
    /// Spent on the making of messages.
    made: Duration,
}

impl Engine for Saola {
    const NAME: &'static str = "Saola";

    async fn open(folder: &Path, extent: Extent) -> anyhow::Result<(Self, Duration)> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(CHILD).arg(folder).args([extent.stations.to_string(), extent.minutes.to_string()]);
        let mut worker = Worker::spawn(&mut command)?;
        let opened = worker.tell(&json!({"do": "open"}), &[]).await?;
        let took = seconds(&opened, "took")?;
        Ok((Saola { worker, made: Duration::ZERO }, took))
    }

    async fn ingest(&mut self) -> anyhow::Result<Duration> {
        let received = crate::setting("SAOLA_BENCH_RECEIVED", "now".to_owned());
        let said = self.worker.tell(&json!({"do": "ingest", "received": received}), &[]).await?;
        self.made = seconds(&said, "made")?;
        seconds(&said, "took")
    }

    async fn settle(&mut self) -> anyhow::Result<()> {
        self.worker.tell(&json!({"do": "settle"}), &[]).await.map(drop)
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
        let said = self.worker.tell(&json!({"do": what, "station": station}), &[]).await?;
        let rows: Vec<([i64; 3], Vec<f64>)> = serde_json::from_value(said["rows"].clone())?;
        Ok(Asked {
            took: seconds(&said, "took")?,
            as_text: Some(seconds(&said, "as_text")?),
            answer: rows.into_iter().collect(),
        })
    }

    fn foreign_cpu(&self) -> Duration {
        self.made
    }

    fn process(&self) -> &Process {
        self.worker.process()
    }

    async fn stop(self) -> anyhow::Result<()> {
        self.worker.stop()
    }
}

/// The child: does what it is told until nobody tells it any more.
pub fn serve(arguments: &[String]) -> anyhow::Result<()> {
    let [folder, stations, minutes] = arguments else { bail!("{CHILD} FOLDER STATIONS MINUTES") };
    let extent = Extent { stations: stations.parse()?, minutes: minutes.parse()? };
    let begun = Instant::now();
    let config = Config::default();
    let store = Store::open(Path::new(folder), &config)?;
    store.last(channel(0, 0))?;
    let opened = begun.elapsed();
    let store = Arc::new(store);
    let past = Past::new(&store, &config, extent);
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let told: Value = serde_json::from_str(&line?)?;
        let station = told["station"].as_u64().unwrap_or_default() as u32;
        let said = match told["do"].as_str().context("nothing to do")? {
            "open" => json!({"took": opened.as_secs_f64()}),
            "ingest" => match told["received"].as_str() {
                Some("now") => ingest(&store, extent, |_| Clock::System.now())?,
                Some("then") => ingest(&store, extent, |message| Timestamp::from_seconds(message.arrives))?,
                other => bail!("SAOLA_BENCH_RECEIVED: {other:?} is neither now nor then"),
            },
            "settle" => settle(&store, &config, extent)?,
            question => past.answer(question, station)?,
        };
        writeln!(out, "{said}")?;
        out.flush()?;
    }
    Ok(store.flush()?)
}

pub fn channel(station: u32, property: usize) -> ChannelId {
    ChannelId(station * PROPERTIES.len() as u32 + property as u32)
}

fn entry(seq: u64, message: &Message, received_at: Timestamp) -> Entry {
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
        unknown: Vec::new(),
        again: None,
    };
    Entry { seq: Seq(seq), received_at, body: Body::Message(message_body) }
}

/// Processor time of this thread so far.
fn thread_cpu() -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(Duration::from_nanos(stat.split(' ').next().context("no time")?.parse()?))
}

fn ingest(store: &Store, extent: Extent, received_at: impl Fn(&Message) -> Timestamp) -> anyhow::Result<Value> {
    let mut messages = extent.messages();
    let (mut seq, mut fed, mut made) = (store.applied(), Duration::ZERO, Duration::ZERO);
    loop {
        let before = thread_cpu()?;
        let mut batches: Vec<Vec<Entry>> = Vec::with_capacity(BATCHES);
        for _ in 0..BATCHES {
            let batch = messages.by_ref().take(ENTRIES).map(|message| {
                seq = seq.next();
                entry(seq.0, &message, received_at(&message))
            });
            batches.push(batch.collect());
        }
        made += thread_cpu()? - before;
        let begun = Instant::now();
        for batch in &batches {
            store.apply(batch)?;
        }
        if batches.iter().all(Vec::is_empty) {
            store.flush()?;
            fed += begun.elapsed();
            return Ok(json!({"took": fed.as_secs_f64(), "made": made.as_secs_f64()}));
        }
        fed += begun.elapsed();
        let before = thread_cpu()?;
        drop(batches);
        made += thread_cpu()? - before;
    }
}

/// Lets the time pass after which days are settled, and settles them, as the journal's follower does when it rests.
fn settle(store: &Store, config: &Config, extent: Extent) -> anyhow::Result<Value> {
    let latest = Clock::System.now().max(Timestamp::from_seconds(extent.end()));
    let later = latest + Duration::from_secs(config.settle_after_s) + LATE;
    store.apply(&[Entry { seq: store.applied().next(), received_at: later, body: Body::Tick }])?;
    store.flush()?;
    while store.settle(SETTLED_AT_A_TIME)? == Settling::More {}
    Ok(json!({}))
}
