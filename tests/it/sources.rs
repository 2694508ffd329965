//! Devices of other makers: declared sources from the edge and from a real mosquitto to the history, what is refused
//! on the way, and what a check of the configuration says of wrong sections.

use std::path::Path;

use saola::config::{self, DEFAULT_FILE};
use saola::decode::source::Decoder;
use saola::model::Timestamp;
use saola_sim::mqtt::{Options, Publisher, Qos};
use serde_json::Value;

use crate::mosquitto::Mosquitto;
use crate::service::{Province, Service, Wishes, credentials, eventually};

/// A configuration with these sections beside the shipped province, as `line key: message`.
fn examined(sections: &str) -> (config::Examination, Vec<String>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("saola.toml");
    let province = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    std::fs::write(&path, format!("province_dir = {province:?}\n{sections}")).unwrap();
    let found = config::examine(&path, &[]);
    let told = |list: &[saola::model::Mistake]| {
        list.iter().map(|mistake| format!("{} {}: {}", mistake.line, mistake.key, mistake.message)).collect()
    };
    let (mistakes, warnings) = (told(&found.mistakes), told(&found.warnings));
    (found, mistakes, warnings)
}

/// Each found sentence begins as expected.
fn check(found: &[String], expected: &[&str]) {
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found:?} does not start with {expected:?}");
    }
}

#[test]
fn the_shipped_examples_are_right_and_show_every_decoder_and_key() {
    let (_, examples) = DEFAULT_FILE.split_once("#[[source]]").unwrap();
    let examples = format!("#[[source]]{examples}");
    let switched: Vec<&str> =
        examples.lines().filter(|line| !line.starts_with("# ")).map(|line| line.trim_start_matches('#')).collect();
    let (found, mistakes, warnings) = examined(&format!("[[mqtt.client]]\n{}\n", switched.join("\n")));
    assert_eq!((mistakes, warnings), (Vec::<String>::new(), Vec::<String>::new()));

    let word = |decoder: Decoder| serde_json::to_value(decoder).unwrap().as_str().unwrap().to_owned();
    let decoders: Vec<String> = found.config.sources.iter().map(|source| word(source.decoder)).collect();
    // A wrong word is answered with all that there are.
    let (_, wrong, _) = examined("[[source]]\nname = 'a'\ntopic = 'a/{device}'\ndecoder = 'xml'\n");
    let (_, known) = wrong[0].split_once("expected one of ").unwrap();
    let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
    assert!(known.len() >= 12, "{known:?}");
    for word in known.iter().filter(|word| **word != "senml_cbor") {
        assert!(decoders.iter().any(|shown| shown == word), "{word} has no example");
    }

    // The list of keys that stands above the examples has all that can be written.
    let (described, _) = DEFAULT_FILE.split_once("# Tasmota: ").unwrap();
    let (_, described) = described.split_once("# Keys of every source:").unwrap();
    let full: Value = found.config.sources.iter().map(|source| serde_json::to_value(source).unwrap()).fold(
        Value::Object(serde_json::Map::new()),
        |mut all, source| {
            all.as_object_mut().unwrap().extend(source.as_object().unwrap().clone());
            all
        },
    );
    for key in
        full.as_object().unwrap().keys().map(String::as_str).chain(["units", "words", "scale", "offset", "unit_at"])
    {
        assert!(described.contains(&format!(" {key}")), "{key} is not described");
    }
}

