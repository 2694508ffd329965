//! NGSI-LD and NGSIv2: notifications, entities and arrays of them, in HTTP bodies and MQTT messages.
//!
//! Envelopes: `{"subscriptionId", "data": [...]}` of both versions, `{"metadata", "body"}` of NGSI-LD over MQTT
//! (ETSI GS CIM 009 section 7), an entity, an array of entities, GeoJSON features. Attributes (section 4.5): normalized,
//! concise or simplified, of NGSIv2 with `metadata`; several instances of one attribute are named
//! `{attribute}@{datasetId}`. There is no JSON-LD expansion: names stay as they are sent.
//!
//! Every attribute that is a number is observed, and the truth values that a Smart Data Model calls an observation; a
//! text is for the mapping; relationships and other JSON describe the entity. Units: `unitCode` as a UCUM code where
//! the table has it, as it is written where not; without one the model's default; see `models`.
//! Time: the attribute's `observedAt` (NGSIv2: metadata `observedAt`, `timestamp` or `TimeInstant`), else the entity's
//! `dateObserved`, of an interval its end; else `dateObservedTo`, else `TimeInstant`. An exact time beats one without an
//! offset, which is read in the source's time zone. A bad time costs the values that have no better one.

mod models;

use std::borrow::Cow;

use jiff::tz::TimeZone;

use self::models::Model;
use super::sink::{self, Sink};
use super::tree::{Json, Members};
use super::{Heard, Limits, period, reject};
use crate::model::{Reason, Rejection, Timestamp};

/// Members of an entity that are no attributes.
const NOT_ATTRIBUTES: [&str; 15] = [
    "id",
    "@id",
    "type",
    "@type",
    "@context",
    "scope",
    "createdAt",
    "modifiedAt",
    "dateCreated",
    "dateModified",
    "location",
    "dateObserved",
    "dateObservedFrom",
    "dateObservedTo",
    "TimeInstant",
];

/// Reads one message. `zone` is that of times without an offset.
pub fn decode<'a>(
    _topic: &'a str,
    payload: &'a [u8],
    _received_at: Timestamp,
    limits: &Limits,
    zone: &TimeZone,
    out: &mut Heard<'a>,
) -> Result<(), Rejection> {
    let json = Json::parse(sink::text(payload, limits)?, limits)?;
    sink::fill(out, limits, |sink| {
        let message = match (json.get("metadata"), json.get("body")) {
            (Some(_), Some(body)) => body,
            _ => &json,
        };
        // An entity may have an attribute `data`; a notification's is no attribute.
        let is_notification = message.get("subscriptionId").is_some() || message.get("id").is_none();
        let message = message.get("data").filter(|_| is_notification).unwrap_or(message);
        let message = message.get("features").unwrap_or(message);
        match message {
            Json::Array(entities) if entities.is_empty() => Err(reject(Reason::NoReadings, "no entities")),
            Json::Array(entities) => entities.iter().try_for_each(|json| match Entity::of(json) {
                Ok(entity) => entity.observe(zone, sink),
                Err(rejection) => sink.refuse(rejection.reason, rejection.detail),
            }),
            other => Entity::of(other)?.observe(zone, sink),
        }
    })
}

/// Something that attributes belong to.
struct Entity<'m, 'a> {
    id: &'m Cow<'a, str>,
    model: Option<&'static Model>,
    members: &'m Members<'a>,
    /// A GeoJSON feature's geometry.
    geometry: Option<&'m Json<'a>>,
}

/// What an attribute's value is here.
enum Value<'m, 'a> {
    Number(f64),
    Word(&'m Cow<'a, str>),
}

/// A time of an entity or attribute.
enum Time {
    None,
    At(Timestamp),
    Bad(Rejection),
}

