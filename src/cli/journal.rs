//! `saola journal`: the files as they are, read only; the service may be running.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use super::say;
use crate::journal;
use crate::model::{Body, Entry, Seq};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Read every record and report damage; exit code 1 when there is any
    Verify {
        /// The journal's folder
        #[arg(long, default_value = "data/journal")]
        dir: PathBuf,
    },
    /// Print entries, one a line
    Inspect {
        /// The journal's folder
        #[arg(long, default_value = "data/journal")]
        dir: PathBuf,
        /// The first entry's number
        #[arg(long, default_value_t = 1)]
        from: u64,
        /// At most so many
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
}

impl Command {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Command::Verify { dir } => {
                let report = journal::verify(&dir)?;
                say(&summary(&report))?;
                Ok(if report.damaged.count == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
            }
            Command::Inspect { dir, from, limit } => {
                for entry in journal::inspect(&dir, Seq(from), limit)? {
                    say(&line(&entry))?;
                }
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

fn summary(report: &journal::Report) -> String {
    let journal::Report { segments, records, first, last, torn, damaged } = report;
    let mut text = format!("{segments} segments, {records} entries, {first} to {last}");
    if let Some(torn) = torn {
        text.push_str(&format!("\nthe last group is not whole (being written, or cut at the next start): {torn:?}"));
    }
    for damage in &damaged.list {
        text.push_str(&format!("\ndamage: {damage}"));
    }
    text
}

fn line(entry: &Entry) -> String {
    let body = match &entry.body {
        Body::Message(message) => {
            let samples: Vec<String> = message
                .samples
                .iter()
                .map(|sample| format!("channel {} = {} at {}", sample.channel, sample.value, sample.observed_at))
                .collect();
            let refused: Vec<&str> = message.rejections.iter().map(|rejection| rejection.reason.word()).collect();
            let (source, duplicates) = (message.source, message.duplicates);
            format!(
                "message from source {source}: [{}], {duplicates} duplicates, refused {refused:?}",
                samples.join("; ")
            )
        }
        Body::Tick => "tick".to_owned(),
        Body::Canary { sent_at } => format!("canary sent at {sent_at}"),
        Body::Catalogue(catalogue) => {
            format!("catalogue of {} stations, {} channels", catalogue.stations().len(), catalogue.channels().len())
        }
        Body::Rules(files) => format!("{} rule files", files.len()),
        Body::Command(command) => {
            format!("command to {} by {}: {:?}", command.station, command.author, command.payload)
        }
    };
    format!("{} {} {body}", entry.seq, entry.received_at)
}
