use ciborium::Value;
use proptest::prelude::*;

use super::super::layout::{Role, Unlisted};
use super::super::time_form::TimeForm;
use super::*;

fn layout(values: &[&str]) -> Layout {
    let mut layout = Layout::new(Unlisted::Reject);
    values.iter().for_each(|value| layout.value(value).unwrap());
    layout
}

/// The names and values of a message given in hexadecimal, or the reason of its refusal.
fn check(layout: &Layout, hex: &str, expected: Result<&[(&str, f64)], Reason>) {
    let bytes: Vec<u8> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    let mut out = Heard::default();
    let found = decode(layout, &bytes, &Limits::default(), &mut out)
        .map(|()| out.observed.iter().map(|o| (&*o.name, o.value)).collect::<Vec<_>>());
    assert_eq!(found.as_deref().map_err(|rejection| rejection.reason), expected, "{hex}");
}

/// Numbers of RFC 8949, appendix A.
#[test]
fn the_numbers_of_the_standards_examples_are_read() {
    let layout = layout(&[""]);
    for (hex, value) in [
        ("00", 0.0),
        ("17", 23.0),
        ("1818", 24.0),
        ("1903e8", 1000.0),
        ("1a000f4240", 1_000_000.0),
        ("1bffffffffffffffff", 18_446_744_073_709_551_615.0),
        ("20", -1.0),
        ("3903e7", -1000.0),
        ("3bffffffffffffffff", -18_446_744_073_709_551_616.0),
        ("f93c00", 1.0),
        ("f93e00", 1.5),
        ("f97bff", 65_504.0),
        ("f90001", 5.960_464_477_539_063e-8),
        ("f90400", 0.000_061_035_156_25),
        ("f9c400", -4.0),
        ("fa47c35000", 100_000.0),
        ("fb3ff199999999999a", 1.1),
        ("fbc010666666666666", -4.1),
        ("f5", 1.0),
        ("f4", 0.0),
        ("c11a514b67b0", 1_363_896_240.0),
    ] {
        check(&layout, hex, Ok(&[("", value)]));
    }
    for (hex, reason) in [("f6", Reason::NoReadings), ("f7", Reason::NoReadings)] {
        check(&layout, hex, Err(reason));
    }
}

/// The same with rejections inside, as `name=value` and reasons.
fn heard(layout: &Layout, bytes: &[u8]) -> Result<Vec<String>, Reason> {
    let mut out = Heard::default();
    decode(layout, bytes, &Limits::default(), &mut out).map_err(|rejection| rejection.reason)?;
    let time = |at: Option<crate::model::Timestamp>| at.map(|at| format!("@{at}")).unwrap_or_default();
    let mut lines: Vec<String> =
        out.observed.iter().map(|o| format!("{}={}{}", o.name, o.value, time(o.time))).collect();
    lines.extend(out.worded.iter().map(|w| format!("{}={:?}", w.name, w.word)));
    lines.extend(out.rejections.iter().map(|r| format!("{}: {}", r.reason.word(), r.detail)));
    Ok(lines)
}

#[test]
fn maps_and_lists_with_and_without_a_length_are_walked() {
    let layout = layout(&["/a", "/b/1", "/1", "/-2"]);
    check(&layout, "a2616101616282f603", Ok(&[("/a", 1.0), ("/b/1", 3.0)]));
    check(&layout, "bf61610161629ff603ffff", Ok(&[("/a", 1.0), ("/b/1", 3.0)]));
    check(&layout, "a201052107", Ok(&[("/1", 5.0), ("/-2", 7.0)]));
    check(&layout, "bf7f6161ff01ff", Ok(&[("/a", 1.0)]));
    check(&layout, "d9d9f7a1616101", Ok(&[("/a", 1.0)]));
}

