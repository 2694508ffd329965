//! Messages on their way out: which lanes have something, what leaves next, and what became of it.

use std::time::Duration;

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::{Outbox, OutboxError, key_of, part, sqlite};
use crate::model::Timestamp;
use crate::notify::facts::Kind;
use crate::notify::texts::{Language, Member};

/// How far back messages count against what goes one by one.
const MINUTE: Duration = Duration::from_secs(60);

/// How a lane is paced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Messages one by one within a minute, and waiting ones up to which they go one by one.
    pub one_by_one_max: u32,
    /// From a lane's last message to its next digest, at least.
    pub digest_every: Duration,
    /// Members of a digest, at most.
    pub digest_members_max: u32,
}

/// A lane that has something to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Which.
    pub lane: String,
    /// What it goes by: the channel's name, or of a machine the lane itself.
    pub way: String,
}

/// What there is to do for a lane.
#[derive(Clone, Debug, PartialEq)]
pub enum Taken {
    /// This is to be sent now, and to be finished with [`Outbox::sent`], [`Outbox::failed`] or [`Outbox::again`].
    Errand(Box<Errand>),
    /// Nothing before this instant: what waits becomes a digest then.
    NotBefore(Timestamp),
    /// Nothing.
    Nothing,
}

/// A message to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Errand {
    /// Its number.
    pub message: i64,
    /// Its stable key.
    pub key: String,
    /// Where to.
    pub lane: String,
    /// For whom.
    pub recipient: String,
    /// By which channel.
    pub channel: String,
    /// In which languages.
    pub languages: Vec<Language>,
    /// How often it has been tried, this time included.
    pub attempts: u32,
    /// Since when it could have gone.
    pub since: Timestamp,
    /// What it says, with each member's own key.
    pub members: Vec<(String, Member)>,
}

/// How many deliveries wait, and since when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Deliveries that are neither sent nor given up.
    pub count: u64,
    /// Since when the oldest of them has waited.
    pub oldest: Option<Timestamp>,
}

impl Outbox {
    /// Lanes that have something to send at `now`. Some may turn out to have to wait for their digest.
    pub fn due(&self, now: Timestamp) -> Result<Vec<Due>, OutboxError> {
        let failed = sqlite("look for what is due");
        let connection = self.database.lock();
        let sql = "SELECT m.lane, (SELECT d.channel FROM delivery d WHERE d.message = m.id LIMIT 1) FROM message m \
                   WHERE m.finished_at IS NULL AND m.in_flight = 0 AND m.next_at <= ?1 \
                   UNION ALL \
                   SELECT DISTINCT d.lane, d.channel FROM delivery d \
                   WHERE d.state = 'queued' AND d.message IS NULL AND d.not_before <= ?1 \
                     AND NOT EXISTS (SELECT 1 FROM message m WHERE m.lane = d.lane AND m.finished_at IS NULL)";
        let mut statement = connection.prepare_cached(sql).map_err(failed)?;
        let rows = statement.query_map([now.micros()], |row| {
            let (lane, channel): (String, Option<String>) = (row.get(0)?, row.get(1)?);
            // A machine is a way of its own.
            let way = channel.filter(|channel| !matches!(channel.as_str(), "webhook" | "topic"));
            Ok(Due { way: way.unwrap_or_else(|| lane.clone()), lane })
        });
        rows.map_err(failed)?.collect::<Result<_, _>>().map_err(failed)
    }

