//! `GET /layers`: what can be drawn on a map, now or at a past moment, and each layer as GeoJSON.
//!
//! Each layer's tag is made from its content, not from the journal's number alone: freshness changes as time passes
//! without any entry, and a map that is told "not modified" must not be wrong. With `zoom`, points that are near each
//! other are one feature; vector tiles (`tiles.rs`) are the same for maps. With `at` the picture is that of a past moment
//! (`past.rs`).

use std::sync::Arc;

use axum::Json;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::atlas;
use super::door::{Allowed, SeeMap};
use super::features::{Name, Reporter, StationFeature};
use super::headers::revalidated;
use super::horizon::Reach;
use super::layer_features::{self, AnyFeature};
use super::moment;
use super::past::Said;
use super::past_features::{self, InIncidents, OfStations, PastReporter};
use super::problem::{Costly, Missing, Problem, Refused};
use super::query::{Asked, Bbox, FromParams, Id, Nothing, Params};
use super::stations::GEO_JSON;
use super::time::{Shown, When, Zone};
use crate::layers::areas::Division;
use crate::layers::dots::{Item, Subject};
use crate::layers::points::{self, Within};
use crate::layers::{self, Layer, Picture, catalogue, mercator};
use crate::model::{Position, Timestamp};

/// Features of points in one answer with `zoom`; where there are more, the nearest are clusters at every zoom.
const POINTS_MAX: usize = 20_000;

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
    /// The least zoom at which every point is shown as itself.
    detail_zoom: u8,
    /// Where its TileJSON is.
    #[schema(example = "/tiles/stations")]
    tiles: String,
    /// How its features are made; null where that is plain.
    method: Option<Name>,
    /// How its states are told apart, in words, colours and shapes.
    legend: Vec<Mark>,
    /// The moments that the layer can show with `at`.
    time_range: TimeRange,
}

/// One state of a legend.
#[derive(Serialize, ToSchema)]
pub struct Mark {
    /// The property that it shows: freshness, severity, level, step.
    #[schema(value_type = String, example = "freshness")]
    property: &'static str,
    /// The property's value.
    #[schema(example = "live")]
    value: String,
    /// What to call it.
    title: Name,
    /// Colour, as `#rrggbb`.
    #[schema(value_type = String, example = "#0b7a62")]
    colour: &'static str,
    /// Shape or fill.
    #[schema(value_type = String, example = "filled")]
    shape: &'static str,
}

impl From<catalogue::Mark> for Mark {
    fn from(mark: catalogue::Mark) -> Self {
        let catalogue::Mark { property, value, title: [vi, en], colour, shape } = mark;
        Self { property, value, title: Name { vi, en }, colour, shape }
    }
}

/// The first and the last moment that can be shown.
#[derive(Serialize, ToSchema)]
pub struct TimeRange {
    /// First: nothing is stored of any station from before it, or not of all that the layer shows.
    #[schema(value_type = String, format = DateTime)]
    from: Shown,
    /// Last: now.
    #[schema(value_type = String, format = DateTime)]
    to: Shown,
}

/// The map layers that this caller can draw.
#[utoipa::path(get, path = "/api/v1/layers", operation_id = "listLayers", tag = "map",
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The layers", body = LayerList), Refused))]
pub async fn list(door: Allowed<SeeMap>, Asked(Nothing): Asked<Nothing>) -> Json<LayerList> {
    let parts = Arc::clone(door.parts());
    let now = parts.clock.now();
    let (catalogue, listening) = {
        let state = parts.state.read();
        (Arc::clone(&state.catalogue), state.live.listening().clone())
    };
    let looked = tokio::task::spawn_blocking(move || {
        let reach = Reach::of(&catalogue, &listening, now, &|channel| channel.interval);
        let begins_at = parts.store.begins_at();
        Layer::all().map(|layer| begins_at.max(reach.begin_of(&parts.store, layer))).collect::<Vec<_>>()
    });
    let begins = looked.await.unwrap_or_default();
    let name = |[vi, en]: catalogue::Title| Name { vi: vi.to_owned(), en: en.to_owned() };
    let range = |begins_at: Option<Timestamp>| {
        let [from, to] = [begins_at.unwrap_or(now).min(now), now].map(|at| Zone::default().show(at));
        TimeRange { from, to }
    };
    let entry = |(place, layer): (usize, Layer)| LayerEntry {
        id: layer.id(),
        title: name(layer.title()),
        geometry: layer.geometry().word(),
        detail_zoom: layer.detail_zoom(),
        tiles: format!("/tiles/{}", layer.id()),
        method: layer.method().map(name),
        legend: layer.legend().into_iter().map(Mark::from).collect(),
        time_range: range(begins.get(place).copied().flatten()),
    };
    Json(LayerList { layers: Layer::all().enumerate().map(entry).collect() })
}

