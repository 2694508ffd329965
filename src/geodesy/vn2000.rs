//! WGS 84 to VN-2000 / TM-3 103-00 (EPSG:9205) and back: the national grid's zone of Điện Biên and Lai Châu.
//!
//! Two steps. **Datum**: EPSG publishes VN-2000 to WGS 84 as a Helmert transformation in the *coordinate-frame*
//! convention (the axes are turned, so its rotations have the opposite sign of the position-vector one); from WGS 84 it
//! is taken backwards. It is stated to be good to about 1 m, so that is how true a result is on the ground, however
//! many digits it has. **Projection**: transverse Mercator on the WGS 84 ellipsoid, which VN-2000 uses too, by
//! Krüger's series to the fourth order (Karney 2011, equations 35 and 36; its error here is under a micrometre).
//!
//! Positions have no height: the ellipsoid's surface is meant on both sides, and the few metres between the two datums'
//! heights are dropped: there and back again is the same place to three millimetres.

/// The ellipsoid's half axis, metres (WGS 84).
const SEMI_MAJOR_M: f64 = 6_378_137.0;
const FLATTENING: f64 = 1.0 / 298.257_223_563;
/// Square of the first eccentricity.
const E2: f64 = FLATTENING * (2.0 - FLATTENING);
/// Third flattening.
const N: f64 = FLATTENING / (2.0 - FLATTENING);

/// EPSG:9205: central meridian, scale on it, false easting.
const MERIDIAN_DEG: f64 = 103.0;
const SCALE: f64 = 0.9999;
const EAST_AT_MERIDIAN_M: f64 = 500_000.0;

/// VN-2000 to WGS 84: metres, seconds of arc, parts per million.
const SHIFT_M: [f64; 3] = [-191.904_414_29, -39.303_182_79, -111.450_328_35];
const TURN_ARCSEC: [f64; 3] = [-0.009_288_36, 0.019_754_79, -0.004_273_72];
const GROWTH_PPM: f64 = 0.252_906_278;

/// How far from its meridian the zone is used: its own 1.5 degrees, and half a degree of its neighbours'.
const REACH_DEG: f64 = 2.0;
/// The latitudes of the country.
const LATITUDES_DEG: std::ops::RangeInclusive<f64> = 8.0..=24.0;
/// Grid coordinates whose inverse can lie in the area above: a look before the series, which diverges far away.
const EASTS_M: std::ops::RangeInclusive<f64> = 250_000.0..=750_000.0;
const NORTHS_M: std::ops::RangeInclusive<f64> = 850_000.0..=2_700_000.0;

/// A place where this zone of the grid is not used.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum OutsideZone {
    /// In degrees.
    #[error("latitude {lat}, longitude {lon} is outside the zone VN-2000 / TM-3 103-00 (8 to 24 N, 101 to 105 E)")]
    Degrees {
        /// Degrees north.
        lat: f64,
        /// Degrees east.
        lon: f64,
    },
    /// On the grid.
    #[error("east {east_m} m, north {north_m} m is outside the zone VN-2000 / TM-3 103-00 (8 to 24 N, 101 to 105 E)")]
    Grid {
        /// Metres east, with the false easting of 500,000.
        east_m: f64,
        /// Metres north of the equator.
        north_m: f64,
    },
}

/// East and north on the grid, in metres, of a WGS 84 latitude and longitude in degrees.
///
/// # Errors
/// A place outside 101 to 105 degrees east or 8 to 24 degrees north, or no number.
pub fn tm3_103(lat: f64, lon: f64) -> Result<(f64, f64), OutsideZone> {
    if !is_inside(lat, lon) {
        return Err(OutsideZone::Degrees { lat, lon });
    }
    let geocentric = to_geocentric(lat.to_radians(), lon.to_radians());
    let (lat, lon) = to_geodetic(to_vn2000(geocentric));
    Ok(project(lat, lon))
}

/// WGS 84 latitude and longitude in degrees of metres east and north on the grid.
///
/// # Errors
/// A place outside the same area, or no number.
pub fn from_tm3_103(east_m: f64, north_m: f64) -> Result<(f64, f64), OutsideZone> {
    let outside = OutsideZone::Grid { east_m, north_m };
    if !EASTS_M.contains(&east_m) || !NORTHS_M.contains(&north_m) {
        return Err(outside);
    }
    let (lat, lon) = unproject(east_m, north_m);
    let (lat, lon) = to_geodetic(to_wgs84(to_geocentric(lat, lon)));
    let (lat, lon) = (lat.to_degrees(), lon.to_degrees());
    if is_inside(lat, lon) { Ok((lat, lon)) } else { Err(outside) }
}

fn is_inside(lat: f64, lon: f64) -> bool {
    LATITUDES_DEG.contains(&lat) && (lon - MERIDIAN_DEG).abs() <= REACH_DEG
}

/// As published.
fn to_wgs84([x, y, z]: [f64; 3]) -> [f64; 3] {
    let [rx, ry, rz] = TURN_ARCSEC.map(|seconds| (seconds / 3_600.0).to_radians());
    let grown = 1.0 + GROWTH_PPM * 1e-6;
    let turned = [x + rz * y - ry * z, -rz * x + y + rx * z, ry * x - rx * y + z];
    [0, 1, 2].map(|axis| SHIFT_M[axis] + grown * turned[axis])
}

