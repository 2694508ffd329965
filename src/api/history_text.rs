//! The text of a history answer: JSON, CSV or newline-delimited JSON, written piece by piece.
//!
//! Values are written as short as they read back exactly; times in the asked zone with its offset.

use std::fmt::Write;

use axum::body::Bytes;
use serde::Serialize;
use utoipa::ToSchema;

use super::time::Zone;
use crate::store::StoredSample;

/// How history is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One document.
    Json,
    /// RFC 4180, with a header row.
    Csv,
    /// One object a line.
    NdJson,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 3] = [Format::Json, Format::Csv, Format::NdJson];

    /// The word in queries.
    pub fn word(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Csv => "csv",
            Format::NdJson => "ndjson",
        }
    }

    /// The media type of answers.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Json => "application/json",
            Format::Csv => "text/csv; charset=utf-8; header=present",
            Format::NdJson => "application/x-ndjson",
        }
    }
}

/// Samples by channel.
#[derive(Serialize, ToSchema)]
pub struct HistoryDocument {
    /// The asked channels, in the asked order.
    channels: Vec<HistorySeries>,
    /// Pass it as `next` for the following samples; null when there are no more.
    next: Option<String>,
}

/// One channel's samples.
#[derive(Serialize, ToSchema)]
pub struct HistorySeries {
    /// STATION/PROPERTY.
    #[schema(example = "RV-NAMNA-01/water_level")]
    channel: String,
    /// UCUM code of the values' unit.
    #[schema(example = "m")]
    unit: String,
    /// The samples, oldest first.
    samples: Vec<HistorySample>,
    /// How many there are in this answer.
    count: u64,
}

/// One sample.
#[derive(Serialize, ToSchema)]
pub struct HistorySample {
    /// When it was observed (phenomenon time).
    #[schema(format = DateTime)]
    time: String,
    /// The value as it was stored, in the channel's unit.
    value: f64,
    /// good, calibrating or fault, as the device said of itself.
    #[schema(example = "good")]
    quality: String,
}

/// One channel of an answer.
pub struct Series {
    /// STATION/PROPERTY.
    pub name: String,
    /// UCUM code.
    pub unit: &'static str,
}

/// Writes an answer.
pub struct Writer {
    format: Format,
    zone: Zone,
    series: Vec<Series>,
    out: String,
    /// The series that is being written, and how many samples of it have been.
    open: Option<(usize, u64)>,
}

impl Writer {
    /// Begins an answer.
    pub fn new(format: Format, zone: Zone, series: Vec<Series>) -> Self {
        let out = match format {
            Format::Json => "{\"channels\":[".to_owned(),
            Format::Csv if series.len() == 1 => "time,value,quality\r\n".to_owned(),
            Format::Csv => "time,channel,value,quality\r\n".to_owned(),
            Format::NdJson => String::new(),
        };
        Self { format, zone, series, out, open: None }
    }

    /// Writes samples of a series; series come in order.
    pub fn samples(&mut self, series: usize, samples: &[StoredSample]) {
        if self.format == Format::Json {
            self.open_series_up_to(series);
        }
        for sample in samples {
            self.sample(series, sample);
        }
    }

    /// Ends the answer.
    pub fn end(&mut self, next: Option<&str>) {
        if self.format == Format::Json {
            if let Some(last) = self.series.len().checked_sub(1) {
                self.open_series_up_to(last);
            }
            self.close_series();
            let next = next.map_or("null".to_owned(), quoted);
            self.put(format_args!("],\"next\":{next}}}"));
        }
    }

    /// What has been written since the last call.
    pub fn take(&mut self) -> Bytes {
        Bytes::from(std::mem::take(&mut self.out))
    }

