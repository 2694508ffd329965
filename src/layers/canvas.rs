//! Keeps the picture of now: what changed since it was last asked for is drawn again, and nothing else.
//!
//! Invariants: a change that the feed has told is in the picture; a station whose freshness ends by the passing of time
//! is drawn again at the first question after that instant, whether or not a tick noticed it. So a picture's revisions
//! stay the same only while it would look the same.
//!
//! The state's lock is held for reading while the changed stations are copied: some hundred nanoseconds each. Only a new
//! catalogue draws everything. Memory: a picture shares its pieces with the next; a reader that keeps an old one keeps
//! the pieces that changed since, too.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::look::{Look, Newest};
use super::picture::{Draft, IncidentPart, IncidentView, Picture};
use crate::incidents::{Filter, Incident, IncidentState};
use crate::live::{Change, Feed, Since};
use crate::model::{Catalogue, Channel, Freshness, Seq, Severity, StationNo, Timestamp};
use crate::registry::{Areas, Segments};
use crate::state::State;

/// See the module.
#[derive(Debug, Default)]
pub struct Canvas {
    segments: Arc<Segments>,
    kept: Mutex<Option<Kept>>,
}

#[derive(Debug)]
struct Kept {
    picture: Arc<Picture>,
    /// The feed's changes up to here are in the picture.
    cursor: Seq,
    /// When a station is to be looked at again; one that is heard in between stays where it is.
    due: BinaryHeap<Reverse<(Timestamp, StationNo)>>,
    /// By station: its earliest entry in `due`; the greatest instant for none.
    due_at: Vec<Timestamp>,
}

const NEVER: Timestamp = Timestamp::from_micros(i64::MAX);

impl Canvas {
    /// Over the stretches of road that there are.
    pub fn new(segments: Arc<Segments>) -> Canvas {
        Canvas { segments, kept: Mutex::default() }
    }

    /// The picture of `now`.
    pub fn picture(&self, state: &RwLock<State>, feed: &Feed, areas: Arc<Areas>, now: Timestamp) -> Arc<Picture> {
        let mut kept = self.kept.lock();
        // Before the state is looked at: what is published meanwhile is drawn again at the next question.
        let latest = feed.latest();
        let state = state.read();
        let fits = |kept: &Kept| {
            now >= kept.picture.at
                && Arc::ptr_eq(&kept.picture.catalogue, &state.catalogue)
                && Arc::ptr_eq(&kept.picture.areas, &areas)
        };
        let Some(kept) = kept.as_mut().filter(|kept| fits(kept)) else {
            let before = kept.as_ref().map(|kept| kept.picture.revision);
            let new = self.draw_all(&state, areas, latest, now, before);
            return Arc::clone(&kept.insert(new).picture);
        };
        match feed.since(kept.cursor) {
            Since::Changes(changes) => {
                kept.cursor = latest.max(changes.last().map_or(kept.cursor, |(seq, _)| *seq));
                kept.follow(&state, changes, now);
            }
            Since::Resync => *kept = self.draw_all(&state, areas, latest, now, Some(kept.picture.revision)),
        }
        Arc::clone(&kept.picture)
    }

    fn draw_all(&self, state: &State, areas: Arc<Areas>, cursor: Seq, now: Timestamp, before: Option<u64>) -> Kept {
        Kept::new(state, (areas, Arc::clone(&self.segments)), cursor, now, before)
    }
}

impl Kept {
    /// Draws everything.
    fn new(
        state: &State,
        (areas, segments): (Arc<Areas>, Arc<Segments>),
        cursor: Seq,
        now: Timestamp,
        before: Option<u64>,
    ) -> Kept {
        // Greater than any of a former life, as time is.
        let revision = before.map_or(now.micros().unsigned_abs(), |before| before + 1);
        let picture = Picture::draw(Draft {
            at: now,
            revision,
            catalogue: Arc::clone(&state.catalogue),
            areas,
            is_drawn: &|station| !station.retired,
            look: &|channel| look(state, channel, now),
            alerts: state.alerts.open().cloned().collect(),
            incidents: open_incidents(state),
        });
        let picture = picture.with_segments(segments);
        let mut kept = Kept {
            due: BinaryHeap::with_capacity(picture.len()),
            due_at: vec![NEVER; picture.catalogue.stations().len()],
            picture: Arc::new(picture),
            cursor,
        };
        let stations: Vec<StationNo> = kept.picture.stations().map(|shown| shown.pin.station).collect();
        kept.schedule(&stations);
        kept
    }

