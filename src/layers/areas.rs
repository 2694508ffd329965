//! The layers of polygons: communes, and forest compartments, each with what its stations come to.
//!
//! A station counts for the commune that it is declared in, and for the compartment around its position. A compartment is
//! shown to who sees its commune, and made of the stations that they see.

use super::catalogue::Layer;
use super::picture::{NOWHERE, Picture};
use super::points;
use super::sight::Sight;
use super::tally::{AreaTally, Measure, Tally};
use crate::model::{AreaId, AreaLevel, Severity, Subject};
use crate::registry::AreaShape;

/// Which polygons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Division {
    /// Communes and wards.
    Communes,
    /// Forest compartments.
    Compartments,
}

/// The polygons of one division in one picture, for somebody.
pub struct Choropleth<'p> {
    picture: &'p Picture,
    division: Division,
    sight: &'p Sight,
    tally: Tally,
    /// Open alerts about whole areas.
    alerts: Vec<(&'p AreaId, Severity)>,
}

impl Division {
    /// That of a layer; `None` for others.
    pub fn of(layer: Layer) -> Option<Division> {
        match layer {
            Layer::Areas => Some(Division::Communes),
            Layer::ForestCompartments => Some(Division::Compartments),
            _ => None,
        }
    }

    fn level(self) -> AreaLevel {
        match self {
            Division::Communes => AreaLevel::Commune,
            Division::Compartments => AreaLevel::ForestCompartment,
        }
    }
}

/// By station number: the compartment around each one that is drawn, by its place in [`crate::registry::Areas::all`].
pub(super) fn compartments(picture: &Picture) -> Vec<u32> {
    let mut found = vec![NOWHERE; picture.catalogue.stations().len()];
    for shown in picture.stations() {
        let shape = picture.areas.locate_in_force(shown.pin.position, AreaLevel::ForestCompartment);
        if let Some(number) = shape.and_then(|shape| picture.areas.number_of(&shape.area.id)) {
            found[shown.pin.station.index()] = number;
        }
    }
    found
}

impl<'p> Choropleth<'p> {
    /// Adds up the stations.
    pub fn of(picture: &'p Picture, division: Division, sight: &'p Sight) -> Choropleth<'p> {
        let tally = match (division, sight) {
            (Division::Compartments, Sight::Areas(_)) => {
                let seen = picture.stations().filter(|shown| sight.reaches(shown.pin.area));
                Tally::of(picture, division, seen)
            }
            _ => Tally::of_all(picture, division),
        };
        let of_area = |alert: &'p std::sync::Arc<crate::model::Alert>| match &alert.subject {
            Subject::Area { area, .. } => Some((area, alert.severity)),
            Subject::Channel { .. } => None,
        };
        Choropleth { picture, division, sight, tally, alerts: picture.alerts.iter().filter_map(of_area).collect() }
    }

    /// The polygons in sight.
    pub fn shapes(&self) -> impl Iterator<Item = &'p AreaShape> {
        let areas = &self.picture.areas;
        let of_level = areas.all().iter().filter(|shape| shape.area.level == self.division.level());
        of_level.filter(|shape| shape.facts.validity.to.is_none() && shape.is_drawn()).filter(|shape| {
            let commune = match self.division {
                Division::Communes => Some(shape.area.id.clone()),
                Division::Compartments => areas.commune_of(shape),
            };
            points::sees_area(self.sight, commune.and_then(|id| self.picture.area_number(&id)))
        })
    }

    /// How an area's stations stand; `None` without any.
    pub fn tally(&self, shape: &AreaShape) -> Option<&AreaTally> {
        self.tally.get(self.number(shape)?)
    }

    /// The worst that is open at its stations, or about the area itself.
    pub fn severity(&self, shape: &AreaShape) -> Option<Severity> {
        let of_area = self.alerts.iter().filter(|(id, _)| **id == shape.area.id).map(|(_, severity)| *severity).max();
        self.tally(shape).and_then(|own| own.severity).max(of_area)
    }

    /// What its stations measure, by the properties' numbers.
    pub fn measures(&self, shape: &AreaShape) -> impl Iterator<Item = (u16, &Measure)> {
        self.number(shape).into_iter().flat_map(|number| self.tally.measures_of(number))
    }

    fn number(&self, shape: &AreaShape) -> Option<u32> {
        match self.division {
            Division::Communes => self.picture.area_number(&shape.area.id),
            Division::Compartments => self.picture.areas.number_of(&shape.area.id),
        }
    }
}
