//! Where a file goes that was read: `done/` or `failed/` in the watched folder, under the path that it had; one that is
//! there already keeps its name, and the newcomer gets a number behind it. Beside a failed file stands its report.
//!
//! A program that has the file open goes on writing into it wherever it lies: such a file is put back. Nothing is ever
//! overwritten, and no link is followed: whoever drops files could otherwise have ours written elsewhere.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::read::Outcome;
use super::scan::{DONE, FAILED, Identity};
use crate::model::Timestamp;

/// Files of one name that are kept.
const SAME_NAME_MAX: u32 = 10_000;

/// What was done.
#[derive(Debug)]
pub(super) enum Placed {
    Moved(Moved),
    /// It is not the file that was read any more; it was left where it is.
    Changed,
}

/// A file that was moved.
#[derive(Debug)]
pub(super) struct Moved {
    /// Below the watched folder, where it was.
    pub(super) path: String,
    identity: Identity,
    to: PathBuf,
    report: Option<PathBuf>,
}

/// Moves a file whose content is durable.
pub(super) fn place(
    root: &Path,
    path: &str,
    identity: Identity,
    outcome: &Outcome,
    now: Timestamp,
) -> io::Result<Placed> {
    let from = root.join(path);
    match fs::symlink_metadata(&from) {
        Ok(metadata) if Identity::of(&metadata) == identity => {}
        Ok(_) => return Ok(Placed::Changed),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Placed::Changed),
        Err(error) => return Err(error),
    }
    let wanted = Path::new(if outcome.is_clean() { DONE } else { FAILED }).join(path);
    make_folders(root, wanted.parent().unwrap_or(&wanted))?;
    let (to, report_at) = free_names(&root.join(wanted))?;
    let report_at = if outcome.is_clean() { None } else { Some(report_at) };
    if let Some(at) = &report_at {
        // No link is followed and nothing overwritten, even if somebody puts something there just now.
        let mut file = fs::OpenOptions::new().write(true).create_new(true).open(at)?;
        let written = file.write_all(report(path, outcome, now).as_bytes());
        if let Err(error) = written.and_then(|()| fs::rename(&from, &to)) {
            let _ = fs::remove_file(at);
            return Err(error);
        }
    } else {
        fs::rename(&from, &to)?;
    }
    Ok(Placed::Moved(Moved { path: path.to_owned(), identity, to, report: report_at }))
}

impl Moved {
    /// Puts the file back if it was written to since it was read; whether it was. Its report goes, since there will be
    /// another.
    ///
    /// # Errors
    /// When it was, and cannot be put back: a new file may have its name.
    pub(super) fn comes_back(&self, root: &Path) -> io::Result<bool> {
        let is_written_on = fs::symlink_metadata(&self.to).is_ok_and(|metadata| {
            let identity = Identity::of(&metadata);
            metadata.is_file() && identity != self.identity && identity.is_same_file(self.identity)
        });
        if !is_written_on {
            return Ok(false);
        }
        let back = root.join(&self.path);
        make_folders(root, Path::new(&self.path).parent().unwrap_or(Path::new("")))?;
        // Unlike a rename, a second name never takes the place of a file.
        match fs::hard_link(&self.to, &back) {
            Ok(()) => {
                if let Err(error) = fs::remove_file(&self.to) {
                    let _ = fs::remove_file(&back);
                    return Err(error);
                }
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(error),
            Err(_) if is_free(&back) => fs::rename(&self.to, &back)?,
            Err(error) => return Err(error),
        }
        if let Some(report) = &self.report {
            let _ = fs::remove_file(report);
        }
        Ok(true)
    }
}

/// Makes the folders of a path below `root` that are missing.
fn make_folders(root: &Path, below: &Path) -> io::Result<()> {
    let mut folder = root.to_owned();
    for name in below.components() {
        folder.push(name);
        match fs::create_dir(&folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ if fs::symlink_metadata(&folder)?.is_dir() => {}
            _ => return Err(io::Error::other(format!("{} is a file or a link, no folder", folder.display()))),
        }
    }
    Ok(())
}

/// The path itself and its report's, or the first with a number where neither is taken.
fn free_names(wanted: &Path) -> io::Result<(PathBuf, PathBuf)> {
    for number in 0..SAME_NAME_MAX {
        let mut name = wanted.to_owned().into_os_string();
        if number > 0 {
            name.push(format!(".{number}"));
        }
        let mut report = name.clone();
        report.push(".report.txt");
        let (name, report) = (PathBuf::from(name), PathBuf::from(report));
        if is_free(&name) && is_free(&report) {
            return Ok((name, report));
        }
    }
    Err(io::Error::other(format!("there are {SAME_NAME_MAX} files of this name already")))
}

fn is_free(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

fn report(path: &str, outcome: &Outcome, now: Timestamp) -> String {
    let progress = &outcome.progress;
    let mut text = format!(
        "{path}, read at {now}: {} values taken, {} known already, {} refused, in {} rows.\n",
        progress.taken, progress.duplicates, progress.refused, progress.rows
    );
    if let Some(why) = &progress.given_up {
        text += &format!("{why}\n");
    }
    text +=
        "What was refused is among the dead letters too, and can be replayed from there once its cause is mended.\n\n";
    for line in &progress.told {
        text += &format!("{line}\n");
    }
    let more = progress.refused.saturating_sub(progress.told.len() as u64);
    if more > 0 {
        text += &format!("and {more} more\n");
    }
    text
}
