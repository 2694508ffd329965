//! The native form: topic `saola/v1/{station}` with a flat JSON object or an array of them, or
//! `saola/v1/{station}/{property}` with a bare number.
//!
//! ```text
//! {"time": "2026-11-21T10:15:00+07:00", "pm2_5": 41.2, "pm10": 63, "status": "measuring"}
//! ```
//! `time`: RFC 3339, or seconds or milliseconds since 1970 (told apart by magnitude), or absent.
//! `status`: `measuring`, `calibrating`, `fault`, or the station file codes `00`, `01`, `02`.
//! Every other key is a property with a number; `null` says that there is no value and carries no reading.
//!
//! What cannot be read at all is one refused reading. Inside a well-formed message a bad value costs that reading
//! and a bad time costs its object; the others are taken.

use std::borrow::Cow;

use super::scan::{Scalar, Scanner, Value};
use super::{Decoded, Limits, number, reject, time};
use crate::model::{Reading, Reason, Rejection, Status, Timestamp};

/// The first two segments of every native topic.
pub const TOPIC_PREFIX: &str = "saola/v1/";

/// Reads one message into `out`. On an error nothing of the message is in `out`.
pub fn decode<'a>(topic: &'a str, payload: &'a [u8], limits: &Limits, out: &mut Decoded<'a>) -> Result<(), Rejection> {
    let (station, property) = address(topic)?;
    if payload.is_empty() {
        return Err(reject(Reason::EmptyPayload, "the message has no bytes"));
    }
    if payload.len() > limits.payload_bytes_max {
        let detail = format!("{} bytes, at most {} are taken", payload.len(), limits.payload_bytes_max);
        return Err(reject(Reason::PayloadTooLarge, detail));
    }
    let text = std::str::from_utf8(payload)
        .map_err(|error| reject(Reason::InvalidUtf8, format!("not UTF-8 from byte {}", error.valid_up_to())))?;
    let (readings_before, rejections_before) = (out.readings.len(), out.rejections.len());
    let result = match property {
        Some(property) => bare_number(station, property, text, out),
        None => objects(station, text, limits, out),
    };
    if result.is_err() {
        out.readings.truncate(readings_before);
        out.rejections.truncate(rejections_before);
    }
    result
}

/// The station and, on a property topic, the property.
fn address(topic: &str) -> Result<(&str, Option<&str>), Rejection> {
    let unknown = || reject(Reason::UnknownTopic, "not saola/v1/{station} or saola/v1/{station}/{property}");
    let rest = topic.strip_prefix(TOPIC_PREFIX).ok_or_else(unknown)?;
    let (station, property) = match rest.split_once('/') {
        None => (rest, None),
        Some((station, property)) => (station, Some(property)),
    };
    let is_segment = |segment: &str| !segment.is_empty() && !segment.contains('/');
    if is_segment(station) && property.is_none_or(is_segment) { Ok((station, property)) } else { Err(unknown()) }
}

fn bare_number<'a>(station: &'a str, property: &'a str, text: &'a str, out: &mut Decoded<'a>) -> Result<(), Rejection> {
    let trimmed = text.trim_ascii();
    let value = match number::parse(trimmed.as_bytes()) {
        Some((value, length)) if length == trimmed.len() => finite(property, value)?,
        _ => return Err(reject(Reason::WrongShape, format!("{property}: a property topic takes one bare number"))),
    };
    let (time, unit, status) = (None, None, Status::Measuring);
    let (station, property) = (Cow::Borrowed(station), Cow::Borrowed(property));
    out.readings.push(Reading { station, property, time, value, unit, status });
    Ok(())
}

fn objects<'a>(station: &'a str, text: &'a str, limits: &Limits, out: &mut Decoded<'a>) -> Result<(), Rejection> {
    let mut scanner = Scanner::new(text);
    match scanner.peek() {
        Some(b'{') => object(&mut scanner, station, limits, out)?,
        Some(b'[') => {
            scanner.expect(b'[')?;
            if scanner.take(b']') {
                return Err(reject(Reason::NoReadings, "an empty array"));
            }
            loop {
                match scanner.peek() {
                    Some(b'{') => object(&mut scanner, station, limits, out)?,
                    Some(b'[') => return Err(reject(Reason::NestedTooDeep, "an array inside the array")),
                    _ => {
                        scanner.value()?;
                        return Err(reject(Reason::WrongShape, "the array holds something that is not an object"));
                    }
                }
                if !scanner.take(b',') {
                    break;
                }
            }
            scanner.expect(b']')?;
        }
        Some(_) => {
            scanner.value()?;
            scanner.end()?;
            return Err(reject(Reason::WrongShape, "neither an object nor an array of objects"));
        }
        None => return Err(reject(Reason::EmptyPayload, "white space only")),
    }
    scanner.end()
}

