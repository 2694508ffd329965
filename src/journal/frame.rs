//! Frames, the unit of checksums: an entry or a mark. Written here, found again here, past damage too.
//!
//! A frame's header has a checksum of its own, so a length is believed only when it is right; both checksums begin
//! with the segment's salt, so a frame left over from an earlier life of a recycled file is never believed
//! (CRC-32 of the same bytes from two different beginnings always differs).

use std::io;

use super::body::{KIND_MARK, PREFIX_BYTES};
use super::disk::{DiskFile, read_full};
use crate::model::Seq;

/// Length, number, header checksum, body checksum.
pub(super) const FRAME_HEADER_BYTES: usize = 16;
/// A mark's frame: header, kind, durable through, bytes and entries of its group.
pub(super) const MARK_FRAME_BYTES: usize = FRAME_HEADER_BYTES + MARK_BYTES;
const MARK_BYTES: usize = 1 + 8 + 4 + 4;
/// Largest body: a catalogue of a hundred thousand stations fits several times.
pub(super) const BODY_BYTES_MAX: usize = 64 << 20;
/// Bytes asked of the disk at once.
const CHUNK_BYTES: usize = 256 << 10;

const _: () = assert!(PREFIX_BYTES <= MARK_BYTES);

/// What begins a group: everything up to `durable` had been synced before the group was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// Durable through.
    pub(super) durable: Seq,
    /// Bytes of the group with this mark.
    pub(super) bytes: u32,
    /// Entries of the group.
    pub(super) entries: u32,
}

impl Mark {
    /// Writes the body into its place; `frame` is the whole mark frame.
    pub(super) fn put(self, frame: &mut [u8; MARK_FRAME_BYTES]) {
        frame[..4].copy_from_slice(&(MARK_BYTES as u32).to_le_bytes());
        frame[16] = KIND_MARK;
        frame[17..25].copy_from_slice(&self.durable.0.to_le_bytes());
        frame[25..29].copy_from_slice(&self.bytes.to_le_bytes());
        frame[29..33].copy_from_slice(&self.entries.to_le_bytes());
    }

    fn parse(body: &[u8]) -> Option<Mark> {
        let body: &[u8; MARK_BYTES] = body.try_into().ok()?;
        Some(Mark {
            durable: Seq(u64::from_le_bytes(*body[1..].first_chunk()?)),
            bytes: u32::from_le_bytes(*body[9..].first_chunk()?),
            entries: u32::from_le_bytes(*body[13..].first_chunk()?),
        })
    }
}

/// Fills in a frame's number and checksums; its length stands in the header already.
pub(super) fn seal(salt: u32, number: u32, header: &mut [u8; FRAME_HEADER_BYTES], body: &[u8]) {
    header[4..8].copy_from_slice(&number.to_le_bytes());
    let check = header_check(salt, header);
    header[8..12].copy_from_slice(&check.to_le_bytes());
    header[12..16].copy_from_slice(&checksum(check, body).to_le_bytes());
}

fn header_check(salt: u32, header: &[u8; FRAME_HEADER_BYTES]) -> u32 {
    checksum(salt, &header[..8])
}

fn checksum(initial: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(initial);
    hasher.update(bytes);
    hasher.finalize()
}

fn word(header: &[u8; FRAME_HEADER_BYTES], index: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&header[index * 4..index * 4 + 4]);
    u32::from_le_bytes(word)
}

/// What the next bytes of a segment are.
#[derive(Debug)]
pub(super) enum Found<'a> {
    /// An entry; its body is not decoded yet.
    Entry { offset: u64, seq: Seq, body: &'a [u8] },
    /// The beginning of a group.
    Mark { offset: u64, next: Seq, mark: Mark },
    /// Bytes that are nothing; a frame follows at `to`.
    Hole { from: u64, to: u64 },
    /// No frame from here to the limit.
    End,
}

/// Goes through a segment's frames in order. Numbers never go back.
pub(super) struct Frames {
    salt: u32,
    first: Seq,
    /// Number of the next entry, counted from the segment's first.
    expected: u32,
    limit: u64,
    /// Where `buffer[start]` stands in the file.
    offset: u64,
    buffer: Vec<u8>,
    start: usize,
}

impl Frames {
    /// From `offset` to `limit` of the segment that begins with `first`.
    pub(super) fn new(salt: u32, first: Seq, offset: u64, limit: u64) -> Self {
        Self { salt, first, expected: 0, limit, offset, buffer: Vec::new(), start: 0 }
    }

    /// Where the next frame begins.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Where reading ends for now.
    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    /// Allows reading further: the segment has grown.
    pub(super) fn extend(&mut self, limit: u64) {
        self.limit = self.limit.max(limit);
    }

