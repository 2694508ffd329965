//! Bringing a store of the layout before this one into this one, when it is opened.
//!
//! In layout 2 a run's key was its address behind the table's byte: by channel first. Its bytes are the same, so runs
//! move as they are. What is moved is moved in batches, each of them whole, and the format's name changes when all is
//! on disk: a conversion that was cut short goes on at the next opening.

use fjall::{PersistMode, Readable};

use super::StoreError;
use super::key::{Key, Table};
use super::tables::Tables;

/// Runs moved in one batch.
const BATCH_RUNS: usize = 1_024;
/// The length of a run's key in layout 2.
const KEY_BYTES_2: usize = 13;

/// Moves every run that stands where layout 2 had it; gives how many.
pub(super) fn from_layout_2(tables: &Tables) -> Result<u64, StoreError> {
    const WHAT: &str = "runs of the layout before this one";
    let failed = |source| StoreError::Read { what: WHAT, source };
    let snapshot = tables.database.snapshot();
    let (mut batch, mut waiting, mut moved) = (tables.database.batch(), 0, 0);
    for guard in snapshot.prefix(&tables.history, Table::Runs.prefix()) {
        let (old, run) = guard.into_inner().map_err(failed)?;
        let key = (old.len() == KEY_BYTES_2).then(|| Key::of_address(&old[1..])).flatten();
        let Some(key) = key else { continue };
        batch.insert(&tables.history, key.to_bytes(), run);
        batch.remove(&tables.history, old);
        (waiting, moved) = (waiting + 1, moved + 1);
        if waiting == BATCH_RUNS {
            std::mem::replace(&mut batch, tables.database.batch()).commit().map_err(failed)?;
            waiting = 0;
        }
    }
    batch.commit().map_err(failed)?;
    tables.database.persist(PersistMode::SyncAll).map_err(failed)?;
    Ok(moved)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::model::{ChannelId, Timestamp};
    use crate::store::Config;
    use crate::store::embedded::Embedded;
    use crate::store::embedded::key::DAY_MICROS;
    use crate::store::embedded::tests::{message, sample};

    const CHANNELS: u32 = 7;
    const DAYS: i64 = 40;

    fn open(directory: &Path) -> Embedded {
        Embedded::open(directory, &Config::default()).unwrap()
    }

    /// Every sample, channel by channel.
    fn content(store: &Embedded) -> Vec<(ChannelId, Timestamp, f64)> {
        let always = [i64::MIN, i64::MAX].map(Timestamp::from_micros);
        let of = |channel| store.range(channel, always[0], always[1]).map(move |sample| (channel, sample.unwrap()));
        let all = (0..CHANNELS).map(ChannelId).flat_map(of);
        all.map(|(channel, sample)| (channel, sample.observed_at, sample.value)).collect()
    }

    /// Puts a closed store into layout 2: every run, or one in so many.
    fn age(directory: &Path, one_in: usize) {
        let tables = Tables::open(directory, &Config::default()).unwrap();
        let snapshot = tables.database.snapshot();
        for guard in snapshot.prefix(&tables.history, Table::Runs.prefix()).step_by(one_in) {
            let (new, run) = guard.into_inner().unwrap();
            let old = [Table::Runs.prefix().as_slice(), &Key::from_bytes(&new).unwrap().address()].concat();
            tables.history.insert(old, run).unwrap();
            tables.history.remove(new).unwrap();
        }
        tables.database.persist(PersistMode::SyncAll).unwrap();
        fs::write(directory.join("format"), "saola store 2\n").unwrap();
    }

    #[test]
    fn a_store_of_the_layout_before_is_brought_into_this_one_also_when_that_was_cut_short() {
        for one_in in [1, 2] {
            let directory = tempfile::tempdir().unwrap();
            let store = open(directory.path());
            for day in 0..DAYS {
                // Days of two centuries, before 1970 too.
                let at = (day * 900 - 20_000) * DAY_MICROS + day;
                let samples = (0..CHANNELS).map(|channel| sample(channel, at, day as f64)).collect();
                store.apply(&[message(day as u64 + 1, 0, samples)]).unwrap();
            }
            store.flush().unwrap();
            let before = content(&store);
            assert_eq!(before.len(), (i64::from(CHANNELS) * DAYS) as usize);
            drop(store);
            age(directory.path(), one_in);
            let store = open(directory.path());
            assert_eq!(content(&store), before);
            drop(store);
            assert_eq!(fs::read_to_string(directory.path().join("format")).unwrap(), "saola store 3\n");
            let tables = Tables::open(directory.path(), &Config::default()).unwrap();
            let mut keys = tables.database.snapshot().prefix(&tables.history, Table::Runs.prefix());
            assert!(keys.all(|guard| Key::from_bytes(&guard.key().unwrap()).is_some()), "nothing is left behind");
        }
    }
}
