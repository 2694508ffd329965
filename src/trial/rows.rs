//! Stored samples of many channels in the order of time, in bounded memory.
//!
//! The range is cut into windows of time that hold about [`WINDOW_SAMPLES`]. Of a window every channel is read, one
//! after the other, and the whole is put in order by time and then by channel: so what channels say at the same time
//! is heard together, and rules over several channels see what they would have seen. One window is read ahead on a
//! thread of its own while the one before it is judged.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use super::error::TrialError;
use crate::model::{Catalogue, ChannelId, Sample, TimeClass, Timestamp};
use crate::store::Store;

/// About so many samples are held for a window: 32 bytes each; three windows at a time.
const WINDOW_SAMPLES: f64 = 500_000.0;
/// A window that holds so many more is not read to its end.
const WINDOW_SAMPLES_MAX: usize = 4_000_000;
/// The shortest window.
const WINDOW_MIN: Duration = Duration::from_secs(60);

/// What is read.
pub(super) struct Rows<'s> {
    pub store: &'s Store,
    /// Stored channels, by their number in the trial.
    pub channels: Vec<ChannelId>,
    pub from: Timestamp,
    pub to: Timestamp,
    pub window: Duration,
}

/// How long a window is so that the channels of `catalogue` fill it.
pub(super) fn window(catalogue: &Catalogue, from: Timestamp, to: Timestamp) -> Duration {
    let per_second: f64 =
        catalogue.channels().iter().map(|channel| 1.0 / channel.interval.as_secs_f64().max(1e-3)).sum();
    let seconds = (WINDOW_SAMPLES / per_second.max(1e-9)).min(to.since(from).as_secs_f64() + 1.0);
    Duration::from_secs_f64(seconds).max(WINDOW_MIN)
}

impl Rows<'_> {
    /// Hands over window after window, the oldest first, each in order, with its end.
    pub(super) fn each(&self, stop: &AtomicBool, mut take: impl FnMut(&[Sample], Timestamp)) -> Result<(), TrialError> {
        std::thread::scope(|scope| {
            // Full: the reader waits for the judge. Dropped: the reader ends.
            let (sender, receiver) = mpsc::sync_channel(1);
            scope.spawn(move || {
                let mut at = self.from;
                while at < self.to && !stop.load(Ordering::Relaxed) {
                    let end = (at + self.window).min(self.to);
                    let read = self.read(at, end).map(|samples| (samples, end));
                    let failed = read.is_err();
                    if sender.send(read).is_err() || failed {
                        return;
                    }
                    at = end;
                }
            });
            for read in receiver {
                let (samples, end) = read?;
                take(&samples, end);
            }
            if stop.load(Ordering::Relaxed) { Err(TrialError::Stopped) } else { Ok(()) }
        })
    }

    fn read(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Sample>, TrialError> {
        let mut samples = Vec::new();
        for (stored, number) in self.channels.iter().zip(0u32..) {
            for sample in self.store.range(*stored, from, to) {
                let sample = sample?;
                if samples.len() == WINDOW_SAMPLES_MAX {
                    return Err(TrialError::TooDense { from, to });
                }
                samples.push(Sample {
                    channel: ChannelId(number),
                    observed_at: sample.observed_at,
                    value: sample.value,
                    quality: sample.quality,
                    time_class: TimeClass::Live,
                });
            }
        }
        samples.sort_unstable_by_key(|sample| (sample.observed_at, sample.channel));
        Ok(samples)
    }
}
