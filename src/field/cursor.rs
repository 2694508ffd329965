//! What a phone has: of each alert a short name and a stamp of how it stood. The cursor is all of that, as text.
//!
//! ```text
//!  base64url( version 1 byte | name 5 bytes, stamp 3 bytes | name, stamp | … in the order of names )
//! ```
//!
//! So a phone that comes back after a week, or after the service was restarted or replaced, is told what changed since,
//! and which of its alerts are no more, and nothing has to be kept here. A cursor that somebody made up tells them
//! nothing: what is answered is always taken from what they may see. Two alerts of one name among the [`KNOWN_MAX`] of a
//! phone come about once in ten million phones, a change that leaves its stamp as it was once in 16 million changes.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// Alerts that one cursor may have: its text then takes 5.4 kB of an address.
pub const KNOWN_MAX: usize = 500;

const VERSION: u8 = 1;
const NAME_BYTES: usize = 5;
const STAMP_BYTES: usize = 3;
const ENTRY_BYTES: usize = NAME_BYTES + STAMP_BYTES;

/// A short name of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ref([u8; NAME_BYTES]);

impl Ref {
    /// Of an alert's identifier.
    pub fn of(alert: &str) -> Ref {
        Ref(first(alert.as_bytes()))
    }

    /// As it is written: seven letters.
    pub fn text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

/// How an alert stood, in three bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp([u8; STAMP_BYTES]);

impl Stamp {
    /// Of everything that makes a difference.
    pub fn of(bytes: &[u8]) -> Stamp {
        Stamp(first(bytes))
    }
}

fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let digest = Sha256::digest(bytes);
    std::array::from_fn(|index| digest[index])
}

/// What a phone has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    known: BTreeMap<Ref, Stamp>,
}

impl Cursor {
    /// From its text.
    pub fn parse(text: &str) -> Result<Cursor, String> {
        let wrong = || "it is not the `cursor` of an answer".to_owned();
        if text.len() > text_length(KNOWN_MAX) {
            return Err(wrong());
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
        let (VERSION, entries) = bytes.split_first().map(|(version, rest)| (*version, rest)).ok_or_else(wrong)? else {
            return Err(wrong());
        };
        let mut known = BTreeMap::new();
        let mut before = None;
        for entry in entries.chunks(ENTRY_BYTES) {
            let (name, stamp) = entry.split_at_checked(NAME_BYTES).ok_or_else(wrong)?;
            let name = Ref(name.try_into().map_err(|_| wrong())?);
            let stamp = Stamp(stamp.try_into().map_err(|_| wrong())?);
            // In order and each once, so that one state has one text.
            if before.is_some_and(|before| before >= name) {
                return Err(wrong());
            }
            before = Some(name);
            known.insert(name, stamp);
        }
        Ok(Cursor { known })
    }

    /// Its text.
    pub fn text(&self) -> String {
        let mut bytes = Vec::with_capacity(1 + self.known.len() * ENTRY_BYTES);
        bytes.push(VERSION);
        for (name, stamp) in &self.known {
            bytes.extend_from_slice(&name.0);
            bytes.extend_from_slice(&stamp.0);
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Letters of its text.
    pub fn length(&self) -> usize {
        text_length(self.known.len())
    }

    /// Everything that it has.
    pub fn names(&self) -> impl Iterator<Item = Ref> {
        self.known.keys().copied()
    }

    /// Whether it has an alert as it stands.
    pub fn has(&self, name: Ref, stamp: Stamp) -> bool {
        self.known.get(&name) == Some(&stamp)
    }

    /// From now on it has this.
    pub fn note(&mut self, name: Ref, stamp: Stamp) {
        self.known.insert(name, stamp);
    }

    /// From now on it has this no more.
    pub fn forget(&mut self, name: Ref) {
        self.known.remove(&name);
    }
}

fn text_length(entries: usize) -> usize {
    ((1 + entries * ENTRY_BYTES) * 4).div_ceil(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(count: usize) -> Cursor {
        let mut cursor = Cursor::default();
        for number in 0..count {
            cursor.note(Ref::of(&number.to_string()), Stamp::of(b"x"));
        }
        cursor
    }

    #[test]
    fn a_cursor_comes_back_as_it_was_and_is_as_long_as_it_says() {
        for count in [0, 1, 2, 3, 17, KNOWN_MAX] {
            let cursor = cursor(count);
            assert_eq!(Cursor::parse(&cursor.text()), Ok(cursor.clone()));
            assert_eq!(cursor.text().len(), cursor.length());
        }
        assert_eq!(cursor(KNOWN_MAX).length(), 5_335);
    }

    #[test]
    fn what_is_no_cursor_is_refused_whatever_it_is() {
        let whole = cursor(3).text();
        // What is cut between two alerts is the cursor of a phone that has fewer: it is told the others again.
        let between = [0, 1, 2].map(text_length);
        for end in 0..whole.len() {
            assert!(Cursor::parse(&whole[..end]).is_err() || between.contains(&end), "cut after {end}");
        }
        for wrong in ["", "AA", "Ag", "A", "=", "AQ==", "AQ AQ", "ệ", "AQAAAAAAAAAA AAAA", "../../etc/passwd"] {
            assert!(Cursor::parse(wrong).is_err(), "{wrong:?}");
        }
        assert!(Cursor::parse(&cursor(KNOWN_MAX + 1).text()).is_err());
        let twice = URL_SAFE_NO_PAD.encode([&[VERSION][..], &[7; ENTRY_BYTES], &[7; ENTRY_BYTES]].concat());
        assert!(Cursor::parse(&twice).is_err());
    }
}
