//! Who may do what, and where: every route of the description times every sort of caller.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use saola::api::{self, Config, Demo};
use saola::auth::{Permission, Role};
use saola::model::{Body, Seq};

use super::house::{Answer, House, LEVEL, PASSWORD, PM, RAIN, request, with_json, with_token};

const HOUR: Duration = Duration::from_secs(3_600);

/// What each route needs: `None` is open to all, `Some(None)` to anybody who is known.
fn needs() -> BTreeMap<(&'static str, &'static str), Option<Option<Permission>>> {
    let only = |permission| Some(Some(permission));
    let others = BTreeMap::from([
        (("get", "/api/v1/stations"), only(Permission::ReadMap)),
        (("get", "/api/v1/stations/{id}"), only(Permission::ReadMap)),
        (("get", "/api/v1/stations/{id}/maintenance"), only(Permission::ReadMap)),
        (("post", "/api/v1/stations/{id}/maintenance"), only(Permission::MaintainStations)),
        (("delete", "/api/v1/stations/{id}/maintenance/{window}"), only(Permission::MaintainStations)),
        (("get", "/api/v1/stations/{id}/channels/{property}/corrections"), only(Permission::ReadHistory)),
        (("post", "/api/v1/stations/{id}/channels/{property}/corrections"), only(Permission::CorrectHistory)),
        (("post", "/api/v1/stations"), only(Permission::EditStations)),
        (("put", "/api/v1/stations/{id}"), only(Permission::EditStations)),
        (("patch", "/api/v1/stations/{id}"), only(Permission::EditStations)),
        (("delete", "/api/v1/stations/{id}"), only(Permission::EditStations)),
        (("get", "/api/v1/stations/{id}/definition"), only(Permission::ReadMap)),
        (("get", "/api/v1/stations/{id}/positions"), only(Permission::ReadMap)),
        (("get", "/api/v1/stations/{id}/changes"), only(Permission::ReadMap)),
        (("put", "/api/v1/stations/{id}/position"), only(Permission::EditStations)),
        (("put", "/api/v1/stations/{id}/channels/{property}"), only(Permission::EditStations)),
        (("delete", "/api/v1/stations/{id}/channels/{property}"), only(Permission::EditStations)),
        (("post", "/api/v1/stations/{id}/changes/{change}/undo"), only(Permission::EditStations)),
        (("post", "/api/v1/stations/{id}/commands"), only(Permission::SendCommands)),
        (("get", "/api/v1/audit"), only(Permission::ReadAudit)),
        (("get", "/api/v1/retired-stations"), only(Permission::ReadMap)),
        (("get", "/api/v1/devices"), only(Permission::Administer)),
        (("post", "/api/v1/devices"), only(Permission::Administer)),
        (("delete", "/api/v1/devices/{id}"), only(Permission::Administer)),
        (("get", "/api/v1/layers"), only(Permission::ReadMap)),
        (("get", "/api/v1/layers/{layer}"), only(Permission::ReadMap)),
        (("get", "/api/v1/overview"), only(Permission::ReadMap)),
        (("get", "/tiles/{layer}"), only(Permission::ReadMap)),
        (("get", "/tiles/{layer}/{z}/{x}/{y}"), only(Permission::ReadMap)),
        (("get", "/api/v1/stream"), only(Permission::ReadMap)),
        (("get", "/api/v1/history"), only(Permission::ReadHistory)),
        (("get", "/api/v1/history/areas"), only(Permission::ReadHistory)),
        (("get", "/api/v1/ledger"), only(Permission::ReadLedger)),
        (("get", "/api/v1/dead-letters"), only(Permission::ReadDeadLetters)),
        (("get", "/api/v1/dead-letters/{id}"), only(Permission::ReadDeadLetters)),
        (("post", "/api/v1/dead-letters/replay"), only(Permission::ReplayDeadLetters)),
        (("get", "/api/v1/unknown-devices"), only(Permission::ReadDeadLetters)),
        (("get", "/api/v1/unknown-devices/{source}/{device}"), only(Permission::ReadDeadLetters)),
        (("post", "/api/v1/unknown-devices/{source}/{device}/adopt"), only(Permission::Administer)),
        (("post", "/api/v1/dead-letters/{id}/replay"), only(Permission::ReplayDeadLetters)),
        // Each has a token of its own.
        // Its sources have tokens of their own.
        (("post", "/api/v1/intake/{source}"), None),
        (("post", "/api/v1/session"), None),
        (("delete", "/api/v1/session"), Some(None)),
        (("get", "/api/v1/me"), Some(None)),
        (("get", "/healthz"), None),
        (("get", "/readyz"), None),
        (("get", "/metrics"), only(Permission::ReadMetrics)),
        (("get", "/openapi.json"), None),
        (("get", "/problems"), None),
    ]);
    others.into_iter().chain(needs_of_alerts()).chain(needs_of_standards()).collect()
}

