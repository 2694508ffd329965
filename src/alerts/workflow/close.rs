//! Closing an alert by hand: its machine forgets it, so that the condition begins anew with the next sample.

use super::super::settle::end;
use super::super::watch::Sort;
use super::super::{Alerts, Key, World};
use crate::model::{AlertId, AlertState, Cause, Timestamp, Transition};

/// What became of an alert that was to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    /// It is over.
    Ended,
    /// Its condition holds: it stays open.
    Holds,
    /// It was over already, or is not known.
    Over,
}

impl Alerts {
    /// Ends an open alert whose condition no longer holds: it is recovering, latched, or its data stopped. `now` is our
    /// own time.
    pub(crate) fn close(
        &mut self,
        world: World<'_>,
        id: &AlertId,
        now: Timestamp,
        out: &mut Vec<Transition>,
    ) -> Closing {
        let Some(alert) = self.book.get(id).filter(|alert| alert.state.is_open()) else { return Closing::Over };
        if alert.state == AlertState::Active {
            return Closing::Holds;
        }
        let found = self.machines.iter().find(|(_, machine)| machine.alert.as_ref() == Some(id));
        let at = found.map_or(now, |(_, machine)| machine.event_time(now));
        if let Some(key) = found.map(|(key, _)| *key) {
            self.let_go(world, key, now);
        }
        out.extend(end(&mut self.book, id, at, Cause::Closed));
        Closing::Ended
    }

    fn let_go(&mut self, world: World<'_>, key: Key, now: Timestamp) {
        if self.watches.find(key).is_some_and(|watch| watch.sort == Sort::Absence) {
            self.forget_machine(world, key, now);
        } else {
            self.machines.remove(&key);
            self.watches.stir(key, false);
        }
    }

    /// Says whether anybody is to be told of an alert.
    pub(crate) fn set_quiet(&mut self, id: &AlertId, quiet: bool) {
        self.book.set_quiet(id, quiet);
    }
}
