//! Changing stations: `POST /stations`, `PUT`, `PATCH`, `DELETE /stations/{id}`, their channels, places, and undoing.
//!
//! Invariants: one change at a time; the registry's transaction comes first, then the new catalogue goes into the
//! journal, and the answer leaves when the state has it, so that whoever reads next sees it. A change goes on when its
//! caller hangs up. When the service dies in between, the next start journals what the registry says.
//! Concurrent changes: the definition's `ETag` is its revision; a change with `If-Match` is made only to that one.
//! Left out on purpose: changes of many stations in one request (the files are for that).

use std::sync::Arc;

use axum::http::header::{ETAG, IF_NONE_MATCH, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::Parts;
use super::body::Body;
use super::definition::{DefinitionDocument, FootprintDocument, StandingList, standings, tagged};
use super::door::{Allowed, EditStations};
use super::draft::{self, Draft};
use super::headers;
use super::problem::{BadBody, Code, Missing, Problem, Refused, Unchanged};
use super::query::{Asked, Id, Nothing, TwoNames};
use super::sight::Sight;
use super::time::{When, Zone};
use crate::auth::{Act, Deed};
use crate::model::{AreaId, LinkClass, Position};
use crate::registry::{
    ChangeAct, ChannelDeclaration, Definition, Edit, EditError, Edited, Registered, Standing, StationDeclaration, Wish,
};

/// What the caller says of the revision that it looked at.
#[derive(Default)]
struct Condition {
    /// `If-Match` with tags.
    revisions: Option<Vec<i64>>,
    /// `If-None-Match: *`.
    only_new: bool,
}

impl Condition {
    fn of(headers: &HeaderMap) -> Self {
        let only_new = headers.get(IF_NONE_MATCH).is_some_and(|value| value.to_str().unwrap_or_default().trim() == "*");
        Self { revisions: headers::versions(headers), only_new }
    }
}

fn problem(error: EditError, id: &str) -> Problem {
    let said = error.to_string();
    match error {
        EditError::Registry(error) => Problem::internal(error),
        EditError::Unknown => Problem::not_found("station", id),
        EditError::Missing(what) => Problem::new(Code::NotFound, format!("{id} has no such {what}")),
        EditError::DeclaredInFiles => Problem::new(Code::DeclaredInFiles, said),
        EditError::Exists => Problem::new(Code::AlreadyExists, said),
        EditError::ChangedSince { .. } => Problem::new(Code::ChangedSince, said),
        EditError::NotTheNewest => Problem::new(Code::Conflict, said),
        EditError::Wrong(fields) => Problem::fields(fields),
    }
}

/// Who asks for a change, kept for as long as it takes.
pub(super) struct Author {
    parts: Arc<Parts>,
    name: String,
    origin: std::net::IpAddr,
    sight: Sight,
}

impl Author {
    pub(super) fn of<N>(door: &Allowed<N>) -> Author {
        let parts = door.parts().clone();
        let sight = door.sight(&parts.state.read().catalogue);
        Author { name: door.caller().name.clone(), origin: door.address(), sight, parts }
    }

    /// Makes the change and sees it through; it goes on when the caller hangs up.
    pub(super) async fn edit<F>(self, id: String, revisions: Option<Vec<i64>>, wish: F) -> Result<Edited, Problem>
    where
        F: FnOnce(Option<&Registered>) -> Result<Wish, EditError> + Send + 'static,
    {
        let task = tokio::spawn(async move {
            let parts = self.parts.clone();
            let _turn = parts.editing.lock().await;
            let edited = tokio::task::spawn_blocking(move || self.write(&id, revisions, wish)).await;
            let (edited, catalogue) = edited.map_err(Problem::internal)??;
            if let Some(catalogue) = catalogue {
                (parts.install)(catalogue).await.map_err(|why| Problem::new(Code::Unavailable, why))?;
            }
            Ok(edited)
        });
        task.await.map_err(Problem::internal)?
    }

    fn write<F>(
        &self,
        id: &str,
        revisions: Option<Vec<i64>>,
        wish: F,
    ) -> Result<(Edited, Option<Arc<crate::model::Catalogue>>), Problem>
    where
        F: FnOnce(Option<&Registered>) -> Result<Wish, EditError>,
    {
        let (parts, now) = (&self.parts, self.parts.clock.now());
        let reaches = |area: Option<&AreaId>| self.sight.reaches(area);
        let edit = Edit { id, author: &self.name, now, revisions, reaches: &reaches };
        let edited = parts.registry.edit(&edit, wish).map_err(|error| problem(error, id))?;
        let Some(act) = edited.act else { return Ok((edited, None)) };
        let deed = Deed {
            actor: &self.name,
            act: Act::RegistryChanged,
            subject: id,
            detail: act.word(),
            origin: Some(self.origin),
        };
        parts.accounts.audit().record(&deed, now).map_err(Problem::internal)?;
        let catalogue = parts.registry.catalogue().map_err(Problem::internal)?;
        Ok((edited, Some(Arc::new(catalogue))))
    }
}

fn answer(edited: &Edited) -> Response {
    let mut response = tagged(&edited.station);
    if edited.act == Some(ChangeAct::Created) {
        *response.status_mut() = StatusCode::CREATED;
        let path = format!("/api/v1/stations/{}", super::query::escaped(edited.station.definition.id.as_str()));
        if let Ok(location) = HeaderValue::from_str(&path) {
            response.headers_mut().insert(LOCATION, location);
        }
    }
    response
}

/// What a body of a station may be, for the description; every wrong field is named in one answer.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "it only describes what `draft` reads")]
pub struct StationDraft {
    /// Name in topics and addresses: 1 to 64 letters, digits, `-`, `_`, `.`. In `PUT` the address has it.
    #[schema(example = "AQ-99")]
    id: Option<String>,
    /// What it is for: traffic, air, weather, river, rain, forest, meter.
    #[schema(example = "air")]
    kind: String,
    /// What to call it.
    name: super::features::Name,
    /// East of Greenwich, WGS 84 degrees.
    lon: f64,
    /// North of the equator, WGS 84 degrees.
    lat: f64,
    /// Code of its commune; found from the position when absent.
    area: Option<String>,
    /// Whether it is under maintenance; false when absent.
    maintenance: Option<bool>,
    /// The ground that it watches; a circle, a sector (a camera's view) or a polygon. Absent: nobody has said.
    footprint: Option<FootprintDocument>,
    /// The link of channels that name none: wired, cellular, lorawan.
    link: Option<String>,
    /// What it observes: 1 to 256 channels.
    channels: Vec<ChannelDraft>,
}

/// What a body of a channel may be. What is absent is taken from the table of known properties.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "it only describes what `draft` reads")]
pub struct ChannelDraft {
    /// What is observed: snake case. In `PUT` the address has it.
    #[schema(example = "pm2_5")]
    property: Option<String>,
    /// UCUM code of its values' unit.
    #[schema(example = "ug/m3")]
    unit: Option<String>,
    /// Expected time between samples, such as `5m`, or a number of seconds.
    #[schema(example = "5m")]
    interval: Option<String>,
    /// Lower values are refused.
    min: Option<f64>,
    /// Higher values are refused.
    max: Option<f64>,
    /// How it is connected: wired, cellular, lorawan.
    link: Option<String>,
}

/// Where a station stands from an instant on.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "it only describes what `draft` reads")]
pub struct PositionDraft {
    /// East of Greenwich, WGS 84 degrees.
    lon: f64,
    /// North of the equator, WGS 84 degrees.
    lat: f64,
    /// Code of its commune; found from the position when absent.
    area: Option<String>,
    /// RFC 3339, not in the future; absent: now; null: from the beginning. The instant of a place that is known
    /// corrects that place.
    valid_from: Option<String>,
}

/// Makes a station.
#[utoipa::path(post, path = "/api/v1/stations", operation_id = "createStation", tag = "registry",
    request_body = StationDraft, security(("token" = []), ("session" = [])),
    responses((status = 201, description = "It is in force", body = DefinitionDocument,
        headers(("etag" = String, description = "The revision"), ("location" = String, description = "Its address"))),
        Refused, BadBody, Unchanged))]
