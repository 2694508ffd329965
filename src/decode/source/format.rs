//! One source's format, ready: where things stand in its messages, and what is remembered between them.
//!
//! What is remembered has the bounds of its own module and lives as long as the process. A message that is handed in
//! again leaves it as it is: it is no news of the session, and a repetition only by being handed in.

use jiff::tz::TimeZone;
use parking_lot::Mutex;

use super::super::layout::Layout;
use super::super::line_protocol::Precision;
use super::super::observed::Heard;
use super::super::points::Points;
use super::super::written::{Decimal, LocalClock, Repeated};
use super::super::{
    Limits, cayenne, chirpstack, csv_table, json, lorawan, mapped_cbor, ngsi, points, senml, sparkplug, sta,
    station_file, tasmota, tts, zigbee2mqtt,
};
use super::config::{Config, Decoder, Mark};
use super::pattern::Captures;
use crate::model::{Arrival, RawMessage, Rejection};

/// A decoder with what it needs besides the message.
#[derive(Debug)]
pub(super) enum Format {
    Json(Layout),
    Cbor(Layout),
    Tasmota(Layout),
    /// With the place of the captured level that is the device.
    Zigbee2mqtt(Layout, u8),
    SenmlJson,
    SenmlCbor,
    Sparkplug(Mutex<sparkplug::Session>),
    Chirpstack(Mutex<lorawan::Session>),
    Tts(Mutex<lorawan::Session>),
    Cayenne,
    Ngsi(TimeZone),
    SensorThings,
    Station(LocalClock, u8),
    Points(points::Points),
    Csv(Layout, csv_table::Form),
}

impl Format {
    /// The format of a source. `device` is the place of the captured level that is the device, if there is one.
    /// Mistakes are noted as key and sentence.
    pub(super) fn new(
        config: &Config,
        layout: Layout,
        zone: TimeZone,
        device: Option<u8>,
        note: &mut impl FnMut(&str, String),
    ) -> Format {
        match config.decoder {
            Decoder::Json => Format::Json(layout),
            Decoder::Cbor => Format::Cbor(layout),
            Decoder::Tasmota => Format::Tasmota(layout),
            Decoder::Zigbee2mqtt => Format::Zigbee2mqtt(layout, device.unwrap_or_default()),
            Decoder::SenmlJson => Format::SenmlJson,
            Decoder::SenmlCbor => Format::SenmlCbor,
            Decoder::SparkplugB => Format::Sparkplug(Mutex::default()),
            Decoder::ChirpstackV4 => Format::Chirpstack(Mutex::default()),
            Decoder::TheThingsStackV3 => Format::Tts(Mutex::default()),
            Decoder::CayenneLpp => Format::Cayenne,
            Decoder::Ngsi => Format::Ngsi(zone),
            Decoder::Sensorthings => Format::SensorThings,
            Decoder::StationFile => {
                let clock = LocalClock { zone, repeated: Repeated::Earlier };
                Format::Station(clock, separator(config, b'\t', note))
            }
            Decoder::LineProtocol => Format::Points(Points {
                tag: config.device_at.as_deref().map(Into::into),
                precision: precision(config, note),
            }),
            Decoder::Csv => Format::Csv(layout, table(config, note)),
        }
    }

    /// Reads one message into `heard`.
    pub(super) fn read<'a>(
        &'a self,
        raw: &RawMessage<'a>,
        captures: &Captures<'a>,
        limits: &Limits,
        heard: &mut Heard<'a>,
    ) -> Result<(), Rejection> {
        let RawMessage { topic, payload, arrival, .. } = *raw;
        let is_again = matches!(arrival, Arrival::Again { .. });
        // What a message says of "now" is about the moment at which it came first.
        let received_at = match arrival {
            Arrival::Again { first_at, .. } | Arrival::Repeated { first_at } => first_at,
            Arrival::Fresh | Arrival::Retained | Arrival::Imported => raw.received_at,
        };
        let sent_at = (arrival != Arrival::Retained).then_some(received_at);
        match self {
            Format::Json(layout) => json::decode(layout, payload, limits, heard),
            Format::Cbor(layout) => mapped_cbor::decode(layout, payload, limits, heard),
            Format::Tasmota(layout) => tasmota::decode(layout, payload, limits, heard),
            Format::Zigbee2mqtt(layout, device) => {
                zigbee2mqtt::decode(layout, captures.get(*device), payload, limits, heard)
            }
            Format::SenmlJson => senml::decode_json(topic, payload, sent_at, limits, heard),
            Format::SenmlCbor => senml::decode_cbor(topic, payload, sent_at, limits, heard),
            // Only the births tell what an alias means.
            Format::Sparkplug(session) if is_again => {
                let mut session = session.lock().clone();
                sparkplug::decode(topic, payload, received_at, limits, &mut session, heard)
            }
            Format::Sparkplug(session) => {
                sparkplug::decode(topic, payload, received_at, limits, &mut session.lock(), heard)
            }
            Format::Chirpstack(_) if is_again => {
                chirpstack::decode(topic, payload, received_at, limits, &mut lorawan::Session::default(), heard)
            }
            Format::Chirpstack(session) => {
                chirpstack::decode(topic, payload, received_at, limits, &mut session.lock(), heard)
            }
            Format::Tts(_) if is_again => {
                tts::decode(topic, payload, received_at, limits, &mut lorawan::Session::default(), heard)
            }
            Format::Tts(session) => tts::decode(topic, payload, received_at, limits, &mut session.lock(), heard),
            Format::Cayenne => cayenne::decode(topic, payload, received_at, limits, heard),
            Format::Ngsi(zone) => ngsi::decode(topic, payload, received_at, limits, zone, heard),
            Format::SensorThings => sta::decode(topic, payload, received_at, limits, heard),
            Format::Station(clock, separator) => station_file::decode(clock, *separator, topic, payload, limits, heard),
            Format::Points(points) => points::decode(points, payload, limits, heard),
            Format::Csv(layout, form) => csv_table::decode(layout, *form, payload, limits, heard),
        }
    }
}

fn separator(config: &Config, usual: u8, note: &mut impl FnMut(&str, String)) -> u8 {
    match config.separator.as_deref().map(str::as_bytes) {
        None => usual,
        Some([one]) if one.is_ascii() && !one.is_ascii_alphanumeric() && !b"\"\r\n".contains(one) => *one,
        Some(_) => {
            note("separator", "must be one character such as ; or a tab, \"\\t\"".to_owned());
            usual
        }
    }
}

fn table(config: &Config, note: &mut impl FnMut(&str, String)) -> csv_table::Form {
    let decimal = match config.decimal {
        None | Some(Mark::Point) => Decimal::Point,
        Some(Mark::Comma) => Decimal::Comma,
    };
    let separator = separator(config, b',', note);
    if separator == b',' && decimal == Decimal::Comma {
        note("decimal", "separator and decimal are both a comma: which is meant cannot be known".to_owned());
    }
    csv_table::Form { separator, decimal }
}

fn precision(config: &Config, note: &mut impl FnMut(&str, String)) -> Precision {
    match config.time_format.as_deref() {
        None | Some("nanoseconds") => Precision::Nanoseconds,
        Some("microseconds") => Precision::Microseconds,
        Some("milliseconds") => Precision::Milliseconds,
        Some("seconds") => Precision::Seconds,
        Some(other) => {
            let message = format!("must be nanoseconds, microseconds, milliseconds or seconds, not {other:?}");
            note("time_format", message);
            Precision::Nanoseconds
        }
    }
}
