//! `GET /catalog.jsonld` and `/open/…`: what the configuration makes open, for anybody.
//!
//! Invariants: nothing is told that `[open_data]` does not name; of a data set nothing younger than its delay, and no
//! place finer than its cells. Good values only, each with its time: what was last heard long ago is not left out, and
//! says when it was.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Path;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, HeaderName};
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::base::Base;
use super::door::Anyone;
use super::headers::revalidated;
use super::history::cell;
use super::moment;
use super::problem::{Missing, Problem};
use super::query::{Asked, Nothing};
use super::time::Zone;
use crate::layers::{Layer, Picture, Shown};
use crate::model::{Channel, Position, Station, StationKind, Timestamp};
use crate::open_data::{self, Dataset, FORMATS, coarse};

/// What portals read.
const JSON_LD: &str = "application/ld+json";

/// The catalogue of what is open.
#[utoipa::path(get, path = "/catalog.jsonld", operation_id = "readOpenDataCatalog", tag = "standards",
    security(()),
    responses((status = 200, description = "DCAT 3 as JSON-LD", body = Object, content_type = "application/ld+json")))]
pub async fn catalog(
    who: Anyone,
    base: Base,
    headers: HeaderMap,
    Asked(Nothing): Asked<Nothing>,
) -> Result<Response, Problem> {
    let config = &who.parts().open_data;
    let mut extents = BTreeMap::new();
    for dataset in &config.datasets {
        // What cannot be told of its past is still in the catalogue.
        if let Ok(picture) = picture(&who, dataset).await
            && let Some(extent) = extent(&picture, dataset)
        {
            extents.insert(dataset.kind, extent);
        }
    }
    let link = |path: &str| base.link(path);
    let catalog = open_data::catalog(config, &link, &|dataset| extents.get(&dataset.kind).copied());
    let body = serde_json::to_vec(&catalog).map_err(Problem::internal)?;
    Ok(for_anybody(revalidated(body, JSON_LD, &headers)))
}

/// A data set that is open: the stations of a kind with their newest good values.
///
/// As GeoJSON a station is a feature with a property for each value, and beside it its unit (UCUM) and time; as CSV
/// each value is a row. Data sets that hold sensitive places are late and coarse; the catalogue says how much.
#[utoipa::path(get, path = "/open/{file}", operation_id = "readOpenData", tag = "standards",
    params(("file" = String, Path, description = "The kind of stations and the form", example = "air.geojson")),
    security(()),
    responses(
        (status = 200, description = "The stations", content((Object = "application/geo+json"), (String = "text/csv"))),
        Missing))]
pub async fn one(
    who: Anyone,
    Path(file): Path<String>,
    headers: HeaderMap,
    Asked(Nothing): Asked<Nothing>,
) -> Result<Response, Problem> {
    let none = || Problem::not_found("open data set", &file);
    let (name, extension) = file.split_once('.').ok_or_else(none)?;
    let format = FORMATS.iter().find(|format| format.extension == extension).ok_or_else(none)?;
    let kind = StationKind::ALL.into_iter().find(|kind| kind.word() == name).ok_or_else(none)?;
    let dataset = who.parts().open_data.dataset(kind).ok_or_else(none)?;
    let picture = picture(&who, dataset).await?;
    let rows = rows(&picture, dataset);
    let body = match format.extension {
        "csv" => as_csv(&rows).into_bytes(),
        _ => serde_json::to_vec(&as_geo_json(&rows)).map_err(Problem::internal)?,
    };
    Ok(for_anybody(revalidated(body, format.media_type, &headers)))
}

/// The stations as they are told of now: as they were a delay ago, at a whole minute.
async fn picture(who: &Anyone, dataset: &Dataset) -> Result<Arc<Picture>, Problem> {
    let delay = Duration::from(dataset.delay());
    let past = (!delay.is_zero()).then(|| moment::whole(who.parts().clock.now() - delay));
    who.picture(Layer::Kind(dataset.kind), past).await
}

