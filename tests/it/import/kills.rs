//! `kill -9` in the middle of an import, and again: in the end everything is there once.

use std::fmt::Write as _;
use std::process::Child;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use saola::model::Timestamp;

use super::{Desk, command, import};
use crate::service::DEADLINE;

const ROWS: u64 = 300_000;
const STATIONS: [&str; 3] = ["K-1", "K-2", "K-3"];
const KILLS: usize = 6;

fn row(number: u64) -> (&'static str, Timestamp, f64) {
    let at = Timestamp::from_seconds(1_600_000_000 + (number / 3 * 600) as i64);
    (STATIONS[(number % 3) as usize], at, (number % 1_000) as f64 / 10.0 - 40.0)
}

/// The note of the only file; empty when there is none.
fn note(desk: &Desk) -> String {
    let notes = std::fs::read_dir(desk.data().join("imports")).into_iter().flatten();
    let mut notes =
        notes.map(|note| note.unwrap().path()).filter(|path| path.extension().is_some_and(|end| end == "json"));
    notes.next().and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default()
}

/// Kills an import a random moment after it has noted something new, and gives the note that was left; `None` when it
/// came to its end before.
fn killed_after_a_note(desk: &Desk, mut child: Child, noted: &str, chance: &mut StdRng) -> Option<String> {
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() && [noted, ""].contains(&note(desk).as_str()) {
        assert!(begun.elapsed() < DEADLINE, "the import neither notes anything nor ends");
        std::thread::sleep(Duration::from_millis(2));
    }
    // At another moment each time: inside a commit, a flush, a note.
    std::thread::sleep(Duration::from_millis(chance.random_range(0..300)));
    child.kill().unwrap();
    child.wait().unwrap().code().is_none().then(|| note(desk))
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

    let arguments = ["--format", "csv", "--json", &file];
    let (mut killed, mut noted) = (0, note(&desk));
    let last = loop {
        let child = command(&desk.config(), &arguments).spawn().unwrap();
        let Some(now) = killed_after_a_note(&desk, child, &noted, &mut chance) else {
            break import(&desk.config(), &arguments);
        };
        noted = now;
        killed += 1;
        if killed == KILLS {
            break import(&desk.config(), &arguments);
        }
    };
    let [rows, stored, duplicate, rejected] = last.counts();
    let resumed = last.report()["files"][0]["resumed_after_line"].as_u64().unwrap();
    eprintln!("{killed} killed; the last went on after line {resumed}: {stored} stored, {duplicate} duplicate");
    assert!(killed > 0, "no import was killed before its end");
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
