//! ChirpStack v4 events as JSON: `application/{id}/device/{devEui}/event/{up, status, join, location}`, or by webhook.
//!
//! Protobuf's JSON: camelCase, and a field that has its default is left out, so that a missing counter, margin or SNR is
//! zero. The event is the topic's last segment after `event`; without one (a webhook) it is told by its fields.
//!
//! `up`: the numbers and truth values of `object` under their paths (`temperatureSensor.1`); without an object, `data`
//! as Cayenne LPP; and `rssi`, `snr` (of the gateway that heard it best) and `dr`, unless the object has that name.
//! `status`: `margin` and `batteryLevel`. `location`: latitude, longitude, altitude, and the place. The time is the
//! event's, which the network or the gateway set: a device's own clock is whatever its codec made of it.
//! `deduplicationId` and `fCnt` tell repetitions and gaps. Other events hold nothing to observe. `rxInfo.location` is the
//! gateway's place and says nothing of the device.

use std::borrow::Cow;

use super::lorawan::{self, Session, Uplink, Values};
use super::observed::Event;
use super::sink::{self, Sink};
use super::tree::Json;
use super::{Heard, Limits, reject, time};
use crate::model::{Reason, Rejection, Timestamp};

/// Reads one event.
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
        return Err(reject(Reason::WrongShape, format!("an event is an object, not {}", json.kind())));
    }
    let segments: Vec<&str> = topic.split('/').collect();
    let after =
        |word| segments.iter().position(|segment| *segment == word).and_then(|at| segments.get(at + 1)).copied();
    let device = match json.get("deviceInfo").and_then(|about| about.get("devEui")).and_then(Json::text) {
        Some(device) => device.clone(),
        None => Cow::Borrowed(after("device").unwrap_or_default()),
    };
    if device.is_empty() {
        return Err(reject(Reason::WrongShape, "neither deviceInfo.devEui nor the topic names the device"));
    }
    let event = match after("event") {
        Some(event) => event,
        None => kind(&json),
    };
    let event_time = event_time(&json)?;
    sink::fill(out, limits, |sink| match event {
        "up" => {
            let text = |key| json.get(key).and_then(Json::text).map_or("", |text| text.as_ref());
            let id = json.get("deduplicationId").and_then(Json::text).cloned().unwrap_or_default();
            let uplink = Uplink {
                device: &device,
                session: text("devAddr"),
                counter: lorawan::counter(json.get("fCnt"))?,
                id: &id,
                heard_at: event_time.unwrap_or(received_at),
            };
            let is_new = lorawan::follow(session.uplink(&uplink), &device, &id, sink);
            if is_new { up(&json, &device, event_time, sink) } else { Ok(()) }
        }
        "join" => {
            session.joined(&device);
            sink.event(Event::Joined { device });
            Ok(())
        }
        "status" => status(&json, &device, event_time, sink),
        "location" => lorawan::location(json.get("location"), &device, event_time, sink),
        _ => Ok(()),
    })
}

/// The kind of an event that came without a topic.
fn kind(json: &Json<'_>) -> &'static str {
    let has = |keys: &[&str]| keys.iter().any(|key| json.get(key).is_some());
    if has(&["rxInfo", "object", "data"]) && !has(&["integrationName"]) {
        "up"
    } else if has(&["location"]) {
        "location"
    } else if has(&["margin", "batteryLevel", "externalPowerSource", "batteryLevelUnavailable"]) {
        "status"
    } else if has(&["devAddr"]) {
        "join"
    } else {
        "other"
    }
}

fn event_time(json: &Json<'_>) -> Result<Option<Timestamp>, Rejection> {
    let first = json.get("rxInfo").and_then(Json::array).and_then(|gateways| gateways.first());
    let written = [json.get("time"), first.and_then(|rx| rx.get("gwTime")), first.and_then(|rx| rx.get("nsTime"))];
    let Some(written) = written.into_iter().flatten().find(|value| **value != Json::Null) else { return Ok(None) };
    match written.text().and_then(|text| time::from_text(text)) {
        Some(time) => Ok(Some(time)),
        None => Err(reject(Reason::InvalidTime, "time is not RFC 3339 with an offset")),
    }
}

#[expect(clippy::ptr_arg, reason = "a borrowed name is cloned without a copy")]
fn up<'a>(
    json: &Json<'a>,
    device: &Cow<'a, str>,
    time: Option<Timestamp>,
    sink: &mut Sink<'_, 'a>,
) -> Result<(), Rejection> {
    let first = sink.count();
    match json.get("object") {
        Some(object @ Json::Object(members)) if !members.is_empty() => {
            lorawan::nested(object, "", &Values { device, time, unit: |_| None }, sink)?;
        }
        None | Some(Json::Null | Json::Object(_)) => lorawan::frame(json.get("data"), device, time, sink)?,
        Some(other) => sink.refuse(Reason::WrongType, format!("object is {}", other.kind()))?,
    }
    let best = lorawan::best_gateway(json.get("rxInfo"));
    lorawan::radio(&[("dr", json.get("dr"), None)], first, device, time, sink)?;
    match best {
        Some(best) => {
            let fields = [("rssi", best.get("rssi"), Some("dBm")), ("snr", best.get("snr"), Some("dB"))];
            lorawan::radio(&fields, first, device, time, sink)
        }
        None => Ok(()),
    }
}

#[expect(clippy::ptr_arg, reason = "a borrowed name is cloned without a copy")]
fn status<'a>(
    json: &Json<'a>,
    device: &Cow<'a, str>,
    time: Option<Timestamp>,
    sink: &mut Sink<'_, 'a>,
) -> Result<(), Rejection> {
    let has_level = ["externalPowerSource", "batteryLevelUnavailable"]
        .iter()
        .all(|flag| json.get(flag).is_none_or(|value| *value != Json::Bool(true)));
    lorawan::radio(&[("margin", json.get("margin"), Some("dB"))], sink.count(), device, time, sink)?;
    if has_level {
        lorawan::radio(&[("batteryLevel", json.get("batteryLevel"), Some("%"))], sink.count(), device, time, sink)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