/// The same for what open standards offer.
fn needs_of_standards() -> BTreeMap<(&'static str, &'static str), Option<Option<Permission>>> {
    let map = Some(Some(Permission::ReadMap));
    let history = Some(Some(Permission::ReadHistory));
    BTreeMap::from([
        (("get", "/catalog.jsonld"), None),
        (("get", "/open/{file}"), None),
        (("get", "/ogc"), map),
        (("get", "/ogc/api"), map),
        (("get", "/ogc/conformance"), map),
        (("get", "/ogc/collections"), map),
        (("get", "/ogc/collections/{collection}"), map),
        (("get", "/ogc/collections/{collection}/items"), map),
        (("get", "/ogc/collections/{collection}/items/{feature}"), map),
        (("get", "/sta/v1.1"), history),
        (("get", "/sta/v1.1/"), history),
        (("get", "/sta/v1.1/{*address}"), history),
    ])
}

/// The same for alerts and what belongs to them.
fn needs_of_alerts() -> BTreeMap<(&'static str, &'static str), Option<Option<Permission>>> {
    let only = |permission| Some(Some(permission));
    BTreeMap::from([
        (("get", "/api/v1/alerts"), only(Permission::ReadAlerts)),
        (("get", "/api/v1/alerts/{id}"), only(Permission::ReadAlerts)),
        (("get", "/prometheus/api/v1/query"), only(Permission::ReadHistory)),
        (("post", "/prometheus/api/v1/query"), only(Permission::ReadHistory)),
        (("get", "/prometheus/api/v1/query_range"), only(Permission::ReadHistory)),
        (("post", "/prometheus/api/v1/query_range"), only(Permission::ReadHistory)),
        (("get", "/prometheus/api/v1/labels"), only(Permission::ReadHistory)),
        (("post", "/prometheus/api/v1/labels"), only(Permission::ReadHistory)),
        (("get", "/prometheus/api/v1/label/{name}/values"), only(Permission::ReadHistory)),
        (("get", "/prometheus/api/v1/series"), only(Permission::ReadHistory)),
        (("post", "/prometheus/api/v1/series"), only(Permission::ReadHistory)),
        (("get", "/prometheus/api/v1/metadata"), only(Permission::ReadHistory)),
        (("get", "/prometheus/api/v1/status/buildinfo"), only(Permission::ReadHistory)),
        (("get", "/cap/alerts.atom"), only(Permission::ReadAlerts)),
        (("get", "/cap/{file}"), only(Permission::ReadAlerts)),
        (("get", "/api/v1/areas"), only(Permission::ReadMap)),
        (("get", "/api/v1/coverage"), only(Permission::ReadMap)),
        (("get", "/api/v1/coverage/history"), only(Permission::ReadHistory)),
        (("get", "/api/v1/coverage/holes"), only(Permission::ReadMap)),
        (("get", "/api/v1/coverage/footprints"), only(Permission::ReadMap)),
        (("get", "/api/v1/indices"), only(Permission::ReadMap)),
        (("get", "/api/v1/indices/{index}"), only(Permission::ReadMap)),
        (("get", "/api/v1/people"), only(Permission::Administer)),
        (("post", "/api/v1/people"), only(Permission::Administer)),
        (("get", "/api/v1/people/{id}"), only(Permission::Administer)),
        (("put", "/api/v1/people/{id}"), only(Permission::Administer)),
        (("delete", "/api/v1/people/{id}"), only(Permission::Administer)),
        (("get", "/api/v1/field/sync"), only(Permission::ReadAlerts)),
        (("post", "/api/v1/field/reports"), only(Permission::AnswerAlerts)),
        (("get", "/api/v1/field/photos/{key}"), only(Permission::ReadAlerts)),
        (("get", "/api/v1/push/key"), Some(None)),
        (("post", "/api/v1/push/subscriptions"), Some(None)),
        (("delete", "/api/v1/push/subscriptions/{id}"), Some(None)),
        (("get", "/api/v1/deliveries"), only(Permission::ReadAlerts)),
        (("post", "/api/v1/deliveries/{key}/{report}"), None),
        (("post", "/api/v1/alerts/{id}/acknowledge"), only(Permission::AnswerAlerts)),
        (("post", "/api/v1/alerts/{id}/unacknowledge"), only(Permission::AnswerAlerts)),
        (("post", "/api/v1/alerts/{id}/assign"), only(Permission::AnswerAlerts)),
        (("post", "/api/v1/alerts/{id}/comment"), only(Permission::AnswerAlerts)),
        (("post", "/api/v1/alerts/{id}/shelve"), only(Permission::SettleAlerts)),
        (("post", "/api/v1/alerts/{id}/unshelve"), only(Permission::SettleAlerts)),
        (("post", "/api/v1/alerts/{id}/close"), only(Permission::SettleAlerts)),
        (("get", "/api/v1/roster"), only(Permission::ReadAlerts)),
        (("get", "/api/v1/roster/now"), only(Permission::ReadAlerts)),
        (("post", "/api/v1/roster"), only(Permission::EditRoster)),
        (("put", "/api/v1/roster/{id}"), only(Permission::EditRoster)),
        (("delete", "/api/v1/roster/{id}"), only(Permission::EditRoster)),
        (("get", "/api/v1/rules"), only(Permission::ReadAlerts)),
        (("get", "/api/v1/rules/{name}"), only(Permission::ReadAlerts)),
        (("post", "/api/v1/rules/test"), only(Permission::ReadHistory)),
        (("post", "/api/v1/rules/backtest"), only(Permission::ReadHistory)),
        (("get", "/api/v1/rules/{name}/versions"), only(Permission::ReadAlerts)),
        (("post", "/api/v1/rules"), only(Permission::Administer)),
        (("put", "/api/v1/rules/{name}"), only(Permission::Administer)),
        (("delete", "/api/v1/rules/{name}"), only(Permission::Administer)),
        (("post", "/api/v1/rules/{name}/enable"), only(Permission::Administer)),
        (("post", "/api/v1/rules/{name}/disable"), only(Permission::Administer)),
        (("post", "/api/v1/rules/{name}/restore"), only(Permission::Administer)),
        (("get", "/api/v1/incidents"), only(Permission::ReadAlerts)),
        (("get", "/api/v1/incidents/{id}"), only(Permission::ReadAlerts)),
    ])
}

