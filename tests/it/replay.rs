//! Replay equals live: the state that the service saved when it stopped, and the one that a stranger makes from the
//! journal alone, from its first entry on, are equal field by field, alerts included. So it is after a stop, after a
//! kill in the middle of everything, and after the province's files were changed in between.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use saola::alerts::Retention;
use saola::clock::Clock;
use saola::journal::{self, Journal};
use saola::model::{AlertState, Body, Entry, Seq};
use saola::state::{Effects, State, snapshot};
use saola_sim::fleet::{self, Malformation, Plan};
use saola_sim::mqtt::{Options, Publisher, Qos};

use crate::service::{DEADLINE, Province, Service, Wishes, credentials, eventually};

/// Reads what the journal of a service that does not run holds beyond `known`; what was read before, the service may
/// have deleted since, when a snapshot had passed it. Every entry from the first on is there once.
fn read_on(service: &Service, known: &mut Vec<Entry>) {
    let (journal, recovery) = Journal::open(&service.data().join("journal"), &journal::Config::default()).unwrap();
    let mut reader = journal.reader(known.last().map_or(Seq(0), |entry| entry.seq));
    loop {
        let batch = reader.next_batch(10_000, 16 << 20).unwrap();
        if batch.is_empty() {
            break;
        }
        known.extend(batch);
    }
    assert!(known.iter().map(|entry| entry.seq.0).eq(1..=known.len() as u64), "{recovery:?}");
    assert_eq!(reader.damaged().count, 0);
}

fn rebuilt(entries: &[Entry]) -> State {
    let mut state = State::new(Retention::default());
    let mut effects = Effects::default();
    for entry in entries {
        state.apply(entry, &mut effects);
        effects.clear();
    }
    state
}

/// The state that the service saved at its end.
fn saved(service: &Service) -> State {
    let loaded = snapshot::load(&service.data().join("state"), Retention::default()).unwrap();
    assert!(loaded.broken.is_empty(), "{:?}", loaded.broken);
    loaded.state.expect("a stop saves the state")
}

/// Field by field, so that a failure says where.
fn check_equal(live: &State, replayed: &State) {
    assert_eq!((live.applied, live.ticked_at), (replayed.applied, replayed.ticked_at));
    assert_eq!(live.ledger, replayed.ledger);
    assert!(live.catalogue == replayed.catalogue, "the catalogues differ");
    for channel in live.catalogue.channels() {
        assert_eq!(live.live.latest(channel.id), replayed.live.latest(channel.id), "{:?}", channel.id);
    }
    let alerts = |state: &State| state.alerts.all(&saola::alerts::Filter::default());
    assert_eq!(alerts(live), alerts(replayed));
    assert_eq!(live.alerts.rules(), replayed.alerts.rules());
    assert!(live.live == replayed.live, "the live pictures differ");
    assert!(live.alerts == replayed.alerts, "the alert engines differ in what they wait for");
    assert!(live == replayed, "the states differ");
}

/// How many alerts of the service are in a state.
async fn alerts(service: &Service, state: &str) -> usize {
    let list = service.get(&format!("/api/v1/alerts?state={state}&limit=1000")).await;
    list["alerts"].as_array().unwrap().len()
}

fn count(state: &State, wanted: AlertState) -> usize {
    state.alerts.all(&saola::alerts::Filter::default()).iter().filter(|alert| alert.state == wanted).count()
}

fn stations(count: usize) -> Vec<String> {
    (0..count).map(|station| format!("replay-{station:02}")).collect()
}

fn rules(above: i32) -> String {
    format!(
        "[[rule]]\nname = 'heat'\ntitle = {{ vi = 'Nóng', en = 'Heat' }}\nproperty = 'air_temperature'\nunit = 'Cel'\n\
         levels = [{{ severity = 'medium', above = {above}, clear = 30 }}, {{ severity = 'high', above = 45, clear = 42 }}]\n\
         for = '500ms'\nclear_for = '500ms'\nabsence = '11s'\n\
         [[rule]]\nname = 'silence'\ntitle = {{ vi = 'Mất tín hiệu', en = 'No data' }}\nproperty = 'air_temperature'\n\
         absence = {{ after = '11s', severity = 'low' }}\n"
    )
}

