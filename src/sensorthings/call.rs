//! The functions of filters (18-088, clause 9.3.3.5.2): texts, times, numbers, geometries, and relations of times.
//!
//! Dates and times of day are told in UTC. `geo.distance` and `geo.length` are in degrees, as the reference system of
//! their arguments has it; `st_distance`, which is ours, is in metres.

use jiff::tz::TimeZone;

use super::geometry::{self, Lie};
use super::value::Value;
use super::{Refused, shown};
use crate::model::Timestamp;

macro_rules! functions {
    ($($variant:ident = $word:literal, $least:literal, $most:literal;)*) => {
        /// A function.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Function { $(#[doc = $word] $variant,)* }

        impl Function {
            /// Every one, with its word and how many arguments it takes at least and at most.
            pub const ALL: &'static [(&'static str, Function, usize, usize)] =
                &[$(($word, Function::$variant, $least, $most),)*];
        }
    };
}

functions! {
    SubstringOf = "substringof", 2, 2;
    Contains = "contains", 2, 2;
    EndsWith = "endswith", 2, 2;
    StartsWith = "startswith", 2, 2;
    Length = "length", 1, 1;
    IndexOf = "indexof", 2, 2;
    Substring = "substring", 2, 3;
    ToLower = "tolower", 1, 1;
    ToUpper = "toupper", 1, 1;
    Trim = "trim", 1, 1;
    Concat = "concat", 2, 2;
    Year = "year", 1, 1;
    Month = "month", 1, 1;
    Day = "day", 1, 1;
    Hour = "hour", 1, 1;
    Minute = "minute", 1, 1;
    Second = "second", 1, 1;
    FractionalSeconds = "fractionalseconds", 1, 1;
    Date = "date", 1, 1;
    TimeOfDay = "time", 1, 1;
    TotalOffsetMinutes = "totaloffsetminutes", 1, 1;
    Now = "now", 0, 0;
    MinDateTime = "mindatetime", 0, 0;
    MaxDateTime = "maxdatetime", 0, 0;
    Round = "round", 1, 1;
    Floor = "floor", 1, 1;
    Ceiling = "ceiling", 1, 1;
    Before = "before", 2, 2;
    After = "after", 2, 2;
    Meets = "meets", 2, 2;
    During = "during", 2, 2;
    TimesOverlap = "overlaps", 2, 2;
    Starts = "starts", 2, 2;
    Finishes = "finishes", 2, 2;
    GeoDistance = "geo.distance", 2, 2;
    GeoLength = "geo.length", 1, 1;
    GeoIntersects = "geo.intersects", 2, 2;
    StDistance = "st_distance", 2, 2;
    StEquals = "st_equals", 2, 2;
    StDisjoint = "st_disjoint", 2, 2;
    StTouches = "st_touches", 2, 2;
    StWithin = "st_within", 2, 2;
    StOverlaps = "st_overlaps", 2, 2;
    StCrosses = "st_crosses", 2, 2;
    StIntersects = "st_intersects", 2, 2;
    StContains = "st_contains", 2, 2;
    StRelate = "st_relate", 3, 3;
}

impl Function {
    /// By its word.
    pub fn named(word: &str) -> Option<Function> {
        Function::ALL.iter().find(|(name, ..)| *name == word).map(|(_, function, ..)| *function)
    }

    /// Every word.
    pub(super) fn words() -> String {
        Function::ALL.iter().map(|(word, ..)| *word).collect::<Vec<_>>().join(", ")
    }

    fn row(self) -> (&'static str, usize, usize) {
        let found = Function::ALL.iter().find(|(_, function, ..)| *function == self);
        found.map_or(("?", 0, 0), |(word, _, least, most)| (word, *least, *most))
    }

    /// Whether it takes so many arguments.
    pub(super) fn takes(self, count: usize) -> bool {
        let (_, least, most) = self.row();
        (least..=most).contains(&count)
    }

    /// How many it takes, for a sentence.
    pub(super) fn takes_told(self) -> String {
        let (_, least, most) = self.row();
        if least == most { format!("{least} values") } else { format!("{least} or {most} values") }
    }

    /// What it comes to. Of nothing it is nothing.
    pub fn of(self, arguments: &[Value], now: Timestamp) -> Result<Value, Refused> {
        if arguments.contains(&Value::Null) {
            return Ok(Value::Null);
        }
        let found = match arguments {
            [] => self.of_nothing(now),
            [Value::Text(text)] => self.of_text(text),
            [Value::Number(number)] => self.of_number(*number),
            [Value::Shape(shape)] if self == Function::GeoLength => Some(Value::number(geometry::length_deg(shape)?)),
            [Value::Text(one), Value::Text(other)] => self.of_texts(one, other),
            [Value::Shape(one), Value::Shape(other)] => return self.of_shapes(one, other),
            [Value::Shape(one), Value::Shape(other), Value::Text(pattern)] if self == Function::StRelate => {
                Some(Value::Flag(geometry::relates(one, other, pattern)?))
            }
            [Value::Text(text), Value::Number(from)] if self == Function::Substring => {
                Some(Value::Text(text.chars().skip(*from as usize).collect()))
            }
            [Value::Text(text), Value::Number(from), Value::Number(count)] if self == Function::Substring => {
                Some(Value::Text(text.chars().skip(*from as usize).take(*count as usize).collect()))
            }
            _ => None,
        };
        let found = found.or_else(|| self.of_times(arguments));
        found.ok_or_else(|| {
            let kinds: Vec<_> = arguments.iter().map(Value::kind).collect();
            Refused::wrong(format!("{} cannot be taken of {}", self.row().0, kinds.join(" and ")))
        })
    }

