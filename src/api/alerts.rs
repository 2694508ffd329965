//! `GET /alerts`: alerts with their evidence.

use axum::Json;
use axum::http::HeaderValue;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::deliveries::{self, DeliveryDocument};
use super::door::{Allowed, SeeAlerts};
use super::features::{ALERT_STATES, AlertDocument, Reporter};
use super::moment;
use super::past_features;
use super::problem::{Missing, Problem, Refused};
use super::query::{self, Asked, FromParams, Id, Nothing, Params, limit, word};
use super::sight::Sight;
use super::time::{When, Zone};
use crate::alerts::Filter;
use crate::model::{AlertId, AlertState, AreaId, Severity, Timestamp};
use crate::notify::outbox;

/// Alerts in one answer when `limit` is absent, and at most.
const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 10_000;

/// What `/alerts` takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AlertsAsked {
    /// Only in these states: active, recovering, unknown, latched, cleared; may be repeated or a list with commas.
    /// `open` stands for the first four.
    #[param(value_type = Option<String>, example = "active,recovering,unknown")]
    state: Vec<AlertState>,
    /// Only of these severities: low, medium, high, very_high, catastrophic; may be repeated or a list with commas.
    #[param(value_type = Option<String>, example = "very_high,catastrophic")]
    severity: Vec<Severity>,
    /// Only in this area and those inside it, by its code.
    #[param(value_type = Option<String>, example = "03388")]
    area: Option<AreaId>,
    /// Only those that changed at or after this time: RFC 3339, a date, `-24h`.
    #[param(value_type = Option<String>, example = "-24h")]
    since: Option<When>,
    /// Those that were open at this moment, as they stood then: RFC 3339, a date, `-2h`; never the future.
    #[param(value_type = Option<String>, example = "-2h")]
    at: Option<When>,
    /// `true`: instead of alerts, the records of what late data would have raised, had they come in time.
    #[param(value_type = Option<bool>, default = false)]
    retrospective: Listed,
    /// How many at most: 1 to 10,000.
    #[param(value_type = Option<u32>, default = 100, minimum = 1, maximum = 10000)]
    limit: usize,
    /// Where to go on: the `next` of the answer before.
    #[param(value_type = Option<String>)]
    next: Option<Place>,
}

/// What is listed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Listed {
    Alerts,
    Records,
}

impl Listed {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "false" => Ok(Self::Alerts),
            "true" => Ok(Self::Records),
            _ => Err("it is neither true nor false".to_owned()),
        }
    }
}

/// A place in the list: the alert before it.
struct Place(Timestamp, AlertId);

impl Place {
    fn parse(text: &str) -> Result<Self, String> {
        query::place(text).map(|(at, id)| Self(at, AlertId(id.into())))
    }
}

impl FromParams for AlertsAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        const OPEN: [AlertState; 4] =
            [AlertState::Active, AlertState::Recovering, AlertState::Unknown, AlertState::Latched];
        let states = params.many("state", |text| match text {
            "open" => Ok(OPEN.to_vec()),
            text => word(text, &ALERT_STATES, AlertState::word).map(|state| vec![state]),
        })?;
        Ok(Self {
            state: states.into_iter().flatten().collect(),
            severity: params.many("severity", |text| word(text, &Severity::ALL, Severity::word))?,
            area: params.one("area", |text| Ok(AreaId::new(text)))?,
            since: params.one("since", When::parse)?,
            at: moment::take(params)?,
            retrospective: params.one("retrospective", Listed::parse)?.unwrap_or(Listed::Alerts),
            limit: params.one("limit", |text| limit(text, LIMIT_MAX))?.unwrap_or(LIMIT_DEFAULT),
            next: params.one("next", Place::parse)?,
        })
    }
}

/// A page of alerts.
#[derive(Serialize, ToSchema)]
pub struct AlertList {
    /// The alerts, newest change first.
    alerts: Vec<AlertDocument>,
    /// Pass it as `next` for the following alerts; null when there are no more.
    next: Option<String>,
}

/// Alerts, open and cleared, newest change first.
///
/// Raised and held by good samples in time alone: a flagged one (quality other than good) neither raises nor clears. A
/// sudden change is flagged `rate` until the next sample confirms it, so it raises an alert one sample later. Absence
/// is counted while the device could be heard: asleep, or with Saola itself down, its timer stands still.
///
/// With `at` those that were open at that moment, as their time-lines tell: state, severity, what had been done, and as the
/// value the one that decided the state. Where a time-line has lost lines the state is `unknown`; a threshold of another
/// severity is null. Their `version` is that of the present.
#[utoipa::path(get, path = "/api/v1/alerts", operation_id = "listAlerts", tag = "alerts", params(AlertsAsked),
    security(("token" = []), ("session" = [])),
    responses(
        (status = 200, description = "The alerts", body = AlertList, headers(
            ("saola-moment" = String, description = "The moment that is shown, RFC 3339"),
            ("saola-alerts-known-since" = String, description = "Of a past moment before it: from then on every \
                alert is known"))),
        Refused,
    ))]
