//! A disk in memory that does what disks do: it forgets what was not synced, in part; it tears writes at 512 bytes;
//! it fills up; it reads and writes less than asked; a failed sync drops pages and calls them clean.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::journal::disk::{Disk, DiskFile};

const BLOCK_BYTES: usize = 512;

/// How often what goes wrong, 0 to 1.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Faults {
    pub(super) sync_fails: f64,
    pub(super) write_fails: f64,
    /// Reads and writes that move less than asked, or are interrupted.
    pub(super) short: f64,
}

#[derive(Clone)]
pub(super) struct FaultyDisk {
    state: Arc<Mutex<State>>,
}

struct State {
    rng: SmallRng,
    faults: Faults,
    /// Syncs that still succeed before every later one fails.
    syncs_left: Option<u32>,
    /// Reads that still succeed before every later one fails.
    reads_left: Option<u32>,
    space_bytes: usize,
    files: Vec<File>,
    /// As a process sees them.
    names: BTreeMap<String, usize>,
    /// As they are after a crash, before `renamings` are applied in part.
    durable_names: BTreeMap<String, usize>,
    renamings: Vec<Renaming>,
}

#[derive(Default)]
struct File {
    /// As a process sees it.
    bytes: Vec<u8>,
    /// As it is after a crash, before dirty blocks are applied in part.
    durable: Vec<u8>,
    dirty: BTreeSet<usize>,
    /// The shortest it was cut to since the last sync.
    cut: Option<usize>,
}

enum Renaming {
    Create(String, usize),
    Rename(String, String),
    Remove(String),
}

impl FaultyDisk {
    pub(super) fn new(seed: u64) -> Self {
        Self::with_image(seed, &BTreeMap::new())
    }