pub async fn create(
    door: Allowed<EditStations>,
    Asked(Nothing): Asked<Nothing>,
    Body(value): Body<Value>,
) -> Result<Response, Problem> {
    let station = draft::station(&value, None).map_err(Problem::fields)?;
    let id = station.id.to_string();
    let edited = Author::of(&door).edit(id, None, move |known| match known {
        Some(_) => Err(EditError::Exists),
        None => Ok(Wish::Stand(station)),
    });
    Ok(answer(&edited.await?))
}

/// Makes a station, or puts a definition in the place of the present one; a retired station is in service again.
///
/// Channels that are not named are retired. Another position is a move as of now: the former place is kept.
#[utoipa::path(put, path = "/api/v1/stations/{id}", operation_id = "putStation", tag = "registry",
    params(("id" = String, Path, description = "The station's name", example = "AQ-99"),
        ("if-match" = Option<String>, Header, description = "Only when this is the present revision"),
        ("if-none-match" = Option<String>, Header, description = "`*`: only when there is no such station")),
    request_body = StationDraft, security(("token" = []), ("session" = [])),
    responses((status = 200, description = "It is in force", body = DefinitionDocument,
            headers(("etag" = String, description = "The revision"))),
        (status = 201, description = "It is new, and in force", body = DefinitionDocument), Refused, Missing, BadBody,
        Unchanged))]
