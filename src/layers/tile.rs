//! Vector tiles of a layer.
//!
//! Points are in exactly one tile of a zoom and have no margin: maps draw symbols beyond a tile's border. Polygons
//! reach [`clip::MARGIN`] units beyond it; outlines of areas have the points that half a pixel of the zoom tells apart. A tile has at most [`POINTS_MAX`] points; with more, and below the layer's
//! detail zoom, they are in `clusters`, whose counts add up. A tile whose points would be more than [`BYTES_MAX`] bytes
//! is drawn with clusters, too: 4,096 of them at most.
//!
//! Attributes grow with the zoom: identity and state always, names from the detail zoom on, good current values and the
//! units of all channels from two zooms further on. Times are seconds since 1970 and not ages, so that a tile does not
//! change by itself.
//!
//! [`tag`] changes with whatever a tile shows, and costs no drawing.

use geo::{BoundingRect, Intersects, Rect};

use super::areas::{Choropleth, Division};
use super::catalogue::Layer;
use super::clip::{self, Frame};
use super::dots::{self, Cluster, Dot, Item, Subject};
use super::mercator::{EXTENT, TileId, World, half_pixel_m, unproject};
use super::mvt::{LayerWriter, Shape, Value};
use super::picture::Picture;
use super::points::{self, FINE, Within};
use super::sight::Sight;
use super::surface;
use super::wish::Wish;
use crate::model::StationKind;

/// Points of one tile.
pub const POINTS_MAX: usize = 4_096;
/// Bytes of a tile's points, uncompressed.
pub const BYTES_MAX: usize = 512 * 1_024;
/// Zooms after the detail zoom from which on values are in a tile.
const VALUES_AFTER: u8 = 2;
/// Properties of an area in a tile; the others are in the layer's GeoJSON.
const MEASURES_MAX: usize = 24;
/// The layer of a tile that has the clusters.
pub const CLUSTERS: &str = "clusters";
/// The layer of a tile that has stretches of road.
pub const SEGMENTS: &str = "segments";
/// The layer of a tile that has the places of areas' names.
pub const LABELS: &str = "labels";

/// Another number when a tile shows something else to somebody with this sight.
pub fn tag(picture: &Picture, layer: Layer, tile: TileId, sight: &Sight) -> String {
    let revision = match layer {
        // A stretch reaches tiles that its station is not in.
        Layer::Roads if !picture.segments.is_empty() => picture.stations_revision(),
        Layer::Stations | Layer::Kind(_) | Layer::Roads | Layer::Rivers => picture.revision_in(tile),
        Layer::Alerts => picture.alerts_revision,
        Layer::Incidents => picture.incidents_revision,
        Layer::Areas | Layer::ForestCompartments => picture.stations_revision().max(picture.alerts_revision),
        Layer::Surface(field) => surface::surface(picture, field, sight).revision,
    };
    format!("{revision:x}.{:x}", sight.number())
}

/// A tile as bytes, uncompressed; empty when it shows nothing.
pub fn draw(picture: &Picture, layer: Layer, tile: TileId, sight: &Sight) -> Vec<u8> {
    draw_wished(picture, layer, tile, sight, &Wish::default())
}

/// The same, of a layer of stations with those alone that are wished for, and no denser than that.
pub fn draw_wished(picture: &Picture, layer: Layer, tile: TileId, sight: &Sight, wish: &Wish) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(division) = Division::of(layer) {
        areas(picture, (layer, division), tile, sight, &mut bytes);
        return bytes;
    }
    match layer {
        Layer::Surface(field) => bands(picture, field, tile, sight, &mut bytes),
        _ => dots_of(picture, layer, tile, (sight, wish), &mut bytes),
    }
    bytes
}

fn dots_of(picture: &Picture, layer: Layer, tile: TileId, (sight, wish): (&Sight, &Wish), bytes: &mut Vec<u8>) {
    let wished = || {
        points::points(picture, layer, sight, Within::Tile(tile)).filter(|dot| match dot.subject {
            Subject::Station(pin, _) => wish.admits(pin),
            Subject::Alert(_) | Subject::Incident(_) => true,
        })
    };
    let (points_max, cells) = wish.grain();
    let cells = if tile.z() < layer.detail_zoom() { points::COARSE } else { cells };
    let mut pen = Pen::new(picture, layer, tile);
    points::arrange(wished, layer, (tile.z(), points_max, cells), |item| pen.item(&item, cells));
    if pen.points.bytes() > BYTES_MAX {
        pen = Pen::new(picture, layer, tile);
        dots::cluster(wished(), dots::cell_bits(tile.z(), FINE), |item| pen.brief(&item));
    }
    pen.points.finish(bytes);
    pen.clusters.finish(bytes);
    if layer == Layer::Roads && tile.z() >= layer.detail_zoom() {
        segments(picture, tile, sight, bytes);
    }
}

