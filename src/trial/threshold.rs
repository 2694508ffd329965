//! The threshold for a wished number of alerts a month.
//!
//! The number of alerts is decided by the least severe level alone, because levels nest. So thresholds are tried with
//! that level only, its clear level moved along with it, by the same engine over the same history: [`CANDIDATES`] at
//! once between the least and the greatest value that can be judged, then as many between the two among which the
//! count passes the wish, [`ROUNDS`] times. The extreme end is looked at first: from there on the count rises at
//! first, and may fall again where alerts run into each other; the report says whether it did.

use std::sync::atomic::AtomicBool;

use super::account::MONTH_SECONDS;
use super::account::round;
use super::backtest::{Asked, Field, Heard};
use super::error::TrialError;
use super::inputs;
use super::report::{Suggestion, Tried};
use crate::alerts::rules::{Condition, Direction, Level, Levels, Of, Reduce};
use crate::alerts::{Rule, Rules};
use crate::model::Unit;
use crate::store::Store;

/// Thresholds tried at once.
const CANDIDATES: usize = 10;
/// How often the stretch between two of them is tried anew.
const ROUNDS: usize = 3;
/// How often the history is judged for a suggestion, at most.
pub(super) const RUNS: u64 = (CANDIDATES * ROUNDS) as u64;

/// Whether a threshold can be suggested for these rules.
pub(super) fn check(rules: &Rules) -> Result<(), TrialError> {
    let no = |why: &str| Err(TrialError::NoThreshold { why: why.to_owned() });
    let [rule] = rules.list() else { return no("give one rule alone") };
    match &rule.condition {
        Condition::Levels { .. } => Ok(()),
        Condition::Absence { .. } => no("a rule for absence has none"),
        Condition::Joined { .. } => no("a rule of several channels has several"),
        Condition::Count { .. } => no("a rule that counts stations has two kinds of them"),
    }
}

/// What a rule would be with its least severe level at `threshold`, and no other.
fn at(rule: &Rule, threshold: f64) -> Option<Rule> {
    let Condition::Levels { levels, of, times, unknown_after } = &rule.condition else { return None };
    let first = levels.steps().first()?;
    let step = Level { threshold, clear: threshold + (first.clear - first.threshold), ..*first };
    let levels = Levels::new(levels.direction(), vec![step]).ok()?;
    let condition = Condition::Levels { levels, of: of.clone(), times: *times, unknown_after: *unknown_after };
    Some(Rule { condition, ..rule.clone() })
}

/// Tries thresholds and gives the one that comes nearest to the wish.
pub(super) fn suggest(
    store: &Store,
    asked: &Asked<'_>,
    field: &Field,
    rule: &Rule,
    heard: &[Heard],
    wish: f64,
    stop: &AtomicBool,
) -> Result<Suggestion, TrialError> {
    let Condition::Levels { levels, .. } = &rule.condition else {
        return Err(TrialError::NoThreshold { why: "a rule for absence has none".to_owned() });
    };
    let no_data = || TrialError::NoThreshold { why: "there is not one good sample in that time".to_owned() };
    let (unit, (least, greatest)) = span(field, rule, heard).ok_or_else(no_data)?;
    let direction = levels.direction();
    let months = field.to.since(field.from).as_secs_f64() / MONTH_SECONDS;
    let target = wish * months;
    // From the extreme end.
    let mut ends = match direction {
        Direction::Above => (greatest, least),
        Direction::Below => (least, greatest),
    };
    let mut tried: Vec<(f64, u64)> = Vec::new();
    for _ in 0..ROUNDS {
        let between = |place: usize| ends.0 + (ends.1 - ends.0) * place as f64 / (CANDIDATES - 1) as f64;
        let mut new: Vec<f64> = (0..CANDIDATES).map(between).map(written).collect();
        new.dedup();
        new.retain(|threshold| tried.iter().all(|(known, _)| known != threshold));
        let counts = count(store, asked, field, rule, &new, stop)?;
        tried.extend(new.into_iter().zip(counts));
        tried.sort_by(|a, b| match direction {
            Direction::Above => b.0.total_cmp(&a.0),
            Direction::Below => a.0.total_cmp(&b.0),
        });
        let Some(crossing) = tried.iter().position(|(_, alerts)| *alerts as f64 >= target) else { break };
        let Some(before) = crossing.checked_sub(1) else { break };
        ends = (tried[before].0, tried[crossing].0);
    }
    let crossing = tried.iter().position(|(_, alerts)| *alerts as f64 >= target).unwrap_or(tried.len());
    let reachable = tried.iter().take(crossing + 1);
    let off = |alerts: u64| (alerts as f64 - target).abs();
    let best = reachable.copied().min_by(|a, b| off(a.1).total_cmp(&off(b.1))).ok_or_else(no_data)?;
    let first = levels.steps().first().ok_or_else(no_data)?;
    let is_monotone = tried.windows(2).all(|pair| pair[0].1 <= pair[1].1);
    let per_month = round(best.1 as f64 / months.max(1e-9));
    Ok(Suggestion {
        wished_per_month: wish,
        direction: match direction {
            Direction::Above => "above".to_owned(),
            Direction::Below => "below".to_owned(),
        },
        threshold: best.0,
        clear: written(best.0 + (first.clear - first.threshold)),
        unit: unit.code().to_owned(),
        alerts: best.1,
        per_month,
        is_monotone,
        meaning: meaning(wish, per_month, best.1, is_monotone),
        tried: tried.into_iter().map(|(threshold, alerts)| Tried { threshold, alerts }).collect(),
    })
}

