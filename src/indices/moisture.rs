//! Water in the air: saturation pressure, deficit and dew point by the Magnus formula with the constants of Sonntag 1990,
//! es = 6.112 exp(17.62 t / (243.12 + t)) hPa, over water, -45 to 60 degrees Celsius. The choice of the formula is ours.

use super::quantity::{Celsius, Hectopascals, Percent};

const ES_AT_ZERO_HPA: f64 = 6.112;
const A: f64 = 17.62;
const B_CELSIUS: f64 = 243.12;

/// The pressure of vapour that saturates air.
pub fn saturation_pressure(temperature: Celsius) -> Hectopascals {
    Hectopascals(ES_AT_ZERO_HPA * (A * temperature.0 / (B_CELSIUS + temperature.0)).exp())
}

/// What is lacking to saturation: d = es (1 - RH / 100).
pub fn saturation_deficit(temperature: Celsius, humidity: Percent) -> Hectopascals {
    Hectopascals(saturation_pressure(temperature).0 * (1.0 - humidity.0 / 100.0))
}

/// The temperature to which air must cool to be saturated; `None` for air without any vapour.
pub fn dew_point(temperature: Celsius, humidity: Percent) -> Option<Celsius> {
    if humidity.0 <= 0.0 {
        return None;
    }
    let gamma = (humidity.0 / 100.0).ln() + A * temperature.0 / (B_CELSIUS + temperature.0);
    Some(Celsius(B_CELSIUS * gamma / (A - gamma)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saturated_air_lacks_nothing_and_is_at_its_dew_point() {
        for degrees in [-10.0, 0.0, 13.0, 24.0, 39.5] {
            let temperature = Celsius(degrees);
            assert_eq!(saturation_deficit(temperature, Percent(100.0)), Hectopascals(0.0));
            let dew = dew_point(temperature, Percent(100.0)).unwrap();
            assert!((dew.0 - degrees).abs() < 1e-9);
            assert_eq!(saturation_deficit(temperature, Percent(0.0)), saturation_pressure(temperature));
            assert_eq!(dew_point(temperature, Percent(0.0)), None);
        }
        assert_eq!(saturation_pressure(Celsius(0.0)), Hectopascals(6.112));
    }
}
