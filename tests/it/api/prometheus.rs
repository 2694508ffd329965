//! Prometheus's interface: its shapes, its errors, forms as Grafana sends them, and each caller's own areas.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use saola::api::{Config, Demo};
use saola::auth::Role;
use saola::history;
use saola::model::Quality;
use serde_json::{Value, json};

use super::house::{Answer, House, LEVEL, OLD, PM, RAIN, TEMPERATURE, request, with_token};

const NOW_S: f64 = 1_795_230_900.0;

fn filled(demo: Demo) -> House {
    let house = House::with(demo, Config::default());
    for minute in (0..=30).rev() {
        house.observe(PM, minute * 60, 10.0 + minute as f64);
        house.observe(LEVEL, minute * 60, 2.5);
    }
    house.observe_as(PM, 30, 999.0, Quality::SPIKE);
    house.observe(RAIN, 3_600, 1.0);
    house
}

async fn ask(house: &House, path: &str, parameters: &[(&str, &str)]) -> Answer {
    let query: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    house.get(&format!("/prometheus/api/v1/{path}?{query}")).await
}

async fn data(house: &House, path: &str, parameters: &[(&str, &str)]) -> Value {
    let answer = ask(house, path, parameters).await;
    assert_eq!(answer.status, StatusCode::OK, "{parameters:?}: {}", answer.text());
    assert_eq!(answer.header("content-type"), "application/json");
    let mut document = answer.json();
    assert_eq!(document["status"], "success");
    document["data"].take()
}

#[tokio::test]
async fn queries_have_the_shape_that_clients_know() {
    let house = filled(Demo::Loopback);
    let vector = data(&house, "query", &[("query", "pm2_5")]).await;
    let metric = json!({
        "__name__": "pm2_5", "station": "A-AIR", "station_name": "Mường Tè", "kind": "air", "area": "001",
        "area_name": "Xã 001", "unit": "ug/m3"
    });
    let expected = json!({"resultType": "vector", "result": [{"metric": metric, "value": [NOW_S, "10"]}]});
    assert_eq!(vector, expected, "the newest good value: what is flagged does not count");
    let then = (NOW_S - 30.0).to_string();
    let all = data(&house, "query", &[("query", "pm2_5{__quality__=\"all\"}"), ("time", &then)]).await;
    assert_eq!(all["result"][0]["value"][1], "999");
    let scalar = data(&house, "query", &[("query", "1 / 0"), ("time", "2026-11-21T10:15:00+07:00")]).await;
    assert_eq!(scalar, json!({"resultType": "scalar", "result": [NOW_S, "+Inf"]}));
    let samples = data(&house, "query", &[("query", "pm2_5[2m]")]).await;
    assert_eq!(samples["resultType"], "matrix");
    assert_eq!(samples["result"][0]["values"], json!([[NOW_S - 60.0, "11"], [NOW_S, "10"]]));
    let stale = data(&house, "query", &[("query", "rainfall")]).await;
    assert_eq!(stale["result"], json!([]), "an hour without a sample is no value");

    let (start, end) = ((NOW_S - 180.0).to_string(), NOW_S.to_string());
    let range = [("query", "pm2_5 * 2"), ("start", &start), ("end", &end), ("step", "1m")];
    let matrix = data(&house, "query_range", &range).await;
    let values: Vec<&str> =
        matrix["result"][0]["values"].as_array().unwrap().iter().map(|pair| pair[1].as_str().unwrap()).collect();
    assert_eq!((matrix["resultType"].as_str(), values), (Some("matrix"), vec!["26", "24", "22", "20"]));
    assert_eq!(matrix["result"][0]["metric"].get("__name__"), None);
    // As the history has it.
    let mean = data(&house, "query", &[("query", "avg_over_time(pm2_5[30m])")]).await;
    let path = "/api/v1/history?channel=A-AIR/pm2_5&every=30m&from=2026-11-21T09:45:00.000001%2B07:00&to=2026-11-21T10:15:00.000001%2B07:00";
    let history = house.get(path).await.json();
    let buckets = history["channels"][0]["buckets"].as_array().unwrap();
    let (sum, count) = buckets.iter().fold((0.0, 0.0), |(sum, count), bucket| {
        let own = bucket["count"].as_f64().unwrap();
        (sum + bucket["value"].as_f64().unwrap_or_default() * own, count + own)
    });
    assert_eq!(mean["result"][0]["value"][1].as_str().unwrap().parse::<f64>().unwrap(), sum / count);
}

