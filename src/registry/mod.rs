//! Stations, channels, areas and sources, and the numbers that the journal and the store know them by.
//!
//! The files say what there is (`stations/*.toml`, `areas/*.geojson`); the database gives each thing a number, once,
//! and keeps it for ever. Seeding is idempotent and all or nothing: with one mistake in any file nothing changes.
//! What vanished from the files is retired, what returns is in service again under its old number. A channel keeps its
//! unit, as its history is kept in it.
//!
//! By hand (`edit`) one station is changed at a time, unless the files name it: a station in the files is the files'.
//! Every change is recorded with its author (`record`), and can be undone. Beside them: the duty roster (`roster`), and
//! the alert rules that were made by hand (`rule_book`).
//!
//! Everything here blocks on the disk: called at the start and by administration, never in the way of a reading.

mod area_facts;
mod area_file;
mod areas;
mod compare;
mod declared;
mod definition;
mod derived;
mod edit;
mod field;
mod footprint;
mod load;
mod outlines;
mod past;
mod policy_file;
mod properties;
mod record;
pub mod roster;
mod rule_book;
mod seed;
mod station_file;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

pub use areas::{AreaShape, Areas};
pub use compare::Foretold;
pub use declared::Declared;
pub use definition::{ChannelDefinition, Definition, Difference, Standing};
pub use edit::{Edit, EditError, Edited, Registered, Wish, WrongField};
pub use footprint::{Footprints, read_footprint};
pub use past::{ChannelStand, Stand, Stands, StoodAs};
pub use properties::{PROPERTIES, PropertyDefaults};
pub use record::{ChangeAct, StationChange};
pub use roster::{NewShift, Shift, ShiftsAsked};
pub use rule_book::{NewRuleVersion, RuleAct, RuleVersion};
pub use seed::{SeedReport, Tally};
pub use station_file::{ChannelDeclaration, StationDeclaration};

use crate::database::{Database, DatabaseError};
use crate::indices;
use crate::model::{Catalogue, CatalogueError, Mistake, Position, SourceId, Station, StationId, StationNo, Timestamp};

/// Stretches of road, by the stations that stand for them: two points and more each, WGS 84.
pub type Segments = BTreeMap<StationId, Vec<Position>>;

/// Channels that one station may have.
pub const CHANNELS_PER_STATION_MAX: usize = 256;

/// Why the registry cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The file cannot be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// SQLite refuses.
    #[error("cannot {doing}")]
    Sqlite {
        /// What was to be done.
        doing: &'static str,
        /// The reason.
        source: rusqlite::Error,
    },
    /// A row says something that no version of ours writes.
    #[error("{table} {row} of the registry has the unknown {column} {found:?}")]
    Unknown {
        /// The table.
        table: &'static str,
        /// Which row.
        row: String,
        /// Which column.
        column: &'static str,
        /// What it says.
        found: String,
    },
    /// Numbers or references do not hold.
    #[error("the registry is not consistent")]
    Catalogue(#[from] CatalogueError),
    /// Every number a source can have is given out.
    #[error("no number is left for source {0:?}: {max} are given out", max = u32::from(u16::MAX) + 1)]
    NoNumberLeft(String),
}

impl RegistryError {
    fn sqlite(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> RegistryError {
        move |source| RegistryError::Sqlite { doing, source }
    }
}

/// Why seeding changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// Every mistake in the files.
    #[error("{} mistakes in the stations and areas, the first: {}", .0.len(), .0.first().map(ToString::to_string).unwrap_or_default())]
    Mistakes(Vec<Mistake>),
    /// The database.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

/// The registry over its database file.
#[derive(Debug)]
pub struct Registry {
    database: Arc<Database>,
    areas: Mutex<Arc<Areas>>,
    /// What stations watch; nothing until it is asked for, and after a change.
    footprints: Mutex<Option<Arc<Footprints>>>,
    stands: Mutex<Option<Arc<Stands>>>,
    /// What follows from what stations observe; nothing before the files were read.
    indices: Mutex<Arc<indices::config::Config>>,
    /// As the files have them; none before they were read.
    segments: Mutex<Arc<Segments>>,
}

impl Registry {
    /// Opens the file (made when it is missing).
    pub fn open(path: &Path) -> Result<Registry, RegistryError> {
        Registry::over(Arc::new(Database::open(path)?))
    }

    /// Opens the file only to read what is in it, also while a service runs on it; `None` when there is no such file.
    pub fn open_to_read(path: &Path) -> Result<Option<Registry>, RegistryError> {
        Database::open_to_read(path)?.map(|database| Registry::over(Arc::new(database))).transpose()
    }

    /// Over a file that is open already: accounts and audit share it.
    pub fn over(database: Arc<Database>) -> Result<Registry, RegistryError> {
        let areas = load::areas(&database.lock())?;
        let indices = Arc::new(indices::config::Config::default());
        Ok(Registry {
            database,
            areas: Mutex::new(Arc::new(areas)),
            footprints: Mutex::default(),
            stands: Mutex::default(),
            indices: Mutex::new(indices),
            segments: Mutex::default(),
        })
    }

    /// The database file, to be shared.
    pub fn database(&self) -> &Arc<Database> {
        &self.database
    }

