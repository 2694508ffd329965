//! The recorded series of real sensors, brought in with their own times: what is in the history is what the files say.
//!
//! The account is made by the simulators' reader, which shares nothing with the service's.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;

use saola::model::Timestamp;
use saola_sim::replay::{Map, Recording};
use saola_sim::shipped;

use super::{import, map};
use crate::service::{Province, Service, Wishes};

/// Map and file of each series.
const SERIES: [(&str, &str); 4] = [
    ("traffic_mndot", "traffic_mndot_loop_2015.csv"),
    ("air_beijing", "air_beijing_aotizhongxin_2016.csv"),
    ("weather_ewr", "weather_nyc_ewr_hourly_2013.csv"),
    ("water_flow", "water_flow_hourly.csv"),
];

/// The one impossible wind, as it stands in the file of Newark.
const IMPLAUSIBLE: &str = "468.659";

fn path(file: &str) -> String {
    format!("{}/tests/fixtures/recorded/{file}", env!("CARGO_MANIFEST_DIR"))
}

/// What one file must give: readings, those that are refused, and value by time by channel; a time that is there
/// twice keeps its last value.
#[derive(Default)]
struct Account {
    rows: u64,
    readings: u64,
    refused: u64,
    histories: BTreeMap<String, BTreeMap<Timestamp, f64>>,
}

impl Account {
    fn of(map: &str, file: &str) -> Account {
        let text = shipped::MAPS.iter().find(|(name, _)| *name == map).unwrap().1;
        let recording = Recording::read(&Map::parse(text).unwrap(), File::open(path(file)).unwrap()).unwrap();
        let mut account = Account { rows: recording.row_count, ..Account::default() };
        for reading in recording.expected(0) {
            account.readings += 1;
            if reading.literal == IMPLAUSIBLE {
                account.refused += 1;
                continue;
            }
            let history = account.histories.entry(format!("{}/{}", reading.station, reading.property)).or_default();
            history.insert(Timestamp::from_micros(reading.at.as_microsecond()), reading.literal.parse().unwrap());
        }
        account
    }

    fn stored(&self) -> u64 {
        self.histories.values().map(|history| history.len() as u64).sum()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_history_is_exactly_the_files_and_a_repeat_stores_nothing() {
    let mut service = Service::start(&Wishes { province: Province::Shipped, config: String::new() }).await;
    let config = service.config_path();
    let refused = import(&config, &["--format", "csv", "--map", &map("water_flow"), &path("water_flow_hourly.csv")]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("stop it and import then"), "{}", refused.stderr);
    assert_eq!(service.terminate(), Some(0));

    let accounts = SERIES.map(|(map, file)| Account::of(map, file));
    let bring_in = || {
        SERIES.map(|(name, file)| {
            let arguments = ["--format", "csv", "--source", name, "--map", &map(name), "--json", &path(file)];
            import(&config, &arguments)
        })
    };
    for ((outcome, account), (name, _)) in bring_in().iter().zip(&accounts).zip(SERIES) {
        let repeated = account.readings - account.refused - account.stored();
        assert_eq!(outcome.counts(), [account.rows, account.stored(), repeated, account.refused], "{name}");
        assert_eq!(outcome.code, Some(if account.refused > 0 { 65 } else { 0 }), "{name}");
        let file = &outcome.report()["files"][0];
        let channels = file["channels"].as_object().unwrap();
        assert_eq!(channels.len(), account.histories.len(), "{name}");
        for (channel, history) in &account.histories {
            let (first, last) = (history.keys().next().unwrap(), history.keys().next_back().unwrap());
            let expected =
                serde_json::json!({ "stored": history.len(), "first": first.to_string(), "last": last.to_string() });
            assert_eq!(channels[channel], expected, "{channel}");
        }
        eprintln!("{name}: {} readings, {} stored in {} s", account.readings, account.stored(), file["seconds"]);
    }
    for ((outcome, account), (name, _)) in bring_in().iter().zip(&accounts).zip(SERIES) {
        let known = account.readings - account.refused;
        assert_eq!(outcome.counts(), [account.rows, 0, known, account.refused], "{name} again");
    }

    service.start_again().await;
    for (account, (name, _)) in accounts.iter().zip(SERIES) {
        let ledger = service.ledger_of(name, 1).await;
        let counts = ["received", "stored", "duplicate", "rejected"].map(|key| ledger[key].as_u64().unwrap());
        let duplicate = 2 * (account.readings - account.refused) - account.stored();
        assert_eq!(counts, [2 * account.readings, account.stored(), duplicate, 2 * account.refused], "{name}");
        for (channel, expected) in &account.histories {
            let history = service.history(channel).await;
            let expected: Vec<_> = expected.iter().map(|(at, value)| (*at, *value)).collect();
            assert!(history == expected, "{channel}: {} samples, not {}", history.len(), expected.len());
        }
    }
    check_dead_letters(&service).await;
    check_map(&service).await;
}

/// The impossible wind is kept with its row, and says which row of which file it was.
async fn check_dead_letters(service: &Service) {
    let list = service.get("/api/v1/dead-letters").await;
    let letters = list["dead_letters"].as_array().unwrap();
    assert_eq!(letters.len(), 2, "one for each import: {list}");
    let place = format!("/api/v1/dead-letters/{}", letters[0]["id"].as_str().unwrap());
    let letter = service.get(&place).await;
    let file = path("weather_nyc_ewr_hourly_2013.csv");
    let text = std::fs::read_to_string(&file).unwrap();
    let (line, row) = text.lines().enumerate().find(|(_, row)| row.contains(IMPLAUSIBLE)).unwrap();
    assert_eq!(letter["topic"], format!("import/{file}:{}", line + 1));
    assert_eq!(letter["text"], row);
    assert_eq!(letter["rejections"][0]["detail"], "wind_speed 468.659 m/s is outside 0 to 75");
    let replayed = service.post(&format!("{place}/replay")).await;
    let (status, told) = (replayed.status(), replayed.text().await.unwrap());
    assert!(status == 409 && told.contains("import the file again"), "{status}: {told}");
}

/// Imported history shows no value and no sign of life.
async fn check_map(service: &Service) {
    let stations = service.get("/api/v1/stations?limit=1000").await;
    let recorded: BTreeSet<String> = stations["features"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|station| station["id"].as_str().unwrap().starts_with("REC-"))
        .map(|station| {
            assert_eq!(station["properties"]["freshness"], "silent", "{station}");
            assert!(
                station["properties"]["channels"].as_array().unwrap().iter().all(|channel| channel["value"].is_null())
            );
            station["id"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(recorded.len(), 8);
}
