//! What stations were declared to be at a past moment, by the record of their changes: in service or not, under
//! maintenance or not, with which channels, and how often those were to speak.
//!
//! Places are the catalogue's own ([`crate::model::Catalogue::place_at`]); names, kinds and units are those of the present.

use std::time::Duration;

use hashbrown::HashMap;
use rusqlite::Connection;

use super::RegistryError;
use super::definition::Definition;
use crate::model::{LinkClass, Property, StationNo, Timestamp};

/// A station as it was declared, but for its place and names.
#[derive(Clone, Debug, PartialEq)]
pub struct Stand {
    /// Whether it was taken out of service.
    pub retired: bool,
    /// Whether it was declared to be under maintenance.
    pub maintenance: bool,
    /// Every channel that it had by then.
    pub channels: Vec<ChannelStand>,
}

/// A channel as it was declared.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelStand {
    /// What is observed.
    pub property: Property,
    /// Expected time between samples.
    pub interval: Duration,
    /// How it was connected.
    pub link: LinkClass,
    /// Whether it was taken out of service.
    pub retired: bool,
}

impl Stand {
    /// The channel that observes a property.
    pub fn channel(&self, property: &Property) -> Option<&ChannelStand> {
        self.channels.iter().find(|channel| channel.property == *property)
    }
}

impl From<&Definition> for Stand {
    fn from(definition: &Definition) -> Stand {
        let channel = |channel: &super::ChannelDefinition| ChannelStand {
            property: channel.property.clone(),
            interval: channel.interval,
            link: channel.link,
            retired: channel.retired,
        };
        let channels = definition.channels.iter().map(channel).collect();
        Stand { retired: definition.retired, maintenance: definition.maintenance, channels }
    }
}

/// What the record says of a station at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StoodAs<'s> {
    /// Nothing: it was never changed on record.
    Unrecorded,
    /// It was entered later, and then first as this.
    NotEntered(&'s Stand),
    /// It was declared as this.
    Declared(&'s Stand),
}

/// Every station's declarations through time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stands {
    /// By station, ascending: how it stood from when on; the first one from the beginning where it was not entered then.
    by_station: HashMap<StationNo, Vec<(Option<Timestamp>, Stand)>>,
    /// The first time of all; `None` when one stood from the beginning.
    begin: Option<Timestamp>,
}

impl Stands {
    /// `changes` are ascending in time for each station; with each what was there before it and after it.
    fn new(changes: impl Iterator<Item = (StationNo, Timestamp, Option<Stand>, Stand)>) -> Stands {
        let mut by_station: HashMap<StationNo, Vec<(Option<Timestamp>, Stand)>> = HashMap::new();
        for (station, at, before, after) in changes {
            let stands = by_station.entry(station).or_default();
            if let Some(before) = before.filter(|_| stands.is_empty()) {
                stands.push((None, before));
            }
            if stands.last().is_none_or(|(_, last)| *last != after) {
                stands.push((Some(at), after));
            }
        }
        let begin = by_station.values().flatten().map(|(from, _)| *from).min().flatten();
        Stands { by_station, begin }
    }

    /// Whether none of so many stations had been entered by a moment: every one of them is on record, and that later.
    pub fn are_all_after(&self, at: Timestamp, stations: usize) -> bool {
        self.by_station.len() == stations && self.begin.is_some_and(|begin| at < begin)
    }

    /// What the record says of a station at a moment.
    pub fn at(&self, station: StationNo, at: Timestamp) -> StoodAs<'_> {
        let Some(stands) = self.by_station.get(&station) else { return StoodAs::Unrecorded };
        let held = stands.iter().rev().find(|(from, _)| from.is_none_or(|from| from <= at));
        match (held, stands.first()) {
            (Some((_, stand)), _) => StoodAs::Declared(stand),
            (None, Some((_, first))) => StoodAs::NotEntered(first),
            (None, None) => StoodAs::Unrecorded,
        }
    }
}

