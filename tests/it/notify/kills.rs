//! 200 kills under a script of 1,000 transitions: the process that follows the journal and delivers dies at random
//! moments, and the other side keeps the account.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use axum::http::StatusCode;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use saola::alerts::Retention;
use saola::clock::Clock;
use saola::journal::{self, Journal};
use saola::model::{Body, Span};
use saola::notify::config::Config;
use saola::state::{Effects, snapshot};

use super::bench::{Pair, Receiver, begin, config, entries, new_state, sample, time_of};
use crate::wait::{DEADLINE, eventually};

const TRANSITIONS: u64 = 1_000;
const STATIONS: u64 = 20;
const KILLS: usize = 200;
const LANES: [&str; 3] = ["good", "flaky", "slow"];

/// Every station rises and falls in turn.
fn script() -> Vec<Body> {
    let beat = |step: u64| {
        let value = if (step / STATIONS).is_multiple_of(2) { 20.0 } else { 0.0 };
        sample((step % STATIONS) as u32, time_of(step + 3), value)
    };
    begin(STATIONS as u32).into_iter().chain((0..TRANSITIONS).map(beat)).collect()
}

fn paced(folder: &Path, receiver: std::net::SocketAddr) -> Config {
    Config {
        // Some go one by one, some as digests.
        one_by_one_max: 200,
        digest_every: Span::from_millis(40),
        backoff_min: Span::from_millis(5),
        backoff_max: Span::from_millis(50),
        ..config(folder, receiver, &LANES)
    }
}

/// One life: takes up where the last one ended, goes on with the script, delivers; ends by itself when all is told.
#[test]
#[ignore = "the process that the kills are done to"]
fn one_life() {
    let Some(folder) = std::env::var_os("SAOLA_KILLS_FOLDER") else { return };
    let receiver = std::env::var("SAOLA_KILLS_RECEIVER").unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(live(Path::new(&folder), receiver));
}

