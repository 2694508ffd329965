//! SensorThings: entities that lead to each other, filters that say what a look at everything says, pages that give each
//! observation once, a caller's sight, and what is refused.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use saola::api::{Config, Demo};
use saola::auth::Role;
use saola::history;
use saola::model::{Body, ChannelId, FormerPlace, Position, Quality, StationNo, Timestamp};
use serde_json::{Value, json};

use super::house::{House, LEVEL, NOW, OLD, PM, RAIN, TEMPERATURE, document, request};

const ORIGIN: &str = "http://127.0.0.1:8080";

/// What `/sta/v1.1/` has below, as JSON.
async fn read(house: &House, path: &str) -> Value {
    let path = format!("/sta/v1.1/{}", path.replace(' ', "%20"));
    document(&house.get(&path).await, &path)
}

/// Every page of a list, and how many pages there were.
async fn pages(house: &House, path: &str) -> (Vec<Value>, usize) {
    let mut next = Some(format!("/sta/v1.1/{}", path.replace(' ', "%20")));
    let (mut all, mut count) = (Vec::new(), 0);
    while let Some(path) = next {
        let page = document(&house.get(&path).await, &path);
        all.extend(page["value"].as_array().unwrap().iter().cloned());
        count += 1;
        assert!(count < 2_000, "{path} never ends");
        next = page["@iot.nextLink"].as_str().map(|link| link.strip_prefix(ORIGIN).unwrap().to_owned());
    }
    (all, count)
}

fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["@iot.id"].as_str().unwrap()).collect()
}

/// Samples of three channels: dense, sparse, and with gaps, some of them flagged. Returned as channel, time, value.
fn observed(house: &House) -> Vec<(ChannelId, Timestamp, f64)> {
    let mut samples = Vec::new();
    let mut random = 88_172_645_463_325_252u64;
    for (channel, count, longest_s) in [(PM, 120, 90u64), (LEVEL, 40, 4_000), (RAIN, 60, 600)] {
        let mut ago = 0;
        for number in 0..count {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            ago += 1 + random % longest_s + if number % 25 == 24 { 400_000 } else { 0 };
            let value = (random % 100) as f64 / 4.0;
            let quality = if number % 7 == 3 { Quality::RANGE } else { Quality::GOOD };
            house.observe_as(channel, ago, value, quality);
            samples.push((channel, NOW - Duration::from_secs(ago), value));
        }
    }
    samples
}

fn name_of(channel: ChannelId) -> &'static str {
    match channel {
        PM => "A-AIR:pm2_5",
        LEVEL => "B-RIVER:water_level",
        RAIN => "C-RAIN:rainfall",
        _ => panic!("{channel}"),
    }
}

fn id_of((channel, at, _): &(ChannelId, Timestamp, f64)) -> String {
    format!("{}:{}", name_of(*channel), at.micros())
}

#[tokio::test]
async fn every_link_leads_to_what_it_says() {
    let house = House::demo();
    house.observe(PM, 60, 12.5);
    house.observe(PM, 0, 13.5);
    house.observe(LEVEL, 0, 2.0);
    let landing = document(&house.get("/sta/v1.1/").await, "/sta/v1.1/");
    assert_eq!(landing["value"].as_array().unwrap().len(), 8);
    let address = |link: &Value| link.as_str().unwrap().strip_prefix(ORIGIN).unwrap().to_owned();
    let mut next: Vec<String> = landing["value"].as_array().unwrap().iter().map(|set| address(&set["url"])).collect();
    let mut seen = BTreeSet::new();
    while let Some(path) = next.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let found = document(&house.get(&path).await, &path);
        let rows = found["value"].as_array().cloned().unwrap_or_else(|| vec![found.clone()]);
        for row in rows {
            if found["value"].is_null() && path.ends_with(')') {
                assert_eq!(address(&row["@iot.selfLink"]), path);
            }
            let links = row.as_object().unwrap().iter();
            let links = links.filter(|(name, _)| name.ends_with("Link"));
            next.extend(links.map(|(_, link)| address(link)));
        }
    }
    // 3 sets of stations and places, 5 channels, 3 samples, and the ways between them.
    assert!(seen.len() > 60, "{}", seen.len());
}

