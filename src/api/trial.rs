//! `POST /rules/test` and `POST /rules/backtest`: rules on trial, before anybody puts them into force.
//!
//! Nothing is changed by either. A backtest takes a processor for seconds, so one is made at a time, and it ends soon
//! after its caller has hung up. Who may be told of some areas alone tries rules on the stations there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Json;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::body::Body;
use super::door::{Allowed, SeeHistory};
use super::problem::{BadBody, Code, Costly, Problem, Refused};
use super::query::{Asked, Nothing};
use super::time::{When, Zone};
use crate::alerts::{self, Rules};
use crate::auth::Scope;
use crate::model::{Catalogue, Mistake, RuleFile};
use crate::registry::WrongField;
use crate::trial::{self, Line, Outcome, Report, TrialError};

/// Seconds after which it is worth asking again while somebody else's backtest is made.
const BUSY_SECONDS: u64 = 10;

/// A file's text as TOML, or what it says as JSON: one rule or test, or `{"rule": […]}` and `{"test": […]}`.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Written {
    /// TOML.
    Text(String),
    /// The same as JSON.
    #[schema(value_type = Object)]
    Json(Value),
}

impl Written {
    fn file(&self, name: &str) -> Result<RuleFile, Problem> {
        let text = match self {
            Written::Text(text) => text.clone(),
            Written::Json(value) => {
                let whole =
                    if value.get(name).is_some_and(Value::is_array) { value.clone() } else { json!({ name: [value] }) };
                let wrong = |why| Problem::new(Code::InvalidBody, format!("{name}: {why}"));
                toml::to_string(&whole).map_err(|error| wrong(error.to_string()))?
            }
        };
        Ok(RuleFile { name: name.to_owned(), text })
    }
}

/// Rules, and tests of them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RulesTestAsked {
    /// The rules, as in a file of rules.
    rule: Written,
    /// The tests, as in a file of tests.
    test: Written,
}

/// What became of tests.
#[derive(Serialize, ToSchema)]
pub struct RulesTested {
    /// Whether all passed.
    passed: bool,
    /// Each, in their order.
    tests: Vec<RuleTested>,
}

/// What became of one test.
#[derive(Serialize, ToSchema)]
pub struct RuleTested {
    /// What it is called.
    name: String,
    /// Where it begins in the text.
    line: usize,
    /// The rules on trial.
    rules: Vec<String>,
    /// Whether everything expected came, and nothing else.
    passed: bool,
    /// Every transition, in order.
    transitions: Vec<TransitionTested>,
}

/// A transition that was expected, or came.
#[derive(Serialize, ToSchema)]
pub struct TransitionTested {
    /// `same`, `missing` (expected, and did not come) or `unexpected` (came, and nobody expected it).
    #[schema(value_type = String, example = "same")]
    verdict: &'static str,
    /// When since the start, state, severity, cause.
    #[schema(example = "25m active low value")]
    transition: String,
}

impl RuleTested {
    fn of(outcome: Outcome) -> Self {
        let passed = outcome.passed();
        let told = |line: Line| match line {
            Line::Same(transition) => TransitionTested { verdict: "same", transition },
            Line::Missing(transition) => TransitionTested { verdict: "missing", transition },
            Line::Unexpected(transition) => TransitionTested { verdict: "unexpected", transition },
        };
        let transitions = outcome.lines.into_iter().map(told).collect();
        Self { name: outcome.name, line: outcome.line, rules: outcome.rules, passed, transitions }
    }
}

/// Rules to try on stored history.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BacktestAsked {
    /// The rules, as in a file of rules.
    rule: Written,
    /// Of these, only the one of this name.
    #[serde(default)]
    name: Option<String>,
    /// From this time on: RFC 3339, a date, `-90d`.
    #[schema(example = "-90d")]
    from: String,
    /// Up to and without this time; now when absent.
    #[serde(default)]
    to: Option<String>,
    /// Time zone of dates and months; Asia/Ho_Chi_Minh when absent.
    #[serde(default)]
    tz: Option<String>,
    /// Suggest the threshold that would raise so many alerts a month; for one rule with levels.
    #[serde(default)]
    alerts_per_month: Option<f64>,
}

/// Mistakes in what was written, as fields.
fn wrong(mistakes: Vec<Mistake>) -> Problem {
    let field = |mistake: Mistake| WrongField {
        field: if mistake.key.is_empty() { mistake.file } else { format!("{}: {}", mistake.file, mistake.key) },
        message: format!("line {}: {}", mistake.line, mistake.message),
    };
    Problem::fields(mistakes.into_iter().map(field).collect())
}

impl From<TrialError> for Problem {
    fn from(error: TrialError) -> Problem {
        match &error {
            TrialError::Range { .. } => Problem::new(Code::InvalidBody, format!("from: {error}")),
            TrialError::NothingWatched => Problem::new(Code::InvalidBody, format!("rule: {error}")),
            TrialError::NoThreshold { .. } => Problem::new(Code::InvalidBody, format!("alerts_per_month: {error}")),
            TrialError::TooCostly { .. } | TrialError::TooDense { .. } | TrialError::TooManyRules { .. } => {
                Problem::new(Code::TooCostly, error.to_string())
            }
            TrialError::Stopped => Problem::new(Code::Unavailable, error.to_string()),
            TrialError::Store(_) => Problem::internal(error),
        }
    }
}