/// Stretches of road, coloured by their station's level of service.
fn segments(picture: &Picture, tile: TileId, sight: &Sight, bytes: &mut Vec<u8>) {
    let mut out = LayerWriter::new(SEGMENTS);
    let frame = Frame::with_margin(clip::MARGIN);
    for (id, segment) in picture.segments.iter() {
        let station = picture.catalogue.station_named(id.as_str()).and_then(|station| picture.station(station.no));
        let Some(shown) = station.filter(|shown| sight.reaches(shown.pin.area)) else { continue };
        let Some(line) = clip::line(segment, tile, frame) else { continue };
        let level = Layer::Roads.level_property().and_then(|name| picture.property(name));
        let look = level.and_then(|property| picture.look_at(&shown, property)).map(|(_, look)| look);
        out.tag("id", Value::Text(id.as_str()));
        out.tag("name_vi", Value::Text(&shown.station.name.vi));
        out.tag("name_en", Value::Text(&shown.station.name.en));
        out.tag_text("severity", shown.pin.severity.map(|severity| severity.word()));
        out.tag("freshness", Value::Text(look.map_or(shown.pin.freshness, |look| look.freshness).word()));
        if let Some(latest) = look.and_then(|look| look.current()) {
            out.tag("level", Value::Whole(latest.value as i64));
        }
        out.feature(Some(u64::from(shown.pin.station.0)), &line);
    }
    out.finish(bytes);
}

/// Writes points and clusters of one tile.
struct Pen<'p> {
    picture: &'p Picture,
    layer: Layer,
    tile: TileId,
    points: LayerWriter,
    clusters: LayerWriter,
}

