//! Flow, speed, occupancy and travel time at a detector.
//!
//! Demand follows the local day: two rush hours on weekdays, one flat hill at the week's end. Speed falls as flow
//! nears capacity and in rain; a slide close by closes the road. Occupancy follows from flow and speed.

use super::noise::Stream;
use super::{Moment, Place, World, bell, events, rise};
use crate::span::Span;
use crate::terrain::Demand;

/// Mean length that a vehicle and the loop cover together, metres; motorcycles are most of them.
const EFFECTIVE_LENGTH_M: f64 = 4.5;
/// How far a closed road is felt, km.
const CLOSURE_REACH_KM: f64 = 7.0;

/// The traffic at a detector.
#[derive(Clone, Copy, Debug)]
pub struct Traffic {
    /// Vehicles an hour.
    pub flow_per_hour: f64,
    /// Mean speed, km/h.
    pub speed_kmh: f64,
    /// Share of the time that the detector is covered, %.
    pub occupancy: f64,
    /// Time for its stretch of road, s.
    pub travel_time_s: f64,
}

impl World {
    /// The traffic at a detector; `key` is its own number for chance.
    pub fn traffic(&self, station: &str, key: u64, place: Place, at: Moment) -> Traffic {
        let demand = self.terrain.demand.get(station).copied().unwrap_or(Demand {
            peak_per_hour: 300.0,
            free_flow_kmh: 50.0,
            length_km: 5.0,
        });
        let wet = 1.0 - libm::exp(-self.rain_mm_h(place, at) / 8.0);
        let closed = self.closure(place, at);
        let chance = self.noise.rough(Stream::of("flow", key), at.periods(Span(600.0)));
        let wanted = demand.peak_per_hour * self.wish_to_travel(at) * (1.0 + 0.14 * chance) * (1.0 - 0.35 * wet);
        let flow = (wanted * (1.0 - 0.97 * closed)).max(0.0);
        let load = (wanted / (demand.peak_per_hour * 1.2)).min(1.1);
        let chance = self.noise.rough(Stream::of("speed", key), at.periods(Span(420.0)));
        let speed = demand.free_flow_kmh
            * (1.0 - 0.4 * load * load * load)
            * (1.0 - 0.22 * wet)
            * (1.0 + 0.05 * chance)
            * (1.0 - 0.9 * closed);
        let speed = speed.max(2.5);
        let moving = flow / speed * EFFECTIVE_LENGTH_M / 1000.0 * 100.0;
        let standing = 55.0 * closed * (wanted / demand.peak_per_hour).min(1.0);
        Traffic {
            flow_per_hour: libm::round(flow),
            speed_kmh: speed,
            occupancy: (moving + standing).min(98.0),
            travel_time_s: demand.length_km / speed * 3600.0,
        }
    }

    /// Demand at this hour as a share of the busiest ordinary one.
    fn wish_to_travel(&self, at: Moment) -> f64 {
        let hour = at.hour();
        let hill = |middle: f64, width: f64| bell((hour - middle + 12.0).rem_euclid(24.0) - 12.0, width);
        let night = 0.03;
        if at.weekday() < 5 {
            night
                + 0.42 * rise(hour, 5.0, 8.0) * (1.0 - rise(hour, 18.5, 22.5))
                + 0.55 * hill(6.9, 0.8)
                + 0.2 * hill(11.3, 0.8)
                + 0.53 * hill(17.0, 1.0)
        } else {
            // Markets in the morning, the way home in the afternoon.
            night
                + 0.45 * rise(hour, 5.5, 9.0) * (1.0 - rise(hour, 18.0, 22.5))
                + 0.25 * hill(9.0, 1.6)
                + 0.28 * hill(16.5, 1.8)
        }
    }

    /// 1 on a road that a slide has closed, falling to 0 some kilometres away and as it is cleared.
    fn closure(&self, place: Place, at: Moment) -> f64 {
        let mut closed: f64 = 0.0;
        for slide in &self.scenario.slides {
            let Some(now) = events::latest(slide.when, at.since_s) else { continue };
            let lasts = slide.closed.seconds();
            let strength = rise(now.age_s, 0.0, lasts * 0.08) * (1.0 - rise(now.age_s, lasts * 0.8, lasts));
            let near = 1.0 - rise(place.distance(Place::of(slide.place)), 0.4 * CLOSURE_REACH_KM, CLOSURE_REACH_KM);
            closed = closed.max(strength * near);
        }
        closed
    }
}
