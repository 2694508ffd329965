//! An expression of `$filter`, and what it comes to for one entity.
//!
//! A path through several entities has several values: a comparison holds when it holds for one of them. A comparison
//! with nothing (null) holds for `eq` and `ne` alone.

use std::cmp::Ordering;
use std::time::Duration;

use super::value::Value;
use super::{Function, Refused, geometry};
use crate::model::Timestamp;

/// Values that one path may have, and combinations that are looked at.
const MANY_MAX: usize = 10_000;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// As it is written.
    Literal(Value),
    /// A property, perhaps of an entity that this one leads to: the names on the way.
    Path(Vec<String>),
    /// A function of others.
    Call(Function, Vec<Expr>),
    /// The opposite.
    Not(Box<Expr>),
    /// The negative number.
    Negative(Box<Expr>),
    /// Two of them and what is between.
    Between(Operator, Box<Expr>, Box<Expr>),
}

/// What stands between two expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// Either.
    Or,
    /// Both.
    And,
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Greater, later.
    Gt,
    /// Greater or equal.
    Ge,
    /// Less, earlier.
    Lt,
    /// Less or equal.
    Le,
    /// Sum.
    Add,
    /// Difference.
    Sub,
    /// Product.
    Mul,
    /// Quotient.
    Div,
    /// Remainder.
    Mod,
}

impl Operator {
    /// Every one, with its word and how tightly it binds (OData 4, Part 2, 5.1.1.16).
    pub(super) const ALL: [(&'static str, Operator, u8); 13] = [
        ("or", Operator::Or, 1),
        ("and", Operator::And, 2),
        ("eq", Operator::Eq, 3),
        ("ne", Operator::Ne, 3),
        ("gt", Operator::Gt, 4),
        ("ge", Operator::Ge, 4),
        ("lt", Operator::Lt, 4),
        ("le", Operator::Le, 4),
        ("add", Operator::Add, 5),
        ("sub", Operator::Sub, 5),
        ("mul", Operator::Mul, 6),
        ("div", Operator::Div, 6),
        ("mod", Operator::Mod, 6),
    ];

    /// Its word.
    pub fn word(self) -> &'static str {
        Operator::ALL.iter().find(|(_, one, _)| *one == self).map_or("?", |(word, ..)| word)
    }
}

/// Where an expression finds the values of an entity.
pub trait Facts {
    /// The value at the end of a path; [`Value::Many`] when it leads through several entities.
    fn value(&self, path: &[String]) -> Result<Value, Refused>;
}

impl Expr {
    /// Whether it holds for an entity at `now`.
    pub fn holds(&self, facts: &dyn Facts, now: Timestamp) -> Result<bool, Refused> {
        match self.value(facts, now)? {
            Value::Null => Ok(false),
            value => truth(&value),
        }
    }

    /// What it comes to.
    pub fn value(&self, facts: &dyn Facts, now: Timestamp) -> Result<Value, Refused> {
        match self {
            Expr::Literal(value) => Ok(value.clone()),
            Expr::Path(path) => facts.value(path),
            Expr::Call(function, arguments) => {
                let arguments = arguments.iter().map(|one| one.value(facts, now)).collect::<Result<Vec<_>, _>>()?;
                each(&arguments, |arguments| function.of(arguments, now))
            }
            Expr::Not(inner) => match inner.value(facts, now)? {
                Value::Null => Ok(Value::Null),
                value => Ok(Value::Flag(!truth(&value)?)),
            },
            Expr::Negative(inner) => each(&[inner.value(facts, now)?], |inner| match inner {
                [Value::Number(number)] => Ok(Value::Number(-number)),
                [Value::Length(micros)] => Ok(Value::Length(micros.saturating_neg())),
                [Value::Null] => Ok(Value::Null),
                other => Err(Refused::wrong(format!("{} has no negative", kinds(other)))),
            }),
            Expr::Between(operator @ (Operator::And | Operator::Or), one, other) => {
                // What decides alone spares the other side.
                let is_or = *operator == Operator::Or;
                if one.holds(facts, now)? == is_or {
                    return Ok(Value::Flag(is_or));
                }
                other.holds(facts, now).map(Value::Flag)
            }
            Expr::Between(operator, one, other) => {
                let sides = [one.value(facts, now)?, other.value(facts, now)?];
                each(&sides, |sides| match sides {
                    [one, other] => between(*operator, one, other),
                    _ => Err(Refused::wrong(format!("{} stands between two", operator.word()))),
                })
            }
        }
    }

    /// About how many microseconds it takes to look at it for one entity, ways through others not counted; 1 or more.
    pub fn cost(&self) -> usize {
        let mut cost = 1;
        let mut left = vec![self];
        while let Some(expr) = left.pop() {
            match expr {
                Expr::Literal(Value::Shape(shape)) => cost += geometry::cost(shape),
                Expr::Literal(_) | Expr::Path(_) => {}
                Expr::Call(Function::StRelate, arguments) => {
                    cost += 64;
                    left.extend(arguments);
                }
                Expr::Call(_, arguments) => left.extend(arguments),
                Expr::Not(inner) | Expr::Negative(inner) => left.push(inner),
                Expr::Between(_, one, other) => left.extend([one.as_ref(), other.as_ref()]),
            }
        }
        cost
    }

