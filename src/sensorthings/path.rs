//! Addresses below the service's root (18-088, clause 9.2; OData 4, Part 2): `Things('A')/Datastreams/$ref`.

use super::entity::{Relation, Set, is_id};
use super::lex::quoted;
use super::{Refused, shown};

/// The longest address, bytes, and the most parts that it has.
const BYTES_MAX: usize = 4 * 1024;
const PARTS_MAX: usize = 16;

/// Where an address leads: from a set, step by step, to an end.
#[derive(Clone, Debug, PartialEq)]
pub struct Address {
    /// Where it begins.
    pub set: Set,
    /// One entity of it, by its identifier.
    pub id: Option<String>,
    /// The way from there.
    pub steps: Vec<Step>,
    /// What is asked of what it leads to.
    pub end: End,
}

/// One step of the way.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Where it goes.
    pub relation: Relation,
    /// One entity among several, by its identifier.
    pub id: Option<String>,
}

/// What is asked of the entity or the entities that an address leads to.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// Everything.
    Whole,
    /// Their addresses alone.
    Reference,
    /// One property: the names on the way into it.
    Property(Vec<String>),
    /// The same without anything around it.
    Raw(Vec<String>),
}

impl Address {
    /// The set that the address ends in.
    pub fn last_set(&self) -> Set {
        self.steps.last().map_or(self.set, |step| step.relation.set())
    }

    /// Whether it leads to one entity, not to any number.
    pub fn is_of_one(&self) -> bool {
        match self.steps.last() {
            None => self.id.is_some(),
            Some(step) => step.id.is_some() || matches!(step.relation, Relation::One(_)),
        }
    }
}

/// Reads what follows the root, percent-decoded, without the slash before it.
pub fn parse(text: &str) -> Result<Address, Refused> {
    if text.len() > BYTES_MAX {
        return Err(Refused::wrong(format!("an address has at most {BYTES_MAX} bytes")));
    }
    let parts = parts(text)?;
    let mut rest = parts.into_iter();
    let Some(first) = rest.next() else { return Err(Refused::wrong("the address names nothing")) };
    let set = Set::named(&first.name).ok_or_else(|| {
        let known: Vec<_> = Set::ALL.iter().map(|set| set.name()).collect();
        Refused::wrong(format!("there is nothing named {}: there are {}", shown(&first.name), known.join(", ")))
    })?;
    let mut address = Address { set, id: first.id, steps: Vec::new(), end: End::Whole };
    while let Some(part) = rest.next() {
        let set = address.last_set();
        let name = part.name.as_str();
        if name == "$ref" {
            address.end = End::Reference;
        } else if !address.is_of_one() {
            return Err(Refused::wrong(format!("{} are several: name one as {}('…')", set.name(), set.name())));
        } else if let Some(relation) = set.relation(name) {
            if part.id.is_some() && matches!(relation, Relation::One(_)) {
                return Err(Refused::wrong(format!("{name} is one: it takes no identifier")));
            }
            address.steps.push(Step { relation, id: part.id });
            continue;
        } else {
            address.end = property(set, part, &mut rest)?;
        }
        return match rest.next() {
            None => Ok(address),
            Some(part) => Err(Refused::wrong(format!("the address cannot go on with {}", shown(&part.name)))),
        };
    }
    Ok(address)
}

/// A property of an entity, what is inside it, and whether it is wanted raw.
fn property(set: Set, first: Part, rest: &mut impl Iterator<Item = Part>) -> Result<End, Refused> {
    let is_known = set.has(&first.name) || is_id(&first.name) || first.name == "@iot.selfLink";
    if !is_known || first.id.is_some() {
        return Err(Refused::wrong(format!("a {} has no {}", set.singular(), shown(&first.name))));
    }
    let mut names = vec![if is_id(&first.name) { "@iot.id".to_owned() } else { first.name }];
    for part in rest.by_ref() {
        if part.name == "$value" {
            return Ok(End::Raw(names));
        }
        if part.id.is_some() || part.name.starts_with('$') {
            return Err(Refused::wrong(format!("the address cannot go on with {}", shown(&part.name))));
        }
        names.push(part.name);
    }
    Ok(End::Property(names))
}

/// A part between slashes: a name, perhaps with an identifier in parentheses.
struct Part {
    name: String,
    id: Option<String>,
}

fn parts(text: &str) -> Result<Vec<Part>, Refused> {
    let mut rest = text.trim_end_matches('/');
    let mut parts = Vec::new();
    while !rest.is_empty() {
        if parts.len() == PARTS_MAX {
            return Err(Refused::wrong(format!("an address has at most {PARTS_MAX} parts")));
        }
        let end = rest.find(['/', '(']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if name.is_empty() {
            return Err(Refused::wrong("the address has a part without a name"));
        }
        let (id, after) = match after.strip_prefix('(') {
            None => (None, after),
            Some(inside) => {
                let (id, after) = identifier(inside)?;
                (Some(id), after)
            }
        };
        parts.push(Part { name: name.to_owned(), id });
        rest = match after.strip_prefix('/') {
            Some(rest) => rest,
            None if after.is_empty() => after,
            None => return Err(Refused::wrong(format!("the address cannot go on with {}", shown(after)))),
        };
    }
    Ok(parts)
}

/// `'A-AIR')` or `17)`, and what follows.
fn identifier(text: &str) -> Result<(String, &str), Refused> {
    let (id, rest) = if text.starts_with('\'') {
        quoted(text)?
    } else {
        let end = text.find(')').unwrap_or(text.len());
        let (id, rest) = text.split_at(end);
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Refused::wrong(format!("{} is no identifier: a text stands in single quotes", shown(id))));
        }
        (id.to_owned(), rest)
    };
    let rest = rest.strip_prefix(')').ok_or_else(|| Refused::wrong("an identifier ends with )"))?;
    Ok((id, rest))
}
