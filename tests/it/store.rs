//! The store under kill -9, a torn disk and a full one, through its public face alone, while it settles days and
//! deletes what is too old.
//!
//! A child process (this binary again, running only [`child_applies`]) follows an endless journal that is a function
//! of the entry's number; the parent kills it at any moment and compares what is on disk with that function.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use saola::model::{
    Body, Catalogue, Channel, ChannelId, Entry, LinkClass, LocalName, Message, Position, Property, Quality, Range,
    RawCopy, Reason, Rejection, Sample, Seq, SourceId, Station, StationId, StationKind, StationNo, TimeClass,
    Timestamp, Unit,
};
use saola::store::{Config, DeadLetterFilter, Retention, Settling, Store, StoreError, Tier};

const DIRECTORY: &str = "SAOLA_TEST_STORE";
/// How often the store is killed, when the environment does not say.
const KILLS: u64 = 200;
/// Kills after which a new store is begun: what is compared after each grows with the store.
const KILLS_OF_A_STORE: u64 = 25;
const CHANNELS: u32 = 5;
const METER: ChannelId = ChannelId(4);
const DAY_SECONDS: i64 = 86_400;
/// Between entries.
const STEP_SECONDS: i64 = 600;
const FROM: Timestamp = Timestamp::from_micros(i64::MIN);
const TO: Timestamp = Timestamp::from_micros(i64::MAX);

fn config() -> Config {
    let mut retention = Retention::default();
    retention.meter.raw_days = 3;
    Config { flush_samples: 200, write_buffer_bytes: 1 << 20, settle_after_s: 0, retention, ..Config::default() }
}

