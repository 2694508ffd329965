//! Between the state and the desk of notifications: what texts need beyond the alert, and whom an escalation means.

use std::sync::Arc;

use crate::auth::{Accounts, AuthError};
use crate::clock::Clock;
use crate::model::{Escalation, PersonId, Recipient};
use crate::mqtt::edge::{AlertTopics, Retain};
use crate::notify::facts::Place;
use crate::notify::outbox::OutboxError;
use crate::notify::send::Publish;
use crate::notify::{Desk, Happened};
use crate::registry::{Registry, roster};
use crate::state::{Effects, State};

/// The file of notifications, in the folder of data.
pub(super) const OUTBOX_FILE: &str = "outbox.db";
/// The key that push services know us by, in the folder of data.
pub(super) const VAPID_FILE: &str = "vapid.pk8";

/// Why what happened to alerts could not be passed on.
#[derive(Debug, thiserror::Error)]
pub enum NoticeError {
    /// The outbox.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// The audit.
    #[error(transparent)]
    Audit(#[from] AuthError),
}

/// Takes what entries did to alerts to the desk.
#[derive(Clone)]
pub(super) struct Notices {
    pub(super) desk: Arc<Desk>,
    pub(super) registry: Arc<Registry>,
    pub(super) accounts: Arc<Accounts>,
    pub(super) clock: Clock,
}

impl Notices {
    /// Brings what a batch brought about into the audit and queues it; on disk when this returns.
    pub(super) fn take(&self, state: &State, effects: &Effects) -> Result<(), NoticeError> {
        if !effects.concern_people() {
            return Ok(());
        }
        self.accounts.audit().record_said(&effects.said)?;
        let areas = self.registry.areas();
        let places: Vec<Place> = areas.labels().map(Place::from).collect();
        let escalations = effects.escalations.iter().map(|one| (one, self.whom(one))).collect();
        let happened = Happened {
            catalogue: &state.catalogue,
            places: &places,
            transitions: &effects.transitions,
            escalations,
            masked: &effects.masked,
            unmasked: &effects.unmasked,
            advice: &|alert| state.alerts.advice_of(alert),
            through: state.applied,
            now: self.clock.now(),
        };
        self.desk.take(&happened)?;
        Ok(())
    }

    /// Whom an escalation means; `None`: everybody whom the alert itself reaches, as when none of them can be told.
    fn whom(&self, escalation: &Escalation) -> Option<Vec<PersonId>> {
        let directory = self.desk.people().directory();
        match &escalation.to {
            Recipient::Subscribers => None,
            Recipient::Person(id) => Some(vec![id.clone()]),
            Recipient::Account(name) => {
                let by_account = directory.people().iter().find(|one| one.account.as_deref() == Some(name.as_str()));
                let person = by_account.or_else(|| directory.person(name));
                Some(vec![person.map_or_else(|| PersonId(name.as_str().into()), |person| person.id.clone())])
            }
            Recipient::Duty(role) => {
                let connection = self.registry.database().lock();
                let on_duty = roster::on_duty(&connection, role, escalation.alert.subject.area(), escalation.at);
                Some(on_duty.unwrap_or_else(|error| {
                    tracing::error!(%error, role, "the roster cannot be read: everybody is told");
                    directory.people().iter().map(|person| person.id.clone()).collect()
                }))
            }
            Recipient::Role(role) => {
                let accounts = self.accounts.list().unwrap_or_else(|error| {
                    tracing::error!(%error, role, "accounts cannot be read: everybody is told");
                    Vec::new()
                });
                let has_role = |name: &str| accounts.iter().any(|one| one.name == name && one.role.word() == *role);
                let people = directory.people().iter();
                let people = people.filter(|person| person.account.as_deref().is_some_and(has_role));
                Some(people.map(|person| person.id.clone()).collect())
            }
        }
    }
}

/// Publishes on the embedded edge.
pub(super) fn publisher(topics: AlertTopics) -> Publish {
    Box::new(move |topic, payload| {
        topics.publish(topic, payload, Retain::No).map(drop).map_err(|error| error.to_string())
    })
}
