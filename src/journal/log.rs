//! The write side: puts groups into the active segment, moves to a new one, reclaims those that everybody passed.
//!
//! Driven by one thread, takes no lock while it writes, knows no clock. What it never does: report a group as written
//! before its sync has returned, write again after a failed sync, write into a segment of an earlier run.

use std::io;
use std::sync::Arc;

use super::config::Config;
use super::disk::{Disk, DiskFile, is_no_space, write_all};
use super::frame::MARK_FRAME_BYTES;
use super::group::{Group, closing_mark};
use super::recover::{Leftover, Recovered};
use super::segment::{HEADER_BYTES, Header, Origin, Segment, Segments, spare_name};
use crate::model::Seq;

/// Files kept to become segments without being written from scratch.
const SPARES_MAX: usize = 2;
/// A new file grows by so much at a time, so that most commits do not change its length.
const GROWTH_BYTES_MAX: u64 = 4 << 20;

/// Why a group is not on disk.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommitError {
    /// Every segment that may be had is in use; offer the group again when the followers have passed on.
    #[error("the journal has reached its cap")]
    Full,
    /// The disk is full; offer the group again later.
    #[error("there is no space for the journal")]
    NoSpace(#[source] io::Error),
    /// Something that must not fail did. Nothing more may be written.
    #[error("cannot {operation} {file}")]
    Failed {
        operation: &'static str,
        file: String,
        #[source]
        source: io::Error,
    },
}

impl CommitError {
    fn failed(operation: &'static str, file: &str) -> impl FnOnce(io::Error) -> CommitError {
        move |source| CommitError::Failed { operation, file: file.to_owned(), source }
    }

    /// For what may be tried again when the reason is want of space.
    fn or_no_space(operation: &'static str, file: &str) -> impl FnOnce(io::Error) -> CommitError {
        move |source| {
            if is_no_space(&source) {
                CommitError::NoSpace(source)
            } else {
                CommitError::failed(operation, file)(source)
            }
        }
    }
}

/// The segment that is written to.
struct Active {
    segment: Arc<Segment>,
    /// Where the next group goes.
    at: u64,
}

/// The write side.
pub(super) struct Log {
    disk: Arc<dyn Disk>,
    segment_bytes: u64,
    cap_bytes: u64,
    segments: Arc<Segments>,
    active: Option<Active>,
    spares: Vec<String>,
    superseded: Vec<Leftover>,
    durable: Seq,
}

impl Log {
    /// Begins behind what was recovered; the first group gets a new segment.
    pub(super) fn new(disk: Arc<dyn Disk>, config: &Config, recovered: Recovered) -> (Log, Arc<Segments>) {
        let segments = Arc::new(recovered.segments);
        let mut log = Log {
            disk,
            segment_bytes: config.segment_bytes,
            cap_bytes: config.cap_bytes,
            segments: Arc::clone(&segments),
            active: None,
            spares: recovered.spares,
            superseded: recovered.superseded,
            durable: recovered.last,
        };
        while log.spares.len() > SPARES_MAX {
            if let Some(name) = log.spares.pop() {
                // A file that cannot be removed costs its space and nothing else.
                let _ = log.disk.remove(&name);
            }
        }
        (log, segments)
    }

    /// Writes and syncs a group. Its numbers follow those of the last group, or leave a gap in front of a new segment.
    pub(super) fn commit(&mut self, group: &mut Group) -> Result<(), CommitError> {
        let bytes = group.len() as u64;
        let active = match self.active.take() {
            Some(active) if active.at + bytes <= self.segment_bytes || active.at == HEADER_BYTES => active,
            full => {
                self.active = full;
                self.rotate(group.first(), bytes)?
            }
        };
        let Active { segment, at } = self.active.insert(active);
        let header = &segment.header;
        let sealed = group.seal(header.salt, header.first, self.durable);
        write_all(&*segment.file, sealed, *at).map_err(CommitError::or_no_space("write", &segment.name))?;
        let end = *at + bytes;
        grow(segment, end, self.segment_bytes);
        segment.file.sync().map_err(CommitError::failed("sync", &segment.name))?;
        segment.set_end(end);
        *at = end;
        self.durable = group.last();
        Ok(())
    }

