//! How many messages one core reads of each form, from its bytes to readings in our words, beside `serde_json::Value`
//! reading the same bytes into a tree in the same run. No journal, no socket: the source's whole way is in it, from
//! finding it by the topic to the station, property and unit of each reading.

use std::hint::black_box;
use std::time::{Duration, Instant};

use saola::decode::source::{Config, Sources};
use saola::decode::{Decoded, Heard, Limits};
use saola::model::{Arrival, RawMessage, SourceId, Timestamp};

const EDGE: SourceId = SourceId(0);

const SOURCES: &str = r#"
[[source]]
name = "json"
topic = "json/{device}"
decoder = "json"
time_at = "/ts"
time_format = "seconds"
names = { "/air/t" = { property = "air_temperature", unit = "Cel" }, "/air/h" = { property = "relative_humidity", unit = "%" } }

[[source]]
name = "cbor"
topic = "cbor/{device}"
decoder = "cbor"
time_at = "/ts"
time_format = "seconds"
names = { "/air/t" = { property = "air_temperature", unit = "Cel" }, "/air/h" = { property = "relative_humidity", unit = "%" } }

[[source]]
name = "tasmota"
topic = "tele/{device}/SENSOR"
decoder = "tasmota"
names = { "AM2301.Temperature" = { property = "air_temperature" }, "AM2301.Humidity" = { property = "relative_humidity", unit = "%" } }

[[source]]
name = "zigbee2mqtt"
topic = "zigbee2mqtt/{device#}"
decoder = "zigbee2mqtt"
unlisted = "ignore"
names = { temperature = { property = "air_temperature", unit = "Cel" }, humidity = { property = "relative_humidity", unit = "%" } }

[[source]]
name = "senml"
topic = "senml/{gateway}"
decoder = "senml_json"
names = { temperature = { property = "air_temperature" }, humidity = { property = "relative_humidity" } }
"#;

/// Name, topic and message of each form; all are JSON but the CBOR, which is set beside the JSON that it stands for.
const MESSAGES: [(&str, &str, &str); 6] = [
    ("native JSON", "saola/v1/WX-01", r#"{"time":1795230900,"air_temperature":24.6,"relative_humidity":58.2}"#),
    ("mapped JSON", "json/WX-01", MAPPED),
    ("mapped CBOR", "cbor/WX-01", MAPPED),
    (
        "Tasmota",
        "tele/WX-01/SENSOR",
        r#"{"Time":"2026-11-21T10:15:00","AM2301":{"Temperature":24.6,"Humidity":58.2},"TempUnit":"C"}"#,
    ),
    ("zigbee2mqtt", "zigbee2mqtt/WX-01", r#"{"temperature":27.34,"humidity":44.72,"linkquality":90,"battery":100}"#),
    (
        "SenML JSON",
        "senml/g",
        r#"[{"bn":"WX-01:","bt":1795230900,"n":"temperature","u":"Cel","v":24.6},{"n":"humidity","u":"%RH","v":58.2}]"#,
    ),
];
const MAPPED: &str = r#"{"ts":1795230900,"air":{"t":24.6,"h":58.2},"id":null}"#;

/// One row.
pub struct Row {
    /// The form.
    pub name: &'static str,
    /// Its messages, one core, a second.
    pub per_s: f64,
    /// The same, as a multiple of `serde_json::Value`'s.
    pub ratio: f64,
}

/// Measures each form for about `lasts`.
pub fn measure(lasts: Duration) -> Vec<Row> {
    #[derive(serde::Deserialize)]
    struct File {
        source: Vec<Config>,
    }
    let configs = toml::from_str::<File>(SOURCES).unwrap().source;
    let number = |name: &str| match name {
        "edge" => Some(EDGE),
        name => configs.iter().position(|config| config.name == name).map(|place| SourceId(1 + place as u16)),
    };
    let sources = Sources::prepare(&configs, number).unwrap();
    MESSAGES
        .iter()
        .map(|(name, topic, text)| {
            let mut payload = text.as_bytes().to_vec();
            if *name == "mapped CBOR" {
                let value: serde_json::Value = serde_json::from_str(text).unwrap();
                payload.clear();
                ciborium::into_writer(&value, &mut payload).unwrap();
            }
            let per_s = rate(lasts / 2, || assert_eq!(read(&sources, topic, &payload), 2));
            let tree = rate(lasts / 2, || {
                black_box(serde_json::from_str::<serde_json::Value>(black_box(text)).unwrap());
            });
            Row { name, per_s, ratio: per_s / tree }
        })
        .collect()
}

/// Reads one message; gives the number of its readings.
fn read(sources: &Sources, topic: &str, payload: &[u8]) -> usize {
    let received_at = Timestamp::from_seconds(1_795_230_900);
    let raw = RawMessage { source: EDGE, topic, payload: black_box(payload), received_at, arrival: Arrival::Fresh };
    let (mut heard, mut decoded) = (Heard::default(), Decoded::default());
    let (_, refused) = sources.decode(&raw, &Limits::default(), &mut heard, &mut decoded);
    assert!(refused.is_none() && decoded.rejections.is_empty(), "{refused:?} {:?}", decoded.rejections);
    black_box(&decoded).readings.len()
}

fn rate(lasts: Duration, mut once: impl FnMut()) -> f64 {
    const ROUND: u32 = 1_000;
    let begun = Instant::now();
    let mut count = 0_u64;
    while begun.elapsed() < lasts {
        (0..ROUND).for_each(|_| once());
        count += u64::from(ROUND);
    }
    count as f64 / begun.elapsed().as_secs_f64()
}
