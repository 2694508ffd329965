//! Reads a segment from end to end and judges what it finds: whole, damaged in the middle, or torn at the tail.
//!
//! Groups are written one after the other, each after the one before was synced. So what follows a hole is either of
//! the hole's own group, and then nobody was told that any of it is safe, or of a later group, and then that group's
//! mark says that the hole's group had been synced: the hole is damage, and what follows it is kept. A hole that
//! nothing proves to be damage ends the journal; a segment that has a successor is proven as a whole.

use std::io;

use super::disk::{DiskFile, read_full};
use super::frame::{FRAME_HEADER_BYTES, Found, Frames, MARK_FRAME_BYTES, Mark};
use super::segment::{HEADER_BYTES, Header, Origin};
use crate::model::Seq;

/// A segment read through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scan {
    /// What is kept of it.
    pub(super) kept: Kept,
    /// Damage inside of what is kept.
    pub(super) holes: Vec<Hole>,
    /// Where a group that was not finished begins to be unreadable, and where it ends.
    pub(super) tear: Option<(u64, u64)>,
}

/// The readable part of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// How many entries.
    pub(super) entries: u64,
    /// First of them.
    pub(super) first: Option<Seq>,
    /// Last of them.
    pub(super) last: Option<Seq>,
    /// The number of the entry that comes next: a mark may know of entries behind the last one that is readable.
    pub(super) next: Seq,
    /// Where the last frame kept ends.
    pub(super) end: u64,
    /// Where the last mark kept begins: nothing in the file proves that what follows it was synced.
    pub(super) unproven: u64,
    /// Whether that mark closes the segment: nothing follows it.
    pub(super) closed: bool,
    /// Whether that mark begins a group of which no entry is kept.
    bare: bool,
}

impl Kept {
    /// A mark whose group was lost says nothing that the next mark does not say.
    fn end_of_entries(&self) -> u64 {
        if self.bare { self.unproven } else { self.end }
    }
}

/// Unreadable bytes and the entries that were in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hole {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) lost: u64,
}

/// A hole that no later mark has proven to be damage yet.
struct Doubt {
    /// The entry that was to come there.
    missing: Seq,
    before: Kept,
    hole: Hole,
}

/// Reads the segment up to `bytes`. `next` is the first number of the segment behind it, `None` for the last one.
/// Calls `visit` with number, offset and body of each entry, also of those that turn out to be cut off.
pub(super) fn scan(
    file: &dyn DiskFile,
    header: &Header,
    bytes: u64,
    next: Option<Seq>,
    visit: &mut dyn FnMut(Seq, u64, &[u8]),
) -> io::Result<Scan> {
    let mut frames = Frames::new(header.salt, header.first, HEADER_BYTES, bytes);
    let mut judge = Judge::new(header.first, next);
    loop {
        match frames.next(file)? {
            Found::Entry { offset, seq, body } => {
                if next.is_some_and(|next| seq >= next) {
                    break;
                }
                visit(seq, offset, body);
                judge.entry(offset, seq, (FRAME_HEADER_BYTES + body.len()) as u64);
            }
            Found::Mark { offset, next: seq, mark } => {
                if next.is_some_and(|next| seq > next) {
                    break;
                }
                judge.mark(offset, seq, mark);
            }
            Found::Hole { from, to } => judge.gap = Some((from, to)),
            Found::End => break,
        }
    }
    match next {
        Some(next) => Ok(judge.end_before(next, bytes)),
        None => judge.end_of_journal(file, header.origin, bytes),
    }
}

struct Judge {
    kept: Kept,
    holes: Vec<Hole>,
    doubts: Vec<Doubt>,
    /// Whether another segment follows.
    proven: bool,
    /// Unreadable bytes just before the next frame.
    gap: Option<(u64, u64)>,
    /// Where the group that was begun last ends, and its entries that are still to come.
    group: (u64, u32),
}

