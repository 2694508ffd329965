//! Ten thousand messages that are none, of every class, between good readings on one connection with QoS 1: nothing
//! stops, every good reading is stored, and every bad message is a dead letter, whole, with its reasons.
//!
//! What is expected of each class is written down here, class by class. One connection and one journal: the dead
//! letters must be the bad messages in the order in which they were sent.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use saola::model::Timestamp;
use saola_sim::fleet::Malformation;
use saola_sim::mqtt::{Options, Publisher, Qos};

use crate::service::{DEADLINE, Province, Service, Wishes, credentials};

const STATION: &str = "WX-MỘT";
/// At least so many bad messages in all.
const BAD: usize = 10_000;
/// Of each class with payloads from here on, bytes, only so few are sent: the test would be about the disk.
const LARGE_BYTES: usize = 64 * 1024;
const LARGE_EACH: usize = 25;

/// One class of bad message: where to, what, and the reason of each reading that is refused.
struct Class {
    name: String,
    topic: String,
    payload: Vec<u8>,
    reasons: Vec<&'static str>,
}

/// The simulator's classes, made from a good message.
fn simulated(topic: &str, time: &str, good: &str) -> Vec<Class> {
    let reason = |class| match class {
        Malformation::Empty => "empty_payload",
        Malformation::Truncated
        | Malformation::NotJson
        | Malformation::NotANumber
        | Malformation::TrailingBytes
        | Malformation::HalfGoodArray
        | Malformation::Nul => "invalid_json",
        Malformation::BadUtf8 => "invalid_utf8",
        Malformation::NumberAsText | Malformation::LongText => "wrong_type",
        Malformation::HugeNumber => "not_finite",
        Malformation::UnknownProperty => "unknown_property",
        Malformation::UnknownStation => "unknown_station",
        Malformation::BadTime | Malformation::TimeWithoutOffset => "invalid_time",
        Malformation::FarFuture => "future_time",
        Malformation::NestedObject | Malformation::DeepNesting => "nested_too_deep",
        Malformation::DuplicateKey => "duplicate_key",
        Malformation::EmptyArray => "no_readings",
        Malformation::BareNumber | Malformation::Null | Malformation::PropertyTopic => "wrong_shape",
        Malformation::UnknownStatus => "invalid_status",
        Malformation::ForeignTopic => "unknown_topic",
    };
    Malformation::ALL
        .into_iter()
        .map(|class| {
            let specimen = class.specimen(topic, time, good.as_bytes());
            let (topic, payload) = (specimen.topic, specimen.payload);
            Class { name: format!("{class:?}"), topic, payload, reasons: vec![reason(class)] }
        })
        .collect()
}

