//! The store against a map by time: any order of times, flushes and crashes gives the same history and counters.

mod damage;
mod letters;
mod runs;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use tempfile::TempDir;

use fjall::Readable;

use super::key::{DAY_MICROS, Key, Table};
use super::*;
use crate::model::{Body, Message, Quality, RawCopy, Reason, Rejection, Sample, SourceId, TimeClass};
use crate::store::{Tally, Tier};

/// 2026-08-21T00:00:00Z.
const TODAY: i64 = 1_787_270_400_000_000;

fn small() -> Config {
    Config { flush_samples: 40, ..Config::default() }
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

pub(super) fn sample(channel: u32, micros: i64, value: f64) -> Sample {
    let (channel, observed_at) = (ChannelId(channel), at(micros));
    let fault = if (value as i64).rem_euclid(5) == 4 { Quality::FAULT } else { Quality::GOOD };
    let quality = Quality(channel.0 as u16 & 1).with(fault);
    Sample { channel, observed_at, value, quality, time_class: TimeClass::Live }
}

pub(super) fn message(seq: u64, source: u16, samples: Vec<Sample>) -> Entry {
    let message = Message {
        source: SourceId(source),
        received: samples.len() as u32,
        duplicates: 0,
        samples,
        rejections: Vec::new(),
        raw: None,
        unknown: Vec::new(),
        again: None,
    };
    Entry { seq: Seq(seq), received_at: at(TODAY + seq as i64), body: Body::Message(message) }
}

fn refused(seq: u64, source: u16, reason: Reason, payload: Vec<u8>) -> Entry {
    let mut entry = message(seq, source, Vec::new());
    if let Body::Message(message) = &mut entry.body {
        message.received = 1;
        message.rejections = vec![Rejection { reason, detail: format!("refused {seq}") }];
        message.raw = Some(RawCopy { topic: format!("saola/v1/đèo-{seq}"), payload });
    }
    entry
}

/// What the store must hold after the first entries of a journal.
#[derive(Default)]
struct Model {
    samples: BTreeMap<(ChannelId, Timestamp), (u64, Quality)>,
    earlier: Vec<(ChannelId, Earlier)>,
    counts: BTreeMap<SourceId, u64>,
    letters: Vec<DeadLetter>,
}

impl Model {
    fn of(entries: &[Entry]) -> Self {
        let mut model = Model::default();
        for entry in entries {
            let Body::Message(message) = &entry.body else { continue };
            for sample in &message.samples {
                let stored = (sample.value.to_bits(), sample.quality);
                let before = model.samples.insert((sample.channel, sample.observed_at), stored);
                if let Some((bits, quality)) = before.filter(|before| *before != stored) {
                    let earlier = Earlier {
                        observed_at: sample.observed_at,
                        value: f64::from_bits(bits),
                        quality,
                        replaced_by: entry.seq,
                        replaced_at: entry.received_at,
                    };
                    model.earlier.push((sample.channel, earlier));
                }
                *model.counts.entry(message.source).or_default() += 1;
            }
            if let (Some(raw), false) = (&message.raw, message.rejections.is_empty()) {
                model.letters.push(DeadLetter {
                    id: entry.seq,
                    received_at: entry.received_at,
                    source: message.source,
                    topic: raw.topic.clone(),
                    payload: raw.payload.clone(),
                    rejections: message.rejections.clone(),
                });
            }
        }
        // A stable sort: those of one entry stay in their order.
        model.earlier.sort_by_key(|(channel, earlier)| (*channel, earlier.observed_at, earlier.replaced_by));
        model
    }

    /// The tallies of the buckets that begin in a stretch of time, from the samples alone.
    fn tallies(&self, channel: ChannelId, tier: Tier, from: Timestamp, to: Timestamp) -> Vec<(Timestamp, Tally)> {
        let offset = if tier == Tier::Day { 7 * 3_600_000_000 } else { 0 };
        let mut tallies: BTreeMap<Timestamp, Tally> = BTreeMap::new();
        for (observed_at, bits, quality) in self.range(channel, ALWAYS.0, ALWAYS.1) {
            let bucket = (observed_at.micros() + offset).div_euclid(tier.micros()) * tier.micros() - offset;
            let sample = StoredSample { observed_at, value: f64::from_bits(bits), quality };
            tallies.entry(at(bucket)).or_default().add(&sample);
        }
        tallies.into_iter().filter(|(bucket, _)| (from..to).contains(bucket)).collect()
    }

    fn range(&self, channel: ChannelId, from: Timestamp, to: Timestamp) -> Vec<(Timestamp, u64, Quality)> {
        let between = self.samples.range((channel, from)..(channel, to));
        between.map(|((_, at), (bits, quality))| (*at, *bits, *quality)).collect()
    }
}

const ALWAYS: (Timestamp, Timestamp) = (at_least(), Timestamp::from_micros(i64::MAX));

const fn at_least() -> Timestamp {
    Timestamp::from_micros(i64::MIN)
}

fn read(store: &Embedded, channel: ChannelId, (from, to): (Timestamp, Timestamp)) -> Vec<(Timestamp, u64, Quality)> {
    let read = store.range(channel, from, to).map(|sample| sample.unwrap());
    read.map(|sample| (sample.observed_at, sample.value.to_bits(), sample.quality)).collect()
}

/// Sums and squares to nine digits, the rest exactly.
fn same(a: &[(Timestamp, Tally)], b: &[(Timestamp, Tally)]) -> bool {
    let near = |a: f64, b: f64, scale: f64| (a - b).abs() <= 1e-9 * scale.abs().max(a.abs()).max(b.abs());
    let blurred = |tally: &Tally| Tally { sum: 0.0, squares: 0.0, increase: 0.0, ..*tally };
    a.len() == b.len()
        && a.iter().zip(b).all(|((at, a), (bt, b))| {
            let size = a.count as f64 * a.max.abs().max(a.min.abs());
            at == bt
                && blurred(a) == blurred(b)
                && near(a.sum, b.sum, size)
                && near(a.squares, b.squares, size * size)
                && near(a.increase, b.increase, size)
        })
}

fn check_tallies(store: &Embedded, model: &Model, channel: ChannelId) {
    for tier in Tier::ALL {
        let day = |day: i64| at(TODAY + day * DAY_MICROS + 3 * 3_600_000_000 + 77);
        for (from, to) in [ALWAYS, (day(-1), day(1)), (day(-61), day(-58)), (day(1), day(-1))] {
            let (found, expected) =
                (store.tallies(channel, tier, from, to).unwrap(), model.tallies(channel, tier, from, to));
            assert!(same(&found, &expected), "channel {channel} {tier:?}: {found:#?} is not {expected:#?}");
        }
    }
}

/// What was known of every channel around the times of the first and the last samples, and at the ends of time.
fn check_moments(store: &Embedded, model: &Model) {
    let channels: Vec<ChannelId> = (0..6).map(ChannelId).collect();
    let times: Vec<i64> = model.samples.keys().map(|(_, time)| time.micros()).collect();
    let some = times.iter().take(8).chain(times.iter().rev().take(8)).flat_map(|time| [time - 1, *time, time + 1]);
    for moment in some.chain([i64::MIN, i64::MAX]).map(at) {
        for (channel, then) in channels.iter().zip(store.moment(&channels, moment)) {
            let then = then.unwrap();
            let by_then = || model.samples.range((*channel, ALWAYS.0)..=(*channel, moment)).rev();
            let told = then.newest.map(|newest| (newest.observed_at, newest.value.to_bits(), newest.quality));
            let newest = by_then().next().map(|((_, time), (bits, quality))| (*time, *bits, *quality));
            assert_eq!(told, newest, "channel {channel} at {moment}");
            let valid = by_then().find(|(_, (_, quality))| !quality.has(Quality::FAULT)).map(|((_, time), _)| *time);
            let is_near =
                |time: &Timestamp| newest.is_some_and(|(newest, ..)| newest.since(*time).as_secs() < 32 * 86_400);
            assert_eq!(then.valid_at.filter(is_near), valid.filter(is_near), "channel {channel} at {moment}");
        }
    }
}

fn check(store: &Embedded, entries: &[Entry]) {
    let model = Model::of(entries);
    assert_eq!(store.stored_counts(), model.counts);
    assert_eq!(store.begins_at(), model.samples.keys().map(|(_, time)| *time).min());
    check_moments(store, &model);
    for channel in (0..6).map(ChannelId) {
        check_tallies(store, &model, channel);
        let replaced: Vec<_> =
            model.earlier.iter().filter(|(of, _)| *of == channel).map(|(_, earlier)| *earlier).collect();
        assert_eq!(store.earlier(channel, ALWAYS.0, ALWAYS.1).unwrap(), replaced);
        let all = model.range(channel, ALWAYS.0, ALWAYS.1);
        assert_eq!(read(store, channel, ALWAYS), all, "channel {channel}");
        assert_eq!(
            store.last(channel).unwrap().map(|last| (last.observed_at, last.value.to_bits(), last.quality)),
            all.last().copied()
        );
        for (time, bits, _) in &all {
            assert_eq!(store.contains(channel, *time).unwrap().map(f64::to_bits), Some(*bits));
        }
        for (time, ..) in all.iter().take(5) {
            let next = at(time.micros() + 1);
            let expected = model.samples.get(&(channel, next)).map(|(bits, _)| *bits);
            assert_eq!(store.contains(channel, next).unwrap().map(f64::to_bits), expected);
        }
        if let [first, .., last] = &all[..] {
            let (from, to) = (at(first.0.micros() + 1), last.0);
            assert_eq!(read(store, channel, (from, to)), model.range(channel, from, to));
        }
    }
    let letters: Vec<_> = model.letters.into_iter().rev().collect();
    let mut found = Vec::new();
    let mut before = None;
    loop {
        let page = store.dead_letters(before, 3, &DeadLetterFilter::default()).unwrap();
        assert_eq!(page.damaged, []);
        found.extend(page.letters);
        before = page.before;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(found, letters);
    assert_eq!(store.dead_letter_totals().count, letters.len() as u64);
    for letter in letters {
        assert_eq!(store.dead_letter(letter.id).unwrap(), Some(letter));
    }
}

#[derive(Clone, Debug)]
enum Step {
    Apply(Vec<Vec<(u32, i64, f64)>>),
    /// Offers again what was applied before, with the new.
    Repeat(u64),
    /// Comes while what came before is being written; with a refused message at its end.
    Aside(Vec<Vec<(u32, i64, f64)>>, bool),
    Refuse(u16),
    Flush,
    /// Time passes, by days.
    Tick(i64),
    Settle(usize),
    Crash,
}

fn any_step() -> impl Strategy<Value = Step> {
    let seconds = prop_oneof![
        6 => 0i64..200,                                    // now, in any order, corrections included
        2 => (0i64..200).prop_map(|s| s - 60 * 86_400),    // 60 days late
        1 => -100i64..100,                                 // around midnight
        1 => (0i64..100).prop_map(|s| s * 40_000 - 2_000_000_000_000), // far apart, before 1970
    ];
    let sample = (0u32..6, seconds, -500i64..500).prop_map(|(channel, seconds, tenths)| {
        let value = if channel == 5 { tenths as f64 / 3.0 } else { tenths as f64 / 10.0 };
        (channel, TODAY + seconds * 1_000_000, value)
    });
    let message = prop::collection::vec(sample, 0..12);
    let aside = (prop::collection::vec(message.clone(), 1..8), any::<bool>());
    prop_oneof![
        8 => prop::collection::vec(message, 1..8).prop_map(Step::Apply),
        1 => (1u64..20).prop_map(Step::Repeat),
        1 => (0u16..3).prop_map(Step::Refuse),
        2 => Just(Step::Flush),
        4 => aside.prop_map(|(messages, is_refused)| Step::Aside(messages, is_refused)),
        1 => (0i64..4).prop_map(Step::Tick),
        2 => (0usize..300).prop_map(Step::Settle),
        2 => Just(Step::Crash),
    ]
}

fn parts(store: &mut Embedded) -> &mut Parts {
    Arc::get_mut(&mut store.parts).expect("nothing is being written")
}

/// Messages as entries from a number on.
fn entries(next: u64, messages: Vec<Vec<(u32, i64, f64)>>) -> Vec<Entry> {
    let entry = |(samples, seq): (Vec<(u32, i64, f64)>, u64)| {
        let samples = samples.into_iter().map(|(channel, at, value)| sample(channel, at, value));
        message(seq, (seq % 3) as u16, samples.collect())
    };
    messages.into_iter().zip(next..).map(entry).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]
    #[test]
    fn any_history_with_crashes_is_the_history_without(
        steps in prop::collection::vec(any_step(), 1..25), tight in any::<bool>(), rests in any::<bool>(),
    ) {
        let directory = TempDir::new().unwrap();
        let open = || {
            let config = Config { settle_after_s: if rests { 86_400 } else { 0 }, ..small() };
            let mut store = Embedded::open(directory.path(), &config).unwrap();
            parts(&mut store).rollups.minutes_from = 5;
            if tight {
                // Too little for all that could be absorbed.
                parts(&mut store).bounds.rewritten_per_sample = 0;
                parts(&mut store).bounds.rewritten_least = 9;
            }
            store
        };
        let mut store = open();
        let mut journal: Vec<Entry> = Vec::new();
        for step in steps {
            let next = journal.len() as u64 + 1;
            match step {
                Step::Apply(messages) => {
                    journal.extend(entries(next, messages));
                    store.apply(&journal[next as usize - 1..]).unwrap();
                }
                Step::Repeat(back) => store.apply(&journal[journal.len().saturating_sub(back as usize)..]).unwrap(),
                Step::Refuse(source) => {
                    journal.push(refused(next, source, Reason::InvalidJson, vec![0xff; 30]));
                    store.apply(&journal[next as usize - 1..]).unwrap();
                }
                Step::Flush => {
                    store.flush().unwrap();
                    prop_assert_eq!(store.checkpoint(), Seq(next - 1));
                }
                Step::Tick(days) => {
                    let received_at = at(TODAY + days * DAY_MICROS);
                    journal.push(Entry { seq: Seq(next), received_at, body: Body::Tick });
                    store.apply(&journal[next as usize - 1..]).unwrap();
                }
                Step::Aside(messages, is_refused) => {
                    // As while another thread writes: the next head fills and answers beside the one before it.
                    let spare = store.aside.lock().spare.take();
                    store.heads.write().freeze(spare);
                    journal.extend(entries(next, messages));
                    if is_refused {
                        journal.push(refused(journal.len() as u64 + 1, 1, Reason::InvalidJson, vec![0xfe; 30]));
                    }
                    let mut rest = &journal[next as usize - 1..];
                    while !rest.is_empty() {
                        rest = &rest[store.take(rest).0..];
                    }
                    check(&store, &journal);
                    let spare = store.write().unwrap();
                    store.aside.lock().spare = spare;
                }
                Step::Settle(samples) => {
                    store.settle(samples).unwrap();
                }
                Step::Crash => {
                    let before = store.checkpoint();
                    drop(store);
                    store = open();
                    prop_assert_eq!(store.checkpoint(), before);
                    check(&store, &journal[..before.0 as usize]);
                    store.apply(&journal[before.0 as usize..]).unwrap();
                }
            }
            check(&store, &journal);
        }
    }
}

#[test]
fn entries_that_were_never_given_are_not_waited_for() {
    let directory = TempDir::new().unwrap();
    let store = Embedded::open(directory.path(), &Config::default()).unwrap();
    store.apply(&[message(5, 0, vec![sample(0, TODAY, 1.0)]), message(9, 0, vec![sample(0, TODAY, 2.0)])]).unwrap();
    assert_eq!(store.applied(), Seq(9));
    assert_eq!(store.contains(ChannelId(0), at(TODAY)).unwrap(), Some(2.0));
}

#[test]
fn a_reader_misses_nothing_and_sees_nothing_twice_while_the_store_applies_and_settles() {
    const SAMPLES: u64 = 6_000;
    let directory = TempDir::new().unwrap();
    let config = Config { flush_samples: 70, settle_after_s: 0, ..Config::default() };
    let mut store = Embedded::open(directory.path(), &config).unwrap();
    parts(&mut store).limits.aside = 0;
    let done = AtomicBool::new(false);
    let channel = ChannelId(1);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0u64;
            while !done.load(Ordering::Acquire) || reads == 0 {
                let before = store.applied().0;
                let seen = read(&store, channel, ALWAYS);
                let after = store.applied().0;
                assert!((before..=after).contains(&(seen.len() as u64)), "{before} <= {} <= {after}", seen.len());
                assert!(seen.windows(2).all(|pair| pair[0].0 < pair[1].0));
                assert!(store.last(channel).unwrap().map_or(0, |last| last.value as u64) >= before);
                if let Some(probe) = before.checked_sub(1) {
                    let probe = at(TODAY + probe as i64 * 1_000_000 * 29);
                    assert!(store.contains(channel, probe).unwrap().is_some());
                }
                assert!(store.stored_counts().values().sum::<u64>() >= before);
                let hours = store.tallies(channel, Tier::Hour, ALWAYS.0, ALWAYS.1).unwrap();
                let tallied: u64 = hours.iter().map(|(_, tally)| tally.count + tally.flagged).sum();
                assert!(tallied >= before && tallied <= store.applied().0, "{before} <= {tallied}");
                reads += 1;
            }
        });
        for seq in 1..=SAMPLES {
            let time = TODAY + (seq as i64 - 1) * 1_000_000 * 29;
            let mut entry = message(seq, 0, vec![sample(1, time, seq as f64)]);
            entry.received_at = at(time);
            store.apply(&[entry]).unwrap();
            if seq % 50 == 0 {
                store.settle(1_000).unwrap();
            }
        }
        done.store(true, Ordering::Release);
        reader.join().unwrap();
    });
    assert_eq!(read(&store, channel, ALWAYS).len() as u64, SAMPLES);
}

