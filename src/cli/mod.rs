//! The command line: what it takes, and which part answers.
//!
//! Exit codes: 0 done, 1 failed, 64 the configuration (or the command line) is wrong and nothing was begun; an import
//! has one more for files in which something was refused, `check --diff` one more for files that would change something.

mod accounts;
mod ask;
mod check;
mod export;
mod import;
mod index;
mod journal;
mod rules;
mod serve;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config;

/// The backend of a provincial operations centre: sensors in, live map, alerts and history out.
#[derive(Debug, Parser)]
#[command(name = "saola", version)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything inside one process with Lai Châu's stations and a simulated day, for looking around
    Demo(Demo),
    /// Run the service
    Run {
        /// Configuration file
        #[arg(long, default_value = "config/saola.toml")]
        config: PathBuf,
    },
    /// Report every mistake in a configuration and the files it names
    Check {
        /// Configuration file
        #[arg(long, default_value = "config/saola.toml")]
        config: PathBuf,
        /// Show what the files would change in the registry as it is stored: exit code 2 when anything would
        #[arg(long, conflicts_with_all = ["influx", "create_bucket"])]
        diff: bool,
        /// Ask the configured InfluxDB, too, whether token and bucket do; without this nothing is sent anywhere
        #[arg(long)]
        influx: bool,
        /// The same, and make the bucket if it is not there
        #[arg(long)]
        create_bucket: bool,
    },
    /// The configuration file
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// What came in and what became of it, by source
    Ledger {
        #[command(flatten)]
        service: ask::Service,
    },
    /// Bring history in from files; safe to repeat
    Import(import::Import),
    /// An index of the field over the rows of a CSV, to standard output: VN_AQI, fire danger, the national grid
    Index {
        #[command(subcommand)]
        index: index::Index,
    },
    /// Messages that were refused, kept whole
    DeadLetters {
        #[command(subcommand)]
        command: DeadLetters,
        #[command(flatten)]
        service: ask::Service,
    },
    /// Devices that send under names which nobody registered
    UnknownDevices {
        #[command(flatten)]
        service: ask::Service,
    },
    /// Write history into a file, whole or not at all, with its manifest beside it
    Export {
        #[command(flatten)]
        export: Box<export::Export>,
        #[command(flatten)]
        service: ask::Service,
    },
    /// The journal's files, read without the service
    Journal {
        #[command(subcommand)]
        command: journal::Command,
    },
    /// People
    User {
        #[command(subcommand)]
        command: accounts::UserCommand,
        #[command(flatten)]
        place: accounts::Place,
    },
    /// Access tokens for programs
    Token {
        #[command(subcommand)]
        command: accounts::TokenCommand,
        #[command(flatten)]
        place: accounts::Place,
    },
    /// Devices with credentials of their own, for the embedded MQTT edge
    Device {
        #[command(subcommand)]
        command: accounts::DeviceCommand,
        #[command(flatten)]
        place: accounts::Place,
    },
    /// Alert rules on trial
    Rules {
        #[command(subcommand)]
        command: rules::Command,
    },
    /// Print the description of the HTTP API
    Openapi,
}

/// What `saola demo` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    /// Address of pages and API
    #[arg(long, env = "SAOLA_HTTP", default_value = "127.0.0.1:8080")]
    http: SocketAddr,
    /// Address that devices publish to
    #[arg(long, env = "SAOLA_MQTT", default_value = "127.0.0.1:1883")]
    mqtt: SocketAddr,
    /// Where readings are kept; a folder of its own that lasts until the end when absent
    #[arg(long, env = "SAOLA_DATA")]
    data: Option<PathBuf>,
    /// What happens in the province; `none`: the stations, and nothing published
    #[arg(long, default_value = "lai_chau")]
    scenario: String,
    /// How many times faster than the real ones the simulated days go by
    #[arg(long, default_value_t = 60.0)]
    speed: f64,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print the default file, with every key, its unit and its default
    Default,
}

