//! One file to the desk: row by row where the format has rows, whole where it has not.
//!
//! Each row is a message of its own (a table's with its header before it), so a dead letter is a row, and can be
//! replayed like any other. At most two batches of rows are on their way to the disk. Nothing is read behind the length
//! that the file had when it was found whole: what is appended meanwhile may be half a line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::{Duration, Instant};

use super::super::Stopped;
use super::super::lines::{Joined, LINE_BYTES_MAX, Line, Lines, Position};
use super::Desk;
use super::progress::{Progress, TOLD_MAX};
use super::scan::{self, Identity};
use crate::decode::source::config::Decoder;
use crate::model::{Arrival, Message, RawMessage, Seq, SourceId};

/// Most rows of one batch, and about the most bytes.
const BATCH_ROWS: usize = 256;
const BATCH_BYTES: usize = 256 * 1024;
/// Read ahead from a file.
const BUFFER_BYTES: usize = 64 * 1024;
/// How often it is noted how far a file was read.
const NOTE_EVERY: Duration = Duration::from_secs(1);
/// When so many rows at the beginning are all refused, the source's section does not fit the file.
const HOPELESS_ROWS: u64 = 1_000;

/// What became of a file.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) progress: Progress,
    /// The last entry of it in the journal.
    pub(super) seq: Seq,
    /// What kept the rest from being read; it is to be tried again.
    pub(super) fault: Option<io::Error>,
}

impl Outcome {
    /// Whether nothing was refused.
    pub(super) fn is_clean(&self) -> bool {
        self.progress.refused == 0 && self.progress.given_up.is_none()
    }
}

/// Why nothing of a file was read, or why nothing more is.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// The desk takes nothing more.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The file.
    #[error(transparent)]
    File(#[from] io::Error),
}

/// A file to be read.
pub(super) struct Reading<'r> {
    pub(super) path: &'r Path,
    /// The path below the watched folder.
    pub(super) topic: &'r str,
    pub(super) source: SourceId,
    pub(super) decoder: Decoder,
    pub(super) separator: u8,
    pub(super) payload_bytes_max: usize,
    pub(super) identity: Identity,
    /// From an earlier life.
    pub(super) progress: Progress,
}

