//! Values of filters, and how they compare.

use std::cmp::Ordering;

use geo::Geometry;

use super::Refused;
use crate::model::Timestamp;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Flag(bool),
    /// Finite.
    Number(f64),
    /// A text; also a date (`2026-11-21`) and a time of day (`10:15:00`), which sort as texts.
    Text(String),
    /// An instant.
    Time(Timestamp),
    /// A stretch of time, both ends included.
    Stretch(Timestamp, Timestamp),
    /// A length of time, microseconds.
    Length(i64),
    /// WGS 84, degrees.
    Shape(Box<Geometry<f64>>),
    /// An object or a list, which can only be looked into.
    Object(serde_json::Value),
    /// One value for each of several entities.
    Many(Vec<Value>),
}

impl Value {
    /// What JSON has.
    pub fn of_json(json: serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(flag) => Value::Flag(flag),
            serde_json::Value::Number(number) => number.as_f64().map_or(Value::Null, Value::number),
            serde_json::Value::String(text) => Value::Text(text),
            other => Value::Object(other),
        }
    }

    /// A number; what is none or not finite is null.
    pub fn number(number: f64) -> Self {
        if number.is_finite() { Value::Number(number) } else { Value::Null }
    }

    /// What it is, for sentences.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Flag(_) => "true or false",
            Value::Number(_) => "a number",
            Value::Text(_) => "a text",
            Value::Time(_) => "a time",
            Value::Stretch(..) => "an interval of time",
            Value::Length(_) => "a duration",
            Value::Shape(_) => "a geometry",
            Value::Object(_) => "an object",
            Value::Many(_) => "several values",
        }
    }

    /// The ends of a time or a stretch of it; a text that writes one counts.
    pub fn ends(&self) -> Option<(Timestamp, Timestamp)> {
        match self {
            Value::Time(at) => Some((*at, *at)),
            Value::Stretch(from, to) => Some((*from, *to)),
            Value::Text(text) => {
                let at = Timestamp::parse(text).or_else(|| Timestamp::parse(&format!("{text}T00:00:00Z")))?;
                Some((at, at))
            }
            _ => None,
        }
    }

    /// How it lies to another value of its kind; `None` when one of them is null.
    pub fn compare(&self, other: &Value) -> Result<Option<Ordering>, Refused> {
        let order = match (self, other) {
            (Value::Null, _) | (_, Value::Null) => return Ok(None),
            (Value::Flag(one), Value::Flag(other)) => one.cmp(other),
            // Both are finite: zero and minus zero are one.
            (Value::Number(one), Value::Number(other)) => one.partial_cmp(other).unwrap_or(Ordering::Equal),
            (Value::Text(one), Value::Text(other)) => one.cmp(other),
            (Value::Length(one), Value::Length(other)) => one.cmp(other),
            _ => {
                let is_time = |value: &Value| matches!(value, Value::Time(_) | Value::Stretch(..));
                let ends = (self.ends(), other.ends());
                match ends {
                    (Some(one), Some(two)) if is_time(self) || is_time(other) => {
                        return Ok(Some(of_stretches(one, two)));
                    }
                    _ => {
                        return Err(Refused::wrong(format!(
                            "{} cannot be compared with {}",
                            self.kind(),
                            other.kind()
                        )));
                    }
                }
            }
        };
        Ok(Some(order))
    }
}

/// Before or after when they do not share an instant; else by their beginnings and then their ends.
fn of_stretches(one: (Timestamp, Timestamp), other: (Timestamp, Timestamp)) -> Ordering {
    if one.1 < other.0 {
        Ordering::Less
    } else if one.0 > other.1 {
        Ordering::Greater
    } else {
        one.cmp(&other)
    }
}
