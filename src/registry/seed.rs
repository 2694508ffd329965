//! Bringing the rows to what is declared, in one transaction: new things get the next number, changed things are
//! changed, vanished things are retired, returned things are restored.
//!
//! What the rows say now is read by the code that makes the catalogue, so "unchanged" means that the catalogue would
//! be the same.

use std::fmt;

use hashbrown::{HashMap, HashSet};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::areas::Areas;
use super::declared::Declared;
use super::definition::Definition;
use super::derived;
use super::edit::add_former_place;
use super::policy_file::StationPolicy;
use super::record::{self, ChangeAct, Recorded};
use super::station_file::{ChannelDeclaration, DeclaredStation, StationDeclaration};
use super::{RegistryError, SeedError, load};
use crate::indices::config::Config;
use crate::model::{
    AreaId, Catalogue, Channel, ChannelId, Footprint, ForestType, FormerPlace, Mistake, SourceId, Span, Station,
    StationNo, Timestamp,
};

/// Names of what became what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Seen for the first time.
    pub added: Vec<String>,
    /// Known, and different from now on.
    pub changed: Vec<String>,
    /// No longer named: taken out of service.
    pub retired: Vec<String>,
    /// Named again: in service under the old number.
    pub restored: Vec<String>,
    /// As they were.
    pub unchanged_count: usize,
}

/// What seeding did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeedReport {
    /// Areas, by code; a vanished area is removed, as it has no number.
    pub areas: Tally,
    /// Stations, by name.
    pub stations: Tally,
    /// Channels, `STATION/PROPERTY`.
    pub channels: Tally,
    /// What is allowed, but probably not meant.
    pub warnings: Vec<Mistake>,
}

impl Tally {
    /// Whether nothing is different from before.
    pub fn is_unchanged(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.retired.is_empty() && self.restored.is_empty()
    }
}

/// `12 added, 3 changed, 0 retired, 1 restored, 40 unchanged`.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (added, changed, retired) = (self.added.len(), self.changed.len(), self.retired.len());
        let (restored, unchanged) = (self.restored.len(), self.unchanged_count);
        write!(f, "{added} added, {changed} changed, {retired} retired, {restored} restored, {unchanged} unchanged")
    }
}

impl fmt::Display for SeedReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "areas: {}; stations: {}; channels: {}", self.areas, self.stations, self.channels)
    }
}

/// Who declared a station: files retire what they no longer name, others do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Files,
    Program,
    Api,
}

impl Origin {
    pub(super) fn word(self) -> &'static str {
        match self {
            Origin::Files => "files",
            Origin::Program => "program",
            Origin::Api => "api",
        }
    }
}

/// Who declared a station; words that nobody writes count as a program's.
pub(super) fn origin_of(connection: &Connection, station: StationNo) -> rusqlite::Result<Origin> {
    let word: String =
        connection.query_row("SELECT origin FROM station WHERE no = ?1", [station.0], |row| row.get(0))?;
    let known = [Origin::Files, Origin::Api].into_iter().find(|origin| origin.word() == word);
    Ok(known.unwrap_or(Origin::Program))
}

pub(super) fn begin(connection: &mut Connection) -> Result<Transaction<'_>, RegistryError> {
    connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(RegistryError::sqlite("begin a change"))
}

/// A source's number, given out at its first mention.
pub(super) fn source(connection: &mut Connection, name: &str) -> Result<SourceId, RegistryError> {
    let failed = RegistryError::sqlite;
    let transaction = begin(connection)?;
    let known: Result<u16, _> =
        transaction.query_row("SELECT no FROM source WHERE name = ?1", [name], |row| row.get(0));
    let id = match known {
        Ok(no) => SourceId(no),
        Err(rusqlite::Error::QueryReturnedNoRows) => {
            let count: i64 = transaction
                .query_row("SELECT count(*) FROM source", [], |row| row.get(0))
                .map_err(failed("count the sources"))?;
            let no = u16::try_from(count).map_err(|_| RegistryError::NoNumberLeft(name.to_owned()))?;
            transaction
                .execute("INSERT INTO source (no, name) VALUES (?1, ?2)", params![no, name])
                .map_err(failed("add a source"))?;
            SourceId(no)
        }
        Err(error) => return Err(failed("look up a source")(error)),
    };
    transaction.commit().map_err(failed("commit a source"))?;
    Ok(id)
}

