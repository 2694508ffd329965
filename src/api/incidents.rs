//! `GET /incidents`: alerts that belong together, and gateways that are dead.
//!
//! Invariant: a caller is told of the members and stations in its areas alone: they are counted, and the severity and
//! the place are theirs. What has none of them in sight is not there.

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::door::{Allowed, SeeAlerts};
use super::features::{Name, Point, Reporter, severity_schema, state_schema};
use super::moment;
use super::problem::{Missing, Problem, Refused};
use super::query::{self, Asked, FromParams, Id, Nothing, Params, limit, word};
use super::sight::Sight;
use super::time::{Shown, When, Zone};
use crate::geodesy;
use crate::incidents::{Child, Filter, Happened, Incident, IncidentMoment, IncidentState, Member};
use crate::model::{AlertState, AreaId, IncidentId, Position, Severity, StationId, Timestamp};

/// Incidents in one answer when `limit` is absent, and at most.
const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;

/// What `/incidents` takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct IncidentsAsked {
    /// Only in these states: open, closed, merged; may be repeated or a list with commas. Absent: open and closed.
    #[param(value_type = Option<String>, example = "open")]
    state: Vec<IncidentState>,
    /// Only of these severities: low, medium, high, very_high, catastrophic; may be repeated or a list with commas.
    #[param(value_type = Option<String>, example = "very_high,catastrophic")]
    severity: Vec<Severity>,
    /// Only with a member in this area or those inside it, by its code.
    #[param(value_type = Option<String>, example = "03388")]
    area: Option<AreaId>,
    /// Only those that changed at or after this time: RFC 3339, a date, `-24h`.
    #[param(value_type = Option<String>, example = "-24h")]
    since: Option<When>,
    /// Those that were open at this moment, as they stood then: RFC 3339, a date, `-2h`; never the future.
    #[param(value_type = Option<String>, example = "-2h")]
    at: Option<When>,
    /// How many at most: 1 to 1,000.
    #[param(value_type = Option<u32>, default = 100, minimum = 1, maximum = 1000)]
    limit: usize,
    /// Where to go on: the `next` of the answer before.
    #[param(value_type = Option<String>)]
    next: Option<(Timestamp, IncidentId)>,
}

fn parse_place(text: &str) -> Result<(Timestamp, IncidentId), String> {
    query::place(text).map(|(at, id)| (at, IncidentId(id.into())))
}

impl FromParams for IncidentsAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        Ok(Self {
            state: params.many("state", |text| word(text, &IncidentState::ALL, IncidentState::word))?,
            severity: params.many("severity", |text| word(text, &Severity::ALL, Severity::word))?,
            area: params.one("area", |text| Ok(AreaId::new(text)))?,
            since: params.one("since", When::parse)?,
            at: moment::take(params)?,
            limit: params.one("limit", |text| limit(text, LIMIT_MAX))?.unwrap_or(LIMIT_DEFAULT),
            next: params.one("next", parse_place)?,
        })
    }
}

/// What an incident is, without its parts.
#[derive(Serialize, ToSchema)]
pub struct IncidentSummary {
    /// Deterministic: made from the cause and the first alert.
    #[schema(example = "fire~forest-smoke~FS-HL-01~smoke~1790000000000000")]
    id: String,
    /// The group of causes that its alerts have in common; `gateway` for a source that is not heard.
    #[schema(example = "fire")]
    cause: String,
    /// What to call it.
    title: Name,
    /// open: something in it is not over; closed; merged: it turned out to be one with another.
    #[schema(value_type = String, example = "open")]
    state: &'static str,
    /// The worst of what is open, or the worst at its end. What a known heat source explains counts for the least.
    #[schema(schema_with = severity_schema)]
    severity: &'static str,
    /// The incident that has its members now; null unless merged.
    merged_into: Option<String>,
    /// The middle of its open members, or of all when none is open; null when no place is known.
    geometry: Option<Point>,
    /// How far its members reach from there, in metres.
    radius_m: f64,
    /// Codes of the communes of its members and stations.
    #[schema(value_type = Vec<String>)]
    areas: Vec<AreaId>,
    /// How many alerts it has, by state.
    counts: Counts,
    /// Stations that are not heard because of it; null of a past moment of which that is not known any more.
    unknown_stations: Option<usize>,
    /// Its first alert's beginning, or since when nothing was heard (event time).
    #[schema(value_type = String, format = DateTime)]
    opened_at: Shown,
    /// When anything about it last changed (event time).
    #[schema(value_type = String, format = DateTime)]
    changed_at: Shown,
    /// When the last of it was over; null while it is open.
    #[schema(value_type = Option<String>, format = DateTime)]
    closed_at: Option<Shown>,
    /// The same as the geometry, for those who ask here.
    #[serde(skip)]
    pub centre: Option<Position>,
}

