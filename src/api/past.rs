//! Pictures of past moments, made once and kept for a while.
//!
//! A map that is moved through time asks for several tiles of each moment at once: the first makes the picture, in line, and
//! the others find it. It is made as history is read: on a thread that may block, in the same line, a few at a time.
//!
//! Invariants: a kept picture is shown only while no sample of its time or before has come in or was corrected, stations and
//! areas are the same, and the alerts, incidents, maintenance windows and death notices of its moment are told as before:
//! looked at again after [`CHECKED_FOR`], so that late data, which come all the time to the last minutes, do not have a
//! picture made for every tile. Its revision is made of all these: it is another one when the past may have changed, in
//! another life of the service, and for another moment. Bounded: [`PICTURES_MAX`] pictures of [`CHANNELS_KEPT`] channels,
//! the longest unused go first.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::Parts;
use super::history::flow;
use super::problem::{Code, Problem};
use super::time::Zone;
use crate::incidents::Incident;
use crate::layers::past::{Known, Observed};
use crate::layers::{Newest, Picture};
use crate::live::Latest;
use crate::model::{Alert, Catalogue, ChannelId, Seq, StationNo, Timestamp};
use crate::registry::Areas;
use crate::state::State;
use crate::store::{Store, Then};

/// How long a picture need not be looked at again.
const CHECKED_FOR: Duration = Duration::from_secs(1);
/// Pictures kept: four hours in steps of five minutes.
const PICTURES_MAX: usize = 48;
/// Channels of all kept pictures together; each costs about 200 bytes, with its part of a station.
const CHANNELS_KEPT: usize = 200_000;
/// Channels of one picture: about a second of reading.
const CHANNELS_MAX: usize = 100_000;

/// See the module.
pub struct Past {
    began_at: Timestamp,
    /// Pictures are made one after the other.
    line: Arc<Semaphore>,
    kept: Mutex<Vec<Kept>>,
    ground: Mutex<Ground>,
}

#[derive(Clone)]
struct Kept {
    picture: Arc<Picture>,
    basis: Basis,
    said: Arc<Said>,
    /// When it was looked at last, and the state's entry then.
    checked: (Timestamp, Seq),
}

/// What changes only when the registry or late data do.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
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
struct Said {
    alerts: Vec<Arc<Alert>>,
    incidents: Vec<Incident>,
    in_windows: BTreeSet<StationNo>,
    /// Channels that their devices' deaths silence.
    silenced: Vec<ChannelId>,
}

impl Said {
    fn of(state: &State, at: Timestamp) -> Said {
        let silenced = |id: &ChannelId| state.live.listening().silenced_at(*id).is_some_and(|since| since <= at);
        Said {
            silenced: state.catalogue.channels().iter().map(|channel| channel.id).filter(silenced).collect(),
            alerts: state.alerts.open_at(at),
            incidents: state.incidents.open_at(at, &|alert| state.alerts.standing_at(alert, at)),
            in_windows: state.judge.maintenance.stations_at(at),
        }
    }
}

impl Past {
    /// Empty; `now` tells this life of the service from others.
    pub fn new(now: Timestamp) -> Arc<Past> {
        let line = Arc::new(Semaphore::new(1));
        Arc::new(Past { began_at: now, line, kept: Mutex::default(), ground: Mutex::default() })
    }

    /// The picture of a moment.
    pub async fn picture(
        self: &Arc<Self>,
        parts: &Arc<Parts>,
        turns: &Arc<Semaphore>,
        at: Timestamp,
    ) -> Result<Arc<Picture>, Problem> {
        if !parts.store.keeps_moments() {
            let why = "the history is in InfluxDB, which cannot tell every channel's value of a moment at once: maps show \
                       the present only; /api/v1/history has the past of single channels";
            return Err(Problem::not_supported("at", why));
        }
        if let Some(kept) = self.kept(parts, at) {
            metrics::counter!("http_past_pictures_total", "from" => "kept").increment(1);
            return Ok(kept);
        }
        let turn = Arc::clone(&self.line).acquire_owned().await.map_err(Problem::internal)?;
        let (own, parts) = (Arc::clone(self), Arc::clone(parts));
        flow::in_turn(turns, move || {
            // It is kept for those behind, also when whoever asked first has left.
            let _turn = turn;
            match own.kept(&parts, at) {
                Some(kept) => Ok(kept),
                None => own.make(&parts, at),
            }
        })
        .await
    }

