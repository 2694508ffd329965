//! `GET /layers`: what can be drawn on a map now, and each layer as GeoJSON.
//!
//! Each layer's tag is made from its content, not from the journal's number alone: freshness changes as time passes
//! without any entry, and a map that is told "not modified" must not be wrong.
//! Left out for now: clusters, tiles, and the past (`at`).

use axum::Json;
use axum::body::Bytes;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::{IntoParams, ToSchema};

use super::door::{Allowed, SeeMap};
use super::features::{AlertFeature, Name, Reporter, StationFeature};
use super::headers::REVALIDATE;
use super::legend::{self, Mark};
use super::problem::{Missing, Problem, Refused};
use super::query::{Asked, Bbox, FromParams, Id, Nothing, Params};
use super::sight::Sight;
use super::stations::GEO_JSON;
use super::time::{Shown, Zone};
use crate::model::{AreaId, AreaLevel, Position, StationKind};
use crate::registry::AreaShape;
use crate::state::State;

/// The layers there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// Every station.
    Stations,
    /// The stations of one kind.
    Kind(StationKind),
    /// Communes and wards with their polygons.
    Areas,
    /// Open alerts at their stations.
    Alerts,
}

impl Layer {
    /// Every layer, in the catalogue's order.
    pub fn all() -> impl Iterator<Item = Layer> {
        [Layer::Stations].into_iter().chain(StationKind::ALL.map(Layer::Kind)).chain([Layer::Areas, Layer::Alerts])
    }

    /// Its name in addresses.
    pub fn id(self) -> &'static str {
        match self {
            Layer::Stations => "stations",
            Layer::Kind(kind) => kind.word(),
            Layer::Areas => "areas",
            Layer::Alerts => "alerts",
        }
    }

    /// By its name.
    pub fn named(id: &str) -> Option<Layer> {
        Layer::all().find(|layer| layer.id() == id)
    }
}

/// The catalogue of layers.
#[derive(Serialize, ToSchema)]
pub struct LayerList {
    /// The layers.
    layers: Vec<LayerEntry>,
}

/// One layer of the catalogue.
#[derive(Serialize, ToSchema)]
pub struct LayerEntry {
    /// Its name in addresses.
    #[schema(value_type = String, example = "stations")]
    id: &'static str,
    /// What to call it.
    title: Name,
    /// `Point` or `MultiPolygon`.
    #[schema(value_type = String, example = "Point")]
    geometry: &'static str,
    /// How its states are told apart, in words, colours and shapes.
    legend: Vec<Mark>,
    /// The moments that the layer can show; only now, so far.
    time_range: TimeRange,
}

/// The first and the last moment that can be shown.
#[derive(Serialize, ToSchema)]
pub struct TimeRange {
    /// First.
    #[schema(value_type = String, format = DateTime)]
    from: Shown,
    /// Last.
    #[schema(value_type = String, format = DateTime)]
    to: Shown,
}

/// The map layers that this caller can draw.
#[utoipa::path(get, path = "/api/v1/layers", operation_id = "listLayers", tag = "map",
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The layers", body = LayerList), Refused))]
pub async fn list(door: Allowed<SeeMap>, Asked(Nothing): Asked<Nothing>) -> Json<LayerList> {
    let now = Zone::default().show(door.parts().clock.now());
    let entry = |layer: Layer| LayerEntry {
        id: layer.id(),
        title: legend::title(layer),
        geometry: if layer == Layer::Areas { "MultiPolygon" } else { "Point" },
        legend: legend::of(layer),
        time_range: TimeRange { from: now, to: now },
    };
    Json(LayerList { layers: Layer::all().map(entry).collect() })
}

/// What `/layers/{layer}` takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LayerAsked {
    /// Only what touches this rectangle: west,south,east,north in WGS 84 degrees.
    #[param(value_type = Option<String>, example = "102.3,21.6,104.0,22.9")]
    bbox: Option<Bbox>,
    /// The map's zoom, 0 to 24. Every feature is sent at every zoom, so far.
    #[param(value_type = Option<f64>, minimum = 0, maximum = 24)]
    #[expect(dead_code, reason = "checked; clustering by zoom comes with the tiles")]
    zoom: Option<f64>,
}

