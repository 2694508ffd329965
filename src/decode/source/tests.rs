use super::*;
use crate::model::{Arrival, Seq, Timestamp, Unit};

const EDGE: SourceId = SourceId(0);
const BROKER: SourceId = SourceId(1);
const NOW: Timestamp = Timestamp::from_seconds(1_795_230_900);

#[derive(serde::Deserialize)]
struct File {
    source: Vec<Config>,
}

fn configs(text: &str) -> Vec<Config> {
    toml::from_str::<File>(text).unwrap().source
}

/// Ways in have the numbers 0 and 1, sources those after them.
fn sources(text: &str) -> Sources {
    let configs = configs(text);
    let number = |name: &str| match name {
        "edge" => Some(EDGE),
        "broker" => Some(BROKER),
        name => configs.iter().position(|config| config.name == name).map(|place| SourceId(2 + place as u16)),
    };
    Sources::prepare(&configs, number).unwrap()
}

/// The number it is counted by, then readings as `station/property=value unit`, then reasons with details.
fn check(sources: &Sources, from: SourceId, topic: &str, payload: &str, source: u16, expected: &[&str]) {
    let (source_found, lines) = read(sources, from, topic, payload.as_bytes());
    assert_eq!(
        (source_found, lines.iter().map(String::as_str).collect()),
        (SourceId(source), expected.to_vec()),
        "{topic} {payload}"
    );
}

fn read(sources: &Sources, source: SourceId, topic: &str, payload: &[u8]) -> (SourceId, Vec<String>) {
    // Under a source's own number it is handed in again.
    let is_fresh = [EDGE, BROKER].contains(&source);
    let arrival =
        if is_fresh { Arrival::Fresh } else { Arrival::Again { of: Seq(1), first_at: NOW, was_retained: false } };
    let raw = RawMessage { source, topic, payload, received_at: NOW, arrival };
    let (mut heard, mut out) = (Heard::default(), Decoded::default());
    let (source, refused) = sources.decode(&raw, &Limits::default(), &mut heard, &mut out);
    let mut lines = Vec::new();
    for r in &out.readings {
        let (unit, time) = (r.unit.map_or("", Unit::code), r.time.map(|at| format!(" @{at}")).unwrap_or_default());
        lines.push(format!("{}/{}={} {unit}{time}", r.station, r.property, r.value));
    }
    let refused = out.rejections.into_iter().chain(refused);
    lines.extend(refused.map(|rejection| format!("{}: {}", rejection.reason.word(), rejection.detail)));
    (source, lines)
}

const SOURCES: &str = r#"
[[source]]
name = "pump"
topic = "plant/{hall}/pump"
decoder = "json"
station = "{hall}-pump"
missing = ["n/a", "-99"]
ignored = ["/meta"]
[source.names]
"/p" = { property = "pressure", unit = "kPa", scale = 0.1, offset = 2 }
"/run" = { property = "running", unit = "1", words = { ON = 1, OFF = 0 } }

[[source]]
name = "rest"
from = ["edge", "broker"]
topic = "plant/#"
decoder = "json"
station = "PLANT"
unlisted = "ignore"
names = { "/p" = { property = "pressure", unit = "Pa" } }

[[source]]
name = "sheds"
from = ["broker"]
topic = "sheds/{device}/{name}"
decoder = "json"
value_at = ""
stations = { "kho 1, \"bắc\"" = "SHED-1" }
names = { "nhiệt độ" = { property = "air_temperature", unit = "[degF]" } }
"#;

