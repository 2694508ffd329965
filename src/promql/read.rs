//! Selectors: which series, which instants, and the samples of each.
//!
//! A window slides over one series' samples while they are read, once. Where instants lie further apart than windows
//! are long, only what is in the windows is read.

use std::time::Duration;

use super::query::{At, Matcher, Selector, Test};
use super::window::{Point, RangeFunction, Window};
use super::{Instants, Labels, Line, NAME, PromqlError, Series, VISITS_MAX, WINDOW_MAX, World};
use crate::model::Timestamp;

/// Samples that the beginning of a read costs beside its own.
const READ_COST: u64 = 32;
/// A label that stands for a rule, not for a series.
const QUALITY: &str = "__quality__";
/// Samples between looks whether anybody still waits.
const LOOK_EVERY: u64 = 65_536;

/// What of a query has been spent.
#[derive(Debug, Default)]
pub(super) struct Spent {
    /// Samples, as estimated before they are read.
    pub reads: u64,
    /// Samples looked at by functions.
    pub visits: u64,
}

/// A selector, looked through.
pub(super) struct Selection<'q> {
    all_of: Vec<&'q Matcher>,
    name: Option<&'q str>,
    takes_all_qualities: bool,
}

impl<'q> Selection<'q> {
    pub(super) fn of(selector: &'q Selector) -> Result<Self, PromqlError> {
        let mut takes_all_qualities = false;
        for matcher in selector.matchers.iter().filter(|matcher| matcher.label == QUALITY) {
            takes_all_qualities = match &matcher.test {
                Test::Equal(word) if word == "all" => true,
                Test::Equal(word) if word == "good" => false,
                _ => {
                    let why = "__quality__ takes =\"good\" (the default) or =\"all\"";
                    return Err(PromqlError::BadData(why.to_owned()));
                }
            };
        }
        let all_of: Vec<&Matcher> = selector.matchers.iter().filter(|matcher| matcher.label != QUALITY).collect();
        if selector.name.is_none() && all_of.iter().all(|matcher| matcher.takes("")) {
            let why = "a selector names a metric or has a matcher that does not fit everything";
            return Err(PromqlError::BadData(why.to_owned()));
        }
        Ok(Self { all_of, name: selector.name.as_deref(), takes_all_qualities })
    }

    pub(super) fn of_series<'s>(&self, series: &'s [Series]) -> Vec<&'s Series> {
        series.iter().filter(|series| self.takes(&series.labels)).collect()
    }

    fn takes(&self, labels: &Labels) -> bool {
        self.name.is_none_or(|name| labels.get(NAME) == name)
            && self.all_of.iter().all(|matcher| matcher.takes(labels.get(&matcher.label)))
    }
}

/// The instants at which a selector looks, for each of the query's; one for all when it is pinned by `@`.
struct Looks {
    at: Vec<Timestamp>,
    copies: usize,
}

fn looks(selector: &Selector, instants: &Instants) -> Looks {
    let shifted = |at: Timestamp| Timestamp::from_micros(at.micros().saturating_sub(selector.offset_micros));
    let pinned = selector.at.map(|at| match at {
        At::Start => instants.at(0),
        At::End => instants.last(),
        At::Time(at) => at,
    });
    match pinned {
        Some(at) => Looks { at: vec![shifted(at)], copies: instants.count() },
        None => Looks { at: instants.iter().map(shifted).collect(), copies: 1 },
    }
}

/// How long a window is.
#[derive(Clone, Copy)]
enum Length {
    /// As long as a sample of the series counts as present.
    Present,
    Range(Duration),
}

/// The newest value at each instant.
pub(super) fn newest(
    world: &World<'_>,
    selector: &Selector,
    instants: &Instants,
    spent: &mut Spent,
) -> Result<Vec<Line>, PromqlError> {
    lines(world, selector, instants, spent, (Length::Present, RangeFunction::Last))
}

/// A function over a range before each instant.
pub(super) fn over_range(
    world: &World<'_>,
    (selector, range): (&Selector, Duration),
    function: RangeFunction,
    instants: &Instants,
    spent: &mut Spent,
) -> Result<Vec<Line>, PromqlError> {
    lines(world, selector, instants, spent, (Length::Range(range), function))
}

fn lines(
    world: &World<'_>,
    selector: &Selector,
    instants: &Instants,
    spent: &mut Spent,
    (length, function): (Length, RangeFunction),
) -> Result<Vec<Line>, PromqlError> {
    let selection = Selection::of(selector)?;
    let series = selection.of_series(world.series);
    let looks = looks(selector, instants);
    let length_of = |series: &Series| match length {
        Length::Present => series.present_for,
        Length::Range(range) => range,
    };
    let cost: u64 =
        series.iter().map(|series| plan(series, &looks.at, length_of(series)).1).fold(0, u64::saturating_add);
    spend(world, spent, cost)?;
    let mut lines = Vec::new();
    for series in series {
        world.goes_on()?;
        let mut slide = Slide {
            series,
            length: length_of(series),
            function,
            takes_all_qualities: selection.takes_all_qualities,
            points: Vec::new(),
            first: 0,
        };
        let values = slide.values(world, &looks.at, spent)?;
        if values.iter().any(Option::is_some) {
            let values = if looks.copies > 1 { vec![values[0]; looks.copies] } else { values };
            let labels = if function.keeps_name() { series.labels.clone() } else { series.labels.without_name() };
            lines.push(Line { labels, values });
        }
    }
    Ok(lines)
}