fn meaning(wish: f64, per_month: f64, alerts: u64, is_monotone: bool) -> String {
    let nearest = if (per_month - wish).abs() <= wish * 0.25 {
        ""
    } else {
        "no threshold tried gives as many; this comes nearest: "
    };
    let falls = if is_monotone {
        ""
    } else {
        "; laxer thresholds do not always give more alerts, as alerts run into each other"
    };
    format!("{nearest}{alerts} alerts over this history, {per_month} a month, counted by the engine{falls}")
}

/// Counts the alerts with each threshold, reading once.
fn count(
    store: &Store,
    asked: &Asked<'_>,
    field: &Field,
    rule: &Rule,
    thresholds: &[f64],
    stop: &AtomicBool,
) -> Result<Vec<u64>, TrialError> {
    let version = |threshold: &f64| Rules::of(at(rule, *threshold).into_iter().collect());
    let versions: Vec<Rules> = thresholds.iter().map(version).collect();
    let accounts = field.run(store, asked, &versions, &mut [], stop)?;
    Ok(accounts.iter().map(|accounts| accounts.get(&rule.name).map_or(0, |account| account.alerts())).collect())
}

/// The least and the greatest value that a rule can have judged, in the unit of its thresholds.
fn span(field: &Field, rule: &Rule, heard: &[Heard]) -> Option<(Unit, (f64, f64))> {
    let mut found: Option<(Unit, (f64, f64))> = None;
    for (channel, heard) in field.catalogue.channels().iter().zip(heard) {
        let station = field.catalogue.station(channel.station)?;
        let Some((least, greatest)) = heard.values.filter(|_| inputs::reads(rule, &field.catalogue, station, channel))
        else {
            continue;
        };
        let unit = rule.unit.unwrap_or(channel.unit);
        let (a, b) = channel.unit.convert(least, unit).zip(channel.unit.convert(greatest, unit))?;
        let (least, greatest) = judged(rule.condition.of(), (a.min(b), a.max(b)), channel.interval.as_secs_f64());
        let (_, (known_least, known_greatest)) = found.unwrap_or((unit, (least, greatest)));
        found = Some((unit, (known_least.min(least), known_greatest.max(greatest))));
    }
    found
}

/// Between what the values lie that are made of samples between `least` and `greatest`.
fn judged(of: &Of, (least, greatest): (f64, f64), interval_s: f64) -> (f64, f64) {
    let height = greatest - least;
    match of {
        Of::Window { reduce: Reduce::Sum, over, .. } => {
            let samples = (over.as_secs_f64() / interval_s.max(1e-3)).ceil().max(1.0);
            (least.min(0.0) * samples, greatest.max(0.0) * samples)
        }
        Of::Rate { over, completeness } => {
            let hours = over.as_secs_f64() / 3_600.0 * completeness.max(0.01);
            (-height / hours, height / hours)
        }
        Of::Difference { .. } => (-height, height),
        Of::Sample | Of::Window { .. } => (least, greatest),
    }
}

/// To four digits, as a person writes a threshold.
fn written(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_written_with_four_digits() {
        let check = |value: f64, expected: &str| assert_eq!(written(value).to_string(), expected);
        check(12.345678, "12.35");
        check(-0.00012345, "-0.0001234");
        check(0.0, "0");
        check(123_456.0, "123500");
    }
}
