//! A `[[source]]` section: what comes from where, in which format, and what its names mean here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::layout::Unlisted;
use super::super::{tasmota, unit_word};
use crate::model::Unit;

/// A format that devices of other makers speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decoder {
    /// JSON of any shape, read by JSON Pointers.
    Json,
    /// CBOR of any shape, read by the same pointers.
    Cbor,
    /// SenML (RFC 8428) in JSON.
    SenmlJson,
    /// SenML in CBOR.
    SenmlCbor,
    /// Sparkplug B 3.0.
    SparkplugB,
    /// ChirpStack v4 events as JSON.
    ChirpstackV4,
    /// The Things Stack v3 messages.
    TheThingsStackV3,
    /// Cayenne LPP, the bytes alone.
    CayenneLpp,
    /// NGSI-LD and NGSIv2 entities and notifications.
    Ngsi,
    /// OGC SensorThings 1.1 observations.
    Sensorthings,
    /// Tasmota's telemetry.
    Tasmota,
    /// zigbee2mqtt's device states.
    Zigbee2mqtt,
}

/// One declared source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Its name in the ledger and in dead letters: 1 to 64 letters, digits, `-`, `_`.
    pub name: String,
    /// Ways in by which it comes: `edge`, and names of brokers.
    #[serde(default = "the_edge")]
    pub from: Vec<String>,
    /// Topics: a filter whose levels may be captured.
    pub topic: String,
    /// The format.
    pub decoder: Decoder,
    /// The station: captured levels and `{device}` in braces, and other letters as they are.
    #[serde(default = "the_device")]
    pub station: String,
    /// What `station` gives, to the station that it is. When it is not empty, whoever is not in it is refused.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stations: BTreeMap<String, String>,
    /// The sender's names and what they are here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<String, Named>,
    /// What becomes of names that are not listed.
    #[serde(default)]
    pub unlisted: Unlisted,
    /// Names that are passed over even so.
    #[serde(default)]
    pub ignored: Vec<String>,
    /// Texts that stand for "no value"; one that is a number stands for that number too.
    #[serde(default)]
    pub missing: Vec<String>,
    /// The sender's words for units.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub units: BTreeMap<String, Unit>,
    /// Zone of times without an offset, by its name in the IANA database.
    #[serde(default = "the_zone")]
    pub time_zone: String,
    /// Where the time stands (JSON Pointer); without it the received time is used. `json` and `cbor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_at: Option<String>,
    /// How it is written: `rfc3339`, `seconds`, `milliseconds`, `local`, or a pattern as of `strptime`.
    #[serde(default = "rfc3339")]
    pub time_format: String,
    /// Where the device stands (JSON Pointer), when the topic does not say it. `json` and `cbor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_at: Option<String>,
    /// Where a value's name stands (JSON Pointer), for messages that carry names as values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_at: Option<String>,
    /// Where the value of that name stands (JSON Pointer).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_at: Option<String>,
    /// Where its unit stands (JSON Pointer).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_at: Option<String>,
}

/// What one of the sender's names is here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// The property.
    pub property: String,
    /// The sender's unit, where the message does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// `value * scale + offset` is in that unit.
    #[serde(default = "one")]
    pub scale: f64,
    /// See `scale`.
    #[serde(default)]
    pub offset: f64,
    /// Numbers for texts: `{ ON = 1, OFF = 0 }`; `scale` and `offset` apply to them too.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub words: BTreeMap<String, f64>,
}

/// The way in by the embedded edge.
pub const EDGE: &str = "edge";

fn the_edge() -> Vec<String> {
    vec![EDGE.to_owned()]
}

fn the_device() -> String {
    "{device}".to_owned()
}

fn the_zone() -> String {
    "Asia/Ho_Chi_Minh".to_owned()
}

fn rfc3339() -> String {
    "rfc3339".to_owned()
}

fn one() -> f64 {
    1.0
}

impl Decoder {
    /// Whether the places of things are said by the configuration.
    pub(super) fn is_mapped(self) -> bool {
        matches!(self, Decoder::Json | Decoder::Cbor)
    }

    /// Whether its names are places in a nested message.
    pub(super) fn has_places(self) -> bool {
        matches!(self, Decoder::Json | Decoder::Cbor | Decoder::Tasmota | Decoder::Zigbee2mqtt)
    }

    /// Whether its messages can say the unit of a value.
    pub(super) fn says_units(self) -> bool {
        !matches!(self, Decoder::Json | Decoder::Cbor | Decoder::Zigbee2mqtt)
    }

    /// Whether its messages can say the device, apart from the topic.
    pub(super) fn says_devices(self) -> bool {
        !self.has_places() && self != Decoder::CayenneLpp
    }

    /// A unit in the words of its messages, and what a value in it is to be multiplied by.
    pub(super) fn unit(self, word: &str) -> Option<(Unit, f64)> {
        match self {
            Decoder::Tasmota => tasmota::unit(word).map(|unit| (unit, 1.0)),
            Decoder::SenmlJson | Decoder::SenmlCbor => senml_unit(word),
            _ => unit_word::parse(word).map(|known| (known.unit, known.factor)),
        }
    }
}

/// SenML's units (RFC 8428 section 12.1) are near to UCUM; these are the ones that differ. Those that Saola keeps
/// nothing in (kilogram, tesla, decibel relative to a milliwatt ...) are not known.
fn senml_unit(word: &str) -> Option<(Unit, f64)> {
    Some(match word {
        "/" => (Unit::One, 1.0),
        "%RH" | "%EL" => (Unit::Percent, 1.0),
        "beat/min" | "1/min" => (Unit::PerMinute, 1.0),
        "pH" => (Unit::Ph, 1.0),
        "l" => (Unit::Litre, 1.0),
        "l/s" => (Unit::LitrePerSecond, 1.0),
        "S/m" => (Unit::MicrosiemensPerCentimetre, 1e4),
        "J" => (Unit::WattHour, 1.0 / 3600.0),
        word => return Unit::parse(word).map(|unit| (unit, 1.0)),
    })
}
