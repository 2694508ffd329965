//! A small JSON tree for formats that nest: borrowed where it can be, strict (RFC 8259), bounded, and keeping the
//! order of the keys.
//!
//! Bounds: [`DEPTH_MAX`] levels, [`NODES_MAX`] values, [`Limits::keys_max`] keys in an object, no key twice. A node takes
//! at most 56 bytes (32 without its key) and a vector at most doubles, so a tree stays under 8 MiB whatever the bytes.
//! Left out: access by pointer or path; each format walks its own shape.

use std::borrow::Cow;

use super::scan::{Scalar, Scanner, Value};
use super::{Limits, reject};
use crate::model::{Reason, Rejection};

/// Objects and arrays inside each other.
const DEPTH_MAX: usize = 24;
/// Values in one message, containers included.
const NODES_MAX: usize = 65_536;
/// Below this many keys every pair is compared; from it on they are sorted.
const PAIRS_BELOW: usize = 12;

/// A JSON value.
#[derive(Debug, PartialEq)]
pub(super) enum Json<'a> {
    Null,
    Bool(bool),
    /// The value (infinite when a double cannot hold it) and how it was written.
    Number(f64, &'a str),
    Text(Cow<'a, str>),
    Array(Vec<Json<'a>>),
    /// Keys are unique, in the order of the message.
    Object(Members<'a>),
}

/// The members of an object.
pub(super) type Members<'a> = Vec<(Cow<'a, str>, Json<'a>)>;

impl<'a> Json<'a> {
    /// Reads a whole text.
    pub(super) fn parse(text: &'a str, limits: &Limits) -> Result<Self, Rejection> {
        let mut scanner = Scanner::new(text);
        if scanner.peek().is_none() {
            return Err(reject(Reason::EmptyPayload, "white space only"));
        }
        let tree = Reader::new(limits).value(&mut scanner)?;
        scanner.end()?;
        Ok(tree)
    }

    /// A member of an object; `None` for other values too.
    pub(super) fn get(&self, key: &str) -> Option<&Json<'a>> {
        self.object().and_then(|members| members.iter().find(|(name, _)| name == key)).map(|(_, value)| value)
    }

    pub(super) fn object(&self) -> Option<&Members<'a>> {
        if let Json::Object(members) = self { Some(members) } else { None }
    }

    pub(super) fn array(&self) -> Option<&[Json<'a>]> {
        if let Json::Array(items) = self { Some(items) } else { None }
    }

    pub(super) fn text(&self) -> Option<&Cow<'a, str>> {
        if let Json::Text(text) = self { Some(text) } else { None }
    }

    pub(super) fn number(&self) -> Option<f64> {
        if let Json::Number(value, _) = self { Some(*value) } else { None }
    }

    /// What kind of value it is, for a person.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "a truth value",
            Json::Number(..) => "a number",
            Json::Text(_) => "a text",
            Json::Array(_) => "an array",
            Json::Object(_) => "an object",
        }
    }
}

/// Reads values one by one against one budget of nodes.
pub(super) struct Reader {
    nodes_left: usize,
    keys_max: usize,
    depth: usize,
}

impl Reader {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { nodes_left: NODES_MAX, keys_max: limits.keys_max, depth: 0 }
    }

    /// The value at the cursor.
    pub(super) fn value<'a>(&mut self, scanner: &mut Scanner<'a>) -> Result<Json<'a>, Rejection> {
        if self.nodes_left == 0 {
            return Err(reject(Reason::TooManyReadings, format!("more than {NODES_MAX} values")));
        }
        self.nodes_left -= 1;
        let place = scanner.place();
        match scanner.value()? {
            Value::Scalar(Scalar::Text(text)) => Ok(Json::Text(text)),
            Value::Scalar(Scalar::Number(value)) => Ok(Json::Number(value, scanner.since(place))),
            Value::Scalar(Scalar::Bool(value)) => Ok(Json::Bool(value)),
            Value::Scalar(Scalar::Null) => Ok(Json::Null),
            Value::Nested => {
                if self.depth == DEPTH_MAX {
                    return Err(reject(Reason::NestedTooDeep, format!("more than {DEPTH_MAX} levels")));
                }
                self.depth += 1;
                let nested =
                    if scanner.take(b'[') { self.array(scanner).map(Json::Array) } else { self.object(scanner) };
                self.depth -= 1;
                nested
            }
        }
    }

    fn array<'a>(&mut self, scanner: &mut Scanner<'a>) -> Result<Vec<Json<'a>>, Rejection> {
        let mut items = Vec::new();
        if scanner.take(b']') {
            return Ok(items);
        }
        loop {
            items.push(self.value(scanner)?);
            if !scanner.take(b',') {
                break;
            }
        }
        scanner.expect(b']')?;
        Ok(items)
    }

    fn object<'a>(&mut self, scanner: &mut Scanner<'a>) -> Result<Json<'a>, Rejection> {
        scanner.expect(b'{')?;
        let mut members: Members<'a> = Vec::new();
        if !scanner.take(b'}') {
            loop {
                if members.len() == self.keys_max {
                    let detail = format!("more than {} keys in one object", self.keys_max);
                    return Err(reject(Reason::TooManyReadings, detail));
                }
                let key = scanner.text()?;
                scanner.expect(b':')?;
                members.push((key, self.value(scanner)?));
                if !scanner.take(b',') {
                    break;
                }
            }
            scanner.expect(b'}')?;
        }
        match doubled(&members) {
            Some(key) => Err(reject(Reason::DuplicateKey, format!("{key} is there twice"))),
            None => Ok(Json::Object(members)),
        }
    }
}

