//! Footprints of stations as files and callers write them, and what stations watched before.
//!
//! ```toml
//! footprint = { shape = "circle", radius_m = 3000, approximate = true }
//! footprint = { shape = "sector", radius_m = 5000, bearing = 45, angle = 120 }   # clockwise from north, the middle
//! footprint = { shape = "polygon", ring = [[103.40, 22.30], [103.42, 22.30], [103.41, 22.32]] }
//! ```
//!
//! In JSON the same members. What a station watched before is told by its recorded changes: a footprint holds from the
//! change that brought it up to the next one, and the first one from the beginning, as a footprint that was entered late
//! was there before.

use geo::Validation;
use hashbrown::HashMap;
use serde_json::{Map, Value};

use super::field;
use crate::model::{Extent, Footprint, Position, StationNo, Timestamp};

/// The widest polygon, degrees from edge to edge.
const RING_DEGREES_MAX: f64 = 2.0;

/// What every station watches and watched.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Footprints {
    now: HashMap<StationNo, Footprint>,
    /// By station, ascending: until when it watched what it watched before.
    before: HashMap<StationNo, Vec<(Timestamp, Option<Footprint>)>>,
}

impl Footprints {
    /// `before` has, by station and ascending in time, the instant of each change and what was watched until then.
    pub(super) fn new(
        now: HashMap<StationNo, Footprint>,
        before: Vec<(StationNo, Timestamp, Option<Footprint>)>,
    ) -> Self {
        let mut former: HashMap<StationNo, Vec<(Timestamp, Option<Footprint>)>> = HashMap::new();
        for (station, until, footprint) in before {
            let stretches = former.entry(station).or_default();
            // Nothing at the beginning means "not entered yet".
            if footprint.is_some() || !stretches.is_empty() {
                stretches.push((until, footprint));
            }
        }
        Self { now, before: former }
    }

    /// What a station watches at present.
    pub fn of(&self, station: StationNo) -> Option<&Footprint> {
        self.now.get(&station)
    }

    /// What a station watched at an instant.
    pub fn at(&self, station: StationNo, at: Timestamp) -> Option<&Footprint> {
        let before = self.before.get(&station).and_then(|stretches| stretches.iter().find(|(until, _)| at < *until));
        before.map_or_else(|| self.of(station), |(_, footprint)| footprint.as_ref())
    }

    /// Every station that watches or watched something, by number.
    pub fn stations(&self) -> Vec<StationNo> {
        let mut stations: Vec<StationNo> = self.now.keys().chain(self.before.keys()).copied().collect();
        stations.sort();
        stations.dedup();
        stations
    }
}

/// A footprint from JSON; every mistake as a member's name (empty: the whole) and a sentence.
pub fn read_footprint(value: &Value) -> Result<Footprint, Vec<(&'static str, String)>> {
    let Some(members) = value.as_object() else {
        return Err(vec![("", "must be a table such as { shape = \"circle\", radius_m = 3000 }".to_owned())]);
    };
    let mut wrong = Vec::new();
    let shape = members.get("shape").and_then(Value::as_str).unwrap_or_default();
    let known: &[&str] = match shape {
        "circle" => &["shape", "radius_m", "approximate"],
        "sector" => &["shape", "radius_m", "bearing", "angle", "approximate"],
        "polygon" => &["shape", "ring", "approximate"],
        _ => return Err(vec![("shape", "must be one of circle, sector, polygon".to_owned())]),
    };
    if let Some(other) = members.keys().find(|key| !known.contains(&key.as_str())) {
        let other: String = other.chars().take(64).collect();
        wrong.push(("", format!("{other:?} is not a member of a {shape}; there are {}", known.join(", "))));
    }
    let extent = match shape {
        "circle" => radius(members, &mut wrong).map(|radius_m| Extent::Circle { radius_m }),
        "sector" => sector(members, &mut wrong),
        _ => ring(members, &mut wrong).map(|ring| Extent::Polygon { ring }),
    };
    let approximate = members.get("approximate").map_or(Some(false), Value::as_bool);
    if approximate.is_none() {
        wrong.push(("approximate", "must be true or false".to_owned()));
    }
    match (extent, approximate, wrong.is_empty()) {
        (Some(extent), Some(approximate), true) => Ok(Footprint { extent, approximate }),
        _ => Err(wrong),
    }
}

