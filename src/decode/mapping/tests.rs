//! Rows of tables and points through mappings.

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::decode::line_protocol::{self, Precision};
use crate::decode::written::{LocalClock, Repeated};
use crate::decode::{Decoded, csv_row};

fn column(name: &str, property: &str, scale: Scale) -> Column {
    let (name, property) = (name.to_owned(), property.to_owned());
    Column { name, measurement: None, property, scale, read: Read::Number }
}

fn wide() -> Mapping {
    let zone = TimeZone::get("Asia/Ho_Chi_Minh").unwrap();
    let clock = LocalClock { zone, repeated: Repeated::Earlier };
    let wind = Column { read: Read::WindWords, ..column("gió", "wind_direction", Scale::default()) };
    let words = [("t1".to_owned(), "TRAM-1".to_owned())].into();
    let station = Station::Named { by: "trạm".to_owned(), words: Some(words) };
    let columns = vec![
        column("nhiệt", "air_temperature", Scale::default()),
        column("mưa", "rainfall", Scale { unit: Some(Unit::Millimetre), factor: Some(0.1) }),
        wind,
    ];
    Mapping {
        time: vec!["ngày".to_owned(), "giờ".to_owned()],
        time_form: TimeForm::Local("%d/%m/%Y %H:%M".to_owned(), clock),
        values: Values::Wide(station, columns),
        status: Some(StatusColumn { name: "st".to_owned(), words: status_words(), need: StatusNeed::Named }),
        decimal: Decimal::Comma,
        missing: missing_words(),
    }
}

const HEADER: [&str; 7] = ["trạm", "ngày", "giờ", "mưa", "nhiệt", "gió", "st"];

/// Readings as `station property value unit time status`, then the reasons.
fn shown(out: &Decoded<'_>) -> String {
    let readings = out.readings.iter().map(|reading| {
        let Reading { station, property, value, unit, time, status } = reading;
        let time = time.map_or("-".to_owned(), |time| time.to_string());
        format!("{station} {property} {value} {} {time} {status:?}", unit.map_or("-", Unit::code))
    });
    let reasons = out.rejections.iter().map(|rejection| rejection.reason.word().to_owned());
    readings.chain(reasons).collect::<Vec<_>>().join("\n")
}

use crate::model::Reading;

fn check(mapping: &Mapping, header: &[&str], row: &str, expected: &str) {
    let places = Places::find(mapping, header).unwrap();
    let mut fields = Vec::new();
    csv_row::fields(row, b';', &mut fields).unwrap();
    let cells: Vec<Cell<'_>> = fields.into_iter().map(Cell::Text).collect();
    let mut out = Decoded::default();
    places.read(&cells, &mut out);
    assert_eq!(shown(&out), expected, "{row}");
}

#[test]
fn a_row_has_a_reading_for_each_mapped_column() {
    let map = wide();
    check(
        &map,
        &HEADER,
        "t1;21/11/2026;10:15;12;24,5;NNE;00",
        "TRAM-1 air_temperature 24.5 - 2026-11-21T03:15:00Z Measuring\n\
         TRAM-1 rainfall 1.2000000000000002 mm 2026-11-21T03:15:00Z Measuring\n\
         TRAM-1 wind_direction 22.5 - 2026-11-21T03:15:00Z Measuring",
    );
    check(&map, &HEADER, "t1;21/11/2026;10:15;;24;NA;02", "TRAM-1 air_temperature 24 - 2026-11-21T03:15:00Z Fault");
    check(&map, &HEADER, "t1;21/11/2026;10:15;;24;-;;", "TRAM-1 air_temperature 24 - 2026-11-21T03:15:00Z Measuring");
    check(&map, &HEADER, "t1;21/11/2026;10:15;;;;", "");
}

#[test]
fn a_bad_cell_costs_its_reading_and_a_bad_time_its_row() {
    let map = wide();
    check(&map, &HEADER, "t1;21/11/2026;10:15;x;24.5;cv;00", "wrong_type\nwrong_type\nwrong_type");
    check(&map, &HEADER, "t1;31/11/2026;10:15;1;2;N;00", "invalid_time");
    check(&map, &HEADER, "t1;;;1;2;N;00", "invalid_time");
    check(&map, &HEADER, "t2;21/11/2026;10:15;1;2;N;00", "unknown_station");
    check(&map, &HEADER, "t1;21/11/2026;10:15;1;2;N;07", "invalid_status");
    check(&map, &HEADER, "t1;21/11/2026;10:15;1;2", "wrong_shape");
    check(&map, &HEADER, "t1;21/11/2026;10:15;1;2;N;00;more", "wrong_shape");
}