#[tokio::test]
async fn entities_are_what_the_registry_and_the_store_say() {
    let house = House::demo();
    house.observe_as(PM, 60, 12.5, Quality::RATE);
    let thing = read(&house, "Things('A-AIR')").await;
    assert_eq!((&thing["name"], &thing["properties"]["kind"]), (&json!("Mường Tè"), &json!("air")));
    let stream = read(&house, "Datastreams('A-AIR:pm2_5')").await;
    assert_eq!(
        (&stream["unitOfMeasurement"]["symbol"], &stream["properties"]["interval_s"]),
        (&json!("ug/m3"), &json!(60.0))
    );
    assert_eq!(read(&house, "Datastreams('D-OLD:rainfall')").await["properties"]["retired"], true);
    let location = read(&house, "Things('A-AIR')/Locations").await["value"][0].clone();
    assert_eq!(location["location"], json!({"type": "Point", "coordinates": [103.5, 22.5]}));
    let at = NOW - Duration::from_secs(60);
    let observation = read(&house, &format!("Observations('A-AIR:pm2_5:{}')", at.micros())).await;
    assert_eq!(observation["phenomenonTime"], "2026-11-21T03:14:00Z");
    assert_eq!(observation["resultQuality"], json!({"quality": "rate", "flags": ["rate"]}));
    assert_eq!(observation["result"], 12.5);
    // Parts of entities, raw and not.
    assert_eq!(read(&house, "Things('A-AIR')/name").await, json!({"name": "Mường Tè"}));
    assert_eq!(house.get("/sta/v1.1/Things('A-AIR')/name/$value").await.text(), "Mường Tè");
    assert_eq!(house.get("/sta/v1.1/Things('A-AIR')/properties/name/en/$value").await.text(), "A-AIR");
    assert_eq!(house.get("/sta/v1.1/Datastreams(%27A-AIR%3Apm2_5%27)/Thing/@iot.id/$value").await.text(), "A-AIR");
    let references = read(&house, "Things('A-AIR')/Datastreams/$ref").await;
    assert_eq!(
        references["value"][0],
        json!({"@iot.selfLink": format!("{ORIGIN}/sta/v1.1/Datastreams('A-AIR:pm2_5')")})
    );
}

