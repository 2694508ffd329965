//! OGC SensorThings 1.1 observations: published or posted to `v1.1/Datastreams({id})/Observations` or to
//! `v1.1/Observations` with the datastream in the body, or heard from a subscription to either.
//!
//! The device is the datastream's identifier as it is written, without quotes (a number or a text; section 8.2.4); what
//! is observed is `result`, of a MultiDatastream `result.0`, `result.1`, and so on. Time (section 8.2.6):
//! `phenomenonTime`, of an interval its end; without one the received time. An inline datastream's unit symbol is the
//! unit, an inline feature of interest's point the place. A batch in the data array extension (section 8.4,
//! `CreateObservations`) is read row by row.
//!
//! A truth value is 1 or 0, a text is for the mapping; an object is refused. Left out: other entities, `resultQuality`,
//! deep inserts of sensors and things.

use std::borrow::Cow;

use super::sink::{self, Sink};
use super::tree::Json;
use super::{Heard, Limits, period, reject};
use crate::model::{Reason, Rejection, Timestamp};

/// Reads one observation, an array of them, or a batch of data arrays.
pub fn decode<'a>(
    topic: &'a str,
    payload: &'a [u8],
    _received_at: Timestamp,
    limits: &Limits,
    out: &mut Heard<'a>,
) -> Result<(), Rejection> {
    let json = Json::parse(sink::text(payload, limits)?, limits)?;
    let of_topic = datastream_of_topic(topic)?;
    sink::fill(out, limits, |sink| {
        let items = json.array().unwrap_or(std::slice::from_ref(&json));
        if items.is_empty() {
            return Err(reject(Reason::NoReadings, "an empty array"));
        }
        for item in items {
            let taken = match item.get("dataArray") {
                Some(rows) => data_array(item, rows, of_topic.as_ref(), sink)?,
                None => observation(item, of_topic.as_ref(), sink)?,
            };
            match taken {
                Ok(()) => {}
                Err(rejection) if items.len() == 1 => return Err(rejection),
                Err(rejection) => sink.refuse(rejection.reason, rejection.detail)?,
            }
        }
        Ok(())
    })
}

/// The identifier in `Datastreams(7)`, `Datastreams('a''b')` or `MultiDatastreams(...)`: the last one of the topic.
fn datastream_of_topic(topic: &str) -> Result<Option<Cow<'_, str>>, Rejection> {
    let Some((_, rest)) = topic.rsplit_once("atastreams(") else { return Ok(None) };
    let bad = || reject(Reason::UnknownTopic, "no identifier in Datastreams(...)");
    let Some(quoted) = rest.strip_prefix('\'') else {
        let (id, _) = rest.split_once(')').ok_or_else(bad)?;
        return if id.is_empty() { Err(bad()) } else { Ok(Some(Cow::Borrowed(id))) };
    };
    let mut from = 0;
    while let Some(at) = quoted[from..].find('\'') {
        let quote = from + at;
        if quoted[quote + 1..].starts_with('\'') {
            from = quote + 2;
        } else if quoted[quote + 1..].starts_with(')') && quote > 0 {
            let id = &quoted[..quote];
            return Ok(Some(if id.contains('\'') { Cow::Owned(id.replace("''", "'")) } else { Cow::Borrowed(id) }));
        } else {
            break;
        }
    }
    Err(bad())
}

/// The outer error ends the message, the inner one costs this observation.
type Taken = Result<Result<(), Rejection>, Rejection>;

fn observation<'a>(json: &Json<'a>, of_topic: Option<&Cow<'a, str>>, sink: &mut Sink<'_, 'a>) -> Taken {
    if json.object().is_none() {
        return Ok(Err(reject(Reason::WrongShape, format!("an observation is an object, not {}", json.kind()))));
    }
    let stream = ["Datastream", "MultiDatastream"].iter().find_map(|key| json.get(key));
    let device = match of_topic.cloned().or_else(|| stream.and_then(identifier)) {
        Some(device) => device,
        None => return Ok(Err(nameless())),
    };
    let time = match phenomenon_time(json.get("phenomenonTime")) {
        Ok(time) => time,
        Err(rejection) => return Ok(Err(rejection)),
    };
    let symbol = stream.and_then(|stream| stream.get("unitOfMeasurement")).and_then(|unit| unit.get("symbol"));
    let unit = symbol.and_then(Json::text).filter(|symbol| !symbol.is_empty()).cloned();
    let first = sink.count();
    let taken = result(json.get("result"), &device, unit, time, sink)?;
    if let Some(place) = json.get("FeatureOfInterest").and_then(point) {
        sink.place_from(first, place);
    }
    Ok(taken)
}