#[test]
fn a_message_is_of_the_first_source_of_its_way_in() {
    let sources = sources(SOURCES);
    check(&sources, EDGE, "plant/a/pump", r#"{"p":10}"#, 2, &["a-pump/pressure=3 kPa"]);
    check(&sources, BROKER, "plant/a/pump", r#"{"p":10}"#, 3, &["PLANT/pressure=10 Pa"]);
    check(&sources, EDGE, "plant/a", r#"{"p":10,"x":{}}"#, 3, &["PLANT/pressure=10 Pa"]);
    check(&sources, EDGE, "saola/v1/plant", r#"{"p":10}"#, 0, &["plant/p=10 "]);
    let unknown = "unknown_topic: not saola/v1/{station} or saola/v1/{station}/{property}";
    check(&sources, EDGE, "sheds/a/b", "1", 0, &[unknown]);
}

#[test]
fn a_message_that_is_handed_in_again_is_of_the_source_that_refused_it() {
    let sources = sources(SOURCES);
    let (pump, rest, gone) = (SourceId(2), SourceId(3), SourceId(77));
    check(&sources, pump, "plant/a/pump", r#"{"p":10}"#, 2, &["a-pump/pressure=3 kPa"]);
    check(&sources, rest, "plant/a/pump", r#"{"p":10}"#, 3, &["PLANT/pressure=10 Pa"]);
    check(&sources, pump, "plant/b", r#"{"p":10}"#, 3, &["PLANT/pressure=10 Pa"]);
    let stranger = "unknown_topic: not among the topics of its source";
    check(&sources, pump, "saola/v1/A", r#"{"p":10}"#, 2, &[stranger]);
    let unknown = "unknown_topic: not saola/v1/{station} or saola/v1/{station}/{property}";
    check(&sources, gone, "plant/a/pump", "1", 77, &[unknown]);
}

#[test]
fn words_and_missing_values_are_the_mappings_business() {
    let sources = sources(SOURCES);
    check(&sources, EDGE, "plant/a/pump", r#"{"p":"n/a","run":"ON"}"#, 2, &["a-pump/running=1 1"]);
    check(&sources, EDGE, "plant/a/pump", r#"{"p":-99.0,"run":false,"meta":{"x":["y"]}}"#, 2, &["a-pump/running=0 1"]);
    check(
        &sources,
        EDGE,
        "plant/a/pump",
        r#"{"p":"low","run":"on","q":1}"#,
        2,
        &[
            "unknown_property: /q is not among the source's names",
            "wrong_type: /p: \"low\" is neither a number nor a known word",
            "wrong_type: /run: \"on\" is neither a number nor a known word",
        ],
    );
    check(&sources, EDGE, "plant/a/pump", "{", 2, &["invalid_json: expected `\"`, at byte 1"]);
}

#[test]
fn names_with_any_letters_pass_and_strangers_are_refused() {
    let sources = sources(SOURCES);
    check(&sources, BROKER, "sheds/kho 1, \"bắc\"/nhiệt độ", " 71.6", 4, &["SHED-1/air_temperature=71.6 [degF]"]);
    check(
        &sources,
        BROKER,
        "sheds/kho 2/nhiệt độ",
        "1",
        4,
        &["unknown_station: \"kho 2\" is not among the source's stations"],
    );
    check(&sources, BROKER, "sheds/a/độ ẩm", "1", 4, &["unknown_property: \"độ ẩm\" is not among the source's names"]);
}

#[test]
fn a_device_may_stand_in_the_message() {
    let sources = sources(
        "[[source]]\nname = 'a'\ntopic = 'g/{gateway}'\ndecoder = 'json'\nstation = '{gateway}.{device}'\n\
         device_at = '/*/id'\ntime_at = '/*/t'\ntime_format = 'local'\nunit_at = '/*/u'\nunits = { '°F' = '[degF]' }\n\
         names = { '/*/v' = { property = 'air_temperature' } }\n",
    );
    let time = "2026-11-21 10:15:00";
    check(
        &sources,
        EDGE,
        "g/cổng 1",
        &format!(
            r#"[{{"id":7,"v":71,"u":"°F","t":"{time}"}},{{"id":"b","v":2}},{{"v":3,"u":"Cel"}},{{"id":"c","v":4,"u":"°R"}}]"#
        ),
        2,
        &[
            "cổng 1.7/air_temperature=71 [degF] @2026-11-21T03:15:00Z",
            "wrong_unit: /*/v: neither message nor mapping says its unit",
            "unknown_station: the message does not say which device it is of",
            "wrong_unit: /*/v: \"°R\" is no known unit",
        ],
    );
}

/// The mistakes of one section as `key: beginning of the sentence`.
fn check_mistakes(section: &str, expected: &[&str]) {
    let config = &configs(&format!("[[source]]\nname = 'a'\n{section}"))[0];
    let found: Vec<String> = mistakes(config).iter().map(|(key, message)| format!("{key}: {message}")).collect();
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found:?} does not start with {expected:?}");
    }
}

#[test]
fn every_mistake_of_a_section_is_told() {
    let names = "names = { '/v' = { property = 'smoke', unit = '1' } }\n";
    let with = |more: &str| format!("topic = 'a/{{device}}'\ndecoder = 'json'\n{names}{more}");
    check_mistakes(&with(""), &[]);
    check_mistakes(&format!("topic = 'a/b#'\ndecoder = 'json'\n{names}"), &["topic: \"b#\": +, # and {name}"]);
    check_mistakes(&format!("topic = 'a/+'\ndecoder = 'json'\n{names}"), &["station: {device} is not known"]);
    check_mistakes(&with("station = '{devise}'"), &["station: {devise} is not known: the topic captures {device}"]);
    check_mistakes(&with("station = '{device'"), &["station: has a { without its }"]);
    check_mistakes(&with("station = ''"), &["station: must name a station"]);
    check_mistakes(&with("time_zone = 'Hà Nội'"), &["time_zone: \"Hà Nội\" is no time zone"]);
    check_mistakes(&with("time_format = 'iso'"), &["time_format: must be rfc3339"]);
    check_mistakes(
        &with("time_at = 'ts'\ndevice_at = '/v'"),
        &["time_at: \"ts\" is no JSON Pointer", "names./v: names a place"],
    );
    check_mistakes(&with("value_at = '/x'"), &["name_at: is missing"]);
    check_mistakes(&with("ignored = ['meta']"), &["ignored[0]: must be a JSON Pointer"]);
    check_mistakes(
        "topic = 'a/{device}/{name}'\ndecoder = 'json'\nnames = { v = { property = 'smoke', scale = 0, offset = nan, words = { ON = inf } } }",
        &[
            "names.v: must be a JSON Pointer",
            "value_at: is missing",
            "names.v.unit: is missing: these messages do not say their units",
            "names.v.scale: must be a number other than 0",
            "names.v.offset: must be a number",
            "names.v.words.ON: must be a number",
        ],
    );
    check_mistakes(
        "topic = 'z/+'\nstation = 'A'\ndecoder = 'zigbee2mqtt'",
        &["topic: must capture the device", "names: must list"],
    );
    check_mistakes(
        "topic = 'tele/{device}/SENSOR'\ndecoder = 'tasmota'\ntime_at = '/Time'\nnames = { 'AM2301.Temperature' = { property = 'a' }, 'Time' = { property = 'b' } }",
        &["time_at: is for json, cbor and csv", "names.Time: names a place that has another meaning"],
    );
}

#[test]
fn records_of_senml_are_mapped_by_device_name_and_unit() {
    let sources = sources(
        "[[source]]\nname = 'a'\ntopic = 'senml/+'\ndecoder = 'senml_json'\nstations = { 'urn:dev:ow:10e2' = 'WX' }\n\
         unlisted = 'ignore'\nnames = { t = { property = 'air_temperature' }, c = { property = 'conductivity' } }\n",
    );
    let pack = r#"[{"bn":"urn:dev:ow:10e2:","bt":1.795230900e9,"n":"t","u":"Cel","v":23.1},{"n":"c","u":"S/m","v":0.05},{"n":"x","v":1}]"#;
    let time = "@2026-11-21T03:15:00Z";
    check(
        &sources,
        EDGE,
        "senml/g",
        pack,
        2,
        &[&format!("WX/air_temperature=23.1 Cel {time}"), &format!("WX/conductivity=500 uS/cm {time}")],
    );
}

/// What a message handed in by a way in says of the devices themselves, and how many readings it has.
fn events(sources: &Sources, arrival: Arrival, topic: &str, payload: &str) -> (usize, Vec<String>) {
    let raw = RawMessage { source: EDGE, topic, payload: payload.as_bytes(), received_at: NOW, arrival };
    let (mut heard, mut out) = (Heard::default(), Decoded::default());
    let (_, refused) = sources.decode(&raw, &Limits::default(), &mut heard, &mut out);
    assert_eq!((refused, &out.rejections), (None, &Vec::new()));
    (out.readings.len(), heard.events.iter().map(|event| format!("{event:?}")).collect())
}

#[test]
fn what_a_format_remembers_is_left_alone_by_a_message_handed_in_again() {
    let sources = sources(
        "[[source]]\nname = 'a'\ntopic = 'application/+/device/{device}/event/up'\ndecoder = 'chirpstack_v4'\n\
         ignored = ['rssi', 'snr', 'dr']\nnames = { t = { property = 'air_temperature', unit = 'Cel' } }\n",
    );
    let topic = "application/x/device/0101/event/up";
    let uplink = |count: u32| {
        format!(
            "{{\"deduplicationId\":\"id {count}\",\"time\":\"2026-11-21T03:15:00+00:00\",\"deviceInfo\":{{\"devEui\":\"0101\"}},\
             \"devAddr\":\"00189440\",\"fCnt\":{count},\"object\":{{\"t\":21.5}}}}"
        )
    };
    let again = Arrival::Again { of: crate::model::Seq(1), first_at: NOW, was_retained: false };
    assert_eq!(events(&sources, Arrival::Fresh, topic, &uplink(7)), (1, vec![]));
    let repeated = vec!["Repeated { device: \"0101\", key: \"id 7\" }".to_owned()];
    assert_eq!(events(&sources, Arrival::Fresh, topic, &uplink(7)), (0, repeated));
    assert_eq!(events(&sources, again, topic, &uplink(7)), (1, vec![]), "it is to be stored this time");
    assert_eq!(events(&sources, again, topic, &uplink(99)), (1, vec![]));
    let gap = vec!["Gap { device: \"0101\", missed: 2 }".to_owned()];
    assert_eq!(events(&sources, Arrival::Fresh, topic, &uplink(10)), (1, gap));
}

#[test]
fn times_relative_to_now_are_about_the_first_arrival() {
    let sources = sources(
        "[[source]]\nname = 'a'\ntopic = 's'\ndecoder = 'senml_json'\nstation = 'A'\nnames = { t = { property = 'x', unit = '1' } }\n",
    );
    let check = |arrival, expected: Option<Timestamp>| {
        let payload = br#"[{"n":"t","v":1,"t":-60}]"#;
        let raw = RawMessage { source: EDGE, topic: "s", payload, received_at: NOW, arrival };
        let (mut heard, mut out) = (Heard::default(), Decoded::default());
        let (_, refused) = sources.decode(&raw, &Limits::default(), &mut heard, &mut out);
        assert_eq!(refused, None);
        assert_eq!(out.readings.first().and_then(|reading| reading.time), expected, "{arrival:?}");
        assert_eq!(out.rejections.len(), usize::from(expected.is_none()), "{arrival:?}");
    };
    let minute = std::time::Duration::from_secs(60);
    let first_at = NOW - minute * 60;
    check(Arrival::Fresh, Some(NOW - minute));
    check(Arrival::Again { of: Seq(1), first_at, was_retained: false }, Some(first_at - minute));
    check(Arrival::Repeated { first_at }, Some(first_at - minute));
    check(Arrival::Retained, None);
}

#[test]
fn rows_of_files_are_mapped_by_device_name_and_unit() {
    let sources = sources(
        "[[source]]\nname = 'a'\ntopic = 'files/#'\ndecoder = 'station_file'\nstations = { 'LC_TD_KK1' = 'AIR-01' }\n\
         names = { 'PM2,5' = { property = 'pm2_5' }, 'Temp' = { property = 'air_temperature', unit = 'Cel' } }\n\
         [[source]]\nname = 'b'\ntopic = 'telegraf'\ndecoder = 'line_protocol'\ndevice_at = 'host'\n\
         time_format = 'seconds'\nnames = { 'air.t' = { property = 'air_temperature', unit = 'Cel' } }\n\
         [[source]]\nname = 'c'\ntopic = 'tables/{device}'\ndecoder = 'csv'\nseparator = ';'\ndecimal = 'comma'\n\
         time_at = 'ngày, giờ'\ntime_format = '%d/%m/%Y %H:%M'\nignored = ['ghi chú']\n\
         names = { 't/°F' = { property = 'air_temperature', unit = '[degF]' } }\n",
    );
    let time = "@2026-11-21T03:15:00Z";
    check(
        &sources,
        EDGE,
        "files/2026/LC_TD_KK1_20261121101500.txt",
        "PM2,5\t41,5\tµg/Nm3\t20261121101500\t00\r\nTemp\t-0.5\t\t20261121101500\t00\nCOD\t1\tmg/L\t20261121101500\t00",
        2,
        &[
            &format!("AIR-01/pm2_5=41.5 ug/m3 {time}"),
            &format!("AIR-01/air_temperature=-0.5 Cel {time}"),
            "unknown_property: \"COD\" is not among the source's names",
        ],
    );
    check(
        &sources,
        EDGE,
        "telegraf",
        "air,host=WX\\ 1 t=21.5 1795230900\n",
        3,
        &[&format!("WX 1/air_temperature=21.5 Cel {time}")],
    );
    check(
        &sources,
        EDGE,
        "tables/WX-1",
        "\"ngày, giờ\";t/°F;ghi chú\r\n21/11/2026 10:15;68,5;\"a;b\"\r\n",
        4,
        &[&format!("WX-1/air_temperature=68.5 [degF] {time}")],
    );
}

#[test]
fn a_source_of_its_own_way_in_takes_no_native_topics() {
    let sources = sources(
        "[[source]]\nname = 'a'\ntopic = '#'\ndecoder = 'json'\nstation = 'A'\nnames = { '/v' = { property = 'v', unit = '1' } }\n",
    );
    check(&sources, EDGE, "saola/v1/B", r#"{"v":1}"#, 0, &["B/v=1 "]);
    check(&sources, SourceId(2), "saola/v1/B", r#"{"v":1}"#, 2, &["A/v=1 1"]);
}

#[test]
fn mistakes_of_rows_are_told() {
    let csv = |more: &str| {
        format!(
            "topic = 'a/{{device}}'\ndecoder = 'csv'\nnames = {{ v = {{ property = 'smoke', unit = '1' }} }}\n{more}"
        )
    };
    check_mistakes(&csv(""), &[]);
    check_mistakes(&csv("separator = 'ab'"), &["separator: must be one character"]);
    check_mistakes(&csv("decimal = 'comma'"), &["decimal: separator and decimal are both"]);
    check_mistakes(&csv("time_at = 'v'"), &["names.v: names a place"]);
    check_mistakes(
        "topic = 'a'\ndecoder = 'line_protocol'\ntime_format = 'rfc3339'\nnames = { 'a.v' = { property = 'smoke' } }\n",
        &["names.a.v.unit: is missing", "station: {device} is not known", "time_format: must be nanoseconds"],
    );
}

#[test]
fn a_source_s_own_file_or_request_is_never_read_as_another_s() {
    let sources = sources(
        "[[source]]\nname = 'pushed'\nfrom = ['http', 'edge']\ntopic = 'mine/{device}'\ndecoder = 'json'\n\
         names = { '/t' = { property = 'air_temperature', unit = 'Cel' } }\n\
         [[source]]\nname = 'other'\nfrom = ['http', 'edge']\ntopic = 'theirs/{device}'\ndecoder = 'json'\n\
         names = { '/t' = { property = 'air_temperature', unit = 'Cel' } }\n",
    );
    let check = |arrival, topic: &str, expected: u16, reads: bool| {
        let raw = RawMessage { source: SourceId(2), topic, payload: b"{\"t\":1}", received_at: NOW, arrival };
        let (mut heard, mut out) = (Heard::default(), Decoded::default());
        let (source, refused) = sources.decode(&raw, &Limits::default(), &mut heard, &mut out);
        assert_eq!((source, out.readings.len()), (SourceId(expected), usize::from(reads)), "{topic} {arrival:?}");
        assert_eq!(refused.map(|refused| refused.reason), (!reads).then_some(Reason::UnknownTopic));
    };
    for arrival in [Arrival::Fresh, Arrival::Retained, Arrival::Repeated { first_at: NOW }] {
        check(arrival, "mine/a", 2, true);
        check(arrival, "theirs/a", 2, false);
        check(arrival, "saola/v1/a", 2, false);
    }
    // By the edge it came, and is of another source by now.
    check(Arrival::Again { of: Seq(1), first_at: NOW, was_retained: false }, "theirs/a", 3, true);
}
