//! Reads durable entries in order, for live followers and for recovery alike.
//!
//! Reads the files (the page cache, when it follows closely) and never the buffers of the write side. What cannot be
//! read is skipped and counted: numbers never go back and never repeat.

use std::sync::Arc;

use super::JournalError;
use super::body;
use super::frame::{Found, Frames};
use super::report::{Damages, Fault};
use super::segment::{HEADER_BYTES, Segment};
use super::shared::Shared;
use crate::model::{Entry, Seq};

/// A place in the journal that moves on as entries are read. Blocking: not for an async task.
pub struct Reader {
    shared: Arc<Shared>,
    /// Everything up to here was handed out or skipped.
    after: Seq,
    place: Option<Place>,
    damaged: Damages,
}

struct Place {
    segment: Arc<Segment>,
    frames: Frames,
    /// First number of the segment behind it, when there was one: what this one holds from there on was cut.
    bound: Option<Seq>,
    /// Unreadable bytes just before the next frame.
    gap: Option<(u64, u64)>,
}

/// Whether there is more in a segment.
enum Step {
    Stay,
    Leave,
    CaughtUp,
}

impl Reader {
    pub(super) fn new(shared: Arc<Shared>, after: Seq) -> Self {
        Self { shared, after, place: None, damaged: Damages::default() }
    }

    /// The number of the last entry handed out, or skipped because it cannot be read.
    pub fn after(&self) -> Seq {
        self.after
    }

    /// What could not be read so far.
    pub fn damaged(&self) -> &Damages {
        &self.damaged
    }

    /// The next durable entries: at most `max_entries`, and no more once their encodings have reached `max_bytes`.
    /// Empty when there is nothing after [`Reader::after`] yet: wait for the durable number to move.
    pub fn next_batch(&mut self, max_entries: usize, max_bytes: usize) -> Result<Vec<Entry>, JournalError> {
        let durable = self.shared.durable_now().through;
        let mut batch = Vec::new();
        let mut bytes = 0;
        while batch.len() < max_entries && bytes < max_bytes && self.after < durable {
            let Some(mut place) = self.place.take().or_else(|| self.begin()) else {
                // No file at all: what is durable has been passed by everybody, or is lost.
                let what = Fault::Missing { from: self.after.next(), through: durable };
                self.damaged.note("", 0, what);
                self.after = durable;
                break;
            };
            match self.step(&mut place, durable, &mut batch, &mut bytes) {
                Ok(Step::Stay) => self.place = Some(place),
                Ok(Step::Leave) => {}
                Ok(Step::CaughtUp) => {
                    self.place = Some(place);
                    break;
                }
                // What was read is handed out first: `after` is past it. The next call begins there and meets the
                // error itself.
                Err(_) if !batch.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(batch)
    }

    /// The segment with the first entry that is wanted.
    fn begin(&mut self) -> Option<Place> {
        let (segment, bound) = self.shared.segments.holding(self.after)?;
        let header = &segment.header;
        if self.after.next() < header.first {
            let what = Fault::Missing { from: self.after.next(), through: Seq(header.first.0 - 1) };
            self.note(&segment, 0, what);
            self.after = Seq(header.first.0 - 1);
        }
        let frames = Frames::new(header.salt, header.first, HEADER_BYTES, segment.end());
        Some(Place { segment, frames, bound, gap: None })
    }

    /// Reads one frame.
    fn step(
        &mut self,
        place: &mut Place,
        durable: Seq,
        batch: &mut Vec<Entry>,
        bytes: &mut usize,
    ) -> Result<Step, JournalError> {
        let Place { segment, frames, bound, gap } = place;
        frames.extend(segment.end());
        match frames.next(&*segment.file).map_err(|error| JournalError::io("read", &segment.name, error))? {
            Found::Entry { seq, .. } if bound.is_some_and(|bound| seq >= bound) => return Ok(self.end(place, durable)),
            Found::Entry { offset, seq, body } => {
                self.look_back(segment, offset, gap.take(), seq);
                if seq > self.after {
                    self.after = seq;
                    match body::decode(seq, body) {
                        Ok(entry) => {
                            // Only what is handed out counts: an empty batch means that there is no more.
                            *bytes += body.len();
                            batch.push(entry);
                        }
                        Err(why) => self.note(segment, offset, Fault::Undecodable { seq, why: why.0 }),
                    }
                }
            }
            Found::Mark { offset, next, .. } if bound.is_none_or(|bound| next <= bound) => {
                self.look_back(segment, offset, gap.take(), next);
            }
            Found::Hole { from, to } if self.is_there(segment) => *gap = Some((from, to)),
            Found::Mark { .. } | Found::Hole { .. } | Found::End => return Ok(self.end(place, durable)),
        }
        Ok(Step::Stay)
    }

    /// No (further) frame in this segment: on to the next one, or caught up.
    fn end(&mut self, place: &Place, durable: Seq) -> Step {
        let segment = &place.segment;
        let (next, there) = self.shared.segments.after(segment.header.first);
        if !there {
            // Reclaimed under a reader that is no follower; begin again with the oldest.
            return Step::Leave;
        }
        if segment.end() > place.frames.limit() {
            // It grew before the next one was begun.
            return Step::Stay;
        }
        // The segment's end was asked for after the durable number: what is durable and not here is nowhere.
        let last = next.map_or(durable, |next| Seq(next.0.saturating_sub(1)));
        let lost = last.0.saturating_sub(self.after.0);
        if lost > 0 {
            let bytes = segment.end().saturating_sub(place.frames.offset());
            self.note(segment, place.frames.offset(), Fault::Hole { bytes, lost });
            self.after = last;
        }
        if next.is_some() { Step::Leave } else { Step::CaughtUp }
    }

    /// Counts what is missing between the last entry and the one with this number, which begins at `offset`.
    fn look_back(&mut self, segment: &Segment, offset: u64, gap: Option<(u64, u64)>, seq: Seq) {
        let lost = seq.0.saturating_sub(self.after.next().0);
        if lost > 0 || gap.is_some() {
            let (from, to) = gap.unwrap_or((offset, offset));
            self.note(segment, from, Fault::Hole { bytes: to.saturating_sub(from), lost });
        }
        self.after = self.after.max(Seq(seq.0.saturating_sub(1)));
    }

    /// Whether the file is still this segment, not a recycled one.
    fn is_there(&self, segment: &Segment) -> bool {
        self.shared.segments.after(segment.header.first).1
    }

    fn note(&mut self, segment: &Segment, offset: u64, what: Fault) {
        let lost = self.damaged.lost;
        tracing::warn!("journal segment {} at byte {offset}: {what}", segment.name);
        self.damaged.note(&segment.name, offset, what);
        metrics::counter!("journal_lost_entries_total").increment(self.damaged.lost.saturating_sub(lost));
        segment.note_damage();
    }
}
