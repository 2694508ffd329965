//! From the words of a filter to an expression: precedence climbing, bounded in depth.

use super::entity::is_id;
use super::filter::{Expr, Operator};
use super::lex::{Token, tokens};
use super::value::Value;
use super::{Function, Refused, shown};
use crate::model::Timestamp;

/// How deep expressions may stand in each other.
const DEPTH_MAX: usize = 64;
/// Operators in one filter, at most: as deep may an expression be, and whoever reckons it goes as deep.
const OPERATORS_MAX: usize = 256;
/// Names in one path, at most.
const PATH_MAX: usize = 16;

/// Reads a filter.
pub fn parse(text: &str) -> Result<Expr, Refused> {
    let mut reader = Reader { tokens: tokens(text)?, at: 0, operators: 0 };
    let expr = reader.expression(0, 0)?;
    match reader.peek() {
        None => Ok(expr),
        Some(token) => Err(Refused::wrong(format!("the filter cannot go on with {}", told(token)))),
    }
}

fn told(token: &Token) -> String {
    match token {
        Token::Word(word) => shown(word),
        Token::Literal(value) => value.kind().to_owned(),
        Token::Open => "(".to_owned(),
        Token::Close => ")".to_owned(),
        Token::Comma => ",".to_owned(),
        Token::Slash => "/".to_owned(),
        Token::Minus => "-".to_owned(),
    }
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
    operators: usize,
}

impl Reader {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn take_if(&mut self, wanted: &Token) -> bool {
        let is_there = self.peek() == Some(wanted);
        self.at += usize::from(is_there);
        is_there
    }

    fn need(&mut self, wanted: &Token) -> Result<(), Refused> {
        if self.take_if(wanted) {
            return Ok(());
        }
        let found = self.peek().map_or("the end".to_owned(), told);
        Err(Refused::wrong(format!("the filter needs {} where it has {found}", told(wanted))))
    }

    /// What binds tighter than `least`, or as tight.
    fn expression(&mut self, least: u8, depth: usize) -> Result<Expr, Refused> {
        if depth > DEPTH_MAX {
            return Err(Refused::wrong(format!("the filter is deeper than {DEPTH_MAX}")));
        }
        let mut left = self.one(depth)?;
        while let Some(Token::Word(word)) = self.peek() {
            let found = Operator::ALL.iter().find(|(name, ..)| name == word);
            let Some((_, operator, strength)) = found.filter(|(_, _, strength)| *strength >= least) else { break };
            self.at += 1;
            self.operators += 1;
            if self.operators > OPERATORS_MAX {
                return Err(Refused::wrong(format!("a filter has at most {OPERATORS_MAX} operators")));
            }
            let right = self.expression(strength + 1, depth + 1)?;
            left = Expr::Between(*operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn one(&mut self, depth: usize) -> Result<Expr, Refused> {
        match self.take() {
            Some(Token::Literal(value)) => Ok(Expr::Literal(value)),
            Some(Token::Open) => {
                let inner = self.expression(0, depth + 1)?;
                self.need(&Token::Close)?;
                Ok(inner)
            }
            // `not` and `-` bind tighter than everything between two.
            Some(Token::Minus) => self.prefixed(depth).map(Box::new).map(Expr::Negative),
            Some(Token::Word(word)) if word == "not" => self.prefixed(depth).map(Box::new).map(Expr::Not),
            Some(Token::Word(word)) if self.peek() == Some(&Token::Open) => self.call(&word, depth),
            Some(Token::Word(word)) => self.path(word),
            Some(token) => Err(Refused::wrong(format!("the filter has {} where a value is due", told(&token)))),
            None => Err(Refused::wrong("the filter ends where a value is due")),
        }
    }

    fn prefixed(&mut self, depth: usize) -> Result<Expr, Refused> {
        if depth >= DEPTH_MAX {
            return Err(Refused::wrong(format!("the filter is deeper than {DEPTH_MAX}")));
        }
        self.one(depth + 1)
    }

    fn call(&mut self, word: &str, depth: usize) -> Result<Expr, Refused> {
        let function = Function::named(word).ok_or_else(|| {
            Refused::not_offered(format!("there is no function {}: there are {}", shown(word), Function::words()))
        })?;
        self.need(&Token::Open)?;
        let mut arguments = Vec::new();
        if !self.take_if(&Token::Close) {
            loop {
                arguments.push(self.expression(0, depth + 1)?);
                if self.take_if(&Token::Close) {
                    break;
                }
                self.need(&Token::Comma)?;
            }
        }
        if !function.takes(arguments.len()) {
            return Err(Refused::wrong(format!("{word} takes {}, not {}", function.takes_told(), arguments.len())));
        }
        let literals: Option<Vec<Value>> = arguments
            .iter()
            .map(|argument| match argument {
                Expr::Literal(value) => Some(value.clone()),
                _ => None,
            })
            .collect();
        match literals {
            // What is the same for every entity is reckoned once.
            Some(literals) if function != Function::Now => function.of(&literals, Timestamp::EPOCH).map(Expr::Literal),
            _ => Ok(Expr::Call(function, arguments)),
        }
    }

    fn path(&mut self, first: String) -> Result<Expr, Refused> {
        if Operator::ALL.iter().any(|(word, ..)| *word == first) {
            return Err(Refused::wrong(format!("the filter has {first} where a value is due")));
        }
        let mut names = vec![first];
        while self.take_if(&Token::Slash) {
            match self.take() {
                Some(Token::Word(name)) if name == "any" || name == "all" => {
                    let why =
                        "any and all are not offered: a path through several entities means that one of them fits";
                    return Err(Refused::not_offered(why));
                }
                Some(Token::Word(name)) => names.push(name),
                // Keys of objects and places of lists may look like numbers.
                Some(Token::Literal(Value::Number(number))) if number >= 0.0 && number.fract() == 0.0 => {
                    names.push(format!("{number}"));
                }
                token => {
                    let found = token.map_or("the end".to_owned(), |token| told(&token));
                    return Err(Refused::wrong(format!("a path needs a name where it has {found}")));
                }
            }
            if names.len() > PATH_MAX {
                return Err(Refused::wrong(format!("a path has at most {PATH_MAX} names")));
            }
        }
        // One way to write an identifier.
        if let Some(last) = names.last_mut().filter(|last| is_id(last)) {
            "@iot.id".clone_into(last);
        }
        Ok(Expr::Path(names))
    }
}