#[tokio::test]
async fn forms_are_taken_as_grafana_sends_them() {
    let house = filled(Demo::Loopback);
    let form = async |path: &str, kind: &str, body: &str| {
        let mut asked = request(Method::POST, &format!("/prometheus/api/v1/{path}"));
        asked.headers_mut().insert("content-type", kind.parse().unwrap());
        *asked.body_mut() = body.to_owned().into();
        house.ask(asked).await
    };
    let kind = "application/x-www-form-urlencoded";
    let range = format!("query=sum(water_level)&start={}&end={NOW_S}&step=60&timeout=30s&nobody=knows", NOW_S - 120.0);
    let answer = form("query_range", kind, &range).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.json()["data"]["result"][0]["values"].as_array().unwrap().len(), 3);
    assert_eq!(form("query", kind, "query=1%2B1").await.json()["data"]["result"][1], "2");
    let named = form("series", kind, "match%5B%5D=water_level&match[]=pm2_5").await;
    assert_eq!(named.json()["data"].as_array().unwrap().len(), 2);
    assert!(form("labels", kind, "").await.json()["data"].as_array().unwrap().contains(&json!("station")));
    assert_eq!(form("query", "application/json", "{}").await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(form("query", kind, &"a=b&".repeat(2_000)).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(form("query", kind, &"x".repeat(2_000_000)).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn lists_tell_what_is_registered() {
    let house = House::demo();
    let names = data(&house, "label/__name__/values", &[]).await;
    assert_eq!(names, json!(["air_temperature", "pm2_5", "rainfall", "water_level"]));
    assert_eq!(data(&house, "label/station/values", &[("match[]", "{kind=\"air\"}")]).await, json!(["A-AIR"]));
    assert_eq!(data(&house, "label/nothing/values", &[]).await, json!([]));
    assert_eq!(data(&house, "label/__name__/values", &[("limit", "1")]).await, json!(["air_temperature"]));
    let series = data(&house, "series", &[("match[]", "rainfall{area=\"\"}")]).await;
    assert_eq!((series.as_array().unwrap().len(), &series[0]["station"]), (1, &json!("C-RAIN")));
    let metadata = data(&house, "metadata", &[("metric", "water_level")]).await;
    assert_eq!(metadata, json!({"water_level": [{"type": "gauge", "help": "water_level, m (UCUM)", "unit": "m"}]}));
    assert_eq!(data(&house, "status/buildinfo", &[]).await["application"], "Saola");
}

#[tokio::test]
async fn errors_have_the_shape_that_clients_know() {
    let house = House::asking(
        Demo::Loopback,
        Config::default(),
        history::Config { samples_max: 1_000, ..history::Config::default() },
    );
    let now = NOW_S.to_string();
    let range = |step: &'static str, start: &'static str| vec![("query", "pm2_5"), ("step", step), ("start", start)];
    for (path, parameters, status, kind, mentions) in [
        ("query", vec![], 400, "bad_data", "query"),
        ("query", vec![("query", "sum(")], 400, "bad_data", "read"),
        ("query", vec![("query", "pm2_5"), ("time", "soon")], 400, "bad_data", "time"),
        ("query", vec![("query", "pm2_5"), ("lookback_delta", "1h")], 400, "bad_data", "lookback_delta"),
        ("query", vec![("query", "rate(pm2_5[1h:1m])")], 400, "bad_data", "subquery"),
        ("query", vec![("query", "avg_over_time(pm2_5[30d])")], 422, "execution", "fewer series"),
        ("query", vec![("query", "a"), ("query", "b")], 400, "bad_data", "once"),
        ("query_range", range("0", "0"), 400, "bad_data", "step"),
        ("query_range", range("-5", "0"), 400, "bad_data", "step"),
        ("query_range", range("NaN", "0"), 400, "bad_data", "step"),
        ("query_range", range("1", "0"), 400, "bad_data", "instants"),
        ("query_range", range("1", "1e300"), 400, "bad_data", "start"),
        ("query_range", range("1", "99999999999"), 400, "bad_data", "end"),
        ("query_range", range("1y", "-99999999999"), 400, "bad_data", ""),
        ("series", vec![], 400, "bad_data", "match[]"),
        ("series", vec![("match[]", "1 + 1")], 400, "bad_data", "selector"),
        ("labels", vec![("limit", "-1")], 400, "bad_data", "limit"),
    ] {
        let mut parameters = parameters;
        if path == "query_range" {
            parameters.push(("end", &now));
        }
        let answer = ask(&house, path, &parameters).await;
        let document = answer.json();
        assert_eq!(answer.status.as_u16(), status, "{parameters:?}: {document}");
        assert_eq!((document["status"].as_str(), document["errorType"].as_str()), (Some("error"), Some(kind)));
        assert!(document["error"].as_str().unwrap().contains(mentions), "{parameters:?}: {document}");
    }
}

#[tokio::test]
async fn a_caller_sees_the_series_of_its_areas_alone() {
    let house = filled(Demo::Off);
    house.observe(TEMPERATURE, 0, 20.0);
    house.observe(OLD, 0, 1.0);
    let hour = Duration::from_secs(3_600);
    house.token("admin", Role::Administrator, None, hour);
    let ranger = house.token("ranger.a", Role::Ranger, Some(&["001"]), hour);
    let get = async |path: &str| {
        let asked = with_token(request(Method::GET, &format!("/prometheus/api/v1/{path}")), &ranger);
        house.ask(asked).await.json()["data"].take()
    };
    let everything = "%7B__name__%3D~%22.%2B%22%7D";
    assert_eq!(get("label/station/values").await, json!(["A-AIR", "D-OLD"]));
    assert_eq!(get("query?query=water_level").await["result"], json!([]));
    assert_eq!(get(&format!("query?query={everything}[1d]")).await["result"].as_array().unwrap().len(), 3);
    assert_eq!(get(&format!("series?match[]={everything}")).await.as_array().unwrap().len(), 3);
    assert_eq!(get("metadata?metric=water_level").await, json!({}));
    assert_eq!(
        get("query?query=count(%7Bstation%3D~%22.%2A%22%2Ckind!%3D%22%22%7D)").await["result"][0]["value"][1],
        "3"
    );
}
