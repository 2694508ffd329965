//! The shipped maps on the recorded files, and what a wrong file is told.

use std::collections::BTreeMap;

use super::*;
use crate::shipped;

fn recorded(map: &str, file: &str) -> Recording {
    let text = shipped::MAPS.iter().find(|(name, _)| *name == map).unwrap().1;
    let path = format!("{}/../tests/fixtures/recorded/{file}", env!("CARGO_MANIFEST_DIR"));
    Recording::read(&Map::parse(text).unwrap(), std::fs::File::open(path).unwrap()).unwrap()
}

fn count(recording: &Recording) -> BTreeMap<(&str, &str), usize> {
    let mut counts = BTreeMap::new();
    for reading in recording.expected(0) {
        *counts.entry((reading.station, reading.property)).or_default() += 1;
    }
    counts
}

fn payload(row: &Row, shift_s: i64) -> String {
    String::from_utf8(message(row, shift_s).1).unwrap()
}

#[test]
fn the_road_series_is_read_in_its_own_zone() {
    let traffic = recorded("traffic_mndot", "traffic_mndot_loop_2015.csv");
    assert_eq!((traffic.row_count, traffic.rows.len(), traffic.blanks, traffic.repeated), (15_664, 15_664, 0, 2));
    let counts = count(&traffic);
    assert_eq!(counts[&("REC-MNDOT-387", "travel_time")], 2_500);
    assert_eq!(counts[&("REC-MNDOT-T4013", "vehicle_speed")], 2_495);
    // Daylight saving time of Minnesota is five hours behind Greenwich.
    assert_eq!(traffic.rows[0].at.to_string(), "2015-07-10T19:24:00Z");
    assert_eq!(payload(&traffic.rows[0], 0), "{\"time\":\"2015-07-11T02:24:00+07:00\",\"travel_time\":564}");
}

#[test]
fn the_air_series_leaves_blanks_out_and_reads_wind_words() {
    let air = recorded("air_beijing", "air_beijing_aotizhongxin_2016.csv");
    let blanks = 177 + 111 + 134 + 223 + 128 + 279 + 4 * 7 + 41 + 5;
    assert_eq!((air.row_count, air.blanks, air.repeated), (8_784, blanks, 0));
    assert_eq!(air.expected(0).count() as u64, 8_784 * 12 - blanks);
    let first = "{\"time\":\"2015-12-31T23:00:00+07:00\",\"pm2_5\":209,\"pm10\":268,\"so2\":47,\"no2\":123,\"co\":5300,\"o3\":13,\
                 \"air_temperature\":-2.5,\"air_pressure\":1024.5,\"dew_point\":-8.2,\"rainfall\":0,\"wind_direction\":22.5,\
                 \"wind_speed\":1.1}";
    assert_eq!(payload(&air.rows[0], 0), first);
}

#[test]
fn the_weather_series_keeps_its_bad_record_and_the_flow_its_change_of_clock() {
    let weather = recorded("weather_ewr", "weather_nyc_ewr_hourly_2013.csv");
    let bad: Vec<_> = weather.expected(0).filter(|reading| reading.literal == "468.659").collect();
    assert_eq!(bad.len(), 1);
    assert_eq!((bad[0].station, bad[0].property), ("REC-EWR", "wind_speed"));
    assert!(payload(&weather.rows[0], 0).contains("\"wind_direction\":270.0,\"wind_speed\":4.63,\"rainfall\":0.0"));
    let flow = recorded("water_flow", "water_flow_hourly.csv");
    assert_eq!(flow.rows.len(), 1_268);
    assert_eq!(flow.rows[0].at.to_string(), "2022-03-20T10:00:00Z");
    assert_eq!(flow.rows[1_267].at.to_string(), "2022-05-16T20:00:00Z");
}

