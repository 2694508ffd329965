//! What is wrong with a device at a step: a pure function of faults, seed and time.

use super::device::Device;
use super::generator::chance;
use crate::phenomena::noise::{Noise, Stream};
use crate::scenario::{Fault, FaultKind};
use crate::stations::Channel;

/// Default of `clock_skew`: two hours slow.
const SKEW_S: f64 = -7_200.0;
/// Default of `backlog`: 60 days, what a station's logger must be able to keep.
const BACKLOG_S: f64 = 60.0 * 86_400.0;

/// What is wrong with one message of a device.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Wrong {
    /// Nothing is published.
    pub silent: bool,
    /// The message waits for the next one.
    pub withheld: bool,
    /// The message before is published after this one.
    pub with_previous: bool,
    /// The message is published twice.
    pub duplicate: bool,
    /// Values are those of this real second.
    pub stuck_since_s: Option<i64>,
    /// The device's clock is this much ahead.
    pub skew_s: i64,
    /// One channel is far off.
    pub spike: Option<Spike>,
    /// The message is no message: number of the class.
    pub malformation: Option<usize>,
    /// Readings of the past this long are handed in before the message.
    pub backlog_s: Option<f64>,
}

/// A value far off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spike {
    /// Which channel, modulo their number.
    pub channel: usize,
    /// Whether it leaves the plausible range.
    pub reach: Reach,
}

/// How far off a spike is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Near the end of the plausible range.
    Plausible,
    /// Beyond it.
    Implausible,
}

impl Spike {
    /// The value instead of `value`.
    pub fn of(self, value: f64, channel: &Channel) -> f64 {
        let width = channel.max - channel.min;
        if !width.is_finite() || width > 1e12 {
            return value * 100.0 + 1000.0;
        }
        match self.reach {
            Reach::Plausible => channel.min + width * 0.97,
            Reach::Implausible => channel.max + width * 0.5 + 1.0,
        }
    }
}

/// The faults with the devices they concern.
#[derive(Debug)]
pub struct Faults {
    noise: Noise,
    faults: Vec<(Fault, Vec<bool>)>,
}

impl Faults {
    /// Decides which devices each fault concerns.
    pub fn new(faults: Vec<Fault>, devices: &[Device], noise: Noise) -> Self {
        let faults = faults.into_iter().enumerate().map(|(number, fault)| {
            let stream = |device: &Device| Stream::of("faulty", device.key ^ (number as u64).rotate_left(40));
            let concerns = devices.iter().map(|device| {
                if fault.stations.is_empty() {
                    noise.uniform(stream(device), 0) < fault.share
                } else {
                    fault.stations.iter().any(|pattern| fits(pattern, &device.station.id))
                }
            });
            let concerns = concerns.collect();
            (fault, concerns)
        });
        Self { noise, faults: faults.collect() }
    }

    /// What is wrong with device number `place` at its step.
    pub fn at(&self, place: usize, device: &Device, step: u64) -> Wrong {
        let mut wrong = Wrong::default();
        let now_s = second(device, step);
        for (fault, _) in self.faults.iter().filter(|(_, concerns)| concerns.get(place) == Some(&true)) {
            let Some(age_s) = age(fault, now_s) else { continue };
            match fault.kind {
                FaultKind::Silence => wrong.silent = true,
                FaultKind::Stuck => wrong.stuck_since_s = Some((now_s - age_s) as i64),
                FaultKind::ClockSkew => wrong.skew_s = fault.amount.map_or(SKEW_S, |span| span.seconds()) as i64,
                FaultKind::Duplicate => wrong.duplicate = true,
                FaultKind::OutOfOrder => {
                    let both = |other: u64| age(fault, second(device, other)).is_some();
                    wrong.withheld |= step.is_multiple_of(2) && both(step + 1);
                    wrong.with_previous |= step % 2 == 1 && both(step - 1);
                }
                FaultKind::Spike => {
                    let draw = chance(self.noise, "spike", device, step);
                    if draw < 0.15 {
                        let reach = if draw < 0.1 { Reach::Implausible } else { Reach::Plausible };
                        let channel = (chance(self.noise, "spike channel", device, step) * 64.0) as usize;
                        wrong.spike = Some(Spike { channel, reach });
                    }
                }
                // Two of three messages stay whole: the device is ill, not gone.
                FaultKind::Malformed if step.is_multiple_of(3) => {
                    wrong.malformation = Some((step / 3) as usize + (device.key % 97) as usize)
                }
                FaultKind::Malformed => {}
                FaultKind::Backlog if age_s < device.every_s as f64 => {
                    wrong.backlog_s = Some(fault.amount.map_or(BACKLOG_S, |span| span.seconds()));
                }
                FaultKind::Backlog => {}
            }
        }
        wrong
    }
}

/// Seconds since the fault began, while it lasts.
fn age(fault: &Fault, now_s: f64) -> Option<f64> {
    let elapsed = now_s - fault.after.seconds();
    if elapsed < 0.0 {
        return None;
    }
    let age = match fault.repeat.map(|repeat| repeat.seconds()).filter(|repeat| *repeat > 0.0) {
        Some(repeat) => elapsed % repeat,
        None => elapsed,
    };
    fault.lasts.is_none_or(|lasts| age < lasts.seconds()).then_some(age)
}

fn second(device: &Device, step: u64) -> f64 {
    (device.first_s + step * device.every_s) as f64
}

fn fits(pattern: &str, station: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => station.starts_with(beginning),
        None => station == pattern,
    }
}
