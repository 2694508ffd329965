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

    /// Whether the two are one file, perhaps written to in between.
    pub(super) fn is_same_file(self, other: Identity) -> bool {
        self.inode == other.inode
    }
}

/// What a look found, by paths below the folder.
#[derive(Debug, Default)]
pub(super) struct Found {
    all: HashSet<String>,
    /// Folders that could not be looked into, or not to their end.
    dark: Vec<String>,
    /// There are more than are looked at.
    is_cut: bool,
    /// Why the watched folder itself could not be looked into.
    pub(super) blind: Option<String>,
    /// To be read now, oldest first.
    pub(super) settled: Vec<(String, Identity)>,
}

impl Found {
    /// Whether a file that was there before may be there still.
    pub(super) fn may_have(&self, path: &str) -> bool {
        self.is_cut || self.has_or_is_dark(path)
    }

    fn has_or_is_dark(&self, path: &str) -> bool {
        let is_below = |folder: &String| {
            folder.is_empty() || path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        self.all.contains(path) || self.dark.iter().any(is_below)
    }
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
        let mut walk = Walk { root, is_wanted: &is_wanted, files: Vec::new(), found: Found::default(), troubles };
        walk.enter("", 0);
        let Walk { mut files, mut found, .. } = walk;
        if found.is_cut {
            troubles.push(format!("it holds more than {FILES_MAX} files: the others wait until these are gone"));
        }
        found.all = files.iter().map(|(path, _)| path.clone()).collect();
        self.seen.retain(|path, _| found.has_or_is_dark(path));
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

/// A look through the folder.
struct Walk<'w> {
    root: &'w Path,
    is_wanted: &'w dyn Fn(&str) -> bool,
    files: Vec<(String, Identity)>,
    found: Found,
    troubles: &'w mut Vec<String>,
}

impl Walk<'_> {
    /// A folder that could not be looked through.
    fn dark(&mut self, below: &str, trouble: String) {
        self.found.dark.push(below.to_owned());
        if below.is_empty() {
            self.found.blind = Some(trouble);
        } else {
            self.troubles.push(trouble);
        }
    }

    fn enter(&mut self, below: &str, depth: usize) {
        let folder = self.root.join(below);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => return self.dark(below, format!("{} cannot be looked into: {error}", folder.display())),
        };
        let mut folders = Vec::new();
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.dark(below, format!("{} cannot be looked through: {error}", folder.display()));
                    break;
                }
            };
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
                self.troubles.push(format!("{} has a name that is not UTF-8", entry.path().display()));
                continue;
            };
            let is_ours = below.is_empty() && (name == DONE || name == FAILED);
            if is_ours || name.starts_with('.') || UNFINISHED.iter().any(|ending| name.ends_with(ending)) {
                continue;
            }
            let path = if below.is_empty() { name } else { format!("{below}/{name}") };
            match fs::symlink_metadata(entry.path()) {
                Ok(metadata) if metadata.is_file() && (self.is_wanted)(&path) => {
                    if self.files.len() == FILES_MAX {
                        self.found.is_cut = true;
                        return;
                    }
                    self.files.push((path, Identity::of(&metadata)));
                }
                Ok(metadata) if metadata.is_dir() => folders.push(path),
                // Files of nobody, links and pipes; and what was taken away meanwhile.
                _ => {}
            }
        }
        for folder in folders {
            if self.found.is_cut {
                return;
            }
            if depth == DEPTH_MAX {
                self.troubles.push(format!("{folder} lies too deep: at most {DEPTH_MAX} folders inside each other"));
            } else {
                self.enter(&folder, depth + 1);
            }
        }
    }
}
