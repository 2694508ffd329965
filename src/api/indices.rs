//! `/indices`: which indices are computed, and their values with what made them.
//!
//! A value is read from history like any other; its inputs are computed again from what the store holds now.

use std::sync::Arc;

use axum::Json;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::Parts;
use super::door::{Allowed, SeeMap};
use super::features::Name;
use super::problem::{Missing, Problem, Refused};
use super::query::{Asked, FromParams, Id, Nothing, Params};
use super::scale::{self, Step};
use super::sight::Sight;
use super::time::{Shown, When, Zone};
use crate::derive::{Deriver, Plan};
use crate::geodesy::distance_m;
use crate::indices::config::{About, Config};
use crate::model::{AreaId, Catalogue, Channel, ChannelId, Quality, Station, StationId, Timestamp};
use crate::store::{Store, StoredSample};

/// A value older than so many of its channel's intervals is not the value of now.
const INTERVALS_MAX: u32 = 2;
/// Stations in one answer.
const STATIONS_MAX: usize = 1_000;
/// Stations of an answer whose inputs are computed again.
const EXPLAINED_MAX: usize = 50;

/// An index that is computed.
#[derive(Serialize, ToSchema)]
pub struct IndexDescription {
    /// Its name; also the property of its channels, and what rules call it.
    #[schema(example = "vn_aqi")]
    id: String,
    /// What it is called.
    title: Name,
    /// UCUM code of its values' unit.
    #[schema(example = "1")]
    unit: String,
    /// What its values mean, ascending; empty for an amount.
    scale: Vec<Step>,
    /// Where formula and numbers come from.
    source: String,
    /// Whether the numbers were confirmed there. If not, they must be replaced by those in force before anybody acts.
    confirmed: bool,
    /// Stations that have it.
    stations: usize,
}

/// Every index that is computed.
#[derive(Serialize, ToSchema)]
pub struct IndexList {
    /// In the order of the configuration.
    indices: Vec<IndexDescription>,
}

/// What `/indices/{index}` takes: a station or an area.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct IndexAsked {
    /// Of this station.
    #[param(value_type = Option<String>, example = "AQ-01")]
    station: Option<StationId>,
    /// Of this area, by its code: from its own stations, or else from the nearest one.
    #[param(value_type = Option<String>, example = "03388")]
    area: Option<AreaId>,
    /// As it was then: RFC 3339, a date, `-24h`; now when absent.
    #[param(value_type = Option<String>, example = "-24h")]
    at: Option<When>,
}

impl FromParams for IndexAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        let asked = Self {
            station: params.one("station", |text| Ok(StationId::new(text)))?,
            area: params.one("area", |text| Ok(AreaId::new(text)))?,
            at: params.one("at", When::parse)?,
        };
        if asked.station.is_some() == asked.area.is_some() {
            return Err(Problem::parameter("station", "say either a station or an area"));
        }
        Ok(asked)
    }
}

/// Something that a value was made from.
#[derive(Serialize, ToSchema)]
pub struct IndexInput {
    /// What it is.
    #[schema(value_type = String, example = "pm25")]
    name: &'static str,
    /// How much.
    value: f64,
    /// UCUM code of its unit.
    #[schema(value_type = String, example = "ug/m3")]
    unit: &'static str,
    /// The index that it has by itself, where it has one.
    index: Option<f64>,
}

/// An index at a station.
#[derive(Serialize, ToSchema)]
pub struct IndexValue {
    /// The station.
    #[schema(value_type = String, example = "AQ-01")]
    station: StationId,
    /// How far it is from the area's middle, in metres; null when it stands in the area, or a station was asked for.
    distance_m: Option<f64>,
    /// The value; null when there is none of that time.
    value: Option<f64>,
    /// What it is of: the end of its hour or day, or the time of its inputs.
    #[schema(value_type = Option<String>, format = DateTime)]
    observed_at: Option<Shown>,
    /// good, estimated (inputs were suspicious, estimated or missing for a day), or bad (its inputs no longer support it).
    #[schema(value_type = Option<String>, example = "good")]
    quality: Option<&'static str>,
    /// What the value means.
    level: Option<Step>,
    /// What it was made from, computed again from what history holds now; of the first 50 stations of an answer.
    inputs: Vec<IndexInput>,
    #[serde(skip)]
    of: Option<Timestamp>,
}

