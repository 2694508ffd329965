//! `/devices`: credentials of devices, issued and revoked by administrators.

use axum::Json;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Body;
use super::door::{Administer, Allowed};
use super::problem::{BadBody, Code, Missing, Problem, Refused};
use super::query::{Asked, Id, Nothing};
use super::time::{Shown, Zone};
use crate::auth::{AuthError, By, DeviceRow};

/// A device that may connect to the embedded MQTT edge.
#[derive(Serialize, ToSchema)]
pub struct DeviceDocument {
    /// Its MQTT user name.
    #[schema(example = "logger-7")]
    name: String,
    /// The stations that it speaks for: it publishes their readings and gets their commands.
    #[schema(example = json!(["TR-QL4D-01"]))]
    stations: Vec<String>,
    /// When it got its present password.
    #[schema(value_type = String, format = DateTime)]
    issued_at: Shown,
    /// When it was shut out; null while it may connect.
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Shown>,
}

/// All devices.
#[derive(Serialize, ToSchema)]
pub struct DeviceList {
    /// By name.
    devices: Vec<DeviceDocument>,
}

/// A device to let in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDevice {
    /// Its MQTT user name: 1 to 128 bytes without + # / $ and control letters.
    #[schema(example = "logger-7")]
    name: String,
    /// The stations that it speaks for, by their names: 1 to 1,000.
    #[schema(example = json!(["TR-QL4D-01"]))]
    stations: Vec<String>,
}

/// A device that was let in.
#[derive(Serialize, ToSchema)]
pub struct IssuedDevice {
    /// Its MQTT user name.
    name: String,
    /// Its password, shown this once.
    #[schema(format = Password)]
    password: String,
}

/// Every device, the revoked ones included.
#[utoipa::path(get, path = "/api/v1/devices", operation_id = "listDevices", tag = "intake",
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The devices", body = DeviceList), Refused))]
pub async fn list(door: Allowed<Administer>, Asked(Nothing): Asked<Nothing>) -> Result<Json<DeviceList>, Problem> {
    let parts = door.parts().clone();
    let read = tokio::task::spawn_blocking(move || parts.devices.list());
    let rows = read.await.map_err(Problem::internal)?.map_err(Problem::internal)?;
    let zone = Zone::default();
    let document = |row: DeviceRow| DeviceDocument {
        name: row.name,
        stations: row.stations,
        issued_at: zone.show(row.issued_at),
        revoked_at: row.revoked_at.map(|at| zone.show(at)),
    };
    Ok(Json(DeviceList { devices: rows.into_iter().map(document).collect() }))
}

/// Lets a device in; its password is in the answer and nowhere else.
#[utoipa::path(post, path = "/api/v1/devices", operation_id = "issueDevice", tag = "intake", request_body = NewDevice,
    security(("token" = []), ("session" = [])),
    responses((status = 201, description = "The device may connect within a second", body = IssuedDevice), Refused, BadBody,
        (status = 409, description = "There is such a device", body = super::problem::ProblemDocument,
            content_type = "application/problem+json")))]
pub async fn issue(
    door: Allowed<Administer>,
    Asked(Nothing): Asked<Nothing>,
    Body(new): Body<NewDevice>,
) -> Result<(StatusCode, Json<IssuedDevice>), Problem> {
    let (parts, actor, origin) = (door.parts().clone(), door.caller().name.clone(), Some(door.address()));
    let issued = tokio::task::spawn_blocking(move || {
        let by = By { actor: &actor, origin, now: parts.clock.now() };
        parts.devices.issue(by, &new.name, &new.stations)
    });
    let issued = issued.await.map_err(Problem::internal)?.map_err(problem)?;
    Ok((StatusCode::CREATED, Json(IssuedDevice { name: issued.name, password: issued.password })))
}

/// Shuts a device out: within a second its connections end, and what waits for it is forgotten.
#[utoipa::path(delete, path = "/api/v1/devices/{id}", operation_id = "revokeDevice", tag = "intake",
    params(("id" = String, Path, description = "The device's name", example = "logger-7")),
    security(("token" = []), ("session" = [])),
    responses((status = 204, description = "It is shut out"), Refused, Missing))]
pub async fn revoke(
    door: Allowed<Administer>,
    Id(name): Id,
    Asked(Nothing): Asked<Nothing>,
) -> Result<StatusCode, Problem> {
    let (parts, actor, origin) = (door.parts().clone(), door.caller().name.clone(), Some(door.address()));
    let revoked = tokio::task::spawn_blocking(move || {
        let by = By { actor: &actor, origin, now: parts.clock.now() };
        parts.devices.revoke(by, &name)
    });
    revoked.await.map_err(Problem::internal)?.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}

fn problem(error: AuthError) -> Problem {
    match &error {
        AuthError::NoSuchDevice(_) => Problem::new(Code::NotFound, error.to_string()),
        AuthError::DeviceTaken(_) => Problem::new(Code::Conflict, error.to_string()),
        AuthError::BadDeviceName(_)
        | AuthError::StationsOfDevice
        | AuthError::NoSuchStation(_)
        | AuthError::StationUnspeakable(_) => Problem::new(Code::InvalidBody, error.to_string()),
        _ => Problem::internal(error),
    }
}
