//! Which areas whoever asks may see, by the numbers that a picture has for them.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::picture::{NOWHERE, Picture};
use crate::model::AreaId;

/// What is shown: everything, or what lies in some areas. What lies in no known area is only for those who see all.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Sight {
    /// Everything.
    All,
    /// By the area's number.
    Areas(Vec<bool>),
}

impl Sight {
    /// The areas of a picture that `is_seen` names.
    pub fn of(picture: &Picture, is_seen: impl Fn(&AreaId) -> bool) -> Sight {
        Sight::Areas(picture.catalogue.areas().iter().map(|area| is_seen(&area.id)).collect())
    }

    /// Whether what is in an area is shown.
    #[inline]
    pub fn reaches(&self, area: u32) -> bool {
        match self {
            Sight::All => true,
            Sight::Areas(seen) => area != NOWHERE && seen.get(area as usize).copied().unwrap_or(false),
        }
    }

    /// The same by the area's code.
    pub fn reaches_area(&self, picture: &Picture, area: Option<&AreaId>) -> bool {
        match (self, area) {
            (Sight::All, _) => true,
            (Sight::Areas(_), None) => false,
            (Sight::Areas(_), Some(area)) => picture.area_number(area).is_some_and(|number| self.reaches(number)),
        }
    }

    /// Another number for another sight, within one life of the service.
    pub fn number(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}
