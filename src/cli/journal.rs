//! `saola journal`: the files as they are, read only; the service may be running.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use super::say;
use crate::journal;
use crate::model::{Body, Deaf, Entry, MaintenanceCommand, Seq, Window};

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
        Body::Policy(policy) => {
            format!("quality checks of {} properties and {} channels", policy.properties.len(), policy.channels.len())
        }
        Body::Devices(report) => {
            let said = report.facts.iter().map(|fact| format!("{:?} {:?}", fact.device, fact.said));
            format!("devices of source {}: {}", report.source, said.collect::<Vec<_>>().join("; "))
        }
        Body::Outage(outage) => {
            let of = match outage.of {
                Deaf::Everything => "nobody was heard".to_owned(),
                Deaf::Source(source) => format!("source {source} was not heard"),
            };
            match outage.to {
                Some(to) => format!("{of} from {} to {to}", outage.from),
                None => format!("{of} since {}", outage.from),
            }
        }
        Body::Maintenance(MaintenanceCommand::Plan(window)) => {
            let Window { station, from, to, reason, author } = window;
            format!("maintenance of station {station} from {from} to {to} by {author}: {reason}")
        }
        Body::Maintenance(MaintenanceCommand::Withdraw { window, author }) => {
            format!("maintenance {window} withdrawn by {author}")
        }
        Body::Corrections(corrections) => {
            let (count, author) = (corrections.samples.len(), &corrections.author);
            format!("{count} samples corrected by {author}: {}", corrections.reason)
        }
        Body::Grouping(files) => format!("a plan of incidents of {} files", files.len()),
        Body::Command(command) => {
            format!("command to {} by {}: {:?}", command.station, command.author, command.payload)
        }
        Body::Alert(command) => {
            format!("alert {} by {}: {:?}", command.alert, command.author, command.order)
        }
        Body::Escalation(plan) => format!("escalation by {} ladders", plan.ladders.len()),
        Body::DeliveryFailed(failed) => {
            format!("alert {} did not reach {} at step {}", failed.alert, failed.person, failed.step)
        }
    };
    format!("{} {} {body}", entry.seq, entry.received_at)
}
