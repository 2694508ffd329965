//! Units of measure by their UCUM codes (<https://ucum.org>), and conversion inside one dimension.
//!
//! A closed table: a channel's unit must be in it, so that a source that declares another unit is converted or
//! refused, never taken as it is. Factors are exact by definition (mile 1609.344 m, inch 25.4 mm, °F as 5/9).

use serde::{Deserialize, Serialize};

macro_rules! units {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $dimension:ident, $factor:expr, $offset:expr;)*) => {
        /// A unit that Saola knows. Order is part of the journal's format: append only.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Unit { $($(#[$doc])* $variant,)* }

        impl Unit {
            /// Every unit, in order.
            pub const ALL: &'static [Unit] = &[$(Unit::$variant,)*];

            /// The UCUM code.
            pub fn code(self) -> &'static str {
                match self { $(Unit::$variant => $code,)* }
            }

            /// `base = value * factor + offset`, in the first unit of its dimension.
            fn to_base(self) -> (Dimension, f64, f64) {
                match self { $(Unit::$variant => (Dimension::$dimension, $factor, $offset),)* }
            }
        }
    };
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Dimension {
    One,
    Temperature,
    Speed,
    Length,
    Pressure,
    Concentration,
    Time,
    Flow,
    PerTime,
    Angle,
    Sound,
    Energy,
    Power,
    Voltage,
    Current,
    Frequency,
    Volume,
    Irradiance,
    Illuminance,
    Conductivity,
    Ph,
    Turbidity,
}

units! {
    /// A plain number.
    One = "1", One, 1.0, 0.0;
    /// Per cent.
    Percent = "%", One, 0.01, 0.0;
    /// Parts per million.
    PartsPerMillion = "[ppm]", One, 1e-6, 0.0;
    /// Degree Celsius.
    Celsius = "Cel", Temperature, 1.0, 0.0;
    /// Kelvin.
    Kelvin = "K", Temperature, 1.0, -273.15;
    /// Degree Fahrenheit.
    Fahrenheit = "[degF]", Temperature, 5.0 / 9.0, -160.0 / 9.0;
    /// Metre per second.
    MetrePerSecond = "m/s", Speed, 1.0, 0.0;
    /// Kilometre per hour.
    KilometrePerHour = "km/h", Speed, 1.0 / 3.6, 0.0;
    /// Mile per hour.
    MilePerHour = "[mi_i]/h", Speed, 0.44704, 0.0;
    /// Knot.
    Knot = "[kn_i]", Speed, 1852.0 / 3600.0, 0.0;
    /// Metre.
    Metre = "m", Length, 1.0, 0.0;
    /// Millimetre (of rain, of displacement).
    Millimetre = "mm", Length, 1e-3, 0.0;
    /// Centimetre (of stage).
    Centimetre = "cm", Length, 1e-2, 0.0;
    /// Kilometre (of visibility).
    Kilometre = "km", Length, 1e3, 0.0;
    /// Inch.
    Inch = "[in_i]", Length, 0.0254, 0.0;
    /// Hectopascal.
    Hectopascal = "hPa", Pressure, 1.0, 0.0;
    /// Pascal.
    Pascal = "Pa", Pressure, 0.01, 0.0;
    /// Kilopascal.
    Kilopascal = "kPa", Pressure, 10.0, 0.0;
    /// Microgram per cubic metre.
    MicrogramPerCubicMetre = "ug/m3", Concentration, 1.0, 0.0;
    /// Milligram per cubic metre.
    MilligramPerCubicMetre = "mg/m3", Concentration, 1e3, 0.0;
    /// Milligram per litre.
    MilligramPerLitre = "mg/L", Concentration, 1e6, 0.0;
    /// Second.
    Second = "s", Time, 1.0, 0.0;
    /// Minute.
    Minute = "min", Time, 60.0, 0.0;
    /// Cubic metre per second.
    CubicMetrePerSecond = "m3/s", Flow, 1.0, 0.0;
    /// Litre per second.
    LitrePerSecond = "L/s", Flow, 1e-3, 0.0;
    /// Per hour: vehicles per hour.
    PerHour = "/h", PerTime, 1.0, 0.0;
    /// Per minute.
    PerMinute = "/min", PerTime, 60.0, 0.0;
    /// Degree of arc: wind direction.
    Degree = "deg", Angle, 1.0, 0.0;
    /// A-weighted sound level.
    DecibelA = "dB(A)", Sound, 1.0, 0.0;
    /// Kilowatt hour.
    KilowattHour = "kW.h", Energy, 1.0, 0.0;
    /// Watt hour.
    WattHour = "W.h", Energy, 1e-3, 0.0;
    /// Watt.
    Watt = "W", Power, 1.0, 0.0;
    /// Kilowatt.
    Kilowatt = "kW", Power, 1e3, 0.0;
    /// Volt.
    Volt = "V", Voltage, 1.0, 0.0;
    /// Ampere.
    Ampere = "A", Current, 1.0, 0.0;
    /// Hertz.
    Hertz = "Hz", Frequency, 1.0, 0.0;
    /// Cubic metre.
    CubicMetre = "m3", Volume, 1.0, 0.0;
    /// Litre.
    Litre = "L", Volume, 1e-3, 0.0;
    /// Watt per square metre.
    WattPerSquareMetre = "W/m2", Irradiance, 1.0, 0.0;
    /// Lux.
    Lux = "lx", Illuminance, 1.0, 0.0;
    /// Microsiemens per centimetre.
    MicrosiemensPerCentimetre = "uS/cm", Conductivity, 1.0, 0.0;
    /// Acidity.
    Ph = "[pH]", Ph, 1.0, 0.0;
    /// Nephelometric turbidity unit.
    Turbidity = "{NTU}", Turbidity, 1.0, 0.0;
    /// Millimetre of mercury, conventional (NIST SP 811, appendix B.8).
    MillimetreOfMercury = "mm[Hg]", Pressure, 1.333_223_874_15, 0.0;
    /// Inch of mercury, conventional: 25.4 of the former.
    InchOfMercury = "[in_i'Hg]", Pressure, 33.863_886_403_41, 0.0;
}

