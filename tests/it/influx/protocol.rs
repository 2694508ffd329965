//! The stand-in's side of the protocol, written from the documents and without a look at the service's: line protocol
//! in, two forms of Flux in, annotated CSV out.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use saola::model::Timestamp;

/// Measurement, station, field.
pub type SeriesKey = (String, String, String);
/// Values by time, microseconds.
pub type Points = BTreeMap<SeriesKey, BTreeMap<i64, f64>>;

/// A line, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub measurement: String,
    pub station: String,
    pub fields: Vec<(String, f64)>,
    pub at: i64,
}

/// Reads up to one of `ends` outside escapes; a backslash before `,`, `=` or a space stands for that letter.
fn upto<'a>(text: &'a str, ends: &[char]) -> Option<(String, &'a str)> {
    let mut out = String::new();
    let mut letters = text.char_indices().peekable();
    while let Some((place, letter)) = letters.next() {
        match letter {
            '\\' if letters.peek().is_some_and(|(_, next)| matches!(next, ',' | '=' | ' ')) => {
                out.push(letters.next()?.1);
            }
            letter if ends.contains(&letter) => return Some((out, &text[place..])),
            letter => out.push(letter),
        }
    }
    None
}

/// One line without its end; `None` when it is none.
pub fn line(text: &str) -> Option<Line> {
    let (measurement, rest) = upto(text, &[',', ' '])?;
    let (tag, rest) = upto(rest.strip_prefix(',')?, &['='])?;
    let (station, mut rest) = upto(rest.strip_prefix('=')?, &[',', ' '])?;
    if tag != "station" || station.is_empty() || !rest.starts_with(' ') {
        return None;
    }
    let mut fields = Vec::new();
    loop {
        let (field, after) = upto(&rest[1..], &['='])?;
        let (value, after) = upto(&after[1..], &[',', ' '])?;
        fields.push((field, value.parse().ok().filter(|value: &f64| value.is_finite())?));
        rest = after;
        if rest.starts_with(' ') {
            break;
        }
    }
    Some(Line { measurement, station, fields, at: rest[1..].parse().ok()? })
}

/// What is asked, of one series and its flags.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    pub bucket: String,
    pub measurement: String,
    pub station: String,
    pub fields: [String; 2],
    pub from: Timestamp,
    pub to: Timestamp,
    pub form: Form,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    Page { rows: usize },
    Last,
}

/// Takes the two known forms apart, piece by piece; anything else is `None`.
pub fn question(text: &str) -> Option<Question> {
    let rest = text.strip_prefix("from(bucket: ")?;
    let (bucket, rest) = literal(rest)?;
    let rest = rest.strip_prefix(")\n  |> range(start: ")?;
    let (from, rest) = rest.split_once(", stop: ")?;
    let (to, rest) = rest.split_once(")\n  |> filter(fn: (r) => r[\"_measurement\"] == ")?;
    let (measurement, rest) = literal(rest)?;
    let (station, rest) = literal(rest.strip_prefix(" and r[\"station\"] == ")?)?;
    let (field, rest) = literal(rest.strip_prefix(" and (r[\"_field\"] == ")?)?;
    let (quality, rest) = literal(rest.strip_prefix(" or r[\"_field\"] == ")?)?;
    let rest = rest.strip_prefix("))\n  |> ")?;
    let rest = rest.strip_suffix("\n  |> keep(columns: [\"_time\", \"_value\", \"_field\"])\n")?;
    let form = match rest.strip_prefix("limit(n: ").and_then(|rest| rest.strip_suffix(")")) {
        Some(rows) => Form::Page { rows: rows.parse().ok()? },
        None if rest == "last()" => Form::Last,
        None => return None,
    };
    let (from, to) = (Timestamp::parse(from)?, Timestamp::parse(to)?);
    Some(Question { bucket, measurement, station, fields: [field, quality], from, to, form })
}

/// A Flux string literal and what follows it. Only what the language's specification has: `\n \r \t \" \\ \${ \xHH`.
fn literal(text: &str) -> Option<(String, &str)> {
    let mut bytes = Vec::new();
    let mut rest = text.strip_prefix('"')?;
    loop {
        let letter = rest.chars().next()?;
        rest = &rest[letter.len_utf8()..];
        match letter {
            '"' => return Some((String::from_utf8(bytes).ok()?, rest)),
            '$' if rest.starts_with('{') => return None,
            '\\' => {
                let (kind, after) = rest.split_at_checked(1)?;
                rest = after;
                match kind {
                    "n" => bytes.push(b'\n'),
                    "r" => bytes.push(b'\r'),
                    "t" => bytes.push(b'\t'),
                    "\"" | "\\" | "$" => bytes.extend(kind.bytes()),
                    "x" => {
                        let (digits, after) = rest.split_at_checked(2)?;
                        bytes.push(u8::from_str_radix(digits, 16).ok()?);
                        rest = after;
                    }
                    _ => return None,
                }
            }
            letter => bytes.extend(letter.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
}

/// The answer as InfluxDB writes it: a table a series, values before or after flags as its hash has it.
pub fn answer(points: &Points, question: &Question) -> String {
    let mut out = String::new();
    let mut fields: Vec<&String> = question.fields.iter().collect();
    if question.from.micros() % 2 == 0 {
        fields.reverse();
    }
    let mut table = 0;
    for field in fields {
        let key = (question.measurement.clone(), question.station.clone(), field.clone());
        let Some(series) = points.get(&key) else { continue };
        let mut rows: Vec<_> = series.range(question.from.micros()..question.to.micros()).collect();
        match question.form {
            Form::Page { rows: most } => rows.truncate(most),
            Form::Last => drop(rows.drain(..rows.len().saturating_sub(1))),
        }
        if rows.is_empty() {
            continue;
        }
        if table == 0 {
            out.push_str(
                "#datatype,string,long,dateTime:RFC3339,double,string\r\n#group,false,false,false,false,true\r\n",
            );
            out.push_str("#default,_result,,,,\r\n,result,table,_time,_value,_field\r\n");
        }
        for (at, value) in rows {
            let at = Timestamp::from_micros(*at);
            let _ = write!(out, ",,{table},{at},{value},{}\r\n", quoted(field));
        }
        table += 1;
    }
    out.push_str("\r\n");
    out
}

fn quoted(cell: &str) -> String {
    let needs = cell.contains([',', '"', '\r', '\n']) || cell.starts_with(' ');
    if needs { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

#[test]
fn lines_and_questions_are_taken_apart() {
    let fields = vec![("p q".to_owned(), 1e-7), ("p q_quality".to_owned(), 0.0)];
    let expected = Line { measurement: "air".into(), station: "a,b c=\"".into(), fields, at: -5 };
    assert_eq!(line("air,station=a\\,b\\ c\\=\" p\\ q=1e-7,p\\ q_quality=0.0 -5"), Some(expected));
    for wrong in
        ["", "air", "air,station= a=1 2", "air,station=x a=NaN 2", "air,station=x a=1", "air,station=x a=1 2 3"]
    {
        assert_eq!(line(wrong), None, "{wrong}");
    }
    assert_eq!(literal("\"a\\x22\\\\\"rest"), Some(("a\"\\".to_owned(), "rest")));
    assert_eq!(literal("\"${r}\""), None);
    assert_eq!(question("from(bucket: \"a\") |> drop()"), None);
}