pub async fn put(
    door: Allowed<EditStations>,
    Id(id): Id,
    headers: HeaderMap,
    Asked(Nothing): Asked<Nothing>,
    Body(value): Body<Value>,
) -> Result<Response, Problem> {
    let condition = Condition::of(&headers);
    let station = draft::station(&value, Some(&id)).map_err(Problem::fields)?;
    let only_new = condition.only_new;
    let edited = Author::of(&door).edit(id, condition.revisions, move |known| match known {
        Some(known) if only_new => Err(EditError::ChangedSince { revision: known.revision }),
        _ => Ok(Wish::Stand(station)),
    });
    Ok(answer(&edited.await?))
}

/// Changes members of a definition (JSON Merge Patch, RFC 7396); `channels` is replaced as a whole.
#[utoipa::path(patch, path = "/api/v1/stations/{id}", operation_id = "patchStation", tag = "registry",
    params(("id" = String, Path, description = "The station's name", example = "AQ-99"),
        ("if-match" = Option<String>, Header, description = "Only when this is the present revision")),
    request_body(content = StationDraft, content_type = "application/merge-patch+json"),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "It is in force", body = DefinitionDocument,
        headers(("etag" = String, description = "The revision"))), Refused, Missing, BadBody, Unchanged))]
pub async fn patch(
    door: Allowed<EditStations>,
    Id(id): Id,
    headers: HeaderMap,
    Asked(Nothing): Asked<Nothing>,
    Body(patch): Body<Value>,
) -> Result<Response, Problem> {
    let condition = Condition::of(&headers);
    let name = id.clone();
    let edited = Author::of(&door).edit(id, condition.revisions, move |known| {
        let mut value = draft::of(&known.ok_or(EditError::Unknown)?.definition);
        let moves = ["lon", "lat"].iter().any(|key| patch.get(key).is_some());
        draft::merge(&mut value, &patch);
        if let Some(members) = value.as_object_mut().filter(|_| moves && patch.get("area").is_none()) {
            members.remove("area");
        }
        draft::station(&value, Some(&name)).map(Wish::Stand).map_err(EditError::Wrong)
    });
    Ok(answer(&edited.await?))
}

