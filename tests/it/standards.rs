//! Clients that others wrote read what open standards offer, from the real binary: GDAL the features of `/ogc`, FROST's
//! client and aio-sensorthings the entities of `/sta/v1.1`. What they find is compared with what the API itself says.
//!
//! `make test` installs them; where one is missing the test fails rather than skips.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::Duration;

use saola::model::Timestamp;
use saola_sim::mqtt::{Options, Publisher, Qos};
use serde_json::{Value, json};

use crate::service::{DEADLINE, Province, Service, Wishes, credentials};

/// Readings of AQ-01, a minute apart.
const READINGS: usize = 30;
const STREAM: &str = "AQ-01:pm2_5";

/// The shipped province, where one station speaks, and another one smells smoke.
async fn speaking() -> Service {
    let service = Service::start(&Wishes { province: Province::Shipped, config: String::new() }).await;
    let mut options = Options::new("standards");
    options.credentials = Some(credentials());
    let publisher = Publisher::connect(&service.mqtt.to_string(), options).await.unwrap();
    let now = saola::clock::Clock::System.now().micros() / 1_000_000;
    let first = Timestamp::from_seconds(now - 60 * READINGS as i64);
    for number in 0..READINGS {
        let at = first + Duration::from_secs(60 * number as u64);
        let payload = format!("{{\"time\":\"{at}\",\"pm2_5\":{}}}", 150.0 + number as f64 / 8.0);
        publisher.publish("saola/v1/AQ-01", payload.as_bytes(), Qos::AtLeastOnce).await.unwrap();
    }
    // Twice, so that the second confirms the first.
    for ago in [60, 0] {
        let at = Timestamp::from_seconds(now - ago);
        let payload = format!("{{\"time\":\"{at}\",\"smoke\":0.9}}");
        publisher.publish("saola/v1/FS-HL-01", payload.as_bytes(), Qos::AtLeastOnce).await.unwrap();
    }
    assert!(publisher.settled(DEADLINE).await);
    service.ledger_of("edge", READINGS as u64 + 2).await;
    service
}

/// What a program prints; panics when it fails or says that something is wrong.
async fn output(program: &str, arguments: Vec<String>, environment: &[(&str, String)]) -> String {
    let mut command = Command::new(program);
    command.args(&arguments).envs(environment.iter().map(|(name, value)| (*name, value.as_str())));
    let name = program.to_owned();
    let run = move || command.output().unwrap_or_else(|error| panic!("{name} is needed: {error}"));
    let done = tokio::task::spawn_blocking(run).await.unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success() && !said.contains("ERROR"), "{program} {arguments:?}: {said}");
    String::from_utf8(done.stdout).unwrap()
}

/// GDAL's `ogr2ogr` to GeoJSON: the features of a collection as it reads them.
async fn features(service: &Service, collection: &str, more: &[&str]) -> Vec<Value> {
    let source = format!("OAPIF:http://{}/ogc", service.http);
    let written = ["-lco", "COORDINATE_PRECISION=9", "-lco", "ID_FIELD=id"];
    let arguments = ["-f", "GeoJSON", "/vsistdout/", &source, collection].into_iter().chain(written);
    let arguments = arguments.chain(more.iter().copied()).map(str::to_owned).collect();
    let text = output("ogr2ogr", arguments, &gdal(service)).await;
    let document: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    document["features"].as_array().unwrap().clone()
}

