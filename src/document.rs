//! A TOML file as a person wrote it: values with their lines, and every mistake in one run.
//!
//! [`Page`] is one file's text with the mistakes found so far; [`Section`] is one table of it, read key by key. A
//! wrong value is noted and read as absent, so it never hides the next one; [`Section::finish`] notes every key that
//! nobody asked for. When the text is not TOML at some place, what can be recovered is still read, but "is missing"
//! and anything on a broken line is left unsaid: it would be a consequence, not a cause.
//!
//! Left out on purpose: writing TOML, and dates (no file of ours has any).

mod points;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use serde::de::{Deserialize as _, DeserializeOwned, Deserializer, IntoDeserializer as _};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::model::{LocalName, Mistake, Span};

/// Files of more bytes than this are refused: far above 10,000 stations in one file.
pub const FILE_BYTES_MAX: u64 = 64 << 20;

/// One of some words, for serde; whatever else stands there is wrong as a whole.
pub fn word<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    T::deserialize(text.into_deserializer())
}

/// Whether a key may be absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Its absence is a mistake.
    Required,
    /// It may be left out.
    Optional,
}

/// One file's text with the mistakes found in it.
#[derive(Debug)]
pub struct Page {
    file: String,
    line_starts: Vec<usize>,
    broken_lines: BTreeSet<usize>,
    mistakes: RefCell<Vec<Mistake>>,
}

/// Reads a file as UTF-8; a mistake when it is missing, too large or not text.
pub fn read_text(path: &Path) -> Result<String, Mistake> {
    let mistake = |line, message| Mistake { file: path.display().to_string(), line, key: String::new(), message };
    let unreadable = |error: std::io::Error| mistake(0, format!("cannot be read: {error}"));
    let bytes_found = std::fs::metadata(path).map_err(unreadable)?.len();
    if bytes_found > FILE_BYTES_MAX {
        return Err(mistake(0, format!("has {bytes_found} bytes; {FILE_BYTES_MAX} are allowed")));
    }
    String::from_utf8(std::fs::read(path).map_err(unreadable)?).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        mistake(1 + before.iter().filter(|byte| **byte == b'\n').count(), "is not UTF-8 text from here on".to_owned())
    })
}

impl Page {
    /// A page of any text, without looking at its form.
    pub fn new(file: &str, text: &str) -> Page {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Page { file: file.to_owned(), line_starts, broken_lines: BTreeSet::new(), mistakes: RefCell::default() }
    }

    /// Reads TOML; what is not TOML is noted, and the rest is returned.
    pub fn parse<'t>(file: &str, text: &'t str) -> (Page, Spanned<DeTable<'t>>) {
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut page = Page::new(file, text);
        for error in errors {
            let line = page.line(error.span().map_or(0, |span| span.start));
            // One mistake a line: the parser says several things about one slip.
            if page.broken_lines.insert(line) {
                page.note(line, "", error.message().replace('\n', "; "));
            }
        }
        (page, table)
    }

    /// The name it was opened by.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Whether some of it was not TOML.
    pub fn is_broken(&self) -> bool {
        !self.broken_lines.is_empty()
    }

    /// The line, counted from 1, of a byte of the text.
    pub fn line(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset)
    }

    /// Notes a mistake; one on a line that could not be read is dropped.
    pub fn mistake(&self, line: usize, key: &str, message: impl Into<String>) {
        if !self.broken_lines.contains(&line) {
            self.note(line, key, message.into());
        }
    }

    fn note(&self, line: usize, key: &str, message: String) {
        self.mistakes.borrow_mut().push(Mistake { file: self.file.clone(), line, key: key.to_owned(), message });
    }

    /// The topmost table as a section without a name.
    pub fn root<'p, 't>(&'p self, table: &'p Spanned<DeTable<'t>>) -> Section<'p, 't> {
        Section::new(self, String::new(), table.span().start, table.get_ref())
    }

    /// Everything noted, by line.
    pub fn into_mistakes(self) -> Vec<Mistake> {
        let mut mistakes = self.mistakes.into_inner();
        mistakes.sort_by_key(|mistake| mistake.line);
        mistakes
    }
}

/// One table, read key by key.
pub struct Section<'p, 't> {
    page: &'p Page,
    path: String,
    at: usize,
    table: &'p DeTable<'t>,
    asked: Vec<&'static str>,
}

impl<'p, 't> Section<'p, 't> {
    fn new(page: &'p Page, path: String, at: usize, table: &'p DeTable<'t>) -> Self {
        Self { page, path, at, table, asked: Vec::new() }
    }

    /// The line where the table begins.
    pub fn line(&self) -> usize {
        self.page.line(self.at)
    }

