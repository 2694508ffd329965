//! `saola index` as a command: output, errors, exit codes.

use std::process::{Command, Output};

use crate::service::BINARY;

fn index(name: &str, text: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("in.csv");
    std::fs::write(&file, text).unwrap();
    Command::new(BINARY).args(["index", name]).arg(&file).output().unwrap()
}

#[test]
fn results_go_to_standard_output_and_mistakes_to_the_other_with_line_and_column() {
    let done = index("cbi", "temp_c,rh_pct\n10.2,0\n");
    assert_eq!(String::from_utf8_lossy(&done.stdout), "temp_c,rh_pct,cbi,cbi_class\n10.2,0,227.3333,Extreme\n");
    assert_eq!(done.status.code(), Some(0));
    let failed = index("cbi", "temp_c,rh_pct\n10.2,wet\n");
    assert!(failed.stdout.is_empty(), "nothing is written when anything is wrong");
    let told = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert!(told.trim_end().ends_with("in.csv:2: column rh_pct: \"wet\" is not a number"), "{told}");
    assert_eq!(failed.status.code(), Some(1));
}

#[test]
fn the_help_of_each_index_names_its_columns() {
    for (name, column) in [
        ("vn_aqi", "value_ugm3"),
        ("nowcast", "c12"),
        ("fire_danger_p", "t13_c"),
        ("fwi", "wind_kmh"),
        ("cbi", "cbi_class"),
        ("vn2000", "easting_epsg9205_m"),
    ] {
        let help = Command::new(BINARY).args(["index", name, "--help"]).output().unwrap();
        assert!(String::from_utf8_lossy(&help.stdout).contains(column), "{name}");
    }
    let missing = Command::new(BINARY).args(["index", "cbi", "/nowhere.csv"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("cannot read /nowhere.csv"));
}
