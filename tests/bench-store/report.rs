//! What is printed: the machine, one table of all stores, or one of three lengths of time; and the bars.

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::process::Command;
use std::time::Duration;

use crate::Measured;
use crate::answer::Question;
use crate::data::{Extent, PROPERTIES};
use crate::engine::Engine as _;
use crate::saola::Saola;

const LABEL: usize = 34;
const COLUMN: usize = 16;
/// Of ingest: that many times the fastest server.
const INGEST_BAR: f64 = 3.0;
const BYTES_PER_VALUE_BAR: f64 = 1.0;
const MEMORY_MIB_BAR: f64 = 500.0;
const OPEN_BAR: Duration = Duration::from_secs(2);

/// What is measured, and on what.
pub fn begin(extent: &Extent, values: u64) {
    println!("{}", machine());
    println!(
        "{} stations x {} properties x {:.1} days, one message a minute: {values} values\n",
        extent.stations,
        PROPERTIES.len(),
        f64::from(extent.minutes) / 1_440.0
    );
}

pub fn progress(name: &str, does: &str) {
    eprintln!("{name} {does}");
    let _ = std::io::stdout().flush();
}

fn first_line(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned());
    text.ok()
        .and_then(|text| text.lines().find(|line| !line.is_empty()).map(str::to_owned))
        .unwrap_or_else(|| format!("no {program}"))
}

fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let value = |text: &str, key: &str| -> String {
        let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or(": unknown");
        line.trim_start_matches(['\t', ' ', ':']).to_owned()
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory: f64 = value(&read("/proc/meminfo"), "MemTotal").trim_end_matches(" kB").parse().unwrap_or_default();
    let device = std::fs::metadata(env!("CARGO_TARGET_TMPDIR")).map_or(0, |metadata| metadata.dev());
    let (major, minor) = (device >> 8 & 0xfff, device & 0xff | device >> 12 & 0xfff00);
    let disk = std::fs::read_link(format!("/sys/dev/block/{major}:{minor}")).unwrap_or_default();
    let disk = disk.file_name().map_or("unknown".into(), |name| name.to_string_lossy().into_owned());
    let disk = match (disk.as_bytes(), read(&format!("/sys/block/{disk}/queue/rotational")).trim()) {
        ([b'v' | b'x', ..], _) => format!("virtual disk {disk}"),
        (_, "1") => format!("spinning disk {disk}"),
        _ => format!("disk {disk}"),
    };
    // Debian's victoria-metrics does not know its own version.
    let debian = |package| first_line("dpkg-query", &["--show", "--showformat", "${Version}", package]);
    let python = std::env::var("SAOLA_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    format!(
        "{cores} cores of {}, {:.0} GiB, {disk}, Linux {}\nVictoriaMetrics {}; InfluxDB {}; DuckDB {}",
        value(&read("/proc/cpuinfo"), "model name"),
        memory / f64::from(1 << 20),
        read("/proc/sys/kernel/osrelease").trim(),
        debian("victoria-metrics"),
        debian("influxdb"),
        first_line(&python, &["-c", "import duckdb; print(duckdb.__version__)"]),
    )
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn rate(measured: &Measured) -> f64 {
    measured.values as f64 / measured.ingest.as_secs_f64()
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn per_value(bytes: u64, measured: &Measured) -> f64 {
    bytes as f64 / measured.values as f64
}

/// Three digits, so that both microseconds and seconds can be read.
fn digits(figure: f64) -> String {
    match figure {
        ..0.01 => format!("{figure:.4}"),
        ..1.0 => format!("{figure:.3}"),
        ..10.0 => format!("{figure:.2}"),
        ..100.0 => format!("{figure:.1}"),
        _ => format!("{figure:.0}"),
    }
}

fn verdict(is_reached: bool) -> &'static str {
    if is_reached { "reached" } else { "MISSED" }
}

fn row(label: &str, figures: impl IntoIterator<Item = f64>, rest: &str) {
    print!("{label:<LABEL$}");
    figures.into_iter().for_each(|figure| print!("{:>COLUMN$}", digits(figure)));
    println!("{rest}");
}

/// A row of one figure for each store, of which less is better, and how many times Saola is better than the best peer.
fn against_best(label: &str, found: &[Measured], figure: impl Fn(&Measured) -> f64, bar: Option<f64>) {
    let peers = found.iter().filter(|measured| measured.name != Saola::NAME).map(&figure);
    let best = peers.reduce(f64::min);
    let own = found.iter().find(|measured| measured.name == Saola::NAME).map(&figure);
    let rest = match (own, best) {
        (Some(own), Some(best)) => {
            let times = best / own;
            let bar = bar.map(|bar| format!("{:>10} {}", format!(">= {bar:.1}"), verdict(times >= bar)));
            format!("{times:>14.2}{}", bar.unwrap_or_default())
        }
        _ => String::new(),
    };
    row(label, found.iter().map(figure), &rest);
}

/// The table of all stores.
pub fn compared(found: &[Measured], extent: Extent) {
    print!("{:<LABEL$}", "");
    found.iter().for_each(|measured| print!("{:>COLUMN$}", measured.name));
    println!("{:>14}{:>10}", "times best", "bar");

    let servers = found.iter().filter(|measured| measured.name != Saola::NAME && measured.name != crate::duckdb::NAME);
    let fastest = servers.map(rate).reduce(f64::max);
    let own = found.iter().find(|measured| measured.name == Saola::NAME);
    let rest = own.zip(fastest).map(|(own, fastest)| {
        let times = rate(own) / fastest;
        let bar = format!(">= {INGEST_BAR:.1}");
        format!("{times:>14.2}{bar:>10} {} (of the fastest server)", verdict(times >= INGEST_BAR))
    });
    row("ingest, million values/s", found.iter().map(|one| rate(one) / 1e6), &rest.unwrap_or_default());
    row("until settled after that, s", found.iter().map(|one| one.settle.as_secs_f64()), "");
    let own_figure = |figure: &dyn Fn(&Measured) -> f64, bar: f64, sign: &str| {
        own.map_or_else(String::new, |own| {
            format!("{:>14}{:>10} {}", "", format!("{sign} {bar:.0}"), verdict(figure(own) <= bar))
        })
    };
    let bytes = |one: &Measured| per_value(one.size.allocated, one);
    row("bytes per value, allocated", found.iter().map(bytes), &own_figure(&bytes, BYTES_PER_VALUE_BAR, "<="));
    row("bytes per value, apparent", found.iter().map(|one| per_value(one.size.apparent, one)), "");
    let memory = |one: &Measured| mib(one.peak_bytes);
    row("memory at its peak, MiB", found.iter().map(memory), &own_figure(&memory, MEMORY_MIB_BAR, "<"));
    against_best("open, ms", found, |one| ms(one.open), None);
    let questions = Question::all(extent);
    for (place, (label, _)) in questions.iter().enumerate() {
        against_best(&format!("{label}, ms"), found, |one| ms(one.questions[place]), Some(1.0));
    }
    if own.is_some_and(|own| own.texts.is_some()) {
        println!("\nSaola's answers as JSON text in memory, against the same figures of the peers");
        for (place, (label, _)) in questions.iter().enumerate() {
            let figure = |one: &Measured| ms(one.texts.as_ref().map_or(one.questions[place], |texts| texts[place]));
            against_best(&format!("{label}, ms"), found, figure, None);
        }
    }
}

/// The table of three lengths of time.
pub fn scaled(found: &[Measured], days: f64) {
    print!("{:<LABEL$}", "days");
    [0.1, 1.0, 10.0].iter().for_each(|times| print!("{:>COLUMN$}", digits(days * times)));
    println!("{:>14}{:>10}", "10 x costs", "bar");
    let last_two = |cost: &dyn Fn(&Measured) -> f64| cost(&found[2]) / cost(&found[1]);
    let grown = |cost: &dyn Fn(&Measured) -> f64| {
        let (times, data) = (last_two(cost), last_two(&|one| one.values as f64));
        format!("{times:>12.2} x{:>10} {}", format!("<= {data:.1}"), verdict(times <= data))
    };
    row("million values", found.iter().map(|one| one.values as f64 / 1e6), "");
    let open = |one: &Measured| ms(one.open);
    let most = found.iter().map(|one| one.open).max().unwrap_or_default();
    let rest = format!("{}; below 2 s {}", grown(&open), verdict(most < OPEN_BAR));
    row("open, ms", found.iter().map(open), &rest);
    let ingest = |one: &Measured| one.ingest.as_secs_f64();
    row("ingest, s", found.iter().map(ingest), &grown(&ingest));
    row("  ns a value", found.iter().map(|one| ingest(one) * 1e9 / one.values as f64), "");
    let settle = |one: &Measured| one.settle.as_secs_f64();
    row("until settled after that, s", found.iter().map(settle), &grown(&settle));
    let bytes = |one: &Measured| one.size.allocated as f64;
    row("MB on disk, allocated", found.iter().map(|one| bytes(one) / 1e6), &grown(&bytes));
    row("  bytes a value", found.iter().map(|one| bytes(one) / one.values as f64), "");
    row("memory at its peak, MiB", found.iter().map(|one| mib(one.peak_bytes)), "");
    for (place, (label, _)) in Question::all(Extent::days(days, 1)).iter().enumerate() {
        let took = |one: &Measured| ms(one.questions[place]);
        row(&format!("{label}, ms"), found.iter().map(took), &grown(&took));
    }
}
