//! Areas: the province, its communes, forest compartments.

use serde::{Deserialize, Serialize};

use super::{AreaId, LocalName};

/// What sort of polygon an area is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AreaLevel {
    /// A province.
    Province,
    /// A commune (xã) or ward (phường): the lower of the two tiers in force since 2025-07-01.
    Commune,
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