    /// A disk that holds these files, durably.
    pub(super) fn with_image(seed: u64, image: &BTreeMap<String, Vec<u8>>) -> Self {
        let names: BTreeMap<String, usize> = image.keys().cloned().zip(0..).collect();
        let files =
            image.values().map(|bytes| File { bytes: bytes.clone(), durable: bytes.clone(), ..File::default() });
        let state = State {
            rng: SmallRng::seed_from_u64(seed),
            faults: Faults::default(),
            syncs_left: None,
            reads_left: None,
            space_bytes: usize::MAX,
            files: files.collect(),
            durable_names: names.clone(),
            names,
            renamings: Vec::new(),
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// The files as a process sees them.
    pub(super) fn image(&self) -> BTreeMap<String, Vec<u8>> {
        let state = self.state.lock();
        state.names.iter().map(|(name, file)| (name.clone(), state.files[*file].bytes.clone())).collect()
    }

    pub(super) fn set_faults(&self, faults: Faults) {
        self.state.lock().faults = faults;
    }

    /// Every sync after this many fails.
    pub(super) fn fail_syncs_after(&self, count: u32) {
        self.state.lock().syncs_left = Some(count);
    }

    /// Every read after this many fails.
    pub(super) fn fail_reads_after(&self, count: u32) {
        self.state.lock().reads_left = Some(count);
    }

    pub(super) fn mend(&self) {
        let mut state = self.state.lock();
        state.reads_left = None;
        state.faults = Faults::default();
        state.syncs_left = None;
        state.space_bytes = usize::MAX;
    }

    /// From now on the disk holds this much more than it does now.
    pub(super) fn leave_space(&self, bytes: usize) {
        let mut state = self.state.lock();
        state.space_bytes = state.used().saturating_add(bytes);
    }

    /// The power goes: of what was not synced, some is there and some is not.
    pub(super) fn crash(&self) {
        let mut state = self.state.lock();
        let State { rng, files, names, durable_names, renamings, .. } = &mut *state;
        let keep = [0.0, 0.1, 0.5, 0.9, 1.0][rng.random_range(0..5)];
        for renaming in renamings.drain(..) {
            if rng.random_bool(keep) {
                renaming.apply(durable_names);
            }
        }
        *names = durable_names.clone();
        for file in files.iter_mut() {
            if let Some(cut) = file.cut.take().filter(|_| rng.random_bool(keep)) {
                file.durable.truncate(cut);
            }
            for block in std::mem::take(&mut file.dirty) {
                if rng.random_bool(keep) {
                    file.write_back(block);
                }
            }
            file.bytes = file.durable.clone();
        }
    }
}

impl Renaming {
    fn apply(self, names: &mut BTreeMap<String, usize>) {
        match self {
            Renaming::Create(name, file) => {
                names.insert(name, file);
            }
            Renaming::Rename(from, to) => {
                if let Some(file) = names.remove(&from) {
                    names.insert(to, file);
                }
            }
            Renaming::Remove(name) => {
                names.remove(&name);
            }
        }
    }
}

impl File {
    /// Brings one block to the platter as it is now.
    fn write_back(&mut self, block: usize) {
        let from = block * BLOCK_BYTES;
        let to = (from + BLOCK_BYTES).min(self.bytes.len());
        if from < to {
            if self.durable.len() < to {
                self.durable.resize(to, 0);
            }
            self.durable[from..to].copy_from_slice(&self.bytes[from..to]);
        }
    }
}

impl State {
    fn used(&self) -> usize {
        self.names.values().map(|file| self.files[*file].bytes.len()).sum()
    }

    fn chance(&mut self, chance: f64) -> bool {
        chance > 0.0 && self.rng.random_bool(chance)
    }

    /// Less than asked, now and then; sometimes an interruption.
    fn shorten(&mut self, bytes: usize) -> io::Result<usize> {
        let short = self.faults.short;
        if bytes == 0 || !self.chance(short) {
            return Ok(bytes);
        }
        match self.rng.random_range(0..=bytes) {
            0 => Err(io::ErrorKind::Interrupted.into()),
            some => Ok(some),
        }
    }

    fn sync_fails(&mut self) -> bool {
        let chance = self.faults.sync_fails;
        match &mut self.syncs_left {
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
            None => self.chance(chance),
        }
    }

    fn file(&self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn input_output() -> io::Error {
    io::Error::from_raw_os_error(5)
}

impl Disk for FaultyDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.state.lock().names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state.lock();
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if state.used() >= state.space_bytes {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let file = state.files.len();
        state.files.push(File::default());
        state.names.insert(name.to_owned(), file);
        state.renamings.push(Renaming::Create(name.to_owned(), file));
        Ok(Box::new(FaultyFile { state: Arc::clone(&self.state), file }))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let file = self.state.lock().file(name)?;
        Ok(Box::new(FaultyFile { state: Arc::clone(&self.state), file }))
    }

    fn open_to_read(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        self.open(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        let file = state.file(from)?;
        state.names.remove(from);
        state.names.insert(to.to_owned(), file);
        state.renamings.push(Renaming::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        state.file(name)?;
        state.names.remove(name);
        state.renamings.push(Renaming::Remove(name.to_owned()));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        if state.sync_fails() {
            return Err(input_output());
        }
        state.durable_names = state.names.clone();
        state.renamings.clear();
        Ok(())
    }

    fn random(&self) -> u32 {
        self.state.lock().rng.random()
    }
}

struct FaultyFile {
    state: Arc<Mutex<State>>,
    file: usize,
}

impl DiskFile for FaultyFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.state.lock();
        if let Some(left) = &mut state.reads_left {
            *left = left.checked_sub(1).ok_or_else(input_output)?;
        }
        let wanted = state.shorten(buffer.len())?;
        let bytes = state.files[self.file].bytes.get(offset as usize..).unwrap_or_default();
        let count = wanted.min(bytes.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut state = self.state.lock();
        let chance = state.faults.write_fails;
        if state.chance(chance) {
            return Err(input_output());
        }
        let count = state.shorten(bytes.len())?;
        let from = offset as usize;
        let held = state.files[self.file].bytes.len();
        let space = state.space_bytes.saturating_sub(state.used());
        let count = count.min((held + space).saturating_sub(from));
        if count == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let written_back = state.chance(0.05);
        let file = &mut state.files[self.file];
        if held < from + count {
            file.bytes.resize(from + count, 0);
        }
        file.bytes[from..from + count].copy_from_slice(&bytes[..count]);
        let blocks = from.min(held) / BLOCK_BYTES..(from + count).div_ceil(BLOCK_BYTES);
        if written_back {
            // The kernel writes pages when it likes, so older versions of a block reach the platter too.
            blocks.clone().for_each(|block| file.write_back(block));
        }
        file.dirty.extend(blocks);
        Ok(count)
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        if state.sync_fails() {
            let State { rng, files, .. } = &mut *state;
            let file = &mut files[self.file];
            for block in std::mem::take(&mut file.dirty) {
                if rng.random_bool(0.5) {
                    file.write_back(block);
                }
            }
            return Err(input_output());
        }
        let file = &mut state.files[self.file];
        if let Some(cut) = file.cut.take() {
            file.durable.truncate(cut);
        }
        // Only what is dirty: pages that a failed sync called clean stay lost.
        for block in std::mem::take(&mut file.dirty) {
            file.write_back(block);
        }
        Ok(())
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        let mut state = self.state.lock();
        let file = &mut state.files[self.file];
        let bytes = bytes as usize;
        file.cut = Some(file.cut.unwrap_or(bytes).min(bytes));
        file.bytes.resize(bytes, 0);
        file.dirty.retain(|block| block * BLOCK_BYTES < bytes);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.state.lock().files[self.file].bytes.len() as u64)
    }
}
