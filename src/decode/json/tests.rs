use proptest::prelude::*;

use super::super::layout::{Role, Unlisted};
use super::super::time_form::TimeForm;
use super::*;
use crate::model::Reason;

/// What was heard, one line each: `device name=value unit @time`, then refusals.
fn heard(layout: &Layout, payload: &str) -> Vec<String> {
    let mut out = Heard::default();
    if let Err(rejection) = decode(layout, payload.as_bytes(), &Limits::default(), &mut out) {
        assert!(out.is_empty(), "nothing is left of a message that cannot be read");
        return vec![format!("{}: {}", rejection.reason.word(), rejection.detail)];
    }
    let time = |time: Option<crate::model::Timestamp>| time.map(|at| format!(" @{at}")).unwrap_or_default();
    let mut lines = Vec::new();
    for o in &out.observed {
        let unit = o.unit.as_ref().map(|unit| format!(" {unit}")).unwrap_or_default();
        lines.push(format!("{} {}={}{unit}{}", o.device, o.name, o.value, time(o.time)));
    }
    lines.extend(out.worded.iter().map(|w| format!("{} {}={:?}{}", w.device, w.name, w.word, time(w.time))));
    lines.extend(out.rejections.iter().map(|r| format!("{}: {}", r.reason.word(), r.detail)));
    lines
}

fn layout(unlisted: Unlisted, values: &[&str], places: Vec<(&str, Role)>) -> Layout {
    let mut layout = Layout::new(unlisted);
    for (place, role) in places {
        layout.put(place, role).unwrap();
    }
    values.iter().for_each(|value| layout.value(value).unwrap());
    layout
}

fn check(layout: &Layout, payload: &str, expected: &[&str]) {
    assert_eq!(heard(layout, payload), expected, "{payload}");
}