    /// Takes up what a lane sends next: the message under way when its time has come, else a new one. It counts as
    /// sent or not only when that is said.
    pub fn take(&self, lane: &str, pace: &Pace, now: Timestamp) -> Result<Taken, OutboxError> {
        self.transact("take a message up", |transaction| {
            let failed = sqlite("take a message up");
            let sql = "SELECT id, in_flight, next_at FROM message WHERE lane = ?1 AND finished_at IS NULL";
            let under_way = transaction
                .query_row(sql, [lane], |row| Ok((row.get(0)?, row.get::<_, bool>(1)?, row.get::<_, i64>(2)?)))
                .optional()
                .map_err(failed)?;
            let message: i64 = match under_way {
                Some((_, true, _)) => return Ok(Taken::Nothing),
                Some((_, _, next_at)) if next_at > now.micros() => {
                    return Ok(Taken::NotBefore(Timestamp::from_micros(next_at)));
                }
                Some((message, ..)) => {
                    let sql = "UPDATE message SET attempts = attempts + 1, in_flight = 1, begun_at = ?2 WHERE id = ?1";
                    transaction.execute(sql, params![message, now.micros()]).map_err(failed)?;
                    message
                }
                None => match choose(transaction, lane, pace, now)? {
                    Chosen::Members(members) => begin(transaction, lane, &members, None, now)?,
                    Chosen::Parted(members, root) => begin(transaction, lane, &members, Some(root), now)?,
                    Chosen::NotBefore(at) => return Ok(Taken::NotBefore(at)),
                    Chosen::Nothing => return Ok(Taken::Nothing),
                },
            };
            let errand = errand(transaction, message, now)?;
            Ok(errand.map_or(Taken::Nothing, |errand| Taken::Errand(Box::new(errand))))
        })
    }

    /// Keeps what a message says, and how it leaves where that is shorter.
    pub fn say(&self, message: i64, text: &str, sent_text: Option<&str>) -> Result<(), OutboxError> {
        let sql = "UPDATE message SET text = ?2, sent_text = ?3 WHERE id = ?1";
        let written = self.database.lock().execute(sql, params![message, text, sent_text]);
        written.map_err(sqlite("keep a text")).map(drop)
    }

    /// It was taken by the other side. Returns how many deliveries that were.
    pub fn sent(&self, message: i64, now: Timestamp) -> Result<usize, OutboxError> {
        self.transact("finish a message", |transaction| finish(transaction, message, now, None))
    }

    /// It will not be tried again; where it shows that the other side takes nothing of a refused digest, nor will the
    /// rest of that. The end of an alert that was queued meanwhile is withdrawn where nobody was told of the alert, nor
    /// will be. Returns how many deliveries were given up.
    pub fn failed(&self, message: i64, error: &str, unsure: Certainty, now: Timestamp) -> Result<usize, OutboxError> {
        self.transact("give a message up", |transaction| {
            note_certainty(transaction, message, unsure)?;
            let members = finish(transaction, message, now, Some(error))?;
            let rest = part::give_up_rest(transaction, message, error, now)?;
            withdraw_ends(transaction, message)?;
            Ok(members + rest)
        })
    }

    /// It is tried again at `next_at`.
    pub fn again(&self, message: i64, error: &str, unsure: Certainty, next_at: Timestamp) -> Result<(), OutboxError> {
        self.transact("put a message back", |transaction| {
            let failed = sqlite("put a message back");
            note_certainty(transaction, message, unsure)?;
            let sql = "UPDATE message SET in_flight = 0, next_at = ?2, error = ?3 WHERE id = ?1";
            transaction.execute(sql, params![message, next_at.micros(), error]).map_err(failed)?;
            let sql = "UPDATE delivery SET error = ?2 WHERE message = ?1 AND state = 'queued'";
            transaction.execute(sql, params![message, error]).map_err(failed).map(drop)
        })
    }

    /// What waits.
    pub fn waiting(&self) -> Result<Waiting, OutboxError> {
        let sql = "SELECT count(*), min(queued_at) FROM delivery WHERE state = 'queued'";
        let read = self.database.lock().query_row(sql, [], |row| {
            let count: i64 = row.get(0)?;
            Ok(Waiting { count: u64::try_from(count).unwrap_or(0), oldest: super::optional_time(row.get(1)?) })
        });
        read.map_err(sqlite("count what waits"))
    }
}

/// What is known of an attempt that did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// The other side has not taken it.
    Refused,
    /// It may have: the connection ended without a word.
    Unsure,
}

/// Ends a message, and of its deliveries those that still waited: sent, or with an error failed. How many.
fn finish(
    transaction: &Transaction<'_>,
    message: i64,
    now: Timestamp,
    error: Option<&str>,
) -> Result<usize, OutboxError> {
    let failed = sqlite("finish a message");
    let sql = "UPDATE message SET in_flight = 0, finished_at = ?2, error = ?3 WHERE id = ?1";
    transaction.execute(sql, params![message, now.micros(), error]).map_err(failed)?;
    let sql = match error {
        None => "UPDATE delivery SET state = 'sent', sent_at = ?2, error = ?3 WHERE message = ?1 AND state = 'queued'",
        Some(_) => {
            "UPDATE delivery SET state = 'failed', failed_at = ?2, error = ?3 WHERE message = ?1 AND state = 'queued'"
        }
    };
    transaction.execute(sql, params![message, now.micros(), error]).map_err(failed)
}

