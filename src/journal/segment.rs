//! One segment file: its header, its name, and the list of those that are there.
//!
//! The header stands twice, in different sectors, and the name repeats what is needed to read the records: losing
//! one of the three loses nothing.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::RwLock;

use super::disk::{DiskFile, read_full};
use crate::model::Seq;

/// Format written here, and the newest that is read.
pub const VERSION: u32 = 1;
/// Where the first frame begins.
pub const HEADER_BYTES: u64 = 4096;
const MAGIC: &[u8; 8] = b"SAOLAJNL";
const COPY_BYTES: usize = 64;
const COPIES_AT: [usize; 2] = [0, 2048];
/// No journal lives to count so far; what claims to is damage, and arithmetic below it cannot overflow.
const FIRST_MAX: u64 = 1 << 62;
const SUFFIX: &str = ".seg";
const SPARE_PREFIX: &str = "spare-";

/// What the bytes after the last frame of a segment are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A new file: zeros.
    New,
    /// An earlier life's.
    Recycled,
}

/// A segment's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Its first entry's number.
    pub(super) first: Seq,
    /// Where its checksums begin.
    pub(super) salt: u32,
    /// What its unwritten part holds.
    pub(super) origin: Origin,
}

/// How a header was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// Both copies are right.
    Whole(Header),
    /// One copy is right.
    OneCopy(Header),
    /// No copy is right; the name says this.
    NameOnly(Header),
    /// A later version's.
    Future(u32),
    /// No copy is right and the name says nothing.
    Unreadable,
}

impl Header {
    /// The file's name: first number and salt.
    pub(super) fn name(&self) -> String {
        format!("{:020}-{:08x}{SUFFIX}", self.first, self.salt)
    }

    /// What a file's name says; its origin is taken for the worse.
    pub(super) fn from_name(name: &str) -> Option<Header> {
        let (first, salt) = name.strip_suffix(SUFFIX)?.split_once('-')?;
        if first.len() != 20 || salt.len() != 8 {
            return None;
        }
        let salt = u32::from_str_radix(salt, 16).ok()?;
        let first = first.parse().ok().filter(|first| *first <= FIRST_MAX)?;
        Some(Header { first: Seq(first), salt, origin: Origin::Recycled })
    }

    /// The first bytes of the file.
    pub(super) fn page(&self) -> Vec<u8> {
        let mut copy = [0; COPY_BYTES];
        copy[..8].copy_from_slice(MAGIC);
        copy[8..12].copy_from_slice(&VERSION.to_le_bytes());
        copy[12..16].copy_from_slice(&self.salt.to_le_bytes());
        copy[16..24].copy_from_slice(&self.first.0.to_le_bytes());
        copy[24] = u8::from(self.origin == Origin::Recycled);
        let check = crc32fast::hash(&copy[..60]);
        copy[60..].copy_from_slice(&check.to_le_bytes());
        let mut page = vec![0; HEADER_BYTES as usize];
        for at in COPIES_AT {
            page[at..at + COPY_BYTES].copy_from_slice(&copy);
        }
        page
    }

    /// Reads the header of a file, with its name as the last resort.
    pub(super) fn read(name: &str, file: &dyn DiskFile) -> io::Result<Reading> {
        let mut page = vec![0; HEADER_BYTES as usize];
        let read = read_full(file, &mut page, 0)?;
        page.truncate(read);
        let named = Self::from_name(name);
        let mut right: Option<Header> = None;
        let mut count = 0;
        for at in COPIES_AT {
            match page.get(at..at + COPY_BYTES).map(parse_copy) {
                Some(Copy::Right(header)) => {
                    count += 1;
                    right = right.or(Some(header));
                }
                Some(Copy::Future(version)) => return Ok(Reading::Future(version)),
                Some(Copy::Wrong) | None => {}
            }
        }
        Ok(match (right, count, named) {
            (Some(header), 2, _) => Reading::Whole(header),
            (Some(header), _, _) => Reading::OneCopy(header),
            (None, _, Some(header)) => Reading::NameOnly(header),
            (None, _, None) => Reading::Unreadable,
        })
    }
}

enum Copy {
    Right(Header),
    Future(u32),
    Wrong,
}

