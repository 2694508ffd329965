//! `saola import`: history from files, into the data folder of a service that does not run.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::{USAGE, examined, say};
use crate::app::{DryRun, Importer, StartError};
use crate::config::Config;
use crate::decode::line_protocol::Precision;
use crate::intake::{self, Begin, Format, Notes, Options, Plan, Progress, Report};
use crate::journal::JournalError;
use crate::telemetry;

/// Exit code of files in which something was refused (`EX_DATAERR` of sysexits.h); all else was taken.
const DATA_ERROR: u8 = 65;

/// How often progress is shown.
const SHOW_EVERY: Duration = Duration::from_millis(200);

const LONG_HELP: &str = "\
FORMATS
  csv      a table with a header, UTF-8. --map says which columns are what; without it the columns of an export are
           expected: time, channel, value and perhaps quality
  line     InfluxDB line protocol. Without --map the tag `station` names the station and each field is a property
  station  files of automatic stations (.txt: symbol, value, unit, yyyyMMddHHmmss, status; tabs). The file's name begins
           with the station's; without --map PM2,5 is pm2_5 and times are Viet Nam's
  parquet  a flat table with types; as csv
  native   NDJSON as exported: {\"time\": \"...\", \"channel\": \"STATION/PROPERTY\", \"value\": 41.2, \"quality\": \"good\"}
Text may be packed: a name that ends in .gz is unpacked while it is read.

MAP
  [time]                                   [station]
  column = \"when\"                          column = \"sensor\"              # or fixed = \"AIR-01\"; line: tag = \"host\"
  format = \"%d/%m/%Y %H:%M\"                map = { \"s 1\" = \"AIR-01\" }
  zone = \"Asia/Ho_Chi_Minh\"
                                           [[column]]
  [csv]                                    name = \"t\"
  separator = \";\"                          property = \"air_temperature\"
  decimal = \"comma\"                        unit = \"[degF]\"                # the channel's own by default
  missing = [\"\", \"NA\", \"-\"]                factor = 0.1

  One value a row: [long] with property, value, map, units. Status: [status] with column, map.
  Times in line protocol: [time] precision = \"ns\", or --precision.

WHAT BECOMES OF IT
  Rows take the way of every reading: stations and properties must be registered, units are converted, values must be
  plausible. They go into the history alone: they raise no alert and never change the live map, whatever their times.
  It is safe to repeat: what is there already is counted as duplicate. After a kill, a repeat goes on where everything is
  durable. Rows that are refused are kept among the dead letters as import/FILE:LINE.
  The service must not be running on the same data folder; --dry-run does not care.

EXIT CODES
  0 all taken; 65 something was refused, all else is taken; 64 the command, the configuration or the map is wrong and
  nothing was begun; 1 it failed";

/// What `saola import` takes.
#[derive(Debug, clap::Args)]
#[command(after_long_help = LONG_HELP)]
pub(super) struct Import {
    /// What the files are: csv, line, station, parquet or native
    #[arg(long, value_parser = word(&Format::WORDS))]
    format: Format,
    /// What the ledger calls these rows
    #[arg(long, default_value = "import")]
    source: String,
    /// What columns, tags or symbols mean (TOML)
    #[arg(long)]
    map: Option<PathBuf>,
    /// Unit of the times in line protocol: ns, us, ms or s; the map's, else ns, when absent
    #[arg(long, value_parser = word(&Precision::WORDS))]
    precision: Option<Precision>,
    /// Read and check everything, write nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not go on where an import that was cut off had come to
    #[arg(long)]
    from_start: bool,
    /// The report as JSON
    #[arg(long)]
    json: bool,
    /// Configuration file
    #[arg(long, default_value = "config/saola.toml")]
    config: PathBuf,
    /// The files, in this order
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

fn word<T: Copy + Send + Sync + 'static>(
    words: &'static [(&'static str, T)],
) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |written| {
        let found = words.iter().find(|(word, _)| *word == written).map(|(_, meaning)| *meaning);
        found.ok_or_else(|| {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            format!("use one of {}", known.join(", "))
        })
    }
}

