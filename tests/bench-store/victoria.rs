//! VictoriaMetrics, as Debian packages it: one process, asked in MetricsQL.
//!
//! It is given JSON lines at `/api/v1/import`, each with what a body holds of one series, as collecting agents send
//! them: of its ways in that one cost it the least processor time (for 5.8 million values 2.5 to 3.2 s; Prometheus
//! remote write 2.6 to 3.0; CSV 3.8; line protocol 3.5 to 4.2, with gzip 4.3). Questions are put in the way, of
//! several tried, that it answers soonest.
//!
//! Buckets here are `[begin, end)` and its windows `(begin, end]`, so it is asked a millisecond before each end; its
//! cache of answers is passed by, because a dashboard's next question is about another time.

use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use serde::Deserialize;

use crate::answer::{Answer, BEST, Question};
use crate::data::{self, DAY_SECONDS, Extent, HOUR_SECONDS, Message, PROPERTIES};
use crate::engine::{Asked, DEADLINE, Engine, Process, free_port};
use crate::http::Server;

/// For how long nothing may be merged until it counts as settled.
const QUIET: Duration = Duration::from_secs(2);
/// Bodies of 2 MB.
const BODY_MESSAGES: usize = 40_000;

pub struct Victoria {
    process: Process,
    server: Server,
    extent: Extent,
}

#[derive(Deserialize)]
struct Reply {
    data: ReplyBody,
}

#[derive(Deserialize)]
struct ReplyBody {
    result: Vec<Series>,
}

/// One series of an answer: `values` of ranges, `value` of instants.
#[derive(Deserialize)]
struct Series {
    metric: HashMap<String, String>,
    #[serde(default)]
    values: Vec<(f64, String)>,
    value: Option<(f64, String)>,
}

/// One line of an export.
#[derive(Deserialize)]
struct Exported {
    metric: HashMap<String, String>,
    values: Vec<f64>,
    timestamps: Vec<i64>,
}

/// The part of a key that a label says.
fn label(metric: &HashMap<String, String>, name: &str) -> anyhow::Result<i64> {
    let text = metric.get(name).with_context(|| format!("no {name} in {metric:?}"))?;
    if name != "__name__" {
        return Ok(text.parse()?);
    }
    let place = PROPERTIES.iter().position(|(property, _)| property == text);
    Ok(place.with_context(|| format!("{text} is no property"))? as i64)
}

