//! Each kind of file through the binary, and what the command says of it.

use std::io::Write as _;
use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use saola::model::Timestamp;
use serde_json::json;

use super::Desk;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// The only channel's history.
fn check_history(desk: &Desk, station: &str, expected: &[(&str, f64)]) {
    let expected: Vec<(Timestamp, f64)> = expected.iter().map(|(time, value)| (at(time), *value)).collect();
    assert_eq!(desk.histories()[&format!("{station}/air_temperature")], expected);
}

const MAP: &str = "[csv]\nseparator = ';'\ndecimal = 'comma'\n[time]\ncolumn = ['Ngày', 'Giờ']\n\
    format = '%d/%m/%Y %H:%M'\nzone = 'Asia/Ho_Chi_Minh'\n[station]\ncolumn = 'Trạm'\nmap = { 'Sìn Hồ' = 'A' }\n\
    [[column]]\nname = 'Nhiệt độ'\nproperty = 'air_temperature'\nunit = 'oF'\n[status]\ncolumn = 'TT'\n";

#[test]
fn a_spreadsheet_s_csv_comes_in() {
    let desk = Desk::new(&["A"]);
    let map = desk.file("map.toml", MAP.as_bytes());
    let text = "\u{feff}Trạm;Ngày;Giờ;Nhiệt độ;TT\r\n\
        Sìn Hồ;21/11/2019;00:00;50,0;00\r\n\
        \"Sìn Hồ\";21/11/2019;01:00;NA;00\r\n\
        \r\n\
        Sìn Hồ;21/11/2019;02:00;212;00\r\n\
        Sìn Hồ;31/11/2019;03:00;50;00\r\n\
        Mường Tè;21/11/2019;04:00;50;00\r\n\
        Mường Tè;21/11/2019;05:00;50;00\r\n\
        Sìn Hồ;21/11/2019;06:00;41;02";
    let file = desk.file("a.csv", text.as_bytes());
    let outcome = desk.import(&["--format", "csv", "--map", &map, "--json", &file]);
    assert_eq!((outcome.code, outcome.counts()), (Some(65), [7, 2, 0, 4]), "{}{}", outcome.stdout, outcome.stderr);
    let report = &outcome.report()["files"][0];
    assert_eq!(report["rows_without_value"], 1);
    assert_eq!(report["reasons"]["implausible"]["first"], json!([[5, "air_temperature 100 Cel is outside -50 to 60"]]));
    assert_eq!(report["reasons"]["invalid_time"]["first"][0][0], 6);
    assert_eq!(report["reasons"]["unknown_station"]["count"], 2);
    assert_eq!(report["unknown"], json!({ "the map has no station for \"Mường Tè\"": 2 }), "told once, with its count");
    let histories = desk.histories();
    let values: Vec<_> =
        histories["A/air_temperature"].iter().map(|(at, value)| (at.to_string(), value.round())).collect();
    assert_eq!(values, [("2019-11-20T17:00:00Z".to_owned(), 10.0), ("2019-11-20T23:00:00Z".to_owned(), 5.0)]);

    let again = desk.import(&["--format", "csv", "--map", &map, &file]);
    assert!(again.stdout.contains("in all: 6 readings, 0 stored, 2 duplicate, 4 rejected"), "{}", again.stdout);
    assert!(
        again.stdout.contains(&format!("{file}:6: time \"31/11/2019 03:00\" is not of the form")),
        "{}",
        again.stdout
    );
    assert_eq!(again.stderr, "", "quiet in a pipe");
}