/// Which permissions each role has, written down a second time on purpose.
fn has(role: Role, permission: Permission) -> bool {
    use Permission::*;
    match role {
        Role::Administrator => true,
        Role::Operator => !matches!(permission, ReadAudit | Administer | EditStations),
        Role::Planner => matches!(permission, ReadMap | ReadHistory | ReadAlerts | ReadLedger),
        Role::Ranger => matches!(permission, ReadMap | ReadHistory | ReadAlerts | AnswerAlerts),
    }
}

/// An address of the route where there is something to find, if anything can be.
fn address(path: &str) -> String {
    let address = path.replace("{layer}", "stations").replace("{property}", "pm2_5").replace("{change}", "1");
    let address = address.replace("{file}", "none.xml").replace("{key}", "1").replace("{report}", "seen");
    let address = address.replace("{collection}", "stations").replace("{feature}", "A-AIR");
    let address = address.replace("{*address}", "Things");
    let address = address.replace("{z}/{x}/{y}", "0/0/0");
    let address = address.replace("{source}", "edge").replace("{device}", "nobody").replace("{name}", "none");
    let address = match address.as_str() {
        "/api/v1/stations/{id}" => "/api/v1/stations/A-AIR".to_owned(),
        "/api/v1/stations/{id}/commands" => "/api/v1/stations/A-AIR/commands".to_owned(),
        "/api/v1/history" => "/api/v1/history?channel=A-AIR/pm2_5".to_owned(),
        "/api/v1/history/areas" => "/api/v1/history/areas?property=pm2_5&every=1d".to_owned(),
        "/api/v1/indices/{index}" => "/api/v1/indices/vn_aqi?area=001".to_owned(),
        _ => address.replace("{id}", "1").replace("{window}", "1").replace("{property}", "pm2_5"),
    };
    assert!(!address.contains('{'), "{path} needs an address here");
    address
}

