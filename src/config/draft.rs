//! The file as it was written, on its way to a [`super::Config`]: reading goes on behind every mistake.
//!
//! A value that is wrong is noted with its line and taken out of the draft, so its default stands in and the next
//! mistake comes to light; that is repeated until what is left can be read whole. A required key that is missing is
//! noted and filled with a stand-in for the same purpose. In the end any mistake makes the whole file wrong, so a
//! default that stood in, or a stand-in, is never used.

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};

use super::ranges::{self, Bounds};
use crate::document::Page;
use crate::model::{Mistake, Span};

/// Rounds of noting and taking out: more mistakes than anybody reads.
const ROUNDS_MAX: usize = 2_000;
/// Bytes of a text, and not a control letter among them: no name or path of ours is longer.
const TEXT_BYTES_MAX: usize = 4_096;
/// What stands in for a required key that is missing or for a wrong entry of a list, tried in turn.
const STAND_INS: [&str; 7] = ["\"\"", "\"127.0.0.1:0\"", "\"json\"", "\"air\"", "0", "[]", "{}"];

/// One step from a table or list to what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Place(usize),
}

/// Where a value was written, when not in the file.
#[derive(Clone, Debug)]
enum Elsewhere {
    Variable(String),
    StandIn(usize),
}

/// The file with what was laid over it.
pub(super) struct Draft<'t> {
    page: Page,
    table: Spanned<DeTable<'t>>,
    text_bytes: usize,
    /// A value whose span begins behind the text was written elsewhere: by its distance from the end.
    elsewhere: Vec<Elsewhere>,
    /// Mistakes in the environment, which has no lines.
    outside: Vec<Mistake>,
    /// Keys with a mistake: what follows from one is not said again.
    noted: Vec<String>,
}