impl IncidentSummary {
    /// The worst of what is open, in a word.
    pub fn severity(&self) -> &'static str {
        self.severity
    }
}

/// Alerts by state.
#[derive(Default, Serialize, ToSchema)]
pub struct Counts {
    /// The condition holds.
    active: usize,
    /// Waiting for the clear time.
    recovering: usize,
    /// Over, and open until somebody closes it.
    latched: usize,
    /// The data stopped.
    unknown: usize,
    /// Over.
    cleared: usize,
    /// Explained by a known heat source, of all of these.
    masked: usize,
}

/// An incident with its parts.
#[derive(Serialize, ToSchema)]
pub struct IncidentDocument {
    /// What it is.
    #[serde(flatten)]
    summary: IncidentSummary,
    /// Its alerts, by identifier; those that are over are kept up to ten thousand.
    members: Vec<MemberDocument>,
    /// Alerts that were over and are not kept any more.
    dropped_members: u64,
    /// Stations that are or were not heard because of it.
    stations: Vec<UnheardStation>,
    /// What happened, oldest first; bounded.
    timeline: Vec<IncidentEvent>,
}

/// An alert in an incident.
#[derive(Serialize, ToSchema)]
pub struct MemberDocument {
    /// The alert.
    alert: String,
    /// Its station; null when it is about an area.
    #[schema(value_type = Option<String>)]
    station: Option<StationId>,
    /// Code of its commune at the time.
    #[schema(value_type = Option<String>)]
    area: Option<AreaId>,
    /// Where it stands.
    #[schema(schema_with = state_schema)]
    state: &'static str,
    /// Its own severity.
    #[schema(schema_with = severity_schema)]
    severity: &'static str,
    /// When its condition began to hold (event time).
    #[schema(value_type = String, format = DateTime)]
    started_at: Shown,
    /// The known heat source that explains it: then nobody is notified.
    masked_by: Option<Name>,
}

/// A station behind something that is not heard.
#[derive(Serialize, ToSchema)]
pub struct UnheardStation {
    /// The station.
    #[schema(value_type = String)]
    station: StationId,
    /// Code of its commune.
    #[schema(value_type = Option<String>)]
    area: Option<AreaId>,
    /// unknown: it has not spoken since; heard.
    #[schema(value_type = String, example = "unknown")]
    state: &'static str,
    /// Its last word before.
    #[schema(value_type = String, format = DateTime)]
    heard_at: Shown,
    /// Its first word after; null until then.
    #[schema(value_type = Option<String>, format = DateTime)]
    returned_at: Option<Shown>,
}

/// One line of an incident's time-line.
#[derive(Serialize, ToSchema)]
pub struct IncidentEvent {
    /// Event time.
    #[schema(value_type = String, format = DateTime)]
    at: Shown,
    /// joined, severity, closed, reopened, took, merged, deaf, back, left_behind, unmasked, let_go.
    #[schema(value_type = String, example = "joined")]
    what: &'static str,
    /// The alert that joined or was unmasked; the other incident of took and merged; null otherwise.
    id: Option<String>,
    /// The severity from here on; null when it is not about that.
    #[schema(value_type = Option<String>)]
    severity: Option<&'static str>,
    /// Stations that were not heard any more, had not spoken again, or are not waited for any more; null otherwise.
    stations: Option<u32>,
}

/// A page of incidents.
#[derive(Serialize, ToSchema)]
pub struct IncidentList {
    /// The incidents, newest change first.
    incidents: Vec<IncidentSummary>,
    /// Pass it as `next` for the following ones; null when there are no more.
    next: Option<String>,
}

/// Incidents, newest change first: alerts of one cause that are near each other, and sources that are not heard.
///
/// Alerts fold while one is open or for a time after its end, as `incidents.toml` says. When a new alert bridges two
/// incidents, the older one has the members of both, and the other is merged into it.
///
/// With `at` those that were open at that moment, with the members that they had then, as their time-lines and those of
/// their alerts tell.
#[utoipa::path(get, path = "/api/v1/incidents", operation_id = "listIncidents", tag = "alerts", params(IncidentsAsked),
    security(("token" = []), ("session" = [])),
    responses(
        (status = 200, description = "The incidents", body = IncidentList, headers(
            ("saola-moment" = String, description = "The moment that is shown, RFC 3339"),
            ("saola-alerts-known-since" = String, description = "Of a past moment before it: from then on every \
                alert and incident is known"))),
        Refused,
    ))]
