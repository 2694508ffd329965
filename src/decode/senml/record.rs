//! One SenML record as it is written, from JSON or from CBOR; nothing is resolved here.

use std::borrow::Cow;

use super::super::cbor::{Cbor, Item};
use super::super::tree::Json;
use super::super::{Limits, reject};
use crate::model::{Reason, Rejection};

/// The fields of RFC 8428 section 4 that mean something here.
#[derive(Default)]
pub(super) struct Record<'a> {
    pub(super) base_version: Option<f64>,
    pub(super) base_name: Option<Cow<'a, str>>,
    pub(super) base_time: Option<f64>,
    pub(super) base_unit: Option<Cow<'a, str>>,
    pub(super) base_value: Option<f64>,
    pub(super) base_sum: Option<f64>,
    pub(super) name: Option<Cow<'a, str>>,
    pub(super) unit: Option<Cow<'a, str>>,
    pub(super) value: Option<f64>,
    pub(super) truth: Option<bool>,
    pub(super) word: Option<Cow<'a, str>>,
    pub(super) sum: Option<f64>,
    pub(super) time: Option<f64>,
    /// How many of `v`, `vb`, `vs` and `vd` there are.
    pub(super) values: u8,
    /// Whether it holds nothing but base fields.
    pub(super) is_base_only: bool,
    /// Why its value is not taken; its base fields hold all the same.
    pub(super) refused: Option<(Reason, &'static str)>,
    seen: u32,
}

/// A field's value: what JSON and CBOR have in common.
enum Field<'a> {
    Number(f64),
    Text(Cow<'a, str>),
    Truth(bool),
    Other,
}

/// JSON labels and their CBOR labels (RFC 8428 table 4).
const LABELS: [(&str, i64); 15] = [
    ("bver", -1),
    ("bn", -2),
    ("bt", -3),
    ("bu", -4),
    ("bv", -5),
    ("bs", -6),
    ("n", 0),
    ("u", 1),
    ("v", 2),
    ("vs", 3),
    ("vb", 4),
    ("s", 5),
    ("t", 6),
    ("ut", 7),
    ("vd", 8),
];

impl<'a> Record<'a> {
    pub(super) fn from_json(json: Json<'a>) -> Result<Self, Rejection> {
        let Json::Object(members) = json else {
            return Err(reject(Reason::WrongShape, format!("a record is an object, not {}", json.kind())));
        };
        let mut record = Record { is_base_only: true, ..Record::default() };
        for (key, value) in members {
            let field = match value {
                Json::Number(value, _) => Field::Number(value),
                Json::Text(text) => Field::Text(text),
                Json::Bool(truth) => Field::Truth(truth),
                Json::Null | Json::Array(_) | Json::Object(_) => Field::Other,
            };
            record.set(&key, field)?;
        }
        Ok(record)
    }

    /// The record whose map header was just read.
    pub(super) fn from_cbor(cbor: &mut Cbor<'a>, pairs: Option<u64>, limits: &Limits) -> Result<Self, Rejection> {
        let mut record = Record { is_base_only: true, ..Record::default() };
        let mut read = 0;
        while pairs.is_none_or(|pairs| read < pairs) {
            let label = match cbor.item()? {
                Item::Break if pairs.is_none() => break,
                Item::Text(label) => label,
                Item::Unsigned(label) => Cow::Borrowed(labelled(i64::try_from(label).unwrap_or(i64::MAX))),
                Item::Negative(label) => Cow::Borrowed(labelled(-1 - i64::try_from(label).unwrap_or(i64::MAX))),
                _ => return Err(reject(Reason::WrongShape, "a label is an integer or a text (RFC 8428 section 6)")),
            };
            if read == limits.keys_max as u64 {
                return Err(reject(
                    Reason::TooManyReadings,
                    format!("more than {} labels in a record", limits.keys_max),
                ));
            }
            let field = match cbor.item()? {
                Item::Text(text) => Field::Text(text),
                Item::Bool(truth) => Field::Truth(truth),
                item => cbor.number(item)?.map_or(Field::Other, Field::Number),
            };
            record.set(&label, field)?;
            read += 1;
        }
        Ok(record)
    }

    fn set(&mut self, label: &str, field: Field<'a>) -> Result<(), Rejection> {
        let Some((index, number)) = LABELS.iter().position(|(name, _)| *name == label).map(|at| (at, LABELS[at].1))
        else {
            return if label.ends_with('_') {
                Err(reject(Reason::Unsupported, format!("{label} must be understood and is not (section 4.4)")))
            } else {
                Ok(())
            };
        };
        if self.seen & 1 << index != 0 {
            return Err(reject(Reason::DuplicateKey, format!("{label} is there twice in a record")));
        }
        self.seen |= 1 << index;
        self.is_base_only &= number < 0;
        let bad_base = |kind: &str| Err(reject(Reason::WrongType, format!("{label} is {kind} (RFC 8428 table 1)")));
        match (label, field) {
            ("bver", Field::Number(value)) => self.base_version = Some(value),
            ("bn", Field::Text(text)) => self.base_name = Some(text),
            ("bu", Field::Text(text)) => self.base_unit = Some(text),
            ("bt", Field::Number(value)) if value.is_finite() => self.base_time = Some(value),
            ("bv", Field::Number(value)) if value.is_finite() => self.base_value = Some(value),
            ("bs", Field::Number(value)) if value.is_finite() => self.base_sum = Some(value),
            ("bn" | "bu", _) => return bad_base("a text"),
            ("bver" | "bt" | "bv" | "bs", _) => return bad_base("a finite number"),
            (_, field) => self.set_regular(label, field),
        }
        Ok(())
    }

    fn set_regular(&mut self, label: &str, field: Field<'a>) {
        self.values += u8::from(matches!(label, "v" | "vb" | "vs" | "vd"));
        match (label, field) {
            ("n", Field::Text(text)) => self.name = Some(text),
            ("u", Field::Text(text)) => self.unit = Some(text),
            ("v", Field::Number(value)) => self.value = Some(value),
            ("vb", Field::Truth(truth)) => self.truth = Some(truth),
            ("s", Field::Number(value)) => self.sum = Some(value),
            ("t", Field::Number(value)) => self.time = Some(value),
            ("ut", _) => {}
            ("vs", Field::Text(text)) => self.word = Some(text),
            ("vd", _) => self.refuse(Reason::NotAQuantity, "vd is bytes, not a quantity"),
            ("n" | "u" | "vs", _) => self.refuse(Reason::WrongType, "n, u and vs are texts"),
            ("vb", _) => self.refuse(Reason::WrongType, "vb is true or false"),
            ("t", _) => self.refuse(Reason::InvalidTime, "t is a number of seconds"),
            _ => self.refuse(Reason::WrongType, "v and s are numbers"),
        }
    }

    fn refuse(&mut self, reason: Reason, what: &'static str) {
        self.refused.get_or_insert((reason, what));
    }
}

/// The JSON label of a CBOR label; an integer outside the table is an unknown label.
fn labelled(number: i64) -> &'static str {
    LABELS.iter().find(|(_, label)| *label == number).map_or("", |(name, _)| name)
}
