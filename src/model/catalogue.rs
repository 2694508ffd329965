//! The registry's stations, channels, areas and sources as one immutable picture for the hot path.
//!
//! It is journaled when it changes (`Body::Catalogue`), so that replay knows what was known at the time. Former places
//! of stations are beside the tables: what serde writes is the tables alone, as it was before stations could move, and
//! whoever keeps a catalogue keeps [`Catalogue::moves`] with it.

use std::collections::BTreeSet;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::{
    Area, AreaId, Channel, ChannelId, FormerPlace, Position, SourceId, Station, StationId, StationNo, Timestamp,
};

/// A table whose numbers are not its places.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// Station or channel numbers must be dense from zero.
    #[error("{table} {found} stands at place {place} of the catalogue")]
    NotDense {
        /// `station`, `channel`.
        table: &'static str,
        /// The number found.
        found: u32,
        /// Where it was found.
        place: usize,
    },
    /// A reference to something that is not there.
    #[error("{what} refers to {missing}, which is not in the catalogue")]
    Dangling {
        /// Who refers.
        what: String,
        /// To what.
        missing: String,
    },
    /// Two stations of one name.
    #[error("station {0} is in the catalogue twice")]
    Twice(StationId),
}

/// Stations and channels by number and by name; sources and areas.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "Tables", into = "Tables")]
pub struct Catalogue {
    tables: Tables,
    by_station: HashMap<StationId, StationNo>,
    /// Ascending by station and by `until`; stations that never moved are not here.
    moves: Vec<(StationNo, Vec<FormerPlace>)>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Tables {
    sources: Vec<String>,
    areas: Vec<Area>,
    stations: Vec<Station>,
    channels: Vec<Channel>,
}

impl Catalogue {
    /// Checks that numbers are places and that references hold. `sources[i]` is the name of `SourceId(i)`.
    pub fn new(
        sources: Vec<String>,
        areas: Vec<Area>,
        stations: Vec<Station>,
        channels: Vec<Channel>,
    ) -> Result<Self, CatalogueError> {
        Self::try_from(Tables { sources, areas, stations, channels })
    }

    /// Every source's name, by number.
    pub fn sources(&self) -> &[String] {
        &self.tables.sources
    }

    /// A source's name; `?` for a number that was never given out.
    pub fn source(&self, id: SourceId) -> &str {
        self.tables.sources.get(id.index()).map_or("?", String::as_str)
    }

    /// Every area.
    pub fn areas(&self) -> &[Area] {
        &self.tables.areas
    }

    /// An area by its code.
    pub fn area(&self, id: &AreaId) -> Option<&Area> {
        self.tables.areas.iter().find(|area| area.id == *id)
    }

    /// Whether an area is `outer` or lies in it, by the areas' parents.
    pub fn lies_in(&self, area: &AreaId, outer: &AreaId) -> bool {
        self.with_parents(area).any(|id| id == outer)
    }

    /// An area's code, its parent's, and so on.
    pub fn with_parents<'c>(&'c self, area: &'c AreaId) -> impl Iterator<Item = &'c AreaId> {
        /// Deeper than any country's tiers; a circle of parents ends here too.
        const TIERS_MAX: usize = 8;
        let parent = |id: &&'c AreaId| self.area(id).and_then(|area| area.parent.as_ref());
        std::iter::successors(Some(area), parent).take(TIERS_MAX)
    }

    /// The middle of the stations in service in an area; `None` when there are none.
    pub fn middle_of(&self, area: &AreaId) -> Option<Position> {
        let inside = self.areas().iter().map(|inner| &inner.id).filter(|inner| self.lies_in(inner, area));
        let inside: BTreeSet<&AreaId> = inside.collect();
        let is_here = |station: &&Station| station.area.as_ref().is_some_and(|own| inside.contains(own));
        let here = self.stations().iter().filter(|station| !station.retired).filter(is_here);
        let add = |(lon, lat, count): (f64, f64, f64), station: &Station| {
            (lon + station.position.lon, lat + station.position.lat, count + 1.0)
        };
        let (lon, lat, count) = here.fold((0.0, 0.0, 0.0), add);
        (count > 0.0).then(|| Position { lon: lon / count, lat: lat / count })
    }

    /// Every station, by number.
    pub fn stations(&self) -> &[Station] {
        &self.tables.stations
    }

