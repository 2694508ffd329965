//! `/stations/{id}/maintenance`: when people work at a station.
//!
//! A window is a journal entry with its author, so a replay knows it. Samples observed in it carry the flag
//! `maintenance`; while it lasts the station's freshness says so and nothing at the station raises an alert. Samples
//! taken before the window was made keep their flags: that is what corrections are for.

use std::time::Duration;

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Body, instant, line, wrong};
use super::door::{Allowed, MaintainStations, SeeMap};
use super::problem::{BadBody, Missing, Problem, Refused};
use super::query::{Asked, Id, Nothing, TwoNames};
use super::saying::say;
use super::time::{Shown, Zone};
use crate::auth::{Act, Deed};
use crate::model::{self, MaintenanceCommand, Seq, StationNo, Timestamp, Window};
use crate::quality::WINDOWS_MAX;

/// The longest window, and how far from now it may begin.
const WINDOW_MAX: Duration = Duration::from_secs(366 * 86_400);
/// Letters of a reason.
const REASON_LENGTH_MAX: usize = 500;

/// A window to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WindowAsked {
    /// From when on, RFC 3339; now when absent. With a time in the past, what arrives from now on of that time is flagged;
    /// what has been taken already is not: correct it.
    #[schema(example = "2026-11-21T08:00:00+07:00")]
    from: Option<String>,
    /// Until when, RFC 3339; this instant is no longer in it.
    #[schema(example = "2026-11-21T17:00:00+07:00")]
    to: String,
    /// Why: 1 to 500 letters.
    #[schema(example = "new rain gauge")]
    reason: String,
}

/// A window.
#[derive(Serialize, ToSchema)]
pub struct MaintenanceWindow {
    /// Its number.
    #[schema(example = "48211")]
    id: String,
    /// Its first instant.
    #[schema(value_type = String, format = DateTime)]
    from: Shown,
    /// The first instant after it.
    #[schema(value_type = String, format = DateTime)]
    to: Shown,
    /// Why.
    reason: String,
    /// Who made it.
    author: String,
    /// planned, under_way or over.
    #[schema(value_type = String, example = "planned")]
    state: &'static str,
}

/// A station's windows.
#[derive(Serialize, ToSchema)]
pub struct MaintenanceList {
    /// Whether the registry itself says that the station is under maintenance, without an end.
    by_registry: bool,
    /// In the order in which they were made; those that ended more than 90 days ago are left out.
    windows: Vec<MaintenanceWindow>,
}

/// A station's maintenance windows.
#[utoipa::path(get, path = "/api/v1/stations/{id}/maintenance", operation_id = "listMaintenance", tag = "map",
    params(("id" = String, Path, description = "The station's name", example = "TR-QL4D-01")),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The windows", body = MaintenanceList), Refused, Missing))]
pub async fn list(
    door: Allowed<SeeMap>,
    Id(id): Id,
    Asked(Nothing): Asked<Nothing>,
) -> Result<Json<MaintenanceList>, Problem> {
    let station = station_of(&door, &id)?;
    let now = door.parts().clock.now();
    let state = door.parts().state.read();
    let by_registry = state.is_maintained_by_registry(station);
    let windows = state.judge.maintenance.of(station).map(|(id, window)| document(id, window, now)).collect();
    Ok(Json(MaintenanceList { by_registry, windows }))
}

/// Announces that people will work at a station. Answered when it is durable and the state has it.
#[utoipa::path(post, path = "/api/v1/stations/{id}/maintenance", operation_id = "planMaintenance", tag = "map",
    params(("id" = String, Path, description = "The station's name", example = "TR-QL4D-01")),
    request_body = WindowAsked,
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The window", body = MaintenanceWindow), Refused, Missing, BadBody,
        (status = 503, description = "Nothing is taken in at present", body = super::problem::ProblemDocument,
            content_type = "application/problem+json")))]
