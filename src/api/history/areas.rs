//! `GET /history/areas`: buckets over the stations of areas, level by level.

use std::sync::Arc;

use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use serde_json::json;
use utoipa::IntoParams;

use super::super::door::{Allowed, SeeHistory};
use super::super::problem::{Costly, Problem, Refused};
use super::super::query::{Asked, FromParams, Params, word};
use super::super::sight::Sight;
use super::super::time::Zone;
use super::about;
use super::asked::Common;
use super::document::AreaHistoryDocument;
use super::flow::{Failure, in_turn};
use super::source::{Columns, Source};
use super::table::{Naming, Series, Table};
use crate::history::{AREA_FUNCTIONS, Duty, Line, Plan};
use crate::model::{Area, AreaId, AreaLevel, Catalogue, Property, Station, Timestamp, Unit};

const LEVELS: [AreaLevel; 2] = [AreaLevel::Province, AreaLevel::Commune];

/// How deep areas nest; the same as for what a caller may see.
const DEPTH_MAX: usize = 8;

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
    /// The tier of the areas told: province or commune.
    #[param(value_type = Option<String>, default = "commune")]
    level: AreaLevel,
    #[param(ignore)]
    common: Common,
}

impl FromParams for AreasAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        let property = params.one("property", |text| Ok(Property::new(text)))?;
        let asked = Self {
            property: property.ok_or_else(|| Problem::parameter("property", "name one, such as pm2_5"))?,
            area: params.one("area", |text| Ok(AreaId::new(text)))?,
            level: params.one("level", |text| word(text, &LEVELS, AreaLevel::word))?.unwrap_or(AreaLevel::Commune),
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

/// One area and the channels in it.
struct Group {
    area: Area,
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
            Parquet: the same.",
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
    let (groups, unit) = groups(&door, &asked)?;
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
    members.extend(about::of_question(&question, &common.tz));
    let series: Vec<Series> =
        groups.iter().zip(&areas).map(|(group, lines)| series(group, lines, unit, &common.tz)).collect();
    let about = about::manifest(&uri.to_string(), common, &members, "areas", about::series(&series), question.now);
    let columns = Columns::new(&question.functions, common.functions.is_empty());
    let table = Table {
        names: vec!["area", "name"],
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

fn series(group: &Group, lines: &[(Line, Plan, Duty)], unit: Option<Unit>, zone: &Zone) -> Series {
    let Area { id, name, .. } = &group.area;
    let mut members = vec![
        ("area", json!(id.as_str())),
        ("name", json!({ "vi": name.vi, "en": name.en })),
        ("unit", json!(unit.map(Unit::code))),
        ("tier", json!(about::tier(lines.iter().map(|(_, plan, _)| plan)))),
    ];
    members.extend(about::kept_since(lines.iter().map(|(_, plan, _)| plan.whole_since), zone));
    Series { names: vec![id.as_str().to_owned(), name.vi.clone()], members }
}

/// The areas of the asked level with their channels, and the unit that all of these have.
fn groups(door: &Allowed<SeeHistory>, asked: &AreasAsked) -> Result<(Vec<Group>, Option<Unit>), Problem> {
    let state = door.parts().state.read();
    let catalogue = &state.catalogue;
    let sight = door.sight(catalogue);
    if let Some(area) = asked.area.as_ref().filter(|area| !sight.reaches(Some(area))) {
        return Err(Problem::parameter("area", format!("there is no area {:?}", area.as_str())));
    }
    let asked_about = Sight::in_area(catalogue, asked.area.as_ref())?;
    let told = |area: &&Area| {
        area.level == asked.level && sight.reaches(Some(&area.id)) && asked_about.reaches(Some(&area.id))
    };
    let areas = catalogue.areas().iter().filter(told);
    let mut groups: Vec<Group> = areas.map(|area| Group { area: area.clone(), lines: Vec::new() }).collect();
    let mut unit: Option<Unit> = None;
    for station in catalogue.stations() {
        let Some(channel) = catalogue.channel_of(station, asked.property.as_str()) else { continue };
        let mut stays = stays(catalogue, station, channel.retired);
        stays.retain(|(area, _)| groups.iter().any(|group| is_inside(catalogue, *area, &group.area.id)));
        if stays.is_empty() {
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
        for (area, duty) in stays {
            let group = groups.iter_mut().find(|group| is_inside(catalogue, area, &group.area.id));
            group.into_iter().for_each(|group| {
                group.lines.push((door.parts().history.line(&name, channel), duty));
            });
        }
    }
    groups.retain(|group| !group.lines.is_empty());
    Ok((groups, unit))
}

/// The areas in which a station stands and stood, and what is expected of it there.
fn stays<'c>(catalogue: &'c Catalogue, station: &'c Station, retired: bool) -> Vec<(Option<&'c AreaId>, Duty)> {
    let former = catalogue.former_places(station.no);
    if former.is_empty() {
        return vec![(station.area.as_ref(), if retired { Duty::Retired } else { Duty::Standing })];
    }
    let [begin, end] = [i64::MIN, i64::MAX].map(Timestamp::from_micros);
    let starts = std::iter::once(begin).chain(former.iter().map(|place| place.until));
    let ends = former.iter().map(|place| place.until).chain([end]);
    let areas = former.iter().map(|place| place.area.as_ref()).chain([station.area.as_ref()]);
    let duty = |from, to| if retired { Duty::RetiredBetween { from, to } } else { Duty::StandingBetween { from, to } };
    starts.zip(ends).zip(areas).map(|((from, to), area)| (area, duty(from, to))).collect()
}

/// Whether an area is another one, or lies in it.
fn is_inside(catalogue: &Catalogue, inner: Option<&AreaId>, outer: &AreaId) -> bool {
    let up = |id: &AreaId| catalogue.area(id).and_then(|area| area.parent.clone());
    std::iter::successors(inner.cloned(), up).take(DEPTH_MAX).any(|id| id == *outer)
}
