//! Lines as loggers write them.

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::decode::written::Repeated;
use crate::model::Unit;

fn files() -> StationFiles {
    let symbols = [
        ("Temp", ("water_temperature", Scale::default())),
        ("Flow", ("discharge", Scale { unit: Some(Unit::LitrePerSecond), factor: Some(10.0) })),
    ];
    StationFiles {
        station: Station::Named { by: "file".to_owned(), words: None },
        symbols: symbols
            .into_iter()
            .map(|(symbol, (name, scale))| (symbol.to_owned(), (name.to_owned(), scale)))
            .collect(),
        clock: LocalClock { zone: TimeZone::get("Asia/Ho_Chi_Minh").unwrap(), repeated: Repeated::Earlier },
        separator: b'\t',
    }
}

/// `property value unit time status`, or the reason; `-` for a line without a reading.
fn check(line: &str, expected: &str) {
    let (files, mut out) = (files(), Decoded::default());
    files.read("S", line, &mut out);
    let shown = match (out.readings.as_slice(), out.rejections.as_slice()) {
        ([], []) => "-".to_owned(),
        ([reading], []) => {
            let Reading { property, value, unit, time, status, .. } = reading;
            format!("{property} {value} {} {} {status:?}", unit.map_or("-", Unit::code), time.unwrap())
        }
        ([], [rejection]) => rejection.reason.word().to_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(shown, expected, "{line:?}");
}

#[test]
fn a_line_is_a_reading_in_local_time() {
    let expected = "cod 35.2 mg/L 2026-04-06T07:30:00Z Measuring";
    check("COD\t35.2000\tmg/L\t20260406143000\t00", expected);
    check("COD\t35.2000\tmg/L\t20260406143000\t00\r\n", expected);
    check("COD\t35,2000\tmg/l\t20260406143000\t00\n", expected);
    check(" COD \t 35.2 \t mg/L \t20260406143000\t00\t\t", expected);
    check("PM2,5\t41\tµg/Nm3\t20260406143000\t01", "pm2_5 41 ug/m3 2026-04-06T07:30:00Z Calibrating");
    check("PM2.5\t41\tug/m3\t20260406143000\t02", "pm2_5 41 ug/m3 2026-04-06T07:30:00Z Fault");
    check("CO(mg/Nm3)\t1,5\t\t20260406143000\t00", "co 1.5 mg/m3 2026-04-06T07:30:00Z Measuring");
    check("pH\t7.1\t-\t20260406143000\t00", "ph 7.1 - 2026-04-06T07:30:00Z Measuring");
    check("Temp\t28.5\toC\t20260406143000\t00", "water_temperature 28.5 Cel 2026-04-06T07:30:00Z Measuring");
    check("Flow\t2\tm3/h\t20260406143000\t00", "discharge 20 L/s 2026-04-06T07:30:00Z Measuring");
}

#[test]
fn a_device_in_error_may_leave_its_value_out() {
    check("COD\t\tmg/L\t20260406143000\t02", "-");
    check("COD\t\tmg/L\t20260406143000\t01", "-");
    check("COD\t\tmg/L\t20260406143000\t00", "wrong_type");
    check("", "-");
    check("\r\n", "-");
}

#[test]
fn what_does_not_fit_is_refused_with_its_reason() {
    check("COD\t35.2\tmg/L\t20260406143000", "wrong_shape");
    check("COD\t35.2\tmg/L\t20260406143000\t00\tmore", "wrong_shape");
    check("COD 35.2 mg/L 20260406143000 00", "wrong_shape");
    check("COD\t35.2\tmg/L\t20260406143000\t03", "invalid_status");
    check("COD\t3.5,2\tmg/L\t20260406143000\t00", "wrong_type");
    check("COD\tNaN\tmg/L\t20260406143000\t00", "wrong_type");
    check("COD\t1e999\tmg/L\t20260406143000\t00", "not_finite");
    check("Color\t12\tPt-Co\t20260406143000\t00", "wrong_unit");
    for time in ["20261306143000", "20260406243000", "2026040614300", "2026-04-06 14:30", "20260406143060"] {
        check(&format!("COD\t35.2\tmg/L\t{time}\t00"), "invalid_time");
    }
}

#[test]
fn the_station_is_the_beginning_of_the_name() {
    for (name, expected) in [
        ("TH_BSON_KHILO2__20260406143000.txt", "TH_BSON_KHILO2"),
        ("LC_TD_KK1_20260406143000.TXT", "LC_TD_KK1"),
        ("LC_TD_KK120260406143000.txt", "LC_TD_KK1"),
        ("LC_TD_KK1.txt", "LC_TD_KK1"),
        ("20260406143000.txt", ""),
        ("", ""),
    ] {
        assert_eq!(station_of(name), expected, "{name}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(line in "\\PC{0,80}", fields in "([A-Z0-9,.()µ/-]{0,16}\t){0,6}[0-9đ]{0,14}", name in "\\PC{0,40}") {
        let files = files();
        for line in [line, fields] {
            files.read("S", &line, &mut Decoded::default());
        }
        station_of(&name);
        property_of(&name);
    }
}
