use proptest::prelude::*;

use super::*;

/// Decodes one message for station `S` and writes what came out as text, one part a line.
fn decoded(topic: &str, payload: &[u8]) -> String {
    let mut out = Decoded::default();
    let limits = Limits { payload_bytes_max: 4096, readings_max: 20, keys_max: 12 };
    if let Err(rejection) = decode(topic, payload, &limits, &mut out) {
        assert!(out.readings.is_empty() && out.rejections.is_empty(), "nothing of a refused message is taken");
        return format!("all {}", rejection.reason.word());
    }
    let mut lines: Vec<String> = out
        .readings
        .iter()
        .map(|reading| {
            let time = reading.time.map_or_else(|| "-".to_owned(), |time| time.to_string());
            format!("{} {} {} {time} {:?}", reading.station, reading.property, reading.value, reading.status)
        })
        .collect();
    lines.extend(out.rejections.iter().map(|rejection| rejection.reason.word().to_owned()));
    lines.join("\n")
}

fn check(payload: &str, expected: &str) {
    assert_eq!(decoded("saola/v1/S", payload.as_bytes()), expected, "{payload}");
}

#[test]
fn an_object_gives_its_readings() {
    check(
        r#"{"time": "2026-11-21T10:15:00+07:00", "pm2_5": 41.2, "pm10": 63, "status": "measuring"}"#,
        "S pm2_5 41.2 2026-11-21T03:15:00Z Measuring\nS pm10 63 2026-11-21T03:15:00Z Measuring",
    );
    check(r#"{"pm10":-0.5e1,"time":1795230900,"status":"01"}"#, "S pm10 -5 2026-11-21T03:15:00Z Calibrating");
    check(r#" { "pm10" : 1 , "time" : null } "#, "S pm10 1 - Measuring");
    check("{\"nhi\\u1ec7t_\\u0111\\u1ed9\":1}", "S nhiệt_độ 1 - Measuring");
    check(r#"{"a":null,"b":2}"#, "S b 2 - Measuring");
}

#[test]
fn an_array_gives_the_readings_of_every_object() {
    check(
        r#"[{"time":1,"a":1},{"time":2000000000000,"a":2,"status":"fault"}]"#,
        "S a 1 1970-01-01T00:00:01Z Measuring\nS a 2 2033-05-18T03:33:20Z Fault",
    );
}

#[test]
fn a_property_topic_takes_a_bare_number() {
    assert_eq!(decoded("saola/v1/S/pm10", b" 12.5\n"), "S pm10 12.5 - Measuring");
    for payload in ["", "{\"pm10\":1}", "12.5 3", "nan", "\"1\"", "1,5"] {
        let expected = if payload.is_empty() { "all empty_payload" } else { "all wrong_shape" };
        assert_eq!(decoded("saola/v1/S/pm10", payload.as_bytes()), expected, "{payload}");
    }
}

#[test]
fn other_topics_are_unknown() {
    for topic in ["saola/v1/", "saola/v1", "saola/v2/S", "saola/v1/S/", "saola/v1//a", "saola/v1/S/a/b", "đồi/1", ""]
    {
        assert_eq!(decoded(topic, b"{\"a\":1}"), "all unknown_topic", "{topic}");
    }
}

#[test]
fn a_bad_value_costs_that_reading_alone() {
    check(r#"{"a":"1","b":2}"#, "S b 2 - Measuring\nwrong_type");
    check(r#"{"a":true,"b":2}"#, "S b 2 - Measuring\nwrong_type");
    check(r#"{"a":1e400,"b":2}"#, "S b 2 - Measuring\nnot_finite");
}

#[test]
fn a_bad_time_or_status_costs_its_object() {
    check(r#"{"time":"10:15","a":1,"b":2}"#, "invalid_time");
    check(r#"{"time":"2026-11-21T10:15:00","a":1}"#, "invalid_time");
    check(r#"{"time":true,"a":1}"#, "invalid_time");
    check(r#"{"time":1795230900000000000,"a":1}"#, "invalid_time");
    check(r#"{"status":"broken","a":1}"#, "invalid_status");
    check(r#"{"status":1,"a":1}"#, "invalid_status");
    check(r#"{"a":1,"a":2}"#, "duplicate_key");
    check(r#"{"time":1,"a":1,"time":2}"#, "duplicate_key");
    check(r#"[{"a":1},{"time":"?","a":2},{}]"#, "S a 1 - Measuring\ninvalid_time\nno_readings");
}

#[test]
fn what_cannot_be_read_is_refused_whole() {
    let all = [
        ("", "empty_payload"),
        (" \n", "empty_payload"),
        ("{}x", "invalid_json"),
        ("{\"a\":1", "invalid_json"),
        ("{\"a\":1,}", "invalid_json"),
        ("{\"a\" 1}", "invalid_json"),
        ("{a:1}", "invalid_json"),
        ("{\"a\":NaN}", "invalid_json"),
        ("{\"a\":Infinity}", "invalid_json"),
        ("{\"a\":01}", "invalid_json"),
        ("{\"a\":\"\n\"}", "invalid_json"),
        ("{\"\\ud800\":1}", "invalid_json"),
        ("{\"a\\", "invalid_json"),
        ("{\"a\\đ\":1}", "invalid_json"),
        ("\u{feff}{\"a\":1}", "invalid_json"),
        ("{\"a\":1}\0", "invalid_json"),
        ("tru", "invalid_json"),
        ("12", "wrong_shape"),
        ("null", "wrong_shape"),
        ("[1]", "wrong_shape"),
        ("[]", "no_readings"),
        ("[[{\"a\":1}]]", "nested_too_deep"),
        ("{\"a\":{\"b\":1}}", "nested_too_deep"),
        ("{\"a\":[1]}", "nested_too_deep"),
    ];
    for (payload, reason) in all {
        check(payload, &format!("all {reason}"));
    }
    assert_eq!(decoded("saola/v1/S", b"{\"a\":\"\xff\"}"), "all invalid_utf8");
    check(&"[".repeat(4000), "all nested_too_deep");
    check(&format!("{}{{\"a\":1}}", " ".repeat(5000)), "all payload_too_large");
    let keys: Vec<String> = (0..13).map(|key| format!("\"k{key}\":1")).collect();
    check(&format!("{{{}}}", keys.join(",")), "all too_many_readings");
    check(&format!("[{}]", vec!["{\"a\":1}"; 21].join(",")), "all too_many_readings");
}

#[test]
fn a_detail_is_cut_at_a_letter() {
    let rejection = reject(Reason::WrongType, "đ".repeat(200));
    assert_eq!(rejection.detail, "đ".repeat(100));
}

proptest! {
    #[test]
    fn agrees_with_a_json_parser_on_what_is_json(payload in "[\\[\\]{}\",:\\\\0-9.eE+\\- aut\\n]{0,24}") {
        let refused_as_broken = decoded("saola/v1/S", payload.as_bytes()).contains("invalid_json");
        if serde_json::from_str::<serde_json::Value>(&payload).is_ok() {
            prop_assert!(!refused_as_broken, "{}", payload);
        } else if decoded("saola/v1/S", payload.as_bytes()).contains("Measuring") {
            prop_assert!(false, "took a reading from what is not JSON: {}", payload);
        }
    }

    #[test]
    fn values_come_through_bit_by_bit(value in any::<f64>().prop_filter("finite", |value| value.is_finite())) {
        let payload = format!("{{\"a\":{}}}", serde_json::to_string(&value).unwrap());
        let mut out = Decoded::default();
        decode("saola/v1/S", payload.as_bytes(), &Limits::default(), &mut out).unwrap();
        prop_assert_eq!(out.readings[0].value.to_bits(), value.to_bits());
    }

    #[test]
    fn no_bytes_panic(payload in prop::collection::vec(any::<u8>(), 0..200)) {
        decoded("saola/v1/S", &payload);
    }
}