/// Magic, version and checksum stand where they stand in every version, so that a later one is recognised.
fn parse_copy(copy: &[u8]) -> Copy {
    let word = |at: usize| copy.get(at..).and_then(|rest| rest.first_chunk()).copied().map(u32::from_le_bytes);
    let (Some(version), Some(salt), Some(check)) = (word(8), word(12), word(60)) else { return Copy::Wrong };
    if !copy.starts_with(MAGIC) || copy.get(..60).map(crc32fast::hash) != Some(check) {
        return Copy::Wrong;
    }
    if version > VERSION {
        return Copy::Future(version);
    }
    let first = copy.get(16..).and_then(|rest| rest.first_chunk()).copied().map(u64::from_le_bytes);
    let Some(first) = first.filter(|first| *first <= FIRST_MAX) else { return Copy::Wrong };
    let origin = if copy.get(24) == Some(&0) { Origin::New } else { Origin::Recycled };
    Copy::Right(Header { first: Seq(first), salt, origin })
}

/// Whether a file of this name is a segment, whatever its header says.
pub(super) fn is_segment_name(name: &str) -> bool {
    name.ends_with(SUFFIX)
}

/// Whether a file of this name waits to become a segment.
pub(super) fn is_spare_name(name: &str) -> bool {
    name.starts_with(SPARE_PREFIX)
}

/// The name of a file that waits to become a segment.
pub(super) fn spare_name(random: u32) -> String {
    format!("{SPARE_PREFIX}{random:08x}")
}

/// A segment that can be read.
pub(super) struct Segment {
    pub(super) name: String,
    pub(super) header: Header,
    pub(super) file: Box<dyn DiskFile>,
    /// No durable frame ends beyond this offset.
    end: AtomicU64,
    /// Length of the file.
    bytes: AtomicU64,
    damaged: AtomicBool,
}

impl Segment {
    pub(super) fn new(name: String, header: Header, file: Box<dyn DiskFile>, end: u64, bytes: u64) -> Self {
        let (end, bytes, damaged) = (AtomicU64::new(end), AtomicU64::new(bytes), AtomicBool::new(false));
        Self { name, header, file, end, bytes, damaged }
    }

    pub(super) fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    pub(super) fn set_end(&self, end: u64) {
        self.end.store(end, Ordering::Release);
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(super) fn set_bytes(&self, bytes: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    /// Something in it could not be read: it is set aside, not recycled, when everybody has passed it.
    pub(super) fn note_damage(&self) {
        self.damaged.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }
}

/// The segments in order of their numbers. Written by the committing thread only.
#[derive(Default)]
pub(super) struct Segments {
    list: RwLock<Vec<Arc<Segment>>>,
}

impl Segments {
    pub(super) fn new(list: Vec<Arc<Segment>>) -> Self {
        Self { list: RwLock::new(list) }
    }

    /// The oldest segment that may hold entries after `seq`, and the first number of the one behind it.
    pub(super) fn holding(&self, seq: Seq) -> Option<(Arc<Segment>, Option<Seq>)> {
        let list = self.list.read();
        let behind = list.partition_point(|segment| segment.header.first <= seq.next());
        let place = behind.saturating_sub(1);
        let segment = Arc::clone(list.get(place)?);
        Some((segment, list.get(place + 1).map(|next| next.header.first)))
    }

    /// First number of the segment after the one that begins with `first`; and whether that one is still there.
    pub(super) fn after(&self, first: Seq) -> (Option<Seq>, bool) {
        let list = self.list.read();
        let place = list.partition_point(|segment| segment.header.first <= first);
        let next = list.get(place).map(|next| next.header.first);
        let there = place.checked_sub(1).and_then(|at| list.get(at)).is_some_and(|found| found.header.first == first);
        (next, there)
    }

    /// The oldest segment, when every entry in it is at or before `passed` and another one follows.
    pub(super) fn passed(&self, passed: Seq) -> Option<Arc<Segment>> {
        let list = self.list.read();
        let (oldest, next) = (list.first()?, list.get(1)?);
        (next.header.first <= passed.next()).then(|| Arc::clone(oldest))
    }

    pub(super) fn push(&self, segment: Arc<Segment>) {
        self.list.write().push(segment);
    }

    pub(super) fn remove_oldest(&self) {
        self.list.write().remove(0);
    }

    pub(super) fn oldest(&self) -> Option<Seq> {
        self.list.read().first().map(|segment| segment.header.first)
    }

    pub(super) fn count(&self) -> usize {
        self.list.read().len()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.list.read().iter().map(|segment| segment.bytes()).sum()
    }
}
