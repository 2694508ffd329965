//! A declared source for each decoder, with a mapping that takes what the stored messages hold.

use crate::decode::source::{Config, Sources};
use crate::model::SourceId;

/// The way in of every message.
pub const EDGE: SourceId = SourceId(0);

const SOURCES: &str = include_str!("sources.toml");

#[derive(serde::Deserialize)]
struct File {
    source: Vec<Config>,
}

/// All of them.
pub fn prepare() -> Sources {
    let configs = toml::from_str::<File>(SOURCES).expect("sources.toml is right").source;
    let number = |name: &str| match name {
        "edge" => Some(EDGE),
        name => configs.iter().position(|config| config.name == name).map(|place| SourceId(1 + place as u16)),
    };
    Sources::prepare(&configs, number).expect("every source can be prepared")
}

/// The decoder that a source's messages are read by, as its target is called; the edge's own are native.
pub fn decoder_of(source: SourceId) -> String {
    if source == EDGE {
        return "native".to_owned();
    }
    let configs = toml::from_str::<File>(SOURCES).expect("sources.toml is right").source;
    let decoder = serde_json::to_value(configs[usize::from(source.0) - 1].decoder).expect("a word");
    decoder.as_str().unwrap_or_default().to_owned()
}

/// Decoders by the name of their target, and topics that lead to each.
pub const TOPICS: &[(&str, &[&str])] = &[
    ("native", &["saola/v1/WX-01", "saola/v1/WX-01/rainfall"]),
    ("json", &["json/WX-01"]),
    ("cbor", &["cbor/WX-01"]),
    ("senml_json", &["senml/g"]),
    ("senml_cbor", &["senml-cbor/g"]),
    (
        "sparkplug_b",
        &[
            "spBv1.0/G/NBIRTH/N",
            "spBv1.0/G/DBIRTH/N/D",
            "spBv1.0/G/NDATA/N",
            "spBv1.0/G/DDATA/N/D",
            "spBv1.0/G/NDEATH/N",
            "spBv1.0/G/DDEATH/N/D",
        ],
    ),
    (
        "chirpstack_v4",
        &[
            "application/a/device/d/event/up",
            "application/a/device/d/event/status",
            "application/a/device/d/event/join",
            "application/a/device/d/event/location",
            "application/a",
        ],
    ),
    ("the_things_stack_v3", &["v3/a/devices/d/up"]),
    ("cayenne_lpp", &["lpp/d"]),
    ("ngsi", &["ngsi/b"]),
    ("sensorthings", &["sta/Datastreams(1)/Observations"]),
    ("station_file", &["stations/LC_TD_KK1/LC_TD_KK1_20260406143000.txt"]),
    ("line_protocol", &["telegraf"]),
    ("csv", &["tables/WX-01", "tables-long/x"]),
    ("tasmota", &["tele/d/SENSOR"]),
    ("zigbee2mqtt", &["zigbee2mqtt/d", "zigbee2mqtt/d/availability", "zigbee2mqtt/bridge/state"]),
];

/// The topics of a decoder's target.
pub fn topics(decoder: &str) -> &'static [&'static str] {
    TOPICS.iter().find(|(name, _)| *name == decoder).expect("the target is in the table").1
}
