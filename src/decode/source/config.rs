//! A `[[source]]` section: what comes from where, in which format, and what its names mean here.

use std::collections::BTreeMap;
use std::path::PathBuf;

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
    /// Files of automatic stations (Circular 10/2021/TT-BTNMT).
    StationFile,
    /// InfluxDB line protocol.
    LineProtocol,
    /// A table with a header.
    Csv,
}

/// One declared source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Its name in the ledger and in dead letters: 1 to 64 letters, digits, `-`, `_`.
    pub name: String,
    /// Ways in by which it comes: `edge`, `http`, `files`, and names of brokers.
    #[serde(default = "the_edge")]
    pub from: Vec<String>,
    /// Topics: a filter whose levels may be captured.
    pub topic: String,
    /// The folder that is watched, for the way in `files`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// SHA-256 of the token that senders show, in 64 hexadecimal digits, for the way in `http`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_sha256: Option<String>,
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
    /// How it is written: `rfc3339`, `seconds`, `milliseconds`, `local`, or a pattern as of `strptime`; of line
    /// protocol `nanoseconds`, `microseconds`, `milliseconds` or `seconds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_format: Option<String>,
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
    /// Between the fields of a table or of a station's line: one ASCII character.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub separator: Option<String>,
    /// What stands before the decimals of a table's numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decimal: Option<Mark>,
}

/// What stands before decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// `41.2`
    Point,
    /// `41,2`
    Comma,
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
/// The way in by requests to the source's own address.
pub const HTTP: &str = "http";
/// The way in by files in the source's own folder.
pub const FILES: &str = "files";

fn the_edge() -> Vec<String> {
    vec![EDGE.to_owned()]
}

fn the_device() -> String {
    "{device}".to_owned()
}

fn the_zone() -> String {
    "Asia/Ho_Chi_Minh".to_owned()
}

fn one() -> f64 {
    1.0
}

impl Decoder {
    /// Whether the places of things are said by the configuration.
    pub(super) fn is_mapped(self) -> bool {
        matches!(self, Decoder::Json | Decoder::Cbor | Decoder::Csv)
    }

    /// Whether those places are JSON Pointers; columns of a table have names.
    pub(super) fn has_pointers(self) -> bool {
        matches!(self, Decoder::Json | Decoder::Cbor)
    }

    /// Whether its names are places in a nested message.
    pub(super) fn has_places(self) -> bool {
        matches!(self, Decoder::Json | Decoder::Cbor | Decoder::Csv | Decoder::Tasmota | Decoder::Zigbee2mqtt)
    }

    /// Whether its messages can say the unit of a value.
    pub(super) fn says_units(self) -> bool {
        use Decoder::{Cbor, Csv, Json, LineProtocol, Zigbee2mqtt};
        !matches!(self, Json | Cbor | Csv | LineProtocol | Zigbee2mqtt)
    }

    /// Whether its messages can say the device, apart from the topic.
    pub(super) fn says_devices(self) -> bool {
        !self.has_places() && !matches!(self, Decoder::CayenneLpp | Decoder::LineProtocol)
    }

    /// Whether a message may be cut into its lines: a file of any length is read row by row.
    pub fn rows(self) -> bool {
        matches!(self, Decoder::StationFile | Decoder::LineProtocol | Decoder::Csv)
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
