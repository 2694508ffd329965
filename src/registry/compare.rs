//! What the files would change in a registry, without changing it: for `saola check --diff`.
//!
//! Pure: it foretells what seeding does by the same definitions. Left out on purpose: the instants of moves, which are
//! those of the seeding.

use std::collections::HashSet;
use std::fmt;

use super::declared::Declared;
use super::definition::{Definition, Difference};
use super::edit::Registered;
use super::seed::Origin;
use crate::model::Timestamp;

/// What the files would do to one station.
#[derive(Clone, Debug, PartialEq)]
pub enum Foretold {
    /// It would be there for the first time.
    Added(Definition),
    /// It would be different in these fields.
    Changed {
        /// Its name.
        id: String,
        /// Whether it was made by hand, and would be the files' from then on.
        taken_over: bool,
        /// Field by field; may be empty when it is only taken over.
        fields: Vec<Difference>,
    },
    /// It would be taken out of service.
    Retired(String),
    /// The files would be refused for it: a channel's unit cannot change.
    Refused {
        /// Its name.
        id: String,
        /// Which units.
        fields: Vec<Difference>,
    },
}

/// As a person reads it; fields on lines of their own.
impl fmt::Display for Foretold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = match self {
            Foretold::Added(new) => {
                let channels: Vec<&str> = new.channels.iter().map(|channel| channel.property.as_str()).collect();
                return write!(f, "+ {} ({}: {})", new.id, new.kind.word(), channels.join(", "));
            }
            Foretold::Retired(id) => return write!(f, "- {id} (retired; its history stays)"),
            Foretold::Changed { id, taken_over, fields } => {
                write!(f, "~ {id}")?;
                if *taken_over {
                    write!(f, " (made by hand; the files' from then on)")?;
                }
                fields
            }
            Foretold::Refused { id, fields } => {
                write!(f, "! {id} (refused: a channel keeps its unit, as its history is kept in it)")?;
                fields
            }
        };
        fields.iter().try_for_each(|field| write!(f, "\n    {}: {} -> {}", field.field, field.before, field.after))
    }
}

impl Declared {
    /// What seeding these files would do to the stations of a registry, in the order of the files, retired ones last.
    pub fn compare(&self, registered: &[Registered]) -> Vec<Foretold> {
        let mut found = Vec::new();
        for declared in &self.stations {
            let new = &declared.station;
            let known = registered.iter().find(|known| known.definition.id == new.id);
            let Some(known) = known else {
                found.push(Foretold::Added(Definition::declared(new, None, Timestamp::EPOCH)));
                continue;
            };
            let after = Definition::declared(new, Some(&known.definition), Timestamp::EPOCH);
            let mut fields = Definition::differences(Some(&known.definition), Some(&after));
            fields.retain(|field| !field.field.starts_with("former_places."));
            let id = new.id.to_string();
            let units: Vec<Difference> = fields
                .iter()
                .filter(|field| field.field.ends_with(".unit") && !field.before.is_null())
                .cloned()
                .collect();
            let taken_over = known.origin != Origin::Files.word();
            if !units.is_empty() {
                found.push(Foretold::Refused { id, fields: units });
            } else if taken_over || !fields.is_empty() {
                found.push(Foretold::Changed { id, taken_over, fields });
            }
        }
        let named: HashSet<&str> = self.stations.iter().map(|declared| declared.station.id.as_str()).collect();
        let vanished = registered.iter().filter(|known| {
            let definition = &known.definition;
            known.origin == Origin::Files.word() && !definition.retired && !named.contains(definition.id.as_str())
        });
        found.extend(vanished.map(|known| Foretold::Retired(known.definition.id.to_string())));
        found
    }
}