#[tokio::test]
async fn a_moved_station_has_former_places_and_its_samples_keep_theirs() {
    let house = House::demo();
    house.observe(PM, 7_200, 1.0);
    house.observe(PM, 60, 2.0);
    let until = NOW - Duration::from_secs(3_600);
    let former = FormerPlace { until, position: Position { lon: 103.1, lat: 22.1 }, area: Some("001".into()) };
    let catalogue = house.parts.state.read().catalogue.as_ref().clone().with_moves(vec![(StationNo(0), vec![former])]);
    house.enter(Body::Catalogue(Box::new(catalogue)));
    let moves = read(&house, "Things('A-AIR')/HistoricalLocations?$expand=Locations").await;
    assert_eq!(moves["value"][0]["time"], "2026-11-21T02:15:00Z");
    assert_eq!(moves["value"][0]["Locations"][0]["location"]["coordinates"], json!([103.5, 22.5]));
    let samples = read(&house, "Datastreams('A-AIR:pm2_5')/Observations?$expand=FeatureOfInterest").await;
    let places: Vec<_> = samples["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["FeatureOfInterest"]["feature"]["coordinates"].clone())
        .collect();
    assert_eq!(places, [json!([103.1, 22.1]), json!([103.5, 22.5])]);
    let former = format!("FeaturesOfInterest('A-AIR:{}')/Observations", until.micros());
    assert_eq!(read(&house, &former).await["value"].as_array().unwrap().len(), 1);
    assert_eq!(read(&house, "FeaturesOfInterest('A-AIR')/Observations?$count=true").await["@iot.count"], 1);
    assert_eq!(read(&house, &format!("Locations('A-AIR:{}')/Things", until.micros())).await["value"], json!([]));
}

#[tokio::test]
async fn pages_of_observations_give_each_once_in_every_order() {
    let house = House::demo();
    let mut samples = observed(&house);
    samples.sort_by_key(|(channel, at, _)| (*channel, *at));
    let in_series: Vec<String> = samples.iter().map(id_of).collect();
    samples.sort_by_key(|(channel, at, _)| (*at, *channel));
    let forwards: Vec<String> = samples.iter().map(id_of).collect();
    samples.sort_by_key(|(channel, at, _)| (std::cmp::Reverse(*at), *channel));
    let backwards: Vec<String> = samples.iter().map(id_of).collect();
    for (order, expected) in [
        ("", &in_series),
        ("&$orderby=phenomenonTime", &forwards),
        ("&$orderby=phenomenonTime desc", &backwards),
        ("&$orderby=resultTime DESC", &backwards),
    ] {
        for top in [1, 7, 100, 10_000] {
            let (rows, count) = pages(&house, &format!("Observations?$top={top}{order}")).await;
            assert_eq!(ids(&rows), *expected, "{order} by {top}");
            assert_eq!(count, expected.len().div_ceil(top), "{order} by {top}: a page too many or too few");
        }
        // What is skipped is the beginning.
        let (rows, _) = pages(&house, &format!("Observations?$top=50&$skip=33{order}")).await;
        assert_eq!(ids(&rows), expected[33..], "{order}");
    }
    let of_one: Vec<&String> = backwards.iter().filter(|id| id.starts_with("B-RIVER")).collect();
    let (rows, _) =
        pages(&house, "Datastreams('B-RIVER:water_level')/Observations?$orderby=phenomenonTime desc&$top=6").await;
    assert_eq!(ids(&rows), of_one);
    // By value, which is no order of time.
    let (rows, _) = pages(&house, "Observations?$orderby=result desc,@iot.id&$top=9").await;
    samples.sort_by(|one, other| other.2.total_cmp(&one.2).then(id_of(one).cmp(&id_of(other))));
    assert_eq!(ids(&rows), samples.iter().map(id_of).collect::<Vec<_>>());
}

#[tokio::test]
async fn filters_and_counts_say_what_a_look_at_everything_says() {
    let house = House::demo();
    let samples = observed(&house);
    let middle = NOW - Duration::from_secs(3_000);
    type Wanted = fn(&(ChannelId, Timestamp, f64), Timestamp) -> bool;
    let questions: [(String, Wanted); 12] = [
        ("true".into(), |_, _| true),
        ("result gt 12".into(), |(_, _, value), _| *value > 12.0),
        (format!("phenomenonTime ge {middle}"), |(_, at, _), middle| *at >= middle),
        (format!("phenomenonTime gt {middle} and result le 5.25"), |(_, at, value), middle| {
            *at > middle && *value <= 5.25
        }),
        (format!("{middle} gt resultTime"), |(_, at, _), middle| *at < middle),
        (
            format!("phenomenonTime le {middle} and phenomenonTime gt {middle} sub duration'P20D'"),
            |(_, at, _), middle| *at <= middle && *at > middle - Duration::from_secs(20 * 86_400),
        ),
        ("phenomenonTime gt now() sub duration'PT50M'".into(), |(_, at, _), middle| *at > middle),
        (format!("not (phenomenonTime lt {middle})"), |(_, at, _), middle| *at >= middle),
        ("Datastream/@iot.id eq 'A-AIR:pm2_5' or result lt 3".into(), |(channel, _, value), _| {
            *channel == PM || *value < 3.0
        }),
        ("Datastream/Thing/properties/kind ne 'air' and result mod 1 eq 0.5".into(), |(channel, _, value), _| {
            *channel != PM && value.rem_euclid(1.0) == 0.5
        }),
        ("Datastream/ObservedProperty/name eq 'rainfall'".into(), |(channel, _, _), _| *channel == RAIN),
        (
            "st_within(FeatureOfInterest/feature, geography'POLYGON ((103 22, 104 22, 104 23, 103 23, 103 22))')"
                .into(),
            |(channel, _, _), _| *channel == PM,
        ),
    ];
    for (filter, wanted) in questions {
        let expected: BTreeSet<String> = samples.iter().filter(|sample| wanted(sample, middle)).map(id_of).collect();
        let (rows, _) = pages(&house, &format!("Observations?$filter={filter}&$top=40")).await;
        assert_eq!(rows.len(), expected.len(), "{filter}");
        assert_eq!(ids(&rows).into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), expected, "{filter}");
        let counted = read(&house, &format!("Observations?$filter={filter}&$count=true&$top=0")).await;
        assert_eq!(counted["@iot.count"], expected.len(), "{filter}");
        assert_eq!(counted["value"], json!([]), "{filter}");
    }
    let one = id_of(&samples[5]);
    assert_eq!(ids(&pages(&house, &format!("Observations?$filter=id eq '{one}'")).await.0), [one.as_str()]);
}

