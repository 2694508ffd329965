//! Mapped JSON: any nesting, read by the places that the source's configuration names.
//!
//! Strings and numbers are RFC 8259's. `true` is 1 and `false` is 0; `null` is no value; a number in quotes is that
//! number; any other text is handed to the mapping as a word.

use super::layout::Layout;
use super::observed::Heard;
use super::scan::Scanner;
use super::walk::{Notes, walk};
use super::{Limits, sink};
use crate::model::Rejection;

/// Reads one message into `out`. On an error nothing of the message is there.
pub fn decode<'a>(
    layout: &'a Layout,
    payload: &'a [u8],
    limits: &Limits,
    out: &mut Heard<'a>,
) -> Result<(), Rejection> {
    with_notes(layout, payload, limits, out).map(|_| ())
}

/// The same, with the texts that the layout marks for the decoder.
pub(super) fn with_notes<'a>(
    layout: &'a Layout,
    payload: &'a [u8],
    limits: &Limits,
    out: &mut Heard<'a>,
) -> Result<Notes<'a>, Rejection> {
    walk(&mut Scanner::new(sink::text(payload, limits)?), layout, limits, out)
}

#[cfg(test)]
mod tests;
