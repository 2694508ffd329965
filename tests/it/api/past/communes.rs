//! Communes of then and of today, and who sees what stood in them.

use super::*;

#[tokio::test]
async fn somebody_of_one_commune_sees_the_past_of_it_only() {
    let house = House::with(Demo::Off, Config::default());
    house.enter_file_rules();
    for (channel, value) in [(PM, 3.0), (LEVEL, 4.0), (RAIN, 1.0)] {
        house.observe(channel, 600, value);
    }
    let [ranger, other, all] = [("a", Some(["001"])), ("b", Some(["002"])), ("c", None)]
        .map(|(name, areas)| house.token(name, Role::Operator, areas.as_ref().map(|areas| &areas[..]), HOUR));
    let seen = async |token: &str, path: &str, list: &str| {
        let document = document(&house.get_as(token, path).await, path);
        let id = |one: &Value| one["id"].as_str().unwrap().to_owned();
        document[list].as_array().unwrap().iter().map(id).collect::<Vec<_>>()
    };
    let stations = "/api/v1/layers/stations?at=-5m";
    assert_eq!(seen(&ranger, stations, "features").await, ["A-AIR"]);
    assert_eq!(seen(&other, stations, "features").await, ["B-RIVER"]);
    assert_eq!(seen(&all, stations, "features").await, ["A-AIR", "B-RIVER", "C-RAIN"]);
    assert_eq!(seen(&ranger, "/api/v1/layers/areas?at=-5m", "features").await, ["001"]);
    for (token, count) in [(&ranger, 0), (&other, 1), (&all, 1)] {
        for (path, list) in [("/api/v1/alerts?at=-5m", "alerts"), ("/api/v1/layers/alerts?at=-5m", "features")] {
            assert_eq!(seen(token, path, list).await.len(), count, "{path}");
        }
    }
    // One's tile is not the other's.
    let tile = format!("/tiles/stations/{}?at=-5m", tile_at(6, PLACES[0]));
    let bodies = [house.get_as(&ranger, &tile).await, house.get_as(&all, &tile).await];
    assert_ne!(bodies[0].header("etag"), bodies[1].header("etag"));
    assert_ne!(bodies[0].body, bodies[1].body);
    // Of former areas, those that became what is in sight.
    house.observe(PM, 520 * 86_400, 1.0);
    house.observe(LEVEL, 520 * 86_400, 1.0);
    let areas = "/api/v1/layers/areas?at=2025-06-20";
    assert_eq!(seen(&all, areas, "features").await, ["A-2024", "B-2024", "C-2024"]);
    assert_eq!(seen(&ranger, areas, "features").await, ["A-2024"], "B-2024 went into 002, too");
    let then = house.get_as(&all, "/api/v1/layers/stations?at=2025-06-20").await.json();
    let told: Vec<_> = then["features"].as_array().unwrap().iter().map(|one| &one["properties"]["area"]).collect();
    assert_eq!(told, ["A-2024", "C-2024"], "as they were called then");
    assert_eq!(seen(&ranger, "/api/v1/layers/stations?at=2025-06-20", "features").await, ["A-AIR"]);
}

#[tokio::test]
async fn a_commune_of_today_holds_what_stood_in_the_former_one_that_became_it() {
    let house = House::demo();
    for channel in [PM, LEVEL] {
        house.observe(channel, 520 * 86_400, 1.0);
    }
    let stations = async |area: &str| {
        let mut found = Vec::new();
        for (place, id) in [(PLACES[0], "A-AIR"), (PLACES[1], "B-RIVER")] {
            let tile = house.get(&format!("/tiles/stations/{}?at=2025-06-20&area={area}", tile_at(14, place))).await;
            assert!(tile.status.is_success(), "{area}: {}", tile.text());
            found.extend(tile.body.windows(id.len()).any(|window| window == id.as_bytes()).then_some(id));
        }
        found
    };
    for (area, expected) in [
        ("001", vec!["A-AIR"]),
        ("002", vec!["B-RIVER"]),
        ("A-2024", vec!["A-AIR"]),
        ("B-2024", vec![]),
        ("12", vec!["A-AIR", "B-RIVER"]),
    ] {
        assert_eq!(stations(area).await, expected, "{area}");
    }
    // Who sees one commune sees no more of the past by choosing another one.
    let house = House::with(Demo::Off, Config::default());
    house.observe(LEVEL, 520 * 86_400, 1.0);
    let ranger = house.token("ranger", Role::Ranger, Some(&["001"]), HOUR);
    let tile = tile_at(14, PLACES[1]);
    let hidden = house.get_as(&ranger, &format!("/tiles/stations/{tile}?at=2025-06-20&area=002")).await;
    assert_eq!(hidden.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_station_of_a_divided_commune_stays_in_its_own_peoples_past() {
    let house = House::with(Demo::Off, Config::default());
    house.apply_what_is_said();
    let administrator = house.token("lan", Role::Administrator, None, HOUR);
    let ranger = house.token("a", Role::Operator, Some(&["001"]), HOUR);
    // In B-2024, which became 001 and 002.
    let new = json!({"id": "E-NEW", "kind": "air", "name": {"vi": "Mới", "en": "New"}, "lon": 103.8, "lat": 22.4,
        "channels": [{"property": "pm2_5", "interval": "60s"}]});
    let made = send(&house, &administrator, Method::POST, "/api/v1/stations", new).await;
    assert!(made.status.is_success(), "{}", made.text());
    let channel = house.parts.state.read().catalogue.station_named("E-NEW").unwrap().channels[0];
    house.observe(channel, 520 * 86_400, 1.0);
    let path = "/api/v1/layers/air?at=2025-06-20";
    let seen = document(&house.get_as(&ranger, path).await, path)["features"].clone();
    let ids: Vec<_> = seen.as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert!(ids.contains(&&json!("E-NEW")), "{ids:?}");
}
