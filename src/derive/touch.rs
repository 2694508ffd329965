//! Which inputs changed: noted by the store's follower when the store has them, taken by whoever computes.
//!
//! Bounded by the number of input channels: for each one stretch of times that came in time and one of those that came
//! late. A channel that is no input costs a look at a table.

use hashbrown::HashMap;
use parking_lot::Mutex;

use super::past::Stretch;
use crate::model::{Body, ChannelId, Entry, Quality, Sample, Seq, TimeClass, Timestamp};

/// What changed since it was taken last.
#[derive(Debug, Default)]
pub struct Touches {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    is_input: Vec<bool>,
    /// Derived channels that go on from their own values: only what persons made of these is noted.
    is_chained: Vec<bool>,
    touched: Touched,
}

/// Stretches of changed inputs.
#[derive(Clone, Debug, Default)]
pub struct Touched {
    /// Those that came in time.
    pub live: HashMap<ChannelId, Stretch>,
    /// Late, corrected and imported ones.
    pub late: HashMap<ChannelId, Stretch>,
    /// The last entry looked at.
    pub through: Seq,
}

impl Touched {
    fn put(stretches: &mut HashMap<ChannelId, Stretch>, channel: ChannelId, at: Timestamp) {
        let here = Stretch { from: at, to: at };
        stretches.entry(channel).and_modify(|known| *known = known.with(here)).or_insert(here);
    }
}

impl Touches {
    /// From here on these channels are inputs, and those go on from their own values.
    pub fn watch(&self, inputs: impl IntoIterator<Item = ChannelId>, chained: impl IntoIterator<Item = ChannelId>) {
        let mut inner = self.inner.lock();
        inner.is_input = table(inputs);
        inner.is_chained = table(chained);
    }

    /// Looks at entries that are in the store.
    pub fn note(&self, entries: &[Entry]) {
        let mut inner = self.inner.lock();
        let Inner { is_input, is_chained, touched } = &mut *inner;
        if let Some(last) = entries.last() {
            touched.through = last.seq;
        }
        if is_input.is_empty() {
            return;
        }
        let is_in = |table: &[bool], sample: &Sample| table.get(sample.channel.index()).copied().unwrap_or(false);
        let is_input = |sample: &&Sample| is_in(is_input, sample);
        let is_judged = |sample: &Sample| sample.quality.has(Quality::EDITED) && is_in(is_chained, sample);
        for entry in entries {
            match &entry.body {
                Body::Message(message) => {
                    for sample in message.samples.iter().filter(is_input) {
                        let stretches = match sample.time_class {
                            TimeClass::Live => &mut touched.live,
                            TimeClass::Late | TimeClass::Backfill | TimeClass::Imported => &mut touched.late,
                        };
                        Touched::put(stretches, sample.channel, sample.observed_at);
                    }
                }
                Body::Corrections(corrections) => {
                    for sample in corrections.samples.iter().filter(|sample| is_input(sample) || is_judged(sample)) {
                        Touched::put(&mut touched.late, sample.channel, sample.observed_at);
                    }
                }
                _ => {}
            }
        }
    }

    /// Takes what changed; the next begins anew.
    pub fn take(&self) -> Touched {
        let mut inner = self.inner.lock();
        let through = inner.touched.through;
        std::mem::replace(&mut inner.touched, Touched { through, ..Touched::default() })
    }
}

/// Looked up by the channel's number.
fn table(channels: impl IntoIterator<Item = ChannelId>) -> Vec<bool> {
    let mut table = Vec::new();
    for channel in channels {
        if table.len() <= channel.index() {
            table.resize(channel.index() + 1, false);
        }
        table[channel.index()] = true;
    }
    table
}
