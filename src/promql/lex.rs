//! The words of a query.

use std::time::Duration;

use super::PromqlError;

/// A word.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Number(f64),
    /// `5m`, `1h30m`.
    Length(Duration),
    Text(String),
    /// A name, or a word of the language.
    Name(String),
    /// One of the signs, as it is written.
    Sign(&'static str),
}

/// The longest first.
const SIGNS: [&str; 25] = [
    "==", "!=", "=~", "!~", "<=", ">=", "(", ")", "[", "]", "{", "}", ",", ":", "+", "-", "*", "/", "%", "^", "<", ">",
    "=", "@", ";",
];

/// 200 years.
const LENGTH_MAX_MS: f64 = 200.0 * 366.0 * 86_400_000.0;

fn wrong(why: &str, rest: &str) -> PromqlError {
    let near: String = rest.chars().take(20).collect();
    PromqlError::BadData(format!("the query cannot be read: {why} at {near:?}"))
}

/// All words, in order.
pub(super) fn words(query: &str) -> Result<Vec<Token>, PromqlError> {
    let mut rest = query.trim_start();
    let mut words = Vec::new();
    while let Some(first) = rest.chars().next() {
        let (word, length) = if first == '#' {
            rest = rest.find('\n').map_or("", |end| &rest[end..]).trim_start();
            continue;
        } else if matches!(first, '"' | '\'' | '`') {
            text(rest, first)?
        } else if first.is_ascii_digit() || (first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
            number(rest)?
        } else if first.is_ascii_alphabetic() || first == '_' || first == ':' && is_name_after(&words, rest) {
            let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
            let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            let word = &rest[..length];
            let token = match word.to_ascii_lowercase().as_str() {
                "inf" => Token::Number(f64::INFINITY),
                "nan" => Token::Number(f64::NAN),
                _ => Token::Name(word.to_owned()),
            };
            (token, length)
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            (Token::Sign(sign), sign.len())
        } else {
            return Err(wrong("there is a sign that it does not have", rest));
        };
        words.push(word);
        rest = rest[length..].trim_start();
    }
    Ok(words)
}

/// A colon begins a name only where one may stand: inside brackets it divides a subquery's lengths.
fn is_name_after(words: &[Token], rest: &str) -> bool {
    let is_length = matches!(words.last(), Some(Token::Length(_) | Token::Number(_)));
    !is_length && rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == ':')
}

/// With the escapes of Go; none between back quotes.
fn text(rest: &str, quote: char) -> Result<(Token, usize), PromqlError> {
    let mut text = String::new();
    let mut letters = rest.char_indices().skip(1);
    while let Some((place, letter)) = letters.next() {
        match letter {
            letter if letter == quote => return Ok((Token::Text(text), place + 1)),
            '\\' if quote != '`' => {
                let (_, escape) = letters.next().ok_or_else(|| wrong("a text has no end", rest))?;
                let mut code = |digits: usize, radix: u32| {
                    let found: String = letters.by_ref().take(digits).map(|(_, letter)| letter).collect();
                    let code = u32::from_str_radix(&found, radix).ok().filter(|_| found.len() == digits);
                    code.and_then(char::from_u32)
                };
                let found = match escape {
                    'n' => Some('\n'),
                    't' => Some('\t'),
                    'r' => Some('\r'),
                    'a' => Some('\u{7}'),
                    'b' => Some('\u{8}'),
                    'f' => Some('\u{c}'),
                    'v' => Some('\u{b}'),
                    '\\' | '"' | '\'' => Some(escape),
                    'x' => code(2, 16),
                    'u' => code(4, 16),
                    'U' => code(8, 16),
                    _ => None,
                };
                text.push(found.ok_or_else(|| wrong("a text has an escape that is none", rest))?);
            }
            '\n' if quote != '`' => return Err(wrong("a text ends with its line", rest)),
            letter => text.push(letter),
        }
    }
    Err(wrong("a text has no end", rest))
}

/// A number, or a length such as `1h30m`.
fn number(rest: &str) -> Result<(Token, usize), PromqlError> {
    if let Some(digits) = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X")) {
        let length = digits.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(digits.len());
        let value = u64::from_str_radix(&digits[..length], 16).map_err(|_| wrong("a number is none", rest))?;
        return Ok((Token::Number(value as f64), length + 2));
    }
    let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    if let Some(found) = length(rest) {
        return found.ok_or_else(|| wrong("a length of time is too long", rest));
    }
    let mut end = digits;
    let exponent = rest[end..].strip_prefix(['e', 'E']).map(|power| power.strip_prefix(['+', '-']).unwrap_or(power));
    if let Some(power) = exponent.filter(|power| power.starts_with(|c: char| c.is_ascii_digit())) {
        let figures = power.find(|c: char| !c.is_ascii_digit()).unwrap_or(power.len());
        end = rest.len() - power.len() + figures;
    }
    let is_word = rest[end..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.');
    let value = rest[..end].parse().ok().filter(|_| !is_word).ok_or_else(|| wrong("a number is none", rest))?;
    Ok((Token::Number(value), end))
}

/// `None`: it is none; `Some(None)`: it is too long.
fn length(rest: &str) -> Option<Option<(Token, usize)>> {
    const UNITS: [(&str, f64); 7] =
        [("ms", 1.0), ("s", 1e3), ("m", 6e4), ("h", 36e5), ("d", 864e5), ("w", 6_048e5), ("y", 31_536e6)];
    let (mut left, mut whole) = (rest, 0.0);
    while left.starts_with(|c: char| c.is_ascii_digit()) {
        let digits = left.find(|c: char| !c.is_ascii_digit())?;
        let count: f64 = left[..digits].parse().ok()?;
        let (unit, length) = UNITS.iter().find(|(unit, _)| left[digits..].starts_with(unit))?;
        whole += count * length;
        left = &left[digits + unit.len()..];
    }
    if left.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
        return None;
    }
    let used = rest.len() - left.len();
    if used == 0 {
        return None;
    }
    let is_short = whole <= LENGTH_MAX_MS;
    Some(is_short.then(|| (Token::Length(Duration::from_millis(whole as u64)), used)))
}