impl FromParams for LayerAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        params.planned("at", "layers show the present only; /api/v1/history has the past of single channels")?;
        Ok(Self {
            bbox: params.one("bbox", Bbox::parse)?,
            zoom: params.one("zoom", |text| match text.parse::<f64>() {
                Ok(zoom) if (0.0..=24.0).contains(&zoom) => Ok(zoom),
                _ => Err(format!("{text:?} is not a number from 0 to 24")),
            })?,
        })
    }
}

/// A layer as a GeoJSON feature collection.
#[derive(Serialize, ToSchema)]
pub struct FeatureCollection {
    /// Always `FeatureCollection`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "FeatureCollection")]
    kind: &'static str,
    /// The layer's name.
    #[schema(value_type = String)]
    layer: &'static str,
    /// GeoJSON features: of stations as in `/stations`, of alerts as in `/alerts`, of areas with `id`, `level`, `name`
    /// and `parent`.
    features: Vec<AnyFeature>,
}

/// A feature of any layer.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum AnyFeature {
    /// Of `stations` and of a kind's layer.
    Station(StationFeature),
    /// Of `alerts`.
    Alert(Box<AlertFeature>),
    /// Of `areas`.
    Area(AreaFeature),
}

/// A commune or ward as a GeoJSON feature.
#[derive(Serialize, ToSchema)]
pub struct AreaFeature {
    /// Always `Feature`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "Feature")]
    kind: &'static str,
    /// Official code.
    #[schema(value_type = String, example = "03388")]
    id: AreaId,
    /// Its polygons.
    geometry: MultiPolygon,
    /// What is known of it.
    properties: AreaReport,
}

/// A GeoJSON multi-polygon.
#[derive(Serialize, ToSchema)]
pub struct MultiPolygon {
    /// Always `MultiPolygon`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "MultiPolygon")]
    kind: &'static str,
    /// Polygons of rings of longitude, latitude: WGS 84, degrees.
    coordinates: Vec<Vec<Vec<[f64; 2]>>>,
}

/// What is known of an area.
#[derive(Serialize, ToSchema)]
pub struct AreaReport {
    /// `province` or `commune`.
    #[schema(value_type = String, example = "commune")]
    level: AreaLevel,
    /// Its name.
    name: Name,
    /// Code of the area that contains it.
    #[schema(value_type = Option<String>, example = "12")]
    parent: Option<AreaId>,
    /// Where its name is written: longitude, latitude.
    label: [f64; 2],
}

/// One layer's features as they are now.
///
/// Every channel shows its newest value whatever its quality, and says so in `quality` and `flags`; alerts and averages
/// use good ones alone.
///
/// `ETag` and `If-None-Match` spare the body when nothing has changed.
#[utoipa::path(get, path = "/api/v1/layers/{layer}", operation_id = "readLayer", tag = "map",
    params(("layer" = String, Path, description = "The layer's name", example = "stations"), LayerAsked),
    security(("token" = []), ("session" = [])),
    responses(
        (status = 200, description = "The features", body = FeatureCollection, content_type = "application/geo+json",
            headers(("etag" = String, description = "Changes with the content"))),
        (status = 304, description = "Unchanged since the tag in If-None-Match"),
        Refused, Missing))]
pub async fn one(
    door: Allowed<SeeMap>,
    Id(id): Id,
    headers: HeaderMap,
    Asked(asked): Asked<LayerAsked>,
) -> Result<Response, Problem> {
    let layer = Layer::named(&id).ok_or_else(|| Problem::not_found("layer", &id))?;
    let features = {
        let state = door.parts().state.read();
        let sight = door.sight(&state.catalogue);
        match layer {
            Layer::Areas => areas(&door, &sight, asked.bbox),
            Layer::Alerts => alerts(&door, &state, &sight, asked.bbox),
            Layer::Stations => stations(&door, &state, &sight, asked.bbox, None),
            Layer::Kind(kind) => stations(&door, &state, &sight, asked.bbox, Some(kind)),
        }
    };
    let body = FeatureCollection { kind: "FeatureCollection", layer: layer.id(), features };
    let body = serde_json::to_vec(&body).map_err(Problem::internal)?;
    Ok(tagged(body, &headers))
}

