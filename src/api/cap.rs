//! `GET /cap/…`: alerts as messages of the Common Alerting Protocol, and the feed that lists them.
//!
//! Invariant: a caller is told of its areas alone; what lies elsewhere answers exactly as what does not exist. Where the
//! configuration makes the messages public, everybody is told of everything, and of nothing else.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::response::Response;
use utoipa::IntoParams;

use super::door::{MayBePublic, SeeAlerts, Visitor};
use super::headers::revalidated;
use super::problem::{Missing, Problem, Refused};
use super::query::{self, Asked, FromParams, Id, Nothing, Params, escaped, limit};
use super::{Parts, sight::Sight};
use crate::alerts::Filter;
use crate::alerts::workflow::Did;
use crate::cap::{self, About, Entry, Feed, Message, Reach};
use crate::model::{Alert, Catalogue, LocalName, Severity, Subject, Timestamp, Unit};
use crate::state::State;

/// Messages on a page when `limit` is absent, and at most.
const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 200;

const ATOM: &str = "application/atom+xml; charset=utf-8";
const CAP: &str = "application/cap+xml; charset=utf-8";

impl MayBePublic for SeeAlerts {
    fn is_public(parts: &Parts) -> bool {
        parts.cap.public
    }
}

/// What the feed takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FeedAsked {
    /// How many messages at most: 1 to 200.
    #[param(value_type = Option<u32>, default = 50, minimum = 1, maximum = 200)]
    limit: usize,
    /// Where to go on: from the feed's `next` link.
    #[param(value_type = Option<String>)]
    next: Option<(Timestamp, String)>,
}

impl FromParams for FeedAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        Ok(Self {
            limit: params.one("limit", |text| limit(text, LIMIT_MAX))?.unwrap_or(LIMIT_DEFAULT),
            next: params.one("next", |text| query::place(text).map(|(at, id)| (at, id.to_owned())))?,
        })
    }
}

/// An alert with what people said of it, as far as messages go.
struct Told {
    alert: Arc<Alert>,
    dismissals: Vec<(Timestamp, Severity)>,
}

impl Told {
    /// `None` when the caller is not to be told of it, or nobody is.
    fn of(state: &State, sight: &Sight, alert: &Arc<Alert>) -> Option<Told> {
        let is_told = sight.reaches(alert.subject.area()) && state.incidents.mask_of(&alert.id).is_none();
        let deeds = state.workflow.handling(&alert.id).map(|handling| handling.deeds.as_slice()).unwrap_or_default();
        let dismissals = deeds.iter().filter(|deed| {
            deed.state.is_open() && matches!(&deed.did, Did::Closed { cause, .. } if cause.is_of_no_matter())
        });
        let dismissals = dismissals.map(|deed| (deed.at, deed.severity)).collect();
        is_told.then(|| Told { alert: Arc::clone(alert), dismissals })
    }

    fn messages(&self) -> Vec<Message> {
        cap::chain(&self.alert, &self.dismissals)
    }
}

/// What a message says beside its transition; of an area as a whole without its outline. `None` when what it is about is
/// not known any more.
fn about<'a>(state: &State, alert: &'a Alert) -> Option<About<'a>> {
    let catalogue = &state.catalogue;
    let rule = state.alerts.rules().named(&alert.rule);
    let area = alert.subject.area();
    let area_name = area.and_then(|area| catalogue.area(area)).map(|area| &area.name);
    let of_area = About {
        alert,
        station_kind: None,
        unit: Unit::One,
        is_derived: false,
        place: area_name.cloned().unwrap_or_else(unnamed),
        reach: Reach { area: area.cloned(), ..Reach::default() },
        advice: rule.and_then(|rule| rule.text.clone()),
        source: rule.and_then(|rule| rule.source.clone()),
    };
    let Subject::Channel { station, channel, .. } = &alert.subject else { return Some(of_area) };
    let (station, channel) = (catalogue.station(*station)?, catalogue.channel(*channel)?);
    Some(About {
        station_kind: Some(station.kind),
        unit: channel.unit,
        is_derived: catalogue.is_derived(channel.id),
        place: together(&station.name, area_name),
        reach: Reach { station: Some(catalogue.place_at(station, alert.started_at).0), ..of_area.reach },
        ..of_area
    })
}

/// Where an area as a whole is: its outline, or else the middle of its stations.
fn with_outline(parts: &Parts, catalogue: &Catalogue, reach: Reach) -> Reach {
    let area = reach.area.as_ref().filter(|_| reach.station.is_none());
    let rings = area.and_then(|area| (parts.areas)().polygon(area).map(cap::outline)).unwrap_or_default();
    let middle = area.filter(|_| rings.is_empty()).and_then(|area| catalogue.middle_of(area));
    Reach { rings, station: reach.station.or(middle), ..reach }
}

fn unnamed() -> LocalName {
    LocalName { vi: "ngoài địa bàn".to_owned(), en: "outside every known area".to_owned() }
}

/// `station, area` in both languages.
fn together(station: &LocalName, area: Option<&LocalName>) -> LocalName {
    match area {
        Some(area) => {
            LocalName { vi: format!("{}, {}", station.vi, area.vi), en: format!("{}, {}", station.en, area.en) }
        }
        None => station.clone(),
    }
}

