//! What entries brought about, on its way into the outbox: who is told what, and who of it need not be told any more.

use rusqlite::{Transaction, params};

use super::{Outbox, OutboxError, key_of, sqlite};
use crate::model::{Seq, Timestamp};
use crate::notify::facts::{Facts, Kind};
use crate::notify::person::Then;
use crate::notify::texts::Language;

/// Something that happened, and whom it may concern.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The journal's entry.
    pub seq: Seq,
    /// Which one of that entry, from 0.
    pub number: u32,
    /// What is said.
    pub facts: Facts,
    /// What happened.
    pub what: What,
    /// Who wants to hear of it as it is now; for an escalation, who must.
    pub routes: Vec<Route>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// An alert changed. `None` when that is not told to those who know of it.
    Transition(Option<Kind>),
    /// A known heat source explains it no more: who does not know of it hears of it for the first time.
    Unmasked,
    /// Somebody must answer; with the step.
    Escalation(Kind, u16),
}

/// One way to one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// A person, or a declared machine.
    pub recipient: String,
    /// The contact.
    pub lane: String,
    /// The channel.
    pub channel: String,
    /// In which languages.
    pub languages: Vec<Language>,
    /// Until when it waits, and how it is told then.
    pub hold: Option<(Timestamp, Then)>,
}

/// What was queued.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queued {
    /// Deliveries that wait now.
    pub queued: usize,
    /// Deliveries that nobody needs any more.
    pub withdrawn: usize,
}

/// A lane that has heard of an alert, or waits to.
struct Known {
    recipient: String,
    lane: String,
    channel: String,
    languages: String,
    /// It was told, or may have been.
    is_told: bool,
    /// Deliveries that are not under way yet.
    waiting: i64,
}

impl Outbox {
    /// Queues what entries up to `through` brought about, in one transaction with the checkpoint. Events of entries
    /// that were looked through before are ignored. `hold` says until when a lane's recipient waits for something of
    /// these facts.
    pub fn queue(
        &self,
        events: &[Event],
        through: Seq,
        now: Timestamp,
        hold: impl Fn(&str, &str, &Facts) -> Option<(Timestamp, Then)>,
    ) -> Result<Queued, OutboxError> {
        self.transact("queue notifications", |transaction| {
            let failed = sqlite("queue notifications");
            let checkpoint: i64 =
                transaction.query_row("SELECT seq FROM checkpoint", [], |row| row.get(0)).map_err(failed)?;
            let checkpoint = Seq(u64::try_from(checkpoint).unwrap_or(0));
            let mut queued = Queued::default();
            for event in events.iter().filter(|event| event.seq > checkpoint) {
                let mut entry = Entry { transaction, event, now, notice: None, queued: &mut queued };
                match event.what {
                    What::Transition(Some(Kind::Resolved)) => entry.resolve(&hold)?,
                    What::Transition(kind) => entry.change(kind, &hold)?,
                    What::Unmasked => {
                        let known = entry.known()?;
                        entry.spread(&known)?;
                    }
                    What::Escalation(kind, _) => {
                        for route in &event.routes {
                            entry.add(kind, route)?;
                        }
                    }
                }
            }
            let sql = "UPDATE checkpoint SET seq = max(seq, ?1)";
            transaction.execute(sql, [i64::try_from(through.0).unwrap_or(i64::MAX)]).map_err(failed)?;
            Ok(queued)
        })
    }
}

/// One event while it is written.
struct Entry<'e> {
    transaction: &'e Transaction<'e>,
    event: &'e Event,
    now: Timestamp,
    /// Its row, once somebody is told of it.
    notice: Option<i64>,
    queued: &'e mut Queued,
}

type Hold<'h> = &'h dyn Fn(&str, &str, &Facts) -> Option<(Timestamp, Then)>;

