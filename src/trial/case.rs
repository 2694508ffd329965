//! One test of rules: a small world, what its channels say, and what must happen. Run by the same engine as live.

use std::time::Duration;

use super::bench::Bench;
use super::file::ticks;
use super::verdict::{Line, compare};
use crate::alerts::Rules;
use crate::model::{AlertState, Catalogue, Cause, Policy, Sample, Severity, Span, Subject, Timestamp, Transition};

/// Transitions shown of one test; more than so many make it fail by themselves.
const FOUND_MAX: usize = 1_000;

/// A test that is ready to be run.
#[derive(Clone, Debug)]
pub struct Case {
    /// The file.
    pub file: String,
    /// Where it begins there.
    pub line: usize,
    /// What to call it.
    pub name: String,
    /// The rules on trial, and no others.
    pub rules: Rules,
    /// Its stations, and no others.
    pub(super) catalogue: Catalogue,
    /// When it begins.
    pub(super) start: Timestamp,
    /// When its last tick is.
    pub(super) end: Timestamp,
    /// Time between ticks.
    pub(super) tick: Duration,
    /// What is received when, in that order.
    pub(super) samples: Vec<(Timestamp, Sample)>,
    /// Everything that must happen, in order.
    pub(super) expected: Vec<Expected>,
}

/// A transition that must come; a part that is `None` may be anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    /// The line in the file.
    pub line: usize,
    pub at: Timestamp,
    pub state: AlertState,
    pub severity: Severity,
    pub cause: Option<Cause>,
    pub subject: Option<String>,
    pub rule: Option<String>,
}

/// A transition that came.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    at: Timestamp,
    state: AlertState,
    severity: Severity,
    cause: Cause,
    subject: String,
    rule: String,
    raised: bool,
}

/// What became of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The file.
    pub file: String,
    /// The test's line.
    pub line: usize,
    /// The test's name.
    pub name: String,
    /// The names of its rules.
    pub rules: Vec<String>,
    /// Of those, the ones that raised an alert.
    pub raised: Vec<String>,
    /// Every transition, expected or come, in order.
    pub lines: Vec<Line>,
}

impl Outcome {
    /// Whether everything expected came, and nothing else.
    pub fn passed(&self) -> bool {
        self.lines.iter().all(Line::is_same)
    }
}

impl Case {
    /// How often it is looked at what the passing of time brings about.
    pub(super) fn ticks(&self) -> u128 {
        ticks(self.start, self.end, self.tick)
    }

    /// Runs it.
    pub fn run(&self) -> Outcome {
        let mut bench =
            Bench::new(self.catalogue.clone(), &Policy::default(), self.rules.clone(), self.start, self.tick);
        let mut received = self.samples.as_slice();
        while let Some((at, _)) = received.first() {
            let (at, count) = (*at, received.iter().take_while(|(other, _)| other == at).count());
            let (together, later) = received.split_at(count);
            bench.hear(at, together.iter().map(|(_, sample)| *sample).collect());
            received = later;
        }
        bench.end_at(self.end);
        let transitions = bench.take();
        let found: Vec<Found> =
            transitions.iter().take(FOUND_MAX).map(|transition| found(transition, bench.catalogue())).collect();
        let mut raised: Vec<String> =
            found.iter().filter(|found| found.raised).map(|found| found.rule.clone()).collect();
        raised.sort();
        raised.dedup();
        Outcome {
            file: self.file.clone(),
            line: self.line,
            name: self.name.clone(),
            rules: self.rules.list().iter().map(|rule| rule.name.clone()).collect(),
            raised,
            lines: self.compare(&found, transitions.len()),
        }
    }

    fn compare(&self, found: &[Found], count: usize) -> Vec<Line> {
        let fits = |expected: &Expected, found: &Found| {
            let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
            (expected.at, expected.state, expected.severity) == (found.at, found.state, found.severity)
                && expected.cause.is_none_or(|cause| cause == found.cause)
                && is(&expected.subject, &found.subject)
                && is(&expected.rule, &found.rule)
        };
        // What nobody asked about is told where there is more than one of it.
        let several = (self.catalogue.stations().len() > 1, self.rules.list().len() > 1);
        let of = |subject: Option<&str>| subject.map_or(String::new(), |subject| format!(" of {subject}"));
        let by = |rule: Option<&str>| rule.map_or(String::new(), |rule| format!(" by {rule}"));
        let show_expected = |one: &Expected| {
            let cause = one.cause.map_or(String::new(), |cause| format!(" {}", cause.word()));
            let (of, by) = (of(one.subject.as_deref()), by(one.rule.as_deref()));
            format!("{} {} {}{cause}{of}{by}", self.shown(one.at), one.state.word(), one.severity.word())
        };
        let show_found = |one: &Found| {
            let (of, by) = (of(several.0.then_some(&one.subject)), by(several.1.then_some(&one.rule)));
            let (state, severity, cause) = (one.state.word(), one.severity.word(), one.cause.word());
            format!("{} {state} {severity} {cause}{of}{by}", self.shown(one.at))
        };
        let mut lines = compare(&self.expected, found, fits, (show_expected, show_found));
        if count > found.len() {
            lines.push(Line::Unexpected(format!("and {} more", count - found.len())));
        }
        lines
    }

    /// An instant as tests write it: the time since the start.
    fn shown(&self, at: Timestamp) -> String {
        if at < self.start {
            return format!("-{}", Span::from(self.start.since(at)));
        }
        Span::from(at.since(self.start)).to_string()
    }
}

fn found(transition: &Transition, catalogue: &Catalogue) -> Found {
    let alert = &transition.alert;
    let cause = alert.timeline.last().map_or(Cause::Value, |moment| moment.cause);
    let (at, state, severity) = (alert.changed_at, alert.state, alert.severity);
    let raised = transition.from.is_none();
    Found { at, state, severity, cause, subject: name_of(&alert.subject, catalogue), rule: alert.rule.clone(), raised }
}

/// The station's name, or the area's code for what is about a whole area.
pub(super) fn name_of(subject: &Subject, catalogue: &Catalogue) -> String {
    match subject {
        Subject::Channel { station, .. } => {
            catalogue.station(*station).map_or_else(|| station.to_string(), |station| station.id.to_string())
        }
        Subject::Area { area, .. } => area.to_string(),
    }
}