impl<'m, 'a> Entity<'m, 'a> {
    fn of(json: &'m Json<'a>) -> Result<Self, Rejection> {
        let Some(members) = json.object() else {
            return Err(reject(Reason::WrongShape, format!("an entity is an object, not {}", json.kind())));
        };
        let Some(id) = json.get("id").or_else(|| json.get("@id")).and_then(Json::text).filter(|id| !id.is_empty())
        else {
            return Err(reject(Reason::WrongShape, "an entity without an id (section 4.5.1)"));
        };
        let is_feature = json.get("type").and_then(Json::text).is_some_and(|kind| kind == "Feature");
        let properties = json.get("properties").filter(|_| is_feature);
        let kind = properties.unwrap_or(json);
        let kind = kind.get("type").or_else(|| kind.get("@type"));
        let kinds = kind.map_or(&[][..], |kind| kind.array().unwrap_or(std::slice::from_ref(kind)));
        let model = kinds.iter().filter_map(Json::text).find_map(|kind| Model::named(short(kind)));
        let members = properties.and_then(Json::object).unwrap_or(members);
        Ok(Self { id, model, members, geometry: json.get("geometry").filter(|_| is_feature) })
    }

    fn get(&self, short_name: &str) -> Option<&'m Json<'a>> {
        self.members.iter().find(|(name, _)| short(name) == short_name).map(|(_, attribute)| attribute)
    }

    fn observe(&self, zone: &TimeZone, sink: &mut Sink<'_, 'a>) -> Result<(), Rejection> {
        let first = sink.count();
        let time = self.time(zone);
        let mut is_time_wanted = false;
        for (name, attribute) in self.members.iter().filter(|(name, _)| !NOT_ATTRIBUTES.contains(&name.as_ref())) {
            let instances = match attribute {
                Json::Array(instances) if instances.iter().all(|instance| instance.get("value").is_some()) => instances,
                one => std::slice::from_ref(one),
            };
            for instance in instances {
                is_time_wanted |= self.attribute(name, instance, &time, zone, sink)?;
            }
        }
        if let Time::Bad(rejection) = time
            && is_time_wanted
        {
            sink.refuse(rejection.reason, rejection.detail)?;
        }
        let location = self.geometry.or_else(|| self.get("location").map(value_of));
        if let Some(place) = location.and_then(place) {
            sink.place_from(first, place);
        }
        Ok(())
    }

    /// Observes one attribute; whether it went without a time because the entity's is bad.
    #[expect(clippy::ptr_arg, reason = "a borrowed name is cloned without a copy")]
    fn attribute(
        &self,
        name: &Cow<'a, str>,
        attribute: &Json<'a>,
        entity_time: &Time,
        zone: &TimeZone,
        sink: &mut Sink<'_, 'a>,
    ) -> Result<bool, Rejection> {
        let known = self.model.and_then(|model| model.attribute(short(name)));
        let value = match value_of(attribute) {
            Json::Number(value, _) => Value::Number(*value),
            Json::Bool(truth) if known.is_some_and(|known| known.is_truth) => {
                Value::Number(f64::from(u8::from(*truth)))
            }
            Json::Text(_) if is_numeric(attribute) => {
                sink.refuse(Reason::WrongType, format!("{name}: a text where its type says a number"))?;
                return Ok(false);
            }
            Json::Text(text) if !is_reference(attribute) => Value::Word(text),
            _ => return Ok(false),
        };
        let time = match attribute_time(attribute, zone) {
            Time::At(time) => Some(time),
            Time::Bad(rejection) => {
                sink.refuse(rejection.reason, format!("{name}: {}", rejection.detail))?;
                return Ok(false);
            }
            Time::None => match entity_time {
                Time::At(time) => Some(*time),
                Time::None => None,
                Time::Bad(_) => return Ok(true),
            },
        };
        let code = attribute.get("unitCode").or_else(|| metadata(attribute, "unitCode")).and_then(Json::text);
        let unit = match code.filter(|code| !code.is_empty()) {
            Some(code) => Some(models::unit_of_code(code).map_or_else(|| code.clone(), Cow::Borrowed)),
            None => known.and_then(|known| known.unit).map(Cow::Borrowed),
        };
        let name = match attribute.get("datasetId").and_then(Json::text) {
            Some(dataset) => Cow::Owned(format!("{name}@{dataset}")),
            None => name.clone(),
        };
        match value {
            Value::Number(value) => sink.observe(self.id, name, unit, time, value)?,
            Value::Word(word) => sink.word(self.id, name, time, word.clone())?,
        }
        Ok(false)
    }

