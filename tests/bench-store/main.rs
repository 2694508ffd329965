//! `make bench-store`: Saola's embedded store beside VictoriaMetrics, InfluxDB 1.6 and DuckDB, in one run.
//!
//! 1,000 stations with 4 properties, one message a minute for 7 days (40 million values), are made on the fly and given
//! to each store in the order of arrival; then each answers five questions. Every single answer is compared with the
//! right one, computed while the measurements are made: a time is printed only when all answers were right.
//!
//! How each is treated, so that the figures mean something:
//! - one store at a time, from an empty folder under `target/`, on the same disk; it is gone at the end, also when the
//!   run fails or is interrupted;
//! - messages are made in bounded pieces while the clock stands still; what a store does in the background meanwhile
//!   is free for everybody. Ingest ends when everything is durable or, where a server has no such word, queryable;
//! - bytes on disk are counted after each store has done what it does later: merged, compacted, checkpointed;
//! - the questions are asked after a restart, the first time of each not counted, the median told; files are in the
//!   system's cache. Servers: until the last byte of the body is read, not parsed. DuckDB and Saola: in their own
//!   process, until the figures are in memory; Saola once more until they are JSON text, as servers hand them over;
//! - memory is the process's peak resident size over all of it (`VmHWM`).
//!
//! `SAOLA_BENCH_STATIONS` and `SAOLA_BENCH_DAYS` shrink it, `SAOLA_BENCH_STORES` picks some of `saola`, `victoria`,
//! `influx`, `duckdb`. With `--scaling` Saola alone is measured at a tenth, once and ten times the days.
//! The exit code tells whether everything ran and every answer was right, not whether a bar was reached.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that cannot go on says so")]

mod answer;
mod data;
mod duckdb;
mod engine;
mod http;
mod influx;
mod past;
mod report;
mod saola;
mod victoria;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use answer::{Expected, Question};
use anyhow::Context as _;
use data::Extent;
use engine::{Engine, Size};

/// How often each question is asked, after the first time.
const ASKED: usize = 16;
/// A slow question is asked less often: no more once it has taken so long.
const ASKING: Duration = Duration::from_secs(15);

