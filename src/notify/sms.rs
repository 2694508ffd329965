//! One SMS: 160 letters of GSM 03.38 with nothing cut silently.
//!
//! Accents are removed, because one letter outside the alphabet would turn 160 letters into 70. What is too long is
//! shortened by one rule, step by step: coordinates, the way from the nearest place, the threshold and the time go
//! first; then long names end in `..`. Level and place are never dropped. The full text is kept with the delivery.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::facts::{Facts, Kind};
use super::texts::{Language, Member, Phrase, Texts, direction, distance, level, quantity};

/// Letters of one SMS (3GPP TS 23.040: 140 octets of 7 bits).
pub const LETTERS_MAX: usize = 160;
/// Letters that a name keeps at least, `..` included.
const NAME_LEAST: usize = 12;

/// The text of one SMS: at most [`LETTERS_MAX`] letters, each one septet.
pub fn text(texts: &Texts, language: Language, members: &[Member]) -> String {
    match members {
        [member] => one(texts, language, member),
        _ => digest(texts, language, members),
    }
}

/// The pieces of one message, in the order of the text; empty ones are left out.
struct Pieces {
    head: String,
    title: String,
    station: String,
    place: String,
    value: String,
    since: String,
    near: String,
    at: String,
}

impl Pieces {
    fn joined(&self) -> String {
        let place = [&self.station, &self.place].into_iter().filter(|piece| !piece.is_empty());
        let place = place.cloned().collect::<Vec<_>>().join(", ");
        let pieces = [&self.title, &place, &self.value, &self.since, &self.near, &self.at];
        let pieces: Vec<&str> = pieces.into_iter().map(String::as_str).filter(|piece| !piece.is_empty()).collect();
        format!("{}: {}", self.head, pieces.join("; "))
    }

    fn length(&self) -> usize {
        self.joined().len()
    }

    fn excess(&self) -> usize {
        self.length().saturating_sub(LETTERS_MAX)
    }
}

fn one(texts: &Texts, language: Language, Member { kind, facts }: &Member) -> String {
    let gsm = |text: &str| without_accents(text);
    let name = |name| gsm(texts.name(language, name));
    let since = texts.short_time(facts.ended_at.filter(|_| *kind == Kind::Resolved).unwrap_or(facts.started_at));
    let value = facts.value.map(|value| gsm(&quantity(language, value, &facts.unit))).unwrap_or_default();
    let limit = facts.threshold.filter(|_| !value.is_empty() && *kind != Kind::Resolved).map(|threshold| {
        let threshold = quantity(language, threshold, &facts.unit);
        format!(" ({})", gsm(&texts.phrase(language, Phrase::ShortLimit, &[("threshold", &threshold)])))
    });
    let mut pieces = Pieces {
        head: head(texts, language, *kind, facts),
        title: name(&facts.title),
        station: facts.station_name.as_ref().map(name).unwrap_or_default(),
        place: facts.places.iter().map(name).collect::<Vec<_>>().join(", "),
        value: value.clone() + &limit.unwrap_or_default(),
        since: match kind {
            Kind::Resolved => since.clone(),
            _ => gsm(&texts.phrase(language, Phrase::ShortSince, &[("since", &since)])),
        },
        near: near(texts, language, facts),
        at: facts.position.map(|at| format!("{:.4},{:.4}", at.lat, at.lon)).unwrap_or_default(),
    };
    type Step<'s> = &'s dyn Fn(&mut Pieces);
    let steps: [Step<'_>; 6] = [
        &|pieces| pieces.at.clear(),
        &|pieces| pieces.near.clear(),
        &|pieces| pieces.value = value.clone(),
        &|pieces| pieces.since = since.clone(),
        &|pieces| pieces.since.clear(),
        &|pieces| pieces.title = shortened(&pieces.title, pieces.excess()),
    ];
    for step in steps {
        if pieces.excess() == 0 {
            break;
        }
        step(&mut pieces);
    }
    if pieces.excess() > 0 {
        pieces.station = shortened(&pieces.station, pieces.excess());
    }
    if pieces.excess() > 0 {
        pieces.value.clear();
    }
    if pieces.excess() > 0 {
        pieces.place = shortened(&pieces.place, pieces.excess());
    }
    ended(pieces.joined())
}