    /// A new segment that begins with `first` and has room for `bytes`.
    fn rotate(&mut self, first: Seq, bytes: u64) -> Result<Active, CommitError> {
        let (spare, file, origin) = self.take_spare(bytes)?;
        let header = Header { first, salt: self.disk.random(), origin };
        let name = header.name();
        let prepared = self.prepare(&*file, &header, &spare, &name);
        if let Err(error) = prepared {
            self.spares.push(spare);
            return Err(error);
        }
        self.disk.sync().map_err(CommitError::failed("sync the directory of", &name))?;
        let length = file.len().unwrap_or(HEADER_BYTES);
        let segment = Arc::new(Segment::new(name, header, file, HEADER_BYTES, length));
        self.segments.push(Arc::clone(&segment));
        // The next sync of the directory makes this durable; it comes before the new segment can be reclaimed.
        for leftover in std::mem::take(&mut self.superseded) {
            leftover.remove(&*self.disk);
        }
        Ok(Active { segment, at: HEADER_BYTES })
    }

    fn prepare(&self, file: &dyn DiskFile, header: &Header, spare: &str, name: &str) -> Result<(), CommitError> {
        write_all(file, &header.page(), 0).map_err(CommitError::or_no_space("write", spare))?;
        file.sync().map_err(CommitError::failed("sync", spare))?;
        self.disk.rename(spare, name).map_err(CommitError::or_no_space("rename", spare))
    }

    fn take_spare(&mut self, bytes: u64) -> Result<(String, Box<dyn DiskFile>, Origin), CommitError> {
        // With one segment there is nothing that a follower could pass to make room.
        let wanted = self.segment_bytes.max(HEADER_BYTES + bytes);
        if self.segments.count() > 1 && self.segments.bytes() + wanted > self.cap_bytes {
            return Err(CommitError::Full);
        }
        while let Some(spare) = self.spares.pop() {
            match self.disk.open(&spare) {
                Ok(file) => return Ok((spare, file, Origin::Recycled)),
                // It is only a spare.
                Err(error) => tracing::warn!("spare file {spare} cannot be opened: {error}"),
            }
        }
        let spare = spare_name(self.disk.random());
        let file = self.disk.create(&spare).map_err(CommitError::or_no_space("create", &spare))?;
        Ok((spare, file, Origin::New))
    }

    /// Recycles, removes or (when damaged) sets aside the segments whose every entry is at or before `passed`.
    pub(super) fn reclaim(&mut self, passed: Seq) -> Result<(), CommitError> {
        while let Some(segment) = self.segments.passed(passed) {
            self.segments.remove_oldest();
            let name = &segment.name;
            let reclaimed = if segment.is_damaged() {
                self.disk.rename(name, &format!("{name}.damaged"))
            } else if self.spares.len() < SPARES_MAX && self.is_worth_keeping(segment.bytes()) {
                let spare = spare_name(self.disk.random());
                let renamed = self.disk.rename(name, &spare);
                if renamed.is_ok() {
                    self.spares.push(spare);
                }
                renamed
            } else {
                self.disk.remove(name)
            };
            if let Err(error) = reclaimed {
                // It is found again at the next start, and passed again.
                tracing::warn!("journal segment {name} cannot be reclaimed: {error}");
            }
            // In this order on disk too: a file must not get a new header while its old name may come back, and an
            // older segment must not come back without the newer ones.
            self.disk.sync().map_err(CommitError::failed("sync the directory of", name))?;
        }
        Ok(())
    }

    /// Neither cut short at a start nor grown for one large group.
    fn is_worth_keeping(&self, bytes: u64) -> bool {
        (self.segment_bytes / 2..=self.segment_bytes).contains(&bytes)
    }

    /// Marks the end: says to the next start that everything is durable. Only after the last commit.
    pub(super) fn close(&mut self) -> Result<(), CommitError> {
        let Some(Active { segment, at }) = self.active.take() else { return Ok(()) };
        let mark = closing_mark(segment.header.salt, segment.header.first, self.durable);
        write_all(&*segment.file, &mark, at).map_err(CommitError::or_no_space("write", &segment.name))?;
        segment.file.sync().map_err(CommitError::failed("sync", &segment.name))?;
        segment.set_end(at + MARK_FRAME_BYTES as u64);
        Ok(())
    }

    /// The last entry that is on disk.
    pub(super) fn durable(&self) -> Seq {
        self.durable
    }
}

/// Writes zeros behind `end` when the file ends there, so that the next commits find their blocks allocated and the
/// length unchanged. Whatever goes wrong is found by the sync, or by the write that needs the space.
fn grow(segment: &Segment, end: u64, segment_bytes: u64) {
    if end <= segment.bytes() {
        return;
    }
    let growth = (segment_bytes / 16).clamp(HEADER_BYTES, GROWTH_BYTES_MAX);
    let target = (end + growth).next_multiple_of(HEADER_BYTES).min(segment_bytes).max(end);
    let zeros = vec![0; usize::try_from(target - end).unwrap_or(0)];
    let grown = write_all(&*segment.file, &zeros, end);
    segment.set_bytes(if grown.is_ok() { target } else { end });
}