/// Forty devices of which some fall silent, some grow hot and cool down, and one talks nonsense; until it is dropped.
async fn weather(address: String, seed: u64) {
    let mut options = Options::new("replay-weather");
    options.credentials = Some(credentials());
    let publisher = Publisher::connect(&address, options).await.unwrap();
    let mut chance = StdRng::seed_from_u64(seed);
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    for round in 0_usize.. {
        pace.tick().await;
        for station in 0..40 {
            // A quarter is hot and then silent; the others change their mind every two seconds or so.
            let is_silent = station % 4 == 0 && round > 8 && round % 300 < 200;
            if is_silent || chance.random_bool(0.1) {
                continue;
            }
            let is_hot = (round / (17 + station) + station) % 2 == 0 || station % 4 == 0;
            let value = if is_hot { chance.random_range(36..50) } else { chance.random_range(10..30) };
            let (topic, time) = (format!("saola/v1/replay-{station:02}"), Clock::System.now().to_string());
            let good = format!("{{\"time\":\"{time}\",\"air_temperature\":{value}}}").into_bytes();
            publisher.publish(&topic, &good, Qos::AtLeastOnce).await.unwrap();
            if station == 1 {
                let class = Malformation::ALL[round % Malformation::ALL.len()];
                let bad = class.specimen(&topic, &time, &good);
                publisher.publish(&bad.topic, &bad.payload, Qos::AtLeastOnce).await.unwrap();
                // Again, and then corrected.
                publisher.publish(&topic, &good, Qos::AtLeastOnce).await.unwrap();
                let corrected = format!("{{\"time\":\"{time}\",\"air_temperature\":{}}}", value + 1);
                publisher.publish(&topic, corrected.as_bytes(), Qos::AtLeastOnce).await.unwrap();
            }
        }
    }
}

/// Lets the weather go on until there are alerts in these states, and at least so many messages.
async fn live_through(service: &Service, seed: u64, states: &[(&str, usize)]) {
    let enough = eventually("alerts in every state", async || {
        for (state, least) in states {
            if alerts(service, state).await < *least {
                return None;
            }
        }
        Some(())
    });
    tokio::select! {
        () = weather(service.mqtt.to_string(), seed) => unreachable!("it goes on for ever"),
        () = enough => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn state_rebuilt_from_the_journal_equals_the_live_one_after_stops_and_kills() {
    let province = Province::Weather { stations: stations(40), rules: rules(35) };
    let mut service = Service::start(&Wishes { province, config: "tick = \"100ms\"\n".to_owned() }).await;
    live_through(&service, 1, &[("active", 5), ("unknown", 2), ("cleared", 5)]).await;
    assert_eq!(service.terminate(), Some(0), "it ends well when it is asked to");
    let mut entries = Vec::new();
    read_on(&service, &mut entries);
    let live = saved(&service);
    check_equal(&live, &rebuilt(&entries));
    let states = [AlertState::Active, AlertState::Recovering, AlertState::Unknown, AlertState::Cleared];
    let counts = states.map(|state| count(&live, state));
    println!("stopped: {} entries; alerts active, recovering, unknown, cleared: {counts:?}", entries.len());
    assert!(counts[0] >= 1 && counts[3] >= 5, "{counts:?}");

    // Killed in the middle of everything, with other rules and one station fewer before, and others again after.
    service.set_province(&stations(39), &rules(38));
    service.start_again().await;
    live_through(&service, 2, &[("active", 5), ("cleared", counts[3] + 20)]).await;
    service.kill();
    read_on(&service, &mut entries);
    let (killed_at, at_the_kill) = (entries.len(), rebuilt(&entries));
    service.set_province(&stations(41), &rules(35));
    service.start_again().await;
    assert_eq!(service.terminate(), Some(0), "it ends well when it is asked to");
    read_on(&service, &mut entries);
    let live = saved(&service);
    check_equal(&live, &rebuilt(&entries));
    // Between the kill and the start nothing came in but time, the catalogue and the rules.
    assert!(entries[killed_at..].iter().all(|entry| !matches!(entry.body, Body::Message(_))));
    assert_eq!(live.ledger, at_the_kill.ledger);
    let counts = states.map(|state| count(&live, state));
    println!("killed after {killed_at} entries, stopped after {}; alerts now: {counts:?}", entries.len());

    // Begun from a snapshot in the middle of the journal: the same.
    let (head, tail) = entries.split_at(entries.len() / 3);
    let mut resumed = State::restore(&rebuilt(head).snapshot().unwrap()).unwrap();
    tail.iter().for_each(|entry| resumed.apply(entry, &mut Effects::default()));
    check_equal(&live, &resumed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demonstration_replays_to_the_same_state_and_alerts() {
    let mut service = Service::start(&Wishes { province: Province::Shipped, config: String::new() }).await;
    let mut options = fleet::Options::new(Plan::shipped("lai_chau").unwrap(), service.mqtt.to_string());
    options.credentials = Some(credentials());
    let enough = eventually("the demonstration's alerts", async || {
        let has_all = alerts(&service, "active").await >= 3 && service.ledger().await[0] >= 2_000;
        has_all.then_some(())
    });
    tokio::select! {
        report = fleet::run(options, std::future::pending()) => panic!("it goes on for ever: {report:?}"),
        () = enough => {}
    }
    assert_eq!(service.terminate(), Some(0), "it ends well when it is asked to");
    let mut entries = Vec::new();
    read_on(&service, &mut entries);
    let live = saved(&service);
    check_equal(&live, &rebuilt(&entries));
    let (open, closed) = live.alerts.count();
    println!("{} entries, {open} alerts open, {closed} closed", entries.len());
    assert!(open >= 3, "{open} alerts");
    service.start_again().await;
    let again = tokio::time::timeout(DEADLINE, alerts(&service, "open")).await.unwrap();
    assert!(again >= open, "{again} alerts after the start, {open} before");
}
