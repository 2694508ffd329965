//! The journal with its thread: failed syncs, full disks, the cap, followers, closing.

use std::sync::Arc;
use std::time::Duration;

use super::faulty::FaultyDisk;
use super::*;

/// Waits, without a clock of its own beyond the deadline, until the status is as wanted.
fn wait_status(journal: &Journal, wanted: impl Fn(&Status) -> bool) -> Status {
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    loop {
        let status = journal.status();
        if wanted(&status) {
            return status;
        }
        assert!(std::time::Instant::now() < deadline, "{status:?}");
        std::thread::yield_now();
    }
}

fn append(journal: &Journal, count: u64) -> Seq {
    let mut last = Seq(0);
    for _ in 0..count {
        let number = journal.status().appended.0 + 1;
        last = journal.append(received(number), &message(number)).unwrap();
    }
    last
}

fn has_room_soon(journal: &Journal) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime
        .block_on(async { tokio::time::timeout(Duration::from_secs(20), journal.room()).await })
        .expect("room in time");
}

#[test]
fn after_a_failed_sync_nothing_becomes_durable_until_a_restart() {
    for good in 0..12 {
        let disk = FaultyDisk::new(good);
        let (journal, _) = Journal::open_on(Arc::new(disk.clone()), &small()).unwrap();
        disk.fail_syncs_after(good as u32);
        let mut durable = Seq(0);
        let failed = loop {
            match journal.append(received(1), &message(1)) {
                Ok(seq) => {
                    let status = wait_status(&journal, |status| status.failed || status.durable >= seq);
                    durable = durable.max(status.durable);
                }
                Err(error) => break error,
            }
        };
        assert!(matches!(failed, AppendError::Stopped));
        // Everything works again, and still nothing is taken.
        disk.mend();
        assert!(matches!(journal.append(received(1), &message(1)), Err(AppendError::Stopped)));
        assert!(journal.has_room());
        has_room_soon(&journal);
        assert_eq!(*journal.durable().borrow(), Durable { through: durable, failed: true });
        assert_eq!(read_all(&journal, Seq(0)).len() as u64, durable.0);
        assert!(matches!(journal.close(), Err(JournalError::Unwritten { entries: 1.. })) || good == 0);
        drop(journal);
        disk.crash();
        let (journal, recovery) = Journal::open_on(Arc::new(disk.clone()), &small()).unwrap();
        assert!(recovery.last >= durable, "{} of {durable}", recovery.last);
        assert_eq!(recovery.damaged.count, 0);
        let last = append(&journal, 3);
        wait_durable(&journal, last);
    }
}

#[test]
fn a_full_disk_stops_acknowledging_and_recovers_by_itself() {
    let disk = FaultyDisk::new(1);
    let (journal, _) = Journal::open_on(Arc::new(disk.clone()), &small()).unwrap();
    let mut expected = append(&journal, 10);
    wait_durable(&journal, expected);
    for cycle in 0..20 {
        disk.leave_space(cycle * 100);
        // Within a segment there may still be room for a while.
        let status = loop {
            expected = append(&journal, 1);
            let status = wait_status(&journal, |status| status.no_space || status.durable == expected);
            if status.no_space {
                break status;
            }
        };
        assert!(!status.failed && !status.full && status.durable < expected);
        assert!(!journal.has_room());
        assert_eq!(*journal.durable().borrow(), Durable { through: status.durable, failed: false });
        disk.mend();
        has_room_soon(&journal);
        wait_durable(&journal, expected);
    }
    assert_eq!(read_all(&journal, Seq(0)).len() as u64, expected.0);
    journal.close().unwrap();
    assert_eq!(verify::verify_on(&disk).unwrap().records, expected.0);
}

#[test]
fn at_its_cap_it_waits_for_the_slowest_follower() {
    let disk = FaultyDisk::new(1);
    let config = Config { cap_bytes: 64 << 10, ..small() };
    let (journal, _) = Journal::open_on(Arc::new(disk.clone()), &config).unwrap();
    let slow = journal.follower("slow", Seq(0)).unwrap();
    let quick = journal.follower("quick", Seq(0)).unwrap();
    let (status, last) = loop {
        let last = append(&journal, 10);
        let status = wait_status(&journal, |status| status.full || status.durable == last);
        if status.full {
            break (status, last);
        }
    };
    assert!(!status.failed && !journal.has_room());
    assert!(status.bytes <= config.cap_bytes);
    quick.passed(status.durable);
    assert!(journal.status().full);
    slow.passed(Seq(status.durable.0 / 2));
    has_room_soon(&journal);
    wait_durable(&journal, last);
    assert!(journal.status().oldest > Seq(1));
    assert!(journal.status().oldest <= Seq(status.durable.0 / 2 + 1));
    // A dropped follower still holds what it has not passed.
    drop(slow);
    quick.passed(last);
    assert_eq!(
        journal.status().followers,
        [("quick".to_owned(), last), ("slow".to_owned(), Seq(status.durable.0 / 2))]
    );
}

#[test]
fn closing_while_the_disk_is_full_says_what_is_lost() {
    let disk = FaultyDisk::new(1);
    let (journal, _) = Journal::open_on(Arc::new(disk.clone()), &small()).unwrap();
    disk.leave_space(0);
    append(&journal, 7);
    wait_status(&journal, |status| status.no_space);
    append(&journal, 3);
    assert!(matches!(journal.close(), Err(JournalError::Unwritten { entries: 10 })));
    assert!(journal.close().is_ok());
}