    fn time(&self, zone: &TimeZone) -> Time {
        let written: Vec<&Json<'a>> = ["dateObserved", "dateObservedTo", "TimeInstant"]
            .iter()
            .filter_map(|name| self.get(name).map(value_of))
            .filter(|value| **value != Json::Null)
            .collect();
        let texts = || written.iter().filter_map(|value| value.text());
        let exact = || texts().find_map(|text| period::end(text, period::exact));
        let any =
            |text: &Cow<'a, str>| period::end(text, |text| period::exact(text).or_else(|| period::local(text, zone)));
        match exact().or_else(|| texts().find_map(any)) {
            Some(time) => Time::At(time),
            None if written.is_empty() => Time::None,
            None => {
                let text = texts().next().map_or("", |text| text.as_ref());
                Time::Bad(reject(
                    Reason::InvalidTime,
                    format!("dateObserved {text:.80}: an ISO 8601 instant or interval"),
                ))
            }
        }
    }
}

/// The last part of an expanded name.
fn short(name: &str) -> &str {
    name.rsplit(['/', '#']).next().unwrap_or(name)
}

/// The value of an attribute in whatever form; of a JSON-LD typed value what is inside.
fn value_of<'m, 'a>(attribute: &'m Json<'a>) -> &'m Json<'a> {
    let value = attribute.get("value").unwrap_or(attribute);
    value.get("@value").unwrap_or(value)
}

/// Whether an NGSIv2 type says that the value is a number.
fn is_numeric(attribute: &Json<'_>) -> bool {
    let kind = attribute.get("type").and_then(Json::text).map_or("", |kind| kind.as_ref());
    attribute.get("value").is_some() && ["Number", "Integer", "Float", "Double"].contains(&kind)
}

/// Whether an attribute says what belongs together rather than what was observed.
fn is_reference(attribute: &Json<'_>) -> bool {
    attribute.get("type").and_then(Json::text).is_some_and(|kind| {
        ["Relationship", "GeoProperty", "geo:point", "DateTime", "VocabProperty"].contains(&kind.as_ref())
    })
}

fn metadata<'m, 'a>(attribute: &'m Json<'a>, name: &str) -> Option<&'m Json<'a>> {
    attribute.get("metadata")?.get(name).map(value_of)
}

fn attribute_time(attribute: &Json<'_>, zone: &TimeZone) -> Time {
    let own = attribute.get("observedAt").map(value_of);
    let written =
        own.or_else(|| ["observedAt", "timestamp", "TimeInstant"].iter().find_map(|name| metadata(attribute, name)));
    match written {
        None | Some(Json::Null) => Time::None,
        Some(written) => {
            match written.text().and_then(|text| period::exact(text).or_else(|| period::local(text, zone))) {
                Some(time) => Time::At(time),
                None => Time::Bad(reject(Reason::InvalidTime, "its time is not an ISO 8601 instant")),
            }
        }
    }
}

/// A point, the middle vertex of a line (a road's counter stands on it), or NGSIv2's `geo:point` text.
fn place(location: &Json<'_>) -> Option<(f64, f64)> {
    if let Some(text) = location.text() {
        let (lat, lon) = text.split_once(',')?;
        return Some((lon.trim().parse().ok()?, lat.trim().parse().ok()?));
    }
    let coordinates = location.get("coordinates")?.array()?;
    let position = match location.get("type")?.text()?.as_ref() {
        "Point" => coordinates,
        "LineString" => coordinates.get(coordinates.len() / 2)?.array()?,
        _ => return None,
    };
    let [lon, lat, ..] = position else { return None };
    Some((lon.number()?, lat.number()?))
}

#[cfg(test)]
mod tests;
