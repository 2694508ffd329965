//! `GET /stream`: what changes, as server-sent events.
//!
//! A reader is a cursor over the feed and owns no queue: what it has missed is asked of the feed when the peer takes
//! more, and each station is told as it is then, once. So a slow reader costs nothing but a cursor, and gets fewer and
//! newer events; one whose cursor has left the feed's window, or that has more than [`CATCH_UP_MAX`] subjects to catch
//! up with, is told to `resync`. One that does not read at all is cut off by the connection (`paced.rs`).
//!
//! Invariant: an event carries an `id` only when everything up to that number of the journal has been told before it,
//! so that `Last-Event-ID` resumes without a gap.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use utoipa::{IntoParams, ToSchema};

use super::door::{Allowed, Pass, SeeMap};
use super::events::Events;
use super::features::Reporter;
use super::problem::{Code, Problem, Refused};
use super::query::{Asked, Bbox, FromParams, Params, word};
use super::readers::Seat;
use super::sight::Sight;
use super::time::{Shown, Zone};
use super::told::{About, Event, What};
use super::{Parts, incidents};
use crate::layers::{Geometry, Layer};
use crate::live::{Change, Since};
use crate::model::{Deaf, Seq, StationKind};
use crate::state::State;

/// Changes are gathered for so long before they are told.
const GATHER: Duration = Duration::from_millis(100);

/// A heartbeat comes at least so often.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// How often it is asked whether the caller is still welcome.
const RECHECK: Duration = Duration::from_secs(2);

/// Stations and alerts told in one piece.
const PIECE: usize = 128;

/// Subjects (24 bytes each) that a reader may have to catch up with; with more it is told to resync.
const CATCH_UP_MAX: usize = 16_384;

static LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What `/stream` takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StreamAsked {
    /// Only changes of these layers: `stations`, a kind such as `air`, `roads`, `rivers`, `alerts` (with their
    /// incidents), `incidents`; may be repeated or a list with commas. Absent: everything.
    #[param(value_type = Option<String>, example = "air,alerts")]
    layers: Vec<Layer>,
    /// Only inside this rectangle: west,south,east,north in WGS 84 degrees.
    #[param(value_type = Option<String>, example = "102.3,21.6,104.0,22.9")]
    bbox: Option<Bbox>,
    /// Go on after this event, for clients that cannot send the header `Last-Event-ID` (which comes first).
    #[param(value_type = Option<String>)]
    last_event_id: Option<String>,
}

impl FromParams for StreamAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        let told: Vec<Layer> = Layer::all().filter(|layer| layer.geometry() == Geometry::Point).collect();
        Ok(Self {
            layers: params.many("layers", |text| word(text, &told, Layer::id))?,
            bbox: params.one("bbox", Bbox::parse)?,
            last_event_id: params.one("last_event_id", |text| Ok(text.to_owned()))?,
        })
    }
}

impl StreamAsked {
    fn wants_kind(&self, kind: StationKind) -> bool {
        self.layers.is_empty()
            || self.layers.iter().any(|layer| *layer == Layer::Stations || layer.kind() == Some(kind))
    }

    fn wants_alerts(&self) -> bool {
        self.layers.is_empty() || self.layers.contains(&Layer::Alerts)
    }

    fn wants_incidents(&self) -> bool {
        self.wants_alerts() || self.layers.contains(&Layer::Incidents)
    }
}

/// The `heartbeat` event: the reader can tell a quiet province from a broken line.
#[derive(Serialize, ToSchema)]
pub struct Heartbeat {
    /// The service's clock.
    #[schema(value_type = String, format = DateTime)]
    now: Shown,
    /// Seconds since silence and hold times were last judged; null before the first time.
    tick_age_s: Option<f64>,
    /// Seconds since the newest message was received; null when none ever was.
    intake_age_s: Option<f64>,
    /// Sources whose devices cannot be heard now because the link to their broker is down: their silence says nothing
    /// and raises no alert.
    unheard: Vec<Unheard>,
    /// Seconds since the last message of Saola's own was sent that came the whole way in; null before the first.
    canary_age_s: Option<f64>,
    /// The last entry of the journal that the picture includes.
    #[schema(value_type = u64)]
    last_seq: Seq,
}

