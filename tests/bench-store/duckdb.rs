//! DuckDB, from PyPI: one table in the order of arrival, a column for each property, filled from arrays in memory,
//! asked in SQL. Runs inside its Python process, where answers are fetched as arrays.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;

use crate::answer::{Answer, BEST, Question};
use crate::data::{self, BEGIN, Extent, Message, PROPERTIES};
use crate::engine::{Asked, Engine, Process, Worker, seconds};

/// Messages in an INSERT: about 40 MB, several of DuckDB's row groups.
const PIECE_MESSAGES: usize = 1 << 20;
/// Its name in tables.
pub const NAME: &str = "DuckDB";
const WORKER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench-store/duckdb_worker.py");

pub struct DuckDb {
    worker: Worker,
    extent: Extent,
}

/// The columns of the messages, one after the other, as the worker reads them.
fn columns(messages: &[Message]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(messages.len() * 43);
    messages.iter().for_each(|message| bytes.extend((message.station as i16).to_le_bytes()));
    messages.iter().for_each(|message| bytes.push(data::area_of(message.station) as u8));
    messages.iter().for_each(|message| bytes.extend((message.at * 1_000_000).to_le_bytes()));
    for property in 0..PROPERTIES.len() {
        messages.iter().for_each(|message| bytes.extend(message.value(property).to_le_bytes()));
    }
    bytes
}

impl DuckDb {
    fn sql(&self, question: Question) -> String {
        let of = |function: &str| PROPERTIES.map(|(property, _)| format!("{function}({property})")).join(", ");
        let names = PROPERTIES.map(|(property, _)| property).join(", ");
        let since = |from: i64| format!("FROM samples WHERE time >= make_timestamp({from}000000)");
        match question {
            Question::Counts => format!("SELECT station, {} FROM samples GROUP BY station", of("count")),
            Question::Raw(station) => {
                let since = since(Question::raw_since(self.extent));
                format!("SELECT time, {names} {since} AND station = {station} ORDER BY time")
            }
            Question::Hourly(station) => {
                let means = of("avg");
                format!(
                    "SELECT date_trunc('hour', time) AS hour, {means} FROM samples WHERE station = {station} GROUP BY hour ORDER BY hour"
                )
            }
            Question::Areas => {
                let each = |write: &dyn Fn(&str) -> String| PROPERTIES.map(|(property, _)| write(property)).join(", ");
                let means = each(&|property| format!("avg({property}) AS mean_{property}"));
                let maxima = each(&|property| format!("max({property}) AS max_{property}"));
                let hours = format!(
                    "SELECT area, station, date_trunc('hour', time) AS hour, {means}, {maxima} FROM samples \
                     GROUP BY area, station, hour"
                );
                let means = each(&|property| format!("avg(mean_{property})"));
                let maxima = each(&|property| format!("max(max_{property})"));
                format!("SELECT area, hour, {means}, {maxima} FROM ({hours}) GROUP BY area, hour ORDER BY area, hour")
            }
            Question::Latest => {
                let latest = PROPERTIES.map(|(property, _)| format!("arg_max({property}, time)")).join(", ");
                format!("SELECT station, max(time), {latest} {} GROUP BY station", since(self.extent.latest_since()))
            }
            Question::Best => {
                let (property, _) = PROPERTIES[data::RANKED];
                let day = format!("time_bucket(INTERVAL 1 DAY, time, make_timestamp({BEGIN}000000))");
                format!(
                    "SELECT day, station, mean FROM (SELECT {day} AS day, station, avg({property}) AS mean FROM samples \
                     GROUP BY day, station) QUALIFY row_number() OVER (PARTITION BY day ORDER BY mean DESC) <= {BEST}"
                )
            }
        }
    }

    fn answer(question: Question, columns: &[Vec<f64>]) -> anyhow::Result<Answer> {
        let rows = columns.first().context("no columns")?.len();
        let mut answer = Answer::new();
        #[expect(clippy::needless_range_loop, reason = "the columns are read side by side")]
        for row in 0..rows {
            let cell = |column: usize| columns[column][row];
            let key = |column: usize| columns[column][row] as i64;
            for property in 0..PROPERTIES.len() {
                let place = property as i64;
                let (key, figures) = match question {
                    Question::Counts => ([key(0), place, 0], vec![cell(1 + property)]),
                    Question::Raw(_) | Question::Hourly(_) => ([place, key(0), 0], vec![cell(1 + property)]),
                    Question::Areas => {
                        let maximum = cell(2 + PROPERTIES.len() + property);
                        ([key(0), place, key(1)], vec![cell(2 + property), maximum])
                    }
                    Question::Latest => ([key(0), place, 0], vec![cell(1), cell(2 + property)]),
                    Question::Best => ([key(0), key(1), 0], vec![cell(2)]),
                };
                answer.insert(key, figures);
            }
        }
        Ok(answer)
    }
}

impl Engine for DuckDb {
    const NAME: &'static str = NAME;

    async fn open(folder: &Path, extent: Extent) -> anyhow::Result<(Self, Duration)> {
        std::fs::create_dir_all(folder)?;
        let file = folder.join("samples.duckdb");
        let first = if file.exists() {
            "SELECT max(time) FROM samples WHERE station = 0".to_owned()
        } else {
            let properties = PROPERTIES.map(|(property, _)| format!("{property} DOUBLE")).join(", ");
            format!("CREATE TABLE samples (station SMALLINT, area UTINYINT, time TIMESTAMP, {properties})")
        };
        let python = std::env::var_os("SAOLA_PYTHON").unwrap_or_else(|| "python3".into());
        let mut worker = Worker::spawn(Command::new(python).arg(WORKER).arg(&file).arg(first))?;
        let opened = worker.tell(&json!({"do": "open"}), &[]).await?;
        let took = seconds(&opened, "took")?;
        Ok((DuckDb { worker, extent }, took))
    }

    async fn ingest(&mut self) -> anyhow::Result<Duration> {
        let mut messages = self.extent.messages();
        let mut fed = Duration::ZERO;
        loop {
            let piece: Vec<Message> = messages.by_ref().take(PIECE_MESSAGES).collect();
            if piece.is_empty() {
                return Ok(fed);
            }
            let said = self.worker.tell(&json!({"do": "piece", "rows": piece.len()}), &columns(&piece)).await?;
            fed += seconds(&said, "took")?;
        }
    }

    async fn settle(&mut self) -> anyhow::Result<()> {
        self.worker.tell(&json!({"do": "run", "sql": "CHECKPOINT"}), &[]).await.map(drop)
    }

    async fn ask(&mut self, question: Question) -> anyhow::Result<Asked> {
        let said = self.worker.tell(&json!({"do": "ask", "sql": self.sql(question)}), &[]).await?;
        let columns: Vec<Vec<f64>> = serde_json::from_value(said["columns"].clone())?;
        Ok(Asked { took: seconds(&said, "took")?, as_text: None, answer: DuckDb::answer(question, &columns)? })
    }

    fn process(&self) -> &Process {
        self.worker.process()
    }

    async fn stop(self) -> anyhow::Result<()> {
        self.worker.stop()
    }
}