#[test]
fn line_protocol_comes_in() {
    let desk = Desk::new(&["A", "B"]);
    let map = "[station]\ntag = 'station'\nmap = { A = 'A', 'đèo Ô Quy Hồ' = 'B' }\n";
    let map = desk.file("map.toml", map.as_bytes());
    let text = "# exported\nweather,station=A air_temperature=17.25,note=\"two\nlines\" 1500000000\n\n\
        weather,station=đèo\\ Ô\\ Quy\\ Hồ air_temperature=12i 1500000000\n\
        weather,station=A air_temperature=18\nweather,station=A air_temperature= 5\nbroken\n";
    let file = desk.file("a.lp", text.as_bytes());
    let outcome = desk.import(&["--format", "line", "--precision", "s", "--map", &map, "--json", &file]);
    assert_eq!((outcome.code, outcome.counts()), (Some(65), [5, 2, 0, 4]), "{}{}", outcome.stdout, outcome.stderr);
    let reasons = &outcome.report()["files"][0]["reasons"];
    let lines =
        |reason: &str| reasons[reason]["first"].as_array().unwrap().iter().map(|at| at[0].clone()).collect::<Vec<_>>();
    assert_eq!(lines("wrong_type"), [json!(2), json!(7)], "a text is no number");
    assert_eq!((lines("invalid_time"), lines("wrong_shape")), (vec![json!(6)], vec![json!(8)]));
    check_history(&desk, "A", &[("2017-07-14T02:40:00Z", 17.25)]);
    check_history(&desk, "B", &[("2017-07-14T02:40:00Z", 12.0)]);
}

#[test]
fn station_files_come_in_and_their_names_say_whose() {
    let desk = Desk::new(&["LC_TD_KK1", "B"]);
    let symbols = "[[column]]\nname = 'Temp'\nproperty = 'air_temperature'\n[station]\nmap = { LC_TD_KK1 = 'B' }\n";
    let map = desk.file("map.toml", symbols.as_bytes());
    let text = "Temp\t35,2000\toC\t20200406143000\t00\r\nTemp\t\toC\t20200406143500\t02\r\n\
        Temp\t36.1\toC\t20200406144000\t01\nCOD\t36.1\tmg/L\t20200406144000\t00";
    let file = desk.file("LC_TD_KK1_20200406144000.txt", text.as_bytes());
    let plain = "air_temperature\t20\t\t20200406143000\t00";
    let other = desk.file("LC_TD_KK1__20200406143000.txt", plain.as_bytes());
    let outcome = desk.import(&["--format", "station", "--map", &map, "--json", &file]);
    assert_eq!((outcome.code, outcome.counts()), (Some(65), [4, 2, 0, 1]), "{}{}", outcome.stdout, outcome.stderr);
    assert_eq!(outcome.report()["files"][0]["unknown"], json!({ "station B has no channel cod": 1 }));
    check_history(&desk, "B", &[("2020-04-06T07:30:00Z", 35.2), ("2020-04-06T07:40:00Z", 36.1)]);
    let outcome = desk.import(&["--format", "station", "--json", &other]);
    assert_eq!((outcome.code, outcome.counts()), (Some(0), [1, 1, 0, 0]));
    check_history(&desk, "LC_TD_KK1", &[("2020-04-06T07:30:00Z", 20.0)]);
    let foreign = desk.file("HN_X_20200406143000.txt", plain.as_bytes());
    let outcome = desk.import(&["--format", "station", "--map", &map, "--json", &foreign]);
    assert_eq!(outcome.code, Some(65));
    assert_eq!(
        outcome.report()["files"][0]["failed"],
        "the map has no station for files whose names begin with \"HN_X\""
    );
}

#[test]
fn an_ndjson_export_comes_in_packed_or_not() {
    let desk = Desk::new(&["A"]);
    let text = "{\"time\":\"2020-01-01T00:00:00Z\",\"channel\":\"A/air_temperature\",\"value\":0.1,\"quality\":\"good\"}\n\
        {\"time\":\"2020-01-01T00:00:01Z\",\"channel\":\"A/air_temperature\",\"value\":0.2,\"quality\":\"fault\"}\n";
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    let packed = desk.file("a.ndjson.gz", &packed.finish().unwrap());
    let plain = desk.file("a.ndjson", text.as_bytes());
    let outcome = desk.import(&["--format", "native", "--json", &packed]);
    assert_eq!((outcome.code, outcome.counts()), (Some(0), [2, 2, 0, 0]));
    let outcome = desk.import(&["--format", "native", "--json", &plain]);
    assert_eq!((outcome.code, outcome.counts()), (Some(0), [2, 0, 2, 0]));
    check_history(&desk, "A", &[("2020-01-01T00:00:00Z", 0.1), ("2020-01-01T00:00:01Z", 0.2)]);
}

