//! What the walker over nested messages asks of a notation: the next value, and the way through maps and lists.
//!
//! Two notations have it, JSON text and CBOR bytes; both are read in place, without a tree.

use std::borrow::Cow;

use super::scan::{Scalar, Scanner, Value};
use crate::model::Rejection;

/// A value, or the beginning of something that holds values.
#[derive(Debug, PartialEq)]
pub(super) enum Token<'a> {
    Text(Cow<'a, str>),
    /// Infinite when a double cannot hold it; never NaN in JSON.
    Number(f64),
    Truth(bool),
    Null,
    /// Bytes, which are no value of a sensor.
    Bytes,
    Map(Open),
    List(Open),
}

/// A map or list that was begun: how far it was read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Open {
    /// Entries read.
    pub(super) taken: usize,
    /// Entries that it says it has; `None` when its end is marked.
    pub(super) length: Option<u64>,
}

/// A notation read token by token.
pub(super) trait Tokens<'a> {
    /// The next value.
    fn value(&mut self) -> Result<Token<'a>, Rejection>;
    /// The key of a map's next entry; `None` at its end.
    fn key(&mut self, map: &mut Open) -> Result<Option<Cow<'a, str>>, Rejection>;
    /// Whether a list has another entry.
    fn item(&mut self, list: &mut Open) -> Result<bool, Rejection>;
    /// That nothing follows.
    fn end(&mut self) -> Result<(), Rejection>;
}

impl<'a> Tokens<'a> for Scanner<'a> {
    fn value(&mut self) -> Result<Token<'a>, Rejection> {
        Ok(match Scanner::value(self)? {
            Value::Scalar(Scalar::Text(text)) => Token::Text(text),
            Value::Scalar(Scalar::Number(number)) => Token::Number(number),
            Value::Scalar(Scalar::Bool(truth)) => Token::Truth(truth),
            Value::Scalar(Scalar::Null) => Token::Null,
            Value::Nested if self.take(b'{') => Token::Map(Open::default()),
            Value::Nested => {
                self.expect(b'[')?;
                Token::List(Open::default())
            }
        })
    }

    fn key(&mut self, map: &mut Open) -> Result<Option<Cow<'a, str>>, Rejection> {
        if !next(self, map, b'}')? {
            return Ok(None);
        }
        let key = self.text()?;
        self.expect(b':')?;
        Ok(Some(key))
    }

    fn item(&mut self, list: &mut Open) -> Result<bool, Rejection> {
        next(self, list, b']')
    }

    fn end(&mut self) -> Result<(), Rejection> {
        Scanner::end(self)
    }
}

/// Whether another entry follows before the closing byte.
fn next(scanner: &mut Scanner<'_>, open: &mut Open, closing: u8) -> Result<bool, Rejection> {
    if open.taken == 0 && scanner.take(closing) {
        return Ok(false);
    }
    if open.taken > 0 && !scanner.take(b',') {
        scanner.expect(closing)?;
        return Ok(false);
    }
    open.taken += 1;
    Ok(true)
}
