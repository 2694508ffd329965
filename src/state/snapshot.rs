//! Snapshots of the state, so that a start reads only the journal's end.
//!
//! ```text
//! file  <seq, 20 digits>.snapshot
//!       0        4        5                9
//!       | "SAOS" | format | CRC-32 (LE)    | state, by postcard ...            |
//!                           of format and state; every later format keeps this header
//!
//! format 1  the state
//! format 2  the state, then the newest time of imported history by channel
//! format 3  the same, then readings handed in again by source, unknown devices, the last canary, moves of stations
//! format 4  the same, then the quality checks' memory with the maintenance windows, who could be heard when, what
//!           devices said of themselves, the stations in windows, and the authors of corrections
//! format 5  the same, then the workflow of alerts, the catalogue's derived channels and incidents; the state's rules
//!           and alerts have windows, counts, areas and late data
//! format 6  the same, then when the last good sample of each channel was received
//! ```
//!
//! Invariants:
//! - A file is written beside its name, synced, renamed, and the folder synced: a name stands for a whole snapshot.
//! - The last [`KEPT`] snapshots are kept. [`Saved::needs_after`] is the number of the oldest: as long as the journal
//!   keeps every entry after it, one broken snapshot costs nothing.
//! - A broken snapshot is never deleted: it is moved aside (`.broken`) and reported. One of a newer format is left
//!   untouched: it is refused, because going on without it could mean going back in time.
//!
//! Left out on purpose: when to save (the application's), and any thread: encoding is the caller's time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Author, Devices, Ledger, State};
use crate::alerts::{self, Retention};
use crate::live::Live;
use crate::model::{Catalogue, Derived, Listening, Seq, StationNo, Timestamp};
use crate::quality::Judge;

/// How many snapshots are kept.
pub const KEPT: usize = 2;

const MAGIC: [u8; 4] = *b"SAOS";
const FORMAT: u8 = 6;
/// Written before it was known when good samples came.
const FORMAT_WITHOUT_RECEIPTS: u8 = 5;
/// Written before rules knew anything but levels and absences, alerts could be acknowledged, channels were derived, and
/// there were incidents.
const FORMAT_WITHOUT_WINDOWS: u8 = 4;
/// Written before samples were checked for quality.
const FORMAT_WITHOUT_QUALITY: u8 = 3;
/// Written before unknown devices were listed.
const FORMAT_WITHOUT_UNKNOWN: u8 = 2;
/// Written before history could be imported.
const FORMAT_WITHOUT_IMPORTS: u8 = 1;
const HEADER_BYTES: usize = MAGIC.len() + 1 + 4;
const SUFFIX: &str = ".snapshot";

/// Why a snapshot could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The file system refused.
    #[error("cannot {operation} {path}")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Fewer bytes than a header.
    #[error("the snapshot is cut off: {0} bytes")]
    Short(usize),
    /// Something else.
    #[error("this is not a snapshot of Saola's state")]
    NotASnapshot,
    /// Written by a newer Saola (or not by a Saola at all).
    #[error("the snapshot has format {found}; this version reads {FORMAT}")]
    Format {
        /// The format found.
        found: u8,
    },
    /// The bytes are not those that were written.
    #[error("the snapshot's checksum is {found:08x}, not {expected:08x}")]
    Checksum {
        /// Of the bytes as they are.
        found: u32,
        /// Of the bytes as they were written.
        expected: u32,
    },
    /// The bytes are those that were written, and make no state.
    #[error("the snapshot does not decode")]
    Encoding(#[from] postcard::Error),
    /// Decoded, but its parts do not fit each other.
    #[error("the snapshot contradicts itself: {0}")]
    Contradiction(&'static str),
}

/// What a save left on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The entry up to which the newest snapshot reaches.
    pub through: Seq,
    /// The entry up to which the oldest kept snapshot reaches: the journal must keep what comes after it.
    pub needs_after: Seq,
}

/// What a load found.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The newest whole snapshot; `None` means: begin before the first entry.
    pub state: Option<State>,
    /// What the journal must keep, as [`Saved::needs_after`] says: the entry up to which the oldest snapshot reaches,
    /// the one before the first when there is none.
    pub needs_after: Seq,
    /// Snapshots that were moved aside, newest first, with the reason.
    pub broken: Vec<(PathBuf, SnapshotError)>,
}