/// Flips one bit of the greatest table file of a keyspace, so many twentieths from its beginning.
pub(super) fn spoil_a_block(directory: &Path, keyspace: &str, twentieth: usize) {
    let tables = directory.join("fjall/keyspaces").join(keyspace).join("tables");
    let files = std::fs::read_dir(tables).unwrap().map(|file| file.unwrap().path());
    let file = files.max_by_key(|file| file.metadata().unwrap().len()).unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    let place = bytes.len() / 20 * twentieth;
    bytes[place] ^= 1;
    std::fs::write(file, bytes).unwrap();
}

#[test]
fn another_versions_directory_is_refused_untouched() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("format");
    std::fs::write(&file, "saola store 1\n").unwrap();
    let told = Embedded::open(directory.path(), &Config::default()).err().unwrap().to_string();
    assert_eq!(told, format!("{} says \"saola store 1\", not \"saola store 3\"", file.display()));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(directory.path().join("fjall")).unwrap();
    assert!(matches!(Embedded::open(directory.path(), &Config::default()), Err(StoreError::Format { .. })));
}

#[test]
fn a_setting_that_cannot_be_used_is_named() {
    let directory = TempDir::new().unwrap();
    let config = Config { flush_samples: 0, ..Config::default() };
    let told = Embedded::open(directory.path(), &config).err().unwrap().to_string();
    assert_eq!(told, "store.flush_samples must be 1 to 10000000");
}
