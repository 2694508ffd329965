//! Changing one station by hand: read, judged, written and recorded in one transaction.
//!
//! Who wins: **a station that the files name is the files'**. Changing it here is refused, so that the files never lie
//! and a restart never takes back what somebody did; whoever wants to change it by hand takes it out of the files
//! first (it is retired then, and a change here brings it back, as ours). When a file comes to name a station of ours,
//! it is the file's from then on. Every change is recorded with its author, those by the files too.
//!
//! Nothing is deleted: removing a station or a channel retires it, and a channel keeps its unit for ever.

use rusqlite::{Connection, Transaction, params};

use super::areas::Areas;
use super::definition::{ChannelDefinition, Definition, Standing};
use super::derived;
use super::record::{self, ChangeAct, Recorded, StationChange};
use super::seed::{Origin, begin, origin_of};
use super::station_file::StationDeclaration;
use super::{CHANNELS_PER_STATION_MAX, RegistryError, field, load};
use crate::indices::config::Config;
use crate::model::{AreaId, Catalogue, ChannelId, Span, Station, StationNo, Timestamp};

/// A field that cannot be as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongField {
    /// Its path: `channels.pm10.min`; `channels[0].property` of a channel without a property.
    pub field: String,
    /// What is wrong and what would be right, for a person.
    pub message: String,
}

/// Why a station was not changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The database.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// There is no such station, or none that the author may see.
    #[error("there is no such station")]
    Unknown,
    /// There is no such change, channel or place.
    #[error("there is no such {0}")]
    Missing(&'static str),
    /// The files name it.
    #[error("the station is declared in the province's files: change it there")]
    DeclaredInFiles,
    /// It is there already.
    #[error("there is a station of this name already")]
    Exists,
    /// The author looked at another revision.
    #[error("the station has revision {revision} now")]
    ChangedSince {
        /// The one that it has.
        revision: i64,
    },
    /// The change that is to be taken back is not the newest any more.
    #[error("the station was changed after this change: take back the newer changes first")]
    NotTheNewest,
    /// Every field that is wrong.
    #[error("{} wrong fields", .0.len())]
    Wrong(Vec<WrongField>),
}

/// A station as it stands in the registry.
#[derive(Clone, Debug, PartialEq)]
pub struct Registered {
    /// Everything declared of it.
    pub definition: Definition,
    /// Goes up with each change.
    pub revision: i64,
    /// Whose it is: `files`, `api` or `program`.
    pub origin: &'static str,
}

/// What became of an edit.
#[derive(Clone, Debug, PartialEq)]
pub struct Edited {
    /// The station now.
    pub station: Registered,
    /// What was done; `None` when nothing is different.
    pub act: Option<ChangeAct>,
}

/// What is to become of a station.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// It stands as declared; what the declaration does not name is retired.
    Stand(StationDeclaration),
    /// It stands elsewhere from an instant on; the area is found from the position when none is named.
    Move(Standing),
    /// It is out of service.
    Retire,
    /// A change of it is taken back.
    Undo(i64),
}

/// Who changes which station when, and what they go by.
pub struct Edit<'a> {
    /// The station's name.
    pub id: &'a str,
    /// The account.
    pub author: &'a str,
    /// Now.
    pub now: Timestamp,
    /// The revisions that the author looked at; `None` when they do not say.
    pub revisions: Option<Vec<i64>>,
    /// Whether the author may see and make something in this area.
    pub reaches: &'a dyn Fn(Option<&AreaId>) -> bool,
}

