//! What every format takes, and what it refuses with which reason.

use saola::model::Timestamp;

/// One format: where its messages go, how a good one is written, and bad ones with the reason of each refusal.
pub struct Form {
    pub topic: &'static str,
    /// Of a value of `t` at this second.
    pub good: fn(i64) -> Vec<u8>,
    pub bad: Vec<(&'static str, &'static str, Vec<u8>)>,
}

/// Every format's.
pub fn all() -> Vec<Form> {
    let parts = [
        json_forms(),
        makers_json_forms(),
        standards_json_forms(),
        lorawan_forms(),
        binary_forms(),
        packed_forms(),
        row_forms(),
    ];
    parts.into_iter().flatten().collect()
}

/// RFC 3339.
fn rfc(second: i64) -> String {
    Timestamp::from_seconds(second).to_string()
}

/// As loggers write it, UTC.
fn digits(second: i64) -> String {
    rfc(second).chars().filter(char::is_ascii_digit).take(14).collect()
}

fn bytes(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// What no text format takes, to the format's own topic.
fn no_text(topic: &'static str) -> Vec<(&'static str, &'static str, Vec<u8>)> {
    vec![
        ("empty_payload", topic, Vec::new()),
        ("invalid_utf8", topic, vec![0xff; 40]),
        ("invalid_utf8", topic, b"{\"t\":\"\xed\xa0\x80\"}".to_vec()),
    ]
}

/// What no JSON format takes.
fn no_json(topic: &'static str) -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let mut all = no_text(topic);
    all.extend(
        [
            ("invalid_json", "{"),
            ("invalid_json", "{\"t\":1,"),
            ("invalid_json", "{\"t\":1}}"),
            ("invalid_json", "{\"t\":NaN}"),
            ("invalid_json", "{'t':1}"),
            ("invalid_json", "\u{feff}{}"),
            ("invalid_json", "{\"t\":01}"),
            ("nested_too_deep", &"[".repeat(200)),
        ]
        .map(|(reason, text)| (reason, topic, text.as_bytes().to_vec())),
    );
    all
}

fn with(
    base: Vec<(&'static str, &'static str, Vec<u8>)>,
    topic: &'static str,
    own: &[(&'static str, &str)],
) -> Vec<(&'static str, &'static str, Vec<u8>)> {
    base.into_iter().chain(own.iter().map(|(reason, text)| (*reason, topic, text.as_bytes().to_vec()))).collect()
}

fn flat_json(topic: &'static str) -> Vec<(&'static str, &'static str, Vec<u8>)> {
    with(
        no_json(topic),
        topic,
        &[
            ("no_readings", "{}"),
            ("wrong_type", r#"{"at":1795230000,"t":"warm"}"#),
            ("not_finite", r#"{"at":1795230000,"t":1e999}"#),
            ("duplicate_key", r#"{"at":1795230000,"t":1,"t":2}"#),
            ("unknown_property", r#"{"at":1795230000,"nhiệt độ, \"t\"\n":1}"#),
            ("implausible", r#"{"at":1795230000,"t":60.01}"#),
            ("invalid_time", r#"{"at":"soon","t":1}"#),
            ("future_time", r#"{"at":4102444800,"t":1}"#),
            ("too_old", r#"{"at":1,"t":1}"#),
        ],
    )
}

fn json_forms() -> Vec<Form> {
    vec![
        Form {
            topic: "saola/v1/A",
            good: |at| format!("{{\"time\":{at},\"t\":1}}").into_bytes(),
            bad: flat_json("saola/v1/A")
                .into_iter()
                .map(|(reason, topic, payload)| {
                    (
                        reason,
                        topic,
                        String::from_utf8(payload.clone())
                            .map_or(payload, |t| t.replace("\"at\"", "\"time\"").into_bytes()),
                    )
                })
                .chain([
                    ("unknown_station", "saola/v1/B,\"\"", b"{\"t\":1}".to_vec()),
                    ("unknown_topic", "x/y", b"{}".to_vec()),
                ])
                .collect(),
        },
        Form {
            topic: "json/A",
            good: |at| format!("{{\"at\":{at},\"t\":1}}").into_bytes(),
            bad: flat_json("json/A")
                .into_iter()
                .chain([("unknown_station", "json/ạ", b"{\"t\":1}".to_vec())])
                .collect(),
        },
        Form {
            topic: "senml",
            good: |at| format!("[{{\"bn\":\"A:\",\"bt\":{at},\"n\":\"t\",\"u\":\"Cel\",\"v\":1}}]").into_bytes(),
            bad: with(
                no_json("senml"),
                "senml",
                &[
                    ("wrong_shape", "{}"),
                    ("no_readings", "[]"),
                    ("no_readings", r#"[{"n":"A:t"}]"#),
                    ("wrong_shape", r#"[{"n":"A:t","v":1,"vb":true}]"#),
                    ("not_a_quantity", r#"[{"n":"A:t","vd":"AAAA"}]"#),
                    ("unsupported", r#"[{"n":"A:t","v":1,"x_":1}]"#),
                    ("unsupported", r#"[{"bver":11,"n":"A:t","v":1}]"#),
                    ("wrong_unit", r#"[{"n":"A:t","u":"kg","v":1}]"#),
                    ("unknown_station", r#"[{"n":"B:t","u":"Cel","v":1}]"#),
                    ("unknown_property", r#"[{"n":"A:x","v":1}]"#),
                    ("not_finite", r#"[{"n":"A:t","v":1e999}]"#),
                ],
            ),
        },
    ]
}

fn makers_json_forms() -> Vec<Form> {
    vec![Form {
        topic: "tele/A/SENSOR",
        good: |at| {
            format!("{{\"Time\":\"{}\",\"S\":{{\"Temperature\":1}},\"TempUnit\":\"C\"}}", rfc(at).trim_end_matches('Z'))
                .into_bytes()
        },
        bad: with(
            no_json("tele/A/SENSOR"),
            "tele/A/SENSOR",
            &[
                ("invalid_time", r#"{"Time":"2026-11-21T10:15:00Z","S":{"Temperature":1},"TempUnit":"C"}"#),
                ("wrong_unit", r#"{"S":{"Temperature":1},"TempUnit":"R"}"#),
                ("unknown_property", r#"{"S":{"Humidity":1}}"#),
                ("wrong_type", r#"{"S":{"Temperature":"-"},"TempUnit":"C"}"#),
                ("no_readings", r#"{"S":{"Temperature":null},"TempUnit":"C"}"#),
            ],
        ),
    }]
}

fn standards_json_forms() -> Vec<Form> {
    vec![
        Form {
            topic: "ngsi",
            good: |at| {
                format!("{{\"id\":\"A\",\"type\":\"X\",\"t\":{{\"type\":\"Property\",\"value\":1,\"unitCode\":\"CEL\",\"observedAt\":\"{}\"}}}}", rfc(at)).into_bytes()
            },
            bad: with(
                no_json("ngsi"),
                "ngsi",
                &[
                    ("wrong_shape", "7"),
                    ("wrong_shape", r#"{"type":"X","t":1}"#),
                    ("no_readings", "[]"),
                    ("unknown_station", r#"{"id":"B","type":"X","t":{"value":1,"unitCode":"CEL"}}"#),
                    ("wrong_unit", r#"{"id":"A","type":"X","t":{"value":1,"unitCode":"ZZZ"}}"#),
                    ("invalid_time", r#"{"id":"A","type":"X","t":{"value":1,"unitCode":"CEL","observedAt":"noon"}}"#),
                ],
            ),
        },
        Form {
            topic: "sta",
            good: |at| {
                format!("{{\"phenomenonTime\":\"{}\",\"result\":1,\"Datastream\":{{\"@iot.id\":\"A\"}}}}", rfc(at))
                    .into_bytes()
            },
            bad: with(
                no_json("sta"),
                "sta",
                &[
                    ("wrong_shape", r#"{"result":1}"#),
                    ("no_readings", "[]"),
                    ("invalid_time", r#"{"phenomenonTime":"x","result":1,"Datastream":{"@iot.id":"A"}}"#),
                    ("unknown_station", r#"{"result":1,"Datastream":{"@iot.id":7}}"#),
                ],
            ),
        },
    ]
}

fn lorawan_forms() -> Vec<Form> {
    let chirpstack = "application/x/device/A/event/up";
    let tts = "v3/x/devices/A/up";
    vec![
        Form {
            topic: chirpstack,
            good: |at| {
                format!("{{\"time\":\"{}\",\"deviceInfo\":{{\"devEui\":\"A\"}},\"devAddr\":\"0\",\"fCnt\":{},\"object\":{{\"t\":1}}}}", rfc(at), at - 1_793_000_000).into_bytes()
            },
            bad: with(
                no_json(chirpstack),
                chirpstack,
                &[
                    ("wrong_shape", "[]"),
                    ("invalid_time", r#"{"time":"x","deviceInfo":{"devEui":"A"},"object":{"t":1}}"#),
                    ("wrong_type", r#"{"deviceInfo":{"devEui":"A"},"fCnt":-1,"object":{"t":1}}"#),
                ],
            ),
        },
        Form {
            topic: tts,
            good: |at| {
                format!("{{\"end_device_ids\":{{\"device_id\":\"A\"}},\"received_at\":\"{0}\",\"uplink_message\":{{\"session_key_id\":\"s\",\"f_cnt\":{1},\"decoded_payload\":{{\"t\":1}}}}}}", rfc(at), at - 1_793_000_000).into_bytes()
            },
            bad: with(
                no_json(tts),
                tts,
                &[
                    ("wrong_shape", "[]"),
                    ("unsupported", r#"{"end_device_ids":{"device_id":"A"},"simulated":true,"uplink_message":{}}"#),
                    ("invalid_time", r#"{"end_device_ids":{"device_id":"A"},"received_at":"x","uplink_message":{}}"#),
                ],
            ),
        },
    ]
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut all = Vec::new();
    while value >= 0x80 {
        all.push(value as u8 | 0x80);
        value >>= 7;
    }
    all.push(value as u8);
    all
}

fn second(at: i64) -> [u8; 5] {
    let [a, b, c, d] = (at as u32).to_be_bytes();
    [0x1a, a, b, c, d]
}

fn same(topic: &'static str, all: &[(&'static str, &[u8])]) -> Vec<(&'static str, &'static str, Vec<u8>)> {
    all.iter().map(|(reason, payload)| (*reason, topic, payload.to_vec())).collect()
}

fn binary_forms() -> Vec<Form> {
    vec![
        Form {
            topic: "cbor/A",
            good: |at| bytes(&[b"\xa2\x62at", &second(at), b"\x61t\x01"]),
            bad: same(
                "cbor/A",
                &[
                    ("empty_payload", b""),
                    ("invalid_binary", b"\xa2\x62at"),
                    ("invalid_binary", b"\xa1\x61t\x01\x00"),
                    ("invalid_binary", b"\xff"),
                    ("invalid_binary", b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff"),
                    ("invalid_utf8", b"\xa1\x61\xff\x01"),
                    ("wrong_shape", b"\xa1\xf5\x01"),
                    ("wrong_type", b"\xa1\x61t\x41\x00"),
                    ("not_finite", b"\xa1\x61t\xf9\x7c\x00"),
                    ("duplicate_key", b"\xa2\x61t\x01\x61t\x01"),
                    ("unknown_property", b"\xa1\x61x\x01"),
                    ("no_readings", b"\xa0"),
                    ("nested_too_deep", &[0x81; 100]),
                ],
            ),
        },
        Form {
            topic: "senml-cbor",
            good: |at| bytes(&[b"\x81\xa5\x21\x62A:\x22", &second(at), b"\x00\x61t\x01\x63Cel\x02\x01"]),
            bad: same(
                "senml-cbor",
                &[
                    ("empty_payload", b""),
                    ("wrong_shape", b"\xa0"),
                    ("no_readings", b"\x80"),
                    ("invalid_binary", b"\x81"),
                    ("unknown_property", b"\x81\xa2\x00\x63A:x\x02\x01"),
                ],
            ),
        },
    ]
}

fn packed_forms() -> Vec<Form> {
    let node = "spBv1.0/G/NBIRTH/A";
    vec![
        Form {
            topic: node,
            good: |at| {
                let time = varint(at as u64 * 1_000);
                let metric = bytes(&[b"\x0a\x01t\x18", &time, b"\x20\x0a\x69", &1.0_f64.to_le_bytes()]);
                bytes(&[b"\x08", &time, b"\x12", &varint(metric.len() as u64), &metric, b"\x18\x00"])
            },
            bad: same(
                node,
                &[
                    ("empty_payload", b""),
                    ("invalid_binary", b"\xff\xff"),
                    ("invalid_binary", b"\x12\x05\x0a"),
                    ("wrong_shape", b"\x18\x80\x02"),
                    ("wrong_shape", b"\x12\x02\x20\x0a\x18\x00"),
                ],
            )
            .into_iter()
            .chain([
                ("unknown_topic", "spBv1.0/G/HELLO/A", b"x".to_vec()),
                ("unknown_alias", "spBv1.0/G/NDATA/Z", b"\x12\x02\x10\x07".to_vec()),
            ])
            .collect(),
        },
        Form {
            topic: "lpp/A",
            good: |_| vec![3, 103, 0, 10],
            bad: same(
                "lpp/A",
                &[
                    ("empty_payload", b""),
                    ("invalid_binary", &[3, 103, 0]),
                    ("unsupported", &[3, 250, 0, 0]),
                    ("unknown_property", &[4, 103, 0, 10]),
                ],
            ),
        },
    ]
}

fn row_forms() -> Vec<Form> {
    let file = "files/A_20260406143000.txt";
    vec![
        Form {
            topic: file,
            good: |at| format!("T\t1,0\toC\t{}\t00\r\n", digits(at)).into_bytes(),
            bad: with(
                no_text(file),
                file,
                &[
                    ("wrong_shape", "T 1 oC 20260406143000 00"),
                    ("wrong_shape", "T\t1\toC\t20260406143000\t00\tmore"),
                    ("invalid_status", "T\t1\toC\t20260406143000\t07"),
                    ("invalid_time", "T\t1\toC\t20261306143000\t00"),
                    ("wrong_type", "T\t1.5,2\toC\t20260406143000\t00"),
                    ("wrong_unit", "T\t1\tfurlong\t20260406143000\t00"),
                    ("unknown_property", "COD\t1\tmg/L\t20260406143000\t00"),
                ],
            ),
        },
        Form {
            topic: "lines",
            good: |at| format!("m,host=A t=1 {at}\n").into_bytes(),
            bad: with(
                no_text("lines"),
                "lines",
                &[
                    ("unknown_station", "m t=1"),
                    ("wrong_shape", "m"),
                    ("wrong_shape", "m,host=A t=\"x"),
                    ("wrong_type", "m,host=A t=warm"),
                    ("not_finite", "m,host=A t=1e999"),
                    ("duplicate_key", "m,host=A t=1,t=2"),
                    ("invalid_time", "m,host=A t=1 noon"),
                    ("unknown_property", "m,host=A x=1"),
                    ("unknown_station", "m,host=B\\,\\ b t=1"),
                ],
            ),
        },
        Form {
            topic: "csv/A",
            good: |at| format!("at,t\n{at},\"1\"\n").into_bytes(),
            bad: with(
                no_text("csv/A"),
                "csv/A",
                &[
                    ("no_readings", "at,t"),
                    ("wrong_shape", "at,t\n1,2,3"),
                    ("wrong_shape", "at,t\n\"1"),
                    ("wrong_type", "at,t\n1795230000,warm"),
                    ("invalid_time", "at,t\nnoon,1"),
                    ("unknown_property", "at,x\n1795230000,1"),
                    ("duplicate_key", "t,t\n1,2"),
                ],
            ),
        },
    ]
}
