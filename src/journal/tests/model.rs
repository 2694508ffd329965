//! Random operations on a faulty disk against a list in memory: what was durable is there after any crash, in order,
//! exactly; nothing that was not written is ever there; ordinary crashes are never reported as damage.

use std::sync::Arc;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::faulty::{Faults, FaultyDisk};
use super::{Config, Log, Reader, Shared, message, received};
use crate::journal::frame::MARK_FRAME_BYTES;
use crate::journal::group::Group;
use crate::journal::log::CommitError;
use crate::journal::recover::recover;
use crate::journal::segment::HEADER_BYTES;
use crate::journal::verify::verify_on;
use crate::model::{Body, Entry, Message, RawCopy, Reason, Rejection, RuleFile, Seq, SourceId};

/// Seeds in an ordinary run; `SAOLA_MODEL_SEEDS` asks for another number, `SAOLA_MODEL_FIRST` begins elsewhere.
const SEEDS: u64 = 300;
const STEPS: usize = 120;

fn number_from(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn durable_entries_survive_every_crash() {
    let first = number_from("SAOLA_MODEL_FIRST", 1);
    for seed in first..first + number_from("SAOLA_MODEL_SEEDS", SEEDS) {
        let run = std::panic::catch_unwind(|| Run::new(seed).go());
        assert!(run.is_ok(), "seed {seed}: SAOLA_MODEL_FIRST={seed} SAOLA_MODEL_SEEDS=1 repeats it");
    }
}

fn config() -> Config {
    Config { segment_bytes: 8 << 10, cap_bytes: 96 << 10, buffer_bytes: 4096, company_wait_ms: 0 }
}

/// The journal while it is open, without its thread.
struct Opened {
    log: Log,
    shared: Arc<Shared>,
    reader: Reader,
    group: Group,
    /// A sync or a write failed: nothing may become durable any more.
    stopped: bool,
}

struct Run {
    disk: FaultyDisk,
    rng: SmallRng,
    /// Every entry that may be on disk or in the group; the first has number 1.
    entries: Vec<Entry>,
    /// Of these, so many are known to be durable.
    durable: usize,
    /// Every follower has passed so many.
    passed: usize,
    opened: Option<Opened>,
}

impl Run {
    fn new(seed: u64) -> Run {
        let disk = FaultyDisk::new(seed);
        let rng = SmallRng::seed_from_u64(seed ^ 0x5a01a);
        let mut run = Run { disk, rng, entries: Vec::new(), durable: 0, passed: 0, opened: None };
        run.open();
        run
    }

    fn go(mut self) {
        for _ in 0..STEPS {
            match self.rng.random_range(0..100) {
                0..40 => self.append(),
                40..70 => self.commit(),
                70..78 => self.read(),
                78..85 => self.pass(),
                85..88 => self.read_from_anywhere(),
                88..91 => self.open(),
                91..95 => self.crash(),
                95..97 => self.close(),
                _ => self.change_faults(),
            }
        }
        self.crash();
        self.disk.mend();
        self.open();
        let report = verify_on(&self.disk).unwrap();
        assert_eq!(report.damaged.list, []);
        // A torn group in a segment without entries stays until there is another segment.
        assert!(report.torn.is_none_or(|torn| torn.offset <= HEADER_BYTES + MARK_FRAME_BYTES as u64));
        if self.entries.len() > self.passed {
            assert_eq!(report.last, Seq(self.entries.len() as u64));
        }
    }

    fn body(&mut self) -> Body {
        let number = self.entries.len() as u64;
        match self.rng.random_range(0..20) {
            0 => Body::Tick,
            1 => Body::Rules(vec![RuleFile { name: "a.toml".to_owned(), text: "đồi\n".repeat(5) }]),
            2 => {
                let bytes = if self.rng.random_bool(0.05) { 12 << 10 } else { self.rng.random_range(0..2000) };
                let payload = (0..bytes).map(|_| self.rng.random()).collect();
                Body::Message(Message {
                    source: SourceId(7),
                    received: 1,
                    duplicates: 0,
                    samples: vec![],
                    rejections: vec![Rejection { reason: Reason::InvalidJson, detail: "byte 1".to_owned() }],
                    raw: Some(RawCopy { topic: "đồi/1".to_owned(), payload }),
                    unknown: Vec::new(),
                    again: None,
                })
            }
            _ => message(number),
        }
    }

    fn append(&mut self) {
        for _ in 0..self.rng.random_range(1..20) {
            let body = self.body();
            let Some(opened) = self.opened.as_mut().filter(|opened| !opened.stopped) else { return };
            let seq = Seq(self.entries.len() as u64 + 1);
            let received_at = received(seq.0);
            opened.group.push(seq, received_at, &body).unwrap();
            self.entries.push(Entry { seq, received_at, body });
        }
    }

    fn commit(&mut self) {
        let Some(opened) = self.opened.as_mut().filter(|opened| !opened.stopped && !opened.group.is_empty()) else {
            return;
        };
        match opened.log.commit(&mut opened.group) {
            Ok(()) => {
                self.durable = self.entries.len();
                assert_eq!(opened.log.durable(), Seq(self.durable as u64));
                opened.group.clear(1 << 20);
                opened.shared.publish(opened.log.durable());
            }
            Err(CommitError::Full | CommitError::NoSpace(_)) => {}
            Err(CommitError::Failed { .. }) => opened.stopped = true,
        }
    }

    fn read(&mut self) {
        let (entries, bytes) = (self.rng.random_range(1..200), self.rng.random_range(1..20_000));
        let Some(opened) = self.opened.as_mut() else { return };
        let from = opened.reader.after().0 as usize;
        let batch = opened.reader.next_batch(entries, bytes).unwrap();
        assert!(batch == self.entries[from..from + batch.len()], "entries after {from} come back as they were");
        assert!(from + batch.len() <= self.durable);
        assert!(!batch.is_empty() || from == self.durable, "caught up only at the end: {from} of {}", self.durable);
        assert_eq!(opened.reader.damaged().count, 0);
    }

    /// A reader that is no follower: it may have missed what everybody passed, and nothing else.
    fn read_from_anywhere(&mut self) {
        let after = Seq(self.rng.random_range(0..=self.durable as u64));
        let Some(opened) = self.opened.as_mut() else { return };
        let mut reader = Reader::new(Arc::clone(&opened.shared), after);
        let mut last = after.0 as usize;
        loop {
            let batch = reader.next_batch(50, 10_000).unwrap();
            let (Some(first), true) = (batch.first(), last < self.durable) else { break };
            let from = first.seq.0 as usize - 1;
            assert!(from == last || (last < self.passed && from <= self.passed), "{from} after {last}");
            assert!(batch == self.entries[from..from + batch.len()]);
            last = from + batch.len();
        }
        // When everything was passed there may be no segment left to tell what was missed.
        assert!(last == self.durable || self.passed == self.durable);
    }

    fn pass(&mut self) {
        let Some(opened) = self.opened.as_mut().filter(|opened| !opened.stopped) else { return };
        self.passed = self.rng.random_range(self.passed..=opened.reader.after().0 as usize);
        if opened.log.reclaim(Seq(self.passed as u64)).is_err() {
            opened.stopped = true;
        }
    }

    /// Ends the process (when there is one) without warning, and starts it again.
    fn open(&mut self) {
        self.opened = None;
        let mut recovered = recover(&self.disk);
        for _ in 0..10 {
            if recovered.is_ok() {
                break;
            }
            // The disk still fails; perhaps the power goes once more on the way.
            if self.rng.random_bool(0.3) {
                self.disk.crash();
            }
            recovered = recover(&self.disk);
        }
        if recovered.is_err() {
            self.disk.mend();
            recovered = recover(&self.disk);
        }
        let recovered = recovered.unwrap();
        let (last, recovery) = (recovered.last, recovered.recovery.clone());
        assert_eq!(recovery.damaged.list, [], "a crash is not damage");
        assert!(last.0 as usize >= self.durable, "{last} of {} durable entries", self.durable);
        assert!(last.0 as usize <= self.entries.len());
        assert!(recovery.oldest.0 as usize <= self.passed + 1, "{recovery:?}, passed {}", self.passed);
        for copy in self.disk.image().into_keys().filter(|name| name.ends_with(".damaged")) {
            super::Disk::remove(&self.disk, &copy).unwrap();
        }
        self.entries.truncate(last.0 as usize);
        self.durable = self.entries.len();
        let (log, segments) = Log::new(Arc::new(self.disk.clone()), &config(), recovered);
        let shared = Arc::new(Shared::new(&config(), segments, last));
        let reader = Reader::new(Arc::clone(&shared), Seq(self.passed as u64));
        self.opened = Some(Opened { log, shared, reader, group: Group::default(), stopped: false });
        // Everything that was not passed comes back.
        while self.opened.as_ref().is_some_and(|opened| (opened.reader.after().0 as usize) < self.durable) {
            self.read();
        }
    }

    fn crash(&mut self) {
        self.opened = None;
        self.disk.crash();
        self.open();
    }

    fn close(&mut self) {
        self.commit();
        if let Some(opened) = self.opened.as_mut().filter(|opened| !opened.stopped) {
            let _ = opened.log.close();
        }
        if self.rng.random_bool(0.5) { self.crash() } else { self.open() }
    }

    fn change_faults(&mut self) {
        match self.rng.random_range(0..4) {
            0 => self.disk.mend(),
            1 => self.disk.leave_space(self.rng.random_range(0..20_000)),
            _ => self.disk.set_faults(Faults {
                sync_fails: [0.0, 0.02, 0.3][self.rng.random_range(0..3)],
                write_fails: [0.0, 0.0, 0.05][self.rng.random_range(0..3)],
                short: [0.0, 0.2, 0.7][self.rng.random_range(0..3)],
            }),
        }
    }
}
