//! Test files: TOML with one `[[test]]` for each, as short as what it says.
//!
//! ```toml
//! [[test]]
//! name = "dust that stays"                 # optional: what to call it when it fails
//! rule = "pm2-5-high"                      # the rule on trial, or a list; no others are in force
//! every = "5m"                             # between two steps of a series
//! series = { pm2_5 = "20x3 60x4 20x5" }    # by PROPERTY or STATION/PROPERTY; the words are in series.rs
//! expect = [                               # everything that happens: since the start, state, severity;
//!     "25m active low",                    # and, if it matters, the cause, "of STATION" and "by RULE"
//!     "50m cleared low",
//! ]
//! # all optional:
//! start = "2026-11-21T00:00:00+07:00"      # this is the default
//! until = "2h"                             # time passes so long; by default until the last series ends
//! tick = "10s"                             # between two looks at what the passing of time brings about
//! station = "WX-01"                        # where a series without a station belongs; by default the rule's first
//!                                          # station, else one called TRIAL
//! kind = "air"                             # of stations that are not registered; by default the rule's first
//! area = "03388"                           # of these; a table { STATION = "03388" } for several
//! units = { pm2_5 = "mg/m3" }              # of their channels; by default as registered, as known, or the rule's
//! interval = "10m"                         # of these; by default `every`
//! link = "cellular"                        # of these; by default wired
//! ```
//!
//! A station of the registry is taken as it is, with its channels' units and intervals. Every mistake of a file is
//! told in one run. Tests run by [`super::Case::run`].

use std::collections::BTreeMap;
use std::time::Duration;

use super::case::{Case, Expected};
use super::ground::Ground;
use super::series::{self, Series};
use crate::alerts::{Rules, rules::Rule};
use crate::document::{Need, Page, Section};
use crate::model::{
    AlertState, Arrival, Catalogue, Cause, LinkClass, Mistake, Reading, RuleFile, Sample, Severity, Span, StationKind,
    Status, TICK_GAP, Timestamp, Unit,
};
use crate::validate;

/// When a test begins that does not say: a midnight in Lai Châu.
const START: Timestamp = Timestamp::from_seconds(1_795_194_000);
const TICK: Duration = Duration::from_secs(10);
/// Ticks in one test, and in all tests of a file.
const TICKS_MAX: u128 = 1_000_000;
const FILE_TICKS_MAX: u128 = 5_000_000;
/// Samples in one test, all series together, and in all tests of a file.
const SAMPLES_MAX: usize = 200_000;
const FILE_SAMPLES_MAX: usize = 1_000_000;
/// Tests in one file, and transitions that one may expect.
const TESTS_MAX: usize = 1_000;

const STATES: [(&str, AlertState); 5] = [
    ("active", AlertState::Active),
    ("recovering", AlertState::Recovering),
    ("unknown", AlertState::Unknown),
    ("latched", AlertState::Latched),
    ("cleared", AlertState::Cleared),
];

const CAUSES: [Cause; 6] =
    [Cause::Value, Cause::Silence, Cause::Return, Cause::Flapping, Cause::Settled, Cause::Calendar];

/// Reads a file of tests: all of them, or every mistake. `rules` are the ones that may be tried, `catalogue` what is
/// registered.
pub fn read(file: &RuleFile, rules: &Rules, catalogue: &Catalogue) -> Result<Vec<Case>, Vec<Mistake>> {
    let (page, table) = Page::parse(&file.name, &file.text);
    let mut root = page.root(&table);
    root.texts("rules");
    let mut sections = root.sections("test", Need::Required);
    if sections.len() > TESTS_MAX {
        root.mistake("test", format!("a file has at most {TESTS_MAX} tests"));
        sections.truncate(TESTS_MAX);
    }
    let mut cases: Vec<Case> = Vec::new();
    let (mut ticks, mut samples) = (0, 0);
    for mut section in sections {
        let case = test(&mut section, &file.name, rules, catalogue);
        ticks += case.as_ref().map_or(0, Case::ticks);
        samples += case.as_ref().map_or(0, |case| case.samples.len());
        if ticks > FILE_TICKS_MAX || samples > FILE_SAMPLES_MAX {
            section.mistake("", "the tests of this file take too long together: from here on into another file");
            break;
        }
        cases.extend(case);
        section.finish();
    }
    root.finish();
    let mistakes = page.into_mistakes();
    if mistakes.is_empty() { Ok(cases) } else { Err(mistakes) }
}