/// Areas and stations as the files say; whoever the files named before and do not name now is retired.
pub(super) fn files(connection: &mut Connection, declared: &Declared, now: Timestamp) -> Result<SeedReport, SeedError> {
    let transaction = begin(connection)?;
    let mut seeding = Seeding::new(&transaction, Origin::Files, now)?;
    seeding.report.warnings = declared.warnings.clone();
    seeding.areas(declared).map_err(RegistryError::sqlite("write the areas"))?;
    seeding.relocate(declared).map_err(RegistryError::sqlite("find areas of stations"))?;
    seeding.stations(&declared.stations).map_err(RegistryError::sqlite("write the stations"))?;
    seeding.retire_vanished(&declared.stations).map_err(RegistryError::sqlite("retire stations"))?;
    seeding.derive_others(declared).map_err(RegistryError::sqlite("derive channels"))?;
    let report = seeding.finish()?;
    transaction.commit().map_err(RegistryError::sqlite("commit the stations"))?;
    Ok(report)
}

/// Stations as a program says; all others stay.
pub(super) fn program(
    connection: &mut Connection,
    stations: Vec<StationDeclaration>,
    (areas, indices): (&Areas, &Config),
    now: Timestamp,
) -> Result<SeedReport, SeedError> {
    let place = |mut station: StationDeclaration| {
        station.area = station.area.or_else(|| areas.locate(station.position));
        derived::extend(&mut station, indices);
        DeclaredStation { file: "program".to_owned(), line: 0, station, policy: StationPolicy::default() }
    };
    let stations: Vec<DeclaredStation> = stations.into_iter().map(place).collect();
    let transaction = begin(connection)?;
    let mut seeding = Seeding::new(&transaction, Origin::Program, now)?;
    seeding.stations(&stations).map_err(RegistryError::sqlite("write the stations"))?;
    let report = seeding.finish()?;
    transaction.commit().map_err(RegistryError::sqlite("commit the stations"))?;
    Ok(report)
}

/// One run: what the rows say before it, and what it did.
struct Seeding<'t> {
    transaction: &'t Transaction<'t>,
    before: Catalogue,
    areas_before: Areas,
    footprints_before: HashMap<StationNo, Footprint>,
    origins: Vec<String>,
    origin: Origin,
    now: i64,
    next_station: u32,
    next_channel: u32,
    report: SeedReport,
    mistakes: Vec<Mistake>,
}

impl<'t> Seeding<'t> {
    fn new(transaction: &'t Transaction<'t>, origin: Origin, now: Timestamp) -> Result<Self, RegistryError> {
        let areas_before = load::areas(transaction)?;
        let before = load::catalogue(transaction, &areas_before)?;
        let footprints_before = load::footprints(transaction)?;
        let origins = load::origins(transaction).map_err(RegistryError::sqlite("read the stations' origins"))?;
        let (next_station, next_channel) = (before.stations().len() as u32, before.channels().len() as u32);
        let (now, report, mistakes) = (now.micros(), SeedReport::default(), Vec::new());
        Ok(Self {
            transaction,
            before,
            areas_before,
            footprints_before,
            origins,
            origin,
            now,
            next_station,
            next_channel,
            report,
            mistakes,
        })
    }

    fn finish(self) -> Result<SeedReport, SeedError> {
        if !self.mistakes.is_empty() {
            return Err(SeedError::Mistakes(self.mistakes));
        }
        let report = &self.report;
        if !report.stations.is_unchanged() || !report.channels.is_unchanged() {
            self.record().map_err(SeedError::Registry)?;
        }
        Ok(self.report)
    }

