//! Everything that is declared of one station, as a value: what changes are made of, told by and undone with.
//!
//! Pure: from the catalogue, from a declaration, from a move; nothing here touches the database. Former places are part
//! of it, so that undoing a move is exact. Its JSON is kept in the table of changes: members are added, never renamed.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::load::link_word;
use super::station_file::{ChannelDeclaration, StationDeclaration};
use crate::model::{
    AreaId, Catalogue, Channel, Footprint, FormerPlace, LinkClass, LocalName, Position, Property, Range, Span, Station,
    StationId, StationKind, Timestamp, Unit,
};

/// A station as it is declared: in service or retired, with every channel that it ever had.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// Name in topics and addresses.
    pub id: StationId,
    /// What it is for.
    pub kind: StationKind,
    /// Name on the map.
    pub name: LocalName,
    /// Where it stands.
    pub position: Position,
    /// The commune that this is in.
    pub area: Option<AreaId>,
    /// Whether it is under maintenance.
    pub maintenance: bool,
    /// Whether it was taken out of service.
    pub retired: bool,
    /// By the order of their numbers; retired ones among them.
    pub channels: Vec<ChannelDefinition>,
    /// Where it stood before, oldest first.
    #[serde(default)]
    pub former_places: Vec<FormerPlace>,
    /// The ground that it watches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footprint: Option<Footprint>,
}

/// A channel as it is declared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChannelDefinition {
    /// What is observed.
    pub property: Property,
    /// UCUM code of its values' unit.
    #[serde(with = "unit_code")]
    pub unit: Unit,
    /// Expected time between samples.
    pub interval: Duration,
    /// Values outside are refused.
    pub plausible: Range,
    /// How it is connected.
    pub link: LinkClass,
    /// Whether it was taken out of service, by itself or with its station.
    pub retired: bool,
}

mod unit_code {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::model::Unit;

    pub fn serialize<S: Serializer>(unit: &Unit, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(unit.code())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Unit, D::Error> {
        let code = String::deserialize(deserializer)?;
        Unit::parse(&code).ok_or_else(|| D::Error::custom(format!("unknown unit {code:?}")))
    }
}

/// A field of a definition that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Its path: `name.vi`, `channels.pm2_5.max`.
    pub field: String,
    /// What it said; null when it was not there.
    pub before: Value,
    /// What it says; null when it is not there any more.
    pub after: Value,
}

/// A place and since when it holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// `None`: from the beginning.
    pub valid_from: Option<Timestamp>,
    /// Where.
    pub position: Position,
    /// The commune that this is in.
    pub area: Option<AreaId>,
}

impl Definition {
    /// What the catalogue says of a station, and the ground that it watches, which the catalogue does not keep.
    pub fn of(catalogue: &Catalogue, station: &Station, footprint: Option<Footprint>) -> Definition {
        let channel = |channel: &Channel| ChannelDefinition {
            property: channel.property.clone(),
            unit: channel.unit,
            interval: channel.interval,
            plausible: channel.plausible,
            link: channel.link,
            retired: channel.retired,
        };
        Definition {
            id: station.id.clone(),
            kind: station.kind,
            name: station.name.clone(),
            position: station.position,
            area: station.area.clone(),
            maintenance: station.maintenance,
            retired: station.retired,
            channels: station.channels.iter().filter_map(|id| catalogue.channel(*id)).map(channel).collect(),
            former_places: catalogue.former_places(station.no).to_vec(),
            footprint,
        }
    }

