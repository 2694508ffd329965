//! Pictures of past moments, made once and kept for a while.
//!
//! A map that is moved through time asks for several tiles of each moment at once: the first makes the picture, in line, and
//! the others find it. It is made as history is read: on a thread that may block, in the same line, a few at a time.
//!
//! Invariants: a picture shows all that the store has been given: while that lags behind the state, or has stopped, there
//! is none, and neither is there one when a channel cannot be read. A kept picture is shown only while stations and areas
//! are the same, the alerts, incidents, maintenance windows and death notices of its moment are told as before, and every
//! channel's newest sample is the same, which is read again when any of its time or before has come in or was corrected.
//! That is looked at after [`CHECKED_FOR`], in the line, so that late data, which come all the time to the last minutes, do
//! not have a picture made for every tile. Its revision is made of all these: it is another one when the past has changed,
//! in another life of the service, and for another moment. Bounded: [`PICTURES_MAX`] pictures of [`CHANNELS_KEPT`]
//! channels, the longest unused go first; polygons there are once for all pictures of days with the same areas.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::Parts;
use super::history::flow;
use super::horizon::Reach;
use super::problem::{Code, Problem};
use super::time::Zone;
use crate::incidents::Incident;
use crate::layers::past::{FormerAreas, Known, Observed};
use crate::layers::{Layer, Newest, Picture};
use crate::live::Latest;
use crate::model::{Alert, Catalogue, CatalogueError, Channel, ChannelId, Listening, Seq, StationNo, Timestamp};
use crate::registry::{Areas, Stands, StoodAs};
use crate::state::State;
use crate::store::{Store, StoreError, Then};

/// How long a picture need not be looked at again.
const CHECKED_FOR: Duration = Duration::from_secs(1);
/// Pictures kept: four hours in steps of five minutes.
const PICTURES_MAX: usize = 48;
/// Channels of all kept pictures together; each costs about 200 bytes, with its part of a station.
const CHANNELS_KEPT: usize = 200_000;
/// Channels of one picture: about a second of reading.
const CHANNELS_MAX: usize = 100_000;
/// How long the store, which follows the state by moments, is waited for, how often it is looked at, and when it is worth
/// asking again.
const LAG_MAX: Duration = Duration::from_secs(1);
const LAG_STEP: Duration = Duration::from_millis(10);
const RETRY_S: u64 = 5;

/// See the module.
pub struct Past {
    began_at: Timestamp,
    /// Pictures are made one after the other.
    line: Arc<Semaphore>,
    kept: Mutex<Vec<Kept>>,
    ground: Mutex<Ground>,
    areas: FormerAreas,
}

#[derive(Clone)]
struct Kept {
    picture: Arc<Picture>,
    basis: Basis,
    said: Arc<Said>,
    reach: Arc<Reach>,
    /// When it was looked at last, and the state's entry then.
    checked: (Timestamp, Seq),
}

/// What changes only when the registry or late data do.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Basis {
    arrival: Seq,
    ground: u64,
}

/// Stations and areas of the present, and their number: another one for others.
#[derive(Default)]
struct Ground {
    number: u64,
    parts: Option<(Arc<Catalogue>, Arc<Areas>)>,
}

/// What the state says of a moment.
#[derive(PartialEq)]
pub struct Said {
    alerts: Vec<Arc<Alert>>,
    /// The incidents that were open, as they stood.
    pub incidents: Vec<Incident>,
    /// Of the alerts, as the rules are now: see [`Known`].
    rules_of_samples: BTreeSet<String>,
    in_windows: BTreeSet<StationNo>,
    /// Channels that their devices' deaths silence.
    silenced: Vec<ChannelId>,
}

