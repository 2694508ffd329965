//! The areas and stations of a house.

use super::*;

/// Two communes of one province, side by side; three that were there before 2025-07-01, with their polygons, and the two
/// districts without; an invented forest compartment in each commune.
const AREAS: &str = r#"{"type": "FeatureCollection", "features": [
    {"type": "Feature", "properties": {"code": "12", "name": "Lai Châu", "name_en": "Lai Chau"},
        "geometry": {"type": "Polygon", "coordinates": [[[103, 22], [105, 22], [105, 23], [103, 23], [103, 22]]]}},
    {"type": "Feature",
        "properties": {"code": "001", "name": "Xã 001", "name_en": "Commune 001", "province_code": "12", "valid_from": "2025-07-01"},
        "geometry": {"type": "Polygon", "coordinates": [[[103, 22], [104, 22], [104, 23], [103, 23], [103, 22]]]}},
    {"type": "Feature",
        "properties": {"code": "002", "name": "Xã 002", "name_en": "Commune 002", "province_code": "12", "valid_from": "2025-07-01"},
        "geometry": {"type": "Polygon", "coordinates": [[[104, 22], [105, 22], [105, 23], [104, 23], [104, 22]]]}},
    {"type": "Feature",
        "properties": {"code": "A-2024", "name": "Xã A", "name_en": "Commune A", "level": "commune", "parent": "12",
            "valid_to": "2025-07-01", "successors": ["001"]},
        "geometry": {"type": "Polygon", "coordinates": [[[103, 22], [103.6, 22], [103.6, 23], [103, 23], [103, 22]]]}},
    {"type": "Feature",
        "properties": {"code": "B-2024", "name": "Xã B", "name_en": "Commune B", "level": "commune", "parent": "12",
            "valid_to": "2025-07-01", "successors": ["001", "002"]},
        "geometry": {"type": "Polygon", "coordinates": [[[103.6, 22], [104.4, 22], [104.4, 23], [103.6, 23], [103.6, 22]]]}},
    {"type": "Feature",
        "properties": {"code": "C-2024", "name": "Xã C", "name_en": "Commune C", "level": "commune", "parent": "12",
            "valid_to": "2025-07-01", "successors": ["002"]},
        "geometry": {"type": "Polygon", "coordinates": [[[104.4, 22], [105, 22], [105, 23], [104.4, 23], [104.4, 22]]]}},
    {"type": "Feature",
        "properties": {"code": "D1-2024", "name": "Huyện Một", "name_en": "District One", "level": "district",
            "parent": "12", "valid_to": "2025-07-01", "successors": ["001"]},
        "geometry": {"type": "Point", "coordinates": [103.3, 22.5]}},
    {"type": "Feature",
        "properties": {"code": "D2-2024", "name": "Huyện Hai", "name_en": "District Two", "level": "district",
            "parent": "12", "valid_to": "2025-07-01", "successors": ["001", "002"]},
        "geometry": {"type": "Point", "coordinates": [104.3, 22.5]}},
    {"type": "Feature",
        "properties": {"code": "T1", "name": "Tiểu khu 1", "name_en": "Compartment 1", "level": "forest_compartment",
            "parent": "001", "forest_type": "protection", "owner": "Ban quản lý", "invented": true},
        "geometry": {"type": "Polygon",
            "coordinates": [[[103.45, 22.45], [103.55, 22.45], [103.55, 22.55], [103.45, 22.55], [103.45, 22.45]]]}},
    {"type": "Feature",
        "properties": {"code": "T2", "name": "Tiểu khu 2", "name_en": "Compartment 2", "level": "forest_compartment",
            "parent": "002", "forest_type": "production", "owner": "Ban quản lý", "invented": true},
        "geometry": {"type": "Polygon",
            "coordinates": [[[104.45, 22.45], [104.55, 22.45], [104.55, 22.55], [104.45, 22.55], [104.45, 22.45]]]}}]}"#;

/// Id, kind, name, longitude, and properties with their units.
type Row = (&'static str, &'static str, &'static str, f64, &'static [(&'static str, &'static str)]);

/// The stations as a file.
fn stations(rows: &[Row]) -> String {
    let mut text = String::new();
    for (id, kind, vi, lon, channels) in rows {
        text += &format!(
            "[[station]]\nid = {id:?}\nkind = {kind:?}\nname = {{ vi = {vi:?}, en = {id:?} }}\nlon = {lon}\nlat = 22.5\n"
        );
        for (property, unit) in *channels {
            text += &format!(
                "[[station.channel]]\nproperty = {property:?}\nunit = {unit:?}\ninterval = \"60s\"\nmin = -1000\nmax = 10000\n"
            );
        }
    }
    text
}

/// Three stations in service and one that is not, from files.
pub(super) fn registry(folder: &std::path::Path) -> Registry {
    let province = folder.join("province");
    for part in ["areas", "stations"] {
        std::fs::create_dir_all(province.join(part)).unwrap();
    }
    std::fs::write(province.join("areas/all.geojson"), AREAS).unwrap();
    let rows: [Row; 4] = [
        ("A-AIR", "air", "Mường Tè", 103.5, &[("pm2_5", "ug/m3"), ("air_temperature", "Cel")]),
        ("B-RIVER", "river", "Nậm Na", 104.5, &[("water_level", "m")]),
        ("C-RAIN", "rain", "Ngoài vùng", 110.0, &[("rainfall", "mm")]),
        ("D-OLD", "rain", "Trạm cũ", 103.2, &[("rainfall", "mm")]),
    ];
    let registry = Registry::open(&folder.join("registry.db")).unwrap();
    assert_eq!(registry.source("edge").unwrap(), SourceId(0));
    for count in [4, 3] {
        std::fs::write(province.join("stations/all.toml"), stations(&rows[..count])).unwrap();
        registry.seed_from(&province, NOW).unwrap();
    }
    registry
}
