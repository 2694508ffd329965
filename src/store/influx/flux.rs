//! The questions asked of InfluxDB: two forms of Flux, and nothing else.
//!
//! Both ask for two tables, values and flags, of one series. Everything that is not our own text goes through
//! [`literal`]. Tallies are made here from pages of samples: Flux's own aggregates know neither flags nor a meter's
//! reset, and an answer that only InfluxDB could compute could not be checked against the embedded store's.

use std::fmt::Write as _;

use super::names::Series;
use crate::model::Timestamp;

/// The first microsecond that InfluxDB can hold: 64-bit nanoseconds, of which it keeps the lowest two for itself.
pub(super) const FIRST: Timestamp = Timestamp::from_micros(-9_223_372_036_854_774);
/// The last.
pub(super) const LAST: Timestamp = Timestamp::from_micros(9_223_372_036_854_774);

/// A page of a series' samples: `rows` at most of each table, with `from <= time < to`, ascending. `from < to`, both
/// within [`FIRST`] and [`LAST`].
pub fn page(bucket: &str, series: &Series, from: Timestamp, to: Timestamp, rows: usize) -> String {
    let mut text = asked(bucket, series, from, to);
    let _ = write!(text, "  |> limit(n: {rows})\n  |> keep(columns: [\"_time\", \"_value\", \"_field\"])\n");
    text
}

/// The latest row of each table.
pub fn latest(bucket: &str, series: &Series) -> String {
    let mut text = asked(bucket, series, FIRST, LAST);
    text.push_str("  |> last()\n  |> keep(columns: [\"_time\", \"_value\", \"_field\"])\n");
    text
}

/// No rows of no series: what a token is tried with.
pub fn nothing(bucket: &str) -> String {
    format!("from(bucket: {})\n  |> range(start: -1m)\n  |> limit(n: 1)\n", literal(bucket))
}

fn asked(bucket: &str, series: &Series, from: Timestamp, to: Timestamp) -> String {
    let [bucket, measurement, station, field, quality] =
        [bucket, series.measurement, &series.station, &series.field, &series.quality].map(literal);
    format!(
        "from(bucket: {bucket})\n  |> range(start: {from}, stop: {to})\n  |> filter(fn: (r) => r[\"_measurement\"] == \
         {measurement} and r[\"station\"] == {station} and (r[\"_field\"] == {field} or r[\"_field\"] == {quality}))\n"
    )
}

/// A string literal: letters and digits of any script and harmless signs as they are, every other byte by its number.
fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for letter in text.chars() {
        if letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_' | '.' | ',' | ':' | '/') {
            out.push(letter);
            continue;
        }
        let mut bytes = [0; 4];
        for byte in letter.encode_utf8(&mut bytes).bytes() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StationKind;

    #[test]
    fn a_page_is_asked_like_this() {
        let series = Series::new(StationKind::River, "RV-1", "water_level").unwrap();
        let at = Timestamp::from_micros;
        let text = page("saola", &series, at(1_787_270_400_000_001), at(1_787_270_460_000_000), 5);
        let expected = "from(bucket: \"saola\")\n  |> range(start: 2026-08-21T00:00:00.000001Z, stop: \
                        2026-08-21T00:01:00Z)\n  |> filter(fn: (r) => r[\"_measurement\"] == \"water\" and \
                        r[\"station\"] == \"RV-1\" and (r[\"_field\"] == \"water_level\" or r[\"_field\"] == \
                        \"water_level_quality\"))\n  |> limit(n: 5)\n  |> keep(columns: [\"_time\", \"_value\", \
                        \"_field\"])\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn no_text_leaves_its_literal() {
        let check = |text, expected| assert_eq!(literal(text), expected);
        check("đồi-1", "\"đồi-1\"");
        check("a\") |> drop()", "\"a\\x22\\x29 \\x7c\\x3e drop\\x28\\x29\"");
        check("${r}", "\"\\x24\\x7br\\x7d\"");
        check("a\\", "\"a\\x5c\"");
        check("\u{202e}\r\n", "\"\\xe2\\x80\\xae\\x0d\\x0a\"");
    }
}
