//! Stations, entries and stores for these tests.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use saola::model::{
    Body, Catalogue, Channel, ChannelId, Entry, LinkClass, LocalName, Message, Position, Property, Quality, Range,
    Sample, Seq, SourceId, Station, StationId, StationKind, StationNo, TimeClass, Timestamp, Unit,
};
use saola::store::influx::Config as InfluxConfig;
use saola::store::{Config, Kind, Store, StoreError};
use tempfile::TempDir;

use super::scripted::{BUCKET, ORG, Scripted};

/// 2026-08-21T00:00:00Z, seconds.
pub const START: i64 = 1_787_270_400;
/// Before and after everything that InfluxDB could hold, about.
pub const FROM: Timestamp = Timestamp::from_seconds(-9_000_000_000);
pub const TO: Timestamp = Timestamp::from_seconds(9_000_000_000);

/// A station of each given name, kind and properties; channels are numbered in that order.
pub fn catalogue(stations: &[(&str, StationKind, &[&str])]) -> Catalogue {
    let (mut listed, mut channels) = (Vec::new(), Vec::new());
    for (no, (id, kind, properties)) in stations.iter().enumerate() {
        let no = StationNo(no as u32);
        let first = channels.len() as u32;
        channels.extend(properties.iter().zip(first..).map(|(property, id)| Channel {
            id: ChannelId(id),
            station: no,
            property: Property::new(property),
            unit: Unit::ALL[0],
            interval: Duration::from_secs(60),
            plausible: Range { min: -1e9, max: 1e9 },
            link: LinkClass::Wired,
            retired: false,
        }));
        listed.push(Station {
            no,
            id: StationId::new(id),
            kind: *kind,
            name: LocalName { vi: (*id).to_owned(), en: (*id).to_owned() },
            position: Position { lon: 103.0, lat: 22.0 },
            area: None,
            maintenance: false,
            retired: false,
            channels: (first..channels.len() as u32).map(ChannelId).collect(),
        });
    }
    Catalogue::new(vec!["edge".to_owned()], Vec::new(), listed, channels).unwrap()
}

/// `count` air stations of one channel each, `pm2_5`.
pub fn air(count: usize) -> Catalogue {
    let names: Vec<String> = (0..count).map(|no| format!("AQ-{no}")).collect();
    let stations: Vec<_> = names.iter().map(|name| (name.as_str(), StationKind::Air, &["pm2_5"][..])).collect();
    catalogue(&stations)
}

pub fn sample(channel: u32, micros: i64, value: f64, quality: Quality) -> Sample {
    let observed_at = Timestamp::from_micros(micros);
    Sample { channel: ChannelId(channel), observed_at, value, quality, time_class: TimeClass::Live }
}

pub fn entry(seq: u64, samples: Vec<Sample>) -> Entry {
    let body = Body::Message(Message {
        source: SourceId(0),
        received: samples.len() as u32,
        duplicates: 0,
        samples,
        rejections: Vec::new(),
        raw: None,
        unknown: Vec::new(),
        again: None,
    });
    Entry { seq: Seq(seq), received_at: Timestamp::from_seconds(START), body }
}

/// Entries 1 to `count`, each with one sample of a channel of `channels`, a second apart.
pub fn entries(count: u64, channels: u32) -> Vec<Entry> {
    let one = |seq: u64| {
        let at = (START + seq as i64) * 1_000_000 + seq as i64 % 7;
        entry(seq, vec![sample(seq as u32 % channels, at, seq as f64 / 8.0, Quality::GOOD)])
    };
    (1..=count).map(one).collect()
}

/// A folder with books and a token, and how the store is told.
pub struct House {
    pub folder: TempDir,
    pub config: Config,
}

impl House {
    pub fn new(url: &str) -> House {
        let folder = TempDir::new().unwrap();
        let token_file = folder.path().join("influx.token");
        std::fs::write(&token_file, "k7#mQ2!vT9xw\n").unwrap();
        std::fs::set_permissions(&token_file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let influx = InfluxConfig {
            url: url.to_owned(),
            org: ORG.to_owned(),
            bucket: BUCKET.to_owned(),
            token_file: Some(token_file),
            batch_wait_ms: 0,
            request_timeout_s: 1,
            backoff_min_ms: 10,
            backoff_max_ms: 20,
            ..InfluxConfig::default()
        };
        House { folder, config: Config { kind: Kind::Influx, influx, ..Config::default() } }
    }

    pub fn open(&self, catalogue: &Catalogue) -> Store {
        let store = Store::open(&self.folder.path().join("store"), &self.config).unwrap();
        store.install(catalogue);
        store
    }
}

/// Offers entries again and again, as the follower does but without its rests, until they are taken; gives the errors.
pub fn follow(store: &Store, entries: &[Entry]) -> Vec<String> {
    let begun = Instant::now();
    let mut errors = Vec::new();
    while let Err(error) = store.apply(entries) {
        errors.push(told(&error));
        assert!(begun.elapsed() < Duration::from_secs(60), "never taken: {errors:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
    errors
}

/// An error with its causes.
pub fn told(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}

/// Asserts that the server holds exactly the samples of the entries, of which none is refused.
pub fn check_all_there(server: &Scripted, catalogue: &Catalogue, entries: &[Entry]) {
    let inner = server.inner.lock();
    let mut expected = 0;
    for entry in entries {
        let Body::Message(message) = &entry.body else { continue };
        for sample in &message.samples {
            let channel = catalogue.channel(sample.channel).unwrap();
            let station = catalogue.station(channel.station).unwrap();
            let value = inner.value("air", station.id.as_str(), channel.property.as_str(), sample.observed_at);
            assert_eq!(value, Some(sample.value), "entry {}", entry.seq);
            expected += 1;
        }
    }
    let held: usize = inner.points.values().map(|series| series.len()).sum();
    assert_eq!((held, inner.changed), (2 * expected, 0), "values and flags, and nothing else");
}