    /// Records what became of each station.
    fn record(&self) -> Result<(), RegistryError> {
        let after = load::catalogue(self.transaction, &self.areas_before)?;
        let footprints = load::footprints(self.transaction)?;
        for station in after.stations() {
            let new = Definition::of(&after, station, footprints.get(&station.no).cloned());
            let watched = self.footprints_before.get(&station.no).cloned();
            let old = self.before.station(station.no).map(|station| Definition::of(&self.before, station, watched));
            if old.as_ref() == Some(&new) {
                continue;
            }
            let (at, author) = (Timestamp::from_micros(self.now), self.origin.word());
            let act = ChangeAct::of(old.as_ref(), &new);
            let change = Recorded { station: station.no, at, author, act, before: old.as_ref(), after: &new };
            record::put(self.transaction, &change).map_err(RegistryError::sqlite("record a change"))?;
        }
        Ok(())
    }

    fn areas(&mut self, declared: &Declared) -> rusqlite::Result<()> {
        let mut put = self.transaction.prepare_cached(
            "INSERT OR REPLACE INTO area (id, level, name_vi, name_en, parent, label_lon, label_lat, geometry,
             valid_from, valid_to, successors, forest_type, owner, invented)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?;
        let tally = &mut self.report.areas;
        for declared in &declared.areas {
            let (shape, area) = (&declared.shape, &declared.shape.area);
            match self.areas_before.find(&area.id) {
                Some(before) if before == shape => {
                    tally.unchanged_count += 1;
                    continue;
                }
                Some(_) => tally.changed.push(area.id.to_string()),
                None => tally.added.push(area.id.to_string()),
            }
            let parent = area.parent.as_ref().map(AreaId::as_str);
            let (level, label) = (area.level.word(), shape.label);
            let (id, facts) = (area.id.as_str(), &shape.facts);
            let [from, to] = [facts.validity.from, facts.validity.to].map(|date| date.map(|date| date.to_string()));
            let successors: Vec<&str> = facts.successors.iter().map(AreaId::as_str).collect();
            let (successors, forest_type) = (successors.join(","), facts.forest_type.map(ForestType::word));
            put.execute(params![
                id,
                level,
                area.name.vi,
                area.name.en,
                parent,
                label.lon,
                label.lat,
                declared.geometry,
                from,
                to,
                successors,
                forest_type,
                facts.owner,
                facts.invented,
            ])?;
        }
        for shape in self.areas_before.all() {
            let id = &shape.area.id;
            if declared.shapes.find(id).is_none() {
                self.transaction.execute("DELETE FROM area WHERE id = ?1", [id.as_str()])?;
                self.report.areas.retired.push(id.to_string());
            }
        }
        Ok(())
    }

    /// Finds the area anew of stations that others made, where the files no longer have the one they stood in.
    fn relocate(&mut self, declared: &Declared) -> rusqlite::Result<()> {
        let named: HashSet<&str> = declared.stations.iter().map(|declared| declared.station.id.as_str()).collect();
        for station in self.before.stations() {
            let is_gone = station.area.as_ref().is_some_and(|area| declared.shapes.get(area).is_none());
            let of_files = self.origins.get(station.no.index()).is_some_and(|origin| origin == Origin::Files.word());
            if !is_gone || of_files || named.contains(station.id.as_str()) {
                continue;
            }
            let area = declared.shapes.locate(station.position);
            let code = area.as_ref().map(AreaId::as_str);
            self.transaction.execute("UPDATE station SET area = ?2 WHERE no = ?1", params![station.no.0, code])?;
            self.report.stations.changed.push(station.id.to_string());
        }
        Ok(())
    }

    fn stations(&mut self, declared: &[DeclaredStation]) -> rusqlite::Result<()> {
        for declared in declared {
            let known = self.before.station_named(declared.station.id.as_str()).cloned();
            match known {
                None => self.add_station(&declared.station)?,
                Some(station) => self.change_station(declared, &station)?,
            }
        }
        Ok(())
    }

