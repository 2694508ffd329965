//! The measurements of the comparison: made on the fly, from a seed, the same for every store.
//!
//! A value is a function of its station and minute alone, so that nothing is kept and late messages are no exception:
//! a daily course, slow drifts of several periods, and the noise of the sensor, rounded to the decimals that such
//! sensors send. Every station sends one message with all its properties a minute, at its own second; some messages
//! come a second or two late by the device's clock. Of the messages 0.4 % are lost and 0.6 % arrive 3 minutes to
//! 2 days late; on 3 days of 100 a station is silent for up to 6 hours.

use std::sync::LazyLock;

/// What every station measures: name, decimals.
pub const PROPERTIES: [(&str, u32); 4] = [("temperature", 1), ("humidity", 1), ("pm2_5", 1), ("water_level", 2)];
/// The property whose daily means are ranked.
pub const RANKED: usize = 2;
/// As many as the province has communes.
pub const AREAS: u32 = 38;
/// The first instant, in seconds since 1970: midnight in Viet Nam, the beginning of 2026-06-02.
pub const BEGIN: i64 = 1_780_333_200;
pub const DAY_SECONDS: i64 = 86_400;
pub const HOUR_SECONDS: i64 = 3_600;

const DAY_MINUTES: u32 = 1_440;
/// How late late messages arrive, in minutes; ascending.
const DELAYS: [u32; 4] = [3, 27, 330, 2 * DAY_MINUTES];
/// No station is silent for longer, in minutes.
const SILENCE_MAX: u32 = 360;

/// How much there is.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    pub stations: u32,
    pub minutes: u32,
}

/// One message: four values of one station at one instant.
#[derive(Clone, Copy, Debug)]
pub struct Message {
    pub station: u32,
    /// Phenomenon time, in seconds since 1970.
    pub at: i64,
    /// When it arrives.
    pub arrives: i64,
    /// In units of the last decimal.
    pub values: [i32; 4],
}

impl Message {
    pub fn value(&self, property: usize) -> f64 {
        f64::from(self.values[property]) / 10f64.powi(PROPERTIES[property].1 as i32)
    }
}

pub fn area_of(station: u32) -> u32 {
    station % AREAS
}

impl Extent {
    pub fn days(days: f64, stations: u32) -> Extent {
        Extent { stations, minutes: (days * f64::from(DAY_MINUTES)).round() as u32 }
    }

    /// The first instant after the last.
    pub fn end(&self) -> i64 {
        BEGIN + i64::from(self.minutes) * 60
    }

    /// Instants at which a bucket of this length begins.
    pub fn buckets(&self, seconds: i64) -> impl Iterator<Item = i64> + use<> {
        (BEGIN..self.end()).step_by(seconds as usize)
    }

    /// From here on every station has sent something, if it began before.
    pub fn latest_since(&self) -> i64 {
        (self.end() - i64::from(SILENCE_MAX + 60) * 60).max(BEGIN)
    }

    /// Every message that arrives, in the order of arrival.
    pub fn messages(self) -> impl Iterator<Item = Message> + Send + use<> {
        (0..self.minutes + DELAYS[DELAYS.len() - 1]).flat_map(move |arrives| {
            (0..self.stations).flat_map(move |station| {
                let late = DELAYS.iter().rev().copied();
                late.chain([0]).filter_map(move |delay| {
                    let minute = arrives.checked_sub(delay).filter(|minute| *minute < self.minutes)?;
                    (fate(station, minute) == Some(delay)).then(|| message(station, minute, arrives))
                })
            })
        })
    }
}

/// After how many minutes the message arrives; `None` when it never does.
fn fate(station: u32, minute: u32) -> Option<u32> {
    let day = dice(1, station, minute / DAY_MINUTES);
    if day.is_multiple_of(32) {
        let (from, lasts) = ((day >> 8) as u32 % DAY_MINUTES, 20 + (day >> 32) as u32 % (SILENCE_MAX - 20));
        if (from..from + lasts).contains(&(minute % DAY_MINUTES)) {
            return None;
        }
    }
    match dice(2, station, minute) % 10_000 {
        0..40 => None,
        40..70 => Some(DELAYS[0]),
        70..90 => Some(DELAYS[1]),
        90..98 => Some(DELAYS[2]),
        98..100 => Some(DELAYS[3]),
        _ => Some(0),
    }
}

