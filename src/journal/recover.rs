//! Opening: looks at every segment before touching any, cuts the torn tail, leaves all other damage where it is.
//!
//! A cut file is never written again: entries go on in a new segment with a salt of its own, so nothing of a group
//! that was half written can come back. What is kept is declared durable, so it is synced first; the last group is
//! also written once more, because after a failed sync the kernel may believe that pages are on disk that are not.

use std::io;
use std::sync::Arc;

use super::JournalError;
use super::disk::{Disk, DiskFile, is_no_space, read_full, write_all};
use super::frame::MARK_FRAME_BYTES;
use super::group::closing_mark;
use super::report::{Damages, Fault, Recovery, Torn};
use super::scan::{Scan, scan};
use super::segment::{self, HEADER_BYTES, Header, Reading, Segment, Segments};
use crate::model::Seq;

/// Newest bytes that are read through at opening, so that starting stays quick behind a long backlog; what is older
/// is checked by whoever reads it.
const READ_BYTES_MAX: u64 = 1 << 30;

/// A segment file as it was found.
pub(super) struct Found {
    pub(super) name: String,
    pub(super) header: Header,
    pub(super) file: Box<dyn DiskFile>,
    pub(super) bytes: u64,
}

/// The files, in the order of their first numbers.
pub(super) struct Survey {
    pub(super) found: Vec<Found>,
    pub(super) spares: Vec<String>,
    pub(super) damaged: Damages,
}

/// Whether files will be changed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Write,
    Look,
}

/// A segment file without an entry.
pub(super) enum Leftover {
    /// Nothing was written to it.
    Empty(String),
    /// A group was begun, and not copied aside: the whole file is set aside.
    Torn(String),
}

impl Leftover {
    /// Removes it, or sets it aside. What cannot be done now is found again at the next start.
    pub(super) fn remove(self, disk: &dyn Disk) {
        let (name, removed) = match self {
            Leftover::Empty(name) => {
                let removed = disk.remove(&name);
                (name, removed)
            }
            Leftover::Torn(name) => {
                let renamed = disk.rename(&name, &format!("{name}.damaged"));
                (name, renamed)
            }
        };
        if let Err(error) = removed {
            tracing::warn!("journal segment {name} has no entries and cannot be removed: {error}");
        }
    }
}

/// What the write side begins with.
pub(super) struct Recovered {
    pub(super) segments: Segments,
    /// Files without entries, to go once a new segment is there: until then they may be all that tells the numbers.
    pub(super) superseded: Vec<Leftover>,
    pub(super) spares: Vec<String>,
    /// The last number ever given out, as far as the files say.
    pub(super) last: Seq,
    pub(super) recovery: Recovery,
}

/// Reads names and headers; changes nothing.
pub(super) fn survey(disk: &dyn Disk, purpose: Purpose) -> Result<Survey, JournalError> {
    let names = disk.list().map_err(|error| JournalError::io("list", "the journal's directory", error))?;
    let mut survey = Survey { found: Vec::new(), spares: Vec::new(), damaged: Damages::default() };
    for name in names {
        if segment::is_spare_name(&name) {
            survey.spares.push(name);
        } else if segment::is_segment_name(&name) {
            look_at(disk, name, purpose, &mut survey)?;
        }
    }
    survey.found.sort_by(|a, b| (a.header.first, &a.name).cmp(&(b.header.first, &b.name)));
    survey.spares.sort();
    Ok(survey)
}

fn look_at(disk: &dyn Disk, name: String, purpose: Purpose, survey: &mut Survey) -> Result<(), JournalError> {
    let opened = match purpose {
        Purpose::Write => disk.open(&name),
        Purpose::Look => disk.open_to_read(&name),
    };
    let file = match opened {
        // Gone since the directory was listed: the service passed it on.
        Err(error) if purpose == Purpose::Look && error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened.map_err(|error| JournalError::io("open", &name, error))?,
    };
    let bytes = file.len().map_err(|error| JournalError::io("measure", &name, error))?;
    let reading = Header::read(&name, &*file).map_err(|error| JournalError::io("read", &name, error))?;
    let header = match reading {
        Reading::Whole(header) => header,
        Reading::OneCopy(header) => {
            survey.damaged.note(&name, 0, Fault::HeaderCopy);
            header
        }
        Reading::NameOnly(header) => {
            survey.damaged.note(&name, 0, Fault::Header);
            header
        }
        Reading::Future(version) => {
            return Err(JournalError::FutureVersion { file: name, version, known: segment::VERSION });
        }
        Reading::Unreadable => {
            survey.damaged.note(&name, 0, Fault::NotASegment);
            return Ok(());
        }
    };
    if header.name() != name {
        survey.damaged.note(&name, 0, Fault::Misnamed);
    }
    survey.found.push(Found { name, header, file, bytes });
    Ok(())
}

