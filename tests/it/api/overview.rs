//! Counts of stations, and the choice that lists, counts and tiles have in common.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use saola::api::{Config, Demo};
use saola::auth::Role;
use saola::layers::{TileId, mercator::World};
use saola::model::{Body, Position};
use serde_json::{Value, json};

use super::house::{House, LEVEL, PM, RAIN, TEMPERATURE, request};

/// `A-AIR` is live, `B-RIVER` has an alert and is live, `C-RAIN` never spoke.
fn house(demo: Demo) -> House {
    let house = House::with(demo, Config::default());
    house.enter(Body::Rules(house.parts.rules.files.clone()));
    house.observe(PM, 0, 1.0);
    house.observe(TEMPERATURE, 0, 21.0);
    house.observe(LEVEL, 0, 4.0);
    house
}

async fn json_of(house: &House, path: &str) -> Value {
    let answer = house.get(path).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
    answer.json()
}

fn ids(collection: &Value) -> Vec<&str> {
    collection["features"].as_array().unwrap().iter().map(|feature| feature["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_counts_are_those_of_the_stations_and_the_choice_does_not_shrink_them() {
    let house = house(Demo::Loopback);
    let severity = json_of(&house, "/api/v1/stations/B-RIVER").await["properties"]["severity"].clone();
    let severity = severity.as_str().unwrap();
    let all = json_of(&house, "/api/v1/overview").await;
    assert_eq!((&all["stations"], &all["chosen"]), (&json!(3), &json!(3)));
    assert_eq!(all["freshness"], json!({"live": 2, "late": 0, "stale": 0, "silent": 1, "maintenance": 0}));
    assert_eq!(all["kinds"], json!({"air": 1, "river": 1, "rain": 1}));
    assert_eq!(all["severities"], json!({severity: 1}));
    let areas = json!([{"id": "001", "stations": 1}, {"id": "002", "stations": 1}]);
    for (own, expected) in all["areas"].as_array().unwrap().iter().zip(areas.as_array().unwrap()) {
        assert_eq!((&own["id"], &own["stations"]), (&expected["id"], &expected["stations"]));
        assert!(own["name"]["vi"].is_string());
    }
    for (query, chosen) in [
        ("kind=air,rain".to_owned(), vec!["A-AIR", "C-RAIN"]),
        ("freshness=silent".to_owned(), vec!["C-RAIN"]),
        (format!("severity={severity}"), vec!["B-RIVER"]),
        ("area=001".to_owned(), vec!["A-AIR"]),
        ("area=12&kind=river".to_owned(), vec!["B-RIVER"]),
        ("freshness=late".to_owned(), vec![]),
    ] {
        let counts = json_of(&house, &format!("/api/v1/overview?{query}")).await;
        assert_eq!(counts["chosen"], chosen.len(), "{query}");
        for name in ["stations", "freshness", "kinds", "severities", "areas"] {
            assert_eq!(counts[name], all[name], "{query}: {name}");
        }
        let listed = json_of(&house, &format!("/api/v1/stations?{query}")).await;
        assert_eq!((ids(&listed), &listed["total"]), (chosen.clone(), &json!(chosen.len())), "{query}");
    }
    for bad in ["kind=tram", "freshness=old", "severity=worst", "area=999", "colour=red"] {
        for path in ["/api/v1/overview", "/api/v1/stations", "/tiles/stations/0/0/0"] {
            assert_eq!(house.get(&format!("{path}?{bad}")).await.status, StatusCode::BAD_REQUEST, "{path}?{bad}");
        }
    }
}

#[tokio::test]
async fn the_revision_changes_with_what_is_drawn_and_with_nothing_else() {
    let house = house(Demo::Loopback);
    let revision = async || json_of(&house, "/api/v1/overview").await["revision"].as_u64().unwrap();
    let first = revision().await;
    assert_eq!(revision().await, first);
    house.observe(RAIN, 0, 0.0);
    let second = revision().await;
    assert!(second > first);
    // Time alone makes values late.
    house.parts.clock.set(house.parts.clock.now() + Duration::from_secs(600));
    assert!(revision().await > second);
}

#[tokio::test]
async fn the_worst_come_first_and_those_that_were_not_heard_for_longest() {
    let house = house(Demo::Loopback);
    for (query, expected) in [
        ("order=registered", ["A-AIR", "B-RIVER", "C-RAIN"]),
        ("order=need", ["B-RIVER", "C-RAIN", "A-AIR"]),
        ("order=silence", ["C-RAIN", "A-AIR", "B-RIVER"]),
    ] {
        assert_eq!(ids(&json_of(&house, &format!("/api/v1/stations?{query}")).await), expected, "{query}");
        let short = json_of(&house, &format!("/api/v1/stations?{query}&limit=2")).await;
        assert_eq!((ids(&short), &short["total"]), (expected[..2].to_vec(), &json!(3)), "{query}");
        assert_eq!(short["next"].is_null(), query != "order=registered", "{query}");
    }
    let second = json_of(&house, "/api/v1/stations?limit=2&next=B-RIVER").await;
    assert_eq!((ids(&second), &second["total"]), (vec!["C-RAIN"], &json!(3)));
    let moved = house.get("/api/v1/stations?order=need&next=B-RIVER").await;
    assert_eq!(moved.status, StatusCode::BAD_REQUEST, "its order changes between two pages");
    // Words may stand in any order, and in the name of the commune.
    for (q, expected) in [("te%20muong", vec!["A-AIR"]), ("commune%20air", vec!["A-AIR"]), ("air%20002", vec![])] {
        assert_eq!(ids(&json_of(&house, &format!("/api/v1/stations?q={q}")).await), expected, "{q}");
    }
}

#[tokio::test]
async fn a_ranger_is_told_the_counts_of_one_commune_alone() {
    let house = house(Demo::Off);
    let ranger = house.token("ranger", Role::Ranger, Some(&["001"]), Duration::from_secs(3_600));
    let own = house.get_as(&ranger, "/api/v1/overview").await;
    let text = own.text().to_owned();
    let own = own.json();
    assert_eq!((&own["stations"], &own["chosen"]), (&json!(1), &json!(1)));
    assert_eq!((&own["kinds"], &own["severities"]), (&json!({"air": 1}), &json!({})));
    assert!(!text.contains("002"), "{text}");
    for query in ["area=002", "kind=river", "order=need&kind=river,rain", "order=silence&area=002", "q=nam"] {
        let listed = house.get_as(&ranger, &format!("/api/v1/stations?{query}")).await.json();
        assert_eq!((ids(&listed), &listed["total"]), (vec![], &json!(0)), "{query}");
    }
    assert_eq!(house.get_as(&ranger, "/api/v1/overview?area=002").await.json()["chosen"], 0);
}

#[tokio::test]
async fn a_tile_has_the_chosen_stations_and_no_more_points_than_are_wanted() {
    let house = house(Demo::Loopback);
    let has = |bytes: &[u8], word: &str| bytes.windows(word.len()).any(|window| window == word.as_bytes());
    // From far away all of them are in one cell: a choice is not hidden in what clusters say of others.
    for (query, inside, outside) in [
        ("kind=air", vec!["A-AIR", "live"], vec!["count", "B-RIVER"]),
        ("freshness=silent", vec!["C-RAIN", "silent"], vec!["count", "A-AIR", "live"]),
        ("area=002&points=1", vec!["B-RIVER"], vec!["count", "A-AIR"]),
        ("kind=air,river", vec!["count", "live"], vec!["silent", "rain"]),
    ] {
        let tile = house.get(&format!("/tiles/stations/0/0/0?{query}")).await;
        assert_eq!(tile.status, StatusCode::OK, "{query}");
        assert!(inside.iter().all(|word| has(&tile.body, word)), "{query}");
        assert!(!outside.iter().any(|word| has(&tile.body, word)), "{query}");
    }
    assert_eq!(house.get("/tiles/stations/0/0/0?kind=meter").await.status, StatusCode::NO_CONTENT);
    // Each choice has a tag of its own, which spares its body alone.
    let plain = house.get("/tiles/stations/0/0/0").await.header("etag").to_owned();
    let ask = async |path: &str, tag: &str| {
        let mut asked = request(Method::GET, path);
        asked.headers_mut().insert("if-none-match", tag.parse().unwrap());
        house.ask(asked).await.status
    };
    let chosen = house.get("/tiles/stations/0/0/0?kind=air").await.header("etag").to_owned();
    assert_ne!(plain, chosen);
    assert_eq!(ask("/tiles/stations/0/0/0?kind=air", &plain).await, StatusCode::OK);
    assert_eq!(ask("/tiles/stations/0/0/0?kind=air", &chosen).await, StatusCode::NOT_MODIFIED);
    for bad in
        ["alerts/0/0/0?kind=air", "areas/0/0/0?points=10", "stations/0/0/0?points=0", "stations/0/0/0?points=4097"]
    {
        assert_eq!(house.get(&format!("/tiles/{bad}")).await.status, StatusCode::BAD_REQUEST, "{bad}");
    }
    let tile = TileId::around(14, World::of(Position { lon: 103.5, lat: 22.5 }));
    let near = house.get(&format!("/tiles/stations/14/{}/{}?points=1", tile.x(), tile.y())).await;
    assert!(has(&near.body, "A-AIR") && !has(&near.body, "count"), "alone, it is itself");
}
