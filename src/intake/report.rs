//! What became of files that were brought in: for a person, and as JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use hashbrown::HashMap;
use serde::Serialize;

use crate::model::{ChannelId, Judged, Reason, Rejection, Rows, Timestamp};

/// How many of a reason's places are told.
const FIRST_MAX: usize = 5;
/// How many different names and units are told.
const NAMES_MAX: usize = 1_000;

/// Every file, in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Nothing was written.
    pub dry_run: bool,
    /// One for each file.
    pub files: Vec<FileReport>,
}

/// One file.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FileReport {
    /// As it was named.
    pub file: String,
    /// The line that an earlier import, which did not end, had come to; 0 when it began at the beginning.
    pub resumed_after_line: u64,
    /// Rows read, without header, comments and empty lines.
    pub rows: u64,
    /// Rows without any value.
    pub rows_without_value: u64,
    /// Readings in them: stored, duplicate and rejected together.
    pub readings: u64,
    /// Readings that are in the history now; in a dry run, those that would be, duplicates included.
    pub stored: u64,
    /// Readings that were there already, with the same time and value.
    pub duplicate: u64,
    /// Readings (or rows that could not be read) that were refused.
    pub rejected: u64,
    /// The same by reason.
    pub reasons: BTreeMap<&'static str, Refused>,
    /// Names and units that are not known, each with how often it came.
    pub unknown: BTreeMap<String, u64>,
    /// What was stored, by channel.
    pub channels: BTreeMap<String, ChannelReport>,
    /// Why the file, or the rest of it, was not read.
    pub failed: Option<String>,
    /// How long it took.
    pub seconds: f64,
    #[serde(skip)]
    by_channel: HashMap<ChannelId, ChannelReport>,
}

/// One reason.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Refused {
    /// How often.
    pub count: u64,
    /// The first ones: line and sentence.
    pub first: Vec<(u64, String)>,
}

/// What was stored of one channel.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChannelReport {
    /// Readings.
    pub stored: u64,
    /// The earliest time.
    #[serde(serialize_with = "as_text")]
    pub first: Timestamp,
    /// The latest.
    #[serde(serialize_with = "as_text")]
    pub last: Timestamp,
}

fn as_text<S: serde::Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

impl Report {
    /// Whether everything in every file was taken.
    pub fn is_clean(&self) -> bool {
        self.files.iter().all(|file| file.rejected == 0 && file.failed.is_none())
    }
}

impl FileReport {
    /// Nothing yet.
    pub(super) fn of(path: &Path) -> FileReport {
        FileReport { file: path.display().to_string(), ..FileReport::default() }
    }

    /// Counts a block.
    pub(super) fn count(&mut self, rows: &Rows<'_>, judged: &Judged) {
        self.rows += rows.rows.len() as u64;
        self.rows_without_value += rows.rows.iter().filter(|row| row.readings + row.rejections == 0).count() as u64;
        let (stored, refused) = (judged.samples.len() as u64, judged.refused.len() as u64);
        self.stored += stored;
        self.duplicate += judged.duplicates;
        self.rejected += refused;
        self.readings += stored + judged.duplicates + refused;
        for (line, Rejection { reason, detail }) in &judged.refused {
            let refused = self.reasons.entry(reason.word()).or_default();
            refused.count += 1;
            if refused.first.len() < FIRST_MAX {
                refused.first.push((*line, detail.clone()));
            }
            if matches!(reason, Reason::UnknownStation | Reason::UnknownProperty | Reason::WrongUnit | Reason::Retired)
            {
                let has_room = self.unknown.len() < NAMES_MAX;
                match self.unknown.get_mut(detail) {
                    Some(count) => *count += 1,
                    None if has_room => drop(self.unknown.insert(detail.clone(), 1)),
                    None => {}
                }
            }
        }
        for sample in &judged.samples {
            let at = sample.observed_at;
            let channel =
                self.by_channel.entry(sample.channel).or_insert(ChannelReport { stored: 0, first: at, last: at });
            channel.stored += 1;
            channel.first = channel.first.min(at);
            channel.last = channel.last.max(at);
        }
    }

    /// Whether nothing but refusals came of so many rows.
    pub(super) fn fits_nothing(&self, rows: u64) -> bool {
        self.rows >= rows && self.stored == 0 && self.duplicate == 0 && self.rejected >= rows
    }

    /// Gives channels their names.
    pub(super) fn finish(&mut self, name: impl Fn(ChannelId) -> String) {
        self.channels = self.by_channel.drain().map(|(channel, report)| (name(channel), report)).collect();
    }
}

/// For a person, every file in a few lines.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stored = if self.dry_run { "would be taken" } else { "stored" };
        for file in &self.files {
            writeln!(f, "{}", file.file)?;
            if file.resumed_after_line > 0 {
                writeln!(f, "  went on after line {}, where an earlier import had come to", file.resumed_after_line)?;
            }
            write!(f, "  {} rows, {} readings: {} {stored}", file.rows, file.readings, file.stored)?;
            writeln!(f, ", {} duplicate, {} rejected", file.duplicate, file.rejected)?;
            if file.rows_without_value > 0 {
                writeln!(f, "  {} rows hold no value", file.rows_without_value)?;
            }
            for (reason, refused) in &file.reasons {
                writeln!(f, "  rejected, {reason}: {}", refused.count)?;
                for (line, detail) in &refused.first {
                    writeln!(f, "    {}:{line}: {detail}", file.file)?;
                }
            }
            for (name, count) in &file.unknown {
                writeln!(f, "  {count} times: {name}")?;
            }
            for (channel, report) in &file.channels {
                writeln!(f, "  {channel}: {} {stored}, {} to {}", report.stored, report.first, report.last)?;
            }
            if let Some(failed) = &file.failed {
                writeln!(f, "  {}: {failed}", file.file)?;
            }
        }
        let sum = |of: fn(&FileReport) -> u64| self.files.iter().map(of).sum::<u64>();
        let totals =
            [sum(|file| file.readings), sum(|file| file.stored), sum(|file| file.duplicate), sum(|file| file.rejected)];
        let [readings, taken, duplicate, rejected] = totals;
        write!(f, "in all: {readings} readings, {taken} {stored}, {duplicate} duplicate, {rejected} rejected")
    }
}
