//! Features that are made for layers alone: clusters, incidents, areas with what their stations come to, and bands.

use std::collections::BTreeMap;

use geo::BoundingRect;
use serde::Serialize;
use utoipa::ToSchema;

use super::features::{AlertFeature, Name, Point, StationFeature, StationReport, freshness_schema, severity_schema};
use super::query::Bbox;
use super::time::{Shown, Zone};
use crate::layers::areas::{Choropleth, Division};
use crate::layers::dots::{Cluster, Dot};
use crate::layers::mercator::half_pixel_m;
use crate::layers::surface::{self, Band, Surface};
use crate::layers::tally::Measure;
use crate::layers::{Field, IncidentView, Layer, Picture, Sight};
use crate::model::{AreaId, AreaLevel, Freshness, Position, Severity, StationId, StationKind};
use crate::registry::AreaShape;

/// A feature of any layer.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum AnyFeature {
    /// Of `stations`, of a kind's layer, of `roads` and `rivers`.
    Station(Box<StationFeature>),
    /// Of `roads`, where a station stands for a stretch of road.
    Segment(Box<SegmentFeature>),
    /// Of `alerts`.
    Alert(Box<AlertFeature>),
    /// Of `incidents`.
    Incident(Box<IncidentFeature>),
    /// Of any of these, with `zoom`.
    Cluster(Box<ClusterFeature>),
    /// Of `areas`.
    Area(Box<AreaFeature>),
    /// Of a surface.
    Band(Box<BandFeature>),
}

/// A stretch of road as a GeoJSON feature.
#[derive(Serialize, ToSchema)]
pub struct SegmentFeature {
    /// Always `Feature`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "Feature")]
    kind: &'static str,
    /// Its station's name in topics and addresses.
    #[schema(value_type = String, example = "TR-QL4D-01")]
    id: StationId,
    /// Where it runs.
    geometry: LineString,
    /// What is known of its station.
    properties: StationReport,
}

/// A GeoJSON line.
#[derive(Serialize, ToSchema)]
pub struct LineString {
    /// Always `LineString`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "LineString")]
    kind: &'static str,
    /// Longitude, latitude: WGS 84, degrees.
    coordinates: Vec<[f64; 2]>,
}

/// A stretch of road's feature.
pub fn segment(segment: &[Position], station: StationFeature) -> AnyFeature {
    let coordinates = segment.iter().map(|at| [at.lon, at.lat]).collect();
    let geometry = LineString { kind: "LineString", coordinates };
    let (id, properties) = (station.id, station.properties);
    AnyFeature::Segment(Box::new(SegmentFeature { kind: "Feature", id, geometry, properties }))
}

/// Points that are near each other as a GeoJSON feature, in their middle.
#[derive(Serialize, ToSchema)]
pub struct ClusterFeature {
    /// Always `Feature`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "Feature")]
    kind: &'static str,
    /// The same for the same cell of the same zoom.
    #[schema(example = "cluster-7-2f00000000000")]
    id: String,
    /// The middle of the points.
    geometry: Point,
    /// What they come to.
    properties: ClusterReport,
}

/// What the points of a cluster come to.
#[derive(Serialize, ToSchema)]
pub struct ClusterReport {
    /// Always true.
    cluster: bool,
    /// How many points.
    #[schema(example = 12)]
    count: u32,
    /// The worst of theirs; null when nothing is open.
    #[schema(schema_with = severity_schema)]
    severity: Option<&'static str>,
    /// The worst of the stations in service; `maintenance` only when all are under it. Null for alerts and incidents.
    #[schema(schema_with = freshness_schema)]
    freshness: Option<&'static str>,
    /// The oldest of when the stations were last heard; null when none ever was.
    #[schema(value_type = Option<String>, format = DateTime)]
    oldest_at: Option<Shown>,
    /// Stations that were never heard.
    never_heard: u32,
    /// Stations of each kind.
    #[schema(value_type = BTreeMap<String, u32>)]
    kinds: BTreeMap<&'static str, u32>,
    /// The greatest level of service or alarm stage; null in other layers.
    level: Option<f64>,
}

/// A cluster's feature.
pub fn cluster(cluster: &Cluster, zoom: u8, zone: &Zone) -> AnyFeature {
    let kinds = StationKind::ALL.iter().zip(cluster.by_kind).filter(|(_, count)| *count > 0);
    AnyFeature::Cluster(Box::new(ClusterFeature {
        kind: "Feature",
        id: format!("cluster-{zoom}-{:x}", cluster.cell),
        geometry: Point::at(cluster.position()),
        properties: ClusterReport {
            cluster: true,
            count: cluster.count,
            severity: cluster.severity.map(Severity::word),
            freshness: cluster.freshness.map(|freshness| freshness.word()),
            oldest_at: cluster.oldest_at.map(|at| zone.show(at)),
            never_heard: cluster.never_heard,
            kinds: kinds.map(|(kind, count)| (kind.word(), count)).collect(),
            level: cluster.level,
        },
    }))
}

