//! When each channel's first sample is, in memory and beside the runs: nothing need be looked for before it.
//!
//! What is known is never later than the truth: it moves back in the batch of the sample that is earlier, and stays
//! where it is when days are deleted for their age. Of a channel that was written before these notes were kept, or
//! whose note cannot be read, nothing is known: it may have a sample at any time. Beside them stands through which entry
//! they hold: where the bookmark is at another one, a version that does not keep them has written, and they go.

use fjall::{OwnedWriteBatch, Readable};
use hashbrown::HashMap;

use crate::model::{ChannelId, Seq, Timestamp};

use super::head::Head;
use super::key::{self, Table};
use super::latest::Latest;
use super::tables::Tables;
use super::{StoreError, sealed};

const THROUGH_KEY: &[u8] = &[Table::Notes as u8, 4];

/// See the module.
#[derive(Default)]
pub(super) struct Firsts {
    known: HashMap<ChannelId, Timestamp>,
    /// The first of those known.
    earliest: Option<Timestamp>,
    /// Of some channel that is written nothing is known.
    is_partial: bool,
}

/// Adds to the batch what [`Firsts::moved_by`] said, and that all of them hold through an entry.
pub(super) fn put(firsts: &[(ChannelId, Timestamp)], through: Seq, tables: &Tables, batch: &mut OwnedWriteBatch) {
    for (channel, at) in firsts {
        let key = key::first(*channel);
        batch.insert(&tables.history, key, sealed::seal(&key, at));
    }
    batch.insert(&tables.history, THROUGH_KEY, sealed::seal(THROUGH_KEY, &through));
}

impl Firsts {
    /// Those on disk; `latest` are the channels that are written, through an entry.
    pub(super) fn read(tables: &Tables, latest: &Latest, through: Seq) -> Result<Self, StoreError> {
        let mut firsts = Self::default();
        let named = ["what is known of first samples", "reach of first samples"];
        if tables.note::<Seq>(THROUGH_KEY, named)? == Some(through) {
            for guard in tables.database.snapshot().prefix(&tables.history, Table::Firsts.prefix()) {
                let Some(first) = guard.into_inner().ok().and_then(|(key, value)| one(&key, &value)) else {
                    tracing::error!("a note of the first samples cannot be read; what is before them is looked for");
                    break;
                };
                firsts.move_back([first]);
            }
        } else {
            forget(tables, through)?;
        }
        firsts.is_partial = latest.keys().any(|channel| !firsts.known.contains_key(channel));
        Ok(firsts)
    }

    /// Whether a channel that is written may have a written sample at or before a time.
    pub(super) fn may_precede(&self, channel: ChannelId, at: Timestamp) -> bool {
        self.known.get(&channel).is_none_or(|first| *first <= at)
    }

    /// Of some channel that is written nothing is known.
    pub(super) fn is_partial(&self) -> bool {
        self.is_partial
    }

    /// No sample of any channel is before this; `None`: that is not known, or nothing is written.
    pub(super) fn earliest(&self) -> Option<Timestamp> {
        self.earliest.filter(|_| !self.is_partial)
    }

    /// What is another one once a head is written; `latest` are the channels that are written before it.
    pub(super) fn moved_by(&self, head: &Head, latest: &Latest) -> Vec<(ChannelId, Timestamp)> {
        let is_moved = |(channel, at): &(ChannelId, Timestamp)| match self.known.get(channel) {
            Some(first) => at < first,
            // Of a channel that was written, what is before is not known by what comes now.
            None => !latest.contains_key(channel),
        };
        head.firsts().filter(is_moved).collect()
    }

    /// What [`Firsts::moved_by`] said is written.
    pub(super) fn move_back(&mut self, firsts: impl IntoIterator<Item = (ChannelId, Timestamp)>) {
        for (channel, at) in firsts {
            self.known.insert(channel, at);
            self.earliest = Some(self.earliest.map_or(at, |earliest| earliest.min(at)));
        }
    }
}

/// Removes all notes.
fn forget(tables: &Tables, through: Seq) -> Result<(), StoreError> {
    let unreadable = |source| StoreError::Read { what: "notes of first samples", source };
    let mut batch = tables.database.batch();
    for guard in tables.database.snapshot().prefix(&tables.history, Table::Firsts.prefix()) {
        batch.remove(&tables.history, guard.key().map_err(unreadable)?);
    }
    batch.commit().map_err(|source| StoreError::Write { through, source })
}

