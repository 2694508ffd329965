//! `saola-sim replay`.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

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
    #[arg(long)]
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
    let report = replay::run(options, &recording, shift_s, stopped()).await?;
    if let Some(path) = &command.report {
        let text = report.json() + "\n";
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    print(&report.json())?;
    if report.acknowledged < report.published {
        let _ = writeln!(std::io::stderr(), "the broker did not acknowledge every message");
        bail!("{} of {} messages are not acknowledged", report.published - report.acknowledged, report.published);
    }
    Ok(())
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