/// Reads the whole record.
pub(super) fn read(connection: &Connection) -> Result<Stands, RegistryError> {
    type Row = (u32, i64, Option<String>, String);
    let read = || {
        let mut statement =
            connection.prepare("SELECT station, at, before, after FROM station_change ORDER BY station, revision")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
        rows.collect::<rusqlite::Result<Vec<Row>>>()
    };
    let rows = read().map_err(RegistryError::sqlite("read how stations stood"))?;
    let stand = |no: u32, column: &'static str, text: &str| {
        let definition: Definition = serde_json::from_str(text).map_err(|_| RegistryError::Unknown {
            table: "change",
            row: no.to_string(),
            column,
            found: text.chars().take(80).collect(),
        })?;
        Ok::<_, RegistryError>(Stand::from(&definition))
    };
    let each = |(no, at, before, after): Row| {
        let before = before.map(|text| stand(no, "before", &text)).transpose()?;
        Ok((StationNo(no), Timestamp::from_micros(at), before, stand(no, "after", &after)?))
    };
    let changes = rows.into_iter().map(each).collect::<Result<Vec<_>, RegistryError>>()?;
    Ok(Stands::new(changes.into_iter()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stand(retired: bool, interval_s: u64) -> Stand {
        let interval = Duration::from_secs(interval_s);
        let (property, link) = (Property::new("rainfall"), LinkClass::Wired);
        Stand { retired, maintenance: false, channels: vec![ChannelStand { property, interval, link, retired }] }
    }

    #[test]
    fn a_station_stands_as_its_last_change_before_the_moment_says() {
        let at = Timestamp::from_seconds;
        let [first, second, gone] = [stand(false, 60), stand(false, 600), stand(true, 600)];
        let stands = Stands::new(
            [
                (StationNo(1), at(100), None, first.clone()),
                (StationNo(1), at(200), Some(first.clone()), second.clone()),
                (StationNo(1), at(250), Some(second.clone()), second.clone()),
                (StationNo(1), at(300), Some(second.clone()), gone.clone()),
                (StationNo(2), at(200), Some(first.clone()), second.clone()),
            ]
            .into_iter(),
        );
        let check = |station, seconds, expected| {
            assert_eq!(stands.at(StationNo(station), at(seconds)), expected, "{station} at {seconds}");
        };
        check(0, 200, StoodAs::Unrecorded);
        check(1, 99, StoodAs::NotEntered(&first));
        check(1, 100, StoodAs::Declared(&first));
        check(1, 299, StoodAs::Declared(&second));
        check(1, 300, StoodAs::Declared(&gone));
        check(2, 0, StoodAs::Declared(&first));
        check(2, 200, StoodAs::Declared(&second));
        assert_eq!(gone.channel(&Property::new("rainfall")).map(|channel| channel.retired), Some(true));
    }

    #[test]
    fn before_all_is_before_the_first_word_of_every_station() {
        let at = Timestamp::from_seconds;
        let known = stand(false, 60);
        let of = |changes: &[(u32, i64, Option<Stand>)]| {
            let change = |(no, seconds, before): &(u32, i64, Option<Stand>)| {
                (StationNo(*no), at(*seconds), before.clone(), stand(false, seconds.unsigned_abs()))
            };
            Stands::new(changes.iter().map(change))
        };
        let both = of(&[(0, 100, None), (1, 200, None)]);
        assert!(both.are_all_after(at(99), 2));
        assert!(!both.are_all_after(at(100), 2));
        assert!(!both.are_all_after(at(99), 3), "of the third nothing is on record: it may have stood there");
        assert!(!Stands::default().are_all_after(at(0), 0));
        assert!(!of(&[(0, 100, None), (1, 200, Some(known))]).are_all_after(at(99), 2), "one stood from the beginning");
        let set_back = of(&[(0, 100, None), (0, 50, None)]);
        assert!(!set_back.are_all_after(at(60), 1), "a clock was set back between two changes");
        assert!(set_back.are_all_after(at(49), 1));
    }
}
