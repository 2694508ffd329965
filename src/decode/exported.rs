//! One line of an NDJSON export: `{"time": "…", "channel": "STATION/PROPERTY", "value": 41.2, "quality": "good"}`.
//!
//! `quality` may be absent; other keys are left alone, as later exports may say more. A `null` value is no reading.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use super::mapping::split_channel;
use super::written::short;
use super::{Decoded, reject, time};
use crate::model::{Reading, Reason, Rejection, Status};

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(borrow)]
    channel: Cow<'a, str>,
    value: Option<f64>,
    #[serde(borrow, default)]
    quality: Option<Cow<'a, str>>,
}

/// Reads one line into `out`; nothing for an empty one.
pub fn read<'a>(line: &'a str, words: &BTreeMap<String, Status>, out: &mut Decoded<'a>) {
    if line.trim().is_empty() {
        return;
    }
    match reading(line, words) {
        Ok(reading) => out.readings.extend(reading),
        Err(rejection) => out.rejections.push(rejection),
    }
}

fn reading<'a>(line: &'a str, words: &BTreeMap<String, Status>) -> Result<Option<Reading<'a>>, Rejection> {
    let Line { time, channel, value, quality } =
        serde_json::from_str(line).map_err(|error| reject(Reason::InvalidJson, error.to_string()))?;
    let Some(value) = value else { return Ok(None) };
    let at = time::from_text(&time);
    if at.is_none() {
        let detail = format!("time {:?} is not RFC 3339 with an offset", short(&time));
        return Err(reject(Reason::InvalidTime, detail));
    }
    let status = match &quality {
        None => Status::Measuring,
        Some(word) => *words
            .get(word.as_ref())
            .ok_or_else(|| reject(Reason::InvalidStatus, format!("quality {:?} is not known", short(word))))?,
    };
    let wrong = reject(Reason::WrongShape, format!("{:?} is no STATION/PROPERTY", short(&channel)));
    let (station, property) = split_channel(channel).ok_or(wrong)?;
    Ok(Some(Reading { station, property, time: at, value, unit: None, status }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decode::mapping::status_words;

    fn check(line: &str, expected: &str) {
        let (words, mut out) = (status_words(), Decoded::default());
        read(line, &words, &mut out);
        let shown = match (out.readings.as_slice(), out.rejections.as_slice()) {
            ([], []) => "-".to_owned(),
            ([reading], []) => {
                let Reading { station, property, time, value, status, .. } = reading;
                format!("{station} {property} {} {value} {status:?}", time.unwrap())
            }
            ([], [rejection]) => rejection.reason.word().to_owned(),
            other => panic!("{other:?}"),
        };
        assert_eq!(shown, expected, "{line}");
    }

    #[test]
    fn an_exported_line_is_a_reading() {
        let time = r#""time":"2026-11-21T10:15:00+07:00""#;
        check(
            &format!(r#"{{{time},"channel":"Sìn-Hồ/pm2_5","value":41.2,"quality":"good"}}"#),
            "Sìn-Hồ pm2_5 2026-11-21T03:15:00Z 41.2 Measuring",
        );
        check(
            &format!(r#"{{{time},"channel":"S/a","value":-0.0,"quality":"fault","unit":"mm","x":[{{}}]}}"#),
            "S a 2026-11-21T03:15:00Z -0 Fault",
        );
        check(&format!(r#"{{{time},"channel":"S\u002fa","value":1}}"#), "S a 2026-11-21T03:15:00Z 1 Measuring");
        check(&format!(r#"{{{time},"channel":"S/a","value":null}}"#), "-");
        check("", "-");
        check(&format!(r#"{{{time},"channel":"S","value":1}}"#), "wrong_shape");
        check(&format!(r#"{{{time},"channel":"/a","value":1}}"#), "wrong_shape");
        check(&format!(r#"{{{time},"channel":"S/a/b","value":1}}"#), "wrong_shape");
        check(&format!(r#"{{{time},"channel":"S/a","value":"1"}}"#), "invalid_json");
        check(&format!(r#"{{{time},"channel":"S/a","value":1e400}}"#), "invalid_json");
        check(&format!(r#"{{{time},{time},"channel":"S/a","value":1}}"#), "invalid_json");
        check(&format!(r#"{{{time},"channel":"S/a","value":1,"quality":"?"}}"#), "invalid_status");
        check(r#"{"time":"2026-11-21T10:15:00","channel":"S/a","value":1}"#, "invalid_time");
    }

    proptest! {
        #[test]
        fn no_text_panics(line in "\\PC{0,80}", json in "[\\[\\]{}\",:\\\\a-z0-9.eE+-]{0,60}") {
            for line in [line, json] {
                read(&line, &status_words(), &mut Decoded::default());
            }
        }
    }
}
