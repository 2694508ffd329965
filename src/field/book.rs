//! The book of reports: what reached an alert, with its answer and photo, on disk before anybody is answered.
//!
//! A file of its own (`field.db`), because photos are large and are backed up and thinned out apart from accounts.
//! Bounds: a report is kept for [`KEPT_DAYS`], which also ends its key; photos take [`PHOTOS_BYTES_MAX`] together, one
//! more is refused, never the oldest dropped for it: they are evidence.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::{OptionalExtension as _, params};

use super::photo::MediaType;
use crate::database::{Database, DatabaseError};
use crate::model::{AlertId, AreaId, Timestamp};

const STEPS: &[&str] = &[include_str!("0001_reports.sql")];

/// How long a report is kept.
pub const KEPT_DAYS: u64 = 730;
/// Bytes of all photos together.
pub const PHOTOS_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// Reports forgotten at a time.
const FORGOTTEN_AT_ONCE: u32 = 100;

/// Why the book cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// The file.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// SQLite refuses.
    #[error("cannot {doing} the book of reports")]
    Sqlite {
        /// What was being done.
        doing: &'static str,
        /// The reason.
        source: rusqlite::Error,
    },
}

fn sqlite(doing: &'static str) -> impl Fn(rusqlite::Error) -> BookError {
    move |source| BookError::Sqlite { doing, source }
}

/// What somebody in the field says by one tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Has seen it and looks after it.
    Acknowledged,
    /// Is going there.
    OnMyWay,
    /// Is there, and it is so.
    Confirmed,
    /// Is there, and there is nothing.
    False,
    /// Something to know.
    Note,
}

impl Action {
    /// Every action.
    pub const ALL: [Action; 5] =
        [Action::Acknowledged, Action::OnMyWay, Action::Confirmed, Action::False, Action::Note];

    /// The word in bodies, answers and the database.
    pub fn word(self) -> &'static str {
        match self {
            Action::Acknowledged => "acknowledged",
            Action::OnMyWay => "on_my_way",
            Action::Confirmed => "confirmed",
            Action::False => "false",
            Action::Note => "note",
        }
    }

    /// From its word.
    pub fn parse(word: &str) -> Option<Action> {
        Action::ALL.into_iter().find(|known| known.word() == word)
    }
}

/// A report, as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The phone's own name of it: a UUID in small letters.
    pub key: String,
    /// The account.
    pub author: String,
    /// SHA-256 of what was asked: another report under the same key is told from a repeat.
    pub request: [u8; 32],
    /// The alert.
    pub alert: AlertId,
    /// Where the alert is; a photo is shown to whoever may see that.
    pub area: Option<AreaId>,
    /// What was said.
    pub action: Action,
    /// When, by the phone's clock.
    pub said_at: Timestamp,
    /// When it came.
    pub received_at: Timestamp,
    /// The photo.
    pub photo: Option<(MediaType, Vec<u8>)>,
}

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Who sent it.
    pub author: String,
    /// What was asked.
    pub request: [u8; 32],
    /// What was answered, as JSON; `None` while it is not known what became of it.
    pub answer: Option<String>,
}

/// A photo, and where it may be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Photo {
    /// What it is.
    pub media_type: MediaType,
    /// The photo itself.
    pub bytes: Vec<u8>,
    /// The area of its alert.
    pub area: Option<AreaId>,
}

/// The book.
#[derive(Debug)]
pub struct Book {
    database: Database,
    photos_bytes_max: u64,
}

impl Book {
    /// Opens the file, making it when it is missing.
    pub fn open(path: &Path) -> Result<Book, BookError> {
        Self::with_room(path, PHOTOS_BYTES_MAX)
    }

    /// The same with less room for photos.
    pub fn with_room(path: &Path, photos_bytes_max: u64) -> Result<Book, BookError> {
        Ok(Book { database: Database::open_with(path, STEPS)?, photos_bytes_max })
    }

    /// What is known of a key.
    pub fn find(&self, key: &str) -> Result<Option<Kept>, BookError> {
        let sql = "SELECT author, request, answer FROM report WHERE key = ?1";
        let connection = self.database.lock();
        let kept =
            |row: &rusqlite::Row<'_>| Ok(Kept { author: row.get(0)?, request: row.get(1)?, answer: row.get(2)? });
        connection.query_row(sql, [key], kept).optional().map_err(sqlite("read"))
    }