/// GDAL sends the headers of a file; a small page makes it follow links.
fn gdal(service: &Service) -> [(&'static str, String); 1] {
    let headers = service.file("headers");
    std::fs::write(&headers, format!("Authorization: Bearer {}\n", service.token())).unwrap();
    [("GDAL_HTTP_HEADER_FILE", headers.display().to_string())]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gdal_reads_the_features() {
    let service = speaking().await;
    let layers =
        output("ogrinfo", vec!["-ro".into(), format!("OAPIF:http://{}/ogc", service.http)], &gdal(&service)).await;
    for collection in ["stations", "observations", "alerts", "incidents", "areas"] {
        assert!(layers.contains(collection), "{layers}");
    }
    let own = service.get("/api/v1/stations?limit=10000").await;
    let place = |feature: &Value| feature["geometry"]["coordinates"].clone();
    let own: BTreeMap<String, Value> = own["features"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["id"].as_str().unwrap().to_owned(), place(one)))
        .collect();
    // Few at a time, so that it has to follow `next`.
    let read = features(&service, "stations", &["-oo", "PAGE_SIZE=7"]).await;
    assert!(read.len() > 14, "{}", read.len());
    let read: BTreeMap<String, Value> =
        read.iter().map(|one| (one["id"].as_str().unwrap().to_owned(), place(one))).collect();
    assert_eq!(read, own);
    let observed = features(&service, "observations", &[]).await;
    let newest = observed.iter().find(|one| one["id"] == STREAM).unwrap();
    assert_eq!(newest["properties"]["value"], json!(150.0 + (READINGS - 1) as f64 / 8.0));
    let areas = service.get("/api/v1/layers/areas").await["features"].as_array().unwrap().len();
    assert_eq!(features(&service, "areas", &["-where", "level = 'commune'"]).await.len(), areas);
    // Its rectangle is the service's `bbox`.
    let around = features(&service, "stations", &["-spat", "103.45", "22.39", "103.46", "22.40"]).await;
    assert!(around.iter().any(|one| one["id"] == "AQ-01") && around.len() < own.len(), "{}", around.len());
    let alerts = service.get("/api/v1/alerts").await["alerts"].as_array().unwrap().len();
    assert!(alerts > 0, "smoke raises an alert");
    assert_eq!(features(&service, "alerts", &[]).await.len(), alerts);
}

/// In how many outlines each point of a layer of areas stands.
fn corners(layer: &Value) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    let parts =
        layer["features"].as_array().unwrap().iter().flat_map(|one| one["geometry"]["coordinates"].as_array().unwrap());
    for ring in parts.flat_map(|part| part.as_array().unwrap()) {
        let points: BTreeSet<String> = ring.as_array().unwrap().iter().map(Value::to_string).collect();
        points.into_iter().for_each(|point| *found.entry(point).or_default() += 1);
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn communes_of_a_zoom_have_fewer_points_and_go_on_touching() {
    let service = speaking().await;
    let whole = service.get("/api/v1/layers/areas").await;
    let (exact, mut before) = (corners(&whole), usize::MAX);
    for zoom in [12, 9, 6] {
        let coarse = service.get(&format!("/api/v1/layers/areas?zoom={zoom}")).await;
        assert_eq!(coarse["features"].as_array().unwrap().len(), whole["features"].as_array().unwrap().len());
        let corners = corners(&coarse);
        assert!(corners.iter().all(|(point, count)| exact.get(point) == Some(count)), "zoom {zoom}");
        assert!(corners.values().any(|count| *count > 1) && corners.len() < before, "zoom {zoom}: {}", corners.len());
        before = corners.len();
    }
    assert!(before * 20 < exact.len(), "{before} of {}", exact.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frost_s_client_walks_the_entities() {
    let service = speaking().await;
    let python = std::env::var("SAOLA_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/frost_walk.py");
    let address = format!("http://{}/sta/v1.1", service.http);
    let arguments = [script, &address, service.token(), STREAM, "152"].map(str::to_owned).to_vec();
    let found: Value = serde_json::from_str(&output(&python, arguments, &[]).await).unwrap();

    let own = service.get("/api/v1/stations?limit=10000").await;
    let things: Vec<Value> = own["features"].as_array().unwrap().iter().map(thing).collect();
    assert_eq!(found["things"], json!(things));
    let ids: Vec<&Value> = things.iter().map(|thing| &thing["id"]).collect();
    assert_eq!((&found["locations"], &found["features"], &found["moves"]), (&json!(ids), &json!(ids), &json!([])));
    let properties: BTreeSet<&String> =
        things.iter().flat_map(|thing| thing["streams"].as_object().unwrap().keys()).collect();
    assert_eq!(found["properties"], json!(properties));
    assert_eq!(found["stream"]["unit"], "ug/m3");

    let history = service.history("AQ-01/pm2_5").await;
    assert_eq!(history.len(), READINGS);
    let rows = history.iter().map(|(at, value)| json!([format!("{STREAM}:{}", at.micros()), at.to_string(), value]));
    assert_eq!(found["observations"], Value::Array(rows.collect()), "seven at a time, each once");
    let high: Vec<f64> = history.iter().map(|(_, value)| *value).filter(|value| *value >= 152.0).collect();
    assert_eq!(found["filtered"], json!({"count": high.len(), "results": high}));
    assert_eq!(found["newest"], json!(history.last().unwrap().1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn aio_sensorthings_walks_the_entities() {
    let service = speaking().await;
    let python = std::env::var("SAOLA_PYTHON_313").unwrap_or_else(|_| "python3.13".to_owned());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/aio_walk.py");
    let address = format!("http://{}/sta", service.http);
    let arguments = [script, &address, service.token(), STREAM, "152"].map(str::to_owned).to_vec();
    let found: Value = serde_json::from_str(&output(&python, arguments, &[]).await).unwrap();

    let own = service.get("/api/v1/stations?limit=10000").await;
    let stations = own["features"].as_array().unwrap();
    let things: Vec<Value> = stations.iter().map(thing).collect();
    assert_eq!(found["things"], json!(things), "five at a time, each once");
    let ids: Vec<&Value> = things.iter().map(|thing| &thing["id"]).collect();
    assert_eq!((&found["locations"], &found["features"], &found["moves"]), (&json!(ids), &json!(ids), &json!([])));
    let sensors = found["sensors"].as_array().unwrap().iter();
    let observing: Vec<&Value> = sensors.filter(|id| !id.as_str().unwrap().ends_with(":derived")).collect();
    assert_eq!(observing, ids);
    let streams = things.iter().flat_map(|thing| {
        let of = move |(property, unit): (&String, &Value)| json!([thing["name"], property, unit, thing["place"]]);
        thing["streams"].as_object().unwrap().iter().map(of)
    });
    let sorted = |mut rows: Vec<Value>| {
        rows.sort_by_key(ToString::to_string);
        rows
    };
    let mapped = found["mapped"].as_array().unwrap().clone();
    assert!(mapped.len() > stations.len(), "{}", mapped.len());
    assert_eq!(sorted(mapped), sorted(streams.collect()));
    let of_dust: Vec<&Value> =
        things.iter().filter(|thing| thing["streams"].get("pm2_5").is_some()).map(|thing| &thing["name"]).collect();
    assert_eq!((&found["dust"], of_dust.is_empty()), (&json!(of_dust), false));
    let names: BTreeSet<&String> =
        things.iter().flat_map(|thing| thing["streams"].as_object().unwrap().keys()).collect();
    assert_eq!(found["properties"], json!(names));
    let air: Vec<&Value> =
        stations.iter().filter(|one| one["properties"]["kind"] == "air").map(|one| &one["id"]).collect();
    assert!(air.len() > 1, "so that it follows links");
    assert_eq!(found["air"], json!(air));

    let history = service.history("AQ-01/pm2_5").await;
    assert_eq!(history.len(), READINGS);
    let rows =
        history.iter().rev().map(|(at, value)| json!([format!("{STREAM}:{}", at.micros()), at.to_string(), value]));
    assert_eq!(found["observations"], Value::Array(rows.collect()), "seven at a time, the newest first");
    let high: Vec<f64> = history.iter().map(|(_, value)| *value).filter(|value| *value >= 152.0).collect();
    assert_eq!(found["counted"], json!({"count": high.len(), "results": high[..5]}));
    let last = history.last().unwrap().1;
    assert_eq!(found["stream"], json!({"unit": "ug/m3", "thing": "AQ-01", "newest": [last]}));
    assert_eq!(found["refused"], json!([404, 400, 501]));
}

/// A station of the API as the client finds its Thing.
fn thing(station: &Value) -> Value {
    let properties = &station["properties"];
    let channels = properties["channels"].as_array().unwrap().iter();
    let streams: BTreeMap<&str, &Value> =
        channels.map(|one| (one["property"].as_str().unwrap(), &one["unit"])).collect();
    json!({
        "id": station["id"], "name": properties["name"]["vi"], "streams": streams,
        "place": station["geometry"]["coordinates"],
    })
}