fn message(station: u32, minute: u32, arrives: u32) -> Message {
    let clock = match dice(3, station, minute) % 100 {
        0..97 => 0,
        97 | 98 => 1,
        _ => 2,
    };
    let phase = (dice(4, station, 0) % 58) as i64;
    Message {
        station,
        at: BEGIN + i64::from(minute) * 60 + phase + clock,
        arrives: BEGIN + i64::from(arrives) * 60 + phase + clock,
        values: values(station, minute),
    }
}

/// Shares of the day's course, one for each minute of the day: warmth, traffic.
static COURSE: LazyLock<Vec<(f64, f64)>> = LazyLock::new(|| {
    (0..DAY_MINUTES)
        .map(|minute| {
            let hour = f64::from(minute) / 60.0;
            let warmth = ((hour - 14.0) / 24.0 * std::f64::consts::TAU).cos();
            let peak = |at: f64, width: f64| (-((hour - at) / width).powi(2)).exp();
            (warmth, peak(7.5, 1.6) + 0.8 * peak(18.0, 2.2))
        })
        .collect()
});

fn values(station: u32, minute: u32) -> [i32; 4] {
    let (warmth, traffic) = COURSE[(minute % DAY_MINUTES) as usize];
    let character = dice(5, station, 0);
    let (height, dirt, depth) = (share(character, 0), share(character, 1), share(character, 2));
    let noise = dice(6, station, minute);
    let front = drift(10, station, minute, 540);
    let temperature =
        29.0 - 9.0 * height + (2.5 + 2.0 * dirt) * warmth + 2.0 * front + 0.4 * drift(11, station, minute, 45);
    let humidity = 78.0 - 11.0 * warmth - 7.0 * front + 2.5 * drift(12, station, minute, 60);
    let pollution = (12.0 + 40.0 * dirt)
        * (1.0 + 0.6 * traffic + 0.5 * drift(13, station, minute, 480) + 0.12 * drift(14, station, minute, 20));
    let level = 0.8 + 6.0 * depth + 0.9 * drift(15, station, minute, 2_900) + 0.05 * drift(16, station, minute, 90);
    let scaled = |value: f64, decimals: u32| (value * 10f64.powi(decimals as i32)).round() as i32;
    [
        scaled(temperature + 0.08 * bell(noise, 0), PROPERTIES[0].1),
        scaled((humidity + 0.3 * bell(noise, 1)).clamp(15.0, 100.0), PROPERTIES[1].1),
        scaled((pollution * (1.0 + 0.03 * bell(noise, 2))).max(0.5), PROPERTIES[2].1),
        scaled(level + 0.008 * bell(noise, 3), PROPERTIES[3].1),
    ]
}

/// A smooth curve from -1 to 1 through random points, one in every `period` minutes.
fn drift(kind: u32, station: u32, minute: u32, period: u32) -> f64 {
    let (place, within) = (minute / period, f64::from(minute % period) / f64::from(period));
    let point = |place| share(dice(kind, station, place), 0) * 2.0 - 1.0;
    let (before, after) = (point(place), point(place + 1));
    before + (after - before) * within * within * (3.0 - 2.0 * within)
}

/// One of four steady random numbers inside a bigger one, from 0 to 1.
fn share(random: u64, which: u32) -> f64 {
    f64::from((random >> (16 * which)) as u16) / 65_535.0
}

/// Roughly a normal deviate, from -2.45 to 2.45 with variance 1: the sum of two even ones.
fn bell(random: u64, which: u32) -> f64 {
    let part = (random >> (16 * which)) as u16;
    (f64::from(part & 0xff) + f64::from(part >> 8) - 255.0) / 104.5
}

/// Steady random numbers without a generator's state (splitmix64).
fn dice(kind: u32, station: u32, place: u32) -> u64 {
    let seed = 0x5A01_A000 + u64::from(kind);
    let mut mixed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (u64::from(station) << 32 | u64::from(place));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// Decimal text of a value, as a device writes it.
pub fn write_value(text: &mut Vec<u8>, scaled: i32, decimals: u32) {
    use std::io::Write as _;
    let (unit, sign) = (10i32.pow(decimals), if scaled < 0 { "-" } else { "" });
    let (whole, rest) = (scaled.abs() / unit, scaled.abs() % unit);
    let width = decimals as usize;
    write!(text, "{sign}{whole}.{rest:0width$}").unwrap();
}
