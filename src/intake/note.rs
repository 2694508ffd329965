//! Notes on how far a file has been brought in, so that a repeat after a kill goes on where it was.
//!
//! A note is a small JSON file beside the journal, written beside its name and renamed. It holds for a file of one
//! path, size, time of change and beginning, read by one plan into one source; anything else, and anything that
//! cannot be read, is no note. It says less than what is stored, never more: losing one costs time.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::lines::Position;

/// How much of a file's beginning is part of its identity.
const HEAD_BYTES: u64 = 64 * 1024;

/// A folder of notes, for one plan and one source.
#[derive(Clone, Debug)]
pub struct Notes {
    folder: PathBuf,
    /// What the plan was made of.
    plan: String,
}

#[derive(Serialize, Deserialize)]
struct Note {
    path: PathBuf,
    identity: String,
    offset: u64,
    lines: u64,
}

/// One file's note.
pub(super) struct FileNote {
    at: PathBuf,
    path: PathBuf,
    identity: String,
}

impl Notes {
    /// Notes in a folder, made when it is missing. `plan` is whatever the meaning of the files depends on: another
    /// one begins anew.
    pub fn open(folder: &Path, plan: &str) -> io::Result<Notes> {
        fs::create_dir_all(folder)?;
        Ok(Notes { folder: folder.to_owned(), plan: plan.to_owned() })
    }

    /// The note of a file, and how far it was brought in.
    pub(super) fn of(&self, file: &Path) -> io::Result<(FileNote, Option<Position>)> {
        let path = fs::canonicalize(file)?;
        let mut hasher = Sha256::new();
        hasher.update(self.plan.as_bytes());
        let metadata = fs::metadata(&path)?;
        let changed_at = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        hasher.update(metadata.len().to_le_bytes());
        hasher.update(changed_at.as_nanos().to_le_bytes());
        let mut head = Vec::new();
        File::open(&path)?.take(HEAD_BYTES).read_to_end(&mut head)?;
        hasher.update(&head);
        let identity = format!("{:x}", hasher.finalize());
        let at = self.folder.join(format!("{:x}.json", Sha256::digest(path.as_os_str().as_encoded_bytes())));
        let note = fs::read(&at).ok().and_then(|bytes| serde_json::from_slice::<Note>(&bytes).ok());
        let position = note
            .filter(|note| note.identity == identity && note.path == path)
            .map(|note| Position { offset: note.offset, lines: note.lines });
        Ok((FileNote { at, path, identity }, position))
    }
}

impl FileNote {
    /// Notes that everything before `position` is durable.
    pub(super) fn write(&self, position: Position) -> io::Result<()> {
        let note = Note {
            path: self.path.clone(),
            identity: self.identity.clone(),
            offset: position.offset,
            lines: position.lines,
        };
        let beside = self.at.with_extension("partial");
        let mut file = File::create(&beside)?;
        file.write_all(&serde_json::to_vec(&note)?)?;
        file.sync_all()?;
        fs::rename(&beside, &self.at)
    }

    /// The file is whole in the history: a repeat reads it from the beginning, and finds duplicates.
    pub(super) fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.at) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_holds_for_the_same_file_read_the_same_way() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.csv");
        fs::write(&file, "time,channel,value\n").unwrap();
        let notes = Notes::open(&folder.path().join("imports"), "plan").unwrap();
        let position = Position { offset: 19, lines: 1 };
        let (note, before) = notes.of(&file).unwrap();
        assert_eq!(before, None);
        note.write(position).unwrap();
        assert_eq!(notes.of(&file).unwrap().1, Some(position));

        let other = Notes { plan: "another plan".to_owned(), ..notes.clone() };
        assert_eq!(other.of(&file).unwrap().1, None);
        fs::write(&file, "time,channel,valuE\n").unwrap();
        assert_eq!(notes.of(&file).unwrap().1, None, "another beginning");
        fs::write(&file, "time,channel,value\n").unwrap();
        let (note, _) = notes.of(&file).unwrap();
        fs::write(&note.at, b"{").unwrap();
        assert_eq!(notes.of(&file).unwrap().1, None, "a broken note is none");
        note.write(position).unwrap();
        note.remove().unwrap();
        note.remove().unwrap();
        assert_eq!(notes.of(&file).unwrap().1, None);
    }
}
