//! `kill -9` in the middle of an import, and again: in the end everything is there once.

use std::fmt::Write as _;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use saola::model::Timestamp;

use super::{Desk, command, import};

const ROWS: u64 = 120_000;
const STATIONS: [&str; 3] = ["K-1", "K-2", "K-3"];
const KILLS: usize = 8;

fn row(number: u64) -> (&'static str, Timestamp, f64) {
    let at = Timestamp::from_seconds(1_600_000_000 + (number / 3 * 600) as i64);
    (STATIONS[(number % 3) as usize], at, (number % 1_000) as f64 / 10.0 - 40.0)
}

#[test]
fn a_file_that_is_imported_between_kills_is_in_the_history_once() {
    let seed = std::env::var("SAOLA_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random::<u64>);
    eprintln!("SAOLA_SEED={seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let desk = Desk::new(&STATIONS);
    let mut text = String::from("time,channel,value\n");
    for number in 0..ROWS {
        let (station, at, value) = row(number);
        writeln!(text, "{at},{station}/air_temperature,{value}").unwrap();
    }
    let file = desk.file("years.csv", text.as_bytes());

    let mut killed = 0;
    let arguments = ["--format", "csv", "--json", &file];
    for _ in 0..KILLS {
        let mut child = command(&desk.config(), &arguments).spawn().unwrap();
        // Random moments are what is tested; nothing is waited for.
        std::thread::sleep(Duration::from_millis(chance.random_range(100..3_000)));
        child.kill().unwrap();
        killed += u32::from(child.wait().unwrap().code().is_none());
    }
    assert!(killed > 0, "no import was killed before its end");
    let last = import(&desk.config(), &arguments);
    let [rows, stored, duplicate, rejected] = last.counts();
    let resumed = last.report()["files"][0]["resumed_after_line"].as_u64().unwrap();
    eprintln!("{killed} killed; the last went on after line {resumed}: {stored} stored, {duplicate} duplicate");
    assert_eq!((last.code, rejected), (Some(0), 0));
    assert_eq!(rows + resumed.saturating_sub(1), ROWS, "what is behind the note is read, and nothing else");

    let again = import(&desk.config(), &arguments);
    assert_eq!(again.counts(), [ROWS, 0, ROWS, 0], "a repeat begins at the beginning and stores nothing");
    assert_eq!(desk.stored_by("import"), ROWS, "nothing was stored twice");
    let histories = desk.histories();
    for (place, station) in STATIONS.iter().enumerate() {
        let expected: Vec<_> =
            (0..ROWS).filter(|number| number % 3 == place as u64).map(row).map(|(_, at, value)| (at, value)).collect();
        assert!(histories[&format!("{station}/air_temperature")] == expected, "{station}");
    }
}
