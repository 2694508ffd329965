//! One record of a CSV file (RFC 4180, with any one-byte separator): text to fields, borrowed where they can be.
//!
//! Left out on purpose: where a record ends (a quoted field may hold line ends, see [`is_open`]) and what the fields
//! mean.

use std::borrow::Cow;

use super::reject;
use crate::model::{Reason, Rejection};

/// Most fields of one record.
const FIELDS_MAX: usize = 4_096;

/// Appends the fields of a record to `fields`, without the white space around those that are not quoted.
pub fn fields<'a>(record: &'a str, separator: u8, fields: &mut Vec<Cow<'a, str>>) -> Result<(), Rejection> {
    let bytes = record.as_bytes();
    let mut at = 0;
    loop {
        if fields.len() == FIELDS_MAX {
            return Err(reject(Reason::TooManyReadings, format!("more than {FIELDS_MAX} fields")));
        }
        let from = at + leading_spaces(&bytes[at..], separator);
        if bytes.get(from) == Some(&b'"') {
            let (field, end) = quoted(record, from + 1)?;
            fields.push(field);
            at = end + leading_spaces(&bytes[end..], separator);
            if bytes.get(at).is_some_and(|byte| *byte != separator) {
                return Err(reject(
                    Reason::WrongShape,
                    format!("a separator belongs behind the quoted field {}", fields.len()),
                ));
            }
        } else {
            let end = memchr::memchr(separator, &bytes[at..]).map_or(bytes.len(), |length| at + length);
            fields.push(Cow::Borrowed(record[at..end].trim_matches(is_space)));
            at = end;
        }
        if at >= bytes.len() {
            return Ok(());
        }
        at += 1;
    }
}

/// Whether a record goes on in the next line: a quoted field has not ended.
pub fn is_open(record: &[u8], separator: u8) -> bool {
    let mut at = 0;
    while at < record.len() {
        at += leading_spaces(&record[at..], separator);
        if record.get(at) == Some(&b'"') {
            at += 1;
            loop {
                match memchr::memchr(b'"', &record[at..]) {
                    None => return true,
                    Some(length) if record.get(at + length + 1) == Some(&b'"') => at += length + 2,
                    Some(length) => {
                        at += length + 1;
                        break;
                    }
                }
            }
        }
        match memchr::memchr(separator, &record[at..]) {
            None => return false,
            Some(length) => at += length + 1,
        }
    }
    false
}

fn is_space(letter: char) -> bool {
    letter == ' ' || letter == '\t' || letter == '\r'
}

fn leading_spaces(bytes: &[u8], separator: u8) -> usize {
    bytes.iter().take_while(|byte| is_space(char::from(**byte)) && **byte != separator).count()
}

/// A quoted field whose content begins at `from`, and the place behind its closing quote.
fn quoted(record: &str, from: usize) -> Result<(Cow<'_, str>, usize), Rejection> {
    let bytes = record.as_bytes();
    let (mut at, mut begun) = (from, from);
    let mut unescaped: Option<String> = None;
    loop {
        let Some(length) = memchr::memchr(b'"', &bytes[at..]) else {
            return Err(reject(Reason::WrongShape, "a quoted field without an end"));
        };
        let quote = at + length;
        if bytes.get(quote + 1) == Some(&b'"') {
            unescaped.get_or_insert_default().push_str(&record[begun..=quote]);
            at = quote + 2;
            begun = at;
        } else {
            let rest = &record[begun..quote];
            let field = match unescaped {
                None => Cow::Borrowed(rest),
                Some(before) => Cow::Owned(before + rest),
            };
            return Ok((field, quote + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(record: &str, separator: u8, expected: Result<&[&str], Reason>) {
        let mut found = Vec::new();
        let result = fields(record, separator, &mut found);
        let found: Vec<&str> = found.iter().map(AsRef::as_ref).collect();
        assert_eq!(result.map(|()| found.as_slice()).map_err(|rejection| rejection.reason), expected, "{record:?}");
    }

    #[test]
    fn records_fall_into_fields() {
        check("a,b,c", b',', Ok(&["a", "b", "c"]));
        check("", b',', Ok(&[""]));
        check(",", b',', Ok(&["", ""]));
        check(" a ; b\r", b';', Ok(&["a", "b"]));
        check("1\t2\t", b'\t', Ok(&["1", "2", ""]));
        check(r#""a,b",c"#, b',', Ok(&["a,b", "c"]));
        check(r#" "a" , "b" "#, b',', Ok(&["a", "b"]));
        check(r#""say ""yes""",x"#, b',', Ok(&["say \"yes\"", "x"]));
        check(r#""""#, b',', Ok(&[""]));
        check("\"two\nlines\",x", b',', Ok(&["two\nlines", "x"]));
        check(r#"5" pipe,x"#, b',', Ok(&["5\" pipe", "x"]));
        check(r#""a"b,c"#, b',', Err(Reason::WrongShape));
        check(r#""a,b"#, b',', Err(Reason::WrongShape));
    }

    #[test]
    fn an_open_quote_goes_on() {
        for (record, expected) in [
            ("a,b", false),
            ("a,\"b", true),
            ("a,\"b\"", false),
            ("a,\"b\"\"", true),
            ("a,5\" pipe", false),
            ("a, \"b", true),
            ("", false),
        ] {
            assert_eq!(is_open(record.as_bytes(), b','), expected, "{record}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_a_csv_reader(record in "[a\",;]{0,12}") {
            let mut found = Vec::new();
            if fields(&record, b',', &mut found).is_ok() && !record.is_empty() {
                let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(record.as_bytes());
                let expected = reader.records().next().unwrap().unwrap();
                prop_assert_eq!(found, expected.iter().collect::<Vec<_>>(), "{}", &record);
                prop_assert!(!is_open(record.as_bytes(), b','), "{}", record);
            }
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), separator in 0_u8..128) {
            is_open(&bytes, separator);
            let _ = fields(&String::from_utf8_lossy(&bytes), separator, &mut Vec::new());
        }
    }
}
