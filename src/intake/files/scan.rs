//! Which files are there, and which of them have not changed for long enough to be whole.
//!
//! Changes are told by what the file system says of a file (number, length, time of change), and how long ago by our
//! own clock: a share's may be any other. Only ordinary files count, below the folder but not in `done` or `failed`,
//! and none whose name begins with a dot or has the ending that programs give to what they are still writing.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// Most files that are looked at; the others wait until these are gone.
const FILES_MAX: usize = 20_000;
/// Deepest folder.
const DEPTH_MAX: usize = 8;
/// Endings of files that are not whole yet.
const UNFINISHED: [&str; 5] = [".part", ".partial", ".tmp", ".filepart", "~"];

/// Folders of ours in the watched one.
pub(super) const DONE: &str = "done";
pub(super) const FAILED: &str = "failed";

/// What tells a file from a later one of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    inode: u64,
    pub(super) bytes: u64,
    changed_s: i64,
    changed_ns: i64,
}

impl Identity {
    pub(super) fn of(metadata: &Metadata) -> Identity {
        let (changed_s, changed_ns) = (metadata.mtime(), metadata.mtime_nsec());
        Identity { inode: metadata.ino(), bytes: metadata.len(), changed_s, changed_ns }
    }
}

/// What a look found, by paths below the folder.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) all: HashSet<String>,
    /// To be read now, oldest first.
    pub(super) settled: Vec<(String, Identity)>,
}

/// What is known from one look to the next.
pub(super) struct Scan {
    settle: Duration,
    /// How long a file must be unchanged whose last line has no end; `None`: ends of lines mean nothing.
    settle_open: Option<Duration>,
    seen: HashMap<String, (Identity, Instant)>,
}

impl Scan {
    pub(super) fn new(settle: Duration, settle_open: Option<Duration>) -> Scan {
        Scan { settle, settle_open, seen: HashMap::new() }
    }

    /// Files seen that are still to be read or moved.
    pub(super) fn waiting(&self) -> usize {
        self.seen.len()
    }

    /// The file is gone, or is to be looked at as a new one.
    pub(super) fn forget(&mut self, path: &str) {
        self.seen.remove(path);
    }

    /// Looks through the folder. What cannot be looked at is a trouble, and what was seen there before stays as it was.
    pub(super) fn look(
        &mut self,
        root: &Path,
        now: Instant,
        is_wanted: impl Fn(&str) -> bool,
        troubles: &mut Vec<String>,
    ) -> Found {
        let mut files = Vec::new();
        let troubles_before = troubles.len();
        walk(root, "", 0, &mut files, troubles);
        files.retain(|(path, _)| is_wanted(path));
        let mut found = Found { all: files.iter().map(|(path, _)| path.clone()).collect(), ..Found::default() };
        if troubles.len() == troubles_before {
            self.seen.retain(|path, _| found.all.contains(path));
        } else {
            found.all.extend(self.seen.keys().cloned());
        }
        files.sort_unstable_by(|(path, a), (other, b)| {
            (a.changed_s, a.changed_ns, path).cmp(&(b.changed_s, b.changed_ns, other))
        });
        for (path, identity) in files {
            let seen = self.seen.entry(path.clone()).or_insert((identity, now));
            if seen.0 != identity {
                *seen = (identity, now);
            }
            let unchanged = now.saturating_duration_since(seen.1);
            let may_be_open = self.settle_open.filter(|open| unchanged < *open);
            if unchanged >= self.settle && (may_be_open.is_none() || is_closed(&root.join(&path))) {
                found.settled.push((path, identity));
            }
        }
        found
    }
}

/// Opens an ordinary file to read; never what a link leads to, and never a pipe that would be waited for.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC;
    let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("no ordinary file")) }
}

/// Whether the last line has its end. A file that cannot be read is left to the reader to complain of.
fn is_closed(path: &Path) -> bool {
    let last = |path: &Path| {
        let mut file = open(path)?;
        let mut byte = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut byte)?;
        Ok::<u8, io::Error>(byte[0])
    };
    match last(path) {
        Ok(byte) => byte == b'\n',
        Err(error) => !matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof),
    }
}

fn walk(root: &Path, below: &str, depth: usize, files: &mut Vec<(String, Identity)>, troubles: &mut Vec<String>) {
    let folder = root.join(below);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) => {
            troubles.push(format!("{} cannot be looked into: {error}", folder.display()));
            return;
        }
    };
    let mut folders = Vec::new();
    for entry in entries {
        if files.len() >= FILES_MAX {
            return;
        }
        let Ok(entry) = entry else {
            troubles.push(format!("{} cannot be looked through", folder.display()));
            break;
        };
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
            troubles.push(format!("{} has a name that is not UTF-8", entry.path().display()));
            continue;
        };
        let is_ours = below.is_empty() && (name == DONE || name == FAILED);
        if is_ours || name.starts_with('.') || UNFINISHED.iter().any(|ending| name.ends_with(ending)) {
            continue;
        }
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        match fs::symlink_metadata(entry.path()) {
            Ok(metadata) if metadata.is_file() => files.push((path, Identity::of(&metadata))),
            Ok(metadata) if metadata.is_dir() => folders.push(path),
            // Links and pipes; and what was taken away meanwhile.
            _ => {}
        }
    }
    for folder in folders {
        if depth == DEPTH_MAX {
            troubles.push(format!("{folder} lies too deep: at most {DEPTH_MAX} folders inside each other"));
        } else {
            walk(root, &folder, depth + 1, files, troubles);
        }
    }
}