impl Unit {
    /// From its UCUM code; `None` when the table does not have it.
    pub fn parse(code: &str) -> Option<Unit> {
        Unit::ALL.iter().copied().find(|unit| unit.code() == code)
    }

    /// `value` of this unit in `other`; `None` when they measure different things.
    pub fn convert(self, value: f64, other: Unit) -> Option<f64> {
        if self == other {
            return Some(value);
        }
        let (from, factor, offset) = self.to_base();
        let (to, to_factor, to_offset) = other.to_base();
        (from == to).then(|| (value * factor + offset - to_offset) / to_factor)
    }
}

impl Serialize for Unit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Unit {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        Unit::parse(&code).ok_or_else(|| {
            serde::de::Error::custom(format!("unknown unit {code:?}: use a UCUM code such as Cel, mm, km/h"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(from: Unit, value: f64, to: Unit, expected: Option<f64>) {
        let got = from.convert(value, to);
        match (got, expected) {
            (Some(got), Some(expected)) => assert!((got - expected).abs() < 1e-9, "{value} {from:?} = {got} {to:?}"),
            (got, expected) => assert_eq!(got, expected),
        }
    }

    #[test]
    fn converts_inside_a_dimension_only() {
        check(Unit::Fahrenheit, 212.0, Unit::Celsius, Some(100.0));
        check(Unit::Celsius, -40.0, Unit::Fahrenheit, Some(-40.0));
        check(Unit::Kelvin, 0.0, Unit::Celsius, Some(-273.15));
        check(Unit::MilePerHour, 1.0, Unit::KilometrePerHour, Some(1.609_344));
        check(Unit::MetrePerSecond, 10.0, Unit::KilometrePerHour, Some(36.0));
        check(Unit::Celsius, 1.0, Unit::Percent, None);
    }

    #[test]
    fn codes_are_told_apart() {
        for unit in Unit::ALL {
            assert_eq!(Unit::parse(unit.code()), Some(*unit));
        }
    }
}
