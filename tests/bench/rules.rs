//! How many rules are judged a second: 1,000 rules over 100,000 channels, beside a bare loop over the same samples.
//!
//! Ten properties of 10,000 stations, a hundred rules for each property: every sample is judged by a hundred rules. The
//! values stay below every threshold, which is what almost all samples do. What is measured is `State::apply` whole:
//! ledger, live picture, quality and alerts. The ceiling compares each sample with the same thresholds in a flat list
//! and does nothing else.

use std::hint::black_box;
use std::time::{Duration, Instant};

use saola::alerts::Config;
use saola::model::{
    Body, Catalogue, Channel, ChannelId, Entry, LinkClass, LocalName, Message, Position, Property, Quality, Range,
    RuleFile, Sample, Seq, SourceId, Station, StationId, StationKind, StationNo, TimeClass, Timestamp, Unit,
};
use saola::state::{Effects, State};

const STATIONS: u32 = 10_000;
const PROPERTIES: u32 = 10;
const RULES_PER_PROPERTY: u32 = 100;
const BEGIN_S: i64 = 1_800_000_000;

/// Rules judged a second by the engine and by the bare loop.
pub struct Rates {
    pub engine_per_s: f64,
    pub loop_per_s: f64,
}

/// Measures each for as long as asked.
pub fn measure(lasts: Duration) -> Rates {
    let mut state = State::new(Config::default().retention());
    let mut seq = 0;
    let mut apply = |state: &mut State, seconds: i64, body: Body| {
        seq += 1;
        let entry = Entry { seq: Seq(seq), received_at: Timestamp::from_seconds(seconds), body };
        let mut effects = Effects::default();
        state.apply(&entry, &mut effects);
        effects.transitions.len()
    };
    apply(&mut state, BEGIN_S, Body::Catalogue(Box::new(catalogue())));
    apply(&mut state, BEGIN_S, Body::Rules(rules()));
    assert_eq!(state.alerts.rules().list().len(), (PROPERTIES * RULES_PER_PROPERTY) as usize);
    let judged_per_round = u64::from(STATIONS * PROPERTIES * RULES_PER_PROPERTY);

    let (begun, mut rounds) = (Instant::now(), 0);
    while begun.elapsed() < lasts || rounds == 0 {
        rounds += 1;
        for station in 0..STATIONS {
            let told = apply(&mut state, BEGIN_S + rounds * 60, message(station, rounds));
            assert_eq!(told, 0, "every value lies below every threshold");
        }
    }
    let engine_per_s = (judged_per_round * rounds.unsigned_abs()) as f64 / begun.elapsed().as_secs_f64();

    let thresholds: Vec<f64> = (0..RULES_PER_PROPERTY).map(|rule| 1_000.0 + f64::from(rule)).collect();
    let (begun, mut rounds, mut beyond) = (Instant::now(), 0, 0u64);
    while begun.elapsed() < lasts || rounds == 0 {
        rounds += 1;
        for channel in 0..STATIONS * PROPERTIES {
            let value = black_box(value(channel, rounds));
            for threshold in black_box(&thresholds) {
                beyond += u64::from(value > *threshold);
            }
        }
    }
    assert_eq!(black_box(beyond), 0);
    let loop_per_s = (judged_per_round * rounds.unsigned_abs()) as f64 / begun.elapsed().as_secs_f64();
    Rates { engine_per_s, loop_per_s }
}

fn value(channel: u32, round: i64) -> f64 {
    f64::from(channel % 700) + (round % 50) as f64
}

fn message(station: u32, round: i64) -> Body {
    let sample = |channel: u32| Sample {
        channel: ChannelId(channel),
        observed_at: Timestamp::from_seconds(BEGIN_S + round * 60),
        value: value(channel, round),
        quality: Quality::GOOD,
        time_class: TimeClass::Live,
    };
    let samples: Vec<Sample> = (station * PROPERTIES..(station + 1) * PROPERTIES).map(sample).collect();
    Body::Message(Message {
        source: SourceId(0),
        received: PROPERTIES,
        duplicates: 0,
        samples,
        rejections: Vec::new(),
        raw: None,
        unknown: Vec::new(),
        again: None,
    })
}

fn catalogue() -> Catalogue {
    let name = LocalName { vi: "x".into(), en: "x".into() };
    let station = |no: u32| Station {
        no: StationNo(no),
        id: StationId::new(&format!("b-{no:05}")),
        kind: StationKind::Weather,
        name: name.clone(),
        position: Position { lon: 103.5, lat: 22.4 },
        area: None,
        maintenance: false,
        retired: false,
        channels: (no * PROPERTIES..(no + 1) * PROPERTIES).map(ChannelId).collect(),
    };
    let channel = |id: u32| Channel {
        id: ChannelId(id),
        station: StationNo(id / PROPERTIES),
        property: Property::new(&format!("property_{}", id % PROPERTIES)),
        unit: Unit::One,
        interval: Duration::from_secs(60),
        plausible: Range { min: -1e6, max: 1e6 },
        link: LinkClass::Wired,
        retired: false,
    };
    let stations = (0..STATIONS).map(station).collect();
    Catalogue::new(vec!["bench".into()], vec![], stations, (0..STATIONS * PROPERTIES).map(channel).collect()).unwrap()
}

fn rules() -> Vec<RuleFile> {
    let mut text = String::new();
    for property in 0..PROPERTIES {
        for rule in 0..RULES_PER_PROPERTY {
            text.push_str(&format!(
                "[[rule]]\nname = 'r-{property}-{rule}'\ntitle = {{ vi = 'x', en = 'x' }}\n\
                 property = 'property_{property}'\nlevels = [{{ severity = 'low', above = {} }}]\nfor = '1m'\n",
                1_000 + rule
            ));
        }
    }
    vec![RuleFile { name: "bench.toml".into(), text }]
}
