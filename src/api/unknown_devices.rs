//! `GET /unknown-devices`: who sends under a name that nobody registered; and making a station of it with one call.
//!
//! Adopting takes three steps, each durable before the next: the station is made (or gets the channels that it lacks),
//! the catalogue goes into force, and every dead letter of the name is handed in again. What arrives meanwhile is
//! either taken already or one of those letters, so nothing is lost; when the service dies in between, the letters are
//! still there (`POST /dead-letters/replay`).
//!
//! Nothing is guessed beyond the table of known properties: what the operator does not say and the table does not know
//! is a wrong field, named. Left out on purpose: names that cannot be a station's (a blank, a slash); the `[[source]]`
//! maps them.

use std::sync::Arc;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::administration::{Author, StationDraft};
use super::body::Body;
use super::dead_letters::source_named;
use super::definition::DefinitionDocument;
use super::door::{Adopt, Allowed, SeeDeadLetters};
use super::draft;
use super::problem::{BadBody, Missing, Problem, Refused, Unchanged};
use super::query::{Asked, FromParams, NO_PLACE, Nothing, Params, TwoNames, limit};
use super::replaying::{LETTERS_MAX, ReplaySum, Witness, replay_all, see_through};
use super::time::{Shown, Zone};
use crate::model::{Catalogue, SourceId};
use crate::registry::{EditError, PropertyDefaults, Wish, WrongField};
use crate::state::unknown::{Device, Names};
use crate::store::DeadLetterFilter;

/// Devices in one answer when `limit` is absent, and at most.
const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;

/// A property of a device that nobody registered.
#[derive(Serialize, ToSchema)]
pub struct UnknownProperty {
    /// Its name as sent.
    #[schema(example = "pm2_5")]
    property: String,
    /// Readings refused.
    readings: u64,
    /// UCUM code of what the sender measures in; null when it never said.
    #[schema(value_type = Option<String>, example = "ug/m3")]
    unit: Option<&'static str>,
    /// Whether the table of properties knows it: then unit, interval and limits need not be stated.
    known: bool,
}

/// A device that nobody registered, or a registered one with properties that it does not have.
#[derive(Serialize, ToSchema)]
pub struct UnknownDevice {
    /// The way in.
    #[schema(example = "edge")]
    source: String,
    /// The name as sent.
    #[schema(example = "AQ-99")]
    device: String,
    /// Whether there is a station of this name; then only its properties are unknown.
    registered: bool,
    /// When it was first received.
    #[schema(value_type = String, format = DateTime)]
    first_seen: Shown,
    /// When it was last received.
    #[schema(value_type = String, format = DateTime)]
    last_seen: Shown,
    /// Messages.
    messages: u64,
    /// Readings refused for the name.
    readings: u64,
    /// What it sends.
    properties: Vec<UnknownProperty>,
    /// Readings of properties beyond the 32 that are listed.
    other_readings: u64,
    /// The number of its last message, a dead letter.
    #[schema(example = "48211")]
    last_message: String,
}

/// What is counted of one source: listed + unlisted + settled readings are all that were refused for an unknown name.
#[derive(Serialize, ToSchema)]
pub struct UnknownTally {
    /// The way in.
    #[schema(example = "edge")]
    source: String,
    /// Devices listed, 500 at most.
    devices: usize,
    /// Readings of the devices listed.
    listed_readings: u64,
    /// Readings of names that had to leave the full list.
    unlisted_readings: u64,
    /// How often a name had to leave the full list.
    displaced: u64,
    /// Readings of names that were registered since.
    settled_readings: u64,
}

/// Devices that nobody registered.
#[derive(Serialize, ToSchema)]
pub struct UnknownList {
    /// The one heard last comes first.
    devices: Vec<UnknownDevice>,
    /// By source.
    sources: Vec<UnknownTally>,
    /// Pass it as `next` for the following devices; null when there are no more.
    next: Option<String>,
}

/// What `/unknown-devices` takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UnknownAsked {
    /// Only of this source, by its name.
    #[param(value_type = Option<String>, example = "edge")]
    source: Option<String>,
    /// How many at most: 1 to 1,000.
    #[param(value_type = Option<u32>, default = 100, minimum = 1, maximum = 1000)]
    limit: usize,
    /// Where to go on: the `next` of the answer before.
    #[param(value_type = Option<String>)]
    next: Option<usize>,
}

impl FromParams for UnknownAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        Ok(Self {
            source: params.one("source", |text| Ok(text.to_owned()))?,
            limit: params.one("limit", |text| limit(text, LIMIT_MAX))?.unwrap_or(LIMIT_DEFAULT),
            next: params.one("next", |text| text.parse().map_err(|_| NO_PLACE.to_owned()))?,
        })
    }
}

