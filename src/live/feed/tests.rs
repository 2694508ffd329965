use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn station(no: u32) -> Change {
    Change::Station(StationNo(no))
}

fn alert(name: &str) -> Change {
    Change::Alert(AlertId(name.into()))
}

fn publish(feed: &Feed, changes: &[(u64, Change)]) {
    let mut changes: Vec<_> = changes.iter().map(|(seq, change)| (Seq(*seq), change.clone())).collect();
    let through = changes.last().map_or(Seq(0), |(seq, _)| *seq);
    feed.publish(through, None, &mut changes);
    assert!(changes.is_empty());
}

fn check(feed: &Feed, cursor: u64, expected: Option<&[(u64, Change)]>) {
    let expected = match expected {
        Some(lines) => Since::Changes(lines.iter().map(|(seq, change)| (Seq(*seq), change.clone())).collect()),
        None => Since::Resync,
    };
    assert_eq!(feed.since(Seq(cursor)), expected, "since {cursor}");
}

#[test]
fn a_reader_is_told_each_subject_once_with_its_newest_number() {
    let feed = Feed::new(10, Seq(4));
    publish(&feed, &[(5, station(1)), (5, station(2)), (6, alert("a")), (7, station(1)), (8, alert("a"))]);
    check(&feed, 4, Some(&[(5, station(2)), (7, station(1)), (8, alert("a"))]));
    check(&feed, 5, Some(&[(7, station(1)), (8, alert("a"))]));
    check(&feed, 8, Some(&[]));
    check(&feed, 99, Some(&[]));
    check(&feed, 3, None);
    assert_eq!(feed.latest(), Seq(8));
}

#[test]
fn a_cursor_older_than_the_window_resyncs() {
    let feed = Feed::new(2, Seq(0));
    publish(&feed, &[(1, station(1)), (2, station(2)), (3, station(3))]);
    check(&feed, 0, None);
    check(&feed, 1, Some(&[(2, station(2)), (3, station(3))]));
    // The station that fell out comes back as new.
    publish(&feed, &[(4, station(1))]);
    check(&feed, 1, None);
    check(&feed, 2, Some(&[(3, station(3)), (4, station(1))]));
}

#[test]
fn a_change_of_everything_resyncs_all_who_are_behind_it() {
    let feed = Feed::new(10, Seq(0));
    publish(&feed, &[(1, station(1))]);
    let mut changes = vec![(Seq(2), station(1)), (Seq(3), station(7)), (Seq(4), station(2))];
    feed.publish(Seq(5), Some(Seq(3)), &mut changes);
    check(&feed, 2, None);
    check(&feed, 3, Some(&[(4, station(2))]));
    assert_eq!(feed.latest(), Seq(5));
}

#[tokio::test]
async fn readers_are_woken_by_news_only() {
    let feed = Feed::new(10, Seq(0));
    let mut wake = feed.wake();
    feed.publish(Seq(1), None, &mut Vec::new());
    assert!(!wake.has_changed().unwrap());
    assert_eq!(feed.latest(), Seq(1), "a new reader begins here");
    publish(&feed, &[(2, station(1))]);
    wake.changed().await.unwrap();
    assert_eq!(*wake.borrow_and_update(), Seq(2));
}

proptest! {
    /// Against the obvious model: the newest number of each subject. A reader is never told less, unless to resync,
    /// and is not told to resync while the subjects it missed fit.
    #[test]
    fn nothing_is_missed(
        capacity in 1..12usize,
        steps in prop::collection::vec((0..3u64, 0..16u32), 1..200),
        cursors in prop::collection::vec(0..400u64, 1..20),
    ) {
        let feed = Feed::new(capacity, Seq(0));
        let mut newest = BTreeMap::new();
        let mut seq = 1;
        for (advance, subject) in steps {
            seq += advance;
            let change = if subject < 12 { station(subject) } else { alert(&subject.to_string()) };
            publish(&feed, &[(seq, change)]);
            newest.insert(subject, seq);
        }
        for cursor in cursors {
            let mut expected: Vec<u64> = newest.values().copied().filter(|seq| *seq > cursor).collect();
            expected.sort_unstable();
            match feed.since(Seq(cursor)) {
                Since::Changes(lines) => {
                    let found: Vec<u64> = lines.iter().map(|(seq, _)| seq.0).collect();
                    prop_assert_eq!(found, expected);
                }
                Since::Resync => {
                    let at_or_after = newest.values().filter(|seq| **seq >= cursor.max(1)).count();
                    prop_assert!(newest.len() > capacity && at_or_after >= capacity, "needless");
                }
            }
        }
        let lines = feed.lines.read();
        prop_assert!(lines.taken <= capacity && lines.slots.len() <= 2 * capacity + 1);
        prop_assert!(lines.of_alert.len() <= lines.taken);
    }
}
