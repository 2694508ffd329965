//! The tables of sessions: every change as SQL, and all of them read back.
//!
//! A change that finds nothing to change (a message that was displaced meanwhile, a session that is gone) is no error:
//! changes of a session that was forgotten are left out.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rmqtt_codec::types::QoS;
use rusqlite::{Connection, Row, Transaction, params};

use super::super::access::Issue;
use super::super::alerts::{AlertMessage, Delivery, Nature};
use super::incoming::Stage;
use super::queue::Entry;
use super::store::{Op, SessionNo};
use crate::model::{Seq, Timestamp};

/// Everything that was kept.
#[derive(Debug, Default)]
pub(in crate::mqtt::edge) struct Found {
    pub sessions: Vec<FoundSession>,
    pub retained: Vec<Arc<AlertMessage>>,
    pub wills: Vec<FoundWill>,
    /// The largest number of a message.
    pub message_no: i64,
}

/// A session as it was kept.
#[derive(Debug)]
pub(in crate::mqtt::edge) struct FoundSession {
    pub no: SessionNo,
    pub client: String,
    pub account: String,
    /// `None`: from before it was kept.
    pub issue: Option<Issue>,
    pub expiry_s: u32,
    /// `None`: its client was connected.
    pub left_at: Option<Timestamp>,
    pub subscriptions: Vec<FoundSubscription>,
    pub queued: Vec<Entry>,
    pub received: BTreeMap<u16, Stage>,
}

/// A subscription as it was kept.
#[derive(Debug)]
pub(in crate::mqtt::edge) struct FoundSubscription {
    pub filter: String,
    pub qos: QoS,
    pub as_published: bool,
    pub replaying: bool,
}

/// A will as it was kept.
#[derive(Debug)]
pub(in crate::mqtt::edge) struct FoundWill {
    pub no: i64,
    pub client: String,
    pub account: String,
    pub topic: String,
    pub payload: Vec<u8>,
    pub delay_s: u32,
    /// `None`: its client was connected.
    pub due_at: Option<Timestamp>,
}

/// Writes changes in one transaction, on disk when it returns.
pub(super) fn write(connection: &mut Connection, ops: &[Op]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for op in ops {
        write_one(&transaction, op)?;
    }
    transaction.commit()
}

const QUEUE: &str = "INSERT INTO queued SELECT ?1, ?2, ?3, ?4, ?5 WHERE EXISTS (SELECT 1 FROM session WHERE no = ?1)";
const QUEUED_NOWHERE: &str =
    "DELETE FROM message WHERE no = ?1 AND NOT EXISTS (SELECT 1 FROM queued WHERE message = ?1)";
const SUBSCRIBE: &str = "INSERT OR REPLACE INTO subscription SELECT ?1, ?2, ?3, ?4, ?5 \
                         WHERE EXISTS (SELECT 1 FROM session WHERE no = ?1)";
const INTEND: &str = "INSERT OR REPLACE INTO received SELECT ?1, ?2, ?3, 0 \
                      WHERE EXISTS (SELECT 1 FROM session WHERE no = ?1)";