fn nameless() -> Rejection {
    reject(Reason::WrongShape, "neither the topic nor Datastream.@iot.id names the datastream")
}

fn identifier<'a>(stream: &Json<'a>) -> Option<Cow<'a, str>> {
    match stream.get("@iot.id")? {
        Json::Number(_, written) => Some(Cow::Borrowed(written)),
        Json::Text(text) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}

fn phenomenon_time(written: Option<&Json<'_>>) -> Result<Option<Timestamp>, Rejection> {
    match written {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Text(text)) => match period::end(text, period::exact) {
            Some(time) => Ok(Some(time)),
            None => Err(reject(Reason::InvalidTime, format!("phenomenonTime {text:.60}: ISO 8601 with an offset"))),
        },
        Some(other) => Err(reject(Reason::InvalidTime, format!("phenomenonTime is {}", other.kind()))),
    }
}

#[expect(clippy::ptr_arg, reason = "a borrowed name is cloned without a copy")]
fn result<'a>(
    result: Option<&Json<'a>>,
    device: &Cow<'a, str>,
    unit: Option<Cow<'a, str>>,
    time: Option<Timestamp>,
    sink: &mut Sink<'_, 'a>,
) -> Taken {
    let number = |json: &Json<'a>| match json {
        Json::Number(value, _) => Some(*value),
        Json::Bool(truth) => Some(f64::from(u8::from(*truth))),
        _ => None,
    };
    let refused = |json: &Json<'_>| reject(Reason::NotAQuantity, format!("result is {}", json.kind()));
    match result {
        None => return Ok(Err(reject(Reason::WrongShape, "an observation has a result (section 8.2.6)"))),
        Some(Json::Null) => return Ok(Err(reject(Reason::NoReadings, "result is null"))),
        Some(Json::Array(parts)) => {
            for (index, part) in parts.iter().enumerate() {
                match number(part) {
                    Some(value) => {
                        sink.observe(device, Cow::Owned(format!("result.{index}")), None, time, value)?;
                    }
                    None => sink.refuse(Reason::NotAQuantity, format!("result.{index} is {}", part.kind()))?,
                }
            }
        }
        Some(Json::Text(word)) => sink.word(device, Cow::Borrowed("result"), time, word.clone())?,
        Some(json) => match number(json) {
            Some(value) if value.is_finite() => sink.observe(device, Cow::Borrowed("result"), unit, time, value)?,
            Some(_) => return Ok(Err(reject(Reason::NotFinite, "result: larger than a double can hold"))),
            None => return Ok(Err(refused(json))),
        },
    }
    Ok(Ok(()))
}

/// A batch: the names of the columns, then the rows.
fn data_array<'a>(json: &Json<'a>, rows: &Json<'a>, of_topic: Option<&Cow<'a, str>>, sink: &mut Sink<'_, 'a>) -> Taken {
    let stream = ["Datastream", "MultiDatastream"].iter().find_map(|key| json.get(key));
    let Some(device) = stream.and_then(identifier).or_else(|| of_topic.cloned()) else { return Ok(Err(nameless())) };
    let (Some(columns), Some(rows)) = (json.get("components").and_then(Json::array), rows.array()) else {
        return Ok(Err(reject(Reason::WrongShape, "a data array has components and rows")));
    };
    let column = |name: &str| columns.iter().position(|column| column.text().is_some_and(|text| text == name));
    let Some(result_at) = column("result") else {
        return Ok(Err(reject(Reason::WrongShape, "a data array has a result column")));
    };
    let time_at = column("phenomenonTime");
    for row in rows {
        let cell = |at: Option<usize>| at.and_then(|at| row.array()?.get(at));
        let taken = match phenomenon_time(cell(time_at)) {
            Ok(time) => result(cell(Some(result_at)), &device, None, time, sink)?,
            Err(rejection) => Err(rejection),
        };
        if let Err(rejection) = taken {
            sink.refuse(rejection.reason, rejection.detail)?;
        }
    }
    Ok(Ok(()))
}

/// The point of an inline feature of interest, whose feature is a geometry or a GeoJSON feature.
fn point(interest: &Json<'_>) -> Option<(f64, f64)> {
    let feature = interest.get("feature")?;
    let geometry = feature.get("geometry").unwrap_or(feature);
    let [lon, lat, ..] = geometry.get("coordinates")?.array()? else { return None };
    (geometry.get("type")?.text()? == "Point").then_some((lon.number()?, lat.number()?))
}

#[cfg(test)]
mod tests;
