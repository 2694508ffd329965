//! The short notation of a series: what a channel says, one word after the other.
//!
//! ```text
//! 20            a sample, one step (`every`) after the one before; the first at the start
//! 20x6          the same six times
//! 20..60/5      a ramp: 20 30 40 50 60
//! _  _x4        nothing at that step
//! (20x3 60)x5   a group, repeated
//! @6h           go on at 6 h after the start
//! 60~2h         received 2 h after its own time
//! 60!fault      with flags of quality, several joined by '+': calibrating, fault, spike, stuck, rate, range, bad, …
//! ```
//!
//! Suffixes go together in any order (`60x3!fault~20m`). Pure; bounded by [`POINTS_MAX`] and [`LENGTH_MAX`].

use std::time::Duration;

use crate::model::{Quality, Span};

/// Samples of one series.
pub const POINTS_MAX: usize = 100_000;
/// How long a series may last.
pub const LENGTH_MAX: Duration = Duration::from_secs(400 * 86_400);
/// Groups inside groups.
const DEPTH_MAX: usize = 4;
/// Words read, repeated ones again: groups of groups of nothing end too.
const WORDS_MAX: usize = 1_000_000;

/// One sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Its own time, from the start.
    pub after: Duration,
    /// In the channel's unit.
    pub value: f64,
    /// Flags.
    pub quality: Quality,
    /// How long after its own time it is received.
    pub late: Duration,
}

/// What a channel says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// In the order in which they are written; `@` may go back.
    pub points: Vec<Point>,
    /// Where the last step ends, from the start.
    pub ends: Duration,
}

/// Reads a series; what is wrong otherwise, naming the word.
pub fn parse(text: &str, every: Duration) -> Result<Series, String> {
    let words = words(text);
    let mut rest = words.as_slice();
    let mut reader = Reader { every, cursor: Duration::ZERO, series: Series::default(), words_read: 0 };
    reader.words(&mut rest, 0)?;
    match rest.first() {
        None => Ok(reader.series),
        Some(word) => Err(format!("{word:?} closes a group that was not opened")),
    }
}

/// Words between blanks; a parenthesis is one of its own, the closing one with its `xN`.
fn words(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for piece in text.split_whitespace() {
        let mut piece = piece;
        while let Some(place) = piece.find(['(', ')']) {
            if place > 0 {
                found.push(&piece[..place]);
            }
            let end = match &piece[place..=place] {
                "(" => place + 1,
                _ => piece[place + 1..].find(['(', ')']).map_or(piece.len(), |next| place + 1 + next),
            };
            found.push(&piece[place..end]);
            piece = &piece[end..];
        }
        if !piece.is_empty() {
            found.push(piece);
        }
    }
    found
}

struct Reader {
    every: Duration,
    cursor: Duration,
    series: Series,
    words_read: usize,
}

impl Reader {
    /// Reads up to the end, or to the parenthesis that closes this group.
    fn words(&mut self, rest: &mut &[&str], depth: usize) -> Result<(), String> {
        while let Some((word, after)) = rest.split_first() {
            if word.starts_with(')') {
                return Ok(());
            }
            *rest = after;
            self.read_one()?;
            if *word == "(" { self.group(rest, depth)? } else { self.word(word)? }
        }
        Ok(())
    }

    fn group(&mut self, rest: &mut &[&str], depth: usize) -> Result<(), String> {
        if depth == DEPTH_MAX {
            return Err(format!("groups stand in groups more than {DEPTH_MAX} deep"));
        }
        let inside = *rest;
        self.words(rest, depth + 1)?;
        let Some((closing, after)) = rest.split_first() else { return Err("a group is not closed".to_owned()) };
        let times = match closing.strip_prefix(')').unwrap_or_default() {
            "" => 1,
            suffix => count(suffix.strip_prefix('x').unwrap_or_default(), closing)?,
        };
        *rest = after;
        for _ in 1..times {
            self.read_one()?;
            let mut again = inside;
            self.words(&mut again, depth + 1)?;
        }
        Ok(())
    }

    fn read_one(&mut self) -> Result<(), String> {
        self.words_read += 1;
        if self.words_read > WORDS_MAX { Err(format!("repeats more than {WORDS_MAX} words")) } else { Ok(()) }
    }

    fn word(&mut self, word: &str) -> Result<(), String> {
        if let Some(place) = word.strip_prefix('@') {
            self.cursor = span(place, word)?;
            return self.check_length();
        }
        let end = word.find(['x', '~', '!']).unwrap_or(word.len());
        let (base, mut suffixes) = word.split_at(end);
        let (mut times, mut late, mut quality) = (None, Duration::ZERO, Quality::GOOD);
        while let Some(mark) = suffixes.chars().next() {
            let body = &suffixes[1..];
            let end = body.find(['x', '~', '!']).unwrap_or(body.len());
            let (body, after) = body.split_at(end);
            match mark {
                'x' => times = Some(count(body, word)?),
                '~' => late = span(body, word)?,
                _ => quality = quality.with(flags(body, word)?),
            }
            suffixes = after;
        }
        if base == "_" {
            return self.pass(times.unwrap_or(1));
        }
        for value in values(base, times, word)? {
            if self.series.points.len() == POINTS_MAX {
                return Err(format!("a series has at most {POINTS_MAX} samples"));
            }
            self.series.points.push(Point { after: self.cursor, value, quality, late });
            self.pass(1)?;
        }
        Ok(())
    }

    fn pass(&mut self, steps: usize) -> Result<(), String> {
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        self.cursor = self.cursor.saturating_add(self.every.saturating_mul(steps));
        self.check_length()
    }

