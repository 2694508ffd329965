//! Stations made, changed, moved, retired and brought back over HTTP, each change with its author.

use axum::http::{Method, Request, StatusCode};
use saola::api::{Config, Demo};
use saola::auth::Role;
use saola::model::{Body, Message, Rejection, SourceId, Unit, UnknownName};
use serde_json::{Value, json};

use super::house::{Answer, House, NOW, request, with_json, with_token};

const HOUR: std::time::Duration = std::time::Duration::from_secs(3_600);

/// A closed house and the token of an administrator.
fn house() -> (House, String) {
    let house = House::with(Demo::Off, Config::default());
    let token = house.token("lan", Role::Administrator, None, HOUR);
    (house, token)
}

fn asked(method: Method, path: &str, token: &str, body: Option<&Value>) -> Request<axum::body::Body> {
    let asked = with_token(request(method, path), token);
    body.iter().fold(asked, |asked, body| with_json(asked, body))
}

async fn ask(house: &House, token: &str, method: Method, path: &str, body: Value) -> Answer {
    let body = Some(body).filter(|body| !body.is_null());
    house.ask(asked(method, path, token, body.as_ref())).await
}

/// The answer, which must have this status.
async fn must(house: &House, token: &str, method: Method, path: &str, body: Value, status: StatusCode) -> Value {
    let answer = ask(house, token, method.clone(), path, body).await;
    assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
    answer.json()
}

fn station(id: &str) -> Value {
    json!({"id": id, "kind": "air", "name": {"vi": "Đồn biên phòng", "en": "Border post"}, "lon": 103.4, "lat": 22.4,
        "channels": [{"property": "pm2_5"}, {"property": "pm10", "interval": "10m", "max": 500}]})
}

const ONE: &str = "/api/v1/stations/%C4%90%E1%BB%93n-7";

#[tokio::test]
async fn a_station_is_made_changed_and_retired_and_every_change_has_its_author() {
    let (house, token) = house();
    let made = ask(&house, &token, Method::POST, "/api/v1/stations", station("Đồn-7")).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    assert_eq!((made.header("etag"), made.header("location")), ("\"1\"", ONE));
    let definition = made.json();
    assert_eq!((definition["area"].as_str(), definition["declared_by"].as_str()), (Some("001"), Some("api")));
    assert_eq!(definition["channels"][0]["unit"], "ug/m3", "from the table of properties");
    assert_eq!(definition["channels"][1]["interval"], "10m");

    let shown = house.get_as(&token, ONE).await;
    assert_eq!((shown.header("etag"), shown.json()["properties"]["kind"].as_str()), ("W/\"1\"", Some("air")));

    let changed = must(&house, &token, Method::PATCH, ONE, json!({"name": {"en": "Post 7"}}), StatusCode::OK).await;
    assert_eq!((changed["name"]["en"].as_str(), changed["revision"].as_i64()), (Some("Post 7"), Some(2)));
    let same = must(&house, &token, Method::PATCH, ONE, json!({"name": {"en": "Post 7"}}), StatusCode::OK).await;
    assert_eq!(same["revision"], 2, "nothing differs, so nothing changed");
    let channel = format!("{ONE}/channels/pm10");
    let put = must(&house, &token, Method::PUT, &channel, json!({"max": 900}), StatusCode::OK).await;
    assert_eq!(put["channels"][1]["max"], 900.0);
    let gone = must(&house, &token, Method::DELETE, &channel, Value::Null, StatusCode::OK).await;
    assert_eq!(gone["channels"][1]["retired"], true);
    must(&house, &token, Method::DELETE, &channel, Value::Null, StatusCode::NOT_FOUND).await;
    let last = format!("{ONE}/channels/pm2_5");
    must(&house, &token, Method::DELETE, &last, Value::Null, StatusCode::UNPROCESSABLE_ENTITY).await;
    must(&house, &token, Method::DELETE, ONE, Value::Null, StatusCode::OK).await;
    let listed = house.get_as(&token, "/api/v1/stations").await.json();
    assert!(!listed.to_string().contains("Post 7"), "a retired station is on no list");
    assert_eq!(house.get_as(&token, ONE).await.json()["properties"]["retired"], true);

    let changes = house.get_as(&token, &format!("{ONE}/changes")).await.json();
    let told: Vec<_> =
        changes["changes"].as_array().unwrap().iter().map(|c| (c["act"].clone(), c["author"].clone())).collect();
    let expected = ["retired", "changed", "changed", "changed", "created"].map(|act| (json!(act), json!("lan")));
    assert_eq!(told, expected);
    let max = &changes["changes"][2]["fields"];
    assert_eq!(max[1], json!({"field": "channels.pm10.max", "before": 500.0, "after": 900.0}), "{max}");
    let page = house.get_as(&token, &format!("{ONE}/changes?limit=2")).await.json();
    let rest = house.get_as(&token, &format!("{ONE}/changes?limit=9&next={}", page["next"].as_str().unwrap())).await;
    assert_eq!(rest.json()["changes"].as_array().unwrap().len(), 3);
    let audited = house.parts.accounts.audit().records(0, 1_000).unwrap();
    assert_eq!(audited.iter().filter(|record| record.act == "registry_changed" && record.actor == "lan").count(), 5);
}