/// Takes a station out of service with its channels. Its number, name and history stay; `PUT` brings it back.
#[utoipa::path(delete, path = "/api/v1/stations/{id}", operation_id = "retireStation", tag = "registry",
    params(("id" = String, Path, description = "The station's name", example = "AQ-99"),
        ("if-match" = Option<String>, Header, description = "Only when this is the present revision")),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "It is retired", body = DefinitionDocument), Refused, Missing, Unchanged))]
pub async fn retire(
    door: Allowed<EditStations>,
    Id(id): Id,
    headers: HeaderMap,
    Asked(Nothing): Asked<Nothing>,
) -> Result<Response, Problem> {
    let condition = Condition::of(&headers);
    let edited = Author::of(&door).edit(id, condition.revisions, |known| {
        known.ok_or(EditError::Unknown)?;
        Ok(Wish::Retire)
    });
    Ok(answer(&edited.await?))
}

/// The declaration that a definition in service stands for.
fn declaration(definition: &Definition) -> StationDeclaration {
    let channels = definition.channels.iter().filter(|channel| !channel.retired);
    StationDeclaration {
        id: definition.id.clone(),
        kind: definition.kind,
        name: definition.name.clone(),
        position: definition.position,
        area: definition.area.clone(),
        maintenance: definition.maintenance,
        footprint: definition.footprint.clone(),
        channels: channels
            .map(|channel| ChannelDeclaration {
                property: channel.property.clone(),
                unit: channel.unit,
                interval: channel.interval,
                plausible: channel.plausible,
                link: channel.link,
            })
            .collect(),
    }
}

/// Makes a channel, or puts a definition in the place of the present one; a retired channel is in service again.
#[utoipa::path(put, path = "/api/v1/stations/{id}/channels/{property}", operation_id = "putChannel", tag = "registry",
    params(("id" = String, Path, description = "The station's name", example = "AQ-99"),
        ("property" = String, Path, description = "What it observes", example = "pm2_5"),
        ("if-match" = Option<String>, Header, description = "Only when this is the station's present revision")),
    request_body = ChannelDraft, security(("token" = []), ("session" = [])),
    responses((status = 200, description = "It is in force", body = DefinitionDocument,
        headers(("etag" = String, description = "The revision"))), Refused, Missing, BadBody, Unchanged))]
pub async fn put_channel(
    door: Allowed<EditStations>,
    TwoNames(id, property): TwoNames,
    headers: HeaderMap,
    Asked(Nothing): Asked<Nothing>,
    Body(value): Body<Value>,
) -> Result<Response, Problem> {
    let condition = Condition::of(&headers);
    let edited = Author::of(&door).edit(id, condition.revisions, move |known| {
        let definition = &known.ok_or(EditError::Unknown)?.definition;
        let link = definition.channels.first().map_or(LinkClass::default(), |channel| channel.link);
        let new = draft::channel(&value, "", Some(&property), link).map_err(EditError::Wrong)?;
        let mut station = declaration(definition);
        match station.channels.iter_mut().find(|channel| channel.property == new.property) {
            Some(channel) => *channel = new,
            None => station.channels.push(new),
        }
        Ok(Wish::Stand(station))
    });
    Ok(answer(&edited.await?))
}

/// Takes a channel out of service; its history stays. A station's last channel goes with the station.
#[utoipa::path(delete, path = "/api/v1/stations/{id}/channels/{property}", operation_id = "retireChannel",
    tag = "registry",
    params(("id" = String, Path, description = "The station's name", example = "AQ-99"),
        ("property" = String, Path, description = "What it observes", example = "pm2_5"),
        ("if-match" = Option<String>, Header, description = "Only when this is the station's present revision")),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "It is retired", body = DefinitionDocument), Refused, Missing, Unchanged))]
pub async fn retire_channel(
    door: Allowed<EditStations>,
    TwoNames(id, property): TwoNames,
    headers: HeaderMap,
    Asked(Nothing): Asked<Nothing>,
) -> Result<Response, Problem> {
    let condition = Condition::of(&headers);
    let edited = Author::of(&door).edit(id, condition.revisions, move |known| {
        let definition = &known.ok_or(EditError::Unknown)?.definition;
        let mut station = declaration(definition);
        let before = station.channels.len();
        station.channels.retain(|channel| channel.property.as_str() != property);
        if station.channels.len() == before {
            return Err(EditError::Missing("channel in service"));
        }
        Ok(Wish::Stand(station))
    });
    Ok(answer(&edited.await?))
}

