//! How many messages one core reads of each form, from its bytes to readings in our words, beside `serde_json::Value`
//! reading the same bytes into a tree in the same run. No journal, no socket: the source's whole way is in it, from
//! finding it by the topic to the station, property and unit of each reading.

use std::hint::black_box;
use std::time::{Duration, Instant};

use saola::decode::source::{Config, Sources};
use saola::decode::{Decoded, Heard, Limits};
use saola::model::{Arrival, RawMessage, Seq, SourceId, Timestamp};

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

[[source]]
name = "senml-cbor"
topic = "senml-cbor/{gateway}"
decoder = "senml_cbor"
names = { temperature = { property = "air_temperature" } }

[[source]]
name = "sparkplug"
topic = "spBv1.0/#"
decoder = "sparkplug_b"
names = { temperature = { property = "air_temperature", unit = "Cel" } }

[[source]]
name = "chirpstack"
topic = "application/#"
decoder = "chirpstack_v4"
unlisted = "ignore"
names = { temperature = { property = "air_temperature", unit = "Cel" }, humidity = { property = "relative_humidity", unit = "%" } }

[[source]]
name = "things-stack"
topic = "v3/#"
decoder = "the_things_stack_v3"
unlisted = "ignore"
names = { temperature = { property = "air_temperature", unit = "Cel" }, humidity = { property = "relative_humidity", unit = "%" } }

[[source]]
name = "cayenne"
topic = "lpp/{device}"
decoder = "cayenne_lpp"
names = { temperature_1 = { property = "air_temperature" }, relative_humidity_2 = { property = "relative_humidity" } }

[[source]]
name = "ngsi"
topic = "ngsi"
decoder = "ngsi"
names = { temperature = { property = "air_temperature" }, relativeHumidity = { property = "relative_humidity", unit = "1" } }

[[source]]
name = "sensorthings"
topic = "sta"
decoder = "sensorthings"
names = { result = { property = "air_temperature", unit = "Cel" } }

[[source]]
name = "stations"
topic = "files/+"
decoder = "station_file"
names = { Temp = { property = "air_temperature", unit = "Cel" }, RH = { property = "relative_humidity" } }

[[source]]
name = "lines"
topic = "lines"
decoder = "line_protocol"
device_at = "host"
names = { "air.temperature" = { property = "air_temperature", unit = "Cel" }, "air.humidity" = { property = "relative_humidity", unit = "%" } }

[[source]]
name = "csv"
topic = "csv/{device}"
decoder = "csv"
time_at = "time"
names = { temperature = { property = "air_temperature", unit = "Cel" }, humidity = { property = "relative_humidity", unit = "%" } }
"#;

