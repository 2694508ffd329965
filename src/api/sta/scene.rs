//! What an answer is made of: the registry as it is now, the caller's sight, the store, and what may still be spent.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use super::rows::{Made, Row};
use crate::api::Parts;
use crate::api::base::Base;
use crate::api::problem::{Code, Problem};
use crate::api::sight::Sight;
use crate::history::{EARLIEST, LATEST};
use crate::model::{AreaId, Catalogue, Channel, Position, Station, Timestamp};
use crate::sensorthings::{Facts, Refused, Relation, Set, Value};
use crate::store::{Store, StoredSample};

/// Samples that one answer may read at most, about a second's work; fewer when `history.samples_max` says so.
const READS_MAX: u64 = 1_000_000;
/// What one look into the store costs besides.
const LOOK: usize = 8;
/// Entities that one answer may hold, expanded ones included.
const ENTITIES_MAX: usize = 50_000;
/// Entities that one path of a filter may lead to.
const THROUGH_MAX: usize = 10_000;
/// Looks at entities for filters of one answer, weighted by what they cost: some seconds' work.
const VISITS_MAX: usize = 5_000_000;

/// Everything that an answer is made of.
pub(super) struct Scene {
    pub base: Base,
    pub now: Timestamp,
    parts: Arc<Parts>,
    catalogue: Arc<Catalogue>,
    sight: Sight,
    reads_left: Cell<usize>,
    entities_left: Cell<usize>,
    visits_left: Cell<usize>,
}

/// No more samples may be read for this answer.
#[derive(Debug)]
pub(super) struct Spent;

/// Entities of one set.
pub(super) enum Many<'a> {
    /// In the registry's order.
    Rows(Box<dyn Iterator<Item = Row<'a>> + 'a>),
    /// Samples of channels, in the registry's order.
    Samples(Vec<Line<'a>>),
}

/// A stretch of one channel: `from <= time < to`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub station: &'a Station,
    pub channel: &'a Channel,
    pub from: Timestamp,
    pub to: Timestamp,
}

impl<'a> Line<'a> {
    /// All of it.
    pub fn whole(station: &'a Station, channel: &'a Channel) -> Self {
        Self { station, channel, from: EARLIEST, to: LATEST }
    }

    /// What of it lies in `from..until`.
    #[must_use]
    pub fn within(self, from: Option<Timestamp>, until: Option<Timestamp>) -> Self {
        Self {
            from: from.map_or(self.from, |from| from.max(self.from)),
            to: until.map_or(self.to, |until| until.min(self.to)),
            ..self
        }
    }
}

/// One place of a station. The first one's beginning is not known; the present one has no end.
pub(super) struct Place<'a> {
    pub position: Position,
    pub area: Option<&'a AreaId>,
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

impl Scene {
    /// As things are now.
    pub fn new(parts: &Arc<Parts>, sight: impl FnOnce(&Catalogue) -> Sight, base: Base) -> Self {
        let catalogue = Arc::clone(&parts.state.read().catalogue);
        let sight = sight(&catalogue);
        let now = parts.clock.now();
        let reads_max = parts.history.samples_max().min(READS_MAX);
        let reads_left = Cell::new(usize::try_from(reads_max).unwrap_or(usize::MAX));
        let (entities_left, visits_left) = (Cell::new(ENTITIES_MAX), Cell::new(VISITS_MAX));
        Self { base, now, parts: Arc::clone(parts), catalogue, sight, reads_left, entities_left, visits_left }
    }

    /// Stations and channels.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The store that answers.
    pub fn store(&self) -> &Store {
        &self.parts.store
    }

    /// Samples that are read at a time, at most: a small part of what may be, so that every page gets on.
    pub fn piece_max(&self) -> usize {
        const PIECE_MAX: u64 = 4_096;
        let reads_max = self.parts.history.samples_max().min(READS_MAX);
        usize::try_from((reads_max / 64).clamp(1, PIECE_MAX)).unwrap_or(1)
    }

    /// Counts samples that were read.
    pub fn spend(&self, samples: usize) -> Result<(), Spent> {
        let left = self.reads_left.get().checked_sub(samples + LOOK);
        self.reads_left.set(left.unwrap_or(0));
        left.map(drop).ok_or(Spent)
    }

    /// Counts a look at an entity for a filter.
    pub fn visit(&self, cost: usize) -> Result<(), Refused> {
        let left = self.visits_left.get().checked_sub(cost);
        self.visits_left.set(left.unwrap_or(0));
        left.map(drop).ok_or_else(|| {
            let why =
                "too many entities would be looked at for it: ask for those of one entity, or from the other side";
            Refused::Costly(why.to_owned())
        })
    }

    /// Counts an entity that is sent.
    pub fn count_entity(&self) -> Result<(), Problem> {
        let left = self.entities_left.get().checked_sub(1);
        self.entities_left.set(left.unwrap_or(0));
        left.map(drop).ok_or_else(|| {
            let why = format!(
                "the answer would hold more than {ENTITIES_MAX} entities: ask for a smaller $top, or expand less"
            );
            Problem::new(Code::TooCostly, why)
        })
    }

