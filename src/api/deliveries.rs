//! `/deliveries`: what became of notifications, and reports of those who got them.
//!
//! A list is for whoever may see alerts, and shows those of their areas; addresses are never in it. A report needs the
//! delivery's own token, which its recipient has got with the message, or the secret of the gateway that carried it.

use std::collections::HashMap;

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::door::{Allowed, Anyone, SeeAlerts};
use super::problem::{Missing, Problem, Refused};
use super::query::{Asked, FromParams, NO_PLACE, Nothing, Params, TwoNames, limit, word};
use super::time::{Shown, Zone};
use crate::model::AlertId;
use crate::notify::outbox::{DeliveryRow, DeliveryState, Filter, OutboxError, Report};

/// Deliveries in one answer when `limit` is absent, and at most.
const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;
/// Deliveries that an alert's own document shows, the newest.
pub(super) const OF_ALERT_MAX: usize = 200;

/// A notification on its way to one recipient.
#[derive(Serialize, ToSchema)]
pub struct DeliveryDocument {
    /// Its stable key: the same in whatever is sent, and again in a repetition.
    key: String,
    /// The alert.
    alert: String,
    /// raised, worse, milder, unknown, returned, resolved, escalated, reminder.
    #[schema(example = "raised")]
    kind: String,
    /// The person, or the machine of the configuration.
    #[schema(example = "lan.kiem-lam")]
    recipient: String,
    /// mail, push, webhook, topic, or a gateway's name.
    #[schema(example = "sms")]
    channel: String,
    /// queued, sent, delivered, seen, acknowledged, failed; withdrawn when nobody needed it any more before it left.
    #[schema(value_type = String, example = "sent")]
    state: &'static str,
    /// Since when it has waited.
    #[schema(value_type = String, format = DateTime)]
    queued_at: Shown,
    /// It waits through quiet hours until then; null when it does not.
    #[schema(value_type = Option<String>, format = DateTime)]
    held_until: Option<Shown>,
    /// When the other side took it.
    #[schema(value_type = Option<String>, format = DateTime)]
    sent_at: Option<Shown>,
    /// When it reached the device.
    #[schema(value_type = Option<String>, format = DateTime)]
    delivered_at: Option<Shown>,
    /// When it was opened.
    #[schema(value_type = Option<String>, format = DateTime)]
    seen_at: Option<Shown>,
    /// When its recipient answered.
    #[schema(value_type = Option<String>, format = DateTime)]
    acknowledged_at: Option<Shown>,
    /// When it was given up.
    #[schema(value_type = Option<String>, format = DateTime)]
    failed_at: Option<Shown>,
    /// What went wrong last, or why it was withdrawn.
    error: Option<String>,
    /// How often its message was tried.
    attempts: u32,
    /// The key of the message that it left with, when that is a digest.
    digest: Option<String>,
    /// Notifications in that message.
    members: u32,
    /// What was said in full; null before it is under way.
    text: Option<String>,
    /// What left instead, where it had to be short.
    sent_text: Option<String>,
}

/// Deliveries.
#[derive(Serialize, ToSchema)]
pub struct DeliveryList {
    /// The newest first.
    deliveries: Vec<DeliveryDocument>,
    /// Pass it as `next` for the following ones; null when there are no more.
    next: Option<String>,
}

/// What `/deliveries` takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeliveriesAsked {
    /// Only in these states: queued, sent, delivered, seen, acknowledged, failed, withdrawn; may be repeated or a list
    /// with commas.
    #[param(value_type = Option<String>, example = "failed")]
    state: Vec<DeliveryState>,
    /// Only of this alert.
    #[param(value_type = Option<String>)]
    alert: Option<String>,
    /// How many at most: 1 to 1,000.
    #[param(value_type = Option<u32>, default = 100, minimum = 1, maximum = 1000)]
    limit: usize,
    /// Where to go on: the `next` of the answer before.
    #[param(value_type = Option<String>)]
    next: Option<i64>,
}

impl FromParams for DeliveriesAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        Ok(Self {
            state: params.many("state", |text| word(text, &DeliveryState::ALL, DeliveryState::word))?,
            alert: params.one("alert", |text| Ok(text.to_owned()))?,
            limit: params.one("limit", |text| limit(text, LIMIT_MAX))?.unwrap_or(LIMIT_DEFAULT),
            next: params.one("next", |text| text.parse().map_err(|_| NO_PLACE.to_owned()))?,
        })
    }
}

