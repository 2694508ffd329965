//! Files that fail to be read or moved, and what a folder does meanwhile.

use super::*;

/// Gives its text, then a fault.
struct Faulty(std::io::Cursor<Vec<u8>>);

impl std::io::Read for Faulty {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.0.read(buffer) {
            Ok(0) => Err(std::io::Error::other("the disk is worn out")),
            read => read,
        }
    }
}

#[test]
fn a_file_that_fails_in_the_middle_is_read_on_from_there_after_longer_and_longer() {
    let mut scene = Scene::stations();
    scene.drop("a.txt", "COD\t1\nBAD\nTSS\t3\n");
    scene.look(Duration::ZERO);
    let identity = Identity::of(&fs::metadata(scene.path("a.txt")).unwrap());
    // Its notes cannot be written either: that alone is no reason to read it again.
    fs::remove_dir(scene.place.path().join("notes/ftp")).unwrap();
    let mut at = scene.begun + SETTLE;
    for _ in 0..3 {
        let path = scene.path("a.txt");
        let reading = read::Reading {
            path: &path,
            topic: "a.txt",
            source: SourceId(7),
            decoder: Decoder::StationFile,
            separator: b'\t',
            payload_bytes_max: 1_024,
            identity,
            progress: scene.folder.held.get("a.txt").map(|held| held.progress.clone()).unwrap_or_default(),
        };
        let (offset, lines) = (reading.progress.offset, reading.progress.lines);
        let mut text = std::io::Cursor::new(b"COD\t1\nBAD\nTSS".to_vec());
        text.set_position(offset);
        let reader = Box::new(std::io::BufReader::new(Faulty(text)));
        let position = super::super::super::lines::Position { offset, lines };
        let outcome = reading.rows(reader, position, &[], &mut scene.desk, |_| ()).unwrap();
        let mut troubles = Vec::new();
        let mut read = vec![("a.txt".to_owned(), identity, outcome)];
        scene.folder.settle(&mut read, at, &mut scene.desk, &mut troubles).unwrap();
        assert!(troubles.iter().any(|one| one == "a.txt cannot be read to its end: the disk is worn out"));
        at += Duration::from_secs(60);
    }
    assert_eq!(scene.payloads(), ["COD\t1", "BAD"], "what was taken is not taken again");
    let last = SETTLE + Duration::from_secs(120);
    let trouble = scene.look(last + WAIT_MIN * 4 - Duration::from_millis(1)).trouble.unwrap();
    assert!(trouble.starts_with("a.txt cannot be read to its end"), "told as long as it waits: {trouble}");
    scene.look(last + WAIT_MIN * 4);
    assert_eq!(scene.payloads(), ["COD\t1", "BAD", "TSS\t3"]);
    let report = fs::read_to_string(scene.path("failed/a.txt.report.txt")).unwrap();
    assert!(report.contains("2 values taken, 0 known already, 1 refused, in 3 rows"), "{report}");
}

#[test]
fn a_file_that_was_given_up_and_cannot_be_moved_stays_given_up() {
    let mut scene = Scene::stations();
    scene.drop("a.txt", &"BAD\n".repeat(5_000));
    fs::write(scene.path("failed"), "").unwrap();
    scene.settle();
    let taken = scene.payloads().len();
    scene.start_again();
    scene.settle_with_trouble();
    assert_eq!(scene.payloads().len(), taken);
    fs::remove_file(scene.path("failed")).unwrap();
    scene.look(SETTLE_OPEN * 2);
    let report = fs::read_to_string(scene.path("failed/a.txt.report.txt")).unwrap();
    assert!(report.contains("the rest was not read"), "{report}");
}

#[test]
fn files_of_nobody_take_no_place_and_more_files_than_are_looked_at_are_told() {
    let mut scene = Scene::new("topic = 'a/{device}'\ndecoder = 'station_file'\n");
    fs::create_dir(scene.path("b")).unwrap();
    let first = scene.path("b/0");
    fs::write(&first, "").unwrap();
    // A second name is quicker to make than a file.
    for number in 1..=20_000 {
        fs::hard_link(&first, scene.path(&format!("b/{number}"))).unwrap();
    }
    scene.drop("a/x.txt", "COD\t1\n");
    assert_eq!(scene.settle().done, 1);
    fs::remove_dir_all(scene.path("a")).unwrap();
    fs::rename(scene.path("b"), scene.path("a")).unwrap();
    let trouble = scene.look(SETTLE_OPEN * 2).trouble.unwrap();
    assert!(trouble.starts_with("it holds more than 20000 files"), "{trouble}");
    let identity = Identity::of(&fs::metadata(scene.path("a/0")).unwrap());
    let progress = Progress { offset: 1, ..Progress::default() };
    scene.folder.progresses.note("a/beyond", identity, &progress).unwrap();
    scene.look(SETTLE_OPEN * 2);
    assert_eq!(scene.folder.progresses.of("a/beyond", identity), progress, "it may be there, beyond those looked at");
}

#[test]
fn a_folder_that_disappears_is_told_and_heals() {
    let mut scene = Scene::stations();
    scene.drop("b.txt", "COD\t1\n");
    scene.look(Duration::ZERO);
    fs::rename(scene.path(""), scene.place.path().join("away")).unwrap();
    let status = scene.look(Duration::from_secs(1));
    let blind = status.blind.unwrap();
    assert!(blind.contains("cannot be looked into"), "{blind}");
    assert_eq!((status.trouble, status.waiting), (None, 1), "what was there is not forgotten");
    fs::rename(scene.place.path().join("away"), scene.path("")).unwrap();
    scene.drop("a.txt", "COD\t1\n");
    let status = scene.settle();
    assert_eq!((status.blind, status.trouble), (None, None));
    assert_eq!(scene.names("done"), ["a.txt", "b.txt"]);
}

#[test]
fn a_file_that_goes_wrong_leaves_the_others_and_the_folder_alone() {
    use std::os::unix::ffi::OsStrExt as _;
    let mut scene = Scene::stations();
    scene.drop("b.txt", "TSS\t2\n");
    // A name that is no text: it fails for root too.
    let odd = scene.path("").join(std::ffi::OsStr::from_bytes(b"a\xff.txt"));
    fs::write(&odd, "COD\t1\n").unwrap();
    scene.settle_with_trouble();
    let status = scene.folder.status().lock().clone();
    let trouble = status.trouble.unwrap();
    assert!(trouble.ends_with("has a name that is not UTF-8"), "{trouble}");
    assert_eq!((status.blind, status.done), (None, 1));
    fs::remove_file(odd).unwrap();
    scene.drop("gone/a.txt", "COD\t1\n");
    scene.look(SETTLE_OPEN * 2);
    fs::remove_dir_all(scene.path("gone")).unwrap();
    let status = scene.look(SETTLE_OPEN * 3);
    assert_eq!((status.trouble, status.waiting), (None, 0), "and what is gone is forgotten");
    assert_eq!(scene.payloads(), ["TSS\t2"]);
}