/// The status without reading the body: a stream has no end.
async fn status(house: &House, method: &str, path: &str, token: Option<&str>) -> StatusCode {
    use tower::ServiceExt;
    let mut asked = request(method.to_uppercase().parse().unwrap(), path);
    if let Some(token) = token {
        asked = with_token(asked, token);
    }
    house.router.clone().oneshot(asked).await.unwrap().status()
}

#[tokio::test]
async fn every_route_times_every_caller() {
    let house = House::with(Demo::Off, Config::default());
    let needs = needs();
    let document = serde_json::to_value(api::openapi()).unwrap();
    let mut checked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let Some(need) = needs.get(&(method.as_str(), path.as_str())) else {
                panic!("{method} {path} has no row in the table: who may ask it?");
            };
            checked += 1;
            let address = address(path);
            let closed = need.is_some();
            for wrong in [None, Some("nonsense"), Some("saola_0123")] {
                let found = status(&house, method, &address, wrong).await;
                assert_eq!(found == StatusCode::UNAUTHORIZED, closed, "{method} {address} by {wrong:?}: {found}");
            }
            for role in Role::ALL {
                let name = format!("{}{checked}", role.word());
                let token = house.token(&name, role, None, HOUR);
                let found = status(&house, method, &address, Some(&token)).await;
                assert_ne!(found, StatusCode::INTERNAL_SERVER_ERROR, "{method} {address}");
                let may = need.flatten().is_none_or(|permission| has(role, permission));
                assert_eq!(found == StatusCode::FORBIDDEN, !may, "{method} {address} by {}: {found}", role.word());
                assert_ne!(found, StatusCode::UNAUTHORIZED, "{method} {address} by {}", role.word());
            }
            let short = house.token(&format!("short{checked}"), Role::Administrator, None, Duration::from_secs(1));
            house.parts.clock.set(house.parts.clock.now() + Duration::from_secs(2));
            let found = status(&house, method, &address, Some(&short)).await;
            house.parts.clock.set(super::house::NOW);
            assert_eq!(found == StatusCode::UNAUTHORIZED, closed, "{method} {address}, expired: {found}");
        }
    }
    assert_eq!(checked, needs.len(), "the table has a row for a route that is not there");
}

fn ranger(house: &House) -> String {
    // Somebody must be left to look after the installation.
    house.token("admin", Role::Administrator, None, HOUR);
    house.token("ranger.a", Role::Ranger, Some(&["001"]), HOUR)
}

