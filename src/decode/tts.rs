//! The Things Stack v3 application messages: `v3/{app}[@{tenant}]/devices/{id}/up` and its siblings, or by webhook.
//!
//! What a message is, its own fields say (`uplink_message`, `uplink_normalized`, `join_accept`, `location_solved`), so
//! the topic names nothing but a device that the message does not name. Fields that are empty or zero are left out.
//!
//! An uplink: `normalized_payload` (an array of measurements, each with its own time or none, in the units of its
//! schema) beats `decoded_payload`, which beats `frm_payload` as Cayenne LPP; and `rssi` and `snr` of the gateway that
//! heard it best, unless the payload has that name. The device is its EUI, or failing that its identifier.
//! Time: the measurement's own (the device's clock), else the gateway's if it can be believed beside the server's (no
//! more than a minute ahead, no more than a day behind), else the server's. Place: `locations`, what the frame said
//! before what a user entered. `session_key_id` and `f_cnt` tell repetitions and gaps.
//! A simulated uplink is refused. Downlink and service messages hold nothing to observe.

use std::borrow::Cow;
use std::time::Duration;

use super::lorawan::{self, Session, Uplink, Values};
use super::observed::Event;
use super::sink::{self, Sink};
use super::tree::Json;
use super::{Heard, Limits, reject, time};
use crate::model::{Reason, Rejection, Timestamp};

/// How far a gateway's clock may be ahead of its server's.
const GATEWAY_AHEAD_MAX: Duration = Duration::from_secs(60);
/// How far a gateway's clock may be behind its server's; a gateway without a clock is decades behind.
const GATEWAY_BEHIND_MAX: Duration = Duration::from_secs(24 * 3600);

/// Reads one message.
pub fn decode<'a>(
    topic: &'a str,
    payload: &'a [u8],
    received_at: Timestamp,
    limits: &Limits,
    session: &mut Session,
    out: &mut Heard<'a>,
) -> Result<(), Rejection> {
    let json = Json::parse(sink::text(payload, limits)?, limits)?;
    if json.object().is_none() {
        return Err(reject(Reason::WrongShape, format!("a message is an object, not {}", json.kind())));
    }
    if json.get("simulated") == Some(&Json::Bool(true)) {
        return Err(reject(Reason::Unsupported, "a simulated uplink is no observation"));
    }
    let device = device(topic, &json)?;
    let server_time = instant(&json, "received_at")?;
    sink::fill(out, limits, |sink| {
        if let Some(message) = json.get("uplink_message") {
            let heard_at = heard_at(message, server_time)?;
            let id = uplink_id(message);
            let uplink = Uplink {
                device: &device,
                session: message.get("session_key_id").and_then(Json::text).map_or("", |text| text.as_ref()),
                counter: lorawan::counter(message.get("f_cnt"))?,
                id: &id,
                heard_at: heard_at.unwrap_or(received_at),
            };
            let is_new = lorawan::follow(session.uplink(&uplink), &device, &Cow::Owned(id), sink);
            if is_new { up(message, &device, heard_at, sink) } else { Ok(()) }
        } else if let Some(message) = json.get("uplink_normalized") {
            let heard_at = heard_at(message, server_time)?;
            normalized(message.get("normalized_payload"), &device, heard_at, sink)?;
            locate(message, 0, sink);
            Ok(())
        } else if let Some(solved) = json.get("location_solved") {
            lorawan::location(solved.get("location"), &device, server_time, sink)
        } else {
            if json.get("join_accept").is_some() {
                session.joined(&device);
                sink.event(Event::Joined { device });
            }
            Ok(())
        }
    })
}

/// When the network heard a message.
fn heard_at(message: &Json<'_>, server_time: Option<Timestamp>) -> Result<Option<Timestamp>, Rejection> {
    let server_time = instant(message, "received_at")?.or(server_time);
    let settings = message.get("settings").and_then(|settings| settings.get("time"));
    let gateways = message.get("rx_metadata").and_then(Json::array).unwrap_or_default();
    let gateway_time = settings
        .into_iter()
        .chain(gateways.iter().filter_map(|gateway| gateway.get("time")))
        .filter_map(|written| time::from_text(written.text()?))
        .find(|gateway| {
            server_time.is_none_or(|server| {
                gateway.since(server) <= GATEWAY_AHEAD_MAX && server.since(*gateway) <= GATEWAY_BEHIND_MAX
            })
        });
    Ok(gateway_time.or(server_time))
}

fn device<'a>(topic: &'a str, json: &Json<'a>) -> Result<Cow<'a, str>, Rejection> {
    let of = |key| json.get("end_device_ids").and_then(|ids| ids.get(key)).and_then(Json::text);
    if let Some(name) = of("dev_eui").or_else(|| of("device_id")).filter(|name| !name.is_empty()) {
        return Ok(name.clone());
    }
    let mut segments = topic.split('/').skip_while(|segment| *segment != "devices").skip(1);
    match segments.next().filter(|name| !name.is_empty()) {
        Some(name) => Ok(Cow::Borrowed(name)),
        None => Err(reject(Reason::WrongShape, "neither end_device_ids nor the topic names the device")),
    }
}

