//! The store under kill -9, a torn disk and a full one, through its public face alone.
//!
//! A child process (this binary again, running only [`child_applies`]) follows an endless journal that is a function
//! of the entry's number; the parent kills it at any moment and compares what is on disk with that function.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use saola::model::{
    Body, ChannelId, Entry, Message, Quality, RawCopy, Reason, Rejection, Sample, Seq, SourceId, TimeClass, Timestamp,
};
use saola::store::{Config, DeadLetterFilter, Store, StoreError};

const DIRECTORY: &str = "SAOLA_TEST_STORE";
const CHANNELS: u32 = 5;
const DAY_SECONDS: i64 = 86_400;
const FROM: Timestamp = Timestamp::from_micros(i64::MIN);
const TO: Timestamp = Timestamp::from_micros(i64::MAX);

fn config() -> Config {
    Config { flush_samples: 200, write_buffer_bytes: 1 << 20, ..Config::default() }
}

/// Steady numbers without a generator's state.
fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 31)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (number ^ (number >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 16
}

/// The entry of that number: samples in order, late, corrected; now and then a refused message.
fn entry(seq: u64) -> Entry {
    let samples = (0..4).map(|place| {
        let dice = mixed(seq * 4 + place);
        let seconds = match dice % 10 {
            0 => seq as i64 - 60 * DAY_SECONDS,
            1 => (dice / 10 % (seq + 1)) as i64,
            _ => seq as i64 * 10,
        };
        Sample {
            channel: ChannelId((dice / 100) as u32 % CHANNELS),
            observed_at: Timestamp::from_seconds(1_787_270_400 + seconds),
            value: (dice / 1_000 % 500) as f64 / 10.0,
            quality: Quality::GOOD,
            time_class: TimeClass::Live,
        }
    });
    let refused = seq.is_multiple_of(17);
    let message = Message {
        source: SourceId((seq % 3) as u16),
        received: 4 + u32::from(refused),
        duplicates: 0,
        samples: samples.collect(),
        rejections: refused
            .then(|| Rejection { reason: Reason::Implausible, detail: seq.to_string() })
            .into_iter()
            .collect(),
        raw: refused.then(|| RawCopy { topic: "saola/v1/QL4D".into(), payload: vec![b'x'; 50] }),
    };
    Entry {
        seq: Seq(seq),
        received_at: Timestamp::from_seconds(1_787_270_400 + seq as i64),
        body: Body::Message(message),
    }
}

/// Asserts that the store holds the entries up to `through`, each exactly once.
fn check(store: &Store, through: u64) {
    let mut samples = BTreeMap::new();
    let mut counts = BTreeMap::new();
    let mut letters = Vec::new();
    for seq in 1..=through {
        let Body::Message(message) = entry(seq).body else { unreachable!("only messages are made") };
        for sample in &message.samples {
            samples.insert((sample.channel, sample.observed_at), sample.value);
            *counts.entry(message.source).or_default() += 1u64;
        }
        if !message.rejections.is_empty() {
            letters.push(Seq(seq));
        }
    }
    let mut found = BTreeMap::new();
    for channel in (0..CHANNELS).map(ChannelId) {
        for sample in store.range(channel, FROM, TO) {
            let sample = sample.unwrap();
            assert_eq!(found.insert((channel, sample.observed_at), sample.value), None, "seen twice");
        }
    }
    assert!(found == samples, "up to {through}: {} samples of {}", found.len(), samples.len());
    assert_eq!(store.stored_counts(), counts);
    let page = store.dead_letters(None, usize::MAX, &DeadLetterFilter::default()).unwrap();
    assert_eq!(page.letters.iter().rev().map(|letter| letter.id).collect::<Vec<_>>(), letters);
    assert_eq!(store.dead_letter_totals().count, letters.len() as u64);
}

/// Not a test of its own: what the child process runs. Writes its checkpoint, a line each time it has moved.
#[test]
fn child_applies() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let store = Store::open(Path::new(&directory), &config()).unwrap();
    let mut checkpoint = store.checkpoint();
    println!("checkpoint {checkpoint}");
    for seq in checkpoint.0 + 1.. {
        match store.apply(&[entry(seq)]) {
            Ok(()) => {}
            Err(StoreError::Write { .. }) => {
                assert!(matches!(store.apply(&[entry(seq + 1)]), Err(StoreError::Stopped)));
                assert!(store.status().stopped);
                assert_eq!(store.checkpoint(), checkpoint, "a failed flush moves nothing");
                check(&store, store.applied().0);
                println!("stopped {}", store.applied());
                return;
            }
            Err(error) => panic!("{error}"),
        }
        if store.checkpoint() != checkpoint {
            checkpoint = store.checkpoint();
            println!("checkpoint {checkpoint}");
        }
    }
}

