use proptest::prelude::*;
use serde_json::Value;

use super::super::samples::{LIMITS, NOW, hex, mutated, sample, told};
use super::*;

fn json(payload: &[u8]) -> String {
    let mut out = Heard::default();
    let result = decode_json("", payload, Some(NOW), &LIMITS, &mut out);
    told(result, &out)
}

fn cbor(payload: &[u8]) -> String {
    let mut out = Heard::default();
    let result = decode_cbor("", payload, Some(NOW), &LIMITS, &mut out);
    told(result, &out)
}

fn check(payload: &str, expected: &str) {
    assert_eq!(json(payload.as_bytes()), expected, "{payload}");
}

/// RFC 8428 section 5.1: the examples, and what their authors resolved them to.
fn check_resolved(payload: &[u8], expected: &[Value]) {
    let mut out = Heard::default();
    decode_json("", payload, Some(NOW), &LIMITS, &mut out).unwrap();
    assert!(out.rejections.is_empty() && out.events.is_empty());
    assert_eq!(out.observed.len(), expected.len());
    for (observed, expected) in out.observed.iter().zip(expected) {
        let (device, name) = split(Cow::Borrowed(expected["n"].as_str().unwrap()));
        assert_eq!((&observed.device, &observed.name), (&device, &name));
        assert_eq!(observed.unit.as_deref(), expected["u"].as_str());
        let seconds = observed.time.unwrap_or(NOW).micros() as f64 / 1e6;
        assert!((seconds - expected["t"].as_f64().unwrap()).abs() < 1e-6, "{observed:?} {expected}");
        assert!((observed.value - expected["v"].as_f64().unwrap()).abs() < 1e-9);
    }
}

#[test]
fn the_examples_of_section_5_1_resolve_as_published() {
    for name in ["senml-ex1", "senml-ex2", "senml-ex3", "senml-ex4"] {
        let sample = sample(name);
        check_resolved(&sample.payload, &sample.expected);
    }
}

#[test]
fn a_resolved_pack_means_what_the_pack_meant() {
    let sample = sample("senml-ex3");
    let resolved = serde_json::to_vec(&sample.expected).unwrap();
    assert_eq!(json(&resolved), json(&sample.payload));
}

/// Section 4.5: base fields hold from their record on, until they are given again.
#[test]
fn base_fields_are_given_again_inside_a_pack() {
    check(
        r#"[{"bn":"a/","bt":1e9,"bu":"Cel","n":"t","v":1},{"bn":"b/","n":"t","t":5,"v":2},{"bu":"K","bt":1.1e9,"n":"t","v":3},
            {"bn":"","n":"c/t","bu":"","v":4}]"#,
        "a|t = 1 Cel @2001-09-09T01:46:40Z\nb|t = 2 Cel @2001-09-09T01:46:45Z\nb|t = 3 K @2004-11-09T11:33:20Z\n\
         c|t = 4 @2004-11-09T11:33:20Z",
    );
}