impl Said {
    fn of(state: &State, at: Timestamp) -> Said {
        let silenced = |id: &ChannelId| state.live.listening().silenced_at(*id).is_some_and(|since| since <= at);
        let (alerts, mut rules_of_samples) = (state.alerts.open_at(at), state.alerts.rules().of_samples());
        rules_of_samples.retain(|rule| alerts.iter().any(|alert| alert.rule == *rule));
        Said {
            silenced: (0_u32..).map(ChannelId).take(state.catalogue.channels().len()).filter(silenced).collect(),
            alerts,
            rules_of_samples,
            incidents: state.incidents.open_at(at, &|alert| state.alerts.standing_at(alert, at)),
            in_windows: state.judge.maintenance.stations_at(at),
        }
    }
}

impl Past {
    /// Empty; `now` tells this life of the service from others.
    pub fn new(now: Timestamp) -> Arc<Past> {
        let line = Arc::new(Semaphore::new(1));
        Arc::new(Past {
            began_at: now,
            line,
            kept: Mutex::default(),
            ground: Mutex::default(),
            areas: FormerAreas::default(),
        })
    }

    /// The picture of a moment for one layer, and what the state said.
    pub async fn picture(
        self: &Arc<Self>,
        parts: &Arc<Parts>,
        turns: &Arc<Semaphore>,
        layer: Layer,
        at: Timestamp,
    ) -> Result<(Arc<Picture>, Arc<Said>), Problem> {
        if !parts.store.keeps_moments() {
            let why = "the history is in InfluxDB, of which it is not known how far back it is whole: maps show \
                       the present only; /api/v1/history has the past of single channels";
            return Err(Problem::not_supported("at", why));
        }
        let found = match self.fresh(parts, at) {
            Some(fresh) => {
                metrics::counter!("http_past_pictures_total", "from" => "kept").increment(1);
                fresh
            }
            None => {
                caught_up(parts).await?;
                let turn = Arc::clone(&self.line).acquire_owned().await.map_err(Problem::internal)?;
                let (own, parts) = (Arc::clone(self), Arc::clone(parts));
                let look = move || {
                    // It is kept for those behind, also when whoever asked first has left.
                    let _turn = turn;
                    match own.fresh(&parts, at).or_else(|| own.checked(&parts, at)) {
                        Some(kept) => Ok(kept),
                        None => own.make(&parts, layer, at),
                    }
                };
                flow::in_turn(turns, look).await?
            }
        };
        // Last of all: what was deleted while it was read was not.
        found.reach.check(&parts.store, layer, at)?;
        Ok((found.picture, found.said))
    }

    /// One that was looked at not long ago.
    fn fresh(&self, parts: &Parts, at: Timestamp) -> Option<Kept> {
        let now = parts.clock.now();
        let found = self.kept.lock().iter().find(|kept| kept.picture.at == at)?.clone();
        let (checked_at, _) = found.checked;
        let is_fresh = checked_at <= now && now.since(checked_at) < CHECKED_FOR;
        is_fresh.then(|| self.keep(found))
    }

    /// One that was made of what there still is, by looking at that: may take a while.
    fn checked(&self, parts: &Parts, at: Timestamp) -> Option<Kept> {
        let mut found = self.kept.lock().iter().find(|kept| kept.picture.at == at)?.clone();
        let (now, (_, applied)) = (parts.clock.now(), found.checked);
        if self.basis(parts, at) != found.basis {
            return None;
        }
        let state = parts.state.read();
        if state.applied != applied && Said::of(&state, at) != *found.said {
            return None;
        }
        found.checked = (now, state.applied);
        drop(state);
        metrics::counter!("http_past_pictures_total", "from" => "kept").increment(1);
        Some(self.keep(found))
    }

    /// Puts it at the end: what was used longest ago stands first.
    fn keep(&self, new: Kept) -> Kept {
        // What goes is freed outside the lock.
        let mut gone = Vec::new();
        let mut kept = self.kept.lock();
        let same = kept.iter().position(|kept| kept.picture.at == new.picture.at);
        gone.extend(same.map(|place| kept.remove(place)));
        kept.push(new.clone());
        let channels = |kept: &[Kept]| kept.iter().map(|kept| kept.picture.catalogue.channels().len()).sum::<usize>();
        while kept.len() > PICTURES_MAX || kept.len() > 1 && channels(&kept) > CHANNELS_KEPT {
            gone.push(kept.remove(0));
        }
        drop(kept);
        new
    }