/// Anybody may have it, also a page of somebody else.
fn for_anybody(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, no-cache"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    let policy = HeaderName::from_static("cross-origin-resource-policy");
    headers.insert(policy, HeaderValue::from_static("cross-origin"));
    response
}

/// What a data set tells of a station.
struct Row<'p> {
    station: &'p Station,
    place: Position,
    freshness: &'static str,
    values: Vec<(&'p Channel, f64, Timestamp)>,
}

/// The stations of a data set with their places as they are given.
fn stations<'p>(picture: &'p Picture, dataset: &Dataset) -> impl Iterator<Item = (Shown<'p>, Position)> {
    let (kind, side_m) = (dataset.kind, dataset.round_m());
    let of_kind = picture.stations().filter(move |shown| shown.pin.kind == kind);
    of_kind.map(move |shown| {
        let place = coarse(shown.pin.position, side_m);
        (shown, place)
    })
}

/// The rows of a data set, in the order of the stations' names.
fn rows<'p>(picture: &'p Picture, dataset: &Dataset) -> Vec<Row<'p>> {
    let mut rows: Vec<Row<'p>> = stations(picture, dataset)
        .map(|(shown, place)| {
            let channels = shown.station.channels.iter().zip(shown.looks);
            let good = channels.filter_map(|(id, look)| {
                let channel = picture.catalogue.channel(*id).filter(|channel| !channel.retired)?;
                let latest = look.latest.filter(|latest| latest.quality.is_good())?;
                Some((channel, latest.value, latest.observed_at))
            });
            Row { station: shown.station, place, freshness: shown.pin.freshness.word(), values: good.collect() }
        })
        .collect();
    rows.sort_by(|one, other| one.station.id.cmp(&other.station.id));
    rows
}

/// West, south, east, north of places as they are given.
fn extent(picture: &Picture, dataset: &Dataset) -> Option<open_data::Extent> {
    stations(picture, dataset).map(|(_, place)| place).fold(None, |found, at| {
        let [west, south, east, north] = found.unwrap_or([at.lon, at.lat, at.lon, at.lat]);
        Some([west.min(at.lon), south.min(at.lat), east.max(at.lon), north.max(at.lat)])
    })
}

fn as_geo_json(rows: &[Row<'_>]) -> Value {
    let zone = Zone::default();
    let feature = |row: &Row<'_>| {
        let mut properties = Map::new();
        for (key, value) in [
            ("name_vi", row.station.name.vi.as_str()),
            ("name_en", row.station.name.en.as_str()),
            ("kind", row.station.kind.word()),
            ("freshness", row.freshness),
        ] {
            properties.insert(key.to_owned(), value.into());
        }
        for (channel, value, at) in &row.values {
            let name = channel.property.as_str();
            properties.insert(name.to_owned(), json!(value));
            properties.insert(format!("{name}_unit"), channel.unit.code().into());
            properties.insert(format!("{name}_time"), zone.show(*at).to_string().into());
        }
        let geometry = json!({ "type": "Point", "coordinates": [row.place.lon, row.place.lat] });
        json!({ "type": "Feature", "id": row.station.id, "geometry": geometry, "properties": properties })
    };
    json!({ "type": "FeatureCollection", "features": rows.iter().map(feature).collect::<Vec<_>>() })
}

/// A line for each value; a station without any has one without.
fn as_csv(rows: &[Row<'_>]) -> String {
    let zone = Zone::default();
    let mut text = "station,name_vi,name_en,longitude,latitude,freshness,property,unit,time,value\r\n".to_owned();
    for Row { station, place, freshness, values } in rows {
        let names = [station.id.as_str(), &station.name.vi, &station.name.en].map(cell).join(",");
        let head = format!("{names},{},{},{freshness}", place.lon, place.lat);
        for (channel, value, at) in values {
            let (property, unit) = (cell(channel.property.as_str()), cell(channel.unit.code()));
            // Writing to a text does not fail.
            let _ = write!(text, "{head},{property},{unit},{},{value}\r\n", zone.show(*at));
        }
        if values.is_empty() {
            text += &format!("{head},,,,\r\n");
        }
    }
    text
}
