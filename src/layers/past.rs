//! Makes the picture of a past moment from what is kept of it.
//!
//! What a map showed then is made anew, with what is known of then by now: late samples stand where they belong. By time
//! are known: each channel's samples; where stations stood; what was declared of them (in service, under maintenance, their
//! channels, how often those were to speak); maintenance windows; the areas in force; and alerts and incidents by their
//! time-lines. A station that was entered later is drawn when it has samples of before. By the present are told, as nobody
//! keeps what they were: names and units, sleep schedules, stretches of road, and the source of an alert's text. A device's
//! death notice is known while it holds. An alert has the value that decided its state; one of a rule that compares each
//! sample by itself has the newest of its channel, as it had then. What is not known is shown as not observed, never as it
//! is today.
//!
//! [`Known`] is what is needed, gathered under the state's lock; drawing needs no lock.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};

use hashbrown::HashSet;
use jiff::civil::Date;
use parking_lot::Mutex;

use super::canvas::view;
use super::look::{Look, Newest};
use super::picture::{Draft, IncidentView, Picture};
use crate::incidents::Incident;
use crate::model::{
    Alert, Area, AreaFacts, AreaLevel, Catalogue, CatalogueError, Channel, ChannelId, Freshness, Listening, Station,
    StationNo, Subject, Timestamp, Validity,
};
use crate::registry::{AreaShape, Areas, Segments, Stands, StoodAs};

/// What was observed of a channel by the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Observed {
    /// Its newest sample.
    pub newest: Option<Newest>,
    /// The time of the newest valid one: what freshness is judged by.
    pub valid_at: Option<Timestamp>,
}

/// What is known of a moment, but for the samples.
pub struct Known {
    /// The moment.
    pub at: Timestamp,
    /// Stations, channels and areas of the present, with where stations stood before.
    pub catalogue: Arc<Catalogue>,
    /// The polygons, each with its dates.
    pub areas: Arc<Areas>,
    /// Those that were in force on the moment's date, as [`FormerAreas`] has them.
    pub areas_then: Arc<Areas>,
    /// How stations were declared.
    pub stands: Arc<Stands>,
    /// Stations in a maintenance window at the moment.
    pub in_windows: BTreeSet<StationNo>,
    /// Stations that the registry has under maintenance at present: holds of those that were never changed on record.
    pub maintained: BTreeSet<StationNo>,
    /// Who sleeps when, and who is silenced.
    pub listening: Listening,
    /// The alerts that were open, as they stood.
    pub alerts: Vec<Arc<Alert>>,
    /// Rules that compare each sample by itself: the value of their alerts is their channel's.
    pub rules_of_samples: BTreeSet<String>,
    /// The incidents that were open, as they stood.
    pub incidents: Vec<Incident>,
    /// Stretches of road.
    pub segments: Arc<Segments>,
}

impl Known {
    /// Draws the picture; `observed` has the channels of the catalogue in their order. Fails when the catalogue of then does
    /// not hold together.
    pub fn draw(self, observed: &[Observed], revision: u64) -> Result<Picture, CatalogueError> {
        let of = |id: ChannelId| observed.get(id.index()).copied().unwrap_or_default();
        let areas = Arc::clone(&self.areas_then);
        let catalogue = Arc::new(self.catalogue_then(&areas, &of)?);
        let look = |channel: &Channel| {
            let Observed { newest, valid_at } = of(channel.id);
            let is_maintained = catalogue.station(channel.station).is_some_and(|station| station.maintenance);
            let (freshness, fresh_until) = if is_maintained {
                (Freshness::Maintenance, None)
            } else {
                self.listening.freshness_then(channel, valid_at, self.at)
            };
            Look { latest: newest, freshness, fresh_until }
        };
        let incidents: Vec<IncidentView> = self.incidents.iter().map(|incident| view(&catalogue, incident)).collect();
        let draft = Draft {
            at: self.at,
            revision,
            catalogue: Arc::clone(&catalogue),
            areas,
            is_drawn: &|station| !station.retired,
            look: &look,
            alerts: self.alerts.iter().map(|alert| self.with_value(alert, &of)).collect(),
            incidents,
        };
        Ok(Picture::draw(draft).with_segments(Arc::clone(&self.segments)))
    }

    /// The catalogue as it was: stations where they stood, in service or not, and their channels.
    fn catalogue_then(&self, areas: &Areas, of: &dyn Fn(ChannelId) -> Observed) -> Result<Catalogue, CatalogueError> {
        let now = &self.catalogue;
        let spoke = |id: ChannelId| of(id).newest.is_some();
        let mut channels = now.channels().to_vec();
        let mut stations = now.stations().to_vec();
        for station in &mut stations {
            let (position, area) = now.place_at(station, self.at);
            (station.position, station.area) = (position, area.cloned());
            self.declare(station, &mut channels, &spoke);
            // Of one that is not drawn nobody asks where it stood, which takes a look at the polygons.
            if !station.retired
                && let Some(former) = self.former_area(station, areas)
            {
                station.area = Some(former);
            }
        }
        let all = areas_of(areas, now);
        let sources = now.sources().to_vec();
        Ok(Catalogue::new(sources, all, stations, channels)?.with_derived(now.derived().to_vec()))
    }