/// A file as exports write it: instants in microseconds, channel, value, quality.
fn parquet(rows: &[(i64, &str, f64, &str)], time: &str) -> Vec<u8> {
    let schema = format!(
        "message history {{ required int64 time ({time}); required binary channel (STRING); \
         required double value; required binary quality (STRING); }}"
    );
    let schema = Arc::new(parse_message_type(&schema).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(WriterProperties::default())).unwrap();
    for half in rows.chunks(rows.len().div_ceil(2).max(1)) {
        let mut group = writer.next_row_group().unwrap();
        let texts = |of: fn(&(i64, &str, f64, &str)) -> String| {
            half.iter().map(|row| ByteArray::from(of(row).as_str())).collect::<Vec<_>>()
        };
        let times: Vec<i64> = half.iter().map(|row| row.0).collect();
        let values: Vec<f64> = half.iter().map(|row| row.2).collect();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(&times, None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&texts(|row| row.1.to_owned()), None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<DoubleType>().write_batch(&values, None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&texts(|row| row.3.to_owned()), None, None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
    }
    writer.into_inner().unwrap()
}

#[test]
fn a_parquet_export_comes_in() {
    let desk = Desk::new(&["A"]);
    let base = 1_577_836_800_000_000;
    let name = "A/air_temperature";
    let rows = [
        (base, name, 0.1, "good"),
        (base + 1, name, f64::NAN, "good"),
        (base + 2, name, 0.3, "calibrating"),
        (base + 3, "A/x", 1.0, "good"),
    ];
    for (time, unit) in [("TIMESTAMP(MICROS,true)", 1), ("TIMESTAMP(NANOS,true)", 1_000)] {
        let desk = Desk::new(&["A"]);
        let rows = rows.map(|(at, channel, value, quality)| (at * unit, channel, value, quality));
        let file = desk.file("a.parquet", &parquet(&rows, time));
        let outcome = desk.import(&["--format", "parquet", "--json", &file]);
        assert_eq!((outcome.code, outcome.counts()), (Some(65), [4, 2, 0, 1]), "{}{}", outcome.stdout, outcome.stderr);
        check_history(&desk, "A", &[("2020-01-01T00:00:00Z", 0.1), ("2020-01-01T00:00:00.000002Z", 0.3)]);
        let again = desk.import(&["--format", "parquet", "--json", &file]);
        assert_eq!(again.counts(), [4, 0, 2, 1]);
    }
    let file = desk.file("local.parquet", &parquet(&rows, "TIMESTAMP(MICROS,false)"));
    let outcome = desk.import(&["--format", "parquet", "--json", &file]);
    let failed = "column \"time\" has times without a zone: name format and zone in a map";
    assert_eq!((outcome.code, &outcome.report()["files"][0]["failed"]), (Some(65), &json!(failed)));
    let map = "[time]\ncolumn = 'time'\nformat = '%Y'\nzone = 'Asia/Ho_Chi_Minh'\n[channel]\ncolumn = 'channel'\nvalue = 'value'\n";
    let map = desk.file("map.toml", map.as_bytes());
    let outcome = desk.import(&["--format", "parquet", "--map", &map, "--json", &file]);
    assert_eq!(outcome.counts(), [4, 2, 0, 1]);
    check_history(&desk, "A", &[("2019-12-31T17:00:00Z", 0.1), ("2019-12-31T17:00:00.000002Z", 0.3)]);
}

#[test]
fn damaged_files_leave_the_others_alone() {
    let desk = Desk::new(&["A"]);
    let whole = parquet(&[(1_577_836_800_000_000, "A/air_temperature", 0.1, "good")], "TIMESTAMP(MICROS,true)");
    let mut names = vec![desk.file("whole.parquet", &whole), desk.file("none.parquet", b"")];
    for place in (0..whole.len()).step_by(whole.len() / 24) {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x55;
        names.push(desk.file(&format!("{place}.parquet"), &damaged));
        names.push(desk.file(&format!("{place}-cut.parquet"), &whole[..place]));
    }
    names.push("/nowhere/at-all.parquet".to_owned());
    let mut arguments = vec!["--format", "parquet", "--json"];
    arguments.extend(names.iter().map(String::as_str));
    let outcome = desk.import(&arguments);
    let report = outcome.report();
    let files = report["files"].as_array().unwrap();
    assert_eq!(
        (outcome.code, files.len(), &files[0]["stored"]),
        (Some(65), names.len(), &json!(1)),
        "{}",
        outcome.stderr
    );
    assert!(files[1]["failed"].as_str().unwrap().starts_with("is not Parquet"), "{}", files[1]);
    assert_eq!(files.last().unwrap()["failed"], "cannot be opened: No such file or directory (os error 2)");

    let map = desk.file("map.toml", MAP.as_bytes());
    for (name, content, failed) in [
        ("utf16.csv", b"\xff\xfea\0".as_slice(), "is UTF-16 text: save it as UTF-8"),
        ("empty.csv", b"", "has no header"),
        ("other.csv", b"a;b\n1;2\n", "the file has no column \"Trạm\"; it has a, b"),
    ] {
        let file = desk.file(name, content);
        let outcome = desk.import(&["--format", "csv", "--map", &map, "--json", &file]);
        assert_eq!((outcome.code, &outcome.report()["files"][0]["failed"]), (Some(65), &json!(failed)));
    }
}

#[test]
fn a_dry_run_checks_everything_and_writes_nothing() {
    let desk = Desk::new(&["A"]);
    let file = desk
        .file("a.csv", b"time,channel,value\n2020-01-01T00:00:00Z,A/air_temperature,1\n2020-01-01T00:00:00Z,B/x,1\n");
    let outcome = desk.import(&["--format", "csv", "--dry-run", &file]);
    assert_eq!(outcome.code, Some(65));
    assert!(outcome.stdout.contains("1 times: station B is not registered"), "{}", outcome.stdout);
    assert!(
        outcome.stdout.ends_with("in all: 2 readings, 1 would be taken, 0 duplicate, 1 rejected\n"),
        "{}",
        outcome.stdout
    );
    assert!(!desk.data().exists());
}

#[test]
fn what_is_asked_wrongly_begins_nothing() {
    let desk = Desk::new(&["A"]);
    let file = desk.file("a.csv", b"time,channel,value\n");
    let map = desk.file("map.toml", b"[time]\n");
    for (arguments, told) in [
        (vec!["--format", "xls", &file], "use one of csv, line, station, parquet, native"),
        (vec!["--format", "csv"], "required"),
        (vec!["--format", "csv", "--map", &map, &file], "map.toml:1: time.column: must name"),
        (vec!["--format", "csv", "--map", "/nowhere.toml", &file], "/nowhere.toml: cannot be read"),
        (vec!["--format", "native", "--map", &map, &file], "need no map"),
        (vec!["--format", "csv", "--precision", "s", &file], "--precision is for --format line"),
        (vec!["--format", "csv", "--source", "edge", &file], "is the name of a way in by MQTT"),
        (vec!["--format", "csv", "--source", "a b", &file], "is no name of a source"),
    ] {
        let outcome = desk.import(&arguments);
        assert_eq!(outcome.code, Some(64), "{arguments:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(told), "{arguments:?}: {}", outcome.stderr);
    }
    assert!(!desk.data().exists());
}

#[test]
fn a_map_that_fits_nothing_is_told_before_everything_is_a_dead_letter() {
    let desk = Desk::new(&["A"]);
    let mut text = String::from("time,channel,value\n");
    for _ in 0..30_000 {
        text.push_str("yesterday,A/air_temperature,1\n");
    }
    let file = desk.file("a.csv", text.as_bytes());
    let outcome = desk.import(&["--format", "csv", "--json", &file]);
    let report = &outcome.report()["files"][0];
    assert_eq!(outcome.code, Some(65));
    let (rows, failed) = (report["rows"].as_u64().unwrap(), report["failed"].as_str().unwrap());
    assert!((10_000..11_000).contains(&rows) && failed.contains("the map or the format does not fit"), "{report}");
}