fn stations(
    door: &Allowed<SeeMap>,
    state: &State,
    sight: &Sight,
    bbox: Option<Bbox>,
    kind: Option<StationKind>,
) -> Vec<AnyFeature> {
    let zone = Zone::default();
    let reporter = Reporter { state, now: door.parts().clock.now(), zone: &zone };
    let wanted = state.catalogue.stations().iter().filter(|station| {
        !station.retired
            && sight.reaches_station(station)
            && kind.is_none_or(|kind| station.kind == kind)
            && bbox.is_none_or(|bbox| bbox.contains(station.position))
    });
    wanted.map(|station| AnyFeature::Station(reporter.station(station))).collect()
}

fn alerts(door: &Allowed<SeeMap>, state: &State, sight: &Sight, bbox: Option<Bbox>) -> Vec<AnyFeature> {
    let zone = Zone::default();
    let reporter = Reporter { state, now: door.parts().clock.now(), zone: &zone };
    let wanted = state.alerts.open().filter(|alert| {
        sight.reaches(alert.subject.area())
            && bbox.is_none_or(|bbox| reporter.place_of(alert).is_some_and(|position| bbox.contains(position)))
    });
    wanted.filter_map(|alert| reporter.alert_feature(alert)).map(|alert| AnyFeature::Alert(Box::new(alert))).collect()
}

/// Communes only: the province's outline is their union's.
fn areas(door: &Allowed<SeeMap>, sight: &Sight, bbox: Option<Bbox>) -> Vec<AnyFeature> {
    let corner = |at: geo::Coord<f64>| Position { lon: at.x, lat: at.y };
    let areas = (door.parts().areas)();
    let wanted = areas.shapes().iter().filter(|shape| {
        shape.area.level == AreaLevel::Commune
            && sight.reaches(Some(&shape.area.id))
            && bbox.is_none_or(|bbox| bbox.touches(corner(shape.bounds.min()), corner(shape.bounds.max())))
    });
    wanted.map(area).collect()
}

fn area(shape: &AreaShape) -> AnyFeature {
    let ring = |line: &geo::LineString<f64>| line.coords().map(|at| [at.x, at.y]).collect::<Vec<_>>();
    let polygon = |polygon: &geo::Polygon<f64>| {
        std::iter::once(polygon.exterior()).chain(polygon.interiors()).map(ring).collect::<Vec<_>>()
    };
    AnyFeature::Area(AreaFeature {
        kind: "Feature",
        id: shape.area.id.clone(),
        geometry: MultiPolygon { kind: "MultiPolygon", coordinates: shape.polygon.iter().map(polygon).collect() },
        properties: AreaReport {
            level: shape.area.level,
            name: Name::from(&shape.area.name),
            parent: shape.area.parent.clone(),
            label: [shape.label.lon, shape.label.lat],
        },
    })
}

fn tagged(body: Vec<u8>, headers: &HeaderMap) -> Response {
    let digest = Sha256::digest(&body);
    let hex: String = digest[..12].iter().map(|byte| format!("{byte:02x}")).collect();
    // Weak: the same content may be sent compressed.
    let tag = format!("W/\"{hex}\"");
    let known = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let fresh = known.split(',').any(|one| one.trim().trim_start_matches("W/") == &tag[2..]);
    let mut response = if fresh { StatusCode::NOT_MODIFIED.into_response() } else { Bytes::from(body).into_response() };
    let out = response.headers_mut();
    out.insert(CONTENT_TYPE, HeaderValue::from_static(GEO_JSON));
    out.insert(CACHE_CONTROL, REVALIDATE);
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        out.insert(ETAG, tag);
    }
    response
}