/// Section 4.5.4: values and sums are added to their bases; a missing part is zero.
#[test]
fn values_and_sums_are_added_to_their_bases() {
    check(r#"[{"bn":"a:","bv":20,"n":"t","v":1.5},{"n":"t","v":-1}]"#, "a|t = 21.5\na|t = 19");
    check(r#"[{"n":"a:p","u":"W","s":7200}]"#, "a|p#sum = 7200 W.s");
    check(
        r#"[{"bn":"a:","bs":100,"bu":"W","n":"p","v":3,"s":5},{"n":"p","v":4},{"n":"p","s":1}]"#,
        "a|p#sum = 105 W.s\na|p = 3 W\na|p#sum = 100 W.s\na|p = 4 W\na|p#sum = 101 W.s",
    );
    check(r#"[{"bn":"a:","bv":20,"bu":"Cel"},{"n":"t","v":1}]"#, "a|t = 21 Cel");
}

/// Section 4.5.3: below 2^28 seconds a time is relative to now; zero is now.
#[test]
fn small_times_are_relative() {
    check(r#"[{"n":"a:t","v":1,"t":-5}]"#, "a|t = 1 @2017-06-29T23:49:34Z");
    check(r#"[{"n":"a:t","v":1,"t":268435455}]"#, "a|t = 1 @2025-12-31T21:13:54Z");
    check(r#"[{"n":"a:t","v":1,"t":268435456}]"#, "a|t = 1 @1978-07-04T21:24:16Z");
    check(r#"[{"bt":-5,"n":"a:t","v":1,"t":5}]"#, "a|t = 1");
    check(r#"[{"bt":-86400,"n":"a:t","v":1,"t":0.25}]"#, "a|t = 1 @2017-06-28T23:49:39.25Z");
    check(r#"[{"n":"a:t","v":1,"t":1e300},{"n":"a:u","v":2}]"#, "a|u = 2\ninvalid_time");
    check(r#"[{"n":"a:t","v":1,"t":1e400},{"n":"a:u","v":2}]"#, "a|u = 2\ninvalid_time");
}

/// A retained message may have been sent at any time.
#[test]
fn relative_times_of_unknown_origin_are_refused() {
    let pack = br#"[{"bn":"a:","n":"t","v":1,"t":-5},{"n":"t","v":2},{"n":"t","v":3,"t":1498780179}]"#;
    let mut out = Heard::default();
    let result = decode_json("", pack, None, &LIMITS, &mut out);
    assert_eq!(told(result, &out), "a|t = 2\na|t = 3 @2017-06-29T23:49:39Z\nretained_without_time");
}

/// Section 4.2: exactly one value field, unless there is a sum. Section 4.3 and 5: kinds of values.
#[test]
fn a_value_that_is_no_quantity_costs_its_record() {
    check(
        r#"[{"bn":"urn:dev:ow:1:","n":"door","vb":true},{"n":"label","vs":"Phòng máy"},{"n":"tag","vd":"aGkgCg"},{"n":"open","vb":false}]"#,
        "urn:dev:ow:1|door = 1\nurn:dev:ow:1|open = 0\nurn:dev:ow:1|label is \"Phòng máy\"\nnot_a_quantity",
    );
    check(r#"[{"n":"a:t","v":1,"vb":true},{"n":"a:u","v":2}]"#, "a|u = 2\nwrong_shape");
    check(r#"[{"n":"a:t"},{"n":"a:u","v":2}]"#, "a|u = 2\nno_readings");
    check(r#"[{"n":"a:t","v":"1"},{"n":"a:u","v":1e400},{"n":"a:w","v":2}]"#, "a|w = 2\nwrong_type\nnot_finite");
    check(
        r#"[{"n":"a:t","v":null},{"n":1,"v":1},{"n":"a:x","vb":1},{"n":"a:y","t":"now","v":1}]"#,
        "wrong_type\nwrong_type\nwrong_type\ninvalid_time",
    );
    check(r#"[{"v":1}]"#, "wrong_shape");
    let long = "x".repeat(300);
    check(&format!(r#"[{{"bn":"{long}","v":1}},{{"bn":"a/","n":"t","v":2}}]"#), "a|t = 2\nwrong_shape");
}

/// Section 4.4: a label that ends in `_` must be understood; another unknown label is passed over.
#[test]
fn what_must_be_understood_and_is_not_refuses_the_pack() {
    check(r#"[{"n":"a:t","v":1},{"n":"a:t","v":2,"future_":1}]"#, "all unsupported");
    check(r#"[{"n":"a:t","v":1,"future":{"x":[1]},"l":"<>","ut":60}]"#, "a|t = 1");
    check(r#"[{"bver":10,"n":"a:t","v":1}]"#, "a|t = 1");
    check(r#"[{"bver":11,"n":"a:t","v":1}]"#, "all unsupported");
    check(r#"[{"n":"a:t","v":1},{"bver":0}]"#, "all unsupported");
    check(r#"[{"bver":5.5,"n":"a:t","v":1}]"#, "all unsupported");
    check(r#"[{"bver":"10","n":"a:t","v":1}]"#, "all wrong_type");
    check(r#"[{"n":"a:t","v":1},{"bt":"now","n":"a:t","v":2}]"#, "all wrong_type");
    check(r#"[{"bv":1e999,"n":"a:t","v":1}]"#, "all wrong_type");
    check(r#"[{"n":"a:t","v":1,"v":2}]"#, "all duplicate_key");
}

#[test]
fn what_is_no_pack_is_refused_whole() {
    for (payload, reason) in [
        ("", "empty_payload"),
        (" ", "invalid_json"),
        ("[]", "no_readings"),
        (r#"{"n":"a:t","v":1}"#, "wrong_shape"),
        ("[1]", "wrong_shape"),
        (r#"[{"n":"a:t","v":1}"#, "invalid_json"),
        (r#"[{"n":"a:t","v":1}]x"#, "invalid_json"),
        ("\u{feff}[]", "invalid_json"),
    ] {
        check(payload, &format!("all {reason}"));
    }
    assert_eq!(json(b"[{\"n\":\"\xff\",\"v\":1}]"), "all invalid_utf8");
    check(&format!("[{}]", vec![r#"{"n":"a:t","v":1}"#; 61].join(",")), "all too_many_readings");
    check(&format!("[{{\"x\":{}}}]", "[".repeat(4000)), "all nested_too_deep");
    check(&" ".repeat(8193), "all payload_too_large");
}

/// Section 4.5.1, RFC 9039 section 3, RFC 8428 section 5.1.6.
#[test]
fn a_name_is_a_thing_and_a_quantity() {
    for (name, device, quantity) in [
        ("urn:dev:ow:10e2073a01080063", "urn:dev:ow:10e2073a01080063", ""),
        ("urn:dev:ow:10e2073a01080063:voltage", "urn:dev:ow:10e2073a01080063", "voltage"),
        ("urn:dev:mac:0024befffe804ff1_temp", "urn:dev:mac:0024befffe804ff1", "temp"),
        ("URN:DEV:ow:1/3303/5700", "URN:DEV:ow:1", "3303/5700"),
        ("urn:dev:org:32473-tram:1_muc", "urn:dev:org:32473-tram:1", "muc"),
        ("urn:dev:ops:32473-a-1", "urn:dev:ops:32473-a-1", ""),
        ("2001:db8::1/temperature", "2001:db8::1", "temperature"),
        ("/3303/0/5700", "/3303/0", "5700"),
        ("nhiệt_độ", "", "nhiệt_độ"),
        ("trạm \"1\", đồi/#/+:nhiệt độ\n", "trạm \"1\", đồi/#/+", "nhiệt độ\n"),
    ] {
        let written = serde_json::json!([{"n": name, "v": 1}]).to_string();
        assert_eq!(json(written.as_bytes()), format!("{device}|{quantity} = 1"));
    }
}

/// Section 6, figure 3: the pack of example 3 with integer labels; half and double floats.
const EXAMPLE_3: &str = "87a721781b75726e3a6465763a6f773a3130653230373361303130383030363a22fb41d303a15b00106223614120050067766f6c746167
    65016156 02fb405e066666666666a3006763757272656e74062402fb3ff3333333333333a3006763757272656e74062302fb3ff4cccccccccccd
    a3006763757272656e74062202fb3ff6666666666666a3006763757272656e74062102f93e00a3006763757272656e74062002fb3ff999999999
    999aa3006763757272656e74060002fb3ffb333333333333";

#[test]
fn cbor_means_what_json_means() {
    assert_eq!(cbor(&hex(EXAMPLE_3)), json(&sample("senml-ex3").payload));
}

fn check_cbor(payload: &str, expected: &str) {
    assert_eq!(cbor(&hex(payload)), expected, "{payload}");
}

/// Section 6, and RFC 8949 section 3.4.4 (decimal fractions), 3.2.2 (indefinite lengths).
#[test]
fn cbor_numbers_and_lengths_of_every_kind_are_read() {
    check_cbor("81a2 00 63613a74 02 c48221196ab3", "a|t = 273.15");
    check_cbor("9fbf 00 7f 62613a 6174 ff 02 f94100 ff ff", "a|t = 2.5");
    check_cbor("81a2 616e 63613a74 6176 05", "a|t = 5");
    check_cbor("81a2 00 63613a74 04 f5", "a|t = 1");
    check_cbor("82a2 00 63613a74 02 f97e00 a2 00 63613a75 02 01", "a|u = 1\nnot_finite");
    check_cbor("82a2 00 63613a74 08 43010203 a2 00 63613a75 02 01", "a|u = 1\nnot_a_quantity");
    check_cbor("81a3 00 63613a74 02 01 1863 83010203", "a|t = 1");
}

#[test]
fn cbor_that_is_no_pack_is_refused_whole() {
    check_cbor("81a3 00 63613a74 02 01 6366785f 00", "all unsupported");
    check_cbor("81a3 20 0b 00 63613a74 02 01", "all unsupported");
    check_cbor("81a3 00 63613a74 02 01 02 01", "all duplicate_key");
    check_cbor("a1 00 6174", "all wrong_shape");
    check_cbor("8101", "all wrong_shape");
    check_cbor("80", "all no_readings");
    check_cbor("81a2 00 63613a74 02", "all invalid_binary");
    check_cbor("81a2 00 63613a74 02 01 00", "all invalid_binary");
    check_cbor("9bffffffffffffffff a0", "all invalid_binary");
    check_cbor("81bbffffffffffffffff 00", "all invalid_binary");
    check_cbor("81a1 00 7bffffffffffffffff 61", "all invalid_binary");
    check_cbor("81a1 00 61ff", "all invalid_utf8");
    assert_eq!(cbor(&[&hex("81a1 1863")[..], &[0x81; 4000]].concat()), "all nested_too_deep");
}

fn messages() -> Vec<Vec<u8>> {
    ["senml-ex1", "senml-ex2", "senml-ex3", "senml-ex4"].map(|name| sample(name).payload).to_vec()
}

proptest! {
    #[test]
    fn no_bytes_break_the_json_decoder(payload in mutated(messages())) {
        json(&payload);
    }

    #[test]
    fn no_bytes_break_the_cbor_decoder(payload in mutated(vec![hex(EXAMPLE_3)])) {
        cbor(&payload);
    }
}
