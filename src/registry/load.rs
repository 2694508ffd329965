//! From rows to the catalogue and the polygons.

use std::time::Duration;

use hashbrown::HashMap;
use jiff::civil::Date;
use rusqlite::{Connection, Row};

use super::RegistryError;
use super::area_file;
use super::areas::{AreaShape, Areas};
use super::station_file::LINKS;
use crate::model::{
    Area, AreaFacts, AreaId, AreaLevel, Catalogue, Channel, ChannelId, Footprint, ForestType, FormerPlace, LinkClass,
    LocalName, Position, Property, Range, Station, StationId, StationKind, StationNo, Timestamp, Unit, Validity,
};

const AREA_COLUMNS: &str = "id, level, name_vi, name_en, parent, label_lon, label_lat, geometry, valid_from, valid_to, \
    successors, forest_type, owner, invented";

/// Every area in the database.
pub(super) fn areas(connection: &Connection) -> Result<Areas, RegistryError> {
    let failed = RegistryError::sqlite;
    let mut statement = connection
        .prepare(&format!("SELECT {AREA_COLUMNS} FROM area ORDER BY id"))
        .map_err(failed("read the areas"))?;
    let mut rows = statement.query([]).map_err(failed("read the areas"))?;
    let mut shapes = Vec::new();
    while let Some(row) = rows.next().map_err(failed("read the areas"))? {
        shapes.push(area(row).map_err(failed("read an area"))??);
    }
    Ok(Areas::new(shapes))
}

fn area(row: &Row<'_>) -> rusqlite::Result<Result<AreaShape, RegistryError>> {
    let id: String = row.get(0)?;
    let unknown = |column, found: String| RegistryError::Unknown { table: "area", row: id.clone(), column, found };
    let level: String = row.get(1)?;
    let Some(level) = AreaLevel::named(&level) else { return Ok(Err(unknown("level", level))) };
    let parent: Option<String> = row.get(4)?;
    let area = Area {
        id: AreaId::new(&id),
        level,
        name: LocalName { vi: row.get(2)?, en: row.get(3)? },
        parent: parent.as_deref().map(AreaId::new),
    };
    let label = Position { lon: row.get(5)?, lat: row.get(6)? };
    let text: String = row.get(7)?;
    let facts = match facts(row)? {
        Ok(facts) => facts,
        Err((column, found)) => return Ok(Err(unknown(column, found))),
    };
    if text == UNDRAWN {
        return Ok(Ok(AreaShape::undrawn(area, label).with_facts(facts)));
    }
    let geometry = serde_json::from_str::<geojson::Geometry>(&text).map_err(|error| error.to_string());
    let polygon = geometry.and_then(|geometry| area_file::polygon(&geometry.value));
    let shape = polygon.ok().and_then(|polygon| AreaShape::new(area, polygon, Some(label)));
    let shape = shape.map(|shape| shape.with_facts(facts));
    Ok(shape.ok_or_else(|| unknown("geometry", text.chars().take(80).collect())))
}

/// A former area's geometry when nobody has its polygon.
pub(super) const UNDRAWN: &str = "null";

/// What stands beside an area's name and place; or the column that says what no version of ours writes.
fn facts(row: &Row<'_>) -> rusqlite::Result<Result<AreaFacts, (&'static str, String)>> {
    let date = |text: Option<String>| -> Result<Option<Date>, String> {
        text.map(|text| text.parse::<Date>().map_err(|_| text)).transpose()
    };
    let (from, to) = match (date(row.get(8)?), date(row.get(9)?)) {
        (Ok(from), Ok(to)) => (from, to),
        (Err(found), _) => return Ok(Err(("valid_from", found))),
        (_, Err(found)) => return Ok(Err(("valid_to", found))),
    };
    let successors: String = row.get(10)?;
    let forest_type = match row.get::<_, Option<String>>(11)? {
        None => None,
        Some(word) => match ForestType::named(&word) {
            Some(known) => Some(known),
            None => return Ok(Err(("forest_type", word))),
        },
    };
    Ok(Ok(AreaFacts {
        validity: Validity { from, to },
        successors: successors.split(',').filter(|code| !code.is_empty()).map(AreaId::new).collect(),
        forest_type,
        owner: row.get(12)?,
        invented: row.get(13)?,
    }))
}

/// Who declared each station, by its number.
pub(super) fn origins(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    connection.prepare("SELECT origin FROM station ORDER BY no")?.query_map([], |row| row.get(0))?.collect()
}

/// The word for a link in the database.
pub(super) fn link_word(link: LinkClass) -> &'static str {
    LINKS.iter().find(|(_, known)| *known == link).map_or("", |(word, _)| word)
}

/// Sources, areas, stations and channels as one picture.
pub(super) fn catalogue(connection: &Connection, areas: &Areas) -> Result<Catalogue, RegistryError> {
    let sources = sources(connection).map_err(RegistryError::sqlite("read the sources"))?;
    let mut stations = stations(connection)?;
    let channels = channels(connection)?;
    for channel in &channels {
        if let Some(station) = stations.get_mut(channel.station.index()) {
            station.channels.push(channel.id);
        }
    }
    let areas = areas.shapes().iter().map(|shape| shape.area.clone()).collect();
    let moves = former_places(connection).map_err(RegistryError::sqlite("read the former places"))?;
    Ok(Catalogue::new(sources, areas, stations, channels)?.with_moves(moves))
}