#[test]
fn the_last_row_moves_to_now_and_the_spacing_stays() {
    let flow = recorded("water_flow", "water_flow_hourly.csv");
    let now: Timestamp = "2026-11-21T03:15:00.7Z".parse().unwrap();
    let shift_s = flow.shift_s(Shift::LastRowNow, now);
    let times: Vec<Timestamp> = flow.expected(shift_s).map(|reading| reading.at).collect();
    assert_eq!(times.iter().max().unwrap().to_string(), "2026-11-21T03:15:00Z");
    let gaps = times.windows(2).map(|pair| pair[1].duration_since(pair[0]));
    let recorded = flow.rows.windows(2).map(|pair| pair[1].at.duration_since(pair[0].at));
    assert!(gaps.eq(recorded));
    assert_eq!((flow.shift_s(Shift::Keep, now), flow.shift_s(Shift::By(-60), now)), (0, -60));
    let mut csv = Vec::new();
    flow.write_expected(0, &mut csv).unwrap();
    let text = String::from_utf8(csv).unwrap();
    let first: Vec<&str> = text.lines().take(2).collect();
    assert_eq!(first, ["station,property,time,value", "REC-WATERFLOW,water_flow,2022-03-20T10:00:00Z,100.59"]);
}

const WIDE: &str = "about = \"\"\n[time]\ncolumn = \"t\"\n[station]\ncolumn = \"s\"\nmap = { a = \"A-1\" }\n\
                    [[column]]\nname = \"x\"\nproperty = \"pm2_5\"\n[[column]]\nname = \"w\"\nproperty = \"wind_direction\"\nread = \"wind_words\"\n";

fn check_file(file: &str, expected: Result<usize, &str>) {
    let read = Recording::read(&Map::parse(WIDE).unwrap(), file.as_bytes());
    match (read, expected) {
        (Ok(recording), Ok(rows)) => assert_eq!(recording.rows.len(), rows, "{file}"),
        (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
        (read, expected) => panic!("{file}: {read:?}, not {expected:?}"),
    }
}

#[test]
fn a_file_that_does_not_fit_is_told_where() {
    check_file("t,s,x,w\r\n2026-01-01T00:00:00Z,a, 1.5 ,N\r\n2026-01-01T01:00:00Z,a,,\r\n", Ok(1));
    check_file("\u{FEFF}t,s,x,w\n2026-01-01T00:00:00Z,a,1,\n", Ok(1));
    check_file("t,s,w\n", Err("no column `x`; it has t, s, w"));
    check_file("t,s,x,w\n2026-01-01 00:00,a,1,N\n", Err("line 2: `2026-01-01 00:00` is no time"));
    check_file("t,s,x,w\n2026-01-01T00:00:00Z,b,1,N\n", Err("line 2: the map has no station for `b`"));
    check_file("t,s,x,w\n2026-01-01T00:00:00Z,a,\"1,5\",N\n", Err("line 2: `1,5` in column `x` is no JSON number"));
    check_file("t,s,x,w\n2026-01-01T00:00:00Z,a,1,NXW\n", Err("no point of the wind rose"));
    check_file("t,s,x,w\n2026-01-01T00:00:00Z,a\n", Err("not a CSV file"));
}

fn check_map(text: &str, part: &str) {
    let error = Map::parse(text).unwrap_err().to_string();
    assert!(error.contains(part), "{error}");
}

#[test]
fn a_wrong_map_is_told_why() {
    let tail = "[station]\nfixed = \"A\"\n[[column]]\nname = \"x\"\nproperty = \"p\"\n";
    let time = |time: &str| format!("about = \"\"\n[time]\ncolumn = \"t\"\n{time}\n{tail}");
    check_map(&time("format = \"%Y\""), "missing");
    check_map(&time("zone = \"Asia/Ho_Chi_Minh\""), "one too many");
    check_map(&time("format = \"%Y\"\nzone = \"Asia/Lai_Chau\""), "no time zone is named `Asia/Lai_Chau`");
    check_map("about = \"\"\n[time]\ncolumn = \"t\"\n[station]\nfixed = \"A\"\n", "either [long]");
    check_map(&time("").replace("fixed", "map = { a = \"b\" }\nfixed"), "station needs");
    check_map("colour = 1", "not a map file");
}
