use proptest::prelude::*;

use super::super::samples::{LIMITS, NOW, hex, mutated, sample, told};
use super::*;

const NODE: &str = "spBv1.0/G/NDATA/N";
const DEVICE: &str = "spBv1.0/G/DDATA/N/D";

fn hear(session: &mut Session, topic: &str, payload: &[u8]) -> String {
    let mut out = Heard::default();
    let result = decode(topic, payload, NOW, &LIMITS, session, &mut out);
    told(result, &out)
}

fn named(name: &str, datatype: u32, value: Value) -> Metric {
    Metric { name: Some(name.into()), datatype: Some(datatype), value: Some(value), ..Metric::default() }
}

fn aliased(alias: u64, value: Value) -> Metric {
    Metric { alias: Some(alias), value: Some(value), ..Metric::default() }
}

fn payload(seq: Option<u64>, metrics: &[Metric]) -> Vec<u8> {
    let metrics = metrics.iter().map(|metric| Bytes::from(metric.encode_to_vec())).collect();
    Payload { timestamp: Some(1_486_144_502_122), metrics, seq, uuid: None }.encode_to_vec()
}

/// A session in which G/N and G/N/D were born: alias 1 is `Áp suất` (Int16, hPa), alias 2 `t` (Float).
fn born() -> Session {
    let mut session = Session::default();
    let unit = PropertySet {
        keys: vec!["engUnit".into()],
        values: vec![proto::PropertyValue { text: Some("hPa".into()), ..Default::default() }],
    };
    let pressure = Metric {
        alias: Some(1),
        properties: Some(unit.encode_to_vec().into()),
        ..named("Áp suất", datatype::INT16, Value::Int(0xffff))
    };
    let node = [named("bdSeq", datatype::INT64, Value::Long(7)), pressure];
    assert_eq!(
        hear(&mut session, "spBv1.0/G/NBIRTH/N", &payload(Some(0), &node)),
        "G/N|bdSeq = 7 @2017-02-03T17:55:02.122Z\nG/N|Áp suất = -1 hPa @2017-02-03T17:55:02.122Z\njoined G/N"
    );
    let device = [Metric { alias: Some(2), ..named("t", datatype::FLOAT, Value::Float(20.5)) }];
    hear(&mut session, "spBv1.0/G/DBIRTH/N/D", &payload(Some(1), &device));
    session
}

/// Hears one more message of the node that [`born`] began.
fn check(topic: &str, seq: u64, metrics: &[Metric], expected: &str) {
    let got = hear(&mut born(), topic, &payload(Some(seq), metrics));
    assert_eq!(got.replace(" @2017-02-03T17:55:02.122Z", ""), expected, "{topic} {metrics:?}");
}

/// The published examples (section 6): every metric that is a number or a truth value.
#[test]
fn the_examples_of_section_6_mean_what_they_say() {
    let mut session = Session::default();
    for name in ["sparkplug-b-NBIRTH", "sparkplug-b-DBIRTH", "sparkplug-b-DDATA"] {
        let sample = sample(name);
        let mut out = Heard::default();
        decode(&sample.topic, &sample.payload, NOW, &LIMITS, &mut session, &mut out).unwrap();
        let expected: Vec<(String, f64)> = sample.expected[0]["metrics"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|metric| {
                let value = &metric["value"];
                let number = value.as_bool().map(|truth| f64::from(u8::from(truth))).or(value.as_f64())?;
                Some((metric["name"].as_str().unwrap().to_owned(), number))
            })
            .collect();
        let got: Vec<(String, f64)> = out.observed.iter().map(|seen| (seen.name.to_string(), seen.value)).collect();
        assert_eq!(got, expected, "{name}");
        assert!(out.observed.iter().all(|seen| seen.time == Some(Timestamp::from_millis(1_486_144_502_122))));
        assert!(out.rejections.is_empty(), "{name}");
    }
    let death = sample("sparkplug-b-NDEATH");
    assert_eq!(
        hear(&mut session, &death.topic, &death.payload),
        "silent Sparkplug B Devices/Raspberry Pi\nsilent Sparkplug B Devices/Raspberry Pi/Pibrella"
    );
}

