//! One pass over a nested message, side by side with the layout that says what stands where.
//!
//! Nothing is built: keys are looked up in the layout's map of the same level, and what the layout does not name is
//! passed over or refused by its path. A device, a time, a name or a unit belongs to the values beside and below it:
//! to those of the same entry of a list that `*` stands for, otherwise to all of the message that have none of their
//! own. A time that cannot be read costs the values it belongs to; broken notation costs the message.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::layout::{KEYS_MAX, Layout, NOTES, Node, Role, Unlisted};
use super::observed::{Heard, Observed, Worded};
use super::time_form::TimeForm;
use super::tokens::{Open, Token, Tokens};
use super::{DETAIL_BYTES_MAX, Limits, number, reject};
use crate::model::{Reason, Rejection, Status, Timestamp};

/// Deepest nesting of objects and lists in each other.
const DEPTH_MAX: usize = 16;
/// Most values in a message, those that are passed over among them: an empty map costs a byte to send and much more to
/// read.
const VALUES_MAX: usize = 40_000;
/// Refusals of a message that say where; a message of nothing else would cost more to refuse than to take.
const PLACES_MAX: usize = 256;
/// Room for what a detail says behind a place.
const WORDS_BYTES: usize = 32;

/// Texts for the decoder itself, by [`Note`](super::layout::Note).
pub(super) type Notes<'a> = [Option<Cow<'a, str>>; NOTES];

/// Reads the whole message into `out`. On an error nothing of it is there.
pub(super) fn walk<'a>(
    tokens: &mut impl Tokens<'a>,
    layout: &'a Layout,
    limits: &Limits,
    out: &mut Heard<'a>,
) -> Result<Notes<'a>, Rejection> {
    let mut root = Scope::begin(out);
    let (observed, worded, rejections) = (root.observed_from, root.worded_from, root.rejections_from);
    let count_before = observed + worded + rejections;
    let mut walk = Walk { tokens, limits, unlisted: layout.unlisted, count_before, values: 0, path: Vec::new(), out };
    let walked = walk.value(At::of(&layout.root), &mut root).and_then(|()| walk.tokens.end());
    let notes = std::mem::take(&mut root.notes);
    root.close(out);
    let is_empty = out.observed.len() + out.worded.len() + out.rejections.len() == count_before;
    let walked = match walked {
        Ok(()) if is_empty && layout.unlisted == Unlisted::Reject => {
            Err(reject(Reason::NoReadings, "the message holds no value"))
        }
        walked => walked,
    };
    if let Err(rejection) = walked {
        out.observed.truncate(observed);
        out.worded.truncate(worded);
        out.rejections.truncate(rejections);
        return Err(rejection);
    }
    Ok(notes)
}

/// Where the layout is while the message is at some value.
#[derive(Clone, Copy)]
enum At<'a> {
    Node(&'a Node),
    /// The layout does not name it: its values are refused.
    Unlisted,
    /// It is passed over.
    Muted,
}

impl<'a> At<'a> {
    fn of(node: &'a Node) -> At<'a> {
        if matches!(node.role, Role::Ignored) { At::Muted } else { At::Node(node) }
    }
}

/// What is said for the values beside and below.
struct Scope<'a> {
    observed_from: usize,
    worded_from: usize,
    rejections_from: usize,
    device: Option<Cow<'a, str>>,
    name: Option<Cow<'a, str>>,
    unit: Option<Cow<'a, str>>,
    time: Option<Timestamp>,
    notes: Notes<'a>,
    /// The first thing that makes all of them unusable.
    refused: Option<Rejection>,
}