/// Changes a station to what `wish` makes of its present state.
pub(super) fn edit(
    connection: &mut Connection,
    (areas, indices): (&Areas, &Config),
    edit: &Edit<'_>,
    wish: impl FnOnce(Option<&Registered>) -> Result<Wish, EditError>,
) -> Result<Edited, EditError> {
    let transaction = begin(connection)?;
    let catalogue = load::catalogue(&transaction, areas)?;
    let before = find(&transaction, &catalogue, edit.id)?;
    if before.as_ref().is_some_and(|(_, known)| !(edit.reaches)(known.definition.area.as_ref())) {
        return Err(EditError::Unknown);
    }
    let known = before.as_ref().map(|(_, known)| known);
    if let Some(revisions) = &edit.revisions {
        let revision = known.ok_or(EditError::Unknown)?.revision;
        if !revisions.contains(&revision) {
            return Err(EditError::ChangedSince { revision });
        }
    }
    let wish = wish(known)?;
    if known.is_some_and(|known| known.origin == Origin::Files.word() && !known.definition.retired) {
        return Err(EditError::DeclaredInFiles);
    }
    let definition = known.map(|known| &known.definition);
    let (after, act) =
        fulfil(&transaction, (areas, indices), edit, before.as_ref().map(|(no, _)| *no), definition, wish)?;
    if !(edit.reaches)(after.area.as_ref()) {
        return Err(wrong("area", "lies outside the areas that you may change".to_owned()));
    }
    if let Some(area) = changed_areas(definition, &after).find(|area| !(edit.reaches)(area.as_ref())) {
        let area = area.map_or_else(|| "outside all areas".to_owned(), |area| format!("in {area}"));
        let message = format!("changes when the station stood {area}, outside the areas that you may change");
        return Err(wrong("valid_from", message));
    }
    if let Some(known) = known.filter(|known| known.definition == after) {
        return Ok(Edited { station: known.clone(), act: None });
    }
    let sqlite = RegistryError::sqlite("write a station");
    let no = write(&transaction, &catalogue, &after, edit.now).map_err(sqlite)?;
    let (at, author, before) = (edit.now, edit.author, definition);
    let recorded = Recorded { station: no, at, author, act, before, after: &after };
    let revision = record::put(&transaction, &recorded).map_err(RegistryError::sqlite("record a change"))?;
    transaction.commit().map_err(RegistryError::sqlite("commit a station"))?;
    Ok(Edited { station: Registered { definition: after, revision, origin: Origin::Api.word() }, act: Some(act) })
}

/// The areas of every place that is there before or after and not, for the same time, in both.
fn changed_areas(before: Option<&Definition>, after: &Definition) -> impl Iterator<Item = Option<AreaId>> {
    let stays = |definition: &Definition| {
        let standings = definition.standings();
        let until = standings.iter().skip(1).map(|next| next.valid_from).chain([None]).collect::<Vec<_>>();
        standings.into_iter().zip(until).collect::<Vec<_>>()
    };
    let (old, new) = (before.map_or_else(Vec::new, stays), stays(after));
    let gone: Vec<_> = old.iter().filter(|stay| !new.contains(stay)).cloned().collect();
    let come = new.into_iter().filter(move |stay| !old.contains(stay));
    gone.into_iter().chain(come).map(|(standing, _)| standing.area)
}

/// A station by its name.
pub(super) fn find(
    connection: &Connection,
    catalogue: &Catalogue,
    id: &str,
) -> Result<Option<(StationNo, Registered)>, RegistryError> {
    let found = catalogue.station_named(id).map(|station| (station, registered(connection, catalogue, station)));
    found.map(|(station, registered)| Ok((station.no, registered?))).transpose()
}

/// A station of the catalogue with what only the rows know.
pub(super) fn registered(
    connection: &Connection,
    catalogue: &Catalogue,
    station: &Station,
) -> Result<Registered, RegistryError> {
    let failed = RegistryError::sqlite;
    let revision = record::revision(connection, station.no).map_err(failed("read a revision"))?;
    let origin = origin_of(connection, station.no).map_err(failed("read an origin"))?.word();
    let definition = Definition::of(catalogue, station, load::footprint_of(connection, station.no)?);
    Ok(Registered { definition, revision, origin })
}

fn wrong(field: &str, message: String) -> EditError {
    EditError::Wrong(vec![WrongField { field: field.to_owned(), message }])
}

