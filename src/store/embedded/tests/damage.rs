//! What is damaged is named, and hides no more than itself.

use super::*;

#[test]
fn a_damaged_run_is_named_and_the_rest_is_read_and_written() {
    let directory = TempDir::new().unwrap();
    let store = Embedded::open(directory.path(), &Config::default()).unwrap();
    let day = |day: i64, count: i64| (0..count).map(move |s| sample(0, TODAY + day * DAY_MICROS + s * 1_000_000, 1.0));
    store.apply(&[message(1, 0, day(0, 10).chain(day(1, 10)).chain(day(2, 10)).collect())]).unwrap();
    store.flush().unwrap();
    let key = Key { channel: ChannelId(0), day: Day::of(at(TODAY + DAY_MICROS)), number: 0 };
    let tables = &store.tables;
    let mut bytes = tables.history.get(key.to_bytes()).unwrap().unwrap().to_vec();
    bytes[5] ^= 1;
    tables.history.insert(key.to_bytes(), bytes).unwrap();

    let (good, bad): (Vec<_>, Vec<_>) = store.range(ChannelId(0), ALWAYS.0, ALWAYS.1).partition(Result::is_ok);
    assert_eq!(good.len(), 20);
    let told: Vec<_> = bad.into_iter().map(|bad| bad.unwrap_err().to_string()).collect();
    assert_eq!(told, ["samples of channel 0 on 2026-08-22 (run 0) are damaged: the checksum does not match"]);
    assert!(store.contains(ChannelId(0), at(TODAY + DAY_MICROS)).is_err());
    assert_eq!(store.contains(ChannelId(0), at(TODAY)).unwrap(), Some(1.0));

    let late = sample(0, TODAY + DAY_MICROS + 500, 5.0);
    store.apply(&[message(2, 0, vec![late])]).unwrap();
    store.flush().unwrap();
    assert_eq!(store.contains(ChannelId(0), late.observed_at).unwrap(), Some(5.0));
    assert_eq!(store.range(ChannelId(0), ALWAYS.0, ALWAYS.1).filter(Result::is_ok).count(), 21);
    assert_eq!(store.range(ChannelId(0), ALWAYS.0, ALWAYS.1).filter(Result::is_err).count(), 1);
    assert_eq!(
        store.last(ChannelId(0)).unwrap().map(|last| last.observed_at),
        Some(at(TODAY + 2 * DAY_MICROS + 9_000_000))
    );
}

#[test]
fn a_bad_block_of_the_engine_hides_no_more_than_itself() {
    const DAYS: i64 = 400;
    let directory = TempDir::new().unwrap();
    let store = Embedded::open(directory.path(), &Config::default()).unwrap();
    for channel in 0..3 {
        let value = |day: i64, place: i64| ((day * 60 + place) as f64).sqrt();
        let time = |day: i64, place: i64| TODAY + day * DAY_MICROS + place * 7_777_777;
        let day = |day| (0..60).map(move |place| sample(channel, time(day, place), value(day, place)));
        store.apply(&[message(u64::from(channel) + 1, 0, (0..DAYS).flat_map(day).collect())]).unwrap();
    }
    let letters: Vec<_> = (4..=2_003).map(|seq| refused(seq, 0, Reason::WrongType, seq.to_be_bytes().into())).collect();
    store.apply(&letters).unwrap();
    store.flush().unwrap();
    store.tables.history.rotate_memtable_and_wait().unwrap();
    // In the middle are runs, near the end letters.
    for twentieth in [8, 19] {
        spoil_a_block(directory.path(), &store.tables.history.id().to_string(), twentieth);
    }
    drop(store);
    let store = Embedded::open(directory.path(), &Config::default()).unwrap();
    let mut hidden = 0;
    for channel in 0..3 {
        let (good, bad): (Vec<_>, Vec<_>) =
            store.range(ChannelId(channel), ALWAYS.0, ALWAYS.1).partition(Result::is_ok);
        let told: Vec<_> = bad.into_iter().map(|bad| bad.unwrap_err().to_string()).collect();
        // Runs of the channels in one span stand together.
        assert!(told.len() <= 1, "{told:?}");
        let names_it = |told: &String| told.starts_with(&format!("samples of channel {channel} from 2027-"));
        assert!(told.iter().all(names_it), "{told:?}");
        assert_eq!(told.is_empty(), good.len() == 60 * DAYS as usize);
        hidden += DAYS as usize - good.len() / 60;
    }
    // A block of 8 KiB holds some twenty days.
    assert!((1..=40).contains(&hidden), "{hidden} days are hidden");

    let page = store.dead_letters(None, 5_000, &DeadLetterFilter::default()).unwrap();
    assert_eq!((page.damaged.len(), page.before), (1, None));
    assert!((1_800..2_000).contains(&page.letters.len()), "{} letters", page.letters.len());
    assert_eq!((page.letters[0].id, page.letters[page.letters.len() - 1].id), (Seq(2_003), Seq(4)));
}
