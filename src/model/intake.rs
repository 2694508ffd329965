//! The seam between the ways in and the pipeline: messages go in, a journal number comes out, and a sender may be
//! answered once the journal's durable number has reached it.

use std::future::Future;

use tokio::sync::watch;

use super::{RawMessage, Seq};

/// How far the journal is on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Durable {
    /// Every entry up to and including this one is on disk.
    pub through: Seq,
    /// A write failed: nothing more will become durable until a restart. Senders must not be answered.
    pub failed: bool,
}

/// Why a batch was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The journal's buffer is full: await [`Intake::room`] and offer the same batch again.
    #[error("the journal's buffer is full")]
    Full,
    /// The journal does not write any more: close the connection without an answer.
    #[error("the journal has stopped")]
    Stopped,
}

/// Takes messages in. Two implementations: the pipeline, and the benchmark's that only counts.
pub trait Intake: Send + Sync + 'static {
    /// Takes the whole batch, in order, or nothing. Returns the number of its last entry: when
    /// [`Intake::durable`] has reached it, every message of the batch is on disk. Does not wait.
    fn accept(&self, batch: &[RawMessage<'_>]) -> Result<Seq, Refusal>;

    /// How far the journal is on disk, and its changes.
    fn durable(&self) -> watch::Receiver<Durable>;

    /// Returns when there may be room again (or the journal has stopped).
    fn room(&self) -> impl Future<Output = ()> + Send;
}
