use proptest::prelude::*;

use super::super::layout::Unlisted;
use super::*;

fn layout() -> Layout {
    let mut layout = Layout::new(Unlisted::Ignore);
    for name in ["temperature", "humidity", "occupancy", "color.x", "nhiệt độ, \"ngoài\""] {
        layout.value(name).unwrap();
    }
    layout
}

fn check(device: &str, payload: &str, expected: &[(&str, f64)]) {
    let (layout, mut out) = (layout(), Heard::default());
    decode(&layout, device, payload.as_bytes(), &Limits::default(), &mut out).unwrap();
    let found: Vec<_> = out.observed.iter().map(|o| (&*o.name, o.value)).collect();
    assert_eq!(found, expected, "{device} {payload}");
    assert!(out.observed.iter().all(|o| o.time.is_none() && o.unit.is_none()), "neither is in the message");
}

/// The sample of zigbee2mqtt's own documentation.
#[test]
fn the_documented_message_has_two_values() {
    let sample = include_str!("../../../tests/fixtures/payloads/zigbee2mqtt-temperature.json");
    let sample: serde_json::Value = serde_json::from_str(sample).unwrap();
    let value = |name| sample["expected"][0][name].as_f64().unwrap();
    let expected = [("humidity", value("humidity")), ("temperature", value("temperature"))];
    check("FRIENDLY_NAME", &sample["payload"].to_string(), &expected);
}

#[test]
fn presence_and_nested_values_have_names() {
    check(
        "a/b",
        r#"{"occupancy":true,"color":{"x":0.3},"update":{"state":"idle"}}"#,
        &[("occupancy", 1.0), ("color.x", 0.3)],
    );
    check("nhà", r#"{"nhiệt độ, \"ngoài\"":1}"#, &[("nhiệt độ, \"ngoài\"", 1.0)]);
}

#[test]
fn topics_that_are_no_state_are_passed_over_whatever_they_hold() {
    for device in ["bridge", "bridge/state", "bridge/logging", "a/availability", "a/b/set", "a/get", "a/set/state"] {
        check(device, "online", &[]);
    }
    for device in ["bridges", "a/bridge", "availability", "set", "settle/x"] {
        check(device, r#"{"temperature":1}"#, &[("temperature", 1.0)]);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(device in "\\PC{0,20}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (layout, mut out) = (layout(), Heard::default());
        let accepted = decode(&layout, &device, &bytes, &Limits::default(), &mut out).is_ok();
        prop_assert!(accepted || out.is_empty());
    }
}