#[tokio::test]
async fn replaying_the_entries_gives_the_same_state() {
    let (house, token) = house();
    must(&house, &token, Method::POST, "/api/v1/stations", station("Đồn-7"), StatusCode::CREATED).await;
    let moved = json!({"lon": 104.5, "lat": 22.5, "valid_from": "2026-11-01T00:00:00+07:00"});
    must(&house, &token, Method::PUT, &format!("{ONE}/position"), moved, StatusCode::OK).await;
    must(&house, &token, Method::DELETE, ONE, Value::Null, StatusCode::OK).await;
    let state = house.parts.state.read();
    assert_eq!(*state.catalogue, house.parts.registry.catalogue().unwrap());
    let restored = saola::state::State::restore(&state.snapshot().unwrap()).unwrap();
    assert_eq!(restored, *state);
    let mut replayed = saola::state::State::new(saola::alerts::Retention::default());
    let entries = house.entries();
    assert!(entries.len() >= 4, "{}", entries.len());
    entries.iter().for_each(|entry| replayed.apply(entry, &mut saola::state::Effects::default()));
    assert_eq!(replayed, *state);
}

#[tokio::test]
async fn an_unknown_property_is_proposed_in_the_tables_unit_whatever_the_sender_measures_in() {
    let (house, token) = house();
    house.enter(Body::Message(Message {
        source: SourceId(0),
        received: 1,
        duplicates: 0,
        samples: Vec::new(),
        rejections: vec![Rejection::unknown_station("Đồn-7")],
        raw: None,
        unknown: vec![UnknownName::new("Đồn-7", "air_temperature", Some(Unit::Fahrenheit))],
        again: None,
    }));
    let path = "/api/v1/unknown-devices/edge/%C4%90%E1%BB%93n-7";
    let device = house.get_as(&token, path).await.json();
    assert_eq!(device["properties"][0]["unit"], "[degF]");
    assert_eq!(device["proposal"], json!([{"property": "air_temperature", "unit": "Cel"}]));
}