/// Messages as JSON lines, one for each series.
fn lines(messages: &[Message]) -> Vec<u8> {
    let mut stations: BTreeMap<u32, Vec<&Message>> = BTreeMap::new();
    messages.iter().for_each(|message| stations.entry(message.station).or_default().push(message));
    let mut lines = Vec::with_capacity(messages.len() * 100);
    for (station, messages) in stations {
        let area = data::area_of(station);
        for (place, (property, decimals)) in PROPERTIES.into_iter().enumerate() {
            let metric = format!(r#"{{"__name__":"{property}","area":"{area}","station":"{station}"}}"#);
            write!(lines, r#"{{"metric":{metric},"values":["#).unwrap();
            for (number, message) in messages.iter().enumerate() {
                lines.extend((number > 0).then_some(b','));
                data::write_value(&mut lines, message.values[place], decimals);
            }
            let instants: Vec<String> = messages.iter().map(|message| format!("{}000", message.at)).collect();
            writeln!(lines, r#"],"timestamps":[{}]}}"#, instants.join(",")).unwrap();
        }
    }
    lines
}

impl Victoria {
    /// The parameters of a question about the end of the time.
    fn at_the_end(&self, query: String) -> Vec<(&'static str, String)> {
        vec![("query", query), ("time", format!("{}.999", self.extent.end() - 1)), ("nocache", "1".to_owned())]
    }

    /// The parameters of a question about every bucket of a length.
    fn at_each_end(&self, query: String, step: i64) -> Vec<(&'static str, String)> {
        let ends: Vec<i64> = self.extent.buckets(step).map(|begin| begin + step).collect();
        let time = |end: Option<&i64>| format!("{}.999", end.copied().unwrap_or_default() - 1);
        let (start, end) = (time(ends.first()), time(ends.last()));
        vec![("query", query), ("start", start), ("end", end), ("step", step.to_string()), ("nocache", "1".to_owned())]
    }

    async fn query(&self, query: String) -> anyhow::Result<(Duration, Bytes)> {
        self.server.get("/api/v1/query", &self.at_the_end(query)).await
    }

    async fn query_range(&self, query: String, step: i64) -> anyhow::Result<(Duration, Bytes)> {
        self.server.get("/api/v1/query_range", &self.at_each_end(query, step)).await
    }

    async fn areas(&self) -> anyhow::Result<(Duration, Answer)> {
        let queries = PROPERTIES.map(|(property, _)| {
            let query = format!(
                r#"union(label_set(avg(avg_over_time({property}[1h])) by (area), "rollup", "mean"),
                         label_set(max(max_over_time({property}[1h])) by (area), "rollup", "max"))"#
            );
            self.at_each_end(query, HOUR_SECONDS)
        });
        let (took, bodies) = self.server.get_all("/api/v1/query_range", &queries).await?;
        let mut answer = Answer::new();
        for (property, body) in bodies.iter().enumerate() {
            for (key, rollup, figure) in rows(body, &["area"], HOUR_SECONDS)? {
                let row = answer.entry([key[0], property as i64, key[1]]).or_insert_with(|| vec![f64::NAN; 2]);
                row[usize::from(rollup == "max")] = figure;
            }
        }
        Ok((took, answer))
    }

    async fn latest(&self) -> anyhow::Result<(Duration, Answer)> {
        let window = self.extent.end() - self.extent.latest_since();
        let queries = PROPERTIES.map(|(property, _)| {
            let rollups = r#"("last_over_time", "tlast_over_time")"#;
            self.at_the_end(format!("aggr_over_time({rollups}, {property}[{window}s])"))
        });
        let (took, bodies) = self.server.get_all("/api/v1/query", &queries).await?;
        let mut answer = Answer::new();
        for (property, body) in bodies.iter().enumerate() {
            for (key, rollup, figure) in rows(body, &["station"], 0)? {
                let row = answer.entry([key[0], property as i64, 0]).or_insert_with(|| vec![f64::NAN; 2]);
                row[usize::from(rollup == "last_over_time")] = figure;
            }
        }
        Ok((took, answer))
    }

    /// Waits until no merge has been under way for a while: one that was asked for begins a moment later.
    async fn until_merged(&self) -> anyhow::Result<()> {
        let (begun, mut quiet_since) = (Instant::now(), Instant::now());
        while quiet_since.elapsed() < QUIET {
            let (_, metrics) = self.server.get("/metrics", &[]).await?;
            let metrics = String::from_utf8(metrics.to_vec())?;
            let names = ["vm_active_force_merges", "vm_active_merges", "vm_pending_rows"];
            let is_busy = |line: &str| names.iter().any(|name| line.starts_with(name)) && !line.ends_with(" 0");
            if let Some(busy) = metrics.lines().find(|line| is_busy(line)) {
                ensure!(begun.elapsed() < DEADLINE, "VictoriaMetrics does not settle: {busy}");
                quiet_since = Instant::now();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}

/// Rows of a range query: a row for each bucket, keyed by labels and the bucket's begin.
fn rows(body: &[u8], labels: &[&str], step: i64) -> anyhow::Result<Vec<(Vec<i64>, String, f64)>> {
    let reply: Reply = serde_json::from_slice(body)?;
    let mut rows = Vec::new();
    for series in reply.data.result {
        let key = labels.iter().map(|name| label(&series.metric, name)).collect::<anyhow::Result<Vec<_>>>()?;
        let rollup = series.metric.get("rollup").cloned().unwrap_or_default();
        for (time, value) in series.values.iter().chain(&series.value) {
            let mut key = key.clone();
            key.push((time + 0.001).round() as i64 - step);
            rows.push((key, rollup.clone(), value.parse()?));
        }
    }
    Ok(rows)
}

impl Engine for Victoria {
    const NAME: &'static str = "VictoriaMetrics";

    async fn open(folder: &Path, extent: Extent) -> anyhow::Result<(Self, Duration)> {
        let port = free_port()?;
        let begun = Instant::now();
        let process = Process::spawn(
            Command::new("victoria-metrics")
                .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
                .arg(format!("-storageDataPath={}", folder.display()))
                .args(["-retentionPeriod=100y", "-search.maxUniqueTimeseries=10000000"])
                .args(["-search.maxSamplesPerQuery=10000000000", "-loggerLevel=ERROR"])
                .stdout(Stdio::null())
                .stderr(Stdio::inherit()),
        )?;
        let server = Server::reach(port, "/health").await?;
        let victoria = Victoria { process, server, extent };
        victoria.query(r#"last_over_time({station="0"}[7h])"#.to_owned()).await?;
        Ok((victoria, begun.elapsed()))
    }

    async fn ingest(&mut self) -> anyhow::Result<Duration> {
        let fed = self.server.feed("/api/v1/import", self.extent, BODY_MESSAGES, lines).await?;
        let begun = Instant::now();
        self.server.get("/internal/force_flush", &[]).await?;
        Ok(fed + begun.elapsed())
    }

    async fn settle(&mut self) -> anyhow::Result<()> {
        self.server.get("/internal/force_merge", &[]).await?;
        self.until_merged().await
    }

    async fn ask(&mut self, question: Question) -> anyhow::Result<Asked> {
        let end = self.extent.end();
        let mut answer = Answer::new();
        let took = match question {
            Question::Counts => {
                let window = end - data::BEGIN;
                let query = format!("count_over_time({{station!=\"\"}}[{window}s]) keep_metric_names");
                let (took, body) = self.query(query).await?;
                for (key, _, count) in rows(&body, &["station", "__name__"], 0)? {
                    answer.insert([key[0], key[1], 0], vec![count]);
                }
                took
            }
            Question::Raw(station) => {
                let parameters = [
                    ("match[]", format!("{{station=\"{station}\"}}")),
                    ("start", Question::raw_since(self.extent).to_string()),
                    ("end", format!("{}.999", end - 1)),
                ];
                let (took, body) = self.server.get("/api/v1/export", &parameters).await?;
                for line in serde_json::Deserializer::from_slice(&body).into_iter::<Exported>() {
                    let line = line?;
                    let property = label(&line.metric, "__name__")?;
                    for (at, value) in line.timestamps.iter().zip(line.values) {
                        answer.insert([property, at / 1_000, 0], vec![value]);
                    }
                }
                took
            }
            Question::Hourly(station) => {
                let query = format!("avg_over_time({{station=\"{station}\"}}[1h]) keep_metric_names");
                let (took, body) = self.query_range(query, HOUR_SECONDS).await?;
                for (key, _, mean) in rows(&body, &["__name__"], HOUR_SECONDS)? {
                    answer.insert([key[0], key[1], 0], vec![mean]);
                }
                took
            }
            Question::Areas => {
                let (took, areas) = self.areas().await?;
                answer = areas;
                took
            }
            Question::Latest => {
                let (took, latest) = self.latest().await?;
                answer = latest;
                took
            }
            Question::Best => {
                let query = format!("topk({BEST}, avg_over_time({}[1d]))", PROPERTIES[data::RANKED].0);
                let (took, body) = self.query_range(query, DAY_SECONDS).await?;
                for (key, _, mean) in rows(&body, &["station"], DAY_SECONDS)? {
                    answer.insert([key[1], key[0], 0], vec![mean]);
                }
                took
            }
        };
        Ok(Asked { took, as_text: None, answer })
    }

    fn process(&self) -> &Process {
        &self.process
    }

    async fn stop(self) -> anyhow::Result<()> {
        self.process.terminate().await
    }
}
