//! Names that people and makers give to things, in every format: each comes through unharmed, or is refused with a
//! reason where the format has no way to write it; and what is refused is kept byte by byte.

use saola::decode::source::{Config, Named, Sources};
use saola::decode::{Decoded, Heard, Limits};
use saola::model::{Arrival, RawMessage, SourceId, Timestamp, Unit};
use serde_json::json;

const NOW: Timestamp = Timestamp::from_seconds(1_795_230_900);
const EDGE: SourceId = SourceId(0);

/// Names that have broken something somewhere.
pub const NAMES: [&str; 14] = [
    "Nậm Mạ, trạm số 2",
    "nhiệt độ (°C)",
    "say \"đo\"",
    "it's",
    "two\nlines",
    "tab\there",
    "a+b#c",
    "back\\slash",
    "{device}",
    "<script>alert(1)</script>",
    "'; DROP TABLE samples; --",
    "=HYPERLINK(\"x\")",
    "🐂",
    "số=1 và 2",
];

/// How a format writes a value of a device under a name; its section, and the topic of the message.
struct Form {
    section: &'static str,
    /// What the mapping calls the name.
    mapped: fn(&str) -> String,
    write: fn(&str) -> (String, Vec<u8>),
    /// Names that the format cannot write.
    cannot: &'static [&'static str],
}

fn same(name: &str) -> String {
    name.to_owned()
}

fn text(topic: &str, payload: impl ToString) -> (String, Vec<u8>) {
    (topic.to_owned(), payload.to_string().into_bytes())
}

/// A cell of CSV.
fn cell(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A name in line protocol.
fn escaped(name: &str) -> String {
    name.chars()
        .flat_map(|letter| {
            [",", "=", " "].iter().any(|one| one.starts_with(letter)).then_some('\\').into_iter().chain([letter])
        })
        .collect()
}

fn forms() -> Vec<Form> {
    let json = "topic = 'm'\ndecoder = 'json'\ndevice_at = '/d'\nname_at = '/n'\nvalue_at = '/v'\n";
    let cbor = "topic = 'm'\ndecoder = 'cbor'\ndevice_at = '/d'\nname_at = '/n'\nvalue_at = '/v'\n";
    let csv = "topic = 'm'\ndecoder = 'csv'\ndevice_at = 'd'\nname_at = 'n'\nvalue_at = 'v'\n";
    let path = "topic = 'm/{device}/{name}'\ndecoder = 'json'\nvalue_at = ''\n";
    let lines = "topic = 'm'\ndecoder = 'line_protocol'\ndevice_at = 'host'\n";
    vec![
        Form {
            section: json,
            mapped: same,
            write: |name| text("m", json!({"d": name, "n": name, "v": 1})),
            cannot: &[],
        },
        Form {
            section: cbor,
            mapped: same,
            write: |name| {
                let mut payload = Vec::new();
                ciborium::into_writer(&json!({"d": name, "n": name, "v": 1}), &mut payload).unwrap();
                ("m".to_owned(), payload)
            },
            cannot: &[],
        },
        Form {
            section: csv,
            mapped: same,
            write: |name| text("m", format!("d,n,v\r\n{0},{0},1\r\n", cell(name))),
            cannot: &[],
        },
        Form {
            section: path,
            mapped: same,
            write: |name| text(&format!("m/{name}/{name}"), 1),
            cannot: &["<script>alert(1)</script>"],
        },
        Form {
            section: lines,
            mapped: |name| format!("m.{name}"),
            write: |name| text("m", format!("m,host={0} {0}=1", escaped(name))),
            cannot: &["two\nlines"],
        },
    ]
}

fn standards() -> Vec<Form> {
    vec![
        Form {
            section: "topic = 'm'\ndecoder = 'senml_json'\n",
            mapped: same,
            write: |name| text("m", json!([{"n": format!("{name}:{name}"), "v": 1}])),
            cannot: &["<script>alert(1)</script>"],
        },
        Form {
            section: "topic = 'm'\ndecoder = 'ngsi'\n",
            mapped: same,
            write: |name| text("m", json!({"id": name, "type": "T", name: {"value": 1}})),
            cannot: &[],
        },
        Form {
            section: "topic = 'm'\ndecoder = 'sensorthings'\n",
            mapped: |_| "result".to_owned(),
            write: |name| text("m", json!({"result": 1, "Datastream": {"@iot.id": name}})),
            cannot: &[],
        },
        Form {
            section: "topic = 'm'\ndecoder = 'chirpstack_v4'\nignored = ['dr']\n",
            mapped: same,
            write: |name| text("m", json!({"deviceInfo": {"devEui": name}, "rxInfo": [], "object": {name: 1}})),
            cannot: &[],
        },
        Form {
            section: "topic = 'm'\ndecoder = 'the_things_stack_v3'\n",
            mapped: same,
            write: |name| {
                text(
                    "m",
                    json!({"end_device_ids": {"device_id": name}, "uplink_message": {"decoded_payload": {name: 1}}}),
                )
            },
            cannot: &[],
        },
        Form {
            section: "topic = '#'\ndecoder = 'station_file'\n",
            mapped: same,
            write: |name| text(&format!("2026/{name}_20261121101500.txt"), format!("{name}\t1\t\t20261121101500\t00")),
            // Its symbols have no quotes, a slash parts folders, and what stands in brackets is a unit.
            cannot: &["two\nlines", "tab\there", "<script>alert(1)</script>", "=HYPERLINK(\"x\")"],
        },
    ]
}

/// A source of a form that maps every name to the station of the same place, and every quantity to `t`.
fn source(form: &Form) -> Sources {
    let mut config: Config = toml::from_str(&format!("name = 's'\n{}", form.section)).unwrap();
    for (place, name) in NAMES.iter().enumerate() {
        config.stations.insert((*name).to_owned(), format!("S{place}"));
        let named = Named {
            property: "t".to_owned(),
            unit: Some(Unit::Celsius),
            scale: 1.0,
            offset: 0.0,
            words: Default::default(),
        };
        config.names.insert((form.mapped)(name), named);
    }
    Sources::prepare(&[config], |name| Some(if name == "edge" { EDGE } else { SourceId(1) })).unwrap()
}

#[test]
fn a_name_comes_through_every_format_as_it_is_or_is_refused_with_a_reason() {
    let mut mistaken = Vec::new();
    for form in forms().into_iter().chain(standards()) {
        let sources = source(&form);
        for (place, name) in NAMES.iter().enumerate() {
            let (topic, payload) = (form.write)(name);
            let raw = RawMessage {
                source: EDGE,
                topic: &topic,
                payload: &payload,
                received_at: NOW,
                arrival: Arrival::Fresh,
            };
            let (mut heard, mut out) = (Heard::default(), Decoded::default());
            let (_, refused) = sources.decode(&raw, &Limits::default(), &mut heard, &mut out);
            let rejections: Vec<_> = out.rejections.iter().chain(&refused).collect();
            let found: Vec<(&str, &str, f64)> =
                out.readings.iter().map(|reading| (&*reading.station, &*reading.property, reading.value)).collect();
            let is_right = if form.cannot.contains(name) {
                found.is_empty() && !rejections.is_empty()
            } else {
                found == [(format!("S{place}").as_str(), "t", 1.0)] && rejections.is_empty()
            };
            if !is_right {
                mistaken.push(format!("{name:?} in {:?}: {found:?} {rejections:?}", form.section));
            }
        }
    }
    assert!(mistaken.is_empty(), "\n{}\n", mistaken.join("\n"));
}
