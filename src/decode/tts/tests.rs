use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::samples::{LIMITS, NOW, mutated, sample, told};
use super::*;

const TOPIC: &str = "v3/app1@tenant1/devices/dev1/up";

fn hear(session: &mut Session, payload: &[u8]) -> String {
    let mut out = Heard::default();
    let result = decode(TOPIC, payload, NOW, &LIMITS, session, &mut out);
    told(result, &out)
}

fn check(payload: &Value, expected: &str) {
    assert_eq!(hear(&mut Session::default(), payload.to_string().as_bytes()), expected, "{payload}");
}

fn uplink(message: &Value) -> Value {
    json!({"end_device_ids": {"device_id": "d"}, "uplink_message": message})
}

#[test]
fn the_published_uplink_means_what_it_says() {
    let sample = sample("tts-v3-uplink");
    let expected = &sample.expected[0];
    let mut out = Heard::default();
    decode(&sample.topic, &sample.payload, NOW, &LIMITS, &mut Session::default(), &mut out).unwrap();
    let got: Vec<(&str, f64)> = out.observed.iter().map(|seen| (seen.name.as_ref(), seen.value)).collect();
    let value = |name: &'static str| (name, expected[name].as_f64().unwrap());
    let mut wanted = ["temperature", "luminosity", "rssi", "snr"].map(value);
    wanted.sort_by_key(|(name, _)| got.iter().position(|(other, _)| other == name));
    assert_eq!(got, wanted);
    let place = (expected["lon"].as_f64().unwrap(), expected["lat"].as_f64().unwrap());
    for seen in &out.observed {
        assert_eq!(seen.device, expected["device"].as_str().unwrap());
        assert_eq!(seen.time, Timestamp::parse("2020-02-12T15:15:45.787Z"));
        assert_eq!(seen.place, Some(place));
    }
    assert!(out.events.is_empty() && out.rejections.is_empty());
}

#[test]
fn a_normalized_payload_beats_a_decoded_one_and_that_the_bytes() {
    let normal = json!([
        {"time": "2026-11-21T03:00:00Z", "air": {"temperature": 21.5, "relativeHumidity": 80}},
        {"time": "2026-11-21T03:10:00Z", "soil": {"pH": 6.5, "moisture": 30}, "water": {"leak": true, "temperature": {"min": 4}}},
        {"wind": {"speed": 2}},
        {"time": "03:00", "air": {"temperature": 1}},
    ]);
    let message = json!({"normalized_payload": normal, "decoded_payload": {"t": 1}, "frm_payload": "A2cBEA==",
        "received_at": "2026-11-21T03:15:00Z"});
    check(
        &uplink(&message),
        "d|air.relativeHumidity = 80 % @2026-11-21T03:00:00Z\nd|air.temperature = 21.5 Cel @2026-11-21T03:00:00Z\n\
         d|soil.moisture = 30 % @2026-11-21T03:10:00Z\nd|soil.pH = 6.5 [pH] @2026-11-21T03:10:00Z\n\
         d|water.leak = 1 @2026-11-21T03:10:00Z\nd|water.temperature.min = 4 Cel @2026-11-21T03:10:00Z\n\
         d|wind.speed = 2 m/s @2026-11-21T03:15:00Z\ninvalid_time",
    );
    check(
        &uplink(&json!({"normalized_payload": [], "decoded_payload": {"t": 1}, "frm_payload": "A2cBEA=="})),
        "d|t = 1",
    );
    check(&uplink(&json!({"decoded_payload": {}, "frm_payload": "A2cBEA=="})), "d|temperature_3 = 27.2 Cel");
    check(&uplink(&json!({"frm_payload": "gkHe"})), "unsupported");
    check(&uplink(&json!({})), "");
    let one = json!({"end_device_ids": {"device_id": "d"}, "uplink_normalized": {"normalized_payload": {"air": {"co2": 400}},
        "locations": {"user": {"latitude": 21, "longitude": 103}}}});
    check(&one, "d|air.co2 = 400 [ppm] (103 21)");
}