/// Section 6.4.7: data may carry the alias alone; name, type and unit are the birth's.
#[test]
fn an_alias_is_what_its_birth_said() {
    check(NODE, 2, &[aliased(1, Value::Int(0xfffe))], "G/N|Áp suất = -2 hPa");
    check(DEVICE, 2, &[aliased(2, Value::Float(12.1))], "G/N/D|t = 12.1");
    check(DEVICE, 2, &[aliased(1, Value::Int(3))], "rebirth G/N\nunknown_alias");
    let by_name = Metric { datatype: None, ..named("t", 0, Value::Float(1.0)) };
    check(DEVICE, 2, &[by_name], "G/N/D|t = 1");
    check(DEVICE, 2, &[Metric::default(), aliased(2, Value::Float(1.0))], "G/N/D|t = 1\nwrong_shape");
}

fn check_number(datatype: u32, value: Value, expected: &str) {
    check(NODE, 2, &[named("x", datatype, value)], expected);
}

/// Section 6.4.16: data types.
#[test]
fn every_numeric_type_is_read() {
    for extended in [0xff, 0xffff_ffff, u64::MAX] {
        check_number(datatype::INT8, Value::Long(extended), "G/N|x = -1");
    }
    check_number(datatype::INT8, Value::Int(0x80), "G/N|x = -128");
    check_number(datatype::INT8, Value::Int(127), "G/N|x = 127");
    check_number(datatype::INT16, Value::Int(0xffff_8000), "G/N|x = -32768");
    check_number(datatype::INT32, Value::Int(0xffff_ff85), "G/N|x = -123");
    check_number(datatype::INT64, Value::Long(u64::MAX - 122), "G/N|x = -123");
    check_number(datatype::UINT8, Value::Int(255), "G/N|x = 255");
    check_number(datatype::UINT16, Value::Int(65_535), "G/N|x = 65535");
    check_number(datatype::UINT32, Value::Long(4_294_967_295), "G/N|x = 4294967295");
    check_number(datatype::UINT64, Value::Long(1 << 63), "G/N|x = 9223372036854776000");
    check_number(datatype::FLOAT, Value::Float(12.1), "G/N|x = 12.1");
    check_number(datatype::DOUBLE, Value::Double(12.1), "G/N|x = 12.1");
    check_number(datatype::BOOLEAN, Value::Boolean(true), "G/N|x = 1");
    check_number(datatype::BOOLEAN, Value::Boolean(false), "G/N|x = 0");
}

#[test]
fn what_is_no_number_costs_its_metric_at_most() {
    for (datatype, value) in [(datatype::STRING, "on"), (datatype::TEXT, "đ"), (0, "?")] {
        check_number(datatype, Value::Text(value.into()), &format!("G/N|x is {value:?}"));
    }
    check_number(datatype::UUID, Value::Text("0".into()), "");
    check_number(datatype::STRING, Value::Text(Bytes::from_static(b"\xff")), "invalid_utf8");
    check_number(datatype::DATE_TIME, Value::Long(1), "");
    check_number(16, Value::DataSet(Bytes::new()), "not_a_quantity");
    check_number(19, Value::Template(Bytes::new()), "not_a_quantity");
    check_number(24, Value::Bytes(vec![1, 0, 0, 0].into()), "not_a_quantity");
    check_number(datatype::INT8, Value::Int(256), "wrong_type");
    check_number(datatype::UINT8, Value::Int(256), "wrong_type");
    check_number(datatype::UINT8, Value::Text("1".into()), "wrong_type");
    check_number(datatype::STRING, Value::Int(1), "wrong_type");
    check_number(99, Value::Int(1), "wrong_type");
    check_number(datatype::DOUBLE, Value::Double(f64::NAN), "not_finite");
    check_number(datatype::FLOAT, Value::Float(f32::INFINITY), "not_finite");
    let nothing = Metric { value: None, ..named("x", datatype::INT8, Value::Int(1)) };
    check(NODE, 2, std::slice::from_ref(&nothing), "wrong_shape");
    check(NODE, 2, &[Metric { is_null: Some(true), ..nothing }], "");
}

