//! A text file line by line, each with its number and the offset behind it, none longer than a bound.
//!
//! Lines that belong together (a quoted text with line ends in it) are joined, up to a bound; when the quote never
//! ends, its first line stands alone and the others are read for themselves. A byte-order mark is taken away.
//! What is beyond the bound of a line is skipped: the line says so.

use std::collections::VecDeque;
use std::io::{self, BufRead};

use crate::decode::{csv_row, line_protocol};

/// The longest line, and the longest of joined lines, in bytes.
pub(super) const LINE_BYTES_MAX: usize = 256 * 1024;
/// How much of a longer one is kept.
const KEPT_BYTES: usize = 1_024;
/// Most lines that are joined.
const JOINED_LINES_MAX: usize = 64;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// One line without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Counted from 1; of joined lines the first.
    pub(super) number: u64,
    /// Where the next one begins.
    pub(super) end: Position,
    pub(super) bytes: Vec<u8>,
    /// It was longer than [`LINE_BYTES_MAX`]; the rest is not here.
    pub(super) is_cut: bool,
}

/// A place between lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// Bytes before it.
    pub(super) offset: u64,
    /// Lines before it.
    pub(super) lines: u64,
}

/// Which lines belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joined {
    Never,
    /// CSV with this separator.
    Quotes(u8),
    /// Line protocol.
    Texts,
}

impl Joined {
    fn is_open(self, line: &[u8]) -> bool {
        match self {
            Joined::Never => false,
            Joined::Quotes(separator) => csv_row::is_open(line, separator),
            Joined::Texts => line_protocol::is_open(line),
        }
    }
}

/// A reader of lines.
pub(super) struct Lines {
    reader: Box<dyn BufRead>,
    at: Position,
    given: Position,
    joined: Joined,
    /// Read already, because an earlier line seemed to go on.
    pending: VecDeque<Line>,
}

impl Lines {
    /// Reads from a place that is `at` in its file.
    pub(super) fn new(reader: Box<dyn BufRead>, at: Position, joined: Joined) -> Self {
        Self { reader, at, given: at, joined, pending: VecDeque::new() }
    }

    /// Behind the last line that was given out.
    pub(super) fn given(&self) -> Position {
        self.given
    }

    /// The next line, joined with those that belong to it.
    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        let line = self.whole()?;
        if let Some(line) = &line {
            self.given = line.end;
        }
        Ok(line)
    }

    fn whole(&mut self) -> io::Result<Option<Line>> {
        let Some(first) = self.single()? else { return Ok(None) };
        if first.is_cut || !self.joined.is_open(&first.bytes) {
            return Ok(Some(first));
        }
        let mut whole = first.clone();
        let mut more = Vec::new();
        while more.len() < JOINED_LINES_MAX
            && let Some(next) = self.single()?
        {
            whole.bytes.push(b'\n');
            whole.bytes.extend_from_slice(&next.bytes);
            whole.end = next.end;
            let is_hopeless = next.is_cut || whole.bytes.len() > LINE_BYTES_MAX;
            more.push(next);
            if is_hopeless {
                break;
            }
            if !self.joined.is_open(&whole.bytes) {
                return Ok(Some(whole));
            }
        }
        for line in more.into_iter().rev() {
            self.pending.push_front(line);
        }
        Ok(Some(first))
    }

    fn single(&mut self) -> io::Result<Option<Line>> {
        match self.pending.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.read(),
        }
    }

    fn read(&mut self) -> io::Result<Option<Line>> {
        let mut bytes = Vec::new();
        let (mut is_cut, mut read_bytes) = (false, 0_u64);
        loop {
            let buffer = match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                buffer => buffer?,
            };
            if buffer.is_empty() {
                break;
            }
            let end = memchr::memchr(b'\n', buffer);
            let taken = end.map_or(buffer.len(), |at| at + 1);
            if !is_cut {
                bytes.extend_from_slice(&buffer[..end.unwrap_or(taken)]);
            }
            if bytes.len() > LINE_BYTES_MAX {
                is_cut = true;
                bytes.truncate(KEPT_BYTES);
            }
            self.reader.consume(taken);
            read_bytes += taken as u64;
            if end.is_some() {
                break;
            }
        }
        if read_bytes == 0 {
            return Ok(None);
        }
        if self.at.offset == 0 && bytes.starts_with(BYTE_ORDER_MARK) {
            bytes.drain(..BYTE_ORDER_MARK.len());
        }
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        self.at = Position { offset: self.at.offset + read_bytes, lines: self.at.lines + 1 };
        Ok(Some(Line { number: self.at.lines, end: self.at, bytes, is_cut }))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Cursor};

    use proptest::prelude::*;

    use super::*;

    fn lines(text: &[u8], joined: Joined) -> Vec<Line> {
        let reader = BufReader::with_capacity(7, Cursor::new(text.to_vec()));
        let mut lines = Lines::new(Box::new(reader), Position::default(), joined);
        std::iter::from_fn(|| lines.next().unwrap()).collect()
    }

    fn check(text: &str, joined: Joined, expected: &[(u64, &str)]) {
        let found = lines(text.as_bytes(), joined);
        let found: Vec<(u64, &str)> =
            found.iter().map(|line| (line.number, std::str::from_utf8(&line.bytes).unwrap())).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn lines_end_in_any_way() {
        check("", Joined::Never, &[]);
        check("a", Joined::Never, &[(1, "a")]);
        check("a\nb\r\n\nc", Joined::Never, &[(1, "a"), (2, "b"), (3, ""), (4, "c")]);
        check("\u{feff}a\n\u{feff}b", Joined::Never, &[(1, "a"), (2, "\u{feff}b")]);
    }

    #[test]
    fn quoted_line_ends_are_part_of_their_record() {
        let quotes = Joined::Quotes(b',');
        check("a,\"b\nc\",d\ne\n", quotes, &[(1, "a,\"b\nc\",d"), (3, "e")]);
        check("a,\"b\nc\nd", quotes, &[(1, "a,\"b"), (2, "c"), (3, "d")]);
        check("m f=\"a\nb\" 1\nm f=2\n", Joined::Texts, &[(1, "m f=\"a\nb\" 1"), (3, "m f=2")]);
        let many = format!("\"{}", "\n".repeat(200));
        assert_eq!(lines(many.as_bytes(), quotes).len(), 200, "an end that never comes costs one line");
    }

    #[test]
    fn an_endless_line_is_cut_and_the_next_is_whole() {
        let text = format!("{}\nb\n", "x".repeat(LINE_BYTES_MAX + 1));
        let found = lines(text.as_bytes(), Joined::Never);
        assert_eq!((found[0].is_cut, found[0].bytes.len()), (true, KEPT_BYTES));
        assert_eq!((found[1].number, found[1].bytes.as_slice(), found[1].is_cut), (2, b"b".as_slice(), false));
    }

    proptest! {
        #[test]
        fn positions_lie_where_reading_can_go_on(text in "[a\",\n]{0,60}", quoted in any::<bool>()) {
            let joined = if quoted { Joined::Quotes(b',') } else { Joined::Never };
            let all = lines(text.as_bytes(), joined);
            for (place, line) in all.iter().enumerate() {
                let rest = Cursor::new(text.as_bytes()[line.end.offset as usize..].to_vec());
                let mut reader = Lines::new(Box::new(rest), line.end, joined);
                let rest: Vec<Line> = std::iter::from_fn(|| reader.next().unwrap()).collect();
                prop_assert_eq!(rest.as_slice(), &all[place + 1..]);
            }
        }
    }
}