/// An index at a station or in an area.
#[derive(Serialize, ToSchema)]
pub struct IndexAnswer {
    /// Which.
    #[schema(example = "fire_danger_p")]
    index: String,
    /// As it was then.
    #[schema(value_type = String, format = DateTime)]
    at: Shown,
    /// The station's value; in an area the greatest of its stations' good and estimated ones.
    value: Option<f64>,
    /// What it means.
    level: Option<Step>,
    /// `station`, `own` (stations of the area) or `nearest` (the area has none).
    #[schema(value_type = String, example = "own")]
    from: &'static str,
    /// Stations that the value was chosen from.
    count: usize,
    /// Whether the index's numbers were confirmed in their source.
    confirmed: bool,
    /// The stations, those with the greatest values first.
    stations: Vec<IndexValue>,
}

/// Every index that is computed, with its scale, its source, and whether that was confirmed.
#[utoipa::path(get, path = "/api/v1/indices", operation_id = "listIndices", tag = "map",
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The indices", body = IndexList), Refused))]
pub async fn list(door: Allowed<SeeMap>, Asked(Nothing): Asked<Nothing>) -> Result<Json<IndexList>, Problem> {
    let parts = door.parts();
    let config = parts.registry.indices();
    let catalogue = parts.state.read().catalogue.clone();
    let sight = door.sight(&catalogue);
    let describe = |(id, about): (&'static str, &About)| {
        let (title, unit) = scale::title(id);
        let stations = with_index(&catalogue, &sight, id).count();
        let (source, confirmed) = (about.source.clone(), about.confirmed);
        let (unit, scale) = (unit.code().to_owned(), scale::steps(id, &config, None));
        IndexDescription { id: id.to_owned(), title, unit, scale, source, confirmed, stations }
    };
    Ok(Json(IndexList { indices: scale::computed(&config).into_iter().map(describe).collect() }))
}

/// Stations in sight and in service with their channel of an index.
fn with_index<'c>(
    catalogue: &'c Catalogue,
    sight: &'c Sight,
    index: &'c str,
) -> impl Iterator<Item = (&'c Station, &'c Channel)> {
    let stations = catalogue.stations().iter().filter(|station| !station.retired && sight.reaches_station(station));
    stations.filter_map(move |station| {
        let channel = catalogue.channel_of(station, index)?;
        (!channel.retired && catalogue.is_derived(channel.id)).then_some((station, channel))
    })
}

/// An index at a station, or in an area, with the inputs that made it.
#[utoipa::path(get, path = "/api/v1/indices/{index}", operation_id = "readIndex", tag = "map",
    params(("index" = String, Path, description = "The index's name", example = "vn_aqi"), IndexAsked),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The index", body = IndexAnswer), Refused, Missing))]
pub async fn one(
    door: Allowed<SeeMap>,
    Id(index): Id,
    Asked(asked): Asked<IndexAsked>,
) -> Result<Json<IndexAnswer>, Problem> {
    let parts = door.parts().clone();
    let catalogue = parts.state.read().catalogue.clone();
    let sight = door.sight(&catalogue);
    let zone = Zone::default();
    let now = parts.clock.now();
    let at = asked.at.as_ref().map_or(now, |at| at.settle(now, &zone));
    let question = Question { parts, catalogue, sight, zone, at };
    let answer = tokio::task::spawn_blocking(move || question.answer(&index, &asked));
    answer.await.map_err(Problem::internal)?.map(Json)
}

/// Stations with their channel, and how far they are when they are not in the area.
type Chosen<'c> = Vec<(&'c Station, &'c Channel, Option<f64>)>;

struct Question {
    parts: Arc<Parts>,
    catalogue: Arc<Catalogue>,
    sight: Sight,
    zone: Zone,
    at: Timestamp,
}

impl Question {
    fn answer(&self, index: &str, asked: &IndexAsked) -> Result<IndexAnswer, Problem> {
        let config = self.parts.registry.indices();
        let known = scale::computed(&config).into_iter().find(|(id, _)| *id == index);
        let (_, about) = known.ok_or_else(|| Problem::not_found("index", index))?;
        let (from, chosen) = match (&asked.station, &asked.area) {
            (Some(station), _) => ("station", self.station(index, station)?),
            (None, Some(area)) => self.area(index, area)?,
            (None, None) => ("station", Vec::new()),
        };
        let mut stations = Vec::with_capacity(chosen.len());
        for (station, channel, distance_m) in chosen {
            stations.push((IndexValue { distance_m, ..self.value(index, station, channel)? }, channel.id));
        }
        let holds = |value: &&IndexValue| value.quality.is_some_and(|quality| quality != "bad");
        let rank = |value: &IndexValue| value.value.filter(|_| holds(&value)).unwrap_or(f64::NEG_INFINITY);
        stations.sort_by(|(one, _), (other, _)| rank(other).total_cmp(&rank(one)));
        let plan = Plan::new(&self.catalogue, &config);
        for (value, channel) in stations.iter_mut().take(EXPLAINED_MAX) {
            value.inputs = self.inputs((&plan, &config), value, *channel)?;
        }
        let stations: Vec<IndexValue> = stations.into_iter().map(|(value, _)| value).collect();
        let greatest = stations.first().filter(holds);
        let (value, level) = (greatest.and_then(|v| v.value), greatest.and_then(|v| v.level.clone()));
        let count = stations.iter().filter(holds).count();
        let (at, confirmed) = (self.zone.show(self.at), about.confirmed);
        Ok(IndexAnswer { index: index.to_owned(), at, value, level, from, count, confirmed, stations })
    }