pub async fn plan(
    door: Allowed<MaintainStations>,
    Id(id): Id,
    Asked(Nothing): Asked<Nothing>,
    Body(asked): Body<WindowAsked>,
) -> Result<Json<MaintenanceWindow>, Problem> {
    let station = station_of(&door, &id)?;
    let now = door.parts().clock.now();
    let from = asked.from.as_deref().map_or(Ok(now), |text| instant("from", text))?;
    let to = instant("to", &asked.to)?;
    if to <= from || to.since(from) > WINDOW_MAX {
        return Err(wrong("to: must be after from, by 366 days at most"));
    }
    if from.since(now).max(now.since(from)) > WINDOW_MAX || to <= now {
        return Err(wrong("from: must be within 366 days of now, and the window not over yet"));
    }
    if door.parts().state.read().judge.maintenance.count() >= WINDOWS_MAX {
        return Err(wrong("there are 10,000 windows already: withdraw some that are no longer needed"));
    }
    let window = Window { station, from, to, reason: reason(&asked.reason)?, author: door.caller().name.clone() };
    let command = MaintenanceCommand::Plan(window.clone());
    let said = say(door.parts(), model::Body::Maintenance(command)).await?;
    let detail = format!("from {from} to {to}: {}", window.reason);
    record(&door, Act::MaintenancePlanned, id, detail).await?;
    Ok(Json(document(said.seq, &window, now)))
}

/// Withdraws a window; one that has begun ends now. Answered when it is durable and the state has it.
#[utoipa::path(delete, path = "/api/v1/stations/{id}/maintenance/{window}", operation_id = "withdrawMaintenance",
    tag = "map",
    params(("id" = String, Path, description = "The station's name", example = "TR-QL4D-01"),
        ("window" = String, Path, description = "The window's number", example = "48211")),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The window as it was", body = MaintenanceWindow), Refused, Missing,
        (status = 503, description = "Nothing is taken in at present", body = super::problem::ProblemDocument,
            content_type = "application/problem+json")))]
pub async fn withdraw(
    door: Allowed<MaintainStations>,
    TwoNames(id, number): TwoNames,
    Asked(Nothing): Asked<Nothing>,
) -> Result<Json<MaintenanceWindow>, Problem> {
    let station = station_of(&door, &id)?;
    let missing = || Problem::not_found("maintenance window", &number);
    let window: Seq = number.parse().map(Seq).map_err(|_| missing())?;
    let now = door.parts().clock.now();
    let known = door.parts().state.read().judge.maintenance.get(window).cloned();
    let known = known.filter(|known| known.station == station).ok_or_else(missing)?;
    let command = MaintenanceCommand::Withdraw { window, author: door.caller().name.clone() };
    say(door.parts(), model::Body::Maintenance(command)).await?;
    record(&door, Act::MaintenanceWithdrawn, id, format!("window {window}")).await?;
    Ok(Json(document(window, &known, now)))
}

fn document(id: Seq, window: &Window, now: Timestamp) -> MaintenanceWindow {
    let zone = Zone::default();
    let state = if now < window.from {
        "planned"
    } else if now < window.to {
        "under_way"
    } else {
        "over"
    };
    MaintenanceWindow {
        id: id.to_string(),
        from: zone.show(window.from),
        to: zone.show(window.to),
        reason: window.reason.clone(),
        author: window.author.clone(),
        state,
    }
}

/// The number of a station that the caller may be told of.
pub(super) fn station_of<N>(door: &Allowed<N>, id: &str) -> Result<StationNo, Problem> {
    let state = door.parts().state.read();
    let sight = door.sight(&state.catalogue);
    let station = state.catalogue.station_named(id).filter(|station| sight.reaches_station(station));
    station.map(|station| station.no).ok_or_else(|| Problem::not_found("station", id))
}

/// A reason as people write it: something, not too long, on one line.
pub(super) fn reason(text: &str) -> Result<String, Problem> {
    line("reason", text, 1, REASON_LENGTH_MAX)
}

/// Notes who did it.
pub(super) async fn record<N>(door: &Allowed<N>, act: Act, subject: String, detail: String) -> Result<(), Problem> {
    let (parts, actor, origin) = (door.parts().clone(), door.caller().name.clone(), Some(door.address()));
    let noted = tokio::task::spawn_blocking(move || {
        let deed = Deed { actor: &actor, act, subject: &subject, detail: &detail, origin };
        parts.accounts.audit().record(&deed, parts.clock.now())
    });
    noted.await.map_err(Problem::internal)?.map_err(Problem::internal)
}
