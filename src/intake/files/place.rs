//! Where a file goes that was read: `done/` or `failed/` in the watched folder, under the path that it had; one that is
//! there already keeps its name, and the newcomer gets a number behind it. Beside a failed file stands its report.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::read::Outcome;
use super::scan::{DONE, FAILED, Identity};
use crate::model::Timestamp;

/// Files of one name that are kept.
const SAME_NAME_MAX: u32 = 10_000;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placed {
    Moved,
    /// It is not the file that was read any more; it was left where it is.
    Changed,
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
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Placed::Changed),
        Err(error) => return Err(error),
    }
    let folder = root.join(if outcome.is_clean() { DONE } else { FAILED });
    let to = free_name(&folder.join(path))?;
    if !outcome.is_clean() {
        let mut name = to.clone().into_os_string();
        name.push(".report.txt");
        fs::write(name, report(path, outcome, now))?;
    }
    fs::rename(&from, &to)?;
    Ok(Placed::Moved)
}

/// The path itself, or the first with a number that is not taken. Makes its folder.
fn free_name(wanted: &Path) -> io::Result<PathBuf> {
    if let Some(folder) = wanted.parent() {
        fs::create_dir_all(folder)?;
    }
    for number in 0..SAME_NAME_MAX {
        let mut name = wanted.to_owned().into_os_string();
        if number > 0 {
            name.push(format!(".{number}"));
        }
        let name = PathBuf::from(name);
        if fs::symlink_metadata(&name).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return Ok(name);
        }
    }
    Err(io::Error::other(format!("there are {SAME_NAME_MAX} files of this name already")))
}

fn report(path: &str, outcome: &Outcome, now: Timestamp) -> String {
    let progress = &outcome.progress;
    let mut text = format!(
        "{path}, read at {now}: {} values taken, {} known already, {} refused, in {} rows.\n",
        progress.taken, progress.duplicates, progress.refused, progress.rows
    );
    if let Some(why) = &outcome.given_up {
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
