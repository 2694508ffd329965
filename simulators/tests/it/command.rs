//! The program itself: what it prints, and what it says when it is used wrongly.

use std::process::{Command, Output};

use crate::broker::{Broker, Manner};

fn saola_sim(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_saola-sim")).args(arguments).output().expect("the program was built")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("the program prints text")
}

fn check_refused(arguments: &[&str], part: &str) {
    let output = saola_sim(arguments);
    assert!(!output.status.success(), "{arguments:?}");
    let said = text(&output.stderr);
    assert!(said.contains(part), "{arguments:?}: {said}");
}

#[test]
fn a_dump_is_the_same_twice() {
    let arguments =
        ["run", "--scenario", "lai_chau", "--seed", "5", "--dump", "--for", "5s", "--start", "2026-11-21T01:00:00Z"];
    let first = saola_sim(&arguments);
    assert!(first.status.success() && first.stderr.is_empty());
    assert_eq!(first.stdout, saola_sim(&arguments).stdout);
    let line = text(&first.stdout).lines().next().unwrap().to_owned();
    assert!(line.starts_with("saola/v1/") && line.contains(" {\"time\":\"2026-11-21T08:00:0"), "{line}");
}

#[test]
fn wrong_use_is_told() {
    check_refused(&["run", "--scenario", "paradise", "--dump"], "no scenario is named `paradise`: shipped are calm");
    check_refused(&["run", "--fault", "gremlins", "--dump"], "no fault is named `gremlins`: there are silence, stuck");
    check_refused(&["run", "--stations", "/nowhere", "--dump"], "cannot read /nowhere");
    check_refused(&["run", "--speed", "-1", "--dump"], "--speed must be above zero");
    check_refused(&["run", "--username", "a"], "--password");
    check_refused(&["replay", "--map", "nobody", "x.csv"], "shipped maps: air_beijing");
    check_refused(&["replay", "--map", "water_flow", "/nowhere.csv"], "cannot open /nowhere.csv");
    check_refused(&["load", "--devices", "0"], "--devices must be 1 to 100000");
    check_refused(&["load", "--qos", "2"], "2 is not in 0..=1");
}

#[test]
fn replay_reports_and_writes_what_to_expect() {
    let broker = Broker::start(Manner::default());
    let folder = std::env::temp_dir().join(format!("saola-sim-command-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (expected, report) = (folder.join("expected.csv"), folder.join("report.json"));
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/recorded/water_flow_hourly.csv");
    let output = saola_sim(&[
        "replay",
        "--broker",
        &broker.address,
        "--map",
        "water_flow",
        "--keep-times",
        "--expected",
        expected.to_str().unwrap(),
        "--report",
        report.to_str().unwrap(),
        file,
    ]);
    assert!(output.status.success() && output.stderr.is_empty(), "{}", text(&output.stderr));
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((said["rows"].as_u64(), said["acknowledged"].as_u64()), (Some(1_268), Some(1_268)));
    assert_eq!(std::fs::read(&report).unwrap(), output.stdout);
    assert_eq!(std::fs::read_to_string(&expected).unwrap().lines().count(), 1_269);
    assert_eq!(broker.got().len(), 1_268);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn load_prints_json_and_writes_its_stations() {
    let broker = Broker::start(Manner { writes_down: false, ..Manner::default() });
    let output = saola_sim(&["load", "--broker", &broker.address, "--seconds", "0.2", "--rate", "500", "--json"]);
    assert!(output.status.success() && output.stderr.is_empty(), "{}", text(&output.stderr));
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(said["acknowledged"].as_u64().unwrap() >= 90 && said["ack_ms"]["p99"].is_number(), "{said}");
    let path = std::env::temp_dir().join(format!("saola-sim-load-{}.toml", std::process::id()));
    let output = saola_sim(&["load", "--devices", "12", "--stations-file", path.to_str().unwrap()]);
    assert!(output.status.success());
    let written = std::fs::read_to_string(&path).unwrap();
    let stations = saola_sim::stations::parse(&[("load.toml".into(), written)]).unwrap();
    assert_eq!((stations.len(), stations[11].id.as_str(), stations[0].channels.len()), (12, "load-00011", 4));
    std::fs::remove_file(&path).unwrap();
}
