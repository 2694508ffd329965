//! A flood wave that travels down the gauges.
//!
//! Rain on a gauge's own catchment arrives spread over a triangle around its concentration time; the surplus of the
//! gauges above arrives after their lag, a little flattened. The level follows the flow by the gauge's rating.

use super::noise::Stream;
use super::{Moment, Place, World};
use crate::span::Span;
use crate::terrain::Terrain;

/// Share of the rain that runs off on wet mountain ground.
const RUNOFF: f64 = 0.4;
/// Points of the past at which a catchment's rain is asked for.
const HYDROGRAPH_POINTS: u32 = 10;
/// What is left of a wave's height from one gauge to the next.
const ATTENUATION: f64 = 0.92;

/// A river at a gauge.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    /// Flow, m³/s.
    pub discharge_m3s: f64,
    /// Reading of the staff, m.
    pub level_m: f64,
}

/// The gauges with their references resolved.
#[derive(Debug)]
pub struct Rivers {
    gauges: Vec<Reach>,
}

#[derive(Debug)]
struct Reach {
    station: String,
    catchment: Vec<Place>,
    /// Place in the list, always a lower one, and the lag in seconds.
    above: Vec<(usize, f64)>,
}

impl Rivers {
    /// From a terrain whose gauges are listed from above.
    pub fn new(terrain: &Terrain) -> Self {
        let place_of = |station: &str| terrain.gauges.iter().position(|gauge| gauge.station == station);
        let gauges = terrain.gauges.iter().map(|gauge| Reach {
            station: gauge.station.clone(),
            catchment: gauge.catchment.iter().map(|point| Place::of(*point)).collect(),
            above: gauge.upstream.iter().filter_map(|up| Some((place_of(&up.station)?, up.lag.seconds()))).collect(),
        });
        Self { gauges: gauges.collect() }
    }

    fn index(&self, station: &str) -> Option<usize> {
        self.gauges.iter().position(|gauge| gauge.station == station)
    }
}

impl World {
    /// The river at a gauge; `None` for one that the terrain does not know.
    pub fn river(&self, station: &str, key: u64, at: Moment) -> Option<Stage> {
        let index = self.rivers.index(station)?;
        let gauge = self.terrain.gauges.get(index)?;
        let season = libm::cos(std::f64::consts::TAU * (at.year_share() - 0.6));
        let base = gauge.base_m3s
            * (1.0 + 0.35 * season)
            * (1.0 + 0.04 * self.noise.rough(Stream::of("base flow", key), at.periods(Span(14_400.0))));
        let discharge = base + self.surplus(index, at);
        let ripple = 0.006 * self.noise.rough(Stream::of("ripple", key), at.periods(Span(240.0)));
        let level = gauge.base_level_m * libm::pow(discharge / gauge.base_m3s, gauge.rating) + ripple;
        Some(Stage { discharge_m3s: discharge, level_m: level })
    }

    /// What rain adds to the flow at a gauge, m³/s.
    fn surplus(&self, index: usize, at: Moment) -> f64 {
        let (Some(gauge), Some(reach)) = (self.terrain.gauges.get(index), self.rivers.gauges.get(index)) else {
            return 0.0;
        };
        let concentration = gauge.concentration.seconds();
        let (mut rain, mut weights) = (0.0, 0.0);
        for point in 0..HYDROGRAPH_POINTS {
            // A triangle from now to twice the concentration time ago, highest at the concentration time.
            let share = (f64::from(point) + 0.5) / f64::from(HYDROGRAPH_POINTS) * 2.0;
            let weight = 1.0 - libm::fabs(share - 1.0);
            let then = at.before(share * concentration);
            let mean: f64 = reach.catchment.iter().map(|place| self.rain_mm_h(*place, then)).sum::<f64>()
                / reach.catchment.len().max(1) as f64;
            rain += weight * mean;
            weights += weight;
        }
        // mm/h on a km² is 1/3.6 m³/s.
        let own = RUNOFF * (rain / weights) * gauge.area_km2 / 3.6;
        let from_above: f64 =
            reach.above.iter().map(|(above, lag)| ATTENUATION * self.surplus(*above, at.before(*lag))).sum();
        own + from_above
    }
}