#[test]
fn a_gateways_clock_is_believed_beside_the_servers() {
    for (gateway, expected) in [
        ("2026-11-21T03:14:59.5Z", "2026-11-21T03:14:59.5Z"),
        ("2026-11-21T03:16:00Z", "2026-11-21T03:16:00Z"),
        ("2026-11-21T03:16:01Z", "2026-11-21T03:15:00Z"),
        ("2026-11-20T03:14:59Z", "2026-11-21T03:15:00Z"),
        ("1980-01-06T00:00:00Z", "2026-11-21T03:15:00Z"),
        ("noon", "2026-11-21T03:15:00Z"),
    ] {
        let message =
            json!({"decoded_payload": {"t": 1}, "settings": {"time": gateway}, "received_at": "2026-11-21T03:15:00Z"});
        check(&uplink(&message), &format!("d|t = 1 @{expected}"));
    }
}

#[test]
fn a_place_of_the_frame_beats_an_entered_one() {
    let message = json!({"decoded_payload": {"t": 1}, "locations": {
        "user": {"latitude": 1, "longitude": 2}, "frm-payload": {"latitude": 3, "longitude": 4}}});
    check(&uplink(&message), "d|t = 1 (4 3)");
    let message = json!({"decoded_payload": {"t": 1}, "locations": {"lora-cloud": {"latitude": 95, "longitude": 2}}});
    check(&uplink(&message), "d|t = 1");
}

#[test]
fn repetitions_and_gaps_are_told() {
    let mut session = Session::default();
    let mut up = |counter: u32, second: u32| {
        let mut message = json!({"session_key_id": "k", "decoded_payload": {"t": 1}, "received_at": format!("2026-11-21T03:15:{second:02}Z")});
        if counter > 0 {
            message["f_cnt"] = json!(counter);
        }
        hear(&mut session, uplink(&message).to_string().as_bytes())
    };
    assert_eq!(up(0, 0), "d|t = 1 @2026-11-21T03:15:00Z");
    assert_eq!(up(0, 0), "repeated d f_cnt 0 2026-11-21T03:15:00Z");
    assert_eq!(up(2, 10), "d|t = 1 @2026-11-21T03:15:10Z\ngap d 1");
    check(&json!({"join_accept": {"session_key_id": "k"}}), "joined dev1");
}

#[test]
fn other_messages_hold_their_place_or_nothing() {
    check(
        &json!({"location_solved": {"service": "x", "location": {"latitude": 21, "longitude": 103, "altitude": 900}}, "received_at": "2026-11-21T03:15:00Z"}),
        &"dev1|latitude = 21 deg @T (103 21)\ndev1|longitude = 103 deg @T (103 21)\ndev1|altitude = 900 m @T (103 21)"
            .replace("@T", "@2026-11-21T03:15:00Z"),
    );
    check(&json!({"downlink_sent": {"f_port": 1}}), "");
    check(&json!({"service_data": {"data": {"t": 1}}}), "");
}

#[test]
fn what_cannot_be_read_is_refused() {
    check(&json!(1), "all wrong_shape");
    check(&json!({"simulated": true, "uplink_message": {"decoded_payload": {"t": 1}}}), "all unsupported");
    check(&json!({"received_at": "noon", "uplink_message": {}}), "all invalid_time");
    check(&uplink(&json!({"f_cnt": -1})), "all wrong_type");
    check(&uplink(&json!({"decoded_payload": [1]})), "wrong_type");
    check(&uplink(&json!({"normalized_payload": [1]})), "wrong_shape");
    let mut out = Heard::default();
    let result = decode("x", b"{\"uplink_message\":{}}", NOW, &LIMITS, &mut Session::default(), &mut out);
    assert_eq!(told(result, &out), "all wrong_shape");
}

proptest! {
    #[test]
    fn no_bytes_break_the_decoder(payload in mutated(vec![sample("tts-v3-uplink").payload])) {
        hear(&mut Session::default(), &payload);
    }
}
