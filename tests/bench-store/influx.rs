//! InfluxDB 1.6, as Debian packages it: one measurement with a field for each property, asked in InfluxQL.
//!
//! Its defaults, but for two waits before it compacts what nobody writes to any more (4 hours and 10 minutes, here
//! seconds): a comparison cannot wait that long.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use crate::answer::{Answer, BEST, Question};
use crate::data::{self, BEGIN, DAY_SECONDS, Extent, Message, PROPERTIES};
use crate::engine::{Asked, DEADLINE, Engine, Process, Size, free_port};
use crate::http::Server;

/// For how long nothing may change until it counts as settled: longer than the waits in the configuration.
const QUIET: Duration = Duration::from_secs(40);

/// What its makers recommend, in lines.
const BODY_MESSAGES: usize = 10_000;

pub struct Influx {
    process: Process,
    server: Server,
    folder: std::path::PathBuf,
    extent: Extent,
}

#[derive(Deserialize)]
struct Reply {
    results: Vec<Statement>,
}

#[derive(Deserialize)]
struct Statement {
    #[serde(default)]
    series: Vec<Series>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Series {
    #[serde(default)]
    tags: std::collections::HashMap<String, String>,
    /// The first is the time in seconds.
    values: Vec<Vec<Value>>,
}

/// A figure, or a number that is kept as text because it is a tag.
fn figure(cell: &Value) -> Option<f64> {
    cell.as_f64().or_else(|| cell.as_str()?.parse().ok())
}

fn series(body: &[u8]) -> anyhow::Result<Vec<Vec<Series>>> {
    let reply: Reply = serde_json::from_slice(body)?;
    let statements = reply.results.into_iter().map(|statement| match statement.error {
        Some(error) => Err(anyhow::anyhow!(error)),
        None => Ok(statement.series),
    });
    statements.collect()
}

/// Messages as line protocol.
fn lines(messages: &[Message]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(messages.len() * 110);
    for message in messages {
        write!(lines, "m,area={},station={} ", data::area_of(message.station), message.station).unwrap();
        for (place, (property, decimals)) in PROPERTIES.into_iter().enumerate() {
            write!(lines, "{}{property}=", if place == 0 { "" } else { "," }).unwrap();
            data::write_value(&mut lines, message.values[place], decimals);
        }
        writeln!(lines, " {}", message.at).unwrap();
    }
    lines
}

impl Influx {
    async fn query(&self, query: String) -> anyhow::Result<(Duration, Bytes)> {
        self.server.get("/query", &[("db", "bench".to_owned()), ("epoch", "s".to_owned()), ("q", query)]).await
    }

    /// The statement or statements that ask.
    fn text(&self, question: Question) -> String {
        let each = |write: &dyn Fn(&str) -> String, between: &str| {
            PROPERTIES.map(|(property, _)| write(property)).join(between)
        };
        let of = |function: &str| each(&|property| format!("{function}({property})"), ", ");
        let within = |from: i64| format!("FROM m WHERE time >= {from}s AND time < {}s", self.extent.end());
        let whole = within(BEGIN);
        match question {
            Question::Counts => format!("SELECT {} {whole} GROUP BY station", of("count")),
            Question::Raw(station) => {
                let since = within(Question::raw_since(self.extent));
                format!("SELECT {} {since} AND station = '{station}'", each(&str::to_owned, ", "))
            }
            Question::Hourly(station) => {
                format!("SELECT {} {whole} AND station = '{station}' GROUP BY time(1h) fill(none)", of("mean"))
            }
            Question::Areas => {
                let end = self.extent.end();
                // A statement of one function and one field takes it a second, one of all eight took a hundred times as long.
                let one = |function: &str, property: &str| {
                    let hours = format!(
                        "SELECT {function}({property}) AS v {whole} GROUP BY time(1h), station, area fill(none)"
                    );
                    format!(
                        "SELECT {function}(v) FROM ({hours}) WHERE time >= {BEGIN}s AND time < {end}s \
                         GROUP BY time(1h), area fill(none)"
                    )
                };
                ["mean", "max"].map(|function| each(&|property| one(function, property), "; ")).join("; ")
            }
            Question::Latest => {
                let since = within(self.extent.latest_since());
                each(&|property| format!("SELECT last({property}) {since} GROUP BY station"), "; ")
            }
            Question::Best => {
                let days = format!("time(1d, {}s)", BEGIN % DAY_SECONDS);
                let (property, _) = PROPERTIES[data::RANKED];
                let daily = format!("SELECT mean({property}) {whole} GROUP BY {days}, station fill(none)");
                format!("SELECT top(mean, station, {BEST}) FROM ({daily}) WHERE time >= {BEGIN}s GROUP BY {days}")
            }
        }
    }

