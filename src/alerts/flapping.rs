//! Alerts that keep coming back.
//!
//! A raise is the beginning of an alert, of another occurrence within one, or its return to a severity that it had
//! before: who swings between medium and high comes back as often as who swings between high and nothing, while one that
//! only climbs does not. With the raise that makes
//! [`Flapping::raises`] within [`Flapping::within`] (event time) the alert is *flapping*: that raise is told, once more,
//! as such, and from then on it stays active and its comings and goings only count occurrences. What is still told: a
//! severity above all before it, data that stop and return, and a person's or an editor's doing. When nothing has been
//! raised for `within` the flapping has *settled*: the alert is told again as it stands, which mostly means that it is
//! over.
//!
//! Bounded: as many raises are remembered as the rule counts, each for `within`.

use serde::{Deserialize, Serialize};

use super::rules::Flapping;
use crate::model::Timestamp;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Raises {
    /// Oldest first.
    times: Vec<Timestamp>,
    pub flapping: bool,
}

impl Raises {
    /// Nothing to remember.
    pub(super) fn is_empty(&self) -> bool {
        self.times.is_empty() && !self.flapping
    }

    /// Notes a raise; whether the alert flaps from here on.
    pub(super) fn note(&mut self, flapping: Option<Flapping>, at: Timestamp) {
        let Some(flapping) = flapping else {
            *self = Raises::default();
            return;
        };
        self.times.retain(|before| *before <= at && at.since(*before) <= flapping.within);
        self.times.push(at);
        let most = flapping.raises as usize;
        if self.times.len() >= most {
            self.times.drain(..self.times.len() - most);
            self.flapping = true;
        }
    }

    /// When the flapping will have settled; `None` when there is none.
    pub(super) fn settles_at(&self, flapping: Option<Flapping>) -> Option<Timestamp> {
        let newest = self.times.last().filter(|_| self.flapping)?;
        Some(*newest + flapping.map_or_else(Default::default, |flapping| flapping.within))
    }

    /// Forgets raises that no later one can be counted with.
    pub(super) fn forget(&mut self, flapping: Option<Flapping>, now: Timestamp) {
        if !self.flapping && !self.times.is_empty() {
            self.times.retain(|at| flapping.is_some_and(|flapping| now.since(*at) <= flapping.within));
        }
    }
}