fn child(mut command: Command, directory: &Path) -> Child {
    command.args(["--exact", "store::child_applies", "--nocapture"]).env(DIRECTORY, directory);
    command.stdout(Stdio::piped()).spawn().unwrap()
}

/// The number in a line of the child's that begins with `word` (the test harness writes before it on the same line).
fn told(line: &str, word: &str) -> Option<u64> {
    line.split_once(word)?.1.trim().parse().ok()
}

#[test]
fn a_killed_store_holds_its_checkpoint_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let mut reached = 0;
    for round in 0..20u64 {
        let mut child = child(Command::new(std::env::current_exe().unwrap()), directory.path());
        let wanted = 1 + mixed(round) as usize % 12;
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(|line| line.unwrap());
        let checkpoints = lines.filter_map(|line| told(&line, "checkpoint ")).take(wanted);
        let last = checkpoints.last().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let store = Store::open(directory.path(), &config()).unwrap();
        assert!(store.checkpoint().0 >= last, "what was told to be on disk is on disk");
        assert!(last >= reached);
        reached = store.checkpoint().0;
        check(&store, reached);
    }
    assert!(reached > 2_000, "the child got as far as {reached}");
}

#[test]
fn a_full_disk_stops_the_store_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    drop(Store::open(directory.path(), &config()).unwrap());
    let mut command = Command::new("sh");
    // A limit on the size of files stands in for a full disk: writes fail with EFBIG instead of ENOSPC.
    command.args(["-c", "trap '' XFSZ; ulimit -f 100; exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap());
    let mut child = child(command, directory.path());
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(|line| line.unwrap());
    let lines: Vec<String> = lines.collect();
    assert!(child.wait().unwrap().success(), "{lines:#?}");
    let applied = lines.iter().find_map(|line| told(line, "stopped ")).unwrap();
    let store = Store::open(directory.path(), &config()).unwrap();
    let checkpoint = store.checkpoint().0;
    assert!(checkpoint > 0 && checkpoint < applied, "{checkpoint} {applied}");
    check(&store, checkpoint);
    store.apply(&(checkpoint + 1..=applied).map(entry).collect::<Vec<_>>()).unwrap();
    check(&store, applied);
}

#[test]
fn a_torn_disk_gives_an_earlier_checkpoint_and_its_samples() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), &config()).unwrap();
    let mut checkpoints = vec![0];
    for seq in 1..=1_000 {
        store.apply(&[entry(seq)]).unwrap();
        if Some(&store.checkpoint().0) != checkpoints.last() {
            checkpoints.push(store.checkpoint().0);
        }
    }
    drop(store);
    let log = directory.path().join("fjall/0.jnl");
    let bytes = std::fs::read(&log).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let mut seen = Vec::new();
    for round in 0..40 {
        let length = if round == 0 { used } else { mixed(round) as usize % used };
        std::fs::write(&log, &bytes[..length]).unwrap();
        let store = Store::open(directory.path(), &config()).unwrap();
        let checkpoint = store.checkpoint().0;
        assert!(checkpoints.contains(&checkpoint), "{checkpoint} of {checkpoints:?}");
        check(&store, checkpoint);
        store.apply(&(checkpoint + 1..=1_000).map(entry).collect::<Vec<_>>()).unwrap();
        check(&store, 1_000);
        seen.push(checkpoint);
    }
    seen.sort_unstable();
    seen.dedup();
    assert!(seen.len() > 5, "{seen:?}");
}
