//! Geometries as well-known text (OGC 06-103r4), bounded, and how two of them lie to each other.

use geo::coordinate_position::{CoordPos, CoordinatePosition};
use geo::kernels::{Kernel, Orientation, RobustKernel};
use geo::{
    Coord, CoordsIter, Distance, Euclidean, Geometry, Line, LineString, MultiLineString, MultiPoint, MultiPolygon,
    Point, Polygon, Relate, Validation,
};

use super::{Refused, shown};
use crate::geodesy;
use crate::model::Position;

/// Points of one geometry, at most.
const POINTS_MAX: usize = 2_000;

/// Rings of one geometry, at most: each is held against every other.
const RINGS_MAX: usize = 50;

/// Reads POINT, LINESTRING, POLYGON, and MULTI of them; degrees, longitude first; heights are passed over.
///
/// # Errors
///
/// Text that is no such geometry; too many points or rings; areas that are not valid (OGC 06-103r4, 6.1.11): with them
/// a matrix means nothing.
pub(super) fn parse(text: &str) -> Result<Geometry<f64>, Refused> {
    let text = text.trim();
    // PostGIS and its friends write the system in front.
    let text = match text.split_once(';') {
        Some((system, rest)) if system.eq_ignore_ascii_case("SRID=4326") => rest.trim(),
        Some(_) => return Err(Refused::not_offered("geometries are taken in WGS 84 (SRID 4326)")),
        None => text,
    };
    let end = text.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let rest = rest.trim_start();
    let rest = ["ZM", "Z", "M"].iter().find_map(|mark| strip(rest, mark)).unwrap_or(rest);
    let mut reader = Reader { rest, points: 0, rings: 0 };
    let geometry = match word.to_ascii_uppercase().as_str() {
        "POINT" => Geometry::Point(Point(reader.inside(Reader::one)?)),
        "LINESTRING" => Geometry::LineString(reader.line()?),
        "POLYGON" => Geometry::Polygon(reader.polygon()?),
        "MULTIPOINT" => Geometry::MultiPoint(MultiPoint(reader.list(Reader::loose_point)?)),
        "MULTILINESTRING" => Geometry::MultiLineString(MultiLineString(reader.list(Reader::line)?)),
        "MULTIPOLYGON" => Geometry::MultiPolygon(MultiPolygon(reader.list(Reader::polygon)?)),
        _ => {
            let known = "POINT, LINESTRING, POLYGON, MULTIPOINT, MULTILINESTRING or MULTIPOLYGON";
            return Err(Refused::wrong(format!("{} is not a geometry as {known}", shown(text))));
        }
    };
    if !reader.rest.trim().is_empty() {
        return Err(reader.wrong());
    }
    match geometry.check_validation() {
        Ok(()) => Ok(geometry),
        Err(why) => Err(Refused::wrong(format!("{} is not valid: {why}", shown(text)))),
    }
}

/// What follows a mark that stands alone.
fn strip<'t>(text: &'t str, mark: &str) -> Option<&'t str> {
    let head = text.get(..mark.len())?;
    let rest = text.get(mark.len()..)?;
    (head.eq_ignore_ascii_case(mark) && !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
        .then(|| rest.trim_start())
}

struct Reader<'t> {
    rest: &'t str,
    points: usize,
    rings: usize,
}

impl Reader<'_> {
    fn wrong(&self) -> Refused {
        Refused::wrong(format!("a geometry cannot go on with {}", shown(self.rest)))
    }

    fn take(&mut self, mark: char) -> Result<(), Refused> {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(mark) {
            Some(rest) => {
                self.rest = rest;
                Ok(())
            }
            None => Err(self.wrong()),
        }
    }

    fn inside<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Refused>) -> Result<T, Refused> {
        self.take('(')?;
        let read = read(self)?;
        self.take(')')?;
        Ok(read)
    }

    /// One or more in parentheses.
    fn list<T>(&mut self, read: impl Fn(&mut Self) -> Result<T, Refused>) -> Result<Vec<T>, Refused> {
        self.inside(|reader| {
            let mut all = vec![read(reader)?];
            while reader.take(',').is_ok() {
                all.push(read(reader)?);
            }
            Ok(all)
        })
    }

    /// Two numbers, or more of which the first two count.
    fn one(&mut self) -> Result<Coord<f64>, Refused> {
        let end = self.rest.find([',', '(', ')']).unwrap_or(self.rest.len());
        let (words, rest) = self.rest.split_at(end);
        let numbers: Result<Vec<f64>, _> = words.split_whitespace().take(5).map(str::parse::<f64>).collect();
        let numbers = numbers.map_err(|_| self.wrong())?;
        let &[x, y, ..] = numbers.as_slice() else { return Err(self.wrong()) };
        if numbers.len() > 4 || !(-180.0..=180.0).contains(&x) || !(-90.0..=90.0).contains(&y) {
            let why = "a point is longitude and latitude in degrees: -180 to 180 and -90 to 90";
            return Err(Refused::wrong(format!("{why}, not {}", shown(words.trim()))));
        }
        self.points += 1;
        if self.points > POINTS_MAX {
            return Err(Refused::wrong(format!("a geometry has at most {POINTS_MAX} points")));
        }
        self.rest = rest;
        Ok(Coord { x, y })
    }

    /// A point of a multi-point, with or without parentheses.
    fn loose_point(&mut self) -> Result<Point<f64>, Refused> {
        self.rest = self.rest.trim_start();
        let at = if self.rest.starts_with('(') { self.inside(Self::one) } else { self.one() };
        at.map(Point)
    }

    fn line(&mut self) -> Result<LineString<f64>, Refused> {
        let line = LineString(self.list(Self::one)?);
        if line.0.len() < 2 || line.0.iter().all(|at| *at == line.0[0]) {
            return Err(Refused::wrong("a line has two different points at least"));
        }
        Ok(line)
    }

    fn polygon(&mut self) -> Result<Polygon<f64>, Refused> {
        let mut rings = self.list(Self::line)?;
        self.rings += rings.len();
        if self.rings > RINGS_MAX {
            return Err(Refused::wrong(format!("a geometry has at most {RINGS_MAX} rings")));
        }
        if let Some(ring) = rings.iter().find(|ring| ring.0.len() < 4 || ring.0.first() != ring.0.last()) {
            let count = ring.0.len();
            return Err(Refused::wrong(format!(
                "a ring has four points at least, the last as the first; one has {count}"
            )));
        }
        // The check of validity passes over triangles without an area.
        if rings.iter().any(is_straight) {
            return Err(Refused::wrong("the points of a ring are not all on one line"));
        }
        let outer = rings.remove(0);
        Ok(Polygon::new(outer, rings))
    }
}