fn instant(json: &Json<'_>, key: &str) -> Result<Option<Timestamp>, Rejection> {
    match json.get(key) {
        None | Some(Json::Null) => Ok(None),
        Some(written) => match written.text().and_then(|text| time::from_text(text)) {
            Some(time) => Ok(Some(time)),
            None => Err(reject(Reason::InvalidTime, format!("{key} is not RFC 3339 with an offset"))),
        },
    }
}

/// What an uplink and its copy have in common, the server's clock included.
fn uplink_id(message: &Json<'_>) -> String {
    let text = |key| message.get(key).and_then(Json::text).map_or("", |text| text.as_ref());
    let at: String = text("received_at").chars().take(64).collect();
    format!("f_cnt {} {at}", message.get("f_cnt").and_then(Json::number).unwrap_or(0.0))
}

#[expect(clippy::ptr_arg, reason = "a borrowed name is cloned without a copy")]
fn up<'a>(
    message: &Json<'a>,
    device: &Cow<'a, str>,
    heard_at: Option<Timestamp>,
    sink: &mut Sink<'_, 'a>,
) -> Result<(), Rejection> {
    let first = sink.count();
    let is_full = |json: &&Json<'_>| match json {
        Json::Object(members) => !members.is_empty(),
        Json::Array(items) => !items.is_empty(),
        other => **other != Json::Null,
    };
    let normal = message.get("normalized_payload").filter(is_full);
    match message.get("decoded_payload").filter(is_full) {
        _ if normal.is_some() => normalized(normal, device, heard_at, sink)?,
        Some(decoded @ Json::Object(_)) => {
            lorawan::nested(decoded, "", &Values { device, time: heard_at, unit: |_| None }, sink)?;
        }
        Some(other) => sink.refuse(Reason::WrongType, format!("decoded_payload is {}", other.kind()))?,
        None => lorawan::frame(message.get("frm_payload"), device, heard_at, sink)?,
    }
    if let Some(best) = lorawan::best_gateway(message.get("rx_metadata")) {
        let fields = [("rssi", best.get("rssi"), Some("dBm")), ("snr", best.get("snr"), Some("dB"))];
        lorawan::radio(&fields, first, device, heard_at, sink)?;
    }
    locate(message, first, sink);
    Ok(())
}

/// One measurement, or an array of them.
#[expect(clippy::ptr_arg, reason = "a borrowed name is cloned without a copy")]
fn normalized<'a>(
    payload: Option<&Json<'a>>,
    device: &Cow<'a, str>,
    heard_at: Option<Timestamp>,
    sink: &mut Sink<'_, 'a>,
) -> Result<(), Rejection> {
    let measurements = match payload {
        Some(Json::Array(measurements)) => measurements.as_slice(),
        Some(measurement @ Json::Object(_)) => std::slice::from_ref(measurement),
        _ => {
            return sink.refuse(Reason::WrongShape, "normalized_payload is neither a measurement nor an array of them");
        }
    };
    for measurement in measurements {
        let Some(members) = measurement.object() else {
            sink.refuse(Reason::WrongShape, format!("a measurement is an object, not {}", measurement.kind()))?;
            continue;
        };
        let time = match instant(measurement, "time") {
            Ok(own) => own.or(heard_at),
            Err(rejection) => {
                sink.refuse(rejection.reason, rejection.detail)?;
                continue;
            }
        };
        for (key, value) in members.iter().filter(|(key, _)| key != "time") {
            lorawan::nested(value, key, &Values { device, time, unit: unit_of }, sink)?;
        }
    }
    Ok(())
}

/// The units of the normalized payload's schema (lorawan-devices, `lib/payload.json`), as UCUM codes.
fn unit_of(path: &str) -> Option<&'static str> {
    let (group, last) = path.split_once('.')?;
    let last = last.rsplit('.').next().unwrap_or(last);
    Some(match (group, last) {
        ("air" | "soil", "temperature") | ("water", "current" | "min" | "max" | "avg") => "Cel",
        ("air", "relativeHumidity") | ("soil", "moisture") => "%",
        ("air", "pressure") => "hPa",
        ("air", "co2") | ("soil", "n" | "p" | "k") => "[ppm]",
        ("air", "lightIntensity") => "lx",
        ("wind", "speed") => "m/s",
        ("wind", "direction") | ("position", "latitude" | "longitude") => "deg",
        ("soil", "depth") => "cm",
        ("soil", "ec") => "dS/m",
        ("soil", "pH") => "[pH]",
        ("rain", "intensity") => "mm/h",
        ("rain", "cumulative") => "mm",
        ("metering", "total") => "L",
        _ => return None,
    })
}

/// Says where the device is, for the values from number `first` on.
fn locate(message: &Json<'_>, first: usize, sink: &mut Sink<'_, '_>) {
    let Some(locations) = message.get("locations").and_then(Json::object) else { return };
    let rank = |key: &str| ["frm-payload", "user"].iter().position(|name| *name == key).unwrap_or(2);
    let best = locations.iter().min_by_key(|(key, _)| rank(key)).map(|(_, location)| location);
    let at = |name| best.and_then(|location| location.get(name)).and_then(Json::number);
    if let (Some(lon), Some(lat)) = (at("longitude"), at("latitude")) {
        sink.place_from(first, (lon, lat));
    }
}

#[cfg(test)]
mod tests;
