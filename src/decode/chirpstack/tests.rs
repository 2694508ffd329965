use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::samples::{LIMITS, NOW, mutated, sample, told};
use super::*;

const UP: &str = "application/a/device/0101010101010101/event/up";

fn hear(session: &mut Session, topic: &str, payload: &[u8]) -> String {
    let mut out = Heard::default();
    let result = decode(topic, payload, NOW, &LIMITS, session, &mut out);
    told(result, &out)
}

fn check(topic: &str, payload: &Value, expected: &str) {
    assert_eq!(hear(&mut Session::default(), topic, payload.to_string().as_bytes()), expected, "{payload}");
}

/// An uplink of device `01` with `object`.
fn up(object: &Value) -> Value {
    json!({"time": "2026-11-21T03:15:00.123456789+00:00", "deviceInfo": {"devEui": "01"}, "dr": 5, "object": object})
}

#[test]
fn the_published_uplink_means_what_it_says() {
    let sample = sample("chirpstack-v4-up");
    assert_eq!(
        hear(&mut Session::default(), &sample.topic, &sample.payload),
        "0101010101010101|dr = 1 @2022-07-18T09:34:15.775023Z\n\
         0101010101010101|rssi = -36 dBm @2022-07-18T09:34:15.775023Z\n\
         0101010101010101|snr = 10.5 dB @2022-07-18T09:34:15.775023Z\n\
         invalid_binary",
        "its payload is a single byte that no codec decoded"
    );
}

#[test]
fn the_published_status_means_what_it_says() {
    let sample = sample("chirpstack-v4-status");
    let expected = &sample.expected[0];
    let mut out = Heard::default();
    decode(&sample.topic, &sample.payload, NOW, &LIMITS, &mut Session::default(), &mut out).unwrap();
    let got: Vec<(&str, f64)> = out.observed.iter().map(|seen| (seen.name.as_ref(), seen.value)).collect();
    let level = expected["batteryLevel"].as_f64().unwrap();
    assert_eq!(got, [("margin", expected["margin"].as_f64().unwrap()), ("batteryLevel", level)]);
    assert!(out.observed.iter().all(|seen| seen.device == expected["device"].as_str().unwrap()));
    assert!(out.observed.iter().all(|seen| seen.time == Timestamp::parse(expected["time"].as_str().unwrap())));
}

#[test]
fn an_object_gives_its_numbers_under_their_paths() {
    let object = json!({"temperatureSensor": {"1": 23.5}, "levels": [1, 2.5], "open": true, "state": "ok", "gone": null,
        "nhiệt độ, \"1\"\n#+/": -1});
    check(
        UP,
        &up(&object),
        &"01|levels.0 = 1 @T\n01|levels.1 = 2.5 @T\n01|nhiệt độ, \"1\"\n#+/ = -1 @T\n01|open = 1 @T\n\
          01|temperatureSensor.1 = 23.5 @T\n01|dr = 5 @T\n01|state is \"ok\" @T"
            .replace("@T", "@2026-11-21T03:15:00.123456Z"),
    );
}

/// Protobuf's JSON leaves out what has its default.
#[test]
fn what_is_left_out_is_zero() {
    check(UP, &json!({"deviceInfo": {"devEui": "01"}, "object": {"t": 1}}), "01|t = 1\n01|dr = 0");
    let status = "application/a/device/01/event/status";
    check(status, &json!({"deviceInfo": {"devEui": "01"}}), "01|margin = 0 dB\n01|batteryLevel = 0 %");
    check(status, &json!({"margin": -3, "externalPowerSource": true}), "01|margin = -3 dB");
    check(status, &json!({"batteryLevelUnavailable": true}), "01|margin = 0 dB");
    let location = "application/a/device/01/event/location";
    check(
        location,
        &json!({"location": {"latitude": 21.5, "longitude": 103.25}}),
        "01|latitude = 21.5 deg (103.25 21.5)\n01|longitude = 103.25 deg (103.25 21.5)\n01|altitude = 0 m (103.25 21.5)",
    );
    check(location, &json!({}), "all no_readings");
}

#[test]
fn bytes_without_an_object_are_cayenne() {
    let data = |data: &str| json!({"deviceInfo": {"devEui": "01"}, "object": {}, "data": data, "dr": 1});
    check(UP, &data("A2cBEAVnAP8="), "01|temperature_3 = 27.2 Cel\n01|temperature_5 = 25.5 Cel\n01|dr = 1");
    check(UP, &data("A2cBEAXw"), "01|temperature_3 = 27.2 Cel\n01|dr = 1\nunsupported");
    check(UP, &data(""), "01|dr = 1");
    check(UP, &data("?"), "01|dr = 1\ninvalid_binary");
    check(UP, &json!({"deviceInfo": {"devEui": "01"}, "data": [1]}), "01|dr = 0\nwrong_type");
}

