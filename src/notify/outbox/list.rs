//! What became of deliveries: lists, and reports of those who got them.

use rusqlite::{Row, params, params_from_iter};

use super::{Outbox, OutboxError, optional_time, sqlite};
use crate::model::{Seq, Timestamp};

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeliveryState {
    /// It waits, or is being tried.
    Queued,
    /// The other side has taken it.
    Sent,
    /// It has reached the device.
    Delivered,
    /// It was opened.
    Seen,
    /// Its recipient has answered.
    Acknowledged,
    /// It was given up.
    Failed,
    /// Nobody needed it any more before it left.
    Withdrawn,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [DeliveryState; 7] = [
        DeliveryState::Queued,
        DeliveryState::Sent,
        DeliveryState::Delivered,
        DeliveryState::Seen,
        DeliveryState::Acknowledged,
        DeliveryState::Failed,
        DeliveryState::Withdrawn,
    ];

    /// The word in the database, in queries and in answers.
    pub fn word(self) -> &'static str {
        match self {
            DeliveryState::Queued => "queued",
            DeliveryState::Sent => "sent",
            DeliveryState::Delivered => "delivered",
            DeliveryState::Seen => "seen",
            DeliveryState::Acknowledged => "acknowledged",
            DeliveryState::Failed => "failed",
            DeliveryState::Withdrawn => "withdrawn",
        }
    }

    fn parse(word: &str) -> Option<DeliveryState> {
        DeliveryState::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// What is reported of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// It has reached the device.
    Delivered,
    /// It was opened.
    Seen,
    /// Its recipient has answered.
    Acknowledged,
}

impl Report {
    /// From the word in the address.
    pub fn parse(word: &str) -> Option<Report> {
        match word {
            "delivered" => Some(Report::Delivered),
            "seen" => Some(Report::Seen),
            "acknowledged" => Some(Report::Acknowledged),
            _ => None,
        }
    }
}

/// A delivery as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct DeliveryRow {
    /// Its number; later ones are larger.
    pub id: i64,
    /// Its stable key.
    pub key: String,
    /// The alert.
    pub alert: String,
    /// What is told.
    pub kind: String,
    /// To whom.
    pub recipient: String,
    /// By which channel.
    pub channel: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// Since when it has waited.
    pub queued_at: Timestamp,
    /// Not before this, when that is later: quiet hours.
    pub not_before: Timestamp,
    /// When the other side took it.
    pub sent_at: Option<Timestamp>,
    /// When it reached the device.
    pub delivered_at: Option<Timestamp>,
    /// When it was opened.
    pub seen_at: Option<Timestamp>,
    /// When its recipient answered.
    pub acknowledged_at: Option<Timestamp>,
    /// When it was given up.
    pub failed_at: Option<Timestamp>,
    /// What went wrong last, or why it was withdrawn.
    pub error: Option<String>,
    /// How often its message was tried.
    pub attempts: u32,
    /// Members of its message; more than one is a digest.
    pub members: u32,
    /// The message's key; the same as the delivery's unless it is a digest.
    pub message: Option<String>,
    /// What was said in full.
    pub text: Option<String>,
    /// What left, where that was shorter.
    pub sent_text: Option<String>,
}

/// Which deliveries are listed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// In these states; empty: in any.
    pub states: Vec<DeliveryState>,
    /// Of this alert.
    pub alert: Option<String>,
    /// With smaller numbers than this.
    pub before: Option<i64>,
    /// At most.
    pub limit: usize,
}

/// A delivery that a report is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The alert.
    pub alert: String,
    /// To whom it went.
    pub recipient: String,
    /// By which channel.
    pub channel: String,
}

/// A delivery that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The delivery's number.
    pub id: i64,
    /// The alert.
    pub alert: String,
    /// Whom it did not reach.
    pub recipient: String,
    /// By which channel.
    pub channel: String,
    /// The escalation's step; 0 for the alert itself.
    pub step: u16,
    /// The entry that brought the message about.
    pub seq: Seq,
    /// What became of the other ways to those whom the message was for.
    pub others: Others,
}

