//! Observations out of the store: narrowed before anything is read, read forwards or backwards in pieces, and never
//! more of them than one answer may cost.
//!
//! Order: series by series in time, or by time over all series (ties by the channel's number). A page may end before
//! `$top` when enough was read: its `@iot.nextLink` goes on behind the last sample that was looked at, so that all pages
//! together give each observation once. Invariant: no part of the store is held between pieces.

use std::collections::VecDeque;
use std::time::Duration;

use super::list::{is_wanted, refused};
use super::rows::Row;
use super::scene::{Line, RowFacts, Scene, Spent};
use crate::api::problem::{Code, Problem};
use crate::history::EARLIEST;
use crate::model::Timestamp;
use crate::sensorthings::{Direction, Expr, Facts, Operator, Options, Order, Refused, SkipToken, Value};
use crate::store::{StoredSample, Tier};

/// Series whose samples are put in order of time together, at most.
const TOGETHER_MAX: usize = 2_000;
/// Samples that are put in another order than that of time, at most: all of them are held for it.
const SORTED_MAX: usize = 200_000;
/// One microsecond, the finest step of time.
const STEP: Duration = Duration::from_micros(1);

/// What is asked of the observations of some series.
pub(super) struct Question<'a, 'o> {
    lines: Vec<Line<'a>>,
    filter: Option<&'o Expr>,
    /// By time over all series; series by series when `None`.
    direction: Option<Direction>,
    /// Whether the order is one of the two above.
    pub is_in_time: bool,
    /// Whether the filter says nothing that the lines do not say already.
    is_plain: bool,
}

/// The lines that a filter leaves, and whether it says no more.
fn narrowed<'a>(scene: &'a Scene, lines: Vec<Line<'a>>, filter: &Expr) -> Result<(Vec<Line<'a>>, bool), Problem> {
    let (mut lines, mut is_plain) = (lines, true);
    for part in filter.conjuncts() {
        if let Some((from, to)) = stretch(part, scene.now).map_err(refused("$filter"))? {
            lines = lines.into_iter().map(|line| line.within(from, to)).collect();
        } else if let Some(id) = wanted_id(part) {
            lines = lines.into_iter().filter_map(|line| of_id(line, id)).collect();
        } else if !part.paths().is_empty()
            && part.paths().iter().all(|path| path.first().is_some_and(|first| first == "Datastream"))
        {
            let mut kept = Vec::new();
            for line in lines {
                let facts = OfDatastream(RowFacts { scene, row: Row::Datastream(line.station, line.channel) });
                if part.holds(&facts, scene.now).map_err(refused("$filter"))? {
                    kept.push(line);
                }
            }
            lines = kept;
        } else {
            is_plain = false;
        }
    }
    lines.retain(|line| line.from < line.to);
    Ok((lines, is_plain))
}

/// A Datastream seen from its observations.
struct OfDatastream<'a>(RowFacts<'a>);

impl Facts for OfDatastream<'_> {
    fn value(&self, path: &[String]) -> Result<Value, Refused> {
        self.0.value(path.get(1..).unwrap_or_default())
    }
}

/// Without an entity: for what is the same for all.
struct Nothing;

impl Facts for Nothing {
    fn value(&self, _: &[String]) -> Result<Value, Refused> {
        Ok(Value::Null)
    }
}

/// The stretch of time that a comparison of the time with something fixed leaves; `None` for anything else.
#[expect(clippy::type_complexity, reason = "two ends of a stretch, each of which may be open")]
fn stretch(part: &Expr, now: Timestamp) -> Result<Option<(Option<Timestamp>, Option<Timestamp>)>, Refused> {
    let Expr::Between(operator, one, other) = part else { return Ok(None) };
    let is_time = |expr: &Expr| matches!(expr, Expr::Path(path) if matches!(path.as_slice(), [name] if name == "phenomenonTime" || name == "resultTime"));
    let (operator, fixed) = match (is_time(one), is_time(other)) {
        (true, false) => (*operator, other),
        (false, true) => (turned(*operator), one),
        _ => return Ok(None),
    };
    if !fixed.paths().is_empty() {
        return Ok(None);
    }
    let Some((at, end)) = fixed.value(&Nothing, now)?.ends() else { return Ok(None) };
    if at != end {
        return Ok(None);
    }
    Ok(match operator {
        Operator::Eq => Some((Some(at), Some(at + STEP))),
        Operator::Gt => Some((Some(at + STEP), None)),
        Operator::Ge => Some((Some(at), None)),
        Operator::Lt => Some((None, Some(at))),
        Operator::Le => Some((None, Some(at + STEP))),
        _ => None,
    })
}

