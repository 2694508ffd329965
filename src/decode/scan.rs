//! A borrowed scanner for the little JSON that the native form needs: strings, numbers, words and punctuation, with
//! no tree and no allocation unless a string has escapes. It accepts exactly what RFC 8259 accepts.

use std::borrow::Cow;

use super::{number, reject};
use crate::model::{Reason, Rejection};

/// One scalar value.
#[derive(Debug, PartialEq)]
pub(super) enum Scalar<'a> {
    Text(Cow<'a, str>),
    /// Infinite when a double cannot hold it.
    Number(f64),
    Bool(bool),
    Null,
}

/// What begins at the cursor.
#[derive(Debug, PartialEq)]
pub(super) enum Value<'a> {
    Scalar(Scalar<'a>),
    /// `{` or `[`; the cursor stands on it.
    Nested,
}

/// A cursor over a text.
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The next byte after white space, not taken.
    pub(super) fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    /// Takes `byte` after white space, or leaves the cursor where it is.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Takes `byte` after white space, or says that it was expected.
    pub(super) fn expect(&mut self, byte: u8) -> Result<(), Rejection> {
        if self.take(byte) { Ok(()) } else { Err(self.broken(&format!("expected `{}`", char::from(byte)))) }
    }

    /// The text between an earlier place ([`Scanner::place`]) and here.
    pub(super) fn since(&self, place: usize) -> &'a str {
        &self.text[place..self.at]
    }

    /// Where the cursor stands, after white space.
    pub(super) fn place(&mut self) -> usize {
        self.peek();
        self.at
    }

    /// White space only from here on.
    pub(super) fn end(&mut self) -> Result<(), Rejection> {
        if self.peek().is_none() { Ok(()) } else { Err(self.broken("more text after the end")) }
    }

    /// A string.
    pub(super) fn text(&mut self) -> Result<Cow<'a, str>, Rejection> {
        self.expect(b'"')?;
        let from = self.at;
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at) {
                Some(b'"') => {
                    let text = &self.text[from..self.at];
                    self.at += 1;
                    return Ok(Cow::Borrowed(text));
                }
                Some(b'\\') => return self.escaped(from),
                Some(0..=0x1f) => return Err(self.broken("a control character inside a string")),
                Some(_) => self.at += 1,
                None => return Err(self.broken("a string without an end")),
            }
        }
    }

    /// The rest of a string that has escapes; `from` is after its opening quote. Rare, so `serde_json` reads it.
    fn escaped(&mut self, from: usize) -> Result<Cow<'a, str>, Rejection> {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            match byte {
                b'"' => {
                    self.at += 1;
                    return serde_json::from_str::<String>(&self.text[from - 1..self.at])
                        .map(Cow::Owned)
                        .map_err(|_| self.broken("a bad escape inside a string"));
                }
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        Err(self.broken("a string without an end"))
    }

    /// A scalar, or the beginning of something nested.
    pub(super) fn value(&mut self) -> Result<Value<'a>, Rejection> {
        let scalar = match self.peek() {
            Some(b'"') => Scalar::Text(self.text()?),
            Some(b'-' | b'0'..=b'9') => Scalar::Number(self.number()?),
            Some(b't') => self.word("true", Scalar::Bool(true))?,
            Some(b'f') => self.word("false", Scalar::Bool(false))?,
            Some(b'n') => self.word("null", Scalar::Null)?,
            Some(b'{' | b'[') => return Ok(Value::Nested),
            Some(_) => return Err(self.broken("expected a value")),
            None => return Err(self.broken("the text ends where a value is expected")),
        };
        Ok(Value::Scalar(scalar))
    }

    fn number(&mut self) -> Result<f64, Rejection> {
        let Some((value, length)) = number::parse(&self.text.as_bytes()[self.at..]) else {
            return Err(self.broken("not a number"));
        };
        self.at += length;
        Ok(value)
    }

    fn word(&mut self, word: &str, scalar: Scalar<'a>) -> Result<Scalar<'a>, Rejection> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(self.broken(&format!("expected `{word}`")));
        }
        self.at += word.len();
        Ok(scalar)
    }

    /// Not JSON, and where.
    pub(super) fn broken(&self, what: &str) -> Rejection {
        reject(Reason::InvalidJson, format!("{what}, at byte {}", self.at.min(self.text.len())))
    }
}
