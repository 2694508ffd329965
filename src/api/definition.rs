//! `GET /stations/{id}/definition`, `/positions`, `/changes`: what is declared of a station, where it stood, and who
//! changed what. Retired stations have them too.

use axum::Json;
use axum::http::header::{ETAG, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::door::{Allowed, SeeMap};
use super::draft;
use super::features::Name;
use super::problem::{Missing, Problem, Refused};
use super::query::{Asked, FromParams, Id, NO_PLACE, Nothing, Params, limit};
use super::time::{Shown, When, Zone};
use crate::model::{AreaId, Extent, Footprint, Span, StationId, StationNo};
use crate::registry::{ChannelDefinition, Definition, Registered, StationChange};

/// Changes in one answer when `limit` is absent, and at most.
const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;

/// A channel as it is declared.
#[derive(Serialize, ToSchema)]
pub struct ChannelDocument {
    /// What is observed.
    #[schema(example = "pm2_5")]
    property: String,
    /// UCUM code; it never changes, as the history is kept in it.
    #[schema(value_type = String, example = "ug/m3")]
    unit: &'static str,
    /// Expected time between samples.
    #[schema(example = "5m")]
    interval: String,
    /// Lower values are refused.
    min: f64,
    /// Higher values are refused.
    max: f64,
    /// How it is connected: wired, cellular, lorawan.
    #[schema(value_type = String, example = "cellular")]
    link: &'static str,
    /// Taken out of service: its history stays readable.
    retired: bool,
}

/// The ground that a station watches. A circle or a sector moves with its station.
#[derive(Serialize, ToSchema)]
pub struct FootprintDocument {
    /// `circle`, `sector` or `polygon`.
    #[schema(value_type = String, example = "circle")]
    shape: &'static str,
    /// Of a circle and a sector: metres, up to 100,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 3000.0)]
    radius_m: Option<f64>,
    /// Of a sector: its middle, degrees clockwise from north, below 360.
    #[serde(skip_serializing_if = "Option::is_none")]
    bearing: Option<f64>,
    /// Of a sector: degrees from edge to edge, up to 360.
    #[serde(skip_serializing_if = "Option::is_none")]
    angle: Option<f64>,
    /// Of a polygon: 3 to 1,000 positions, longitude first, WGS 84 degrees; the last may repeat the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    ring: Option<Vec<[f64; 2]>>,
    /// Estimated, not surveyed.
    approximate: bool,
}

impl From<&Footprint> for FootprintDocument {
    fn from(footprint: &Footprint) -> Self {
        let (shape, radius_m, view, ring) = match &footprint.extent {
            Extent::Circle { radius_m } => ("circle", Some(*radius_m), None, None),
            Extent::Sector { radius_m, bearing, angle } => ("sector", Some(*radius_m), Some((*bearing, *angle)), None),
            Extent::Polygon { ring } => ("polygon", None, None, Some(ring.clone())),
        };
        let (bearing, angle) = view.unzip();
        Self { shape, radius_m, bearing, angle, ring, approximate: footprint.approximate }
    }
}

/// A station as it is declared: what is read, changed and sent back.
#[derive(Serialize, ToSchema)]
pub struct DefinitionDocument {
    /// Name in topics and addresses.
    #[schema(value_type = String, example = "AQ-01")]
    id: StationId,
    /// What it is for: traffic, air, weather, river, rain, forest, meter.
    #[schema(value_type = String, example = "air")]
    kind: &'static str,
    /// What to call it.
    name: Name,
    /// East of Greenwich, WGS 84 degrees.
    lon: f64,
    /// North of the equator, WGS 84 degrees.
    lat: f64,
    /// Code of the commune that it stands in; null outside every known one.
    #[schema(value_type = Option<String>, example = "03388")]
    area: Option<AreaId>,
    /// Whether it is under maintenance.
    maintenance: bool,
    /// The ground that it watches; absent when nobody has said.
    #[serde(skip_serializing_if = "Option::is_none")]
    footprint: Option<FootprintDocument>,
    /// What it observes, retired channels among them.
    channels: Vec<ChannelDocument>,
    /// Taken out of service: its history stays readable.
    retired: bool,
    /// Who declares it: `files` (change it there), `api`, `program`.
    #[schema(value_type = String, example = "api")]
    declared_by: &'static str,
    /// Goes up with each change; the `ETag` is this number in quotes.
    revision: i64,
}

impl From<&Registered> for DefinitionDocument {
    fn from(station: &Registered) -> Self {
        let definition = &station.definition;
        let channel = |channel: &ChannelDefinition| ChannelDocument {
            property: channel.property.to_string(),
            unit: channel.unit.code(),
            interval: Span::from(channel.interval).to_string(),
            min: channel.plausible.min,
            max: channel.plausible.max,
            link: draft::LINKS.iter().find(|(_, link)| *link == channel.link).map_or("", |(word, _)| word),
            retired: channel.retired,
        };
        Self {
            id: definition.id.clone(),
            kind: definition.kind.word(),
            name: Name::from(&definition.name),
            lon: definition.position.lon,
            lat: definition.position.lat,
            area: definition.area.clone(),
            maintenance: definition.maintenance,
            footprint: definition.footprint.as_ref().map(FootprintDocument::from),
            channels: definition.channels.iter().map(channel).collect(),
            retired: definition.retired,
            declared_by: station.origin,
            revision: station.revision,
        }
    }
}

/// A definition with the tag of its revision.
pub fn tagged(station: &Registered) -> Response {
    let mut response = Json(DefinitionDocument::from(station)).into_response();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", station.revision)) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// Where a station stood, and from when until when.
#[derive(Serialize, ToSchema)]
pub struct StandingEntry {
    /// It stood here from this instant on; null from the beginning.
    #[schema(value_type = Option<String>, format = DateTime)]
    valid_from: Option<Shown>,
    /// It stood here before this instant; null at present.
    #[schema(value_type = Option<String>, format = DateTime)]
    valid_to: Option<Shown>,
    /// East of Greenwich, WGS 84 degrees.
    lon: f64,
    /// North of the equator, WGS 84 degrees.
    lat: f64,
    /// Code of the commune that this was in.
    #[schema(value_type = Option<String>, example = "03388")]
    area: Option<AreaId>,
}

/// Every place of a station.
#[derive(Serialize, ToSchema)]
pub struct StandingList {
    /// Oldest first; the last is the present one.
    positions: Vec<StandingEntry>,
}

/// A definition's places as they are told.
pub fn standings(definition: &Definition) -> StandingList {
    let zone = Zone::default();
    let all = definition.standings();
    let ends = all.iter().skip(1).map(|next| next.valid_from).chain([None]);
    let entry = |(standing, valid_to): (&crate::registry::Standing, Option<crate::model::Timestamp>)| StandingEntry {
        valid_from: standing.valid_from.map(|at| zone.show(at)),
        valid_to: valid_to.map(|at| zone.show(at)),
        lon: standing.position.lon,
        lat: standing.position.lat,
        area: standing.area.clone(),
    };
    StandingList { positions: all.iter().zip(ends).map(entry).collect() }
}

/// The station of a name that the caller may see.
fn seen(door: &Allowed<SeeMap>, id: &str) -> Result<StationNo, Problem> {
    let state = door.parts().state.read();
    let sight = door.sight(&state.catalogue);
    let station = state.catalogue.station_named(id).filter(|station| sight.reaches_station(station));
    station.map(|station| station.no).ok_or_else(|| Problem::not_found("station", id))
}

async fn registered(door: &Allowed<SeeMap>, id: &str) -> Result<Registered, Problem> {
    seen(door, id)?;
    let (registry, name) = (door.parts().registry.clone(), id.to_owned());
    let read = tokio::task::spawn_blocking(move || registry.station(&name)).await;
    let found = read.map_err(Problem::internal)?.map_err(Problem::internal)?;
    found.ok_or_else(|| Problem::not_found("station", id))
}

/// A station as it is declared, retired or not, with its revision as `ETag`.
#[utoipa::path(get, path = "/api/v1/stations/{id}/definition", operation_id = "readDefinition", tag = "registry",
    params(("id" = String, Path, description = "The station's name", example = "AQ-01")),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The definition", body = DefinitionDocument,
        headers(("etag" = String, description = "The revision, for If-Match"))), Refused, Missing))]
