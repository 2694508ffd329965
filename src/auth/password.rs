//! Passwords: argon2id, the rules for a new one, and a gate that keeps guessing from filling the memory.

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use parking_lot::{Condvar, Mutex};
use rand::TryRngCore;
use rand::rngs::OsRng;

use super::AuthError;

/// Letters of a new password, at least.
const LENGTH_MIN: usize = 12;
/// Bytes of any password: more is refused unlooked at, so that nobody makes us hash a megabyte.
pub(super) const BYTES_MAX: usize = 256;
/// Passwords being hashed at the same time: each takes a core and the memory of its cost.
const AT_ONCE: usize = 2;
/// Passwords waiting for their turn; one more is told to come back.
const WAITING_MAX: usize = 32;
/// Without `0 o 1 l i`, which are misread: 31 letters, 5 bits less a little each.
const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
/// 24 letters of 31: 118 bits.
const RANDOM_LENGTH: usize = 24;

/// What hashing a password costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory, KiB; at least 8.
    pub memory_kib: u32,
    /// Passes over it; at least 1.
    pub passes: u32,
}

/// 19 MiB and 2 passes on one lane: the floor that OWASP's password storage sheet gives for argon2id, some 20 to 60 ms.
impl Default for PasswordCost {
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2 }
    }
}

/// Hashes and compares.
pub(super) struct Passwords {
    argon: Argon2<'static>,
    /// The hash of a random password nobody knows: compared with when there is no account, so that the answer takes
    /// as long as for a wrong password.
    nobody: String,
    gate: Gate,
}

/// Too many are waiting already.
pub(super) struct Busy;

impl Passwords {
    pub(super) fn new(cost: PasswordCost) -> Result<Passwords, AuthError> {
        let params =
            Params::new(cost.memory_kib, cost.passes, 1, None).map_err(|error| AuthError::Hash(error.to_string()))?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut passwords = Passwords { argon, nobody: String::new(), gate: Gate::default() };
        passwords.nobody = passwords.hash(&random_password()?)?;
        Ok(passwords)
    }

    /// As a PHC string with a salt of its own.
    pub(super) fn hash(&self, password: &str) -> Result<String, AuthError> {
        let mut salt = [0; 16];
        OsRng.try_fill_bytes(&mut salt).map_err(|_| AuthError::NoRandomness)?;
        let salt = SaltString::encode_b64(&salt).map_err(|error| AuthError::Hash(error.to_string()))?;
        let hash = self.argon.hash_password(password.as_bytes(), &salt);
        hash.map(|hash| hash.to_string()).map_err(|error| AuthError::Hash(error.to_string()))
    }

    /// Whether the password belongs to the hash; `None` stands for an account that is not there, which takes as long.
    pub(super) fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, Busy> {
        let _turn = self.gate.enter()?;
        let text = hash.unwrap_or(&self.nobody);
        let matches =
            PasswordHash::new(text).is_ok_and(|known| self.argon.verify_password(password.as_bytes(), &known).is_ok());
        Ok(matches && hash.is_some())
    }
}

/// Whether a password may be taken into use.
pub(super) fn check_new(name: &str, password: &str) -> Result<(), AuthError> {
    let wrong = |reason: String| Err(AuthError::BadPassword(reason));
    if password.chars().count() < LENGTH_MIN || password.len() > BYTES_MAX {
        return wrong(format!("a password needs at least {LENGTH_MIN} letters and at most {BYTES_MAX} bytes"));
    }
    let lower = password.to_lowercase();
    let mut letters: Vec<char> = lower.chars().collect();
    letters.sort_unstable();
    letters.dedup();
    if letters.len() < 5 {
        return wrong("a password needs at least five different letters".to_owned());
    }
    if lower.contains(name)
        || ["password", "123456789", "qwertyuiop", "matkhau", "mật khẩu"].iter().any(|bad| lower.contains(bad))
    {
        return wrong("a password must not hold the account's name or a word that everybody tries first".to_owned());
    }
    Ok(())
}

