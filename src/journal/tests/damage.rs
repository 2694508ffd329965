//! Bytes that are not as they were written: truncated, flipped, zeroed, missing, swapped, from the future, or noise.
//! Nothing panics, what is before the damage is kept, what is behind it too unless it is the torn end, and nothing
//! readable is deleted without a copy.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::faulty::FaultyDisk;
use super::*;
use crate::journal::frame::{FRAME_HEADER_BYTES, MARK_FRAME_BYTES};
use crate::journal::recover::recover;
use crate::journal::segment::HEADER_BYTES;
use crate::journal::verify::verify_on;

type Image = BTreeMap<String, Vec<u8>>;

/// Entries of one commit.
const GROUP: u64 = 5;

enum End {
    /// The process was killed after its last commit.
    Killed,
    Closed,
}

/// A journal of three segments or more, and its entries.
fn written(end: End) -> (Image, Vec<Entry>) {
    let disk = FaultyDisk::new(1);
    let config = Config { segment_bytes: 12 << 10, ..small() };
    let recovered = recover(&disk).unwrap();
    let (mut log, _) = Log::new(Arc::new(disk.clone()), &config, recovered);
    let mut group = crate::journal::group::Group::default();
    let mut entries = Vec::new();
    for number in 1..=420 {
        group.push(Seq(number), received(number), &message(number)).unwrap();
        entries.push(Entry { seq: Seq(number), received_at: received(number), body: message(number) });
        if number % GROUP == 0 {
            log.commit(&mut group).unwrap();
            group.clear(1 << 20);
        }
    }
    if matches!(end, End::Closed) {
        log.close().unwrap();
    }
    let image = disk.image();
    assert_eq!(image.len(), 3);
    (image, entries)
}

/// What opening this image leaves: the entries that can be read, what it says, and the image afterwards.
fn opened(image: &Image) -> (Vec<Entry>, Recovery, Image) {
    let disk = FaultyDisk::with_image(2, image);
    let before = verify_on(&disk).unwrap();
    assert!(disk.image() == *image, "verifying changes nothing");
    let recovered = recover(&disk).unwrap();
    let recovery = recovered.recovery.clone();
    let (_, segments) = Log::new(Arc::new(disk.clone()), &small(), recovered);
    let shared = Arc::new(Shared::new(&small(), segments, recovery.last));
    let mut reader = Reader::new(shared, Seq(recovery.oldest.0.saturating_sub(1)));
    let mut entries = Vec::new();
    loop {
        let batch = reader.next_batch(1000, 1 << 20).unwrap();
        if batch.is_empty() {
            break;
        }
        entries.extend(batch);
    }
    assert_eq!(entries.len() as u64, recovery.entries);
    assert_eq!(before.records, recovery.entries, "verifying and opening agree");
    assert_eq!(before.damaged.count, recovery.damaged.count);
    assert_eq!(
        before.torn.map(|torn| (torn.offset, torn.bytes)),
        recovery.torn.as_ref().map(|torn| (torn.offset, torn.bytes))
    );
    let missing = reader.damaged().lost;
    assert_eq!(missing, recovery.damaged.lost, "reading misses what opening says");
    (entries, recovery, disk.image())
}

fn last_file(image: &Image) -> String {
    image.keys().next_back().unwrap().clone()
}

/// Where the written part of a file ends.
fn end_of(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1
}

/// A changed byte may be in a copy or in the original, but every byte of the original is somewhere.
fn check_kept(image: &Image, after: &Image, file: &str, recovery: &Recovery) {
    if let Some(Torn { offset, bytes, copy: Some(copy), .. }) = &recovery.torn {
        let (from, to) = (*offset as usize, (*offset + *bytes) as usize);
        assert!(after[copy] == image[file][from..to.min(image[file].len())]);
        assert!(image[file][to..].iter().all(|byte| *byte == 0));
    }
}