#[tokio::test]
async fn things_are_chosen_ordered_and_expanded() {
    let house = House::demo();
    house.observe(PM, 60, 12.5);
    house.observe(PM, 0, 13.5);
    let check = async |query: &str, expected: &[&str]| {
        let (rows, _) = pages(&house, query).await;
        assert_eq!(ids(&rows), expected, "{query}");
    };
    check("Things", &["A-AIR", "B-RIVER", "C-RAIN", "D-OLD"]).await;
    // By letters, not by the order of a language.
    check("Things?$orderby=name&$top=1", &["A-AIR", "C-RAIN", "B-RIVER", "D-OLD"]).await;
    check("Things?$orderby=properties/kind desc,name desc", &["B-RIVER", "D-OLD", "C-RAIN", "A-AIR"]).await;
    check("Things?$filter=properties/area eq '001'", &["A-AIR", "D-OLD"]).await;
    check("Things?$filter=properties/area eq null", &["C-RAIN"]).await;
    check("Things?$filter=startswith(name, 'M') or substringof('Na', name)", &["A-AIR", "B-RIVER"]).await;
    check("Things?$filter=Datastreams/ObservedProperty/name eq 'rainfall'", &["C-RAIN", "D-OLD"]).await;
    check(
        "Things?$filter=st_distance(Locations/location, geography'POINT (103.5 22.5)') lt 50000",
        &["A-AIR", "D-OLD"],
    )
    .await;
    check(
        "Datastreams?$filter=unitOfMeasurement/symbol eq 'mm' and Thing/properties/retired eq false",
        &["C-RAIN:rainfall"],
    )
    .await;
    check(
        "Locations?$filter=geo.intersects(location, geography'POLYGON ((104 22, 105 22, 105 23, 104 23, 104 22))')",
        &["B-RIVER"],
    )
    .await;
    // Through several of several.
    check("Locations?$filter=Things/Datastreams/ObservedProperty/name eq 'pm2_5'", &["A-AIR"]).await;
    check("ObservedProperties", &["air_temperature", "pm2_5", "rainfall", "water_level"]).await;
    check("ObservedProperties('rainfall')/Datastreams", &["C-RAIN:rainfall", "D-OLD:rainfall"]).await;
    check("Sensors('A-AIR')/Datastreams?$skip=1", &["A-AIR:air_temperature"]).await;

    let expand = "Things('A-AIR')?$select=name&$expand=Datastreams($select=name,@iot.id;$count=true;$top=1;$orderby=@iot.id desc;\
        $expand=Observations($top=1;$orderby=phenomenonTime desc;$select=result),ObservedProperty($select=name)),Locations/Things($select=@iot.id)";
    let thing = read(&house, expand).await;
    assert_eq!(thing["name"], "Mường Tè");
    assert!(thing.get("@iot.id").is_none() && thing.get("properties").is_none(), "{thing}");
    let stream = &thing["Datastreams"][0];
    assert_eq!(
        *stream,
        json!({
            "@iot.id": "A-AIR:pm2_5", "name": "Mường Tè · pm2_5", "ObservedProperty": {"name": "pm2_5"},
            "Observations": [{"result": 13.5}], "Observations@iot.nextLink": stream["Observations@iot.nextLink"],
        })
    );
    assert_eq!(thing["Datastreams@iot.count"], 2);
    assert_eq!(thing["Locations"][0]["Things"], json!([{"@iot.id": "A-AIR"}]));
    // What is expanded goes on at its own address, with its own options.
    for (link, expected) in [
        (&thing["Datastreams@iot.nextLink"], json!("Mường Tè · air_temperature")),
        (&stream["Observations@iot.nextLink"], json!(12.5)),
    ] {
        let path = link.as_str().unwrap().strip_prefix(ORIGIN).unwrap();
        let page = document(&house.get(path).await, path);
        let row = &page["value"][0];
        assert!(row["name"] == expected || row["result"] == expected, "{path}: {page}");
        assert_eq!(page["value"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn other_forms_hold_the_same() {
    let house = House::demo();
    for (ago, value) in [(60, 12.5), (0, 13.5)] {
        house.observe(PM, ago, value);
        house.observe(LEVEL, ago, value / 10.0);
    }
    let table = read(&house, "Observations?resultFormat=dataArray&$select=phenomenonTime,result&$count=true").await;
    assert_eq!(table["@iot.count"], 4);
    assert_eq!(table["value"].as_array().unwrap().len(), 2);
    assert_eq!(
        table["value"][0],
        json!({
            "Datastream@iot.navigationLink": format!("{ORIGIN}/sta/v1.1/Datastreams('A-AIR:pm2_5')"),
            "components": ["phenomenonTime", "result"], "dataArray@iot.count": 2,
            "dataArray": [["2026-11-21T03:14:00Z", 12.5], ["2026-11-21T03:15:00Z", 13.5]],
        })
    );
    let features = house.get("/sta/v1.1/Things?resultFormat=GeoJSON&$top=1").await;
    assert_eq!(features.header("content-type"), "application/geo+json");
    let features = features.json();
    assert_eq!(features["features"][0]["geometry"]["coordinates"], json!([103.5, 22.5]));
    assert_eq!(features["features"][0]["properties"]["properties/kind"], "air");
    assert!(features["@iot.nextLink"].as_str().unwrap().contains("resultFormat=GeoJSON"));
    let text = house.get("/sta/v1.1/Observations?resultFormat=CSV&$select=result,phenomenonTime&$top=3&$expand=Datastream($select=name)").await;
    assert_eq!(text.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(
        text.text(),
        "result,phenomenonTime,Datastream/name\n12.5,2026-11-21T03:14:00Z,Mường Tè · pm2_5\n\
        13.5,2026-11-21T03:15:00Z,Mường Tè · pm2_5\n1.25,2026-11-21T03:14:00Z,Nậm Na · water_level\n"
    );
    assert!(text.header("link").contains("rel=\"next\""), "{}", text.header("link"));
}

#[tokio::test]
async fn a_caller_of_one_commune_is_told_of_that_commune_only() {
    let house = House::with(Demo::Off, Config::default());
    for channel in [PM, TEMPERATURE, LEVEL, RAIN, OLD] {
        house.observe(channel, 0, 1.0);
    }
    house.token("admin", Role::Administrator, None, Duration::from_secs(3_600));
    let token = house.token("ranger.a", Role::Ranger, Some(&["001"]), Duration::from_secs(3_600));
    for (path, expected) in [
        ("Things", vec!["A-AIR", "D-OLD"]),
        ("Locations", vec!["A-AIR", "D-OLD"]),
        ("FeaturesOfInterest", vec!["A-AIR", "D-OLD"]),
        ("Sensors", vec!["A-AIR", "D-OLD"]),
        ("Datastreams", vec!["A-AIR:pm2_5", "A-AIR:air_temperature", "D-OLD:rainfall"]),
        ("ObservedProperties", vec!["air_temperature", "pm2_5", "rainfall"]),
        ("ObservedProperties('rainfall')/Datastreams", vec!["D-OLD:rainfall"]),
        ("HistoricalLocations", vec![]),
    ] {
        let answer = house.get_as(&token, &format!("/sta/v1.1/{path}")).await;
        let rows = document(&answer, path)["value"].as_array().unwrap().clone();
        assert_eq!(ids(&rows), expected, "{path}");
    }
    for path in [
        "Observations",
        "Observations?$orderby=phenomenonTime desc",
        "Observations?$orderby=result",
        "Observations?resultFormat=CSV",
    ] {
        let answer = house.get_as(&token, &format!("/sta/v1.1/{}", path.replace(' ', "%20"))).await;
        assert!(answer.text().contains("A-AIR") || answer.text().contains("phenomenonTime"), "{path}");
        assert!(!answer.text().contains("B-RIVER") && !answer.text().contains("C-RAIN"), "{path}: {}", answer.text());
    }
    let counted = house.get_as(&token, "/sta/v1.1/Observations?$count=true").await.json();
    assert_eq!(counted["@iot.count"], counted["value"].as_array().unwrap().len());
    // What lies elsewhere answers as what does not exist.
    for path in [
        "Things('B-RIVER')",
        "Things('B-RIVER')/Datastreams",
        "Locations('C-RAIN')",
        "Sensors('B-RIVER')",
        "Datastreams('B-RIVER:water_level')/Observations",
        "ObservedProperties('water_level')",
        "FeaturesOfInterest('B-RIVER')",
        &format!("Observations('B-RIVER:water_level:{}')", NOW.micros()),
        "Things('A-AIR')/Datastreams('D-OLD:rainfall')",
    ] {
        let answer = house.get_as(&token, &format!("/sta/v1.1/{path}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused_with_a_sentence() {
    let house = House::demo();
    house.observe(PM, 0, 1.0);
    for (path, status, code) in [
        ("Trees", 404, "not_found"),
        ("Things('X')", 404, "not_found"),
        ("Things(", 404, "not_found"),
        ("Things('A-AIR')/Trees", 404, "not_found"),
        ("Things('A-AIR')/name/x", 404, "not_found"),
        ("Things('%FF')", 404, "not_found"),
        ("Observations('A-AIR:pm2_5:99999999999999999999')", 404, "not_found"),
        ("Observations('A-AIR:pm2_5:-9223372036854775808')", 404, "not_found"),
        ("Locations('A-AIR:1')", 404, "not_found"),
        ("Things?$top=-1", 400, "invalid_parameter"),
        ("Things?$top=1&$top=2", 400, "invalid_parameter"),
        ("Things?$filter=name gt 5", 400, "invalid_parameter"),
        ("Things?$filter=name", 400, "invalid_parameter"),
        ("Things?$filter=properties eq properties", 400, "invalid_parameter"),
        ("Things?$orderby=properties", 400, "invalid_parameter"),
        ("Things?colour=red", 400, "invalid_parameter"),
        ("Things('A-AIR')?$top=1", 400, "invalid_parameter"),
        ("Things?$expand=Things", 400, "invalid_parameter"),
        ("Observations?$skiptoken=x", 400, "invalid_parameter"),
        ("Things?$search=x", 501, "not_implemented"),
        ("Things?$filter=Datastreams/any(d:d/name eq 'x')", 501, "not_implemented"),
        ("Things?$filter=Datastreams/Observations/result gt 1", 501, "not_implemented"),
        ("Things?$filter=soundex(name) eq 'x'", 501, "not_implemented"),
        ("Things?resultFormat=XML", 501, "not_implemented"),
        ("Things?resultFormat=dataArray", 501, "not_implemented"),
        ("Things?resultFormat=CSV&$expand=Datastreams", 501, "not_implemented"),
    ] {
        let answer = house.get(&format!("/sta/v1.1/{}", path.replace(' ', "%20"))).await;
        let said = answer.json();
        assert_eq!((answer.status.as_u16(), said["code"].as_str()), (status, Some(code)), "{path}: {}", answer.text());
        assert_eq!((&said["error"]["code"], &said["error"]["message"]), (&said["code"], &said["detail"]), "{path}");
    }
    let mut posted = request(Method::POST, "/sta/v1.1/Things");
    posted.headers_mut().insert("sec-fetch-site", "same-origin".parse().unwrap());
    assert_eq!(house.ask(posted).await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn an_answer_costs_a_bounded_number_of_samples() {
    let limited = history::Config { samples_max: 1_000, ..history::Config::default() };
    let house = House::asking(Demo::Loopback, Config::default(), limited);
    for second in 0..2_500u64 {
        house.observe(PM, 2_500 - second, second as f64);
    }
    // Hardly anything fits: each page ends when enough was read, and all together are everything.
    for order in ["", "&$orderby=phenomenonTime desc"] {
        let (rows, count) = pages(&house, &format!("Observations?$filter=result mod 500 eq 7{order}")).await;
        let mut found: Vec<f64> = rows.iter().map(|row| row["result"].as_f64().unwrap()).collect();
        found.sort_by(f64::total_cmp);
        assert_eq!(found, [7.0, 507.0, 1_007.0, 1_507.0, 2_007.0], "{order}");
        assert!(count >= 3, "{count} pages{order}");
    }
    for path in
        ["Observations?$orderby=result", "Observations?$filter=result gt 5&$count=true", "Observations?$skip=2000"]
    {
        let answer = house.get(&format!("/sta/v1.1/{}", path.replace(' ', "%20"))).await;
        assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (422, Some("too_costly")), "{path}");
        assert!(answer.json()["detail"].as_str().unwrap().contains("phenomenonTime"), "{path}");
    }
    // Counting by whole hours reads none of their samples; a narrow time none of the others.
    let narrow = format!(
        "Observations?$orderby=result desc&$top=1&$filter=phenomenonTime ge {}",
        NOW - Duration::from_secs(100)
    );
    assert_eq!(read(&house, &narrow).await["value"][0]["result"], 2_499.0);
}