/// The same backwards. The small turn is undone by its transpose; what that leaves is under a thousandth of a
/// millimetre.
fn to_vn2000(wgs84: [f64; 3]) -> [f64; 3] {
    let [rx, ry, rz] = TURN_ARCSEC.map(|seconds| (seconds / 3_600.0).to_radians());
    let grown = 1.0 + GROWTH_PPM * 1e-6;
    let [x, y, z] = [0, 1, 2].map(|axis| (wgs84[axis] - SHIFT_M[axis]) / grown);
    [x - rz * y + ry * z, rz * x + y - rx * z, -ry * x + rx * y + z]
}

/// Radius of curvature across the meridian.
fn across_m(lat: f64) -> f64 {
    SEMI_MAJOR_M / (1.0 - E2 * lat.sin().powi(2)).sqrt()
}

pub(super) fn to_geocentric(lat: f64, lon: f64) -> [f64; 3] {
    let across = across_m(lat);
    [across * lat.cos() * lon.cos(), across * lat.cos() * lon.sin(), across * (1.0 - E2) * lat.sin()]
}

/// Latitude and longitude of a point near the ellipsoid. Each round leaves a 1/150 of the error: six are more than
/// enough for points within a kilometre of the surface.
fn to_geodetic([x, y, z]: [f64; 3]) -> (f64, f64) {
    let from_axis = x.hypot(y);
    let mut lat = z.atan2(from_axis * (1.0 - E2));
    for _ in 0..6 {
        lat = (z + E2 * across_m(lat) * lat.sin()).atan2(from_axis);
    }
    (lat, y.atan2(x))
}

/// Radius of the circle that is as long as a meridian.
fn rectifying_m() -> f64 {
    SEMI_MAJOR_M / (1.0 + N) * (1.0 + N.powi(2) / 4.0 + N.powi(4) / 64.0)
}

/// Krüger's series, from the sphere to the grid.
fn forward_terms() -> [f64; 4] {
    let [n, n2, n3, n4] = [1, 2, 3, 4].map(|power| N.powi(power));
    [
        n / 2.0 - 2.0 * n2 / 3.0 + 5.0 * n3 / 16.0 + 41.0 * n4 / 180.0,
        13.0 * n2 / 48.0 - 3.0 * n3 / 5.0 + 557.0 * n4 / 1_440.0,
        61.0 * n3 / 240.0 - 103.0 * n4 / 140.0,
        49_561.0 * n4 / 161_280.0,
    ]
}

/// And back.
fn backward_terms() -> [f64; 4] {
    let [n, n2, n3, n4] = [1, 2, 3, 4].map(|power| N.powi(power));
    [
        n / 2.0 - 2.0 * n2 / 3.0 + 37.0 * n3 / 96.0 - n4 / 360.0,
        n2 / 48.0 + n3 / 15.0 - 437.0 * n4 / 1_440.0,
        17.0 * n3 / 480.0 - 37.0 * n4 / 840.0,
        4_397.0 * n4 / 161_280.0,
    ]
}

/// The sums of a series at a place of the complex plane: along the meridian and across it.
fn sums(terms: [f64; 4], along: f64, across: f64) -> (f64, f64) {
    let mut sum = (0.0, 0.0);
    for (term, twice) in terms.into_iter().zip([2.0, 4.0, 6.0, 8.0]) {
        sum.0 += term * (twice * along).sin() * (twice * across).cosh();
        sum.1 += term * (twice * along).cos() * (twice * across).sinh();
    }
    sum
}

fn project(lat: f64, lon: f64) -> (f64, f64) {
    let e = E2.sqrt();
    let conformal = (lat.sin().atanh() - e * (e * lat.sin()).atanh()).sinh();
    let from_meridian = lon - MERIDIAN_DEG.to_radians();
    let along = conformal.atan2(from_meridian.cos());
    let across = (from_meridian.sin() / (1.0 + conformal * conformal).sqrt()).atanh();
    let (more_along, more_across) = sums(forward_terms(), along, across);
    let radius = SCALE * rectifying_m();
    (EAST_AT_MERIDIAN_M + radius * (across + more_across), radius * (along + more_along))
}

fn unproject(east_m: f64, north_m: f64) -> (f64, f64) {
    let radius = SCALE * rectifying_m();
    let (along, across) = (north_m / radius, (east_m - EAST_AT_MERIDIAN_M) / radius);
    let (less_along, less_across) = sums(backward_terms(), along, across);
    let (along, across) = (along - less_along, across - less_across);
    let conformal = along.sin() / (across.sinh().powi(2) + along.cos().powi(2)).sqrt();
    let lon = across.sinh().atan2(along.cos());
    (latitude_of(conformal), lon + MERIDIAN_DEG.to_radians())
}

/// The latitude whose conformal tangent is `conformal`, by Newton's steps (Karney 2011, equations 19 to 21): two are
/// enough for every double.
fn latitude_of(conformal: f64) -> f64 {
    let e = E2.sqrt();
    let mut tangent = conformal;
    for _ in 0..4 {
        let root = (1.0 + tangent * tangent).sqrt();
        let sigma = (e * (e * tangent / root).atanh()).sinh();
        let found = tangent * (1.0 + sigma * sigma).sqrt() - sigma * root;
        let steepness = (1.0 + (1.0 - E2) * tangent * tangent) / ((1.0 - E2) * root * (1.0 + found * found).sqrt());
        tangent += (conformal - found) * steepness;
    }
    tangent.atan()
}
