//! What is asked of a collection: a rectangle, a time, values of properties, and where to go on.

use super::OnlyJson;
use super::collection::Collection;
use super::crs::Crs;
use crate::api::problem::Problem;
use crate::api::query::{Bbox, FromParams, NO_PLACE, Params};
use crate::api::time::{When, Zone};
use crate::geodesy::vn2000::from_tm3_103;
use crate::model::{Position, Timestamp};

/// Features in one answer when `limit` is absent, and at most: a larger one is taken for the most, as the standard asks.
pub(super) const LIMIT_DEFAULT: usize = 1_000;
pub(super) const LIMIT_MAX: usize = 10_000;

/// The parameters of `/items`.
pub struct ItemsAsked {
    pub(super) bbox: Option<Rectangle>,
    pub(super) datetime: Option<Times>,
    pub(super) crs: Crs,
    pub(super) limit: usize,
    pub(super) next: Option<Place>,
    /// Properties and the values that they must have.
    pub(super) filters: Vec<(&'static str, String)>,
}

/// The parameters of one feature.
pub struct ItemAsked {
    pub(super) crs: Crs,
}

/// A stretch of time, both ends included; an open end is `None`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Times {
    from: Option<When>,
    to: Option<When>,
}

/// The last feature of the page before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// By its number in the registry's order.
    Number(usize),
    /// By the time of its last change, newest first, and its name.
    Moment(Timestamp, String),
}

impl Place {
    fn parse(text: &str) -> Result<Self, String> {
        if let Ok(number) = text.parse() {
            return Ok(Place::Number(number));
        }
        crate::api::query::place(text).map(|(at, id)| Place::Moment(at, id.to_owned())).map_err(|_| NO_PLACE.to_owned())
    }

    /// As `next` has it.
    pub fn text(&self) -> String {
        match self {
            Place::Number(number) => number.to_string(),
            Place::Moment(at, id) => crate::api::query::place_text(*at, id),
        }
    }
}

impl Times {
    /// An instant, `from/to`, or one of them open (`..` or nothing).
    fn parse(text: &str) -> Result<Self, String> {
        let end = |text: &str| match text {
            "" | ".." => Ok(None),
            text => When::parse(text).map(Some),
        };
        let Some((from, to)) = text.split_once('/') else {
            let at = When::parse(text)?;
            return Ok(Times { from: Some(at.clone()), to: Some(at) });
        };
        let times = Times { from: end(from)?, to: end(to)? };
        let zone = Zone::default();
        let settled = |when: &Option<When>| when.as_ref().map(|when| when.settle(Timestamp::EPOCH, &zone));
        match (settled(&times.from), settled(&times.to)) {
            (None, None) => Err("at least one end must be said".to_owned()),
            (Some(from), Some(to)) if from > to => Err("it ends before it begins".to_owned()),
            _ => Ok(times),
        }
    }

    /// Whether a stretch that ends at `to`, or has not ended, shares an instant with it.
    pub fn meet(&self, from: Timestamp, to: Option<Timestamp>, now: Timestamp) -> bool {
        let zone = Zone::default();
        let settle = |when: &When| when.settle(now, &zone);
        self.to.as_ref().is_none_or(|end| from <= settle(end))
            && self.from.as_ref().is_none_or(|begin| to.is_none_or(|to| to >= settle(begin)))
    }
}

impl FromParams for ItemsAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        OnlyJson::take(params)?;
        let bbox = params.one("bbox", numbers)?;
        let bbox_crs = params.one("bbox-crs", Crs::parse)?.unwrap_or(Crs::Crs84);
        let bbox = bbox.map(|ends| Rectangle::of(bbox_crs, ends)).transpose();
        let bbox = bbox.map_err(|why| Problem::parameter("bbox", why))?;
        let mut filters = Vec::new();
        for (place, name) in Collection::ALL.iter().flat_map(|one| one.properties()).enumerate() {
            let before = Collection::ALL.iter().flat_map(|one| one.properties()).take(place);
            if !before.clone().any(|known| known == name) {
                filters.extend(params.one(name, |text| Ok((*name, text.to_owned())))?);
            }
        }
        Ok(Self {
            bbox,
            datetime: params.one("datetime", Times::parse)?,
            crs: params.one("crs", Crs::parse)?.unwrap_or(Crs::Crs84),
            limit: params.one("limit", limit)?.unwrap_or(LIMIT_DEFAULT),
            next: params.one("next", Place::parse)?,
            filters,
        })
    }
}

impl FromParams for ItemAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        OnlyJson::take(params)?;
        Ok(Self { crs: params.one("crs", Crs::parse)?.unwrap_or(Crs::Crs84) })
    }
}

impl ItemsAsked {
    /// Refuses properties that the collection's features do not have.
    pub(super) fn check(&self, collection: Collection) -> Result<(), Problem> {
        let of_others = self.filters.iter().find(|(name, _)| !collection.properties().contains(name));
        of_others.map_or(Ok(()), |(name, _)| {
            let known = collection.properties().join(", ");
            Err(Problem::parameter(name, format!("features of {} have {known}", collection.id())))
        })
    }
}

/// A rectangle, in the system of `bbox-crs`.
pub(super) enum Rectangle {
    Degrees(Bbox),
    /// West, south, east, north in metres, and the rectangle of degrees around it, which is larger by up to some hundred
    /// metres.
    Grid([f64; 4], Option<Bbox>),
}