    /// Whether there is room for so many bytes more of photos.
    pub fn has_room(&self, bytes: usize) -> Result<bool, BookError> {
        let sql = "SELECT coalesce(sum(photo_bytes), 0) FROM report INDEXED BY report_by_time";
        let taken: i64 = self.database.lock().query_row(sql, [], |row| row.get(0)).map_err(sqlite("measure"))?;
        Ok(u64::try_from(taken).unwrap_or(0) + bytes as u64 <= self.photos_bytes_max)
    }

    /// Keeps a report of which it is not known yet what becomes of it; on disk, with its photo, when this returns. One
    /// that is there already stays as it is. Forgets some that are too old.
    pub fn begin(&self, report: &Report) -> Result<(), BookError> {
        let mut connection = self.database.lock();
        let transaction = connection.transaction().map_err(sqlite("write to"))?;
        let oldest = report.received_at - Duration::from_secs(KEPT_DAYS * 86_400);
        let forget = "DELETE FROM report WHERE key IN (SELECT key FROM report WHERE received_at < ?1 LIMIT ?2)";
        transaction.execute(forget, params![oldest.micros(), FORGOTTEN_AT_ONCE]).map_err(sqlite("thin out"))?;
        let (photo_type, bytes) = match &report.photo {
            Some((media_type, bytes)) => (Some(media_type.word()), bytes.as_slice()),
            None => (None, &[][..]),
        };
        let sql = "INSERT OR IGNORE INTO report (key, author, request, alert, area, action, said_at, received_at, \
                   photo_type, photo_bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        let area = report.area.as_ref().map(AreaId::as_str);
        let row = params![
            report.key,
            report.author,
            report.request,
            &*report.alert.0,
            area,
            report.action.word(),
            report.said_at.micros(),
            report.received_at.micros(),
            photo_type,
            i64::try_from(bytes.len()).unwrap_or(i64::MAX)
        ];
        let is_new = transaction.execute(sql, row).map_err(sqlite("write to"))? == 1;
        if is_new && photo_type.is_some() {
            let sql = "INSERT INTO photo (key, bytes) VALUES (?1, ?2)";
            transaction.execute(sql, params![report.key, bytes]).map_err(sqlite("write to"))?;
        }
        transaction.commit().map_err(sqlite("write to"))
    }

    /// Notes what became of a report; on disk when this returns. The first answer stays. The photo of what was not
    /// applied is dropped.
    pub fn finish(&self, key: &str, answer: &str, applied: Applied) -> Result<(), BookError> {
        let is_applied = applied == Applied::Yes;
        let mut connection = self.database.lock();
        let transaction = connection.transaction().map_err(sqlite("write to"))?;
        let sql = "UPDATE report SET answer = ?2, is_applied = ?3 WHERE key = ?1 AND answer IS NULL";
        transaction.execute(sql, params![key, answer, is_applied]).map_err(sqlite("write to"))?;
        if !is_applied {
            let sql = "DELETE FROM photo WHERE key IN (SELECT key FROM report WHERE key = ?1 AND is_applied = 0)";
            transaction.execute(sql, [key]).map_err(sqlite("write to"))?;
            let sql = "UPDATE report SET photo_type = NULL, photo_bytes = 0 WHERE key = ?1 AND is_applied = 0";
            transaction.execute(sql, [key]).map_err(sqlite("write to"))?;
        }
        transaction.commit().map_err(sqlite("write to"))
    }

    /// The photo of a report that was applied.
    pub fn photo(&self, key: &str) -> Result<Option<Photo>, BookError> {
        let sql = "SELECT r.photo_type, p.bytes, r.area FROM report r JOIN photo p ON p.key = r.key \
                   WHERE r.key = ?1 AND r.is_applied = 1";
        let connection = self.database.lock();
        let read = |row: &rusqlite::Row<'_>| -> rusqlite::Result<(String, Vec<u8>, Option<String>)> {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        };
        let found = connection.query_row(sql, [key], read).optional().map_err(sqlite("read"))?;
        Ok(found.and_then(|(word, bytes, area)| {
            let media_type = MediaType::parse(&word)?;
            Some(Photo { media_type, bytes, area: area.as_deref().map(AreaId::new) })
        }))
    }

