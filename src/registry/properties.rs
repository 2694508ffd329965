//! What is known of properties by their names: the unit, the interval and the limits that a channel has when nobody
//! says otherwise. Our choice, from the stations as shipped; a channel's own declaration goes before it.
//!
//! The limits are wide: they tell what cannot be from what may be, for any station of the province.

use std::time::Duration;

use super::station_file::ChannelDeclaration;
use crate::model::{LinkClass, Property, Range, Unit};

/// What a channel of a property has by default.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PropertyDefaults {
    /// The property's name.
    pub property: &'static str,
    /// Unit of its values.
    pub unit: Unit,
    /// Expected time between samples, seconds.
    pub interval_s: u64,
    /// Plausible values, in the unit.
    pub plausible: Range,
}

const fn known(property: &'static str, unit: Unit, interval_s: u64, min: f64, max: f64) -> PropertyDefaults {
    PropertyDefaults { property, unit, interval_s, plausible: Range { min, max } }
}

/// The table, by name.
pub const PROPERTIES: &[PropertyDefaults] = &[
    known("acoustic_score", Unit::One, 300, 0.0, 1.0),
    known("air_pressure", Unit::Hectopascal, 300, 600.0, 1060.0),
    known("air_temperature", Unit::Celsius, 300, -15.0, 48.0),
    known("battery_voltage", Unit::Volt, 300, 0.0, 20.0),
    known("camera_fire_score", Unit::One, 300, 0.0, 1.0),
    known("co", Unit::MicrogramPerCubicMetre, 300, 0.0, 60_000.0),
    known("dew_point", Unit::Celsius, 300, -30.0, 35.0),
    known("discharge", Unit::CubicMetrePerSecond, 300, 0.0, 25_000.0),
    known("no2", Unit::MicrogramPerCubicMetre, 300, 0.0, 2000.0),
    known("o3", Unit::MicrogramPerCubicMetre, 300, 0.0, 1500.0),
    known("occupancy", Unit::Percent, 60, 0.0, 100.0),
    known("pm10", Unit::MicrogramPerCubicMetre, 300, 0.0, 2000.0),
    known("pm2_5", Unit::MicrogramPerCubicMetre, 300, 0.0, 1500.0),
    known("rainfall", Unit::Millimetre, 300, 0.0, 200.0),
    known("relative_humidity", Unit::Percent, 300, 1.0, 100.0),
    known("smoke", Unit::One, 300, 0.0, 1.0),
    known("so2", Unit::MicrogramPerCubicMetre, 300, 0.0, 2000.0),
    known("travel_time", Unit::Second, 60, 1.0, 16_800.0),
    known("vehicle_flow", Unit::PerHour, 60, 0.0, 6000.0),
    known("vehicle_speed", Unit::KilometrePerHour, 60, 0.0, 160.0),
    known("visibility", Unit::Kilometre, 300, 0.0, 80.0),
    known("water_flow", Unit::LitrePerSecond, 300, 0.0, 3_000_000.0),
    known("water_level", Unit::Metre, 300, -1.0, 25.0),
    known("wind_direction", Unit::Degree, 300, 0.0, 360.0),
    known("wind_gust", Unit::MetrePerSecond, 300, 0.0, 75.0),
    known("wind_speed", Unit::MetrePerSecond, 300, 0.0, 75.0),
];

impl PropertyDefaults {
    /// What is known of a property; `None` for a name that is not in the table.
    pub fn of(property: &str) -> Option<&'static PropertyDefaults> {
        PROPERTIES.iter().find(|known| known.property == property)
    }

    /// A channel with nothing but defaults.
    pub fn channel(&self, link: LinkClass) -> ChannelDeclaration {
        ChannelDeclaration {
            property: Property::new(self.property),
            unit: self.unit,
            interval: Duration::from_secs(self.interval_s),
            plausible: self.plausible,
            link,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::registry::Declared;

    #[test]
    fn every_property_of_the_shipped_stations_is_known_in_a_unit_that_converts() {
        let declared = Declared::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("config")).unwrap();
        let catalogue = declared.catalogue();
        for channel in catalogue.channels().iter().filter(|channel| !catalogue.is_derived(channel.id)) {
            let known = PropertyDefaults::of(channel.property.as_str());
            let known = known.unwrap_or_else(|| panic!("{} is not in the table", channel.property));
            assert!(channel.unit.convert(1.0, known.unit).is_some(), "{}", channel.property);
        }
        assert!(PROPERTIES.is_sorted_by_key(|known| known.property));
        assert!(PROPERTIES.iter().all(|known| known.plausible.min < known.plausible.max && known.interval_s > 0));
    }
}
