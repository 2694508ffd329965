//! From a query's tree to its answer: each node makes its values at all instants before its parent goes on.

use std::collections::BTreeSet;

use super::binary::{self, Side};
use super::query::{Aggregate, Binary, Expr};
use super::read::{self, Spent};
use super::{
    Answer, Instants, Labels, Line, NAME, POINTS_MAX, PromqlError, RangeFunction, World, aggregate, functions,
};

/// What a node comes to.
enum Value {
    Scalar(Vec<f64>),
    Vector(Vec<Line>),
    Text(String),
}

struct Evaluation<'a> {
    world: &'a World<'a>,
    instants: Instants,
    spent: Spent,
    points: usize,
}

/// See [`super::evaluate`].
pub(super) fn evaluate(world: &World<'_>, expr: &Expr, instants: Instants) -> Result<Answer, PromqlError> {
    let mut evaluation = Evaluation { world, instants, spent: Spent::default(), points: 0 };
    if let Expr::Range(selector, range) = expr {
        if instants.count() > 1 {
            let why = "a range has no value of its own: put a function such as avg_over_time around it";
            return Err(PromqlError::BadData(why.to_owned()));
        }
        let found = read::samples(world, (selector, *range), &instants, (&mut evaluation.spent, POINTS_MAX));
        return found.map(Answer::Samples);
    }
    Ok(match evaluation.value(expr)? {
        Value::Scalar(values) => Answer::Scalar(values),
        Value::Text(text) => Answer::Text(text),
        Value::Vector(mut lines) => {
            // Where values are ordered, they stay so.
            if !matches!(expr, Expr::Call(name, _) if name.starts_with("sort")) {
                lines.sort_by(|a, b| a.labels.cmp(&b.labels));
            }
            Answer::Vector(lines)
        }
    })
}

impl Evaluation<'_> {
    fn value(&mut self, expr: &Expr) -> Result<Value, PromqlError> {
        self.world.goes_on()?;
        let value = match expr {
            Expr::Number(number) => Value::Scalar(vec![*number; self.instants.count()]),
            Expr::Text(text) => Value::Text(text.clone()),
            Expr::Vector(selector) => {
                Value::Vector(read::newest(self.world, selector, &self.instants, &mut self.spent)?)
            }
            Expr::Negative(of) => match self.value(of)? {
                Value::Scalar(values) => Value::Scalar(values.into_iter().map(|value| -value).collect()),
                Value::Vector(lines) => Value::Vector(mapped(lines, &[], |value, _| Some(-value))?),
                Value::Text(_) => return Err(PromqlError::BadData("a text has no sign".to_owned())),
            },
            Expr::Binary(both) => self.binary(both)?,
            Expr::Aggregate(aggregate) => Value::Vector(self.aggregate(aggregate)?),
            Expr::Call(name, arguments) => self.call(name, arguments)?,
            Expr::Range(..) => {
                let why = "a range such as [5m] stands only inside a function such as avg_over_time";
                return Err(PromqlError::BadData(why.to_owned()));
            }
        };
        if let Value::Vector(lines) = &value {
            self.points = self.points.saturating_add(lines.len().saturating_mul(self.instants.count()));
            if self.points > POINTS_MAX {
                let why = format!(
                    "that makes more than {POINTS_MAX} points on its way: select fewer series, or ask for a longer `step`"
                );
                return Err(PromqlError::Execution(why));
            }
        }
        Ok(value)
    }

    fn vector(&mut self, expr: &Expr) -> Result<Vec<Line>, PromqlError> {
        match self.value(expr)? {
            Value::Vector(lines) => Ok(lines),
            _ => Err(PromqlError::BadData("a vector was expected where a number or a text stands".to_owned())),
        }
    }

    fn scalar(&mut self, expr: &Expr) -> Result<Vec<f64>, PromqlError> {
        match self.value(expr)? {
            Value::Scalar(values) => Ok(values),
            _ => Err(PromqlError::BadData("a number was expected where a vector or a text stands".to_owned())),
        }
    }

    fn binary(&mut self, both: &Binary) -> Result<Value, PromqlError> {
        let (op, with_bool) = (both.op, both.with_bool);
        let (left, right) = (self.value(&both.left)?, self.value(&both.right)?);
        match (left, right) {
            (Value::Scalar(_), Value::Scalar(_)) if op.compares() && !with_bool => {
                Err(PromqlError::BadData("numbers are compared with bool: 1 > bool 0".to_owned()))
            }
            (Value::Scalar(a), Value::Scalar(b)) => binary::scalars(op, &a, &b).map(Value::Scalar),
            (Value::Vector(lines), Value::Scalar(number)) => {
                once(binary::with_scalar(op, lines, (&number, Side::Right), with_bool)?).map(Value::Vector)
            }
            (Value::Scalar(number), Value::Vector(lines)) => {
                once(binary::with_scalar(op, lines, (&number, Side::Left), with_bool)?).map(Value::Vector)
            }
            (Value::Vector(a), Value::Vector(b)) => {
                let lines = binary::vectors(op, a, b, (both.matching.as_ref(), with_bool))?;
                (if op.is_of_sets() { Ok(lines) } else { once(lines) }).map(Value::Vector)
            }
            _ => Err(PromqlError::BadData("an operator stands between numbers and vectors alone".to_owned())),
        }
    }

    fn aggregate(&mut self, asked: &Aggregate) -> Result<Vec<Line>, PromqlError> {
        let number = asked.number.as_ref().map(|number| self.scalar(number)).transpose()?;
        let lines = self.vector(&asked.of)?;
        aggregate::aggregate(asked.op, lines, number.as_deref(), asked.grouping.as_ref())
    }

    /// A function over a range; `None` when there is none among the arguments.
    fn over_range(&mut self, name: &str, arguments: &[Expr]) -> Result<Option<Vec<Line>>, PromqlError> {
        let (selected, number) = match (name, arguments) {
            ("quantile_over_time", [number, Expr::Range(selector, range)])
            | ("predict_linear", [Expr::Range(selector, range), number]) => {
                ((selector, *range), Some(self.constant(number)?))
            }
            ("quantile_over_time" | "predict_linear", _) => {
                let why = format!("{name} takes a range such as pm2_5[5m] and a number");
                return Err(PromqlError::BadData(why));
            }
            (_, [Expr::Range(selector, range)]) => ((selector, *range), None),
            (_, arguments) if arguments.iter().any(|argument| matches!(argument, Expr::Range(..))) => {
                return Err(PromqlError::BadData(format!("{name} does not take these arguments")));
            }
            _ => return Ok(None),
        };
        let function = RangeFunction::named(name, number)?;
        let lines = read::over_range(self.world, selected, function, &self.instants, &mut self.spent)?;
        (if function.keeps_name() { Ok(lines) } else { once(lines) }).map(Some)
    }

    fn call(&mut self, name: &str, arguments: &[Expr]) -> Result<Value, PromqlError> {
        if let Some(lines) = self.over_range(name, arguments)? {
            return Ok(Value::Vector(lines));
        }
        if RangeFunction::named(name, Some(0.0)).is_ok() {
            return Err(PromqlError::BadData(format!("{name} takes a range such as pm2_5[5m]")));
        }
        match (name, arguments) {
            ("time", []) => Ok(Value::Scalar(self.instants.iter().map(|at| at.micros() as f64 / 1e6).collect())),
            ("vector", [number]) => {
                let values = self.scalar(number)?.into_iter().map(Some).collect();
                Ok(Value::Vector(vec![Line { labels: Labels::default(), values }]))
            }
            ("scalar", [vector]) => self.vector(vector).map(|lines| Value::Scalar(only(&lines, &self.instants))),
            ("absent", [vector]) => self.vector(vector).map(|lines| Value::Vector(absent(&lines, &self.instants))),
            ("sort", [vector]) => Ok(Value::Vector(sorted(self.vector(vector)?, false))),
            ("sort_desc", [vector]) => Ok(Value::Vector(sorted(self.vector(vector)?, true))),
            (_, [vector, numbers @ ..]) => {
                let function = functions::of_value(name, numbers.len())?;
                let lines = self.vector(vector)?;
                let numbers = numbers.iter().map(|number| self.scalar(number)).collect::<Result<Vec<_>, _>>()?;
                mapped(lines, &numbers, function).map(Value::Vector)
            }
            _ => Err(PromqlError::refused(&format!("the function {name} without arguments"))),
        }
    }

    /// A number that is the same at all instants.
    fn constant(&mut self, expr: &Expr) -> Result<f64, PromqlError> {
        let values = self.scalar(expr)?;
        let first = values.first().copied().unwrap_or(f64::NAN);
        if values.iter().all(|value| value.to_bits() == first.to_bits()) {
            Ok(first)
        } else {
            Err(PromqlError::refused("a number that changes with time, beside a range"))
        }
    }
}