/// What became of the other ways to tell the same to anybody whom it was for. Machines do not count: they answer nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// There is none, or they failed, too.
    None,
    /// One is still being tried.
    Waiting,
    /// One has got through.
    Sent,
}

const COLUMNS: &str = "d.id, d.key, d.alert, d.kind, d.recipient, d.channel, d.state, d.queued_at, d.not_before, \
    d.sent_at, d.delivered_at, d.seen_at, d.acknowledged_at, d.failed_at, d.error, coalesce(m.attempts, 0), \
    coalesce(m.members, 1), m.key, m.text, m.sent_text";

impl Outbox {
    /// Deliveries, the newest first.
    pub fn list(&self, filter: &Filter) -> Result<Vec<DeliveryRow>, OutboxError> {
        let failed = sqlite("list deliveries");
        let mut sql =
            format!("SELECT {COLUMNS} FROM delivery d LEFT JOIN message m ON m.id = d.message WHERE d.id < ?1");
        let mut values: Vec<rusqlite::types::Value> = vec![filter.before.unwrap_or(i64::MAX).into()];
        if let Some(alert) = &filter.alert {
            values.push(alert.clone().into());
            sql.push_str(&format!(" AND d.alert = ?{}", values.len()));
        }
        if !filter.states.is_empty() {
            let words: Vec<String> = filter.states.iter().map(|state| format!("'{}'", state.word())).collect();
            sql.push_str(&format!(" AND d.state IN ({})", words.join(", ")));
        }
        values.push(i64::try_from(filter.limit).unwrap_or(i64::MAX).into());
        sql.push_str(&format!(" ORDER BY d.id DESC LIMIT ?{}", values.len()));
        let connection = self.database.lock();
        let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
        let rows = statement.query_map(params_from_iter(values), row).map_err(failed)?;
        rows.collect::<Result<_, _>>().map_err(failed)
    }

    /// The deliveries that a key stands for: of one, or of all members of a digest.
    pub fn of_key(&self, key: &str) -> Result<Vec<Delivered>, OutboxError> {
        let failed = sqlite("find a delivery");
        let connection = self.database.lock();
        let sql = "SELECT d.alert, d.recipient, d.channel FROM delivery d \
                   WHERE d.key = ?1 OR d.message = (SELECT id FROM message WHERE key = ?1) ORDER BY d.id";
        let mut statement = connection.prepare_cached(sql).map_err(failed)?;
        let rows = statement
            .query_map([key], |row| Ok(Delivered { alert: row.get(0)?, recipient: row.get(1)?, channel: row.get(2)? }))
            .map_err(failed)?;
        rows.collect::<Result<_, _>>().map_err(failed)
    }

    /// Notes what somebody reports of a delivery, or of all members of a digest. What is known already stays as it is,
    /// and whoever has seen something has got it. A report of what is still being tried ends the trying.
    pub fn report(&self, key: &str, report: Report, now: Timestamp) -> Result<usize, OutboxError> {
        self.transact("note a report", |transaction| {
            let failed = sqlite("note a report");
            let found = "id IN (SELECT id FROM delivery WHERE key = ?1 UNION \
                         SELECT d.id FROM delivery d JOIN message m ON m.id = d.message WHERE m.key = ?1)";
            let (columns, from, to): (&[&str], &str, &str) = match report {
                Report::Delivered => (&["delivered_at"], "'queued', 'sent'", "delivered"),
                Report::Seen => (&["delivered_at", "seen_at"], "'queued', 'sent', 'delivered'", "seen"),
                Report::Acknowledged => (
                    &["delivered_at", "seen_at", "acknowledged_at"],
                    "'queued', 'sent', 'delivered', 'seen'",
                    "acknowledged",
                ),
            };
            let times: Vec<String> =
                columns.iter().map(|column| format!("{column} = coalesce({column}, ?2)")).collect();
            let sql = format!(
                "UPDATE delivery SET {}, sent_at = coalesce(sent_at, ?2), error = NULL, \
                 state = CASE WHEN state IN ({from}, 'failed') THEN '{to}' ELSE state END \
                 WHERE {found} AND message IS NOT NULL AND state <> 'withdrawn'",
                times.join(", ")
            );
            let noted = transaction.execute(&sql, params![key, now.micros()]).map_err(failed)?;
            let sql = "UPDATE message SET finished_at = ?2, in_flight = 0 WHERE finished_at IS NULL AND key = ?1";
            transaction.execute(sql, params![key, now.micros()]).map_err(failed)?;
            Ok(noted)
        })
    }

