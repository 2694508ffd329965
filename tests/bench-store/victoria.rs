//! VictoriaMetrics, as Debian packages it: one process, written to by line protocol, asked in MetricsQL.
//!
//! Buckets here are `[begin, end)` and its windows `(begin, end]`, so it is asked a millisecond before each end; its
//! cache of answers is passed by, because a dashboard's next question is about another time.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use serde::Deserialize;

use crate::answer::{Answer, BEST, Question};
use crate::data::{self, DAY_SECONDS, Extent, HOUR_SECONDS, PROPERTIES};
use crate::engine::{Asked, DEADLINE, Engine, Process, free_port};
use crate::http::Server;

/// The mean of an area's samples is not the mean of its stations' means: sums and counts are asked for. A function of
/// several rollups at once would lose the metric's name, hence the three passes.
const AREAS_QUERY: &str = r#"union(
    label_set(sum(sum_over_time({station!=""}[1h]) keep_metric_names) by (__name__, area), "rollup", "sum"),
    label_set(sum(count_over_time({station!=""}[1h]) keep_metric_names) by (__name__, area), "rollup", "count"),
    label_set(max(max_over_time({station!=""}[1h]) keep_metric_names) by (__name__, area), "rollup", "max"))"#;

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

impl Victoria {
    async fn query(&self, query: String) -> anyhow::Result<(Duration, Bytes)> {
        let time = format!("{}.999", self.extent.end() - 1);
        self.server.get("/api/v1/query", &[("query", query), ("time", time), ("nocache", "1".into())]).await
    }

    async fn query_range(&self, query: String, step: i64) -> anyhow::Result<(Duration, Bytes)> {
        let ends: Vec<i64> = self.extent.buckets(step).map(|begin| begin + step).collect();
        let time = |end: Option<&i64>| format!("{}.999", end.copied().unwrap_or_default() - 1);
        let parameters = [
            ("query", query),
            ("start", time(ends.first())),
            ("end", time(ends.last())),
            ("step", step.to_string()),
            ("nocache", "1".into()),
        ];
        self.server.get("/api/v1/query_range", &parameters).await
    }

    async fn until_metric_is_zero(&self, names: &[&str]) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            let (_, metrics) = self.server.get("/metrics", &[]).await?;
            let metrics = String::from_utf8(metrics.to_vec())?;
            let busy =
                metrics.lines().find(|line| names.iter().any(|name| line.starts_with(name)) && !line.ends_with(" 0"));
            let Some(busy) = busy else { return Ok(()) };
            ensure!(begun.elapsed() < DEADLINE, "VictoriaMetrics does not settle: {busy}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
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
                .args(["-retentionPeriod=100y", "-influxSkipMeasurement", "-search.maxUniqueTimeseries=10000000"])
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
        let fed = self.server.feed("/write?precision=s", self.extent).await?;
        let begun = Instant::now();
        self.server.get("/internal/force_flush", &[]).await?;
        Ok(fed + begun.elapsed())
    }

    async fn settle(&mut self) -> anyhow::Result<()> {
        self.server.get("/internal/force_merge", &[]).await?;
        self.until_metric_is_zero(&["vm_active_force_merges", "vm_active_merges", "vm_pending_rows"]).await
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
                let (took, body) = self.query_range(AREAS_QUERY.to_owned(), HOUR_SECONDS).await?;
                let mut figures: HashMap<[i64; 3], HashMap<String, f64>> = HashMap::new();
                for (key, rollup, figure) in rows(&body, &["area", "__name__"], HOUR_SECONDS)? {
                    figures.entry([key[0], key[1], key[2]]).or_default().insert(rollup, figure);
                }
                for (key, found) in figures {
                    let figure = |name: &str| found.get(name).copied().with_context(|| format!("no {name} at {key:?}"));
                    let mean = figure("sum")? / figure("count")?;
                    answer.insert(key, vec![mean, figure("max")?]);
                }
                took
            }
            Question::Latest => {
                let since = end - self.extent.latest_since();
                let each = |rollup: &str| {
                    format!(
                        "label_set({rollup}({{station!=\"\"}}[{since}s]) keep_metric_names, \"rollup\", \"{rollup}\")"
                    )
                };
                let query = format!("union({}, {})", each("last_over_time"), each("tlast_over_time"));
                let (took, body) = self.query(query).await?;
                for (key, rollup, figure) in rows(&body, &["station", "__name__"], 0)? {
                    let row = answer.entry([key[0], key[1], 0]).or_insert_with(|| vec![f64::NAN; 2]);
                    row[usize::from(rollup == "last_over_time")] = figure;
                }
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

    fn peak_bytes(&self) -> anyhow::Result<u64> {
        self.process.peak_bytes()
    }

    async fn stop(self) -> anyhow::Result<()> {
        self.process.terminate().await
    }
}