/// A source that cannot be heard.
#[derive(Serialize, ToSchema)]
pub struct Unheard {
    /// The source's name.
    #[schema(example = "broker")]
    source: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    since: Shown,
}

/// The `resync` event: read the layers and alerts anew; the stream goes on from `revision`.
#[derive(Serialize, ToSchema)]
pub struct Resync {
    /// The journal's number from which on changes follow.
    #[schema(value_type = u64)]
    revision: Seq,
}

fn unheard(state: &State, zone: &Zone) -> Vec<Unheard> {
    let tell = |(of, since)| match of {
        Deaf::Everything => None,
        Deaf::Source(source) => {
            Some(Unheard { source: state.catalogue.source(source).to_owned(), since: zone.show(since) })
        }
    };
    state.live.listening().open_outages().filter_map(tell).collect()
}

/// Changes as they happen, as server-sent events.
///
/// `change`: a station's feature, as in `/stations/{id}`. `alert`: an alert, as in `/alerts/{id}`. `incident`: an
/// incident, as in `/incidents`. `heartbeat`: every 10 s. `resync`: something was missed; read everything anew. Connect
/// first and read the layers then: nothing is missed in between. The stream ends within 5 s when the caller's sign-in ends or its rights change.
#[utoipa::path(get, path = "/api/v1/stream", operation_id = "readStream", tag = "map",
    params(StreamAsked, ("last-event-id" = Option<String>, Header, description = "Go on after this event")),
    security(("token" = []), ("session" = [])),
    responses(
        (status = 200, description = "The events; `data` of `change` is a StationFeature, of `alert` an AlertDocument, \
            of `incident` an IncidentSummary, of `heartbeat` a Heartbeat, of `resync` a Resync", body = String,
            content_type = "text/event-stream"),
        Refused,
        (status = 429, description = "Too many open streams", body = super::problem::ProblemDocument,
            content_type = "application/problem+json")))]
