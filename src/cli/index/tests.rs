use super::*;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");

fn run(index: &Index, text: &str) -> Result<String, Vec<String>> {
    index.over(Path::new("in.csv"), text.as_bytes())
}

fn file() -> PathBuf {
    PathBuf::new()
}

fn cells(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let rows = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
    (header, rows)
}

/// Takes the inputs of an oracle alone, and compares what comes out with its own result columns, text with text; with
/// numbers where `tolerance` says that the oracle is rounded.
fn check_oracle(index: &Index, name: &str, results: &[&str], tolerance: Option<f64>) {
    let text = std::fs::read_to_string(format!("{FOLDER}/{name}")).unwrap();
    let (header, rows) = cells(&text);
    let is_input = |head: &&String| !results.contains(&head.as_str());
    let places: Vec<usize> = header.iter().enumerate().filter(|(_, head)| is_input(head)).map(|(at, _)| at).collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(places.iter().map(|at| &header[*at])).unwrap();
    rows.iter().for_each(|row| writer.write_record(places.iter().map(|at| &row[*at])).unwrap());
    let inputs = String::from_utf8(writer.into_inner().unwrap()).unwrap();

    let (found_header, found) = cells(&run(index, &inputs).unwrap());
    assert_eq!(found.len(), rows.len());
    assert!(!rows.is_empty() && !results.is_empty());
    for result in results {
        let at = |header: &[String]| header.iter().position(|head| head == result).unwrap();
        for (found, expected) in found.iter().zip(&rows) {
            let (found, expected) = (&found[at(&found_header)], &expected[at(&header)]);
            match tolerance {
                None => assert_eq!(found, expected, "{result} of {expected:?}"),
                Some(tolerance) => {
                    let apart = (found.parse::<f64>().unwrap() - expected.parse::<f64>().unwrap()).abs();
                    assert!(apart <= tolerance, "{result}: {found} is not {expected}");
                }
            }
        }
    }
    // The oracle itself goes through as well, and its results are computed anew in their places.
    let (again_header, again) = cells(&run(index, &text).unwrap());
    assert_eq!(again_header[..header.len()], header[..]);
    assert_eq!(again.len(), rows.len());
}

#[test]
fn every_row_of_the_air_oracles_comes_out() {
    check_oracle(&Index::VnAqi { file: file() }, "indices/vn_aqi_oracle.csv", &["aqi_unrounded", "aqi_half_up"], None);
    let results = ["nowcast_normalised", "nowcast_literal_half_formula"];
    check_oracle(&Index::Nowcast { file: file() }, "indices/nowcast_oracle.csv", &results, None);
}

#[test]
fn every_row_of_the_p_oracle_comes_out() {
    let results = [
        "es_hpa",
        "d13_hpa",
        "K",
        "P_vn",
        "level_table_A_hue2022",
        "level_table_B_1000_2500_5000_10000",
        "dewpoint_c",
        "NI_classic_reset_gt3mm",
    ];
    check_oracle(
        &Index::FireDangerP { file: file(), rain_limit: 5.0 },
        "indices/nesterov_vn_oracle.csv",
        &results,
        None,
    );
}

#[test]
fn every_row_of_the_fwi_oracles_comes_out() {
    let names = ["ffmc", "dmc", "dc", "isi", "bui", "fwi", "dsr"];
    let index = Index::Fwi { file: file(), latitude: 45.0 };
    let oracle = "indices/fwi_oracle_vanwagner1985_48days.csv";
    check_oracle(&index, oracle, &names.map(|name| format!("{name}_xclim")).each_ref().map(String::as_str), Some(1e-6));
    let cffdrs = names.map(|name| format!("{name}_cffdrsR"));
    // R printed four to five digits: half of the last one.
    check_oracle(&index, oracle, &cffdrs.each_ref().map(String::as_str), Some(0.0051));
}

#[test]
fn every_row_of_the_grid_oracle_comes_out() {
    let results = ["easting_epsg9205_m", "northing_epsg9205_m"];
    check_oracle(&Index::Vn2000 { file: file() }, "geodesy/vn2000_tm3_103_oracle.csv", &results, None);
}

fn check(index: &Index, text: &str, expected: &str) {
    assert_eq!(run(index, text).map_err(|mistakes| mistakes.join("\n")), Ok(expected.to_owned()));
}

