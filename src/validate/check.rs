//! The checks that need no memory: who is it, can it be true, how old is it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{
    Arrival, Catalogue, Channel, Quality, Reading, Reason, Rejection, Sample, Station, Status, TimeClass, Timestamp,
    Unit,
};

/// What times are believed, and how late is late.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How far a device's clock may be ahead of ours, seconds; readings from further ahead are refused. 0 to 86400.
    pub future_tolerance_seconds: u32,
    /// Readings from before this year are refused: a clock that was never set says 1970 or 2000. 1970 to 2100.
    pub earliest_year: i16,
    /// A reading older than this is history handed in afterwards (`backfill`), seconds; up to it, and past the
    /// channel's interval and grace, it is `late`. 60 to 31536000.
    pub backfill_after_seconds: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { future_tolerance_seconds: 120, earliest_year: 2005, backfill_after_seconds: 6 * 3600 }
    }
}

/// Checks one reading. `station` is the look-up of its name, made once a message.
pub fn check(
    config: &Config,
    catalogue: &Catalogue,
    station: Option<&Station>,
    reading: &Reading<'_>,
    received_at: Timestamp,
    arrival: Arrival,
) -> Result<Sample, Rejection> {
    let refuse = |reason, detail: String| Err(Rejection::new(reason, &detail));
    // First, so that its dead letter says so whatever else is wrong: it stays refused when that is mended.
    if reading.time.is_none() && matches!(arrival, Arrival::Retained | Arrival::Again { was_retained: true, .. }) {
        return refuse(Reason::RetainedWithoutTime, "a retained message needs a time of its own".to_owned());
    }
    let Some(station) = station else {
        return Err(Rejection::unknown_station(&reading.station));
    };
    let Some(channel) = catalogue.channel_of(station, &reading.property) else {
        return Err(Rejection::unknown_property(station.id.as_str(), &reading.property));
    };
    if channel.retired {
        return refuse(Reason::Retired, format!("{}/{} was taken out of service", station.id, channel.property));
    }
    if catalogue.is_derived(channel.id) {
        let detail = format!("{}/{} is computed here from other channels", station.id, channel.property);
        return refuse(Reason::DerivedChannel, detail);
    }
    let Some(value) = in_unit_of(channel, reading) else {
        let (property, theirs) = (&channel.property, reading.unit.map_or("", Unit::code));
        return refuse(
            Reason::WrongUnit,
            format!("{property} in {theirs} cannot be turned into {}", channel.unit.code()),
        );
    };
    if !channel.plausible.contains(value) {
        let (min, max) = (channel.plausible.min, channel.plausible.max);
        let (property, value, unit) = (&channel.property, shown(value), channel.unit.code());
        return refuse(Reason::Implausible, format!("{property} {value} {unit} is outside {min} to {max}"));
    }
    let mut quality = match reading.status {
        Status::Measuring => Quality::GOOD,
        Status::Calibrating => Quality::CALIBRATING,
        Status::Fault => Quality::FAULT,
    };
    let observed_at = match (reading.time, arrival) {
        (Some(time), _) => time,
        (None, Arrival::Imported) => {
            return refuse(Reason::InvalidTime, "history needs a time of its own".to_owned());
        }
        (None, Arrival::Fresh | Arrival::Retained) => received_at,
        (None, Arrival::Again { first_at, .. } | Arrival::Repeated { first_at }) => first_at,
    };
    if reading.time.is_none() {
        quality = quality.with(Quality::RECEIVED_TIME);
    }
    if observed_at > received_at + Duration::from_secs(config.future_tolerance_seconds.into()) {
        return refuse(Reason::FutureTime, format!("{observed_at} is ahead of the received time {received_at}"));
    }
    if observed_at < start_of(config.earliest_year) {
        return refuse(Reason::TooOld, format!("{observed_at} is before the year {}", config.earliest_year));
    }
    let time_class = match arrival {
        Arrival::Imported => TimeClass::Imported,
        Arrival::Fresh | Arrival::Retained | Arrival::Again { .. } | Arrival::Repeated { .. } => {
            classify(config, channel, received_at.since(observed_at))
        }
    };
    Ok(Sample { channel: channel.id, observed_at, value, quality, time_class })
}

/// The value in the channel's unit; `None` when the sender's measures something else.
fn in_unit_of(channel: &Channel, reading: &Reading<'_>) -> Option<f64> {
    reading.unit.map_or(Some(reading.value), |unit| unit.convert(reading.value, channel.unit))
}

