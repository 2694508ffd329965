//! Measures; run with `cargo nextest run --release --run-ignored only journal::tests::bench --no-capture`.

use std::time::{Duration, Instant};

use super::*;

const ENTRIES: u64 = 4_000_000;

fn messages() -> Vec<Body> {
    (0..1000).map(message).collect()
}

fn sleep_until_room(journal: &Journal) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(journal.room());
}

#[test]
#[ignore = "measures"]
fn appends_and_reads_per_second() {
    let dir = tempfile::tempdir_in(std::env::var("SAOLA_BENCH_DIR").unwrap_or("/var/tmp".to_owned())).unwrap();
    let (journal, _) = Journal::open(dir.path(), &Config::default()).unwrap();
    let messages = messages();
    for round in ["new files", "recycled files"] {
        let follower = journal.follower("bench", journal.status().durable).unwrap();
        let (started, mut last) = (Instant::now(), Seq(0));
        for number in 0..ENTRIES {
            if number % 64 == 0 && !journal.has_room() {
                sleep_until_room(&journal);
            }
            last = journal.append(received(number), &messages[number as usize % 1000]).unwrap();
        }
        wait_durable(&journal, last);
        let rate = ENTRIES as f64 / started.elapsed().as_secs_f64();
        println!("append to durable, closed loop, {round}: {rate:.0} records/s");
        let started = Instant::now();
        let mut reader = journal.reader(Seq(last.0 - ENTRIES));
        let mut read = 0;
        while read < ENTRIES {
            read += reader.next_batch(4096, 1 << 20).unwrap().len() as u64;
        }
        println!("read and decode: {:.0} records/s", read as f64 / started.elapsed().as_secs_f64());
        follower.passed(last);
    }
}

#[test]
#[ignore = "measures"]
fn time_to_durable_at_a_steady_rate() {
    let dir = tempfile::tempdir_in(std::env::var("SAOLA_BENCH_DIR").unwrap_or("/var/tmp".to_owned())).unwrap();
    let (journal, _) = Journal::open(dir.path(), &Config::default()).unwrap();
    let messages = messages();
    for rate in [100_u64, 20_000, 200_000] {
        let mut waits = Vec::new();
        let mut pending: std::collections::VecDeque<(Seq, Instant)> = std::collections::VecDeque::new();
        let (durable, started, mut sent) = (journal.durable(), Instant::now(), 0);
        while started.elapsed() < Duration::from_secs(3) {
            let due = started.elapsed().as_micros() as u64 * rate / 1_000_000;
            if sent < due {
                let mut last = Seq(0);
                for number in sent..due {
                    last = journal.append(received(number), &messages[number as usize % 1000]).unwrap();
                }
                sent = due;
                pending.push_back((last, Instant::now()));
            }
            let through = durable.borrow().through;
            while pending.front().is_some_and(|(seq, _)| *seq <= through) {
                waits.extend(pending.pop_front().map(|(_, at)| at.elapsed()));
            }
            std::thread::yield_now();
        }
        waits.sort();
        let at = |part: usize| waits[waits.len() * part / 1000];
        println!("{rate} records/s: to durable p50 {:?}, p99 {:?}, p99.9 {:?}", at(500), at(990), at(999));
    }
}
