//! CAP messages and their feed: valid by the schema whatever names hold, read by a parser of others, each caller told
//! of its own areas.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use axum::http::StatusCode;
use quick_xml::events::Event;
use quick_xml::{Reader, XmlVersion};
use saola::alerts::MOMENTS_MAX;
use saola::api::Demo;
use saola::auth::Role;
use saola::cap::{self, About, Reach, Status};
use saola::model::{
    Alert, AlertCommand, AlertId, AlertState, AreaId, Body, Cause, ChannelId, CloseCause, LocalName, Moment, Order,
    Position, RuleFile, Severity, StationKind, StationNo, Subject, Timestamp, Unit,
};

use super::house::{Answer, House, LEVEL, NOW, PM, RAIN, Settings, request};

const RULES: &str = "
[[rule]]
name = 'flood'
title = { vi = 'Lũ <khẩn> & \"gấp\"', en = 'Flood <now> & \"soon\"' }
text = { vi = 'Rời bờ sông; gọi 112 & báo xã.', en = 'Leave the banks; call 112 & tell the commune.' }
cause = 'river'
property = 'water_level'
levels = [{ severity = 'high', above = 3, clear = 2.5 }, { severity = 'very_high', above = 5 }]

[[rule]]
name = 'dust'
title = { vi = 'Bụi', en = 'Dust' }
property = 'pm2_5'
levels = [{ severity = 'medium', above = 50 }]

[[rule]]
name = 'silent'
title = { vi = 'Mất dữ liệu', en = 'No data' }
property = 'rainfall'
absence = { after = '5m', severity = 'low' }
";

fn alarmed(demo: Demo, cap: cap::Config) -> House {
    let house = House::made(demo, Settings { cap, ..Settings::default() });
    house.enter(Body::Rules(vec![RuleFile { name: "all.toml".into(), text: RULES.into() }]));
    // High, very high, below, over.
    for (ago_s, level) in [(240, 3.5), (180, 5.5), (120, 2.0)] {
        house.observe(LEVEL, ago_s, level);
    }
    house.observe(PM, 30, 80.0);
    house.observe(RAIN, 400, 0.0);
    house.enter(Body::Tick);
    house
}

/// The texts of elements of a name, in order.
fn texts(xml: &str, name: &str) -> Vec<String> {
    let mut reader = Reader::from_str(xml);
    let (mut found, mut open) = (Vec::new(), None::<String>);
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => return found,
            Event::Start(start) if start.name().as_ref() == name => open = Some(String::new()),
            Event::End(end) if end.name().as_ref() == name => found.extend(open.take()),
            Event::Text(text) => open.iter_mut().for_each(|open| open.push_str(&text.xml10_content())),
            Event::GeneralRef(entity) => {
                let letters = quick_xml::escape::resolve_predefined_entity(&entity).unwrap();
                open.iter_mut().for_each(|open| open.push_str(letters));
            }
            _ => {}
        }
    }
}

/// The attributes `href` of links of a relation.
fn links(xml: &str, relation: &str) -> Vec<String> {
    let mut reader = Reader::from_str(xml);
    let mut found = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => return found,
            Event::Empty(link) if link.name().as_ref() == "link" => {
                let value = |name: &str| {
                    let attribute = link.try_get_attribute(name).unwrap().unwrap();
                    attribute.normalized_value(XmlVersion::Implicit1_0).unwrap().into_owned()
                };
                found.extend((value("rel") == relation).then(|| value("href")));
            }
            _ => {}
        }
    }
}

/// Every message of the feed, newest first, by following it page by page.
async fn messages(house: &House, limit: usize) -> Vec<String> {
    let mut page = format!("alerts.atom?limit={limit}");
    let mut found = Vec::new();
    loop {
        let feed = house.get(&format!("/cap/{page}")).await;
        assert_eq!(feed.status, StatusCode::OK, "{}", feed.text());
        assert_eq!(feed.header("content-type"), "application/atom+xml; charset=utf-8");
        for address in links(feed.text(), "alternate") {
            let message = house.get(&format!("/cap/{address}")).await;
            assert_eq!(message.status, StatusCode::OK, "{address}: {}", message.text());
            assert_eq!(message.header("content-type"), "application/cap+xml; charset=utf-8");
            found.push(message.text().to_owned());
        }
        match links(feed.text(), "next").pop() {
            Some(next) => page = next,
            None => return found,
        }
    }
}

