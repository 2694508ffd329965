//! One page of entities: which of them, in which order, how many there are, and where the next page begins.

use std::cmp::Ordering;

use super::rows::Row;
use super::samples;
use super::scene::{Line, RowFacts, Scene};
use crate::api::problem::{Code, Problem};
use crate::sensorthings::{Direction, Expr, Options, Refused, Set, SkipToken, Value};

/// A page.
pub(super) struct Page<'a> {
    pub rows: Vec<Row<'a>>,
    /// How many there are on all pages, when it was asked for.
    pub count: Option<u64>,
    /// Where the next one begins, if there is one.
    pub next: Option<Next>,
}

/// Where a page begins.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next {
    /// After so many.
    Skip(usize),
    /// After this observation.
    Token(SkipToken),
}

/// What is refused in a question, as an answer.
pub(super) fn refused(parameter: &'static str) -> impl Fn(Refused) -> Problem {
    move |refused| match refused {
        Refused::Wrong(why) => Problem::parameter(parameter, why),
        Refused::Costly(why) => Problem::new(Code::TooCostly, format!("{parameter}: {why}")),
        Refused::NotOffered(why) => Problem::new(Code::NotImplemented, format!("{parameter}: {why}")),
    }
}

/// Of entities that are not observations.
pub(super) fn of_rows<'a>(
    scene: &'a Scene,
    rows: impl Iterator<Item = Row<'a>>,
    set: Set,
    options: &Options,
) -> Result<Page<'a>, Problem> {
    let mut wanted = Vec::new();
    for row in rows {
        if is_wanted(scene, row, options.filter.as_ref())? {
            wanted.push(row);
        }
    }
    sort(scene, &mut wanted, options)?;
    Ok(cut(wanted, options, set))
}

/// Of observations.
pub(super) fn of_samples<'a>(scene: &'a Scene, lines: Vec<Line<'a>>, options: &Options) -> Result<Page<'a>, Problem> {
    let question = samples::Question::of(scene, lines, options)?;
    let count = if options.count { Some(question.count(scene)?) } else { None };
    if question.is_in_time {
        let (rows, next) = question.page(scene, options)?;
        return Ok(Page { rows, count, next: next.map(Next::Token) });
    }
    let mut rows = question.all(scene)?;
    sort(scene, &mut rows, options)?;
    Ok(Page { count, ..cut(rows, options, Set::Observations) })
}

/// Whether an entity is asked for.
pub(super) fn is_wanted(scene: &Scene, row: Row<'_>, filter: Option<&Expr>) -> Result<bool, Problem> {
    let Some(filter) = filter else { return Ok(true) };
    let holds = scene.visit(filter.cost()).and_then(|()| filter.holds(&RowFacts { scene, row }, scene.now));
    holds.map_err(refused("$filter"))
}

/// The page of what is there, which begins after `$skip`.
fn cut<'a>(mut rows: Vec<Row<'a>>, options: &Options, set: Set) -> Page<'a> {
    let (count, most) = (rows.len(), options.most(set));
    rows.drain(..options.skip.min(count));
    let next = (rows.len() > most && most > 0).then(|| Next::Skip(options.skip.saturating_add(most)));
    rows.truncate(most);
    Page { rows, count: options.count.then_some(count as u64), next }
}

/// By the keys of `$orderby`; entities that are alike stay in their order.
fn sort(scene: &Scene, rows: &mut Vec<Row<'_>>, options: &Options) -> Result<(), Problem> {
    if options.order.is_empty() {
        return Ok(());
    }
    let keys_of = |row: &Row<'_>| {
        let facts = RowFacts { scene, row: *row };
        let keys = options.order.iter().map(|order| order.by.value(&facts, scene.now));
        keys.collect::<Result<Vec<Value>, _>>().map_err(refused("$orderby"))
    };
    let mut keyed = Vec::with_capacity(rows.len());
    for row in rows.iter() {
        keyed.push((keys_of(row)?, *row));
    }
    check_keys(&keyed)?;
    keyed.sort_by(|(one, _), (other, _)| {
        let pairs = one.iter().zip(other).zip(&options.order);
        let found = pairs.map(|((one, other), order)| match order.direction {
            Direction::Ascending => compare(one, other),
            Direction::Descending => compare(other, one),
        });
        found.into_iter().find(|found| *found != Ordering::Equal).unwrap_or(Ordering::Equal)
    });
    *rows = keyed.into_iter().map(|(_, row)| row).collect();
    Ok(())
}

/// Keys of one column must be of one kind: else there is no order.
fn check_keys(keyed: &[(Vec<Value>, Row<'_>)]) -> Result<(), Problem> {
    let mut firsts: Vec<Option<&Value>> = Vec::new();
    for (keys, _) in keyed {
        firsts.resize(keys.len(), None);
        for (first, key) in firsts.iter_mut().zip(keys).filter(|(_, key)| **key != Value::Null) {
            let first = *first.get_or_insert(key);
            if first.kind() != key.kind() {
                let why = format!("{} and {} have no order", first.kind(), key.kind());
                return Err(Problem::parameter("$orderby", why));
            }
            first.compare(key).map_err(refused("$orderby"))?;
        }
    }
    Ok(())
}

/// Nothing comes before everything.
fn compare(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        (one, other) => one.compare(other).ok().flatten().unwrap_or(Ordering::Equal),
    }
}