impl State {
    /// The state as bytes.
    pub fn snapshot(&self) -> Result<Vec<u8>, SnapshotError> {
        let mut bytes = Vec::with_capacity(64 * 1024);
        bytes.extend_from_slice(&MAGIC);
        bytes.push(FORMAT);
        bytes.extend_from_slice(&[0; 4]);
        let bytes = postcard::to_extend(self, bytes)?;
        let bytes = postcard::to_extend(&self.imported_to, bytes)?;
        let behind = (self.ledger.replayed(), &self.unknown, self.canary, self.catalogue.moves());
        let bytes = postcard::to_extend(&behind, bytes)?;
        let behind = (&self.judge, self.live.listening(), &self.devices, &self.maintained, &self.authors);
        let bytes = postcard::to_extend(&behind, bytes)?;
        let behind = (&self.workflow, self.catalogue.derived(), &self.incidents);
        let bytes = postcard::to_extend(&behind, bytes)?;
        let mut bytes = postcard::to_extend(&self.alerts.receipts(), bytes)?;
        let checksum = checksum(&bytes);
        bytes[HEADER_BYTES - 4..HEADER_BYTES].copy_from_slice(&checksum.to_le_bytes());
        Ok(bytes)
    }

    /// The state from bytes; equal in every field to the one that made them.
    pub fn restore(bytes: &[u8]) -> Result<State, SnapshotError> {
        let (header, body) = bytes.split_at_checked(HEADER_BYTES).ok_or(SnapshotError::Short(bytes.len()))?;
        if header[..MAGIC.len()] != MAGIC {
            return Err(SnapshotError::NotASnapshot);
        }
        let expected = u32::from_le_bytes([header[5], header[6], header[7], header[8]]);
        let found = checksum(bytes);
        if found != expected {
            return Err(SnapshotError::Checksum { found, expected });
        }
        let format = header[MAGIC.len()];
        if !(FORMAT_WITHOUT_IMPORTS..=FORMAT).contains(&format) {
            return Err(SnapshotError::Format { found: format });
        }
        let (mut state, mut rest): (State, &[u8]) =
            if format > FORMAT_WITHOUT_WINDOWS { postcard::take_from_bytes(body)? } else { former(body)? };
        state.ledger.trim();
        if format >= FORMAT_WITHOUT_UNKNOWN {
            (state.imported_to, rest) = postcard::take_from_bytes(rest)?;
        }
        if format >= FORMAT_WITHOUT_QUALITY {
            let (replayed, moves);
            ((replayed, state.unknown, state.canary, moves), rest) = postcard::take_from_bytes(rest)?;
            state.ledger.set_replayed(replayed);
            state.catalogue = Arc::new(Catalogue::clone(&state.catalogue).with_moves(moves));
        }
        let mut listening = None;
        if format >= FORMAT_WITHOUT_WINDOWS {
            let behind: Behind;
            (behind, rest) = postcard::take_from_bytes(rest)?;
            listening = Some(behind.1);
            (state.judge, state.devices, state.maintained, state.authors) = (behind.0, behind.2, behind.3, behind.4);
        }
        if format >= FORMAT_WITHOUT_RECEIPTS {
            let derived: Vec<Derived>;
            ((state.workflow, derived, state.incidents), rest) = postcard::take_from_bytes(rest)?;
            state.catalogue = Arc::new(Catalogue::clone(&state.catalogue).with_derived(derived));
        }
        let mut receipts: Option<Vec<Timestamp>> = None;
        if format >= FORMAT {
            let (found, behind) = postcard::take_from_bytes(rest)?;
            (receipts, rest) = (Some(found), behind);
        }
        state.alerts.set_receipts(receipts.as_deref()).map_err(SnapshotError::Contradiction)?;
        if !rest.is_empty() {
            return Err(SnapshotError::Contradiction("there are bytes after its end"));
        }
        if state.live.channels() != state.catalogue.channels().len() {
            return Err(SnapshotError::Contradiction("the live picture and the catalogue differ in channels"));
        }
        state.alerts.link(&state.catalogue).map_err(SnapshotError::Contradiction)?;
        state.workflow.link(&mut state.alerts);
        state.incidents.link(&state.catalogue).map_err(SnapshotError::Contradiction)?;
        state.judge.link(&state.catalogue);
        state.live.restore(listening, &state.catalogue, state.judge.policy());
        Ok(state)
    }
}

