//! Messages as a pure function of plan and start: bytes and times, in the order of their times.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::Plan;
use super::device::Device;
use super::fault::{Faults, Wrong};
use super::malformed::Malformation;
use crate::json::{self, Object};
use crate::phenomena::noise::{Noise, Stream};
use crate::phenomena::{LOCAL_OFFSET_S, Moment, World};
use crate::stations::is_recorded;

/// Readings in one message when a logger hands in its memory.
const BACKLOG_READINGS_PER_MESSAGE: u64 = 100;

/// A message and when it is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Milliseconds of real time from the start.
    pub due_ms: u64,
    /// Topic.
    pub topic: String,
    /// Payload.
    pub payload: Vec<u8>,
}

/// The fleet's messages, without end.
#[derive(Debug)]
pub struct Generator {
    world: World,
    devices: Vec<Device>,
    faults: Faults,
    start: Timestamp,
    speed: f64,
    beginning_local_s: f64,
    /// When each device's next message is due: `(ms, device, step)`.
    agenda: BinaryHeap<Reverse<(u64, usize, u64)>>,
    ready: std::collections::VecDeque<Outgoing>,
}

impl Generator {
    /// The messages of a plan from `start` on; seconds are whole, so a start is cut to its second.
    pub fn new(plan: Plan, start: Timestamp) -> Self {
        let start = Timestamp::from_second(start.as_second()).unwrap_or(start);
        let speed = plan.speed.unwrap_or(plan.scenario.speed).clamp(0.001, 100_000.0);
        let noise = Noise::new(plan.seed);
        let scenario = plan.scenario;
        let beginning_local_s = match scenario.origin {
            Some(origin) => TimeZone::UTC.to_timestamp(origin).map_or(0.0, |at| at.as_second() as f64),
            None => start.as_second() as f64 + LOCAL_OFFSET_S,
        };
        let live = plan.stations.into_iter().filter(|station| !is_recorded(station) && !station.channels.is_empty());
        let devices: Vec<Device> = live.map(|station| Device::new(station, &scenario, speed, noise)).collect();
        let all = scenario.faults.iter().chain(&plan.faults).cloned().collect();
        let faults = Faults::new(all, &devices, noise);
        let agenda = devices.iter().enumerate().map(|(place, device)| Reverse((due_ms(device, 0), place, 0))).collect();
        let world = World::new(plan.terrain, scenario, plan.seed);
        Self {
            world,
            devices,
            faults,
            start,
            speed,
            beginning_local_s,
            agenda,
            ready: std::collections::VecDeque::new(),
        }
    }

    /// How many devices publish.
    pub fn device_count(&self) -> usize {
        self.devices.len()
    }

    /// What device number `place` publishes at its step: usually one message, by its faults none or many.
    pub fn step(&self, place: usize, step: u64) -> Vec<Outgoing> {
        let Some(device) = self.devices.get(place) else { return Vec::new() };
        let due_ms = due_ms(device, step);
        let wrong = self.faults.at(place, device, step);
        let mut out = Vec::new();
        if let Some(span_s) = wrong.backlog_s {
            self.backlog(device, step, span_s, &mut out);
        }
        if wrong.silent || wrong.withheld {
            return out;
        }
        out.push(self.message(device, step, &wrong));
        if wrong.with_previous && step > 0 {
            let mut previous = self.message(device, step - 1, &wrong);
            previous.due_ms = due_ms;
            out.push(previous);
        }
        if wrong.duplicate {
            out.extend_from_slice(&out.last().cloned().into_iter().collect::<Vec<_>>());
        }
        out
    }

    fn message(&self, device: &Device, step: u64, wrong: &Wrong) -> Outgoing {
        let real_s = (device.first_s + step * device.every_s) as i64;
        let observed_s = wrong.stuck_since_s.unwrap_or(real_s);
        let mut topic = format!("saola/v1/{}", device.station.id);
        let time = self.time(real_s + wrong.skew_s);
        let mut payload = self.object(device, observed_s, &time, step, wrong);
        if let Some(class) = wrong.malformation {
            let specimen = Malformation::ALL[class % Malformation::ALL.len()].specimen(&topic, &time, &payload);
            (topic, payload) = (specimen.topic, specimen.payload);
        }
        Outgoing { due_ms: due_ms(device, step), topic, payload }
    }

    fn object(&self, device: &Device, observed_s: i64, time: &str, step: u64, wrong: &Wrong) -> Vec<u8> {
        let at = Moment::new(self.beginning_local_s, observed_s as f64 * self.speed);
        let mut object = Object::at(time);
        for (place, reading) in device.read(&self.world, at, step, device.every_s as f64 * self.speed) {
            let channel = &device.station.channels[place];
            let value = match wrong.spike {
                Some(spike) if spike.channel % device.station.channels.len() == place => {
                    spike.of(reading.value, channel)
                }
                _ => reading.value,
            };
            object.number(&channel.property, value, reading.decimals);
        }
        if device.station.kind == "air" {
            object.text("status", "measuring");
        }
        object.finish()
    }

    /// All readings of the past, oldest first, a hundred in a message.
    fn backlog(&self, device: &Device, step: u64, span_s: f64, out: &mut Vec<Outgoing>) {
        let now_s = (device.first_s + step * device.every_s) as i64;
        let interval_s = device.interval_s as i64;
        let count = (span_s / device.interval_s) as u64;
        let mut objects = Vec::new();
        for back in (1..=count).rev() {
            let then_s = now_s - back as i64 * interval_s;
            objects.push(self.object(device, then_s, &self.time(then_s), back, &Wrong::default()));
            if objects.len() as u64 == BACKLOG_READINGS_PER_MESSAGE || back == 1 {
                let topic = format!("saola/v1/{}", device.station.id);
                out.push(Outgoing { due_ms: due_ms(device, step), topic, payload: json::array(&objects) });
                objects.clear();
            }
        }
    }

    /// RFC 3339 in local time with its offset.
    fn time(&self, real_s: i64) -> String {
        let at = self.start.saturating_add(SignedDuration::from_secs(real_s)).unwrap_or(self.start);
        at.display_with_offset(Offset::constant(7)).to_string()
    }
}

impl Iterator for Generator {
    type Item = Outgoing;

    fn next(&mut self) -> Option<Outgoing> {
        loop {
            if let Some(outgoing) = self.ready.pop_front() {
                return Some(outgoing);
            }
            let Reverse((_, place, step)) = self.agenda.pop()?;
            self.ready.extend(self.step(place, step));
            let device = self.devices.get(place)?;
            self.agenda.push(Reverse((due_ms(device, step + 1), place, step + 1)));
        }
    }
}

fn due_ms(device: &Device, step: u64) -> u64 {
    (device.first_s + step * device.every_s) * 1000 + device.latency_ms
}

/// Chance for a step of a device.
pub(super) fn chance(noise: Noise, name: &str, device: &Device, step: u64) -> f64 {
    noise.uniform(Stream::of(name, device.key), step as i64)
}
