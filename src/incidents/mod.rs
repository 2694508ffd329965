//! Incidents: alerts that have one cause, near each other in place and time, as one thing that people act upon.
//!
//! A deterministic function of the alerts' transitions, the catalogue, the wind, and what is known of sources; changed
//! only as the state applies entries, and without a clock. What belongs together is said by [`plan`]; who is near by
//! `near.rs` and `plume.rs`; how incidents grow and merge by `fold.rs`; gateways are in `gateway.rs`, and what is hot
//! without being a fire in [`masks`]; how incidents stood at a past moment in `past.rs`.
//!
//! **Folding.** Two alerts of one group are *linked* when the one raised later was raised while the earlier was open,
//! or within the group's span after its end, and they are near: within the radius, in one commune where the group says
//! so, or one is smoke downwind of the other. An incident is what is linked directly or through others. Times are
//! compared as Saola noticed them, by a clock that only goes forward (a jump counts for a day at most), so that a hold
//! time or a device's clock folds nothing apart. Among the transitions of one entry what ends goes first and what begins
//! follows by its beginning and identifier: their order makes no difference.
//!
//! **Merging.** When a new alert bridges incidents, the one that was opened first survives (then the lesser identifier);
//! the others become [`IncidentState::Merged`], keep their time-line, and name the survivor, which has their members.
//! Nothing is ever divided again. An incident that is closed is re-opened by an alert that links to one of its own.
//!
//! Invariants: every alert is in at most one incident, and one that no group takes is in none; an incident is open as
//! long as a member is. Bounded: closed incidents by age and number of members, see `incident.rs` for one.
//!
//! Left out on purpose: dividing an incident again, and dispatch: notification asks [`Incidents::mask_of`].

mod book;
mod fold;
mod gateway;
mod incident;
pub mod masks;
mod near;
mod past;
pub mod plan;
mod plume;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::model::{
    Alert, AlertId, Catalogue, ChannelId, IncidentId, Listening, LocalName, Mistake, Quality, RuleFile, SourceId,
    StationNo, Timestamp, Transition,
};

pub use book::Filter;
pub use incident::{Child, Happened, Incident, IncidentMoment, IncidentState, MEMBERS_MAX, MOMENTS_MAX, Member};
pub use plan::{GATEWAY, Plan};

use near::Near;
use plume::{Plumes, Vanes};

/// Mistakes kept of a refused plan: enough to begin with.
const REFUSED_MAX: usize = 100;
/// The most that one entry may move the incidents' clock.
const STEP_MAX: Duration = Duration::from_secs(86_400);

/// What incidents are judged by, beside alerts and time.
#[derive(Clone, Copy)]
pub(crate) struct World<'a> {
    /// What stands where.
    pub catalogue: &'a Catalogue,
    /// Whom Saola could hear when.
    pub listening: &'a Listening,
    /// The newest value of a channel, in its unit.
    pub newest: &'a dyn Fn(ChannelId) -> Option<Newest>,
}

/// A channel's newest value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Newest {
    /// Finite.
    pub value: f64,
    /// Phenomenon time.
    pub observed_at: Timestamp,
    /// Flags.
    pub quality: Quality,
}

/// What a step brought about.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Incidents to look at again.
    pub changed: BTreeSet<IncidentId>,
    /// Open alerts that a known heat source had explained, and does not any more.
    pub unmasked: Vec<AlertId>,
    /// Places of others that were looked at: what folding costs.
    pub asked: u64,
}

/// How long closed incidents are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// After their end.
    pub keep_closed: Duration,
    /// At most so many alerts and stations in incidents, and so many closed incidents; the oldest incidents go first.
    pub keep_count: usize,
}

impl Default for Retention {
    fn default() -> Self {
        Retention { keep_closed: Duration::from_secs(90 * 86_400), keep_count: 100_000 }
    }
}

/// Every incident, open and closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incidents {
    plan: Plan,
    /// What was wrong with a newer plan that was refused.
    refused: Vec<Mistake>,
    incidents: BTreeMap<IncidentId, Incident>,
    /// Goes forward only; differences of it are times.
    clock: Timestamp,
    /// The entry's time by which it was moved last.
    seen_at: Timestamp,
    /// The tick before.
    ticked_at: Timestamp,
    /// Closed incidents that were dropped because of their age or number.
    forgotten: u64,
    ears: gateway::Ears,
    retention: Retention,
    #[serde(skip)]
    of_alert: HashMap<AlertId, IncidentId>,
    #[serde(skip)]
    by_change: BTreeSet<(Timestamp, IncidentId)>,
    #[serde(skip)]
    over: BTreeSet<(Timestamp, IncidentId)>,
    /// By group.
    #[serde(skip)]
    near: BTreeMap<String, Near>,
    #[serde(skip)]
    plumes: BTreeMap<String, Plumes>,
    /// When members that are over cease to be near.
    #[serde(skip)]
    leaving: BTreeSet<(Timestamp, AlertId)>,
    /// Open alerts that a known heat source explains.
    #[serde(skip)]
    masked: BTreeSet<AlertId>,
    #[serde(skip)]
    vanes: Vanes,
    /// Stations in gateways' incidents, heard again or not.
    #[serde(skip)]
    children_count: usize,
}

impl Default for Incidents {
    fn default() -> Self {
        Incidents::new(Retention::default())
    }
}

