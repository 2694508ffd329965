//! `/sta/v1.1`: OGC SensorThings 1.1 (18-088), the reading side, over the registry and the store.
//!
//! The language is `sensorthings`'; here are the entities and the answers. Everything is read as of one catalogue, on a
//! blocking thread and in turn with other readers of history, and costs a bounded number of samples and entities.
//! Invariants: a caller is told of its areas alone; what is not offered is refused with 501 and a sentence, never
//! ignored; all pages of a question together give each entity once while nothing changes.
//! What is new is published over MQTT, too ([`observations`]).
//! Left out on purpose: writing (devices publish over MQTT or `/api/v1/intake`), MultiDatastreams, tasking.

mod entity;
mod formats;
mod list;
mod live;
mod rows;
mod samples;
mod scene;

use axum::Json;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::base::Base;
use super::door::{Allowed, SeeHistory};
use super::headers::REVALIDATE;
use super::problem::{Code, Missing, Problem, Refused};
use super::query::{Asked, Nothing};
use super::stations::GEO_JSON;
use crate::sensorthings::{self, Address, End, Options, Relation, ResultFormat, Set};
use entity::{ROOT, inside, next_query, self_link};
use list::{Page, refused};
pub use live::observations;
use rows::{Row, all, by_id};
use scene::{Many, Scene};

/// What Saola keeps to.
const CONFORMANCE: [&str; 3] = [
    "http://www.opengis.net/spec/iot_sensing/1.1/req/datamodel",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/resource-path/resource-path-to-entities",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/request-data",
];

/// Entity sets of SensorThings 1.1 with their addresses.
#[utoipa::path(get, path = "/sta/v1.1", operation_id = "listEntitySets", tag = "standards",
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The entity sets", body = Object), Refused))]
pub async fn landing(_door: Allowed<SeeHistory>, base: Base, Asked(Nothing): Asked<Nothing>) -> Json<Value> {
    Json(sets(&base))
}

/// The same, as clients ask that end every folder with a slash.
#[utoipa::path(get, path = "/sta/v1.1/", operation_id = "listEntitySetsBelow", tag = "standards",
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The entity sets", body = Object), Refused))]
pub async fn landing_below(_door: Allowed<SeeHistory>, base: Base, Asked(Nothing): Asked<Nothing>) -> Json<Value> {
    Json(sets(&base))
}

fn sets(base: &Base) -> Value {
    let told = |set: Set| json!({ "name": set.name(), "url": base.link(&format!("{ROOT}/{}", set.name())) });
    json!({ "value": Set::ALL.map(told), "serverSettings": { "conformance": CONFORMANCE } })
}

/// Entities of SensorThings 1.1, or one of them, or a part of it.
///
/// Addresses and options are the standard's: `Things('ID')/Datastreams`, `Datastreams('ID')/Observations`, `/$ref`,
/// `/name`, `/name/$value`. Stations are Things, channels Datastreams, samples Observations. Identifiers are texts.
/// At most 1,000 entities or 10,000 observations are sent at once; `@iot.nextLink` leads to the next.
#[utoipa::path(get, path = "/sta/v1.1/{*address}", operation_id = "readEntities", tag = "standards",
    params(
        ("address" = String, Path, description = "What is asked for", example = "Things"),
        ("$filter" = Option<String>, Query, description = "Only where this holds: comparisons, and/or/not, arithmetic, \
            functions of texts, times, numbers and geometries"),
        ("$expand" = Option<String>, Query, description = "What is sent along, with options of its own in parentheses"),
        ("$select" = Option<String>, Query, description = "Only these properties"),
        ("$orderby" = Option<String>, Query, description = "The order: keys with `asc` or `desc`"),
        ("$top" = Option<u64>, Query, description = "How many at most; 100 when absent"),
        ("$skip" = Option<u64>, Query, description = "How many are left out before"),
        ("$count" = Option<bool>, Query, description = "Whether all are counted"),
        ("$skiptoken" = Option<String>, Query, description = "Where to go on, as `@iot.nextLink` has it"),
        ("resultFormat" = Option<String>, Query, description = "dataArray, GeoJSON or CSV")),
    security(("token" = []), ("session" = [])),
    responses(
        (status = 200, description = "What was asked for",
            content((Object = "application/json"), (Object = "application/geo+json"), (String = "text/csv"),
                (String = "text/plain"))),
        (status = 422, description = "The answer would cost too much; `detail` says how to narrow the question"),
        (status = 501, description = "The standard has it and this service does not"),
        Refused, Missing))]
