//! A mistake in something that a person wrote: which file, which line, which key, and what to do about it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One mistake; whoever reads files gathers all of them before giving up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mistake {
    /// The file as it was named, or `environment`.
    pub file: String,
    /// Counted from 1; 0 when the file as a whole is meant.
    pub line: usize,
    /// The key as a path: `station[3].channel[0].unit`; empty when no key is meant.
    pub key: String,
    /// What is wrong and what would be right, for a person.
    pub message: String,
}

/// `file:line: key: message`, the parts that there are.
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: usize, key: &str, expected: &str) {
        let mistake = Mistake { file: "a.toml".into(), line, key: key.into(), message: "is wrong".into() };
        assert_eq!(mistake.to_string(), expected);
    }

    #[test]
    fn says_what_it_knows() {
        check(3, "http.listen", "a.toml:3: http.listen: is wrong");
        check(0, "", "a.toml: is wrong");
    }
}
