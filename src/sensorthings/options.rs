//! Query options (18-088, clause 9.3), of an address and of what is expanded in it.

use super::entity::{Relation, Set, is_id};
use super::filter::Expr;
use super::{Refused, parse_filter, shown};

/// The longest value of an option, bytes.
const BYTES_MAX: usize = 16 * 1024;
/// How deep expansions may stand in each other.
const DEPTH_MAX: usize = 5;
/// Names in one list, at most.
const NAMES_MAX: usize = 64;

/// How many entities are sent at once, at most; and when nobody says how many.
pub const TOP_MAX: usize = 1_000;
/// The same of observations.
pub const OBSERVATIONS_MAX: usize = 10_000;
/// What is sent when nobody says how many.
pub const TOP_DEFAULT: usize = 100;
/// Entities that can be skipped.
const SKIP_MAX: usize = 10_000_000;

/// What is asked of entities.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// Which of them.
    pub filter: Option<Expr>,
    /// What is sent with each of them.
    pub expand: Vec<Expand>,
    /// Properties and relations that are sent; all when `None`.
    pub select: Option<Vec<String>>,
    /// Their order.
    pub order: Vec<Order>,
    /// How many at most.
    pub top: Option<usize>,
    /// How many are left out before.
    pub skip: usize,
    /// Whether all are counted.
    pub count: bool,
    /// Where to go on in time.
    pub skip_token: Option<SkipToken>,
    /// How they are written.
    pub format: ResultFormat,
}

/// What is sent with an entity.
#[derive(Clone, Debug, PartialEq)]
pub struct Expand {
    /// Where it is.
    pub relation: Relation,
    /// What is asked of it.
    pub options: Options,
    /// The same as it was written, for addresses that ask on.
    pub written: Vec<(String, String)>,
}

/// One key of an order.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// By what.
    pub by: Expr,
    /// Which way.
    pub direction: Direction,
}

/// Which way an order goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The least first.
    Ascending,
    /// The greatest first.
    Descending,
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResultFormat {
    /// JSON, one object an entity.
    #[default]
    Entities,
    /// Observations as rows of a table (18-088, clause 12.2).
    DataArray,
    /// Features of RFC 7946.
    GeoJson,
    /// Comma-separated values (RFC 4180) with a header row.
    Csv,
}

/// The last observation that was looked at: reading goes on behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SkipToken {
    /// Its channel's number.
    pub channel: u32,
    /// Its time, microseconds since 1970.
    pub micros: i64,
}

impl SkipToken {
    /// As an address has it.
    pub fn text(self) -> String {
        format!("{}~{}", self.channel, self.micros)
    }

    fn parse(text: &str) -> Result<Self, Refused> {
        let parts =
            text.split_once('~').and_then(|(channel, micros)| Some((channel.parse().ok()?, micros.parse().ok()?)));
        let (channel, micros) = parts.ok_or_else(|| Refused::wrong("$skiptoken is not that of an @iot.nextLink"))?;
        Ok(SkipToken { channel, micros })
    }
}

impl Options {
    /// Of the entities of a set, from names and values as they stand in a query, percent-decoded.
    pub fn parse<'q>(set: Set, pairs: impl IntoIterator<Item = (&'q str, &'q str)>) -> Result<Options, Refused> {
        read(set, pairs, 0)
    }

    /// How many are sent at most.
    pub fn most(&self, set: Set) -> usize {
        let limit = if set == Set::Observations { OBSERVATIONS_MAX } else { TOP_MAX };
        self.top.unwrap_or(TOP_DEFAULT).min(limit)
    }

    /// Whether a property or relation is sent.
    pub fn selects(&self, name: &str) -> bool {
        self.select.as_ref().is_none_or(|names| names.iter().any(|one| one == name))
    }
}