impl<'a> Scope<'a> {
    fn begin(out: &Heard<'a>) -> Scope<'a> {
        Scope {
            observed_from: out.observed.len(),
            worded_from: out.worded.len(),
            rejections_from: out.rejections.len(),
            device: None,
            name: None,
            unit: None,
            time: None,
            notes: Notes::default(),
            refused: None,
        }
    }

    fn refuse(&mut self, reason: Reason, detail: String) {
        self.refused.get_or_insert_with(|| reject(reason, detail));
    }

    fn close(self, out: &mut Heard<'a>) {
        if let Some(rejection) = self.refused {
            out.observed.truncate(self.observed_from);
            out.worded.truncate(self.worded_from);
            out.rejections.truncate(self.rejections_from);
            out.rejections.push(rejection);
            return;
        }
        let give = |own: &mut Cow<'a, str>, said: &Option<Cow<'a, str>>| {
            if let (true, Some(said)) = (own.is_empty(), said) {
                own.clone_from(said);
            }
        };
        for observed in &mut out.observed[self.observed_from..] {
            give(&mut observed.device, &self.device);
            give(&mut observed.name, &self.name);
            observed.time = observed.time.or(self.time);
            if observed.unit.is_none() {
                observed.unit.clone_from(&self.unit);
            }
        }
        for worded in &mut out.worded[self.worded_from..] {
            give(&mut worded.device, &self.device);
            give(&mut worded.name, &self.name);
            worded.time = worded.time.or(self.time);
        }
    }
}

/// One step of the path to the value at hand.
enum Step<'a> {
    Key(Cow<'a, str>),
    Place(usize),
}

struct Walk<'a, 'w, T> {
    tokens: &'w mut T,
    limits: &'w Limits,
    unlisted: Unlisted,
    count_before: usize,
    values: usize,
    path: Vec<Step<'a>>,
    out: &'w mut Heard<'a>,
}

impl<'a, T: Tokens<'a>> Walk<'a, '_, T> {
    fn value(&mut self, at: At<'a>, scope: &mut Scope<'a>) -> Result<(), Rejection> {
        self.values += 1;
        if self.values > VALUES_MAX {
            return Err(reject(Reason::TooManyReadings, format!("more than {VALUES_MAX} values")));
        }
        match self.tokens.value()? {
            Token::Map(map) => self.map(at, map, scope),
            Token::List(list) => self.list(at, list, scope),
            leaf => self.leaf(at, leaf, scope),
        }
    }

    fn map(&mut self, at: At<'a>, mut map: Open, scope: &mut Scope<'a>) -> Result<(), Rejection> {
        self.check_depth()?;
        let mut seen = [0_u64; KEYS_MAX / 64];
        while let Some(key) = self.tokens.key(&mut map)? {
            if map.taken > self.limits.keys_max {
                let detail = format!("more than {} keys in one object", self.limits.keys_max);
                return Err(reject(Reason::TooManyReadings, detail));
            }
            let below = match at {
                At::Node(node) => match node.children.get(&*key) {
                    Some(child) => {
                        let (word, bit) = (child.place / 64, 1 << (child.place % 64));
                        if seen[word] & bit != 0 {
                            scope.refuse(Reason::DuplicateKey, format!("{key} is there twice"));
                        }
                        seen[word] |= bit;
                        At::of(&child.node)
                    }
                    None => self.unlisted(),
                },
                other => other,
            };
            self.path.push(Step::Key(key));
            self.value(below, scope)?;
            self.path.pop();
        }
        Ok(())
    }

    fn list(&mut self, at: At<'a>, mut list: Open, scope: &mut Scope<'a>) -> Result<(), Rejection> {
        self.check_depth()?;
        let mut place = 0;
        while self.tokens.item(&mut list)? {
            let named = match at {
                At::Node(node) if !node.children.is_empty() => node.children.get(place.to_string().as_str()),
                _ => None,
            };
            self.path.push(Step::Place(place));
            match (at, named) {
                (_, Some(child)) => self.value(At::of(&child.node), scope)?,
                (At::Node(Node { any: Some(any), .. }), None) => {
                    let mut entry = Scope::begin(self.out);
                    self.value(At::of(any), &mut entry)?;
                    entry.close(self.out);
                }
                (At::Node(_), None) => self.value(self.unlisted(), scope)?,
                (other, None) => self.value(other, scope)?,
            }
            self.path.pop();
            place += 1;
        }
        Ok(())
    }

    fn check_depth(&self) -> Result<(), Rejection> {
        if self.path.len() < DEPTH_MAX {
            return Ok(());
        }
        Err(reject(Reason::NestedTooDeep, format!("more than {DEPTH_MAX} levels inside each other")))
    }

    fn unlisted(&self) -> At<'a> {
        match self.unlisted {
            Unlisted::Reject => At::Unlisted,
            Unlisted::Ignore => At::Muted,
        }
    }

    fn leaf(&mut self, at: At<'a>, leaf: Token<'a>, scope: &mut Scope<'a>) -> Result<(), Rejection> {
        let At::Node(node) = at else {
            if matches!(at, At::Unlisted) {
                self.refuse_unlisted(&leaf)?;
            }
            return Ok(());
        };
        match &node.role {
            Role::Inner if self.unlisted == Unlisted::Reject => self.refuse_unlisted(&leaf)?,
            Role::Inner | Role::Ignored => {}
            Role::Value(name) => self.observe(Cow::Borrowed(name), leaf)?,
            Role::NamedValue => self.observe(Cow::Borrowed(""), leaf)?,
            Role::Time(form) => self.time(form, &leaf, scope),
            Role::Device => scope.device = self.words(leaf, scope),
            Role::Name => scope.name = self.words(leaf, scope),
            Role::Unit => scope.unit = self.words(leaf, scope),
            Role::Note(note) => scope.notes[*note as usize] = self.words(leaf, scope),
        }
        Ok(())
    }