    /// A station and its channels as they were declared then.
    fn declare(&self, station: &mut Station, channels: &mut [Channel], spoke: &dyn Fn(ChannelId) -> bool) {
        let (stand, is_declared) = match self.stands.at(station.no, self.at) {
            StoodAs::Unrecorded => {
                station.maintenance = self.maintained.contains(&station.no) || self.in_windows.contains(&station.no);
                return;
            }
            StoodAs::Declared(stand) => (stand, true),
            StoodAs::NotEntered(stand) => (stand, false),
        };
        station.maintenance = is_declared && stand.maintenance || self.in_windows.contains(&station.no);
        for id in &station.channels {
            let Some(channel) = channels.get_mut(id.index()) else { continue };
            let declared = stand.channel(&channel.property);
            if let Some(declared) = declared {
                (channel.interval, channel.link) = (declared.interval, declared.link);
            }
            channel.retired = match declared.filter(|_| is_declared) {
                Some(declared) => declared.retired,
                None => !spoke(*id),
            };
        }
        station.retired = if is_declared { stand.retired } else { !station.channels.iter().any(|id| spoke(*id)) };
    }

    /// An alert with the newest good value of its channel, where its rule compares that and it came after the value that
    /// decided the alert's state. What others compare (a sum, a rate) is not made again.
    fn with_value(&self, alert: &Arc<Alert>, of: &dyn Fn(ChannelId) -> Observed) -> Arc<Alert> {
        let Subject::Channel { channel, .. } = &alert.subject else { return Arc::clone(alert) };
        let is_of_samples = alert.value.is_some() && self.rules_of_samples.contains(&alert.rule);
        let is_later = |newest: &Newest| newest.quality.is_good() && newest.observed_at >= alert.changed_at;
        match of(*channel).newest.filter(|newest| is_of_samples && is_later(newest)) {
            Some(newest) => Arc::new(Alert { value: Some(newest.value), ..Alert::clone(alert) }),
            None => Arc::clone(alert),
        }
    }

    /// The area that a station stood in, where it is not one of the present. Only when all of that one became the station's
    /// own: then who sees the one sees the other. Of one that was divided, its parts' people each see only theirs.
    fn former_area(&self, station: &Station, areas: &Areas) -> Option<crate::model::AreaId> {
        let own = station.area.as_ref()?;
        if areas.get(own).is_some() {
            return None;
        }
        let former = areas.get(&areas.locate(station.position)?)?;
        let dated = self.areas.find(&former.area.id)?;
        let is_whole = self.areas.heirs(dated).iter().eq([own]);
        (former.area.level == AreaLevel::Commune && is_whole).then(|| dated.area.id.clone())
    }
}

/// The areas of past dates: one set for all dates with the same ones, so that pictures of a time share their polygons.
/// A set lasts as long as a picture that has it.
#[derive(Debug, Default)]
pub struct FormerAreas {
    kept: Mutex<Vec<Former>>,
}

/// Those of the areas, by their places in [`Areas::all`], that were in force together.
#[derive(Debug)]
struct Former {
    of: Weak<Areas>,
    places: Vec<usize>,
    then: Weak<Areas>,
}

impl FormerAreas {
    /// The provinces, communes and forest compartments in force on a date, drawn; those of the present where they are the
    /// same. The date is of the calendar in which areas are in force.
    pub fn on(&self, areas: &Arc<Areas>, date: Date) -> Arc<Areas> {
        let holds = |shape: &AreaShape| shape.facts.validity.holds_on(date);
        let is_present = |shape: &AreaShape| {
            shape.is_in_force() || shape.area.level.is_forest() && shape.facts.validity.to.is_none()
        };
        let is_drawn =
            |shape: &&AreaShape| !shape.area.level.is_forest() || shape.area.level == AreaLevel::ForestCompartment;
        if areas.all().iter().filter(is_drawn).all(|shape| holds(shape) == is_present(shape)) {
            return Arc::clone(areas);
        }
        let wanted = areas.all().iter().enumerate().filter(|(_, shape)| {
            let level = shape.area.level;
            let is_told = matches!(level, AreaLevel::Province | AreaLevel::Commune | AreaLevel::ForestCompartment);
            is_told && holds(shape) && shape.is_drawn()
        });
        self.of(areas, wanted.map(|(place, _)| place).collect())
    }

    fn of(&self, areas: &Arc<Areas>, places: Vec<usize>) -> Arc<Areas> {
        let of = Arc::downgrade(areas);
        let mut kept = self.kept.lock();
        kept.retain(|former| former.then.strong_count() > 0);
        let same = kept.iter().find(|former| former.of.ptr_eq(&of) && former.places == places);
        if let Some(then) = same.and_then(|former| former.then.upgrade()) {
            return then;
        }
        // In force then: without an end.
        let shapes = places.iter().filter_map(|place| areas.all().get(*place)).map(|shape| {
            let facts = AreaFacts { validity: Validity::default(), successors: Vec::new(), ..shape.facts.clone() };
            shape.clone().with_facts(facts)
        });
        let then = Arc::new(Areas::new(shapes.collect()));
        kept.push(Former { of, places, then: Arc::downgrade(&then) });
        then
    }
}

/// The areas of then, and those of the present, which stations are told under where nobody knows what was there.
fn areas_of(then: &Areas, now: &Catalogue) -> Vec<Area> {
    let mut areas: Vec<Area> = then.shapes().iter().map(|shape| shape.area.clone()).collect();
    let known: HashSet<crate::model::AreaId> = areas.iter().map(|area| area.id.clone()).collect();
    areas.extend(now.areas().iter().filter(|area| !known.contains(&area.id)).cloned());
    areas
}