/// Steady numbers without a generator's state.
fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 31)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (number ^ (number >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 16
}

/// One station a channel; that of [`METER`] keeps samples for a few days only.
fn catalogue() -> Catalogue {
    let station = |number: u32| Station {
        no: StationNo(number),
        id: StationId::new(&format!("station-{number}")),
        kind: if ChannelId(number) == METER { StationKind::Meter } else { StationKind::River },
        name: LocalName { vi: "Cầu".to_owned(), en: "Bridge".to_owned() },
        position: Position { lon: 107.6, lat: 16.5 },
        area: None,
        maintenance: false,
        retired: false,
        channels: vec![ChannelId(number)],
    };
    let channel = |number: u32| Channel {
        id: ChannelId(number),
        station: StationNo(number),
        property: Property::new("water_level"),
        unit: Unit::Metre,
        interval: Duration::from_secs(600),
        plausible: Range { min: -1e3, max: 1e3 },
        link: LinkClass::Wired,
        retired: false,
    };
    let (stations, channels) = ((0..CHANNELS).map(station).collect(), (0..CHANNELS).map(channel).collect());
    Catalogue::new(Vec::new(), Vec::new(), stations, channels).unwrap()
}

/// The entry of that number: samples in order, late, corrected; now and then a refused message. The meter is in order.
fn entry(seq: u64) -> Entry {
    let received_at = Timestamp::from_seconds(1_787_270_400 + seq as i64 * STEP_SECONDS);
    if seq == 1 {
        return Entry { seq: Seq(1), received_at, body: Body::Catalogue(Box::new(catalogue())) };
    }
    let samples = (0..4).map(|place| {
        let dice = mixed(seq * 4 + place);
        let steps = match dice % 10 {
            0 => seq as i64 - 60 * DAY_SECONDS / STEP_SECONDS,
            1 => (dice / 10 % (seq + 1)) as i64,
            _ => seq as i64,
        };
        let channel = ChannelId((dice / 100) as u32 % CHANNELS);
        let steps = if channel == METER { seq as i64 } else { steps };
        Sample {
            channel,
            observed_at: Timestamp::from_seconds(1_787_270_400 + steps * STEP_SECONDS),
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
        unknown: Vec::new(),
        again: None,
    };
    Entry { seq: Seq(seq), received_at, body: Body::Message(message) }
}

/// What the entries up to one say.
#[derive(Default)]
struct Account {
    through: u64,
    samples: BTreeMap<(ChannelId, Timestamp), f64>,
    /// By channel, time and entry; what an entry replaces twice, in its order.
    earlier: BTreeMap<(ChannelId, Timestamp, Seq), Vec<f64>>,
    counts: BTreeMap<SourceId, u64>,
    letters: Vec<Seq>,
}

impl Account {
    fn of(through: u64) -> Self {
        let mut account = Self::default();
        account.follow(through);
        account
    }

    fn follow(&mut self, through: u64) {
        for seq in self.through + 1..=through {
            let Body::Message(message) = entry(seq).body else { continue };
            for sample in &message.samples {
                let (channel, at) = (sample.channel, sample.observed_at);
                let before = self.samples.insert((channel, at), sample.value);
                if let Some(before) = before.filter(|before| *before != sample.value) {
                    self.earlier.entry((channel, at, Seq(seq))).or_default().push(before);
                }
                *self.counts.entry(message.source).or_default() += 1u64;
            }
            if !message.rejections.is_empty() {
                self.letters.push(Seq(seq));
            }
        }
        self.through = through;
    }

    fn of_channel(&self, channel: ChannelId) -> BTreeMap<Timestamp, f64> {
        self.samples.range((channel, FROM)..(channel, TO)).map(|((_, at), value)| (*at, *value)).collect()
    }

    /// Asserts that the store holds these entries, each exactly once. Returns whether samples went for their age.
    fn check(&self, store: &Store) -> bool {
        assert_eq!(store.checkpoint().0.max(store.applied().0), self.through);
        let mut went = false;
        for channel in (0..CHANNELS).map(ChannelId) {
            let expected = self.of_channel(channel);
            let mut found = BTreeMap::new();
            for sample in store.range(channel, FROM, TO) {
                let sample = sample.unwrap();
                assert_eq!(found.insert(sample.observed_at, sample.value), None, "seen twice");
            }
            check_tallies(store, channel, &expected);
            if channel == METER {
                // Whole days went, from the first on.
                let kept_from = found.keys().next().copied().unwrap_or(TO);
                assert!(
                    kept_from.micros() % (DAY_SECONDS * 1_000_000) < 40 * STEP_SECONDS * 1_000_000 || kept_from == TO
                );
                assert!(expected.range(kept_from..).eq(found.iter()), "channel {channel} up to {}", self.through);
                went = found.len() < expected.len();
                continue;
            }
            assert!(found == expected, "{channel}: {} of {} up to {}", found.len(), expected.len(), self.through);
            let replaced = store.earlier(channel, FROM, TO).unwrap();
            let replaced: Vec<_> = replaced.iter().map(|one| (one.observed_at, one.replaced_by, one.value)).collect();
            let mine = self.earlier.range((channel, FROM, Seq(0))..(channel, TO, Seq(0)));
            let expected: Vec<_> =
                mine.flat_map(|((_, at, by), values)| values.iter().map(|value| (*at, *by, *value))).collect();
            assert_eq!(replaced, expected, "what was replaced of channel {channel}");
        }
        assert_eq!(store.stored_counts(), self.counts);
        let page = store.dead_letters(None, usize::MAX, &DeadLetterFilter::default()).unwrap();
        assert_eq!(page.letters.iter().rev().map(|letter| letter.id).collect::<Vec<_>>(), self.letters);
        assert_eq!(store.dead_letter_totals().count, self.letters.len() as u64);
        went
    }
}

/// Asserts that tallies are those of the samples, whether these are still there or not.
fn check_tallies(store: &Store, channel: ChannelId, samples: &BTreeMap<Timestamp, f64>) {
    for (tier, offset) in [(Tier::Hour, 0), (Tier::Day, 7 * 3_600_000_000)] {
        let bucket = |at: &Timestamp| (at.micros() + offset).div_euclid(tier.micros()) * tier.micros() - offset;
        let mut expected: BTreeMap<i64, (u64, f64, f64)> = BTreeMap::new();
        for (at, value) in samples {
            let (count, sum, last) = expected.entry(bucket(at)).or_default();
            (*count, *sum, *last) = (*count + 1, *sum + value, *value);
        }
        let found = store.tallies(channel, tier, FROM, TO).unwrap();
        assert_eq!(found.len(), expected.len(), "buckets of channel {channel}");
        for ((at, tally), (begin, (count, sum, last))) in found.iter().zip(expected) {
            assert_eq!((at.micros(), tally.count, tally.last.map(|last| last.value)), (begin, count, Some(last)));
            assert!((tally.sum - sum).abs() < 1e-6);
        }
    }
}

fn check(store: &Store, through: u64) {
    Account::of(through).check(store);
}

/// Not a test of its own: what the child process runs. Writes its checkpoint, a line each time it has moved.
#[test]
fn child_applies() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let store = Store::open(Path::new(&directory), &config()).unwrap();
    let mut checkpoint = store.checkpoint();
    println!("checkpoint {checkpoint}");
    for seq in checkpoint.0 + 1.. {
        let settled = if seq.is_multiple_of(30) { store.settle(200).map(drop) } else { Ok(()) };
        match settled.and_then(|()| store.apply(&[entry(seq)])) {
            Ok(()) => {}
            Err(StoreError::Write { .. } | StoreError::Settle { .. }) => {
                assert!(matches!(store.apply(&[entry(seq + 1)]), Err(StoreError::Stopped)));
                assert!(store.status().stopped);
                assert_eq!(store.checkpoint(), checkpoint, "a failed write moves nothing");
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
    let kills = std::env::var("SAOLA_STORE_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let mut directory = tempfile::tempdir().unwrap();
    let mut account = Account::default();
    let mut went = 0;
    for round in 0..kills {
        if round % KILLS_OF_A_STORE == 0 && round > 0 {
            assert!(account.through > 500, "the child got as far as {}", account.through);
            (directory, account) = (tempfile::tempdir().unwrap(), Account::default());
        }
        let mut child = child(Command::new(std::env::current_exe().unwrap()), directory.path());
        let wanted = 1 + mixed(round) as usize % 6;
        // Held open until after the kill: a child that cannot write would end by itself.
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(|line| line.unwrap());
        let checkpoints = lines.by_ref().filter_map(|line| told(&line, "checkpoint ")).take(wanted);
        let last = checkpoints.last().unwrap();
        // Not to wait for anything: the moment is to be any.
        std::thread::sleep(Duration::from_micros(mixed(round + 1_000) % 20_000));
        child.kill().unwrap();
        child.wait().unwrap();
        let store = Store::open(directory.path(), &config()).unwrap();
        let reached = store.checkpoint().0;
        assert!(reached >= last, "what was told to be on disk is on disk");
        assert!(last >= account.through);
        account.follow(reached);
        went += u64::from(account.check(&store));
    }
    assert!(went > kills / 4, "samples were deleted for their age in {went} of {kills} rounds");
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

/// A store of some days, settled and not, in tables and in the log; and the checkpoints that it came by.
fn grown(directory: &Path) -> Vec<u64> {
    let store = Store::open(directory, &config()).unwrap();
    let mut checkpoints = vec![0];
    for seq in 1..=GROWN {
        store.apply(&[entry(seq)]).unwrap();
        if seq % 200 == 0 {
            store.settle(5_000).unwrap();
        }
        if Some(&store.checkpoint().0) != checkpoints.last() {
            checkpoints.push(store.checkpoint().0);
        }
    }
    checkpoints
}

/// How many entries [`grown`] takes.
const GROWN: u64 = 1_500;

fn copied(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        if file.file_type().unwrap().is_dir() {
            copied(&file.path(), &to.join(file.file_name()));
        } else {
            std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
}

/// Every file of a directory and of those in it, in order.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(directory).unwrap().map(|file| file.unwrap().path()) {
        if file.is_dir() {
            found.extend(files(&file));
        } else {
            found.push(file);
        }
    }
    found.sort();
    found
}

fn newest_log(directory: &Path) -> PathBuf {
    let files = files(&directory.join("fjall")).into_iter();
    files.filter(|file| file.extension().is_some_and(|extension| extension == "jnl")).max().unwrap()
}

/// The length of a log without the zeros behind it.
fn used(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

#[test]
fn a_torn_disk_gives_an_earlier_checkpoint_and_its_samples() {
    let directory = tempfile::tempdir().unwrap();
    let checkpoints = grown(&directory.path().join("whole"));
    let mut seen = Vec::new();
    for round in 0..40 {
        let torn = directory.path().join(format!("torn-{round}"));
        copied(&directory.path().join("whole"), &torn);
        let log = newest_log(&torn);
        let bytes = std::fs::read(&log).unwrap();
        let length = if round == 0 { used(&bytes) } else { mixed(round) as usize % used(&bytes) };
        std::fs::write(&log, &bytes[..length]).unwrap();
        let store = Store::open(&torn, &config()).unwrap();
        let checkpoint = store.checkpoint().0;
        assert!(checkpoints.contains(&checkpoint), "{checkpoint} of {checkpoints:?}");
        check(&store, checkpoint);
        store.apply(&(checkpoint + 1..=GROWN).map(entry).collect::<Vec<_>>()).unwrap();
        while store.settle(5_000).unwrap() == Settling::More {}
        check(&store, GROWN);
        seen.push(checkpoint);
        drop(store);
        std::fs::remove_dir_all(torn).unwrap();
    }
    seen.sort_unstable();
    seen.dedup();
    assert!(seen.len() > 5, "{seen:?}");
}

/// What became of a store with a spoilt file.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// It did not open, and said why.
    Refused,
    /// It opened and named parts that it cannot read.
    Named,
    /// Nothing that is read was spoilt.
    Whole,
}

/// Opens a spoilt store. Every sample that it hands out must be one of its checkpoint's.
fn look(directory: &Path) -> Outcome {
    let Ok(store) = Store::open(directory, &config()) else { return Outcome::Refused };
    let account = Account::of(store.checkpoint().0);
    let mut named = false;
    for channel in (0..CHANNELS).map(ChannelId) {
        let expected = account.of_channel(channel);
        let (good, bad): (Vec<_>, Vec<_>) = store.range(channel, FROM, TO).partition(Result::is_ok);
        named |= !bad.is_empty() || store.tallies(channel, Tier::Hour, FROM, TO).is_err();
        named |= store.tallies(channel, Tier::Day, FROM, TO).is_err() || store.earlier(channel, FROM, TO).is_err();
        for sample in good.into_iter().map(Result::unwrap) {
            // Beside a part that cannot be read, a correction in it may be missing, and what it corrected is there.
            let right = expected.get(&sample.observed_at) == Some(&sample.value);
            let before = account
                .earlier
                .range((channel, sample.observed_at, Seq(0))..=(channel, sample.observed_at, Seq(u64::MAX)));
            let corrected = before.flat_map(|(_, values)| values).any(|value| *value == sample.value);
            assert!(right || named && corrected, "channel {channel} at {}", sample.observed_at);
        }
    }
    named |= store
        .dead_letters(None, usize::MAX, &DeadLetterFilter::default())
        .map_or(true, |page| !page.damaged.is_empty());
    if named {
        return Outcome::Named;
    }
    account.check(&store);
    Outcome::Whole
}

#[test]
fn a_flipped_bit_or_a_torn_file_is_never_a_wrong_answer() {
    let directory = tempfile::tempdir().unwrap();
    let whole = directory.path().join("whole");
    grown(&whole);
    let mut outcomes: BTreeMap<Outcome, u32> = BTreeMap::new();
    let count = files(&whole).len() as u64;
    for round in 0..150u64 {
        let spoilt = directory.path().join(format!("spoilt-{round}"));
        copied(&whole, &spoilt);
        let file = files(&spoilt).swap_remove((mixed(round) % count) as usize);
        let mut bytes = std::fs::read(&file).unwrap();
        let length = used(&bytes);
        if length == 0 {
            continue;
        }
        let place = mixed(round + 7_000) as usize % length;
        if round % 3 == 0 {
            bytes.truncate(place);
        } else {
            bytes[place] ^= 1 << (round % 8);
        }
        std::fs::write(&file, bytes).unwrap();
        let outcome = std::panic::catch_unwind(|| look(&spoilt));
        let outcome = outcome.unwrap_or_else(|_| panic!("round {round}: {} at {place}", file.display()));
        *outcomes.entry(outcome).or_default() += 1;
        std::fs::remove_dir_all(spoilt).unwrap();
    }
    assert_eq!(outcomes.len(), 3, "{outcomes:?}");
}
