//! Line protocol: one line a sample.
//!
//! ```text
//! air,station=QL4D-01 pm2_5=41.2,pm2_5_quality=0.0 1787270400000000
//! ```
//! Times are microseconds, as the request's `precision=us` says. The crate's own encoder is not used: it leaves
//! backslashes, line breaks and numbers that are not finite as they are.

use std::io::Write as _;

use super::names::Series;
use crate::model::Sample;

/// Puts a sample's line at the end of `out`; refuses a number that line protocol does not have.
pub(super) fn put(out: &mut Vec<u8>, series: &Series, sample: &Sample) -> Result<(), &'static str> {
    if !sample.value.is_finite() {
        return Err("its value is not finite");
    }
    out.extend_from_slice(series.measurement.as_bytes());
    out.extend_from_slice(b",station=");
    put_name(out, &series.station);
    out.push(b' ');
    put_name(out, &series.field);
    // `{:?}` writes the shortest digits that read back to the same double, with an exponent where that is shorter.
    write!(out, "={:?},", sample.value).expect("a vector takes everything");
    put_name(out, &series.quality);
    writeln!(out, "={:?} {}", f64::from(sample.quality.0), sample.observed_at.micros())
        .expect("a vector takes everything");
    Ok(())
}

/// Names are checked by [`Series`]: without backslashes and control letters these three suffice.
fn put_name(out: &mut Vec<u8>, name: &str) {
    for byte in name.bytes() {
        if matches!(byte, b',' | b'=' | b' ') {
            out.push(b'\\');
        }
        out.push(byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChannelId, Quality, StationKind, TimeClass, Timestamp};

    fn check(station: &str, property: &str, value: f64, expected: Result<&str, &'static str>) {
        let series = Series::new(StationKind::Air, station, property).unwrap();
        let sample = Sample {
            channel: ChannelId(0),
            observed_at: Timestamp::from_micros(1_787_270_400_000_001),
            value,
            quality: Quality::FAULT,
            time_class: TimeClass::Live,
        };
        let mut out = Vec::new();
        let put = put(&mut out, &series, &sample).map(|()| String::from_utf8(out).unwrap());
        assert_eq!(put.as_deref().map_err(|reason| *reason), expected);
    }

    #[test]
    fn a_line_says_the_sample_whole() {
        check("A", "pm2_5", 41.2, Ok("air,station=A pm2_5=41.2,pm2_5_quality=4.0 1787270400000001\n"));
        check(
            "đồi 1,a=b\"",
            "p q",
            -0.0,
            Ok("air,station=đồi\\ 1\\,a\\=b\" p\\ q=-0.0,p\\ q_quality=4.0 1787270400000001\n"),
        );
        check("A", "x", 1e300, Ok("air,station=A x=1e300,x_quality=4.0 1787270400000001\n"));
        check("A", "x", f64::NAN, Err("its value is not finite"));
    }
}
