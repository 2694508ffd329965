//! The section `[cap]`: who speaks, whether it is meant, and who may listen.

use serde::{Deserialize, Serialize};

use crate::model::Span;

/// Settings of CAP messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whether anybody may read them without signing in, of every area.
    pub public: bool,
    /// The sender's identifier: a domain or address of its own, without spaces, commas, `<` and `&`.
    pub sender: String,
    /// The sender's name for people; empty: left out.
    pub sender_name: String,
    /// Where to ask; empty: left out.
    pub contact: String,
    /// Whether they are meant.
    pub status: Status,
    /// Radius of the circle around a station, metres; 0 to 100000.
    pub radius_m: u32,
    /// How far back the feed goes.
    pub feed: Span,
}

/// Whether messages are meant (CAP 1.2, `status`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", try_from = "String")]
pub enum Status {
    /// Whoever gets them is to act.
    Actual,
    /// Only those who take part in the exercise.
    Exercise,
    /// Nobody: whether messages arrive is tried out.
    Test,
}

impl Status {
    /// The standard's word.
    pub fn word(self) -> &'static str {
        match self {
            Status::Actual => "Actual",
            Status::Exercise => "Exercise",
            Status::Test => "Test",
        }
    }
}

/// As a text: a table in its place is one mistake, not two.
impl TryFrom<String> for Status {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "actual" => Ok(Status::Actual),
            "exercise" => Ok(Status::Exercise),
            "test" => Ok(Status::Test),
            _ => Err("must be actual, exercise or test".to_owned()),
        }
    }
}

/// Nobody's name (RFC 2606): with it nothing can be meant.
const NOBODY: &str = "saola.invalid";

impl Default for Config {
    fn default() -> Self {
        Self {
            public: false,
            sender: NOBODY.to_owned(),
            sender_name: String::new(),
            contact: String::new(),
            status: Status::Exercise,
            radius_m: 1_000,
            feed: Span::from_days(7),
        }
    }
}

impl Config {
    /// Every mistake as key and sentence.
    pub fn mistakes(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        let is_wrong =
            |letter: char| letter.is_whitespace() || letter.is_control() || matches!(letter, ',' | '<' | '&');
        if !(1..=200).contains(&self.sender.len()) || self.sender.contains(is_wrong) {
            let message = "must have 1 to 200 bytes, no spaces, commas, < or & among them";
            found.push(("sender", message.to_owned()));
        } else if self.status == Status::Actual && self.sender == NOBODY {
            found.push(("sender", format!("must be your own when status is \"actual\": {NOBODY} is nobody's")));
        }
        found
    }
}