    fn of_nothing(self, now: Timestamp) -> Option<Value> {
        match self {
            Function::Now => Some(Value::Time(now)),
            Function::MinDateTime => Some(Value::Time(Timestamp::from_micros(i64::MIN))),
            Function::MaxDateTime => Some(Value::Time(Timestamp::from_micros(i64::MAX))),
            _ => None,
        }
    }

    fn of_text(self, text: &str) -> Option<Value> {
        Some(match self {
            Function::Length => Value::number(text.chars().count() as f64),
            Function::ToLower => Value::Text(text.to_lowercase()),
            Function::ToUpper => Value::Text(text.to_uppercase()),
            Function::Trim => Value::Text(text.trim().to_owned()),
            _ => return None,
        })
    }

    fn of_number(self, number: f64) -> Option<Value> {
        Some(Value::number(match self {
            Function::Round => number.round(),
            Function::Floor => number.floor(),
            Function::Ceiling => number.ceil(),
            _ => return None,
        }))
    }

    /// The standard's `substringof` names what is looked for first, OData's `contains` last.
    fn of_texts(self, one: &str, other: &str) -> Option<Value> {
        Some(match self {
            Function::SubstringOf => Value::Flag(other.contains(one)),
            Function::Contains => Value::Flag(one.contains(other)),
            Function::EndsWith => Value::Flag(one.ends_with(other)),
            Function::StartsWith => Value::Flag(one.starts_with(other)),
            Function::Concat => Value::Text([one, other].concat()),
            Function::IndexOf => match one.find(other) {
                Some(bytes) => Value::number(one[..bytes].chars().count() as f64),
                None => Value::Number(-1.0),
            },
            _ => return None,
        })
    }

    fn of_shapes(self, one: &geo::Geometry<f64>, other: &geo::Geometry<f64>) -> Result<Value, Refused> {
        let lie = match self {
            Function::GeoDistance => return Ok(Value::number(geometry::distance_deg(one, other))),
            Function::StDistance => return Ok(Value::number(geometry::distance_m(one, other)?)),
            Function::StEquals => Lie::Equals,
            Function::StDisjoint => Lie::Disjoint,
            Function::StTouches => Lie::Touches,
            Function::StWithin => Lie::Within,
            Function::StOverlaps => Lie::Overlaps,
            Function::StCrosses => Lie::Crosses,
            Function::StIntersects | Function::GeoIntersects => Lie::Intersects,
            Function::StContains => Lie::Contains,
            _ => return Err(Refused::wrong(format!("{} is not of geometries", shown(self.row().0)))),
        };
        Ok(Value::Flag(geometry::lie(one, lie, other)))
    }

    fn of_times(self, arguments: &[Value]) -> Option<Value> {
        match arguments {
            [one] => self.of_time(one.ends()?.0),
            [one, other] => self.of_stretches(one.ends()?, other.ends()?).map(Value::Flag),
            _ => None,
        }
    }

    fn of_time(self, at: Timestamp) -> Option<Value> {
        let civil = at.to_jiff().to_zoned(TimeZone::UTC).datetime();
        Some(match self {
            Function::Year => Value::number(f64::from(civil.year())),
            Function::Month => Value::number(f64::from(civil.month())),
            Function::Day => Value::number(f64::from(civil.day())),
            Function::Hour => Value::number(f64::from(civil.hour())),
            Function::Minute => Value::number(f64::from(civil.minute())),
            Function::Second => Value::number(f64::from(civil.second())),
            Function::FractionalSeconds => Value::number(f64::from(civil.subsec_nanosecond()) / 1e9),
            Function::Date => Value::Text(civil.date().to_string()),
            Function::TimeOfDay => Value::Text(civil.time().to_string()),
            Function::TotalOffsetMinutes => Value::Number(0.0),
            _ => return None,
        })
    }

    /// Relations of two stretches of time (18-088, table 24; Allen 1983).
    fn of_stretches(self, one: (Timestamp, Timestamp), other: (Timestamp, Timestamp)) -> Option<bool> {
        Some(match self {
            Function::Before => one.1 < other.0,
            Function::After => one.0 > other.1,
            Function::Meets => one.0 == other.1 || one.1 == other.0,
            Function::During => other.0 <= one.0 && one.1 <= other.1,
            Function::TimesOverlap => one.0 <= other.1 && other.0 <= one.1,
            Function::Starts => one.0 == other.0,
            Function::Finishes => one.1 == other.1,
            _ => return None,
        })
    }
}
