//! What is expected of samples beyond the plausible range, and when devices sleep: read from files, journaled when it
//! changes (`Body::Policy`), so that replay judges by what was in force.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Property, Range, StationId, Unit};

/// How the samples of a property are looked at. A part that is `None` is not looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// The unit of every number here.
    pub unit: Unit,
    /// What is to be expected, both ends included; outside it a sample is flagged.
    pub range: Option<Range>,
    /// How fast it can change.
    pub step: Option<Step>,
    /// How long it can stand still.
    pub stuck: Option<Stuck>,
}

/// The most that a value may differ from the one before: the greater of the two.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// From one sample to the next, however short the time between them; more than 0.
    pub by: f64,
    /// For each hour between them; 0 or more.
    pub per_hour: f64,
}

/// When a value that does not move is suspicious.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stuck {
    /// How long it must not have moved; never less than four of the channel's intervals.
    pub after: Duration,
    /// What counts as not moving: no further than this from the first of the same values; 0 or more.
    pub tolerance: f64,
    /// Values at which it may stand for ever: no rain, calm air, saturated air.
    pub except: Vec<f64>,
}

/// When a device is awake; while it sleeps, nothing is expected of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Awake {
    /// Every day from one time of day to another, in minutes after midnight; past midnight when the second is not
    /// later than the first.
    Daily {
        /// 0 to 1439.
        from_minute: u16,
        /// 0 to 1439.
        to_minute: u16,
        /// IANA name of the time zone.
        zone: String,
    },
    /// From sunrise to sunset at the station's place.
    Solar,
}

/// The quality checks and sleep schedules in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// A device whose time is further ahead of ours is said to have a wrong clock.
    pub clock_ahead: Duration,
    /// By property.
    pub properties: BTreeMap<Property, Limits>,
    /// Channels that differ: whole, not only what differs.
    pub channels: BTreeMap<(StationId, Property), Limits>,
    /// Sleep schedules: of a channel, or (`None`) of a whole station.
    pub awake: BTreeMap<(StationId, Option<Property>), Awake>,
}

impl Default for Policy {
    /// Nothing is looked at, nobody sleeps.
    fn default() -> Self {
        let (properties, channels, awake) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { clock_ahead: Duration::from_secs(10), properties, channels, awake }
    }
}

impl Policy {
    /// What is expected of a channel; `None` when it is not looked at.
    pub fn limits(&self, station: &StationId, property: &Property) -> Option<&Limits> {
        let own = self.channels.get(&(station.clone(), property.clone()));
        own.or_else(|| self.properties.get(property))
    }

    /// When a channel is awake; `None` for always.
    pub fn awake(&self, station: &StationId, property: &Property) -> Option<&Awake> {
        let own = self.awake.get(&(station.clone(), Some(property.clone())));
        own.or_else(|| self.awake.get(&(station.clone(), None)))
    }
}

impl Limits {
    /// The same in another unit; `None` when that measures something else.
    pub fn converted(&self, to: Unit) -> Option<Limits> {
        let value = |value: f64| self.unit.convert(value, to);
        // A difference: without the offset between two scales of temperature.
        let difference = |by: f64| Some(value(by)? - value(0.0)?);
        let range = match self.range {
            None => None,
            Some(range) => Some(Range { min: value(range.min)?, max: value(range.max)? }),
        };
        let step = match self.step {
            None => None,
            Some(step) => Some(Step { by: difference(step.by)?, per_hour: difference(step.per_hour)? }),
        };
        let stuck = match &self.stuck {
            None => None,
            Some(stuck) => Some(Stuck {
                after: stuck.after,
                tolerance: difference(stuck.tolerance)?,
                except: stuck.except.iter().map(|at| value(*at)).collect::<Option<_>>()?,
            }),
        };
        Some(Limits { unit: to, range, step, stuck })
    }
}
