//! OGC API Features: links that lead somewhere, pages that give each feature once, a caller's sight, and what is
//! refused.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use saola::api::{Config, Demo};
use saola::auth::Role;
use saola::geodesy::vn2000::tm3_103;
use saola::model::{Body, Quality, RuleFile};
use serde_json::Value;

use super::house::{House, LEVEL, PM, RAIN, TEMPERATURE, document, escaped, request};

const RULES: &str = "[[rule]]\nname = 'flood'\ntitle = { vi = 'Lũ', en = 'Flood' }\nproperty = 'water_level'\n\
    levels = [{ severity = 'high', above = 3, clear = 2.5 }]\n\
    [[rule]]\nname = 'dust'\ntitle = { vi = 'Bụi', en = 'Dust' }\nproperty = 'pm2_5'\n\
    levels = [{ severity = 'medium', above = 50, clear = 40 }]\n";

const CRS84: &str = "http://www.opengis.net/def/crs/OGC/1.3/CRS84";
const VN2000: &str = "http://www.opengis.net/def/crs/EPSG/0/9205";

/// With samples of four channels, a flood and dust.
fn alarmed(demo: Demo, config: Config) -> House {
    let house = House::with(demo, config);
    house.enter(Body::Rules(vec![RuleFile { name: "all.toml".into(), text: RULES.into() }]));
    house.observe(LEVEL, 60, 5.5);
    house.observe(PM, 30, 80.0);
    house.observe_as(TEMPERATURE, 600, 21.5, Quality::RANGE);
    house.observe(RAIN, 0, 1.0);
    house
}