/// The operator with its sides exchanged.
fn turned(operator: Operator) -> Operator {
    match operator {
        Operator::Gt => Operator::Lt,
        Operator::Ge => Operator::Le,
        Operator::Lt => Operator::Gt,
        Operator::Le => Operator::Ge,
        other => other,
    }
}

/// The identifier that an observation must have.
fn wanted_id(part: &Expr) -> Option<&str> {
    let Expr::Between(Operator::Eq, one, other) = part else { return None };
    match (one.as_ref(), other.as_ref()) {
        (Expr::Path(path), Expr::Literal(Value::Text(id))) | (Expr::Literal(Value::Text(id)), Expr::Path(path)) if matches!(path.as_slice(), [name] if name == "@iot.id") => {
            Some(id)
        }
        _ => None,
    }
}

fn of_id<'a>(line: Line<'a>, id: &str) -> Option<Line<'a>> {
    let (name, micros) = id.rsplit_once(':')?;
    let (station, property) = name.rsplit_once(':')?;
    let is_its = line.station.id.as_str() == station && line.channel.property.as_str() == property;
    let at = Timestamp::from_micros(micros.parse().ok()?);
    is_its.then(|| line.within(Some(at), Some(at + STEP)))
}

impl<'a, 'o> Question<'a, 'o> {
    /// What is asked, narrowed to the series and times that can answer.
    pub fn of(scene: &'a Scene, lines: Vec<Line<'a>>, options: &'o Options) -> Result<Self, Problem> {
        let filter = options.filter.as_ref();
        let kept = |line: Line<'a>| line.within(scene.store().kept_since(line.channel.id).samples, None);
        let lines: Vec<Line<'a>> = lines.into_iter().map(kept).collect();
        let (lines, is_plain) = match filter {
            None => (lines, true),
            Some(filter) => narrowed(scene, lines, filter)?,
        };
        let (direction, is_in_time) = match options.order.as_slice() {
            [] => (None, true),
            [order] if is_of_time(order, lines.len()) => (Some(order.direction), true),
            _ => (None, false),
        };
        if direction.is_some() && lines.len() > TOGETHER_MAX {
            let why = format!(
                "{} series would be put in order of time together, and {TOGETHER_MAX} can be: ask for the Observations of \
                 one Datastream, or filter by Datastream/@iot.id",
                lines.len()
            );
            return Err(Problem::new(Code::TooCostly, why));
        }
        Ok(Self { lines, filter, direction, is_in_time, is_plain })
    }

    /// How many there are.
    pub fn count(&self, scene: &Scene) -> Result<u64, Problem> {
        let mut count = 0;
        for line in &self.lines {
            count += match self.is_plain && scene.store().keeps_tallies() {
                true => tallied(scene, line).map_err(|stop| stop.problem())?,
                false => {
                    let mut found = 0;
                    let mut reader = Reader::new(*line, Direction::Ascending, usize::MAX, scene);
                    while let Some(sample) = reader.take(scene).map_err(Stop::problem)? {
                        let row = Row::Observation(line.station, line.channel, sample);
                        found += u64::from(is_wanted(scene, row, self.filter)?);
                    }
                    found
                }
            };
        }
        Ok(count)
    }