    fn basis(&self, parts: &Parts, at: Timestamp) -> Basis {
        let (catalogue, areas) = (Arc::clone(&parts.state.read().catalogue), (parts.areas)());
        let mut ground = self.ground.lock();
        let is_same =
            |(own, known): &(Arc<Catalogue>, Arc<Areas>)| Arc::ptr_eq(own, &catalogue) && Arc::ptr_eq(known, &areas);
        if !ground.parts.as_ref().is_some_and(is_same) {
            *ground = Ground { number: ground.number + 1, parts: Some((catalogue, areas)) };
        }
        Basis { arrival: parts.store.newest_arrival_by(at), ground: ground.number }
    }

    /// Reads, and draws unless what is kept shows the same: blocks.
    fn make(&self, parts: &Parts, layer: Layer, at: Timestamp) -> Result<Kept, Problem> {
        // Before anything is read: what comes meanwhile makes it another one.
        let basis = self.basis(parts, at);
        let stands = parts.registry.stands().map_err(Problem::internal)?;
        let areas = (parts.areas)();
        let areas_then = self.areas.on(&areas, Zone::default().date(at));
        let (known, said, newest, applied) = {
            let state = parts.state.read();
            let said = Said::of(&state, at);
            let (catalogue, listening) = match is_before_all(parts, &stands, &state.catalogue, &said, at) {
                true => {
                    (Arc::new(without_stations(&state.catalogue).map_err(Problem::internal)?), Listening::default())
                }
                false => (Arc::clone(&state.catalogue), state.live.listening().clone()),
            };
            let stations = catalogue.stations().iter().map(|station| station.no);
            let known = Known {
                at,
                areas,
                areas_then,
                stands,
                in_windows: said.in_windows.clone(),
                maintained: stations.filter(|no| state.is_maintained_by_registry(*no)).collect(),
                listening,
                alerts: said.alerts.clone(),
                rules_of_samples: said.rules_of_samples.clone(),
                incidents: said.incidents.clone(),
                segments: parts.registry.segments(),
                catalogue,
            };
            let newest = known.catalogue.channels().iter().map(|channel| state.live.latest(channel.id).copied());
            let newest: Vec<Option<Latest>> = newest.collect();
            (known, said, newest, state.applied)
        };
        let reach = Arc::new(reach(&known));
        reach.check(&parts.store, layer, at)?;
        let observed = read(&parts.store, at, &newest)?;
        let revision = self.revision(at, basis.ground, &said, &observed);
        let same = self.kept.lock().iter().find(|kept| kept.picture.revision == revision).cloned();
        let (from, picture) = match same {
            Some(same) => ("kept", same.picture),
            None => ("drawn", Arc::new(known.draw(&observed, revision).map_err(Problem::internal)?)),
        };
        metrics::counter!("http_past_pictures_total", "from" => from).increment(1);
        let checked = (parts.clock.now(), applied);
        Ok(self.keep(Kept { picture, basis, said: Arc::new(said), reach, checked }))
    }

    fn revision(&self, at: Timestamp, ground: u64, said: &Said, observed: &[Observed]) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.began_at, at, ground, &said.in_windows, &said.silenced, &said.rules_of_samples).hash(&mut hasher);
        for Observed { newest, valid_at } in observed {
            // When it was received is not known for ever, and nothing that a map shows depends on it.
            let newest = newest.map(|newest| (newest.value.to_bits(), newest.observed_at, newest.quality.0));
            (newest, valid_at).hash(&mut hasher);
        }
        for alert in &said.alerts {
            let value = alert.value.map(f64::to_bits);
            (&alert.id, alert.state, alert.severity, alert.changed_at, value).hash(&mut hasher);
            (&alert.title.vi, &alert.title.en, alert.flapping).hash(&mut hasher);
        }
        for incident in &said.incidents {
            (&incident.id, incident.changed_at, incident.severity()).hash(&mut hasher);
            for (alert, member) in incident.members() {
                (alert, member.state, member.attention()).hash(&mut hasher);
            }
            for (station, child) in incident.children() {
                (station, child.returned_at).hash(&mut hasher);
            }
        }
        hasher.finish()
    }
}