    fn check_length(&mut self) -> Result<(), String> {
        if self.cursor > LENGTH_MAX {
            return Err(format!("a series lasts at most {}", Span::from(LENGTH_MAX)));
        }
        self.series.ends = self.series.ends.max(self.cursor);
        Ok(())
    }
}

/// The values of a word without its suffixes.
fn values(base: &str, times: Option<usize>, word: &str) -> Result<Vec<f64>, String> {
    let Some((from, to)) = base.split_once("..") else {
        return Ok(vec![number(base, word)?; times.unwrap_or(1)]);
    };
    let steps = to.split_once('/').ok_or_else(|| format!("{word:?}: a ramp says its samples, such as 20..60/5"))?;
    let (from, to, samples) = (number(from, word)?, number(steps.0, word)?, count(steps.1, word)?);
    if times.is_some() || samples < 2 {
        return Err(format!("{word:?}: a ramp has two samples or more, and is repeated as a group: (20..60/5)x3"));
    }
    let step = (to - from) / (samples - 1) as f64;
    let value = |place: usize| if place + 1 == samples { to } else { from + step * place as f64 };
    Ok((0..samples).map(value).collect())
}

fn number(text: &str, word: &str) -> Result<f64, String> {
    let number: Option<f64> = text.parse().ok();
    number.filter(|number| number.is_finite()).ok_or_else(|| {
        format!("{:?} is no sample: write 20, 20x6, 20..60/5, _, (…)x3, @6h, with ~2h or !fault behind", cut(word))
    })
}

fn count(text: &str, word: &str) -> Result<usize, String> {
    let count: Option<usize> = text.parse().ok().filter(|count| (1..=POINTS_MAX).contains(count));
    count.ok_or_else(|| format!("{:?}: how often must be 1 to {POINTS_MAX}", cut(word)))
}

fn span(text: &str, word: &str) -> Result<Duration, String> {
    text.parse().map(Span::duration).map_err(|error| format!("{:?}: {error}", cut(word)))
}

fn flags(text: &str, word: &str) -> Result<Quality, String> {
    let mut quality = Quality::GOOD;
    for name in text.split('+') {
        let found = Quality::WORDS.iter().find(|(_, known)| *known == name);
        let unknown = || {
            let known: Vec<&str> = Quality::WORDS.iter().map(|(_, word)| *word).collect();
            format!("{:?}: {name:?} is no flag; known: {}", cut(word), known.join(", "))
        };
        quality = quality.with(found.ok_or_else(unknown)?.0);
    }
    Ok(quality)
}

fn cut(word: &str) -> String {
    word.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    /// `after in s=value` of every point, with its flags and delay.
    #[track_caller]
    fn check(text: &str, expected: &str) {
        let series = parse(text, MINUTE).unwrap();
        let show = |point: &Point| {
            let flags = if point.quality == Quality::GOOD { "" } else { point.quality.word() };
            let late = if point.late.is_zero() { String::new() } else { format!("~{}", point.late.as_secs()) };
            format!("{}={}{late}{flags}", point.after.as_secs(), point.value)
        };
        let found: Vec<String> = series.points.iter().map(show).collect();
        assert_eq!(format!("{} to {}", found.join(" "), series.ends.as_secs()), expected);
    }

    #[test]
    fn the_notation_is_what_it_says() {
        check("20", "0=20 to 60");
        check("20x3 -1.5", "0=20 60=20 120=20 180=-1.5 to 240");
        check("20..60/5", "0=20 60=30 120=40 180=50 240=60 to 300");
        check("1 _ 2 _x2 3 _", "0=1 120=2 300=3 to 420");
        check("(1 2)x2 (3)", "0=1 60=2 120=1 180=2 240=3 to 300");
        check("((1)x2 _)x2", "0=1 60=1 180=1 240=1 to 360");
        check("1 @1h 2", "0=1 3600=2 to 3660");
        check("60~2h 1!fault 2x2!stuck~5m", "0=60~7200 60=1fault 120=2~300stuck 180=2~300stuck to 240");
        check("1e3 0.5", "0=1000 60=0.5 to 120");
        check("", " to 0");
    }

    #[test]
    fn what_is_wrong_names_the_word() {
        let check = |text: &str, expected: &str| {
            let found = parse(text, MINUTE).unwrap_err();
            assert!(found.contains(expected), "{text}: {found:?} does not say {expected:?}");
        };
        check("20 abc", "\"abc\" is no sample");
        check("nan", "\"nan\" is no sample");
        check("20x0", "\"20x0\": how often must be 1 to");
        check("20x1000000000", "how often must be 1 to");
        check("(20x100000)x2", "at most 100000 samples");
        check("@500d 1", "lasts at most 400d");
        check("20~soon", "\"20~soon\": \"soon\" is not a length of time");
        check("20!odd", "\"odd\" is no flag; known: bad, fault");
        check("20..60", "a ramp says its samples");
        check("20..60/1", "two samples or more");
        check("(1 2", "a group is not closed");
        check("1 )x2", "\")x2\" closes a group");
        check("(((((1)))))", "more than 4 deep");
        check("(1)y", "how often");
        check("(((_x1000)x1000)x1000)", "lasts at most");
        check("(((()x100000)x100000)x100000)", "repeats more than");
    }

    proptest! {
        #[test]
        fn no_text_panics_and_every_series_is_bounded(text in "[-0-9.x_~!()@/hms a-f]{0,40}") {
            if let Ok(series) = parse(&text, MINUTE) {
                prop_assert!(series.points.len() <= POINTS_MAX);
                prop_assert!(series.ends <= LENGTH_MAX);
            }
        }
    }
}