fn head(texts: &Texts, language: Language, kind: Kind, facts: &Facts) -> String {
    let level = level(facts.severity);
    let values = [("kind", texts.kind(language, kind)), ("level", level.as_str())];
    let head = texts.phrase(language, Phrase::ShortHead, &values);
    without_accents(&format!("{head} {}", texts.colour(language, facts.severity)))
}

fn near(texts: &Texts, language: Language, facts: &Facts) -> String {
    let Some(near) = &facts.near else { return String::new() };
    let Some(direction) = direction(language, near.bearing_deg) else { return String::new() };
    let distance = distance(language, near.distance_m);
    without_accents(&format!("{distance} {direction} {}", texts.name(language, &near.name)))
}

fn digest(texts: &Texts, language: Language, members: &[Member]) -> String {
    let mut sorted: Vec<&Member> = members.iter().collect();
    sorted.sort_by_key(|member| std::cmp::Reverse(member.facts.severity));
    let Some(worst) = sorted.first() else { return String::new() };
    let (count, level_worst) = (members.len().to_string(), level(worst.facts.severity));
    let values = [("count", count.as_str()), ("level", level_worst.as_str())];
    let head = texts.phrase(language, Phrase::ShortDigest, &values);
    let mut text = without_accents(&format!("{head} {}", texts.colour(language, worst.facts.severity)));
    // Room for the count of those that are not named.
    let room = LETTERS_MAX - "; +10000000".len();
    let mut named = 0;
    for Member { kind, facts } in sorted {
        let place = facts.places.first().or(facts.station_name.as_ref());
        let place = place.map_or("", |place| texts.name(language, place));
        let title = texts.name(language, &facts.title);
        let over = if *kind == Kind::Resolved { texts.kind(language, *kind) } else { "" };
        let piece = without_accents(&format!("{over} {title}, {place}"));
        let piece = shortened(piece.trim(), piece.trim().len().saturating_sub(60));
        let lead = if named == 0 { ": " } else { "; " };
        if text.len() + lead.len() + piece.len() > room {
            break;
        }
        text = text + lead + &piece;
        named += 1;
    }
    if named < members.len() {
        let rest = (members.len() - named).to_string();
        text = text + "; " + &without_accents(&texts.phrase(language, Phrase::ShortRest, &[("count", &rest)]));
    }
    ended(text)
}

/// Shorter by `excess` letters, `..` at its end; not below [`NAME_LEAST`] letters.
fn shortened(text: &str, excess: usize) -> String {
    if excess == 0 || text.len() <= NAME_LEAST {
        return text.to_owned();
    }
    let length = text.len().saturating_sub(excess).max(NAME_LEAST);
    // One byte a letter: what is shortened has no accents.
    let kept: String = text.chars().take(length - 2).collect();
    format!("{}..", kept.trim_end())
}

/// The last resort, which shows: no phrase of the catalogue is as long.
fn ended(text: String) -> String {
    if text.len() <= LETTERS_MAX {
        return text;
    }
    text.chars().take(LETTERS_MAX - 2).chain("..".chars()).collect()
}

/// The same in letters that are in ASCII and one septet in GSM 03.38; what has no such letter becomes `?`.
pub fn without_accents(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.nfd().filter(|letter| !is_combining_mark(*letter)) {
        match letter {
            'đ' => plain.push('d'),
            'Đ' => plain.push('D'),
            '–' | '—' | '‒' | '−' | '‐' | '‑' | '~' => plain.push('-'),
            '“' | '”' | '„' | '«' | '»' => plain.push('"'),
            '‘' | '’' | '`' | '´' | '^' => plain.push('\''),
            '…' => plain.push_str(".."),
            '[' | '{' => plain.push('('),
            ']' | '}' => plain.push(')'),
            '|' | '\\' => plain.push('/'),
            '°' => {}
            'µ' | 'μ' => plain.push('u'),
            '²' => plain.push('2'),
            '³' => plain.push('3'),
            '×' => plain.push('x'),
            letter if letter.is_control() || letter.is_whitespace() => plain.push(' '),
            letter if letter.is_ascii() => plain.push(letter),
            _ => plain.push('?'),
        }
    }
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[path = "sms/tests.rs"]
mod tests;
