//! Units as people and data loggers write them: `mg/l`, `µg/Nm3`, `oC`, `m3/h`.
//!
//! A closed table beside the UCUM codes; what is in neither is refused, never guessed. A normal cubic metre (`Nm3`)
//! is taken as a cubic metre: the stations' own reports do not tell the two apart.

use crate::model::Unit;

/// What a written unit is: a value times `factor` is in `unit`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnitWord {
    /// The unit that Saola knows.
    pub unit: Unit,
    /// 1 unless the written unit is another multiple.
    pub factor: f64,
}

/// Written forms after [`plain`], beside the UCUM codes themselves.
const WORDS: &[(&str, Unit, f64)] = &[
    ("oc", Unit::Celsius, 1.0),
    ("°c", Unit::Celsius, 1.0),
    ("c", Unit::Celsius, 1.0),
    ("degc", Unit::Celsius, 1.0),
    ("of", Unit::Fahrenheit, 1.0),
    ("°f", Unit::Fahrenheit, 1.0),
    ("mg/l", Unit::MilligramPerLitre, 1.0),
    ("ug/l", Unit::MilligramPerLitre, 1e-3),
    ("mg/m3", Unit::MilligramPerCubicMetre, 1.0),
    ("ug/m3", Unit::MicrogramPerCubicMetre, 1.0),
    ("m3/s", Unit::CubicMetrePerSecond, 1.0),
    ("m3/h", Unit::CubicMetrePerSecond, 1.0 / 3600.0),
    ("m3/d", Unit::CubicMetrePerSecond, 1.0 / 86_400.0),
    ("l/s", Unit::LitrePerSecond, 1.0),
    ("%rh", Unit::Percent, 1.0),
    ("ppm", Unit::PartsPerMillion, 1.0),
    ("mbar", Unit::Hectopascal, 1.0),
    ("hpa", Unit::Hectopascal, 1.0),
    ("kpa", Unit::Kilopascal, 1.0),
    ("kph", Unit::KilometrePerHour, 1.0),
    ("mph", Unit::MilePerHour, 1.0),
    ("kt", Unit::Knot, 1.0),
    ("db", Unit::DecibelA, 1.0),
    ("dba", Unit::DecibelA, 1.0),
    ("kwh", Unit::KilowattHour, 1.0),
    ("wh", Unit::WattHour, 1.0),
    ("°", Unit::Degree, 1.0),
    ("veh/h", Unit::PerHour, 1.0),
];

/// What a written unit is; `None` when it is not known. Nothing written (`""`, `-`) is asked for by the caller.
pub fn parse(written: &str) -> Option<UnitWord> {
    if let Some(unit) = Unit::parse(written) {
        return Some(UnitWord { unit, factor: 1.0 });
    }
    let plain = plain(written);
    let known = WORDS.iter().find(|(word, ..)| *word == plain).map(|(_, unit, factor)| (*unit, *factor));
    let same_code = || Unit::ALL.iter().find(|unit| self::plain(unit.code()) == plain).map(|unit| (*unit, 1.0));
    known.or_else(same_code).map(|(unit, factor)| UnitWord { unit, factor })
}

/// Lower case, no spaces, raised figures as plain ones, one sign for micro and for degree, no "normal" volumes.
fn plain(written: &str) -> String {
    let mut plain = String::with_capacity(written.len());
    for letter in written.chars().flat_map(char::to_lowercase) {
        match letter {
            '³' => plain.push('3'),
            '²' => plain.push('2'),
            'µ' | 'μ' => plain.push('u'),
            'º' | '˚' => plain.push('°'),
            '℃' => plain.push_str("°c"),
            '^' => {}
            _ if letter.is_whitespace() => {}
            _ => plain.push(letter),
        }
    }
    plain.replace("/nm3", "/m3")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(written: &str, expected: Option<(Unit, f64)>) {
        assert_eq!(parse(written).map(|word| (word.unit, word.factor)), expected, "{written}");
    }

    #[test]
    fn what_loggers_write_is_known() {
        for written in ["mg/Nm3", "mg/m3", "mg/m³", "MG/NM3"] {
            check(written, Some((Unit::MilligramPerCubicMetre, 1.0)));
        }
        for written in ["µg/Nm3", "μg/m³", "ug/m3", "ug/Nm^3"] {
            check(written, Some((Unit::MicrogramPerCubicMetre, 1.0)));
        }
        for written in ["oC", "°C", "ºC", "℃", "C", "Cel"] {
            check(written, Some((Unit::Celsius, 1.0)));
        }
        check("m3/h", Some((Unit::CubicMetrePerSecond, 1.0 / 3600.0)));
        check("mg/l", Some((Unit::MilligramPerLitre, 1.0)));
        check("%", Some((Unit::Percent, 1.0)));
        check("dB(A)", Some((Unit::DecibelA, 1.0)));
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        for written in ["", "-", "Pt-Co", "furlong", "mg", "\u{202e}"] {
            check(written, None);
        }
    }

    #[test]
    fn every_code_means_itself() {
        for unit in Unit::ALL {
            check(unit.code(), Some((*unit, 1.0)));
        }
    }
}
