//! Mapped CSV (RFC 4180, any one-byte separator): a header, and below it a row for each moment.
//!
//! To the walker a table is a list of maps whose keys are the header's, so that a device, a time, a name or a unit of a
//! row belongs to the row's values alone. An empty cell is no value. Left out: times in two columns.

use std::borrow::Cow;

use super::layout::Layout;
use super::observed::Heard;
use super::tokens::{Open, Token, Tokens};
use super::walk::walk;
use super::written::{self, Decimal};
use super::{Limits, csv_row, reject, sink};
use crate::model::{Reason, Rejection};

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    /// Between fields, ASCII.
    pub(super) separator: u8,
    pub(super) decimal: Decimal,
}

/// Most lines that a quoted field may reach over.
const JOINED_LINES_MAX: usize = 64;

/// Reads one message into `out`. On an error nothing of the message is there.
pub(super) fn decode<'a>(
    layout: &'a Layout,
    form: Form,
    payload: &'a [u8],
    limits: &Limits,
    out: &mut Heard<'a>,
) -> Result<(), Rejection> {
    let text = sink::text(payload, limits)?;
    let rest = text.trim_start_matches('\u{feff}');
    let mut table = Table { form, rest, header: Vec::new(), cells: Vec::new(), at: At::Start };
    walk(&mut table, layout, limits, out).map(|_| ())
}

/// The pointer to the cells of a column.
pub(super) fn pointer(column: &str) -> String {
    format!("/*/{}", column.replace('~', "~0").replace('/', "~1"))
}

/// What the walker asks for next.
enum At {
    Start,
    Row,
    Cell(usize),
}

struct Table<'a> {
    form: Form,
    rest: &'a str,
    header: Vec<Cow<'a, str>>,
    cells: Vec<Cow<'a, str>>,
    at: At,
}

impl<'a> Table<'a> {
    /// Reads the next record that is not empty into the cells; whether there was one.
    fn record(&mut self) -> Result<bool, Rejection> {
        loop {
            if self.rest.is_empty() {
                return Ok(false);
            }
            let bytes = self.rest.as_bytes();
            let mut ends = memchr::memchr_iter(b'\n', bytes).chain([bytes.len()]).take(JOINED_LINES_MAX);
            let end = ends
                .find(|end| !csv_row::is_open(&bytes[..*end], self.form.separator))
                .ok_or_else(|| reject(Reason::WrongShape, "a quoted field without an end"))?;
            let record = self.rest[..end].trim_end_matches('\r');
            self.rest = self.rest.get(end + 1..).unwrap_or_default();
            if !record.trim().is_empty() {
                self.cells.clear();
                csv_row::fields(record, self.form.separator, &mut self.cells)?;
                return Ok(true);
            }
        }
    }

    /// A cell; a decimal comma becomes a point where the cell is a number.
    fn cell(&mut self, place: usize) -> Token<'a> {
        let cell = std::mem::take(&mut self.cells[place]);
        if cell.is_empty() {
            return Token::Null;
        }
        let is_comma = self.form.decimal == Decimal::Comma && cell.contains(',');
        if is_comma && written::number(&cell, Decimal::Comma).is_ok() {
            return Token::Text(Cow::Owned(cell.replace(',', ".")));
        }
        Token::Text(cell)
    }
}

impl<'a> Tokens<'a> for Table<'a> {
    fn value(&mut self) -> Result<Token<'a>, Rejection> {
        match self.at {
            At::Start => {
                if !self.record()? {
                    return Err(reject(Reason::NoReadings, "the table has no header"));
                }
                std::mem::swap(&mut self.header, &mut self.cells);
                Ok(Token::List(Open::default()))
            }
            At::Row => Ok(Token::Map(Open::default())),
            At::Cell(place) => Ok(self.cell(place)),
        }
    }

    fn key(&mut self, map: &mut Open) -> Result<Option<Cow<'a, str>>, Rejection> {
        if map.taken == self.cells.len() {
            return Ok(None);
        }
        let key = self.header.get(map.taken).ok_or_else(|| {
            let detail = format!("{} fields below a header of {}", self.cells.len(), self.header.len());
            reject(Reason::WrongShape, detail)
        })?;
        self.at = At::Cell(map.taken);
        map.taken += 1;
        Ok(Some(key.clone()))
    }

    fn item(&mut self, list: &mut Open) -> Result<bool, Rejection> {
        self.at = At::Row;
        list.taken += 1;
        self.record()
    }

    fn end(&mut self) -> Result<(), Rejection> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::super::layout::{Role, Unlisted};
    use super::super::samples::told;
    use super::super::time_form::TimeForm;
    use super::*;

    fn check(form: Form, text: &str, expected: &str) {
        let zone = TimeZone::get("Asia/Ho_Chi_Minh").unwrap();
        let mut layout = Layout::new(Unlisted::Reject);
        let time = TimeForm::parse("%d/%m/%Y %H:%M", &zone).unwrap();
        layout.put(&pointer("ngày giờ"), Role::Time(time)).unwrap();
        layout.put(&pointer("trạm"), Role::Device).unwrap();
        layout.put(&pointer("t, \"F\"/~"), Role::Value("t".into())).unwrap();
        let mut heard = Heard::default();
        let result = decode(&layout, form, text.as_bytes(), &Limits::default(), &mut heard);
        assert_eq!(told(result, &heard), expected, "{text}");
    }

    #[test]
    fn each_row_has_its_own_device_and_time() {
        let comma = Form { separator: b',', decimal: Decimal::Point };
        check(
            comma,
            "\u{feff}trạm,ngày giờ,\"t, \"\"F\"\"/~\"\r\nSìn Hồ,21/11/2026 10:15,68\r\n\n\"a\nb\",21/11/2026 10:20,-1.5",
            "Sìn Hồ|t = 68 @2026-11-21T03:15:00Z\na\nb|t = -1.5 @2026-11-21T03:20:00Z",
        );
        let semicolon = Form { separator: b';', decimal: Decimal::Comma };
        check(semicolon, "trạm;\"t, \"\"F\"\"/~\"\na;68,5\nb;\nc;1.5,2", "a|t = 68.5\nc|t is \"1.5,2\"");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let comma = Form { separator: b',', decimal: Decimal::Point };
        check(comma, "trạm,x\na,1", "unknown_property");
        check(comma, "trạm,ngày giờ,x\na,21/13/2026 10:15,1", "invalid_time");
        check(comma, "trạm\na,1", "all wrong_shape");
        check(comma, "trạm\n\"a", "all wrong_shape");
        check(comma, "trạm", "all no_readings");
        check(comma, " \n", "all no_readings");
        check(comma, "", "all empty_payload");
    }
}