    /// The number of a way in, given out at its first mention.
    pub fn source(&self, name: &str) -> Result<SourceId, RegistryError> {
        seed::source(&mut self.database.lock(), name)
    }

    /// Brings the registry to what a folder's `stations/*.toml` and `areas/*.geojson` say.
    pub fn seed_from(&self, folder: &Path, now: Timestamp) -> Result<SeedReport, SeedError> {
        self.seed(&Declared::read(folder).map_err(SeedError::Mistakes)?, now)
    }

    /// Brings the registry to what the files, read already, say: what they no longer name is retired.
    pub fn seed(&self, declared: &Declared, now: Timestamp) -> Result<SeedReport, SeedError> {
        let report = seed::files(&mut self.database.lock(), declared, now)?;
        *self.areas.lock() = Arc::new(declared.shapes.clone());
        self.forget_the_past();
        *self.indices.lock() = Arc::new(declared.indices().clone());
        *self.segments.lock() = Arc::new(declared.segments());
        Ok(report)
    }

    /// Adds or changes stations that a program declares; the others stay as they are. A station's area is found from
    /// its position when none is named.
    pub fn seed_stations(&self, stations: Vec<StationDeclaration>, now: Timestamp) -> Result<SeedReport, SeedError> {
        let areas = self.areas();
        let mistakes = declared::check(&stations, &areas);
        if !mistakes.is_empty() {
            return Err(SeedError::Mistakes(mistakes));
        }
        let report = seed::program(&mut self.database.lock(), stations, (&areas, &self.indices()), now)?;
        self.forget_the_past();
        Ok(report)
    }

    /// Changes one station to what `wish` makes of its present state; nothing is written when nothing differs.
    pub fn edit(
        &self,
        edit: &Edit<'_>,
        wish: impl FnOnce(Option<&Registered>) -> Result<Wish, EditError>,
    ) -> Result<Edited, EditError> {
        let edited = edit::edit(&mut self.database.lock(), (&self.areas(), &self.indices()), edit, wish)?;
        self.forget_the_past();
        Ok(edited)
    }

    /// One station as it stands here, by its name.
    pub fn station(&self, id: &str) -> Result<Option<Registered>, RegistryError> {
        let connection = self.database.lock();
        let catalogue = load::catalogue(&connection, &self.areas())?;
        Ok(edit::find(&connection, &catalogue, id)?.map(|(_, station)| station))
    }

    /// A station's revision: 1 as long as nothing was recorded of it.
    pub fn revision(&self, station: StationNo) -> Result<i64, RegistryError> {
        record::revision(&self.database.lock(), station).map_err(RegistryError::sqlite("read a revision"))
    }

    /// Stretches of road.
    pub fn segments(&self) -> Arc<Segments> {
        Arc::clone(&self.segments.lock())
    }

    /// Every station, by number.
    pub fn stations(&self) -> Result<Vec<Registered>, RegistryError> {
        let connection = self.database.lock();
        let catalogue = load::catalogue(&connection, &self.areas())?;
        let each = |station: &Station| edit::registered(&connection, &catalogue, station);
        catalogue.stations().iter().map(each).collect()
    }

    /// A station's changes with revisions below `before`, newest first, at most `limit`.
    pub fn changes(
        &self,
        station: StationNo,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<StationChange>, RegistryError> {
        record::list(&self.database.lock(), station, before, limit)
    }

    /// Which indices are computed, as the files that were read last say.
    pub fn indices(&self) -> Arc<indices::config::Config> {
        Arc::clone(&self.indices.lock())
    }

    /// What every station watches and watched. Read once after each change.
    pub fn footprints(&self) -> Result<Arc<Footprints>, RegistryError> {
        self.remembered(&self.footprints, |connection| {
            let (changes, service) = (record::footprint_changes(connection)?, record::service_changes(connection)?);
            Ok(Footprints::new(load::footprints(connection)?, changes, service))
        })
    }

    /// How every station was declared through time. Read once after each change.
    pub fn stands(&self) -> Result<Arc<Stands>, RegistryError> {
        self.remembered(&self.stands, past::read)
    }

    /// What is kept, or else read and kept; the database is locked within, never before.
    fn remembered<T>(
        &self,
        kept: &Mutex<Option<Arc<T>>>,
        read: impl FnOnce(&rusqlite::Connection) -> Result<T, RegistryError>,
    ) -> Result<Arc<T>, RegistryError> {
        let mut kept = kept.lock();
        if let Some(known) = &*kept {
            return Ok(Arc::clone(known));
        }
        let read = read(&self.database.lock())?;
        Ok(Arc::clone(kept.insert(Arc::new(read))))
    }

    /// What was read of the record is read again.
    fn forget_the_past(&self) {
        *self.footprints.lock() = None;
        *self.stands.lock() = None;
    }

    /// The polygons.
    pub fn areas(&self) -> Arc<Areas> {
        Arc::clone(&self.areas.lock())
    }

    /// Everything by number and by name, retired ones too.
    pub fn catalogue(&self) -> Result<Catalogue, RegistryError> {
        let catalogue = load::catalogue(&self.database.lock(), &self.areas())?;
        let derived = derived::links(&catalogue, &self.indices());
        Ok(catalogue.with_derived(derived))
    }
}