impl<'t> Draft<'t> {
    pub(super) fn parse(file: &str, text: &'t str) -> Draft<'t> {
        let (page, table) = Page::parse(file, text);
        let (elsewhere, outside, noted) = (Vec::new(), Vec::new(), Vec::new());
        Draft { page, table, text_bytes: text.len(), elsewhere, outside, noted }
    }

    pub(super) fn into_mistakes(mut self) -> Vec<Mistake> {
        let mut mistakes = self.page.into_mistakes();
        self.outside.sort();
        mistakes.extend(self.outside);
        mistakes
    }

    /// Notes a mistake in a key that was read, unless one is noted there already.
    pub(super) fn mistake(&mut self, key: &str, message: String) {
        if self.is_noted(key) {
            return;
        }
        let start = self.start_of(key);
        self.note(start, key, message);
    }

    /// Something to think about in a key that was read; nothing where a mistake is noted.
    pub(super) fn warning(&self, key: &str, message: String) -> Option<Mistake> {
        if self.is_noted(key) {
            return None;
        }
        let line = self.start_of(key).map_or(0, |start| self.page.line(start));
        Some(Mistake { file: self.page.file().to_owned(), line, key: key.to_owned(), message })
    }

    /// Whether a mistake is noted in a key, around it or inside it.
    pub(super) fn is_noted(&self, key: &str) -> bool {
        self.noted.iter().any(|noted| is_inside(key, noted) || is_inside(noted, key))
    }

    /// `start` is where the key was written; `None` when the file says nothing of it.
    fn note(&mut self, start: Option<usize>, key: &str, message: String) {
        self.noted.push(key.to_owned());
        match start.and_then(|start| self.written_elsewhere(start)) {
            Some(Elsewhere::Variable(variable)) => self.note_outside(&variable.clone(), message),
            _ => self.page.mistake(start.map_or(0, |start| self.page.line(start)), key, message),
        }
    }

    /// Once a variable: all of its path has one place, so a second mistake there follows from the first.
    fn note_outside(&mut self, variable: &str, message: String) {
        if self.outside.iter().all(|mistake| mistake.key != variable) {
            let (file, key) = ("environment".to_owned(), variable.to_owned());
            self.outside.push(Mistake { file, line: 0, key, message });
        }
    }

    fn written_elsewhere(&self, start: usize) -> Option<&Elsewhere> {
        self.elsewhere.get(start.checked_sub(self.text_bytes + 1)?)
    }

    /// A span of its own for something that is not in the text.
    fn span_of(&mut self, elsewhere: Elsewhere) -> std::ops::Range<usize> {
        self.elsewhere.push(elsewhere);
        let start = self.text_bytes + self.elsewhere.len();
        start..start
    }

    /// Where a key, or the nearest thing around it, begins; `None` when nothing of it was written.
    fn start_of(&self, key: &str) -> Option<usize> {
        let mut best: Option<(usize, usize)> = None;
        walk(self.table.get_ref(), &mut Vec::new(), &mut |path, _, value| {
            let found = dotted(path);
            if is_inside(key, &found) && best.is_none_or(|(length, _)| found.len() >= length) {
                best = Some((found.len(), value.span().start));
            }
        });
        best.map(|(_, start)| start)
    }

    /// Puts a variable's value in the place of the file's.
    pub(super) fn lay_over(&mut self, variable: &str, path: &[&str], value: DeValue<'t>) {
        let span = self.span_of(Elsewhere::Variable(variable.to_owned()));
        let value = respanned(value, &span);
        let Some((last, tables)) = path.split_last() else { return };
        let mut table = self.table.get_mut();
        for (depth, name) in tables.iter().enumerate() {
            let empty = || Spanned::new(span.clone(), DeValue::Table(DeTable::new()));
            let key = Spanned::new(span.clone(), (*name).to_owned().into());
            match table.entry(key).or_insert_with(empty).get_mut() {
                DeValue::Table(inner) => table = inner,
                _ => {
                    let message = format!("cannot reach into {}, which is no table", path[..=depth].join("."));
                    return self.note_outside(variable, message);
                }
            }
        }
        table.insert(Spanned::new(span, (*last).to_owned().into()), value);
    }

    /// Notes and takes out numbers and lengths of time outside their range, and texts that no key can want.
    pub(super) fn check_ranges(&mut self) {
        let mut wrong = Vec::new();
        walk(self.table.get_ref(), &mut Vec::new(), &mut |path, _, value| {
            // An entry of a list is no number of its own: whatever stands there, the list is what is wrong.
            let pattern = if matches!(path.last(), Some(Step::Key(_))) { pattern(path) } else { String::new() };
            if let Some(message) = out_of_range(&pattern, value.get_ref()) {
                wrong.push((path.to_vec(), value.span().start, message));
            }
        });
        // From the back, so that places in lists stay what they were.
        for (path, start, message) in wrong.into_iter().rev() {
            self.note(Some(start), &dotted(&path), message);
            self.take_out(&path);
        }
    }

    /// Reads the draft as a `T`, noting and taking out what hinders.
    pub(super) fn settle<T: DeserializeOwned + Default>(&mut self) -> T {
        for _ in 0..ROUNDS_MAX {
            let error = match T::deserialize(Deserializer::from(self.table.clone())) {
                Ok(read) => return read,
                Err(error) => error,
            };
            if !self.mend(&error) {
                break;
            }
        }
        T::default()
    }

    /// Notes what an error says and takes its cause out; `false` when nothing can be taken out.
    fn mend(&mut self, error: &toml::de::Error) -> bool {
        let Some(span) = error.span() else {
            self.note(None, "", error.message().to_owned());
            return false;
        };
        let path = self.path_at(&span).unwrap_or_default();
        let stands_in = match self.written_elsewhere(span.start) {
            Some(Elsewhere::StandIn(kind)) => Some(*kind),
            _ => None,
        };
        if let Some(name) = missing_field(error.message()) {
            let mut missing = path.clone();
            missing.push(Step::Key(name.to_owned()));
            let key = dotted(&missing);
            if stands_in.is_none() && !self.page.is_broken() && !self.noted.contains(&key) {
                self.note(Some(span.start), &key, "is missing".to_owned());
            }
            return self.stand_in(&missing, 0);
        }
        if let Some(kind) = stands_in {
            return self.stand_in(&path, kind + 1);
        }
        self.note(Some(span.start), &dotted(&path), sentence(error.message()));
        self.take_out(&path)
    }

    /// Takes a key out. An entry of a list is replaced instead: without it the others would change their places, by
    /// which mistakes name them.
    fn take_out(&mut self, path: &[Step]) -> bool {
        match path.split_last() {
            Some((Step::Key(name), around)) => {
                let table = table_at(self.table.get_mut(), around);
                table.is_some_and(|table| table.remove(name.as_str()).is_some())
            }
            Some((Step::Place(_), _)) => self.stand_in(path, 0),
            None => false,
        }
    }

    /// Puts the next thing that might be read into the place of a missing key or of a wrong entry; takes what is
    /// around it out when nothing of that kind can be read there.
    fn stand_in(&mut self, path: &[Step], kind: usize) -> bool {
        let Some((last, around)) = path.split_last() else { return false };
        let Some(text) = STAND_INS.get(kind) else { return self.take_out(around) };
        let span = self.span_of(Elsewhere::StandIn(kind));
        let value = DeValue::parse(text).map_or(DeValue::Boolean(false), Spanned::into_inner);
        let value = respanned(value, &span);
        match last {
            Step::Key(name) => {
                let Some(table) = table_at(self.table.get_mut(), around) else { return false };
                table.remove(name.as_str());
                table.insert(Spanned::new(span, name.clone().into()), value);
            }
            Step::Place(place) => {
                let Some((Step::Key(name), around)) = around.split_last() else { return false };
                let list = table_at(self.table.get_mut(), around).and_then(|table| table.get_mut(name.as_str()));
                let Some(DeValue::Array(list)) = list.map(Spanned::get_mut) else { return false };
                let Some(entry) = list.get_mut(*place) else { return false };
                *entry = value;
            }
        }
        true
    }

    /// What was written at a span: a key, or a value.
    fn path_at(&self, span: &std::ops::Range<usize>) -> Option<Vec<Step>> {
        let mut found = None;
        walk(self.table.get_ref(), &mut Vec::new(), &mut |path, key_start, value| {
            if value.span() == *span || (key_start == Some(span.start) && found.is_none()) {
                found = Some(path.to_vec());
            }
        });
        found
    }
}

type Look<'l, 'd, 't> = dyn FnMut(&[Step], Option<usize>, &'d Spanned<DeValue<'t>>) + 'l;

/// Calls for every key and every entry of a list, outer ones first, with the beginning of its key.
fn walk<'d, 't>(table: &'d DeTable<'t>, path: &mut Vec<Step>, look: &mut Look<'_, 'd, 't>) {
    for (key, value) in table.iter() {
        path.push(Step::Key(key.get_ref().to_string()));
        look(path, Some(key.span().start), value);
        walk_value(value.get_ref(), path, look);
        path.pop();
    }
}

fn walk_value<'d, 't>(value: &'d DeValue<'t>, path: &mut Vec<Step>, look: &mut Look<'_, 'd, 't>) {
    match value {
        DeValue::Table(table) => walk(table, path, look),
        DeValue::Array(list) => {
            for (place, value) in list.iter().enumerate() {
                path.push(Step::Place(place));
                look(path, None, value);
                walk_value(value.get_ref(), path, look);
                path.pop();
            }
        }
        _ => {}
    }
}

fn table_at<'d, 't>(table: &'d mut DeTable<'t>, path: &[Step]) -> Option<&'d mut DeTable<'t>> {
    let Some((Step::Key(first), rest)) = path.split_first() else { return Some(table) };
    let mut value = table.get_mut(first.as_str())?.get_mut();
    for step in rest {
        value = match (step, value) {
            (Step::Key(name), DeValue::Table(table)) => table.get_mut(name.as_str())?.get_mut(),
            (Step::Place(place), DeValue::Array(list)) => list.get_mut(*place)?.get_mut(),
            _ => return None,
        };
    }
    match value {
        DeValue::Table(table) => Some(table),
        _ => None,
    }
}

/// The same value with another span, all the way down.
fn respanned<'t>(value: DeValue<'t>, span: &std::ops::Range<usize>) -> Spanned<DeValue<'t>> {
    let value = match value {
        DeValue::Table(table) => DeValue::Table(
            table
                .into_iter()
                .map(|(key, value)| (Spanned::new(span.clone(), key.into_inner()), respanned(value.into_inner(), span)))
                .collect(),
        ),
        DeValue::Array(list) => {
            DeValue::Array(list.into_iter().map(|value| respanned(value.into_inner(), span)).collect())
        }
        other => other,
    };
    Spanned::new(span.clone(), value)
}

