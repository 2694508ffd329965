//! Mapped CBOR (RFC 8949): as mapped JSON, with bytes for text.
//!
//! ```text
//! initial byte = major type << 5 | additional information
//!   0 unsigned   1 negative   2 bytes   3 text   4 list   5 map   6 tag   7 simple, float
//!   information 0..23 is the argument; 24, 25, 26, 27: it follows in 1, 2, 4, 8 bytes (big endian); 31: until "break"
//! ```
//! Read in place, so that lengths are checked against the bytes that are there and the depth against the limit before
//! anything is taken. Keys are texts, or whole numbers, which stand for their digits. Tags say nothing to us: the
//! configuration says how a time is written. Byte strings are no values.

use std::borrow::Cow;

use super::layout::Layout;
use super::observed::Heard;
use super::tokens::{Open, Token, Tokens};
use super::walk::walk;
use super::{Limits, check_size, reject};
use crate::model::{Reason, Rejection};

/// Tags that may follow each other before a value; nobody needs more than two.
const TAGS_MAX: usize = 8;
/// The byte that ends what has no length.
const BREAK: u8 = 0xff;

/// Reads one message into `out`. On an error nothing of the message is there.
pub fn decode<'a>(
    layout: &'a Layout,
    payload: &'a [u8],
    limits: &Limits,
    out: &mut Heard<'a>,
) -> Result<(), Rejection> {
    check_size(payload, limits)?;
    walk(&mut Reader { bytes: payload, at: 0 }, layout, limits, out).map(|_| ())
}

/// A cursor over CBOR.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// The beginning of an item.
struct Head {
    major: u8,
    /// Additional information: what size the argument has, or which simple value it is.
    size: u8,
    /// `None` when the item goes on until a break.
    argument: Option<u64>,
}

impl<'a> Reader<'a> {
    fn broken(&self, what: &str) -> Rejection {
        reject(Reason::InvalidCbor, format!("{what}, at byte {}", self.at.min(self.bytes.len())))
    }

    fn take(&mut self, count: u64) -> Result<&'a [u8], Rejection> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = usize::try_from(count).ok().and_then(|count| rest.get(..count));
        let taken = taken.ok_or_else(|| self.broken("the bytes end inside an item"))?;
        self.at += taken.len();
        Ok(taken)
    }

    fn take_break(&mut self) -> bool {
        let found = self.bytes.get(self.at) == Some(&BREAK);
        self.at += usize::from(found);
        found
    }

    /// The next item's head, after its tags.
    fn head(&mut self) -> Result<Head, Rejection> {
        for _ in 0..=TAGS_MAX {
            let initial = self.take(1)?.first().copied().unwrap_or_default();
            let (major, size) = (initial >> 5, initial & 0x1f);
            let argument = match size {
                0..24 => Some(u64::from(size)),
                24..28 => {
                    let bytes = self.take(1 << (size - 24))?;
                    Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
                }
                31 if matches!(major, 2..=5) => None,
                _ => return Err(self.broken("no item begins like this")),
            };
            if major != 6 {
                return Ok(Head { major, size, argument });
            }
        }
        Err(self.broken("too many tags"))
    }

    /// A text, or bytes, in one piece or in several.
    fn string(&mut self, head: &Head) -> Result<Cow<'a, [u8]>, Rejection> {
        if let Some(length) = head.argument {
            return self.take(length).map(Cow::Borrowed);
        }
        let mut pieces = Vec::new();
        while !self.take_break() {
            let piece = self.head()?;
            match piece.argument {
                Some(length) if piece.major == head.major => pieces.extend_from_slice(self.take(length)?),
                _ => return Err(self.broken("a string's piece is none")),
            }
        }
        Ok(Cow::Owned(pieces))
    }

    fn text(&mut self, head: &Head) -> Result<Cow<'a, str>, Rejection> {
        let bytes = self.string(head)?;
        let text = match bytes {
            Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
        };
        text.ok_or_else(|| reject(Reason::InvalidUtf8, format!("a text before byte {} is not UTF-8", self.at)))
    }

    /// A float or a simple value.
    fn simple(&self, head: &Head) -> Result<Token<'a>, Rejection> {
        let argument = head.argument.unwrap_or_default();
        Ok(match head.size {
            20 => Token::Truth(false),
            21 => Token::Truth(true),
            22 | 23 => Token::Null,
            25 => Token::Number(half(argument as u16)),
            26 => Token::Number(f32::from_bits(argument as u32).into()),
            27 => Token::Number(f64::from_bits(argument)),
            _ => return Err(self.broken("a simple value that is not assigned")),
        })
    }

    /// Whether another entry follows.
    fn next(&mut self, open: &mut Open) -> bool {
        let follows = match open.length {
            Some(length) => (open.taken as u64) < length,
            None => !self.take_break(),
        };
        open.taken += usize::from(follows);
        follows
    }

    /// A map or list; one that says it has more entries than there are bytes is cut off.
    fn open(&self, head: &Head) -> Result<Open, Rejection> {
        let left = (self.bytes.len() - self.at) as u64;
        match head.argument {
            Some(length) if length > left => Err(self.broken("more entries announced than there are bytes")),
            length => Ok(Open { taken: 0, length }),
        }
    }
}

impl<'a> Tokens<'a> for Reader<'a> {
    fn value(&mut self) -> Result<Token<'a>, Rejection> {
        let head = self.head()?;
        match head.major {
            0 => Ok(Token::Number(head.argument.unwrap_or_default() as f64)),
            1 => Ok(Token::Number(-1.0 - head.argument.unwrap_or_default() as f64)),
            2 => self.string(&head).map(|_| Token::Bytes),
            3 => self.text(&head).map(Token::Text),
            4 => self.open(&head).map(Token::List),
            5 => self.open(&head).map(Token::Map),
            _ => self.simple(&head),
        }
    }

    fn key(&mut self, map: &mut Open) -> Result<Option<Cow<'a, str>>, Rejection> {
        if !self.next(map) {
            return Ok(None);
        }
        let head = self.head()?;
        match (head.major, head.argument) {
            (0, Some(number)) => Ok(Some(Cow::Owned(number.to_string()))),
            (1, Some(number)) => Ok(Some(Cow::Owned((-1 - i128::from(number)).to_string()))),
            (3, _) => self.text(&head).map(Some),
            _ => Err(reject(Reason::WrongShape, format!("a key before byte {} is neither text nor number", self.at))),
        }
    }

    fn item(&mut self, list: &mut Open) -> Result<bool, Rejection> {
        Ok(self.next(list))
    }

    fn end(&mut self) -> Result<(), Rejection> {
        if self.at == self.bytes.len() { Ok(()) } else { Err(self.broken("more bytes after the end")) }
    }
}

/// A half-precision float (RFC 8949, appendix D).
fn half(bits: u16) -> f64 {
    let (exponent, mantissa) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let size = match exponent {
        0 => mantissa * 2_f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (mantissa + 1024.0) * 2_f64.powi(exponent - 25),
    };
    if bits & 0x8000 == 0 { size } else { -size }
}

#[cfg(test)]
mod tests;
