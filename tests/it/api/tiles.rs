//! Vector tiles, and layers by zoom.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use saola::api::{Config, Demo};
use saola::auth::Role;
use saola::layers::{Layer, TileId, mercator::World};
use saola::model::{Body, Position};

use super::house::{Answer, House, LEVEL, PM, RAIN, TEMPERATURE, request, with_token};

/// Where `A-AIR`, `B-RIVER` and `C-RAIN` stand.
const PLACES: [(f64, f64); 3] = [(103.5, 22.5), (104.5, 22.5), (110.0, 22.5)];

fn tile_at(z: u8, (lon, lat): (f64, f64)) -> String {
    let tile = TileId::around(z, World::of(Position { lon, lat }));
    format!("{}/{}/{}", tile.z(), tile.x(), tile.y())
}

async fn ask(house: &House, path: &str, headers: &[(&'static str, &str)]) -> Answer {
    let mut asked = request(Method::GET, path);
    for (name, value) in headers {
        asked.headers_mut().insert(*name, value.parse().unwrap());
    }
    house.ask(asked).await
}

fn names(bytes: &[u8]) -> Vec<&'static str> {
    ["A-AIR", "B-RIVER", "C-RAIN", "D-OLD"]
        .into_iter()
        .filter(|name| bytes.windows(name.len()).any(|window| window == name.as_bytes()))
        .collect()
}

#[tokio::test]
async fn a_tile_shows_what_stands_in_it_under_any_suffix() {
    let house = House::demo();
    house.observe(PM, 0, 41.5);
    house.observe(TEMPERATURE, 0, 21.5);
    let path = format!("/tiles/stations/{}", tile_at(14, PLACES[0]));
    let plain = house.get(&path).await;
    assert_eq!(plain.status, StatusCode::OK, "{}", plain.text());
    assert_eq!(plain.header("content-type"), "application/vnd.mapbox-vector-tile");
    assert_eq!(names(&plain.body), ["A-AIR"]);
    for word in ["pm2_5", "pm2_5_unit", "ug/m3", "Mường Tè", "live"] {
        assert!(plain.body.windows(word.len()).any(|window| window == word.as_bytes()), "{word}");
    }
    for suffix in [".mvt", ".pbf"] {
        assert_eq!(house.get(&format!("{path}{suffix}")).await.body, plain.body);
    }
    let zipped = ask(&house, &path, &[("accept-encoding", "br, gzip")]).await;
    assert_eq!((zipped.header("content-encoding"), zipped.header("vary")), ("gzip", "accept-encoding"));
    let mut unzipped = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(zipped.body.as_slice()), &mut unzipped).unwrap();
    assert_eq!(unzipped, plain.body);
    assert_eq!(ask(&house, &path, &[("accept-encoding", "gzip;q=0")]).await.body, plain.body);
    let elsewhere = house.get("/tiles/stations/14/0/0").await;
    assert_eq!((elsewhere.status, elsewhere.body.len()), (StatusCode::NO_CONTENT, 0));
    let far = house.get("/tiles/stations/0/0/0").await;
    assert!(names(&far.body).contains(&"C-RAIN") || far.body.windows(5).any(|window| window == b"count"));
}