    /// A station by its number.
    pub fn station(&self, no: StationNo) -> Option<&Station> {
        self.tables.stations.get(no.index())
    }

    /// A station by its name.
    pub fn station_named(&self, id: &str) -> Option<&Station> {
        self.by_station.get(id).and_then(|no| self.station(*no))
    }

    /// The same with the places where stations stood before; those of unknown stations are left out.
    #[must_use]
    pub fn with_moves(mut self, mut moves: Vec<(StationNo, Vec<FormerPlace>)>) -> Self {
        moves.retain(|(no, places)| self.station(*no).is_some() && !places.is_empty());
        moves.iter_mut().for_each(|(_, places)| places.sort_by_key(|place| place.until));
        moves.sort_by_key(|(no, _)| *no);
        moves.dedup_by_key(|(no, _)| *no);
        self.moves = moves;
        self
    }

    /// Every station that was moved, with the places where it stood before.
    pub fn moves(&self) -> &[(StationNo, Vec<FormerPlace>)] {
        &self.moves
    }

    /// Where a station stood before, oldest first; empty when it was never moved.
    pub fn former_places(&self, no: StationNo) -> &[FormerPlace] {
        let found = self.moves.binary_search_by_key(&no, |(no, _)| *no).ok();
        found.and_then(|place| self.moves.get(place)).map_or(&[], |(_, places)| places)
    }

    /// Where a station stood at an instant, and in which commune.
    pub fn place_at<'c>(&'c self, station: &'c Station, at: Timestamp) -> (Position, Option<&'c AreaId>) {
        let former = self.former_places(station.no).iter().find(|place| at < place.until);
        former.map_or((station.position, station.area.as_ref()), |place| (place.position, place.area.as_ref()))
    }

    /// Every channel, by number.
    pub fn channels(&self) -> &[Channel] {
        &self.tables.channels
    }

    /// The same, with the stations under maintenance chosen anew.
    #[must_use]
    pub fn with_maintenance(&self, is_maintained: impl Fn(&Station) -> bool) -> Catalogue {
        let mut changed = self.clone();
        for station in &mut changed.tables.stations {
            station.maintenance = is_maintained(station);
        }
        changed
    }

    /// A channel by its number.
    pub fn channel(&self, id: ChannelId) -> Option<&Channel> {
        self.tables.channels.get(id.index())
    }

    /// The channel of a station that observes a property.
    pub fn channel_of(&self, station: &Station, property: &str) -> Option<&Channel> {
        station.channels.iter().filter_map(|id| self.channel(*id)).find(|channel| channel.property.as_str() == property)
    }

    /// `STATION/PROPERTY`, as queries write it.
    pub fn channel_named(&self, name: &str) -> Option<&Channel> {
        let (station, property) = name.rsplit_once('/')?;
        self.channel_of(self.station_named(station)?, property)
    }
}

impl PartialEq for Catalogue {
    fn eq(&self, other: &Self) -> bool {
        self.tables == other.tables && self.moves == other.moves
    }
}

impl From<Catalogue> for Tables {
    fn from(catalogue: Catalogue) -> Self {
        catalogue.tables
    }
}

impl TryFrom<Tables> for Catalogue {
    type Error = CatalogueError;

    fn try_from(tables: Tables) -> Result<Self, CatalogueError> {
        let mut by_station = HashMap::with_capacity(tables.stations.len());
        for (place, station) in tables.stations.iter().enumerate() {
            if station.no.index() != place {
                return Err(CatalogueError::NotDense { table: "station", found: station.no.0, place });
            }
            for channel in &station.channels {
                if tables.channels.get(channel.index()).is_none_or(|found| found.station != station.no) {
                    return Err(CatalogueError::Dangling {
                        what: format!("station {}", station.id),
                        missing: format!("channel {channel}"),
                    });
                }
            }
            if by_station.insert(station.id.clone(), station.no).is_some() {
                return Err(CatalogueError::Twice(station.id.clone()));
            }
        }
        for (place, channel) in tables.channels.iter().enumerate() {
            if channel.id.index() != place {
                return Err(CatalogueError::NotDense { table: "channel", found: channel.id.0, place });
            }
            if channel.station.index() >= tables.stations.len() {
                return Err(CatalogueError::Dangling {
                    what: format!("channel {}", channel.id),
                    missing: format!("station {}", channel.station),
                });
            }
        }
        Ok(Self { tables, by_station, moves: Vec::new() })
    }
}
