//! Texts with placeholders, filled so that what is put in can be nothing but a value: escaped for the address, the
//! header or the body that it stands in.

use std::fmt::Write as _;

/// What a placeholder stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// The person's address there: a telephone number, a chat.
    Address,
    /// What is said.
    Text,
    /// Its first line.
    Subject,
    /// The message's stable key.
    Key,
    /// The worst severity in it.
    Severity,
    /// By which whoever has the message reports what became of it.
    Token,
    /// The gateway's secret.
    Secret,
}

const SLOTS: [(&str, Slot); 7] = [
    ("address", Slot::Address),
    ("text", Slot::Text),
    ("subject", Slot::Subject),
    ("key", Slot::Key),
    ("severity", Slot::Severity),
    ("token", Slot::Token),
    ("secret", Slot::Secret),
];

/// A placeholder that nobody knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{{{0}}} stands for nothing; known here: {{address}}, {{text}}, {{subject}}, {{key}}, {{severity}}, {{token}}, {{secret}}"
)]
pub struct UnknownSlot(String);

/// How a value is written where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    /// Part of an address, or of a form: everything but letters, digits and `-_.~` in per cent.
    Percent,
    /// Inside the quotes of a JSON text.
    Json,
    /// Text of an XML element or attribute.
    Xml,
    /// A header's value: control letters become blanks.
    Header,
    /// Plain lines: control letters but the end of a line become blanks.
    Lines,
}

/// A text with placeholders. Braces around anything but lower-case letters are ordinary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Fixed(String),
    Slot(Slot),
}

impl Template {
    /// Finds the placeholders.
    ///
    /// # Errors
    /// A word in braces that is none of them.
    pub fn parse(text: &str) -> Result<Template, UnknownSlot> {
        let mut parts = Vec::new();
        let mut fixed = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            let (before, from) = rest.split_at(at);
            fixed.push_str(before);
            let inside = &from[1..];
            let word_bytes = inside.bytes().take_while(u8::is_ascii_lowercase).count();
            if word_bytes > 0 && inside[word_bytes..].starts_with('}') {
                let word = &inside[..word_bytes];
                let slot = SLOTS.iter().find(|(name, _)| *name == word).ok_or_else(|| UnknownSlot(word.to_owned()))?;
                parts.push(Part::Fixed(std::mem::take(&mut fixed)));
                parts.push(Part::Slot(slot.1));
                rest = &inside[word_bytes + 1..];
            } else {
                fixed.push('{');
                rest = inside;
            }
        }
        fixed.push_str(rest);
        parts.push(Part::Fixed(fixed));
        Ok(Template { parts })
    }

    /// The text with values in the places.
    pub fn fill(&self, escape: Escape, value: impl Fn(Slot) -> String) -> String {
        let mut filled = String::new();
        for part in &self.parts {
            match part {
                Part::Fixed(text) => filled.push_str(text),
                Part::Slot(slot) => escape_into(&mut filled, &value(*slot), escape),
            }
        }
        filled
    }
}

fn escape_into(out: &mut String, value: &str, escape: Escape) {
    match escape {
        Escape::Percent => {
            for byte in value.bytes() {
                if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
                    out.push(char::from(byte));
                } else {
                    // Writing to a text cannot fail.
                    let _ = write!(out, "%{byte:02X}");
                }
            }
        }
        Escape::Json => {
            let quoted = serde_json::Value::String(value.to_owned()).to_string();
            out.push_str(&quoted[1..quoted.len() - 1]);
        }
        Escape::Xml => {
            for letter in value.chars() {
                match letter {
                    '&' => out.push_str("&amp;"),
                    '<' => out.push_str("&lt;"),
                    '>' => out.push_str("&gt;"),
                    '"' => out.push_str("&quot;"),
                    '\'' => out.push_str("&apos;"),
                    '\n' => out.push('\n'),
                    letter if letter.is_control() => out.push(' '),
                    letter => out.push(letter),
                }
            }
        }
        Escape::Header => out.extend(value.chars().map(|letter| if letter.is_control() { ' ' } else { letter })),
        Escape::Lines => {
            out.extend(value.chars().map(|letter| if letter.is_control() && letter != '\n' { ' ' } else { letter }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_a_value_wherever_it_stands() {
        let hostile = "a\"},{\"b\":\r\n1&to=+99<x> %";
        let check = |template: &str, escape, expected: &str| {
            let filled = Template::parse(template).unwrap().fill(escape, |_| hostile.to_owned());
            assert_eq!(filled, expected);
        };
        check("?to={address}&x", Escape::Percent, "?to=a%22%7D%2C%7B%22b%22%3A%0D%0A1%26to%3D%2B99%3Cx%3E%20%25&x");
        check("{\"t\":\"{text}\"}", Escape::Json, "{\"t\":\"a\\\"},{\\\"b\\\":\\r\\n1&to=+99<x> %\"}");
        check("<t>{text}</t>", Escape::Xml, "<t>a&quot;},{&quot;b&quot;: \n1&amp;to=+99&lt;x&gt; %</t>");
        check("{text}", Escape::Header, "a\"},{\"b\":  1&to=+99<x> %");
        check("{text}", Escape::Lines, "a\"},{\"b\": \n1&to=+99<x> %");
    }

    #[test]
    fn a_placeholder_that_nobody_knows_is_refused_and_other_braces_are_not() {
        assert_eq!(Template::parse("{txt}"), Err(UnknownSlot("txt".to_owned())));
        for plain in ["{}", "{\"a\": {\"b\": 1}}", "{", "{Text}", "{text", "}{"] {
            assert_eq!(Template::parse(plain).unwrap().fill(Escape::Lines, |_| unreachable!()), plain);
        }
    }
}