pub async fn read(door: Allowed<SeeHistory>, base: Base, uri: Uri) -> Result<Response, Problem> {
    answer(door, base, uri).await.map_err(Problem::as_odata)
}

async fn answer(door: Allowed<SeeHistory>, base: Base, uri: Uri) -> Result<Response, Problem> {
    let question = Question::of(&uri)?;
    let turn = door.turns().acquire_owned().await.map_err(Problem::internal)?;
    let work = move || {
        let _turn = turn;
        let scene = Scene::new(door.parts(), |catalogue| door.sight(catalogue), base);
        question.answer(&scene)
    };
    let done = tokio::task::spawn_blocking(work).await;
    let mut response = done.map_err(Problem::internal)??;
    response.headers_mut().insert(CACHE_CONTROL, REVALIDATE);
    Ok(response)
}

/// What is asked.
struct Question {
    /// The address as it was written, below the root.
    written: String,
    address: Address,
    options: Options,
    pairs: Vec<(String, String)>,
}

/// What an address leads to.
enum Target<'a> {
    One(Row<'a>),
    Many(Many<'a>),
}

impl Question {
    fn of(uri: &Uri) -> Result<Self, Problem> {
        let nowhere = |why: String| Problem::new(Code::NotFound, why);
        let written = uri.path().strip_prefix(ROOT).unwrap_or_default().trim_start_matches('/').to_owned();
        let decoded =
            unescaped(&written).ok_or_else(|| nowhere("the address holds bytes that are not UTF-8".into()))?;
        let address = sensorthings::parse_path(&decoded).map_err(|why| nowhere(why.to_string()))?;
        let pairs = pairs(uri.query().unwrap_or_default())?;
        let given = || pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let options = Options::parse(address.last_set(), given()).map_err(refused("query"))?;
        if address.is_of_one() {
            let of_one = ["$expand", "$select"];
            if let Some((name, _)) = given().find(|(name, _)| !of_one.contains(name)) {
                let why = format!("{name}: one entity takes $expand and $select alone");
                return Err(Problem::new(Code::InvalidParameter, why));
            }
        }
        Ok(Self { written, address, options, pairs })
    }

    fn answer(&self, scene: &Scene) -> Result<Response, Problem> {
        match self.target(scene)? {
            Target::One(row) => self.of_one(scene, &row),
            Target::Many(many) => {
                let set = self.address.last_set();
                let page = match many {
                    Many::Rows(rows) => list::of_rows(scene, rows, set, &self.options)?,
                    Many::Samples(lines) => list::of_samples(scene, lines, &self.options)?,
                };
                self.of_page(scene, &page)
            }
        }
    }

    fn target<'a>(&self, scene: &'a Scene) -> Result<Target<'a>, Problem> {
        let Address { set, id, steps, .. } = &self.address;
        let missing = |set: Set, id: &str| Problem::not_found(set.singular(), id);
        let Some(id) = id else { return Ok(Target::Many(all(scene, *set))) };
        let mut row = by_id(scene, *set, id)?.ok_or_else(|| missing(*set, id))?;
        for step in steps {
            row = match (step.relation, &step.id) {
                (Relation::One(set), _) => row.one(scene, set).ok_or_else(|| missing(set, &row.id(scene)))?,
                (Relation::Many(set), None) => return Ok(Target::Many(row.many(scene, set))),
                (Relation::Many(set), Some(id)) => {
                    let found = by_id(scene, set, id)?.filter(|found| leads_to(scene, &row, found));
                    found.ok_or_else(|| missing(set, id))?
                }
            };
        }
        Ok(Target::One(row))
    }

    fn of_one(&self, scene: &Scene, row: &Row<'_>) -> Result<Response, Problem> {
        let nothing = |way: &[String]| Problem::not_found("property", &way.join("/"));
        let part = |way: &[String]| {
            let (first, rest) = way.split_first().ok_or_else(|| nothing(way))?;
            let whole = match first.as_str() {
                "@iot.id" => json!(row.id(scene)),
                "@iot.selfLink" => json!(self_link(scene, row)),
                name => row.part(scene, name).json(),
            };
            inside(&whole, rest).cloned().filter(|found| !found.is_null()).ok_or_else(|| nothing(way))
        };
        match &self.address.end {
            End::Whole => Ok(Json(entity::entity(scene, row, &self.options)?).into_response()),
            End::Reference => Ok(Json(json!({ "@iot.selfLink": self_link(scene, row) })).into_response()),
            End::Property(way) => {
                let name = way.last().cloned().unwrap_or_default();
                Ok(Json(Map::from_iter([(name, part(way)?)])).into_response())
            }
            End::Raw(way) => Ok(match part(way)? {
                Value::String(text) => ([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response(),
                value @ (Value::Object(_) | Value::Array(_)) => Json(value).into_response(),
                other => ([(CONTENT_TYPE, "text/plain; charset=utf-8")], other.to_string()).into_response(),
            }),
        }
    }

    fn of_page(&self, scene: &Scene, page: &Page<'_>) -> Result<Response, Problem> {
        let next = page.next.map(|next| {
            let pairs = self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            scene.base.link(&format!("{ROOT}/{}?{}", self.written, next_query(pairs, next)))
        });
        let options = &self.options;
        if self.address.end == End::Reference {
            return Ok(Json(formats::references(scene, page, next)).into_response());
        }
        let mut response = match options.format {
            ResultFormat::Entities => Json(formats::entities(scene, page, options, next)?).into_response(),
            ResultFormat::DataArray if self.address.last_set() != Set::Observations => {
                return Err(Problem::new(Code::NotImplemented, "resultFormat: a data array is of Observations"));
            }
            ResultFormat::DataArray => Json(formats::data_array(scene, page, options, next)?).into_response(),
            ResultFormat::GeoJson => {
                let mut response = Json(formats::geo_json(scene, page, options, next)?).into_response();
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(GEO_JSON));
                response
            }
            ResultFormat::Csv => {
                let text = formats::csv(scene, page, options)?;
                let mut response = ([(CONTENT_TYPE, "text/csv; charset=utf-8")], text).into_response();
                // A table has no room for the next page's address.
                let link = next.and_then(|next| HeaderValue::from_str(&format!("<{next}>; rel=\"next\"")).ok());
                if let Some(link) = link {
                    response.headers_mut().insert(axum::http::header::LINK, link);
                }
                response
            }
        };
        response.headers_mut().entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        Ok(response)
    }
}

