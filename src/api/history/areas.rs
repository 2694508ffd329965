//! `GET /history/areas`: buckets over the stations of areas, level by level, in the boundaries of today or of a date.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use jiff::civil::Date;
use serde_json::json;
use utoipa::IntoParams;

use super::super::boundaries::{Boundaries, Placed};
use super::super::door::{Allowed, SeeHistory};
use super::super::problem::{Costly, Problem, Refused};
use super::super::query::{self, Asked, FromParams, Params, word};
use super::super::sight::Sight;
use super::about;
use super::asked::Common;
use super::document::AreaHistoryDocument;
use super::flow::{Failure, in_turn};
use super::source::{Columns, Source};
use super::table::{Naming, Series, Table};
use crate::history::{AREA_FUNCTIONS, Duty, History, Line, Plan};
use crate::model::{Area, AreaId, AreaLevel, Catalogue, Position, Property, Station, Timestamp, Unit};
use crate::registry::Areas;

/// What `/history/areas` takes besides.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AreasAsked {
    /// The property whose channels are aggregated.
    #[param(value_type = String, example = "pm2_5")]
    property: Property,
    /// An area's code: only this one and those inside it. Default: all that the caller may see.
    #[param(value_type = Option<String>, example = "12")]
    area: Option<AreaId>,
    /// The level of the areas told: province, commune, district (until 2025-06-30, with `boundaries`),
    /// forest_compartment, forest_subcompartment, forest_plot.
    #[param(value_type = Option<String>, default = "commune")]
    level: AreaLevel,
    /// In the boundaries that were in force on this date, such as 2025-06-30; those in force now when absent. Areas of
    /// that date that nobody can tell apart any more are told together: see `merges`.
    #[param(value_type = Option<String>, example = "2025-06-30")]
    boundaries: Option<Date>,
    #[param(ignore)]
    common: Common,
}

impl FromParams for AreasAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        let property = params.one("property", |text| Ok(Property::new(text)))?;
        let asked = Self {
            property: property.ok_or_else(|| Problem::parameter("property", "name one, such as pm2_5"))?,
            area: params.one("area", |text| Ok(AreaId::new(text)))?,
            level: params
                .one("level", |text| word(text, &AreaLevel::ALL, AreaLevel::word))?
                .unwrap_or(AreaLevel::Commune),
            boundaries: params.one("boundaries", query::date)?,
            common: Common::take(params)?,
        };
        if asked.common.every.is_none() {
            return Err(Problem::parameter("every", "areas have buckets only: say how long, such as 1d"));
        }
        if let Some(other) = asked.common.functions.iter().find(|function| !AREA_FUNCTIONS.contains(function)) {
            let offered: Vec<&str> = AREA_FUNCTIONS.iter().map(|function| function.word()).collect();
            let why =
                format!("{} says nothing of several stations; of areas there are {}", other.word(), offered.join(", "));
            return Err(Problem::parameter("fn", why));
        }
        Ok(asked)
    }
}

/// What tells areas apart; in the boundaries of a date also the codes, with spaces, of `merges` and `also_in`.
const NAMES_OF_DATE: [&str; 4] = ["area", "name", "merges", "also_in"];

/// One area, or several of a date that cannot be told apart, and the channels in it.
struct Group {
    placed: Placed,
    lines: Vec<(Line, Duty)>,
}

/// Buckets over the stations of areas, one area after the other.
///
/// In each bucket first every station's value is made, then over the stations: `mean` is the mean of the stations'
/// means (a station that reports more often weighs no more), `min` and `max` are the lowest and highest, `sum`, `count`
/// and `delta` are added up. `stations` says how many have a value, `stations_expected` how many should. Areas without a
/// station that observes the property are left out.
#[utoipa::path(get, path = "/api/v1/history/areas", operation_id = "readAreaHistory", tag = "history",
    params(AreasAsked, Common),
    security(("token" = []), ("session" = [])),
    responses(
        (status = 200, description = "CSV: a header row, then time,area,name, the functions asked for, \
            count,expected,completeness,worst_quality,stations,stations_expected,left_out,end,partial. NDJSON and \
            Parquet: the same. With boundaries, merges and also_in (codes, with spaces) follow the name.",
            content((AreaHistoryDocument = "application/json"), (String = "text/csv"),
                (String = "application/x-ndjson"), (Vec<u8> = "application/vnd.apache.parquet")),
            headers(("link" = String, description = "rel=\"next\" when a limit was asked for and more follows"))),
        Refused, Costly))]