fn valid_by_the_schema(folder: &Path) {
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/cap/cap12.xsd");
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(!files.is_empty());
    let output = Command::new("xmllint").args(["--noout", "--nonet", "--schema", schema]).args(&files).output();
    let output = output.expect("xmllint is installed by tests/tools.sh test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn a_chain_of_messages_tells_what_happened_and_refers_back() {
    let house = alarmed(Demo::Loopback, cap::Config::default());
    let all = messages(&house, 200).await;
    let flood: Vec<&String> = all.iter().rev().filter(|message| message.contains("flood~B-RIVER")).collect();
    let told = |name: &str| -> Vec<String> { flood.iter().map(|xml| texts(xml, name)[0].clone()).collect() };
    assert_eq!(told("msgType"), ["Alert", "Update", "Cancel"]);
    assert_eq!(told("severity"), ["Severe", "Extreme", "Extreme"]);
    assert_eq!(told("urgency"), ["Immediate", "Immediate", "Past"]);
    assert_eq!(told("status"), ["Exercise", "Exercise", "Exercise"], "nothing is meant unless it is configured");
    assert_eq!(told("sent"), ["2026-11-21T10:11:00+07:00", "2026-11-21T10:12:00+07:00", "2026-11-21T10:13:00+07:00"]);
    assert_eq!(told("circle")[0], "22.50000,104.50000 1");
    let ids = told("identifier");
    let named = |place: usize| format!("saola.invalid,{},{}", ids[place], told("sent")[place]);
    let references: Vec<Vec<String>> = flood.iter().map(|xml| texts(xml, "references")).collect();
    assert_eq!(references, [vec![], vec![named(0)], vec![format!("{} {}", named(0), named(1))]]);
    assert_eq!(texts(flood[0], "language"), ["vi-VN", "en-US"]);
    assert_eq!(texts(flood[0], "event"), ["Lũ <khẩn> & \"gấp\"", "Flood <now> & \"soon\""]);
    assert_eq!(texts(flood[0], "instruction").len(), 2);
    assert_eq!(texts(flood[2], "instruction").len(), 0, "what is over asks nothing of anybody");
    assert_eq!(texts(flood[2], "responseType"), ["AllClear", "AllClear"]);
    assert_eq!(texts(flood[0], "category"), ["Met", "Met"]);
    assert!(texts(flood[0], "description")[1].contains("not the disaster risk level"));
    assert!(!all.iter().any(|message| message.contains("silent~")), "missing data is no hazard");
}

#[tokio::test]
async fn pages_give_each_message_once_and_tags_spare_the_body() {
    let house = alarmed(Demo::Loopback, cap::Config::default());
    for step in 0..10 {
        house.observe(LEVEL, 100 - step * 2, if step % 2 == 0 { 6.0 } else { 2.0 });
    }
    let whole = messages(&house, 200).await;
    assert!(whole.len() > 8, "{}", whole.len());
    for limit in [1, 3, 7] {
        assert_eq!(messages(&house, limit).await, whole, "{limit} a page");
    }
    let ids: BTreeSet<String> = whole.iter().map(|xml| texts(xml, "identifier")[0].clone()).collect();
    assert_eq!(ids.len(), whole.len());
    let feed = house.get("/cap/alerts.atom").await;
    let mut again = request(axum::http::Method::GET, "/cap/alerts.atom");
    again.headers_mut().insert("if-none-match", feed.header("etag").parse().unwrap());
    let again = house.ask(again).await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
    house.observe(PM, 0, 10.0);
    assert_ne!(house.get("/cap/alerts.atom").await.header("etag"), feed.header("etag"));
    for bad in ["limit=0", "limit=201", "limit=x", "next=soon", "since=-1d", "limit=1&limit=2"] {
        assert_eq!(house.get(&format!("/cap/alerts.atom?{bad}")).await.status, StatusCode::BAD_REQUEST, "{bad}");
    }
    for bad in ["x.xml", "flood.xml", "%00.xml", "~~~.xml", "alerts.xml", "flood~B-RIVER~water_level~1~2~active~high"] {
        assert_eq!(house.get(&format!("/cap/{bad}")).await.status, StatusCode::NOT_FOUND, "{bad}");
    }
}

#[tokio::test]
async fn each_caller_is_told_of_its_areas_unless_all_is_public() {
    let house = alarmed(Demo::Off, cap::Config::default());
    let hour = Duration::from_secs(3_600);
    house.token("admin", Role::Administrator, None, hour);
    let ranger = house.token("ranger.a", Role::Ranger, Some(&["001"]), hour);
    let whole = house.token("operator.a", Role::Operator, None, hour);
    let everything = house.get_as(&whole, "/cap/alerts.atom").await;
    let all = links(everything.text(), "alternate");
    let own = links(house.get_as(&ranger, "/cap/alerts.atom").await.text(), "alternate");
    assert_eq!((own.len(), all.len()), (1, 4));
    assert!(own[0].contains("A-AIR"));
    let status = |answer: Answer| answer.status;
    for address in &all {
        let expected = if own.contains(address) { StatusCode::OK } else { StatusCode::NOT_FOUND };
        assert_eq!(status(house.get_as(&ranger, &format!("/cap/{address}")).await), expected, "{address}");
    }
    assert_eq!(status(house.get("/cap/alerts.atom").await), StatusCode::UNAUTHORIZED);

    let open =
        cap::Config { public: true, sender: "ioc.example.vn".into(), status: Status::Actual, ..cap::Config::default() };
    let house = alarmed(Demo::Off, open);
    let all = messages(&house, 200).await;
    assert_eq!(all.len(), 4, "without signing in");
    for (name, expected) in [("scope", "Public"), ("status", "Actual"), ("sender", "ioc.example.vn")] {
        assert!(all.iter().all(|xml| texts(xml, name) == [expected]), "{name}");
    }
}

#[tokio::test]
async fn what_a_person_calls_a_false_alarm_is_cancelled_until_it_gets_worse() {
    let house = House::demo();
    house.enter(Body::Rules(vec![RuleFile { name: "all.toml".into(), text: RULES.into() }]));
    house.observe(LEVEL, 60, 3.5);
    let alert = house.get("/api/v1/alerts").await.json()["alerts"][0]["id"].as_str().unwrap().to_owned();
    let order = Order::Close { cause: CloseCause::FalseAlarm, note: "a boat".into() };
    house.enter(Body::Alert(Box::new(AlertCommand {
        alert: AlertId(alert.as_str().into()),
        author: "lan".into(),
        order,
        said_at: None,
        versions: None,
        key: None,
        origin: None,
    })));
    let kinds = async || {
        let all = messages(&house, 200).await;
        all.iter().rev().map(|xml| texts(xml, "msgType")[0].clone()).collect::<Vec<_>>()
    };
    assert_eq!(kinds().await, ["Alert", "Cancel"]);
    house.parts.clock.set(NOW + Duration::from_secs(60));
    house.observe(LEVEL, 0, 3.6);
    assert_eq!(kinds().await, ["Alert", "Cancel"]);
    house.observe(LEVEL, 0, 5.5);
    assert_eq!(kinds().await, ["Alert", "Cancel", "Alert"], "another chain begins");
}

/// Alerts with every state, severity and hostile name there is.
fn hostile() -> Vec<Alert> {
    let names = ["<&\"'>", "a\nb\tc\r", "]]><!--", "\u{0}\u{1b}\u{ffff}", "&amp;&#0;", "Lũ quét ở Nậm Ban 🌊", " "];
    let states =
        [AlertState::Active, AlertState::Recovering, AlertState::Unknown, AlertState::Latched, AlertState::Cleared];
    let mut alerts = Vec::new();
    for (number, name) in names.into_iter().enumerate() {
        let text = |language: &str| format!("{name}{language}");
        let title = LocalName { vi: text("vi"), en: text("en") };
        let moments = (0..MOMENTS_MAX).map(|place| Moment {
            at: NOW + Duration::from_micros(place as u64 * 1_500_000),
            state: if place + 1 == MOMENTS_MAX { AlertState::Cleared } else { states[place % 4] },
            severity: Severity::ALL[(place / 4) % 5],
            value: [Some(1.5), None, Some(-1e-9)][place % 3],
            cause: Cause::Value,
        });
        alerts.push(Alert {
            id: AlertId(format!("rule~~{number}~water_level~{}", NOW.micros()).into()),
            rule: name.to_owned(),
            title,
            subject: Subject::Channel { station: StationNo(0), channel: ChannelId(0), area: None },
            state: AlertState::Cleared,
            severity: Severity::Low,
            threshold: Some(1.0),
            value: None,
            started_at: NOW,
            changed_at: NOW,
            ended_at: None,
            timeline: moments.collect(),
            cause: name.to_owned(),
            occurrences: 1,
            flapping: false,
            retrospective: false,
            closed: None,
            quiet: false,
        });
    }
    alerts
}

#[tokio::test]
async fn the_schema_and_a_parser_of_others_take_every_message() {
    let folder = tempfile::tempdir().unwrap();
    let mut written = 0;
    for alert in hostile() {
        let config =
            cap::Config { sender_name: alert.rule.clone(), contact: alert.rule.clone(), ..cap::Config::default() };
        let place = |at: Timestamp| Position { lon: 103.0 + at.micros() as f64 % 1.0, lat: 22.0 };
        let ring = vec![place(NOW), Position { lon: 104.0, lat: 22.0 }, Position { lon: 104.0, lat: 23.0 }, place(NOW)];
        let about = About {
            alert: &alert,
            station_kind: Some(StationKind::River),
            unit: Unit::Metre,
            is_derived: alert.rule.len() % 2 == 0,
            place: alert.title.clone(),
            reach: Reach { station: Some(place(NOW)), rings: vec![ring], area: Some(AreaId::new(&alert.rule)) },
            advice: Some(alert.title.clone()),
            source: Some(alert.rule.clone()),
        };
        let chain = cap::chain(&alert, &[(NOW + Duration::from_secs(7), Severity::Low)]);
        assert!(chain.len() > 20, "{}", chain.len());
        for message in &chain {
            assert_eq!(cap::alert_of(&message.id), Some(alert.id.clone()));
            let xml = cap::write(message, &about, &config).unwrap();
            std::fs::write(folder.path().join(format!("{written:04}.xml")), xml).unwrap();
            written += 1;
        }
    }
    let house = alarmed(Demo::Loopback, cap::Config::default());
    for xml in messages(&house, 200).await {
        std::fs::write(folder.path().join(format!("{written:04}.xml")), xml).unwrap();
        written += 1;
    }
    valid_by_the_schema(folder.path());
    let python = std::env::var("SAOLA_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/api/cap_read.py");
    let output = Command::new(python).arg(script).arg(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(read.len(), written);
    for (number, read) in read.iter().enumerate() {
        let xml = std::fs::read_to_string(folder.path().join(format!("{number:04}.xml"))).unwrap();
        for name in ["identifier", "sent", "msgType", "status"] {
            assert_eq!(read[name], texts(&xml, name)[0], "{number}");
        }
        assert_eq!(read["events"], serde_json::json!(texts(&xml, "event")), "{number}");
        assert_eq!(read["severities"], serde_json::json!(texts(&xml, "severity")), "{number}");
    }
}
