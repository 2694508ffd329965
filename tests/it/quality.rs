//! Quality flags from the pipeline to the store: over a real journal, through a restart, and replayed.

use std::sync::Arc;

use saola::alerts::Retention;
use saola::decode::source::Sources;
use saola::journal::Journal;
use saola::model::{
    Arrival, Body, Catalogue, ChannelId, Corrections, Entry, Intake as _, Limits, MaintenanceCommand, Policy, Property,
    Quality, Range, RawMessage, Reading, Row, Rows, Sample, Seq, SourceId, StationKind, StationNo, Status, Step,
    TimeClass, Timestamp, Unit, Window,
};
use saola::pipeline::Pipeline;
use saola::state::{Effects, State};
use saola::store::Store;
use saola::validate;

use crate::workbench::{Workbench, one_station};

const CHANNEL: ChannelId = ChannelId(0);
const START: i64 = 1_795_230_900;

fn catalogue() -> Catalogue {
    one_station(StationKind::Weather, ("air_temperature", Unit::Celsius, [-40.0, 70.0]), ["edge".to_owned()])
}

fn policy() -> Policy {
    let limits = Limits {
        unit: Unit::Celsius,
        range: Some(Range { min: -8.0, max: 45.0 }),
        step: Some(Step { by: 3.0, per_hour: 12.0 }),
        stuck: None,
    };
    let mut policy = Policy::default();
    policy.properties.insert(Property::new("air_temperature"), limits);
    policy
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(START + seconds)
}

/// A pipeline with its store, and the state that follows them.
struct Bench {
    folder: tempfile::TempDir,
    journal: Arc<Journal>,
    store: Arc<Store>,
    pipeline: Pipeline,
    state: State,
}

impl Bench {
    fn new() -> Bench {
        let Workbench { journal, store, pipeline, folder } = Workbench::new();
        let state = State::new(Retention::default());
        pipeline.install(at(0), Arc::new(catalogue())).unwrap();
        pipeline.note(at(0), &Body::Policy(Box::new(policy()))).unwrap();
        Bench { folder, journal, store, pipeline, state }
    }

    fn send(&self, seconds: i64, value: f64) {
        self.send_at(seconds, seconds, value);
    }

    fn send_at(&self, received: i64, observed: i64, value: f64) {
        let payload = format!("{{\"time\":{},\"air_temperature\":{value}}}", START + observed);
        let (topic, source, received_at) = ("saola/v1/A", SourceId(0), at(received));
        let raw = RawMessage { source, topic, payload: payload.as_bytes(), received_at, arrival: Arrival::Fresh };
        self.pipeline.accept(&[raw]).unwrap();
    }

    /// One row of a file with history: how many samples were taken, and were there.
    fn import(&self, received: i64, observed: i64, value: f64) -> (usize, u64) {
        let (time, status) = (Some(at(observed)), Status::Measuring);
        let (station, property) = ("A".into(), "air_temperature".into());
        let readings = vec![Reading { station, property, time, value, unit: None, status }];
        let row = Row { line: 1, text: b"", readings: 1, rejections: 0 };
        let rows = Rows { readings, rows: vec![row], ..Rows::default() };
        let judged = self.pipeline.import(SourceId(0), "a.csv", at(received), &rows).unwrap();
        assert_eq!(judged.refused, []);
        (judged.samples.len(), judged.duplicates)
    }

    /// Everything journaled so far, on disk.
    async fn entries(&self) -> Vec<Entry> {
        let last = self.pipeline.tick(at(100_000)).unwrap();
        let mut durable = self.journal.durable();
        durable.wait_for(|durable| durable.through >= last).await.unwrap();
        let mut reader = self.journal.reader(Seq(0));
        let mut entries = Vec::new();
        loop {
            let batch = reader.next_batch(1_000, 1 << 20).unwrap();
            if batch.is_empty() {
                return entries;
            }
            entries.extend(batch);
        }
    }

    /// Lets state and store catch up; the flags of every sample in the store, with its seconds.
    async fn stored(&mut self) -> Vec<(i64, f64, Quality)> {
        self.stored_through(100_000).await
    }

    async fn stored_through(&mut self, seconds: i64) -> Vec<(i64, f64, Quality)> {
        let entries = self.entries().await;
        let mut effects = Effects::default();
        entries.iter().for_each(|entry| self.state.apply(entry, &mut effects));
        self.store.apply(&entries).unwrap();
        let tell = |sample: saola::store::StoredSample| {
            (sample.observed_at.since(at(0)).as_secs() as i64, sample.value, sample.quality)
        };
        self.store.range(CHANNEL, at(-1_000), at(seconds)).map(|sample| tell(sample.unwrap())).collect()
    }

    /// A new pipeline over the same journal and store, as after a restart.
    fn restart(&mut self) {
        let state = &self.state;
        let known = state.declared();
        let judge = validate::Config::default();
        let newest = |channel| state.newest(channel);
        self.pipeline = Pipeline::new(self.journal.clone(), self.store.clone(), judge, known, newest)
            .with_sources(Sources::default())
            .with_judge(state.judge.clone());
    }
}

const GOOD: Quality = Quality::GOOD;
const SPIKE: Quality = Quality::RATE.with(Quality::SPIKE);