#[tokio::test]
async fn a_change_to_another_revision_than_the_present_one_is_refused() {
    let (house, token) = house();
    must(&house, &token, Method::POST, "/api/v1/stations", station("Đồn-7"), StatusCode::CREATED).await;
    for (header, value, expected) in [
        ("if-match", "\"2\"", StatusCode::PRECONDITION_FAILED),
        ("if-match", "W/\"1\"", StatusCode::OK),
        ("if-match", "\"1\"", StatusCode::PRECONDITION_FAILED),
        ("if-match", "\"7\", \"2\"", StatusCode::OK),
        ("if-match", "*", StatusCode::OK),
        ("if-match", "nonsense", StatusCode::PRECONDITION_FAILED),
        ("if-none-match", "*", StatusCode::PRECONDITION_FAILED),
    ] {
        let mut changed = station("Đồn-7");
        changed["name"]["en"] = json!(format!("{header} {value}").replace('"', ""));
        let mut asked = asked(Method::PUT, ONE, &token, Some(&changed));
        asked.headers_mut().insert(header, value.parse().unwrap());
        let answer = house.ask(asked).await;
        assert_eq!(answer.status, expected, "{header}: {value}: {}", answer.text());
        if !expected.is_success() {
            assert_eq!(answer.json()["code"], "changed_since");
        }
    }
    let again = ask(&house, &token, Method::POST, "/api/v1/stations", station("Đồn-7")).await;
    assert_eq!((again.status, again.json()["code"].as_str()), (StatusCode::CONFLICT, Some("already_exists")));
}

#[tokio::test]
async fn concurrent_changes_lose_nothing() {
    let (house, token) = house();
    must(&house, &token, Method::POST, "/api/v1/stations", station("Đồn-7"), StatusCode::CREATED).await;
    let tries = (0..20).map(|number| {
        let mut asked = asked(Method::PATCH, ONE, &token, Some(&json!({"name": {"en": format!("Post {number}")}})));
        asked.headers_mut().insert("if-match", "\"1\"".parse().unwrap());
        house.ask(asked)
    });
    let answers = futures_util::future::join_all(tries).await;
    let made = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
    let refused = answers.iter().filter(|answer| answer.status == StatusCode::PRECONDITION_FAILED).count();
    assert_eq!((made, refused), (1, 19));
}