pub async fn one(door: Allowed<SeeMap>, Id(id): Id, Asked(Nothing): Asked<Nothing>) -> Result<Response, Problem> {
    Ok(tagged(&registered(&door, &id).await?))
}

/// What `/stations/{id}/positions` takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PositionsAsked {
    /// Only where it stood at this time.
    #[param(value_type = Option<String>, example = "2026-11-01T00:00:00+07:00")]
    at: Option<When>,
}

impl FromParams for PositionsAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        Ok(Self { at: params.one("at", When::parse)? })
    }
}

/// Where a station stands and stood.
#[utoipa::path(get, path = "/api/v1/stations/{id}/positions", operation_id = "listPositions", tag = "registry",
    params(("id" = String, Path, description = "The station's name", example = "AQ-01"), PositionsAsked),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The places", body = StandingList), Refused, Missing))]
pub async fn positions(
    door: Allowed<SeeMap>,
    Id(id): Id,
    Asked(asked): Asked<PositionsAsked>,
) -> Result<Json<StandingList>, Problem> {
    let station = registered(&door, &id).await?;
    let mut list = standings(&station.definition);
    if let Some(at) = asked.at {
        let at = at.settle(door.parts().clock.now(), &Zone::default());
        let former = station.definition.former_places.iter().position(|place| at < place.until);
        let place = former.unwrap_or(station.definition.former_places.len());
        list.positions = list.positions.into_iter().skip(place).take(1).collect();
    }
    Ok(Json(list))
}