    fn observe(&mut self, name: Cow<'a, str>, leaf: Token<'a>) -> Result<(), Rejection> {
        self.check_count()?;
        let device = Cow::Borrowed("");
        let value = match leaf {
            Token::Null => return Ok(()),
            Token::Number(number) => number,
            Token::Truth(truth) => f64::from(u8::from(truth)),
            // Some devices write their numbers in quotes.
            Token::Text(text) => match number::parse(text.as_bytes()).filter(|(_, length)| *length == text.len()) {
                Some((number, _)) => number,
                None => {
                    self.out.worded.push(Worded { device, name, time: None, word: text });
                    return Ok(());
                }
            },
            Token::Bytes | Token::Map(_) | Token::List(_) => {
                let detail = format!("{}: bytes where a number belongs", self.place());
                self.out.rejections.push(reject(Reason::WrongType, detail));
                return Ok(());
            }
        };
        if value.is_finite() {
            let (unit, time, status, place) = (None, None, Status::Measuring, None);
            self.out.observed.push(Observed { device, name, unit, time, value, status, place });
        } else {
            let detail = format!("{}: no number that a double can hold", self.place());
            self.out.rejections.push(reject(Reason::NotFinite, detail));
        }
        Ok(())
    }

    fn time(&self, form: &TimeForm, leaf: &Token<'a>, scope: &mut Scope<'a>) {
        let (time, shown) = match leaf {
            Token::Null => return,
            Token::Text(text) => (form.text(text), text.to_string()),
            Token::Number(number) => (form.number(*number), number.to_string()),
            _ => (None, "no text and no number".to_owned()),
        };
        match time {
            Some(time) => scope.time = Some(time),
            None => {
                let detail = format!("{} {shown}: the source's times are written {form:?}", self.place());
                scope.refuse(Reason::InvalidTime, detail);
            }
        }
    }

    /// A text; a number stands for its digits, as devices are numbered too.
    fn words(&self, leaf: Token<'a>, scope: &mut Scope<'a>) -> Option<Cow<'a, str>> {
        match leaf {
            Token::Text(text) => Some(text),
            Token::Number(number) if number.is_finite() => Some(Cow::Owned(number.to_string())),
            Token::Null => None,
            _ => {
                scope.refuse(Reason::WrongType, format!("{}: a text belongs here", self.place()));
                None
            }
        }
    }

    fn refuse_unlisted(&mut self, leaf: &Token<'a>) -> Result<(), Rejection> {
        if matches!(leaf, Token::Null) {
            return Ok(());
        }
        self.check_count()?;
        let detail = self.place() + " is not among the source's names";
        self.out.rejections.push(reject(Reason::UnknownProperty, detail));
        Ok(())
    }

    fn check_count(&self) -> Result<(), Rejection> {
        let count = self.out.observed.len() + self.out.worded.len() + self.out.rejections.len() - self.count_before;
        if count < self.limits.readings_max {
            return Ok(());
        }
        Err(reject(Reason::TooManyReadings, format!("more than {} readings", self.limits.readings_max)))
    }

    /// The path as a JSON Pointer, as far as a detail has room for it.
    fn place(&self) -> String {
        if self.out.rejections.len() >= PLACES_MAX {
            return "another value".to_owned();
        }
        let lengths = self.path.iter().map(|step| if let Step::Key(key) = step { 1 + key.len() } else { 4 });
        let mut pointer = String::with_capacity(lengths.sum::<usize>().min(2 * DETAIL_BYTES_MAX) + WORDS_BYTES);
        for step in &self.path {
            if pointer.len() > DETAIL_BYTES_MAX {
                break;
            }
            pointer.push('/');
            match step {
                Step::Key(key) if key.contains(['~', '/']) => {
                    pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
                }
                Step::Key(key) => pointer.push_str(key),
                // Writing to a string does not fail.
                Step::Place(place) => drop(write!(pointer, "{place}")),
            }
        }
        if pointer.is_empty() { "the message".to_owned() } else { pointer }
    }
}