/// The rule files that a test file names, relative to its own folder; none when it names none.
pub fn named_rules(file: &RuleFile) -> Vec<String> {
    let (page, table) = Page::parse(&file.name, &file.text);
    let mut root = page.root(&table);
    root.texts("rules").into_iter().map(ToOwned::to_owned).collect()
}

/// What is tried, in `Rules` of their own.
struct Tried {
    rules: Vec<Rule>,
}

fn test(section: &mut Section<'_, '_>, file: &str, rules: &Rules, catalogue: &Catalogue) -> Option<Case> {
    let name = section.text("name", Need::Optional);
    let tried = tried(section, rules);
    let start = start(section);
    let every = section.span("every", Need::Required).map(Span::duration).filter(|every| !every.is_zero());
    if section.has("every") && every.is_none() {
        section.mistake("every", "must be a length of time of more than 0s");
    }
    let tick = section.span("tick", Need::Optional).map_or(TICK, Span::duration);
    let is_tick = (Duration::from_millis(100)..=TICK_GAP).contains(&tick);
    if !is_tick {
        section.mistake("tick", format!("must be 100ms to {}", Span::from(TICK_GAP)));
    }
    let until = section.span("until", Need::Optional).map(Span::duration).unwrap_or_default();
    let series = read_series(section, every.unwrap_or(TICK));
    let ground = invented(section, tried.as_ref(), every, catalogue);
    let expected = expected(section, start.unwrap_or(START));
    let (tried, start, ground, expected) = (tried?, start?, ground?, expected?);
    let series = series.filter(|_| is_tick)?;
    let ground = ground.with(series.keys().map(String::as_str));
    let small = ground.catalogue().map_err(|message| section.mistake("series", message)).ok()?;
    let samples = samples(section, &ground, &small, &series, start)?;
    let ends = series.values().map(|series| start + series.ends).chain([start + until]).max();
    let end = ends.max(samples.last().map(|(at, _)| *at)).unwrap_or(start);
    if ticks(start, end, tick) > TICKS_MAX {
        section.mistake("tick", format!("more than {TICKS_MAX} ticks: take a longer tick or a shorter test"));
        return None;
    }
    let rules = tried.in_force(section, &small)?;
    let line = section.line();
    let name = name.map_or_else(|| format!("test at line {line}"), ToOwned::to_owned);
    Some(Case { file: file.to_owned(), line, name, rules, catalogue: small, start, end, tick, samples, expected })
}

pub(super) fn ticks(start: Timestamp, end: Timestamp, tick: Duration) -> u128 {
    end.since(start).as_micros() / tick.as_micros().max(1)
}

fn tried(section: &mut Section<'_, '_>, rules: &Rules) -> Option<Tried> {
    let names = section.texts("rule");
    if names.is_empty() {
        section.mistake("rule", "must name the rule on trial");
        return None;
    }
    let mut found = Vec::new();
    for name in &names {
        match rules.named(name) {
            Some(rule) => found.push(rule.clone()),
            None => {
                let known: Vec<&str> = rules.list().iter().map(|rule| rule.name.as_str()).take(20).collect();
                section.mistake("rule", format!("there is no rule {name:?}; known: {}", known.join(", ")));
            }
        }
    }
    (found.len() == names.len()).then_some(Tried { rules: found })
}

