//! Where transitions become notifications: who wants to hear of what, by which ways, and until when it may wait.
//!
//! The follower of the journal calls [`Desk::take`] for every batch that changed an alert, before anybody can have a
//! snapshot of what the batch did. Without a transition nothing is done here, and no database asked.
//!
//! **Who is not told.** Of an alert that a known heat source explains, or that somebody shelved or closed while its
//! condition holds ([`Alert::quiet`]), nobody hears anything but, if they were told of it before, its end. When the heat
//! source explains it no more, everybody whom it concerns and who does not know of it hears that it is raised. Of one
//! that is flapping people hear the one notice that says so, that it got worse, and its end, which is when it has
//! settled; not that it got milder, or that its data stopped or came again. Of what late data would have raised nobody
//! hears at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use metrics::counter;
use tokio::sync::Notify as Wake;

use super::config::{Config, Wanted};
use super::facts::{Facts, Kind, Place, codes_around};
use super::outbox::{Event, Outbox, OutboxError, Queued, Route, What};
use super::people::{Directory, People};
use super::person::{Contact, Person, Subscription, Then};
use super::texts::Language;
use crate::model::{
    Alert, AlertId, Catalogue, Escalation, EscalationCause, LocalName, PersonId, Seq, Severity, Timestamp, Transition,
};

/// Numbers of what an entry brought about, for keys: behind those of transitions, however many there are.
const UNMASKED_FROM: u32 = 1 << 30;
const ESCALATED_FROM: u32 = 1 << 31;

/// Whether a known heat source explains an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mask {
    None,
    Explained,
}

/// A machine that the configuration declares.
#[derive(Debug)]
struct Declared {
    lane: String,
    name: String,
    channel: &'static str,
    wanted: Wanted,
}

/// What a batch of entries did to alerts.
pub struct Happened<'h> {
    /// The catalogue in force after it.
    pub catalogue: &'h Catalogue,
    /// Named places for texts.
    pub places: &'h [Place],
    /// Changes of alerts, in order.
    pub transitions: &'h [Transition],
    /// Alerts that are taken to somebody, each with whom that means; `None`: everybody whom the alert itself reaches.
    pub escalations: Vec<(&'h Escalation, Option<Vec<PersonId>>)>,
    /// Alerts that a known heat source explained after an entry that changed or escalated them.
    pub masked: &'h BTreeSet<(Seq, AlertId)>,
    /// Alerts that one does not explain any more after an entry, as they were then.
    pub unmasked: &'h [(Seq, Arc<Alert>)],
    /// What to do about an alert.
    pub advice: &'h dyn Fn(&Alert) -> Option<LocalName>,
    /// The last entry of the batch.
    pub through: Seq,
    /// When.
    pub now: Timestamp,
}

impl Happened<'_> {
    fn mask_of(&self, seq: Seq, alert: &Alert) -> Mask {
        let is_masked = !self.masked.is_empty() && self.masked.contains(&(seq, alert.id.clone()));
        if is_masked { Mask::Explained } else { Mask::None }
    }
}

/// Takes what happened to alerts, and queues it for whoever wants to hear of it.
pub struct Desk {
    outbox: Arc<Outbox>,
    people: Arc<People>,
    declared: Vec<Declared>,
    wake: Arc<Wake>,
}

impl Desk {
    /// For the people of a database and the machines of a configuration.
    pub fn new(config: &Config, outbox: Arc<Outbox>, people: Arc<People>) -> Desk {
        let webhooks = config.webhooks.iter().map(|webhook| ("webhook", &webhook.name, webhook.wanted()));
        let topics = config.topics.iter().map(|topic| ("topic", &topic.name, topic.wanted()));
        let declared = webhooks.chain(topics).map(|(channel, name, wanted)| Declared {
            lane: format!("{channel}:{name}"),
            name: name.clone(),
            channel,
            wanted,
        });
        Desk { outbox, people, declared: declared.collect(), wake: Arc::default() }
    }

    /// Rung when something was queued.
    pub(super) fn wake(&self) -> &Arc<Wake> {
        &self.wake
    }

