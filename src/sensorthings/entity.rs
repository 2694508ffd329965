//! The eight entity sets, their properties, and how they lead to each other (18-088, clause 8.2).

/// A set of entities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Set {
    /// Stations.
    Things,
    /// Places where stations stand or stood.
    Locations,
    /// From when on a station stood at a place.
    HistoricalLocations,
    /// Channels.
    Datastreams,
    /// What observes: a station's device, or Saola itself for what it computes.
    Sensors,
    /// Properties.
    ObservedProperties,
    /// Samples.
    Observations,
    /// Where samples are of: the place of their station.
    FeaturesOfInterest,
}

/// Where a name behind an entity leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// To one entity.
    One(Set),
    /// To any number of entities.
    Many(Set),
}

impl Relation {
    /// The set that it leads into.
    pub fn set(self) -> Set {
        match self {
            Relation::One(set) | Relation::Many(set) => set,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Relation::One(set) => set.singular(),
            Relation::Many(set) => set.name(),
        }
    }
}

impl Set {
    /// Every set.
    pub const ALL: [Set; 8] = [
        Set::Things,
        Set::Locations,
        Set::HistoricalLocations,
        Set::Datastreams,
        Set::Sensors,
        Set::ObservedProperties,
        Set::Observations,
        Set::FeaturesOfInterest,
    ];

    /// Its name in addresses.
    pub fn name(self) -> &'static str {
        match self {
            Set::Things => "Things",
            Set::Locations => "Locations",
            Set::HistoricalLocations => "HistoricalLocations",
            Set::Datastreams => "Datastreams",
            Set::Sensors => "Sensors",
            Set::ObservedProperties => "ObservedProperties",
            Set::Observations => "Observations",
            Set::FeaturesOfInterest => "FeaturesOfInterest",
        }
    }

    /// One of its entities.
    pub fn singular(self) -> &'static str {
        match self {
            Set::Things => "Thing",
            Set::Locations => "Location",
            Set::HistoricalLocations => "HistoricalLocation",
            Set::Datastreams => "Datastream",
            Set::Sensors => "Sensor",
            Set::ObservedProperties => "ObservedProperty",
            Set::Observations => "Observation",
            Set::FeaturesOfInterest => "FeatureOfInterest",
        }
    }

    /// By its name.
    pub fn named(name: &str) -> Option<Set> {
        Set::ALL.into_iter().find(|set| set.name() == name)
    }

    /// The properties of its entities, in the order in which they are written.
    pub fn properties(self) -> &'static [&'static str] {
        match self {
            Set::Things => &["name", "description", "properties"],
            Set::Locations => &["name", "description", "encodingType", "location", "properties"],
            Set::HistoricalLocations => &["time"],
            Set::Datastreams => &["name", "description", "observationType", "unitOfMeasurement", "properties"],
            Set::Sensors => &["name", "description", "encodingType", "metadata", "properties"],
            Set::ObservedProperties => &["name", "definition", "description", "properties"],
            Set::Observations => &["phenomenonTime", "result", "resultTime", "resultQuality"],
            Set::FeaturesOfInterest => &["name", "description", "encodingType", "feature", "properties"],
        }
    }

    /// Properties that the standard allows and no entity here has: they can be asked for, and are null.
    fn absent(self) -> &'static [&'static str] {
        match self {
            Set::Datastreams => &["observedArea", "phenomenonTime", "resultTime"],
            Set::Observations => &["validTime", "parameters"],
            _ => &[],
        }
    }

    /// Whether its entities can have a property of this name.
    pub fn has(self, property: &str) -> bool {
        self.properties().contains(&property) || self.absent().contains(&property)
    }

    /// Where its entities lead.
    pub fn relations(self) -> &'static [Relation] {
        use Relation::{Many, One};
        match self {
            Set::Things => &[Many(Set::Locations), Many(Set::HistoricalLocations), Many(Set::Datastreams)],
            Set::Locations => &[Many(Set::Things), Many(Set::HistoricalLocations)],
            Set::HistoricalLocations => &[One(Set::Things), Many(Set::Locations)],
            Set::Datastreams => {
                &[One(Set::Things), One(Set::Sensors), One(Set::ObservedProperties), Many(Set::Observations)]
            }
            Set::Sensors | Set::ObservedProperties => &[Many(Set::Datastreams)],
            Set::Observations => &[One(Set::Datastreams), One(Set::FeaturesOfInterest)],
            Set::FeaturesOfInterest => &[Many(Set::Observations)],
        }
    }

    /// Where a name behind one of its entities leads.
    pub fn relation(self, name: &str) -> Option<Relation> {
        self.relations().iter().copied().find(|relation| relation.name() == name)
    }
}

/// Whether a name stands for an entity's identifier.
pub(super) fn is_id(name: &str) -> bool {
    matches!(name, "id" | "@iot.id")
}