impl Import {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        if self.precision.is_some() && self.format != Format::Line {
            eprintln!("saola: --precision is for --format line");
            return Ok(ExitCode::from(USAGE));
        }
        let plan = match intake::plan(self.format, self.map.as_deref(), self.precision) {
            Ok(plan) => plan,
            Err(mistakes) => {
                mistakes.iter().for_each(|mistake| eprintln!("{mistake}"));
                return Ok(ExitCode::from(USAGE));
            }
        };
        let config = match examined(&self.config) {
            Ok(found) => found.config,
            Err(code) => return Ok(code),
        };
        if let Some(wrong) = Importer::wrong_source(&config, &self.source) {
            eprintln!("saola: --source {wrong}");
            return Ok(ExitCode::from(USAGE));
        }
        telemetry::log("warn");
        let mut shown = Shown::new();
        let report = if self.dry_run {
            let mut destination = match DryRun::new(&config) {
                Ok(destination) => destination,
                Err(mistakes) => {
                    mistakes.iter().for_each(|mistake| eprintln!("{mistake}"));
                    return Ok(ExitCode::from(USAGE));
                }
            };
            let options = Options::default();
            let report = intake::import(&self.files, &plan, &options, &mut destination, |now| shown.show(now))?;
            Report { dry_run: true, ..report }
        } else {
            self.import(&config, &plan, &mut shown)?
        };
        shown.end();
        let text = if self.json { serde_json::to_string_pretty(&report)? } else { report.to_string() };
        say(&text)?;
        Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(DATA_ERROR) })
    }

    fn import(&self, config: &Config, plan: &Plan, shown: &mut Shown) -> anyhow::Result<Report> {
        let mut destination = match Importer::start(config, &self.source) {
            Err(StartError::Journal(JournalError::InUse { .. })) => anyhow::bail!(
                "a service (or another import) is running on {}: stop it and import then; nothing was written",
                config.data_dir.display()
            ),
            started => started?,
        };
        let notes = config.data_dir.join("imports");
        let notes = Notes::open(&notes, &self.meaning()?)
            .with_context(|| format!("cannot keep notes in {}", notes.display()))?;
        let begin = if self.from_start { Begin::AtStart } else { Begin::AtNote };
        let options = Options { notes: Some(notes), begin };
        let imported = intake::import(&self.files, plan, &options, &mut destination, |now| shown.show(now));
        let finished = destination.finish();
        let report = imported?;
        finished?;
        Ok(report)
    }

    /// Everything that the meaning of a file depends on: with another one, a note does not hold.
    fn meaning(&self) -> anyhow::Result<String> {
        let map = match &self.map {
            Some(path) => std::fs::read_to_string(path).with_context(|| path.display().to_string())?,
            None => String::new(),
        };
        Ok(format!("{:?} {:?} {} {map}", self.format, self.precision, self.source))
    }
}

/// A line that counts, on a terminal only.
struct Shown {
    is_terminal: bool,
    begun: Instant,
    shown_at: Option<Instant>,
    /// Rows of the files before this one.
    before: u64,
    file: PathBuf,
    rows: u64,
}

impl Shown {
    fn new() -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        Self { is_terminal, begun: Instant::now(), shown_at: None, before: 0, file: PathBuf::new(), rows: 0 }
    }

    fn show(&mut self, now: Progress<'_>) {
        if !self.is_terminal {
            return;
        }
        if self.file != now.file {
            self.before += self.rows;
            self.file = now.file.to_owned();
        }
        self.rows = now.rows;
        if self.shown_at.is_some_and(|at| at.elapsed() < SHOW_EVERY) {
            return;
        }
        self.shown_at = Some(Instant::now());
        let rate = (self.before + self.rows) as f64 / self.begun.elapsed().as_secs_f64().max(1e-3);
        let share = match now.size_bytes {
            0 => String::new(),
            size => format!(", {} %", now.offset * 100 / size),
        };
        let name = Path::new(&self.file).file_name().unwrap_or_default().to_string_lossy();
        // Cleared to the end of the line: the line before may have been longer.
        let _ = write!(std::io::stderr(), "\r{name}: {} rows{share}, {rate:.0} rows/s\x1b[K", self.rows);
    }

    fn end(&self) {
        if self.shown_at.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
