use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::samples::{LIMITS, NOW, mutated, sample, told};
use super::*;

const TOPIC: &str = "v1.1/Datastreams(999)/Observations";

fn hear(topic: &str, payload: &[u8]) -> String {
    let mut out = Heard::default();
    let result = decode(topic, payload, NOW, &LIMITS, &mut out);
    told(result, &out)
}

fn check(topic: &str, payload: &Value, expected: &str) {
    assert_eq!(hear(topic, payload.to_string().as_bytes()), expected, "{topic} {payload}");
}

#[test]
fn the_published_observation_means_what_it_says() {
    let sample = sample("sta-observation");
    let expected = &sample.expected[0];
    let told = hear(&sample.topic, &sample.payload);
    assert_eq!(told, format!("999|result = {} @{}", expected["result"], expected["time"].as_str().unwrap()));
}

/// Section 8.2.6: an instant or an interval; without one the received time.
#[test]
fn a_phenomenon_time_is_an_instant_or_an_interval() {
    let observation = |time: &str| json!({"result": 1, "phenomenonTime": time});
    check(
        TOPIC,
        &observation("2026-11-21T03:00:00.000Z/2026-11-21T03:15:00.000Z"),
        "999|result = 1 @2026-11-21T03:15:00Z",
    );
    check(TOPIC, &json!({"result": 1}), "999|result = 1");
    check(TOPIC, &json!({"result": 1, "phenomenonTime": null, "resultTime": "2026-11-21T03:00:00Z"}), "999|result = 1");
    check(TOPIC, &observation("2026-11-21T03:00:00"), "all invalid_time");
    check(TOPIC, &observation("2026-11-21T04:00:00Z/2026-11-21T03:00:00Z"), "all invalid_time");
    check(TOPIC, &json!({"result": 1, "phenomenonTime": 1}), "all invalid_time");
}

/// Section 8.2.4 and the URL conventions of OData 4: identifiers are numbers or quoted texts.
#[test]
fn the_datastream_is_named_by_topic_or_body() {
    let one = json!({"result": 1});
    for (topic, device) in [
        ("v1.1/Datastreams(7)/Observations", "7"),
        ("sta/v1.0/Things(1)/Datastreams(8)/Observations", "8"),
        ("v1.1/Datastreams('a b')/Observations", "a b"),
        ("v1.1/Datastreams('trạm ''1''/(2)')/Observations", "trạm '1'/(2)"),
        ("v1.1/MultiDatastreams(3)/Observations", "3"),
    ] {
        check(topic, &one, &format!("{device}|result = 1"));
    }
    for topic in
        ["v1.1/Datastreams()/Observations", "v1.1/Datastreams('')/x", "v1.1/Datastreams('a", "v1.1/Datastreams(1"]
    {
        check(topic, &one, "all unknown_topic");
    }
    let body = |id: Value| json!({"result": 1, "Datastream": {"@iot.id": id, "unitOfMeasurement": {"symbol": "°C"}}});
    check("v1.1/Observations", &body(json!(12_345_678_901_234_567_i64)), "12345678901234567|result = 1 °C");
    check("v1.1/Observations", &body(json!("a/b")), "a/b|result = 1 °C");
    check("v1.1/Observations", &body(json!(null)), "all wrong_shape");
    check("v1.1/Observations", &one, "all wrong_shape");
}

#[test]
fn a_result_is_a_number_a_text_or_refused() {
    check(TOPIC, &json!({"result": true}), "999|result = 1");
    check(TOPIC, &json!({"result": "49"}), "999|result is \"49\"");
    check(TOPIC, &json!({"result": {"a": 1}}), "all not_a_quantity");
    check(TOPIC, &json!({"result": null}), "all no_readings");
    check(TOPIC, &json!({"resultTime": null}), "all wrong_shape");
    check(TOPIC, &json!(49), "all wrong_shape");
    check(TOPIC, &json!([]), "all no_readings");
    assert_eq!(hear(TOPIC, b"{\"result\":1e999}"), "all not_finite");
    check(
        "v1.1/MultiDatastreams(3)/Observations",
        &json!({"result": [1, "x", 2.5]}),
        "3|result.0 = 1\n3|result.2 = 2.5\nnot_a_quantity",
    );
    check(
        TOPIC,
        &json!([{"result": 1}, {"result": {}}, {"result": 2}]),
        "999|result = 1\n999|result = 2\nnot_a_quantity",
    );
}

#[test]
fn an_inline_feature_says_where() {
    let observation = |feature: Value| json!({"result": 1, "FeatureOfInterest": {"feature": feature}});
    let point = json!({"type": "Point", "coordinates": [103.25, 22.4, 900]});
    check(TOPIC, &observation(json!({"type": "Feature", "geometry": point})), "999|result = 1 (103.25 22.4)");
    check(TOPIC, &observation(point), "999|result = 1 (103.25 22.4)");
    check(TOPIC, &observation(json!({"type": "Point", "coordinates": [103.25]})), "999|result = 1");
}

/// Section 8.4, data array extension.
#[test]
fn a_data_array_is_read_row_by_row() {
    let batch = json!([{
        "Datastream": {"@iot.id": 1}, "components": ["phenomenonTime", "result", "FeatureOfInterest/id"], "dataArray@iot.count": 3,
        "dataArray": [["2026-11-21T03:00:00Z", 20, 1], ["noon", 21, 1], ["2026-11-21T03:10:00Z", 22, 1], ["2026-11-21T03:20:00Z"], 7],
    }, {"Datastream": {"@iot.id": 2}, "components": ["result"], "dataArray": [[65]]}, {"components": ["x"], "dataArray": []}]);
    check(
        "v1.1/CreateObservations",
        &batch,
        "1|result = 20 @2026-11-21T03:00:00Z\n1|result = 22 @2026-11-21T03:10:00Z\n2|result = 65\n\
         invalid_time\nwrong_shape\nwrong_shape\nwrong_shape",
    );
}

proptest! {
    #[test]
    fn no_bytes_break_the_decoder(payload in mutated(vec![sample("sta-observation").payload]), topic in "(v1.1/Datastreams\\(.{0,6}\\)/Observations)|\\PC{0,30}") {
        hear(&topic, &payload);
    }
}
