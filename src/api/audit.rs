//! `GET /audit`: who did what to whom, when and from where, for administrators who see everything: a record may be of any
//! area. Records are written once and never changed. What a change of a station or a rule made different is told at
//! `/stations/{id}/changes` and `/rules/{name}/versions`.

use axum::Json;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::door::{Allowed, SeeAudit};
use super::features::Name;
use super::problem::{Problem, Refused};
use super::query::{Asked, FromParams, NO_PLACE, Params, limit, word};
use super::time::{Shown, Zone};
use crate::auth::{Act, Record, Wanted};

/// Records in one answer when `limit` is absent, and at most.
const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;
/// Records that one answer looks at.
const LOOKED_AT_MAX: usize = 50_000;

/// What `/audit` takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditAsked {
    /// Only what this account did; `command line` and `saola` did something, too.
    #[param(value_type = Option<String>, example = "lan")]
    actor: Option<String>,
    /// Only these acts; may be repeated or a list with commas.
    #[param(value_type = Option<String>, example = "registry_changed,rules_changed")]
    act: Vec<Act>,
    /// Only what was done to this: an account, a station, a rule, an alert.
    #[param(value_type = Option<String>, example = "AQ-01")]
    subject: Option<String>,
    /// How many at most: 1 to 1,000.
    #[param(value_type = Option<u32>, default = 100, minimum = 1, maximum = 1000)]
    limit: usize,
    /// Where to go on: the `next` of the answer before.
    #[param(value_type = Option<String>)]
    next: Option<i64>,
}

impl FromParams for AuditAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        Ok(Self {
            actor: params.one("actor", |text| Ok(text.to_owned()))?,
            act: params.many("act", |text| word(text, Act::ALL, Act::word))?,
            subject: params.one("subject", |text| Ok(text.to_owned()))?,
            limit: params.one("limit", |text| limit(text, LIMIT_MAX))?.unwrap_or(LIMIT_DEFAULT),
            next: params.one("next", |text| text.parse().map_err(|_| NO_PLACE.to_owned()))?,
        })
    }
}

/// Something that was done.
#[derive(Serialize, ToSchema)]
pub struct AuditEntry {
    /// Its number: later ones are greater.
    id: i64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Shown,
    /// The account that did it; `command line` or `saola` when there was none.
    #[schema(example = "lan")]
    actor: String,
    /// What was done, from a closed list.
    #[schema(example = "registry_changed")]
    act: String,
    /// What that is called; null of an act that only a newer version knows.
    name: Option<Name>,
    /// To whom or what.
    #[schema(example = "AQ-01")]
    subject: String,
    /// How; empty when there is no more to tell.
    #[schema(example = "moved")]
    detail: String,
    /// The network address that it came from; null when there was none.
    #[schema(example = "10.0.0.1")]
    origin: Option<String>,
}

/// A page of the audit.
#[derive(Serialize, ToSchema)]
pub struct AuditList {
    /// Newest first.
    records: Vec<AuditEntry>,
    /// Pass it as `next` for older ones; null when there are no more. An answer looks at 50,000 records at most, so that one
    /// with few or none may lead on.
    next: Option<String>,
}

fn entry(record: Record, zone: &Zone) -> AuditEntry {
    let Record { id, at, actor, act, subject, detail, origin } = record;
    let name = Act::ALL.iter().find(|known| known.word() == act).map(|known| Name::from(&known.name()));
    AuditEntry { id, at: zone.show(at), actor, act, name, subject, detail, origin }
}

/// Who did what to whom, when and from where, newest first.
#[utoipa::path(get, path = "/api/v1/audit", operation_id = "listAudit", tag = "registry", params(AuditAsked),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The records", body = AuditList), Refused))]
pub async fn list(door: Allowed<SeeAudit>, Asked(asked): Asked<AuditAsked>) -> Result<Json<AuditList>, Problem> {
    let AuditAsked { actor, act: acts, subject, limit, next: before } = asked;
    let (parts, wanted) = (door.parts().clone(), Wanted { before, actor, acts, subject });
    let read = move || parts.accounts.audit().newest_first(&wanted, limit, LOOKED_AT_MAX);
    let found = tokio::task::spawn_blocking(read).await.map_err(Problem::internal)?.map_err(Problem::internal)?;
    let zone = Zone::default();
    let records = found.records.into_iter().map(|record| entry(record, &zone)).collect();
    Ok(Json(AuditList { records, next: found.before.map(|before| before.to_string()) }))
}