    /// The line of a key's value; of the table when the key is absent.
    pub fn line_of(&self, key: &str) -> usize {
        self.page.line(self.table.get(key).map_or(self.at, |value| value.span().start))
    }

    /// Whether a key is there, right or wrong.
    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Notes a mistake in a key of this table; in the table as a whole when the key is empty.
    pub fn mistake(&self, key: &str, message: impl Into<String>) {
        self.page.mistake(self.line_of(key), &self.path_of(key), message);
    }

    /// Something in a key of this table that is allowed, but probably not meant.
    pub fn doubt(&self, key: &str, message: impl Into<String>) -> Mistake {
        let (file, line, key) = (self.page.file.clone(), self.line_of(key), self.path_of(key));
        Mistake { file, line, key, message: message.into() }
    }

    /// A key's whole path; the table's own for an empty key.
    pub fn path_of(&self, key: &str) -> String {
        match (self.path.as_str(), key) {
            ("", key) => key.to_owned(),
            (path, "") => path.to_owned(),
            (path, key) => format!("{path}.{key}"),
        }
    }

    fn value(&mut self, key: &'static str, need: Need) -> Option<&'p Spanned<DeValue<'t>>> {
        self.asked.push(key);
        let value = self.table.get(key);
        if value.is_none() && need == Need::Required && !self.page.is_broken() {
            self.mistake(key, "is missing");
        }
        value
    }

    fn wrong(&self, key: &str, expected: impl fmt::Display, found: &DeValue<'_>) {
        self.mistake(key, format!("must be {expected}, not {}", shown(found)));
    }

    /// A text.
    pub fn text(&mut self, key: &'static str, need: Need) -> Option<&'p str> {
        let value = self.value(key, need)?.get_ref();
        let text = value.as_str();
        if text.is_none() {
            self.wrong(key, "a text in quotes", value);
        }
        text
    }

    /// A text or a list of texts, as a list; empty when absent.
    pub fn texts(&mut self, key: &'static str) -> Vec<&'p str> {
        let Some(value) = self.value(key, Need::Optional) else { return Vec::new() };
        let items: &[Spanned<DeValue<'t>>] = match value.get_ref() {
            DeValue::Array(items) => items,
            DeValue::String(_) => std::slice::from_ref(value),
            other => {
                self.wrong(key, "a text or a list of texts", other);
                &[]
            }
        };
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            match item.get_ref().as_str() {
                Some(text) => texts.push(text),
                None => self.wrong(key, "a list of texts only", item.get_ref()),
            }
        }
        texts
    }

    /// A list of texts, each with its line; empty when absent.
    pub fn lines(&mut self, key: &'static str, need: Need) -> Vec<(usize, &'p str)> {
        let Some(value) = self.value(key, need) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.wrong(key, "a list of texts", value.get_ref());
            return Vec::new();
        };
        let mut lines = Vec::with_capacity(items.len());
        for item in items {
            match item.get_ref().as_str() {
                Some(text) => lines.push((self.page.line(item.span().start), text)),
                None => self.wrong(key, "a list of texts only", item.get_ref()),
            }
        }
        lines
    }

    /// Notes a mistake on a line of its own.
    pub fn mistake_on(&self, line: usize, key: &str, message: impl Into<String>) {
        self.page.mistake(line, &self.path_of(key), message);
    }

    /// A table of texts under keys of the writer's choice: `{ speed = "vehicle_speed" }`.
    pub fn words(&mut self, key: &'static str, need: Need) -> Option<BTreeMap<String, String>> {
        let value = self.value(key, need)?;
        let Some(table) = value.get_ref().as_table() else {
            self.wrong(key, "a table of texts", value.get_ref());
            return None;
        };
        let mut words = BTreeMap::new();
        for (word, meaning) in table {
            let (word, line) = (word.get_ref().to_string(), self.page.line(meaning.span().start));
            match meaning.get_ref().as_str() {
                Some(meaning) => drop(words.insert(word, meaning.to_owned())),
                None => {
                    let message = format!("must be a text in quotes, not {}", shown(meaning.get_ref()));
                    self.page.mistake(line, &format!("{}.{word}", self.path_of(key)), message);
                }
            }
        }
        Some(words)
    }

    /// The line of a value inside a table that [`Section::words`] reads; that of the table when it is not there.
    pub fn line_in(&self, key: &str, word: &str) -> usize {
        let table = self.table.get(key).and_then(|value| value.get_ref().as_table());
        let value = table.and_then(|table| table.get(word));
        value.map_or_else(|| self.line_of(key), |value| self.page.line(value.span().start))
    }