    /// The parts that must all hold.
    pub fn conjuncts(&self) -> Vec<&Expr> {
        let mut found = Vec::new();
        let mut left = vec![self];
        while let Some(expr) = left.pop() {
            match expr {
                Expr::Between(Operator::And, one, other) => left.extend([other.as_ref(), one.as_ref()]),
                other => found.push(other),
            }
        }
        found
    }

    /// Every path in it.
    pub fn paths(&self) -> Vec<&[String]> {
        let mut found = Vec::new();
        let mut left = vec![self];
        while let Some(expr) = left.pop() {
            match expr {
                Expr::Literal(_) => {}
                Expr::Path(path) => found.push(path.as_slice()),
                Expr::Call(_, arguments) => left.extend(arguments),
                Expr::Not(inner) | Expr::Negative(inner) => left.push(inner),
                Expr::Between(_, one, other) => left.extend([one.as_ref(), other.as_ref()]),
            }
        }
        found
    }
}

fn kinds(values: &[Value]) -> String {
    values.iter().map(Value::kind).collect::<Vec<_>>().join(" and ")
}

/// Of one or of several: of several it is enough that one is true.
fn truth(value: &Value) -> Result<bool, Refused> {
    match value {
        Value::Flag(flag) => Ok(*flag),
        Value::Null => Ok(false),
        Value::Many(values) => {
            for value in values {
                if truth(value)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        other => Err(Refused::wrong(format!("a condition is true or false, and this is {}", other.kind()))),
    }
}

/// For values of which some may be several: for each combination.
fn each(values: &[Value], of: impl Fn(&[Value]) -> Result<Value, Refused>) -> Result<Value, Refused> {
    if !values.iter().any(|value| matches!(value, Value::Many(_))) {
        return of(values);
    }
    let mut combinations: Vec<Vec<Value>> = vec![Vec::new()];
    for value in values {
        let choices = match value {
            Value::Many(values) => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        if combinations.len().saturating_mul(choices.len()) > MANY_MAX {
            let why = format!("paths lead to more than {MANY_MAX} entities together: ask from the other side");
            return Err(Refused::Costly(why));
        }
        let longer = |start: &Vec<Value>| {
            let with = |choice: &Value| start.iter().chain([choice]).cloned().collect::<Vec<_>>();
            choices.iter().map(with).collect::<Vec<_>>()
        };
        combinations = combinations.iter().flat_map(longer).collect();
    }
    combinations.iter().map(|combination| of(combination)).collect::<Result<Vec<_>, _>>().map(Value::Many)
}

fn between(operator: Operator, one: &Value, other: &Value) -> Result<Value, Refused> {
    use Operator::{Add, And, Div, Eq, Ge, Gt, Le, Lt, Mod, Mul, Ne, Or, Sub};
    match operator {
        Eq | Ne | Gt | Ge | Lt | Le => compared(operator, one, other).map(Value::Flag),
        Add | Sub | Mul | Div | Mod => reckoned(operator, one, other),
        And | Or => Err(Refused::wrong("and, or stand between conditions")),
    }
}

fn compared(operator: Operator, one: &Value, other: &Value) -> Result<bool, Refused> {
    let order = one.compare(other)?;
    Ok(match (operator, order) {
        (Operator::Eq, Some(order)) => order == Ordering::Equal,
        (Operator::Ne, Some(order)) => order != Ordering::Equal,
        (Operator::Gt, Some(order)) => order == Ordering::Greater,
        (Operator::Ge, Some(order)) => order != Ordering::Less,
        (Operator::Lt, Some(order)) => order == Ordering::Less,
        (Operator::Le, Some(order)) => order != Ordering::Greater,
        (Operator::Eq, None) => *one == Value::Null && *other == Value::Null,
        (Operator::Ne, None) => *one != *other,
        _ => false,
    })
}

fn reckoned(operator: Operator, one: &Value, other: &Value) -> Result<Value, Refused> {
    use Operator::{Add, Div, Mod, Mul, Sub};
    Ok(match (operator, one, other) {
        (_, Value::Null, _) | (_, _, Value::Null) => Value::Null,
        (Add, Value::Number(one), Value::Number(other)) => Value::number(one + other),
        (Sub, Value::Number(one), Value::Number(other)) => Value::number(one - other),
        (Mul, Value::Number(one), Value::Number(other)) => Value::number(one * other),
        // By zero it is nothing, as what is not finite is no value here.
        (Div, Value::Number(one), Value::Number(other)) => Value::number(one / other),
        (Mod, Value::Number(one), Value::Number(other)) => Value::number(one % other),
        (Add, Value::Time(at), Value::Length(micros)) | (Add, Value::Length(micros), Value::Time(at)) => {
            moved(*at, *micros)
        }
        (Sub, Value::Time(at), Value::Length(micros)) => moved(*at, micros.saturating_neg()),
        (Sub, Value::Time(one), Value::Time(other)) => Value::Length(one.micros().saturating_sub(other.micros())),
        (Add, Value::Length(one), Value::Length(other)) => Value::Length(one.saturating_add(*other)),
        (Sub, Value::Length(one), Value::Length(other)) => Value::Length(one.saturating_sub(*other)),
        (operator, one, other) => {
            return Err(Refused::wrong(format!(
                "{} {} {}: they cannot be reckoned with",
                one.kind(),
                operator.word(),
                other.kind()
            )));
        }
    })
}

fn moved(at: Timestamp, micros: i64) -> Value {
    let by = Duration::from_micros(micros.unsigned_abs());
    Value::Time(if micros < 0 { at - by } else { at + by })
}
