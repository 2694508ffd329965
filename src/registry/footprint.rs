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
//! was there before. Three sorts of changes are about what was said, not about what is watched, and count from when what
//! they replace began: what takes a change back; what comes less than [`SLIP`] after what it replaces, which was a slip;
//! and what was surveyed in place of what was approximate.

use std::time::Duration;

use geo::Validation;
use hashbrown::HashMap;
use serde_json::{Map, Value};

use super::field;
use super::record::ChangeAct;
use crate::model::{Extent, Footprint, Position, StationNo, Timestamp};

/// The widest polygon, degrees from edge to edge.
const RING_DEGREES_MAX: f64 = 2.0;

/// What held for less was a slip of whoever entered it.
pub const SLIP: Duration = Duration::from_secs(86_400);

/// What every station watches and watched, and when it was in service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Footprints {
    now: HashMap<StationNo, Footprint>,
    /// By station, ascending: until when it watched what it watched before.
    before: HashMap<StationNo, Vec<(Timestamp, Option<Footprint>)>>,
    /// By station, ascending: from when on it was in service or not.
    service: HashMap<StationNo, Vec<(Timestamp, bool)>>,
}

/// A recorded change of what a station watches.
pub(super) struct FootprintChange {
    pub station: StationNo,
    pub at: Timestamp,
    pub act: ChangeAct,
    pub before: Option<Footprint>,
    pub after: Option<Footprint>,
}

/// A footprint that held.
struct Held {
    from: Timestamp,
    entered: Timestamp,
    footprint: Option<Footprint>,
}

impl Footprints {
    /// `changes` and `service` are ascending in time for each station; the latter says from when on one was in service.
    pub(super) fn new(
        now: HashMap<StationNo, Footprint>,
        changes: Vec<FootprintChange>,
        service: Vec<(StationNo, Timestamp, bool)>,
    ) -> Self {
        let mut held: HashMap<StationNo, Vec<Held>> = HashMap::new();
        for change in changes {
            take(held.entry(change.station).or_default(), change);
        }
        let mut before = HashMap::new();
        for (station, held) in held {
            let ends = held.iter().skip(1).map(|next| next.from);
            let stretches = ends.zip(held.iter().map(|held| held.footprint.clone()));
            // Nothing at the beginning means "not entered yet".
            let stretches: Vec<_> = stretches.skip_while(|(_, footprint)| footprint.is_none()).collect();
            if !stretches.is_empty() {
                before.insert(station, stretches);
            }
        }
        let mut stays: HashMap<StationNo, Vec<(Timestamp, bool)>> = HashMap::new();
        for (station, at, is_in_service) in service {
            stays.entry(station).or_default().push((at, is_in_service));
        }
        Self { now, before, service: stays }
    }

    /// Whether a station was in service at an instant; `None` when it never changed that on record.
    pub fn in_service(&self, station: StationNo, at: Timestamp) -> Option<bool> {
        let stays = self.service.get(&station)?;
        let first = stays.first().map(|(_, is_in_service)| !is_in_service);
        stays.iter().rev().find(|(from, _)| *from <= at).map(|(_, is_in_service)| *is_in_service).or(first)
    }

    /// When a station was put into service for the first time, by the record; `None` when it was there before the record.
    pub fn began(&self, station: StationNo) -> Option<Timestamp> {
        let (at, is_in_service) = self.service.get(&station)?.first()?;
        is_in_service.then_some(*at)
    }

