//! InfluxDB line protocol: one point a line.
//!
//! ```text
//! measurement,tag=value,tag=value field=1.5,other=3i,text="a \"b\"" 1700000000000000000
//! ```
//! The grammar is that of InfluxDB 2 (<https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/>):
//! a backslash escapes a comma, a space and, but in a measurement, an equals sign; inside a quoted text a quote and
//! a backslash; before anything else it stands for itself. Numbers end in nothing (double), `i` (signed) or `u`
//! (unsigned); truth values are `t`, `T`, `true`, `True`, `TRUE` and their opposites. A line that begins with `#` is
//! a comment. A quoted text may hold line ends, see [`is_open`].
//!
//! Stricter than InfluxDB in one point: the same tag or field twice is refused, since which one is meant cannot be
//! known. Left out on purpose: what a point means here (which tag is the station is the map's to say).

use std::borrow::Cow;
use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashSet};

use super::reject;
use crate::model::{Reason, Rejection, Timestamp};

/// Most tags and most fields of one point.
const PARTS_MAX: usize = 1_024;

/// One point, in the sender's words.
#[derive(Clone, Debug, PartialEq)]
pub struct Point<'a> {
    /// What was measured.
    pub measurement: Cow<'a, str>,
    /// In the order of the line.
    pub tags: Vec<Tag<'a>>,
    /// In the order of the line; at least one.
    pub fields: Vec<(Cow<'a, str>, Field<'a>)>,
    /// In the unit that the writer agreed upon ([`Precision`]).
    pub time: Option<i64>,
}

/// A tag's key and value.
pub type Tag<'a> = (Cow<'a, str>, Cow<'a, str>);

/// A field's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Field<'a> {
    /// Finite.
    Float(f64),
    /// `3i`
    Integer(i64),
    /// `3u`
    Unsigned(u64),
    /// `t`
    Boolean(bool),
    /// `"text"`
    Text(Cow<'a, str>),
}

/// The unit of the times, which the lines themselves do not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// 10⁻⁹ s, InfluxDB's own default. What is finer than a microsecond is cut off.
    #[default]
    Nanoseconds,
    /// 10⁻⁶ s.
    Microseconds,
    /// 10⁻³ s.
    Milliseconds,
    /// 1 s.
    Seconds,
}

impl Precision {
    /// The words of InfluxDB's `precision` parameter.
    pub const WORDS: [(&'static str, Precision); 4] = [
        ("ns", Precision::Nanoseconds),
        ("us", Precision::Microseconds),
        ("ms", Precision::Milliseconds),
        ("s", Precision::Seconds),
    ];

    /// The instant; `None` beyond what 64 bits of microseconds hold.
    pub fn instant(self, time: i64) -> Option<Timestamp> {
        let micros = match self {
            Precision::Nanoseconds => Some(time.div_euclid(1_000)),
            Precision::Microseconds => Some(time),
            Precision::Milliseconds => time.checked_mul(1_000),
            Precision::Seconds => time.checked_mul(1_000_000),
        };
        micros.map(Timestamp::from_micros)
    }
}

/// Reads one line without its end; `None` for an empty line and a comment.
pub fn point(line: &[u8]) -> Result<Option<Point<'_>>, Rejection> {
    let text = std::str::from_utf8(line)
        .map_err(|error| reject(Reason::InvalidUtf8, format!("not UTF-8 from byte {}", error.valid_up_to())))?;
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    let mut cursor = Cursor { text, at: 0 };
    let measurement = cursor.name(b", ", b", ");
    if measurement.is_empty() {
        return Err(cursor.wrong("a measurement is missing"));
    }
    let tags = cursor.tags()?;
    cursor.spaces();
    let fields = cursor.fields()?;
    cursor.spaces();
    let time = cursor.time()?;
    Ok(Some(Point { measurement, tags, fields, time }))
}