pub async fn read(
    door: Allowed<SeeHistory>,
    uri: Uri,
    headers: HeaderMap,
    Asked(asked): Asked<AreasAsked>,
) -> Result<Response, Problem> {
    let common = &asked.common;
    let Some(question) = common.question(&door)? else {
        return Err(Problem::parameter("every", "areas have buckets only"));
    };
    let wanted = wanted(&door, &asked)?;
    let (groups, unit) = in_turn(&door.turns(), move || wanted.groups()).await?;
    let place = common.place(question.from, groups.len().max(1))?;
    let history = Arc::clone(&door.parts().history);
    let lines: Vec<Line> = groups.iter().flat_map(|group| &group.lines).map(|(line, _)| line.clone()).collect();
    let permitted = question.clone();
    let plans = in_turn(&door.turns(), move || Ok::<_, Failure>(history.permit(&permitted, &lines)?.plans)).await?;

    let mut plans = plans.into_iter();
    let areas: Vec<Vec<(Line, Plan, Duty)>> = groups
        .iter()
        .map(|group| {
            group.lines.iter().zip(plans.by_ref()).map(|((line, duty), plan)| (line.clone(), plan, *duty)).collect()
        })
        .collect();
    let mut members = vec![("property", json!(asked.property.as_str())), ("level", json!(asked.level.word()))];
    if let Some(date) = asked.boundaries {
        members.push(("boundaries", json!(date.to_string())));
    }
    members.extend(about::of_question(&question, &common.tz));
    let series: Vec<Series> =
        groups.iter().zip(&areas).map(|(group, lines)| series(group, lines, unit, common, asked.boundaries)).collect();
    let about = about::manifest(&uri.to_string(), common, &members, "areas", about::series(&series), question.now);
    let columns = Columns::new(&question.functions, common.functions.is_empty());
    let table = Table {
        names: if asked.boundaries.is_some() { NAMES_OF_DATE.to_vec() } else { NAMES_OF_DATE[..2].to_vec() },
        naming: Naming::Always,
        columns: columns.table_of_areas(),
        series,
        group: "areas",
        list: "buckets",
        members,
    };
    let settled = common.settled(&uri, question.from, Some(question.to));
    let source = Source::areas(Arc::new(question), areas, place);
    super::answer(&door, (common, settled), source, columns, table, about)?.send(&headers).await
}

fn series(
    group: &Group,
    lines: &[(Line, Plan, Duty)],
    unit: Option<Unit>,
    common: &Common,
    date: Option<Date>,
) -> Series {
    let Placed { area: Area { id, name, .. }, merges, also_in } = &group.placed;
    let mut members = vec![
        ("area", json!(id.as_str())),
        ("name", json!({ "vi": name.vi, "en": name.en })),
        ("unit", json!(unit.map(Unit::code))),
        ("tier", json!(about::tier(lines.iter().map(|(_, plan, _)| plan)))),
    ];
    if !merges.is_empty() {
        let each = |area: &Area| json!({ "area": area.id, "name": { "vi": area.name.vi, "en": area.name.en } });
        members.push(("merges", merges.iter().map(each).collect()));
    }
    if !also_in.is_empty() {
        members.push(("also_in", json!(also_in)));
    }
    members.extend(about::kept_since(lines.iter().map(|(_, plan, _)| plan.whole_since), &common.tz));
    let mut names = vec![id.as_str().to_owned(), name.vi.clone()];
    if date.is_some() {
        let codes = |ids: &mut dyn Iterator<Item = &AreaId>| ids.map(AreaId::as_str).collect::<Vec<_>>().join(" ");
        names.extend([codes(&mut merges.iter().map(|area| &area.id)), codes(&mut also_in.iter())]);
    }
    Series { names, members }
}

