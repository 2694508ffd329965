//! `GET /tiles/{layer}`: a layer as vector tiles, and what there is to know of them (TileJSON 3.0).
//!
//! A tile's tag is made of the revision of what it shows and of the caller's sight: "not modified" is answered without
//! drawing. It changes when a value's freshness does, whether or not anything came. With `at` it is of that moment, and
//! changes when late data may have changed the past.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequestParts, Path};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, VARY};
use axum::http::request::Parts as Head;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::atlas;
use super::base::Base;
use super::choice::Choice;
use super::door::{Allowed, SeeMap};
use super::gzip;
use super::headers::{self, REVALIDATE};
use super::moment;
use super::problem::{Code, Costly, Missing, Problem, Refused};
use super::query::{Asked, FromParams, Id, Params, limit};
use super::time::When;
use crate::layers::{Layer, TileId, mercator, tile};

/// The greatest zoom that maps need to ask for: they enlarge tiles beyond it.
const ZOOM_SERVED: u8 = 16;

/// The media type of vector tiles.
const MVT: &str = "application/vnd.mapbox-vector-tile";

/// What a layer's TileJSON takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MomentAsked {
    /// As it was then, rounded down to a whole minute: RFC 3339, a date, `-2h`; now when absent, and never the future.
    #[param(value_type = Option<String>, example = "-2h")]
    at: Option<When>,
}

impl FromParams for MomentAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        Ok(MomentAsked { at: moment::take(params)? })
    }
}

/// What a tile takes beside the stations that are chosen.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TileAsked {
    /// As it was then, rounded down to a whole minute: RFC 3339, a date, `-2h`; now when absent, and never the future.
    #[param(value_type = Option<String>, example = "-2h")]
    at: Option<When>,
    /// The most points of one tile, 1 to 4,096; where there are more, they are in clusters as far from each other as below
    /// the detail zoom. Absent: 4,096, and smaller clusters.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 4096)]
    points: Option<u16>,
}

impl FromParams for TileAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        let points = params.one("points", |text| limit(text, tile::POINTS_MAX))?;
        Ok(TileAsked { at: moment::take(params)?, points: points.and_then(|points| u16::try_from(points).ok()) })
    }
}

/// A tile's moment, density, and the stations that are chosen.
pub struct Chosen(TileAsked, Choice);

impl FromParams for Chosen {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        Ok(Chosen(TileAsked::from_params(params)?, Choice::from_params(params)?))
    }
}

/// A layer and one of its tiles, as the address names them.
pub struct TileName(Layer, TileId);

impl<S: Send + Sync> FromRequestParts<S> for TileName {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Head, state: &S) -> Result<Self, Problem> {
        let Path((layer, z, x, y)) = Path::<(String, String, String, String)>::from_request_parts(head, state)
            .await
            .map_err(|_| Problem::new(Code::NotFound, "the address holds bytes that are not UTF-8"))?;
        let layer = Layer::named(&layer).ok_or_else(|| Problem::not_found("layer", &layer))?;
        let y = y.strip_suffix(".mvt").or_else(|| y.strip_suffix(".pbf")).unwrap_or(&y);
        // `+5` is a number to Rust and not to anybody who writes addresses.
        let number = |text: &str| text.parse::<u32>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
        let tile = match (number(&z).and_then(|z| u8::try_from(z).ok()), number(&x), number(y)) {
            (Some(z), Some(x), Some(y)) => TileId::new(z, x, y),
            _ => None,
        };
        let most = mercator::ZOOM_MAX;
        let none = || {
            let why = format!("a tile is z/x/y in whole numbers, z from 0 to {most}, x and y from 0 to 2^z - 1");
            Problem::parameter("z", why)
        };
        Ok(TileName(layer, tile.ok_or_else(none)?))
    }
}

/// A layer's tiles, in TileJSON 3.0.
#[derive(Serialize, ToSchema)]
pub struct TileJson {
    /// Of TileJSON.
    #[schema(value_type = String, example = "3.0.0")]
    tilejson: &'static str,
    /// The layer's title in Vietnamese.
    #[schema(value_type = String)]
    name: &'static str,
    /// The layer's title in English.
    #[schema(value_type = String)]
    description: &'static str,
    /// Where tiles are.
    tiles: Vec<String>,
    /// Rows count from the north.
    #[schema(value_type = String, example = "xyz")]
    scheme: &'static str,
    /// The least zoom.
    minzoom: u8,
    /// The greatest zoom served; maps enlarge its tiles beyond.
    maxzoom: u8,
    /// West, south, east, north.
    bounds: [f64; 4],
    /// Layers of each tile.
    vector_layers: Vec<VectorLayer>,
}

