//! From a query's words to its tree, by precedence climbing. What the language has and this subset has not is refused by
//! its name. Depth is bounded: [`super::NESTING_MAX`].

use std::time::Duration;

use regex::{Regex, RegexBuilder};

use super::lex::{Token, words};
use super::query::{Aggregate, Aggregation, At, Binary, Expr, Grouping, Matcher, Operator, Selector, Test};
use super::{NAME, NESTING_MAX, PromqlError};
use crate::model::Timestamp;

/// Bytes of a compiled pattern.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// A part and how deep it is.
type Deep = (Expr, usize);

/// See [`super::read`].
pub(super) fn parse(query: &str) -> Result<Expr, PromqlError> {
    let mut parser = Parser { words: words(query)?, place: 0, open: 0 };
    let (expr, _) = parser.expression(0)?;
    match parser.next() {
        None => Ok(expr),
        Some(word) => Err(wrong(&format!("nothing was expected where {} stands", told(&word)))),
    }
}

fn wrong(why: &str) -> PromqlError {
    PromqlError::BadData(format!("the query cannot be read: {why}"))
}

fn told(word: &Token) -> String {
    match word {
        Token::Number(number) => number.to_string(),
        Token::Length(length) => format!("{length:?}"),
        Token::Text(text) => format!("{text:?}"),
        Token::Name(name) => name.clone(),
        Token::Sign(sign) => format!("{sign:?}"),
    }
}