/// Leaves one segment for each first number, the one that holds most. Of the others, those without entries are
/// returned (a start, a full disk and a crash leave such files), and those with entries reported.
pub(super) fn without_twins(
    found: Vec<Found>,
    damaged: &mut Damages,
) -> Result<(Vec<Found>, Vec<Leftover>), JournalError> {
    let mut kept: Vec<Found> = Vec::with_capacity(found.len());
    let mut empty = Vec::new();
    for mut candidate in found {
        if let Some(twin) = kept.last_mut().filter(|twin| twin.header.first == candidate.header.first) {
            let (older, newer) = (examine(twin, None)?, examine(&candidate, None)?);
            let mut loser = newer;
            if loser.kept.next >= older.kept.next {
                loser = older;
                std::mem::swap(twin, &mut candidate);
            }
            if loser.kept.next == candidate.header.first {
                empty.push(leftover(candidate.name, &loser));
            } else {
                damaged.note(&candidate.name, 0, Fault::Overlap);
            }
        } else {
            kept.push(candidate);
        }
    }
    Ok((kept, empty))
}

/// Opens what is there.
pub(super) fn recover(disk: &dyn Disk) -> Result<Recovered, JournalError> {
    let Survey { found, spares, mut damaged } = survey(disk, Purpose::Write)?;
    let segments = found.len();
    let (found, empty) = without_twins(found, &mut damaged)?;
    for leftover in empty {
        // At once: it must not outlive the segment that has its numbers.
        leftover.remove(disk);
    }
    let recovery = Recovery { segments, damaged, ..Recovery::default() };
    let mut opening = Opening { disk, kept: Vec::new(), superseded: Vec::new(), last: Seq(0), recovery };
    let firsts: Vec<Seq> = found.iter().map(|found| found.header.first).collect();
    let mut behind: u64 = found.iter().map(|found| found.bytes).sum();
    for (place, found) in found.into_iter().enumerate() {
        let bytes = found.bytes;
        match firsts.get(place + 1) {
            Some(next) if behind > READ_BYTES_MAX => opening.take_unread(found, *next),
            Some(next) => opening.take(found, *next)?,
            None => opening.take_last(found)?,
        }
        behind -= bytes;
    }
    disk.sync().map_err(|error| JournalError::io("sync", "the journal's directory", error))?;
    let Opening { kept, superseded, last, mut recovery, .. } = opening;
    recovery.oldest = kept.first().map(|segment| segment.header.first).unwrap_or_default();
    recovery.last = last;
    Ok(Recovered { segments: Segments::new(kept), superseded, spares, last, recovery })
}

/// What has been taken over so far, oldest first.
struct Opening<'a> {
    disk: &'a dyn Disk,
    kept: Vec<Arc<Segment>>,
    superseded: Vec<Leftover>,
    last: Seq,
    recovery: Recovery,
}

impl Opening<'_> {
    fn look_for_missing(&mut self, found: &Found) {
        let first = found.header.first;
        if !self.kept.is_empty() && self.last.next() < first {
            let what = Fault::Missing { from: self.last.next(), through: Seq(first.0 - 1) };
            self.recovery.damaged.note(&found.name, 0, what);
        }
    }

    fn take_unread(&mut self, found: Found, next: Seq) {
        self.look_for_missing(&found);
        self.recovery.unread += 1;
        self.last = Seq(next.0.saturating_sub(1));
        let bytes = found.bytes;
        self.kept.push(into_segment(found, bytes));
    }

    fn take(&mut self, found: Found, next: Seq) -> Result<(), JournalError> {
        self.look_for_missing(&found);
        let judged = examine(&found, Some(next))?;
        note_holes(&found.name, &judged, &mut self.recovery.damaged);
        self.recovery.entries += judged.kept.entries;
        self.last = Seq(next.0.saturating_sub(1));
        let segment = into_segment(found, judged.kept.end);
        if !judged.holes.is_empty() {
            segment.note_damage();
        }
        self.kept.push(segment);
        Ok(())
    }

    fn take_last(&mut self, found: Found) -> Result<(), JournalError> {
        self.look_for_missing(&found);
        let judged = examine(&found, None)?;
        note_holes(&found.name, &judged, &mut self.recovery.damaged);
        self.recovery.entries += judged.kept.entries;
        self.last = Seq(judged.kept.next.0.saturating_sub(1));
        if judged.kept.next > found.header.first {
            let readable = settle(self.disk, &found, &judged, &mut self.recovery)?;
            let segment = into_segment(found, readable);
            if !judged.holes.is_empty() {
                segment.note_damage();
            }
            self.kept.push(segment);
        } else {
            if let Some((from, to)) = judged.tear {
                self.recovery.torn =
                    Some(Torn { file: found.name.clone(), offset: from, bytes: to - from, copy: None });
            }
            self.superseded.push(leftover(found.name, &judged));
        }
        Ok(())
    }
}

