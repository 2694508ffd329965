//! `areas/*.geojson`: feature collections (RFC 7946) of provinces, communes, what they were before, and forest units.
//!
//! Of a feature's properties these are read; other properties and foreign members may be there, as such files come from
//! elsewhere:
//!
//! | property | |
//! |---|---|
//! | `code`, `name` (Vietnamese), `name_en` | |
//! | `level` | `province`, `district`, `commune`, `forest_compartment` (tiểu khu), `forest_subcompartment` (khoảnh), `forest_plot` (lô); without it a commune when there is a parent, else a province |
//! | `parent` or `province_code` | code of the area that contains it; of a forest unit the wider unit or its commune |
//! | `label_lon`, `label_lat` | where its name is written |
//! | `valid_from`, `valid_to` | civil dates: from this one on, before that one; without `valid_to` it is in force |
//! | `successors` | of a former area: the codes of those that took its place |
//! | `forest_type` | of a forest unit: `special_use`, `protection`, `production` |
//! | `owner` | of a forest unit: who owns or looks after it |
//! | `invented` | `true`: drawn for a demonstration |
//!
//! A former area's geometry may be null or a Point: nobody has its polygon. Left out on purpose: a check for rings that
//! cross themselves, which costs more than the rest of the start; a crooked ring shows on the map.

use geo::{Coord, LineString, MultiPolygon, Polygon};
use geojson::GeometryValue;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::areas::AreaShape;
use super::{area_facts, field, load};
use crate::document::Page;
use crate::model::{Area, AreaFacts, AreaId, AreaLevel, LocalName, Mistake, Position};

/// An area as a file declares it.
#[derive(Clone, Debug)]
pub(super) struct DeclaredArea {
    pub file: String,
    pub line: usize,
    pub shape: AreaShape,
    /// The geometry as GeoJSON, as it is kept in the database.
    pub geometry: String,
}

#[derive(Deserialize)]
struct Collection<'t> {
    r#type: String,
    #[serde(borrow)]
    features: Vec<&'t RawValue>,
}