fn spend(world: &World<'_>, spent: &mut Spent, cost: u64) -> Result<(), PromqlError> {
    spent.reads = spent.reads.saturating_add(cost);
    if spent.reads <= world.limits.samples_max {
        return Ok(());
    }
    Err(PromqlError::Execution(format!(
        "about {} samples would be read for that, and {} can be at once: select fewer series, or ask for a shorter time \
         or range",
        spent.reads, world.limits.samples_max
    )))
}

/// Whether a series is read at one go, and about how many samples that takes.
fn plan(series: &Series, looks: &[Timestamp], length: Duration) -> (bool, u64) {
    let in_a = |duration: Duration| {
        u64::try_from(duration.as_micros() / series.interval.as_micros().max(1)).unwrap_or(u64::MAX)
    };
    let span = match (looks.first(), looks.last()) {
        (Some(first), Some(last)) => last.since(*first).saturating_add(length),
        _ => Duration::ZERO,
    };
    let whole = in_a(span).saturating_add(READ_COST);
    let apart = (looks.len() as u64).saturating_mul(in_a(length).saturating_add(READ_COST));
    if whole <= apart { (true, whole) } else { (false, apart) }
}

/// A window that slides over one series.
struct Slide<'a> {
    series: &'a Series,
    length: Duration,
    function: RangeFunction,
    takes_all_qualities: bool,
    /// Those before `first` have left the window.
    points: Vec<Point>,
    first: usize,
}

impl Slide<'_> {
    fn values(
        &mut self,
        world: &World<'_>,
        looks: &[Timestamp],
        spent: &mut Spent,
    ) -> Result<Vec<Option<f64>>, PromqlError> {
        let (at_one_go, _) = plan(self.series, looks, self.length);
        let mut values = Vec::with_capacity(looks.len());
        let pieces = if at_one_go { looks.len().max(1) } else { 1 };
        for looks in looks.chunks(pieces) {
            let (Some(first), Some(last)) = (looks.first(), looks.last()) else { continue };
            self.points.clear();
            self.first = 0;
            self.slide(world, (*first - self.length, *last), looks, &mut values, spent)?;
        }
        Ok(values)
    }

    /// Reads what lies after the first time up to the second, and looks at each instant when everything up to it is
    /// there.
    fn slide(
        &mut self,
        world: &World<'_>,
        (from, to): (Timestamp, Timestamp),
        looks: &[Timestamp],
        values: &mut Vec<Option<f64>>,
        spent: &mut Spent,
    ) -> Result<(), PromqlError> {
        const ONE: Duration = Duration::from_micros(1);
        let mut looks = looks.iter().copied().peekable();
        let mut read = 0u64;
        for sample in world.store.range(self.series.channel, from + ONE, to + ONE) {
            let sample = sample?;
            read += 1;
            if read.is_multiple_of(LOOK_EVERY) {
                world.goes_on()?;
            }
            while let Some(look) = looks.next_if(|look| *look < sample.observed_at) {
                values.push(self.look(look, spent)?);
            }
            if self.takes_all_qualities || sample.quality.is_good() {
                self.points.push(Point { at: sample.observed_at, value: sample.value });
                if self.points.len() - self.first > WINDOW_MAX {
                    let why = format!("a range holds more than {WINDOW_MAX} samples: ask for a shorter one");
                    return Err(PromqlError::Execution(why));
                }
            }
        }
        for look in looks {
            values.push(self.look(look, spent)?);
        }
        Ok(())
    }

    fn look(&mut self, at: Timestamp, spent: &mut Spent) -> Result<Option<f64>, PromqlError> {
        let from = at - self.length;
        let gone = self.points[self.first..].partition_point(|point| point.at <= from);
        self.first += gone;
        if self.first > 4_096 && self.first * 2 > self.points.len() {
            self.points.drain(..self.first);
            self.first = 0;
        }
        let points = &self.points[self.first..];
        if !self.function.keeps_name() {
            spent.visits = spent.visits.saturating_add(points.len() as u64);
            if spent.visits > VISITS_MAX {
                let why = "the ranges of that overlap too much: ask for a longer `step` or a shorter range";
                return Err(PromqlError::Execution(why.to_owned()));
            }
        }
        Ok(self.function.of(Window { points, from, to: at }))
    }
}

/// The samples of a range before one instant, as they are.
pub(super) fn samples(
    world: &World<'_>,
    (selector, range): (&Selector, Duration),
    instants: &Instants,
    (spent, points_max): (&mut Spent, usize),
) -> Result<Vec<(Labels, Vec<Point>)>, PromqlError> {
    const ONE: Duration = Duration::from_micros(1);
    let selection = Selection::of(selector)?;
    let series = selection.of_series(world.series);
    let looks = looks(selector, instants);
    let Some(at) = looks.at.first().copied() else { return Ok(Vec::new()) };
    let cost = series.iter().map(|series| plan(series, &looks.at, range).1).fold(0, u64::saturating_add);
    spend(world, spent, cost)?;
    let (mut found, mut count) = (Vec::new(), 0);
    for series in series {
        world.goes_on()?;
        let mut points = Vec::new();
        for sample in world.store.range(series.channel, at - range + ONE, at + ONE) {
            let sample = sample?;
            if selection.takes_all_qualities || sample.quality.is_good() {
                points.push(Point { at: sample.observed_at, value: sample.value });
            }
            if count + points.len() > points_max {
                let why = format!("that makes more than {points_max} points: ask for less at once");
                return Err(PromqlError::Execution(why));
            }
        }
        count += points.len();
        if !points.is_empty() {
            found.push((series.labels.clone(), points));
        }
    }
    Ok(found)
}
