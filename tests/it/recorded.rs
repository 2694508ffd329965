//! The four recorded series of real sensors, replayed row by row into the real service with the shipped province:
//! what is in the history is what was sent, bit by bit, and the ledger has the exact numbers.
//!
//! The account of what must be there is made here, from the rows: a time sent twice keeps the last value, and the one
//! impossible wind (468.659 m/s, as recorded at Newark in 2013) is refused.

use std::collections::BTreeMap;
use std::fs::File;

use saola::model::Timestamp;
use saola_sim::replay::{self, Map, Options, Recording, Shift};
use saola_sim::{clock, shipped};

use crate::mosquitto::Mosquitto;
use crate::service::{Province, Service, Wishes, credentials};

/// Map and file of each series.
const SERIES: [(&str, &str); 4] = [
    ("traffic_mndot", "traffic_mndot_loop_2015.csv"),
    ("air_beijing", "air_beijing_aotizhongxin_2016.csv"),
    ("weather_ewr", "weather_nyc_ewr_hourly_2013.csv"),
    ("water_flow", "water_flow_hourly.csv"),
];

/// As it stands in the file: faster than any wind on this planet.
const IMPLAUSIBLE: &str = "468.659";

fn recording(map: &str, file: &str) -> Recording {
    let text = shipped::MAPS.iter().find(|(name, _)| *name == map).unwrap().1;
    let path = format!("{}/tests/fixtures/recorded/{file}", env!("CARGO_MANIFEST_DIR"));
    Recording::read(&Map::parse(text).unwrap(), File::open(path).unwrap()).unwrap()
}

/// What the service must make of the rows.
#[derive(Default)]
struct Account {
    messages: u64,
    received: u64,
    stored: u64,
    duplicate: u64,
    /// Value by time, by channel.
    histories: BTreeMap<String, BTreeMap<Timestamp, f64>>,
    /// Topic and payload of the refused message.
    refused: Vec<(String, String)>,
}

impl Account {
    fn enter(&mut self, recording: &Recording, shift_s: i64) {
        self.messages += recording.rows.len() as u64;
        for reading in recording.expected(shift_s) {
            self.received += 1;
            if reading.literal == IMPLAUSIBLE {
                continue;
            }
            let history = self.histories.entry(format!("{}/{}", reading.station, reading.property)).or_default();
            let value: f64 = reading.literal.parse().unwrap();
            match history.insert(Timestamp::from_micros(reading.at.as_microsecond()), value) {
                Some(before) if before == value => self.duplicate += 1,
                _ => self.stored += 1,
            }
        }
        let is_refused = |row: &&replay::Row| row.readings.iter().any(|(_, literal)| literal == IMPLAUSIBLE);
        self.refused.extend(recording.rows.iter().filter(is_refused).map(|row| {
            let (topic, payload) = replay::message(row, shift_s);
            (topic, String::from_utf8(payload).unwrap())
        }));
    }
}

async fn check(broker: Option<Mosquitto>) {
    let config = broker.as_ref().map(Mosquitto::section).unwrap_or_default();
    let mut service = Service::start(&Wishes { province: Province::Shipped, config }).await;
    let (source, address) = match &broker {
        Some(broker) => {
            service.reads_from("mosquitto").await;
            ("mosquitto", broker.address())
        }
        None => ("edge", service.mqtt.to_string()),
    };

    let mut account = Account::default();
    for (map, file) in SERIES {
        let recording = recording(map, file);
        let shift_s = recording.shift_s(Shift::LastRowNow, clock::now());
        let mut options = Options::new(&address);
        options.credentials = broker.is_none().then(credentials);
        let report = replay::run(options, &recording, shift_s, std::future::pending()).await.unwrap();
        assert_eq!(report.acknowledged, recording.rows.len() as u64, "{file}: every row is acknowledged");
        account.enter(&recording, shift_s);
        if map == "traffic_mndot" {
            let distinct: usize = account.histories.values().map(BTreeMap::len).sum();
            assert_eq!((account.received, distinct), (15_664, 15_662), "two of its times are there twice");
        }
    }
    let ledger = service.ledger_of(source, account.messages).await;
    let counts = ["messages", "received", "stored", "duplicate", "rejected", "pending"].map(|key| &ledger[key]);
    let expected = [account.messages, account.received, account.stored, account.duplicate, 1, 0];
    assert_eq!(counts.map(|count| count.as_u64().unwrap()), expected, "{ledger}");
    assert_eq!(account.received, account.stored + account.duplicate + 1);
    assert_eq!(ledger["reasons"], serde_json::json!({ "implausible": 1 }));
    eprintln!("{source}: messages, received, stored, duplicate, rejected, pending: {expected:?}");

    check_histories(&service, &account).await;
    check_dead_letter(&service, &account).await;
    assert_eq!(service.terminate(), Some(0), "it ends well when it is asked to");
    service.start_again().await;
    check_histories(&service, &account).await;
}

async fn check_histories(service: &Service, account: &Account) {
    for (channel, expected) in &account.histories {
        let history = service.history(channel).await;
        assert_eq!(history.len(), expected.len(), "{channel}");
        for ((at, value), (expected_at, expected)) in history.iter().zip(expected) {
            assert_eq!((at, value.to_bits()), (expected_at, expected.to_bits()), "{channel}: {value}, not {expected}");
        }
    }
}

async fn check_dead_letter(service: &Service, account: &Account) {
    let list = service.get("/api/v1/dead-letters").await;
    let letters = list["dead_letters"].as_array().unwrap();
    assert_eq!((letters.len(), account.refused.len()), (1, 1), "{list}");
    let letter = service.get(&format!("/api/v1/dead-letters/{}", letters[0]["id"].as_str().unwrap())).await;
    let (topic, payload) = &account.refused[0];
    assert_eq!((letter["topic"].as_str(), letter["text"].as_str()), (Some(topic.as_str()), Some(payload.as_str())));
    assert_eq!(letter["rejections"][0]["reason"], "implausible");
    assert_eq!(letter["rejections"][0]["detail"], "wind_speed 468.659 m/s is outside 0 to 75");
    assert_eq!(letter["rejections"].as_array().unwrap().len(), 1, "the rest of the row is taken");
    let winds = service.history("REC-EWR/wind_speed").await;
    assert!(winds.iter().all(|(_, value)| *value <= 75.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_the_edge_the_history_is_exactly_the_rows_sent() {
    check(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_mosquitto_the_history_is_exactly_the_rows_sent() {
    check(Some(Mosquitto::start().await)).await;
}