/// Reads one file; what is wrong is noted on the page's mistakes, what is right is returned.
pub(super) fn read(file: &str, text: &str) -> (Vec<DeclaredArea>, Vec<Mistake>) {
    let page = Page::new(file, text);
    let mut areas = Vec::new();
    match serde_json::from_str::<Collection<'_>>(text) {
        Err(error) => page.mistake(error.line(), "", format!("is not a GeoJSON feature collection: {error}")),
        Ok(collection) if collection.r#type != "FeatureCollection" => {
            page.mistake(1, "type", format!("must be \"FeatureCollection\", not {:?}", collection.r#type));
        }
        Ok(collection) => {
            for (index, raw) in collection.features.iter().enumerate() {
                // The raw value is a slice of the text, so the distance of their beginnings is its place.
                let offset = (raw.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
                let line = page.line(offset);
                let note = |key: &str, message: String| {
                    let path = format!("features[{index}]{}{key}", if key.is_empty() { "" } else { "." });
                    page.mistake(line, &path, message);
                };
                if let Some((shape, geometry)) = feature(raw.get(), &note) {
                    areas.push(DeclaredArea { file: file.to_owned(), line, shape, geometry });
                }
            }
        }
    }
    (areas, page.into_mistakes())
}

fn feature(text: &str, note: &dyn Fn(&str, String)) -> Option<(AreaShape, String)> {
    let feature: geojson::Feature =
        serde_json::from_str(text).map_err(|error| note("", format!("is not a GeoJSON feature: {error}"))).ok()?;
    let properties = feature.properties.unwrap_or_default();
    let area = area(&properties, note);
    let level = area.as_ref().map_or(AreaLevel::Commune, |area| area.level);
    let facts = area_facts::read(&properties, level, note);
    let label = label(&properties, note);
    if let Some((area, facts)) = area.as_ref().zip(facts.as_ref()) {
        area_facts::check(area.level, facts, note);
    }
    let is_former = facts.as_ref().is_some_and(|facts| facts.validity.to.is_some());
    let polygon = match &feature.geometry {
        None if is_former => return undrawn(area?, facts?, label?, note),
        None => {
            note("geometry", "is missing".to_owned());
            None
        }
        Some(geometry) => match &geometry.value {
            GeometryValue::Point { coordinates } if is_former => {
                let [lon, lat, ..] = *coordinates.as_slice() else {
                    note("geometry", "a position needs a longitude and a latitude".to_owned());
                    return None;
                };
                let at = Position { lon, lat };
                field::position(at).map_err(|(_, message)| note("geometry", message)).ok()?;
                return undrawn(area?, facts?, label?.or(Some(at)), note);
            }
            value => polygon(value).map_err(|message| note("geometry", message)).ok(),
        },
    };
    let shape = AreaShape::new(area?, polygon?, label?);
    if shape.is_none() {
        note("geometry", "has no extent".to_owned());
    }
    Some((shape?.with_facts(facts?), feature.geometry?.to_string()))
}

fn undrawn(
    area: Area,
    facts: AreaFacts,
    label: Option<Position>,
    note: &dyn Fn(&str, String),
) -> Option<(AreaShape, String)> {
    let Some(label) = label else {
        note(
            "geometry",
            "is missing: give a Point, or label_lon and label_lat, where nobody has the polygon".to_owned(),
        );
        return None;
    };
    Some((AreaShape::undrawn(area, label).with_facts(facts), load::UNDRAWN.to_owned()))
}

pub(super) type Properties = serde_json::Map<String, serde_json::Value>;

fn area(properties: &Properties, note: &dyn Fn(&str, String)) -> Option<Area> {
    let text = |key: &str| -> Option<&str> {
        let found = properties.get(key).and_then(serde_json::Value::as_str).filter(|text| !text.trim().is_empty());
        if found.is_none() {
            note(&format!("properties.{key}"), "must be a text that is not empty".to_owned());
        }
        found
    };
    let (code, vi, en) = (text("code"), text("name"), text("name_en"));
    let code = code.and_then(|code| field::area_code(code).map_err(|message| note("properties.code", message)).ok());
    let parent = match ["parent", "province_code"].into_iter().find(|key| properties.contains_key(*key)) {
        Some(key) => Some(AreaId::new(text(key)?)),
        None => None,
    };
    let level = match properties.get("level").map(|level| level.as_str()) {
        None if parent.is_some() => AreaLevel::Commune,
        None => AreaLevel::Province,
        Some(word) => match word.and_then(AreaLevel::named) {
            Some(level) => level,
            None => {
                let words = AreaLevel::ALL.map(AreaLevel::word).join(", ");
                note("properties.level", format!("must be one of {words}"));
                return None;
            }
        },
    };
    Some(Area { id: code?, level, name: LocalName { vi: vi?.to_owned(), en: en?.to_owned() }, parent })
}

/// `Some(None)` when the file leaves the label to us.
fn label(properties: &Properties, note: &dyn Fn(&str, String)) -> Option<Option<Position>> {
    let (Some(lon), Some(lat)) = (properties.get("label_lon"), properties.get("label_lat")) else {
        return Some(None);
    };
    let position = Position { lon: lon.as_f64().unwrap_or(f64::NAN), lat: lat.as_f64().unwrap_or(f64::NAN) };
    match field::position(position) {
        Ok(()) => Some(Some(position)),
        Err((key, message)) => {
            note(&format!("properties.label_{key}"), message);
            None
        }
    }
}

/// A GeoJSON geometry as a polygon, or what is wrong with it.
pub(super) fn polygon(geometry: &GeometryValue) -> Result<MultiPolygon<f64>, String> {
    match geometry {
        GeometryValue::Polygon { coordinates } => Ok(MultiPolygon::new(vec![rings(coordinates)?])),
        GeometryValue::MultiPolygon { coordinates } => {
            coordinates.iter().map(|part| rings(part)).collect::<Result<Vec<_>, _>>().map(MultiPolygon::new)
        }
        other => Err(format!("must be a Polygon or a MultiPolygon, not a {}", other.type_name())),
    }
}

fn rings(rings: &[Vec<geojson::Position>]) -> Result<Polygon<f64>, String> {
    let mut lines = rings.iter().map(|ring| ring_line(ring));
    let outer = lines.next().ok_or("a polygon needs an outer ring")??;
    Ok(Polygon::new(outer, lines.collect::<Result<Vec<_>, _>>()?))
}

fn ring_line(ring: &[geojson::Position]) -> Result<LineString<f64>, String> {
    let mut line = Vec::with_capacity(ring.len());
    for place in ring {
        let [lon, lat, ..] = *place.as_slice() else {
            return Err("a position needs a longitude and a latitude".to_owned());
        };
        field::position(Position { lon, lat }).map_err(|(_, message)| format!("position [{lon}, {lat}]: {message}"))?;
        line.push(Coord { x: lon, y: lat });
    }
    if line.len() < 4 || line.first() != line.last() {
        return Err("a ring needs four positions or more, the last one equal to the first".to_owned());
    }
    Ok(LineString::new(line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ForestType;

    fn check(features: &str, expected: &[&str]) {
        let text = format!("{{\"type\":\"FeatureCollection\",\"x\":1,\n\"features\":[\n{features}\n]}}");
        let (_, mistakes) = read("a.geojson", &text);
        let found: Vec<String> = mistakes.iter().map(|m| format!("{} {}: {}", m.line, m.key, m.message)).collect();
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found:?} does not start with {expected:?}");
        }
    }

    fn commune(properties: &str, ring: &str) -> String {
        format!(
            "{{\"type\":\"Feature\",\"properties\":{{{properties}}},\"geometry\":{{\"type\":\"Polygon\",\"coordinates\":[[{ring}]]}}}}"
        )
    }

    const NAMED: &str = r#""code":"03388","name":"Đoàn Kết","name_en":"Doan Ket","province_code":"12","other":[1]"#;
    const RING: &str = "[103,22],[104,22],[104,23],[103,22]";

    #[test]
    fn a_commune_is_read_with_a_label_inside() {
        let text = format!("{{\"type\":\"FeatureCollection\",\"features\":[{}]}}", commune(NAMED, RING));
        let (areas, mistakes) = read("a.geojson", &text);
        assert_eq!(mistakes, []);
        let shape = &areas[0].shape;
        assert_eq!((shape.area.id.as_str(), shape.area.level), ("03388", AreaLevel::Commune));
        assert_eq!(shape.area.parent, Some(AreaId::new("12")));
        let kept: geojson::Geometry = serde_json::from_str(&areas[0].geometry).unwrap();
        assert_eq!(polygon(&kept.value).unwrap(), shape.polygon);
    }

    #[test]
    fn every_wrong_feature_is_reported_on_its_line() {
        let features = [
            commune(NAMED, RING),
            commune(r#""code":3,"name":"","province_code":"12","level":"ward","label_lon":500,"label_lat":1"#, RING),
            commune(NAMED, "[103,22],[104,22],[103,22]"),
            commune(NAMED, "[103,222],[104,22],[104,23],[103,222]"),
            commune(NAMED, "[103],[104,22],[104,23],[103]"),
            format!("{{\"type\":\"Feature\",\"properties\":{{{NAMED}}},\"geometry\":null}}"),
            format!(
                "{{\"type\":\"Feature\",\"properties\":{{{NAMED}}},\"geometry\":{{\"type\":\"Point\",\"coordinates\":[1,2]}}}}"
            ),
        ];
        check(
            &features.join(",\n"),
            &[
                "4 features[1].properties.code: must be a text",
                "4 features[1].properties.name: must be a text",
                "4 features[1].properties.name_en: must be a text",
                "4 features[1].properties.level: must be",
                "4 features[1].properties.label_lon: must lie between -180 and 180",
                "5 features[2].geometry: a ring needs",
                "6 features[3].geometry: position [103, 222]: must lie between",
                "7 features[4]",
                "8 features[5].geometry: is missing",
                "9 features[6].geometry: must be a Polygon",
            ],
        );
        check("{\"type\":3}", &["3 features[0]: is not a GeoJSON feature"]);
        check("{\"type\":", &["4 : is not a GeoJSON feature collection"]);
    }

    #[test]
    fn forest_units_and_former_areas_say_what_they_are() {
        let plot = r#""code":"F-1-2-3","name":"Lô 3","name_en":"Plot 3","level":"forest_plot","parent":"03388","forest_type":"protection","owner":"Ban quản lý","invented":true"#;
        let former = r#""code":"03386-2024","name":"Quyết Thắng","name_en":"Quyet Thang","level":"commune","parent":"12","valid_to":"2025-07-01","successors":["03388"]"#;
        let point = format!(
            "{{\"type\":\"Feature\",\"properties\":{{{former}}},\"geometry\":{{\"type\":\"Point\",\"coordinates\":[103.4,22.4]}}}}"
        );
        let text = format!("{{\"type\":\"FeatureCollection\",\"features\":[{},\n{point}]}}", commune(plot, RING));
        let (areas, mistakes) = read("a.geojson", &text);
        assert_eq!(mistakes, []);
        let (plot, former) = (&areas[0].shape, &areas[1].shape);
        assert_eq!((plot.area.level, plot.facts.forest_type), (AreaLevel::ForestPlot, Some(ForestType::Protection)));
        assert!(plot.facts.invented && plot.facts.owner.as_deref() == Some("Ban quản lý"));
        assert!(!former.is_drawn() && !former.is_in_force() && former.label == Position { lon: 103.4, lat: 22.4 });
        assert_eq!(former.facts.successors, [AreaId::new("03388")]);
    }

    /// Files of communes come from others, who have members of their own.
    #[test]
    fn what_others_say_of_communes_does_not_keep_the_file_out() {
        let more = r#","owner":{"id":3},"forest_type":"none","valid_from":"2025-07-01T00:00:00+07:00""#;
        let features = commune(&format!("{NAMED}{more}"), RING);
        let (areas, mistakes) =
            read("a.geojson", &format!("{{\"type\":\"FeatureCollection\",\"features\":[{features}]}}"));
        assert_eq!(mistakes, []);
        let facts = &areas[0].shape.facts;
        assert_eq!((facts.owner.as_deref(), facts.forest_type), (None, None));
        assert_eq!(facts.validity.from, Some(jiff::civil::date(2025, 7, 1)));
    }

    #[test]
    fn facts_that_cannot_be_are_reported() {
        let features = [
            r#","valid_from":"2025-07-01","valid_to":"2025-06-30""#,
            r#","level":"forest_plot","valid_to":"July","successors":"03388","forest_type":"jungle","owner":3,"invented":1"#,
            r#","valid_from":"2025-07-01T25:00:00""#,
            r#","successors":["03388"]"#,
            r#","level":"district""#,
        ];
        check(
            &features.map(|more| commune(&format!("{NAMED}{more}"), RING)).join(",\n"),
            &[
                "3 features[0].properties.valid_to: must be after valid_from",
                "4 features[1].properties.valid_to: must be a date such as 2025-07-01",
                "4 features[1].properties.successors: must be a list of codes",
                "4 features[1].properties.forest_type: must be one of special_use",
                "4 features[1].properties.owner: must be a text",
                "4 features[1].properties.invented: must be true or false",
                "5 features[2].properties.valid_from: must be a date such as 2025-07-01",
                "6 features[3].properties.successors: is of former areas",
                "7 features[4].properties.level: a district needs valid_to",
            ],
        );
    }
}