fn note_certainty(transaction: &Transaction<'_>, message: i64, certainty: Certainty) -> Result<(), OutboxError> {
    if certainty == Certainty::Refused {
        return Ok(());
    }
    let sql = "UPDATE delivery SET unsure = 1 WHERE message = ?1 AND state = 'queued'";
    transaction.execute(sql, [message]).map_err(sqlite("note an unsure attempt")).map(drop)
}

/// Withdraws the ends that wait in a message's lane for alerts of which nobody was told there, nor will be.
fn withdraw_ends(transaction: &Transaction<'_>, message: i64) -> Result<(), OutboxError> {
    let sql = "UPDATE delivery SET state = 'withdrawn', error = 'they were never told of the alert' \
               WHERE lane = (SELECT lane FROM message WHERE id = ?1) \
                 AND state = 'queued' AND message IS NULL AND kind = ?2 \
                 AND EXISTS (SELECT 1 FROM delivery o WHERE o.alert = delivery.alert AND o.lane = delivery.lane \
                             AND o.state = 'failed') \
                 AND NOT EXISTS (SELECT 1 FROM delivery o \
                                 WHERE o.alert = delivery.alert AND o.lane = delivery.lane AND o.kind <> ?2 \
                                   AND o.state <> 'withdrawn' AND (o.state <> 'failed' OR o.unsure = 1))";
    let withdrawn = transaction.execute(sql, params![message, Kind::Resolved.word()]);
    withdrawn.map_err(sqlite("withdraw notifications")).map(drop)
}

enum Chosen {
    Members(Vec<i64>),
    /// Of a digest that was refused.
    Parted(Vec<i64>, i64),
    NotBefore(Timestamp),
    Nothing,
}

