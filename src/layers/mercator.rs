//! Web-mercator as whole numbers: the world is a square of 2^31 by 2^31 units, x to the east, y to the south.
//!
//! Formulas: EPSG:3857 as OGC's "Two Dimensional Tile Matrix Set" (WebMercatorQuad) uses it. A tile of zoom z is a
//! square of 2^(31-z) units, so "which tile" is a shift and never a matter of rounding: every place lies in exactly one
//! tile of each zoom. Latitudes beyond ±85.0511° lie in the outermost row.
//!
//! Places are kept in the order of their Morton numbers (bits of x and y in turn): a tile's places are one run of them.

use crate::model::Position;

/// Bits of a coordinate.
pub const BITS: u32 = 31;
/// Units of the whole world's side.
pub const SIDE: u32 = 1 << BITS;
/// Units of a tile's side in vector tiles (MVT 2.1's usual extent).
pub const EXTENT: u32 = 4_096;
/// The greatest zoom that is served: a unit of a tile is 2 mm there, and a tile still has whole units of the world.
pub const ZOOM_MAX: u8 = 22;

/// Around the equator, metres (WGS 84).
const EQUATOR_M: f64 = 40_075_016.685_578_49;
/// Pixels along the side of a tile, as maps draw vector tiles.
const TILE_PX: f64 = 512.0;

/// A place in units of the world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct World {
    /// From the 180th meridian to the east, less than [`SIDE`].
    pub x: u32,
    /// From 85.0511° N to the south, less than [`SIDE`].
    pub y: u32,
}

/// As part of the world's side, 0 to 1 and beyond it near the poles; y to the south.
pub fn project(position: Position) -> [f64; 2] {
    let x = position.lon / 360.0 + 0.5;
    let sin = position.lat.to_radians().sin();
    let y = 0.5 - ((1.0 + sin) / (1.0 - sin)).ln() / (4.0 * std::f64::consts::PI);
    [x, y]
}

/// How much ground half a pixel of a map of that zoom shows at the equator, metres; less nearer to the poles.
pub fn half_pixel_m(zoom: f64) -> f64 {
    EQUATOR_M / TILE_PX / zoom.exp2() / 2.0
}

/// The inverse of [`project`], degrees.
pub fn unproject([x, y]: [f64; 2]) -> Position {
    let lat = (std::f64::consts::PI * (1.0 - 2.0 * y)).sinh().atan().to_degrees();
    Position { lon: (x - 0.5) * 360.0, lat }
}

impl World {
    /// Where a position lies. What is no number lies at the world's corner.
    pub fn of(position: Position) -> World {
        let [x, y] = project(position);
        // `as` ends at the type's ends, and takes what is no number for 0.
        let unit = |part: f64| ((part * f64::from(SIDE)).floor() as u32).min(SIDE - 1);
        World { x: unit(x), y: unit(y) }
    }

    /// The middle of the unit, degrees.
    pub fn position(self) -> Position {
        let part = |unit: u32| (f64::from(unit) + 0.5) / f64::from(SIDE);
        unproject([part(self.x), part(self.y)])
    }

    /// Bits of y and x in turn.
    pub fn morton(self) -> u64 {
        spread(self.x) | (spread(self.y) << 1)
    }

    /// The inverse of [`World::morton`].
    pub fn from_morton(number: u64) -> World {
        World { x: gather(number), y: gather(number >> 1) }
    }
}

fn spread(value: u32) -> u64 {
    let mut v = u64::from(value);
    v = (v | (v << 16)) & 0x0000_ffff_0000_ffff;
    v = (v | (v << 8)) & 0x00ff_00ff_00ff_00ff;
    v = (v | (v << 4)) & 0x0f0f_0f0f_0f0f_0f0f;
    v = (v | (v << 2)) & 0x3333_3333_3333_3333;
    (v | (v << 1)) & 0x5555_5555_5555_5555
}

fn gather(number: u64) -> u32 {
    let mut v = number & 0x5555_5555_5555_5555;
    v = (v | (v >> 1)) & 0x3333_3333_3333_3333;
    v = (v | (v >> 2)) & 0x0f0f_0f0f_0f0f_0f0f;
    v = (v | (v >> 4)) & 0x00ff_00ff_00ff_00ff;
    v = (v | (v >> 8)) & 0x0000_ffff_0000_ffff;
    (v | (v >> 16)) as u32
}

/// A tile's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TileId {
    z: u8,
    x: u32,
    y: u32,
}