/// What `/layers/{layer}` takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LayerAsked {
    /// Only what touches this rectangle: west,south,east,north in WGS 84 degrees. West greater than east: across the
    /// 180th meridian. Clusters have the points inside it.
    #[param(value_type = Option<String>, example = "102.3,21.6,104.0,22.9")]
    bbox: Option<Bbox>,
    /// The map's zoom, 0 to 24: below the layer's detail zoom points that are near each other are one feature. Absent:
    /// every point by itself, and every point of an area's outline.
    #[param(value_type = Option<f64>, minimum = 0, maximum = 24)]
    zoom: Option<f64>,
    /// As it was then, rounded down to a whole minute: RFC 3339, a date, `-2h`; now when absent, and never the future.
    #[param(value_type = Option<String>, example = "-2h")]
    at: Option<When>,
}

impl FromParams for LayerAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        Ok(Self {
            at: moment::take(params)?,
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
    /// GeoJSON features: of stations as in `/stations`, of alerts as in `/alerts`, of incidents, areas and bands with what
    /// is told of them, and clusters of points.
    features: Vec<AnyFeature>,
    /// The past moment that is shown; absent of the present.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Shown>,
    /// Of a past moment before this time, alerts and incidents that ended before it may not be kept any more; absent
    /// otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    alerts_known_since: Option<Shown>,
}

/// One layer's features as they are now, or were at a past moment.
///
/// Every channel shows its newest value whatever its quality, and says so in `quality` and `flags`; alerts, averages of
/// areas and surfaces use good ones alone. With `zoom` below the layer's detail zoom, points of one cell of a fixed grid
/// are one feature with their count, worst severity and freshness; the counts of all features add up to the layer. Areas
/// have then the points of their outlines that half a pixel of the zoom tells apart.
///
/// With `at` everything is as of that moment, from what is known of it by now: late samples stand where they belong, and a
/// station, area, alert or incident is there if it was. Freshness is judged by the same rule, with the intervals declared
/// then; sleep schedules are the present ones, and a death notice counts while it holds. What is not kept is null: when
/// samples were received, how many messages are missing. Names are the present ones.
///
/// `ETag` and `If-None-Match` spare the body when nothing has changed.
#[utoipa::path(get, path = "/api/v1/layers/{layer}", operation_id = "readLayer", tag = "map",
    params(("layer" = String, Path, description = "The layer's name", example = "stations"), LayerAsked),
    security(("token" = []), ("session" = [])),
    responses(
        (status = 200, description = "The features", body = FeatureCollection, content_type = "application/geo+json",
            headers(
                ("etag" = String, description = "Changes with the content"),
                ("saola-moment" = String, description = "The moment that is shown, RFC 3339"),
                ("saola-alerts-known-since" = String, description = "Of a past moment before it: from then on every \
                    alert and incident is known"))),
        (status = 304, description = "Unchanged since the tag in If-None-Match"),
        Refused, Missing, Costly))]
pub async fn one(
    door: Allowed<SeeMap>,
    Id(id): Id,
    headers: HeaderMap,
    Asked(asked): Asked<LayerAsked>,
) -> Result<Response, Problem> {
    let layer = Layer::named(&id).ok_or_else(|| Problem::not_found("layer", &id))?;
    let past = moment::of_map(asked.at.as_ref(), door.parts().clock.now())?;
    let (picture, said) = door.picture(layer, past).await?;
    let sight = atlas::seen(&door, &picture, past);
    door.atlas().prepare(&picture, layer, &sight).await?;
    let features = match (layer, Division::of(layer)) {
        (_, Some(division)) => {
            let (picture, sight) = (Arc::clone(&picture), sight.clone());
            door.atlas()
                .in_turn(move || layer_features::areas(&picture, division, &sight, (asked.bbox, asked.zoom)))
                .await?
        }
        (Layer::Surface(field), None) => layer_features::bands(&picture, field, &sight, asked.bbox),
        _ => points(&door, &picture, layer, &sight, (&asked, said.as_deref())),
    };
    let known_since = past.and_then(|_| moment::known_since(&door.parts().state.read()));
    let show = |at: Timestamp| Zone::default().show(at);
    let body = FeatureCollection {
        kind: "FeatureCollection",
        layer: layer.id(),
        features,
        at: past.map(show),
        alerts_known_since: known_since.filter(|since| picture.at < *since).map(show),
    };
    let body = serde_json::to_vec(&body).map_err(Problem::internal)?;
    let mut response = revalidated(body, GEO_JSON, &headers);
    moment::tell(response.headers_mut(), picture.at, known_since);
    Ok(response)
}

