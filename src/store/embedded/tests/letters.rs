//! Dead letters: their cap, their paging, and those that are handed in again.

use super::*;

#[test]
fn a_lowered_cap_of_dead_letters_is_reached_in_several_flushes() {
    let directory = TempDir::new().unwrap();
    let mut store = Embedded::open(directory.path(), &Config::default()).unwrap();
    let letters: Vec<_> = (1..=50).map(|seq| refused(seq, 0, Reason::WrongType, vec![1; 100])).collect();
    store.apply(&letters).unwrap();
    store.flush().unwrap();
    let bounds = &mut parts(&mut store).bounds;
    (bounds.letters_bytes, bounds.letters_dropped) = (1_000, 20);
    let mut dropped = Vec::new();
    for seq in 51..=54 {
        store.apply(&[message(seq, 0, Vec::new())]).unwrap();
        store.flush().unwrap();
        let totals = store.dead_letter_totals();
        assert_eq!(totals.count + totals.dropped, 50);
        dropped.push(totals.dropped);
    }
    assert_eq!(dropped[..2], [20, 40]);
    assert_eq!(dropped[2], dropped[3]);
    assert!(store.dead_letter_totals().bytes <= 1_000);
}

#[test]
fn a_letter_handed_in_again_is_gone_or_another_with_the_time_of_its_first_arrival() {
    let directory = TempDir::new().unwrap();
    let again = |seq, of, still_refused| {
        let mut entry = if still_refused {
            refused(seq, 0, Reason::Implausible, vec![of as u8])
        } else {
            message(seq, 0, vec![sample(0, TODAY + seq as i64, 1.0)])
        };
        if let Body::Message(message) = &mut entry.body {
            message.again = Some(crate::model::Again { of: Seq(of), first_at: at(TODAY + of as i64) });
        }
        entry
    };
    let kept = |store: &Embedded| {
        let page = store.dead_letters(None, 100, &DeadLetterFilter::default()).unwrap();
        let totals = store.dead_letter_totals();
        assert_eq!((totals.count, totals.dropped), (page.letters.len() as u64, 0));
        for gone in 1..=9 {
            let expected = page.letters.iter().find(|letter| letter.id == Seq(gone));
            assert_eq!(store.dead_letter(Seq(gone)).unwrap().as_ref(), expected, "{gone}");
        }
        page.letters.iter().map(|letter| (letter.id.0, letter.received_at)).collect::<Vec<_>>()
    };
    let first = |seq: i64| at(TODAY + seq);
    let store = Embedded::open(directory.path(), &Config::default()).unwrap();
    store.apply(&[refused(1, 0, Reason::WrongType, vec![1]), refused(2, 0, Reason::WrongType, vec![2])]).unwrap();
    store.flush().unwrap();
    // One letter on disk, one in memory; one of each is taken now.
    store.apply(&[refused(3, 0, Reason::WrongType, vec![3]), again(4, 1, false), again(5, 3, false)]).unwrap();
    assert_eq!(kept(&store), [(2, first(2))]);
    store.flush().unwrap();
    assert_eq!(kept(&store), [(2, first(2))]);
    // Refused again, twice: one letter, and its first time stays.
    store.apply(&[again(6, 2, true)]).unwrap();
    assert_eq!(kept(&store), [(6, first(2))]);
    store.flush().unwrap();
    assert_eq!(kept(&store), [(6, first(2))]);
    // Taken while it is being written.
    store.apply(&[refused(7, 0, Reason::WrongType, vec![7])]).unwrap();
    assert!(store.heads.write().freeze(None));
    store.take(&[again(8, 7, false)]);
    assert_eq!(kept(&store), [(6, first(2))]);
    store.write().unwrap();
    assert_eq!(kept(&store), [(6, first(2))]);
    store.flush().unwrap();
    assert_eq!(kept(&store), [(6, first(2))]);
    drop(store);
    let store = Embedded::open(directory.path(), &Config::default()).unwrap();
    assert_eq!(kept(&store), [(6, first(2))]);
}

