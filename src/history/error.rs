//! What can go wrong with a question.

use crate::model::Timestamp;
use crate::store::StoreError;

/// Each variant carries what whoever asked needs to ask better.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// No buckets can be made of the range.
    #[error("{from} to {to} is not a range between the years 200 and 9800")]
    Range {
        /// The beginning.
        from: Timestamp,
        /// The end.
        to: Timestamp,
    },
    /// Too many buckets.
    #[error("that makes about {buckets} buckets, and {max} can be asked for at once: {narrow}")]
    TooManyBuckets {
        /// All channels' together.
        buckets: u64,
        /// The limit.
        max: u64,
        /// How to ask for less.
        narrow: String,
    },
    /// Too much to read.
    #[error("about {reads} samples would be read for that, and {max} can be at once: {narrow}")]
    TooCostly {
        /// Samples and tallies of all channels.
        reads: u64,
        /// The limit.
        max: u64,
        /// How to ask for less.
        narrow: String,
    },
    /// Percentiles hold every sample of a bucket in memory.
    #[error("a bucket holds more than {max} samples, too many for percentiles: ask for shorter buckets")]
    TooManyInBucket {
        /// The limit.
        max: usize,
    },
    /// Others hold all the memory that there is for percentiles.
    #[error("others are computing percentiles of many samples: ask again in a moment")]
    Busy,
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}