fn doubled<'m>(members: &'m Members<'_>) -> Option<&'m str> {
    if members.len() < PAIRS_BELOW {
        let is_double = |(place, (key, _)): &(usize, &(Cow<'_, str>, Json<'_>))| {
            members[..*place].iter().any(|(earlier, _)| earlier == key)
        };
        return members.iter().enumerate().find(is_double).map(|(_, (key, _))| key.as_ref());
    }
    let mut keys: Vec<&str> = members.iter().map(|(key, _)| key.as_ref()).collect();
    keys.sort_unstable();
    keys.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As `serde_json` writes it, or the reason of the refusal.
    fn written(json: &Json<'_>) -> String {
        match json {
            Json::Null => "null".to_owned(),
            Json::Bool(value) => value.to_string(),
            Json::Number(_, text) => (*text).to_owned(),
            Json::Text(text) => serde_json::to_string(text).unwrap(),
            Json::Array(items) => format!("[{}]", items.iter().map(written).collect::<Vec<_>>().join(",")),
            Json::Object(members) => {
                let member = |(key, value): &(Cow<'_, str>, Json<'_>)| {
                    format!("{}:{}", serde_json::to_string(key).unwrap(), written(value))
                };
                format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
            }
        }
    }

    fn check(text: &str, expected: &str) {
        let got = match Json::parse(text, &Limits::default()) {
            Ok(json) => written(&json),
            Err(rejection) => rejection.reason.word().to_owned(),
        };
        assert_eq!(got, expected, "{text:.80}");
    }

    #[test]
    fn reads_what_is_json_and_nothing_else() {
        check(
            r#" { "a" : [ 1 , -2.5e3 , true , null , "x\ny" ] , "b" : { } } "#,
            r#"{"a":[1,-2.5e3,true,null,"x\ny"],"b":{}}"#,
        );
        for text in ["{", "[1,]", "{\"a\":}", "{\"a\" 1}", "[1 2]", "{}{}", "nul", "{\"a\":1,}", "[\u{feff}]"] {
            check(text, "invalid_json");
        }
        check(" ", "empty_payload");
    }

    #[test]
    fn a_key_is_there_once() {
        check(r#"{"a":1,"b":2,"a":3}"#, "duplicate_key");
        let keys: Vec<String> = (0..40).map(|key| format!("\"k{key}\":1")).collect();
        check(&format!("{{{},\"k7\":2}}", keys.join(",")), "duplicate_key");
        check(r#"{"a":1,"\u0061":2}"#, "duplicate_key");
    }

    #[test]
    fn what_is_too_much_is_refused() {
        check(&"[".repeat(DEPTH_MAX + 1), "nested_too_deep");
        check(
            &format!("{}1{}", "[".repeat(DEPTH_MAX), "]".repeat(DEPTH_MAX)).replace('1', ""),
            &"[".repeat(DEPTH_MAX).chars().chain("]".repeat(DEPTH_MAX).chars()).collect::<String>(),
        );
        check(&format!("[{}]", vec!["1"; NODES_MAX].join(",")), "too_many_readings");
        let keys: Vec<String> = (0..257).map(|key| format!("\"k{key}\":1")).collect();
        check(&format!("{{{}}}", keys.join(",")), "too_many_readings");
    }

    #[test]
    fn a_node_is_as_small_as_the_bound_says() {
        assert!(size_of::<Json<'_>>() <= 32 && size_of::<(Cow<'_, str>, Json<'_>)>() <= 56);
    }

    proptest! {
        #[test]
        fn agrees_with_a_json_parser(text in "[\\[\\]{}\",:\\\\0-9.eE+\\- aut\\n]{0,24}") {
            let ours = Json::parse(&text, &Limits::default());
            match serde_json::from_str::<serde_json::Value>(&text) {
                Ok(value) => match ours {
                    Ok(ours) => prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&written(&ours)).unwrap(), value),
                    Err(rejection) => prop_assert_eq!(rejection.reason, Reason::DuplicateKey),
                },
                // serde_json refuses a number that a double cannot hold; here it is infinite and refused by itself.
                Err(error) => prop_assert!(ours.is_err() || error.to_string().contains("out of range")),
            }
        }
    }
}