#[test]
fn what_is_cut_off_or_lies_about_its_length_is_refused() {
    let layout = layout(&["", "/a"]);
    for hex in [
        "a1",
        "a16161",
        "bf616101",
        "5bffffffffffffffff",
        "7a7fffffff",
        "9affffffff",
        "bbffffffffffffffff",
        "f800",
        "1c",
        "fc",
        "ff",
        "0000",
        "bf6161ff",
        "5f6161ff",
        "c0c0c0c0c0c0c0c0c0c000",
    ] {
        check(&layout, hex, Err(Reason::InvalidBinary));
    }
    check(&layout, "", Err(Reason::EmptyPayload));
    check(&layout, "a1f501", Err(Reason::WrongShape));
    check(&layout, "62c328", Err(Reason::InvalidUtf8));
    check(&layout, &"81".repeat(5_000), Err(Reason::NestedTooDeep));
    check(&layout, &"9f".repeat(5_000), Err(Reason::NestedTooDeep));
    assert_eq!(
        heard(&layout, b"\xa1\x61a\x41\x00"),
        Ok(vec!["wrong_type: /a: bytes where a number belongs".to_owned()])
    );
    assert_eq!(
        heard(&layout, b"\xa1\x61a\xf9\x7e\x00"),
        Ok(vec!["not_finite: /a: no number that a double can hold".to_owned()])
    );
    assert_eq!(heard(&layout, b"\xa2\x61a\x01\x61a\x02"), Ok(vec!["duplicate_key: a is there twice".to_owned()]));
}

#[test]
fn times_and_words_are_read_as_in_json() {
    let mut layout = layout(&["/2", "/3"]);
    layout.put("/1", Role::Time(TimeForm::Seconds)).unwrap();
    let mut bytes = Vec::new();
    let key = |number: i32| Value::Integer(number.into());
    let tagged = Value::Tag(1, Box::new(Value::Integer(60.into())));
    let map = Value::Map(vec![(key(1), tagged), (key(2), Value::Float(1.5)), (key(3), Value::Text("đóng".into()))]);
    ciborium::into_writer(&map, &mut bytes).unwrap();
    assert_eq!(heard(&layout, &bytes), Ok(vec!["/2=1.5@1970-01-01T00:01:00Z".to_owned(), "/3=\"đóng\"".to_owned()]));
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(|number| Value::Integer(number.into())),
        any::<f64>().prop_map(Value::Float),
        any::<bool>().prop_map(Value::Bool),
        Just(Value::Null),
        "\\PC{0,8}".prop_map(Value::Text),
        prop::collection::vec(any::<u8>(), 0..8).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let key =
            prop_oneof!["[a-c]".prop_map(Value::Text), any::<i32>().prop_map(|number| Value::Integer(number.into()))];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec((key, inner.clone()), 0..6).prop_map(Value::Map),
            (any::<u64>(), inner).prop_map(|(tag, value)| Value::Tag(tag, Box::new(value))),
        ]
    })
}

fn leaves(value: &Value) -> usize {
    match value {
        Value::Null => 0,
        Value::Array(list) => list.iter().map(leaves).sum(),
        Value::Map(map) => map.iter().map(|(_, value)| leaves(value)).sum(),
        Value::Tag(_, value) => leaves(value),
        _ => 1,
    }
}

proptest! {
    /// Another implementation writes, this one reads every leaf.
    #[test]
    fn what_ciborium_writes_is_read_whole(value in any_value()) {
        let mut bytes = Vec::new();
        ciborium::into_writer(&value, &mut bytes).unwrap();
        let layout = Layout::new(Unlisted::Reject);
        let read = heard(&layout, &bytes);
        match leaves(&value) {
            0 => prop_assert_eq!(read, Err(Reason::NoReadings)),
            count => prop_assert_eq!(read.map(|lines| lines.len()), Ok(count)),
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let layout = layout(&["", "/a", "/0", "/a/0"]);
        let mut out = Heard::default();
        let accepted = decode(&layout, &bytes, &Limits::default(), &mut out).is_ok();
        prop_assert!(accepted || out.is_empty());
        prop_assert!(out.observed.iter().all(|observed| observed.value.is_finite()));
    }
}