fn told(catalogue: &Catalogue, source: SourceId, name: &str, device: &Device, zone: &Zone) -> UnknownDevice {
    let property = |(property, seen): (&str, &crate::state::unknown::Seen)| UnknownProperty {
        property: property.to_owned(),
        readings: seen.readings,
        unit: seen.unit.map(|unit| unit.code()),
        known: PropertyDefaults::of(property).is_some(),
    };
    UnknownDevice {
        source: catalogue.source(source).to_owned(),
        device: name.to_owned(),
        registered: catalogue.station_named(name).is_some(),
        first_seen: zone.show(device.first_seen),
        last_seen: zone.show(device.last_seen),
        messages: device.messages,
        readings: device.readings,
        properties: device.properties().map(property).collect(),
        other_readings: device.other_readings,
        last_message: device.last.to_string(),
    }
}

fn tally(catalogue: &Catalogue, source: SourceId, names: &Names) -> UnknownTally {
    UnknownTally {
        source: catalogue.source(source).to_owned(),
        devices: names.devices().count(),
        listed_readings: names.listed_readings(),
        unlisted_readings: names.unlisted_readings,
        displaced: names.displaced,
        settled_readings: names.settled_readings,
    }
}

/// Devices whose readings are refused because nobody registered them, or a property of them.
///
/// At most 500 a source: when there are more, a new name takes the place of the one with the fewest readings, the one
/// silent longest among those. The counts stay exact.
#[utoipa::path(get, path = "/api/v1/unknown-devices", operation_id = "listUnknownDevices", tag = "registry",
    params(UnknownAsked), security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The devices", body = UnknownList), Refused))]
pub async fn list(
    door: Allowed<SeeDeadLetters>,
    Asked(asked): Asked<UnknownAsked>,
) -> Result<Json<UnknownList>, Problem> {
    let state = door.parts().state.read();
    let catalogue = &state.catalogue;
    let wanted = asked.source.as_deref().map(|name| source_named(catalogue, name)).transpose()?;
    let sources = || state.unknown.sources().filter(|(source, _)| wanted.is_none_or(|wanted| wanted == *source));
    let mut devices: Vec<(SourceId, &str, &Device)> = sources()
        .flat_map(|(source, names)| names.devices().map(move |(name, device)| (source, name, device)))
        .collect();
    devices.sort_by_key(|(source, name, device)| (std::cmp::Reverse(device.last_seen), *source, *name));
    let first = asked.next.unwrap_or(0);
    let end = first.saturating_add(asked.limit);
    let zone = Zone::default();
    let page = devices.iter().skip(first).take(asked.limit);
    Ok(Json(UnknownList {
        devices: page.map(|(source, name, device)| told(catalogue, *source, name, device, &zone)).collect(),
        sources: sources().map(|(source, names)| tally(catalogue, source, names)).collect(),
        next: (end < devices.len()).then(|| end.to_string()),
    }))
}

/// A message, whole.
#[derive(Serialize, ToSchema)]
pub struct LastMessage {
    /// MQTT topic, or the file's or hook's name.
    topic: String,
    /// The payload as text; null when it is not UTF-8.
    text: Option<String>,
    /// The payload's bytes in base64 (RFC 4648).
    base64: String,
}

/// A device that nobody registered, with its last message and what would be adopted.
#[derive(Serialize, ToSchema)]
pub struct UnknownDocument {
    /// The device.
    #[serde(flatten)]
    device: UnknownDevice,
    /// Its last message; null when it is kept no more.
    message: Option<LastMessage>,
    /// The channels that adopting makes when the body names none: what the table of properties knows, in its unit, to
    /// which the sender's values are converted. A body may say otherwise.
    #[schema(value_type = Vec<super::administration::ChannelDraft>)]
    proposal: Vec<Value>,
}

/// The device with its source; not found when it is not on the list.
fn device<N>(door: &Allowed<N>, source: &str, name: &str) -> Result<(SourceId, Device), Problem> {
    let missing = || Problem::not_found("unknown device", name);
    let state = door.parts().state.read();
    let source = source_named(&state.catalogue, source).map_err(|_| missing())?;
    let device = state.unknown.device(source, name).ok_or_else(missing)?;
    Ok((source, device.clone()))
}

/// The channels of what the table knows; limits and interval follow from it. Always in the table's unit, whatever the
/// sender measures in: its values are converted, and histories over areas need one unit for a property.
fn proposal(device: &Device) -> Vec<Value> {
    let known = device.properties().filter_map(|(property, _)| Some((property, PropertyDefaults::of(property)?)));
    known.map(|(property, defaults)| json!({"property": property, "unit": defaults.unit.code()})).collect()
}

/// One device with its last message, whole.
#[utoipa::path(get, path = "/api/v1/unknown-devices/{source}/{device}", operation_id = "readUnknownDevice",
    tag = "registry",
    params(("source" = String, Path, description = "The way in", example = "edge"),
        ("device" = String, Path, description = "The name as sent", example = "AQ-99")),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The device", body = UnknownDocument), Refused, Missing))]
