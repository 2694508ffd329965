//! The journal over a real directory, with processes that are really killed.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use saola::journal::{Config, Journal, verify};
use saola::model::{Body, Message, RawCopy, Reason, Rejection, Seq, SourceId, Timestamp};

const DIR: &str = "SAOLA_TEST_JOURNAL";
/// Processes killed in an ordinary run; `SAOLA_KILLS` asks for another number.
const KILLS: usize = 12;

fn config() -> Config {
    Config { segment_bytes: 64 << 10, cap_bytes: 4 << 20, buffer_bytes: 16 << 10, company_wait_ms: 0 }
}

/// What entry `seq` says, so that a reader can tell whether it is the one that was written.
fn body(seq: Seq) -> Body {
    Body::Message(Message {
        source: SourceId(1),
        received: 1,
        duplicates: 0,
        samples: vec![],
        rejections: vec![Rejection { reason: Reason::InvalidJson, detail: format!("entry {seq}") }],
        raw: Some(RawCopy { topic: "đồi/1".to_owned(), payload: vec![seq.0 as u8; seq.0 as usize % 200] }),
        unknown: Vec::new(),
        again: None,
    })
}

/// Writes as fast as it can and says on its output what is durable, until it is killed.
#[test]
#[ignore = "a process that `acknowledged_entries_survive_sigkill` starts and kills"]
fn writes_until_it_is_killed() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let (journal, recovery) = Journal::open(Path::new(&dir), &config()).unwrap();
    assert_eq!(recovery.damaged.count, 0);
    let follower = journal.follower("test", recovery.last).unwrap();
    let durable = journal.durable();
    let mut said = Seq(0);
    let mut output = std::io::stdout();
    loop {
        while journal.has_room() {
            let next = journal.status().appended.next();
            assert_eq!(journal.append(Timestamp::from_seconds(next.0 as i64), &body(next)).unwrap(), next);
            let through = durable.borrow().through;
            if through > said {
                said = through;
                // The entries of the last rounds are kept, so that the one who reads this can look at them.
                follower.passed(Seq(through.0.saturating_sub(3000)));
                writeln!(output, "\ndurable {through}").unwrap();
            }
        }
        std::thread::yield_now();
    }
}

#[test]
fn acknowledged_entries_survive_sigkill() {
    let dir = tempfile::tempdir().unwrap();
    let kills = std::env::var("SAOLA_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    let mut before = Seq(0);
    for round in 0..kills {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "journal::writes_until_it_is_killed", "--ignored", "--nocapture"])
            .env(DIR, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let durable = |line: &str| Some(Seq(line.strip_prefix("durable ")?.parse().ok()?));
        let mut said = before;
        // Killed after a different number of commits each time, in the middle of whatever it does then.
        for _ in 0..1 + round * 7 {
            said = lines.by_ref().find_map(|line| durable(&line)).expect("the process writes");
        }
        child.kill().unwrap();
        // What it said before it died counts, whether it was read before or not.
        said = lines.filter_map(|line| durable(&line)).last().unwrap_or(said);
        child.wait().unwrap();
        let report = verify(dir.path()).unwrap();
        assert_eq!(report.damaged.count, 0, "{report:?}");
        let (journal, recovery) = Journal::open(dir.path(), &config()).unwrap();
        assert!(recovery.last >= said && recovery.damaged.count == 0, "{recovery:?}, {said} were durable");
        let mut reader = journal.reader(Seq(recovery.oldest.0 - 1));
        while reader.after() < recovery.last {
            for entry in reader.next_batch(1000, 1 << 20).unwrap() {
                assert_eq!(entry.body, body(entry.seq));
            }
        }
        assert_eq!(reader.damaged().count, 0);
        journal.close().unwrap();
        before = recovery.last;
    }
    assert!(before > Seq(0));
}
