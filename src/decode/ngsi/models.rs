//! What the Smart Data Models say of their attributes, and UN/CEFACT unit codes (Recommendation 20) as UCUM codes.
//!
//! Defaults are the models' own words (`x-ngsi: units` and the descriptions). Pollutants have none: their unit is the
//! message's (`unitCode`), and carbon monoxide's differs from its neighbours', so nothing is assumed.

/// One data model.
pub(super) struct Model {
    name: &'static str,
    attributes: &'static [Attribute],
}

/// What a model says of an attribute.
pub(super) struct Attribute {
    name: &'static str,
    /// The UCUM code of its default unit.
    pub(super) unit: Option<&'static str>,
    /// A truth value that is an observation, not a description.
    pub(super) is_truth: bool,
}

const fn quantity(name: &'static str, unit: &'static str) -> Attribute {
    Attribute { name, unit: Some(unit), is_truth: false }
}

/// Weather attributes, which air quality entities carry too.
const WEATHER: &[Attribute] = &[
    quantity("temperature", "Cel"),
    quantity("feelsLikeTemperature", "Cel"),
    quantity("dewPoint", "Cel"),
    quantity("relativeHumidity", "1"),
    quantity("precipitation", "mm"),
    quantity("windDirection", "deg"),
    quantity("windSpeed", "m/s"),
    quantity("gustSpeed", "m/s"),
    quantity("atmosphericPressure", "hPa"),
    quantity("solarRadiation", "W/m2"),
    quantity("diffuseIrradiation", "W/m2"),
    quantity("directIrradiation", "W/m2"),
    quantity("illuminance", "lx"),
    quantity("streamGauge", "cm"),
    quantity("snowHeight", "cm"),
    quantity("reliability", "1"),
];

const TRAFFIC: &[Attribute] = &[
    quantity("averageGapDistance", "m"),
    quantity("averageHeadwayTime", "s"),
    quantity("averageVehicleLength", "m"),
    quantity("averageVehicleSpeed", "km/h"),
    quantity("occupancy", "1"),
    Attribute { name: "congested", unit: None, is_truth: true },
];

const MODELS: &[Model] = &[
    Model { name: "TrafficFlowObserved", attributes: TRAFFIC },
    Model { name: "AirQualityObserved", attributes: WEATHER },
    Model { name: "WeatherObserved", attributes: WEATHER },
];

impl Model {
    /// The model of an entity type.
    pub(super) fn named(name: &str) -> Option<&'static Model> {
        MODELS.iter().find(|model| model.name == name)
    }

    /// What it says of an attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }
}

/// UN/CEFACT codes that sensors send.
const CODES: &[(&str, &str)] = &[
    ("2N", "dB"),
    ("4K", "mA"),
    ("59", "[ppm]"),
    ("A97", "hPa"),
    ("AMP", "A"),
    ("C26", "ms"),
    ("C62", "1"),
    ("CEL", "Cel"),
    ("CMT", "cm"),
    ("D54", "W/m2"),
    ("DD", "deg"),
    ("FAH", "[degF]"),
    ("G42", "uS/cm"),
    ("G51", "L/s"),
    ("GP", "mg/m3"),
    ("GQ", "ug/m3"),
    ("HM", "[mi_i]/h"),
    ("HTZ", "Hz"),
    ("HUR", "h"),
    ("INH", "[in_i]"),
    ("KEL", "K"),
    ("KMH", "km/h"),
    ("KMT", "km"),
    ("KNT", "[kn_i]"),
    ("KPA", "kPa"),
    ("KTM", "km"),
    ("KWH", "kW.h"),
    ("KWT", "kW"),
    ("LTR", "L"),
    ("LUX", "lx"),
    ("M1", "mg/L"),
    ("MBR", "hPa"),
    ("MIN", "min"),
    ("MMT", "mm"),
    ("MQS", "m3/s"),
    ("MTQ", "m3"),
    ("MTR", "m"),
    ("MTS", "m/s"),
    ("P1", "%"),
    ("PAL", "Pa"),
    ("Q30", "[pH]"),
    ("SEC", "s"),
    ("VLT", "V"),
    ("WHR", "W.h"),
    ("WTT", "W"),
];

/// The UCUM code of a UN/CEFACT code; `None` for one that the table does not have.
pub(super) fn unit_of_code(code: &str) -> Option<&'static str> {
    CODES.iter().find(|(name, _)| *name == code).map(|(_, unit)| *unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Unit;

    #[test]
    fn codes_are_sorted_and_name_units() {
        assert!(CODES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        let unknown: Vec<&str> =
            CODES.iter().map(|(_, unit)| *unit).filter(|unit| Unit::parse(unit).is_none()).collect();
        assert_eq!(unknown, ["dB", "mA", "ms", "h"], "units that no channel has are passed on as they are");
        for attribute in MODELS.iter().flat_map(|model| model.attributes) {
            assert!(attribute.unit.is_none_or(|unit| Unit::parse(unit).is_some()), "{}", attribute.name);
        }
    }
}