/// Which of a lane's waiting deliveries leave together. One by one, while few wait and few have gone within the
/// minute; else all of them, not sooner than the pace allows. What is left of a refused digest goes before.
fn choose(transaction: &Transaction<'_>, lane: &str, pace: &Pace, now: Timestamp) -> Result<Chosen, OutboxError> {
    let failed = sqlite("look at a lane");
    let sql = "SELECT id, digest, part FROM delivery WHERE lane = ?1 AND state = 'queued' AND message IS NULL \
               AND not_before <= ?2 ORDER BY part IS NULL, id LIMIT ?3";
    let mut statement = transaction.prepare_cached(sql).map_err(failed)?;
    let rows = statement
        .query_map(params![lane, now.micros(), pace.digest_members_max], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .map_err(failed)?;
    let waiting: Vec<(i64, bool, Option<i64>)> = rows.collect::<Result<_, _>>().map_err(failed)?;
    let Some((first, wants_digest, part)) = waiting.first() else { return Ok(Chosen::Nothing) };
    if let Some(part) = part {
        let members = waiting.iter().filter(|(.., other)| *other == Some(*part)).map(|(id, ..)| *id).collect();
        let (members, root) = part::choose(transaction, lane, *part, members)?;
        return Ok(Chosen::Parted(members, root));
    }
    if *wants_digest {
        return Ok(Chosen::Members(waiting.iter().filter(|(_, digest, _)| *digest).map(|(id, ..)| *id).collect()));
    }
    let sql = "SELECT count(*), max(begun_at) FROM message WHERE lane = ?1 AND begun_at > ?2";
    let since = (now - MINUTE.max(pace.digest_every)).micros();
    let (recent, last): (u32, Option<i64>) =
        transaction.query_row(sql, params![lane, since], |row| Ok((row.get(0)?, row.get(1)?))).map_err(failed)?;
    let few = waiting.len() <= pace.one_by_one_max as usize && recent < pace.one_by_one_max;
    if few {
        return Ok(Chosen::Members(vec![*first]));
    }
    let earliest = last.map(|last| Timestamp::from_micros(last) + pace.digest_every);
    match earliest.filter(|earliest| *earliest > now) {
        Some(earliest) => Ok(Chosen::NotBefore(earliest)),
        None => Ok(Chosen::Members(waiting.into_iter().map(|(id, ..)| id).collect())),
    }
}

/// Writes a message down, of a refused digest when there is a `root`; its number.
pub(super) fn begin(
    transaction: &Transaction<'_>,
    lane: &str,
    members: &[i64],
    root: Option<i64>,
    now: Timestamp,
) -> Result<i64, OutboxError> {
    let failed = sqlite("write a message down");
    let mut read = transaction.prepare_cached("SELECT key FROM delivery WHERE id = ?1").map_err(failed)?;
    let keys: Result<Vec<String>, _> = members.iter().map(|id| read.query_row([id], |row| row.get(0))).collect();
    let mut keys = keys.map_err(failed)?;
    let key = match keys.as_mut_slice() {
        [only] => std::mem::take(only),
        keys => key_of(&keys.iter().map(String::as_str).collect::<Vec<_>>()),
    };
    let sql = "INSERT INTO message (key, lane, members, attempts, in_flight, next_at, begun_at, root) \
               VALUES (?1, ?2, ?3, 1, 1, ?4, ?4, ?5)";
    let row = params![key, lane, members.len() as i64, now.micros(), root];
    let message = transaction.prepare_cached(sql).and_then(|mut statement| statement.insert(row)).map_err(failed)?;
    let mut point = transaction.prepare_cached("UPDATE delivery SET message = ?2 WHERE id = ?1").map_err(failed)?;
    for id in members {
        point.execute(params![id, message]).map_err(failed)?;
    }
    Ok(message)
}

/// A message as it is to be sent. A member that cannot be read is given up, so that it holds up nothing else; `None`
/// when there is no other.
fn errand(transaction: &Transaction<'_>, message: i64, now: Timestamp) -> Result<Option<Errand>, OutboxError> {
    let failed = sqlite("read a message");
    let mut errand = transaction
        .query_row("SELECT key, lane, attempts FROM message WHERE id = ?1", [message], |row| {
            Ok(Errand {
                message,
                key: row.get(0)?,
                lane: row.get(1)?,
                attempts: row.get(2)?,
                recipient: String::new(),
                channel: String::new(),
                languages: Vec::new(),
                since: Timestamp::EPOCH,
                members: Vec::new(),
            })
        })
        .map_err(failed)?;
    let mut unreadable = Vec::new();
    let sql = "SELECT d.key, d.kind, d.recipient, d.channel, d.languages, d.not_before, n.facts, d.id \
               FROM delivery d JOIN notice n ON n.id = d.notice WHERE d.message = ?1 ORDER BY d.id";
    let mut statement = transaction.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement.query([message]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let text = |column: usize| row.get::<_, String>(column).map_err(failed);
        let (key, facts) = (text(0)?, text(6)?);
        let facts = match serde_json::from_str(&facts) {
            Ok(facts) => facts,
            Err(error) => {
                tracing::error!(notification.key = key, %error, "what a notification says cannot be read: it is given up");
                unreadable.push(row.get::<_, i64>(7).map_err(failed)?);
                continue;
            }
        };
        let kind = Kind::parse(&text(1)?).unwrap_or(Kind::Raised);
        (errand.recipient, errand.channel) = (text(2)?, text(3)?);
        let since = Timestamp::from_micros(row.get(5).map_err(failed)?);
        errand.since = errand.since.max(since);
        for language in text(4)?.split(',').filter_map(Language::parse) {
            if !errand.languages.contains(&language) {
                errand.languages.push(language);
            }
        }
        errand.members.push((key, Member { kind, facts }));
    }
    const WHY: &str = "what it says cannot be read";
    for id in &unreadable {
        let sql = "UPDATE delivery SET state = 'failed', failed_at = ?2, error = ?3 WHERE id = ?1";
        transaction.execute(sql, params![id, now.micros(), WHY]).map_err(failed)?;
    }
    if !unreadable.is_empty() {
        withdraw_ends(transaction, message)?;
    }
    if errand.members.is_empty() {
        finish(transaction, message, now, Some(WHY))?;
        return Ok(None);
    }
    Ok(Some(errand))
}
