//! Areas: the province, its communes, what they were before, and the forest's units.
//!
//! An [`Area`] is what the catalogue keeps of the tiers in force, and its bytes are in journals and snapshots: it gets
//! no new fields. Since when and until when an area holds, and what a forest unit is, stand beside it ([`AreaFacts`])
//! in the registry alone. New levels go to the end for the same reason.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{AreaId, LocalName};

/// What sort of polygon an area is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AreaLevel {
    /// A province.
    Province,
    /// A commune (xã) or ward (phường): the lower of the two tiers in force since 2025-07-01.
    Commune,
    /// A district (huyện, thị xã, thành phố): the tier between the two until 2025-07-01.
    District,
    /// A forest compartment (tiểu khu), about 1,000 ha (Circular 31/2018/TT-BNNPTNT, Art. 2).
    ForestCompartment,
    /// A forest subcompartment (khoảnh), about 100 ha.
    ForestSubcompartment,
    /// A forest plot (lô), about 10 ha of one state.
    ForestPlot,
}

impl AreaLevel {
    /// Every level, from the widest to the narrowest of the administration, then of the forest.
    pub const ALL: [AreaLevel; 6] = [
        AreaLevel::Province,
        AreaLevel::District,
        AreaLevel::Commune,
        AreaLevel::ForestCompartment,
        AreaLevel::ForestSubcompartment,
        AreaLevel::ForestPlot,
    ];

    /// The word used in files, queries and answers.
    pub fn word(self) -> &'static str {
        match self {
            AreaLevel::Province => "province",
            AreaLevel::Commune => "commune",
            AreaLevel::District => "district",
            AreaLevel::ForestCompartment => "forest_compartment",
            AreaLevel::ForestSubcompartment => "forest_subcompartment",
            AreaLevel::ForestPlot => "forest_plot",
        }
    }

    /// By its word.
    pub fn named(word: &str) -> Option<AreaLevel> {
        AreaLevel::ALL.into_iter().find(|level| level.word() == word)
    }

    /// Whether it is one of the forest's three.
    pub fn is_forest(self) -> bool {
        matches!(self, AreaLevel::ForestCompartment | AreaLevel::ForestSubcompartment | AreaLevel::ForestPlot)
    }

    /// How far down it stands, from 0.
    pub fn depth(self) -> usize {
        AreaLevel::ALL.into_iter().take_while(|level| *level != self).count()
    }
}

/// An area without its polygon (the registry keeps the polygons: only few parts need them).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Area {
    /// Official code.
    pub id: AreaId,
    /// Tier.
    pub level: AreaLevel,
    /// Name.
    pub name: LocalName,
    /// The area that contains it.
    pub parent: Option<AreaId>,
}

/// The civil dates on which something holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Validity {
    /// The first date; `None`: from the beginning.
    pub from: Option<Date>,
    /// The first date on which it holds no more; `None`: it still holds.
    pub to: Option<Date>,
}

impl Validity {
    /// Whether it holds on a date.
    pub fn holds_on(self, date: Date) -> bool {
        self.from.is_none_or(|from| from <= date) && self.to.is_none_or(|to| date < to)
    }
}

/// What a forest is for (Forestry Law 2017, Art. 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForestType {
    /// Rừng đặc dụng: national parks and reserves.
    SpecialUse,
    /// Rừng phòng hộ: of water, soil, borders.
    Protection,
    /// Rừng sản xuất: timber and other products.
    Production,
}

impl ForestType {
    /// Every type.
    pub const ALL: [ForestType; 3] = [ForestType::SpecialUse, ForestType::Protection, ForestType::Production];

    /// By its word.
    pub fn named(word: &str) -> Option<ForestType> {
        ForestType::ALL.into_iter().find(|known| known.word() == word)
    }

    /// The word used in files, queries and answers.
    pub fn word(self) -> &'static str {
        match self {
            ForestType::SpecialUse => "special_use",
            ForestType::Protection => "protection",
            ForestType::Production => "production",
        }
    }

    /// What people call it.
    pub fn name(self) -> LocalName {
        let (vi, en) = match self {
            ForestType::SpecialUse => ("Rừng đặc dụng", "Special-use forest"),
            ForestType::Protection => ("Rừng phòng hộ", "Protection forest"),
            ForestType::Production => ("Rừng sản xuất", "Production forest"),
        };
        LocalName { vi: vi.to_owned(), en: en.to_owned() }
    }
}

/// What is known of an area beside its name and place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AreaFacts {
    /// When it was, or has been, in force.
    pub validity: Validity,
    /// The areas that took its place, by their codes; of an area that is in force, none.
    pub successors: Vec<AreaId>,
    /// What the forest in it is for; of forest units.
    pub forest_type: Option<ForestType>,
    /// Who owns or looks after the forest; of forest units.
    pub owner: Option<String>,
    /// Drawn for a demonstration: there is no such area.
    pub invented: bool,
}