fn fulfil(
    transaction: &Transaction<'_>,
    (areas, indices): (&Areas, &Config),
    edit: &Edit<'_>,
    no: Option<StationNo>,
    before: Option<&Definition>,
    wish: Wish,
) -> Result<(Definition, ChangeAct), EditError> {
    let after = match wish {
        Wish::Stand(mut declaration) => {
            let mistakes = mistakes(&declaration, before, areas);
            if !mistakes.is_empty() {
                return Err(EditError::Wrong(mistakes));
            }
            declaration.area = declaration.area.or_else(|| areas.locate(declaration.position));
            derived::extend(&mut declaration, indices);
            Definition::declared(&declaration, before, edit.now)
        }
        Wish::Move(mut standing) => {
            let before = before.ok_or(EditError::Unknown)?.clone();
            standing.area = place(&standing, areas, edit.now)?;
            before.moved(standing)
        }
        Wish::Retire => before.ok_or(EditError::Unknown)?.clone().retired(),
        Wish::Undo(id) => {
            let (no, present) = no.zip(before).ok_or(EditError::Unknown)?;
            let change = record::find(transaction, no, id)?.ok_or(EditError::Missing("change"))?;
            return Ok((taken_back(change, present)?, ChangeAct::Undone));
        }
    };
    let act = ChangeAct::of(before, &after);
    Ok((after, act))
}

/// What was there before a change, when the station is as the change left it; channels that came since stay, retired.
fn taken_back(change: StationChange, present: &Definition) -> Result<Definition, EditError> {
    let StationChange { before, after, .. } = change;
    let known = |definition: &Definition, channel: &ChannelDefinition| {
        definition.channels.iter().any(|known| known.property == channel.property)
    };
    let mut comparable = present.clone();
    comparable.channels.retain(|channel| !channel.retired || known(&after, channel));
    if comparable != after {
        return Err(EditError::NotTheNewest);
    }
    let Some(mut before) = before else { return Ok(present.clone().retired()) };
    let since: Vec<ChannelDefinition> =
        present.channels.iter().filter(|channel| !known(&before, channel)).cloned().collect();
    before.channels.extend(since.into_iter().map(|channel| ChannelDefinition { retired: true, ..channel }));
    Ok(before)
}

fn place(standing: &Standing, areas: &Areas, now: Timestamp) -> Result<Option<AreaId>, EditError> {
    if let Err((key, message)) = field::position(standing.position) {
        return Err(wrong(key, message));
    }
    if standing.valid_from.is_some_and(|from| from > now) {
        return Err(wrong("valid_from", "must not lie in the future: say it when the station has moved".to_owned()));
    }
    match &standing.area {
        Some(area) if areas.get(area).is_none() => Err(wrong("area", format!("no area has the code {area}"))),
        Some(area) => Ok(Some(area.clone())),
        None => Ok(areas.locate(standing.position)),
    }
}

/// Everything that is wrong with a declaration, by the rules of the files.
fn mistakes(new: &StationDeclaration, before: Option<&Definition>, areas: &Areas) -> Vec<WrongField> {
    let mut found = Vec::new();
    let mut note = |field: String, checked: Result<(), String>| {
        if let Err(message) = checked {
            found.push(WrongField { field, message });
        }
    };
    note("id".to_owned(), field::station_id(new.id.as_str()).map(drop));
    if let Err((key, message)) = field::position(new.position) {
        note(key.to_owned(), Err(message));
    }
    for (key, text) in [("name.vi", &new.name.vi), ("name.en", &new.name.en)] {
        note(key.to_owned(), field::shown_name(text));
    }
    if let Some(area) = new.area.as_ref().filter(|area| areas.get(area).is_none()) {
        note("area".to_owned(), Err(format!("no area has the code {area}")));
    }
    if !(1..=CHANNELS_PER_STATION_MAX).contains(&new.channels.len()) {
        note("channels".to_owned(), Err(format!("must have 1 to {CHANNELS_PER_STATION_MAX} entries")));
    }
    for (index, channel) in new.channels.iter().enumerate() {
        // By property: a draft's places are others than the declaration's when it names retired channels.
        let key = |name: &str| format!("channels.{}.{name}", channel.property);
        note(key("property"), field::property(channel.property.as_str()).map(drop));
        note(key("interval"), field::interval(channel.interval));
        note(key("min"), field::range(channel.plausible));
        if new.channels[..index].iter().any(|former| former.property == channel.property) {
            note(key("property"), Err(format!("the station has {} already", channel.property)));
        }
        let known = before.and_then(|before| before.channels.iter().find(|known| known.property == channel.property));
        if let Some(known) = known.filter(|known| known.unit != channel.unit) {
            let (was, is) = (known.unit.code(), channel.unit.code());
            note(key("unit"), Err(format!("stays {was}, as its history is kept in it; {is} needs another property")));
        }
    }
    found
}