/// What `/stations/{id}/changes` takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ChangesAsked {
    /// How many at most: 1 to 1,000.
    #[param(value_type = Option<u32>, default = 100, minimum = 1, maximum = 1000)]
    limit: usize,
    /// Where to go on: the `next` of the answer before.
    #[param(value_type = Option<String>)]
    next: Option<i64>,
}

impl FromParams for ChangesAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        Ok(Self {
            limit: params.one("limit", |text| limit(text, LIMIT_MAX))?.unwrap_or(LIMIT_DEFAULT),
            next: params.one("next", |text| text.parse().map_err(|_| NO_PLACE.to_owned()))?,
        })
    }
}

/// A field that a change made different.
#[derive(Serialize, ToSchema)]
pub struct FieldChange {
    /// Its path.
    #[schema(example = "channels.pm2_5.max")]
    field: String,
    /// What it said; null when it was not there.
    before: Value,
    /// What it says since then; null when it is gone.
    after: Value,
}

/// One change of a station.
#[derive(Serialize, ToSchema)]
pub struct ChangeEntry {
    /// Its number, for undoing it.
    id: i64,
    /// The revision that it made.
    revision: i64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Shown,
    /// The account that made it; `files` for what a start read from the files.
    #[schema(example = "lan")]
    author: String,
    /// created, changed, moved, retired, restored or undone.
    #[schema(value_type = String, example = "changed")]
    act: &'static str,
    /// Field by field.
    fields: Vec<FieldChange>,
}

/// A page of changes.
#[derive(Serialize, ToSchema)]
pub struct ChangeList {
    /// Newest first.
    changes: Vec<ChangeEntry>,
    /// Pass it as `next` for the following changes; null when there are no more.
    next: Option<String>,
}

fn entry(change: &StationChange, zone: &Zone) -> ChangeEntry {
    let fields = Definition::differences(change.before.as_ref(), Some(&change.after));
    ChangeEntry {
        id: change.id,
        revision: change.revision,
        at: zone.show(change.at),
        author: change.author.clone(),
        act: change.act.word(),
        fields: fields
            .into_iter()
            .map(|difference| FieldChange {
                field: difference.field,
                before: difference.before,
                after: difference.after,
            })
            .collect(),
    }
}

/// Who changed what of a station, newest first.
#[utoipa::path(get, path = "/api/v1/stations/{id}/changes", operation_id = "listChanges", tag = "registry",
    params(("id" = String, Path, description = "The station's name", example = "AQ-01"), ChangesAsked),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The changes", body = ChangeList), Refused, Missing))]
pub async fn changes(
    door: Allowed<SeeMap>,
    Id(id): Id,
    Asked(asked): Asked<ChangesAsked>,
) -> Result<Json<ChangeList>, Problem> {
    let (no, registry) = (seen(&door, &id)?, door.parts().registry.clone());
    let read = tokio::task::spawn_blocking(move || registry.changes(no, asked.next, asked.limit + 1)).await;
    let mut found = read.map_err(Problem::internal)?.map_err(Problem::internal)?;
    let more = found.len() > asked.limit;
    found.truncate(asked.limit);
    let next = found.last().filter(|_| more).map(|last| last.revision.to_string());
    let zone = Zone::default();
    Ok(Json(ChangeList { changes: found.iter().map(|change| entry(change, &zone)).collect(), next }))
}