fn write_one(to: &Transaction<'_>, op: &Op) -> rusqlite::Result<()> {
    let run = |sql: &str, values: &[&dyn rusqlite::ToSql]| to.prepare_cached(sql)?.execute(values).map(drop);
    match op {
        Op::Open { session, client, account, issue, expiry_s } => {
            // A client has one session: whatever else is there of it was left behind.
            run("DELETE FROM session WHERE client = ?1", params![client])?;
            let sql = "INSERT INTO session VALUES (?1, ?2, ?3, ?4, NULL, ?5)";
            run(sql, params![session.0, client, account, expiry_s, as_bytes(issue)])
        }
        Op::Issued { session, issue } => {
            run("UPDATE session SET issue = ?2 WHERE no = ?1", params![session.0, as_bytes(issue)])
        }
        Op::Resume { session, expiry_s } => {
            run("UPDATE session SET expiry_s = ?2, left_at = NULL WHERE no = ?1", params![session.0, expiry_s])
        }
        Op::Leave { session, expiry_s, at } => {
            let sql = "UPDATE session SET expiry_s = ?2, left_at = ?3 WHERE no = ?1";
            run(sql, params![session.0, expiry_s, at.micros()])
        }
        Op::Forget { session } => run("DELETE FROM session WHERE no = ?1", params![session.0]),
        Op::Subscribe { session, filter, qos, as_published, replaying } => {
            run(SUBSCRIBE, params![session.0, filter, qos, as_published, replaying])
        }
        Op::Unsubscribe { session, filter } => {
            run("DELETE FROM subscription WHERE session = ?1 AND filter = ?2", params![session.0, filter])
        }
        Op::Replayed { session, filter } => {
            let sql = "UPDATE subscription SET replaying = 0 WHERE session = ?1 AND filter = ?2";
            run(sql, params![session.0, filter])
        }
        Op::Queue { session, no, alert, retain, packet_id } => {
            let insert = "INSERT OR IGNORE INTO message VALUES (?1, ?2, ?3, ?4, ?5)";
            let over = alert.expires_at.map(Timestamp::micros);
            let is_command = alert.nature == Nature::Command;
            run(insert, params![alert.no, &*alert.topic, &alert.payload[..], over, is_command])?;
            run(QUEUE, params![session.0, no, alert.no, retain, packet_id])?;
            run(QUEUED_NOWHERE, params![alert.no])
        }
        Op::Sent { session, no, packet_id } => {
            let sql = "UPDATE queued SET packet_id = ?3 WHERE session = ?1 AND no = ?2";
            run(sql, params![session.0, no, packet_id])
        }
        Op::Dequeue { session, no } => run("DELETE FROM queued WHERE session = ?1 AND no = ?2", params![session.0, no]),
        Op::Intend { session, packet_id, received_at } => {
            run(INTEND, params![session.0, packet_id, received_at.micros()])
        }
        Op::Took { session, packet_id } => {
            run("UPDATE received SET taken = 1 WHERE session = ?1 AND packet_id = ?2", params![session.0, packet_id])
        }
        Op::Release { session, packet_id } => {
            run("DELETE FROM received WHERE session = ?1 AND packet_id = ?2", params![session.0, packet_id])
        }
        Op::Keep { alert } => {
            let over = alert.expires_at.map(Timestamp::micros);
            let is_command = alert.nature == Nature::Command;
            let sql = "INSERT OR REPLACE INTO retained VALUES (?1, ?2, ?3, ?4)";
            run(sql, params![&*alert.topic, &alert.payload[..], over, is_command])
        }
        Op::Clear { topic } => run("DELETE FROM retained WHERE topic = ?1", params![topic]),
        Op::Will { no, client, account, topic, payload, delay_s } => {
            let sql = "INSERT INTO will VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL)";
            run(sql, params![no, client, account, topic, payload, delay_s])
        }
        Op::WillDue { no, at } => run("UPDATE will SET due_at = ?2 WHERE no = ?1", params![no, at.micros()]),
        Op::NoWill { no } => run("DELETE FROM will WHERE no = ?1", params![no]),
    }
}

fn as_bytes(issue: &Issue) -> &[u8] {
    match issue {
        Issue::Configured => &[],
        Issue::Secret(hash) => hash,
    }
}

fn issue(bytes: Vec<u8>) -> Issue {
    bytes.try_into().map_or(Issue::Configured, Issue::Secret)
}

/// Puts a row where it belongs.
type Take<'a> = dyn FnMut(&mut FoundSession, &Row<'_>) -> rusqlite::Result<()> + 'a;