/// Whether one entity leads to another.
fn leads_to(scene: &Scene, from: &Row<'_>, to: &Row<'_>) -> bool {
    let id = to.id(scene);
    match (from, to) {
        (Row::Datastream(_, own), Row::Observation(_, channel, _)) => own.id == channel.id,
        (Row::Feature(station, place), Row::Observation(other, _, sample)) => {
            station.no == other.no && scene.place_at(other, sample.observed_at) == *place
        }
        _ => match from.many(scene, to.set()) {
            Many::Rows(mut rows) => rows.any(|row| row.id(scene) == id),
            Many::Samples(_) => false,
        },
    }
}

/// The names and values of a query, percent-decoded.
fn pairs(query: &str) -> Result<Vec<(String, String)>, Problem> {
    let wrong = || Problem::new(Code::InvalidParameter, "the query holds bytes that are not UTF-8");
    let parts = query.split('&').filter(|part| !part.is_empty());
    let pair = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        // As forms are written: a space may come as a plus.
        let text = |text: &str| unescaped(&text.replace('+', " ")).ok_or_else(wrong);
        Ok((text(name)?, text(value)?))
    };
    parts.map(pair).collect()
}

/// Percent-decoded; `None` when that is not UTF-8. A `%` that begins no code stands for itself.
fn unescaped(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let (mut decoded, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(byte) = bytes.get(at) {
        let code = (*byte == b'%').then(|| digit(at + 1).zip(digit(at + 2))).flatten();
        match code.and_then(|(high, low)| u8::try_from(high * 16 + low).ok()) {
            Some(code) => {
                decoded.push(code);
                at += 3;
            }
            None => {
                decoded.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8(decoded).ok()
}
