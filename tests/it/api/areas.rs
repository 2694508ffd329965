//! Areas on a date, over the API.

use std::time::Duration;

use axum::http::StatusCode;
use saola::api::{Config, Demo};
use saola::auth::Role;
use serde_json::{Value, json};

use super::house::House;

async fn told(house: &House, query: &str) -> Value {
    let answer = house.get(&format!("/api/v1/areas?{query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.text());
    answer.json()
}

fn codes(answer: &Value) -> Vec<&str> {
    answer["features"].as_array().unwrap().iter().map(|feature| feature["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn areas_are_those_of_the_date() {
    let house = House::demo();
    assert_eq!(codes(&told(&house, "").await), ["001", "002"]);
    let former = told(&house, "on=2025-06-30").await;
    assert_eq!(codes(&former), ["A-2024", "B-2024", "C-2024"]);
    let about = &former["features"][1]["properties"];
    assert_eq!((&about["successors"], &about["valid_to"]), (&json!(["001", "002"]), &json!("2025-07-01")));
    let districts = told(&house, "level=district&on=2025-06-30").await;
    assert_eq!((codes(&districts).len(), &districts["features"][0]["geometry"]), (2, &Value::Null));
    assert_eq!(codes(&told(&house, "level=district").await), [""; 0]);
    let forest = told(&house, "level=forest_compartment&bbox=104,22,105,23").await;
    assert_eq!(codes(&forest), ["T2"]);
    let about = &forest["features"][0]["properties"];
    assert_eq!((&about["forest_type"], &about["invented"]), (&json!("production"), &json!(true)));
}

#[tokio::test]
async fn pages_give_each_area_once_and_what_is_wrong_says_why() {
    let house = House::demo();
    let (mut seen, mut next) = (Vec::new(), String::new());
    for _ in 0..3 {
        let page = told(&house, &format!("on=2025-06-30&limit=1{next}")).await;
        seen.extend(codes(&page).into_iter().map(str::to_owned));
        next = page["next"].as_str().map_or_else(String::new, |code| format!("&next={code}"));
    }
    assert_eq!((seen, next.as_str()), (["A-2024", "B-2024", "C-2024"].map(str::to_owned).to_vec(), ""));
    for (query, says) in [
        ("level=village", "is not one of province"),
        ("on=June", "is not a date"),
        ("limit=0", "is not a whole number"),
        ("next=nowhere", ""),
        ("bbox=1,2,3", "is not west,south"),
    ] {
        let answer = house.get(&format!("/api/v1/areas?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        assert!(answer.json()["detail"].as_str().unwrap().contains(says), "{query}: {}", answer.text());
    }
}

#[tokio::test]
async fn callers_are_told_of_their_areas_alone() {
    let house = House::with(Demo::Off, Config::default());
    let token = house.token("ranger", Role::Ranger, Some(&["002"]), Duration::from_secs(60));
    let ask = async |query: &str| house.get_as(&token, &format!("/api/v1/areas?{query}")).await.json();
    assert_eq!(codes(&ask("").await), ["002"]);
    assert_eq!(codes(&ask("on=2025-06-30").await), ["C-2024"], "B reached into 001");
    assert_eq!(codes(&ask("level=forest_compartment").await), ["T2"]);
    assert_eq!(codes(&ask("level=province").await), [""; 0]);
}