    /// Keys that may stand here although nobody asks for them when they are absent.
    pub fn may_have(&mut self, keys: &[&'static str]) {
        self.asked.extend(keys.iter().filter(|key| !self.asked.contains(key)).copied().collect::<Vec<_>>());
    }

    /// Notes that a key does not belong here, when it is there.
    pub fn refuse(&mut self, key: &'static str, why: &str) {
        if self.value(key, Need::Optional).is_some() {
            self.mistake(key, why);
        }
    }

    /// Whether a key is there and holds a table.
    pub fn is_table(&self, key: &str) -> bool {
        self.table.get(key).is_some_and(|value| value.get_ref().is_table())
    }

    /// A finite number, written with or without decimals.
    pub fn number(&mut self, key: &'static str, need: Need) -> Option<f64> {
        let value = self.value(key, need)?.get_ref();
        let number = match value {
            DeValue::Float(float) => float.as_str().parse().ok(),
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str().parse().ok(),
            _ => None,
        };
        let number = number.filter(|number: &f64| number.is_finite());
        if number.is_none() {
            self.wrong(key, "a number", value);
        }
        number
    }

    /// A list of finite numbers; empty when absent.
    pub fn numbers(&mut self, key: &'static str) -> Vec<f64> {
        let Some(value) = self.value(key, Need::Optional) else { return Vec::new() };
        let items = value.get_ref().as_array().into_iter().flatten();
        let read = |item: &Spanned<DeValue<'_>>| {
            let number: Option<f64> = match item.get_ref() {
                DeValue::Float(float) => float.as_str().parse().ok(),
                DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str().parse().ok(),
                _ => None,
            };
            number.filter(|number| number.is_finite())
        };
        let numbers: Option<Vec<f64>> = items.map(read).collect();
        match numbers.filter(|_| value.get_ref().is_array()) {
            Some(numbers) => numbers,
            None => {
                self.wrong(key, "a list of numbers", value.get_ref());
                Vec::new()
            }
        }
    }

    /// Whatever stands there, as JSON; dates are texts, and what cannot be a JSON number is null.
    pub fn json(&mut self, key: &'static str) -> Option<serde_json::Value> {
        self.value(key, Need::Optional).map(|value| as_json(value.get_ref()))
    }

    /// `true` or `false`.
    pub fn flag(&mut self, key: &'static str) -> Option<bool> {
        let value = self.value(key, Need::Optional)?.get_ref();
        if value.as_bool().is_none() {
            self.wrong(key, "true or false", value);
        }
        value.as_bool()
    }

    /// A length of time.
    pub fn span(&mut self, key: &'static str, need: Need) -> Option<Span> {
        let value = self.value(key, need)?.get_ref();
        let Some(text) = value.as_str() else {
            self.wrong(key, "a length of time in quotes, such as \"15m\"", value);
            return None;
        };
        text.parse().map_err(|error: crate::model::NotASpan| self.mistake(key, error.to_string())).ok()
    }

    /// One of a closed list of words.
    pub fn word<T: Copy>(&mut self, key: &'static str, need: Need, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key, need)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.mistake(key, format!("must be one of {}, not {text:?}", known.join(", ")));
        }
        found
    }

    /// A name in both languages: `{ vi = "…", en = "…" }`.
    pub fn local_name(&mut self, key: &'static str, need: Need) -> Option<LocalName> {
        let mut section = self.section(key, need)?;
        let [vi, en] = ["vi", "en"].map(|language| {
            let text = section.text(language, Need::Required)?;
            if text.trim().is_empty() || text.chars().count() > 200 || text.contains(char::is_control) {
                section.mistake(language, "must have 1 to 200 characters, none of them a control character");
                return None;
            }
            Some(text.to_owned())
        });
        section.finish();
        Some(LocalName { vi: vi?, en: en? })
    }

    /// A table inside this one.
    pub fn section(&mut self, key: &'static str, need: Need) -> Option<Section<'p, 't>> {
        let value = self.value(key, need)?;
        match value.get_ref() {
            DeValue::Table(table) => Some(Section::new(self.page, self.path_of(key), value.span().start, table)),
            other => {
                self.wrong(key, "a table", other);
                None
            }
        }
    }

    /// A list of tables inside this one, written `[[key]]`; empty when absent.
    pub fn sections(&mut self, key: &'static str, need: Need) -> Vec<Section<'p, 't>> {
        let Some(value) = self.value(key, need) else { return Vec::new() };
        let expected = format!("a list of tables, each begun with [[{key}]]");
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong(key, expected, value.get_ref());
            return Vec::new();
        };
        let mut sections = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match item.get_ref() {
                DeValue::Table(table) => {
                    let path = format!("{}[{index}]", self.path_of(key));
                    sections.push(Section::new(self.page, path, item.span().start, table));
                }
                other => self.wrong(key, &expected, other),
            }
        }
        sections
    }

    /// Notes every key that nobody asked for.
    pub fn finish(self) {
        for key in self.table.keys() {
            let name: &str = key.get_ref();
            if !self.asked.contains(&name) {
                let mut known = self.asked.clone();
                known.sort_unstable();
                known.dedup();
                let message = format!("unknown key; known here: {}", known.join(", "));
                self.page.mistake(self.page.line(key.span().start), &self.path_of(name), message);
            }
        }
    }
}