pub async fn list(door: Allowed<SeeAlerts>, Asked(asked): Asked<IncidentsAsked>) -> Result<Response, Problem> {
    let parts = door.parts();
    let zone = Zone::default();
    let now = parts.clock.now();
    let since = asked.since.as_ref().map(|since| since.settle(now, &zone));
    let past = moment::exact(asked.at.as_ref(), now)?;
    let state = parts.state.read();
    let sight = door.sight(&state.catalogue);
    let area = Sight::in_area(&state.catalogue, asked.area.as_ref())?;
    let reporter = Reporter { state: &state, now: past.unwrap_or(now), zone: &zone };
    let is_here =
        |summary: &IncidentSummary| asked.area.is_none() || summary.areas.iter().any(|id| area.reaches(Some(id)));
    let is_asked = |worst: Severity| asked.severity.is_empty() || asked.severity.contains(&worst);
    let filter = Filter { states: asked.state, since, after: asked.next };
    let then = past.map(|at| state.incidents.open_at(at, &|alert| state.alerts.standing_at(alert, at)));
    let listed: Box<dyn Iterator<Item = &Incident>> = match &then {
        None => Box::new(state.incidents.all(filter)),
        Some(then) => Box::new(then.iter().filter(|incident| filter.takes_page(incident))),
    };
    let (mut incidents, mut last, mut next) = (Vec::new(), None, None);
    for incident in listed {
        // What costs nothing goes first: members are walked through for those that are shown.
        if !is_asked(severity(&sight, incident)) {
            continue;
        }
        let Some(summary) = summary(&reporter, &sight, incident).filter(is_here) else { continue };
        if incidents.len() == asked.limit {
            next = last.map(|(at, id): (Timestamp, &IncidentId)| query::place_text(at, id));
            break;
        }
        last = Some((incident.changed_at, &incident.id));
        incidents.push(summary);
    }
    let mut response = Json(IncidentList { incidents, next }).into_response();
    moment::tell(response.headers_mut(), reporter.now, past.and_then(|_| moment::known_since(&state)));
    Ok(response)
}

/// One incident with its alerts, its stations and its time-line.
#[utoipa::path(get, path = "/api/v1/incidents/{id}", operation_id = "readIncident", tag = "alerts",
    params(("id" = String, Path, description = "The incident's identifier, percent-encoded")),
    security(("token" = []), ("session" = [])),
    responses(
        (status = 200, description = "The incident", body = IncidentDocument),
        Refused,
        Missing,
    ))]
pub async fn one(
    door: Allowed<SeeAlerts>,
    Id(id): Id,
    Asked(Nothing): Asked<Nothing>,
) -> Result<Json<IncidentDocument>, Problem> {
    let parts = door.parts();
    let state = parts.state.read();
    let sight = door.sight(&state.catalogue);
    let zone = Zone::default();
    let reporter = Reporter { state: &state, now: parts.clock.now(), zone: &zone };
    let incident = state.incidents.get(&IncidentId(id.as_str().into()));
    let found = incident.and_then(|incident| Some((incident, summary(&reporter, &sight, incident)?)));
    let (incident, summary) = found.ok_or_else(|| Problem::not_found("incident", &id))?;
    let members = incident.members().iter().filter(|(_, member)| sight.reaches(member.area.as_ref()));
    let children = incident.children().iter().filter(|(_, child)| sight.reaches(child.area.as_ref()));
    let station = |no| state.catalogue.station(no).map(|station| station.id.clone());
    let member = |(alert, member): (&crate::model::AlertId, &Member)| MemberDocument {
        alert: alert.to_string(),
        station: member.station.and_then(station),
        area: member.area.clone(),
        state: member.state.word(),
        severity: member.severity.word(),
        started_at: zone.show(member.started_at),
        masked_by: member.masked_by.as_deref().map(Name::from),
    };
    let unheard = |(no, child): (&crate::model::StationNo, &Child)| {
        Some(UnheardStation {
            station: station(*no)?,
            area: child.area.clone(),
            state: if child.returned_at.is_some() { "heard" } else { "unknown" },
            heard_at: zone.show(child.heard_at),
            returned_at: child.returned_at.map(|at| zone.show(at)),
        })
    };
    let timeline = incident.timeline().iter().filter(|moment| is_in_sight(&sight, incident, moment));
    Ok(Json(IncidentDocument {
        members: members.map(member).collect(),
        dropped_members: incident.dropped,
        stations: children.filter_map(unheard).collect(),
        timeline: timeline.map(|moment| event(moment, &zone)).collect(),
        summary,
    }))
}

