//! Who is near: the places of one group's alerts that a new alert can still fold with, found without asking each of
//! them.
//!
//! Space (the earth in metres, see [`geodesy::geocentric_m`]) is cut into cubes so small that whoever is in one of them
//! is near everybody else in it: a new alert is of its own cube's incidents without any comparison. Of the cubes around
//! only those of *other* incidents are asked, each for its nearest place, by a tree. So a storm of thousands of alerts
//! in one valley costs each of them some look-ups, however many came before.
//!
//! Invariants: made from the members of the incidents alone; places are counted, since several alerts share a station.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use rstar::RTree;

use super::incident::Member;
use super::plan::Group;
use crate::geodesy;
use crate::model::{AreaId, IncidentId, Position};

/// A cube's side, as a part of the radius: its diagonal is a little shorter than the radius.
const SIDE: f64 = 0.577;
/// So many cubes away there may still be somebody near: the radius is shorter than two sides.
const REACH: i32 = 2;

/// A point as the bits of its coordinates, so that the same place is found again.
type Bits = [u64; 3];

#[derive(Clone, Debug, Default)]
struct Places {
    tree: RTree<[f64; 3]>,
    counts: HashMap<Bits, u32>,
}

impl Places {
    fn add(&mut self, point: [f64; 3]) {
        let count = self.counts.entry(point.map(f64::to_bits)).or_insert(0);
        *count += 1;
        if *count == 1 {
            self.tree.insert(point);
        }
    }

    fn take(&mut self, point: [f64; 3]) {
        let bits = point.map(f64::to_bits);
        let Some(count) = self.counts.get_mut(&bits) else { return };
        *count -= 1;
        if *count == 0 {
            self.counts.remove(&bits);
            self.tree.remove(&point);
        }
    }
}

impl PartialEq for Places {
    fn eq(&self, other: &Self) -> bool {
        self.counts == other.counts
    }
}

/// The places of one group.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Near {
    radius_m: f64,
    by_commune: bool,
    cubes: HashMap<[i32; 3], BTreeMap<IncidentId, Places>>,
    communes: BTreeMap<AreaId, BTreeMap<IncidentId, u32>>,
}

impl Near {
    pub(super) fn new(group: &Group) -> Near {
        let (cubes, communes) = (HashMap::new(), BTreeMap::new());
        Near { radius_m: group.radius_m, by_commune: group.by_commune, cubes, communes }
    }

    fn cube(&self, point: [f64; 3]) -> [i32; 3] {
        // The earth has some 6.4e6 m and the least radius is 10 m: far inside 32 bits.
        point.map(|axis| (axis / (self.radius_m * SIDE)).floor() as i32)
    }

    pub(super) fn add(&mut self, incident: &IncidentId, member: &Member) {
        if let Some(point) = member.position.map(geodesy::geocentric_m) {
            let cube = self.cubes.entry(self.cube(point)).or_default();
            cube.entry(incident.clone()).or_default().add(point);
        }
        if let Some(area) = member.area.as_ref().filter(|_| self.by_commune) {
            *self.communes.entry(area.clone()).or_default().entry(incident.clone()).or_default() += 1;
        }
    }

    pub(super) fn take(&mut self, incident: &IncidentId, member: &Member) {
        if let Some(point) = member.position.map(geodesy::geocentric_m) {
            let key = self.cube(point);
            if let Some(cube) = self.cubes.get_mut(&key)
                && let Some(places) = cube.get_mut(incident)
            {
                places.take(point);
                if places.counts.is_empty() {
                    cube.remove(incident);
                }
                if cube.is_empty() {
                    self.cubes.remove(&key);
                }
            }
        }
        if let Some(area) = member.area.as_ref().filter(|_| self.by_commune)
            && let Some(commune) = self.communes.get_mut(area)
            && let Some(count) = commune.get_mut(incident)
        {
            *count -= 1;
            if *count == 0 {
                commune.remove(incident);
            }
            if commune.is_empty() {
                self.communes.remove(area);
            }
        }
    }

    /// The incidents with a place within the radius, or in the same commune where that is near enough. `asked` counts
    /// the trees that were asked.
    pub(super) fn around(
        &self,
        position: Option<Position>,
        area: Option<&AreaId>,
        asked: &mut u64,
    ) -> BTreeSet<IncidentId> {
        let mut found = BTreeSet::new();
        if let Some(commune) = area.and_then(|area| self.communes.get(area)) {
            found.extend(commune.keys().cloned());
        }
        let Some(point) = position.map(geodesy::geocentric_m) else { return found };
        let [x, y, z] = self.cube(point);
        if let Some(own) = self.cubes.get(&[x, y, z]) {
            found.extend(own.keys().cloned());
        }
        let (reach, radius2) = (-REACH..=REACH, self.radius_m * self.radius_m);
        for cube in reach.clone().flat_map(|i| reach.clone().map(move |j| (i, j))).flat_map(|(i, j)| {
            reach.clone().filter_map(move |k| (![i, j, k].eq(&[0; 3])).then_some([x + i, y + j, z + k]))
        }) {
            for (incident, places) in self.cubes.get(&cube).into_iter().flatten() {
                if found.contains(incident) {
                    continue;
                }
                *asked += 1;
                let nearest = places.tree.nearest_neighbor(&point);
                let near = nearest.is_some_and(|place| {
                    let apart2: f64 = (0..3).map(|axis| (place[axis] - point[axis]).powi(2)).sum();
                    apart2 <= radius2
                });
                if near {
                    found.insert(incident.clone());
                }
            }
        }
        found
    }
}