#[test]
fn columns_are_found_by_name_and_missing_cells_have_no_result() {
    let index = Index::Cbi { file: file() };
    let expected = "note,RH_pct ,temp_c,cbi,cbi_class\nx,0,10.2,227.3333,Extreme\n,,10.2,,\n,NA,3,,\n\"a, b\",100, 0,-2.5778,Low\n";
    let expected = expected.replace("RH_pct ", "RH_pct");
    check(
        &index,
        "\u{feff}note,RH_pct ,temp_c\r\nx,0,10.2\r\n\r\n,,10.2\r\n,NA,3\r\n   \r\n\"a, b\",100, 0\r\n",
        &expected,
    );
    check(&index, "temp_c;rh_pct\n10.2;0", "temp_c;rh_pct;cbi;cbi_class\n10.2;0;227.3333;Extreme\n");
    check(&index, "temp_c,rh_pct\n10.2\n", "temp_c,rh_pct,cbi,cbi_class\n10.2,,,\n");
    check(&index, "temp_c,rh_pct\n", "temp_c,rh_pct,cbi,cbi_class\n");
}

fn check_refused(index: &Index, text: &[u8], expected: &[&str]) {
    let mistakes = index.over(Path::new("in.csv"), text).unwrap_err();
    assert_eq!(mistakes, expected);
}

#[test]
fn every_mistake_is_on_its_line_and_in_its_column() {
    let cbi = Index::Cbi { file: file() };
    check_refused(
        &cbi,
        b"temp_c,rh_pct\n1,2\nabc,-3\n\n1e999,4,5\n",
        &[
            "in.csv:5: has more cells than the header, which has 2",
            "in.csv:3: column temp_c: \"abc\" is not a number",
            "in.csv:3: column rh_pct: -3 is outside 0 to 100",
            "in.csv:5: column temp_c: \"1e999\" is not a finite number",
        ],
    );
    check_refused(&cbi, b"", &["in.csv:1: there is no header row"]);
    check_refused(&cbi, b"temp_c,rh\n", &["in.csv:1: column rh13_pct or rh_pct is missing; there are temp_c, rh"]);
    check_refused(
        &cbi,
        b"temp_c,T13_C,rh_pct\n",
        &["in.csv:1: column T13_C: is a second column of this meaning: which one counts?"],
    );
    check_refused(&cbi, b"temp_c,rh_pct\n1,2\n\xff,3\n", &["in.csv:3: is not UTF-8 text from here on"]);
    let aqi = Index::VnAqi { file: file() };
    let unknown = "in.csv:2: column parameter: \"pm1\" is none of o3_1h, o3_8h, co, so2, no2, pm10, pm25";
    check_refused(&aqi, b"parameter,value_ugm3\npm1,3\n", &[unknown]);
    let fwi = Index::Fwi { file: file(), latitude: 22.4 };
    check_refused(
        &fwi,
        b"month,temp_c,rh_pct,wind_kmh,rain_mm\n13,1,1,1,1\n4.5,1,1,1,1\n",
        &["in.csv:2: column month: 13 is no month: 1 to 12", "in.csv:3: column month: 4.5 is no month: 1 to 12"],
    );
    let outside =
        "in.csv:2: latitude 22, longitude 90 is outside the zone VN-2000 / TM-3 103-00 (8 to 24 N, 101 to 105 E)";
    check_refused(&Index::Vn2000 { file: file() }, b"lon,lat\n90,22\n", &[outside]);
}

#[test]
fn many_mistakes_are_counted() {
    let text = format!("temp_c,rh_pct\n{}", "x,1\n".repeat(25));
    let mistakes = run(&Index::Cbi { file: file() }, &text).unwrap_err();
    assert_eq!((mistakes.len(), mistakes[20].as_str()), (21, "in.csv: and 5 more mistakes"));
}

#[test]
fn a_series_has_an_index_where_enough_hours_are_there() {
    let text = "timestamp_local,pm25,o3\n\
        2026-11-21T01:00:00+07:00,20,136.1\n\
        2026-11-21T02:00:00+07:00,20,\n\
        2026-11-21T05:00:00+07:00,80,\n\
        2026-11-21T06:00:00+07:00,80,10\n";
    let (header, rows) = cells(&run(&Index::VnAqi { file: file() }, text).unwrap());
    let at = header.iter().position(|head| head == "aqi_half_up").unwrap();
    let found: Vec<&str> = rows.iter().map(|row| row[at].as_str()).collect();
    // At 06:00 NowCast is (80 + 40 + 20/16 + 20/32) / (1 + 1/2 + 1/16 + 1/32) = 76.47; the gap has no weight.
    assert_eq!(found, ["", "40", "", "144"]);
    let twice = text.replace("T02", "T01");
    let message = "in.csv:3: column timestamp_local: the hour of 2026-11-21T01:00:00+07:00 is there already";
    check_refused(&Index::VnAqi { file: file() }, twice.as_bytes(), &[message]);
}