#[tokio::test]
async fn wrong_fields_are_named_all_at_once_and_nothing_changes() {
    let (house, token) = house();
    let mut wrong = station("../etc");
    wrong["lat"] = json!(122.4);
    wrong["area"] = json!("999");
    wrong["channels"][1]["min"] = json!(900);
    wrong["channels"][0]["property"] = json!("time");
    wrong["channels"][0]["unit"] = json!("m");
    for (name, value) in [("interval", json!("1m")), ("min", json!(0)), ("max", json!(1))] {
        wrong["channels"][0][name] = value;
    }
    let answer = ask(&house, &token, Method::POST, "/api/v1/stations", wrong).await;
    assert_eq!(
        (answer.status, answer.json()["code"].as_str()),
        (StatusCode::UNPROCESSABLE_ENTITY, Some("invalid_definition"))
    );
    let fields: Vec<String> =
        answer.json()["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap().to_owned()).collect();
    assert_eq!(fields, ["id", "lat", "area", "channels.time.property", "channels.pm10.min"]);
    assert_eq!(answer.json()["parameter"], "id");

    must(&house, &token, Method::POST, "/api/v1/stations", station("Đồn-7"), StatusCode::CREATED).await;
    let unit = json!({"unit": "mg/m3", "interval": 60, "min": 0, "max": 1});
    let refused =
        must(&house, &token, Method::PUT, &format!("{ONE}/channels/pm10"), unit, StatusCode::UNPROCESSABLE_ENTITY)
            .await;
    assert!(refused["errors"][0]["message"].as_str().unwrap().contains("stays ug/m3"), "{refused}");
    let renamed = must(&house, &token, Method::PUT, ONE, station("other"), StatusCode::UNPROCESSABLE_ENTITY).await;
    assert_eq!(renamed["errors"][0]["field"], "id");
    assert_eq!(house.get_as(&token, ONE).await.header("etag"), "W/\"1\"");
}

#[tokio::test]
async fn stations_of_the_files_are_the_files() {
    let (house, token) = house();
    let path = "/api/v1/stations/A-AIR";
    let definition = house.get_as(&token, &format!("{path}/definition")).await.json();
    assert_eq!(definition["declared_by"], "files");
    for (method, path, body) in [
        (Method::PUT, path.to_owned(), definition.clone()),
        (Method::PATCH, path.to_owned(), json!({"maintenance": true})),
        (Method::DELETE, path.to_owned(), Value::Null),
        (Method::PUT, format!("{path}/position"), json!({"lon": 103.1, "lat": 22.1})),
    ] {
        let refused = must(&house, &token, method, &path, body, StatusCode::CONFLICT).await;
        assert_eq!(refused["code"], "declared_in_files");
    }
    // What the files gave up can be brought back by hand, and is ours then.
    let old = house.get_as(&token, "/api/v1/stations/D-OLD/definition").await.json();
    assert_eq!((old["retired"].as_bool(), old["declared_by"].as_str()), (Some(true), Some("files")));
    let mut back = old.clone();
    back["channels"] = json!([{"property": "rainfall", "unit": "mm", "interval": "5m", "min": 0, "max": 100}]);
    let back = must(&house, &token, Method::PUT, "/api/v1/stations/D-OLD", back, StatusCode::OK).await;
    assert_eq!((back["retired"].as_bool(), back["declared_by"].as_str()), (Some(false), Some("api")));
    let changes = house.get_as(&token, "/api/v1/stations/D-OLD/changes").await.json();
    let told: Vec<&str> = changes["changes"].as_array().unwrap().iter().map(|c| c["act"].as_str().unwrap()).collect();
    assert_eq!(told, ["restored", "retired", "created"]);
    assert_eq!(changes["changes"][1]["author"], "files");
}

#[tokio::test]
async fn a_moved_station_keeps_its_former_places() {
    let (house, token) = house();
    must(&house, &token, Method::POST, "/api/v1/stations", station("Đồn-7"), StatusCode::CREATED).await;
    let place = format!("{ONE}/position");
    let moved = json!({"lon": 104.5, "lat": 22.5, "valid_from": "2026-11-01T00:00:00+07:00"});
    let list = must(&house, &token, Method::PUT, &place, moved, StatusCode::OK).await;
    assert_eq!(list["positions"][0]["valid_to"], "2026-11-01T00:00:00+07:00");
    assert_eq!(
        (list["positions"][1]["area"].as_str(), list["positions"][0]["area"].as_str()),
        (Some("002"), Some("001"))
    );
    for (at, lon) in [("2026-10-31T23:59:59+07:00", 103.4), ("2026-11-01T00:00:00+07:00", 104.5), ("now", 104.5)] {
        let at = at.replace('+', "%2B");
        let then = house.get_as(&token, &format!("{ONE}/positions?at={at}")).await.json();
        assert_eq!(then["positions"].as_array().unwrap().len(), 1);
        assert_eq!(then["positions"][0]["lon"], lon, "{at}");
    }
    // Lists and layers have the present place.
    assert_eq!(house.get_as(&token, ONE).await.json()["geometry"]["coordinates"], json!([104.5, 22.5]));
    let layer = house.get_as(&token, "/api/v1/layers/air?bbox=104,22,105,23").await.json();
    assert_eq!(layer["features"][0]["id"], "Đồn-7");
    // Another position in the definition is a move as of now.
    let patched = must(&house, &token, Method::PATCH, ONE, json!({"lon": 103.9}), StatusCode::OK).await;
    assert_eq!(patched["area"], "001", "found from the new position");
    let list = house.get_as(&token, &format!("{ONE}/positions")).await.json();
    assert_eq!(list["positions"].as_array().unwrap().len(), 3);
    assert_eq!(list["positions"][2]["valid_from"], "2026-11-21T10:15:00+07:00");
    // The state knows where it stood.
    let catalogue = house.parts.state.read().catalogue.clone();
    let station = catalogue.station_named("Đồn-7").unwrap();
    let (position, area) = catalogue.place_at(station, NOW - 30 * 24 * HOUR);
    assert_eq!((position.lon, area.map(|area| area.as_str())), (103.4, Some("001")));
    let future = json!({"lon": 104.5, "lat": 22.5, "valid_from": "2026-12-01T00:00:00+07:00"});
    let refused = must(&house, &token, Method::PUT, &place, future, StatusCode::UNPROCESSABLE_ENTITY).await;
    assert_eq!(refused["errors"][0]["field"], "valid_from");
}

#[tokio::test]
async fn changes_are_taken_back_one_after_the_other() {
    let (house, token) = house();
    must(&house, &token, Method::POST, "/api/v1/stations", station("Đồn-7"), StatusCode::CREATED).await;
    let moved = json!({"lon": 104.5, "lat": 22.5, "valid_from": "2026-11-01T00:00:00+07:00"});
    must(&house, &token, Method::PUT, &format!("{ONE}/position"), moved, StatusCode::OK).await;
    let added = json!({"unit": "ug/m3", "interval": 60, "min": 0, "max": 1});
    must(&house, &token, Method::PUT, &format!("{ONE}/channels/no2"), added, StatusCode::OK).await;
    let changes = house.get_as(&token, &format!("{ONE}/changes")).await.json();
    let ids: Vec<i64> = changes["changes"].as_array().unwrap().iter().map(|c| c["id"].as_i64().unwrap()).collect();
    let undo = |id: i64| format!("{ONE}/changes/{id}/undo");
    let early = must(&house, &token, Method::POST, &undo(ids[1]), Value::Null, StatusCode::CONFLICT).await;
    assert_eq!(early["code"], "conflict");
    let without = must(&house, &token, Method::POST, &undo(ids[0]), Value::Null, StatusCode::OK).await;
    assert_eq!(without["channels"][2]["retired"], true);
    must(&house, &token, Method::POST, &undo(999), Value::Null, StatusCode::NOT_FOUND).await;
    let mut answer = ask(&house, &token, Method::POST, &undo(ids[1]), Value::Null).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.json()["lon"], 103.4);
    let list = house.get_as(&token, &format!("{ONE}/positions")).await.json();
    assert_eq!(list["positions"].as_array().unwrap().len(), 1);
    answer = ask(&house, &token, Method::POST, &undo(ids[2]), Value::Null).await;
    assert_eq!((answer.status, answer.json()["retired"].as_bool()), (StatusCode::OK, Some(true)));
}