/// Whether a line ends inside a quoted text, so that the next one belongs to it.
pub fn is_open(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    if line.first() == Some(&b'#') {
        return false;
    }
    let mut at = 0;
    // The first bare space ends measurement and tags, in which a quote stands for itself.
    while at < line.len() && line[at] != b' ' {
        at += if line[at] == b'\\' { 2 } else { 1 };
    }
    let mut is_inside = false;
    let mut is_value = false;
    while let Some(byte) = line.get(at) {
        at += 1;
        match byte {
            b'\\' => at += 1,
            b'"' if is_inside => is_inside = false,
            b'"' => is_inside = is_value,
            b'=' if !is_inside => {
                is_value = true;
                continue;
            }
            _ => {}
        }
        is_value = false;
    }
    is_inside
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn spaces(&mut self) {
        while self.take(b' ') || self.take(b'\t') {}
    }

    fn wrong(&self, what: &str) -> Rejection {
        self.refuse(Reason::WrongShape, what)
    }

    fn refuse(&self, reason: Reason, what: &str) -> Rejection {
        reject(reason, format!("{what}, at byte {}", self.at))
    }

    /// Up to one of `ends`, with a backslash before one of `escaped` taken away.
    fn name(&mut self, ends: &[u8], escaped: &[u8]) -> Cow<'a, str> {
        let bytes = self.text.as_bytes();
        let mut from = self.at;
        let mut unescaped: Option<String> = None;
        while let Some(byte) = bytes.get(self.at) {
            if *byte == b'\\' && bytes.get(self.at + 1).is_some_and(|next| escaped.contains(next)) {
                // Both are ASCII, so these are places between letters.
                unescaped.get_or_insert_default().push_str(&self.text[from..self.at]);
                from = self.at + 1;
                self.at += 2;
            } else if ends.contains(byte) {
                break;
            } else {
                self.at += 1;
            }
        }
        let rest = &self.text[from..self.at];
        match unescaped {
            None => Cow::Borrowed(rest),
            Some(before) => Cow::Owned(before + rest),
        }
    }

    fn key(&mut self) -> Cow<'a, str> {
        self.name(b",= ", b",= ")
    }

    fn tags(&mut self) -> Result<Vec<Tag<'a>>, Rejection> {
        let (mut tags, mut keys): (Vec<Tag<'a>>, _) = (Vec::new(), Keys::default());
        while self.take(b',') {
            let key = self.key();
            if key.is_empty() || !self.take(b'=') {
                return Err(self.wrong("a tag is written key=value"));
            }
            let value = self.key();
            if value.is_empty() {
                return Err(self.wrong(&format!("tag {key} has no value")));
            }
            if self.peek() == Some(b'=') {
                return Err(self.wrong("an equals sign inside a tag is written \\="));
            }
            if tags.len() == PARTS_MAX || !keys.is_new(&key, || tags.iter().any(|(known, _)| *known == key)) {
                return Err(self.refuse(Reason::DuplicateKey, &format!("tag {key} is there twice, or one of too many")));
            }
            tags.push((key, value));
        }
        Ok(tags)
    }

    fn fields(&mut self) -> Result<Vec<(Cow<'a, str>, Field<'a>)>, Rejection> {
        let (mut fields, mut keys): (Vec<(Cow<'a, str>, Field<'a>)>, _) = (Vec::new(), Keys::default());
        loop {
            let key = self.key();
            if key.is_empty() || !self.take(b'=') {
                return Err(self.wrong("a field is written key=value"));
            }
            if fields.len() == PARTS_MAX || !keys.is_new(&key, || fields.iter().any(|(known, _)| *known == key)) {
                return Err(
                    self.refuse(Reason::DuplicateKey, &format!("field {key} is there twice, or one of too many"))
                );
            }
            let value = if self.take(b'"') { self.quoted()? } else { self.bare(&key)? };
            fields.push((key, value));
            if !self.take(b',') {
                break;
            }
        }
        match self.peek() {
            None | Some(b' ' | b'\t') => Ok(fields),
            Some(_) => Err(self.wrong("a comma or a space belongs behind a value")),
        }
    }

    /// A text, behind its opening quote.
    fn quoted(&mut self) -> Result<Field<'a>, Rejection> {
        let text = self.name(b"\"", b"\"\\");
        if self.take(b'"') { Ok(Field::Text(text)) } else { Err(self.wrong("a text without an end")) }
    }

    fn bare(&mut self, key: &str) -> Result<Field<'a>, Rejection> {
        let from = self.at;
        while self.peek().is_some_and(|byte| !matches!(byte, b',' | b' ' | b'\t')) {
            self.at += 1;
        }
        let word = &self.text[from..self.at];
        let wrong = |reason| Err(reject(reason, format!("{key}: {word:?} is no value of a field")));
        match word {
            "t" | "T" | "true" | "True" | "TRUE" => return Ok(Field::Boolean(true)),
            "f" | "F" | "false" | "False" | "FALSE" => return Ok(Field::Boolean(false)),
            _ => {}
        }
        let is_whole = |digits: &str| {
            let unsigned = digits.strip_prefix(['-', '+']).unwrap_or(digits);
            !unsigned.is_empty() && unsigned.bytes().all(|byte| byte.is_ascii_digit())
        };
        let value = match word.as_bytes().last() {
            Some(b'i') => word
                .strip_suffix('i')
                .filter(|digits| is_whole(digits))
                .map(|digits| digits.parse().ok().map(Field::Integer)),
            Some(b'u') => word
                .strip_suffix('u')
                .filter(|digits| is_whole(digits))
                .map(|digits| digits.parse().ok().map(Field::Unsigned)),
            Some(b'0'..=b'9' | b'.') if word.bytes().all(|byte| b"0123456789+-.eE".contains(&byte)) => {
                word.parse().ok().map(|value: f64| value.is_finite().then_some(Field::Float(value)))
            }
            _ => None,
        };
        match value {
            Some(Some(value)) => Ok(value),
            Some(None) => wrong(Reason::NotFinite),
            None => wrong(Reason::WrongType),
        }
    }

    fn time(&mut self) -> Result<Option<i64>, Rejection> {
        let rest = &self.text[self.at..];
        if rest.is_empty() {
            return Ok(None);
        }
        let digits = rest.strip_prefix('-').unwrap_or(rest);
        let time = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| rest.parse().ok()).flatten();
        time.map(Some)
            .ok_or_else(|| reject(Reason::InvalidTime, format!("{:?} is no time in whole units since 1970", cut(rest))))
    }
}

/// Keys that were there, by their hashes: looking through all of them for each would take long for many.
#[derive(Default)]
struct Keys {
    hashes: HashSet<u64>,
    hasher: DefaultHashBuilder,
}

impl Keys {
    /// Whether a key was not there yet; `is_there` looks through all of them.
    fn is_new(&mut self, key: &str, is_there: impl FnOnce() -> bool) -> bool {
        self.hashes.insert(self.hasher.hash_one(key)) || !is_there()
    }
}

fn cut(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests;