/// Brings the rows to the definition; gives the station's number.
fn write(
    transaction: &Transaction<'_>,
    catalogue: &Catalogue,
    after: &Definition,
    now: Timestamp,
) -> rusqlite::Result<StationNo> {
    let known = catalogue.station_named(after.id.as_str());
    let no = known.map_or(StationNo(catalogue.stations().len() as u32), |station| station.no);
    let mut put = transaction.prepare_cached(
        "INSERT INTO station (no, id, kind, name_vi, name_en, lon, lat, area, maintenance, origin, retired_at, footprint)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
         ON CONFLICT (no) DO UPDATE SET kind = ?3, name_vi = ?4, name_en = ?5, lon = ?6, lat = ?7, area = ?8,
         maintenance = ?9, origin = ?10, retired_at = ?11, footprint = ?12",
    )?;
    let (area, retired_at) = (after.area.as_ref().map(AreaId::as_str), after.retired.then_some(now.micros()));
    let (id, kind, name, origin) = (after.id.as_str(), after.kind.word(), &after.name, Origin::Api.word());
    let (lon, lat, maintenance) = (after.position.lon, after.position.lat, after.maintenance);
    let (vi, en, footprint) = (&name.vi, &name.en, load::footprint_text(after.footprint.as_ref()));
    put.execute(params![no.0, id, kind, vi, en, lon, lat, area, maintenance, origin, retired_at, footprint])?;
    let mut next = catalogue.channels().len() as u32;
    for channel in &after.channels {
        let known = known.and_then(|station| catalogue.channel_of(station, channel.property.as_str()));
        let id = known.map_or(ChannelId(next), |channel| channel.id);
        next += u32::from(known.is_none());
        let mut put = transaction.prepare_cached(
            "INSERT INTO channel (no, station, property, unit, interval_micros, min, max, link, retired_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (no) DO UPDATE SET interval_micros = ?5, min = ?6, max = ?7, link = ?8, retired_at = ?9",
        )?;
        let (property, unit, link) = (channel.property.as_str(), channel.unit.code(), load::link_word(channel.link));
        let micros = i64::try_from(Span::from(channel.interval).micros()).unwrap_or(i64::MAX);
        let (min, max) = (channel.plausible.min, channel.plausible.max);
        let retired_at = channel.retired.then_some(now.micros());
        put.execute(params![id.0, no.0, property, unit, micros, min, max, link, retired_at])?;
    }
    transaction.execute("DELETE FROM station_place WHERE station = ?1", [no.0])?;
    for place in &after.former_places {
        add_former_place(transaction, no, place)?;
    }
    Ok(no)
}

/// Keeps a place where a station stood.
pub(super) fn add_former_place(
    connection: &Connection,
    no: StationNo,
    place: &crate::model::FormerPlace,
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT OR REPLACE INTO station_place (station, until, lon, lat, area) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let (lon, lat, area) = (place.position.lon, place.position.lat, place.area.as_ref().map(AreaId::as_str));
    insert.execute(params![no.0, place.until.micros(), lon, lat, area]).map(drop)
}