/// What an object says besides its readings.
#[derive(Default)]
struct Object {
    time: Option<Timestamp>,
    status: Status,
    has_time: bool,
    has_status: bool,
    /// The first thing that makes the whole object unusable.
    refused: Option<Rejection>,
}

fn object<'a>(
    scanner: &mut Scanner<'a>,
    station: &'a str,
    limits: &Limits,
    out: &mut Decoded<'a>,
) -> Result<(), Rejection> {
    let (readings_from, rejections_from) = (out.readings.len(), out.rejections.len());
    let mut object = Object::default();
    let mut keys = 0;
    scanner.expect(b'{')?;
    if !scanner.take(b'}') {
        loop {
            keys += 1;
            if keys > limits.keys_max {
                return Err(reject(
                    Reason::TooManyReadings,
                    format!("more than {} keys in one object", limits.keys_max),
                ));
            }
            let key = scanner.text()?;
            scanner.expect(b':')?;
            let Value::Scalar(value) = scanner.value()? else {
                return Err(reject(Reason::NestedTooDeep, format!("{key}: the native form is flat")));
            };
            match key.as_ref() {
                "time" => object.set_time(&value),
                "status" => object.set_status(&value),
                _ if out.readings[readings_from..].iter().any(|reading| reading.property == key) => {
                    object.refuse(Reason::DuplicateKey, format!("{key} is there twice"));
                }
                _ => property(station, key, value, out),
            }
            if !scanner.take(b',') {
                break;
            }
        }
        scanner.expect(b'}')?;
    }
    if out.readings.len() + out.rejections.len() > limits.readings_max {
        return Err(reject(Reason::TooManyReadings, format!("more than {} readings", limits.readings_max)));
    }
    if out.readings.len() == readings_from && out.rejections.len() == rejections_from {
        object.refuse(Reason::NoReadings, "the object holds no value".to_owned());
    }
    if let Some(rejection) = object.refused {
        out.readings.truncate(readings_from);
        out.rejections.truncate(rejections_from);
        out.rejections.push(rejection);
    }
    for reading in &mut out.readings[readings_from..] {
        reading.time = object.time;
        reading.status = object.status;
    }
    Ok(())
}

impl Object {
    fn refuse(&mut self, reason: Reason, detail: String) {
        self.refused.get_or_insert_with(|| reject(reason, detail));
    }

    fn set_time(&mut self, value: &Scalar<'_>) {
        if std::mem::replace(&mut self.has_time, true) {
            self.refuse(Reason::DuplicateKey, "time is there twice".to_owned());
        }
        let (time, written) = match value {
            Scalar::Text(text) => (time::from_text(text), text.to_string()),
            Scalar::Number(number) => (time::from_number(*number), number.to_string()),
            Scalar::Null => return,
            Scalar::Bool(_) => (None, "a truth value".to_owned()),
        };
        match time {
            Some(time) => self.time = Some(time),
            None => {
                let detail =
                    format!("time {written}: write RFC 3339 with an offset, or seconds or milliseconds since 1970");
                self.refuse(Reason::InvalidTime, detail);
            }
        }
    }

    fn set_status(&mut self, value: &Scalar<'_>) {
        if std::mem::replace(&mut self.has_status, true) {
            self.refuse(Reason::DuplicateKey, "status is there twice".to_owned());
        }
        let word = match value {
            Scalar::Text(word) => word.as_ref(),
            _ => "",
        };
        self.status = match word {
            "measuring" | "00" => Status::Measuring,
            "calibrating" | "01" => Status::Calibrating,
            "fault" | "02" => Status::Fault,
            _ => {
                self.refuse(Reason::InvalidStatus, format!("status {word:?}: use measuring, calibrating or fault"));
                Status::Measuring
            }
        };
    }
}

fn property<'a>(station: &'a str, property: Cow<'a, str>, value: Scalar<'a>, out: &mut Decoded<'a>) {
    let value = match value {
        Scalar::Number(value) => finite(&property, value),
        Scalar::Null => return,
        Scalar::Text(_) => Err(reject(Reason::WrongType, format!("{property}: a text where a number belongs"))),
        Scalar::Bool(_) => Err(reject(Reason::WrongType, format!("{property}: a truth value where a number belongs"))),
    };
    match value {
        Ok(value) => {
            let (time, unit, status, station) = (None, None, Status::Measuring, Cow::Borrowed(station));
            out.readings.push(Reading { station, property, time, value, unit, status });
        }
        Err(rejection) => out.rejections.push(rejection),
    }
}

fn finite(property: &str, value: f64) -> Result<f64, Rejection> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(reject(Reason::NotFinite, format!("{property}: larger than a double can hold")))
    }
}

#[cfg(test)]
mod tests;