    /// What follows from a declaration: in service, channels that it does not name retired, and when the place is
    /// another than `before`, moved at `now`.
    pub fn declared(declaration: &StationDeclaration, before: Option<&Definition>, now: Timestamp) -> Definition {
        let mut channels = before.map_or_else(Vec::new, |before| before.channels.clone());
        channels.iter_mut().for_each(|channel| channel.retired = true);
        for new in &declaration.channels {
            let new = ChannelDefinition::from(new);
            match channels.iter_mut().find(|channel| channel.property == new.property) {
                Some(known) => *known = new,
                None => channels.push(new),
            }
        }
        let mut former_places = before.map_or_else(Vec::new, |before| before.former_places.clone());
        if let Some(before) = before.filter(|before| before.position != declaration.position) {
            former_places.push(FormerPlace { until: now, position: before.position, area: before.area.clone() });
        }
        Definition {
            id: declaration.id.clone(),
            kind: declaration.kind,
            name: declaration.name.clone(),
            position: declaration.position,
            area: declaration.area.clone(),
            maintenance: declaration.maintenance,
            retired: false,
            channels,
            former_places,
            footprint: declaration.footprint.clone(),
        }
    }

    /// The same out of service.
    #[must_use]
    pub fn retired(mut self) -> Definition {
        self.retired = true;
        self.channels.iter_mut().for_each(|channel| channel.retired = true);
        self
    }

    /// Every place with the instant from which it holds, oldest first; the last is the present one.
    pub fn standings(&self) -> Vec<Standing> {
        let starts = std::iter::once(None).chain(self.former_places.iter().map(|place| Some(place.until)));
        let former = self.former_places.iter().map(|place| (place.position, place.area.clone()));
        let places = former.chain([(self.position, self.area.clone())]);
        starts.zip(places).map(|(valid_from, (position, area))| Standing { valid_from, position, area }).collect()
    }

    /// The same with another place from an instant on, up to the next place that is known. A place that begins at that
    /// very instant is corrected.
    #[must_use]
    pub fn moved(mut self, new: Standing) -> Definition {
        let mut standings = self.standings();
        match standings.binary_search_by_key(&new.valid_from, |standing| standing.valid_from) {
            Ok(place) => standings[place] = new,
            Err(place) => standings.insert(place, new),
        }
        standings.dedup_by(|later, earlier| later.position == earlier.position && later.area == earlier.area);
        let untils = standings.iter().skip(1).filter_map(|standing| standing.valid_from);
        let former = untils.zip(&standings).map(|(until, standing)| {
            let (position, area) = (standing.position, standing.area.clone());
            FormerPlace { until, position, area }
        });
        self.former_places = former.collect();
        if let Some(present) = standings.pop() {
            (self.position, self.area) = (present.position, present.area);
        }
        self
    }

    /// Field by field, what differs between two definitions of one station.
    pub fn differences(before: Option<&Definition>, after: Option<&Definition>) -> Vec<Difference> {
        let (mut old, mut new) =
            (before.map_or_else(BTreeMap::new, Self::fields), after.map_or_else(BTreeMap::new, Self::fields));
        let names: std::collections::BTreeSet<String> = old.keys().chain(new.keys()).cloned().collect();
        let differs = names.into_iter().filter_map(|field| {
            let (before, after) = (old.remove(&field).unwrap_or_default(), new.remove(&field).unwrap_or_default());
            (before != after).then_some(Difference { field, before, after })
        });
        differs.collect()
    }

    fn fields(&self) -> BTreeMap<String, Value> {
        let mut fields = BTreeMap::from([
            ("kind".to_owned(), json!(self.kind.word())),
            ("name.vi".to_owned(), json!(self.name.vi)),
            ("name.en".to_owned(), json!(self.name.en)),
            ("lon".to_owned(), json!(self.position.lon)),
            ("lat".to_owned(), json!(self.position.lat)),
            ("area".to_owned(), json!(self.area)),
            ("maintenance".to_owned(), json!(self.maintenance)),
            ("retired".to_owned(), json!(self.retired)),
            ("footprint".to_owned(), json!(self.footprint)),
        ]);
        for place in &self.former_places {
            let Position { lon, lat } = place.position;
            fields.insert(format!("former_places.{}", place.until), json!([lon, lat]));
        }
        for channel in &self.channels {
            let mut put = |name: &str, value: Value| {
                fields.insert(format!("channels.{}.{name}", channel.property), value);
            };
            put("unit", json!(channel.unit.code()));
            put("interval", json!(Span::from(channel.interval).to_string()));
            put("min", json!(channel.plausible.min));
            put("max", json!(channel.plausible.max));
            put("link", json!(link_word(channel.link)));
            put("retired", json!(channel.retired));
        }
        fields
    }
}