#[test]
fn a_long_table_names_the_property_in_each_row() {
    let long = Long {
        property: "metric".to_owned(),
        value: "value".to_owned(),
        words: Some([("speed".to_owned(), "vehicle_speed".to_owned())].into()),
        units: [("speed".to_owned(), Unit::MilePerHour)].into(),
    };
    let values = Values::Long(Station::Fixed("R".to_owned()), long);
    let map = Mapping { values, ..Mapping::of_exports() };
    let header = ["time", "metric", "value"];
    check(&map, &header, "2015-07-10T14:24:00Z;speed;64", "R vehicle_speed 64 [mi_i]/h 2015-07-10T14:24:00Z Measuring");
    check(&map, &header, "2015-07-10T14:24:00Z;flow;64", "unknown_property");
    check(&map, &header, "2015-07-10T14:24:00Z;speed;fast", "wrong_type");
}

#[test]
fn an_export_needs_no_map() {
    let map = Mapping::of_exports();
    let header = ["time", "channel", "value", "quality"];
    check(&map, &header, "2026-01-01T00:00:00Z;S/a;1;good", "S a 1 - 2026-01-01T00:00:00Z Measuring");
    check(&map, &header, "2026-01-01T00:00:00Z;S/a;1;calibrating", "S a 1 - 2026-01-01T00:00:00Z Calibrating");
    check(&map, &header[..3], "2026-01-01T00:00:00Z;S/a;1", "S a 1 - 2026-01-01T00:00:00Z Measuring");
    check(&map, &header[..3], "2026-01-01T00:00:00Z;S;1", "wrong_shape");
    let missing = Places::find(&map, &["time", "value"]).err().unwrap();
    assert_eq!(missing.to_string(), "the file has no column \"channel\"; it has time, value");
}

#[test]
fn numbers_and_instants_are_taken_as_they_are() {
    let map = Mapping::of_exports();
    let places = Places::find(&map, &["time", "channel", "value"]).unwrap();
    let at = Timestamp::from_seconds(1_700_000_000);
    for (value, expected) in [
        (Cell::Number(0.1), "S a 0.1 - 2023-11-14T22:13:20Z Measuring"),
        (Cell::Number(f64::NAN), ""),
        (Cell::Missing, ""),
        (Cell::Number(f64::INFINITY), "not_finite"),
        (Cell::Time(at), "wrong_type"),
    ] {
        let mut out = Decoded::default();
        places.read(&[Cell::Time(at), Cell::Text("S/a".into()), value], &mut out);
        assert_eq!(shown(&out), expected);
    }
}

fn check_point(mapping: &PointMapping, line: &str, expected: &str) {
    let mut out = Decoded::default();
    mapping.read(line_protocol::point(line.as_bytes()).unwrap().unwrap(), &mut out);
    assert_eq!(shown(&out), expected, "{line}");
}

#[test]
fn points_are_readings_of_the_station_that_a_tag_names() {
    let station = Station::Named { by: "station".to_owned(), words: None };
    let all = PointMapping { station: station.clone(), columns: vec![], precision: Precision::Seconds };
    check_point(
        &all,
        r#"m,station=S\ 1 a=1,b=2i,c=t,d="x" 1700000000"#,
        "S 1 a 1 - 2023-11-14T22:13:20Z Measuring\nS 1 b 2 - 2023-11-14T22:13:20Z Measuring\nwrong_type\nwrong_type",
    );
    check_point(&all, "m,station=S a=1", "S a 1 - - Measuring");
    check_point(&all, "m,host=S a=1 1", "unknown_station");
    check_point(&all, "m,station=S a=1 9223372036854775807", "invalid_time");
    let scale = Scale { unit: Some(Unit::Fahrenheit), factor: None };
    let columns = vec![Column { measurement: Some("weather".to_owned()), ..column("temp", "air_temperature", scale) }];
    let some = PointMapping { station, columns, precision: Precision::Seconds };
    check_point(&some, "weather,station=S temp=50,x=1 1", "S air_temperature 50 [degF] 1970-01-01T00:00:01Z Measuring");
    check_point(&some, "road,station=S temp=50 1", "");
}

proptest! {
    #[test]
    fn no_cells_panic(texts in prop::collection::vec("\\PC{0,12}", 0..9)) {
        let map = wide();
        let places = Places::find(&map, &HEADER).unwrap();
        let cells: Vec<Cell<'_>> = texts.iter().map(|text| Cell::Text(text.into())).collect();
        places.read(&cells, &mut Decoded::default());
    }
}