/// The catalogue that what is written is checked against: mistakes name stations, so who may not be told of all of
/// them is told of none.
fn checked_against(door: &Allowed<SeeHistory>, catalogue: &Arc<Catalogue>) -> Result<Arc<Catalogue>, Problem> {
    if door.caller().scope == Scope::All {
        return Ok(Arc::clone(catalogue));
    }
    let bare = Catalogue::new(Vec::new(), catalogue.areas().to_vec(), Vec::new(), Vec::new());
    bare.map(Arc::new).map_err(Problem::internal)
}

/// Runs tests of rules: invented series in, expected transitions out, by the engine that is live.
///
/// What happens and was not expected is a failure. Nothing is put into force.
#[utoipa::path(post, path = "/api/v1/rules/test", operation_id = "testRules", tag = "alerts",
    request_body = RulesTestAsked,
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "What became of the tests", body = RulesTested), Refused, BadBody,
        (status = 422, description = "The rules or the tests are wrong; `errors` says where",
            body = super::problem::ProblemDocument, content_type = "application/problem+json")))]
pub async fn test(
    door: Allowed<SeeHistory>,
    Asked(Nothing): Asked<Nothing>,
    Body(asked): Body<RulesTestAsked>,
) -> Result<Json<RulesTested>, Problem> {
    let (rules, tests) = (asked.rule.file("rule")?, asked.test.file("test")?);
    let catalogue = Arc::clone(&door.parts().state.read().catalogue);
    let catalogue = checked_against(&door, &catalogue)?;
    let turn = door.take_trial().ok_or_else(busy)?;
    let run = move || {
        let _turn = turn;
        let rules = alerts::check_rules(&[rules], &catalogue, &mut Vec::new()).map_err(wrong)?;
        let cases = trial::read(&tests, &rules, &catalogue).map_err(wrong)?;
        let tests: Vec<RuleTested> = cases.iter().map(|case| RuleTested::of(case.run())).collect();
        Ok(Json(RulesTested { passed: tests.iter().all(|test| test.passed), tests }))
    };
    tokio::task::spawn_blocking(run).await.map_err(Problem::internal)?
}

/// Tries rules on stored history: how often, how long, where and how restlessly they would have raised alerts, and how
/// much of the history is missing; beside the rules in force of the same names, and with a threshold for a wished
/// number of alerts.
///
/// Samples count as received at their own time. What would judge too many is refused with how to ask for less.
#[utoipa::path(post, path = "/api/v1/rules/backtest", operation_id = "backtestRules", tag = "alerts",
    request_body = BacktestAsked,
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "What the rules would have done", body = Report), Refused, BadBody, Costly,
        (status = 503, description = "Somebody else's backtest is being made", body = super::problem::ProblemDocument,
            content_type = "application/problem+json")))]
pub async fn backtest(
    door: Allowed<SeeHistory>,
    Asked(Nothing): Asked<Nothing>,
    Body(asked): Body<BacktestAsked>,
) -> Result<Json<Report>, Problem> {
    let parts = Arc::clone(door.parts());
    let now = parts.clock.now();
    let unusable = |member: &str, why: String| Problem::new(Code::InvalidBody, format!("{member}: {why}"));
    let zone = asked.tz.as_deref().map_or_else(|| Ok(Zone::default()), Zone::parse);
    let zone = zone.map_err(|why| unusable("tz", why))?;
    let settle = |member: &str, text: &str| {
        When::parse(text).map(|when| when.settle(now, &zone)).map_err(|why| unusable(member, why))
    };
    let (from, to) = (settle("from", &asked.from)?, settle("to", asked.to.as_deref().unwrap_or("now"))?);
    if asked.alerts_per_month.is_some_and(|wish| !(0.0..=1e6).contains(&wish)) {
        return Err(unusable("alerts_per_month", "must be 0 to 1,000,000".to_owned()));
    }
    let (catalogue, policy, in_force) = {
        let state = parts.state.read();
        (Arc::clone(&state.catalogue), state.judge.policy().clone(), state.alerts.rules().clone())
    };
    let rules = rules(&door, &asked, &catalogue)?;
    let sight = door.sight(&catalogue);
    let turn = door.take_trial().ok_or_else(busy)?;
    let stop = Stop(Arc::new(AtomicBool::new(false)));
    let stopped = Arc::clone(&stop.0);
    let run = move || {
        let _turn = turn;
        let asked = trial::Asked {
            catalogue: &catalogue,
            policy: &policy,
            rules,
            in_force,
            from,
            to,
            now,
            zone: zone.zone().clone(),
            alerts_per_month: asked.alerts_per_month,
            samples_max: parts.history.samples_max(),
        };
        trial::backtest(&parts.store, &asked, |station| sight.reaches_station(station), &stopped)
    };
    let report = tokio::task::spawn_blocking(run).await.map_err(Problem::internal)?;
    drop(stop);
    Ok(Json(report?))
}

fn rules(door: &Allowed<SeeHistory>, asked: &BacktestAsked, catalogue: &Arc<Catalogue>) -> Result<Rules, Problem> {
    let file = asked.rule.file("rule")?;
    let rules = alerts::check_rules(&[file], &*checked_against(door, catalogue)?, &mut Vec::new()).map_err(wrong)?;
    trial::only(rules, asked.name.as_deref()).map_err(|why| Problem::new(Code::InvalidBody, format!("name: {why}")))
}

fn busy() -> Problem {
    let why = "somebody else's trial is being made: ask again in a moment";
    Problem::new(Code::Unavailable, why).retry_after(BUSY_SECONDS)
}

/// Ends work on a blocking thread when its caller has hung up.
pub(super) struct Stop(pub(super) Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