/// Whether no station had been entered by a moment, no sample stored and nothing raised: then nobody looks for them.
fn is_before_all(parts: &Parts, stands: &Stands, catalogue: &Catalogue, said: &Said, at: Timestamp) -> bool {
    stands.are_all_after(at, catalogue.stations().len())
        && parts.store.first_ever_at().is_some_and(|first| at < first)
        && said.alerts.is_empty()
        && said.incidents.is_empty()
}

fn without_stations(catalogue: &Catalogue) -> Result<Catalogue, CatalogueError> {
    Catalogue::new(catalogue.sources().to_vec(), catalogue.areas().to_vec(), Vec::new(), Vec::new())
}

/// Waits until the store has everything that the state has: what is not there yet would look like silence.
pub async fn caught_up(parts: &Parts) -> Result<(), Problem> {
    let wanted = parts.state.read().applied;
    let looks = LAG_MAX.as_millis() / LAG_STEP.as_millis();
    for _ in 0..looks {
        if parts.store.readable_through() >= wanted {
            return Ok(());
        }
        tokio::time::sleep(LAG_STEP).await;
    }
    let behind = wanted.0.saturating_sub(parts.store.readable_through().0);
    let why = format!("the history is {behind} entries behind: stations would look silent that are not");
    Err(Problem::new(Code::Unavailable, why).retry_after(RETRY_S))
}

/// How far back a moment's channels are looked at: by the slower of what they were declared with then and now.
fn reach(known: &Known) -> Reach {
    let interval = |channel: &Channel| {
        let (StoodAs::Declared(stand) | StoodAs::NotEntered(stand)) = known.stands.at(channel.station, known.at) else {
            return channel.interval;
        };
        stand.channel(&channel.property).map_or(channel.interval, |then| then.interval.max(channel.interval))
    };
    Reach::of(&known.catalogue, &known.listening, known.at, &interval)
}

/// What was observed by then of every channel; `newest` are their newest samples of all.
fn read(store: &Store, at: Timestamp, newest: &[Option<Latest>]) -> Result<Vec<Observed>, Problem> {
    if newest.len() > CHANNELS_MAX {
        let why = format!("{} channels would be looked for at that moment, {CHANNELS_MAX} at most", newest.len());
        return Err(Problem::new(Code::TooCostly, why));
    }
    let channels: Vec<ChannelId> = (0_u32..).map(ChannelId).take(newest.len()).collect();
    all_observed(store.moment(&channels, at), newest).map_err(Problem::internal)
}

/// Of channels that can all be read: one that cannot would look silent.
fn all_observed(then: Vec<Result<Then, StoreError>>, newest: &[Option<Latest>]) -> Result<Vec<Observed>, StoreError> {
    then.into_iter().zip(newest).map(|(then, newest)| Ok(observed(then?, newest.as_ref()))).collect()
}

/// A channel's sample of then, with when it was received where that is still known: while it is the newest of all.
fn observed(then: Then, newest: Option<&Latest>) -> Observed {
    let received_at = |observed_at: Timestamp| {
        newest.filter(|newest| newest.observed_at == observed_at).map(|newest| newest.received_at)
    };
    let newest = then.newest.map(|sample| Newest {
        value: sample.value,
        observed_at: sample.observed_at,
        received_at: received_at(sample.observed_at),
        quality: sample.quality,
    });
    Observed { newest, valid_at: then.valid_at }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_that_cannot_be_read_is_not_told_as_silent() {
        let damaged = || Err(StoreError::DamagedKey { channel: ChannelId(1) });
        assert_eq!(all_observed(vec![Ok(Then::default())], &[None]).unwrap(), [Observed::default()]);
        assert!(all_observed(vec![Ok(Then::default()), damaged()], &[None, None]).is_err());
    }
}