#[test]
fn every_mistake_of_a_source_is_told_with_its_line_and_key() {
    let right =
        "topic = 'tele/{device}/SENSOR'\ndecoder = 'tasmota'\nnames = { 'A.T' = { property = 'air_temperature' } }\n";
    let (_, mistakes, warnings) = examined(&format!(
        "[[source]]\nname = 'edge'\nfrom = ['edge', 'nobody']\n{right}\
         [[source]]\nname = 'a'\ndecoder = 'xml'\ntopic = 'b/{{device}}'\n\
         [[source]]\nname = 'a'\ntopic = 'saola/v1/{{device}}'\ndecoder = 'json'\nzone = 'UTC'\n\
         [source.names]\n\"/đ, \\\"x\\\"\" = {{ property = 'air_temprature', unit = 'Cel' }}\n\
         \"/w\" = {{ property = 'wind_speed', unit = 'Cel' }}\n\"/x\" = {{ property = 'rainfall', unit = 'inch' }}\n"
    ));
    check(
        &mistakes,
        &[
            "3 source[0].name: edge is the name of a way in",
            "4 source[0].from[1]: \"nobody\" is neither edge, http, files nor the name of a broker",
            "10 source[1].decoder: unknown variant `xml`, expected one of `json`, `cbor`",
            "13 source[2].name: a is source[1] already",
            "14 source[2].topic: lies below saola/v1/, where the native form holds",
            "16 source[2].zone: unknown key; known here: name, from, topic",
            "19 source[2].names./w.unit: Cel cannot be converted: wind_speed is kept in m/s",
            "20 source[2].names./x.unit: unknown unit \"inch\"",
        ],
    );
    // A station made over HTTP may have it.
    check(&warnings, &["18 source[2].names./đ, \"x\".property: no station in the province's files has a channel"]);
}

#[test]
fn topics_in_each_others_way_are_told() {
    let source = |name: &str, topic: &str| {
        format!(
            "[[source]]\nname = '{name}'\ntopic = '{topic}'\ndecoder = 'json'\nstation = 'WX-01'\n\
             names = {{ '/t' = {{ property = 'air_temperature', unit = 'Cel' }} }}\n"
        )
    };
    let (_, mistakes, warnings) =
        examined(&[source("special", "a/b/c"), source("general", "a/+/c"), source("crossing", "a/b/+")].concat());
    check(&mistakes, &[]);
    check(&warnings, &["16 source[2].topic: some topics are of general too"]);
    let (_, mistakes, _) = examined(&[source("general", "a/#"), source("special", "a/b/c")].concat());
    check(&mistakes, &["10 source[1].topic: nothing is left for it: general, which stands before it"]);
    let (_, _, warnings) = examined(&source("stranger", "a/b").replace("WX-01", "WX-99"));
    check(&warnings, &["6 source[0].station: no file of the province declares a station \"WX-99\""]);
}

/// Three stations, each with `air_temperature` in Cel; four sources on two ways in.
const SOURCES: &str = r#"
[[source]]
name = "tasmota"
from = ["edge", "mosquitto"]
topic = "tele/{device}/SENSOR"
decoder = "tasmota"
station = "T-{device}"
names = { "AM2301.Temperature" = { property = "air_temperature" } }
ignored = ["AM2301.Humidity"]

[[source]]
name = "z2m"
from = ["mosquitto"]
topic = "zigbee2mqtt/{device#}"
decoder = "zigbee2mqtt"
stations = { "nhà 1, \"tầng 2\"/bếp" = "Bếp" }
unlisted = "ignore"
names = { temperature = { property = "air_temperature", unit = "Cel" } }

[[source]]
name = "gateway"
topic = "cổng/{gateway}"
decoder = "json"
device_at = "/rows/*/id"
time_at = "/rows/*/at"
time_format = "%d/%m/%Y %H:%M:%S"
names = { "/rows/*/nhiệt độ, \"F\"" = { property = "air_temperature", unit = "[degF]" } }
"#;

async fn publisher(address: String, name: &str) -> Publisher {
    let mut options = Options::new(name);
    options.credentials = Some(credentials());
    Publisher::connect(&address, options).await.unwrap()
}

