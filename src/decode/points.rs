//! InfluxDB line protocol as messages of a declared source: one or more lines.
//!
//! A name is the measurement and the field joined with a dot (`air.temperature`), the device is the value of one tag.
//! Truth values are 1 and 0, texts are for the mapping. A broken line costs itself. The grammar is in
//! [`line_protocol`].

use std::borrow::Cow;

use super::line_protocol::{self, Field, Precision};
use super::sink::{self, Sink};
use super::{Heard, Limits, reject};
use crate::model::{Reason, Rejection};

/// How points are read.
#[derive(Debug)]
pub(super) struct Points {
    /// The tag that names the device; `None`: the lines do not say it.
    pub(super) tag: Option<Box<str>>,
    /// The unit of the times.
    pub(super) precision: Precision,
}

/// Most lines that a quoted text may reach over.
const JOINED_LINES_MAX: usize = 64;

/// Reads one message into `out`.
pub(super) fn decode<'a>(
    points: &Points,
    payload: &'a [u8],
    limits: &Limits,
    out: &mut Heard<'a>,
) -> Result<(), Rejection> {
    let text = sink::text(payload, limits)?;
    sink::fill(out, limits, |sink| {
        let mut rest = text;
        while !rest.is_empty() {
            let (line, after) = record(rest);
            rest = after;
            if let Err(rejection) = points.line(line, sink)? {
                sink.refuse(rejection.reason, rejection.detail)?;
            }
        }
        Ok(())
    })
}

/// The first line, with those that a quoted text reaches over; and what is behind it.
fn record(text: &str) -> (&str, &str) {
    let ends = memchr::memchr_iter(b'\n', text.as_bytes()).chain([text.len()]);
    let mut first = None;
    for end in ends.take(JOINED_LINES_MAX) {
        first.get_or_insert(end);
        if !line_protocol::is_open(&text.as_bytes()[..end]) {
            return (&text[..end], text.get(end + 1..).unwrap_or_default());
        }
    }
    let end = first.unwrap_or(text.len());
    (&text[..end], text.get(end + 1..).unwrap_or_default())
}

impl Points {
    /// Reads one line. The outer error costs the message, the inner one the line.
    fn line<'a>(&self, line: &'a str, sink: &mut Sink<'_, 'a>) -> Result<Result<(), Rejection>, Rejection> {
        let point = match line_protocol::point(line.as_bytes()) {
            Ok(Some(point)) => point,
            Ok(None) => return Ok(Ok(())),
            Err(rejection) => return Ok(Err(rejection)),
        };
        let time = match point.time.map(|time| (time, self.precision.instant(time))) {
            None => None,
            Some((_, Some(time))) => Some(time),
            Some((time, None)) => {
                return Ok(Err(reject(Reason::InvalidTime, format!("time {time} is beyond what can be kept"))));
            }
        };
        let device = match &self.tag {
            None => Cow::Borrowed(""),
            Some(tag) => match point.tags.into_iter().find(|(key, _)| **key == **tag) {
                Some((_, device)) => device,
                None => return Ok(Err(reject(Reason::UnknownStation, format!("the point has no tag {tag}")))),
            },
        };
        for (key, field) in point.fields {
            let name = Cow::Owned(format!("{}.{key}", point.measurement));
            match field {
                Field::Text(word) => sink.word(&device, name, time, word)?,
                Field::Float(value) => sink.observe(&device, name, None, time, value)?,
                Field::Integer(value) => sink.observe(&device, name, None, time, value as f64)?,
                Field::Unsigned(value) => sink.observe(&device, name, None, time, value as f64)?,
                Field::Boolean(truth) => sink.observe(&device, name, None, time, f64::from(u8::from(truth)))?,
            }
        }
        Ok(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::told;
    use super::*;

    fn check(lines: &str, expected: &str) {
        let points = Points { tag: Some("host".into()), precision: Precision::Seconds };
        let mut heard = Heard::default();
        let result = decode(&points, lines.as_bytes(), &Limits::default(), &mut heard);
        assert_eq!(told(result, &heard), expected, "{lines:?}");
    }

    #[test]
    fn every_field_of_every_line_is_a_value_of_the_tags_device() {
        check(
            "air,host=Sìn\\ Hồ t=21.5,on=t,n=3i 1795230900\r\n# made by hand\n\nair,host=b t=\"a\nb\" 1795230900",
            "Sìn Hồ|air.t = 21.5 @2026-11-21T03:15:00Z\nSìn Hồ|air.on = 1 @2026-11-21T03:15:00Z\n\
             Sìn Hồ|air.n = 3 @2026-11-21T03:15:00Z\nb|air.t is \"a\\nb\" @2026-11-21T03:15:00Z",
        );
    }

    #[test]
    fn a_broken_line_costs_itself() {
        check(
            "air,host=a t=1\nair t=2\nair,host=a t=\nair,host=a t=3 x",
            "a|air.t = 1\nunknown_station\nwrong_type\ninvalid_time",
        );
        check("", "all empty_payload");
    }

    #[test]
    fn a_quote_without_its_end_costs_its_line() {
        let many = format!("air,host=a t=\"x\n{}", "air,host=a t=1\n".repeat(100));
        let points = Points { tag: Some("host".into()), precision: Precision::Seconds };
        let mut heard = Heard::default();
        decode(&points, many.as_bytes(), &Limits::default(), &mut heard).unwrap();
        assert_eq!((heard.observed.len(), heard.rejections.len()), (100, 1));
    }
}
