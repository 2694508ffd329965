//! Digests that the other side does not take as they are: they leave by halves, and are given up when it takes nothing.
//!
//! ```text
//!  1..8 refused --> 1..4 next, 5..8 waits --> 1..2 next, 3..4 waits --> 1 refused: given up --> 2, 3..4, 5..8
//! ```
//!
//! Invariants:
//! - What was parted goes before anything else of its lane, and does not wait for the pace of digests.
//! - One bad member costs only itself: some 2 log n tries, and everything else arrives, in order for each alert.
//! - A side that takes nothing costs some log n tries: when the first single ones in a row got the same answer, the last
//!   alert is asked for, too, and with that one the rest is given up. Once a part was taken many more in a row are needed,
//!   since then there is something that the other side takes.

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::take::begin;
use super::{Outbox, OutboxError, optional_time, sqlite};
use crate::model::Timestamp;

/// Single notifications that are refused in a row with the same answer until the rest is given up, where nothing of the
/// digest was taken.
const REFUSED_MAX: usize = 3;
/// The same, where a part of it was taken.
const REFUSED_AFTER_TAKEN_MAX: usize = 12;

impl Outbox {
    /// A digest that was refused as it is leaves by halves: the older half at `next_at`, as a message of its own, and
    /// the rest after it. A half that is refused is parted again, down to single notifications.
    pub fn split(&self, message: i64, error: &str, now: Timestamp, next_at: Timestamp) -> Result<(), OutboxError> {
        self.transact("part a digest", |transaction| {
            let failed = sqlite("part a digest");
            let sql = "SELECT id FROM delivery WHERE message = ?1 AND state = 'queued' ORDER BY id";
            let mut statement = transaction.prepare_cached(sql).map_err(failed)?;
            let rows = statement.query_map([message], |row| row.get(0)).map_err(failed)?;
            let members: Vec<i64> = rows.collect::<Result<_, _>>().map_err(failed)?;
            let sql = "UPDATE message SET in_flight = 0, finished_at = ?2, error = ?3 WHERE id = ?1 \
                       RETURNING lane, coalesce(root, id)";
            let (lane, root): (String, i64) = transaction
                .query_row(sql, params![message, now.micros(), error], |row| Ok((row.get(0)?, row.get(1)?)))
                .map_err(failed)?;
            let sql =
                "UPDATE delivery SET message = NULL, part = ?1, error = ?2 WHERE message = ?1 AND state = 'queued'";
            transaction.execute(sql, params![message, error]).map_err(failed)?;
            let Some(first) = members.get(..(members.len() / 2).max(1)) else { return Ok(()) };
            let half = begin(transaction, &lane, first, Some(root), now)?;
            // Written down to be taken up, not under way yet.
            let sql = "UPDATE message SET attempts = 0, in_flight = 0, next_at = ?2 WHERE id = ?1";
            transaction.execute(sql, params![half, next_at.micros()]).map_err(failed).map(drop)
        })
    }

    /// When the digest was refused first of which this message is a part; `None` when it is a part of none.
    pub fn parted_since(&self, message: i64) -> Result<Option<Timestamp>, OutboxError> {
        let sql = "SELECT r.finished_at FROM message m JOIN message r ON r.id = m.root WHERE m.id = ?1";
        let read = self.database.lock().query_row(sql, [message], |row| row.get(0)).optional();
        Ok(optional_time(read.map_err(sqlite("read a part of a digest"))?.flatten()))
    }
}

/// Which of a part's waiting members leave together, all of them or the one that is asked for before the rest is given
/// up; with the digest that was refused first.
pub(super) fn choose(
    transaction: &Transaction<'_>,
    lane: &str,
    part: i64,
    members: Vec<i64>,
) -> Result<(Vec<i64>, i64), OutboxError> {
    let failed = sqlite("look at a parted digest");
    let sql = "SELECT coalesce(root, id) FROM message WHERE id = ?1";
    let root = transaction.query_row(sql, [part], |row| row.get(0)).optional().map_err(failed)?.unwrap_or(part);
    if !takes_nothing(transaction, root, 1)? {
        return Ok((members, root));
    }
    // The first message of the last alert: nothing of that alert waits before it.
    let sql = "SELECT max(first) FROM (SELECT min(id) AS first FROM delivery \
               WHERE lane = ?1 AND state = 'queued' AND message IS NULL AND part IS NOT NULL GROUP BY alert)";
    let last: Option<i64> = transaction.query_row(sql, [lane], |row| row.get(0)).map_err(failed)?;
    Ok((last.map_or(members, |last| vec![last]), root))
}

/// Gives the rest of a digest up when the message that just failed shows that the other side takes nothing of it. How
/// many deliveries that were.
pub(super) fn give_up_rest(
    transaction: &Transaction<'_>,
    message: i64,
    error: &str,
    now: Timestamp,
) -> Result<usize, OutboxError> {
    let failed = sqlite("give up the rest of a digest");
    let sql = "SELECT lane, root FROM message WHERE id = ?1 AND members = 1";
    let read =
        transaction.query_row(sql, [message], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Option<i64>>(1)?)));
    let Some((lane, Some(root))) = read.optional().map_err(failed)? else { return Ok(0) };
    if !takes_nothing(transaction, root, 0)? {
        return Ok(0);
    }
    let sql = "UPDATE delivery SET state = 'failed', failed_at = ?2, error = ?3 \
               WHERE lane = ?1 AND state = 'queued' AND message IS NULL AND part IS NOT NULL";
    transaction.execute(sql, params![lane, now.micros(), error]).map_err(failed)
}

/// Whether so many single ones of a digest were refused in a row with the same answer that the rest is given up, with
/// `more` of them.
fn takes_nothing(transaction: &Transaction<'_>, root: i64, more: usize) -> Result<bool, OutboxError> {
    let failed = sqlite("look at a parted digest");
    let sql = "SELECT EXISTS (SELECT 1 FROM message WHERE root = ?1 AND finished_at IS NOT NULL AND error IS NULL)";
    let was_taken: bool = transaction.query_row(sql, [root], |row| row.get(0)).map_err(failed)?;
    let most = if was_taken { REFUSED_AFTER_TAKEN_MAX } else { REFUSED_MAX };
    let sql = "SELECT members, error FROM message WHERE root = ?1 AND finished_at IS NOT NULL ORDER BY id DESC";
    let mut statement = transaction.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement.query([root]).map_err(failed)?;
    let (mut answer, mut refused) = (None, more);
    while refused < most
        && let Some(row) = rows.next().map_err(failed)?
    {
        let (members, error): (i64, Option<String>) =
            row.get(0).and_then(|members| Ok((members, row.get(1)?))).map_err(failed)?;
        let Some(error) = error else { break };
        if members > 1 {
            continue;
        }
        if *answer.get_or_insert_with(|| error.clone()) != error {
            break;
        }
        refused += 1;
    }
    Ok(refused >= most)
}