async fn send(to: &Publisher, messages: &[(&str, &str)]) {
    for (topic, payload) in messages {
        to.publish(topic, payload.as_bytes(), Qos::AtLeastOnce).await.unwrap();
    }
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn other_makers_messages_come_to_the_history_in_our_names_units_and_times() {
    let broker = Mosquitto::start().await;
    let stations = ["T-a1", "T-b2", "Bếp", "Đồi-1"].map(str::to_owned).to_vec();
    let wishes = Wishes { province: Province::Weather { stations, rules: String::new() }, config: String::new() };
    let mut service = Service::start(&wishes).await;
    service.terminate();
    service.append_config(&format!("{}{SOURCES}", broker.section()));
    service.start_again().await;
    service.reads_from("mosquitto").await;

    let (edge, outside) = (publisher(service.mqtt.to_string(), "e").await, publisher(broker.address(), "m").await);
    let time = "2025-11-21T10:15:00";
    let tasmota = |value: &str, unit: &str| {
        format!(r#"{{"Time":"{time}","AM2301":{{"Temperature":{value},"Humidity":58.2}},"TempUnit":"{unit}"}}"#)
    };
    let rows = r#"{"rows":[{"id":"Đồi-1","at":"21/11/2025 10:15:00","nhiệt độ, \"F\"":68},{"id":"ai đó","nhiệt độ, \"F\"":1}]}"#;
    send(
        &edge,
        &[
            ("tele/a1/SENSOR", &tasmota("24.6", "C")),
            ("cổng/số 7", rows),
            ("tele/a1/LWT", "Online"),
            ("tele/a1/SENSOR", &tasmota("24.6", "C")),
        ],
    )
    .await;
    send(
        &outside,
        &[
            ("tele/b2/SENSOR", &tasmota("77", "F")),
            ("zigbee2mqtt/nhà 1, \"tầng 2\"/bếp", r#"{"temperature":27.34,"linkquality":90}"#),
            ("zigbee2mqtt/nhà 1, \"tầng 2\"/bếp/availability", "online"),
            ("zigbee2mqtt/bridge/state", r#"{"state":"online"}"#),
            ("zigbee2mqtt/lạ", r#"{"temperature":1}"#),
        ],
    )
    .await;

    let counts = |entry: &Value| {
        ["messages", "received", "stored", "duplicate", "rejected"].map(|key| entry[key].as_u64().unwrap())
    };
    assert_eq!(counts(&service.ledger_of("tasmota", 3).await), [3, 3, 2, 1, 0]);
    assert_eq!(counts(&service.ledger_of("z2m", 4).await), [4, 2, 1, 0, 1]);
    assert_eq!(counts(&service.ledger_of("gateway", 1).await), [1, 2, 1, 0, 1]);
    assert_eq!(counts(&service.ledger_of("edge", 1).await), [1, 1, 0, 0, 1], "a topic of no source");

    let observed = at("2025-11-21T03:15:00Z");
    assert_eq!(service.history("T-a1/air_temperature").await, [(observed, 24.6)]);
    assert_eq!(service.history("T-b2/air_temperature").await, [(observed, 25.0)]);
    assert_eq!(service.history("%C4%90%E1%BB%93i-1/air_temperature").await, [(observed, 20.0)]);
    let kitchen = service.history("B%E1%BA%BFp/air_temperature").await;
    assert_eq!(kitchen.iter().map(|(_, value)| *value).collect::<Vec<_>>(), [27.34]);

    // The stranger's message waits among the dead letters, until the mapping has it.
    let letters = service.get("/api/v1/dead-letters?source=z2m").await;
    let letter = letters["dead_letters"].as_array().unwrap_or_else(|| panic!("{letters}"));
    assert_eq!((letter.len(), &letter[0]["rejections"][0]["reason"]), (1, &Value::from("unknown_station")));
    let id = letter[0]["id"].as_str().unwrap().to_owned();
    service.terminate();
    service.change_config("/bếp\" = \"Bếp\"", "/bếp\" = \"Bếp\", \"lạ\" = \"T-a1\"");
    service.start_again().await;
    let replayed = service.post(&format!("/api/v1/dead-letters/{id}/replay")).await;
    assert!(replayed.status().is_success(), "{replayed:?}");
    assert_eq!(counts(&service.ledger_of("z2m", 5).await), [5, 3, 2, 0, 1]);
    let a1 = eventually("the value of the dead letter", async || {
        Some(service.history("T-a1/air_temperature").await).filter(|samples| samples.len() == 2)
    })
    .await;
    assert_eq!(a1.iter().map(|(_, value)| *value).collect::<Vec<_>>(), [24.6, 1.0]);
}