/// A layer of a tile.
#[derive(Serialize, ToSchema)]
pub struct VectorLayer {
    /// Its name in the tile.
    #[schema(value_type = String, example = "stations")]
    id: &'static str,
    /// What is in it.
    #[schema(value_type = String)]
    description: &'static str,
    /// The least zoom at which it is there.
    minzoom: u8,
    /// The greatest.
    maxzoom: u8,
    /// Attributes: Number, String or Boolean. Stations have their good current values beside, by property, and the unit of
    /// each property that they observe as `PROPERTY_unit` (UCUM).
    #[schema(value_type = BTreeMap<String, String>)]
    fields: BTreeMap<&'static str, &'static str>,
}

/// What there is to know of a layer's tiles, in TileJSON 3.0. With `at` the tiles' addresses have that moment.
#[utoipa::path(get, path = "/tiles/{layer}", operation_id = "readTileJson", tag = "map",
    params(("layer" = String, Path, description = "The layer's name, with or without .json", example = "stations"),
        MomentAsked),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "TileJSON", body = TileJson), Refused, Missing))]
pub async fn about(
    door: Allowed<SeeMap>,
    Id(id): Id,
    base: Base,
    Asked(asked): Asked<MomentAsked>,
) -> Result<Json<TileJson>, Problem> {
    let id = id.strip_suffix(".json").unwrap_or(&id);
    let layer = Layer::named(id).ok_or_else(|| Problem::not_found("layer", id))?;
    if !base.is_known() {
        // The standard wants whole addresses.
        return Err(Problem::new(Code::InvalidParameter, "the header Host is no name of a host"));
    }
    let past = moment::of_map(asked.at.as_ref(), door.parts().clock.now())?;
    // In UTC: no sign that an address would have to escape.
    let at = past.map_or(String::new(), |at| format!("?at={at}"));
    let [vi, en] = layer.title();
    let whole = (door.parts().areas)().whole();
    let bounds = whole.map_or([-180.0, -85.0511, 180.0, 85.0511], |whole| {
        [whole.min().x, whole.min().y, whole.max().x, whole.max().y]
    });
    Ok(Json(TileJson {
        tilejson: "3.0.0",
        name: vi,
        description: en,
        tiles: vec![base.link(&format!("/tiles/{}/{{z}}/{{x}}/{{y}}.mvt{at}", layer.id()))],
        scheme: "xyz",
        minzoom: 0,
        maxzoom: ZOOM_SERVED,
        bounds,
        vector_layers: vector_layers(layer),
    }))
}

fn vector_layers(layer: Layer) -> Vec<VectorLayer> {
    let of = |id, description, minzoom, fields: &[(&'static str, &'static str)]| {
        let fields = fields.iter().copied().collect();
        VectorLayer { id, description, minzoom, maxzoom: ZOOM_SERVED, fields }
    };
    let (text, number) = ("String", "Number");
    let named = [("id", text), ("name_vi", text), ("name_en", text), ("severity", text)];
    match layer {
        Layer::Areas | Layer::ForestCompartments => {
            let own = [&named[..], &[("stations", number)]].concat();
            vec![
                of(layer.id(), "areas; PROPERTY_mean, _worst, _count and _completeness beside", 0, &own),
                of(tile::LABELS, "where names are written", 0, &named),
            ]
        }
        Layer::Surface(_) => {
            let fields = [("step", number), ("from", number), ("to", number), ("at", number)];
            vec![of(layer.id(), "bands; at is seconds since 1970", 0, &fields)]
        }
        _ => {
            let titled = [("id", text), ("title_vi", text), ("title_en", text), ("severity", text), ("cause", text)];
            let state = [("freshness", text), ("heard_at", number)];
            let fields = match layer {
                Layer::Alerts => [&titled[..], &[("state", text), ("station", text)]].concat(),
                Layer::Incidents => titled.to_vec(),
                Layer::Stations => [&named[..], &state, &[("kind", text)]].concat(),
                Layer::Roads | Layer::Rivers => [&named[..], &state, &[("level", number)]].concat(),
                _ => [&named[..], &state].concat(),
            };
            let many = [("count", number), ("severity", text), ("freshness", text), ("oldest_at", number)];
            let points = of(layer.id(), "points; times are seconds since 1970", 0, &fields);
            let mut layers = vec![points, of(tile::CLUSTERS, "several points at one place", 0, &many)];
            if layer == Layer::Roads {
                layers.push(of(tile::SEGMENTS, "stretches of road", layer.detail_zoom(), &fields));
            }
            layers
        }
    }
}

