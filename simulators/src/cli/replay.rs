//! `saola-sim replay`.

use std::fs::File;
use std::io::{BufReader, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use saola_sim::replay::{self, Map, Options, Recording, Shift};
use saola_sim::span::Span;
use saola_sim::{clock, shipped};

use super::{SignIn, print, stopped};

#[derive(clap::Args)]
pub struct Replay {
    /// The recorded file
    file: PathBuf,
    /// Map file, or a shipped map: air_beijing, traffic_mndot, water_flow, weather_ewr
    #[arg(long)]
    map: String,
    /// Broker, host:port
    #[arg(long, default_value = "127.0.0.1:1883")]
    broker: String,
    /// Messages a second; as fast as the broker acknowledges when absent
    #[arg(long, allow_negative_numbers = true)]
    rate: Option<f64>,
    /// Keep the recorded times instead of moving the last row to now
    #[arg(long, conflicts_with = "shift")]
    keep_times: bool,
    /// Move the recorded times by this (30d, -2h) instead of moving the last row to now
    #[arg(long, allow_hyphen_values = true)]
    shift: Option<Span>,
    /// Messages that may wait for their acknowledgement
    #[arg(long, default_value_t = 500)]
    window: usize,
    /// Write the report here as JSON
    #[arg(long)]
    report: Option<PathBuf>,
    /// Write each reading sent here as CSV: station, property, time (UTC), value
    #[arg(long)]
    expected: Option<PathBuf>,
    /// Print `topic payload` lines instead of publishing
    #[arg(long)]
    dump: bool,
    #[command(flatten)]
    sign_in: SignIn,
}

pub async fn replay(command: Replay) -> anyhow::Result<()> {
    let map = map(&command.map)?;
    let file = File::open(&command.file).with_context(|| format!("cannot open {}", command.file.display()))?;
    let recording = Recording::read(&map, BufReader::new(file)).with_context(|| command.file.display().to_string())?;
    let shift = match (command.keep_times, command.shift) {
        (true, _) => Shift::Keep,
        (false, Some(span)) => Shift::By(span.seconds() as i64),
        (false, None) => Shift::LastRowNow,
    };
    let shift_s = recording.shift_s(shift, clock::now());
    if let Some(path) = &command.expected {
        let out = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        recording.write_expected(shift_s, BufWriter::new(out))?;
    }
    if command.dump {
        for row in &recording.rows {
            let (topic, payload) = replay::message(row, shift_s);
            if !print(&format!("{topic} {}", String::from_utf8_lossy(&payload)))? {
                break;
            }
        }
        return Ok(());
    }
    let mut options = Options::new(command.broker);
    if command.rate.is_some_and(|rate| !(rate > 0.0 && rate.is_finite())) {
        bail!("--rate must be above zero");
    }
    options.rate = command.rate;
    options.window = command.window;
    options.credentials = command.sign_in.credentials();
    let (told, heard) = tokio::sync::watch::channel(0);
    options.progress = Some(told);
    let shown = tokio::spawn(show_progress(heard, recording.rows.len()));
    let report = replay::run(options, &recording, shift_s, stopped()).await?;
    let _ = shown.await;
    if let Some(path) = &command.report {
        let text = report.json() + "\n";
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    print(&report.json())?;
    if report.acknowledged < report.published {
        bail!("{} of {} messages are not acknowledged", report.published - report.acknowledged, report.published);
    }
    Ok(())
}

/// A line that counts, on a terminal only, until the sender is gone.
async fn show_progress(mut heard: tokio::sync::watch::Receiver<usize>, rows: usize) {
    if !std::io::stderr().is_terminal() {
        return;
    }
    while heard.changed().await.is_ok() {
        let published = *heard.borrow_and_update();
        let _ = write!(std::io::stderr(), "\r{published} of {rows} rows");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let _ = writeln!(std::io::stderr());
}

fn map(name: &str) -> anyhow::Result<Map> {
    if let Some((_, text)) = shipped::MAPS.iter().find(|(shipped, _)| *shipped == name) {
        return Ok(Map::parse(text)?);
    }
    let text = std::fs::read_to_string(Path::new(name)).with_context(|| {
        let shipped = shipped::MAPS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        format!("cannot read map {name} (shipped maps: {shipped})")
    })?;
    Map::parse(&text).with_context(|| name.to_owned())
}