type Wrong = Vec<(&'static str, String)>;

fn number(
    members: &Map<String, Value>,
    name: &'static str,
    fits: impl Fn(f64) -> bool,
    wanted: &str,
    wrong: &mut Wrong,
) -> Option<f64> {
    let found = members.get(name).and_then(Value::as_f64).filter(|number| fits(*number));
    if found.is_none() {
        wrong.push((name, format!("must be {wanted}")));
    }
    found
}

fn radius(members: &Map<String, Value>, wrong: &mut Wrong) -> Option<f64> {
    let max = Footprint::RADIUS_MAX_M;
    number(members, "radius_m", |m| m > 0.0 && m <= max, &format!("metres, more than 0 and at most {max}"), wrong)
}

fn sector(members: &Map<String, Value>, wrong: &mut Wrong) -> Option<Extent> {
    let radius_m = radius(members, wrong);
    let bearing = number(members, "bearing", |d| (0.0..360.0).contains(&d), "degrees from 0, below 360", wrong);
    let angle = number(members, "angle", |d| d > 0.0 && d <= 360.0, "degrees, more than 0 and at most 360", wrong);
    Some(Extent::Sector { radius_m: radius_m?, bearing: bearing?, angle: angle? })
}

fn ring(members: &Map<String, Value>, wrong: &mut Wrong) -> Option<Vec<[f64; 2]>> {
    let mut refuse = |message: String| {
        wrong.push(("ring", message));
        None
    };
    let max = Footprint::RING_MAX;
    let Some(list) = members.get("ring").and_then(Value::as_array).filter(|list| (3..=max).contains(&list.len()))
    else {
        return refuse(format!("must be a list of 3 to {max} positions such as [103.4, 22.3]"));
    };
    let mut ring = Vec::with_capacity(list.len());
    for place in list {
        let pair = place.as_array().and_then(|pair| match pair.as_slice() {
            [lon, lat] => lon.as_f64().zip(lat.as_f64()),
            _ => None,
        });
        let Some((lon, lat)) = pair else {
            return refuse("each position is a longitude and a latitude".to_owned());
        };
        if let Err((_, message)) = field::position(Position { lon, lat }) {
            return refuse(format!("position [{lon}, {lat}]: {message}"));
        }
        ring.push([lon, lat]);
    }
    for axis in [0, 1] {
        let (low, high) =
            ring.iter().fold((f64::MAX, f64::MIN), |(low, high), at| (low.min(at[axis]), high.max(at[axis])));
        if !(high > low && high - low <= RING_DEGREES_MAX) {
            return refuse(format!("must be wider than nothing and at most {RING_DEGREES_MAX} degrees"));
        }
    }
    let line: geo::LineString<f64> = ring.iter().map(|[x, y]| geo::Coord { x: *x, y: *y }).collect();
    if !geo::Polygon::new(line, Vec::new()).is_valid() {
        return refuse("must not cross or touch itself".to_owned());
    }
    Some(ring)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(value: &Value, expected: &[&str]) {
        let found: Vec<String> = match read_footprint(value) {
            Ok(footprint) => {
                let again: Footprint = serde_json::from_str(&serde_json::to_string(&footprint).unwrap()).unwrap();
                assert_eq!(again, footprint, "it comes back from its own JSON");
                assert_eq!(read_footprint(&serde_json::to_value(&footprint).unwrap()), Ok(footprint));
                Vec::new()
            }
            Err(wrong) => wrong.into_iter().map(|(name, message)| format!("{name}: {message}")).collect(),
        };
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found:?} does not start with {expected:?}");
        }
    }

    #[test]
    fn circles_sectors_and_polygons_are_read_strictly() {
        check(&json!({"shape": "circle", "radius_m": 3000, "approximate": true}), &[]);
        check(&json!({"shape": "sector", "radius_m": 3000.5, "bearing": 0, "angle": 360}), &[]);
        check(&json!({"shape": "polygon", "ring": [[103.4, 22.3], [103.5, 22.3], [103.4, 22.4]]}), &[]);
        check(&json!(3), &[": must be a table"]);
        check(&json!({"radius_m": 3}), &["shape: must be one of"]);
        check(
            &json!({"shape": "circle", "radius_m": 0, "angle": 3}),
            &[": \"angle\" is not a member", "radius_m: must"],
        );
        check(
            &json!({"shape": "sector", "bearing": 360, "angle": -1, "approximate": 1}),
            &["radius_m: must", "bearing: must", "angle: must", "approximate: must"],
        );
        for ring in [
            json!([[103.4, 22.3], [103.5, 22.3]]),
            json!([[103.4, 22.3], [103.5, 22.3], [103.6, 22.3]]),
            json!([[3.4, 22.3], [103.5, 22.3], [103.6, 22.4]]),
            json!([[103.4, 122.3], [103.5, 22.3], [103.6, 22.4]]),
            json!([[103.4], [103.5, 22.3], [103.6, 22.4]]),
            json!("ring"),
            json!([[103.4, 22.3], [103.5, 22.4], [103.5, 22.3], [103.4, 22.4]]),
        ] {
            check(&json!({"shape": "polygon", "ring": ring}), &["ring: "]);
        }
    }

    #[test]
    fn a_footprint_holds_from_its_change_and_the_first_from_the_beginning() {
        let circle = |radius_m| Footprint { extent: Extent::Circle { radius_m }, approximate: false };
        let at = Timestamp::from_seconds;
        let (entered, taken, wide) = (StationNo(1), StationNo(2), StationNo(3));
        let now = HashMap::from([(entered, circle(1.0)), (wide, circle(9.0))]);
        let before = vec![
            (entered, at(10), None),
            (taken, at(10), Some(circle(2.0))),
            (wide, at(10), Some(circle(3.0))),
            (wide, at(20), None),
        ];
        let footprints = Footprints::new(now, before);
        let radius = |station, second| match footprints.at(station, at(second)).map(|footprint| &footprint.extent) {
            Some(Extent::Circle { radius_m }) => *radius_m,
            _ => 0.0,
        };
        assert_eq!([5, 15].map(|second| radius(entered, second)), [1.0, 1.0]);
        assert_eq!([5, 10].map(|second| radius(taken, second)), [2.0, 0.0]);
        assert_eq!([5, 15, 20].map(|second| radius(wide, second)), [3.0, 0.0, 9.0]);
        assert_eq!(footprints.stations(), [entered, taken, wide]);
    }
}
