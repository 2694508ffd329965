//! The ways in other than MQTT: history that a person brings in, and folders that are watched ([`files`]). What comes by
//! HTTP needs nothing but its limits here.
//!
//! [`plan()`] reads a map file into a [`Plan`]; [`import()`] reads files through it, block by block, into a
//! [`Destination`], and gives a [`Report`].
//!
//! Invariants:
//! - Reading a file again stores nothing twice: the destination knows duplicates. The notes on how far a file has
//!   come ([`Notes`]) save time and nothing else.
//! - A note never says more than what is durable.
//! - No bytes in a file end anything but their own row; a file that cannot be read at all leaves the others alone.
//!
//! Left out on purpose: what readings mean to the registry (the destination's), and printing (the command line's).

mod blocks;
mod columns;
pub mod config;
pub mod files;
mod history;
mod lines;
mod map_file;
mod note;
mod parquet_rows;
mod plan;
mod report;

pub use blocks::FileError;
pub use config::Config;
pub use history::{Begin, Destination, ImportError, Options, Progress, Stopped, import};
pub use map_file::plan;
pub use note::Notes;
pub use plan::{Format, Plan};
pub use report::{ChannelReport, FileReport, Refused, Report};
