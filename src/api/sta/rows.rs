//! Stations, channels and samples as SensorThings entities: identifiers, properties, and where they lead.
//!
//! A station is a Thing, a channel a Datastream, a sample an Observation. Identifiers are texts that say what they are:
//! `A-AIR`, `A-AIR:pm2_5`, `A-AIR:pm2_5:1795230900000000` (microseconds since 1970); they outlive restarts and are never
//! given to something else. A place of a station is a Location and the FeatureOfInterest of the samples that were taken
//! there. When a station's first place began is not known, so a HistoricalLocation stands for a move only.
//! Invariant: everything that is made here is of a station in the caller's sight.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::scene::{Line, Many, Scene};
use crate::api::problem::Problem;
use crate::model::{Channel, Position, Property, Station, Timestamp};
use crate::sensorthings::Set;
use crate::store::StoredSample;

/// The media type of places (RFC 7946), as `encodingType` has it.
const GEO_JSON: &str = "application/geo+json";

/// An entity.
#[derive(Clone, Copy, Debug)]
pub(super) enum Row<'a> {
    Thing(&'a Station),
    /// The number of the place among the station's, oldest first.
    Location(&'a Station, usize),
    /// The same of the place that the station came to.
    HistoricalLocation(&'a Station, usize),
    Datastream(&'a Station, &'a Channel),
    Sensor(&'a Station, Made),
    ObservedProperty(&'a Property),
    Observation(&'a Station, &'a Channel, StoredSample),
    Feature(&'a Station, usize),
}

/// Who makes samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Made {
    /// The station's devices.
    Observed,
    /// Saola, from others.
    Derived,
}

/// One property of an entity.
pub(super) enum Part {
    Null,
    Text(String),
    Number(f64),
    Time(Timestamp),
    Point(Position),
    Object(Json),
}

impl Part {
    /// As it is written.
    pub fn json(self) -> Json {
        match self {
            Part::Null => Json::Null,
            Part::Text(text) => Json::String(text),
            Part::Number(number) => json!(number),
            Part::Time(at) => json!(at.to_string()),
            Part::Point(at) => json!({ "type": "Point", "coordinates": [at.lon, at.lat] }),
            Part::Object(json) => json,
        }
    }
}

impl<'a> Row<'a> {
    /// The set that it is of.
    pub fn set(&self) -> Set {
        match self {
            Row::Thing(_) => Set::Things,
            Row::Location(..) => Set::Locations,
            Row::HistoricalLocation(..) => Set::HistoricalLocations,
            Row::Datastream(..) => Set::Datastreams,
            Row::Sensor(..) => Set::Sensors,
            Row::ObservedProperty(_) => Set::ObservedProperties,
            Row::Observation(..) => Set::Observations,
            Row::Feature(..) => Set::FeaturesOfInterest,
        }
    }

    /// Its identifier.
    pub fn id(&self, scene: &Scene) -> String {
        match self {
            Row::Thing(station) | Row::Sensor(station, Made::Observed) => station.id.to_string(),
            Row::Sensor(station, Made::Derived) => format!("{}:derived", station.id),
            Row::Location(station, place) | Row::Feature(station, place) => match scene.place(station, *place).until {
                None => station.id.to_string(),
                Some(until) => format!("{}:{}", station.id, until.micros()),
            },
            Row::HistoricalLocation(station, place) => {
                let from = scene.place(station, *place).from.unwrap_or(Timestamp::EPOCH);
                format!("{}:{}", station.id, from.micros())
            }
            Row::Datastream(station, channel) => format!("{}:{}", station.id, channel.property),
            Row::ObservedProperty(property) => property.to_string(),
            Row::Observation(station, channel, sample) => {
                format!("{}:{}:{}", station.id, channel.property, sample.observed_at.micros())
            }
        }
    }

    /// One of its properties; null for what it does not have.
    pub fn part(&self, scene: &Scene, name: &str) -> Part {
        match self {
            Row::Thing(station) => of_station(station, name),
            Row::Location(station, place) => of_place(scene, station, *place, name, "location"),
            Row::Feature(station, place) => of_place(scene, station, *place, name, "feature"),
            Row::HistoricalLocation(station, place) => match (name, scene.place(station, *place).from) {
                ("time", Some(from)) => Part::Time(from),
                _ => Part::Null,
            },
            Row::Datastream(station, channel) => of_channel(scene, station, channel, name),
            Row::Sensor(station, made) => of_sensor(station, *made, name),
            Row::ObservedProperty(property) => match name {
                "name" => Part::Text(property.to_string()),
                "definition" => Part::Text(format!("urn:x-saola:property:{property}")),
                "description" => Part::Text(format!("Đại lượng đo {property} · Observed property {property}")),
                _ => Part::Null,
            },
            Row::Observation(_, _, sample) => match name {
                // The store keeps when a value held, not when it was made: for a sensor both are one.
                "phenomenonTime" | "resultTime" => Part::Time(sample.observed_at),
                "result" => Part::Number(sample.value),
                "resultQuality" => {
                    let flags: Vec<_> = sample.quality.words().collect();
                    Part::Object(json!({ "quality": sample.quality.word(), "flags": flags }))
                }
                _ => Part::Null,
            },
        }
    }

    /// Where it is, for GeoJSON.
    pub fn position(&self, scene: &Scene) -> Option<Position> {
        match self {
            Row::Thing(station) | Row::Datastream(station, _) | Row::Sensor(station, _) => Some(station.position),
            Row::Location(station, place) | Row::Feature(station, place) | Row::HistoricalLocation(station, place) => {
                Some(scene.place(station, *place).position)
            }
            Row::Observation(station, _, sample) => {
                Some(scene.place(station, scene.place_at(station, sample.observed_at)).position)
            }
            Row::ObservedProperty(_) => None,
        }
    }

    /// The one entity of a set that it leads to.
    pub fn one(&self, scene: &Scene, set: Set) -> Option<Row<'a>> {
        match (*self, set) {
            (Row::HistoricalLocation(station, _) | Row::Datastream(station, _), Set::Things) => {
                Some(Row::Thing(station))
            }
            (Row::Datastream(station, channel), Set::Sensors) => Some(Row::Sensor(station, scene.made(channel))),
            (Row::Datastream(_, channel), Set::ObservedProperties) => Some(Row::ObservedProperty(&channel.property)),
            (Row::Observation(station, channel, _), Set::Datastreams) => Some(Row::Datastream(station, channel)),
            (Row::Observation(station, _, sample), Set::FeaturesOfInterest) => {
                Some(Row::Feature(station, scene.place_at(station, sample.observed_at)))
            }
            _ => None,
        }
    }

    /// The entities of a set that it leads to.
    pub fn many(&self, scene: &'a Scene, set: Set) -> Many<'a> {
        let rows = match (*self, set) {
            (Row::Thing(station), Set::Locations) => vec![Row::Location(station, scene.present(station))],
            (Row::Thing(station), Set::HistoricalLocations) => {
                (1..=scene.present(station)).map(|place| Row::HistoricalLocation(station, place)).collect()
            }
            (Row::Thing(station), Set::Datastreams) => scene.datastreams_of(station).collect(),
            (Row::Location(station, place), Set::Things) => {
                let is_there = place == scene.present(station);
                is_there.then_some(Row::Thing(station)).into_iter().collect()
            }
            (Row::Location(station, place), Set::HistoricalLocations) => {
                (place > 0).then_some(Row::HistoricalLocation(station, place)).into_iter().collect()
            }
            (Row::HistoricalLocation(station, place), Set::Locations) => vec![Row::Location(station, place)],
            (Row::Sensor(station, made), Set::Datastreams) => {
                let is_its = |row: &Row<'_>| matches!(row, Row::Datastream(_, channel) if scene.made(channel) == made);
                scene.datastreams_of(station).filter(is_its).collect()
            }
            (Row::ObservedProperty(property), Set::Datastreams) => {
                let channels = scene.channels().filter(move |(_, channel)| channel.property == *property);
                return Many::Rows(Box::new(channels.map(|(station, channel)| Row::Datastream(station, channel))));
            }
            (Row::Datastream(station, channel), Set::Observations) => {
                return Many::Samples(vec![Line::whole(station, channel)]);
            }
            (Row::Feature(station, place), Set::Observations) => {
                let place = scene.place(station, place);
                let lines = scene.datastreams_of(station).filter_map(|row| match row {
                    Row::Datastream(station, channel) => {
                        Some(Line::whole(station, channel).within(place.from, place.until))
                    }
                    _ => None,
                });
                return Many::Samples(lines.collect());
            }
            _ => Vec::new(),
        };
        Many::Rows(Box::new(rows.into_iter()))
    }
}

fn of_station(station: &Station, name: &str) -> Part {
    match name {
        "name" => Part::Text(station.name.vi.clone()),
        "description" => {
            let (kind, en) = (station.kind.word(), &station.name.en);
            Part::Text(format!("Trạm quan trắc ({kind}) · Station ({kind}): {en}"))
        }
        "properties" => Part::Object(json!({
            "kind": station.kind.word(),
            "name": { "vi": station.name.vi, "en": station.name.en },
            "area": station.area,
            "maintenance": station.maintenance,
            "retired": station.retired,
        })),
        _ => Part::Null,
    }
}

fn of_place(scene: &Scene, station: &Station, place: usize, name: &str, geometry: &str) -> Part {
    let place = scene.place(station, place);
    match name {
        "name" => Part::Text(station.name.vi.clone()),
        "description" if place.until.is_some() => {
            Part::Text("Vị trí cũ của trạm · Former place of the station".to_owned())
        }
        "description" => Part::Text("Vị trí của trạm · Place of the station".to_owned()),
        "encodingType" => Part::Text(GEO_JSON.to_owned()),
        "properties" => Part::Object(json!({
            "area": place.area,
            "from": place.from.map(|at| at.to_string()),
            "until": place.until.map(|at| at.to_string()),
        })),
        name if name == geometry => Part::Point(place.position),
        _ => Part::Null,
    }
}

fn of_channel(scene: &Scene, station: &Station, channel: &Channel, name: &str) -> Part {
    let unit = channel.unit.code();
    match name {
        "name" => Part::Text(format!("{} · {}", station.name.vi, channel.property)),
        "description" => {
            Part::Text(format!("{} ({unit}): {} · {}", channel.property, station.name.vi, station.name.en))
        }
        "observationType" => {
            Part::Text("http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement".to_owned())
        }
        "unitOfMeasurement" => {
            let definition = format!("http://www.opengis.net/def/uom/UCUM/{}", crate::api::query::escaped(unit));
            Part::Object(json!({ "name": unit, "symbol": unit, "definition": definition }))
        }
        "properties" => Part::Object(json!({
            "property": channel.property,
            "interval_s": channel.interval.as_secs_f64(),
            "plausible": [channel.plausible.min, channel.plausible.max],
            "derived": scene.made(channel) == Made::Derived,
            "retired": channel.retired || station.retired,
        })),
        _ => Part::Null,
    }
}

fn of_sensor(station: &Station, made: Made, name: &str) -> Part {
    Part::Text(match (name, made) {
        ("name", Made::Observed) => {
            format!("Thiết bị của trạm {} · Devices of station {}", station.name.vi, station.id)
        }
        ("name", Made::Derived) => {
            format!("Saola, từ số liệu trạm {} · Saola, from station {}", station.name.vi, station.id)
        }
        ("description", Made::Observed) => "Thiết bị đo tại trạm · Measuring devices at the station".to_owned(),
        ("description", Made::Derived) => "Giá trị do Saola tính · Values that Saola computes".to_owned(),
        ("encodingType", _) => "text/plain".to_owned(),
        ("metadata", Made::Observed) => {
            "Chưa khai báo kiểu thiết bị · The make of the devices is not declared".to_owned()
        }
        ("metadata", Made::Derived) => "GET /api/v1/indices".to_owned(),
        _ => return Part::Null,
    })
}

/// The entity of an identifier.
pub(super) fn by_id<'a>(scene: &'a Scene, set: Set, id: &str) -> Result<Option<Row<'a>>, Problem> {
    Ok(match set {
        Set::Things => scene.station(id).map(Row::Thing),
        Set::Locations | Set::FeaturesOfInterest => placed(scene, id, |place| place.until).map(|(station, place)| {
            if set == Set::Locations { Row::Location(station, place) } else { Row::Feature(station, place) }
        }),
        Set::HistoricalLocations => {
            let found = placed(scene, id, |place| place.from).filter(|_| id.contains(':'));
            found.map(|(station, place)| Row::HistoricalLocation(station, place))
        }
        Set::Datastreams => scene.channel(id).map(|(station, channel)| Row::Datastream(station, channel)),
        Set::Sensors => {
            let (name, made) = match id.strip_suffix(":derived") {
                Some(name) => (name, Made::Derived),
                None => (id, Made::Observed),
            };
            scene.station(name).map(|station| Row::Sensor(station, made)).filter(|row| scene.sensors_of(row))
        }
        Set::ObservedProperties => scene
            .channels()
            .map(|(_, channel)| &channel.property)
            .find(|property| property.as_str() == id)
            .map(Row::ObservedProperty),
        Set::Observations => {
            let parts =
                id.rsplit_once(':').and_then(|(name, micros)| Some((scene.channel(name)?, micros.parse().ok()?)));
            let Some(((station, channel), micros)) = parts else { return Ok(None) };
            let at = Timestamp::from_micros(micros);
            scene.sample_at(channel, at)?.map(|sample| Row::Observation(station, channel, sample))
        }
    })
}

/// The place of an identifier: the present one, or the one that begins or ends then.
fn placed<'a>(
    scene: &'a Scene,
    id: &str,
    mark: impl Fn(&super::scene::Place<'_>) -> Option<Timestamp>,
) -> Option<(&'a Station, usize)> {
    if let Some(station) = scene.station(id) {
        return Some((station, scene.present(station)));
    }
    let (name, micros) = id.rsplit_once(':')?;
    let (station, at) = (scene.station(name)?, Timestamp::from_micros(micros.parse().ok()?));
    let place = (0..=scene.present(station)).find(|place| mark(&scene.place(station, *place)) == Some(at))?;
    Some((station, place))
}

/// Every entity of a set.
pub(super) fn all(scene: &Scene, set: Set) -> Many<'_> {
    let rows: Box<dyn Iterator<Item = Row<'_>> + '_> = match set {
        Set::Things => Box::new(scene.stations().map(Row::Thing)),
        Set::Locations => Box::new(scene.places().map(|(station, place)| Row::Location(station, place))),
        Set::FeaturesOfInterest => Box::new(scene.places().map(|(station, place)| Row::Feature(station, place))),
        Set::HistoricalLocations => {
            let moves = scene.places().filter(|(_, place)| *place > 0);
            Box::new(moves.map(|(station, place)| Row::HistoricalLocation(station, place)))
        }
        Set::Datastreams => Box::new(scene.channels().map(|(station, channel)| Row::Datastream(station, channel))),
        Set::Sensors => {
            let made = |station| [Made::Observed, Made::Derived].map(|made| Row::Sensor(station, made));
            Box::new(scene.stations().flat_map(made).filter(|row| scene.sensors_of(row)))
        }
        Set::ObservedProperties => {
            let properties: BTreeSet<&Property> = scene.channels().map(|(_, channel)| &channel.property).collect();
            Box::new(properties.into_iter().map(Row::ObservedProperty))
        }
        Set::Observations => {
            return Many::Samples(scene.channels().map(|(station, channel)| Line::whole(station, channel)).collect());
        }
    };
    Many::Rows(rows)
}