fn one(key: &[u8], value: &[u8]) -> Option<(ChannelId, Timestamp)> {
    let at = sealed::unseal(key, value).ok()?;
    Some((ChannelId(u32::from_be_bytes(key.get(1..)?.try_into().ok()?)), at))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::store::embedded::key::{DAY_MICROS, Day, Key, Span};
    use crate::store::embedded::tests::{message, sample};
    use crate::store::embedded::{Embedded, Then};
    use crate::store::{Config, StoredSample};

    /// 2026-08-21T00:00:00Z.
    const TODAY: i64 = 1_787_270_400_000_000;
    const BOTH: [ChannelId; 2] = [ChannelId(0), ChannelId(1)];

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(TODAY + seconds * 1_000_000)
    }

    fn open(directory: &TempDir) -> Embedded {
        Embedded::open(directory.path(), &Config::default()).unwrap()
    }

    /// A sample of a channel a second, from each on to the end of the minute.
    fn apply(store: &Embedded, seq: u64, firsts: &[(u32, i64)]) {
        let seconds = |(channel, first): &(u32, i64)| {
            let channel = *channel;
            (*first..*first + 60).map(move |second| sample(channel, at(second).micros(), 1.0))
        };
        store.apply(&[message(seq, 0, firsts.iter().flat_map(seconds).collect())]).unwrap();
    }

    fn newest(store: &Embedded, moment: Timestamp) -> [Option<Timestamp>; 2] {
        let time = |then: Result<Then, StoreError>| then.unwrap().newest.map(|newest: StoredSample| newest.observed_at);
        store.moment(&BOTH, moment).into_iter().map(time).collect::<Vec<_>>().try_into().unwrap()
    }

    #[test]
    fn before_a_channels_first_sample_nothing_is_read() {
        let directory = TempDir::new().unwrap();
        let store = open(&directory);
        apply(&store, 1, &[(0, 0), (1, 600)]);
        store.flush().unwrap();
        // Whoever reads this run is told so.
        let key = Key { channel: ChannelId(1), day: Day::of(at(0)), number: 0 }.to_bytes();
        let mut run = store.tables.history.get(key).unwrap().unwrap().to_vec();
        run[5] ^= 1;
        store.tables.history.insert(key, run).unwrap();
        let check = |store: &Embedded, first: i64| {
            assert_eq!(newest(store, at(first - 1)), [Some(at(first.min(60) - 1)), None]);
            assert!(store.moment(&BOTH, at(610))[1].is_err());
            assert_eq!(store.begins_at(), Some(at(0)));
        };
        check(&store, 600);
        drop(store);
        let store = open(&directory);
        check(&store, 600);
        // What comes late moves it back, once it is written.
        apply(&store, 2, &[(1, 300)]);
        assert_eq!(newest(&store, at(330)), [Some(at(59)), Some(at(330))]);
        store.flush().unwrap();
        check(&store, 300);
        assert!(store.moment(&BOTH, at(300))[1].is_err(), "from here on the day is read");
        drop(store);
        check(&open(&directory), 300);
    }

    #[test]
    fn late_data_of_long_ago_is_where_history_begins() {
        let directory = TempDir::new().unwrap();
        let store = open(&directory);
        assert_eq!((store.begins_at(), store.first_ever_at()), (None, None));
        apply(&store, 1, &[(0, 100)]);
        assert_eq!((store.begins_at(), store.first_ever_at()), (Some(at(100)), Some(at(100))), "before it is written");
        store.flush().unwrap();
        apply(&store, 2, &[(0, 200), (1, -90 * 86_400)]);
        for _ in 0..2 {
            assert_eq!(store.begins_at(), Some(at(-90 * 86_400)));
            assert_eq!(store.first_ever_at(), Some(at(-90 * 86_400)));
            assert_eq!(newest(&store, at(-90 * 86_400 + 5)), [None, Some(at(-90 * 86_400 + 5))]);
            assert_eq!(newest(&store, at(100)), [Some(at(100)), Some(at(-90 * 86_400 + 59))]);
            store.flush().unwrap();
        }
        drop(store);
        assert_eq!(open(&directory).begins_at(), Some(at(-90 * 86_400)));
    }

    #[test]
    fn where_another_version_has_written_nothing_is_known_for_good() {
        let directory = TempDir::new().unwrap();
        let store = open(&directory);
        apply(&store, 1, &[(0, 500), (1, 700)]);
        store.flush().unwrap();
        // It has taken a sample of before, and moved the bookmark alone.
        apply(&store, 2, &[(0, 400)]);
        store.flush().unwrap();
        let history = &store.tables.history;
        for (key, value) in [
            (key::first(ChannelId(0)).as_slice(), sealed::seal(&key::first(ChannelId(0)), &at(500))),
            (THROUGH_KEY, sealed::seal(THROUGH_KEY, &Seq(1))),
        ] {
            history.insert(key, value).unwrap();
        }
        drop(store);
        let span = Span::of(Day::of(at(0))).first_day().first();
        for seq in 3..5 {
            let store = open(&directory);
            assert_eq!(newest(&store, at(450)), [Some(at(450)), None]);
            assert_eq!((store.begins_at(), store.first_ever_at()), (Some(span), None));
            assert!(at(0).since(span).as_micros() < 8 * DAY_MICROS as u128);
            apply(&store, seq, &[(0, 800)]);
            store.flush().unwrap();
        }
    }
}