#[tokio::test]
async fn an_administrator_of_an_area_changes_stations_there_and_no_others() {
    let (house, token) = house();
    let scoped = house.token("hoa", Role::Administrator, Some(&["001"]), HOUR);
    must(&house, &scoped, Method::POST, "/api/v1/stations", station("inside"), StatusCode::CREATED).await;
    let mut outside = station("outside");
    outside["lon"] = json!(104.5);
    let refused =
        must(&house, &scoped, Method::POST, "/api/v1/stations", outside.clone(), StatusCode::UNPROCESSABLE_ENTITY)
            .await;
    assert_eq!(refused["errors"][0]["field"], "area");
    must(&house, &token, Method::POST, "/api/v1/stations", outside, StatusCode::CREATED).await;
    for path in ["/api/v1/stations/outside", "/api/v1/stations/nowhere"] {
        must(&house, &scoped, Method::PATCH, path, json!({"maintenance": true}), StatusCode::NOT_FOUND).await;
        must(&house, &scoped, Method::DELETE, path, Value::Null, StatusCode::NOT_FOUND).await;
        for part in ["definition", "positions", "changes"] {
            assert_eq!(house.get_as(&scoped, &format!("{path}/{part}")).await.status, StatusCode::NOT_FOUND);
        }
    }
    let away = json!({"lon": 104.5, "lat": 22.5});
    must(&house, &scoped, Method::PUT, "/api/v1/stations/inside/position", away, StatusCode::UNPROCESSABLE_ENTITY)
        .await;
    // When it stood elsewhere is the other area's history: neither cut, corrected nor taken back from here.
    must(&house, &token, Method::POST, "/api/v1/stations", station("guest"), StatusCode::CREATED).await;
    let place = "/api/v1/stations/guest/position";
    for (lon, from) in [(104.5, "2026-11-01T00:00:00+07:00"), (103.4, "2026-11-10T00:00:00+07:00")] {
        let moved = json!({"lon": lon, "lat": 22.4, "valid_from": from});
        must(&house, &token, Method::PUT, place, moved, StatusCode::OK).await;
    }
    for from in ["2026-11-01T00:00:00+07:00", "2026-11-05T00:00:00+07:00"] {
        let moved = json!({"lon": 103.5, "lat": 22.4, "valid_from": from});
        let refused = must(&house, &scoped, Method::PUT, place, moved, StatusCode::UNPROCESSABLE_ENTITY).await;
        assert_eq!(refused["errors"][0]["field"], "valid_from", "{from}");
    }
    let changes = house.get_as(&scoped, "/api/v1/stations/guest/changes").await.json();
    let undo = format!("/api/v1/stations/guest/changes/{}/undo", changes["changes"][0]["id"]);
    must(&house, &scoped, Method::POST, &undo, Value::Null, StatusCode::UNPROCESSABLE_ENTITY).await;
    let within = json!({"lon": 103.5, "lat": 22.4, "valid_from": "2026-11-15T00:00:00+07:00"});
    must(&house, &scoped, Method::PUT, place, within, StatusCode::OK).await;
    // A name that is taken elsewhere is not told apart from one that cannot be used.
    let taken = ask(&house, &scoped, Method::POST, "/api/v1/stations", station("outside")).await;
    assert_eq!(taken.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn history_of_areas_counts_a_moved_station_where_it_stood() {
    let (house, token) = house();
    must(&house, &token, Method::POST, "/api/v1/stations", station("Đồn-7"), StatusCode::CREATED).await;
    let channel = house.parts.state.read().catalogue.channel_named("Đồn-7/pm2_5").unwrap().id;
    for days in 1..=6 {
        house.observe(channel, days * 86_400, 10.0 * days as f64);
    }
    // Observed on the 15th to the 20th; it has stood in 002 since the 18th.
    let moved = json!({"lon": 104.5, "lat": 22.5, "valid_from": "2026-11-18T00:00:00+07:00"});
    must(&house, &token, Method::PUT, &format!("{ONE}/position"), moved, StatusCode::OK).await;
    let asked = "/api/v1/history/areas?property=pm2_5&every=1d&from=2026-11-15&to=2026-11-21";
    let areas = house.get_as(&token, asked).await.json();
    let days = |place: usize| -> Vec<(Value, Value)> {
        let buckets = areas["areas"][place]["buckets"].as_array().unwrap();
        buckets.iter().map(|bucket| (bucket["value"].clone(), bucket["count"].clone())).collect()
    };
    assert_eq!((&areas["areas"][0]["area"], &areas["areas"][1]["area"]), (&json!("001"), &json!("002")));
    let (none, some) = ((Value::Null, json!(0)), |value: u64| (json!(value), json!(1)));
    assert_eq!(days(0), [some(60), some(50), some(40), none.clone(), none.clone(), none.clone()]);
    assert_eq!(days(1), [none.clone(), none.clone(), none, some(30), some(20), some(10)]);
    let province = house.get_as(&token, &format!("{asked}&level=province")).await.json();
    assert_eq!(
        province["areas"][0]["buckets"].as_array().unwrap().iter().map(|b| b["count"].as_u64().unwrap()).sum::<u64>(),
        6
    );
}