pub async fn read(
    door: Allowed<SeeMap>,
    headers: HeaderMap,
    Asked(asked): Asked<StreamAsked>,
) -> Result<Response, Problem> {
    let parts = Arc::clone(door.parts());
    let seat = door.take_seat().ok_or_else(|| {
        Problem::new(Code::TooManyReaders, "no more streams are served, to anybody or to this address").retry_after(5)
    })?;
    let header = headers.get(&LAST_EVENT_ID).and_then(|value| value.to_str().ok());
    let seen = header.map(str::to_owned).or(asked.last_event_id.clone());
    let now = Instant::now();
    let sight = door.sight(&parts.state.read().catalogue);
    let reader = Reader {
        // Before the cursor: what is published in between wakes the reader.
        wake: parts.feed.wake(),
        cursor: parts.feed.latest(),
        sight,
        pass: door.into_pass(),
        seen,
        asked,
        backlog: VecDeque::new(),
        begun: false,
        look_at: now,
        beat_at: now,
        check_at: now + RECHECK,
        zone: Zone::default(),
        seat,
        parts,
    };
    let events = stream::unfold(reader, |mut reader| async move {
        let text = reader.next().await?;
        Some((Ok::<_, Infallible>(text), reader))
    });
    let mut response = Body::from_stream(events).into_response();
    let out = response.headers_mut();
    out.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    out.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies of the nginx family would gather events.
    out.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

struct Reader {
    parts: Arc<Parts>,
    asked: StreamAsked,
    sight: Sight,
    pass: Pass,
    zone: Zone,
    /// What the peer says it has seen; settled with the first piece.
    seen: Option<String>,
    begun: bool,
    /// Everything up to here has been told, but for the backlog.
    cursor: Seq,
    /// What is being told: the feed's answer at one moment, at most [`CATCH_UP_MAX`] lines, not added to.
    backlog: VecDeque<(Seq, Change)>,
    wake: watch::Receiver<Seq>,
    /// Not before this is the feed asked again.
    look_at: Instant,
    beat_at: Instant,
    check_at: Instant,
    seat: Seat,
}

impl Reader {
    /// The next piece of text; `None` when the stream ends.
    async fn next(&mut self) -> Option<Bytes> {
        if !self.begun {
            self.begun = true;
            return Some(self.begin());
        }
        loop {
            let now = Instant::now();
            if now >= self.check_at {
                self.check_at = now + RECHECK;
                if !self.pass.still_holds().await {
                    return None;
                }
            }
            if now >= self.beat_at {
                return Some(self.beat(now));
            }
            if self.backlog.is_empty() && now >= self.look_at && self.wake.has_changed().unwrap_or(false) {
                self.wake.mark_unchanged();
                self.look_at = now + GATHER;
                if let Some(resync) = self.look() {
                    return Some(resync);
                }
            }
            if !self.backlog.is_empty() {
                let piece = self.tell();
                if !piece.is_empty() {
                    return Some(piece);
                }
                // It may be long until something is for this reader: others come in between.
                tokio::task::yield_now().await;
                continue;
            }
            self.wait().await?;
        }
    }

    /// Until there may be something to do; `None` when the service stops.
    async fn wait(&mut self) -> Option<()> {
        let due = self.beat_at.min(self.check_at);
        let gathered = self.look_at;
        let news = async {
            if self.wake.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            self.wake.mark_changed();
            sleep_until(gathered).await;
        };
        tokio::select! {
            () = self.parts.stop.cancelled() => None,
            () = sleep_until(due) => Some(()),
            () = news => Some(()),
        }
    }

    fn begin(&mut self) -> Bytes {
        let mut events = Events::new();
        events.retry(Duration::from_secs(2));
        if let Some(seen) = self.seen.take() {
            let latest = self.cursor;
            match seen.trim().parse().map(Seq) {
                Ok(seen) if seen <= latest => {
                    self.cursor = seen;
                    self.wake.mark_changed();
                }
                _ => self.resync(&mut events),
            }
        }
        self.heartbeat(&mut events);
        events.take()
    }

    fn beat(&mut self, now: Instant) -> Bytes {
        self.beat_at = now + HEARTBEAT;
        let mut events = Events::new();
        self.heartbeat(&mut events);
        events.take()
    }

    fn heartbeat(&mut self, events: &mut Events) {
        self.beat_at = Instant::now() + HEARTBEAT;
        let now = self.parts.clock.now();
        let (ticked_at, applied, canary, unheard) = {
            let state = self.parts.state.read();
            (state.ticked_at, state.applied, state.canary, unheard(&state, &self.zone))
        };
        let never = crate::model::Timestamp::EPOCH;
        let body = Heartbeat {
            now: self.zone.show(now),
            tick_age_s: (ticked_at != never).then(|| now.since(ticked_at).as_secs_f64()),
            intake_age_s: (self.parts.intake_at)().map(|at| now.since(at).as_secs_f64()),
            unheard,
            canary_age_s: canary.map(|canary| now.since(canary.sent_at).as_secs_f64()),
            last_seq: applied,
        };
        events.add("heartbeat", Some(self.cursor), &body);
    }

    fn resync(&mut self, events: &mut Events) {
        self.backlog.clear();
        self.cursor = self.parts.feed.latest();
        self.sight = self.pass.sight(&self.parts.state.read().catalogue);
        events.add("resync", Some(self.cursor), &Resync { revision: self.cursor });
    }

    /// Asks the feed; the text of a resync when the reader has fallen out of it.
    fn look(&mut self) -> Option<Bytes> {
        match self.parts.feed.since(self.cursor) {
            Since::Changes(lines) if lines.len() <= CATCH_UP_MAX => {
                self.backlog = lines.into();
                None
            }
            Since::Changes(_) | Since::Resync => {
                metrics::counter!("http_stream_resyncs_total").increment(1);
                let mut events = Events::new();
                self.resync(&mut events);
                Some(events.take())
            }
        }
    }

    /// Tells one piece of the backlog.
    fn tell(&mut self) -> Bytes {
        let piece = self.backlog.len().min(PIECE);
        let lines: Vec<(Seq, Change)> = self.backlog.drain(..piece).collect();
        let mut told = self.seat.told().of(&lines, Instant::now());
        self.write_missing(&lines, &mut told);
        let mut events = Events::new();
        for (place, ((seq, _), event)) in lines.iter().zip(&told).enumerate() {
            // Complete up to this number only when the next line has a greater one.
            let next = lines.get(place + 1).or(self.backlog.front());
            let complete = next.is_none_or(|(next, _)| next > seq);
            if complete {
                self.cursor = *seq;
            }
            if let Some(event) = event.as_ref().filter(|event| self.wants(&event.about)) {
                events.add_written(event.about.what.word(), complete.then_some(*seq), &event.body);
            }
        }
        events.take()
    }

    /// Writes the events that nobody has been told yet, and keeps them for the other readers.
    fn write_missing(&self, lines: &[(Seq, Change)], told: &mut [Option<Arc<Event>>]) {
        // An incident is told with what its listener may see of it.
        let is_own = |change: &Change| matches!((change, &self.sight), (Change::Incident(_), Sight::Areas(_)));
        let missing = |(line, event): &(&(Seq, Change), &mut Option<Arc<Event>>)| event.is_none() || is_own(&line.1);
        let mut missing = lines.iter().zip(told).filter(missing).peekable();
        if missing.peek().is_none() {
            return;
        }
        let mut written = Vec::new();
        let state = self.parts.state.read();
        let reporter = Reporter { state: &state, now: self.parts.clock.now(), zone: &self.zone };
        for ((_, change), event) in missing {
            *event = self.event(&reporter, change).map(Arc::new);
            if let Some(event) = event.as_ref().filter(|_| !is_own(change)) {
                written.push((change.clone(), Arc::clone(event)));
            }
        }
        drop(state);
        self.seat.told().keep(written, Instant::now());
    }

    /// A change as it is told; `None` when it is not told to this reader, and so not worth writing.
    fn event(&self, reporter: &Reporter<'_>, change: &Change) -> Option<Event> {
        let state = reporter.state;
        let as_of = state.applied;
        match change {
            Change::Station(no) => {
                let station = state.catalogue.station(*no).filter(|station| !station.retired)?;
                let (what, position) = (What::Station(station.kind), Some(station.position));
                let about = self.wanted(About { what, area: station.area.clone(), position })?;
                Event::written(about, as_of, &reporter.station(station))
            }
            Change::Alert(id) => {
                let alert = state.alerts.get(id)?;
                let (area, position) = (alert.subject.area().cloned(), reporter.place_of(alert));
                let about = self.wanted(About { what: What::Alert, area, position })?;
                Event::written(about, as_of, &reporter.alert(alert)?)
            }
            Change::Incident(id) => {
                let summary = incidents::summary(reporter, &self.sight, state.incidents.get(id)?)?;
                let about = self.wanted(About { what: What::Incident, area: None, position: summary.centre })?;
                Event::written(about, as_of, &summary)
            }
        }
    }

    fn wanted(&self, about: About) -> Option<About> {
        self.wants(&about).then_some(about)
    }

    fn wants(&self, about: &About) -> bool {
        let is_asked = match about.what {
            What::Station(kind) => self.asked.wants_kind(kind) && self.sight.reaches(about.area.as_ref()),
            What::Alert => self.asked.wants_alerts() && self.sight.reaches(about.area.as_ref()),
            // It is told with what is in sight of it.
            What::Incident => self.asked.wants_incidents(),
        };
        is_asked && self.asked.bbox.is_none_or(|bbox| about.position.is_some_and(|at| bbox.contains(at)))
    }
}