#[tokio::test]
async fn an_unchanged_tile_is_not_sent_again_and_its_tag_does_not_outlive_the_freshness_it_shows() {
    let house = House::demo();
    house.observe(PM, 0, 1.0);
    house.observe(TEMPERATURE, 0, 21.5);
    let path = format!("/tiles/air/{}", tile_at(12, PLACES[0]));
    let first = house.get(&path).await;
    let tag = first.header("etag").to_owned();
    let again = async |tag: &str| ask(&house, &path, &[("if-none-match", tag)]).await;
    let second = again(&tag).await;
    assert_eq!((second.status, second.body.len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(second.header("etag"), tag);
    assert_eq!(again(&format!("\"x\", {tag}")).await.status, StatusCode::NOT_MODIFIED);
    // Time alone makes the value late: no entry, no tick.
    house.parts.clock.set(house.parts.clock.now() + Duration::from_secs(59));
    assert_eq!(again(&tag).await.status, StatusCode::NOT_MODIFIED, "still live");
    house.parts.clock.set(house.parts.clock.now() + Duration::from_secs(120));
    let late = again(&tag).await;
    assert_eq!(late.status, StatusCode::OK);
    assert!(late.body != first.body && late.header("etag") != tag);
    house.observe(PM, 0, 2.0);
    assert_eq!(again(late.header("etag")).await.status, StatusCode::OK);
    // What changes elsewhere changes no tag here, when it is far enough away to be kept apart; one layer's tag is no
    // other's.
    let alerts = house.get("/tiles/alerts/0/0/0").await;
    assert_eq!(alerts.status, StatusCode::NO_CONTENT);
    let known = alerts.header("etag").to_owned();
    house.observe(PM, 0, 3.0);
    let same = ask(&house, "/tiles/alerts/0/0/0", &[("if-none-match", &known)]).await;
    assert_eq!(same.status, StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn somebody_of_one_commune_gets_tiles_and_clusters_of_it_only() {
    let house = House::with(Demo::Off, Config::default());
    for channel in [PM, LEVEL, RAIN] {
        house.observe(channel, 0, 99.0);
    }
    house.enter(Body::Rules(house.parts.rules.files.clone()));
    house.observe(LEVEL, 0, 4.0);
    let hour = Duration::from_secs(3_600);
    let everything = house.token("admin", Role::Administrator, None, hour);
    let ranger = house.token("ranger", Role::Ranger, Some(&["001"]), hour);
    for layer in Layer::all() {
        for place in PLACES {
            for z in [0, 6, 12, 14] {
                let path = format!("/tiles/{}/{}", layer.id(), tile_at(z, place));
                let all = house.get_as(&everything, &path).await;
                assert!(all.status.is_success(), "{path}: {}", all.status);
                let own = house.get_as(&ranger, &path).await;
                assert!(own.status.is_success(), "{path}: {}", own.status);
                assert!(names(&own.body).iter().all(|name| *name == "A-AIR"), "{path}: {:?}", names(&own.body));
                for word in ["002", "water_level", "clusters", "rainfall"] {
                    assert!(!own.body.windows(word.len()).any(|w| w == word.as_bytes()), "{path}: {word}");
                }
                // One's tag is not the other's: what is kept of one is not sent to the other.
                assert_ne!(all.header("etag"), own.header("etag"), "{path}");
            }
        }
        for query in ["", "?zoom=3", "?zoom=14", "?bbox=-180,-90,180,90&zoom=0"] {
            let answer = house.get_as(&ranger, &format!("/api/v1/layers/{}{query}", layer.id())).await;
            assert_eq!(answer.status, StatusCode::OK);
            let text = answer.text();
            for word in ["B-RIVER", "C-RAIN", "\"002\"", "water_level", "cluster"] {
                assert!(!text.contains(word), "{} {query}: {word}", layer.id());
            }
        }
    }
}

#[tokio::test]
async fn far_away_points_are_one_feature_with_their_count() {
    let house = House::demo();
    house.observe(PM, 30, 1.0);
    let read = async |query: &str| {
        let answer = house.get(&format!("/api/v1/layers/stations?{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.text());
        answer.json()["features"].as_array().unwrap().clone()
    };
    let count = |features: &[serde_json::Value]| -> u64 {
        features.iter().map(|feature| feature["properties"]["count"].as_u64().unwrap_or(1)).sum()
    };
    let mut seen = BTreeSet::new();
    for zoom in 0..=24 {
        let features = read(&format!("zoom={zoom}")).await;
        assert_eq!(count(&features), 3, "zoom {zoom}");
        seen.insert(features.len());
    }
    assert!(seen.contains(&1) && seen.contains(&3), "{seen:?}");
    let cluster = &read("zoom=0").await[0];
    assert_eq!(cluster["properties"]["cluster"], true);
    assert_eq!(cluster["properties"]["freshness"], "silent");
    assert_eq!(cluster["properties"]["never_heard"], 2);
    assert_eq!(cluster["properties"]["oldest_at"], "2026-11-21T10:14:30+07:00");
    assert_eq!(cluster["properties"]["kinds"], serde_json::json!({"air": 1, "river": 1, "rain": 1}));
    // Above the detail zoom a station is told whole, as in the list of stations.
    let detailed = read("zoom=14&bbox=103,22,104,23").await;
    assert_eq!(detailed[0], house.get("/api/v1/stations/A-AIR").await.json());
}

#[tokio::test]
async fn whatever_is_asked_there_is_an_answer_or_a_problem() {
    let house = House::demo();
    house.observe(PM, 0, 1.0);
    for bad in [
        "stations/-1/0/0",
        "stations/23/0/0",
        "stations/0/1/0",
        "stations/0/0/1",
        "stations/3/8/0",
        "stations/3/0/8",
        "stations/1e9/0/0",
        "stations/NaN/0/0",
        "stations/4294967296/0/0",
        "stations/300/0/0",
        "stations/5/+1/0",
        "stations/5/0x1/0",
        "stations/5/1/1.png",
        "stations/5/1/.mvt",
        "stations/5/%00/1",
        "stations/5/..%2f/1",
        "stations/5/1/99999999999999999999999",
        "nothing/0/0/0",
        "%ff/0/0/0",
        "stations/0/0/0?at=yesterday",
        "stations/0/0/0?at=2030-01-01",
        "stations/0/0/0?colour=red",
    ] {
        let answer = house.get(&format!("/tiles/{bad}")).await;
        assert!(answer.status.is_client_error(), "{bad}: {}", answer.status);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{bad}");
    }
    for layer in Layer::all().map(Layer::id) {
        for z in 0..=22 {
            let last = (1_u32 << z) - 1;
            for (x, y) in [(0, 0), (last, last), (0, last), (last / 2, last / 2)] {
                let answer = house.get(&format!("/tiles/{layer}/{z}/{x}/{y}")).await;
                assert!(answer.status.is_success(), "{layer} {z}/{x}/{y}: {}", answer.status);
            }
        }
        // A rectangle across the 180th meridian, an empty one, a point, and those that are none.
        for (query, status) in [
            ("bbox=179,-10,-179,10&zoom=3", 200),
            ("bbox=103.5,22.5,103.5,22.5&zoom=3", 200),
            ("bbox=0,0,0,0&zoom=24", 200),
            ("bbox=-180,-90,180,90&zoom=0", 200),
            ("bbox=0,5,1,4&zoom=3", 400),
            ("bbox=0,0,inf,1", 400),
            ("zoom=-1", 400),
            ("zoom=1e9", 400),
            ("zoom=NaN", 400),
            ("zoom=24.5", 400),
        ] {
            let answer = house.get(&format!("/api/v1/layers/{layer}?{query}")).await;
            assert_eq!(answer.status.as_u16(), status, "{layer} {query}: {}", answer.text());
        }
    }
    let across = house.get("/api/v1/layers/stations?bbox=103.4,22,103.3,23").await.json();
    assert_eq!(across["features"].as_array().unwrap().len(), 3, "the whole world but a tenth of a degree");
}

#[tokio::test]
async fn tiles_are_described_as_the_standard_says() {
    let house = House::demo();
    for layer in Layer::all().map(Layer::id) {
        let about = house.get(&format!("/tiles/{layer}")).await;
        assert_eq!(about.status, StatusCode::OK, "{layer}");
        let document = about.json();
        assert_eq!(document["tilejson"], "3.0.0");
        let tiles = document["tiles"][0].as_str().unwrap();
        assert_eq!(tiles, format!("http://127.0.0.1:8080/tiles/{layer}/{{z}}/{{x}}/{{y}}.mvt"));
        assert!(!document["vector_layers"][0]["fields"].as_object().unwrap().is_empty());
        assert_eq!(document["bounds"], serde_json::json!([103.0, 22.0, 105.0, 23.0]));
        assert_eq!(house.get(&format!("/tiles/{layer}.json")).await.json(), document);
    }
    assert_eq!(house.get("/tiles/nothing").await.status, StatusCode::NOT_FOUND);
    let mut strange = with_token(
        request(Method::GET, "/tiles/stations"),
        &house.token("a", Role::Administrator, None, Duration::from_secs(9)),
    );
    strange.headers_mut().insert("host", "a\"b".parse().unwrap());
    assert_eq!(house.ask(strange).await.status, StatusCode::BAD_REQUEST);
    let named = Config { public_url: "https://saola.example".to_owned(), ..Config::default() };
    let about = House::with(Demo::Loopback, named).get("/tiles/stations").await.json();
    assert_eq!(about["tiles"], serde_json::json!(["https://saola.example/tiles/stations/{z}/{x}/{y}.mvt"]));
}

#[tokio::test]
async fn areas_tell_what_their_stations_come_to() {
    let house = House::demo();
    house.observe(PM, 0, 30.0);
    let areas = house.get("/api/v1/layers/areas").await.json();
    let one = &areas["features"][0];
    assert_eq!(one["id"], "001");
    assert_eq!(one["properties"]["stations"], 1);
    let pm = &one["properties"]["measures"]["pm2_5"];
    assert_eq!((pm["mean"].as_f64(), pm["worst"].as_f64(), pm["count"].as_u64()), (Some(30.0), Some(30.0), Some(1)));
    assert_eq!((pm["completeness"].as_f64(), pm["unit"].as_str()), (Some(1.0), Some("ug/m3")));
    let temperature = &one["properties"]["measures"]["air_temperature"];
    assert!(temperature["mean"].is_null() && temperature["completeness"] == 0.0);
    let surface = house.get("/api/v1/layers/pm2_5").await.json();
    let band = &surface["features"][0]["properties"];
    assert_eq!((band["step"].as_u64(), band["stations"].as_u64()), (Some(1), Some(1)));
    assert_eq!((band["method"].as_str(), band["power"].as_u64()), (Some("inverse_distance_weighting"), Some(2)));
}