/// Everything that groups are made from, so that nobody waits for them.
struct Wanted {
    catalogue: Arc<Catalogue>,
    areas: Arc<Areas>,
    history: Arc<History>,
    /// What the caller may see, and what is asked about.
    sights: [Sight; 2],
    property: Property,
    level: AreaLevel,
    date: Option<Date>,
    today: Date,
}

fn wanted(door: &Allowed<SeeHistory>, asked: &AreasAsked) -> Result<Wanted, Problem> {
    let parts = door.parts();
    let (catalogue, areas) = (parts.state.read().catalogue.clone(), (parts.areas)());
    let sight = door.sight(&catalogue);
    if let Some(area) = asked.area.as_ref().filter(|area| !sight.reaches(Some(area))) {
        return Err(Problem::parameter("area", format!("there is no area {:?}", area.as_str())));
    }
    let asked_about = Sight::in_area(&catalogue, asked.area.as_ref())?;
    let today = asked.common.tz.date(parts.clock.now());
    let (sights, history) = ([sight, asked_about], Arc::clone(&parts.history));
    let (property, level, date) = (asked.property.clone(), asked.level, asked.boundaries);
    Ok(Wanted { catalogue, areas, history, sights, property, level, date, today })
}

impl Wanted {
    /// The areas of the level with their channels, and the unit that all of these have. Both the area told and the one
    /// that the station is declared in must be in sight: a station may lie in another area than its own.
    fn groups(&self) -> Result<(Vec<Group>, Option<Unit>), Problem> {
        let catalogue = &*self.catalogue;
        let boundaries = Boundaries::new(catalogue, &self.areas, self.level, self.date, self.today);
        boundaries.check()?;
        let is_told = |placed: &Placed, own: Option<&AreaId>| {
            let sees = |sight: &Sight| sight.reaches(own) && boundaries.is_in_sight(&placed.area.id, sight);
            self.sights.iter().all(sees)
        };
        let mut groups: BTreeMap<AreaId, Group> = BTreeMap::new();
        let mut unit: Option<Unit> = None;
        for station in catalogue.stations() {
            let Some(channel) = catalogue.channel_of(station, self.property.as_str()) else { continue };
            let place = |(position, area, duty)| {
                let placed = boundaries.place(position, area).filter(|placed| is_told(placed, area))?;
                Some((placed, duty))
            };
            let placed: Vec<(Placed, Duty)> =
                stays(catalogue, station, channel.retired).into_iter().filter_map(place).collect();
            if placed.is_empty() {
                continue;
            }
            if let Some(first) = unit.replace(channel.unit).filter(|first| *first != channel.unit) {
                let why = format!(
                    "stations observe it in {} and in {}: they cannot be put together",
                    first.code(),
                    channel.unit.code()
                );
                return Err(Problem::parameter("property", why));
            }
            let name = format!("{}/{}", station.id, channel.property);
            for (placed, duty) in placed {
                let group = groups.entry(placed.area.id.clone());
                let group = group.or_insert_with(|| Group { placed, lines: Vec::new() });
                group.lines.push((self.history.line(&name, channel), duty));
            }
        }
        Ok((groups.into_values().collect(), unit))
    }
}

/// Where a station stood, in which area in force, and what is expected of it there.
type Stay<'c> = (Position, Option<&'c AreaId>, Duty);

/// The places where a station stands and stood.
fn stays<'c>(catalogue: &'c Catalogue, station: &'c Station, retired: bool) -> Vec<Stay<'c>> {
    let former = catalogue.former_places(station.no);
    if former.is_empty() {
        let duty = if retired { Duty::Retired } else { Duty::Standing };
        return vec![(station.position, station.area.as_ref(), duty)];
    }
    let [begin, end] = [i64::MIN, i64::MAX].map(Timestamp::from_micros);
    let starts = std::iter::once(begin).chain(former.iter().map(|place| place.until));
    let ends = former.iter().map(|place| place.until).chain([end]);
    let places = former.iter().map(|place| (place.position, place.area.as_ref()));
    let places = places.chain([(station.position, station.area.as_ref())]);
    let duty = |from, to| if retired { Duty::RetiredBetween { from, to } } else { Duty::StandingBetween { from, to } };
    let stay = |((from, to), (position, area))| (position, area, duty(from, to));
    starts.zip(ends).zip(places).map(stay).collect()
}
