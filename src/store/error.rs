//! What can go wrong in the store.

use std::path::PathBuf;

use crate::model::{ChannelId, Seq};

use super::influx::InfluxError;
use super::{Damage, Day};

/// Each variant names the operation and carries its subject.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A value of the configuration cannot be used.
    #[error("store.{key} {wrong}")]
    Setting {
        /// The key in section `[store]`.
        key: &'static str,
        /// What it must be.
        wrong: &'static str,
    },
    /// The directory cannot be read or written.
    #[error("cannot use the store's directory {path}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The directory was written by another version, or is not a store: nothing in it was touched.
    #[error("{path} says {found:?}, not \"{expected}\"")]
    Format {
        /// The file that names the format.
        path: PathBuf,
        /// What it says (at most 100 bytes); empty when it is missing beside other files.
        found: String,
        /// What this version writes.
        expected: &'static str,
    },
    /// The engine did not open.
    #[error("cannot open the store in {path}")]
    Open {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: fjall::Error,
    },
    /// The engine met something in its files that it does not expect, and gave up opening; its own words are on
    /// standard error.
    #[error("cannot open the store in {path}: its files are damaged")]
    EngineGaveUp {
        /// The directory.
        path: PathBuf,
    },
    /// The engine could not read.
    #[error("cannot read {what}")]
    Read {
        /// What was wanted.
        what: &'static str,
        /// Why.
        source: fjall::Error,
    },
    /// A flush was not written: nothing more is taken until a restart. The journal keeps what was not written.
    #[error("cannot write history up to entry {through}")]
    Write {
        /// The last entry of the flush.
        through: Seq,
        /// Why.
        source: fjall::Error,
    },
    /// A store of the layout before this one is brought into this one beside itself, and there is no room for that.
    #[error("the history is brought into a new layout, which needs {needed} free bytes on its disk; there are {free}")]
    NoRoom {
        /// Bytes.
        needed: u64,
        /// Bytes.
        free: u64,
    },
    /// It could not be brought into this version's layout; what was moved is moved, and the next opening goes on.
    #[error("cannot bring the history into this version's layout")]
    Convert {
        /// Why.
        source: fjall::Error,
    },
    /// Settled days were not written: nothing more is taken until a restart.
    #[error("cannot write settled history")]
    Settle {
        /// Why.
        source: fjall::Error,
    },
    /// An earlier write failed: nothing is taken until a restart.
    #[error("the store has stopped after a failed write")]
    Stopped,
    /// A run of samples cannot be read; the rest of the channel can.
    #[error("samples of channel {channel} on {day} (run {run}) are damaged: {damage}")]
    DamagedRun {
        /// The channel.
        channel: ChannelId,
        /// The UTC day.
        day: Day,
        /// The run within the day.
        run: u32,
        /// What is wrong with its bytes.
        damage: Damage,
    },
    /// The engine cannot read a part of a channel's history; it goes on where reading is possible again.
    #[error("samples of channel {channel} from {day} on cannot be read")]
    UnreadableDay {
        /// The channel.
        channel: ChannelId,
        /// The first UTC day that is not whole.
        day: Day,
        /// Why.
        source: fjall::Error,
    },
    /// A key that is no run's.
    #[error("an address in the history of channel {channel} is damaged")]
    DamagedKey {
        /// The channel looked at.
        channel: ChannelId,
    },
    /// A dead letter cannot be read; the others can.
    #[error("dead letter {id} is damaged: {damage}")]
    DamagedLetter {
        /// Its number.
        id: Seq,
        /// What is wrong with its bytes.
        damage: Damage,
    },
    /// InfluxDB did not do what was asked. What was taken in waits in the journal.
    #[error("InfluxDB at {url}")]
    Influx {
        /// Where it is.
        url: String,
        /// Why.
        source: InfluxError,
    },
    /// Kept tallies cannot be read, and there are no samples to make them from.
    #[error("tallies of channel {channel} on {day} are damaged: {damage}")]
    DamagedTallies {
        /// The channel.
        channel: ChannelId,
        /// The UTC day.
        day: Day,
        /// What is wrong with its bytes.
        damage: Damage,
    },
    /// A value that a correction replaced cannot be read.
    #[error("a replaced value of channel {channel} is damaged")]
    DamagedEarlier {
        /// The channel.
        channel: ChannelId,
    },
    /// A note that the store keeps for itself cannot be read.
    #[error("the store's note of the {what} is damaged: {damage}")]
    DamagedNote {
        /// Which.
        what: &'static str,
        /// What is wrong with its bytes.
        damage: Damage,
    },
    /// The day tier was begun with another offset, and its days cannot be cut anew.
    #[error(
        "store.day_offset_minutes is {configured}, but the days of this store begin at {kept}: set it back, or begin a \
         new store and import the history"
    )]
    DayOffset {
        /// That of the store.
        kept: i32,
        /// That of the configuration.
        configured: i32,
    },
    /// The store's own note of how far it is cannot be read.
    #[error("the store's bookmark is damaged: {0}")]
    DamagedBookmark(Damage),
}
