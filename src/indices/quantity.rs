//! Quantities as types, so that a temperature cannot be passed where a humidity is meant. Any value is a value: ranges
//! are the business of the functions that take them. Conversions are methods with both units in their names.

macro_rules! quantity {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
            pub struct $name(pub f64);
        )*
    };
}

quantity! {
    /// Micrograms of a pollutant in a cubic metre of air.
    MicrogramsPerCubicMetre;
    /// Degrees Celsius.
    Celsius;
    /// Per cent: 0 to 100.
    Percent;
    /// Hectopascals, which are millibars: vapour pressures.
    Hectopascals;
    /// Millimetres: of rain.
    Millimetres;
    /// Metres: of stage.
    Metres;
    /// Kilometres per hour.
    KilometresPerHour;
    /// Degrees north of the equator.
    Latitude;
}

impl std::ops::Add for Millimetres {
    type Output = Millimetres;
    fn add(self, other: Millimetres) -> Millimetres {
        Millimetres(self.0 + other.0)
    }
}

/// A month of the year; which tables of day length and thresholds hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(u8);

impl Month {
    /// From 1 (January) to 12; `None` for anything else.
    pub fn new(number: u8) -> Option<Month> {
        (1..=12).contains(&number).then_some(Month(number))
    }

    /// 1 to 12.
    pub fn number(self) -> u8 {
        self.0
    }

    /// This month's entry of a table that begins with January.
    pub fn of<T: Copy>(self, table: &[T; 12]) -> T {
        table[usize::from(self.0) - 1]
    }
}