#[test]
fn values_are_found_at_any_depth() {
    let layout = layout(Unlisted::Reject, &["/air/t", "/air/list/1", "/a~1b", "/độ ẩm, \"%\""], vec![]);
    check(&layout, r#"{"air":{"t":21.5,"list":[null,7]},"a/b":1}"#, &[" /air/t=21.5", " /air/list/1=7", " /a~1b=1"]);
    check(&layout, r#"{"độ ẩm, \"%\"": "61.5"}"#, &[" /độ ẩm, \"%\"=61.5"]);
    check(&layout, r#"{"air":{"t":true}, "a/b":false}"#, &[" /air/t=1", " /a~1b=0"]);
    check(&layout, r#"{"air":{"t":"ON"}}"#, &[r#" /air/t="ON""#]);
    check(&layout, "{\"air\":{\"t\":\"\\u0111\\n\"}}", &[r#" /air/t="đ\n""#]);
}

#[test]
fn what_is_not_named_is_refused_by_its_path_or_passed_over() {
    let payload = r#"{"air":{"t":1,"x":{"y":[2,null,"z"]}},"v/1":3}"#;
    let strict = layout(Unlisted::Reject, &["/air/t"], vec![]);
    check(
        &strict,
        payload,
        &[
            " /air/t=1",
            "unknown_property: /air/x/y/0 is not among the source's names",
            "unknown_property: /air/x/y/2 is not among the source's names",
            "unknown_property: /v~11 is not among the source's names",
        ],
    );
    let mut lenient = layout(Unlisted::Reject, &["/air/t"], vec![]);
    lenient.ignored("/air/x").unwrap();
    lenient.ignored("/v~11").unwrap();
    check(&lenient, payload, &[" /air/t=1"]);
    check(&layout(Unlisted::Ignore, &["/air/t"], vec![]), payload, &[" /air/t=1"]);
    check(&strict, "{}", &["no_readings: the message holds no value"]);
    check(&strict, r#"{"air":{"t":null}}"#, &["no_readings: the message holds no value"]);
    check(&strict, r#"{"air":5}"#, &["unknown_property: /air is not among the source's names"]);
}

#[test]
fn the_whole_message_can_be_the_value() {
    let layout = layout(Unlisted::Reject, &[""], vec![]);
    check(&layout, " 21.5 ", &[" =21.5"]);
    check(&layout, "\"ON\"", &[" =\"ON\""]);
    check(&layout, "[1]", &["unknown_property: /0 is not among the source's names"]);
}

#[test]
fn device_and_time_belong_to_their_entry_and_else_to_all() {
    let places = || vec![("/list/*/id", Role::Device), ("/list/*/t", Role::Time(TimeForm::Seconds))];
    let nested = layout(Unlisted::Reject, &["/list/*/v"], places());
    check(
        &nested,
        r#"{"list":[{"v":1,"id":"máy 1","t":1},{"id":17,"v":2,"t":"2"},{"v":3}]}"#,
        &["máy 1 /list/*/v=1 @1970-01-01T00:00:01Z", "17 /list/*/v=2 @1970-01-01T00:00:02Z", " /list/*/v=3"],
    );
    check(
        &nested,
        r#"{"list":[{"v":1,"t":"soon"},{"v":2,"t":2}]}"#,
        &[" /list/*/v=2 @1970-01-01T00:00:02Z", "invalid_time: /list/0/t soon: the source's times are written seconds"],
    );
    let outer = layout(
        Unlisted::Reject,
        &["/list/*/v", "/x"],
        vec![("/id", Role::Device), ("/t", Role::Time(TimeForm::Rfc3339))],
    );
    check(
        &outer,
        r#"{"list":[{"v":1}],"x":2,"t":"1970-01-01T07:00:00+07:00","id":"a"}"#,
        &["a /list/*/v=1 @1970-01-01T00:00:00Z", "a /x=2 @1970-01-01T00:00:00Z"],
    );
    check(&outer, r#"{"x":2,"t":7}"#, &["invalid_time: /t 7: the source's times are written rfc3339"]);
}

#[test]
fn names_and_units_may_stand_in_the_message() {
    let layout =
        layout(Unlisted::Reject, &[], vec![("/*/n", Role::Name), ("/*/v", Role::NamedValue), ("/*/u", Role::Unit)]);
    check(
        &layout,
        r#"[{"n":"nhiệt độ","v":"21.5","u":"Cel"},{"v":1,"n":"P1"},{"v":2}]"#,
        &[" nhiệt độ=21.5 Cel", " P1=1", " =2"],
    );
}

#[test]
fn broken_json_and_doubtful_objects_are_refused() {
    let layout = layout(Unlisted::Ignore, &["/a", "/b"], vec![]);
    for bad in ["", " ", "{", "{\"a\":1", "{\"a\":1}}", "{\"a\":1,}", "{a:1}", "[1,]", "{\"x\":nul}", "{\"a\" 1}"] {
        let lines = heard(&layout, bad);
        assert!(lines.len() == 1 && (lines[0].starts_with("invalid_json") || bad.is_empty()), "{bad}: {lines:?}");
    }
    check(&layout, r#"{"a":1,"a":2,"b":3}"#, &["duplicate_key: a is there twice"]);
    check(&layout, r#"{"a":1e999,"b":3}"#, &[" /b=3", "not_finite: /a: no number that a double can hold"]);
    let mut out = Heard::default();
    let refused = decode(&layout, b"{\"a\":\"\xff\"}", &Limits::default(), &mut out);
    assert_eq!(refused.unwrap_err().reason, Reason::InvalidUtf8);
}

#[test]
fn depth_keys_and_count_have_bounds() {
    let reason = |layout: &Layout, payload: &str| {
        decode(layout, payload.as_bytes(), &Limits::default(), &mut Heard::default()).unwrap_err().reason
    };
    let strict = layout(Unlisted::Reject, &["/a"], vec![]);
    assert_eq!(reason(&strict, &"[".repeat(100_000)), Reason::NestedTooDeep);
    assert_eq!(reason(&strict, &"{\"a\":".repeat(20_000)), Reason::NestedTooDeep);
    let keys: Vec<String> = (0..300).map(|key| format!("\"k{key}\":1")).collect();
    assert_eq!(reason(&strict, &format!("{{{}}}", keys.join(","))), Reason::TooManyReadings);
    assert_eq!(reason(&strict, &format!("[{}]", ["1"; 10_001].join(","))), Reason::TooManyReadings);
    let listed = layout(Unlisted::Reject, &["/*/v"], vec![]);
    let entries = ["{\"v\":1}"; 10_001].join(",");
    assert_eq!(reason(&listed, &format!("[{entries}]")), Reason::TooManyReadings);
    assert_eq!(reason(&strict, &" ".repeat(300_000)), Reason::PayloadTooLarge);
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[{}\\[\\]\":,a-c0-9.eE\\\\ ntruđ-]{0,120}") {
        let places = vec![("/a", Role::Device), ("/*/t", Role::Time(TimeForm::Seconds)), ("/*/n", Role::Name)];
        let layout = layout(Unlisted::Reject, &["/b", "/*/v", "/c/0"], places);
        for payload in [&bytes[..], text.as_bytes()] {
            let mut out = Heard::default();
            let accepted = decode(&layout, payload, &Limits::default(), &mut out).is_ok();
            prop_assert!(accepted || out.is_empty());
            prop_assert!(out.observed.iter().all(|observed| observed.value.is_finite()));
            // It takes exactly what is JSON.
            if accepted {
                prop_assert!(serde_json::from_slice::<serde::de::IgnoredAny>(payload).is_ok());
            }
        }
    }

    #[test]
    fn every_number_of_a_document_is_found(values in prop::collection::vec(-1e9..1e9_f64, 1..20)) {
        let text = serde_json::to_string(&serde_json::json!({ "a": values.iter().map(|v| serde_json::json!({ "v": v })).collect::<Vec<_>>() })).unwrap();
        let layout = layout(Unlisted::Reject, &["/a/*/v"], vec![]);
        let mut out = Heard::default();
        decode(&layout, text.as_bytes(), &Limits::default(), &mut out).unwrap();
        prop_assert_eq!(out.observed.iter().map(|observed| observed.value).collect::<Vec<_>>(), values);
    }
}