pub async fn one(
    door: Allowed<SeeDeadLetters>,
    TwoNames(source, name): TwoNames,
    Asked(Nothing): Asked<Nothing>,
) -> Result<Json<UnknownDocument>, Problem> {
    let (source, device) = device(&door, &source, &name)?;
    let (parts, last) = (Arc::clone(door.parts()), device.last);
    let read = tokio::task::spawn_blocking(move || parts.store.dead_letter(last)).await;
    let letter = read.map_err(Problem::internal)?.map_err(Problem::internal)?;
    let catalogue = door.parts().state.read().catalogue.clone();
    Ok(Json(UnknownDocument {
        device: told(&catalogue, source, &name, &device, &Zone::default()),
        message: letter.map(|letter| LastMessage {
            topic: letter.topic,
            text: std::str::from_utf8(&letter.payload).ok().map(str::to_owned),
            base64: STANDARD.encode(&letter.payload),
        }),
        proposal: proposal(&device),
    }))
}

/// A station made of a device, and what became of its dead letters.
#[derive(Serialize, ToSchema)]
pub struct Adopted {
    /// The station.
    station: DefinitionDocument,
    /// Its dead letters, handed in again.
    replayed: ReplaySum,
}

/// Makes a station of a device, under its name, and hands in its dead letters again.
///
/// The body is a station's; `channels` may be absent: then they are the `proposal` of the device. For a name that is
/// registered already the body may be `{}`: the station gets the channels that it lacks.
#[utoipa::path(post, path = "/api/v1/unknown-devices/{source}/{device}/adopt", operation_id = "adoptUnknownDevice",
    tag = "registry",
    params(("source" = String, Path, description = "The way in", example = "edge"),
        ("device" = String, Path, description = "The name as sent", example = "AQ-99")),
    request_body = StationDraft, security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The station has the channels that it lacked", body = Adopted),
        (status = 201, description = "The station is made", body = Adopted), Refused, Missing, BadBody, Unchanged))]
pub async fn adopt(
    door: Allowed<Adopt>,
    TwoNames(source, name): TwoNames,
    Asked(Nothing): Asked<Nothing>,
    Body(value): Body<Value>,
) -> Result<Response, Problem> {
    let (_, device) = device(&door, &source, &name)?;
    let (parts, author, witness) = (Arc::clone(door.parts()), Author::of(&door), Witness::of(&door));
    let adopted = see_through(async move {
        let edited = author.edit(name.clone(), None, {
            let name = name.clone();
            move |known| {
                let known = known.filter(|known| !known.definition.retired);
                let draft = confirmed(value, known.map(|known| draft::of(&known.definition)), &device)?;
                draft::station(&draft, Some(&name)).map(Wish::Stand).map_err(EditError::Wrong)
            }
        });
        let edited = edited.await?;
        let store = caught_up(&parts).await;
        // By whichever way in they came: the station is one.
        let replayed = replay_all(&parts, DeadLetterFilter::default(), LETTERS_MAX, {
            let name = name.clone();
            move |letter| letter.rejections.iter().any(|rejection| rejection.is_of_unknown(&name))
        });
        // The station stands either way; letters that cannot go in now are there for another request.
        let nothing = |_| ReplaySum { more: true, ..ReplaySum::default() };
        let mut replayed = replayed.await.unwrap_or_else(nothing);
        replayed.more |= store == StoreIs::Behind;
        witness.record(name, replayed.told()).await?;
        let is_new = edited.act == Some(crate::registry::ChangeAct::Created);
        let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
        Ok((status, Adopted { station: DefinitionDocument::from(&edited.station), replayed }))
    });
    let (status, adopted) = adopted.await?;
    Ok((status, Json(adopted)).into_response())
}

/// What the operator says, with the proposal for the channels that they leave open. A station that is there stays as
/// it is but for what the body says, and gets channels besides.
fn confirmed(body: Value, known: Option<Value>, device: &Device) -> Result<Value, EditError> {
    let Value::Object(mut body) = body else {
        let message = "must be an object".to_owned();
        return Err(EditError::Wrong(vec![WrongField { field: String::new(), message }]));
    };
    let mut channels = match body.remove("channels") {
        None | Some(Value::Null) => proposal(device),
        Some(Value::Array(stated)) => stated,
        Some(other) => vec![other],
    };
    let mut draft = known.unwrap_or_else(|| json!({}));
    if let Some(Value::Array(own)) = draft.get_mut("channels").map(Value::take) {
        let stated = channels.iter().map(|channel| channel.get("property").cloned()).collect::<Vec<_>>();
        channels.splice(0..0, own.into_iter().filter(|channel| !stated.contains(&channel.get("property").cloned())));
    }
    draft::merge(&mut draft, &Value::Object(body));
    draft["channels"] = Value::Array(channels);
    Ok(draft)
}

/// How far the store has followed the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StoreIs {
    /// It has what was judged before the station was there.
    There,
    /// It may lack some of that.
    Behind,
}

/// Until the store has the dead letters of all that was judged before the station was there; bounded, as the store may
/// be far behind.
async fn caught_up(parts: &Arc<super::Parts>) -> StoreIs {
    let through = parts.state.read().applied;
    for _ in 0..1_000 {
        if parts.store.applied() >= through {
            return StoreIs::There;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    StoreIs::Behind
}
