//! Open data: what anybody may read, how late and how coarse, and that a parser of others reads the catalogue.

use std::process::Command;

use axum::http::{Method, StatusCode};
use saola::api::Demo;
use saola::model::{Span, StationKind};
use saola::open_data::{Config, Dataset};
use serde_json::{Value, json};

use super::house::{Answer, House, LEVEL, PM, Settings, TEMPERATURE, request};

fn dataset(kind: StationKind, delay: Option<Span>, round_m: Option<u32>) -> Dataset {
    Dataset { kind, delay, round_m }
}

fn opened(datasets: Vec<Dataset>) -> House {
    let open_data = Config {
        publisher: "Ủy ban <nhân dân> \"tỉnh\"".to_owned(),
        contact: "ioc@example.vn".to_owned(),
        datasets,
        ..Config::default()
    };
    House::made(Demo::Off, Settings { open_data, ..Settings::default() })
}

/// Without any credential.
async fn get(house: &House, path: &str) -> Answer {
    house.ask(request(Method::GET, path)).await
}

#[tokio::test]
async fn nothing_is_open_unless_it_is_named() {
    let house = House::made(Demo::Off, Settings::default());
    let catalog = get(&house, "/catalog.jsonld").await;
    assert_eq!(catalog.status, StatusCode::OK);
    assert_eq!(catalog.json()["dcat:dataset"], json!([]));
    for path in ["/open/air.geojson", "/open/forest.csv", "/open/alerts.geojson", "/open/air", "/open/", "/open/x.y.z"]
    {
        assert_eq!(get(&house, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let house = opened(vec![dataset(StationKind::Air, None, None)]);
    for path in ["/open/river.geojson", "/open/air.parquet", "/open/AIR.csv", "/open/air.csv.gz"] {
        assert_eq!(get(&house, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(get(&house, "/open/air.csv?at=now").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(get(&house, "/api/v1/layers/air").await.status, StatusCode::UNAUTHORIZED, "only what is open");
}

#[tokio::test]
async fn a_data_set_holds_the_good_values_of_its_kind_alone() {
    let house = opened(vec![dataset(StationKind::Air, None, None)]);
    house.observe(PM, 60, 12.5);
    house.observe(LEVEL, 60, 3.0);
    let answer = get(&house, "/open/air.geojson").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "application/geo+json");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let told = answer.json();
    let features = told["features"].as_array().unwrap();
    assert_eq!(features.len(), 1, "{told}");
    assert_eq!(features[0]["id"], "A-AIR");
    let properties = &features[0]["properties"];
    assert_eq!((&properties["pm2_5"], &properties["pm2_5_unit"]), (&json!(12.5), &json!("ug/m3")));
    assert!(properties["pm2_5_time"].as_str().unwrap().starts_with("2026-11-21T10:14:00"));
    assert_eq!(properties.get("air_temperature"), None, "never observed");

    let csv = get(&house, "/open/air.csv").await;
    let lines: Vec<&str> = csv.text().split("\r\n").collect();
    assert_eq!(lines[0], "station,name_vi,name_en,longitude,latitude,freshness,property,unit,time,value");
    assert!(lines[1].starts_with("A-AIR,") && lines[1].ends_with(",12.5"), "{lines:?}");
    assert_eq!((lines.len(), lines[2]), (3, ""));

    let tag = csv.header("etag").to_owned();
    let mut again = request(Method::GET, "/open/air.csv");
    again.headers_mut().insert("if-none-match", tag.parse().unwrap());
    assert_eq!(house.ask(again).await.status, StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn sensitive_places_are_coarse_and_their_values_late() {
    let late = Some(Span::from_minutes(10));
    let house = opened(vec![dataset(StationKind::Air, late, Some(5_000))]);
    house.observe(PM, 20 * 60, 11.0);
    house.observe(TEMPERATURE, 20 * 60, 20.0);
    house.observe(PM, 30, 99.0);
    let told = get(&house, "/open/air.geojson").await;
    assert_eq!(told.status, StatusCode::OK, "{}", told.text());
    let told = told.json();
    let feature = &told["features"][0];
    assert_eq!(feature["properties"]["pm2_5"], 11.0, "not the value of now");
    let exact = house.parts.state.read().catalogue.station_named("A-AIR").unwrap().position;
    let at = &feature["geometry"]["coordinates"];
    let (lon, lat) = (at[0].as_f64().unwrap(), at[1].as_f64().unwrap());
    let coarse = saola::open_data::coarse(exact, 5_000);
    assert_eq!((lon, lat), (coarse.lon, coarse.lat));
    assert_ne!((lon, lat), (exact.lon, exact.lat));
    let catalog = get(&house, "/catalog.jsonld").await;
    for text in [told.to_string(), catalog.text().to_owned()] {
        let is_number = |letter: char| letter.is_ascii_digit() || letter == '.';
        let mut numbers = text.split(|letter: char| !is_number(letter));
        assert!(!numbers.any(|number| number == exact.lon.to_string()), "nowhere else either: {text}");
    }
}

#[test]
fn forest_stations_are_sensitive_unless_somebody_says_otherwise() {
    let forest = dataset(StationKind::Forest, None, None);
    assert_eq!((forest.delay(), forest.round_m()), (Span::from_days(1), 5_000));
    let air = dataset(StationKind::Air, None, None);
    assert_eq!((air.delay(), air.round_m()), (Span::ZERO, 0));
    let said = dataset(StationKind::Forest, Some(Span::ZERO), Some(0));
    assert_eq!((said.delay(), said.round_m()), (Span::ZERO, 0));
}

#[tokio::test]
async fn a_parser_of_others_reads_the_catalogue_and_finds_the_files() {
    let house = opened(vec![
        dataset(StationKind::River, None, None),
        dataset(StationKind::Air, Some(Span::from_hours(1)), Some(2_000)),
    ]);
    house.observe(LEVEL, 30, 3.0);
    let mut request = request(Method::GET, "/catalog.jsonld");
    request.headers_mut().insert("host", "saola.example".parse().unwrap());
    let catalog = house.ask(request).await;
    assert_eq!(catalog.header("content-type"), "application/ld+json");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &catalog.body).unwrap();
    let python = std::env::var("SAOLA_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/api/dcat_read.py");
    let output = Command::new(python).arg(script).arg(file.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(read["publisher"], "Ủy ban <nhân dân> \"tỉnh\"");
    assert_eq!(read["title"]["vi"], "Dữ liệu mở của tỉnh");
    let datasets = read["datasets"].as_array().unwrap();
    assert_eq!(datasets.iter().map(|one| one["identifier"].as_str().unwrap()).collect::<Vec<_>>(), ["air", "river"]);
    assert_eq!(datasets[0]["title"], json!({ "vi": "Không khí", "en": "Air quality" }));
    let english = datasets[0]["description"]["en"].as_str().unwrap();
    assert!(english.contains("At least 1 hour late") && english.contains("cells of 2000 m"), "{english}");
    assert!(datasets[1]["bbox"].as_str().unwrap().starts_with("POLYGON(("));
    for dataset in datasets {
        for download in dataset["downloads"].as_array().unwrap() {
            let path = download.as_str().unwrap().strip_prefix("http://saola.example").unwrap();
            let answer = get(&house, path).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
        }
    }
}