async fn live(folder: &Path, receiver: std::net::SocketAddr) {
    let (journal, _) = Journal::open(&folder.join("journal"), &journal::Config::default()).unwrap();
    let snapshots = folder.join("state");
    std::fs::create_dir_all(&snapshots).unwrap();
    let state = snapshot::load(&snapshots, Retention::default()).unwrap().state.unwrap_or_else(new_state);
    let mut pair = Pair::open(folder, &paced(folder, receiver), Clock::System, state);
    let mut reader = journal.reader(pair.state.applied);
    pair.run();
    let script = entries(1, script());
    let mut durable = journal.durable();
    let mut next = durable.borrow().through.0;
    loop {
        let batch = reader.next_batch(64, 1 << 20).unwrap();
        if !batch.is_empty() {
            pair.take(&batch);
            if pair.state.applied.0.is_multiple_of(7) {
                snapshot::save(&snapshots, &pair.state).unwrap();
            }
            continue;
        }
        let Some(entry) = script.get(next as usize) else { break };
        let seq = journal.append(entry.received_at, &entry.body).unwrap();
        assert_eq!(seq, entry.seq);
        next += 1;
        durable.wait_for(|durable| durable.through >= seq).await.unwrap();
        // A breath between two entries, so that kills find every stage of the journey.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    eventually("everything to be told", async || (pair.waiting() == 0).then_some(())).await;
    pair.stop().await;
}

fn begin_life(folder: &Path, receiver: std::net::SocketAddr) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["notify::kills::one_life", "--exact", "--ignored", "--nocapture"])
        .env("SAOLA_KILLS_FOLDER", folder)
        .env("SAOLA_KILLS_RECEIVER", receiver.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_200_kills_everybody_is_told_everything_with_one_key() {
    let seed = std::env::var("SAOLA_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random::<u64>);
    eprintln!("SAOLA_SEED={seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let receiver = Receiver::start(|received| match received.lane.as_str() {
        "flaky" if rand::random_bool(0.2) => (StatusCode::SERVICE_UNAVAILABLE, Duration::ZERO),
        "slow" => (StatusCode::OK, Duration::from_millis(15)),
        _ => (StatusCode::OK, Duration::ZERO),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let (mut kills, mut hit) = (0, BTreeMap::new());
    let outbox = folder.path().join("outbox.db");
    while kills < KILLS {
        let mut child = begin_life(folder.path(), receiver.address);
        // Not before it tells somebody something: otherwise a slow machine would only ever kill its beginning.
        let told = receiver.accepted.lock().len();
        eventually("a message or the end", async || {
            let goes_on = receiver.accepted.lock().len() > told || child.try_wait().unwrap().is_some();
            goes_on.then_some(())
        })
        .await;
        tokio::time::sleep(Duration::from_millis(chance.random_range(0..40))).await;
        if child.try_wait().unwrap().is_some() {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        for lane in under_way(&outbox) {
            *hit.entry(lane).or_insert(0_usize) += 1;
        }
    }
    let mut last = begin_life(folder.path(), receiver.address);
    // What is left of the script may be nearly all of it.
    let ended = tokio::task::spawn_blocking(move || last.wait().unwrap());
    let ended = tokio::time::timeout(DEADLINE * 5, ended).await.expect("the script comes to its end").unwrap();
    assert!(ended.success());
    assert!(kills >= KILLS / 2, "only {kills} kills found it alive");
    let hits: usize = hit.values().sum();
    assert!(hits >= kills / 10, "only {hits} messages were under way in {kills} kills");
    let repeats = check(folder.path(), &receiver, &hit);
    assert!(repeats > 0, "no kill came between the other side's taking and our knowing");
}

/// Lanes whose message was under way at a kill.
fn under_way(outbox: &Path) -> Vec<String> {
    let connection = rusqlite::Connection::open(outbox).unwrap();
    // The first lives may end before there is a table.
    let Ok(mut statement) = connection.prepare("SELECT lane FROM message WHERE in_flight = 1") else {
        return Vec::new();
    };
    statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

/// The account of both sides; how many messages came twice.
fn check(folder: &Path, receiver: &Receiver, hit: &BTreeMap<String, usize>) -> usize {
    // What an uninterrupted run makes of the script.
    let mut offline = new_state();
    let mut effects = Effects::default();
    for entry in entries(1, script()) {
        offline.apply(&entry, &mut effects);
    }
    assert_eq!(effects.transitions.len(), TRANSITIONS as usize);
    let outbox = saola::notify::outbox::Outbox::open(&folder.join("outbox.db"), saola::model::Seq(0)).unwrap();
    let filter = saola::notify::outbox::Filter { limit: 1_000_000, ..Default::default() };
    let rows = outbox.list(&filter).unwrap();
    assert_eq!(rows.len(), LANES.len() * TRANSITIONS as usize, "each transition, once for each recipient");
    let mut repeats_all = 0;
    for lane in LANES {
        let received = receiver.of(lane);
        let (mut messages, mut members) = (BTreeMap::new(), BTreeMap::new());
        for one in &received {
            *messages.entry(one.key.clone()).or_insert(0_usize) += 1;
            one.members().into_iter().for_each(|key| *members.entry(key).or_insert(0_usize) += 1);
        }
        let repeats: usize = messages.values().map(|times| times - 1).sum();
        let hits = hit.get(&format!("webhook:{lane}")).copied().unwrap_or(0);
        assert!(repeats <= hits, "{lane}: {repeats} repeats, and {hits} kills hit a message under way");
        repeats_all += repeats;
        let mut told = BTreeMap::new();
        for row in rows.iter().filter(|row| row.recipient == lane) {
            let is_received = members.contains_key(&row.key);
            assert_eq!(is_received, row.state.word() == "sent", "{lane}: {row:?}");
            told.entry(row.alert.clone()).or_insert_with(BTreeSet::new).extend(is_received.then(|| row.kind.clone()));
        }
        for (alert, kinds) in &told {
            let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
            assert!(kinds.is_empty() || kinds == ["raised", "resolved"], "{lane} {alert}: {kinds:?}");
        }
        let whole = told.values().filter(|kinds| !kinds.is_empty()).count();
        let known: BTreeSet<&str> = rows.iter().map(|row| row.key.as_str()).collect();
        assert!(members.keys().all(|key| known.contains(key.as_str())), "{lane}: a key that nobody knows");
        eprintln!(
            "{lane}: {} messages with {} notifications, {repeats} repeats by {hits} kills that hit one under way, \
             {whole} of {} alerts told from beginning to end, the others withdrawn",
            messages.len(),
            members.len(),
            told.len()
        );
    }
    repeats_all
}