impl Incidents {
    pub(crate) fn new(retention: Retention) -> Incidents {
        Incidents {
            plan: Plan::default(),
            refused: Vec::new(),
            incidents: BTreeMap::new(),
            clock: Timestamp::EPOCH,
            seen_at: Timestamp::EPOCH,
            ticked_at: Timestamp::EPOCH,
            forgotten: 0,
            ears: gateway::Ears::default(),
            retention,
            of_alert: HashMap::new(),
            by_change: BTreeSet::new(),
            over: BTreeSet::new(),
            near: BTreeMap::new(),
            plumes: BTreeMap::new(),
            leaving: BTreeSet::new(),
            masked: BTreeSet::new(),
            vanes: Vanes::default(),
            children_count: 0,
        }
    }

    pub(crate) fn set_retention(&mut self, retention: Retention) {
        self.retention = retention;
    }

    /// What belongs together now.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What was wrong with the newest plan, when it was refused and an older one is in force.
    pub fn refused(&self) -> &[Mistake] {
        &self.refused
    }

    /// One incident, merged ones too.
    pub fn get(&self, id: &IncidentId) -> Option<&Incident> {
        self.incidents.get(id)
    }

    /// The incident that an alert is in.
    pub fn of_alert(&self, alert: &AlertId) -> Option<&IncidentId> {
        self.of_alert.get(alert)
    }

    /// The known heat source that explains an alert: then nobody is to be told of it.
    pub fn mask_of(&self, alert: &AlertId) -> Option<&LocalName> {
        self.member(alert)?.masked_by.as_deref()
    }

    /// Closed incidents that were dropped because of their age or number.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    fn member(&self, alert: &AlertId) -> Option<&Member> {
        self.incidents.get(self.of_alert.get(alert)?)?.members.get(alert)
    }

    /// Takes the transitions of one entry, in any order.
    pub(crate) fn observe(&mut self, world: &World<'_>, now: Timestamp, transitions: &[Transition], told: &mut Told) {
        if transitions.is_empty() || (self.plan.groups.is_empty() && self.incidents.is_empty()) {
            return;
        }
        self.advance(now);
        let mut news: BTreeMap<&AlertId, News<'_>> = BTreeMap::new();
        for transition in transitions {
            let alert = &transition.alert;
            let first = transition.from.is_none().then_some(alert);
            let known = news.entry(&alert.id).or_insert(News { first, last: alert });
            known.last = alert;
        }
        for news in news.values().filter(|news| news.first.is_none()) {
            self.follow(news.last, told);
        }
        let mut new: Vec<(&Arc<Alert>, &Arc<Alert>)> =
            news.values().filter_map(|news| Some((news.first?, news.last))).collect();
        new.sort_by(|(a, _), (b, _)| (a.started_at, &a.id).cmp(&(b.started_at, &b.id)));
        for (first, _) in &new {
            self.take_in(world, now, first, told);
        }
        for (_, last) in new.iter().filter(|(first, last)| first != last) {
            self.follow(last, told);
        }
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, world: &World<'_>, now: Timestamp, told: &mut Told) {
        let before = std::mem::replace(&mut self.ticked_at, now);
        self.advance(now);
        self.forget();
        const MINUTE: i64 = 60_000_000;
        if now.micros().div_euclid(MINUTE) != before.micros().div_euclid(MINUTE) {
            self.look_through_masks(now, told);
        }
        self.watch_gateways(world, before, now, told);
    }

    /// Takes a new plan, all of it or none. What is open and in no incident yet is taken in.
    pub(crate) fn adopt_plan<'a>(
        &mut self,
        files: &[RuleFile],
        world: &World<'_>,
        now: Timestamp,
        open: impl Iterator<Item = &'a Arc<Alert>>,
        told: &mut Told,
    ) -> Result<(), Vec<Mistake>> {
        let plan = match Plan::read(files) {
            Ok(plan) => plan,
            Err(mistakes) => {
                self.refused = mistakes.iter().take(REFUSED_MAX).cloned().collect();
                return Err(mistakes);
            }
        };
        self.refused = Vec::new();
        if plan == self.plan {
            return Ok(());
        }
        self.plan = plan;
        self.advance(now);
        self.index(world.catalogue);
        let mut new: Vec<_> = open.filter(|alert| !self.of_alert.contains_key(&alert.id)).collect();
        new.sort_by(|a, b| (a.started_at, &a.id).cmp(&(b.started_at, &b.id)));
        for alert in new {
            self.take_in(world, now, alert, told);
        }
        Ok(())
    }

    /// Takes a new catalogue.
    pub(crate) fn adopt_catalogue(&mut self, catalogue: &Catalogue) {
        self.vanes = Vanes::new(catalogue);
    }

    /// Something came of a source, whatever it was: it is not mute.
    pub(crate) fn hear_source(&mut self, source: SourceId, at: Timestamp) {
        self.ears.hear_source(source, at);
    }

    /// A station was heard in time, by a source.
    #[inline]
    pub(crate) fn hear(&mut self, station: StationNo, source: SourceId, at: Timestamp, told: &mut Told) {
        if self.ears.hear(station, source, at) {
            self.returned(station, source, at, told);
        }
    }

    /// Moves the clock, and lets go of what has been over for long enough.
    fn advance(&mut self, now: Timestamp) {
        if self.seen_at == Timestamp::EPOCH {
            self.clock = now;
        } else {
            self.clock = self.clock + now.since(self.seen_at).min(STEP_MAX);
        }
        self.seen_at = now;
        while let Some((at, _)) = self.leaving.first()
            && *at < self.clock
            && let Some((_, alert)) = self.leaving.pop_first()
        {
            self.unplace(&alert);
        }
    }
}

/// An alert's transitions of one entry.
struct News<'a> {
    /// As it was raised, when it was.
    first: Option<&'a Arc<Alert>>,
    /// As it is.
    last: &'a Arc<Alert>,
}

#[cfg(test)]
pub(crate) mod tests;
