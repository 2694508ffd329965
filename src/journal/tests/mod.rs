//! Tests of the journal as a whole.

mod bench;
mod codec;
mod damage;
mod faulty;
mod model;
mod service;

use super::*;
use crate::model::{ChannelId, Entry, Message, Quality, Sample, SourceId, TimeClass};

fn message(number: u64) -> Body {
    let sample = Sample {
        channel: ChannelId(number as u32),
        observed_at: Timestamp::from_seconds(1_700_000_000 + number as i64),
        value: number as f64 / 10.0,
        quality: Quality::GOOD,
        time_class: TimeClass::Live,
    };
    Body::Message(Message {
        source: SourceId(0),
        received: 1,
        duplicates: 0,
        samples: vec![sample],
        rejections: vec![],
        raw: None,
        unknown: Vec::new(),
        again: None,
    })
}

fn received(number: u64) -> Timestamp {
    Timestamp::from_seconds(1_700_000_001 + number as i64)
}

fn small() -> Config {
    Config { segment_bytes: 16 << 10, cap_bytes: 1 << 20, buffer_bytes: 4096, company_wait_ms: 0 }
}

/// Waits until the journal is durable through `seq`; a deadline keeps a fault from hanging the test.
fn wait_durable(journal: &Journal, seq: Seq) {
    let mut durable = journal.durable();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let reached = durable.wait_for(|durable| durable.through >= seq);
    runtime
        .block_on(async { tokio::time::timeout(std::time::Duration::from_secs(20), reached).await })
        .expect("durable in time")
        .expect("journal open");
}

fn read_all(journal: &Journal, after: Seq) -> Vec<Entry> {
    let mut reader = journal.reader(after);
    let mut all = Vec::new();
    loop {
        let batch = reader.next_batch(100, 1 << 20).unwrap();
        if batch.is_empty() {
            return all;
        }
        all.extend(batch);
    }
}

#[test]
fn entries_come_back_in_order_also_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/journal");
    let mut expected = Vec::new();
    for _ in 0..3 {
        let (journal, recovery) = Journal::open(&path, &small()).unwrap();
        assert_eq!(recovery.last, Seq(expected.len() as u64));
        assert_eq!(recovery.damaged, Damages::default());
        assert_eq!(recovery.torn, None);
        for _ in 0..1000 {
            let number = expected.len() as u64;
            let seq = journal.append(received(number), &message(number)).unwrap();
            expected.push(Entry { seq, received_at: received(number), body: message(number) });
        }
        wait_durable(&journal, Seq(expected.len() as u64));
        assert!(read_all(&journal, Seq(0)) == expected);
        assert!(read_all(&journal, Seq(1500)) == expected.get(1500..).unwrap_or_default());
        assert!(verify(&path).unwrap().records == expected.len() as u64);
        journal.close().unwrap();
        assert!(matches!(journal.append(received(0), &Body::Tick), Err(AppendError::Stopped)));
        assert!(matches!(Journal::open(&path, &small()), Err(JournalError::InUse { .. })));
    }
    let report = verify(&path).unwrap();
    assert_eq!((report.records, report.damaged.count, report.torn), (3000, 0, None));
    assert_eq!(inspect(&path, Seq(2990), 5).unwrap(), expected[2989..2994]);
}

#[test]
fn passed_segments_go_and_are_recycled() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), &small()).unwrap();
    let slow = journal.follower("slow", Seq(0)).unwrap();
    let quick = journal.follower("quick", Seq(0)).unwrap();
    for number in 0..20_000 {
        let seq = journal.append(received(number), &message(number)).unwrap();
        if number % 100 == 99 {
            wait_durable(&journal, seq);
            quick.passed(seq);
            slow.passed(Seq(seq.0.saturating_sub(1000)));
        }
    }
    let status = journal.status();
    assert!(status.segments < 8, "{status:?}");
    assert!(status.oldest > Seq(17_000), "{status:?}");
    let all = read_all(&journal, Seq(19_000));
    assert_eq!(all.len(), 1000);
    journal.close().unwrap();
    let report = verify(dir.path()).unwrap();
    assert_eq!((report.damaged.count, report.last), (0, Seq(20_000)));
}
