//! Other forms of a page: observations as rows of a table (18-088, clause 12.2), features of GeoJSON, and CSV.

use serde_json::{Map, Value as Json, json};

use super::entity::{self, entity, self_link};
use super::list::Page;
use super::rows::Row;
use super::scene::Scene;
use crate::api::problem::{Code, Problem};
use crate::sensorthings::{Expand, Options, Relation, Set};

/// What a row of observations has when nothing is selected.
const COMPONENTS: [&str; 5] = ["id", "phenomenonTime", "result", "resultTime", "resultQuality"];

/// One table for the observations of each Datastream that follow each other.
pub(super) fn data_array(
    scene: &Scene,
    page: &Page<'_>,
    options: &Options,
    next: Option<String>,
) -> Result<Json, Problem> {
    if !options.expand.is_empty() {
        return Err(Problem::new(Code::NotImplemented, "$expand: a data array has no expanded entities"));
    }
    let named = |name: &str| if name == "@iot.id" { "id".to_owned() } else { name.to_owned() };
    let components: Vec<String> = match &options.select {
        None => COMPONENTS.map(str::to_owned).to_vec(),
        Some(names) => names.iter().map(|name| named(name)).collect(),
    };
    let mut tables: Vec<(String, Vec<Json>)> = Vec::new();
    for row in &page.rows {
        scene.count_entity()?;
        let Some(stream) = row.one(scene, Set::Datastreams) else { continue };
        let link = self_link(scene, &stream);
        let cell = |name: &String| match name.as_str() {
            "id" => json!(row.id(scene)),
            "@iot.selfLink" => json!(self_link(scene, row)),
            name => row.part(scene, name).json(),
        };
        let cells = Json::Array(components.iter().map(cell).collect());
        match tables.last_mut().filter(|(before, _)| *before == link) {
            Some((_, rows)) => rows.push(cells),
            None => tables.push((link, vec![cells])),
        }
    }
    let told = tables.into_iter().map(|(link, rows)| {
        json!({
            "Datastream@iot.navigationLink": link,
            "components": components,
            "dataArray@iot.count": rows.len(),
            "dataArray": rows,
        })
    });
    let mut answer = Map::new();
    answer.extend(page.count.map(|count| ("@iot.count".to_owned(), json!(count))));
    answer.extend(next.map(|next| ("@iot.nextLink".to_owned(), json!(next))));
    answer.insert("value".to_owned(), Json::Array(told.collect()));
    Ok(Json::Object(answer))
}

/// A feature for each entity; what it has expanded is among its properties, with names joined by `/`.
pub(super) fn geo_json(
    scene: &Scene,
    page: &Page<'_>,
    options: &Options,
    next: Option<String>,
) -> Result<Json, Problem> {
    check_flat(&options.expand)?;
    let feature = |row: &Row<'_>| {
        let properties = flat(entity(scene, row, options)?);
        let geometry = row.position(scene).map(|at| json!({ "type": "Point", "coordinates": [at.lon, at.lat] }));
        let properties: Map<String, Json> = properties.into_iter().collect();
        Ok::<Json, Problem>(json!({
            "type": "Feature", "id": row.id(scene), "geometry": geometry, "properties": properties,
        }))
    };
    let features = page.rows.iter().map(feature).collect::<Result<Vec<_>, _>>()?;
    let mut answer = Map::new();
    answer.insert("type".to_owned(), json!("FeatureCollection"));
    answer.extend(page.count.map(|count| ("@iot.count".to_owned(), json!(count))));
    answer.extend(next.map(|next| ("@iot.nextLink".to_owned(), json!(next))));
    answer.insert("features".to_owned(), Json::Array(features));
    Ok(Json::Object(answer))
}

/// A header row, then one row an entity. Columns are those of all entities of the page, in the order of `$select` or of
/// the standard; what is expanded comes last.
pub(super) fn csv(scene: &Scene, page: &Page<'_>, options: &Options) -> Result<Vec<u8>, Problem> {
    check_flat(&options.expand)?;
    let rows = page.rows.iter().map(|row| entity(scene, row, options).map(flat)).collect::<Result<Vec<_>, _>>()?;
    let mut columns: Vec<&str> = Vec::new();
    for (name, _) in rows.iter().flatten() {
        if !columns.contains(&name.as_str()) {
            columns.push(name);
        }
    }
    let set = page.rows.first().map(Row::set);
    let written = ["@iot.id", "@iot.selfLink"].into_iter().chain(set.into_iter().flat_map(Set::properties).copied());
    let order: Vec<&str> = match &options.select {
        Some(names) => names.iter().map(String::as_str).collect(),
        None => written.collect(),
    };
    columns.sort_by_key(|column| {
        let first = column.split('/').next().unwrap_or_default();
        order.iter().position(|name| *name == first).unwrap_or(usize::MAX)
    });
    let mut writer = csv::Writer::from_writer(Vec::new());
    if !columns.is_empty() {
        writer.write_record(&columns).map_err(Problem::internal)?;
    }
    for row in &rows {
        let cells = columns.iter().map(|column| {
            let found = row.iter().find(|(name, _)| name == column).map(|(_, value)| value);
            match found {
                None | Some(Json::Null) => String::new(),
                Some(Json::String(text)) => text.clone(),
                Some(other) => other.to_string(),
            }
        });
        writer.write_record(cells).map_err(Problem::internal)?;
    }
    writer.into_inner().map_err(Problem::internal)
}

/// Several entities do not fit into one row.
fn check_flat(expand: &[Expand]) -> Result<(), Problem> {
    for one in expand {
        if let Relation::Many(set) = one.relation {
            let why = format!("$expand: {} are several, and a row has one: ask for them themselves", set.name());
            return Err(Problem::new(Code::NotImplemented, why));
        }
        check_flat(&one.options.expand)?;
    }
    Ok(())
}

/// The members of an object with those inside it, without links.
fn flat(entity: Map<String, Json>) -> Vec<(String, Json)> {
    let mut found = Vec::new();
    for (name, value) in entity {
        match value {
            _ if name.ends_with("@iot.navigationLink") => {}
            // A place is a whole.
            Json::Object(members) if !members.contains_key("coordinates") => {
                found.extend(flat(members).into_iter().map(|(inner, value)| (format!("{name}/{inner}"), value)));
            }
            value => found.push((name, value)),
        }
    }
    found
}

/// The addresses of entities alone.
pub(super) fn references(scene: &Scene, page: &Page<'_>, next: Option<String>) -> Json {
    let links: Vec<Json> = page.rows.iter().map(|row| json!({ "@iot.selfLink": self_link(scene, row) })).collect();
    let mut answer = Map::new();
    answer.extend(page.count.map(|count| ("@iot.count".to_owned(), json!(count))));
    answer.extend(next.map(|next| ("@iot.nextLink".to_owned(), json!(next))));
    answer.insert("value".to_owned(), Json::Array(links));
    Json::Object(answer)
}

/// The entities themselves.
pub(super) fn entities(
    scene: &Scene,
    page: &Page<'_>,
    options: &Options,
    next: Option<String>,
) -> Result<Json, Problem> {
    let rows = page.rows.iter().map(|row| entity::entity(scene, row, options).map(Json::Object));
    let mut answer = Map::new();
    answer.extend(page.count.map(|count| ("@iot.count".to_owned(), json!(count))));
    answer.extend(next.map(|next| ("@iot.nextLink".to_owned(), json!(next))));
    answer.insert("value".to_owned(), Json::Array(rows.collect::<Result<Vec<_>, _>>()?));
    Ok(Json::Object(answer))
}