impl<'p> Pen<'p> {
    fn new(picture: &'p Picture, layer: Layer, tile: TileId) -> Pen<'p> {
        let (points, clusters) = (LayerWriter::new(layer.id()), LayerWriter::new(CLUSTERS));
        Pen { picture, layer, tile, points, clusters }
    }

    fn item(&mut self, item: &Item<'_>, cells: u32) {
        match item {
            Item::One(dot) => self.dot(dot, self.tile.z()),
            Item::Many(cluster) => self.cluster(cluster, cells),
        }
    }

    /// As below the detail zoom, in the fine grid.
    fn brief(&mut self, item: &Item<'_>) {
        match item {
            Item::One(dot) => self.dot(dot, 0),
            Item::Many(cluster) => self.cluster(cluster, FINE),
        }
    }

    fn dot(&mut self, dot: &Dot<'_>, z: u8) {
        let has_names = z >= self.layer.detail_zoom();
        let id = match dot.subject {
            Subject::Station(pin, place) => {
                self.station((place, pin.kind), has_names, z >= self.layer.detail_zoom() + VALUES_AFTER);
                Some(u64::from(pin.station.0))
            }
            Subject::Alert(alert) => {
                self.alert(alert, has_names);
                None
            }
            Subject::Incident(incident) => {
                self.points.tag("id", Value::Text(&incident.id.0));
                self.points.tag("cause", Value::Text(&incident.group));
                if has_names {
                    self.points.tag("title_vi", Value::Text(&incident.title.vi));
                    self.points.tag("title_en", Value::Text(&incident.title.en));
                }
                None
            }
        };
        let out = &mut self.points;
        out.tag_text("severity", dot.severity.map(|severity| severity.word()));
        out.tag_text("freshness", dot.freshness.map(|freshness| freshness.word()));
        if let Some(at) = dot.heard_at {
            out.tag("heard_at", Value::Whole(at.seconds()));
        }
        if let Some(level) = dot.level {
            out.tag("level", Value::Whole(level as i64));
        }
        out.feature(id, &Shape::Point(self.tile.local(World::from_morton(dot.morton))));
    }

    fn station(&mut self, (place, kind): (usize, StationKind), has_names: bool, has_values: bool) {
        let Some(caption) = self.picture.caption(place) else { return };
        let out = &mut self.points;
        out.tag_own("id", caption.id);
        if matches!(self.layer, Layer::Stations) {
            out.tag("kind", Value::Text(kind.word()));
        }
        if has_names {
            out.tag_own("name_vi", caption.name_vi);
            out.tag_own("name_en", caption.name_en);
        }
        if has_values {
            for (property, look) in self.picture.looks_at(place) {
                // Also of what has no current value: a map must not write another property's in its place.
                out.tag(property.unit_key, Value::Text(property.unit.code()));
                if let Some(latest) = look.current() {
                    out.tag(property.name, Value::Number(latest.value));
                }
            }
        }
    }

    fn alert(&mut self, alert: &crate::model::Alert, has_names: bool) {
        let out = &mut self.points;
        out.tag("id", Value::Text(&alert.id.0));
        out.tag("state", Value::Text(alert.state.word()));
        out.tag("cause", Value::Text(&alert.cause));
        if has_names {
            out.tag("title_vi", Value::Text(&alert.title.vi));
            out.tag("title_en", Value::Text(&alert.title.en));
            let station = alert.subject.station().and_then(|no| self.picture.catalogue.station(no));
            out.tag_text("station", station.map(|station| station.id.as_str()));
        }
    }

    fn cluster(&mut self, cluster: &Cluster, cells: u32) {
        let out = &mut self.clusters;
        out.tag("count", Value::Whole(i64::from(cluster.count)));
        out.tag_text("severity", cluster.severity.map(|severity| severity.word()));
        out.tag_text("freshness", cluster.freshness.map(|freshness| freshness.word()));
        if let Some(at) = cluster.oldest_at {
            out.tag("oldest_at", Value::Whole(at.seconds()));
        }
        if cluster.never_heard > 0 {
            out.tag("never_heard", Value::Whole(i64::from(cluster.never_heard)));
        }
        if let Some(level) = cluster.level {
            out.tag("level", Value::Whole(level as i64));
        }
        if self.layer == Layer::Stations {
            for (kind, count) in StationKind::ALL.iter().zip(cluster.by_kind).filter(|(_, count)| *count > 0) {
                out.tag(kind.word(), Value::Whole(i64::from(count)));
            }
        }
        let at = cluster.world(dots::cell_bits(self.tile.z(), cells));
        out.feature(None, &Shape::Point(self.tile.local(at)));
    }
}

/// The box of a tile with its margin, degrees.
fn bounds(tile: TileId) -> Rect<f64> {
    let tiles = f64::from(1_u32 << tile.z());
    let margin = f64::from(clip::MARGIN) / f64::from(EXTENT);
    let part = |tile: u32, beyond: f64| (f64::from(tile) + beyond) / tiles;
    let west_north = unproject([part(tile.x(), -margin), part(tile.y(), -margin)]);
    let east_south = unproject([part(tile.x(), 1.0 + margin), part(tile.y(), 1.0 + margin)]);
    Rect::new(geo::Coord { x: west_north.lon, y: east_south.lat }, geo::Coord { x: east_south.lon, y: west_north.lat })
}

fn areas(picture: &Picture, (layer, division): (Layer, Division), tile: TileId, sight: &Sight, bytes: &mut Vec<u8>) {
    let (mut polygons, mut labels) = (LayerWriter::new(layer.id()), LayerWriter::new(LABELS));
    let (bounds, frame) = (bounds(tile), Frame::with_margin(clip::MARGIN));
    let choropleth = Choropleth::of(picture, division, sight);
    for shape in choropleth.shapes().filter(|shape| shape.bounds.intersects(&bounds)) {
        let severity = choropleth.severity(shape);
        let outline = picture.areas.outline(shape, half_pixel_m(f64::from(tile.z())));
        if let Some(polygon) = clip::polygon(&outline, tile, frame) {
            polygons.tag("id", Value::Text(shape.area.id.as_str()));
            polygons.tag_text("severity", severity.map(|severity| severity.word()));
            let stations = choropleth.tally(shape).map_or(0, |own| i64::from(own.stations));
            polygons.tag("stations", Value::Whole(stations));
            polygons.tag("name_vi", Value::Text(&shape.area.name.vi));
            polygons.tag("name_en", Value::Text(&shape.area.name.en));
            for (property, measure) in choropleth.measures(shape).take(MEASURES_MAX) {
                let Some(name) = picture.properties().get(usize::from(property)) else { continue };
                let (mean, worst) = (measure.mean(), measure.worst(name));
                if let (Some(mean), Some(worst)) = (mean, worst) {
                    polygons.tag(&format!("{name}_mean"), Value::Number(mean));
                    polygons.tag(&format!("{name}_worst"), Value::Number(worst));
                }
                polygons.tag(&format!("{name}_count"), Value::Whole(i64::from(measure.count)));
                polygons.tag(&format!("{name}_completeness"), Value::Number(measure.completeness()));
            }
            polygons.feature(shape.area.id.as_str().parse().ok(), &polygon);
        }
        let label = World::of(shape.label);
        if TileId::around(tile.z(), label) == tile {
            labels.tag("id", Value::Text(shape.area.id.as_str()));
            labels.tag("name_vi", Value::Text(&shape.area.name.vi));
            labels.tag("name_en", Value::Text(&shape.area.name.en));
            labels.tag_text("severity", severity.map(|severity| severity.word()));
            labels.feature(None, &Shape::Point(tile.local(label)));
        }
    }
    polygons.finish(bytes);
    labels.finish(bytes);
}

fn bands(picture: &Picture, field: surface::Field, tile: TileId, sight: &Sight, bytes: &mut Vec<u8>) {
    let mut out = LayerWriter::new(Layer::Surface(field).id());
    let (bounds, frame) = (bounds(tile), Frame::with_margin(clip::MARGIN));
    let surface = surface::surface(picture, field, sight);
    let near =
        surface.bands.iter().filter(|band| band.polygon.bounding_rect().is_some_and(|own| own.intersects(&bounds)));
    for band in near {
        let Some(polygon) = clip::polygon(&band.polygon, tile, frame) else { continue };
        out.tag("step", Value::Whole(band.step as i64));
        for (name, end) in [("from", band.from), ("to", band.to)] {
            if let Some(end) = end {
                out.tag(name, Value::Number(end));
            }
        }
        out.tag("at", Value::Whole(surface.at.seconds()));
        out.feature(Some(band.step as u64), &polygon);
    }
    out.finish(bytes);
}
