//! Mapped CBOR (RFC 8949): as mapped JSON, with bytes for text.
//!
//! Read in place, so that lengths are checked against the bytes that are there and the depth against the limit before
//! anything is taken. Keys are texts, or whole numbers, which stand for their digits. Tags say nothing to us, but for
//! those of big numbers: the configuration says how a time is written. Byte strings are no values.

use std::borrow::Cow;

use super::cbor::{Cbor, Item};
use super::layout::Layout;
use super::observed::Heard;
use super::tokens::{Open, Token, Tokens};
use super::walk::walk;
use super::{Limits, reject, sink};
use crate::model::{Reason, Rejection};

/// Tags that may follow each other before a value; nobody needs more than two.
const TAGS_MAX: usize = 8;

/// Reads one message into `out`. On an error nothing of the message is there.
pub fn decode<'a>(
    layout: &'a Layout,
    payload: &'a [u8],
    limits: &Limits,
    out: &mut Heard<'a>,
) -> Result<(), Rejection> {
    sink::bounded(payload, limits)?;
    let mut reader = Reader { cbor: Cbor::new(payload), bytes: payload.len() as u64, ahead: None };
    walk(&mut reader, layout, limits, out).map(|_| ())
}

/// The bytes as tokens.
struct Reader<'a> {
    cbor: Cbor<'a>,
    /// All that there are: nothing has more entries.
    bytes: u64,
    /// A list's entry that was read to see whether it is the list's end.
    ahead: Option<Item<'a>>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Item<'a>, Rejection> {
        self.ahead.take().map_or_else(|| self.cbor.item(), Ok)
    }

    /// The next item that is no break, when the map or list has one more.
    fn entry(&mut self, open: &mut Open) -> Result<Option<Item<'a>>, Rejection> {
        if open.length.is_some_and(|length| open.taken as u64 >= length) {
            return Ok(None);
        }
        let item = self.cbor.item()?;
        if open.length.is_none() && item == Item::Break {
            return Ok(None);
        }
        open.taken += 1;
        Ok(Some(item))
    }

    fn open(&self, length: Option<u64>) -> Result<Open, Rejection> {
        if length.is_some_and(|length| length > self.bytes) {
            return Err(self.cbor.broken("more entries announced than there are bytes"));
        }
        Ok(Open { taken: 0, length })
    }
}

impl<'a> Tokens<'a> for Reader<'a> {
    fn value(&mut self) -> Result<Token<'a>, Rejection> {
        for _ in 0..=TAGS_MAX {
            return Ok(match self.next()? {
                // Big integers, decimal fractions and big floats are numbers; other tags are passed over.
                tag @ Item::Tag(2..=5) => self.cbor.number(tag)?.map_or(Token::Bytes, Token::Number),
                Item::Tag(_) => continue,
                Item::Unsigned(number) => Token::Number(number as f64),
                Item::Negative(number) => Token::Number((-1 - i128::from(number)) as f64),
                Item::Float(number) => Token::Number(number),
                Item::Text(text) => Token::Text(text),
                Item::Bool(truth) => Token::Truth(truth),
                Item::Null => Token::Null,
                Item::Bytes(_) | Item::Simple => Token::Bytes,
                Item::Array(length) => Token::List(self.open(length)?),
                Item::Map(length) => Token::Map(self.open(length)?),
                Item::Break => return Err(self.cbor.broken("a break where a value belongs")),
            });
        }
        Err(self.cbor.broken("too many tags"))
    }

    fn key(&mut self, map: &mut Open) -> Result<Option<Cow<'a, str>>, Rejection> {
        match self.entry(map)? {
            None => Ok(None),
            Some(Item::Text(key)) => Ok(Some(key)),
            Some(Item::Unsigned(number)) => Ok(Some(Cow::Owned(number.to_string()))),
            Some(Item::Negative(number)) => Ok(Some(Cow::Owned((-1 - i128::from(number)).to_string()))),
            Some(Item::Break) => Err(self.cbor.broken("a break where a key belongs")),
            Some(_) => Err(reject(Reason::WrongShape, "a key is neither a text nor a whole number")),
        }
    }

    fn item(&mut self, list: &mut Open) -> Result<bool, Rejection> {
        self.ahead = self.entry(list)?;
        Ok(self.ahead.is_some())
    }

    fn end(&mut self) -> Result<(), Rejection> {
        self.cbor.end()
    }
}

#[cfg(test)]
mod tests;