    /// The outbox.
    pub fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }

    /// The people.
    pub fn people(&self) -> &Arc<People> {
        &self.people
    }

    /// Queues what happened; on disk when this returns. What was taken before is ignored.
    ///
    /// # Errors
    /// The outbox cannot be written: the same is to be offered again, before anything else and before a snapshot.
    pub fn take(&self, happened: &Happened<'_>) -> Result<Queued, OutboxError> {
        if happened.transitions.is_empty() && happened.escalations.is_empty() && happened.unmasked.is_empty() {
            return Ok(Queued::default());
        }
        let directory = self.people.directory();
        let mut events = self.changes(&directory, happened);
        events.extend(self.revealed(&directory, happened));
        events.extend(self.escalated(&directory, happened));
        // In the order in which it happened: an end withdraws what came before it, whatever that was.
        events.sort_by_key(|event| (event.seq, event.number));
        if events.is_empty() {
            return Ok(Queued::default());
        }
        let hold = |recipient: &str, channel: &str, facts: &Facts| {
            directory.person(recipient).and_then(|person| hold_of(person, channel, facts.severity, happened.now))
        };
        let queued = self.outbox.queue(&events, happened.through, happened.now, hold)?;
        counter!("notifications_queued_total").increment(queued.queued as u64);
        counter!("notifications_withdrawn_total").increment(queued.withdrawn as u64);
        self.wake.notify_one();
        Ok(queued)
    }

    /// What transitions are to people.
    fn changes(&self, directory: &Directory, happened: &Happened<'_>) -> Vec<Event> {
        let mut events = Vec::with_capacity(happened.transitions.len());
        let (mut seq, mut number) = (Seq::default(), 0);
        for transition in happened.transitions {
            number = if transition.seq == seq { number + 1 } else { 0 };
            seq = transition.seq;
            let Some(kind) = told_of(transition, happened.mask_of(seq, &transition.alert)) else { continue };
            let Some(facts) = self.facts(happened, &transition.alert) else { continue };
            let spreads = matches!(kind, Kind::Raised | Kind::Worse);
            let routes = if spreads { self.routes(directory, happened, &facts) } else { Vec::new() };
            events.push(Event { seq, number, facts, what: What::Transition(Some(kind)), routes });
        }
        events
    }

    /// What a known heat source had explained: for those who do not know of it by a transition of the same entry.
    fn revealed(&self, directory: &Directory, happened: &Happened<'_>) -> Vec<Event> {
        let mut numbers: BTreeMap<Seq, u32> = BTreeMap::new();
        let heard = happened.unmasked.iter().filter(|(_, alert)| !alert.quiet);
        let event = |(seq, alert): &(Seq, Arc<Alert>)| {
            let number = numbers.entry(*seq).and_modify(|number| *number += 1).or_insert(UNMASKED_FROM);
            let facts = self.facts(happened, alert)?;
            let routes = self.routes(directory, happened, &facts);
            Some(Event { seq: *seq, number: *number, facts, what: What::Unmasked, routes })
        };
        heard.filter_map(event).collect()
    }

    /// Whom alerts are taken to.
    fn escalated(&self, directory: &Directory, happened: &Happened<'_>) -> Vec<Event> {
        let mut events = Vec::with_capacity(happened.escalations.len());
        let mut numbers: BTreeMap<Seq, u32> = BTreeMap::new();
        for (escalation, whom) in &happened.escalations {
            let number = numbers.entry(escalation.seq).or_insert(ESCALATED_FROM);
            *number += 1;
            if happened.mask_of(escalation.seq, &escalation.alert) == Mask::Explained {
                continue;
            }
            let Some(facts) = self.facts(happened, &escalation.alert) else { continue };
            let named = whom.iter().flatten().flat_map(|id| every_way(directory, id));
            let mut routes: Vec<Route> = named.collect();
            if routes.is_empty() {
                if whom.is_some() {
                    tracing::warn!(alert = %escalation.alert.id, "nobody whom the alert is taken to can be reached: all are told");
                }
                routes = self.routes(directory, happened, &facts).into_iter().map(at_once).collect();
            }
            let what = What::Escalation(kind_of(escalation.why), escalation.step);
            events.push(Event { seq: escalation.seq, number: *number, facts, what, routes });
        }
        events
    }

    fn facts(&self, happened: &Happened<'_>, alert: &Alert) -> Option<Facts> {
        let advice = (happened.advice)(alert);
        Facts::of(happened.catalogue, happened.places, alert, advice.as_ref())
    }

    /// Every way to everybody who wants to hear of something, and until when each waits.
    fn routes(&self, directory: &Directory, happened: &Happened<'_>, facts: &Facts) -> Vec<Route> {
        let around = codes_around(happened.catalogue, facts.area.as_ref());
        let wants = |wanted: &Wanted| {
            wanted.least_severity.is_none_or(|least| facts.severity >= least)
                && (wanted.areas.is_empty() || wanted.areas.iter().any(|area| around.contains(&area)))
                && (wanted.kinds.is_empty() || facts.kind.is_some_and(|kind| wanted.kinds.contains(&kind)))
                && (wanted.causes.is_empty()
                    || wanted.causes.iter().any(|cause| *cause == facts.property || *cause == facts.cause))
        };
        let machines = self.declared.iter().filter(|declared| wants(&declared.wanted)).map(|declared| Route {
            recipient: declared.name.clone(),
            lane: declared.lane.clone(),
            channel: declared.channel.to_owned(),
            languages: vec![Language::Vi, Language::En],
            hold: None,
        });
        let mut routes: Vec<Route> = machines.collect();
        for person in directory.people() {
            let wishes: Vec<&Subscription> =
                person.subscriptions.iter().filter(|subscription| wants(&subscription.wanted())).collect();
            if wishes.is_empty() {
                continue;
            }
            routes.extend(person.contacts.iter().filter_map(|contact| {
                let wishes = wishes.iter().filter(|wish| wish.takes(&contact.channel));
                let mut wishes = wishes.peekable();
                wishes.peek()?;
                let languages = languages(wishes.clone().copied());
                let hold = least(wishes.map(|wish| wish.hold(facts.severity, happened.now)));
                Some(Route { languages, hold, ..way(person, contact) })
            }));
        }
        routes
    }
}