/// What became of notifications, the newest first.
///
/// Those of alerts that are no longer kept are shown only to callers who see every area.
#[utoipa::path(get, path = "/api/v1/deliveries", operation_id = "listDeliveries", tag = "notifications",
    params(DeliveriesAsked), security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The deliveries", body = DeliveryList), Refused))]
pub async fn list(
    door: Allowed<SeeAlerts>,
    Asked(asked): Asked<DeliveriesAsked>,
) -> Result<Json<DeliveryList>, Problem> {
    let filter = Filter { states: asked.state, alert: asked.alert, before: asked.next, limit: asked.limit + 1 };
    let mut rows = read(&door, filter).await?;
    let more = rows.len() > asked.limit;
    rows.truncate(asked.limit);
    let next = rows.last().filter(|_| more).map(|row| row.id.to_string());
    let state = door.parts().state.read();
    let sight = door.sight(&state.catalogue);
    let mut seen: HashMap<String, bool> = HashMap::new();
    rows.retain(|row| {
        *seen.entry(row.alert.clone()).or_insert_with(|| {
            let alert = state.alerts.get(&AlertId(row.alert.as_str().into()));
            sight.reaches(alert.and_then(|alert| alert.subject.area()))
        })
    });
    Ok(Json(DeliveryList { deliveries: rows.into_iter().map(document).collect(), next }))
}

/// Reads deliveries where it may block.
pub(super) async fn read<N>(door: &Allowed<N>, filter: Filter) -> Result<Vec<DeliveryRow>, Problem> {
    let courier = door.parts().courier.clone();
    let read = tokio::task::spawn_blocking(move || courier.desk().outbox().list(&filter));
    read.await.map_err(Problem::internal)?.map_err(Problem::internal)
}

pub(super) fn document(row: DeliveryRow) -> DeliveryDocument {
    let zone = Zone::default();
    let show = |at: Option<_>| at.map(|at| zone.show(at));
    let is_held = row.state == DeliveryState::Queued && row.not_before > row.queued_at;
    DeliveryDocument {
        digest: row.message.filter(|message| *message != row.key),
        key: row.key,
        alert: row.alert,
        kind: row.kind,
        recipient: row.recipient,
        channel: row.channel,
        state: row.state.word(),
        queued_at: zone.show(row.queued_at),
        held_until: is_held.then(|| zone.show(row.not_before)),
        sent_at: show(row.sent_at),
        delivered_at: show(row.delivered_at),
        seen_at: show(row.seen_at),
        acknowledged_at: show(row.acknowledged_at),
        failed_at: show(row.failed_at),
        error: row.error,
        attempts: row.attempts,
        members: row.members,
        text: row.text,
        sent_text: row.sent_text,
    }
}

/// Reports what became of a delivery, or of all members of a digest.
///
/// `key` is the message's; `report` is delivered, seen or acknowledged. What is known already stays as it is. The token
/// that came with the message, or the gateway's secret, stands in `Authorization: Bearer …`. A wrong one is answered
/// like an unknown key.
#[utoipa::path(post, path = "/api/v1/deliveries/{key}/{report}", operation_id = "reportDelivery", tag = "notifications",
    params(("key" = String, Path, description = "The message's key"),
        ("report" = String, Path, description = "delivered, seen or acknowledged", example = "delivered")),
    security(("delivery" = [])),
    responses((status = 204, description = "It is noted"), Missing))]
pub async fn report(
    anyone: Anyone,
    TwoNames(key, report): TwoNames,
    Asked(Nothing): Asked<Nothing>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let missing = || Problem::not_found("delivery with this token", &key);
    let report = Report::parse(&report).ok_or_else(missing)?;
    let given = headers.get("authorization").and_then(|value| value.to_str().ok());
    let given = given.and_then(|text| text.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let token = given.map(|(_, token)| token.trim().to_owned()).ok_or_else(missing)?;
    let (parts, asked) = (anyone.parts().clone(), key.clone());
    let noted = tokio::task::spawn_blocking(move || {
        let outbox = parts.courier.desk().outbox();
        let deliveries = outbox.of_key(&asked)?;
        let is_carrier = |channel: &str| parts.courier.senders().is_report_secret(channel, &token);
        let may = outbox.is_token(&asked, &token) || deliveries.first().is_some_and(|one| is_carrier(&one.channel));
        if deliveries.is_empty() || !may {
            return Ok(0);
        }
        outbox.report(&asked, report, parts.clock.now())
    });
    let noted: Result<usize, OutboxError> = noted.await.map_err(Problem::internal)?;
    match noted {
        Ok(0) => Err(missing()),
        Ok(_) => Ok(StatusCode::NO_CONTENT),
        Err(error) => Err(Problem::internal(error)),
    }
}