/// What an incident is to somebody with this sight; `None` when nothing of it is in sight.
pub fn summary(reporter: &Reporter<'_>, sight: &Sight, incident: &Incident) -> Option<IncidentSummary> {
    let members = || incident.members().values().filter(|member| sight.reaches(member.area.as_ref()));
    let children = || incident.children().values().filter(|child| sight.reaches(child.area.as_ref()));
    let is_in_sight = match &incident.merged_into {
        _ if matches!(sight, Sight::All) => true,
        Some(into) => {
            let into = reporter.state.incidents.get(into)?;
            into.members().values().any(|member| sight.reaches(member.area.as_ref()))
        }
        None => members().next().is_some() || children().next().is_some(),
    };
    if !is_in_sight {
        return None;
    }
    let (centre, radius_m) = extent(members());
    let mut areas: Vec<AreaId> =
        members().filter_map(|m| m.area.clone()).chain(children().filter_map(|c| c.area.clone())).collect();
    areas.sort();
    areas.dedup();
    Some(IncidentSummary {
        id: incident.id.to_string(),
        cause: incident.group.clone(),
        title: Name::from(&incident.title),
        state: incident.state().word(),
        severity: severity(sight, incident).word(),
        merged_into: incident.merged_into.as_ref().map(ToString::to_string),
        geometry: centre.map(Point::at),
        radius_m,
        areas,
        counts: counts(members()),
        unknown_stations: incident
            .knows_children()
            .then(|| children().filter(|child| child.returned_at.is_none()).count()),
        opened_at: reporter.zone.show(incident.opened_at),
        changed_at: reporter.zone.show(incident.changed_at),
        closed_at: incident.closed_at.map(|at| reporter.zone.show(at)),
        centre,
    })
}

/// The worst in sight: of what is open, else of everything there.
fn severity(sight: &Sight, incident: &Incident) -> Severity {
    if matches!(sight, Sight::All) || !incident.children().is_empty() {
        return incident.severity();
    }
    let members = || incident.members().values().filter(|member| sight.reaches(member.area.as_ref()));
    let open = members().filter(|member| member.is_open()).map(Member::attention).max();
    open.or_else(|| members().map(Member::attention).max()).unwrap_or(incident.severity())
}

fn counts<'a>(members: impl Iterator<Item = &'a Member>) -> Counts {
    let mut counts = Counts::default();
    for member in members {
        match member.state {
            AlertState::Active => counts.active += 1,
            AlertState::Recovering => counts.recovering += 1,
            AlertState::Unknown => counts.unknown += 1,
            AlertState::Cleared => counts.cleared += 1,
            AlertState::Latched => counts.latched += 1,
        }
        counts.masked += usize::from(member.masked_by.is_some());
    }
    counts
}

/// The middle of the open members' places (of all, when none is open), and how far the furthest of them is.
fn extent<'a>(members: impl Iterator<Item = &'a Member>) -> (Option<Position>, f64) {
    let (open, over): (Vec<_>, Vec<_>) = members.partition(|member| member.is_open());
    let shown = if open.is_empty() { over } else { open };
    let places: Vec<Position> = shown.iter().filter_map(|member| member.position).collect();
    if places.is_empty() {
        return (None, 0.0);
    }
    let count = places.len() as f64;
    let (lon, lat) = places.iter().fold((0.0, 0.0), |(lon, lat), at| (lon + at.lon / count, lat + at.lat / count));
    let centre = Position { lon, lat };
    let radius_m = places.iter().map(|at| geodesy::distance_m(centre, *at)).fold(0.0, f64::max);
    (Some(centre), radius_m.ceil())
}

/// Whether a moment speaks of nothing out of sight.
fn is_in_sight(sight: &Sight, incident: &Incident, moment: &IncidentMoment) -> bool {
    if matches!(sight, Sight::All) {
        return true;
    }
    match &moment.what {
        Happened::Joined(alert) | Happened::Unmasked(alert) => {
            incident.members().get(alert).is_some_and(|member| sight.reaches(member.area.as_ref()))
        }
        Happened::Severity(_)
        | Happened::Took(_)
        | Happened::Deaf(_)
        | Happened::LeftBehind(_)
        | Happened::LetGo(_) => false,
        Happened::Closed | Happened::Reopened | Happened::Merged(_) | Happened::Back => true,
    }
}

fn event(moment: &IncidentMoment, zone: &Zone) -> IncidentEvent {
    let (what, id, severity, stations) = match &moment.what {
        Happened::Joined(alert) => ("joined", Some(alert.to_string()), None, None),
        Happened::Severity(severity) => ("severity", None, Some(severity.word()), None),
        Happened::Closed => ("closed", None, None, None),
        Happened::Reopened => ("reopened", None, None, None),
        Happened::Took(other) => ("took", Some(other.to_string()), None, None),
        Happened::Merged(into) => ("merged", Some(into.to_string()), None, None),
        Happened::Deaf(count) => ("deaf", None, None, Some(*count)),
        Happened::Back => ("back", None, None, None),
        Happened::LeftBehind(count) => ("left_behind", None, None, Some(*count)),
        Happened::Unmasked(alert) => ("unmasked", Some(alert.to_string()), None, None),
        Happened::LetGo(count) => ("let_go", None, None, Some(*count)),
    };
    IncidentEvent { at: zone.show(moment.at), what, id, severity, stations }
}
