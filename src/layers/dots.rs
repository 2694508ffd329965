//! What layers of points are made of, and clusters of it.
//!
//! A cluster is a cell of a grid that divides each tile of a zoom into 2^k by 2^k squares: the cells of a zoom do not
//! depend on where one looks, every point is in one of them, and none crosses a tile's border. So the counts of a
//! zoom's clusters and single points add up to the layer's. A point alone in its cell is shown as itself.
//!
//! Points come in the order of their Morton numbers, in which a cell's points stand together: one pass, nothing kept.

use super::mercator::{BITS, World};
use super::picture::{IncidentView, Pin};
use crate::model::{Alert, Freshness, Position, Severity, StationKind, Timestamp};

/// What a point is.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'p> {
    /// A station, with its place among the picture's.
    Station(&'p Pin, usize),
    /// An open alert.
    Alert(&'p Alert),
    /// An open incident.
    Incident(&'p IncidentView),
}

/// A point of a layer.
#[derive(Clone, Copy, Debug)]
pub struct Dot<'p> {
    /// What it is.
    pub subject: Subject<'p>,
    /// Its Morton number.
    pub morton: u64,
    /// Where it is, degrees.
    pub position: Position,
    /// The worst that is open there.
    pub severity: Option<Severity>,
    /// A station's.
    pub freshness: Option<Freshness>,
    /// When a station was last heard.
    pub heard_at: Option<Timestamp>,
    /// A station's.
    pub kind: Option<StationKind>,
    /// The layer's own level there: of service, of alarm.
    pub level: Option<f64>,
}

/// Points of one cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cluster {
    /// How many.
    pub count: u32,
    /// The worst of theirs.
    pub severity: Option<Severity>,
    /// The worst of those in service, as [`Freshness::together`] has it.
    pub freshness: Option<Freshness>,
    /// The oldest of when they were last heard; stations that never spoke are not in it.
    pub oldest_at: Option<Timestamp>,
    /// Stations that never spoke.
    pub never_heard: u32,
    /// How many of each kind, in the order of [`StationKind::ALL`].
    pub by_kind: [u32; 7],
    /// The greatest level.
    pub level: Option<f64>,
    /// The cell's first Morton number: names the cluster within its zoom.
    pub cell: u64,
    lon: f64,
    lat: f64,
}

/// What is drawn at one place.
#[derive(Clone, Debug)]
pub enum Item<'p> {
    /// A point.
    One(Dot<'p>),
    /// Several.
    Many(Cluster),
}

impl Item<'_> {
    /// How many points it stands for.
    pub fn count(&self) -> u32 {
        match self {
            Item::One(_) => 1,
            Item::Many(cluster) => cluster.count,
        }
    }
}

impl Cluster {
    /// The middle of its points.
    pub fn position(&self) -> Position {
        let count = f64::from(self.count.max(1));
        Position { lon: self.lon / count, lat: self.lat / count }
    }

    /// The unit of the world in its middle: in its cell, whatever the rounding.
    pub fn world(&self, cell_bits: u32) -> World {
        let at = World::of(self.position());
        let corner = World::from_morton(self.cell);
        let last = (1_u32 << cell_bits.min(BITS)) - 1;
        World { x: at.x.clamp(corner.x, corner.x + last), y: at.y.clamp(corner.y, corner.y + last) }
    }

    fn add(&mut self, dot: &Dot<'_>) {
        self.count += 1;
        self.severity = self.severity.max(dot.severity);
        self.freshness = match (self.freshness, dot.freshness) {
            (Some(own), Some(other)) => Some(own.together(other)),
            (own, other) => own.or(other),
        };
        match (self.oldest_at, dot.heard_at) {
            (Some(own), Some(other)) => self.oldest_at = Some(own.min(other)),
            (None, other) => self.oldest_at = other,
            (Some(_), None) => {}
        }
        self.never_heard += u32::from(dot.kind.is_some() && dot.heard_at.is_none());
        if let Some(kind) = dot.kind {
            self.by_kind[kind as usize] += 1;
        }
        self.level = match (self.level, dot.level) {
            (Some(own), Some(other)) => Some(own.max(other)),
            (own, other) => own.or(other),
        };
        self.lon += dot.position.lon;
        self.lat += dot.position.lat;
    }
}

/// Units of the world of a cell's side, as a power of two: cells of a tile of zoom `z` divided into 2^k by 2^k.
pub fn cell_bits(z: u8, k: u32) -> u32 {
    BITS.saturating_sub(u32::from(z) + k)
}

/// Points, which must come in ascending order of their Morton numbers, in cells of 2^`cell_bits` units.
pub fn cluster<'p>(dots: impl Iterator<Item = Dot<'p>>, cell_bits: u32, mut show: impl FnMut(Item<'p>)) {
    let cell_of = |morton: u64| morton >> (2 * cell_bits) << (2 * cell_bits);
    let mut open: Option<(Dot<'p>, Cluster)> = None;
    let mut close = |open: Option<(Dot<'p>, Cluster)>| match open {
        Some((first, cluster)) if cluster.count == 1 => show(Item::One(first)),
        Some((_, cluster)) => show(Item::Many(cluster)),
        None => {}
    };
    for dot in dots {
        let cell = cell_of(dot.morton);
        if open.as_ref().is_none_or(|(_, cluster)| cluster.cell != cell) {
            close(open.take());
            open = Some((dot, Cluster { cell, ..Cluster::default() }));
        }
        if let Some((_, cluster)) = &mut open {
            cluster.add(&dot);
        }
    }
    close(open);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StationNo;

    /// What stands at one place, in this order, comes to.
    fn check(theirs: &[Freshness], expected: Freshness) {
        let pins: Vec<Pin> = theirs.iter().map(|one| Pin::lone(StationNo(0), StationKind::Air, (*one, None))).collect();
        let dots = pins.iter().enumerate().map(|(place, pin)| Dot {
            subject: Subject::Station(pin, place),
            morton: 0,
            position: pin.position,
            severity: None,
            freshness: Some(pin.freshness),
            heard_at: None,
            kind: Some(pin.kind),
            level: None,
        });
        let mut shown = Vec::new();
        cluster(dots, BITS, |item| shown.push(item));
        let [Item::Many(group)] = shown.as_slice() else { panic!("{shown:?}") };
        assert_eq!((group.freshness, group.count as usize), (Some(expected), theirs.len()), "{theirs:?}");
    }

    #[test]
    fn a_group_is_as_fresh_as_its_worst_station_in_service() {
        use Freshness::{Late, Live, Maintenance, Silent, Stale};
        check(&[Live, Stale, Late], Stale);
        check(&[Silent, Maintenance], Silent);
        check(&[Maintenance, Live], Live);
        check(&[Maintenance, Maintenance], Maintenance);
        check(&[Live, Maintenance, Silent, Maintenance, Late], Silent);
    }

    #[test]
    fn how_fresh_a_group_is_does_not_depend_on_the_order() {
        let all = &Freshness::ALL;
        for (a, b, c) in all.iter().flat_map(|a| all.iter().flat_map(move |b| all.iter().map(move |c| (*a, *b, *c)))) {
            assert_eq!(a.together(b), b.together(a));
            assert_eq!(a.together(b).together(c), a.together(b.together(c)), "{a:?} {b:?} {c:?}");
            assert_eq!(a.together(a), a);
        }
    }
}
