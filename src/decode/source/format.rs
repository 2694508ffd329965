//! One source's format, ready: where things stand in its messages, and what is remembered between them.
//!
//! What is remembered has the bounds of its own module and lives as long as the process. A message that is handed in
//! again leaves it as it is: it is no news of the session, and a repetition only by being handed in.

use jiff::tz::TimeZone;
use parking_lot::Mutex;

use super::super::layout::Layout;
use super::super::observed::Heard;
use super::super::{
    Limits, cayenne, chirpstack, json, lorawan, mapped_cbor, ngsi, senml, sparkplug, sta, tasmota, tts, zigbee2mqtt,
};
use super::config::Decoder;
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
}

impl Format {
    /// The format of a decoder. `device` is the place of the captured level that is the device, if there is one.
    pub(super) fn new(decoder: Decoder, layout: Layout, zone: TimeZone, device: Option<u8>) -> Format {
        match decoder {
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
        let RawMessage { topic, payload, received_at, arrival, .. } = *raw;
        let is_again = matches!(arrival, Arrival::Again { .. });
        match self {
            Format::Json(layout) => json::decode(layout, payload, limits, heard),
            Format::Cbor(layout) => mapped_cbor::decode(layout, payload, limits, heard),
            Format::Tasmota(layout) => tasmota::decode(layout, payload, limits, heard),
            Format::Zigbee2mqtt(layout, device) => {
                zigbee2mqtt::decode(layout, captures.get(*device), payload, limits, heard)
            }
            Format::SenmlJson => senml::decode_json(topic, payload, received_at, limits, heard),
            Format::SenmlCbor => senml::decode_cbor(topic, payload, received_at, limits, heard),
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
        }
    }
}
