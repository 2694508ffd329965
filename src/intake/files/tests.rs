//! A folder before a desk that writes down what it is handed.

mod faults;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use super::*;
use crate::model::{ChannelId, Quality, Reason, Rejection, Sample, TimeClass};

const NOW: Timestamp = Timestamp::from_seconds(1_795_230_900);
const SETTLE: Duration = Duration::from_secs(5);
const SETTLE_OPEN: Duration = Duration::from_secs(60);

/// Takes what does not hold the word BAD; from `full_after` messages on it takes nothing more.
struct Double {
    messages: Vec<(String, String)>,
    waited: Vec<Seq>,
    full_after: usize,
    /// The largest batch.
    rows_max: usize,
    /// Appended to a file when the first message is taken.
    meanwhile: Option<(std::path::PathBuf, &'static str)>,
}

fn append(path: &Path, text: &str) {
    use std::io::Write as _;
    fs::OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

impl Desk for Double {
    fn now(&self) -> Timestamp {
        NOW
    }

    fn take(&mut self, batch: &[RawMessage<'_>], tell: &mut dyn FnMut(&Message)) -> Result<Seq, Stopped> {
        if self.messages.len() >= self.full_after {
            return Err(Stopped("full".to_owned()));
        }
        if let Some((path, text)) = self.meanwhile.take() {
            append(&path, text);
        }
        self.rows_max = self.rows_max.max(batch.len());
        for raw in batch {
            assert_eq!((raw.source, raw.received_at), (SourceId(7), NOW));
            let payload = String::from_utf8_lossy(raw.payload).into_owned();
            let sample = Sample {
                channel: ChannelId(0),
                observed_at: NOW,
                value: 1.0,
                quality: Quality::GOOD,
                time_class: TimeClass::Live,
            };
            let refused = Rejection { reason: Reason::WrongType, detail: "it says BAD".to_owned() };
            let is_bad = payload.contains("BAD");
            tell(&Message {
                source: raw.source,
                received: 1,
                duplicates: 0,
                samples: if is_bad { vec![] } else { vec![sample] },
                rejections: if is_bad { vec![refused] } else { vec![] },
                raw: None,
                unknown: vec![],
                again: None,
            });
            self.messages.push((raw.topic.to_owned(), payload));
        }
        Ok(Seq(self.messages.len() as u64))
    }

    fn wait_durable(&mut self, seq: Seq) -> Result<(), Stopped> {
        self.waited.push(seq);
        Ok(())
    }
}

/// A folder, its watch and its desk.
struct Scene {
    place: tempfile::TempDir,
    folder: Folder,
    desk: Double,
    begun: Instant,
    section: String,
}

impl Scene {
    fn new(section: &str) -> Scene {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join("in")).unwrap();
        let folder = folder(place.path(), section);
        let desk =
            Double { messages: Vec::new(), waited: Vec::new(), full_after: usize::MAX, rows_max: 0, meanwhile: None };
        Scene { place, folder, desk, begun: Instant::now(), section: section.to_owned() }
    }

    fn stations() -> Scene {
        Scene::new("topic = '#'\ndecoder = 'station_file'\n")
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.place.path().join("in").join(name)
    }

    fn drop(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn look(&mut self, after: Duration) -> Status {
        self.folder.look(self.begun + after, &mut self.desk).unwrap();
        self.folder.status().lock().clone()
    }

    /// Two looks, far enough from each other for everything to be whole.
    fn settle(&mut self) -> Status {
        let first = self.look(Duration::ZERO);
        assert!(first.trouble.is_none(), "{first:?}");
        self.look(SETTLE_OPEN)
    }

    /// The process ends and starts again; nothing is kept but what is on disk.
    fn start_again(&mut self) {
        self.folder = folder(self.place.path(), &self.section);
        self.desk.full_after = usize::MAX;
    }

    fn payloads(&self) -> Vec<&str> {
        self.desk.messages.iter().map(|(_, payload)| payload.as_str()).collect()
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).into_iter().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

fn folder(place: &Path, section: &str) -> Folder {
    let text = format!("name = 'ftp'\nfrom = ['files']\nfolder = '{}'\n{section}", place.join("in").display());
    let config: source::Config = toml::from_str(&text).unwrap();
    let limits = crate::intake::Config::default();
    Folder::of(&config, &limits, SourceId(7), &place.join("notes")).unwrap().unwrap()
}

#[test]
fn a_whole_file_is_read_row_by_row_and_moved_when_its_rows_are_durable() {
    let mut scene = Scene::stations();
    scene.drop("2026/LC_1_20260406143000.txt", "COD\t1\r\n\r\nTSS\t2\r\n");
    scene.look(Duration::ZERO);
    assert_eq!(scene.look(SETTLE - Duration::from_millis(1)).waiting, 1);
    assert_eq!(scene.payloads(), [] as [&str; 0], "it may still be written");
    let status = scene.look(SETTLE);
    assert_eq!(scene.payloads(), ["COD\t1", "TSS\t2"]);
    assert_eq!(scene.desk.messages[0].0, "2026/LC_1_20260406143000.txt");
    assert_eq!(scene.desk.waited, [Seq(2)]);
    assert_eq!(scene.names("done/2026"), ["LC_1_20260406143000.txt"]);
    assert_eq!(status, Status { blind: None, trouble: None, waiting: 0, done: 1, failed: 0 });
    scene.look(SETTLE * 9);
    assert_eq!(scene.payloads().len(), 2, "what is done is not read again");
}

#[test]
fn a_file_that_still_grows_is_left_alone() {
    let mut scene = Scene::stations();
    for (second, text) in [(0, "COD\t1\n"), (4, "COD\t1\nTSS\t2\n"), (8, "COD\t1\nTSS\t2\nTem")] {
        scene.drop("a.txt", text);
        scene.look(Duration::from_secs(second));
    }
    scene.look(Duration::from_secs(8 + 59));
    assert_eq!(scene.payloads(), [] as [&str; 0], "its last line has no end");
    scene.drop("a.txt", "COD\t1\nTSS\t2\nTemp\t3\n");
    scene.look(Duration::from_secs(70));
    scene.look(Duration::from_secs(75));
    assert_eq!(scene.payloads(), ["COD\t1", "TSS\t2", "Temp\t3"]);
}

#[test]
fn a_last_line_without_its_end_is_taken_when_nothing_more_comes() {
    let mut scene = Scene::stations();
    scene.drop("a.txt", "COD\t1\nTSS\t2");
    scene.drop("empty.txt", "");
    let status = scene.settle();
    assert_eq!(scene.payloads(), ["COD\t1", "TSS\t2", ""]);
    assert_eq!(status.done, 2);
}

#[test]
fn what_is_not_a_whole_file_of_the_source_is_not_touched() {
    let mut scene = Scene::new("topic = 'a/{device}'\ndecoder = 'station_file'\n");
    for name in ["a/.hidden", "a/x.part", "a/x.txt.tmp", "a/x.txt~", "b/x.txt", "a/b/x.txt"] {
        scene.drop(name, "COD\t1\n");
    }
    fs::write(scene.place.path().join("secret"), "COD\t1\n").unwrap();
    symlink(scene.place.path().join("secret"), scene.path("a/link.txt")).unwrap();
    assert_eq!(scene.settle().waiting, 0);
    assert_eq!(scene.payloads(), [] as [&str; 0]);
    // A rename is how careful programs finish a file.
    fs::rename(scene.path("a/x.part"), scene.path("a/x.txt")).unwrap();
    scene.settle();
    assert_eq!(scene.names("done/a"), ["x.txt"]);
}

#[test]
fn a_file_with_a_refusal_fails_with_a_report_and_the_rest_of_it_is_taken() {
    let mut scene = Scene::stations();
    scene.drop("a.txt", "COD\t1\nBAD\t2\nTSS\t3\n");
    assert_eq!(scene.settle().failed, 1);
    assert_eq!(scene.payloads().len(), 3);
    assert_eq!(scene.names("failed"), ["a.txt", "a.txt.report.txt"]);
    let report = fs::read_to_string(scene.path("failed/a.txt.report.txt")).unwrap();
    assert!(report.contains("2 values taken, 0 known already, 1 refused, in 3 rows"), "{report}");
    assert!(report.contains("line 2: wrong_type: it says BAD"), "{report}");

    scene.drop("a.txt", "BAD\n");
    scene.settle();
    assert_eq!(scene.names("failed"), ["a.txt", "a.txt.1", "a.txt.1.report.txt", "a.txt.report.txt"]);
}

#[test]
fn a_file_of_nothing_but_refusals_is_given_up() {
    let mut scene = Scene::stations();
    scene.drop("a.txt", &"BAD\n".repeat(5_000));
    scene.settle();
    assert!((1_000..1_500).contains(&scene.payloads().len()));
    let report = fs::read_to_string(scene.path("failed/a.txt.report.txt")).unwrap();
    assert!(report.contains("the rest was not read"), "{report}");
    assert!(report.lines().count() < 1_010);
}

#[test]
fn after_a_kill_a_large_file_goes_on_where_it_was_durable() {
    let mut scene = Scene::stations();
    let rows: Vec<String> = (0..5_000).map(|row| format!("COD\t{row}")).collect();
    scene.drop("a.txt", &(rows.join("\n") + "\n"));
    scene.look(Duration::ZERO);
    scene.desk.full_after = 2_560;
    assert!(scene.folder.look(scene.begun + SETTLE, &mut scene.desk).is_err());
    // What a note would have said at the second that had passed; the test does not wait for one.
    let path = scene.path("a.txt");
    let identity = Identity::of(&fs::metadata(&path).unwrap());
    let offset = rows[..1_024].iter().map(|row| row.len() as u64 + 1).sum();
    let progress = progress::Progress { offset, lines: 1_024, rows: 1_024, taken: 1_024, ..Default::default() };
    scene.folder.progresses.note("a.txt", identity, &progress).unwrap();
    scene.start_again();
    scene.settle();
    let first = scene.payloads()[..2_560].to_vec();
    assert_eq!(first, rows[..2_560]);
    assert_eq!(scene.payloads()[2_560..], rows[1_024..]);
    assert_eq!(scene.names("done"), ["a.txt"]);
    assert_eq!(scene.names("../notes/ftp"), [] as [&str; 0], "nothing is left behind");
    assert!(scene.desk.rows_max <= 256, "rows wait for the disk before more are read");
}

#[test]
fn a_file_that_cannot_be_moved_is_read_once_and_told_until_it_can() {
    let mut scene = Scene::stations();
    scene.drop("a.txt", "COD\t1\n");
    // A file stands where a folder is needed: it fails for root too.
    fs::write(scene.path("done"), "").unwrap();
    let status = scene.settle();
    let trouble = status.trouble.clone().unwrap();
    assert!(trouble.starts_with("a.txt is read and cannot be moved"), "{trouble}");
    assert_eq!((status.waiting, status.done), (1, 0));
    scene.start_again();
    scene.settle_with_trouble();
    assert_eq!(scene.payloads(), ["COD\t1"], "not even after a restart");
    fs::remove_file(scene.path("done")).unwrap();
    let status = scene.look(SETTLE_OPEN * 2);
    assert_eq!((status.trouble, status.done), (None, 1));
    assert_eq!((scene.payloads().len(), scene.names("done")), (1, vec!["a.txt".to_owned()]));
}

impl Scene {
    fn settle_with_trouble(&mut self) {
        self.look(Duration::ZERO);
        self.look(SETTLE_OPEN);
    }
}

#[test]
fn a_file_that_changed_while_it_waited_to_be_moved_is_read_again() {
    let mut scene = Scene::stations();
    scene.drop("a.txt", "COD\t1\n");
    fs::write(scene.path("done"), "").unwrap();
    scene.settle();
    fs::remove_file(scene.path("done")).unwrap();
    scene.drop("a.txt", "COD\t1\nTSS\t2\n");
    scene.settle();
    assert_eq!(scene.payloads(), ["COD\t1", "COD\t1", "TSS\t2"]);
}

#[test]
fn what_is_appended_while_a_file_is_read_is_not_read_with_it() {
    let mut scene = Scene::stations();
    let rows: Vec<String> = (0..600).map(|row| format!("COD\t{row}")).collect();
    scene.drop("a.txt", &(rows.join("\n") + "\n"));
    scene.desk.meanwhile = Some((scene.path("a.txt"), "TSS\t12"));
    scene.settle();
    assert_eq!(scene.payloads(), rows, "half of a number is no number");
    assert_eq!(scene.names("done"), [] as [&str; 0]);
    append(&scene.path("a.txt"), "34\n");
    scene.settle();
    assert_eq!(scene.payloads().last(), Some(&"TSS\t1234"));
    assert_eq!(scene.names("done"), ["a.txt"]);
}

#[test]
fn a_file_that_is_written_to_after_it_was_moved_is_put_back_and_read_again() {
    let mut scene = Scene::stations();
    scene.drop("a.txt", "COD\t1\nBAD\n");
    scene.settle();
    assert_eq!(scene.names("failed"), ["a.txt", "a.txt.report.txt"]);
    scene.look(SETTLE_OPEN * 3);
    // The writer never closed it, and a file of its name came meanwhile.
    append(&scene.path("failed/a.txt"), "TSS\t2\n");
    scene.drop("a.txt", "Temp\t3\n");
    let trouble = scene.look(SETTLE_OPEN * 20).trouble.unwrap();
    assert!(trouble.starts_with("a.txt was written to after it was read, and cannot be put back"), "{trouble}");
    scene.look(SETTLE_OPEN * 20 + SETTLE);
    assert_eq!(scene.names("done"), ["a.txt"], "the newcomer is read");
    let trouble = scene.look(SETTLE_OPEN * 21).trouble.unwrap();
    assert!(trouble.contains("is read again: intake.settle is shorter"), "{trouble}");
    let status = scene.look(SETTLE_OPEN * 21 + SETTLE);
    assert_eq!((status.trouble, status.done, status.failed), (None, 1, 2));
    assert_eq!(scene.payloads(), ["COD\t1", "BAD", "Temp\t3", "COD\t1", "BAD", "TSS\t2"]);
    assert_eq!(scene.names("failed"), ["a.txt", "a.txt.report.txt"]);
    scene.look(Duration::from_secs(4 * 3600));
    assert_eq!(scene.folder.moved.len(), 0, "not for ever");
}

#[test]
fn a_report_takes_nothing_s_place_and_no_link_is_followed() {
    let mut scene = Scene::stations();
    scene.drop("failed/a.txt.report.txt", "mine");
    symlink(scene.place.path().join("elsewhere"), scene.path("failed/a.txt.1.report.txt")).unwrap();
    scene.drop("a.txt", "BAD\n");
    scene.settle();
    assert_eq!(fs::read_to_string(scene.path("failed/a.txt.report.txt")).unwrap(), "mine");
    assert!(!scene.place.path().join("elsewhere").exists());
    assert!(scene.names("failed").contains(&"a.txt.2.report.txt".to_owned()), "{:?}", scene.names("failed"));

    fs::create_dir(scene.place.path().join("elsewhere")).unwrap();
    symlink(scene.place.path().join("elsewhere"), scene.path("done")).unwrap();
    scene.drop("b.txt", "COD\t1\n");
    let trouble = scene.settle().trouble.unwrap();
    assert!(trouble.contains("done is a file or a link, no folder"), "{trouble}");
    assert_eq!(scene.names("../elsewhere"), [] as [&str; 0]);
}

#[test]
fn a_table_s_rows_carry_their_header_and_one_document_is_one_message() {
    let mut scene = Scene::new("topic = '#'\ndecoder = 'csv'\n");
    scene.drop("t.csv", "\u{feff}time,\"a\nb\"\r\n1,2\r\n\r\n3,\"4\n5\"\r\n");
    scene.settle();
    assert_eq!(scene.payloads(), ["time,\"a\nb\"\n1,2", "time,\"a\nb\"\n3,\"4\n5\""]);

    let mut scene = Scene::new("topic = '#'\ndecoder = 'json'\n");
    scene.drop("t.json", "{\n}");
    scene.drop("u.json", &" ".repeat(300_000));
    scene.settle();
    let lengths: Vec<usize> = scene.payloads().iter().map(|payload| payload.len()).collect();
    assert_eq!(lengths, [3, 256 * 1024 + 1], "one byte too much is enough to be refused for");
}

#[test]
fn a_line_without_an_end_is_never_read_in_part() {
    let mut scene = Scene::new("topic = '#'\ndecoder = 'line_protocol'\n");
    let endless = format!("# a comment\nm f=1{}\nm f=2\n", "0".repeat(300_000));
    scene.drop("a.lp", &endless);
    scene.settle();
    let lengths: Vec<usize> = scene.payloads().iter().map(|payload| payload.len()).collect();
    assert_eq!(lengths, [256 * 1024 + 1, 5]);
}
