//! Opaque tokens: 256 random bits, shown once, kept as their SHA-256.
//!
//! Written `saola_` and 64 hexadecimal digits: the word lets scanners for leaked secrets find them. SHA-256 without
//! salt or stretching is right here, as there is nothing to guess.

use std::fmt;

use rand::TryRngCore;
use rand::rngs::OsRng;
use sha2::{Digest, Sha256};

use super::AuthError;
use crate::model::Timestamp;

const MARK: &str = "saola_";
const BYTES: usize = 32;

/// A new token, shown this once.
#[derive(Clone, PartialEq, Eq)]
pub struct IssuedToken {
    /// The token itself.
    pub token: String,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// Keeps the token out of logs.
impl fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedToken").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// A token as it is kept: enough to know and withdraw it, not to use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRow {
    /// The first 16 hexadecimal digits of its hash: names it in lists and for withdrawal.
    pub id: String,
    /// The account that it stands for.
    pub account: String,
    /// What it is for.
    pub label: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// When it was last seen, to about ten minutes.
    pub last_used_at: Option<Timestamp>,
    /// When it was withdrawn.
    pub revoked_at: Option<Timestamp>,
}

/// A token and its hash.
pub(super) fn new_token() -> Result<(String, [u8; 32]), AuthError> {
    let mut bytes = [0; BYTES];
    OsRng.try_fill_bytes(&mut bytes).map_err(|_| AuthError::NoRandomness)?;
    let token = format!("{MARK}{}", hex(&bytes));
    let hash = hash(&token).ok_or(AuthError::NoRandomness)?;
    Ok((token, hash))
}

/// A token for a source that takes requests, and its hash in hexadecimal digits, as the configuration has it.
///
/// # Errors
/// When the system has no randomness.
pub fn source_token() -> Result<(String, String), AuthError> {
    let (token, hash) = new_token()?;
    Ok((token, hex(&hash)))
}

/// The hash of something that has the form of a token.
pub(super) fn hash(token: &str) -> Option<[u8; 32]> {
    let digits = token.strip_prefix(MARK)?;
    let has_form = digits.len() == 2 * BYTES && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    has_form.then(|| Sha256::digest(token.as_bytes()).into())
}

/// Hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_only_their_form_is_hashed() {
        let (first, first_hash) = new_token().unwrap();
        let (second, second_hash) = new_token().unwrap();
        assert_ne!((&first, first_hash), (&second, second_hash));
        assert_eq!(hash(&first), Some(first_hash));
        for wrong in [
            "",
            "saola_",
            "saola_xyz",
            &first[1..],
            &first[..first.len() - 1],
            &first.to_uppercase(),
            &format!("{first} "),
        ] {
            assert_eq!(hash(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_token_is_not_in_what_logs_would_show() {
        let issued = IssuedToken { token: "saola_secret".to_owned(), expires_at: Timestamp::EPOCH };
        assert!(!format!("{issued:?}").contains("secret"));
    }
}