    /// Every one, when its order is none of time.
    pub fn all(&self, scene: &'a Scene) -> Result<Vec<Row<'a>>, Problem> {
        let mut rows = Vec::new();
        for line in &self.lines {
            let mut reader = Reader::new(*line, Direction::Ascending, usize::MAX, scene);
            while let Some(sample) = reader.take(scene).map_err(Stop::problem)? {
                let row = Row::Observation(line.station, line.channel, sample);
                if is_wanted(scene, row, self.filter)? {
                    if rows.len() == SORTED_MAX {
                        return Err(Stop::Spent.problem());
                    }
                    rows.push(row);
                }
            }
        }
        Ok(rows)
    }

    /// A page, and the place where the next one begins.
    pub fn page(&self, scene: &'a Scene, options: &Options) -> Result<(Vec<Row<'a>>, Option<SkipToken>), Problem> {
        let most = options.most(crate::sensorthings::Set::Observations);
        if most == 0 {
            return Ok((Vec::new(), None));
        }
        let mut readers = self.readers(scene, options.skip_token, most.saturating_add(options.skip));
        let (mut rows, mut skip, mut last, mut sent) = (Vec::new(), options.skip, None, None);
        loop {
            let (row, token) = match self.following(scene, &mut readers) {
                Ok(None) => return Ok((rows, None)),
                Ok(Some(found)) => found,
                // What was read so far is a page; the next one goes on behind it.
                Err(Stop::Spent) if last.is_some() && skip == 0 => return Ok((rows, last)),
                Err(stop) => return Err(stop.problem()),
            };
            if is_wanted(scene, row, self.filter)? {
                if skip > 0 {
                    skip -= 1;
                } else if rows.len() == most {
                    return Ok((rows, sent));
                } else {
                    rows.push(row);
                    sent = Some(token);
                }
            }
            last = Some(token);
        }
    }

    /// One reader a series, set behind the place where the page before ended.
    fn readers(&self, scene: &Scene, after: Option<SkipToken>, first: usize) -> VecDeque<Reader<'a>> {
        let direction = self.direction.unwrap_or(Direction::Ascending);
        let behind = |line: &Line<'a>| {
            let Some(token) = after else { return Some(*line) };
            let (at, number) = (Timestamp::from_micros(token.micros), line.channel.id.0);
            let is_later = number > token.channel;
            match self.direction {
                None if number < token.channel => None,
                None if is_later => Some(*line),
                None => Some(line.within(Some(at + STEP), None)),
                Some(Direction::Ascending) => Some(line.within(Some(if is_later { at } else { at + STEP }), None)),
                Some(Direction::Descending) => Some(line.within(None, Some(if is_later { at + STEP } else { at }))),
            }
        };
        // Of several series put together each gives a few at first.
        let piece = if self.direction.is_some() && self.lines.len() > 1 { first.min(64) } else { first };
        self.lines
            .iter()
            .filter_map(behind)
            .map(|line| Reader::new(line, direction, piece.saturating_add(1), scene))
            .collect()
    }

    /// The next sample in the order asked for.
    fn following(
        &self,
        scene: &Scene,
        readers: &mut VecDeque<Reader<'a>>,
    ) -> Result<Option<(Row<'a>, SkipToken)>, Stop> {
        let found = match self.direction {
            None => loop {
                let Some(reader) = readers.front_mut() else { break None };
                match reader.take(scene)? {
                    Some(sample) => break Some((reader.line, sample)),
                    None => drop(readers.pop_front()),
                }
            },
            Some(direction) => {
                let mut best: Option<(usize, Timestamp)> = None;
                for (place, reader) in readers.iter_mut().enumerate() {
                    let Some(sample) = reader.peek(scene)? else { continue };
                    let at = sample.observed_at;
                    let is_before = |other: Timestamp| match direction {
                        Direction::Ascending => at < other,
                        Direction::Descending => at > other,
                    };
                    if best.is_none_or(|(_, other)| is_before(other)) {
                        best = Some((place, at));
                    }
                }
                match best.and_then(|(place, _)| readers.get_mut(place)) {
                    Some(reader) => reader.take(scene)?.map(|sample| (reader.line, sample)),
                    None => None,
                }
            }
        };
        Ok(found.map(|(line, sample)| {
            let token = SkipToken { channel: line.channel.id.0, micros: sample.observed_at.micros() };
            (Row::Observation(line.station, line.channel, sample), token)
        }))
    }
}

/// Whether an order is that of time: of one series identifiers have it too.
fn is_of_time(order: &Order, series: usize) -> bool {
    let Expr::Path(path) = &order.by else { return false };
    match path.as_slice() {
        [name] if name == "phenomenonTime" || name == "resultTime" => true,
        [name] => name == "@iot.id" && series <= 1,
        _ => false,
    }
}

/// Whole hours by their tallies, what is around them by the samples.
fn tallied(scene: &Scene, line: &Line<'_>) -> Result<u64, Stop> {
    let newest = scene.newest(line.channel).map_or(line.from, |newest| newest + STEP);
    let (from, to) = (line.from, line.to.min(newest));
    if from >= to {
        return Ok(0);
    }
    let hour = Tier::Hour.micros();
    let first = Timestamp::from_micros(
        from.micros().div_euclid(hour) * hour + if from.micros().rem_euclid(hour) == 0 { 0 } else { hour },
    );
    let last = Timestamp::from_micros(to.micros().div_euclid(hour) * hour);
    let of_samples = |from: Timestamp, to: Timestamp| {
        let mut reader = Reader::new(line.within(Some(from), Some(to)), Direction::Ascending, usize::MAX, scene);
        let mut count = 0;
        while reader.take(scene)?.is_some() {
            count += 1;
        }
        Ok::<u64, Stop>(count)
    };
    if first >= last {
        return of_samples(from, to);
    }
    let tallies = scene.store().tallies(line.channel.id, Tier::Hour, first, last).map_err(Stop::store)?;
    scene.spend(tallies.len()).map_err(|Spent| Stop::Spent)?;
    let whole: u64 = tallies.iter().map(|(_, tally)| tally.count + tally.flagged).sum();
    Ok(of_samples(from, first)? + whole + of_samples(last, to)?)
}