/// What was found about one store.
struct Measured {
    name: &'static str,
    values: u64,
    ingest: Duration,
    settle: Duration,
    size: Size,
    /// Until it had settled.
    cpu: Duration,
    peak_bytes: u64,
    open: Duration,
    /// Medians, in the order of [`Question::all`].
    questions: Vec<Duration>,
    /// The same until the answer is JSON text; of Saola alone.
    texts: Option<Vec<Duration>>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    ::saola::shutdown::prepare_process();
    if let Some(place) = arguments.iter().position(|argument| argument == saola::CHILD) {
        saola::serve(&arguments[place + 1..]).unwrap();
        return ExitCode::SUCCESS;
    }
    let is_scaling = arguments.iter().any(|argument| argument == "--scaling");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let outcome = runtime.block_on(async {
        // What is under way is dropped: servers are stopped and folders removed.
        let stop = ::saola::shutdown::on_signal()?;
        tokio::select! {
            outcome = async { if is_scaling { scale().await } else { compare().await } } => outcome,
            () = stop.cancelled() => Err(anyhow::anyhow!("interrupted")),
        }
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn setting<T: std::str::FromStr>(name: &str, default: T) -> T {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} cannot be {text:?}")),
        Err(_) => default,
    }
}

fn stations() -> u32 {
    let stations = setting("SAOLA_BENCH_STATIONS", 1_000);
    assert!((1..=32_000).contains(&stations), "SAOLA_BENCH_STATIONS: 1 to 32000");
    stations
}

async fn compare() -> anyhow::Result<()> {
    let extent = Extent::days(setting("SAOLA_BENCH_DAYS", 7.0), stations());
    let chosen = setting("SAOLA_BENCH_STORES", "saola,victoria,influx,duckdb".to_owned());
    let expected = Expected::of(extent);
    report::begin(&extent, expected.values);
    let mut found = Vec::new();
    let mut failed = Vec::new();
    for name in chosen.split(',') {
        let outcome = match name {
            "saola" => measure::<saola::Saola>(extent, &expected).await,
            "victoria" => measure::<victoria::Victoria>(extent, &expected).await,
            "influx" => measure::<influx::Influx>(extent, &expected).await,
            "duckdb" => measure::<duckdb::DuckDb>(extent, &expected).await,
            other => anyhow::bail!("SAOLA_BENCH_STORES: {other:?} is none of saola, victoria, influx, duckdb"),
        };
        match outcome {
            Ok(measured) => found.push(measured),
            Err(error) => failed.push(format!("{name}: {error:#}")),
        }
    }
    if failed.is_empty() {
        report::compared(&found, extent);
        return Ok(());
    }
    // Without one of them there is nothing to compare with: no time is printed.
    anyhow::bail!("{}", failed.join("\n"))
}

async fn scale() -> anyhow::Result<()> {
    let days = setting("SAOLA_BENCH_DAYS", 7.0);
    let mut found = Vec::new();
    for times in [0.1, 1.0, 10.0] {
        let extent = Extent::days(days * times, stations());
        let expected = Expected::of(extent);
        report::begin(&extent, expected.values);
        found.push(measure::<saola::Saola>(extent, &expected).await?);
    }
    report::scaled(&found, days);
    Ok(())
}

async fn measure<E: Engine>(extent: Extent, expected: &Expected) -> anyhow::Result<Measured> {
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(&place)?;
    let folder = tempfile::Builder::new().prefix("bench-store-").tempdir_in(place)?;
    let data = folder.path().join("data");
    report::progress(E::NAME, "takes the messages");
    let (mut engine, _) = E::open(&data, extent).await?;
    let ingest = engine.ingest().await.context("while it took the messages")?;
    report::progress(E::NAME, "settles");
    let begun = Instant::now();
    engine.settle().await.context("while it settled")?;
    let settle = begun.elapsed();
    let size = Size::of(&data)?;
    let cpu = engine.process().cpu()?.saturating_sub(engine.foreign_cpu());
    let peak_bytes = engine.process().peak_bytes()?;
    engine.stop().await?;

    report::progress(E::NAME, "answers");
    let (mut engine, open) = E::open(&data, extent).await?;
    ask(&mut engine, Question::Counts, expected).await?;
    let (mut questions, mut texts) = (Vec::new(), Vec::new());
    for (_, cases) in Question::all(extent) {
        let (took, as_text) = median(&mut engine, &cases, expected).await?;
        questions.push(took);
        texts.extend(as_text);
    }
    let peak_bytes = peak_bytes.max(engine.process().peak_bytes()?);
    engine.stop().await?;
    let texts = (!texts.is_empty()).then_some(texts);
    Ok(Measured {
        name: E::NAME,
        values: expected.values,
        ingest,
        settle,
        cpu,
        size,
        peak_bytes,
        open,
        questions,
        texts,
    })
}

/// Asks and compares the answer with the right one.
async fn ask<E: Engine>(
    engine: &mut E,
    question: Question,
    expected: &Expected,
) -> anyhow::Result<(Duration, Option<Duration>)> {
    let asked = engine.ask(question).await.with_context(|| format!("{question:?}"))?;
    expected.check(question, &asked.answer).map_err(anyhow::Error::msg)?;
    Ok((asked.took, asked.as_text))
}

/// Asks the cases in turn; the first time of each is not counted.
async fn median<E: Engine>(
    engine: &mut E,
    cases: &[Question],
    expected: &Expected,
) -> anyhow::Result<(Duration, Option<Duration>)> {
    for question in cases {
        ask(engine, *question, expected).await?;
    }
    let begun = Instant::now();
    let (mut took, mut texts) = (Vec::new(), Vec::new());
    for question in cases.iter().cycle().take(ASKED.max(cases.len())) {
        let (one, as_text) = ask(engine, *question, expected).await?;
        took.push(one);
        texts.extend(as_text);
        if begun.elapsed() > ASKING {
            break;
        }
    }
    let middle = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        times.get(times.len() / 2).copied()
    };
    Ok((middle(&mut took).context("nothing was asked")?, middle(&mut texts)))
}