    fn kept(&self, parts: &Parts, at: Timestamp) -> Option<Arc<Picture>> {
        let mut found = self.kept.lock().iter().find(|kept| kept.picture.at == at)?.clone();
        let (now, (checked_at, applied)) = (parts.clock.now(), found.checked);
        if now < checked_at || now.since(checked_at) >= CHECKED_FOR {
            if self.basis(parts, at) != found.basis {
                return None;
            }
            let state = parts.state.read();
            if state.applied != applied && Said::of(&state, at) != *found.said {
                return None;
            }
            found.checked = (now, state.applied);
        }
        let picture = Arc::clone(&found.picture);
        self.keep(found);
        Some(picture)
    }

    /// Puts it at the end: what was used longest ago stands first.
    fn keep(&self, new: Kept) {
        // What goes is freed outside the lock.
        let mut gone = Vec::new();
        let mut kept = self.kept.lock();
        let same = kept.iter().position(|kept| kept.picture.at == new.picture.at);
        gone.extend(same.map(|place| kept.remove(place)));
        kept.push(new);
        let channels = |kept: &[Kept]| kept.iter().map(|kept| kept.picture.catalogue.channels().len()).sum::<usize>();
        while kept.len() > PICTURES_MAX || kept.len() > 1 && channels(&kept) > CHANNELS_KEPT {
            gone.push(kept.remove(0));
        }
        drop(kept);
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

    /// Reads and draws: blocks.
    fn make(&self, parts: &Parts, at: Timestamp) -> Result<Arc<Picture>, Problem> {
        // Before anything is read: what comes meanwhile makes it another one.
        let basis = self.basis(parts, at);
        let stands = parts.registry.stands().map_err(Problem::internal)?;
        let areas = (parts.areas)();
        let (known, said, newest, applied) = {
            let state = parts.state.read();
            let catalogue = Arc::clone(&state.catalogue);
            let said = Said::of(&state, at);
            let stations = catalogue.stations().iter().map(|station| station.no);
            let known = Known {
                at,
                areas,
                date: at.to_jiff().to_zoned(Zone::default().zone().clone()).date(),
                stands,
                in_windows: said.in_windows.clone(),
                maintained: stations.filter(|no| state.is_maintained_by_registry(*no)).collect(),
                listening: state.live.listening().clone(),
                alerts: said.alerts.clone(),
                incidents: said.incidents.clone(),
                segments: parts.registry.segments(),
                catalogue,
            };
            let newest = known.catalogue.channels().iter().map(|channel| state.live.latest(channel.id).copied());
            let newest: Vec<Option<Latest>> = newest.collect();
            (known, said, newest, state.applied)
        };
        check_kept(&parts.store, &known.catalogue, at)?;
        let observed = read(parts, at, &newest)?;
        let picture = Arc::new(known.draw(&observed, self.revision(at, basis, &said)));
        metrics::counter!("http_past_pictures_total", "from" => "drawn").increment(1);
        let checked = (parts.clock.now(), applied);
        self.keep(Kept { picture: Arc::clone(&picture), basis, said: Arc::new(said), checked });
        Ok(picture)
    }

    fn revision(&self, at: Timestamp, basis: Basis, said: &Said) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.began_at, at, basis, &said.in_windows, &said.silenced).hash(&mut hasher);
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

/// What was observed by then of every channel; `newest` are their newest samples of all.
fn read(parts: &Parts, at: Timestamp, newest: &[Option<Latest>]) -> Result<Vec<Observed>, Problem> {
    if newest.len() > CHANNELS_MAX {
        let why = format!("{} channels would be looked for at that moment, {CHANNELS_MAX} at most", newest.len());
        return Err(Problem::new(Code::TooCostly, why));
    }
    let channels: Vec<ChannelId> = (0_u32..).map(ChannelId).take(newest.len()).collect();
    let mut damaged = 0_usize;
    let then = parts.store.moment(&channels, at).into_iter().zip(newest).map(|(then, newest)| {
        let then = then.unwrap_or_else(|error| {
            damaged += 1;
            tracing::debug!(%error, "a channel of a past moment cannot be read");
            Then::default()
        });
        observed(then, newest.as_ref())
    });
    let observed = then.collect();
    if damaged > 0 {
        tracing::warn!(%at, channels = damaged, "channels of a past moment cannot be read; they are shown as silent");
    }
    Ok(observed)
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

/// Refuses moments of which samples are gone: what is left would look like silence.
fn check_kept(store: &Store, catalogue: &Catalogue, at: Timestamp) -> Result<(), Problem> {
    let mut kinds = Vec::new();
    let mut since = None;
    for station in catalogue.stations() {
        if let Some(channel) = station.channels.first().filter(|_| !kinds.contains(&station.kind)) {
            kinds.push(station.kind);
            since = since.max(store.kept_since(*channel).samples);
        }
    }
    match since.filter(|since| at < *since) {
        None => Ok(()),
        Some(since) => {
            let since = Zone::default().show(since).to_string();
            Err(Problem::parameter("at", format!("samples from before {since} were deleted for their age")))
        }
    }
}