/// Whether every point is on one line.
fn is_straight(ring: &LineString<f64>) -> bool {
    let start = ring.0[0];
    let Some(&other) = ring.0.iter().find(|at| **at != start) else { return true };
    ring.0.iter().all(|at| RobustKernel::orient2d(start, other, *at) == Orientation::Collinear)
}

/// How two geometries can lie to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lie {
    Equals,
    Disjoint,
    Touches,
    Within,
    Overlaps,
    Crosses,
    Intersects,
    Contains,
}

/// Whether they do (OGC 06-103r4, DE-9IM), as on a plane of degrees.
pub(super) fn lie(one: &Geometry<f64>, how: Lie, other: &Geometry<f64>) -> bool {
    if let Some((place, is_turned)) = place(one, other) {
        // A point and an area need no matrix.
        return match how {
            Lie::Intersects => place != CoordPos::Outside,
            Lie::Disjoint => place == CoordPos::Outside,
            Lie::Touches => place == CoordPos::OnBoundary,
            Lie::Within => place == CoordPos::Inside && !is_turned,
            Lie::Contains => place == CoordPos::Inside && is_turned,
            Lie::Equals | Lie::Overlaps | Lie::Crosses => false,
        };
    }
    let matrix = one.relate(other);
    match how {
        Lie::Equals => matrix.is_equal_topo(),
        Lie::Disjoint => matrix.is_disjoint(),
        Lie::Touches => matrix.is_touches(),
        Lie::Within => matrix.is_within(),
        Lie::Overlaps => matrix.is_overlaps(),
        Lie::Crosses => matrix.is_crosses(),
        Lie::Intersects => matrix.is_intersects(),
        Lie::Contains => matrix.is_contains(),
    }
}

/// Where a point lies to an area; and whether the area is the first of the two.
fn place(one: &Geometry<f64>, other: &Geometry<f64>) -> Option<(CoordPos, bool)> {
    let at = |point: &Point<f64>, area: &Geometry<f64>| match area {
        Geometry::Polygon(polygon) => Some(polygon.coordinate_position(&point.0)),
        Geometry::MultiPolygon(polygons) => Some(polygons.coordinate_position(&point.0)),
        _ => None,
    };
    match (one, other) {
        (Geometry::Point(point), area) => at(point, area).map(|place| (place, false)),
        (area, Geometry::Point(point)) => at(point, area).map(|place| (place, true)),
        _ => None,
    }
}

/// About how many microseconds a look at a geometry takes.
pub(super) fn cost(geometry: &Geometry<f64>) -> usize {
    let points = geometry.coords_count();
    match geometry {
        Geometry::Polygon(_) | Geometry::MultiPolygon(_) => points / 256,
        _ => points / 8,
    }
}

/// Whether the matrix of the two fits a pattern such as `T*F**F***`.
pub(super) fn relates(one: &Geometry<f64>, other: &Geometry<f64>, pattern: &str) -> Result<bool, Refused> {
    one.relate(other)
        .matches(pattern)
        .map_err(|_| Refused::wrong(format!("{} is not a pattern of nine letters such as T*F**F***", shown(pattern))))
}

/// The distance in degrees, as on a plane.
pub(super) fn distance_deg(one: &Geometry<f64>, other: &Geometry<f64>) -> f64 {
    Euclidean.distance(one, other)
}

/// The distance of two points in metres, along the ellipsoid.
pub(super) fn distance_m(one: &Geometry<f64>, other: &Geometry<f64>) -> Result<f64, Refused> {
    let (Geometry::Point(one), Geometry::Point(other)) = (one, other) else {
        return Err(Refused::not_offered("st_distance is between two points"));
    };
    let position = |point: &Point<f64>| Position { lon: point.x(), lat: point.y() };
    Ok(geodesy::distance_m(position(one), position(other)))
}

/// The length of a line in degrees, as on a plane.
pub(super) fn length_deg(geometry: &Geometry<f64>) -> Result<f64, Refused> {
    let of_line = |line: &LineString<f64>| {
        line.lines().map(|Line { start, end }| (end.x - start.x).hypot(end.y - start.y)).sum::<f64>()
    };
    match geometry {
        Geometry::LineString(line) => Ok(of_line(line)),
        Geometry::MultiLineString(lines) => Ok(lines.iter().map(of_line).sum()),
        Geometry::Point(_) | Geometry::MultiPoint(_) => Ok(0.0),
        _ => Err(Refused::not_offered("geo.length is of lines")),
    }
}
