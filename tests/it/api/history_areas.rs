//! Buckets of areas over the API.

use axum::http::StatusCode;
use saola::api::{Config, Demo};
use saola::auth::Role;
use saola::model::Quality;
use serde_json::{Value, json};
use std::time::Duration;

use super::house::{House, LEVEL, OLD, PM, RAIN};

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
    check("property=rainfall&every=1d&level=village", "is not one of province, commune").await;
    check("property=rainfall&every=1d&channel=A-AIR/pm2_5", "this address takes property").await;
}
