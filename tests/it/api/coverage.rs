//! How much of the forest is watched, over the API. The house has two compartments, T1 in 001 and T2 in 002, each a tenth
//! of a degree wide, and no station that watches until a test makes one.

use std::f64::consts::PI;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use saola::api::{Config, Demo};
use saola::auth::Role;
use saola::model::ChannelId;
use serde_json::{Value, json};

use super::house::{House, NOW, request, with_token};

const HOUR: Duration = Duration::from_secs(3_600);
/// Of tokens: longer than any test lets pass.
const DAY: Duration = Duration::from_secs(86_400);

/// A house with `FS-1` in the middle of T1, heard from every minute, and `FS-2` in the middle of T2, every day.
async fn house() -> (House, String) {
    let house = House::with(Demo::Off, Config::default());
    let token = house.token("lan", Role::Administrator, None, DAY);
    let station = |id: &str, lon: f64, interval: &str, footprint: Value| {
        json!({"id": id, "kind": "forest", "name": id, "lon": lon, "lat": 22.5, "footprint": footprint,
            "channels": [{"property": "smoke", "interval": interval}, {"property": "battery_voltage", "interval": "1m"}]})
    };
    let circle = json!({"shape": "circle", "radius_m": 3000});
    let sector = json!({"shape": "sector", "radius_m": 4000, "bearing": 350, "angle": 90, "approximate": true});
    for body in [station("FS-1", 103.5, "1m", circle), station("FS-2", 104.5, "1d", sector)] {
        let mut asked = with_token(request(Method::POST, "/api/v1/stations"), &token);
        asked.headers_mut().insert("content-type", "application/json".parse().unwrap());
        *asked.body_mut() = body.to_string().into();
        let answer = house.ask(asked).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        assert_eq!(answer.json()["footprint"]["shape"], body["footprint"]["shape"]);
    }
    (house, token)
}

fn channel(house: &House, name: &str) -> ChannelId {
    house.parts.state.read().catalogue.channel_named(name).unwrap().id
}

async fn ask(house: &House, token: &str, path: &str) -> Value {
    let answer = house.get_as(token, path).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
    answer.json()
}

fn near(value: &Value, expected: f64) -> bool {
    (value.as_f64().unwrap() / expected - 1.0).abs() < 1e-4
}

const CIRCLE_HA: f64 = PI * 900.0;
const SECTOR_HA: f64 = PI * 1_600.0 / 4.0;

