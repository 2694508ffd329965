//! What is written of stations whatever the moment: their identifiers and names, and what each channel observes.
//!
//! The catalogue has stations in the order of their numbers, and each text in a place of its own; a tile shows those that
//! stand beside each other. So this is a copy in the order of the map, made of a piece when it is first looked at, and of
//! that piece alone: what a tile writes is then read in a row. With 4,096 stations in a tile that is most of the time of
//! drawing it.

use crate::model::{Catalogue, ChannelId, Station, Unit};

/// See the module. Of one piece of a picture.
#[derive(Debug, Default)]
pub(super) struct Captions {
    /// One after another: identifier, Vietnamese name, English name.
    text: String,
    /// Where each of the three ends.
    ends: Vec<[u32; 3]>,
    /// As many as the piece has looks: the number of a channel's property, and its unit; `None` of one that is not drawn.
    observed: Vec<Option<(u16, Unit)>>,
}

/// What is written of a station.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caption<'p> {
    /// Its identifier.
    pub id: &'p str,
    /// Its name in Vietnamese.
    pub name_vi: &'p str,
    /// Its name in English.
    pub name_en: &'p str,
}

impl Captions {
    /// Of a piece's stations, in its order.
    pub fn of<'s>(
        catalogue: &Catalogue,
        stations: impl Iterator<Item = &'s Station>,
        property_of: impl Fn(ChannelId) -> Option<u16>,
    ) -> Captions {
        let mut captions = Captions::default();
        for station in stations {
            let ends = [station.id.as_str(), &station.name.vi, &station.name.en].map(|part| {
                captions.text.push_str(part);
                captions.text.len() as u32
            });
            captions.ends.push(ends);
            captions.observed.extend(station.channels.iter().map(|id| {
                let channel = catalogue.channel(*id).filter(|channel| !channel.retired)?;
                Some((property_of(*id)?, channel.unit))
            }));
        }
        captions
    }

    /// That of the station with a place in the piece.
    pub fn at(&self, place: usize) -> Option<Caption<'_>> {
        let begin = match place.checked_sub(1) {
            None => 0,
            Some(before) => self.ends.get(before)?[2] as usize,
        };
        let [id, vi, en] = self.ends.get(place)?.map(|end| end as usize);
        Some(Caption {
            id: self.text.get(begin..id)?,
            name_vi: self.text.get(id..vi)?,
            name_en: self.text.get(vi..en)?,
        })
    }

    /// What a look of the piece is of; `None` when that is not drawn.
    pub fn observed(&self, look: usize) -> Option<(u16, Unit)> {
        self.observed.get(look).copied().flatten()
    }
}