/// Reads everything.
pub(super) fn read(from: &Connection) -> rusqlite::Result<Found> {
    let mut found = Found {
        message_no: from.query_row("SELECT coalesce(max(no), 0) FROM message", [], |row| row.get(0))?,
        retained: retained(from)?,
        wills: wills(from)?,
        sessions: sessions(from)?,
    };
    let places: HashMap<i64, usize> =
        found.sessions.iter().enumerate().map(|(place, session)| (session.no.0, place)).collect();
    let mut each = |sql: &str, take: &mut Take<'_>| -> rusqlite::Result<()> {
        let mut statement = from.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let place = places.get(&row.get(0)?).copied();
            if let Some(session) = place.and_then(|place| found.sessions.get_mut(place)) {
                take(session, row)?;
            }
        }
        Ok(())
    };
    each("SELECT session, filter, qos, as_published, replaying FROM subscription", &mut |session, row| {
        session.subscriptions.push(FoundSubscription {
            filter: row.get(1)?,
            qos: if row.get::<_, u8>(2)? == 0 { QoS::AtMostOnce } else { QoS::AtLeastOnce },
            as_published: row.get(3)?,
            replaying: row.get(4)?,
        });
        Ok(())
    })?;
    let mut messages: HashMap<i64, Arc<AlertMessage>> = HashMap::new();
    let sql = "SELECT q.session, q.no, q.retain, q.packet_id, m.topic, m.payload, m.expires_at, m.is_command, m.no \
               FROM queued q JOIN message m ON m.no = q.message ORDER BY q.session, q.no";
    each(sql, &mut |session, row| {
        let no: i64 = row.get(8)?;
        let alert = match messages.get(&no) {
            Some(alert) => alert.clone(),
            None => messages.entry(no).or_insert(Arc::new(message(row, no, 4)?)).clone(),
        };
        let delivery = Delivery { alert, qos: QoS::AtLeastOnce, retain: row.get(2)? };
        session.queued.push(Entry {
            no: row.get(1)?,
            delivery,
            packet_id: row.get::<_, Option<u16>>(3)?.and_then(|id| id.try_into().ok()),
        });
        Ok(())
    })?;
    each("SELECT session, packet_id, received_at, taken FROM received", &mut |session, row| {
        let received_at = Timestamp::from_micros(row.get(2)?);
        // What was taken was on disk before that was written: its number is below every number to come.
        let stage = if row.get(3)? { Stage::Known { seq: Seq(0) } } else { Stage::Doubtful { received_at } };
        session.received.insert(row.get(1)?, stage);
        Ok(())
    })?;
    Ok(found)
}

/// Topic, payload, expiry and nature, from column `at` on.
fn message(row: &Row<'_>, no: i64, at: usize) -> rusqlite::Result<AlertMessage> {
    Ok(AlertMessage {
        no,
        topic: row.get::<_, String>(at)?.into(),
        payload: row.get::<_, Vec<u8>>(at + 1)?.into(),
        expires_at: row.get::<_, Option<i64>>(at + 2)?.map(Timestamp::from_micros),
        nature: if row.get(at + 3)? { Nature::Command } else { Nature::Alert },
    })
}

fn retained(from: &Connection) -> rusqlite::Result<Vec<Arc<AlertMessage>>> {
    let mut statement = from.prepare("SELECT topic, payload, expires_at, is_command FROM retained")?;
    let rows = statement.query_map([], |row| message(row, 0, 0).map(Arc::new))?;
    rows.collect()
}

fn sessions(from: &Connection) -> rusqlite::Result<Vec<FoundSession>> {
    let mut statement = from.prepare("SELECT no, client, account, expiry_s, left_at, issue FROM session")?;
    let rows = statement.query_map([], |row| {
        Ok(FoundSession {
            no: SessionNo(row.get(0)?),
            client: row.get(1)?,
            account: row.get(2)?,
            expiry_s: row.get(3)?,
            left_at: row.get::<_, Option<i64>>(4)?.map(Timestamp::from_micros),
            issue: row.get::<_, Option<Vec<u8>>>(5)?.map(issue),
            subscriptions: Vec::new(),
            queued: Vec::new(),
            received: BTreeMap::new(),
        })
    })?;
    rows.collect()
}

fn wills(from: &Connection) -> rusqlite::Result<Vec<FoundWill>> {
    let mut statement = from.prepare("SELECT no, client, account, topic, payload, delay_s, due_at FROM will")?;
    let rows = statement.query_map([], |row| {
        Ok(FoundWill {
            no: row.get(0)?,
            client: row.get(1)?,
            account: row.get(2)?,
            topic: row.get(3)?,
            payload: row.get(4)?,
            delay_s: row.get(5)?,
            due_at: row.get::<_, Option<i64>>(6)?.map(Timestamp::from_micros),
        })
    })?;
    rows.collect()
}
