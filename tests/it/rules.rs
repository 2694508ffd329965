//! The shipped rules over the shipped stations.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use saola::alerts::{Retention, Rules, check_rules, rules::Condition};
use saola::decode::{Decoded, Limits, native};
use saola::model::{
    Arrival, Body, Catalogue, Entry, Message, RuleFile, Seq, SourceId, StationKind, Timestamp, Transition,
};
use saola::registry::Registry;
use saola::state::{Effects, State};
use saola::validate;
use saola_sim::fleet;

fn shipped() -> (Catalogue, Vec<RuleFile>) {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::open(&folder.path().join("registry.db")).unwrap();
    registry.seed_from(&config, Timestamp::EPOCH).unwrap();
    let mut files = Vec::new();
    for file in std::fs::read_dir(config.join("rules")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            files.push(RuleFile { name, text: std::fs::read_to_string(&path).unwrap() });
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    (registry.catalogue().unwrap(), files)
}

fn rules(catalogue: &Catalogue, files: &[RuleFile]) -> Rules {
    check_rules(files, catalogue, &mut Vec::new()).unwrap_or_else(|mistakes| {
        let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        panic!("{}", lines.join("\n"))
    })
}

/// Properties of rules that no station declares because the service computes them.
const INDICES: [&str; 6] = ["vn_aqi", "fire_danger_level", "fwi", "cbi", "level_of_service", "landslide_rain_margin"];

#[test]
fn the_shipped_rules_are_valid_and_each_watches_something() {
    let (catalogue, files) = shipped();
    let rules = rules(&catalogue, &files);
    assert!(rules.list().len() >= 25);
    for rule in rules.list() {
        // The province declares no meter yet; and indices are derived, not declared.
        let waits = rule.scope.kinds == [StationKind::Meter] || INDICES.contains(&rule.property.as_str());
        let watched = catalogue.channels().iter().filter(|channel| {
            let station = catalogue.station(channel.station).unwrap();
            rule.covers(&catalogue, station, channel)
        });
        assert!(waits || watched.count() > 0, "{} watches nothing", rule.name);
        // A title without a diacritic is one that somebody typed without Vietnamese letters.
        assert!(!rule.title.vi.is_ascii(), "{}: {}", rule.name, rule.title.vi);
        assert_ne!(rule.title.vi, rule.title.en);
    }
}

#[test]
fn every_working_station_of_the_fleet_is_missed_when_it_falls_silent() {
    let (catalogue, files) = shipped();
    let rules = rules(&catalogue, &files);
    let absences = || rules.list().iter().filter(|rule| matches!(rule.condition, Condition::Absence { .. }));
    for station in catalogue.stations().iter().filter(|station| !station.id.as_str().starts_with("REC-")) {
        let missed = station
            .channels
            .iter()
            .filter_map(|id| catalogue.channel(*id))
            .any(|channel| absences().any(|rule| rule.covers(&catalogue, station, channel)));
        assert!(missed, "{}", station.id);
    }
}

/// What the fleet publishes under a shipped scenario, as journal entries with a tick every second.
fn entries_of(scenario: &str, lasts: Duration) -> Vec<Entry> {
    let start = Timestamp::from_seconds(1_790_000_000);
    let (catalogue, files) = shipped();
    let mut bodies = vec![(start, Body::Catalogue(Box::new(catalogue.clone()))), (start, Body::Rules(files))];
    let plan = fleet::Plan::shipped(scenario).unwrap();
    let (config, limits) = (validate::Config::default(), Limits::default());
    let mut ticked_ms = 0;
    for outgoing in fleet::messages(plan, start.to_jiff(), lasts) {
        while ticked_ms + 1_000 <= outgoing.due_ms {
            ticked_ms += 1_000;
            bodies.push((start + Duration::from_millis(ticked_ms), Body::Tick));
        }
        let received_at = start + Duration::from_millis(outgoing.due_ms + 20);
        let mut decoded = Decoded::default();
        native::decode(&outgoing.topic, &outgoing.payload, &limits, &mut decoded).unwrap();
        let station = decoded.readings.first().and_then(|reading| catalogue.station_named(&reading.station));
        let mut message = Message {
            source: SourceId(0),
            received: u32::try_from(decoded.readings.len()).unwrap(),
            duplicates: 0,
            samples: Vec::new(),
            rejections: Vec::new(),
            raw: None,
            unknown: Vec::new(),
            again: None,
        };
        for reading in &decoded.readings {
            match validate::check(&config, &catalogue, station, reading, received_at, Arrival::Fresh) {
                Ok(sample) => message.samples.push(sample),
                Err(rejection) => message.rejections.push(rejection),
            }
        }
        bodies.push((received_at, Body::Message(message)));
    }
    let numbered = bodies.into_iter().zip(1..);
    numbered.map(|((received_at, body), seq)| Entry { seq: Seq(seq), received_at, body }).collect()
}

fn run(entries: &[Entry]) -> (State, Vec<Transition>) {
    let mut state = State::new(Retention::default());
    let mut effects = Effects::default();
    for entry in entries {
        state.apply(entry, &mut effects);
    }
    (state, effects.transitions)
}

#[test]
fn the_demonstration_raises_a_fire_alert_within_its_first_minute() {
    let entries = entries_of("lai_chau", Duration::from_secs(300));
    let start = entries[0].received_at;
    let (state, transitions) = run(&entries);
    let seconds = |transition: &Transition| transition.alert.changed_at.since(start).as_secs();
    let fire = transitions.iter().find(|transition| transition.alert.rule == "forest-fire-camera").unwrap();
    assert!(seconds(fire) < 60, "{fire:?}");
    let mut raised = BTreeMap::new();
    for transition in transitions.iter().filter(|transition| transition.from.is_none()) {
        *raised.entry(transition.alert.rule.as_str()).or_insert(0) += 1;
    }
    for rule in ["forest-smoke", "rain-burst-5min", "river-stage-headwater", "traffic-slow"] {
        assert!(raised.contains_key(rule), "{rule} is not raised in five minutes: {raised:?}");
    }
    assert!(state.alerts.open().count() < 150, "an operator can still read the list");
    assert!(state.ledger.sources().all(|(_, counts)| counts.balances()));
    assert_eq!(run(&entries), (state, transitions), "the same entries give the same transitions");
}

#[test]
fn a_calm_day_raises_next_to_nothing() {
    let (_, transitions) = run(&entries_of("calm", Duration::from_secs(300)));
    let raised: Vec<String> = transitions.iter().map(|transition| transition.alert.id.to_string()).collect();
    assert!(raised.len() <= 3, "{raised:#?}");
}
