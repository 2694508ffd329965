//! How far the store is: written in the same atomic batch as the samples it speaks of, so it can never run ahead of
//! them, and its counters are exact after any crash.

use std::collections::BTreeMap;

use fjall::Readable;
use serde::{Deserialize, Serialize};

use crate::model::{Seq, SourceId};

use super::letters::DeadLetterTotals;
use super::tables::Tables;
use super::{StoreError, sealed};

const KEY: &[u8] = b"bookmark";

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Bookmark {
    /// Every entry up to and including this one is written.
    pub(super) through: Seq,
    /// Greater than the number of any run written so far.
    pub(super) next_run: u32,
    /// Samples taken, by source.
    pub(super) stored: BTreeMap<SourceId, u64>,
    /// Samples refused after they were journaled, by source.
    pub(super) refused: BTreeMap<SourceId, u64>,
    pub(super) letters: DeadLetterTotals,
    /// No dead letter before this one is kept: saves passing over what was dropped.
    pub(super) letters_from: Seq,
}

impl Bookmark {
    /// The bookmark on disk; that of an empty store when there is none.
    pub(super) fn read(tables: &Tables) -> Result<Self, StoreError> {
        let found = tables.database.snapshot().get(&tables.notes, KEY);
        match found.map_err(|source| StoreError::Read { what: "the store's bookmark", source })? {
            None => Ok(Self::default()),
            Some(bytes) => sealed::unseal(KEY, &bytes).map_err(StoreError::DamagedBookmark),
        }
    }

    pub(super) fn put(&self, tables: &Tables, batch: &mut fjall::OwnedWriteBatch) {
        batch.insert(&tables.notes, KEY, sealed::seal(KEY, self));
    }
}