#[test]
fn a_follower_ahead_of_a_lost_journal_moves_the_numbers_on() {
    let disk = FaultyDisk::new(1);
    let (journal, _) = Journal::open_on(Arc::new(disk.clone()), &small()).unwrap();
    let state = journal.follower("state", Seq(90)).unwrap();
    let store = journal.follower("store", Seq(100)).unwrap();
    assert_eq!(append(&journal, 1), Seq(101));
    wait_durable(&journal, Seq(101));
    let mut reader = journal.reader(Seq(100));
    assert_eq!(reader.next_batch(10, 1000).unwrap().len(), 1);
    assert_eq!(reader.damaged().count, 0);
    assert!(matches!(journal.follower("late", Seq(102)), Err(JournalError::FollowerAhead { .. })));
    // The one that is behind misses what nobody has, and goes on.
    let mut reader = journal.reader(Seq(90));
    assert_eq!(reader.next_batch(10, 1000).unwrap().first().map(|entry| entry.seq), Some(Seq(101)));
    assert_eq!(reader.damaged().lost, 10);
    state.passed(Seq(101));
    store.passed(Seq(101));
    journal.close().unwrap();
}

#[test]
fn entries_of_many_threads_keep_each_thread_s_order() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { company_wait_ms: 1, ..small() };
    let (journal, _) = Journal::open(dir.path(), &config).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let journal = &journal;
            scope.spawn(move || {
                for number in 0..500 {
                    if !journal.has_room() {
                        has_room_soon(journal);
                    }
                    journal.append(received(thread), &message(thread * 1000 + number)).unwrap();
                }
            });
        }
        // One reads while the others write.
        let mut reader = journal.reader(Seq(0));
        let mut next = [0_u64; 4];
        while reader.after() < Seq(2000) {
            for entry in reader.next_batch(64, 4096).unwrap() {
                let thread = (entry.received_at.since(received(0)).as_secs()) as usize;
                assert_eq!(entry.body, message(thread as u64 * 1000 + next[thread]));
                next[thread] += 1;
            }
            std::thread::yield_now();
        }
        assert_eq!(next, [500; 4]);
    });
}

#[test]
fn an_entry_beyond_the_limit_is_refused_and_the_group_is_whole() {
    let disk = FaultyDisk::new(1);
    let (journal, _) = Journal::open_on(Arc::new(disk.clone()), &small()).unwrap();
    append(&journal, 2);
    let text = "x".repeat((64 << 20) + 1);
    let rules = Body::Rules(vec![crate::model::RuleFile { name: "a".to_owned(), text }]);
    assert!(matches!(journal.append(received(1), &rules), Err(AppendError::TooLarge { .. })));
    let last = append(&journal, 2);
    assert_eq!(last, Seq(4));
    wait_durable(&journal, last);
    assert_eq!(read_all(&journal, Seq(0)).len(), 4);
}

#[test]
fn files_are_the_owner_s_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new/journal");
    let (journal, _) = Journal::open(&path, &small()).unwrap();
    wait_durable(&journal, append(&journal, 1));
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    let files: Vec<_> = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1);
    assert_eq!(mode(&files[0]), 0o600);
    let refused = Journal::open(&path, &small()).err().unwrap().to_string();
    assert_eq!(refused, format!("the journal in {} is in use by another process", path.display()));
}

#[test]
fn settings_that_cannot_work_are_named() {
    let wrong = Config { segment_bytes: 1, cap_bytes: 1, buffer_bytes: 1, company_wait_ms: 5000 };
    let keys: Vec<&str> = wrong.mistakes().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["segment_bytes", "cap_bytes", "buffer_bytes", "company_wait_ms"]);
    assert_eq!(Config::default().mistakes(), []);
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(Journal::open(dir.path(), &wrong), Err(JournalError::Config { key: "segment_bytes", .. })));
    assert_eq!(toml::from_str::<Config>("").unwrap(), Config::default());
    assert!(toml::from_str::<Config>("segment_byte = 1").is_err());
}

#[test]
fn a_read_that_fails_costs_no_entry_and_repeats_none() {
    const ENTRIES: u64 = 4_000;
    let disk = FaultyDisk::new(1);
    let (journal, _) = Journal::open_on(Arc::new(disk.clone()), &small()).unwrap();
    // In groups, so that there are many segments: a single group is never divided.
    for _ in 0..20 {
        wait_durable(&journal, append(&journal, ENTRIES / 20));
    }
    let mut failures = 0;
    for good in 0..40 {
        let mut reader = journal.reader(Seq(0));
        let mut read = Vec::new();
        disk.fail_reads_after(good);
        loop {
            match reader.next_batch(1_000_000, usize::MAX) {
                Ok(batch) if batch.is_empty() => break,
                Ok(batch) => read.extend(batch),
                Err(_) => {
                    failures += 1;
                    disk.mend();
                }
            }
        }
        disk.mend();
        let numbers: Vec<u64> = read.iter().map(|entry| entry.seq.0).collect();
        assert!(numbers == (1..=ENTRIES).collect::<Vec<_>>(), "after {good} good reads");
        assert_eq!(reader.damaged(), &Damages::default());
    }
    assert!(failures > 5, "the reads that were made to fail were met {failures} times");
}