    /// Since when a station is out of service, by the record; `None` when that says nothing, or that it is in service.
    pub fn retired_at(&self, station: StationNo) -> Option<Timestamp> {
        let (at, is_in_service) = self.service.get(&station)?.last()?;
        (!is_in_service).then_some(*at)
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

fn take(held: &mut Vec<Held>, change: FootprintChange) {
    let FootprintChange { at, act, before, after, .. } = change;
    let beginning = Timestamp::from_micros(i64::MIN);
    if act == ChangeAct::Created {
        held.push(Held { from: beginning, entered: at, footprint: after });
        return;
    }
    if held.is_empty() {
        held.push(Held { from: beginning, entered: beginning, footprint: before });
    }
    if act == ChangeAct::Undone
        && let Some(place) = held.iter().rposition(|held| held.footprint == after)
    {
        held.truncate(place + 1);
        return;
    }
    let is_approximate = |footprint: &Option<Footprint>| footprint.as_ref().map(|footprint| footprint.approximate);
    let is_surveyed = is_approximate(&after) == Some(false);
    let Some(last) = held.last_mut() else { return };
    let lasted = u64::try_from(at.micros().saturating_sub(last.entered.micros())).unwrap_or(0);
    if Duration::from_micros(lasted) < SLIP || is_surveyed && is_approximate(&last.footprint) == Some(true) {
        (last.entered, last.footprint) = (at, after);
        // Set back to what it was: the slip leaves nothing.
        if let [.., one, other] = held.as_slice()
            && one.footprint == other.footprint
        {
            held.pop();
        }
        return;
    }
    held.push(Held { from: at, entered: at, footprint: after });
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

    const DAY_S: i64 = 86_400;

    /// Changes of one station as day, act, before and after (metres of a circle, less than nothing of an approximate one);
    /// what it watched on each of some days.
    fn check_past(changes: &[(i64, ChangeAct, f64, f64)], expected: &[(i64, f64)]) {
        let circle = |radius: f64| {
            let (extent, approximate) = (Extent::Circle { radius_m: radius.abs() }, radius < 0.0);
            (radius != 0.0).then_some(Footprint { extent, approximate })
        };
        let (station, at) = (StationNo(7), |hour: i64| Timestamp::from_seconds(hour * DAY_S / 24));
        let now = changes.last().and_then(|change| circle(change.3));
        let change = |(hour, act, before, after): &(i64, ChangeAct, f64, f64)| FootprintChange {
            station,
            at: at(*hour),
            act: *act,
            before: circle(*before),
            after: circle(*after),
        };
        let changes_of: Vec<FootprintChange> = changes.iter().map(change).collect();
        let footprints = Footprints::new(now.map(|now| (station, now)).into_iter().collect(), changes_of, Vec::new());
        for (hour, radius) in expected {
            let found = footprints.at(station, at(*hour));
            assert_eq!(found, circle(*radius).as_ref(), "{changes:?} at {hour}");
        }
    }

    #[test]
    fn a_footprint_holds_from_its_change_and_the_first_from_the_beginning() {
        use ChangeAct::{Changed, Created, Undone};
        check_past(&[(100, Changed, 0.0, 1.0)], &[(5, 1.0), (150, 1.0)]);
        check_past(&[(100, Changed, 2.0, 0.0)], &[(5, 2.0), (99, 2.0), (100, 0.0)]);
        check_past(&[(100, Changed, 3.0, 0.0), (200, Changed, 0.0, 9.0)], &[(5, 3.0), (150, 0.0), (200, 9.0)]);
        check_past(&[(100, Created, 0.0, 3.0), (200, Changed, 3.0, 9.0)], &[(5, 3.0), (150, 3.0), (200, 9.0)]);
        // A slip of the hand, set right within a day: as if it had not been.
        check_past(&[(100, Created, 0.0, 30.0), (101, Changed, 30.0, 3.0)], &[(5, 3.0), (100, 3.0), (200, 3.0)]);
        check_past(&[(100, Changed, 0.0, 30.0), (101, Changed, 30.0, 0.0)], &[(5, 0.0), (100, 0.0), (200, 0.0)]);
        check_past(&[(100, Changed, 2.0, 30.0), (101, Changed, 30.0, 3.0)], &[(99, 2.0), (100, 3.0), (200, 3.0)]);
        check_past(&[(100, Changed, 2.0, 30.0), (101, Changed, 30.0, 2.0)], &[(99, 2.0), (100, 2.0), (200, 2.0)]);
        // Taken back after years: it never was.
        check_past(&[(100, Changed, 2.0, 30.0), (9_000, Undone, 30.0, 2.0)], &[(99, 2.0), (5_000, 2.0), (9_500, 2.0)]);
        check_past(&[(100, Changed, 0.0, 30.0), (9_000, Undone, 30.0, 0.0)], &[(99, 0.0), (5_000, 0.0)]);
        // Surveyed: what was approximate was this all the time.
        check_past(&[(100, Created, 0.0, -3.0), (9_000, Changed, -3.0, 4.0)], &[(5, 4.0), (5_000, 4.0)]);
        check_past(&[(100, Changed, 2.0, -3.0), (9_000, Changed, -3.0, 4.0)], &[(99, 2.0), (5_000, 4.0)]);
    }

    #[test]
    fn service_is_what_was_recorded_of_it() {
        let at = Timestamp::from_seconds;
        let (built, retired, silent) = (StationNo(1), StationNo(2), StationNo(3));
        let service =
            vec![(built, at(10), true), (built, at(20), false), (built, at(30), true), (retired, at(15), false)];
        let footprints = Footprints::new(HashMap::new(), Vec::new(), service);
        let told = |station| [5, 10, 25, 35].map(|second| footprints.in_service(station, at(second)));
        assert_eq!(told(built), [Some(false), Some(true), Some(false), Some(true)]);
        assert_eq!(told(retired), [Some(true), Some(true), Some(false), Some(false)]);
        assert_eq!(told(silent), [None; 4]);
        assert_eq!([built, retired, silent].map(|station| footprints.began(station)), [Some(at(10)), None, None]);
        assert_eq!([built, retired, silent].map(|station| footprints.retired_at(station)), [None, Some(at(15)), None]);
    }
}