impl Reading<'_> {
    /// Reads on from where it was left. `note` is told now and then how far everything is durable.
    pub(super) fn run(self, desk: &mut impl Desk, note: impl FnMut(&Progress)) -> Result<Outcome, ReadError> {
        if self.progress.is_whole || self.progress.given_up.is_some() {
            return Ok(Outcome { progress: self.progress, seq: Seq::default(), fault: None });
        }
        let mut file = scan::open(self.path)?;
        if Identity::of(&file.metadata()?) != self.identity {
            return Err(io::Error::other("it changes while it is read").into());
        }
        if !self.decoder.rows() || self.identity.bytes == 0 {
            return self.whole(&mut file, desk);
        }
        let mut header = Vec::new();
        let mut at = Position { offset: self.progress.offset, lines: self.progress.lines };
        if self.decoder == Decoder::Csv {
            let reader = BufReader::with_capacity(BUFFER_BYTES, file.try_clone()?.take(self.identity.bytes));
            let mut lines = Lines::new(Box::new(reader), Position::default(), self.joined());
            if let Some(line) = lines.next()? {
                at = if at.offset < line.end.offset { line.end } else { at };
                header = line.bytes;
                header.push(b'\n');
            }
        }
        file.seek(SeekFrom::Start(at.offset))?;
        let rest = file.take(self.identity.bytes.saturating_sub(at.offset));
        let reader = BufReader::with_capacity(BUFFER_BYTES, rest);
        Ok(self.rows(Box::new(reader), at, &header, desk, note)?)
    }

    fn joined(&self) -> Joined {
        match self.decoder {
            Decoder::Csv => Joined::Quotes(self.separator),
            Decoder::LineProtocol => Joined::Texts,
            _ => Joined::Never,
        }
    }

    fn whole(self, file: &mut File, desk: &mut impl Desk) -> Result<Outcome, ReadError> {
        let mut payload = Vec::new();
        // One byte more than is taken: then it is refused for its length.
        file.take(self.identity.bytes.min(self.payload_bytes_max as u64 + 1)).read_to_end(&mut payload)?;
        let mut progress = Progress { is_whole: true, ..self.progress.clone() };
        let seq = desk.take(&[self.message(&payload, desk)], &mut |message| count(&mut progress, None, message))?;
        Ok(Outcome { progress, seq, fault: None })
    }

    /// The rows behind `at`, where `reader` stands; of a table each with its header.
    pub(super) fn rows(
        self,
        reader: Box<dyn BufRead>,
        at: Position,
        header: &[u8],
        desk: &mut impl Desk,
        mut note: impl FnMut(&Progress),
    ) -> Result<Outcome, Stopped> {
        let mut lines = Lines::new(reader, at, self.joined());
        let mut progress = self.progress.clone();
        let (mut seq, mut durable_to, mut noted_at) = (Seq::default(), None::<(Seq, Progress)>, Instant::now());
        loop {
            let batch = batch(&mut lines, header, self.decoder);
            if let Some((before, reached)) = durable_to.take() {
                desk.wait_durable(before)?;
                if noted_at.elapsed() >= NOTE_EVERY {
                    note(&reached);
                    noted_at = Instant::now();
                }
            }
            if !batch.rows.is_empty() {
                let messages: Vec<RawMessage<'_>> =
                    batch.rows.iter().map(|(_, payload)| self.message(payload, desk)).collect();
                let mut numbers = batch.rows.iter().map(|(number, _)| *number);
                seq = desk.take(&messages, &mut |message| count(&mut progress, numbers.next(), message))?;
            }
            (progress.offset, progress.lines) = (batch.end.offset, batch.end.lines);
            if batch.fault.is_some() {
                return Ok(Outcome { progress, seq, fault: batch.fault });
            }
            if !batch.has_more {
                progress.is_whole = true;
                return Ok(Outcome { progress, seq, fault: None });
            }
            if progress.rows >= HOPELESS_ROWS && progress.taken + progress.duplicates == 0 {
                let why = format!(
                    "The first {} rows were all refused, so the rest was not read: mend the source's section, then put \
                     the file back.",
                    progress.rows
                );
                progress.given_up = Some(why);
                return Ok(Outcome { progress, seq, fault: None });
            }
            durable_to = Some((seq, progress.clone()));
        }
    }

    fn message<'m>(&'m self, payload: &'m [u8], desk: &impl Desk) -> RawMessage<'m> {
        // A file may have lain anywhere for any time.
        let (received_at, arrival) = (desk.now(), Arrival::Retained);
        RawMessage { source: self.source, topic: self.topic, payload, received_at, arrival }
    }
}

/// Rows read together.
struct Batch {
    /// With the numbers of their lines.
    rows: Vec<(u64, Vec<u8>)>,
    end: Position,
    has_more: bool,
    /// What came instead of the next row.
    fault: Option<io::Error>,
}

fn batch(lines: &mut Lines, header: &[u8], decoder: Decoder) -> Batch {
    let mut batch = Batch { rows: Vec::new(), end: lines.given(), has_more: true, fault: None };
    let mut bytes_count = 0;
    while batch.rows.len() < BATCH_ROWS && bytes_count < BATCH_BYTES {
        let line = match lines.next() {
            Ok(Some(line)) => line,
            Ok(None) => {
                batch.has_more = false;
                break;
            }
            Err(error) => {
                batch.fault = Some(error);
                break;
            }
        };
        batch.end = line.end;
        let is_comment = decoder == Decoder::LineProtocol && line.bytes.trim_ascii_start().first() == Some(&b'#');
        if line.bytes.trim_ascii().is_empty() || is_comment {
            continue;
        }
        bytes_count += line.bytes.len() + header.len();
        batch.rows.push((line.number, payload(line, header)));
    }
    batch
}

fn payload(line: Line, header: &[u8]) -> Vec<u8> {
    if line.is_cut {
        // What is left of it could be read as something else than what was written: it is refused for its length.
        let mut bytes = line.bytes;
        bytes.resize(LINE_BYTES_MAX + 1, b' ');
        return bytes;
    }
    if header.is_empty() { line.bytes } else { [header, &line.bytes].concat() }
}

fn count(progress: &mut Progress, line: Option<u64>, message: &Message) {
    progress.rows += 1;
    progress.taken += message.samples.len() as u64;
    progress.duplicates += u64::from(message.duplicates);
    progress.refused += message.rejections.len() as u64;
    for rejection in &message.rejections {
        if progress.told.len() < TOLD_MAX {
            let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
            progress.told.push(format!("{place}{}: {}", rejection.reason.word(), rejection.detail));
        }
    }
}