/// The class of a sample that is so old when it is taken.
pub fn classify(config: &Config, channel: &Channel, age: Duration) -> TimeClass {
    if age <= channel.interval.saturating_add(channel.link.grace()) {
        TimeClass::Live
    } else if age <= Duration::from_secs(config.backfill_after_seconds.into()) {
        TimeClass::Late
    } else {
        TimeClass::Backfill
    }
}

/// The first instant of a year, UTC, counted in mean years of the Gregorian calendar: at most a day off, which does
/// not matter for a bound that catches clocks that were never set.
fn start_of(year: i16) -> Timestamp {
    const MICROS_PER_YEAR: i64 = 31_556_952_000_000;
    Timestamp::from_micros((i64::from(year) - 1970) * MICROS_PER_YEAR)
}

/// A value as people write it: with an exponent where the plain form would be a long row of digits.
fn shown(value: f64) -> String {
    let is_ordinary = value == 0.0 || (1e-6..1e15).contains(&value.abs());
    if is_ordinary { value.to_string() } else { format!("{value:e}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        ChannelId, LinkClass, LocalName, Position, Property, Range, StationId, StationKind, StationNo, Unit,
    };

    fn catalogue() -> Catalogue {
        let name = LocalName { vi: "Tam Đường".to_owned(), en: "Tam Duong".to_owned() };
        let station = Station {
            no: StationNo(0),
            id: StationId::new("A"),
            kind: StationKind::Weather,
            name,
            position: Position { lon: 103.6, lat: 22.3 },
            area: None,
            maintenance: false,
            retired: false,
            channels: vec![ChannelId(0)],
        };
        let channel = Channel {
            id: ChannelId(0),
            station: StationNo(0),
            property: Property::new("wind_gust"),
            unit: Unit::MetrePerSecond,
            interval: Duration::from_secs(60),
            plausible: Range { min: 0.0, max: 75.0 },
            link: LinkClass::Wired,
            retired: false,
        };
        Catalogue::new(vec![], vec![], vec![station], vec![channel]).unwrap()
    }

    const NOW: Timestamp = Timestamp::from_seconds(1_795_230_900);

    #[test]
    fn a_retired_channel_takes_nothing() {
        let known = catalogue();
        let channel = Channel { retired: true, ..known.channels()[0].clone() };
        let catalogue = Catalogue::new(vec![], vec![], known.stations().to_vec(), vec![channel]).unwrap();
        let property = "wind_gust".into();
        let reading =
            Reading { station: "A".into(), property, time: None, value: 1.0, unit: None, status: Status::Measuring };
        let refused =
            check(&Config::default(), &catalogue, catalogue.station_named("A"), &reading, NOW, Arrival::Fresh);
        assert_eq!(refused.unwrap_err().reason, Reason::Retired);
    }

    fn checked(
        station: &str,
        property: &str,
        value: f64,
        age_seconds: Option<i64>,
        arrival: Arrival,
    ) -> Result<Sample, Reason> {
        let catalogue = catalogue();
        let time = age_seconds.map(|age| Timestamp::from_micros(NOW.micros() - age * 1_000_000));
        let reading = Reading {
            station: station.into(),
            property: property.into(),
            time,
            value,
            unit: None,
            status: Status::Measuring,
        };
        check(&Config::default(), &catalogue, catalogue.station_named(station), &reading, NOW, arrival)
            .map_err(|rejection| rejection.reason)
    }

    #[test]
    fn names_must_be_registered() {
        assert_eq!(checked("B", "wind_gust", 1.0, None, Arrival::Fresh), Err(Reason::UnknownStation));
        assert_eq!(checked("A", "wind_guts", 1.0, None, Arrival::Fresh), Err(Reason::UnknownProperty));
    }

    #[test]
    fn the_recorded_gust_of_468_metres_per_second_is_implausible() {
        assert_eq!(checked("A", "wind_gust", 468.7, Some(0), Arrival::Fresh), Err(Reason::Implausible));
        assert!(checked("A", "wind_gust", 75.0, Some(0), Arrival::Fresh).is_ok(), "the end of the range belongs to it");
    }

    #[test]
    fn a_detail_is_short_whatever_the_value() {
        let catalogue = catalogue();
        for (value, shown) in
            [(f64::MAX, "1.7976931348623157e308"), (-1e300, "-1e300"), (-0.5, "-0.5"), (1e14, "100000000000000")]
        {
            let property = "wind_gust".into();
            let reading =
                Reading { station: "A".into(), property, time: None, value, unit: None, status: Status::Measuring };
            let station = catalogue.station_named("A");
            let refused = check(&Config::default(), &catalogue, station, &reading, NOW, Arrival::Fresh).unwrap_err();
            assert_eq!(refused.detail, format!("wind_gust {shown} m/s is outside 0 to 75"));
        }
    }

    #[test]
    fn ages_fall_into_their_classes() {
        let class = |age| checked("A", "wind_gust", 1.0, Some(age), Arrival::Fresh).map(|sample| sample.time_class);
        assert_eq!(class(-120), Ok(TimeClass::Live));
        assert_eq!(class(-121), Err(Reason::FutureTime));
        assert_eq!(class(70), Ok(TimeClass::Live));
        assert_eq!(class(71), Ok(TimeClass::Late));
        assert_eq!(class(6 * 3600), Ok(TimeClass::Late));
        assert_eq!(class(6 * 3600 + 1), Ok(TimeClass::Backfill));
        assert_eq!(class(60 * 86_400), Ok(TimeClass::Backfill));
        assert_eq!(class(NOW.micros() / 1_000_000), Err(Reason::TooOld), "1970");
    }

    #[test]
    fn what_is_computed_here_is_taken_from_nobody() {
        let derived = crate::model::Derived { channel: ChannelId(0), from: Vec::new() };
        let catalogue = catalogue().with_derived(vec![derived]);
        let (station, time) = (catalogue.station_named("A"), Some(NOW));
        let (property, status) = ("wind_gust".into(), Status::Measuring);
        let reading = Reading { station: "A".into(), property, time, value: 1.0, unit: None, status };
        for arrival in [Arrival::Fresh, Arrival::Imported] {
            let refused = check(&Config::default(), &catalogue, station, &reading, NOW, arrival).unwrap_err();
            assert_eq!(refused.reason, Reason::DerivedChannel);
            assert_eq!(refused.detail, "A/wind_gust is computed here from other channels");
        }
    }

    #[test]
    fn imported_history_is_the_past_whatever_its_time() {
        for age in [-120, 0, 60, 7 * 3600, 60 * 86_400] {
            let class = checked("A", "wind_gust", 1.0, Some(age), Arrival::Imported).map(|sample| sample.time_class);
            assert_eq!(class, Ok(TimeClass::Imported), "{age} s old");
        }
        assert_eq!(checked("A", "wind_gust", 1.0, Some(-121), Arrival::Imported), Err(Reason::FutureTime));
        assert_eq!(checked("A", "wind_gust", 1.0, None, Arrival::Imported), Err(Reason::InvalidTime));
    }

    #[test]
    fn another_unit_is_converted_or_refused() {
        let catalogue = catalogue();
        let in_unit = |value, unit| {
            let (property, time, status) = ("wind_gust".into(), Some(NOW), Status::Measuring);
            let reading = Reading { station: "A".into(), property, time, value, unit: Some(unit), status };
            let station = catalogue.station_named("A");
            check(&Config::default(), &catalogue, station, &reading, NOW, Arrival::Fresh)
        };
        assert_eq!(in_unit(36.0, Unit::KilometrePerHour).unwrap().value, 10.0);
        assert_eq!(in_unit(74.9, Unit::MetrePerSecond).unwrap().value, 74.9);
        let refused = in_unit(271.0, Unit::KilometrePerHour).unwrap_err();
        assert_eq!(refused.reason, Reason::Implausible, "judged in the channel's unit");
        let refused = in_unit(1.0, Unit::Celsius).unwrap_err();
        assert_eq!(refused.reason, Reason::WrongUnit);
        assert_eq!(refused.detail, "wind_gust in Cel cannot be turned into m/s");
    }

    #[test]
    fn a_missing_time_is_the_received_time_and_says_so() {
        let sample = checked("A", "wind_gust", 1.0, None, Arrival::Fresh).unwrap();
        assert_eq!((sample.observed_at, sample.quality), (NOW, Quality::RECEIVED_TIME));
        assert_eq!(checked("A", "wind_gust", 1.0, None, Arrival::Retained), Err(Reason::RetainedWithoutTime));
        assert!(checked("A", "wind_gust", 1.0, Some(5), Arrival::Retained).is_ok());
        // Whatever else was wrong, it stays refused when it is handed in again.
        assert_eq!(checked("nowhere", "wind_gust", 1.0, None, Arrival::Retained), Err(Reason::RetainedWithoutTime));
        let again = Arrival::Again { of: crate::model::Seq(1), first_at: NOW, was_retained: true };
        assert_eq!(checked("A", "wind_gust", 1.0, None, again), Err(Reason::RetainedWithoutTime));
        let first_at = Timestamp::from_micros(NOW.micros() - 3_600_000_000);
        let again = checked(
            "A",
            "wind_gust",
            1.0,
            None,
            Arrival::Again { of: crate::model::Seq(1), first_at, was_retained: false },
        )
        .unwrap();
        assert_eq!((again.observed_at, again.time_class), (first_at, TimeClass::Late), "replayed, not observed again");
    }
}
