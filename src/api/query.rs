//! Query parameters, taken strictly: a name that nobody asked for is an error, and so is a single value given twice.
//!
//! A resource declares its parameters once, by taking them in [`FromParams`]; whatever is left over is refused with the
//! list of the names that were asked for, so that the check cannot drift from the code.

use std::fmt::Display;

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use jiff::civil::Date;

use super::problem::{Code, Problem};
use crate::model::{Position, Timestamp};

/// The most values of one repeatable parameter.
pub const REPEATS_MAX: usize = 1_000;

/// The pairs of a query string, and which of them have been taken.
pub struct Params {
    pairs: Vec<(String, Option<String>)>,
    asked: Vec<&'static str>,
}

impl Params {
    /// From pairs as they stand in the query string, already percent-decoded.
    pub fn new(pairs: Vec<(String, String)>) -> Self {
        Self { pairs: pairs.into_iter().map(|(name, value)| (name, Some(value))).collect(), asked: Vec::new() }
    }

    fn take(&mut self, name: &'static str) -> Vec<String> {
        self.asked.push(name);
        self.pairs.iter_mut().filter(|pair| pair.0 == name).filter_map(|pair| pair.1.take()).collect()
    }

    /// A parameter that may be given once. An empty value counts as absent.
    pub fn one<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Problem> {
        let values = self.take(name);
        match values.as_slice() {
            [] => Ok(None),
            [value] if value.is_empty() => Ok(None),
            [value] => parse(value).map(Some).map_err(|why| Problem::parameter(name, why)),
            _ => Err(Problem::parameter(name, "it can be given only once")),
        }
    }

    /// A parameter that may be repeated, each value being a list with commas.
    pub fn many<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Vec<T>, Problem> {
        let values = self.take(name);
        let words = || values.iter().flat_map(|value| value.split(',')).map(str::trim).filter(|word| !word.is_empty());
        if words().count() > REPEATS_MAX {
            return Err(Problem::parameter(name, format!("at most {REPEATS_MAX} values can be given")));
        }
        words().map(|word| parse(word).map_err(|why| Problem::parameter(name, why))).collect()
    }

    /// Refuses what nobody asked for.
    pub fn finish(self) -> Result<(), Problem> {
        let Some((name, _)) = self.pairs.iter().find(|pair| pair.1.is_some()) else {
            return Ok(());
        };
        let known = if self.asked.is_empty() {
            "this address takes no parameters".to_owned()
        } else {
            format!("this address takes {}", self.asked.join(", "))
        };
        let name: String = name.chars().take(64).collect();
        Err(Problem::new(Code::UnknownParameter, format!("{name:?} is not a parameter here: {known}")))
    }
}

/// A resource's parameters.
pub trait FromParams: Sized {
    /// Takes each by its name.
    fn from_params(params: &mut Params) -> Result<Self, Problem>;
}

/// No parameters at all.
pub struct Nothing;

impl FromParams for Nothing {
    fn from_params(_: &mut Params) -> Result<Self, Problem> {
        Ok(Nothing)
    }
}

/// The parameters of a request, checked.
pub struct Asked<T>(pub T);

impl<S: Send + Sync, T: FromParams> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(pairs) = Query::<Vec<(String, String)>>::from_request_parts(parts, state)
            .await
            .map_err(|error| Problem::new(Code::InvalidParameter, error.body_text()))?;
        let mut params = Params::new(pairs);
        let taken = T::from_params(&mut params)?;
        params.finish()?;
        Ok(Asked(taken))
    }
}

/// The one name in a path (`/stations/{id}`), percent-decoded.
pub struct Id(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(name) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| Problem::new(Code::NotFound, "the address holds bytes that are not UTF-8"))?;
        Ok(Id(name))
    }
}

/// The two names in a path (`/stations/{id}/channels/{property}`), percent-decoded.
pub struct TwoNames(pub String, pub String);

impl<S: Send + Sync> FromRequestParts<S> for TwoNames {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path((first, second)) = Path::<(String, String)>::from_request_parts(parts, state)
            .await
            .map_err(|_| Problem::new(Code::NotFound, "the address holds bytes that are not UTF-8"))?;
        Ok(TwoNames(first, second))
    }
}

/// A name as one segment of an address: everything but letters, digits and `-_.~` in per cent (RFC 3986, 2.3).
pub fn escaped(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

/// A rectangle in WGS 84 degrees; west greater than east means across the 180th meridian (RFC 7946, 5.2).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bbox {
    west: f64,
    south: f64,
    east: f64,
    north: f64,
}

