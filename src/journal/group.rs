//! Entries that are written together: a mark, then each entry's frame, in one buffer that is written as it is.
//!
//! Encoding happens when an entry is appended, under the lock; numbers and checksums depend on the segment and are
//! filled in by the committing thread, outside it.

use super::AppendError;
use super::body;
use super::frame::{self, BODY_BYTES_MAX, FRAME_HEADER_BYTES, MARK_FRAME_BYTES, Mark};
use crate::model::{Body, Seq, Timestamp};

/// A group; empty until the first push.
#[derive(Default)]
pub(super) struct Group {
    bytes: Vec<u8>,
    first: Seq,
    entries: u32,
}

impl Group {
    /// Appends an entry; on an error the group is as before. Numbers must follow each other.
    pub(super) fn push(&mut self, seq: Seq, received_at: Timestamp, entry: &Body) -> Result<(), AppendError> {
        if self.entries == 0 {
            self.bytes.clear();
            self.bytes.resize(MARK_FRAME_BYTES, 0);
            self.first = seq;
        }
        debug_assert_eq!(seq.0, self.first.0 + u64::from(self.entries));
        let start = self.bytes.len();
        self.bytes.resize(start + FRAME_HEADER_BYTES, 0);
        let encoded = body::encode(received_at, entry, &mut self.bytes).map_err(AppendError::Unencodable);
        let bytes = self.bytes.len().saturating_sub(start + FRAME_HEADER_BYTES);
        if let Err(error) = encoded.and(check_size(bytes)) {
            self.bytes.truncate(start);
            return Err(error);
        }
        self.bytes[start..start + 4].copy_from_slice(&(bytes as u32).to_le_bytes());
        self.entries += 1;
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Bytes so far.
    pub(super) fn len(&self) -> usize {
        if self.is_empty() { 0 } else { self.bytes.len() }
    }

    pub(super) fn entries(&self) -> u32 {
        self.entries
    }

    pub(super) fn first(&self) -> Seq {
        self.first
    }

    /// Number of the last entry; the one before the first when there is none.
    pub(super) fn last(&self) -> Seq {
        Seq((self.first.0 + u64::from(self.entries)).saturating_sub(1))
    }

    /// Empties it and keeps at most `keep` bytes of memory.
    pub(super) fn clear(&mut self, keep: usize) {
        self.bytes.clear();
        self.bytes.shrink_to(keep);
        self.entries = 0;
    }

    /// Fills in numbers and checksums for the segment with this salt and first number, and returns the bytes.
    /// May be called again for another segment.
    pub(super) fn seal(&mut self, salt: u32, segment_first: Seq, durable: Seq) -> &[u8] {
        let total = self.bytes.len() as u32;
        let base = self.first.0.saturating_sub(segment_first.0) as u32;
        let mark = Mark { durable, bytes: total, entries: self.entries };
        let Some((mark_frame, mut rest)) = self.bytes.split_first_chunk_mut::<MARK_FRAME_BYTES>() else { return &[] };
        seal_mark(mark, salt, base, mark_frame);
        let mut count = 0;
        while let Some((header, behind)) = rest.split_first_chunk_mut::<FRAME_HEADER_BYTES>() {
            let bytes = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
            let Some((body, behind)) = behind.split_at_mut_checked(bytes) else { break };
            frame::seal(salt, base + count, header, body);
            count += 1;
            rest = behind;
        }
        assert_eq!(count, self.entries, "every entry of the group has its frame");
        &self.bytes
    }
}

/// A mark alone: says that everything before it is durable, and that nothing follows yet.
pub(super) fn closing_mark(salt: u32, segment_first: Seq, durable: Seq) -> [u8; MARK_FRAME_BYTES] {
    let mut frame = [0; MARK_FRAME_BYTES];
    let mark = Mark { durable, bytes: MARK_FRAME_BYTES as u32, entries: 0 };
    seal_mark(mark, salt, (durable.0 + 1).saturating_sub(segment_first.0) as u32, &mut frame);
    frame
}

fn seal_mark(mark: Mark, salt: u32, number: u32, frame: &mut [u8; MARK_FRAME_BYTES]) {
    mark.put(frame);
    if let Some((header, body)) = frame.split_first_chunk_mut::<FRAME_HEADER_BYTES>() {
        frame::seal(salt, number, header, body);
    }
}

fn check_size(bytes: usize) -> Result<(), AppendError> {
    if bytes > BODY_BYTES_MAX { Err(AppendError::TooLarge { bytes, limit: BODY_BYTES_MAX }) } else { Ok(()) }
}
