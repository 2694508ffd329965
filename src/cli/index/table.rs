//! A CSV in memory: columns by name, numbers with every mistake on its line, results as new columns.

use csv::{ReaderBuilder, WriterBuilder};

/// Mistakes told before the rest is only counted.
const MISTAKES_MAX: usize = 20;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Which column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Column(usize);

/// What a number may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// Anything finite.
    Any,
    /// 0 or more.
    NotNegative,
    /// 0 to 100.
    Percent,
}

struct Row {
    line: u64,
    cells: Vec<String>,
}

/// Counts lines as records come: the reader's own count is that of where it began to look, before blank lines.
struct Lines<'t> {
    bytes: &'t [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of a record, from 1.
    fn of(&mut self, position: Option<&csv::Position>) -> u64 {
        let begun = position.and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or(self.at);
        while let Some(byte) = self.bytes.get(self.at)
            && (self.at < begun || matches!(byte, b'\r' | b'\n'))
        {
            self.line += u64::from(*byte == b'\n');
            self.at += 1;
        }
        self.line
    }
}

/// A table with the mistakes found in it.
pub(super) struct Table {
    file: String,
    delimiter: u8,
    header: Vec<String>,
    rows: Vec<Row>,
    mistakes: Vec<String>,
    mistakes_count: usize,
}