    fn add_station(&mut self, new: &StationDeclaration) -> rusqlite::Result<()> {
        let no = StationNo(self.next_station);
        self.next_station += 1;
        let mut insert = self.transaction.prepare_cached(
            "INSERT INTO station (no, id, kind, name_vi, name_en, lon, lat, area, maintenance, origin, retired_at,
             footprint) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, NULL, ?11)",
        )?;
        let footprint = load::footprint_text(new.footprint.as_ref());
        let (area, origin) = (new.area.as_ref().map(AreaId::as_str), self.origin.word());
        let (lon, lat, id) = (new.position.lon, new.position.lat, new.id.as_str());
        let (kind, name) = (new.kind.word(), &new.name);
        insert.execute(params![
            no.0,
            id,
            kind,
            name.vi,
            name.en,
            lon,
            lat,
            area,
            new.maintenance,
            origin,
            footprint
        ])?;
        drop(insert);
        self.report.stations.added.push(id.to_owned());
        for channel in &new.channels {
            self.add_channel(no, id, channel)?;
        }
        Ok(())
    }

    fn add_channel(&mut self, station: StationNo, station_id: &str, new: &ChannelDeclaration) -> rusqlite::Result<()> {
        let id = ChannelId(self.next_channel);
        self.next_channel += 1;
        let mut insert = self.transaction.prepare_cached(
            "INSERT INTO channel (no, station, property, unit, interval_micros, min, max, link, retired_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, NULL)",
        )?;
        let (property, unit, link) = (new.property.as_str(), new.unit.code(), load::link_word(new.link));
        let (min, max) = (new.plausible.min, new.plausible.max);
        insert.execute(params![id.0, station.0, property, unit, micros(new), min, max, link])?;
        self.report.channels.added.push(format!("{station_id}/{property}"));
        Ok(())
    }

    fn change_station(&mut self, declared: &DeclaredStation, old: &Station) -> rusqlite::Result<()> {
        let new = &declared.station;
        let same = old.kind == new.kind
            && old.name == new.name
            && old.position == new.position
            && old.area == new.area
            && old.maintenance == new.maintenance
            && self.footprints_before.get(&old.no) == new.footprint.as_ref();
        if old.position != new.position {
            let until = Timestamp::from_micros(self.now);
            let former = FormerPlace { until, position: old.position, area: old.area.clone() };
            add_former_place(self.transaction, old.no, &former)?;
        }
        let owned = self.origins.get(old.no.index()).is_some_and(|origin| origin == self.origin.word());
        if !same || !owned || old.retired {
            let mut update = self.transaction.prepare_cached(
                "UPDATE station SET kind = ?2, name_vi = ?3, name_en = ?4, lon = ?5, lat = ?6, area = ?7,
                 maintenance = ?8, origin = ?9, footprint = ?10, retired_at = NULL WHERE no = ?1",
            )?;
            let footprint = load::footprint_text(new.footprint.as_ref());
            let (area, origin) = (new.area.as_ref().map(AreaId::as_str), self.origin.word());
            let (lon, lat, kind, name) = (new.position.lon, new.position.lat, new.kind.word(), &new.name);
            let (vi, en) = (&name.vi, &name.en);
            update.execute(params![old.no.0, kind, vi, en, lon, lat, area, new.maintenance, origin, footprint])?;
        }
        let tally = &mut self.report.stations;
        match (old.retired, same) {
            (true, _) => tally.restored.push(new.id.to_string()),
            (false, false) => tally.changed.push(new.id.to_string()),
            (false, true) => tally.unchanged_count += 1,
        }
        self.change_channels(declared, old)
    }

    fn change_channels(&mut self, declared: &DeclaredStation, old: &Station) -> rusqlite::Result<()> {
        let new = &declared.station;
        let mut vanished: HashMap<String, Channel> = HashMap::new();
        for channel in old.channels.iter().filter_map(|id| self.before.channel(*id)) {
            vanished.insert(channel.property.to_string(), channel.clone());
        }
        for channel in &new.channels {
            match vanished.remove(channel.property.as_str()) {
                None => self.add_channel(old.no, new.id.as_str(), channel)?,
                Some(known) if known.unit != channel.unit => {
                    let (was, is) = (known.unit.code(), channel.unit.code());
                    let message = format!(
                        "stays in {was}, as its history is kept in it; {is} needs another property, \
                         or a conversion where the values come in"
                    );
                    self.mistakes.push(declared.mistake(&format!("{}.unit", channel.property), message));
                }
                Some(known) => self.change_channel(new.id.as_str(), channel, &known)?,
            }
        }
        let mut gone: Vec<Channel> = vanished.into_values().filter(|channel| !channel.retired).collect();
        gone.sort_by_key(|channel| channel.id);
        for channel in gone {
            self.retire_channel(new.id.as_str(), &channel)?;
        }
        Ok(())
    }

    fn change_channel(&mut self, station: &str, new: &ChannelDeclaration, old: &Channel) -> rusqlite::Result<()> {
        let same = old.interval == new.interval && old.plausible == new.plausible && old.link == new.link;
        let name = format!("{station}/{}", new.property);
        let tally = &mut self.report.channels;
        match (old.retired, same) {
            (true, _) => tally.restored.push(name),
            (false, false) => tally.changed.push(name),
            (false, true) => {
                tally.unchanged_count += 1;
                return Ok(());
            }
        }
        let mut update = self.transaction.prepare_cached(
            "UPDATE channel SET interval_micros = ?2, min = ?3, max = ?4, link = ?5, retired_at = NULL WHERE no = ?1",
        )?;
        let (min, max, link) = (new.plausible.min, new.plausible.max, load::link_word(new.link));
        update.execute(params![old.id.0, micros(new), min, max, link]).map(drop)
    }

    fn retire_channel(&mut self, station: &str, channel: &Channel) -> rusqlite::Result<()> {
        let mut update = self.transaction.prepare_cached("UPDATE channel SET retired_at = ?2 WHERE no = ?1")?;
        update.execute(params![channel.id.0, self.now])?;
        self.report.channels.retired.push(format!("{station}/{}", channel.property));
        Ok(())
    }

    /// Gives stations that others made the channels that follow from theirs.
    fn derive_others(&mut self, declared: &Declared) -> rusqlite::Result<()> {
        let named: HashSet<&str> = declared.stations.iter().map(|declared| declared.station.id.as_str()).collect();
        let before = self.before.clone();
        for station in before.stations() {
            let of_files = self.origins.get(station.no.index()).is_some_and(|origin| origin == Origin::Files.word());
            if of_files || station.retired || named.contains(station.id.as_str()) {
                continue;
            }
            for channel in derived::wanted(&before, station, declared.indices()) {
                match before.channel_of(station, channel.property.as_str()) {
                    None => self.add_channel(station.no, station.id.as_str(), &channel)?,
                    Some(known) if known.retired && known.unit == channel.unit => {
                        self.change_channel(station.id.as_str(), &channel, known)?;
                    }
                    Some(_) => {}
                }
            }
        }
        Ok(())
    }

    /// Retires every station in service that files declared once and do not declare now, with its channels.
    fn retire_vanished(&mut self, declared: &[DeclaredStation]) -> rusqlite::Result<()> {
        let named: HashSet<&str> = declared.iter().map(|declared| declared.station.id.as_str()).collect();
        let vanished = |station: &&Station| {
            let of_files = self.origins.get(station.no.index()).is_some_and(|origin| origin == Origin::Files.word());
            of_files && !station.retired && !named.contains(station.id.as_str())
        };
        let stations: Vec<Station> = self.before.stations().iter().filter(vanished).cloned().collect();
        for station in stations {
            let mut update = self.transaction.prepare_cached("UPDATE station SET retired_at = ?2 WHERE no = ?1")?;
            update.execute(params![station.no.0, self.now])?;
            self.report.stations.retired.push(station.id.to_string());
            for id in &station.channels {
                if let Some(channel) = self.before.channel(*id).filter(|channel| !channel.retired).cloned() {
                    self.retire_channel(station.id.as_str(), &channel)?;
                }
            }
        }
        Ok(())
    }
}

/// At most 31 days, as the declaration was checked.
fn micros(channel: &ChannelDeclaration) -> i64 {
    i64::try_from(Span::from(channel.interval).micros()).unwrap_or(i64::MAX)
}
