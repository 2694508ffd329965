//! A pull reader for CBOR (RFC 8949): one item header at a time, borrowed, without a tree.
//!
//! Bounds: it holds the payload and nothing else; only a string sent in chunks is copied, once. Skipping goes
//! [`DEPTH_MAX`] levels deep. Half, single and double floats, indefinite lengths, and the numbers of tags 2 to 5
//! (big integers, decimal fractions, big floats) are read; other tags are passed over and their content is read.

use std::borrow::Cow;

use super::reject;
use crate::model::{Reason, Rejection};

/// Arrays, maps and tags inside each other.
const DEPTH_MAX: usize = 24;
/// A power of ten or two beyond which a double is zero or infinite whatever its mantissa of at most 128 bits.
const EXPONENT_MAX: f64 = 1_300.0;

/// What begins at the cursor.
#[derive(Debug, PartialEq)]
pub(super) enum Item<'a> {
    Unsigned(u64),
    /// `-1 - n`.
    Negative(u64),
    Bytes(Cow<'a, [u8]>),
    Text(Cow<'a, str>),
    /// How many items follow; `None`: until [`Item::Break`].
    Array(Option<u64>),
    /// How many pairs follow; `None`: until [`Item::Break`].
    Map(Option<u64>),
    Tag(u64),
    Bool(bool),
    /// Null or undefined.
    Null,
    /// Another simple value.
    Simple,
    Float(f64),
    Break,
}

/// A cursor over a payload.
pub(super) struct Cbor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cbor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Nothing may follow.
    pub(super) fn end(&self) -> Result<(), Rejection> {
        if self.at == self.bytes.len() { Ok(()) } else { Err(self.broken("more bytes after the end")) }
    }

    /// The next item: a whole scalar or string, or the header of something that holds items.
    pub(super) fn item(&mut self) -> Result<Item<'a>, Rejection> {
        let first = self.take(1)?[0];
        let (major, low) = (first >> 5, first & 0x1f);
        if major == 7 {
            return self.simple(low);
        }
        let argument = self.argument(low)?;
        match (major, argument) {
            (0, Some(value)) => Ok(Item::Unsigned(value)),
            (1, Some(value)) => Ok(Item::Negative(value)),
            (2, Some(length)) => Ok(Item::Bytes(Cow::Borrowed(self.take_long(length)?))),
            (2, None) => Ok(Item::Bytes(Cow::Owned(self.chunks(2)?))),
            (3, Some(length)) => {
                let bytes = self.take_long(length)?;
                std::str::from_utf8(bytes)
                    .map(|text| Item::Text(Cow::Borrowed(text)))
                    .map_err(|_| reject(Reason::InvalidUtf8, format!("a text is not UTF-8, before byte {}", self.at)))
            }
            (3, None) => String::from_utf8(self.chunks(3)?)
                .map(|text| Item::Text(Cow::Owned(text)))
                .map_err(|_| reject(Reason::InvalidUtf8, format!("a text is not UTF-8, before byte {}", self.at))),
            (4, count) => Ok(Item::Array(count)),
            (5, count) => Ok(Item::Map(count)),
            (6, Some(tag)) => Ok(Item::Tag(tag)),
            _ => Err(self.broken("an indefinite length where there is none")),
        }
    }

    /// Passes over what `item`, just read, still holds.
    pub(super) fn skip(&mut self, item: &Item<'a>) -> Result<(), Rejection> {
        self.skip_at(item, 0)
    }

    /// The number that `item`, just read, begins; `None` (and it is passed over) when it is none. Infinite when a
    /// double cannot hold it.
    pub(super) fn number(&mut self, item: Item<'a>) -> Result<Option<f64>, Rejection> {
        match item {
            Item::Unsigned(value) => Ok(Some(value as f64)),
            // Through 128 bits: two roundings would be one too many.
            Item::Negative(value) => Ok(Some((-1 - i128::from(value)) as f64)),
            Item::Float(value) => Ok(Some(value)),
            Item::Tag(tag @ (2 | 3)) => match self.item()? {
                Item::Bytes(bytes) => Ok(Some(if tag == 2 { big(&bytes) } else { -1.0 - big(&bytes) })),
                other => self.skip(&other).map(|()| None),
            },
            Item::Tag(tag @ (4 | 5)) => self.scaled(if tag == 4 { 10.0 } else { 2.0 }),
            other => self.skip(&other).map(|()| None),
        }
    }

    /// `[exponent, mantissa]` of tags 4 and 5.
    fn scaled(&mut self, base: f64) -> Result<Option<f64>, Rejection> {
        match self.item()? {
            Item::Array(Some(2)) => {}
            other => return self.skip(&other).map(|()| None),
        }
        let mut parts = [0.0; 2];
        let mut are_numbers = true;
        for part in &mut parts {
            let item = self.item()?;
            match item {
                Item::Unsigned(_) | Item::Negative(_) | Item::Tag(2 | 3) => {
                    *part = self.number(item)?.unwrap_or(f64::NAN);
                }
                other => {
                    self.skip(&other)?;
                    are_numbers = false;
                }
            }
        }
        let [exponent, mantissa] = parts;
        if !are_numbers {
            return Ok(None);
        }
        if mantissa == 0.0 {
            return Ok(Some(0.0));
        }
        let exponent = exponent.clamp(-EXPONENT_MAX, EXPONENT_MAX) as i32;
        if base == 10.0 {
            // The standard library rounds a decimal text correctly; a power and a product would round twice.
            return Ok(format!("{mantissa:.0}e{exponent}").parse().ok());
        }
        Ok(Some(mantissa * 2.0_f64.powi(exponent / 2) * 2.0_f64.powi(exponent - exponent / 2)))
    }

    fn skip_at(&mut self, item: &Item<'a>, depth: usize) -> Result<(), Rejection> {
        let (count, is_map) = match item {
            Item::Tag(_) => (Some(1), false),
            Item::Array(count) => (*count, false),
            Item::Map(count) => (*count, true),
            Item::Break => return Err(self.broken("a break where there is nothing to end")),
            _ => return Ok(()),
        };
        if depth == DEPTH_MAX {
            return Err(reject(Reason::NestedTooDeep, format!("more than {DEPTH_MAX} levels")));
        }
        let mut passed = 0_u64;
        while count.is_none_or(|count| passed < count) {
            for part in 0..if is_map { 2 } else { 1 } {
                match self.item()? {
                    Item::Break if count.is_none() && part == 0 => return Ok(()),
                    inner => self.skip_at(&inner, depth + 1)?,
                }
            }
            passed += 1;
        }
        Ok(())
    }

    fn simple(&mut self, low: u8) -> Result<Item<'a>, Rejection> {
        Ok(match low {
            20 | 21 => Item::Bool(low == 21),
            22 | 23 => Item::Null,
            24 if self.take(1)?[0] < 32 => return Err(self.broken("a simple value in two bytes that fits in one")),
            0..=19 | 24 => Item::Simple,
            25 => Item::Float(half(u16::from_be_bytes(self.array()?))),
            26 => Item::Float(f64::from(f32::from_be_bytes(self.array()?))),
            27 => Item::Float(f64::from_be_bytes(self.array()?)),
            31 => Item::Break,
            _ => return Err(self.broken("a reserved value")),
        })
    }

    /// The number after the first byte; `None` for an indefinite length.
    fn argument(&mut self, low: u8) -> Result<Option<u64>, Rejection> {
        Ok(Some(match low {
            0..=23 => u64::from(low),
            24 => u64::from(self.take(1)?[0]),
            25 => u64::from(u16::from_be_bytes(self.array()?)),
            26 => u64::from(u32::from_be_bytes(self.array()?)),
            27 => u64::from_be_bytes(self.array()?),
            31 => return Ok(None),
            _ => return Err(self.broken("a reserved length")),
        }))
    }

    /// The chunks of a string of indefinite length, joined.
    fn chunks(&mut self, major: u8) -> Result<Vec<u8>, Rejection> {
        let mut joined = Vec::new();
        loop {
            let first = self.take(1)?[0];
            if first == 0xff {
                return Ok(joined);
            }
            match self.argument(first & 0x1f)? {
                Some(length) if first >> 5 == major => joined.extend_from_slice(self.take_long(length)?),
                _ => return Err(self.broken("a chunk of another kind")),
            }
        }
    }

    fn take_long(&mut self, length: u64) -> Result<&'a [u8], Rejection> {
        let length = usize::try_from(length).map_err(|_| self.broken("cut off"))?;
        self.take(length)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Rejection> {
        match self.bytes[self.at..].get(..length) {
            Some(bytes) => {
                self.at += length;
                Ok(bytes)
            }
            None => Err(self.broken("cut off")),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Rejection> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    /// Not CBOR, and where.
    pub(super) fn broken(&self, what: &str) -> Rejection {
        reject(Reason::InvalidBinary, format!("CBOR: {what}, at byte {}", self.at))
    }
}

/// An unsigned big-endian integer of any length.
fn big(bytes: &[u8]) -> f64 {
    bytes.iter().fold(0.0, |value, byte| value * 256.0 + f64::from(*byte))
}

/// IEEE 754 binary16 (RFC 8949 appendix D).
fn half(bits: u16) -> f64 {
    let (exponent, mantissa) = ((bits >> 10) & 0x1f, f64::from(bits & 0x3ff));
    let value = match exponent {
        0 => mantissa * 2.0_f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (mantissa + 1024.0) * 2.0_f64.powi(i32::from(exponent) - 25),
    };
    if bits & 0x8000 == 0 { value } else { -value }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(hex: &str, expected: Option<f64>) {
        let bytes: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        let mut cbor = Cbor::new(&bytes);
        let item = cbor.item().unwrap();
        let number = cbor.number(item).unwrap();
        assert_eq!(number.map(f64::to_bits), expected.map(f64::to_bits), "{hex}");
        cbor.end().unwrap();
    }

    /// RFC 8949 appendix A.
    #[test]
    fn the_examples_of_the_standard() {
        check("00", Some(0.0));
        check("1bffffffffffffffff", Some(18_446_744_073_709_551_615.0));
        check("3903e7", Some(-1000.0));
        check("3bffffffffffffffff", Some(-18_446_744_073_709_551_616.0));
        check("3b0020000000000001", Some(-9_007_199_254_740_994.0));
        check("f98000", Some(-0.0));
        check("f93e00", Some(1.5));
        check("f97bff", Some(65504.0));
        check("f90001", Some(5.960_464_477_539_063e-8));
        check("f90400", Some(0.000_061_035_156_25));
        check("f9fc00", Some(f64::NEG_INFINITY));
        check("fa47c35000", Some(100_000.0));
        check("fb3ff199999999999a", Some(1.1));
        check("c249010000000000000000", Some(18_446_744_073_709_551_616.0));
        check("c349010000000000000000", Some(-18_446_744_073_709_551_617.0));
        check("c48221196ab3", Some(273.15));
        check("c5822003", Some(1.5));
        check("f5", None);
        check("826161820203", None);
        check("bf61610161629f0203ffff", None);
    }

    #[test]
    fn scaled_numbers_of_any_size_end_at_once() {
        check("c4821bffffffffffffffff01", Some(f64::INFINITY));
        check("c4823bffffffffffffffff01", Some(0.0));
        check("c5821bffffffffffffffff20", Some(f64::NEG_INFINITY));
        check("c4826161 01".replace(' ', "").as_str(), None);
    }

    proptest! {
        #[test]
        fn agrees_with_another_reader(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut cbor = Cbor::new(&bytes);
            let passed = cbor.item().and_then(|item| cbor.skip(&item)).and_then(|()| cbor.end());
            let theirs: Result<ciborium::Value, _> = ciborium::from_reader(&bytes[..]);
            if let Ok(value) = theirs {
                // It neither looks for the end nor knows simple values beyond null.
                prop_assert!(passed.is_ok() || passed.is_err_and(|refusal| refusal.detail.contains("after the end")), "{:?}", value);
            }
        }

        #[test]
        fn reads_what_another_writer_wrote(value in any::<f64>(), whole in any::<i64>(), text in "\\PC{0,20}") {
            let mut bytes = Vec::new();
            ciborium::into_writer(&(value, whole, &text), &mut bytes).unwrap();
            let mut cbor = Cbor::new(&bytes);
            prop_assert_eq!(cbor.item().unwrap(), Item::Array(Some(3)));
            let first = cbor.item().unwrap();
            let got = cbor.number(first).unwrap().unwrap();
            prop_assert!(got == value || (got.is_nan() && value.is_nan()));
            let second = cbor.item().unwrap();
            prop_assert_eq!(cbor.number(second).unwrap(), Some(whole as f64));
            prop_assert_eq!(cbor.item().unwrap(), Item::Text(Cow::Owned(text)));
            prop_assert!(cbor.end().is_ok());
        }
    }
}