/// A tile of a layer: Mapbox Vector Tile 2.1.
///
/// Below the layer's detail zoom, and where a tile has more than 4,096 points, points that are near each other are in
/// `clusters`, whose counts add up. Names are in tiles from the detail zoom on, good current values and units from two zooms
/// after.
/// With `at` everything is as of that moment, as in the layer. Stations are chosen, and points counted, in the layer of all
/// stations and in those of a kind.
#[utoipa::path(get, path = "/tiles/{layer}/{z}/{x}/{y}", operation_id = "readTile", tag = "map",
    params(
        ("layer" = String, Path, description = "The layer's name", example = "stations"),
        ("z" = u8, Path, description = "Zoom, 0 to 22", example = 8),
        ("x" = u32, Path, description = "Column from the west", example = 201),
        ("y" = String, Path, description = "Row from the north, with or without .mvt or .pbf", example = "111"),
        TileAsked, Choice,
    ),
    security(("token" = []), ("session" = [])),
    responses(
        (status = 200, description = "The tile", body = Vec<u8>, content_type = "application/vnd.mapbox-vector-tile",
            headers(
                ("etag" = String, description = "Changes with what the tile shows"),
                ("saola-moment" = String, description = "The moment that is shown, RFC 3339"),
                ("saola-alerts-known-since" = String, description = "Of a past moment before it: from then on every \
                    alert and incident is known"))),
        (status = 204, description = "Nothing is there"),
        (status = 304, description = "Unchanged since the tag in If-None-Match"),
        Refused, Missing, Costly))]
pub async fn one(
    door: Allowed<SeeMap>,
    TileName(layer, id): TileName,
    headers: HeaderMap,
    Asked(Chosen(asked, choice)): Asked<Chosen>,
) -> Result<Response, Problem> {
    let wish = asked.points.map_or(choice.wish(), |points| choice.wish().with_points(points));
    let is_chosen = !wish.is_any() || !choice.is_any();
    if is_chosen && !matches!(layer, Layer::Stations | Layer::Kind(_)) {
        let why = format!("stations can be chosen in the layers of stations alone, and not in {}", layer.id());
        return Err(Problem::parameter("layer", why));
    }
    let atlas = door.atlas();
    let past = moment::of_map(asked.at.as_ref(), door.parts().clock.now())?;
    let (picture, _) = door.picture(layer, past).await?;
    let sight = atlas::chosen(&door, &picture, past, &choice)?;
    atlas.prepare(&picture, layer, &sight).await?;
    let shown_at = picture.at;
    let tag = format!("{}.{:x}", tile::tag(&picture, layer, id, &sight), wish.number());
    let tag = past.map_or(tag.clone(), |at| format!("{:x}-{tag}", at.micros()));
    let etag = format!("W/\"{tag}\"");
    let mut response = if headers::knows(&headers, &etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let zipped = atlas.tile(picture, (layer, id, past), (sight, wish), &tag).await?;
        body(zipped, &headers)?
    };
    let out = response.headers_mut();
    out.insert(CACHE_CONTROL, REVALIDATE);
    out.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        out.insert(ETAG, etag);
    }
    let known_since = past.and_then(|_| moment::known_since(&door.parts().state.read()));
    moment::tell(out, shown_at, known_since);
    Ok(response)
}

/// A kept tile for somebody who takes gzip, or does not.
fn body(zipped: Bytes, headers: &HeaderMap) -> Result<Response, Problem> {
    if zipped.is_empty() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let mut response = if gzip::is_taken(headers) {
        gzip::answer(zipped)
    } else {
        let mut plain = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(zipped.as_ref()), &mut plain)
            .map_err(Problem::internal)?;
        plain.into_response()
    };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MVT));
    Ok(response)
}
