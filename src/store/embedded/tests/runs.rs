//! How runs are written: when, how many, and what becomes of those that were replaced.

use super::*;

#[test]
fn a_flush_is_due_by_samples_and_by_the_times_of_entries() {
    let directory = TempDir::new().unwrap();
    let mut store = Embedded::open(directory.path(), &small()).unwrap();
    parts(&mut store).limits.pause = Duration::ZERO;
    let full = (0..40).map(|second| sample(0, TODAY + second * 1_000_000, 1.0)).collect();
    store.apply(&[message(1, 0, full), message(2, 0, vec![sample(0, TODAY, 2.0)])]).unwrap();
    assert_eq!((store.checkpoint(), store.applied()), (Seq(1), Seq(2)));
    let tick =
        |seq, seconds: i64| Entry { seq: Seq(seq), received_at: at(TODAY + seconds * 1_000_000), body: Body::Tick };
    store.apply(&[tick(3, 899)]).unwrap();
    assert_eq!(store.checkpoint(), Seq(1));
    store.apply(&[tick(4, 901)]).unwrap();
    assert_eq!(store.checkpoint(), Seq(4));
    parts(&mut store).limits.pause = Duration::from_secs(3_600);
    store.apply(&[tick(5, 902), tick(6, 9_999)]).unwrap();
    assert_eq!(store.checkpoint(), Seq(4), "whoever catches up does not write for the age of entries alone");
}

#[test]
fn runs_of_a_day_stay_few_and_each_short_one_is_twice_the_next() {
    let directory = TempDir::new().unwrap();
    let store = Embedded::open(directory.path(), &Config::default()).unwrap();
    for seq in 1..=1_000u64 {
        let late = if seq % 7 == 0 { 30_000_000 } else { 0 };
        let samples = vec![sample(0, TODAY + seq as i64 * 60_000_000 - late, 21.0)];
        store.apply(&[message(seq, 0, samples)]).unwrap();
        store.flush().unwrap();
        let mut counts = Vec::new();
        for guard in store.tables.database.snapshot().prefix(&store.tables.history, Table::Runs.prefix()) {
            counts.push(run::count(&guard.into_inner().unwrap().1).unwrap());
        }
        assert_eq!(counts.iter().sum::<usize>(), seq as usize);
        let of_short_ones = |pair: &[usize]| pair[0] >= 128 || pair[0] >= 2 * pair[1];
        assert!(counts.windows(2).all(of_short_ones), "{counts:?}");
        assert!(counts.len() <= 8 + seq as usize / 128, "{counts:?}");
    }
}

#[test]
fn channels_left_out_for_want_of_budget_come_first_next_time() {
    let directory = TempDir::new().unwrap();
    let mut store = Embedded::open(directory.path(), &Config::default()).unwrap();
    let bounds = &mut parts(&mut store).bounds;
    (bounds.rewritten_per_sample, bounds.rewritten_least) = (0, 4);
    let runs = |store: &Embedded| -> Vec<u32> {
        let runs = store.tables.database.snapshot().prefix(&store.tables.history, Table::Runs.prefix());
        runs.map(|run| Key::from_bytes(&run.key().unwrap()).unwrap().channel.0).collect()
    };
    let expected = [vec![0, 1, 2, 3, 4, 5], vec![0, 1, 2, 3, 4, 4, 5, 5], vec![0, 0, 1, 1, 2, 2, 3, 3, 4, 5]];
    for (seq, expected) in (1..).zip(expected) {
        let samples = (0..6).map(|channel| sample(channel, TODAY + seq * 1_000_000, 1.0)).collect();
        store.apply(&[message(seq as u64, 0, samples)]).unwrap();
        store.flush().unwrap();
        assert_eq!(runs(&store), expected);
    }
}

/// What settling has replaced is given back while the store is open, not only at the next start.
#[test]
fn what_was_replaced_is_given_back_to_the_disk_at_once() {
    let directory = TempDir::new().unwrap();
    let config = Config { settle_after_s: 0, write_buffer_bytes: 1 << 20, ..Config::default() };
    let store = Embedded::open(directory.path(), &config).unwrap();
    let mut noise = 7u64;
    let mut value = || {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (noise >> 40) as f64 / 16_777_216.0
    };
    for seq in 1..=400u64 {
        let at = TODAY + seq as i64 * 100_000_000;
        store
            .apply(&[message(
                seq,
                0,
                (0..2_000).map(|n| sample(n % 4, at + i64::from(n / 4) * 1_000, value())).collect(),
            )])
            .unwrap();
        if seq % 20 == 0 {
            store.flush().unwrap();
        }
    }
    let later = Entry { seq: Seq(401), received_at: at(TODAY + 9 * DAY_MICROS), body: Body::Tick };
    store.apply(&[later]).unwrap();
    store.flush().unwrap();
    while store.settle(100_000).unwrap() == Settling::More {}
    let tables = directory.path().join("fjall/keyspaces");
    let on_disk = || -> u64 {
        let mut folders = vec![tables.clone()];
        let mut bytes = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().flatten() {
                match entry.metadata() {
                    Ok(found) if found.is_dir() => folders.push(entry.path()),
                    found => bytes += found.map_or(0, |found| found.len()),
                }
            }
        }
        bytes
    };
    // The engine may be merging still, and both are there then.
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let (bytes, of_tables) = (on_disk(), store.status().table_bytes);
        assert!(of_tables > 1 << 20, "{of_tables}");
        if bytes < of_tables + of_tables / 4 {
            break;
        }
        assert!(Instant::now() < deadline, "{bytes} on disk for {of_tables} of tables");
        std::thread::yield_now();
    }
}
