//! Which stations of a layer are to be shown, and how densely: what a map asks of its tiles beside their place.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::picture::Pin;
use super::points::{COARSE, FINE};
use super::tile::POINTS_MAX;
use crate::model::{Freshness, Severity, StationKind};

/// See the module. Nothing named in a group means all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Wish {
    /// Bits by the place in [`StationKind::ALL`].
    kinds: u8,
    /// Bits by the place in [`Freshness::ALL`].
    freshness: u8,
    /// Bits by the place in [`Severity::ALL`].
    severities: u8,
    /// The most points of one tile; `None` for [`POINTS_MAX`].
    points_max: Option<u16>,
}

impl Wish {
    /// Only stations of these kinds, as fresh as one of these, and whose worst open alert is one of these.
    pub fn only(kinds: &[StationKind], freshness: &[Freshness], severities: &[Severity]) -> Wish {
        let kinds = kinds.iter().fold(0, |bits, kind| bits | 1 << *kind as u8);
        let freshness = freshness.iter().fold(0, |bits, one| bits | 1 << *one as u8);
        let severities = severities.iter().fold(0, |bits, one| bits | 1 << *one as u8);
        Wish { kinds, freshness, severities, points_max: None }
    }

    /// The same with at most so many points in a tile (at most [`POINTS_MAX`]); where there are more, they are in clusters
    /// as far from each other as below the detail zoom.
    #[must_use]
    pub fn with_points(self, points_max: u16) -> Wish {
        Wish { points_max: Some(points_max), ..self }
    }

    /// Whether a station is to be shown.
    #[inline]
    pub fn admits(&self, pin: &Pin) -> bool {
        let has = |bits: u8, place: u8| bits == 0 || bits & 1 << place != 0;
        has(self.kinds, pin.kind as u8)
            && has(self.freshness, pin.freshness as u8)
            && (self.severities == 0 || pin.severity.is_some_and(|severity| has(self.severities, severity as u8)))
    }

    /// Whether it asks for nothing in particular.
    pub fn is_any(&self) -> bool {
        *self == Wish::default()
    }

    /// The most points of a tile, and into how many cells its side is divided where there are more, as a power of two.
    pub fn grain(&self) -> (usize, u32) {
        self.points_max.map_or((POINTS_MAX, FINE), |most| (usize::from(most).min(POINTS_MAX), COARSE))
    }

    /// Another number for another wish; 0 for none.
    pub fn number(&self) -> u64 {
        if self.is_any() {
            return 0;
        }
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StationNo;

    fn pin(kind: StationKind, freshness: Freshness, severity: Option<Severity>) -> Pin {
        Pin::lone(StationNo(0), kind, (freshness, severity))
    }

    #[test]
    fn nothing_named_is_everything_and_groups_narrow_each_other() {
        let silent = pin(StationKind::Meter, Freshness::Silent, None);
        let alerted = pin(StationKind::Traffic, Freshness::Maintenance, Some(Severity::Catastrophic));
        let check = |wish: Wish, expected: [bool; 2]| {
            assert_eq!([wish.admits(&silent), wish.admits(&alerted)], expected, "{wish:?}");
        };
        check(Wish::default(), [true, true]);
        check(Wish::only(&[StationKind::Meter], &[], &[]), [true, false]);
        check(Wish::only(&[], &[Freshness::Maintenance, Freshness::Live], &[]), [false, true]);
        check(Wish::only(&[], &[], &[Severity::Catastrophic]), [false, true]);
        check(Wish::only(&StationKind::ALL, &[], &Severity::ALL), [false, true]);
        check(Wish::only(&[StationKind::Traffic], &[Freshness::Silent], &[]), [false, false]);
    }

    #[test]
    fn every_wish_has_a_number_of_its_own() {
        let wishes = [
            Wish::default(),
            Wish::only(&[StationKind::Air], &[], &[]),
            Wish::only(&[], &[Freshness::Late], &[]),
            Wish::only(&[], &[], &[Severity::Medium]),
            Wish::default().with_points(200),
            Wish::default().with_points(100),
        ];
        let numbers: std::collections::BTreeSet<u64> = wishes.iter().map(Wish::number).collect();
        assert_eq!((numbers.len(), wishes[0].number()), (wishes.len(), 0));
    }
}
