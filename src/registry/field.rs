//! What single fields may say, in one place for files and for code: each check answers with the sentence to show.

use std::time::Duration;

use crate::model::{AreaId, Position, Property, Range, Span, StationId};

/// Letters in a name.
const NAME_LENGTH_MAX: usize = 64;
/// Letters in a name for people.
const SHOWN_NAME_LENGTH_MAX: usize = 200;
/// The longest expected time between two samples.
const INTERVAL_MAX: Span = Span::from_days(31);
/// Keys of the native message that are not properties.
const RESERVED_PROPERTIES: [&str; 2] = ["time", "status"];
/// The segment of the native topic under which alerts are published.
const RESERVED_STATIONS: [&str; 1] = ["alerts"];

/// 1 to 64 letters, digits, `-`, `_`, `.`; begins with a letter or digit, so it is never `..` in an address.
pub(super) fn station_id(text: &str) -> Result<StationId, String> {
    let letters = text.chars().count();
    let allowed = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.');
    if !(1..=NAME_LENGTH_MAX).contains(&letters)
        || !text.chars().all(allowed)
        || !text.starts_with(char::is_alphanumeric)
    {
        let shown: String = text.chars().take(NAME_LENGTH_MAX).collect();
        return Err(format!(
            "{shown:?} is not a station's name: 1 to {NAME_LENGTH_MAX} letters, digits, -, _ or ., a letter or digit first"
        ));
    }
    if RESERVED_STATIONS.contains(&text) {
        return Err(format!("{text:?} cannot be a station's name: its topic is used for something else"));
    }
    Ok(StationId::new(text))
}

/// Snake case: a small letter, then small letters, digits and `_`, 64 at most.
pub(super) fn property(text: &str) -> Result<Property, String> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if text.len() > NAME_LENGTH_MAX
        || !text.starts_with(|letter: char| letter.is_ascii_lowercase())
        || !text.bytes().all(allowed)
    {
        let shown: String = text.chars().take(NAME_LENGTH_MAX).collect();
        return Err(format!(
            "{shown:?} is not a property's name: snake case such as water_level, {NAME_LENGTH_MAX} letters at most"
        ));
    }
    if RESERVED_PROPERTIES.contains(&text) {
        return Err(format!("{text:?} cannot be a property: messages use this key for something else"));
    }
    Ok(Property::new(text))
}

/// 1 to 200 letters on one line: it stands on maps, in lists and in messages.
pub(super) fn shown_name(text: &str) -> Result<(), String> {
    if text.trim().is_empty() || text.chars().count() > SHOWN_NAME_LENGTH_MAX || text.chars().any(char::is_control) {
        return Err(format!("must be a text of 1 to {SHOWN_NAME_LENGTH_MAX} letters on one line"));
    }
    Ok(())
}

/// 1 to 64 ASCII letters, digits, `-`, `_`.
pub(super) fn area_code(text: &str) -> Result<AreaId, String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if (1..=NAME_LENGTH_MAX).contains(&text.len()) && text.bytes().all(allowed) {
        return Ok(AreaId::new(text));
    }
    let shown: String = text.chars().take(NAME_LENGTH_MAX).collect();
    Err(format!("{shown:?} is not an area's code: 1 to {NAME_LENGTH_MAX} ASCII letters, digits, - or _"))
}

/// Degrees east of Greenwich.
pub(super) fn longitude(lon: f64) -> Result<(), String> {
    if (-180.0..=180.0).contains(&lon) {
        return Ok(());
    }
    Err(format!("must lie between -180 and 180 degrees, not {lon}"))
}

/// Degrees north of the equator; the longitude, when it is known, tells whether the two were swapped.
pub(super) fn latitude(lat: f64, lon: Option<f64>) -> Result<(), String> {
    if (-90.0..=90.0).contains(&lat) {
        return Ok(());
    }
    let swapped = lat.abs() <= 180.0 && lon.is_some_and(|lon| lon.abs() <= 90.0);
    let hint = if swapped { " (are lon and lat swapped?)" } else { "" };
    Err(format!("must lie between -90 and 90 degrees, not {lat}{hint}"))
}

/// Inside WGS 84; the error names `lon` or `lat`.
pub(super) fn position(position: Position) -> Result<(), (&'static str, String)> {
    longitude(position.lon).map_err(|message| ("lon", message))?;
    latitude(position.lat, Some(position.lon)).map_err(|message| ("lat", message))
}

/// More than nothing, at most 31 days.
pub(super) fn interval(interval: Duration) -> Result<(), String> {
    let span = Span::from(interval);
    if span == Span::ZERO || span > INTERVAL_MAX {
        return Err(format!("must be longer than 0s and at most {INTERVAL_MAX}, not {span}"));
    }
    Ok(())
}

/// Finite, lowest first.
pub(super) fn range(range: Range) -> Result<(), String> {
    let Range { min, max } = range;
    if !min.is_finite() || !max.is_finite() || min > max {
        return Err(format!("must be at most max: {min} is above {max}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn station_names_are_of_any_script_but_never_paths_or_wildcards() {
        for name in ["TR-QL4D-01", "Đoàn_Kết.2", "a", "7", "ສະຖານີ", &"x".repeat(64)] {
            assert!(station_id(name).is_ok(), "{name}");
        }
        for name in ["", ".", "..", "-a", "a/b", "a+b", "#", "a b", "a\0", "a\u{202e}b", "alerts", &"x".repeat(65)] {
            assert!(station_id(name).is_err(), "{name}");
        }
    }

    #[test]
    fn properties_are_snake_case_and_no_key_of_a_message() {
        for name in ["pm2_5", "water_level", "o3"] {
            assert!(property(name).is_ok(), "{name}");
        }
        for name in ["", "PM10", "2pm", "_a", "a-b", "time", "status", "độ_ẩm", &"x".repeat(65)] {
            assert!(property(name).is_err(), "{name}");
        }
    }

    #[test]
    fn swapped_coordinates_are_recognised() {
        assert_eq!(position(Position { lon: 103.4, lat: 22.4 }), Ok(()));
        let (key, message) = position(Position { lon: 22.4, lat: 103.4 }).unwrap_err();
        assert!(key == "lat" && message.contains("swapped"), "{message}");
        assert_eq!(position(Position { lon: f64::NAN, lat: 0.0 }).unwrap_err().0, "lon");
    }

    #[test]
    fn intervals_and_ranges_have_ends() {
        assert!(interval(Duration::ZERO).is_err());
        assert!(interval(Duration::from_secs(31 * 86_400)).is_ok());
        assert!(interval(Duration::from_secs(31 * 86_400 + 1)).is_err());
        assert!(range(Range { min: 1.0, max: 1.0 }).is_ok());
        assert!(range(Range { min: 2.0, max: 1.0 }).is_err());
        assert!(range(Range { min: f64::NEG_INFINITY, max: 1.0 }).is_err());
    }
}