#[tokio::test]
async fn a_ranger_of_one_commune_is_told_of_that_commune_only() {
    let house = House::with(Demo::Off, Config::default());
    for channel in [PM, LEVEL, RAIN] {
        house.observe(channel, 0, 1.0);
    }
    let token = ranger(&house);
    let ids = |answer: &Answer| -> Vec<String> {
        let document = answer.json();
        let features = document["features"].as_array().unwrap();
        features.iter().map(|feature| feature["id"].as_str().unwrap().to_owned()).collect()
    };
    for (path, expected) in [
        ("/api/v1/stations", vec!["A-AIR"]),
        ("/api/v1/stations?bbox=-180,-90,180,90", vec!["A-AIR"]),
        ("/api/v1/stations?area=002", vec![]),
        ("/api/v1/stations?area=12", vec!["A-AIR"]),
        ("/api/v1/stations?q=nam%20na", vec![]),
        ("/api/v1/layers/stations", vec!["A-AIR"]),
        ("/api/v1/layers/river", vec![]),
        ("/api/v1/layers/rain", vec![]),
        ("/api/v1/layers/areas", vec!["001"]),
        ("/api/v1/layers/alerts", vec![]),
    ] {
        let answer = house.get_as(&token, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
        assert_eq!(ids(&answer), expected, "{path}");
    }
    // What lies elsewhere answers exactly as what does not exist.
    for (there, nowhere) in [
        ("/api/v1/stations/B-RIVER", "/api/v1/stations/X-RIVER"),
        ("/api/v1/stations/C-RAIN", "/api/v1/stations/X-RAIN"),
        ("/api/v1/history?channel=B-RIVER/water_level", "/api/v1/history?channel=X-RIVER/water_level"),
        ("/api/v1/history?channel=A-AIR/pm2_5,C-RAIN/rainfall", "/api/v1/history?channel=A-AIR/pm2_5,X-RAIN/rainfall"),
        ("/api/v1/stations?next=B-RIVER", "/api/v1/stations?next=X-RIVER"),
    ] {
        let [mut there_is, mut nowhere_is] = [house.get_as(&token, there).await, house.get_as(&token, nowhere).await];
        assert!(there_is.status.is_client_error(), "{there}");
        assert_eq!(there_is.status, nowhere_is.status, "{there}");
        let said = |answer: &mut Answer| {
            let mut document = answer.json();
            document["request_id"].take();
            document.to_string().replace("X-", "_-").replace("B-", "_-").replace("C-", "_-")
        };
        assert_eq!(said(&mut there_is), said(&mut nowhere_is));
    }
    let own = house.get_as(&token, "/api/v1/history?channel=A-AIR/pm2_5").await;
    assert_eq!(own.json()["channels"][0]["count"], 1);
    // What cannot be narrowed to areas is not for those who see only some.
    let scoped = house.token("operator.a", Role::Operator, Some(&["001"]), HOUR);
    for path in ["/api/v1/ledger", "/api/v1/dead-letters", "/api/v1/dead-letters/1", "/metrics"] {
        assert_eq!(house.get_as(&scoped, path).await.status, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn a_ranger_hears_of_no_other_commune_on_the_stream() {
    use futures_util::StreamExt;
    use tower::ServiceExt;
    let house = House::with(Demo::Off, Config::default());
    let token = ranger(&house);
    house.observe(PM, 0, 1.0);
    house.observe(LEVEL, 0, 2.0);
    house.observe(RAIN, 0, 3.0);
    house.observe(PM, 0, 4.0);
    let heard = async |token: &str| {
        let mut asked = with_token(request(Method::GET, "/api/v1/stream"), token);
        asked.headers_mut().insert("last-event-id", Seq(1).to_string().parse().unwrap());
        let mut body = house.router.clone().oneshot(asked).await.unwrap().into_body().into_data_stream();
        let mut text = String::new();
        while !text.contains("\"value\":4.0") {
            text.push_str(std::str::from_utf8(&body.next().await.unwrap().unwrap()).unwrap());
        }
        ["A-AIR", "B-RIVER", "C-RAIN"].map(|station| text.contains(station))
    };
    assert_eq!(heard(&token).await, [true, false, false]);
    // What was written for somebody who sees everything is told to the ranger as little.
    assert_eq!(heard(&house.token("planner", Role::Planner, None, HOUR)).await, [true, true, true]);
    assert_eq!(heard(&token).await, [true, false, false]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_soon_after_its_rights() {
    use futures_util::StreamExt;
    use tower::ServiceExt;
    type Act = fn(&House, &str);
    let acts: [(&str, Act); 4] = [
        ("signed out", |house, token| house.parts.accounts.revoke(token, house.parts.clock.now()).unwrap()),
        ("disabled", |house, _| house.parts.accounts.disable("test", "ranger.a", house.parts.clock.now()).unwrap()),
        ("expired", |house, _| house.parts.clock.set(house.parts.clock.now() + 2 * HOUR)),
        ("moved to another commune", |house, _| {
            let scope = saola::auth::Scope::Areas([saola::model::AreaId::new("002")].into());
            let now = house.parts.clock.now();
            house.parts.accounts.change_role("test", "ranger.a", Role::Ranger, &scope, now).unwrap();
        }),
    ];
    for (name, act) in acts {
        let house = House::with(Demo::Off, Config::default());
        let token = ranger(&house);
        let asked = with_token(request(Method::GET, "/api/v1/stream"), &token);
        let mut body = house.router.clone().oneshot(asked).await.unwrap().into_body().into_data_stream();
        assert!(body.next().await.is_some());
        act(&house, &token);
        let begun = tokio::time::Instant::now();
        while body.next().await.is_some() {}
        assert!(begun.elapsed() <= Duration::from_secs(5), "{name}: {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn the_demo_is_for_this_machine_by_its_own_names() {
    let demo = House::demo();
    let me = demo.get("/api/v1/me").await.json();
    assert_eq!(me, serde_json::json!({"name": "demo", "role": "operator", "areas": null, "demo": true}));
    let mut elsewhere = request(Method::GET, "/api/v1/me");
    elsewhere.extensions_mut().insert(axum::extract::ConnectInfo(std::net::SocketAddr::from(([10, 0, 0, 9], 4_000))));
    assert_eq!(demo.ask(elsewhere).await.status, StatusCode::UNAUTHORIZED);
    let mut rebound = request(Method::GET, "/api/v1/me");
    rebound.headers_mut().insert("host", "evil.example".parse().unwrap());
    assert_eq!(demo.ask(rebound).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(demo.get_as("nonsense", "/api/v1/me").await.status, StatusCode::UNAUTHORIZED);
    let real = House::with(Demo::Off, Config::default());
    let refused = real.get("/api/v1/me").await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert!(refused.header("www-authenticate").starts_with("Bearer"));
}

fn sign_in(name: &str, password: &str) -> axum::http::Request<axum::body::Body> {
    with_json(request(Method::POST, "/api/v1/session"), &serde_json::json!({"name": name, "password": password}))
}

#[tokio::test]
async fn signing_in_gives_a_cookie_that_signing_out_withdraws() {
    let house = House::with(Demo::Off, Config::default());
    house.token("lan", Role::Ranger, Some(&["001"]), HOUR);
    let signed_in = house.ask(sign_in("lan", PASSWORD)).await;
    assert_eq!(signed_in.status, StatusCode::OK, "{}", signed_in.text());
    assert_eq!(signed_in.json()["expires_at"], "2026-11-21T22:15:00+07:00");
    let cookie = signed_in.header("set-cookie").to_owned();
    for part in ["saola_session=saola_", "; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=43200"] {
        assert!(cookie.contains(part), "{part}: {cookie}");
    }
    assert!(!signed_in.text().contains("saola_"), "the token stays out of scripts");
    let pair = cookie.split(';').next().unwrap();
    let with_cookie = |method: Method, path: &str, headers: &[(&'static str, &'static str)]| {
        let mut asked = request(method, path);
        asked.headers_mut().insert("cookie", pair.parse().unwrap());
        for (name, value) in headers {
            asked.headers_mut().insert(*name, value.parse().unwrap());
        }
        asked
    };
    let me = house.ask(with_cookie(Method::GET, "/api/v1/me", &[])).await;
    assert_eq!(me.json(), serde_json::json!({"name": "lan", "role": "ranger", "areas": ["001"], "demo": false}));
    for foreign in [&[("sec-fetch-site", "cross-site")][..], &[("origin", "https://evil.example")], &[]] {
        let refused = house.ask(with_cookie(Method::DELETE, "/api/v1/session", foreign)).await;
        assert_eq!((refused.status, refused.json()["code"].as_str()), (StatusCode::FORBIDDEN, Some("cross_site")));
    }
    let own = &[("sec-fetch-site", "same-origin")];
    let signed_out = house.ask(with_cookie(Method::DELETE, "/api/v1/session", own)).await;
    assert_eq!(signed_out.status, StatusCode::NO_CONTENT);
    assert!(signed_out.header("set-cookie").contains("saola_session=; "), "{}", signed_out.header("set-cookie"));
    assert_eq!(house.ask(with_cookie(Method::GET, "/api/v1/me", &[])).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_are_told_the_same_and_held_back() {
    let house = House::with(Demo::Off, Config::default());
    house.token("lan", Role::Ranger, None, HOUR);
    let mut answers = Vec::new();
    for name in ["lan", "nobody"] {
        let answer = house.ask(sign_in(name, "wrong")).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        let mut said = answer.json();
        said["request_id"].take();
        answers.push(said);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0]["code"], "wrong_credentials");
    let mut held_back = None;
    for _ in 0..30 {
        let answer = house.ask(sign_in("lan", "wrong")).await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            held_back = Some(answer);
            break;
        }
    }
    let held_back = held_back.expect("30 tries in a moment were not held back");
    assert_eq!(held_back.json()["code"], "too_many_attempts");
    assert!(held_back.header("retry-after").parse::<u64>().unwrap() >= 1);
}

#[tokio::test]
async fn refusals_are_in_the_audit() {
    let house = House::with(Demo::Off, Config::default());
    let token = ranger(&house);
    house.enter(Body::Tick);
    house.get_as(&token, "/api/v1/ledger").await;
    let records = house.parts.accounts.audit().records(0, 100).unwrap();
    let last = records.last().unwrap();
    assert_eq!((last.actor.as_str(), last.subject.as_str()), ("ranger.a", "/api/v1/ledger"));
}