impl Rectangle {
    fn of(crs: Crs, ends: [f64; 4]) -> Result<Self, String> {
        let [west, south, east, north] = ends;
        match crs {
            Crs::Crs84 => Bbox::of(ends).map(Rectangle::Degrees),
            Crs::Vn2000 if west > east || south > north => Err("west and south come first".to_owned()),
            Crs::Vn2000 => {
                let leaves = || "it leaves the zone VN-2000 / TM-3 103-00 (8 to 24 N, 101 to 105 E)".to_owned();
                let around = around(ends).ok_or_else(leaves)?;
                Ok(Rectangle::Grid(ends, Bbox::of(around).ok()))
            }
        }
    }

    /// Whether a point is in it.
    pub fn holds(&self, at: Position) -> bool {
        match self {
            Rectangle::Degrees(bbox) => bbox.contains(at),
            Rectangle::Grid([west, south, east, north], _) => {
                let place = Crs::Vn2000.coordinates(at);
                place.is_ok_and(|[x, y]| (*west..=*east).contains(&x) && (*south..=*north).contains(&y))
            }
        }
    }

    /// Whether the rectangle between two corners meets it.
    pub fn touches(&self, low: Position, high: Position) -> bool {
        match self {
            Rectangle::Degrees(bbox) => bbox.touches(low, high),
            Rectangle::Grid(_, around) => around.is_none_or(|around| around.touches(low, high)),
        }
    }
}

/// The rectangle of degrees around one of the grid.
fn around([west, south, east, north]: [f64; 4]) -> Option<[f64; 4]> {
    let middle = (west + east) / 2.0;
    let corners = [(west, south), (east, south), (west, north), (east, north), (middle, south), (middle, north)];
    let places =
        corners.map(|(east_m, north_m)| from_tm3_103(east_m, north_m)).into_iter().collect::<Result<Vec<_>, _>>();
    let places = places.ok()?;
    let ends = |of: fn(&(f64, f64)) -> f64| {
        let all = || places.iter().map(of);
        (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max))
    };
    let ((south, north), (west, east)) = (ends(|place| place.0), ends(|place| place.1));
    Some([west, south, east, north])
}

/// Four numbers, or six of which the heights are passed over.
fn numbers(text: &str) -> Result<[f64; 4], String> {
    let wrong = || format!("{text:?} is not west,south,east,north, such as 102.3,21.6,104.0,22.9");
    let numbers = text.split(',').map(|word| word.trim().parse::<f64>()).collect::<Result<Vec<_>, _>>();
    let numbers = numbers.map_err(|_| wrong())?;
    match numbers.as_slice() {
        all if !all.iter().all(|number| number.is_finite()) => Err(wrong()),
        &[west, south, east, north] | &[west, south, _, east, north, _] => Ok([west, south, east, north]),
        _ => Err(wrong()),
    }
}

/// More than the most is taken for the most (17-069r4, /rec/core/fc-limit-response-1 and its corrigendum).
fn limit(text: &str) -> Result<usize, String> {
    match text.parse::<u64>() {
        Ok(limit) if limit >= 1 => Ok(usize::try_from(limit).unwrap_or(LIMIT_MAX).min(LIMIT_MAX)),
        _ => Err(format!("{text:?} is not a whole number from 1 on; more than {LIMIT_MAX} are not sent at once")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_times(text: &str, from: i64, to: Option<i64>, expected: Option<bool>) {
        let at = Timestamp::from_seconds;
        let got = Times::parse(text).ok().map(|times| times.meet(at(from), to.map(at), at(1_000_000)));
        assert_eq!(got, expected, "{text} {from} {to:?}");
    }

    #[test]
    fn times_are_instants_and_stretches() {
        check_times("1970-01-01T00:00:10Z", 10, Some(10), Some(true));
        check_times("1970-01-01T00:00:10Z", 11, None, Some(false));
        check_times("1970-01-01T00:00:10Z", 5, None, Some(true));
        check_times("../1970-01-01T00:00:10Z", 10, Some(20), Some(true));
        check_times("/1970-01-01T00:00:10Z", 11, Some(20), Some(false));
        check_times("1970-01-01T00:00:10Z/..", 0, Some(9), Some(false));
        check_times("1970-01-01T00:00:10Z/", 0, None, Some(true));
        check_times("1970-01-01T00:00:10Z/1970-01-01T00:00:20Z", 20, Some(30), Some(true));
        for wrong in ["", "..", "../..", "/", "2026-11-21T00:00:00Z/2026-11-20T00:00:00Z", "a/b", "1/2/3"] {
            check_times(wrong, 0, None, None);
        }
    }

    #[test]
    fn a_rectangle_of_the_grid_lies_in_the_one_of_degrees_around_it() {
        let [west, south, east, north] = around([500_000.0, 2_400_000.0, 540_000.0, 2_440_000.0]).unwrap();
        for (east_m, north_m) in [(500_000.0, 2_400_000.0), (540_000.0, 2_440_000.0), (510_000.0, 2_420_000.0)] {
            let (lat, lon) = from_tm3_103(east_m, north_m).unwrap();
            assert!((west..=east).contains(&lon) && (south..=north).contains(&lat), "{lat} {lon}");
        }
        assert_eq!(around([0.0, 0.0, 1.0, 1.0]), None);
    }
}