fn read<'q>(set: Set, pairs: impl IntoIterator<Item = (&'q str, &'q str)>, depth: usize) -> Result<Options, Refused> {
    let mut options = Options::default();
    let mut seen: Vec<&str> = Vec::new();
    for (name, value) in pairs {
        if seen.contains(&name) {
            return Err(Refused::wrong(format!("{name} is given twice")));
        }
        seen.push(name);
        if value.len() > BYTES_MAX {
            return Err(Refused::wrong(format!("{name} has at most {BYTES_MAX} bytes")));
        }
        match name {
            "$filter" => options.filter = Some(filter(set, value)?),
            "$expand" => options.expand = expansions(set, value, depth)?,
            "$select" => options.select = Some(selected(set, value)?),
            "$orderby" => options.order = orders(set, value)?,
            "$top" => options.top = Some(number(name, value, usize::MAX)?),
            "$skip" => options.skip = number(name, value, SKIP_MAX)?,
            "$count" => options.count = flag(name, value)?,
            "$skiptoken" if depth == 0 => options.skip_token = Some(SkipToken::parse(value)?),
            "resultFormat" | "$resultFormat" if depth == 0 => options.format = format(value)?,
            "$search" | "$compute" | "$apply" | "$format" | "$levels" => {
                return Err(Refused::not_offered(format!("{name} is not offered")));
            }
            _ => {
                let known = "$filter, $expand, $select, $orderby, $top, $skip, $count and resultFormat";
                return Err(Refused::wrong(format!("{} is not an option here: there are {known}", shown(name))));
            }
        }
    }
    Ok(options)
}

fn filter(set: Set, text: &str) -> Result<Expr, Refused> {
    let expr = parse_filter(text)?;
    expr.paths().into_iter().try_for_each(|path| check_path(set, path))?;
    Ok(expr)
}

/// Whether a path leads to something.
fn check_path(set: Set, path: &[String]) -> Result<(), Refused> {
    let Some((first, rest)) = path.split_first() else { return Err(Refused::wrong("a path is empty")) };
    if let Some(relation) = set.relation(first) {
        if relation == Relation::Many(Set::Observations) {
            let why = "observations of an entity are not looked at for a filter of it: ask Observations, with a filter of \
                their Datastream";
            return Err(Refused::not_offered(why));
        }
        if rest.is_empty() {
            return Err(Refused::wrong(format!("{first} is an entity: name a property of it, such as {first}/name")));
        }
        return check_path(relation.set(), rest);
    }
    let is_property = set.has(first) || is_id(first) || (first == "@iot.selfLink" && rest.is_empty());
    if !is_property {
        return Err(Refused::wrong(format!("a {} has no {}", set.singular(), shown(first))));
    }
    Ok(())
}

fn expansions(set: Set, text: &str, depth: usize) -> Result<Vec<Expand>, Refused> {
    if depth == DEPTH_MAX {
        return Err(Refused::wrong(format!("expansions stand in each other at most {DEPTH_MAX} deep")));
    }
    let mut found: Vec<Expand> = Vec::new();
    for part in split(text, ',')? {
        let one = expansion(set, part.trim(), depth)?;
        // `A/B,A/C` is A with both.
        match found.iter_mut().find(|other| other.relation == one.relation) {
            None => found.push(one),
            Some(before) if is_only_way(&before.options) && is_only_way(&one.options) => {
                before.options.expand.extend(one.options.expand);
                let texts: Vec<String> = before.written.drain(..).chain(one.written).map(|(_, text)| text).collect();
                before.written.push(("$expand".to_owned(), texts.join(",")));
            }
            Some(_) => return Err(Refused::wrong(format!("{} is expanded twice", one.relation.name()))),
        }
    }
    Ok(found)
}

/// Nothing is asked but what is behind it.
fn is_only_way(options: &Options) -> bool {
    Options { expand: Vec::new(), ..options.clone() } == Options::default()
}