fn points(
    door: &Allowed<SeeMap>,
    picture: &Picture,
    layer: Layer,
    sight: &layers::Sight,
    (asked, said): (&LayerAsked, Option<&Said>),
) -> Vec<AnyFeature> {
    let is_here = |at: Position| asked.bbox.is_none_or(|bbox| bbox.contains(at));
    let within = Within::Where(&is_here);
    let mut items: Vec<Item<'_>> = Vec::new();
    let zoom = asked.zoom.map_or(mercator::ZOOM_MAX, |zoom| zoom as u8).min(mercator::ZOOM_MAX);
    let most = if asked.zoom.is_some() { POINTS_MAX } else { usize::MAX };
    points::items(picture, layer, sight, within, (zoom, most), |item| items.push(item));
    // As lists are everywhere: by number, and not by place.
    items.sort_by_key(|item| match item {
        Item::One(dot) => match dot.subject {
            Subject::Station(pin, _) => (0, u64::from(pin.station.0)),
            Subject::Alert(_) | Subject::Incident(_) => (0, 0),
        },
        Item::Many(cluster) => (1, cluster.cell),
    });
    let (state, zone) = (door.parts().state.read(), Zone::default());
    let reporter = Reporter { state: &state, now: picture.at, zone: &zone };
    if let Some(said) = said {
        return features_then(reporter, (picture, said), layer, &items, zoom);
    }
    let feature = |item: &Item<'_>| match item {
        Item::Many(cluster) => Some(layer_features::cluster(cluster, zoom, &zone)),
        Item::One(dot) => match dot.subject {
            Subject::Station(pin, _) => {
                let station = reporter.station(state.catalogue.station(pin.station)?);
                Some(station_feature(picture, layer, station))
            }
            Subject::Alert(alert) => reporter.alert_feature(alert).map(|alert| AnyFeature::Alert(Box::new(alert))),
            Subject::Incident(incident) => Some(layer_features::incident(incident, dot, &zone)),
        },
    };
    items.iter().filter_map(feature).collect()
}

/// The same of a past moment.
fn features_then(
    reporter: Reporter<'_>,
    (picture, said): (&Picture, &Said),
    layer: Layer,
    items: &[Item<'_>],
    zoom: u8,
) -> Vec<AnyFeature> {
    let zone = reporter.zone;
    let in_incidents = match layer {
        Layer::Alerts => past_features::in_incidents(&said.incidents),
        _ => InIncidents::default(),
    };
    let alerts = match layer {
        Layer::Alerts | Layer::Incidents => OfStations::default(),
        _ => past_features::of_stations(picture),
    };
    let reporter = PastReporter { reporter, picture, in_incidents, alerts };
    let feature = |item: &Item<'_>| match item {
        Item::Many(cluster) => Some(layer_features::cluster(cluster, zoom, zone)),
        Item::One(dot) => match dot.subject {
            Subject::Station(pin, _) => {
                let station = reporter.station(&picture.station(pin.station)?);
                Some(station_feature(picture, layer, station))
            }
            Subject::Alert(alert) => reporter.alert(alert).map(|alert| AnyFeature::Alert(Box::new(alert))),
            Subject::Incident(incident) => Some(layer_features::incident(incident, dot, zone)),
        },
    };
    items.iter().filter_map(feature).collect()
}

fn station_feature(picture: &Picture, layer: Layer, station: StationFeature) -> AnyFeature {
    match picture.segments.get(&station.id).filter(|_| layer == Layer::Roads) {
        Some(segment) => layer_features::segment(segment, station),
        None => AnyFeature::Station(Box::new(station)),
    }
}