#[test]
fn a_flood_of_dead_letters_is_flushed_and_paged_by_bytes() {
    let directory = TempDir::new().unwrap();
    let store = Embedded::open(directory.path(), &Config::default()).unwrap();
    let letters: Vec<_> = (1..=40).map(|seq| refused(seq, 0, Reason::WrongType, vec![1; 300_000])).collect();
    store.apply(&letters).unwrap();
    assert!(store.checkpoint() > Seq(0), "twelve megabytes do not stay in memory");
    let page = store.dead_letters(None, 1_000, &DeadLetterFilter::default()).unwrap();
    assert!((20..40).contains(&page.letters.len()), "a page is bounded");
    assert_eq!(page.before, page.letters.last().map(|letter| letter.id));
}

#[test]
fn dead_letters_are_filtered_paged_and_survive() {
    let directory = TempDir::new().unwrap();
    let store = Embedded::open(directory.path(), &Config::default()).unwrap();
    let reasons = [Reason::InvalidJson, Reason::UnknownStation, Reason::Implausible];
    let entries: Vec<_> =
        (1..=30).map(|seq| refused(seq, (seq % 2) as u16, reasons[seq as usize % 3], b"{\"x\":1}".to_vec())).collect();
    store.apply(&entries[..20]).unwrap();
    store.flush().unwrap();
    store.apply(&entries[20..]).unwrap();
    let ids = |store: &Embedded, before: Option<u64>, limit, filter: DeadLetterFilter| -> Vec<u64> {
        let page = store.dead_letters(before.map(Seq), limit, &filter).unwrap();
        page.letters.iter().map(|letter| letter.id.0).collect()
    };
    for _ in 0..2 {
        let all = DeadLetterFilter::default();
        assert_eq!(ids(&store, None, 4, all), [30, 29, 28, 27]);
        assert_eq!(ids(&store, Some(22), 4, all), [21, 20, 19, 18]);
        assert_eq!(ids(&store, Some(2), 4, all), [1]);
        let wanted = DeadLetterFilter { source: Some(SourceId(1)), reason: Some(Reason::UnknownStation), since: None };
        assert_eq!(ids(&store, None, 9, wanted), [25, 19, 13, 7, 1]);
        assert_eq!(store.dead_letter(Seq(31)).unwrap(), None);
        store.flush().unwrap();
    }
    drop(store);
    let store = Embedded::open(directory.path(), &Config::default()).unwrap();
    check(&store, &entries);
}

#[test]
fn the_oldest_dead_letters_are_dropped_at_the_cap_and_counted() {
    let directory = TempDir::new().unwrap();
    let config = Config { dead_letters_bytes: 20_000, ..Config::default() };
    let mut store = Embedded::open(directory.path(), &config).unwrap();
    for seq in 1..=100 {
        store.apply(&[refused(seq, 0, Reason::InvalidJson, vec![7; 1_000])]).unwrap();
        if seq % 9 == 0 {
            store.flush().unwrap();
        }
        if seq % 30 == 0 {
            let checkpoint = store.checkpoint().0;
            drop(store);
            store = Embedded::open(directory.path(), &config).unwrap();
            for again in checkpoint + 1..=seq {
                store.apply(&[refused(again, 0, Reason::InvalidJson, vec![7; 1_000])]).unwrap();
            }
        }
    }
    store.flush().unwrap();
    let totals = store.dead_letter_totals();
    assert_eq!(totals.count + totals.dropped, 100, "none is lost in silence");
    assert!(totals.bytes <= 20_000 && totals.count >= 15, "{totals:?}");
    let page = store.dead_letters(None, 100, &DeadLetterFilter::default()).unwrap();
    let kept: Vec<_> = page.letters.iter().map(|letter| letter.id.0).collect();
    assert_eq!(kept, (totals.dropped + 1..=100).rev().collect::<Vec<_>>());
    assert_eq!(store.dead_letter(Seq(1)).unwrap(), None);

    store.apply(&[refused(101, 0, Reason::InvalidJson, vec![7; 30_000])]).unwrap();
    store.flush().unwrap();
    assert_eq!(store.dead_letter_totals(), DeadLetterTotals { count: 0, bytes: 0, dropped: 101 });
}
