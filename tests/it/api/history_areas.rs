//! Buckets of areas over the API.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use proptest::prelude::*;
use saola::api::{Config, Demo};
use saola::auth::Role;
use saola::model::{Quality, Timestamp};
use serde_json::{Value, json};

use super::house::{House, LEVEL, NOW, OLD, PM, RAIN, request, with_token};

/// The catalogue has two stations with rainfall: C-RAIN, outside every commune, and D-OLD (retired) in 001.
fn with_rain() -> House {
    let house = House::demo();
    fill(&house);
    house
}

fn fill(house: &House) {
    for ago_s in [60, 120, 180] {
        house.observe(OLD, ago_s, 2.0);
        house.observe(RAIN, ago_s, 100.0);
    }
    house.observe_as(OLD, 240, 50.0, Quality::FAULT);
    house.observe(PM, 60, 12.0);
    house.observe(LEVEL, 60, 3.0);
}

async fn buckets(house: &House, query: &str) -> Value {
    let answer = house.get(&format!("/api/v1/history/areas?every=1d&from=2026-11-20&{query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.text());
    answer.json()
}

#[tokio::test]
async fn an_area_is_its_stations() {
    let house = with_rain();
    let communes = buckets(&house, "property=rainfall&fn=sum,mean,max").await;
    assert_eq!((&communes["level"], &communes["property"]), (&json!("commune"), &json!("rainfall")));
    let areas = communes["areas"].as_array().unwrap();
    assert_eq!(areas.len(), 1, "002 has no rain gauge, and C-RAIN stands in no commune");
    assert_eq!(
        (&areas[0]["area"], &areas[0]["name"]["vi"], &areas[0]["unit"]),
        (&json!("001"), &json!("Xã 001"), &json!("mm"))
    );
    let today = &areas[0]["buckets"][1];
    let shown =
        ["sum", "mean", "max", "count", "stations", "stations_expected", "left_out"].map(|name| today[name].clone());
    assert_eq!(shown, [json!(6), json!(2), json!(2), json!(3), json!(1), json!(1), json!(1)]);
    assert_eq!(today["worst_quality"], "fault");
    let yesterday = &areas[0]["buckets"][0];
    // The retired station is expected nothing of.
    let shown = ["sum", "count", "expected", "completeness", "stations", "stations_expected"]
        .map(|name| yesterday[name].clone());
    assert_eq!(shown, [Value::Null, json!(0), json!(0), Value::Null, json!(0), json!(0)]);
    let province = buckets(&house, "property=rainfall&level=province").await;
    assert_eq!(
        (&province["areas"][0]["area"], &province["areas"][0]["buckets"][1]["value"]),
        (&json!("12"), &json!(2))
    );
}

#[tokio::test]
async fn csv_names_the_area() {
    let house = with_rain();
    let csv = house.get("/api/v1/history/areas?property=pm2_5&every=1d&from=2026-11-21&format=csv&area=001").await;
    assert_eq!(
        csv.text(),
        "time,area,name,value,count,expected,completeness,worst_quality,stations,stations_expected,left_out,end,partial\r\n\
         2026-11-21T00:00:00+07:00,001,Xã 001,12,1,615,0.0016260162601626016,good,1,1,0,2026-11-21T10:15:00+07:00,true\r\n"
    );
    assert_eq!(buckets(&house, "property=pm2_5&area=002").await["areas"], json!([]));
}

#[tokio::test]
async fn callers_are_told_of_their_areas_alone() {
    let house = House::with(Demo::Off, Config::default());
    fill(&house);
    let token = house.token("ranger", Role::Ranger, Some(&["002"]), Duration::from_secs(3_600));
    let ask = async |query: &str| house.get_as(&token, &format!("/api/v1/history/areas?every=1d&{query}")).await;
    assert_eq!(ask("property=pm2_5").await.json()["areas"], json!([]));
    assert_eq!(ask("property=water_level").await.json()["areas"][0]["area"], "002");
    assert_eq!(ask("property=water_level&level=province").await.json()["areas"], json!([]));
    let (hidden, missing) = (ask("property=pm2_5&area=001").await, ask("property=pm2_5&area=009").await);
    assert_eq!((hidden.status, missing.status), (StatusCode::BAD_REQUEST, StatusCode::BAD_REQUEST));
    let detail =
        |answer: &super::house::Answer| answer.json()["detail"].as_str().unwrap().replace("001", "").replace("009", "");
    assert_eq!(detail(&hidden), detail(&missing), "what is hidden cannot be told from what is not there");
}

#[tokio::test]
async fn what_areas_cannot_answer_says_why() {
    let house = with_rain();
    let check = async |query: &str, says: &str| {
        let answer = house.get(&format!("/api/v1/history/areas?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        assert!(answer.json()["detail"].as_str().unwrap().contains(says), "{query}: {}", answer.text());
    };
    check("every=1d", "property: name one").await;
    check("property=rainfall", "every: areas have buckets only").await;
    check("property=rainfall&every=1d&fn=p95", "p95 says nothing of several stations; of areas there are mean, min")
        .await;
    check("property=rainfall&every=1d&level=village", "is not one of province, district, commune").await;
    check("property=rainfall&every=1d&channel=A-AIR/pm2_5", "this address takes property").await;
}

async fn grouped(house: &House, query: &str) -> Vec<(String, u64, usize)> {
    let told = buckets(house, &format!("to=2026-11-22&fn=count,sum&{query}")).await;
    let count = |area: &Value| area["buckets"].as_array().unwrap().iter().map(|b| b["count"].as_u64().unwrap()).sum();
    let merges = |area: &Value| area["merges"].as_array().map_or(0, Vec::len);
    let areas = told["areas"].as_array().unwrap().iter();
    areas.map(|area| (area["area"].as_str().unwrap().to_owned(), count(area), merges(area))).collect()
}

/// D-OLD stands at 103.2, in what was commune A of district One; what was in 001 may have been of district Two as well.
#[tokio::test]
async fn boundaries_of_a_date_group_by_what_is_known_of_them() {
    let house = with_rain();
    let told = async |query: &str| grouped(&house, &format!("property=rainfall&{query}")).await;
    let group = |id: &str, merges| vec![(id.to_owned(), 3, merges)];
    assert_eq!(told("").await, group("001", 0));
    assert_eq!(told("boundaries=2025-07-01").await, group("001", 0));
    assert_eq!(told("boundaries=2025-06-30").await, group("A-2024", 0));
    assert_eq!(told("boundaries=2025-06-30&level=province").await, group("12", 0));
    // Nobody has the districts' polygons, and 001 is made of parts of both: told under its own name, with theirs.
    assert_eq!(told("boundaries=2025-06-30&level=district").await, group("001", 2));
    // 002 is all of district Two.
    let river = grouped(&house, "property=water_level&level=district&boundaries=2024-01-01").await;
    assert_eq!(river, [("D2-2024".to_owned(), 1, 0)]);
    // A-AIR stands in the forest.
    let forest = grouped(&house, "property=pm2_5&level=forest_compartment").await;
    assert_eq!(forest, [("T1".to_owned(), 1, 0)]);
    let check = async |query: &str, says: &str| {
        let answer = house.get(&format!("/api/v1/history/areas?property=rainfall&every=1d&{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        assert!(answer.json()["detail"].as_str().unwrap().contains(says), "{query}: {}", answer.text());
    };
    check("level=district", "the last ones ended on 2025-07-01").await;
    check("level=forest_plot", "no forest_plot is declared").await;
    check("boundaries=2027-01-01", "lies in the future").await;
    check("boundaries=June", "is not a date such as").await;
}

#[tokio::test]
async fn former_areas_are_told_to_who_sees_all_of_them() {
    let house = House::with(Demo::Off, Config::default());
    fill(&house);
    let told = async |areas: &[&str], query: &str| {
        let name = format!("planner-{}-{}", areas.join("-"), query.len());
        let token = house.token(&name, Role::Planner, Some(areas), Duration::from_secs(60));
        let path = format!("/api/v1/history/areas?every=1d&boundaries=2025-06-30&{query}");
        let answer = house.get_as(&token, &path).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let areas = answer.json()["areas"].as_array().unwrap().clone();
        areas.iter().map(|area| area["area"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(told(&["001"], "property=pm2_5").await, ["A-2024"]);
    assert_eq!(told(&["002"], "property=pm2_5").await, [""; 0]);
    // District Two reaches into 001.
    assert_eq!(told(&["002"], "property=water_level&level=district").await, [""; 0]);
    assert_eq!(told(&["001", "002"], "property=water_level&level=district").await, ["D2-2024"]);
}

/// Declares a station with wind, of an area that need not be the one that it lies in.
async fn declare(house: &House, id: &str, area: &str, lon: f64) {
    let token =
        house.token(&format!("admin-{}", id.to_lowercase()), Role::Administrator, None, Duration::from_secs(3_600));
    let body = json!({"id": id, "kind": "weather", "name": id, "lon": lon, "lat": 22.5, "area": area,
        "channels": [{"property": "wind_speed", "unit": "m/s", "interval": "1h"}]});
    let mut asked = with_token(request(Method::POST, "/api/v1/stations"), &token);
    asked.headers_mut().insert("content-type", "application/json".parse().unwrap());
    *asked.body_mut() = body.to_string().into();
    let answer = house.ask(asked).await;
    assert_eq!((answer.status, &answer.json()["area"]), (StatusCode::CREATED, &json!(area)), "{}", answer.text());
    let channel = house.parts.state.read().catalogue.channel_named(&format!("{id}/wind_speed")).unwrap().id;
    house.observe(channel, 60, 7.0);
}

/// X is declared in 001, lies in C-2024 (which went into 002 alone) and in the forest of 002; Y is 002's in both.
#[tokio::test]
async fn a_station_that_lies_in_another_area_than_its_own_is_told_to_who_sees_both() {
    let house = House::with(Demo::Off, Config::default());
    declare(&house, "X", "001", 104.5).await;
    declare(&house, "Y", "002", 104.5).await;
    let asked = std::cell::Cell::new(0);
    let told = async |areas: &[&str], query: &str| {
        asked.set(asked.get() + 1);
        let name = format!("planner-{}", asked.get());
        let token = house.token(&name, Role::Planner, Some(areas), Duration::from_secs(60));
        let path = format!("/api/v1/history/areas?every=1d&property=wind_speed&fn=count&{query}");
        let answer = house.get_as(&token, &path).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let areas = answer.json()["areas"].as_array().unwrap().clone();
        let count = |area: &Value| area["buckets"].as_array().unwrap().last().unwrap()["count"].as_u64().unwrap();
        areas.iter().map(|area| (area["area"].as_str().unwrap().to_owned(), count(area))).collect::<Vec<_>>()
    };
    let group = |id: &str, count: u64| vec![(id.to_owned(), count)];
    for (query, id) in [("boundaries=2025-06-30", "C-2024"), ("level=forest_compartment", "T2")] {
        assert_eq!(told(&["002"], query).await, group(id, 1), "X is of 001, which this caller does not see");
        assert_eq!(told(&["001"], query).await, [], "the area is of 002");
        assert_eq!(told(&["001", "002"], query).await, group(id, 2));
        // The same of what is asked about.
        assert_eq!(told(&["001", "002"], &format!("{query}&area=002")).await, group(id, 1));
    }
    assert_eq!(told(&["001"], "boundaries=2025-07-01").await, group("001", 1), "declared in 001");
}

/// District Two is all of 002, and a part of 001 that nobody can tell from District One.
#[tokio::test]
async fn what_an_area_of_a_date_lacks_is_said_in_every_format() {
    let house = with_rain();
    let asked = "property=water_level&level=district&boundaries=2024-01-01&to=2026-11-22";
    let told = buckets(&house, asked).await;
    assert_eq!((&told["areas"][0]["area"], &told["areas"][0]["also_in"]), (&json!("D2-2024"), &json!(["001"])));
    let rain = buckets(&house, "property=rainfall&level=district&boundaries=2024-01-01").await;
    assert_eq!((rain["areas"][0]["merges"].as_array().unwrap().len(), rain["areas"][0].get("also_in")), (2, None));
    let text = async |query: &str| {
        let path = format!("/api/v1/history/areas?every=1d&from=2026-11-21&to=2026-11-22&{query}");
        house.get(&path).await.text().to_owned()
    };
    let csv = text("property=water_level&level=district&boundaries=2024-01-01&format=csv").await;
    let lines: Vec<&str> = csv.lines().collect();
    assert!(lines[0].starts_with("time,area,name,merges,also_in,value,"), "{csv}");
    assert!(lines[1].starts_with("2026-11-21T00:00:00+07:00,D2-2024,Huyện Hai,,001,3,"), "{csv}");
    let csv = text("property=rainfall&level=district&boundaries=2024-01-01&format=csv").await;
    assert!(csv.contains(",001,Xã 001,D1-2024 D2-2024,,"), "{csv}");
    let lines = text("property=water_level&level=district&boundaries=2024-01-01&format=ndjson").await;
    let row: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((&row["merges"], &row["also_in"]), (&json!(""), &json!("001")));
    // Communes have polygons: theirs are whole.
    let whole = buckets(&house, "property=pm2_5&boundaries=2025-06-30").await;
    assert_eq!((&whole["areas"][0]["area"], whole["areas"][0].get("also_in")), (&json!("A-2024"), None));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4) })]

    /// Stations anywhere, some of them moved meanwhile: each bucket of each former commune is what the stations' own
    /// samples say, put together by where they stood.
    #[test]
    fn buckets_in_the_boundaries_of_a_date_are_those_of_the_stations_that_stood_in_them(
        placed in prop::collection::vec((103.01..104.99_f64, prop::option::of(103.01..104.99_f64)), 1..6),
        samples in prop::collection::vec((0usize..6, 1u64..40, -50i32..50), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check_boundaries(&placed, &samples));
    }
}

/// Stations with their first longitude and the one from 20 hours ago on; samples by station, hours ago and value.
async fn check_boundaries(placed: &[(f64, Option<f64>)], samples: &[(usize, u64, i32)]) {
    let house = House::with(Demo::Off, Config::default());
    let token = house.token("lan", Role::Administrator, None, Duration::from_secs(3_600));
    let send = async |method: Method, path: &str, body: Value| {
        let mut asked = with_token(request(method, path), &token);
        asked.headers_mut().insert("content-type", "application/json".parse().unwrap());
        *asked.body_mut() = body.to_string().into();
        let answer = house.ask(asked).await;
        assert!(answer.status.is_success(), "{}", answer.text());
    };
    let moved_at = NOW - Duration::from_secs(20 * 3_600);
    for (no, (lon, then)) in placed.iter().enumerate() {
        let body = json!({"id": format!("S{no}"), "kind": "weather", "name": "S", "lon": lon, "lat": 22.7,
            "channels": [{"property": "wind_speed", "unit": "m/s", "interval": "1h", "min": -100, "max": 100}]});
        send(Method::POST, "/api/v1/stations", body).await;
        if let Some(lon) = then {
            let body = json!({"lon": lon, "lat": 22.7, "valid_from": moved_at.to_string()});
            send(Method::PUT, &format!("/api/v1/stations/S{no}/position"), body).await;
        }
    }
    let former = |lon: f64| match lon {
        lon if lon <= 103.6 => "A-2024",
        lon if lon <= 104.4 => "B-2024",
        _ => "C-2024",
    };
    let samples = samples.iter().filter(|sample| sample.0 < placed.len());
    let kept: BTreeMap<(usize, u64), i32> =
        samples.map(|(station, hours, value)| ((*station, *hours), *value)).collect();
    for ((station, hours), value) in &kept {
        let name = format!("S{station}/wind_speed");
        let channel = house.parts.state.read().catalogue.channel_named(&name).unwrap().id;
        house.observe(channel, hours * 3_600, f64::from(*value));
    }
    // By former commune and hour: samples and their sum.
    let mut expected: BTreeMap<(&str, u64), (u64, i64)> = BTreeMap::new();
    for ((station, hours), value) in kept {
        let (first, then) = placed[station];
        // A bucket counts where the station stood when it began: at the sample's hour, a quarter of an hour before it.
        let began = NOW - Duration::from_secs(hours * 3_600 + 900);
        let lon = then.filter(|_| began >= moved_at).unwrap_or(first);
        let sum = expected.entry((former(lon), hours)).or_default();
        *sum = (sum.0 + 1, sum.1 + i64::from(value));
    }
    let path = "/api/v1/history/areas?property=wind_speed&every=1h&fn=sum,count&boundaries=2025-06-30\
        &from=2026-11-19T00:00:00&to=2026-11-21T10:00:00";
    let answer = house.get_as(&token, path).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let mut found: BTreeMap<(&str, u64), (u64, i64)> = BTreeMap::new();
    let told = answer.json();
    for area in told["areas"].as_array().unwrap() {
        for bucket in area["buckets"].as_array().unwrap().iter().filter(|bucket| bucket["count"] != 0) {
            let began = Timestamp::parse(bucket["time"].as_str().unwrap()).unwrap();
            let hours = (NOW.since(began).as_secs() - 900) / 3_600;
            let sum = bucket["sum"].as_f64().unwrap() as i64;
            found.insert((area["area"].as_str().unwrap(), hours), (bucket["count"].as_u64().unwrap(), sum));
        }
    }
    assert_eq!(found, expected);
}
