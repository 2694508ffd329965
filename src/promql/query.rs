//! What a query says: the tree that [`super::parse`] makes of its text.

use std::time::Duration;

use regex::Regex;

use super::{Labels, NAME};
use crate::model::Timestamp;

/// A part of a query.
#[derive(Clone, Debug)]
pub enum Expr {
    /// `1.5`
    Number(f64),
    /// `"a"`
    Text(String),
    /// `pm2_5{area="03388"}`
    Vector(Selector),
    /// `pm2_5[5m]`
    Range(Selector, Duration),
    /// `abs(…)`
    Call(String, Vec<Expr>),
    /// `sum by (area) (…)`
    Aggregate(Box<Aggregate>),
    /// `-…`
    Negative(Box<Expr>),
    /// `… + …`
    Binary(Box<Binary>),
}

/// Which series, and when.
#[derive(Clone, Debug, Default)]
pub struct Selector {
    /// The metric's name, when it is written before the braces.
    pub name: Option<String>,
    /// All of these hold.
    pub matchers: Vec<Matcher>,
    /// Microseconds back in time; negative: ahead.
    pub offset_micros: i64,
    /// One instant for all.
    pub at: Option<At>,
}

/// What a label is to be.
#[derive(Clone, Debug)]
pub struct Matcher {
    /// The label.
    pub label: String,
    /// What of its value.
    pub test: Test,
}

/// What a value is to be.
#[derive(Clone, Debug)]
pub enum Test {
    /// This.
    Equal(String),
    /// Anything else.
    NotEqual(String),
    /// The whole of it like this.
    Like(Regex),
    /// Not like this.
    Unlike(Regex),
}

impl Matcher {
    /// Whether a label's value is what it is to be; a label that is not there is empty.
    pub fn takes(&self, value: &str) -> bool {
        match &self.test {
            Test::Equal(wanted) => wanted == value,
            Test::NotEqual(other) => other != value,
            Test::Like(pattern) => pattern.is_match(value),
            Test::Unlike(pattern) => !pattern.is_match(value),
        }
    }
}

/// The instant that a selector is pinned to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum At {
    /// The query's first.
    Start,
    /// The query's last.
    End,
    /// This one.
    Time(Timestamp),
}

/// Labels by which series belong together.
#[derive(Clone, Debug, PartialEq)]
pub enum Grouping {
    /// By these: `by`, `on`.
    By(Vec<String>),
    /// By all but these and the name: `without`, `ignoring`.
    Without(Vec<String>),
}

impl Grouping {
    /// The labels by which a series belongs to others.
    pub(super) fn of(&self, labels: &Labels) -> Labels {
        match self {
            Grouping::By(by) => labels.filtered(|name| by.iter().any(|one| one == name)),
            Grouping::Without(without) => {
                labels.filtered(|name| name != NAME && !without.iter().any(|one| one == name))
            }
        }
    }
}

/// An aggregation.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// What.
    pub op: Aggregation,
    /// By which labels; `None`: everything together.
    pub grouping: Option<Grouping>,
    /// What it takes beside series.
    pub number: Option<Expr>,
    /// Of what.
    pub of: Expr,
}

/// What is made of the series of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is PromQL's aggregation of that name")]
pub enum Aggregation {
    Sum,
    Avg,
    Min,
    Max,
    Count,
    Group,
    Stddev,
    Stdvar,
    Quantile,
    TopK,
    BottomK,
}

impl Aggregation {
    const ALL: [(&'static str, Aggregation); 11] = [
        ("sum", Aggregation::Sum),
        ("avg", Aggregation::Avg),
        ("min", Aggregation::Min),
        ("max", Aggregation::Max),
        ("count", Aggregation::Count),
        ("group", Aggregation::Group),
        ("stddev", Aggregation::Stddev),
        ("stdvar", Aggregation::Stdvar),
        ("quantile", Aggregation::Quantile),
        ("topk", Aggregation::TopK),
        ("bottomk", Aggregation::BottomK),
    ];

    /// By its word, in small letters.
    pub fn named(word: &str) -> Option<Aggregation> {
        Aggregation::ALL.iter().find(|(known, _)| *known == word).map(|(_, op)| *op)
    }

    /// Whether it takes a number beside series.
    pub fn takes_number(self) -> bool {
        matches!(self, Aggregation::Quantile | Aggregation::TopK | Aggregation::BottomK)
    }
}

/// An operator between two parts.
#[derive(Clone, Debug)]
pub struct Binary {
    /// Which.
    pub op: Operator,
    /// On its left.
    pub left: Expr,
    /// On its right.
    pub right: Expr,
    /// A comparison says 0 or 1 instead of leaving out.
    pub with_bool: bool,
    /// By which labels vectors are matched; `None`: all but the name.
    pub matching: Option<Grouping>,
}

/// An operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is PromQL's operator")]
pub enum Operator {
    Or,
    And,
    Unless,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Atan2,
    Power,
}

impl Operator {
    /// How tightly it binds: `or` the least, a power the most.
    pub fn binds(self) -> u8 {
        match self {
            Operator::Or => 1,
            Operator::And | Operator::Unless => 2,
            Operator::Add | Operator::Subtract => 4,
            Operator::Multiply | Operator::Divide | Operator::Remainder | Operator::Atan2 => 5,
            Operator::Power => 7,
            _ => 3,
        }
    }

    /// Whether it compares.
    pub fn compares(self) -> bool {
        self.binds() == 3
    }

    /// Whether it is one of sets.
    pub fn is_of_sets(self) -> bool {
        self.binds() <= 2
    }
}