fn ids(document: &Value) -> Vec<String> {
    document["features"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

/// The path and query of a link of this relation; `None` when there is none.
fn linked(document: &Value, rel: &str) -> Option<String> {
    let links = document["links"].as_array().unwrap();
    let link = links.iter().find(|link| link["rel"] == rel)?;
    let address = link["href"].as_str().unwrap();
    Some(address.strip_prefix("http://127.0.0.1:8080").unwrap_or_else(|| panic!("{address}")).to_owned())
}

#[tokio::test]
async fn every_link_leads_somewhere() {
    let house = alarmed(Demo::Loopback, Config::default());
    let mut seen = BTreeSet::new();
    let mut next = vec!["/ogc".to_owned()];
    while let Some(path) = next.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let answer = house.get(&path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
        if path == "/docs" {
            continue;
        }
        let found = answer.json();
        let collections = found["collections"].as_array().into_iter().flatten();
        let features = found["features"].as_array().into_iter().flatten();
        let links = std::iter::once(&found).chain(collections).filter_map(|part| part["links"].as_array()).flatten();
        for link in links {
            let address = link["href"].as_str().unwrap();
            next.push(address.strip_prefix("http://127.0.0.1:8080").unwrap().to_owned());
        }
        if let Some((items, _)) = path.split_once("/items").filter(|(_, rest)| rest.is_empty()) {
            next.extend(features.map(|one| format!("{items}/items/{}", escaped(one["id"].as_str().unwrap()))));
        }
    }
    assert!(seen.len() >= 25, "{seen:?}");
    let classes = house.get("/ogc/conformance").await.json();
    assert!(
        classes["conformsTo"].as_array().unwrap().iter().any(|class| class.as_str().unwrap().ends_with("conf/core"))
    );
    let description = house.get("/ogc/api").await;
    assert!(description.header("content-type").starts_with("application/vnd.oai.openapi+json;version=3.0"));
    assert_eq!(description.json()["openapi"], "3.0.3");
}

#[tokio::test]
async fn pages_put_together_give_each_feature_once() {
    let house = alarmed(Demo::Loopback, Config::default());
    for (collection, expected) in [("stations", 3), ("observations", 4), ("alerts", 2), ("areas", 3)] {
        let items = format!("/ogc/collections/{collection}/items");
        let whole = document(&house.get(&items).await, &items);
        assert_eq!(whole["numberMatched"], expected, "{collection}");
        assert_eq!(linked(&whole, "next"), None);
        let mut pages = Vec::new();
        let mut next = Some(format!("{items}?limit=1"));
        while let Some(path) = next {
            let page = document(&house.get(&path).await, &path);
            assert_eq!((&page["numberMatched"], &page["numberReturned"]), (&whole["numberMatched"], &Value::from(1)));
            pages.extend(ids(&page));
            next = linked(&page, "next");
        }
        assert_eq!(pages, ids(&whole), "{collection}");
        let one = house.get(&format!("{items}/{}", escaped(&pages[0]))).await.json();
        assert_eq!(
            (&one["id"], &one["properties"]),
            (&whole["features"][0]["id"], &whole["features"][0]["properties"])
        );
    }
    // More than the most is taken for the most, as the standard asks.
    assert_eq!(house.get("/ogc/collections/stations/items?limit=99999999").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_caller_of_one_commune_is_told_of_that_commune_only() {
    let house = alarmed(Demo::Off, Config::default());
    house.token("admin", Role::Administrator, None, Duration::from_secs(3_600));
    let token = house.token("ranger.a", Role::Ranger, Some(&["001"]), Duration::from_secs(3_600));
    for (collection, expected) in [
        ("stations", vec!["A-AIR"]),
        ("observations", vec!["A-AIR:pm2_5", "A-AIR:air_temperature"]),
        ("areas", vec!["001"]),
    ] {
        let path = format!("/ogc/collections/{collection}/items");
        let page = document(&house.get_as(&token, &path).await, &path);
        assert_eq!(
            (ids(&page), &page["numberMatched"]),
            (expected.iter().map(|id| (*id).to_owned()).collect(), &expected.len().into())
        );
    }
    let alerts = house.get_as(&token, "/ogc/collections/alerts/items").await.json();
    assert_eq!(alerts["numberMatched"], 1);
    assert_eq!(alerts["features"][0]["properties"]["station"], "A-AIR");
    let incidents = house.get_as(&token, "/ogc/collections/incidents/items").await;
    assert!(!incidents.text().contains("flood"), "{}", incidents.text());
    // What lies elsewhere answers as what does not exist.
    for there in [
        "stations/items/B-RIVER",
        "observations/items/B-RIVER%3Awater_level",
        "areas/items/002",
        "stations/items/D-OLD",
    ] {
        let answer = house.get_as(&token, &format!("/ogc/collections/{there}")).await;
        assert_eq!(
            (answer.status, answer.json()["code"].as_str()),
            (StatusCode::NOT_FOUND, Some("not_found")),
            "{there}"
        );
    }
}

#[tokio::test]
async fn rectangles_times_and_properties_choose() {
    let house = alarmed(Demo::Loopback, Config::default());
    let check = async |query: &str, expected: &[&str]| {
        let path = format!("/ogc/collections/{query}");
        let page = document(&house.get(&path).await, &path);
        assert_eq!(ids(&page), expected, "{query}");
        assert_eq!(page["numberMatched"], expected.len(), "{query}");
    };
    check("stations/items?bbox=103,22,104,23", &["A-AIR"]).await;
    check("stations/items?bbox=103,22,0,104,23,9", &["A-AIR"]).await;
    check("stations/items?bbox=104.2,22,-170,23", &["B-RIVER", "C-RAIN"]).await;
    check("stations/items?kind=river", &["B-RIVER"]).await;
    check("stations/items?name_vi=N%E1%BA%ADm%20Na", &["B-RIVER"]).await;
    check("stations/items?datetime=1970-01-01T00:00:00Z", &["A-AIR", "B-RIVER", "C-RAIN"]).await;
    check("areas/items?bbox=104.5,22.1,104.6,22.2", &["12", "002"]).await;
    check("observations/items?value=5.5", &["B-RIVER:water_level"]).await;
    check("observations/items?quality=range", &["A-AIR:air_temperature"]).await;
    // Observed ten minutes, a minute, half a minute before, and at 10:15.
    check("observations/items?datetime=../2026-11-21T10:06:00%2B07:00", &["A-AIR:air_temperature"]).await;
    check("observations/items?datetime=2026-11-21T03:14:30Z/..&station=A-AIR", &["A-AIR:pm2_5"]).await;
    check("observations/items?datetime=2026-11-21T03:15:00Z", &["C-RAIN:rainfall"]).await;
    check("alerts/items?datetime=../2026-11-21T03:00:00Z", &[]).await;
    let flood = house.get("/ogc/collections/alerts/items?rule=flood&severity=high").await.json();
    assert_eq!(flood["numberMatched"], 1);
    assert_eq!(flood["features"][0]["geometry"]["coordinates"], serde_json::json!([104.5, 22.5]));
}

#[tokio::test]
async fn the_national_grid_is_the_geodesy_s_and_says_so() {
    let house = alarmed(Demo::Loopback, Config::default());
    let whole = house.get("/ogc/collections/stations/items").await;
    assert_eq!(whole.header("content-crs"), format!("<{CRS84}>"));
    let path = format!("/ogc/collections/stations/items?bbox=103,22,105,23&crs={VN2000}");
    let page = house.get(&path).await;
    assert_eq!((page.status, page.header("content-crs")), (StatusCode::OK, format!("<{VN2000}>").as_str()));
    let (east, north) = tm3_103(22.5, 103.5).unwrap();
    let got = page.json()["features"][0]["geometry"]["coordinates"].clone();
    assert!(
        (got[0].as_f64().unwrap() - east).abs() < 0.001 && (got[1].as_f64().unwrap() - north).abs() < 0.001,
        "{got}"
    );
    let around = format!("{},{},{},{}", east - 10.0, north - 10.0, east + 10.0, north + 10.0);
    let here = format!("/ogc/collections/stations/items?bbox={around}&bbox-crs={VN2000}");
    assert_eq!(ids(&house.get(&here).await.json()), ["A-AIR"]);
    let areas = format!("/ogc/collections/areas/items?bbox={around}&bbox-crs={VN2000}");
    assert_eq!(ids(&house.get(&areas).await.json()), ["12", "001"]);
    // One station stands far outside the zone: nothing is left out silently.
    let refused = house.get(&format!("/ogc/collections/stations/items?crs={VN2000}")).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.json()["detail"].as_str().unwrap().contains("C-RAIN"), "{}", refused.text());
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_with_a_sentence() {
    let house = alarmed(Demo::Loopback, Config::default());
    for (query, parameter) in [
        ("stations/items?limit=0", Some("limit")),
        ("stations/items?limit=-1", Some("limit")),
        ("stations/items?limit=ten", Some("limit")),
        ("stations/items?bbox=1,2,3", Some("bbox")),
        ("stations/items?bbox=NaN,0,1,1", Some("bbox")),
        ("stations/items?bbox=0,5,1,4", Some("bbox")),
        ("stations/items?bbox=0,0,1,1&bbox-crs=http://www.opengis.net/def/crs/EPSG/0/9205", Some("bbox")),
        ("stations/items?bbox-crs=EPSG:4326", Some("bbox-crs")),
        ("stations/items?crs=EPSG:4326", Some("crs")),
        ("stations/items?datetime=yesterday", Some("datetime")),
        ("stations/items?datetime=..", Some("datetime")),
        ("stations/items?datetime=2026-11-21T00:00:00Z/2026-11-20T00:00:00Z", Some("datetime")),
        ("stations/items?rule=flood", Some("rule")),
        ("stations/items?next=%00", Some("next")),
        ("alerts/items?next=1~", None),
        ("stations/items?f=html", Some("f")),
        ("stations/items?colour=red", None),
        ("stations/items?kind=air&kind=rain", Some("kind")),
        ("stations/items/A-AIR?bbox=1,2,3,4", None),
    ] {
        let answer = house.get(&format!("/ogc/collections/{query}")).await;
        if query.starts_with("alerts/items?next") {
            assert_eq!(answer.json()["numberReturned"], 0, "{query}");
            continue;
        }
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}: {}", answer.text());
        assert_eq!(answer.json()["parameter"].as_str(), parameter, "{query}");
    }
    for missing in [
        "trees",
        "trees/items",
        "stations/items/X",
        "observations/items/A-AIR",
        "alerts/items/%F0%9F%A6%8C",
        "stations/items/%FF",
    ] {
        let answer = house.get(&format!("/ogc/collections/{missing}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{missing}");
    }
}

#[tokio::test]
async fn links_begin_with_what_is_configured_and_never_with_what_a_proxy_says() {
    let config = Config { public_url: "https://saola.example.vn/".into(), ..Config::default() };
    let house = alarmed(Demo::Loopback, config);
    let page = house.get("/ogc/collections/stations/items?limit=1").await.json();
    let next = page["links"].as_array().unwrap().iter().find(|link| link["rel"] == "next").unwrap();
    assert_eq!(next["href"], "https://saola.example.vn/ogc/collections/stations/items?limit=1&next=0");
    let house = alarmed(Demo::Off, Config::default());
    let token = house.token("lan", Role::Operator, None, Duration::from_secs(3_600));
    let mut asked = super::house::with_token(request(Method::GET, "/ogc"), &token);
    asked.headers_mut().insert("x-forwarded-host", "evil.example".parse().unwrap());
    asked.headers_mut().insert("forwarded", "host=evil.example;proto=https".parse().unwrap());
    let answer = house.ask(asked).await;
    assert!(
        !answer.text().contains("evil") && answer.text().contains("http://127.0.0.1:8080/ogc/api"),
        "{}",
        answer.text()
    );
}