/// Why reading stopped.
#[derive(Debug)]
enum Stop {
    Spent,
    Failed(Box<Problem>),
}

impl Stop {
    fn store(error: crate::store::StoreError) -> Self {
        Stop::Failed(Box::new(Problem::internal(error)))
    }

    fn problem(self) -> Problem {
        match self {
            Stop::Spent => Problem::new(
                Code::TooCostly,
                "more samples would be read for that than one answer may: narrow it by phenomenonTime, ask for the \
                 Observations of one Datastream, and leave out $count, $skip and other orders than by phenomenonTime",
            ),
            Stop::Failed(problem) => *problem,
        }
    }
}

/// Goes through one series forwards or backwards.
struct Reader<'a> {
    line: Line<'a>,
    direction: Direction,
    piece: usize,
    /// How far back one look goes.
    reach: Duration,
    buffer: VecDeque<StoredSample>,
    is_begun: bool,
    is_done: bool,
}

impl<'a> Reader<'a> {
    /// `piece` samples are read at first, then more at a time.
    fn new(line: Line<'a>, direction: Direction, piece: usize, scene: &Scene) -> Self {
        let piece = piece.clamp(1, scene.piece_max());
        let interval = line.channel.interval.max(Duration::from_secs(1));
        let reach = interval.saturating_mul(u32::try_from(piece).unwrap_or(u32::MAX));
        let is_done = line.from >= line.to;
        Self { line, direction, piece, reach, buffer: VecDeque::new(), is_begun: false, is_done }
    }

    fn take(&mut self, scene: &Scene) -> Result<Option<StoredSample>, Stop> {
        self.fill(scene)?;
        Ok(self.buffer.pop_front())
    }

    fn peek(&mut self, scene: &Scene) -> Result<Option<&StoredSample>, Stop> {
        self.fill(scene)?;
        Ok(self.buffer.front())
    }

    fn fill(&mut self, scene: &Scene) -> Result<(), Stop> {
        if !self.is_begun {
            // Nothing is read where nothing can be.
            self.is_begun = true;
            let newest = scene.newest(self.line.channel).map(|newest| newest + STEP);
            self.line = self.line.within(None, newest);
            self.is_done |= newest.is_none() || self.line.from >= self.line.to;
        }
        while self.buffer.is_empty() && !self.is_done {
            match self.direction {
                Direction::Ascending => self.read_on(scene)?,
                Direction::Descending => self.read_back(scene)?,
            }
        }
        Ok(())
    }

    fn read_on(&mut self, scene: &Scene) -> Result<(), Stop> {
        let samples = scene.store().range(self.line.channel.id, self.line.from, self.line.to).take(self.piece);
        self.buffer = samples.collect::<Result<_, _>>().map_err(Stop::store)?;
        let count = self.buffer.len();
        match self.buffer.back() {
            Some(last) if count == self.piece => self.line.from = last.observed_at + STEP,
            _ => self.is_done = true,
        }
        self.piece = (self.piece * 2).min(scene.piece_max());
        scene.spend(count).map_err(|Spent| self.give_up())
    }

    /// A look backwards goes as far as a piece should reach. Where there is nothing it goes further, where there is far
    /// more than expected it goes less far.
    fn read_back(&mut self, scene: &Scene) -> Result<(), Stop> {
        let enough = self.piece.saturating_mul(8);
        let to = self.line.to;
        let from = (to - self.reach).max(self.line.from).max(EARLIEST);
        let samples = scene.store().range(self.line.channel.id, from, to).take(enough + 1);
        let mut found: VecDeque<StoredSample> = samples.collect::<Result<_, _>>().map_err(Stop::store)?;
        scene.spend(found.len()).map_err(|Spent| self.give_up())?;
        let can_be_less = self.reach > Duration::from_micros(8);
        if found.len() > enough && can_be_less {
            self.reach = (to.since(from) / 8).max(STEP);
            return Ok(());
        }
        self.reach = if found.is_empty() { self.reach.saturating_mul(4) } else { self.reach };
        found.make_contiguous().reverse();
        self.buffer = found;
        self.line.to = from;
        self.is_done = from <= self.line.from;
        Ok(())
    }

    /// What was read when too much was is not sent: the place to go on from lies before it.
    fn give_up(&mut self) -> Stop {
        self.buffer.clear();
        self.is_done = true;
        Stop::Spent
    }
}