/// Says where a station stands from an instant on; where it stood before is kept.
#[utoipa::path(put, path = "/api/v1/stations/{id}/position", operation_id = "putPosition", tag = "registry",
    params(("id" = String, Path, description = "The station's name", example = "AQ-99"),
        ("if-match" = Option<String>, Header, description = "Only when this is the present revision")),
    request_body = PositionDraft, security(("token" = []), ("session" = [])),
    responses((status = 200, description = "Every place of it now", body = StandingList,
        headers(("etag" = String, description = "The revision"))), Refused, Missing, BadBody, Unchanged))]
pub async fn put_position(
    door: Allowed<EditStations>,
    Id(id): Id,
    headers: HeaderMap,
    Asked(Nothing): Asked<Nothing>,
    Body(value): Body<Value>,
) -> Result<Response, Problem> {
    let condition = Condition::of(&headers);
    let standing = standing(&value, door.parts().clock.now()).map_err(Problem::fields)?;
    let edited = Author::of(&door).edit(id, condition.revisions, move |known| {
        known.ok_or(EditError::Unknown)?;
        Ok(Wish::Move(standing))
    });
    let edited = edited.await?;
    let mut response = axum::Json(standings(&edited.station.definition)).into_response();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", edited.station.revision)) {
        response.headers_mut().insert(ETAG, tag);
    }
    Ok(response)
}

fn standing(value: &Value, now: crate::model::Timestamp) -> Result<Standing, Vec<crate::registry::WrongField>> {
    let mut draft = Draft::over(value, "")?;
    let (lon, lat) = (draft.number("lon"), draft.number("lat"));
    for (name, found) in [("lon", lon), ("lat", lat)] {
        if found.is_none() && value.get(name).is_none_or(Value::is_null) {
            draft.wrong(name, "is missing");
        }
    }
    let area = draft.text("area").map(AreaId::new);
    let valid_from = match (value.get("valid_from"), draft.text("valid_from")) {
        (Some(Value::Null), _) => None,
        (_, None) => Some(now),
        (_, Some(text)) => match When::parse(text) {
            Ok(when) => Some(when.settle(now, &Zone::default())),
            Err(why) => {
                draft.wrong("valid_from", why);
                None
            }
        },
    };
    let wrong = draft.finish();
    let (Some(lon), Some(lat), true) = (lon, lat, wrong.is_empty()) else { return Err(wrong) };
    Ok(Standing { valid_from, position: Position { lon, lat }, area })
}

/// Takes a change back: the definition is again what it was before it. Only the newest change that was not taken back
/// yet; taking that back in turn makes the change again. What a change created is retired, never deleted.
#[utoipa::path(post, path = "/api/v1/stations/{id}/changes/{change}/undo", operation_id = "undoChange",
    tag = "registry",
    params(("id" = String, Path, description = "The station's name", example = "AQ-99"),
        ("change" = i64, Path, description = "The change's number", example = 12)),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "It is taken back", body = DefinitionDocument,
        headers(("etag" = String, description = "The revision"))), Refused, Missing, Unchanged))]
pub async fn undo(
    door: Allowed<EditStations>,
    TwoNames(id, change): TwoNames,
    headers: HeaderMap,
    Asked(Nothing): Asked<Nothing>,
) -> Result<Response, Problem> {
    let condition = Condition::of(&headers);
    let change = change.parse().map_err(|_| Problem::not_found("change", &change))?;
    let edited = Author::of(&door).edit(id, condition.revisions, move |known| {
        known.ok_or(EditError::Unknown)?;
        Ok(Wish::Undo(change))
    });
    Ok(answer(&edited.await?))
}