    /// Failures that nobody has been told of yet, the oldest first: of each what became of the other ways to anybody whom
    /// the message was for, of whom one is enough ([`Others`]). What waits for the end of quiet hours at `now` holds up none.
    pub fn failures(&self, limit: usize, now: Timestamp) -> Result<Vec<Failure>, OutboxError> {
        let failed = sqlite("read failures");
        // Those that wait for others come last: however many they are, they hold up none that can be told.
        let sql = "SELECT d.id, d.alert, d.recipient, d.channel, n.step, \
                          (SELECT count(*) FROM delivery o WHERE o.notice = d.notice \
                           AND o.channel NOT IN ('webhook', 'topic') AND o.state = 'queued' \
                           AND o.not_before <= ?2) AS waiting, \
                          (SELECT count(*) FROM delivery o WHERE o.notice = d.notice \
                           AND o.channel NOT IN ('webhook', 'topic') \
                           AND o.state IN ('sent', 'delivered', 'seen', 'acknowledged')) AS sent, n.seq \
                   FROM delivery d JOIN notice n ON n.id = d.notice \
                   WHERE d.state = 'failed' AND d.failure_told = 0 \
                   ORDER BY (waiting > 0 AND sent = 0), d.id LIMIT ?1";
        let connection = self.database.lock();
        let mut statement = connection.prepare_cached(sql).map_err(failed)?;
        let asked = params![i64::try_from(limit).unwrap_or(i64::MAX), now.micros()];
        let rows = statement.query_map(asked, |row| {
            let (waiting, sent): (u32, u32) = (row.get(5)?, row.get(6)?);
            Ok(Failure {
                id: row.get(0)?,
                alert: row.get(1)?,
                recipient: row.get(2)?,
                channel: row.get(3)?,
                step: row.get(4)?,
                seq: Seq(row.get::<_, i64>(7)?.unsigned_abs()),
                others: match (waiting, sent) {
                    (_, 1..) => Others::Sent,
                    (1.., _) => Others::Waiting,
                    _ => Others::None,
                },
            })
        });
        rows.map_err(failed)?.collect::<Result<_, _>>().map_err(failed)
    }

    /// Notes that failures have been told.
    pub fn failures_told(&self, ids: &[i64]) -> Result<(), OutboxError> {
        self.transact("note that failures were told", |transaction| {
            let failed = sqlite("note that failures were told");
            let sql = "UPDATE delivery SET failure_told = 1 WHERE id = ?1";
            let mut statement = transaction.prepare_cached(sql).map_err(failed)?;
            for id in ids {
                statement.execute([id]).map_err(failed)?;
            }
            Ok(())
        })
    }
}

fn row(row: &Row<'_>) -> rusqlite::Result<DeliveryRow> {
    let state: String = row.get(6)?;
    Ok(DeliveryRow {
        id: row.get(0)?,
        key: row.get(1)?,
        alert: row.get(2)?,
        kind: row.get(3)?,
        recipient: row.get(4)?,
        channel: row.get(5)?,
        state: DeliveryState::parse(&state).unwrap_or(DeliveryState::Queued),
        queued_at: Timestamp::from_micros(row.get(7)?),
        not_before: Timestamp::from_micros(row.get(8)?),
        sent_at: optional_time(row.get(9)?),
        delivered_at: optional_time(row.get(10)?),
        seen_at: optional_time(row.get(11)?),
        acknowledged_at: optional_time(row.get(12)?),
        failed_at: optional_time(row.get(13)?),
        error: row.get(14)?,
        attempts: row.get(15)?,
        members: row.get(16)?,
        message: row.get(17)?,
        text: row.get(18)?,
        sent_text: row.get(19)?,
    })
}
