//! How far files were read that are still where they were: large ones, for a kill in between, and ones that cannot be
//! moved. A note is a small JSON file in the data folder, written beside its name and renamed; it holds for one
//! identity of the file and one section of the configuration. It never says more than what is durable.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::scan::Identity;

/// Refusals that a report tells one by one.
pub(super) const TOLD_MAX: usize = 1_000;

/// What has become of a file so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// Bytes and lines behind which reading goes on.
    pub(super) offset: u64,
    pub(super) lines: u64,
    /// Nothing is left to be read.
    pub(super) is_whole: bool,
    pub(super) rows: u64,
    pub(super) taken: u64,
    pub(super) duplicates: u64,
    pub(super) refused: u64,
    /// The first refusals, each with its line.
    pub(super) told: Vec<String>,
    /// Why the rest is not read.
    #[serde(default)]
    pub(super) given_up: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Note {
    path: String,
    meaning: String,
    identity: Identity,
    progress: Progress,
}

/// The notes of one folder.
pub(super) struct Progresses {
    folder: PathBuf,
    /// What the meaning of a file depends on: with another configuration it is read anew.
    meaning: String,
}

impl Progresses {
    pub(super) fn open(folder: &Path, config: &str) -> io::Result<Progresses> {
        fs::create_dir_all(folder)?;
        Ok(Progresses { folder: folder.to_owned(), meaning: format!("{:x}", Sha256::digest(config.as_bytes())) })
    }

    /// How far this file was read; nothing when it is another one by now.
    pub(super) fn of(&self, path: &str, identity: Identity) -> Progress {
        let note = fs::read(self.at(path)).ok().and_then(|bytes| serde_json::from_slice::<Note>(&bytes).ok());
        let note = note.filter(|note| note.path == path && note.identity == identity && note.meaning == self.meaning);
        note.map(|note| note.progress).unwrap_or_default()
    }

    pub(super) fn note(&self, path: &str, identity: Identity, progress: &Progress) -> io::Result<()> {
        let (meaning, at) = (self.meaning.clone(), self.at(path));
        let note = Note { path: path.to_owned(), meaning, identity, progress: progress.clone() };
        let beside = at.with_extension("partial");
        let mut file = File::create(&beside)?;
        file.write_all(&serde_json::to_vec(&note)?)?;
        file.sync_all()?;
        fs::rename(&beside, &at)
    }

    pub(super) fn forget(&self, path: &str) {
        // A note that stays behind holds for no other file, and goes when its file is gone.
        let _ = fs::remove_file(self.at(path));
    }

    /// Takes the notes away whose files are gone.
    pub(super) fn keep_only(&self, is_there: impl Fn(&str) -> bool) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let note = fs::read(entry.path()).ok().and_then(|bytes| serde_json::from_slice::<Note>(&bytes).ok());
            if !note.is_some_and(|note| is_there(&note.path)) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.join(format!("{:x}.json", Sha256::digest(path.as_bytes())))
    }
}
