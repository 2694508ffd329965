use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::samples::{LIMITS, NOW, mutated, sample, told};
use super::*;

fn hear(payload: &[u8]) -> String {
    let mut out = Heard::default();
    let zone = TimeZone::get("Asia/Ho_Chi_Minh").unwrap();
    let result = decode("", payload, NOW, &LIMITS, &zone, &mut out);
    told(result, &out)
}

fn check(payload: &Value, expected: &str) {
    assert_eq!(hear(payload.to_string().as_bytes()), expected, "{payload}");
}

/// What the sample's `expected` says, and what it does not name: other numbers of the same message.
fn check_sample(name: &str, time: &str, place: (f64, f64), units: &[(&str, &str)], others: &[&str]) {
    let sample = sample(name);
    let zone = TimeZone::get("Asia/Ho_Chi_Minh").unwrap();
    let mut out = Heard::default();
    decode(&sample.topic, &sample.payload, NOW, &LIMITS, &zone, &mut out).unwrap();
    assert!(out.rejections.is_empty() && out.events.is_empty());
    let expected = sample.expected[0].as_object().unwrap();
    let numbers: Vec<(&String, f64)> =
        expected.iter().filter_map(|(name, value)| Some((name, value.as_f64()?))).collect();
    for (name, value) in &numbers {
        let seen = out.observed.iter().find(|seen| seen.name == name.as_str()).unwrap();
        assert_eq!(seen.value, *value, "{name}");
    }
    for seen in &out.observed {
        assert_eq!(seen.device, expected["id"].as_str().unwrap());
        assert_eq!(seen.time, Timestamp::parse(time));
        assert_eq!(seen.place, Some(place));
        assert!(
            numbers.iter().any(|(name, _)| seen.name == name.as_str()) || others.contains(&seen.name.as_ref()),
            "{}",
            seen.name
        );
        let unit = units.iter().find(|(name, _)| seen.name == *name).map(|(_, unit)| *unit);
        assert_eq!(seen.unit.as_deref(), unit, "{}", seen.name);
    }
    assert_eq!(out.observed.len(), numbers.len() + others.len());
}

const MADRID: (f64, f64) = (-3.712_247_222_222_222, 40.423_852_777_777_775);
const WEATHER: [(&str, &str); 6] = [
    ("temperature", "Cel"),
    ("relativeHumidity", "1"),
    ("precipitation", "mm"),
    ("windDirection", "deg"),
    ("windSpeed", "m/s"),
    ("reliability", "1"),
];

#[test]
fn air_quality_in_simplified_form() {
    check_sample("ngsild-AirQualityObserved-keyvalues", "2016-03-15T04:00:00Z", MADRID, &WEATHER, &[]);
}

#[test]
fn air_quality_in_normalized_form() {
    let mut units = WEATHER.to_vec();
    units.extend([("co", "mg/m3"), ("no", "ug/m3"), ("no2", "ug/m3"), ("nox", "ug/m3"), ("so2", "ug/m3")]);
    let others = ["pm4", "tpc", "tsp", "pressure", "charge"];
    check_sample("ngsild-AirQualityObserved-normalized", "2016-03-15T04:00:00Z", MADRID, &units, &others);
}

#[test]
fn traffic_flow_at_the_exact_end_of_its_interval() {
    let units = [
        ("averageHeadwayTime", "s"),
        ("averageVehicleLength", "m"),
        ("averageVehicleSpeed", "km/h"),
        ("occupancy", "1"),
    ];
    let place = (-4.734_148_586_599_93, 41.660_059_419_347_8);
    check_sample("ngsild-TrafficFlowObserved-keyvalues", "2016-12-07T11:15:00Z", place, &units, &[]);
}

/// ETSI GS CIM 009 section 5.3.1 and 7; NGSIv2 notifications.
#[test]
fn every_envelope_holds_the_same_entity() {
    let entity = json!({"id": "e", "type": "T", "t": {"type": "Property", "value": 1}});
    for message in [
        entity.clone(),
        json!([entity]),
        json!({"id": "n", "type": "Notification", "subscriptionId": "s", "notifiedAt": "2026-11-21T03:00:00Z", "data": [entity]}),
        json!({"subscriptionId": "s", "data": [entity]}),
        json!({"data": entity}),
        json!({"metadata": {"Content-Type": "application/json"}, "body": {"id": "n", "subscriptionId": "s", "data": [entity]}}),
        json!({"metadata": {}, "body": entity}),
        json!({"id": "n", "subscriptionId": "s", "data": {"type": "FeatureCollection", "features": [
            {"id": "e", "type": "Feature", "geometry": null, "properties": {"type": "T", "t": {"type": "Property", "value": 1}}}]}}),
    ] {
        check(&message, "e|t = 1");
    }
    check(&json!({"id": "e", "data": 1}), "e|data = 1");
    check(&json!([entity, {"type": "T", "t": 2}, 3]), "e|t = 1\nwrong_shape\nwrong_shape");
}

