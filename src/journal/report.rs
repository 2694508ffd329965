//! What was found in the journal's files: at opening, and when somebody asks.

use std::fmt;

use crate::model::Seq;

/// Damage kept in full; beyond it only counted.
const DAMAGE_KEPT_MAX: usize = 1000;

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// File name.
    pub file: String,
    /// Where in it.
    pub offset: u64,
    /// What.
    pub what: Fault,
}

/// Kinds of damage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// One of the two copies of a segment's header cannot be read; the other one was used.
    HeaderCopy,
    /// Neither copy can be read; the file's name was used.
    Header,
    /// A file with a segment's name that says nothing of itself: left alone.
    NotASegment,
    /// The file's name belongs to another segment; the header was believed.
    Misnamed,
    /// Bytes that are no record, with readable records behind them.
    Hole {
        /// Unreadable bytes.
        bytes: u64,
        /// Entries that were in them.
        lost: u64,
    },
    /// Entries between two segments that no file holds.
    Missing {
        /// First missing.
        from: Seq,
        /// Last missing.
        through: Seq,
    },
    /// A second segment with the same numbers: left alone.
    Overlap,
    /// A record whose checksum holds and whose content is not understood.
    Undecodable {
        /// Its number.
        seq: Seq,
        /// Why.
        why: &'static str,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::HeaderCopy => f.write_str("one copy of the header is unreadable, the other was used"),
            Fault::Header => f.write_str("the header is unreadable, the file's name was used"),
            Fault::NotASegment => f.write_str("neither header nor name can be read; left alone"),
            Fault::Misnamed => f.write_str("the name belongs to another segment; the header was believed"),
            Fault::Hole { bytes, lost } => write!(f, "{bytes} unreadable bytes, {lost} entries lost"),
            Fault::Missing { from, through } => write!(f, "no file holds the entries {from} to {through}"),
            Fault::Overlap => f.write_str("another segment has the same numbers; left alone"),
            Fault::Undecodable { seq, why } => write!(f, "entry {seq} is not understood: {why}"),
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}: {}", self.file, self.offset, self.what)
    }
}

/// Damage found, in full up to a limit and counted beyond it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Damages {
    /// The first thousand.
    pub list: Vec<Damage>,
    /// All of them.
    pub count: u64,
    /// Entries known to be lost by them.
    pub lost: u64,
}

impl Damages {
    pub(super) fn note(&mut self, file: &str, offset: u64, what: Fault) {
        self.count += 1;
        self.lost = self.lost.saturating_add(match &what {
            Fault::Hole { lost, .. } => *lost,
            Fault::Missing { from, through } => (through.0 - from.0).saturating_add(1),
            Fault::Undecodable { .. } => 1,
            Fault::HeaderCopy | Fault::Header | Fault::NotASegment | Fault::Misnamed | Fault::Overlap => 0,
        });
        if self.list.len() < DAMAGE_KEPT_MAX {
            self.list.push(Damage { file: file.to_owned(), offset, what });
        }
    }

    pub(super) fn append(&mut self, other: Damages) {
        self.count += other.count;
        self.lost = self.lost.saturating_add(other.lost);
        let room = DAMAGE_KEPT_MAX.saturating_sub(self.list.len());
        self.list.extend(other.list.into_iter().take(room));
    }
}

/// The end of the last group: written in part when the machine or the process died, and acknowledged to nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// The last segment.
    pub file: String,
    /// Where the readable part ends.
    pub offset: u64,
    /// Bytes behind it that were written; 0 when the file ends there.
    pub bytes: u64,
    /// Name of the copy made before they were cut. `None` when there was nothing to copy, when there was no space for
    /// a copy (the bytes were left in place), or when the segment holds nothing else: then the whole file is renamed to
    /// `{file}.damaged` once there is another segment.
    pub copy: Option<String>,
}

/// What opening found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Segment files.
    pub segments: usize,
    /// Of these, old ones that were not read through, to start soon; readers check them as they go.
    pub unread: usize,
    /// Entries in the segments that were read through.
    pub entries: u64,
    /// First entry that is there; zero when there is none.
    pub oldest: Seq,
    /// Last entry that is there, or the last that ever was when the files say so.
    pub last: Seq,
    /// The torn tail that was cut.
    pub torn: Option<Torn>,
    /// Damage before the tail; what could be read behind it was kept.
    pub damaged: Damages,
}

/// What [`super::verify`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Segment files.
    pub segments: usize,
    /// Readable entries.
    pub records: u64,
    /// First of them; zero when there is none.
    pub first: Seq,
    /// Last of them; zero when there is none.
    pub last: Seq,
    /// A last group that is not whole: written by a process that died, or that is writing now.
    pub torn: Option<Torn>,
    /// Damage before the tail.
    pub damaged: Damages,
}