    /// The next frame, hole or end.
    pub(super) fn next(&mut self, file: &dyn DiskFile) -> io::Result<Found<'_>> {
        if let Some((number, bytes)) = self.frame_here(file)? {
            return Ok(self.take(number, bytes));
        }
        let from = self.offset;
        if self.find(file)? { Ok(Found::Hole { from, to: self.offset }) } else { Ok(Found::End) }
    }

    /// Number and body bytes of the frame that begins here, when it is whole and right.
    fn frame_here(&mut self, file: &dyn DiskFile) -> io::Result<Option<(u32, usize)>> {
        if !self.ensure(file, FRAME_HEADER_BYTES)? {
            return Ok(None);
        }
        let Some((number, bytes)) = self.header_at(self.start) else { return Ok(None) };
        if !self.ensure(file, FRAME_HEADER_BYTES + bytes)? {
            return Ok(None);
        }
        let Some((header, rest)) = self.buffer[self.start..].split_first_chunk() else { return Ok(None) };
        let right = rest.get(..bytes).is_some_and(|body| checksum(word(header, 2), body) == word(header, 3));
        Ok(right.then_some((number, bytes)))
    }

    /// Number and body bytes of a header that can stand here and whose own checksum holds.
    #[inline]
    fn header_at(&self, start: usize) -> Option<(u32, usize)> {
        let header = self.buffer.get(start..)?.first_chunk()?;
        let (bytes, number) = (word(header, 0) as usize, word(header, 1));
        let offset = self.offset + (start - self.start) as u64;
        let room = self.limit.saturating_sub(offset);
        let plausible = (PREFIX_BYTES..=BODY_BYTES_MAX).contains(&bytes)
            && number >= self.expected
            && u64::from(number - self.expected) <= self.limit / FRAME_HEADER_BYTES as u64
            && bytes as u64 + FRAME_HEADER_BYTES as u64 <= room;
        (plausible && header_check(self.salt, header) == word(header, 2)).then_some((number, bytes))
    }

    fn take(&mut self, number: u32, bytes: usize) -> Found<'_> {
        let offset = self.offset;
        let body_start = self.start + FRAME_HEADER_BYTES;
        self.start = body_start + bytes;
        self.offset += (FRAME_HEADER_BYTES + bytes) as u64;
        let seq = Seq(self.first.0.saturating_add(u64::from(number)));
        let body = &self.buffer[body_start..self.start];
        match Mark::parse(body).filter(|_| body.first() == Some(&KIND_MARK)) {
            Some(mark) => {
                self.expected = number;
                Found::Mark { offset, next: seq, mark }
            }
            None => {
                self.expected = number.saturating_add(1);
                Found::Entry { offset, seq, body }
            }
        }
    }

    /// Moves to the next frame that is whole and right; stays when there is none.
    fn find(&mut self, file: &dyn DiskFile) -> io::Result<bool> {
        let from = self.offset;
        // A right header is believed about its length even when its body is wrong.
        let mut step = self.header_at(self.start).map_or(1, |(_, bytes)| FRAME_HEADER_BYTES + bytes);
        loop {
            self.offset += step as u64;
            self.start += step;
            if self.start > self.buffer.len() {
                self.buffer.clear();
                self.start = 0;
            }
            if !self.ensure(file, FRAME_HEADER_BYTES)? {
                break;
            }
            // Over everything in memory that cannot be a header.
            let last = self.buffer.len() - FRAME_HEADER_BYTES;
            let skipped = (self.start..=last).take_while(|at| self.header_at(*at).is_none()).count();
            self.start += skipped;
            self.offset += skipped as u64;
            if self.start > last {
                step = 0;
                continue;
            }
            if self.frame_here(file)?.is_some() {
                return Ok(true);
            }
            step = self.header_at(self.start).map_or(1, |(_, bytes)| FRAME_HEADER_BYTES + bytes);
        }
        self.offset = from;
        self.start = 0;
        self.buffer.clear();
        Ok(false)
    }

    /// Has `bytes` bytes from here in memory; false when the limit or the file ends before.
    fn ensure(&mut self, file: &dyn DiskFile, bytes: usize) -> io::Result<bool> {
        let held = self.buffer.len() - self.start;
        if held >= bytes {
            return Ok(true);
        }
        if self.offset + bytes as u64 > self.limit {
            return Ok(false);
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        let room = usize::try_from(self.limit - self.offset).unwrap_or(usize::MAX);
        let wanted = bytes.max(CHUNK_BYTES).min(room);
        self.buffer.resize(wanted, 0);
        let read = read_full(file, &mut self.buffer[held..], self.offset + held as u64)?;
        self.buffer.truncate(held + read);
        Ok(self.buffer.len() >= bytes)
    }
}