/// Section 4.5: representations of attributes.
#[test]
fn attributes_are_read_in_every_representation() {
    for attribute in [
        json!(21.5),
        json!({"value": 21.5}),
        json!({"type": "Property", "value": 21.5}),
        json!({"type": "Number", "value": 21.5, "metadata": {}}),
        json!({"value": {"@type": "xsd:double", "@value": 21.5}}),
    ] {
        check(&json!({"id": "e", "type": "WeatherObserved", "temperature": attribute}), "e|temperature = 21.5 Cel");
    }
    check(
        &json!({"id": "e", "level": [{"type": "Property", "value": 1}, {"type": "Property", "value": 2, "datasetId": "urn:d:2"}]}),
        "e|level = 1\ne|level@urn:d:2 = 2",
    );
    check(
        &json!({"id": "e", "type": "https://x/WeatherObserved", "https://x#windSpeed": 2}),
        "e|https://x#windSpeed = 2 m/s",
    );
    check(&json!({"id": "e", "type": ["Device", "WeatherObserved"], "windSpeed": 2}), "e|windSpeed = 2 m/s");
    check(&json!({"id": "trạm \"1\", đồi\n+/#", "nhiệt độ": 1}), "trạm \"1\", đồi\n+/#|nhiệt độ = 1");
}

#[test]
fn what_describes_an_entity_is_passed_over() {
    check(
        &json!({"id": "e", "type": "T", "name": "x", "address": {"streetAddress": "y", "number": 5}, "open": true, "tags": [1, 2],
            "refDevice": {"type": "Relationship", "object": "urn:d"}, "gone": {"type": "Number", "value": null},
            "label": {"type": "LanguageProperty", "languageMap": {"vi": "z"}}, "t": 1, "createdAt": 5}),
        "e|t = 1\ne|name is \"x\"",
    );
    check(
        &json!({"id": "e", "type": "TrafficFlowObserved", "congested": true, "reversedLane": false}),
        "e|congested = 1",
    );
    check(
        &json!({"id": "e", "t": {"type": "Number", "value": "21.5"}, "u": {"type": "Text", "value": "1"}}),
        "e|u is \"1\"\nwrong_type",
    );
}

/// Section 4.5.2: `unitCode` and `observedAt`; NGSIv2 has both as metadata.
#[test]
fn an_attribute_has_its_own_unit_and_time() {
    let ld = json!({"id": "e", "type": "AirQualityObserved", "dateObserved": {"type": "Property", "value": {"@type": "DateTime", "@value": "2026-11-21T03:00:00Z"}},
        "CO": {"type": "Property", "value": 0.5, "unitCode": "GP", "observedAt": "2026-11-21T02:50:00.000Z"},
        "PM2.5": {"type": "Property", "value": 41, "unitCode": "XYZ"},
        "temperature": {"type": "Property", "value": 70, "unitCode": "FAH"}});
    check(
        &ld,
        "e|CO = 0.5 mg/m3 @2026-11-21T02:50:00Z\ne|PM2.5 = 41 XYZ @2026-11-21T03:00:00Z\ne|temperature = 70 [degF] @2026-11-21T03:00:00Z",
    );
    let v2 = json!({"subscriptionId": "s", "data": [{"id": "e", "type": "AirQualityObserved",
        "NO2": {"type": "Number", "value": 69, "metadata": {"unitCode": {"type": "Text", "value": "GQ"}, "timestamp": {"type": "DateTime", "value": "2026-11-21T02:50:00Z"}}},
        "SO2": {"type": "Number", "value": 11, "metadata": {"TimeInstant": {"type": "DateTime", "value": "2026-11-21T02:55:00Z"}}},
        "O3": {"type": "Number", "value": 5, "metadata": {}},
        "TimeInstant": {"type": "DateTime", "value": "2026-11-21T03:00:00Z"}}]});
    check(
        &v2,
        "e|NO2 = 69 ug/m3 @2026-11-21T02:50:00Z\ne|O3 = 5 @2026-11-21T03:00:00Z\ne|SO2 = 11 @2026-11-21T02:55:00Z",
    );
}