impl Judge {
    fn new(first: Seq, next: Option<Seq>) -> Self {
        let kept = Kept {
            entries: 0,
            first: None,
            last: None,
            next: first,
            end: HEADER_BYTES,
            unproven: HEADER_BYTES,
            closed: false,
            bare: false,
        };
        Self {
            kept,
            holes: Vec::new(),
            doubts: Vec::new(),
            proven: next.is_some(),
            gap: None,
            group: (HEADER_BYTES, 0),
        }
    }

    fn entry(&mut self, offset: u64, seq: Seq, bytes: u64) {
        self.look_back(offset, seq);
        self.kept.next = Seq(seq.0.saturating_add(1));
        self.kept.entries += 1;
        self.kept.first = self.kept.first.or(Some(seq));
        self.kept.last = Some(seq);
        self.kept.closed = false;
        self.kept.bare = false;
        self.kept.end = offset + bytes;
        self.group.1 = self.group.1.saturating_sub(1);
    }

    fn mark(&mut self, offset: u64, seq: Seq, mark: Mark) {
        self.look_back(offset, seq);
        self.kept.next = seq;
        // Everything in doubt up to `durable` had been synced: it is damage.
        let proven = self.doubts.partition_point(|doubt| doubt.missing <= mark.durable);
        self.holes.extend(self.doubts.drain(..proven).map(|doubt| doubt.hole));
        self.kept.unproven = offset;
        self.kept.closed = mark.entries == 0;
        self.kept.bare = mark.entries > 0;
        self.kept.end = offset + MARK_FRAME_BYTES as u64;
        self.group = (offset + u64::from(mark.bytes), mark.entries);
    }

    /// What lies between the last frame and this one.
    fn look_back(&mut self, offset: u64, seq: Seq) {
        let gap = self.gap.take();
        let lost = seq.0.saturating_sub(self.kept.next.0);
        let (from, to) = gap.unwrap_or((offset, offset));
        let hole = Hole { from, to, lost };
        if lost == 0 && gap.is_none() {
            return;
        }
        if self.proven {
            self.holes.push(hole);
        } else {
            self.doubts.push(Doubt { missing: self.kept.next, before: self.kept, hole });
        }
    }

    fn end_before(mut self, next: Seq, bytes: u64) -> Scan {
        let lost = next.0.saturating_sub(self.kept.next.0);
        if lost > 0 {
            self.holes.push(Hole { from: self.kept.end, to: bytes.max(self.kept.end), lost });
        }
        Scan { kept: self.kept, holes: self.holes, tear: None }
    }

    fn end_of_journal(mut self, file: &dyn DiskFile, origin: Origin, bytes: u64) -> io::Result<Scan> {
        let (group_end, to_come) = self.group;
        let group_end = if to_come > 0 { group_end.min(bytes) } else { 0 };
        let readable = self.kept.end;
        let tear = if let Some(doubt) = self.doubts.into_iter().next() {
            self.kept = doubt.before;
            self.kept.end = self.kept.end_of_entries();
            Some((self.kept.end, readable.max(group_end)))
        } else {
            let written = match origin {
                Origin::New => last_nonzero(file, readable, bytes)?,
                Origin::Recycled => readable,
            };
            self.kept.end = self.kept.end_of_entries();
            let to = written.max(group_end).max(readable);
            (to_come > 0 || to > self.kept.end).then_some((self.kept.end, to))
        };
        self.holes.retain(|hole| hole.from < self.kept.end);
        self.holes.sort_by_key(|hole| hole.from);
        Ok(Scan { kept: self.kept, holes: self.holes, tear })
    }
}

/// The end of the last byte in `from..to` that is not zero; `from` when all are.
fn last_nonzero(file: &dyn DiskFile, from: u64, to: u64) -> io::Result<u64> {
    let mut chunk = vec![0; 64 << 10];
    let (mut at, mut last) = (from, from);
    while at < to {
        let room = usize::try_from(to - at).unwrap_or(usize::MAX).min(chunk.len());
        let read = read_full(file, &mut chunk[..room], at)?;
        if read == 0 {
            break;
        }
        if let Some(place) = chunk[..read].iter().rposition(|byte| *byte != 0) {
            last = at + place as u64 + 1;
        }
        at += read as u64;
    }
    Ok(last)
}
