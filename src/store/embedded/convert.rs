//! Bringing a store of the layout before this one into this one, when it is opened.
//!
//! In layout 2 a run's key was its address behind the table's byte: by channel first. Its bytes are the same, so runs
//! move as they are. What is moved is moved in batches, each of them whole, and the format's name changes when all is
//! on disk: a conversion that was cut short goes on at the next opening. A block that the engine cannot read stays
//! behind and is told in the log; the rest is moved.

use fjall::{PersistMode, Readable};

use super::StoreError;
use super::key::{Key, Table};
use super::tables::{Tables, first_readable};

/// Runs moved in one batch, and bytes of them.
const BATCH_RUNS: usize = 1_024;
const BATCH_BYTES: usize = 4 << 20;
/// The length of a run's key in layout 2.
const KEY_BYTES_2: usize = 13;

/// Moves every run that stands where layout 2 had it; gives how many.
pub(super) fn from_layout_2(tables: &Tables) -> Result<u64, StoreError> {
    let failed = |source| StoreError::Convert { source };
    let snapshot = tables.database.snapshot();
    let from = |place: i64| snapshot.range(&tables.history, key_2(place)..Table::Dirty.prefix().to_vec());
    let (mut batch, mut runs, mut bytes, mut moved) = (tables.database.batch(), 0, 0, 0);
    let (mut place, mut rest) = (0, from(0));
    while let Some(guard) = rest.next() {
        let Ok((old, run)) = guard.into_inner() else {
            tracing::error!(channel = place >> 32, "a part of the history cannot be read and is not brought along");
            metrics::counter!("store_unreadable_parts_left_total").increment(1);
            let readable = |place| from(place).next().is_none_or(|guard| guard.key().is_ok());
            let Some(next) = first_readable(place + 1, i64::MAX, readable) else { break };
            (place, rest) = (next, from(next));
            continue;
        };
        let key = (old.len() == KEY_BYTES_2).then(|| Key::of_address(&old[1..])).flatten();
        let Some(key) = key else { continue };
        place = place_of(&old);
        (runs, bytes, moved) = (runs + 1, bytes + run.len(), moved + 1);
        batch.insert(&tables.history, key.to_bytes(), run);
        batch.remove(&tables.history, old);
        if runs == BATCH_RUNS || bytes >= BATCH_BYTES {
            std::mem::replace(&mut batch, tables.database.batch()).commit().map_err(failed)?;
            (runs, bytes) = (0, 0);
        }
    }
    batch.commit().map_err(failed)?;
    tables.database.persist(PersistMode::SyncAll).map_err(failed)?;
    Ok(moved)
}

/// Channel and day of a key of layout 2 as one number; channels are numbered from 0 on, far below the half of them all.
fn place_of(key: &[u8]) -> i64 {
    let word: [u8; 8] = key[1..9].try_into().unwrap_or_default();
    i64::from_be_bytes(word)
}

/// The least key of layout 2 of a channel's day.
fn key_2(place: i64) -> Vec<u8> {
    [Table::Runs.prefix().as_slice(), &place.to_be_bytes()].concat()
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
    use crate::store::embedded::tests::{message, sample, spoil_a_block};

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

    /// Puts a closed store into layout 2, every run or one in so many, and its tables in order; gives the keyspace.
    fn age(directory: &Path, one_in: usize, format: &str) -> String {
        let tables = Tables::open(directory, &Config::default()).unwrap();
        let snapshot = tables.database.snapshot();
        for guard in snapshot.prefix(&tables.history, Table::Runs.prefix()).step_by(one_in) {
            let (new, run) = guard.into_inner().unwrap();
            let old = [Table::Runs.prefix().as_slice(), &Key::from_bytes(&new).unwrap().address()].concat();
            tables.history.insert(old, run).unwrap();
            tables.history.remove(new).unwrap();
        }
        drop(snapshot);
        tables.history.rotate_memtable_and_wait().unwrap();
        tables.history.major_compact().unwrap();
        tables.database.persist(PersistMode::SyncAll).unwrap();
        fs::write(directory.join("format"), format).unwrap();
        tables.history.id().to_string()
    }

    #[test]
    fn a_store_of_the_layout_before_is_brought_into_this_one_also_when_that_was_cut_short() {
        for (one_in, format) in [(1, "saola store 2\n"), (2, "saola store 2 to 3\n")] {
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
            age(directory.path(), one_in, format);
            let store = open(directory.path());
            assert_eq!(content(&store), before);
            drop(store);
            assert_eq!(fs::read_to_string(directory.path().join("format")).unwrap(), "saola store 3\n");
            let tables = Tables::open(directory.path(), &Config::default()).unwrap();
            let mut keys = tables.database.snapshot().prefix(&tables.history, Table::Runs.prefix());
            assert!(keys.all(|guard| Key::from_bytes(&guard.key().unwrap()).is_some()), "nothing is left behind");
        }
    }

    #[test]
    fn a_part_that_cannot_be_read_stays_behind_and_the_rest_is_brought_along() {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path());
        for channel in 0..CHANNELS {
            let times = (0..200).flat_map(|day| (0..60).map(move |place| day * DAY_MICROS + place * 7_777_777));
            let samples = times.map(|at| sample(channel, at, (at as f64).sqrt())).collect();
            store.apply(&[message(u64::from(channel) + 1, 0, samples)]).unwrap();
        }
        store.flush().unwrap();
        drop(store);
        let keyspace = age(directory.path(), 1, "saola store 2\n");
        spoil_a_block(directory.path(), &keyspace, 8);
        let store = open(directory.path());
        let found = content(&store).len();
        let all = (CHANNELS * 200 * 60) as usize;
        assert!(found < all && found > all - 60 * 60, "{found} of {all}");
    }
}