struct Parser {
    words: Vec<Token>,
    place: usize,
    /// Parts that are not finished.
    open: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.words.get(self.place)
    }

    fn next(&mut self) -> Option<Token> {
        let word = self.words.get(self.place).cloned();
        self.place += usize::from(word.is_some());
        word
    }

    fn takes(&mut self, sign: &str) -> bool {
        let is_it = matches!(self.peek(), Some(Token::Sign(found)) if *found == sign);
        self.place += usize::from(is_it);
        is_it
    }

    fn needs(&mut self, sign: &str) -> Result<(), PromqlError> {
        if self.takes(sign) {
            return Ok(());
        }
        let found = self.peek().map_or("its end".to_owned(), told);
        Err(wrong(&format!("{sign:?} was expected where {found} stands")))
    }

    /// The word of the language that stands here, in small letters.
    fn word(&self) -> Option<String> {
        match self.peek() {
            Some(Token::Name(name)) => Some(name.to_ascii_lowercase()),
            _ => None,
        }
    }

    fn takes_word(&mut self, wanted: &str) -> bool {
        let is_it = self.word().is_some_and(|word| word == wanted);
        self.place += usize::from(is_it);
        is_it
    }

    fn operator(&self) -> Option<Operator> {
        match self.peek()? {
            Token::Sign(sign) => Some(match *sign {
                "==" => Operator::Equal,
                "!=" => Operator::NotEqual,
                "<" => Operator::Less,
                "<=" => Operator::LessOrEqual,
                ">" => Operator::Greater,
                ">=" => Operator::GreaterOrEqual,
                "+" => Operator::Add,
                "-" => Operator::Subtract,
                "*" => Operator::Multiply,
                "/" => Operator::Divide,
                "%" => Operator::Remainder,
                "^" => Operator::Power,
                _ => return None,
            }),
            Token::Name(name) => Some(match name.to_ascii_lowercase().as_str() {
                "or" => Operator::Or,
                "and" => Operator::And,
                "unless" => Operator::Unless,
                "atan2" => Operator::Atan2,
                _ => return None,
            }),
            _ => None,
        }
    }

    /// What binds at least so tightly.
    fn expression(&mut self, least: u8) -> Result<Deep, PromqlError> {
        self.open += 1;
        shallow(self.open)?;
        let mut left = self.signed()?;
        while let Some(op) = self.operator().filter(|op| op.binds() >= least) {
            self.place += 1;
            let (with_bool, matching) = self.modifiers(op)?;
            // A power binds to the right, everything else to the left.
            let right = self.expression(op.binds() + u8::from(op != Operator::Power))?;
            let depth = shallow(left.1.max(right.1) + 1)?;
            left = (Expr::Binary(Box::new(Binary { op, left: left.0, right: right.0, with_bool, matching })), depth);
        }
        self.open -= 1;
        Ok(left)
    }

    fn modifiers(&mut self, op: Operator) -> Result<(bool, Option<Grouping>), PromqlError> {
        let with_bool = self.takes_word("bool");
        if with_bool && !op.compares() {
            return Err(wrong("bool goes with a comparison alone"));
        }
        let matching = if self.takes_word("on") {
            Some(Grouping::By(self.labels()?))
        } else if self.takes_word("ignoring") {
            Some(Grouping::Without(self.labels()?))
        } else {
            None
        };
        match self.word().as_deref() {
            Some(word @ ("group_left" | "group_right")) => {
                Err(PromqlError::refused(&format!("{word} (many-to-one matching)")))
            }
            _ => Ok((with_bool, matching)),
        }
    }

    /// A sign before a part binds less than a power and more than the rest.
    fn signed(&mut self) -> Result<Deep, PromqlError> {
        let is_negative = self.takes("-");
        if !is_negative && !self.takes("+") {
            let primary = self.primary()?;
            return self.suffixed(primary);
        }
        let (expr, depth) = self.expression(Operator::Power.binds())?;
        let depth = shallow(depth + 1)?;
        Ok((if is_negative { Expr::Negative(Box::new(expr)) } else { expr }, depth))
    }

    fn primary(&mut self) -> Result<Deep, PromqlError> {
        if self.takes("(") {
            let inner = self.expression(0)?;
            self.needs(")")?;
            return Ok(inner);
        }
        if matches!(self.peek(), Some(Token::Sign("{"))) {
            return Ok((Expr::Vector(Selector { matchers: self.matchers()?, ..Selector::default() }), 1));
        }
        match self.next() {
            Some(Token::Number(number)) => Ok((Expr::Number(number), 1)),
            Some(Token::Length(length)) => Ok((Expr::Number(length.as_secs_f64()), 1)),
            Some(Token::Text(text)) => Ok((Expr::Text(text), 1)),
            Some(Token::Name(name)) => self.named(name),
            Some(word) => Err(wrong(&format!("a value was expected where {} stands", told(&word)))),
            None => Err(wrong("a value was expected at its end")),
        }
    }

    fn named(&mut self, name: String) -> Result<Deep, PromqlError> {
        let is_call = matches!(self.peek(), Some(Token::Sign("(")));
        let is_grouped = matches!(self.word().as_deref(), Some("by" | "without"));
        let small = name.to_ascii_lowercase();
        if is_call || is_grouped {
            if let Some(op) = Aggregation::named(&small) {
                return self.aggregate(op);
            }
            if ["count_values", "limitk", "limit_ratio"].contains(&small.as_str()) {
                return Err(PromqlError::refused(&small));
            }
        }
        if is_call {
            let (arguments, depth) = self.arguments()?;
            return Ok((Expr::Call(name, arguments), shallow(depth + 1)?));
        }
        let matchers = if matches!(self.peek(), Some(Token::Sign("{"))) { self.matchers()? } else { Vec::new() };
        Ok((Expr::Vector(Selector { name: Some(name), matchers, ..Selector::default() }), 1))
    }

    fn arguments(&mut self) -> Result<(Vec<Expr>, usize), PromqlError> {
        self.needs("(")?;
        let (mut arguments, mut depth) = (Vec::new(), 0);
        while !self.takes(")") {
            let (argument, own) = self.expression(0)?;
            arguments.push(argument);
            depth = depth.max(own);
            if !self.takes(",") {
                self.needs(")")?;
                break;
            }
        }
        Ok((arguments, depth))
    }

    fn aggregate(&mut self, op: Aggregation) -> Result<Deep, PromqlError> {
        let before = self.grouping()?;
        let (mut arguments, depth) = self.arguments()?;
        let after = self.grouping()?;
        if before.is_some() && after.is_some() {
            return Err(wrong("an aggregation is grouped once"));
        }
        let of = arguments.pop().ok_or_else(|| wrong("an aggregation takes a vector"))?;
        let number = arguments.pop();
        if number.is_some() != op.takes_number() || !arguments.is_empty() {
            return Err(wrong("topk, bottomk and quantile take a number and a vector, other aggregations a vector"));
        }
        let aggregate = Aggregate { op, grouping: before.or(after), number, of };
        Ok((Expr::Aggregate(Box::new(aggregate)), shallow(depth + 1)?))
    }

    fn grouping(&mut self) -> Result<Option<Grouping>, PromqlError> {
        if self.takes_word("by") {
            return self.labels().map(Grouping::By).map(Some);
        }
        if self.takes_word("without") {
            return self.labels().map(Grouping::Without).map(Some);
        }
        Ok(None)
    }

    /// `(a, b)`
    fn labels(&mut self) -> Result<Vec<String>, PromqlError> {
        self.needs("(")?;
        let mut labels = Vec::new();
        while !self.takes(")") {
            match self.next() {
                Some(Token::Name(label) | Token::Text(label)) => labels.push(label),
                _ => return Err(wrong("a list of labels holds names")),
            }
            if !self.takes(",") {
                self.needs(")")?;
                break;
            }
        }
        Ok(labels)
    }

    /// `{a="b", c=~"d"}`; a text alone is the metric's name.
    fn matchers(&mut self) -> Result<Vec<Matcher>, PromqlError> {
        self.needs("{")?;
        let mut matchers = Vec::new();
        while !self.takes("}") {
            let (label, is_quoted) = match self.next() {
                Some(Token::Name(label)) => (label, false),
                Some(Token::Text(label)) => (label, true),
                _ => return Err(wrong("a label was expected in {}")),
            };
            let is_alone = matches!(self.peek(), Some(Token::Sign("," | "}")));
            matchers.push(if is_quoted && is_alone {
                Matcher { label: NAME.to_owned(), test: Test::Equal(label) }
            } else {
                Matcher { label, test: self.test()? }
            });
            if !self.takes(",") {
                self.needs("}")?;
                break;
            }
        }
        Ok(matchers)
    }

    fn test(&mut self) -> Result<Test, PromqlError> {
        let sign = self.next();
        let Some(Token::Text(text)) = self.next() else {
            return Err(wrong("a label is followed by =, !=, =~ or !~ and a text in quotes"));
        };
        match sign {
            Some(Token::Sign("=")) => Ok(Test::Equal(text)),
            Some(Token::Sign("!=")) => Ok(Test::NotEqual(text)),
            Some(Token::Sign("=~")) => pattern(&text).map(Test::Like),
            Some(Token::Sign("!~")) => pattern(&text).map(Test::Unlike),
            _ => Err(wrong("a label is followed by =, !=, =~ or !~ and a text in quotes")),
        }
    }

    /// `[5m]`, `offset 1h`, `@ 1700000000` behind a selector.
    fn suffixed(&mut self, (mut expr, depth): Deep) -> Result<Deep, PromqlError> {
        loop {
            if self.takes("[") {
                let range = self.length(1)?;
                if self.takes(":") {
                    return Err(PromqlError::refused("a subquery ([1h:5m])"));
                }
                self.needs("]")?;
                expr = match expr {
                    Expr::Vector(selector) if selector.offset_micros == 0 && selector.at.is_none() => {
                        Expr::Range(selector, range)
                    }
                    _ => return Err(wrong("a range in [] stands right behind a selector")),
                };
            } else if self.takes_word("offset") {
                let is_ahead = self.takes("-");
                let micros = i64::try_from(self.length(0)?.as_micros()).unwrap_or(i64::MAX);
                selector(&mut expr)?.offset_micros = if is_ahead { -micros } else { micros };
            } else if self.takes("@") {
                let at = self.pin()?;
                selector(&mut expr)?.at = Some(at);
            } else {
                return Ok((expr, depth));
            }
        }
    }

    /// At least so many milliseconds.
    fn length(&mut self, least: u128) -> Result<Duration, PromqlError> {
        let length = match self.next() {
            Some(Token::Length(length)) => Some(length),
            Some(Token::Number(seconds)) => Duration::try_from_secs_f64(seconds).ok(),
            _ => None,
        };
        let length = length.filter(|length| length.as_millis() >= least && length.as_secs() < 200 * 366 * 86_400);
        length.ok_or_else(|| wrong("a length of time such as 5m was expected, above zero for a range, up to 200 years"))
    }

    fn pin(&mut self) -> Result<At, PromqlError> {
        let is_before = self.takes("-");
        match self.next() {
            Some(Token::Number(seconds)) if seconds.abs() < 2e11 => {
                let seconds = if is_before { -seconds } else { seconds };
                Ok(At::Time(Timestamp::from_micros((seconds * 1e6).round() as i64)))
            }
            Some(Token::Name(name)) if !is_before && ["start", "end"].contains(&name.as_str()) => {
                self.needs("(")?;
                self.needs(")")?;
                Ok(if name == "start" { At::Start } else { At::End })
            }
            _ => Err(wrong("@ is followed by seconds since 1970, start() or end()")),
        }
    }
}

fn shallow(depth: usize) -> Result<usize, PromqlError> {
    if depth <= NESTING_MAX { Ok(depth) } else { Err(wrong(&format!("it nests deeper than {NESTING_MAX}"))) }
}

fn selector(expr: &mut Expr) -> Result<&mut Selector, PromqlError> {
    match expr {
        Expr::Vector(selector) | Expr::Range(selector, _) => Ok(selector),
        _ => Err(wrong("offset and @ stand behind a selector")),
    }
}

/// Fits a value as a whole.
fn pattern(text: &str) -> Result<Regex, PromqlError> {
    let built = RegexBuilder::new(&format!("^(?s:{text})$")).size_limit(PATTERN_BYTES_MAX).build();
    built.map_err(|_| PromqlError::BadData(format!("the query cannot be read: {text:?} is no pattern, or a large one")))
}