#[test]
fn a_file_cut_anywhere_keeps_what_is_before() {
    let (image, entries) = written(End::Killed);
    let file = last_file(&image);
    let end = end_of(&image[&file]);
    // Every byte of the last records, and some before.
    for cut in (end - 4500..=end).rev().chain((0..end - 4500).step_by(97)) {
        let mut image = image.clone();
        image.get_mut(&file).unwrap().truncate(cut);
        let (kept, recovery, after) = opened(&image);
        assert!(kept == entries[..kept.len()], "cut at {cut}");
        assert!(recovery.torn.is_some() || kept.len().is_multiple_of(GROUP as usize), "cut at {cut}");
        check_kept(&image, &after, &file, &recovery);
        let least = entries.len().saturating_sub((end - cut).div_ceil(40) + GROUP as usize);
        assert!(kept.len() >= least, "cut at {cut} of {end}: {} entries", kept.len());
    }
}

#[test]
fn any_bit_of_the_last_record_flipped_costs_that_record() {
    let (image, entries) = written(End::Killed);
    let file = last_file(&image);
    let end = end_of(&image[&file]);
    for byte in end - 50..end {
        for bit in 0..8 {
            let mut image = image.clone();
            image.get_mut(&file).unwrap()[byte] ^= 1 << bit;
            let (kept, recovery, after) = opened(&image);
            assert!(kept == entries[..kept.len()]);
            assert!(kept.len() >= entries.len() - 2, "byte {byte} bit {bit}: {}", kept.len());
            assert!(recovery.torn.as_ref().is_some_and(|torn| torn.copy.is_some()));
            check_kept(&image, &after, &file, &recovery);
        }
    }
}

#[test]
fn after_closing_a_flipped_bit_costs_one_record_wherever_it_is() {
    let (image, entries) = written(End::Closed);
    let file = last_file(&image);
    let end = end_of(&image[&file]);
    for byte in end - 350..end - MARK_FRAME_BYTES {
        let mut image = image.clone();
        image.get_mut(&file).unwrap()[byte] ^= 0x10;
        let (kept, recovery, after) = opened(&image);
        assert!(kept.len() >= entries.len() - 1);
        assert_eq!(recovery.damaged.count, 1, "byte {byte}");
        assert_eq!(recovery.damaged.lost as usize, entries.len() - kept.len());
        assert_eq!(recovery.torn, None);
        assert!(entries.iter().filter(|entry| !kept.contains(entry)).count() <= 1);
        assert!(after[&file].starts_with(&image[&file][..end]));
    }
}

#[test]
fn zeros_from_anywhere_keep_what_is_before() {
    let (image, entries) = written(End::Killed);
    let file = last_file(&image);
    let end = end_of(&image[&file]);
    for from in (HEADER_BYTES as usize..end).step_by(11) {
        let mut image = image.clone();
        image.get_mut(&file).unwrap()[from..].fill(0);
        let (kept, recovery, _) = opened(&image);
        assert!(kept == entries[..kept.len()]);
        assert_eq!(recovery.damaged.count, 0);
    }
}

#[test]
fn flips_further_back_are_counted_and_cost_one_record_each() {
    let (image, entries) = written(End::Closed);
    let names: Vec<String> = image.keys().cloned().collect();
    let mut rng = SmallRng::seed_from_u64(3);
    for _ in 0..600 {
        let mut image = image.clone();
        let file = &names[rng.random_range(0..names.len())];
        let bytes = image.get_mut(file).unwrap();
        let byte = rng.random_range(HEADER_BYTES as usize..end_of(bytes) - MARK_FRAME_BYTES);
        bytes[byte] ^= 1 << rng.random_range(0..8);
        let (kept, recovery, _) = opened(&image);
        assert!(kept.len() >= entries.len() - 1, "{file} byte {byte}");
        assert_eq!(recovery.damaged.count, 1, "{file} byte {byte}");
        assert!(kept.iter().all(|entry| entries[entry.seq.0 as usize - 1] == *entry));
    }
}

#[test]
fn many_flips_never_invent_or_reorder() {
    let (image, entries) = written(End::Killed);
    let mut rng = SmallRng::seed_from_u64(4);
    for _ in 0..300 {
        let mut image = image.clone();
        let mut flipped = 0;
        for bytes in image.values_mut() {
            for _ in 0..rng.random_range(0..40) {
                let byte = rng.random_range(0..bytes.len());
                bytes[byte] ^= 1 << rng.random_range(0..8);
                flipped += 1;
            }
        }
        let (kept, _, _) = opened(&image);
        assert!(kept.is_sorted_by(|one, other| one.seq < other.seq));
        assert!(kept.iter().all(|entry| entries[entry.seq.0 as usize - 1] == *entry), "{flipped} flips");
    }
}

