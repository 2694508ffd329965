//! The reading loop: files, block by block, into a destination.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::blocks::{Blocks, FileError};
use super::lines::Position;
use super::note::{FileNote, Notes};
use super::plan::Plan;
use super::report::{FileReport, Report};
use crate::model::{ChannelId, Judged, Rows, Seq};

/// How often a note is written.
const NOTE_EVERY: Duration = Duration::from_millis(250);

/// When so many rows at the beginning of a file are all refused, the map is wrong, and each row more would only be
/// one dead letter more.
const HOPELESS_ROWS: u64 = 10_000;

/// Where rows go. Two of them: the service's own pipeline, and a dry run.
pub trait Destination {
    /// Takes all of a block, waiting for room where that is needed.
    fn take(&mut self, file: &str, rows: &Rows<'_>) -> Result<Judged, Stopped>;

    /// Up to where everything taken is durable.
    fn durable(&mut self) -> Result<Seq, Stopped>;

    /// Waits until everything up to `seq` is durable.
    fn wait_durable(&mut self, seq: Seq) -> Result<(), Stopped>;

    /// A channel's name.
    fn channel(&self, channel: ChannelId) -> String;
}

/// The destination takes nothing more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Stopped(pub String);

/// Why an import ended before its time.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The destination.
    #[error("{file}: nothing more is taken after line {line}; import again to go on from there")]
    Stopped {
        /// Where it was.
        file: PathBuf,
        /// The last line that was handed on.
        line: u64,
        /// Why.
        #[source]
        source: Stopped,
    },
    /// A note on progress cannot be written.
    #[error("{file}: cannot note how far the import has come")]
    Note {
        /// Of which file.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// What is asked of an import besides its plan.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where progress is noted; `None` notes nothing and begins every file at its beginning.
    pub notes: Option<Notes>,
    /// Where a file begins that has a note.
    pub begin: Begin,
}

/// Where a file begins of which an earlier import has noted how far it came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Begin {
    /// Where it had come to.
    #[default]
    AtNote,
    /// At its beginning.
    AtStart,
}

/// How far it is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// The file at hand.
    pub file: &'a Path,
    /// Rows read of it.
    pub rows: u64,
    /// Bytes read of it; of Parquet rows.
    pub offset: u64,
    /// Its size; 0 when the two cannot be compared.
    pub size_bytes: u64,
}

/// Reads every file into the destination. What is wrong with a file is in the report; an error ends the import.
pub fn import(
    files: &[PathBuf],
    plan: &Plan,
    options: &Options,
    destination: &mut impl Destination,
    mut tell: impl FnMut(Progress<'_>),
) -> Result<Report, ImportError> {
    let mut report = Report::default();
    for path in files {
        let begun = Instant::now();
        let mut file = FileReport::of(path);
        let (mut note, mut from) = (None, Position::default());
        if let Some(notes) = &options.notes
            && let Ok((found, position)) = notes.of(path)
        {
            note = Some(found);
            from = position.filter(|_| options.begin == Begin::AtNote).unwrap_or_default();
        }
        file.resumed_after_line = from.lines;
        let reading = Reading { path, plan, note: note.as_ref(), from };
        let outcome = reading.run(destination, &mut file, &mut tell)?;
        if let Err(error) = outcome {
            file.failed = Some(sentence(&error));
        }
        file.seconds = begun.elapsed().as_secs_f64();
        file.finish(|channel| destination.channel(channel));
        report.files.push(file);
    }
    Ok(report)
}

struct Reading<'r> {
    path: &'r Path,
    plan: &'r Plan,
    note: Option<&'r FileNote>,
    from: Position,
}

impl Reading<'_> {
    /// The outer error ends the import, the inner one this file.
    fn run(
        &self,
        destination: &mut impl Destination,
        report: &mut FileReport,
        tell: &mut impl FnMut(Progress<'_>),
    ) -> Result<Result<(), FileError>, ImportError> {
        let mut at = self.from;
        let mut blocks = match Blocks::open(self.path, self.plan, at) {
            Ok(blocks) => blocks,
            Err(error) => return Ok(Err(error)),
        };
        let size_bytes = self.size_bytes();
        let (mut last, mut waiting, mut noted_at) = (Seq::default(), VecDeque::new(), Instant::now());
        let name = report.file.clone();
        let outcome = loop {
            let next = blocks.next(|rows| {
                let judged = destination.take(&name, rows)?;
                last = last.max(judged.seq);
                report.count(rows, &judged);
                Ok::<(), Stopped>(())
            });
            let step = match next {
                Err(error) => break Err(error),
                Ok(Err(stopped)) => return Err(self.stopped(at, stopped)),
                Ok(Ok(step)) => step,
            };
            at = step.end;
            waiting.push_back((last, at));
            tell(Progress { file: self.path, rows: report.rows, offset: at.offset, size_bytes });
            if !step.has_more {
                break Ok(());
            }
            if report.fits_nothing(HOPELESS_ROWS) {
                break Err(FileError::NothingFits(report.rows));
            }
            if noted_at.elapsed() >= NOTE_EVERY {
                noted_at = Instant::now();
                let durable = destination.durable().map_err(|stopped| self.stopped(at, stopped))?;
                self.note(&mut waiting, durable)?;
            }
        };
        destination.wait_durable(last).map_err(|stopped| self.stopped(at, stopped))?;
        // A file that could not be read on keeps no note: it must be mended, and then it is another file.
        if let Some(note) = self.note {
            note.remove().map_err(|source| ImportError::Note { file: self.path.to_owned(), source })?;
        }
        Ok(outcome)
    }

    /// Notes the last block of which everything is durable.
    fn note(&self, waiting: &mut VecDeque<(Seq, Position)>, durable: Seq) -> Result<(), ImportError> {
        let mut position = None;
        while let Some((seq, end)) = waiting.front()
            && *seq <= durable
        {
            position = Some(*end);
            waiting.pop_front();
        }
        match (self.note, position) {
            (Some(note), Some(position)) => {
                note.write(position).map_err(|source| ImportError::Note { file: self.path.to_owned(), source })
            }
            _ => Ok(()),
        }
    }

    fn stopped(&self, at: Position, source: Stopped) -> ImportError {
        ImportError::Stopped { file: self.path.to_owned(), line: at.lines, source }
    }

    fn size_bytes(&self) -> u64 {
        let is_comparable =
            !matches!(self.plan, Plan::Parquet(_)) && self.path.extension().is_none_or(|ending| ending != "gz");
        let size = std::fs::metadata(self.path).map_or(0, |metadata| metadata.len());
        if is_comparable { size } else { 0 }
    }
}

/// An error with its causes.
fn sentence(error: &FileError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        text.push_str(&format!(": {source}"));
        cause = source.source();
    }
    text
}