impl Subscription {
    fn takes(&self, channel: &str) -> bool {
        self.channels.is_empty() || self.channels.iter().any(|wanted| wanted == channel)
    }
}

/// What a transition is to those who know of the alert, and whether they are told; see the module.
fn told_of(transition: &Transition, mask: Mask) -> Option<Kind> {
    let alert = &transition.alert;
    if alert.retrospective {
        return None;
    }
    let kind = Kind::of(transition, severity_before(alert))?;
    let is_told = match kind {
        Kind::Resolved => true,
        _ if alert.quiet || mask == Mask::Explained => false,
        Kind::Milder | Kind::Unknown | Kind::Returned => !alert.flapping,
        _ => true,
    };
    is_told.then_some(kind)
}

fn kind_of(why: EscalationCause) -> Kind {
    match why {
        EscalationCause::Unacknowledged | EscalationCause::Undelivered => Kind::Escalated,
        EscalationCause::Reminder | EscalationCause::Return => Kind::Reminder,
    }
}

fn severity_before(alert: &Alert) -> Option<Severity> {
    let place = alert.timeline.len().checked_sub(2)?;
    alert.timeline.get(place).map(|moment| moment.severity)
}

/// The least of several wishes: who wants something at once by one of them gets it at once.
fn least(holds: impl Iterator<Item = Option<(Timestamp, Then)>>) -> Option<(Timestamp, Then)> {
    let holds: Option<Vec<(Timestamp, Then)>> = holds.collect();
    holds?.into_iter().min_by_key(|(until, _)| *until)
}

fn hold_of(person: &Person, channel: &str, severity: Severity, now: Timestamp) -> Option<(Timestamp, Then)> {
    least(person.subscriptions.iter().filter(|wish| wish.takes(channel)).map(|wish| wish.hold(severity, now)))
}

/// Vietnamese first, each once.
fn languages<'s>(wishes: impl Iterator<Item = &'s Subscription>) -> Vec<Language> {
    let mut languages: Vec<Language> = wishes.flat_map(|wish| wish.languages.iter().copied()).collect();
    languages.sort_unstable();
    languages.dedup();
    if languages.is_empty() { vec![Language::Vi] } else { languages }
}

fn way(person: &Person, contact: &Contact) -> Route {
    Route {
        recipient: person.id.to_string(),
        lane: contact.id.clone(),
        channel: contact.channel.clone(),
        languages: languages(person.subscriptions.iter()),
        hold: None,
    }
}

/// Every way to a person, whatever the hour: somebody must answer.
fn every_way(directory: &Directory, id: &PersonId) -> Vec<Route> {
    let Some(person) = directory.person(&id.0) else {
        tracing::warn!(person = %id, "An alert was to be taken to a person whom nobody has described.");
        return Vec::new();
    };
    person.contacts.iter().map(|contact| way(person, contact)).collect()
}

fn at_once(route: Route) -> Route {
    Route { hold: None, ..route }
}

#[cfg(test)]
mod tests;