/// The ground that each station watches.
pub(super) fn footprints(connection: &Connection) -> Result<HashMap<StationNo, Footprint>, RegistryError> {
    let failed = RegistryError::sqlite("read the footprints");
    let read = || {
        let mut statement = connection.prepare("SELECT no, footprint FROM station WHERE footprint IS NOT NULL")?;
        let rows = statement.query_map([], |row| Ok((row.get::<_, u32>(0)?, row.get::<_, String>(1)?)))?;
        rows.collect::<rusqlite::Result<Vec<_>>>()
    };
    let rows = read().map_err(failed)?;
    rows.into_iter().map(|(no, text)| Ok((StationNo(no), footprint(no, &text)?))).collect()
}

/// What one station watches.
pub(super) fn footprint_of(connection: &Connection, no: StationNo) -> Result<Option<Footprint>, RegistryError> {
    let found: Option<String> = connection
        .query_row("SELECT footprint FROM station WHERE no = ?1", [no.0], |row| row.get(0))
        .map_err(RegistryError::sqlite("read a footprint"))?;
    found.map(|text| footprint(no.0, &text)).transpose()
}

/// A footprint as it is kept.
pub(super) fn footprint(no: u32, text: &str) -> Result<Footprint, RegistryError> {
    let found = || text.chars().take(80).collect();
    let unknown =
        |_| RegistryError::Unknown { table: "station", row: no.to_string(), column: "footprint", found: found() };
    serde_json::from_str(text).map_err(unknown)
}

/// The bytes for a footprint's column.
pub(super) fn footprint_text(footprint: Option<&Footprint>) -> Option<String> {
    footprint.and_then(|footprint| serde_json::to_string(footprint).ok())
}

/// Where stations stood before they were moved.
fn former_places(connection: &Connection) -> rusqlite::Result<Vec<(StationNo, Vec<FormerPlace>)>> {
    let mut statement =
        connection.prepare("SELECT station, until, lon, lat, area FROM station_place ORDER BY station, until")?;
    let mut rows = statement.query([])?;
    let mut moves: Vec<(StationNo, Vec<FormerPlace>)> = Vec::new();
    while let Some(row) = rows.next()? {
        let no = StationNo(row.get(0)?);
        let area: Option<String> = row.get(4)?;
        let place = FormerPlace {
            until: Timestamp::from_micros(row.get(1)?),
            position: Position { lon: row.get(2)?, lat: row.get(3)? },
            area: area.as_deref().map(AreaId::new),
        };
        match moves.last_mut().filter(|(last, _)| *last == no) {
            Some((_, places)) => places.push(place),
            None => moves.push((no, vec![place])),
        }
    }
    Ok(moves)
}

fn sources(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    connection.prepare("SELECT name FROM source ORDER BY no")?.query_map([], |row| row.get(0))?.collect()
}

fn stations(connection: &Connection) -> Result<Vec<Station>, RegistryError> {
    let failed = RegistryError::sqlite;
    let mut statement = connection
        .prepare(
            "SELECT no, id, kind, name_vi, name_en, lon, lat, area, maintenance, retired_at FROM station ORDER BY no",
        )
        .map_err(failed("read the stations"))?;
    let mut rows = statement.query([]).map_err(failed("read the stations"))?;
    let mut stations = Vec::new();
    while let Some(row) = rows.next().map_err(failed("read the stations"))? {
        stations.push(station(row).map_err(failed("read a station"))??);
    }
    Ok(stations)
}

fn station(row: &Row<'_>) -> rusqlite::Result<Result<Station, RegistryError>> {
    let id: String = row.get(1)?;
    let kind: String = row.get(2)?;
    let Some(kind) = StationKind::ALL.into_iter().find(|known| known.word() == kind) else {
        return Ok(Err(RegistryError::Unknown { table: "station", row: id, column: "kind", found: kind }));
    };
    let area: Option<String> = row.get(7)?;
    Ok(Ok(Station {
        no: StationNo(row.get(0)?),
        id: StationId::new(&id),
        kind,
        name: LocalName { vi: row.get(3)?, en: row.get(4)? },
        position: Position { lon: row.get(5)?, lat: row.get(6)? },
        area: area.as_deref().map(AreaId::new),
        maintenance: row.get(8)?,
        retired: row.get::<_, Option<i64>>(9)?.is_some(),
        channels: Vec::new(),
    }))
}

fn channels(connection: &Connection) -> Result<Vec<Channel>, RegistryError> {
    let failed = RegistryError::sqlite;
    let mut statement = connection
        .prepare(
            "SELECT no, station, property, unit, interval_micros, min, max, link, retired_at FROM channel ORDER BY no",
        )
        .map_err(failed("read the channels"))?;
    let mut rows = statement.query([]).map_err(failed("read the channels"))?;
    let mut channels = Vec::new();
    while let Some(row) = rows.next().map_err(failed("read the channels"))? {
        channels.push(channel(row).map_err(failed("read a channel"))??);
    }
    Ok(channels)
}

fn channel(row: &Row<'_>) -> rusqlite::Result<Result<Channel, RegistryError>> {
    let no: u32 = row.get(0)?;
    let unknown = |column, found| RegistryError::Unknown { table: "channel", row: no.to_string(), column, found };
    let (property, unit, link): (String, String, String) = (row.get(2)?, row.get(3)?, row.get(7)?);
    let Some(known_unit) = Unit::parse(&unit) else { return Ok(Err(unknown("unit", unit))) };
    let Some((_, known_link)) = LINKS.iter().find(|(word, _)| *word == link) else {
        return Ok(Err(unknown("link", link)));
    };
    let micros: i64 = row.get(4)?;
    Ok(Ok(Channel {
        id: ChannelId(no),
        station: StationNo(row.get(1)?),
        property: Property::new(&property),
        unit: known_unit,
        interval: Duration::from_micros(micros.unsigned_abs()),
        plausible: Range { min: row.get(5)?, max: row.get(6)? },
        link: *known_link,
        retired: row.get::<_, Option<i64>>(8)?.is_some(),
    }))
}
