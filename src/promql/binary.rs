//! Operators between numbers and vectors: arithmetic, comparison, and sets.
//!
//! Vectors are matched one to one, by all labels but the name or by those that `on` and `ignoring` say.

use std::collections::HashMap;

use super::query::{Grouping, Operator};
use super::{Labels, Line, PromqlError};

/// What an operator makes of two numbers.
enum Outcome {
    Number(f64),
    Truth(bool),
}

fn of_numbers(op: Operator, a: f64, b: f64) -> Result<Outcome, PromqlError> {
    let number = match op {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide => a / b,
        Operator::Remainder => a % b,
        Operator::Power => a.powf(b),
        Operator::Atan2 => a.atan2(b),
        Operator::Equal => return Ok(Outcome::Truth(a == b)),
        Operator::NotEqual => return Ok(Outcome::Truth(a != b)),
        Operator::Greater => return Ok(Outcome::Truth(a > b)),
        Operator::Less => return Ok(Outcome::Truth(a < b)),
        Operator::GreaterOrEqual => return Ok(Outcome::Truth(a >= b)),
        Operator::LessOrEqual => return Ok(Outcome::Truth(a <= b)),
        Operator::And | Operator::Or | Operator::Unless => {
            return Err(PromqlError::BadData("and, or and unless stand between two vectors".to_owned()));
        }
    };
    Ok(Outcome::Number(number))
}

fn truth(is_true: bool) -> f64 {
    f64::from(u8::from(is_true))
}

/// Between two numbers at each instant.
pub(super) fn scalars(op: Operator, a: &[f64], b: &[f64]) -> Result<Vec<f64>, PromqlError> {
    let pairs = a.iter().zip(b);
    let of_pair = |(a, b): (&f64, &f64)| match of_numbers(op, *a, *b)? {
        Outcome::Number(number) => Ok(number),
        Outcome::Truth(is_true) => Ok(truth(is_true)),
    };
    pairs.map(of_pair).collect()
}

/// Which side a number stands on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// Between a vector and a number: a comparison keeps the values for which it holds, or with `bool` says 0 or 1.
pub(super) fn with_scalar(
    op: Operator,
    lines: Vec<Line>,
    (number, side): (&[f64], Side),
    with_bool: bool,
) -> Result<Vec<Line>, PromqlError> {
    let keeps_name = op.compares() && !with_bool;
    let of_line = |line: Line| {
        let of_value = |(value, number): (Option<f64>, &f64)| {
            let Some(value) = value else { return Ok(None) };
            let (a, b) = if side == Side::Right { (value, *number) } else { (*number, value) };
            Ok(match of_numbers(op, a, b)? {
                Outcome::Number(found) => Some(found),
                Outcome::Truth(is_true) if with_bool => Some(truth(is_true)),
                Outcome::Truth(is_true) => is_true.then_some(value),
            })
        };
        let values = line.values.into_iter().zip(number).map(of_value).collect::<Result<Vec<_>, PromqlError>>()?;
        let labels = if keeps_name { line.labels } else { line.labels.without_name() };
        Ok(Line { labels, values })
    };
    let lines = lines.into_iter().map(of_line).collect::<Result<Vec<_>, PromqlError>>()?;
    Ok(lines.into_iter().filter(|line| line.values.iter().any(Option::is_some)).collect())
}

/// By what vectors are matched.
struct Matching<'m>(Option<&'m Grouping>);

impl Matching<'_> {
    fn of(&self, labels: &Labels) -> Labels {
        self.0.map_or_else(|| labels.without_name(), |grouping| grouping.of(labels))
    }
}

/// Between two vectors, one to one.
pub(super) fn vectors(
    op: Operator,
    left: Vec<Line>,
    right: Vec<Line>,
    (grouping, with_bool): (Option<&Grouping>, bool),
) -> Result<Vec<Line>, PromqlError> {
    let matching = Matching(grouping);
    if op.is_of_sets() {
        return Ok(sets(op, left, right, &matching));
    }
    let (left, right) = (once(left, &matching, "left")?, once(right, &matching, "right")?);
    let mut found = Vec::new();
    for (key, line) in left {
        let Ok(place) = right.binary_search_by(|(known, _)| known.cmp(&key)) else { continue };
        let other = &right[place].1;
        let mut values = Vec::with_capacity(line.values.len());
        for (a, b) in line.values.iter().zip(&other.values) {
            let outcome = a.zip(*b).map(|(a, b)| Ok::<_, PromqlError>((of_numbers(op, a, b)?, a))).transpose()?;
            values.push(outcome.and_then(|(outcome, a)| match outcome {
                Outcome::Number(number) => Some(number),
                Outcome::Truth(is_true) if with_bool => Some(truth(is_true)),
                Outcome::Truth(is_true) => is_true.then_some(a),
            }));
        }
        let keeps_name = op.compares() && !with_bool && grouping.is_none();
        let labels = if keeps_name { line.labels } else { key };
        if values.iter().any(Option::is_some) {
            found.push(Line { labels, values });
        }
    }
    Ok(found)
}

/// By the labels that are matched, ascending; an error when two series have the same.
fn once(lines: Vec<Line>, matching: &Matching<'_>, side: &str) -> Result<Vec<(Labels, Line)>, PromqlError> {
    let mut keyed: Vec<(Labels, Line)> = lines.into_iter().map(|line| (matching.of(&line.labels), line)).collect();
    keyed.sort_by(|a, b| a.0.cmp(&b.0));
    if let Some(pair) = keyed.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        let labels: Vec<String> = pair[0].0.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        let why = format!(
            "several series on the {side} have the same labels {{{}}}: match by more labels, or aggregate first",
            labels.join(", ")
        );
        return Err(PromqlError::Execution(why));
    }
    Ok(keyed)
}

fn sets(op: Operator, left: Vec<Line>, right: Vec<Line>, matching: &Matching<'_>) -> Vec<Line> {
    let steps = left.first().or(right.first()).map_or(0, |line| line.values.len());
    let present = |lines: &[Line]| {
        let mut found: HashMap<Labels, Vec<bool>> = HashMap::new();
        for line in lines {
            let known = found.entry(matching.of(&line.labels)).or_insert_with(|| vec![false; steps]);
            known.iter_mut().zip(&line.values).for_each(|(known, value)| *known |= value.is_some());
        }
        found
    };
    let kept = |lines: Vec<Line>, others: &HashMap<Labels, Vec<bool>>, wanted: bool| {
        let keep = move |mut line: Line| {
            let there = others.get(&matching.of(&line.labels));
            for (step, value) in line.values.iter_mut().enumerate() {
                let is_there = there.and_then(|there| there.get(step)).copied().unwrap_or(false);
                *value = value.filter(|_| is_there == wanted);
            }
            line
        };
        let lines = lines.into_iter().map(keep);
        lines.filter(|line| line.values.iter().any(Option::is_some)).collect::<Vec<_>>()
    };
    match op {
        Operator::And => kept(left, &present(&right), true),
        Operator::Unless => kept(left, &present(&right), false),
        _ => {
            let here = present(&left);
            let mut found = left;
            found.extend(kept(right, &here, false));
            found
        }
    }
}
