//! One directory on a disk, as little of it as the journal needs: the real one here, a faulty one in the tests.
//!
//! Names are plain file names inside the directory. Nothing is durable before the file's or the directory's `sync`.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::JournalError;

/// A directory that holds the journal's files.
pub(super) trait Disk: Send + Sync {
    /// Names of the files in it, in any order.
    fn list(&self) -> io::Result<Vec<String>>;
    /// A new file, readable and writable by its owner only; an error when the name is taken.
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;
    /// A file that is there, to read and to write.
    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;
    /// A file that is there, to read only.
    fn open_to_read(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;
    /// Gives a file another name, over whatever had it.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes every creation, renaming and removal so far durable.
    fn sync(&self) -> io::Result<()>;
    /// A number that no earlier call has given, as good as surely.
    fn random(&self) -> u32;
}

/// An open file.
pub(super) trait DiskFile: Send + Sync {
    /// Reads some bytes at an offset; 0 at the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes some bytes at an offset.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// Makes its bytes and its length durable.
    fn sync(&self) -> io::Result<()>;
    /// Cuts it.
    fn set_len(&self, bytes: u64) -> io::Result<()>;
    /// Its length in bytes.
    fn len(&self) -> io::Result<u64>;
}

/// Writes all of `bytes`; short writes and interruptions are continued.
pub(super) fn write_all(file: &dyn DiskFile, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write_at(bytes, offset) {
            // What a full disk may answer instead of an error.
            Ok(0) => return Err(io::ErrorKind::StorageFull.into()),
            Ok(written) => {
                bytes = bytes.get(written..).unwrap_or_default();
                offset += written as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads until `buffer` is full or the file ends; returns how many bytes there were.
pub(super) fn read_full(file: &dyn DiskFile, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Whether waiting for space may help: no space, over quota, or over the process's file size limit.
pub(super) fn is_no_space(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}

/// Finds out at once whether files can be made here, not at the first commit. A full disk may have space later.
pub(super) fn probe(disk: &dyn Disk) -> io::Result<()> {
    let name = format!("probe-{:08x}", disk.random());
    match disk.create(&name) {
        Ok(_) => disk.remove(&name),
        Err(error) if is_no_space(&error) => Ok(()),
        Err(error) => Err(error),
    }
}

/// A directory of the operating system.
pub(super) struct RealDisk {
    dir: PathBuf,
    /// Open for `sync`; carries the lock when there is one, which ends with the process.
    handle: File,
}

impl RealDisk {
    /// Makes the directory when it is missing (mode 0700, durably) and locks it against other processes.
    pub(super) fn lock(dir: &Path) -> Result<Self, JournalError> {
        let io_error = |operation, source| JournalError::io(operation, &dir.display().to_string(), source);
        create_durably(dir).map_err(|error| io_error("create the directory", error))?;
        let disk = Self::look(dir)?;
        match disk.handle.try_lock() {
            Ok(()) => Ok(disk),
            Err(TryLockError::WouldBlock) => Err(JournalError::InUse { dir: dir.to_owned() }),
            Err(TryLockError::Error(error)) => Err(io_error("lock", error)),
        }
    }

    /// The directory as it is, without a lock: to read beside the process that writes.
    pub(super) fn look(dir: &Path) -> Result<Self, JournalError> {
        let handle = File::open(dir).map_err(|error| JournalError::io("open", &dir.display().to_string(), error))?;
        Ok(Self { dir: dir.to_owned(), handle })
    }
}

/// `mkdir -p`, and each new directory's name synced in its parent.
fn create_durably(dir: &Path) -> io::Result<()> {
    let missing: Vec<&Path> =
        dir.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    for path in missing {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}

impl Disk for RealDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.dir)? {
            // A name that is not UTF-8 is none of ours.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(self.dir.join(name))?;
        Ok(Box::new(file))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(OpenOptions::new().read(true).write(true).open(self.dir.join(name))?))
    }

    fn open_to_read(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(File::open(self.dir.join(name))?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.dir.join(from), self.dir.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.dir.join(name))
    }

    fn sync(&self) -> io::Result<()> {
        self.handle.sync_all()
    }

    fn random(&self) -> u32 {
        rand::random()
    }
}

impl DiskFile for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        FileExt::write_at(self, bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        File::set_len(self, bytes)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}