/// `mqtt.client[1].port`.
fn dotted(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(name) if text.is_empty() => text.push_str(name),
            Step::Key(name) => text.extend([".", name]),
            Step::Place(place) => text.push_str(&format!("[{place}]")),
        }
    }
    text
}

/// `mqtt.client.port`.
fn pattern(path: &[Step]) -> String {
    let names: Vec<&str> = path
        .iter()
        .filter_map(|step| match step {
            Step::Key(name) => Some(name.as_str()),
            Step::Place(_) => None,
        })
        .collect();
    names.join(".")
}

/// Whether a key is another one or stands inside it.
fn is_inside(key: &str, outer: &str) -> bool {
    key.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn out_of_range(pattern: &str, value: &DeValue<'_>) -> Option<String> {
    if let DeValue::String(text) = value
        && (text.len() > TEXT_BYTES_MAX || text.chars().any(char::is_control))
    {
        return Some(format!("must have at most {TEXT_BYTES_MAX} bytes and no control letter"));
    }
    match (ranges::of(pattern)?, value) {
        (bounds @ Bounds::Count(least, most), DeValue::Integer(found)) => {
            let number = i128::from_str_radix(found.as_str(), found.radix()).ok();
            let inside = number.is_some_and(|number| (i128::from(least)..=i128::from(most)).contains(&number));
            let shown: String = found.as_str().chars().take(40).collect();
            (!inside).then(|| format!("must be {bounds}, not {shown}"))
        }
        (bounds @ Bounds::Time(least, most), DeValue::String(text)) => {
            let span: Span = text.parse().ok()?;
            (!(least..=most).contains(&span)).then(|| format!("must be {bounds}, not {span}"))
        }
        _ => None,
    }
}

fn missing_field(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `")?.strip_suffix('`')
}

/// serde's words in ours.
fn sentence(message: &str) -> String {
    if let Some((_, known)) = message.strip_prefix("unknown field `").and_then(|rest| rest.split_once("`, expected ")) {
        return format!("unknown key; known here: {}", known.trim_start_matches("one of ").replace('`', ""));
    }
    let wrong = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    match wrong.and_then(|rest| rest.split_once(", expected ")) {
        Some((found, expected)) => format!("must be {}, not {}", in_words(expected), found.replace('`', "")),
        None => message.replace('\n', "; "),
    }
}

/// Rust's names for types in the words of a file's author.
fn in_words(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, not negative",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "a boolean" => "true or false",
        "a string" | "path string" => "a text in quotes",
        "socket address" => "an address and a port in quotes, such as \"127.0.0.1:8080\"",
        "a sequence" => "a list",
        other if other.starts_with("struct ") => "a table",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default, deny_unknown_fields)]
    struct Form {
        size: u8,
        every: Span,
        words: Vec<String>,
        inner: Inner,
        door: Vec<Door>,
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default, deny_unknown_fields)]
    struct Inner {
        on: bool,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Door {
        name: String,
        listen: SocketAddr,
        #[serde(default)]
        width: u8,
    }

    fn check(text: &str, variables: &[(&str, &[&str], &str)], expected: &[&str]) -> Form {
        let mut draft = Draft::parse("a.toml", text);
        for (variable, path, value) in variables {
            draft.lay_over(variable, path, super::super::environment::value(value));
        }
        draft.check_ranges();
        let form = draft.settle();
        let found: Vec<String> =
            draft.into_mistakes().iter().map(|m| format!("{} {}: {}", m.line, m.key, m.message)).collect();
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found:?} does not start with {expected:?}");
        }
        form
    }

    #[test]
    fn every_mistake_is_noted_on_its_line() {
        check(
            "size = 300\nevery = 5\nwords = [\"a\", 7, \"b\", 8]\ncolour = 1\n[inner]\non = \"yes\"\noff = 1\n[outer]\nx = 1\n",
            &[],
            &[
                "1 size: must be a whole number, not negative, not integer 300",
                "2 every: must be a length of time in quotes",
                "3 words[1]: must be a text in quotes, not integer 7",
                "3 words[3]: must be a text in quotes",
                "4 colour: unknown key; known here: size, every, words, inner, door",
                "6 inner.on: must be true or false, not string \"yes\"",
                "7 inner.off: unknown key; known here: on",
                "8 outer: unknown key",
            ],
        );
    }

    #[test]
    fn missing_keys_do_not_hide_each_other() {
        check(
            "[[door]]\nwidth = 1\n[[door]]\nname = 5\nwidth = 999\n[[door]]\nname = \"c\"\nlisten = \"here\"\n",
            &[],
            &[
                "1 door[0].name: is missing",
                "1 door[0].listen: is missing",
                "3 door[1].listen: is missing",
                "4 door[1].name: must be a text in quotes, not integer 5",
                "5 door[1].width: must be a whole number",
                "8 door[2].listen: invalid socket address",
            ],
        );
        check("inner = 3\ndoor = [1]\n", &[], &["1 inner: must be a table", "2 door[0]: must be a table"]);
    }

    #[test]
    fn the_environment_goes_before_the_file_and_is_named() {
        let laid: [(&str, &[&str], &str); 3] = [
            ("S__SIZE", &["size"], "7"),
            ("S__INNER__ON", &["inner", "on"], "true"),
            ("S__WORDS", &["words"], "[\"x\"]"),
        ];
        let form = check("size = 3\n", &laid, &[]);
        assert_eq!((form.size, form.inner.on, form.words), (7, true, vec!["x".to_owned()]));
        check(
            "size = 3\n",
            &[("S__SIZE", &["size"], "many"), ("S__X__Y", &["x", "y"], "1"), ("S__SIZE__Z", &["size", "z"], "1")],
            &["0 S__SIZE: must be a whole number", "0 S__SIZE__Z: cannot reach into size", "0 S__X__Y: unknown key"],
        );
    }

    #[test]
    fn broken_syntax_is_noted_and_the_rest_is_read() {
        check("size = = 3\n[inner]\non = 5\n", &[], &["1 : ", "3 inner.on: must be true or false"]);
    }

    #[test]
    fn a_correct_file_is_read() {
        let text = "size = 3\nevery = \"15m\"\n[[door]]\nname = \"a\"\nlisten = \"127.0.0.1:1\"\n";
        let form = check(text, &[], &[]);
        assert_eq!((form.size, form.every, form.door[0].name.as_str()), (3, Span::from_minutes(15), "a"));
    }
}
