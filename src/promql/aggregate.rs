//! Aggregations: `sum avg min max count group stddev stdvar quantile topk bottomk`, `by` and `without`.
//!
//! Standard deviation and variance are those of the whole (divided by n), as Prometheus has them.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::query::{Aggregation, Grouping};
use super::window::quantile;
use super::{Labels, Line, PromqlError};

/// Groups of series, by their labels.
pub(super) fn aggregate(
    op: Aggregation,
    lines: Vec<Line>,
    number: Option<&[f64]>,
    modifier: Option<&Grouping>,
) -> Result<Vec<Line>, PromqlError> {
    let mut groups: BTreeMap<Labels, Vec<Line>> = BTreeMap::new();
    for line in lines {
        let group = modifier.map_or_else(Labels::default, |by| by.of(&line.labels));
        groups.entry(group).or_default().push(line);
    }
    match op {
        Aggregation::TopK | Aggregation::BottomK => {
            let number = number.ok_or_else(|| PromqlError::BadData("topk and bottomk take a number".to_owned()))?;
            Ok(groups.into_values().flat_map(|lines| foremost(op == Aggregation::TopK, lines, number)).collect())
        }
        _ => groups.into_iter().map(|(labels, lines)| Ok(Line { labels, values: fold(op, &lines, number)? })).collect(),
    }
}

fn fold(op: Aggregation, lines: &[Line], number: Option<&[f64]>) -> Result<Vec<Option<f64>>, PromqlError> {
    let steps = lines.first().map_or(0, |line| line.values.len());
    let mut found = Vec::new();
    let of_step = |step: usize| {
        found.clear();
        found.extend(lines.iter().filter_map(|line| line.values.get(step).copied().flatten()));
        if found.is_empty() {
            return Ok(None);
        }
        let share = number.and_then(|number| number.get(step)).copied();
        of_values(op, &found, share).map(Some)
    };
    (0..steps).map(of_step).collect()
}

fn of_values(op: Aggregation, values: &[f64], share: Option<f64>) -> Result<f64, PromqlError> {
    let count = values.len() as f64;
    let mean = || values.iter().sum::<f64>() / count;
    let variance = || {
        let mean = mean();
        values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count
    };
    Ok(match op {
        Aggregation::Sum => values.iter().sum(),
        Aggregation::Avg => mean(),
        Aggregation::Min => values.iter().copied().fold(f64::NAN, f64::min),
        Aggregation::Max => values.iter().copied().fold(f64::NAN, f64::max),
        Aggregation::Count => count,
        Aggregation::Group => 1.0,
        Aggregation::Stdvar => variance(),
        Aggregation::Stddev => variance().sqrt(),
        Aggregation::Quantile => quantile(share.unwrap_or(f64::NAN), values.to_vec()),
        Aggregation::TopK | Aggregation::BottomK => return Err(PromqlError::refused("that aggregation")),
    })
}

/// At each instant the `number` series with the highest or lowest values; ties by their labels.
fn foremost(is_highest: bool, mut lines: Vec<Line>, number: &[f64]) -> Vec<Line> {
    let steps = lines.first().map_or(0, |line| line.values.len());
    for step in 0..steps {
        // Not a number: none; more than there are: all.
        let keep = number.get(step).copied().unwrap_or_default().clamp(0.0, lines.len() as f64) as usize;
        let mut order: Vec<(f64, usize)> = lines
            .iter()
            .enumerate()
            .filter_map(|(place, line)| Some((line.values.get(step).copied().flatten()?, place)))
            .collect();
        order.sort_by(|a, b| numbers(a.0, b.0, is_highest).then_with(|| lines[a.1].labels.cmp(&lines[b.1].labels)));
        for (_, place) in order.into_iter().skip(keep) {
            lines[place].values[step] = None;
        }
    }
    lines.retain(|line| line.values.iter().any(Option::is_some));
    lines
}

/// The order of two numbers; what is not a number comes last either way.
pub(super) fn numbers(a: f64, b: f64, is_descending: bool) -> Ordering {
    let by_value = if is_descending { b.partial_cmp(&a) } else { a.partial_cmp(&b) };
    by_value.unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}