#[test]
fn an_observed_date_has_many_forms() {
    for (date, expected) in [
        (json!("2026-11-21T03:00:00Z"), "e|t = 1 @2026-11-21T03:00:00Z"),
        (json!("2026-11-21T10:00:00"), "e|t = 1 @2026-11-21T03:00:00Z"),
        (json!("2026-11-21T10:00:00+07:00"), "e|t = 1 @2026-11-21T03:00:00Z"),
        (json!("2026-11-21T09:00:00/2026-11-21T10:00:00"), "e|t = 1 @2026-11-21T03:00:00Z"),
        (json!("2026-11-21T02:00:00Z/PT1H"), "e|t = 1 @2026-11-21T03:00:00Z"),
        (json!({"type": "DateTime", "value": "2026-11-21T03:00:00.00Z"}), "e|t = 1 @2026-11-21T03:00:00Z"),
        (json!({"@type": "DateTime", "@value": "2026-11-21T03:00:00Z"}), "e|t = 1 @2026-11-21T03:00:00Z"),
        (json!("2026-11-21"), "invalid_time"),
        (json!("noon"), "invalid_time"),
        (json!(5), "invalid_time"),
        (json!(null), "e|t = 1"),
    ] {
        check(&json!({"id": "e", "dateObserved": date, "t": 1}), expected);
    }
    let own = json!({"value": 1, "observedAt": "2026-11-21T03:00:00Z"});
    check(
        &json!({"id": "e", "dateObserved": "noon", "t": own, "u": 2, "w": 3}),
        "e|t = 1 @2026-11-21T03:00:00Z\ninvalid_time",
    );
    check(&json!({"id": "e", "dateObserved": "noon", "t": own}), "e|t = 1 @2026-11-21T03:00:00Z");
    check(&json!({"id": "e", "t": {"value": 1, "observedAt": "noon"}, "u": 2}), "e|u = 2\ninvalid_time");
}

#[test]
fn a_place_is_a_point_a_line_or_a_text() {
    for (location, expected) in [
        (
            json!({"type": "GeoProperty", "value": {"type": "Point", "coordinates": [103.25, 22.4, 900]}}),
            " (103.25 22.4)",
        ),
        (json!({"type": "geo:json", "value": {"type": "Point", "coordinates": [103.25, 22.4]}}), " (103.25 22.4)"),
        (json!({"type": "geo:point", "value": "22.4, 103.25"}), " (103.25 22.4)"),
        (json!({"type": "Point", "coordinates": [203.25, 22.4]}), ""),
        (json!({"type": "Polygon", "coordinates": [[[1, 2]]]}), ""),
        (json!({"type": "LineString", "coordinates": []}), ""),
    ] {
        check(&json!({"id": "e", "t": 1, "location": location}), &format!("e|t = 1{expected}"));
    }
}

#[test]
fn what_is_no_entity_is_refused_whole() {
    for (payload, reason) in [
        ("", "empty_payload"),
        ("{", "invalid_json"),
        ("1", "wrong_shape"),
        ("{}", "wrong_shape"),
        ("[]", "no_readings"),
        (r#"{"subscriptionId":"s","data":[]}"#, "no_readings"),
        (r#"{"id":"","t":1}"#, "wrong_shape"),
        (r#"{"id":"e","t":1,"t":2}"#, "duplicate_key"),
    ] {
        assert_eq!(hear(payload.as_bytes()), format!("all {reason}"), "{payload}");
    }
    assert_eq!(hear(br#"{"id":"e","t":1e999,"u":1}"#), "e|u = 1\nnot_finite");
    let long = format!(r#"{{"id":"{}","t":1}}"#, "e".repeat(300));
    assert_eq!(hear(long.as_bytes()), "wrong_shape");
}

proptest! {
    #[test]
    fn no_bytes_break_the_decoder(payload in mutated(
        ["ngsild-AirQualityObserved-keyvalues", "ngsild-AirQualityObserved-normalized", "ngsild-TrafficFlowObserved-keyvalues"]
            .map(|name| sample(name).payload)
            .to_vec(),
    )) {
        hear(&payload);
    }
}