/// The state as formats up to 4 have it, and what follows it.
fn former(body: &[u8]) -> Result<(State, &[u8]), SnapshotError> {
    type Former = (Arc<Catalogue>, Live, alerts::Former, Ledger, Seq, Timestamp);
    let ((catalogue, live, alerts, ledger, applied, ticked_at), rest): (Former, _) = postcard::take_from_bytes(body)?;
    let property_of = |channel| catalogue.channel(channel).map(|channel| channel.property.clone());
    let newest = |channel, good_at| {
        let latest = live.latest(channel).filter(|latest| latest.observed_at == good_at && latest.quality.is_good());
        latest.map(|latest| latest.value)
    };
    let alerts = alerts.into_alerts(property_of, newest);
    let state = State {
        catalogue: Arc::clone(&catalogue),
        live,
        alerts,
        ledger,
        applied,
        ticked_at,
        ..State::new(Retention::default())
    };
    Ok((state, rest))
}

/// What format 4 has behind format 3.
type Behind = (Judge, Listening, Devices, BTreeSet<StationNo>, BTreeMap<Seq, Author>);

/// Of everything but the magic and the checksum itself. `bytes` is at least a header long.
fn checksum(bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&bytes[MAGIC.len()..=MAGIC.len()]);
    hasher.update(&bytes[HEADER_BYTES..]);
    hasher.finalize()
}

/// Writes a snapshot durably and drops those that are not kept any more.
pub fn save(dir: &Path, state: &State) -> Result<Saved, SnapshotError> {
    let through = state.applied;
    let bytes = state.snapshot()?;
    let path = dir.join(format!("{:020}{SUFFIX}", through.0));
    let beside = dir.join("snapshot.partial");
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(&bytes)?;
        file.sync_all()
    });
    written.map_err(failed("write", &beside))?;
    fs::rename(&beside, &path).map_err(failed("rename", &beside))?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed("sync", dir))?;
    let kept = list(dir)?;
    for (_, path) in kept.iter().skip(KEPT) {
        fs::remove_file(path).map_err(failed("delete", path))?;
    }
    let needs_after = kept.iter().take(KEPT).next_back().map_or(through, |(seq, _)| *seq);
    Ok(Saved { through, needs_after })
}

/// The newest whole snapshot, with the retention now configured. Broken ones are moved aside and reported; one of
/// another format, or a folder that cannot be read, is an error.
pub fn load(dir: &Path, retention: Retention) -> Result<Loaded, SnapshotError> {
    let mut loaded = Loaded::default();
    for (_, path) in list(dir)? {
        let bytes = fs::read(&path).map_err(failed("read", &path))?;
        match State::restore(&bytes) {
            Ok(mut state) => {
                state.set_retention(retention);
                loaded.state = Some(state);
                loaded.needs_after = list(dir)?.last().map_or(Seq::default(), |(seq, _)| *seq);
                break;
            }
            Err(error @ SnapshotError::Format { .. }) => return Err(error),
            Err(error) => {
                let aside = path.with_extension("broken");
                fs::rename(&path, &aside).map_err(failed("move aside", &path))?;
                loaded.broken.push((aside, error));
            }
        }
    }
    Ok(loaded)
}

/// Snapshots by their names, newest first.
fn list(dir: &Path) -> Result<Vec<(Seq, PathBuf)>, SnapshotError> {
    let mut found = Vec::new();
    for file in fs::read_dir(dir).map_err(failed("list", dir))? {
        let path = file.map_err(failed("list", dir))?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(seq) = name.and_then(|name| name.strip_suffix(SUFFIX)).and_then(|digits| digits.parse().ok()) {
            found.push((Seq(seq), path));
        }
    }
    found.sort_by_key(|(seq, _)| std::cmp::Reverse(*seq));
    Ok(found)
}

fn failed<'a>(operation: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> SnapshotError + 'a {
    move |source| SnapshotError::Io { operation, path: path.to_path_buf(), source }
}