/// An open incident as a GeoJSON feature, in the middle of its open alerts and silent stations.
#[derive(Serialize, ToSchema)]
pub struct IncidentFeature {
    /// Always `Feature`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "Feature")]
    kind: &'static str,
    /// The incident's identifier.
    id: String,
    /// The middle of what is open of it.
    geometry: Point,
    /// What is told of it.
    properties: IncidentProperties,
}

/// What a layer tells of an incident; `/incidents/{id}` tells all.
#[derive(Serialize, ToSchema)]
pub struct IncidentProperties {
    /// The group of causes that its alerts have in common.
    #[schema(example = "fire")]
    cause: String,
    /// What to call it.
    title: Name,
    /// The worst of what is open.
    #[schema(schema_with = severity_schema)]
    severity: Option<&'static str>,
    /// When it began (event time).
    #[schema(value_type = String, format = DateTime)]
    opened_at: Shown,
    /// When anything about it last changed (event time).
    #[schema(value_type = String, format = DateTime)]
    changed_at: Shown,
}

/// An incident's feature, at its dot.
pub fn incident(incident: &IncidentView, dot: &Dot<'_>, zone: &Zone) -> AnyFeature {
    AnyFeature::Incident(Box::new(IncidentFeature {
        kind: "Feature",
        id: incident.id.to_string(),
        geometry: Point::at(dot.position),
        properties: IncidentProperties {
            cause: incident.group.clone(),
            title: Name::from(&incident.title),
            severity: dot.severity.map(Severity::word),
            opened_at: zone.show(incident.opened_at),
            changed_at: zone.show(incident.changed_at),
        },
    }))
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

impl From<&geo::MultiPolygon<f64>> for MultiPolygon {
    fn from(polygon: &geo::MultiPolygon<f64>) -> Self {
        let ring = |line: &geo::LineString<f64>| line.coords().map(|at| [at.x, at.y]).collect::<Vec<_>>();
        let part = |polygon: &geo::Polygon<f64>| {
            std::iter::once(polygon.exterior()).chain(polygon.interiors()).map(ring).collect::<Vec<_>>()
        };
        Self { kind: "MultiPolygon", coordinates: polygon.iter().map(part).collect() }
    }
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

/// What is known of an area.
#[derive(Serialize, ToSchema)]
pub struct AreaReport {
    /// `commune` or `forest_compartment`.
    #[schema(value_type = String, example = "commune")]
    level: AreaLevel,
    /// Its name.
    name: Name,
    /// Code of the area that contains it.
    #[schema(value_type = Option<String>, example = "12")]
    parent: Option<AreaId>,
    /// Where its name is written: longitude, latitude.
    label: [f64; 2],
    /// The worst that is open at its stations or about the area itself; null when nothing is.
    #[schema(schema_with = severity_schema)]
    severity: Option<&'static str>,
    /// Stations in service.
    stations: u32,
    /// Of these, by freshness.
    #[schema(value_type = BTreeMap<String, u32>)]
    freshness: BTreeMap<&'static str, u32>,
    /// What its stations measure, by property: good values of channels that are live or late.
    measures: BTreeMap<String, MeasureReport>,
}

/// One property at an area's stations.
#[derive(Serialize, ToSchema)]
pub struct MeasureReport {
    /// UCUM code of the values' unit.
    #[schema(value_type = String, example = "ug/m3")]
    unit: &'static str,
    /// The values' mean; null without any.
    mean: Option<f64>,
    /// The end that is worse for people: the greatest, or of speeds and moistures the least.
    worst: Option<f64>,
    /// The least value.
    min: Option<f64>,
    /// The greatest value.
    max: Option<f64>,
    /// Values.
    count: u32,
    /// Channels in service.
    expected: u32,
    /// Values of what is expected, 0 to 1.
    completeness: f64,
}

/// Communes, not the province, whose outline is their union's; or forest compartments. With a zoom their outlines have the
/// points that it tells apart.
pub fn areas(
    picture: &Picture,
    division: Division,
    sight: &Sight,
    (bbox, zoom): (Option<Bbox>, Option<f64>),
) -> Vec<AnyFeature> {
    let choropleth = Choropleth::of(picture, division, sight);
    let wanted = choropleth.shapes().filter(|shape| bbox.is_none_or(|bbox| bbox.touches_rect(&shape.bounds)));
    let outline = |shape: &AreaShape| match zoom {
        Some(zoom) => MultiPolygon::from(&picture.areas.outline(shape, half_pixel_m(zoom))),
        None => MultiPolygon::from(&shape.polygon),
    };
    wanted.map(|shape| area(picture, shape, outline(shape), &choropleth)).collect()
}

fn area(picture: &Picture, shape: &AreaShape, outline: MultiPolygon, choropleth: &Choropleth<'_>) -> AnyFeature {
    let own = choropleth.tally(shape);
    let freshness = Freshness::ALL.iter().zip(own.map_or([0; 5], |own| own.by_freshness));
    let measures = choropleth.measures(shape).filter_map(|(property, measure)| {
        let name = picture.properties().get(usize::from(property))?;
        Some((name.clone(), self::measure(name, picture.unit_of(property)?.code(), measure)))
    });
    AnyFeature::Area(Box::new(AreaFeature {
        kind: "Feature",
        id: shape.area.id.clone(),
        geometry: outline,
        properties: AreaReport {
            level: shape.area.level,
            name: Name::from(&shape.area.name),
            parent: shape.area.parent.clone(),
            label: [shape.label.lon, shape.label.lat],
            severity: choropleth.severity(shape).map(Severity::word),
            stations: own.map_or(0, |own| own.stations),
            freshness: freshness.filter(|(_, count)| *count > 0).map(|(one, count)| (one.word(), count)).collect(),
            measures: measures.collect(),
        },
    }))
}

fn measure(name: &str, unit: &'static str, measure: &Measure) -> MeasureReport {
    let known = |value: f64| (measure.count > 0).then_some(value);
    MeasureReport {
        unit,
        mean: measure.mean(),
        worst: measure.worst(name),
        min: known(measure.min),
        max: known(measure.max),
        count: measure.count,
        expected: measure.expected,
        completeness: measure.completeness(),
    }
}

/// A band of a surface as a GeoJSON feature.
#[derive(Serialize, ToSchema)]
pub struct BandFeature {
    /// Always `Feature`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "Feature")]
    kind: &'static str,
    /// The band's number from the lowest.
    id: usize,
    /// Where it is.
    geometry: MultiPolygon,
    /// What it is.
    properties: BandReport,
}

/// What a band of a surface is. It is reckoned, not measured.
#[derive(Serialize, ToSchema)]
pub struct BandReport {
    /// The band's number from the lowest: the legend's value.
    step: usize,
    /// Its least value; null for the lowest.
    from: Option<f64>,
    /// Where it ends; null for the highest.
    to: Option<f64>,
    /// UCUM code of both.
    #[schema(value_type = String, example = "Cel")]
    unit: &'static str,
    /// As the legend has it.
    #[schema(value_type = String, example = "#22a884")]
    colour: &'static str,
    /// Of when the values are.
    #[schema(value_type = String, format = DateTime)]
    at: Shown,
    /// How it is reckoned.
    #[schema(value_type = String, example = "inverse_distance_weighting")]
    method: &'static str,
    /// Of the distance.
    power: i32,
    /// Nothing is said farther than this from every station, in metres.
    reach_m: f64,
    /// Stations that it was made from.
    stations: usize,
}

/// The bands of a surface.
pub fn bands(picture: &Picture, field: Field, sight: &Sight, bbox: Option<Bbox>) -> Vec<AnyFeature> {
    let surface = surface::surface(picture, field, sight);
    let unit = picture.property(field.property()).and_then(|number| picture.unit_of(number));
    let unit = unit.map_or("", |unit| unit.code());
    let legend = Layer::Surface(field).legend();
    let wanted = surface.bands.iter().filter(|band| {
        bbox.is_none_or(|bbox| band.polygon.bounding_rect().is_some_and(|bounds| bbox.touches_rect(&bounds)))
    });
    let feature = |band: &Band| {
        let colour = legend.get(band.step).map_or("#000000", |mark| mark.colour);
        band_feature(&surface, band, (unit, colour), field)
    };
    wanted.map(feature).collect()
}

fn band_feature(
    surface: &Surface,
    band: &Band,
    (unit, colour): (&'static str, &'static str),
    field: Field,
) -> AnyFeature {
    AnyFeature::Band(Box::new(BandFeature {
        kind: "Feature",
        id: band.step,
        geometry: MultiPolygon::from(&band.polygon),
        properties: BandReport {
            step: band.step,
            from: band.from,
            to: band.to,
            unit,
            colour,
            at: Zone::default().show(surface.at),
            method: "inverse_distance_weighting",
            power: surface::POWER,
            reach_m: field.reach_m(),
            stations: surface.stations,
        },
    }))
}
