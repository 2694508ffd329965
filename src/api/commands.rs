//! `POST /stations/{id}/commands`: an operator's word to a station's devices, over MQTT.

use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Body;
use super::door::{Allowed, SendCommands};
use super::problem::{BadBody, Code, Missing, Problem, Refused};
use super::query::{Asked, Id, Nothing};
use crate::auth::{Act, Deed};
use crate::model::{Keep, StationCommand};

/// Bytes of a command's payload, at most.
const PAYLOAD_BYTES_MAX: usize = 64 * 1024;
/// How long a command may be of use, in seconds, at most: a month.
const EXPIRES_S_MAX: u64 = 31 * 86_400;

/// A command.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCommand {
    /// What the devices get, to the byte: at most 65,536 bytes of UTF-8.
    #[schema(example = "{\"interval_s\": 60}")]
    payload: String,
    /// Whether it is kept as the topic's last word for devices that subscribe later.
    #[serde(default)]
    retain: bool,
    /// For how many seconds it may still be delivered: 1 to 2,678,400. Without it, as long as the device's session is
    /// kept, or, when it is retained, until the next one.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 2678400, example = 3600)]
    expires_s: Option<u64>,
}

/// Where a command went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Commanded {
    /// Its MQTT topic.
    #[schema(example = "saola/v1/TR-QL4D-01/commands")]
    pub topic: String,
    /// Devices that have subscribed and are connected.
    pub connected: usize,
    /// Devices that have subscribed and are away: it waits for them.
    pub waiting: usize,
    /// Devices that have subscribed and do not get it, because too much waits for them already.
    pub refused: usize,
}

/// Why a command was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotCommanded {
    /// Nobody would get it.
    Nobody(String),
    /// The embedded edge is off, or cannot keep it.
    Unavailable(String),
}

/// Sends a command to a station's devices, on `saola/v1/{station}/commands`. Answered when it is on disk for devices
/// that are away; a device has it when it has acknowledged it over MQTT, which is not waited for.
#[utoipa::path(post, path = "/api/v1/stations/{id}/commands", operation_id = "sendCommand", tag = "map",
    params(("id" = String, Path, description = "The station's name", example = "TR-QL4D-01")),
    request_body = NewCommand, security(("token" = []), ("session" = [])),
    responses((status = 202, description = "It is on its way", body = Commanded), Refused, Missing, BadBody,
        (status = 409, description = "Nobody would get it", body = super::problem::ProblemDocument,
            content_type = "application/problem+json"),
        (status = 503, description = "Commands cannot be sent at present", body = super::problem::ProblemDocument,
            content_type = "application/problem+json")))]
pub async fn send(
    door: Allowed<SendCommands>,
    Id(id): Id,
    Asked(Nothing): Asked<Nothing>,
    Body(new): Body<NewCommand>,
) -> Result<(StatusCode, Json<Commanded>), Problem> {
    let station = {
        let state = door.parts().state.read();
        let sight = door.sight(&state.catalogue);
        let found = state.catalogue.station_named(&id).filter(|station| sight.reaches_station(station));
        found.map(|station| station.id.to_string()).ok_or_else(|| Problem::not_found("station", &id))?
    };
    let lasts = new.expires_s.map(Duration::from_secs);
    if lasts.is_some_and(|lasts| !(1..=EXPIRES_S_MAX).contains(&lasts.as_secs())) {
        return Err(Problem::new(Code::InvalidBody, format!("expires_s: must be 1 to {EXPIRES_S_MAX}")));
    }
    if new.payload.len() > PAYLOAD_BYTES_MAX {
        return Err(Problem::new(Code::InvalidBody, format!("payload: must be at most {PAYLOAD_BYTES_MAX} bytes")));
    }
    let keep = if new.retain { Keep::LastWord } else { Keep::Nothing };
    let detail = format!("{} bytes: {}", new.payload.len(), new.payload);
    let expires_at = lasts.map(|lasts| door.parts().clock.now() + lasts);
    let author = door.caller().name.clone();
    let command = StationCommand { station: station.clone(), author, payload: new.payload, keep, expires_at };
    // The record first: no command goes out that nobody answers for.
    let (parts, actor, origin) = (door.parts().clone(), door.caller().name.clone(), Some(door.address()));
    let noted = tokio::task::spawn_blocking(move || {
        let deed = Deed { actor: &actor, act: Act::CommandSent, subject: &station, detail: &detail, origin };
        parts.accounts.audit().record(&deed, parts.clock.now())
    });
    noted.await.map_err(Problem::internal)?.map_err(Problem::internal)?;
    match (door.parts().command)(command).await {
        Ok(commanded) => Ok((StatusCode::ACCEPTED, Json(commanded))),
        Err(NotCommanded::Nobody(why)) => Err(Problem::new(Code::Conflict, why)),
        Err(NotCommanded::Unavailable(why)) => Err(Problem::new(Code::Unavailable, why)),
    }
}
