//! Buckets of time: our tallies of samples, from either store, against what Debian's InfluxDB 1 computes from the same
//! samples in InfluxQL (`GROUP BY time`, days in the time zone of Viet Nam). It is the only InfluxDB that can be had
//! where the tests run; its version 2 computes means and deviations of a bucket with the same definitions.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use saola::model::{ChannelId, Entry, Quality, Timestamp};
use saola::store::{Config, Store, Tally, Tier};

use super::fixture::{House, START, air, entry, follow, sample};
use super::scripted::Scripted;
use crate::http_client::asking;
use crate::service::{DEADLINE, free_port};

struct InfluxOne {
    child: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl InfluxOne {
    fn start() -> InfluxOne {
        let (folder, port, rpc) = (tempfile::tempdir().unwrap(), free_port(), free_port());
        let path = folder.path().display();
        let config = format!(
            "reporting-disabled = true\nbind-address = \"127.0.0.1:{rpc}\"\n[meta]\ndir = \"{path}/meta\"\n[data]\n\
             dir = \"{path}/data\"\nwal-dir = \"{path}/wal\"\nquery-log-enabled = false\n[http]\n\
             bind-address = \"127.0.0.1:{port}\"\nlog-enabled = false\n[monitor]\nstore-enabled = false\n"
        );
        let file = folder.path().join("influxdb.conf");
        std::fs::write(&file, config).unwrap();
        let child = Command::new("influxd")
            .arg("-config")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("influxd is installed (tests/tools.sh test)");
        let server = InfluxOne { child, url: format!("http://127.0.0.1:{port}"), _folder: folder };
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < DEADLINE, "influxd does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    fn post(&self, path: &str, query: &[(&str, &str)], body: String) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let request = asking().post(format!("{}{path}", self.url)).query(query).body(body);
        runtime.block_on(async { request.send().await.unwrap().error_for_status().unwrap().text().await.unwrap() })
    }

    /// Rows of a question: time, then numbers; a null is NaN.
    fn ask(&self, question: &str) -> BTreeMap<i64, Vec<f64>> {
        let answer = self.post("/query", &[("db", "saola"), ("epoch", "u"), ("q", question)], String::new());
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        let rows = answer["results"][0]["series"][0]["values"].as_array();
        let rows = rows.unwrap_or_else(|| panic!("{question}: {answer}"));
        let number = |cell: &serde_json::Value| cell.as_f64().unwrap_or(f64::NAN);
        let row = |row: &serde_json::Value| {
            let cells = row.as_array().unwrap();
            (cells[0].as_i64().unwrap(), cells[1..].iter().map(number).collect())
        };
        rows.iter().map(row).collect()
    }
}

impl Drop for InfluxOne {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Four days with gaps, odd microseconds, flags, and edges of buckets hit exactly.
fn entries() -> Vec<Entry> {
    let mut dice: u64 = 1;
    let mut roll = || {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        dice >> 33
    };
    let mut at = START * 1_000_000;
    let one = |seq: u64| {
        let step = roll();
        at += match step % 20 {
            0 => 3_600_000_000 - at.rem_euclid(3_600_000_000),
            1 => 60_000_000 - at.rem_euclid(60_000_000) - 1,
            2 => 60_000_000 - at.rem_euclid(60_000_000),
            3 => 4 * 3_600_000_000,
            _ => 1 + (roll() % 40_000_000) as i64,
        };
        let quality = Quality([0, 0, 0, 0, 1, 2, 4][roll() as usize % 7]);
        entry(seq, vec![sample(0, at, (roll() % 100_000) as f64 / 64.0 - 500.0, quality)])
    };
    (1..=2_000).map(one).collect()
}

fn lines(entries: &[Entry]) -> String {
    let mut out = String::new();
    for entry in entries {
        let saola::model::Body::Message(message) = &entry.body else { unreachable!("only messages are made") };
        let sample = message.samples[0];
        let _ = writeln!(
            out,
            "air,station=AQ-0 v={},good={} {}",
            sample.value,
            sample.quality.is_good(),
            sample.observed_at.micros()
        );
    }
    out
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

fn check(tally: &Tally, expected: &[f64], what: &str) {
    let good = |sample: Option<saola::store::StoredSample>| sample.map_or(f64::NAN, |sample| sample.value);
    let exact = [tally.count as f64, tally.min, tally.max, good(tally.first), good(tally.last)];
    assert_eq!(exact, expected[..5], "{what}: count, min, max, first, last");
    assert!(near(tally.mean().unwrap(), expected[5]), "{what}: mean {:?} is not {}", tally.mean(), expected[5]);
    assert!(near(tally.sum, expected[6]), "{what}: sum {} is not {}", tally.sum, expected[6]);
    match tally.stddev() {
        Some(stddev) => assert!(near(stddev, expected[7]), "{what}: stddev {stddev} is not {}", expected[7]),
        // Of one value it says nothing, as we do.
        None => assert!(expected[7].is_nan() || expected[7] == 0.0, "{what}: stddev of one value is {}", expected[7]),
    }
}

#[test]
fn tallies_are_what_influxdb_computes() {
    let (one, server) = (InfluxOne::start(), Scripted::start());
    let entries = entries();
    one.post("/query", &[("q", "CREATE DATABASE saola")], String::new());
    one.post("/write", &[("db", "saola"), ("precision", "u")], lines(&entries));
    let house = House::new(&server.url());
    let influx = house.open(&air(1));
    follow(&influx, &entries);
    let folder = tempfile::tempdir().unwrap();
    let embedded = Store::open(folder.path(), &Config::default()).unwrap();
    embedded.apply(&entries).unwrap();
    embedded.flush().unwrap();

    let last = entries.last().map(|entry| match &entry.body {
        saola::model::Body::Message(message) => message.samples[0].observed_at.micros(),
        _ => unreachable!("only messages are made"),
    });
    let (from, to) = ((START - 86_400) * 1_000_000, last.unwrap() + 2 * 86_400_000_000);
    for (tier, every) in [(Tier::Minute, "1m"), (Tier::Hour, "1h"), (Tier::Day, "1d")] {
        let rows = one.ask(&format!(
            "SELECT count(v), min(v), max(v), first(v), last(v), mean(v), sum(v), stddev(v) FROM air WHERE good = true \
             AND time >= {from}u AND time < {to}u GROUP BY time({every}) fill(none) tz('Asia/Ho_Chi_Minh')"
        ));
        assert!(rows.len() > 3, "{every}: {} buckets", rows.len());
        for (store, name) in [(&influx, "influx"), (&embedded, "embedded")] {
            let at = Timestamp::from_micros;
            let tallies = store.tallies(ChannelId(0), tier, at(from), at(to)).unwrap();
            // Buckets of flagged samples alone have a tally with their number, and no row.
            let good: Vec<_> = tallies.iter().filter(|(_, tally)| tally.count > 0).collect();
            assert_eq!(good.len(), rows.len(), "{name} {every}");
            for ((at, tally), (row_at, row)) in good.into_iter().zip(&rows) {
                assert_eq!(at.micros(), *row_at, "{name} {every}: where the bucket begins");
                check(tally, row, &format!("{name} {every} {at}"));
            }
        }
    }
}