impl Table {
    /// Reads all of it. Lines without anything on them are left out.
    pub(super) fn read(file: &str, bytes: &[u8]) -> Result<Table, Vec<String>> {
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let line = 1 + bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
            vec![format!("{file}:{line}: is not UTF-8 text from here on")]
        })?;
        let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
        let delimiter = [b',', b';', b'\t'].into_iter().find(|sign| first.as_bytes().contains(sign)).unwrap_or(b',');
        let mut reader =
            ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(text.as_bytes());
        let mut table = Table {
            file: file.to_owned(),
            delimiter,
            header: Vec::new(),
            rows: Vec::new(),
            mistakes: Vec::new(),
            mistakes_count: 0,
        };
        let mut lines = Lines { bytes: text.as_bytes(), at: 0, line: 1 };
        for record in reader.records() {
            match record {
                Ok(record) => table.take(lines.of(record.position()), &record),
                Err(error) => table.mistake(lines.of(error.position()), None, &error.to_string()),
            }
        }
        if table.header.is_empty() {
            table.mistake(1, None, "there is no header row");
        }
        Ok(table)
    }

    fn take(&mut self, line: u64, record: &csv::StringRecord) {
        let mut cells: Vec<String> = record.iter().map(str::to_owned).collect();
        if cells.len() == 1 && cells[0].trim().is_empty() {
            return;
        }
        if self.header.is_empty() {
            self.header = cells.iter().map(|cell| cell.trim().to_owned()).collect();
            return;
        }
        if cells.len() > self.header.len() {
            let extra = cells.drain(self.header.len()..).any(|cell| !cell.trim().is_empty());
            if extra {
                self.mistake(line, None, &format!("has more cells than the header, which has {}", self.header.len()));
            }
        }
        cells.resize(self.header.len(), String::new());
        self.rows.push(Row { line, cells });
    }

    /// Notes a mistake.
    pub(super) fn mistake(&mut self, line: u64, column: Option<Column>, message: &str) {
        self.mistakes_count += 1;
        if self.mistakes.len() < MISTAKES_MAX {
            let column = column.map_or_else(String::new, |column| format!(" column {}:", self.header[column.0]));
            self.mistakes.push(format!("{}:{line}:{column} {message}", self.file));
        }
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// A row's line in the file, from 1.
    pub(super) fn line(&self, row: usize) -> u64 {
        self.rows[row].line
    }

    /// A column by any of its names; `None` when it is not there.
    pub(super) fn find(&mut self, names: &[&str]) -> Option<Column> {
        let is_named = |head: &String| names.iter().any(|name| head.eq_ignore_ascii_case(name));
        let mut found = self.header.iter().enumerate().filter(|(_, head)| is_named(head)).map(|(place, _)| place);
        let (first, second) = (found.next(), found.next());
        if let Some(second) = second {
            self.mistake(1, Some(Column(second)), "is a second column of this meaning: which one counts?");
        }
        first.map(Column)
    }

    /// The same; its absence is a mistake.
    pub(super) fn need(&mut self, names: &[&str]) -> Option<Column> {
        let found = self.find(names);
        if found.is_none() && !self.header.is_empty() {
            let heads = self.header.join(", ");
            self.mistake(1, None, &format!("column {} is missing; there are {heads}", names.join(" or ")));
        }
        found
    }

    /// A cell without the blanks around it.
    pub(super) fn text(&self, row: usize, column: Column) -> &str {
        self.rows[row].cells[column.0].trim()
    }

    /// A cell's number; `None` when it is missing, or wrong and noted.
    pub(super) fn number(&mut self, row: usize, column: Column, sign: Sign) -> Option<f64> {
        let text = self.text(row, column);
        if is_missing(text) {
            return None;
        }
        let wrong = match text.parse::<f64>() {
            Err(_) => format!("{text:?} is not a number"),
            Ok(number) if !number.is_finite() => format!("{text:?} is not a finite number"),
            Ok(number) if sign == Sign::NotNegative && number < 0.0 => format!("{text} must not be negative"),
            Ok(number) if sign == Sign::Percent && !(0.0..=100.0).contains(&number) => {
                format!("{text} is outside 0 to 100")
            }
            Ok(number) => return Some(number),
        };
        let line = self.line(row);
        self.mistake(line, Some(column), &wrong);
        None
    }

    /// The numbers of several columns in a row; `None` when one is missing.
    pub(super) fn numbers<const N: usize>(&mut self, row: usize, columns: [(Column, Sign); N]) -> Option<[f64; N]> {
        let found = columns.map(|(column, sign)| self.number(row, column, sign));
        found.iter().all(Option::is_some).then(|| found.map(Option::unwrap_or_default))
    }

    /// Puts a result column: in the place of one of its name, or behind the rest. One cell for each row.
    pub(super) fn put(&mut self, name: &str, cells: Vec<String>) {
        let place = self.header.iter().position(|head| head == name).unwrap_or_else(|| {
            self.header.push(name.to_owned());
            self.header.len() - 1
        });
        for (row, cell) in self.rows.iter_mut().zip(cells) {
            row.cells.resize(row.cells.len().max(place + 1), String::new());
            row.cells[place] = cell;
        }
    }

    /// The CSV, or every mistake.
    pub(super) fn into_text(mut self) -> Result<String, Vec<String>> {
        if self.mistakes_count > 0 {
            let more = self.mistakes_count - self.mistakes.len();
            if more > 0 {
                self.mistakes.push(format!("{}: and {more} more mistakes", self.file));
            }
            return Err(self.mistakes);
        }
        let failed = |error: &dyn std::fmt::Display| vec![format!("{}: cannot be written: {error}", self.file)];
        let mut writer = WriterBuilder::new().delimiter(self.delimiter).from_writer(Vec::new());
        writer.write_record(&self.header).map_err(|error| failed(&error))?;
        for row in &self.rows {
            writer.write_record(&row.cells).map_err(|error| failed(&error))?;
        }
        let bytes = writer.into_inner().map_err(|error| failed(&error))?;
        String::from_utf8(bytes).map_err(|error| failed(&error))
    }
}

fn is_missing(text: &str) -> bool {
    text.is_empty() || text.eq_ignore_ascii_case("na") || text.eq_ignore_ascii_case("nan")
}

/// A number with so many decimals, never "-0".
pub(super) fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let is_zero = text.bytes().all(|byte| matches!(byte, b'-' | b'0' | b'.'));
    if is_zero { text.trim_start_matches('-').to_owned() } else { text }
}

/// The same; blank when there is none.
pub(super) fn fixed_or_blank(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(String::new, |value| fixed(value, decimals))
}
