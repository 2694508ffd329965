//! Raw history in its three forms.

use axum::http::StatusCode;
use saola::model::Quality;

use super::house::{House, LEVEL, OLD, PM};

fn with_samples() -> House {
    let house = House::demo();
    for (ago_s, value) in [(180, 1.5), (120, -0.25), (60, 3.0)] {
        house.observe(LEVEL, ago_s, value);
    }
    house.observe_as(PM, 90, 7.0, Quality::FAULT);
    house.observe(OLD, 3_600, 12.0);
    house
}

#[tokio::test]
async fn csv_has_time_first_and_a_channel_column_when_there_are_several() {
    let house = with_samples();
    let one = house.get("/api/v1/history?channel=B-RIVER/water_level&format=csv").await;
    assert!(one.header("content-type").starts_with("text/csv"));
    assert_eq!(
        one.text(),
        "time,value,quality\r\n2026-11-21T10:12:00+07:00,1.5,good\r\n2026-11-21T10:13:00+07:00,-0.25,good\r\n\
         2026-11-21T10:14:00+07:00,3,good\r\n"
    );
    let several = house.get("/api/v1/history?channel=A-AIR/pm2_5,D-OLD/rainfall&format=csv&tz=UTC").await;
    assert_eq!(
        several.text(),
        "time,channel,value,quality\r\n2026-11-21T03:13:30+00:00,A-AIR/pm2_5,7,fault\r\n\
         2026-11-21T02:15:00+00:00,D-OLD/rainfall,12,good\r\n"
    );
}

#[tokio::test]
async fn json_tells_unit_samples_and_count_of_every_channel_asked() {
    let house = with_samples();
    let answer =
        house.get("/api/v1/history?channel=A-AIR/air_temperature&channel=B-RIVER/water_level&from=-150s&to=now").await;
    let expected = serde_json::json!({
        "channels": [
            {"channel": "A-AIR/air_temperature", "unit": "Cel", "tier": "raw", "samples": [], "count": 0},
            {"channel": "B-RIVER/water_level", "unit": "m", "tier": "raw", "count": 2, "samples": [
                {"time": "2026-11-21T10:13:00+07:00", "value": -0.25, "quality": "good"},
                {"time": "2026-11-21T10:14:00+07:00", "value": 3, "quality": "good"},
            ]},
        ],
        "next": null,
    });
    assert_eq!(answer.json(), expected);
    assert_eq!(answer.header("content-type"), "application/json");
}

#[tokio::test]
async fn ranges_are_half_open() {
    let house = with_samples();
    let count = async |range: &str| {
        let answer = house.get(&format!("/api/v1/history?channel=B-RIVER/water_level&{range}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{range}: {}", answer.text());
        answer.json()["channels"][0]["count"].as_u64().unwrap()
    };
    assert_eq!(count("from=2026-11-21T10:12:00%2B07:00&to=2026-11-21T10:14:00%2B07:00").await, 2);
    assert_eq!(count("from=2026-11-21T10:12:00+07:00").await, 3);
    assert_eq!(count("from=2026-11-21&to=2026-11-22").await, 3);
    assert_eq!(count("from=2026-11-22&to=2026-11-22").await, 0);
}

#[tokio::test]
async fn pages_go_on_without_gap_or_repetition() {
    let house = with_samples();
    let mut values = Vec::new();
    let mut next = String::new();
    for page in 0..10 {
        let path = format!("/api/v1/history?channel=B-RIVER/water_level,A-AIR/pm2_5&limit=2{next}");
        let answer = house.get(&path).await.json();
        for channel in answer["channels"].as_array().unwrap() {
            values
                .extend(channel["samples"].as_array().unwrap().iter().map(|sample| sample["value"].as_f64().unwrap()));
        }
        match answer["next"].as_str() {
            Some(place) => next = format!("&next={place}"),
            None => {
                assert_eq!(page, 1);
                break;
            }
        }
    }
    assert_eq!(values, [1.5, -0.25, 3.0, 7.0]);
    let csv = house.get("/api/v1/history?channel=B-RIVER/water_level&format=csv&limit=1").await;
    let link = csv.header("link").strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\""));
    let link = link.unwrap_or_else(|| panic!("{:?}", csv.headers));
    assert!(link.starts_with('?') && link.contains("&from=2026-11-20T03:15:00Z&"), "{link}");
    let second = house.get(&format!("/api/v1/history{link}")).await;
    assert_eq!(second.text(), "time,value,quality\r\n2026-11-21T10:13:00+07:00,-0.25,good\r\n");
    assert_ne!(second.header("link"), csv.header("link"));
    let whole = house.get("/api/v1/history?channel=B-RIVER/water_level&format=csv&limit=3").await;
    assert_eq!(whole.header("link"), "");
}

#[tokio::test]
async fn a_long_answer_is_whole() {
    let house = House::demo();
    for ago_s in (0..10_000).rev() {
        house.observe(LEVEL, ago_s, f64::from(u32::try_from(ago_s).unwrap()));
    }
    let answer = house.get("/api/v1/history?channel=B-RIVER/water_level&format=ndjson").await;
    let values: Vec<f64> = answer
        .text()
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["value"].as_f64().unwrap())
        .collect();
    let expected: Vec<f64> = (0..10_000).rev().map(f64::from).collect();
    assert_eq!(values, expected);
    assert_eq!(house.get("/api/v1/history?channel=B-RIVER/water_level").await.json()["channels"][0]["count"], 10_000);
}
