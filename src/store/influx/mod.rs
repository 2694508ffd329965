//! The store in InfluxDB 2: samples there, books here.
//!
//! Dead letters, the counters of the ledger and the bookmark stay in the data directory, in an embedded store without
//! samples; the journal is the spool. [`Influx::apply`] first makes a group of entries durable at InfluxDB and then
//! enters it in the books, so the checkpoint runs ahead of neither. An outage costs journal space: `apply` refuses,
//! the follower offers the same entries again, and nobody else waits.
//!
//! ```text
//! apply -> group of entries -> lines -> relay -> InfluxDB --taken--> books (entries, refused points as dead letters)
//!               names.rs       line.rs  relay.rs    |
//! range, tallies, last -> Flux -> relay -> ---------+--annotated CSV--> answer.rs -> pages.rs
//! ```
//!
//! Invariants:
//! - the bookmark never runs ahead of InfluxDB; after a crash, entries past it are written again, which changes
//!   nothing: a series has one point a time, and the same entries in the same order leave the same value there;
//! - a point that InfluxDB refuses for good is a dead letter, and counts as refused instead of stored;
//! - one request at a time writes, and none before the back-off is over.
//!
//! [`Influx::contains`] knows nothing: it is asked under the pipeline's lock, where no network may be waited for. So a
//! redelivery older than what the pipeline remembers itself (the newest few of each channel) is taken once more,
//! counts as stored instead of duplicate, and overwrites a point with itself.
//!
//! Left out on purpose: deletion (a bucket has its own retention), more than one InfluxDB, and moving what the
//! embedded store holds.

mod answer;
mod backoff;
mod bisect;
mod config;
mod error;
pub mod flux;
mod line;
mod names;
mod pages;
mod relay;
mod setup;
mod transport;
mod upstream;
mod writer;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

pub use answer::Mistake;
pub use config::Config;
pub use error::InfluxError;
pub use names::{Series, measurement};
pub use pages::Pages;
pub use setup::{Setup, create_bucket, examine};

use super::embedded::{DeadLetter, DeadLetterFilter, DeadLetterPage, DeadLetterTotals, Embedded, Status};
use super::{StoreError, StoredSample, Tally, Tier};
use crate::model::{Catalogue, ChannelId, Entry, Seq, SourceId, Timestamp};

use names::Names;
use transport::Transport;
use writer::Writer;

/// History in InfluxDB. One thread applies; any number read meanwhile. All calls block, on the network too.
pub struct Influx {
    books: Embedded,
    url: Arc<str>,
    transport: Arc<Transport>,
    /// Held for a look or a replacement.
    names: RwLock<Arc<Names>>,
    /// Of the day tier, in microseconds east of UTC.
    day_offset: i64,
    /// Held by `apply` and `flush` from beginning to end.
    writer: Mutex<Writer>,
}

impl Influx {
    /// Opens the books in a directory, or makes them, and gets ready to ask InfluxDB; sends nothing yet, so it may be
    /// down. The caller then tells the names of channels by [`Influx::install`].
    pub fn open(directory: &Path, config: &super::Config) -> Result<Self, StoreError> {
        let books = Embedded::open_books(directory, config)?;
        let url: Arc<str> = config.influx.url.as_str().into();
        let transport = Transport::new(&config.influx);
        let transport = transport.map_err(|source| StoreError::Influx { url: url.to_string(), source })?;
        Ok(Self {
            books,
            url,
            transport: Arc::new(transport),
            names: RwLock::default(),
            day_offset: i64::from(config.day_offset_minutes) * 60_000_000,
            writer: Mutex::new(Writer::new(&config.influx)),
        })
    }

    /// Learns the names of channels. A catalogue that knows fewer channels than are known (an old one, met again in
    /// the journal) is passed over.
    pub fn install(&self, catalogue: &Catalogue) {
        if catalogue.channels().len() >= self.names.read().count() {
            *self.names.write() = Arc::new(Names::of(catalogue));
        }
    }

    /// Every entry up to and including this one is in InfluxDB, and on disk in the books.
    pub fn checkpoint(&self) -> Seq {
        self.books.checkpoint()
    }

    /// The last entry applied.
    pub fn applied(&self) -> Seq {
        self.books.applied()
    }

    /// Takes durable entries, in the order of the journal; those already taken are ignored. After an error the same
    /// entries are to be offered again: before the back-off is over, the same error is the answer and nothing is sent.
    pub fn apply(&self, entries: &[Entry]) -> Result<(), StoreError> {
        self.writer.lock().apply(self, entries)
    }

    /// Makes the books durable.
    pub fn flush(&self) -> Result<(), StoreError> {
        let _writer = self.writer.lock();
        self.books.flush()
    }

    /// One channel's samples with `from <= time < to`, ascending, one per time. A page that cannot be had is an `Err`,
    /// and the last item.
    pub fn range(&self, channel: ChannelId, from: Timestamp, to: Timestamp) -> Pages {
        Pages::new(self.place(channel), from, to, pages::PAGE_ROWS)
    }

    /// One channel's tallies of the buckets of a tier that begin in `from..to`, ascending, without the empty ones.
    pub fn tallies(
        &self,
        channel: ChannelId,
        tier: Tier,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<(Timestamp, Tally)>, StoreError> {
        pages::tallies(self.place(channel), (tier.micros(), tier.offset(self.day_offset)), from, to)
    }

    /// The channel's latest sample by time.
    pub fn last(&self, channel: ChannelId) -> Result<Option<StoredSample>, StoreError> {
        pages::last(self.place(channel))
    }

    /// Nothing is known without asking; see the top of this file.
    pub fn contains(&self, _channel: ChannelId, _at: Timestamp) -> Result<Option<f64>, StoreError> {
        Ok(None)
    }

    /// Samples taken by InfluxDB, by source.
    pub fn stored_counts(&self) -> BTreeMap<SourceId, u64> {
        self.books.stored_counts()
    }

    /// Samples refused by InfluxDB, by source.
    pub fn refused_counts(&self) -> BTreeMap<SourceId, u64> {
        self.books.refused_counts()
    }

    /// As [`super::Store::dead_letters`].
    pub fn dead_letters(
        &self,
        before: Option<Seq>,
        limit: usize,
        filter: &DeadLetterFilter,
    ) -> Result<DeadLetterPage, StoreError> {
        self.books.dead_letters(before, limit, filter)
    }

    /// As [`super::Store::dead_letter`].
    pub fn dead_letter(&self, id: Seq) -> Result<Option<DeadLetter>, StoreError> {
        self.books.dead_letter(id)
    }

    /// As [`super::Store::dead_letter_totals`].
    pub fn dead_letter_totals(&self) -> DeadLetterTotals {
        self.books.dead_letter_totals()
    }

    /// Where the books stand.
    pub fn status(&self) -> Status {
        self.books.status()
    }

    /// Where a channel's samples are, or why nowhere.
    fn place(&self, channel: ChannelId) -> Result<pages::Place, StoreError> {
        let names = self.names.read().clone();
        let series = names.series(channel).cloned();
        let series = series.map_err(|reason| self.error(InfluxError::Name { channel: channel.0, reason }))?;
        Ok(pages::Place { transport: self.transport.clone(), url: self.url.clone(), series })
    }

    fn error(&self, source: InfluxError) -> StoreError {
        StoreError::Influx { url: self.url.to_string(), source }
    }
}