#[tokio::test]
async fn a_spike_is_flagged_at_once_and_corrected_when_the_next_sample_shows_it() {
    let mut bench = Bench::new();
    for (seconds, value) in [(0, 20.0), (60, 35.0), (120, 20.1), (180, 50.0), (240, 20.2)] {
        bench.send(seconds, value);
    }
    let range_too = SPIKE.with(Quality::RANGE);
    let expected = [(0, 20.0, GOOD), (60, 35.0, SPIKE), (120, 20.1, GOOD), (180, 50.0, range_too), (240, 20.2, GOOD)];
    assert_eq!(bench.stored().await, expected);
    let earlier = bench.store.earlier(CHANNEL, at(0), at(1_000)).unwrap();
    let before: Vec<_> = earlier.iter().map(|earlier| (earlier.value, earlier.quality)).collect();
    assert_eq!(before, [(35.0, Quality::RATE), (50.0, Quality::RATE.with(Quality::RANGE))], "what was said first");
    assert_eq!(bench.store.stored_counts()[&SourceId(0)], 5, "no source brought a correction");
    // A redelivery of the spike is a duplicate, flags or not.
    bench.send_at(300, 60, 35.0);
    bench.stored().await;
    bench.restart();
    bench.send_at(300, 180, 50.0);
    assert_eq!(bench.stored().await, expected);
    assert!(bench.state.ledger.sources().all(|(_, counts)| counts.balances() && counts.duplicate == 2));
}

#[tokio::test]
async fn after_a_restart_the_checks_go_on_and_replay_says_the_same() {
    let mut bench = Bench::new();
    bench.send(0, 20.0);
    bench.send(60, 35.0);
    bench.stored().await;
    let bytes = bench.state.snapshot().unwrap();
    bench.state = State::restore(&bytes).unwrap();
    bench.restart();
    bench.send(120, 20.1);
    bench.send(180, 35.0);
    bench.send(240, 35.1);
    let expected =
        [(0, 20.0, GOOD), (60, 35.0, SPIKE), (120, 20.1, GOOD), (180, 35.0, Quality::RATE), (240, 35.1, GOOD)];
    assert_eq!(bench.stored().await, expected);
    // Replayed from the first entry on, the judge is the same, and says the same of every sample as was journaled.
    let mut replayed = State::new(Retention::default());
    let mut effects = Effects::default();
    let mut judged = 0;
    for entry in bench.entries().await {
        if let Body::Message(message) = &entry.body {
            for sample in &message.samples {
                let bare = Sample { quality: GOOD, ..*sample };
                assert_eq!(replayed.judge.judge(&bare, StationNo(0), entry.received_at).flags, sample.quality);
                judged += 1;
            }
        }
        replayed.apply(&entry, &mut effects);
    }
    assert_eq!(judged, 5);
    assert_eq!(replayed.judge, bench.state.judge);
}

#[tokio::test]
async fn samples_in_a_maintenance_window_carry_its_flag_whenever_they_come() {
    let mut bench = Bench::new();
    let (reason, author) = ("new sensor".to_owned(), "an".to_owned());
    let window = Window { station: StationNo(0), from: at(60), to: at(120), reason, author };
    bench.pipeline.note(at(0), &Body::Maintenance(MaintenanceCommand::Plan(window))).unwrap();
    for (received, observed, value) in [(0, 0, 20.0), (60, 60, 0.0), (120, 120, 20.1), (600, 119, 1.0)] {
        bench.send_at(received, observed, value);
    }
    let found: Vec<_> = bench.stored().await.into_iter().map(|(seconds, _, quality)| (seconds, quality)).collect();
    let maintenance = Quality::MAINTENANCE;
    assert_eq!(found, [(0, GOOD), (60, maintenance), (119, maintenance), (120, GOOD)]);
}

#[tokio::test]
async fn the_registrys_switch_flags_what_comes_now_and_no_history() {
    let mut bench = Bench::new();
    let mut stations = catalogue().stations().to_vec();
    stations[0].maintenance = true;
    let switched = Catalogue::new(vec!["edge".to_owned()], vec![], stations, catalogue().channels().to_vec()).unwrap();
    bench.pipeline.install(at(0), Arc::new(switched)).unwrap();
    let day = 86_400;
    bench.send_at(3 * day, 0, 20.0);
    bench.import(3 * day, 60, 20.1);
    bench.send_at(3 * day, 3 * day, 20.2);
    let found: Vec<_> = bench.stored_through(4 * day).await.into_iter().map(|(.., quality)| quality).collect();
    assert_eq!(found, [GOOD, GOOD, Quality::MAINTENANCE]);
}

#[tokio::test]
async fn a_person_corrects_and_a_redelivery_does_not_undo_it() {
    let mut bench = Bench::new();
    (0..12).for_each(|minute| bench.send(60 * minute, 20.0 + minute as f64 / 10.0));
    bench.stored().await;
    let sample = Sample {
        channel: CHANNEL,
        observed_at: at(60),
        value: 18.5,
        quality: Quality::EDITED,
        time_class: TimeClass::Backfill,
    };
    let (author, reason) = ("an".to_owned(), "misread".to_owned());
    let corrections = Corrections { author, reason, samples: vec![sample] };
    bench.pipeline.note(at(720), &Body::Corrections(corrections)).unwrap();
    assert_eq!(bench.stored().await[1], (60, 18.5, Quality::EDITED));
    // Long out of the pipeline's own memory: the store alone knows.
    bench.restart();
    bench.send_at(730, 60, 20.1);
    assert_eq!(bench.stored().await[1], (60, 18.5, Quality::EDITED));
    assert_eq!(bench.import(740, 60, 20.1), (0, 1), "nor does a file");
    assert_eq!(bench.stored().await[1], (60, 18.5, Quality::EDITED));
    let earlier = bench.store.earlier(CHANNEL, at(0), at(1_000)).unwrap();
    assert_eq!(earlier.iter().map(|earlier| earlier.value).collect::<Vec<_>>(), [20.1]);
    // Something else that the device says is news.
    bench.send_at(750, 60, 20.15);
    assert_eq!(bench.stored().await[1], (60, 20.15, GOOD));
    drop(bench.folder);
}