    fn answer(question: Question, body: &[u8]) -> anyhow::Result<Answer> {
        let mut answer = Answer::new();
        for (statement, series) in series(body)?.into_iter().enumerate() {
            for one in series {
                let tag = |name: &str| one.tags.get(name).context("no tag")?.parse::<i64>().context("a foreign tag");
                for row in &one.values {
                    let cells: Option<Vec<f64>> = row.iter().map(figure).collect();
                    let cells = cells.with_context(|| format!("{row:?} has an empty cell"))?;
                    let at = cells[0] as i64;
                    // Of areas each statement is one function, of means or of maxima, and one property.
                    let properties = if question == Question::Areas { 1 } else { PROPERTIES.len() };
                    for property in 0..properties {
                        let place = property as i64;
                        let (key, figures) = match question {
                            Question::Counts => ([tag("station")?, place, 0], vec![cells[1 + property]]),
                            Question::Raw(_) | Question::Hourly(_) => ([place, at, 0], vec![cells[1 + property]]),
                            Question::Areas => {
                                let key = [tag("area")?, (statement % PROPERTIES.len()) as i64, at];
                                let mean = answer.get(&key).and_then(|means: &Vec<f64>| means.first().copied());
                                (key, mean.into_iter().chain([cells[1]]).collect())
                            }
                            Question::Latest => ([tag("station")?, statement as i64, 0], vec![cells[0], cells[1]]),
                            Question::Best => ([at, cells[2] as i64, 0], vec![cells[1]]),
                        };
                        answer.insert(key, figures);
                    }
                }
            }
        }
        Ok(answer)
    }
}

impl Engine for Influx {
    const NAME: &'static str = "InfluxDB 1.6";

    async fn open(folder: &Path, extent: Extent) -> anyhow::Result<(Self, Duration)> {
        let (port, other) = (free_port()?, free_port()?);
        let part = |name: &str| folder.join(name).display().to_string();
        let config = format!(
            "reporting-disabled = true\nbind-address = \"127.0.0.1:{other}\"\n[meta]\ndir = {:?}\n\
             [data]\ndir = {:?}\nwal-dir = {:?}\nquery-log-enabled = false\n\
             cache-snapshot-write-cold-duration = \"10s\"\ncompact-full-write-cold-duration = \"20s\"\n\
             [monitor]\nstore-enabled = false\n[http]\nbind-address = \"127.0.0.1:{port}\"\nlog-enabled = false\n\
             [logging]\nlevel = \"error\"\nsuppress-logo = true\n",
            part("meta"),
            part("data"),
            part("wal"),
        );
        std::fs::create_dir_all(folder)?;
        let path = folder.join("influxdb.conf");
        std::fs::write(&path, config)?;
        let begun = Instant::now();
        let process = Process::spawn(
            Command::new("influxd").arg("-config").arg(&path).stdout(Stdio::null()).stderr(Stdio::inherit()),
        )?;
        let server = Server::reach(port, "/ping").await?;
        let influx = Influx { process, server, folder: folder.to_owned(), extent };
        influx.query("SELECT last(temperature) FROM m WHERE station = '0'".to_owned()).await?;
        Ok((influx, begun.elapsed()))
    }

    async fn ingest(&mut self) -> anyhow::Result<Duration> {
        self.server.post("/query?q=CREATE%20DATABASE%20bench", Bytes::new()).await?;
        self.server.feed("/write?db=bench&precision=s", self.extent, BODY_MESSAGES, lines).await
    }

    async fn settle(&mut self) -> anyhow::Result<()> {
        let begun = Instant::now();
        let mut known = (Size::of(&self.folder)?, Instant::now());
        while known.1.elapsed() < QUIET {
            ensure!(begun.elapsed() < DEADLINE, "InfluxDB does not settle");
            tokio::time::sleep(Duration::from_millis(500)).await;
            let size = Size::of(&self.folder)?;
            if size.apparent != known.0.apparent {
                known = (size, Instant::now());
            }
        }
        Ok(())
    }

    async fn ask(&mut self, question: Question) -> anyhow::Result<Asked> {
        let (took, body) = self.query(self.text(question)).await?;
        Ok(Asked { took, as_text: None, answer: Influx::answer(question, &body)? })
    }

    fn process(&self) -> &Process {
        &self.process
    }

    async fn stop(self) -> anyhow::Result<()> {
        self.process.terminate().await
    }
}