fn leftover(name: String, scan: &Scan) -> Leftover {
    if scan.tear.is_some_and(|(from, to)| to > from) { Leftover::Torn(name) } else { Leftover::Empty(name) }
}

fn into_segment(found: Found, end: u64) -> Arc<Segment> {
    let bytes = found.file.len().unwrap_or(found.bytes);
    Arc::new(Segment::new(found.name, found.header, found.file, end, bytes))
}

fn examine(found: &Found, next: Option<Seq>) -> Result<Scan, JournalError> {
    scan(&*found.file, &found.header, found.bytes, next, &mut |_, _, _| {})
        .map_err(|error| JournalError::io("read", &found.name, error))
}

/// Reports the holes of one segment.
pub(super) fn note_holes(name: &str, scan: &Scan, damaged: &mut Damages) {
    for hole in &scan.holes {
        let what = Fault::Hole { bytes: hole.to.saturating_sub(hole.from), lost: hole.lost };
        damaged.note(name, hole.from, what);
    }
}

/// Makes the last segment's readable part durable and cuts what is behind it, after copying it aside. Returns where
/// the readable part ends. Without space for the copy nothing is cut: the next segment's first number does the same.
fn settle(disk: &dyn Disk, found: &Found, scan: &Scan, recovery: &mut Recovery) -> Result<u64, JournalError> {
    let failed = |operation| move |error| JournalError::io(operation, &found.name, error);
    let end = scan.kept.end;
    let mut cut = true;
    if let Some((from, to)) = scan.tear {
        let copy = match copy_aside(disk, found, from, to) {
            Err(error) if is_no_space(&error) => {
                cut = false;
                None
            }
            copy => copy.map_err(failed("copy aside the torn end of"))?,
        };
        recovery.torn = Some(Torn { file: found.name.clone(), offset: from, bytes: to - from, copy });
    }
    rewrite(found, scan.kept.unproven, end).map_err(failed("write again the last group of"))?;
    if cut {
        found.file.set_len(end).map_err(failed("cut"))?;
    }
    found.file.sync().map_err(failed("sync"))?;
    let mut readable = end;
    if cut && !scan.kept.closed {
        // Says that everything before it is durable: so not before the sync. It need not be durable itself: without
        // it the next start does all this again.
        let last = Seq(scan.kept.next.0.saturating_sub(1));
        let mark = closing_mark(found.header.salt, found.header.first, last);
        match write_all(&*found.file, &mark, end) {
            Ok(()) => readable = end + MARK_FRAME_BYTES as u64,
            Err(error) if is_no_space(&error) => {}
            Err(error) => return Err(failed("mark the end of")(error)),
        }
    }
    Ok(readable)
}

/// Makes the pages of the last group dirty again, so that the sync that follows really writes them.
fn rewrite(found: &Found, from: u64, to: u64) -> io::Result<()> {
    let Ok(bytes) = usize::try_from(to.saturating_sub(from)) else { return Ok(()) };
    let mut group = vec![0; bytes];
    let read = read_full(&*found.file, &mut group, from)?;
    group.truncate(read);
    match write_all(&*found.file, &group, from) {
        // In place: needs no space, except where every write is a copy; the sync tells what is on disk.
        Err(error) if is_no_space(&error) => Ok(()),
        written => written,
    }
}

/// Copies `from..to` of a file into a new one beside it, durably. A copy that was made before is not made again.
fn copy_aside(disk: &dyn Disk, found: &Found, from: u64, to: u64) -> io::Result<Option<String>> {
    let mut bytes = vec![0; usize::try_from(to - from).unwrap_or(0)];
    let read = read_full(&*found.file, &mut bytes, from)?;
    bytes.truncate(read);
    if bytes.is_empty() {
        return Ok(None);
    }
    let check = crc32fast::hash(&bytes);
    let name = format!("{}.{from}-{check:08x}.damaged", found.name);
    let copy = match disk.create(&name) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => disk.open(&name),
        created => created,
    }?;
    let written = write_all(&*copy, &bytes, 0).and_then(|()| copy.sync());
    if let Err(error) = written {
        // A half copy says nothing that the original does not say.
        disk.remove(&name)?;
        return Err(error);
    }
    disk.sync()?;
    Ok(Some(name))
}

const _: () = assert!(HEADER_BYTES > MARK_FRAME_BYTES as u64);