#[test]
fn a_metric_has_its_own_time_and_quality() {
    let metric = |timestamp| Metric { timestamp, ..named("x", datatype::INT8, Value::Int(1)) };
    check(NODE, 2, &[metric(Some(1_000_000_000_000))], "G/N|x = 1 @2001-09-09T01:46:40Z");
    check(NODE, 2, &[metric(Some(u64::MAX)), metric(None)], "G/N|x = 1\ninvalid_time");
    check(NODE, 2, &[Metric { is_historical: Some(true), ..metric(None) }], "invalid_time");
    let past = Metric { is_historical: Some(true), ..metric(Some(1_000_000_000_000)) };
    check(NODE, 2, &[past], "G/N|x = 1 @2001-09-09T01:46:40Z");
    let quality = |int| PropertySet {
        keys: vec!["Quality".into()],
        values: vec![proto::PropertyValue { int: Some(int), ..Default::default() }],
    };
    for (code, status) in [(192, Status::Measuring), (0, Status::Fault), (500, Status::Fault)] {
        let mut out = Heard::default();
        let metric = Metric { properties: Some(quality(code).encode_to_vec().into()), ..metric(None) };
        let payload = payload(Some(2), &[metric]);
        decode(NODE, &payload, NOW, &LIMITS, &mut born(), &mut out).unwrap();
        assert_eq!(out.observed[0].status, status, "{code}");
    }
}

/// Section 6.4.1: one count from 0 to 255 over all messages of a node.
#[test]
fn a_gap_is_counted_and_the_birth_asked_for() {
    check(NODE, 5, &[aliased(1, Value::Int(1))], "G/N|Áp suất = 1 hPa\ngap G/N 3\nrebirth G/N");
    let mut session = born();
    for seq in (2..=255).chain(0..3) {
        assert_eq!(hear(&mut session, DEVICE, &payload(Some(seq), &[])), "", "{seq}");
    }
    assert_eq!(hear(&mut session, NODE, &payload(Some(4), &[])), "gap G/N 1\nrebirth G/N");
    assert_eq!(hear(&mut session, NODE, &payload(Some(6), &[])), "gap G/N 1", "asked for a moment ago");
    assert_eq!(hear(&mut session, NODE, &payload(Some(6), &[])), "repeated G/N seq 6");
    check(NODE, 256, &[], "all wrong_shape");
}

#[test]
fn data_without_a_birth_is_taken_where_it_says_enough() {
    let mut session = Session::default();
    let message = payload(Some(9), &[named("x", datatype::INT8, Value::Int(1)), aliased(1, Value::Int(2))]);
    assert_eq!(hear(&mut session, NODE, &message), "G/N|x = 1 @2017-02-03T17:55:02.122Z\nrebirth G/N\nunknown_alias");
    let mut out = Heard::default();
    let later = NOW + std::time::Duration::from_secs(31);
    let message = payload(Some(10), &[]);
    decode(NODE, &message, later, &LIMITS, &mut session, &mut out).unwrap();
    assert_eq!(told(Ok(()), &out), "rebirth G/N", "asked for again after a while");
}

/// Section 6.4.25: a death belongs to the birth with the same `bdSeq`.
#[test]
fn a_death_of_an_earlier_connection_silences_nobody() {
    let death = |bd_seq| payload(None, &[named("bdSeq", datatype::INT64, Value::Long(bd_seq))]);
    let mut session = born();
    assert_eq!(hear(&mut session, "spBv1.0/G/NDEATH/N", &death(6)), "");
    assert_eq!(hear(&mut session, "spBv1.0/G/NDEATH/N", &death(7)), "silent G/N\nsilent G/N/D");
    let message = payload(Some(2), &[aliased(2, Value::Float(1.0))]);
    assert_eq!(hear(&mut session, DEVICE, &message), "rebirth G/N\nunknown_alias");
    assert_eq!(hear(&mut born(), "spBv1.0/G/DDEATH/N/D", &payload(Some(2), &[])), "silent G/N/D");
}