impl Bbox {
    /// From `west,south,east,north`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wanted = || format!("{text:?} is not west,south,east,north in degrees, such as 102.3,21.6,104.0,22.9");
        let numbers = text.split(',').map(|word| word.trim().parse::<f64>()).collect::<Result<Vec<_>, _>>();
        let numbers = numbers.map_err(|_| wanted())?;
        let &[west, south, east, north] = numbers.as_slice() else {
            return Err(wanted());
        };
        Self::of([west, south, east, north])
    }

    /// From west, south, east, north.
    pub fn of([west, south, east, north]: [f64; 4]) -> Result<Self, String> {
        if !(-180.0..=180.0).contains(&west) || !(-180.0..=180.0).contains(&east) {
            return Err("west and east lie between -180 and 180".to_owned());
        }
        if !(-90.0..=90.0).contains(&south) || !(-90.0..=90.0).contains(&north) || south > north {
            return Err("south and north lie between -90 and 90, south first".to_owned());
        }
        Ok(Self { west, south, east, north })
    }

    /// Whether a position lies inside or on the edge.
    pub fn contains(&self, at: Position) -> bool {
        let across = self.west > self.east;
        let inside =
            if across { at.lon >= self.west || at.lon <= self.east } else { (self.west..=self.east).contains(&at.lon) };
        inside && (self.south..=self.north).contains(&at.lat)
    }

    /// Whether it shares a point with a rectangle of degrees.
    pub fn touches_rect(&self, rect: &geo::Rect<f64>) -> bool {
        let corner = |at: geo::Coord<f64>| Position { lon: at.x, lat: at.y };
        self.touches(corner(rect.min()), corner(rect.max()))
    }

    /// Whether it shares a point with the rectangle between two corners (which does not cross the 180th meridian).
    pub fn touches(&self, low: Position, high: Position) -> bool {
        let across = self.west > self.east;
        let meets = if across {
            high.lon >= self.west || low.lon <= self.east
        } else {
            high.lon >= self.west && low.lon <= self.east
        };
        meets && high.lat >= self.south && low.lat <= self.north
    }
}

/// How many rows of a list are wanted at once: 1 to `max`.
pub fn limit(text: &str, max: usize) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(limit) if (1..=max).contains(&limit) => Ok(limit),
        _ => Err(format!("{text:?} is not a whole number from 1 to {max}")),
    }
}

/// A civil date.
pub fn date(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| format!("{text:?} is not a date such as 2025-06-30"))
}

/// One of the words of a closed list.
pub fn word<T: Copy>(text: &str, all: &[T], name: impl Fn(T) -> &'static str) -> Result<T, String> {
    all.iter().copied().find(|one| name(*one) == text).ok_or_else(|| {
        let known: Vec<_> = all.iter().map(|one| name(*one)).collect();
        let text: String = text.chars().take(64).collect();
        format!("{text:?} is not one of {}", known.join(", "))
    })
}

/// Why a text is no place in a list.
pub const NO_PLACE: &str = "it is not the `next` of an answer";

/// A place in a list that is ordered by time and then by name: microseconds, `~`, the name.
pub fn place(text: &str) -> Result<(Timestamp, &str), String> {
    let parts = text.split_once('~').and_then(|(micros, name)| Some((micros.parse().ok()?, name)));
    let (micros, name) = parts.ok_or(NO_PLACE)?;
    Ok((Timestamp::from_micros(micros), name))
}

/// The same as it is written.
pub fn place_text(at: Timestamp, name: impl Display) -> String {
    format!("{}~{name}", at.micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(query: &[(&str, &str)]) -> Params {
        Params::new(query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn a_name_that_nobody_asked_for_is_refused() {
        let mut asked = params(&[("limit", "3"), ("limti", "3")]);
        assert_eq!(asked.one("limit", |text| limit(text, 10)).unwrap(), Some(3));
        assert_eq!(asked.finish().unwrap_err().code(), Code::UnknownParameter);
        assert!(params(&[]).finish().is_ok());
    }

    #[test]
    fn a_single_value_given_twice_is_refused() {
        let mut asked = params(&[("limit", "3"), ("limit", "4")]);
        assert_eq!(asked.one("limit", |text| limit(text, 10)).unwrap_err().code(), Code::InvalidParameter);
    }

    #[test]
    fn repeated_values_may_be_lists() {
        let mut asked = params(&[("kind", "air,rain"), ("kind", " river ")]);
        assert_eq!(asked.many("kind", |word| Ok(word.to_owned())).unwrap(), ["air", "rain", "river"]);
    }

    fn check_bbox(text: &str, lon: f64, lat: f64, expected: Option<bool>) {
        let got = Bbox::parse(text).ok().map(|bbox| bbox.contains(Position { lon, lat }));
        assert_eq!(got, expected, "{text}");
    }

    #[test]
    fn rectangles() {
        check_bbox("102,21,104,23", 103.0, 22.0, Some(true));
        check_bbox("102,21,104,23", 104.0, 23.0, Some(true));
        check_bbox("102,21,104,23", 104.1, 23.0, Some(false));
        check_bbox("170,-10,-170,10", 179.0, 0.0, Some(true));
        check_bbox("170,-10,-170,10", 0.0, 0.0, Some(false));
        for bad in
            ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "NaN,0,1,1", "0,0,inf,1", "0,5,1,4", "181,0,182,1", "0,-91,1,1"]
        {
            check_bbox(bad, 0.0, 0.0, None);
        }
    }
}