    fn sample(&mut self, series: usize, sample: &StoredSample) {
        let time = self.zone.show(sample.observed_at);
        let (value, quality) = (sample.value, sample.quality.word());
        match self.format {
            Format::Json => {
                let comma = match &mut self.open {
                    Some((_, count)) => {
                        *count += 1;
                        if *count == 1 { "" } else { "," }
                    }
                    None => "",
                };
                self.put(format_args!("{comma}{{\"time\":\"{time}\",\"value\":{value},\"quality\":\"{quality}\"}}"));
            }
            Format::Csv if self.series.len() == 1 => self.put(format_args!("{time},{value},{quality}\r\n")),
            Format::Csv => {
                let name = self.series.get(series).map_or(String::new(), |series| cell(&series.name));
                self.put(format_args!("{time},{name},{value},{quality}\r\n"));
            }
            Format::NdJson => {
                let name = self.series.get(series).map_or(String::new(), |series| quoted(&series.name));
                self.put(format_args!(
                    "{{\"time\":\"{time}\",\"channel\":{name},\"value\":{value},\"quality\":\"{quality}\"}}\n"
                ));
            }
        }
    }

    /// Series without samples stand in the document too.
    fn open_series_up_to(&mut self, series: usize) {
        let mut next = self.open.map_or(0, |(open, _)| open + 1);
        while next <= series {
            self.close_series();
            let Some(Series { name, unit }) = self.series.get(next) else {
                return;
            };
            let comma = if next == 0 { "" } else { "," };
            let text = format!("{comma}{{\"channel\":{},\"unit\":{},\"samples\":[", quoted(name), quoted(unit));
            self.out.push_str(&text);
            self.open = Some((next, 0));
            next += 1;
        }
    }

    fn close_series(&mut self) {
        if let Some((_, count)) = self.open {
            self.put(format_args!("],\"count\":{count}}}"));
        }
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing into a String cannot fail.
        let _ = self.out.write_fmt(text);
    }
}

/// A text as JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A text as a CSV cell (RFC 4180).
fn cell(text: &str) -> String {
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Quality, Timestamp};

    fn check(format: Format, names: &[&str], expected: &str) {
        let series = names.iter().map(|name| Series { name: (*name).to_owned(), unit: "m" }).collect();
        let mut writer = Writer::new(format, Zone::default(), series);
        let sample =
            |seconds, value, quality| StoredSample { observed_at: Timestamp::from_seconds(seconds), value, quality };
        writer.samples(0, &[sample(0, 1.5, Quality::GOOD), sample(60, -0.1, Quality::FAULT)]);
        let first = writer.take();
        writer.samples(0, &[sample(120, 3.0, Quality::CALIBRATING)]);
        writer.end(None);
        let text = [first, writer.take()].concat();
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    #[test]
    fn the_three_forms() {
        check(
            Format::Csv,
            &["A/x"],
            "time,value,quality\r\n1970-01-01T08:00:00+08:00,1.5,good\r\n1970-01-01T08:01:00+08:00,-0.1,fault\r\n\
             1970-01-01T08:02:00+08:00,3,calibrating\r\n",
        );
        check(
            Format::NdJson,
            &["A/x"],
            "{\"time\":\"1970-01-01T08:00:00+08:00\",\"channel\":\"A/x\",\"value\":1.5,\"quality\":\"good\"}\n\
             {\"time\":\"1970-01-01T08:01:00+08:00\",\"channel\":\"A/x\",\"value\":-0.1,\"quality\":\"fault\"}\n\
             {\"time\":\"1970-01-01T08:02:00+08:00\",\"channel\":\"A/x\",\"value\":3,\"quality\":\"calibrating\"}\n",
        );
        check(
            Format::Json,
            &["A/x", "B/y"],
            "{\"channels\":[{\"channel\":\"A/x\",\"unit\":\"m\",\"samples\":[\
             {\"time\":\"1970-01-01T08:00:00+08:00\",\"value\":1.5,\"quality\":\"good\"},\
             {\"time\":\"1970-01-01T08:01:00+08:00\",\"value\":-0.1,\"quality\":\"fault\"},\
             {\"time\":\"1970-01-01T08:02:00+08:00\",\"value\":3,\"quality\":\"calibrating\"}],\"count\":3},\
             {\"channel\":\"B/y\",\"unit\":\"m\",\"samples\":[],\"count\":0}],\"next\":null}",
        );
    }

    #[test]
    fn cells_are_quoted_when_they_must_be() {
        assert_eq!(cell("A/x"), "A/x");
        assert_eq!(cell("a,\"b\""), "\"a,\"\"b\"\"\"");
    }
}
