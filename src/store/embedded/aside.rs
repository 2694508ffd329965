//! Taking entries, and writing a head on a thread of its own while the next one fills.

use std::panic;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::model::Entry;
use crate::store::StoreError;

use super::head::{Emptied, Head};
use super::{Embedded, Settling};

/// The writing of a head beside the filling of the next.
#[derive(Default)]
pub(super) struct Aside {
    under_way: Option<JoinHandle<Result<Option<Emptied>, StoreError>>>,
    /// The memory of the head written last.
    pub(super) spare: Option<Emptied>,
}

impl Aside {
    /// Waits until nothing is being written.
    fn wait(&mut self) -> Result<(), StoreError> {
        if let Some(thread) = self.under_way.take() {
            self.spare = thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic))?;
        }
        Ok(())
    }
}

impl Embedded {
    /// Takes durable entries, in the order of the journal; those already taken are ignored. When a flush is due it is
    /// begun, and with a small head also done; an error of one begun earlier comes from a later call.
    /// After an error the same entries may be offered again, or the store opened anew.
    pub fn apply(&self, entries: &[Entry]) -> Result<(), StoreError> {
        let mut aside = self.aside.lock();
        if aside.under_way.as_ref().is_some_and(JoinHandle::is_finished) {
            aside.wait()?;
        }
        self.check()?;
        let mut rest = entries;
        while !rest.is_empty() {
            let (taken, due) = self.take(rest);
            rest = &rest[taken..];
            if due {
                self.begin_flush(&mut aside)?;
            }
        }
        let unwritten: usize = self.heads.read().unwritten().map(Head::samples).sum();
        metrics::gauge!("store_unwritten_samples").set(unwritten as f64);
        Ok(())
    }

    /// Writes what is in memory, if anything is: before a planned stop.
    pub fn flush(&self) -> Result<(), StoreError> {
        let mut aside = self.aside.lock();
        aside.wait()?;
        self.check()?;
        if self.heads.write().freeze(aside.spare.take()) {
            aside.spare = self.write()?;
        }
        Ok(())
    }

    /// Writes the active head, a large one on a thread of its own.
    fn begin_flush(&self, aside: &mut Aside) -> Result<(), StoreError> {
        aside.wait()?;
        let is_large = {
            let mut heads = self.heads.write();
            let samples = heads.active.samples();
            heads.freeze(aside.spare.take()) && samples >= self.limits.aside
        };
        if is_large {
            let parts = Arc::clone(&self.parts);
            if let Ok(thread) = thread::Builder::new().name("store-flush".to_owned()).spawn(move || parts.write()) {
                aside.under_way = Some(thread);
                return Ok(());
            }
        }
        aside.spare = self.write()?;
        Ok(())
    }

    /// Makes days that have rested small, up to about so many samples, and deletes what is too old, when nothing else
    /// is to be done: one thoroughly coded run for each day, beside its tallies. Takes about 0.3 ms for each thousand
    /// samples, in which the store takes no entries; readers do not wait.
    pub fn settle(&self, samples: usize) -> Result<Settling, StoreError> {
        let mut aside = self.aside.lock();
        aside.wait()?;
        self.check()?;
        let settling = self.settle_by(&mut self.writer.lock(), samples);
        settling.inspect_err(|error| self.heads.write().stopped |= matches!(error, StoreError::Settle { .. }))
    }
}

impl Drop for Embedded {
    /// The directory is free when this returns.
    fn drop(&mut self) {
        if let Err(error) = self.aside.get_mut().wait() {
            tracing::error!(%error, "the last flush failed");
        }
    }
}
