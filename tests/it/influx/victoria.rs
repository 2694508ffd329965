//! Debian's VictoriaMetrics as the other end of `/api/v2/write`: what the store writes comes back from
//! `/api/v1/export` as it was, hostile names included. It keeps milliseconds and tells no question in Flux.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use saola::model::{Body, Quality, StationKind};
use serde::Deserialize;

use super::fixture::{House, catalogue, entry, follow, sample};
use super::hostile;
use crate::http_client::asking;
use crate::service::{DEADLINE, free_port};

/// 2024-05-01T00:00:00Z, microseconds: it refuses what lies ahead of its clock.
const START: i64 = 1_714_521_600_000_000;

struct Victoria {
    child: Child,
    url: String,
    _folder: tempfile::TempDir,
}

/// One line of its export.
#[derive(Deserialize)]
struct Exported {
    metric: BTreeMap<String, String>,
    values: Vec<f64>,
    timestamps: Vec<i64>,
}

impl Victoria {
    fn start() -> Victoria {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let child = Command::new("victoria-metrics")
            .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
            .arg(format!("-storageDataPath={}", folder.path().display()))
            .args(["-retentionPeriod=100y", "-memory.allowedBytes=256MB", "-search.maxUniqueTimeseries=100000"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("victoria-metrics is installed (tests/tools.sh test)");
        let victoria = Victoria { child, url: format!("http://127.0.0.1:{port}"), _folder: folder };
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < DEADLINE, "victoria-metrics does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        victoria
    }

    fn get(&self, path: &str) -> String {
        let url = format!("{}{path}", self.url);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            asking().get(url).send().await.unwrap().error_for_status().unwrap().text().await.unwrap()
        })
    }

    /// Everything it holds, by measurement and field, and station.
    fn export(&self) -> BTreeMap<(String, String), BTreeMap<i64, f64>> {
        self.get("/internal/force_flush");
        let text = self.get("/api/v1/export?match%5B%5D=%7B__name__!%3D%22%22%7D");
        let mut found = BTreeMap::new();
        for line in text.lines() {
            let Exported { mut metric, values, timestamps } = serde_json::from_str(line).unwrap();
            let (name, station) = (metric.remove("__name__").unwrap(), metric.remove("station").unwrap());
            assert_eq!(metric, BTreeMap::new(), "no tag but the station");
            let former = found.insert((name, station), timestamps.into_iter().zip(values).collect());
            assert_eq!(former, None, "one series of one name");
        }
        found
    }
}

impl Drop for Victoria {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn what_is_written_comes_back_as_it_was() {
    let victoria = Victoria::start();
    let house = House::new(&victoria.url);
    let kinds = StationKind::ALL.map(|kind| (kind.word(), kind, &["alpha", "beta_2"][..]));
    let names = catalogue(&kinds);
    // Twelve decimal digits between the least and the greatest: of a wider span it keeps the leading digits alone.
    let values = [0.0, 41.2, -273.15, 1e-5, 123_456.789, 1e6, -0.5, 3.0];
    let entries: Vec<_> = (1..=1_000u64)
        .map(|seq| {
            let at = START + seq as i64 * 1_001_000;
            let quality = Quality([0, 1, 2, 4, 6][seq as usize % 5]);
            entry(seq, vec![sample(seq as u32 % 14, at, values[seq as usize % values.len()], quality)])
        })
        .collect();
    let store = house.open(&names);
    follow(&store, &entries);
    // Started again without a flush, it writes everything once more.
    drop(store);
    follow(&house.open(&names), &entries);

    let mut expected: BTreeMap<(String, String), BTreeMap<i64, f64>> = BTreeMap::new();
    for entry in &entries {
        let Body::Message(message) = &entry.body else { unreachable!("only messages are made") };
        let sample = message.samples[0];
        let channel = names.channel(sample.channel).unwrap();
        let station = names.station(channel.station).unwrap();
        let domain = saola::store::influx::measurement(station.kind);
        let at = sample.observed_at.micros() / 1_000;
        for (field, value) in [("", sample.value), ("_quality", f64::from(sample.quality.0))] {
            let name = format!("{domain}_{}{field}", channel.property);
            expected.entry((name, station.id.to_string())).or_default().insert(at, value);
        }
    }
    assert_eq!(victoria.export(), expected);
}

#[test]
fn hostile_names_come_back_from_it_or_were_refused() {
    let victoria = Victoria::start();
    let house = House::new(&victoria.url);
    let names = hostile::names();
    let stations: Vec<_> =
        names.iter().map(|name| (name.as_str(), StationKind::Air, [name.as_str(), "pm2_5"])).collect();
    let stations: Vec<_> = stations.iter().map(|(id, kind, properties)| (*id, *kind, &properties[..])).collect();
    let known = catalogue(&stations);
    let store = house.open(&known);
    let samples = (0..2 * names.len() as u32).map(|channel| sample(channel, START, f64::from(channel), Quality::GOOD));
    follow(&store, &[entry(1, samples.collect())]);
    let mut expected = BTreeMap::new();
    for channel in known.channels() {
        let (name, property) = (&names[channel.station.index()], channel.property.as_str());
        let (is_station, is_property) = hostile::is_taken(name);
        if !is_station || (property != "pm2_5" && !is_property) {
            continue;
        }
        for (field, value) in [("", f64::from(channel.id.0)), ("_quality", 0.0)] {
            let at = BTreeMap::from([(START / 1_000, value)]);
            expected.insert((format!("air_{property}{field}"), name.clone()), at);
        }
    }
    assert!(expected.len() > 2_000, "{}", expected.len());
    let found = victoria.export();
    let odd: Vec<_> = found.iter().filter(|(key, value)| expected.get(*key) != Some(*value)).take(5).collect();
    assert!(odd.is_empty(), "nobody wrote {odd:?}");
    let missing: Vec<_> = expected.keys().filter(|key| !found.contains_key(*key)).take(5).collect();
    assert!(missing.is_empty(), "{missing:?} did not come back");
}