/// A password nobody has to invent.
pub(super) fn random_password() -> Result<String, AuthError> {
    let mut password = String::with_capacity(RANDOM_LENGTH);
    while password.len() < RANDOM_LENGTH {
        let mut bytes = [0; 32];
        OsRng.try_fill_bytes(&mut bytes).map_err(|_| AuthError::NoRandomness)?;
        // Bytes above the last whole multiple are thrown away, or the first letters would be likelier.
        let whole = 256 / LETTERS.len() * LETTERS.len();
        let letters = bytes.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < whole);
        password.extend(letters.map(|byte| char::from(LETTERS[byte % LETTERS.len()])));
    }
    password.truncate(RANDOM_LENGTH);
    Ok(password)
}

/// Lets [`AT_ONCE`] in, lets [`WAITING_MAX`] wait, and sends the rest away.
#[derive(Default)]
struct Gate {
    inside_and_waiting: Mutex<(usize, usize)>,
    freed: Condvar,
}

struct Turn<'g>(&'g Gate);

impl Gate {
    fn enter(&self) -> Result<Turn<'_>, Busy> {
        let mut counts = self.inside_and_waiting.lock();
        if counts.1 >= WAITING_MAX {
            return Err(Busy);
        }
        counts.1 += 1;
        while counts.0 >= AT_ONCE {
            self.freed.wait(&mut counts);
        }
        *counts = (counts.0 + 1, counts.1 - 1);
        Ok(Turn(self))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.inside_and_waiting.lock().0 -= 1;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cheap() -> Passwords {
        Passwords::new(PasswordCost { memory_kib: 8, passes: 1 }).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_hash_is_salted_and_names_its_cost() {
        let passwords = Passwords::new(PasswordCost::default()).unwrap_or_else(|error| panic!("{error}"));
        let (first, second) = (passwords.hash("correct horse").unwrap(), passwords.hash("correct horse").unwrap());
        assert_ne!(first, second);
        assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{first}");
        assert!(matches!(passwords.verify("correct horse", Some(&first)), Ok(true)));
        assert!(matches!(passwords.verify("correct horsf", Some(&first)), Ok(false)));
        assert!(matches!(passwords.verify("correct horse", Some("not a hash")), Ok(false)));
        assert!(matches!(passwords.verify("correct horse", None), Ok(false)));
    }

    #[test]
    fn weak_passwords_are_refused() {
        for bad in [
            "",
            "short",
            "aaaaaaaaaaaaaaaa",
            "Password12345",
            "operator-2026-x",
            "mật khẩu của tôi",
            &"x1y2z".repeat(60),
        ] {
            assert!(check_new("operator", bad).is_err(), "{bad}");
        }
        for good in ["con trâu đi trước", "k7#mQ2!vT9xw"] {
            assert!(check_new("operator", good).is_ok(), "{good}");
        }
        assert!(check_new("admin", &random_password().unwrap()).is_ok());
    }

    #[test]
    fn random_passwords_differ_and_can_be_read_aloud() {
        let all: std::collections::HashSet<String> = (0..200).map(|_| random_password().unwrap()).collect();
        assert_eq!(all.len(), 200);
        for password in all {
            assert!(password.len() == RANDOM_LENGTH && password.bytes().all(|byte| LETTERS.contains(&byte)));
        }
    }

    #[test]
    fn the_gate_sends_away_whom_it_cannot_let_wait() {
        let passwords = cheap();
        let inside: Vec<_> = (0..AT_ONCE).map(|_| passwords.gate.enter()).collect();
        passwords.gate.inside_and_waiting.lock().1 = WAITING_MAX;
        assert!(passwords.verify("x", None).is_err());
        passwords.gate.inside_and_waiting.lock().1 = 0;
        drop(inside);
        assert!(passwords.verify("x", None).is_ok());
    }
}