impl From<&ChannelDeclaration> for ChannelDefinition {
    fn from(new: &ChannelDeclaration) -> Self {
        let (property, unit, link) = (new.property.clone(), new.unit, new.link);
        Self { property, unit, interval: new.interval, plausible: new.plausible, link, retired: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition() -> Definition {
        Definition {
            id: StationId::new("A"),
            kind: StationKind::Air,
            name: LocalName { vi: "A".to_owned(), en: "A".to_owned() },
            position: Position { lon: 1.0, lat: 0.0 },
            area: None,
            maintenance: false,
            retired: false,
            channels: vec![ChannelDefinition {
                property: Property::new("pm10"),
                unit: Unit::MicrogramPerCubicMetre,
                interval: Duration::from_secs(60),
                plausible: Range { min: 0.0, max: 1.0 },
                link: LinkClass::Wired,
                retired: false,
            }],
            former_places: Vec::new(),
            footprint: None,
        }
    }

    fn at(valid_from: Option<i64>, lon: f64) -> Standing {
        Standing {
            valid_from: valid_from.map(Timestamp::from_seconds),
            position: Position { lon, lat: 0.0 },
            area: None,
        }
    }

    fn check(moves: &[(Option<i64>, f64)], expected: &[(Option<i64>, f64)]) {
        let moved = moves.iter().fold(definition(), |definition, (from, lon)| definition.moved(at(*from, *lon)));
        let expected: Vec<Standing> = expected.iter().map(|(from, lon)| at(*from, *lon)).collect();
        assert_eq!(moved.standings(), expected, "{moves:?}");
    }

    #[test]
    fn a_place_holds_from_its_instant_up_to_the_next_one() {
        check(&[], &[(None, 1.0)]);
        check(&[(Some(10), 2.0)], &[(None, 1.0), (Some(10), 2.0)]);
        check(&[(Some(10), 2.0), (Some(20), 3.0)], &[(None, 1.0), (Some(10), 2.0), (Some(20), 3.0)]);
        // Entered later, moved earlier.
        check(&[(Some(20), 3.0), (Some(10), 2.0)], &[(None, 1.0), (Some(10), 2.0), (Some(20), 3.0)]);
        // Corrections: of the present place, of a former one, of the first.
        check(&[(Some(10), 2.0), (Some(10), 2.5)], &[(None, 1.0), (Some(10), 2.5)]);
        check(&[(Some(10), 2.0), (None, 1.5)], &[(None, 1.5), (Some(10), 2.0)]);
        check(&[(None, 1.5)], &[(None, 1.5)]);
        // To the same place is no move.
        check(&[(Some(10), 1.0)], &[(None, 1.0)]);
        check(&[(Some(10), 2.0), (Some(20), 3.0), (Some(20), 2.0)], &[(None, 1.0), (Some(10), 2.0)]);
    }

    #[test]
    fn a_definition_comes_back_from_its_json() {
        let moved = definition().moved(at(Some(10), 2.0));
        let text = serde_json::to_string(&moved).unwrap();
        assert_eq!(serde_json::from_str::<Definition>(&text).unwrap(), moved);
        assert!(text.contains("\"ug/m3\""), "{text}");
    }

    #[test]
    fn differences_name_their_fields() {
        let mut after = definition();
        after.name.en = "B".to_owned();
        after.channels[0].plausible.max = 2.0;
        let found = Definition::differences(Some(&definition()), Some(&after));
        let told: Vec<String> = found.iter().map(|d| format!("{} {} {}", d.field, d.before, d.after)).collect();
        assert_eq!(told, ["channels.pm10.max 1.0 2.0", "name.en \"A\" \"B\""]);
        assert_eq!(
            Definition::differences(None, Some(&after)).len(),
            13,
            "everything but the area and the footprint, which it has not"
        );
    }
}