    /// Draws what changed and what time has changed.
    fn follow(&mut self, state: &State, changes: Vec<(Seq, Change)>, now: Timestamp) {
        let (mut stations, mut looked_at, mut alerts, mut incidents) = (Vec::new(), Vec::new(), false, false);
        for (_, change) in changes {
            match change {
                Change::Station(no) => stations.push(no),
                Change::Alert(_) => alerts = true,
                Change::Incident(_) => incidents = true,
            }
        }
        while let Some(Reverse((at, no))) = self.due.peek().copied().filter(|Reverse((at, _))| *at < now) {
            self.due.pop();
            if let Some(due_at) = self.due_at.get_mut(no.index()).filter(|due_at| **due_at == at) {
                *due_at = NEVER;
                looked_at.push(no);
            }
        }
        // Those that were heard since are as fresh as they were.
        let is_over = |no: &StationNo| self.until(*no).is_some_and(|until| until < now);
        let (over, heard): (Vec<StationNo>, Vec<StationNo>) = looked_at.into_iter().partition(is_over);
        self.schedule(&heard);
        stations.extend(over);
        if stations.is_empty() && !alerts && !incidents {
            if self.picture.at < now {
                Arc::make_mut(&mut self.picture).at = now;
            }
            return;
        }
        stations.sort_unstable();
        stations.dedup();
        let picture = Arc::make_mut(&mut self.picture);
        picture.at = now;
        picture.revision += 1;
        let revision = picture.revision;
        let worst = |no: StationNo| -> Option<Severity> { state.alerts.worst_open(no) };
        picture.redraw(stations.iter().copied(), revision, &|channel| look(state, channel, now), &worst);
        // An open alert's newest value changes with its station's samples, and is no change of the alert.
        if alerts || stations.iter().any(|no| worst(*no).is_some()) {
            let mut open: Vec<_> = state.alerts.open().cloned().collect();
            open.sort_by(|a, b| a.id.cmp(&b.id));
            picture.alerts = Arc::new(open);
        }
        if alerts {
            picture.alerts_revision = revision;
        }
        if incidents {
            (picture.incidents, picture.incidents_revision) = (Arc::new(open_incidents(state)), revision);
        }
        self.schedule(&stations);
    }

    /// The last instant at which a station looks as it is drawn when nothing comes.
    fn until(&self, no: StationNo) -> Option<Timestamp> {
        self.picture.station(no)?.looks.iter().filter_map(|look| look.fresh_until).min()
    }

    /// Notes when stations are to be looked at again.
    fn schedule(&mut self, stations: &[StationNo]) {
        for no in stations {
            let Some(until) = self.until(*no) else { continue };
            if let Some(due_at) = self.due_at.get_mut(no.index()).filter(|due_at| until < **due_at) {
                *due_at = until;
                self.due.push(Reverse((until, *no)));
            }
        }
    }
}

fn look(state: &State, channel: &Channel, now: Timestamp) -> Look {
    let freshness = state.live.freshness(&state.catalogue, channel, now);
    let judged = if freshness == Freshness::Maintenance {
        // What time does to it cannot be seen.
        None
    } else {
        state.live.listening().fresh_until(channel, freshness)
    };
    Look { latest: state.live.latest(channel.id).copied().map(Newest::from), freshness, fresh_until: judged }
}

/// The open incidents, by identifier.
fn open_incidents(state: &State) -> Vec<IncidentView> {
    let filter = Filter { states: vec![IncidentState::Open], since: None, after: None };
    let mut views: Vec<IncidentView> =
        state.incidents.all(filter).map(|incident| view(&state.catalogue, incident)).collect();
    views.sort_by(|a, b| a.id.cmp(&b.id));
    views
}

/// An incident as it is drawn, with its silent stations where the catalogue has them.
pub(super) fn view(catalogue: &Catalogue, incident: &Incident) -> IncidentView {
    let members = incident.members().values().filter(|member| member.is_open()).map(|member| IncidentPart {
        position: member.position,
        area: member.area.clone(),
        severity: member.attention(),
    });
    let silent = incident.children().iter().filter(|(_, child)| child.returned_at.is_none());
    let silent = silent.map(|(no, child)| IncidentPart {
        position: catalogue.station(*no).map(|station| station.position),
        area: child.area.clone(),
        severity: incident.severity(),
    });
    IncidentView {
        id: incident.id.clone(),
        title: incident.title.clone(),
        group: incident.group.clone(),
        opened_at: incident.opened_at,
        changed_at: incident.changed_at,
        parts: members.chain(silent).collect(),
    }
}