impl Tried {
    /// The rules as they are in force on the test's stations.
    fn in_force(self, section: &Section<'_, '_>, small: &Catalogue) -> Option<Rules> {
        let watches = |rule: &Rule| {
            let covers = |station| {
                let channels = small.channels().iter();
                channels
                    .filter(|channel| channel.station == station)
                    .any(|channel| small.station(station).is_some_and(|station| rule.covers(small, station, channel)))
            };
            small.stations().iter().any(|station| covers(station.no))
        };
        for rule in &self.rules {
            if !watches(rule) {
                let message =
                    format!("{} watches none of the test's stations: see its kind, area, stations", rule.name);
                section.mistake("series", message);
                return None;
            }
        }
        Some(Rules::of(self.rules))
    }
}

fn start(section: &mut Section<'_, '_>) -> Option<Timestamp> {
    let Some(text) = section.text("start", Need::Optional) else { return Some(START) };
    let start = Timestamp::parse(text);
    if start.is_none() {
        section.mistake("start", format!("{text:?} is not a time such as 2026-11-21T08:00:00+07:00"));
    }
    start
}

fn read_series(section: &mut Section<'_, '_>, every: Duration) -> Option<BTreeMap<String, Series>> {
    let texts = section.words("series", Need::Required)?;
    let mut found = BTreeMap::new();
    let count = texts.len();
    for (name, text) in texts {
        let property = name.rsplit_once('/').map_or(name.as_str(), |(_, property)| property);
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if property.is_empty() || !property.chars().all(letters) {
            let message = "is not PROPERTY or STATION/PROPERTY, such as pm2_5 or WX-01/rainfall";
            section.mistake_on(section.line_in("series", &name), &format!("series.{name}"), message);
            continue;
        }
        match series::parse(&text, every) {
            Ok(series) => drop(found.insert(name, series)),
            Err(message) => {
                section.mistake_on(section.line_in("series", &name), &format!("series.{name}"), message);
            }
        }
    }
    if count == 0 {
        section.mistake("series", "must say what at least one channel says");
        return None;
    }
    let points: usize = found.values().map(|series| series.points.len()).sum();
    if points > SAMPLES_MAX {
        section.mistake("series", format!("a test has at most {SAMPLES_MAX} samples"));
        return None;
    }
    (found.len() == count).then_some(found)
}

/// Stations as the test wants them.
fn invented<'c>(
    section: &mut Section<'_, '_>,
    tried: Option<&Tried>,
    every: Option<Duration>,
    catalogue: &'c Catalogue,
) -> Option<Ground<'c>> {
    const LINKS: [(&str, LinkClass); 3] =
        [("wired", LinkClass::Wired), ("cellular", LinkClass::Cellular), ("lorawan", LinkClass::Lorawan)];
    let first = tried.and_then(|tried| tried.rules.first());
    let mut ground = Ground::new(catalogue, first, every.unwrap_or(TICK));
    if let Some(station) = section.text("station", Need::Optional) {
        ground.station = station.to_owned();
    }
    let kinds = StationKind::ALL.map(|kind| (kind.word(), kind));
    ground.kind = section.word("kind", Need::Optional, &kinds).unwrap_or(ground.kind);
    ground.link = section.word("link", Need::Optional, &LINKS).unwrap_or(LinkClass::Wired);
    if let Some(interval) = section.span("interval", Need::Optional) {
        ground.interval = interval.duration();
    }
    if section.is_table("area") {
        ground.areas = section.words("area", Need::Optional)?;
    } else if let Some(area) = section.text("area", Need::Optional) {
        ground.area = Some(area.into());
    }
    let mut whole = !ground.interval.is_zero();
    for code in ground.areas.values().map(String::as_str).chain(ground.area.as_ref().map(|area| area.as_str())) {
        if catalogue.area(&code.into()).is_none() {
            section.mistake("area", format!("there is no area {code:?} in the registry"));
            whole = false;
        }
    }
    for (property, code) in section.words("units", Need::Optional).unwrap_or_default() {
        match Unit::parse(&code) {
            Some(unit) => drop(ground.units.insert(property, unit)),
            None => {
                section.mistake("units", format!("{code:?} is not a known unit: use a UCUM code such as Cel, mm"));
                whole = false;
            }
        }
    }
    whole.then_some(ground)
}