#[test]
fn other_topics_are_unknown_or_hold_nothing() {
    for topic in ["spBv1.0/STATE/host", "STATE/host", "spBv1.0/G/NCMD/N", "spBv1.0/G/DCMD/N/D"] {
        assert_eq!(hear(&mut Session::default(), topic, b"{\"online\":true}"), "", "{topic}");
    }
    for topic in [
        "",
        "spBv1.0",
        "spBv1.0/G/NDATA",
        "spBv1.0/G/NDATA/N/D",
        "spBv1.0/G/DDATA/N",
        "spAv1.0/G/NDATA/N",
        "spBv1.0/G/NDATA/N/D/E",
        "spBv1.0//NDATA/N",
        "spBv1.0/G/NDATA/",
        "spBv1.0/G/NEWS/N",
    ] {
        assert_eq!(hear(&mut Session::default(), topic, &[]), "all unknown_topic", "{topic}");
    }
}

#[test]
fn a_payload_that_is_no_payload_leaves_the_session_alone() {
    let mut session = born();
    for (bytes, reason) in [
        (vec![], "empty_payload"),
        (vec![0x08], "invalid_binary"),
        (hex("1202 0aff"), "invalid_binary"),
        (hex("1203 0a01ff"), "invalid_binary"),
        (payload(Some(3), &vec![Metric::default(); 61]), "too_many_readings"),
        (vec![0; 8193], "payload_too_large"),
        (Payload { uuid: Some("SPBV1.0_COMPRESSED".into()), ..Default::default() }.encode_to_vec(), "unsupported"),
    ] {
        assert_eq!(hear(&mut session, NODE, &bytes), format!("all {reason}"));
    }
    assert_eq!(hear(&mut session, NODE, &payload(Some(2), &[])), "");
}

#[test]
fn a_session_is_bounded() {
    let mut session = Session::default();
    let birth =
        |seq, at: u32| payload(Some(seq), &[named(&"x".repeat(at as usize % 50), datatype::INT8, Value::Int(1))]);
    for node in 0..3_000 {
        hear(&mut session, &format!("spBv1.0/G/NBIRTH/N{node}"), &birth(0, node));
        hear(&mut session, &format!("spBv1.0/G/DBIRTH/N{node}/D"), &birth(1, node));
    }
    let (counted, real) = session.bytes();
    assert_eq!(counted, real);
    assert!(hear(&mut session, "spBv1.0/G/NDATA/N0", &payload(Some(2), &[])).contains("rebirth"), "made room");
    assert_eq!(hear(&mut session, "spBv1.0/G/NDATA/N2999", &payload(Some(2), &[])), "");
    for device in 0..1_000 {
        let topic = format!("spBv1.0/G/DBIRTH/N2999/D{device}");
        let told = hear(&mut session, &topic, &payload(None, &[]));
        assert_eq!(told.starts_with("joined"), device < 999, "{device}: {told}");
    }
    for node in 0..3_000 {
        hear(&mut session, &format!("spBv1.0/G/NDEATH/N{node}"), &payload(None, &[]));
    }
    let (counted, real) = session.bytes();
    assert_eq!(counted, real);
    assert!(counted < 2_000 * 500);
}

proptest! {
    #[test]
    fn no_bytes_break_the_decoder(payloads in prop::collection::vec(mutated(
        ["sparkplug-b-NBIRTH", "sparkplug-b-DBIRTH", "sparkplug-b-DDATA", "sparkplug-b-NDEATH"]
            .map(|name| sample(name).payload)
            .to_vec(),
    ), 1..8), kinds in prop::collection::vec(0_usize..6, 8)) {
        let topics = ["NBIRTH/N", "NDATA/N", "NDEATH/N", "DBIRTH/N/D", "DDATA/N/D", "DDEATH/N/D"];
        let mut session = Session::default();
        for (payload, kind) in payloads.iter().zip(kinds) {
            hear(&mut session, &format!("spBv1.0/G/{}", topics[kind]), payload);
            let (counted, real) = session.bytes();
            prop_assert_eq!(counted, real);
        }
    }
}
