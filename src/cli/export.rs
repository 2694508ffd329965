//! `saola export`: history into a file, whole or not at all, with its manifest beside it.
//!
//! The running service answers (its store is its own), so an export holds exactly what the pages show. The bytes are
//! written beside the file and renamed when the service has told their number of rows and their SHA-256 in the trailers
//! of its answer and both are those of what arrived. `FILE.manifest.json` says what was asked, in which zone, of which
//! channels in which units, from which tier, when and by which version, and the rows, bytes and hash.

use std::fs::File;
use std::io::{IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use clap::ValueEnum;
use hyper::HeaderMap;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::ask::{Service, escape};
use crate::api::history::{MANIFEST, ROWS, SHA256};

/// What `saola export` takes.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Export {
    /// A channel as STATION/PROPERTY; may be repeated
    #[arg(long, required = true)]
    channel: Vec<String>,
    /// From this time on: RFC 3339, a date, -30d
    #[arg(long, allow_hyphen_values = true)]
    from: String,
    /// Up to and without this time
    #[arg(long, allow_hyphen_values = true, default_value = "now")]
    to: String,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// Buckets of this length (15m, 1h, 1d, 1w, 1mo, 1q, 1y) in place of raw samples
    #[arg(long)]
    every: Option<String>,
    /// What to compute in each bucket: mean, min, max, sum, count, first, last, p05, p50, p95, stddev,
    /// exceedance_hours, delta; may be repeated or a list with commas
    #[arg(long = "fn")]
    functions: Vec<String>,
    /// The limit of exceedance_hours that higher values exceed
    #[arg(long, allow_hyphen_values = true)]
    above: Option<String>,
    /// The limit of exceedance_hours that lower values exceed
    #[arg(long, allow_hyphen_values = true)]
    below: Option<String>,
    /// Compare each bucket with the one so much earlier: -1y, -1mo
    #[arg(long, allow_hyphen_values = true)]
    compare: Option<String>,
    /// Which samples count: good or all
    #[arg(long)]
    quality: Option<String>,
    /// Time zone of times and buckets
    #[arg(long)]
    tz: Option<String>,
    /// Begin a CSV with a byte order mark, for Excel
    #[arg(long)]
    bom: bool,
    /// The file to write; standard output, without a manifest, when absent
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Csv,
    Ndjson,
    Parquet,
}

impl Format {
    fn word(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Ndjson => "ndjson",
            Format::Parquet => "parquet",
        }
    }
}

impl Export {
    pub(super) fn run(&self, service: &Service) -> anyhow::Result<ExitCode> {
        let mut received = Received { digest: Sha256::new(), bytes: 0, progress: Progress::new() };
        let Some(out) = &self.out else {
            let mut stdout = std::io::stdout().lock();
            ensure!(
                self.format != Format::Parquet || !stdout.is_terminal(),
                "Parquet is not for a terminal: give --out FILE"
            );
            let (head, trailers) = service.download(&self.path(), |bytes| received.take(&bytes, &mut stdout))?;
            stdout.flush()?;
            received.manifest(&head, &trailers)?;
            return Ok(ExitCode::SUCCESS);
        };
        let part = Part::create(out)?;
        let mut file = &part.file;
        let (head, trailers) = service.download(&self.path(), |bytes| received.take(&bytes, &mut file))?;
        let manifest = received.manifest(&head, &trailers)?;
        let beside = Part::create(&manifest_path(out))?;
        (&beside.file).write_all(format!("{manifest:#}\n").as_bytes())?;
        let (bytes, rows) = (received.bytes, &manifest["rows"]);
        part.keep()?;
        beside.keep()?;
        eprintln!("{}: {rows} rows, {bytes} bytes", out.display());
        Ok(ExitCode::SUCCESS)
    }

    fn path(&self) -> String {
        let mut path = format!("/api/v1/history?format={}", self.format.word());
        let mut add = |name: &str, value: &str| path.push_str(&format!("&{name}={}", escape(value)));
        self.channel.iter().for_each(|channel| add("channel", channel));
        add("from", &self.from);
        add("to", &self.to);
        self.functions.iter().for_each(|function| add("fn", function));
        let others = [
            ("every", &self.every),
            ("above", &self.above),
            ("below", &self.below),
            ("compare", &self.compare),
            ("quality", &self.quality),
            ("tz", &self.tz),
        ];
        for (name, value) in others {
            if let Some(value) = value {
                add(name, value);
            }
        }
        if self.bom {
            add("bom", "1");
        }
        path
    }
}

/// What has arrived.
struct Received {
    digest: Sha256,
    bytes: u64,
    progress: Progress,
}

impl Received {
    fn take(&mut self, bytes: &Bytes, out: &mut impl Write) -> anyhow::Result<()> {
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
        self.progress.show(self.bytes);
        out.write_all(bytes).context("cannot write")
    }

    /// The manifest, when what arrived is what was sent.
    fn manifest(&mut self, head: &HeaderMap, trailers: &HeaderMap) -> anyhow::Result<Value> {
        self.progress.end();
        let text =
            |headers: &HeaderMap, name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (Some(manifest), Some(rows), Some(sent)) =
            (text(head, &MANIFEST), text(trailers, &ROWS), text(trailers, &SHA256))
        else {
            bail!(
                "the answer came without its manifest: is there a proxy between that drops trailers? ask the service itself"
            );
        };
        let hex: String = self.digest.finalize_reset().iter().map(|byte| format!("{byte:02x}")).collect();
        ensure!(hex == sent, "what arrived is not what was sent: its SHA-256 is {hex}, not {sent}; ask again");
        let mut manifest: Value = serde_json::from_str(&manifest).context("the manifest cannot be read")?;
        manifest["rows"] = json!(rows.parse::<u64>().context("the number of rows cannot be read")?);
        manifest["bytes"] = json!(self.bytes);
        manifest["sha256"] = json!(hex);
        Ok(manifest)
    }
}

fn manifest_path(out: &Path) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".manifest.json");
    PathBuf::from(name)
}

/// A file that is not there yet: removed again unless it is kept.
struct Part {
    path: PathBuf,
    whole: PathBuf,
    file: File,
}

impl Part {
    fn create(whole: &Path) -> anyhow::Result<Part> {
        let mut name = whole.as_os_str().to_owned();
        name.push(".part");
        let path = PathBuf::from(name);
        let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Part { path, whole: whole.to_owned(), file })
    }

    /// Everything is on disk before the name appears.
    fn keep(&self) -> anyhow::Result<()> {
        self.file.sync_all().with_context(|| format!("cannot write {}", self.path.display()))?;
        let renamed = std::fs::rename(&self.path, &self.whole);
        renamed.with_context(|| format!("cannot write {}", self.whole.display()))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // After a rename there is none of that name.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Tells a terminal how far it is.
struct Progress {
    begun: Instant,
    shown: Option<Instant>,
    is_terminal: bool,
}

impl Progress {
    fn new() -> Self {
        Self { begun: Instant::now(), shown: None, is_terminal: std::io::stderr().is_terminal() }
    }

    fn show(&mut self, bytes: u64) {
        let due = self.shown.is_none_or(|shown| shown.elapsed() > Duration::from_millis(250));
        if self.is_terminal && due {
            self.shown = Some(Instant::now());
            let mib = bytes as f64 / f64::from(1 << 20);
            eprint!("\r{mib:.1} MiB in {} s ", self.begun.elapsed().as_secs());
        }
    }

    fn end(&self) {
        if self.shown.is_some() {
            eprint!("\r\x1b[K");
        }
    }
}