    /// Nothing newer than this is in the store.
    pub fn newest(&self, channel: &Channel) -> Option<Timestamp> {
        self.parts.state.read().newest(channel.id)
    }

    /// Every station in sight.
    pub fn stations(&self) -> impl Iterator<Item = &Station> {
        self.catalogue.stations().iter().filter(|station| self.sight.reaches_station(station))
    }

    /// Every channel of them, in the registry's order.
    pub fn channels(&self) -> impl Iterator<Item = (&Station, &Channel)> {
        self.catalogue.channels().iter().filter_map(|channel| {
            let station = self.catalogue.station(channel.station)?;
            self.sight.reaches_station(station).then_some((station, channel))
        })
    }

    /// Every place of them.
    pub fn places(&self) -> impl Iterator<Item = (&Station, usize)> {
        self.stations().flat_map(|station| (0..=self.present(station)).map(move |place| (station, place)))
    }

    /// A station in sight, by its name.
    pub fn station(&self, id: &str) -> Option<&Station> {
        self.catalogue.station_named(id).filter(|station| self.sight.reaches_station(station))
    }

    /// A channel in sight, by STATION:PROPERTY.
    pub fn channel(&self, id: &str) -> Option<(&Station, &Channel)> {
        let (station, property) = id.rsplit_once(':')?;
        let station = self.station(station)?;
        Some((station, self.catalogue.channel_of(station, property)?))
    }

    /// The channels of a station.
    pub fn datastreams_of<'a>(&'a self, station: &'a Station) -> impl Iterator<Item = Row<'a>> {
        let channels = station.channels.iter().filter_map(|id| self.catalogue.channel(*id));
        channels.map(move |channel| Row::Datastream(station, channel))
    }

    /// Who makes a channel's samples.
    pub fn made(&self, channel: &Channel) -> Made {
        if self.catalogue.is_derived(channel.id) { Made::Derived } else { Made::Observed }
    }

    /// Whether a sensor makes anything.
    pub fn sensors_of(&self, row: &Row<'_>) -> bool {
        let Row::Sensor(station, made) = row else { return false };
        let mut channels = station.channels.iter().filter_map(|id| self.catalogue.channel(*id));
        channels.any(|channel| self.made(channel) == *made)
    }

    /// The number of a station's present place: that of its moves.
    pub fn present(&self, station: &Station) -> usize {
        self.catalogue.former_places(station.no).len()
    }

    /// A place of a station by its number.
    pub fn place<'a>(&'a self, station: &'a Station, place: usize) -> Place<'a> {
        let former = self.catalogue.former_places(station.no);
        let from = place.checked_sub(1).and_then(|before| former.get(before)).map(|before| before.until);
        match former.get(place) {
            Some(was) => Place { position: was.position, area: was.area.as_ref(), from, until: Some(was.until) },
            None => Place { position: station.position, area: station.area.as_ref(), from, until: None },
        }
    }

    /// The number of the place where a station stood at an instant.
    pub fn place_at(&self, station: &Station, at: Timestamp) -> usize {
        self.catalogue.former_places(station.no).partition_point(|place| place.until <= at)
    }

    /// The sample of exactly that time.
    pub fn sample_at(&self, channel: &Channel, at: Timestamp) -> Result<Option<StoredSample>, Problem> {
        if at < EARLIEST || at >= LATEST {
            return Ok(None);
        }
        let mut found = self.store().range(channel.id, at, at + Duration::from_micros(1));
        found.next().transpose().map_err(Problem::internal)
    }
}

/// An entity as filters see it.
pub(super) struct RowFacts<'a> {
    pub scene: &'a Scene,
    pub row: Row<'a>,
}

impl Facts for RowFacts<'_> {
    fn value(&self, path: &[String]) -> Result<Value, Refused> {
        let Some((first, rest)) = path.split_first() else { return Ok(Value::Null) };
        let RowFacts { scene, row } = *self;
        scene.visit(1)?;
        let of = |row: Row<'_>| RowFacts { scene, row }.value(rest);
        match row.set().relation(first) {
            Some(Relation::One(set)) => return row.one(scene, set).map_or(Ok(Value::Null), of),
            Some(Relation::Many(Set::Observations)) => {
                return Err(Refused::not_offered("observations of an entity are not looked at for a filter of it"));
            }
            Some(Relation::Many(set)) => {
                let Many::Rows(rows) = row.many(scene, set) else { return Ok(Value::Null) };
                let mut values = Vec::new();
                for row in rows {
                    match of(row)? {
                        Value::Many(several) => values.extend(several),
                        one => values.push(one),
                    }
                    if values.len() > THROUGH_MAX {
                        let why = format!("a path leads to more than {THROUGH_MAX} entities: ask from the other side");
                        return Err(Refused::Costly(why));
                    }
                }
                return Ok(Value::Many(values));
            }
            None => {}
        }
        if first == "@iot.id" {
            return Ok(Value::Text(row.id(scene)));
        }
        if first == "@iot.selfLink" {
            return Ok(Value::Text(super::entity::self_link(scene, &row)));
        }
        Ok(super::entity::looked_into(row.part(scene, first), rest))
    }
}