    /// The newest of what somebody reported of each alert and was applied, notes left out.
    pub fn latest_of(&self, author: &str) -> Result<BTreeMap<AlertId, (Action, Timestamp)>, BookError> {
        // The newest is what came last: phones' clocks differ, and one may have been put right in between.
        let sql = "SELECT alert, action, said_at, max(rowid) FROM report \
                   WHERE author = ?1 AND is_applied = 1 AND action <> 'note' GROUP BY alert";
        let connection = self.database.lock();
        let mut statement = connection.prepare_cached(sql).map_err(sqlite("read"))?;
        let row = |row: &rusqlite::Row<'_>| -> rusqlite::Result<(String, String, i64)> {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        };
        let rows = statement.query_map([author], row).map_err(sqlite("read"))?;
        let mut latest = BTreeMap::new();
        for row in rows {
            let (alert, action, said_at) = row.map_err(sqlite("read"))?;
            if let Some(action) = Action::parse(&action) {
                latest.insert(AlertId(alert.into()), (action, Timestamp::from_micros(said_at)));
            }
        }
        Ok(latest)
    }
}

/// Whether a report was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It was.
    Yes,
    /// It was refused.
    No,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(key: &str, photo: Option<&[u8]>) -> Report {
        Report {
            key: key.to_owned(),
            author: "lan".to_owned(),
            request: [7; 32],
            alert: AlertId("a".into()),
            area: Some(AreaId::new("001")),
            action: Action::OnMyWay,
            said_at: Timestamp::from_seconds(1_800_000_000),
            received_at: Timestamp::from_seconds(1_800_000_100),
            photo: photo.map(|bytes| (MediaType::Jpeg, bytes.to_vec())),
        }
    }

    #[test]
    fn the_first_answer_stays_and_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("field.db");
        let book = Book::open(&path).unwrap();
        book.begin(&report("k", Some(b"\xff\xd8\xff"))).unwrap();
        assert_eq!(book.find("k").unwrap().unwrap().answer, None);
        assert_eq!(book.photo("k").unwrap(), None, "nobody sees it before its report is applied");
        book.finish("k", "first", Applied::Yes).unwrap();
        book.begin(&report("k", None)).unwrap();
        book.finish("k", "second", Applied::No).unwrap();
        drop(book);
        let book = Book::open(&path).unwrap();
        assert_eq!(book.find("k").unwrap().unwrap().answer.as_deref(), Some("first"));
        assert_eq!(book.photo("k").unwrap().unwrap().bytes, b"\xff\xd8\xff");
        let latest = book.latest_of("lan").unwrap();
        assert_eq!(latest.values().next(), Some(&(Action::OnMyWay, Timestamp::from_seconds(1_800_000_000))));
        assert!(book.latest_of("binh").unwrap().is_empty());
    }

    #[test]
    fn the_photo_of_what_was_refused_is_dropped_and_room_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let book = Book::with_room(&folder.path().join("field.db"), 10).unwrap();
        assert!(book.has_room(10).unwrap() && !book.has_room(11).unwrap());
        book.begin(&report("k", Some(&[0; 9]))).unwrap();
        assert!(book.has_room(1).unwrap() && !book.has_room(2).unwrap());
        book.finish("k", "refused", Applied::No).unwrap();
        assert!(book.has_room(10).unwrap());
        assert_eq!(book.photo("k").unwrap(), None);
        assert!(book.latest_of("lan").unwrap().is_empty());
    }

    #[test]
    fn what_is_too_old_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let book = Book::open(&folder.path().join("field.db")).unwrap();
        book.begin(&report("old", Some(&[0; 9]))).unwrap();
        let later = report("new", None);
        let received_at = later.received_at + Duration::from_secs(KEPT_DAYS * 86_400 + 1);
        book.begin(&Report { received_at, ..later }).unwrap();
        assert_eq!(book.find("old").unwrap(), None);
        assert!(book.find("new").unwrap().is_some());
    }

    #[test]
    fn every_action_has_a_word_of_its_own() {
        for action in Action::ALL {
            assert_eq!(Action::parse(action.word()), Some(action));
        }
    }
}