#[test]
fn a_day_without_data_is_a_gap_and_wetting_rain_resets_it_all_the_same() {
    let text = "t13_c,rh13_pct,rain_24h_mm\n24,50,0\n,50,0\n24,50,\n24,50,0\n,,5\n24,50,0\n";
    let (header, rows) = cells(&run(&Index::FireDangerP { file: file(), rain_limit: 5.0 }, text).unwrap());
    let at = header.iter().position(|head| head == "P_vn").unwrap();
    let found: Vec<&str> = rows.iter().map(|row| row[at].as_str()).collect();
    assert_eq!(found, ["357.191", "", "", "714.381", "0.000", "357.191"]);
}

#[test]
fn an_hour_is_whole_and_a_humidity_a_share() {
    let aqi = "time,pm25\n2026-11-21T01:20:00+07:00,20\n2026-11-21T02:00:30+07:00,20\n2026-11-21T03:00:00+05:30,20\n";
    let wrong = |line: u32, text: &str| format!("in.csv:{line}: column time: {text} is not on the hour");
    let expected = [wrong(2, "2026-11-21T01:20:00+07:00"), wrong(3, "2026-11-21T02:00:30+07:00")];
    check_refused(&Index::VnAqi { file: file() }, aqi.as_bytes(), &expected.each_ref().map(String::as_str));
    let message = "in.csv:2: column rh_pct: 380 is outside 0 to 100";
    check_refused(&Index::Cbi { file: file() }, b"temp_c,rh_pct\n30,380\n", &[message]);
    assert!(latitude("900").is_err() && millimetres("-1").is_err() && share("1.1").is_err());
    assert_eq!((latitude("-22.4"), share("0.75")), (Ok(-22.4), Ok(0.75)));
}

#[test]
fn a_days_index_stands_at_the_midnight_that_ends_it() {
    let hour = |hour: u32| match hour {
        24 => "2026-11-22T00:00:00+07:00,50,\n".to_owned(),
        hour => format!("2026-11-21T{hour:02}:00:00+07:00,50,\n"),
    };
    let text = format!("time,pm25,o3\n{}", (1..=24).map(hour).collect::<String>());
    let index = Index::VnAqiDaily { file: file(), completeness: 0.75 };
    let (header, rows) = cells(&run(&index, &text).unwrap());
    let at = header.iter().position(|head| head == "aqi_half_up").unwrap();
    let found: Vec<&str> = rows.iter().map(|row| row[at].as_str()).filter(|cell| !cell.is_empty()).collect();
    assert_eq!((found, rows[23][at].as_str()), (vec!["100"], "100"));
}

#[test]
fn rain_stages_landslides_and_roads_come_out() {
    let rain = Index::Rain { file: file(), interval_minutes: 60, completeness: 0.75 };
    let text = "time,rain_mm\n2026-11-21T01:00:00+07:00,2\n2026-11-21T02:00:00+07:00,3\n2026-11-21T03:00:00+07:00,4\n";
    let rows = cells(&run(&rain, text).unwrap()).1;
    assert_eq!(rows[2][2..], ["4.000", "9.000", "", "", "", ""]);
    let backwards = "time,rain_mm\n2026-11-21T02:00:00+07:00,2\n2026-11-21T01:00:00+07:00,3\n";
    let message = "in.csv:3: column time: 2026-11-21T01:00:00+07:00 is not later than the row before it";
    check_refused(&rain, backwards.as_bytes(), &[message]);

    let river = |stages: &[f64]| Index::RiverStage { file: file(), stages: stages.to_vec(), hysteresis: 0.3 };
    check(
        &river(&[3.0, 4.0, 5.0]),
        "level_m\n2.9\n3\n2.8\n\"\"\n5.1\n2\n",
        "level_m,river_alarm_stage\n2.9,0\n3,1\n2.8,1\n5.1,3\n2,0\n",
    );
    check_refused(&river(&[3.0, 2.0, 5.0]), b"level_m\n1\n", &["--stages 3 2 5: the heights must ascend"]);

    let text = "rain_24h_mm,rain_72h_before_mm\n48,72\n0,1000\n";
    let expected =
        "rain_24h_mm,rain_72h_before_mm,threshold_mm,landslide_rain_margin\n48,72,26.328,21.672\n0,1000,0.100,-0.100\n";
    check(&Index::Landslide { file: file() }, text, expected);
    let road = Index::LevelOfService { file: file(), free_flow: 50.0 };
    check(&road, "speed_kmh\n60\n15\n", "speed_kmh,level_of_service,letter\n60,1,A\n15,6,F\n");
}