/// Name, topic and message of each form; the CBOR is set beside the JSON that it stands for.
const MESSAGES: [(&str, &str, &str); 13] = [
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
    (
        "ChirpStack",
        "application/a/device/d/event/up",
        r#"{"deduplicationId":"3ac7e3c4","time":"2026-11-21T03:15:00.123+00:00","deviceInfo":{"devEui":"WX-01"},"devAddr":"00189440","fCnt":10,"object":{"temperature":24.6,"humidity":58.2},"rxInfo":[{"gatewayId":"0016c001f153a14c","rssi":-48,"snr":9.0}]}"#,
    ),
    (
        "The Things Stack",
        "v3/a/devices/d/up",
        r#"{"end_device_ids":{"device_id":"WX-01"},"received_at":"2026-11-21T03:15:00.123456789Z","uplink_message":{"session_key_id":"s","f_cnt":10,"decoded_payload":{"temperature":24.6,"humidity":58.2},"rx_metadata":[{"rssi":-35,"snr":5.2}]}}"#,
    ),
    (
        "NGSI-LD",
        "ngsi",
        r#"{"id":"WX-01","type":"WeatherObserved","dateObserved":"2026-11-21T03:15:00Z","temperature":{"type":"Property","value":24.6,"unitCode":"CEL"},"relativeHumidity":{"type":"Property","value":0.58}}"#,
    ),
    (
        "SensorThings",
        "sta",
        r#"{"phenomenonTime":"2026-11-21T03:15:00Z","result":24.6,"Datastream":{"@iot.id":"WX-01"}}"#,
    ),
    (
        "station file",
        "files/WX-01_20261121101500.txt",
        "Temp\t24.6\toC\t20261121101500\t00\r\nRH\t58,2\t%\t20261121101500\t00\r\n",
    ),
    ("line protocol", "lines", "air,host=WX-01 temperature=24.6,humidity=58.2 1795230900000000000\n"),
    ("CSV", "csv/WX-01", "time,temperature,humidity\n2026-11-21T10:15:00+07:00,24.6,58.2\n"),
];
/// Those that are bytes.
fn binary() -> [(&'static str, &'static str, Vec<u8>); 3] {
    let mut metric = b"\x0a\x0btemperature\x18\x80\xa0\xd1\xa4\x9f\x34\x20\x0a\x69".to_vec();
    metric.extend(24.6_f64.to_le_bytes());
    let mut sparkplug = vec![0x12, metric.len() as u8];
    sparkplug.extend(metric);
    sparkplug.extend([0x18, 0]);
    let mut senml = b"\x81\xa5\x21\x66WX-01:\x22\x1a\x6b\x01\x2c\xb4\x00\x6btemperature\x01\x63Cel\x02\xfb".to_vec();
    senml.extend(24.6_f64.to_be_bytes());
    [
        ("SenML CBOR", "senml-cbor/g", senml),
        ("Sparkplug B, a birth", "spBv1.0/G/NBIRTH/WX-01", sparkplug),
        ("Cayenne LPP", "lpp/WX-01", vec![1, 103, 0, 246, 2, 104, 116]),
    ]
}

const MAPPED: &str = r#"{"ts":1795230900,"air":{"t":24.6,"h":58.2},"id":null}"#;

/// One row.
pub struct Row {
    /// The form.
    pub name: &'static str,
    /// Its messages, one core, a second.
    pub per_s: f64,
    /// The same, as a multiple of `serde_json::Value`'s, where it is JSON or stands for it.
    pub ratio: Option<f64>,
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
    let texts = MESSAGES.iter().map(|(name, topic, text)| {
        let mut payload = text.as_bytes().to_vec();
        if *name == "mapped CBOR" {
            let value: serde_json::Value = serde_json::from_str(text).unwrap();
            payload.clear();
            ciborium::into_writer(&value, &mut payload).unwrap();
        }
        let per_s = rate(lasts / 2, || read(&sources, topic, &payload));
        let is_json = text.starts_with(['{', '[']);
        let tree = is_json.then(|| {
            rate(lasts / 2, || {
                black_box(serde_json::from_str::<serde_json::Value>(black_box(text)).unwrap());
            })
        });
        Row { name, per_s, ratio: tree.map(|tree| per_s / tree) }
    });
    let bytes = binary().map(|(name, topic, payload)| {
        let per_s = rate(lasts / 2, || read(&sources, topic, &payload));
        Row { name, per_s, ratio: None }
    });
    texts.chain(bytes).collect()
}

/// Reads one message, of which everything is taken.
fn read(sources: &Sources, topic: &str, payload: &[u8]) {
    let received_at = Timestamp::from_seconds(1_795_230_900);
    // Fresh, the second of the same uplinks would be a repetition.
    let is_uplink = topic.starts_with("application/") || topic.starts_with("v3/");
    let arrival = if is_uplink {
        Arrival::Again { of: Seq(1), first_at: received_at, was_retained: false }
    } else {
        Arrival::Fresh
    };
    let raw = RawMessage { source: EDGE, topic, payload: black_box(payload), received_at, arrival };
    let (mut heard, mut decoded) = (Heard::default(), Decoded::default());
    let (_, refused) = sources.decode(&raw, &Limits::default(), &mut heard, &mut decoded);
    assert!(refused.is_none() && decoded.rejections.is_empty(), "{topic}: {refused:?} {:?}", decoded.rejections);
    assert!(!black_box(&decoded).readings.is_empty(), "{topic}: nothing is read");
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
