//! From the letters of a filter to its words.

use super::value::Value;
use super::{Refused, geometry, shown};
use crate::model::Timestamp;

/// The longest filter, bytes.
pub(super) const BYTES_MAX: usize = 16 * 1024;

/// A word of a filter.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A name, an operator or a function.
    Word(String),
    /// A literal.
    Literal(Value),
    /// `(`
    Open,
    /// `)`
    Close,
    /// `,`
    Comma,
    /// `/`
    Slash,
    /// `-`
    Minus,
}

/// All words of a text.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Refused> {
    if text.len() > BYTES_MAX {
        return Err(Refused::wrong(format!("a filter has at most {BYTES_MAX} bytes")));
    }
    let mut rest = text;
    let mut tokens = Vec::new();
    loop {
        rest = rest.trim_start();
        let Some(first) = rest.chars().next() else { return Ok(tokens) };
        let (token, after) = match first {
            '(' => (Token::Open, &rest[1..]),
            ')' => (Token::Close, &rest[1..]),
            ',' => (Token::Comma, &rest[1..]),
            '/' => (Token::Slash, &rest[1..]),
            '-' => (Token::Minus, &rest[1..]),
            '\'' => {
                let (text, after) = quoted(rest)?;
                (Token::Literal(Value::Text(text)), after)
            }
            '0'..='9' => number_or_time(rest)?,
            letter if is_of_word(letter) => word(rest)?,
            other => return Err(Refused::wrong(format!("{other:?} cannot stand in a filter"))),
        };
        tokens.push(token);
        rest = after;
    }
}

fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | '@' | '.' | '$' | ':')
}

/// A text in single quotes, where two of them stand for one; and what follows.
pub(super) fn quoted(text: &str) -> Result<(String, &str), Refused> {
    let inside = text.strip_prefix('\'').ok_or_else(|| Refused::wrong("a text begins with a quote"))?;
    let mut found = String::new();
    let mut letters = inside.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        if letter != '\'' {
            found.push(letter);
        } else if letters.next_if(|(_, next)| *next == '\'').is_some() {
            found.push('\'');
        } else {
            return Ok((found, &inside[at + 1..]));
        }
    }
    Err(Refused::wrong(format!("the text {} does not end", shown(text))))
}

/// A name, or a literal that begins with one: `geography'POINT (103 22)'`, `duration'PT1H'`, `true`.
fn word(text: &str) -> Result<(Token, &str), Refused> {
    let end = text.find(|letter| !is_of_word(letter)).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    if rest.starts_with('\'') {
        let (inside, rest) = quoted(rest)?;
        let value = match word {
            "geography" | "geometry" => Value::Shape(Box::new(geometry::parse(&inside)?)),
            "duration" => Value::Length(duration(&inside)?),
            _ => return Err(Refused::wrong(format!("{} is no sort of literal", shown(word)))),
        };
        return Ok((Token::Literal(value), rest));
    }
    let token = match word {
        "true" => Token::Literal(Value::Flag(true)),
        "false" => Token::Literal(Value::Flag(false)),
        "null" => Token::Literal(Value::Null),
        word => Token::Word(word.to_owned()),
    };
    Ok((token, rest))
}

/// An ISO 8601 length of time of weeks, days, hours, minutes and seconds; microseconds. Months and years have no fixed
/// length.
fn duration(text: &str) -> Result<i64, Refused> {
    let wrong = || Refused::wrong(format!("{} is not a duration such as PT1H or P1DT30M", shown(text)));
    let span: jiff::Span = text.parse().map_err(|_| wrong())?;
    if span.get_months() != 0 || span.get_years() != 0 {
        return Err(Refused::wrong("months and years have no fixed length: say it in days"));
    }
    let weeks = i64::from(span.get_weeks());
    let days = i64::from(span.get_days()).checked_add(weeks.checked_mul(7).ok_or_else(wrong)?).ok_or_else(wrong)?;
    let parts = [
        (days, 86_400_000_000),
        (i64::from(span.get_hours()), 3_600_000_000),
        (span.get_minutes(), 60_000_000),
        (span.get_seconds(), 1_000_000),
        (span.get_milliseconds(), 1_000),
        (span.get_microseconds(), 1),
    ];
    let sum = parts.iter().try_fold(0i64, |sum, (count, micros)| sum.checked_add(count.checked_mul(*micros)?));
    sum.ok_or_else(wrong)
}

/// A number, a time, a date, or an interval of times.
fn number_or_time(text: &str) -> Result<(Token, &str), Refused> {
    if is_date(text) {
        let (value, rest) = time(text)?;
        if let (Value::Time(from), Some(after)) = (&value, rest.strip_prefix('/'))
            && is_date(after)
        {
            let (end, rest) = time(after)?;
            return match end {
                Value::Time(to) if *from <= to => Ok((Token::Literal(Value::Stretch(*from, to)), rest)),
                _ => Err(Refused::wrong("an interval is FROM/TO, two times, the earlier one first")),
            };
        }
        return Ok((Token::Literal(value), rest));
    }
    let bytes = text.as_bytes();
    let mut end = 0;
    while let Some(byte) = bytes.get(end) {
        let is_sign_of_power = matches!(byte, b'+' | b'-') && end > 0 && matches!(bytes[end - 1], b'e' | b'E');
        if !(byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E') || is_sign_of_power) {
            break;
        }
        end += 1;
    }
    let (number, rest) = text.split_at(end);
    match number.parse::<f64>() {
        Ok(value) if value.is_finite() && !rest.starts_with(is_of_word) => {
            Ok((Token::Literal(Value::Number(value)), rest))
        }
        _ => Err(Refused::wrong(format!("{} is neither a number nor a time", shown(text)))),
    }
}

/// Whether a text begins as `2026-11-21`.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits = |from: usize, to: usize| bytes.get(from..to).is_some_and(|part| part.iter().all(u8::is_ascii_digit));
    digits(0, 4) && bytes.get(4) == Some(&b'-') && digits(5, 7) && bytes.get(7) == Some(&b'-') && digits(8, 10)
}

/// A date, or a time with its offset. A `+` that arrived as a space is one.
fn time(text: &str) -> Result<(Value, &str), Refused> {
    let wrong = || Refused::wrong(format!("{} is not a time such as 2026-11-21T10:15:00+07:00", shown(text)));
    let (date, rest) = text.split_at(10);
    let Some(clock) = rest.strip_prefix(['T', 't']) else {
        date.parse::<jiff::civil::Date>().map_err(|_| wrong())?;
        return Ok((Value::Text(date.to_owned()), rest));
    };
    let end =
        clock.find(|letter: char| !(letter.is_ascii_digit() || matches!(letter, ':' | '.'))).unwrap_or(clock.len());
    let (clock, rest) = clock.split_at(end);
    let (offset, rest) = match rest.as_bytes() {
        [b'Z' | b'z', ..] => ("Z".to_owned(), &rest[1..]),
        [b'+' | b'-' | b' ', h1, h2, b':', m1, m2, ..] if [h1, h2, m1, m2].iter().all(|byte| byte.is_ascii_digit()) => {
            (rest[..6].replace(' ', "+"), &rest[6..])
        }
        _ => return Err(Refused::wrong(format!("the time {} needs an offset: Z or +07:00", shown(text)))),
    };
    let at = Timestamp::parse(&format!("{date}T{clock}{offset}")).ok_or_else(wrong)?;
    Ok((Value::Time(at), rest))
}