    fn station(&self, index: &str, id: &StationId) -> Result<Chosen<'_>, Problem> {
        let missing = || Problem::not_found("station with this index", id.as_str());
        let station = self.catalogue.station_named(id.as_str()).filter(|station| self.sight.reaches_station(station));
        let station = station.ok_or_else(missing)?;
        let channel = self.catalogue.channel_of(station, index);
        let channel = channel.filter(|channel| self.catalogue.is_derived(channel.id)).ok_or_else(missing)?;
        Ok(vec![(station, channel, None)])
    }

    /// The area's own stations, or the one that is nearest to its middle.
    fn area(&self, index: &str, area: &AreaId) -> Result<(&'static str, Chosen<'_>), Problem> {
        let inside = Sight::in_area(&self.catalogue, Some(area))?;
        let seen = with_index(&self.catalogue, &self.sight, index);
        // The answer borrows from the catalogue alone.
        let seen: Vec<(&Station, &Channel)> = seen
            .filter_map(|(station, channel)| {
                Some((self.catalogue.station(station.no)?, self.catalogue.channel(channel.id)?))
            })
            .collect();
        let own = seen.iter().filter(|(station, _)| inside.reaches_station(station)).take(STATIONS_MAX);
        let own: Vec<_> = own.map(|(station, channel)| (*station, *channel, None)).collect();
        if !own.is_empty() {
            return Ok(("own", own));
        }
        let areas = (self.parts.areas)();
        let Some(middle) = areas.get(area).map(|shape| shape.label) else { return Ok(("nearest", Vec::new())) };
        let with_distance =
            seen.into_iter().map(|(station, channel)| (station, channel, distance_m(middle, station.position)));
        let nearest = with_distance.min_by(|one, other| one.2.total_cmp(&other.2));
        let nearest = nearest.map(|(station, channel, metres)| (station, channel, Some(metres.round())));
        Ok(("nearest", nearest.into_iter().collect()))
    }

    fn value(&self, index: &str, station: &Station, channel: &Channel) -> Result<IndexValue, Problem> {
        let config = self.parts.registry.indices();
        let sample = newest(&self.parts.store, channel, self.at).map_err(Problem::internal)?;
        Ok(IndexValue {
            station: station.id.clone(),
            distance_m: None,
            value: sample.map(|sample| sample.value),
            observed_at: sample.map(|sample| self.zone.show(sample.observed_at)),
            quality: sample.map(|sample| sample.quality.word()),
            level: sample.and_then(|sample| scale::step_of(index, &config, station, sample.value)),
            of: sample.map(|sample| sample.observed_at),
            inputs: Vec::new(),
        })
    }

    /// What a value was made from.
    fn inputs(
        &self,
        (plan, config): (&Plan, &Config),
        value: &IndexValue,
        channel: ChannelId,
    ) -> Result<Vec<IndexInput>, Problem> {
        let Some(at) = value.of else { return Ok(Vec::new()) };
        let made = Deriver::explain((plan, config), channel, at, self.parts.store.as_ref());
        let ingredients = made.map_err(Problem::internal)?.into_iter().flat_map(|made| made.ingredients);
        let input = ingredients.map(|input| IndexInput {
            name: input.name,
            value: input.value,
            unit: input.unit.code(),
            index: input.index,
        });
        Ok(input.collect())
    }
}

/// The newest value at or before an instant that is still of it, and holds if there is one that does.
fn newest(store: &Store, channel: &Channel, at: Timestamp) -> Result<Option<StoredSample>, crate::store::StoreError> {
    let age_max = channel.interval * INTERVALS_MAX + channel.link.grace();
    let samples = store.range(channel.id, at - age_max, at + std::time::Duration::from_micros(1));
    let samples = samples.collect::<Result<Vec<StoredSample>, _>>()?;
    let holds = samples.iter().rev().find(|sample| !sample.quality.has(Quality::BAD));
    Ok(holds.or(samples.last()).copied())
}