#[test]
fn the_best_gateway_is_told_unless_the_object_has_that_name() {
    let gateways = json!([{"rssi": -110, "snr": -3}, {"rssi": -80}, {"snr": 9, "location": {"latitude": 1}}]);
    let mut message = up(&json!({"snr": 7}));
    message["rxInfo"] = gateways;
    let expected = "01|snr = 7 @T\n01|dr = 5 @T\n01|rssi = -80 dBm @T";
    check(UP, &message, &expected.replace("@T", "@2026-11-21T03:15:00.123456Z"));
}

#[test]
fn repetitions_and_gaps_are_told() {
    let mut session = Session::default();
    let mut uplink = |id: &str, counter: u32, second: u32| {
        let payload = json!({"deduplicationId": id, "time": format!("2026-11-21T03:15:{second:02}Z"), "devAddr": "a",
            "deviceInfo": {"devEui": "01"}, "fCnt": counter, "object": {"t": 1}});
        hear(&mut session, UP, payload.to_string().as_bytes()).replace("01|t = 1 ", "").replace("\n01|dr = 0", "")
    };
    assert_eq!(uplink("x", 7, 0), "@2026-11-21T03:15:00Z @2026-11-21T03:15:00Z");
    assert_eq!(uplink("x", 7, 0), "repeated 01 x");
    assert_eq!(uplink("y", 7, 2), "repeated 01 y");
    assert!(uplink("z", 11, 40).ends_with("gap 01 3"));
    let join = json!({"deviceInfo": {"devEui": "01"}, "devAddr": "b"}).to_string();
    assert_eq!(hear(&mut session, "application/a/device/01/event/join", join.as_bytes()), "joined 01");
}

#[test]
fn a_webhook_says_what_it_is_by_its_fields() {
    let about = json!({"devEui": "01"});
    check("", &json!({"deviceInfo": about, "rxInfo": [], "object": {"t": 1}}), "01|t = 1\n01|dr = 0");
    check("", &json!({"deviceInfo": about, "margin": 1, "batteryLevelUnavailable": true}), "01|margin = 1 dB");
    check("", &json!({"deviceInfo": about, "devAddr": "1"}), "joined 01");
    check("", &json!({"deviceInfo": about, "integrationName": "x", "object": {"t": 1}}), "");
    check("", &json!({"deviceInfo": about, "level": "ERROR"}), "");
}

#[test]
fn what_cannot_be_read_is_refused() {
    check(UP, &json!([]), "all wrong_shape");
    check("x", &json!({"object": {"t": 1}}), "all wrong_shape");
    check(UP, &json!({"time": "2026-11-21T03:15:00"}), "all invalid_time");
    check(UP, &json!({"time": 1}), "all invalid_time");
    check(UP, &json!({"fCnt": "7"}), "all wrong_type");
    check(UP, &json!({"object": "t=1"}), "0101010101010101|dr = 0\nwrong_type");
    let refused = |payload: &str| hear(&mut Session::default(), UP, payload.as_bytes());
    let nothing_else = "0101010101010101|u = 1\n0101010101010101|dr = 0\nnot_finite";
    assert_eq!(refused("{\"object\":{\"t\":1e999,\"u\":1}}"), nothing_else);
    assert_eq!(refused("{\"a\":1"), "all invalid_json");
    assert_eq!(refused(""), "all empty_payload");
    let deep = format!("{{\"object\":{}1{}}}", "{\"a\":".repeat(30), "}".repeat(30));
    assert_eq!(refused(&deep), "all nested_too_deep");
    let long = format!("{{\"object\":{{\"{}\":{{\"a\":1,\"b\":2}}}}}}", "k".repeat(300));
    assert_eq!(refused(&long), "0101010101010101|dr = 0\nwrong_shape");
    let many: Vec<String> = (0..70).map(|at| at.to_string()).collect();
    assert_eq!(refused(&format!("{{\"object\":{{\"a\":[{}]}}}}", many.join(","))), "all too_many_readings");
}

proptest! {
    #[test]
    fn no_bytes_break_the_decoder(
        payload in mutated(vec![sample("chirpstack-v4-up").payload, sample("chirpstack-v4-status").payload]),
        topic in prop_oneof![Just(UP.to_owned()), Just("application/a/device/1/event/location".to_owned()), "\\PC{0,30}"],
    ) {
        hear(&mut Session::default(), &topic, &payload);
    }
}