#[tokio::test]
async fn the_share_follows_who_works() {
    let (house, token) = house().await;
    let before = ask(&house, &token, "/api/v1/coverage").await;
    assert_eq!((&before["watched_ha"], &before["stations"]), (&json!(0.0), &json!({"installed": 2, "working": 0})));
    assert!(near(&before["installed_ha"], CIRCLE_HA + SECTOR_HA), "{before}");
    // A battery is no eye.
    house.observe(channel(&house, "FS-1/battery_voltage"), 1, 3.6);
    assert_eq!(ask(&house, &token, "/api/v1/coverage").await["watched_ha"], 0.0);

    house.observe(channel(&house, "FS-1/smoke"), 30, 0.1);
    house.observe(channel(&house, "FS-2/smoke"), 60, 0.1);
    let now = ask(&house, &token, "/api/v1/coverage").await;
    assert!(near(&now["watched_ha"], CIRCLE_HA + SECTOR_HA) && now["invented"] == true, "{now}");
    assert_eq!((&now["approximate"], &now["stations"]["working"], &now["units"]), (&json!(true), &json!(2), &json!(2)));
    let told: Vec<(&str, &str)> = now["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| (group["by"].as_str().unwrap(), group["id"].as_str().unwrap()))
        .collect();
    let expected = [
        ("commune", "001"),
        ("commune", "002"),
        ("owner", "Ban quản lý"),
        ("forest_type", "production"),
        ("forest_type", "protection"),
    ];
    assert_eq!(told, expected);
    assert!(near(&now["groups"][0]["watched_ha"], CIRCLE_HA) && near(&now["groups"][1]["watched_ha"], SECTOR_HA));
    let forest: f64 =
        now["groups"].as_array().unwrap()[..2].iter().map(|group| group["forest_ha"].as_f64().unwrap()).sum();
    assert!((forest - now["forest_ha"].as_f64().unwrap()).abs() < 0.02);
    assert_eq!(now["targets"][0], json!({"year": 2025, "share": 0.7, "reached": false}));
    // One sort of station in each commune is not enough.
    let services = &now["services"];
    assert_eq!((&services["communes"], &services["served"], &services["kinds_min"]), (&json!(2), &json!(0), &json!(2)));
    assert_eq!(services["of_communes"][0]["kinds"], json!(["forest"]));

    // An hour later the one that speaks every minute is silent; then is asked about, it is not.
    house.parts.clock.set(NOW + HOUR);
    let later = ask(&house, &token, "/api/v1/coverage").await;
    assert!(near(&later["watched_ha"], SECTOR_HA), "{later}");
    let then = ask(&house, &token, "/api/v1/coverage?at=-1h&by=forest_type").await;
    assert!(near(&then["watched_ha"], CIRCLE_HA + SECTOR_HA), "{then}");
    assert_eq!((then["at"].as_str(), then["groups"].as_array().unwrap().len()), (Some("2026-11-21T10:15:00+07:00"), 2));
    let earlier = ask(&house, &token, "/api/v1/coverage?at=2026-11-21T10:00:00").await;
    assert_eq!(earlier["watched_ha"], 0.0);
}

#[tokio::test]
async fn holes_are_what_is_left() {
    let (house, token) = house().await;
    house.observe(channel(&house, "FS-1/smoke"), 30, 0.1);
    let holes = ask(&house, &token, "/api/v1/coverage/holes").await;
    let features = holes["features"].as_array().unwrap();
    assert_eq!((features[0]["id"].as_str(), features[1]["id"].as_str()), (Some("T2"), Some("T1")), "largest first");
    let about = &features[1]["properties"];
    let forest_ha = about["forest_ha"].as_f64().unwrap();
    assert!(near(&about["hole_ha"], forest_ha - CIRCLE_HA), "{about}");
    assert_eq!(features[1]["geometry"]["coordinates"][0].as_array().unwrap().len(), 2, "an outer ring and the circle");
    let one = ask(&house, &token, "/api/v1/coverage/holes?limit=1").await;
    assert_eq!((one["features"].as_array().unwrap().len(), &one["left_out"]["units"]), (1, &json!(1)));
    assert_eq!(one["left_out"]["hole_ha"], about["hole_ha"]);
    let inside = ask(&house, &token, "/api/v1/coverage/holes?area=001").await;
    assert_eq!((inside["features"].as_array().unwrap().len(), &inside["left_out"]["units"]), (1, &json!(0)));
}

#[tokio::test]
async fn footprints_say_which_stations_work() {
    let (house, token) = house().await;
    house.observe(channel(&house, "FS-1/smoke"), 30, 0.1);
    let told = async |token: &str, at: &str| {
        let found = ask(&house, token, &format!("/api/v1/coverage/footprints{at}")).await;
        let features = found["features"].as_array().unwrap().iter();
        let of =
            |feature: &Value| (feature["id"].as_str().unwrap().to_owned(), feature["properties"]["working"] == true);
        (features.map(of).collect::<Vec<_>>(), found)
    };
    let of = |id: &str, works: bool| (id.to_owned(), works);
    let (seen, all) = told(&token, "").await;
    assert_eq!(seen, [of("FS-1", true), of("FS-2", false)]);
    assert_eq!((&all["approximate"], &all["left_out"]), (&json!(true), &json!(0)));
    let circle = &all["features"][0];
    assert_eq!((&circle["properties"]["area"], &circle["properties"]["approximate"]), (&json!("001"), &json!(false)));
    // Three kilometres are 0.0292 degrees of longitude there.
    let ring = circle["geometry"]["coordinates"][0][0].as_array().unwrap();
    let east = ring.iter().map(|at| at[0].as_f64().unwrap()).fold(f64::MIN, f64::max);
    assert!((east - 103.5 - 0.0292).abs() < 0.0002, "{east}");
    // An hour later it is silent; then is asked about, it is not.
    house.parts.clock.set(NOW + HOUR);
    assert_eq!(told(&token, "").await.0, [of("FS-1", false), of("FS-2", false)]);
    assert_eq!(told(&token, "?at=-1h").await.0, [of("FS-1", true), of("FS-2", false)]);
    let ranger = house.token("ranger", Role::Ranger, Some(&["002"]), DAY);
    let (own, all) = told(&ranger, "").await;
    assert!(own == [of("FS-2", false)] && !all.to_string().contains("FS-1"), "{all}");
}

#[tokio::test]
async fn months_count_whoever_was_complete_enough() {
    let (house, token) = house().await;
    let (daily, day_s) = (channel(&house, "FS-2/smoke"), 86_400);
    // Every day of September, every third of October.
    for ago in 0..60 {
        let (days, is_october) = (21 + ago, ago < 31);
        if !is_october || ago % 3 == 0 {
            house.observe(daily, days * day_s, 0.1);
        }
    }
    let asked = "/api/v1/coverage/history?from=2026-09-01&to=2026-11-01&every=1mo";
    let history = ask(&house, &token, asked).await;
    let periods = history["periods"].as_array().unwrap();
    assert_eq!(periods.len(), 2, "{history}");
    let told: Vec<_> =
        periods.iter().map(|period| (&period["stations"], &period["partial"], &period["target"])).collect();
    assert_eq!(told[0], (&json!(1), &json!(false), &json!(0.7)));
    assert_eq!(told[1], (&json!(0), &json!(false), &json!(0.7)));
    assert!(near(&periods[0]["watched_ha"], SECTOR_HA) && periods[1]["watched_ha"] == 0.0, "{history}");
    let year = ask(&house, &token, "/api/v1/coverage/history?from=2026-01-01&every=1y").await;
    assert_eq!(
        (&year["periods"][0]["partial"], &year["every"], &year["invented"]),
        (&json!(true), &json!("1y"), &json!(true))
    );
}

#[tokio::test]
async fn of_years_before_anybody_watched_nothing_is_known_which_is_not_zero() {
    let asked = "/api/v1/coverage/history?from=2024-01-01&every=1y";
    let told = async |house: &House, token: &str| {
        let history = ask(house, token, asked).await;
        let periods = history["periods"].as_array().unwrap().iter();
        assert!(periods.clone().all(|period| period["forest_ha"].as_f64().unwrap() > 0.0), "{history}");
        let of = |period: &Value| json!(["stations", "watched_ha", "share", "unknown"].map(|name| &period[name]));
        periods.map(of).collect::<Vec<_>>()
    };
    let nothing = || json!([null, null, null, "not_begun"]);
    let zero = || json!([0, 0.0, 0.0, null]);
    let empty = House::with(Demo::Off, Config::default());
    let token = empty.token("lan", Role::Administrator, None, DAY);
    assert_eq!(told(&empty, &token).await, [nothing(), nothing(), nothing()], "there is no station that watches");

    let (house, token) = house().await;
    house.parts.clock.set(NOW + HOUR);
    assert_eq!(told(&house, &token).await, [nothing(), nothing(), zero()], "there since this year, and silent");
    // Whoever handed in anything was there, long before somebody entered it.
    house.observe(channel(&house, "FS-2/smoke"), 520 * 86_400, 0.1);
    assert_eq!(told(&house, &token).await, [nothing(), zero(), zero()]);
    // And when all are gone again, that nobody watches is known.
    for station in ["FS-1", "FS-2"] {
        let path = format!("/api/v1/stations/{station}");
        assert!(house.ask(with_token(request(Method::DELETE, &path), &token)).await.status.is_success());
    }
    house.parts.clock.set(NOW + HOUR * 2);
    assert_eq!(told(&house, &token).await, [nothing(), zero(), zero()]);
}

#[tokio::test]
async fn callers_are_told_of_their_own_forest_alone() {
    let (house, _) = house().await;
    house.observe(channel(&house, "FS-1/smoke"), 30, 0.1);
    let token = house.token("ranger", Role::Ranger, Some(&["002"]), DAY);
    let seen = ask(&house, &token, "/api/v1/coverage").await;
    assert_eq!((&seen["units"], &seen["watched_ha"]), (&json!(1), &json!(0.0)));
    assert_eq!(seen["stations"], json!({"installed": 1, "working": 0}));
    assert!(!seen.to_string().contains("001") && seen["services"]["communes"] == 1, "{seen}");
    let holes = ask(&house, &token, "/api/v1/coverage/holes").await;
    assert_eq!((holes["features"].as_array().unwrap().len(), &holes["features"][0]["id"]), (1, &json!("T2")));
    let planner = house.token("planner", Role::Planner, Some(&["002"]), DAY);
    let history = ask(&house, &planner, "/api/v1/coverage/history?every=1y").await;
    let forest = history["periods"].as_array().unwrap().last().unwrap()["forest_ha"].as_f64().unwrap();
    assert!((forest - seen["forest_ha"].as_f64().unwrap()).abs() < 0.01);
    let (hidden, missing) = (
        house.get_as(&token, "/api/v1/coverage/holes?area=001").await,
        house.get_as(&token, "/api/v1/coverage/holes?area=009").await,
    );
    assert_eq!((hidden.status, missing.status), (StatusCode::BAD_REQUEST, StatusCode::BAD_REQUEST));
}

/// FS-1 stands on the border in effect: its circle reaches over into the other commune's forest when it is wide enough.
#[tokio::test]
async fn holes_do_not_show_where_stations_out_of_sight_stand() {
    let (house, token) = house().await;
    let mut asked = with_token(request(Method::POST, "/api/v1/stations"), &token);
    asked.headers_mut().insert("content-type", "application/json".parse().unwrap());
    // Of 001 by its declaration, inside the forest of 002.
    *asked.body_mut() =
        json!({"id": "FS-3", "kind": "forest", "name": "FS-3", "lon": 104.5, "lat": 22.5, "area": "001",
        "footprint": {"shape": "circle", "radius_m": 2000, "approximate": true},
        "channels": [{"property": "smoke", "interval": "1m"}]})
        .to_string()
        .into();
    assert_eq!(house.ask(asked).await.status, StatusCode::CREATED);
    house.observe(channel(&house, "FS-3/smoke"), 30, 0.1);
    let rings = |holes: &Value| {
        let features = holes["features"].as_array().unwrap().iter();
        let of = features.filter(|feature| feature["id"] == "T2");
        of.map(|feature| feature["geometry"]["coordinates"][0].as_array().unwrap().len()).next().unwrap()
    };
    let all = ask(&house, &token, "/api/v1/coverage/holes").await;
    assert_eq!((rings(&all), &all["approximate"]), (2, &json!(true)));
    let ranger = house.token("ranger", Role::Ranger, Some(&["002"]), DAY);
    let own = ask(&house, &ranger, "/api/v1/coverage/holes").await;
    assert_eq!((rings(&own), &own["approximate"]), (1, &json!(false)), "no circle that tells of FS-3");
    let seen = ask(&house, &ranger, "/api/v1/coverage").await;
    assert!(near(&seen["watched_ha"], PI * 400.0), "it watches all the same: {seen}");
    assert_eq!((&seen["stations"]["working"], &seen["approximate"]), (&json!(0), &json!(false)));
}

#[tokio::test]
async fn installed_at_a_past_moment_is_what_was_in_service_then() {
    let (house, token) = house().await;
    let send = async |method: Method, path: &str| {
        let answer = house.ask(with_token(request(method, path), &token)).await;
        assert!(answer.status.is_success(), "{}", answer.text());
    };
    house.parts.clock.set(NOW + HOUR * 2);
    send(Method::DELETE, "/api/v1/stations/FS-1").await;
    house.parts.clock.set(NOW + HOUR * 4);
    let installed = async |at: &str| {
        let told = ask(&house, &token, &format!("/api/v1/coverage?by=owner{at}")).await;
        (told["stations"]["installed"].as_u64().unwrap(), told["stations"]["working"].as_u64().unwrap())
    };
    assert_eq!(installed("").await, (1, 0));
    assert_eq!(installed("&at=-1h").await, (1, 0), "retired an hour before that");
    assert_eq!(installed("&at=-3h").await, (2, 0));
    assert_eq!(installed("&at=-5h").await, (0, 0), "not built yet");
    // What worked was there, whenever it was entered.
    house.observe(channel(&house, "FS-1/smoke"), 5 * 3_600 + 30, 0.1);
    assert_eq!(installed("&at=-5h").await, (1, 1));
}

#[tokio::test]
async fn a_slip_in_a_footprint_leaves_nothing_in_the_past() {
    let (house, token) = house().await;
    house.observe(channel(&house, "FS-1/smoke"), 30, 0.1);
    let patch = async |radius_m: f64| {
        let mut asked = with_token(request(Method::PATCH, "/api/v1/stations/FS-1"), &token);
        asked.headers_mut().insert("content-type", "application/json".parse().unwrap());
        *asked.body_mut() = json!({"footprint": {"radius_m": radius_m}}).to_string().into();
        assert_eq!(house.ask(asked).await.status, StatusCode::OK);
    };
    for radius_m in [30_000.0, 4_000.0] {
        house.parts.clock.set(house.parts.clock.now() + Duration::from_secs(60));
        patch(radius_m).await;
    }
    house.parts.clock.set(NOW + HOUR);
    let then = ask(&house, &token, "/api/v1/coverage?at=2026-11-21T10:15:00").await;
    assert!(near(&then["watched_ha"], PI * 1_600.0), "{then}");
}

#[tokio::test]
async fn what_is_asked_for_twice_is_told_once() {
    let (house, token) = house().await;
    let groups = async |by: &str| {
        let told = ask(&house, &token, &format!("/api/v1/coverage?by={by}")).await;
        told["groups"]
            .as_array()
            .unwrap()
            .iter()
            .map(|group| group["by"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(groups("owner,commune,owner").await, ["owner", "commune", "commune"]);
}

#[tokio::test]
async fn what_cannot_be_answered_says_why() {
    let (house, token) = house().await;
    let check = async |path: &str, says: &str| {
        let answer = house.get_as(&token, &format!("/api/v1/coverage{path}")).await;
        assert!(answer.status.is_client_error(), "{path}: {}", answer.status);
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(says), "{path}: {detail}");
    };
    check("?at=2030-01-01", "lies in the future").await;
    check("?at=noon", "is not a time").await;
    check("?by=tree", "is not one of commune, owner, forest_type").await;
    check("?area=001", "is not a parameter here").await;
    check("/holes?limit=0", "is not a whole number from 1 to 2000").await;
    check("/holes?area=T1", "there is no area").await;
    check("/history?every=1d", "is not a length such as 1mo").await;
    check("/history?from=2030-01-01", "must be before").await;
    check("/history?from=1900-01-01", "periods, 240 at most").await;
}

#[tokio::test]
async fn a_footprint_is_changed_and_refused_like_any_other_field() {
    let (house, token) = house().await;
    let patch = async |body: Value| {
        let mut asked = with_token(request(Method::PATCH, "/api/v1/stations/FS-1"), &token);
        asked.headers_mut().insert("content-type", "application/json".parse().unwrap());
        *asked.body_mut() = body.to_string().into();
        house.ask(asked).await
    };
    let wrong = patch(json!({"footprint": {"radius_m": -1}})).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", wrong.text());
    assert!(wrong.text().contains("footprint.radius_m"), "{}", wrong.text());
    let wider = patch(json!({"footprint": {"radius_m": 4000}})).await;
    assert_eq!(wider.json()["footprint"], json!({"shape": "circle", "radius_m": 4000.0, "approximate": false}));
    let now = ask(&house, &token, "/api/v1/coverage").await;
    assert!(near(&now["installed_ha"], PI * 1_600.0 + SECTOR_HA), "{now}");
    let none = patch(json!({"footprint": null})).await;
    assert_eq!((none.status, none.json().get("footprint")), (StatusCode::OK, None));
    assert_eq!(ask(&house, &token, "/api/v1/coverage").await["stations"]["installed"], 1);
    let changes = ask(&house, &token, "/api/v1/stations/FS-1/changes").await;
    assert!(changes.to_string().contains("\"footprint\""), "{changes}");
}