pub async fn list(door: Allowed<SeeAlerts>, Asked(asked): Asked<AlertsAsked>) -> Result<Response, Problem> {
    let parts = door.parts();
    let zone = Zone::default();
    let now = parts.clock.now();
    let since = asked.since.as_ref().map(|since| since.settle(now, &zone));
    let past = moment::exact(asked.at.as_ref(), now)?;
    let state = parts.state.read();
    let sight = door.sight(&state.catalogue);
    let area = Sight::in_area(&state.catalogue, asked.area.as_ref())?;
    let filter = Filter {
        states: asked.state,
        since,
        after: asked.next.map(|Place(changed_at, id)| (changed_at, id)),
        ..Filter::default()
    };
    let mut found = match (asked.retrospective, past) {
        (Listed::Alerts, None) => state.alerts.all(&filter),
        (Listed::Alerts, Some(at)) => state.alerts.all_at(at, &filter),
        (Listed::Records, None) => state.alerts.retrospective(&filter),
        (Listed::Records, Some(_)) => return Err(Problem::parameter("at", "records were never open: leave one out")),
    };
    found.retain(|alert| {
        sight.reaches(alert.subject.area())
            && area.reaches(alert.subject.area())
            && (asked.severity.is_empty() || asked.severity.contains(&alert.severity))
    });
    let more = found.len() > asked.limit;
    found.truncate(asked.limit);
    let next = found.last().filter(|_| more).map(|last| query::place_text(last.changed_at, &last.id));
    let reporter = Reporter { state: &state, now: past.unwrap_or(now), zone: &zone };
    let alerts = match past {
        None => found.iter().filter_map(|alert| reporter.alert(alert)).collect(),
        Some(at) => {
            let incidents = state.incidents.open_at(at, &|alert| state.alerts.standing_at(alert, at));
            let in_incidents = past_features::in_incidents(&incidents);
            found.iter().filter_map(|alert| past_features::document(&reporter, alert, &in_incidents)).collect()
        }
    };
    let mut response = Json(AlertList { alerts, next }).into_response();
    moment::tell(response.headers_mut(), reporter.now, past.and_then(|_| state.alerts.known_since()));
    Ok(response)
}

/// An alert, and who was told of it.
#[derive(Serialize, ToSchema)]
pub struct AlertAnswer {
    #[serde(flatten)]
    alert: AlertDocument,
    /// What became of its notifications: the newest 200. `GET /api/v1/deliveries?alert=` lists them all.
    deliveries: Vec<DeliveryDocument>,
}

/// One alert with its time-line and deliveries.
#[utoipa::path(get, path = "/api/v1/alerts/{id}", operation_id = "readAlert", tag = "alerts",
    params(("id" = String, Path, description = "The alert's identifier, percent-encoded")),
    security(("token" = []), ("session" = [])),
    responses(
        (status = 200, description = "The alert; `ETag` is its version", body = AlertAnswer),
        Refused,
        Missing,
    ))]
pub async fn one(door: Allowed<SeeAlerts>, Id(id): Id, Asked(Nothing): Asked<Nothing>) -> Result<Response, Problem> {
    let found = {
        let parts = door.parts();
        let state = parts.state.read();
        let sight = door.sight(&state.catalogue);
        let zone = Zone::default();
        let reporter = Reporter { state: &state, now: parts.clock.now(), zone: &zone };
        let alert = state.alerts.get(&AlertId(id.as_str().into()));
        let alert = alert.filter(|alert| sight.reaches(alert.subject.area()));
        alert.and_then(|alert| Some((state.workflow.version(&alert.id), reporter.alert(alert)?)))
    };
    let (version, alert) = found.ok_or_else(|| Problem::not_found("alert", &id))?;
    let filter = outbox::Filter { alert: Some(id), limit: deliveries::OF_ALERT_MAX, ..outbox::Filter::default() };
    let deliveries = deliveries::read(&door, filter).await?.into_iter().map(deliveries::document).collect();
    Ok(tagged(version, AlertAnswer { alert, deliveries }))
}

/// An answer with a version as its tag.
pub(super) fn tagged(version: u64, document: impl Serialize) -> Response {
    let mut response = Json(document).into_response();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}