#[test]
fn a_missing_segment_is_reported_and_the_others_are_read() {
    let (image, entries) = written(End::Killed);
    let names: Vec<String> = image.keys().cloned().collect();
    let first = |name: &str| name[..20].parse::<u64>().unwrap();
    let (from, behind) = (first(&names[1]), first(&names[2]));
    let mut image = image;
    image.remove(&names[1]);
    let (kept, recovery, _) = opened(&image);
    let expected: Vec<Entry> = entries.iter().filter(|entry| !(from..behind).contains(&entry.seq.0)).cloned().collect();
    assert!(kept == expected);
    // The segment before it ends where its neighbour used to begin, so the loss is seen from there.
    assert_eq!((recovery.damaged.count, recovery.damaged.lost), (1, behind - from));
}

#[test]
fn swapped_segments_are_read_in_their_order() {
    let (image, entries) = written(End::Closed);
    let names: Vec<String> = image.keys().cloned().collect();
    let mut image = image;
    let (one, other) = (image[&names[0]].clone(), image[&names[1]].clone());
    image.insert(names[0].clone(), other);
    image.insert(names[1].clone(), one);
    let (kept, recovery, _) = opened(&image);
    assert!(kept == entries);
    assert_eq!(recovery.damaged.list.iter().filter(|damage| damage.what == Fault::Misnamed).count(), 2);
}

#[test]
fn a_header_is_read_from_its_copy_or_from_the_name() {
    let (image, entries) = written(End::Closed);
    let name = image.keys().nth(1).unwrap().clone();
    for (copies, what) in
        [(&[0][..], Fault::HeaderCopy), (&[2048][..], Fault::HeaderCopy), (&[0, 2048][..], Fault::Header)]
    {
        let mut image = image.clone();
        for copy in copies {
            image.get_mut(&name).unwrap()[*copy..copy + 64].fill(0x55);
        }
        let (kept, recovery, _) = opened(&image);
        assert!(kept == entries);
        assert_eq!(recovery.damaged.list, [Damage { file: name.clone(), offset: 0, what }]);
    }
}

#[test]
fn a_later_version_is_refused_and_nothing_is_touched() {
    let (mut image, _) = written(End::Killed);
    let file = last_file(&image);
    for at in [0, 2048] {
        let copy = &mut image.get_mut(&file).unwrap()[at..at + 64];
        copy[8..12].copy_from_slice(&(VERSION + 1).to_le_bytes());
        let check = crc32fast::hash(&copy[..60]);
        copy[60..].copy_from_slice(&check.to_le_bytes());
    }
    // A torn tail elsewhere must stay as it is, too.
    let first = image.keys().next().unwrap().clone();
    image.get_mut(&first).unwrap().truncate(5000);
    let disk = FaultyDisk::with_image(5, &image);
    let refused = recover(&disk).err().unwrap();
    assert!(matches!(&refused, JournalError::FutureVersion { version: 2, known: 1, .. }), "{refused}");
    assert!(matches!(verify_on(&disk), Err(JournalError::FutureVersion { .. })));
    assert!(disk.image() == image);
}

#[test]
fn a_recycled_file_never_gives_back_its_earlier_life() {
    // The whole of an earlier life stands behind the header and every group of the new one.
    let (old, _) = written(End::Killed);
    let old = old.values().next().unwrap().clone();
    let mut image = Image::new();
    image.insert("spare-00000001".to_owned(), old);
    let disk = FaultyDisk::with_image(6, &image);
    let (mut log, _) = Log::new(Arc::new(disk.clone()), &small(), recover(&disk).unwrap());
    let mut group = crate::journal::group::Group::default();
    for number in 1..=3 {
        group.push(Seq(number), received(number), &message(number + 100)).unwrap();
        log.commit(&mut group).unwrap();
        group.clear(1 << 20);
        let image = disk.image();
        assert_eq!(image.len(), 1);
        let (kept, recovery, _) = opened(&image);
        assert_eq!(kept.len() as u64, number);
        assert_eq!((recovery.torn, recovery.damaged.count), (None, 0));
    }
}