/// Payloads to the station's own topic, by the reason that they are refused for.
fn payloads(time: &str, good: &str) -> Vec<(&'static str, Vec<u8>)> {
    let value = |value: &str| format!("{{\"time\":\"{time}\",\"air_temperature\":{value}}}").into_bytes();
    let timed = |time: &str| format!("{{\"time\":{time},\"air_temperature\":1}}").into_bytes();
    let object = |keys: &str| format!("{{\"time\":\"{time}\",{keys}}}").into_bytes();
    let keys = |count: usize| (0..count).map(|n| format!("\"k{n}\":{n}")).collect::<Vec<_>>().join(",");
    let mut all = vec![
        ("empty_payload", b" \t\r\n ".to_vec()),
        ("payload_too_large", vec![b'x'; 1024 * 1024]),
        ("payload_too_large", object(&format!("\"{}\":1", "k".repeat(1_000_000)))),
        ("payload_too_large", value(&"9".repeat(300_000))),
        ("invalid_utf8", "\u{FEFF}{\"air_temperature\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("invalid_utf8", vec![0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 0xAB, 0x56]),
        ("invalid_utf8", b"{\"air_temperature\":\xC0\xB1}".to_vec()),
        ("invalid_utf8", b"{\"time\":\"\xED\xA0\x80\",\"air_temperature\":1}".to_vec()),
        ("invalid_utf8", vec![0xFF; 1_000]),
        ("invalid_json", format!("\u{FEFF}{good}").into_bytes()),
        ("invalid_json", format!("{good}\0").into_bytes()),
        ("invalid_json", b"{\"time\":\"\\ud800\",\"air_temperature\":1}".to_vec()),
        ("invalid_json", b"{\"\\udc00\\ud800\":1}".to_vec()),
        ("invalid_json", b"{\"air_temperature\":1,\"note\":\"\0\"}".to_vec()),
        ("invalid_json", b"{\"air_temperature\":1,\"note\":\"a\nb\"}".to_vec()),
        ("invalid_json", format!("{good}{good}").into_bytes()),
        ("invalid_json", b"{\"air_temperature\":1,}".to_vec()),
        ("invalid_json", b"{'air_temperature':1}".to_vec()),
        ("invalid_json", b"{air_temperature:1}".to_vec()),
        ("invalid_json", b"{\"air_temperature\"}".to_vec()),
        ("invalid_json", b"{\"air_temperature\":1 // warm\n}".to_vec()),
        ("invalid_json", b"[".to_vec()),
        ("invalid_json", b"<reading>21.5</reading>".to_vec()),
        ("wrong_shape", b"\"21.5\"".to_vec()),
        ("wrong_shape", b"[21.5]".to_vec()),
        ("wrong_shape", b"[null]".to_vec()),
        ("wrong_shape", b"true".to_vec()),
        ("nested_too_deep", vec![b'['; 100_000]),
        ("nested_too_deep", b"{\"a\":".repeat(50_000)),
        ("nested_too_deep", value(&("[".repeat(100_000) + &"]".repeat(100_000)))),
        ("nested_too_deep", timed("{}")),
        ("too_many_readings", object(&keys(1_000))),
        ("too_many_readings", format!("[{}{{\"a\":1}}]", "{\"a\":1},".repeat(10_000)).into_bytes()),
        ("no_readings", b"{}".to_vec()),
        ("no_readings", b"[{}]".to_vec()),
        ("no_readings", format!("{{\"time\":\"{time}\"}}").into_bytes()),
        ("no_readings", value("null")),
        ("wrong_type", value("true")),
        ("wrong_type", value("\"NaN\"")),
        ("duplicate_key", timed(&format!("\"{time}\",\"time\":\"{time}\""))),
        ("duplicate_key", object("\"status\":\"00\",\"status\":\"02\",\"air_temperature\":1")),
        ("invalid_status", object("\"status\":1,\"air_temperature\":1")),
        ("too_old", timed("0")),
        ("too_old", timed("\"1970-01-01T00:00:00Z\"")),
        ("too_old", timed("-1")),
        ("future_time", timed("\"2100-01-01T00:00:00+07:00\"")),
        ("future_time", timed("4102444800000")),
        ("unknown_property", object(&format!("\"{}\":1", "k".repeat(200_000)))),
        ("unknown_property", object("\"\":1")),
        ("unknown_property", object("\"'; DROP TABLE samples; --\":1")),
    ];
    let numbers = ["NaN", "-Infinity", "0x10", "01", "+1", "1.", ".5", "1,5", "1e", "--1", "1_000", "١"];
    all.extend(numbers.iter().map(|number| ("invalid_json", value(number))));
    let large = ["1e400", "-1e400", "1e999999999999", &"9".repeat(400)];
    all.extend(large.iter().map(|number| ("not_finite", value(number))));
    let far = ["9223372036854775808", "18446744073709551617", "1.7976931348623157e308", "-60", "60.0001"];
    all.extend(far.iter().map(|number| ("implausible", value(number))));
    let times = ["\"2026-02-30T00:00:00Z\"", "\"\"", "\"25:00\"", "true", "1e300", "1795230900000000", "-1e14"];
    all.extend(times.iter().map(|time| ("invalid_time", timed(time))));
    all
}

/// Addresses that lead nowhere, with a payload that would do elsewhere.
fn addresses(topic: &str, good: &str) -> Vec<(&'static str, String, Vec<u8>)> {
    let property = format!("{topic}/air_temperature");
    let mut all = vec![
        ("empty_payload", property.clone(), Vec::new()),
        ("wrong_shape", property.clone(), b"warm".to_vec()),
        ("wrong_shape", property.clone(), b"1 2".to_vec()),
        ("wrong_shape", property.clone(), good.as_bytes().to_vec()),
        ("not_finite", property.clone(), b"1e999".to_vec()),
        ("implausible", property, b"1000".to_vec()),
        ("unknown_property", format!("{topic}/nhiệt_độ"), b"21.5".to_vec()),
        ("unknown_station", "saola/v1/đồi-1/air_temperature".to_owned(), b"21.5".to_vec()),
        ("unknown_station", "saola/v1/'; DROP TABLE stations; --".to_owned(), good.as_bytes().to_vec()),
        ("unknown_station", "saola/v1/..".to_owned(), good.as_bytes().to_vec()),
        ("unknown_station", format!("saola/v1/{}", "x".repeat(1_000)), good.as_bytes().to_vec()),
    ];
    let nowhere =
        ["x", "/", "//", "đ", "saola/v1", "saola/v1/", "saola/v1//air_temperature", "saola/v1/a/b/c", "saola/v2/x"];
    all.extend(nowhere.iter().map(|topic| ("unknown_topic", (*topic).to_owned(), good.as_bytes().to_vec())));
    all.push(("unknown_topic", format!("/{topic}"), good.as_bytes().to_vec()));
    all
}

fn classes(now: Timestamp) -> Vec<Class> {
    let (topic, time) = (format!("saola/v1/{STATION}"), now.to_string());
    let good = format!("{{\"time\":\"{time}\",\"air_temperature\":21.5}}");
    let mut classes = simulated(&topic, &time, &good);
    for (at, (reason, payload)) in payloads(&time, &good).into_iter().enumerate() {
        let name = format!("payload {at}: {}", String::from_utf8_lossy(&payload[..payload.len().min(80)]));
        classes.push(Class { name, topic: topic.clone(), payload, reasons: vec![reason] });
    }
    for (reason, topic, payload) in addresses(&topic, &good) {
        classes.push(Class { name: format!("topic {topic}"), topic, payload, reasons: vec![reason] });
    }
    // Several readings are refused each for itself, in the order: of the decoder, then of the checks.
    let several = b"{\"air_temperature\":99,\"b\":\"x\",\"c\":1e400,\"d\":3}".to_vec();
    let reasons = vec!["wrong_type", "not_finite", "implausible", "unknown_property"];
    classes.push(Class { name: "several".to_owned(), topic: topic.clone(), payload: several, reasons });
    let many = format!("{{{}}}", (0..250).map(|n| format!("\"k{n}\":{n}")).collect::<Vec<_>>().join(","));
    let reasons = vec!["unknown_property"; 250];
    classes.push(Class { name: "250 unknown keys".to_owned(), topic, payload: many.into_bytes(), reasons });
    classes
}

/// Which class is sent when: round after round, the large ones only in the first rounds.
fn order(classes: &[Class]) -> Vec<usize> {
    let mut order = Vec::with_capacity(BAD + classes.len());
    for round in 0.. {
        if order.len() >= BAD {
            return order;
        }
        let now = (0..classes.len()).filter(|at| round < LARGE_EACH || classes[*at].payload.len() < LARGE_BYTES);
        order.extend(now);
    }
    order
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_malformed_messages_stop_nothing_and_each_is_a_dead_letter_with_its_reason() {
    let province = Province::Weather { stations: vec![STATION.to_owned()], rules: String::new() };
    let mut service = Service::start(&Wishes { province, config: String::new() }).await;
    let now = saola::clock::Clock::System.now();
    let classes = classes(now);
    let order = order(&classes);

    let mut options = Options::new("malformed");
    (options.credentials, options.window) = (Some(credentials()), 500);
    let publisher = Publisher::connect(&service.mqtt.to_string(), options).await.unwrap();
    let mut good = Vec::with_capacity(order.len());
    for (number, class) in order.iter().enumerate() {
        let class = &classes[*class];
        publisher.publish(&class.topic, &class.payload, Qos::AtLeastOnce).await.unwrap();
        let at = Timestamp::from_micros(now.micros() - 600_000_000 + number as i64 * 1_000);
        let value = (number % 8_000) as f64 / 100.0 - 40.0;
        let payload = format!("{{\"time\":\"{at}\",\"air_temperature\":{value}}}");
        publisher.publish(&format!("saola/v1/{STATION}"), payload.as_bytes(), Qos::AtLeastOnce).await.unwrap();
        good.push((at, value));
    }
    assert!(publisher.settled(DEADLINE).await, "everything is acknowledged");
    let totals = publisher.close(Duration::from_secs(5)).await;
    assert_eq!((totals.reconnects, totals.given_up), (0, 0), "the connection was never cut");

    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for reason in order.iter().flat_map(|class| &classes[*class].reasons) {
        *reasons.entry(reason).or_default() += 1;
    }
    let refused: u64 = reasons.values().sum();
    let (bad_count, good_count) = (order.len() as u64, good.len() as u64);
    let ledger = service.ledger_of("edge", bad_count + good_count).await;
    let counts = ["messages", "received", "stored", "duplicate", "rejected"].map(|key| ledger[key].as_u64().unwrap());
    assert_eq!(counts, [bad_count + good_count, good_count + refused, good_count, 0, refused], "{ledger}");
    assert_eq!(ledger["reasons"], serde_json::json!(reasons));
    assert_eq!(metric(&service, "readings_rejected_total", "reason").await, reasons);
    println!("{} classes, {bad_count} bad messages, {good_count} good, refused by reason: {reasons:?}", classes.len());

    check_dead_letters(&service, &classes, &order).await;
    let history = service.history(&format!("{STATION}/air_temperature")).await;
    assert!(history == good, "{} of {} good readings are in the history", history.len(), good.len());
    assert!(!service.log().contains("panicked"), "{}", service.log());
    assert_eq!(service.terminate(), Some(0), "it ends well when it is asked to");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_larger_than_any_entry_is_a_dead_letter_too_and_stops_nothing() {
    let province = Province::Weather { stations: vec![STATION.to_owned()], rules: String::new() };
    let config = "[mqtt.edge.limits]\npacket_bytes = 134217728\npartial_packets_bytes = 536870912\n".to_owned();
    let service = Service::start(&Wishes { province, config }).await;
    let mut options = Options::new("enormous");
    options.credentials = Some(credentials());
    let publisher = Publisher::connect(&service.mqtt.to_string(), options).await.unwrap();
    let topic = format!("saola/v1/{STATION}");
    publisher.publish(&topic, &vec![b'x'; 70 << 20], Qos::AtLeastOnce).await.unwrap();
    publisher.publish(&topic, b"{\"air_temperature\":21.5}", Qos::AtLeastOnce).await.unwrap();
    let totals = publisher.close(DEADLINE).await;
    assert_eq!((totals.acknowledged, totals.reconnects), (2, 0));
    let ledger = service.ledger_of("edge", 2).await;
    assert_eq!(ledger["reasons"], serde_json::json!({ "payload_too_large": 1 }));
    assert_eq!(ledger["stored"], 1);
    let list = service.get("/api/v1/dead-letters").await;
    let letter = &list["dead_letters"][0];
    assert_eq!(letter["rejections"][0]["detail"], "73400320 bytes, at most 262144 are taken");
    assert_eq!(letter["payload_bytes"], 32 << 20, "its beginning is kept");
}

/// Walks the pages, newest first, and compares each letter with what was sent.
async fn check_dead_letters(service: &Service, classes: &[Class], order: &[usize]) {
    let mut sent = order.iter().rev().map(|class| &classes[*class]);
    let mut next = String::new();
    loop {
        let page = service.get(&format!("/api/v1/dead-letters?limit=1000{next}")).await;
        assert_eq!(page["damaged"].as_array().unwrap().len(), 0);
        for letter in page["dead_letters"].as_array().unwrap() {
            let class = sent.next().expect("not more letters than bad messages");
            assert_eq!(letter["topic"], *class.topic, "{}", class.name);
            let rejections = letter["rejections"].as_array().unwrap();
            let reasons: Vec<_> = rejections.iter().map(|rejection| rejection["reason"].as_str().unwrap()).collect();
            assert_eq!(reasons, class.reasons, "{}", class.name);
            let details = rejections.iter().map(|rejection| rejection["detail"].as_str().unwrap());
            assert!(details.clone().all(|detail| (1..=200).contains(&detail.len())), "{}: {rejections:?}", class.name);
            check_whole(service, letter["id"].as_str().unwrap(), class).await;
        }
        match page["next"].as_str() {
            Some(place) => next = format!("&next={place}"),
            None => break,
        }
    }
    let missing: Vec<_> = sent.map(|class| &class.name).collect();
    assert!(
        missing.is_empty(),
        "{} bad messages are in no letter: {:?}",
        missing.len(),
        &missing[..missing.len().min(5)]
    );
}

async fn check_whole(service: &Service, id: &str, class: &Class) {
    let letter = service.dead_letter(id).await;
    assert_eq!(letter["payload_bytes"], class.payload.len(), "{}", class.name);
    let whole = STANDARD.decode(letter["base64"].as_str().unwrap()).unwrap();
    assert!(whole == class.payload, "{}: the payload is not whole", class.name);
    assert_eq!(letter["text"].as_str(), std::str::from_utf8(&class.payload).ok(), "{}", class.name);
}

/// The non-zero values of a counter, by its label.
async fn metric(service: &Service, name: &str, label: &str) -> BTreeMap<&'static str, u64> {
    let text = service.ask("/metrics").await.text().await.unwrap();
    let start = format!("{name}{{{label}=\"");
    let values = text.lines().filter_map(|line| line.strip_prefix(&start)?.split_once("\"} "));
    values
        .map(|(word, value)| (word, value.parse::<u64>().unwrap()))
        .filter(|(_, value)| *value > 0)
        .map(|(word, value)| {
            let reason = saola::model::Reason::ALL.iter().find(|reason| reason.word() == word);
            (reason.expect("a label of the closed list").word(), value)
        })
        .collect()
}
