//! Rules on trial: tests (invented series in, expected transitions out) and backtests (stored history in, numbers out).
//!
//! Both make journal entries and apply them to a [`crate::state::State`] of their own: what happens is what would
//! happen live, because it is the same code. Nothing of a trial is journaled, stored or told to anybody.
//!
//! ```text
//! tests/*.toml --file--> Case --run--> Bench --transitions--> verdict --> Outcome
//! store --rows, in the order of time--> Bench --transitions--> account --> Report
//!                                       ^ threshold: the same with other levels
//! ```
//!
//! Invariants: bounded in memory and in time, or refused with how to ask for less; the same input gives the same
//! outcome. Left out on purpose: reading folders (`cli`), and who may ask (`api`).

mod account;
mod backtest;
mod bench;
mod case;
mod error;
mod file;
mod ground;
mod inputs;
mod report;
mod rows;
mod series;
mod threshold;
mod verdict;

use crate::alerts::Rules;

pub use account::AGAIN_WITHIN;
pub use backtest::{Asked, backtest};
pub use case::{Case, Outcome};
pub use error::TrialError;
pub use file::{named_rules, read};
pub use report::{
    Flapping, Hole, MonthCount, Numbers, Read, Report, RuleReport, SeverityCount, Suggestion, Tried, Unknown, Where,
};
pub use verdict::Line;

/// Of these rules the one of a name, or all of them; why not, when there is none.
pub fn only(rules: Rules, name: Option<&str>) -> Result<Rules, String> {
    let Some(name) = name else { return Ok(rules) };
    let known: Vec<&str> = rules.list().iter().map(|rule| rule.name.as_str()).collect();
    let found = rules.named(name).ok_or_else(|| format!("{name:?} is none of these rules: {}", known.join(", ")))?;
    Ok(Rules::of(vec![found.clone()]))
}

#[cfg(test)]
mod tests;
