//! What can go wrong, by operation and subject.

use std::io;
use std::path::PathBuf;

use crate::model::Seq;

/// Why the journal could not be opened, read or closed.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A setting that cannot work.
    #[error("journal.{key} {message}")]
    Config {
        /// The key inside the journal's section.
        key: &'static str,
        /// What it must be.
        message: String,
    },
    /// Another process has it.
    #[error("the journal in {dir} is in use by another process")]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
    /// Written by a later version of Saola; nothing was changed.
    #[error(
        "{file} was written by a later version (format {version}, this one reads up to {known}); nothing was changed"
    )]
    FutureVersion {
        /// The segment.
        file: String,
        /// Its version.
        version: u32,
        /// The newest that is understood here.
        known: u32,
    },
    /// The operating system refused.
    #[error("cannot {operation} {file}")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On what.
        file: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A follower has seen entries that the journal does not have, and newer ones have been appended already.
    #[error("follower {name} stands at {at}, beyond the journal's last entry {last}")]
    FollowerAhead {
        /// The follower.
        name: String,
        /// Where it stands.
        at: Seq,
        /// The journal's last entry.
        last: Seq,
    },
    /// Entries that were appended, and acknowledged to nobody, could not be written before closing.
    #[error("the journal closed without writing its last {entries} entries, which nobody was told are safe")]
    Unwritten {
        /// How many.
        entries: u64,
    },
}

impl JournalError {
    pub(super) fn io(operation: &'static str, file: &str, source: io::Error) -> Self {
        JournalError::Io { operation, file: file.to_owned(), source }
    }
}

/// Why an entry was not taken.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// A write failed, or the journal was closed: nothing more is taken until a restart.
    #[error("the journal has stopped")]
    Stopped,
    /// Larger than any entry may be.
    #[error("an entry of {bytes} bytes is larger than the limit of {limit}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// It has no encoding.
    #[error("the entry cannot be encoded")]
    Unencodable(#[source] postcard::Error),
}
