//! The language of OGC SensorThings 1.1 (18-088): entity sets and how they hang together, addresses, query options, and
//! `$filter` with its values and functions.
//!
//! Invariants: everything is bounded (length, depth, numbers) and nothing panics, whatever is written; what is not
//! offered says so ([`Refused::NotOffered`]) and is never ignored. Knows no stations, no store and no HTTP.
//! Left out on purpose: writing, MultiDatastreams, lambda operators (`any`, `all`: a path through many entities means
//! that one of them fits), and `$search`.

mod call;
mod entity;
mod filter;
mod geometry;
mod lex;
mod options;
mod parse;
mod path;
mod value;

#[cfg(test)]
mod tests;

pub use call::Function;
pub use entity::{Relation, Set};
pub use filter::{Expr, Facts, Operator};
pub use options::{Direction, Expand, Options, Order, ResultFormat, SkipToken};
pub use parse::parse as parse_filter;
pub use path::{Address, End, Step, parse as parse_path};
pub use value::Value;

/// Why something that was asked cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is wrong.
    #[error("{0}")]
    Wrong(String),
    /// It is part of the standard or close to it, and is not offered here.
    #[error("{0}")]
    NotOffered(String),
    /// It would cost too much.
    #[error("{0}")]
    Costly(String),
}

impl Refused {
    /// Something is wrong.
    pub fn wrong(why: impl Into<String>) -> Self {
        Refused::Wrong(why.into())
    }

    /// Something is not offered.
    pub fn not_offered(why: impl Into<String>) -> Self {
        Refused::NotOffered(why.into())
    }
}

/// What a caller wrote, shortened for a sentence.
pub(crate) fn shown(text: &str) -> String {
    const LETTERS_MAX: usize = 64;
    let mut short: String = text.chars().take(LETTERS_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short:?}")
}