/// `Datastreams/Thing($select=name;$top=1)`: what is in parentheses is of the last one.
fn expansion(set: Set, text: &str, depth: usize) -> Result<Expand, Refused> {
    let end = text.find(['/', '(']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let relation = set.relation(name.trim()).ok_or_else(|| {
        let known: Vec<_> = set.relations().iter().map(|relation| relation.name()).collect();
        Refused::wrong(format!("a {} leads to {}, not to {}", set.singular(), known.join(", "), shown(name)))
    })?;
    let mut written = Vec::new();
    let options = if let Some(rest) = rest.strip_prefix('/') {
        written.push(("$expand".to_owned(), rest.to_owned()));
        Options { expand: expansions(relation.set(), rest, depth + 1)?, ..Options::default() }
    } else if let Some(rest) = rest.strip_prefix('(') {
        let inside = rest.trim_end().strip_suffix(')').ok_or_else(|| Refused::wrong("$expand lacks a )"))?;
        let mut pairs = Vec::new();
        for option in split(inside, ';')? {
            let pair = option.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
            pairs.push(pair.ok_or_else(|| Refused::wrong(format!("{} is not an option", shown(option))))?);
        }
        written.extend(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        read(relation.set(), pairs, depth + 1)?
    } else {
        Options::default()
    };
    Ok(Expand { relation, options, written })
}

fn selected(set: Set, text: &str) -> Result<Vec<String>, Refused> {
    let names: Vec<&str> = text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if names.len() > NAMES_MAX {
        return Err(Refused::wrong(format!("$select has at most {NAMES_MAX} names")));
    }
    let check = |name: &str| match name {
        name if is_id(name) => Ok("@iot.id".to_owned()),
        "@iot.selfLink" => Ok(name.to_owned()),
        name if set.has(name) || set.relation(name).is_some() => Ok(name.to_owned()),
        name if name.contains('/') => Err(Refused::not_offered("$select takes whole properties, no parts of them")),
        name => Err(Refused::wrong(format!("a {} has no {}", set.singular(), shown(name)))),
    };
    names.into_iter().map(check).collect()
}

fn orders(set: Set, text: &str) -> Result<Vec<Order>, Refused> {
    let parts = split(text, ',')?;
    if parts.len() > NAMES_MAX {
        return Err(Refused::wrong(format!("$orderby has at most {NAMES_MAX} keys")));
    }
    let one = |part: &str| {
        let part = part.trim();
        let (by, direction) = match part.rsplit_once(' ') {
            Some((by, word)) if word.eq_ignore_ascii_case("asc") => (by, Direction::Ascending),
            Some((by, word)) if word.eq_ignore_ascii_case("desc") => (by, Direction::Descending),
            _ => (part, Direction::Ascending),
        };
        Ok(Order { by: filter(set, by)?, direction })
    };
    parts.into_iter().map(one).collect()
}

fn number(name: &str, text: &str, most: usize) -> Result<usize, Refused> {
    let wrong = || Refused::wrong(format!("{name}: {} is not a whole number from 0 on", shown(text)));
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    // What is larger than any number there is means: as many as possible.
    let number = text.parse::<usize>().unwrap_or(usize::MAX);
    if number <= most { Ok(number) } else { Err(Refused::wrong(format!("{name} is at most {most}"))) }
}

fn flag(name: &str, text: &str) -> Result<bool, Refused> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Refused::wrong(format!("{name} is true or false, not {}", shown(text)))),
    }
}

fn format(text: &str) -> Result<ResultFormat, Refused> {
    const ALL: [(&str, ResultFormat); 3] =
        [("dataArray", ResultFormat::DataArray), ("GeoJSON", ResultFormat::GeoJson), ("CSV", ResultFormat::Csv)];
    let found = ALL.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|(_, format)| *format);
    found.ok_or_else(|| Refused::not_offered(format!("resultFormat is dataArray, GeoJSON or CSV, not {}", shown(text))))
}

/// Parts between marks that stand neither in parentheses nor in a text.
fn split(text: &str, mark: char) -> Result<Vec<&str>, Refused> {
    let (mut depth, mut is_text, mut from) = (0usize, false, 0);
    let mut parts = Vec::new();
    for (at, letter) in text.char_indices() {
        match letter {
            '\'' => is_text = !is_text,
            _ if is_text => {}
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1).ok_or_else(|| Refused::wrong("a ) has no ( before it"))?,
            letter if letter == mark && depth == 0 => {
                parts.push(&text[from..at]);
                from = at + mark.len_utf8();
            }
            _ => {}
        }
    }
    if depth > 0 || is_text {
        return Err(Refused::wrong(format!("{} does not end", shown(text))));
    }
    parts.push(&text[from..]);
    Ok(parts)
}