/// The messages of the last days as an Atom feed, newest first.
///
/// Every transition of an alert is one message: `Alert`, `Update` or `Cancel`, each with the references to the ones
/// before. Alerts on missing data and on equipment, records of late data, and alerts that a known heat source explains are not here. How
/// far back it goes is configured (`[cap] feed`); older pages are at `rel="next"`.
///
/// `ETag` and `If-None-Match` spare the body when nothing has changed.
#[utoipa::path(get, path = "/cap/alerts.atom", operation_id = "readCapFeed", tag = "alerts", params(FeedAsked),
    security((), ("token" = []), ("session" = [])),
    responses(
        (status = 200, description = "The feed", body = String, content_type = "application/atom+xml",
            headers(("etag" = String, description = "Changes with the content"))),
        (status = 304, description = "Unchanged since the tag in If-None-Match"),
        Refused))]
pub async fn feed(
    door: Visitor<SeeAlerts>,
    headers: HeaderMap,
    Asked(asked): Asked<FeedAsked>,
) -> Result<Response, Problem> {
    let parts = door.parts();
    let since = parts.clock.now() - parts.cap.feed.duration();
    let told: Vec<Told> = {
        let state = parts.state.read();
        let sight = door.sight(&state.catalogue);
        let all = state.alerts.all(&Filter { since: Some(since), ..Filter::default() });
        all.iter().filter_map(|alert| Told::of(&state, &sight, alert)).collect()
    };
    let (page, more) = page(&told, since, &asked);
    let entries: Vec<(Message, About<'_>)> = {
        let state = parts.state.read();
        page.into_iter().filter_map(|(alert, message)| Some((message, about(&state, alert)?))).collect()
    };
    let listed = entries.iter().map(|(message, about)| {
        let address = format!("{}.xml", escaped(&message.id));
        Entry { message, about, address }
    });
    let address = |next: &str| format!("alerts.atom?limit={}&next={}", asked.limit, escaped(next));
    let own = asked.next.as_ref().map(|(at, id)| address(&query::place_text(*at, id)));
    let last = entries.last().filter(|_| more).map(|(message, _)| query::place_text(message.sent, &message.id));
    let feed = Feed {
        updated: entries.first().map_or(Timestamp::EPOCH, |(message, _)| message.sent),
        entries: listed.collect(),
        own: own.unwrap_or_else(|| format!("alerts.atom?limit={}", asked.limit)),
        next: last.map(|next| address(&next)),
    };
    let body = feed.write(&parts.cap).map_err(Problem::internal)?;
    Ok(revalidated(body, ATOM, &headers))
}

/// The messages of a page, newest first, and whether there are more. Alerts come by their newest change, so none that
/// follows has a newer message than that.
fn page<'t>(told: &'t [Told], since: Timestamp, asked: &FeedAsked) -> (Vec<(&'t Alert, Message)>, bool) {
    let mut found: Vec<(&Alert, Message)> = Vec::new();
    let is_wanted = |message: &Message| {
        let is_after = |(at, id): &(Timestamp, String)| (message.sent, message.id.as_str()) < (*at, id.as_str());
        message.sent >= since && asked.next.as_ref().is_none_or(is_after)
    };
    let order = |(_, a): &(&Alert, Message), (_, b): &(&Alert, Message)| (b.sent, &b.id).cmp(&(a.sent, &a.id));
    for one in told {
        // A dismissal is by a person's clock, and may be newer than anything that was measured.
        let newest = one.dismissals.last().map_or(one.alert.changed_at, |(at, _)| one.alert.changed_at.max(*at));
        if found.len() > asked.limit {
            found.sort_by(order);
            found.truncate(asked.limit + 1);
            if one.dismissals.is_empty() && found.last().is_some_and(|(_, last)| last.sent > newest) {
                continue;
            }
        }
        found.extend(one.messages().into_iter().filter(is_wanted).map(|message| (&*one.alert, message)));
    }
    found.sort_by(order);
    let more = found.len() > asked.limit;
    found.truncate(asked.limit);
    (found, more)
}

/// One message of the Common Alerting Protocol 1.2, in Vietnamese and English.
///
/// The address is the identifier with `.xml`, as the feed has it. A technical threshold, never the official disaster
/// risk level; `status` says whether it is meant at all.
#[utoipa::path(get, path = "/cap/{file}", operation_id = "readCapMessage", tag = "alerts",
    params(("file" = String, Path, description = "The message's identifier, percent-encoded, and `.xml`")),
    security((), ("token" = []), ("session" = [])),
    responses(
        (status = 200, description = "The message", body = String, content_type = "application/cap+xml",
            headers(("etag" = String, description = "Changes with the content"))),
        (status = 304, description = "Unchanged since the tag in If-None-Match"),
        Refused, Missing))]
pub async fn one(
    door: Visitor<SeeAlerts>,
    headers: HeaderMap,
    Id(file): Id,
    Asked(Nothing): Asked<Nothing>,
) -> Result<Response, Problem> {
    let missing = || Problem::not_found("message", &file);
    let id = file.strip_suffix(".xml").ok_or_else(missing)?;
    let parts = door.parts();
    let (message, told, catalogue);
    let mut about = {
        let state = parts.state.read();
        let sight = door.sight(&state.catalogue);
        let alert = cap::alert_of(id).and_then(|alert| state.alerts.get(&alert));
        told = alert.and_then(|alert| Told::of(&state, &sight, alert)).ok_or_else(missing)?;
        message = told.messages().into_iter().find(|message| message.id == id).ok_or_else(missing)?;
        catalogue = Arc::clone(&state.catalogue);
        about(&state, &told.alert).ok_or_else(missing)?
    };
    about.reach = with_outline(parts, &catalogue, about.reach);
    let body = cap::write(&message, &about, &parts.cap).map_err(Problem::internal)?;
    Ok(revalidated(body, CAP, &headers))
}