#[test]
fn a_hole_in_an_unfinished_group_ends_the_journal_and_never_comes_back() {
    let (mut image, entries) = written(End::Killed);
    let file = last_file(&image);
    let end = end_of(&image[&file]);
    // The second of the last group's entries; the three behind it are whole.
    let hole = end - 4 * 50;
    image.get_mut(&file).unwrap()[hole..hole + 20].fill(0);
    let (kept, recovery, after) = opened(&image);
    assert!(kept == entries[..kept.len()] && kept.len() >= entries.len() - GROUP as usize);
    assert!(recovery.torn.is_some_and(|torn| torn.copy.is_some()));
    // Their numbers are given out again.
    let disk = FaultyDisk::with_image(7, &after);
    let recovered = recover(&disk).unwrap();
    assert_eq!((recovered.last.0 as usize, &recovered.recovery.torn), (kept.len(), &None));
    let (mut log, _) = Log::new(Arc::new(disk.clone()), &small(), recovered);
    let mut group = crate::journal::group::Group::default();
    let next = kept.len() as u64 + 1;
    group.push(Seq(next), received(1), &Body::Tick).unwrap();
    log.commit(&mut group).unwrap();
    let (again, recovery, _) = opened(&disk.image());
    assert_eq!((again.len(), recovery.damaged.count), (kept.len() + 1, 0));
    assert_eq!(again.last().map(|entry| &entry.body), Some(&Body::Tick));
}

#[test]
fn entries_that_are_not_understood_are_skipped_and_counted() {
    use crate::journal::frame::{FRAME_HEADER_BYTES, seal};
    use crate::journal::segment::Header;
    let (mut image, entries) = written(End::Closed);
    let file = image.keys().next().unwrap().clone();
    let header = Header::from_name(&file).unwrap();
    // The first ten entries become of a kind that this version does not know, with checksums that hold.
    let bytes = image.get_mut(&file).unwrap();
    let (mut at, mut number) = (HEADER_BYTES as usize, 0);
    while number < 10 {
        let (frame, body) = bytes[at..].split_first_chunk_mut::<FRAME_HEADER_BYTES>().unwrap();
        let length = u32::from_le_bytes([frame[0], frame[1], frame[2], frame[3]]) as usize;
        let body = &mut body[..length];
        if body[0] != 0 {
            body[0] = 99;
            seal(header.salt, number, frame, body);
            number += 1;
        }
        at += FRAME_HEADER_BYTES + length;
    }
    let disk = FaultyDisk::with_image(9, &image);
    assert_eq!(verify_on(&disk).unwrap().damaged.lost, 10);
    let (journal, _) = Journal::open_on(Arc::new(disk), &small()).unwrap();
    let mut reader = journal.reader(Seq(0));
    // Even a batch of one byte is not empty while anything can be read.
    assert_eq!(reader.next_batch(1, 1).unwrap(), entries[10..11]);
    assert_eq!((reader.damaged().count, reader.damaged().lost), (10, 10));
}

#[test]
fn noise_is_survived() {
    let mut rng = SmallRng::seed_from_u64(8);
    let (whole, _) = written(End::Killed);
    for _ in 0..300 {
        let mut image = Image::new();
        for (name, bytes) in &whole {
            let mut bytes = bytes.clone();
            // Below the headers sometimes only, so that frames are looked for.
            let from = if rng.random_bool(0.5) { HEADER_BYTES as usize } else { 0 };
            let to = rng.random_range(from..=bytes.len());
            rng.fill(&mut bytes[from..to]);
            bytes.truncate(rng.random_range(0..=bytes.len()));
            image.insert(name.clone(), bytes);
        }
        image.insert("00000000000000000007-zzzzzzzz.seg".to_owned(), vec![7; rng.random_range(0..9000)]);
        image.insert("18446744073709551615-00000000.seg".to_owned(), vec![0; 5000]);
        image.insert("note.txt".to_owned(), b"left by somebody".to_vec());
        let (_, recovery, after) = opened(&image);
        assert!(recovery.damaged.count >= 2);
        assert_eq!(after["note.txt"], image["note.txt"]);
    }
}

const _: () = assert!(FRAME_HEADER_BYTES < MARK_FRAME_BYTES);