/// The value of the only series at each instant; not a number where there is none, or several.
fn only(lines: &[Line], instants: &Instants) -> Vec<f64> {
    let at = |step: usize| {
        let mut found = lines.iter().filter_map(|line| line.values.get(step).copied().flatten());
        found.next().filter(|_| found.next().is_none()).unwrap_or(f64::NAN)
    };
    (0..instants.count()).map(at).collect()
}

/// 1 where there is no series.
fn absent(lines: &[Line], instants: &Instants) -> Vec<Line> {
    let at = |step: usize| {
        let is_there = lines.iter().any(|line| line.values.get(step).is_some_and(Option::is_some));
        (!is_there).then_some(1.0)
    };
    let values: Vec<Option<f64>> = (0..instants.count()).map(at).collect();
    let is_any = values.iter().any(Option::is_some);
    if is_any { vec![Line { labels: Labels::default(), values }] } else { Vec::new() }
}

fn mapped(
    lines: Vec<Line>,
    numbers: &[Vec<f64>],
    function: fn(f64, &[f64]) -> Option<f64>,
) -> Result<Vec<Line>, PromqlError> {
    let of_line = |line: Line| {
        let of_step = |(step, value): (usize, Option<f64>)| {
            let numbers: Vec<f64> = numbers.iter().filter_map(|number| number.get(step).copied()).collect();
            value.and_then(|value| function(value, &numbers))
        };
        let values: Vec<Option<f64>> = line.values.into_iter().enumerate().map(of_step).collect();
        Line { labels: line.labels.without_name(), values }
    };
    let lines = lines.into_iter().map(of_line);
    once(lines.filter(|line| line.values.iter().any(Option::is_some)).collect())
}

/// By the newest value; what is not a number comes last.
fn sorted(mut lines: Vec<Line>, is_descending: bool) -> Vec<Line> {
    let key = |line: &Line| line.values.last().copied().flatten().unwrap_or(f64::NAN);
    lines.sort_by(|a, b| aggregate::numbers(key(a), key(b), is_descending));
    lines
}

/// An error when several series have the same labels: nobody could tell them apart.
fn once(lines: Vec<Line>) -> Result<Vec<Line>, PromqlError> {
    let mut seen = BTreeSet::new();
    for line in &lines {
        if !seen.insert(&line.labels) {
            let why = format!(
                "several series have the same labels once {NAME} is gone: select one property, or aggregate by labels"
            );
            return Err(PromqlError::Execution(why));
        }
    }
    Ok(lines)
}
