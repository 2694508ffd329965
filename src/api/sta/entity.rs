//! One entity as JSON (18-088, clause 8.1): what is selected of it, links to what it leads to, and what is expanded.

use serde_json::{Map, Value as Json, json};

use super::list::{self, Next};
use super::rows::{Part, Row};
use super::scene::{Many, Scene};
use crate::api::problem::Problem;
use crate::api::query::escaped;
use crate::sensorthings::{Expand, Options, Relation, Value};

/// The root of the service.
pub(super) const ROOT: &str = "/sta/v1.1";

/// The address of an entity.
pub(super) fn self_link(scene: &Scene, row: &Row<'_>) -> String {
    // A colon may stand in a path (RFC 3986, 3.3), and is easier to read.
    let id = escaped(&row.id(scene)).replace("%3A", ":");
    scene.base.link(&format!("{ROOT}/{}('{id}')", row.set().name()))
}

/// A property, or what is inside it.
pub(super) fn looked_into(part: Part, rest: &[String]) -> Value {
    if rest.is_empty() {
        return match part {
            Part::Null => Value::Null,
            Part::Text(text) => Value::Text(text),
            Part::Number(number) => Value::number(number),
            Part::Time(at) => Value::Time(at),
            Part::Point(at) => Value::Shape(Box::new(geo::Geometry::Point(geo::Point::new(at.lon, at.lat)))),
            Part::Object(json) => Value::of_json(json),
        };
    }
    Value::of_json(inside(&part.json(), rest).cloned().unwrap_or(Json::Null))
}

/// What stands at the end of a way into an object.
pub(super) fn inside<'j>(json: &'j Json, way: &[String]) -> Option<&'j Json> {
    way.iter().try_fold(json, |json, name| match json {
        Json::Object(members) => members.get(name),
        Json::Array(items) => items.get(name.parse::<usize>().ok()?),
        _ => None,
    })
}

/// An entity, whole or what is selected of it.
pub(super) fn entity(scene: &Scene, row: &Row<'_>, options: &Options) -> Result<Map<String, Json>, Problem> {
    scene.count_entity()?;
    let set = row.set();
    let link = self_link(scene, row);
    let mut entity = Map::new();
    if options.selects("@iot.selfLink") {
        entity.insert("@iot.selfLink".to_owned(), json!(link));
    }
    if options.selects("@iot.id") {
        entity.insert("@iot.id".to_owned(), json!(row.id(scene)));
    }
    for name in set.properties().iter().filter(|name| options.selects(name)) {
        match row.part(scene, name) {
            Part::Null => {}
            part => {
                entity.insert((*name).to_owned(), part.json());
            }
        }
    }
    for relation in set.relations() {
        let name = relation.name();
        match options.expand.iter().find(|expand| expand.relation == *relation) {
            Some(expand) => expanded(scene, row, expand, &link, &mut entity)?,
            None if options.selects(name) => {
                entity.insert(format!("{name}@iot.navigationLink"), json!(format!("{link}/{name}")));
            }
            None => {}
        }
    }
    Ok(entity)
}

fn expanded(
    scene: &Scene,
    row: &Row<'_>,
    expand: &Expand,
    link: &str,
    entity: &mut Map<String, Json>,
) -> Result<(), Problem> {
    let name = expand.relation.name();
    let set = match expand.relation {
        Relation::One(set) => {
            let one = row.one(scene, set).map(|row| self::entity(scene, &row, &expand.options)).transpose()?;
            entity.insert(name.to_owned(), one.map_or(Json::Null, Json::Object));
            return Ok(());
        }
        Relation::Many(set) => set,
    };
    let page = match row.many(scene, set) {
        Many::Rows(rows) => list::of_rows(scene, rows, set, &expand.options)?,
        Many::Samples(lines) => list::of_samples(scene, lines, &expand.options)?,
    };
    let rows = page.rows.iter().map(|row| self::entity(scene, row, &expand.options).map(Json::Object));
    entity.insert(name.to_owned(), Json::Array(rows.collect::<Result<Vec<_>, _>>()?));
    if let Some(count) = page.count {
        entity.insert(format!("{name}@iot.count"), json!(count));
    }
    if let Some(next) = page.next {
        let written = expand.written.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let query = next_query(written, next);
        entity.insert(format!("{name}@iot.nextLink"), json!(format!("{link}/{name}?{query}")));
    }
    Ok(())
}

/// The same question from its next page on.
pub(super) fn next_query<'q>(asked: impl Iterator<Item = (&'q str, &'q str)>, next: Next) -> String {
    let kept = asked.filter(|(name, _)| !matches!(*name, "$skip" | "$skiptoken"));
    let last = match next {
        Next::Skip(count) => format!("$skip={count}"),
        Next::Token(token) => format!("$skiptoken={}", token.text()),
    };
    let part = |(name, value): (&str, &str)| format!("{name}={}", escaped(value));
    kept.map(part).chain([last]).collect::<Vec<_>>().join("&")
}