impl TileId {
    /// `None` beyond [`ZOOM_MAX`] and outside the zoom's 2^z by 2^z tiles.
    pub fn new(z: u8, x: u32, y: u32) -> Option<TileId> {
        (z <= ZOOM_MAX && x < 1 << z && y < 1 << z).then_some(TileId { z, x, y })
    }

    /// The tile of a zoom that a place lies in.
    pub fn around(z: u8, at: World) -> TileId {
        let shift = BITS - u32::from(z.min(ZOOM_MAX));
        TileId { z: z.min(ZOOM_MAX), x: at.x >> shift, y: at.y >> shift }
    }

    /// Zoom, 0 to [`ZOOM_MAX`].
    pub fn z(self) -> u8 {
        self.z
    }

    /// Column from the west.
    pub fn x(self) -> u32 {
        self.x
    }

    /// Row from the north.
    pub fn y(self) -> u32 {
        self.y
    }

    /// Units of the world of its side.
    pub fn side(self) -> u32 {
        SIDE >> self.z
    }

    /// Its north-west corner.
    pub fn corner(self) -> World {
        World { x: self.x * self.side(), y: self.y * self.side() }
    }

    /// The Morton numbers of what lies in it: from the first to before the second.
    pub fn run(self) -> (u64, u64) {
        let first = self.corner().morton();
        (first, first + (u64::from(self.side()) * u64::from(self.side())))
    }

    /// A place in it in units of the tile, 0 to [`EXTENT`] - 1; what lies outside is outside of that.
    pub fn local(self, at: World) -> [i32; 2] {
        let corner = self.corner();
        let unit = |at: u32, corner: u32| {
            let from = i64::from(at) - i64::from(corner);
            (from * i64::from(EXTENT)).div_euclid(i64::from(self.side())) as i32
        };
        [unit(at.x, corner.x), unit(at.y, corner.y)]
    }

    /// The same for what [`project`] gives, exact: for lines and polygons.
    pub fn local_exact(self, [x, y]: [f64; 2]) -> [f64; 2] {
        let tiles = f64::from(1_u32 << self.z);
        let unit = |at: f64, tile: u32| (at * tiles - f64::from(tile)) * f64::from(EXTENT);
        [unit(x, self.x), unit(y, self.y)]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(lon: f64, lat: f64, z: u8, expected: (u32, u32)) {
        let tile = TileId::around(z, World::of(Position { lon, lat }));
        assert_eq!((tile.x(), tile.y()), expected, "{lon} {lat} at {z}");
    }

    #[test]
    fn tiles_are_those_of_the_world() {
        check(103.47, 22.39, 0, (0, 0));
        check(-0.001, 0.001, 1, (0, 0));
        check(0.0, 0.0, 1, (1, 1));
        // The formula of OpenStreetMap's wiki, another way of writing it.
        for (lon, lat) in [(105.854, 21.028), (103.47, 22.39), (-43.2, -22.9), (179.99, 84.9)] {
            let lat_rad = f64::to_radians(lat);
            let y = (1.0 - lat_rad.tan().asinh() / std::f64::consts::PI) / 2.0 * 1_024.0;
            check(lon, lat, 10, (((lon + 180.0) / 360.0 * 1_024.0) as u32, y as u32));
        }
        check(180.0, 90.0, 4, (15, 0));
        check(-180.0, -90.0, 4, (0, 15));
        check(f64::NAN, f64::NAN, 4, (0, 0));
        assert_eq!(TileId::new(3, 8, 0), None);
        assert_eq!(TileId::new(ZOOM_MAX + 1, 0, 0), None);
    }

    proptest! {
        #[test]
        fn a_place_is_where_it_was(lon in -180.0_f64..180.0, lat in -85.0_f64..85.0) {
            let there = World::of(Position { lon, lat }).position();
            prop_assert!((there.lon - lon).abs() < 2e-7 && (there.lat - lat).abs() < 2e-7);
        }

        #[test]
        fn a_place_is_in_the_run_of_its_tile_alone(x in 0..SIDE, y in 0..SIDE, z in 0..=ZOOM_MAX, other in 0_u32..64) {
            let at = World { x, y };
            prop_assert_eq!(World::from_morton(at.morton()), at);
            let tile = TileId::around(z, at);
            let (first, end) = tile.run();
            prop_assert!((first..end).contains(&at.morton()));
            let local = tile.local(at);
            prop_assert!(local.iter().all(|unit| (0..EXTENT as i32).contains(unit)), "{:?}", local);
            if let Some(beside) = TileId::new(z, tile.x() ^ other, tile.y()).filter(|beside| *beside != tile) {
                let (first, end) = beside.run();
                prop_assert!(!(first..end).contains(&at.morton()));
            }
        }
    }
}