#[derive(Debug, Subcommand)]
enum DeadLetters {
    /// The newest ones
    List {
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// Of this source alone
        #[arg(long)]
        source: Option<String>,
        /// Of this reason alone
        #[arg(long)]
        reason: Option<String>,
        /// First received at this time or later: RFC 3339, a date, or an age such as -24h
        #[arg(long, allow_hyphen_values = true)]
        since: Option<String>,
        /// Go on here: the `next` of the page before
        #[arg(long)]
        next: Option<String>,
    },
    /// One, whole
    Show {
        /// Its number
        id: u64,
    },
    /// Hand one in again, or all that fit, after their cause is mended
    Replay {
        /// Its number
        #[arg(required_unless_present = "all")]
        id: Option<u64>,
        /// All of them, or those that the following say
        #[arg(long, conflicts_with = "id")]
        all: bool,
        /// Of this source alone
        #[arg(long, requires = "all")]
        source: Option<String>,
        /// Of this reason alone
        #[arg(long, requires = "all")]
        reason: Option<String>,
        /// First received at this time or later
        #[arg(long, requires = "all", allow_hyphen_values = true)]
        since: Option<String>,
    },
}

/// Reads the command line and runs it to the end.
pub fn main() -> ExitCode {
    let line = match Line::try_parse() {
        Ok(line) => line,
        Err(told) => {
            // A closed standard output is no reason to fail.
            let _ = told.print();
            return if told.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    match run(line.command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("saola: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Demo(demo) => serve::demo(demo),
        Command::Run { config } => serve::run(&config),
        Command::Check { config, diff: true, .. } => check::diff(&config),
        Command::Check { config, influx, create_bucket, diff: false } => {
            check::run(&config, check::Asked::of(influx, create_bucket))
        }
        Command::Config { command: ConfigCommand::Default } => say(config::DEFAULT_FILE.trim_end()),
        Command::Ledger { service } => say(&service.get("/api/v1/ledger")?),
        Command::DeadLetters { command, service } => match command {
            DeadLetters::List { limit, source, reason, since, next } => {
                let asked = [("source", source), ("reason", reason), ("since", since), ("next", next)];
                say(&service.get(&with(format!("/api/v1/dead-letters?limit={limit}"), asked))?)
            }
            DeadLetters::Show { id } => say(&service.get(&format!("/api/v1/dead-letters/{id}"))?),
            DeadLetters::Replay { id: Some(id), .. } => {
                say(&service.post(&format!("/api/v1/dead-letters/{id}/replay"))?)
            }
            DeadLetters::Replay { id: None, source, reason, since, .. } => {
                let asked = [("source", source), ("reason", reason), ("since", since)];
                say(&service.post(&with("/api/v1/dead-letters/replay?limit=100000".to_owned(), asked))?)
            }
        },
        Command::UnknownDevices { service } => say(&service.get("/api/v1/unknown-devices?limit=1000")?),
        Command::Export { export, service } => export.run(&service),
        Command::Import(import) => import.run(),
        Command::Index { index } => index.run(),
        Command::Journal { command } => command.run(),
        Command::User { command, place } => command.run(&place),
        Command::Token { command, place } => command.run(&place),
        Command::Device { command, place } => command.run(&place),
        Command::Rules { command } => command.run(),
        Command::Openapi => say(&crate::api::openapi().to_pretty_json()?),
    }
}

/// A path with the parameters that have a value.
fn with(mut path: String, asked: impl IntoIterator<Item = (&'static str, Option<String>)>) -> String {
    for (name, value) in asked {
        if let Some(value) = value {
            path.push_str(&format!("&{name}={}", ask::escape(&value)));
        }
    }
    path
}

/// Exit code of a wrong configuration or command line (`EX_USAGE` of sysexits.h).
const USAGE: u8 = 64;

/// The configuration when everything that it leads to is right; otherwise every mistake is told, and the exit code.
fn examined(path: &Path) -> Result<config::Examination, ExitCode> {
    let found = config::check(path);
    for warning in &found.warnings {
        eprintln!("warning: {warning}");
    }
    for mistake in &found.mistakes {
        eprintln!("{mistake}");
    }
    if found.mistakes.is_empty() { Ok(found) } else { Err(ExitCode::from(USAGE)) }
}

/// Prints to standard output; a reader that went away (`saola ledger | head`) is no failure.
#[expect(clippy::unnecessary_wraps, reason = "every command ends in a code or an error")]
fn say(text: &str) -> anyhow::Result<ExitCode> {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "{text}");
    Ok(ExitCode::SUCCESS)
}