impl Entry<'_> {
    /// Those who know of the alert hear how it changed; those who want to hear of it as it is now, and did not know of
    /// it, hear of it for the first time.
    fn change(&mut self, kind: Option<Kind>, hold: Hold<'_>) -> Result<(), OutboxError> {
        let known = if kind == Some(Kind::Raised) { Vec::new() } else { self.known()? };
        if let Some(kind) = kind {
            for known in &known {
                let hold = hold(&known.recipient, &known.channel, &self.event.facts);
                let route = known.route(hold);
                let overtaken = if hold.is_none() { self.overtake(&route.lane)? } else { 0 };
                let is_first = !known.is_told && overtaken as i64 == known.waiting;
                self.add(if is_first { Kind::Raised } else { kind }, &route)?;
            }
        }
        if matches!(kind, Some(Kind::Raised | Kind::Worse)) {
            self.spread(&known)?;
        }
        Ok(())
    }

    /// Who wants to hear of it as it is now and is not among the known hears of it for the first time.
    fn spread(&mut self, known: &[Known]) -> Result<(), OutboxError> {
        let event = self.event;
        for route in event.routes.iter().filter(|route| known.iter().all(|known| known.lane != route.lane)) {
            self.add(Kind::Raised, route)?;
        }
        Ok(())
    }

    /// Whoever was told, or may have been, hears that it is over. Where the raise was never taken up, both are
    /// withdrawn, for the record.
    fn resolve(&mut self, hold: Hold<'_>) -> Result<(), OutboxError> {
        for known in self.known()? {
            let route = known.route(hold(&known.recipient, &known.channel, &self.event.facts));
            if known.is_told {
                self.add(Kind::Resolved, &route)?;
                continue;
            }
            let why =
                if known.waiting > 0 { "cleared before it was sent" } else { "they were never told of the alert" };
            let sql = "UPDATE delivery SET state = 'withdrawn', error = ?3 \
                       WHERE alert = ?1 AND lane = ?2 AND state = 'queued' AND message IS NULL";
            let failed = sqlite("withdraw notifications");
            let mut statement = self.transaction.prepare_cached(sql).map_err(failed)?;
            let withdrawn = statement.execute(params![self.event.facts.alert, route.lane, why]).map_err(failed)?;
            self.insert(Kind::Resolved, &route, "withdrawn", Some(why))?;
            self.queued.withdrawn += withdrawn + 1;
        }
        Ok(())
    }

    fn known(&self) -> Result<Vec<Known>, OutboxError> {
        let failed = sqlite("read who was told");
        let sql = "SELECT d.lane, max(d.recipient), max(d.channel), max(d.languages), \
                          max(d.state IN ('sent', 'delivered', 'seen', 'acknowledged') \
                              OR (d.state = 'queued' AND d.message IS NOT NULL) \
                              OR d.unsure = 1), \
                          sum(d.state = 'queued' AND d.message IS NULL) \
                   FROM delivery d \
                   WHERE d.alert = ?1 AND d.state <> 'withdrawn' GROUP BY d.lane ORDER BY min(d.id)";
        let mut statement = self.transaction.prepare_cached(sql).map_err(failed)?;
        let rows = statement.query_map([&self.event.facts.alert], |row| {
            Ok(Known {
                lane: row.get(0)?,
                recipient: row.get(1)?,
                channel: row.get(2)?,
                languages: row.get(3)?,
                is_told: row.get(4)?,
                waiting: row.get(5)?,
            })
        });
        rows.map_err(failed)?.collect::<Result<_, _>>().map_err(failed)
    }

    /// Withdraws what still waits through quiet hours, as something newer of the alert goes now; how many.
    fn overtake(&mut self, lane: &str) -> Result<usize, OutboxError> {
        let failed = sqlite("withdraw notifications");
        let sql = "UPDATE delivery SET state = 'withdrawn', error = 'overtaken by what followed' \
                   WHERE alert = ?1 AND lane = ?2 AND state = 'queued' AND message IS NULL AND not_before > ?3";
        let mut statement = self.transaction.prepare_cached(sql).map_err(failed)?;
        let overtaken = statement.execute(params![self.event.facts.alert, lane, self.now.micros()]).map_err(failed)?;
        self.queued.withdrawn += overtaken;
        Ok(overtaken)
    }

    fn add(&mut self, kind: Kind, route: &Route) -> Result<(), OutboxError> {
        self.insert(kind, route, "queued", None)?;
        self.queued.queued += 1;
        Ok(())
    }

    fn insert(&mut self, kind: Kind, route: &Route, state: &str, error: Option<&str>) -> Result<(), OutboxError> {
        let failed = sqlite("queue notifications");
        let event = self.event;
        let (seq, number) = (event.seq.to_string(), event.number.to_string());
        let key = key_of(&[&event.facts.alert, &seq, &number, kind.word(), &route.recipient, &route.lane]);
        let notice = self.notice()?;
        let languages = route.languages.iter().map(|language| language.word()).collect::<Vec<_>>().join(",");
        let (not_before, then) = route.hold.unwrap_or((self.now, Then::Tell));
        let sql = "INSERT INTO delivery (key, notice, alert, kind, recipient, lane, channel, languages, state, \
                   not_before, digest, queued_at, error) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
        let mut statement = self.transaction.prepare_cached(sql).map_err(failed)?;
        let row = params![
            key,
            notice,
            event.facts.alert,
            kind.word(),
            route.recipient,
            route.lane,
            route.channel,
            languages,
            state,
            not_before.micros(),
            then == Then::Digest,
            self.now.micros(),
            error,
        ];
        statement.execute(row).map_err(failed).map(drop)
    }

    fn notice(&mut self) -> Result<i64, OutboxError> {
        if let Some(notice) = self.notice {
            return Ok(notice);
        }
        let failed = sqlite("queue notifications");
        let event = self.event;
        let facts = serde_json::to_string(&event.facts)
            .map_err(|source| OutboxError::Unreadable { what: event.facts.alert.clone(), source })?;
        let ends = event.what == What::Transition(Some(Kind::Resolved));
        let step = if let What::Escalation(_, step) = event.what { step } else { 0 };
        let sql = "INSERT INTO notice (seq, number, alert, ends, step, at, facts) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let mut statement = self.transaction.prepare_cached(sql).map_err(failed)?;
        let seq = i64::try_from(event.seq.0).unwrap_or(i64::MAX);
        let row = params![seq, event.number, event.facts.alert, ends, step, self.now.micros(), facts];
        let id = statement.insert(row).map_err(failed)?;
        self.notice = Some(id);
        Ok(id)
    }
}

impl Known {
    fn route(&self, hold: Option<(Timestamp, Then)>) -> Route {
        Route {
            recipient: self.recipient.clone(),
            lane: self.lane.clone(),
            channel: self.channel.clone(),
            languages: self.languages.split(',').filter_map(Language::parse).collect(),
            hold,
        }
    }
}