/// What is received, in the order of receipt; judged as everything that arrives is.
fn samples(
    section: &Section<'_, '_>,
    ground: &Ground<'_>,
    small: &Catalogue,
    series: &BTreeMap<String, Series>,
    start: Timestamp,
) -> Option<Vec<(Timestamp, Sample)>> {
    let config = validate::Config::default();
    let mut samples = Vec::new();
    let mut whole = true;
    for (name, series) in series {
        let (station, property) = ground.place(name);
        for point in &series.points {
            let observed_at = start + point.after;
            let reading = Reading {
                station: station.into(),
                property: property.into(),
                time: Some(observed_at),
                value: point.value,
                unit: None,
                status: Status::Measuring,
            };
            let received_at = observed_at + point.late;
            let found = small.station_named(station);
            match validate::check(&config, small, found, &reading, received_at, Arrival::Fresh) {
                Ok(sample) => {
                    samples.push((received_at, Sample { quality: sample.quality.with(point.quality), ..sample }))
                }
                Err(refused) => {
                    let message = format!("{} would be refused: {}", point.value, refused.detail);
                    section.mistake_on(section.line_in("series", name), &format!("series.{name}"), message);
                    whole = false;
                    break;
                }
            }
        }
    }
    samples.sort_by_key(|(received_at, sample)| (*received_at, sample.observed_at, sample.channel));
    whole.then_some(samples)
}

fn expected(section: &mut Section<'_, '_>, start: Timestamp) -> Option<Vec<Expected>> {
    let lines = section.lines("expect", Need::Required);
    if lines.len() > TESTS_MAX {
        section.mistake("expect", format!("a test expects at most {TESTS_MAX} transitions"));
        return None;
    }
    let count = lines.len();
    let mut found = Vec::with_capacity(count);
    for (line, text) in lines {
        match transition(line, text, start) {
            Ok(expected) => found.push(expected),
            Err(message) => section.mistake_on(line, "expect", message),
        }
    }
    (found.len() == count && section.has("expect")).then_some(found)
}

/// `25m active low [value] [of STATION] [by RULE]`
fn transition(line: usize, text: &str, start: Timestamp) -> Result<Expected, String> {
    let mut words = text.split_whitespace();
    let mut next = |what: &str| words.next().ok_or_else(|| format!("{text:?} does not say {what}: 25m active low"));
    let at = next("when")?;
    let at = match (at.parse::<Span>(), Timestamp::parse(at)) {
        (Ok(after), _) => start + after.duration(),
        (_, Some(at)) => at,
        _ => return Err(format!("{at:?} is neither a time since the start, such as 25m, nor a time")),
    };
    let state = one_of(next("which state")?, STATES.into_iter())?;
    let severity = one_of(next("how severe")?, Severity::ALL.into_iter().map(|one| (one.word(), one)))?;
    let (mut cause, mut subject, mut rule) = (None, None, None);
    while let Some(word) = words.next() {
        match word {
            "of" => subject = Some(words.next().ok_or("after \"of\" stands a station or an area")?.to_owned()),
            "by" => rule = Some(words.next().ok_or("after \"by\" stands a rule")?.to_owned()),
            word => cause = Some(one_of(word, CAUSES.into_iter().map(|one| (one.word(), one)))?),
        }
    }
    Ok(Expected { line, at, state, severity, cause, subject, rule })
}

fn one_of<T>(text: &str, words: impl Iterator<Item = (&'static str, T)>) -> Result<T, String> {
    let mut known = Vec::new();
    for (word, meaning) in words {
        if word == text {
            return Ok(meaning);
        }
        known.push(word);
    }
    Err(format!("{text:?} must be one of {}", known.join(", ")))
}
