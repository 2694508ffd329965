//! Map files, right and wrong.

use super::*;
use crate::decode::mapping::Read;
use crate::decode::written::TimeForm;
use crate::model::Unit;

/// The mistakes as `line key: start of message`; none when the map is right.
fn check(format: Format, text: &str, expected: &[&str]) {
    let found: Vec<String> = match parse(format, "map.toml", text, None) {
        Ok(_) => Vec::new(),
        Err(mistakes) => mistakes.iter().map(|m| format!("{} {}: {}", m.line, m.key, m.message)).collect(),
    };
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found:?} does not start with {expected:?}");
    }
}

const WIDE: &str = "about = 'x'\n[csv]\nseparator = ';'\ndecimal = 'comma'\nmissing = ['', 'x']\n\
    [time]\ncolumn = ['d', 'h']\nformat = '%d/%m/%Y %H:%M'\nzone = 'Asia/Ho_Chi_Minh'\nrepeated = 'refuse'\n\
    [station]\ncolumn = 's'\nmap = { a = 'A-1' }\n\
    [[column]]\nname = 't'\nproperty = 'air_temperature'\nunit = 'oF'\nfactor = 0.1\n\
    [[column]]\nname = 'w'\nproperty = 'wind_direction'\nread = 'wind_words'\n\
    [[column]]\nname = 'q'\nproperty = 'discharge'\nunit = 'm3/h'\n\
    [status]\ncolumn = 'st'\nmap = { ok = 'measuring', bad = 'fault' }\n";

#[test]
fn a_wide_table() {
    let Ok(Plan::Csv { mapping, separator }) = parse(Format::Csv, "m", WIDE, None) else { panic!("it is right") };
    assert_eq!((separator, mapping.decimal), (b';', Decimal::Comma));
    assert_eq!((mapping.time.len(), mapping.missing.len()), (2, 2));
    assert!(matches!(mapping.time_form, TimeForm::Local(..)));
    let status = mapping.status.unwrap();
    assert_eq!(
        (status.words["ok"], status.words["bad"], status.words["02"]),
        (Status::Measuring, Status::Fault, Status::Fault)
    );
    let Values::Wide(_, columns) = mapping.values else { panic!("it is wide") };
    assert_eq!((columns[0].scale.unit, columns[0].scale.factor), (Some(Unit::Fahrenheit), Some(0.1)));
    assert_eq!((columns[1].read, columns[1].scale.unit), (Read::WindWords, None));
    assert_eq!(columns[2].scale.unit, Some(Unit::CubicMetrePerSecond));
    assert_eq!(columns[2].scale.apply(7200.0), 2.0);
}

#[test]
fn every_form_has_its_map() {
    let time = "[time]\ncolumn = 'time'\n";
    let long = "[station]\nfixed = 'A'\n[long]\nproperty = 'm'\nvalue = 'v'\nunits = { speed = 'km/h' }\n";
    check(Format::Csv, &format!("{time}{long}"), &[]);
    check(Format::Parquet, &format!("{time}[channel]\ncolumn = 'c'\nvalue = 'v'\n"), &[]);
    check(Format::Line, "", &[]);
    check(
        Format::Line,
        "[time]\nprecision = 's'\n[station]\ntag = 'host'\n[[column]]\nname = 't'\nproperty = 'p'\n\
        measurement = 'w'\n",
        &[],
    );
    check(Format::Station, "", &[]);
    check(
        Format::Station,
        "[time]\nzone = 'UTC'\n[file]\nseparator = ';'\n[station]\nmap = { LC = 'A' }\n[[column]]\n\
        name = 'Temp'\nproperty = 'water_temperature'\n",
        &[],
    );
}

#[test]
fn every_mistake_is_told_on_its_line() {
    check(
        Format::Csv,
        "[time]\ncolumn = 't'\nformat = 'dd.mm'\nzone = 'Asia/Hanoi'\n[station]\nfixed = 'A'\ncolumn = 'b'\n\
         [[column]]\nname = 'x'\nunit = 'furlong'\nfactor = 0\n[more]\n",
        &[
            "3 time.format: must be rfc3339",
            "4 time.zone: no time zone is named \"Asia/Hanoi\"",
            "5 station: needs either fixed or column",
            "8 column[0].property: is missing",
            "10 column[0].unit: is not known",
            "11 column[0].factor: must not be 0",
            "12 more: unknown key",
        ],
    );
    check(Format::Csv, "", &["1 time: is missing", "1 : a map needs one of", "1 station: is missing"]);
    let time = "[time]\ncolumn = 't'\n";
    let rest = "[station]\nfixed = 'A'\n[[column]]\nname = 'x'\nproperty = 'y'\n";
    check(Format::Csv, &format!("{time}format = '%Y'\n{rest}"), &["1 time.zone: is missing"]);
    check(Format::Csv, &format!("{time}zone = 'UTC'\n{rest}"), &["3 time.zone: is one too many"]);
    check(Format::Csv, &format!("[csv]\ndecimal = 'comma'\n{time}{rest}"), &["1 csv: separator and decimal"]);
    check(Format::Csv, &format!("[csv]\nseparator = 'ab'\n{time}{rest}"), &["2 csv.separator: must be one sign"]);
    check(Format::Parquet, &format!("[csv]\n{time}{rest}"), &["1 csv: unknown key"]);
    check(Format::Line, "[time]\nzone = 'UTC'\n", &["2 time.zone: unknown key"]);
    check(Format::Station, "[station]\n", &["1 station: needs either fixed or map"]);
    check(Format::Native, "a = 1", &["1 : files of the native format need no map", "1 a: unknown key"]);
    check(Format::Csv, "[time", &["1 : "]);
}