/// A value as it may stand in a message: short, and never a whole table.
fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{:?}", text.chars().take(40).collect::<String>()),
        DeValue::Integer(integer) => integer.as_str().chars().take(40).collect(),
        DeValue::Float(float) => float.as_str().chars().take(40).collect(),
        DeValue::Boolean(flag) => flag.to_string(),
        other => format!("a {}", other.type_str()),
    }
}

/// TOML as JSON.
fn as_json(value: &DeValue<'_>) -> serde_json::Value {
    use serde_json::Value;

    match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Boolean(flag) => Value::from(*flag),
        DeValue::Integer(integer) if integer.radix() == 10 => {
            integer.as_str().parse::<i64>().map_or(Value::Null, Value::from)
        }
        DeValue::Integer(_) => Value::Null,
        DeValue::Float(float) => float.as_str().parse::<f64>().map_or(Value::Null, Value::from),
        DeValue::Datetime(time) => Value::from(time.to_string()),
        DeValue::Array(items) => items.iter().map(|item| as_json(item.get_ref())).collect(),
        DeValue::Table(table) => {
            table.iter().map(|(key, value)| (key.get_ref().to_string(), as_json(value.get_ref()))).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a small form from a text and compares the mistakes as `line key: start of message`.
    fn check(text: &str, expected: &[&str]) {
        let (page, table) = Page::parse("a.toml", text);
        let mut root = page.root(&table);
        for mut item in root.sections("item", Need::Optional) {
            item.text("id", Need::Required);
            item.number("size", Need::Optional);
            item.span("every", Need::Optional);
            item.flag("on");
            item.word("colour", Need::Optional, &[("red", 1), ("blue", 2)]);
            item.local_name("name", Need::Optional);
            item.words("words", Need::Optional);
            item.finish();
        }
        root.finish();
        let found: Vec<String> =
            page.into_mistakes().iter().map(|m| format!("{} {}: {}", m.line, m.key, m.message)).collect();
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found:?} does not start with {expected:?}");
        }
    }

    #[test]
    fn a_correct_file_has_no_mistakes() {
        check(
            "[[item]]\nid = \"a\"\nsize = 3\nevery = \"15m\"\non = true\ncolour = \"red\"\nname = { vi = \"Đá\", en = \"Stone\" }\nwords = { a = \"b\" }\n",
            &[],
        );
        check("", &[]);
    }

    #[test]
    fn every_mistake_is_reported_on_its_line() {
        check(
            "[[item]]\nsize = \"3\"\nevery = 15\non = 1\ncolour = \"green\"\nname = { vi = \"\" }\nextra = 1\n\n[[item]]\nid = 4\nsize = nan\nevery = \"fast\"\n",
            &[
                "1 item[0].id: is missing",
                "2 item[0].size: must be a number, not \"3\"",
                "3 item[0].every: must be a length of time in quotes",
                "4 item[0].on: must be true or false, not 1",
                "5 item[0].colour: must be one of red, blue, not \"green\"",
                "6 item[0].name.vi: must have 1 to 200 characters",
                "6 item[0].name.en: is missing",
                "7 item[0].extra: unknown key; known here: colour, every, id, name, on, size, words",
                "10 item[1].id: must be a text in quotes, not 4",
                "11 item[1].size: must be a number",
                "12 item[1].every: \"fast\" is not a length of time",
            ],
        );
        check("[[item]]\nid = \"a\"\nwords = { a = 1 }\n", &["3 item[0].words.a: must be a text in quotes, not 1"]);
        check("item = 3\nother = 1\n", &["1 item: must be a list of tables", "2 other: unknown key"]);
    }

    #[test]
    fn a_slip_in_the_syntax_hides_neither_other_slips_nor_wrong_values() {
        check(
            "[[item]]\nid = \"a\nsize = \"x\"\n[[item]]\nid = \"b\"\nid = \"c\"\nsize = \"y\"\n",
            &["2 : ", "3 item[0].size: must be a number", "6 : duplicate key", "7 item[1].size: must be a number"],
        );
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(\\PC|[\n\\[\\]{}=\",.#' a0]){0,200}") {
            let (page, table) = Page::parse("a.toml", &text);
            let mut root = page.root(&table);
            root.sections("a", Need::Required);
            root.finish();
            let lines = text.matches('\n').count() + 1;
            for mistake in page.into_mistakes() {
                prop_assert!(mistake.line <= lines);
            }
        }
    }
}
