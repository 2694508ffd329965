//! `-- --past`: pictures of past moments of 1,000 stations with four channels each, a sample every five minutes for four
//! days: reading the store, and drawing, while the days are as they came in and once they are settled. Beside them stand as
//! many channels that begin with the last step.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use saola::layers::Newest;
use saola::layers::past::{Known, Observed};
use saola::model::{
    Body, Catalogue, Channel, ChannelId, Entry, Listening, Message, Policy, Property, Quality, Sample, Seq, SourceId,
    Station, TimeClass, Timestamp,
};
use saola::store::{Config, Settling, Store};

use super::percentile;

const STATIONS: u32 = 1_000;
const CHANNELS: u32 = 4;
const STEP: Duration = Duration::from_secs(300);
const STEPS: u32 = 4 * 288;
/// Looks at each moment of which nothing is known.
const BEFORE: usize = 100;
/// 2026-11-17T00:00:00Z.
const BEGIN: Timestamp = Timestamp::from_seconds(1_794_873_600);

pub fn measure() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { settle_after_s: 1, ..Config::default() };
    let store = Store::open(folder.path(), &config).unwrap();
    let catalogue = Arc::new(catalogue());
    fill(&store);
    println!("{STATIONS} stations of {CHANNELS} channels, {} samples each", STEPS);
    let mut listening = Listening::default();
    listening.adopt(&Catalogue::default(), &catalogue, &Policy::default());
    tell("as it came in", &store, &catalogue, &listening);
    while store.settle(1_000_000).unwrap() == Settling::More {}
    tell("settled", &store, &catalogue, &listening);
}

fn tell(what: &str, store: &Store, catalogue: &Arc<Catalogue>, listening: &Listening) {
    let channels: Vec<ChannelId> = catalogue.channels().iter().map(|channel| channel.id).collect();
    let (mut read, mut drawn) = (Vec::new(), Vec::new());
    // The last 48 hours in steps of ten minutes, not at samples' own times.
    for step in (STEPS - 2 * 288..STEPS - 2).step_by(2) {
        let at = BEGIN + STEP * step + Duration::from_secs(60);
        let begun = Instant::now();
        let then = store.moment(&channels, at);
        read.push(begun.elapsed().as_secs_f64() * 1e3);
        let observed: Vec<Observed> = then.into_iter().map(|then| observed(then.unwrap())).collect();
        assert!(observed.iter().all(|one| one.newest.is_some_and(|newest| at.since(newest.observed_at) < STEP)));
        let begun = Instant::now();
        let picture = known(at, catalogue, listening).draw(&observed, 1).unwrap();
        drawn.push(begun.elapsed().as_secs_f64() * 1e3);
        assert_eq!(picture.len(), STATIONS as usize);
    }
    let [p50, p99] = [0.5, 0.99].map(|part| percentile(&read, part));
    let [draw_p50, draw_p99] = [0.5, 0.99].map(|part| percentile(&drawn, part));
    println!("{what:>15}: read p50 {p50:.1} ms, p99 {p99:.1} ms; draw p50 {draw_p50:.1} ms, p99 {draw_p99:.1} ms");
    let later: Vec<ChannelId> = (0..STATIONS * CHANNELS).map(|place| ChannelId(STATIONS * CHANNELS + place)).collect();
    for (name, channels, at) in [
        ("a year before the first sample", &channels, BEGIN - Duration::from_secs(365 * 86_400)),
        ("a second before the first sample", &channels, BEGIN - Duration::from_secs(1)),
        ("a day before, of as many channels that began last", &later, BEGIN + STEP * (STEPS - 288)),
    ] {
        let mut took: Vec<f64> = Vec::new();
        for _ in 0..BEFORE {
            let begun = Instant::now();
            let then = store.moment(channels, at);
            took.push(begun.elapsed().as_secs_f64() * 1e3);
            assert!(then.into_iter().all(|then| then.unwrap().newest.is_none()));
        }
        let [p50, most] = [0.5, 1.0].map(|part| percentile(&took, part));
        println!("{:>15}  {name}: read p50 {p50:.2} ms, at most {most:.2} ms", "");
    }
}

fn known(at: Timestamp, catalogue: &Arc<Catalogue>, listening: &Listening) -> Known {
    Known {
        at,
        catalogue: Arc::clone(catalogue),
        areas: Arc::default(),
        areas_then: Arc::default(),
        stands: Arc::default(),
        in_windows: BTreeSet::new(),
        maintained: BTreeSet::new(),
        listening: listening.clone(),
        alerts: Vec::new(),
        rules_of_samples: BTreeSet::new(),
        incidents: Vec::new(),
        segments: Arc::default(),
    }
}

fn observed(then: saola::store::Then) -> Observed {
    let newest = then.newest.map(|sample| Newest {
        value: sample.value,
        observed_at: sample.observed_at,
        received_at: None,
        quality: sample.quality,
    });
    Observed { newest, valid_at: then.valid_at }
}

/// The stations of the other bench with three more channels each.
fn catalogue() -> Catalogue {
    let one = super::catalogue(&super::stations(STATIONS));
    let ids = |no: u32| (0..CHANNELS).map(move |place| ChannelId(no * CHANNELS + place));
    let station = |station: &Station| Station { channels: ids(station.no.0).collect(), ..station.clone() };
    let channel = |id: u32| Channel {
        id: ChannelId(id),
        station: saola::model::StationNo(id / CHANNELS),
        property: Property::new(["pm2_5", "pm10", "air_temperature", "humidity"][(id % CHANNELS) as usize]),
        interval: STEP,
        ..one.channels()[0].clone()
    };
    let stations = one.stations().iter().map(station).collect();
    let channels = (0..STATIONS * CHANNELS).map(channel).collect();
    Catalogue::new(vec!["bench".into()], Vec::new(), stations, channels).unwrap()
}

/// As it comes: each channel once a step, a message for each station.
fn fill(store: &Store) {
    let mut seq = Seq(0);
    for step in 0..STEPS {
        let observed_at = BEGIN + STEP * step;
        let message = |station: u32| {
            let sample = |place: u32| Sample {
                channel: ChannelId(station * CHANNELS + place),
                observed_at,
                value: f64::from((step * 7 + station + place) % 500) / 10.0,
                quality: Quality::GOOD,
                time_class: TimeClass::Live,
            };
            Message {
                source: SourceId(0),
                received: CHANNELS,
                duplicates: 0,
                samples: (0..CHANNELS).map(sample).collect(),
                raw: None,
                rejections: Vec::new(),
                unknown: Vec::new(),
                again: None,
            }
        };
        let stations = if step == STEPS - 1 { 2 * STATIONS } else { STATIONS };
        let entries: Vec<Entry> = (0..stations)
            .map(|station| {
                seq = seq.next();
                let received_at = observed_at + Duration::from_millis(u64::from(station));
                Entry { seq, received_at, body: Body::Message(message(station)) }
            })
            .collect();
        store.apply(&entries).unwrap();
    }
    store.flush().unwrap();
}
